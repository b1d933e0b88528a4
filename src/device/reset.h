/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/reset.h - back to power-on.
 */
#ifndef MANAKIN_DEVICE_RESET_H
#define MANAKIN_DEVICE_RESET_H

struct adapter;

/** adapter_reset() - every object of the driver's is gone, and the hardware channel with them */
void adapter_reset(struct adapter *adapter);

#endif
