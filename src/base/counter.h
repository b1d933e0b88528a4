/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/counter.h - counters of one writer that others read while it counts.
 *
 * No read-modify-write is needed, but a reader must not see half a store. A structure of such
 * counters is all uint64_t, so that it can be summed and copied as an array.
 */
#ifndef MANAKIN_BASE_COUNTER_H
#define MANAKIN_BASE_COUNTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/shared.h"

/** counter_add() - by the one who writes the counter at the time */
static inline void counter_add(uint64_t *counter, uint64_t n)
{
	shared_store(counter, *counter + n);
}

/** counters_sum() - add @n counters that others may be writing to a sum of the caller's own */
static inline void counters_sum(uint64_t *sum, const uint64_t *counters, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum[i] += shared_load(&counters[i]);
}

#endif
