#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The guide's commands, and what testpmd does most: send, receive, forward, be killed.
#
# The guest has seven CPUs, so that the guide's core lists (1-3 and 1-6) are valid. Its "> 9 cores"
# is what it takes to see the speed of eight
# queues; testpmd itself uses the six of the list.

load dpdk

MAC=00:0d:3a:76:3b
UNCOUNTED=$BURST
PORTS=(
	sink+verify sink+verify sink+verify
	generator:count=100000,proto=mixed # 3
	pcap+replay=@ pcap:@               # 4, 5
	generator                          # 6
	sink+verify                        # 7
)

setup_file() {
	replay 4 --count 5000
	ports_start
	dpdk_start guest --cpus 7 --attach "$(adapter_socket mana0)"
	dpdk_ready guest
}

teardown_file() {
	lab_stop
}

@test "the interface left up: testpmd fails with the guide's lines" {
	guest guest 'ip link set eth0 up'
	guide guest 1 "$(mac 0)" 'Port statistics' 2
	grep -F 'mana_start_tx_queues(): Failed to create qp queue index 0' "$(testpmd_output)"
	grep -F 'mana_dev_start(): failed to start tx queues -19' "$(testpmd_output)"
	equal 0 "$(port_stat 0 TX-packets)" 'packets sent'
	guest guest 'ip link set eth0 down'
}

@test "the guide's single queue command: what testpmd sends arrives" {
	guide_single 0 "$(mac 0)"
}

@test "a single queue: every packet that testpmd counts as sent arrives" {
	txonly 2
}

@test "the guide's multiple queue command: every packet that testpmd sends arrives" {
	local sent reported
	guide_queues 1
	sent=$(wire 1)
	reported=$(forward_stat 0 TX-packets)
	((reported > 0 && reported <= sent && sent - reported <= 8 * 128))
}

@test "queues that stop while the adapter gets no CPU: every packet sent arrives" {
	held_up 7
}

@test "rxonly: every packet of the generator is received" {
	rxonly 3 100000
}

@test "io between two vPorts: packets leave as they came, byte for byte" {
	io 4 5 5000
}

@test "testpmd killed in full traffic, again and again: nothing leaks, and the next one works" {
	killed_again 6
}

@test "neither the adapter nor the guest's kernel reports a problem" {
	adapter_content mana0
	guest_content guest
}
