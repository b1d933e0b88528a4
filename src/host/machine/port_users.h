/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/port_users.h - which processes have a device file open.
 */
#ifndef MANAKIN_HOST_MACHINE_PORT_USERS_H
#define MANAKIN_HOST_MACHINE_PORT_USERS_H

#include "host/machine/root.h"

#define USERS_TEXT 128u

/**
 * struct device_users - of one device file
 * @device:	name without /dev and folders: uio0, uverbs0
 * @users:	filled in: "dpdk-testpmd (4711), vpp (4712)"
 */
struct device_users {
	char device[32];
	char users[USERS_TEXT];
};

/** device_users_read() - look through all processes that this user may look into */
void device_users_read(const struct host *host, struct device_users *devices, size_t n);

#endif
