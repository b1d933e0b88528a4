/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: what a runtime cannot hide is what it mounts into each container, its own
 * /etc/hosts and the like from below its directory, and cgroups that are named after it. Those are
 * looked at first; then what PID 1 was told by the runtime (container=...); and only then files
 * that mark a container, which count if there is a namespace or an overlay to go with them.
 *
 * A cgroup's limits are files: hugetlb.SIZE.max and .rsvd.max of version 2, .limit_in_bytes and
 * .rsvd.limit_in_bytes of version 1 (Linux, mm/hugetlb_cgroup.c). Pages are charged to all cgroups
 * above too. Where those are outside of the cgroup namespace, they are not seen.
 */
#include "host/machine/container.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/machine/ask.h"

#define NO_LIMIT (1ull << 62) /* version 1 has LONG_MAX, rounded down to pages */

/**
 * struct mount - a line of /proc/self/mountinfo, cut into words
 * @root:	what of the file system is mounted
 * @options:	of the mount; @super: of the file system
 */
struct mount {
	const char *root, *point, *options, *type, *super;
};

/** cut_mount() - false if it is not such a line */
static bool cut_mount(char *line, struct mount *mount)
{
	char *words[6], *rest = line, *end;

	for (size_t i = 0; i < 6; i++) {
		words[i] = strsep(&rest, " ");
		if (!words[i] || !rest)
			return false;
	}
	end = strncmp(rest, "- ", 2) ? strstr(rest, " - ") : rest - 1;
	if (!end)
		return false;
	rest = end + 3;
	rest[strcspn(rest, "\n")] = '\0';
	*mount = (struct mount){ words[3], words[4], words[5], strsep(&rest, " "), "" };
	strsep(&rest, " ");
	if (rest)
		mount->super = rest;
	return true;
}

/** each_line() - call for each line of a file until it returns true; false if it never does */
static bool each_line(const struct host *host, const char *path,
		      bool (*call)(char *line, void *data), void *data)
{
	FILE *file = host_stream(host, "%s", path);
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (file && !found && getline(&line, &size, file) > 0)
		found = call(line, data);
	free(line);
	if (file)
		fclose(file);
	return found;
}

char *container_command(const char *where, const char *command)
{
	static const char sudo[] = "sudo ";
	char *text = NULL;
	const char *next;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	fprintf(to, "%s: ", where);
	for (; (next = strstr(command, sudo)); command = next + strlen(sudo))
		fwrite(command, 1, (size_t)(next - command), to);
	fputs(command, to);
	if (!fclose(to))
		return text;
	free(text);
	return NULL;
}

const char *container_name(enum container_kind kind)
{
	static const char *const names[] = {
		[CONTAINER_NONE] = "no",       [CONTAINER_KUBERNETES] = "kubernetes",
		[CONTAINER_DOCKER] = "docker", [CONTAINER_PODMAN] = "podman",
		[CONTAINER_LXC] = "lxc",       [CONTAINER_OTHER] = "other",
	};

	return names[kind];
}

/* Parts of the names of what runtimes mount, and of cgroups */
static const struct {
	const char *part;
	enum container_kind kind;
} traces[] = {
	{ "/kubelet/pods/", CONTAINER_KUBERNETES },
	{ "kubepods", CONTAINER_KUBERNETES },
	{ "/docker/containers/", CONTAINER_DOCKER },
	{ "/docker/", CONTAINER_DOCKER },
	{ "docker-", CONTAINER_DOCKER },
	{ "/overlay-containers/", CONTAINER_PODMAN },
	{ "libpod", CONTAINER_PODMAN },
	{ "/lxc/", CONTAINER_LXC },
	{ "lxc.payload", CONTAINER_LXC },
	{ "/nerdctl/", CONTAINER_OTHER },
};

/** take() - what a text shows; Kubernetes' runtimes leave traces of their own, so it comes first */
static void take(struct container *container, const char *text, const char *what)
{
	for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++)
		if (strstr(text, traces[i].part) &&
		    (container->kind == CONTAINER_NONE || traces[i].kind < container->kind)) {
			container->kind = traces[i].kind;
			snprintf(container->why, sizeof(container->why), "%s", what);
		}
}

/**
 * struct look - at the mounts
 * @overlay:	the root is one
 */
struct look {
	struct container *container;
	bool overlay;
};

static bool look_at_mount(char *line, void *data)
{
	struct look *look = data;
	struct mount mount;
	char what[96];

	if (!cut_mount(line, &mount))
		return false;
	if (!strcmp(mount.point, "/"))
		look->overlay = strstr(mount.type, "overlay") != NULL;
	if (!strcmp(mount.point, "/etc/hosts") || !strcmp(mount.point, "/etc/hostname") ||
	    !strcmp(mount.point, "/etc/resolv.conf") ||
	    !strcmp(mount.point, "/dev/termination-log")) {
		snprintf(what, sizeof(what), "%s is the runtime's", mount.point);
		take(look->container, mount.root, what);
	}
	if (!strcmp(mount.type, "fuse.lxcfs") && look->container->kind == CONTAINER_NONE) {
		look->container->kind = CONTAINER_LXC;
		snprintf(look->container->why, sizeof(look->container->why), "%s is of lxcfs",
			 mount.point);
	}
	return false;
}

static bool look_at_cgroup(char *line, void *data)
{
	struct container *container = data;
	const char *path = strchr(line, ':');

	path = path ? strchr(path + 1, ':') : NULL;
	/* A runtime's own daemon is in a cgroup of its name: /system.slice/docker.service */
	if (path && !strstr(path, ".service"))
		take(container, path + 1, "/proc/self/cgroup names it");
	return false;
}

/** told_by() - "container=NAME", or its value alone, of PID 1 or of systemd */
static void told_by(struct container *container, const char *name, const char *who)
{
	static const struct {
		const char *name;
		enum container_kind kind;
	} known[] = {
		{ "kubernetes", CONTAINER_KUBERNETES },
		{ "docker", CONTAINER_DOCKER },
		{ "podman", CONTAINER_PODMAN },
		{ "oci", CONTAINER_PODMAN },
		{ "lxc", CONTAINER_LXC },
	};

	if (container->kind != CONTAINER_NONE || !*name)
		return;
	container->kind = CONTAINER_OTHER;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strncmp(name, known[i].name, strlen(known[i].name)))
			container->kind = known[i].kind;
	snprintf(container->why, sizeof(container->why), "%s says container=%.32s", who, name);
}

/** variable() - the value in a list of NAME=VALUE strings; NULL: none */
static const char *variable(const char *list, size_t len, const char *name)
{
	size_t of_name = strlen(name);

	for (size_t at = 0; at < len; at += strlen(list + at) + 1)
		if (!strncmp(list + at, name, of_name) && list[at + of_name] == '=')
			return list + at + of_name + 1;
	return NULL;
}

/** told() - what the runtime told PID 1 */
static void told(const struct host *host, struct container *container)
{
	char text[8192];
	ssize_t len = host_read(host, text, sizeof(text), "/proc/1/environ");
	const char *value = len > 0 ? variable(text, (size_t)len, "container") : NULL;

	if (value)
		told_by(container, value, "PID 1");
	if (host_read(host, text, sizeof(text), "/run/systemd/container") > 0)
		told_by(container, text, "/run/systemd/container");
}

/** marked() - files that runtimes leave, if the rest fits */
static void marked(const struct host *host, struct container *container, bool overlay)
{
	static const struct {
		const char *path;
		enum container_kind kind;
	} marks[] = {
		{ "/run/secrets/kubernetes.io/serviceaccount", CONTAINER_KUBERNETES },
		{ "/run/.containerenv", CONTAINER_PODMAN },
		{ "/.dockerenv", CONTAINER_DOCKER },
	};
	char name[32] = "";

	host_read(host, name, sizeof(name), "/proc/2/comm");
	if (!overlay && !strcmp(name, "kthreadd"))
		return;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (host_exists(host, "%s", marks[i].path) &&
		    (container->kind == CONTAINER_NONE || marks[i].kind == CONTAINER_KUBERNETES)) {
			container->kind = marks[i].kind;
			snprintf(container->why, sizeof(container->why), "it has %s",
				 marks[i].path);
		}
}

static bool look_at_status(char *line, void *data)
{
	struct container *container = data;

	if (strncmp(line, "CapEff:", 7))
		return false;
	container->capabilities = strtoull(line + 7, NULL, 16);
	container->has_capabilities = true;
	return true;
}

/** look_around() - see container_read() */
static void look_around(const struct host *host, struct container *container)
{
	struct look look = { .container = container };
	unsigned long long inside, outside, n;
	char map[256];

	each_line(host, "/proc/self/mountinfo", look_at_mount, &look);
	each_line(host, "/proc/self/cgroup", look_at_cgroup, container);
	told(host, container);
	marked(host, container, look.overlay);
	each_line(host, "/proc/self/status", look_at_status, container);
	if (host_read(host, map, sizeof(map), "/proc/self/uid_map") > 0 &&
	    sscanf(map, "%llu %llu %llu", &inside, &outside, &n) == 3)
		container->user = inside || outside || n != UINT32_MAX;
}

void container_read(const struct host *host, struct container *container)
{
	struct host unrecorded = host_unrecorded(host);
	char capabilities[24];
	json_t *answer;
	int err;

	memset(container, 0, sizeof(*container));
	if (ask_recall(host, &answer, &err, "container")) {
		const char *kind = json_string_value(json_object_get(answer, "kind"));

		for (enum container_kind i = CONTAINER_NONE; kind && i <= CONTAINER_OTHER; i++)
			if (!strcmp(kind, container_name(i)))
				container->kind = i;
		ask_text(answer, "why", container->why, sizeof(container->why));
		ask_text(answer, "capabilities", capabilities, sizeof(capabilities));
		container->has_capabilities = *capabilities;
		container->capabilities = strtoull(capabilities, NULL, 16);
		container->user = json_is_true(json_object_get(answer, "user"));
		json_decref(answer);
		return;
	}
	look_around(&unrecorded, container);
	if (!ask_noted(host))
		return;
	snprintf(capabilities, sizeof(capabilities), "%llx", container->capabilities);
	ask_note(host, 0,
		 json_pack("{s:s, s:s, s:s, s:b}", "kind", container_name(container->kind), "why",
			   container->why, "capabilities",
			   container->has_capabilities ? capabilities : "", "user",
			   container->user),
		 "container");
}

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

/** has_word() - in a list with commas */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (list && *list) {
		size_t here = strcspn(list, ",:\n");

		if (here == len && !strncmp(list, word, len))
			return true;
		if (list[here] != ',')
			break;
		list += here + 1;
	}
	return false;
}

/** find_mount() - of version 1 with hugetlb, if there is one; else of version 2 */
static bool find_mount(char *line, void *data)
{
	struct hierarchy *h = data;
	struct mount mount;
	bool v1;

	if (!cut_mount(line, &mount))
		return false;
	v1 = !strcmp(mount.type, "cgroup") && has_word(mount.super, "hugetlb");
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

	if (!path || (h->v2 ? path != controllers + 1 : !has_word(controllers + 1, "hugetlb")))
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

	each_line(host, "/proc/self/mountinfo", find_mount, &h);
	if (!*h.point)
		return 0;
	each_line(host, "/proc/self/cgroup", find_path, &h);
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

/**
 * struct wanted - a mount point
 * @readonly:	of the last mount there
 */
struct wanted {
	const char *point;
	bool readonly;
};

static bool look_for_point(char *line, void *data)
{
	struct wanted *wanted = data;
	struct mount mount;

	if (cut_mount(line, &mount) && !strcmp(mount.point, wanted->point))
		wanted->readonly = has_word(mount.options, "ro");
	return false;
}

bool mount_is_readonly(const struct host *host, const char *path)
{
	struct host unrecorded = host_unrecorded(host);
	struct wanted wanted = { .point = path };
	json_t *answer;
	int err;

	if (ask_recall(host, &answer, &err, "read-only%s", path)) {
		wanted.readonly = json_is_true(answer);
		json_decref(answer);
		return wanted.readonly;
	}
	each_line(&unrecorded, "/proc/self/mountinfo", look_for_point, &wanted);
	ask_note(host, 0, json_boolean(wanted.readonly), "read-only%s", path);
	return wanted.readonly;
}
