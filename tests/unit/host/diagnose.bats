# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016 # what on() gets is for the shell on that machine
#
# manakin diagnose, on logs that were captured and on input that is not a log.
# MANAKIN is the program, LOGS the logs, RULES the shipped rules, TREES makes machines, SCHEMA is schema.py.
#
# Of the logs, guide-* are the guide's blocks, word for word; lab-* and healthy-net_mana and -dmesg are of a
# guest with Linux 6.12, rdma-core 56 and DPDK 24.11; healthy-net_null and -net_manakin of DPDK 22.11.

bats_require_minimum_version 1.5.0
load ../../assert

setup() {
	# shellcheck source=trees/load.bash
	. "$TREES/load.bash"
	cd "$BATS_TEST_TMPDIR" || return
}

diagnose() {
	timeout -s KILL "$PATIENCE" "$MANAKIN" diagnose --rules "$RULES" "$@"
}

# is ID... - these are reported of the log on standard input, and no others
is() {
	local status=0 ids
	diagnose --json >out || status=$?
	ids=$("$BATS_TEST_DIRNAME/../../lines.py" ids out)
	echo "wanted '$*', got '$ids', status $status"
	[ "$ids" = "$*" ] && [ "$status" -eq $(($# > 0)) ]
}

@test "the guide's interface that is not down" {
	is interface-up <"$LOGS/guide-interface-up.log"
}

@test "the guide's missing hugepages" {
	is hugepages-none <"$LOGS/guide-hugepages.log"
}

@test "the guide's vdev_netvsc" {
	echo 'dpdk-testpmd -l 1-3 --vdev="net_vdev_netvsc0,iface=eth1" -- --stats 2' | is failsafe-slow
}

@test "the guide's mismatch of rdma-core and kernel, with the VF that is not found" {
	is rdma-id-mismatch <"$LOGS/guide-rdma-id.log"
}

@test "the guide's VF that is not found, on its own" {
	grep '^hn_vf' "$LOGS/guide-rdma-id.log" | is vf-not-found
}

@test "failures that were produced in a guest" {
	is interface-up <"$LOGS/lab-interface-up.log"
	is hugepages-none <"$LOGS/lab-no-hugepages.log"
	is mana-no-port <"$LOGS/lab-wrong-mac.log"
	is mana-no-port <"$LOGS/lab-libmana-other-id.log"
	is mana-open-ib <"$LOGS/lab-erdma-takes-mana.log"
	is no-ports <"$LOGS/lab-no-mana_ib.log"
	is mbuf-pool <"$LOGS/lab-no-memory.log"
	is hugepages-refused <"$LOGS/lab-hugetlb-cgroup.log"
	is eal-option <"$LOGS/lab-wrong-option.log"
}

# Linux 6.12, rdma-core 56, perftest 25.01: what both sides printed, without what does not decide
@test "failures of RDMA applications, as recorded in guests" {
	is rdma-rtr <<-'LOG'
		Failed to modify QP to RTR
		Couldn't connect to remote QP
		client read/write: No space left on device
		Couldn't read/write remote address
	LOG
	is rdma-rtr <<-'LOG'
		                    RDMA_Write BW Test
		Failed to modify QP 4104 to RTR
		 Unable to Connect the HCA's through the link
	LOG
	is rdma-qp <<-'LOG'
		 Max msg size in UD is MTU 1024
		 Changing to this MTU
		Unable to create QP.
		Failed to create QP.
		 Couldn't create IB resources
	LOG
	is rdma-qp <<<"Couldn't create QP"
	is rdma-srq <<<"Couldn't create SRQ"
	is rdma-srq <<<"Couldn't Open the XRC Domain 95"
	is rdma-mr <<-'LOG'
		Device not recognized to implement inline feature. Disabling it
		Couldn't allocate MR
		failed to create mr
		Failed to create MR
		 Couldn't create IB resources
	LOG
	is rdma-cm-address <<<'rdma_bind_addr: No such device'
	is rdma-cm-address <<-'LOG'
		rdma_resolve_addr failed
		 Unable to perform rdma_client function
		 Unable to init the socket connection
	LOG
	is rdma-device-name <<-'LOG'
		IB device nosuch not found
		 Unable to find the Infiniband/RoCE device
	LOG
	is rdma-tcp <<-'LOG'
		Couldn't connect to 127.0.0.1:18515
		Unable to open file descriptor for socket connection
		 Unable to init the socket connection
	LOG
	is rdma-port-down <<-'LOG'
		 Port number 1 state is Down
		 Couldn't set the link layer
		 Couldn't get context for the device
	LOG
}

@test "healthy logs have no diagnosis" {
	for log in "$LOGS"/healthy-*.log; do
		echo "$log"
		is <"$log"
		run -0 diagnose "$log"
		[ "$output" = "No known problem found" ]
	done
}

@test "a VF that comes before its interface, or its port, is no failure" {
	is <<-'END'
		mana 7870:00:00.0 enP30832s1: no netdev found for vf serial:2
		hv_netvsc f8615163-0001-1000-2000-6045bda6bd76 eth1: VF registering: enP30832s1
		hv_netvsc f8615163-0001-1000-2000-6045bda6bd76 eth1: Data path switched to VF: enP30832s1
	END
	is <<-'END'
		hn_vf_attach(): Couldn't find port for VF
		hn_vf_add(): RNDIS reports VF but device not found, retrying
		EAL: Probe PCI driver: net_mana (1414:00ba) device: 7870:00:00.0 (socket 0)
		hn_vf_attach(): found matching VF port 0
	END
}

@test "a healthy log's JSON is an empty list" {
	run -0 diagnose --json "$LOGS/healthy-net_mana.log"
	[ "$(echo "$output" | tr -d ' \n')" = '{"diagnoses":[]}' ]
}

@test "JSON matches its schema" {
	for log in "$LOGS"/*.log; do
		diagnose --json "$log" >out || [ $? -eq 1 ]
		"$SCHEMA" diagnose out
	done
}

@test "the schema rejects anything else" {
	echo '{"diagnoses": [{"id": "a"}]}' >out
	run "$SCHEMA" diagnose out
	[ "$status" -ne 0 ]
}

@test "the text has the cause, the lines and the commands" {
	run -1 diagnose "$LOGS/guide-hugepages.log"
	[[ $output == *"no free hugepages"*"1: EAL: No free 2048 kB"*"What to do"*"nr_hugepages"* ]]
	[[ $output != *$'\e'* ]]
}

@test "on a terminal there are colours, but no escape sequence from the log" {
	printf '\e]0;title\a EAL: Cannot get hugepage information.\n' >log
	TERM=xterm script -qec "$MANAKIN diagnose --rules $RULES log" /dev/null </dev/null >out || true
	grep -q $'\e\\[1m' out
	run ! grep -q $'\e\\]' out
}

@test "standard input, with and without -" {
	diagnose - <"$LOGS/guide-hugepages.log" >one || [ $? -eq 1 ]
	diagnose <"$LOGS/guide-hugepages.log" >two || [ $? -eq 1 ]
	grep -q hugepages one
	cmp one two
}

# said EXPRESSION - of the first diagnosis in the file out
said() {
	python3 -c "import json; d = json.load(open('out'))['diagnoses'][0]; print($1)"
}

@test "the machine confirms a cause, and fills in names" {
	on one 'manakin diagnose --rules "$RULES" --sysroot "$tree" --json "$LOGS/guide-interface-up.log" || [ $? -eq 1 ]' >out
	[ "$(said 'd["confirmed"]')" = True ]
	[ "$(said 'd["evidence"]')" = "['eth1 is up']" ]
	said '*d["fix"]' | grep -q "sudo ip link set eth1 down"
	run ! grep -q eth0 out
	on one 'manakin diagnose --rules "$RULES" --sysroot "$tree" "$LOGS/guide-interface-up.log" || [ $? -eq 1 ]' |
		grep -q "Confirmed by this machine: eth1 is up"
}

# about ARGUMENTS COMMAND... - diagnose a start that fails with -19 after these arguments of EAL, on a machine with
# four ports, after the commands; eth0 has its default route
about() {
	local arguments=$1
	shift
	{ echo "EAL init args: -a $arguments" && cat "$LOGS/guide-interface-up.log"; } >log
	on two "$* manakin diagnose --rules \"\$RULES\" --sysroot \"\$tree\" --json $PWD/log || [ \$? -eq 1 ]" >out
}

@test "the kernel's mana_ib confirms why rdma_cm finds no device, and why no queue pair can be created" {
	on debian13 '
		echo "rdma_bind_addr: No such device" | manakin diagnose --json --rules "$RULES" --sysroot "$tree" >out || true
		echo "Couldn'"'"'t create QP" | manakin diagnose --json --rules "$RULES" --sysroot "$tree" >second || true'
	[ "$(said 'd["id"], d["confirmed"]')" = "rdma-cm-address True" ]
	mv second out
	[ "$(said 'd["id"], d["confirmed"]')" = "rdma-qp False" ]
	on one '
		echo "Couldn'"'"'t create QP" | manakin diagnose --json --rules "$RULES" --sysroot "$tree" >out || true'
	[ "$(said 'd["id"], d["confirmed"]')" = "rdma-qp False" ]
	on one '
		mkdir -p "$tree/sys/kernel/btf"
		printf "\x9f\xeb\x01\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0f\0\0\0\0mana_ib_probe\0" >"$tree/sys/kernel/btf/mana_ib"
		echo "Couldn'"'"'t create QP" | manakin diagnose --json --rules "$RULES" --sysroot "$tree" >out || true'
	[ "$(said 'd["id"], d["confirmed"]')" = "rdma-qp True" ]
}

@test "only the port that the log is about confirms its cause, and has its name in the commands" {
	about 7870:00:00.0,mac=60:45:bd:a6:bd:76
	[ "$(said 'd["evidence"]')" = "['eth1 is up']" ]
	[ "$(said '*(f for f in d["fix"] if f.startswith("sudo"))')" = "sudo ip link set eth1 down sudo ip link set enP30832s1d1 down" ]
	about 7871:00:00.0,mac=60:45:BD:A6:BE:10 'ip link set enP30833s1 down; ip link set eth2 down;'
	[ "$(said 'd["evidence"], d["confirmed"]')" = "[] False" ]
	said '*d["fix"]' | grep -q "sudo ip link set eth2 down"
	# Another machine's port, or two ports
	about 7870:00:00.0,mac=00:0d:3a:76:3b:d0
	[ "$(said 'd["evidence"]')" = "[]" ]
	run ! grep -q "ip link set" out
	about '7870:00:00.0,mac=60:45:bd:a6:bd:76 -a 7871:00:00.0,mac=60:45:bd:a6:be:10' 'ip link set enP30833s1 down; ip link set eth2 down;'
	[ "$(said 'd["evidence"]')" = "[]" ]
}

@test "a log that names no port is about those that DPDK may have, and what is confirmed holds for each" {
	printf 'mana_dev_start(): failed to start tx queues -19\n' >log
	on two "manakin diagnose --rules \"\$RULES\" --sysroot \"\$tree\" --json $PWD/log || [ \$? -eq 1 ]" >out
	[ "$(said 'd["evidence"]')" = "['eth1 is up', 'eth2 is up', 'eth3 is up']" ]
	on two "ip link set enP30833s1 down; ip link set eth2 down
		manakin diagnose --rules \"\$RULES\" --sysroot \"\$tree\" --json $PWD/log || [ \$? -eq 1 ]" >out
	[ "$(said 'd["evidence"]')" = "[]" ]
}

@test "the interface that the user is on is in no command, even if the log names it" {
	about 7870:00:00.0,mac=60:45:bd:a6:bb:c0
	[ "$(said 'd["evidence"]')" = "['eth0 is up']" ]
	run ! grep -q "ip link set" out
	said '*d["fix"]' | grep -q "manakin list"
}

@test "a log from elsewhere, and a machine without an adapter, confirm nothing" {
	on one 'manakin diagnose --log-only --rules "$RULES" --json "$LOGS/guide-interface-up.log" || [ $? -eq 1 ]' >out
	[ "$(said 'd["confirmed"]')" = False ]
	for machine in mlx5 metal; do
		on $machine 'manakin diagnose --rules "$RULES" --sysroot "$tree" --json "$LOGS/lab-no-mana_ib.log" || [ $? -eq 1 ]' >out
		[ "$(said 'd["id"], d["confirmed"]')" = "no-ports False" ]
	done
}

@test "several causes are reported in the order of their lines" {
	cat "$LOGS/healthy-dmesg.log" "$LOGS/guide-interface-up.log" "$LOGS/guide-hugepages.log" |
		is interface-up hugepages-none
}

@test "a truncated log" {
	head -c 150 "$LOGS/guide-hugepages.log" | is hugepages-none
	printf 'EAL: Cannot get hugepage infor' | is
}

@test "a binary log" {
	head -c 5000000 /dev/urandom | is
	{ head -c 100000 /dev/urandom && printf '\nEAL: Cannot get hugepage information.\n\0\0' &&
		cat "$BASH"; } | is hugepages-none
}

@test "an empty log" {
	run -0 diagnose /dev/null
	[[ $output == *empty* ]]
}

@test "a log of 1 GB takes bounded time and memory" {
	cat >gigabyte.py <<'END'
import sys
line = "port 0: RX-packets: 123456789 TX-packets: 987654321 EAL: mana hugepages queue index\n"
block = (line * 12000).encode()
for i in range(1100):
    sys.stdout.buffer.write(block)
print("EAL: Cannot get hugepage information.")
END
	python3 gigabyte.py | diagnose_measured
	grep -q '"hugepages-none"' out
	grep -q '"number": 13200001' out
}

@test "a sparse file of 1 GB, one line of zeros" {
	truncate -s 1G zeros
	diagnose_measured zeros
	grep -q '"diagnoses": \[\]' out
}

@test "millions of lines that all match" {
	cat >found.py <<'END'
import sys
block = b"MANA_DRIVER: failed to get MR, pkt_idx 3\n" * 25000
for i in range(200):
    sys.stdout.buffer.write(block)
END
	python3 found.py | diagnose_measured
	grep -q '"count": 5000000' out
}

# lines BYTES - so much of healthy logs
lines() {
	python3 - "$1" "$LOGS"/healthy-*.log "$LOGS"/../healthy.txt <<'END'
import sys
text = b"".join(open(name, "rb").read() for name in sys.argv[2:])
left = int(sys.argv[1])
while left > 0:
    sys.stdout.buffer.write(text)
    left -= len(text)
END
}

@test "10 MB take at most 0.3 s of CPU time, also if a container runtime has each line in JSON" {
	lines 10000000 >log
	SECONDS_MAX=0.3 diagnose_measured log
	grep -q '"diagnoses": \[\]' out
	python3 -c '
import json, sys
for line in open("log", errors="replace"):
    print(json.dumps({"log": line, "stream": "stderr", "time": "2026-03-11T20:01:44.118211003Z"}))' >log.json
	SECONDS_MAX=0.6 diagnose_measured log.json
	grep -q '"diagnoses": \[\]' out
}

# diagnose_measured ARGUMENT... - within 64 MB and SECONDS_MAX, or 60 s, of CPU time; its JSON is in the file out
diagnose_measured() {
	python3 - "$MANAKIN" diagnose --rules "$RULES" --json "$@" 3<&0 <<'END'
import os, resource, subprocess, sys
process = subprocess.run(sys.argv[1:], stdin=3, stdout=open("out", "wb"))
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"status {process.returncode}, {used.ru_utime:.1f} s, {used.ru_maxrss} KiB", file=sys.stderr)
sanitized = "sanitize" in sys.argv[1]
memory = 1 << 20 if sanitized else 64 << 10
seconds = float(os.environ.get("SECONDS_MAX", 60))
# As fast as it is without a sanitizer it need not be there.
sys.exit(process.returncode not in (0, 1) or used.ru_utime > (60 if sanitized else seconds) or used.ru_maxrss > memory)
END
}

# refused TEXT ARGUMENT...
refused() {
	local text=$1
	shift
	run --separate-stderr timeout -s KILL "$PATIENCE" "$MANAKIN" diagnose "$@"
	echo "status $status, said: $stderr"
	[ "$status" -eq 2 ] && [ -z "$output" ] && [[ $stderr == *"$text"* ]]
}

@test "what cannot be read is status 2 and one sentence" {
	refused "cannot read the log nowhere: No such file" nowhere
	refused "it is a directory" .
	gzip -c "$LOGS/guide-hugepages.log" >log.gz
	refused "zcat log.gz | manakin diagnose" log.gz
	refused "one log at a time" a b
	refused "cannot read the log from standard input: Is a directory" - <.
}

@test "rules with mistakes are status 2, with file and line" {
	refused "cannot read the rules in ./none" --rules ./none "$LOGS/guide-hugepages.log"
	mkdir rules
	printf '# mine\n\nId: a\nMatsch: x\n' >rules/a.rules
	refused "rules/a.rules:4: unknown field 'Matsch'" --rules rules "$LOGS/guide-hugepages.log"
	head -c 2000000 /dev/zero >rules/a.rules
	refused "File too large" --rules rules "$LOGS/guide-hugepages.log"
	head -c 5000 /dev/urandom >rules/a.rules
	refused "rules/a.rules:" --rules rules "$LOGS/guide-hugepages.log"
}

@test "the user's own rules, and a directory without any" {
	mkdir rules
	run -0 timeout "$PATIENCE" "$MANAKIN" diagnose --rules rules "$LOGS/guide-hugepages.log"
	cat >rules/own.rules <<'END'
Id: own
Title: node {node} is empty
Match: hugepages reported on node (?<node>\d+)
Cause: of one's own
Fix: do it
Source: this test
Example: hugepages reported on node 0
END
	run -1 timeout "$PATIENCE" "$MANAKIN" diagnose --rules rules "$LOGS/guide-hugepages.log"
	[[ $output == "node 0 is empty [own]"* ]]
}

@test "an output that cannot be written is reported" {
	run --separate-stderr bash -c '"$MANAKIN" diagnose --json --rules "$RULES" "$LOGS/guide-hugepages.log" >/dev/full'
	[ "$status" -eq 2 ]
	[[ $stderr == *"No space left"* ]]
}
