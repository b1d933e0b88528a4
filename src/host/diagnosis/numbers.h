/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/numbers.h - what the numbers in a log mean: errno, an adapter's status, a count.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_NUMBERS_H
#define MANAKIN_HOST_DIAGNOSIS_NUMBERS_H

#include <stdbool.h>

#include "host/diagnosis/rules.h"

/**
 * number_read() - the number that a word is
 * @word:	decimal or 0x..., with or without a sign; an errno's name, or its strerror()
 * @value:	filled in
 *
 * Return: false if it is none
 */
bool number_read(const char *word, long long *value);

/**
 * number_same() - do two words mean the same number, or are they the same word?
 *
 * As an errno, 110, -110, 0xffffff92 and "Connection timed out" are the same.
 */
bool number_same(const char *a, const char *b);

/** condition_holds() - does it hold for @value? NULL, nothing known, only differs from something */
bool condition_holds(const struct rule_condition *condition, const char *value);

#endif
