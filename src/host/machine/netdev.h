/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/netdev.h - the machine's network interfaces.
 *
 * Through rtnetlink (libmnl), as documented in rtnetlink(7) and <linux/if_link.h>.
 */
#ifndef MANAKIN_HOST_MACHINE_NETDEV_H
#define MANAKIN_HOST_MACHINE_NETDEV_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mac.h"
#include "host/machine/root.h"

/**
 * struct netdev_address - an address of an interface
 * @family:	AF_INET or AF_INET6
 * @prefix:	length in bits
 */
struct netdev_address {
	uint8_t family, prefix;
	uint8_t address[16];
};

/**
 * struct netdev - an interface
 * @index:	the kernel's number
 * @master:	number of the interface it is joined under; 0: none
 * @flags:	IFF_*
 * @carrier:	the link has a carrier
 * @mtu:	bytes of an IP packet
 * @lower:	number of the interface that it is built on (a VLAN's); 0: none
 * @queues:	receive queues in use, as its driver reports them; 0: not known
 * @queues_max:	transmit queues that the kernel's driver may use at most, which with MANA are no
 *		more than the CPUs; DPDK may use more. 0: not known
 * @altnames:	other names, separated by spaces; NULL: none
 * @dev_port:	number among the ports of one device
 * @driver:	of its device; empty: it has no device
 * @device:	its device's name on its bus: a PCI address or a VMBus UUID
 * @kind:	of a virtual interface ("bridge", "vrf"); empty: none that the kernel names
 * @vrf_table:	of a VRF: its table; else 0
 * @has_permanent, @permanent: the address that its hardware has
 * @xdp:	id of its XDP program; 0: none
 * @default_route: carries a default route of IPv4 or IPv6 that others use, itself or through
 *		what is built on it: a master, a VLAN
 * @default_table: where that route is
 * @ssh:	carries the SSH session that this process belongs to, in the same way
 */
struct netdev {
	int index;
	int master;
	int lower;
	char name[IFNAMSIZ];
	uint8_t mac[6];
	unsigned int flags;
	bool carrier;
	unsigned int mtu;
	unsigned int queues;
	unsigned int queues_max;
	unsigned int dev_port;
	char driver[32];
	char device[40];
	char *altnames;
	char kind[16];
	uint32_t vrf_table;
	bool has_permanent;
	uint8_t permanent[6];
	uint32_t xdp;
	bool default_route;
	uint32_t default_table;
	bool ssh;
	struct netdev_address *addresses;
	size_t n_addresses;
};

/** netdev_is_up() - false for NULL, too */
static inline bool netdev_is_up(const struct netdev *dev)
{
	return dev && dev->flags & IFF_UP;
}

struct netdevs {
	struct netdev *dev;
	size_t n;
};

/**
 * netdevs_read() - all interfaces of this network namespace
 * @netdevs:	filled in; netdevs_free() it, after a failure too
 *
 * Return: 0 or a negative errno
 */
int netdevs_read(const struct host *host, struct netdevs *netdevs);
void netdevs_free(struct netdevs *netdevs);

/** netdev_has_altname() - is this one of its other names? */
bool netdev_has_altname(const struct netdev *dev, const char *name);

/** netdevs_by_name() - also by one of its other names; NULL: there is none */
struct netdev *netdevs_by_name(const struct netdevs *netdevs, const char *name);
struct netdev *netdevs_by_index(const struct netdevs *netdevs, int index);

#endif
