# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# In a guest: one end of the rounds of bench/lab-rdma.sh. The client prints one line per measurement:
# MTU CASE SUBJECT FIGURE
# usage: lab-rdma-guest.sh server|client ROUNDS MESSAGES MTU...
role=$1 rounds=$2 messages=$3
shift 3
own=192.0.2.1 peer=192.0.2.2
[ "$role" = server ] || { own=192.0.2.2 peer=192.0.2.1; }

# gid_index DEVICE - the index of the GID of this end's address
gid_index()
{
	local table=/sys/class/infiniband/$1/ports/1/gids index
	until index=$(grep -l "$(printf '0000:0000:0000:0000:0000:ffff:c000:02%02x' "${own##*.}")" $table/*); do
		sleep 0.1
	done
	for index in $index; do
		index=${index##*/}
		! grep -q v2 "$table/../gid_attrs/types/$index" || break
	done
	echo "$index"
}

# measure MTU CASE SUBJECT COMMAND... - one end of a measurement; a client tries until the server listens
measure()
{
	local output mtu=$1 case=$2 subject=$3 figure
	shift 3
	if [ "$role" = server ]; then
		"$@" >/dev/null 2>&1
		return
	fi
	until output=$("$@" "$peer" 2>&1); do
		case $output in
		*"Couldn't connect"* | *"unable to connect"*) sleep 0.1 ;;
		*)
			echo "$output" >&2
			exit 1
			;;
		esac
	done
	case $case in
	bandwidth) figure=$(awk '/#bytes/ { getline; print $4 }' <<<"$output") ;; # MB/s, average
	latency) figure=$(awk '/#bytes/ { getline; print $5 }' <<<"$output") ;;   # us, typical
	esac
	case $subject in
	TCP) figure=$(awk '/"sum_received"/ { f = 1 } f && /"bits_per_second"/ { gsub(/[^0-9.e+]/, "", $2)
		print $2 / 8e6; exit }' <<<"$output") ;;
	esac
	echo "$mtu $case $subject $figure"
}

modprobe rdma_rxe
ip address add $own/24 dev eth0
ip link set eth0 up
rdma link add rxe0 type rxe netdev eth0
until ping -c 1 $peer; do :; done >/dev/null 2>&1
for mtu; do
	ip link set eth0 mtu "$mtu"
	for _ in $(seq "$rounds"); do
		for device in mana_0 rxe0; do
			subject=MANA
			[ $device = mana_0 ] || subject=rxe
			index=$(gid_index $device)
			measure "$mtu" bandwidth $subject ib_write_bw -d $device -x "$index" -F -s 65536 -n "$messages"
			measure "$mtu" latency $subject ib_send_lat -d $device -x "$index" -F -s 2 -n 1000
		done
		if [ "$role" = server ]; then
			iperf3 -s -1 >/dev/null 2>&1
		else
			measure "$mtu" bandwidth TCP iperf3 -n $((messages * 65536)) -J -c
		fi
	done
done
