#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The guide's commands in a virtual machine with Debian's own drivers.
# usage: demo-lab.sh MANAKIN
set -eu

manakin=$1
here=$(dirname "$0")
dir=$(mktemp -d)
device=
trap '[ -z "$device" ] || kill "$device" 2>/dev/null; rm -rf "$dir"' EXIT INT TERM
cp "$here/demo-guest.sh" "$dir/"

echo "== A virtual machine: Debian 13, its kernel, rdma-core and DPDK as packaged"
"$manakin" lab build --suite trixie

echo
echo "== An adapter in software with two ports; everything that is sent is decoded and counted"
"$manakin" device --name demo --socket "$dir/socket" --log warning \
	--port mac=00:0d:3a:76:3b:d0,fabric=sink+verify \
	--port mac=00:0d:3a:76:3b:d1,fabric=sink+verify >"$dir/summary" &
device=$!
while [ ! -S "$dir/socket" ]; do sleep 0.1; done

echo
"$manakin" lab run --suite trixie --cpus 2 --memory 2G --timeout 150 --attach "$dir/socket" \
	--share "$dir" -- sh /mnt/share/demo-guest.sh </dev/null

echo
echo "== What the adapter saw: the packets at the fabric (wire_tx), none of them bad"
"$manakin" control --socket "$dir/socket" stats
