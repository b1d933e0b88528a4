#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The lab itself: what goes into a guest and comes out of it, how it ends, and that it
# leaves nothing behind. Most tests boot their own guest.

bats_require_minimum_version 1.5.0
load ../assert
load ../install

# What a test needs that looks at how a run ends: such a guest boots in half the CPU time of the default one.
SMALL=(--cpus 1 --memory 512M)

setup() {
	MANAKIN=${MANAKIN:?tests/lab/run sets it}
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir tmp
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
}

# lab ARGUMENT... - run manakin lab with a limit that only a hang reaches; sets status
lab() {
	status=0
	timeout -s KILL "$PATIENCE" "$MANAKIN" lab "$@" >out 2>err || status=$?
}

# ended STATUS [TEXT] - did lab end with STATUS, and print TEXT on standard error?
ended() {
	[[ $status -eq $1 ]] || fail "status: wanted $1, got $status" "$(cat err)"
	[[ -z ${2:-} || $(<err) == *"$2"* ]] || fail "wanted: $2" "got: $(cat err)"
}

nothing_runs() {
	! pgrep -f 'qemu-system|virtiofsd|manakin (device|lab)'
}

# left_nothing - are there no processes but the tests' own, and no run directory?
left_nothing() {
	local left
	left=$(pgrep -f 'qemu-system|virtiofsd|manakin (device|lab)' -a || :)
	[[ -z $left ]] || fail "still there: $left"
	left=$(ls tmp)
	[[ -z $left ]] || fail "left in TMPDIR: $left"
}

# refused TEXT ARGUMENT... - is this wrong usage, which TEXT explains?
refused() {
	lab "${@:2}" </dev/null
	ended "${status:-125}" "$1"
	[[ ! -s out ]] || fail "on standard output: $(cat out)"
	[[ $(wc -l <err) -eq 1 ]] || fail "not one message: $(cat err)"
	left_nothing
}

@test "wrong usage gets one message, and nothing is started" {
	status=2 refused "unknown command 'boot'" boot
	status=2 refused "did you mean 'shell'?" shel
	refused 'name a command to run' run
	refused "unknown option '--frobnicate'" run --frobnicate true
	refused "--cpus: '0' is not a number from 1 to 64" run --cpus 0 true
	refused "--memory: '1M' is not a size of 512M" run --memory 1M true
	refused "--timeout: 'soon' is not a time" run --timeout soon true
	refused '--share ./nowhere: there is no such directory' run --share ./nowhere true
	refused '--virtio-tap nope0: there is no such tap; create it first' run --virtio-tap nope0 true
	refused '--no-device contradicts' run --no-device --device '' true
	refused '"../trixie" is not the name of a suite' run --suite ../trixie true
	refused "unexpected argument 'uname'" shell uname
	refused "--arch: 'riscv64' is not amd64 or arm64" run --arch riscv64 true
	refused "--pages: '64k' is not 4k or 16k" run --arch arm64 --pages 64k true
	refused '--pages 16k: kernels for amd64 have pages of 4 KiB; add --arch arm64' \
		run --pages 16k --arch amd64 true
	refused '--pages 16k: kernels for amd64 have pages of 4 KiB' build --pages 16k --arch amd64
	refused '--netvsc: guests of arm64 have no synthetic interfaces' run --netvsc --arch arm64 true
	refused "KVM runs guests of this machine's architecture" run --accel kvm \
		--arch "$([[ $(uname -m) == x86_64 ]] && echo arm64 || echo amd64)" true
	refused 'cannot attach to the adapter at ./nowhere' run --attach ./nowhere true
	refused 'they are not valid shell words' run --device "'" true
	MANAKIN_LAB_RECIPES=./nowhere refused "cannot read the lab's recipes in ./nowhere" run true
}

@test "installed, with the checkout gone: a guest is booted, with an adapter" {
	installed "$PWD/away"
	status=0
	apart timeout -s KILL "$PATIENCE" "$PWD/away/bin/manakin" lab run true >out 2>err </dev/null || status=$?
	ended 0
	left_nothing
}

@test "an adapter that does not start ends the run, with its own message" {
	lab run --device '--port mac=nonsense' true
	ended 125 "'nonsense' is not a unicast MAC address"
	ended 125 'exited with status 2 before it could be attached to'
	left_nothing
}

@test "standard input, output, error, the share and the exit status pass unchanged" {
	mkdir share
	head -c 3000000 /dev/urandom >in
	head -c 2000000 /dev/urandom >share/error
	# shellcheck disable=SC2016 # for the guest to expand
	lab run "${SMALL[@]}" --no-device --share share \
		'tee /mnt/share/copy; cat /mnt/share/error >&2; echo "$(id -u) $PWD" >/mnt/share/who; exit 7' <in
	ended 7
	cmp in out
	cmp in share/copy
	cmp share/error err
	[[ $(<share/who) == '0 /root' ]]
	left_nothing
}

@test "several words are run as they are; output to /dev/stderr; a default adapter" {
	# shellcheck disable=SC2016 # nobody is to expand it
	lab run -- bash -c 'printf "<%s>" "$@"; echo late >/dev/stderr; lspci -n -d 1414:00ba:0200
		cat /sys/class/net/eth?/address; exit 3' 'a  word' '$HOME' '' '*' '--help'
	ended 3 late
	[[ $(<out) == "<\$HOME><><*><--help>00:10.0 0200: 1414:00ba"*$'\n00:0d:3a:00:00:01\n00:0d:3a:00:00:02' ]] ||
		fail "$(cat out)"
	left_nothing
}

@test "what a command leaves running ends with it, but may finish its output" {
	# nor does an input that does not end hold it up
	# shellcheck disable=SC2016 # for the guest to expand
	lab run "${SMALL[@]}" --no-device 'sleep 1000 & (while [ -d /proc/$$ ]; do :; done; echo last words) &
		echo first words; exit 9' \
		< <(sleep 600)
	pkill -f '^sleep 600'
	ended 9
	[[ $(<out) == $'first words\nlast words' ]] || fail "$(cat out)"
	left_nothing
}

@test "a command that a signal ends has status 128+N, a missing one 127" {
	lab run "${SMALL[@]}" --no-device -- bash -c 'kill -KILL $$'
	ended 137
	lab run "${SMALL[@]}" --no-device -- no-such-command
	ended 127 'no-such-command: command not found'
	left_nothing
}

@test "a timeout ends everything, with status 124, after the output so far" {
	local start=$SECONDS limit
	lab run "${SMALL[@]}" --no-device true
	ended 0
	# If the machine is busier by then, the time may be over before the command begins: then it gets more.
	for ((limit = 2 * (SECONDS - start) + 5; limit < PATIENCE; limit *= 2)); do
		lab run "${SMALL[@]}" --timeout $limit 'echo so far; echo and here >&2; sleep 1000'
		ended 124 'timed out after'
		! grep -q 'and here' err || break
		rm -r tmp/manakin-lab.*
	done
	ended 124 'and here'
	[[ $(<out) == 'so far' ]]
	rm -r tmp/manakin-lab.* # the logs, as the message says
	left_nothing
}

@test "SIGINT, SIGTERM and SIGKILL leave no process" {
	local signal wanted pid
	mkdir share
	for signal in INT:130 TERM:143 KILL:137; do
		wanted=${signal#*:} signal=${signal%:*}
		rm -f out
		mkfifo out
		# bash starts background processes with SIGINT ignored; python does not
		python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
			"$MANAKIN" lab run "${SMALL[@]}" --share share 'echo here; sleep 1000' >out 2>err 3>&- </dev/null &
		pid=$!
		[[ $(head -n 1 out) == here ]]
		kill "-$signal" "$pid"
		status=0
		wait $pid || status=$?
		ended "$wanted"
		[[ $signal != KILL ]] || { await nothing_runs && rm -r tmp/manakin-lab.*; }
		left_nothing
	done
}

@test "--reboot restarts the guest once, and the command runs after it" {
	lab run "${SMALL[@]}" --reboot --logs logs 'ip -br link show eth0'
	ended 0
	[[ $(<out) == 'eth0 '* ]]
	[[ $(grep -c 'Linux version' logs/console.log) -eq 2 ]] || fail "$(cat logs/console.log)"
	[[ -s logs/adapter-0.log && -e logs/qemu.log ]]
	left_nothing
}

@test "a guest that powers off or panics ends the run with status 125" {
	lab run "${SMALL[@]}" --no-device 'echo before; poweroff; sleep 1000'
	ended 125 'the guest ended while the command ran'
	[[ $(<out) == before ]]
	lab run "${SMALL[@]}" --no-device 'echo c >/proc/sysrq-trigger; sleep 1000'
	ended 125 'sysrq triggered crash'
	rm -r tmp/manakin-lab.*
	left_nothing
}

@test "an adapter that ends while the guest uses it ends the run with status 125" {
	mkdir share
	mkfifo out
	timeout -s KILL "$PATIENCE" "$MANAKIN" lab run "${SMALL[@]}" 'echo here; sleep 1000' >out 2>err 3>&- </dev/null &
	[[ $(head -n 1 out) == here ]]
	pkill -KILL -f 'manakin device'
	status=0
	wait $! || status=$?
	ended 125 'adapter 0 ended while the guest used it'
	rm -r tmp/manakin-lab.*
	left_nothing
}

# Without KVM, QEMU computes what the guest reads as its time-stamp counter: see skew.c.
@test "a guest's clock keeps time on CPUs whose time-stamp counters disagree" {
	"${CC:-cc}" -D_GNU_SOURCE -O2 -shared -fPIC -o skew.so "$BATS_TEST_DIRNAME/skew.c"
	# Both CPUs of the guest read the clock; it is recorded together with the host's time.
	mkfifo out
	while read -r up _; do echo "$up $EPOCHREALTIME"; done <out >clock 3>&- &
	LD_PRELOAD=$PWD/skew.so lab run --no-device --cpus 2 'cat /proc/uptime
		for cpu in 0 1; do taskset -c $cpu bash -c "for i in {1..30}; do /bin/date >/dev/null; done" & done
		wait
		cat /proc/uptime'
	ended 0
	wait $!
	cat clock
	awk 'NR == 1 { up = $1; now = $2 }
		END { guest = $1 - up; host = $2 - now; exit NR != 2 || guest > 1.1 * host + 0.5 }' clock ||
		fail "the guest's clock ran away:" "$(<clock)"
	left_nothing
}

@test "a shell without a terminal reads its commands" {
	lab shell "${SMALL[@]}" --no-device <<<'echo from the shell; exit 4'
	ended 4
	[[ $(<out) == 'from the shell' ]] || fail "$(cat out)"
	left_nothing
}

@test "a shell on a terminal has its size and type, and Ctrl-C reaches the command in it" {
	cat >session.py <<-'EOF'
		import fcntl, os, pty, struct, sys, termios, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.environ["TERM"] = "vt220"
		    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
		    os.execv(sys.argv[1], [sys.argv[1], "lab", "shell", *sys.argv[2:]])
		seen = b""
		def until(text):
		    global seen
		    while text not in seen:
		        seen += os.read(fd, 4096)
		    seen = seen[seen.index(text) + len(text):]
		until(b"# ")
		os.write(fd, b"stty size; tty; echo $TERM; sh -c 'echo sleep\"\"ing; exec sleep 1000'\n")
		for text in b"33 77", b"/dev/hvc0", b"vt220", b"sleeping\r\n":
		    until(text)
		os.write(fd, b"\x03")
		until(b"# ")
		fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 99, 0, 0))
		time.sleep(1) # for the size to get there while the shell waits for a command
		# On a busy machine it takes longer.
		os.write(fd, b"until stty size | grep 44\\ 99; do sleep 0.2; done; exit 5\n")
		until(b"44 99")
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	EOF
	status=0
	timeout -s KILL "$PATIENCE" python3 session.py "$MANAKIN" "${SMALL[@]}" --no-device >out 2>err || status=$?
	ended 5
	left_nothing
}
