# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# DPDK's testpmd with its net_mana, on an interface that is down.
. "${0%/*}/lib.sh"

wait_for two_ports
FIRST=$(ports | sed -n 1p)
mac=$(cat "/sys/class/net/$FIRST/address")
address=$(basename "$(readlink -f "/sys/class/net/$FIRST/device")")
for interface in $(ports); do
	ip link set "$interface" down
done
modprobe mana_ib
modprobe ib_uverbs
echo 512 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
mkdir -p /run/hugepages
mount -t hugetlbfs none /run/hugepages
for queues in 1 4; do
	timeout -s INT 30 dpdk-testpmd -l 0-1 -a "$address,mac=$mac" -- --forward-mode=txonly --auto-start \
		--total-num-mbufs=8192 --txd=128 --rxd=128 --txq=$queues --rxq=$queues --stats 5 </dev/null || {
		status=$?
		((status == 124)) || exit $status
	}
done
ip link set "$FIRST" up
ip link set "$FIRST" down
unload
