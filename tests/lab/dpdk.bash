# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034
#
# dpdk.bash - Debian's dpdk-testpmd, with its net_mana, in the lab's guests.
#
#	dpdk_start NAME OPTION...	guest_start, with scripts and the guide's commands
#	dpdk_ready NAME...		guest_ready, and hugepages as the guide has them
#	guide NAME LINE MAC PATTERN COUNT [SIGNAL]	one of the guide's commands
#	testpmd NAME MACS CORES [OPTION...] <COMMANDS	an interactive testpmd
#
# The last two leave testpmd's output in the file $(testpmd_output), where
# port_stat, queue_stat and forward_stat find numbers.
#
# net_mana counts a packet as sent when the next call for that queue finds its
# completion. The packets of the last calls are never found: at its end testpmd's
# "TX-packets" lacks up to a queue's descriptors. Two numbers are exact: what each
# stream has handed over (shown if there are more streams than ports), and the
# count after "start tx_first" has sent a burst more, which lacks that burst.

load common

BURST=32 # packets, testpmd's

# Options: the guide's descriptors, and not the gigabyte of mbufs that testpmd makes by itself
FEW=(--total-num-mbufs=8192 --txd=128 --rxd=128)

# When a queue is full testpmd drops, unless it is told to try again: here, for 5 s.
RETRY="set burst tx delay 100 retry 50000"

dpdk_start() {
	local name=$1 share
	shift
	share=$(lab_file "$name.share")
	mkdir -p "$share"
	cp "$LAB_TESTS"/guest-dpdk/* "$LAB_TESTS/fixtures/testpmd.sh" "$share"
	guest_start "$name" --share "$share" "$@"
}

dpdk_ready() {
	local name
	guest_ready "$@" || return
	for name; do
		guest "$name" "$(grep nr_hugepages "$LAB_TESTS/fixtures/testpmd.sh")" || return
	done
}

testpmd_output() {
	lab_file testpmd.out
}

# in_guest NAME COMMAND - run it, keep the output, and show the end of it if it fails
in_guest() {
	local status=0
	COMMAND_TIMEOUT=100 guest "$@" >"$(testpmd_output)" || status=$?
	((status == 0)) || tail -n 60 "$(testpmd_output)"
	return $status
}

# guide NAME LINE MAC PATTERN COUNT [SIGNAL] - see guest-dpdk/guide.bash; LINE is 1 for the
# guide's single queue test, 2 for its multiple queue test
guide() {
	local name=$1 line=$2
	shift 2
	in_guest "$name" "grep ^dpdk-testpmd /mnt/share/testpmd.sh | sed -n ${line}p |
		timeout -s KILL 90 bash /mnt/share/guide.bash $(printf '%q ' "$@")"
}

# testpmd NAME MACS CORES [OPTION...] - see guest-dpdk/testpmd.py
testpmd() {
	local name=$1 macs=$2 cores=$3
	shift 3
	in_guest "$name" "timeout -s KILL 90 python3 /mnt/share/testpmd.py --macs $macs \
		--cores $cores -- $* <<'END_OF_COMMANDS'
$(cat)
END_OF_COMMANDS"
}

# port_stat PORT NAME - what "show port stats" said last
port_stat() {
	awk -v port="$1" -v name="$2:" '/NIC statistics for port/ { here = $6 == port }
		here { for (i = 1; i < NF; i++) if ($i == name) value = $(i + 1) }
		END { print value }' "$(testpmd_output)"
}

# forward_stat PORT NAME - what the statistics at the end say of a port
forward_stat() {
	awk -v port="$1" -v name="$2:" '/Forward statistics for/ { here = $6 == port }
		here { for (i = 1; i < NF; i++) if ($i == name) value = $(i + 1) }
		END { print value }' "$(testpmd_output)"
}

# queue_stat NAME - what the statistics at the end say of each queue: its number and the value
queue_stat() {
	awk -v name="$1:" '/Forward Stats for RX Port/ { sub(".*Queue= *", ""); queue = $1; next }
		queue != "" { for (i = 1; i < NF; i++) if ($i == name) { print queue, $(i + 1); queue = "" } }' \
		"$(testpmd_output)"
}

# packets COMMAND... - see packets.py
packets() {
	timeout 60 python3 "$LAB_TESTS/packets.py" "$@"
}
