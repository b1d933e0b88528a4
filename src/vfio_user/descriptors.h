/* SPDX-License-Identifier: BSD-3-Clause */
/* vfio_user/descriptors.h - file descriptors sent with a message on a UNIX socket (SCM_RIGHTS). */
#ifndef MANAKIN_VFIO_USER_DESCRIPTORS_H
#define MANAKIN_VFIO_USER_DESCRIPTORS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Descriptors that one call on a socket can carry: Linux's SCM_MAX_FD */
#define DESCRIPTORS_MAX 253u

/** union descriptors_room - aligned buffer for the control part of a message */
union descriptors_room {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

/**
 * descriptors_put() - attach descriptors to the first byte of a message
 * @message:	for sendmsg()
 * @room:	must stay until that has returned
 * @fds, @n:	the descriptors; if @n is 0 the message has no control part
 */
void descriptors_put(struct msghdr *message, union descriptors_room *room, const int *fds,
		     unsigned int n);

/**
 * descriptors_expect() - prepare to receive descriptors with a message
 * @message:	for recvmsg()
 * @room:	must stay until descriptors_take()
 */
void descriptors_expect(struct msghdr *message, union descriptors_room *room);

/**
 * descriptors_take() - the descriptors that were received
 * @message:	as recvmsg() left it
 * @fds:	owned by the caller from now on
 *
 * Return: how many there are
 */
unsigned int descriptors_take(struct msghdr *message, int fds[DESCRIPTORS_MAX]);

/**
 * descriptor_in_memory() - is it a memfd, or a file on tmpfs or hugetlbfs?
 * @fd:		from a client: anything at all
 *
 * Only these have seals, and asking for them does not call the file's own operations: fstat(2) of a
 * file on FUSE or NFS waits until its server answers.
 */
bool descriptor_in_memory(int fd);

/** descriptors_close() - all of them; *@n is 0 afterwards */
void descriptors_close(int *fds, unsigned int *n);

#endif
