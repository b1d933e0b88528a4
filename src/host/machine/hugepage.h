/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/hugepage.h - hugepages per NUMA node and size, and where they are mounted.
 */
#ifndef MANAKIN_HOST_MACHINE_HUGEPAGE_H
#define MANAKIN_HOST_MACHINE_HUGEPAGE_H

#include "host/machine/root.h"

/**
 * struct hugepage - pages of one size on one NUMA node
 * @node:	its number; -1: the machine reports no nodes
 * @kib:	size of a page in KiB
 */
struct hugepage {
	int node;
	unsigned int kib;
	unsigned long total, free;
};

struct hugepages_found {
	struct hugepage *page;
	size_t n;
};

int hugepages_read(const struct host *host, struct hugepages_found *found);
void hugepages_found_free(struct hugepages_found *found);

/** hugepage_size_text() - "2 MB", "1 GB" into @text */
const char *hugepage_size_text(unsigned int kib, char text[24]);

/** hugepages_reserved() - free pages that are reserved for a process, machine-wide */
unsigned long hugepages_reserved(const struct host *host, unsigned int kib);

/** hugepages_set() - `echo N > .../nr_hugepages`; 0, or -ENOMEM if the kernel reserved fewer.
 * Node -1: of the whole machine */
int hugepages_set(const struct host *host, int node, unsigned int kib, unsigned long total);

/**
 * memory_available() - what can still be taken on a node without swapping
 * @node:	-1: on the whole machine
 * @kib:	filled in
 *
 * The kernel reports this of the whole machine (MemAvailable). Of a node it is what is free, cached
 * or reclaimable there.
 *
 * Return: 0; -ENOENT: it is not known; or another negative errno
 */
int memory_available(const struct host *host, int node, unsigned long *kib);

/**
 * struct hugepage_mount - a hugetlbfs
 * @kib:	size of its pages
 * @writable:	by this user
 */
struct hugepage_mount {
	char path[256];
	unsigned int kib;
	bool writable;
};

/** hugepage_mounts() - up to @max of them; how many, or a negative errno */
int hugepage_mounts(const struct host *host, struct hugepage_mount *mounts, size_t max);

#endif
