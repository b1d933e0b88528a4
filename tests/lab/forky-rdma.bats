#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# RDMA with Debian forky: Linux 7.x has UD queue pairs and that of the connection manager (GSI), and
# rdma-core from 57 on reports errors of sends. rdma.bats tests what all kernels have.

load common

A=192.0.2.31 A6=2001:db8::31
B=192.0.2.32 B6=2001:db8::32

setup_file() {
	local name machine='--suite forky --cpus 2 --memory 1G'
	adapter_start rdma0 --port "mac=00:0d:3a:00:00:31,fabric=switch" \
		--socket "$(adapter_socket rdma1)" --port "mac=00:0d:3a:00:00:32,fabric=switch"
	guest_start a $machine --attach "$(adapter_socket rdma0)"
	guest_start b $machine --attach "$(adapter_socket rdma1)"
	guest_ready a b
	guest_interface a eth0 1500 $A/24 $A6/64
	guest_interface b eth0 1500 $B/24 $B6/64
	# The kernel gives a neighbour a second to be found when a connection is made.
	guest a "modprobe rdma_ucm; until ping -c 1 $B && ping -c 1 $B6; do :; done"
	guest b "modprobe rdma_ucm; until ping -c 1 $A && ping -c 1 $A6; do :; done"
}

teardown_file() {
	lab_stop
}

# gid ADDRESS - in a guest: the index of the address's GID for RoCEv2, which the kernel adds a moment after
# the address
gid() {
	local file found table=/sys/class/infiniband/mana_0/ports/1
	found=$(python3 -c '
import ipaddress, sys
address = ipaddress.ip_address(sys.argv[1])
packed = b"\0" * 10 + b"\xff\xff" + address.packed if address.version == 4 else address.packed
print(":".join(packed[i:i + 2].hex() for i in range(0, 16, 2)))' "$1")
	until file=$(grep -lx "$found" $table/gids/* 2>/dev/null); do sleep 0.1; done
	echo "${file##*/}"
}

# serve COMMAND - in a guest: start it in the background, and wait until it listens for connections: through
# the connection manager, or on the TCP port of perftest and ibv_rc_pingpong
serve() {
	rm -f /tmp/status
	(eval "$1"; echo $? >/tmp/status) >/tmp/server 2>&1 &
	until [[ -s /tmp/status ]] || ss -Hltn sport = :18515 | grep -q . ||
		rdma resource show cm_id 2>/dev/null | grep -q LISTEN; do
		sleep 0.1
	done
}

# served - in a guest: wait until that command ends; its output and status
served() {
	until [[ -s /tmp/status ]]; do sleep 0.1; done
	cat /tmp/server
	return "$(</tmp/status)"
}

# between SERVER CLIENT - run SERVER in b and, when it listens, CLIENT in a. Both must succeed. Prints the
# client's output
between() {
	guest b "$(declare -f gid serve); serve $(printf %q "$1")" || return
	guest a "$(declare -f gid); $2" || fail "the server:" "$(guest b 'cat /tmp/server /tmp/status')" || return
	guest b "$(declare -f served); served" >"$(lab_file served)" || fail "$(cat "$(lab_file served)")"
}

# within SERVER CLIENT - the same, both in a
within() {
	guest a "$(declare -f gid serve served); serve $(printf %q "$1"); $2 && served || { cat /tmp/server; false; }"
}

# kernel - of the guests: 702 for 7.2
kernel() {
	local release
	release=$(guest a 'uname -r')
	[[ $release =~ ^([0-9]+)\.([0-9]+) ]]
	echo $((BASH_REMATCH[1] * 100 + BASH_REMATCH[2]))
}

@test "Linux 7.2 or newer: the RDMA device is mana_0, and the connection manager uses it" {
	(($(kernel) >= 702)) || fail "the kernel is $(guest a 'uname -r')"
	guest a 'ibv_devinfo -d mana_0' | grep PORT_ACTIVE
	guest a 'test -c /dev/infiniband/rdma_cm'
}

@test "rping between two guests and within one, over IPv4 and IPv6: each message is compared" {
	between "rping -s -a $B -V -C 50 -S 4000" "rping -c -a $B -V -C 50 -S 4000"
	between "rping -s -a $B6 -V -C 20 -S 60000" "rping -c -a $B6 -V -C 20 -S 60000"
	within "rping -s -a $A -V -C 20" "rping -c -a $A -V -C 20"
	within "rping -s -a $A6 -V -C 20" "rping -c -a $A6 -V -C 20"
}

@test "ucmatose with 8 connections, and cmtime with 50" {
	local output
	between 'ucmatose -c 8 -C 20 -S 3000' "ucmatose -s $B -c 8 -C 20 -S 3000"
	# Its first port is that of the control connection.
	output=$(between "cmtime -L -C $B -b $B -c 50 -p 18515" "cmtime -C $B -b $A -c 50 -p 18515") || fail "$output"
	grep -E '^cm_conn +50$' <<<"$output" || fail "$output"
}

@test "perftest connects through the connection manager (-R): sends, writes both ways on 4 queue pairs, reads" {
	local command
	for command in 'ib_send_bw -s 8192' 'ib_write_bw -s 65536 -q 4 -b' 'ib_read_lat -s 64'; do
		between "$command -d mana_0 -R -F -n 200" "$command -d mana_0 -R -F -n 200 $B"
	done
}

@test "perftest: writes of 2 bytes to 8 MB, writes with immediate, sends with events" {
	local command
	for command in 'ib_write_bw -a -n 20' 'ib_write_bw --write_with_imm -n 200' 'ib_send_lat -e -n 200'; do
		between "$command -d mana_0 -F -x \$(gid $B)" "$command -d mana_0 -F -x \$(gid $A) $B"
	done
}

# pingpong PROGRAM OPTION... - ibv_rc_pingpong or the like between the two; both check each byte
pingpong() {
	local output
	output=$(between "$1 -d mana_0 -g \$(gid $B) -c ${*:2}" "$1 -d mana_0 -g \$(gid $A) -c ${*:2} $B") || fail "$output"
	[[ $output == *' iters in '* && $output != *'invalid data'* ]] || fail "$output"
	output=$(cat "$(lab_file served)")
	[[ $output == *' iters in '* && $output != *'invalid data'* ]] || fail "$output"
}

@test "ibv_rc_pingpong: 1 byte to 8 MB, polled and with events; every byte is right" {
	pingpong ibv_rc_pingpong -n 200 -s 1
	pingpong ibv_rc_pingpong -n 200 -e
	pingpong ibv_rc_pingpong -n 5 -s 1048577 -m 256
	pingpong ibv_rc_pingpong -n 3 -s 8388608
}

@test "UC: before Linux 7.3, the kernel refuses the queue pair; from 7.3 on, ibv_uc_pingpong and perftest run" {
	local output command
	if (($(kernel) < 703)); then
		output=$(guest a '! ibv_uc_pingpong -d mana_0 -g 1') || fail "$output"
		grep -xF "Couldn't create QP" <<<"$output" || fail "$output"
		return
	fi
	pingpong ibv_uc_pingpong -n 100
	pingpong ibv_uc_pingpong -n 50 -e -s 10000
	for command in 'ib_send_bw -s 4096' 'ib_write_bw -s 65536 -q 4 -b' 'ib_write_lat -s 64'; do
		between "$command -c UC -d mana_0 -F -n 200 -x \$(gid $B)" "$command -c UC -d mana_0 -F -n 200 -x \$(gid $A) $B"
	done
}

# The codes are those of rdma-core's providers/mana/cq.c, vendor_error_to_wc_error(); 0xfff is libmana's own,
# for entries that it flushes itself.
@test "errors: status and vendor code of a wrong rkey, a short receive, a peer that is gone, RNR; all else is flushed" {
	guest a "$(declare -f gid); cat >/tmp/errors.py <<'EOF_ERRORS'
$(<"$LAB_TESTS/rdma-errors.py")
EOF_ERRORS
python3 /tmp/errors.py mana_0 \$(gid $A)" >"$(lab_file errors)" || fail "$(<"$(lab_file errors)")"
	diff - "$(lab_file errors)" <<-'EOF_WANTED'
		a wrong rkey: SUCCESS REM_ACCESS_ERR/0x162 WR_FLUSH_ERR/0xfff, WR_FLUSH_ERR/0x1c7, -, SUCCESS WR_FLUSH_ERR/0x1c7, QP_FATAL
		a READ without the right: REM_ACCESS_ERR/0x162, WR_FLUSH_ERR/0x1c7, -, WR_FLUSH_ERR/0x1c7, QP_FATAL
		a receive that is too short: REM_OP_ERR/0x161 WR_FLUSH_ERR/0xfff, -, -, LOC_LEN_ERR/0x102 WR_FLUSH_ERR/0xfff
		a receive whose key is wrong: REM_OP_ERR/0x163, -, -, LOC_PROT_ERR/0x1c3
		no receive: RNR_RETRY_EXC_ERR/0x164 WR_FLUSH_ERR/0xfff, WR_FLUSH_ERR/0x1c7
		a peer that is gone: RETRY_EXC_ERR/0x1c6 WR_FLUSH_ERR/0xfff, WR_FLUSH_ERR/0x1c7
		a key of its own that is wrong: SUCCESS LOC_PROT_ERR/0x206 WR_FLUSH_ERR/0xfff, -
		moved to the error state: -, WR_FLUSH_ERR/0x1c7 WR_FLUSH_ERR/0xfff WR_FLUSH_ERR/0xfff
	EOF_WANTED
}

@test "memory windows of both types are allocated and freed" {
	guest a "python3 -c '
from pyverbs.device import Context
from pyverbs.libibverbs_enums import ibv_mw_type
from pyverbs.mr import MW
from pyverbs.pd import PD
domain = PD(Context(name=\"mana_0\"))
for kind in ibv_mw_type.IBV_MW_TYPE_1, ibv_mw_type.IBV_MW_TYPE_2:
    keys = set()
    for _ in range(20):
        window = MW(domain, kind)
        keys.add(window.rkey)
        window.close()
    assert 0 not in keys, (kind, keys)'"
}

@test "rdma statistic: counts what the tests so far have done" {
	local counters name
	counters=$(guest a 'rdma statistic show link mana_0/1')
	for name in tx_packets rx_packets tx_bytes rx_bytes rx_send_requests rx_write_requests rx_read_requests \
		nak_access_error nak_inv_req responder_local_len_error requester_rnr_nak_retries_exceeded \
		requester_retries_exceeded; do
		[[ $counters =~ [[:space:]]$name\ [1-9] ]] || fail "$name:" "$counters"
	done
}

@test "a connection's peer goes away: the other end is notified in time, and the next connection works" {
	guest b "$(declare -f serve); serve 'rping -s -a $B -V -C 1000000'"
	guest a "rping -c -a $B -V -C 1000000 >/tmp/client 2>&1 & echo \$! >/tmp/pid
		until rdma resource show cm_id | grep -q CONNECT; do sleep 0.1; done"
	guest b 'pkill -KILL rping'
	guest a 'while [[ -d /proc/$(</tmp/pid) ]]; do sleep 0.1; done; cat /tmp/client' | grep DISCONNECT
	between "rping -s -a $B -V -C 5" "rping -c -a $B -V -C 5"
}

# again GUEST ADDRESS - unload and load all of RDMA, three times
again() {
	guest "$1" "$(declare -f gid)
		for i in {1..3}; do
			rmmod rdma_ucm && rmmod rdma_cm ib_cm && rmmod mana_ib && modprobe -a mana_ib rdma_ucm || exit
		done
		gid $2"
}

@test "the connection manager and mana_ib unload and load, and connections work again" {
	again a $A
	again b $B
	between "rping -s -a $B -V -C 5" "rping -c -a $B -V -C 5"
}

@test "neither the adapters nor the guests' kernels report a problem" {
	adapter_content rdma0
	adapter_content rdma1
	guest_content a
	guest_content b
}
