/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/registers.h - BAR 0: registers, shared-memory channel, doorbells.
 */
#ifndef MANAKIN_DEVICE_REGISTERS_H
#define MANAKIN_DEVICE_REGISTERS_H

#include <stddef.h>
#include <stdint.h>

struct adapter;

int registers_read(struct adapter *adapter, uint64_t offset, void *data, size_t len);
int registers_write(struct adapter *adapter, uint64_t offset, const void *data, size_t len);

#endif
