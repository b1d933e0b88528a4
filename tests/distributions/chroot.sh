#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# chroot.sh [OPTION...] SUITE COMMAND... - run a command in a chroot of a suite of Debian or Ubuntu, as root
#
#	--arch ARCH	Debian's name of the architecture (amd64); another than this machine's needs
#			qemu-user-static and binfmt-support
#	--bare		a minimal system; otherwise one with the packages that "make test" needs
#	--scratch DIR	keep what the command writes in DIR, for the next call; otherwise it is removed
#	--new		make the chroot anew
#
# The chroot is made once by debootstrap, from an archive that this machine's apt or debootstrap itself
# uses, and kept in
# MANAKIN_DISTRIBUTIONS (~/.cache/manakin/distributions). The command sees an overlay on it: what it
# writes is not kept, and what it started ends with it. Its directory is /checkout, a copy of the
# files of this tree that git knows; COMMAND is one word for a shell, or several. Compiler output is
# cached in /ccache. The network is the machine's.
#
# Exit status: the command's; 125 if there is no chroot.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
# shellcheck source=lab/lib.sh
. "$tree/lab/lib.sh"
# shellcheck source=scripts/bare-system.sh
. "$tree/scripts/bare-system.sh"

# usage - how it is called
usage() {
	sed -n '4,10s/^# \{0,1\}//p' "$0" >&2
	exit 125
}

# fail SENTENCE - in place of lab/lib.sh's: the status is not the command's
fail() {
	printf 'error: %s\n' "$*" >&2
	exit 125
}

machine_arch=$(dpkg --print-architecture)
ARCH=$machine_arch kind=tests scratch='' new=
while [ $# -gt 0 ]; do
	case $1 in
	--arch) ARCH=${2:?} && shift 2 ;;
	--bare) kind=bare && shift ;;
	--scratch) scratch=${2:?} && shift 2 ;;
	--new) new=yes && shift ;;
	-*) usage ;;
	*) break ;;
	esac
done
[ $# -ge 2 ] || usage
suite=$1 && shift
cache=${MANAKIN_DISTRIBUTIONS:-${XDG_CACHE_HOME:-$HOME/.cache}/manakin/distributions}
place=$cache/$suite-$ARCH
[ "$(id -u)" -eq 0 ] || fail "a chroot needs root"
need debootstrap debootstrap

# system DIR LOWER COMMAND... - run a command in the chroot DIR/root, or in an overlay there on LOWER
#
# The mounts are those of a namespace that ends with the command, and so do its processes. Its root
# is that directory: in a mere chroot there are no user namespaces, and setns() leads out of it.
system() {
	# shellcheck disable=SC2016
	CCACHE=$cache/ccache unshare --mount --pid --fork --kill-child sh -euc '
		dir=$1 lower=$2 && shift 2
		mount --make-rprivate /
		if [ -z "$lower" ]; then
			mount --bind "$dir/root" "$dir/root"
		else
			mkdir -p "$dir/written" "$dir/work" "$dir/root"
			mount -t overlay -o "lowerdir=$lower,upperdir=$dir/written,workdir=$dir/work" \
				overlay "$dir/root"
			mkdir -p "$dir/root/checkout" "$dir/root/ccache"
			mount --bind "$CCACHE" "$dir/root/ccache"
		fi
		mount --rbind /dev "$dir/root/dev"
		mount --rbind /sys "$dir/root/sys"
		mount -t proc proc "$dir/root/proc"
		mount -t tmpfs tmpfs "$dir/root/run"
		rm -f "$dir/root/etc/resolv.conf"
		cat /etc/resolv.conf >"$dir/root/etc/resolv.conf"
		cat /etc/hosts >"$dir/root/etc/hosts"
		cd "$dir/root"
		pivot_root . .
		umount -l .
		cd /checkout
		exec env -i PATH=/usr/lib/ccache:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root LANG=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive \
			CCACHE_DIR=/ccache CCACHE_NOHASHDIR=1 \
			$([ ! -d /opt/rdma-core ] || echo MANAKIN_RDMA_CORE=/opt/rdma-core) \
			${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} "$@"
	' sh "$@"
}

# tree_into ROOT - the files of this tree that git knows, as they are now
tree_into() {
	mkdir -p "$1/checkout"
	git -c safe.directory='*' -C "$tree" ls-files -z |
		tar -C "$tree" --null --ignore-failed-read --owner=0 --group=0 -cf - -T - |
		tar -C "$1/checkout" -xf -
}

# make_bare - the minimal system of the suite
make_bare() {
	bare_system "$suite" "$ARCH" "$place/new/root" "$place"
	mkdir "$place/new/root/checkout"
	mv "$place/new/root" "$place/bare"
}

# wanted - the packages that "make test" needs, by share/packages
wanted() {
	awk '/^Need:/ { need = "" }
		/^For:.* (build|driver|demo|test)( |$)/ { need = 1 }
		/^Debian:/ && need { sub("^Debian: ", ""); print }' "$tree/share/packages"
}

# What Debian 11, Ubuntu 20.04 and Ubuntu 22.04 have too old for the tests: Bats before 1.7, and
# rdma-core before 44, which has no libmana
needs_newer='1.7 bats
44 libibverbs1 ibverbs-providers'

# too_old - which of these the suite has too old
too_old() {
	echo "$needs_newer" | while read -r version package more; do
		dpkg --compare-versions "$(dpkg-query --admindir="$place/new/root/var/lib/dpkg" -W \
			-f '${Version}' "$package")" ge "$version" || echo "$package $more"
	done
}

# newer - take those of a newer release instead
#
# Bats is a handful of scripts, which do here too. rdma-core is only read, by the tests of "manakin
# check": it is unpacked in /opt/rdma-core.
newer() {
	# shellcheck disable=SC2046
	set -- $(too_old)
	[ $# -gt 0 ] || return 0
	case $(. "$place/new/root/etc/os-release" && echo "$ID") in
	ubuntu) from=noble ;;
	*) from=bookworm ;;
	esac
	step "too old for the tests, so that of $from is taken: $*"
	# shellcheck disable=SC2016
	system "$place/new" '' sh -euc '
		sed "s/ $1 / $2 /" /etc/apt/sources.list >/etc/apt/sources.list.d/newer.list
		from=$2
		shift 2
		apt-get -qq update
		for package; do
			rm -f *.deb
			apt-get -qq download "$package/$from"
			case $package in
			bats) dpkg -i *.deb ;;
			*) dpkg-deb -x *.deb /opt/rdma-core ;;
			esac
		done
		rm /etc/apt/sources.list.d/newer.list *.deb
		apt-get -qq update' sh "$suite" $from "$@"
}

# made_of - what a chroot with "tests" is made of: if that has changed, it is made again
made_of() {
	wanted
	echo "$needs_newer"
}

# make_tests - the minimal system, and of what "make test" needs that which the suite has; what is
# there already is kept
make_tests() {
	step "installing what \"make test\" needs in the chroot of $suite"
	mkdir -p "$place/new"
	if [ -d "$place/tests" ]; then
		mv "$place/tests" "$place/new/root"
	else
		cp -a "$place/bare" "$place/new/root"
	fi
	tree_into "$place/new/root"
	{
		# shellcheck disable=SC2016,SC2046
		system "$place/new" '' sh -euc '
			apt-get -qq update
			for package; do
				[ -z "$(apt-cache show "$package" 2>/dev/null)" ] || set -- "$@" "$package"
				shift
			done
			apt-get -qq install -y ccache make git "$@"
		' sh $(wanted) && newer && system "$place/new" '' apt-get clean
	} >"$place/log" 2>&1 || {
		tail -n 20 "$place/log" >&2
		fail "the packages that \"make test\" needs cannot be installed in the chroot of $suite;" \
			"all that was said is in $place/log"
	}
	rm -rf "$place/new/root/checkout"
	mkdir "$place/new/root/checkout"
	made_of >"$place/new/root/etc/manakin-chroot"
	mv "$place/new/root" "$place/tests"
}

# prepare - see that the chroot is there
prepare() {
	rm -rf --one-file-system "$place/new" "$place/apt"
	[ -z "$new" ] || rm -rf --one-file-system "$place/bare" "$place/tests"
	[ -d "$place/bare" ] || (make_bare) || return
	[ $kind = bare ] || [ "$(cat "$place/tests/etc/manakin-chroot" 2>/dev/null)" = "$(made_of)" ] ||
		(make_tests) || return
	rm -rf --one-file-system "$place/new" "$place/apt"
}

mkdir -p "$place" "$cache/ccache"
# Two of the same suite may run at a time, but are not made at a time.
exec 9>"$place/lock"
flock 9
prepare >&2 || exit 125
exec 9>&-
kept=$scratch
[ -n "$scratch" ] || scratch=$(mktemp -d "$place/run.XXXXXX")
mkdir -p "$scratch/written"
scratch=$(readlink -f "$scratch")
tree_into "$scratch/written"
[ $# -gt 1 ] || set -- sh -c "$1"
status=0
system "$scratch" "$place/$kind" "$@" || status=$?
[ -n "$kept" ] || rm -rf --one-file-system "$scratch"
exit $status
