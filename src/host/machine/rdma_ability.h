/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/rdma_ability.h - what of RDMA this kernel's mana_ib has, and what a device's ports
 * offer.
 */
#ifndef MANAKIN_HOST_MACHINE_RDMA_ABILITY_H
#define MANAKIN_HOST_MACHINE_RDMA_ABILITY_H

#include <stdbool.h>
#include <stddef.h>

#include "host/machine/rdma.h"
#include "host/machine/root.h"

#define RDMA_GIDS  32u /* mana_ib has 16 */
#define RDMA_PORTS 8u

enum rdma_ability {
	RDMA_RC,
	RDMA_UD, /* the kernel's, and with them the GSI's: what the connection manager needs */
	RDMA_UC,
	RDMA_DMABUF,
	RDMA_WINDOWS,
	RDMA_ABILITIES,
};

/**
 * struct rdma_kernel - the running kernel's mana_ib
 * @has:	each ability
 * @seen:	this is known from the loaded module; else from the kernel's release, which only
 *		tells what it certainly has
 */
struct rdma_kernel {
	enum rdma_known has[RDMA_ABILITIES];
	bool seen;
};

/** rdma_kernel_read() - @release: the kernel's, as uname(1) prints it */
void rdma_kernel_read(const struct host *host, const char *release, struct rdma_kernel *kernel);

enum rdma_gid_kind { RDMA_GID_LOCAL, RDMA_GID_IPV4, RDMA_GID_IPV6 };

/**
 * struct rdma_gid - a GID of RoCE version 2; others are left out
 * @index:	in the port's table
 * @kind:	what its address is; local: link-local IPv6, as the default GID is
 * @interface:	whose address it is; empty: not known
 */
struct rdma_gid {
	unsigned int index;
	enum rdma_gid_kind kind;
	char interface[16];
};

/**
 * struct rdma_port - a port of an RDMA device
 * @number:	from 1
 * @state:	as the kernel calls it: ACTIVE, DOWN
 * @table:	GIDs that the port's table has room for; 0: the port is only for raw queue pairs
 */
struct rdma_port {
	unsigned int number;
	char state[16];
	unsigned int table;
	struct rdma_gid gid[RDMA_GIDS];
	size_t n_gids;
};

struct rdma_ports {
	struct rdma_port port[RDMA_PORTS];
	size_t n;
};

/** rdma_ports_read() - the ports of a device; 0 or a negative errno */
int rdma_ports_read(const struct host *host, const char *device, struct rdma_ports *ports);

#endif
