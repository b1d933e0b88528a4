/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/config.h - PCI configuration space, and the BARs in it.
 */
#ifndef MANAKIN_DEVICE_CONFIG_H
#define MANAKIN_DEVICE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#define CONFIG_SIZE   4096u     /* bytes, extended capabilities included */
#define BAR_SIZE      0x800000u /* of MANA_BAR: registers, SMC and doorbell pages */
#define BAR_DOORBELLS 0x400000u /* where the doorbell pages start in it */
#define BAR_MSIX_SIZE 0x4000u   /* of MANA_MSIX_BAR: table and pending bits */
#define BAR_MSIX_PBA  0x3000u   /* where the pending bits start in it */

struct adapter;

void config_reset(struct adapter *adapter);
int config_read(struct adapter *adapter, uint64_t offset, void *data, size_t len);
int config_write(struct adapter *adapter, uint64_t offset, const void *data, size_t len);

#endif
