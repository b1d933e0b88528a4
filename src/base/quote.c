/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/**
 * printable() - how many bytes the printable character at @text has; 0: it is none
 *
 * Besides ASCII, that is valid UTF-8 (RFC 3629) from U+00A0 on: U+0080 to U+009F are control
 * characters of a terminal, too.
 */
static size_t printable(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t len = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
	uint32_t code;

	if (byte[0] < 0x80)
		return byte[0] >= ' ' && byte[0] < 0x7f;
	if (byte[0] < 0xc2 || byte[0] > 0xf4)
		return 0;
	code = byte[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (byte[i] & 0x3f);
	}
	if (code < 0xa0 || (len == 3 && code < 0x800) || (len == 4 && code < 0x10000) ||
	    code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	/* Marks that change the direction of what follows, and line separators */
	if ((code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069))
		return 0;
	return len;
}

void quote_word(FILE *to, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_@%+=:,./-";
	bool open = false;

	if (*text && !text[strspn(text, plain)]) {
		fputs(text, to);
		return;
	}
	if (!*text)
		fputs("''", to);
	while (*text) {
		size_t len = *text == '\n' ? 1 : printable(text);

		/* A line feed stays: command substitution would remove it. */
		if (open != (len && *text != '\'')) {
			fputc('\'', to);
			open = !open;
		}
		if (!len)
			fprintf(to, "\"$(printf '\\%03o')\"", (unsigned char)*text);
		else if (*text == '\'')
			fputs("\\'", to);
		else
			fwrite(text, 1, len, to);
		text += len ? len : 1;
	}
	if (open)
		fputc('\'', to);
}

/** escape() - what stands for the character at *text, which is skipped */
static const char *escape(const char **text, char room[5])
{
	size_t len = printable(*text);
	unsigned char byte = (unsigned char)**text;

	if (len) {
		memcpy(room, *text, len);
		room[len] = '\0';
		*text += len;
		return room;
	}
	++*text;
	if (byte == '\n')
		return "\\n";
	if (byte == '\t')
		return "\\t";
	snprintf(room, 5, "\\x%02x", byte);
	return room;
}

char *quote_visible(char *to, size_t size, const char *text)
{
	size_t used = 0;
	char room[5];

	*to = '\0';
	while (*text) {
		const char *part = escape(&text, room);

		if (used + strlen(part) >= size)
			break;
		strcpy(to + used, part);
		used += strlen(part);
	}
	return to;
}

void quote_print(FILE *to, const char *text)
{
	char room[5];

	while (*text) {
		if (*text == '\n' || *text == '\t')
			fputc(*text++, to);
		else
			fputs(escape(&text, room), to);
	}
}
