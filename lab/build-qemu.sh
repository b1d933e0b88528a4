#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# build-qemu.sh DIR - put the QEMU that runs the lab's guests into DIR.
#
# QEMU has the device vfio-user-pci since 10.1, which is newer than any stable suite's own;
# trixie-backports has it. QEMU and every library that it needs, the C library included, are
# unpacked into DIR, apart from the machine's own; DIR's dynamic linker starts it (see the
# file "run"). Root is not needed.
set -eu

SUITE=trixie
BACKPORTS=trixie-backports
PACKAGES='qemu-system-x86 virtiofsd'

here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"

[ $# -eq 1 ] || fail "usage: build-qemu.sh DIR"
mkdir -p "$1"
dir=$(readlink -f "$1")
need dpkg-deb dpkg
[ "$(dpkg --print-architecture)" = $ARCH ] || fail "the lab runs on $ARCH machines only"

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

cat >"$dir/run" <<-'EOF'
	#!/bin/sh
	# run PROGRAM [ARGUMENT...] - run a program of this tree with this tree's libraries
	root=$(dirname "$(readlink -f "$0")")/root
	program=$1
	shift
	case $program in
	qemu-system-*) set -- -L "$root/usr/share/qemu" -L "$root/usr/share/seabios" "$@" ;;
	esac
	for file in "$root/usr/bin/$program" "$root/usr/libexec/$program"; do
		[ ! -x "$file" ] || break
	done
	QEMU_MODULE_DIR=$root/usr/lib/x86_64-linux-gnu/qemu
	export QEMU_MODULE_DIR
	exec "$root/usr/lib64/ld-linux-x86-64.so.2" \
		--library-path "$root/usr/lib/x86_64-linux-gnu" "$file" "$@"
EOF
chmod 755 "$dir/run"

step "checking that it runs"
"$dir/run" qemu-system-x86_64 -version >&2 || fail "the unpacked QEMU does not start"
"$dir/run" qemu-system-x86_64 -device help 2>&1 | grep -q '"vfio-user-pci"' ||
	fail "the QEMU of $BACKPORTS has no vfio-user-pci device"
"$dir/run" virtiofsd --version >&2 || fail "the unpacked virtiofsd does not start"
rm -rf "$dir/scratch"
