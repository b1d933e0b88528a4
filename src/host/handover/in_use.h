/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/in_use.h - does something on this machine need an interface?
 */
#ifndef MANAKIN_HOST_HANDOVER_IN_USE_H
#define MANAKIN_HOST_HANDOVER_IN_USE_H

#include "base/error.h"
#include "host/machine/netdev.h"

/**
 * in_use() - refuse a port that carries the SSH session or a default route, or that another
 * interface is built on, here or in another network namespace
 * @synthetic, @vf: its interfaces; either may be NULL
 * @error:	a sentence for the user
 *
 * Return: 0; -EBUSY; or another negative errno
 */
int in_use(const struct netdevs *netdevs, const struct netdev *synthetic, const struct netdev *vf,
	   struct error *error);

#endif
