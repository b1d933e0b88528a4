# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Arguments: exit statuses, and messages that say what to do. MANAKIN is the program.

bats_require_minimum_version 1.5.0
load ../../assert

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	running=
}

teardown() {
	[ -z "$running" ] || kill -KILL "$running" 2>/dev/null || true
}

manakin() {
	timeout -s KILL "$PATIENCE" "$MANAKIN" "$@"
}

# refused STATUS TEXT ARGUMENT... - all it says is on standard error, and TEXT is part of it
refused() {
	local status_wanted=$1 text=$2
	shift 2
	run --separate-stderr manakin "$@"
	echo "manakin $*: status $status, said: $stderr"
	[ "$status" -eq "$status_wanted" ] && [ -z "$output" ] && [[ $stderr == *"$text"* ]]
}

# start ARGUMENT... - an adapter that waits for its client at ./socket
start() {
	rm -f out err
	"$MANAKIN" device --socket socket "$@" >out 2>err 3>&- &
	running=$!
	for _ in {1..100}; do
		! grep -qs "waiting for a client at socket" err || return 0
		sleep 0.05
	done
	cat err
	return 1
}

# stop SIGNAL - the adapter's exit status becomes ours
stop() {
	local process=$running
	kill "-$1" "$process"
	running=
	wait "$process"
}

# ---- manakin ----

@test "manakin without a command lists the commands and fails" {
	refused 2 "Usage: manakin COMMAND"
}

@test "manakin --help and --version succeed" {
	run --separate-stderr manakin --help
	[ "$status" -eq 0 ] && [ -z "$stderr" ]
	[[ $output == *"Usage: manakin COMMAND"* && $output == *device* && $output == *lab* ]]
	run --separate-stderr manakin --version
	[ "$status" -eq 0 ] && [ -z "$stderr" ]
	[[ $output =~ ^manakin\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "an unknown command" {
	refused 2 "unknown command 'frob'; 'manakin --help' lists the commands" frob
}

@test "each command explains itself with --help" {
	for command in list args device control run bench lab "lab build" "lab run" "lab shell"; do
		# shellcheck disable=SC2086
		run --separate-stderr manakin $command --help
		[ "$status" -eq 0 ] && [ -z "$stderr" ] && [[ $output == Usage:* ]]
	done
}

# ---- manakin device: wrong usage, nothing is started ----

@test "device: invalid options" {
	refused 2 "unexpected argument 'mana.sock'" device mana.sock
	refused 2 "unknown option '--frob'; 'manakin device --help' lists the options" device --frob
	refused 2 "'--socket' needs a value: write --socket=PATH" device --socket
}

@test "device: invalid ports are refused" {
	refused 2 "'sink' is not KEY=VALUE" device --port sink
	refused 2 "576 to 9000 bytes" device --port mtu=100
	refused 2 "unknown key 'colour'" device --port colour=10
	refused 2 "speed" device --port speed=fast
	refused 2 "unicast MAC address" device --port mac=01:00:5e:00:00:01
}

@test "device: a user or a descriptor that there is not" {
	refused 2 "--user: there is no user 'no-such-user'; create one: useradd --system no-such-user" device --user no-such-user
	refused 2 "--socket: no descriptor was passed for fd:99" device --socket fd:99
	refused 2 "--socket: no descriptor was passed for fd:name" device --socket fd:name
	refused 2 "--socket: fd:0 is not a UNIX socket that listens" device --socket fd:0
	refused 1 "no descriptor was passed for fd:99" device --socket socket --port fabric=tap:fd:99
	refused 1 "no descriptor was passed for fd:99" device --socket socket --port fabric=pcap:fd:99
}

@test "device: which sandbox" {
	refused 2 "--sandbox: 'off' is not on or strict" device --sandbox=off
	refused 2 "exclude each other" device --sandbox=strict --no-sandbox
}

@test "device: two ports with one address, on one adapter or on two" {
	refused 2 "two ports have the MAC address 00:0d:3a:76:3b:d0" \
		device --port mac=00:0d:3a:76:3b:d0 --port mac=00:0d:3a:76:3b:d0
	refused 2 "give each its own" device --socket a --port mac=00:0d:3a:76:3b:d0 \
		--socket b --port mac=00:0d:3a:76:3b:d0
	[ ! -e a ] && [ ! -e b ]
}

@test "device: invalid CPU lists" {
	for list in "" , 1- -1 1-2-3 3-1 a 1,a "1 2" 0x1 4096 99999999999999999999 0-64; do
		refused 2 "--cpus: '$list' is not a list" device --socket socket --cpus "$list"
	done
}

@test "device: a CPU that does not exist" {
	refused 1 "check that each CPU of --cpus exists" device --socket socket --cpus 1000
	[ ! -e socket ]
}

@test "device: names, levels and intervals" {
	refused 2 "--name: 'a/b'" device --name a/b
	refused 2 "--name: ''" device --name ""
	refused 2 "without a slash" device --name "$(printf 'n%.0s' {1..32})"
	refused 2 "--log: 'loud' is not error, warning" device --log loud
	for seconds in 0 x 1x "" -1 86401; do
		refused 2 "--stats: '$seconds' is not a number from 1 to 86400" device --stats "$seconds"
	done
}

@test "device: too many ports and adapters" {
	ports=() adapters=()
	for i in {1..17}; do
		ports+=(--port fabric=sink)
		adapters+=(--socket "s$i")
	done
	refused 2 "at most 16 ports" device --socket socket "${ports[@]}"
	refused 2 "at most 16 adapters" device "${adapters[@]}"
	refused 2 "the socket's path is too long: at most 107 bytes" \
		device --socket "$(printf 'p%.0s' {1..108})"
}

# ---- manakin device: it was tried and did not work ----

@test "device: an unknown fabric, and one that rejects its argument" {
	refused 1 "unknown fabric 'ether'; the known ones are sink" \
		device --socket socket --port fabric=ether
	refused 1 "" device --socket socket --port fabric=generator:size=x
	[ -n "$stderr" ]
	[ ! -e socket ]
}

@test "device: a socket that cannot be created" {
	refused 1 "choose another --socket" device --socket nowhere/socket
	mkdir directory
	refused 1 "choose another --socket" device --socket directory
	echo precious >file
	refused 1 "choose another --socket" device --socket file
	[ "$(cat file)" = precious ]
}

@test "device: a socket in use, and a stale one" {
	start
	refused 1 "another adapter listens there; stop it, or choose another --socket" \
		device --socket socket
	kill -KILL "$running"
	wait "$running" || true
	[ -S socket ]
	start
	stop TERM
	[ ! -e socket ]
}

@test "device: SIGINT and SIGTERM stop it with a summary and status 0" {
	for signal in INT TERM; do
		start --port mac=00:0d:3a:76:3b:d0 --port fabric=loop --name left
		stop "$signal"
		[ ! -e socket ] && [ ! -e socket.ctl ]
		grep -Eq '^left +0 00:0d:3a:76:3b:d0 sink ' out
		grep -Eq '^left +1 02:4d:41:4e:00:01 loop ' out
	done
}

@test "device: --json prints JSON, --stats prints at its interval" {
	start --json --stats 1
	sleep 1.3
	stop TERM
	python3 - <<-'END'
		import json
		decoder, text, tables = json.JSONDecoder(), open("out").read().strip(), []
		while text:
		    table, end = decoder.raw_decode(text)
		    tables.append(table)
		    text = text[end:].strip()
		assert len(tables) >= 2, tables
		port = tables[0]["ports"][0]
		assert port["fabric"] == "sink" and port["tx_packets"] == 0, port
	END
}

@test "device: --cpus accepts lists and ranges" {
	first=$(taskset -cp $$ | sed -E 's/.*: *([0-9]+).*/\1/')
	start --cpus "$first"
	stop TERM
	start --cpus "$first-$first,$first"
	stop TERM
}

# ---- manakin control ----

@test "control: invalid requests" {
	refused 2 "name a request" control
	for request in frob "link 0" "link 0 sideways" "link x up" "timeout" "timeout 5x" "stats now"; do
		# shellcheck disable=SC2086
		refused 2 "unknown request '$request'" control --socket socket $request
	done
	refused 2 "the request is too long" control "$(printf 'r%.0s' {1..5000})"
}

@test "control: no adapter there" {
	refused 1 "cannot reach an adapter at $PWD/socket" control --socket "$PWD/socket" stats
	[[ $stderr == *"check that 'manakin device' is running"* ]]
}

@test "control: statistics, a link, and what is refused" {
	start --name left --port fabric=sink
	run --separate-stderr manakin control --socket socket stats
	[ "$status" -eq 0 ] && [ -z "$stderr" ] && [[ $output == *left* ]]
	run --separate-stderr manakin control --socket socket --json stats
	[ "$status" -eq 0 ]
	"$SCHEMA" stats - <<<"$output"
	run --separate-stderr manakin control --socket socket link 0 down
	[ "$status" -eq 0 ]
	[[ $output == *"no driver is attached to notify"* ]]
	refused 1 "there is no port 1; the adapter has 1 port, numbered from 0" control --socket socket link 1 up
	refused 1 "timeout: invalid value" control --socket socket timeout 0
	stop TERM
}

# ---- manakin run and bench: wrong usage, nothing is started (the rest is in tests/native) ----

@test "run: invalid arguments are refused" {
	for queues in 0 65 -1 x "" 99999999999999999999; do
		refused 2 "--queues: '$queues' is not a number from 1 to 64" run --queues="$queues"
	done
	for list in "" , 1- -1 1-2-3 3-1 a 1,a "1 2" 0x1 99999999999999999999 0-999; do
		refused 2 "--cpus: '$list' is not a list" run --cpus="$list"
	done
	refused 2 "--mode: 'io;quit' is not a testpmd mode" run --mode "io;quit"
	refused 2 "--seconds: 'soon' is not a time" run --seconds soon
	refused 1 "there is no interface a" run --dry-run a b
	refused 2 "--txd: '63' is not a number from 64 to 8192" run --txd 63
	refused 2 "give --json or --csv, not both" run --json --csv
	refused 2 "are options for testpmd, and /bin/true is another application" run --app /bin/true --tx-first
}

@test "bench: invalid arguments are refused" {
	for list in "" , 63 1519 64, 64,x -64 "64 128" 0x40 99999999999999999999; do
		refused 2 "--size: '$list' is not a list of up to 32 numbers from 64 to 1518" bench --size="$list"
	done
	refused 2 "--size: '$(seq -s, 64 99)' is not a list" bench --size "$(seq -s, 64 99)"
	refused 2 "--queues: '65'" bench --queues 65
	refused 2 "--case: 'tx,' is not a list of tx, rx, loop, latency" bench --case tx,
	refused 2 "--subject: 'memifs'" bench --subject memifs
	refused 2 "--seconds: 'nan' is not" bench --seconds nan
	refused 2 "--turns: '100' is not a number from 1 to 99" bench --turns 100
	refused 2 "--cpus: '1,1' is not two CPUs" bench --cores 1,1
	refused 2 "unexpected argument 'tx'" bench tx
}

# ---- manakin lab: wrong usage is reported before anything is built or started ----

@test "lab: wrong usage is status 2, and 125 where the status is the guest's command's" {
	export MANAKIN_LAB_DIR=$BATS_TEST_TMPDIR/lab
	refused 2 "Usage: manakin lab COMMAND" lab
	refused 2 "unknown command 'frob'; 'manakin lab --help' lists the commands" lab frob
	refused 125 "name a command to run" lab run
	refused 125 "--cpus: '0' is not a number from 1 to 64" lab run --cpus 0 true
	refused 125 "--memory: '1x' is not a size" lab run --memory 1x true
	refused 125 "--timeout: 'soon' is not a time" lab run --timeout soon true
	refused 125 "there is no such directory" lab run --share nowhere true
	refused 125 "--no-device contradicts --device" lab run --no-device --device '' true
	refused 125 "--netvsc: only the guest's own kernel" lab run --netvsc --kernel generic true
	refused 125 "--root-port contradicts --netvsc" lab run --root-port --netvsc true
	refused 125 "--kernel generic contradicts --pages" lab run --kernel generic --arch arm64 --pages 16k true
	refused 125 "'cloud' is not generic" lab run --kernel cloud true
	refused 125 "lab shell takes no command" lab shell ls
	refused 2 "name a suite with --suite" lab build trixie
	[ ! -e lab ]
}

# ---- all commands ----

# one_line STATUS TEXT ARGUMENT... - refused() with one line of words
one_line() {
	refused "$@" && [ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "a mistyped command gets one line with the one that was meant" {
	one_line 2 "manakin: unknown command 'lsit'; did you mean 'list'?" lsit
	one_line 2 "manakin: unknown command 'chekc'; did you mean 'check'?" help chekc
	one_line 2 "manakin: unknown option '--versoin'; did you mean '--version'?" --versoin
	one_line 2 "manakin lab: unknown command 'rnu'; did you mean 'run'?" lab rnu
	one_line 2 "manakin dpdk: unknown command 'instal'; did you mean 'install'?" dpdk instal
}

@test "a mistyped option gets one line with the one that was meant, in every command" {
	for command in list setup args run diagnose restore device control bench "dpdk list" \
		"dpdk install" "dpdk uninstall" "lab build"; do
		# shellcheck disable=SC2086
		one_line 2 "manakin $command: unknown option '--jsno'; did you mean '--json'?" $command --jsno
		# shellcheck disable=SC2086
		one_line 2 "manakin $command: unknown option '-Z'" $command -Z
	done
	# Their 2 is an answer.
	one_line 64 "unknown option '--quees'; did you mean '--queues'?" check --quees 8
	one_line 125 "unknown option '--timout'; did you mean '--timeout'?" lab run --timout 8 true
	one_line 125 "unknown option '--devcie'; did you mean '--device'?" lab shell --devcie ""
}

@test "a letter that has moved says which option to write" {
	one_line 2 "'-t' no longer stands for '--stats'; write '--stats'" device -t 1
	one_line 2 "'-s' no longer stands for '--sysroot'; write '--sysroot'" list -s /
	one_line 2 "'-p' no longer stands for '--pmd'; write '--pmd'" setup -p mana eth0
	one_line 2 "'-n' no longer stands for '--name'; write '--name'" control -nmana0 stats
	one_line 2 "'-v' no longer stands for '--release'; write '--release'" dpdk install -v 24.11.1
	one_line 125 "'-t' no longer stands for '--timeout'; write '--timeout'" lab run -t 1 true
}

@test "every command has --version, and help and --help say the same" {
	for command in list check setup args run diagnose restore device control bench dpdk \
		"dpdk list" "dpdk install" "dpdk uninstall" lab "lab build" "lab run" "lab shell"; do
		# shellcheck disable=SC2086
		[ "$(manakin $command --version)" = "$(manakin --version)" ] || { echo "$command"; return 1; }
		# shellcheck disable=SC2086
		[ "$(manakin $command -V)" = "$(manakin --version)" ]
		# shellcheck disable=SC2086
		diff <(manakin $command --help) <(manakin help $command)
		# shellcheck disable=SC2086
		diff <(manakin $command --help) <(manakin $command -h)
		# shellcheck disable=SC2086
		run manakin $command --help
		[ "$status" -eq 0 ] && [[ $output == *Usage:* ]]
		# shellcheck disable=SC2086
		run ! grep -E '.{81}' <(manakin $command --help)
	done
	diff <(manakin --help) <(manakin help)
}

@test "--json prints to standard output: no command takes a file with it" {
	for command in list args run diagnose setup restore device control bench "dpdk list" "lab build"; do
		# shellcheck disable=SC2086
		one_line 2 "'--json' takes no value; write it without '=file'" $command --json=file
	done
	one_line 2 "--json prints to standard output; to write a file, use --output=rows.json" bench --json rows.json
	[ ! -e file ] && [ ! -e rows.json ]
}

@test "colour: on a terminal, but not with NO_COLOR, and not where TERM is dumb" {
	cat >log <<-'END'
		EAL: No available 1048576 kB hugepages reported
		EAL: FATAL: Cannot get hugepage information.
	END
	on_terminal() { script -qec "env $* '$MANAKIN' diagnose --log-only log" /dev/null </dev/null; }
	[[ $(on_terminal -u NO_COLOR TERM=xterm) == *$'\033[1m'* ]]
	[[ $(on_terminal NO_COLOR=1 TERM=xterm) != *$'\033['* ]]
	[[ $(on_terminal -u NO_COLOR TERM=dumb) != *$'\033['* ]]
	[[ $(TERM=xterm manakin diagnose --log-only log) != *$'\033['* ]]
}
