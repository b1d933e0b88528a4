# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034,SC2016
#
# netvsc.bash - a guest with Azure's synthetic interfaces, for the tests that need one.

load common

# what the guest's kernel may say here: the VF is removed and added
KERNEL_TROUBLE='WARNING: |BUG: |Call Trace|general protection|Oops|soft lockup|rcu: INFO'
KERNEL_TROUBLE+='|blocked for more than|NETDEV WATCHDOG|transmit queue .* timed out|refcount'

CARD=000d3a00-0002-000d-3a00-0002000d3a00

# netvsc_setup [FABRIC] - the guest "azure" with the adapter "nic", whose ports are on one switch
netvsc_setup() {
	local share fabric=${1:-switch}
	share=$(lab_file share)
	mkdir "$share"
	cp "$LAB_TESTS"/guest-netvsc/* "$LAB_TESTS/fixtures/netvsc.sh" "$share"
	adapter_start nic --synthetic --port "mac=00:0d:3a:00:00:01,fabric=$fabric" \
		--port "mac=00:0d:3a:00:00:02,fabric=$fabric"
	guest_start azure --attach "$(adapter_socket nic)" --netvsc --cpus 5 --share "$share"
	guest_ready azure
}

teardown_file() {
	lab_stop
}

teardown() {
	! alive azure || guest_content azure
}

# vf NAME - the VF that is joined to the interface
vf() {
	guest azure "ip -br link show master $1" | awk '{ print $1 }'
}

# joined INTERFACE - does it have a VF that is up?
joined() {
	[[ -n $(guest azure "ip -br link show master $1 up") ]]
}

alone() {
	[[ -z $(guest azure "ip -br link show master $1") ]]
}

# counter INTERFACE NAME - of ethtool -S
counter() {
	guest azure "ethtool -S $1" | awk -v name="$2:" '$1 == name { print $2 }'
}

# two_hosts - eth1 in a namespace of its own, so that packets between the two leave the guest
two_hosts() {
	guest azure '
		ip netns add n1
		ip link set eth1 netns n1
		ip -n n1 address add 10.9.0.2/24 dev eth1
		ip -n n1 link set eth1 up
		ip address add 10.9.0.1/24 dev eth0
		ip link set eth0 up'
	await guest azure '[ -n "$(ip -br link show master eth0 up)" ] &&
		[ -n "$(ip -n n1 -br link show master eth1 up)" ] && ping -c 1 -W 1 10.9.0.2'
}

# one_host - undo two_hosts
#
# A VF that has come back was called eth1 for a moment: udev has to have named it.
one_host() {
	guest azure '
		udevadm settle
		ip address flush dev eth0
		ip link set eth0 down
		ip -n n1 link set eth1 down
		ip -n n1 link set eth1 netns 1 || exit
		ip netns delete n1'
	await guest azure 'ip -br link show master eth1 | grep -q SLAVE'
}
