/* SPDX-License-Identifier: BSD-3-Clause */
#include "vfio_user/listen.h"

#include <errno.h>
#include <sys/socket.h>

#include "vfio_user/conn.h"

#define LISTEN_BACKLOG 16

int listen_at(struct vfu_server *server)
{
	if (server->config.passed) {
		server->listen_fd = server->config.listen_fd;
		return 0;
	}
	server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listen_fd < 0)
		return -errno;
	return socket_file_bind(server->listen_fd, server->path, LISTEN_BACKLOG, &server->file);
}
