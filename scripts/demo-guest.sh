# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# In the guest: the commands of the guide "MANA and DPDK on Linux", with the bus and MAC
# addresses filled in as it shows, and with the cores of this guest.

show()
{
	echo "# $*"
	eval "$*"
}

show 'uname -r; lspci -d 1414:00ba:0200'
[ -n "$(lspci -d 1414:00ba:0200)" ] && echo "MANA device is available."
show ibv_devices

echo 512 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
PRIMARY=$(for i in /sys/class/net/*; do
	[ "$(cat "$i/address")" = 00:0d:3a:76:3b:d0 ] && basename "$i"
done)
MANA_MAC=$(cat "/sys/class/net/$PRIMARY/address")
BUS_INFO=$(ethtool -i "$PRIMARY" | awk '/bus-info/ { print $2 }')
show "ip link set $PRIMARY down"

# testpmd ARGUMENT... - run it for some seconds, and print only its statistics
testpmd()
{
	echo "# dpdk-testpmd $*"
	timeout -s INT 14 dpdk-testpmd "$@" </dev/null 2>&1 |
		grep -aE 'Tx-pps: +[1-9]|TX-packets: [1-9]|Failed|failed|Cause' | grep -av MANA_DRIVER
}

echo
echo "== The guide's single queue test"
testpmd -l 0-1 --vdev="$BUS_INFO,mac=$MANA_MAC" -- \
	--forward-mode=txonly --auto-start --txd=128 --rxd=128 --stats 2
echo
echo "== The guide's multiple queue test"
testpmd -l 0-1 --vdev="$BUS_INFO,mac=$MANA_MAC" -- \
	--forward-mode=txonly --auto-start --nb-cores=1 --txd=128 --rxd=128 --txq=8 --rxq=8 --stats 2
