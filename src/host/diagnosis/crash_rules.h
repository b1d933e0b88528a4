/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/crash_rules.h - known bugs of the kernel among the rules: explained, told and
 * printed as any other cause.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_CRASH_RULES_H
#define MANAKIN_HOST_DIAGNOSIS_CRASH_RULES_H

#include "host/diagnosis/diagnosis.h"
#include "host/known/bugs.h"

/**
 * rules_bugs() - add known bugs to the rules; at most once, before rules_ready()
 * @bugs:	moved into the rules; empty afterwards
 *
 * Return: 0 or a negative errno
 */
int rules_bugs(struct rules *rules, struct bugs *bugs, struct error *error);

/** crash_rules_texts() - the text of this number to search for; NULL after the last */
const char *crash_rules_texts(const struct rules *rules, size_t n);

/** struct crash_log - the crashes of a log, and which texts of known bugs it has */
struct crash_log;

/** crash_log_open() - NULL if there is no memory */
struct crash_log *crash_log_open(const struct rules *rules);
void crash_log_close(struct crash_log *log);

/**
 * crash_log_hit() - a line has the text crash_rules_texts(@which)
 *
 * The other parameters are those of crashes_hit().
 */
void crash_log_hit(struct crash_log *log, size_t which, uint64_t number, const char *text,
		   size_t len, size_t end);

/** crash_log_news() - has more come of a crash, since this was asked last? */
bool crash_log_news(struct crash_log *log);

/** crash_log_forget() - the crashes that there are, once they were weighed */
void crash_log_forget(struct crash_log *log);

/** crash_log_age() - forget the texts of known bugs that have not come since the call before the last */
void crash_log_age(struct crash_log *log);

/** crash_log_part() - the log goes on in another file, with lines from 1 on */
void crash_log_part(struct crash_log *log);

/** crash_log_weigh() - the log has ended: add the crashes to the evidence of the diagnosis */
void crash_log_weigh(struct diagnosis *diagnosis, const struct fact *facts, size_t n);

#endif
