/* SPDX-License-Identifier: BSD-3-Clause */
/* wire/check.h - shared by the tests of the formats: cmocka, and comparing a structure's bytes */
#ifndef MANAKIN_TEST_WIRE_CHECK_H
#define MANAKIN_TEST_WIRE_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The structure @s, filled in by its fields, is these bytes in memory: all of them, in this order
 */
#define check_bytes(s, ...)                                                                        \
	do {                                                                                       \
		const uint8_t want[] = { __VA_ARGS__ };                                            \
                                                                                                   \
		assert_int_equal(sizeof(want), sizeof(s));                                         \
		assert_memory_equal(&(s), want, sizeof(want));                                     \
	} while (0)

/* The bytes from @from to before @to of the structure @s are these */
#define check_bytes_at(s, from, ...)                                                               \
	do {                                                                                       \
		const uint8_t want[] = { __VA_ARGS__ };                                            \
                                                                                                   \
		assert_true((from) + sizeof(want) <= sizeof(s));                                   \
		assert_memory_equal((const uint8_t *)&(s) + (from), want, sizeof(want));           \
	} while (0)

/** word_at() - 8 bytes of a structure as the little-endian number that they are */
static inline uint64_t word_at(const void *s, size_t at)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)s + at, sizeof(word));
	return word;
}

#endif /* MANAKIN_TEST_WIRE_CHECK_H */
