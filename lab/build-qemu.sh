#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# build-qemu.sh ARCHITECTURE DIR - put the QEMU that runs the lab's guests of ARCHITECTURE (amd64
# or arm64) into DIR.
#
# QEMU has the device vfio-user-pci since 10.1, which is newer than any stable suite's own;
# trixie-backports has it. QEMU and every library that it needs, the C library included, are
# unpacked into DIR, apart from the machine's own; DIR's dynamic linker starts it (see the
# file "run"). Root is not needed.
set -eu

SUITE=trixie
BACKPORTS=trixie-backports

here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"

[ $# -eq 2 ] || fail "usage: build-qemu.sh ARCHITECTURE DIR"
case $1 in
amd64) PACKAGES='qemu-system-x86 virtiofsd' program=qemu-system-x86_64 ;;
arm64) PACKAGES='qemu-system-arm virtiofsd' program=qemu-system-aarch64 ;;
*) fail "the lab has no guests of the architecture $1; use amd64 or arm64" ;;
esac
mkdir -p "$2"
dir=$(readlink -f "$2")
need dpkg-deb dpkg
ARCH=$(dpkg --print-architecture) # this machine's, on which QEMU runs
case $ARCH in
amd64) libraries=x86_64-linux-gnu linker=ld-linux-x86-64.so.2 ;;
arm64) libraries=aarch64-linux-gnu linker=ld-linux-aarch64.so.1 ;;
*) fail "the lab runs on amd64 and arm64 machines, and this is one of $ARCH" ;;
esac

rm -rf "$dir/scratch" "$dir/root"
step "finding an archive with $BACKPORTS"
apt_setup "$dir/scratch"
suite_source "$BACKPORTS"
suite_source "$SUITE"

step "fetching the package lists"
apt_source "$SUITE" "$BACKPORTS"

step "fetching QEMU"
# shellcheck disable=SC2086 # a list
apt-get install --download-only -t "$BACKPORTS" $PACKAGES >&2 ||
	fail "cannot fetch $PACKAGES from $BACKPORTS of $MIRROR"

step "unpacking QEMU"
mkdir "$dir/root"
for package in "$dir"/scratch/cache/archives/*.deb; do
	dpkg-deb -x "$package" "$dir/root"
done
(cd "$dir/root" && rm -rf etc var usr/share/doc usr/share/man usr/share/locale usr/share/info \
	usr/share/icons usr/share/applications usr/share/lintian usr/share/bug usr/sbin)
rm -f "$dir/root/usr/bin/qemu-system-arm" # for CPUs of 32 bits
[ -x "$dir/root/usr/bin/$program" ] || fail "the QEMU of $BACKPORTS has no $program"

cat >"$dir/run" <<-EOF
	#!/bin/sh
	# run PROGRAM [ARGUMENT...] - run a program of this tree with this tree's libraries
	libraries=$libraries linker=$linker
EOF
cat >>"$dir/run" <<-'EOF'
	root=$(dirname "$(readlink -f "$0")")/root
	program=$1
	shift
	case $program in
	qemu-system-*) set -- -L "$root/usr/share/qemu" -L "$root/usr/share/seabios" "$@" ;;
	esac
	for file in "$root/usr/bin/$program" "$root/usr/libexec/$program"; do
		[ ! -x "$file" ] || break
	done
	QEMU_MODULE_DIR=$root/usr/lib/$libraries/qemu
	export QEMU_MODULE_DIR
	exec "$root/usr/lib/$libraries/$linker" \
		--library-path "$root/usr/lib/$libraries" "$file" "$@"
EOF
chmod 755 "$dir/run"

step "checking that it runs"
"$dir/run" "$program" -version >&2 || fail "the unpacked QEMU does not start"
"$dir/run" "$program" -device help 2>&1 | grep -q '"vfio-user-pci"' ||
	fail "the QEMU of $BACKPORTS has no vfio-user-pci device"
"$dir/run" virtiofsd --version >&2 || fail "the unpacked virtiofsd does not start"
rm -rf "$dir/scratch"
