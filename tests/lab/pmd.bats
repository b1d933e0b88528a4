#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The poll-mode driver on the kernel's adapter: what dpdk.bats tests with net_mana, and more.

load pmd

MAC=00:0d:3a:76:3d
PORTS=(
	sink+verify sink+verify
	generator:count=100000,proto=mixed     # 2
	pcap+replay=@ pcap:@                   # 3, 4
	generator                              # 5
	generator:rate=100                     # 6
	loop                                   # 7
	sink+verify                            # 8
	generator:size=64,rate=20000,queues=64 # 9
	sink+verify,queues=64                  # 10
	pcap+replay=@ pcap:@                   # 11, 12
	pcap+replay=@ pcap:@                   # 13, 14
)

setup_file() {
	replay 3 --count 5000
	replay 11 --count 1000
	replay 13 --count 1000 --kinds $IP,icmp4,arp
	pmd_start
}

teardown_file() {
	lab_stop
}

@test "the driver named with -d claims the adapter, and without it net_mana does" {
	testpmd guest "$(mac 0)" 1-2 "${FEW[@]}" <<<"show port info 0"
	said 'Driver name: net_manakin'
	guest guest 'mv /usr/local/bin/dpdk-testpmd /usr/local/bin/ours'
	testpmd guest "$(mac 0)" 1-2 "${FEW[@]}" <<<"show port info 0"
	guest guest 'mv /usr/local/bin/ours /usr/local/bin/dpdk-testpmd'
	grep -E 'Driver name: net_mana$' "$(testpmd_output)"
}

@test "the interface left up: the port does not start, and says what to do" {
	guest guest 'ip link set eth0 up'
	testpmd guest "$(mac 0)" 1-2 --disable-device-start "${FEW[@]}" <<<"port start 0"
	said "belongs to the kernel's interface eth0, which is up; run: ip link set eth0 down"
	guest guest 'ip link set eth0 down'
}

@test "an address that no port has is refused, and the message lists those that exist" {
	in_guest guest "echo quit | dpdk-testpmd -l 1-2 --no-telemetry \
		--vdev=0000:00:10.0,mac=00:00:00:00:00:01 -- -i ${FEW[*]}"
	said "no port of the adapter at 0000:00:10.0 has the address 00:00:00:00:00:01; it has $(mac 0)"
}

@test "the guide's single queue command: every packet that testpmd sends arrives" {
	local before
	before=$(wire 0) # the kernel's, when its interface was up
	guide guest 1 "$(mac 0)" 'Tx-pps: *[1-9]' 2
	echo "$(forward_stat 0 TX-packets) packets"
	(($(forward_stat 0 TX-packets) > 1000))
	equal "$(forward_stat 0 TX-packets)" $(($(wire 0) - before)) 'packets that arrived'
}

@test "a single queue: every packet that testpmd counts as sent arrives" {
	txonly 8
}

@test "the guide's multiple queue command: every packet that testpmd sends arrives" {
	guide_queues 1
	equal "$(forward_stat 0 TX-packets)" "$(wire 1)" 'packets that arrived'
}

@test "64 queues: each of them receives and sends" {
	many_queues 9 10 64
}

@test "queues that stop while the adapter gets no CPU: every packet sent arrives" {
	held_up 8
}

@test "rxonly: every packet of the generator is received" {
	rxonly 2 100000
}

@test "io between two vPorts: packets leave as they came, byte for byte" {
	io 3 4 5000
}

@test "macswap: the addresses are exchanged, and nothing else" {
	swap 11 12 1000 macswap
}

@test "5tswap: the addresses and ports are exchanged, and nothing else" {
	swap 13 14 1000 5tswap
}

@test "RSS: what the kernel's driver cannot do is reported, and the port keeps working" {
	testpmd guest "$(mac 5)" 1-2 --disable-device-start --rxq=3 --txq=3 "${FEW[@]}" <<<"port start 0"
	said 'accepts only RSS tables in which 1, 2, 4, 8... queues take turns'
	testpmd guest "$(mac 5)" 1-2 --forward-mode=rxonly --rxq=2 --txq=2 "${FEW[@]}" <<-END
		start
		port config 0 rss-hash-key ipv4-udp $KEY
		clear port stats 0
		until RX-packets:.[1-9] show port stats 0
		stop
	END
	said 'changes the RSS key and table only while the port is stopped'
}

@test "several receive queues without RSS: packets are spread nevertheless" {
	testpmd guest "$(mac 5)" 1-2 --forward-mode=rxonly --disable-rss --rxq=2 --txq=2 "${FEW[@]}" <<-END
		start
		sleep 1
		stop
	END
	equal 2 "$(queue_stat RX-packets | awk '$2 > 0' | wc -l)" 'queues that received'
}

# stop_queues QUEUES COMMAND... - how many queues send after the commands
stop_queues() {
	local queues=$1
	shift
	testpmd guest "$(mac 8)" 1-2 --forward-mode=txonly --rxq=2 --txq=2 "${FEW[@]}" <<-END
		$(printf '%s\n' "$@")
		start
		sleep 1
		stop
	END
	queue_stat TX-packets
	equal "$queues" "$(queue_stat TX-packets | awk '$2 > 0' | wc -l)" 'queues that sent'
}

@test "a send queue is stopped and started while the port runs; a receive queue is not" {
	stop_queues 1 'port 0 txq 1 stop'
	stop_queues 2 'port 0 txq 1 stop' 'port 0 txq 1 start' 'port 0 rxq 1 stop'
	said 'cannot stop receive queue 1'
}

@test "what the kernel does not report of its adapter: the link counts as up, the firmware version as 0.0.0" {
	testpmd guest "$(mac 0)" 1-2 "${FEW[@]}" <<<"show port info 0"
	said 'Link status: up'
	said 'Firmware-version: 0.0.0'
}

@test "external memory of the application: every packet sent from it arrives" {
	local before
	before=$(wire 0)
	testpmd guest "$(mac 0)" 1-2 --mp-alloc=xmem --forward-mode=txonly "${FEW[@]}" <<-END
		start
		sleep 1
		stop
	END
	(($(forward_stat 0 TX-packets) > 1000))
	equal "$(forward_stat 0 TX-packets)" $(($(wire 0) - before)) 'packets that arrived'
}

# waiter MILLISECONDS PORT - see tests/native/waiter.c
waiter() {
	in_guest guest "${PLUGIN%/*}/waiter -d $PLUGIN -l 1 --no-telemetry \
		--vdev=0000:00:10.0,mac=$(mac "$2") -- $1"
	cat "$(testpmd_output)"
}

# value NAME - a value that the waiter printed
value() {
	sed -n "s/^$1 //p" "$(testpmd_output)"
}

@test "receive interrupts: packets wake the application" {
	waiter 2000 6
	(($(value packets) >= 50)) || fail "$(value packets) packets in 2 s, not 200"
	(($(value wakes) >= 25)) || fail "woken $(value wakes) times"
}

@test "receive interrupts: without packets no CPU time is used" {
	waiter 2000 0
	equal 0 "$(value packets)" 'packets where none come'
	equal 0 "$(value wakes)" 'wake-ups without a packet'
	(($(value cpu) < 100)) || fail "used $(value cpu) ms of CPU while it slept"
}

@test "a secondary process sends and receives" {
	in_guest guest "
		common='--no-telemetry --vdev=0000:00:10.0,mac=$(mac 7)'
		options='--rxq=2 --txq=2 --num-procs=2 ${FEW[*]}'
		mkfifo /tmp/primary
		dpdk-testpmd -l 1-2 --proc-type=primary \$common -- -i \$options --proc-id=0 \
			</tmp/primary >/tmp/primary.out 2>&1 &
		exec 9>/tmp/primary
		until grep -q 'testpmd>' /tmp/primary.out; do
			sleep 0.1
		done
		primary=\$!
		dpdk-testpmd -l 3-4 --proc-type=secondary \$common -- \$options --proc-id=1 \
			--forward-mode=io --tx-first --auto-start --stats 1 >/tmp/secondary.out 2>&1 &
		until grep -qE '^ *TX-packets: *[0-9]{4}' /tmp/secondary.out; do
			sleep 0.2
		done
		kill -INT \$!
		wait \$!
		cat /tmp/secondary.out
		echo quit >&9
		wait \$primary
		rm /tmp/primary"
	echo "$(forward_stat 0 RX-packets) received, $(forward_stat 0 TX-packets) sent"
	(($(forward_stat 0 TX-packets) > 1000))
	(($(forward_stat 0 RX-packets) > 1000))
}

@test "testpmd killed in full traffic, again and again: nothing leaks, and the next one works" {
	killed_again 5
}

@test "neither the adapter nor the guest's kernel reports a problem" {
	adapter_content mana0
	guest_content guest
}

# The last test, because the adapter reports a doorbell that arrives after its queue is gone.
@test "the kernel's driver is removed in full traffic: the application is notified, and ends cleanly" {
	local before
	before=$(adapter_counter mana0 5 wire_tx)
	in_guest guest "
		mkfifo /tmp/in
		dpdk-testpmd -l 1-2 --no-telemetry --vdev=0000:00:10.0,mac=$(mac 5) -- \
			-i --forward-mode=macswap ${FEW[*]} </tmp/in >/tmp/out 2>&1 &
		exec 9>/tmp/in
		until grep -q 'testpmd>' /tmp/out; do
			sleep 0.1
		done
		echo start >&9
		sleep 2
		echo 0000:00:10.0 >/sys/bus/pci/drivers/mana/unbind
		until grep -q 'device removal event' /tmp/out; do
			sleep 0.1
		done
		echo stop >&9
		echo quit >&9
		wait \$!
		status=\$?
		cat /tmp/out
		echo 0000:00:10.0 >/sys/bus/pci/drivers/mana/bind
		exit \$status"
	said 'Port 0: link state change event'
	said 'Bye...'
	(($(adapter_counter mana0 5 wire_tx) > before)) || fail 'there was no traffic'
	# The driver works as before once it is loaded again.
	testpmd guest "$(mac 5)" 1-2 --forward-mode=macswap "${FEW[@]}" <<-END
		start
		until RX-packets:.[1-9] show port stats 0
		stop
	END
}
