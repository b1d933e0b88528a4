/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/netdev_change.h - the changes to network interfaces that setup and restore make.
 */
#ifndef MANAKIN_HOST_HANDOVER_NETDEV_CHANGE_H
#define MANAKIN_HOST_HANDOVER_NETDEV_CHANGE_H

#include <stdbool.h>

/** netdev_set_up() - `ip link set NAME up` or down; 0 or a negative errno */
int netdev_set_up(int index, bool up);

/** netdev_set_mtu() - `ip link set NAME mtu N` */
int netdev_set_mtu(int index, unsigned int mtu);

/** netdev_rename() - `ip link set NAME name OTHER` */
int netdev_rename(int index, const char *name);

#endif
