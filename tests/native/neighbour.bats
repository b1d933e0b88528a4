#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# A client attacks its adapter, in each way that is known; another client sends on a second adapter of
# the same process. What the programs do is in neighbour/.
#
#	neighbour.bats
#	  manakin device		one lane on the first CPU, the rest on the second
#	    adapter.socket <--	neighbour ATTACK (attackers, one process after the other)
#	    other.socket   <--	neighbour ATTACK (the well-behaved one)

load common

NEIGHBOUR=${WAITER%/*}/neighbour
LOG_MAX=200 # lines, whatever a client does

# attack NAME - the neighbour keeps its share, no doorbell waits, the adapter serves on, SIGTERM ends it
attack() {
	local cpus ports others log=$BATS_TEST_TMPDIR/adapter.log
	read -ra cpus < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0))[:2])')
	((${#cpus[@]} == 2)) || fail "this test needs two CPUs" || return
	{
		read -ra ports
		read -ra others
	} < <("$NEIGHBOUR" --ports "$1")
	# In a session of its own: see favour() in neighbour/main.c
	setsid taskset -c "${cpus[1]}" "$MANAKIN" device --cpus "${cpus[0]}" \
		--socket "$BATS_TEST_TMPDIR/adapter.socket" "${ports[@]/CAPTURE/$BATS_TEST_TMPDIR/capture.pcap}" \
		--socket "$BATS_TEST_TMPDIR/other.socket" "${others[@]}" \
		>"$BATS_TEST_TMPDIR/adapter.out" 2>"$log" 3>&- &
	ADAPTER=$!
	await grep -q "waiting for a client at .*other.socket" "$log"
	run --separate-stderr timeout -s KILL "$PATIENCE" "$NEIGHBOUR" "$ADAPTER" "${cpus[@]}" \
		"$BATS_TEST_TMPDIR/adapter.socket" "$BATS_TEST_TMPDIR/other.socket" "$1" 3>&-
	printf '# %s\n' "${lines[@]}" >&3
	((status == 0)) || fail "$output" "$stderr" || return
	wait "$ADAPTER"
	(($(wc -l <"$log") <= LOG_MAX)) || fail "the log has $(wc -l <"$log") lines" || return
}

# dropped WHY - the log names a client that was dropped with its pid, and none twice
dropped() {
	local log=$BATS_TEST_TMPDIR/adapter.log
	contains "$(cat "$log")" "adapter.socket: the client \(pid [0-9]+\) is disconnected: $1"
	(($(grep -c "is disconnected" "$log") <= $(grep -c "is attached" "$log"))) ||
		fail "more clients have left than were there" "$(cat "$log")"
}

# counted COLUMN ADAPTER PORT - the adapter has counted any there: the attack was one
counted() {
	awk -v name="$1" -v adapter="$2" -v port="$3" '
		$1 == "adapter" { for (at = 1; at <= NF && $at != name; at++); }
		at && $1 == adapter && $2 == port { count = $at }
		END { exit !(count > 0) }' "$BATS_TEST_TMPDIR/adapter.out" ||
		fail "$2 has no $1 at port $3:" "$(cat "$BATS_TEST_TMPDIR/adapter.out")"
}

# What a client sends and receives

@test "64 queues of large sends that are cut into tiny segments leave the neighbour its share" {
	attack segments
}

@test "64 queues of full-sized frames leave the neighbour its share" {
	attack frames
}

@test "invalid entries, each of which needs an error completion, leave the neighbour its share" {
	attack errors
}

@test "elements of 4 GiB over lists of pages, 30 in an entry, leave the neighbour its share" {
	attack elements
}

@test "receive buffers of 15 elements of 4 GiB leave the neighbour its share" {
	attack buffers
}

@test "broadcasts to 15 vPorts that do not read leave the neighbour its share" {
	attack storm
}

@test "a flood into a capture file leaves the neighbour its share" {
	attack capture
}

@test "a flood into a port that delays, reorders and duplicates leaves the neighbour its share" {
	attack impair
}

@test "the destruction of a full send queue of 1 MB of large sends holds nobody up" {
	attack destruction
}

# Commands, doorbells, memory

@test "a message of doorbells, each for 128 commands that change a vPort's steering, holds nobody up" {
	attack steering
}

@test "a message of doorbells, each for 128 searches for doorbell pages, holds nobody up" {
	attack ranges
}

@test "a flood of doorbells holds nobody up" {
	attack bells
}

@test "memory that is mapped and unmapped all the time holds nobody up" {
	attack maps
}

@test "a ring of 2 GiB that has to be looked up again after each mapping holds nobody up" {
	attack lookups
}

@test "resets one after the other hold nobody up" {
	attack resets
}

@test "memory that is truncated while the lane reads it harms only its client, who is dropped" {
	attack truncated
	dropped "it truncated a file that it had mapped"
}

@test "a ring that is not mapped, with a tail that says there is work, lets the lane sleep" {
	attack unmapped
}

# RDMA

@test "full-size RoCE packets with a wrong ICRC, to queue pairs that exist, leave the neighbour its share" {
	attack roce-invalid
	counted rdma_icrc_errors mana0.1 1
}

@test "a peer that makes the neighbour's queue pairs answer without end leaves the neighbour its share" {
	attack roce-peer
	counted rdma_tx_packets mana0.1 1
}

@test "endless READs and WRITEs of 64 MB by 16 queue pairs leave the neighbour its share" {
	attack roce-own
	counted rdma_tx_packets mana0 0
}

# Connections

@test "clients that attach and leave all the time hold nobody up, and do not flood the log" {
	attack reconnects
}

@test "connections that are closed at once hold nobody up" {
	attack leavers
}

@test "connections on which nothing is said hold nobody up" {
	attack silence
}

@test "many connections at a time hold nobody up, and do not flood the log" {
	attack crowd
}

@test "a client that does not read its replies holds nobody up, and is dropped" {
	attack unread
	dropped "it does not read its replies"
}

# Descriptors

@test "a descriptor whose close() blocks, passed before VERSION, holds nobody up" {
	attack linger-before
}

@test "a descriptor whose close() blocks, passed after VERSION, holds nobody up" {
	attack linger-after
}

@test "an eventfd that is full and blocks does not block the lane" {
	attack event-lane
}

@test "an eventfd that is full and blocks does not block the control thread" {
	attack event-control
}

@test "a file of FUSE whose server does not answer, passed as memory, holds nobody up" {
	attack fuse
}
