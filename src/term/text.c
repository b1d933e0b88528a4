/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/text.h"

#include <string.h>

void output_wrap(char *text, size_t width)
{
	char *blank = NULL, *start = text;

	for (; *text; text++) {
		if (*text == ' ')
			blank = text;
		if (*text == '\n') {
			start = text + 1;
			blank = NULL;
		} else if (blank && (size_t)(text - start) >= width) {
			*blank = '\n';
			start = blank + 1;
			blank = NULL;
		}
	}
}

/** print_quoted() - an argument, quoted for a shell if necessary */
static void print_quoted(FILE *to, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_@%+=:,./-";

	if (*text && !text[strspn(text, plain)]) {
		fputs(text, to);
		return;
	}
	putc('\'', to);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", to);
		else
			putc(*text, to);
	putc('\'', to);
}

void output_command(FILE *to, char *const *argv)
{
	for (size_t i = 0; argv[i]; i++) {
		if (i)
			putc(' ', to);
		print_quoted(to, argv[i]);
	}
	putc('\n', to);
}
