/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../range.h"
#include "base/clock.h"

/* Times far from now, so that a busy machine makes no difference. */
static void test_time_left_is_rounded_up(void **state)
{
	uint64_t hour = 3600 * 1000u;

	(void)state;
	assert_range(clock_left_ms(clock_deadline((unsigned int)hour)), 1, hour);
	assert_int_equal(clock_left_ms(clock_ns() - 1), 0);
	assert_int_equal(clock_left_ms(clock_ns() + ((uint64_t)INT_MAX + hour) * NS_PER_MS),
			 INT_MAX);
	/* Less than a millisecond left still means to wait, unless the deadline has passed. */
	for (uint64_t deadline = clock_ns() + NS_PER_MS; !clock_passed(deadline);)
		assert_true(clock_left_ms(deadline) > 0 || clock_passed(deadline));
}

static void test_a_deadline_passes(void **state)
{
	uint64_t start = clock_ns(), deadline = clock_deadline(2);

	(void)state;
	while (!clock_passed(deadline))
		clock_pause_us(100);
	assert_true(clock_ns() - start >= 2 * NS_PER_MS);
}

static void test_scales_agree(void **state)
{
	uint64_t before = clock_ns(), after;
	double seconds = clock_seconds();

	(void)state;
	after = clock_ns();
	assert_true(seconds >= (double)before / NS_PER_S && seconds <= (double)after / NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time_left_is_rounded_up),
		cmocka_unit_test(test_a_deadline_passes),
		cmocka_unit_test(test_scales_agree),
	};

	return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
