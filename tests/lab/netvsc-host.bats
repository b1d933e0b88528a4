#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2016
#
# The operator's commands in a guest with Azure's synthetic interfaces, and the failures of
# DPDK there that they have to find and name.

load netvsc

# Not run from the shared directory; docs/lab.md says why
MANAKIN_THERE=/usr/local/bin/manakin

setup_file() {
	netvsc_setup sink
	cp -r "$MANAKIN" "$LAB_TESTS"/../../share/{rules,known-bugs} "$LAB_TESTS"/../unit/host/{cutoff,kernel,provider_id}.py \
		"$(lab_file share)"
	guest azure "cp /mnt/share/manakin $MANAKIN_THERE
		mkdir -p /usr/local/share/manakin && cp /mnt/share/known-bugs /usr/local/share/manakin"
}

# Each test begins with eth1 in the kernel's hands, up, with addresses and a route.
setup() {
	guest azure "$MANAKIN_THERE restore --all >/dev/null || exit
		ip address flush dev eth1 scope global
		ip link set eth1 down
		ip link set eth1 mtu 1400 up
		ip address add 192.0.2.7/24 dev eth1
		ip address add 2001:db8::7/64 dev eth1 nodad
		ip route replace 198.51.100.0/24 via 192.0.2.1 dev eth1
		echo 0 >/proc/sys/vm/nr_hugepages
		rm -f /dev/hugepages/*"
	await joined eth1
	await settled azure eth1
}

# interface - eth1 as a person sees it, without the kernel's number for it
interface() {
	guest azure 'ip -br link show master eth1; ip -o link show dev eth1 | sed "s/^[0-9]*: //; s/qlen.*//"
		ip -br address show dev eth1; ip route show dev eth1; ip -6 route show dev eth1 | grep -v ^ff00
		ethtool -i eth1 | head -n 1; cat /proc/sys/vm/nr_hugepages'
}

# is_as WANTED - does eth1 look like this?
is_as() {
	[[ $(interface) == "$1" ]]
}

# diagnosed ID - is this what diagnose finds in the log, and nothing else?
diagnosed() {
	local ids
	guest azure "$MANAKIN_THERE diagnose --json --rules /mnt/share/rules /tmp/log" >"$(lab_file diagnoses)" ||
		(($? == 1)) || fail 'diagnose does not work'
	"$LAB_TESTS/../schema.py" diagnose "$(lab_file diagnoses)"
	ids=$("$LAB_TESTS/../lines.py" ids "$(lab_file diagnoses)")
	[[ $ids == "$1" ]] || {
		guest azure 'cat /tmp/log'
		fail "wanted the diagnosis $1, got '$ids'"
	}
}

# advises COMMAND - does diagnose name it?
advises() {
	run guest azure "$MANAKIN_THERE diagnose --rules /mnt/share/rules /tmp/log"
	echo "$output"
	[[ $output == *"$1"* ]] || fail "$1 is not what it names"
}

# testpmd EAL-ARGUMENT... - send until it shows a rate, then end it with the signal END (default: INT); the log
# stays in the guest, in /tmp/log
testpmd() {
	guest azure "stdbuf -oL timeout -s KILL $PATIENCE dpdk-testpmd -l 1-2 $(printf '%q ' "$@") -- \
			--forward-mode=txonly --auto-start --txd=128 --rxd=128 --total-num-mbufs=8192 --stats 1 \
			</dev/null >/tmp/log 2>&1 &
		while ! grep -aq 'Tx-pps: *[1-9]' /tmp/log && [[ -d /proc/\$! ]]; do sleep 0.1; done
		kill -${END:-INT} \$(pidof dpdk-testpmd); wait \$!
		grep -a 'Tx-pps: *[1-9]' /tmp/log || { cat /tmp/log; false; }"
}

@test "setup, run and restore, one command each: the interface is back with its addresses, joined to its VF" {
	local before sent
	before=$(interface)
	echo "$before"
	guest azure "$MANAKIN_THERE setup eth1"
	equal uio_hv_generic "$(guest azure "basename \$(readlink /sys/bus/vmbus/devices/$CARD/driver)")" driver
	sent=$(adapter_counter nic 1 tx_packets)
	guest azure "$MANAKIN_THERE run eth1 --queues 2 --seconds 4 --json 2>/tmp/said ||
		{ cat /tmp/said; false; }" >"$(lab_file run.json)"
	"$LAB_TESTS/../schema.py" run "$(lab_file run.json)"
	grep -E '"pps_median": [1-9]' "$(lab_file run.json)"
	sent=$(($(adapter_counter nic 1 tx_packets) - sent))
	((sent > 0)) || fail "nothing came by the VF"
	guest azure "$MANAKIN_THERE restore eth1"
	await is_as "$before" || equal "$before" "$(interface)" 'the interface'
	adapter_content nic
}

@test "setup takes this device and no other: uio_hv_generic does not bind a network device that is offered meanwhile" {
	local other=000d3a00-0001-000d-3a00-0001000d3a00 bus=/sys/bus/vmbus
	guest azure "$MANAKIN_THERE setup eth1; cat $bus/devices/$CARD/driver_override"
	# the other device as it is when it was just offered: without a driver
	guest azure "echo $other >$bus/drivers/hv_netvsc/unbind"
	run guest azure "echo $other >$bus/drivers/uio_hv_generic/bind"
	((status)) || fail 'uio_hv_generic takes any network device'
	guest azure "echo $other >$bus/drivers_probe"
	equal hv_netvsc "$(guest azure "basename \$(readlink $bus/devices/$other/driver)")" driver
	guest azure "$MANAKIN_THERE restore eth1"
	equal '(null)' "$(guest azure "cat $bus/devices/$CARD/driver_override")" driver_override
}

@test "setup killed after any step, recorded or not: restore brings the interface back" {
	"${CC:-cc}" -D_GNU_SOURCE -O2 -shared -fPIC -o "$(lab_file share)/cut.so" "$LAB_TESTS/cut.c"
	COMMAND_TIMEOUT=$((3 * PATIENCE)) guest azure "cp /mnt/share/cut.so /usr/local/lib &&
		python3 /mnt/share/cutoff_guest.py $MANAKIN_THERE eth1 $CARD /usr/local/lib/cut.so"
	adapter_content nic
}

@test "setup refuses eth0, which carries the default route and the SSH session" {
	guest azure 'ip address add 10.9.0.1/24 dev eth0; ip link set eth0 up; ip route add default via 10.9.0.254 dev eth0'
	run guest azure "$MANAKIN_THERE setup eth0"
	equal 1 "$status" 'exit status'
	[[ $output == *'eth0 carries the default route'* ]] || fail "it says: $output"
	guest azure 'ip route del default'
	run guest azure "SSH_CONNECTION='10.9.0.9 50000 10.9.0.1 22' $MANAKIN_THERE setup eth0"
	equal 1 "$status" 'exit status'
	[[ $output == *'eth0 carries this SSH session'* ]] || fail "it says: $output"
	equal hv_netvsc "$(guest azure "ethtool -i eth0" | awk '/^driver/ { print $2 }')" driver
	guest azure 'ip address flush dev eth0; ip link set eth0 down'
}

@test "setup refuses an interface with a VRF's default route, and one with a VLAN in another namespace" {
	guest azure 'ip link add mgmt type vrf table 10; ip link set mgmt up; ip link set eth0 master mgmt up
		ip address add 10.9.0.1/24 dev eth0; ip route add default via 10.9.0.254 vrf mgmt'
	run guest azure "$MANAKIN_THERE setup eth0"
	equal 1 "$status" 'exit status'
	[[ $output == *'eth0 carries the default route of the VRF mgmt'* ]] || fail "it says: $output"
	guest azure 'ip link del mgmt; ip address flush dev eth0; ip link set eth0 down
		ip netns add blue; ip link add link eth1 name eth1.5 type vlan id 5; ip link set eth1.5 netns blue'
	run guest azure "$MANAKIN_THERE setup eth1"
	equal 1 "$status" 'exit status'
	[[ $output == *'eth1 is in use by the interface eth1.5 in the network namespace blue'* ]] ||
		fail "it says: $output"
	guest azure 'ip netns del blue'
	await guest azure '! ip netns list | grep blue'
}

@test "what eth1 loses is listed: its place in a flowtable, other names; the names are back after restore" {
	guest azure 'modprobe nf_flow_table_inet; python3 /mnt/share/flowtable.py eth1
		ip link property add dev eth1 altname data0'
	run guest azure "$MANAKIN_THERE setup eth1"
	equal 0 "$status" 'exit status'
	[[ $output == *'eth1 loses until restore: the other name data0'* &&
		$output == *'eth1 loses for good: its place in the nftables flowtable inet lab fast'* ]] ||
		fail "it says: $output"
	equal 2 "$(grep -c loses <<<"$output")" 'number of losses'
	guest azure "$MANAKIN_THERE restore eth1; ip link show dev data0; ip link property del dev eth1 altname data0"
}

@test "net_vdev_netvsc and net_failsafe start; check and diagnose advise against them, and name the alternative" {
	guest azure 'modprobe tun; echo 1024 >/proc/sys/vm/nr_hugepages
		ip link set $(ip -br link show master eth1 | awk "{ print \$1 }") down'
	run guest azure "$MANAKIN_THERE check eth1 -- --vdev=net_vdev_netvsc0,iface=eth1"
	grep -A 1 -E '^warning +failsafe +arguments .*slow on Azure' <<<"$output" | grep 'manakin args eth1' ||
		fail "check says: $output"
	# How it ends is not asked here: with failsafe it may take minutes.
	END=KILL testpmd -a 0000:00:10.0 --vdev=net_vdev_netvsc0,iface=eth1
	diagnosed failsafe-slow
	advises 'manakin setup eth1'
}

@test "the guide's hn_vf_attach() failure, with another port's address: diagnose names the arguments for EAL" {
	guest azure "$MANAKIN_THERE setup eth1"
	testpmd --vdev=0000:00:10.0,mac=00:0d:3a:00:00:01
	guest azure "grep -a \"hn_vf_attach(): Couldn't find port for VF\" /tmp/log"
	diagnosed vf-not-found
	advises 'manakin args'
}

@test "the guide's hn_vf_attach() failure, without mana_ib and with a libmana for another kernel: diagnose tells them apart" {
	local library='/usr/lib/x86_64-linux-gnu/libibverbs/libmana-rdmav*.so' id
	guest azure "$MANAKIN_THERE setup eth1; rmmod mana_ib"
	testpmd --vdev=0000:00:10.0,mac=00:0d:3a:00:00:02
	guest azure "grep -a \"hn_vf_attach(): Couldn't find port for VF\" /tmp/log"
	diagnosed mana-ib-not-loaded
	guest azure 'modprobe mana_ib'
	await guest azure 'ls /dev/infiniband/uverbs0'
	id=$(guest azure "python3 /mnt/share/provider_id.py $library")
	guest azure "python3 /mnt/share/provider_id.py $library $((id + 1))"
	testpmd --vdev=0000:00:10.0,mac=00:0d:3a:00:00:02
	guest azure "python3 /mnt/share/provider_id.py $library $id
		grep -a \"hn_vf_attach(): Couldn't find port for VF\" /tmp/log"
	guest azure "python3 /mnt/share/provider_id.py $library $((id + 1))"
	diagnosed rdma-id-mismatch-here
	guest azure "python3 /mnt/share/provider_id.py $library $id"
}
