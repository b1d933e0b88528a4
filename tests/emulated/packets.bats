# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The adapter and the user-space driver of a build for another architecture, both emulated
# (qemu-user), which share memory and doorbells. EMULATOR is the command that runs a program.

load "$SOURCE/tests/assert"

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	[ -z "${ADAPTER:-}" ] || { kill "$ADAPTER" && wait "$ADAPTER"; } 2>/dev/null || :
}

# adapter FABRIC - start one; its sandbox needs seccomp, which the emulator does not have
adapter() {
	# shellcheck disable=SC2086 # a command
	$EMULATOR "$MANAKIN" device --no-sandbox --socket adapter.sock \
		--port "mac=00:0d:3a:76:3b:d0,fabric=$1" >adapter.log 2>&1 3>&- &
	ADAPTER=$!
	await test -S adapter.sock
}

# counter NAME - of the adapter's port
counter() {
	# shellcheck disable=SC2086 # a command
	$EMULATOR "$MANAKIN" control --socket adapter.sock stats --json |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["ports"][0][sys.argv[1]])' "$1"
}

@test "what an emulated arm64 driver sends arrives at an emulated arm64 adapter's sink undamaged" {
	adapter sink+verify
	# shellcheck disable=SC2086 # a command
	$EMULATOR "$DRIVER_BENCH" adapter.sock tx 64 2
	[ "$(counter wire_tx)" -gt 1000 ]
	[ "$(counter wire_bad)" -eq 0 ]
}

@test "what an emulated arm64 adapter generates arrives at an emulated arm64 driver" {
	adapter generator:size=64
	# shellcheck disable=SC2086 # a command
	$EMULATOR "$DRIVER_BENCH" adapter.sock rx 64 2
	[ "$(counter rx_packets)" -gt 1000 ]
}
