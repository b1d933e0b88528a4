/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../range.h"
#include "term/log.h"

/* Standard error is a pipe that nobody reads: messages are lost, and the thread goes on. */
static void test_a_full_pipe_holds_up_nobody(void **state)
{
	static char text[1 << 20];
	char wanted[128];
	int ends[2], kept = dup(STDERR_FILENO);
	unsigned int printed = 0;
	const char *at;
	ssize_t len;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	for (unsigned int i = 0; i < 10000; i++)
		log_to_stderr(LOG_WARNING, "a client is attached");
	len = read(ends[0], text, sizeof(text) - 1);
	log_to_stderr(LOG_NOTICE, "and now");
	len += read(ends[0], text + len, sizeof(text) - 1 - (size_t)len);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(ends[0]);
	close(ends[1]);
	text[len] = '\0';
	for (at = text; (at = strstr(at, "warning: a client is attached\n")); at++)
		printed++;
	assert_range(printed, 4096 / 30, 9999);
	snprintf(wanted, sizeof(wanted),
		 "warning: %u messages are lost: standard error took nothing\nand now\n",
		 10000 - printed);
	assert_true((size_t)len > strlen(wanted));
	assert_string_equal(text + len - strlen(wanted), wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_pipe_holds_up_nobody),
	};

	return cmocka_run_group_tests_name("term/log", tests, NULL, NULL);
}
