#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# An adapter over its life: interfaces go down and up, drivers are loaded and unloaded,
# guests restart and are killed. One adapter serves all of it; its memory, file
# descriptors, mappings and threads must not grow.

load common

MAC0=00:0d:3a:76:3b:d0
MAC1=00:0d:3a:76:3b:d1
HOST=192.0.2.1 GUEST=192.0.2.2
# What a heap may grow by over many rounds of the same, and over the life of another client,
# whose allocations are laid out differently; those of a third client fit in.
ROUNDS_KB=64 CLIENT_KB=512

setup_file() {
	adapter_start mana0 --port "mac=$MAC0,fabric=tap:lab0" --port "mac=$MAC1,fabric=sink"
	guest_start first --attach "$(adapter_socket mana0)"
	interface_up lab0 1500 $HOST/24
	guest_ready first
}

teardown_file() {
	lab_stop
}

# remember WHAT - record what the adapter holds now, for not_grown
remember() {
	adapter_memory mana0 >"$(lab_file "$1.memory")"
	adapter_resources mana0 >"$(lab_file "$1.resources")"
	cat "/proc/$(<"$(lab_file mana0).pid")/maps" >"$(lab_file "$1.maps")"
}

# not_grown WHAT KB - does the adapter hold no more than it did, except KB of memory?
not_grown() {
	local before after
	before=$(<"$(lab_file "$1.memory")")
	after=$(adapter_memory mana0)
	echo "$before kB, then $after kB; $(adapter_resources mana0)"
	((after - before <= $2)) || fail "its memory has grown from $before to $after kB"
	equal "$(<"$(lab_file "$1.resources")")" "$(adapter_resources mana0)" "the adapter's resources" || {
		diff "$(lab_file "$1.maps")" "/proc/$(<"$(lab_file mana0).pid")/maps"
		return 1
	}
}

# works GUEST - does traffic flow? No packet is lost, however long an emulated guest takes for it
works() {
	local ping='ping -q -c 200 -i 0.005 -W 60' here there
	here=$(answers) there=$(answers "$1")
	guest "$1" "$ping $HOST" || :
	$ping $GUEST || :
	all_answered "$there" 200 0 "$1" || fail "$(counters "$1" mana0)"
	all_answered "$here" 200 0 || fail "$(counters "$1" mana0)"
}

# clients_gone N - have N clients detached from the adapter?
clients_gone() {
	(($(grep -c 'client detached' "$(lab_file mana0).log") == $1))
}

# qemu_of GUEST - the process ID of the guest's QEMU
qemu_of() {
	pgrep -P "$(<"$(lab_file "$1").pid")" -f qemu-system
}

@test "50 times down and up: traffic flows each time, and nothing grows" {
	local cycle="ip link set eth0 down && ip link set eth0 up && ping -q -c 1 -w 60 $HOST"
	guest_interface first eth0 1500 $GUEST/24
	# What the adapter allocates at first use and keeps does not count.
	iperf first $GUEST -t 1 -P 4 --bidir
	guest first "for i in {1..5}; do $cycle || exit; done"
	remember running
	guest first "for i in {1..50}; do $cycle || exit; done" | grep -c '1 received' |
		grep -x 50
	works first
	not_grown running $ROUNDS_KB
}

@test "20 times rmmod and modprobe of mana and mana_ib: traffic flows each time, and nothing grows" {
	local cycle="rmmod mana_ib && rmmod mana && modprobe mana && modprobe mana_ib &&
		udevadm settle && ibv_devinfo -d mana_0 >/dev/null &&
		ip address add $GUEST/24 dev eth0 && ip link set eth0 addrgenmode none up &&
		ping -q -c 1 -w 60 $HOST"
	guest first "for i in 1 2; do $cycle || exit; done"
	remember loaded
	guest first "for i in {1..20}; do $cycle || exit; done" | grep -c '1 received' |
		grep -x 20
	works first
	not_grown loaded $ROUNDS_KB
}

@test "neither the guest's kernel nor the adapter has reported a problem so far" {
	guest_content first
	adapter_content mana0
}

# traffic RECEIVED SENT - a thousand packets more than these have crossed the adapter each way
traffic() {
	(($(adapter_counter mana0 0 rx_packets) > $1 + 1000 && $(adapter_counter mana0 0 tx_packets) > $2 + 1000))
}

@test "QEMU is killed in full traffic: the adapter releases everything" {
	local pid
	guest first 'iperf3 -s -D; until ss -Hltn sport = :5201 | grep -q .; do sleep 0.05; done'
	iperf3 -c $GUEST -t 20 --bidir >/dev/null 2>&1 3>&- &
	pid=$!
	await traffic "$(adapter_counter mana0 0 rx_packets)" "$(adapter_counter mana0 0 tx_packets)"
	kill -KILL "$(qemu_of first)"
	await gone first
	kill $pid
	wait $pid || :
	alive mana0
	await clients_gone 1
	equal 125 "$(lab_end first)" "the lab's exit status"
	remember alone
	equal 0 "$(adapter_counter mana0 0 queues)" 'queues left'
}

@test "a new QEMU on the same adapter, and a reboot of its guest: traffic flows, and nothing grows" {
	guest_start second --reboot --attach "$(adapter_socket mana0)"
	guest_ready second
	equal 2 "$(guest second 'ls /sys/bus/pci/drivers/mana/*/net' | grep -c eth)" 'interfaces'
	guest_interface second eth0 1500 $GUEST/24
	works second
	guest second "$(declare -f interface_up)
		for i in {1..7}; do rmmod mana_ib mana && modprobe mana_ib && udevadm settle &&
		interface_up eth0 1500 $GUEST/24 && ping -q -c 1 -w 60 $HOST || exit; done"
	works second
	not_grown loaded $CLIENT_KB
}

@test "a guest shuts down: the adapter holds no more than after the previous one" {
	guest_content second
	equal 0 "$(guest_stop second)" "the lab's exit status"
	await clients_gone 2
	not_grown alone $CLIENT_KB
}

@test "the adapter stops cleanly, and its summary agrees" {
	equal 0 "$(lab_end mana0)" 'its exit status'
	grep -E '^mana0 +0 00:0d:3a:76:3b:d0 tap:lab0' "$(lab_file mana0).out"
	adapter_content mana0
	run ! test -e "$(adapter_socket mana0)"
	run ! test -e "$(adapter_socket mana0).ctl"
}
