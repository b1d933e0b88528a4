#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Life and death of ports, adapters and processes; and the messages when something is wrong.

load common

# refused PATTERN ARGUMENT... - testpmd ends with a message, exactly once, and does not crash
refused() {
	local pattern=$1 status=0
	shift
	output=$(timeout -s KILL "$PATIENCE" dpdk-testpmd -d "$PMD" "${LCORES[@]}" "$@" </dev/null 2>&1 3>&-) || status=$?
	((status < 128)) || fail "ended by signal $((status - 128))" "$output" || return
	equal 1 "$(grep -Ec -e "$pattern" <<<"$output")" "lines that match '$pattern' in: $output"
}

# said TIMES TEXT - testpmd has printed it that many times
said() {
	(($(grep -c -e "$2" "$BATS_TEST_TMPDIR/testpmd.out") == $1))
}

@test "no port has the address: the message lists the addresses" {
	adapter --port mac=$MAC0 --port mac=$MAC1
	refused "net_manakin: no port of the adapter at $ADDRESS has the address 00:0d:3a:00:00:99; it has $MAC0, $MAC1" \
		--vdev="$ADDRESS,mac=00:0d:3a:00:00:99" -- "${SMALL[@]}"
	contains "$output" "No probed ethernet devices"
}

@test "invalid addresses and invalid arguments" {
	adapter --port mac=$MAC0
	refused 'net_manakin: "zz" is not an Ethernet address' --vdev="$ADDRESS,mac=zz" -- "${SMALL[@]}"
	refused 'net_manakin: "foo=1" of device .* is not a valid argument' --vdev="$ADDRESS,foo=1" -- "${SMALL[@]}"
}

@test "no adapter answers at the address" {
	adapter --port mac=$MAC0
	kill -KILL "$ADAPTER"
	wait "$ADAPTER" || :
	refused "net_manakin: .*no adapter is running there; start one" --vdev="$ADDRESS" -- "${SMALL[@]}"
}

@test "the adapter is in use" {
	adapter --port mac=$MAC0
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}"
	refused "net_manakin: .*another driver is using this adapter" --file-prefix=second \
		--vdev="$ADDRESS" -- "${SMALL[@]}"
	testpmd_quit
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}"
	testpmd_quit
}

@test "more queues than the adapter has, fewer descriptors than it needs" {
	adapter --port mac=$MAC0,queues=4
	refused "rxq 5 invalid - must be >= 0 && <= 4" --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=5 --txq=5
	refused "Invalid value for nb_tx_desc.=32., should be: <= 16384, >= 64" --vdev="$ADDRESS" -- \
		"${SMALL[@]}" --txd=32 --rxd=64
}

@test "too few hugepages for the packets" {
	adapter --port mac=$MAC0
	refused "Creation of mbuf pool for socket 0 failed: Cannot allocate memory" -m 32 \
		--socket-limit=64 \
		--vdev="$ADDRESS" -- --total-num-mbufs=60000
}

@test "packets longer than the mbufs" {
	adapter --port mac=$MAC0,mtu=9000
	refused "net_manakin: port 0: packets of up to 9018 bytes .* use larger mbufs, a smaller MTU, or" \
		--vdev="$ADDRESS" -- "${SMALL[@]}" --max-pkt-len=9018
}

@test "fewer mbufs than descriptors" {
	adapter --port mac=$MAC0
	refused "net_manakin: port 0: receive queue 0 needs 8192 mbufs and pool mb_pool_0 has too few: make it larger or" \
		--vdev="$ADDRESS" -- --total-num-mbufs=4096 --rxd=8192
}

@test "a port is stopped and started 50 times in traffic" {
	adapter --port mac=$MAC0,fabric=loop
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=2 --txq=2
	testpmd "set fwd io" >/dev/null
	for _ in $(seq 50); do
		testpmd "start tx_first" "stop" "port stop 0" "port start 0" >/dev/null
	done
	run testpmd "start tx_first" "stop"
	(($(forwarded "$output" TX-packets) >= 64)) || fail "$output"
	# No mbuf was lost: the pool is as full as before, except for those in the queues.
	testpmd "port stop 0" >/dev/null
	run testpmd "dump_mempool mb_pool_0"
	equal 8192 $(($(sed -n 's/^ *total_cache_count=//p' <<<"$output") + \
		$(sed -n 's/^ *common_pool_count=//p' <<<"$output"))) "mbufs in the pool"
	testpmd_quit
}

@test "the link goes down and comes up" {
	adapter --port mac=$MAC0
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}"
	run testpmd "show port info 0"
	contains "$output" "Link status: up"
	"$MANAKIN" control link 0 down
	await grep -q "Port 0: link state change event" "$BATS_TEST_TMPDIR/testpmd.out"
	run testpmd "show port info 0"
	contains "$output" "Link status: down"
	"$MANAKIN" control link 0 up
	await said 2 "Port 0: link state change event"
	run testpmd "show port info 0"
	contains "$output" "Link status: up"
	testpmd_quit
}

@test "the adapter is killed in traffic: the port goes, the application continues with the next adapter" {
	adapter --port mac=$MAC0,fabric=sink
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --hot-plug
	for i in 1 2 3; do
		testpmd "set fwd txonly" "start" >/dev/null
		sending
		kill -KILL "$ADAPTER"
		wait "$ADAPTER" || :
		await said "$i" "Port 0: link state change event"
		await said "$i" "Port 0: device removal event"
		await said "$i" "Now total ports is 0"
		run testpmd "stop" "show port summary all"
		contains "$output" "Number of available ports: 0"
		adapter --port mac=$MAC0,fabric=sink
		run testpmd "port attach $ADDRESS" "port start all"
		contains "$output" "Port 0 is attached. Now total ports is 1"
	done
	testpmd "start" >/dev/null
	sending
	run testpmd "stop"
	(($(forwarded "$output" TX-packets) > 0)) || fail "the new adapter sends nothing" "$output"
	testpmd_quit
}

@test "the application is killed in traffic: the adapter serves the next" {
	adapter --port mac=$MAC0,fabric=sink+verify
	for _ in 1 2 3; do
		testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}"
		testpmd "set fwd txonly" "start" >/dev/null
		sending
		kill -KILL "$TESTPMD"
		wait "$TESTPMD" || :
		exec 7>&-
	done
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}"
	testpmd "set fwd txonly" "start" >/dev/null
	sending
	run testpmd "stop"
	(($(forwarded "$output" TX-packets) > 0)) || fail "$output"
	equal 0 "$(adapter_stat 0 wire_bad)" "frames that do not decode"
	testpmd_quit
}

@test "a secondary process sends and receives" {
	adapter --port mac=$MAC0,fabric=loop
	testpmd_start --proc-type=primary --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=2 --txq=2 \
		--num-procs=2 --proc-id=0 --no-lsc-interrupt
	run testpmd_for 4 --proc-type=secondary --vdev="$ADDRESS" -- --rxq=2 --txq=2 --num-procs=2 \
		--proc-id=1 --forward-mode=io --tx-first --auto-start --stats 1 --no-lsc-interrupt
	contains "$output" "Port 0 Link up at"
	local sent
	sent=$(forwarded "$output" TX-packets)
	((sent > 1000)) || fail "$output"
	(($(forwarded "$output" RX-packets) > 1000)) || fail "$output"
	run testpmd "show port xstats 0"
	equal 0 "$(xstat "$output" tx_queue_0_packets)" "packets of the primary's queue"
	equal "$sent" "$(xstat "$output" tx_queue_1_packets)" "packets of the secondary's queue"
	testpmd_quit
}

@test "what a port reports about itself" {
	adapter --port mac=$MAC0,mtu=9000
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}"
	run testpmd "show port info 0" "show rxq info 0 0" "show txq info 0 0" "read regbit 0 0 0"
	contains "$output" "Firmware-version: 1\.0\.0"
	contains "$output" "Redirection table size: 128"
	contains "$output" "Hash key size in bytes: 40"
	contains "$output" "Min possible number of RXDs per queue: 64"
	contains "$output" "Max segment number per packet: 30"
	run testpmd "port config mtu 0 9001"
	contains "$output" "MTU \(9001\) > device max MTU \(9000\)|the adapter's MTU is 9000"
	run testpmd "port stop 0" "port config mtu 0 1400" "port start 0" "show port info 0"
	contains "$output" "MTU: 1400"
	testpmd_quit
}
