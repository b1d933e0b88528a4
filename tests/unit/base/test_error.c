/* SPDX-License-Identifier: BSD-3-Clause */
/* Why something failed, as a sentence */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void a_sentence_is_written_and_appended_to(void **state)
{
	struct error error;

	(void)state;
	assert_int_equal(error_fail(&error, -ENOENT, "cannot read %s", "it"), -ENOENT);
	error_add(&error, ": %d", 5);
	assert_string_equal(error.text, "cannot read it: 5");
	error_say(&error, "another");
	assert_string_equal(error.text, "another");
	error_say(NULL, "not wanted");
	error_add(NULL, "not wanted");
}

static void a_long_sentence_is_truncated(void **state)
{
	static char text[2 * ERROR_TEXT];
	struct error error;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	error_say(&error, "%s", text);
	assert_int_equal(strlen(error.text), ERROR_TEXT - 1);
	error_add(&error, "%s", text);
	assert_int_equal(strlen(error.text), ERROR_TEXT - 1);
}

static void every_reason_has_a_next_step(void **state)
{
	(void)state;
	assert_string_equal(error_reason(EACCES),
			    "Permission denied; run as root, or give this user permission");
	assert_string_equal(error_reason(EMFILE),
			    "Too many open files; allow more open files: ulimit -n");
	for (int err = 1; err < 4096; err++) {
		const char *step = strstr(error_reason(err), "; ");

		assert_non_null(step);
		assert_true(strlen(step) > 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sentence_is_written_and_appended_to),
		cmocka_unit_test(a_long_sentence_is_truncated),
		cmocka_unit_test(every_reason_has_a_next_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
