#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Build the one-file archive of a release tarball, manakin-VERSION-linux-MACHINE.tar.gz, into DIR.
# Prints its path.
# usage: portable.sh TARBALL DIR
#
# It is for a machine that nothing may be installed on: unpacked anywhere, its bin/manakin needs a
# glibc from 2.28 on and nothing else. So it is built on an old system (Debian 11). Small libraries
# are linked in; those that the system has only as shared ones lie in lib/manakin, where the program
# looks first. What belongs to the machine, libkmod and libibverbs, is looked for when it is wanted.
set -eu

GLIBC=2.28 # that of RHEL 8, the oldest that MANA's guide names
LIBRARIES="libmnl.so.0 libsmartcols.so.1"
LINKED="jansson pcap pcre2-8 seccomp z mnl smartcols" # whose licences are in the archive

tarball=$(readlink -f "${1:?usage: portable.sh TARBALL DIR}")
out=${2:?usage: portable.sh TARBALL DIR}
here=$(dirname "$0")
. "$here/lib.sh"

# library NAME - where the linker finds it
library() {
	${CC:-cc} -print-file-name="$1"
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
archive=manakin-$(version)-linux-${MACHINE:-$(uname -m)}
# shellcheck disable=SC2086,SC2154 # options, for a cross build; unpack() sets work
meson setup ${MESON_OPTIONS:-} -Dportable=true -Dtests=false -Dprefix=/usr/local -Dlibdir=lib \
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
