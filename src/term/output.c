/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/output.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "term/say.h"

bool output_is_terminal(FILE *to)
{
	return isatty(fileno(to));
}

/** has_colour() - may colours go there? */
static bool has_colour(FILE *to)
{
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(none && *none) && !(term && !strcmp(term, "dumb")) && output_is_terminal(to);
}

const char *output_style(FILE *to, enum output_style style)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "\033[0m", [STYLE_STRONG] = "\033[1m",   [STYLE_DIM] = "\033[2m",
		[STYLE_GOOD] = "\033[32m", [STYLE_WARNING] = "\033[33m", [STYLE_BAD] = "\033[31m",
	};

	return has_colour(to) ? sequences[style] : "";
}

/** flushed() - has all of standard output been written? Says so if not */
static int flushed(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_OK;
	say("cannot write to standard output: %s", strerror(errno));
	return EXIT_FAILED;
}

int output_json(json_t *root)
{
	int err = !root || json_dumpf(root, stdout, JSON_INDENT(2)) || putchar('\n') == EOF;

	json_decref(root);
	if (!root) {
		say("out of memory");
		return EXIT_FAILED;
	}
	return flushed() || err ? EXIT_FAILED : EXIT_OK;
}

json_t *output_text(const char *text)
{
	json_t *string;

	if (!text || !*text)
		return json_null();
	string = json_string(text);
	/* File names and the like may be no UTF-8, which JSON has to be. */
	return string ? string : json_string("?");
}

unsigned int output_width(FILE *to)
{
	struct winsize size;

	return ioctl(fileno(to), TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

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

/** print_quoted() - an argument as a shell takes it */
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

struct libscols_table *output_table(const struct output_column *columns, size_t n)
{
	struct libscols_table *table;

	/* The lines of a tree are drawn with what the terminal's character set has. */
	setlocale(LC_CTYPE, "");
	table = scols_new_table();
	if (!table)
		return NULL;
	scols_table_enable_colors(table, has_colour(stdout));
	if (!output_is_terminal(stdout))
		scols_table_enable_ascii(table, 1);
	for (size_t i = 0; i < n; i++) {
		struct libscols_column *column;
		int flags = (columns[i].right ? SCOLS_FL_RIGHT : 0) |
			    (columns[i].tree ? SCOLS_FL_TREE : 0) |
			    (columns[i].lines ? SCOLS_FL_WRAP : 0);

		column = scols_table_new_column(table, columns[i].name, 0, flags);
		if (!column) {
			scols_unref_table(table);
			return NULL;
		}
		if (columns[i].lines) {
			scols_column_set_wrapfunc(column, scols_wrapnl_chunksize,
						  scols_wrapnl_nextchunk, NULL);
			scols_column_set_safechars(column, "\n");
		}
	}
	return table;
}

struct libscols_line *output_line(struct libscols_table *table, struct libscols_line *parent)
{
	return table ? scols_table_new_line(table, parent) : NULL;
}

void output_cell(struct libscols_line *line, size_t column, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (line && vasprintf(&text, format, ap) >= 0 && scols_line_refer_data(line, column, text))
		free(text);
	va_end(ap);
}

void output_cell_style(struct libscols_line *line, size_t column, enum output_style style)
{
	static const char *const names[] = {
		[STYLE_PLAIN] = NULL,   [STYLE_STRONG] = "bold",   [STYLE_DIM] = "halfbright",
		[STYLE_GOOD] = "green", [STYLE_WARNING] = "brown", [STYLE_BAD] = "red",
	};
	struct libscols_cell *cell = line ? scols_line_get_cell(line, column) : NULL;

	if (cell && names[style])
		scols_cell_set_color(cell, names[style]);
}

int output_table_print(struct libscols_table *table)
{
	int err;

	if (!table) {
		say("out of memory");
		return EXIT_FAILED;
	}
	err = scols_print_table(table);
	scols_unref_table(table);
	if (err < 0) {
		say("cannot print the table: %s", strerror(-err));
		return EXIT_FAILED;
	}
	return flushed();
}
