/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * app/target.h - what an application runs on: an adapter in software with all its ports, or ports
 * of MANA adapters.
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
 * @pmd:	DPDK's driver
 * @plugin:	of an adapter in software; NULL: look for it
 * @only_look:	nothing will be started, so it may be in use
 */
struct target_wish {
	enum eal_pmd pmd;
	const char *plugin;
	bool only_look;
};

/**
 * struct target - an adapter, or ports, as an application sees them
 * @name:	what the user calls it
 * @software:	it is an adapter in software
 * @eal:	arguments for EAL, NULL-terminated
 * @sysfs:	directory of the application's PCI bus; empty: the machine's
 * @control:	path of the adapter's control socket; empty if there is none
 * @cpus:	of the adapter's NUMA node, as a list such as 0-7; empty: not known
 * @ports:	how many the application will see; 0: not known
 * @keys:	MAC addresses or UUIDs of the ports, NULL-terminated: names that do not change
 * @warning:	a sentence for the user; may be empty
 */
struct target {
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
 * target_is_software() - does this word mean an adapter in software, running or not?
 *
 * It does if there is one, or if there is neither such an interface nor a MANA adapter that the
 * word could mean.
 */
bool target_is_software(const struct machine *machine, const char *word);

/**
 * target_software() - an adapter in software, by its name, if it can be used now
 * @target:	filled in; target_free() it, after a failure too
 * @error:	on failure, a sentence for the user
 *
 * Return: 0; -ENOENT: there is none; -EBUSY: in use; -ECONNREFUSED: it was killed
 */
int target_software(const struct target_wish *wish, const struct host *host, const char *name,
		    struct target *target, struct error *error);

/**
 * target_ports() - ports of MANA adapters, or of an adapter in software, if they can be used now
 * @ports:	@n of them, each once
 * @target:	filled in; target_free() it, after a failure too
 * @error:	on failure, a sentence for the user
 *
 * Return: 0; -ENODEV: no MANA; -EBUSY: in use, or owned by the kernel; -ECONNREFUSED: it was killed
 */
int target_ports(const struct target_wish *wish, const struct host *host,
		 const struct machine *machine, const struct mana_port *const *ports, size_t n,
		 struct target *target, struct error *error);

void target_free(struct target *target);

/**
 * target_counters() - the adapter's own counters of the ports
 * @traffic:	of TESTPMD_PORTS_MAX ports, as the application sees it; filled in
 * @ports:	how many
 *
 * Return: 0, or a negative errno if it cannot be asked
 */
int target_counters(const struct target *target, struct traffic *traffic, unsigned int *ports);

#endif
