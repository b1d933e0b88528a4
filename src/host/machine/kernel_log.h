/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/kernel_log.h - the kernel's log, and what it says of the adapter's driver.
 */
#ifndef MANAKIN_HOST_MACHINE_KERNEL_LOG_H
#define MANAKIN_HOST_MACHINE_KERNEL_LOG_H

#include "host/machine/root.h"

/**
 * struct kernel_log - all of it that there is
 * @text:	lines; the kernel keeps the newest
 */
struct kernel_log {
	char *text;
	size_t len;
};

/**
 * kernel_log_read() - of the running kernel; of a tree, /var/log/dmesg or /var/log/kern.log
 * @log:	filled in; kernel_log_free() it, after a failure too
 *
 * Return: 0; -EPERM: this user may not read it; or another negative errno
 */
int kernel_log_read(const struct host *host, struct kernel_log *log);
void kernel_log_free(struct kernel_log *log);

/**
 * struct kernel_log_probe - how a driver's probe of a PCI device went, the last time
 * @line:	that tells most of why it failed; empty: none says that it failed
 * @status:	of the adapter's refusal; 0: none
 * @silent:	the adapter did not answer
 * @err:	errno of the failure, positive; 0: not known
 */
struct kernel_log_probe {
	char line[200];
	unsigned long status;
	bool silent;
	int err;
};

/** kernel_log_probe() - of mana, on the device at a PCI address */
void kernel_log_probe(const struct kernel_log *log, const char *address,
		      struct kernel_log_probe *probe);

/** What hv_netvsc last said of the VF of any interface */
enum kernel_log_slot {
	SLOT_UNKNOWN, /* nothing */
	SLOT_ADDED,   /* the host offered one */
	SLOT_REMOVED, /* the host took it away */
};

enum kernel_log_slot kernel_log_slot(const struct kernel_log *log);

#endif
