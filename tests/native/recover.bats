#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Resets of the adapter under an application that polls its queues: what it is told, and that packets
# go on (recover.c; testpmd).

load common

# app_start [ARGUMENT...] - recover.c, on the adapter at $ADDRESS; returns when it sends
app_start() {
	APP_OUT=$BATS_TEST_TMPDIR/app.out
	rm -f "$BATS_TEST_TMPDIR/app.in"
	mkfifo "$BATS_TEST_TMPDIR/app.in"
	"${WAITER%/*}/recover" -d "$PMD" "${LCORES[@]}" --vdev="$ADDRESS" -- "$@" \
		<"$BATS_TEST_TMPDIR/app.in" >"$APP_OUT" 2>&1 3>&- &
	APP=$!
	exec 7>"$BATS_TEST_TMPDIR/app.in"
	await grep -q "^ready" "$APP_OUT" || fail "$(cat "$APP_OUT")"
}

# lines PATTERN - how many of the application's lines match
lines() {
	grep -Ec -e "$1" "$APP_OUT" || :
}

# there NUMBER PATTERN - so many lines match
there() {
	(($(lines "$2") == $1))
}

# app COMMAND - its answer, a line that begins with the command
app() {
	local before
	before=$(lines "^$1")
	printf '%s\n' "$1" >&7
	await there $((before + 1)) "^$1" || fail "no answer to '$1' in:" "$(cat "$APP_OUT")" || return
	grep -e "^$1" "$APP_OUT" | tail -n 1
}

# app_quit - no mbuf is missing
app_quit() {
	local output
	output=$(app quit)
	exec 7>&-
	wait "$APP"
	equal "quit 0" "$output" "mbufs that are missing at the end"
}

# more COLUMN NUMBER - the application has sent (2) or received (3) more than that
more() {
	(($(app count | cut -d ' ' -f "$1") > $2))
}

# goes_on - packets are sent from now on
goes_on() {
	await more 2 "$(app count | cut -d ' ' -f 2)"
	sending
}

@test "the adapter asks for a reset in traffic, again and again: the port recovers with the same queues, and no mbuf is lost" {
	adapter --port "mac=$MAC0,fabric=loop"
	app_start 4
	for i in 1 2 3 4; do
		"$MANAKIN" control reset
		await there "$i" "^port 0 recovered"
		equal "$i" "$(lines "^port 0 recovering")" "resets that were announced"
		goes_on
		await more 3 "$(app count | cut -d ' ' -f 3)"
	done
	there 0 "^port 0 (failed|removed|asks)" || fail "$(cat "$APP_OUT")"
	app_quit
}

# more_on PORT NUMBER - of the adapter, has sent more
more_on() {
	(($(adapter_stat "$1" tx_packets) > $2))
}

@test "a reset of an adapter with two ports: both are told, and both go on" {
	adapter --port "mac=$MAC0,fabric=loop" --port "mac=$MAC1,fabric=loop"
	app_start 2
	for i in 1 2; do
		"$MANAKIN" control reset
		await there "$i" "^port 0 recovered"
		await there "$i" "^port 1 recovered"
		await more_on 1 "$(adapter_stat 1 tx_packets)"
		goes_on
	done
	app_quit
}

@test "the link's speed is what the adapter says" {
	adapter --port "mac=$MAC0,speed=40000" --port "mac=$MAC1"
	app_start
	equal "link up 40000 up 200000" "$(app link)" "links"
	app_quit
}

@test "rte_eth_dev_reset() of a port that works: it comes back and packets go on" {
	adapter --port "mac=$MAC0,fabric=loop"
	app_start 4
	for _ in 1 2 3; do
		equal reset "$(app reset)" "reset"
		goes_on
	done
	there 0 "^port 0 (recovering|recovered|failed)" || fail "$(cat "$APP_OUT")"
	app_quit
}

@test "the adapter is killed and another one started: after rte_eth_dev_reset() the port is there again" {
	adapter --port "mac=$MAC0,fabric=loop"
	app_start 4
	for i in 1 2; do
		kill -KILL "$ADAPTER"
		wait "$ADAPTER" || :
		await there "$i" "^port 0 removed"
		contains "$(app reset)" "^reset Input/output error"
		adapter --port "mac=$MAC0,fabric=loop"
		equal reset "$(app reset)" "reset"
		goes_on
		contains "$(app link)" "^link up"
	done
	app_quit
}

# back - rte_eth_dev_reset() finds the adapter
back() {
	[[ $(app reset) == reset ]]
}

@test "the function is revoked and comes back: rte_eth_dev_reset() works then" {
	echo "on sq 0.0 packet 20000: vf revoke 2s" >"$BATS_TEST_TMPDIR/scenario"
	adapter --port "mac=$MAC0,fabric=loop" --faults "$BATS_TEST_TMPDIR/scenario"
	app_start 2
	await there 1 "^port 0 removed"
	await back
	goes_on
	app_quit
}

@test "nothing of the function works any more: the next command times out, then the port recovers" {
	echo "on sq 0.0 packet 20000: timeout 500, device fatal" >"$BATS_TEST_TMPDIR/scenario"
	adapter --port "mac=$MAC0,fabric=loop" --faults "$BATS_TEST_TMPDIR/scenario"
	app_start 2
	await grep -q "fault 1" "$BATS_TEST_TMPDIR/adapter.log"
	app stats >/dev/null
	await there 1 "^port 0 recovered"
	goes_on
	app_quit
}

@test "testpmd: a reset in traffic is announced and done; port reset" {
	adapter --port "mac=$MAC0,fabric=sink"
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=2 --txq=2
	testpmd "set fwd txonly" "start" >/dev/null
	sending
	"$MANAKIN" control reset
	await grep -q "Port 0: error recovery successful event" "$BATS_TEST_TMPDIR/testpmd.out"
	contains "$(cat "$BATS_TEST_TMPDIR/testpmd.out")" "Port 0: error recovering event"
	sending
	run testpmd "stop" "port stop 0" "port reset 0" "port start 0"
	[[ $output != *Failed* ]] || fail "$output"
	testpmd "start" >/dev/null
	sending
	testpmd "stop" >/dev/null
	testpmd_quit
}

@test "a secondary process goes on after a reset of the adapter" {
	local pid
	adapter --port "mac=$MAC0,fabric=sink"
	testpmd_start --proc-type=primary --vdev="$ADDRESS" -- "${SMALL[@]}" --rxq=2 --txq=2 \
		--num-procs=2 --proc-id=0 --no-lsc-interrupt
	stdbuf -oL dpdk-testpmd -d "$PMD" "${LCORES[@]}" --proc-type=secondary --vdev="$ADDRESS" -- \
		--rxq=2 --txq=2 --num-procs=2 --proc-id=1 --no-lsc-interrupt --forward-mode=txonly \
		--auto-start --stats-period 1 </dev/null >"$BATS_TEST_TMPDIR/second.log" 2>&1 3>&- &
	pid=$!
	sending
	"$MANAKIN" control reset
	await grep -q "Port 0: error recovery successful event" "$BATS_TEST_TMPDIR/testpmd.out"
	sending
	kill -INT "$pid"
	wait "$pid" || (($? == 130))
	testpmd_quit
}
