#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Faults, and what the stock driver of Linux 7.2 (Debian testing) does about them: it resets its queues
# and itself, and follows what the adapter asks for. 6.12 is in faults.bats.

load faults

setup_file() {
	faults_setup --suite forky --root-port
}

# rdma - is the verbs device there, and its port active?
rdma() {
	guest guest 'ibv_devinfo -d mana_0' | grep -E 'state:[[:space:]]+PORT_ACTIVE'
}

@test "the query that comes every two seconds is not answered: the driver resets itself, and eth0 keeps its address" {
	local begun=$SECONDS
	adapter_control mana0 timeout $HWC_MS
	fault 'on command QUERY_GF_STAT 1: never'
	says 'Gf stats wk handler: gf stats query timed out'
	said "Command 0x20[0-9a-f]* timed out: $HWC_MS ms"
	says 'Start MANA service type:135'
	says 'MANA reset cycle completed'
	recovered $begun
	await rdma
}

@test "the hardware channel falls silent: the driver resets itself" {
	local begun=$SECONDS
	adapter_control mana0 timeout $HWC_MS
	fault 'at 1us: channel silent'
	says 'MANA reset cycle completed'
	recovered $begun
	await rdma
}

@test "a reset request, with and without its data bit: the driver goes down for 10 s and comes back" {
	local begun data
	for data in '' 1; do
		guest guest 'dmesg -C'
		begun=$SECONDS
		fault "at 1us: reset $data"
		says 'MANA reset cycle start'
		says 'MANA reset cycle completed'
		recovered $begun
	done
	await rdma
}

@test "another request during service is refused" {
	local begun=$SECONDS
	fault 'at 1us: reset, reset'
	says 'Already in service'
	says 'MANA reset cycle completed'
	recovered $begun
}

# Everything behind the root port is new: eth0 needs its address again.
@test "an FPGA is reconfigured: the driver takes the root port off the bus, and finds it again after 10 s" {
	local begun=$SECONDS
	fault 'at 1us: fpga reconfigure'
	says 'Start MANA service type:132'
	says 'pci 0000:00:10.0: .*PCIe Root Port'
	says 'pci 0000:01:00.0: \[1414:00ba\]'
	await guest guest 'ls /sys/bus/pci/devices/0000:01:00.0/net/eth0'
	guest guest 'udevadm settle'
	interface
	recovered $begun
	await rdma
}

@test "SOC service: RDMA is suspended and resumed, and Ethernet goes on" {
	fault 'at 1us: soc suspend'
	await guest guest '! ibv_devinfo -d mana_0'
	works
	fault 'at 1us: soc resume'
	await rdma
	works
	run ! said 'mana.*([Ff]ail|[Uu]nknown)'
}

@test "a send queue stalls and goes on: the watchdog sees it, and the driver makes new queues" {
	local begun=$SECONDS
	guest guest 'ethtool -L eth0 combined 1'
	fault 'at 1us: sq 0.0 stall'
	flood 400
	says 'NETDEV WATCHDOG: .*transmit queue 0 timed out'
	fault
	recovered $begun
	run ! said 'mana_(detach|attach) failed'
	guest guest 'ethtool -L eth0 combined 2'
	works
}

@test "a send queue stalls for good: after two minutes the driver resets the function and then itself" {
	local begun=$SECONDS
	guest guest 'ethtool -L eth0 combined 1'
	fault 'at 1us: sq 0.0 stall'
	flood 400
	says 'NETDEV WATCHDOG: .*transmit queue 0 timed out'
	says 'MANA reset cycle completed'
	recovered $begun
	guest guest 'ethtool -L eth0 combined 2'
	works
}

@test "a status during probe: the driver goes into recovery mode, and has its interfaces after 10 s" {
	local begun
	guest guest 'rmmod mana_ib mana'
	fault 'on command QUERY_DEV_CONFIG 1: status 0x10006'
	begun=$SECONDS
	guest guest 'modprobe mana'
	said 'gdma probe failed: err = -71'
	says 'Start MANA recovery mode'
	says 'MANA service: GC not setup, rescanning'
	await guest guest 'ls /sys/class/net/eth0'
	guest guest 'modprobe mana_ib; udevadm settle'
	interface
	recovered $begun
}

@test "the interrupt of an Ethernet queue is lost: nothing is sent or received, until the next one" {
	local begun=$SECONDS
	guest guest 'ethtool -L eth0 combined 1'
	fault 'on interrupt 1 1: lost'
	run ! reaches
	fault 'at 1us: interrupt 1'
	recovered $begun
	guest guest 'ethtool -L eth0 combined 2'
}

@test "completions with an error, a truncated packet: counted, and the driver goes on" {
	fault 'on sq 0.any packet 1: error 36' 'on sq 0.any completion 2: error 60'
	run ! reaches
	reaches
	said 'TX: CQE error 36'
	said 'TX: unknown CQE type 60'
	fault 'on rq 0.any completion 1: error truncated'
	run ! reaches
	said 'Dropped a truncated packet'
	works
}

@test "the function is removed by sysfs: a scan finds it, and traffic goes on" {
	local begun=$SECONDS
	guest guest 'echo 1 >/sys/bus/pci/devices/0000:01:00.0/remove; echo 1 >/sys/bus/pci/rescan; udevadm settle'
	interface
	recovered $begun
	fine
}

@test "an adapter on the root bus, and its FPGA is reconfigured: the driver finds no bridge, and refuses all later service" {
	adapter_start mana1 --port fabric=sink
	guest_start other --suite forky --cpus 1 --memory 1G --attach "$(adapter_socket mana1)"
	guest_ready other
	adapter_control mana1 fault add 'at 1us: fpga reconfigure'
	guest other 'until dmesg | grep "MANA service: no parent bus"; do sleep 0.2; done'
	adapter_control mana1 reset
	guest other 'until dmesg | grep "Already in service"; do sleep 0.2; done'
	run ! guest other 'dmesg | grep "reset cycle"'
}
