/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/netdev_default.h - which interfaces carry a default route.
 */
#ifndef MANAKIN_HOST_MACHINE_NETDEV_DEFAULT_H
#define MANAKIN_HOST_MACHINE_NETDEV_DEFAULT_H

#include "host/machine/netdev.h"

struct mnl_socket;

/** netdevs_mark_default() - fill in default_route and its table; 0 or a negative errno */
int netdevs_mark_default(const struct host *host, struct mnl_socket *socket,
			 struct netdevs *netdevs);

#endif
