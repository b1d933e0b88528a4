/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/saved.h - what an interface loses when it is set down or handed over, and how it
 * is restored: link state, MTU, other names, a MAC address that was changed, addresses, routes.
 *
 * Addresses and routes are kept as the kernel's own messages, so that attributes that this program
 * does not know are restored too. What the kernel creates by itself is left out: routes that come
 * with an address, link-local and temporary addresses, what router advertisements bring.
 * Permanently lost are qdiscs, ethtool settings, neighbours, and the interface's sysctl settings.
 */
#ifndef MANAKIN_HOST_HANDOVER_SAVED_H
#define MANAKIN_HOST_HANDOVER_SAVED_H

#include <jansson.h>

#include "host/machine/netdev.h"

/**
 * saved_interface() - record the state of an interface
 *
 *	{ "name", "index", "up", "mtu", "master" (name; if any), "mac" (if it was changed),
 *	  "altnames": [ name ... ], "at" (seconds since boot),
 *	  "addresses": [ { "family", "text", "netlink" } ... ], "routes": the same }
 *
 * Journals of earlier versions have no "altnames".
 *
 * "family" is 4 or 6; "text" is what ip(8) needs after "address replace" or "route add";
 * "netlink" is the message in hexadecimal digits.
 *
 * @factory:	the MAC address that it has when nobody changes it; NULL: not known
 *
 * Return: 0 or a negative errno
 */
int saved_interface(const struct netdevs *netdevs, const struct netdev *dev,
		    const uint8_t factory[6], json_t **saved);

/** saved_ok() - does this have the form that saved_interface() writes? */
bool saved_ok(const json_t *saved);

/**
 * struct saved_index - an interface's number then and now
 */
struct saved_index {
	int then, now;
};

/**
 * saved_put() - add one address or route again
 * @saved:	the interface
 * @entry:	of its "addresses" or "routes"
 * @moved:	@n_moved interfaces that have another number now
 *
 * Return: 0, also if it is there already or has expired in the meantime; or a negative errno
 */
int saved_put(const json_t *saved, const json_t *entry, const struct saved_index *moved,
	      size_t n_moved);

#endif
