/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/closer.h - close what came from a client, on a thread that may wait.
 *
 * close(2) can wait for as long as the client likes: for a peer that does not read (SO_LINGER), for
 * a file system that is a process of the client's (FUSE), for a server that does not answer (NFS).
 * So does closing a socket whose queue holds such descriptors. The control thread passes all of them
 * to its server's closer, and goes on.
 */
#ifndef MANAKIN_VFIO_USER_CLOSER_H
#define MANAKIN_VFIO_USER_CLOSER_H

#include <stdbool.h>

struct closer;

/**
 * closer_open() - prepare; the thread is started when there is something to close
 * @capacity:	descriptors that can wait to be closed
 * @closer:	owned by the caller until closer_close()
 *
 * A thread that is started by one in a sandbox is in the same sandbox. Besides what pthread_create()
 * needs, it calls close(), setsockopt(), write(), and clone() with CLONE_VM, CLONE_FILES and
 * CLONE_VFORK, then wait4(). If clone() fails, it does without.
 *
 * Return: 0 or a negative errno
 */
int closer_open(unsigned int capacity, struct closer **closer);

/**
 * closer_close() - close what is waiting, and end the thread
 *
 * Does not wait for a descriptor that somebody holds up; that goes on without us, even after this
 * process has ended.
 */
void closer_close(struct closer *closer);

/**
 * closer_add() - have a descriptor closed
 * @fd:		not to be used again
 * @strange:	it may be anything: the client was not to send it
 *
 * The caller must know that there is room: see closer_waiting().
 */
void closer_add(struct closer *closer, int fd, bool strange);

/**
 * closer_waiting() - descriptors that are not closed yet
 * @strange:	how many of them were added as such
 */
unsigned int closer_waiting(struct closer *closer, unsigned int *strange);

/** closer_wake() - make closer_fd() readable once half of those that are waiting now are closed */
void closer_wake(struct closer *closer);

/** closer_fd() - an eventfd, to be read by the caller */
int closer_fd(const struct closer *closer);

#endif
