#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# A guest of arm64, emulated: Debian's kernel with the pages that PAGES names (4k, 16k), its
# drivers of the adapter, its net_mana, and this project's driver, built for arm64; with the adapter
# of this machine's architecture.
#
# One guest is for everything. It has seven CPUs, as the guide's core lists want; what takes time is
# no longer than it has to be, for an emulated CPU is slow.

load dpdk
load other

PAGES=${PAGES:?4k or 16k}
MAC=00:0d:3a:76:40
HOST=192.0.2.1 GUEST=192.0.2.2
PLUGIN=/root/pmd/librte_net_manakin.so # DPDK loads none from a world-writable directory
PORTS=(
	tap:lab0                          # 0
	sink+verify                       # 1
	generator:count=20000,proto=mixed # 2
	generator:count=20000,proto=mixed # 3
	switch switch                     # 4, 5
)

# hugepages - the guide's, in pages of the size that the kernel has
hugepages() {
	case $PAGES in
	16k) sed 's/echo 1024/echo 64/; s/2048kB/32768kB/' ;;
	*) cat ;;
	esac
}

setup_file() {
	[[ -f ${PMD:?} ]] ||
		fail "There is no $PMD: scripts/pmd-for-suite.sh trixie ${PMD%/*} arm64" || return
	ports_start
	dpdk_start guest --arch arm64 --pages "$PAGES" --cpus 7 --attach "$(adapter_socket mana0)"
	cp "$PMD" "$(lab_file guest.share)"
	interface_up lab0 1500 $HOST/24
	guest_ready guest
	guest guest 'udevadm settle --timeout=240' # an emulated CPU that gets little of a real one
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
	found_and_bound
	guest guest 'ibv_devinfo -d mana_0' | grep -E 'state:[[:blank:]]+PORT_ACTIVE'
}

@test "100 pings each way: none lost" {
	pings 100
}

@test "64 MB by TCP from the guest arrive whole" {
	sent_whole
}

@test "64 MB by TCP to the guest arrive whole" {
	received_whole
}

@test "the guide's single queue command: what testpmd sends arrives" {
	guide_single 1 "$(mac 1)"
}

@test "the guide's multiple queue command: every packet that testpmd sends arrives" {
	local before
	before=$(wire 1)
	guide guest 2 "$(mac 1)" 'Tx-pps: *[1-9]' 2
	queue_stat TX-packets
	equal 8 "$(queue_stat TX-packets | awk '$2 > 0' | wc -l)" 'queues that sent'
	equal "$(queue_stat TX-packets | sum)" $(($(wire 1) - before)) 'packets that arrived'
}

@test "rxonly: every packet of the generator is received" {
	rxonly 2 20000
}

# with_driver COMMAND... - where dpdk-testpmd is Debian's with the driver, and not with net_mana, which
# says that it is there
with_driver() {
	guest guest "mkdir -p ${PLUGIN%/*} && cp -n /mnt/share/librte_net_manakin.so ${PLUGIN%/*} &&
		printf '#!/bin/sh\nexec /usr/bin/dpdk-testpmd -d $PLUGIN \"\$@\"\n' \
			>/usr/local/bin/dpdk-testpmd && chmod +x /usr/local/bin/dpdk-testpmd"
	"$@" || return
	guest guest 'rm /usr/local/bin/dpdk-testpmd'
	run ! grep 'MANA_DRIVER' "$(testpmd_output)"
}

@test "this project's driver: every packet that the guide's single queue command sends arrives" {
	local before
	before=$(wire 1)
	with_driver guide guest 1 "$(mac 1)" 'Tx-pps: *[1-9]' 2
	echo "$(forward_stat 0 TX-packets) packets"
	(($(forward_stat 0 TX-packets) > 1000))
	equal "$(forward_stat 0 TX-packets)" $(($(wire 1) - before)) 'packets that arrived'
}

@test "this project's driver: every packet of the generator is received" {
	with_driver rxonly 3 20000
}

# back_and_forth - the driver's testpmd and net_mana's send each other's packets back
back_and_forth() {
	in_guest guest "
		mkfifo /tmp/in
		/usr/bin/dpdk-testpmd -l 3-4 --no-telemetry --file-prefix=theirs \
			--vdev=0000:00:10.0,mac=$(mac 5) -- -i --forward-mode=macswap ${FEW[*]} \
			</tmp/in >/tmp/theirs 2>&1 &
		exec 9>/tmp/in
		printf 'show port info 0\nstart\n' >&9
		until grep -q 'macswap packet forwarding' /tmp/theirs; do
			sleep 0.1
		done
		python3 /mnt/share/testpmd.py --macs $(mac 4) -- --forward-mode=macswap ${FEW[*]} <<-END
			show port info 0
			set eth-peer 0 $(mac 5)
			start tx_first
			until RX-packets:.[0-9]{4} show port stats 0
			stop
			show port stats 0
		END
		status=\$?
		printf 'stop\nquit\n' >&9
		wait \$! && sed 's/for port 0/for port 1/; s/MANA_DRIVER//' /tmp/theirs && exit \$status"
}

@test "this project's driver and net_mana in one guest: neither loses a packet of the other" {
	with_driver back_and_forth
	grep 'Driver name: net_manakin$' "$(testpmd_output)"
	grep 'Driver name: net_mana$' "$(testpmd_output)"
	echo "$(forward_stat 0 TX-packets) packets"
	(($(forward_stat 0 TX-packets) > 1000))
	equal "$(forward_stat 0 TX-packets)" "$(forward_stat 1 RX-packets)" 'packets that net_mana received'
	equal "$(adapter_counter mana0 5 tx_packets)" "$(adapter_counter mana0 4 rx_packets)" \
		'packets for the driver'
	equal '0 0' "$(adapter_counter mana0 4 rx_dropped) $(adapter_counter mana0 5 rx_dropped)" \
		'packets dropped'
}

@test "a QEMU that lacks the guest's architecture is named, with the command that rebuilds it" {
	local cache=$BATS_TEST_TMPDIR/cache kind=(--arch arm64 --pages "$PAGES") item
	"$MANAKIN" lab build "${kind[@]}" | sed 's/.*: //' >"$BATS_TEST_TMPDIR/items"
	mkdir -p "$cache"
	while read -r item; do
		mkdir "$cache/${item##*/}"
	done <"$BATS_TEST_TMPDIR/items"
	run --separate-stderr env MANAKIN_LAB_DIR="$cache" "$MANAKIN" lab run "${kind[@]}" --no-device true
	equal 125 "$status" 'exit status'
	# shellcheck disable=SC2154 # run sets it
	[[ $stderr == *'has no qemu-system-aarch64: No such file or directory; rebuild it: manakin lab build --arch arm64 --force'* ]] ||
		fail "got: $stderr"
}

@test "neither the adapter nor the guest's kernel reports a problem" {
	adapter_content mana0
	guest_content guest
}
