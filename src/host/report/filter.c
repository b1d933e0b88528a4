/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/report/filter.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#define TRACE_LINES 150u /* of a crash whose end is not in the log */

/* Files of which only some lines are read: those that begin with one of the words, or have it in them */
static const struct {
	const char *path;
	const char *begin[4];
	const char *within;
} files[] = {
	{ "/proc/mounts", { NULL }, " hugetlbfs " },
	{ "/run/systemd/netif/links/*", { "ADMIN_STATE=", "OPER_STATE=" }, NULL },
	{ "/run/NetworkManager/devices/*", { "managed=", "connection-uuid=" }, NULL },
	/* Only that of Azure: others are of an organization's inventory. */
	{ "/sys/class/dmi/id/chassis_asset_tag", { "7783-7084-3265-9085-8269-3286-77" }, NULL },
};

/* What makes a line of the kernel's log belong to a report */
static const char *const words[] = {
	"mana",
	"netvsc",
	"vmbus",
	"hyperv",
	"Hyper-V",
	"hv_",
	"uio",
	"uverbs",
	"infiniband",
	"ib_core",
	"RDMA",
	"mlx4",
	"mlx5",
	"hugetlb",
	"HugePages",
	"hugepages",
	"HugeTLB",
	"NETDEV WATCHDOG",
	"dpdk",
	"testpmd",
	"vfio",
	"iommu",
	"IOMMU",
	"DMAR",
	"Linux version",
	"Out of memory",
	"oom-kill",
	"1414:00b",
	"Booting paravirtualized",
};

/* What a warning or a crash begins with, after the time */
static const char *const begins[] = {
	"------------[ cut here", "BUG: ",         "Oops",         "general protection fault",
	"watchdog: BUG",          "INFO: task ",   "rcu: INFO",    "Unable to handle kernel",
	"Kernel panic",           "stack segment", "double fault", "Internal error",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** line_len() - with its line feed */
static size_t line_len(const char *text, size_t left)
{
	const char *end = memchr(text, '\n', left);

	return end ? (size_t)(end - text) + 1 : left;
}

static bool has(const char *line, size_t len, const char *word)
{
	return memmem(line, len, word, strlen(word));
}

/** is_read() - is this line of the file read? */
static bool is_read(size_t file, const char *line, size_t len)
{
	for (size_t i = 0; i < COUNT(files[file].begin) && files[file].begin[i]; i++) {
		const char *word = files[file].begin[i];

		if (len >= strlen(word) && !memcmp(line, word, strlen(word)))
			return true;
	}
	return files[file].within && has(line, len, files[file].within);
}

size_t filter_file(const char *path, char *text, size_t len)
{
	size_t file = 0, kept = 0, size;

	if (!strcmp(path, "/dev/kmsg"))
		return filter_kernel(text, len, NULL, 0);
	while (file < COUNT(files) && fnmatch(files[file].path, path, FNM_PATHNAME))
		file++;
	if (file == COUNT(files))
		return len;
	for (size_t at = 0; at < len; at += size) {
		size = line_len(text + at, len - at);
		if (!is_read(file, text + at, size))
			continue;
		memmove(text + kept, text + at, size);
		kept += size;
	}
	return kept;
}

/** concerns() - is the line about what a report is about? */
static bool concerns(const char *line, size_t len, const char *const *names, size_t n)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (has(line, len, words[i]))
			return true;
	for (size_t i = 0; i < n; i++)
		if (has(line, len, names[i]))
			return true;
	return false;
}

/** message_of() - a line without its time: "[   12.345678] " */
static size_t message_of(const char *line, size_t len)
{
	size_t at = len > 3 && line[0] == '<' && line[2] == '>' ? 3 : 0; /* its priority */
	const char *end = at < len && line[at] == '[' ? memchr(line, ']', len) : NULL;

	if (end)
		at = (size_t)(end - line) + 1;

	while (at < len && line[at] == ' ')
		at++;
	return at;
}

/** begins_trace() - does a warning or a crash begin here? */
static bool begins_trace(const char *line, size_t len)
{
	size_t at = message_of(line, len);

	for (size_t i = 0; i < COUNT(begins); i++)
		if (len - at >= strlen(begins[i]) &&
		    !memcmp(line + at, begins[i], strlen(begins[i])))
			return true;
	return false;
}

/** trace_len() - of all lines of the one that begins here; @ours: one of them concerns us */
static size_t trace_len(const char *text, size_t left, const char *const *names, size_t n,
			bool *ours)
{
	size_t at = 0;

	*ours = false;
	for (unsigned int lines = 0; at < left && lines < TRACE_LINES; lines++) {
		size_t size = line_len(text + at, left - at);
		bool end = has(text + at, size, "---[ end ");

		*ours |= concerns(text + at, size, names, n);
		at += size;
		if (end)
			break;
	}
	return at;
}

size_t filter_kernel(char *text, size_t len, const char *const *names, size_t n)
{
	size_t kept = 0, size;
	bool keep;

	for (size_t at = 0; at < len; at += size) {
		size = line_len(text + at, len - at);
		if (begins_trace(text + at, size)) {
			size_t all = trace_len(text + at, len - at, names, n, &keep);

			if (keep)
				size = all;
		} else {
			keep = concerns(text + at, size, names, n);
		}
		if (!keep)
			continue;
		memmove(text + kept, text + at, size);
		kept += size;
	}
	return kept;
}
