#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# The guide's commands on this machine: every packet that testpmd has sent arrives and decodes.

load common

# all_arrived TEXT - the fabric got exactly as many packets as testpmd sent
all_arrived() {
	local sent
	sent=$(forwarded "$1" TX-packets)
	((sent > 1000)) || fail "hardly anything was sent: $sent" "$1" || return
	await stat_is 0 wire_tx "$sent" || fail "sent $sent, arrived $(adapter_stat 0 wire_tx)" || return
	equal 0 "$(adapter_stat 0 wire_bad)" "frames that do not decode"
}

@test "guide: single queue" {
	adapter --port mac=$MAC0,fabric=sink+verify
	run testpmd_for 3 --vdev="$ADDRESS,mac=$MAC0" -- --forward-mode=txonly --auto-start \
		--txd=128 --rxd=128 --stats 2
	contains "$output" "Probe PCI driver: net_manakin .1414:00ba. device: $ADDRESS"
	contains "$output" "NIC statistics for port 0"
	contains "$output" "TX-errors: 0 "
	all_arrived "$output"
}

@test "guide: multiple queues" {
	adapter --port mac=$MAC0,fabric=sink+verify
	LCORES=(--lcores "(0-5)@($CPUS)")
	run testpmd_for 3 --vdev="$ADDRESS,mac=$MAC0" -- --forward-mode=txonly --auto-start \
		--nb-cores=4 --txd=128 --rxd=128 --txq=8 --rxq=8 --stats 2
	contains "$output" "port 0: RX queue number: 8 Tx queue number: 8"
	all_arrived "$output"
}

@test "without mac= every port is an ethdev" {
	adapter --port mac=$MAC0 --port mac=$MAC1
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}"
	run testpmd "show port summary all"
	contains "$output" "^Number of available ports: 2"
	contains "$output" "00:0D:3A:76:3B:D0 ${ADDRESS}_port0 +net_manakin"
	contains "$output" "00:0D:3A:76:3B:D1 ${ADDRESS}_port1 +net_manakin"
	testpmd_quit
}

@test "with mac= only the named ports are ethdevs" {
	adapter --port mac=$MAC0 --port mac=$MAC1 --port mac=00:0d:3a:76:3b:d2
	testpmd_start --vdev="$ADDRESS,mac=00:0D:3A:76:3B:D2,mac=$MAC1" -- "${SMALL[@]}"
	run testpmd "show port summary all"
	contains "$output" "^Number of available ports: 2"
	contains "$output" "${ADDRESS}_port1 "
	contains "$output" "${ADDRESS}_port2 "
	testpmd_quit
}

@test "64 queues" {
	adapter --port mac=$MAC0,fabric=sink+verify,queues=64
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=64 --txq=64 --rxd=64 --txd=64
	testpmd "set fwd txonly" "start"
	sleep 3
	run testpmd "stop" "show port xstats 0"
	local stats=$output queue
	all_arrived "$stats"
	for queue in 0 31 63; do
		(($(xstat "$stats" "tx_queue_${queue}_packets") > 0)) || fail "queue $queue sent nothing"
	done
	testpmd_quit
}

@test "64 queues: each of them receives packets" {
	adapter --port mac=$MAC0,fabric=generator:size=64,rate=50000,queues=64
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=64 --txq=64 --rxd=64 --txd=64
	run testpmd "set fwd rxonly" "start" "sleep 2" "stop" "show port xstats 0"
	local queue
	for queue in $(seq 0 63); do
		(($(xstat "$output" "rx_queue_${queue}_packets") > 0)) || fail "queue $queue got nothing"
	done
	testpmd_quit
}

@test "every kind of DPDK memory works" {
	local options
	# Virtual addresses for --legacy-mem: otherwise it needs physically contiguous memory,
	# and a test cannot know how much of that there is.
	for options in --single-file-segments --in-memory "--legacy-mem --iova-mode=va" \
		"--no-huge -m 128" \
		--iova-mode=va --match-allocations; do
		adapter --port mac=$MAC0,fabric=sink+verify
		# shellcheck disable=SC2086
		run testpmd_for 1 $options --vdev="$ADDRESS,mac=$MAC0" -- --forward-mode=txonly \
			--total-num-mbufs=4096 --auto-start --stats 1
		all_arrived "$output" || fail "with $options"
		adapter_stop
	done
}
