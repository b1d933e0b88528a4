/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/quote.h - names that somebody else chose, in scripts and on terminals.
 *
 * An interface's name, an address label or a path can contain quotes, blanks, dollar signs, line
 * feeds and what terminals take for commands.
 */
#ifndef MANAKIN_BASE_QUOTE_H
#define MANAKIN_BASE_QUOTE_H

#include <stddef.h>
#include <stdio.h>

/**
 * quote_word() - print a text as one word for sh
 *
 * As it is if it has only letters, digits and what no shell treats specially; else in single quotes,
 * with "$(printf ...)" for what a terminal could take for a command. A shell makes the same bytes of
 * it.
 */
void quote_word(FILE *to, const char *text);

/**
 * quote_visible() - a text for people, on one line
 * @to:		at least @size bytes; cut off where it does not fit
 *
 * What is not a printable character, in UTF-8, becomes \n, \t or \xNN.
 *
 * Return: @to
 */
char *quote_visible(char *to, size_t size, const char *text);

/** quote_print() - the same, to a stream and not cut off; line feeds and tabs stay as they are */
void quote_print(FILE *to, const char *text);

#endif
