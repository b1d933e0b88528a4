/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/share.h - share a directory of the host at /mnt/share, with virtiofsd.
 */
#ifndef MANAKIN_GUEST_SHARE_H
#define MANAKIN_GUEST_SHARE_H

#include "process/child.h"

/**
 * struct share_config - what is shared, and how
 * @qemu:	directory of the cache's QEMU, which has virtiofsd
 * @directory:	where its socket, "share", is created
 * @log:	file descriptor for its messages
 * @shared:	directory of the host
 */
struct share_config {
	const char *qemu;
	const char *directory;
	int log;
	const char *shared;
};

/**
 * share_start() - start the server of the shared directory
 * @child:	filled in
 * @config:	what is shared
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int share_start(struct child *child, const struct share_config *config);

#endif
