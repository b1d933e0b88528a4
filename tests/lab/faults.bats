#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Faults, and what the stock driver of Debian 13 does about them: Linux 6.12, which recovers from nothing
# by itself. What takes long is in faults-long.bats; Linux 7.2 is in forky-faults.bats.

load faults

setup_file() {
	faults_setup --root-port
}

@test "a status at ip link set up, for a receive queue: the command fails, and the next one does not" {
	fault 'on command CREATE_WQ_OBJ 3: status 0x10006'
	run ! guest guest 'ip link set eth1 up'
	[[ $output == *'Cannot allocate memory'* ]]
	said 'HWC: Failed hw_channel req: 0x10006'
	guest guest 'ip link set eth1 up'
	guest guest 'ip link set eth1 down'
	works
}

# mana_create_vport() leaves the vPort in use: docs/faults-linux.md.
@test "a status at ip link set up, for a send queue: the interface stays busy until the driver is loaded again" {
	local begun=$SECONDS
	fault 'on command CREATE_WQ_OBJ 1: status 0x10006'
	run ! guest guest 'ip link set eth1 up'
	[[ $output == *'Protocol error'* ]]
	run ! guest guest 'ip link set eth1 up'
	[[ $output == *'Device or resource busy'* ]]
	works
	reload
	guest guest 'ip link set eth1 up; ip link set eth1 down'
	recovered $begun
}

@test "a short answer and one that is too long: the command fails, and the next one does not" {
	fault 'on command QUERY_GF_STAT 1: short 8' 'on command QUERY_GF_STAT 2: long 8'
	guest guest 'ethtool -S eth0 >/dev/null; ethtool -S eth0 >/dev/null'
	equal 2 "$(said 'eth0: Failed to query GF stats: -71' | wc -l)" 'failed commands'
	guest guest 'dmesg -C; ethtool -S eth0 >/dev/null'
	guest_content guest
	works
}

# Linux 6.12 learns how long to wait when it is loaded, and only then.
@test "commands that are answered late, and never: each times out, a late answer is dropped, and all is well after the next interrupt" {
	adapter_control mana0 timeout $HWC_MS
	reload
	fault 'on command QUERY_GF_STAT 1: late 6s'
	guest guest 'ethtool -S eth0 >/dev/null'
	said 'HWC: Request timed out!'
	said 'eth0: Failed to query GF stats: -110'
	says 'hwc_rx: invalid msg_id = 0'
	guest guest 'dmesg -C; ethtool -S eth0 >/dev/null'
	guest_content guest
	works

	fault 'on interrupt 0 1: lost'
	guest guest 'ethtool -S eth0 >/dev/null'
	said 'HWC: Request timed out!'
	works
	fault 'at 1us: interrupt 0'
	says 'hwc_rx: invalid msg_id = 0'
	guest guest 'dmesg -C; ethtool -S eth0 >/dev/null'
	guest_content guest
}

@test "during probe a command is never answered, and the next time one fails: there are no interfaces, until the driver is loaded again" {
	guest guest 'rmmod mana_ib mana'
	adapter_control mana0 timeout $HWC_MS
	fault 'on command LIST_DEVICES 1: never' 'on command QUERY_DEV_CONFIG 1: status 0x10006'
	guest guest 'modprobe mana; udevadm settle'
	said 'HWC: Request timed out!'
	said 'gdma probe failed: err = -110'
	equal lo "$(guest guest 'ls /sys/class/net' | xargs)" 'interfaces'
	adapter_control mana0 timeout $USUAL_MS
	guest guest 'rmmod mana; modprobe mana; udevadm settle'
	said 'gdma probe failed: err = -71'
	equal lo "$(guest guest 'ls /sys/class/net' | xargs)" 'interfaces'
	reload
	works
}

@test "a send queue that stalls: the driver stops it when it is full, nothing says so, and it goes on where it was" {
	local sent stopped woken begun
	guest guest 'ethtool -L eth0 combined 1'
	stopped=$(counted eth0 stop_queue)
	sent=$(adapter_counter mana0 0 tx_packets)
	fault 'at 1us: sq 0.0 stall'
	begun=$SECONDS
	flood 400
	run ! reaches
	(($(counted eth0 stop_queue) > stopped)) || fail 'the driver has not stopped the queue'
	woken=$(counted eth0 wake_queue)
	fault
	recovered $begun
	(($(counted eth0 wake_queue) > woken)) || fail 'the driver has not woken the queue'
	(($(adapter_counter mana0 0 tx_packets) >= sent + 400)) || fail 'packets are lost'
	run ! said 'WATCHDOG|timed out'
	guest guest 'ethtool -L eth0 combined 2'
	works
}

@test "completions with an error: the driver counts each, drops its packet and goes on" {
	local type errors
	errors=$(counted eth0 tx_cq_err)
	for type in 33 36 38 41; do
		fault "on sq 0.any packet 1: error $type"
		run ! reaches
		said "TX: CQE error $type"
		works
	done
	equal $((errors + 4)) "$(counted eth0 tx_cq_err)" tx_cq_err
	fault 'on sq 0.any completion 1: error 60'
	reaches
	said 'TX: unknown CQE type 60'
	equal 1 "$(counted eth0 tx_cqe_unknown_type)" tx_cqe_unknown_type
	works
}

@test "a received packet is truncated: it is dropped, and counted" {
	local dropped
	dropped=$(guest guest 'cat /sys/class/net/eth0/statistics/rx_dropped')
	fault 'on rq 0.any completion 1: error truncated'
	run ! reaches
	said 'Dropped a truncated packet'
	equal $((dropped + 1)) "$(guest guest 'cat /sys/class/net/eth0/statistics/rx_dropped')" rx_dropped
	works
}

# The driver reads the next packet from the buffer of this one: docs/faults-linux.md.
@test "a received packet of an unknown type: the queue is one buffer behind, until it is created again" {
	local before
	guest guest 'ethtool -L eth0 combined 1'
	fault 'on rq 0.any completion 1: error 20'
	run ! reaches
	said 'Unknown RX CQE type = 20'
	equal 1 "$(counted eth0 rx_cqe_unknown_type)" rx_cqe_unknown_type
	before=$(answers guest)
	run ! reaches
	run ! reaches
	all_answered "$before" 2 0 guest # those to the pings before
	interface
	works
	guest guest 'ethtool -L eth0 combined 2'
	works
}

@test "the interrupt of an Ethernet queue is lost: nothing is sent or received, until the next one" {
	local begun=$SECONDS
	guest guest 'ethtool -L eth0 combined 1'
	fault 'on interrupt 1 1: lost'
	run ! reaches
	run ! reaches
	fault 'at 1us: interrupt 1'
	recovered $begun
	guest_content guest
	guest guest 'ethtool -L eth0 combined 2'
}

@test "interrupts that come twice, late, or for nothing do no harm" {
	fault 'on interrupt any every 2: twice' 'on interrupt any every 5: late 20ms' 'every 5ms: interrupt 1'
	works
	guest guest 'ethtool -S eth0 >/dev/null'
	fine
}

@test "a reset request, an FPGA, SOC service, a changed time-out, an unknown event: Linux 6.12 knows none of them" {
	fault 'on signal go: reset, fpga reconfigure, soc suspend, timeout 1000' 'on signal go: event 200 1'
	adapter_control mana0 fault signal go
	works
	guest guest 'ibv_devinfo -d mana_0 >/dev/null'
	guest_content guest
}

@test "the link goes down and up: Linux 6.12 keeps the carrier, and what is sent meanwhile is lost" {
	fault 'at 1us: link 0 down'
	run ! reaches
	carrier eth0 1
	adapter_control mana0 link 0 up
	recovered $SECONDS
}

@test "the function is removed by sysfs, and the root port with it: a scan finds them, and traffic goes on" {
	local path begun=$SECONDS
	for path in 0000:01:00.0 0000:00:10.0; do
		guest guest "echo 1 >/sys/bus/pci/devices/$path/remove"
		equal lo "$(guest guest 'ls /sys/class/net' | xargs)" 'interfaces'
		guest guest 'echo 1 >/sys/bus/pci/rescan; udevadm settle'
		interface
		recovered $begun
		begun=$SECONDS
	done
	fine
}

@test "at the end the driver unloads and loads, and the adapter holds no queue too many" {
	guest guest 'dmesg -C'
	reload
	works
	guest_content guest
	equal 2 "$(adapter_counter mana0 0 queues)" "eth0's queues"
	equal 0 "$(adapter_counter mana0 1 queues)" "eth1's queues"
}
