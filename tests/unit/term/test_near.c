/* SPDX-License-Identifier: BSD-3-Clause */
/* What a mistyped word was meant to be */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "term/near.h"

static const char *const commands[] = { "list",   "check",    "setup",   "args",
					"run",    "diagnose", "restore", "dpdk",
					"device", "control",  "bench",   "lab" };

static const char *near_command(const char *word)
{
	return near_word(word, commands, sizeof(commands) / sizeof(commands[0]));
}

static void one_mistake_is_forgiven(void **state)
{
	(void)state;
	assert_string_equal(near_command("lsit"), "list"); /* swapped */
	assert_string_equal(near_command("chekc"), "check");
	assert_string_equal(near_command("rnu"), "run");
	assert_string_equal(near_command("setpu"), "setup");
	assert_string_equal(near_command("devce"), "device"); /* left out */
	assert_string_equal(near_command("benhc"), "bench");
	assert_string_equal(near_command("dpdkk"), "dpdk"); /* added */
	assert_string_equal(near_command("argc"), "args");  /* replaced */
}

static void a_beginning_is_enough(void **state)
{
	(void)state;
	assert_string_equal(near_command("diag"), "diagnose");
	assert_string_equal(near_command("co"), "control");
}

static void longer_words_may_have_more_mistakes(void **state)
{
	(void)state;
	assert_string_equal(near_command("diagnosis"), "diagnose");
	assert_string_equal(near_command("restroe"), "restore");
	assert_null(near_command("lixx"));
}

static void what_is_like_nothing_is_not_guessed(void **state)
{
	static const char long_word[] = "a-word-that-is-longer-than-any-option-can-be";

	(void)state;
	assert_null(near_command("frob"));
	assert_null(near_command("x"));
	assert_null(near_command(""));
	assert_null(near_command(long_word));
	assert_null(near_word("list", NULL, 0));
}

static void the_nearest_wins_and_of_equals_the_first(void **state)
{
	static const char *const words[] = { "stats", "state", "status" };

	(void)state;
	assert_string_equal(near_word("statsu", words, 3), "stats");
	assert_string_equal(near_word("sttaus", words, 3), "status");
	assert_string_equal(near_word("statx", words, 3), "stats");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_mistake_is_forgiven),
		cmocka_unit_test(a_beginning_is_enough),
		cmocka_unit_test(longer_words_may_have_more_mistakes),
		cmocka_unit_test(what_is_like_nothing_is_not_guessed),
		cmocka_unit_test(the_nearest_wins_and_of_equals_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
