/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/term.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool output_is_terminal(FILE *to)
{
	return isatty(fileno(to));
}

/** is_dumb() - a terminal that shows escape sequences as they are */
static bool is_dumb(void)
{
	const char *term = getenv("TERM");

	return term && !strcmp(term, "dumb");
}

bool output_has_colour(FILE *to)
{
	const char *none = getenv("NO_COLOR");

	return !(none && *none) && !is_dumb() && output_is_terminal(to);
}

const char *output_style(FILE *to, enum output_style style)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "\033[0m", [STYLE_STRONG] = "\033[1m", [STYLE_DIM] = "\033[2m",
		[STYLE_GOOD] = "\033[32m", [STYLE_NOTE] = "\033[36m",  [STYLE_WARNING] = "\033[33m",
		[STYLE_BAD] = "\033[31m",
	};

	return output_has_colour(to) ? sequences[style] : "";
}

unsigned int output_width(FILE *to)
{
	struct winsize size;

	return ioctl(fileno(to), TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

bool output_can_rewrite(FILE *to)
{
	return output_is_terminal(to) && !is_dumb();
}
