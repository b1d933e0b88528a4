#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Build the Debian packages of a release tarball for the release of Debian that this runs on, with
# its source package, into DIR.
# usage: deb.sh TARBALL DIR [HEADERS]
#
# HEADERS: the headers of DPDK's drivers, as scripts/dpdk-headers.sh leaves them in its folder
# dpdk-headers; by default it is asked during the build (debian/README.source).
#
# A package for a release has its number in its version (such as 1.2.3-1~deb13u1), as what it is linked with
# is that release's, and so that an upgrade of the release brings the package for the next.
set -eu

tarball=$(readlink -f "${1:?usage: deb.sh TARBALL DIR [HEADERS]}")
out=${2:?usage: deb.sh TARBALL DIR [HEADERS]}
headers=${3:+$(readlink -f "$3")}
here=$(dirname "$0")
. "$here/lib.sh"

command -v dpkg-buildpackage >/dev/null ||
	fail "cannot build Debian packages: dpkg-buildpackage is not installed; apt-get install dpkg-dev"
unpack "$tarball" "$out"
ln "$tarball" "../manakin_$(version).orig.tar.xz" 2>/dev/null ||
	cp "$tarball" "../manakin_$(version).orig.tar.xz"
VERSION_ID='' VERSION_CODENAME=''
. /etc/os-release
[ -z "$VERSION_ID" ] || [ "${ID:-}" != debian ] ||
	sed -i "1s/(\(.*\)) [^;]*;/(\1~deb${VERSION_ID}u1) $VERSION_CODENAME;/" debian/changelog
[ -z "$headers" ] || cp -r "$headers" debian/dpdk-headers
missing=$(dpkg-checkbuilddeps 2>&1) ||
	fail "cannot build Debian packages: ${missing##*error: }; in the top folder of the sources: apt-get build-dep ."
dpkg-buildpackage --unsigned-source --unsigned-changes >../build.log 2>&1 || {
	cat ../build.log >&2
	fail "dpkg-buildpackage failed; its output is above"
}
cd ..
# shellcheck disable=SC2012 # what dpkg names
ls ./*.deb
cp ./*.deb ./*.dsc ./*.changes ./*.buildinfo ./*.orig.tar.xz ./*.debian.tar.xz "$out/"
