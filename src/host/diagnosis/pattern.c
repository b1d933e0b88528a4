/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a pattern is one of PCRE2's, on bytes. A log may have a gigabyte, and rules
 * some hundred patterns: only lines that have a pattern's fixed text are given to PCRE2. So a
 * pattern must have one: the longest piece outside of all brackets. Anything that would change
 * the meaning of that piece (options such as (?i), alternatives outside brackets, escapes with
 * letters and numbers) is refused. Some fixed texts are in many lines, "mana " for one: so it is
 * known as well with which bytes the pattern can go on behind it.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "host/diagnosis/pattern.h"

#include <ctype.h>
#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 100000u /* of PCRE2's matching, for each piece of a line */

/**
 * struct run - the fixed text that is being read, and the longest one so far
 * @after:	what follows the longest in the pattern; NULL: that is not understood
 * @maybe:	a character that may come before that; 0: none
 * @common:	it is in many lines
 * @capacity of both: a pattern is shorter than a line of a rule file
 */
struct run {
	char now[4096], best[4096];
	size_t len, best_len;
	const char *after;
	char maybe;
	bool common;
};

/** is_common() - is a text in so many lines that a shorter one is better? */
static bool is_common(const char *text, size_t len)
{
	static const char *const words[] = { "failed",    "failed to", "Failed to", "failed with",
					     "Cannot",    "cannot",    "error",     "mana",
					     "hv_netvsc", "EAL",       "device" };

	while (len && strchr(" :", text[len - 1]))
		len--;
	for (; len && strchr(" :", *text); len--)
		text++;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == len && !memcmp(words[i], text, len))
			return true;
	return false;
}

/** run_end() - the fixed text ends before @after, or @maybe and that */
static void run_end(struct run *run, const char *after, char maybe)
{
	bool common = run->len >= PATTERN_FIXED_MIN && is_common(run->now, run->len);

	if (run->len >= PATTERN_FIXED_MIN &&
	    (common == run->common ? run->len > run->best_len : run->common)) {
		memcpy(run->best, run->now, run->len);
		run->best_len = run->len;
		run->after = after;
		run->maybe = maybe;
		run->common = common;
	}
	run->len = 0;
}

static void run_add(struct run *run, char c)
{
	if (run->len < sizeof(run->now))
		run->now[run->len++] = c;
}

/** skip_set() - from a [ to after its ]; NULL if there is none */
static const char *skip_set(const char *p)
{
	p++;
	if (*p == '^')
		p++;
	if (*p == ']')
		p++;
	for (; *p && *p != ']'; p++) {
		if (*p == '\\' && p[1]) {
			p++;
		} else if (*p == '[' && p[1] == ':') {
			p = strstr(p, ":]");
			if (!p)
				return NULL;
			p++;
		}
	}
	return *p ? p + 1 : NULL;
}

/** group_allowed() - what follows a bracket: named, not captured, or looking around */
static bool group_allowed(const char *p)
{
	if (*p == '*')
		return false; /* a verb of PCRE2's */
	if (*p != '?')
		return true;
	p++;
	if (*p == '<')
		return p[1] == '=' || p[1] == '!' || strchr(p, '>');
	return *p == ':' || *p == '=' || *p == '!';
}

static int refuse(char *error, size_t size, const char *why)
{
	snprintf(error, size, "%s", why);
	return -EINVAL;
}

/* ---- what may follow a fixed text ---- */

static void set_add(uint8_t set[PATTERN_SET], unsigned int byte)
{
	set[byte / 8] |= (uint8_t)(1u << byte % 8);
}

static bool set_has(const uint8_t set[PATTERN_SET], unsigned int byte)
{
	return set[byte / 8] >> byte % 8 & 1;
}

/** add_kind() - the bytes of \\d, \\w, \\s, or of those in capitals all others */
static bool add_kind(uint8_t set[PATTERN_SET], char kind)
{
	for (unsigned int c = 0; c < 256; c++) {
		bool in = (kind | 0x20) == 'd'   ? c >= '0' && c <= '9'
			  : (kind | 0x20) == 's' ? c == ' ' || (c >= '\t' && c <= '\r')
						 : c == '_' || (c < 128 && isalnum((int)c));

		if (in == (kind >= 'a'))
			set_add(set, c);
	}
	return strchr("dwsDWS", kind) != NULL;
}

/** add_class() - the bytes of [...]; after it, or NULL: not understood */
static const char *add_class(uint8_t set[PATTERN_SET], const char *p)
{
	uint8_t these[PATTERN_SET] = { 0 };
	bool not = *++p == '^', first = true;

	for (p += not ; *p && (*p != ']' || first); first = false) {
		unsigned int from = (unsigned char)*p++, to;

		if (from == '[' && *p == ':')
			return NULL;
		if (from == '\\' && isalpha((unsigned char)*p)) {
			if (!add_kind(these, *p++))
				return NULL;
			continue;
		}
		if (from == '\\')
			from = (unsigned char)*p++;
		to = from;
		if (*p == '-' && p[1] && p[1] != ']') {
			to = (unsigned char)p[1];
			p += 2;
			if (to == '\\')
				return NULL;
		}
		for (; from <= to; from++)
			set_add(these, from);
	}
	for (unsigned int c = 0; c < 256; c++)
		if (set_has(these, c) != not )
			set_add(set, c);
	return *p ? p + 1 : NULL;
}

/** skip_group() - from after its bracket to after the closing one; NULL: there is none */
static const char *skip_group(const char *p)
{
	for (unsigned int depth = 1; *p; p++) {
		if (*p == '\\' && p[1]) {
			p++;
		} else if (*p == '[') {
			p = skip_set(p);
			if (!p)
				return NULL;
			p--;
		} else if (*p == '(') {
			depth++;
		} else if (*p == ')' && !--depth) {
			return p + 1;
		}
	}
	return NULL;
}

static bool read_first(const char *p, uint8_t set[PATTERN_SET]);

/** add_group() - the first bytes of each of its alternatives; after it, or NULL: not understood */
static const char *add_group(uint8_t set[PATTERN_SET], const char *p)
{
	const char *end = skip_group(++p);

	if (*p == '?') {
		if (p[1] == ':')
			p += 2;
		else if (p[1] == '<' && p[2] != '=' && p[2] != '!' && strchr(p, '>'))
			p = strchr(p, '>') + 1;
		else
			return NULL;
	}
	while (end && p < end) {
		if (!read_first(p, set))
			return NULL;
		/* To the next alternative */
		while (p < end && *p != '|' && *p != ')') {
			if (*p == '\\')
				p += 2;
			else if (*p == '[')
				p = skip_set(p);
			else if (*p == '(')
				p = skip_group(p + 1);
			else
				p++;
			if (!p)
				return NULL;
		}
		p++;
	}
	return end;
}

/** read_first() - with which bytes what is here may begin, added to @set; false: with any, or none */
static bool read_first(const char *p, uint8_t set[PATTERN_SET])
{
	switch (*p) {
	case 0:
	case '^':
	case '$':
	case '.':
	case '|':
	case ')':
	case '*':
	case '+':
	case '?':
	case '{':
		return false;
	case '[':
		p = add_class(set, p);
		break;
	case '(':
		p = add_group(set, p);
		break;
	case '\\':
		if (isalpha((unsigned char)p[1]) && !add_kind(set, p[1]))
			return false;
		if (!isalpha((unsigned char)p[1]))
			set_add(set, (unsigned char)p[1]);
		p += 2;
		break;
	default:
		set_add(set, (unsigned char)*p++);
		break;
	}
	/* What may be absent says nothing. */
	return p && *p != '?' && *p != '*' && (*p != '{' || (p[1] >= '1' && p[1] <= '9'));
}

/** read_fixed() - the longest fixed text of a pattern, into @run; 0 or -EINVAL */
static int read_fixed(const char *pattern, struct run *run, char *error, size_t size)
{
	unsigned int depth = 0;
	const char *p = pattern;

	while (*p) {
		const char *here = p;
		char c = *p++, last;

		switch (c) {
		case '\\':
			c = *p++;
			if (!c)
				return refuse(error, size, "nothing follows the last \\");
			if (strchr("dDwWsSbB", c)) {
				if (!depth)
					run_end(run, here, 0);
				continue;
			}
			if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z'))
				return refuse(error, size,
					      "of the escapes with letters, only \\d "
					      "\\D \\w \\W \\s \\S \\b \\B are allowed");
			break;
		case '(':
			if (!group_allowed(p))
				return refuse(error, size,
					      "of the groups with (?, only (?<name> "
					      "(?: (?= (?! (?<= (?<! are allowed");
			if (!depth)
				run_end(run, here, 0);
			depth++;
			continue;
		case ')':
			if (!depth)
				return refuse(error, size, "unmatched )");
			depth--;
			continue;
		case '[':
			if (!depth)
				run_end(run, here, 0);
			p = skip_set(p - 1);
			if (!p)
				return refuse(error, size, "unmatched [");
			continue;
		case '|':
			if (!depth)
				return refuse(error, size,
					      "| outside brackets: write two fields instead");
			continue;
		case '*':
		case '?':
		case '{':
			/* What comes before it may be absent. */
			last = !depth && run->len ? run->now[--run->len] : 0;
			if (!depth)
				run_end(run, c == '{' || !last ? NULL : p, last);
			if (c == '{') {
				p += strspn(p, "0123456789,");
				if (*p++ != '}')
					return refuse(error, size,
						      "{ is not a count such as {2,4}: write \\{");
			}
			continue;
		case '+':
			if (!depth)
				run_end(run, p, run->len ? run->now[run->len - 1] : 0);
			continue;
		case '^':
		case '$':
		case '.':
			if (!depth)
				run_end(run, here, 0);
			continue;
		default:
			break;
		}
		if (!depth)
			run_add(run, c);
	}
	run_end(run, p, 0);
	if (run->best_len < PATTERN_FIXED_MIN)
		return refuse(error, size,
			      "it needs four literal characters in a row outside brackets");
	return 0;
}

int pattern_fixed(const char *pattern, struct pattern_fixed *fixed, char *error, size_t size)
{
	struct run run = { .common = true };
	int err = read_fixed(pattern, &run, error, size);

	if (err)
		return err;
	memset(fixed, 0, sizeof(*fixed));
	if (run.best_len > PATTERN_FIXED_MAX)
		set_add(fixed->next, (unsigned char)run.best[PATTERN_FIXED_MAX]);
	else if (!run.after || !read_first(run.after, fixed->next))
		memset(fixed->next, 0xff, sizeof(fixed->next));
	else if (run.maybe)
		set_add(fixed->next, (unsigned char)run.maybe);
	if (run.best_len > PATTERN_FIXED_MAX)
		run.best_len = PATTERN_FIXED_MAX;
	memcpy(fixed->text, run.best, run.best_len);
	return 0;
}

bool pattern_goes_on(const struct pattern_fixed *fixed, const char *text, size_t len, size_t end)
{
	/* A text that ends there may go on in the next piece, or the pattern end as well. */
	return end == len || set_has(fixed->next, (unsigned char)text[end]);
}

int pattern_compile(const char *pattern, void **code, char *error, size_t size)
{
	PCRE2_UCHAR message[256];
	PCRE2_SIZE offset;
	int number;

	*code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
			      PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C,
			      &number, &offset, NULL);
	if (*code)
		return 0;
	pcre2_get_error_message(number, message, sizeof(message));
	snprintf(error, size, "%s, at character %zu", (const char *)message, offset + 1);
	return -EINVAL;
}

void pattern_free(void *code)
{
	pcre2_code_free(code);
}

void pattern_hasten(void *code)
{
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
}

/** names() - the table of a pattern's captures: 2 bytes of number, and the name */
static uint32_t names(const void *code, PCRE2_SPTR *table, uint32_t *entry)
{
	uint32_t n = 0;

	pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &n);
	pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, entry);
	pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, table);
	return n;
}

bool pattern_has(const void *code, const char *name)
{
	PCRE2_SPTR table;
	uint32_t entry, n = names(code, &table, &entry);

	for (uint32_t i = 0; i < n; i++)
		if (!strcmp((const char *)table + i * entry + 2, name))
			return true;
	return false;
}

/**
 * struct matcher - what matching needs
 * @text:	of the last match
 */
struct matcher {
	pcre2_match_context *context;
	pcre2_match_data *data;
	const char *text;
};

struct matcher *matcher_open(void)
{
	struct matcher *matcher = calloc(1, sizeof(*matcher));

	if (!matcher)
		return NULL;
	matcher->context = pcre2_match_context_create(NULL);
	matcher->data = pcre2_match_data_create(32, NULL);
	if (!matcher->context || !matcher->data) {
		matcher_close(matcher);
		return NULL;
	}
	pcre2_set_match_limit(matcher->context, STEPS_MAX);
	return matcher;
}

void matcher_close(struct matcher *matcher)
{
	if (!matcher)
		return;
	pcre2_match_context_free(matcher->context);
	pcre2_match_data_free(matcher->data);
	free(matcher);
}

bool pattern_matches(struct matcher *matcher, void *code, const char *text, size_t len, bool begins,
		     bool ends)
{
	uint32_t options = (begins ? 0 : PCRE2_NOTBOL) | (ends ? 0 : PCRE2_NOTEOL);

	matcher->text = text;
	return pcre2_match(code, (PCRE2_SPTR)text, len, 0, options, matcher->data,
			   matcher->context) >= 0;
}

bool matcher_capture(struct matcher *matcher, void *code, unsigned int n, const char **name,
		     const char **text, size_t *len)
{
	const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(matcher->data);
	PCRE2_SPTR table;
	uint32_t entry, count = names(code, &table, &entry), number;

	if (n >= count)
		return false;
	number = (uint32_t)(table[n * entry] << 8 | table[n * entry + 1]);
	*name = (const char *)table + n * entry + 2;
	*text = NULL;
	*len = 0;
	if (number < pcre2_get_ovector_count(matcher->data) && offsets[2 * number] != PCRE2_UNSET &&
	    offsets[2 * number + 1] >= offsets[2 * number]) {
		*text = matcher->text + offsets[2 * number];
		*len = offsets[2 * number + 1] - offsets[2 * number];
	}
	return true;
}
