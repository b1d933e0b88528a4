/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/known/bugs.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"

#define BUGS_MAX   1024u
#define LINE_LEAST 4u /* characters of a text that the log must have */

enum field {
	FIELD_ID,
	FIELD_TITLE,
	FIELD_MODULE,
	FIELD_CRASH,
	FIELD_SINCE,
	FIELD_MENDED,
	FIELD_MAYBE,
	FIELD_KERNELS,
	FIELD_MENDED_KERNELS,
	FIELD_BEFORE,
	FIELD_WARNING,
	FIELD_CAUSE,
	FIELD_FIX,
	FIELD_RUN,
	FIELD_EXPLAINS,
	FIELD_SOURCE,
	FIELD_EXAMPLE,
	FIELD_COUNTEREXAMPLE,
	FIELDS,
};
static_assert(FIELDS <= BLOCKS_FIELDS, "a field each");

static const struct blocks_field field_kinds[FIELDS] = {
	[FIELD_ID] = { "Id", false, true, false },
	[FIELD_TITLE] = { "Title", false, true, false },
	[FIELD_MODULE] = { "Module", false, false, false },
	[FIELD_CRASH] = { "Crash", true, true, false },
	[FIELD_SINCE] = { "Since", false, false, false },
	[FIELD_MENDED] = { "Mended", false, false, false },
	[FIELD_MAYBE] = { "Maybe-Mended", false, false, false },
	[FIELD_KERNELS] = { "Kernels", false, false, false },
	[FIELD_MENDED_KERNELS] = { "Mended-Kernels", false, false, false },
	[FIELD_BEFORE] = { "Before", false, false, false },
	[FIELD_WARNING] = { "Warning", false, false, false },
	[FIELD_CAUSE] = { "Cause", false, true, false },
	[FIELD_FIX] = { "Fix", true, true, false },
	[FIELD_RUN] = { "Run", true, false, false },
	[FIELD_EXPLAINS] = { "Explains", false, false, false },
	[FIELD_SOURCE] = { "Source", false, true, false },
	[FIELD_EXAMPLE] = { "Example", true, true, true },
	[FIELD_COUNTEREXAMPLE] = { "Counterexample", true, false, true },
};

/**
 * struct reader - a file that is being read
 * @bug:	the block we are in
 */
struct reader {
	struct blocks *b;
	struct bugs *bugs;
	struct bug *bug;
};

/** reader_of() - whose file it is */
static struct reader *reader_of(struct blocks *b)
{
	struct reader *r = b->arg;

	r->b = b;
	return r;
}

static int add_word(struct reader *r, struct bug_words *words, const char *text)
{
	if (!blocks_grow(&words->word, words->n, sizeof(*words->word)))
		return blocks_no_memory(r->b);
	words->word[words->n] = strdup(text);
	if (!words->word[words->n])
		return blocks_no_memory(r->b);
	words->n++;
	return 0;
}

/** take_words() - words with blanks or commas between them */
static int take_words(struct reader *r, char *text, struct bug_words *words)
{
	char *save, *word = strtok_r(text, " ,", &save);
	int err = 0;

	for (; !err && word; word = strtok_r(NULL, " ,", &save))
		err = add_word(r, words, word);
	return err;
}

static int take_string(struct reader *r, const char *text, char **to)
{
	*to = strdup(text);
	return *to ? 0 : blocks_no_memory(r->b);
}

/* ---- one field ---- */

static int take_id(struct reader *r)
{
	struct bugs *bugs = r->bugs;

	if (blocks_bad_id(r->b))
		return -EINVAL;
	for (size_t i = 0; i < bugs->n; i++) {
		struct bug *other = &bugs->bug[i];

		if (other == r->bug || other->replaced || !other->id ||
		    strcmp(other->id, r->b->value))
			continue;
		if (other->text == r->bug->text)
			return blocks_bad(r->b, "there is a '%s' already, at %s:%u", r->b->value,
					  other->file, other->line);
		other->replaced = true;
	}
	return take_string(r, r->b->value, &r->bug->id);
}

/** take_point() - A.B of mainline, or A.B.C of a stable series */
static int take_point(struct reader *r, const char *word, struct bug_point *point)
{
	int end = 0;

	if (sscanf(word, "%4u.%5u.%5u%n", &point->major, &point->minor, &point->patch, &end) == 3 &&
	    end && !word[end])
		return 0;
	end = 0;
	point->mainline = true;
	if (sscanf(word, "%4u.%5u%n", &point->major, &point->minor, &end) == 2 && end && !word[end])
		return 0;
	return blocks_bad(
		r->b,
		"'%.40s' is no release: write 6.16 for mainline from there on, 6.12.59 for "
		"that stable series from there on",
		word);
}

/** take_points() - releases, from the lowest to the highest */
static int take_points(struct reader *r, struct bug_point **points, size_t *n)
{
	char *save, *word = strtok_r(r->b->value, " ,", &save);
	int err = 0;

	for (; !err && word; word = strtok_r(NULL, " ,", &save)) {
		struct bug_point *point, *before;

		if (!blocks_grow(points, *n, sizeof(**points)))
			return blocks_no_memory(r->b);
		point = &(*points)[*n];
		before = *n ? point - 1 : NULL;
		err = take_point(r, word, point);
		if (!err && before &&
		    (before->mainline || point->major < before->major ||
		     (point->major == before->major && point->minor <= before->minor)))
			err = blocks_bad(
				r->b,
				"'%.40s' is out of order: stable series from the lowest to the "
				"highest, then mainline",
				word);
		++*n;
	}
	return err;
}

static int take_before(struct reader *r)
{
	char *save, *word = strtok_r(r->b->value, " ,", &save);

	for (; word; word = strtok_r(NULL, " ,", &save)) {
		if (!strcmp(word, "setup"))
			r->bug->before |= BUG_BEFORE_SETUP;
		else if (!strcmp(word, "restore"))
			r->bug->before |= BUG_BEFORE_RESTORE;
		else
			return blocks_bad(r->b, "'%.40s' is neither setup nor restore", word);
	}
	return 0;
}

/** take_kinds() - words for kinds of crashes, as bits */
static int take_kinds(struct reader *r, char *text, unsigned int *kinds)
{
	static const char *const names[CRASH_KINDS] = {
		[CRASH_OOPS] = "oops",
		[CRASH_WARNING] = "warning",
		[CRASH_HANG] = "hang",
		[CRASH_CUT] = "cut",
	};
	char *save, *word = strtok_r(text, " ,", &save);

	*kinds = 0;
	for (; word; word = strtok_r(NULL, " ,", &save)) {
		unsigned int kind = 0;

		while (kind < CRASH_KINDS && strcmp(word, names[kind]))
			kind++;
		if (kind == CRASH_KINDS)
			return blocks_bad(r->b, "'%.40s' is none of oops, warning, hang, cut",
					  word);
		*kinds |= 1u << kind;
	}
	return *kinds ? 0 : blocks_bad(r->b, "no kind is named: oops, warning, hang, cut");
}

/** take_part() - "at F...", "trace F...", "kind K...", "any K..." or "line TEXT" of a crash */
static int take_part(struct reader *r, struct bug_crash *crash, char *part)
{
	size_t len = strcspn(part, " ");
	char *rest = part + len;

	rest += strspn(rest, " ");
	for (size_t end = strlen(rest); end && rest[end - 1] == ' '; end--)
		rest[end - 1] = 0;
	if (!*rest)
		return blocks_bad(r->b, "'%.40s' has nothing after it", part);
	if (len == 2 && !strncmp(part, "at", len))
		return take_words(r, rest, &crash->at);
	if (len == 5 && !strncmp(part, "trace", len))
		return take_words(r, rest, &crash->trace);
	if (len == 4 && !strncmp(part, "kind", len))
		return take_kinds(r, rest, &crash->kinds);
	crash->any = len == 3 && !strncmp(part, "any", len);
	if (crash->any)
		return take_kinds(r, rest, &crash->kinds);
	if (len != 4 || strncmp(part, "line", len))
		return blocks_bad(r->b, "'%.40s' is none of at, trace, kind, line, any", part);
	if (crash->line)
		return blocks_bad(r->b, "there are two lines");
	if (strlen(rest) < LINE_LEAST)
		return blocks_bad(r->b, "a line must have at least %u characters", LINE_LEAST);
	return take_string(r, rest, &crash->line);
}

static int take_crash(struct reader *r)
{
	char *save, *part = strtok_r(r->b->value, ";", &save);
	struct bug *bug = r->bug;
	struct bug_crash *crash;
	int err = 0;

	if (!blocks_grow(&bug->crash, bug->n_crashes, sizeof(*bug->crash)))
		return blocks_no_memory(r->b);
	crash = &bug->crash[bug->n_crashes++];
	crash->kinds = (1u << CRASH_KINDS) - 1;
	for (; !err && part; part = strtok_r(NULL, ";", &save)) {
		part += strspn(part, " ");
		if (*part)
			err = take_part(r, crash, part);
	}
	if (!err && !crash->any && !crash->at.n && !crash->trace.n)
		err = blocks_bad(
			r->b,
			"name a function: 'at F' where it happens, or 'trace F' on the stack");
	return err;
}

static int take_fix(struct reader *r, bool command)
{
	struct bug *bug = r->bug;

	if (!blocks_grow(&bug->command, bug->fix.n, sizeof(*bug->command)))
		return blocks_no_memory(r->b);
	bug->command[bug->fix.n] = command;
	return add_word(r, &bug->fix, r->b->value);
}

static int take_field(struct blocks *b, unsigned int field)
{
	struct reader *r = reader_of(b);
	struct bug *bug = r->bug;

	switch (field) {
	case FIELD_ID:
		return take_id(r);
	case FIELD_TITLE:
		return take_string(r, r->b->value, &bug->title);
	case FIELD_MODULE:
		return take_string(r, r->b->value, &bug->module);
	case FIELD_CRASH:
		return take_crash(r);
	case FIELD_SINCE:
		return take_points(r, &bug->since, &bug->n_since);
	case FIELD_MENDED:
		return take_points(r, &bug->mended, &bug->n_mended);
	case FIELD_MAYBE:
		return take_points(r, &bug->maybe, &bug->n_maybe);
	case FIELD_KERNELS:
		return take_words(r, r->b->value, &bug->kernels);
	case FIELD_MENDED_KERNELS:
		return take_words(r, r->b->value, &bug->mended_kernels);
	case FIELD_BEFORE:
		return take_before(r);
	case FIELD_WARNING:
		return take_string(r, r->b->value, &bug->warning);
	case FIELD_CAUSE:
		return take_string(r, r->b->value, &bug->cause);
	case FIELD_FIX:
	case FIELD_RUN:
		return take_fix(r, field == FIELD_RUN);
	case FIELD_EXPLAINS:
		return take_words(r, r->b->value, &bug->explains);
	case FIELD_SOURCE:
		return take_string(r, r->b->value, &bug->source);
	case FIELD_EXAMPLE:
		return add_word(r, &bug->examples, r->b->value);
	case FIELD_COUNTEREXAMPLE:
		return add_word(r, &bug->counterexamples, r->b->value);
	default:
		return 0;
	}
}

/* ---- blocks ---- */

/** check_names() - a text may have names of what a crash and what a machine is known by */
static int check_names(struct reader *r, const char *field, const char *text)
{
	static const char *const names[] = { "module",  "function", "kernel",    "mended",
					     "whether", "install:", "interface", "vf",
					     "pci",     "mac",      "uuid" };
	struct blocks_name name;

	for (; (text = strchr(text, '{')); text++) {
		size_t i = 0;

		if (!blocks_name(text, &name))
			continue;
		/* Of what is to be installed the rules know the names. */
		while (i < sizeof(names) / sizeof(names[0]) && strcmp(name.name, names[i]) &&
		       (names[i][strlen(names[i]) - 1] != ':' ||
			strncmp(name.name, names[i], strlen(names[i]))))
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			return blocks_mistake(r->b, r->bug->line,
					      "%s: {%s} is no name that a bug has", field,
					      name.name);
	}
	return 0;
}

/** end_block() - the bug is complete: do its fields fit together? */
static int end_block(struct blocks *b)
{
	struct reader *r = reader_of(b);
	struct bug *bug = r->bug;
	bool any = false;
	int err = 0;

	for (int f = 0; f < FIELDS; f++)
		if (field_kinds[f].needed && !r->b->seen[f])
			return blocks_mistake(r->b, bug->line, "this bug has no field %s",
					      field_kinds[f].name);
	for (size_t i = 0; i < bug->n_crashes; i++)
		any |= bug->crash[i].any;
	if (!any && (!r->b->seen[FIELD_SINCE] || !r->b->seen[FIELD_MODULE]))
		return blocks_mistake(r->b, bug->line, "this bug has no field %s",
				      r->b->seen[FIELD_SINCE] ? "Module" : "Since");
	if (r->b->seen[FIELD_BEFORE] != r->b->seen[FIELD_WARNING])
		return blocks_mistake(r->b, bug->line, "Before and Warning belong together");
	err = check_names(r, "Title", bug->title);
	if (!err)
		err = check_names(r, "Cause", bug->cause);
	for (size_t i = 0; !err && i < bug->fix.n; i++)
		err = check_names(r, bug->command[i] ? "Run" : "Fix", bug->fix.word[i]);
	return err;
}

static int begin_block(struct blocks *b)
{
	struct reader *r = reader_of(b);
	struct bugs *bugs = r->bugs;

	if (bugs->n == BUGS_MAX)
		return blocks_mistake(b, b->line, "there are more than %u bugs", BUGS_MAX);
	if (!blocks_grow(&bugs->bug, bugs->n, sizeof(*bugs->bug)))
		return blocks_no_memory(b);
	r->bug = &bugs->bug[bugs->n++];
	r->bug->text = bugs->texts;
	r->bug->line = b->line;
	return take_string(r, b->name, &r->bug->file);
}

int bugs_read(struct bugs *bugs, const char *name, const char *text, size_t len,
	      struct error *error)
{
	static const struct blocks_format format = { field_kinds, FIELDS, begin_block, take_field,
						     end_block };
	struct reader r = { .bugs = bugs };

	bugs->texts++;
	return blocks_read(&format, &r, name, text, len, error);
}
