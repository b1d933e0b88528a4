#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Run rings of tests; tests/README.md says what each is and how long it takes.
# usage: check.sh test|check|check-all BUILD
#
#   test		style, unit, fuzz replays, and the core of the native ring
#   check	also packaging, unit and fuzz tests under the sanitizers, the whole native ring, the unit ring's
#		core in chroots of Debian 12 and 13, the lab
#   check-all	also the core of the native ring on an adapter under the thread sanitizer, which has
#		no sandbox to test; the memory model; unit and fuzz tests on arm64, emulated; forky, and
#		what takes its time
set -u

what=$1 build=$2
sanitized=$build-sanitize
threaded=$build-threads
emulated=$build-arm64
rings=
failed=0
# A report ends the program: a test fails that would only have printed it.
tsan=halt_on_error=1

# run [--again] NAME BUILD ARGUMENT... - run one ring of tests; its results are counted at the end
run()
{
	again=
	[ "$1" != --again ] || { again=--again; shift; }
	scripts/ring.py run $again "$@" || failed=1
	rings="$rings $2/$1"
}

# emulate - the programs of the rings unit and fuzz on arm64, emulated
emulate()
{
	if ! HEADERS=$build scripts/cross/setup.sh "$emulated" >/dev/null || ! ninja -C "$emulated"; then
		failed=1
		return
	fi
	scripts/cross/programs.py "$emulated" | xargs -d '\n' scripts/ring.py run arm64 "$emulated" \
		--timeout-multiplier 8 || failed=1
	rings="$rings $emulated/arm64"
	# Nothing is left out in silence.
	grep -h '^under ' "$emulated/meson-logs/arm64.txt"
}

ninja -C "$build" || exit 1

# Many tests of commands wait for what they started.
several=$(($(nproc) * 3 / 2))

run style "$build" --suite style
run unit "$build" --suite unit --suite fuzz --num-processes $several
if [ "$what" = test ]; then
	# Each needs two CPUs and hugepages.
	run native "$build" --suite native-core --num-processes 1
else
	run packaging "$build" --suite packaging
	# The fuzz target of the poll-mode driver needs DPDK's headers, too.
	[ ! -d "$build/dpdk-headers" ] || [ -d "$sanitized/dpdk-headers" ] || {
		rm -rf "$sanitized" && mkdir "$sanitized" && cp -r "$build/dpdk-headers" "$sanitized/"
	}
	[ -f "$sanitized/build.ninja" ] ||
		meson setup "$sanitized" -Db_sanitize=address,undefined -Db_lundef=false >/dev/null || exit 1
	# Only what these need is built.
	# The suite "plain" runs no code that is built again here, or none that others do not run.
	run sanitize "$sanitized" --suite unit --suite fuzz --no-suite plain --num-processes $several
	# The thread sanitizer starts later than the resolvers of vector code run (-Dvector=false), and
	# wants addresses where it expects them (setarch -R).
	[ -f "$threaded/build.ninja" ] ||
		meson setup "$threaded" -Db_sanitize=thread -Db_lundef=false -Dvector=false >/dev/null || exit 1
	TSAN_OPTIONS="$tsan" run threads "$threaded" --suite threads --wrapper 'setarch -R' --timeout-multiplier 4
	run native "$build" --suite native --num-processes 1
	if [ "$what" = check-all ]; then
		ninja -C "$threaded" manakin || exit 1
		TSAN_OPTIONS="$tsan" MANAKIN_THREADS="$(readlink -f "$threaded/manakin")" \
			run native-threads "$build" --suite native-threads --num-processes 1 --timeout-multiplier 4
		run litmus "$build" --suite litmus
		emulate
	fi

	# In chroots, which the first run makes and then keeps
	case $what in
	check) run distributions "$build" --suite distributions-core --num-processes 1 ;;
	*) run distributions "$build" --suite distributions --num-processes 1 ;;
	esac

	echo "== guest images (built once, then kept)"
	suites="trixie bookworm"
	[ "$what" = check ] || suites="$suites forky noble"
	for suite in $suites; do
		"$build/manakin" lab build --suite "$suite" || failed=1
	done
	"$build/manakin" lab build --kernel generic || failed=1
	for pages in 4k 16k; do
		"$build/manakin" lab build --suite trixie --arch arm64 --pages "$pages" || failed=1
	done
	echo "== the poll-mode driver for the guests (built once, then kept)"
	scripts/pmd-for-suite.sh trixie "$build/trixie" || failed=1
	scripts/pmd-for-suite.sh trixie "$build/trixie-arm64" arm64 || failed=1
	# A guest without KVM keeps little more than one CPU busy.
	run --again lab "$build" --suite lab --num-processes 2
	[ "$what" = check ] || run --again forky "$build" --suite forky --suite long --num-processes 1
fi

# shellcheck disable=SC2086
scripts/ring.py count $rings || failed=1
exit $failed
