#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The operator's commands in real guests, with the kernel's drivers, rdma-core and DPDK as Debian
# ships them: trixie has all, bookworm's kernel 6.1 has no mana_ib. The guide's failures are
# provoked for real; check has to find each beforehand, and diagnose in testpmd's log.

load dpdk

MAC=00:0d:3a:76:3b:d0
IN_GUEST=/usr/local/bin/manakin

# programs GUEST - copy what is run in a guest to its own disk
#
# An emulated guest must not run a program from the shared directory itself: see docs/lab.md,
# "The shared directory".
programs() {
	guest "$1" "cp /mnt/share/manakin $IN_GUEST
		mkdir -p /usr/local/share/manakin && cp /mnt/share/packages /mnt/share/known-bugs /usr/local/share/manakin"
}

setup_file() {
	local share
	adapter_start mana0 --port "mac=$MAC,fabric=sink+verify" --port fabric=sink,queues=2
	share=$(lab_file guest.share)
	mkdir -p "$share"
	cp -r "$MANAKIN" "$LAB_TESTS"/../../share/{rules,packages,known-bugs} "$LAB_TESTS/../unit/host/provider_id.py" "$share"
	cp "$LAB_TESTS"/guest-dpdk/* "$LAB_TESTS/fixtures/testpmd.sh" "$share"
	echo 'void crash(void) __attribute__((constructor)); void crash(void) { __builtin_trap(); }' |
		"${CC:-cc}" -shared -fPIC -x c -o "$share/crash.so" -
	dpdk_start guest --cpus 4 --attach "$(adapter_socket mana0)"
	dpdk_ready guest
	programs guest
}

teardown_file() {
	lab_stop
}

# Each test starts with a clean guest, however the previous one ended.
setup() {
	gone guest || guest guest 'set -e
		rm -f /etc/libibverbs.d/crash.driver /dev/hugepages/*
		ip link set eth0 down
		echo 1024 >/proc/sys/vm/nr_hugepages
		for id in mana:20 erdma:19; do
			python3 /mnt/share/provider_id.py /usr/lib/x86_64-linux-gnu/libibverbs/lib${id%:*}-rdmav*.so ${id#*:}
		done' >/dev/null
}

# check NAME STATUS ARGUMENT... - manakin check in the guest; its findings go to $FINDINGS
check() {
	local name=$1 wanted=$2 got=0 json
	shift 2
	json=$(lab_file json)
	FINDINGS=$(lab_file findings)
	guest "$name" "$IN_GUEST check --json $(printf '%q ' "${@:-}" | sed "s/^'' //") 2>/tmp/said" >"$json" || got=$?
	"$LAB_TESTS/../schema.py" check "$json" ||
		fail "no findings, but:" "$(<"$json")" "$(guest "$name" 'cat /tmp/said')"
	"$LAB_TESTS/../lines.py" findings "$json" >"$FINDINGS"
	"$LAB_TESTS/../lines.py" rdma "$json" >>"$FINDINGS"
	cat "$FINDINGS"
	equal "$wanted" "$got" 'exit status'
}

# says PATTERN - is there such a finding? VERDICT CHECK SUBJECT EVIDENCE | FIX
says() {
	grep -qE "^$1" "$FINDINGS" || fail "no finding is like: $1"
}

# fails CHECK... - these checks fail, and no others
fails() {
	equal "$*" "$(awk '$1 == "fail" { print $2 }' "$FINDINGS" | sort -u | xargs)" 'checks that fail'
}

# mend CHECK - run the command that check names for the first failure
mend() {
	local fix
	fix=$(python3 -c '
import json, sys
checks = json.load(open(sys.argv[1]))["checks"]
print(next(c["fix"] for c in checks if c["verdict"] == "fail" and c["check"] == sys.argv[2]) or "")
' "$(lab_file json)" "$1")
	[[ -n $fix ]] || fail "there is no command that mends $1"
	guest guest "${fix//sudo /}"
}

# with_addresses - set eth0 up with addresses; prints it once they have settled
with_addresses() {
	guest guest 'ip link set eth0 up mtu 1400; ip address add 192.0.2.7/24 dev eth0'
	interface
}

# interface - eth0 as a person sees it
interface() {
	await settled guest eth0
	guest guest 'ip -o address show dev eth0; ip -o link show dev eth0'
}

# testpmd_log - the guide's single queue command; its output stays in the guest, in /tmp/log
testpmd_log() {
	guest guest "grep ^dpdk-testpmd /mnt/share/testpmd.sh | sed -n 1p |
		timeout -s KILL $PATIENCE bash /mnt/share/guide.bash $MAC 'Port statistics' 2 >/tmp/log; cat /tmp/log"
}

# diagnosed PATTERN - is this what diagnose finds in the log, and nothing else?
diagnosed() {
	local ids
	guest guest "$IN_GUEST diagnose --json --rules /mnt/share/rules /tmp/log 2>/tmp/said" \
		>"$(lab_file diagnoses)" || (($? == 1)) || fail 'diagnose does not work' "$(guest guest 'cat /tmp/said')"
	ids=$("$LAB_TESTS/../lines.py" ids "$(lab_file diagnoses)")
	[[ $ids =~ ^($1)$ ]] || fail "wanted $1, got '$ids'"
}

@test "trixie: every check passes, until more queues are requested than there are" {
	check guest 0
	says 'ok linux - Debian GNU/Linux 13 .*, kernel 6.12'
	says 'ok azure - .*, not Azure, but it has a MANA adapter; without VMBus .*--pmd mana'
	says 'ok adapter 0000:00:10.0 a MANA VF, driver mana, 2 ports'
	says 'ok kernel - 6.12.* has both drivers'
	says 'ok module mana_ib loaded'
	says 'ok rdma-core - version 56 '
	says 'ok rdma-provider - .*/libmana-rdmav34.so claims driver id 20'
	says "ok rdma-device mana_0 libibverbs picks the provider mana; the kernel's driver id is 20"
	says 'ok interface eth0 free'
	says 'ok queues eth0 up to 4 queue pairs'
	says 'ok dpdk /usr 24.11.*, with net_mana'
	says 'ok hugepages node 0, 2 MB 1024'
	says 'ok hugetlbfs - /dev/hugepages, for pages of 2 MB'
	says 'ok memlock - no limit'
	says 'note rdma-kernel - mana_ib of this kernel has RC queue pairs; it lacks UD and GSI'
	says 'note rdma-library - libmana of rdma-core 56 has RC queue pairs'
	says 'note rdma-port mana_0/1 the port is DOWN'
	says 'ok rdma-port memlock no limit'
	check guest 1 eth0 --queues 5
	says 'warning queues eth0 5 queue pairs are requested; the kernel.s driver has 4, one for each CPU, .* \| use --rxq=4 --txq=4'
	check guest 2 eth1 --queues 3
	says 'fail queues eth1 3 queue pairs are requested, but the adapter has 2 \| use --rxq=2 --txq=2'
	fails queues
}

@test "trixie: a report that is made in the guest answers on the host as in the guest, without its names and addresses" {
	local words unpacked table status
	unpacked=$(lab_file unpacked) table=$(lab_file table)
	with_addresses
	guest guest "dmesg | sed 's/^/Nov 29 07:55:07 lab kernel: /' >/tmp/log; rm -f /tmp/report
		$IN_GUEST report --json --output /tmp/report -- /tmp/log >/tmp/table && base64 /tmp/report" |
		base64 -d >"$(lab_file report)"
	guest guest 'cat /tmp/table' >"$table"
	"$LAB_TESTS/../schema.py" report "$table"
	for words in list 'list --json' check 'check --json' 'check --queues 5 eth0' 'args --pmd mana eth0' dpdk; do
		guest guest "$IN_GUEST $words 2>&1; echo status \$?" |
			"$LAB_TESTS/../unit/host/replace.py" "$table" >"$(lab_file there)"
		status=0
		# shellcheck disable=SC2086
		"$MANAKIN" $words --from "$(lab_file report)" >"$(lab_file here)" 2>&1 || status=$?
		echo "status $status" >>"$(lab_file here)"
		diff "$(lab_file there)" "$(lab_file here)" || fail "$words is not the same"
	done
	mkdir -p "$unpacked"
	tar -xzf "$(lab_file report)" -C "$unpacked"
	grep -q 'mana 0000:00:10.0' "$unpacked/logs/kernel"
	grep -q 'host-1 kernel:' "$unpacked/logs/application-1"
	for words in "$MAC" "${MAC//:/}" 192.0.2.7 "$(guest guest 'cat /sys/class/net/eth1/address')"; do
		! grep -rniF "$words" "$unpacked" || fail "$words is in the report"
	done
	! grep -rnwF lab "$unpacked" || fail "the guest's name is in the report"
	guest guest 'ip address flush dev eth0; ip link set eth0 down mtu 1500'
}

@test "trixie: check reports a module that is not loaded, and its command fixes that" {
	guest guest 'rmmod mana_ib'
	check guest 2
	says 'fail module mana_ib not loaded: .* \| sudo modprobe mana_ib'
	says 'fail rdma-device 0000:00:10.0 the adapter has no RDMA device'
	fails module rdma-device
	mend module
	guest guest 'udevadm settle'
	check guest 0
}

@test "the guide's interface left up: check names it, testpmd fails, diagnose finds the cause" {
	guest guest 'ip link set eth0 up'
	check guest 2 eth0
	says 'fail interface eth0 the VF eth0 is up; .* \| sudo manakin setup eth0'
	fails interface
	testpmd_log | grep 'Failed to create qp queue'
	diagnosed 'interface-up'
	guest guest 'ip link set eth0 down'
	check guest 0 eth0
}

@test "the guide's missing hugepages: check names them, testpmd fails, diagnose finds the cause" {
	guest guest 'echo 0 >/proc/sys/vm/nr_hugepages'
	check guest 2
	says 'fail hugepages - no hugepages of any size'
	fails hugepages
	testpmd_log | grep 'Cannot get hugepage information'
	diagnosed 'hugepages-none'
	check guest 2
	mend hugepages
	check guest 0
}

# provider NAME [ID] - print the driver id that it claims, or change it to ID
provider() {
	guest guest "python3 /mnt/share/provider_id.py /usr/lib/x86_64-linux-gnu/libibverbs/lib$1-rdmav*.so ${2-}"
}

@test "the guide's mismatch of driver ids: another provider claims the adapter" {
	provider mana 21
	provider erdma 20
	check guest 2
	says "fail rdma-device mana_0 libibverbs picks the provider erdma \(.*/liberdma-rdmav[0-9]+.so\): the kernel reports driver id 20 for this device; rdma-core's provider mana claims id 21, and erdma claims that one"
	fails rdma-device
	testpmd_log
	diagnosed 'rdma-id-mismatch.*'
}

@test "a libmana with a wrong driver id, and no other provider with the right one: none claims the adapter" {
	provider mana 21
	check guest 2
	says "fail rdma-device mana_0 libibverbs finds no provider: the kernel reports driver id 20 for this device; rdma-core's provider mana claims id 21 \|"
	fails rdma-device
	testpmd_log
	diagnosed 'rdma-id-mismatch.*'
}

@test "a provider that crashes libibverbs does not crash check" {
	guest guest 'cp /mnt/share/crash.so /usr/lib/x86_64-linux-gnu/libibverbs/libcrash-rdmav34.so
		echo driver crash >/etc/libibverbs.d/crash.driver'
	check guest 2
	says 'fail rdma-device mana_0 libibverbs.so.1 crashes when it lists its devices \(signal [0-9]+\)'
	fails rdma-device
	# That is no mismatch of driver ids.
	guest guest 'echo "EAL: Requested device 0000:00:10.0 cannot be used" >/tmp/log'
	diagnosed 'pci-probe-failed'
	guest guest 'rm /etc/libibverbs.d/crash.driver'
	check guest 0
}

@test "setup, testpmd with the arguments of args, and restore work with net_mana on the VF directly" {
	local before after
	before=$(with_addresses)
	guest guest "$IN_GUEST setup --pmd mana eth0"
	check guest 0 eth0
	testpmd_log | grep -E 'Tx-pps: *[1-9]'
	guest guest "timeout -s KILL $PATIENCE dpdk-testpmd -l 1-2 $(guest guest "$IN_GUEST args eth0") -- \
		--total-num-mbufs=8192 --forward-mode=txonly --auto-start --txd=128 --rxd=128 \
		--stats-period 1 </dev/null >/tmp/sent 2>&1 &
		until grep -E 'Tx-pps: *[1-9]' /tmp/sent || ! [ -d /proc/\$! ]; do sleep 0.2; done
		kill -INT \$!; wait \$! || { cat /tmp/sent; false; }" | grep -E 'Tx-pps: *[1-9]'
	guest guest "$IN_GUEST restore eth0"
	after=$(interface)
	equal "$before" "$after" 'the interface'
	guest guest 'ip address flush dev eth0; ip link set eth0 down mtu 1500'
}

@test "setup and run --restore: rates, a summary, and the interface is back at the end" {
	local before after
	before=$(with_addresses)
	guest guest "$IN_GUEST setup --pmd mana eth0"
	guest guest "$IN_GUEST run eth0 --queues 2 --seconds 5 --restore --json >/tmp/rates 2>/tmp/said ||
		{ cat /tmp/said; false; }"
	guest guest 'cat /tmp/rates' >"$(lab_file run.json)"
	"$LAB_TESTS/../schema.py" run "$(lab_file run.json)"
	grep -E '"pps_median": [1-9]' "$(lab_file run.json)"
	after=$(interface)
	equal "$before" "$after" 'the interface'
	guest guest 'ip address flush dev eth0; ip link set eth0 down mtu 1500'
}

@test "a VF without a driver, for each reason: the command that check prints mends it" {
	local at reason
	at=$(guest guest 'basename /sys/bus/pci/drivers/mana/*:*:*')
	for reason in \
		"rmmod mana_ib mana|the module mana is there but not loaded" \
		"rmmod mana_ib mana; echo 'install mana /bin/false' >/etc/modprobe.d/test.conf|/etc/modprobe.d/test.conf has 'install mana /bin/false'" \
		"dmesg -C; echo $at >/sys/bus/pci/drivers/mana/unbind|it was unbound" \
		"echo $at >/sys/bus/pci/drivers/mana/unbind; echo vfio-pci >/sys/bus/pci/devices/$at/driver_override|it is reserved for vfio-pci"; do
		guest guest "${reason%|*}"
		check guest 2
		says "fail adapter $at a MANA VF without a driver: .*${reason#*|}"
		mend adapter
		guest guest 'modprobe mana_ib; until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done'
		check guest 0
		says "ok adapter $at a MANA VF, driver mana"
	done
	guest guest 'rm -f /etc/modprobe.d/test.conf'
}

@test "a cgroup that allows no hugepages; a pod without the adapter's devices" {
	local IN_GUEST=/tmp/confined
	guest guest 'set -e
		mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup
		echo +hugetlb >/sys/fs/cgroup/cgroup.subtree_control
		mkdir -p /sys/fs/cgroup/none /var/lib/kubelet/pods/0e7c
		cp /etc/hosts /var/lib/kubelet/pods/0e7c/etc-hosts
		echo 0 >/sys/fs/cgroup/none/hugetlb.2MB.max
		printf "%s\n" "#!/bin/sh" "echo \$\$ >/sys/fs/cgroup/none/cgroup.procs" \
			"exec /usr/local/bin/manakin \"\$@\"" >/tmp/confined
		printf "%s\n" "#!/bin/sh" "mount --bind /var/lib/kubelet/pods/0e7c/etc-hosts /etc/hosts" \
			"mount -t tmpfs none /dev/infiniband" "umount /dev/hugepages" "exec /tmp/confined \"\$@\"" >/tmp/within
		printf "%s\n" "#!/bin/sh" "exec unshare -m /tmp/within \"\$@\"" >/tmp/pod
		chmod +x /tmp/confined /tmp/within /tmp/pod'
	check guest 2
	says 'fail hugepages cgroup /sys/fs/cgroup/none/hugetlb.2MB.max allows 0 MB in pages of 2 MB, .*'
	fails hugepages
	IN_GUEST=/tmp/pod
	check guest 2
	says 'ok container - a pod of Kubernetes'
	says 'fail container /dev/infiniband/uverbs0 not in this container'
	says 'fail hugepages cgroup .* \| resources: \{limits: \{hugepages-2Mi: '
	says 'fail hugetlbfs - .* \| volumes: '
	says 'unknown rdma-device mana_0 /dev/infiniband/uverbs0 is not there'
	fails container hugepages hugetlbfs
	! grep -w sudo "$FINDINGS" || fail 'a command of the host in a container'
	IN_GUEST=/tmp/confined
	check guest 2
	mend hugepages
	check guest 0
	guest guest 'rmdir /sys/fs/cgroup/none'
}

@test "bookworm: check names mana_ib, which its kernel lacks" {
	guest_stop guest
	adapter_start mana1 --port fabric=sink
	guest_start bookworm --suite bookworm --share "$(lab_file guest.share)" --cpus 2 --attach "$(adapter_socket mana1)"
	guest_ready bookworm
	programs bookworm
	guest bookworm 'echo 256 >/proc/sys/vm/nr_hugepages'
	check bookworm 2
	says 'ok linux - Debian GNU/Linux 12'
	says 'ok module mana loaded'
	says 'fail kernel - 6.1.* is older than 6.2, .*mana_ib, and has no backport of it; .* \| sudo apt-get install -t bookworm-backports'
	says 'fail module mana_ib missing in kernel 6.1'
	says 'ok rdma-core - version 44 '
	says 'ok rdma-provider '
	says 'note rdma-kernel - this kernel has no mana_ib'
	says 'note rdma-library - libmana of rdma-core 44 makes raw queue pairs'
	says 'fail dpdk /usr 22.11.*, which cannot drive MANA: it has no net_mana'
	fails dpdk kernel module rdma-device
}

@test "neither the adapters nor the guest's kernel report a problem" {
	adapter_content mana0
	adapter_content mana1
	guest_content bookworm
}
