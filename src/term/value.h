/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/value.h - values of options: numbers, sizes, times, words, and lists of them.
 *
 * Each function takes the option's long name and the value that was typed. If the value is wrong,
 * all report it in the same form and return EINVAL, as argp parsers do:
 *
 *	manakin run: --queues: '65' is not a number from 1 to 64; see manakin run --help
 */
#ifndef MANAKIN_TERM_VALUE_H
#define MANAKIN_TERM_VALUE_H

#include <stdbool.h>
#include <stddef.h>

/* What lists of CPUs look like, for value_bad() */
#define VALUE_CPUS "a list of CPUs such as 1,3 or 2-5"

/** value_bad() - report that it is not what is wanted ("a number from 1 to 64"); EINVAL */
__attribute__((format(printf, 3, 4))) int value_bad(const char *option, const char *text,
						    const char *wanted, ...);

/** value_number() - a number in decimal digits, from @min to @max; 0 or EINVAL */
int value_number(const char *option, const char *text, unsigned int min, unsigned int max,
		 unsigned int *number);

/**
 * value_numbers() - such numbers, separated by commas
 * @numbers:	room for @room of them
 * @n:		filled in: how many they are
 *
 * Return: 0 or EINVAL
 */
int value_numbers(const char *option, const char *text, unsigned int min, unsigned int max,
		  unsigned int *numbers, unsigned int room, unsigned int *n);

/**
 * value_seconds() - a time: a number followed by ms, s, m, h or d; without a unit, seconds
 * @min, @max:	seconds
 *
 * Return: 0 or EINVAL
 */
int value_seconds(const char *option, const char *text, double min, double max, double *seconds);

/**
 * value_mib() - a size: a number followed by M or G; without a unit, mebibytes
 * @min, @max:	MiB
 *
 * Return: 0 or EINVAL
 */
int value_mib(const char *option, const char *text, unsigned int min, unsigned int max,
	      unsigned int *mib);

/**
 * value_word() - one of these words
 * @words:	@n of them
 * @chosen:	filled in: its index in @words
 *
 * Return: 0 or EINVAL
 */
int value_word(const char *option, const char *text, const char *const *words, unsigned int n,
	       unsigned int *chosen);

/** value_words() - some of them, separated by commas; @chosen: @n flags, filled in; 0 or EINVAL */
int value_words(const char *option, const char *text, const char *const *words, unsigned int n,
		bool *chosen);

#endif
