/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/netdev_change.h - the changes to network interfaces that setup and restore make.
 */
#ifndef MANAKIN_HOST_HANDOVER_NETDEV_CHANGE_H
#define MANAKIN_HOST_HANDOVER_NETDEV_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

/** netdev_set_up() - `ip link set NAME up` or down; 0 or a negative errno */
int netdev_set_up(int index, bool up);

/** netdev_set_mtu() - `ip link set NAME mtu N` */
int netdev_set_mtu(int index, unsigned int mtu);

/** netdev_rename() - `ip link set NAME name OTHER` */
int netdev_rename(int index, const char *name);

/** netdev_add_altname() - `ip link property add dev NAME altname OTHER` */
int netdev_add_altname(int index, const char *name);

/** netdev_set_mac() - `ip link set NAME address MAC` */
int netdev_set_mac(int index, const uint8_t mac[6]);

#endif
