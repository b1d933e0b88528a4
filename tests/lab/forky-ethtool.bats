#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# What the mana of Linux 7.2 and later asks of the adapter through ethtool and net shapers, and whether the
# adapter then does it. Moderation, and eight packets a completion, are 7.3's: where the suite's
# kernel is older, the test says that the kernel refuses them, which is what it must do.

load dpdk

MAC0=00:0d:3a:76:3b:f0
HOST=192.0.2.1 GUEST=192.0.2.2 SPEED=25000

setup_file() {
	mkdir -p "$(lab_file share)"
	cp "$LAB_TESTS/shaper.py" "$(lab_file share)"
	adapter_start mana0 --port "mac=$MAC0,fabric=tap:lab0,speed=$SPEED"
	guest_start guest --suite forky --attach "$(adapter_socket mana0)" --share "$(lab_file share)"
	interface_up lo 65536
	interface_up lab0 1500 $HOST/24
	guest_ready guest
	guest_interface guest eth0 1500 $GUEST/24
	await ping -c 1 -w 1 $GUEST
}

teardown_file() {
	lab_stop
}

# newer - is the guest's kernel 7.3 or later?
newer() {
	local kernel major minor
	kernel=$(guest guest 'uname -r')
	IFS=.-+~ read -r major minor _ <<<"$kernel"
	((major > 7 || major == 7 && minor >= 3))
}

# coalescing NAME - what ethtool -c says of it
coalescing() {
	guest guest 'ethtool -c eth0' | sed -n "s/^$1:[[:space:]]*//p"
}

# quickest - the shortest round trip of 20 pings to the guest, in us
#
# Each comes after the answer to the one before: the driver would read a packet that arrives while it is busy with
# another, whatever the event does.
quickest() {
	ping -q -A -c 20 -W 60 $GUEST | sed -n 's,^rtt.* = \([0-9]*\)\.\([0-9]*\)/.*,\1\2,p' | sed 's/^0*//'
}

# sent - Mbit/s that iperf3 gets through from the guest in 3 s
sent() {
	iperf guest $GUEST -t 3 -R -f m | awk '/receiver/ { print int($7 + 0.5) }'
}

@test "ethtool: the link has the speed of --port; -G changes the rings" {
	guest guest 'ethtool eth0' | grep -E "Speed: ${SPEED}Mb/s"
	guest guest 'ethtool -G eth0 rx 512 tx 256'
	guest guest 'ethtool -g eth0' | grep -E '^RX:[[:space:]]+512$'
	await ping -c 1 -w 1 $GUEST
}

@test "net shaper: the guest sends at the rate that it sets, and no more; without it, faster again" {
	local rate free
	free=$(sent)
	guest guest "python3 /mnt/share/shaper.py eth0 set 100"
	rate=$(sent)
	echo "# $free Mbit/s without a limit, $rate with one of 100" >&3
	((rate <= 105)) || fail "$rate Mbit/s are more than 100"
	((free < 200 || rate >= 40)) || fail "$rate Mbit/s are less than 100, and $free were possible"
	run ! guest guest "python3 /mnt/share/shaper.py eth0 set 150" # a multiple of 100
	guest guest "python3 /mnt/share/shaper.py eth0 delete"
	((free < 200)) || (($(sent) > 105)) || fail 'the limit is still there'
}

@test "ethtool -C rx-usecs, adaptive-rx: no packet reaches the driver earlier" {
	if ! newer; then
		run ! guest guest 'ethtool -C eth0 rx-usecs 100'
		return
	fi
	equal on "$(coalescing 'Adaptive RX' | cut -d' ' -f1)" 'adaptive-rx'
	guest guest 'ethtool -C eth0 adaptive-rx off adaptive-tx off rx-usecs 0 tx-usecs 0'
	local before after
	before=$(quickest)
	guest guest 'ethtool -C eth0 rx-usecs 1000'
	equal 1000 "$(coalescing rx-usecs)" rx-usecs
	after=$(quickest)
	echo "# round trips of $before us, of $after us with rx-usecs 1000" >&3
	((after >= 1000)) || fail "$after us are less than 1000"
	guest guest 'ethtool -C eth0 rx-usecs 1000 rx-frames 1'
	((before >= 900)) || (($(quickest) < 1000)) || fail 'rx-frames 1 does not end the wait'
	guest guest 'ethtool -C eth0 rx-usecs 0 rx-frames 0 adaptive-rx on adaptive-tx on'
	await ping -c 1 -w 1 $GUEST
}

@test "ethtool -C rx-cqe-frames 8: up to eight packets a completion" {
	if ! newer; then
		run ! guest guest 'ethtool -C eth0 rx-cqe-frames 8'
		return
	fi
	guest guest 'ethtool -C eth0 rx-cqe-frames 8'
	equal 8 "$(coalescing rx-cqe-frames)" rx-cqe-frames
	iperf guest $GUEST -n 16M
	guest guest 'ethtool -S eth0' | grep -E 'rx_[0-9]+_coalesced_cqe_8: [1-9]'
	guest guest 'ethtool -C eth0 rx-cqe-frames 1'
}

@test "neither the guest's kernel nor the adapter has reported a problem" {
	guest_content guest
	adapter_content mana0
}
