/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/rnic.h - the RDMA device.
 */
#ifndef MANAKIN_DEVICE_RNIC_H
#define MANAKIN_DEVICE_RNIC_H

#include "device/command.h"

extern const struct command_entry rnic_commands[];

/** rnic_reset() - free the adapter object and all that it owns */
void rnic_reset(struct adapter *adapter);

#endif
