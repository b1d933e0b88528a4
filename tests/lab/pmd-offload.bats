#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# What the poll-mode driver leaves to the kernel's adapter: what dpdk-offload.bats tests with
# net_mana, and large sends.

load pmd

MAC=00:0d:3a:76:3e
PORTS=(
	pcap+replay=@ pcap:@                    # 0, 1
	pcap+replay=@                           # 2
	pcap+replay=@,mtu=9000 pcap:@,mtu=9000  # 3, 4
	pcap:@,mtu=9000                         # 5
	pcap+replay=@ pcap:@                    # 6, 7
	pcap+replay=@ pcap:@                    # 8, 9
	pcap+replay=@,mtu=9000 pcap:@,mtu=9000  # 10, 11
	pcap+replay=@,mtu=9000 pcap:@,mtu=9000  # 12, 13
	generator:size=9014,count=2000,mtu=9000 # 14
	sink+verify                             # 15
)
TAGS=1,5,100,4094

setup_file() {
	replay 0 --count 3000 --kinds $IP --wrong
	replay 2 --count 700
	replay 3 --count 400 --kinds $IP --sizes 4000 9014 --wrong
	replay 6 --count 1000 --kinds $IP,arp --vlan $TAGS
	replay 8 --count 1000 --kinds $IP,arp --vlan $TAGS
	segments large "$(capture 10)" 200
	segments large "$(capture 12)" 200
	pmd_start
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
	six_pieces 5 --rx-offloads=0x2000
}

@test "packets of 9,014 bytes are received in several buffers" {
	rxonly 14 2000 --max-pkt-len=9014 --rx-offloads=0x2000
	equal $((2000 * 9014)) "$(port_stat 0 RX-bytes)" 'bytes'
}

@test "txpkts: packets in odd segments arrive whole" {
	odd_splits 15 30
}

# large_sends FROM TO MSS OPTION... - packets of up to 8,978 bytes are cut as a software segmenter
# does it
large_sends() {
	local from=$1 to=$2 mss=$3
	shift 3
	forward csum "$from" "$to" 200 --disable-device-start --max-pkt-len=9014 --txd=128 --rxd=128 "$@" <<-END
		csum set ip hw 1
		csum set tcp hw 1
		tso set $mss 1
		csum mac-swap off 1
		port start all
	END
	echo "$(adapter_counter mana0 "$to" tx_tso) large sends"
	(($(adapter_counter mana0 "$to" tx_tso) > 40))
	segments cut "$(capture "$from")" "$mss" "$(capture "$to")"
}

@test "TSO: segments are, byte for byte, those of a software segmenter" {
	large_sends 10 11 300 --total-num-mbufs=2048 --mbuf-size=9728
}

@test "TSO: the same for packets in several buffers" {
	large_sends 12 13 1447 --total-num-mbufs=8192 --rx-offloads=0x2000 --tx-offloads=0x8000
}

@test "VLAN: a tag that is not stripped leaves as it came" {
	vlan_kept 6 7
}

@test "VLAN: tags are stripped, and others are inserted" {
	vlan_changed 8 9
}

@test "neither the adapter nor the guest's kernel reports a problem" {
	adapter_content mana0
	guest_content guest
}
