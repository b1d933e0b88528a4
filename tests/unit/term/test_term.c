/* SPDX-License-Identifier: BSD-3-Clause */
/* Colour, and lines that are written over, only where the terminal and the user have it */
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "term/term.h"

/** shows() - on a terminal with these in its environment; NULL: not set */
static void shows(const char *no_colour, const char *term, bool colour, bool rewrites)
{
	int master, slave;
	FILE *to;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	to = fdopen(slave, "w");
	assert_non_null(to);
	assert_int_equal(no_colour ? setenv("NO_COLOR", no_colour, 1) : unsetenv("NO_COLOR"), 0);
	assert_int_equal(term ? setenv("TERM", term, 1) : unsetenv("TERM"), 0);
	assert_int_equal(output_has_colour(to), colour);
	assert_int_equal(*output_style(to, STYLE_BAD) != '\0', colour);
	assert_int_equal(output_can_rewrite(to), rewrites);
	assert_true(output_is_terminal(to));
	fclose(to);
	close(master);
}

static void on_a_terminal(void **state)
{
	(void)state;
	shows(NULL, "xterm", true, true);
	shows("", "xterm", true, true); /* as no-color.org has it: an empty one says nothing */
	shows("1", "xterm", false, true);
	shows(NULL, "dumb", false, false);
	shows(NULL, NULL, true, true);
}

static void in_a_file(void **state)
{
	FILE *to = tmpfile();

	(void)state;
	assert_non_null(to);
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	assert_false(output_has_colour(to) || output_can_rewrite(to) || output_is_terminal(to));
	assert_int_equal(output_width(to), 0);
	fclose(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_a_terminal),
		cmocka_unit_test(in_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
