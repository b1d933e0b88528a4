#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# CPU time of the commands that look, beside two that look at less: dpdk-devbind.py --status and
# lspci. Looked at are this machine and, for those that can, each machine of
# tests/unit/host/trees. The median of the runs, user and system time together, in turn.
# usage: host.sh MANAKIN [RUNS]
set -euo pipefail

manakin=$(readlink -f "$1")
runs=${2:-21}
here=$(cd "$(dirname "$0")" && pwd)
trees=$here/../tests/unit/host/trees
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cat >"$dir/measure.py" <<'END'
import os
import resource
import statistics
import subprocess
import sys

runs = int(sys.argv[1])
commands = [command.split() for command in sys.argv[2:]]
taken = [[] for _ in commands]
for _ in range(runs):
    for n, command in enumerate(commands):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken[n].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
for command, times in zip(commands, taken):
    words = " ".join(os.path.basename(word) for word in command)
    print(f"| `{words}` | {1e3 * statistics.median(times):.1f} ms |")
END

# at MACHINE COMMAND... - measure there
at()
{
	local machine=$1
	shift
	echo "| on $machine | CPU |"
	echo "|---|---|"
	python3 "$dir/measure.py" "$runs" "$@"
	echo
}

others=()
for other in "dpdk-devbind.py --status" lspci; do
	command -v "${other%% *}" >/dev/null && others+=("$other")
done
at "this machine" "$manakin list" "$manakin check" "${others[@]}"
for machine in four taken; do
	"$trees/make" "$machine" "$dir/$machine"
	export -f at
	export dir manakin runs trees machine
	# shellcheck disable=SC2016
	unshare -n bash -euc '"$trees/make" --net "$machine" "$dir/$machine"
		at "the tree $machine" "$manakin list --sysroot $dir/$machine" \
			"$manakin check --sysroot $dir/$machine" "$manakin args --sysroot $dir/$machine eth0"'
done
