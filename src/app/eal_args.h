/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * app/eal_args.h - the EAL arguments that give an application these ports and no others.
 *
 * All ports of an adapter have one bus address. So they are named by their MAC addresses, together
 * in one argument: --vdev=7870:00:00.0,mac=...,mac=... (Microsoft's guide; DPDK's
 * doc/guides/nics/mana.rst). DPDK's VMBus bus claims every network device that is bound to
 * uio_hv_generic, and its netvsc driver then looks for the VF with the same MAC address; so devices
 * that were handed over for other applications are excluded by their UUIDs.
 */
#ifndef MANAKIN_APP_EAL_ARGS_H
#define MANAKIN_APP_EAL_ARGS_H

#include "base/error.h"
#include "host/machine/port.h"

enum eal_pmd {
	EAL_PMD_ANY, /* as the ports were handed over */
	EAL_PMD_NETVSC,
	EAL_PMD_MANA,
};

enum eal_form {
	EAL_VDEV,      /* --vdev=7870:00:00.0,mac=... */
	EAL_ALLOW,     /* -a 7870:00:00.0,mac=... */
	EAL_WHITELIST, /* -w 7870:00:00.0,mac=..., as before DPDK 20.11 */
};

/**
 * struct eal_args - the arguments
 * @pmd:	"netvsc", "mana", or "manakin" for an adapter in software
 * @argv:	NULL-terminated
 * @sysfs:	value of SYSFS_PCI_DEVICES that the application needs; empty: none
 * @numa_node:	of the adapters; -1: not known, or several
 * @warning:	sentences for the user; each may be empty
 */
struct eal_args {
	const char *pmd;
	char **argv;
	char sysfs[128];
	int numa_node;
	char warning[2][512];
};

/**
 * eal_args_make() - for these ports
 * @ports:	@n of them, 1 or more
 * @plugin:	path of this project's poll-mode driver for an adapter in software; NULL: look for
 *		it
 * @args:	filled in; eal_args_free() it, after a failure too
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int eal_args_make(const struct machine *machine, const struct mana_port *const *ports, size_t n,
		  enum eal_pmd pmd, enum eal_form form, const char *plugin, struct eal_args *args,
		  struct error *error);
void eal_args_free(struct eal_args *args);

#endif
