/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/diagnosis/rules.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "base/error.h"
#include "host/diagnosis/crash_rules.h"
#include "host/diagnosis/names.h"
#include "host/diagnosis/pattern.h"
#include "host/diagnosis/scan.h"
#include "host/diagnosis/unwrap.h"

static int no_memory(struct error *error)
{
	return error_fail(error, -ENOMEM, "out of memory");
}

/* ---- files ---- */

static int read_file(struct rules *rules, const char *path, struct error *error)
{
	char *text;
	size_t len;
	int err = blocks_file(path, "the rules", &text, &len, error);

	if (!err)
		err = rules_read(rules, path, text, len, error);
	free(text);
	return err;
}

static int is_rules(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && !fnmatch("*.rules", entry->d_name, 0);
}

int rules_directory(struct rules *rules, const char *path, struct error *error)
{
	struct dirent **entries;
	char file[4096];
	int err = 0, n = scandir(path, &entries, is_rules, alphasort);

	if (n < 0) {
		err = -errno;
		error_say(error, "cannot read the rules in %.300s: %s", path, error_reason(errno));
		return err;
	}
	rules->directories++;
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%.3000s/%s", path, entries[i]->d_name);
		if (!err)
			err = read_file(rules, file, error);
		free(entries[i]);
	}
	free(entries);
	return err;
}

/* ---- the whole ---- */

struct rules *rules_open(void)
{
	return calloc(1, sizeof(struct rules));
}

static void free_strings(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void free_condition(struct rule_condition *condition)
{
	free(condition->name);
	free_strings(condition->values, condition->n_values);
}

static void free_rule(struct rule *rule)
{
	free(rule->id);
	free(rule->title);
	free(rule->cause);
	free(rule->source);
	free(rule->per);
	free(rule->file);
	for (size_t i = 0; i < rule->n_steps; i++) {
		free(rule->steps[i].text);
		free(rule->steps[i].instead);
	}
	free(rule->steps);
	free_strings(rule->explains, rule->n_explains);
	free_strings(rule->examples, rule->n_examples);
	free_strings(rule->counterexamples, rule->n_counterexamples);
	for (size_t i = 0; i < rule->n_when; i++)
		free_condition(&rule->when[i]);
	free(rule->when);
	for (size_t i = 0; i < rule->n_facts; i++)
		free_condition(&rule->facts[i].condition);
	free(rule->facts);
}

void rules_close(struct rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->n_rules; i++)
		free_rule(&rules->rules[i]);
	for (size_t i = 0; i < rules->n_patterns; i++) {
		free(rules->patterns[i].text);
		pattern_free(rules->patterns[i].code);
	}
	free(rules->rules);
	free(rules->patterns);
	if (rules->bugs)
		bugs_free(rules->bugs);
	free(rules->bugs);
	scan_close(rules->scan);
	free(rules);
}

bool rules_explains(const struct rule *a, const struct rule *b)
{
	if (a == b)
		return false;
	for (size_t i = 0; i < a->n_explains; i++)
		if (!fnmatch(a->explains[i], b->id, 0))
			return true;
	return false;
}

/** hides() - is a rule that is no last resort among those that are explained by this name? */
static bool hides(const struct rules *rules, const struct rule *rule, const char *name)
{
	for (size_t i = 0; i < rules->n_rules; i++)
		if (!rules->rules[i].replaced && &rules->rules[i] != rule &&
		    !rules->rules[i].last && !fnmatch(name, rules->rules[i].id, 0))
			return true;
	return false;
}

/** check_explains() - a name that matches no rule is misspelt */
static int check_explains(const struct rules *rules, const struct rule *rule, struct error *error)
{
	for (size_t i = 0; i < rule->n_explains; i++) {
		bool fits = false;

		for (size_t j = 0; j < rules->n_rules && !fits; j++)
			fits = !rules->rules[j].replaced && &rules->rules[j] != rule &&
			       !fnmatch(rule->explains[i], rules->rules[j].id, 0);
		if (rule->last && hides(rules, rule, rule->explains[i]))
			return error_fail(
				error, -EINVAL,
				"%.200s:%u: Explains: a last resort cannot explain '%.80s', "
				"which is none: each would hide the other",
				rule->file, rule->line, rule->explains[i]);
		if (!fits)
			return error_fail(error, -EINVAL,
					  "%.200s:%u: Explains: there is no rule '%.80s'",
					  rule->file, rule->line, rule->explains[i]);
	}
	return 0;
}

/**
 * check_circle() - rules that explain each other in a circle would hide each other
 * @state:	of each rule: 0 not seen, 1 being examined, 2 without a circle
 */
static int check_circle(const struct rules *rules, size_t at, char *state, struct error *error)
{
	int err = 0;

	if (state[at] == 1)
		return error_fail(error, -EINVAL,
				  "%.200s:%u: Explains: '%s' explains itself through other rules",
				  rules->rules[at].file, rules->rules[at].line,
				  rules->rules[at].id);
	if (state[at] || !rules->rules[at].n_explains)
		return 0;
	state[at] = 1;
	for (size_t i = 0; !err && i < rules->n_rules; i++)
		if (!rules->rules[i].replaced &&
		    rules_explains(&rules->rules[at], &rules->rules[i]))
			err = check_circle(rules, i, state, error);
	state[at] = 2;
	return err;
}

/** add_texts() - the texts to search for, in their order; how many */
static size_t add_texts(const struct rules *rules, struct scan_text *texts)
{
	const char *text;
	size_t n = 0;

	for (size_t i = 0; i < rules->n_patterns; i++)
		texts[n++] = (struct scan_text){ rules->patterns[i].fixed.text,
						 strlen(rules->patterns[i].fixed.text) };
	for (size_t i = 0; i < names_n_texts; i++)
		texts[n++] = (struct scan_text){ names_texts[i], strlen(names_texts[i]) };
	for (size_t i = 0; i < unwrap_n_texts; i++)
		texts[n++] = unwrap_texts[i];
	for (size_t i = 0; (text = crash_rules_texts(rules, i)); i++)
		texts[n++] = (struct scan_text){ text, strlen(text) };
	return n;
}

int rules_ready(struct rules *rules, struct error *error)
{
	struct scan_text *texts;
	size_t crash_texts = 0;
	char *state = calloc(rules->n_rules + 1, 1);
	int err = state ? 0 : no_memory(error);

	/* Known bugs explain rules that another set of rules need not have. */
	for (size_t i = 0; !err && i < (rules->bugs ? rules->bug_rule : rules->n_rules); i++)
		if (!rules->rules[i].replaced)
			err = check_explains(rules, &rules->rules[i], error);
	for (size_t i = 0; !err && i < rules->n_rules; i++)
		if (!rules->rules[i].replaced)
			err = check_circle(rules, i, state, error);
	free(state);
	if (err)
		return err;
	while (crash_rules_texts(rules, crash_texts))
		crash_texts++;
	texts = calloc(rules->n_patterns + names_n_texts + unwrap_n_texts + crash_texts,
		       sizeof(*texts));
	rules->scan = texts ? scan_open(texts, add_texts(rules, texts)) : NULL;
	if (!rules->scan) {
		err = texts && errno == E2BIG ? -E2BIG : -ENOMEM;
		error_say(error, "%s",
			  err == -E2BIG ? "there are too many rules" : "out of memory");
	}
	free(texts);
	return err;
}
