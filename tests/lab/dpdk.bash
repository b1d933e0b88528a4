# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034
#
# dpdk.bash - Debian's dpdk-testpmd, with its net_mana, in the lab's guests.
#
#	dpdk_start NAME OPTION...	guest_start, with scripts and the guide's commands
#	dpdk_ready NAME...		guest_ready, and hugepages as the guide has them
#	guide NAME LINE MAC PATTERN COUNT [SIGNAL]	one of the guide's commands
#	testpmd NAME MACS CORES [OPTION...] <COMMANDS	an interactive testpmd
#	forward MODE FROM TO COUNT [OPTION...] <COMMANDS	one between two vPorts
#
# The last three leave testpmd's output in the file $(testpmd_output), where
# port_stat, queue_stat and forward_stat find numbers.
#
# net_mana counts a packet as sent when the next call for that queue finds its completion.
# The packets of the last calls are never found, so at the end testpmd's "TX-packets" is too
# low by up to a queue's descriptors. Two numbers are exact: what each stream has handed over
# (shown if there are more streams than ports), and the count after "start tx_first" has sent
# another burst, which lacks only that burst.
#
# What is tested with net_mana (dpdk.bats, dpdk-offload.bats) and with this project's driver
# (pmd.bats) is here, once, by the number of the vPort. Such a suite says what its vPorts are:
#
#	MAC		the first five bytes of their addresses
#	PORTS		fabric and more of each; "@" is the vPort's capture file
#	UNCOUNTED	packets that the driver has sent and not counted after LAST_BURSTS

load common

BURST=32 # packets, testpmd's

# Options: the guide's descriptors, and not the gigabyte of mbufs that testpmd allocates by default
FEW=(--total-num-mbufs=8192 --txd=128 --rxd=128)

# When a queue is full testpmd drops packets, unless it is told to try again: here, for 50 s.
RETRY="set burst tx delay 100 retry 500000"

# What to type for an exact count of TX-packets, see above
LAST_BURSTS="sleep 1
set fwd rxonly
start tx_first
stop
sleep 0.5
start tx_first
stop
show port stats 0"

KEY=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627
IP=udp4,tcp4,udp6,tcp6

# mac PORT... - addresses of vPorts, with commas
mac() {
	local port list=
	for port; do
		list+=,$MAC:$(printf %02x $((0xd0 + port)))
	done
	echo "${list#,}"
}

# capture PORT - the file that a vPort's packets come from or go to
capture() {
	lab_file "port$1.pcap"
}

# replay PORT OPTION... - make the packets for a vPort; see packets.py
replay() {
	packets make "$(capture "$1")" --mac "$(mac "$1")" "${@:2}"
}

# ports_start - the adapter with the suite's vPorts, mana0
ports_start() {
	local port arguments=()
	for port in "${!PORTS[@]}"; do
		arguments+=(--port "mac=$(mac "$port"),fabric=${PORTS[port]//@/$(capture "$port")}")
	done
	adapter_start mana0 "${arguments[@]}"
}

# wire PORT - frames that arrived at the fabric, all of them good
wire() {
	equal 0 "$(adapter_counter mana0 "$1" wire_bad)" 'frames that do not decode' || return
	adapter_counter mana0 "$1" wire_tx
}

dpdk_start() {
	local name=$1 share
	shift
	share=$(lab_file "$name.share")
	mkdir -p "$share"
	cp "$LAB_TESTS"/guest-dpdk/* "$LAB_TESTS/fixtures/testpmd.sh" "$share"
	guest_start "$name" --share "$share" "$@"
}

dpdk_ready() {
	local name
	guest_ready "$@" || return
	for name; do
		guest "$name" "$(grep nr_hugepages "$LAB_TESTS/fixtures/testpmd.sh")" || return
	done
}

testpmd_output() {
	lab_file testpmd.out
}

# in_guest NAME COMMAND - run it, keep the output, and show the end of it if it fails
in_guest() {
	local status=0
	guest "$@" >"$(testpmd_output)" || status=$?
	((status == 0)) || tail -n 60 "$(testpmd_output)"
	return $status
}

# guide NAME LINE MAC PATTERN COUNT [SIGNAL] - see guest-dpdk/guide.bash; LINE is 1 for the
# guide's single queue test, 2 for its multiple queue test
guide() {
	local name=$1 line=$2
	shift 2
	in_guest "$name" "grep ^dpdk-testpmd /mnt/share/testpmd.sh | sed -n ${line}p |
		timeout -s KILL $PATIENCE bash /mnt/share/guide.bash $(printf '%q ' "$@")"
}

# testpmd NAME MACS CORES [OPTION...] - see guest-dpdk/testpmd.py
testpmd() {
	local name=$1 macs=$2 cores=$3
	shift 3
	in_guest "$name" "timeout -s KILL $PATIENCE python3 /mnt/share/testpmd.py --macs $macs \
		--cores $cores -- $* <<'END_OF_COMMANDS'
$(cat)
END_OF_COMMANDS"
}

# forward MODE FROM TO COUNT [OPTION...] <COMMANDS - testpmd, until COUNT packets have come in
forward() {
	local mode=$1 macs count=$4
	macs=$(mac "$2" "$3")
	shift 4
	testpmd guest "$macs" 1-2 --forward-mode="$mode" "$@" <<-END
		$(cat)
		$RETRY
		set fwd $mode retry
		start
		until RX-packets:.$count show port stats 0
		stop
	END
}

# port_stat PORT NAME - what "show port stats" said last
port_stat() {
	awk -v port="$1" -v name="$2:" '/NIC statistics for port/ { here = $6 == port }
		here { for (i = 1; i < NF; i++) if ($i == name) value = $(i + 1) }
		END { print value }' "$(testpmd_output)"
}

# forward_stat PORT NAME - what the statistics at the end say of a port
forward_stat() {
	awk -v port="$1" -v name="$2:" '/Forward statistics for/ { here = $6 == port }
		here { for (i = 1; i < NF; i++) if ($i == name) value = $(i + 1) }
		END { print value }' "$(testpmd_output)"
}

# queue_stat NAME - what the statistics at the end say of each queue: its number and the value
queue_stat() {
	awk -v name="$1:" '/Forward Stats for RX Port/ { sub(".*Queue= *", ""); queue = $1; next }
		queue != "" { for (i = 1; i < NF; i++) if ($i == name) { print queue, $(i + 1); queue = "" } }' \
		"$(testpmd_output)"
}

# packets COMMAND... - see packets.py
packets() {
	timeout "$PATIENCE" python3 "$LAB_TESTS/packets.py" "$@"
}

# segments COMMAND... - see the native tests' packets.py
segments() {
	timeout "$PATIENCE" python3 "$LAB_TESTS/../native/packets.py" "$@"
}

# ---- What is tested with each driver ----

# sum - of the numbers in the second column
sum() {
	awk '{ n += $2 } END { print n + 0 }'
}

# guide_single PORT MAC - the guide's single queue command, with net_mana
guide_single() {
	local before sent reported dropped
	before=$(wire "$1")
	guide guest 1 "$2" 'Tx-pps: *[1-9]' 2
	sent=$(($(wire "$1") - before))
	reported=$(forward_stat 0 TX-packets)
	dropped=$(forward_stat 0 TX-dropped)
	echo "$sent arrived, $reported completed, $dropped did not fit"
	# Completions of the last bursts were not counted, see above.
	((reported > 0 && reported <= sent && sent - reported <= 128))
	# Whole bursts were generated: what was not dropped was sent, to the packet.
	(((sent + dropped) % BURST == 0))
}

# guide_queues PORT - the guide's multiple queue command
guide_queues() {
	local before
	before=$(wire "$1")
	guide guest 2 "$(mac "$1")" 'Tx-pps: *[1-9]' 2
	queue_stat TX-packets
	equal 8 "$(queue_stat TX-packets | awk '$2 > 0' | wc -l)" 'queues that sent'
	equal "$(queue_stat TX-packets | sum)" $(($(wire "$1") - before)) 'packets that arrived'
}

# counted PORT BEFORE - what testpmd counts has arrived, and BEFORE packets before that
counted() {
	echo "$(port_stat 0 TX-packets) packets"
	(($(port_stat 0 TX-packets) > 1000)) || fail 'hardly anything was sent'
	equal $(($(port_stat 0 TX-packets) + UNCOUNTED)) $(($(wire "$1") - $2)) 'packets that arrived'
	equal 0 "$(port_stat 0 TX-errors)" 'errors'
}

# txonly PORT OPTION... - one queue
txonly() {
	local port=$1 before
	shift
	before=$(wire "$port")
	testpmd guest "$(mac "$port")" 1-2 --forward-mode=txonly "${FEW[@]}" "$@" <<-END
		start
		sleep 1
		stop
		$LAST_BURSTS
	END
	counted "$port" "$before"
}

# hold_up SECONDS PORT BEFORE - the adapter gets no CPU for a while, once there is traffic
hold_up() {
	local pid
	pid=$(<"$(lab_file mana0).pid")
	await traffic "$2" "$3"
	kill -STOP "$pid"
	sleep "$1"
	kill -CONT "$pid"
}

# traffic PORT BEFORE - has anything been sent?
traffic() {
	(($(adapter_counter mana0 "$1" wire_tx) > $2))
}

# held_up PORT - queues end while the adapter is held up
held_up() {
	local before
	before=$(wire "$1")
	hold_up 4 "$1" "$before" 3>&- &
	testpmd guest "$(mac "$1")" 1-3 --forward-mode=txonly "${FEW[@]}" --nb-cores=2 --rxq=4 --txq=4 <<-END
		start
		sleep 2
		stop
		port stop 0
	END
	wait $!
	queue_stat TX-packets
	equal "$(queue_stat TX-packets | sum)" $(($(wire "$1") - before)) 'packets that arrived'
}

# rxonly PORT COUNT OPTION... - receive every packet of a generator
rxonly() {
	local port=$1 count=$2
	shift 2
	testpmd guest "$(mac "$port")" 1-2 --forward-mode=rxonly "${FEW[@]}" "$@" <<-END
		start
		until RX-packets:.$count show port stats 0
		stop
		show port stats 0
	END
	equal "$count" "$(port_stat 0 RX-packets)" 'packets received'
	equal 0 "$(port_stat 0 RX-errors)" 'errors'
	equal "$count" "$(adapter_counter mana0 "$port" rx_packets)" 'packets of the adapter'
	equal "$(port_stat 0 RX-bytes)" "$(adapter_counter mana0 "$port" rx_bytes)" 'bytes of the adapter'
	equal 0 "$(adapter_counter mana0 "$port" rx_dropped)" 'packets dropped'
}

# io FROM TO COUNT
io() {
	forward io "$1" "$2" "$3" "${FEW[@]}" </dev/null
	equal "$3" "$(adapter_counter mana0 "$2" wire_tx)" 'packets that arrived'
	packets same "$(capture "$1")" "$(capture "$2")"
}

# swap FROM TO COUNT MODE - macswap or 5tswap: nothing but what is exchanged has changed
swap() {
	forward "$4" "$1" "$2" "$3" "${FEW[@]}" </dev/null
	equal "$3" "$(adapter_counter mana0 "$2" wire_tx)" 'packets that arrived'
	packets same --swapped "$4" "$(capture "$1")" "$(capture "$2")"
	packets sound "$(capture "$2")"
}

# checksums FROM TO COUNT OPTION... <COMMANDS - what arrives with wrong ones leaves with correct
# ones
checksums() {
	local from=$1 to=$2 count=$3
	shift 3
	forward csum "$from" "$to" "$count" --disable-device-start "$@" <<-END
		csum set ip hw 1
		csum set udp hw 1
		csum set tcp hw 1
		port start all
		$(cat)
	END
	equal "$count" "$(adapter_counter mana0 "$to" tx_csum)" 'packets with checksum offload'
	packets same "$(capture "$from")" "$(capture "$to")" --but-addresses --but-checksums
	packets sound "$(capture "$to")"
}

# csum FROM TO - 3,000 packets in which each checksum is wrong; half of them are IPv4
csum() {
	checksums "$1" "$2" 3000 --enable-rx-cksum "${FEW[@]}" </dev/null
	equal 1500 "$(forward_stat 0 Bad-ipcsum)" 'IPv4 checksums found wrong'
	equal 3000 "$(forward_stat 0 Bad-l4csum)" 'TCP and UDP checksums found wrong'
}

# pieces FROM TO - 400 packets of up to 9,014 bytes, sent in several segments
pieces() {
	checksums "$1" "$2" 400 --max-pkt-len=9014 --total-num-mbufs=2048 --mbuf-size=9216 \
		--tx-offloads=0x8000 --txd=128 --rxd=128 <<-END
		set txpkts 1000,2000,3000,1500,514,1000
		set txsplit on
	END
}

# six_pieces PORT OPTION... - as fast as they go. There are exactly six: no mbuf has room for two
six_pieces() {
	local port=$1 sent
	shift
	testpmd guest "$(mac "$port")" 1-2 --forward-mode=txonly --max-pkt-len=9014 --tx-offloads=0x8000 \
		"${FEW[@]}" "$@" <<-END
		set txpkts 1500,1500,1500,1500,1500,1514
		start
		sleep 0.1
		stop
		$LAST_BURSTS
	END
	grep -F 'packet len=9014 - nb packet segments=6' "$(testpmd_output)"
	sent=$(($(port_stat 0 TX-packets) + UNCOUNTED))
	equal $sent "$(adapter_counter mana0 "$port" wire_tx)" 'packets that arrived'
	equal "$sent packets, $((sent * 9014)) bytes" \
		"$(packets sound --any-udp "$(capture "$port")")" 'what arrived'
}

# odd_splits PORT [SEGMENTS] - segments of a byte, many of them, and small ones after large ones
#
# SEGMENTS: the most that the driver accepts. Not for net_mana: after packets of 8 to 15 segments,
# what
# it has not counted at the end is less than UNCOUNTED. It drops packets of more segments, each with
# a message, which is more than an emulated terminal can show in time.
odd_splits() {
	local before split splits=("43,1" "64,1000" "100,33,7,900,1,2,3")
	(($# < 2)) || splits+=("42$(printf ',1%.0s' $(seq 2 "$2"))")
	before=$(wire "$1")
	testpmd guest "$(mac "$1")" 1-2 --forward-mode=txonly --tx-offloads=0x8000 "${FEW[@]}" <<-END
		$(printf 'set txpkts %s\nstart\nsleep 0.2\nstop\n' "${splits[@]}")
		$LAST_BURSTS
	END
	for split in "${splits[@]}"; do
		grep -E "packet len=$((${split//,/+})) - nb packet segments=$(tr , '\n' <<<"$split" | wc -l)\$" \
			"$(testpmd_output)"
	done
	counted "$1" "$before"
}

# link_up PORT - when testpmd waits for packets
link_up() {
	await grep -qx 'waiting for packets' "$(lab_file guest).out"
	adapter_control mana0 link "$1" up
}

# rss PORT - 700 packets arrive on the queue, and with the hash, that the key gives
rss() {
	local hashes
	# A key can be set only on a port that was started before and is stopped: until
	# then no packet must arrive.
	adapter_control mana0 link "$1" down
	link_up "$1" 3>&- &
	testpmd guest "$(mac "$1")" 0-2 --forward-mode=rxonly --nb-cores=2 --rxq=4 --txq=4 "${FEW[@]}" <<-END
		port stop 0
		port config 0 rss-hash-key ipv4-udp $KEY
		port start 0
		set verbose 1
		start
		say waiting for packets
		await 700 - dst=
		stop
	END
	wait $!
	queue_stat RX-packets
	equal "$(packets queues "$(capture "$1")" $KEY 4)" "$(queue_stat RX-packets)" 'queues'
	hashes=$(grep -o 'RSS hash=0x[0-9a-f]*' "$(testpmd_output)" | sed 's/.*=0x/0000000/; s/.*\(.\{8\}\)/\1/')
	equal "$(packets hashes "$(capture "$1")" $KEY | sort)" "$(sort <<<"$hashes")" 'hashes'
}

# vlan_kept FROM TO - a tag that is not stripped, in 1,000 packets
vlan_kept() {
	io "$1" "$2" 1000
	equal 0 "$(adapter_counter mana0 "$2" tx_vlan)" 'tags put in by the adapter'
}

# vlan_changed FROM TO - tags are stripped from 1,000 packets, and others are inserted
vlan_changed() {
	forward macswap "$1" "$2" 1000 --disable-device-start --rx-offloads=0x1 "${FEW[@]}" <<-END
		tx_vlan set 1 77
		port start all
	END
	equal 1000 "$(adapter_counter mana0 "$2" tx_vlan)" 'tags put in by the adapter'
	packets same --strip --insert 77 --swapped macswap "$(capture "$1")" "$(capture "$2")"
}

# many_queues IN OUT COUNT - each of them receives, and each of them sends
many_queues() {
	local before
	testpmd guest "$(mac "$1")" 1-2 --forward-mode=rxonly --rxq="$3" --txq="$3" --txd=128 --rxd=128 \
		--total-num-mbufs=32768 <<-END
		start
		sleep 2
		stop
	END
	equal "$3" "$(queue_stat RX-packets | awk '$2 > 0' | wc -l)" 'queues that received'
	before=$(wire "$2")
	testpmd guest "$(mac "$2")" 1-2 --forward-mode=txonly --rxq="$3" --txq="$3" --txd=128 --rxd=128 \
		--total-num-mbufs=32768 <<-END
		start
		sleep 2
		stop
		port stop 0
	END
	equal "$3" "$(queue_stat TX-packets | awk '$2 > 0' | wc -l)" 'queues that sent'
	equal "$(queue_stat TX-packets | sum)" $(($(wire "$2") - before)) 'packets that arrived'
}

# killed PORT - testpmd sends back what a generator sends, and is killed meanwhile
killed() {
	local before
	before=$(adapter_counter mana0 "$1" wire_tx)
	in_guest guest "timeout -s KILL $PATIENCE bash /mnt/share/guide.bash $(mac "$1") 'Tx-pps: *[1-9]' 1 KILL \
		<<<'dpdk-testpmd -l 1-3 --vdev=\"\$BUS_INFO,mac=\$MANA_MAC\" -- \
		--auto-start --forward-mode=macswap ${FEW[*]} --rxq=2 --txq=2 --nb-cores=2 --stats 1'" ||
		(($? == 137)) || return 1
	(($(adapter_counter mana0 "$1" wire_tx) > before + 10000)) || fail 'there was no traffic'
	await no_queues "$1" || fail 'queues were left behind'
}

no_queues() {
	(($(adapter_counter mana0 "$1" queues) == 0))
}

# ticks - CPU time of the adapter, in hundredths of a second
ticks() {
	awk '{ print $14 + $15 }' "/proc/$(<"$(lab_file mana0).pid")/stat"
}

# killed_again PORT - nothing leaks, the adapter is idle afterwards, and the next testpmd works
killed_again() {
	local memory resources before
	killed "$1"
	memory=$(adapter_memory mana0)
	resources=$(adapter_resources mana0)
	killed "$1"
	killed "$1"
	killed "$1"
	equal "$resources" "$(adapter_resources mana0)" 'what the adapter holds'
	echo "$memory kB before, $(adapter_memory mana0) kB after"
	(($(adapter_memory mana0) <= memory + 256))

	before=$(ticks)
	sleep 1
	echo "$(($(ticks) - before)) hundredths of a second of CPU time in one, with nobody there"
	(($(ticks) - before <= 5))

	testpmd guest "$(mac "$1")" 1-2 --forward-mode=macswap "${FEW[@]}" <<-END
		start
		until RX-packets:.[0-9]{5} show port stats 0
		stop
		show port stats 0
	END
	(($(port_stat 0 TX-packets) > 1000))
	equal 0 "$(port_stat 0 TX-errors)" 'errors'
}
