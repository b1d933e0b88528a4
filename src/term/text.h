/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/text.h - lines that fit, and commands as a shell reads them.
 */
#ifndef MANAKIN_TERM_TEXT_H
#define MANAKIN_TERM_TEXT_H

#include <stddef.h>
#include <stdio.h>

/** output_wrap() - break @text at blanks, so that no line is longer than @width if that can be */
void output_wrap(char *text, size_t width);

/** output_command() - words on one line, quoted for a shell where need be */
void output_command(FILE *to, char *const *argv);

#endif
