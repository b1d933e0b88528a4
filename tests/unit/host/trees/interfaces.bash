# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # $PORTS is devices.bash's
#
# The machine's interfaces, in a fresh network namespace.

# vf NAME MAC WIRE - up to 16 queues, plugged into a wire
vf() {
	ip link add "$1" numtxqueues 16 numrxqueues 16 type veth peer name "$3"
	ip link set "$1" address "$2" addrgenmode none
	ip link set "$3" addrgenmode none
	ip link set "$3" up
	[ "$1" != enP30832s1 ] || ip link property add dev "$1" altname enP30832p0s0
}

# synthetic NAME MAC VF - with the VF under it
synthetic() {
	ip link add "$1" type bridge
	ip link set "$1" address "$2" addrgenmode none
	ip link set "$3" master "$1"
	# A bridge takes the least of its members' unless it was given one.
	ip link set "$1" address "$2"
	ip link set "$3" up
	ip link set "$1" up
}

# interfaces MACHINE
interfaces() {
	local upper vf mac driver i=0
	ip link set lo up
	while read -r upper vf mac _ driver _; do
		[ -n "$vf" ] || continue
		vf "$vf" "$mac" "wire$i"
		[ "$upper" = - ] || synthetic "$upper" "$mac" "$vf"
		if [ "$driver" = i40e ]; then
			ip link set "$vf" up
			upper=$vf
		fi
		if [ "$upper" != - ]; then
			ip address add "10.0.$i.4/24" dev "$upper"
			[ $i -ne 0 ] || ip route add default via 10.0.0.1 dev "$upper"
		fi
		i=$((i + 1))
	done <<<"$PORTS"
}
