# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# The distribution's testpmd of another architecture, with this build's driver, and the adapter, both
# emulated (qemu-user). EMULATOR is the command that runs a program, SYSROOT has the distribution's
# packages, DRIVER is the driver.
#
# EAL runs under qemu-user without hugepages (--no-huge); its timer, its threads' affinity and its memory
# are the kernel's, which qemu-user hands on.

load "$SOURCE/tests/assert"

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# testpmd FABRIC MODE DIRECTION - the distribution's, on an adapter, until it counts packets; stats is
# what the adapter has counted when testpmd has ended
#
# The driver's directory and those above it must be safe from others for EAL, and an adapter's name
# must be free: both are in a /run of their own. The emulator has the sysroot for "/", where manakin args
# finds adapters in run.
testpmd() {
	# shellcheck disable=SC2016 # for the inner shell
	timeout -s KILL "$PATIENCE" unshare --mount --pid --fork --kill-child bash -euc '
		mount -t tmpfs -o mode=755 none /run
		mkdir -p /run/driver "$SYSROOT/run"
		mount --bind /run "$SYSROOT/run"
		cp "$DRIVER" /run/driver/
		$EMULATOR "$MANAKIN" device --no-sandbox --port "mac=00:0d:3a:76:3b:d0,fabric=$1" >adapter.log 2>&1 &
		adapter=$!
		until $EMULATOR "$MANAKIN" control stats --json >stats 2>&1; do
			kill -0 $adapter
			sleep 0.1
		done
		arguments=$($EMULATOR "$MANAKIN" args --plugin "/run/driver/${DRIVER##*/}" mana0 2>hint)
		eval "export $(sed -n "s/.*set \(SYSFS_PCI_DEVICES=[^ ]*\) .*/\1/p" hint)"
		$EMULATOR -E LD_LIBRARY_PATH="$SYSROOT/usr/lib/aarch64-linux-gnu" "$SYSROOT/usr/bin/dpdk-testpmd" \
			--no-huge -m 256 -l 0,1 $arguments -- \
			--forward-mode="$2" --total-num-mbufs=4096 --auto-start --stats-period 1 </dev/null >testpmd.log 2>&1 &
		tester=$!
		until grep -q "$3-packets: [1-9]" testpmd.log; do
			kill -0 $tester
			sleep 0.1
		done
		kill -INT $tester
		wait $tester
		$EMULATOR "$MANAKIN" control stats --json >stats
		kill $adapter
		wait $adapter' testpmd "$@" 3>&- || fail "$(cat adapter.log hint testpmd.log)"
}

# total NAME - of testpmd's counters, accumulated
total() {
	sed -n "/Accumulated/,\$s/.*$1: *\([0-9]*\).*/\1/p" testpmd.log
}

# counted NAME - by the adapter, in stats
counted() {
	python3 -c 'import json, sys; print(json.load(open("stats"))["ports"][0][sys.argv[1]])' "$1"
}

@test "the distribution's testpmd for arm64, emulated, with this build's driver, by manakin args: what it sends arrives undamaged" {
	testpmd sink+verify txonly TX
	[ "$(total TX-packets)" -gt 0 ]
	equal "$(total TX-packets) 0" "$(counted wire_tx) $(counted wire_bad)" "packets on the wire, and damaged"
}

@test "the distribution's testpmd for arm64, emulated, with this build's driver receives what the adapter generates" {
	testpmd generator:size=64 rxonly RX
	[ "$(total RX-packets)" -gt 0 ]
	[ "$(counted rx_packets)" -ge "$(total RX-packets)" ]
}
