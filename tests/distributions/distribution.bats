# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# The tree in a chroot of the suite SUITE, of Debian or Ubuntu, from its own compiler, Meson and libraries
# (chroot.sh). TESTS is what runs of the unit ring there: core (programs in C, on what they are
# linked with) or all.

bats_require_minimum_version 1.5.0
load ../assert

setup_file() {
	SCRATCH=$(mktemp -d "$(dirname "$BATS_FILE_TMPDIR")/$SUITE.XXXXXX")
	export SCRATCH
	driver_headers >"$SCRATCH/headers.log" 2>&1 || :
}

# driver_headers - those of the suite's DPDK, for an archive that has its packages but not its sources:
# made here of this machine's (scripts/dpdk-headers.sh). The chroot fetches its own if there are any.
driver_headers() {
	"$BATS_TEST_DIRNAME/../../scripts/dpdk-headers.sh" "$SCRATCH" "$SUITE" || return
	rm -rf "$SCRATCH/dpdk-sysroot"
	mkdir -p "$SCRATCH/written/checkout/build"
	mv "$SCRATCH/dpdk-headers" "$SCRATCH/written/checkout/build/"
}

teardown_file() {
	rm -rf --one-file-system "$SCRATCH"
}

# there SCRIPT [ARGUMENT...] - run it with sh in the chroot; what it writes is there for the next
there() {
	"$BATS_TEST_DIRNAME/chroot.sh" --scratch "$SCRATCH" "$SUITE" sh -euc "$1" there "${@:2}"
}

@test "make builds the program, and the driver or it says why not" {
	there '
		make >/tmp/make 2>&1 || { cat /tmp/make; exit 1; }
		build/manakin --version
		[ -e build/librte_net_manakin.so ] || grep -A3 "driver" /tmp/make
	'
	cat "$SCRATCH/headers.log"
}

@test "the unit ring passes" {
	# shellcheck disable=SC2016 # for the shell there
	there '
		git config --global --add safe.directory "*"
		git init -q . && git add -A >/dev/null
		meson configure build -Dtests=true
		if [ "$1" = all ]; then
			ninja -C build >/tmp/ninja || { tail -n 40 /tmp/ninja; exit 1; }
			set -- --suite unit --suite fuzz --suite packaging
			# Releases are made where rpmlint is as new as that of Debian 12.
			rpmlint --help 2>&1 | grep -q -e --ignore-unused || set -- "$@" --no-suite making-releases
		else
			set -- --suite unit --no-suite commands --no-suite plain
		fi
		scripts/ring.py run unit build "$@" >/tmp/unit 2>&1 || :
		scripts/ring.py count build/unit || { cat /tmp/unit; exit 1; }
	' "$TESTS"
}

@test "list, check and diagnose answer" {
	# shellcheck disable=SC2016
	there '
		build/manakin list
		build/manakin list --json | python3 -c "import json, sys; json.load(sys.stdin)[\"adapters\"]"
		status=0
		build/manakin check --json >/tmp/check || status=$?
		[ $status -le 2 ]
		python3 -c "import json; assert len(json.load(open(\"/tmp/check\"))[\"checks\"]) > 5"
		status=0
		build/manakin diagnose --json tests/unit/host/logs/guide-hugepages.log >/tmp/diagnosis || status=$?
		[ $status -eq 1 ]
		grep hugepages-none /tmp/diagnosis
	'
}

@test "device is an adapter, and run sends packets through it if the driver was built" {
	# shellcheck disable=SC2016
	there '
		build/manakin device --log warning --port mac=00:0d:3a:76:3b:d0,fabric=sink+verify >/tmp/device 2>&1 &
		device=$!
		until build/manakin control stats --json >/tmp/stats 2>&1; do
			kill -0 $device || { cat /tmp/device; exit 1; }
			sleep 0.1
		done
		if [ -e build/librte_net_manakin.so ]; then
			# No file of a hugetlbfs: the chroot has none mounted.
			build/manakin run --plugin build/librte_net_manakin.so --queues 2 --seconds 2 -- --in-memory --
			build/manakin control stats --json >/tmp/stats
			python3 -c "
import json
port = json.load(open(\"/tmp/stats\"))[\"ports\"][0]
print(port)
assert port[\"tx_packets\"] > 1000"
		fi
		kill -INT $device
		wait $device
	'
}
