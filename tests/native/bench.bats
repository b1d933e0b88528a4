#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# manakin bench: that it measures, and what it prints, not how fast anything is.

load common

COUNT=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages

bench() {
	timeout -s KILL "$PATIENCE" "$MANAKIN" bench --plugin "$PMD" --seconds 0.1 --turns 1 "$@" 3>&-
}

# refused STATUS TEXT ARGUMENT...
refused() {
	local wanted=$1 text=$2
	shift 2
	run --separate-stderr bench "$@"
	equal "$wanted" "$status" "exit status of: $*; it said: $stderr" || return
	[[ -z $output && $stderr == *"$text"* ]] || fail "not '$text' but: $output$stderr"
}

# nothing_left - no process, and no adapter's directory
nothing_left() {
	! pgrep -x dpdk-testpmd && ! pgrep -f "manakin devic[e]" && ! compgen -G "/run/manakin/bench-*"
}

nothing_runs() {
	! pgrep -x dpdk-testpmd && ! pgrep -f "manakin devic[e]"
}

# pages_free N - change the number of hugepages so that N are free
pages_free() {
	local free
	free=$(sed -n 's/^HugePages_Free: *//p' /proc/meminfo)
	echo $(($(cat $COUNT) + $1 - free)) >$COUNT
}

# count_is N, count_is_not N
count_is() {
	(($(cat $COUNT) == $1))
}
count_is_not() {
	! count_is "$1"
}

@test "every case and subject has a row, and the figures are consistent" {
	run --separate-stderr -0 bench --size 256 --json
	"$BATS_TEST_DIRNAME/../schema.py" bench - <<<"$output"
	python3 - "$output" <<-'END'
		import json, sys
		rows = json.loads(sys.argv[1])
		got = {(r["case"], r["subject"]): r for r in rows}
		assert len(got) == len(rows) == 19, sorted(got)
		for case in "tx", "rx", "loop", "latency":
		    for subject in "manakin", "memif", "vhost-user", "null", "copy":
		        if (case, subject) == ("latency", "null"):
		            continue
		        row = got[case, subject]
		        assert row["size"] == 256 and row["queues"] == 1 and row["mpps"] > 0, row
		        assert abs(row["gbps"] - row["mpps"] * 256 * 8 / 1000) < 1e-3, row
		        better = max(got[case, s]["mpps"] for s in ("memif", "vhost-user"))
		        assert abs(row["ratio"] - row["mpps"] / better) < 1e-3, row
	END
	nothing_left
}

@test "a table, and rows in a file; a port with many queues has no vhost-user" {
	run --separate-stderr -0 bench --case tx --queues 1,16 --subject manakin,vhost-user \
		--output "$BATS_TEST_TMPDIR/rows.json"
	contains "$output" "^case size queues +manakin +memif +vhost-user +null +copy +gbps +ratio"
	contains "$output" "^tx +64 +1 +[0-9.]+ +- +[0-9.]+ +- +- +[0-9.]+ +[0-9.]+$"
	contains "$output" "^tx +64 +16 +[0-9.]+ +- +- +- +- +[0-9.]+ *$"
	python3 - "$BATS_TEST_TMPDIR/rows.json" <<-'END'
		import json, sys
		rows = [(r["subject"], r["queues"], r["ratio"] is None) for r in json.load(open(sys.argv[1]))]
		assert rows == [("manakin", 1, False), ("vhost-user", 1, False), ("manakin", 16, True)], rows
	END
}

@test "all subjects pass sizes up to 1518 bytes" {
	run --separate-stderr -0 bench --case tx,rx --size 1518 --subject manakin,memif,vhost-user --json
	python3 -c '
import json, sys
rows = json.loads(sys.argv[1])
assert len(rows) == 6 and min(r["mpps"] for r in rows) > 0, rows' "$output"
}

@test "hugepages are reserved and released again" {
	local before lowered
	before=$(cat $COUNT)
	pages_free 60
	lowered=$(cat $COUNT)
	run -0 bench --case tx --size 64 --subject manakin,memif
	equal "$lowered" "$(cat $COUNT)" "number of hugepages after it"
	"$MANAKIN" bench --plugin "$PMD" --case tx --size 64 --subject manakin,memif --seconds 30 \
		>/dev/null 2>&1 3>&- &
	local running=$!
	await count_is_not "$lowered"
	await pgrep -x dpdk-testpmd
	kill -KILL $running
	wait $running || :
	await count_is "$lowered"
	await eval '! pgrep -x dpdk-testpmd'
	echo "$before" >$COUNT
}

@test "Ctrl-C: the results so far are printed, and nothing is left behind" {
	"$MANAKIN" bench --plugin "$PMD" --case tx --size 64,128 --subject copy,manakin --turns 1 --seconds 4 \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	local running=$! status=0
	sleep 7
	kill -INT $running
	wait $running || status=$?
	equal 1 $status "exit status"
	contains "$(cat "$BATS_TEST_TMPDIR/err")" "interrupted"
	nothing_left
}

@test "invalid arguments" {
	local list
	for list in "" , 63 1519 64, x 64,x -64 "64 128" 99999999999999999999; do
		refused 2 "--size: '$list' is not a list of up to 32 numbers from 64 to 1518" --size="$list"
	done
	for list in 0 65 1-2; do
		refused 2 "--queues: '$list' is not a list of up to 32 numbers from 1 to 64" --queues="$list"
	done
	refused 2 "--case: 'tx,frob' is not a list of tx, rx, loop, latency" --case tx,frob
	refused 2 "--subject: 'mem' is not a list of manakin, memif" --subject mem
	refused 2 "--seconds: '0' is not" --seconds 0
	refused 2 "--turns: '1,2' is not" --turns 1,2
	for list in 0 0,0 0,1,2 a; do
		refused 2 "--cpus: '$list' is not two CPUs" --cores "$list"
	done
	refused 2 "unexpected argument 'tx'" tx
	refused 2 "unexpected argument 'rows.json': --json prints to standard output; to write a file, use --output=rows.json" --json rows.json
}

@test "missing requirements are reported before anything starts" {
	local first
	first=$(sed -E 's/^([0-9]+).*/\1/' <<<"$CPUS")
	run taskset -c "$first" "$MANAKIN" bench --plugin "$PMD"
	equal 1 "$status" "exit status"
	contains "$output" "two CPUs are needed"
	run env PATH=/nowhere "$MANAKIN" bench --plugin "$PMD"
	equal 1 "$status" "exit status"
	contains "$output" "dpdk-testpmd is not in PATH; .* apt-get install dpdk-dev"
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$(command -v dpdk-testpmd)" "$BATS_TEST_TMPDIR/bin/"
	run env PATH="$BATS_TEST_TMPDIR/bin" "$MANAKIN" bench --plugin "$PMD" --plots plots
	equal 1 "$status" "exit status"
	contains "$output" "gnuplot is not installed, and --plots needs it: apt-get install gnuplot-nox"
	run "$MANAKIN" bench --plugin /run/nothing.so
	equal 1 "$status" "exit status"
	contains "$output" "cannot find the poll-mode driver at /run/nothing.so"
}

@test "the next bench removes what a killed one left behind" {
	local pid left adapter
	"$MANAKIN" bench --plugin "$PMD" --case rx --subject manakin --seconds 20 --json >/dev/null 2>&1 3>&- &
	pid=$!
	await compgen -G "/run/manakin/bench-*/pci/*/manakin_socket"
	adapter=$(compgen -G "/run/manakin/bench-*")
	left=/tmp/manakin-bench-${adapter##*-}
	[[ -d $left ]]
	kill -KILL "$pid"
	wait "$pid" || true
	await nothing_runs
	[[ -d $left && -d $adapter ]]
	bench --case tx --size 64 --subject copy --json >/dev/null
	[[ ! -e $left && ! -e $adapter ]] || fail "there still is $(ls -d "$left" "$adapter")"
}
