#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Adapters and applications are killed in traffic hundreds of times, and no process grows.

load common

# cycles COMMAND... - it completes all cycles and exits with 0
cycles() {
	run timeout -s KILL "$PATIENCE" "$@" 3>&-
	((status == 0)) || fail "ended with $status:" "$output" || return
	contains "$output" "^cycles 500"
}

@test "500 adapters are killed in traffic: link down, removal event, the next by hotplug; no growth" {
	cycles "${WAITER%/*}/cycle" -d "$PMD" --lcores "0@($CPUS)" -m 32 -- adapters 500 "$ADDRESS" \
		"$MANAKIN" device --port "mac=$MAC0,fabric=loop"
}

@test "500 applications are killed in traffic: the adapter accepts the next; no growth" {
	adapter --port "mac=$MAC0,fabric=loop"
	cycles python3 "$BATS_TEST_DIRNAME/kills.py" 500 "$ADAPTER" "${WAITER%/*}/cycle" -d "$PMD" \
		--lcores "0@($CPUS)" --no-huge --no-shconf --file-prefix=client% --no-telemetry \
		-m 16 -a 0000:00:00.0 -- traffic "$ADDRESS"
}
