#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Two guests on one switch, each with an adapter of its own in one process: Debian
# trixie, and bookworm, whose kernel 6.1 has the Ethernet driver and no mana_ib.

load common

MAC_T=00:0d:3a:00:00:13
MAC_B=00:0d:3a:00:00:12
TRIXIE=192.0.2.13 TRIXIE6=2001:db8::13
BOOKWORM=192.0.2.12 BOOKWORM6=2001:db8::12
BLOB=64M

setup_file() {
	local machine='--cpus 2 --memory 1G'
	adapter_start trixie0 --port "mac=$MAC_T,fabric=switch" \
		--socket "$(adapter_socket bookworm0)" --port "mac=$MAC_B,fabric=switch"
	guest_start trixie $machine --suite trixie --attach "$(adapter_socket trixie0)"
	guest_start bookworm $machine --suite bookworm --attach "$(adapter_socket bookworm0)"
	guest_ready trixie bookworm
	guest_interface trixie eth0 1500 $TRIXIE/24 $TRIXIE6/64
	guest_interface bookworm eth0 1500 $BOOKWORM/24 $BOOKWORM6/64
}

teardown_file() {
	lab_stop
}

# transfer FROM TO PROTOCOL ADDRESS - BLOB over TCP4 or TCP6, with the same SHA-256 at both ends
transfer() {
	local sums
	sums=$(lab_file sums)
	guest "$2" "socat -b 262144 -u $3-LISTEN:9,reuseaddr CREATE:/dev/shm/got &&
		sha256sum </dev/shm/got && rm /dev/shm/got" >"$sums" 3>&- &
	guest "$1" "head -c $BLOB /dev/urandom >/dev/shm/blob && sha256sum </dev/shm/blob &&
		socat -b 262144 -u FILE:/dev/shm/blob $3:$4:9,retry=50,interval=0.1" >"$sums.from"
	wait $!
	equal "$(<"$sums.from")" "$(<"$sums")" 'SHA-256'
}

@test "bookworm, kernel 6.1: eth0 has mana's driver and the vPort's MAC, and there is no mana_ib" {
	guest bookworm 'uname -r' | grep -E '^6\.1\.'
	guest bookworm 'ethtool -i eth0' | grep -x 'driver: mana'
	equal $MAC_B "$(guest bookworm 'cat /sys/class/net/eth0/address')" eth0
	run ! guest bookworm 'modinfo mana_ib'
}

# pings FROM ADDRESS ADDRESS - 1,000 to each. One is sent when the previous one is answered; while none is, one
# each 10 ms: a receive ring does not run full while its guest gets no CPU
pings() {
	guest "$1" "ping -q -A -c 1000 -W 60 $2 & ping -q -A -c 1000 -W 60 $3; wait"
}

@test "1,000 pings each way between the guests, IPv4 and IPv6: none lost" {
	local out name
	local -A before
	out=$(lab_file pings)
	for name in trixie bookworm; do before[$name]=$(answers $name); done
	pings bookworm $TRIXIE $TRIXIE6 >"$out.1" 3>&- &
	pings trixie $BOOKWORM $BOOKWORM6 >"$out.2" || :
	wait $! || :
	cat "$out".*
	equal 4 "$(cat "$out".* | grep -c '^1000 packets transmitted')" 'runs that have sent all'
	for name in trixie bookworm; do
		all_answered "${before[$name]}" 1000 1000 $name ||
			fail "$(counters trixie trixie0)" "$(counters bookworm bookworm0)"
	done
}

@test "TCP from trixie to bookworm arrives whole, with TSO" {
	transfer trixie bookworm TCP4 $BOOKWORM
	(($(adapter_counter trixie0 0 tx_tso) > 500)) || fail 'TSO was not used'
	(($(adapter_counter trixie0 0 tx_csum) > 500)) || fail 'checksum offload was not used'
}

@test "TCP from bookworm to trixie arrives whole, with TSO" {
	transfer bookworm trixie TCP6 "[$TRIXIE6]"
	(($(adapter_counter bookworm0 0 tx_tso) > 500)) || fail 'TSO was not used'
	(($(adapter_counter bookworm0 0 tx_csum) > 500)) || fail 'checksum offload was not used'
}

@test "large sends from guest to guest become frames with correct checksums" {
	local to capture good
	guest bookworm 'ethtool -K eth0 gro off'
	for to in $BOOKWORM $BOOKWORM6; do
		guest bookworm "rm -f /dev/shm/pcap
			tcpdump -i eth0 --immediate-mode -Z root -s 2000 -B 65536 -U -w /dev/shm/pcap \\
				'tcp and dst host $to' &
			iperf3 -s -1 -D
			until [[ -s /dev/shm/pcap ]] && ss -Hltn sport = :5201 | grep -q .; do sleep 0.1; done"
		guest trixie "iperf3 -c $to -n 4M"
		capture=$(guest bookworm 'killall -w tcpdump; tcpdump -nn -vv -r /dev/shm/pcap 2>/dev/null')
		good=$(grep -c 'cksum 0x[0-9a-f]* (correct)' <<<"$capture")
		((good > 1000)) || fail "only $good checksums of TCP were seen"
		run ! grep -m 5 -E 'incorrect|bad cksum' <<<"$capture"
		equal '' "$(guest bookworm "tcpdump -nn -r /dev/shm/pcap 'greater 1515' 2>/dev/null")" \
			'frames beyond the MTU'
	done
}

@test "neither the kernels nor the adapters report a problem" {
	guest_content trixie
	guest_content bookworm
	adapter_content trixie0
}
