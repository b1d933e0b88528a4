# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# lib.sh - what the scenarios of manakin lab examine have in common. Each runs as root in a guest whose
# adapter has two ports on one switch, with the mana driver loaded.
#
#	up			both interfaces up: FIRST here, SECOND in the namespace "peer"
#	exchange		packets between them, small and large, both ways
#	down			both interfaces down, and back in this namespace
#	unload			remove the drivers: the examiner looks for what they have left
#	load			and load them again
set -euo pipefail

PATIENCE=120 # seconds, on a slow machine

# wait_for COMMAND... - until it succeeds
wait_for() {
	local end=$((SECONDS + PATIENCE))
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || { echo "waited $PATIENCE s for: $*" >&2; return 1; }
		sleep 0.2
	done
}

# ports - the interfaces that mana drives here
ports() {
	local path
	for path in /sys/class/net/*; do
		case $(readlink "$path/device/driver" 2>/dev/null) in
		*/mana) echo "${path##*/}" ;;
		esac
	done
}

two_ports() {
	(($(ports | wc -l) == 2))
}

up() {
	wait_for two_ports
	FIRST=$(ports | sed -n 1p) SECOND=$(ports | sed -n 2p)
	ip netns add peer 2>/dev/null || true
	ip link set "$SECOND" netns peer
	ip link set "$FIRST" up
	ip -n peer link set "$SECOND" up
	ip addr replace 198.51.100.1/24 dev "$FIRST"
	ip -n peer addr replace 198.51.100.2/24 dev "$SECOND"
	wait_for ping -c 1 -W 1 198.51.100.2
}

exchange() {
	ping -q -c 5 -i 0.2 198.51.100.2
	ping -q -c 5 -i 0.2 -s 20000 198.51.100.2
}

down() {
	ip -n peer link set "$SECOND" netns 1
	ip link set "$SECOND" down
	ip link set "$FIRST" down
}

unload() {
	modprobe -r mana_ib 2>/dev/null || true
	modprobe -r mana
}

load() {
	modprobe mana
	modprobe mana_ib 2>/dev/null || true
}
