# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016 # what on() gets is for the shell on that machine
#
# manakin list on each of the machines of trees/README.md.

bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=trees/load.bash
	. "$TREES/load.bash"
}

# ports NAME WANTED - what `list` prints of a machine's ports, in five columns
ports() {
	run -0 --separate-stderr on "$1" 'manakin list --sysroot "$tree" | awk "{ print \$1, \$2, \$4, \$11, \$14 }"'
	echo "$output"
	echo "$stderr"
	[ "$output" = "PORT ADAPTER MAC OWNER USE
$2" ]
}

@test "one adapter: two ports, and what the machine uses them for" {
	ports one "eth0 7870:00:00.0 60:45:bd:a6:bb:c0 kernel default-route
eth1 7870:00:00.0 60:45:bd:a6:bd:76 kernel -"
}

@test "two adapters: ports under the right one" {
	ports two "eth0 7870:00:00.0 60:45:bd:a6:bb:c0 kernel default-route
eth1 7870:00:00.0 60:45:bd:a6:bd:76 kernel -
eth2 7871:00:00.0 60:45:bd:a6:be:10 kernel -
eth3 7871:00:00.0 60:45:bd:a6:be:11 kernel -"
	on two 'manakin list --json --sysroot "$tree"' >"$BATS_TEST_TMPDIR/out"
	[ "$(grep -c '"numa_node": [01]' "$BATS_TEST_TMPDIR/out")" -eq 2 ]
}

@test "four ports on one bus address" {
	ports four "eth0 7870:00:00.0 60:45:bd:a6:bb:c0 kernel default-route
eth1 7870:00:00.0 60:45:bd:a6:bd:76 kernel -
eth2 7870:00:00.0 60:45:bd:a6:be:10 kernel -
eth3 7870:00:00.0 60:45:bd:a6:be:11 kernel -"
}

@test "a port that DPDK's netvsc has: its VF, and who has it open" {
	ports taken "eth0 7870:00:00.0 60:45:bd:a6:bb:c0 kernel default-route
enP30832s1d1 7870:00:00.0 60:45:bd:a6:bd:76 dpdk-netvsc -"
	run -0 on taken 'manakin list --sysroot "$tree" f8615163-0001-1000-2000-6045bda6bd76'
	[[ $output == *"uio_hv_generic"*"down"*"dpdk-testpmd (4711)"* ]]
	# Without its VF only the bus and the UUID show it.
	run -0 on taken 'ip link del enP30832s1d1; manakin list --sysroot "$tree" 60:45:bd:a6:bd:76'
	[[ ${lines[1]} == "f8615163-0001-1000-2000-6045bda6bd76 - "*"dpdk-netvsc"* ]]
}

@test "a port that is free, and one whose RDMA device is open" {
	run -0 on one 'ip link set eth1 down; ip link set enP30832s1d1 down; manakin list --sysroot "$tree" eth1'
	[[ ${lines[1]} == "eth1 "*" down "*" free "* ]]
	run -0 on taken 'ip link set eth0 down; ip link set enP30832s1 down; manakin list --sysroot "$tree" eth0'
	[[ ${lines[1]} == "eth0 "*" dpdk-mana "*"dpdk-testpmd (4711)"* ]]
}

@test "the guide's images: addresses in the UUID's older form" {
	for image in ubuntu2004 ubuntu2204 rhel89 rhel94; do
		run -0 on "$image" 'manakin list --sysroot "$tree" eth1'
		[[ ${lines[1]} == "eth1 "*" 00:0d:3a:76:3b:d0 enP30832p0s0d1 000d3a76-3bd0-000d-3a76-3bd0000d3a76 hv_netvsc "* ]]
	done
}

@test "a newer kernel's RDMA devices: the one for Ethernet" {
	on newer 'manakin list --json --sysroot "$tree"' | grep -q '"rdma": "manae_0"'
}

@test "no MANA: Mellanox, bare metal" {
	run -0 --separate-stderr on mlx5 'manakin list --sysroot "$tree"'
	[ -z "$output" ]
	[[ $stderr == *"this machine has no MANA adapter, but an older one from Mellanox; 'manakin check'"* ]]
	run -0 --separate-stderr on metal 'manakin list --sysroot "$tree"'
	[ -z "$output" ]
	[[ $stderr == *"this machine has no MANA adapter; 'manakin check'"* ]]
}

@test "each way to name a port" {
	run -0 on one 'for word in eth1 enP30832s1d1 60:45:bd:a6:bd:76 60-45-BD-A6-BD-76 \
		f8615163-0001-1000-2000-6045bda6bd76 F8615163-0001-1000-2000-6045BDA6BD76; do
		manakin list --sysroot "$tree" $word eth1 | tail -n +2 | cut -d" " -f1
	done; manakin list --sysroot "$tree" enP30832p0s0 | tail -n 1 | cut -d" " -f1'
	[ "$output" = $'eth1\neth1\neth1\neth1\neth1\neth1\neth0' ]
}

# refused MACHINE WORD TEXT
refused() {
	run -1 --separate-stderr on "$1" 'manakin list --sysroot "$tree" '"$2"
	echo "$stderr"
	[ -z "$output" ] && [[ $stderr == "manakin list: "*"$3"* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "names that are refused: unknown, not MANA, a bus address, gone" {
	refused one eth9 "there is no interface eth9; the MANA interfaces are: eth0, eth1"
	refused one wire0 "wire0 is not a MANA interface; the MANA interfaces are: eth0, eth1"
	refused one 7870:00:00.0 "is the bus address of an adapter, which all its ports share; name a port: eth0, eth1"
	refused one 0000:00:00.0 "no MANA adapter at the bus address 0000:00:00.0"
	refused one 00:00:00:00:00:01 "there is no interface 00:00:00:00:00:01"
	refused taken eth1 "there is no interface eth1; the MANA interfaces are: eth0, enP30832s1d1 (a port that was handed over"
	refused mlx5 eth0 "eth0 is not a MANA interface: its VF enP35237s1 has the driver mlx5_core"
	refused metal eno1 "eno1 is not a MANA interface: its driver is i40e"
	refused metal eth1 "there is no interface eth1, and no MANA port on this machine"
	run -1 --separate-stderr "$MANAKIN" list --sysroot /no/such/place
	[[ $stderr == *"cannot open /no/such/place: No such file or directory"* ]]
}

@test "the SSH session: by its local address, by the route back, and under sudo" {
	run -0 on one 'SSH_CONNECTION="203.0.113.7 50000 10.0.1.4 22" manakin list --sysroot "$tree" | awk "{ print \$1, \$14 }"'
	[[ $output == *"eth0 default-route,ssh"*"eth1 ssh"* ]] # in at eth1, out by the default route
	run -0 on one 'SSH_CONNECTION="10.0.1.7 50000 10.0.1.4 22" manakin list --sysroot "$tree" | awk "{ print \$1, \$14 }"'
	[[ $output == *"eth0 default-route"*"eth1 ssh"* ]]
	# sudo removes the variable; the shell above it has it.
	run -0 on one 'SSH_CONNECTION="10.0.1.7 50000 10.0.1.4 22" bash -c "env -u SSH_CONNECTION \
		$MANAKIN list --sysroot $tree eth1; true" | awk "{ print \$1, \$14 }"'
	[[ $output == *"eth1 ssh" ]]
	run -0 on one 'ip address add fd00::4/64 dev eth1 nodad
		SSH_CONNECTION="fd00::9 50000 fd00::4 22" manakin list --sysroot "$tree" eth1 | tail -n 1'
	[[ $output == *" ssh"* ]]
	for nonsense in "x" "1.2.3.4 5 fd00::1 22" "1 2 3" "  " "1.2.3.4"; do
		run -0 on one 'SSH_CONNECTION="'"$nonsense"'" manakin list --sysroot "$tree"'
		[[ $output != *ssh* ]]
	done
}

@test "default routes: IPv6, several next hops, and interfaces built on others" {
	run -0 on one 'ip route del default; ip route add default nexthop via 10.0.0.1 nexthop via 10.0.1.1
		manakin list --sysroot "$tree"'
	[ "$(grep -c default-route <<<"$output")" -eq 2 ]
	run -0 on one 'ip route del default; ip address add fd00::4/64 dev eth1 nodad
		ip -6 route add default via fd00::1 dev eth1; manakin list --sysroot "$tree" | grep default-route'
	[[ $output == eth1* ]]
	run -0 on one 'ip route del default; manakin list --sysroot "$tree"'
	[[ $output != *default-route* ]]
}

@test "JSON matches its schema on every machine" {
	for name in one two four taken newer ubuntu2004 ubuntu2204 rhel89 rhel94 mlx5 metal; do
		on "$name" 'manakin list --json --sysroot "$tree"' | valid list
	done
	on one 'manakin list --json --sysroot "$tree" eth1' | valid list
}

@test "a terminal gets a tree, another program gets lines without colours" {
	run -0 on one 'TERM=xterm script -qec "$MANAKIN list --sysroot $tree" /dev/null'
	[[ $output == *$'\033['* && $output == *"VF, driver mana, NUMA node 0"*"RDMA mana_0"* ]]
	# It fits into the 80 characters of a serial console.
	run -0 on one 'TERM=xterm script -qec "stty cols 80; $MANAKIN list --sysroot $tree" /dev/null'
	[ "$(sed $'s/\033[^m]*m//g; s/ *\r$//' <<<"$output" | LC_ALL=C.UTF-8 wc -L)" -le 80 ]
	run -0 on one 'TERM=xterm NO_COLOR=1 script -qec "$MANAKIN list --sysroot $tree" /dev/null'
	[[ $output != *$'\033['* && $output == *"eth1"* ]]
	run -0 on one 'TERM=dumb script -qec "$MANAKIN list --sysroot $tree" /dev/null'
	[[ $output != *$'\033['* ]]
	run -0 on one 'manakin list --sysroot "$tree"'
	[[ $output != *$'\033['* ]]
	run -1 on one 'manakin list --sysroot "$tree" >/dev/full'
	[[ $output == *"cannot write to standard output: No space left on device"* ]]
}

@test "without root: the same, except for who has it open" {
	run -0 on taken 'chmod 700 "$tree/proc/4711/fd"; chmod a+rx "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" 2>/dev/null || true
		setpriv --reuid 65534 --clear-groups "$MANAKIN" list --sysroot "$tree" || exit 3'
	[[ $output == *"dpdk-netvsc - "* && $output == *"eth0"* ]]
}

@test "an adapter in software that was killed, and one of another user" {
	run --separate-stderr unshare -m bash -ec '
		mount -t tmpfs -o mode=755 tmpfs /run
		"$MANAKIN" device --name mine --port mac=00:0d:3a:76:3b:d0 >/dev/null 2>&1 3>&- &
		trap "kill $! 2>/dev/null || :" EXIT
		for _ in {1..100}; do [ ! -S /run/manakin/mine/socket.ctl ] || break; sleep 0.05; done
		cp "$MANAKIN" /run/program
		setpriv --reuid 65534 --clear-groups /run/program list
		setpriv --reuid 65534 --clear-groups /run/program list --json >/run/other.json
		setpriv --reuid 65534 --clear-groups /run/program list mine || [ $? -eq 1 ]
		kill -KILL %1
		wait || :
		"$MANAKIN" list
		"$MANAKIN" list mine:0 || [ $? -eq 1 ]
		cat /run/other.json'
	echo "$output"
	echo "$stderr"
	[ "$status" -eq 0 ]
	[[ ${lines[1]} == "mine - "*" software - "*" unknown "* ]]
	[[ ${lines[3]} == "mine 7870:00:00.0 software - "*" unknown "* ]]
	[[ $stderr == *"the adapter mine does not answer this user"*"start it again: manakin device --name mine"* ]]
	printf '%s\n' "${lines[@]:4}" | valid list
}
