#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# How soon an adapter is ready, how much private memory it has with one client and 16
# queue pairs, and how much CPU time it uses when idle.
# usage: footprint.sh MANAKIN
set -eu

manakin=$1
[ -f "$manakin" ] && [ -x "$manakin" ] || {
	echo "footprint.sh: $manakin is not a program; name the manakin that was built (build/manakin)" >&2
	exit 2
}
dir=$(mktemp -d)
device=
trap '[ -z "$device" ] || kill "$device" 2>/dev/null; rm -rf "$dir"' EXIT INT TERM

start=$(date +%s%N)
"$manakin" device --name footprint --socket "$dir/socket" --log warning \
	--port mac=00:0d:3a:77:00:01,fabric=sink,queues=16 >/dev/null &
device=$!
while [ ! -S "$dir/socket" ]; do :; done
ready=$(($(date +%s%N) - start))

cat >"$dir/guest.sh" <<'END'
eth=$(basename /sys/bus/pci/drivers/mana/*:*/net/*)
ethtool -L "$eth" combined 16 2>/dev/null
ip link set "$eth" up
sleep 2
touch /mnt/share/up
sleep 8
END
"$manakin" lab run --cpus 16 --memory 1G --timeout 120 --attach "$dir/socket" --share "$dir" -- \
	sh /mnt/share/guest.sh </dev/null >/dev/null 2>&1 &
guest=$!
while [ ! -e "$dir/up" ]; do sleep 0.2; done

ticks()
{
	awk '{ print $14 + $15 }' "/proc/$device/stat"
}
queues=$("$manakin" control --socket "$dir/socket" --json stats | awk -F: '/queues/ { print $2 + 0 }')
before=$(ticks)
sleep 5
after=$(ticks)
own=$(awk '/RssAnon|RssFile/ { sum += $2 } END { print sum }' "/proc/$device/status")

echo "ready after            $((ready / 1000000)) ms"
echo "own memory             $own kB with one client and $queues queue pairs"
echo "CPU when idle          $(((after - before) * 1000 / $(getconf CLK_TCK) / 5)) ms per second"
kill "$guest" 2>/dev/null || :
wait "$guest" 2>/dev/null || :
