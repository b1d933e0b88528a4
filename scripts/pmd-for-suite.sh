#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Build the poll-mode driver for the DPDK of another Debian suite: BUILD/librte_net_manakin.so,
# and an application that the tests run on it: BUILD/tests/native/waiter
# usage: pmd-for-suite.sh SUITE BUILD
#
# The suite's C library must not be older than this machine's. Nothing of the machine is
# changed: see dpdk-headers.sh.
set -eu

suite=${1:?usage: pmd-for-suite.sh SUITE BUILD}
build=${2:?usage: pmd-for-suite.sh SUITE BUILD}
here=$(cd "$(dirname "$0")" && pwd)

"$here/dpdk-headers.sh" "$build" "$suite"
build=$(cd "$build" && pwd)
directory=$(dirname "$(find "$build/dpdk-sysroot" -name libdpdk.pc)")
if [ ! -f "$build/build.ninja" ]; then
	meson setup --pkg-config-path "$directory" "$build" "$here/.." >"$build/setup.log" 2>&1 || {
		cat "$build/setup.log" >&2
		exit 1
	}
fi
exec ninja -C "$build" --quiet librte_net_manakin.so tests/native/waiter
