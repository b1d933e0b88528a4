/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/retire.h"

#include <stdlib.h>

#include "base/budget.h"

#define BLOCK_OBJECTS 254u /* with them a block fills a page */

/**
 * struct retired_block - some objects
 * @begin, @end: of those that are left
 */
struct retired_block {
	struct retired_block *next;
	unsigned int begin, end;
	struct {
		void (*release)(void *what);
		void *what;
	} object[BLOCK_OBJECTS];
};

void retire(struct retired *retired, void (*release)(void *what), void *what)
{
	struct retired_block *block = retired->last;

	if (!block || block->end == BLOCK_OBJECTS) {
		block = malloc(sizeof(*block));
		if (!block) {
			lanes_sync(retired->lanes);
			release(what);
			return;
		}
		block->next = NULL;
		block->begin = block->end = 0;
		if (retired->last)
			retired->last->next = block;
		else
			retired->first = block;
		retired->last = block;
	}
	block->object[block->end].release = release;
	block->object[block->end++].what = what;
	retired->count++;
}

void retire_settle(struct retired *retired)
{
	if (retired->settled == retired->count)
		return;
	lanes_sync(retired->lanes);
	retired->settled = retired->count;
	retired->revoked = false;
}

bool retire_free(struct retired *retired, uint32_t units)
{
	uint32_t start = budget_spent;

	while (retired->settled && budget_since(start) < units) {
		struct retired_block *block = retired->first;

		block->object[block->begin].release(block->object[block->begin].what);
		block->begin++;
		retired->settled--;
		retired->count--;
		budget_charge(BUDGET_OBJECT);
		if (block->begin < block->end)
			continue;
		retired->first = block->next;
		if (!retired->first)
			retired->last = NULL;
		free(block);
	}
	return retired->settled != 0;
}
