#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Make BUILD ready for a target of the Makefile: what it needs is there (dependencies.sh), the headers
# that DPDK's drivers need too, and meson knows of both. Tests are built if the target runs some.
# usage: configure.sh BUILD TARGET
# shellcheck disable=SC3013 # dash, bash and busybox have -nt
set -eu

build=${1:?usage: configure.sh BUILD TARGET}
target=${2:?usage: configure.sh BUILD TARGET}
cd "$(dirname "$0")/.."
stamp=$build/.dependencies-$target

if ! mkdir -p "$build" 2>/dev/null || ! [ -w "$build" ]; then
	echo "Nothing can be built in $build: this directory cannot be written to. Name another: make BUILD=DIR" >&2
	exit 1
fi
if ! [ "$stamp" -nt share/packages ] || ! [ "$stamp" -nt scripts/dependencies.sh ]; then
	scripts/dependencies.sh "$target"
	touch "$stamp"
fi

# tests - does this build directory have them?
tests() {
	grep -qs '"name": "tests", "value": true' "$build/meson-info/intro-buildoptions.json"
}

case $target in
test | check | check-all) option=-Dtests=true ;;
*) option=-Dtests=false ;;
esac
if [ ! -f "$build/build.ninja" ]; then
	scripts/dpdk-headers.sh "$build" || echo "The poll-mode driver will not be built."
	exec meson setup "$option" "$build"
fi
# Not again what takes its time, and never without the tests that somebody has built
if [ "$stamp" -nt "$build/build.ninja" ]; then
	scripts/dpdk-headers.sh "$build" || echo "The poll-mode driver will not be built."
	meson setup --reconfigure "$build" >/dev/null
fi
[ $option = -Dtests=false ] || tests || meson configure "$build" -Dtests=true
