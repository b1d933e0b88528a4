/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: each known bug becomes a rule without patterns. What a crash has of it,
 * lines and names, is put in when the log has ended, as if patterns had matched.
 */
#include "host/diagnosis/crash_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/diagnosis/crash_verdict.h"
#include "host/diagnosis/evidence.h"

/**
 * struct crash_log - of a log
 * @seen:	of each text that a bug wants the log to have: it has it
 * @fresh:	the same, since it was aged
 * @n:		of these
 */
struct crash_log {
	struct crashes *crashes;
	bool *seen, *fresh;
	size_t n;
};

/* ---- rules ---- */

/** copy_words() - into a list of the rule's; false if there is no memory */
static bool copy_words(const struct bug_words *words, char ***list, size_t *n)
{
	*list = calloc(words->n + 1, sizeof(**list));
	for (size_t i = 0; *list && i < words->n; i++) {
		(*list)[i] = strdup(words->word[i]);
		if (!(*list)[i])
			return false;
		++*n;
	}
	return *list != NULL;
}

/** fill_rule() - false if there is no memory */
static bool fill_rule(struct rule *rule, const struct bug *bug)
{
	rule->id = strdup(bug->id);
	rule->title = strdup(bug->title);
	rule->cause = strdup(bug->cause);
	rule->source = strdup(bug->source);
	rule->file = strdup(bug->file);
	rule->line = bug->line;
	rule->times = 1;
	rule->replaced = bug->replaced;
	rule->steps = calloc(bug->fix.n + 1, sizeof(*rule->steps));
	if (!rule->id || !rule->title || !rule->cause || !rule->source || !rule->file ||
	    !rule->steps)
		return false;
	for (size_t i = 0; i < bug->fix.n; i++) {
		rule->steps[i].text = strdup(bug->fix.word[i]);
		rule->steps[i].command = bug->command[i];
		if (!rule->steps[i].text)
			return false;
		rule->n_steps++;
	}
	return copy_words(&bug->explains, &rule->explains, &rule->n_explains) &&
	       copy_words(&bug->examples, &rule->examples, &rule->n_examples) &&
	       copy_words(&bug->counterexamples, &rule->counterexamples, &rule->n_counterexamples);
}

/** is_taken() - has a rule this id? */
static bool is_taken(const struct rules *rules, const char *id)
{
	for (size_t i = 0; i < rules->n_rules; i++)
		if (!rules->rules[i].replaced && !strcmp(rules->rules[i].id, id))
			return true;
	return false;
}

int rules_bugs(struct rules *rules, struct bugs *bugs, struct error *error)
{
	struct bugs *own = malloc(sizeof(*own));

	if (!own)
		return error_fail(error, -ENOMEM, "out of memory");
	*own = *bugs;
	memset(bugs, 0, sizeof(*bugs));
	rules->bugs = own;
	rules->bug_rule = rules->n_rules;
	for (size_t i = 0; i < own->n; i++) {
		const struct bug *bug = &own->bug[i];
		struct rule *rule;

		if (!bug->replaced && is_taken(rules, bug->id))
			return error_fail(error, -EINVAL,
					  "%.200s:%u: Id: there is a rule '%s' already", bug->file,
					  bug->line, bug->id);
		rule = rules_add(rules);
		if (!rule || !fill_rule(rule, bug))
			return error_fail(error, -ENOMEM, "out of memory");
	}
	return 0;
}

const char *crash_rules_texts(const struct rules *rules, size_t n)
{
	if (!rules->bugs)
		return NULL;
	return n < crash_n_texts ? crash_texts[n] : bugs_text(rules->bugs, n - crash_n_texts);
}

/* ---- a log ---- */

struct crash_log *crash_log_open(const struct rules *rules)
{
	static const struct bugs none;
	struct crash_log *log = calloc(1, sizeof(*log));
	size_t texts = 0;

	if (!log)
		return NULL;
	while (rules->bugs && bugs_text(rules->bugs, texts))
		texts++;
	log->crashes = crashes_open(rules->bugs ? rules->bugs : &none);
	log->n = texts;
	log->seen = calloc(texts + 1, sizeof(*log->seen));
	log->fresh = calloc(texts + 1, sizeof(*log->fresh));
	if (log->crashes && log->seen && log->fresh)
		return log;
	crash_log_close(log);
	return NULL;
}

void crash_log_close(struct crash_log *log)
{
	if (!log)
		return;
	crashes_close(log->crashes);
	free(log->seen);
	free(log->fresh);
	free(log);
}

void crash_log_hit(struct crash_log *log, size_t which, uint64_t number, const char *text,
		   size_t len, size_t end)
{
	if (which < crash_n_texts)
		crashes_hit(log->crashes, which, number, text, len, end);
	else
		log->seen[which - crash_n_texts] = log->fresh[which - crash_n_texts] = true;
}

bool crash_log_news(struct crash_log *log)
{
	return crashes_news(log->crashes);
}

void crash_log_forget(struct crash_log *log)
{
	crashes_forget(log->crashes);
}

void crash_log_age(struct crash_log *log)
{
	memcpy(log->seen, log->fresh, log->n * sizeof(*log->seen));
	memset(log->fresh, 0, log->n * sizeof(*log->fresh));
}

void crash_log_part(struct crash_log *log)
{
	crashes_part(log->crashes);
}

/** put_line() - in the order of their numbers, each once */
static void put_line(struct evidence *e, const struct crash_line *line)
{
	size_t at = 0;

	while (at < e->n_lines && e->lines[at].number < line->number)
		at++;
	if (!line->number || e->n_lines == DIAGNOSIS_LINES ||
	    (at < e->n_lines && e->lines[at].number == line->number))
		return;
	memmove(&e->lines[at + 1], &e->lines[at], (e->n_lines - at) * sizeof(*e->lines));
	e->lines[at].number = line->number;
	snprintf(e->lines[at].text, sizeof(e->lines[at].text), "%s", line->text);
	e->n_lines++;
}

static void put_capture(struct evidence *e, const char *name, const char *value)
{
	struct capture *capture = &e->captures[e->n_captures];

	if (!value || !*value || e->n_captures == CAPTURES)
		return;
	snprintf(capture->name, sizeof(capture->name), "%s", name);
	snprintf(capture->value, sizeof(capture->value), "%s", value);
	e->n_captures++;
}

/** put() - a crash as evidence of its rule */
static void put(struct evidence *e, const struct crash_told *told)
{
	const struct crash *crash = told->crash;

	e->count += told->count;
	if (e->lines)
		return;
	e->lines = calloc(DIAGNOSIS_LINES, sizeof(*e->lines));
	e->captures = calloc(CAPTURES, sizeof(*e->captures));
	if (!e->lines || !e->captures)
		return;
	put_line(e, &crash->head);
	put_line(e, &crash->cpu);
	put_line(e, &crash->place);
	put_line(e, &crash->ours);
	if (told->function == crash->work.function)
		put_line(e, &crash->worker);
	put_capture(e, "module", told->driver);
	put_capture(e, "function", told->function);
	put_capture(e, "kernel", told->kernel);
	put_capture(e, "mended", told->mended);
	put_capture(e, "whether", told->whether);
}

void crash_log_weigh(struct diagnosis *d, const struct fact *facts, size_t n)
{
	struct crash_told told[CRASHES_MAX];
	struct kernel_version version;
	const char *machine = NULL;
	size_t n_told;

	if (!d->rules->bugs)
		return;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(facts[i].name, FACT_KERNEL))
			machine = facts[i].value;
	if (machine && !kernel_version_parse(machine, &version))
		machine = NULL;
	n_told = crashes_judge(d->crash_log->crashes, d->rules->bugs, d->crash_log->seen,
			       machine ? &version : NULL, told);
	for (size_t i = 0; i < n_told; i++)
		put(&d->evidence[d->rules->bug_rule + told[i].bug], &told[i]);
}
