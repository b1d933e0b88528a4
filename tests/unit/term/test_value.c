/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers, sizes, times, words and lists, and the one way in which bad ones are refused */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "said.h"
#include "term/say.h"
#include "term/value.h"

static const char *const words[] = { "netvsc", "mana" };

static void numbers(void **state)
{
	static const char *const bad[] = { "",   "0",  "65",  "-1", "+1",
					   " 1", "1 ", "0x1", "1x", "99999999999999999999" };
	unsigned int number = 0;

	(void)state;
	assert_int_equal(value_number("queues", "1", 1, 64, &number), 0);
	assert_int_equal(number, 1);
	assert_int_equal(value_number("queues", "064", 1, 64, &number), 0);
	assert_int_equal(number, 64);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		said_begin();
		assert_int_not_equal(value_number("queues", bad[i], 1, 64, &number), 0);
		assert_non_null(strstr(said_end(), "is not a number from 1 to 64"));
	}
}

static void a_bad_value_is_one_line_with_the_next_step(void **state)
{
	unsigned int number;

	(void)state;
	say_as("run");
	said_begin();
	value_number("queues", "65", 1, 64, &number);
	assert_string_equal(said_end(), "manakin run: --queues: '65' is not a number from 1 to 64; "
					"see manakin run --help\n");
	said_begin();
	value_word("pmd", "manna", words, 2, &number);
	assert_string_equal(said_end(),
			    "manakin run: --pmd: 'manna' is not netvsc or mana; did you "
			    "mean 'mana'?\n");
	say_as(NULL);
}

static void lists_of_numbers(void **state)
{
	static const char *const bad[] = {
		"", ",", "1,", ",1", "1,,2", "0", "9", "1-2", "1,2,3,4"
	};
	unsigned int list[3], n;

	(void)state;
	assert_int_equal(value_numbers("size", "8,1,8", 1, 8, list, 3, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(list[0], 8);
	assert_int_equal(list[1], 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		said_begin();
		assert_int_not_equal(value_numbers("size", bad[i], 1, 8, list, 3, &n), 0);
		assert_non_null(strstr(said_end(), "list of up to 3 numbers from 1 to 8"));
	}
}

static void times(void **state)
{
	static const char *const bad[] = { "",   "0",   "soon", "nan", "inf", "-1", " 1",
					   "1x", "1 s", "1ss",  ".",   "2d",  "1e9" };
	static const struct {
		const char *text;
		double seconds;
	} good[] = { { "10", 10 },  { "0.5", 0.5 }, { "500ms", 0.5 }, { "3s", 3 },
		     { "2m", 120 }, { "1h", 3600 }, { "1d", 86400 } };
	double seconds;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(value_seconds("seconds", good[i].text, 0.1, 86400, &seconds), 0);
		assert_true(seconds > good[i].seconds - 1e-9 && seconds < good[i].seconds + 1e-9);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		said_begin();
		assert_int_not_equal(value_seconds("seconds", bad[i], 0.1, 86400, &seconds), 0);
		assert_non_null(strstr(said_end(), "is not a time from 0.1 to 86400 seconds"));
	}
}

static void sizes(void **state)
{
	static const char *const bad[] = { "",    "511", "1x",    "2T",
					   "-2G", "2GG", "1025G", "4294967297G" };
	unsigned int mib;

	(void)state;
	assert_int_equal(value_mib("memory", "1500M", 512, 1024 * 1024, &mib), 0);
	assert_int_equal(mib, 1500);
	assert_int_equal(value_mib("memory", "2g", 512, 1024 * 1024, &mib), 0);
	assert_int_equal(mib, 2048);
	assert_int_equal(value_mib("memory", "512", 512, 1024 * 1024, &mib), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		said_begin();
		assert_int_not_equal(value_mib("memory", bad[i], 512, 1024 * 1024, &mib), 0);
		assert_non_null(strstr(said_end(), "is not a size of 512M to 1024G"));
	}
}

static void lists_of_words(void **state)
{
	bool chosen[2];

	(void)state;
	assert_int_equal(value_words("pmd", "mana", words, 2, chosen), 0);
	assert_true(!chosen[0] && chosen[1]);
	assert_int_equal(value_words("pmd", "mana,netvsc", words, 2, chosen), 0);
	assert_true(chosen[0] && chosen[1]);
	for (const char *const *bad = (const char *const[]){ "", "mana,", ",mana", "man", NULL };
	     *bad; bad++) {
		said_begin();
		assert_int_not_equal(value_words("pmd", *bad, words, 2, chosen), 0);
		assert_non_null(strstr(said_end(), "is not a list of netvsc, mana"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(a_bad_value_is_one_line_with_the_next_step),
		cmocka_unit_test(lists_of_numbers),
		cmocka_unit_test(times),
		cmocka_unit_test(sizes),
		cmocka_unit_test(lists_of_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
