#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# build-image.sh SUITE DIR - make a guest of a suite of Debian or Ubuntu in DIR. Needs root.
#
# DIR gets:
#	kernel		the suite's kernel for clouds, unpacked (its own decompressor takes
#			a second when the CPU is emulated)
#	initrd		busybox, the modules that reach the root disk, guest/boot
#	root.ext4	the system, with the distribution's own binaries
#	packages	names and versions of all packages in it
#
# The system is debootstrap's minimal one plus guest/packages, without what no
# command needs (documentation, translations, static libraries).
set -eu

here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"

# has_package NAME - does the suite have it?
has_package() {
	apt-cache pkgnames "$1" | grep -qxF -e "$1"
}

# kernel_package - the newest kernel that the distribution has for clouds: Ubuntu's is Azure's own
kernel_package() {
	case $ORIGIN in
	Ubuntu) echo linux-image-azure ;;
	*) echo "linux-image-cloud-$ARCH" ;;
	esac
}

# packages FILE - from guest/packages and what the suite has, one a line into FILE
packages() {
	sed 's/#.*//' "$here/guest/packages" >"$1.wanted"
	while read -r name _; do
		case $name in
		'') ;;
		*\?) ! has_package "${name%\?}" || echo "${name%\?}" ;;
		*\*) apt-cache pkgnames "${name%\*}" | grep -v -e '-dbgsym$' -e '-dev$' || : ;;
		linux-image-*) kernel_package ;;
		*)
			has_package "$name" ||
				fail "the suite $SUITE has no package $name, which a guest needs"
			echo "$name"
			;;
		esac
	done <"$1.wanted" >"$1"
}

# upgrade PACKAGE... - install these, and the newest of what is there already, with the machine's apt
# and the guest's dpkg
#
# debootstrap looks for each package in the suite itself first: what was mended since is not there.
upgrade() {
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	mount -t proc proc "$root/proc"
	for command in dist-upgrade "install $*"; do
		# shellcheck disable=SC2086 # a list
		INITRD=No DEBIAN_FRONTEND=noninteractive apt-get $command -o Dir::Cache="$root/var/cache/apt" \
			-o Dir::State::status="$root/var/lib/dpkg/status" -o DPkg::Chroot-Directory="$root" >&2 ||
			fail "cannot install the packages of $SUITE from $MIRROR"
	done
	umount "$root/proc"
	rm "$root/usr/sbin/policy-rc.d"
}

# decompress FILE - to standard output, in the format that its first bytes show. The
# guest's own tools do it: this machine may not have them.
decompress() {
	case $(od -An -tx1 -N6 "$1" | tr -d ' \n') in
	1f8b*) gzip -dc <"$1" ;;
	28b52ffd*) chroot "$root" zstd -qdc <"$1" ;;
	02214c18*) chroot "$root" lz4 -qdc <"$1" ;;
	fd377a585a00) chroot "$root" xz -dc <"$1" ;;
	*) cat "$1" ;;
	esac
}

# number FILE OFFSET TYPE - a little-endian number in a file (TYPE as od's)
number() {
	od -An "-t$3" -j"$2" -N"${3#u}" "$1" | tr -d ' '
}

# unpack_kernel VMLINUZ FILE - take the ELF image out of a bzImage
#
# The offsets are those of the x86 boot protocol's header: setup_sects at 0x1f1,
# payload_offset at 0x248, payload_length at 0x24c. The payload's last four bytes
# are its unpacked size. QEMU starts an ELF image by its PVH entry point.
unpack_kernel() {
	start=$((($(number "$1" 497 u1) + 1) * 512 + $(number "$1" 584 u4)))
	tail -c +$((start + 1)) "$1" | head -c $(($(number "$1" 588 u4) - 4)) >"$2.payload"
	decompress "$2.payload" >"$2"
	rm "$2.payload"
	[ "$(od -An -tx1 -N4 "$2" | tr -d ' ')" = 7f454c46 ] ||
		fail "cannot unpack the kernel $1"
}

# build_vmbus VERSION - the module of vmbus/, built for the guest's kernel, into the guest
#
# It is built in a copy of the guest's system, made of hard links, to which the compiler
# and the kernel's headers are added; the copy is removed afterwards. depmod looks into
# updates/ first, so the module takes precedence over the kernel's own of that name.
build_vmbus() {
	build=$dir/scratch/build
	apt-get install --download-only -o Dir::State::status="$root/var/lib/dpkg/status" \
		"linux-headers-$1" make >&2 || fail "cannot fetch the headers of the kernel $1"
	cp -al "$root" "$build"
	for package in "$dir"/scratch/cache/archives/*.deb; do
		dpkg-deb -x "$package" "$build"
	done
	cp -r "$here/vmbus" "$build/vmbus"
	chroot "$build" sh /vmbus/build.sh "/usr/src/linux-headers-$1" >&2 ||
		fail "cannot build vmbus/ for the kernel $1"
	install -D -m 644 "$build/vmbus/hv_vmbus.ko" "$root/lib/modules/$1/updates/hv_vmbus.ko"
	chroot "$root" depmod "$1"
	rm -rf --one-file-system "$build"
}

[ $# -eq 2 ] || fail "usage: build-image.sh SUITE DIR"
SUITE=$1
mkdir -p "$2"
dir=$(readlink -f "$2")
root=$dir/root
[ "$(id -u)" -eq 0 ] || fail "building a guest image needs root (debootstrap does)"
[ "$(dpkg --print-architecture)" = $ARCH ] || fail "the lab runs on $ARCH machines only"
need debootstrap debootstrap
need mke2fs e2fsprogs
rm -rf --one-file-system "$root" "$dir/scratch"

step "finding an archive with $SUITE"
apt_setup "$dir/scratch"
suite_source "$SUITE"

step "fetching the package lists"
apt_source "$SUITE"
packages "$dir/scratch/include"
include=
[ "$ORIGIN" = Ubuntu ] || include=$(paste -sd, "$dir/scratch/include")

step "installing $SUITE and $(wc -l <"$dir/scratch/include") chosen packages"
# INITRD=No: initramfs-tools comes with the kernel, but this script makes its own below.
INITRD=No DEBIAN_FRONTEND=noninteractive debootstrap --arch=$ARCH --variant=minbase \
	--keyring="$KEYRING" ${include:+--include="$include"} "$SUITE" "$root" "$MIRROR" \
	"$(bootstrap_script "$SUITE" "$ORIGIN")" >&2 || {
	tail -n 20 "$root/debootstrap/debootstrap.log" >&2 || :
	fail "debootstrap could not install $SUITE from $MIRROR"
}

# shellcheck disable=SC2046 # a list
[ -n "$include" ] || upgrade $(cat "$dir/scratch/include")

step "removing documentation and caches"
chroot "$root" dpkg-query -W >"$dir/packages"
tests=$root/usr/share/doc/rdma-core/tests
[ ! -d "$tests" ] || mv "$tests" "$dir/scratch/rdma-tests"
rm -rf "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* \
	"$root"/usr/share/info/* "$root"/usr/include/* "$root"/var/cache/apt/* \
	"$root"/var/cache/debconf/*-old "$root"/var/lib/apt/lists/* "$root"/var/log/*
find "$root/usr/lib" -name '*.a' -delete
if [ -d "$dir/scratch/rdma-tests" ]; then
	mkdir -p "${tests%/*}"
	mv "$dir/scratch/rdma-tests" "$tests"
	find "$tests" -name '*.gz' -exec gunzip {} +
fi

step "configuring the guest"
mkdir -p "$root/usr/lib/manakin" "$root/mnt/share" "$root/etc/udev/rules.d"
install -m 755 "$here/guest/init" "$root/usr/lib/manakin/init"
install -m 644 "$here/guest/profile" "$root/etc/profile.d/manakin.sh"
echo lab >"$root/etc/hostname"
printf '127.0.0.1\tlocalhost lab\n::1\tlocalhost ip6-localhost\n' >"$root/etc/hosts"
: >"$root/etc/resolv.conf"
rm -f "$root/etc/apt/sources.list"
# Devices keep the kernel's names: eth0, mana_0.
: >"$root/etc/udev/rules.d/60-rdma-persistent-naming.rules"
for action in reboot poweroff; do
	printf '#!/bin/sh\nexec busybox %s -f\n' $action >"$root/usr/local/sbin/$action"
	chmod 755 "$root/usr/local/sbin/$action"
done

kernel=$(find "$root/boot" -name 'vmlinuz-*' | sort -V | tail -n 1)
[ -n "$kernel" ] || fail "the suite $SUITE installed no kernel"
version=${kernel##*/vmlinuz-}
if [ "$SUITE" = trixie ]; then
	step "building the guest's VMBus"
	build_vmbus "$version"
fi
step "making the initramfs"
initramfs=$dir/scratch/initramfs
mkdir -p "$initramfs/bin" "$initramfs/modules" "$initramfs/dev" "$initramfs/proc" \
	"$initramfs/sys" "$initramfs/root" "$initramfs/lower" "$initramfs/upper"
cp "$root$(chroot "$root" sh -c 'command -v busybox' | xargs chroot "$root" readlink -f)" \
	"$initramfs/bin/busybox"
for applet in sh mount mkdir insmod switch_root poweroff; do
	ln -s busybox "$initramfs/bin/$applet"
done
install -m 755 "$here/guest/boot" "$initramfs/init"
chroot "$root" modprobe -S "$version" -a -D virtio_pci virtio_blk ext4 overlay |
	awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$dir/scratch/modules"
while read -r module; do
	name=$(basename "$module")
	name=${name%%.ko*}.ko
	decompress "$root$module" >"$initramfs/modules/$name"
	echo "$name"
done <"$dir/scratch/modules" >"$initramfs/modules/order"
(cd "$initramfs" && find . | "$initramfs/bin/busybox" cpio -o -H newc) >"$dir/initrd" 2>/dev/null

step "unpacking the kernel $version"
unpack_kernel "$kernel" "$dir/kernel"
rm -rf "${root:?}"/boot/*

step "making the root disk"
rm -f "$dir/root.ext4"
size=$(du -sk --apparent-size "$root" | cut -f1)
mke2fs -q -t ext4 -O ^has_journal -m 0 -L manakin-lab -d "$root" "$dir/root.ext4" \
	$((size + size / 8 + 16384))k >&2
rm -rf --one-file-system "$root" "$dir/scratch"
if [ -n "${SUDO_UID:-}" ]; then
	chown -R "$SUDO_UID:${SUDO_GID:-}" "$dir"
fi
