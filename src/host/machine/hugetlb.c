/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a cgroup's limits are files: hugetlb.SIZE.max and .rsvd.max of version 2,
 * .limit_in_bytes and .rsvd.limit_in_bytes of version 1 (Linux, mm/hugetlb_cgroup.c). Pages are
 * charged to all cgroups above too. Where those are outside of the cgroup namespace, they are not
 * seen.
 */
#include "host/machine/hugetlb.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/machine/ask.h"
#include "host/machine/mount.h"

#define NO_LIMIT (1ull << 62) /* version 1 has LONG_MAX, rounded down to pages */

/**
 * struct hierarchy - of cgroups, with the controller hugetlb
 * @v2:		there is one of version 2
 * @point, @root: where it is mounted, and what of it
 * @path:	of this process in it
 */
struct hierarchy {
	bool v2;
	char point[256], root[256], path[256];
};

/** find_mount() - of version 1 with hugetlb, if there is one; else of version 2 */
static bool find_mount(char *line, void *data)
{
	struct hierarchy *h = data;
	struct mount mount;
	bool v1;

	if (!mount_cut(line, &mount))
		return false;
	v1 = !strcmp(mount.type, "cgroup") && mount_has_word(mount.super, "hugetlb");
	if (!v1 && strcmp(mount.type, "cgroup2") != 0)
		return false;
	h->v2 = !v1;
	snprintf(h->point, sizeof(h->point), "%s", mount.point);
	snprintf(h->root, sizeof(h->root), "%s", mount.root);
	return v1;
}

/** find_path() - this process's: "0::/path", or "7:hugetlb:/path" */
static bool find_path(char *line, void *data)
{
	struct hierarchy *h = data;
	const char *controllers = strchr(line, ':');
	const char *path = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!path ||
	    (h->v2 ? path != controllers + 1 : !mount_has_word(controllers + 1, "hugetlb")))
		return false;
	snprintf(h->path, sizeof(h->path), "%.*s", (int)strcspn(path + 1, "\n"), path + 1);
	return true;
}

/** own_cgroup() - the directory of this process's cgroup, below where the hierarchy is mounted */
static void own_cgroup(const struct host *host, const struct hierarchy *h, char *directory,
		       size_t size)
{
	size_t len = strlen(h->root);
	const char *below = h->path;

	/* Without a cgroup namespace the path is the host's, and so is what of it is mounted. */
	if (strcmp(h->root, "/") != 0)
		below = !strncmp(below, h->root, len) ? below + len : "";
	if (strstr(below, "..") || !strcmp(below, "/"))
		below = "";
	snprintf(directory, size, "%s%s", h->point, below);
	if (!host_exists(host, "%s", directory))
		snprintf(directory, size, "%s", h->point);
}

/** read_bytes() - a limit or a usage; false if there is no such file */
static bool read_bytes(const struct host *host, const char *path, unsigned long long *bytes)
{
	char text[32];
	ssize_t len = host_read(host, text, sizeof(text), "%s", path);
	char *end;

	if (len <= 0)
		return false;
	if (!strcmp(text, "max")) {
		*bytes = ULLONG_MAX;
		return true;
	}
	*bytes = strtoull(text, &end, 10);
	if (*end || text[0] < '0' || text[0] > '9')
		return false;
	if (*bytes >= NO_LIMIT)
		*bytes = ULLONG_MAX;
	return true;
}

static unsigned long long left_of(const struct hugetlb_limit *limit)
{
	return limit->used < limit->limit ? limit->limit - limit->used : 0;
}

/** look_at_level() - at a cgroup; @best: the tightest limit so far */
static void look_at_level(const struct host *host, const char *directory, bool v2,
			  struct hugetlb_limit *best)
{
	static const char *const kinds[] = { "", ".rsvd" };
	unsigned int kib = best->kib;
	const char *unit = kib >= 1u << 20 ? "GB" : kib >= 1u << 10 ? "MB" : "KB";
	unsigned int size = kib >= 1u << 20 ? kib >> 20 : kib >= 1u << 10 ? kib >> 10 : kib;

	for (size_t i = 0; i < 2; i++) {
		struct hugetlb_limit here = { .kib = kib };
		char used[sizeof(here.file)];

		if ((size_t)snprintf(here.file, sizeof(here.file), "%s/hugetlb.%u%s%s.%s",
				     directory, size, unit, kinds[i],
				     v2 ? "max" : "limit_in_bytes") >= sizeof(here.file) ||
		    (size_t)snprintf(used, sizeof(used), "%s/hugetlb.%u%s%s.%s", directory, size,
				     unit, kinds[i],
				     v2 ? "current" : "usage_in_bytes") >= sizeof(used))
			continue;
		if (!read_bytes(host, here.file, &here.limit) || here.limit == ULLONG_MAX)
			continue;
		if (!read_bytes(host, used, &here.used))
			here.used = 0;
		if (!*best->file || left_of(&here) < left_of(best))
			*best = here;
	}
}

/** look_for_limits() - see hugetlb_limits() */
static size_t look_for_limits(const struct host *host, struct hugetlb_limit limits[HUGETLB_SIZES])
{
	struct hierarchy h = { .v2 = false };
	char own[sizeof(h.point) + sizeof(h.path)];
	struct names sizes;
	size_t n = 0;

	host_each_line(host, "/proc/self/mountinfo", find_mount, &h);
	if (!*h.point)
		return 0;
	host_each_line(host, "/proc/self/cgroup", find_path, &h);
	own_cgroup(host, &h, own, sizeof(own));
	host_list(host, &sizes, "/sys/kernel/mm/hugepages");
	for (size_t i = 0; i < sizes.n && n < HUGETLB_SIZES; i++) {
		struct hugetlb_limit best = { .limit = ULLONG_MAX };
		char directory[sizeof(own)];

		if (sscanf(sizes.name[i], "hugepages-%ukB", &best.kib) != 1)
			continue;
		strcpy(directory, own);
		while (strlen(directory) >= strlen(h.point)) {
			look_at_level(host, directory, h.v2, &best);
			*strrchr(directory, '/') = '\0';
		}
		if (*best.file)
			limits[n++] = best;
	}
	names_free(&sizes);
	return n;
}

/** recall_limits() - those of a report */
static size_t recall_limits(const json_t *answer, struct hugetlb_limit limits[HUGETLB_SIZES])
{
	const json_t *one;
	size_t n = 0, i;

	json_array_foreach(answer, i, one) {
		struct hugetlb_limit *limit = &limits[n];

		if (n == HUGETLB_SIZES)
			break;
		limit->kib = (unsigned int)json_integer_value(json_object_get(one, "kib"));
		limit->limit =
			(unsigned long long)json_integer_value(json_object_get(one, "limit"));
		limit->used = (unsigned long long)json_integer_value(json_object_get(one, "used"));
		ask_text(one, "file", limit->file, sizeof(limit->file));
		n++;
	}
	return n;
}

size_t hugetlb_limits(const struct host *host, struct hugetlb_limit limits[HUGETLB_SIZES])
{
	struct host unrecorded = host_unrecorded(host);
	json_t *answer;
	size_t n;
	int err;

	if (ask_recall(host, &answer, &err, "hugetlb-limits")) {
		n = recall_limits(answer, limits);
		json_decref(answer);
		return n;
	}
	n = look_for_limits(&unrecorded, limits);
	answer = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			answer, json_pack("{s:I, s:I, s:I, s:s}", "kib", (json_int_t)limits[i].kib,
					  "limit", (json_int_t)limits[i].limit, "used",
					  (json_int_t)limits[i].used, "file", limits[i].file));
	ask_note(host, 0, answer, "hugetlb-limits");
	return n;
}
