# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016 # what on() gets is for the shell on that machine
#
# manakin args on each of the machines of trees/README.md.

bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=trees/load.bash
	. "$TREES/load.bash"
}

# given MACHINE ARGUMENTS WANTED [WARNING] - what args prints, and warns of
given() {
	run -0 --separate-stderr on "$1" 'manakin args --sysroot "$tree" '"$2"
	echo "$output"
	echo "$stderr"
	[ "$output" = "$3" ]
	if [ -n "${4-}" ]; then [[ $stderr == *"$4"* ]]; else [ -z "$stderr" ]; fi
}

down='ip link set eth1 down; ip link set enP30832s1d1 down;'

@test "one interface that the kernel still has" {
	given one eth1 --vdev=7870:00:00.0,mac=60:45:bd:a6:bd:76 \
		"eth1 is not handed over to DPDK yet: manakin setup eth1"
	given one "--pmd mana enP30832s1d1" --vdev=7870:00:00.0,mac=60:45:bd:a6:bd:76 \
		"manakin setup --pmd mana eth1"
}

@test "the guide's arguments, from interface, VF, MAC address and UUID" {
	for word in eth1 enP30832p0s0d1 00:0d:3a:76:3b:d0 000d3a76-3bd0-000d-3a76-3bd0000d3a76; do
		given ubuntu2204 "$word" --vdev=7870:00:00.0,mac=00:0d:3a:76:3b:d0 "not handed over"
	done
}

@test "several ports on one bus address are one argument, in the order they were named" {
	given four "eth3 eth1 eth3" \
		--vdev=7870:00:00.0,mac=60:45:bd:a6:be:11,mac=60:45:bd:a6:bd:76 "eth3 is not handed over"
	given four "--allow eth1 eth2" "-a 7870:00:00.0,mac=60:45:bd:a6:bd:76,mac=60:45:bd:a6:be:10 -a \
f8615163-0001-1000-2000-6045bda6bd76 -a f8615163-0002-1000-2000-6045bda6be10" "not handed over"
}

@test "two adapters are two arguments" {
	given two "eth3 eth1" \
		"--vdev=7870:00:00.0,mac=60:45:bd:a6:bd:76 --vdev=7871:00:00.0,mac=60:45:bd:a6:be:11" "not handed over"
	on two 'manakin args --json --sysroot "$tree" eth1 eth3' | grep -q '"numa_node": null'
	on two 'manakin args --json --sysroot "$tree" eth3 eth2' | grep -q '"numa_node": 1'
}

@test "netvsc: VMBus devices of other ports are excluded" {
	given taken 60:45:bd:a6:bd:76 --vdev=7870:00:00.0,mac=60:45:bd:a6:bd:76
	given taken "--allow 60:45:bd:a6:bd:76" \
		"-a 7870:00:00.0,mac=60:45:bd:a6:bd:76 -a f8615163-0001-1000-2000-6045bda6bd76"
	given taken "--whitelist 60:45:bd:a6:bd:76" \
		"-w 7870:00:00.0,mac=60:45:bd:a6:bd:76 -w f8615163-0001-1000-2000-6045bda6bd76"
	# Ports that were handed over for another application are excluded.
	given taken eth0 "--vdev=7870:00:00.0,mac=60:45:bd:a6:bb:c0 -b f8615163-0001-1000-2000-6045bda6bd76" \
		"eth0 is not handed over"
}

@test "mana: the VF directly" {
	run -0 --separate-stderr on one "$down"'manakin args --sysroot "$tree" eth1'
	[ "$output" = --vdev=7870:00:00.0,mac=60:45:bd:a6:bd:76 ] && [ -z "$stderr" ]
	run -0 --separate-stderr on one "$down"'manakin args --pmd mana --allow --sysroot "$tree" eth1'
	[ "$output" = "-a 7870:00:00.0,mac=60:45:bd:a6:bd:76" ] && [ -z "$stderr" ]
	# EAL cannot exclude a device when -a is used.
	given taken "--pmd mana --allow eth0" "-a 7870:00:00.0,mac=60:45:bd:a6:bb:c0" \
		"enP30832s1d1 was handed over too, and the application will take it"
}

# refused STATUS MACHINE ARGUMENTS TEXT
refused() {
	run "-$1" --separate-stderr on "$2" 'manakin args --sysroot "$tree" '"$3"
	echo "$stderr"
	[ -z "$output" ] && [[ $stderr == "manakin args: "*"$4"* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "ports that cannot be used" {
	refused 1 one eth9 "there is no interface eth9"
	refused 1 one "eth1 7870:00:00.0" "name a port: eth0, eth1"
	refused 1 mlx5 eth0 "eth0 is not a MANA interface"
	refused 1 taken "$(printf '%s' eth1)" "use its UUID or MAC address"
	refused 2 one "" "name an interface"
	refused 2 one "--pmd failsafe eth1" "--pmd: 'failsafe' is not netvsc or mana"
	refused 2 one "--allow -w eth1" "give --allow or --whitelist, not both"
	run -1 --separate-stderr on one 'ip link del enP30832s1d1; manakin args --sysroot "$tree" eth1'
	[[ $stderr == *"eth1 has no VF"* ]]
}

@test "an adapter in software: the driver, and where DPDK finds the adapter" {
	run -0 --separate-stderr unshare -m bash -ec '
		mount -t tmpfs -o mode=755 tmpfs /run
		"$MANAKIN" device --name mana7 --port mac=00:0d:3a:76:3b:d0 --port mac=00:0d:3a:76:3b:d1 >/dev/null 2>&1 3>&- &
		trap "kill $!" EXIT
		for _ in {1..100}; do [ ! -S /run/manakin/mana7/socket ] || break; sleep 0.05; done
		: >"/run/our driver.so"
		"$MANAKIN" args --plugin "/run/our driver.so" mana7:1
		"$MANAKIN" list mana7:0 mana7:1
		"$MANAKIN" list --json mana7:0'
	echo "$output"
	echo "$stderr"
	[ "${lines[0]}" = "-d '/run/our driver.so' --vdev=7870:00:00.0,mac=00:0d:3a:76:3b:d1" ]
	[[ ${lines[2]} == "mana7:0 "*" software 00:0d:3a:76:3b:d0 "*" free "* ]]
	[[ $stderr == *"SYSFS_PCI_DEVICES=/run/manakin/mana7/pci"* ]]
	printf '%s\n' "${lines[@]:4}" | valid list
}

@test "handed over by setup: the former name still works" {
	run -0 --separate-stderr on one '
		PYTHONDONTWRITEBYTECODE=1
		export PYTHONDONTWRITEBYTECODE
		coproc timeout -s KILL "$PATIENCE" python3 "$KERNEL" "$tree" "$tree.words" 3>&-
		read -r -u "${COPROC[0]}" ready
		manakin setup --sysroot "$tree" eth1 >/dev/null
		manakin args --sysroot "$tree" eth1
		manakin list --sysroot "$tree" eth1 | tail -n 1
		manakin run --dry-run --sysroot "$tree" eth1'
	echo "$output"
	echo "$stderr"
	[ "${lines[0]}" = --vdev=7870:00:00.0,mac=60:45:bd:a6:bd:76 ]
	[[ ${lines[1]} == "enP30832s1d1 "*" dpdk-netvsc "* ]]
	[[ ${lines[2]} == dpdk-testpmd\ *--vdev=7870:00:00.0,mac=60:45:bd:a6:bd:76\ * ]]
	[ -z "$stderr" ]
}

@test "handed over by setup: completion offers the former name" {
	run -0 --separate-stderr on one '
		export PYTHONDONTWRITEBYTECODE=1
		coproc timeout -s KILL "$PATIENCE" python3 "$KERNEL" "$tree" "$tree.words" 3>&-
		read -r -u "${COPROC[0]}" ready
		mkdir -p "$tree/proc/sys/kernel/random"
		cp /proc/sys/kernel/random/boot_id "$tree/proc/sys/kernel/random"
		manakin setup --sysroot "$tree" eth1 >/dev/null
		mount --bind "$tree/sys" /sys
		mount --bind "$tree/run" /run
		. "$TREES/../../../../share/completion/manakin"
		COMP_WORDS=(manakin restore et) COMP_CWORD=2
		_manakin
		echo "${COMPREPLY[@]}"'
	echo "$output"
	echo "$stderr"
	[ "$output" = "eth0 eth1" ]
}

@test "JSON matches its schema" {
	on taken 'manakin args --json --sysroot "$tree" 60:45:bd:a6:bd:76' | valid args
	run --separate-stderr -0 on four 'manakin args --json --sysroot "$tree" eth1 eth2'
	valid args <<<"$output"
	[[ $output == *'"eth1 is not handed over'* ]]
}
