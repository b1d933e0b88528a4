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

@test "requests of all kinds, both ways: queue pairs, sizes, MTUs, seeds; polled and with events" {
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

@test "a link that loses, duplicates and reorders 1 %: ibv_rc_pingpong, every byte is right" {
	badly pingpong -n 1000
	badly pingpong -n 1000 -s 1 -e
	badly pingpong -n 10 -s 1048577
	badly pingpong -n 2 -s 8388608
	badly pingpong -n 20 -s 65536 -m 256
	badly pingpong -n 500 -r 2
	works
}

@test "a link that loses, duplicates and reorders 1 %: perftest ends" {
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

@test "a link that loses, duplicates and reorders 1 %: no byte is wrong, no completion is lost or duplicated" {
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
	# The link was really bad.
	(($(adapter_counter bad0 0 wire_lost) > 0 && $(adapter_counter bad0 0 rdma_retransmitted) > 0))
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
	# The kernel reports packets of its own that found the link down, and only these.
	for end in a b; do
		guest $end "! dmesg | grep -E '$KERNEL_TROUBLE' | grep -v 'TX: CQE error 40\$' && dmesg -C"
	done
}

@test "500 queue pairs are created, used and destroyed during traffic: nothing grows" {
	local memory resources
	traffic_begin $BAD_A $BAD_B -b -e
	# What the first ones take, the next ones find again, or most of it.
	between traffic -b -q 10 -n 1 -o 2 -s 3000 -c 25 -e
	memory=$(adapter_memory rdma0) resources=$(adapter_resources rdma0)
	between traffic -b -q 10 -n 1 -o 2 -s 3000 -c 25 -e
	between traffic -b -q 10 -n 1 -o 2 -s 3000 -c 25 -e
	echo "$memory kB, then $(adapter_memory rdma0) kB"
	# A thousand at both ends together, of which each has an inbox of 256 KiB and more
	(($(adapter_memory rdma0) <= memory + 2048)) || fail 'memory has grown'
	equal "$resources" "$(adapter_resources rdma0)" 'what the adapters hold'
	flows bad0 bad1
	traffic_end
	works
}

# measure ADAPTER - packets of queue pairs that rdma0 sends in some seconds, and of Ethernet that ADAPTER sends
measure() {
	local rdma ethernet
	rdma=$(adapter_counter rdma0 0 rdma_tx_packets) ethernet=$(adapter_counter "$1" 0 tx_packets)
	sleep 5
	echo "$(($(adapter_counter rdma0 0 rdma_tx_packets) - rdma)) $(($(adapter_counter "$1" 0 tx_packets) - ethernet))"
}

# neither_starves ADAPTER GUEST PROGRAM - RDMA from a, and PROGRAM, which sends through ADAPTER: first each
# alone, then both, in turn, as the machine may have other work. Does each get at least a twentieth of its rate
# alone? The bottleneck is this machine's CPUs, which emulate the guests
neither_starves() {
	local round counts rdma_alone=0 ethernet_alone=0 rdma=0 ethernet=0
	for round in 1 2 3; do
		guest a 'pkill -STOP -x rdma-traffic'
		read -ra counts <<<"$(measure "$1")"
		ethernet_alone=$((ethernet_alone + counts[1]))
		guest a 'pkill -CONT -x rdma-traffic'
		read -ra counts <<<"$(measure "$1")"
		rdma=$((rdma + counts[0])) ethernet=$((ethernet + counts[1]))
		guest "$2" "pkill -STOP -x $3"
		read -ra counts <<<"$(measure "$1")"
		rdma_alone=$((rdma_alone + counts[0]))
		guest "$2" "pkill -CONT -x $3"
	done
	echo "packets of RDMA: $rdma_alone alone, $rdma with $3; of $3: $ethernet_alone alone, $ethernet with RDMA"
	((rdma_alone > 0 && ethernet_alone > 0)) || fail 'there was no traffic'
	((rdma * 20 >= rdma_alone)) || fail 'RDMA is starved'
	((ethernet * 20 >= ethernet_alone)) || fail "$3 is starved"
}

@test "TCP and RDMA through the same vPort: neither starves" {
	guest b 'iperf3 -s -1 -D; until ss -Hltn sport = :5201 | grep -q .; do sleep 0.05; done'
	guest a "iperf3 -c $B -t 3600 </dev/null >/dev/null 2>&1 &"
	traffic_begin $A $B -e -q 4 -o 2000 -s 200
	flows rdma0
	neither_starves rdma0 a iperf3
	guest a 'pkill -KILL -x iperf3'
	traffic_end
}

# testpmd_sent COUNT - packets that testpmd has sent through the vPort of rdma0
testpmd_sent() {
	(($(adapter_counter rdma0 0 tx_packets) >= $1))
}

@test "the guide's testpmd and RDMA through the same vPort: neither starves" {
	local options='-n 0 -e -q 4 -o 2000 -s 200' bus
	# testpmd needs the interface down: the two ends meet over the other one.
	traffic_in b $B -l $BAD_B $options
	traffic_in a $A $options $BAD_B
	flows rdma0
	bus=$(guest a "ethtool -i eth0 | awk '\$1 == \"bus-info:\" { print \$2 }'; ip link set eth0 down
		echo 128 >/proc/sys/vm/nr_hugepages")
	guest a "dpdk-testpmd -l 0-1 --vdev=$bus,mac=$MAC:21 \
		-- --auto-start --forward-mode=txonly ${FEW[*]} --stats 1 </dev/null >/tmp/testpmd 2>&1 &"
	await testpmd_sent $(($(adapter_counter rdma0 0 tx_packets) + 1000)) || fail "$(guest a 'tail -n 30 /tmp/testpmd')"
	flows rdma0
	neither_starves rdma0 a dpdk-testpmd
	traffic_end
	guest a 'pkill -INT -x dpdk-testpmd'
	await guest a '! pgrep -x dpdk-testpmd'
	guest_interface a eth0 1500 $A/24 $A6/64
	neighbours
	works
}

@test "the guide's testpmd and RDMA through vPorts of two guests: neither starves" {
	dpdk_start dpdk --cpus 2 --attach "$(adapter_socket dpdk0)"
	dpdk_ready dpdk
	guest dpdk "dpdk-testpmd -l 0-1 --vdev=\$(lspci -D -d 1414:00ba:0200 | cut -d' ' -f1),mac=$(mac 0) \
		-- --auto-start --forward-mode=txonly ${FEW[*]} --stats 1 </dev/null >/tmp/testpmd 2>&1 &"
	await has_sent dpdk0 1000
	traffic_begin $A $B -e -q 4 -o 2000 -s 200
	flows rdma0
	neither_starves dpdk0 dpdk dpdk-testpmd
	traffic_end
	guest dpdk 'pkill -INT -x dpdk-testpmd'
	await guest dpdk '! pgrep -x dpdk-testpmd'
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
	# Nobody says that the peer is gone.
	traffic_ended b 3
	lab_end a
	rdma_guest a rdma0 bad0
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
