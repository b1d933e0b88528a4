# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# rdma.bash - RDMA between two guests, a and b, on one switch, for tests that load common.
#
#	rdma_start [OPTION...]		adapters and guests; each guest has a second adapter, on a bad link
#	pingpong_between, pingpong_within	ibv_rc_pingpong
#	perftests		programs of perftest
#	traffic_between, traffic_within	rdma-traffic.c, the strictest test
#	traffic_begin, traffic_end	the same, in the background
#
# Addresses: A and B; BAD_A and BAD_B on the bad link, a switch that loses, duplicates and reorders 1 % of
# the packets each, from a seed.

MAC=00:0d:3a:00:00
A=192.0.2.21 A6=2001:db8::21
B=192.0.2.22 B6=2001:db8::22
BAD_A=198.51.100.21 BAD_B=198.51.100.22

# rdma_start [OPTION...] - a and b; their adapters are rdma0 and rdma1, and bad0 and bad1, in one process with
# these options
rdma_start() {
	local bad=fabric=switch:bad+loss=1%+duplicate=1%+reorder=1%
	rdma_share
	adapter_start rdma0 --port "mac=$MAC:21,fabric=switch,mtu=9000" \
		--socket "$(adapter_socket rdma1)" --port "mac=$MAC:22,fabric=switch,mtu=9000" \
		--socket "$(adapter_socket bad0)" --port "mac=$MAC:23,$bad+seed=23" \
		--socket "$(adapter_socket bad1)" --port "mac=$MAC:24,$bad+seed=24" "$@"
	rdma_guest a rdma0 bad0
	rdma_guest b rdma1 bad1
	rdma_ready a $A $BAD_A $A6
	rdma_ready b $B $BAD_B $B6
}

# rdma_share - rdma-traffic, in the folder that the guests share
rdma_share() {
	local share
	share=$(lab_file share)
	mkdir -p "$share"
	"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -o "$share/rdma-traffic" \
		"$LAB_TESTS/rdma-traffic.c" -libverbs
}

# rdma_guest NAME ADAPTER BAD-ADAPTER [OPTION...] - boot it
rdma_guest() {
	guest_start "$1" --cpus 2 --memory 1G --share "$(lab_file share)" \
		--attach "$(adapter_socket "$2")" --attach "$(adapter_socket "$3")" "${@:4}"
}

# rdma_ready NAME ADDRESS BAD-ADDRESS IPV6
rdma_ready() {
	guest_ready "$1"
	# Not run from the shared directory, see docs/lab.md
	guest "$1" 'cp /mnt/share/rdma-traffic /usr/local/bin'
	guest_interface "$1" eth0 1500 "$2/24" "$4/64"
	guest_interface "$1" eth1 1500 "$3/24"
}

# rdma_mtu MTU - set that of eth0 in both guests; it limits the path MTU
rdma_mtu() {
	guest a "ip link set eth0 mtu $1"
	guest b "ip link set eth0 mtu $1"
}

# neighbours - the kernel gives a neighbour a second to be found when a queue pair connects
neighbours() {
	guest a "for address in $B $B6 $BAD_B; do until ping -c 1 \$address; do :; done; done" >/dev/null
	guest b "for address in $A $A6 $BAD_A; do until ping -c 1 \$address; do :; done; done" >/dev/null
}

# ---- In a guest ----

# gid ADDRESS - its device, whose name begins with $device, and its index there for RoCE v2, which the kernel adds
# a moment after the address
gid() {
	local gid bytes found path
	if [[ $1 == *:* ]]; then
		gid=$(printf '2001:0db8:0000:0000:0000:0000:0000:%04x' "0x${1##*:}")
	else
		IFS=. read -ra bytes <<<"$1"
		gid=$(printf '0000:0000:0000:0000:0000:ffff:%02x%02x:%02x%02x' "${bytes[@]}")
	fi
	until found=$(grep -lx "$gid" /sys/class/infiniband/${device-}*/ports/1/gids/* 2>/dev/null); do sleep 0.1; done
	# That of RoCE v1 may come before it.
	for path in $found; do
		[[ $(<"${path/gids/gid_attrs/types}") != *v2* ]] || break
	done
	IFS=/ read -ra found <<<"$path"
	echo "${found[4]} ${found[8]}"
}

# connected COMMAND... - run a client until its server listens; its output and status
connected() {
	local output status
	while :; do
		status=0
		output=$("$@" 2>&1) || status=$?
		# "to remote QP" is another matter.
		if ((!status)) || ! grep -q "Couldn't connect to [^ ]*:[0-9]" <<<"$output"; then break; fi
		sleep 0.1
	done
	echo "$output"
	return "$status"
}

# pingpong ADDRESS OPTION...
pingpong() {
	local where output status=0
	read -ra where <<<"$(gid "$1")"
	shift
	output=$(connected ibv_rc_pingpong -d "${where[0]}" -g "${where[1]}" -c "$@") || status=$?
	echo "$output"
	[[ $status == 0 && $output == *' iters in '* && $output != *'invalid data'* ]]
}

# perftest ADDRESS TOOL OPTION... - a client, whose last OPTION is the server's address, reports a result.
# What it prints counts, and not its status
perftest() {
	local where output tool=$2
	read -ra where <<<"$(gid "$1")"
	shift 2
	output=$(connected "$tool" -d "${where[0]}" -x "${where[1]}" -F "$@")
	echo "$tool $*: $output"
	! grep -qiE 'error|fail' <<<"$output" || return
	if [[ ${*: -1} == *.*.*.* ]]; then
		grep -qE '^ *[0-9]+ +[0-9]+ +[0-9]+\.[0-9]+ ' <<<"$output"
	else
		[[ $output == *'remote address: '* ]]
	fi
}

traffic() {
	rdma-traffic -d "${device-}" -a "$@"
}

in_rdma_guest() {
	declare -f gid connected pingpong perftest traffic
}

# ---- Between guests ----

# between_addresses A B FUNCTION OPTION... - its server in b, its client in a
between_addresses() {
	local a=$1 b=$2 what=$3 server listens=$2
	shift 3
	# ibv_rc_pingpong listens on IPv4 alone.
	[[ $what != pingpong || $b != *:* ]] || listens=$B
	server=$(lab_file server)
	guest b "$(in_rdma_guest); $what $b $*" >"$server" 3>&- &
	guest a "$(in_rdma_guest); $what $a $* $listens" || fail "the server: $(cat "$server")" || return
	wait $! || fail "the server: $(cat "$server")"
}

between() {
	between_addresses $A $B "$@"
}

# perftests RUN... - perftest of each RUN, a TOOL with OPTIONs; its server in b, its client in a
perftests() {
	local server COMMAND_TIMEOUT=$((3 * PATIENCE))
	server=$(lab_file server)
	guest b "$(in_rdma_guest); $(printf "perftest $B %s || exit\n" "$@")" >"$server" 3>&- &
	guest a "$(in_rdma_guest); $(printf "perftest $A %s $B || exit\n" "$@")" ||
		fail "the server:" "$(tail -n 25 "$server")" || return
	wait $! || fail "the server:" "$(tail -n 25 "$server")"
}

# badly - over the bad link
badly() {
	between_addresses $BAD_A $BAD_B "$@"
}

# within FUNCTION OPTION... - both in a
within() {
	local what=$1
	shift
	guest a "$(in_rdma_guest); $what $A $* >/tmp/server 2>&1 & $what $A $* $A && wait \$! ||
		{ pkill 'ibv_rc_pingpong|rdma-traffic|^ib_'; cat /tmp/server; false; }"
}

# traffic_begin A B OPTION... - traffic until traffic_end, if options do not say otherwise; its server in b
traffic_begin() {
	local a=$1 b=$2
	shift 2
	traffic_in b "$b" -n 0 "$@"
	traffic_in a "$a" -n 0 "$@" "$b"
}

# traffic_in GUEST ADDRESS OPTION... - start one end. One that a test which failed has left ends, and its folder
# is gone by the time that it would write its status
traffic_in() {
	local name=$1
	shift
	guest "$name" "pkill -KILL -x rdma-traffic
		rm -rf /tmp/traffic && mkdir /tmp/traffic && cd /tmp/traffic || exit
		(rdma-traffic -a $*; echo \$? >status) </dev/null >log 2>&1 &"
}

# traffic_ended GUEST STATUS - wait for the end of one end
traffic_ended() {
	local status
	await guest "$1" 'test -s /tmp/traffic/status' ||
		fail "$(guest "$1" 'cat /tmp/traffic/log; dmesg | tail')" || return
	status=$(guest "$1" 'cat /tmp/traffic/status')
	guest "$1" 'cat /tmp/traffic/log'
	equal "$2" "$status" "status of the traffic's end in $1"
}

# traffic_end - stop it after its batch; all must have been right
traffic_end() {
	guest a 'pkill -TERM -x rdma-traffic'
	traffic_ended a 0
	traffic_ended b 0
}

# sent ADAPTER - packets that its vPort has sent
sent() {
	adapter_counter "$1" 0 wire_tx
}

# has_sent ADAPTER COUNT
has_sent() {
	(($(sent "$1") >= $2))
}

# flows ADAPTER... - wait until each has sent a thousand more
flows() {
	local adapter
	for adapter; do
		await has_sent "$adapter" $(($(sent "$adapter") + 1000))
	done
}

# reload GUEST... - unload mana_ib, and load it
reload() {
	local name
	for name; do
		guest "$name" 'rmmod mana_ib && modprobe mana_ib'
	done
}
