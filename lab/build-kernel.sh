#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# build-kernel.sh SUITE ARCHITECTURE FLAVOUR DIR - make another kernel for the guests of a suite in
# DIR: "generic", Debian's for any machine.
#
# DIR gets:
#	kernel		unpacked
#	initrd		busybox, the modules that reach the disks, guest/boot and kernel/switch_root
#	modules.ext4	the kernel's modules, but for those of hardware that no guest has
#	packages	names and versions of the packages that they are from
#
# The guest's root disk stays the one of its own kernel; the modules are a second disk.
set -eu

here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
. "$here/kernel/lib.sh"

# kernel_packages - the flavour's package, and the ones that it stands for
kernel_packages() {
	apt-cache depends --recurse --important "linux-image-$ARCH" 2>/dev/null |
		grep -xE 'linux-(image|modules|binary)-[^<>]*' | sort -u
}

[ $# -eq 4 ] || fail "usage: build-kernel.sh SUITE ARCHITECTURE FLAVOUR DIR"
SUITE=$1 ARCH=$2
[ "$3" = generic ] || fail "there is no kernel \"$3\"; use generic"
mkdir -p "$4"
dir=$(readlink -f "$4")
root=$dir/root
need dpkg-deb dpkg
need depmod kmod
need cpio cpio
need mke2fs e2fsprogs
rm -rf --one-file-system "$root" "$dir/scratch"

step "finding an archive with $SUITE"
apt_setup "$dir/scratch"
suite_source "$SUITE"

step "fetching the package lists"
apt_source "$SUITE"

step "fetching the kernel"
kernel_packages >"$APT_DIR/wanted"
[ -s "$APT_DIR/wanted" ] ||
	fail "the suite $SUITE has no package linux-image-$ARCH: the generic kernel is for Debian's suites"
mkdir -p "$dir/scratch/debs" "$root/usr/bin" "$root/usr/lib"
ln -s usr/bin usr/lib "$root/" # as in build-unpacked.sh
(
	cd "$dir/scratch/debs"
	# shellcheck disable=SC2046 # a list
	apt-get download $(cat "$APT_DIR/wanted") busybox-static >&2
) || fail "cannot fetch the kernel of $SUITE for $ARCH from $MIRROR"

step "unpacking it"
printf '*/lib/modules/*/kernel/%s\n' $ABSENT >"$dir/scratch/excluded"
for package in "$dir"/scratch/debs/*.deb; do
	dpkg-deb --show "$package"
	dpkg-deb --fsys-tarfile "$package" |
		tar -x --keep-directory-symlink -C "$root" -X "$dir/scratch/excluded" >&2 ||
		fail "cannot unpack $package"
done >"$dir/packages"
version=$(find "$root/usr/lib/modules" -mindepth 1 -maxdepth 1 -printf '%f\n')
kernel=$root/boot/vmlinuz-$version
[ -e "$kernel" ] || kernel=$root/usr/lib/modules/$version/vmlinuz # Debian 14
[ -e "$kernel" ] || fail "the packages of the kernel $version have no vmlinuz"
depmod -b "$root" "$version" >&2

step "making the initramfs"
initramfs=$dir/scratch/initramfs
initramfs_tree "$initramfs" "$root" "$version" "$root/usr/bin/busybox" "$here/guest/boot"
rm "$initramfs/bin/switch_root"
install -m 755 "$here/kernel/switch_root" "$initramfs/bin/switch_root"
pack_initramfs "$initramfs" "$dir/initrd"

step "unpacking the kernel $version"
unpack_kernel "$kernel" "$dir/kernel"
rm "$kernel"

step "making the disk of modules"
rm -f "$dir/modules.ext4"
modules=$root/usr/lib/modules
size=$(du -sk --apparent-size "$modules" | cut -f1)
# 4 KiB for each file, of which half is wasted on average, and an inode
files=$(find "$modules" | wc -l)
mke2fs -q -t ext4 -O ^has_journal -m 0 -L manakin-modules -E root_owner=0:0 -d "$modules" \
	"$dir/modules.ext4" $((size + size / 8 + 3 * files + 4096))k >&2
rm -rf --one-file-system "$root" "$dir/scratch"
