/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: one layer after the other is taken off, and each leaves a text that is not
 * longer than it was: null bytes, JSON (as often as it is in itself), quoted fields, escaped quotes, and
 * at last the colours, which may have been within any of these. The rest of a line is not
 * understood, and need not be: what does not have the exact form of a layer stays as it is.
 */
#include "host/diagnosis/unwrap.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "host/diagnosis/text.h"

#define JSON_DEEP 3   /* JSON in JSON in JSON: a runtime's, a collector's, the program's own */
#define KEY_MAX   64u /* bytes of a name in JSON; longer ones are not taken for one */
#define NEXT      '\r'

#define TEXT(bytes)                                                                                \
	{                                                                                          \
		bytes, sizeof(bytes) - 1                                                           \
	}

const struct scan_text unwrap_texts[] = {
	TEXT("\x1b["),
	TEXT("#033["),
	TEXT("^[["),
	TEXT("\\x1b["),
	TEXT("\\033["),
	TEXT("\\e["),
	TEXT("[0m"),
	TEXT("\\\""),
	TEXT("\\u00"),
	TEXT("\"MESSAGE\":["),
	TEXT("\"MESSAGE\" : ["),
	/* A blank in UTF-16 of either order */
	TEXT(" \0"),
	TEXT("\0 "),
};
const size_t unwrap_n_texts = sizeof(unwrap_texts) / sizeof(unwrap_texts[0]);

static bool begins(const char *p, const char *end, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(end - p) >= len && !memcmp(p, with, len);
}

/** is_odd() - is what begins at this byte part of something that unwrap() changes? */
static bool is_odd(const char *p, const char *end)
{
	switch (*p) {
	case '#':
		return begins(p, end, "#0");
	case '^':
		return begins(p, end, "^[[");
	case '[':
		return begins(p, end, "[0m");
	case '"':
		/* journalctl -o json-pretty */
		return begins(p, end, "\" : ");
	default:
		return true;
	}
}

bool unwrap_needed(const char *text, size_t len)
{
	/* Most lines that are looked at have none of these, and there may be millions. */
	static const unsigned char odd[256] = {
		[0] = 1,   ['\r'] = 1, [0x1b] = 1, ['"'] = 1, ['#'] = 1,
		['['] = 1, ['\\'] = 1, ['^'] = 1,  ['{'] = 1
	};
	const unsigned char *p = (const unsigned char *)text, *end = p + len;

	while (p < end) {
		while (end - p >= 4 && !(odd[p[0]] | odd[p[1]] | odd[p[2]] | odd[p[3]]))
			p += 4;
		while (p < end && !odd[*p])
			p++;
		if (p < end && is_odd((const char *)p, (const char *)end))
			return true;
		p++;
	}
	return false;
}

static size_t drop_nulls(char *text, size_t len)
{
	size_t n = 0;

	if (!memchr(text, 0, len))
		return len;
	for (size_t i = 0; i < len; i++)
		if (text[i])
			text[n++] = text[i];
	return n;
}

/* ---- strings ---- */

static int hex(char c)
{
	return c >= '0' && c <= '9'         ? c - '0'
	       : isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10
					    : -1;
}

/** put_character() - one that was written as its number; never longer than that was */
static char *put_character(char *to, uint32_t value)
{
	if (value == '\n' || value == '\r') {
		*to++ = NEXT;
	} else if (value == 0x1b || (value >= 0x20 && value < 0x7f)) {
		*to++ = (char)value;
	} else if (value < 0x80) {
		*to++ = ' ';
	} else if (value < 0x800) {
		*to++ = (char)(0xc0 | value >> 6);
		*to++ = (char)(0x80 | (value & 0x3f));
	} else if (value >= 0xd800 && value < 0xe000) {
		*to++ = '?';
	} else {
		*to++ = (char)(0xe0 | value >> 12);
		*to++ = (char)(0x80 | (value >> 6 & 0x3f));
		*to++ = (char)(0x80 | (value & 0x3f));
	}
	return to;
}

/** take_escape() - at a backslash in a string; both move on */
static void take_escape(char **to, const char **from, const char *end)
{
	static const char names[] = "ntrbf\"\\/";
	static const char means[] = { NEXT, ' ', NEXT, ' ', ' ', '"', '\\', '/' };
	const char *p = *from, *name;
	uint32_t value = 0;
	int digits = 0;

	if (p + 1 < end && p[1] == 'u') {
		while (digits < 4 && p + 2 + digits < end && hex(p[2 + digits]) >= 0)
			value = value << 4 | (uint32_t)hex(p[2 + digits++]);
		if (digits == 4) {
			*to = put_character(*to, value);
			*from = p + 6;
			return;
		}
	}
	name = p + 1 < end && p[1] ? strchr(names, p[1]) : NULL;
	if (name) {
		*(*to)++ = means[name - names];
		*from = p + 2;
	} else {
		*(*to)++ = *p;
		*from = p + 1;
	}
}

/** take_string() - from a quote to after the next one, or to the end; both move on */
static void take_string(char **to, const char **from, const char *end)
{
	*(*to)++ = NEXT;
	++*from;
	while (*from < end && **from != '"')
		if (**from == '\\')
			take_escape(to, from, end);
		else
			*(*to)++ = *(*from)++;
	if (*from < end) {
		*(*to)++ = NEXT;
		++*from;
	}
}

/** next_byte() - of a list of numbers, with what follows it; -1: it is none */
static int next_byte(const char **p, const char *end)
{
	int value = 0, digits = 0;

	while (*p < end && **p == ' ')
		++*p;
	for (; *p < end && isdigit((unsigned char)**p) && digits < 4; digits++)
		value = value * 10 + (*(*p)++ - '0');
	while (*p < end && **p == ' ')
		++*p;
	return digits && value < 256 && *p < end && (**p == ',' || **p == ']') ? value : -1;
}

/** take_bytes() - a list of numbers, as journald writes a message with a colour; else no more than [ */
static void take_bytes(char **to, const char **from, const char *end)
{
	const char *p = *from;
	int value;

	/* The text becomes shorter in its place: first see whether it is such a list. */
	do {
		p++;
		value = next_byte(&p, end);
	} while (value >= 0 && *p == ',');
	if (value < 0) {
		*(*to)++ = *(*from)++;
		return;
	}
	*(*to)++ = NEXT;
	for (p = *from + 1; p[-1] != ']'; p++) {
		value = next_byte(&p, end);
		*(*to)++ = value == '\n' || !value ? NEXT : (char)value;
	}
	*(*to)++ = NEXT;
	*from = p;
}

/* ---- JSON ---- */

/** is_key() - "name": is here */
static bool is_key(const char *p, const char *end)
{
	const char *name;

	if (p == end || *p != '"')
		return false;
	name = ++p;
	while (p < end && (isalnum((unsigned char)*p) || (*p && strchr("_-.@/", *p))))
		p++;
	if (p == name || p - name > KEY_MAX || p == end || *p != '"')
		return false;
	for (p++; p < end && *p == ' '; p++)
		;
	return p < end && *p == ':';
}

/** find_object() - where one begins, or a field on a line of its own; NULL: nowhere */
static const char *find_object(const char *text, const char *end)
{
	const char *p = text;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (is_key(p, end))
		return p;
	for (p = text; p < end && (p = memchr(p, '{', (size_t)(end - p))); p++) {
		const char *key = p + 1;

		while (key < end && *key == ' ')
			key++;
		if (is_key(key, end))
			return p;
	}
	return NULL;
}

/** open_json() - in place; false: there is none */
static bool open_json(char *text, size_t *len)
{
	const char *end = text + *len, *from = find_object(text, end);
	char *to = text;
	int deep = 0;

	if (!from)
		return false;
	to += from - text;
	do {
		if (*from == '"') {
			take_string(&to, &from, end);
		} else if (*from == '[') {
			take_bytes(&to, &from, end);
		} else {
			deep += (*from == '{') - (*from == '}');
			/* A field on a line of its own is in no object. */
			if (*from == '}' && deep <= 0)
				break;
			*to++ = *from++;
		}
	} while (from < end);
	memmove(to, from, (size_t)(end - from));
	*len = (size_t)(to - text) + (size_t)(end - from);
	return true;
}

/* ---- other quotes ---- */

/** open_fields() - msg="..." of logfmt, and what is left of \" anywhere, in place */
static size_t open_fields(char *text, size_t len)
{
	static const char *const names[] = { "msg=", "message=", "log=", "error=", "err=" };
	const char *end = text + len, *from = text;
	char *to = text;

	if (!memchr(text, '\\', len))
		return len;
	while (from < end) {
		size_t name = 0;

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (begins(from, end, names[i]) && from + strlen(names[i]) < end &&
			    from[strlen(names[i])] == '"' && (from == text || from[-1] == ' '))
				name = strlen(names[i]);
		if (name) {
			memmove(to, from, name);
			to += name;
			from += name;
			take_string(&to, &from, end);
			continue;
		}
		if (begins(from, end, "\\\""))
			from++;
		*to++ = *from++;
	}
	return (size_t)(to - text);
}

/* ---- colours ---- */

/** sgr_length() - of [...m, a colour without its escape character; 0: it is none */
static size_t sgr_length(const char *p, const char *end, bool bare)
{
	size_t n = 1;

	if (p == end || *p != '[')
		return 0;
	while (p + n < end && (isdigit((unsigned char)p[n]) || p[n] == ';'))
		n++;
	/* Where nothing shows that it is one, it needs a number: [mana] is none. */
	return p + n < end && (p[n] == 'm' || (p[n] == 'K' && !bare)) && (n > 1 || !bare) ? n + 1
											  : 0;
}

/**
 * colour_length() - of a colour, or another of a terminal's sequences, in any way it is written
 * @bare:	colours that lost their escape character are taken for such
 */
static size_t colour_length(const char *p, const char *end, bool bare)
{
	static const char *const escapes[] = { "\x1b",    "#033",         "^[",
					       "\\x1b",   "\\033",        "\\e",
					       "\\u001b", "\xef\xbf\xbd", "\xe2\x90\x9b" };
	size_t n = escape_length(p, (size_t)(end - p));

	if (n || (n = bare ? sgr_length(p, end, true) : 0))
		return n;
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		if (begins(p, end, escapes[i])) {
			n = sgr_length(p + strlen(escapes[i]), end, false);
			return n ? strlen(escapes[i]) + n : 0;
		}
	return 0;
}

/** control_length() - of one that syslog wrote in octal, #012; @as: what stands for it */
static size_t control_length(const char *p, const char *end, char *as)
{
	if (begins(p, end, "#012") || begins(p, end, "#015"))
		*as = NEXT;
	else if (begins(p, end, "#011"))
		*as = ' ';
	else
		return 0;
	return 4;
}

static size_t drop_colours(char *text, size_t len)
{
	const char *end = text + len, *from = text;
	bool bare = memmem(text, len, "[0m", 3) != NULL;
	char *to = text, as;

	while (from < end) {
		size_t n = strchr("\x1b#^\\[\xef\xe2", *from) ? colour_length(from, end, bare) : 0;

		if (n) {
			from += n;
		} else if (*from == '#' && (n = control_length(from, end, &as))) {
			*to++ = as;
			from += n;
		} else {
			*to++ = *from++;
		}
	}
	return (size_t)(to - text);
}

size_t unwrap(char *to, const char *text, size_t len)
{
	memmove(to, text, len);
	len = drop_nulls(to, len);
	for (int deep = 0; deep < JSON_DEEP && open_json(to, &len); deep++)
		;
	len = open_fields(to, len);
	return drop_colours(to, len);
}
