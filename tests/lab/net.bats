#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The kernel's networking over an adapter. One guest; its eth0 is on a tap that accepts
# large sends and partial checksums, with an MTU of up to 9000, its eth1 on one that
# accepts neither, so that the adapter has to finish them itself.

load common

MAC0=00:0d:3a:76:3b:d0
MAC1=00:0d:3a:76:3b:d1
HOST0=192.0.2.1 GUEST0=192.0.2.2 HOST0_6=2001:db8::1 GUEST0_6=2001:db8::2
HOST1=198.51.100.1 GUEST1=198.51.100.2 HOST1_6=2001:db8:1::1 GUEST1_6=2001:db8:1::2
BLOB_BYTES=$((256 << 20))

setup_file() {
	adapter_start mana0 --port "mac=$MAC0,mtu=9000,fabric=tap:lab0" \
		--port "mac=$MAC1,fabric=tap:lab1+offload=off"
	guest_start guest --attach "$(adapter_socket mana0)"
	interface_up lo 65536
	interface_up lab0 1500 $HOST0/24 $HOST0_6/64
	interface_up lab1 1500 $HOST1/24 $HOST1_6/64
	guest_ready guest
	guest_interface guest eth0 1500 $GUEST0/24 $GUEST0_6/64
	guest_interface guest eth1 1500 $GUEST1/24 $GUEST1_6/64
}

teardown_file() {
	lab_stop
}

# set_mtu MTU - both ends of eth0's tap, up as they are
set_mtu() {
	ip link set lab0 mtu "$1"
	guest guest "ip link set eth0 mtu $1"
	await ping -c 1 -w 1 $GUEST0
}

WAIT=20 # seconds for an answer

# one_by_one PAYLOAD ADDRESS - send 1,000 pings, each after the answer to the previous one; prints
# how many were answered
#
# A guest's kernel has socket memory for few answers (57 of 1500 bytes, 7 of 9000) that are sent and
# not yet completed. A guest whose CPUs have to wait would drop some. WAIT is long enough for a
# machine that leaves a guest without a CPU for some time.
one_by_one() {
	local i
	for ((i = 0; i < 1000; i++)); do
		ping -q -c 1 -W $WAIT -s "$1" -M "do" "$2" || :
	done | grep -c ' 1 received'
}

# pings_both_ways MTU - 1,000 each way, over IPv4 and IPv6, all at once: is none lost?
pings_both_ways() {
	local out before
	local -a ping=(ping -q -c 1000 -i 0.005 -W "$WAIT" -M "do")
	out=$(lab_file pings)
	before=$(answers guest)
	guest guest "${ping[*]} -s $(($1 - 28)) $HOST0 & ${ping[*]} -s $(($1 - 48)) $HOST0_6; wait" \
		>"$out" 3>&- &
	one_by_one $(($1 - 48)) $GUEST0_6 >"$out.6" 3>&- &
	one_by_one $(($1 - 28)) $GUEST0 >"$out.4"
	wait
	cat "$out"
	equal '1000 1000' "$(<"$out.4") $(<"$out.6")" 'answers of the guest over IPv4 and IPv6' ||
		fail "$(counters guest mana0)"
	equal 2 "$(grep -c '^1000 packets transmitted' "$out")" 'runs that have sent all'
	all_answered "$before" 1000 1000 guest || fail "$(counters guest mana0)"
}

# sum STATISTICS PATTERN - add up those counters of ethtool -S whose whole name matches
sum() {
	awk -F '[ :]+' -v pattern="^$2\$" '$2 ~ pattern { n += $3 } END { print n + 0 }' <<<"$1"
}

# quiet - has nothing crossed port 0 for half a second?
quiet() {
	local before
	before=$(adapter_counter mana0 0 rx_packets)/$(adapter_counter mana0 0 tx_packets)
	sleep 0.5
	[[ $before == $(adapter_counter mana0 0 rx_packets)/$(adapter_counter mana0 0 tx_packets) ]]
}

# connections - of TCP, that may still send something without being asked; in the guest, or here
CONNECTIONS="ss -Htan | grep -vE '^(LISTEN|TIME-WAIT)'"

no_connections() {
	! eval "$CONNECTIONS" && guest guest "! { $CONNECTIONS; }"
}

# neighbours - let only the test's packets pass: each end gets a permanent entry for the other's
# address, and what an earlier test left (a server that closes its connections late) is over
neighbours() {
	local host address
	host=$(</sys/class/net/lab0/address)
	for address in $GUEST0 $GUEST0_6; do
		ip neigh replace "$address" lladdr $MAC0 dev lab0 nud permanent
	done
	for address in $HOST0 $HOST0_6; do
		guest guest "ip neigh replace $address lladdr $host dev eth0 nud permanent"
	done
	# A guest may get no CPU for longer than half a second, and then send again what was not acknowledged.
	await no_connections
	await quiet
}

# by_queue - packets that each of eth0's receive queues has received
by_queue() {
	guest guest 'ethtool -S eth0' | awk -F '[ :]+' '$2 ~ /^rx_[0-9]+_packets$/ { print $2, $3 }'
}

# steered PROTOCOL SOURCE DESTINATION - do flows land on the right queues?
#
# A flow on a wrong queue is missing on the right one. A few packets more are the
# kernels' own, such as neighbour discovery.
steered() {
	local rss before wanted
	rss=$(lab_file rss)
	guest guest 'ethtool -x eth0' >"$rss"
	before=$(by_queue)
	wanted=$(python3 "$LAB_TESTS/flows.py" --rss "$rss" "$@")
	await landed "$before" "$(awk '{ n += $2 } END { print n }' <<<"$wanted")"
	awk 'NR == FNR { wanted[$1] = $2; next }
		$2 < wanted[$1] { missing += wanted[$1] - $2 }
		$2 > wanted[$1] { more += $2 - wanted[$1] }
		END { exit missing > 0 || more > 5 }' <(echo "$wanted") <(since "$before") ||
		fail "$*: wanted by queue:" "$wanted" "got:" "$(since "$before")"
}

# since BEFORE - packets that each queue received since by_queue printed BEFORE
since() {
	paste -d ' ' <(by_queue) - <<<"$1" | awk '{ sub("_packets", "", $1); print $1, $2 - $4 }'
}

# landed BEFORE COUNT - have COUNT packets arrived, on whichever queues?
landed() {
	(($(since "$1" | awk '{ n += $2 } END { print n }') >= $2))
}

@test "the guide's script finds MANA" {
	equal 'MANA device is available.' \
		"$(guest guest "$(<"$LAB_TESTS/fixtures/check-for-mana.sh")")" 'the script'
}

@test "ethtool -i names mana and the bus address" {
	local info bus
	info=$(guest guest 'ethtool -i eth0')
	bus=$(guest guest "lspci -D -d 1414:00ba:0200 | cut -d' ' -f1")
	grep -x 'driver: mana' <<<"$info"
	grep -x 'bus-info: [0-9a-f]\{4\}:[0-9a-f]\{2\}:[0-9a-f]\{2\}\.0' <<<"$info"
	grep -x "bus-info: $bus" <<<"$info"
}

@test "each vPort is an interface with its MAC address" {
	equal $MAC0 "$(guest guest 'cat /sys/class/net/eth0/address')" eth0
	equal $MAC1 "$(guest guest 'cat /sys/class/net/eth1/address')" eth1
	equal 2 "$(guest guest 'ls -d /sys/bus/pci/drivers/mana/*:*/net/* | wc -l')" 'interfaces'
}

@test "ibv_devinfo shows the device, its ports active, link layer Ethernet" {
	local info
	info=$(guest guest ibv_devinfo)
	grep -E 'hca_id:[[:space:]]+mana_0' <<<"$info"
	equal 2 "$(grep -c -E 'state:[[:space:]]+PORT_ACTIVE' <<<"$info")" 'active ports'
	equal 2 "$(grep -c -E 'link_layer:[[:space:]]+Ethernet' <<<"$info")" 'Ethernet ports'
}

@test "1,000 pings each way, IPv4 and IPv6, MTU 1500: none lost" {
	pings_both_ways 1500
}

@test "1,000 pings each way, IPv4 and IPv6, MTU 9000: none lost" {
	set_mtu 9000
	# One CPU of the guest does everything, so none is late in seeing completions.
	guest guest 'ethtool -L eth0 combined 1'
	pings_both_ways 9000
	guest guest 'ethtool -L eth0 combined 4'
	set_mtu 1500
}

@test "256 MB over TCP to the guest arrive whole" {
	local blob
	blob=$(lab_file blob)
	head -c $BLOB_BYTES /dev/urandom >"$blob"
	guest guest 'socat -u TCP-LISTEN:9,reuseaddr CREATE:/dev/shm/blob && sha256sum </dev/shm/blob' \
		>"$blob.got" 3>&- &
	timeout "$PATIENCE" socat -u "FILE:$blob" "TCP:$GUEST0:9,retry=50,interval=0.1"
	wait $!
	equal "$(sha256sum <"$blob")" "$(<"$blob.got")" 'the checksum'
}

@test "256 MB over TCP from the guest arrive whole, with TSO and checksum offload" {
	local blob tso csum packets
	blob=$(lab_file blob)
	guest guest 'ethtool -k eth0' | grep -x 'tcp-segmentation-offload: on'
	guest guest 'ethtool -k eth0' | grep -x 'tx-checksumming: on'
	tso=$(adapter_counter mana0 0 tx_tso)
	csum=$(adapter_counter mana0 0 tx_csum)
	packets=$(adapter_counter mana0 0 tx_packets)
	timeout "$PATIENCE" socat -u TCP-LISTEN:9,reuseaddr STDOUT 3>&- >"$blob.back" &
	guest guest "socat -u FILE:/dev/shm/blob TCP:$HOST0:9,retry=50,interval=0.1; rm /dev/shm/blob"
	wait $!
	cmp "$blob" "$blob.back"
	tso=$(($(adapter_counter mana0 0 tx_tso) - tso))
	csum=$(($(adapter_counter mana0 0 tx_csum) - csum))
	packets=$(($(adapter_counter mana0 0 tx_packets) - packets))
	echo "$packets frames, $tso large, $csum with checksum offload"
	((tso >= BLOB_BYTES / 65536 && csum >= tso))
	# Without TSO it would have been a frame per segment.
	((packets < BLOB_BYTES / 1448 / 4))
	rm "$blob" "$blob.back"
}

@test "iperf3 both ways with 4 streams ends cleanly" {
	local direction
	for direction in '' -R; do
		iperf guest $GUEST0 -P 4 -t 3 $direction --json >"$(lab_file iperf)"
		python3 - "$(lab_file iperf)" <<-'EOF'
			import json, sys
			result = json.load(open(sys.argv[1]))
			assert "error" not in result, result["error"]
			end = result["end"]
			assert len(end["streams"]) == 4, end
			for stream in end["streams"]:
			    assert stream["sender"]["bytes"] > 0 and stream["receiver"]["bytes"] > 0, stream
			print(f"{end['sum_received']['bits_per_second'] / 1e6:.0f} Mb/s")
		EOF
	done
}

@test "ethtool -S adds up: driver, adapter and what was sent agree" {
	local i statistics name before
	local -A count
	neighbours
	for i in 0 1; do
		statistics=$(guest guest 'ethtool -S eth0')
		count[$i.driver_rx]=$(sum "$statistics" 'rx_[0-9]+_packets')
		count[$i.driver_tx]=$(sum "$statistics" 'tx_[0-9]+_packets')
		count[$i.function_rx]=$(sum "$statistics" hc_rx_ucast_pkts)
		count[$i.function_tx]=$(sum "$statistics" hc_tx_ucast_pkts)
		count[$i.function_rx_bytes]=$(sum "$statistics" hc_rx_ucast_bytes)
		count[$i.function_tx_bytes]=$(sum "$statistics" hc_tx_ucast_bytes)
		count[$i.adapter_rx]=$(adapter_counter mana0 0 rx_packets)
		count[$i.adapter_tx]=$(adapter_counter mana0 0 tx_packets)
		if ((!i)); then
			before=$(answers)
			tcpdump -i lab0 --immediate-mode -U -w "$(lab_file sent.pcap)" 2>/dev/null 3>&- &
			await test -s "$(lab_file sent.pcap)"
			ping -q -c 50 -i 0.01 -s 58 $GUEST0
			all_answered "$before" 50 0
			kill $! && wait $!
		fi
	done
	for name in {driver,function,adapter}_{rx,tx}; do
		equal 50 $((count[1.$name] - count[0.$name])) "$name" ||
			fail "$(tcpdump -nn -e -r "$(lab_file sent.pcap)" 2>/dev/null)"
	done
	for name in function_{rx,tx}_bytes; do
		equal $((50 * 100)) $((count[1.$name] - count[0.$name])) "$name"
	done
	equal 0 "$(sum "$statistics" \
		'hc_tx_err.*|tx_cq_err|tx_cqe_unknown_type|rx_coalesced_err|rx_cqe_unknown_type')" 'errors'
}

@test "ethtool -x: flows land on the queues that the hash selects" {
	neighbours
	steered udp $HOST0 $GUEST0
	steered tcp $HOST0 $GUEST0
	steered udp $HOST0_6 $GUEST0_6
	steered tcp $HOST0_6 $GUEST0_6
}

@test "ethtool -X: the same with another key and table" {
	local key=de:ad:be:ef
	neighbours
	for byte in {1..36}; do
		key+=$(printf ':%02x' $((byte * 37 % 256)))
	done
	guest guest "ethtool -X eth0 hkey $key weight 1 0 5 2"
	guest guest 'ethtool -x eth0' | grep -x "$key"
	equal '0 2 3' "$(guest guest 'ethtool -x eth0' | grep -E '^ +[0-9]+:' | cut -d: -f2 | xargs -n 1 |
		sort -u | xargs)" 'queues in the table'
	steered udp $HOST0 $GUEST0
	steered tcp $HOST0_6 $GUEST0_6
	guest guest 'ethtool -X eth0 equal 3'
	steered tcp $HOST0 $GUEST0
	guest guest 'ethtool -X eth0 default'
}

@test "ethtool -l and -L: fewer queues and more again, traffic on each" {
	local n
	guest guest 'ethtool -l eth0' | grep -E -A 4 'maximums' | grep -E 'Combined:[[:space:]]+4'
	for n in 1 3 4; do
		guest guest "ethtool -L eth0 combined $n"
		guest guest 'ethtool -l eth0' | grep -A 4 'Current' | grep -E "Combined:[[:space:]]+$n"
		equal $n "$(adapter_counter mana0 0 queues)" "the adapter's queues"
		neighbours
		steered udp $HOST0 $GUEST0
	done
}

@test "ethtool -G: traffic flows with other ring sizes" {
	guest guest 'ethtool -G eth0 rx 128 tx 512'
	guest guest 'ethtool -g eth0' | grep -A 6 Current | grep -E 'RX:[[:space:]]+128'
	iperf guest $GUEST0 -P 4 -t 1
	iperf guest $GUEST0 -P 4 -t 1 -R
}

# right_on_the_wire FILE SENDER - are all of the SENDER's TCP segments in a capture of the
# size of a frame, and their checksums right? Reads the output of tcpdump
right_on_the_wire() {
	local good
	good=$(grep -c 'cksum 0x[0-9a-f]* (correct)' <<<"$1") || :
	((good > 1000)) || fail "only $good checksums of TCP were seen"
	run ! grep -m 5 -E 'incorrect|bad cksum' <<<"$1"
}

@test "a fabric without offloads gets whole frames with correct checksums" {
	local file tso from
	file=$(lab_file lab1.pcap)
	for from in $GUEST1 $GUEST1_6; do
		tso=$(adapter_counter mana0 1 tx_tso)
		tcpdump -i lab1 --immediate-mode -s 2000 -B 65536 -U -w "$file" "tcp and src host $from" 2>/dev/null 3>&- &
		await test -s "$file"
		iperf guest $from -n 4M -R
		kill $! && wait $!
		((tso < $(adapter_counter mana0 1 tx_tso))) || fail "no large send was seen"
		right_on_the_wire "$(tcpdump -nn -vv -r "$file" 2>/dev/null)"
		equal '' "$(tcpdump -nn -r "$file" 'greater 1515' 2>/dev/null)" 'frames beyond the MTU'
		rm "$file"
	done
}

@test "large sends of the fabric reach the guest as whole frames with correct checksums" {
	local to
	guest guest 'ethtool -K eth0 gro off'
	for to in $GUEST0 $GUEST0_6; do
		guest guest "rm -f /dev/shm/eth0.pcap
			tcpdump -i eth0 --immediate-mode -Z root -s 2000 -B 65536 -U -w /dev/shm/eth0.pcap 'tcp and dst host $to' &
			until [[ -s /dev/shm/eth0.pcap ]]; do sleep 0.1; done"
		iperf guest $to -n 4M
		right_on_the_wire "$(guest guest 'killall -w tcpdump
			tcpdump -nn -vv -r /dev/shm/eth0.pcap 2>/dev/null')"
		equal '' "$(guest guest "tcpdump -nn -r /dev/shm/eth0.pcap 'greater 1515' 2>/dev/null")" \
			'frames beyond the MTU'
	done
	guest guest 'ethtool -K eth0 gro on'
}

@test "VLAN: pings and TCP with large sends from eth0.7 to eth1.7, over both taps" {
	local tags tagged before before_far
	# Tagged frames cross a bridge between the taps; not every host has VLAN interfaces.
	ip link add bridge7 type bridge
	ip link set lab0 master bridge7
	ip link set lab1 master bridge7
	ip link set bridge7 addrgenmode none up
	guest guest 'ip netns add far && ip netns exec far ip link set lo up &&
		ip link add link eth0 name eth0.7 type vlan id 7 &&
		ip link add link eth1 name eth1.7 type vlan id 7 && ip link set eth1.7 netns far'
	guest_interface guest eth0.7 1500 203.0.113.1/24
	guest guest "$(declare -f interface_up)
		ip netns exec far bash -c '$(declare -f interface_up); interface_up eth1.7 1500 203.0.113.2/24'"
	tcpdump -i lab0 --immediate-mode -s 64 -U -w "$(lab_file vlan.pcap)" 'vlan 7' 2>/dev/null 3>&- &
	await guest guest 'ping -c 1 -W 1 203.0.113.2'
	before=$(answers guest) before_far=$(answers guest 'ip netns exec far')
	guest guest 'ping -q -A -c 500 -W 60 -s 1472 -M do 203.0.113.2; ip netns exec far ping -q -A -c 500 -W 60 203.0.113.1'
	all_answered "$before" 500 0 guest
	all_answered "$before_far" 500 0 guest 'ip netns exec far'
	kill $! && wait $!
	tagged=$(tcpdump -nn -r "$(lab_file vlan.pcap)" 'vlan 7 and icmp' 2>/dev/null | wc -l)
	((tagged >= 2000)) || fail "of 2000 frames on the tap, $tagged had a tag"
	tags=$(adapter_counter mana0 0 tx_vlan)
	guest guest 'listens() { until ip netns exec far ss -Hltn sport = :5201 | grep -q .; do sleep 0.05; done; }
		ip netns exec far iperf3 -s -1 -D
		listens
		iperf3 -c 203.0.113.2 -n 16M || exit
		ip netns exec far iperf3 -s -1 -D
		listens
		iperf3 -c 203.0.113.2 -n 16M -R'
	((tags < $(adapter_counter mana0 0 tx_vlan))) || fail "the adapter has put in no tag"
	guest guest 'ip netns exec far ip link del eth1.7; ip link del eth0.7; ip netns del far'
	ip link del bridge7
}

@test "neither the guest's kernel nor the adapter has reported a problem so far" {
	guest_content guest
	adapter_content mana0
}

@test "no traffic passes while the adapter's link is down; it resumes when the link is up" {
	local received errors
	await ping -c 1 -W 1 $GUEST0
	adapter_control mana0 link 0 down
	received=$(adapter_counter mana0 0 rx_packets)
	run ! ping -q -c 10 -i 0.05 -W 1 $GUEST0
	equal "$received" "$(adapter_counter mana0 0 rx_packets)" 'frames that the guest has got'
	errors=$(adapter_counter mana0 0 tx_errors)
	run ! guest guest "ping -q -c 10 -i 0.05 -W 1 $HOST0"
	((errors < $(adapter_counter mana0 0 tx_errors))) || fail "no send was refused"
	# The other port's link is still up.
	ping -c 1 -w 60 $GUEST1
	adapter_control mana0 link 0 up
	pings_both_ways 1500
}
