/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/netdev_route.h - which interfaces carry the default route or the SSH session.
 */
#ifndef MANAKIN_HOST_MACHINE_NETDEV_ROUTE_H
#define MANAKIN_HOST_MACHINE_NETDEV_ROUTE_H

#include "host/machine/netdev.h"

struct mnl_socket;

/** netdevs_mark_routes() - fill in default_route and ssh of all; 0 or a negative errno */
int netdevs_mark_routes(const struct host *host, struct mnl_socket *socket,
			struct netdevs *netdevs);

/**
 * ssh_session() - the SSH connection that this process serves
 * @text:	filled in with what sshd(8) puts into SSH_CONNECTION: the client's address and
 *		port, ours and its port
 *
 * From this process's environment, or its parents': sudo removes it.
 *
 * Return: false if there is none
 */
bool ssh_session(const struct host *host, char *text, size_t size);

#endif
