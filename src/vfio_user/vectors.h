/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/vectors.h - the eventfds that interrupts are.
 */
#ifndef MANAKIN_VFIO_USER_VECTORS_H
#define MANAKIN_VFIO_USER_VECTORS_H

struct vfu_server;

/**
 * vectors_set() - put eventfds into the table, and close what was there
 * @server:	the server
 * @start, @count: the vectors, in range
 * @fds:	@count eventfds, which are the table's from now on; NULL to unset
 */
void vectors_set(struct vfu_server *server, unsigned int start, unsigned int count, const int *fds);

/**
 * eventfd_check() - is it one, and will writing to it never block?
 * @fd:		received from a client
 *
 * Lanes write to it, so nothing else will do: a pipe would block when full. The flag is the
 * open file's, which the client shares, so a process that clears it again and fills the counter
 * can stop a lane. A guest cannot; and such a process runs as our user, or it could not connect.
 *
 * Return: 0, -EINVAL if it is something else, or another negative errno
 */
int eventfd_check(int fd);

#endif
