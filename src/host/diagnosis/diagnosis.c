/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the log goes through one buffer, in whole lines. One pass finds the fixed
 * texts of all patterns (scan.h); where one is, its pattern is tried on the line around it, or on
 * a window if the line is long. Line numbers are counted only up to where something was
 * found. Of each rule a few lines, a count, what it captured, and the ports that its lines name
 * are kept. Ports have several names: lines that join two of them are searched for as well.
 *
 * A line that something may have changed since it was printed, JSON or a colour (unwrap.h), is
 * searched once more without it. It is known by one of the texts found there, which may be one that
 * only says so; so lines as they were printed cost nothing.
 *
 * What comes of it when the log has ended: verdict.c.
 */
#include "host/diagnosis/diagnosis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/diagnosis/crash_rules.h"
#include "host/diagnosis/evidence.h"
#include "host/diagnosis/numbers.h"
#include "host/diagnosis/pattern.h"
#include "host/diagnosis/scan.h"
#include "host/diagnosis/text.h"
#include "host/diagnosis/unwrap.h"

#define BUFFER (1u << 20) /* bytes; a longer line is searched in pieces of this size */
#define WINDOW 1024u      /* bytes before and after a fixed text that its pattern is tried on */
#define LINE   (1u << 16) /* bytes of a line that is unwrapped in one piece */
#define SURE   512u       /* bytes at the end of a window in which a pattern is tried again */
#define HASTE  64u        /* tries after which compiling to machine code pays off */
#define KEPT   3u         /* lines of one pattern */

struct diagnosis *diagnosis_open(const struct rules *rules)
{
	struct diagnosis *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->rules = rules;
	d->line = 1;
	d->matcher = matcher_open();
	d->buffer = malloc(BUFFER);
	d->unwrapped = malloc(LINE);
	d->seen = calloc(rules->n_patterns + 1, sizeof(*d->seen));
	d->evidence = calloc(rules->n_rules + 1, sizeof(*d->evidence));
	d->crash_log = crash_log_open(rules);
	if (!d->matcher || !d->buffer || !d->unwrapped || !d->seen || !d->evidence ||
	    !d->crash_log) {
		diagnosis_close(d);
		return NULL;
	}
	return d;
}

void diagnosis_close(struct diagnosis *d)
{
	if (!d)
		return;
	for (size_t i = 0; d->evidence && i < d->rules->n_rules; i++)
		evidence_clear(&d->evidence[i]);
	for (size_t i = 0; i < d->n_findings; i++)
		finding_free(&d->findings[i]);
	free(d->findings);
	free(d->evidence);
	free(d->seen);
	free(d->buffer);
	free(d->unwrapped);
	crash_log_close(d->crash_log);
	matcher_close(d->matcher);
	free(d);
}

/* ---- lines ---- */

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
	text_clean(line->text, sizeof(line->text), text, len);
}

/** is_captured() - is there something under this name, from a line about @whose? */
static bool is_captured(const struct evidence *e, const char *name, const char *whose)
{
	for (size_t i = 0; i < e->n_captures; i++)
		if (!strcmp(e->captures[i].name, name) && !strcmp(e->captures[i].whose, whose))
			return true;
	return false;
}

/** keep_captures() - of the last match, about @whose; the first of each name counts */
static void keep_captures(struct diagnosis *d, struct evidence *e, void *code, const char *whose)
{
	const char *name, *text;
	size_t len;

	for (unsigned int i = 0; matcher_capture(d->matcher, code, i, &name, &text, &len); i++) {
		if (!text || !len || e->n_captures == CAPTURES || is_captured(e, name, whose))
			continue;
		if (!e->captures)
			e->captures = calloc(CAPTURES, sizeof(*e->captures));
		if (!e->captures)
			return;
		snprintf(e->captures[e->n_captures].name, sizeof(e->captures[0].name), "%s", name);
		snprintf(e->captures[e->n_captures].whose, TALLY_WORD, "%s", whose);
		text_clean(e->captures[e->n_captures++].value, CAPTURED, text, len);
	}
}

/** keep_port() - one that a line of this rule names */
static void keep_port(struct evidence *e, const struct port_names *port)
{
	for (size_t i = 0; i < e->n_ports; i++)
		/* What names an adapter is about the port that other lines of the rule name. */
		if (port_names_same(&e->ports[i], port) || port_names_adapter(&e->ports[i]) ||
		    port_names_adapter(port)) {
			port_names_add(&e->ports[i], port);
			return;
		}
	if (!e->ports)
		e->ports = calloc(SPOKEN, sizeof(*e->ports));
	if (e->ports && e->n_ports < SPOKEN)
		e->ports[e->n_ports++] = *port;
}

static void keep_ports(struct evidence *e, const char *text, size_t len)
{
	const char *end = text + len;
	struct port_names port;

	while (text < end && port_names_read(&port, &text, end))
		keep_port(e, &port);
}

/** last_capture() - what the last match captured under a name; NULL: nothing */
static const char *last_capture(struct diagnosis *d, void *code, const char *wanted,
				char value[CAPTURED])
{
	const char *name, *text;
	size_t len;

	for (unsigned int n = 0; matcher_capture(d->matcher, code, n, &name, &text, &len); n++)
		if (!strcmp(name, wanted) && text) {
			text_clean(value, CAPTURED, text, len);
			return value;
		}
	return NULL;
}

/** count_line() - a Match pattern of a rule that counts has matched, about @whose */
static void count_line(struct diagnosis *d, uint32_t which, const char *whose, const char *text,
		       size_t len)
{
	const struct rule_pattern *pattern = &d->rules->patterns[which];
	const struct rule *rule = &d->rules->rules[pattern->rule];
	struct evidence *e = &d->evidence[pattern->rule];
	double time;

	if (!rule->within && !rule->per && !rule->until)
		return;
	if (!e->tally)
		e->tally = tally_open(rule->times ? rule->times : 1, rule->within);
	time = tally_time(text, len);
	if (time < 0 && d->wrapped)
		time = tally_time_beside(d->wrapped, d->wrapped_len);
	if (e->tally)
		tally_line(e->tally, which, whose, time);
}

/** take_back() - what the lines before said is over */
static void take_back(struct diagnosis *d, uint32_t which)
{
	const struct rule_pattern *pattern = &d->rules->patterns[which];
	const struct rule *rule = &d->rules->rules[pattern->rule];
	struct evidence *e = &d->evidence[pattern->rule];
	char what[CAPTURED];
	const char *whose = rule->per ? last_capture(d, pattern->code, rule->per, what) : NULL;

	if (!e->tally)
		return;
	if (!tally_over(e->tally, whose)) {
		evidence_settle(d, pattern->rule, whose);
		return;
	}
	e->n_lines = e->n_captures = e->n_ports = 0;
	e->count = 0;
	for (size_t i = 0; i < d->rules->n_patterns; i++)
		if (d->rules->patterns[i].rule == pattern->rule &&
		    d->rules->patterns[i].role == RULE_MATCH)
			d->seen[i].lines = d->seen[i].kept = 0;
}

/** is_meant() - do the rule's conditions hold for what the last match captured? */
static bool is_meant(struct diagnosis *d, const struct rule *rule, void *code)
{
	for (size_t i = 0; i < rule->n_when; i++) {
		const struct rule_condition *when = &rule->when[i];
		char value[CAPTURED];

		if (!pattern_has(code, when->name))
			continue;
		if (!condition_holds(when, last_capture(d, code, when->name, value)))
			return false;
	}
	return true;
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

/** matched() - a pattern matches this piece of a line; false: the rule is not about it */
static bool matched(struct diagnosis *d, uint32_t which, uint64_t number, const char *text,
		    size_t len)
{
	const struct rule_pattern *pattern = &d->rules->patterns[which];
	struct evidence *e = &d->evidence[pattern->rule];
	struct seen *seen = &d->seen[which];
	const char *per = d->rules->rules[pattern->rule].per, *whose = NULL;
	char what[CAPTURED];

	if (pattern->role != RULE_UNLESS && pattern->role != RULE_UNTIL &&
	    !is_meant(d, &d->rules->rules[pattern->rule], pattern->code))
		return false;
	seen->lines++;
	seen->last = number;
	if (pattern->role == RULE_UNTIL)
		take_back(d, which);
	if (pattern->role == RULE_UNLESS || pattern->role == RULE_UNTIL)
		return true;
	if (per)
		whose = last_capture(d, pattern->code, per, what);
	if (!whose)
		whose = "";
	keep_captures(d, e, pattern->code, whose);
	if (pattern->role == RULE_MATCH)
		count_line(d, which, whose, text, len);
	/* One line may have several patterns of a rule. */
	if (pattern->role == RULE_MATCH && e->counted != number) {
		e->counted = number;
		e->count++;
	}
	if (e->kept != number && seen->kept < KEPT) {
		e->kept = number;
		seen->kept++;
		keep_line(e, number, text, len);
		keep_ports(e, text, len);
	}
	return true;
}

/** learn() - a line may say which names are one port's */
static void learn(struct diagnosis *d, const char *text, size_t len, uint64_t number)
{
	const char *end = text + len;
	struct port_names port;

	if (d->named == number)
		return;
	d->named = number;
	while (text < end && port_names_read(&port, &text, end))
		names_learn(&d->names, &port);
}

/**
 * struct text - what is searched: the buffer, or one line that was unwrapped
 * @offset:	in the log, of its first byte
 * @cut:	it begins within a line
 * @number:	of the line that all of it is; 0: it has several
 */
struct text {
	const char *bytes;
	size_t len;
	uint64_t offset, number;
	bool cut;
};

/**
 * struct piece - of a line, or of a field of one
 * @begins, @ends: it is the first, the last
 */
struct piece {
	size_t from, to;
	bool begins, ends;
};

/** piece_around() - the line around a place in a text, or a window of it */
static struct piece piece_around(const struct text *text, size_t at)
{
	struct piece piece = { at > WINDOW ? at - WINDOW : 0,
			       text->len - at > WINDOW ? at + WINDOW : text->len, false, false };
	/* Carriage returns are between fields once a line is unwrapped, and there are none before. */
	int ends = text->number ? '\r' : '\n';
	const char *before = memrchr(text->bytes + piece.from, ends, at - piece.from);
	const char *after = memchr(text->bytes + at, ends, piece.to - at);

	piece.begins = before || (!piece.from && !text->cut);
	piece.ends = after || piece.to == text->len;
	if (before)
		piece.from = (size_t)(before - text->bytes) + 1;
	if (after)
		piece.to = (size_t)(after - text->bytes);
	return piece;
}

/** try_pattern() - its fixed text ends at @end: does it match? */
static void try_pattern(struct diagnosis *d, const struct text *text, const struct piece *piece,
			uint32_t which, size_t end)
{
	const struct rule_pattern *pattern = &d->rules->patterns[which];
	const char *bytes = text->bytes + piece->from;
	struct seen *seen = &d->seen[which];
	size_t len = piece->to - piece->from;
	uint64_t number = text->number;

	if (d->rules->rules[pattern->rule].replaced)
		return;
	if (!number)
		number = line_number(d, piece->from);
	if (seen->last == number || text->offset + end <= seen->tried)
		return;
	if (++seen->tries == HASTE)
		pattern_hasten(pattern->code);
	if (!pattern_matches(d->matcher, pattern->code, bytes, len, piece->begins, piece->ends) ||
	    !matched(d, which, number, bytes, len))
		seen->tried = text->offset + (piece->ends ? piece->to : piece->to - SURE);
}

/** try_text() - one of the texts that are searched for ends at @end, in a piece of a line */
static void try_text(struct diagnosis *d, const struct text *text, const struct piece *piece,
		     uint32_t which, size_t end)
{
	size_t names = d->rules->n_patterns, unwraps = names + names_n_texts;
	size_t crashes = unwraps + unwrap_n_texts;
	const char *bytes = text->bytes + piece->from;
	uint64_t number;

	if (which < names) {
		try_pattern(d, text, piece, which, end);
		return;
	}
	if (which >= unwraps && which < crashes)
		return;
	number = text->number ? text->number : line_number(d, piece->from);
	if (which < unwraps)
		learn(d, bytes, piece->to - piece->from, number);
	else
		crash_log_hit(d->crash_log, which - crashes, number, bytes, piece->to - piece->from,
			      end - piece->from);
}

/** is_wanted() - can this pattern match here, and does it matter? Only lines of Match are counted */
static bool is_wanted(const struct diagnosis *d, const struct text *text, uint32_t which,
		      size_t end)
{
	const struct rule_pattern *pattern = &d->rules->patterns[which];
	const struct seen *seen = &d->seen[which];

	return pattern_goes_on(&pattern->fixed, text->bytes, text->len, end) &&
	       !(pattern->role == RULE_NEEDS && seen->kept == KEPT) &&
	       !(pattern->role == RULE_UNLESS && seen->lines);
}

/** struct line - one that was unwrapped, as scan_run() has it */
struct line {
	struct diagnosis *d;
	struct text text;
};

static void found_in_line(void *arg, uint32_t which, size_t end)
{
	const struct line *line = arg;
	struct piece piece;

	if (which < line->d->rules->n_patterns && !is_wanted(line->d, &line->text, which, end))
		return;
	piece = piece_around(&line->text, end);
	try_text(line->d, &line->text, &piece, which, end);
}

/** unwrap_line() - search the line around a place in the buffer, unwrapped; a long one in pieces */
static void unwrap_line(struct diagnosis *d, size_t at)
{
	size_t from = at > LINE / 2 ? at - LINE / 2 : 0;
	size_t to = d->region - from > LINE ? from + LINE : d->region;
	const char *before = memrchr(d->buffer + from, '\n', at - from);
	const char *after = memchr(d->buffer + at, '\n', to - at);
	struct line line = { .d = d };
	size_t done;

	if (before)
		from = (size_t)(before - d->buffer) + 1;
	/* Of a long line, its former piece may have been searched. */
	else if (d->unwrapped_to > d->offset + from && d->unwrapped_to - d->offset <= at)
		from = (size_t)(d->unwrapped_to - d->offset);
	if (after)
		to = (size_t)(after - d->buffer);
	done = after || to == d->region || to - SURE <= at ? to : to - SURE;
	line.text.bytes = d->unwrapped;
	line.text.len = unwrap(d->unwrapped, d->buffer + from, to - from);
	line.text.offset = d->offset + from;
	line.text.cut = !before && (from || d->cut);
	line.text.number = line_number(d, from);
	d->unwrapped_to = d->offset + done;
	d->wrapped = d->buffer + from;
	d->wrapped_len = to - from;
	scan_run(d->rules->scan, d->unwrapped, line.text.len, found_in_line, &line);
	d->wrapped = NULL;
}

/** is_bare() - is what is around a place in the buffer as it was printed? */
static bool is_bare(struct diagnosis *d, const struct piece *piece)
{
	uint64_t from = d->offset + piece->from, to = d->offset + piece->to;

	if (from < d->bare)
		from = d->bare < to ? d->bare : to;
	if (unwrap_needed(d->buffer + (from - d->offset), (size_t)(to - from)))
		return false;
	d->bare = to;
	return true;
}

/**
 * struct buffer - what is in the buffer, as scan_run() has it
 * @piece:	around the last text that was found
 */
struct buffer {
	struct diagnosis *d;
	struct text text;
	struct piece piece;
};

/** found() - a text that is searched for ends here in the buffer */
static void found(void *arg, uint32_t which, size_t end)
{
	struct buffer *buffer = arg;
	struct diagnosis *d = buffer->d;
	struct piece *piece = &buffer->piece;

	if (d->offset + end <= d->unwrapped_to ||
	    (which < d->rules->n_patterns && !is_wanted(d, &buffer->text, which, end)))
		return;
	/* Most lines are shorter than a window, and often several texts are in one. */
	if (end > piece->to || !piece->begins || !piece->ends) {
		*piece = piece_around(&buffer->text, end);
		if (!is_bare(d, piece)) {
			piece->to = 0;
			unwrap_line(d, end);
			return;
		}
	}
	try_text(d, &buffer->text, piece, which, end);
}

/** look() - search the whole lines in the buffer; all of it if it is full, or the last */
static void look(struct diagnosis *d, bool last)
{
	const char *feed = memrchr(d->buffer, '\n', d->fill);
	size_t region = feed ? (size_t)(feed - d->buffer) + 1 : 0;
	struct buffer buffer;

	if (last || (!region && d->fill == BUFFER))
		region = d->fill;
	if (!region)
		return;
	d->region = region;
	buffer = (struct buffer){ d, { d->buffer, region, d->offset, 0, d->cut }, { 0 } };
	scan_run(d->rules->scan, d->buffer, region, found, &buffer);
	line_number(d, region);
	d->cut = d->buffer[region - 1] != '\n';
	memmove(d->buffer, d->buffer + region, d->fill - region);
	d->fill -= region;
	d->offset += region;
	d->counted = 0;
}

/** wide() - is the log UTF-16, as Windows saves it? Its first character has two bytes */
static int wide(const char *data, size_t len)
{
	if (len >= 2 && !memcmp(data, "\xff\xfe", 2))
		return 1;
	if (len >= 2 && !memcmp(data, "\xfe\xff", 2))
		return 2;
	/* Without a mark: two characters of ASCII */
	if (len < 4)
		return 0;
	if (data[0] && !data[1] && data[2] && !data[3])
		return 1;
	return !data[0] && data[1] && !data[2] && data[3] ? 2 : 0;
}

/** narrow() - keep the ASCII bytes of UTF-16; how many they are */
static size_t narrow(struct diagnosis *d, char *data, size_t len)
{
	size_t n = 0;

	if (!d->bytes)
		d->wide = wide(data, len);
	if (!d->wide && !d->bytes && len >= 3 && !memcmp(data, "\xef\xbb\xbf", 3)) {
		memmove(data, data + 3, len - 3);
		return len - 3;
	}
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

void diagnosis_look(struct diagnosis *d)
{
	look(d, true);
}

void diagnosis_part(struct diagnosis *d)
{
	look(d, true);
	d->line = 1;
	d->named = 0;
	d->cut = false;
	d->bytes = 0;
	d->wide = 0;
	d->odd = false;
	crash_log_part(d->crash_log);
	/* What has the numbers of lines of the other file */
	for (size_t i = 0; i < d->rules->n_patterns; i++)
		d->seen[i].last = 0;
	for (size_t i = 0; i < d->rules->n_rules; i++)
		d->evidence[i].kept = d->evidence[i].counted = 0;
}

uint64_t diagnosis_bytes(const struct diagnosis *d)
{
	return d->bytes;
}
