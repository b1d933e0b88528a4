#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# managers.sh - in a guest: a network manager in charge of eth1, as on an image of Azure
#
# usage: managers.sh begin | start NetworkManager|systemd-networkd | stop | restart

# shellcheck disable=SC2317 # called by name
begin() {
	mkdir -p /run/dbus /run/udev/rules.d /run/systemd/network /run/systemd/netif/{links,leases,lldp}
	chown -R systemd-network:systemd-network /run/systemd/netif
	[[ -S /run/dbus/system_bus_socket ]] || dbus-daemon --system --fork
	# The rule of the package azure-vm-utils: a VF that is under its synthetic interface (IFF_SLAVE) is no manager's.
	echo 'SUBSYSTEM=="net", ACTION!="remove", DRIVERS=="mana", ATTR{flags}=="0x?[89ABCDEF]??",' \
		'ENV{ID_NET_MANAGED_BY}="unmanaged", ENV{NM_UNMANAGED}="1"' >/run/udev/rules.d/10-vf.rules
	udevadm control --reload
	udevadm trigger --settle --action=add --subsystem-match=net
}

# The profiles name the MAC address, as those of cloud-init do: the VF has the same.
profile() {
	case $1 in
	NetworkManager)
		printf '[main]\nno-auto-default=*\n' >/etc/NetworkManager/conf.d/lab.conf
		cat >/etc/NetworkManager/system-connections/lab.nmconnection <<-END
			[connection]
			id=lab
			type=ethernet
			[ethernet]
			mac-address=00:0D:3A:00:00:02
			[ipv4]
			method=manual
			address1=192.0.2.7/24
			route1=198.51.100.0/24,192.0.2.1
			[ipv6]
			method=link-local
		END
		chmod 600 /etc/NetworkManager/system-connections/lab.nmconnection
		;;
	systemd-networkd)
		cat >/run/systemd/network/10-netplan-lab.network <<-END
			[Match]
			MACAddress=00:0d:3a:00:00:02
			[Network]
			Address=192.0.2.7/24
			LinkLocalAddressing=ipv6
			[Route]
			Destination=198.51.100.0/24
			Gateway=192.0.2.1
		END
		;;
	esac
}

start() {
	profile "$1"
	echo "$1" >/run/manager
	case $1 in
	NetworkManager) setsid NetworkManager --debug >>/tmp/manager.log 2>&1 & ;;
	systemd-networkd) setsid /usr/lib/systemd/systemd-networkd >>/tmp/manager.log 2>&1 & ;;
	esac
}

stop() {
	local pid
	pid=$(pidof NetworkManager systemd-networkd) || return 0
	# shellcheck disable=SC2086 # words
	kill $pid
	while pidof NetworkManager systemd-networkd >/dev/null; do sleep 0.1; done
}

restart() {
	stop
	start "$(</run/manager)"
}

"$@"
