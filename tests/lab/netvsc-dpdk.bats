#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2016
#
# DPDK's netvsc driver while the host removes things: the VF, twenty times, and the card.

load netvsc

setup_file() {
	netvsc_setup sink
	guest azure "echo 1024 >/proc/sys/vm/nr_hugepages
		ip link set eth1 down
		ip link set \$(ip -br link show master eth1 | awk '{ print \$1 }') down
		modprobe uio_hv_generic
		echo f8615163-df3e-46c5-913f-f2d2f965ed0e >/sys/bus/vmbus/drivers/uio_hv_generic/new_id
		echo $CARD >/sys/bus/vmbus/drivers/hv_netvsc/unbind
		echo $CARD >/sys/bus/vmbus/drivers/uio_hv_generic/bind"
}

# testpmd_start - in the guest: send from two queues; output in /tmp/testpmd.log
testpmd_start() {
	guest azure '
		stdbuf -oL timeout -s KILL '$((4 * PATIENCE))' dpdk-testpmd -l 1-3 \
			--vdev="0000:00:10.0,mac=00:0d:3a:00:00:02" -- --forward-mode=txonly --auto-start \
			--nb-cores=2 --txq=2 --rxq=2 --txd=128 --rxd=128 --total-num-mbufs=8192 \
			--stats 1 >/tmp/testpmd.log 2>&1 &
		echo $! >/tmp/testpmd.pid'
	await guest azure 'grep -aq "TX-packets: [1-9]" /tmp/testpmd.log'
	guest azure 'grep -a "found matching VF port" /tmp/testpmd.log'
}

# fabric all|vf|card - frames of the second port at its fabric: all, by the VF, by the card
fabric() {
	adapter_control nic --json stats | python3 -c '
import json, sys
port = json.load(sys.stdin)["ports"][1]
print({"all": port["wire_tx"], "vf": port["tx_packets"], "card": port["wire_tx"] - port["tx_packets"]}[sys.argv[1]])' "$1"
}

# grows NAME FROM - has it grown since?
grows() {
	(($(fabric "$1") > $2))
}

# sends_by vf|card - wait until more frames arrive that way
sends_by() {
	await grows "$1" "$(fabric "$1")" || {
		guest azure 'tail -n 60 /tmp/testpmd.log'
		fail "testpmd does not send by the $1"
	}
}

# When the VF goes, Linux destroys what testpmd has of it, the newest first: the memory before the
# queues (drivers/infiniband/core/rdma_core.c, __uverbs_cleanup_ufile() in 6.12). What such a queue
# still has to send, if the adapter is behind, is in memory that is no longer its client's.
GONE='send queue [0-9]+: element 0 \(Permission denied\): '

@test "testpmd on netvsc keeps sending while the VF is revoked and returned 20 times, and loses only what was in flight" {
	local turn before sent arrived
	before=$(fabric all)
	testpmd_start
	sends_by vf
	for turn in {1..20}; do
		adapter_control nic vf revoke
		await guest azure '! ls /sys/bus/pci/devices/0000:00:10.0 2>/dev/null'
		sends_by card
		adapter_control nic vf return
		sends_by vf
	done
	guest azure 'kill -INT $(pidof dpdk-testpmd)
		while [ -d /proc/$(cat /tmp/testpmd.pid) ]; do sleep 0.1; done
		tail -n 45 /tmp/testpmd.log; grep -aq "^Bye..." /tmp/testpmd.log'
	# Each stream counts what netvsc accepted, whichever way it went. The port's own statistics
	# start again with each VF.
	sent=$(guest azure 'grep -aA 1 "Forward Stats for RX Port" /tmp/testpmd.log' |
		awk '/TX-packets/ { sum += $4 } END { print sum }')
	arrived=$(($(fabric all) - before))
	echo "sent $sent, arrived $arrived"
	((sent >= arrived && sent - arrived <= 20 * 2 * 128)) ||
		fail "testpmd sent $sent packets, to the fabric came $arrived"
	adapter_content nic "$GONE"
}

@test "the host removes a card while DPDK sends: DPDK says so, can be killed, and the guest keeps working" {
	testpmd_start
	sends_by vf
	adapter_control nic card 1 pull
	await guest azure "! ls /sys/bus/vmbus/devices/$CARD 2>/dev/null"
	# DPDK waits a minute for an answer from the card, and asks several times before it ends.
	guest azure 'kill -INT $(pidof dpdk-testpmd)
		until grep -aq "RNDIS response timed out" /tmp/testpmd.log; do
			[ -d /proc/$(cat /tmp/testpmd.pid) ] || break
			sleep 0.1
		done
		tail -n 20 /tmp/testpmd.log
		grep -aq "RNDIS response timed out" /tmp/testpmd.log'
	guest azure 'kill -KILL $(pidof dpdk-testpmd); while pidof dpdk-testpmd >/dev/null; do sleep 0.1; done'
	guest azure '! ls /dev/uio0 2>/dev/null'
	run guest azure "echo $CARD >/sys/bus/vmbus/drivers/uio_hv_generic/bind"
	((status)) || fail "a card that is gone was bound"
	guest azure 'ip link set eth0 up && ip -br link show master eth0 && rmmod uio_hv_generic'
	adapter_content nic "$GONE"
}
