/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure/bench.h - measure the points of a bench, one after another.
 *
 * The room measure/ compares packets per second of the poll-mode driver on an adapter with its
 * peers and limits: what is measured (point.h), what takes part (subject.h, copy.h), where their
 * sockets are (bench_directory.h), the order of their turns (here), and how the figures are printed
 * (report.h). It uses app/ for testpmd, process/ for children, CPUs and hugepages, serve/ and
 * host/machine/ for where an adapter is found, and term/ for messages. It never measures two
 * subjects at a time, and never looks into an adapter.
 */
#ifndef MANAKIN_MEASURE_BENCH_H
#define MANAKIN_MEASURE_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "measure/point.h"

#define BENCH_NUMBERS_MAX 32u /* sizes, and numbers of queues */
#define BENCH_TURNS_MAX   99u
#define BENCH_POINTS_MAX  (CASES * BENCH_NUMBERS_MAX * BENCH_NUMBERS_MAX)

/**
 * struct bench - what the user wants measured
 * @cases:	by enum bench_case
 * @subjects:	by enum bench_subject
 * @sizes:	@n_sizes of them; none: the usual ones
 * @queues:	@n_queues of them; none: 1, and with the smallest size the usual ones
 * @seconds:	length of a turn
 * @turns:	of each subject
 * @cpus:	the application's CPU and its peer's, if @has_cpus; else the first two
 * @plugin:	the poll-mode driver; NULL: look for it
 */
struct bench {
	bool cases[CASES];
	bool subjects[SUBJECTS];
	unsigned int sizes[BENCH_NUMBERS_MAX], queues[BENCH_NUMBERS_MAX];
	unsigned int n_sizes, n_queues;
	double seconds;
	unsigned int turns;
	bool has_cpus;
	unsigned int cpus[2];
	const char *plugin;
};

/**
 * bench_run() - measure; prints messages
 * @stop:	a descriptor; readable: the user wants it to stop
 * @results:	BENCH_POINTS_MAX, filled in
 * @done:	how many points were measured, after a failure too
 *
 * Return: 0 or a negative errno
 */
int bench_run(const struct bench *bench, int stop, struct bench_result *results, size_t *done);

#endif
