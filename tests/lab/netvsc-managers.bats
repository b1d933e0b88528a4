#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2016
#
# setup and restore in a guest whose interfaces are managed by NetworkManager, or by
# systemd-networkd: the real ones, of Debian. LAB_REST is how many seconds an interface stays
# handed over before it is used (default: none; make check-all has a minute).

load netvsc

# Not run from the shared directory; docs/lab.md says why
MANAKIN_THERE=/usr/local/bin/manakin
MAC=000d3a000002

setup_file() {
	netvsc_setup sink
	cp "$MANAKIN" "$LAB_TESTS/../../share/known-bugs" "$(lab_file share)"
	guest azure "cp /mnt/share/manakin $MANAKIN_THERE
		mkdir -p /usr/local/share/manakin && cp /mnt/share/known-bugs /usr/local/share/manakin
		/mnt/share/managers.sh begin"
}

teardown() {
	if alive azure; then
		guest azure "cat /tmp/manager.log; $MANAKIN_THERE restore --all; /mnt/share/managers.sh stop
			rm -f /etc/NetworkManager/system-connections/lab.nmconnection /run/systemd/network/10-netplan-lab.network
			ip address flush dev eth1; ip link set eth1 down"
		guest_content azure
	fi
}

# state INTERFACE - what the manager says of it
state() {
	guest azure "case \$(</run/manager) in
		NetworkManager) nmcli -g GENERAL.STATE,GENERAL.CONNECTION device show $1 | paste -sd' ' ;;
		*) networkctl --no-pager --no-legend list $1 | awk '{ print \$5 }' ;;
		esac 2>/dev/null"
}

# is_in INTERFACE STATE... - is it in one of these?
is_in() {
	local now wanted
	now=$(state "$1")
	shift
	for wanted; do
		[[ $now != "$wanted" ]] || return 0
	done
	echo "$now"
	return 1
}

# interface - eth1 as a person sees it, without the kernel's numbers for it
interface() {
	guest azure 'ip -br link show master eth1; ip -br address show dev eth1
		ip route show dev eth1; ip -6 route show dev eth1 | grep -v ^ff00'
}

is_as() {
	[[ $(interface) == "$1" ]]
}

# raised - the interfaces that came up since the monitor was started
raised() {
	guest azure 'grep -E "<([A-Z_,-]*,)?UP[,>]" /tmp/monitor | grep -oE "(eth1|enp0s16d1)[:@]"'
}

# saw INTERFACE - has the monitor seen it come up?
saw() {
	[[ $(raised) == *"$1"* ]]
}

# leaves_and_comes_back MANAGER IN-CHARGE LEFT-ALONE FILE AGAIN - the test of a manager
leaves_and_comes_back() {
	local manager=$1 mine=$2 not_mine=$3 file=$4 again=$5 before vf=enp0s16d1
	guest azure "/mnt/share/managers.sh start $manager"
	await is_in eth1 "$mine"
	await joined eth1
	await settled azure eth1
	# What is not in the manager's own configuration
	guest azure 'ip address add 203.0.113.9/24 dev eth1; ip route add 198.18.0.0/15 via 203.0.113.1 dev eth1'
	before=$(interface)
	echo "$before"
	run guest azure "$MANAKIN_THERE check 00:0d:3a:00:00:02"
	grep -E "^ok +manager +[^ ]+ +$manager manages it" <<<"$output" || fail "check says: $output"

	guest azure "$MANAKIN_THERE setup eth1; 
		: >/tmp/monitor; ip monitor link >>/tmp/monitor 2>&1 & test -e $file"
	await is_in $vf "$not_mine"
	# Whatever makes a manager look at its interfaces anew
	guest azure "udevadm trigger --settle --action=change --subsystem-match=net; $again
		/mnt/share/managers.sh restart"
	await is_in $vf "$not_mine"
	sleep "${LAB_REST:-0}"
	equal '' "$(raised)" 'interfaces that came up'
	run guest azure "$MANAKIN_THERE check 00:0d:3a:00:00:02"
	grep -E "^ok +manager +[^ ]+ +$manager leaves it alone" <<<"$output" || fail "check says: $output"
	guest azure "$MANAKIN_THERE run eth1 --queues 2 --seconds 2"
	equal '' "$(raised)" 'interfaces that came up'

	# Without that rule of udev, and without what setup wrote, the manager raises the VF; setup sees that and
	# puts it right.
	guest azure "rm /run/udev/rules.d/10-vf.rules $file; udevadm control --reload
		udevadm trigger --settle --action=change --subsystem-match=net; /mnt/share/managers.sh restart"
	await guest azure "ip -br link show dev $vf up | grep -q ."
	await saw "$vf" || fail "the monitor has not seen $vf come up"
	run guest azure "$MANAKIN_THERE check 00:0d:3a:00:00:02"
	grep -E "^warning +manager +[^ ]+ +$manager manages $vf" <<<"$output" || fail "check says: $output"
	guest azure "$MANAKIN_THERE setup eth1"
	is_in $vf "$not_mine"
	[[ -z $(guest azure "ip -br link show dev $vf up") ]] || fail "$vf is still up"

	guest azure "/mnt/share/managers.sh begin; $MANAKIN_THERE restore eth1; test ! -e $file"
	await is_in eth1 "$mine"
	await joined eth1
	await is_as "$before" || equal "$before" "$(interface)" 'the interface'
	# and the VF is under it, nobody's
	is_in $vf "$not_mine"
	guest azure "/mnt/share/managers.sh restart"
	await is_in eth1 "$mine"
}

@test "NetworkManager leaves an interface alone while it is handed over, and manages it again after restore" {
	leaves_and_comes_back NetworkManager '100 (connected) lab' '10 (unmanaged) ' \
		/run/NetworkManager/conf.d/manakin-$MAC.conf 'nmcli general reload conf'
}

@test "systemd-networkd leaves an interface alone while it is handed over, and manages it again after restore" {
	leaves_and_comes_back systemd-networkd configured unmanaged \
		/run/systemd/network/0-manakin-$MAC.network 'networkctl reload'
}

@test "cloud-init is not called for an interface that is handed over, nor for its return; for any other it is" {
	# The rule is cloud-init's; its program would ask Azure for the network's configuration, and apply it.
	guest azure 'mkdir -p /run/cloud-init /usr/lib/cloud-init
		printf "#!/bin/sh\necho \$ACTION \$INTERFACE >>/tmp/hook\n" >/usr/lib/cloud-init/hook-hotplug
		chmod 755 /usr/lib/cloud-init/hook-hotplug
		cat >/run/udev/rules.d/10-cloud-init-hook-hotplug.rules <<-END
			ACTION!="add|remove", GOTO="cloudinit_end"
			LABEL="cloudinit_hook"
			SUBSYSTEM=="net", RUN+="/usr/lib/cloud-init/hook-hotplug"
			LABEL="cloudinit_end"
		END
		udevadm control --reload
		: >/tmp/hook
		echo net.ipv4.conf.eth1.log_martians=1 >/etc/sysctl.d/50-lab.conf'
	guest azure "$MANAKIN_THERE setup eth1; $MANAKIN_THERE restore eth1; udevadm settle"
	equal '' "$(guest azure 'cat /tmp/hook')" 'calls of cloud-init'
	# What else udev does for an interface that appears, it has done.
	equal 1 "$(guest azure 'cat /proc/sys/net/ipv4/conf/eth1/log_martians')" 'sysctl of eth1'
	guest azure "cd /sys/bus/vmbus/drivers/hv_netvsc; echo $CARD >unbind; echo $CARD >bind; udevadm settle
		rm -r /run/cloud-init /run/udev/rules.d/10-cloud-init-hook-hotplug.rules /etc/sysctl.d/50-lab.conf"
	equal 'remove eth1 add eth1' "$(guest azure 'xargs </tmp/hook')" 'calls of cloud-init'
	await guest azure "ip -br link show master eth1 | grep -q ."
}
