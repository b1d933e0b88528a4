/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/term.h - what a terminal can show: colour, width, a line that is written over.
 *
 * The room term/ is the user's side of every command: messages and exit statuses (say.h), the
 * command line (commands.h: which command; options.h: its options; value.h: what they are given;
 * near.h: what a mistyped word was meant to be), and what is printed (table.h, json.h, text.h).
 * Commands look alike because they all use it.
 *
 * It may use base/ and libraries. It knows nothing of MANA, of a machine or of any command; it
 * never decides what is printed, and never ends the process except for --help and --version.
 *
 * Colour is for terminals, unless NO_COLOR is set (no-color.org) or TERM is dumb.
 */
#ifndef MANAKIN_TERM_TERM_H
#define MANAKIN_TERM_TERM_H

#include <stdbool.h>
#include <stdio.h>

enum output_style {
	STYLE_PLAIN,
	STYLE_STRONG,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_NOTE,
	STYLE_WARNING,
	STYLE_BAD,
};

/** output_is_terminal() - does a person read it? Then a layout for the eye is worth it */
bool output_is_terminal(FILE *to);

/** output_has_colour() - a terminal that may be sent escape sequences */
bool output_has_colour(FILE *to);

/** output_style() - the sequence that begins a style; empty where there is no colour */
const char *output_style(FILE *to, enum output_style style);

/** output_width() - characters in a line of the terminal; 0: not a terminal, or not known */
unsigned int output_width(FILE *to);

/** output_can_rewrite() - a terminal whose last line can be replaced, to show progress in place */
bool output_can_rewrite(FILE *to);

/* Printed first, to replace that line */
#define OUTPUT_REWRITE "\r\033[K"

#endif
