/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/doorbell.h - which doorbell pages of BAR 0 are taken.
 */
#ifndef MANAKIN_DEVICE_DOORBELL_H
#define MANAKIN_DEVICE_DOORBELL_H

#include <stdint.h>

struct adapter;

/** doorbell_page_alloc() - the first of @n pages in a row, a multiple of @align; -ENOSPC */
int64_t doorbell_page_alloc(struct adapter *adapter, uint32_t n, uint32_t align);

/** doorbell_page_free() - 0, or -EINVAL if one of them is not taken */
int doorbell_page_free(struct adapter *adapter, uint32_t first, uint32_t n);

#endif
