# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2016
#
# The configuration that Azure's guide recommends: a synthetic interface with the MANA
# VF under it, and DPDK's netvsc driver on both. Debian's hv_netvsc, uio_hv_generic and
# DPDK; the VMBus is lab/vmbus/.

load netvsc

setup_file() {
	netvsc_setup
}

@test "each port is a synthetic interface, and its VF has joined it" {
	local interface
	equal "eth0 00:0d:3a:00:00:01
eth1 00:0d:3a:00:00:02" "$(guest azure 'for i in eth0 eth1; do
		echo $i $(cat /sys/class/net/$i/address); done')" 'synthetic interfaces'
	for interface in eth0 eth1; do
		equal hv_netvsc "$(guest azure "ethtool -i $interface" | awk '/^driver/ { print $2 }')" driver
		await guest azure "ip -br link show master $interface | grep -q SLAVE"
		equal 0000:00:10.0 "$(guest azure "ethtool -i $(vf $interface)" |
			awk '/^bus-info/ { print $2 }')" bus-info
	done
	equal 000d3a00-0002-000d-3a00-0002000d3a00 \
		"$(guest azure 'basename $(readlink /sys/class/net/eth1/device)')" UUID
	equal '{f8615163-df3e-46c5-913f-f2d2f965ed0e}' \
		"$(guest azure 'cat /sys/class/net/eth1/device/class_id')" class
}

@test "ping and TCP use the VF, continue while it is revoked, and use it again" {
	local before during
	two_hosts
	before=$(counter eth0 vf_tx_packets)
	guest azure 'ping -c 20 -i 0.05 10.9.0.2'
	(($(counter eth0 vf_tx_packets) >= before + 20)) || fail "the VF was not used"

	guest azure '(ip netns exec n1 iperf3 -s -1 >/dev/null 2>&1 &)
		(ping -D -i 0.1 10.9.0.2 >/tmp/ping 2>&1 &)
		until ip netns exec n1 ss -Hltn sport = :5201 | grep -q .; do sleep 0.05; done
		(iperf3 -c 10.9.0.2 -t 25 -b 2M --json >/tmp/iperf 2>&1 &)
		until ip netns exec n1 ss -Htn sport = :5201 | grep -q ESTAB && grep -q icmp_seq=5 /tmp/ping; do sleep 0.05; done'
	adapter_control nic vf revoke
	await guest azure '[ -z "$(ip -br link show master eth0)" ] && ! ls /sys/bus/pci/devices/0000:00:10.0 2>/dev/null'
	during=$(counter eth0 vf_tx_packets)
	guest azure 'ping -c 20 -i 0.05 10.9.0.2'
	equal "$during" "$(counter eth0 vf_tx_packets)" 'packets of a VF that is not there'
	adapter_control nic vf return
	await guest azure '[ -n "$(ip -br link show master eth0 up)" ] &&
		[ -n "$(ip -n n1 -br link show master eth1 up)" ]'
	before=$(counter eth0 vf_tx_packets)
	guest azure 'ping -c 20 -i 0.05 10.9.0.2'
	(($(counter eth0 vf_tx_packets) >= before + 20)) || fail "the VF is not used again"
	guest azure 'while pgrep iperf3 >/dev/null; do sleep 0.2; done
		pkill -INT ping; while pgrep -x ping >/dev/null; do sleep 0.1; done; tail -n 3 /tmp/ping
		grep -q "\"error\"" /tmp/iperf && cat /tmp/iperf && exit 1
		# A ping every 0.1 s. mana stops a VF, and then hv_netvsc takes its traffic over: what is sent meanwhile is
		# lost, and a slow CPU takes long for it. Besides, at most those of a second are.
		took=$(dmesg | awk "{ sub(/^\[ */, \"\"); t = \$1 + 0 }
			/: VF slot [0-9]+ removed/ { split(\"\", stopped) }
			/: Configured steering/ { stopped[\$4] = t }
			/Data path switched from VF: / && stopped[\$NF \":\"] { took += t - stopped[\$NF \":\"] }
			END { print took + 0 }")
		echo "The VFs stood still for $took s"
		awk -v took=$took "/packets transmitted/ { exit \$1 - \$4 > 10 + 10 * took }" /tmp/ping'
	one_host
	adapter_content nic
}

@test "TCP over the synthetic path, both ways: checksums, large sends and VLAN tags are right, and flows spread over the channels" {
	two_hosts
	adapter_control nic vf revoke
	await guest azure '! ls /sys/bus/pci/devices/0000:00:10.0 2>/dev/null'
	guest azure '
		head -c 8000000 /dev/urandom >/tmp/sent
		there="ip netns exec n1"
		$there socat -u TCP-LISTEN:5000 OPEN:/tmp/got,creat,trunc &
		until $there ss -Hltn sport = :5000 | grep -q .; do sleep 0.05; done
		socat -u OPEN:/tmp/sent TCP:10.9.0.2:5000 && wait && cmp /tmp/sent /tmp/got || exit
		socat -u TCP-LISTEN:5000 OPEN:/tmp/got,creat,trunc &
		until ss -Hltn sport = :5000 | grep -q .; do sleep 0.05; done
		$there socat -u OPEN:/tmp/sent TCP:10.9.0.1:5000 && wait && cmp /tmp/sent /tmp/got || exit
		ethtool -k eth0 | grep -E "^(tcp-segmentation-offload|.*tx-checksum-ipv4): on" | wc -l |
			grep -qx 2 || exit
		# InErrs and InCsumErrors: no received checksum was wrong
		for where in "" "$there"; do
			$where cat /proc/net/snmp | awk "/^Tcp: [0-9]/ && (\$14 || \$16) { exit 1 }" || exit
		done'
	guest azure '
		there="ip netns exec n1"
		ip link add link eth0 name tagged type vlan id 7
		ip address add 10.9.7.1/24 dev tagged
		ip link set tagged up
		$there ip link add link eth1 name tagged type vlan id 7
		$there ip address add 10.9.7.2/24 dev tagged
		$there ip link set tagged up
		ping -c 5 -i 0.1 -W 2 10.9.7.2 || exit
		$there cat /proc/net/vlan/tagged | grep "total frames received" | grep -v " 0$"'
	# Connections that are refused: the hash of each picks the channel that it arrives on.
	guest azure '
		for port in $(seq 6000 6031); do socat -u OPEN:/dev/null TCP:10.9.0.2:$port 2>/dev/null; done
		ip netns exec n1 ethtool -S eth1 | awk "/ rx_queue_[0-9]+_packets:/ { print; n += \$2 > 0 } END { exit n < 3 }"
		status=$?
		ip link delete tagged
		ip netns exec n1 ip link delete tagged
		exit $status'
	adapter_control nic vf return
	await guest azure 'ls /sys/bus/pci/devices/0000:00:10.0/net'
	one_host
}

@test "the synthetic card's files and channels are as on Hyper-V" {
	local directory=/sys/bus/vmbus/devices/000d3a00-0002-000d-3a00-0002000d3a00
	guest azure "
		cd $directory
		for file in id state class_id device_id modalias numa_node monitor_id driver_override \
			channel_vp_mapping vendor device in_intr_mask out_read_index uevent; do
			cat \$file >/dev/null || exit
		done
		[ \$(ls channels | wc -l) -eq 5 ] || exit
		for channel in channels/*; do
			for file in cpu events interrupts latency pending monitor_id subchannel_id \
				read_avail write_avail in_mask out_mask; do
				cat \$channel/\$file >/dev/null || exit
			done
			[ ! -e \$channel/ring ] || exit
		done
		cat /sys/bus/vmbus/hibernation
		ls /sys/bus/vmbus/drivers/hv_netvsc/{new_id,remove_id,bind,unbind}"
	run guest azure "echo nonsense >/sys/bus/vmbus/drivers/hv_netvsc/new_id"
	((status)) || fail "new_id took nonsense"
	run guest azure "rmmod hv_vmbus"
	((status)) || fail "hv_vmbus was unloaded in use"
}

@test "the guide's netvsc block runs unchanged" {
	local sent before after
	before=$(adapter_counter nic 1 tx_packets)
	COMMAND_TIMEOUT=$((2 * PATIENCE + 20)) guest azure 'bash /mnt/share/guide.bash /mnt/share/netvsc.sh'
	guest azure 'cat /tmp/testpmd.1; grep -q "found matching VF port" /tmp/testpmd.1'
	guest azure 'tail -n 40 /tmp/testpmd.2; grep -q "found matching VF port" /tmp/testpmd.2'
	guest azure 'readlink /sys/bus/vmbus/devices/000d3a00-0002-000d-3a00-0002000d3a00/driver' |
		grep -q uio_hv_generic
	# net_mana does not count its last packets as sent: up to a queue's descriptors, in 1 + 8
	# queues
	sent=$(guest azure 'cat /tmp/testpmd.[12]' | awk '/Accumulated/ { here = 1 }
		here && /TX-packets/ { sum += $2; here = 0 } END { print sum }')
	after=$(adapter_counter nic 1 tx_packets)
	((sent > 0 && after - before >= sent && after - before <= sent + 9 * 128)) ||
		fail "testpmd counts $sent packets, the fabric $((after - before))"
	adapter_content nic
}

@test "invalid rings, messages, GPADLs and pages are refused, and the card keeps working" {
	guest azure \
		'python3 /mnt/share/bad.py 000d3a00-0002-000d-3a00-0002000d3a00'
	guest azure '
		echo 000d3a00-0002-000d-3a00-0002000d3a00 >/sys/bus/vmbus/drivers/uio_hv_generic/unbind
		echo 000d3a00-0002-000d-3a00-0002000d3a00 >/sys/bus/vmbus/drivers/hv_netvsc/bind
		ip -br link show eth1'
	await guest azure 'ip -br link show master eth1 | grep -q SLAVE'
	two_hosts
	guest azure 'ping -c 5 -i 0.1 10.9.0.2'
	one_host
}

@test "a card that the host removes is gone, and cannot be bound" {
	adapter_control nic card 1 pull
	await guest azure '! ip link show eth1'
	guest azure '! ls /sys/bus/vmbus/devices/000d3a00-0002-000d-3a00-0002000d3a00 2>/dev/null'
	run guest azure \
		'echo 000d3a00-0002-000d-3a00-0002000d3a00 >/sys/bus/vmbus/drivers/hv_netvsc/bind'
	((status)) || fail "a device that is gone was bound"
	guest azure 'ip -br link show eth0'
}
