#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What idle queues and vPorts cost a busy one: testpmd on an adapter with one port and one
# queue, and on others with more, in turn. As root.
# usage: idle.sh MANAKIN PLUGIN [ROUNDS [SECONDS]]
set -eu

manakin=$1
plugin=$2
rounds=${3:-5}
seconds=${4:-1}
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

# measure NAME WHAT OPTION... - one turn; a line "WHAT PPS" of port 0
measure()
{
	name=$1 what=$2
	shift 2
	"$manakin" run "idle-$name" --plugin "$plugin" --cores 0 --seconds "$seconds" --json "$@" 2>/dev/null |
		python3 -c 'import json, sys
print(sys.argv[1], max(r["pps_median"] for r in json.load(sys.stdin)["rates"] if r["port"] == 0))' "$what"
}

ports=$(for _ in $(seq 16); do printf -- '--port fabric=sink '; done)
adapter one --port fabric=sink
# shellcheck disable=SC2086
adapter ports $ports
adapter flow --port fabric=generator:flows=1,queues=64
same="--rxd=256 --txd=256 --total-num-mbufs=16384"
eal="--in-memory --single-file-segments"
for round in $(seq "$rounds"); do
	# shellcheck disable=SC2086
	{
		measure one 1-port -- $eal -- $same
		measure ports 16-ports -- $eal -- $same --portlist=0
		measure flow 1-queue --mode rxonly -- $eal -- --rxd=256
		measure flow 64-queues --mode rxonly --queues 64 -- $eal -- --rxd=256
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
for base, more in ("1-port", "16-ports"), ("1-queue", "64-queues"):
    ratio = statistics.median(b / a for a, b in zip(figures[base], figures[more]))
    print(f"{base} {statistics.median(figures[base]):.1f}  {more} "
          f"{statistics.median(figures[more]):.1f} Mpps  ratio {ratio:.2f}")
END
