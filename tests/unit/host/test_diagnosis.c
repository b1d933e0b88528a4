/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules that the program ships, each against its own examples, and the engine that applies
 * rules to logs. RULES is the directory of the shipped rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/diagnosis/diagnosis.h"
#include "host/diagnosis/pattern.h"
#include "host/diagnosis/scan.h"

static struct rules *shipped(void)
{
	struct rules *rules = rules_open();
	struct error error = { "" };

	assert_non_null(rules);
	if (rules_directory(rules, RULES, &error) || rules_ready(rules, &error))
		fail_msg("%s", error.text);
	return rules;
}

/* The facts that a rule needs, with values that match */
static size_t wanted_facts(const struct rule *rule, struct fact *facts)
{
	size_t n = 0;

	for (size_t i = 0; i < rule->n_facts; i++)
		if (rule->facts[i].needed)
			facts[n++] = (struct fact){ rule->facts[i].name, rule->facts[i].value,
						    "so it is" };
	return n;
}

static void each_example_has_its_rule_alone(void **state)
{
	struct rules *rules = shipped();
	size_t examples = 0;
	(void)state;

	for (size_t i = 0; i < rules->n_rules; i++) {
		const struct rule *rule = &rules->rules[i];
		struct fact facts[8];
		size_t n = wanted_facts(rule, facts);

		for (size_t e = 0; e < rule->n_examples; e++, examples++) {
			struct diagnosis *d = diagnosis_open(rules);
			const struct finding *finding;

			diagnosis_feed(d, rule->examples[e], strlen(rule->examples[e]));
			assert_int_equal(diagnosis_finish(d, facts, n), 0);
			finding = diagnosis_finding(d, 0);
			if (!finding || finding->rule != rule || diagnosis_finding(d, 1))
				fail_msg("%s: its example is reported as %s%s%s: %s", rule->id,
					 finding ? finding->rule->id : "nothing",
					 finding && diagnosis_finding(d, 1) ? " and " : "",
					 finding && diagnosis_finding(d, 1)
						 ? diagnosis_finding(d, 1)->rule->id
						 : "",
					 rule->examples[e]);
			assert_true(finding->n_lines > 0);
			diagnosis_close(d);
		}
	}
	assert_true(examples > 200);
	rules_close(rules);
}

static bool in_example(const struct rule *rule, void *code)
{
	struct matcher *matcher = matcher_open();
	bool found = false;

	for (size_t e = 0; e < rule->n_examples && !found; e++) {
		char *copy = strdup(rule->examples[e]), *save;

		for (char *line = strtok_r(copy, "\n", &save); line && !found;
		     line = strtok_r(NULL, "\n", &save))
			found = pattern_matches(matcher, code, line, strlen(line), true, true);
		free(copy);
	}
	matcher_close(matcher);
	return found;
}

static void each_pattern_has_an_example(void **state)
{
	struct rules *rules = shipped();
	(void)state;

	for (size_t i = 0; i < rules->n_patterns; i++) {
		const struct rule_pattern *pattern = &rules->patterns[i];

		if (pattern->role != RULE_UNLESS &&
		    !in_example(&rules->rules[pattern->rule], pattern->code))
			fail_msg("%s: no example has '%s'", rules->rules[pattern->rule].id,
				 pattern->text);
	}
	rules_close(rules);
}

/* ---- the tests' own rules ---- */

#define RULE(id, more) "Id: " id "\nTitle: t\n" more "Cause: c\nFix: f\nSource: s\nExample: e\n\n"

static struct rules *made(const char *text)
{
	struct rules *rules = rules_open();
	struct error error = { "" };

	if (rules_read(rules, "made", text, strlen(text), &error) || rules_ready(rules, &error))
		fail_msg("%s", error.text);
	return rules;
}

static struct diagnosis *diagnose(const struct rules *rules, const char *log, size_t len,
				  const struct fact *facts, size_t n)
{
	struct diagnosis *d = diagnosis_open(rules);

	assert_non_null(d);
	diagnosis_feed(d, log, len);
	assert_int_equal(diagnosis_finish(d, facts, n), 0);
	return d;
}

/* The ids that are reported for a log, in their order, with blanks between them */
static const char *told_with(const char *text, const char *log, const struct fact *facts, size_t n)
{
	static char ids[256];
	struct rules *rules = made(text);
	struct diagnosis *d = diagnose(rules, log, strlen(log), facts, n);
	const struct finding *finding;

	ids[0] = 0;
	for (size_t i = 0; (finding = diagnosis_finding(d, i)); i++)
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%s", i ? " " : "",
			 finding->rule->id);
	diagnosis_close(d);
	rules_close(rules);
	return ids;
}

static const char *told(const char *text, const char *log)
{
	return told_with(text, log, NULL, 0);
}

static void needs_and_unless(void **state)
{
	const char *rules = RULE("a", "Match: first\nNeeds: second\nUnless: third\n");
	(void)state;

	assert_string_equal(told(rules, "first\n"), "");
	assert_string_equal(told(rules, "second\n"), "");
	assert_string_equal(told(rules, "second\nfirst\n"), "a");
	assert_string_equal(told(rules, "first\nsecond"), "a");
	assert_string_equal(told(rules, "third\nsecond\nfirst\n"), "");
}

static void what_is_explained_is_not_told(void **state)
{
	const char *rules = RULE("a", "Match: alpha\nExplains: b*\n") RULE("b1", "Match: beta\n")
		RULE("b2", "Match: gamma\nExplains: c\n") RULE("c", "Match: delta\n")
			RULE("z", "Match: omega\nLast-Resort: yes\n");
	(void)state;

	assert_string_equal(told(rules, "beta\ngamma\ndelta\n"), "b1 b2");
	assert_string_equal(told(rules, "delta\ngamma\nbeta\nalpha\n"), "a");
	assert_string_equal(told(rules, "omega\n"), "z");
	assert_string_equal(told(rules, "omega\ndelta\n"), "c");
}

static void facts_are_needed_or_confirm(void **state)
{
	const char *text = RULE("a", "Match: alpha\nNeeds-Fact: hugepages.free < 10\n"
				     "Confirm: interface.up = yes\n");
	struct fact facts[] = { { "hugepages.free", "9", "9 free hugepages" },
				{ "interface.up", "no", "eth0 is down" },
				{ "interface.up", "yes", "eth1 is up" } };
	struct rules *rules = made(text);
	struct diagnosis *d;
	(void)state;

	assert_string_equal(told(text, "alpha\n"), "");
	assert_string_equal(told_with(text, "alpha\n", facts, 1), "a");
	d = diagnose(rules, "alpha\n", 6, facts, 3);
	assert_true(diagnosis_finding(d, 0)->confirmed);
	assert_int_equal(diagnosis_finding(d, 0)->n_evidence, 2);
	assert_string_equal(diagnosis_finding(d, 0)->evidence[1], "eth1 is up");
	diagnosis_close(d);
	facts[0].value = "10";
	assert_string_equal(told_with(text, "alpha\n", facts, 3), "");
	facts[0].value = "unlimited";
	assert_string_equal(told_with(text, "alpha\n", facts, 3), "");
	rules_close(rules);
}

static void names_are_filled_in(void **state)
{
	struct rules *rules = made("Id: a\nTitle: {what} {interface} {pci}\n"
				   "Match: broken: (?<what>.*)\nCause: c\nFix: mend {what}\n"
				   "Run: mend {what}\nSource: s\nExample: e\n");
	struct fact fact = { "interface", "eth7", "" };
	const char *hostile = "broken: $(reboot)\n", *plain = "broken: a.b:c/d_1\n";
	struct diagnosis *d;
	(void)state;

	d = diagnose(rules, plain, strlen(plain), &fact, 1);
	assert_string_equal(diagnosis_finding(d, 0)->title, "a.b:c/d_1 eth7 PCI");
	assert_string_equal(diagnosis_finding(d, 0)->fix[1], "mend a.b:c/d_1");
	diagnosis_close(d);
	/* A log may come from anyone, and people copy commands. */
	d = diagnose(rules, hostile, strlen(hostile), &fact, 1);
	assert_string_equal(diagnosis_finding(d, 0)->fix[0], "mend $(reboot)");
	assert_string_equal(diagnosis_finding(d, 0)->fix[1], "mend WHAT");
	assert_true(diagnosis_finding(d, 0)->command[1]);
	diagnosis_close(d);
	rules_close(rules);
}

static void lines_are_numbered_and_clean(void **state)
{
	static const char log[] = "one\n\n\x1b[31mtwo\x1b[0m \xff\x01 \xc3\xa4 failure\r\nfailure";
	struct rules *rules = made(RULE("a", "Match: failure\n"));
	struct diagnosis *d = diagnose(rules, log, sizeof(log) - 1, NULL, 0);
	const struct finding *finding = diagnosis_finding(d, 0);
	(void)state;

	assert_non_null(finding);
	assert_int_equal(finding->n_lines, 2);
	assert_int_equal(finding->lines[0].number, 3);
	assert_string_equal(finding->lines[0].text, "two ?? \xc3\xa4 failure");
	assert_int_equal(finding->lines[1].number, 4);
	assert_int_equal(finding->count, 2);
	diagnosis_close(d);
	rules_close(rules);
}

static void one_line_may_have_all_patterns(void **state)
{
	struct rules *rules = made(RULE("a", "Match: failure\nMatch: broken\nNeeds: ^error\n"));
	const char *log = "error: failure, broken\n";
	struct diagnosis *d = diagnose(rules, log, strlen(log), NULL, 0);
	const struct finding *finding = diagnosis_finding(d, 0);
	(void)state;

	assert_non_null(finding);
	assert_int_equal(finding->count, 1);
	assert_int_equal(finding->n_lines, 1);
	diagnosis_close(d);
	rules_close(rules);
}

static void pieces_of_any_size_are_the_same(void **state)
{
	struct rules *rules = made(RULE("a", "Match: ^error \\d+ here$\n"));
	char log[5000] = "";
	(void)state;

	for (int i = 0; i < 100; i++)
		snprintf(log + strlen(log), sizeof(log) - strlen(log), "error %d %s\n", i,
			 i % 7 ? "there" : "here");
	for (size_t piece = 1; piece < 300; piece += 37) {
		struct diagnosis *d = diagnosis_open(rules);
		const struct finding *finding;

		for (size_t at = 0; at < strlen(log); at += piece)
			diagnosis_feed(d, log + at, strnlen(log + at, piece));
		assert_int_equal(diagnosis_finish(d, NULL, 0), 0);
		finding = diagnosis_finding(d, 0);
		assert_non_null(finding);
		assert_int_equal(finding->count, 15);
		assert_int_equal(finding->lines[1].number, 8);
		diagnosis_close(d);
	}
	rules_close(rules);
}

static void a_line_without_end_is_bounded(void **state)
{
	struct rules *rules = made(RULE("a", "Match: needle (?<n>\\d+)$\n"));
	struct diagnosis *d = diagnosis_open(rules);
	char *block = malloc(1 << 16);
	(void)state;

	/* 64 MiB that hold the fixed text everywhere, and match only at the very end */
	for (size_t i = 0; i < 1 << 16; i++)
		block[i] = "needle x"[i % 8];
	for (int i = 0; i < 1024; i++)
		diagnosis_feed(d, block, 1 << 16);
	diagnosis_feed(d, "needle 7\nend", 12);
	assert_int_equal(diagnosis_finish(d, NULL, 0), 0);
	assert_non_null(diagnosis_finding(d, 0));
	assert_int_equal(diagnosis_finding(d, 0)->lines[0].number, 1);
	assert_true(strlen(diagnosis_finding(d, 0)->lines[0].text) < DIAGNOSIS_LINE);
	diagnosis_close(d);
	free(block);
	rules_close(rules);
}

static void utf_16_is_read(void **state)
{
	const char *line = "first\nsome failure\n";
	struct rules *rules = made(RULE("a", "Match: failure\n"));
	(void)state;

	for (int big = 0; big < 2; big++) {
		char log[64];
		struct diagnosis *d;
		size_t n = 2;

		memcpy(log, big ? "\xfe\xff" : "\xff\xfe", 2);
		for (const char *p = line; *p; p++) {
			log[n + (size_t)big] = *p;
			log[n + (size_t)!big] = 0;
			n += 2;
		}
		d = diagnose(rules, log, n, NULL, 0);
		assert_non_null(diagnosis_finding(d, 0));
		assert_int_equal(diagnosis_finding(d, 0)->lines[0].number, 2);
		assert_string_equal(diagnosis_finding(d, 0)->lines[0].text, "some failure");
		diagnosis_close(d);
	}
	rules_close(rules);
}

/* ---- mistakes ---- */

static void refused(const char *text, const char *why)
{
	struct rules *rules = rules_open();
	struct error error = { "nothing was said" };
	int err = rules_read(rules, "x.rules", text, strlen(text), &error);

	if (!err)
		err = rules_ready(rules, &error);
	assert_int_equal(err, -22);
	if (!strstr(error.text, why) || strncmp(error.text, "x.rules:", 8))
		fail_msg("'%s' should be refused with '%s', not with '%s'", text, why, error.text);
	rules_close(rules);
}

static void mistakes_are_named(void **state)
{
	(void)state;
	refused("Id: a\nTitel: t\n", "x.rules:2: unknown field 'Titel'");
	refused("Id: a\n\nId: b\n", "x.rules:1: this rule has no field Title");
	refused("Id: a\nId: b\n", "x.rules:2: duplicate Id");
	refused("Id: A b\n", "must be at most 63 lower-case letters");
	refused("Id:\nTitle: t\n", "x.rules:1: Id is empty");
	refused("nonsense\n", "x.rules:1: expected 'Field: value'");
	refused("  continued\n", "begins with a blank");
	refused("Id: a\r\n", "not a Unix text file");
	refused("Id: a\nMatch: abc\n\n", "four literal characters in a row");
	refused("Id: a\nMatch: (failure)\n\n", "four literal characters in a row");
	refused("Id: a\nMatch: (?i)failure\n\n", "of the groups");
	refused("Id: a\nMatch: failure|error\n\n", "write two fields");
	refused("Id: a\nMatch: failure (\n\n", "missing closing parenthesis");
	refused("Id: a\nMatch: failure \\1\n\n", "of the escapes");
	refused("Id: a\nMatch: failure [a\n\n", "unmatched [");
	refused("Id: a\nMatch: failure {x}\n\n", "write \\{");
	refused("Id: a\nConfirm: moon = full\n\n", "unknown fact 'moon'");
	refused("Id: a\nConfirm: provider mismatch\n\n", "write NAME = VALUE");
	refused("Id: a\nLast-Resort: no\n\n", "the only value is 'yes'");
	refused("Id: a\nTitle: {thing}\nMatch: failure\nCause: c\nFix: f\nSource: s\nExample: e\n",
		"{thing} is neither captured by a pattern");
	refused(RULE("a", "Match: failure\n") RULE("a", "Match: failure\n"),
		"there is a 'a' already");
	refused(RULE("a", "Match: failure\nExplains: nobody\n"), "there is no rule 'nobody'");
	refused(RULE("a", "Match: failure\nExplains: b\n")
			RULE("b", "Match: failure\nExplains: c\n")
				RULE("c", "Match: failure\nExplains: a\n"),
		"explains itself through other rules");
}

/* What a log must contain for a pattern to be tried on it */
static void fixed_texts_are_safe(void **state)
{
	static const struct {
		const char *pattern, *fixed;
	} cases[] = {
		{ "abcdef", "abcdef" },          { "abcdef?", "abcde" },
		{ "abcd{0,2}efghi", "efghi" },   { "abcde+f", "abcde" },
		{ "ab(cdefghijk)lmno", "lmno" }, { "abcd.(efghijkl|m)*", "abcd" },
		{ "abcd\\.efgh", "abcd.efgh" },  { "abcd[efgh]ijklm", "ijklm" },
		{ "abcd[]efgh]ijklm", "ijklm" }, { "abcd[[:alpha:]]ijklm", "ijklm" },
		{ "abcd\\befghi", "efghi" },     { "(?<!x)abcd", "abcd" },
	};
	char fixed[PATTERN_FIXED_MAX + 1], error[256];
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(pattern_fixed(cases[i].pattern, fixed, error, sizeof(error)), 0);
		assert_string_equal(fixed, cases[i].fixed);
	}
}

static void note_hit(void *arg, uint32_t text, size_t end)
{
	char *notes = arg;

	sprintf(notes + strlen(notes), "%u@%zu ", text, end);
}

static void texts_within_texts_are_found(void **state)
{
	static const struct scan_text texts[] = { { "she", 3 }, { "he", 2 },  { "hers", 4 },
						  { "his", 3 }, { "she", 3 }, { "e", 1 } };
	struct scan *scan = scan_open(texts, 6);
	char notes[256] = "";
	(void)state;

	assert_non_null(scan);
	scan_run(scan, "ushers", 6, note_hit, notes);
	assert_string_equal(notes, "4@4 0@4 1@4 5@4 2@6 ");
	notes[0] = 0;
	scan_run(scan, "hi\0sh", 5, note_hit, notes);
	assert_string_equal(notes, "");
	scan_close(scan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_example_has_its_rule_alone),
		cmocka_unit_test(each_pattern_has_an_example),
		cmocka_unit_test(needs_and_unless),
		cmocka_unit_test(what_is_explained_is_not_told),
		cmocka_unit_test(facts_are_needed_or_confirm),
		cmocka_unit_test(names_are_filled_in),
		cmocka_unit_test(lines_are_numbered_and_clean),
		cmocka_unit_test(one_line_may_have_all_patterns),
		cmocka_unit_test(pieces_of_any_size_are_the_same),
		cmocka_unit_test(a_line_without_end_is_bounded),
		cmocka_unit_test(utf_16_is_read),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(fixed_texts_are_safe),
		cmocka_unit_test(texts_within_texts_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
