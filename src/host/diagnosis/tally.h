/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/tally.h - how often a rule's lines came, and whether what they said is over.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_TALLY_H
#define MANAKIN_HOST_DIAGNOSIS_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_MOST 64u /* lines that a rule may ask for */
#define TALLY_WORD 80u /* bytes of the name of one that lines are about, and the end */

struct tally;

/**
 * tally_open() - begin to count
 * @at_least:	lines that are needed; 1 to TALLY_MOST
 * @within:	seconds that so many of them may take; 0: any time
 *
 * Return: NULL if there is no memory
 */
struct tally *tally_open(unsigned int at_least, unsigned int within);
void tally_close(struct tally *tally);

/**
 * tally_line() - a line has come
 * @kind:	which words it has: each is counted by itself
 * @what:	whose it is: likewise
 * @time:	tally_time() of the line; below 0: not known, and then it is as late as the last
 */
void tally_line(struct tally *tally, unsigned int kind, const char *what, double time);

/**
 * tally_over() - what the lines of @what said is over; NULL: all that was said
 *
 * Return: true if nothing is left
 */
bool tally_over(struct tally *tally, const char *what);

/** tally_enough() - whose lines were enough, the one after @n others; NULL: nobody's */
const char *tally_enough(const struct tally *tally, size_t n);

/** tally_ended() - has what the lines of @whose said been over since the last call? */
bool tally_ended(struct tally *tally, const char *whose);

/** tally_lines() - how many @whose lines are, unless what they said is over */
uint64_t tally_lines(const struct tally *tally, const char *whose);

/** tally_settle() - its lines are enough again only with the next one, if that is near enough */
void tally_settle(struct tally *tally, const char *whose);

/**
 * tally_time() - when a line was written, in seconds since some moment
 *
 * It is the kernel's time in brackets, or a date and time of day.
 *
 * Return: below 0 if it does not say
 */
double tally_time(const char *line, size_t len);

/** tally_time_beside() - the same by what a runtime or a journal has written around the line */
double tally_time_beside(const char *line, size_t len);

#endif
