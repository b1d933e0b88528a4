#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# What the process of an adapter may still do while it serves a client, compared with lists.
# tests/unit/confine/test_confine.c tries what it may not.

load common

LOG=adapter.log

# of_each_thread FIELD - its value in /proc/PID/task/*/status, if it is the same in all
of_each_thread() {
	sed -n "s/^$1:[[:space:]]*//p" /proc/"$ADAPTER"/task/*/status | sort -u
}

# four ID - as it is in /proc: real, effective, saved, and for files
four() {
	printf '%s\t%s\t%s\t%s' "$1" "$1" "$1" "$1"
}

# limit_of NAME - the hard limit
limit_of() {
	sed -n "s/^$1  *[^ ]*  *\([^ ]*\).*/\1/p" "/proc/$ADAPTER/limits"
}

# kinds - of the descriptors that the adapter has open, but for those that it was started with. The
# pidfd is its own, for the watchdog; Linux before 6.9 calls it otherwise.
kinds() {
	local fd
	for fd in /proc/"$ADAPTER"/fd/*; do
		# Bats's own are inherited, with their numbers.
		[[ $(readlink "$fd") == "$(readlink "/proc/$$/fd/${fd##*/}")" ]] || ((${fd##*/} < 3)) || readlink "$fd"
	done | sed -E "s/:\[[0-9]+\]$//; s/ \(deleted\)$//; s/^anon_inode:\[pidfd\]$/pidfd/" | sort -u
}

# confined - the lists
confined() {
	local set
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		equal 0000000000000000 "$(of_each_thread $set)" "$set"
	done
	equal 1 "$(of_each_thread NoNewPrivs)" NoNewPrivs
	equal 2 "$(of_each_thread Seccomp)" Seccomp
	equal 0 "$(limit_of "Max core file size")" "core files"
}

@test "an adapter that forwards has no capability, a filter in each thread, and no file of the host open" {
	local threads rss
	adapter --cpus "${CPUS%%[-,]*}" --port "mac=$MAC0,fabric=sink" --port "mac=$MAC1,fabric=loop"
	testpmd_start --vdev="$ADDRESS,mac=$MAC0" -- "${SMALL[@]}" --forward-mode=txonly
	testpmd start >/dev/null
	sending
	threads=$(ls /proc/"$ADAPTER"/task | wc -l)
	((threads >= 2)) || fail "$threads threads"
	confined
	equal "$(printf '%s\n' /memfd:mana-doorbells 'anon_inode:[eventfd]' \
		'anon_inode:[eventpoll]' 'anon_inode:[signalfd]' 'anon_inode:[timerfd]' pidfd pipe socket | sort -u)" "$(kinds)" descriptors
	rss=$(awk '/RssAnon|RssFile/ { sum += $2 } END { print sum }' "/proc/$ADAPTER/status")
	((rss < 8192)) || fail "$rss KiB of its own"
	testpmd_quit
	adapter_stop
	[[ ! -e /run/manakin/mana0 ]] || fail "$(ls -R /run/manakin)"
}

@test "with --user, it is that user, who removes the sockets at the end" {
	adapter --user nobody --port "mac=$MAC0,fabric=sink"
	confined
	equal "$(four "$(id -u nobody)")" "$(of_each_thread Uid)" uid
	equal "$(four "$(id -g nobody)")" "$(of_each_thread Gid)" gid
	equal "" "$(of_each_thread Groups)" groups
	contains "$(testpmd_for 1 --vdev="$ADDRESS,mac=$MAC0" -- "${SMALL[@]}" --forward-mode=txonly)" "TX-packets: [1-9]"
	adapter_stop
	[[ -z $(find /run/manakin -type s) ]] || fail "$(find /run/manakin)"
	adapter --port "mac=$MAC0,fabric=sink" # what is left is in nobody's way
	adapter_stop
}

@test "a user without any right runs one whose sockets, tap and capture are passed" {
	local capture=/run/native/capture
	"$BATS_TEST_DIRNAME/passed.py" native0 "$capture" "$MANAKIN" device --sandbox=strict \
		--port "mac=$MAC0,fabric=pcap:fd:capture" --port "mac=$MAC1,fabric=tap:fd:tap" \
		>"$BATS_TEST_TMPDIR/adapter.out" 2>"$BATS_TEST_TMPDIR/$LOG" 3>&- &
	ADAPTER=$!
	await grep -q "waiting for a client" "$BATS_TEST_TMPDIR/$LOG"
	equal 0000000000000000 "$(of_each_thread CapEff)" CapEff
	equal 2 "$(of_each_thread Seccomp)" Seccomp
	equal "$(four "$(id -u nobody)")" "$(of_each_thread Uid)" uid
	contains "$(testpmd_for 1 --vdev="$ADDRESS,mac=$MAC0" -- "${SMALL[@]}" --forward-mode=txonly)" "TX-packets: [1-9]"
	(($(adapter_stat 0 tx_packets) > 0)) || fail "$("$MANAKIN" control stats)"
	adapter_stop
	[[ -S /run/manakin/mana0/socket ]] || fail "a passed socket is not the adapter's to remove"
	tcpdump -r "$capture" -c 1 2>/dev/null | grep -q . || fail "nothing captured"
}

@test "what a kernel lacks is said once, and with --sandbox=strict the adapter does not start" {
	local old=${WAITER%/*}/old-kernel
	"$old" seccomp -- "$MANAKIN" device >"$BATS_TEST_TMPDIR/adapter.out" 2>"$BATS_TEST_TMPDIR/$LOG" 3>&- &
	ADAPTER=$!
	await grep -q "waiting for a client" "$BATS_TEST_TMPDIR/$LOG"
	equal 1 "$(grep -c "^warning: the sandbox is incomplete; it lacks a filter of system calls" "$BATS_TEST_TMPDIR/$LOG")" lines
	equal 0000000000000000 "$(of_each_thread CapEff)" CapEff
	adapter_stop
	run --separate-stderr "$old" seccomp -- "$MANAKIN" device --sandbox=strict
	equal 1 "$status" status
	contains "$stderr" "^manakin device: --sandbox=strict: the sandbox would lack a filter of system calls"
	equal 1 "$(wc -l <<<"$stderr")" lines
	[[ ! -e /run/manakin/mana0 ]]
}

@test "on a kernel without Landlock it lives in a mount namespace without a file" {
	"${WAITER%/*}/old-kernel" landlock -- "$MANAKIN" device --sandbox=strict --port "mac=$MAC0,fabric=sink" \
		>"$BATS_TEST_TMPDIR/adapter.out" 2>"$BATS_TEST_TMPDIR/$LOG" 3>&- &
	ADAPTER=$!
	await grep -q "waiting for a client" "$BATS_TEST_TMPDIR/$LOG"
	confined
	equal "$(ls /proc/"$ADAPTER"/task | wc -l)" "$(cat /proc/"$ADAPTER"/task/*/mountinfo | wc -l)" "mounts, one for each thread"
	equal "" "$(find /proc/"$ADAPTER"/root/ -mindepth 1)" files
	contains "$(testpmd_for 1 --vdev="$ADDRESS,mac=$MAC0" -- "${SMALL[@]}" --forward-mode=txonly)" "TX-packets: [1-9]"
	adapter_stop
	adapter --port "mac=$MAC0,fabric=sink" # the sockets are left behind, and are replaced
	adapter_stop
}

@test "--no-sandbox keeps all rights, and says so" {
	adapter --no-sandbox
	contains "$(cat "$BATS_TEST_TMPDIR/$LOG")" "^warning: the sandbox is off"
	equal "$(sed -n 's/^Seccomp:\t*//p' /proc/$$/status)" "$(of_each_thread Seccomp)" Seccomp
	equal "$(sed -n 's/^CapEff:\t*//p' /proc/$$/status)" "$(of_each_thread CapEff)" CapEff
	adapter_stop
}
