/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/diagnosis/rules.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "host/diagnosis/numbers.h"
#include "host/diagnosis/pattern.h"
#include "host/diagnosis/tally.h"

#define RULES_MAX 4096u

enum field {
	FIELD_ID,
	FIELD_TITLE,
	FIELD_MATCH,
	FIELD_NEEDS,
	FIELD_UNLESS,
	FIELD_UNTIL,
	FIELD_WHEN,
	FIELD_TIMES,
	FIELD_PER,
	FIELD_CAUSE,
	FIELD_FIX,
	FIELD_RUN,
	FIELD_ELSE,
	FIELD_EXPLAINS,
	FIELD_CONFIRM,
	FIELD_NEEDS_FACT,
	FIELD_LAST,
	FIELD_SOURCE,
	FIELD_EXAMPLE,
	FIELD_COUNTEREXAMPLE,
	FIELDS,
};
static_assert(FIELDS <= BLOCKS_FIELDS, "a field each");

static const struct blocks_field field_kinds[FIELDS] = {
	[FIELD_ID] = { "Id", false, true, false },
	[FIELD_TITLE] = { "Title", false, true, false },
	[FIELD_MATCH] = { "Match", true, true, false },
	[FIELD_NEEDS] = { "Needs", true, false, false },
	[FIELD_UNLESS] = { "Unless", true, false, false },
	[FIELD_UNTIL] = { "Until", true, false, false },
	[FIELD_WHEN] = { "When", true, false, false },
	[FIELD_TIMES] = { "Times", false, false, false },
	[FIELD_PER] = { "Per", false, false, false },
	[FIELD_CAUSE] = { "Cause", false, true, false },
	[FIELD_FIX] = { "Fix", true, true, false },
	[FIELD_RUN] = { "Run", true, false, false },
	[FIELD_ELSE] = { "Else", true, false, false },
	[FIELD_EXPLAINS] = { "Explains", false, false, false },
	[FIELD_CONFIRM] = { "Confirm", true, false, false },
	[FIELD_NEEDS_FACT] = { "Needs-Fact", true, false, false },
	[FIELD_LAST] = { "Last-Resort", false, false, false },
	[FIELD_SOURCE] = { "Source", false, true, false },
	[FIELD_EXAMPLE] = { "Example", true, true, true },
	[FIELD_COUNTEREXAMPLE] = { "Counterexample", true, false, true },
};

/* Facts of the machine by name; one that ends with . or : stands for all that begin so */
static const char *const facts[] = {
	"interface",
	"vf",
	"pci",
	"mac",
	"uuid",
	"interface.up",
	"container",
	"hugepages.free",
	"hugepages.mounted",
	"provider",
	"memlock",
	"rdma.rc",
	"rdma.cm",
	"hugetlb.limit",
	"module.",
	"install:",
};

/**
 * struct reader - a file that is being read
 * @rule:	the block we are in
 * @first:	number of its first pattern
 */
struct reader {
	struct blocks *b;
	struct rules *rules;
	struct rule *rule;
	size_t first;
};

/** reader_of() - whose file it is */
static struct reader *reader_of(struct blocks *b)
{
	struct reader *r = b->arg;

	r->b = b;
	return r;
}

static int add_string(struct reader *r, char ***list, size_t *n, const char *text)
{
	if (!blocks_grow(list, *n, sizeof(**list)))
		return blocks_no_memory(r->b);
	(*list)[*n] = strdup(text);
	if (!(*list)[*n])
		return blocks_no_memory(r->b);
	++*n;
	return 0;
}

bool rules_fact_known(const char *name)
{
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		size_t len = strlen(facts[i]);
		bool prefix = strchr(".:", facts[i][len - 1]) != NULL;

		if (prefix ? !strncmp(name, facts[i], len) && name[len] : !strcmp(name, facts[i]))
			return true;
	}
	return false;
}

/* ---- one field ---- */

static int take_id(struct reader *r)
{
	struct rules *rules = r->rules;

	if (blocks_bad_id(r->b))
		return -EINVAL;
	for (size_t i = 0; i < rules->n_rules; i++) {
		struct rule *other = &rules->rules[i];

		if (other == r->rule || other->replaced || !other->id ||
		    strcmp(other->id, r->b->value))
			continue;
		if (other->directory == r->rule->directory)
			return blocks_bad(r->b, "there is a '%s' already, at %s:%u", r->b->value,
					  other->file, other->line);
		other->replaced = true;
	}
	r->rule->id = strdup(r->b->value);
	return r->rule->id ? 0 : blocks_no_memory(r->b);
}

static int take_pattern(struct reader *r, enum rule_role role)
{
	struct rules *rules = r->rules;
	char why[256];
	struct rule_pattern *pattern;

	if (!blocks_grow(&rules->patterns, rules->n_patterns, sizeof(*pattern)))
		return blocks_no_memory(r->b);
	pattern = &rules->patterns[rules->n_patterns];
	memset(pattern, 0, sizeof(*pattern));
	if (pattern_fixed(r->b->value, &pattern->fixed, why, sizeof(why)) ||
	    pattern_compile(r->b->value, &pattern->code, why, sizeof(why)))
		return blocks_bad(r->b, "%s", why);
	pattern->role = role;
	pattern->rule = (uint32_t)(r->rule - rules->rules);
	pattern->text = strdup(r->b->value);
	rules->n_patterns++;
	return pattern->text ? 0 : blocks_no_memory(r->b);
}

static int take_step(struct reader *r, bool command)
{
	struct rule *rule = r->rule;
	struct rule_step *step;

	if (!blocks_grow(&rule->steps, rule->n_steps, sizeof(*step)))
		return blocks_no_memory(r->b);
	step = &rule->steps[rule->n_steps++];
	*step = (struct rule_step){ .text = strdup(r->b->value), .command = command };
	return step->text ? 0 : blocks_no_memory(r->b);
}

static int take_else(struct reader *r)
{
	struct rule_step *step;

	if (r->b->before != FIELD_FIX && r->b->before != FIELD_RUN)
		return blocks_bad(r->b, "it must follow a Fix or a Run");
	step = &r->rule->steps[r->rule->n_steps - 1];
	step->instead = strdup(r->b->value);
	return step->instead ? 0 : blocks_no_memory(r->b);
}

static int take_explains(struct reader *r)
{
	char *save, *word = strtok_r(r->b->value, " ,", &save);
	int err = 0;

	for (; !err && word; word = strtok_r(NULL, " ,", &save))
		err = add_string(r, &r->rule->explains, &r->rule->n_explains, word);
	return err;
}

/** take_values() - VALUE[, VALUE...] */
static int take_values(struct reader *r, struct rule_condition *condition, char *list)
{
	char *save, *word = strtok_r(list, ",", &save);
	long long number;
	int err = 0;

	for (; !err && word; word = strtok_r(NULL, ",", &save)) {
		size_t len;

		word += strspn(word, " ");
		for (len = strlen(word); len && word[len - 1] == ' '; len--)
			word[len - 1] = 0;
		if (!*word)
			return blocks_bad(r->b, "a value is empty");
		err = add_string(r, &condition->values, &condition->n_values, word);
	}
	if (!err && !condition->n_values)
		err = blocks_bad(r->b, "a value is empty");
	if (err || condition->compare == RULE_EQUAL || condition->compare == RULE_DIFFERENT)
		return err;
	if (condition->n_values != 1 || !number_read(condition->values[0], &number))
		return blocks_bad(r->b, "< and > compare with one number");
	return 0;
}

/** take_condition() - NAME = VALUE[, VALUE...], or with another comparison */
static int take_condition(struct reader *r, struct rule_condition *condition)
{
	static const char *const signs[] = { "=", "!=", "<", ">" };
	char *save, *name = strtok_r(r->b->value, " ", &save);
	char *sign = strtok_r(NULL, " ", &save), *values = strtok_r(NULL, "", &save);
	unsigned int compare = 0;

	while (sign && compare < 4 && strcmp(sign, signs[compare]))
		compare++;
	if (!name || !sign || !values || compare == 4)
		return blocks_bad(r->b, "write NAME = VALUE, or != < > instead of =");
	condition->compare = (enum rule_compare)compare;
	condition->name = strdup(name);
	return condition->name ? take_values(r, condition, values) : blocks_no_memory(r->b);
}

static int take_fact(struct reader *r, bool needed)
{
	struct rule *rule = r->rule;
	struct rule_fact *fact;
	int err;

	if (!blocks_grow(&rule->facts, rule->n_facts, sizeof(*fact)))
		return blocks_no_memory(r->b);
	fact = &rule->facts[rule->n_facts++];
	memset(fact, 0, sizeof(*fact));
	fact->needed = needed;
	err = take_condition(r, &fact->condition);
	if (!err && !rules_fact_known(fact->condition.name))
		err = blocks_bad(r->b, "unknown fact '%.80s'", fact->condition.name);
	return err;
}

static int take_when(struct reader *r)
{
	struct rule *rule = r->rule;

	if (!blocks_grow(&rule->when, rule->n_when, sizeof(*rule->when)))
		return blocks_no_memory(r->b);
	memset(&rule->when[rule->n_when], 0, sizeof(*rule->when));
	return take_condition(r, &rule->when[rule->n_when++]);
}

/** take_times() - N, or N in T s|min|h */
static int take_times(struct reader *r)
{
	static const struct {
		const char *name;
		unsigned int seconds;
	} units[] = { { "s", 1 }, { "min", 60 }, { "h", 3600 } };
	unsigned int times, time, unit = 0;
	char name[8];
	int end = 0;
	int fields = sscanf(r->b->value, "%9u%n in %5u %7s%n", &times, &end, &time, name, &end);

	while (fields == 3 && unit < 3 && strcmp(name, units[unit].name))
		unit++;
	if ((fields != 1 && fields != 3) || unit == 3 || r->b->value[end] || times < 2)
		return blocks_bad(r->b,
				  "'%.80s' is not a number of lines, 2 or more, such as '3', "
				  "or '3 in 10 min' (s, min, h)",
				  r->b->value);
	r->rule->times = times;
	r->rule->within = fields == 3 ? time * units[unit].seconds : 0;
	return 0;
}

static int take_string(struct reader *r, char **to)
{
	*to = strdup(r->b->value);
	return *to ? 0 : blocks_no_memory(r->b);
}

static int take_field(struct blocks *b, unsigned int field)
{
	struct reader *r = reader_of(b);

	switch (field) {
	case FIELD_ID:
		return take_id(r);
	case FIELD_TITLE:
		return take_string(r, &r->rule->title);
	case FIELD_CAUSE:
		return take_string(r, &r->rule->cause);
	case FIELD_SOURCE:
		return take_string(r, &r->rule->source);
	case FIELD_MATCH:
		return take_pattern(r, RULE_MATCH);
	case FIELD_NEEDS:
		return take_pattern(r, RULE_NEEDS);
	case FIELD_UNLESS:
		return take_pattern(r, RULE_UNLESS);
	case FIELD_UNTIL:
		r->rule->until = true;
		return take_pattern(r, RULE_UNTIL);
	case FIELD_WHEN:
		return take_when(r);
	case FIELD_TIMES:
		return take_times(r);
	case FIELD_PER:
		return take_string(r, &r->rule->per);
	case FIELD_FIX:
	case FIELD_RUN:
		return take_step(r, field == FIELD_RUN);
	case FIELD_ELSE:
		return take_else(r);
	case FIELD_EXPLAINS:
		return take_explains(r);
	case FIELD_CONFIRM:
	case FIELD_NEEDS_FACT:
		return take_fact(r, field == FIELD_NEEDS_FACT);
	case FIELD_EXAMPLE:
		return add_string(r, &r->rule->examples, &r->rule->n_examples, r->b->value);
	case FIELD_COUNTEREXAMPLE:
		return add_string(r, &r->rule->counterexamples, &r->rule->n_counterexamples,
				  r->b->value);
	case FIELD_LAST:
		if (strcmp(r->b->value, "yes"))
			return blocks_bad(r->b, "the only value is 'yes'");
		r->rule->last = true;
		return 0;
	default:
		return 0;
	}
}

/* ---- blocks ---- */

/** captured() - does a pattern of the current rule capture something of this name? */
static bool captured(const struct reader *r, const char *name)
{
	for (size_t i = r->first; i < r->rules->n_patterns; i++)
		if (r->rules->patterns[i].role != RULE_UNLESS &&
		    r->rules->patterns[i].role != RULE_UNTIL &&
		    pattern_has(r->rules->patterns[i].code, name))
			return true;
	return false;
}

/** certain() - is it captured whenever the rule holds, by all of Match or one of Needs? */
static bool certain(const struct reader *r, const char *name)
{
	bool all = true;

	for (size_t i = r->first; i < r->rules->n_patterns; i++) {
		const struct rule_pattern *pattern = &r->rules->patterns[i];
		bool has = pattern_has(pattern->code, name);

		if (pattern->role == RULE_NEEDS && has)
			return true;
		if (pattern->role == RULE_MATCH)
			all &= has;
	}
	return all;
}

/**
 * check_names() - each {name} of a text must be captured by a pattern, or be a fact
 * @always:	the text is always shown: a name that may be unknown must say what stands for it
 */
static int check_names(struct reader *r, const char *field, const char *text, bool always)
{
	struct blocks_name name;

	for (; (text = strchr(text, '{')); text++) {
		if (!blocks_name(text, &name))
			continue;
		if (!captured(r, name.name) && !rules_fact_known(name.name))
			return blocks_mistake(
				r->b, r->rule->line,
				"%s: {%s} is neither captured by a pattern of this rule nor a fact",
				field, name.name);
		if (always && !name.words && !certain(r, name.name))
			return blocks_mistake(r->b, r->rule->line,
					      "%s: {%s} may be unknown: write {%s|other words}",
					      field, name.name, name.name);
	}
	return 0;
}

/** is_sure() - is a step told in any case? A name in a command may turn out to be unsafe there */
static bool is_sure(const struct reader *r, const struct rule_step *step)
{
	const char *text = step->text;
	struct blocks_name name;

	if (step->instead)
		return true;
	for (; (text = strchr(text, '{')); text++)
		if (blocks_name(text, &name) && !name.words &&
		    (step->command || !certain(r, name.name)))
			return false;
	return true;
}

/** check_steps() - one of them must be left, whatever is known */
static int check_steps(struct reader *r)
{
	const struct rule *rule = r->rule;
	bool some = false;
	int err = 0;

	for (size_t i = 0; !err && i < rule->n_steps; i++) {
		const struct rule_step *step = &rule->steps[i];

		err = check_names(r, step->command ? "Run" : "Fix", step->text, false);
		if (!err && step->instead)
			err = check_names(r, "Else", step->instead, true);
		some |= is_sure(r, step);
	}
	if (!err && !some)
		err = blocks_mistake(r->b, rule->line,
				     "each step has a name that may be unknown: add an Else");
	return err;
}

/** check_when() - a condition on what nothing captures would never apply */
static int check_when(struct reader *r)
{
	for (size_t i = 0; i < r->rule->n_when; i++)
		if (!captured(r, r->rule->when[i].name))
			return blocks_mistake(r->b, r->rule->line,
					      "When: no pattern of this rule captures '%.80s'%s",
					      r->rule->when[i].name,
					      rules_fact_known(r->rule->when[i].name)
						      ? "; for a fact write Needs-Fact"
						      : "");
	return 0;
}

/** check_per() - lines are counted by what each Match pattern captures */
static int check_per(struct reader *r)
{
	const struct rule *rule = r->rule;

	if ((rule->per || rule->within) && rule->times > TALLY_MOST)
		return blocks_mistake(r->b, rule->line,
				      "Times: at most %u with Per, or in some time", TALLY_MOST);
	if (!rule->per)
		return 0;
	if (!rule->times && !rule->until)
		return blocks_mistake(r->b, rule->line, "Per: it needs a Times or an Until");
	for (size_t i = r->first; i < r->rules->n_patterns; i++)
		if (r->rules->patterns[i].role == RULE_MATCH &&
		    !pattern_has(r->rules->patterns[i].code, rule->per))
			return blocks_mistake(r->b, rule->line,
					      "Per: '%.80s' does not capture '%.80s'",
					      r->rules->patterns[i].text, rule->per);
	return 0;
}

/** end_block() - the rule is complete: do its fields fit together? */
static int end_block(struct blocks *b)
{
	struct reader *r = reader_of(b);
	const struct rule *rule = r->rule;
	int err = 0;

	for (int f = 0; !err && f < FIELDS; f++)
		if (field_kinds[f].needed && !r->b->seen[f] &&
		    (f != FIELD_FIX || !r->b->seen[FIELD_RUN]))
			err = blocks_mistake(r->b, rule->line, "this rule has no field %s",
					     field_kinds[f].name);
	if (!err)
		err = check_names(r, "Title", rule->title, true);
	if (!err)
		err = check_names(r, "Cause", rule->cause, true);
	if (!err)
		err = check_steps(r);
	if (!err)
		err = check_when(r);
	if (!err)
		err = check_per(r);
	return err;
}

struct rule *rules_add(struct rules *rules)
{
	struct rule *rule;

	if (rules->n_rules == RULES_MAX ||
	    !blocks_grow(&rules->rules, rules->n_rules, sizeof(*rules->rules)))
		return NULL;
	rule = &rules->rules[rules->n_rules++];
	memset(rule, 0, sizeof(*rule));
	rule->directory = rules->directories;
	return rule;
}

static int begin_block(struct blocks *b)
{
	struct reader *r = reader_of(b);

	if (r->rules->n_rules == RULES_MAX)
		return blocks_mistake(b, b->line, "there are more than %u rules", RULES_MAX);
	r->rule = rules_add(r->rules);
	if (!r->rule)
		return blocks_no_memory(b);
	r->rule->line = b->line;
	r->rule->file = strdup(b->name);
	r->first = r->rules->n_patterns;
	return r->rule->file ? 0 : blocks_no_memory(b);
}

int rules_read(struct rules *rules, const char *name, const char *text, size_t len,
	       struct error *error)
{
	static const struct blocks_format format = { field_kinds, FIELDS, begin_block, take_field,
						     end_block };
	struct reader r = { .rules = rules };

	return blocks_read(&format, &r, name, text, len, error);
}
