/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules that the program ships, each against its own examples: as they are, as other programs
 * carry them, and in other words. RULES is their directory.
 */
#include <ctype.h>
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

static struct rules *shipped(void)
{
	struct rules *rules = rules_open();
	struct error error = { "" };

	assert_non_null(rules);
	if (rules_directory(rules, RULES, &error) || rules_ready(rules, &error))
		fail_msg("%s", error.text);
	return rules;
}

#define FACTS 8

/* The facts that a rule needs, with values that fit */
static size_t wanted_facts(const struct rule *rule, struct fact facts[FACTS])
{
	static const char *const fitting[] = { [RULE_DIFFERENT] = "something else",
					       [RULE_LESS] = "-1000000",
					       [RULE_MORE] = "1000000" };
	size_t n = 0;

	for (size_t i = 0; i < rule->n_facts; i++) {
		const struct rule_condition *wanted = &rule->facts[i].condition;

		if (!rule->facts[i].needed)
			continue;
		assert_true(n < FACTS);
		facts[n++] =
			(struct fact){ wanted->name,
				       wanted->compare == RULE_EQUAL ? wanted->values[0]
								     : fitting[wanted->compare],
				       "so it is", 0 };
	}
	return n;
}

static void each_example_has_its_rule_alone(void **state)
{
	struct rules *rules = shipped();
	size_t examples = 0;
	(void)state;

	for (size_t i = 0; i < rules->n_rules; i++) {
		const struct rule *rule = &rules->rules[i];
		struct fact facts[FACTS];
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

/* A rule that chooses among causes says in which lines it must not be found */
static void each_counterexample_has_not_its_rule(void **state)
{
	struct rules *rules = shipped();
	(void)state;

	for (size_t i = 0; i < rules->n_rules; i++) {
		const struct rule *rule = &rules->rules[i];
		struct fact facts[FACTS];
		size_t n = wanted_facts(rule, facts);

		if (rule->n_when && !rule->n_counterexamples)
			fail_msg("%s: it has a When and no Counterexample", rule->id);
		for (size_t e = 0; e < rule->n_counterexamples; e++) {
			const char *text = rule->counterexamples[e];
			struct diagnosis *d = diagnosis_open(rules);
			const struct finding *finding;

			diagnosis_feed(d, text, strlen(text));
			assert_int_equal(diagnosis_finish(d, facts, n), 0);
			for (size_t f = 0; (finding = diagnosis_finding(d, f)); f++)
				if (finding->rule == rule)
					fail_msg("%s: it is told for its counterexample: %s",
						 rule->id, text);
			diagnosis_close(d);
		}
	}
	rules_close(rules);
}

static bool in_example(char **examples, size_t n, void *code)
{
	struct matcher *matcher = matcher_open();
	bool found = false;

	for (size_t e = 0; e < n && !found; e++) {
		char *copy = strdup(examples[e]), *save;

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

		const struct rule *rule = &rules->rules[pattern->rule];

		if (pattern->role == RULE_UNTIL
			    ? !in_example(rule->counterexamples, rule->n_counterexamples,
					  pattern->code)
			    : pattern->role != RULE_UNLESS &&
				      !in_example(rule->examples, rule->n_examples, pattern->code))
			fail_msg("%s: no %sexample has '%s'", rule->id,
				 pattern->role == RULE_UNTIL ? "counter" : "", pattern->text);
	}
	rules_close(rules);
}

/* ---- what has become of a line since it was printed ---- */

/* The ids of what is reported for a log, with blanks between them */
static void told(const struct rules *rules, const struct rule *rule, const char *log, size_t len,
		 char ids[512])
{
	struct diagnosis *d = diagnosis_open(rules);
	const struct finding *finding;
	struct fact facts[FACTS];
	size_t n = wanted_facts(rule, facts);

	assert_non_null(d);
	diagnosis_feed(d, log, len);
	assert_int_equal(diagnosis_finish(d, facts, n), 0);
	ids[0] = 0;
	for (size_t i = 0; (finding = diagnosis_finding(d, i)); i++)
		snprintf(ids + strlen(ids), 512 - strlen(ids), "%s%s", i ? " " : "",
			 finding->rule->id);
	diagnosis_close(d);
}

/* missed() - say which example is not known, so that one run shows them all */
static size_t n_missed;

__attribute__((format(printf, 1, 2))) static void missed(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vprint_error(format, ap);
	va_end(ap);
	n_missed++;
}

#define DRESSED 65536

/* struct out - where a dressed log is written */
struct out {
	char bytes[DRESSED];
	size_t n;
};

static void put(struct out *out, const char *text, size_t len)
{
	assert_true(out->n + len < sizeof(out->bytes));
	memcpy(out->bytes + out->n, text, len);
	out->n += len;
}

static void put_text(struct out *out, const char *text)
{
	put(out, text, strlen(text));
}

/* put_json() - a line as a string of JSON; @deep times in itself */
static void put_json(struct out *out, const char *line, int deep)
{
	const char *const quote[] = { "\\\"", "\\\\\\\"" }, *const feed[] = { "\\n", "\\\\n" };

	for (; *line; line++)
		if (*line == '"')
			put_text(out, quote[deep]);
		else if (*line == '\\')
			put_text(out, deep ? "\\\\\\\\" : "\\\\");
		else if (*line == '<')
			put_text(out, deep ? "\\\\u003c" : "\\u003c");
		else
			put(out, line, 1);
	put_text(out, feed[deep]);
}

static void in_docker_json(struct out *out, const char *line)
{
	put_text(out, "{\"log\":\"");
	put_json(out, line, 0);
	put_text(out, "\",\"stream\":\"stderr\",\"time\":\"2026-03-11T20:01:44.118211003Z\"}\n");
}

static void in_json_in_json(struct out *out, const char *line)
{
	put_text(out, "{\"log\":\"{\\\"level\\\":\\\"error\\\",\\\"msg\\\":\\\"");
	put_json(out, line, 1);
	put_text(out, "\\\"}\\n\",\"stream\":\"stderr\"}\n");
}

static void in_pretty_json(struct out *out, const char *line)
{
	put_text(out, "{\n\t\"PRIORITY\" : \"3\",\n\t\"MESSAGE\" : \"");
	put_json(out, line, 0);
	put_text(out, "\",\n\t\"_UID\" : \"0\"\n}\n");
}

static void in_coloured_journal_json(struct out *out, const char *line)
{
	char number[8];

	put_text(out, "{\"PRIORITY\":\"3\",\"MESSAGE\":[27,91,51,49,109");
	for (; *line; line++) {
		snprintf(number, sizeof(number), ",%d", (unsigned char)*line);
		put_text(out, number);
	}
	put_text(out, ",27,91,48,109],\"_UID\":\"0\"}\n");
}

static void in_logfmt(struct out *out, const char *line)
{
	put_text(out, "time=\"2026-03-11T20:01:44Z\" level=error msg=\"");
	put_json(out, line, 0);
	put_text(out, "\" container=dpdk\n");
}

/* in_colours() - each word in a colour of its own, as @escape begins it */
static void in_colours(struct out *out, const char *line, const char *escape)
{
	while (*line) {
		size_t word = strcspn(line, " ");

		put_text(out, escape);
		put_text(out, "[1;31m");
		put(out, line, word);
		put_text(out, escape);
		put_text(out, "[0m");
		line += word;
		word = strspn(line, " ");
		put(out, line, word);
		line += word;
	}
	put_text(out, "\n");
}

static void coloured(struct out *out, const char *line)
{
	in_colours(out, line, "\x1b");
}

static void coloured_by_rsyslog(struct out *out, const char *line)
{
	put_text(out, "Mar 11 20:01:44 vm1 vpp[812]: ");
	in_colours(out, line, "#033");
}

static void coloured_and_pasted(struct out *out, const char *line)
{
	in_colours(out, line, "");
}

static void coloured_in_json(struct out *out, const char *line)
{
	put_text(out, "{\"log\":\"\\u001b[33m");
	put_json(out, line, 0);
	out->n -= 2;
	put_text(out, "\\u001b[0m\\n\",\"stream\":\"stdout\"}\n");
}

static void by_kubectl(struct out *out, const char *line)
{
	put_text(out, "[pod/vpp-0/vpp] 2026-03-11T20:01:44.118211003Z stderr F ");
	put_text(out, line);
	put_text(out, "\n");
}

static void by_ovs(struct out *out, const char *line)
{
	put_text(out, "2023-07-31T13:59:56.054Z|00060|dpdk|ERR|");
	put_text(out, line);
	put_text(out, "\n");
}

static void by_windows(struct out *out, const char *line)
{
	put_text(out, line);
	put_text(out, "\r\n");
}

static void by_dmesg(struct out *out, const char *line)
{
	put_text(out, "kern  :err   : [Fri Aug  7 10:11:12 2026] [ T1234] ");
	put_text(out, line);
	put_text(out, "\n");
}

/* Two bytes to a character, without a byte order mark */
static void in_utf_16(struct out *out, const char *line)
{
	for (; *line; line++)
		put(out, (const char[]){ *line, 0 }, 2);
	put(out, "\r\0\n\0", 4);
}

static void in_big_endian_utf_16(struct out *out, const char *line)
{
	for (; *line; line++)
		put(out, (const char[]){ 0, *line }, 2);
	put(out, "\0\r\0\n", 4);
}

/* Windows' shells add UTF-16 to a file that began without */
static void in_utf_16_after_a_line_without(struct out *out, const char *line)
{
	if (!out->n)
		put_text(out, "$ dpdk-testpmd >log\n");
	for (; *line; line++)
		put(out, (const char[]){ *line, 0 }, 2);
	put(out, "\n\0", 2);
}

static void each_example_is_known_in_all_clothes(void **state)
{
	static const struct {
		const char *name;
		void (*dress)(struct out *out, const char *line);
	} clothes[] = {
		{ "Docker's JSON", in_docker_json },
		{ "JSON in JSON", in_json_in_json },
		{ "journalctl -o json-pretty", in_pretty_json },
		{ "a coloured message in journalctl -o json", in_coloured_journal_json },
		{ "logfmt", in_logfmt },
		{ "colours", coloured },
		{ "colours through rsyslog", coloured_by_rsyslog },
		{ "colours pasted", coloured_and_pasted },
		{ "colours in JSON", coloured_in_json },
		{ "kubectl logs", by_kubectl },
		{ "ovs-vswitchd", by_ovs },
		{ "CRLF", by_windows },
		{ "dmesg -x -T with threads", by_dmesg },
		{ "UTF-16", in_utf_16 },
		{ "UTF-16, big-endian", in_big_endian_utf_16 },
		{ "UTF-16 after ASCII", in_utf_16_after_a_line_without },
	};
	struct rules *rules = shipped();
	struct out *out = malloc(sizeof(*out));
	char ids[512];
	(void)state;

	n_missed = 0;
	assert_non_null(out);
	for (size_t c = 0; c < sizeof(clothes) / sizeof(clothes[0]); c++)
		for (size_t i = 0; i < rules->n_rules; i++) {
			const struct rule *rule = &rules->rules[i];

			for (size_t e = 0; e < rule->n_examples; e++) {
				char *copy = strdup(rule->examples[e]), *save;

				out->n = 0;
				for (char *line = strtok_r(copy, "\n", &save); line;
				     line = strtok_r(NULL, "\n", &save))
					clothes[c].dress(out, line);
				free(copy);
				told(rules, rule, out->bytes, out->n, ids);
				if (strcmp(ids, rule->id))
					missed("%s: in %s its example is reported as '%s': %.*s",
					       rule->id, clothes[c].name, ids, (int)out->n,
					       out->bytes);
			}
		}
	assert_int_equal(n_missed, 0);
	free(out);
	rules_close(rules);
}

/* ---- the words of another version, on another machine ---- */

/* is_name() - text of a form: x stands for a hexadecimal digit */
static bool is_name(const char *text, const char *form)
{
	for (; *form; form++, text++)
		if (*form == 'x' ? !isxdigit((unsigned char)*text) : *text != *form)
			return false;
	return !isalnum((unsigned char)*text) && *text != '-';
}

/* in_needs() - has the rule this word in one of its patterns but Match? */
static bool in_needs(const struct rules *rules, const struct rule *rule, const char *word,
		     size_t len)
{
	for (size_t i = 0; i < rules->n_patterns; i++) {
		const struct rule_pattern *pattern = &rules->patterns[i];

		if (&rules->rules[pattern->rule] == rule && pattern->role != RULE_MATCH &&
		    memmem(pattern->text, strlen(pattern->text), word, len))
			return true;
	}
	return false;
}

/* in_pattern() - has the rule this word in one of its patterns, so that it is part of the message? */
static bool in_pattern(const struct rules *rules, const struct rule *rule, const char *word,
		       size_t len)
{
	for (size_t i = 0; i < rules->n_patterns; i++) {
		const struct rule_pattern *pattern = &rules->patterns[i];

		if (&rules->rules[pattern->rule] == rule &&
		    memmem(pattern->text, strlen(pattern->text), word, len))
			return true;
	}
	return false;
}

/*
 * elsewhere() - the line on a machine with other devices and numbers
 *
 * A number that is compared, signed, hexadecimal, or part of a word means something, and stays.
 */
static void elsewhere(struct out *out, const struct rules *rules, const struct rule *rule,
		      const char *line)
{
	static const struct {
		const char *form, *other;
	} names[] = {
		{ "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "000d3a4b-77c1-000d-3a4b-77c1000d3a4b" },
		{ "xx:xx:xx:xx:xx:xx", "7C:1E:52:A3:B4:C5" },
		{ "xxxx:xx:xx.x", "c2ef:00:02.0" },
		{ "enPxxxxxs0", "enP1s2" },
		{ "enPxxxxxs1", "enP2s0" },
		{ "ethx", "ens7" },
		{ "mana_x", "manae_1" },
		{ "uverbsx", "uverbs3" },
		{ "/dev/uiox", "/dev/uio11" },
	};
	char before = ' ';

	while (*line) {
		size_t digits = strspn(line, "0123456789"), name = 0;
		bool word = isalnum((unsigned char)before) || strchr("_-.:/", before);

		while (name < sizeof(names) / sizeof(names[0]) &&
		       ((word && *line != '/') || !is_name(line, names[name].form) ||
			in_pattern(rules, rule, line, strlen(names[name].form))))
			name++;
		if (name < sizeof(names) / sizeof(names[0])) {
			put_text(out, names[name].other);
			line += strlen(names[name].form);
		} else if (digits && digits < 6 && !word && !rule->n_when &&
			   !isalnum((unsigned char)line[digits]) && !strchr(".:-", line[digits]) &&
			   !in_pattern(rules, rule, line, digits)) {
			/* Larger and smaller are as they were. */
			put(out, line, digits);
			put_text(out, "7");
			line += digits;
		} else {
			put(out, line, 1);
			line++;
		}
		before = line[-1];
	}
	put_text(out, "\n");
}

/* without_prefix() - the words alone: who said them is another in each version */
static void without_prefix(struct out *out, const struct rules *rules, const struct rule *rule,
			   const char *line)
{
	static const char *const prefixes[] = { "EAL: ", "ETHDEV: ", "MANA_DRIVER: ", "PCI_BUS: ",
						"VDEV_BUS: " };
	const char *end;
	/* Words that anyone may say are the driver's only with its function. */
	bool function = in_pattern(rules, rule, "\\(\\)", 4);

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(line, prefixes[i], strlen(prefixes[i])) &&
		    !in_pattern(rules, rule, prefixes[i], strlen(prefixes[i]) - 2))
			line += strlen(prefixes[i]);
	/* DPDK's drivers name their function, or do not. */
	end = line + strspn(line, "abcdefghijklmnopqrstuvwxyz_0123456789");
	function |= in_needs(rules, rule, line, strcspn(line, "_"));
	if (!function && end > line && !strncmp(end, "(): ", 4))
		line = end + 4;
	put_text(out, line);
	put_text(out, "\n");
}

/* another_prefix() - the same before the words: DPDK 18.11's, 26.07's, and a program's own */
static void another_prefix(struct out *out, const struct rules *rules, const struct rule *rule,
			   const char *line)
{
	static const char *const prefixes[] = { "PMD: ", "MANA_NET: ", "vpp[4412]: dpdk: ",
						"nff-go: ERROR: " };

	put_text(out, prefixes[out->n % (sizeof(prefixes) / sizeof(prefixes[0]))]);
	without_prefix(out, rules, rule, line);
}

/* with_more() - what newer versions like to add */
static void with_more(struct out *out, const struct rules *rules, const struct rule *rule,
		      const char *line)
{
	(void)rules;
	(void)rule;
	put_text(out, line);
	put_text(out, " (device 3, retrying)\n");
}

static void each_example_is_known_in_other_words(void **state)
{
	static const struct {
		const char *name;
		void (*reword)(struct out *out, const struct rules *rules, const struct rule *rule,
			       const char *line);
	} words[] = {
		{ "on another machine", elsewhere },
		{ "without its prefix", without_prefix },
		{ "with another prefix", another_prefix },
		{ "with more behind it", with_more },
	};
	struct rules *rules = shipped();
	struct out *out = malloc(sizeof(*out));
	size_t changed[4] = { 0 };
	char ids[512];
	(void)state;

	n_missed = 0;
	assert_non_null(out);
	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
		for (size_t i = 0; i < rules->n_rules; i++) {
			const struct rule *rule = &rules->rules[i];

			for (size_t e = 0; e < rule->n_examples; e++) {
				char *copy = strdup(rule->examples[e]), *save;

				out->n = 0;
				for (char *line = strtok_r(copy, "\n", &save); line;
				     line = strtok_r(NULL, "\n", &save))
					words[w].reword(out, rules, rule, line);
				free(copy);
				changed[w] += strncmp(out->bytes, rule->examples[e],
						      strlen(rule->examples[e])) != 0;
				told(rules, rule, out->bytes, out->n, ids);
				if (strcmp(ids, rule->id))
					missed("%s: %s its example is reported as '%s': %.*s",
					       rule->id, words[w].name, ids, (int)out->n,
					       out->bytes);
			}
		}
	for (size_t w = 0; w < 3; w++)
		assert_true(changed[w] > 100);
	assert_int_equal(n_missed, 0);
	free(out);
	rules_close(rules);
}

/* ---- what a number excludes ---- */

/* with_number() - a line with another number in place of the captured errno; false: it has none */
static bool with_number(struct out *out, struct matcher *matcher, void *code, const char *line,
			const char *number)
{
	const char *name, *text;
	size_t len;

	/* Of the adapter and its bus; and where the words say no more than the number */
	if ((!strcasestr(line, "mana") && !strstr(line, "hv_pci")) || strcasestr(line, "time"))
		return false;
	if (!pattern_matches(matcher, code, line, strlen(line), true, true))
		return false;
	for (unsigned int i = 0; matcher_capture(matcher, code, i, &name, &text, &len); i++)
		if (!strcmp(name, "errno") && text) {
			put(out, line, (size_t)(text - line));
			put_text(out, number);
			put_text(out, text + len);
			put_text(out, "\n");
			return true;
		}
	return false;
}

/* has_word() - has a finding's title, or one of its steps, one of these words? */
static const char *has_word(const struct finding *finding, const char *const words[])
{
	for (; *words; words++) {
		if (strcasestr(finding->title, *words))
			return *words;
		for (size_t i = 0; i < finding->n_fix; i++)
			if (strcasestr(finding->fix[i], *words))
				return *words;
	}
	return NULL;
}

/* Wherever a message has an error number, another one there must not be told as what it is not. */
static void a_number_is_never_told_as_what_it_excludes(void **state)
{
	static const struct {
		const char *number;
		const char *never[6];
	} cases[] = {
		{ "-110", { "refuse", "accept", "ulimit -l" } },
		{ "-71", { "ulimit -l", "not answer" } },
		{ "-12", { "refuse", "not answer" } },
		{ "-22", { "ulimit -l", "not answer" } },
	};
	struct rules *rules = shipped();
	struct out *out = malloc(sizeof(*out));
	struct matcher *matcher = matcher_open();
	size_t tried = 0;
	(void)state;

	n_missed = 0;
	assert_true(out && matcher);
	for (size_t i = 0; i < rules->n_patterns; i++) {
		const struct rule_pattern *pattern = &rules->patterns[i];
		const struct rule *rule = &rules->rules[pattern->rule];

		for (size_t e = 0; e < rule->n_examples; e++)
			for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
				char *copy = strdup(rule->examples[e]), *save;
				struct diagnosis *d = diagnosis_open(rules);
				const struct finding *finding;
				bool some = false;

				out->n = 0;
				for (char *line = strtok_r(copy, "\n", &save); line;
				     line = strtok_r(NULL, "\n", &save))
					some |= with_number(out, matcher, pattern->code, line,
							    cases[c].number);
				diagnosis_feed(d, out->bytes, out->n);
				assert_int_equal(diagnosis_finish(d, NULL, 0), 0);
				for (size_t f = 0; some && (finding = diagnosis_finding(d, f)); f++)
					if (has_word(finding, cases[c].never))
						missed("%s says '%s' of %s: %.*s",
						       finding->rule->id,
						       has_word(finding, cases[c].never),
						       cases[c].number, (int)out->n, out->bytes);
				tried += some;
				diagnosis_close(d);
				free(copy);
			}
	}
	assert_true(tried > 50);
	assert_int_equal(n_missed, 0);
	matcher_close(matcher);
	free(out);
	rules_close(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_example_has_its_rule_alone),
		cmocka_unit_test(each_counterexample_has_not_its_rule),
		cmocka_unit_test(each_pattern_has_an_example),
		cmocka_unit_test(each_example_is_known_in_all_clothes),
		cmocka_unit_test(each_example_is_known_in_other_words),
		cmocka_unit_test(a_number_is_never_told_as_what_it_excludes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
