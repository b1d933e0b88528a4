#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Build the one-file archive of a release tarball, manakin-VERSION-linux-MACHINE.tar.gz, into DIR.
# Prints its path.
# usage: portable.sh TARBALL DIR
#        portable.sh --packages
#
# MACHINE, x86_64 or aarch64, is this machine by default; for another the program is cross-built, with
# that machine's packages of Debian beside this one's (multiarch). --packages prints what is to be
# installed for it, on Debian.
#
# It is for a machine that nothing may be installed on: unpacked anywhere, its bin/manakin needs a
# glibc from 2.28 on and nothing else. So it is built on an old system (Debian 11). Small libraries
# are linked in; those that the system has only as shared ones lie in lib/manakin, where the program
# looks first. What belongs to the machine, libkmod and libibverbs, is looked for when it is wanted.
set -eu

GLIBC=2.28 # that of RHEL 8, the oldest that MANA's guide names
LIBRARIES="libmnl.so.0 libsmartcols.so.1"
LINKED="jansson pcap pcre2-8 seccomp z mnl smartcols" # whose licences are in the archive
TOOLS="gcc libc6-dev meson ninja-build pkg-config python3-minimal xz-utils"
HEADERS="libjansson-dev libkmod-dev libmnl-dev libpcap-dev libpcre2-dev libseccomp-dev libsmartcols-dev zlib1g-dev"

here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
machine=${MACHINE:-$(uname -m)}
cc=${CC:-cc} suffix='' cross=
if [ "$machine" != "$(uname -m)" ]; then
	[ -e "$here/../cross/$machine.ini" ] ||
		fail "cannot build for $machine on this machine: scripts/cross has no recipe for it"
	cc=$machine-linux-gnu-gcc
	suffix=:$(case $machine in aarch64) echo arm64 ;; *) echo "$machine" ;; esac)
	TOOLS="$TOOLS gcc-$machine-linux-gnu libc6-dev$suffix"
fi

if [ "${1-}" = --packages ]; then
	for package in $TOOLS; do
		echo "$package"
	done
	for package in $HEADERS; do
		echo "$package$suffix"
	done
	exit
fi
tarball=$(readlink -f "${1:?usage: portable.sh TARBALL DIR}")
out=${2:?usage: portable.sh TARBALL DIR}

# library NAME - where the linker finds it
library() {
	$cc -print-file-name="$1"
}

# cross_files - let meson build for the machine, with packages that are installed beside this one's;
# nothing that was built is run
cross_files() {
	printf "[constants]\nsysroot = '/'\nlauncher = []\nemulator = []\n" >../places.ini
	cross="--cross-file ../places.ini --cross-file scripts/cross/$machine.ini"
}

# licences DIR - of what is linked in, from the packages that it comes from
licences() {
	for name in $LINKED; do
		file=$(readlink -f "$(library "lib$name.so")")
		package=$(dpkg-query --search "$file" "${file#/usr}" 2>/dev/null | head -n 1 | cut -d: -f1)
		[ -n "$package" ] || fail "no package has $file, so its licence is not known"
		cp "/usr/share/doc/$package/copyright" "$1/$name"
	done
}

unpack "$tarball" "$out"
SOURCE_DATE_EPOCH=$(epoch)
export SOURCE_DATE_EPOCH
archive=manakin-$(version)-linux-$machine
[ -z "$suffix" ] || cross_files
# shellcheck disable=SC2086,SC2154 # options; unpack() sets work
meson setup $cross -Dportable=true -Dtests=false -Dprefix=/usr/local -Dlibdir=lib \
	-Dc_args="-ffile-prefix-map=$PWD=." build >../log 2>&1 && ninja -C build manakin >>../log 2>&1 &&
	DESTDIR=$work/stage meson install -C build --no-rebuild >>../log 2>&1 || {
	cat ../log >&2
	fail "cannot build the program; what meson said is above"
}
mv "$work/stage/usr/local" "$work/$archive"
cd "$work/$archive"
# Services are for a machine that one may install on.
rm -rf lib/systemd lib/sysusers.d
mkdir -p lib/manakin share/doc/manakin/licences
for file in $LIBRARIES; do
	cp -L "$(library "$file")" lib/manakin/
done
licences share/doc/manakin/licences
above=$(glibc_above $GLIBC bin/manakin lib/manakin/*)
[ -z "$above" ] || fail "these need a glibc newer than $GLIBC: $above"
find . -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
cd ..
tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu \
	-cf "$archive.tar" "$archive"
gzip -9 -n "$archive.tar"
mv "$archive.tar.gz" "$out/"
echo "$out/$archive.tar.gz"
