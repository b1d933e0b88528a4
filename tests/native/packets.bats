#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Packets through an application: byte for byte, and with the adapter's offloads.

load common

packets() {
	python3 "$BATS_TEST_DIRNAME/packets.py" "$@"
}

# two_ports SPEC0 SPEC1 ARGUMENT... - testpmd on two vPorts
two_ports() {
	local first=$1 second=$2
	shift 2
	adapter --port "mac=$MAC0,$first" --port "mac=$MAC1,$second"
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --no-flush-rx "$@"
}

# has_come PORT COLUMN N - the adapter has counted that many
has_come() {
	(($(adapter_stat "$1" "$2") >= $3))
}

# forward COUNT COMMAND... - start all ports and pass COUNT frames or more; all packets that testpmd
# reports as sent arrive and decode
forward() {
	local count=$1 sent
	shift
	testpmd "$@" "port start all" "start" >/dev/null
	await has_come 1 wire_tx "$count"
	run testpmd "stop"
	sent=$(forwarded "$output" TX-packets)
	await stat_is 1 wire_tx "$sent" ||
		fail "sent $sent, arrived $(adapter_stat 1 wire_tx)" || return
	equal 0 "$(adapter_stat 1 wire_bad)" "frames that do not decode"
}

@test "io: a port that duplicates, reorders and delays sends each packet byte for byte, as the seed says" {
	cd "$BATS_TEST_TMPDIR"
	packets make in.pcap 400
	two_ports fabric=pcap+replay=in.pcap fabric=pcap:out.pcap+duplicate=5%+reorder=10%+delay=2ms+seed=7
	testpmd "set fwd io" "start"
	await stat_is 1 wire_tx 425
	testpmd "stop"
	equal 25 "$(adapter_stat 1 wire_duplicated)" "duplicated"
	equal 425 "$(adapter_stat 1 wire_delayed)" "delayed"
	contains "$("$MANAKIN" control stats)" "queues wire_dropped wire_lost wire_duplicated wire_reordered wire_delayed$"
	testpmd_quit
	adapter_stop
	packets each in.pcap out.pcap
}

@test "rxonly: every packet of the generator is received" {
	adapter --port mac=$MAC0,fabric=generator:size=64,count=100000,rate=50000
	testpmd_start --vdev="$ADDRESS,mac=$MAC0" -- "${SMALL[@]}" --no-flush-rx
	testpmd "set fwd rxonly" "start"
	await stat_is 0 wire_rx 100000
	run testpmd "stop" "show port stats 0"
	equal 100000 $(($(forwarded "$output" RX-packets) + $(adapter_stat 0 rx_dropped))) "packets"
	contains "$output" "RX-errors: 0"
	equal "$(forwarded "$output" RX-packets)" "$(adapter_stat 0 rx_packets)" "packets of the adapter"
	testpmd_quit
}

@test "io: a capture replayed at one port leaves the other byte for byte" {
	cd "$BATS_TEST_TMPDIR"
	packets make in.pcap 400
	two_ports fabric=pcap+replay=in.pcap fabric=pcap:out.pcap
	testpmd "set fwd io" "start"
	await stat_is 1 wire_tx 400
	testpmd "stop"
	testpmd_quit
	adapter_stop
	packets same in.pcap out.pcap
}

@test "io with scattered buffers and odd bursts: the same" {
	cd "$BATS_TEST_TMPDIR"
	packets make in.pcap 300
	two_ports fabric=pcap+replay=in.pcap fabric=pcap:out.pcap --burst=7 --mbuf-size=384 \
		--rx-offloads=0x2000 --tx-offloads=0x8000
	testpmd "set fwd io" "start"
	await stat_is 1 wire_tx 300
	testpmd "stop"
	testpmd_quit
	adapter_stop
	packets same in.pcap out.pcap
}

@test "macswap: addresses swapped, the rest unchanged" {
	cd "$BATS_TEST_TMPDIR"
	packets make in.pcap 200
	two_ports fabric=pcap+replay=in.pcap fabric=pcap:out.pcap
	testpmd "set fwd macswap" "start"
	await stat_is 1 wire_tx 200
	testpmd "stop"
	testpmd_quit
	adapter_stop
	packets swapped in.pcap out.pcap
}

@test "5tswap: packets are still valid when they arrive" {
	two_ports fabric=generator:size=200,proto=mixed,rate=1000 fabric=sink+verify \
		--disable-device-start
	forward 1000 "set fwd 5tswap"
	testpmd_quit
}

@test "9000 bytes in several buffers, in both directions" {
	two_ports fabric=generator:size=9014,rate=500,mtu=9000 fabric=sink+verify,mtu=9000 \
		--max-pkt-len=9018 --rx-offloads=0x2000 --tx-offloads=0x8000 --disable-device-start
	forward 500 "set fwd io"
	equal $(($(adapter_stat 1 tx_packets) * 9014)) "$(adapter_stat 1 tx_bytes)" "bytes"
	testpmd_quit
}

@test "txpkts: oddly split packets arrive whole" {
	adapter --port mac=$MAC0,fabric=sink+verify
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --tx-offloads=0x8000
	local split
	for split in 43,1 42,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1 64,1000 100,33,7,900,1,2,3; do
		run testpmd "set fwd txonly" "set txpkts $split" "start" "sleep 0.3" "stop"
		(($(forwarded "$output" TX-packets) > 0)) || fail "$split: nothing sent" "$output"
		contains "$output" "nb packet segments=$(tr , '\n' <<<"$split" | wc -l)$"
	done
	run testpmd "show port xstats 0"
	await stat_is 0 wire_tx "$(xstat "$output" tx_good_packets)"
	equal 0 "$(adapter_stat 0 wire_bad)" "frames that do not decode"
	testpmd_quit
}

@test "csum: the adapter computes IP, TCP and UDP checksums" {
	two_ports fabric=generator:size=300,proto=mixed,rate=1000 fabric=sink+verify \
		--disable-device-start
	forward 1000 "csum set ip hw 1" "csum set tcp hw 1" "csum set udp hw 1" "set fwd csum"
	equal "$(adapter_stat 1 tx_packets)" "$(adapter_stat 1 tx_csum)" "checksums computed"
	testpmd_quit
}

# large_sends MSS ARGUMENT... - the adapter segments large TCP frames as a software segmenter does
large_sends() {
	local mss=$1 count
	shift
	packets large in.pcap 200
	count=$(packets cut in.pcap "$mss")
	two_ports fabric=pcap+replay=in.pcap,mtu=9000 fabric=pcap:out.pcap,mtu=9000 \
		--max-pkt-len=9018 --disable-device-start "$@"
	testpmd "csum set ip hw 1" "csum set tcp hw 1" "tso set $mss 1" "csum mac-swap off 1" \
		"set fwd csum" "port start all" "start"
	await stat_is 1 wire_tx "$count"
	testpmd "stop"
	(($(adapter_stat 1 tx_tso) > 40)) || fail "$(adapter_stat 1 tx_tso) large sends"
	testpmd_quit
	adapter_stop
	packets cut in.pcap "$mss" out.pcap
}

@test "TSO: segments are, byte for byte, those of a software segmenter" {
	cd "$BATS_TEST_TMPDIR"
	large_sends 300 --mbuf-size=9728
}

@test "TSO: the same for packets in several buffers" {
	cd "$BATS_TEST_TMPDIR"
	large_sends 1447 --rx-offloads=0x2000 --tx-offloads=0x8000
}

@test "VLAN: inserted by the adapter" {
	cd "$BATS_TEST_TMPDIR"
	adapter --port mac=$MAC0,fabric=pcap:out.pcap
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}"
	testpmd "port stop 0" "tx_vlan set 0 77" "port start 0" "set fwd txonly" "start" "stop"
	testpmd_quit
	adapter_stop
	run tcpdump -nne -r out.pcap
	contains "$output" "802.1Q .0x8100., length 68: vlan 77, p 0, ethertype IPv4"
	equal 0 "$(grep -c -v -e 'vlan 77' -e '^reading' <<<"$output")" "frames without the tag"
}

@test "VLAN: stripped or kept, as configured" {
	adapter --port mac=$MAC0,fabric=generator:size=100,vlan=42,rate=500
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}"
	run testpmd "set fwd rxonly" "set verbose 1" "start" "sleep 0.5" "stop"
	contains "$output" "type=0x8100 - length=100 "
	run testpmd "vlan set strip on 0" "start" "sleep 0.5" "stop"
	contains "$output" "type=0x0800 - length=96 .*VLAN tci=0x2a"
	contains "$output" "RTE_MBUF_F_RX_VLAN_STRIPPED"
	testpmd_quit
}

@test "receive flags: checksums and hash" {
	adapter --port mac=$MAC0,fabric=generator:size=100,rate=500
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=2 --txq=2
	run testpmd "set fwd rxonly" "set verbose 1" "start" "sleep 0.5" "stop"
	contains "$output" "RTE_MBUF_F_RX_RSS_HASH RTE_MBUF_F_RX_L4_CKSUM_GOOD RTE_MBUF_F_RX_IP_CKSUM_GOOD"
	contains "$output" "RSS hash=0x[0-9a-f]+ - RSS queue=0x1"
	testpmd_quit
}

DEFAULT_KEY=6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa
OTHER_KEY=0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728

@test "RSS: packets go to the queues that an independent Toeplitz computation gives" {
	cd "$BATS_TEST_TMPDIR"
	packets flows in.pcap 300
	local stats queue wanted
	adapter --port mac=$MAC0,fabric=pcap+replay=in.pcap
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=4 --txq=4 --no-flush-rx
	testpmd "set fwd rxonly" "start" >/dev/null
	await stat_is 0 wire_rx 300
	stats=$(testpmd "stop" "show port xstats 0")
	read -ra wanted <<<"$(packets queues in.pcap $DEFAULT_KEY 4)"
	for queue in 0 1 2 3; do
		equal "${wanted[queue]}" "$(xstat "$stats" "rx_queue_${queue}_packets")" "packets of queue $queue"
	done
	testpmd_quit
}

@test "RSS: with another key, set while packets arrive" {
	cd "$BATS_TEST_TMPDIR"
	packets flows in.pcap 300
	adapter --port mac=$MAC0,fabric=pcap+replay=in.pcap+loop
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=4 --txq=4
	testpmd "set fwd rxonly" "start" "port config 0 rss-hash-key ipv4 $OTHER_KEY" "sleep 0.3" "stop" >/dev/null
	run testpmd "show port 0 rss-hash key"
	contains "$output" "^${OTHER_KEY^^}"
	testpmd "start" "sleep 0.2" "set verbose 1" "sleep 0.2" "stop" | packets hashes in.pcap $OTHER_KEY 4
	testpmd_quit
}

@test "RSS: the table is changed while packets arrive" {
	adapter --port mac=$MAC0,fabric=generator:size=64,rate=20000
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=4 --txq=4
	local first commands=()
	for first in $(seq 0 8 127); do # a word of testpmd's has 128 characters at most
		commands+=("port config 0 rss reta $(seq -f '(%g,3)' -s , "$first" $((first + 7)))")
	done
	run testpmd "set fwd rxonly" "start" "sleep 0.3" "${commands[@]}" \
		"show port 0 rss reta 128 (0xffffffffffffffff,0xffffffffffffffff)"
	contains "$output" "RSS RETA configuration: hash index=126, queue=3"
	# Packets that were in the queues before are gone by then.
	run testpmd "sleep 0.3" "clear port xstats 0" "sleep 0.5" "show port xstats 0" "stop"
	equal 0 "$(xstat "$output" rx_queue_0_packets)" "packets of queue 0" || fail "$output"
	(($(xstat "$output" rx_queue_3_packets) > 100)) || fail "queue 3 got nothing" "$output"
	testpmd_quit
}

@test "queues are stopped and started while the port runs" {
	adapter --port mac=$MAC0,fabric=generator:size=64,rate=20000
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=4 --txq=4
	run testpmd "set fwd rxonly" "port 0 rxq 1 stop" "port 0 txq 1 stop" "clear port xstats 0" "start" \
		"sleep 0.5" "stop" "show port xstats 0"
	equal 0 "$(xstat "$output" rx_queue_1_packets)" "packets of the stopped queue"
	(($(xstat "$output" rx_queue_2_packets) > 0)) || fail "queue 2 got nothing" "$output"
	run testpmd "port 0 rxq 1 start" "port 0 txq 1 start" "start" "sleep 0.5" "stop" "show port xstats 0"
	(($(xstat "$output" rx_queue_1_packets) > 0)) || fail "queue 1 got nothing" "$output"
	testpmd_quit
}
