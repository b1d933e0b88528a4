#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A Debian system in a folder, of any release, from this machine's own archives. Needs root.
# usage: chroot.sh make SUITE DIR [PACKAGE...]
#        chroot.sh run DIR COMMAND...
#
# make	the smallest system of the suite, and packages, also of another architecture (NAME:ARCH). The
#	system without the packages is kept in MANAKIN_CHROOTS (~/.cache/manakin/chroots) for the next time.
# run	a command in it, with /proc, /dev and an empty /run, the network of the caller, and an end:
#	what the command leaves running is killed.
set -eu

here=$(dirname "$(readlink -f "$0")")
. "$here/../../lab/lib.sh"
. "$here/../bare-system.sh"

CHROOTS=${MANAKIN_CHROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/manakin/chroots}

# base SUITE - make the system that is kept, with the sources of packages among its archives
base() {
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	root=$CHROOTS/$1.new
	rm -rf --one-file-system "$root"
	bare_system "$1" "$(dpkg --print-architecture)" "$root" "$work"
	suite_lines "$1" | sed 's/^deb /deb-src /' >>"$root/etc/apt/sources.list"
	mv "$root" "$CHROOTS/$1"
}

# within DIR COMMAND... - see run
within() {
	cp -L /etc/resolv.conf "$1/etc/resolv.conf" 2>/dev/null || :
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --pid --fork --kill-child /bin/sh -euc '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount -t sysfs -o ro sysfs "$root/sys"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs -o mode=755 tmpfs "$root/run"
		exec chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root TMPDIR=/tmp LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"' within "$@"
}

[ "$(id -u)" -eq 0 ] || fail "making and entering another system needs root"
case ${1-} in
make)
	suite=${2:?usage: chroot.sh make SUITE DIR [PACKAGE...]}
	dir=${3:?usage: chroot.sh make SUITE DIR [PACKAGE...]}
	shift 3
	need debootstrap debootstrap
	mkdir -p "$CHROOTS"
	(
		flock 9
		[ -e "$CHROOTS/$suite" ] || base "$suite"
	) 9>"$CHROOTS/$suite.lock"
	cp -a "$CHROOTS/$suite" "$dir"
	# shellcheck disable=SC2016 # for the inner shell
	[ $# -eq 0 ] || within "$dir" sh -euc '
		for package; do
			case $package in *:*) dpkg --add-architecture "${package#*:}" ;; esac
		done
		apt-get -qq update
		apt-get -qq install -y "$@"' install "$@" \
		>"$dir.log" 2>&1 || {
		tail -n 20 "$dir.log" >&2
		fail "cannot install $* in $suite"
	}
	rm -f "$dir.log"
	;;
run)
	dir=${2:?usage: chroot.sh run DIR COMMAND...}
	shift 2
	within "$dir" "$@"
	;;
*)
	fail "usage: chroot.sh make SUITE DIR [PACKAGE...], or chroot.sh run DIR COMMAND..."
	;;
esac
