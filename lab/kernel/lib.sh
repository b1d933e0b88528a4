# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
#
# kernel/lib.sh - what recipes do with the package of a kernel.
#
# They run none of its programs: it may be for another architecture. ARCH and fail, step, need are
# those of ../lib.sh.

# Modules of the kernel for what no guest has; they are half of a kernel that is not made for clouds
# shellcheck disable=SC2034 # for the recipes
ABSENT='sound drivers/gpu drivers/media drivers/staging drivers/iio drivers/usb drivers/net/wireless'

# decompress FILE - to standard output, in the format that its first bytes show
decompress() {
	case $(od -An -tx1 -N6 "$1" | tr -d ' \n') in
	1f8b*) gzip -dc <"$1" ;;
	28b52ffd*) need zstd zstd && zstd -qdc <"$1" ;;
	fd377a585a00) need xz xz-utils && xz -dc <"$1" ;;
	*) cat "$1" ;;
	esac
}

# number FILE OFFSET TYPE - a little-endian number in a file (TYPE as od's)
number() {
	od -An "-t$3" -j"$2" -N"${3#u}" "$1" | tr -d ' '
}

# unpack_kernel VMLINUZ FILE - what QEMU starts without firmware
#
# amd64: the ELF image in a bzImage (the x86 boot protocol's setup_sects at 0x1f1, payload_offset
# at 0x248, payload_length at 0x24c). arm64: the Image, which may be compressed.
unpack_kernel() {
	if [ "$ARCH" = arm64 ]; then
		decompress "$1" >"$2"
		[ "$(od -An -tx1 -j56 -N4 "$2" | tr -d ' ')" = 41524d64 ] || # "ARM", 0x64
			fail "cannot unpack the kernel $1: it is no arm64 image"
		return
	fi
	start=$((($(number "$1" 497 u1) + 1) * 512 + $(number "$1" 584 u4)))
	tail -c +$((start + 1)) "$1" | head -c $(($(number "$1" 588 u4) - 4)) >"$2.payload"
	decompress "$2.payload" >"$2"
	rm "$2.payload"
	[ "$(od -An -tx1 -N4 "$2" | tr -d ' ')" = 7f454c46 ] ||
		fail "cannot unpack the kernel $1"
}

# initramfs_tree DIR ROOT VERSION BUSYBOX BOOT - what the initramfs has, in DIR
#
# BUSYBOX runs BOOT, which finds the modules that reach the root disk, of ROOT's kernel VERSION,
# and their order in /modules.
initramfs_tree() {
	mkdir -p "$1/bin" "$1/modules" "$1/dev" "$1/proc" "$1/sys" "$1/root" "$1/lower" "$1/upper"
	cp "$4" "$1/bin/busybox"
	for applet in sh mount mkdir insmod switch_root poweroff; do
		ln -s busybox "$1/bin/$applet"
	done
	install -m 755 "$5" "$1/init"
	modprobe -d "$2" -S "$3" -a -D virtio_pci virtio_blk ext4 overlay |
		awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$1.modules"
	while read -r module; do
		name=$(basename "$module")
		name=${name%%.ko*}.ko
		decompress "$module" >"$1/modules/$name"
		echo "$name"
	done <"$1.modules" >"$1/modules/order"
}

# pack_initramfs DIR FILE - as the kernel unpacks it
pack_initramfs() {
	(cd "$1" && find . | cpio --quiet -o -H newc) >"$2"
}
