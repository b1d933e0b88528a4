#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2016,SC2034
#
# Faults that people report, made for real in one guest with Azure's synthetic interfaces: what the
# kernel and testpmd log then, diagnose has to read right, and check has to see. All the while,
# "diagnose --follow --kernel" runs in the guest.

load netvsc

# Not run from the shared directory; docs/lab.md says why
MANAKIN_THERE=/usr/local/bin/manakin

# A VF is removed while the kernel waits for it, and its driver does without answers.
KERNEL_TROUBLE='BUG: |general protection|Oops|soft lockup|rcu: INFO|blocked for more than|refcount'

setup_file() {
	netvsc_setup sink
	cp -r "$MANAKIN" "$LAB_TESTS"/../../share/{rules,packages,known-bugs} "$(lab_file share)"
	guest azure "cp /mnt/share/manakin $MANAKIN_THERE
		mkdir -p /usr/local/share/manakin && cp -r /mnt/share/{rules,packages,known-bugs} /usr/local/share/manakin
		ip link set eth0 up; ip link set eth1 up"
	await joined eth1
	guest azure "setsid $MANAKIN_THERE diagnose --follow --kernel --json --log-only \
			>/tmp/told 2>/tmp/said </dev/null & echo \$! >/tmp/follower"
}

# setup - each test begins with both interfaces in the kernel's hands and their VFs joined to them
setup() {
	MARK="test $BATS_TEST_NUMBER begins"
	adapter_control nic refuse nothing
	guest azure "rm -f /run/.containerenv; modprobe -a mana mana_ib; $MANAKIN_THERE restore --all >/dev/null || exit
		ip link set eth1 up
		echo 1024 >/proc/sys/vm/nr_hugepages; rm -f /dev/hugepages/*"
	await joined eth1
	await guest azure 'ls /dev/infiniband/uverbs0'
	guest azure "echo '$MARK' >/dev/kmsg"
}

# teardown - the adapter answers again, its VF is there, and the kernel has its modules, however the test ended
teardown() {
	if alive nic; then
		kill -CONT "$(<"$(lab_file nic).pid")"
		adapter_control nic vf return || :
	fi
	alive azure || return 0
	guest azure '[ ! -e /root/file ] || { file=$(cat /root/file) && mv /root/$(basename $file) $file && mv /root/modules/* ${file%%/kernel/*} && rm -r /root/file /root/modules; }'
	guest_content azure
}

# kernel_log - what the guest's kernel has logged in this test; it is in /tmp/kernel, too
kernel_log() {
	guest azure "dmesg | sed '1,/$MARK/d' | tee /tmp/kernel"
}

# logged PATTERN - has the kernel logged this?
logged() {
	kernel_log | grep -E "$1"
}

# diagnosed ID [FILE [BEFORE]] - is this what diagnose finds first, in the kernel's log of this test or in
# FILE? BEFORE is run first, in its mount namespace
diagnosed() {
	local found file=${2:-/tmp/kernel}
	[[ $# -gt 1 ]] || kernel_log >/dev/null
	guest azure "unshare --mount bash -c '${3:-:} && $MANAKIN_THERE diagnose --json $file'" >"$(lab_file diagnoses)" ||
		(($? == 1)) || fail 'diagnose does not work'
	"$LAB_TESTS/../schema.py" diagnose "$(lab_file diagnoses)"
	found=$("$LAB_TESTS/../lines.py" ids "$(lab_file diagnoses)")
	[[ ${found%% *} =~ ^($1)$ ]] || fail "wanted the diagnosis $1, got '$found' for:" "$(guest azure "cat $file")"
}

# told ID - does the follower tell it?
told() {
	await guest azure "grep -qE '\"id\":\"($1)\"' /tmp/told" || fail "it has not told $1, but:" \
		"$(guest azure 'cat /tmp/told /tmp/said')"
}

# check [BEFORE] - manakin check in the guest, which fails; its findings go to $FINDINGS. BEFORE is run
# first, in its mount namespace
check() {
	local got=0 json
	json=$(lab_file json) FINDINGS=$(lab_file findings)
	guest azure "unshare --mount bash -c '${1:-:} && $MANAKIN_THERE check --json eth1 2>/tmp/why'" >"$json" || got=$?
	"$LAB_TESTS/../schema.py" check "$json" || fail "$(guest azure 'cat /tmp/why')"
	"$LAB_TESTS/../lines.py" findings "$json" >"$FINDINGS"
	cat "$FINDINGS"
	equal 2 "$got" 'exit status'
}

# says PATTERN - is there such a finding? VERDICT CHECK SUBJECT EVIDENCE | FIX
says() {
	grep -qE "^$1" "$FINDINGS" || fail "no finding is like: $1"
}

# never PATTERN - is there none?
never() {
	! grep -E "$1" "$FINDINGS" || fail "a finding is like: $1"
}

# testpmd [BEFORE] - on eth1, which was handed over; BEFORE is run first, in its mount namespace. Its log
# stays in the guest, in /tmp/log
testpmd() {
	guest azure "$MANAKIN_THERE setup eth1 >/dev/null && args=\$($MANAKIN_THERE args eth1) || exit
		unshare --mount bash -c '${1:-:} && exec stdbuf -oL timeout -s KILL $PATIENCE dpdk-testpmd -l 1-2 \$0 -- \
			--forward-mode=txonly --auto-start --txd=128 --rxd=128 --total-num-mbufs=8192 --stats-period 1' \
			\"\$args\" </dev/null >/tmp/log 2>&1 &
		while ! grep -qa 'Tx-pps: *[1-9]' /tmp/log && [[ -d /proc/\$! ]]; do sleep 0.1; done
		pkill -INT -x dpdk-testpmd; wait \$!; cat /tmp/log"
}
# What a pod without an RDMA device has, and one without hugepages
NO_DEVICE='mount -t tmpfs none /dev/infiniband'
POD='touch /run/.containerenv' # setup() removes it

# cgroup FILE - to be run first: where hugepages are forbidden in this file
cgroup() {
	echo "cd /sys/fs/cgroup && echo +hugetlb >cgroup.subtree_control && mkdir -p $1 && echo 0 >$1/$1 && echo \$\$ >$1/cgroup.procs"
}

@test "a healthy boot: diagnose finds nothing in the kernel's log, and the follower tells nothing" {
	run guest azure "$MANAKIN_THERE diagnose --kernel"
	equal 'No known problem found' "$output" 'the kernel'
	equal '' "$(guest azure 'cat /tmp/told /tmp/said')" 'what was told'
}

@test "the host takes the VF away and does not give it back" {
	adapter_control nic vf revoke
	await alone eth1
	diagnosed vf-lost
	told vf-lost
	check
	says 'fail adapter '
	never 'modprobe'
	adapter_control nic vf return
	await joined eth1
	# What has ended is no trouble any more.
	kernel_log
	run guest azure "$MANAKIN_THERE diagnose /tmp/kernel"
	equal 'No known problem found' "$output" 'the kernel'
}

@test "testpmd runs, and diagnose finds nothing in its log" {
	testpmd | grep -a 'Tx-pps: *[1-9]'
	run guest azure "$MANAKIN_THERE diagnose /tmp/log"
	equal 'No known problem found' "$output" 'testpmd'
}

@test "a mount namespace without /dev/infiniband, as of a pod without the device" {
	testpmd "$NO_DEVICE"
	diagnosed rdma-file-missing-here /tmp/log "$NO_DEVICE"
	guest azure "$MANAKIN_THERE restore eth1 >/dev/null"
	check "$NO_DEVICE && $POD"
	says 'fail container /dev/infiniband/uverbs0 not in this container'
	never 'sudo|rdma_driver_id'
}

@test "a cgroup that may not reserve hugepages" {
	testpmd "$(cgroup hugetlb.2MB.rsvd.max)"
	diagnosed hugepages-refused /tmp/log
	diagnosed container-hugepages /tmp/log "$POD"
}

@test "a cgroup that may not use hugepages, though it may reserve them" {
	testpmd "$(cgroup hugetlb.2MB.max)"
	diagnosed hugepages-refused /tmp/log
	diagnosed container-hugepages /tmp/log "$POD"
}

@test "mana_ib is not in this kernel" {
	guest azure 'rmmod mana_ib; file=$(modinfo -n mana_ib) && mkdir /root/modules && cp ${file%%/kernel/*}/modules.* /root/modules && mv $file /root/ &&
		echo $file >/root/file && depmod' # teardown() undoes it
	check
	says 'fail module mana_ib missing in kernel'
	says 'fail rdma-device [^|]* mana_ib is missing'
	guest azure 'modprobe mana_ib 2>/tmp/log' || :
	diagnosed module-missing /tmp/log
}

@test "mana is not loaded" {
	guest azure 'rmmod mana_ib mana'
	check
	says 'fail adapter 0000:00:10.0 a MANA VF without a driver: the module mana is there but not loaded \| sudo modprobe mana'
	never 'accelerated'
}

@test "the adapter refuses a command, so mana gives up on it" {
	guest azure 'rmmod mana_ib mana'
	adapter_control nic refuse REGISTER_DEVICE
	guest azure 'modprobe mana'
	await logged 'probe failed'
	diagnosed kernel-command
	told kernel-command
	check
	says 'fail adapter 0000:00:10.0 a MANA VF without a driver: the adapter refused a command of mana'
	never 'modprobe mana$|accelerated'
	adapter_control nic refuse nothing
	guest azure 'rmmod mana'
}

@test "the adapter goes silent" {
	kill -STOP "$(<"$(lab_file nic).pid")"
	run guest azure 'ip link set $(ip -br link show master eth1 | cut -d" " -f1) mtu 1300'
	kernel_log
	diagnosed kernel-hwc
	told kernel-hwc
	kill -CONT "$(<"$(lab_file nic).pid")"
	guest azure 'rmmod mana_ib mana'
}

@test "the follower has told each once of each interface and nothing else, and a signal ends it" {
	local told rest wanted bugs
	guest azure 'pid=$(cat /tmp/follower); kill -TERM $pid; while [ -d /proc/$pid ]; do sleep 0.1; done'
	guest azure 'cat /tmp/told' >"$(lab_file told)"
	equal '' "$(guest azure 'cat /tmp/said')" 'messages'
	while read -r line; do
		"$LAB_TESTS/../schema.py" diagnose-follow - <<<"$line"
	done <"$(lab_file told)"
	told=$("$LAB_TESTS/../lines.py" titles "$(lab_file told)" | sort)
	echo "$told"
	equal '' "$(uniq -d <<<"$told")" 'told twice'
	# Both interfaces have lost their VFs.
	wanted=$(printf '%s\n' kernel-command kernel-hwc 'vf-lost The host took the VF of eth0 ' 'vf-lost The host took the VF of eth1 ')
	equal "$wanted" "$(grep -oE '^kernel-command|^kernel-hwc|^vf-lost The host took the VF of eth[01] ' <<<"$told")" 'what had to be told'
	# The tests themselves take the VFs away several times: within ten minutes, if the machine is fast enough.
	rest=$(grep -vE '^(kernel-command|kernel-hwc|vf-lost|vf-flapping|vf-path-flapping) ' <<<"$told") || :
	# A driver that got no answer may make the kernel warn: then that is told, too.
	if guest azure "dmesg | grep 'WARNING: '"; then
		bugs=$(sed -n 's/^Id: //p' "$LAB_TESTS/../../share/known-bugs" | paste -sd'|')
		rest=$(grep -vE "^($bugs) " <<<"$rest") || :
	fi
	equal '' "$rest" 'what was told without a reason'
}
