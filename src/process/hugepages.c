/* SPDX-License-Identifier: BSD-3-Clause */
#include "process/hugepages.h"

#include "host/machine/hugepage.h"

#define SIZE_KIB   (HUGEPAGE_SIZE >> 10)
#define MOUNTS_MAX 16

/* The machine itself; nothing here is read often enough to keep it open. */
static int machine(struct host *host)
{
	struct error error;

	return host_open(NULL, host, &error);
}

/** count() - pages of 2 MB on all nodes: how many, how many unused, and bytes unused in any size */
static void count(unsigned long *total, unsigned long *unused, unsigned long long *bytes)
{
	struct hugepages_found found;
	struct host host;

	*total = 0;
	*unused = 0;
	*bytes = 0;
	if (machine(&host))
		return;
	hugepages_read(&host, &found);
	for (size_t i = 0; i < found.n; i++) {
		const struct hugepage *page = &found.page[i];

		*bytes += (unsigned long long)page->free * page->kib * 1024;
		if (page->kib != SIZE_KIB)
			continue;
		*total += page->total;
		*unused += page->free;
	}
	if (*unused) {
		unsigned long reserved = hugepages_reserved(&host, SIZE_KIB);

		*unused = *unused > reserved ? *unused - reserved : 0;
	}
	hugepages_found_free(&found);
	host_close(&host);
}

unsigned long hugepages_total(void)
{
	unsigned long total, unused;
	unsigned long long bytes;

	count(&total, &unused, &bytes);
	return total;
}

unsigned long hugepages_free(void)
{
	unsigned long total, unused;
	unsigned long long bytes;

	count(&total, &unused, &bytes);
	return unused;
}

unsigned long long hugepages_memory(void)
{
	unsigned long total, unused;
	unsigned long long bytes;

	count(&total, &unused, &bytes);
	return bytes;
}

bool hugepages_mounted(void)
{
	struct hugepage_mount mounts[MOUNTS_MAX];
	bool found = false;
	struct host host;
	int n;

	if (machine(&host))
		return false;
	n = hugepage_mounts(&host, mounts, MOUNTS_MAX);
	for (int i = 0; i < n; i++)
		found |= mounts[i].writable;
	host_close(&host);
	return found;
}
