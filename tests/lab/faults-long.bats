#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Faults that Linux 6.12 takes long over, and those that only unloading the driver ends. The rest is in
# faults.bats.

load faults

USUAL_MS=$HWC_MS # each fault here has commands time out

setup_file() {
	faults_setup
	adapter_control mana0 timeout $USUAL_MS
	reload
}

# The first answer comes 14 s after its command; by then the driver waits for the third.
@test "a late answer is taken for that of the command in flight, which fails; its own answer is late then" {
	fault 'on command QUERY_GF_STAT 1: late 14s' 'on command QUERY_GF_STAT 2: never' \
		'on command QUERY_GF_STAT 3: late 4900ms'
	guest guest 'for i in 1 2 3; do ethtool -S eth0 >/dev/null; done'
	says 'Unexpected mana message response: '
	says 'hwc_rx: invalid msg_id = 0'
	equal 2 "$(said 'HWC: Request timed out!' | wc -l)" 'commands that timed out'
	works
}

@test "the hardware channel falls silent, and eth0 is set down: it cannot be set up again, until the driver is loaded again" {
	local begun=$SECONDS
	fault 'at 1us: channel silent'
	guest guest 'ip link set eth0 down'
	said 'Failed to disable vPort: -110'
	fault
	run ! guest guest 'ip link set eth0 up'
	[[ $output == *'Device or resource busy'* ]]
	reload
	recovered $begun
	fine
}

@test "a send queue that stalls for good: down takes two minutes and resets the function; loading the driver mends it" {
	local begun=$SECONDS
	fault 'at 1us: sq 0.any stall'
	flood 400
	guest guest 'ip link set eth0 down'
	((SECONDS - begun >= 120)) || fail "down took only $((SECONDS - begun)) s"
	said 'Failed to disable vPort: -110'
	fault
	reload
	recovered $begun
}

@test "an adapter that answers nothing at all: removing the function reports what fails, and a scan finds it again" {
	local begun=$SECONDS
	fault 'at 1us: device fatal'
	guest guest 'echo 1 >/sys/bus/pci/devices/0000:00:10.0/remove'
	said 'HWC: Request timed out!'
	equal lo "$(guest guest 'ls /sys/class/net' | xargs)" 'interfaces'
	guest guest 'echo 1 >/sys/bus/pci/rescan'
	said 'gdma probe failed: err = -'
	guest guest 'echo 1 >/sys/bus/pci/devices/0000:00:10.0/remove'
	fault
	guest guest 'echo 1 >/sys/bus/pci/rescan; udevadm settle'
	interface
	recovered $begun
	fine
}

# As on Azure when a host fails: the VF is dead before VMBus takes it away.
@test "a VF that answers nothing any more is revoked: the synthetic interface goes on, and the VF comes back" {
	local peer=198.51.100.1 begun
	adapter_start nic --synthetic --port mac=00:0d:3a:00:00:01,fabric=tap:lab1
	adapter_control nic timeout $HWC_MS
	guest_start azure --cpus 2 --memory 1G --netvsc --attach "$(adapter_socket nic)"
	interface_up lab1 1500 $peer/24
	guest_ready azure
	guest azure "ip address add 198.51.100.2/24 dev eth0; ip link set eth0 up"
	await guest azure '[ -n "$(ip -br link show master eth0 up)" ]'
	guest azure "ping -c 3 $peer"
	begun=$SECONDS
	adapter_control nic fault add 'at 1us: device fatal, vf revoke'
	await guest azure '[ -z "$(ip -br link show master eth0)" ]'
	printf '# the VF was gone after %d s\n' $((SECONDS - begun)) >&3
	guest azure "ping -c 3 $peer"
	adapter_control nic fault clear
	adapter_control nic vf return
	await guest azure '[ -n "$(ip -br link show master eth0 up)" ]'
	guest azure "ping -c 3 $peer"
}
