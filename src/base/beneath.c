/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compat.h"

#define TRIES_MAX 1000u
#define STEP      (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/** is_link() - after a failure of openat() with O_NOFOLLOW: is it because of a symbolic link? */
static bool is_link(int dir, const char *name)
{
	struct stat st;

	return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode);
}

/** open_last() - the last component, which must not be a link */
static int open_last(int dir, const char *name, int flags, mode_t mode)
{
	int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	struct stat st;
	int err = -errno;

	if (fd < 0)
		return err == -ENOTDIR && is_link(dir, name) ? -ELOOP : err;
	/* With O_PATH, O_NOFOLLOW opens the link itself. */
	if (flags & O_PATH && (fstat(fd, &st) || S_ISLNK(st.st_mode))) {
		close(fd);
		return -ELOOP;
	}
	return fd;
}

/** step_by_step() - beneath_open() without openat2() */
static int step_by_step(int dir, const char *path, int flags, mode_t mode)
{
	int at = dir, next;

	if (*path == '/')
		return -EXDEV;
	for (;;) {
		size_t len = strcspn(path, "/");
		const char *rest = path + len + strspn(path + len, "/");
		char name[NAME_MAX + 1];

		next = 0;
		if (len > NAME_MAX)
			next = -ENAMETOOLONG;
		else if (!len)
			next = -ENOENT;
		else if (len == 2 && !memcmp(path, "..", 2))
			next = -EXDEV;
		if (!next) {
			memcpy(name, path, len);
			name[len] = '\0';
			/* A slash at the end wants a directory. */
			if (!*rest && !path[len])
				next = open_last(at, name, flags, mode);
			else if (!*rest)
				next = open_last(at, name, flags | O_DIRECTORY, mode);
			else
				next = open_last(at, name, STEP, 0);
		}
		if (at != dir)
			close(at);
		if (next < 0 || !*rest)
			return next;
		at = next;
		path = rest;
	}
}

int beneath_open(int dir, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned int)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	unsigned int tries = 0;
	long fd;

	do {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		/* For a ".." while anything is mounted or renamed; see openat2(2) */
	} while (fd < 0 && errno == EAGAIN && ++tries < TRIES_MAX);
	if (fd >= 0)
		return (int)fd;
	/* EPERM: a container's filter that does not know the call. Then the answer is the same. */
	if (errno == ENOSYS || errno == EPERM)
		return step_by_step(dir, path, flags, mode);
	return -errno;
}

/**
 * parent() - the directory that the last component is in
 * @name:	the last component
 *
 * Return: a descriptor, to be closed, or a negative errno
 */
static int parent(int dir, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	*name = slash ? slash + 1 : path;
	if (!**name || !strcmp(*name, "."))
		return -EINVAL;
	if (!strcmp(*name, ".."))
		return -EXDEV;
	if (!slash)
		return beneath_open(dir, ".", O_PATH | O_DIRECTORY, 0);
	if (slash == path)
		return -EXDEV;
	if ((size_t)(slash - path) >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	return beneath_open(dir, folder, O_PATH | O_DIRECTORY, 0);
}

/** done() - close a parent; from the result of a system call to a negative errno */
static int done(int at, int result)
{
	int err = result < 0 ? -errno : result;

	close(at);
	return err;
}

int beneath_mkdir(int dir, const char *path, mode_t mode)
{
	const char *name;
	int at = parent(dir, path, &name);

	return at < 0 ? at : done(at, mkdirat(at, name, mode));
}

int beneath_write(int fd, const char *text)
{
	size_t len = strlen(text);
	ssize_t put = write(fd, text, len);

	if (put < 0)
		return -errno;
	return (size_t)put == len ? 0 : -ENOSPC;
}

int beneath_directory(int dir, const char *path, mode_t mode)
{
	char part[PATH_MAX];
	int err;

	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	for (const char *end = path; *end;) {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		memcpy(part, path, (size_t)(end - path));
		part[end - path] = '\0';
		err = beneath_mkdir(dir, part, mode);
		if (err && err != -EEXIST)
			return err;
		end += strspn(end, "/");
	}
	return beneath_open(dir, path, O_RDONLY | O_DIRECTORY, 0);
}

int beneath_remove(int dir, const char *path, int flags)
{
	const char *name;
	int at = parent(dir, path, &name);

	return at < 0 ? at : done(at, unlinkat(at, name, flags));
}

int beneath_symlink(int dir, const char *target, const char *path)
{
	const char *name;
	int at = parent(dir, path, &name);

	return at < 0 ? at : done(at, symlinkat(target, at, name));
}

int beneath_rename(int dir, const char *from, const char *to)
{
	const char *old, *new;
	int here = parent(dir, from, &old), there, err;

	if (here < 0)
		return here;
	there = parent(dir, to, &new);
	if (there < 0) {
		close(here);
		return there;
	}
	err = renameat(here, old, there, new) < 0 ? -errno : 0;
	close(there);
	close(here);
	return err;
}

ssize_t beneath_link(int dir, const char *path, char *target, size_t size)
{
	const char *name;
	int at = parent(dir, path, &name);
	ssize_t len;

	if (at < 0)
		return at;
	len = readlinkat(at, name, target, size);
	len = len < 0 ? -errno : (size_t)len == size ? -ENAMETOOLONG : len;
	close(at);
	if (len >= 0)
		target[len] = '\0';
	return len;
}

/** clear() - remove what is in a directory of a file system, as far as that is possible */
static void clear(int dir, dev_t device)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;

	if (!stream && fd >= 0)
		close(fd);
	while (stream && (entry = readdir(stream))) {
		int sub;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    !unlinkat(dir, entry->d_name, 0))
			continue;
		sub = open_last(dir, entry->d_name, O_RDONLY | O_DIRECTORY, 0);
		if (sub < 0)
			continue;
		if (!fstat(sub, &st) && st.st_dev == device)
			clear(sub, device);
		close(sub);
		unlinkat(dir, entry->d_name, AT_REMOVEDIR);
	}
	if (stream)
		closedir(stream);
}

int beneath_remove_tree(int dir, const char *path)
{
	int fd = beneath_open(dir, path, O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (!fstat(fd, &st))
		clear(fd, st.st_dev);
	close(fd);
	return beneath_remove(dir, path, AT_REMOVEDIR);
}
