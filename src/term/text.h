/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/text.h - wrapping of lines, commands quoted for a shell, and names that others chose.
 */
#ifndef MANAKIN_TERM_TEXT_H
#define MANAKIN_TERM_TEXT_H

#include <stddef.h>
#include <stdio.h>

/** output_wrap() - break @text at blanks, so that no line is longer than @width, if possible */
void output_wrap(char *text, size_t width);

/** output_command() - words on one line, quoted for a shell where necessary */
void output_command(FILE *to, char *const *argv);

/**
 * output_visible() - as fprintf(), with names that somebody else chose among the arguments
 *
 * What is not printable is escaped, so that it does not command the terminal; see quote_print().
 */
__attribute__((format(printf, 2, 3))) void output_visible(FILE *to, const char *format, ...);

#endif
