/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/reach.h - translate plain scatter-gather elements in a few instructions.
 *
 * The elements of a burst usually have the same key and lie in one contiguous run of client memory.
 * So the bounds found for the last element are kept, to compare the next one with.
 */
#ifndef MANAKIN_DEVICE_REACH_H
#define MANAKIN_DEVICE_REACH_H

#include <stdint.h>

#include "device/memory.h"

/**
 * struct reach - what a queue's elements may access; initially all zero, valid for one turn
 * @first:	client address of the first byte
 * @size:	bytes from it on; 0: nothing is known
 * @base:	its pointer
 * @key:	a key that has been checked for the protection domain and the access
 * @pd, @access: those two
 */
struct reach {
	uint64_t first;
	uint64_t size;
	uint8_t *base;
	uint32_t key;
	uint32_t pd;
	unsigned int access;
};

/** reach_begin() - prepare for elements of a queue with @pd, for @access */
static inline void reach_begin(struct reach *reach, uint32_t pd, unsigned int access)
{
	if (reach->pd != pd || reach->access != access)
		*reach = (struct reach){ .pd = pd, .access = access };
}

/** reach_find() - look up key and address; on success, the memory around it */
struct reach reach_find(struct reach reach, const struct memory *memory, struct gdma_sge sge);

/**
 * reach_at() - the pointer to an element
 * @reach:	a local variable whose address is not passed elsewhere can stay in registers
 * @sge:	a copy; its size is not 0
 *
 * Return: NULL if the fast path does not apply: its key is wrong or of another kind of region, or
 * the memory is not in one piece
 */
static inline void *reach_at(struct reach *reach, const struct memory *memory, struct gdma_sge sge)
{
	/* A second try after reach_find(). */
	for (int tries = 0; tries < 2; tries++) {
		uint64_t offset = sge.address - reach->first, end;

		if (__builtin_expect(sge.mem_key == reach->key &&
					     !__builtin_add_overflow(offset, sge.size, &end) &&
					     end <= reach->size,
				     1))
			return reach->base + offset;
		if (!tries)
			*reach = reach_find(*reach, memory, sge);
	}
	return NULL;
}

#endif
