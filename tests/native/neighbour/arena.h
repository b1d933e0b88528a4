/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/native/neighbour/arena.h - the memory of a client, mapped for the adapter as a whole, and
 * given to the driver piece by piece. For the attackers and for the neighbour.
 */
#ifndef MANAKIN_TESTS_NEIGHBOUR_ARENA_H
#define MANAKIN_TESTS_NEIGHBOUR_ARENA_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/transport.h"

/** struct arena - @used of @size bytes at @memory */
struct arena {
	uint8_t *memory;
	size_t size, used;
};

/** arena_take() - for struct driver_allocator, whose context is the arena; NULL if it is full */
static inline void *arena_take(void *ctx, size_t size, size_t align)
{
	struct arena *arena = ctx;
	size_t at = (arena->used + align - 1) & ~(align - 1);

	if (at + size > arena->size)
		return NULL;
	arena->used = at + size;
	return arena->memory + at;
}

/** arena_give() - nothing is taken back */
static inline void arena_give(void *ctx, void *va, size_t size)
{
	(void)ctx;
	(void)va;
	(void)size;
}

/** refuse_map_region() - a transport's map_region() that leaves doorbells to messages */
static inline int refuse_map_region(struct transport *transport, unsigned int region, void **va,
				    uint64_t *size)
{
	(void)transport;
	(void)region;
	(void)va;
	(void)size;
	return -ENOTSUP;
}

#endif
