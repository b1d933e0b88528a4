/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/pattern.h - the regular expressions of rules.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_PATTERN_H
#define MANAKIN_HOST_DIAGNOSIS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_FIXED_MIN 4u  /* bytes that a pattern must have outside brackets, in one piece */
#define PATTERN_FIXED_MAX 24u /* more of them would make the search slower, not better */

#define PATTERN_SET       32u /* bytes of a set of bytes: bit n % 8 of n / 8 is byte n */

/**
 * struct pattern_fixed - what is in every line that a pattern matches
 * @text:	these bytes
 * @next:	and behind them one of these; all of them: anything, or nothing
 */
struct pattern_fixed {
	char text[PATTERN_FIXED_MAX + 1];
	uint8_t next[PATTERN_SET];
};

/**
 * pattern_fixed() - find it
 * @error:	why there is none, or what the pattern has that is not allowed
 *
 * Return: 0 or -EINVAL
 */
int pattern_fixed(const char *pattern, struct pattern_fixed *fixed, char *error, size_t size);

/** pattern_goes_on() - can the pattern match where its fixed text ends in a text? */
bool pattern_goes_on(const struct pattern_fixed *fixed, const char *text, size_t len, size_t end);

/**
 * pattern_compile() - compile a pattern
 * @code:	filled in; pattern_free() it
 * @error:	the mistake
 */
int pattern_compile(const char *pattern, void **code, char *error, size_t size);
void pattern_free(void *code);

/** pattern_hasten() - compile to machine code: for one that is tried on many lines */
void pattern_hasten(void *code);

/** pattern_has() - does the pattern capture something under this name? */
bool pattern_has(const void *code, const char *name);

struct matcher;

/** matcher_open() - what matching needs beside patterns; NULL if there is no memory */
struct matcher *matcher_open(void);
void matcher_close(struct matcher *matcher);

/**
 * pattern_matches() - is the pattern in a piece of a line?
 * @begins, @ends: the piece is the line's first, its last
 *
 * A pattern that takes too long on some line does not match it.
 */
bool pattern_matches(struct matcher *matcher, void *code, const char *text, size_t len, bool begins,
		     bool ends);

/**
 * matcher_capture() - what the last match captured
 * @n:		number of the capture, from 0
 * @name:	filled in: its name; it is the code's
 * @text, @len:	filled in: points into the text that was matched; NULL if it was left out
 *
 * Return: false if there are no more
 */
bool matcher_capture(struct matcher *matcher, void *code, unsigned int n, const char **name,
		     const char **text, size_t *len);

#endif
