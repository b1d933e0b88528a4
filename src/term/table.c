/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/table.h"

#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "term/say.h"

struct libscols_table *output_table(const struct output_column *columns, size_t n)
{
	struct libscols_table *table;

	/* The lines of a tree are drawn with what the terminal's character set has. */
	setlocale(LC_CTYPE, "");
	table = scols_new_table();
	if (!table)
		return NULL;
	scols_table_enable_colors(table, output_has_colour(stdout));
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
		[STYLE_PLAIN] = NULL,   [STYLE_STRONG] = "bold", [STYLE_DIM] = "halfbright",
		[STYLE_GOOD] = "green", [STYLE_NOTE] = "cyan",   [STYLE_WARNING] = "brown",
		[STYLE_BAD] = "red",
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
		say("cannot print the table: %s", error_reason(-err));
		return EXIT_FAILED;
	}
	return stdout_flushed();
}
