/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/reach.h"

struct reach reach_find(struct reach reach, const struct memory *memory, struct gdma_sge sge)
{
	const struct memory_region *mr = table_get(&memory->keys, sge.mem_key >> 8);
	const struct dma_span *span = dma_map_span(memory->map, sge.address);

	if (!mr || mr->key != sge.mem_key || mr->kind != MR_PHYSICAL || mr->pd != reach.pd ||
	    reach.access & ~mr->rights.local)
		return reach;
	if (!span || reach.access & ~span->access)
		return reach;
	reach.first = span->first;
	/* No memory of ours has 2^64 bytes. */
	reach.size = span->last - span->first + 1;
	reach.base = span->base;
	reach.key = sge.mem_key;
	return reach;
}
