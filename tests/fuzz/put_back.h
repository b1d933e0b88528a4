/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/put_back.h - what was saved of an interface is put back, under other numbers.
 */
#ifndef MANAKIN_TESTS_FUZZ_PUT_BACK_H
#define MANAKIN_TESTS_FUZZ_PUT_BACK_H

#include <stddef.h>

#include "host/handover/saved.h"

/** put_back() - all addresses, routes or rules, whichever @what is */
static inline void put_back(const json_t *saved, const char *what)
{
	const struct saved_index moved[] = { { 2, 7 }, { 3, 2 } };
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(saved, what), i, entry)
		saved_put(saved, entry, moved, 2);
}

#endif
