#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Prepare BUILD for building this tree for arm64 on another machine, and for running what was built
# there under user emulation (qemu-user).
# usage: setup.sh BUILD [MESON-OPTION...]
#        setup.sh --emulator BUILD, for the emulator alone
#
# BUILD/sysroot gets Debian's arm64 packages that the tree is built against, of the machine's own
# suite, unpacked and not installed: nothing of the machine is changed. DPDK's driver headers, which
# have to be of the same version, are copied from the build directory HEADERS (build). If everything
# is there already, nothing is done.
#
# BUILD/qemu-aarch64 is the emulator, of trixie if the machine's is older than 8.0: those keep a
# record for each page that is mapped, reserved ones too, and the adapter's reservation of 1 TiB
# (dma/map.c) takes them all memory there is.
set -eu

alone=
[ "${1-}" != --emulator ] || { alone=yes; shift; }
build=${1:?usage: setup.sh BUILD [MESON-OPTION...]}
shift
here=$(dirname "$(readlink -f "$0")")
tree=$(dirname "$(dirname "$here")")
packages="libc6-dev libgcc-s1 libdpdk-dev dpdk-dev libibverbs-dev libcmocka-dev libsmartcols-dev
libpcap-dev libjansson-dev libseccomp-dev libmnl-dev libkmod-dev libpcre2-dev zlib1g-dev"

# shellcheck source=lab/lib.sh
. "$tree/lab/lib.sh"
ARCH=arm64

[ -n "$alone" ] || need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
headers=$(readlink -m "${HEADERS:-$tree/build}")/dpdk-headers
mkdir -p "$build"
build=$(readlink -f "$build")
sysroot=$build/sysroot

# unpack_sysroot - the packages, and all that they depend on, in $sysroot
unpack_sysroot() {
	suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	apt_setup "$work"
	suite_source "$suite"
	apt_source "$suite"
	step "fetching the arm64 packages of $suite"
	# shellcheck disable=SC2086 # a list
	apt-get -qq install --download-only $packages >&2 ||
		fail "cannot fetch the arm64 packages of $suite from $MIRROR"
	step "unpacking them into $sysroot"
	rm -rf "$sysroot" "$sysroot.new"
	mkdir -p "$sysroot.new/usr/lib"
	# As an installed system has it: some packages still have their libraries in /lib.
	ln -s usr/lib "$sysroot.new/lib"
	for package in "$work"/cache/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$package" |
			tar -x -C "$sysroot.new" --keep-directory-symlink --exclude=./usr/share/doc \
				--exclude=./usr/share/locale --exclude=./usr/share/man
	done
	# DPDK's static libraries are large, and nothing is linked with them.
	find "$sysroot.new" -name 'librte_*.a' -delete
	mv "$sysroot.new" "$sysroot"
}

# get_emulator - a qemu-aarch64 that is new enough, as $build/qemu-aarch64
get_emulator() {
	own=$(command -v qemu-aarch64 || command -v qemu-aarch64-static || :)
	version=$([ -z "$own" ] || "$own" --version | sed -n 's/^qemu-aarch64 version \([0-9]*\).*/\1/p')
	if [ "${version:-0}" -ge 8 ]; then
		ln -sf "$own" "$build/qemu-aarch64"
		return
	fi
	step "fetching qemu-user of trixie"
	ARCH=$(dpkg --print-architecture)
	work=$(mktemp -d)
	apt_setup "$work"
	suite_source trixie
	apt_source trixie
	(cd "$work" && apt-get -qq download qemu-user) >&2 || fail "cannot fetch qemu-user from $MIRROR"
	dpkg-deb --fsys-tarfile "$work"/qemu-user_*.deb | tar -xO ./usr/bin/qemu-aarch64 >"$work/qemu"
	install -m 755 "$work/qemu" "$build/qemu-aarch64"
	rm -rf "$work"
}

[ -x "$build/qemu-aarch64" ] || (get_emulator)
[ -z "$alone" ] || exit 0
[ -d "$sysroot" ] || (unpack_sysroot)
if [ -d "$headers" ] && [ ! -d "$build/dpdk-headers" ]; then
	cp -r "$headers" "$build/"
fi
cat >"$build/sysroot.ini" <<-END
	[constants]
	sysroot = '$sysroot'
	launcher = [$(command -v ccache >/dev/null && echo "'ccache'")]
	emulator = ['$build/qemu-aarch64', '-E', 'EMULATED=qemu-user', '-L', '$sysroot']
END
[ -f "$build/build.ninja" ] ||
	meson setup --cross-file "$build/sysroot.ini" --cross-file "$here/aarch64.ini" "$@" "$build" "$tree"
