#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The testpmd commands of the guide "MANA and DPDK on Linux" on this machine: no virtual machine,
# no network card. Everything happens in namespaces that end with the demo (a /run and a
# hugetlbfs of its own); the number of hugepages is raised for it and then restored.
# usage: demo.sh MANAKIN PLUGIN
set -eu

manakin=$(readlink -f "$1")
plugin=$(readlink -f "$2")
seconds=10 # each test
pages=420  # of 2 MB: the guide's commands allocate 155456 packet buffers or more
mac=00:0d:3a:76:3b:d0
number=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages

[ "$(id -u)" -eq 0 ] || exec sudo -- "$0" "$manakin" "$plugin"

hugepages()
{
	sed -n "s/^HugePages_$1: *//p" /proc/meminfo
}

# first_cpus N - the first CPUs that we may use, N of them or as many as there are
first_cpus()
{
	taskset -cp $$ | sed 's/.*: *//' | tr ',' '\n' |
		while IFS=- read -r first last; do seq "$first" "${last:-$first}"; done |
		head -n "$1" | paste -sd,
}

# testpmd ARGUMENT... - as in the guide, for some seconds; prints only the figures
testpmd()
{
	echo "# dpdk-testpmd $*"
	: >/run/testpmd.out
	timeout -s INT "$seconds" stdbuf -oL dpdk-testpmd -d "$plugin" "$@" </dev/null >>/run/testpmd.out 2>&1 &
	pid=$!
	tail --pid="$pid" -n +1 -f /run/testpmd.out 2>/dev/null |
		stdbuf -oL grep -aE 'Probe PCI driver|Tx-pps: +[1-9]|net_manakin:|Cause:' || :
	wait "$pid" || :
	sent=$(grep -aA3 'Accumulated forward' /run/testpmd.out | sed -n 's/.*TX-packets: *\([0-9]*\).*/\1/p')
	arrived=$("$manakin" control --json stats | sed -n 's/.*"wire_tx": *\([0-9]*\).*/\1/p')
	bad=$("$manakin" control --json stats | sed -n 's/.*"wire_bad": *\([0-9]*\).*/\1/p')
	if [ -z "$sent" ] || [ "$sent" -eq 0 ]; then
		tail -n 20 /run/testpmd.out
		echo "testpmd did not send anything; its last output is above." >&2
		return 1
	fi
	new=$((arrived - before)) before=$arrived
	echo "testpmd sent $sent packets; $new arrived at the other end of the adapter's cable, $bad of them damaged."
	[ "$new" -eq "$sent" ] && [ "$bad" -eq 0 ]
}

inside()
{
	cp "$plugin" /run/ # DPDK loads nothing from a world-writable directory
	plugin=/run/${plugin##*/}
	export SYSFS_PCI_DEVICES=/run/manakin/mana0/pci
	cpus=$(first_cpus 2)
	many=$(first_cpus 5)
	lcores="-l $cpus"
	[ "$cpus" != "${cpus#*,}" ] || lcores="--lcores=(0,1)@$cpus"
	before=0

	echo "== An adapter in software. Everything that is sent is accepted, decoded and counted"
	# Not on the CPU that testpmd forwards on, which is the second of its list.
	echo "# manakin device --cpus ${cpus%%,*} --port mac=$mac,fabric=sink+verify"
	"$manakin" device --log warning --cpus "${cpus%%,*}" --port mac=$mac,fabric=sink+verify >/dev/null &
	device=$!
	for _ in $(seq 100); do
		[ ! -e $SYSFS_PCI_DEVICES/7870:00:00.0/manakin_socket ] || break
		sleep 0.05
	done
	echo "DPDK finds it at the PCI address $(ls $SYSFS_PCI_DEVICES), as $(cat $SYSFS_PCI_DEVICES/*/vendor):$(cat $SYSFS_PCI_DEVICES/*/device)."

	echo
	echo "== The guide's single queue test, $seconds s"
	# shellcheck disable=SC2086
	testpmd $lcores --vdev="7870:00:00.0,mac=$mac" -- \
		--forward-mode=txonly --auto-start --txd=128 --rxd=128 --stats 2

	echo
	echo "== The guide's multiple queue test, $seconds s"
	cores=$(echo "$many" | awk -F, '{ print (NF > 1 ? NF - 1 : 1) }')
	[ "$cores" -eq 1 ] || lcores="-l $many"
	# shellcheck disable=SC2086
	testpmd $lcores --vdev="7870:00:00.0,mac=$mac" -- --forward-mode=txonly --auto-start \
		--nb-cores="$cores" --txd=128 --rxd=128 --txq=8 --rxq=8 --stats 2

	echo
	echo "== The same with less to type"
	echo "# manakin run --queues 4 --seconds 5"
	"$manakin" run --plugin "$plugin" --queues 4 --seconds 5
	kill -INT "$device"
	wait "$device"
}

if [ "${3:-}" = inside ]; then
	inside
	exit
fi
for need in dpdk-testpmd unshare taskset stdbuf "$manakin" "$plugin"; do
	command -v "$need" >/dev/null || [ -e "$need" ] || {
		echo "The demo needs $need; 'make demo' installs and builds what is missing." >&2
		exit 1
	}
done
was=$(cat $number)
trap 'echo "$was" >$number' EXIT
trap 'exit 130' INT TERM
[ "$(hugepages Free)" -ge "$pages" ] || echo $((was + pages - $(hugepages Free))) >$number
[ "$(hugepages Free)" -ge "$pages" ] || {
	echo "The demo needs $pages free hugepages of 2 MB and there are $(hugepages Free):" \
		"too little memory is free, or it is fragmented. Stop other programs, or restart." >&2
	exit 1
}
status=0
unshare --mount --pid --fork --kill-child --mount-proc sh -c '
	mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/hugepages &&
	mount -t hugetlbfs -o pagesize=2M hugetlbfs /run/hugepages && exec "$@"' \
	sh "$0" "$manakin" "$plugin" inside || status=$?
echo
if [ $status -eq 0 ]; then
	echo "Done: every packet that testpmd sent has arrived. Nothing is left running."
else
	echo "The demo failed; the reason is above. Nothing is left running." >&2
fi
exit $status
