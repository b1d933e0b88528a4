/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/socket_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define LOCK_MS 1000 /* to wait for another process that opens a socket there */

static_assert(SOCKET_FILE_PATH == sizeof(((struct sockaddr_un *)0)->sun_path), "a socket's path");

/** open_folder() - the directory that a path is in; @name: the rest of the path */
static int open_folder(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char folder[SOCKET_FILE_PATH] = ".";

	*name = slash ? slash + 1 : path;
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/**
 * lock_folder() - keep other processes from opening a socket in the same folder
 *
 * Two processes that find the same stale socket would both replace it, and the second would remove
 * the first one's. If the lock is not free within LOCK_MS, go on without it: anybody may lock /tmp.
 */
static void lock_folder(int folder)
{
	uint64_t deadline = clock_deadline(LOCK_MS);

	while (flock(folder, LOCK_EX | LOCK_NB) < 0 && !clock_passed(deadline))
		clock_pause_us(10000);
}

/**
 * remove_stale() - remove a socket that no process has bound
 * @folder, @name: where it is
 * @address:	of it
 * @type:	of the socket that is to be there
 */
static int remove_stale(int folder, const char *name, const struct sockaddr_un *address, int type)
{
	struct stat st;
	int fd, ret;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ret = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	close(fd);
	/*
	 * EAGAIN: the backlog is full. EPROTOTYPE: it is of another type. EPERM: it is a datagram
	 * socket that talks to somebody else. A process has it in each case.
	 */
	if (ret == 0 || ret == -EAGAIN || ret == -EPROTOTYPE || ret == -EPERM)
		return -EADDRINUSE;
	if (ret != -ECONNREFUSED)
		return ret;
	return unlinkat(folder, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int socket_file_bind(int fd, const char *path, int backlog, struct socket_file *file)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(int);
	const char *name;
	struct stat st;
	int folder, type, ret = 0;

	*file->path = '\0';
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	/* bind() creates the file with the socket's mode, less the umask */
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || fchmod(fd, 0600) < 0)
		return -errno;
	folder = open_folder(path, &name);
	if (folder < 0)
		return -errno;
	lock_folder(folder);
	ret = remove_stale(folder, name, &address, type);
	if (!ret && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		ret = -errno;
	if (!ret && (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		     (type != SOCK_DGRAM && listen(fd, backlog) < 0))) {
		ret = -errno;
		unlinkat(folder, name, 0);
	}
	close(folder);
	if (ret)
		return ret;
	strcpy(file->path, path);
	file->device = st.st_dev;
	file->inode = st.st_ino;
	return 0;
}

const char *socket_file_reason(int err)
{
	switch (err) {
	case -EADDRINUSE:
		return "another process has a socket there";
	case -EEXIST:
		return "a file that is not a socket is there";
	default:
		return strerror(-err);
	}
}

void socket_file_remove(struct socket_file *file)
{
	const char *name;
	struct stat st;
	int folder;

	if (!*file->path)
		return;
	folder = open_folder(file->path, &name);
	if (folder < 0) {
		/* In a sandbox nothing can be opened, nor removed anywhere but in that folder. */
		folder = AT_FDCWD;
		name = file->path;
	}
	if (!fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) && st.st_dev == file->device &&
	    st.st_ino == file->inode)
		unlinkat(folder, name, 0);
	if (folder >= 0)
		close(folder);
	*file->path = '\0';
}
