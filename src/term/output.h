/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/output.h - what commands print: JSON, tables, colour.
 *
 * Colour is for terminals, and not where NO_COLOR is set (no-color.org) or TERM is dumb.
 */
#ifndef MANAKIN_TERM_OUTPUT_H
#define MANAKIN_TERM_OUTPUT_H

#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>
#include <stdio.h>

enum output_style {
	STYLE_PLAIN,
	STYLE_STRONG,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_WARNING,
	STYLE_BAD,
};

/** output_is_terminal() - does a person read it? Then a layout for the eye is worth it */
bool output_is_terminal(FILE *to);

/** output_style() - the sequence that begins a style; empty where there is no colour */
const char *output_style(FILE *to, enum output_style style);

/**
 * output_json() - print to standard output
 * @root:	given up, whatever happens; NULL: there was no memory for it
 *
 * Return: an exit status; it has said why if it failed
 */
int output_json(json_t *root);

/** output_width() - characters in a line of the terminal; 0: it is none, or does not say */
unsigned int output_width(FILE *to);

/** output_wrap() - break @text at blanks, so that no line is longer than @width if that can be */
void output_wrap(char *text, size_t width);

/** output_command() - words on one line, quoted for a shell where need be */
void output_command(FILE *to, char *const *argv);

/** output_text() - a JSON string, or null for NULL and an empty text */
json_t *output_text(const char *text);

/**
 * struct output_column - a column of a table
 * @right:	its texts end under one another: numbers
 * @tree:	lines are drawn in it from each line to those below it
 * @lines:	its texts may have line feeds in them
 */
struct output_column {
	const char *name;
	bool right, tree, lines;
};

/** output_table() - an empty one; NULL: no memory. The functions below take that, too */
struct libscols_table *output_table(const struct output_column *columns, size_t n);

/** output_line() - a new line; @parent: the line that it hangs under, NULL for none */
struct libscols_line *output_line(struct libscols_table *table, struct libscols_line *parent);

/** output_cell() - fill in a cell, as printf() does */
__attribute__((format(printf, 3, 4))) void output_cell(struct libscols_line *line, size_t column,
						       const char *format, ...);

/** output_cell_style() - give a cell a colour, where there is any */
void output_cell_style(struct libscols_line *line, size_t column, enum output_style style);

/** output_table_print() - to standard output, and free it; an exit status */
int output_table_print(struct libscols_table *table);

#endif
