/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files are described in Documentation/admin-guide/mm/hugetlbpage.rst of Linux.
 */
#include "host/machine/hugepage.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODES   "/sys/devices/system/node"
#define MACHINE "/sys/kernel/mm/hugepages"
#define DIGITS  "0123456789"

/** directory() - where the numbers of a node are kept */
static const char *directory(char text[64], int node)
{
	if (node < 0)
		snprintf(text, 64, MACHINE);
	else
		snprintf(text, 64, NODES "/node%d/hugepages", node);
	return text;
}

/** numbered() - the number in a name of this form, or -1 */
static long numbered(const char *name, const char *before, const char *after)
{
	size_t len = strlen(before), digits;

	if (strncmp(name, before, len))
		return -1;
	digits = strspn(name + len, DIGITS);
	return digits && digits < 10 && !strcmp(name + len + digits, after) ? atol(name + len) : -1;
}

/** add_sizes() - the pages of one node */
static int add_sizes(const struct host *host, int node, struct hugepages_found *found)
{
	char where[64];
	struct names sizes;
	int err = host_list(host, &sizes, "%s", directory(where, node));

	for (size_t i = 0; !err && i < sizes.n; i++) {
		long kib = numbered(sizes.name[i], "hugepages-", "kB");
		unsigned long long total, unused;
		struct hugepage *more;

		if (kib <= 0 ||
		    host_number(host, &total, "%s/%s/nr_hugepages", where, sizes.name[i]) ||
		    host_number(host, &unused, "%s/%s/free_hugepages", where, sizes.name[i]))
			continue;
		more = reallocarray(found->page, found->n + 1, sizeof(*more));
		if (!more) {
			err = -ENOMEM;
			break;
		}
		found->page = more;
		more[found->n++] = (struct hugepage){ .node = node,
						      .kib = (unsigned int)kib,
						      .total = (unsigned long)total,
						      .free = (unsigned long)unused };
	}
	names_free(&sizes);
	return err == -ENOENT ? 0 : err;
}

static int by_node_and_size(const void *a, const void *b)
{
	const struct hugepage *one = a, *other = b;

	if (one->node != other->node)
		return one->node < other->node ? -1 : 1;
	return one->kib < other->kib ? -1 : one->kib > other->kib;
}

int hugepages_read(const struct host *host, struct hugepages_found *found)
{
	struct names nodes;
	int err;

	memset(found, 0, sizeof(*found));
	err = host_list(host, &nodes, NODES);
	for (size_t i = 0; !err && i < nodes.n; i++) {
		long node = numbered(nodes.name[i], "node", "");

		if (node >= 0)
			err = add_sizes(host, (int)node, found);
	}
	names_free(&nodes);
	if ((!err || err == -ENOENT) && !found->n)
		err = add_sizes(host, -1, found);
	if (found->n)
		qsort(found->page, found->n, sizeof(*found->page), by_node_and_size);
	return err;
}

void hugepages_found_free(struct hugepages_found *found)
{
	free(found->page);
	memset(found, 0, sizeof(*found));
}

const char *hugepage_size_text(unsigned int kib, char text[24])
{
	if (kib % (1u << 20) == 0)
		snprintf(text, 24, "%u GB", kib >> 20);
	else if (kib % (1u << 10) == 0)
		snprintf(text, 24, "%u MB", kib >> 10);
	else
		snprintf(text, 24, "%u kB", kib);
	return text;
}

unsigned long hugepages_reserved(const struct host *host, unsigned int kib)
{
	unsigned long long number;

	if (host_number(host, &number, MACHINE "/hugepages-%ukB/resv_hugepages", kib))
		return 0;
	return (unsigned long)number;
}

int hugepages_set(const struct host *host, int node, unsigned int kib, unsigned long total)
{
	unsigned long long number;
	char where[64], text[32];
	int err;

	directory(where, node);
	snprintf(text, sizeof(text), "%lu\n", total);
	err = host_write(host, text, "%s/hugepages-%ukB/nr_hugepages", where, kib);
	if (!err)
		err = host_number(host, &number, "%s/hugepages-%ukB/nr_hugepages", where, kib);
	return !err && number < total ? -ENOMEM : err;
}

int memory_available(const struct host *host, int node, unsigned long *kib)
{
	static const char *const parts[] = { "MemFree", "Active(file)", "Inactive(file)",
					     "SReclaimable" };
	char where[64] = "/proc/meminfo", line[128], name[32];
	unsigned long number;
	int err = -ENOENT;
	FILE *file;

	if (node >= 0)
		snprintf(where, sizeof(where), NODES "/node%d/meminfo", node);
	file = host_stream(host, "%s", where);
	if (!file)
		return -errno;
	*kib = 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, node < 0 ? "%31[^:]: %lu" : "Node %*d %31[^:]: %lu", name,
			   &number) != 2)
			continue;
		if (node < 0 ? strcmp(name, "MemAvailable")
			     : strcmp(name, parts[0]) && strcmp(name, parts[1]) &&
				       strcmp(name, parts[2]) && strcmp(name, parts[3]))
			continue;
		*kib += number;
		err = 0;
	}
	fclose(file);
	return err;
}

/** default_size() - page size, in KiB, of a hugetlbfs that was mounted without pagesize= */
static unsigned int default_size(const struct host *host)
{
	FILE *file = host_stream(host, "/proc/meminfo");
	unsigned int kib = 0;
	char line[128];

	while (file && !kib && fgets(line, sizeof(line), file))
		if (sscanf(line, "Hugepagesize: %u kB", &kib) != 1)
			kib = 0;
	if (file)
		fclose(file);
	return kib;
}

/** mount_size() - in KiB, from pagesize= of a mount */
static unsigned int mount_size(const struct mntent *mount, unsigned int otherwise)
{
	const char *option = hasmntopt(mount, "pagesize");
	unsigned int number;
	char unit;

	if (!option || sscanf(option, "pagesize=%u%c", &number, &unit) != 2)
		return otherwise;
	switch (unit) {
	case 'G':
		return number << 20;
	case 'M':
		return number << 10;
	default:
		return number;
	}
}

int hugepage_mounts(const struct host *host, struct hugepage_mount *mounts, size_t max)
{
	unsigned int otherwise = default_size(host);
	FILE *file = host_stream(host, "/proc/mounts");
	struct mntent entry, *mount;
	char text[4096];
	size_t n = 0;

	if (!file)
		return -errno;
	while (n < max && (mount = getmntent_r(file, &entry, text, sizeof(text)))) {
		if (strcmp(mount->mnt_type, "hugetlbfs") ||
		    strlen(mount->mnt_dir) >= sizeof(mounts[n].path))
			continue;
		strcpy(mounts[n].path, mount->mnt_dir);
		mounts[n].kib = mount_size(mount, otherwise);
		mounts[n].writable = hasmntopt(mount, "rw") &&
				     (host->tree || !host_may(host, W_OK, "%s", mount->mnt_dir));
		n++;
	}
	fclose(file);
	return (int)n;
}
