#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# RDMA: queue pairs of the stock mana_ib and libmana carry data over RoCEv2, between two guests on one
# switch and within one.

load common

MAC_A=00:0d:3a:00:00:21
MAC_B=00:0d:3a:00:00:22
A=192.0.2.21 A6=2001:db8::21
B=192.0.2.22 B6=2001:db8::22

setup_file() {
	local machine='--cpus 2 --memory 1G'
	adapter_start rdma0 --port "mac=$MAC_A,fabric=switch" \
		--socket "$(adapter_socket rdma1)" --port "mac=$MAC_B,fabric=switch"
	guest_start a $machine --attach "$(adapter_socket rdma0)"
	guest_start b $machine --attach "$(adapter_socket rdma1)"
	guest_ready a b
	guest_interface a eth0 1500 $A/24 $A6/64
	guest_interface b eth0 1500 $B/24 $B6/64
}

teardown_file() {
	lab_stop
}

# in_guest - for a guest: pingpong ADDRESS OPTION... is ibv_rc_pingpong with that address's GID, which the
# kernel adds a moment after the address. A client tries until the server listens
in_guest() {
	declare -f pingpong
}
pingpong() {
	local gid index output bytes table=/sys/class/infiniband/mana_0/ports/1/gids
	if [[ $1 == *:* ]]; then
		gid=$(printf '2001:0db8:0000:0000:0000:0000:0000:%04x' "0x${1##*:}")
	else
		IFS=. read -ra bytes <<<"$1"
		gid=$(printf '0000:0000:0000:0000:0000:ffff:%02x%02x:%02x%02x' "${bytes[@]}")
	fi
	shift
	until index=$(grep -lx "$gid" "$table"/* 2>/dev/null); do sleep 0.1; done
	until output=$(ibv_rc_pingpong -d mana_0 -g "${index##*/}" -c "$@" 2>&1); do
		# "to remote QP" is another matter.
		grep -q "Couldn't connect to [^ ]*:[0-9]" <<<"$output" || break
		sleep 0.1
	done
	echo "$output"
	[[ $output == *' iters in '* && $output != *'invalid data'* ]]
}

# between OPTION... - a server in b, a client in a; both check each byte
between() {
	between_gids $A $B "$@"
}

# between_gids A B OPTION... - the same, with the GIDs of these addresses
between_gids() {
	local server a=$1 b=$2
	shift 2
	server=$(lab_file server)
	guest b "$(in_guest); pingpong $b $*" >"$server" 3>&- &
	guest a "$(in_guest); pingpong $a $* $B" || fail "$(cat "$server")"
	wait $! || fail "$(cat "$server")"
}

# within OPTION... - both in a
within() {
	guest a "$(in_guest); pingpong $A $* >/tmp/server & pingpong $A $* $A && wait \$! ||
		{ cat /tmp/server; false; }"
}

@test "ibv_rc_pingpong within one guest: 300 messages, and 1 MB, polled and by events; every byte is right" {
	within -n 300
	within -n 10 -s 1048576
	within -n 200 -e
}

@test "ibv_rc_pingpong between two guests: 1 byte to 8 MB, MTU 256 and 1024; every byte is right" {
	between -n 300
	between -n 100 -s 1
	between -n 5 -s 1048577
	between -n 3 -s 8388608
	between -n 20 -s 65536 -m 256
}

@test "ibv_rc_pingpong between two guests with events, with few receives, and with many" {
	between -n 200 -e
	between -n 200 -r 2
	between -n 500 -r 400 -s 100
}

@test "ibv_rc_pingpong between two guests over IPv6" {
	# The kernel gives a neighbour a second to be found when a queue pair connects.
	guest a "until ping -c 1 $B6 >/dev/null; do :; done"
	guest b "until ping -c 1 $A6 >/dev/null; do :; done"
	between_gids $A6 $B6 -n 300
	between_gids $A6 $B6 -n 5 -s 1048577
}

@test "pings are answered beside RDMA, none is lost" {
	local before
	before=$(answers a)
	guest b "$(in_guest); pingpong $B -n 1000 -s 4096" >"$(lab_file server)" 3>&- &
	guest a "$(in_guest); pingpong $A -n 1000 -s 4096 $B >/tmp/client & ping -q -A -c 200 -W 60 $B; wait \$! ||
		{ cat /tmp/client; false; }"
	wait $!
	all_answered "$before" 200 0 a || fail "$(counters a rdma0)" "$(counters b rdma1)"
}

@test "queue pairs come and go: 25 runs leave no memory behind, and mana_ib unloads and loads" {
	local before after
	guest a "$(in_guest); for i in {1..5}; do pingpong $A -n 2 >/dev/null & pingpong $A -n 2 $A && wait; done" >/dev/null
	before=$(adapter_memory rdma0)
	guest a "$(in_guest); for i in {1..20}; do pingpong $A -n 2 >/dev/null & pingpong $A -n 2 $A && wait; done" >/dev/null
	after=$(adapter_memory rdma0)
	((after < before + 2048)) || fail "memory grew from $before to $after kB"
	guest a 'rmmod mana_ib && modprobe mana_ib'
	within -n 10
}

@test "neither the adapters nor the guests' kernels report a problem" {
	adapter_content rdma0
	adapter_content rdma1
	guest_content a
	guest_content b
}
