/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure/point.h - what is measured: a case, a packet size, a number of queues.
 */
#ifndef MANAKIN_MEASURE_POINT_H
#define MANAKIN_MEASURE_POINT_H

#define BENCH_BURST       32u /* packets that testpmd receives or sends at a time */
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
 * @stop:	readable when the user wants it to stop
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

/**
 * struct bench_result - one point
 * @mpps:	of each subject, millions of packets per second; 0: not measured
 */
struct bench_result {
	enum bench_case what;
	unsigned int size;
	unsigned int queues;
	double mpps[SUBJECTS];
};

#endif
