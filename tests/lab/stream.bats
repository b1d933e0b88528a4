#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Stream sockets against those who speak them: passt, through which a guest reaches a server on this
# machine's loopback, and the virtio card of another guest.

load common

MAC_WORLD=00:0d:3a:00:00:51 MAC_CABLE=00:0d:3a:00:00:52
WORLD=10.1.1.2 GATEWAY=10.1.1.1
HERE=192.0.2.51 THERE=192.0.2.52
BLOB_BYTES=$((16 << 20))

setup_file() {
	local machine='--cpus 2 --memory 1G'
	OPEN=$(mktemp -d /tmp/lab-stream-XXXXXX) # passt gives up root before it makes its socket
	export OPEN
	chmod 777 "$OPEN"
	interface_up lo 65536
	# passt wants an interface that leads to the world.
	ip tuntap add world mode tap
	interface_up world 1500 198.51.100.1/24
	ip route add default via 198.51.100.2 dev world
	lab_spawn passt /dev/null passt --foreground --socket "$OPEN/socket" --address $WORLD \
		--netmask 24 --gateway $GATEWAY
	await test -S "$OPEN/socket"
	adapter_start mana0 --port "mac=$MAC_WORLD,fabric=stream:$OPEN/socket" \
		--port "mac=$MAC_CABLE,fabric=stream:$(lab_file cable)+listen"
	guest_start mana $machine --attach "$(adapter_socket mana0)"
	guest_start virtio $machine --no-device --virtio-stream "$(lab_file cable)"
	guest_ready mana virtio
	guest_interface mana eth0 1500 $WORLD/24
	guest_interface mana eth1 1500 $HERE/24
	guest_interface virtio eth0 1500 $THERE/24
	guest mana "ip route add default via $GATEWAY"
}

teardown_file() {
	lab_stop
	rm -rf "$OPEN"
}

@test "passt: a guest fetches 16 MB from a server on this machine's loopback, every byte right" {
	local folder sum
	folder=$(lab_file served)
	mkdir -p "$folder"
	head -c $BLOB_BYTES /dev/urandom >"$folder/blob"
	lab_spawn server /dev/null python3 -m http.server --bind 127.0.0.1 --directory "$folder" 8000
	await bash -c ': </dev/tcp/127.0.0.1/8000'
	sum=$(guest mana "busybox wget -q -O - http://$GATEWAY:8000/blob | sha256sum")
	[[ ${sum%% *} == "$(sha256sum "$folder/blob" | cut -d' ' -f1)" ]]
}

@test "the virtio card of another guest answers pings of any size, each way" {
	local size
	for size in 0 56 1472; do
		guest mana "ping -q -c 3 -i 0.2 -w $PATIENCE -s $size $THERE"
		guest virtio "ping -q -c 3 -i 0.2 -w $PATIENCE -s $size $HERE"
	done
}

@test "iperf3 runs between the two guests, each way" {
	guest virtio 'iperf3 -s -D'
	await guest mana "timeout 5 bash -c ': </dev/tcp/$THERE/5201'"
	guest mana "iperf3 -c $THERE -n 16M"
	guest mana "iperf3 -c $THERE -n 16M -R"
}

@test "a peer that is killed is told of, and the next one takes its place" {
	lab_end virtio KILL
	await grep -q 'waiting for the next peer' "$(lab_file mana0).log"
	guest_start virtio --cpus 2 --memory 1G --no-device --virtio-stream "$(lab_file cable)"
	guest_ready virtio
	guest_interface virtio eth0 1500 $THERE/24
	guest mana "ping -q -c 1 -w $PATIENCE $THERE"
}
