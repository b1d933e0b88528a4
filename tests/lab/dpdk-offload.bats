#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# What net_mana leaves to the adapter: checksums, hashes, VLAN tags, packets in segments.
# Packets are replayed to one port, testpmd forwards them, another port captures them.
# Reading an adapter's counters makes sure that all of a capture is in its file.

load dpdk

MAC=00:0d:3a:76:3c
UNCOUNTED=$BURST
PORTS=(
	pcap+replay=@ pcap:@                   # 0, 1
	pcap+replay=@                          # 2
	pcap+replay=@,mtu=9000 pcap:@,mtu=9000 # 3, 4
	pcap:@,mtu=9000                        # 5
	pcap+replay=@ pcap:@                   # 6, 7
	pcap+replay=@ pcap:@                   # 8, 9
	pcap+replay=@ pcap:@                   # 10, 11
	pcap+replay=@ pcap:@                   # 12, 13
	sink+verify                            # 14
)
TAGS=1,5,100,4094

setup_file() {
	replay 0 --count 3000 --kinds $IP --wrong
	replay 2 --count 700
	replay 3 --count 400 --kinds $IP --sizes 4000 9014 --wrong
	replay 6 --count 1000 --kinds $IP,arp --vlan $TAGS
	replay 8 --count 1000 --kinds $IP,arp --vlan $TAGS
	replay 10 --count 1000
	replay 12 --count 1000 --kinds $IP,icmp4,arp
	ports_start
	dpdk_start guest --cpus 4 --attach "$(adapter_socket mana0)"
	dpdk_ready guest
}

teardown_file() {
	lab_stop
}

@test "csum: received checksums are checked, sent ones are computed" {
	csum 0 1
}

@test "RSS: each packet arrives on the queue, and with the hash, that the key gives" {
	rss 2
}

@test "packets of up to 9,014 bytes in several segments arrive, with checksum offload" {
	pieces 3 4
}

@test "packets of 9,014 bytes in six segments arrive, as fast as testpmd sends" {
	six_pieces 5
}

@test "txpkts: packets in odd segments arrive whole" {
	odd_splits 14
}

@test "VLAN: a tag that is not stripped leaves as it came" {
	vlan_kept 6 7
}

@test "VLAN: tags are stripped, and others are inserted" {
	vlan_changed 8 9
}

@test "macswap: the addresses are exchanged, and nothing else" {
	swap 10 11 1000 macswap
}

@test "5tswap: the addresses and ports are exchanged, and nothing else" {
	swap 12 13 1000 5tswap
}

@test "neither the adapter nor the guest's kernel reports a problem" {
	adapter_content mana0
	guest_content guest
}
