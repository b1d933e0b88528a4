#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# RDMA against another implementation: queue pairs of mana_ib and libmana in one guest, and of the
# kernel's soft RoCE (rdma_rxe) in another, which has the generic kernel and a mana interface. tshark
# decodes what goes over the wire.

load common

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

# gid_index ADDRESS - in a guest: the index of the address's GID, which the kernel adds a moment after the address
gid_index() {
	local gid index bytes table
	table=$(echo /sys/class/infiniband/*"$device"*/ports/1/gids)
	if [[ $1 == *:* ]]; then
		gid=$(printf '2001:0db8:0000:0000:0000:0000:0000:%04x' "0x${1##*:}")
	else
		IFS=. read -ra bytes <<<"$1"
		gid=$(printf '0000:0000:0000:0000:0000:ffff:%02x%02x:%02x%02x' "${bytes[@]}")
	fi
	until index=$(grep -lx "$gid" "$table"/* 2>/dev/null); do sleep 0.1; done
	# RoCE v1 may come before v2
	for index in $index; do
		index=${index##*/}
		[[ $(<"$table/../gid_attrs/types/$index") != *v2* ]] || break
	done
	echo "$index"
}

# pingpong ADDRESS OPTION... - in a guest: ibv_rc_pingpong with that address's GID. A client tries until the
# server listens
pingpong() {
	local index output
	index=$(gid_index "$1")
	shift
	until output=$(ibv_rc_pingpong -d $device -g "$index" -c "$@" 2>&1); do
		# "to remote QP" is another matter.
		grep -q "Couldn't connect to [^ ]*:[0-9]" <<<"$output" || break
		sleep 0.1
	done
	echo "$output"
	[[ $output == *' iters in '* && $output != *'invalid data'* ]]
}

# perf ADDRESS TOOL OPTION... - in a guest: a program of perftest, likewise
perf() {
	local index output tool=$2
	index=$(gid_index "$1")
	shift 2
	until output=$("$tool" -d $device -x "$index" -F "$@" 2>&1); do
		grep -q "Couldn't connect to [^ ]*:[0-9]" <<<"$output" || break
		sleep 0.1
	done
	echo "$output"
	[[ $output == *'#bytes'* ]] && ! grep -qiE 'error|fail' <<<"$output"
}

# data ADDRESS MTU LARGEST [SERVER] - in a guest: rdma-data.py, likewise
data() {
	local index
	index=$(gid_index "$1")
	python3 rdma-data.py $device "$index" "$2" "$3" ${4-}
}

# in_guest NAME - for a guest: the functions above, on its device
in_guest() {
	local device=mana_0
	[[ $1 == mana ]] || device=rxe0
	echo "device=$device; $(declare -f gid_index pingpong perf data)"
}

# address GUEST 4|6 - its address
address() {
	local name=${1^^}_$2
	echo "${!name}"
}

# both FROM 4|6 WHAT [OPTION...] - pingpong, perf or data, its client in the guest FROM, its server in the other
both() {
	local from=$1 to=mana family=$2 what=$3 server
	[[ $from == rxe ]] || to=rxe
	shift 3
	server=$(lab_file server)
	guest $to "$(in_guest $to); $what $(address $to "$family") $*" >"$server" 3>&- &
	guest $from "$(in_guest $from); $what $(address $from "$family") $* $(address $to 4)" ||
		fail "the server: $(cat "$server")"
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

# record COMMAND... - while COMMAND runs, the guest rxe records RoCEv2: $(lab_file wire.pcap)
record() {
	guest rxe 'tcpdump -i eth0 -B 65536 -w wire.pcap udp port 4791 >tcpdump.log 2>&1 &
		until grep -q listening tcpdump.log; do sleep 0.1; done'
	"$@"
	guest rxe 'pkill tcpdump; while pgrep tcpdump; do sleep 0.1; done; grep -x "0 packets dropped by kernel" tcpdump.log'
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
		both $from 4 perf ib_send_bw -b -s 4096 -n 100
		both $from 6 perf ib_write_bw -s 65536 -n 100 -m 1024
		both $from 6 perf ib_read_bw -s 65536 -n 100 -m 1024
		both $from 4 perf ib_write_bw -s 1048576 -n 10 -m 4096 -q 2
		both $from 4 perf ib_send_lat -s 1 -n 100
	done
}

@test "neither the adapters nor the guests' kernels report a problem" {
	adapter_content peer0
	adapter_content peer1
	guest_content mana
	guest_content rxe
}
