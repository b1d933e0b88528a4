#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Build the poll-mode driver for the DPDK of another Debian suite: BUILD/librte_net_manakin.so,
# and an application that the tests run on it: BUILD/tests/native/waiter
# usage: pmd-for-suite.sh SUITE BUILD [arm64]
#
# The suite's C library must not be older than this machine's. With arm64, the driver alone is built,
# for machines of that architecture, with the suite's C library. Nothing of the machine is changed: see dpdk-headers.sh.
set -eu

suite=${1:?usage: pmd-for-suite.sh SUITE BUILD [arm64]}
build=${2:?usage: pmd-for-suite.sh SUITE BUILD [arm64]}
architecture=${3:-}
here=$(cd "$(dirname "$0")" && pwd)

# fail SENTENCE - say why there will be no driver, and what to do
fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

case $architecture in
'') targets='librte_net_manakin.so tests/native/waiter' ;;
arm64)
	targets=librte_net_manakin.so
	command -v aarch64-linux-gnu-gcc >/dev/null ||
		fail "cannot build the driver for arm64: aarch64-linux-gnu-gcc is not installed" \
			"(apt-get install gcc-aarch64-linux-gnu)"
	;;
*) fail "the driver is built for this machine's architecture or for arm64, not for $architecture" ;;
esac

# All that the driver needs is in BUILD. The rest of the tree, which
# meson looks at and which is not built, may have what is installed here.
cross_file() {
	launcher=
	! command -v ccache >/dev/null || launcher="'ccache', "
	cat <<-END
		[binaries]
		c = [$launcher'aarch64-linux-gnu-gcc', '--sysroot=$build/dpdk-sysroot']
		ar = 'aarch64-linux-gnu-ar'
		strip = 'aarch64-linux-gnu-strip'
		pkgconfig = 'pkg-config'
		[properties]
		pkg_config_libdir = '$directory:$(pkg-config --variable pc_path pkg-config)'
		needs_exe_wrapper = true
		[host_machine]
		system = 'linux'
		cpu_family = 'aarch64'
		cpu = 'aarch64'
		endian = 'little'
	END
}

"$here/dpdk-headers.sh" "$build" "$suite" "$architecture"
build=$(cd "$build" && pwd)
directory=$(dirname "$(find "$build/dpdk-sysroot" -name libdpdk.pc)")
if [ ! -f "$build/build.ninja" ]; then
	if [ -n "$architecture" ]; then
		cross_file >"$build/cross.ini"
		set -- --cross-file "$build/cross.ini"
	else
		set -- --pkg-config-path "$directory"
	fi
	meson setup "$@" "$build" "$here/.." >"$build/setup.log" 2>&1 || {
		cat "$build/setup.log" >&2
		exit 1
	}
fi
# shellcheck disable=SC2086 # a list
exec ninja -C "$build" --quiet $targets
