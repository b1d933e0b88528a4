/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/adapter.h - a guest's adapters: a "manakin device" process each.
 */
#ifndef MANAKIN_GUEST_ADAPTER_H
#define MANAKIN_GUEST_ADAPTER_H

#include <stdbool.h>

#include "process/child.h"

/**
 * struct adapter_extra - what an adapter gets besides the user's options
 * @synthetic:	also create a socket for the host of synthetic cards
 * @examine:	file of the examiner's report, or NULL
 */
struct adapter_extra {
	bool synthetic;
	const char *examine;
};

/**
 * adapter_start() - start "manakin device" and wait until it can be attached to
 * @child:	filled in
 * @options:	its options, split as by a shell, without --socket
 * @directory:	its socket is there as adapter-INDEX
 * @index:	counts the guest's adapters
 * @extra:	what else it gets
 * @log:	file descriptor for its messages
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int adapter_start(struct child *child, const char *options, const char *directory,
		  unsigned int index, const struct adapter_extra *extra, int log);

/**
 * adapter_attach() - use the socket of a running adapter
 * @path:	its socket
 * @directory:	the socket is there as adapter-INDEX afterwards
 * @index:	counts the guest's adapters
 * @synthetic:	also use the socket for the host of synthetic cards
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int adapter_attach(const char *path, const char *directory, unsigned int index, bool synthetic);

/**
 * adapter_cable() - a datagram socket that is connected to an adapter's synthetic cards
 * @directory:	where the adapter's sockets are
 * @index:	counts the guest's adapters
 *
 * Return: a file descriptor or a negative errno; the user has been told why
 */
int adapter_cable(const char *directory, unsigned int index);

#endif
