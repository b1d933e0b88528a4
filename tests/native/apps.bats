#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Applications other than testpmd, which know nothing of this driver: one of this
# project (bridge.c), and two of DPDK's examples, compiled unchanged from DPDK's source package.

load common

packets() {
	python3 "$BATS_TEST_DIRNAME/packets.py" "$@"
}

# app NAME - path of the program
app() {
	local path=${WAITER%/*}/$1
	[[ -x $path ]] || fail "$1 was not built, its source is missing: run scripts/dpdk-headers.sh BUILD," \
		"then meson setup --reconfigure BUILD" || return
	echo "$path"
}

# two_ports - a capture at the first one, an empty file at the other
two_ports() {
	cd "$BATS_TEST_TMPDIR" || return
	packets make in.pcap 400
	adapter --port "mac=$MAC0,fabric=pcap+replay=in.pcap" --port "mac=$MAC1,fabric=pcap:out.pcap"
}

# example ARGUMENT... - run it until all packets have come out again, then stop it
example() {
	local pid
	timeout -s KILL "$PATIENCE" stdbuf -oL "$@" </dev/null >"$BATS_TEST_TMPDIR/testpmd.out" 2>&1 3>&- &
	pid=$!
	await stat_is 1 wire_tx 400
	kill -TERM "$pid"
	wait "$pid" || :
	adapter_stop
	packets same in.pcap out.pcap
}

@test "bridge: this project's own application, byte for byte" {
	two_ports
	run -0 timeout -s KILL "$PATIENCE" "$(app bridge)" -d "$PMD" "${LCORES[@]}" --vdev="$ADDRESS" -- 400 3>&-
	contains "$output" "^port 0: received 400 forwarded 400 dropped 0"
	adapter_stop
	packets same in.pcap out.pcap
}

@test "bridge: a million packets in both directions at once" {
	adapter --port "mac=$MAC0,fabric=generator:size=64" --port "mac=$MAC1,fabric=generator:size=1514,proto=mixed"
	run -0 timeout -s KILL "$PATIENCE" "$(app bridge)" -d "$PMD" "${LCORES[@]}" --vdev="$ADDRESS" -- 1000000 3>&-
	local port
	for port in 0 1; do
		contains "$output" "^port $port: received [0-9]{3,}"
	done
}

@test "bridge: the same program with another driver" {
	run -0 timeout -s KILL "$PATIENCE" "$(app bridge)" "${LCORES[@]}" --no-pci --vdev=net_null0 --vdev=net_null1 -- 100000 3>&-
}

@test "DPDK's skeleton example, unchanged, byte for byte" {
	local program
	program=$(app skeleton)
	two_ports
	example "$program" -d "$PMD" --lcores "0@($CPUS)" --vdev="$ADDRESS"
}

@test "DPDK's l2fwd example, unchanged, byte for byte" {
	local program
	program=$(app l2fwd)
	two_ports
	example "$program" -d "$PMD" "${LCORES[@]}" --vdev="$ADDRESS" -- -p 3 -P --no-mac-updating
}
