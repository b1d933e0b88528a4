# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034
#
# pmd.bash - this project's poll-mode driver where the kernel has the adapter: testpmd as Debian
# ships it, mana.ko, mana_ib.ko and libmana as well.
#
#	pmd_start	ports_start, a guest with seven CPUs, and the driver in it
#
# In the guest's PATH a dpdk-testpmd comes first that adds "-d" and the driver to Debian's.

load dpdk

UNCOUNTED=0
PLUGIN=/root/pmd/librte_net_manakin.so # DPDK loads none from a world-writable directory

pmd_start() {
	[[ -f ${PMD:?} ]] ||
		fail "There is no $PMD: scripts/pmd-for-suite.sh trixie ${PMD%/*}" || return
	ports_start
	dpdk_start guest ${SUITE:+--suite "$SUITE"} --cpus 7 --memory 4G --attach "$(adapter_socket mana0)"
	cp "$PMD" "${PMD%/*}/tests/native/waiter" "$(lab_file guest.share)"
	dpdk_ready guest
	# Nothing is run from the shared directory: docs/lab.md
	guest guest "mkdir -p ${PLUGIN%/*} && cp /mnt/share/librte_net_manakin.so /mnt/share/waiter ${PLUGIN%/*} &&
		printf '#!/bin/sh\nexec /usr/bin/dpdk-testpmd -d $PLUGIN \"\$@\"\n' \
			>/usr/local/bin/dpdk-testpmd && chmod +x /usr/local/bin/dpdk-testpmd"
	# The first one reads all of DPDK from the disk, which takes long on a busy machine.
	guest guest 'echo quit | /usr/bin/dpdk-testpmd -l 1-2 --no-telemetry \
		--no-huge -m 64 --no-pci -- -i --total-num-mbufs=2048'
}

# said TEXT - testpmd's output has it
said() {
	grep -qF -e "$1" "$(testpmd_output)" || fail "testpmd has not said: $1"
}
