#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# The examples of docs/testing-your-application.md, as they are in docs/examples: each passes with an
# application that survives its scenario, and fails with one that does not.

load common

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	EXAMPLES=$ROOT/docs/examples
	# The program, and an argument list that names the driver under test
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/manakin" <<-END
		#!/bin/sh
		[ "\$1" != args ] || set -- args --plugin "$PMD" mana0
		exec "$MANAKIN" "\$@"
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/manakin"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	export LCORES=${CPUS%%[,-]*},${CPUS##*[,-]}
}

# example NAME [EDIT] - run it; EDIT is a sed script that spoils its application
example() {
	cp "$EXAMPLES/common.sh" "$BATS_TEST_TMPDIR/"
	sed "${2:-}" "$EXAMPLES/$1.sh" >"$BATS_TEST_TMPDIR/$1.sh"
	run timeout -s KILL "$PATIENCE" sh "$BATS_TEST_TMPDIR/$1.sh" 3>&-
}

@test "service-reset: testpmd goes on after both resets" {
	example service-reset
	equal 0 "$status" "$output" && contains "$output" "^passed"
}

@test "silent-channel: testpmd goes on after the time-out" {
	example silent-channel
	equal 0 "$status" "$output" && contains "$output" "^passed"
}

@test "stalled-queue: testpmd goes on after the stall, and reports each change of the link" {
	example stalled-queue
	equal 0 "$status" "$output" && contains "$output" "^passed"
}

@test "an application that ends, and one that does not notice the link, fail" {
	example service-reset 's/ --stats-period 1//' # at the end of its input
	equal 1 "$status" "$output" && contains "$output" "^FAILED: the application has ended"
	example stalled-queue 's/ --stats-period/ --mask-event intr_lsc --stats-period/; s/within 60 noticed/within 2 noticed/'
	equal 1 "$status" "$output" && contains "$output" "^FAILED: not in time: noticed"
}

@test "what the document shows of the examples is what they contain" {
	run python3 - "$ROOT/docs/testing-your-application.md" "$EXAMPLES" <<-'END'
		import pathlib, re, sys
		text = pathlib.Path(sys.argv[1]).read_text()
		shown = re.findall(r"^\[`([\w.-]+\.sh)`\]\(examples/\1\)[^\n]*\n\n```\w*\n(.*?)^```$", text, re.M | re.S)
		assert {name for name, _ in shown} == {"service-reset.sh", "silent-channel.sh", "stalled-queue.sh"}, shown
		for name, block in shown:
		    file = (pathlib.Path(sys.argv[2]) / name).read_text()
		    assert block in file, name + " does not contain:\n" + block
	END
	equal 0 "$status" "$output"
}
