#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# This project's poll-mode driver where the kernel has the adapter: testpmd as Debian ships it,
# mana.ko, mana_ib.ko and libmana as well. What dpdk.bats and dpdk-offload.bats ask of net_mana.
#
# In the guest a dpdk-testpmd comes first that adds "-d" and the driver, and is Debian's else.

load dpdk

MAC=00:0d:3a:76:3d
PLUGIN=/root/pmd/librte_net_manakin.so # DPDK takes none from where everybody may write
KEY=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627
IP=udp4,tcp4,udp6,tcp6
PORTS=(sink+verify sink+verify generator:count=100000,proto=mixed
	pcap+replay=@/in.pcap pcap:@/out.pcap generator
	pcap+replay=@/wrong.pcap pcap:@/right.pcap pcap+replay=@/flows.pcap
	pcap+replay=@/large.pcap,mtu=9000 pcap:@/pieces.pcap,mtu=9000
	pcap+replay=@/tagged.pcap pcap:@/other-tag.pcap
	generator:size=9014,count=2000,mtu=9000 generator:rate=100 loop)

setup_file() {
	local dir=$BATS_FILE_TMPDIR port arguments=()
	[[ -f ${PMD:?} ]] || {
		echo "There is no $PMD: scripts/pmd-for-suite.sh trixie ${PMD%/*}" >&2
		return 1
	}
	packets make "$dir/in.pcap" --mac $MAC:d3 --count 5000
	packets make "$dir/wrong.pcap" --mac $MAC:d6 --count 3000 --kinds $IP --wrong
	packets make "$dir/flows.pcap" --mac $MAC:d8 --count 700
	packets make "$dir/large.pcap" --mac $MAC:d9 --count 400 --kinds $IP --sizes 4000 9014 --wrong
	packets make "$dir/tagged.pcap" --mac $MAC:db --count 1000 --kinds $IP,arp --vlan 1,5,100,4094
	for port in "${!PORTS[@]}"; do
		arguments+=(--port "mac=$MAC:d$(printf %x "$port"),fabric=${PORTS[port]//@/$dir}")
	done
	adapter_start mana0 "${arguments[@]}"
	dpdk_start guest --cpus 7 --memory 4G --attach "$(adapter_socket mana0)"
	cp "$PMD" "${PMD%/*}/tests/native/waiter" "$dir/guest.share"
	dpdk_ready guest
	guest guest "mkdir -p ${PLUGIN%/*} && cp /mnt/share/librte_net_manakin.so $PLUGIN &&
		printf '#!/bin/sh\nexec /usr/bin/dpdk-testpmd -d $PLUGIN \"\$@\"\n' \
			>/usr/local/bin/dpdk-testpmd && chmod +x /usr/local/bin/dpdk-testpmd"
	# The first one reads all of DPDK from the disk, which on a busy machine takes its time.
	COMMAND_TIMEOUT=120 guest guest 'echo quit | /usr/bin/dpdk-testpmd -l 1-2 --no-telemetry \
		--no-huge -m 64 --no-pci -- -i --total-num-mbufs=2048'
}

teardown_file() {
	lab_stop
}

# wire PORT - frames that arrived at the fabric, all of them good
wire() {
	equal 0 "$(adapter_counter mana0 "$1" wire_bad)" 'frames that do not decode' || return
	adapter_counter mana0 "$1" wire_tx
}

# said TEXT - testpmd's output has it
said() {
	grep -qF -e "$1" "$(testpmd_output)" || fail "testpmd has not said: $1"
}

@test "the driver that is named with -d takes the adapter, and net_mana without it" {
	testpmd guest $MAC:d0 1-2 "${FEW[@]}" <<<"show port info 0"
	said 'Driver name: net_manakin'
	guest guest 'mv /usr/local/bin/dpdk-testpmd /usr/local/bin/ours'
	testpmd guest $MAC:d0 1-2 "${FEW[@]}" <<<"show port info 0"
	guest guest 'mv /usr/local/bin/ours /usr/local/bin/dpdk-testpmd'
	said 'Driver name: net_mana'
}

@test "the interface left up: the port does not start, and says what to do" {
	guest guest 'ip link set eth0 up'
	testpmd guest $MAC:d0 1-2 --disable-device-start "${FEW[@]}" <<<"port start 0"
	said "belongs to the kernel's interface eth0, which is up; run: ip link set eth0 down"
	guest guest 'ip link set eth0 down'
}

@test "an address that no port has: it says which there are" {
	in_guest guest "echo quit | dpdk-testpmd -l 1-2 --no-telemetry \
		--vdev=0000:00:10.0,mac=00:00:00:00:00:01 -- -i ${FEW[*]}"
	said "no port of the adapter at 0000:00:10.0 has the address 00:00:00:00:00:01; it has $MAC:d0"
}

@test "the guide's single queue command: what testpmd sends arrives, to the packet" {
	local before
	before=$(wire 0) # the kernel's, when its interface was up
	guide guest 1 $MAC:d0 'Tx-pps: *[1-9]' 2
	echo "$(forward_stat 0 TX-packets) packets"
	(($(forward_stat 0 TX-packets) > 1000))
	equal "$(forward_stat 0 TX-packets)" $(($(wire 0) - before)) 'packets that arrived'
}

@test "the guide's multiple queue command: what testpmd sends arrives, to the packet" {
	guide guest 2 $MAC:d1 'Tx-pps: *[1-9]' 2
	queue_stat TX-packets
	equal 8 "$(queue_stat TX-packets | awk '$2 > 0' | wc -l)" 'queues that sent'
	equal "$(queue_stat TX-packets | awk '{ n += $2 } END { print n }')" "$(wire 1)" \
		'packets that arrived'
	equal "$(forward_stat 0 TX-packets)" "$(wire 1)" 'packets that arrived'
}

@test "rxonly: all that the generator makes is received" {
	testpmd guest $MAC:d2 1-2 --forward-mode=rxonly "${FEW[@]}" <<-END
		start
		until RX-packets:.100000 show port stats 0
		stop
		show port stats 0
	END
	equal 100000 "$(port_stat 0 RX-packets)" 'packets received'
	equal 0 "$(port_stat 0 RX-errors)" 'errors'
	equal "$(port_stat 0 RX-bytes)" "$(adapter_counter mana0 2 rx_bytes)" 'bytes of the adapter'
}

@test "io between two vPorts: packets leave as they came, byte for byte" {
	testpmd guest $MAC:d3,$MAC:d4 1-2 --forward-mode=io "${FEW[@]}" <<-END
		$RETRY
		set fwd io retry
		start
		until RX-packets:.5000 show port stats 0
		stop
	END
	equal 5000 "$(adapter_counter mana0 4 wire_tx)" 'packets that arrived'
	packets same "$(lab_file in.pcap)" "$(lab_file out.pcap)"
}

@test "csum: checksums received are judged, those sent are made" {
	testpmd guest $MAC:d6,$MAC:d7 1-2 --forward-mode=csum --disable-device-start \
		--enable-rx-cksum "${FEW[@]}" <<-END
		csum set ip hw 1
		csum set udp hw 1
		csum set tcp hw 1
		port start all
		$RETRY
		set fwd csum retry
		start
		until RX-packets:.3000 show port stats 0
		stop
	END
	equal 1500 "$(forward_stat 0 Bad-ipcsum)" 'IPv4 checksums found wrong'
	equal 3000 "$(forward_stat 0 Bad-l4csum)" 'TCP and UDP checksums found wrong'
	equal 3000 "$(adapter_counter mana0 7 tx_csum)" 'packets with checksum offload'
	packets same "$(lab_file wrong.pcap)" "$(lab_file right.pcap)" --but-addresses --but-checksums
	packets sound "$(lab_file right.pcap)"
}

# link_up - when testpmd waits for packets
link_up() {
	await 60 grep -qx 'waiting for packets' "$(lab_file guest).out"
	adapter_control mana0 link 8 up
}

@test "RSS: each packet comes to the queue, and with the hash, that the key says" {
	local hashes
	adapter_control mana0 link 8 down
	link_up 3>&- &
	testpmd guest $MAC:d8 0-2 --forward-mode=rxonly --nb-cores=2 --rxq=4 --txq=4 "${FEW[@]}" <<-END
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
	equal "$(packets queues "$(lab_file flows.pcap)" $KEY 4)" "$(queue_stat RX-packets)" 'queues'
	hashes=$(grep -o 'RSS hash=0x[0-9a-f]*' "$(testpmd_output)" | sed 's/.*=0x/0000000/; s/.*\(.\{8\}\)/\1/')
	equal "$(packets hashes "$(lab_file flows.pcap)" $KEY | sort)" "$(sort <<<"$hashes")" 'hashes'
}

@test "RSS: what the kernel's driver cannot do is said, and the port goes on" {
	testpmd guest $MAC:d5 1-2 --disable-device-start --rxq=3 --txq=3 "${FEW[@]}" <<<"port start 0"
	said 'takes RSS tables of 1, 2, 4, 8... queues in turn only'
	testpmd guest $MAC:d5 1-2 --forward-mode=rxonly --rxq=2 --txq=2 "${FEW[@]}" <<-END
		start
		port config 0 rss-hash-key ipv4-udp $KEY
		clear port stats 0
		until RX-packets:.[1-9] show port stats 0
		stop
	END
	said 'changes the RSS key and table of stopped ports only'
}

@test "packets of up to 9,014 bytes in several pieces, with checksum offload" {
	testpmd guest $MAC:d9,$MAC:da 1-2 --forward-mode=csum --disable-device-start \
		--max-pkt-len=9014 --total-num-mbufs=2048 --mbuf-size=9216 --tx-offloads=0x8000 \
		--txd=128 --rxd=128 <<-END
		csum set ip hw 1
		csum set udp hw 1
		csum set tcp hw 1
		port start all
		set txpkts 1000,2000,3000,1500,514,1000
		set txsplit on
		$RETRY
		set fwd csum retry
		start
		until RX-packets:.400 show port stats 0
		stop
	END
	equal 400 "$(adapter_counter mana0 10 tx_csum)" 'packets with checksum offload'
	packets same "$(lab_file large.pcap)" "$(lab_file pieces.pcap)" --but-addresses --but-checksums
	packets sound "$(lab_file pieces.pcap)"
}

@test "9,014 bytes in several receive buffers" {
	testpmd guest $MAC:dd 1-2 --forward-mode=rxonly --max-pkt-len=9014 --rx-offloads=0x2000 \
		"${FEW[@]}" <<-END
		start
		until RX-packets:.2000 show port stats 0
		stop
		show port stats 0
	END
	equal 2000 "$(port_stat 0 RX-packets)" 'packets received'
	equal $((2000 * 9014)) "$(port_stat 0 RX-bytes)" 'bytes'
}

@test "VLAN: tags are taken off, and another one is put in" {
	testpmd guest $MAC:db,$MAC:dc 1-2 --forward-mode=macswap --disable-device-start \
		--rx-offloads=0x1 "${FEW[@]}" <<-END
		tx_vlan set 1 77
		port start all
		$RETRY
		set fwd macswap retry
		start
		until RX-packets:.1000 show port stats 0
		stop
	END
	equal 1000 "$(adapter_counter mana0 12 tx_vlan)" 'tags put in by the adapter'
	packets same --strip --insert 77 --but-addresses \
		"$(lab_file tagged.pcap)" "$(lab_file other-tag.pcap)"
}

@test "memory that the application has brought: all that is sent from there arrives" {
	local before
	before=$(wire 0)
	testpmd guest $MAC:d0 1-2 --mp-alloc=xmem --forward-mode=txonly "${FEW[@]}" <<-END
		start
		sleep 1
		stop
	END
	(($(forward_stat 0 TX-packets) > 1000))
	equal "$(forward_stat 0 TX-packets)" $(($(wire 0) - before)) 'packets that arrived'
}

# waiter MILLISECONDS MAC - see tests/native/waiter.c
waiter() {
	in_guest guest "/mnt/share/waiter -d $PLUGIN -l 1 --no-telemetry \
		--vdev=0000:00:10.0,mac=$2 -- $1"
}

# value NAME - what the waiter says
value() {
	sed -n "s/^$1 //p" "$(testpmd_output)"
}

@test "receive interrupts: packets wake the application, else it sleeps" {
	waiter 2000 $MAC:de
	cat "$(testpmd_output)"
	(($(value packets) >= 50)) || fail "$(value packets) packets in 2 s, not 200"
	(($(value wakes) >= 25)) || fail "woken $(value wakes) times"
	waiter 2000 $MAC:d0
	equal 0 "$(value packets)" 'packets where none come'
	equal 0 "$(value wakes)" 'wake-ups without a packet'
}

@test "a secondary process sends and receives" {
	in_guest guest "
		common='--no-telemetry --vdev=0000:00:10.0,mac=$MAC:df'
		options='--rxq=2 --txq=2 --num-procs=2 ${FEW[*]}'
		mkfifo /tmp/primary
		dpdk-testpmd -l 1-2 --proc-type=primary \$common -- -i \$options --proc-id=0 \
			</tmp/primary >/tmp/primary.out 2>&1 &
		exec 9>/tmp/primary
		until grep -q 'testpmd>' /tmp/primary.out; do
			sleep 0.1
		done
		timeout -s INT 8 dpdk-testpmd -l 3-4 --proc-type=secondary \$common -- \$options \
			--proc-id=1 --forward-mode=io --tx-first --auto-start --stats 1
		echo quit >&9
		wait \$!
		rm /tmp/primary"
	echo "$(forward_stat 0 RX-packets) received, $(forward_stat 0 TX-packets) sent"
	(($(forward_stat 0 TX-packets) > 1000))
	(($(forward_stat 0 RX-packets) > 1000))
}

no_queues() {
	(($(adapter_counter mana0 5 queues) == 0))
}

# killed - testpmd sends back what the generator makes, and is killed in the middle of it
killed() {
	local before
	before=$(adapter_counter mana0 5 wire_tx)
	in_guest guest "timeout -s KILL 60 bash /mnt/share/guide.bash $MAC:d5 'Tx-pps: *[1-9]' 1 KILL \
		<<<'dpdk-testpmd -l 1-3 --vdev=\"\$BUS_INFO,mac=\$MANA_MAC\" -- \
		--auto-start --forward-mode=macswap ${FEW[*]} --rxq=2 --txq=2 --nb-cores=2 --stats 1'" ||
		(($? == 137)) || return 1
	(($(adapter_counter mana0 5 wire_tx) > before + 10000)) || fail 'there was no traffic'
	await 10 no_queues || fail 'queues were left behind'
}

@test "killed in full traffic, again and again: the adapter keeps nothing of it" {
	local resources
	killed
	resources=$(adapter_resources mana0)
	killed
	killed
	equal "$resources" "$(adapter_resources mana0)" 'what the adapter holds'
}

@test "neither the adapter nor the guest's kernel has anything to complain about" {
	adapter_content mana0
	guest_content guest
}

# The last one: a doorbell that comes after its queue has gone is noticed by the adapter.
@test "the kernel's driver goes away in full traffic: the application is told, and ends well" {
	local before
	before=$(adapter_counter mana0 5 wire_tx)
	in_guest guest "
		mkfifo /tmp/in
		dpdk-testpmd -l 1-2 --no-telemetry --vdev=0000:00:10.0,mac=$MAC:d5 -- \
			-i --forward-mode=macswap ${FEW[*]} </tmp/in >/tmp/out 2>&1 &
		exec 9>/tmp/in
		until grep -q 'testpmd>' /tmp/out; do
			sleep 0.1
		done
		echo start >&9
		sleep 2
		echo 0000:00:10.0 >/sys/bus/pci/drivers/mana/unbind
		until grep -q 'device removal event' /tmp/out; do
			sleep 0.1
		done
		echo stop >&9
		echo quit >&9
		wait \$!
		status=\$?
		cat /tmp/out
		echo 0000:00:10.0 >/sys/bus/pci/drivers/mana/bind
		exit \$status"
	said 'Port 0: link state change event'
	said 'Bye...'
	(($(adapter_counter mana0 5 wire_tx) > before)) || fail 'there was no traffic'
	# And the driver that comes after that is used as before.
	testpmd guest $MAC:d5 1-2 --forward-mode=macswap "${FEW[@]}" <<-END
		start
		until RX-packets:.[1-9] show port stats 0
		stop
	END
}
