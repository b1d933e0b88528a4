#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# A guest of an Ubuntu release (SUITE) with the newest kernel that Ubuntu builds for Azure in that
# release, and with its own rdma-core and DPDK: what Azure's users run. mana is built into these
# kernels. focal and jammy have no libmana, so no net_mana either: only the kernel's part is tested.

load dpdk

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
	equal 'MANA device is available.' \
		"$(guest guest "$(<"$LAB_TESTS/fixtures/check-for-mana.sh")")" 'the check'
	guest guest 'ethtool -i eth0' | grep -x 'driver: mana'
	equal "${#PORTS[@]}" "$(guest guest 'ls /sys/class/net | grep -c ^eth')" 'interfaces'
}

@test "200 pings each way: none lost" {
	local options='-q -c 200 -A -W 60' here there
	here=$(answers) there=$(answers guest)
	ping $options $GUEST || :
	guest guest "ping $options $HOST" || :
	all_answered "$here" 200 0
	all_answered "$there" 200 0 guest
}

@test "64 MB by TCP each way arrive whole, with TSO" {
	local sums
	sums=$(lab_file sums)
	socat -b 262144 -u TCP4-LISTEN:9,reuseaddr - 3>&- | sha256sum >"$sums" 3>&- &
	guest guest "head -c 64M /dev/urandom >/dev/shm/blob && sha256sum </dev/shm/blob &&
		socat -b 262144 -u FILE:/dev/shm/blob TCP4:$HOST:9,retry=3000,interval=0.1" >"$sums.guest"
	wait $!
	equal "$(<"$sums.guest")" "$(<"$sums")" 'SHA-256 from the guest'
	(($(adapter_counter mana0 0 tx_tso) > 500)) || fail 'TSO was not used'
	head -c 64M /dev/urandom >"$sums.blob"
	guest guest "rm /dev/shm/blob
		socat -b 262144 -u TCP4-LISTEN:9,reuseaddr - | sha256sum" >"$sums.guest" 3>&- &
	socat -b 262144 -u FILE:"$sums.blob" TCP4:$GUEST:9,retry=3000,interval=0.1
	wait $!
	equal "$(sha256sum <"$sums.blob")" "$(<"$sums.guest")" 'SHA-256 to the guest'
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
