/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/doorbell.h"

#include <errno.h>

#include "device/state.h"

int64_t doorbell_page_alloc(struct adapter *adapter, uint32_t n, uint32_t align)
{
	if (!align)
		align = 1;
	for (uint64_t first = 0; n && first + n <= ADAPTER_DOORBELL_PAGES;) {
		uint32_t free = 0;

		while (free < n && !(adapter->doorbell_pages[(first + free) / 64] &
				     UINT64_C(1) << (first + free) % 64))
			free++;
		if (free < n) {
			/* No page is looked at twice: go on after the one that is taken. */
			first += (free / align + 1) * align;
			continue;
		}
		for (uint32_t i = 0; i < n; i++)
			adapter->doorbell_pages[(first + i) / 64] |= UINT64_C(1)
								     << (first + i) % 64;
		return (int64_t)first;
	}
	return -ENOSPC;
}

int doorbell_page_free(struct adapter *adapter, uint32_t first, uint32_t n)
{
	if (!n || first >= ADAPTER_DOORBELL_PAGES || n > ADAPTER_DOORBELL_PAGES - first)
		return -EINVAL;
	for (uint32_t i = first; i < first + n; i++)
		if (!(adapter->doorbell_pages[i / 64] & UINT64_C(1) << i % 64))
			return -EINVAL;
	for (uint32_t i = first; i < first + n; i++)
		adapter->doorbell_pages[i / 64] &= ~(UINT64_C(1) << i % 64);
	return 0;
}
