/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/reset.h - back to power-on.
 */
#ifndef MANAKIN_DEVICE_RESET_H
#define MANAKIN_DEVICE_RESET_H

struct adapter;

/** adapter_reset() - free every object of the driver, and the hardware channel */
void adapter_reset(struct adapter *adapter);

#endif
