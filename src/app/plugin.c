/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/plugin.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLUGIN "librte_net_manakin.so"

/** insecure() - a world-writable part of a path; DPDK loads nothing from below it */
static bool insecure(const char *path, char *part)
{
	struct stat st;

	strcpy(part, path);
	while (*part) {
		char *slash = strrchr(part, '/');

		if (!stat(part, &st) && st.st_mode & S_IWOTH)
			return true;
		*slash = '\0';
	}
	return false;
}

int plugin_find(const char *wanted, char *path, size_t size, struct error *error)
{
	char self[PATH_MAX], real[PATH_MAX], part[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (wanted) {
		snprintf(path, size, "%s", wanted);
	} else {
		self[len > 0 ? len : 0] = '\0';
		if (strrchr(self, '/'))
			*strrchr(self, '/') = '\0';
		snprintf(path, size, "%s/" PLUGIN, self);
		if (access(path, F_OK))
			snprintf(path, size, MANAKIN_PLUGINS "/" PLUGIN);
	}
	if (!realpath(path, real) || strlen(real) >= size) {
		return error_fail(
			error, -ENOENT,
			"cannot find the poll-mode driver at %s: %s; build it with 'make' (docs/pmd.md), or name it with --plugin",
			path, strerror(errno));
	}
	strcpy(path, real);
	if (insecure(real, part)) {
		return error_fail(
			error, -EPERM,
			"DPDK will not load %s, because %s is world-writable; copy it to a directory that only root can write to, and name it with --plugin",
			real, part);
	}
	return 0;
}
