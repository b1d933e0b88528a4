# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# common.bash - adapters and guests for the lab's tests.
#
# Theory of operation
# -------------------
# A test file starts adapters and boots guests in setup_file(), once, and its
# tests talk to them:
#
#	adapter_start NAME OPTION...	manakin device; serves at "$(adapter_socket NAME)"
#	guest_start NAME OPTION...	manakin lab run; returns while the guest boots
#	guest_ready NAME...		waits for the end of that
#	guest NAME COMMAND		runs COMMAND (of bash) in the guest: its output and status
#	lab_stop			ends all of them; in teardown_file()
#
# A guest runs a shell that reads its commands from a FIFO. Each command's output
# ends with a line that has a unique number and the status; guest() waits for that line, in
# the file with the guest's output.
#
# Everything has a file in BATS_FILE_TMPDIR: NAME.pid, NAME.log (standard error)
# and NAME.out (standard output).

bats_require_minimum_version 1.5.0
load ../assert

MANAKIN=${MANAKIN:?tests/lab/run sets it}
export LAB_TESTS=$BATS_TEST_DIRNAME
COMMAND_TIMEOUT=$((PATIENCE + 20)) # a wait within the command ends first, and says what for

# Kernel messages that no test provokes
KERNEL_TROUBLE='WARNING: |BUG: |Call Trace|general protection|Oops|soft lockup|rcu: INFO'
KERNEL_TROUBLE+='|blocked for more than|NETDEV WATCHDOG|transmit queue .* timed out'
KERNEL_TROUBLE+='|(mana|eth[0-9]).*([Ff]ail|[Ee]rror|[Tt]imed out|[Ii]nvalid|[Uu]nexpected)'

# ---- Waiting ----

# A pipe that stays empty: reading from it costs no CPU, which guests need; starting sleep(1) would.
exec {NOTHING}<> <(:)

# pause SECONDS
pause() {
	read -rt "$1" <&"$NOTHING" || :
}

# await COMMAND... - as in assert.bash, but pause as long as COMMAND took, and at least 0.05 s: what a
# guest is waiting for needs the CPU, too
await() {
	local deadline=$((SECONDS + PATIENCE)) begun took seconds
	while :; do
		begun=${EPOCHREALTIME/[.,]/}
		! "$@" >/dev/null 2>&1 || return 0
		((SECONDS < deadline)) || fail "this did not come true in time: $*" || return
		took=$((${EPOCHREALTIME/[.,]/} - begun))
		took=$((took < 50000 ? 50000 : took > 1000000 ? 1000000 : took))
		printf -v seconds %d.%06d $((took / 1000000)) $((took % 1000000))
		pause "$seconds"
	done
}

# ---- Processes ----

lab_file() {
	echo "$BATS_FILE_TMPDIR/$1"
}

# alive NAME - does the process still run?
alive() {
	local pid
	{ read -r pid <"$BATS_FILE_TMPDIR/$1.pid"; } 2>/dev/null && [[ -d /proc/$pid ]]
}

gone() {
	! alive "$1"
}

# lab_spawn NAME STDIN COMMAND... - start COMMAND in the background, its status in NAME.status
#
# Bats waits for every process that holds one of its file descriptors.
lab_spawn() {
	local file fd status input=$2
	file=$(lab_file "$1")
	shift 2
	rm -f "$file.status"
	(
		for fd in /proc/"$BASHPID"/fd/*; do
			((${fd##*/} <= 2 || ${fd##*/} == 255)) || eval "exec ${fd##*/}>&-"
		done
		status=0
		bash -c 'echo $$ >"$0.pid.new" && mv "$0.pid.new" "$0.pid" && exec "$@"' "$file" "$@" ||
			status=$?
		echo $status >"$file.status"
	) <>"$input" >"$file.out" 2>"$file.log" &
	await test -s "$file.pid"
}

# lab_end NAME [SIGNAL] - stop what lab_spawn started; prints its exit status
lab_end() {
	local file
	file=$(lab_file "$1")
	if alive "$1"; then
		kill "-${2:-TERM}" "$(<"$file.pid")"
		await gone "$1" || kill -KILL "$(<"$file.pid")"
	fi
	await test -s "$file.status" && cat "$file.status"
	rm -f "$file.pid"
}

# lab_stop - end all
lab_stop() {
	local file status=0
	for file in "$BATS_FILE_TMPDIR"/*.commands; do
		[[ ! -e $file ]] || guest_stop "$(basename "$file" .commands)" >/dev/null || status=1
	done
	for file in "$BATS_FILE_TMPDIR"/*.pid; do
		[[ ! -e $file ]] || lab_end "$(basename "$file" .pid)" >/dev/null || status=1
	done
	return $status
}

# ---- Adapters ----

adapter_socket() {
	lab_file "$1.socket"
}

# adapter_start NAME OPTION... - an adapter at $(adapter_socket NAME), ready for a client
adapter_start() {
	local name=$1
	shift
	lab_spawn "$name" /dev/null "$MANAKIN" device --name "$name" \
		--socket "$(adapter_socket "$name")" "$@"
	await adapter_ready "$name" || {
		cat "$(lab_file "$name").log" >&2
		return 1
	}
}

# adapter_ready NAME - does it accept clients? The control socket is created last
adapter_ready() {
	adapter_control "$1" stats
}

# adapter_control NAME REQUEST... - as manakin control
adapter_control() {
	local name=$1
	shift
	timeout "$PATIENCE" "$MANAKIN" control --socket "$(adapter_socket "$name")" "$@"
}

# adapter_counter NAME PORT COUNTER - one of a port's counters
adapter_counter() {
	adapter_control "$1" --json stats | python3 -c '
import json, sys
port, counter = int(sys.argv[1]), sys.argv[2]
print(next(p[counter] for p in json.load(sys.stdin)["ports"] if p["port"] == port))' "$2" "$3"
}

# adapter_memory NAME - kB of its own memory, without the guest's
adapter_memory() {
	awk '$1 == "RssAnon:" { print $2 }' "/proc/$(<"$(lab_file "$1").pid")/status"
}

# adapter_resources NAME - file descriptors, mappings of files, reserved address space and threads
#
# The kernel counts adjacent anonymous mappings as one, and which are adjacent depends on where it
# has
# put them: their number says nothing. They consist of memory (adapter_memory), or of address space
# without access.
adapter_resources() {
	local pid
	pid=$(<"$(lab_file "$1").pid")
	echo "fds=$(find "/proc/$pid/fd" -type l | wc -l)" \
		"$(python3 -c '
import sys
files = reserved = 0
for line in sys.stdin:
    span, access, _, _, inode = line.split()[:5]
    start, end = (int(part, 16) for part in span.split("-"))
    files += inode != "0"
    reserved += end - start if inode == "0" and access == "---p" else 0
# In tenths, because a guest has a few GiB of what is reserved for it, and arenas come and go.
print(f"files={files} reserved={reserved / 2**40:.1f}TiB")' <"/proc/$pid/maps")" \
		"threads=$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)"
}

# adapter_content NAME [PATTERN] - has the adapter seen no mistake of the driver, and no other problem,
# but lines like PATTERN, an extended regular expression?
#
# One comes from Linux itself: an interrupt that is being handled while its queues are destroyed ends
# with a doorbell of one of them: a completion queue (offset 0x800 of a page), or the hardware
# channel's event queue (0xff8), which Linux stops listening to after it tears the channel down.
adapter_content() {
	local log own=' doorbell 0x[0-9a-f]+ at page 0 offset 0x(800|ff8): no such queue on this page; ignored$'
	log=$(grep -E '^(warning|error): ' "$(lab_file "$1").log" | grep -vE "$own${2:+|$2}") || return 0
	fail "the adapter complains:" "$log"
}

# ---- Guests ----

# guest_start NAME OPTION... - boot a guest, with the options of manakin lab run
guest_start() {
	local name=$1 file
	file=$(lab_file "$name")
	shift
	rm -f "$file.fifo"
	mkfifo "$file.fifo"
	echo 0 >"$file.commands"
	lab_spawn "$name" "$file.fifo" "$MANAKIN" lab run "$@" -- bash --norc
}

# guest_ready NAME... - wait until the guests have booted
guest_ready() {
	local name
	for name in "$@"; do
		guest "$name" true || return
	done
}

# guest NAME COMMAND - run COMMAND in the guest, for COMMAND_TIMEOUT seconds at most
guest() {
	local file number mark offset out line
	local rest="" over="" status="" wait=0 seconds deadline=$((SECONDS + COMMAND_TIMEOUT + 15))
	file=$(lab_file "$1")
	number=$(($(<"$file.commands") + 1))
	echo $number >"$file.commands"
	mark="@@@ $number"
	offset=$(stat -c %s "$file.out")
	printf 'timeout -k 1 %d bash -c %q </dev/null 2>&1; printf "\\n%s %%d\\n" $?\n' \
		"$COMMAND_TIMEOUT" "$2" "$mark" 1<>"$file.fifo" # which waits for no reader
	exec {out}<"$file.out"
	head -c "$offset" <&"$out" >/dev/null
	while [[ -z $status ]]; do
		if IFS= read -r line <&"$out"; then
			line=$rest$line rest=
			[[ $line != "$mark "* ]] || status=${line#"$mark "}
			continue
		fi
		rest+=$line
		if [[ -n $over ]]; then
			exec {out}<&-
			tail -c "+$((offset + 1))" "$file.out"
			tail -n 20 "$file.log"
			fail "the guest $1 has not finished: $2"
			return 1
		elif gone "$1" || ((SECONDS >= deadline)); then
			over=yes # but for what it may have written before
		else
			# Bats looks at each of these lines: ten looks a second cost a hundredth of a CPU
			printf -v seconds 0.%02d $((wait < 10 ? ++wait : wait))
			pause "$seconds"
		fi
	done
	exec {out}<&-
	# The empty line before the mark is not the command's.
	tail -c "+$((offset + 1))" "$file.out" | sed "/^$mark /d" | sed '$ { /^$/d }'
	return "$status"
}

# guest_stop NAME - let the guest's shell end, and the guest with it; prints the lab's exit status
guest_stop() {
	local file
	file=$(lab_file "$1")
	rm -f "$file.commands"
	gone "$1" || echo 'exit 0' 1<>"$file.fifo"
	await gone "$1" || :
	lab_end "$1" KILL
}

# guest_interface NAME INTERFACE MTU ADDRESS... - set an interface up
guest_interface() {
	local name=$1
	shift
	guest "$name" "$(declare -f interface_up); interface_up $*"
}

# settled NAME INTERFACE - does it have an IPv6 address for which duplicate detection is over?
settled() {
	[[ -n $(guest "$1" "ip -6 -o address show dev $2 scope link -tentative") ]]
}

# interface_up INTERFACE MTU ADDRESS... - the same, here or in a guest
interface_up() {
	local interface=$1 mtu=$2 address
	shift 2
	ip link set "$interface" down || return
	ip link set "$interface" mtu "$mtu" addrgenmode none up || return
	ip address flush dev "$interface" scope global
	for address; do
		case $address in
		*:*) ip address replace "$address" dev "$interface" nodad || return ;;
		*) ip address replace "$address" dev "$interface" || return ;;
		esac
	done
}

# iperf GUEST ADDRESS OPTION... - iperf3 from here to a server started for it in the guest
iperf() {
	local name=$1 address=$2
	shift 2
	guest "$name" 'iperf3 -s -1 -D; until ss -Hltn sport = :5201 | grep -q .; do sleep 0.05; done'
	timeout "$PATIENCE" iperf3 -c "$address" "$@"
}

# answers [GUEST [COMMAND]] - to pings, that the kernel has got so far: over IPv4 and over IPv6. Here, or in the
# guest; COMMAND comes before, such as "ip netns exec"
#
# For "none is lost", ask the kernel and not ping: once it had an answer, ping waits for the last ones no
# longer than two of the longest round trips so far, whatever its -W says. A guest may get no CPU for longer.
answers() {
	local read="${2-} cat /proc/net/snmp /proc/net/snmp6"
	if (($#)); then guest "$1" "$read"; else $read; fi | awk '
		$1 == "Icmp:" && !at { for (at = 2; $at != "InEchoReps"; at++); next }
		$1 == "Icmp:" { v4 = $at }
		$1 == "Icmp6InEchoReplies" { v6 = $2 }
		END { print v4, v6 }'
}

# is_answers V4 V6 [GUEST [COMMAND]] - are these the answers?
is_answers() {
	[[ $(answers "${@:3}") == "$1 $2" ]]
}

# all_answered BEFORE V4 V6 [GUEST [COMMAND]] - have so many answers come since answers printed BEFORE? They are
# waited for: what is only late does come
all_answered() {
	local before wanted
	read -ra before <<<"$1"
	wanted=($((before[0] + $2)) $((before[1] + $3)))
	await is_answers "${wanted[@]}" "${@:4}" ||
		fail "answers over IPv4 and IPv6: wanted ${wanted[*]}, got $(answers "${@:4}")"
}

# counters GUEST ADAPTER [INTERFACE] - where packets may have been lost, for a test that fails: few lines, as
# a long output is cut in the middle by those who show it
counters() {
	adapter_control "$2" stats
	guest "$1" "nstat -az | awk '/^(Ip|Icmp)/ && /Echo|Err|Discard|Drop|NoRoute/ && \$2 { print \$1, \$2 }'
		ip -s neigh | cut -c1-100
		ip -s -s link show ${3:-eth0} | sed '1,2d'
		ethtool -S ${3:-eth0} | grep -E '_(pkts|packets)|err|drop|stop|wake|busy' | grep -v ': 0\$'
		awk '{ print \"softnet\", \$2, \$3 }' /proc/net/softnet_stat"
}

# guest_content NAME - has the guest's kernel reported no problem?
guest_content() {
	local log
	log=$(guest "$1" dmesg) || return
	log=$(grep -E "$KERNEL_TROUBLE" <<<"$log") || return 0
	fail "the kernel of $1 complains:" "$log"
}
