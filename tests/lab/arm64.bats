#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# A guest of arm64, emulated: Debian's kernel with the pages that PAGES names (4k, 16k), its
# drivers of the adapter, its net_mana, and the adapter of this machine's architecture.
#
# One guest is for everything. It has seven CPUs, as the guide's core lists want; what takes time is
# no longer than it has to be, for an emulated CPU is slow.

load dpdk

PAGES=${PAGES:?4k or 16k}
MAC=00:0d:3a:76:40
HOST=192.0.2.1 GUEST=192.0.2.2
UNCOUNTED=$BURST
PORTS=(
	tap:lab0                           # 0
	sink+verify sink+verify            # 1, 2
	generator:count=20000,proto=mixed  # 3
	pcap+replay=@ pcap:@               # 4, 5
)

# hugepages - the guide's, in pages of the size that the kernel has
hugepages() {
	case $PAGES in
	16k) sed 's/echo 1024/echo 64/; s/2048kB/32768kB/' ;;
	*) cat ;;
	esac
}

setup_file() {
	replay 4 --count 1000
	ports_start
	dpdk_start guest --arch arm64 --pages "$PAGES" --cpus 7 --attach "$(adapter_socket mana0)"
	interface_up lab0 1500 $HOST/24
	guest_ready guest
	guest_interface guest eth0 1500 $GUEST/24
	guest guest "$(grep nr_hugepages "$LAB_TESTS/fixtures/testpmd.sh" | hugepages)"
}

teardown_file() {
	lab_stop
}

@test "the kernel is arm64's, and has pages of that size" {
	equal aarch64 "$(guest guest 'uname -m')" 'machine'
	equal $((${PAGES%k} * 1024)) "$(guest guest 'getconf PAGESIZE')" 'page size'
}

@test "the guide's check for MANA finds the device, and the drivers have it" {
	equal 'MANA device is available.' \
		"$(guest guest "$(<"$LAB_TESTS/fixtures/check-for-mana.sh")")" 'the check'
	guest guest 'ethtool -i eth0' | grep -x 'driver: mana'
	equal "${#PORTS[@]}" "$(guest guest 'ls /sys/class/net | grep -c ^eth')" 'interfaces'
	guest guest 'ibv_devinfo -d mana_0' | grep -E 'state:[[:blank:]]+PORT_ACTIVE'
}

@test "100 pings each way: none lost" {
	local options='-q -c 100 -A -W 60'
	ping $options $GUEST | grep '^100 packets transmitted, 100 received, 0% packet loss'
	guest guest "ping $options $HOST" |
		grep '^100 packets transmitted, 100 received, 0% packet loss'
}

# listen FILE - receive it here; prints the SHA-256
listen() {
	socat -b 262144 -u TCP4-LISTEN:9,reuseaddr - | sha256sum
}

@test "64 MB by TCP from the guest arrive whole" {
	local sums
	sums=$(lab_file sums)
	listen >"$sums" 3>&- &
	guest guest "head -c 64M /dev/urandom >/dev/shm/blob && sha256sum </dev/shm/blob &&
		socat -b 262144 -u FILE:/dev/shm/blob TCP4:$HOST:9,retry=50,interval=0.1" >"$sums.guest"
	wait $!
	equal "$(<"$sums.guest")" "$(<"$sums")" 'SHA-256'
	(($(adapter_counter mana0 0 tx_tso) > 500)) || fail 'TSO was not used'
}

@test "64 MB by TCP to the guest arrive whole" {
	local sums
	sums=$(lab_file sums)
	head -c 64M /dev/urandom >"$sums.blob"
	guest guest "rm -f /dev/shm/blob
		socat -b 262144 -u TCP4-LISTEN:9,reuseaddr - | sha256sum" >"$sums.guest" 3>&- &
	socat -b 262144 -u FILE:"$sums.blob" TCP4:$GUEST:9,retry=600,interval=0.1
	wait $!
	equal "$(sha256sum <"$sums.blob")" "$(<"$sums.guest")" 'SHA-256'
}

@test "the guide's single queue command: what testpmd sends arrives" {
	guide_single 1 "$(mac 1)"
}

@test "the guide's multiple queue command: every packet that testpmd sends arrives" {
	local sent reported
	guide_queues 2
	sent=$(wire 2)
	reported=$(forward_stat 0 TX-packets)
	((reported > 0 && reported <= sent && sent - reported <= 8 * 128))
}

@test "rxonly: every packet of the generator is received" {
	rxonly 3 20000
}

@test "io between two vPorts: packets leave as they came, byte for byte" {
	io 4 5 1000
}

@test "neither the adapter nor the guest's kernel reports a problem" {
	adapter_content mana0
	guest_content guest
}
