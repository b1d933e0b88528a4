/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/table.h - tables on standard output.
 */
#ifndef MANAKIN_TERM_TABLE_H
#define MANAKIN_TERM_TABLE_H

#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>

#include "term/term.h"

/**
 * struct output_column - a column of a table
 * @right:	aligned to the right, for numbers
 * @tree:	the tree is drawn in it
 * @lines:	its cells may have line feeds in them
 */
struct output_column {
	const char *name;
	bool right, tree, lines;
};

/** output_table() - an empty one; NULL: no memory, which the functions below accept */
struct libscols_table *output_table(const struct output_column *columns, size_t n);

/** output_line() - a new line; @parent: the line above it in the tree, NULL for none */
struct libscols_line *output_line(struct libscols_table *table, struct libscols_line *parent);

/** output_cell() - fill in a cell, as printf() does */
__attribute__((format(printf, 3, 4))) void output_cell(struct libscols_line *line, size_t column,
						       const char *format, ...);

/** output_cell_style() - colour a cell, if the terminal has colours */
void output_cell_style(struct libscols_line *line, size_t column, enum output_style style);

/** output_table_print() - to standard output, and free it; an exit status */
int output_table_print(struct libscols_table *table);

#endif
