/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/rules.h - the known failures, as data that a person can read and add to.
 *
 * The format is in docs/diagnosis.md.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_RULES_H
#define MANAKIN_HOST_DIAGNOSIS_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "host/diagnosis/pattern.h"

struct bugs;

/* What a pattern is to its rule */
enum rule_role {
	RULE_MATCH,  /* a line that shows the failure; one of these is enough */
	RULE_NEEDS,  /* must be in the log as well; all of these */
	RULE_UNLESS, /* must not be in the log; none of these */
	RULE_UNTIL,  /* what the lines before it said is over */
};

/**
 * struct rule_pattern - a regular expression
 * @rule:	number of the rule it belongs to
 * @text:	as written
 * @fixed:	bytes that are in every line it matches; lines without them are not tried
 * @code:	compiled: a pcre2_code
 */
struct rule_pattern {
	enum rule_role role;
	uint32_t rule;
	char *text;
	struct pattern_fixed fixed;
	void *code;
};

enum rule_compare { RULE_EQUAL, RULE_DIFFERENT, RULE_LESS, RULE_MORE };

/**
 * struct rule_condition - a comparison
 * @name:	what is compared: a capture, or a fact of the machine's
 * @values:	it equals one of these, or none of them; to be less or more there is one, a number
 */
struct rule_condition {
	char *name;
	enum rule_compare compare;
	char **values;
	size_t n_values;
};

/**
 * struct rule_fact - what must hold of the machine
 * @needed:	without it the rule does not hold; else it only confirms the rule
 */
struct rule_fact {
	struct rule_condition condition;
	bool needed;
};

/**
 * struct rule_step - of what to do
 * @command:	to be typed; else it is a sentence
 * @instead:	a sentence in its place if one of its names is not known; NULL: the step is left out
 */
struct rule_step {
	char *text, *instead;
	bool command;
};

/**
 * struct rule - one cause of failure
 * @id:		unique name
 * @title, @cause: the failure in a few words, and why it happens
 * @steps:	what to do, in this order
 * @explains:	ids or shell patterns of rules that are not reported if this one holds
 * @when:	a line that has what one of these compares counts only if the comparison holds
 * @per:	lines count for each value of this capture by itself; NULL: all together
 * @times:	lines that must match, at least
 * @within:	seconds that they may take; 0: any time
 * @until:	it has patterns for what ends the trouble
 * @source:	who prints the lines, and since when
 * @examples:	each some lines in which this rule, and no other, must be found
 * @counterexamples: each some lines for which this rule must not be reported
 * @last:	is reported only if no other rule holds
 * @replaced:	a later directory has another rule of this id
 * @file, @line: where it begins
 */
struct rule {
	char *id, *title, *cause, *source;
	struct rule_step *steps;
	char **explains;
	struct rule_condition *when;
	char *per;
	unsigned int times, within;
	struct rule_fact *facts;
	char **examples, **counterexamples;
	size_t n_steps, n_explains, n_when, n_facts, n_examples, n_counterexamples;
	bool last, replaced, until;
	unsigned int directory;
	char *file;
	unsigned int line;
};

/**
 * struct rules - all that was read
 * @patterns:	of all rules
 * @bugs:	of kernels, each also a rule, the first of number @bug_rule; NULL: none are known
 * @scan:	finds @fixed of patterns, then names_texts, unwrap_texts, crash_rules_texts(); made by
 *		rules_ready()
 */
struct rules {
	struct rule *rules;
	size_t n_rules;
	struct rule_pattern *patterns;
	size_t n_patterns;
	unsigned int directories;
	struct bugs *bugs;
	size_t bug_rule;
	struct scan *scan;
};

/** rules_open() - an empty set; NULL if there is no memory */
struct rules *rules_open(void);

void rules_close(struct rules *rules);

/**
 * rules_read() - add the rules of a text
 * @name:	of the file, for messages
 * @text:	@len bytes, any
 * @error:	the mistake as FILE:LINE: SENTENCE
 *
 * Return: 0 or a negative errno: -EINVAL for a mistake in the text
 */
int rules_read(struct rules *rules, const char *name, const char *text, size_t len,
	       struct error *error);

/**
 * rules_directory() - add what is in a directory's files *.rules, in the order of their names
 *
 * A rule replaces one of the same id that an earlier directory had.
 *
 * Return: 0 or a negative errno; -ENOENT if there is no such directory
 */
int rules_directory(struct rules *rules, const char *path, struct error *error);

/**
 * rules_ready() - after the last: check what rules say of each other, and prepare to search
 *
 * Return: 0 or a negative errno
 */
int rules_ready(struct rules *rules, struct error *error);

/** rules_add() - an empty rule, after the others; NULL: no memory, or too many */
struct rule *rules_add(struct rules *rules);

/** rules_fact_known() - is it the name of a fact that rules may ask for? docs/diagnosis.md has them
 */
bool rules_fact_known(const char *name);

/** rules_explains() - does rule @a explain rule @b? */
bool rules_explains(const struct rule *a, const struct rule *b);

#endif
