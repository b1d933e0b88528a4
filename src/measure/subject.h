/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure/subject.h - what `manakin bench` compares, each set up to do the same work.
 */
#ifndef MANAKIN_MEASURE_SUBJECT_H
#define MANAKIN_MEASURE_SUBJECT_H

#include <stdbool.h>

#include "base/error.h"
#include "measure/point.h"

struct subject;

/** subject_can() - can this subject be measured at this point? If not, @why is a sentence. */
bool subject_can(enum bench_subject which, const struct point *point, const char **why);

/** subject_needs() - programs and DPDK drivers; 0, or -ENOENT and a sentence for the user */
int subject_needs(enum bench_subject which, struct error *error);

/** subject_pages() - hugepages that it uses while it is open */
unsigned long subject_pages(enum bench_subject which, const struct point *point);

/**
 * subject_open() - start its processes, which sleep between turns
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int subject_open(enum bench_subject which, const struct point *point, struct subject **out,
		 struct error *error);

/**
 * subject_turn() - one measurement
 * @seconds:	how long it takes, after a warm-up
 * @mpps:	filled in: millions of packets per second
 *
 * Return: 0 or a negative errno
 */
int subject_turn(struct subject *subject, double seconds, double *mpps, struct error *error);

/**
 * subject_close() - stop its processes
 *
 * Return: 0, or -EIO and a sentence if its own counters contradict the measurements
 */
int subject_close(struct subject *subject, struct error *error);

#endif
