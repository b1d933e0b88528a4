#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# iperf3 between a guest and the host, over this adapter on a tap and over QEMU's
# virtio-net on a tap, in turn, in one guest. The same offloads for both: checksums and
# large sends, no large receives, which MANA does not have.
# usage: lab.sh MANAKIN [ROUNDS [SECONDS]]
set -eu

manakin=$1
rounds=${2:-5}
seconds=${3:-4}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
device=
server=

cleanup()
{
	[ -z "$device" ] || kill "$device" 2>/dev/null || :
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	ip link del mkbvirtio 2>/dev/null || :
	rm -rf "$dir"
}
trap cleanup EXIT INT TERM

cp "$here/lab-guest.sh" "$dir/"
ip tuntap add mkbvirtio mode tap vnet_hdr
ip addr add 10.77.2.1/24 dev mkbvirtio
ip link set mkbvirtio up
"$manakin" device --name bench --socket "$dir/socket" --log warning \
	--port mac=00:0d:3a:77:00:01,fabric=tap:mkbmana,queues=4 >"$dir/summary" &
device=$!
while [ ! -S "$dir/socket" ]; do sleep 0.1; done
ip addr add 10.77.1.1/24 dev mkbmana
iperf3 -s >/dev/null 2>&1 &
server=$!
"$manakin" lab run --cpus 1 --memory 1G --timeout $((120 + rounds * 4 * (seconds + 3))) \
	--attach "$dir/socket" --virtio-tap mkbvirtio --share "$dir" -- \
	sh /mnt/share/lab-guest.sh "$rounds" "$seconds" </dev/null >"$dir/figures"
python3 "$here/lab-report.py" "$dir/figures"
