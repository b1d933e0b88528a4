/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/rights.h - sockets over which nobody is to send descriptors (SCM_RIGHTS).
 *
 * A receiver that does not ask for them has them closed by the kernel, in its own call, and closing
 * can wait for as long as the sender likes.
 */
#ifndef MANAKIN_BASE_RIGHTS_H
#define MANAKIN_BASE_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16 */
#endif

/**
 * rights_refuse() - have the kernel refuse messages that carry descriptors
 * @fd:		a UNIX socket; of a listening one, those that are accepted are the same
 *
 * Return: false if the kernel cannot: see rights_waiting()
 */
static inline bool rights_refuse(int fd)
{
	return setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &(int){ 0 }, sizeof(int)) == 0;
}

/** rights_waiting() - does the next message carry descriptors? Then do not receive it */
static inline bool rights_waiting(int fd)
{
	struct msghdr message = { .msg_iov = NULL };

	/* A look takes and closes copies, of which none is the last */
	return recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT) >= 0 &&
	       message.msg_flags & MSG_CTRUNC;
}

#endif
