#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# perftest between two guests with many of its options. rdma.bats has the usual ones.

load common
load rdma

setup_file() {
	rdma_start
	rdma_mtu 9000
	neighbours
}

teardown_file() {
	lab_stop
}

# across TOOL OPTION... - with each path MTU, one message of 1 byte to 1 MB
across() {
	local mtu size runs=()
	for mtu in 256 512 1024 2048 4096; do
		for size in 1 4097 1048576; do
			runs+=("$1 -n 20 -m $mtu -s $size ${*:2}")
		done
	done
	perftests "${runs[@]}"
}

@test "perftest with path MTUs of 256 to 4096: ib_send_bw of 1 byte to 1 MB" {
	across ib_send_bw
}

@test "perftest with path MTUs of 256 to 4096: ib_write_bw of 1 byte to 1 MB" {
	across ib_write_bw
}

@test "perftest with path MTUs of 256 to 4096: ib_write_bw with immediate of 1 byte to 1 MB" {
	across ib_write_bw --write_with_imm
}

@test "perftest with path MTUs of 256 to 4096: ib_read_bw of 1 byte to 1 MB" {
	across ib_read_bw
}

@test "perftest both ways, with 1 to 32 queue pairs" {
	local tool queues runs=()
	for tool in ib_send_bw ib_write_bw ib_read_bw; do
		for queues in 1 3 32; do
			runs+=("$tool -b -n 100 -s 4096 -q $queues")
		done
	done
	perftests "${runs[@]}"
}

@test "perftest with short and long queues, and with lists of entries" {
	perftests 'ib_send_bw -n 200 -r 1 -s 4096' 'ib_send_bw -n 200 -t 1 -s 1' 'ib_write_bw -n 200 -t 1 -s 1' \
		'ib_send_bw -n 2000 -t 4096 -r 4096 -s 8' 'ib_write_bw -n 2000 -t 4096 -s 8' \
		'ib_write_bw -n 200 -l 10 -s 4096' 'ib_send_bw -n 200 -l 10 --recv_post_list 8 -s 4096' \
		'ib_read_bw -n 100 -o 1' 'ib_read_bw -n 100 -o 16' 'ib_write_bw -n 100 -q 4 --mr_per_qp'
}

@test "perftest with events, and latency: each tool that has them" {
	local tool runs=()
	for tool in ib_send_bw ib_read_bw ib_send_lat ib_read_lat; do
		runs+=("$tool -n 100 -e -s 1" "$tool -n 100 -e -s 16384")
	done
	for tool in ib_send_lat ib_write_lat ib_read_lat; do
		runs+=("$tool -n 200 -s 1" "$tool -n 50 -s 65536" "$tool -n 50 -m 256 -s 65536")
	done
	perftests "${runs[@]}"
}

@test "perftest with messages of 8 MB" {
	perftests 'ib_send_bw -n 5 -s 8388608' 'ib_write_bw -n 5 -s 8388608' 'ib_read_bw -n 5 -s 8388608'
}

@test "neither the adapters nor the guests' kernels report a problem" {
	adapter_content rdma0
	guest_content a
	guest_content b
}
