/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/run_target.h - what `manakin run` runs an application on.
 */
#ifndef MANAKIN_CLI_RUN_TARGET_H
#define MANAKIN_CLI_RUN_TARGET_H

#include <stddef.h>

#include "cli/testpmd.h"

/**
 * struct run_target - an adapter as an application gets it
 * @name:	what the user calls it
 * @address:	on the PCI bus that the application sees
 * @macs:	",mac=..." for each port that it is to have; empty for all
 * @sysfs:	where that PCI bus is; empty for the machine's own
 * @control:	path of the adapter's control socket; empty if there is none
 */
struct run_target {
	char name[64];
	char address[16];
	char macs[256];
	char sysfs[128];
	char control[108];
};

/**
 * target_find() - the adapter that a user names, if it can be used now
 * @target:	filled in
 * @error:	on failure, a sentence for the user
 *
 * Return: 0; -ENOENT: there is none; -EBUSY: somebody uses it; -ECONNREFUSED: it was killed
 */
int target_find(const char *name, struct run_target *target, char *error, size_t error_size);

/**
 * target_counters() - what its ports count themselves
 * @traffic:	of TESTPMD_PORTS_MAX ports, as the application sees it; filled in
 * @ports:	how many
 *
 * Return: 0, or a negative errno if it cannot be asked
 */
int target_counters(const struct run_target *target, struct traffic *traffic, unsigned int *ports);

#endif
