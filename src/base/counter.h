/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/counter.h - counters with one writer and concurrent readers.
 *
 * The writer needs no atomic read-modify-write, but a reader must not see half a store. A structure
 * of such counters contains only uint64_t, so that it can be summed and copied as an array.
 */
#ifndef MANAKIN_BASE_COUNTER_H
#define MANAKIN_BASE_COUNTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/shared.h"

/** counter_add() - for the counter's current writer only */
static inline void counter_add(uint64_t *counter, uint64_t n)
{
	shared_store(counter, *counter + n);
}

/** counters_sum() - add @n counters, which others may be writing, to the caller's own sums */
static inline void counters_sum(uint64_t *sum, const uint64_t *counters, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum[i] += shared_load(&counters[i]);
}

#endif
