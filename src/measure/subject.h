/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure/subject.h - what `manakin bench` compares, each brought to do the same work.
 */
#ifndef MANAKIN_MEASURE_SUBJECT_H
#define MANAKIN_MEASURE_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define BENCH_BURST       32u /* packets that testpmd takes or sends at a time */
#define BENCH_LOOP_BURSTS 8u  /* in flight in the case loop */
#define BENCH_WARM_UP_MS  100

enum bench_case {
	CASE_TX,
	CASE_RX,
	CASE_LOOP,
	CASE_LATENCY,
	CASES,
};

enum bench_subject {
	SUBJECT_MANAKIN,
	SUBJECT_MEMIF,
	SUBJECT_VHOST,
	SUBJECT_NULL,
	SUBJECT_COPY,
	SUBJECTS,
};

extern const char *const case_names[CASES];
extern const char *const subject_names[SUBJECTS];

/**
 * struct point - what is measured
 * @size:	bytes of a packet, without FCS
 * @queues:	of the application's port, and of its peer's
 * @cpus:	the application's and the peer's
 * @plugin:	the poll-mode driver
 * @directory:	for sockets
 * @stop:	readable when the user wants an end
 */
struct point {
	enum bench_case what;
	unsigned int size;
	unsigned int queues;
	unsigned int cpus[2];
	const char *plugin;
	const char *directory;
	int stop;
};

struct subject;

/** subject_can() - is there such a measurement at all? If not, @why is a sentence. */
bool subject_can(enum bench_subject which, const struct point *point, const char **why);

/** subject_needs() - programs and DPDK drivers; 0, or -ENOENT and a sentence for the user */
int subject_needs(enum bench_subject which, struct error *error);

/** subject_pages() - hugepages that it takes while it is open */
unsigned long subject_pages(enum bench_subject which, const struct point *point);

/**
 * subject_open() - start its processes; they sleep between turns
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int subject_open(enum bench_subject which, const struct point *point, struct subject **out,
		 struct error *error);

/**
 * subject_turn() - one measurement
 * @seconds:	how long it takes, after a warm-up
 * @mpps:	filled in: millions of packets a second
 *
 * Return: 0 or a negative errno
 */
int subject_turn(struct subject *subject, double seconds, double *mpps, struct error *error);

/**
 * subject_close() - end its processes
 *
 * Return: 0, or -EIO and a sentence if its own counters contradict the measurements
 */
int subject_close(struct subject *subject, struct error *error);

/** bench_now() - seconds of a clock that only goes forward */
double bench_now(void);

#endif
