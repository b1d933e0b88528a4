/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a file of rules is blocks of "Field: value" lines, as Debian's control
 * files are: an empty line ends a block, a line that begins with a blank continues the
 * value, # begins a comment line. The reader is strict, since a misspelt field would be a rule
 * that never holds: every mistake is refused with its file and line.
 */
#include "host/diagnosis/rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/diagnosis/numbers.h"
#include "host/diagnosis/pattern.h"
#include "host/diagnosis/tally.h"

#define LINE_BYTES 2000u
#define RULES_MAX  4096u

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

/**
 * field_kinds - what is known of each field
 * @many:	it may come more than once
 * @needed:	each rule has it
 * @lines:	continuation lines stay lines; else they are joined with blanks
 */
static const struct {
	const char *name;
	bool many, needed, lines;
} field_kinds[FIELDS] = {
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
	"hugetlb.limit",
	"module.",
	"install:",
};

/**
 * struct reader - a file that is being read
 * @line:	number of the line, from 1
 * @rule:	the block we are in; NULL between blocks
 * @first:	number of its first pattern
 * @seen:	fields that it has
 * @field, @field_line: the field we are in; FIELDS: none
 * @before:	the field before it
 * @value:	of that field, as far as it goes
 */
struct reader {
	struct rules *rules;
	const char *name;
	unsigned int line;
	struct rule *rule;
	size_t first;
	bool seen[FIELDS];
	enum field field, before;
	unsigned int field_line;
	char *value;
	size_t len;
	struct error *error;
};

__attribute__((format(printf, 3, 4))) static int mistake(struct reader *r, unsigned int line,
							 const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	error_say(r->error, "%.200s:%u: %s", r->name, line, text);
	return -EINVAL;
}

static int no_memory(struct error *error)
{
	return error_fail(error, -ENOMEM, "out of memory");
}

/** grow() - room for one more at the end of an array; false if there is no memory */
static bool grow(void *array, size_t n, size_t size)
{
	void **at = array, *bigger;

	/* At each power of two */
	if (n & (n - 1))
		return true;
	bigger = reallocarray(*at, n ? 2 * n : 1, size);
	if (!bigger)
		return false;
	memset((char *)bigger + n * size, 0, (n ? n : 1) * size);
	*at = bigger;
	return true;
}

static int add_string(struct reader *r, char ***list, size_t *n, const char *text)
{
	if (!grow(list, *n, sizeof(**list)))
		return no_memory(r->error);
	(*list)[*n] = strdup(text);
	if (!(*list)[*n])
		return no_memory(r->error);
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

	if (r->value[strspn(r->value, "abcdefghijklmnopqrstuvwxyz0123456789-")] || r->len > 63)
		return mistake(r, r->field_line,
			       "Id: '%.80s' must be at most 63 lower-case letters, digits and -",
			       r->value);
	for (size_t i = 0; i < rules->n_rules; i++) {
		struct rule *other = &rules->rules[i];

		if (other == r->rule || other->replaced || !other->id ||
		    strcmp(other->id, r->value))
			continue;
		if (other->directory == r->rule->directory)
			return mistake(r, r->field_line, "Id: there is a '%s' already, at %s:%u",
				       r->value, other->file, other->line);
		other->replaced = true;
	}
	r->rule->id = strdup(r->value);
	return r->rule->id ? 0 : no_memory(r->error);
}

static int take_pattern(struct reader *r, enum rule_role role)
{
	struct rules *rules = r->rules;
	char why[256];
	struct rule_pattern *pattern;

	if (!grow(&rules->patterns, rules->n_patterns, sizeof(*pattern)))
		return no_memory(r->error);
	pattern = &rules->patterns[rules->n_patterns];
	memset(pattern, 0, sizeof(*pattern));
	if (pattern_fixed(r->value, &pattern->fixed, why, sizeof(why)) ||
	    pattern_compile(r->value, &pattern->code, why, sizeof(why)))
		return mistake(r, r->field_line, "%s: %s", field_kinds[r->field].name, why);
	pattern->role = role;
	pattern->rule = (uint32_t)(r->rule - rules->rules);
	pattern->text = strdup(r->value);
	rules->n_patterns++;
	return pattern->text ? 0 : no_memory(r->error);
}

static int take_step(struct reader *r, bool command)
{
	struct rule *rule = r->rule;
	struct rule_step *step;

	if (!grow(&rule->steps, rule->n_steps, sizeof(*step)))
		return no_memory(r->error);
	step = &rule->steps[rule->n_steps++];
	*step = (struct rule_step){ .text = strdup(r->value), .command = command };
	return step->text ? 0 : no_memory(r->error);
}

static int take_else(struct reader *r)
{
	struct rule_step *step;

	if (r->before != FIELD_FIX && r->before != FIELD_RUN)
		return mistake(r, r->field_line, "Else: it must follow a Fix or a Run");
	step = &r->rule->steps[r->rule->n_steps - 1];
	step->instead = strdup(r->value);
	return step->instead ? 0 : no_memory(r->error);
}

static int take_explains(struct reader *r)
{
	char *save, *word = strtok_r(r->value, " ,", &save);
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
			return mistake(r, r->field_line, "%s: a value is empty",
				       field_kinds[r->field].name);
		err = add_string(r, &condition->values, &condition->n_values, word);
	}
	if (!err && !condition->n_values)
		err = mistake(r, r->field_line, "%s: a value is empty", field_kinds[r->field].name);
	if (err || condition->compare == RULE_EQUAL || condition->compare == RULE_DIFFERENT)
		return err;
	if (condition->n_values != 1 || !number_read(condition->values[0], &number))
		return mistake(r, r->field_line, "%s: < and > compare with one number",
			       field_kinds[r->field].name);
	return 0;
}

/** take_condition() - NAME = VALUE[, VALUE...], or with another comparison */
static int take_condition(struct reader *r, struct rule_condition *condition)
{
	static const char *const signs[] = { "=", "!=", "<", ">" };
	char *save, *name = strtok_r(r->value, " ", &save);
	char *sign = strtok_r(NULL, " ", &save), *values = strtok_r(NULL, "", &save);
	unsigned int compare = 0;

	while (sign && compare < 4 && strcmp(sign, signs[compare]))
		compare++;
	if (!name || !sign || !values || compare == 4)
		return mistake(r, r->field_line, "%s: write NAME = VALUE, or != < > instead of =",
			       field_kinds[r->field].name);
	condition->compare = (enum rule_compare)compare;
	condition->name = strdup(name);
	return condition->name ? take_values(r, condition, values) : no_memory(r->error);
}

static int take_fact(struct reader *r, bool needed)
{
	struct rule *rule = r->rule;
	struct rule_fact *fact;
	int err;

	if (!grow(&rule->facts, rule->n_facts, sizeof(*fact)))
		return no_memory(r->error);
	fact = &rule->facts[rule->n_facts++];
	memset(fact, 0, sizeof(*fact));
	fact->needed = needed;
	err = take_condition(r, &fact->condition);
	if (!err && !rules_fact_known(fact->condition.name))
		err = mistake(r, r->field_line, "%s: unknown fact '%.80s'",
			      field_kinds[r->field].name, fact->condition.name);
	return err;
}

static int take_when(struct reader *r)
{
	struct rule *rule = r->rule;

	if (!grow(&rule->when, rule->n_when, sizeof(*rule->when)))
		return no_memory(r->error);
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
	int fields = sscanf(r->value, "%9u%n in %5u %7s%n", &times, &end, &time, name, &end);

	while (fields == 3 && unit < 3 && strcmp(name, units[unit].name))
		unit++;
	if ((fields != 1 && fields != 3) || unit == 3 || r->value[end] || times < 2)
		return mistake(r, r->field_line,
			       "Times: '%.80s' is not a number of lines, 2 or more, such as '3', "
			       "or '3 in 10 min' (s, min, h)",
			       r->value);
	r->rule->times = times;
	r->rule->within = fields == 3 ? time * units[unit].seconds : 0;
	return 0;
}

static int take_string(struct reader *r, char **to)
{
	*to = strdup(r->value);
	return *to ? 0 : no_memory(r->error);
}

/** take_field() - the field we were in is complete */
static int take_field(struct reader *r)
{
	enum field field = r->field;

	if (field == FIELDS)
		return 0;
	while (r->len && isspace((unsigned char)r->value[r->len - 1]))
		r->value[--r->len] = 0;
	if (!r->len)
		return mistake(r, r->field_line, "%s is empty", field_kinds[field].name);
	r->seen[field] = true;
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
		return add_string(r, &r->rule->examples, &r->rule->n_examples, r->value);
	case FIELD_COUNTEREXAMPLE:
		return add_string(r, &r->rule->counterexamples, &r->rule->n_counterexamples,
				  r->value);
	case FIELD_LAST:
		if (strcmp(r->value, "yes"))
			return mistake(r, r->field_line, "Last-Resort: the only value is 'yes'");
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
	struct rule_name name;

	for (; (text = strchr(text, '{')); text++) {
		if (!rules_name(text, &name))
			continue;
		if (!captured(r, name.name) && !rules_fact_known(name.name))
			return mistake(
				r, r->rule->line,
				"%s: {%s} is neither captured by a pattern of this rule nor a fact",
				field, name.name);
		if (always && !name.words && !certain(r, name.name))
			return mistake(r, r->rule->line,
				       "%s: {%s} may be unknown: write {%s|other words}", field,
				       name.name, name.name);
	}
	return 0;
}

/** is_sure() - is a step told in any case? A name in a command may turn out to be unsafe there */
static bool is_sure(const struct reader *r, const struct rule_step *step)
{
	const char *text = step->text;
	struct rule_name name;

	if (step->instead)
		return true;
	for (; (text = strchr(text, '{')); text++)
		if (rules_name(text, &name) && !name.words &&
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
		err = mistake(r, rule->line,
			      "each step has a name that may be unknown: add an Else");
	return err;
}

/** check_when() - a condition on what nothing captures would never apply */
static int check_when(struct reader *r)
{
	for (size_t i = 0; i < r->rule->n_when; i++)
		if (!captured(r, r->rule->when[i].name))
			return mistake(r, r->rule->line,
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
		return mistake(r, rule->line, "Times: at most %u with Per, or in some time",
			       TALLY_MOST);
	if (!rule->per)
		return 0;
	if (!rule->times && !rule->until)
		return mistake(r, rule->line, "Per: it needs a Times or an Until");
	for (size_t i = r->first; i < r->rules->n_patterns; i++)
		if (r->rules->patterns[i].role == RULE_MATCH &&
		    !pattern_has(r->rules->patterns[i].code, rule->per))
			return mistake(r, rule->line, "Per: '%.80s' does not capture '%.80s'",
				       r->rules->patterns[i].text, rule->per);
	return 0;
}

/** end_block() - the rule is complete */
static int end_block(struct reader *r)
{
	struct rule *rule = r->rule;
	int err;

	if (!rule)
		return 0;
	err = take_field(r);
	for (int f = 0; !err && f < FIELDS; f++)
		if (field_kinds[f].needed && !r->seen[f] && (f != FIELD_FIX || !r->seen[FIELD_RUN]))
			err = mistake(r, rule->line, "this rule has no field %s",
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
	r->rule = NULL;
	r->field = FIELDS;
	return err;
}

struct rule *rules_add(struct rules *rules)
{
	struct rule *rule;

	if (rules->n_rules == RULES_MAX ||
	    !grow(&rules->rules, rules->n_rules, sizeof(*rules->rules)))
		return NULL;
	rule = &rules->rules[rules->n_rules++];
	memset(rule, 0, sizeof(*rule));
	rule->directory = rules->directories;
	return rule;
}

static int begin_block(struct reader *r)
{
	struct rules *rules = r->rules;

	if (rules->n_rules == RULES_MAX)
		return mistake(r, r->line, "there are more than %u rules", RULES_MAX);
	r->rule = rules_add(rules);
	if (!r->rule)
		return no_memory(r->error);
	r->rule->line = r->line;
	r->rule->file = strdup(r->name);
	r->first = rules->n_patterns;
	memset(r->seen, 0, sizeof(r->seen));
	r->field = FIELDS;
	r->before = FIELDS;
	return r->rule->file ? 0 : no_memory(r->error);
}

/** add_value() - more of the field's value */
static int add_value(struct reader *r, const char *text, size_t len)
{
	char *bigger = realloc(r->value, r->len + len + 2);

	if (!bigger)
		return no_memory(r->error);
	r->value = bigger;
	if (r->len)
		r->value[r->len++] = field_kinds[r->field].lines ? '\n' : ' ';
	memcpy(r->value + r->len, text, len);
	r->len += len;
	r->value[r->len] = 0;
	return 0;
}

/** begin_field() - a line "Name: value" */
static int begin_field(struct reader *r, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value;
	int err = 0, field = 0;

	if (!colon)
		return mistake(r, r->line, "expected 'Field: value', a comment, or an empty line");
	if (!r->rule)
		err = begin_block(r);
	if (!err)
		err = take_field(r);
	if (err)
		return err;
	while (field < FIELDS && (strlen(field_kinds[field].name) != (size_t)(colon - line) ||
				  memcmp(field_kinds[field].name, line, (size_t)(colon - line))))
		field++;
	if (field == FIELDS)
		return mistake(r, r->line, "unknown field '%.*s'",
			       colon - line < 40 ? (int)(colon - line) : 40, line);
	if (r->seen[field] && !field_kinds[field].many)
		return mistake(r, r->line, "duplicate %s", field_kinds[field].name);
	r->before = r->field;
	r->field = (enum field)field;
	r->field_line = r->line;
	r->len = 0;
	value = colon + 1;
	while (value < line + len && (*value == ' ' || *value == '\t'))
		value++;
	return add_value(r, value, (size_t)(line + len - value));
}

/** read_line() - without its line feed */
static int read_line(struct reader *r, const char *line, size_t len)
{
	size_t blanks = 0;

	if (len > LINE_BYTES)
		return mistake(r, r->line, "the line is longer than %u bytes", LINE_BYTES);
	if (memchr(line, 0, len) || memchr(line, '\r', len))
		return mistake(r, r->line, "not a Unix text file");
	while (blanks < len && (line[blanks] == ' ' || line[blanks] == '\t'))
		blanks++;
	if (blanks == len)
		return end_block(r);
	if (line[0] == '#')
		return 0;
	if (!blanks)
		return begin_field(r, line, len);
	if (!r->rule || r->field == FIELDS)
		return mistake(r, r->line,
			       "a line that begins with a blank continues "
			       "a field, but there is no field before it");
	/* In lines that stay lines, only the first blank is not part of the text. */
	if (field_kinds[r->field].lines)
		blanks = 1;
	return add_value(r, line + blanks, len - blanks);
}

int rules_read(struct rules *rules, const char *name, const char *text, size_t len,
	       struct error *error)
{
	struct reader r = { .rules = rules, .name = name, .field = FIELDS, .error = error };
	const char *end = text + len;
	int err = 0;

	while (!err && text < end) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));

		r.line++;
		err = read_line(&r, text, (size_t)((feed ? feed : end) - text));
		text = feed ? feed + 1 : end;
	}
	if (!err)
		err = end_block(&r);
	free(r.value);
	return err;
}
