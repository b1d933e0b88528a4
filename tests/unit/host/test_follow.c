/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Diagnosis of a log that has no end: what is told, when, and how often. The time is made up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/diagnosis/follow.h"

#define RULE(id, fields)                                                                           \
	"Id: " id "\nTitle: t\n" fields "Cause: c\nFix: f\nSource: s\nExample: e\n\n"
#define AGAIN 3600000u /* ms */

/* A log at some moment */
struct log {
	struct rules *rules;
	struct follow *follow;
	uint64_t now;
	const struct fact *facts;
	size_t n_facts;
	char told[256];
};

static void begin(struct log *log, const char *text)
{
	struct error error = { "" };

	memset(log, 0, sizeof(*log));
	log->now = 5000000;
	log->rules = rules_open();
	assert_non_null(log->rules);
	if (rules_read(log->rules, "test.rules", text, strlen(text), &error) ||
	    rules_ready(log->rules, &error))
		fail_msg("%s", error.text);
	log->follow = follow_open(log->rules, AGAIN);
	assert_non_null(log->follow);
}

static void end(struct log *log)
{
	follow_close(log->follow);
	rules_close(log->rules);
}

static void judge(struct log *log, uint64_t now, bool ended)
{
	const struct finding *finding;
	const struct rule *rule;

	assert_int_equal(follow_judge(log->follow, now, ended, log->facts, log->n_facts), 0);
	for (size_t i = 0; (finding = follow_finding(log->follow, i)); i++) {
		size_t at = strlen(log->told);

		at += (size_t)snprintf(log->told + at, sizeof(log->told) - at, "%s%s",
				       at ? " " : "", finding->rule->id);
		for (size_t j = 0; (rule = follow_explained(log->follow, finding, j)); j++)
			at += (size_t)snprintf(log->told + at, sizeof(log->told) - at, "<%s",
					       rule->id);
	}
}

/* Time goes on, and what becomes due meanwhile is told */
static void later(struct log *log, uint64_t ms)
{
	uint64_t until = log->now + ms, due;

	while ((due = follow_due(log->follow)) <= until) {
		judge(log, due, false);
		/* What was due is decided, or due later. */
		assert_true(follow_due(log->follow) > due);
	}
	log->now = until;
}

static void comes(struct log *log, const char *text)
{
	follow_feed(log->follow, log->now, text, strlen(text));
}

/* What was told since the last call: "a b<c": a, and b, which explains what was told as c */
static void told(struct log *log, const char *wanted)
{
	assert_string_equal(log->told, wanted);
	log->told[0] = 0;
}

static void a_cause_is_told_once_its_lines_have_settled(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: alpha\n"));
	assert_true(follow_due(log.follow) == UINT64_MAX);
	comes(&log, "nothing\nalpha 1\n");
	later(&log, FOLLOW_SETTLE - 1);
	told(&log, "");
	comes(&log, "alpha 2\n");
	later(&log, FOLLOW_SETTLE - 1);
	told(&log, "");
	comes(&log, "nothing\n");
	judge(&log, log.now + 1, false);
	told(&log, "a");
	assert_int_equal(follow_finding(log.follow, 0)->count, 2);
	assert_int_equal(follow_finding(log.follow, 0)->lines[1].number, 3);
	end(&log);
}

static void lines_without_a_pause_do_not_put_it_off_for_ever(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: alpha\n"));
	for (unsigned int ms = 0; ms < FOLLOW_LATEST; ms += 500) {
		told(&log, "");
		comes(&log, "alpha\n");
		later(&log, 500);
	}
	told(&log, "a");
	end(&log);
}

static void a_cause_is_told_once_and_again_after_a_long_silence(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: alpha\n"));
	for (int i = 0; i < 50; i++) {
		comes(&log, "alpha\n");
		later(&log, AGAIN - 1);
	}
	told(&log, "a");
	later(&log, 1);
	comes(&log, "nothing\n");
	told(&log, "");
	comes(&log, "alpha, anew\n");
	judge(&log, log.now + FOLLOW_SETTLE, false);
	told(&log, "a");
	/* The lines that were told before are gone. */
	assert_int_equal(follow_finding(log.follow, 0)->count, 1);
	assert_int_equal(follow_finding(log.follow, 0)->n_lines, 1);
	assert_string_equal(follow_finding(log.follow, 0)->lines[0].text, "alpha, anew");
	end(&log);
}

static void consequences_are_not_told_before_or_after_their_cause(void **state)
{
	const char *rules = RULE("a", "Match: alpha\nExplains: b\n") RULE("b", "Match: beta\n");
	struct log log;
	(void)state;

	begin(&log, rules);
	comes(&log, "alpha\nbeta\n");
	later(&log, FOLLOW_EXPLAIN - 1);
	told(&log, "a");
	comes(&log, "beta\n");
	later(&log, 3 * FOLLOW_EXPLAIN);
	comes(&log, "beta\n");
	later(&log, FOLLOW_EXPLAIN);
	told(&log, "");
	end(&log);

	begin(&log, rules);
	comes(&log, "beta\n");
	later(&log, FOLLOW_SETTLE / 2);
	comes(&log, "alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a");
	end(&log);

	/* In the same moment */
	begin(&log, rules);
	comes(&log, "beta\nalpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a");
	end(&log);
}

static void a_cause_that_comes_late_names_what_was_told_before(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: alpha\nExplains: b\n") RULE("b", "Match: beta\n"));
	comes(&log, "beta\n");
	later(&log, FOLLOW_EXPLAIN / 2);
	told(&log, "b");
	comes(&log, "alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a<b");
	end(&log);
}

static void what_happens_long_after_a_cause_is_told_for_itself(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: alpha\nExplains: b\n") RULE("b", "Match: beta\n")
			    RULE("z", "Match: omega\nLast-Resort: yes\n"));
	comes(&log, "alpha\nomega\n");
	later(&log, FOLLOW_EXPLAIN + 1);
	told(&log, "a");
	comes(&log, "beta\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "b");
	end(&log);
}

static void a_last_resort_waits_for_what_is_better(void **state)
{
	const char *rules =
		RULE("a", "Match: alpha\n") RULE("z", "Match: omega\nLast-Resort: yes\n");
	struct log log;
	(void)state;

	begin(&log, rules);
	comes(&log, "omega\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "z");
	end(&log);

	begin(&log, rules);
	comes(&log, "omega\nalpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a");
	end(&log);
}

static void unless_excuses_lines_that_are_near_before_and_after(void **state)
{
	const char *rules = RULE("a", "Match: alpha\nUnless: omega\n");
	struct log log;
	(void)state;

	begin(&log, rules);
	comes(&log, "alpha\n");
	later(&log, FOLLOW_UNLESS - 1);
	comes(&log, "omega\n");
	later(&log, 2 * FOLLOW_UNLESS);
	told(&log, "");
	/* What was excused is past; this is another time. */
	comes(&log, "alpha\n");
	later(&log, FOLLOW_UNLESS);
	told(&log, "a");
	end(&log);

	begin(&log, rules);
	comes(&log, "omega\n");
	later(&log, FOLLOW_BEFORE);
	comes(&log, "alpha\n");
	later(&log, FOLLOW_UNLESS);
	told(&log, "");
	later(&log, FOLLOW_UNLESS);
	comes(&log, "alpha\n");
	later(&log, FOLLOW_UNLESS);
	told(&log, "a");
	end(&log);
}

static void what_excused_once_excuses_again(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: alpha\nUnless: omega\n"));
	for (int i = 0; i < 4; i++) {
		comes(&log, "alpha\n");
		later(&log, 1000);
		comes(&log, "omega\nomega\n");
		later(&log, 3 * FOLLOW_UNLESS);
		told(&log, "");
	}
	comes(&log, "omega\nalpha\n");
	later(&log, 3 * FOLLOW_UNLESS);
	told(&log, "");
	comes(&log, "alpha\n");
	later(&log, FOLLOW_UNLESS);
	told(&log, "a");
	end(&log);
}

static void what_is_excused_explains_nothing(void **state)
{
	struct log log;
	(void)state;

	begin(&log,
	      RULE("a", "Match: alpha\nUnless: omega\nExplains: b\n") RULE("b", "Match: beta\n"));
	/* The cause may still be excused: its consequence waits for it. */
	comes(&log, "beta\nalpha\n");
	later(&log, FOLLOW_UNLESS - 1);
	told(&log, "");
	comes(&log, "omega\n");
	later(&log, 2);
	told(&log, "b");
	end(&log);

	begin(&log,
	      RULE("a", "Match: alpha\nUnless: omega\nExplains: b\n") RULE("b", "Match: beta\n"));
	comes(&log, "beta\nalpha\n");
	later(&log, FOLLOW_UNLESS);
	told(&log, "a");
	end(&log);
}

static void needs_may_come_before_or_after(void **state)
{
	const char *rules = RULE("a", "Match: alpha\nNeeds: omega\n");
	struct log log;
	(void)state;

	begin(&log, rules);
	comes(&log, "alpha\n");
	later(&log, AGAIN / 2);
	told(&log, "");
	comes(&log, "omega\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a");
	end(&log);

	begin(&log, rules);
	comes(&log, "omega\n");
	later(&log, AGAIN / 2);
	comes(&log, "alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a");
	end(&log);

	/* Too long ago */
	begin(&log, rules);
	comes(&log, "omega\n");
	later(&log, AGAIN);
	comes(&log, "alpha\n");
	later(&log, AGAIN);
	comes(&log, "omega\n");
	later(&log, AGAIN);
	told(&log, "");
	end(&log);
}

static void what_ends_soon_is_not_told_and_what_comes_back_is_told_again(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: taken (?<vf>\\w+)\nUntil: given (?<vf>\\w+)\nPer: vf\n"));
	comes(&log, "taken vf1\n");
	later(&log, FOLLOW_UNTIL - 1);
	comes(&log, "given vf1\n");
	later(&log, FOLLOW_UNTIL);
	told(&log, "");
	comes(&log, "taken vf1\n");
	later(&log, FOLLOW_UNTIL);
	told(&log, "a");
	comes(&log, "taken vf1\n");
	later(&log, FOLLOW_UNTIL);
	told(&log, "");
	comes(&log, "given vf1\n");
	later(&log, FOLLOW_UNTIL);
	comes(&log, "taken vf1\n");
	later(&log, FOLLOW_UNTIL);
	told(&log, "a");
	/* The end and another beginning, in one piece */
	comes(&log, "given vf1\ntaken vf1\n");
	later(&log, FOLLOW_UNTIL);
	told(&log, "a");
	/* The end of one is not that of another. */
	comes(&log, "given vf1\n");
	later(&log, FOLLOW_UNTIL);
	comes(&log, "taken vf1\ntaken vf2\ngiven vf1\n");
	judge(&log, log.now + FOLLOW_UNTIL, false);
	told(&log, "a");
	assert_string_equal(follow_finding(log.follow, 0)->lines[0].text, "taken vf2");
	end(&log);
}

static void times_are_counted_until_there_is_a_long_silence(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: alpha\nTimes: 3\n"));
	comes(&log, "alpha\nalpha\n");
	later(&log, AGAIN);
	comes(&log, "alpha\n");
	later(&log, AGAIN / 2);
	comes(&log, "alpha\n");
	later(&log, AGAIN / 2);
	told(&log, "");
	comes(&log, "alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a");
	end(&log);
}

/* A rule that counts flaps of each interface within ten minutes */
#define FLAPS                                                                                      \
	RULE("a", "Match: (?<vf>\\w+) is gone\nTimes: 3 in 10 min\nPer: vf\nExplains: b\n")        \
	RULE("b", "Match: beta\n")

/* A line with its time, and then time goes on */
static void flap(struct log *log, const char *vf, uint64_t ms)
{
	char line[64];

	snprintf(line, sizeof(line), "[%7u.%03u000] %s is gone\n", (unsigned int)(log->now / 1000),
		 (unsigned int)(log->now % 1000), vf);
	comes(log, line);
	later(log, ms);
}

#define MINUTE 60000u /* ms */

static void what_is_counted_is_told_once_while_it_goes_on(void **state)
{
	struct log log;
	(void)state;

	begin(&log, FLAPS);
	flap(&log, "vf1", MINUTE);
	flap(&log, "vf1", MINUTE);
	told(&log, "");
	flap(&log, "vf1", MINUTE);
	told(&log, "a");
	for (int i = 0; i < 200; i++)
		flap(&log, "vf1", 4 * MINUTE);
	told(&log, "");
	flap(&log, "vf1", MINUTE);
	comes(&log, "beta\n");
	later(&log, MINUTE);
	told(&log, "");
	end(&log);
}

static void single_lines_are_not_what_is_counted_and_do_not_keep_it(void **state)
{
	struct log log;
	(void)state;

	begin(&log, FLAPS);
	for (int day = 0; day < 3; day++) {
		flap(&log, "vf1", MINUTE);
		flap(&log, "vf1", MINUTE);
		flap(&log, "vf1", MINUTE);
		told(&log, "a");
		/* The time for "again" is over, though a line comes more often. */
		for (int i = 0; i < 4; i++) {
			later(&log, 20 * MINUTE);
			flap(&log, "vf1", MINUTE);
		}
		told(&log, "");
		later(&log, 20 * MINUTE);
	}
	end(&log);
}

static void what_is_counted_is_quiet_for_as_long_as_it_is_counted(void **state)
{
	struct log log;
	(void)state;

	begin(&log, FLAPS);
	follow_close(log.follow);
	log.follow = follow_open(log.rules, MINUTE);
	assert_non_null(log.follow);
	for (int i = 0; i < 20; i++)
		flap(&log, "vf1", 3 * MINUTE);
	told(&log, "a");
	later(&log, 6 * MINUTE);
	flap(&log, "vf1", MINUTE);
	flap(&log, "vf1", MINUTE);
	flap(&log, "vf1", MINUTE);
	told(&log, "");
	later(&log, 10 * MINUTE);
	flap(&log, "vf1", MINUTE);
	flap(&log, "vf1", MINUTE);
	told(&log, "");
	flap(&log, "vf1", MINUTE);
	told(&log, "a");
	end(&log);
}

static void each_that_is_counted_is_told_once_however_their_lines_mix(void **state)
{
	struct log log;
	(void)state;

	begin(&log, FLAPS);
	for (int i = 0; i < 2; i++) {
		flap(&log, "vf1", 0);
		flap(&log, "vf2", MINUTE);
	}
	told(&log, "");
	flap(&log, "vf1", 0);
	flap(&log, "vf2", 0);
	judge(&log, log.now + FOLLOW_SETTLE, false);
	told(&log, "a a");
	for (size_t i = 0; i < 2; i++) {
		const struct finding *finding = follow_finding(log.follow, i);
		const char *vf = i ? "vf2" : "vf1";

		assert_int_equal(finding->count, 3);
		assert_true(finding->n_lines > 0);
		for (size_t n = 0; n < finding->n_lines; n++)
			assert_non_null(strstr(finding->lines[n].text, vf));
	}
	for (int i = 0; i < 20; i++) {
		flap(&log, "vf1", 0);
		flap(&log, "vf2", MINUTE);
	}
	told(&log, "");
	/* A third one begins later; the first pauses, and comes back. */
	for (int i = 0; i < 3; i++) {
		told(&log, "");
		flap(&log, "vf3", MINUTE);
		flap(&log, "vf2", MINUTE);
	}
	told(&log, "a");
	for (unsigned int ms = 0; ms <= AGAIN; ms += 4 * MINUTE)
		flap(&log, "vf2", 4 * MINUTE);
	told(&log, "");
	for (int i = 0; i < 3; i++)
		flap(&log, "vf1", 1000);
	later(&log, MINUTE);
	told(&log, "a");
	end(&log);
}

static void two_that_are_taken_at_once_are_both_told(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: taken (?<vf>\\w+)\nUntil: given (?<vf>\\w+)\nPer: vf\n"));
	comes(&log, "taken vf1\ntaken vf2\n");
	later(&log, FOLLOW_UNTIL);
	told(&log, "a a");
	comes(&log, "given vf1\n");
	later(&log, FOLLOW_UNTIL);
	comes(&log, "taken vf2\n");
	later(&log, FOLLOW_UNTIL);
	told(&log, "");
	comes(&log, "taken vf1\n");
	later(&log, FOLLOW_UNTIL);
	told(&log, "a");
	end(&log);
}

static void a_device_that_was_quiet_is_told_of_again_though_another_goes_on(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: HWC: alpha\n"));
	comes(&log, "mana 7870:00:00.0: HWC: alpha\n");
	later(&log, FOLLOW_LATEST);
	comes(&log, "mana 7871:00:00.0: HWC: alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a a");
	for (unsigned int ms = 0; ms <= AGAIN; ms += 4 * MINUTE) {
		comes(&log, "mana 7870:00:00.0: HWC: alpha\n");
		later(&log, 4 * MINUTE);
	}
	told(&log, "");
	comes(&log, "mana 7871:00:00.0: HWC: alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a");
	end(&log);
}

static void facts_are_those_of_the_moment(void **state)
{
	struct fact fact = { "hugepages.free", "9", "9 free hugepages", 0 };
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: alpha\nNeeds-Fact: hugepages.free < 10\n"));
	comes(&log, "alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "");
	log.facts = &fact;
	log.n_facts = 1;
	comes(&log, "alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a");
	end(&log);
}

static void another_device_is_told_of_and_the_same_one_is_not(void **state)
{
	struct log log;
	char line[64];
	(void)state;

	begin(&log, RULE("a", "Match: HWC: alpha\n"));
	comes(&log, "mana 7870:00:00.0: HWC: alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a");
	comes(&log, "mana 7870:00:00.0: HWC: alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "");
	comes(&log, "mana 7871:00:00.0: HWC: alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "a");
	comes(&log, "mana 7870:00:00.0: HWC: alpha\nmana 7871:00:00.0: HWC: alpha\n");
	later(&log, FOLLOW_LATEST);
	told(&log, "");
	/* A log may be anyone's: not for as many devices as it makes up. */
	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "mana 78%02x:00:00.0: HWC: alpha\n", i);
		comes(&log, line);
		later(&log, FOLLOW_LATEST);
	}
	told(&log, "a a a a a a");
	end(&log);
}

static void the_end_of_the_log_decides_all(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: alpha\nUnless: omega\nExplains: b\n")
			    RULE("b", "Match: beta\n") RULE("c", "Match: gamma\n"));
	comes(&log, "beta\nalpha\ngamma");
	judge(&log, log.now, true);
	told(&log, "a c");
	end(&log);
}

static void a_new_file_ends_the_last_line_and_is_counted_from_one(void **state)
{
	struct log log;
	(void)state;

	begin(&log, RULE("a", "Match: alpha\n") RULE("b", "Match: beta\n"));
	comes(&log, "one\ntwo\nalp");
	follow_part(log.follow, log.now);
	comes(&log, "ha\nbeta\n");
	judge(&log, log.now + FOLLOW_SETTLE, false);
	told(&log, "b");
	assert_int_equal(follow_finding(log.follow, 0)->lines[0].number, 2);
	/* The number of a line in one file is that of another line in the next one. */
	follow_part(log.follow, log.now);
	comes(&log, "one\nalpha\n");
	judge(&log, log.now + FOLLOW_SETTLE, false);
	told(&log, "a");
	assert_int_equal(follow_finding(log.follow, 0)->lines[0].number, 2);
	end(&log);
}

/* Whatever comes and however it is cut: each rule is told at most once in the time for "again" */
static void any_log_is_told_in_bounds(void **state)
{
	static const char *const lines[] = { "alpha\n", "beta\n",    "gamma\n",   "delta\n",
					     "omega\n", "nothing\n", "alpha beta" };
	struct log log;
	unsigned int seed = 1, ever = 0;
	(void)state;

	begin(&log, RULE("a", "Match: alpha\nNeeds: gamma\nExplains: b\n")
			    RULE("b", "Match: beta\nUnless: delta\nExplains: c\n")
				    RULE("c", "Match: gamma\n")
					    RULE("z", "Match: omega\nLast-Resort: yes\n"));
	for (int round = 0; round < 20; round++) {
		uint64_t start = log.now;

		log.told[0] = 0;
		while (log.now < start + AGAIN / 2) {
			seed = seed * 1103515245 + 12345;
			comes(&log, lines[(seed >> 16) % 7]);
			later(&log, (seed >> 20) % 30000);
		}
		for (const char *id = "abcz"; *id; id++) {
			unsigned int times = 0;

			for (const char *at = log.told; *at; at++)
				times += *at == *id && (at == log.told || at[-1] == ' ');
			assert_true(times <= 1);
			ever += times;
		}
		later(&log, AGAIN);
	}
	assert_true(ever > 20);
	end(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cause_is_told_once_its_lines_have_settled),
		cmocka_unit_test(lines_without_a_pause_do_not_put_it_off_for_ever),
		cmocka_unit_test(a_cause_is_told_once_and_again_after_a_long_silence),
		cmocka_unit_test(consequences_are_not_told_before_or_after_their_cause),
		cmocka_unit_test(a_cause_that_comes_late_names_what_was_told_before),
		cmocka_unit_test(what_happens_long_after_a_cause_is_told_for_itself),
		cmocka_unit_test(a_last_resort_waits_for_what_is_better),
		cmocka_unit_test(unless_excuses_lines_that_are_near_before_and_after),
		cmocka_unit_test(what_excused_once_excuses_again),
		cmocka_unit_test(what_is_excused_explains_nothing),
		cmocka_unit_test(needs_may_come_before_or_after),
		cmocka_unit_test(what_ends_soon_is_not_told_and_what_comes_back_is_told_again),
		cmocka_unit_test(times_are_counted_until_there_is_a_long_silence),
		cmocka_unit_test(what_is_counted_is_told_once_while_it_goes_on),
		cmocka_unit_test(single_lines_are_not_what_is_counted_and_do_not_keep_it),
		cmocka_unit_test(what_is_counted_is_quiet_for_as_long_as_it_is_counted),
		cmocka_unit_test(each_that_is_counted_is_told_once_however_their_lines_mix),
		cmocka_unit_test(two_that_are_taken_at_once_are_both_told),
		cmocka_unit_test(a_device_that_was_quiet_is_told_of_again_though_another_goes_on),
		cmocka_unit_test(facts_are_those_of_the_moment),
		cmocka_unit_test(another_device_is_told_of_and_the_same_one_is_not),
		cmocka_unit_test(the_end_of_the_log_decides_all),
		cmocka_unit_test(a_new_file_ends_the_last_line_and_is_counted_from_one),
		cmocka_unit_test(any_log_is_told_in_bounds),
	};

	return cmocka_run_group_tests_name("host follow", tests, NULL, NULL);
}
