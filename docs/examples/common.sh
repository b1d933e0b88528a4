# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
#
# common.sh - what the examples have in common: an adapter with a scenario, an application, a verdict.
#
#	start			runs the adapter with what scenario() prints, then application()
#	within SECONDS COMMAND...	waits until the command succeeds; the application must run meanwhile
#	applied RULE		has this rule of the scenario applied?
#	sent			packets that have left the port
#	sends NUMBER		has it sent more than that?
#	finish			interrupts the application, which has to end well; the end: exit status 0
#	fail REASON		the end: exit status 1, and what the two programs said
set -u
dir=$(mktemp -d)
adapter='' app=''
# The next adapter of this name can only start when this one has gone.
trap 'kill -KILL $app $adapter 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT

start() {
	scenario >"$dir/scenario.txt"
	manakin device --port mac=00:0d:3a:76:3b:d0,fabric=sink --faults "$dir/scenario.txt" >"$dir/adapter.log" 2>&1 &
	adapter=$!
	within 60 grep -q "waiting for a client" "$dir/adapter.log"
	export SYSFS_PCI_DEVICES=/run/manakin/mana0/pci
	application >"$dir/application.log" 2>&1 &
	app=$!
}

within() {
	tries=$(($1 * 10))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "not in time: $*"
		kill -0 "$adapter" 2>/dev/null || fail "the adapter has ended"
		[ -z "$app" ] || kill -0 "$app" 2>/dev/null || fail "the application has ended"
		sleep 0.1
	done
}

applied() {
	manakin control fault list | awk -v rule="$1" '$1 == rule && $3 > 0 { found = 1 } END { exit !found }'
}

sent() {
	manakin control stats | awk 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "tx_packets") at = i }
		NR == 2 { print $at }'
}

sends() {
	[ "$(sent)" -gt "$1" ]
}

finish() {
	kill -INT "$app"
	wait "$app"
	case $? in
	0 | 130) ;; # by itself, or by the signal, as testpmd 22.11 does
	*) fail "the application has failed" ;;
	esac
	echo "passed"
	exit 0
}

fail() {
	echo "FAILED: $1"
	tail -n 20 "$dir"/*.log
	exit 1
}
