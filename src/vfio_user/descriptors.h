/* SPDX-License-Identifier: BSD-3-Clause */
/* vfio_user/descriptors.h - file descriptors beside a message on a UNIX socket (SCM_RIGHTS). */
#ifndef MANAKIN_VFIO_USER_DESCRIPTORS_H
#define MANAKIN_VFIO_USER_DESCRIPTORS_H

#include <sys/socket.h>

/* Descriptors that one call on a socket can carry: Linux's SCM_MAX_FD */
#define DESCRIPTORS_MAX 253u

/** union descriptors_room - for the control part of a message, as it has to be aligned */
union descriptors_room {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

/**
 * descriptors_put() - let descriptors go with the first byte of a message
 * @message:	for sendmsg()
 * @room:	used until that has returned
 * @fds, @n:	with none the message has no control part
 */
void descriptors_put(struct msghdr *message, union descriptors_room *room, const int *fds,
		     unsigned int n);

/**
 * descriptors_expect() - let descriptors come in with a message
 * @message:	for recvmsg()
 * @room:	used until descriptors_take()
 */
void descriptors_expect(struct msghdr *message, union descriptors_room *room);

/**
 * descriptors_take() - those that came
 * @message:	as recvmsg() left it
 * @fds:	the caller's from now on
 *
 * Return: how many there are
 */
unsigned int descriptors_take(struct msghdr *message, int fds[DESCRIPTORS_MAX]);

/** descriptors_close() - all of them; *@n is 0 afterwards */
void descriptors_close(int *fds, unsigned int *n);

#endif
