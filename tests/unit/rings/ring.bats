#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# scripts/ring.py, on suites that are scripts of a few lines: how often they are run, what is said
# of those that fail, and the last line.

bats_require_minimum_version 1.5.0
load ../../assert

setup() {
	RING=$BATS_TEST_DIRNAME/../../../scripts/ring.py
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir tree
	echo "project('fake')" >tree/meson.build
}

# suite NAME FAILURES - three tests; the second fails the first FAILURES times that it is run
suite() {
	cat >"tree/$1" <<-END
		#!/bin/sh
		echo run >>$PWD/$1.runs
		echo 1..3
		echo ok 1 first
		if [ \$(wc -l <$PWD/$1.runs) -le $2 ]; then
			echo not ok 2 second
			echo "# the reason of run \$(wc -l <$PWD/$1.runs)"
			echo not ok 2 second >&2
			echo "# the reason of run \$(wc -l <$PWD/$1.runs)" >&2
			echo ok 3 third
			exit 1
		fi
		echo ok 2 second
		echo ok 3 third
	END
	chmod +x "tree/$1"
	echo "test('$1', find_program('$1'), protocol : 'tap', is_parallel : false)" >>tree/meson.build
}

# program NAME COMMAND [SECONDS] - a suite without a list of tests
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"tree/$1"
	chmod +x "tree/$1"
	echo "test('$1', find_program('$1'), timeout : ${3:-60})" >>tree/meson.build
}

# ring STATUS OPTION... - run it and count; sets output
ring() {
	local wanted=$1
	shift
	meson setup build tree >/dev/null
	"$RING" run "$@" lab build >said 2>&1 || :
	run "$RING" count build/lab
	equal "$wanted" "$status" "exit status, of: $output"
}

# runs NAME COUNT
runs() {
	equal "$2" "$(wc -l <"$1.runs")" "runs of $1"
}

# last TEXT - the last line
last() {
	equal "$1" "${lines[-1]}" 'the last line'
}

# says TEXT
says() {
	grep -qxF -e "$1" <<<"$output" || fail "no line is '$1' in:" "$output"
}

@test "all pass: each is run once" {
	suite one 0
	suite two 0
	ring 0 --again
	runs one 1
	runs two 1
	last '6 passed, 0 failed'
	equal '6 passed, 0 failed' "$output" 'all that is said'
}

@test "a suite that fails first and passes then is flaky, and counts once" {
	suite one 0
	suite two 1
	ring 0 --again
	runs one 1
	runs two 2
	says 'flaky: two'
	says 'failed first: two: second'
	says '    # the reason of run 1'
	last '6 passed, 0 failed'
}

@test "a suite that fails twice has failed, with the reason of the second time" {
	suite one 0
	suite two 2
	ring 1 --again
	runs two 2
	says 'failed: two: second'
	says '    # the reason of run 2'
	last '5 passed, 1 failed'
	[[ $output != *flaky* ]] || fail "$output"
}

@test "two flaky suites are put up with, three are a failure" {
	suite one 1
	suite two 1
	suite three 0
	ring 0 --again
	says 'flaky: one'
	says 'flaky: two'
	last '9 passed, 0 failed'
	suite four 1
	rm -r build ./*.runs
	ring 1 --again
	says 'flaky: one'
	says 'flaky: two'
	says 'flaky: four'
	says 'failed: four: second'
	says '3 suites are flaky; more than 2 are a failure'
	last '9 passed, 3 failed'
}

@test "without --again a failure stays one" {
	suite one 1
	ring 1
	runs one 1
	says 'failed: one: second'
	last '2 passed, 1 failed'
}

@test "why a suite has failed is said as soon as it has ended, before the next one is run" {
	suite one 1
	suite two 0
	ring 0 --again
	awk '/the reason of run 1/ { reason = NR } /two *OK/ { if (!next_one) next_one = NR }
		END { exit !(reason && reason < next_one) }' said || fail "$(<said)"
}

@test "what ends before its time, or never, has failed; so has what is skipped" {
	program ends 'echo 1..3; echo ok 1 first; exit 1'
	program hangs 'echo here; exec sleep 60' 1
	program skips 'exit 77'
	program good 'exit 0'
	sed -i "/'ends'/s/timeout/protocol : 'tap', timeout/" tree/meson.build
	ring 1
	grep -E '^failed: ends: (ERROR|FAIL) after 0 s, with 1 of 3 tests run' <<<"$output"
	grep -E '^failed: hangs: TIMEOUT after' <<<"$output"
	grep -E '^failed: skips: SKIP' <<<"$output"
	last '2 passed, 3 failed'
}

@test "a test that is skipped in a suite counts as failed" {
	program skips 'echo 1..2; echo ok 1 first; echo ok 2 "second # skip no time"'
	sed -i "/'skips'/s/timeout/protocol : 'tap', timeout/" tree/meson.build
	ring 1
	last '1 passed, 1 failed'
}

@test "no results at all are a failure" {
	run -1 "$RING" count build/lab
	last '0 passed, 1 failed'
}

@test "the results of a ring under a wrapper count" {
	suite one 0
	meson setup build tree >/dev/null
	"$RING" run lab build --wrapper "env -u NONE" >said 2>&1
	run -0 "$RING" count build/lab
	equal "3 passed, 0 failed" "$output"
}
