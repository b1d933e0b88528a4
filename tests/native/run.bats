#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# manakin run: its figures agree with the adapter's, and it refuses before it starts anything.

load common

COUNT=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages

# manakin_run ARGUMENT... - with the driver where DPDK loads it
manakin_run() {
	timeout -s KILL "$PATIENCE" "$MANAKIN" run --plugin "$PMD" "$@" 3>&-
}

# refused STATUS TEXT ARGUMENT... - one message on standard error, and nothing else
refused() {
	local wanted=$1 text=$2
	shift 2
	run --separate-stderr manakin_run "$@"
	equal "$wanted" "$status" "exit status of: $*; it said: $stderr" || return
	[[ -z $output ]] || fail "printed: $output" || return
	equal 1 "$(wc -l <<<"$stderr")" "lines said: $stderr" || return
	[[ $stderr == *"$text"* ]] || fail "not '$text' but: $stderr"
}

# nobody NAME - no process of that name is left in our namespace
nobody() {
	! pgrep -x "$1"
}

# pages_free N - change the number of hugepages so that N are free
pages_free() {
	local free
	free=$(sed -n 's/^HugePages_Free: *//p' /proc/meminfo)
	echo $(($(cat $COUNT) + $1 - free)) >$COUNT
}

@test "testpmd sends: the summary reports what has arrived" {
	adapter --port mac=$MAC0,fabric=sink+verify
	run --separate-stderr -0 manakin_run --seconds 2 --json
	python3 -m jsonschema -i /dev/stdin "$BATS_TEST_DIRNAME/../../docs/schema/run.json" <<<"$output"
	python3 - "$output" "$(adapter_stat 0 wire_tx)" <<-'END'
		import json, sys
		rates = json.loads(sys.argv[1])["rates"]
		port, = [r for r in rates if r["queue"] is None and r["direction"] == "tx"]
		queue, = [r for r in rates if r["queue"] == 0 and r["direction"] == "tx"]
		assert 0 < port["packets"] <= int(sys.argv[2]), rates
		assert port["bytes"] == 64 * port["packets"], port
		assert queue["packets"] == port["packets"], rates
		for unit in "pps", "bps":
		    assert port[unit + "_min"] <= port[unit + "_median"] <= port[unit + "_max"], port
		# However long a slow machine took for the two seconds.
		assert port["pps_min"] < port["packets"] < 10 * port["pps_max"], port
		received, = [r for r in rates if r["direction"] == "rx"]
		assert received["packets"] == 0, received
	END
	equal 0 "$(adapter_stat 0 wire_bad)" "frames that do not decode"
}

@test "testpmd receives on four queues: each has a line, and they add up to the port" {
	adapter --port mac=$MAC0,fabric=generator:size=64
	run --separate-stderr -0 manakin_run mana0 --mode rxonly --queues 4 --seconds 1.5 --json
	python3 - "$output" <<-'END'
		import json, sys
		rates = [r for r in json.loads(sys.argv[1])["rates"] if r["direction"] == "rx"]
		queues = {r["queue"]: r["packets"] for r in rates}
		port = queues.pop(None)
		assert sorted(queues) == [0, 1, 2, 3] and min(queues.values()) > 0, rates
		# The counters are not all read at the same instant.
		assert abs(sum(queues.values()) - port) <= 0.05 * port, rates
	END
}

@test "io on a loop: the first burst circulates, shown as a table and as lines" {
	adapter --port mac=$MAC0,fabric=loop
	run -0 manakin_run --mode io --tx-first --seconds 1
	contains "$output" '^ +[0-9.]+ s   sent .*packets/s .* received .*bit/s$'
	contains "$output" "^port queue direction +packets +bytes pps_min pps_median pps_max"
	contains "$output" "^ +0 +all rx +[1-9]"
	contains "$output" "^ +0 +0 tx +[1-9]"
}

@test "on a terminal the rate is a single line that is redrawn" {
	adapter --port mac=$MAC0
	run -0 script -qec "$MANAKIN run --plugin $PMD --seconds 1" /dev/null
	(($(grep -o $'\r\e\[K' <<<"$output" | wc -l) >= 1)) || fail "$output"
}

@test "two ports, arguments for the EAL and for testpmd" {
	adapter --port mac=$MAC0 --port mac=$MAC1
	run -0 manakin_run --seconds 1 -- --in-memory -- --txpkts=128 --txd=128 --rxd=128
	contains "$output" "^ +0 +all tx +[1-9]"
	contains "$output" "^ +1 +all tx +[1-9]"
	(($(adapter_stat 1 tx_bytes) == 128 * $(adapter_stat 1 tx_packets))) || fail "not 128 bytes each"
}

@test "descriptors, and a summary in CSV" {
	adapter --port mac=$MAC0
	run -0 --separate-stderr manakin_run --seconds 1 --txd 64 --rxd 128 --csv
	equal "port,queue,direction,packets,bytes,pps_min,pps_median,pps_max,bps_min,bps_median,bps_max" \
		"${lines[0]}" "first line"
	contains "$output" "^0,all,tx,[1-9][0-9]*,[1-9]"
	contains "$output" "^0,0,tx,[1-9]"
	contains "$output" "^0,all,rx,0,0,0,0,0,0,0,0"
}

@test "one port of two, and the equivalent command" {
	adapter --port mac=$MAC0 --port mac=$MAC1
	run -0 --separate-stderr manakin_run mana0:1 --dry-run --queues 2
	[[ $output == SYSFS_PCI_DEVICES=/run/manakin/mana0/pci\ dpdk-testpmd\ *--vdev="$ADDRESS,mac=$MAC1 "*"--rxq=2 "* ]] ||
		fail "$output"
	run -0 manakin_run mana0:1 --seconds 0.5
	equal 0 "$(adapter_stat 0 tx_packets)" "packets of the other port"
	(($(adapter_stat 1 tx_packets) > 0)) || fail "no packets"
	refused 1 "there is nothing to give back" mana0 --restore
}

@test "Ctrl-C stops it with the summary, and nothing is left behind" {
	adapter --port mac=$MAC0
	"$MANAKIN" run --plugin "$PMD" >"$BATS_TEST_TMPDIR/out" 3>&- &
	local running=$!
	await grep -q "packets/s" "$BATS_TEST_TMPDIR/out"
	kill -INT $running
	wait $running
	grep -Eq "^ +0 +all tx +[1-9]" "$BATS_TEST_TMPDIR/out" || fail "$(cat "$BATS_TEST_TMPDIR/out")"
	nobody dpdk-testpmd
}

@test "killed: the application ends with it, and the adapter serves the next" {
	adapter --port mac=$MAC0
	"$MANAKIN" run --plugin "$PMD" >"$BATS_TEST_TMPDIR/out" 3>&- &
	local running=$!
	await grep -q "packets/s" "$BATS_TEST_TMPDIR/out"
	kill -KILL $running
	wait $running || :
	await nobody dpdk-testpmd
	run -0 manakin_run --seconds 0.5
}

@test "the adapter disappears during a run: a message, the summary so far, status 1" {
	adapter --port mac=$MAC0
	"$MANAKIN" run --plugin "$PMD" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	local running=$! status=0
	await grep -q "packets/s" "$BATS_TEST_TMPDIR/out"
	kill -KILL "$ADAPTER"
	wait $running || status=$?
	equal 1 $status "exit status"
	equal "manakin run: the adapter mana0 is gone: its port was removed" \
		"$(cat "$BATS_TEST_TMPDIR/err")" "message"
	grep -q "^port queue" "$BATS_TEST_TMPDIR/out"
}

@test "another application: its own output, and the adapter's counters" {
	adapter --port mac=$MAC0,fabric=generator:size=64,rate=1000
	run -0 manakin_run --app "$WAITER" -- -- 2000
	contains "$output" "^packets [1-9]"
	contains "$output" " s   sent .* received +[1-9]"
	contains "$output" "^ +0 +all rx +[1-9]"
	# An application that does not end by itself is interrupted.
	run -0 manakin_run --app "$WAITER" --seconds 1 -- -- 20000
}

@test "an application that fails" {
	adapter --port mac=$MAC0
	run manakin_run --app /bin/false
	equal 1 "$status" "exit status"
	contains "$output" "/bin/false exited with status 1"
	refused 1 "./nothing does not exist or is not executable" --app ./nothing
}

@test "no such adapter: how to start it, and which ones are running" {
	refused 1 "there is no adapter mana0 on this machine; start it: manakin device --name mana0"
	adapter --name other --port mac=$MAC0
	refused 1 "start it: manakin device --name mana7; running are: other" mana7
	kill -KILL "$ADAPTER"
	wait "$ADAPTER" || :
	refused 1 "the adapter other does not answer: Connection refused; start it again" other
}

@test "an adapter in use" {
	adapter --port mac=$MAC0
	testpmd_start --vdev="$ADDRESS" -- "${SMALL[@]}"
	refused 1 "another application uses the adapter mana0"
	testpmd_quit
}

@test "a missing driver, and one that DPDK will not load" {
	adapter --port mac=$MAC0
	run "$MANAKIN" run --plugin /run/nothing.so
	equal 1 "$status" "exit status"
	contains "$output" "cannot find the poll-mode driver at /run/nothing.so"
	mkdir -m 777 "/run/everybodys"
	cp "$PMD" /run/everybodys/
	run "$MANAKIN" run --plugin "/run/everybodys/${PMD##*/}"
	equal 1 "$status" "exit status"
	contains "$output" "DPDK will not load .* because /run/everybodys is world-writable"
}

@test "too few hugepages: the suggested command fixes it" {
	local before command
	before=$(cat $COUNT)
	adapter --port mac=$MAC0
	pages_free 10
	refused 1 "DPDK needs" --seconds 0.5
	[[ $stderr == *"and there are 10; reserve more: echo "* ]] || fail "$stderr"
	command=${stderr##*reserve more: }
	bash -c "${command/sudo /}" >/dev/null
	run -0 manakin_run --seconds 0.5
	echo "$before" >$COUNT
}

@test "hugepages that are not mounted" {
	adapter --port mac=$MAC0
	# shellcheck disable=SC2016
	run unshare --mount sh -c 'umount -a -t hugetlbfs && exec "$MANAKIN" run --plugin "$PMD" --seconds 0.5'
	equal 1 "$status" "exit status"
	contains "$output" "no hugetlbfs is mounted .* sudo mount -t hugetlbfs hugetlbfs /dev/hugepages"
	# shellcheck disable=SC2016
	run -0 unshare --mount sh -c 'umount -a -t hugetlbfs &&
		exec "$MANAKIN" run --plugin "$PMD" --seconds 0.5 -- --in-memory --'
}

@test "testpmd's own refusal is quoted" {
	adapter --port mac=$MAC0,queues=4
	# Also explained in our words, because it is a known failure.
	run --separate-stderr manakin_run --queues 5
	equal 1 "$status" "exit status"
	[[ -z $output && $stderr == *"rxq 5 invalid - must be >= 0 && <= 4"* ]] || fail "$stderr"
	contains "$stderr" "^The port has fewer queues than requested"
	refused 2 "testpmd has no mode 'frob'" --mode frob
	refused 1 "may not use CPU 1000" --cores 0,1000
}

@test "invalid arguments" {
	local seconds
	refused 2 "--queues: '0' is not a number from 1 to 64" --queues 0
	refused 2 "--queues: '65'" --queues 65
	refused 2 "--queues: '-1'" --queues=-1
	refused 2 "--cpus: '1-' is not a list" --cores 1-
	refused 2 "--mode: 'a b' is not a testpmd mode" --mode "a b"
	for seconds in 0 -1 x "" nan 1e99; do
		refused 2 "--seconds: '$seconds' is not" --seconds="$seconds"
	done
	refused 1 "there is no interface mana0" mana0 mana1
	refused 2 "--txd: '63' is not a number from 64 to 8192" --txd 63
	refused 2 "--rxd: 'x'" --rxd x
	refused 2 "--pmd: 'failsafe' is not netvsc or mana" --pmd failsafe
	refused 2 "give --json or --csv, not both" --json --csv
	refused 2 "--mode and --tx-first are options for testpmd" --app /bin/true --mode io
	refused 1 "'../x' is not the name of an adapter" ../x
}
