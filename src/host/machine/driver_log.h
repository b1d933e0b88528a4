/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/driver_log.h - what the kernel's log says of the adapter's driver: of the running
 * kernel's, or of a tree's /var/log/dmesg or /var/log/kern.log.
 */
#ifndef MANAKIN_HOST_MACHINE_DRIVER_LOG_H
#define MANAKIN_HOST_MACHINE_DRIVER_LOG_H

#include "host/machine/root.h"

/**
 * struct driver_probe - how mana's probe of a PCI device went, the last time
 * @line:	that tells most of why it failed; empty: none says that it failed
 * @status:	of the adapter's refusal; 0: none
 * @silent:	the adapter did not answer
 * @err:	errno of the failure, positive; 0: not known
 */
struct driver_probe {
	char line[200];
	unsigned long status;
	bool silent;
	int err;
};

/**
 * driver_log_probe() - of the device at a PCI address
 *
 * Return: 0; -EPERM: this user may not read the log; or another negative errno
 */
int driver_log_probe(const struct host *host, const char *address, struct driver_probe *probe);

/** What hv_netvsc last said of the VF of any interface */
enum driver_slot {
	SLOT_UNKNOWN, /* nothing, or the log cannot be read */
	SLOT_ADDED,   /* the host offered one */
	SLOT_REMOVED, /* the host took it away */
};

enum driver_slot driver_log_slot(const struct host *host);

#endif
