# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
#
# faults.bash - a guest whose adapter fails on demand. docs/faults.md has the rules,
# docs/faults-linux.md what the guest's driver does about each.
#
#	faults_setup OPTION...		the guest "guest" on the adapter "mana0", with the options of lab run
#	fault RULE...			these rules, and no others
#	says PATTERN			the guest's kernel says this; wait for it
#	said PATTERN			it has said it during this test
#	works				traffic flows, and nothing is lost
#	recovered SINCE			traffic flows again; the tests' output says after how long
#	reload				unload mana and load it again, and set eth0 up
#
# eth0 is plugged into the tap lab0 here, eth1 into a sink. The driver has one queue for each of two CPUs.

load common

MAC0=00:0d:3a:76:3b:f0 MAC1=00:0d:3a:76:3b:f1
HOST=192.0.2.1 GUEST=192.0.2.2

# How long commands wait in tests of that, and otherwise: a machine may have other work.
HWC_MS=5000 USUAL_MS=30000

faults_setup() {
	adapter_start mana0 --port "mac=$MAC0,fabric=tap:lab0" --port "mac=$MAC1,fabric=sink"
	guest_start guest --cpus 2 --memory 1G --attach "$(adapter_socket mana0)" "$@"
	interface_up lab0 1500 $HOST/24
	guest_ready guest
	interface
}

# interface - eth0 up, with its address; neither side has to ask for the other's
interface() {
	ip neigh replace $GUEST lladdr $MAC0 dev lab0
	guest_interface guest eth0 1500 $GUEST/24
	guest guest "ip neigh replace $HOST lladdr $(</sys/class/net/lab0/address) dev eth0"
}

# A test sees what the guest's kernel says from its beginning on, and leaves no fault behind.
setup() {
	guest guest 'dmesg -C'
}

teardown() {
	! alive mana0 || { adapter_control mana0 fault clear && adapter_control mana0 timeout $USUAL_MS; }
	[[ -n $BATS_TEST_COMPLETED ]] || guest guest 'dmesg | tail -n 60'
}

teardown_file() {
	lab_stop
}

fault() {
	local rule
	adapter_control mana0 fault clear
	for rule; do
		adapter_control mana0 fault add "$rule"
	done
}

says() {
	guest guest "until dmesg | grep -E -- $(printf %q "$1"); do sleep 0.2; done"
}

said() {
	guest guest "dmesg | grep -E -- $(printf %q "$1")"
}

# counted INTERFACE NAME - a counter of ethtool -S
counted() {
	guest guest "ethtool -S $1" | awk -v name="$2:" '$1 == name { print $2 }'
}

# reaches - is there an answer to a ping?
reaches() {
	guest guest "ping -q -c 1 -W ${1:-1} $HOST"
}

works() {
	local there
	there=$(answers guest)
	guest guest "ping -q -A -c 20 -W 60 $HOST" || :
	all_answered "$there" 20 0 guest || fail "$(counters guest mana0)"
}

# recovered SECONDS - $SECONDS when the fault happened
recovered() {
	await reaches
	printf '# traffic again %d s after the fault: %s\n' $((SECONDS - $1)) "$BATS_TEST_DESCRIPTION" >&3
	works
}

reload() {
	guest guest 'rmmod mana_ib mana; modprobe mana && modprobe mana_ib && udevadm settle'
	interface
}

# flood N - send so many small packets, which nobody answers
flood() {
	guest guest "for ((i = 0; i < $1; i++)); do echo >/dev/udp/$HOST/9; done"
}

# carrier INTERFACE VALUE
carrier() {
	[[ $(guest guest "cat /sys/class/net/$1/carrier") == "$2" ]]
}

# fine - neither an oops nor a warning since the test began
fine() {
	run ! said 'WARNING: |BUG: |Call Trace|general protection|Oops|blocked for more than'
}
