/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a pattern is one of PCRE2's, on bytes. A log may have a gigabyte, and rules
 * some hundred patterns: only lines that have a pattern's fixed text are given to PCRE2. So a
 * pattern must have one: the longest piece outside of all brackets. Anything that would change
 * the meaning of that piece (options such as (?i), alternatives outside brackets, escapes with
 * letters and numbers) is refused.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "host/diagnosis/pattern.h"

#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 100000u /* of PCRE2's matching, for each piece of a line */

/**
 * struct run - the fixed text that is being read, and the longest one so far
 * @capacity of both: a pattern is shorter than a line of a rule file
 */
struct run {
	char now[4096], best[4096];
	size_t len, best_len;
};

static void run_end(struct run *run)
{
	if (run->len > run->best_len) {
		memcpy(run->best, run->now, run->len);
		run->best_len = run->len;
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

int pattern_fixed(const char *pattern, char fixed[PATTERN_FIXED_MAX + 1], char *error, size_t size)
{
	struct run run = { .len = 0 };
	unsigned int depth = 0;
	const char *p = pattern;

	while (*p) {
		char c = *p++;

		switch (c) {
		case '\\':
			c = *p++;
			if (!c)
				return refuse(error, size, "nothing follows the last \\");
			if (strchr("dDwWsSbB", c)) {
				if (!depth)
					run_end(&run);
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
				run_end(&run);
			depth++;
			continue;
		case ')':
			if (!depth)
				return refuse(error, size, "unmatched )");
			depth--;
			continue;
		case '[':
			if (!depth)
				run_end(&run);
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
			if (!depth && run.len)
				run.len--;
			if (!depth)
				run_end(&run);
			if (c == '{') {
				p += strspn(p, "0123456789,");
				if (*p++ != '}')
					return refuse(error, size,
						      "{ is not a count such as {2,4}: write \\{");
			}
			continue;
		case '^':
		case '$':
		case '.':
		case '+':
			if (!depth)
				run_end(&run);
			continue;
		default:
			break;
		}
		if (!depth)
			run_add(&run, c);
	}
	run_end(&run);
	if (run.best_len < PATTERN_FIXED_MIN)
		return refuse(error, size,
			      "it needs four literal characters in a row outside brackets");
	if (run.best_len > PATTERN_FIXED_MAX)
		run.best_len = PATTERN_FIXED_MAX;
	memcpy(fixed, run.best, run.best_len);
	fixed[run.best_len] = 0;
	return 0;
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
