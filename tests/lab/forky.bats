#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Debian forky: a kernel 7.x, whose mana handles link and reset events, creates event queues
# per vPort and has a separate verbs device for Ethernet; and a newer DPDK. What all
# kernels do alike is tested in the other files, and only once here. The suite changes, so
# tests ask for a minimum version, never for an exact one.

load dpdk

MAC0=00:0d:3a:76:3b:e0
MAC1=00:0d:3a:76:3b:e1
HOST=192.0.2.1 GUEST=192.0.2.2 HOST6=2001:db8::1 GUEST6=2001:db8::2

setup_file() {
	adapter_start mana0 --port "mac=$MAC0,mtu=9000,fabric=tap:lab0" \
		--port "mac=$MAC1,fabric=sink+verify"
	dpdk_start guest --suite forky --attach "$(adapter_socket mana0)"
	interface_up lo 65536
	interface_up lab0 1500 $HOST/24 $HOST6/64
	dpdk_ready guest
	guest_interface guest eth0 1500 $GUEST/24 $GUEST6/64
}

teardown_file() {
	lab_stop
}

# carrier INTERFACE VALUE - has the guest's interface this carrier?
carrier() {
	[[ $(guest guest "cat /sys/class/net/$1/carrier") == "$2" ]]
}

# pinged N - N pings each way, over IPv4 and IPv6, each after the answer to the one before
pinged() {
	local address here there
	here=$(answers) there=$(answers guest)
	for address in $HOST $HOST6; do
		guest guest "ping -q -A -c $1 -W 60 $address" || :
	done
	for address in $GUEST $GUEST6; do
		ping -q -A -c "$1" -W 60 $address || :
	done
	all_answered "$there" "$1" "$1" guest || fail "$(counters guest mana0)"
	all_answered "$here" "$1" "$1" || fail "$(counters guest mana0)"
}

@test "kernel 7 or newer: its mana drives both vPorts, and mana_ib is there" {
	local kernel info
	kernel=$(guest guest 'uname -r')
	((${kernel%%.*} >= 7)) || fail "the kernel is $kernel"
	grep -F "driver on Linux $kernel" "$(lab_file mana0).log"
	guest guest 'ethtool -i eth0' | grep -x 'driver: mana'
	equal "$MAC0 $MAC1" "$(guest guest 'cat /sys/class/net/eth[01]/address' | xargs)" 'addresses'
	info=$(guest guest 'ibv_devinfo -d mana_0')
	grep -E 'state:[[:space:]]+PORT_ACTIVE' <<<"$info"
	grep -E 'link_layer:[[:space:]]+Ethernet' <<<"$info"
}

@test "200 pings each way, IPv4 and IPv6: none lost; 20 of 9000 bytes" {
	local before
	pinged 200
	ip link set lab0 mtu 9000
	guest guest 'ip link set eth0 mtu 9000'
	await ping -c 1 -w 1 $GUEST
	before=$(answers)
	ping -q -A -c 20 -W 60 -s 8972 -M "do" $GUEST || :
	all_answered "$before" 20 0
	ip link set lab0 mtu 1500
	guest guest 'ip link set eth0 mtu 1500'
	await ping -c 1 -w 1 $GUEST
}

@test "iperf3 both ways with 4 streams ends cleanly, with TSO" {
	iperf guest $GUEST -P 4 -t 2
	iperf guest $GUEST -P 4 -t 2 -R
	(($(adapter_counter mana0 0 tx_tso) > 100)) || fail 'TSO was not used'
}

# counted NAME... - each of these counters has counted
counted() {
	local statistics name
	statistics=$(guest guest 'ethtool -S eth0')
	for name; do
		[[ $statistics =~ [[:space:]]$name:\ [1-9] ]] || return
	done
}

@test "ethtool: statistics of driver, function and port are right; queues and indirection table can be set" {
	local statistics
	# The driver asks the adapter every two seconds.
	await counted rx_0_packets tx_0_packets hc_rx_ucast_pkts hc_tx_bytes hc_tc0_rx_pkt_phy hc_tc0_tx_byte_phy
	statistics=$(guest guest 'ethtool -S eth0')
	run ! grep -E '(hc_tx_err|tx_cq_err|unknown_type|len0_err).*: [1-9]' <<<"$statistics"
	guest guest 'ethtool -L eth0 combined 2'
	equal 2 "$(adapter_counter mana0 0 queues)" "the adapter's queues"
	guest guest 'ethtool -X eth0 weight 0 1'
	equal 1 "$(guest guest 'ethtool -x eth0' | grep -E '^ +[0-9]+:' | cut -d: -f2 | xargs -n 1 |
		sort -u | xargs)" 'queues in the table'
	pinged 20
	guest guest 'ethtool -X eth0 default; ethtool -L eth0 combined 4'
	equal 4 "$(adapter_counter mana0 0 queues)" "the adapter's queues"
}

@test "ethtool -C: up to four packets per completion, and one again" {
	local coalesced
	equal 0 "$(adapter_counter mana0 0 rx_coalesced)" 'before it is turned on'
	guest guest 'ethtool -C eth0 rx-cqe-frames 4'
	iperf guest $GUEST -n 16M
	coalesced=$(adapter_counter mana0 0 rx_coalesced)
	((coalesced > 100)) || fail "only $coalesced packets came together with others"
	guest guest 'ethtool -S eth0' | grep -E 'rx_[0-9]_coalesced_cqe_4: [1-9]'
	guest guest 'ethtool -C eth0 rx-cqe-frames 1'
	coalesced=$(adapter_counter mana0 0 rx_coalesced)
	iperf guest $GUEST -n 4M
	equal "$coalesced" "$(adapter_counter mana0 0 rx_coalesced)" 'after it was turned off'
}

@test "the guide's single queue command, with forky's DPDK: what testpmd sends arrives" {
	guide_single 1 $MAC1
}

@test "neither the guest's kernel nor the adapter has reported a problem so far" {
	guest_content guest
	adapter_content mana0
}

# Packets that are sent before the kernel sees the carrier off fail, and the kernel says so.
@test "the interfaces' carrier follows the adapter's link" {
	local i
	for i in 1 2 3; do
		adapter_control mana0 link 0 down
		await carrier eth0 0
		run ! ping -q -c 2 -i 0.2 -W 1 $GUEST
		adapter_control mana0 link 0 up
		await carrier eth0 1
		await ping -c 1 -w 1 $GUEST
	done
	pinged 50
}

# The driver waits for 10 s before it comes up again. It goes down without waiting for answers,
# as if the adapter were dead, so the messages of either about that do not count.
@test "a reset request: the driver goes down and comes back with its address" {
	adapter_control mana0 timeout 20000
	adapter_control mana0 reset
	guest guest "until dmesg | grep -i 'reset cycle completed'; do sleep 0.5; done"
	await ping -c 1 -w 1 $GUEST
	pinged 50
	guest guest 'ibv_devinfo -d mana_0' | grep -E 'state:[[:space:]]+PORT_ACTIVE'
}
