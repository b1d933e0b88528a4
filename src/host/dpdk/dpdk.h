/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/dpdk/dpdk.h - installations of DPDK, and which of them can drive MANA.
 *
 * The room host/dpdk finds the installations of DPDK (dpdk.h), builds and installs one (install.h),
 * and removes it again by the record that it kept (record.h). It uses base/, host/machine and
 * process/. It loads no DPDK library and includes no DPDK header: what an installation can do is
 * read from the names and bytes of its files. It prints nothing; callbacks report the progress of a
 * build. It never removes or overwrites a file that it did not install.
 */
#ifndef MANAKIN_HOST_DPDK_DPDK_H
#define MANAKIN_HOST_DPDK_DPDK_H

#include "host/machine/root.h"

#define DPDK_PATH 256u

/* The drivers that matter here */
enum dpdk_driver {
	DPDK_NET_MANA,
	DPDK_NET_NETVSC,
	DPDK_BUS_VMBUS,
	DPDK_NET_MANAKIN,
	DPDK_DRIVERS,
};

/**
 * struct dpdk - an installation, or a program that has DPDK linked into it
 * @prefix:	where it was installed; of a program, its path
 * @libdir:	of its libraries; of a program, empty
 * @pkgconfig:	path of its libdpdk.pc; empty: none, so nothing can be compiled with it
 * @plugins:	directory of its shared drivers; empty: none
 * @version:	"22.11.11"; "22.11" if only its ABI is known; empty: unknown
 * @abi:	of its shared libraries, "23.0"; empty: there are none
 * @archives:	there are static libraries
 * @program:	it is a program
 * @has:	each driver
 */
struct dpdk {
	char prefix[DPDK_PATH], libdir[DPDK_PATH], pkgconfig[DPDK_PATH], plugins[DPDK_PATH];
	char version[32], abi[16];
	bool archives, program;
	bool has[DPDK_DRIVERS];
};

struct dpdk_list {
	struct dpdk *dpdk;
	size_t n;
};

/** dpdk_driver_name() - "net_mana", ... */
const char *dpdk_driver_name(enum dpdk_driver driver);

/**
 * dpdk_find() - the installations in the usual places: libraries, drivers, libdpdk.pc
 * @list:	filled in, sorted by prefix; dpdk_list_free() it, after a failure too
 *
 * On the machine itself also those that PKG_CONFIG_PATH and LD_LIBRARY_PATH name. No process is
 * started, and no library loaded.
 *
 * Return: 0 or -ENOMEM; what cannot be read is left out
 */
int dpdk_find(const struct host *host, struct dpdk_list *list);
void dpdk_list_free(struct dpdk_list *list);

/**
 * dpdk_program() - add a program, or a library, by the drivers that are linked into it
 *
 * Return: 0; -ENOEXEC: it is not an ELF file; or another negative errno
 */
int dpdk_program(const struct host *host, const char *path, struct dpdk_list *list);

/**
 * dpdk_can_drive() - can it drive MANA?
 * @why:	what it lacks, or how it drives MANA; a constant
 */
bool dpdk_can_drive(const struct dpdk *dpdk, const char **why);

/** dpdk_version_of_abi() - "22.11" of "23.0"; 0 or -EINVAL */
int dpdk_version_of_abi(const char *abi, char *version, size_t size);

#endif
