#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# RDMA of the stock mana_ib and libmana under faults: bad links, processes and guests that are killed, queue
# pairs and links that vanish in traffic. After each, mana_ib unloads, and the next run works.

load dpdk
load rdma

setup_file() {
	rdma_start --socket "$(adapter_socket dpdk0)" --port "mac=$(mac 0),fabric=sink"
	neighbours
}

teardown_file() {
	lab_stop
}

# works - mana_ib unloads and loads in both guests, and data flows over both links
works() {
	reload a b
	between traffic -b -n 1 -e
	badly traffic -b -n 1 -e
}

@test "requests of all kinds, both ways: queue pairs, sizes, MTUs, seeds; polled and by events" {
	local seed
	for seed in 1 2 3; do
		between traffic -b -q 4 -r $seed
		between traffic -b -q 4 -r $seed -e -n 8
	done
	between traffic -n 2 -o 32 -s 1000000
	between traffic -b -o 1000 -s 256
	between traffic -b -q 3 -m 256
	between traffic -b -q 16 -o 32 -s 5000 -e
	between_addresses $A6 $B6 traffic -b -q 2
	within traffic -b -q 4 -n 2
	within traffic -b -q 4 -e
	works
}

@test "a link that loses, doubles and reorders 1 %: ibv_rc_pingpong, every byte is right" {
	badly pingpong -n 1000
	badly pingpong -n 1000 -s 1 -e
	badly pingpong -n 10 -s 1048577
	badly pingpong -n 2 -s 8388608
	badly pingpong -n 20 -s 65536 -m 256
	badly pingpong -n 500 -r 2
	works
}

@test "a link that loses, doubles and reorders 1 %: perftest ends" {
	local tool
	for tool in ib_send_bw ib_write_bw ib_read_bw; do
		badly perftest $tool -s 1 -n 1000
		badly perftest $tool -s 65536 -n 200
		badly perftest $tool -b -q 4 -s 4096 -n 200
	done
	badly perftest ib_send_lat -s 2 -n 1000
	badly perftest ib_write_lat -s 2 -n 1000
	badly perftest ib_read_lat -s 2 -n 1000
	works
}

@test "a link that loses, doubles and reorders 1 %: no byte is wrong, no completion is lost or doubled" {
	local seed kind
	for kind in s i w W r; do
		badly traffic -k $kind -n 2
	done
	for seed in 1 2 3; do
		badly traffic -b -q 4 -r $seed
		badly traffic -b -q 4 -r $seed -e
	done
	badly traffic -b -o 1000 -s 256
	badly traffic -b -q 3 -m 256
	badly traffic -b -q 16 -o 32 -s 5000 -e
	works
}

@test "a process is killed in traffic: its peer's queue pairs end in error" {
	traffic_in b $B -b -q 4 -e -K 2
	traffic_in a $A -b -q 4 -e -K 2 $B
	traffic_ended a 137
	traffic_ended b 3
	works
	traffic_in b $BAD_B -b -q 4 -K 2
	traffic_in a $BAD_A -b -q 4 -K 2 $BAD_B
	traffic_ended a 137
	traffic_ended b 3
	works
}

@test "a queue pair is destroyed in traffic: the others go on" {
	between traffic -b -q 4 -x 2
	badly traffic -b -q 4 -x 2 -e
	between traffic -q 2 -x 1
	works
}

@test "a link is down for 2 s in traffic, at either end: traffic goes on afterwards" {
	local end
	traffic_begin $A $B -b -q 4 -e
	for end in rdma0 rdma1; do
		flows rdma0 rdma1
		adapter_control $end link 0 down
		sleep 2
		adapter_control $end link 0 up
	done
	flows rdma0 rdma1
	traffic_end
	works
}

@test "500 times created, used and destroyed, beside traffic: nothing grows" {
	local memory resources
	traffic_begin $BAD_A $BAD_B -b -e
	between traffic -b -q 2 -n 1 -o 4 -s 3000 -c 50 -e
	memory=$(adapter_memory rdma0) resources=$(adapter_resources rdma0)
	between traffic -b -q 2 -n 1 -o 4 -s 3000 -c 250 -e
	between traffic -b -q 2 -n 1 -o 4 -s 3000 -c 250 -e
	echo "$memory kB, then $(adapter_memory rdma0) kB"
	(($(adapter_memory rdma0) <= memory + 256)) || fail 'memory has grown'
	equal "$resources" "$(adapter_resources rdma0)" 'what the adapters hold'
	flows bad0 bad1
	traffic_end
	works
}

# rate - of traffic that ended: kB in a second, of what a asked for
rate() {
	guest a 'cat /tmp/traffic.log' | awk '/all right/ { print int($3 / 1000 / ($6 + 1)) }'
}

# iperf_between - kB in a second over TCP
iperf_between() {
	guest b 'iperf3 -s -1 -D; until ss -Hltn sport = :5201 | grep -q .; do sleep 0.05; done'
	guest a "iperf3 -c $B -t 8 -J" | python3 -c '
import json, sys
print(int(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 8000))'
}

# fair ALONE BESIDE WHAT - is it a tenth of what it was alone, or more? They share two CPUs with all else
fair() {
	echo "$3: $1 alone, $2 beside the other"
	(($1 > 0 && $2 * 10 >= $1)) || fail "$3 is starved"
}

@test "TCP and RDMA through the same vPort: neither starves" {
	local tcp rdma both
	tcp=$(iperf_between)
	traffic_begin $A $B -e
	flows rdma0
	sleep 8
	traffic_end
	rdma=$(rate)
	traffic_begin $A $B -e
	flows rdma0
	both=$(iperf_between)
	traffic_end
	fair "$tcp" "$both" 'TCP, kB in a second'
	fair "$rdma" "$(rate)" 'RDMA, kB in a second'
}

# packets_of ADAPTER - that it sends in some seconds
packets_of() {
	local before
	before=$(sent "$1")
	sleep 8
	echo $(($(sent "$1") - before))
}

# testpmd_begin - the guide's testpmd sends on its own vPort
testpmd_begin() {
	guest dpdk 'rm -f /tmp/testpmd'
	guest dpdk "dpdk-testpmd -l 0-1 --vdev=\$(lspci -D -d 1414:00ba:0200 | cut -d' ' -f1),mac=$(mac 0) \
		-- --auto-start --forward-mode=txonly ${FEW[*]} --stats 1 </dev/null >/tmp/testpmd 2>&1 &"
	flows dpdk0
}

testpmd_end() {
	guest dpdk 'pkill -INT -x dpdk-testpmd'
	await guest dpdk '! pgrep -x dpdk-testpmd'
}

@test "testpmd and RDMA through vPorts of two guests: neither starves" {
	local testpmd rdma both
	dpdk_start dpdk --cpus 2 --attach "$(adapter_socket dpdk0)"
	dpdk_ready dpdk
	testpmd_begin
	testpmd=$(packets_of dpdk0)
	testpmd_end
	traffic_begin $A $B -e
	flows rdma0
	rdma=$(packets_of rdma0)
	testpmd_begin
	both=$(packets_of dpdk0)
	fair "$testpmd" "$both" 'packets of testpmd'
	fair "$rdma" "$(packets_of rdma0)" 'packets of RDMA'
	testpmd_end
	traffic_end
	guest_content dpdk
	guest_stop dpdk
}

@test "a guest is killed in traffic: its peer's queue pairs end in error, and a new guest works" {
	local memory resources
	memory=$(adapter_memory rdma0) resources=$(adapter_resources rdma0)
	traffic_begin $A $B -b -q 4 -e
	flows rdma0 rdma1
	kill -KILL "$(pgrep -P "$(<"$(lab_file a).pid")" -f qemu-system)"
	await gone a
	# Nobody has said that the peer is gone.
	traffic_ended b 4
	lab_end a
	rdma_guest a 0
	rdma_ready a $A $BAD_A $A6
	neighbours
	works
	echo "$memory kB, then $(adapter_memory rdma0) kB"
	(($(adapter_memory rdma0) <= memory + 1024)) || fail 'memory has grown'
	equal "$resources" "$(adapter_resources rdma0)" 'what the adapters hold'
}

@test "neither the adapters nor the guests' kernels report a problem" {
	adapter_content rdma0
	guest_content a
	guest_content b
}
