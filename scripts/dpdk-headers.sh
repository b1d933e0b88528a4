#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Put the headers that a DPDK driver is built with into BUILD/dpdk-headers, and two of
# DPDK's example applications, which the tests run, into BUILD/dpdk-headers/examples.
# usage: dpdk-headers.sh BUILD
#
# libdpdk-dev has what applications need and leaves the driver's half out; the
# source package of exactly the same version has it. It is fetched by an apt of our
# own: the machine's sources with every "deb" read as "deb-src", lists and files in
# a directory that goes away, so nothing of the machine's apt state changes and
# apt itself verifies what comes. Nothing is done when the headers are there.
set -eu

build=${1:?usage: dpdk-headers.sh BUILD}
headers="
lib/ethdev/ethdev_driver.h
lib/ethdev/ethdev_pci.h
lib/eal/include/dev_driver.h
lib/eal/include/bus_driver.h
drivers/bus/pci/bus_pci_driver.h
"
examples="
examples/skeleton/basicfwd.c
examples/l2fwd/main.c
"

# fail SENTENCE - say why there will be no driver, and what to do
fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

version=$(dpkg-query -W -f '${source:Version}' libdpdk-dev 2>/dev/null) || version=
[ -n "$version" ] ||
	fail "cannot fetch DPDK's driver headers: libdpdk-dev is not installed (apt-get install libdpdk-dev)"

mkdir -p "$build"
out=$(cd "$build" && pwd)/dpdk-headers
[ "$(cat "$out/version" 2>/dev/null)" != "$version" ] || [ ! -d "$out/examples" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/sources" "$work/headers"

eval "$(apt-config shell list Dir::Etc::SourceList/f parts Dir::Etc::SourceParts/d)"
for file in "${list:-}" "${parts:-}"/*.list; do
	[ ! -r "$file" ] || sed -n 's/^[ \t]*deb\(-src\)\{0,1\}[ \t]/deb-src /p' "$file"
done | sort -u >"$work/sources/one-line.list"
for file in "${parts:-}"/*.sources; do
	[ ! -r "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$work/sources/${file##*/}"
done

# private COMMAND... - apt-get with the state in our directory
private() {
	apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/sources" \
		-o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
		-o Acquire::Languages=none -o APT::Sandbox::User= "$@"
}

# An archive of someone else's may have no sources at all: what counts is whether DPDK's come.
private update >"$work/log" 2>&1 || :
(cd "$work" && private --download-only source "dpdk=$version" >>"$work/log" 2>&1) ||
	fail "cannot fetch the source package dpdk $version, whose driver headers the poll-mode driver" \
		"needs. apt-get says: $(grep '^[EW]:' "$work/log" | tail -n 3 | tr '\n' ' ')"

for file in $headers $examples; do
	set -- "$@" "*/$file"
done
shift
tar -xf "$(ls "$work"/dpdk_*.orig.tar.*z)" -C "$work/headers" --wildcards --strip-components=1 "$@" ||
	fail "the source package dpdk $version does not have these files: $headers $examples"

rm -rf "$out"
mkdir -p "$out/examples"
for file in $headers; do
	mv "$work/headers/$file" "$out/"
done
for file in $examples; do
	mv "$work/headers/$file" "$out/examples/"
done
echo "$version" >"$out/version"
echo "Fetched the driver headers of dpdk $version"
