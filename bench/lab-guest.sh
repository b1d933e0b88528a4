# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# In the guest: the rounds of bench/lab.sh. One line per measurement:
# SUBJECT DIRECTION BITS-PER-SECOND
rounds=$1
seconds=$2

for i in /sys/class/net/*; do
	case $(basename "$(readlink -f "$i/device/driver" 2>/dev/null)") in
	mana) mana=$(basename "$i") ;;
	virtio_net) virtio=$(basename "$i") ;;
	esac
done
ip addr add 10.77.1.2/24 dev "$mana"
ip addr add 10.77.2.2/24 dev "$virtio"
ip link set "$mana" up
ip link set "$virtio" up
ethtool -K "$virtio" rx-gro-hw off lro off 2>/dev/null
sleep 1

measure()
{
	iperf3 -c "$2" -t "$seconds" -J $4 |
		awk -v s="$1" -v d="$3" '/"sum_received"/ { f = 1 }
			f && /"bits_per_second"/ { gsub(/[^0-9.e+]/, "", $2); print s, d, $2; exit }'
}

for _ in $(seq "$rounds"); do
	measure manakin 10.77.1.1 guest-to-host
	measure virtio-net 10.77.2.1 guest-to-host
	measure manakin 10.77.1.1 host-to-guest -R
	measure virtio-net 10.77.2.1 host-to-guest -R
done
