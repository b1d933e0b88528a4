/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver on an adapter that gives wrong answers: it fails in time, with an error, and frees
 * everything. Run under ASan and UBSan as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "hostile.h"
#include "process.h"

static uint32_t seed;

static uint8_t next(void *ctx)
{
	(void)ctx;
	seed = seed * 1664525 + 1013904223;
	return (uint8_t)(seed >> 16);
}

static uint8_t *memory;

static void test_honest_adapter(void **state)
{
	struct hostile_source source = { .next = next };
	struct hostile_result result;

	(void)state;
	for (seed = 0; seed < 4; seed++) {
		assert_true(hostile_run(&source, memory, &result));
		assert_int_equal(result.open, 0);
		assert_int_equal(result.map, 0);
		assert_int_equal(result.start, 0);
		assert_int_equal(result.port, 0);
		assert_int_equal(result.txq, 0);
		assert_int_equal(result.rxq, 0);
		assert_int_equal(result.rss, 0);
		assert_int_equal(result.stats, 0);
		assert_true(result.sent > 1000);
		assert_int_equal(result.received, 800);
	}
}

static void test_hostile_adapter(void **state)
{
	unsigned int started = 0, refused = 0, used = 0, fds = count_fds();

	(void)state;
	for (unsigned int round = 0; round < 4000; round++) {
		static const unsigned int rates[] = { 1, 2, 5, 20, 100 };
		struct hostile_source source = { .next = next, .rate = rates[round % 5] };
		struct hostile_result result;
		uint64_t start = now_ms();

		seed = round;
		if (!hostile_run(&source, memory, &result))
			fail_msg("round %u: memory was not freed", round);
		if (now_ms() - start > 5000)
			fail_msg("round %u took %u ms", round, (unsigned int)(now_ms() - start));
		started += !result.start;
		refused += result.start < 0;
		used += result.sent > 0;
	}
	assert_int_equal(count_fds(), fds);
	/* All depths were reached. */
	assert_true(started > 100);
	assert_true(refused > 100);
	assert_true(used > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_honest_adapter),
		cmocka_unit_test(test_hostile_adapter),
	};

	memory = aligned_alloc(4096, HOSTILE_MEMORY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
