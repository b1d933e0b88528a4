/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/limit.h - limits: of this process's resources, and of an interface's queues.
 */
#ifndef MANAKIN_HOST_MACHINE_LIMIT_H
#define MANAKIN_HOST_MACHINE_LIMIT_H

#include <stdbool.h>

#include "host/machine/root.h"

/**
 * struct limits - of this process, inherited by those that it starts
 * @locked:	bytes of memory it may lock; ULLONG_MAX: no limit
 * @files:	that it may have open; @files_hard: to which it may raise that
 */
struct limits {
	unsigned long long locked;
	unsigned long long files, files_hard;
};

/** limits_read() - with CAP_IPC_LOCK there is no limit on memory; -ENODATA: a tree has no process */
int limits_read(const struct host *host, struct limits *limits);

/** limits_queues() - `ethtool -l NAME`: the most queue pairs; 0 or a negative errno */
int limits_queues(const struct host *host, const char *interface, unsigned int *queues);

#endif
