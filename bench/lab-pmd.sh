#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# This project's poll-mode driver against DPDK's own net_mana: testpmd in one guest of the lab, on
# the kernel's mana_ib, in turn, 64-byte packets, one queue.
# usage: lab-pmd.sh MANAKIN PLUGIN [ROUNDS [SECONDS [DESCRIPTORS]]]
#	PLUGIN	librte_net_manakin.so for the guest's DPDK: scripts/pmd-for-suite.sh trixie DIR
set -eu

manakin=$1
plugin=$2
rounds=${3:-5}
seconds=${4:-4}
descriptors=${5:-512}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM

mkdir "$dir/share"
cp "$here/lab-pmd-guest.sh" "$plugin" "$dir/share/"
"$manakin" lab run --cpus 2 --memory 2G --timeout $((120 + rounds * 4 * (seconds + 30))) \
	--device '--port mac=00:0d:3a:77:00:01,fabric=sink --port mac=00:0d:3a:77:00:02,fabric=generator' \
	--share "$dir/share" -- \
	sh /mnt/share/lab-pmd-guest.sh "$rounds" "$seconds" "$descriptors" </dev/null >"$dir/figures" \
	2>"$dir/log" || {
	cat "$dir/log" >&2
	exit 1
}
python3 "$here/lab-pmd-report.py" "$dir/figures"
