#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What idle queues and vPorts cost a busy one, in turn: testpmd sending on one port of an
# adapter with one and with 16 (all of them started); driver-bench on one queue of one and of
# 64. testpmd cannot measure the latter: it polls all its queues. As root, with 1 GiB of hugepages.
# usage: idle.sh BUILD [ROUNDS [SECONDS]]
set -eu

build=$1
rounds=${2:-5}
seconds=${3:-1}
manakin=$build/manakin
plugin=$build/librte_net_manakin.so
ninja -C "$build" bench/driver-bench >/dev/null
dir=$(mktemp -d)
pids=
trap end EXIT
trap 'exit 130' INT TERM

end()
{
	for pid in $pids; do kill -INT "$pid" 2>/dev/null || :; done
	rm -rf "$dir"
}

# adapter NAME OPTION... - with its lane on the second CPU
adapter()
{
	name=$1
	shift
	"$manakin" device --name "idle-$name" --cpus 1 --log warning "$@" >/dev/null &
	pids="$pids $!"
	while [ ! -e "/run/manakin/idle-$name/pci/7870:00:00.0/manakin_socket" ]; do sleep 0.05; done
}

# measure NAME WHAT OPTION... - one turn; prints a line "WHAT PPS" for port 0
measure()
{
	name=$1 what=$2
	shift 2
	"$manakin" run "idle-$name" --plugin "$plugin" --cpus 0 --seconds "$seconds" --json "$@" \
		>"$dir/rates" 2>"$dir/said" || {
		cat "$dir/said" >&2
		exit 1
	}
	python3 -c 'import json, sys
print(sys.argv[1], max(r["pps_median"] for r in json.load(sys.stdin)["rates"] if r["port"] == 0))' \
		"$what" <"$dir/rates"
}

# queue MODE QUEUES - the same with driver-bench
queue()
{
	"$build/bench/driver-bench" "/run/manakin/idle-$1/socket" "$1" 64 "$seconds" 0 "$2" |
		sed "s/.*: \([0-9.]*\) million.*/$1-$2-queues \1e6/"
}

ports=$(for _ in $(seq 16); do printf -- '--port fabric=sink '; done)
adapter one --port fabric=sink
# shellcheck disable=SC2086
adapter ports $ports
adapter tx --port fabric=sink,queues=64
adapter rx --port fabric=generator,queues=64
same="--rxd=256 --txd=256 --total-num-mbufs=16384"
eal="--in-memory --single-file-segments"
for round in $(seq "$rounds"); do
	# shellcheck disable=SC2086
	{
		measure one 1-port -- $eal -- $same
		measure ports 16-ports -- $eal -- $same --portlist=0
		queue tx 1
		queue tx 64
		queue rx 1
		queue rx 64
	}
	echo "round $round of $rounds" >&2
done >"$dir/figures"
python3 - "$dir/figures" <<'END'
import statistics
import sys
figures = {}
for line in open(sys.argv[1], encoding="ascii"):
    what, pps = line.split()
    figures.setdefault(what, []).append(float(pps) / 1e6)
for base, more in ("1-port", "16-ports"), ("tx-1-queues", "tx-64-queues"), \
        ("rx-1-queues", "rx-64-queues"):
    ratio = statistics.median(b / a for a, b in zip(figures[base], figures[more]))
    print(f"{base} {statistics.median(figures[base]):.1f}  {more} "
          f"{statistics.median(figures[more]):.1f} Mpps  ratio {ratio:.2f}")
END
