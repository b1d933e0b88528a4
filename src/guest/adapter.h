/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/adapter.h - the adapters of a guest: manakin device, once each.
 */
#ifndef MANAKIN_GUEST_ADAPTER_H
#define MANAKIN_GUEST_ADAPTER_H

#include <stdbool.h>

#include "process/child.h"

/**
 * adapter_start() - start "manakin device" and wait until it can be attached to
 * @child:	filled in
 * @options:	its options as a shell would read them, without --socket
 * @directory:	its socket is there as adapter-INDEX
 * @index:	counts the guest's adapters
 * @synthetic:	with a socket for the host of synthetic cards, too
 * @log:	file descriptor for what it says
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int adapter_start(struct child *child, const char *options, const char *directory,
		  unsigned int index, bool synthetic, int log);

/**
 * adapter_attach() - use the socket of an adapter that runs already
 * @path:	its socket
 * @directory:	the socket is there as adapter-INDEX afterwards
 * @index:	counts the guest's adapters
 * @synthetic:	the socket for the host of synthetic cards, too
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
