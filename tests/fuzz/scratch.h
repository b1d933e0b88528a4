/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/scratch.h - a directory in memory, for targets whose input is in files.
 */
#ifndef MANAKIN_TESTS_FUZZ_SCRATCH_H
#define MANAKIN_TESTS_FUZZ_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input.h"

static char scratch[] = "/dev/shm/manakin-fuzz-XXXXXX";
static int scratch_fd = -1;

static int scratch_remove_one(const char *path, const struct stat *status, int kind,
			      struct FTW *level)
{
	(void)status;
	(void)kind;
	(void)level;
	return remove(path);
}

static void scratch_remove(void)
{
	nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/** scratch_start() - create it; it goes at the end of the process */
static inline void scratch_start(void)
{
	require(mkdtemp(scratch) != NULL);
	scratch_fd = open(scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
	require(scratch_fd >= 0);
	atexit(scratch_remove);
}

/** scratch_write() - a file below it, instead of what is there; its directories exist */
static inline void scratch_write(const char *path, const void *bytes, size_t size)
{
	int fd = openat(scratch_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	require(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

/** scratch_directories() - those of a path below it, up to its last slash */
static inline void scratch_directories(const char *path)
{
	char part[4096];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		mkdirat(scratch_fd, part, 0755);
	}
}

#endif
