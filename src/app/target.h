/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * app/target.h - what `manakin run` runs an application on: an adapter in software with all its
 * ports, or ports of MANA adapters.
 */
#ifndef MANAKIN_APP_TARGET_H
#define MANAKIN_APP_TARGET_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

#include "app/eal_args.h"
#include "app/testpmd.h"

/**
 * struct target_wish - what the user asked for
 * @words:	@n of them; none: the adapter mana0
 * @plugin:	of an adapter in software; NULL: look for it
 * @sysroot:	NULL: the machine itself
 * @only_look:	nothing will be started, so it may be in use
 */
struct target_wish {
	char **words;
	size_t n;
	enum eal_pmd pmd;
	const char *plugin;
	const char *sysroot;
	bool only_look;
};

/**
 * struct run_target - an adapter, or ports, as an application gets them
 * @name:	what the user calls it
 * @software:	it is an adapter in software
 * @eal:	arguments for EAL, NULL-terminated
 * @sysfs:	where the PCI bus is that the application sees; empty for the machine's own
 * @control:	path of the adapter's control socket; empty if there is none
 * @cpus:	of the adapter's NUMA node, as a list such as 0-7; empty: not known
 * @ports:	how many the application will see; 0: not known
 * @keys:	MAC addresses or UUIDs of the ports, NULL-terminated: names that stay
 * @warning:	a sentence for the user; may be empty
 */
struct run_target {
	char name[64];
	bool software;
	char **eal;
	char sysfs[128];
	char control[108];
	char cpus[1024];
	unsigned int ports;
	char **keys;
	char warning[512];
};

/**
 * target_find() - what the user names, if it can be used now
 * @target:	filled in; target_free() it, after a failure too
 * @error:	on failure, a sentence for the user
 *
 * Return: 0; -ENOENT, -ENODEV: there is none; -EBUSY: somebody uses it; -ECONNREFUSED: it was
 * killed
 */
int target_find(const struct target_wish *wish, struct run_target *target, struct error *error);
void target_free(struct run_target *target);

/**
 * target_counters() - what its ports count themselves
 * @traffic:	of TESTPMD_PORTS_MAX ports, as the application sees it; filled in
 * @ports:	how many
 *
 * Return: 0, or a negative errno if it cannot be asked
 */
int target_counters(const struct run_target *target, struct traffic *traffic, unsigned int *ports);

#endif
