/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/plugin.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/paths.h"

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
	char real[PATH_MAX], part[PATH_MAX];

	if (wanted)
		snprintf(path, size, "%s", wanted);
	else
		paths_find(PLACE_PLUGIN, path, size);
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
