# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Packets both ways, for a while and by several streams.
. "${0%/*}/lib.sh"

up
exchange
ip netns exec peer iperf3 -s -D --pidfile /run/iperf3.pid
wait_for iperf3 -c 198.51.100.2 -n 1M
iperf3 -c 198.51.100.2 -n 64M -P 4
iperf3 -c 198.51.100.2 -n 64M -P 4 -R
iperf3 -c 198.51.100.2 -u -b 20M -l 200 -n 2M
kill "$(tr -d '\0' </run/iperf3.pid)"
down
unload
