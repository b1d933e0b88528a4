# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# common.bash - adapters and testpmd for the native tests.
#
#	adapter OPTION...		manakin device, found by DPDK at 7870:00:00.0
#	adapter_stat PORT COLUMN	one of its counters, without ending it
#	testpmd_start EAL... -- APP...	an interactive testpmd; returns when it is ready
#	testpmd COMMAND...		gives it commands ("sleep N" waits); its output
#	testpmd_quit			ends it; its exit status
#	testpmd_for SECONDS ARGUMENT...	one that forwards for that time and is interrupted; its output
#
# Everything started ends with the test, in teardown().

bats_require_minimum_version 1.5.0
load ../assert

ADDRESS=7870:00:00.0
MAC0=00:0d:3a:76:3b:d0
MAC1=00:0d:3a:76:3b:d1
export SYSFS_PCI_DEVICES=/run/manakin/mana0/pci
# Two lcores on any CPUs that the process may use; which ones does not matter to these tests.
CPUS=$(taskset -cp $$ | sed "s/.*: //")
LCORES=(--lcores "0@($CPUS),1@($CPUS)")
SMALL=(--total-num-mbufs=8192)

# contains TEXT PATTERN - a line of TEXT matches the regular expression
contains() {
	grep -Eq -e "$2" <<<"$1" || fail "no line matches '$2' in:" "$1"
}

adapter() {
	"$MANAKIN" device "$@" >"$BATS_TEST_TMPDIR/adapter.out" 2>"$BATS_TEST_TMPDIR/adapter.log" 3>&- &
	ADAPTER=$!
	await grep -q "waiting for a client" "$BATS_TEST_TMPDIR/adapter.log"
}

adapter_stop() {
	kill -INT "$ADAPTER" && wait "$ADAPTER"
}

adapter_stat() {
	"$MANAKIN" control stats --json | python3 -c '
import json, sys
rows = next(iter(json.load(sys.stdin).values()))
print(rows[int(sys.argv[1])][sys.argv[2]])' "$1" "$2"
}

# stat_is PORT COLUMN VALUE
stat_is() {
	[[ $(adapter_stat "$1" "$2") == "$3" ]]
}

# sending - wait until packets leave port 0
sending() {
	await more_than "$(adapter_stat 0 tx_packets)"
}

more_than() {
	(($(adapter_stat 0 tx_packets) > $1))
}

testpmd_start() {
	local eal=()
	while [[ $1 != -- ]]; do
		eal+=("$1")
		shift
	done
	shift
	rm -f "$BATS_TEST_TMPDIR/in"
	mkfifo "$BATS_TEST_TMPDIR/in"
	stdbuf -oL dpdk-testpmd -d "$PMD" "${LCORES[@]}" "${eal[@]}" -- -i "$@" \
		<"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/testpmd.out" 2>&1 3>&- &
	TESTPMD=$!
	exec 7>"$BATS_TEST_TMPDIR/in"
	testpmd "show version" >/dev/null || {
		cat "$BATS_TEST_TMPDIR/testpmd.out" >&2
		return 1
	}
}

# answered MARK - has testpmd reached the mark? It reports unknown commands
answered() {
	grep -A1 "$1" "$BATS_TEST_TMPDIR/testpmd.out" | grep "Command not found"
}

testpmd() {
	local from mark command
	from=$(stat -c %s "$BATS_TEST_TMPDIR/testpmd.out")
	mark=end_$(date +%s%N)
	for command in "$@" "$mark"; do
		if [[ $command == sleep\ * ]]; then
			$command
		else
			printf '%s\n' "$command" >&7
		fi
	done
	await answered "$mark" || return
	tail -c "+$((from + 1))" "$BATS_TEST_TMPDIR/testpmd.out"
}

testpmd_quit() {
	printf 'quit\n' >&7
	exec 7>&-
	wait "$TESTPMD"
}

testpmd_for() {
	local seconds=$1 pid out=$BATS_TEST_TMPDIR/testpmd_for.out
	shift
	stdbuf -oL dpdk-testpmd -d "$PMD" "${LCORES[@]}" "$@" </dev/null >"$out" 2>&1 3>&- &
	pid=$!
	# From the start of forwarding: the EAL's time depends on the machine's hugepages.
	if await grep -q "packet forwarding - ports=" "$out"; then
		sleep "$seconds"
		kill -INT "$pid"
		await not kill -0 "$pid" || :
	fi
	kill -KILL "$pid" 2>/dev/null || :
	wait "$pid" || :
	cat "$out"
}

# not COMMAND... - the command must fail
not() {
	! "$@"
}

# forwarded TEXT COLUMN - the sum over all ports in the output of a testpmd that has stopped
forwarded() {
	grep -A3 'Accumulated forward statistics' <<<"$1" |
		sed -n "s/.*$2: *\([0-9]*\).*/\1/p" | tail -n 1
}

# xstat TEXT NAME - one counter of `show port xstats`
xstat() {
	sed -n "s/^$2: //p" <<<"$1" | tail -n 1
}

teardown() {
	exec 7>&-
	local pid
	for pid in $(jobs -p); do
		kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	local reported=
	! grep -qs "WARNING: ThreadSanitizer" "$BATS_TEST_TMPDIR"/*.log || reported=1
	if [[ -z $BATS_TEST_COMPLETED || $reported ]]; then
		tail -n 60 "$BATS_TEST_TMPDIR"/*.log "$BATS_TEST_TMPDIR"/testpmd.out >&2 2>/dev/null || :
	fi
	rm -rf /run/manakin /run/dpdk
	[[ ! $reported ]]
}
