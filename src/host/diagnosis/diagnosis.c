/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the log goes through one buffer, in whole lines. One pass finds the fixed
 * texts of all patterns (scan.h); where one is, its pattern is tried on the line around it, or on
 * a window if the line is long. Line numbers are counted only up to where something was
 * found. Of each rule a few lines, a count, and what it captured are kept.
 *
 * At the end a rule holds if the log had one of its Match patterns, all of Needs, none of
 * Unless, and the machine has the facts it needs. A rule that another one explains is a
 * consequence, and is not reported.
 */
#include "host/diagnosis/diagnosis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/diagnosis/pattern.h"
#include "host/diagnosis/scan.h"

#define BUFFER   (1u << 20) /* bytes; a longer line is searched in pieces of this size */
#define WINDOW   1024u      /* bytes before and after a fixed text that its pattern is tried on */
#define SURE     512u       /* bytes at the end of a window in which a pattern is tried again */
#define HASTE    64u        /* tries after which compiling to machine code pays off */
#define KEPT     3u         /* lines of one pattern */
#define CAPTURES 16u
#define CAPTURED 80u /* bytes of one, and the end */

/**
 * struct seen - what the log had of a pattern
 * @lines:	that it matches
 * @last:	number of the last of them; 0: none
 * @tried:	offset in the log up to which it does not match
 * @kept:	lines that were kept
 */
struct seen {
	uint64_t lines, last, tried;
	uint32_t tries, kept;
};

struct capture {
	char name[36];
	char value[CAPTURED];
};

/**
 * struct evidence - what the log had of a rule
 * @kept, @counted: numbers of the last lines that were
 */
struct evidence {
	struct finding_line *lines;
	size_t n_lines;
	uint64_t count, kept, counted;
	struct capture *captures;
	size_t n_captures;
	bool holds;
};

/**
 * struct diagnosis - a log
 * @buffer, @fill: what has not been searched yet
 * @offset:	in the log, of the buffer
 * @line, @counted: number of the line that is at this offset of the buffer
 * @cut:	the buffer begins within a line
 * @wide:	UTF-16: 1 or 2, 1 plus the place of the byte that counts; 0: not
 * @odd:	the next byte is the second of its two
 */
struct diagnosis {
	const struct rules *rules;
	struct matcher *matcher;
	struct seen *seen;
	struct evidence *evidence;
	char *buffer;
	size_t fill;
	uint64_t offset, bytes, line;
	size_t counted, region;
	bool cut, odd;
	int wide;
	struct finding *findings;
	size_t n_findings;
};

struct diagnosis *diagnosis_open(const struct rules *rules)
{
	struct diagnosis *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->rules = rules;
	d->line = 1;
	d->matcher = matcher_open();
	d->buffer = malloc(BUFFER);
	d->seen = calloc(rules->n_patterns + 1, sizeof(*d->seen));
	d->evidence = calloc(rules->n_rules + 1, sizeof(*d->evidence));
	if (!d->matcher || !d->buffer || !d->seen || !d->evidence) {
		diagnosis_close(d);
		return NULL;
	}
	return d;
}

static void free_finding(struct finding *finding)
{
	free(finding->title);
	free(finding->cause);
	for (size_t i = 0; finding->fix && i < finding->n_fix; i++)
		free(finding->fix[i]);
	free(finding->fix);
	for (size_t i = 0; i < finding->n_evidence; i++)
		free(finding->evidence[i]);
	free(finding->evidence);
}

void diagnosis_close(struct diagnosis *d)
{
	if (!d)
		return;
	for (size_t i = 0; d->evidence && i < d->rules->n_rules; i++) {
		free(d->evidence[i].lines);
		free(d->evidence[i].captures);
	}
	for (size_t i = 0; i < d->n_findings; i++)
		free_finding(&d->findings[i]);
	free(d->findings);
	free(d->evidence);
	free(d->seen);
	free(d->buffer);
	matcher_close(d->matcher);
	free(d);
}

/* ---- lines ---- */

/** utf8_length() - of a character; 0 if it is not one, or a control character */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	uint32_t value;
	size_t n;

	if (*p < 0x80)
		return *p >= 0x20 && *p != 0x7f;
	n = *p >= 0xf0 && *p < 0xf5   ? 4
	    : *p >= 0xe0 && *p < 0xf0 ? 3
	    : *p >= 0xc2 && *p < 0xe0 ? 2
				      : 0;
	if (!n || n > left)
		return 0;
	value = *p & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3f);
	}
	if ((n == 2 && value < 0xa0) || (n == 3 && (value < 0x800 || (value & 0xf800) == 0xd800)) ||
	    (n == 4 && (value < 0x10000 || value > 0x10ffff)))
		return 0;
	/* Changes of writing direction and line separators could make a line read differently. */
	if ((value >= 0x200b && value <= 0x200f) || (value >= 0x2028 && value <= 0x202e) ||
	    (value >= 0x2060 && value <= 0x206f) || value == 0xfeff)
		return 0;
	return n;
}

/** escape_length() - of a terminal's escape sequence, such as a colour; 0: it is not one */
static size_t escape_length(const unsigned char *p, size_t left)
{
	size_t n = 2;

	if (left < 3 || p[0] != 0x1b || p[1] != '[')
		return 0;
	while (n < left && (p[n] < 0x40 || p[n] > 0x7e))
		n++;
	return n < left ? n + 1 : 0;
}

/** clean() - a piece of a log as text that is safe to print and in JSON; truncated if necessary */
static void clean(char *to, size_t size, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;
	size_t at = 0;

	while (p < end && at + 8 < size) {
		size_t n = escape_length(p, (size_t)(end - p));

		if (n) {
			p += n;
			continue;
		}
		n = utf8_length(p, (size_t)(end - p));
		if (n) {
			memcpy(to + at, p, n);
			at += n;
			p += n;
		} else {
			to[at++] = *p == '\t' ? ' ' : '?';
			p++;
		}
	}
	while (at && to[at - 1] == ' ')
		at--;
	if (p < end) {
		memcpy(to + at, "...", 3);
		at += 3;
	}
	to[at] = 0;
}

/** keep_line() - keep it as one that shows a rule's cause */
static void keep_line(struct evidence *e, uint64_t number, const char *text, size_t len)
{
	struct finding_line *line;

	if (!e->lines)
		e->lines = calloc(DIAGNOSIS_LINES, sizeof(*e->lines));
	if (!e->lines || e->n_lines == DIAGNOSIS_LINES)
		return;
	line = &e->lines[e->n_lines++];
	line->number = number;
	while (len && (text[len - 1] == '\r' || text[len - 1] == '\n'))
		len--;
	clean(line->text, sizeof(line->text), text, len);
}

static const char *find_capture(const struct evidence *e, const char *name)
{
	for (size_t i = 0; i < e->n_captures; i++)
		if (!strcmp(e->captures[i].name, name))
			return e->captures[i].value;
	return NULL;
}

/** keep_captures() - of the last match; the first of each name counts */
static void keep_captures(struct diagnosis *d, struct evidence *e, void *code)
{
	const char *name, *text;
	size_t len;

	for (unsigned int i = 0; matcher_capture(d->matcher, code, i, &name, &text, &len); i++) {
		if (!text || !len || e->n_captures == CAPTURES || find_capture(e, name))
			continue;
		if (!e->captures)
			e->captures = calloc(CAPTURES, sizeof(*e->captures));
		if (!e->captures)
			return;
		snprintf(e->captures[e->n_captures].name, sizeof(e->captures[0].name), "%s", name);
		clean(e->captures[e->n_captures++].value, CAPTURED, text, len);
	}
}

/** line_number() - of a place in the buffer, which is after that of the last call */
static uint64_t line_number(struct diagnosis *d, size_t at)
{
	const char *p = d->buffer + d->counted, *end = d->buffer + at;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		p++;
		d->line++;
	}
	if (at > d->counted)
		d->counted = at;
	return d->line;
}

/** matched() - a pattern matches this piece of a line */
static void matched(struct diagnosis *d, uint32_t which, uint64_t number, const char *text,
		    size_t len)
{
	const struct rule_pattern *pattern = &d->rules->patterns[which];
	struct evidence *e = &d->evidence[pattern->rule];
	struct seen *seen = &d->seen[which];

	seen->lines++;
	seen->last = number;
	if (pattern->role == RULE_UNLESS)
		return;
	keep_captures(d, e, pattern->code);
	/* One line may have several patterns of a rule. */
	if (pattern->role == RULE_MATCH && e->counted != number) {
		e->counted = number;
		e->count++;
	}
	if (e->kept != number && seen->kept < KEPT) {
		e->kept = number;
		seen->kept++;
		keep_line(e, number, text, len);
	}
}

/** found() - a pattern's fixed text ends here: does the pattern match? */
static void found(void *arg, uint32_t which, size_t end)
{
	struct diagnosis *d = arg;
	const struct rule_pattern *pattern = &d->rules->patterns[which];
	struct seen *seen = &d->seen[which];
	size_t from = end > WINDOW ? end - WINDOW : 0;
	size_t to = d->region - end > WINDOW ? end + WINDOW : d->region;
	const char *before = memrchr(d->buffer + from, '\n', end - from);
	const char *after = memchr(d->buffer + end, '\n', to - end);
	bool begins = before || (!from && !d->cut), ends = after || to == d->region;
	uint64_t number;

	if (d->rules->rules[pattern->rule].replaced)
		return;
	if (before)
		from = (size_t)(before - d->buffer) + 1;
	if (after)
		to = (size_t)(after - d->buffer);
	number = line_number(d, from);
	if (seen->last == number || d->offset + end <= seen->tried)
		return;
	if (++seen->tries == HASTE)
		pattern_hasten(pattern->code);
	if (pattern_matches(d->matcher, pattern->code, d->buffer + from, to - from, begins, ends))
		matched(d, which, number, d->buffer + from, to - from);
	else
		seen->tried = d->offset + (ends ? to : to - SURE);
}

/** look() - search the whole lines in the buffer; all of it if it is full, or the last */
static void look(struct diagnosis *d, bool last)
{
	const char *feed = memrchr(d->buffer, '\n', d->fill);
	size_t region = feed ? (size_t)(feed - d->buffer) + 1 : 0;

	if (last || (!region && d->fill == BUFFER))
		region = d->fill;
	if (!region)
		return;
	d->region = region;
	scan_run(d->rules->scan, d->buffer, region, found, d);
	line_number(d, region);
	d->cut = d->buffer[region - 1] != '\n';
	memmove(d->buffer, d->buffer + region, d->fill - region);
	d->fill -= region;
	d->offset += region;
	d->counted = 0;
}

/** narrow() - keep the ASCII bytes of UTF-16, as Windows saves a log; how many they are */
static size_t narrow(struct diagnosis *d, char *data, size_t len)
{
	size_t n = 0;

	if (!d->bytes && len >= 2 && !memcmp(data, "\xff\xfe", 2))
		d->wide = 1;
	else if (!d->bytes && len >= 2 && !memcmp(data, "\xfe\xff", 2))
		d->wide = 2;
	if (!d->wide)
		return len;
	for (size_t i = 0; i < len; i++, d->odd = !d->odd)
		if (d->odd == (d->wide == 2))
			data[n++] = data[i];
	return n;
}

/** taken() - so many bytes of the log were added to the buffer */
static void taken(struct diagnosis *d, size_t len)
{
	d->fill += narrow(d, d->buffer + d->fill, len);
	d->bytes += len;
	look(d, false);
}

void diagnosis_feed(struct diagnosis *d, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		size_t n = len < BUFFER - d->fill ? len : BUFFER - d->fill;

		memcpy(d->buffer + d->fill, p, n);
		taken(d, n);
		p += n;
		len -= n;
	}
}

int diagnosis_read(struct diagnosis *d, int fd)
{
	ssize_t n;

	for (;;) {
		n = read(fd, d->buffer + d->fill, BUFFER - d->fill);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		taken(d, (size_t)n);
	}
}

uint64_t diagnosis_bytes(const struct diagnosis *d)
{
	return d->bytes;
}

/* ---- the verdict ---- */

static bool fact_fits(const struct rule_fact *want, const struct fact *fact)
{
	long long a, b;
	char *end_a, *end_b;

	if (strcmp(want->name, fact->name))
		return false;
	if (want->compare == RULE_EQUAL || want->compare == RULE_DIFFERENT)
		return !strcmp(want->value, fact->value) == (want->compare == RULE_EQUAL);
	a = strtoll(fact->value, &end_a, 10);
	b = strtoll(want->value, &end_b, 10);
	if (*end_a || *end_b)
		return false;
	return want->compare == RULE_LESS ? a < b : a > b;
}

/** find_fact() - the first that fits; NULL if none does */
static const struct fact *find_fact(const struct rule_fact *want, const struct fact *facts,
				    size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fact_fits(want, &facts[i]))
			return &facts[i];
	return NULL;
}

/** holds() - does the rule hold, by the log and by the facts that it needs? */
static bool holds(const struct diagnosis *d, size_t number, const struct fact *facts, size_t n)
{
	const struct rule *rule = &d->rules->rules[number];
	bool match = false;

	if (rule->replaced)
		return false;
	for (size_t i = 0; i < d->rules->n_patterns; i++) {
		const struct rule_pattern *pattern = &d->rules->patterns[i];

		if (pattern->rule != number)
			continue;
		if (pattern->role == RULE_MATCH)
			match |= d->seen[i].lines > 0;
		else if ((pattern->role == RULE_NEEDS) != (d->seen[i].lines > 0))
			return false;
	}
	for (size_t i = 0; i < rule->n_facts; i++)
		if (rule->facts[i].needed && !find_fact(&rule->facts[i], facts, n))
			return false;
	return match;
}

/** is_told() - does it hold, neither explained by another rule nor a last resort beside one? */
static bool is_told(const struct diagnosis *d, size_t number)
{
	const struct rule *rule = &d->rules->rules[number];

	if (!d->evidence[number].holds)
		return false;
	for (size_t i = 0; i < d->rules->n_rules; i++) {
		const struct rule *other = &d->rules->rules[i];

		if (!d->evidence[i].holds)
			continue;
		if (rules_explains(other, rule) || (rule->last && !other->last))
			return false;
	}
	return true;
}

/** is_plain() - may a word from a log stand in a command that a person copies into a shell? */
static bool is_plain(const char *word)
{
	return *word != '-' &&
	       !word[strspn(
		       word,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@%+-")];
}

/** put_name() - what {name} stands for: captured, known of the machine, or NAME */
static void put_name(FILE *to, const struct evidence *e, const struct fact *facts, size_t n,
		     const char *name, bool command)
{
	const char *value = find_capture(e, name);

	for (size_t i = 0; !value && i < n; i++)
		if (!strcmp(facts[i].name, name))
			value = facts[i].value;
	if (value && (!command || is_plain(value))) {
		fputs(value, to);
		return;
	}
	for (; *name; name++)
		fputc(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name, to);
}

/** fill_in() - a rule's text with its names; NULL if there is no memory */
static char *fill_in(const char *text, const struct evidence *e, const struct fact *facts, size_t n,
		     bool command)
{
	char *filled = NULL, name[64];
	size_t size;
	FILE *to = open_memstream(&filled, &size);
	int len;

	if (!to)
		return NULL;
	while (*text) {
		len = 0;
		if (*text == '{' && sscanf(text, "{%63[a-z0-9_]}%n", name, &len) == 1 && len) {
			put_name(to, e, facts, n, name, command);
			text += len;
		} else {
			fputc(*text++, to);
		}
	}
	if (fclose(to)) {
		free(filled);
		return NULL;
	}
	return filled;
}

/** tell() - make a finding of a rule; after -ENOMEM, free it all the same */
static int tell(struct finding *finding, const struct rule *rule, const struct evidence *e,
		const struct fact *facts, size_t n)
{
	finding->rule = rule;
	finding->lines = e->lines;
	finding->n_lines = e->n_lines;
	finding->count = e->count;
	finding->command = rule->command;
	finding->title = fill_in(rule->title, e, facts, n, false);
	finding->cause = fill_in(rule->cause, e, facts, n, false);
	finding->fix = calloc(rule->n_fix, sizeof(*finding->fix));
	finding->evidence = calloc(rule->n_facts + 1, sizeof(*finding->evidence));
	if (!finding->title || !finding->cause || !finding->fix || !finding->evidence)
		return -ENOMEM;
	for (; finding->n_fix < rule->n_fix; finding->n_fix++) {
		size_t i = finding->n_fix;

		finding->fix[i] = fill_in(rule->fix[i], e, facts, n, rule->command[i]);
		if (!finding->fix[i])
			return -ENOMEM;
	}
	for (size_t i = 0; i < rule->n_facts; i++) {
		const struct fact *fact = find_fact(&rule->facts[i], facts, n);

		if (!fact)
			continue;
		finding->evidence[finding->n_evidence] = strdup(fact->words);
		if (!finding->evidence[finding->n_evidence])
			return -ENOMEM;
		finding->n_evidence++;
		finding->confirmed = true;
	}
	return 0;
}

static uint64_t first_line(const struct finding *finding)
{
	return finding->n_lines ? finding->lines[0].number : 0;
}

static int by_line(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (first_line(x) != first_line(y))
		return first_line(x) < first_line(y) ? -1 : 1;
	return strcmp(x->rule->id, y->rule->id);
}

int diagnosis_finish(struct diagnosis *d, const struct fact *facts, size_t n)
{
	int err = 0;

	look(d, true);
	for (size_t i = 0; i < d->rules->n_rules; i++)
		d->evidence[i].holds = holds(d, i, facts, n);
	d->findings = calloc(d->rules->n_rules + 1, sizeof(*d->findings));
	if (!d->findings)
		return -ENOMEM;
	for (size_t i = 0; !err && i < d->rules->n_rules; i++)
		if (is_told(d, i))
			err = tell(&d->findings[d->n_findings++], &d->rules->rules[i],
				   &d->evidence[i], facts, n);
	if (!err)
		qsort(d->findings, d->n_findings, sizeof(*d->findings), by_line);
	return err;
}

const struct finding *diagnosis_finding(const struct diagnosis *d, size_t n)
{
	return n < d->n_findings ? &d->findings[n] : NULL;
}
