#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# A trace of testpmd on an adapter: nothing is missing in it, and tshark reads it.

load common

SCHEMA=$BATS_TEST_DIRNAME/../schema.py
DISSECTOR=$BATS_TEST_DIRNAME/../../share/wireshark/mana.lua

setup() {
	TRACE=$BATS_TEST_TMPDIR/trace.pcapng
}

# decode - all of the trace by tshark, once: in $BATS_TEST_TMPDIR/decoded, a line for each packet
decode() {
	tshark -r "$TRACE" -X "lua_script:$DISSECTOR" -T fields -E occurrence=a -e frame.number \
		-e frame.packet_flags_direction -e mana.kind -e mana.queue.type -e mana.wqe.size \
		-e mana.cqe.pkt_len -e mana.hwc.answer -e mana.hwc.status -e mana.hwc.command \
		-e mana.sq -e _ws.expert.message >"$BATS_TEST_TMPDIR/decoded" 2>"$BATS_TEST_TMPDIR/tshark.err"
	equal "" "$(grep -v "Running as user" "$BATS_TEST_TMPDIR/tshark.err")" "tshark's messages"
}

# count CONDITION - packets of it; $2 direction, $3 kind, $4 queue, $5 bytes of an entry, $6 lengths of
# packets in a completion, $7 answer, $8 status, $9 command, $10 send queue, $11 a message of Wireshark's
count() {
	awk -F '\t' "$1 { n++ } END { print n + 0 }" "$BATS_TEST_TMPDIR/decoded"
}

# lines KIND - of what manakin trace prints
lines() {
	"$MANAKIN" trace --kind "$1" "$TRACE" | wc -l
}

# exchange - testpmd sends itself four bursts through a loop
exchange() {
	testpmd_start --vdev="$ADDRESS,mac=$MAC0" -- "${SMALL[@]}"
	testpmd "set fwd rxonly" "start tx_first 4" >/dev/null
	await received
	testpmd stop >/dev/null
}

received() {
	(($(adapter_stat 0 rx_packets) >= 128))
}

@test "a trace has each packet, command and completion, and tshark's counts are the adapter's" {
	local sent received
	adapter --port mac=$MAC0,fabric=loop --trace "$TRACE" --trace-size 0
	exchange
	testpmd_quit
	sent=$(adapter_stat 0 tx_packets)
	received=$(adapter_stat 0 rx_packets)
	adapter_stop
	contains "$(<"$BATS_TEST_TMPDIR/adapter.log")" "trace .*; 0 could not be kept, and 0 older"
	((sent >= 128 && received == sent)) || fail "sent $sent, received $received"
	decode
	equal "$sent" "$(count '$2 == 2')" "frames sent"
	equal "$received" "$(count '$2 == 1')" "frames received"
	# Each packet has an entry, here of one basic unit; those of the hardware channel have two.
	equal "$sent" "$(count '$3 == 8 && $4 == 1 && $5 == 32')" entries
	# A completion can be for several packets.
	equal "$received" "$(awk -F '\t' '{ n += split($6, a, ",") } END { print n }' "$BATS_TEST_TMPDIR/decoded")" \
		"packets in completions"
	(($(count '$7 == "0"') > 10)) || fail "hardly any commands"
	equal "$(count '$7 == "0"')" "$(count '$7 == 1 && $8 ~ /^0x0*$/')" "answers to commands"
	equal 0 "$(count '$3 != "" && $11 != ""')" "records that Wireshark has a message about"
	equal 2 "$(tshark -r "$TRACE" -X "lua_script:$DISSECTOR" -Y 'mana.hwc.command == 0x20001' 2>/dev/null |
		grep -c QUERY_DEV_CONFIG)" "the command and its answer"
	equal $((sent + received)) "$(lines packet)" "packets that manakin trace prints"
	run "$MANAKIN" trace --explain "$TRACE"
	equal "Nothing remarkable: each command succeeded, and each queue got on." "$output" findings
	# Follow a queue: here as there
	equal "$("$MANAKIN" trace --queue sq1 "$TRACE" | grep -vc packet)" "$(count '$10 == 1')" "of sq1"
}

@test "a trace of an adapter that runs begins and ends on request, while packets flow" {
	adapter --port mac=$MAC0,fabric=loop
	testpmd_start --vdev="$ADDRESS,mac=$MAC0" -- "${SMALL[@]}"
	run -1 "$MANAKIN" control trace stop
	contains "$output" "no trace was started"
	ln -s /proc/version "$BATS_TEST_TMPDIR/link"
	run -1 "$MANAKIN" control trace start "$BATS_TEST_TMPDIR/link"
	contains "$output" "trace .*/link: it is a symbolic link"
	run -1 "$MANAKIN" control trace start /dev/null
	contains "$output" "trace /dev/null: it is not a regular file"
	"$MANAKIN" control trace start "$TRACE" --trace-snaplen 14 --trace-size 4M
	testpmd "set fwd io" "start tx_first" >/dev/null
	sending
	run -0 "$MANAKIN" control trace stop
	contains "$output" "^[0-9]+ records and frames, [0-9]+ lost, [0-9]+ overwritten"
	(($(lines packet) > 0)) || fail "no packets" "$("$MANAKIN" trace "$TRACE" | head)"
	"$MANAKIN" trace --explain --json "$TRACE" | "$SCHEMA" trace-explain -
	for kind in packet completion doorbell; do
		"$MANAKIN" trace --json --kind $kind "$TRACE" | head -n 1 | "$SCHEMA" trace -
	done
	# And another one
	testpmd stop >/dev/null
	"$MANAKIN" control trace start "$TRACE"
	"$MANAKIN" control trace stop >/dev/null
	contains "$("$MANAKIN" trace --kind start --json "$TRACE")" '"type":1,'
	testpmd_quit
	adapter_stop
}

@test "a full disk is told once, packets go on, and the trace is readable up to there" {
	mkdir "$BATS_TEST_TMPDIR/small"
	mount -t tmpfs -o size=300k tmpfs "$BATS_TEST_TMPDIR/small"
	TRACE=$BATS_TEST_TMPDIR/small/trace.pcapng
	adapter --port mac=$MAC0,fabric=loop --trace "$TRACE"
	testpmd_start --vdev="$ADDRESS,mac=$MAC0" -- "${SMALL[@]}"
	testpmd "set fwd io" "start tx_first" >/dev/null
	await grep -q "No space left on device; it ends here" "$BATS_TEST_TMPDIR/adapter.log"
	sending
	testpmd stop >/dev/null
	testpmd_quit
	adapter_stop
	equal 1 "$(grep -c "No space left" "$BATS_TEST_TMPDIR/adapter.log")" messages
	contains "$(<"$BATS_TEST_TMPDIR/adapter.log")" "trace .*; [1-9][0-9]* could not be kept"
	decode
	(($(count 1) > 100)) || fail "$(count 1) records"
	run -0 --separate-stderr "$MANAKIN" trace "$TRACE"
	contains "$stderr" "its end is missing"
	umount "$BATS_TEST_TMPDIR/small"
}

# errors FILE - the first 50 entries that a run of testpmd under the scenario gets back with an error, by their
# places in the ring
errors() {
	local trace=$BATS_TEST_TMPDIR/errors.pcapng
	adapter --port mac=$MAC0,fabric=sink --faults "$1" --trace "$trace" --trace-size 0
	testpmd_start --vdev="$ADDRESS,mac=$MAC0" -- "${SMALL[@]}"
	testpmd "set fwd txonly" start >/dev/null
	await enough_errors
	testpmd stop >/dev/null
	testpmd_quit
	adapter_stop
	# Each fault is told before what it does.
	"$MANAKIN" trace --kind fault,completion "$trace" | awk '/ fault / { n++ } /TX_INVALID_OOB/ && --n < 0 { exit 1 }
		END { exit n != 0 }' || fail "not a fault before each error"
	"$MANAKIN" trace --kind completion "$trace" --json | grep TX_INVALID_OOB | sed -E 's/.*"data":"(.{24}).*/\1/' | head -n 50
}

enough_errors() {
	(($(adapter_stat 0 tx_errors) >= 50))
}

@test "a scenario with a seed hits the same packets twice, and others with another seed" {
	local first
	printf '%s\n' 'seed 7' 'on sq 0.0 packet 2%: error oob' >"$BATS_TEST_TMPDIR/seven.txt"
	printf '%s\n' 'seed 8' 'on sq 0.0 packet 2%: error oob' >"$BATS_TEST_TMPDIR/eight.txt"
	first=$(errors "$BATS_TEST_TMPDIR/seven.txt")
	equal 50 "$(wc -l <<<"$first")" errors
	equal "$first" "$(errors "$BATS_TEST_TMPDIR/seven.txt")" "packets of the second run"
	[[ $(errors "$BATS_TEST_TMPDIR/eight.txt") != "$first" ]] || fail "another seed hits the same packets"
}
