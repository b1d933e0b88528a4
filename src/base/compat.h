/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/compat.h - what older headers, C libraries and kernels than this machine's lack.
 *
 * The tree builds with the headers of Linux 4.18 and with glibc 2.28; the program may run on a
 * newer or an older kernel than the one whose headers it was built with. So constants of newer
 * kernels are defined here, and nowhere else, with the version of Linux that brought them. Numbers
 * of system calls from 424 on are the same on all architectures.
 *
 * A call may still be missing at run time (ENOSYS). Who makes one goes round it, or says what is
 * lost: docs/install.md lists them.
 */
#ifndef MANAKIN_BASE_COMPAT_H
#define MANAKIN_BASE_COMPAT_H

#include <dirent.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <linux/pci_regs.h>
#include <linux/rtnetlink.h>
#include <linux/types.h>
#include <linux/version.h>
#include <linux/vfio.h>
#include <rdma/rdma_netlink.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- system calls ---- */

#ifndef SYS_io_uring_setup /* Linux 5.1 */
#define SYS_io_uring_setup 425
#endif
#ifndef SYS_pidfd_open /* Linux 5.3 */
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range /* Linux 5.9; a function in glibc 2.34 */
#define SYS_close_range 436
#endif
#ifndef SYS_openat2 /* Linux 5.6 */
#define SYS_openat2 437
#endif
#ifndef SYS_landlock_create_ruleset /* Linux 5.13 */
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

/* gcc before 10 expands macros in the name of a header (its bug 80005), and "linux" is one. */
#pragma push_macro("linux")
#undef linux
#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#else
/* Linux 5.6, openat2.h */
struct open_how {
	__u64 flags;
	__u64 mode;
	__u64 resolve;
};

#define RESOLVE_NO_MAGICLINKS 0x02
#define RESOLVE_NO_SYMLINKS   0x04
#define RESOLVE_BENEATH       0x08
#define RESOLVE_IN_ROOT       0x10
#endif

/* ---- constants ---- */

#ifndef NETLINK_GET_STRICT_CHK /* Linux 4.20 */
#define NETLINK_GET_STRICT_CHK 12
#endif
#ifndef PCI_STD_NUM_BARS /* Linux 5.4 */
#define PCI_STD_NUM_BARS 6
#endif
#ifndef RTNH_F_TRAP /* Linux 5.6 */
#define RTNH_F_TRAP 64
#endif
#ifndef VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP /* Linux 5.8 */
#define VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP (1u << 0)
#endif
#ifndef VFIO_DMA_UNMAP_FLAG_ALL /* Linux 5.12 */
#define VFIO_DMA_UNMAP_FLAG_ALL (1u << 1)
#endif

/*
 * Of an enumeration the preprocessor does not know the members. A distribution's headers may have
 * more than their version says; the numbers are the same.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 3, 0)
#define RTA_NH_ID                        30
#define RDMA_NLDEV_CMD_GET_CHARDEV       15
#define RDMA_NLDEV_ATTR_CHARDEV_TYPE     69
#define RDMA_NLDEV_ATTR_CHARDEV_NAME     70
#define RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID 73
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 5, 0)
#define RTM_NEWLINKPROP 108
#define IFLA_PROP_LIST  52
#define IFLA_ALT_IFNAME 53
#define NFTA_HOOK_DEVS  4
#endif

#if __has_include(<linux/nexthop.h>)
#include <linux/nexthop.h>
#else
/* Linux 5.3, nexthop.h and rtnetlink.h */
struct nhmsg {
	unsigned char nh_family;
	unsigned char nh_scope;
	unsigned char nh_protocol;
	unsigned char resvd;
	unsigned int nh_flags;
};

struct nexthop_grp {
	__u32 id;
	__u8 weight;
	__u8 resvd1;
	__u16 resvd2;
};

enum { NHA_UNSPEC, NHA_ID, NHA_GROUP, NHA_GROUP_TYPE, NHA_BLACKHOLE, NHA_OIF, NHA_GATEWAY };

#define RTM_NEWNEXTHOP 104
#define RTM_DELNEXTHOP 105
#define RTM_GETNEXTHOP 106
#endif
#pragma pop_macro("linux")

/* ---- calls ---- */

/** compat_close_range() - close the descriptors from @first to @last; one by one before Linux 5.9 */
static inline void compat_close_range(unsigned int first, unsigned int last)
{
	DIR *open_files;

	if (!syscall(SYS_close_range, first, last, 0))
		return;
	open_files = opendir("/proc/self/fd");
	if (!open_files)
		return;
	for (struct dirent *entry; (entry = readdir(open_files));) {
		unsigned long fd = strtoul(entry->d_name, NULL, 10);

		if (*entry->d_name != '.' && fd >= first && fd <= last &&
		    fd != (unsigned long)dirfd(open_files))
			close((int)fd);
	}
	closedir(open_files);
}

#endif
