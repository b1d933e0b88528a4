# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016 # what on() gets is for the shell on that machine
#
# manakin run on the machines of trees/README.md: what it would start, and what it refuses. The tests of
# suite native start applications, on an adapter in software.

bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=trees/load.bash
	. "$TREES/load.bash"
	first=$(taskset -cp $$ | sed -E 's/.*: *([0-9]+).*/\1/')
}

# would MACHINE ARGUMENTS WANTED - the command has WANTED in it
would() {
	run -0 --separate-stderr on "$1" 'manakin run --dry-run --sysroot "$tree" '"$2"
	echo "$output"
	echo "$stderr"
	# shellcheck disable=SC2053 # a pattern
	[[ $output == $3 ]]
}

@test "an interface that was handed over: by its VF, MAC address, UUID" {
	for word in enP30832s1d1 60:45:bd:a6:bd:76 f8615163-0001-1000-2000-6045bda6bd76; do
		would taken "--cores $first $word" "dpdk-testpmd '--lcores=(0,1)@$first' --file-prefix=manakin-enP30832s1d1 \
--vdev=7870:00:00.0,mac=60:45:bd:a6:bd:76 -- --nb-cores=1 --rxq=1 --txq=1 --rxd=1024 --txd=1024 --total-num-mbufs=10240"
		[ -z "$stderr" ]
	done
}

@test "several interfaces, queues, descriptors, another application" {
	would four "eth1 eth2 --queues 8 --txd 128 --rxd 64" \
		"*--vdev=7870:00:00.0,mac=60:45:bd:a6:bd:76,mac=60:45:bd:a6:be:10 -- *--rxq=8 --txq=8 --rxd=64 --txd=128 --total-num-mbufs=11264"
	[[ $stderr == *"eth1 is not handed over to DPDK yet: manakin setup eth1"* ]]
	would four "--pmd mana --app ./l3fwd eth1 -- --no-telemetry -- -p '1 2'" \
		"./l3fwd *--vdev=7870:00:00.0,mac=60:45:bd:a6:bd:76 --no-telemetry -- -p '1 2'"
	[[ $stderr == *"manakin setup --pmd mana eth1"* ]]
}

@test "cores are on the adapter's NUMA node" {
	# Which of these CPUs the machine that runs the tests has is unknown; the node's begin at 1.
	run -0 on one 'last=$(nproc); last=$((last - 1))
		[ $last -ge 1 ] || exit 0
		echo 1-$last >"$tree/sys/devices/system/node/node0/cpulist"
		manakin run --dry-run --sysroot "$tree" eth1 --queues 1 2>/dev/null'
	[[ -z $output || $output == *"@1"* && $output != *"@0"* ]]
	# None of these exists: any CPU is better than none.
	run -0 on one 'echo 200-203 >"$tree/sys/devices/system/node/node0/cpulist"
		manakin run --dry-run --sysroot "$tree" eth1 2>/dev/null'
	[[ $output == *"@$first"* ]]
}

# refused STATUS MACHINE ARGUMENTS TEXT
refused() {
	run "-$1" --separate-stderr on "$2" 'manakin run --sysroot "$tree" '"$3"
	echo "$stderr"
	[ -z "$output" ] && [[ $stderr == *"manakin run: "*"$4"* ]]
}

# inside MACHINE COMMANDS... - the machine's files are /sys, so that applications can be started on it
inside() {
	local name=$1
	shift
	on "$name" 'mount --bind "$tree/sys" /sys
		mount -t tmpfs -o mode=755 none /run
		'"$*"
}

# application LOG [STATUS] - one that prints a log from the guide, and exits
application() {
	app=$BATS_TEST_TMPDIR/failing-testpmd
	printf '#!/bin/sh\ncat <<-END\n%s\nEND\nexit %s\n' "$1" "${2-1}" >"$app"
	chmod +x "$app"
	export app
}

@test "a failure: what it printed, the cause, and what to do; the interface is given back" {
	application "EAL: Probe PCI driver: net_mana (1414:ba) device: 7870:00:00.0 (socket 0)
mana_start_tx_queues(): Failed to create qp queue index 0
mana_dev_start(): failed to start tx queues -19"
	run -1 --separate-stderr inside taken 'exec "$MANAKIN" run --app "$app" 60:45:bd:a6:bd:76 -- --no-huge --'
	echo "$stderr"
	[ -z "$output" ]
	[[ $stderr == *"manakin run: $app did not start: exited with status 1; mana_start_tx_queues(): Failed"* ]]
	[[ $stderr == *"mana_dev_start(): failed to start tx queues -19"*"ip link set"* ]]
	# No kernel takes the device back here; it is enough that restore tries.
	run -1 --separate-stderr inside taken 'exec "$MANAKIN" run --restore --json --app "$app" 60:45:bd:a6:bd:76 -- --no-huge --'
	echo "$stderr"
	[ -z "$output" ]
	[[ $stderr == *"bind VMBus device f8615163-0001-1000-2000-6045bda6bd76 to hv_netvsc"* ]]
}

@test "another application fails: its standard error is diagnosed" {
	app=$BATS_TEST_TMPDIR/l2fwd
	printf '#!/bin/sh\necho EAL: No free 2048 kB hugepages reported on node 0 >&2\n%s\n' \
		'echo EAL: FATAL: Cannot get hugepage information. >&2; echo out; exit 7' >"$app"
	chmod +x "$app"
	export app
	run -1 --separate-stderr inside taken 'exec "$MANAKIN" run --app "$app" enP30832s1d1'
	echo "$stderr"
	[ "$output" = out ]
	[[ $stderr == "EAL: No free 2048 kB hugepages reported on node 0"*"$app exited with status 7"*"What to do"* ]]
}

@test "a failure without a known cause: where to look" {
	application "nothing of note" 3
	run -1 --separate-stderr inside taken 'exec "$MANAKIN" run --app "$app" enP30832s1d1 -- --no-huge --'
	[[ $stderr == *"exited with status 3; it gave no reason"*"check the machine: manakin check 60:45:bd:a6:bd:76"* ]]
}

@test "netvsc's ports are counted under testpmd's numbers" {
	run -0 --separate-stderr inside taken 'RATE=3000000 exec "$MANAKIN" run --csv --seconds 1 --app "$TESTPMD" 60:45:bd:a6:bd:76 -- --no-huge --'
	echo "$output"
	echo "$stderr"
	[[ ${lines[1]} == 2,all,rx,0,* && ${lines[2]} == 2,all,tx,[1-9]* && ${lines[3]} == 2,0,tx,[1-9]* ]]
	[[ $output == *$'\n3,all,tx,'[1-9]* ]]
	[[ $stderr != *"manakin run:"* ]]
}

@test "a rate that is far too low is reported and diagnosed" {
	run -0 --separate-stderr inside taken 'RATE=2000 exec "$MANAKIN" run --json --seconds 1 --app "$TESTPMD" 60:45:bd:a6:bd:76 -- --no-huge --'
	echo "$stderr"
	[[ $stderr == *"manakin run: enP30832s1d1: port 2 sent "[0-9]*" packets per second, far fewer than MANA can"* ]]
	[[ $stderr == *"manakin run: enP30832s1d1: port 3 sent "* ]]
	[[ $stderr == *"manakin check 60:45:bd:a6:bd:76"* ]]
	valid run <<<"$output"
	# One slow port is enough; a fast one does not make up for it.
	run -0 --separate-stderr inside taken 'RATE=3000000 RATE3=2000 exec "$MANAKIN" run --json --seconds 1 --app "$TESTPMD" 60:45:bd:a6:bd:76 -- --no-huge --'
	[[ $stderr == *"port 3 sent "[0-9]*" packets per second, far fewer"*"manakin check"* && $stderr != *"port 2 sent"* ]]
	# Large packets are fewer.
	run -0 --separate-stderr inside taken 'RATE=50000 SIZE=9000 exec "$MANAKIN" run --json --seconds 1 --app "$TESTPMD" 60:45:bd:a6:bd:76 -- --no-huge --'
	[ -z "$stderr" ] || [[ $stderr != *"far less"* ]]
	# Where nothing is to be sent, nothing is missing.
	run -0 --separate-stderr inside taken 'exec "$MANAKIN" run --mode rxonly --seconds 1 --app "$TESTPMD" 60:45:bd:a6:bd:76 -- --no-huge --'
	[ -z "$stderr" ]
}

@test "an interface that is not handed over is refused" {
	application "never started" 0
	run -1 --separate-stderr inside one 'exec "$MANAKIN" run --app "$app" eth1 -- --no-huge --'
	[ "$stderr" = "manakin run: eth1 belongs to the kernel; hand it over to DPDK first: sudo manakin setup eth1" ]
	run -1 --separate-stderr inside one 'ip link set eth1 down; ip link set enP30832s1d1 down
		exec "$MANAKIN" run --app "$app" eth1 -- --no-huge --'
	[[ $stderr != *"the kernel's"* ]]
}

@test "other arguments that are refused" {
	refused 1 one "--dry-run eth9" "there is no interface eth9; the MANA interfaces are: eth0, eth1"
	refused 1 one "--dry-run 7870:00:00.0" "name a port: eth0, eth1"
	refused 1 metal "--dry-run eno1" "eno1 is not a MANA interface: its driver is i40e"
	refused 2 one "eth1" "--sysroot works only with --dry-run"
	refused 2 one "--dry-run --txd 32 eth1" "is not a number from 64 to 8192"
}
