/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/near.h - what a mistyped word was meant to be.
 */
#ifndef MANAKIN_TERM_NEAR_H
#define MANAKIN_TERM_NEAR_H

#include <stddef.h>

/**
 * near_word() - the word that is closest to another one
 *
 * That is one that begins with it, or the one that differs by the fewest typing errors: a letter
 * omitted, added or replaced, or two neighbours swapped.
 *
 * @words:	@n of them
 *
 * Return: one of @words; NULL if none is close
 */
const char *near_word(const char *word, const char *const *words, size_t n);

#endif
