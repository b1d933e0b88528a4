#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# An application other than testpmd: it sleeps until a packet arrives (waiter.c).

load common

# waiter MILLISECONDS...
waiter() {
	timeout -s KILL "$PATIENCE" "$WAITER" -d "$PMD" "${LCORES[@]:0:1}" "0@($CPUS)" --vdev="$ADDRESS" -- "$@" 3>&-
}

# value NAME
value() {
	sed -n "s/^$1 //p" <<<"$output"
}

@test "receive interrupts: without packets no CPU is used" {
	adapter --port mac=$MAC0
	run -0 waiter 2000
	equal 0 "$(value packets)" packets
	equal 0 "$(value wakes)" wake-ups
	(($(value cpu) < 100)) || fail "used $(value cpu) ms of CPU while it slept"
}

@test "receive interrupts: packets wake the application" {
	adapter --port mac=$MAC0,fabric=generator:size=64,rate=100
	run -0 waiter 2000 500
	(($(value packets) >= 100)) || fail "$(value packets) packets in 2 s, not 200"
	(($(value wakes) >= 50)) || fail "woken $(value wakes) times"
	(($(value again) >= 5)) || fail "woken $(value again) times after the queue was started again"
	(($(value cpu) < 500)) || fail "used $(value cpu) ms of CPU"
}

@test "registers are dumped, sent mbufs are freed, no mbuf is lost" {
	adapter --port mac=$MAC0
	run -0 waiter 100
	equal "0x1000000 of 10" "$(value register)" "version register"
	equal 100 "$(value cleaned)" "packets given back"
	await stat_is 0 wire_tx 100
}
