/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/doorbell.h - allocation of the doorbell pages of BAR 0.
 */
#ifndef MANAKIN_DEVICE_DOORBELL_H
#define MANAKIN_DEVICE_DOORBELL_H

#include <stdint.h>

struct adapter;

/** doorbell_page_alloc() - allocate @n pages in a row from a multiple of @align; or -ENOSPC */
int64_t doorbell_page_alloc(struct adapter *adapter, uint32_t n, uint32_t align);

/** doorbell_page_free() - free pages; 0, or -EINVAL if one of them is not allocated */
int doorbell_page_free(struct adapter *adapter, uint32_t first, uint32_t n);

#endif
