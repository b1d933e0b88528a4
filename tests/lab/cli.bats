#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The command line of manakin device and manakin control, without a guest: what is
# refused, with which message and exit status, and how an adapter starts and stops.

load common

MAC=00:0d:3a:76:3b:d0

setup() {
	SOCKET=$BATS_TEST_TMPDIR/socket
}

teardown() {
	lab_stop
}

# refused STATUS TEXT COMMAND... - is the command refused immediately, with TEXT on standard error?
refused() {
	local wanted=$1 text=$2
	shift 2
	run --separate-stderr timeout -s KILL "$PATIENCE" "$@"
	equal "$wanted" "$status" 'exit status'
	equal '' "$output" 'standard output'
	# shellcheck disable=SC2154 # run sets it
	[[ $stderr == *"$text"* ]] || fail "wanted: $text" "got: $stderr"
}

# device STATUS TEXT OPTION... - the same for manakin device, which must leave nothing behind
device() {
	refused "$1" "$2" "$MANAKIN" device --socket "$SOCKET" "${@:3}"
	[[ $stderr == 'manakin device: '* ]] || fail "nobody says so: $stderr"
	[[ ! -e $SOCKET && ! -e $SOCKET.ctl ]] || fail 'a socket has been left'
}

@test "two ports with the same MAC address are refused" {
	device 2 "two ports have the MAC address $MAC; give each its own" \
		--port mac=$MAC --port mac=$MAC
	device 2 "two ports have the MAC address $MAC; give each its own" \
		--port mac=$MAC --socket "$SOCKET.2" --port mac=${MAC^^}
}

@test "a socket that another adapter listens on is refused, and left to it" {
	adapter_start mana0
	refused 1 'another adapter listens there; stop it, or choose another --socket' \
		"$MANAKIN" device --socket "$(adapter_socket mana0)"
	adapter_control mana0 stats
}

@test "a socket that a killed adapter left is taken over" {
	adapter_start mana0
	equal 137 "$(lab_end mana0 KILL)" 'exit status'
	test -S "$(adapter_socket mana0)"
	adapter_start mana0
}

@test "a file that is not a socket is refused, and kept" {
	echo precious >"$SOCKET"
	refused 1 'choose another --socket' "$MANAKIN" device --socket "$SOCKET"
	equal precious "$(<"$SOCKET")" 'the file'
}

@test "a socket in a directory that does not exist is refused" {
	refused 1 "cannot listen on $SOCKET/none: No such file or directory; choose another --socket" \
		"$MANAKIN" device --socket "$SOCKET/none"
}

@test "an unknown fabric is refused, and the known ones are named" {
	device 1 "unknown fabric 'wire'; the known ones are sink, generator, loop, switch, tap, stream, pcap" \
		--port fabric=wire
}

@test "a tap that this user may not create is refused, with what to do" {
	refused 1 'no permission to create lab0; run with CAP_NET_ADMIN, or have root create it: ip tuntap' \
		setpriv --bounding-set=-all --inh-caps=-all \
		"$MANAKIN" device --socket "$SOCKET" --port fabric=tap:lab0
	run ! ip link show lab0
}

@test "a user's own tap can be opened, another user's cannot" {
	local command=(setpriv --bounding-set=-all --inh-caps=-all "$MANAKIN" device --socket)
	ip tuntap add lab0 mode tap user 12345
	refused 1 'no permission to open lab0' "${command[@]}" "$SOCKET" --port fabric=tap:lab0
	ip link del lab0
	ip tuntap add lab0 mode tap user "$(id -u)"
	lab_spawn mana0 /dev/null "${command[@]}" "$(adapter_socket mana0)" --port fabric=tap:lab0
	await adapter_ready mana0
	lab_end mana0
	ip link del lab0
}

@test "a tap that another adapter holds is refused" {
	adapter_start mana0 --port fabric=tap:lab0
	device 1 'lab0 is in use by another process; stop that process or choose another name' \
		--port fabric=tap:lab0
}

@test "an interface that is not a tap is refused, and so is an invalid name" {
	device 1 'lo exists and is not a tap; choose another name' --port fabric=tap:lo
	device 1 'a name is missing; write tap:NAME' --port fabric=tap:
	device 1 'is too long' --port fabric=tap:abcdefghijklmnop
}

@test "an invalid --port is refused, with the reason" {
	device 2 "'01:0d:3a:00:00:01' is not a unicast MAC address" --port mac=01:0d:3a:00:00:01
	device 2 "is not a unicast MAC address" --port mac=00:00:00:00:00:00
	device 2 "an MTU must be 576 to 9000 bytes, not '9001'" --port mtu=9001
	device 2 "queues must be 1 to 64, not '65'" --port queues=65
	device 2 "unknown key 'colour'" --port colour=red
	local ports=()
	for _ in {1..17}; do ports+=(--port queues=1); done
	device 2 "an adapter has at most 16 ports" "${ports[@]}"
}

@test "unknown options and invalid values are refused" {
	device 2 "unknown option '--bogus'" --bogus
	device 2 "unexpected argument 'extra'" extra
	device 2 "'fast' is not error, warning" --log fast
	device 2 "'0' is not a number from 1 to 86400" --stats 0
	device 2 "'x' is not a list of CPUs such as 1,3" --cpus x
	device 1 'check that each CPU of --cpus exists' --cpus 1023
	refused 2 "at most 107 bytes" "$MANAKIN" device --socket "/tmp/$(printf 'a%.0s' {1..120})"
}

@test "16 ports of 64 queues each have their own MAC address" {
	local ports=()
	for _ in {1..16}; do ports+=(--port queues=64); done
	adapter_start mana0 "${ports[@]}"
	adapter_control mana0 --json stats | python3 -c '
import json, sys
ports = json.load(sys.stdin)["ports"]
assert [p["port"] for p in ports] == list(range(16)), ports
assert len({p["mac"] for p in ports}) == 16, ports'
}

@test "SIGINT and SIGTERM stop it: it prints a summary and leaves no socket" {
	local signal
	for signal in INT TERM; do
		adapter_start mana0 --json --port mac=$MAC,fabric=sink
		equal 0 "$(lab_end mana0 $signal)" "exit status after SIG$signal"
		python3 - "$(lab_file mana0.out)" <<-'EOF'
			import json, sys
			(port,) = json.load(open(sys.argv[1]))["ports"]
			assert port["mac"] == "00:0d:3a:76:3b:d0" and port["fabric"] == "sink", port
		EOF
		run ! test -e "$(adapter_socket mana0)"
		run ! test -e "$(adapter_socket mana0).ctl"
	done
}

@test "--stats prints statistics while it runs" {
	adapter_start mana0 --stats 1 --port mac=$MAC
	await grep -q $MAC "$(lab_file mana0).out"
	lab_end mana0
	grep -E '^adapter +port +mac' "$(lab_file mana0).out"
}

@test "control: a missing adapter and unknown requests are refused" {
	refused 1 "manakin control: cannot reach an adapter at $SOCKET" \
		"$MANAKIN" control --socket "$SOCKET" stats
	refused 2 "unknown request 'fly'" "$MANAKIN" control --socket "$SOCKET" fly
	refused 2 "unknown request 'link 0 sideways'" "$MANAKIN" control --socket "$SOCKET" link 0 sideways
	adapter_start mana0
	refused 1 'manakin control: there is no port 7; the adapter has 1 port, numbered from 0' \
		"$MANAKIN" control --socket "$(adapter_socket mana0)" link 7 down
	equal 'reset: no driver is attached to notify' "$(adapter_control mana0 reset)" 'the answer'
}

@test "manakin without a command, or with an unknown one, says what to do" {
	refused 2 'Usage: manakin COMMAND' "$MANAKIN"
	refused 2 "manakin: unknown command 'bogus'" "$MANAKIN" bogus
	run "$MANAKIN" --help
	equal 0 "$status" 'exit status'
	[[ $output == *'Usage: manakin'* ]]
}
