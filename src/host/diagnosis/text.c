/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/diagnosis/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

size_t escape_length(const char *text, size_t left)
{
	size_t n = 2;

	if (left < 3 || text[0] != 0x1b || text[1] != '[')
		return 0;
	while (n < left && text[n] >= 0x20 && text[n] < 0x40)
		n++;
	return n < left && text[n] >= 0x40 && text[n] < 0x7f ? n + 1 : 0;
}

void text_clean(char *to, size_t size, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;
	size_t at = 0;

	while (p < end && at + 8 < size) {
		size_t n = escape_length((const char *)p, (size_t)(end - p));

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
