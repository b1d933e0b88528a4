/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/text.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/quote.h"

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

void output_command(FILE *to, char *const *argv)
{
	for (size_t i = 0; argv[i]; i++) {
		if (i)
			putc(' ', to);
		quote_word(to, argv[i]);
	}
	putc('\n', to);
}

void output_visible(FILE *to, const char *format, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, format);
	len = vasprintf(&text, format, ap);
	va_end(ap);
	if (len < 0)
		return;
	quote_print(to, text);
	free(text);
}
