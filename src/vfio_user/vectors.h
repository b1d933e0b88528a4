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

#endif
