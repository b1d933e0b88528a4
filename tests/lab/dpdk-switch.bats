#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Two guests on one switch: testpmd in one, the kernel's network stack in the other.
# Each has an adapter of its own in one process.

load dpdk

MAC_D=00:0d:3a:76:3d:0d
MAC_K=00:0d:3a:76:3d:0c
DPDK=192.0.2.1 KERNEL=192.0.2.2

setup_file() {
	adapter_start dpdk0 --port "mac=$MAC_D,fabric=switch" \
		--socket "$(adapter_socket kernel0)" --port "mac=$MAC_K,fabric=switch"
	dpdk_start dpdk --cpus 2 --attach "$(adapter_socket dpdk0)"
	dpdk_start kernel --cpus 2 --memory 1G --attach "$(adapter_socket kernel0)"
	dpdk_ready dpdk
	guest_ready kernel
	guest_interface kernel eth0 1500 $KERNEL/24
}

teardown_file() {
	lab_stop
}

# forward MODE - start testpmd, which sends back what it receives
forward() {
	guest dpdk 'rm -f /tmp/forward'
	guest dpdk "dpdk-testpmd -l 0-1 --vdev=\$(lspci -D -d 1414:00ba:0200 | cut -d' ' -f1),mac=$MAC_D \
		-- --auto-start --forward-mode=$1 ${FEW[*]} --stats 1 </dev/null >/tmp/forward 2>&1 &"
	await guest dpdk "grep 'Port statistics' /tmp/forward"
}

# forward_end - stop it, and leave its output where statistics are looked for
forward_end() {
	guest dpdk 'pkill -INT -x dpdk-testpmd'
	await guest dpdk '! pgrep -x dpdk-testpmd'
	guest dpdk 'cat /tmp/forward' >"$(testpmd_output)"
}

@test "testpmd answers 1,000 pings from the other guest's kernel: none is lost" {
	local before
	forward icmpecho
	before=$(answers kernel)
	guest kernel "ping -f -q -c 1000 -s 1472 -M do $DPDK" >"$(lab_file ping.out)" || true
	cat "$(lab_file ping.out)"
	grep -q '^1000 packets transmitted' "$(lab_file ping.out)"
	all_answered "$before" 1000 0 kernel || fail "$(counters kernel kernel0)"
	forward_end
	# ARP has been answered, too.
	guest kernel "ip neighbour show $DPDK" | grep -i "$MAC_D"
	(($(forward_stat 0 RX-packets) >= 1001))
}

@test "testpmd sends 5,000 datagrams of the other guest's kernel back unchanged" {
	forward 5tswap
	# Nothing answers ARP now.
	guest kernel "ip neighbour replace $DPDK lladdr $MAC_D dev eth0 nud permanent"
	guest kernel "timeout -s KILL $PATIENCE python3 /mnt/share/udp_echo.py $DPDK 9 5000" \
		>"$(lab_file echo.out)" || true
	forward_end
	equal 5000 "$(<"$(lab_file echo.out)")" 'datagrams that came back'
	equal 0 "$(guest kernel "awk '\$1 == \"Udp:\" && \$4 ~ /^[0-9]/ { print \$4 }' /proc/net/snmp")" \
		'datagrams that the kernel refused'
	(($(forward_stat 0 RX-packets) >= 5000))
}

@test "neither the adapters nor the guests' kernels report a problem" {
	adapter_content dpdk0
	guest_content dpdk
	guest_content kernel
}
