# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016 # what on() gets is for the shell on that machine
#
# manakin report on each of the machines of trees/README.md, and --from elsewhere: the commands say of
# the report what they say of the machine. REPLACE is replace.py.

bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=trees/load.bash
	. "$TREES/load.bash"
	cd "$BATS_TEST_TMPDIR" || return
	export BATS_TEST_TMPDIR
}

# What is asked, a line each
QUESTIONS='list
list --json
check
check --json
check --queues 64 --descriptors 100
check eth1
check --json --queues 3 eth0
args eth1
args --json eth0
args --pmd mana --allow eth1
list eth1
list no-such
diagnose --json --rules RULES LOGS/guide-interface-up.log
diagnose --rules RULES LOGS/lab-no-mana_ib.log
dpdk --json
dpdk'
export QUESTIONS

# ask WHERE TO - all of the questions, with what each answers, and its status; WHERE are options
ask() {
	local words status
	while read -r words; do
		words=${words//RULES/$RULES} words=${words//LOGS/$LOGS}
		echo "== $words"
		status=0
		# shellcheck disable=SC2086
		timeout -s KILL "$PATIENCE" "$MANAKIN" $words $1 2>&1 || status=$?
		echo "== status $status"
	done <<<"$QUESTIONS" >"$2"
}
export -f ask

# same_elsewhere MACHINE [SCRIPT] - after SCRIPT, do report and machine answer the same?
same_elsewhere() {
	rm -f ./*.tar.gz
	on "$1" "${2-}"'
		manakin report --json --sysroot "$tree" --output report.tar.gz >table
		ask "--sysroot $tree" here'
	"$SCHEMA" report table
	unshare -n bash -c 'ask "--from report.tar.gz" there'
	"$REPLACE" table <here >wanted
	diff wanted there
	[ "$(stat -c %s report.tar.gz)" -lt 500000 ]
}

# hides WORD... - is none of these in the report, in either case?
hides() {
	local word
	mkdir -p unpacked
	tar -xzf report.tar.gz -C unpacked
	for word; do
		run ! grep -riF "$word" unpacked
		run ! grep -F "$word" <(tar -tzf report.tar.gz)
	done
}

@test "list, check, args, diagnose and dpdk say of a report what they say of the machine, byte for byte" {
	for machine in one two four older newer ubuntu2004 ubuntu2204 rhel89 rhel94 debian12 debian13; do
		same_elsewhere $machine
		hides 60:45:bd:a6 6045bda6b 00:0d:3a:76:3b 000d3a763b 10.0.0.4 10.0.1.4 0a00:0004 6245:bdff
	done
	grep -q 60:45:bd wanted || grep -q 00:0d:3a wanted
	grep -q 'GIDs of RoCE v2: index 0 link-local, 1 IPv4' there
}

@test "the same without a driver, without a VF, in a pod, of a port that is handed over, of older hardware and of a server" {
	for machine in driverless off pod taken mlx5 metal; do
		same_elsewhere $machine
	done
	hides 0c:c4:7a:00:00:0 10.0.0.4
}

@test "the same with routes, rules, nexthops, other names and an SSH session" {
	same_elsewhere two '
		export SSH_CONNECTION="203.0.113.7 50000 10.0.1.4 22"
		ip link property add dev eth2 altname contoso-mgmt
		ip link property add dev eth2 altname enx6045bda6be10
		ip route del default
		ip nexthop add id 7 via 10.0.2.1 dev eth2
		ip route add default nhid 7 table 77
		ip rule add from 10.0.3.0/24 table 77
		ip -6 address add fd00::4/64 dev eth3
		ip -6 route add default nexthop via fd00::1 dev eth3'
	grep -q '"ssh": true' there
	grep -q '"default_route": true' there
	hides contoso 203.0.113.7 10.0.1.4 10.0.3.4 fd00::4
}

@test "the same of a port that was handed over by setup, under its former name" {
	QUESTIONS='args eth1
list eth1
list enP30832s1d1
args f8615163-0001-1000-2000-6045bda6bd76'
	on one '
		export PYTHONDONTWRITEBYTECODE=1
		coproc timeout -s KILL "$PATIENCE" python3 "$KERNEL" "$tree" "$tree.words" 3>&-
		read -r -u "${COPROC[0]}" ready
		manakin setup --sysroot "$tree" eth1 >/dev/null
		manakin report --json --sysroot "$tree" --output report.tar.gz >table
		ask "--sysroot $tree" here'
	# The UUID that is typed is the report's there.
	QUESTIONS=$("$REPLACE" table <<<"$QUESTIONS")
	ask "--from report.tar.gz" there
	diff <("$REPLACE" table <here) there
	grep -q -- --vdev= there
}

@test "a real machine: its libraries, limits and processes are in the report, its names and addresses are not" {
	on one '
		mount --bind "$tree/sys" /sys
		echo "secretary:x:1234:1234::/home/secretary:/bin/sh" | cat /etc/passwd - >passwd
		mount --bind passwd /etc/passwd
		mkfifo forever
		exec unshare --uts --pid --fork --kill-child --mount-proc bash -euc "
			hostname vault-7.corp.example
			exec -a /home/secretary/app bash -c \"read <>forever\" bash --vdev=net_vdev_netvsc0,iface=eth1 3>&- &
			# not yet the shell that starts it, whose arguments are these lines
			until grep -qa ^/home/secretary/app /proc/\$!/cmdline; do sleep 0.05; done
			cat >log <<-END
				Nov 29 07:55:07 vault-7 app[77]: EAL: started by secretary from 192.0.2.77
				Nov 29 07:55:08 vault-7 app[77]: mana 60:45:BD:A6:BD:76 secretary@corp.example vault-7.corp.example
			END
			timeout -s KILL \"\$PATIENCE\" \"\$MANAKIN\" report --json --output report.tar.gz -- log >table
			ask \"\" here"'
	"$SCHEMA" report table
	ask "--from report.tar.gz" there
	# Each of these starts a process that sees other processes than the one before.
	diff <("$REPLACE" table <here) there
	grep -qE 'app \([0-9]+\).*--vdev=net_vdev_netvsc0,iface=eth1' there
	hides secretary vault-7 corp.example 192.0.2.77 60:45:bd:a6 6045bda6b
	grep -q '^Nov 29 07:55:07 host-[0-9] app' unpacked/logs/application-1
	# Who built this machine's kernel may be another one.
	grep -q 'mail-[0-9]@example.com host-[0-9]$' unpacked/logs/application-1
	grep -q "at most" there
	run -0 "$MANAKIN" diagnose --log-only "$LOGS/healthy-dmesg.log"
	"$MANAKIN" diagnose --rules "$RULES" --from report.tar.gz
}

@test "nothing else is in it: no process, no mount, no other library, no file that is not read" {
	on one '
		mkdir -p "$tree/proc/4711" "$tree/etc" "$tree/home/alice" "$tree/run/systemd/netif/links"
		echo topsecret >"$tree/proc/4711/comm"
		printf "topsecret\0--password=topsecret" >"$tree/proc/4711/cmdline"
		echo topsecret >"$tree/etc/shadow"
		echo "//nas/topsecret /mnt cifs rw 0 0" >>"$tree/proc/mounts"
		printf "ADMIN_STATE=unmanaged\nDOMAINS=topsecret\n" | tee "$tree"/run/systemd/netif/links/{1,2,3,4,5,6,7,8} >/dev/null
		mkdir -p "$tree/usr/lib/x86_64-linux-gnu" "$tree/opt/topsecret/lib"
		: >"$tree/usr/lib/x86_64-linux-gnu/libtopsecret.so.1"
		ip link set eth0 alias topsecret
		manakin report --sysroot "$tree" --output report.tar.gz'
	hides topsecret 4711
	tar -tzf report.tar.gz | grep -v '^\(manakin-report.json\|index.json\|answers/.*\.json\|files/\(sys\|proc\|etc\|run\|usr\)/.*\)$' &&
		return 1
	head -c 2 report.tar.gz | od -An -tx1 | grep -q '1f 8b'
	[ "$(stat -c %a report.tar.gz)" = 600 ]
}

@test "the table is shown before the file is written, and with --dry-run without it" {
	run -0 --separate-stderr on one 'manakin report --dry-run --sysroot "$tree"'
	[[ ${lines[0]} == KIND\ *HERE\ *"IN THE REPORT"* ]]
	[[ $output == *"MAC address"*60:45:bd:a6:bd:76*60:45:bd:10:1* ]]
	[[ $output == *"Nothing was written."* ]]
	[ "$(find . -name 'manakin-report*')" = "" ]
	run -0 --separate-stderr on one 'manakin report --sysroot "$tree"; ls manakin-report-*.tar.gz'
	[[ $output == *"MAC address"*manakin-report-2*".tar.gz has "* ]]
	# One that is there is not replaced
	run -1 --separate-stderr on one 'manakin report --sysroot "$tree" --output "$(echo manakin-report-*.tar.gz)"'
	[[ $stderr == *"File exists; remove it, or choose another name"* ]]
	run -1 --separate-stderr on one 'manakin report --sysroot "$tree" --output /no/such/place'
	[[ $stderr == *"cannot create /no/such/place"* ]]
	run -1 --separate-stderr on one 'manakin report --sysroot "$tree" --output /dev/full'
	[[ $stderr == *"cannot create /dev/full"* ]]
}

@test "a full disk: a message, and nothing is left" {
	mkdir full
	run -1 --separate-stderr on one 'mount -t tmpfs -o size=16k tmpfs full
		cat /dev/zero >full/else 2>/dev/null || :
		status=0
		manakin report --sysroot "$tree" --output full/r.tar.gz || status=$?
		ls full
		exit $status'
	[[ $stderr == *"cannot write full/r.tar.gz: No space left on device"* ]]
	[[ $output == *else ]]
}

@test "logs: several, none, one that is no text" {
	printf 'a\n' >a
	printf 'b\n' >b
	run -0 on one 'manakin report --sysroot "$tree" --output report.tar.gz -- a b'
	tar -xzf report.tar.gz
	[ "$(cat logs/application-1 logs/application-2)" = "a
b" ]
	gzip -k a
	for log in a.gz "$MANAKIN"; do
		run -1 --separate-stderr on one "manakin report --sysroot \"\$tree\" --output two.tar.gz -- $log"
		[[ $stderr == *"is not plain text"* ]]
	done
	run -1 --separate-stderr on one 'manakin report --sysroot "$tree" --output two.tar.gz -- no-such-log'
	[[ $stderr == *"cannot read the log no-such-log"* ]]
	[ ! -e two.tar.gz ]
}

@test "a file that is no report, cut, or from elsewhere: one message, and the status of wrong use" {
	on one 'manakin report --sysroot "$tree" --output report.tar.gz >/dev/null'
	head -c 1000 report.tar.gz >short
	echo hello >other
	tar -czf links --transform 's,^,files/,' -C / etc/hostname
	ln -s /etc/passwd link
	tar -czf symlink link
	: >empty
	for file in short other links symlink empty no-such-file .; do
		for command in "list" "args eth1" "dpdk"; do
			# shellcheck disable=SC2086
			run -1 --separate-stderr "$MANAKIN" $command --from $file
			[ "${#stderr_lines[@]}" -eq 1 ]
			[[ $stderr == *"cannot read the report $file: "* ]]
			[ -z "$output" ]
		done
		run -64 --separate-stderr "$MANAKIN" check --from $file
		[ "${#stderr_lines[@]}" -eq 1 ]
		run -2 --separate-stderr "$MANAKIN" diagnose --from $file
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	run -2 --separate-stderr "$MANAKIN" list --from report.tar.gz --sysroot /
	[[ $stderr == *"--sysroot or --from, not both"* ]]
}

# measured ARGUMENT... - the program's status, CPU time and memory; within 2 s and 64 MB, but for a sanitizer's share
measured() {
	python3 - "$MANAKIN" "$@" <<-'END'
		import resource, subprocess, sys
		process = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
		used = resource.getrusage(resource.RUSAGE_CHILDREN)
		seconds, more = used.ru_utime + used.ru_stime, 16 if "sanitize" in sys.argv[1] else 1
		print(f"status {process.returncode}, {seconds:.2f} s, {used.ru_maxrss} KiB")
		sys.exit(seconds > 2 * more or used.ru_maxrss > (64 << 10) * more)
	END
}

@test "a bomb needs little memory" {
	mkdir -p files
	head -c 500000000 /dev/zero | gzip >bomb
	tar -cf - --files-from /dev/null | gzip >nothing
	for file in bomb nothing; do
		measured list --from $file >said 2>&1
		cat said
		grep -q "cannot read the report $file: " said
		grep -q "^status 1, " said
	done
}

@test "a tree alone says what it lacks, and has no interfaces of this machine" {
	on one 'rm "$tree/.interfaces"; manakin list --json --sysroot "$tree" 2>said' >out
	grep -q "has only files: which interfaces the machine has" said
	run ! grep -q eth0 out
	valid list <out
	on one 'rm "$tree/.interfaces"; manakin check --json --sysroot "$tree" 2>said || :' >out
	grep -q "has only files" said
	run ! grep -q eth0 out
	grep -q "a tree (--sysroot) has no interfaces" out
}

@test "a report takes less than two seconds, with 4 MB of log" {
	for ((i = 0; i < 60; i++)); do
		cat "$LOGS"/*.log
	done >many
	while [ "$(stat -c %s many)" -lt 4000000 ]; do
		cat many many >twice
		mv twice many
	done
	on one "$(declare -f measured)"'
		measured report --sysroot "$tree" --output report.tar.gz -- many'
	[ "$(stat -c %s report.tar.gz)" -lt 5000000 ]
}
