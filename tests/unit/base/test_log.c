/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../range.h"
#include "base/clock.h"
#include "base/log.h"

static unsigned int lines;
static char last[LOG_LINE_MAX];

static void count(enum log_level level, const char *message)
{
	(void)level;
	lines++;
	snprintf(last, sizeof(last), "%s", message);
}

static int start(void **state)
{
	(void)state;
	lines = 0;
	*last = '\0';
	log_set(count, LOG_NOTICE);
	return 0;
}

static int close_log(void **state)
{
	(void)state;
	log_set(NULL, LOG_WARNING);
	return 0;
}

static void repeat(struct log_limits *limits, enum log_level level, unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		log_limited(limits, level, "client %u is attached", i);
}

static void test_a_repeated_message_is_suppressed(void **state)
{
	struct log_limits limits = {};
	uint64_t before = clock_ns();

	(void)state;
	repeat(&limits, LOG_NOTICE, LOG_BURST);
	assert_int_equal(lines, LOG_BURST);
	assert_string_equal(last, "client 19 is attached (logged once in 10 s from now on)");
	repeat(&limits, LOG_NOTICE, 100000);
	/* On a machine so slow that tokens came back meanwhile, those are used, and no more. */
	assert_range(lines, LOG_BURST,
		     LOG_BURST + (clock_ns() - before) / (LOG_EVERY_S * (uint64_t)NS_PER_S) + 1);
}

static void test_what_was_suppressed_is_said_with_the_next_one(void **state)
{
	struct log_limits limits = {};

	(void)state;
	repeat(&limits, LOG_NOTICE, LOG_BURST + 7);
	/* As if LOG_EVERY_S had passed */
	for (unsigned int i = 0; i < LOG_SITES; i++)
		if (limits.site[i].busy_until)
			limits.site[i].busy_until -= LOG_EVERY_S * (uint64_t)NS_PER_S;
	repeat(&limits, LOG_NOTICE, 1);
	assert_int_equal(lines, LOG_BURST + 1);
	assert_string_equal(last, "client 0 is attached (7 more like it suppressed)");
}

static void test_another_message_and_another_adapter_are_not_suppressed(void **state)
{
	struct log_limits limits = {}, others = {};

	(void)state;
	repeat(&limits, LOG_NOTICE, 1000);
	lines = 0;
	log_limited(&limits, LOG_NOTICE, "command %u failed", 1u);
	assert_int_equal(lines, 1);
	repeat(&others, LOG_NOTICE, 1);
	assert_int_equal(lines, 2);
}

static void test_whoever_asks_for_everything_sees_everything(void **state)
{
	struct log_limits limits = {};

	(void)state;
	log_set(count, LOG_DEBUG);
	repeat(&limits, LOG_INFO, 1000);
	assert_int_equal(lines, 1000);
}

static void test_more_messages_than_buckets_are_limited_too(void **state)
{
	static char formats[4 * LOG_SITES][16];
	struct log_limits limits = {};

	(void)state;
	for (unsigned int i = 0; i < 4 * LOG_SITES; i++)
		snprintf(formats[i], sizeof(formats[i]), "message %u", i);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	for (unsigned int n = 0; n < 4 * LOG_SITES * 100; n++)
		log_limited(&limits, LOG_NOTICE, formats[n % (4 * LOG_SITES)]);
#pragma GCC diagnostic pop
	assert_range(lines, LOG_SITES, 2 * LOG_SITES * LOG_BURST);
}

static void test_a_long_message_still_says_what_was_suppressed(void **state)
{
	struct log_limits limits = {};
	char text[2 * LOG_LINE_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (unsigned int i = 0; i < LOG_BURST; i++)
		log_limited(&limits, LOG_NOTICE, "%s", text);
	assert_int_equal(strlen(last), LOG_LINE_MAX - 1);
	assert_non_null(strstr(last, "xx (logged once in 10 s from now on)"));
}

static void test_control_characters_do_not_reach_a_terminal(void **state)
{
	struct log_limits limits = {};

	(void)state;
	log_say(LOG_ERROR, "a name\nerror: with a line feed, \033[2J and \177");
	assert_string_equal(last, "a name\\nerror: with a line feed, \\x1b[2J and \\x7f");
	log_limited(&limits, LOG_ERROR, "%s", "\033]0;title\a");
	assert_string_equal(last, "\\x1b]0;title\\x07");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_repeated_message_is_suppressed, start),
		cmocka_unit_test_setup(test_what_was_suppressed_is_said_with_the_next_one, start),
		cmocka_unit_test_setup(test_another_message_and_another_adapter_are_not_suppressed,
				       start),
		cmocka_unit_test_setup(test_whoever_asks_for_everything_sees_everything, start),
		cmocka_unit_test_setup(test_more_messages_than_buckets_are_limited_too, start),
		cmocka_unit_test_setup(test_a_long_message_still_says_what_was_suppressed, start),
		cmocka_unit_test_setup(test_control_characters_do_not_reach_a_terminal, start),
	};

	return cmocka_run_group_tests_name("base/log", tests, NULL, close_log);
}
