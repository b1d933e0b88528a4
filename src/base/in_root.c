/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/in_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compat.h"

#define TRIES_MAX 1000u
#define DEPTH_MAX 64u
#define LINKS_MAX 40u /* as the kernel's MAXSYMLINKS */
#define STEP      (O_PATH | O_NOFOLLOW | O_CLOEXEC)

/**
 * struct walk - on the way to a file
 * @at:		the tree, and the folders below it that lead to where the walk is
 * @depth:	index of the last one
 * @links:	followed so far
 * @path:	what is left to go
 */
struct walk {
	int at[DEPTH_MAX];
	unsigned int depth;
	unsigned int links;
	char path[PATH_MAX];
};

/** up() - leave folders until @depth */
static void up(struct walk *walk, unsigned int depth)
{
	while (walk->depth > depth)
		close(walk->at[walk->depth--]);
}

/** follow() - put the target of the link @fd in front of @rest; 0 or a negative errno */
static int follow(struct walk *walk, int fd, const char *rest)
{
	char target[PATH_MAX], path[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);
	int len;

	if (n < 0)
		return -errno;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	target[n] = '\0';
	len = snprintf(path, sizeof(path), "%s/%s", target, rest);
	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	/* The slash that was added would ask for a folder. */
	if (!*rest)
		path[len - 1] = '\0';
	if (*target == '/')
		up(walk, 0);
	memcpy(walk->path, path, (size_t)len + 1);
	return 0;
}

/**
 * step() - go into @name, or follow it if it is a link
 * @last:	it is the file that was asked for
 * @rest:	what comes after it
 *
 * Return: 1: open @name here; 0: go on; or a negative errno
 */
static int step(struct walk *walk, const char *name, bool last, const char *rest, int flags)
{
	struct stat st;
	int fd, err = 0;

	if (!strcmp(name, "..")) {
		up(walk, walk->depth ? walk->depth - 1 : 0);
		memmove(walk->path, rest, strlen(rest) + 1);
		return 0;
	}
	fd = openat(walk->at[walk->depth], name, STEP);
	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
	} else if (S_ISLNK(st.st_mode) && !(last && flags & O_NOFOLLOW)) {
		err = follow(walk, fd, rest);
	} else if (last) {
		err = 1;
	} else if (!S_ISDIR(st.st_mode)) {
		err = -ENOTDIR;
	} else if (walk->depth + 1 == DEPTH_MAX) {
		err = -ENAMETOOLONG;
	} else {
		walk->at[++walk->depth] = fd;
		memmove(walk->path, rest, strlen(rest) + 1);
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

/** step_by_step() - in_root_open() without openat2() */
static int step_by_step(int root, const char *path, int flags)
{
	struct walk walk = { .at = { root } };
	char name[NAME_MAX + 1] = ".";
	int err = 0, fd;

	if (strlen(path) >= sizeof(walk.path))
		return -ENAMETOOLONG;
	strcpy(walk.path, path);
	while (!err) {
		const char *begin = walk.path + strspn(walk.path, "/");
		size_t len = strcspn(begin, "/");

		if (len > NAME_MAX) {
			err = -ENAMETOOLONG;
		} else if (!len) {
			/* The folder that was gone into last */
			strcpy(name, ".");
			err = 1;
		} else {
			memcpy(name, begin, len);
			name[len] = '\0';
			/* A slash at the end asks for a folder. */
			err = step(&walk, name, !begin[len], begin + len, flags);
		}
	}
	fd = err == 1 ? openat(walk.at[walk.depth], name, flags | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd < 0 && err == 1)
		err = -errno;
	up(&walk, 0);
	return fd >= 0 ? fd : err;
}

int in_root_open(int root, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned int)(flags | O_CLOEXEC),
				.resolve = RESOLVE_IN_ROOT };
	unsigned int tries = 0;
	long fd;

	if (!*path)
		return -ENOENT;
	do
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	/* For a ".." while anything is mounted or renamed; see openat2(2) */
	while (fd < 0 && errno == EAGAIN && ++tries < TRIES_MAX);
	if (fd >= 0)
		return (int)fd;
	/* EPERM: a container's filter that does not know the call. Then the answer is the same. */
	if (errno == ENOSYS || errno == EPERM)
		return step_by_step(root, path, flags);
	return -errno;
}
