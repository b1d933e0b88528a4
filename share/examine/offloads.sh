# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Checksums, large sends, VLAN tags and generic receive offload, on and off.
. "${0%/*}/lib.sh"

up
ip netns exec peer iperf3 -s -D --pidfile /run/iperf3.pid
for feature in tso tx gro rx; do
	for value in off on; do
		ethtool -K "$FIRST" "$feature" "$value" || true
		wait_for iperf3 -c 198.51.100.2 -n 8M
		exchange
	done
done
kill "$(tr -d '\0' </run/iperf3.pid)"
if ip link add link "$FIRST" name vlan7 type vlan id 7; then
	ip -n peer link add link "$SECOND" name vlan7 type vlan id 7
	ip link set vlan7 up
	ip -n peer link set vlan7 up
	ip addr add 203.0.113.1/24 dev vlan7
	ip -n peer addr add 203.0.113.2/24 dev vlan7
	wait_for ping -c 1 -W 1 203.0.113.2
	ping -q -c 5 -i 0.2 -s 4000 203.0.113.2
	ip link del vlan7
	ip -n peer link del vlan7
fi
down
unload
