/* SPDX-License-Identifier: BSD-3-Clause */
#include "vfio_user/listen.h"

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
#include "vfio_user/conn.h"

#define LOCK_MS        1000 /* to wait for another process that opens a socket there */
#define LISTEN_BACKLOG 16

/**
 * lock_folder() - keep other processes from opening a socket in the same folder
 * @path:	of the socket
 *
 * Two processes that find the same stale socket would both replace it, and the second would remove
 * the first one's. If the lock is not free within LOCK_MS, go on without it: anybody may lock /tmp.
 *
 * Return: a descriptor that holds the lock until it is closed, or -1
 */
static int lock_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)] = ".";
	uint64_t deadline = clock_deadline(LOCK_MS);
	int fd;

	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && !clock_passed(deadline))
		clock_pause_us(10000);
	return fd;
}

/**
 * remove_stale() - remove a socket that no process listens on
 * @address:	of the socket
 *
 * Return: 0 if the path is free; -EADDRINUSE if a process listens; -EEXIST if it is not a socket;
 * another negative errno
 */
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, ret;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ret = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	close(fd);
	/* EAGAIN: the backlog is full, so a process listens */
	if (ret == 0 || ret == -EAGAIN)
		return -EADDRINUSE;
	if (ret != -ECONNREFUSED)
		return ret;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

int listen_at(struct vfu_server *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	int lock, ret;

	if (server->config.passed) {
		server->listen_fd = server->config.listen_fd;
		return 0;
	}
	if (strlen(server->path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, server->path);
	server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listen_fd < 0)
		return -errno;
	/* bind() creates the file with the socket's mode, less the umask */
	if (fchmod(server->listen_fd, 0600) < 0)
		return -errno;
	lock = lock_folder(server->path);
	ret = remove_stale(&address);
	if (!ret && bind(server->listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		ret = -errno;
	if (!ret &&
	    (lstat(server->path, &st) < 0 || listen(server->listen_fd, LISTEN_BACKLOG) < 0)) {
		ret = -errno;
		unlink(server->path);
	}
	if (lock >= 0)
		close(lock);
	if (ret)
		return ret;
	server->device = st.st_dev;
	server->inode = st.st_ino;
	return 0;
}
