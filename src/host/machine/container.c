/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: what a runtime cannot hide is what it mounts into each container, its own
 * /etc/hosts and the like from below its directory, and cgroups that are named after it. Those are
 * looked at first; then what PID 1 was told by the runtime (container=...); and only then files
 * that mark a container, which count if there is a namespace or an overlay to go with them.
 */
#include "host/machine/container.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/machine/ask.h"
#include "host/machine/mount.h"

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

	if (!mount_cut(line, &mount))
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

	host_each_line(host, "/proc/self/mountinfo", look_at_mount, &look);
	host_each_line(host, "/proc/self/cgroup", look_at_cgroup, container);
	told(host, container);
	marked(host, container, look.overlay);
	host_each_line(host, "/proc/self/status", look_at_status, container);
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
