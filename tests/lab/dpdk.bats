#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The guide's commands, and what testpmd does most: send, receive, forward, die.
#
# The guest has seven CPUs, so that the guide's core lists (1-3 and 1-6) are there
# as they are written. Its "> 9 cores" is what it takes to see the speed of eight
# queues; testpmd itself uses the six of the list.

load dpdk

MAC=00:0d:3a:76:3b
PORTS=(sink+verify sink+verify sink+verify "generator:count=100000,proto=mixed"
	pcap+replay=@in pcap:@out generator sink+verify)

setup_file() {
	local port arguments=()
	packets make "$(lab_file in)" --mac $MAC:d4 --count 5000
	for port in "${!PORTS[@]}"; do
		arguments+=(--port "mac=$MAC:d$port,fabric=${PORTS[port]//@/$BATS_FILE_TMPDIR/}")
	done
	adapter_start mana0 "${arguments[@]}"
	dpdk_start guest --cpus 7 --attach "$(adapter_socket mana0)"
	dpdk_ready guest
}

teardown_file() {
	lab_stop
}

# wire PORT - frames that arrived at the fabric, all of them good
wire() {
	equal 0 "$(adapter_counter mana0 "$1" wire_bad)" 'frames that do not decode' || return
	adapter_counter mana0 "$1" wire_tx
}

@test "the interface left up: testpmd fails with the guide's lines" {
	guest guest 'ip link set eth0 up'
	guide guest 1 $MAC:d0 'Port statistics' 2
	grep -F 'mana_start_tx_queues(): Failed to create qp queue index 0' "$(testpmd_output)"
	grep -F 'mana_dev_start(): failed to start tx queues -19' "$(testpmd_output)"
	equal 0 "$(port_stat 0 TX-packets)" 'packets sent'
	guest guest 'ip link set eth0 down'
}

@test "the guide's single queue command: what testpmd sends arrives" {
	local before sent reported dropped
	before=$(wire 0)
	guide guest 1 $MAC:d0 'Tx-pps: *[1-9]' 2
	sent=$(($(wire 0) - before))
	reported=$(forward_stat 0 TX-packets)
	dropped=$(forward_stat 0 TX-dropped)
	echo "$sent arrived, $reported completed, $dropped did not fit"
	# Completions of the last bursts were not looked at: see dpdk.bash.
	((reported > 0 && reported <= sent && sent - reported <= 128))
	# Whole bursts were made: what was not dropped was sent, to the packet.
	(((sent + dropped) % BURST == 0))
}

@test "a single queue: all that testpmd counts as sent arrives, to the packet" {
	testpmd guest $MAC:d2 1-2 --forward-mode=txonly "${FEW[@]}" <<-END
		start
		sleep 1
		stop
		sleep 1
		set fwd rxonly
		start tx_first
		stop
		sleep 0.5
		start tx_first
		stop
		show port stats 0
	END
	echo "$(port_stat 0 TX-packets) packets"
	(($(port_stat 0 TX-packets) > 1000))
	equal $(($(port_stat 0 TX-packets) + BURST)) "$(wire 2)" 'packets that arrived'
	equal 0 "$(port_stat 0 TX-errors)" 'errors'
}

@test "the guide's multiple queue command: what testpmd sends arrives, to the packet" {
	local sent reported
	guide guest 2 $MAC:d1 'Tx-pps: *[1-9]' 2
	sent=$(wire 1)
	queue_stat TX-packets
	equal 8 "$(queue_stat TX-packets | awk '$2 > 0' | wc -l)" 'queues that sent'
	equal "$(queue_stat TX-packets | awk '{ n += $2 } END { print n }')" "$sent" \
		'packets that arrived'
	reported=$(forward_stat 0 TX-packets)
	((reported > 0 && reported <= sent && sent - reported <= 8 * 128))
}

# hold_up SECONDS - the adapter gets no CPU for a while, once there is traffic on port 7
hold_up() {
	local pid
	pid=$(<"$(lab_file mana0).pid")
	await 30 traffic 7
	kill -STOP "$pid"
	sleep "$1"
	kill -CONT "$pid"
}

# traffic PORT - has anything been sent?
traffic() {
	(($(adapter_counter mana0 "$1" wire_tx) > 0))
}

@test "queues that end while the adapter is held up: what was sent arrives, to the packet" {
	local sent
	hold_up 4 3>&- &
	testpmd guest $MAC:d7 1-3 --forward-mode=txonly "${FEW[@]}" --nb-cores=2 --rxq=4 --txq=4 <<-END
		start
		sleep 2
		stop
		port stop 0
	END
	wait $!
	sent=$(wire 7)
	queue_stat TX-packets
	equal "$(queue_stat TX-packets | awk '{ n += $2 } END { print n }')" "$sent" \
		'packets that arrived'
}

@test "rxonly: all that the generator makes is received" {
	testpmd guest $MAC:d3 1-2 --forward-mode=rxonly "${FEW[@]}" <<-END
		start
		until RX-packets:.100000 show port stats 0
		stop
		show port stats 0
	END
	equal 100000 "$(port_stat 0 RX-packets)" 'packets received'
	equal 0 "$(port_stat 0 RX-errors)" 'errors'
	equal 100000 "$(adapter_counter mana0 3 rx_packets)" 'packets of the adapter'
	equal "$(port_stat 0 RX-bytes)" "$(adapter_counter mana0 3 rx_bytes)" 'bytes of the adapter'
	equal 0 "$(adapter_counter mana0 3 rx_dropped)" 'packets dropped'
}

@test "io between two vPorts: packets leave as they came, byte for byte" {
	testpmd guest $MAC:d4,$MAC:d5 1-2 --forward-mode=io "${FEW[@]}" <<-END
		$RETRY
		set fwd io retry
		start
		until RX-packets:.5000 show port stats 0
		stop
	END
	equal 5000 "$(adapter_counter mana0 5 wire_tx)" 'packets that arrived'
	packets same "$(lab_file in)" "$(lab_file out)"
}

# killed - testpmd sends back what the generator makes, and is killed in the middle of it
killed() {
	local before
	before=$(adapter_counter mana0 6 wire_tx)
	in_guest guest "timeout -s KILL 60 bash /mnt/share/guide.bash $MAC:d6 'Tx-pps: *[1-9]' 1 KILL \
		<<<'dpdk-testpmd -l 1-3 --vdev=\"\$BUS_INFO,mac=\$MANA_MAC\" -- \
		--auto-start --forward-mode=macswap ${FEW[*]} --rxq=2 --txq=2 --nb-cores=2 --stats 1'" ||
		(($? == 137)) || return 1
	(($(adapter_counter mana0 6 wire_tx) > before + 10000)) || fail 'there was no traffic'
	await 10 no_queues || fail 'queues were left behind'
}

no_queues() {
	(($(adapter_counter mana0 6 queues) == 0))
}

# ticks - CPU time of the adapter, in hundredths of a second
ticks() {
	awk '{ print $14 + $15 }' "/proc/$(<"$(lab_file mana0).pid")/stat"
}

@test "killed in full traffic, again and again: nothing leaks, and it works after that" {
	local memory resources before
	killed
	memory=$(adapter_memory mana0)
	resources=$(adapter_resources mana0)
	killed
	killed
	killed
	equal "$resources" "$(adapter_resources mana0)" 'what the adapter holds'
	echo "$memory kB before, $(adapter_memory mana0) kB after"
	(($(adapter_memory mana0) <= memory + 256))

	before=$(ticks)
	sleep 1
	echo "$(($(ticks) - before)) hundredths of a second of CPU time in one, with nobody there"
	(($(ticks) - before <= 5))

	testpmd guest $MAC:d6 1-2 --forward-mode=macswap "${FEW[@]}" <<-END
		start
		until RX-packets:.[0-9]{5} show port stats 0
		stop
		show port stats 0
	END
	(($(port_stat 0 TX-packets) > 1000))
	equal 0 "$(port_stat 0 TX-errors)" 'errors'
}

@test "neither the adapter nor the guest's kernel has anything to complain about" {
	adapter_content mana0
	guest_content guest
}
