#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# What a port offers to an application besides packets (see port.c), and its memory.

load common

@test "counters by name, filters, RSS, queues, MTU, identity, packet types; under 512 KiB a pair of queues, out of the adapter's reach" {
	adapter --port "mac=$MAC0,fabric=loop,mtu=9000"
	run timeout -s KILL "$PATIENCE" "${WAITER%/*}/port" -d "$PMD" --lcores "0@($CPUS)" --vdev="$ADDRESS" -- 3>&-
	((status == 0)) || fail "$output"
	contains "$output" "^done"
}

@test "link events, down and up" {
	local pid out=$BATS_TEST_TMPDIR/testpmd.out
	adapter --port "mac=$MAC0,fabric=loop,mtu=9000"
	timeout -s KILL "$PATIENCE" "${WAITER%/*}/port" -d "$PMD" --lcores "0@($CPUS)" --vdev="$ADDRESS" -- down >"$out" 2>&1 3>&- &
	pid=$!
	await grep -q "^ready" "$out"
	"$MANAKIN" control link 0 down
	await grep -q "^link down" "$out"
	"$MANAKIN" control link 0 up
	wait "$pid"
	contains "$(cat "$out")" "^link up"
	contains "$(cat "$out")" "^done"
}
