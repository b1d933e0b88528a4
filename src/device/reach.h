/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/reach.h - where a plain scatter-gather element is, in a few steps.
 *
 * The elements of a burst have one key and lie in one contiguous run of client memory, as a
 * rule. What had to be true of the last one is kept, as numbers to compare with.
 */
#ifndef MANAKIN_DEVICE_REACH_H
#define MANAKIN_DEVICE_REACH_H

#include <stdint.h>

#include "device/memory.h"

/**
 * struct reach - what elements of a queue may reach; all zero at the start, for one turn
 * @first:	address for the client of the first byte
 * @more:	bytes after the first one that follow it
 * @base:	where it is for the adapter; NULL: nothing is known
 * @key:	that was looked at, and is right for the protection domain and the access
 * @pd, @access: they
 */
struct reach {
	uint64_t first;
	uint64_t more;
	uint8_t *base;
	uint32_t key;
	uint32_t pd;
	unsigned int access;
};

/** reach_begin() - elements of a queue with @pd come next, for @access */
static inline void reach_begin(struct reach *reach, uint32_t pd, unsigned int access)
{
	if (reach->pd != pd || reach->access != access)
		*reach = (struct reach){ .pd = pd, .access = access };
}

/** reach_find() - look the key and the address up; the memory around it, if it can be reached */
struct reach reach_find(struct reach reach, const struct memory *memory, struct gdma_sge sge);

/**
 * reach_at() - where an element is
 * @reach:	a variable of the caller's that nobody else has the address of can stay in registers
 * @sge:	a copy; its size is not 0
 *
 * Return: NULL if that cannot be said shortly: its key is wrong or of another kind of region,
 * or the memory is not in one piece
 */
static inline void *reach_at(struct reach *reach, const struct memory *memory, struct gdma_sge sge)
{
	/* Once more with what has been found, if it has to be looked for. */
	for (int tries = 0; tries < 2; tries++) {
		uint64_t offset = sge.address - reach->first;

		if (__builtin_expect(sge.mem_key == reach->key && offset <= reach->more &&
					     sge.size - 1u <= reach->more - offset && reach->base,
				     1))
			return reach->base + offset;
		if (!tries)
			*reach = reach_find(*reach, memory, sge);
	}
	return NULL;
}

#endif
