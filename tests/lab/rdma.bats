#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# RDMA: queue pairs of the stock mana_ib and libmana carry data over RoCEv2, between two guests on one
# switch and within one.

load common
load rdma

setup_file() {
	rdma_start
}

teardown_file() {
	lab_stop
}

@test "ibv_rc_pingpong within one guest: 300 messages, and 1 MB, polled and by events; every byte is right" {
	within pingpong -n 300
	within pingpong -n 10 -s 1048576
	within pingpong -n 200 -e
}

@test "ibv_rc_pingpong between two guests: 1 byte to 8 MB, MTU 256 and 1024; every byte is right" {
	between pingpong -n 300
	between pingpong -n 100 -s 1
	between pingpong -n 5 -s 1048577
	between pingpong -n 3 -s 8388608
	between pingpong -n 20 -s 65536 -m 256
}

@test "ibv_rc_pingpong between two guests with events, with few receives, and with many" {
	between pingpong -n 200 -e
	between pingpong -n 200 -r 2
	between pingpong -n 500 -r 400 -s 100
}

@test "ibv_rc_pingpong between two guests over IPv6" {
	neighbours
	between_addresses $A6 $B6 pingpong -n 300
	between_addresses $A6 $B6 pingpong -n 5 -s 1048577
}

@test "pings are answered beside RDMA, none is lost" {
	local before
	before=$(answers a)
	guest b "$(in_rdma_guest); pingpong $B -n 1000 -s 4096" >"$(lab_file server)" 3>&- &
	guest a "$(in_rdma_guest); pingpong $A -n 1000 -s 4096 $B >/tmp/client & ping -q -A -c 200 -W 60 $B; wait \$! ||
		{ cat /tmp/client; false; }"
	wait $!
	all_answered "$before" 200 0 a || fail "$(counters a rdma0)" "$(counters b rdma1)"
}

@test "requests of all kinds, several queue pairs, both ways: no byte is wrong, no completion is lost or duplicated" {
	between traffic -b -q 4 -e
	between traffic -q 2 -n 2
	within traffic -b -q 2 -n 2 -e
}

@test "the same on a link that loses, duplicates and reorders 1 %, and with ibv_rc_pingpong" {
	badly traffic -b -q 4 -e
	badly pingpong -n 100 -s 4096
	# It was bad, indeed.
	(($(adapter_counter bad0 0 wire_lost) > 0 && $(adapter_counter bad0 0 rdma_retransmitted) > 0))
}

@test "perftest: SEND, WRITE and READ, one way and both ways, 8 queue pairs, with immediate, with events, latency" {
	neighbours
	perftests 'ib_send_bw -n 300' 'ib_write_bw -n 300' 'ib_read_bw -n 300' \
		'ib_send_lat -n 300' 'ib_write_lat -n 300' 'ib_read_lat -n 300' \
		'ib_send_bw -n 200 -b' 'ib_write_bw -n 200 -b' 'ib_read_bw -n 200 -b' \
		'ib_send_bw -n 200 -q 8 -s 4096' 'ib_write_bw -n 200 -q 8 -s 4096' \
		'ib_write_bw -n 200 --write_with_imm' 'ib_send_bw -n 200 -e' 'ib_send_lat -n 100 -e'
}

@test "path MTU 256 to 4096: perftest, and requests of all kinds" {
	local output mtu
	rdma_mtu 9000
	neighbours
	output=$(perftests 'ib_write_bw -n 50 -m 256' 'ib_read_bw -n 50 -m 512' 'ib_send_bw -n 50 -m 1024' \
		'ib_read_bw -n 50 -m 2048' 'ib_write_bw -n 50 -m 4096') || fail "$output"
	for mtu in 256 512 1024 2048 4096; do
		grep -qE "^ Mtu +: $mtu\[B\]" <<<"$output" || fail "no run had an MTU of $mtu:" "$output"
	done
	between traffic -n 1 -b -m 256
	between traffic -n 1 -b -m 4096
	rdma_mtu 1500
}

@test "rdma-core's own tests pass, fail and skip as rdma-core.txt says" {
	local COMMAND_TIMEOUT=$((5 * PATIENCE)) # there are 321
	cp "$LAB_TESTS"/rdma-core.{py,txt} "$(lab_file share)"
	guest b "$(in_rdma_guest); read -r device index <<<\"\$(gid $B)\"; cd /usr/share/doc/rdma-core &&
		python3 /mnt/share/rdma-core.py /mnt/share/rdma-core.txt --dev \$device --gid \$index"
}

@test "a queue pair is destroyed in traffic, and a process is killed: the rest goes on, the peer's queue pairs end in error" {
	between traffic -b -q 3 -x 2 -e
	traffic_in b $B -b -q 2 -e -K 2
	traffic_in a $A -b -q 2 -e -K 2 $B
	traffic_ended a 137
	traffic_ended b 3
	between traffic -n 1 -e
}

@test "100 queue pairs come and go: no memory is left behind, and mana_ib unloads and loads" {
	local before after round
	within traffic -c 10 -q 2 -n 1 -o 4 -e
	before=$(adapter_memory rdma0)
	# Some of what is destroyed is freed later, inboxes of 256 KiB among it: what is left behind is there
	# after each round.
	for round in 1 2 3; do
		within traffic -c 25 -q 2 -n 1 -o 4 -e
		after=$(adapter_memory rdma0)
		((after >= before + 256)) || break
	done
	((after < before + 256)) || fail "memory grew from $before to $after kB"
	reload a b
	within pingpong -n 10
}

@test "neither the adapters nor the guests' kernels report a problem" {
	adapter_content rdma0
	guest_content a
	guest_content b
}
