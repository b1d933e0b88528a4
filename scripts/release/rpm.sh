#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Build the RPM packages of a release tarball, with their source package, into DIR.
# usage: rpm.sh TARBALL DIR [HEADERS [OPTION...]]
#
# HEADERS: the headers of DPDK's drivers, as scripts/dpdk-headers.sh leaves them in its folder
# dpdk-headers. Without them (or empty) the driver is left out. OPTIONs are rpmbuild's; --nodeps is
# for a distribution whose packages are not RPMs. With STAGE=-bs only the source package is made.
set -eu

tarball=$(readlink -f "${1:?usage: rpm.sh TARBALL DIR [HEADERS [OPTION...]]}")
out=${2:?usage: rpm.sh TARBALL DIR [HEADERS [OPTION...]]}
headers=${3:-}
shift "$(($# < 3 ? $# : 3))"
here=$(dirname "$0")
. "$here/lib.sh"

command -v rpmbuild >/dev/null ||
	fail "cannot build RPM packages: rpmbuild is not installed (the package rpm-build; on Debian rpm)"
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/SOURCES"
cp "$tarball" "$work/SOURCES/"
if [ -n "$headers" ]; then
	tar --transform 's,^\.,dpdk-headers,' -C "$headers" -czf "$work/SOURCES/dpdk-headers.tar.gz" .
else
	set -- "$@" --without driver
fi
tar -xf "$tarball" -C "$work" --strip-components=3 --wildcards '*/share/rpm/manakin.spec'
# What may tell one build from the next
rpmbuild "${STAGE:--ba}" "$@" --define "_topdir $work" --define "use_source_date_epoch_as_buildtime 1" \
	--define "clamp_mtime_to_source_date_epoch 1" --define "_buildhost localhost" \
	--define "source_date_epoch_from_changelog 1" "$work/manakin.spec" >"$work/log" 2>&1 || {
	tail -n 60 "$work/log" >&2
	fail "rpmbuild failed; the end of its output is above"
}
find "$work" -name '*.rpm' -exec cp {} "$out/" ';'
find "$work" -name '*.rpm' -printf '%f\n' | sort
