#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# RDMA over this machine's network: each guest's adapter is in a process of its own, and their taps are on a Linux
# bridge. The guest b has the generic kernel, and with it rdma_rxe beside mana_ib: another implementation. Each
# guest has a second adapter, on another bridge, that loses, duplicates and reorders 1 % of what it sends.

load common
load rdma

setup_file() {
	local name
	for name in wire bad; do
		ip link add $name-bridge type bridge
		ip link set $name-bridge addrgenmode none up
	done
	adapters 0
	adapters 1
	rdma_share
	rdma_guest a wire0 bad0
	rdma_guest b wire1 bad1 --kernel generic
	rdma_ready a $A $BAD_A $A6
	rdma_ready b $B $BAD_B $B6
	for name in a b; do
		guest $name "cat >rdma-data.py <<'END'"$'\n'"$(cat "$LAB_TESTS/rdma-data.py")"$'\nEND'
	done
	known a
	known b
}

teardown_file() {
	lab_stop
}

# adapters N - a process with the adapters wireN and badN, each with a tap of that name on a bridge
adapters() {
	local name
	adapter_start "wire$1" --port "mac=$MAC:2$(($1 + 1)),mtu=4200,fabric=tap:wire$1" --socket "$(adapter_socket "bad$1")" \
		--port "mac=$MAC:2$(($1 + 3)),mtu=4200,fabric=tap:bad$1+loss=1%+duplicate=1%+reorder=1%+seed=2$1"
	for name in wire bad; do
		ip link set "$name$1" master $name-bridge
	done
}

# known GUEST - it knows its neighbours: the kernel gives one that it does not know a second to be found when a queue
# pair connects, which is not long where it is busy
known() {
	case $1 in
	a) set -- a $B 22 eth0 $B6 22 eth0 $BAD_B 24 eth1 ;;
	b) set -- b $A 21 eth0 $A6 21 eth0 $BAD_A 23 eth1 ;;
	esac
	guest "$1" "$(printf "ip neigh replace %s lladdr $MAC:%s dev %s nud permanent\n" "${@:2}")"
}

# works - mana_ib unloads and loads in both guests, and data flows over both bridges
works() {
	reload a b
	between traffic -b -n 1 -e
	badly traffic -b -n 1 -e
}

@test "two processes, a Linux bridge between their taps: requests of all kinds, every byte is right" {
	between pingpong -n 50
	between traffic -b -q 2 -n 2 -e
	badly traffic -b -q 2 -n 2 -e
	works
}

# data ADDRESS MTU LARGEST [SERVER] - in a guest: rdma-data.py with that address's GID
data() {
	# shellcheck disable=SC2046 # its device, and its index there
	python3 rdma-data.py $(gid "$1") "$2" "$3" ${4-}
}

# other GUEST - the other one, and what its devices for RDMA are called here
other() {
	[[ $1 == b ]] && echo a mana || echo b rxe
}

# from GUEST ADDRESS PEER WHAT OPTION... - its client in that guest, its server, at PEER, in the other; of b, rdma_rxe
from() {
	local client=$1 address=$2 peer=$3 what=$4 server device theirs listens=$3 out
	out=$(lab_file server)
	read -r server theirs <<<"$(other "$client")"
	device=$([[ $client == a ]] && echo mana || echo rxe)
	# What is no RDMA listens on IPv4.
	case $peer in
	"$A6") listens=$A ;;
	"$B6") listens=$B ;;
	esac
	shift 4
	guest "$server" "device=$theirs; $(in_rdma_guest); $(declare -f data); $what $peer $*" >"$out" 3>&- &
	guest "$client" "device=$device; $(in_rdma_guest); $(declare -f data); $what $address $* $listens" ||
		fail "the server: $(cat "$out")" || return
	wait $! || fail "the server: $(cat "$out")"
}

# each_way A B WHAT OPTION... - the same from either guest
each_way() {
	from a "$1" "$2" "${@:3}"
	from b "$2" "$1" "${@:3}"
}

# soft ADD|DELETE - the guest b's devices of rdma_rxe
soft() {
	local n
	guest b 'modprobe rdma_rxe'
	for n in 0 1; do
		guest b "rdma link $1 rxe$n$([[ $1 == delete ]] || echo " type rxe netdev eth$n")"
	done
}

# record COMMAND... - while COMMAND runs, tcpdump records RoCEv2 on a tap: $(lab_file wire.pcap). When a packet that
# is sent last (to the port "discard") is in the file, all are
record() {
	local capture tcpdump
	capture=$(lab_file wire.pcap)
	tcpdump -i wire0 --immediate-mode -Z root -B 65536 -U -w "$capture" 'udp port 4791 or udp port 9' \
		2>"$capture.log" 3>&- &
	tcpdump=$!
	await grep -q listening "$capture.log"
	"$@"
	guest b "echo 'this is the end' >/dev/udp/$A/9"
	await grep -qa 'this is the end' "$capture"
	kill $tcpdump
	wait $tcpdump || :
	grep -x '0 packets dropped by kernel' "$capture.log"
}

# some - of each kind of message
some() {
	each_way $A $B data 1024 20000
	from a $A6 $B6 data 1024 3000
}

@test "rdma_rxe on the other side of the bridge, and tcpdump on the tap: each packet is whole, its ICRC right, both ways" {
	local output mac kind
	soft add
	record some
	output=$(python3 "$LAB_TESTS/roce-wire.py" "$(lab_file wire.pcap)" 1024) || fail "$output"
	for mac in $MAC:21 $MAC:22; do
		for kind in 'SEND first' 'SEND middle' 'SEND last' 'SEND only, immediate' 'WRITE first' 'WRITE middle' \
			'WRITE last, immediate' 'WRITE only' 'READ request' 'READ response first' 'READ response last' ACK; do
			grep -q "^$mac [0-9]* $kind\$" <<<"$output" || fail "$mac sent no $kind:" "$output"
		done
	done
}

@test "rdma_rxe on a link that loses, duplicates and reorders 1 %, each way: every byte is right" {
	local lost
	each_way $BAD_A $BAD_B pingpong -n 100
	each_way $BAD_A $BAD_B pingpong -n 2 -s 262145
	each_way $BAD_A $BAD_B data 1024 65537
	# Not traffic: see docs/rdma.md.
	# The link was really bad, both ways.
	for lost in bad0 bad1; do
		(($(adapter_counter $lost 0 wire_lost) > 0 && $(adapter_counter $lost 0 wire_reordered) > 0))
	done
	(($(adapter_counter bad0 0 rdma_retransmitted) > 0))
	soft delete
}

@test "an adapter is killed in traffic: its peer's queue pairs end in error, and a new adapter and guest work" {
	local memory resources
	soft delete || : # the test before may have failed
	memory=$(adapter_memory wire1) resources=$(adapter_resources wire1)
	traffic_begin $A $B -b -q 4 -e
	flows wire0 wire1
	equal 137 "$(lab_end wire0 KILL)" "the adapter's status"
	# Nobody tells either of the guests.
	traffic_ended b 3
	# What becomes of a's guest is QEMU's matter: see docs/rdma.md.
	lab_end a
	adapters 0
	rdma_guest a wire0 bad0
	rdma_ready a $A $BAD_A $A6
	known a
	works
	echo "$memory kB, then $(adapter_memory wire1) kB"
	(($(adapter_memory wire1) <= memory + 1024)) || fail 'memory has grown'
	equal "$resources" "$(adapter_resources wire1)" 'what the adapters of b hold'
}

@test "neither the adapters nor the guests' kernels report a problem" {
	adapter_content wire0
	adapter_content wire1
	guest_content a
	guest_content b
}
