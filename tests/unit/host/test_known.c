/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which kernel has which bug: from what a kernel calls itself, and from a list of bugs. KNOWN_BUGS
 * is the shipped list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "host/known/bugs.h"

static struct kernel_version version_of(const char *text)
{
	struct kernel_version version;

	if (!kernel_version_parse(text, &version))
		fail_msg("not a version: %s", text);
	return version;
}

static void kernels_say_what_they_are_built_from(void **state)
{
	static const struct {
		const char *text;
		enum kernel_number number;
		unsigned int major, minor, patch, rc;
	} cases[] = {
		{ "6.12.57", KERNEL_EXACT, 6, 12, 57, 0 },
		{ "6.16.0-rc4+ #3", KERNEL_EXACT, 6, 16, 0, 4 },
		{ "6.17.0", KERNEL_EXACT, 6, 17, 0, 0 },
		{ "6.12.57+deb13-amd64 #1  Debian 6.12.57-1", KERNEL_EXACT, 6, 12, 57, 0 },
		{ "Linux version 6.1.0-41-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-12 "
		  "(Debian 12.2.0-14+deb12u1) 12.2.0) #1 SMP PREEMPT_DYNAMIC Debian 6.1.158-1 "
		  "(2025-11-09)",
		  KERNEL_EXACT, 6, 1, 158, 0 },
		{ "6.1.0-41-cloud-amd64", KERNEL_UNKNOWN, 6, 1, 0, 0 },
		{ "6.8.0-1021-azure #25-Ubuntu", KERNEL_UNKNOWN, 6, 8, 0, 0 },
		{ "Linux version 6.5.0-1016-azure (buildd@lcy02-amd64-026) (x86_64-linux-gnu-gcc-12 "
		  "(Ubuntu 12.3.0-1ubuntu1~22.04) 12.3.0) #16~22.04.1-Ubuntu SMP (Ubuntu "
		  "6.5.0-1016.16~22.04.1-azure 6.5.13)",
		  KERNEL_LEAST, 6, 5, 13, 0 },
		{ "Linux version 5.15.0-1089-azure (buildd@x) #98-Ubuntu SMP Ubuntu "
		  "5.15.0-1089.98-azure 5.15.178",
		  KERNEL_LEAST, 5, 15, 178, 0 },
		{ "5.14.0-427.13.1.el9_4.x86_64", KERNEL_UNKNOWN, 5, 14, 0, 0 },
		{ "5.15.0-304.171.4.el9uek.x86_64", KERNEL_UNKNOWN, 5, 15, 0, 0 },
		{ "6.4.0-150600.23.25-default", KERNEL_UNKNOWN, 6, 4, 0, 0 },
		{ "5.14.21-150500.55.7-default", KERNEL_UNKNOWN, 5, 14, 21, 0 },
		{ "6.17.3-1-default", KERNEL_EXACT, 6, 17, 3, 0 },
		{ "6.6.121.1-1.azl3", KERNEL_EXACT, 6, 6, 121, 0 },
		{ "5.15.186.1-1.cm2", KERNEL_EXACT, 5, 15, 186, 0 },
		{ "6.1.155-176.282.amzn2023.x86_64", KERNEL_EXACT, 6, 1, 155, 0 },
		{ "6.12.58-flatcar", KERNEL_EXACT, 6, 12, 58, 0 },
		{ "6.1.0-0.rc7.51.fc38.x86_64", KERNEL_EXACT, 6, 1, 0, 7 },
		{ "5.14.0-0.rc2.23.el9.x86_64", KERNEL_UNKNOWN, 5, 14, 0, 2 },
		{ "7.2~rc3-1~exp1", KERNEL_EXACT, 7, 2, 0, 3 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kernel_version v = version_of(cases[i].text);

		if (v.number != cases[i].number || v.major != cases[i].major ||
		    v.minor != cases[i].minor || v.patch != cases[i].patch || v.rc != cases[i].rc)
			fail_msg("%s is read as %u.%u.%u rc %u, %d", cases[i].text, v.major,
				 v.minor, v.patch, v.rc, (int)v.number);
	}
}

static void what_is_no_version_is_refused(void **state)
{
	struct kernel_version version;
	(void)state;

	assert_false(kernel_version_parse("", &version));
	assert_false(kernel_version_parse("Linux version ", &version));
	assert_false(kernel_version_parse("6", &version));
	assert_false(kernel_version_parse("six.twelve", &version));
	assert_false(kernel_version_parse("#1 SMP", &version));
}

#define BUG "Id: b\nTitle: t\nModule: mana\nCrash: at f\nCause: c\nFix: f\nSource: s\nExample: e\n"

/** read_bugs() - of a text that has no mistake; to be freed */
static struct bugs read_bugs(const char *text)
{
	struct bugs bugs = { .n = 0 };
	struct error error = { "" };

	if (bugs_read(&bugs, "list", text, strlen(text), &error))
		fail_msg("%s", error.text);
	return bugs;
}

static void a_bug_is_there_from_the_culprit_to_the_mend(void **state)
{
	static const struct {
		const char *kernel;
		enum bug_state state;
	} cases[] = {
		/* A bug of mainline, mended in some stable series */
		{ "6.1.200", BUG_ABSENT },
		{ "6.2.0", BUG_PRESENT },
		{ "6.5.13", BUG_PRESENT },
		{ "6.6.0", BUG_PRESENT },
		{ "6.6.139", BUG_PRESENT },
		{ "6.6.140", BUG_MENDED },
		{ "6.8.12", BUG_PRESENT },
		{ "6.12.85", BUG_PRESENT },
		{ "6.12.86", BUG_MENDED },
		{ "7.1.0-rc5", BUG_PRESENT },
		{ "7.1.0", BUG_MENDED },
		{ "7.2.9", BUG_MENDED },
		{ "6.18.30", BUG_UNKNOWN },
		{ "6.18.29", BUG_PRESENT },
		{ "6.8.0-1021-azure", BUG_UNKNOWN },
		{ "5.14.0-570.el9.x86_64", BUG_UNKNOWN },
		/* What says so itself */
		{ "6.8.0-1062-azure", BUG_MENDED },
		{ "6.8.0-1018-azure", BUG_PRESENT },
	};
	struct bugs bugs = read_bugs(BUG "Since: 6.2\nMended: 6.6.140 6.12.86 7.1\n"
					 "Maybe-Mended: 6.18.30\nKernels: 6.8.0-1018-*\n"
					 "Mended-Kernels: 6.8.0-106[2-9]-azure\n");
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kernel_version v = version_of(cases[i].kernel);

		if (bug_state(&bugs.bug[0], &v) != cases[i].state)
			fail_msg("%s: %d", cases[i].kernel, (int)bug_state(&bugs.bug[0], &v));
	}
	bugs_free(&bugs);
}

static void a_backports_bug_is_in_its_series_only(void **state)
{
	struct bugs bugs = read_bugs(BUG "Since: 6.1.156 6.12.53\nMended: 6.1.159 6.12.59\n");
	struct kernel_version v;
	(void)state;

	v = version_of("6.12.57+deb13-amd64");
	assert_int_equal(bug_state(&bugs.bug[0], &v), BUG_PRESENT);
	v = version_of("6.12.52");
	assert_int_equal(bug_state(&bugs.bug[0], &v), BUG_ABSENT);
	v = version_of("6.14.0");
	assert_int_equal(bug_state(&bugs.bug[0], &v), BUG_ABSENT);
	/* Ubuntu has at least what 6.12.59 has, but with 6.12.57 it may have the mend besides. */
	v = version_of("6.12.0-1010-azure #10-Ubuntu SMP (Ubuntu 6.12.0-1010.10-azure 6.12.59)");
	assert_int_equal(bug_state(&bugs.bug[0], &v), BUG_MENDED);
	v = version_of("6.12.0-1010-azure #10-Ubuntu SMP (Ubuntu 6.12.0-1010.10-azure 6.12.57)");
	assert_int_equal(bug_state(&bugs.bug[0], &v), BUG_UNKNOWN);
	assert_true(bug_of_base(&bugs.bug[0], &v));
	v = version_of("6.12.0-1010-azure #10-Ubuntu SMP (Ubuntu 6.12.0-1010.10-azure 6.12.52)");
	assert_false(bug_of_base(&bugs.bug[0], &v));
	v = version_of("6.12.57");
	assert_false(bug_of_base(&bugs.bug[0], &v));
	bugs_free(&bugs);
}

static void the_releases_with_the_mend_are_named(void **state)
{
	struct bugs bugs = read_bugs(
		BUG "Since: 4.19\nMended: 5.4.9 5.10.3 5.15.7 6.1.2 6.6.140 6.12.86 7.1\n\n"
		    "Id: c\nTitle: t\nModule: mana\nCrash: at f\nSince: 4.19\nCause: c\nFix: f\n"
		    "Source: s\nExample: e\n");
	struct kernel_version v = version_of("6.6.3");
	char text[160];
	(void)state;

	assert_string_equal(bug_mended_text(&bugs.bug[0], &v, text, sizeof(text)),
			    "6.6.140 or later");
	v = version_of("6.8.1");
	assert_string_equal(bug_mended_text(&bugs.bug[0], &v, text, sizeof(text)),
			    "6.1.2, 6.6.140, 6.12.86, or 7.1 and later");
	assert_string_equal(bug_mended_text(&bugs.bug[1], &v, text, sizeof(text)), "none yet");
	bugs_free(&bugs);
}

static void a_later_list_replaces_a_bug(void **state)
{
	struct bugs bugs = read_bugs(BUG "Since: 6.2\n");
	struct error error;
	(void)state;

	assert_int_equal(
		bugs_read(&bugs, "own", BUG "Since: 6.3\n", strlen(BUG "Since: 6.3\n"), &error), 0);
	assert_int_equal(bugs.n, 2);
	assert_true(bugs.bug[0].replaced);
	assert_false(bugs.bug[1].replaced);
	bugs_free(&bugs);
}

static void refused(const char *text, const char *why)
{
	struct bugs bugs = { .n = 0 };
	struct error error = { "" };

	assert_int_equal(bugs_read(&bugs, "list", text, strlen(text), &error), -22);
	if (!strstr(error.text, why))
		fail_msg("'%s' is refused with '%s', not '%s'", text, error.text, why);
	bugs_free(&bugs);
}

static void mistakes_are_named(void **state)
{
	(void)state;
	refused(BUG "Since: 6.2\nMendet: 6.3\n", "list:10: unknown field 'Mendet'");
	refused(BUG "Since: 6.2\nSince: 6.3\n", "list:10: duplicate Since");
	refused(BUG "Since: six\n", "list:9: Since: 'six' is no release");
	refused(BUG "Since: 6.2.1.4\n", "list:9: Since: '6.2.1.4' is no release");
	refused(BUG "Since: 6.2 5.15.3\n", "list:9: Since: '5.15.3' is out of order");
	refused(BUG "Since: 6.6.3 6.1.3\n", "list:9: Since: '6.1.3' is out of order");
	refused(BUG, "list:1: this bug has no field Since");
	refused(BUG "Since: 6.2\nFix: Boot {mended}, not {release|that one}.\n",
		"list:1: Fix: {release} is no name that a bug has");
	refused(BUG "Since: 6.2\nFix: {install}\n",
		"list:1: Fix: {install} is no name that a bug has");
	refused(BUG "Since: 6.2\nBefore: setup\n", "Before and Warning belong together");
	refused(BUG "Since: 6.2\nBefore: lunch\nWarning: w\n",
		"list:10: Before: 'lunch' is neither");
	refused(BUG "Since: 6.2\nCrash: kind oops\n", "list:10: Crash: name a function");
	refused(BUG "Since: 6.2\nCrash: at f; kind ops\n", "list:10: Crash: 'ops' is none of oops");
	refused(BUG "Since: 6.2\nCrash: at f; on g\n", "list:10: Crash: 'on g' is none of at");
	refused(BUG "Since: 6.2\nCrash: at f; line x\n",
		"list:10: Crash: a line must have at least");
	refused(BUG "Since: 6.2\nCrash: at f; line\n",
		"list:10: Crash: 'line' has nothing after it");
	refused(BUG "Since: 6.2\n\n" BUG "Since: 6.2\n",
		"list:11: Id: there is a 'b' already, at list:1");
	refused("Id: B\n", "list:1: Id: 'B' must be");
	refused("Title: {nothing} t\nId: b\nModule: m\nCrash: at f\nCause: c\nFix: f\nSource: s\n"
		"Example: e\nSince: 6.2\n",
		"list:1: Title: {nothing} is no name");
	refused("Id b\n", "list:1: expected 'Field: value'");
	refused(" Id: b\n", "list:1: a line that begins with a blank");
	refused("Id: b\r\n", "list:1: not a Unix text file");
	refused("Id:\n\n", "list:1: Id is empty");
}

static void the_shipped_list_is_whole(void **state)
{
	struct bugs bugs = { .n = 0 };
	struct error error = { "" };
	(void)state;

	if (bugs_file(&bugs, KNOWN_BUGS, &error))
		fail_msg("%s", error.text);
	assert_true(bugs.n >= 30);
	/* What was reported in public, and the kernels that it was reported on or mended in */
	for (size_t i = 0; i < bugs.n; i++) {
		const struct bug *bug = &bugs.bug[i];
		struct kernel_version v;

		if (strcmp(bug->id, "uio-subchannel-interrupt") != 0)
			continue;
		v = version_of("6.1.0-41-cloud-amd64 #1 SMP Debian 6.1.158-1");
		assert_int_equal(bug_state(bug, &v), BUG_PRESENT);
		v = version_of("6.1.0-42-cloud-amd64 #1 SMP Debian 6.1.159-1");
		assert_int_equal(bug_state(bug, &v), BUG_MENDED);
		v = version_of("6.12.57+deb13-amd64");
		assert_int_equal(bug_state(bug, &v), BUG_PRESENT);
		v = version_of("6.12.63+deb13-amd64");
		assert_int_equal(bug_state(bug, &v), BUG_MENDED);
		v = version_of("6.17.3");
		assert_int_equal(bug_state(bug, &v), BUG_MENDED);
		v = version_of("6.14.0-1017-azure");
		assert_int_equal(bug_state(bug, &v), BUG_UNKNOWN);
		bugs_free(&bugs);
		return;
	}
	fail();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels_say_what_they_are_built_from),
		cmocka_unit_test(what_is_no_version_is_refused),
		cmocka_unit_test(a_bug_is_there_from_the_culprit_to_the_mend),
		cmocka_unit_test(a_backports_bug_is_in_its_series_only),
		cmocka_unit_test(the_releases_with_the_mend_are_named),
		cmocka_unit_test(a_later_list_replaces_a_bug),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(the_shipped_list_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
