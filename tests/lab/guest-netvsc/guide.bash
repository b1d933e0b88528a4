#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# guide.bash BLOCK - in a guest: run the guide's netvsc block unchanged
#
# Its two testpmd commands run until Ctrl-C; here that is sent once they have shown packets. The
# core list of the second is cut to the guest's five CPUs.
# Their output goes to /tmp/testpmd.1 and .2.
runs=0

dpdk-testpmd() {
	local args=("$@") out=/tmp/testpmd.$((++runs)) status=0 pid
	[[ ${args[1]} != 1-6 ]] || args[1]=0-4
	: >$out # it is looked at before it is opened
	stdbuf -oL timeout -s KILL 900 /usr/bin/dpdk-testpmd "${args[@]}" >$out 2>&1 &
	pid=$!
	for ((i = 0; i < 2000; i++)); do
		(($(grep -c 'TX-packets: [1-9]' $out) < 2)) || break
		[[ -d /proc/$pid ]] || break
		sleep 0.1
	done
	pkill -INT -x dpdk-testpmd
	wait $pid || status=$?
	echo "testpmd $runs: status $status"
	return $status
}

# shellcheck disable=SC1090 # the block
source "$1"
