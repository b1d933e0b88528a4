# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# The machine's interfaces, in a fresh network namespace.

# vf NAME MAC WIRE - up to 16 queues, plugged into a wire
vf() {
	echo "link add $1 numtxqueues 16 numrxqueues 16 type veth peer name $3"
	echo "link set $1 address $2 addrgenmode none"
	echo "link set $3 addrgenmode none"
	echo "link set $3 up"
	[ "$1" != enP30832s1 ] || echo "link property add dev $1 altname enP30832p0s0"
}

# synthetic NAME MAC VF - with the VF under it; -: none
synthetic() {
	echo "link add $1 type bridge"
	echo "link set $1 address $2 addrgenmode none"
	if [ "$3" != - ]; then
		echo "link set $3 master $1"
		# A bridge takes the lowest MTU of its members unless it was given one.
		echo "link set $1 address $2"
		echo "link set $3 up"
	fi
	echo "link set $1 up"
}

# interfaces PORTS - as devices.bash lists them
interfaces() {
	local upper vf mac driver i=0
	{
		echo "link set lo up"
		while read -r upper vf mac _ driver _; do
			[ -n "$vf" ] || continue
			[ "$vf" = - ] || vf "$vf" "$mac" "wire$i"
			[ "$upper" = - ] || synthetic "$upper" "$mac" "$vf"
			if [ "$driver" = i40e ]; then
				echo "link set $vf up"
				upper=$vf
			fi
			if [ "$upper" != - ]; then
				echo "address add 10.0.$i.4/24 dev $upper"
				[ $i -ne 0 ] || echo "route add default via 10.0.0.1 dev $upper"
			fi
			i=$((i + 1))
		done <<<"$1"
	} | ip -batch -
	# Its carrier comes a moment later.
	while read -r upper vf _; do
		case $vf:$upper in
		:* | -:* | *:-) ;;
		*) until ip -o link show dev "$upper" | grep -q LOWER_UP; do sleep 0.01; done ;;
		esac
	done <<<"$1"
}
