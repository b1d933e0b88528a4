/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the file is blocks of "Field: value" lines, in the style of the diagnosis's
 * rules: an empty line ends a block, a line that begins with a blank continues the value, # begins
 * a comment line. Every mistake is refused with its file and line: a misspelt field would be a bug
 * that is never told.
 */
#include "host/known/bugs.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 2000u
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

/**
 * field_kinds - what is known of each field
 * @many:	it may come more than once
 * @needed:	each bug has it
 * @lines:	continuation lines stay lines; else they are joined with blanks
 */
static const struct {
	const char *name;
	bool many, needed, lines;
} field_kinds[FIELDS] = {
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
 * @line:	number of the line, from 1
 * @bug:	the block we are in; NULL between blocks
 * @seen:	fields that it has
 * @field, @field_line: the field we are in; FIELDS: none
 * @value:	of that field, as far as it goes
 */
struct reader {
	struct bugs *bugs;
	const char *name;
	unsigned int line;
	struct bug *bug;
	bool seen[FIELDS];
	enum field field;
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

/** bad() - a mistake in the value of the current field */
__attribute__((format(printf, 2, 3))) static int bad(struct reader *r, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return mistake(r, r->field_line, "%s: %s", field_kinds[r->field].name, text);
}

static int no_memory(struct reader *r)
{
	return error_fail(r->error, -ENOMEM, "out of memory");
}

/** grow() - room for one more at the end of an array, cleared; false if there is no memory */
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

static int add_word(struct reader *r, struct bug_words *words, const char *text)
{
	if (!grow(&words->word, words->n, sizeof(*words->word)))
		return no_memory(r);
	words->word[words->n] = strdup(text);
	if (!words->word[words->n])
		return no_memory(r);
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
	return *to ? 0 : no_memory(r);
}

/* ---- one field ---- */

static int take_id(struct reader *r)
{
	struct bugs *bugs = r->bugs;

	if (r->value[strspn(r->value, "abcdefghijklmnopqrstuvwxyz0123456789-")] || r->len > 63)
		return bad(r, "'%.80s' must be at most 63 lower-case letters, digits and -",
			   r->value);
	for (size_t i = 0; i < bugs->n; i++) {
		struct bug *other = &bugs->bug[i];

		if (other == r->bug || other->replaced || !other->id || strcmp(other->id, r->value))
			continue;
		if (other->text == r->bug->text)
			return bad(r, "there is a '%s' already, at %s:%u", r->value, other->file,
				   other->line);
		other->replaced = true;
	}
	return take_string(r, r->value, &r->bug->id);
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
	return bad(r,
		   "'%.40s' is no release: write 6.16 for mainline from there on, 6.12.59 for "
		   "that stable series from there on",
		   word);
}

/** take_points() - releases, from the lowest to the highest */
static int take_points(struct reader *r, struct bug_point **points, size_t *n)
{
	char *save, *word = strtok_r(r->value, " ,", &save);
	int err = 0;

	for (; !err && word; word = strtok_r(NULL, " ,", &save)) {
		struct bug_point *point, *before;

		if (!grow(points, *n, sizeof(**points)))
			return no_memory(r);
		point = &(*points)[*n];
		before = *n ? point - 1 : NULL;
		err = take_point(r, word, point);
		if (!err && before &&
		    (before->mainline || point->major < before->major ||
		     (point->major == before->major && point->minor <= before->minor)))
			err = bad(r,
				  "'%.40s' is out of order: stable series from the lowest to the "
				  "highest, then mainline",
				  word);
		++*n;
	}
	return err;
}

static int take_before(struct reader *r)
{
	char *save, *word = strtok_r(r->value, " ,", &save);

	for (; word; word = strtok_r(NULL, " ,", &save)) {
		if (!strcmp(word, "setup"))
			r->bug->before |= BUG_BEFORE_SETUP;
		else if (!strcmp(word, "restore"))
			r->bug->before |= BUG_BEFORE_RESTORE;
		else
			return bad(r, "'%.40s' is neither setup nor restore", word);
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
			return bad(r, "'%.40s' is none of oops, warning, hang, cut", word);
		*kinds |= 1u << kind;
	}
	return *kinds ? 0 : bad(r, "no kind is named: oops, warning, hang, cut");
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
		return bad(r, "'%.40s' has nothing after it", part);
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
		return bad(r, "'%.40s' is none of at, trace, kind, line, any", part);
	if (crash->line)
		return bad(r, "there are two lines");
	if (strlen(rest) < LINE_LEAST)
		return bad(r, "a line must have at least %u characters", LINE_LEAST);
	return take_string(r, rest, &crash->line);
}

static int take_crash(struct reader *r)
{
	char *save, *part = strtok_r(r->value, ";", &save);
	struct bug *bug = r->bug;
	struct bug_crash *crash;
	int err = 0;

	if (!grow(&bug->crash, bug->n_crashes, sizeof(*bug->crash)))
		return no_memory(r);
	crash = &bug->crash[bug->n_crashes++];
	crash->kinds = (1u << CRASH_KINDS) - 1;
	for (; !err && part; part = strtok_r(NULL, ";", &save)) {
		part += strspn(part, " ");
		if (*part)
			err = take_part(r, crash, part);
	}
	if (!err && !crash->any && !crash->at.n && !crash->trace.n)
		err = bad(r, "name a function: 'at F' where it happens, or 'trace F' on the stack");
	return err;
}

static int take_fix(struct reader *r, bool command)
{
	struct bug *bug = r->bug;

	if (!grow(&bug->command, bug->fix.n, sizeof(*bug->command)))
		return no_memory(r);
	bug->command[bug->fix.n] = command;
	return add_word(r, &bug->fix, r->value);
}

/** take_field() - the field we were in is complete */
static int take_field(struct reader *r)
{
	struct bug *bug = r->bug;

	if (r->field == FIELDS)
		return 0;
	while (r->len && isspace((unsigned char)r->value[r->len - 1]))
		r->value[--r->len] = 0;
	if (!r->len)
		return bad(r, "it is empty");
	r->seen[r->field] = true;
	switch (r->field) {
	case FIELD_ID:
		return take_id(r);
	case FIELD_TITLE:
		return take_string(r, r->value, &bug->title);
	case FIELD_MODULE:
		return take_string(r, r->value, &bug->module);
	case FIELD_CRASH:
		return take_crash(r);
	case FIELD_SINCE:
		return take_points(r, &bug->since, &bug->n_since);
	case FIELD_MENDED:
		return take_points(r, &bug->mended, &bug->n_mended);
	case FIELD_MAYBE:
		return take_points(r, &bug->maybe, &bug->n_maybe);
	case FIELD_KERNELS:
		return take_words(r, r->value, &bug->kernels);
	case FIELD_MENDED_KERNELS:
		return take_words(r, r->value, &bug->mended_kernels);
	case FIELD_BEFORE:
		return take_before(r);
	case FIELD_WARNING:
		return take_string(r, r->value, &bug->warning);
	case FIELD_CAUSE:
		return take_string(r, r->value, &bug->cause);
	case FIELD_FIX:
	case FIELD_RUN:
		return take_fix(r, r->field == FIELD_RUN);
	case FIELD_EXPLAINS:
		return take_words(r, r->value, &bug->explains);
	case FIELD_SOURCE:
		return take_string(r, r->value, &bug->source);
	case FIELD_EXAMPLE:
		return add_word(r, &bug->examples, r->value);
	case FIELD_COUNTEREXAMPLE:
		return add_word(r, &bug->counterexamples, r->value);
	default:
		return 0;
	}
}

/* ---- blocks ---- */

/** check_names() - a text may have names of what a crash and what a machine is known by */
static int check_names(struct reader *r, const char *field, const char *text)
{
	static const char *const names[] = { "module",  "function", "kernel",    "mended",
					     "whether", "install",  "interface", "vf",
					     "pci",     "mac",      "uuid" };
	char name[64];

	for (; (text = strchr(text, '{')); text++) {
		int end = 0;
		size_t i = 0;

		if (sscanf(text, "{%63[a-z0-9_]%n", name, &end) != 1 || !strchr("}:|", text[end]))
			continue;
		while (i < sizeof(names) / sizeof(names[0]) && strcmp(name, names[i]))
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			return mistake(r, r->bug->line, "%s: {%s} is no name that a bug has", field,
				       name);
	}
	return 0;
}

/** check_block() - do the fields of a bug fit together? */
static int check_block(struct reader *r)
{
	struct bug *bug = r->bug;
	bool any = false;
	int err = 0;

	for (int f = 0; f < FIELDS; f++)
		if (field_kinds[f].needed && !r->seen[f])
			return mistake(r, bug->line, "this bug has no field %s",
				       field_kinds[f].name);
	for (size_t i = 0; i < bug->n_crashes; i++)
		any |= bug->crash[i].any;
	if (!any && (!r->seen[FIELD_SINCE] || !r->seen[FIELD_MODULE]))
		return mistake(r, bug->line, "this bug has no field %s",
			       r->seen[FIELD_SINCE] ? "Module" : "Since");
	if (r->seen[FIELD_BEFORE] != r->seen[FIELD_WARNING])
		return mistake(r, bug->line, "Before and Warning belong together");
	err = check_names(r, "Title", bug->title);
	if (!err)
		err = check_names(r, "Cause", bug->cause);
	for (size_t i = 0; !err && i < bug->fix.n; i++)
		err = check_names(r, bug->command[i] ? "Run" : "Fix", bug->fix.word[i]);
	return err;
}

/** end_block() - the bug is complete */
static int end_block(struct reader *r)
{
	int err;

	if (!r->bug)
		return 0;
	err = take_field(r);
	if (!err)
		err = check_block(r);
	r->bug = NULL;
	r->field = FIELDS;
	return err;
}

static int begin_block(struct reader *r)
{
	struct bugs *bugs = r->bugs;

	if (bugs->n == BUGS_MAX)
		return mistake(r, r->line, "there are more than %u bugs", BUGS_MAX);
	if (!grow(&bugs->bug, bugs->n, sizeof(*bugs->bug)))
		return no_memory(r);
	r->bug = &bugs->bug[bugs->n++];
	r->bug->text = bugs->texts;
	r->bug->line = r->line;
	memset(r->seen, 0, sizeof(r->seen));
	r->field = FIELDS;
	return take_string(r, r->name, &r->bug->file);
}

/** add_value() - more of the field's value */
static int add_value(struct reader *r, const char *text, size_t len)
{
	char *bigger = realloc(r->value, r->len + len + 2);

	if (!bigger)
		return no_memory(r);
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
	size_t name = colon ? (size_t)(colon - line) : 0;
	int err, field = 0;

	if (!colon)
		return mistake(r, r->line, "expected 'Field: value', a comment, or an empty line");
	err = r->bug ? take_field(r) : begin_block(r);
	if (err)
		return err;
	while (field < FIELDS && (strlen(field_kinds[field].name) != name ||
				  memcmp(field_kinds[field].name, line, name)))
		field++;
	if (field == FIELDS)
		return mistake(r, r->line, "unknown field '%.*s'", name < 40 ? (int)name : 40,
			       line);
	if (r->seen[field] && !field_kinds[field].many)
		return mistake(r, r->line, "duplicate %s", field_kinds[field].name);
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
	if (!r->bug || r->field == FIELDS)
		return mistake(r, r->line,
			       "a line that begins with a blank continues "
			       "a field, but there is no field before it");
	/* In lines that stay lines, only the first blank is not part of the text. */
	if (field_kinds[r->field].lines)
		blanks = 1;
	return add_value(r, line + blanks, len - blanks);
}

int bugs_read(struct bugs *bugs, const char *name, const char *text, size_t len,
	      struct error *error)
{
	struct reader r = { .bugs = bugs, .name = name, .field = FIELDS, .error = error };
	const char *end = text + len;
	int err = 0;

	bugs->texts++;
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
