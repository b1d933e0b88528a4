#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# A guest of an Ubuntu release (SUITE) with the newest kernel that Ubuntu builds for Azure in that
# release, and with its own rdma-core and DPDK: what Azure's users run. mana is built into these
# kernels. focal and jammy have no libmana, so no net_mana either: only the kernel's part is tested.

load dpdk
load other

SUITE=${SUITE:?focal, jammy, noble or resolute}
MAC=00:0d:3a:76:50
HOST=192.0.2.1 GUEST=192.0.2.2
PORTS=(
	tap:lab0      # 0
	sink+verify   # 1
	switch switch # 2, 3
)

# libmana - does the release's rdma-core have it?
libmana() {
	[[ $SUITE != focal && $SUITE != jammy ]]
}

setup_file() {
	ports_start
	dpdk_start guest --suite "$SUITE" --cpus 7 --attach "$(adapter_socket mana0)"
	interface_up lab0 1500 $HOST/24
	dpdk_ready guest
	guest_interface guest eth0 1500 $GUEST/24
}

teardown_file() {
	lab_stop
}

@test "the kernel is Ubuntu's for Azure, and has mana built in" {
	local kernel
	kernel=$(guest guest 'uname -r')
	[[ $kernel == *-azure ]] || fail "the kernel is $kernel"
	guest guest 'cat /proc/version_signature'
	grep -F "driver on Linux $kernel" "$(lab_file mana0).log"
	guest guest "grep -x 'kernel/drivers/net/ethernet/microsoft/mana/mana.ko' /lib/modules/$kernel/modules.builtin"
}

@test "the guide's check for MANA finds the device, and the driver is bound to it" {
	found_and_bound
}

@test "200 pings each way: none lost" {
	pings 200
}

@test "64 MB by TCP each way arrive whole, with TSO" {
	sent_whole
	received_whole
}

@test "mana_ib and libmana have the device" {
	libmana || skip "$SUITE's rdma-core has no libmana"
	guest guest 'ibv_devinfo -d mana_0' | grep -E 'state:[[:blank:]]+PORT_ACTIVE'
}

@test "the guide's single queue command: what testpmd sends arrives" {
	libmana || skip "$SUITE's DPDK has no net_mana"
	guide_single 1 "$(mac 1)"
}

@test "the guide's multiple queue command: every packet that testpmd sends arrives" {
	libmana || skip "$SUITE's DPDK has no net_mana"
	guide_queues 1
}

@test "neither the guest's kernel nor the adapter has reported a problem" {
	guest_content guest
	adapter_content mana0
}
