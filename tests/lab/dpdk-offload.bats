#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# What net_mana leaves to the adapter: checksums, hashes, VLAN tags, packets in pieces.
# Packets are replayed to one port, testpmd forwards them, another port captures them.
# Reading an adapter's counters makes sure that all of a capture is in its file.

load dpdk

MAC=00:0d:3a:76:3c
KEY=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627
IP=udp4,tcp4,udp6,tcp6
TAGS=1,5,100,4094

setup_file() {
	local dir=$BATS_FILE_TMPDIR
	packets make "$dir/wrong.pcap" --mac $MAC:00 --count 3000 --kinds $IP --wrong
	packets make "$dir/flows.pcap" --mac $MAC:02 --count 700
	packets make "$dir/large.pcap" --mac $MAC:03 --count 400 --kinds $IP --sizes 4000 9014 --wrong
	packets make "$dir/tagged.pcap" --mac $MAC:06 --count 1000 --kinds $IP,arp --vlan $TAGS
	packets make "$dir/tagged2.pcap" --mac $MAC:08 --count 1000 --kinds $IP,arp --vlan $TAGS
	adapter_start mana0 \
		--port "mac=$MAC:00,fabric=pcap+replay=$dir/wrong.pcap" \
		--port "mac=$MAC:01,fabric=pcap:$dir/right.pcap" \
		--port "mac=$MAC:02,fabric=pcap+replay=$dir/flows.pcap" \
		--port "mac=$MAC:03,mtu=9000,fabric=pcap+replay=$dir/large.pcap" \
		--port "mac=$MAC:04,mtu=9000,fabric=pcap:$dir/pieces.pcap" \
		--port "mac=$MAC:05,mtu=9000,fabric=pcap:$dir/made.pcap" \
		--port "mac=$MAC:06,fabric=pcap+replay=$dir/tagged.pcap" \
		--port "mac=$MAC:07,fabric=pcap:$dir/still-tagged.pcap" \
		--port "mac=$MAC:08,fabric=pcap+replay=$dir/tagged2.pcap" \
		--port "mac=$MAC:09,fabric=pcap:$dir/other-tag.pcap"
	dpdk_start guest --cpus 4 --attach "$(adapter_socket mana0)"
	dpdk_ready guest
}

teardown_file() {
	lab_stop
}

@test "csum: checksums received are judged, those sent are made" {
	testpmd guest $MAC:00,$MAC:01 1-2 --forward-mode=csum --disable-device-start \
		--enable-rx-cksum "${FEW[@]}" <<-END
		csum set ip hw 1
		csum set udp hw 1
		csum set tcp hw 1
		port start all
		$RETRY
		set fwd csum retry
		start
		until RX-packets:.3000 show port stats 0
		stop
	END
	# Each of them is wrong in all it has: half of them are IPv4.
	equal 1500 "$(forward_stat 0 Bad-ipcsum)" 'IPv4 checksums found wrong'
	equal 3000 "$(forward_stat 0 Bad-l4csum)" 'TCP and UDP checksums found wrong'
	equal 3000 "$(adapter_counter mana0 1 tx_csum)" 'packets with checksum offload'
	packets same "$(lab_file wrong.pcap)" "$(lab_file right.pcap)" --but-addresses --but-checksums
	packets sound "$(lab_file right.pcap)"
}

# link_up - when testpmd waits for packets
link_up() {
	await 60 grep -qx 'waiting for packets' "$(lab_file guest).out"
	adapter_control mana0 link 2 up
}

@test "RSS: each packet comes to the queue, and with the hash, that the key says" {
	local hashes
	# A key can be set only on a port that was started before and is stopped: until
	# then no packet shall come.
	adapter_control mana0 link 2 down
	link_up 3>&- &
	testpmd guest $MAC:02 0-2 --forward-mode=rxonly --nb-cores=2 --rxq=4 --txq=4 "${FEW[@]}" <<-END
		port stop 0
		port config 0 rss-hash-key ipv4-udp $KEY
		port start 0
		set verbose 1
		start
		say waiting for packets
		await 700 - dst=
		stop
	END
	wait $!
	queue_stat RX-packets
	equal "$(packets queues "$(lab_file flows.pcap)" $KEY 4)" "$(queue_stat RX-packets)" 'queues'
	hashes=$(grep -o 'RSS hash=0x[0-9a-f]*' "$(testpmd_output)" | sed 's/.*=0x/0000000/; s/.*\(.\{8\}\)/\1/')
	equal "$(packets hashes "$(lab_file flows.pcap)" $KEY | sort)" "$(sort <<<"$hashes")" 'hashes'
}

@test "packets of up to 9,014 bytes in several pieces, with checksum offload" {
	testpmd guest $MAC:03,$MAC:04 1-2 --forward-mode=csum --disable-device-start \
		--max-pkt-len=9014 --total-num-mbufs=2048 --mbuf-size=9216 --tx-offloads=0x8000 \
		--txd=128 --rxd=128 <<-END
		csum set ip hw 1
		csum set udp hw 1
		csum set tcp hw 1
		port start all
		set txpkts 1000,2000,3000,1500,514,1000
		set txsplit on
		$RETRY
		set fwd csum retry
		start
		until RX-packets:.400 show port stats 0
		stop
	END
	equal 400 "$(adapter_counter mana0 4 tx_csum)" 'packets with checksum offload'
	packets same "$(lab_file large.pcap)" "$(lab_file pieces.pcap)" --but-addresses --but-checksums
	packets sound "$(lab_file pieces.pcap)"
}

@test "packets of 9,014 bytes in six pieces, as fast as they go" {
	local sent
	# Six pieces there are for certain: no mbuf has room for two.
	testpmd guest $MAC:05 1-2 --forward-mode=txonly --max-pkt-len=9014 --tx-offloads=0x8000 \
		"${FEW[@]}" <<-END
		set txpkts 1500,1500,1500,1500,1500,1514
		start
		sleep 0.1
		stop
		sleep 1
		set fwd rxonly
		start tx_first
		stop
		sleep 0.5
		start tx_first
		stop
		show port stats 0
	END
	grep -F 'packet len=9014 - nb packet segments=6' "$(testpmd_output)"
	sent=$(($(port_stat 0 TX-packets) + BURST))
	equal $sent "$(adapter_counter mana0 5 wire_tx)" 'packets that arrived'
	equal "$sent packets, $((sent * 9014)) bytes" \
		"$(packets sound --any-udp "$(lab_file made.pcap)")" 'what arrived'
}

@test "VLAN: a tag that nobody takes off leaves as it came" {
	testpmd guest $MAC:06,$MAC:07 1-2 --forward-mode=io "${FEW[@]}" <<-END
		$RETRY
		set fwd io retry
		start
		until RX-packets:.1000 show port stats 0
		stop
	END
	equal 0 "$(adapter_counter mana0 7 tx_vlan)" 'tags put in by the adapter'
	packets same "$(lab_file tagged.pcap)" "$(lab_file still-tagged.pcap)"
}

@test "VLAN: tags are taken off, and another one is put in" {
	testpmd guest $MAC:08,$MAC:09 1-2 --forward-mode=macswap --disable-device-start \
		--rx-offloads=0x1 "${FEW[@]}" <<-END
		tx_vlan set 1 77
		port start all
		$RETRY
		set fwd macswap retry
		start
		until RX-packets:.1000 show port stats 0
		stop
	END
	equal 1000 "$(adapter_counter mana0 9 tx_vlan)" 'tags put in by the adapter'
	packets same --strip --insert 77 --but-addresses \
		"$(lab_file tagged2.pcap)" "$(lab_file other-tag.pcap)"
}

@test "neither the adapter nor the guest's kernel has anything to complain about" {
	adapter_content mana0
	guest_content guest
}
