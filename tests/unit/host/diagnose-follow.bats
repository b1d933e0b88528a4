#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# manakin diagnose --follow, on files, streams and this machine's kernel log. When what is told is
# in test_follow.c, how files are followed in test_tail.c; here is the command.
# MANAKIN is the program, RULES the shipped rules, SCHEMA is schema.py.

bats_require_minimum_version 1.5.0
load ../../assert

NO_PAGES='EAL: Cannot get hugepage information.'
NO_PORTS='testpmd: No probed ethernet devices'
SLOW='dpdk-testpmd -l 1-3 --vdev="net_vdev_netvsc0,iface=eth1" -- --stats 2'

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	local file
	for file in pid writer; do
		[[ ! -e $file ]] || kill -KILL "$(<"$file")" 2>/dev/null || :
	done
}

# follow ARGUMENT... - in the background; its output is in the file out
follow() {
	follow_with "$RULES" "$@"
}

follow_with() {
	local rules=$1
	shift
	# <&0: else the shell gives what is in the background /dev/null. Under nohup(1) it would obey that
	env --default-signal=HUP "$MANAKIN" diagnose --follow --log-only --rules "$rules" "$@" <&0 >out 2>said 3>&- 5>&- &
	echo $! >pid
	await holds_signals
}

# holds_signals - does it read signals instead of being ended by them?
holds_signals() {
	(($(awk '$1 == "SigBlk:" { print "0x" $2 }' "/proc/$(<pid)/status") & 1 << 14))
}

# waits - has it read what there was, and waits for more?
waits() {
	grep -q poll "/proc/$(<pid)/wchan"
}

# rules ID... - a rule for each, with lines "fault ID", in the directory rules
rules() {
	local id
	mkdir rules
	for id; do
		printf 'Id: %s\nTitle: t\nMatch: fault %s\nCause: c\nFix: f\nSource: s\nExample: fault %s\n\n' "$id" "$id" "$id"
	done >rules/own.rules
}

# is_told ID... - have these been told, and no others?
is_told() {
	[[ $(ids) == "$*" ]]
}

# ids - of the JSON lines in the file out
ids() {
	"$BATS_TEST_DIRNAME/../../lines.py" ids out
}

told() {
	await is_told "$@" || fail "told: $(<out)" "said: $(<said)"
}

# ended STATUS [SIGNAL] - it ends, by this signal if there is one
ended() {
	local status=0
	[[ $# -eq 1 ]] || kill "-$2" "$(<pid)"
	wait "$(<pid)" || status=$?
	rm pid
	equal "$1" $status 'exit status' || fail "$(<said)"
}

@test "what is in the file already is told, and what comes then" {
	echo "$NO_PAGES" >log
	follow --json log
	told hugepages-none
	echo "$NO_PORTS" >>log
	echo "$SLOW" >>log
	told hugepages-none failsafe-slow
	ended 1 TERM
	equal '' "$(<said)" 'messages'
}

@test "each line of JSON is as the schema says, and at the end of the line it is all there" {
	echo "$NO_PAGES" >log
	follow --json log
	await test -s out
	while read -r line; do
		"$SCHEMA" diagnose-follow - <<<"$line"
	done <out
	ended 1 INT
	run "$SCHEMA" diagnose-follow - <<<'{"id": "a"}'
	((status)) || fail 'the schema takes anything'
}

@test "for a person: the time, the cause, the lines and the commands" {
	echo "$NO_PAGES" >log
	follow log
	await grep -q nr_hugepages out
	ended 1 HUP
	grep -qE '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$' out
	grep -q '\[hugepages-none\]$' out
	grep -q "    1: $NO_PAGES" out
}

@test "a rotated file, a removed one and a truncated one are read on" {
	rules a b c d
	echo 'fault a' >log
	follow_with rules --json log
	told a
	mv log log.1
	echo 'fault b' >log
	told a b
	rm log
	echo 'fault c' >log
	told a b c
	: >log
	echo 'fault d' >log
	told a b c d
	ended 1 TERM
}

@test "a file that is not there yet is waited for, and that is said" {
	follow --json log
	await grep -q 'there is no log log yet; waiting for it' said
	echo "$NO_PAGES" >log
	told hugepages-none
	ended 1 TERM
}

@test "standard input: told while it goes on, and the exit status at its end" {
	mkfifo pipe
	exec 5<>pipe
	follow --json <pipe
	echo 'all is well' >&5
	printf '%s\nhalf a li' "$NO_PAGES" >&5
	told hugepages-none
	exec 5>&-
	ended 1
	run -0 "$MANAKIN" diagnose --follow --log-only --rules "$RULES" <<<'all is well'
	equal '' "$output" 'output'
	run -1 "$MANAKIN" diagnose --follow --log-only --json --rules "$RULES" <<<"$NO_PAGES"
	grep -q hugepages-none <<<"$output"
}

@test "nothing is said of a healthy log" {
	cp "$LOGS/healthy-net_mana.log" log
	follow --json log
	cat "$LOGS/healthy-dmesg.log" "$LOGS/healthy-net_manakin.log" >>log
	echo "$SLOW" >>log
	told failsafe-slow
	ended 1 TERM
	equal '' "$(<said)" 'messages'
}

@test "a signal ends it with status 0 if nothing was told" {
	: >log
	follow log
	ended 0 TERM
	[[ ! -s out && ! -s said ]]
}

@test "a log that comes without a pause does not keep it from ending" {
	mkfifo pipe
	exec 5<>pipe
	yes 'all is well' >&5 3>&- 5>&- &
	echo $! >writer
	follow <pipe
	await grep -qE '^rchar: [0-9]{8}' "/proc/$(<pid)/io"
	ended 0 TERM
	kill "$(<writer)"
	rm writer
}

@test "the kernel's log, to its end and followed; what programs write into it is not its own" {
	[[ -r /dev/kmsg && -w /dev/kmsg ]] || fail 'this test needs /dev/kmsg'
	run "$MANAKIN" diagnose --kernel --log-only --json --rules "$RULES"
	((status <= 1)) || fail "$output"
	"$SCHEMA" diagnose - <<<"$output"
	rules "$$"
	echo "<3>fault $$" >/dev/kmsg
	run -0 "$MANAKIN" diagnose --kernel --log-only --rules rules
	equal 'No known problem found' "$output" 'output'
	follow_with rules --kernel
	await waits
	ended 0 TERM
	[[ ! -s out && ! -s said ]]
}

# refused TEXT ARGUMENT...
refused() {
	local text=$1
	shift
	run --separate-stderr timeout -s KILL "$PATIENCE" "$MANAKIN" diagnose "$@"
	equal 2 "$status" 'exit status'
	[[ -z $output && $stderr == *"$text"* ]] || fail "$stderr" "$output"
}

@test "what cannot be followed is status 2 and one sentence" {
	refused 'it is a directory' --follow .
	refused 'cannot read the log none/log: No such file' --follow none/log
	gzip -c "$LOGS/guide-hugepages.log" >log.gz
	refused 'zcat log.gz | manakin diagnose' --follow log.gz
	refused '--kernel and a FILE exclude each other' --kernel log
	refused '--again is for --follow' --again 1h log
	refused "--again: '5s' is not" --follow --again 5s log
}

@test "an output that cannot be written ends it with status 2" {
	run --separate-stderr bash -c 'echo "$1" | "$MANAKIN" diagnose --follow --log-only --rules "$RULES" >/dev/full' bash "$NO_PAGES"
	equal 2 "$status" 'exit status'
	[[ $stderr == *'No space left'* ]] || fail "$stderr"
}

# flood N - so many lines of a fault, on standard output
flood() {
	python3 -c '
import sys
for i in range(int(sys.argv[1])):
    print(f"mana {i % 5000:04x}:00:00.0 eth{i}: fault a {i}")' "$1"
}

# memory - kB of its own
memory() {
	awk '$1 == "RssAnon:" { print $2 }' "/proc/$(<pid)/status"
}

@test "memory and descriptors do not grow with the log, which has faults in every line" {
	local before files room=256
	# A sanitizer keeps what was freed for a while: 256 MB of it, unless it is told otherwise.
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1
	[[ $MANAKIN != *sanitize* ]] || room=4096
	rules a b c
	: >log
	follow_with rules --json log
	flood 200000 >>log
	echo 'fault b' >>log
	await grep -q '"id":"b"' out
	before=$(memory) files=$(ls "/proc/$(<pid)/fd" | wc -l)
	flood 400000 >>log
	mv log log.1
	flood 400000 >log
	echo 'fault c' >>log
	await grep -q '"id":"c"' out
	echo "$before kB, then $(memory)"
	(($(memory) <= before + room)) || fail "its memory has grown from $before kB to $(memory)"
	equal "$files" "$(ls "/proc/$(<pid)/fd" | wc -l)" 'descriptors'
	ended 1 TERM
}
