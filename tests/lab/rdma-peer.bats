#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# RDMA against another implementation: queue pairs of mana_ib and libmana in one guest, and of the
# kernel's soft RoCE (rdma_rxe) in another, which has the generic kernel and a mana interface. tshark
# decodes what goes over the wire.

load common
load rdma

MAC_MANA=00:0d:3a:00:00:31 MANA_4=192.0.2.31 MANA_6=2001:db8::31
MAC_RXE=00:0d:3a:00:00:32 RXE_4=192.0.2.32 RXE_6=2001:db8::32

setup_file() {
	local machine='--cpus 2 --memory 1G' name
	adapter_start peer0 --port "mac=$MAC_MANA,mtu=4200,fabric=switch" \
		--socket "$(adapter_socket peer1)" --port "mac=$MAC_RXE,mtu=4200,fabric=switch"
	guest_start mana $machine --attach "$(adapter_socket peer0)"
	guest_start rxe $machine --kernel generic --attach "$(adapter_socket peer1)"
	guest_ready mana rxe
	guest_interface mana eth0 4200 $MANA_4/24 $MANA_6/64
	guest_interface rxe eth0 4200 $RXE_4/24 $RXE_6/64
	guest rxe 'modprobe rdma_rxe && rdma link add rxe0 type rxe netdev eth0'
	for name in mana rxe; do
		guest $name "cat >rdma-data.py <<'END'"$'\n'"$(cat "$LAB_TESTS/rdma-data.py")"$'\nEND'
	done
	# When a queue pair connects, the kernel looks for its neighbour, for a second: not long where it is busy.
	guest mana "for a in $RXE_4 $RXE_6; do ip neigh replace \$a lladdr $MAC_RXE dev eth0 nud permanent; done"
	guest rxe "for a in $MANA_4 $MANA_6; do ip neigh replace \$a lladdr $MAC_MANA dev eth0 nud permanent; done"
}

teardown_file() {
	lab_stop
}

# data ADDRESS MTU LARGEST [SERVER] - in a guest: rdma-data.py with that address's GID
data() {
	# shellcheck disable=SC2046 # its device, and its index there
	python3 rdma-data.py $(gid "$1") "$2" "$3" ${4-}
}

# in_guest NAME - for a guest: this function, and those of rdma.bash, on its device
in_guest() {
	local device=mana_0
	[[ $1 == mana ]] || device=rxe0
	echo "device=$device; $(in_rdma_guest); $(declare -f data)"
}

# address GUEST 4|6 - its address
address() {
	local name=${1^^}_$2
	echo "${!name}"
}

# both FROM 4|6 WHAT [OPTION...] - pingpong, perftest or data, its client in the guest FROM, its server in the other
both() {
	local from=$1 to=mana family=$2 what=$3 server
	[[ $from == rxe ]] || to=rxe
	shift 3
	server=$(lab_file server)
	guest $to "$(in_guest $to); $what $(address $to "$family") $*" >"$server" 3>&- &
	guest $from "$(in_guest $from); $what $(address $from "$family") $* $(address $to 4)" ||
		fail "the server: $(cat "$server")" || return
	wait $! || fail "the server: $(cat "$server")"
}

@test "ibv_rc_pingpong against rdma_rxe, each way: 1 byte to 1 MB over IPv4 and IPv6; every byte is right" {
	local from
	for from in mana rxe; do
		both $from 4 pingpong -n 20 -s 1
		both $from 6 pingpong -n 50
		both $from 4 pingpong -n 3 -s 1048577
	done
}

@test "ibv_rc_pingpong against rdma_rxe with MTUs of 256 and 4096, and few receives" {
	both mana 4 pingpong -n 20 -s 65536 -m 256
	both rxe 4 pingpong -n 20 -s 65536 -m 4096
	both mana 4 pingpong -n 100 -r 2 -e
}

@test "WRITE and SEND, with and without immediate, and READ against rdma_rxe, each way: the data and the memory around it are right" {
	both mana 4 data 1024 262145
	both rxe 6 data 4096 262145
}

# record COMMAND... - while COMMAND runs, the guest rxe records RoCEv2: $(lab_file wire.pcap). When a packet that
# is sent last (to the port "discard") is in the file, all are: what tcpdump has not read by then, it never does
record() {
	guest rxe 'tcpdump -i eth0 -B 65536 -U -w wire.pcap "udp port 4791 or udp port 9" >tcpdump.log 2>&1 &
		until grep -q listening tcpdump.log; do sleep 0.1; done'
	"$@"
	guest rxe "echo 'this is the end' >/dev/udp/$MANA_4/9"'
		until grep -qa "this is the end" wire.pcap; do sleep 0.1; done
		pkill tcpdump; while pgrep tcpdump; do sleep 0.1; done; grep -x "0 packets dropped by kernel" tcpdump.log'
	guest rxe 'gzip -c wire.pcap | base64' | base64 -d | gunzip >"$(lab_file wire.pcap)"
}

# some - of each kind of message
some() {
	both mana 4 pingpong -n 10
	both rxe 4 data 1024 65537
	both mana 6 data 1024 3000
}

@test "on the wire: tshark decodes every packet, each ICRC is right, and opcodes and PSNs are in order" {
	local output mac kind
	record some
	output=$(python3 "$LAB_TESTS/roce-wire.py" "$(lab_file wire.pcap)" 1024) || fail "$output"
	for mac in $MAC_MANA $MAC_RXE; do
		for kind in 'SEND first' 'SEND middle' 'SEND last' 'SEND last, immediate' 'SEND only' \
			'SEND only, immediate' 'WRITE first' 'WRITE middle' 'WRITE last' 'WRITE last, immediate' \
			'WRITE only' 'WRITE only, immediate' 'READ request' 'READ response first' \
			'READ response middle' 'READ response last' 'READ response only' ACK; do
			grep -q "^$mac [0-9]* $kind\$" <<<"$output" || fail "$mac sent no $kind:" "$output"
		done
	done
	# One bit of the first packet's payload is another.
	python3 - "$(lab_file wire.pcap)" <<-'END'
		import sys
		with open(sys.argv[1], 'r+b') as capture:
		    capture.seek(24 + 16 + 60)
		    byte = capture.read(1)[0]
		    capture.seek(-1, 1)
		    capture.write(bytes([byte ^ 1]))
	END
	run python3 "$LAB_TESTS/roce-wire.py" "$(lab_file wire.pcap)" 1024
	[[ $status -ne 0 && $output == *'frame 1: ICRC'* ]] || fail "$output"
}

@test "perftest against rdma_rxe, each way: SEND, WRITE, READ" {
	local from
	for from in mana rxe; do
		both $from 4 perftest ib_send_bw -b -s 4096 -n 100
		both $from 6 perftest ib_write_bw -s 65536 -n 100 -m 1024
		both $from 6 perftest ib_read_bw -s 65536 -n 100 -m 1024
		both $from 4 perftest ib_write_bw -s 1048576 -n 10 -m 4096 -q 2
		both $from 4 perftest ib_send_lat -s 1 -n 100
	done
}

@test "neither the adapters nor the guests' kernels report a problem" {
	adapter_content peer0
	adapter_content peer1
	guest_content mana
	guest_content rxe
}
