/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/input.h - read the input of a target that consists of operations, byte by byte.
 */
#ifndef MANAKIN_TESTS_FUZZ_INPUT_H
#define MANAKIN_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What is left of the input */
static const uint8_t *in;
static size_t left;

static inline void require_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
	abort();
}

/** require() - what must hold, else the input is a finding */
#define require(holds) ((holds) ? (void)0 : require_failed(__FILE__, __LINE__, #holds))

/** take() - the next byte; 0 after the end */
static inline uint8_t take(void)
{
	if (!left)
		return 0;
	left--;
	return *in++;
}

#endif
