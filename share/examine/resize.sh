# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Other numbers of queues and entries, another MTU, another hash key, while packets flow.
. "${0%/*}/lib.sh"

up
for queues in 1 2 4; do
	ethtool -L "$FIRST" combined "$queues" || continue
	exchange
done
for entries in 128 512; do
	ethtool -G "$FIRST" rx "$entries" tx "$entries" || continue
	exchange
done
for mtu in 1280 1500; do
	ip link set "$FIRST" mtu "$mtu"
	ip -n peer link set "$SECOND" mtu "$mtu"
	wait_for ping -c 1 -W 1 198.51.100.2
	exchange
done
ethtool -X "$FIRST" equal 2 || true
exchange
ethtool -S "$FIRST" >/dev/null
down
unload
