/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/follow.h - diagnosis of a log that has no end: when to tell a cause, and how often.
 *
 * Times are milliseconds on any one clock that does not go back. The caller says when lines came,
 * and asks for judgement when follow_due() says so:
 *
 *	follow_open(); follow_feed() for what comes; at follow_due(), follow_judge(), and then
 *	follow_finding() for each cause that is to be told now.
 *
 * A cause is told when no more lines have shown it for FOLLOW_SETTLE, so that it is told with its
 * consequences, which are not told themselves. It is told once for each device: again only after
 * none of its lines have come for the time given to follow_open(). A rule that counts lines within
 * some time goes on while so many come, and is told again after that was not so for as long.
 *
 * However long the log is, memory is bounded by the number of rules.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_FOLLOW_H
#define MANAKIN_HOST_DIAGNOSIS_FOLLOW_H

#include "host/diagnosis/diagnosis.h"

/* Milliseconds */
#define FOLLOW_SETTLE  1000u   /* without more lines of a cause, until it is told */
#define FOLLOW_LATEST  5000u   /* after its first line it is told in any case */
#define FOLLOW_BEFORE  10000u  /* before a line in which what a rule has in Unless excuses it */
#define FOLLOW_UNLESS  30000u  /* the same after it */
#define FOLLOW_UNTIL   120000u /* for which the end of a fault that ends (Until) may come */
#define FOLLOW_EXPLAIN 120000u /* after a cause, in which consequences begin */

struct follow;

/**
 * follow_open() - begin with a log
 * @rules:	ready; owned by the caller, and unchanged until follow_close()
 * @again:	milliseconds without a line of a cause, after which it is told again
 *
 * Return: NULL if there is no memory
 */
struct follow *follow_open(const struct rules *rules, uint64_t again);
void follow_close(struct follow *follow);

/** follow_feed() - more of the log, in pieces of any size, that came at @now */
void follow_feed(struct follow *follow, uint64_t now, const void *data, size_t len);

/** follow_part() - the log goes on in another file, whose lines are counted from 1 */
void follow_part(struct follow *follow, uint64_t now);

/** follow_due() - when to call follow_judge(); UINT64_MAX: not before more of the log has come */
uint64_t follow_due(const struct follow *follow);

/**
 * follow_judge() - decide what is due at @now
 * @ended:	nothing more will come: all is due
 * @facts:	of the machine, as it is now; none if @n is 0
 *
 * Return: 0 or -ENOMEM
 */
int follow_judge(struct follow *follow, uint64_t now, bool ended, const struct fact *facts,
		 size_t n);

/** follow_finding() - what is to be told, until the next call of another function; NULL: no more */
const struct finding *follow_finding(const struct follow *follow, size_t n);

/** follow_explained() - rules that were told before and are consequences of this one; NULL: no more
 */
const struct rule *follow_explained(const struct follow *follow, const struct finding *finding,
				    size_t n);

#endif
