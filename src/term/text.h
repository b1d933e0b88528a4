/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/text.h - wrapping of lines, and commands quoted for a shell.
 */
#ifndef MANAKIN_TERM_TEXT_H
#define MANAKIN_TERM_TEXT_H

#include <stddef.h>
#include <stdio.h>

/** output_wrap() - break @text at blanks, so that no line is longer than @width, if possible */
void output_wrap(char *text, size_t width);

/** output_command() - words on one line, quoted for a shell where necessary */
void output_command(FILE *to, char *const *argv);

#endif
