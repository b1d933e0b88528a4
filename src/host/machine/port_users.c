/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/port_users.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/machine/ask.h"

/** add_user() - name process @pid, if there is room */
static void add_user(const struct host *host, const char *pid, struct device_users *device)
{
	size_t len = strlen(device->users);
	char comm[32];

	if (host_read(host, comm, sizeof(comm), "/proc/%s/comm", pid) < 0)
		strcpy(comm, "?");
	if (len + strlen(comm) + strlen(pid) + 6 > sizeof(device->users))
		return;
	snprintf(device->users + len, sizeof(device->users) - len, "%s%s (%s)", len ? ", " : "",
		 comm, pid);
}

/** look_into() - the open files of one process */
static void look_into(const struct host *host, const char *pid, struct device_users *devices,
		      size_t n, bool *has)
{
	int fd = host_open_file(host, "/proc/%s/fd", pid);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	char target[64];

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	memset(has, 0, n * sizeof(*has));
	while ((entry = readdir(dir))) {
		/* Straight from the directory: there may be thousands. */
		ssize_t len = readlinkat(fd, entry->d_name, target, sizeof(target) - 1);
		const char *name;

		if (len <= 5 || memcmp(target, "/dev/", 5))
			continue;
		target[len] = '\0';
		name = strrchr(target, '/') + 1;
		for (size_t i = 0; i < n; i++)
			has[i] |= !strcmp(name, devices[i].device);
	}
	closedir(dir);
	for (size_t i = 0; i < n; i++)
		if (has[i])
			add_user(host, pid, &devices[i]);
}

/** recall_users() - those that a report names */
static void recall_users(const struct host *host, struct device_users *device)
{
	json_t *answer;
	int err;

	ask_recall(host, &answer, &err, "users/%s", device->device);
	if (json_is_string(answer))
		snprintf(device->users, sizeof(device->users), "%s", json_string_value(answer));
	json_decref(answer);
}

void device_users_read(const struct host *host, struct device_users *devices, size_t n)
{
	bool *has = n ? calloc(n, sizeof(*has)) : NULL;
	struct names pids = { 0 };

	if (host_is_report(host)) {
		for (size_t i = 0; i < n; i++)
			recall_users(host, &devices[i]);
		free(has);
		return;
	}
	if (has)
		host_list(host, &pids, "/proc");
	for (size_t i = 0; i < pids.n; i++)
		if (isdigit((unsigned char)*pids.name[i]))
			look_into(host, pids.name[i], devices, n, has);
	for (size_t i = 0; i < n && ask_noted(host); i++)
		if (*devices[i].device)
			ask_note(host, 0, json_string(devices[i].users), "users/%s",
				 devices[i].device);
	names_free(&pids);
	free(has);
}
