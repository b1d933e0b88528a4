#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What the hardening flags cost: two builds of the same source in turn, packets per second of the
# adapter alone. As root, with two idle CPUs and 1 GiB of hugepages.
# usage: harden.sh SOFT HARD [ROUNDS]    SOFT: meson setup -Dharden=false -Db_pie=false; HARD: the default
# Prints, for each case and size, the median of either and their ratio; fails below 0.98.
set -eu

soft=$1
hard=$2
rounds=${3:-5}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for build in "$soft" "$hard"; do ninja -C "$build" manakin librte_net_manakin.so >/dev/null; done
for round in $(seq "$rounds"); do
	for which in soft hard; do
		[ $which = soft ] && build=$soft || build=$hard
		"$build/manakin" bench --case tx,rx,loop --size 64,1518 --queues 1 --subject manakin \
			--output "$dir/$which-$round.json"
	done
done
python3 - "$dir" <<'END'
import collections, glob, json, os, statistics, sys
rates = collections.defaultdict(lambda: collections.defaultdict(list))
for path in glob.glob(sys.argv[1] + "/*.json"):
    with open(path, encoding="utf-8") as file:
        for result in json.load(file):
            which = os.path.basename(path)[:4]
            rates[result["case"], result["size"]][which].append(result["mpps"])
bad = False
for key, pair in sorted(rates.items()):
    soft, hard = (statistics.median(pair[which]) for which in ("soft", "hard"))
    bad |= hard / soft < 0.98
    print(f"{key[0]:5} {key[1]:5}  {soft:6.1f} M  {hard:6.1f} M  {hard / soft:.3f}")
sys.exit(bad)
END
