/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is said on standard error, for tests of term/.
 */
#ifndef MANAKIN_TESTS_TERM_SAID_H
#define MANAKIN_TESTS_TERM_SAID_H

#include <stdio.h>
#include <string.h>

static FILE *said_before;
static char *said_text;
static size_t said_size;

/** said_begin() - from now on it is kept */
static inline void said_begin(void)
{
	said_before = stderr;
	stderr = open_memstream(&said_text, &said_size);
}

/** said_end() - what was said, until the next call */
static inline const char *said_end(void)
{
	static char text[1024];

	fclose(stderr);
	stderr = said_before;
	snprintf(text, sizeof(text), "%s", said_text);
	free(said_text);
	return text;
}

#endif
