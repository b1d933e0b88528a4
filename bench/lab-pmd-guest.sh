# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# In the guest: the rounds of bench/lab-pmd.sh. A line each: SUBJECT CASE PACKETS-PER-SECOND
# usage: lab-pmd-guest.sh ROUNDS SECONDS DESCRIPTORS
rounds=$1
seconds=$2
descriptors=$3
plugin=/root/pmd/librte_net_manakin.so # DPDK takes none from where everybody may write
output=/tmp/testpmd

echo 512 >/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages
mkdir -p "${plugin%/*}" && cp /mnt/share/librte_net_manakin.so "$plugin"

# measure SUBJECT CASE MAC [OPTION...] - the mean of testpmd's rates, without the first one
measure()
{
	subject=$1 case=$2 mac=$3
	shift 3
	dpdk-testpmd -l 0-1 --no-telemetry "$@" --vdev="0000:00:10.0,mac=$mac" -- \
		--forward-mode="$case" --auto-start --total-num-mbufs=8192 \
		--txd="$descriptors" --rxd="$descriptors" --stats 1 >$output 2>&1 &
	until grep -q '[TR]x-pps: *[1-9]' $output; do
		[ -d /proc/$! ] || break
		sleep 0.1
	done
	sleep "$seconds"
	kill -INT $!
	wait $! || cat $output >&2
	awk -v s="$subject" -v c="$case" '
		{ for (i = 1; i < NF; i++) if ($i == (c == "txonly" ? "Tx-pps:" : "Rx-pps:")) {
			if ($(i + 1) > 0 && seen++) { sum += $(i + 1); n++ } } }
		END { print s, c, n ? sum / n : 0 }' $output
}

for _ in $(seq "$rounds"); do
	measure net_mana txonly 00:0d:3a:77:00:01
	measure manakin txonly 00:0d:3a:77:00:01 -d "$plugin"
	measure net_mana rxonly 00:0d:3a:77:00:02
	measure manakin rxonly 00:0d:3a:77:00:02 -d "$plugin"
done
