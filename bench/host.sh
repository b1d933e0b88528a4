#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# CPU time of the read-only commands, compared with two that read less: dpdk-devbind.py --status and
# lspci. The median of the runs, user and system time together, in turn. They examine:
# - this machine;
# - machines of tests/unit/host/trees, by --sysroot;
# - one of these instead of this machine's /sys, so that check has an RDMA device and asks this
#   machine's libibverbs for it, which loads all of its providers;
# - with --lab, an emulated guest with the kernel's own RDMA device (manakin lab).
# usage: host.sh [--lab] MANAKIN [RUNS]
set -euo pipefail

lab=
if [ "$1" = --lab ]; then
	lab=1
	shift
fi
manakin=$(readlink -f "$1")
runs=${2:-21}
here=$(dirname "$(readlink -f "$0")")
trees=$here/../tests/unit/host/trees
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# at MACHINE COMMAND... - measure there
at()
{
	local machine=$1
	shift
	echo "| on $machine | CPU |"
	echo "|---|---|"
	python3 "$here/cpu-time.py" "$runs" "$@"
	echo
}

others=()
for other in "dpdk-devbind.py --status" lspci; do
	command -v "${other%% *}" >/dev/null && others+=("$other")
done
at "this machine" "$manakin list" "$manakin check" "${others[@]}"
export -f at
export dir here manakin runs trees
for machine in four taken; do
	"$trees/make" "$machine" "$dir/$machine"
	# shellcheck disable=SC2016
	unshare -n bash -euc '"$trees/make" --net "$0" "$dir/$0"
		at "the tree $0" "$manakin list --sysroot $dir/$0" \
			"$manakin check --sysroot $dir/$0" "$manakin args --sysroot $dir/$0 eth0"' "$machine"
done
# shellcheck disable=SC2016
unshare -mn bash -euc '"$trees/make" --net four "$dir/four"
	mount --bind "$dir/four/sys" /sys
	mount -t tmpfs tmpfs /dev && mkdir /dev/infiniband
	mknod /dev/null c 1 3 && mknod /dev/infiniband/uverbs0 c 231 192
	strace -f -o "$dir/trace" -e trace=openat "$manakin" check >/dev/null || :
	loaded=$(grep -c "AT_FDCWD, \"/[^\"]*/libibverbs/lib[^\"]*-rdmav.* = [0-9]" "$dir/trace" || :)
	[ "$loaded" -gt 0 ] || { echo "libibverbs loads no provider; is ibverbs-providers here?" >&2; exit 1; }
	at "the tree four as /sys, where libibverbs loads $loaded providers" \
		"$manakin list" "$manakin check" "$@"' bash "${others[@]}"

[ -n "$lab" ] || exit 0
cp "$manakin" "$here/cpu-time.py" "$dir"
# A copy of the program: docs/lab.md, "The shared directory"
"$manakin" lab run --device '--port fabric=sink' --share "$dir" "cp /mnt/share/manakin /root
	echo '| in an emulated guest | CPU |'
	echo '|---|---|'
	python3 /mnt/share/cpu-time.py $runs '/root/manakin list' '/root/manakin check' lspci ibv_devinfo" </dev/null
