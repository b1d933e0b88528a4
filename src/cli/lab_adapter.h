/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/lab_adapter.h - the adapters of a guest: manakin device, once each.
 */
#ifndef MANAKIN_CLI_LAB_ADAPTER_H
#define MANAKIN_CLI_LAB_ADAPTER_H

#include "cli/lab_child.h"

/**
 * adapter_start() - start "manakin device" and wait until it can be attached to
 * @child:	filled in
 * @options:	its options as a shell would read them, without --socket
 * @directory:	its socket is there as adapter-INDEX
 * @index:	counts the guest's adapters
 * @log:	file descriptor for what it says
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int adapter_start(struct child *child, const char *options, const char *directory,
		  unsigned int index, int log);

/**
 * adapter_attach() - use the socket of an adapter that runs already
 * @path:	its socket
 * @directory:	the socket is there as adapter-INDEX afterwards
 * @index:	counts the guest's adapters
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int adapter_attach(const char *path, const char *directory, unsigned int index);

#endif
