/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/vectors.h - interrupts as eventfds.
 */
#ifndef MANAKIN_VFIO_USER_VECTORS_H
#define MANAKIN_VFIO_USER_VECTORS_H

struct vfu_server;

/**
 * vectors_set() - put eventfds into the table, and close the old ones
 * @server:	the server
 * @start, @count: the vectors, in range
 * @fds:	@count eventfds, owned by the table from now on; NULL to unset
 */
void vectors_set(struct vfu_server *server, unsigned int start, unsigned int count, const int *fds);

/**
 * eventfd_check() - is it an eventfd that a write never blocks on?
 * @own_fds:	/proc/self/fd, opened while this process could still open files
 * @fd:		received from a client
 *
 * Lanes write to it, so it must be a non-blocking eventfd: a pipe would block when full. The flag
 * belongs to the open file, which the client shares, so a process that clears it and fills the
 * counter can stop a lane. A guest cannot; and such a process runs as our user, or it could not
 * connect.
 *
 * Return: 0, -EINVAL if it is something else, or another negative errno
 */
int eventfd_check(int own_fds, int fd);

#endif
