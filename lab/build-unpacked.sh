#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# build-unpacked.sh SUITE ARCHITECTURE PAGES DIR - make a guest for machines of another
# architecture in DIR: amd64 or arm64, with pages of 4k or (arm64) 16k. Needs root.
#
# DIR gets what build-image.sh puts there: kernel, initrd, root.ext4, packages.
#
# This machine cannot run the guest's programs, so packages are unpacked and no script of theirs
# is run. What those would have done and a guest needs is done here: accounts, the choice among
# alternatives, the index of the kernel's modules. A guest has no service manager anyway, so the
# packages that are services are left out.
set -eu

here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
. "$here/kernel/lib.sh"

# What guest/packages names and a guest made of unpacked packages does without
SERVICES='dbus systemd libpam-systemd network-manager'

# What is tested in guests of this machine's architecture only: rdma-core's own tests
TESTS='python3-pyverbs'

# What packages depend on, and a guest does without: DPDK's headers and all of its drivers (those
# that are needed are named below), and what makes another initramfs
UNNEEDED='libdpdk-dev linux-initramfs-tool'

has_package() {
	apt-cache pkgnames "$1" | grep -qxF -e "$1"
}

# kernel_package - the package of the suite's kernel with pages of the size $PAGES
kernel_package() {
	case $ARCH-$PAGES in
	*-4k) echo "linux-image-cloud-$ARCH" ;;
	*) echo "linux-image-$ARCH-$PAGES" ;;
	esac
}

# packages - what the guest has in addition to essential packages, one a line
packages() {
	kernel_package
	echo systemd-standalone-sysusers                    # udev wants it, or all of systemd
	apt-cache pkgnames librte-mempool-ring | grep -v -e '-dbgsym$' # testpmd's default
	sed 's/#.*//' "$here/guest/packages" | while read -r name _; do
		case " $SERVICES $TESTS linux-image-cloud-amd64 " in
		*" $name "*) continue ;;
		esac
		case $name in
		'') ;;
		*\?) ! has_package "${name%\?}" || echo "${name%\?}" ;;
		*\*) apt-cache pkgnames "${name%\*}" | grep -v -e '-dbgsym$' -e '-dev$' || : ;;
		*)
			has_package "$name" ||
				fail "the suite $SUITE has no package $name for $ARCH, which a guest needs"
			echo "$name"
			;;
		esac
	done
}

# unpack - all downloaded packages into the root, several at a time, without what no command needs
#
# /bin, /sbin and /lib are links to /usr, whatever a package has there.
unpack() {
	mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib"
	ln -s usr/bin usr/sbin usr/lib "$root/"
	{
		printf './usr/share/%s/*\n' doc man locale info
		printf './usr/include/*\n*.a\n'
		# shellcheck disable=SC2086 # a list
		printf '*/lib/modules/*/kernel/%s\n' $ABSENT
	} >"$dir/scratch/excluded"
	# shellcheck disable=SC2016 # for the inner shell
	find "$dir/scratch/cache/archives" -name '*.deb' -print0 | sort -z | xargs -0 -P "$(nproc)" -n 8 sh -c '
		root=$1 excluded=$2
		shift 2
		for package; do
			dpkg-deb --fsys-tarfile "$package" |
				tar -x --keep-directory-symlink -C "$root" -X "$excluded" || exit 255
		done' sh "$root" "$dir/scratch/excluded" >&2 || fail "cannot unpack the packages"
}

# accounts - base-passwd has root and the others of every Debian, packages add theirs
accounts() {
	cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
	cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
	cat "$root"/usr/lib/sysusers.d/*.conf 2>/dev/null |
		awk '$1 == "g" && !seen[$2]++ { print $2 }' | while read -r group; do
		grep -q "^$group:" "$root/etc/group" ||
			echo "$group:x:$((900 + $(wc -l <"$root/etc/group"))):" >>"$root/etc/group"
	done
}

# alternatives - the links that update-alternatives would make
alternatives() {
	for pair in awk:mawk nc:nc.openbsd pager:less; do
		[ -e "$root/usr/bin/${pair%:*}" ] || [ ! -e "$root/usr/bin/${pair#*:}" ] ||
			ln -s "${pair#*:}" "$root/usr/bin/${pair%:*}"
	done
}

[ $# -eq 4 ] || fail "usage: build-unpacked.sh SUITE ARCHITECTURE PAGES DIR"
SUITE=$1 ARCH=$2 PAGES=$3
mkdir -p "$4"
dir=$(readlink -f "$4")
root=$dir/root
[ "$(id -u)" -eq 0 ] || fail "building a guest image needs root (its files belong to root)"
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
has_package "$(kernel_package)" ||
	fail "the suite $SUITE has no kernel with pages of $PAGES for $ARCH ($(kernel_package));" \
		"use another suite or --pages"
packages >"$dir/scratch/include"
for package in $UNNEEDED; do
	printf 'Package: %s\nStatus: install ok installed\nArchitecture: %s\n' "$package" "$ARCH"
	printf 'Version: 999\nMaintainer: nobody\nDescription: left out\n\n'
done >"$dir/scratch/state/status"

step "fetching $SUITE for $ARCH"
# shellcheck disable=SC2046 # a list
apt-get install --download-only '?essential' $(cat "$dir/scratch/include") >&2 ||
	fail "cannot fetch the packages of $SUITE for $ARCH from $MIRROR"

step "unpacking its packages"
unpack
for package in "$dir"/scratch/cache/archives/*.deb; do
	dpkg-deb --show "$package"
done | sort >"$dir/packages"
accounts
alternatives

step "configuring the guest"
mkdir -p "$root/usr/lib/manakin" "$root/usr/local/bin" "$root/usr/local/sbin" "$root/mnt/share" \
	"$root/etc/udev/rules.d"
install -m 755 "$here/guest/init" "$root/usr/lib/manakin/init"
install -m 644 "$here/guest/profile" "$root/etc/profile.d/manakin.sh"
cp "$root/usr/share/base-files/profile" "$root/etc/profile"
cp "$root/usr/share/base-files/dot.bashrc" "$root/root/.bashrc"
cp "$root/usr/share/base-files/dot.profile" "$root/root/.profile"
echo lab >"$root/etc/hostname"
printf '127.0.0.1\tlocalhost lab\n::1\tlocalhost ip6-localhost\n' >"$root/etc/hosts"
: >"$root/etc/resolv.conf"
# Devices keep the kernel's names: eth0, mana_0.
: >"$root/etc/udev/rules.d/60-rdma-persistent-naming.rules"
for action in reboot poweroff; do
	printf '#!/bin/sh\nexec busybox %s -f\n' $action >"$root/usr/local/sbin/$action"
	chmod 755 "$root/usr/local/sbin/$action"
done

kernel=$(find "$root/boot" -name 'vmlinuz-*' | sort -V | tail -n 1)
[ -n "$kernel" ] || fail "the suite $SUITE has no kernel for $ARCH"
version=${kernel##*/vmlinuz-}
step "indexing the modules of the kernel $version"
depmod -b "$root" "$version" >&2

step "making the initramfs"
initramfs_tree "$dir/scratch/initramfs" "$root" "$version" "$root/usr/bin/busybox" "$here/guest/boot"
pack_initramfs "$dir/scratch/initramfs" "$dir/initrd"

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
