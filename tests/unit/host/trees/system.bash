# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # $root and put() are of make and devices.bash
#
# /proc, /etc, /lib: the kernel and the distribution.

# os_release ID VERSION_ID ID_LIKE PRETTY_NAME
os_release() {
	mkdir -p "$root/etc"
	printf 'ID=%s\nVERSION_ID="%s"\nID_LIKE="%s"\nPRETTY_NAME="%s"\nNAME="%s"\n' "$1" "$2" "$3" "$4" \
		"${4%% *}" >"$root/etc/os-release"
}

# kernel RELEASE VERSION-LINE - which kernel runs
kernel() {
	put /proc/sys/kernel/osrelease "$1"
	put /proc/version "Linux version $1 $2"
	put /proc/cmdline "BOOT_IMAGE=/boot/vmlinuz-$1 root=UUID=0 ro console=ttyS0 earlyprintk=ttyS0"
}

# modules RELEASE FILE... - those that the kernel comes with, as depmod(8) lists them
modules() {
	local release=$1 dir=/lib/modules/$1 file
	shift
	mkdir -p "$root$dir"
	: >"$root$dir/modules.dep"
	: >"$root$dir/modules.builtin"
	for file; do
		mkdir -p "$root$dir/${file%/*}"
		: >"$root$dir/$file"
		echo "$file:" >>"$root$dir/modules.dep"
	done
}

# loaded NAME... - modules that are in the kernel
loaded() {
	local name
	for name; do
		put "/sys/module/$name/initstate" live
		echo "$name 102400 0 - Live 0x0000000000000000" >>"$root/proc/modules"
	done
}

# hugepages NODE KIB TOTAL FREE
hugepages() {
	local dir=/sys/devices/system/node/node$1/hugepages/hugepages-$2kB
	put "$dir/nr_hugepages" "$3"
	put "$dir/free_hugepages" "$4"
	put "$dir/surplus_hugepages" 0
	dir=/sys/kernel/mm/hugepages/hugepages-$2kB
	put "$dir/nr_hugepages" "$3"
	put "$dir/free_hugepages" "$4"
}

# btf MODULE FUNCTION... - a loaded module's names, in the kernel's format
btf() {
	local file=$root/sys/kernel/btf/$1 strings=$root/.strings size
	shift
	mkdir -p "${file%/*}"
	{ printf '\0'; printf '%s\0' "$@"; } >"$strings"
	size=$(stat -c %s "$strings")
	{
		printf '\x9f\xeb\x01\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
		# shellcheck disable=SC2059
		printf "\\x$(printf %02x $((size & 255)))\\x$(printf %02x $((size >> 8)))\\0\\0"
		cat "$strings"
	} >"$file"
	rm "$strings"
}

MODULES="kernel/drivers/net/ethernet/microsoft/mana/mana.ko kernel/drivers/infiniband/hw/mana/mana_ib.ko
	kernel/drivers/infiniband/core/ib_uverbs.ko kernel/drivers/net/hyperv/hv_netvsc.ko
	kernel/drivers/uio/uio_hv_generic.ko kernel/drivers/uio/uio.ko"

# system NAME - of these
system() {
	local release nodes=0 node
	mkdir -p "$root/proc" "$root/dev/hugepages" "$root/usr/lib/x86_64-linux-gnu" "$root/run"
	case $1 in
	ubuntu2404)
		os_release ubuntu 24.04 debian "Ubuntu 24.04.1 LTS"
		release=6.8.0-1020-azure
		kernel "$release" "(buildd@lcy02-amd64-037) (x86_64-linux-gnu-gcc-13) #23-Ubuntu SMP"
		;;
	ubuntu2204)
		os_release ubuntu 22.04 debian "Ubuntu 22.04.3 LTS"
		release=5.15.0-1045-azure
		kernel "$release" "(buildd@lcy02-amd64-033) (gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0) #52-Ubuntu SMP"
		;;
	ubuntu2004)
		os_release ubuntu 20.04 debian "Ubuntu 20.04.6 LTS"
		release=5.15.0-1045-azure
		kernel "$release" "(buildd@lcy02-amd64-033) (gcc (Ubuntu 9.4.0-1ubuntu1~20.04.2) 9.4.0) #52~20.04.1-Ubuntu SMP"
		;;
	rhel89)
		os_release rhel 8.9 fedora "Red Hat Enterprise Linux 8.9 (Ootpa)"
		release=4.18.0-513.5.1.el8_9.x86_64
		kernel "$release" "(mockbuild@x86-vm-08.build.eng.bos.redhat.com) (gcc version 8.5.0 (Red Hat 8.5.0-20)) #1 SMP"
		;;
	debian12)
		os_release debian 12 "" "Debian GNU/Linux 12 (bookworm)"
		release=6.1.0-50-cloud-amd64
		kernel "$release" "(debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0) #1 SMP Debian 6.1.192-3 (2026-10-12)"
		;;
	debian13)
		os_release debian 13 "" "Debian GNU/Linux 13 (trixie)"
		release=6.12.117+deb13-cloud-amd64
		kernel "$release" "(debian-kernel@lists.debian.org) (gcc-14 (Debian 14.2.0-19) 14.2.0) #1 SMP Debian 6.12.117-1 (2026-10-30)"
		btf mana_ib mana_ib_probe mana_ib_create_qp mana_ib_gd_create_rc_qp mana_ib_gd_destroy_rc_qp mana_ib_reg_user_mr
		;;
	rhel94)
		os_release rhel 9.4 fedora "Red Hat Enterprise Linux 9.4 (Plow)"
		release=5.14.0-427.13.1.el9_4.x86_64
		kernel "$release" "(mockbuild@x86-64-01.build.eng.rdu2.redhat.com) (gcc (GCC) 11.4.1) #1 SMP PREEMPT_DYNAMIC"
		;;
	esac
	: >"$root/proc/modules"
	# Debian 12's kernels have no mana_ib.
	[ "$1" != debian12 ] || MODULES=${MODULES/kernel\/drivers\/infiniband\/hw\/mana\/mana_ib.ko/}
	# shellcheck disable=SC2086
	modules "$release" $MODULES
	case $name in
	metal) ;;
	mlx5) loaded hv_vmbus hv_netvsc mlx5_core mlx5_ib ib_core ib_uverbs ;;
	debian12) loaded hv_vmbus hv_netvsc mana ib_core ib_uverbs ;;
	driverless | off) loaded hv_vmbus hv_netvsc ;;
	taken) loaded hv_vmbus hv_netvsc mana mana_ib ib_core ib_uverbs uio uio_hv_generic ;;
	*) loaded hv_vmbus hv_netvsc mana mana_ib ib_core ib_uverbs ;;
	esac
	[ "$name" != two ] || nodes="0 1"
	for node in $nodes; do
		hugepages "$node" 2048 1024 1024
		hugepages "$node" 1048576 0 0
	done
	printf '%s\n' "MemTotal:       32864920 kB" "MemFree:        30012345 kB" \
		"MemAvailable:   30412345 kB" \
		"HugePages_Total:    1024" "HugePages_Free:     1024" "Hugepagesize:       2048 kB" >"$root/proc/meminfo"
	printf '%s\n' "sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0" \
		"proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0" \
		"hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0" >"$root/proc/mounts"
	mkdir -p "$root/proc/self"
	cp "$root/proc/mounts" "$root/proc/self/mounts"
}

# limit DIRECTORY SIZE MAX CURRENT - of a cgroup of version 2
limit() {
	local kind
	for kind in "" .rsvd; do
		put "$1/hugetlb.$2$kind.max" "$3"
		put "$1/hugetlb.$2$kind.current" "$4"
	done
}

# pod - what a container of a pod sees in place of its host's files
pod() {
	local pods=/var/lib/kubelet/pods/0e7c5a1e-8a3b-4c55-9d3a-5b0c2a7f1d11
	os_release debian 13 "" "Debian GNU/Linux 13 (trixie)"
	rm -r "${root:?}/lib" "$root/dev/hugepages"
	printf '%s\n' \
		"1042 911 0:118 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/57/fs" \
		"1043 1042 0:120 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw" \
		"1044 1042 0:121 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755" \
		"1047 1042 0:98 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro" \
		"1048 1047 0:29 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw" \
		"1049 1042 8:1 $pods/etc-hosts /etc/hosts rw,relatime - ext4 /dev/sda1 rw,discard" \
		"1050 1044 8:1 $pods/containers/dpdk/3f1d /dev/termination-log rw,relatime - ext4 /dev/sda1 rw,discard" \
		>"$root/proc/self/mountinfo"
	echo 0::/ >"$root/proc/self/cgroup"
	printf '%s\n' "overlay / overlay rw,relatime 0 0" "sysfs /sys sysfs ro,nosuid 0 0" >"$root/proc/mounts"
	cp "$root/proc/mounts" "$root/proc/self/mounts"
	# containerd's defaults, which have NET_RAW but not IPC_LOCK
	printf 'Name:\tmanakin\nCapEff:\t00000000a80425fb\n' >"$root/proc/self/status"
	limit /sys/fs/cgroup 2MB 0 0
	limit /sys/fs/cgroup 1GB 0 0
}
