#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Make a release in DIR: the tarball, the packages, the one-file archives, an SBOM, the changelog's
# section and SHA256SUMS. Needs root, for the systems that packages are built in.
# usage: release.sh DIR [SUITE...]
#
# SUITE: releases of Debian that get packages; bookworm and trixie by default. RPM packages are built
# where rpmbuild has RPMs to build with; elsewhere their source package is, from which each
# distribution builds its own. BUILD, build by default, keeps what DPDK's headers are made from.
set -eu

out=${1:?usage: release.sh DIR [SUITE...]}
shift
[ $# -gt 0 ] || set -- bookworm trixie
cd "$(dirname "$0")/../.."
. scripts/release/lib.sh

OLDEST=bullseye # the one-file archive is built there: its glibc is 2.31
MACHINES=$(printf '%s\n' "$(uname -m)" aarch64 | sort -u) # that get a one-file archive
build=${BUILD:-build}

mkdir -p "$out"
out=$(cd "$out" && pwd)
SOURCE_DATE_EPOCH=$(epoch)
export SOURCE_DATE_EPOCH
work=$(mktemp -d "$out/.work.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

# system SUITE PACKAGE... - a system to build in, at $work/SUITE, with the sources and the tarball
system() {
	suite=$1
	shift
	scripts/release/chroot.sh make "$suite" "$work/$suite" "$@"
	mkdir -p "$work/$suite/release/sources" "$work/$suite/release/out"
	tar -xf "$tarball" -C "$work/$suite/release/sources" --strip-components=1
	cp -p "$tarball" "$work/$suite/release/"
}

# inside SUITE COMMAND - run it there, in /release
inside() {
	scripts/release/chroot.sh run "$work/$1" /bin/sh -euc "export SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH; cd /release; $2"
}

# collect SUITE - what was built there
collect() {
	find "$work/$1/release/out" -type f -exec cp -p {} "$out/" ';'
	rm -rf --one-file-system "${work:?}/$1"
}

echo "== tarball"
tarball=$(scripts/release/dist.sh "$out")
base=$(basename "$tarball")

for suite; do
	echo "== Debian packages for $suite"
	scripts/dpdk-headers.sh "$build/release-$suite" "$suite" || fail "without them there is no package librte-net-manakin"
	system "$suite" build-essential debhelper
	cp -r "$build/release-$suite/dpdk-headers" "$work/$suite/release/"
	inside "$suite" "apt-get -qq build-dep -y ./sources >/dev/null"
	inside "$suite" "sources/scripts/release/deb.sh $base out dpdk-headers"
	collect "$suite"
done

echo "== RPM packages"
headers=
[ ! -d "$build/dpdk-headers" ] || headers=$build/dpdk-headers
if rpm --query --quiet gcc 2>/dev/null; then
	scripts/release/rpm.sh "$tarball" "$out" "$headers"
else
	STAGE=-bs scripts/release/rpm.sh "$tarball" "$out" "$headers" --nodeps
fi

echo "== one-file archives"
# shellcheck disable=SC2046 # a list
system $OLDEST $(for machine in $MACHINES; do MACHINE=$machine scripts/release/portable.sh --packages; done | sort -u)
for machine in $MACHINES; do
	inside $OLDEST "MACHINE=$machine sources/scripts/release/portable.sh $base out"
done
inside $OLDEST "sources/scripts/release/linked.sh >libraries"
cp "$work/$OLDEST/release/libraries" "$work/libraries"
collect $OLDEST

echo "== SBOM, changelog, checksums"
scripts/release/sbom.py "$out" "$work/libraries" >"$out/manakin-$(version).spdx.json"
scripts/release/sbom.py --check "$out/manakin-$(version).spdx.json"
changes >"$out/CHANGES-$(version).md"
(cd "$out" && rm -f SHA256SUMS && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%f\n' | LC_ALL=C sort |
	xargs sha256sum >"$work/sums" && mv "$work/sums" SHA256SUMS)
echo "== $out"
(cd "$out" && cat SHA256SUMS)
