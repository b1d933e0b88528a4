/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/socket_file.h - the file of a UNIX socket: created, replaced only if it is stale, and removed
 * only if it is still the one that was created.
 */
#ifndef MANAKIN_BASE_SOCKET_FILE_H
#define MANAKIN_BASE_SOCKET_FILE_H

#include <sys/types.h>

#define SOCKET_FILE_PATH 108u /* bytes: of sockaddr_un.sun_path */

/**
 * struct socket_file - a file that socket_file_bind() created
 * @path:	empty: none
 * @device, @inode: its identity, so that no other file is removed
 */
struct socket_file {
	char path[SOCKET_FILE_PATH];
	dev_t device;
	ino_t inode;
};

/**
 * socket_file_bind() - bind a socket to a path, accessible to its owner only
 * @fd:		the socket, of any type; it listens on return unless it is for datagrams
 * @path:	a socket there that no process has bound is replaced; anything else stays, a symbolic
 *		link too
 * @backlog:	for listen()
 * @file:	filled in; on failure its path is empty
 *
 * Return: 0; -EADDRINUSE if a process has a socket there; -EEXIST if it is not a socket;
 * another negative errno
 */
int socket_file_bind(int fd, const char *path, int backlog, struct socket_file *file);

/** socket_file_reason() - why it could not be bound, for the user; @err: as returned */
const char *socket_file_reason(int err);

/** socket_file_remove() - remove it, unless another file has taken its place */
void socket_file_remove(struct socket_file *file);

#endif
