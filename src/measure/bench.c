/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: for each point (case, size, number of queues) all subjects are started;
 * then they take turns, one at a time, always in the same order. So other load on the machine
 * affects all of them alike. The figure of a subject is the median of its turns.
 */
#include "measure/bench.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "app/plugin.h"
#include "app/rates.h"
#include "measure/bench_directory.h"
#include "measure/subject.h"
#include "process/cpus.h"
#include "process/hugepage_loan.h"
#include "term/say.h"
#include "term/term.h"

/** list_points() - what is to be measured; the number of them, at most @max */
static size_t list_points(const struct bench *bench, struct bench_result *results)
{
	static const unsigned int all_sizes[] = { 64, 128, 256, 512, 1024, 1518 };
	static const unsigned int all_queues[] = { 1, 2, 4, 8, 16, 64 };
	const unsigned int *sizes = bench->n_sizes ? bench->sizes : all_sizes;
	const unsigned int *queues = bench->n_queues ? bench->queues : all_queues;
	unsigned int n_sizes = bench->n_sizes ? bench->n_sizes : 6;
	unsigned int n_queues = bench->n_queues ? bench->n_queues : bench->n_sizes ? 1 : 6;
	size_t n = 0;

	if (bench->n_queues && !bench->n_sizes)
		n_sizes = 1;
	for (unsigned int what = 0; what < CASES; what++)
		for (unsigned int q = 0; bench->cases[what] && q < n_queues; q++)
			for (unsigned int s = 0; s < n_sizes; s++) {
				/* By default many queues are measured with one size only, and not
				 * for latency, as each queue would have a burst in flight. */
				if (!bench->n_queues && q && (s || what == CASE_LATENCY))
					continue;
				results[n++] = (struct bench_result){
					(enum bench_case)what, sizes[s], queues[q], { 0 }
				};
			}
	return n;
}

/** progress() - what is being done, on a terminal */
__attribute__((format(printf, 1, 2))) static void progress(const char *format, ...)
{
	va_list ap;

	if (!output_can_rewrite(stderr))
		return;
	fprintf(stderr, OUTPUT_REWRITE);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fflush(stderr);
}

/**
 * my_turn() - wait until no other bench on this machine measures; two would share the CPUs
 *
 * Only one socket can have an abstract name at a time. The kernel frees it when the process ends,
 * and it is the same for all processes in the network namespace, whatever they have mounted.
 *
 * Return: a descriptor to be closed after the turn, or a negative errno
 */
static int my_turn(int stop)
{
	static const char name[] = "manakin bench";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct pollfd interrupt = { .fd = stop, .events = POLLIN };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	memcpy(address.sun_path + 1, name, sizeof(name));
	while (!err && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EADDRINUSE)
			err = -errno;
		else if (poll(&interrupt, 1, 5) > 0)
			err = -EINTR;
	}
	if (!err)
		return fd;
	close(fd);
	return err;
}

/**
 * take_turn() - one subject's
 *
 * Return: 0 or a negative errno and a sentence for the user
 */
static int take_turn(const struct bench *bench, const struct point *point, struct subject *subject,
		     double *mpps, struct error *error)
{
	int fd = my_turn(point->stop), err;

	if (fd < 0) {
		error_say(error, "cannot lock out other measurements: %s", error_reason(-fd));
		return fd;
	}
	err = subject_turn(subject, bench->seconds, mpps, error);
	close(fd);
	return err;
}

/** pages_needed() - hugepages of all subjects of a point together */
static unsigned long pages_needed(const struct bench *bench, const struct point *point)
{
	unsigned long pages = 0;
	const char *why;

	for (unsigned int s = 0; s < SUBJECTS; s++)
		if (bench->subjects[s] && subject_can((enum bench_subject)s, point, &why))
			pages += subject_pages((enum bench_subject)s, point);
	return pages;
}

/**
 * measure() - one point
 * @point:	CPUs, plugin, directory; the rest is filled in from @result
 * @where:	for the progress line
 *
 * Return: 0 or a negative errno, and has said why
 */
static int measure(const struct bench *bench, struct point *point, struct bench_result *result,
		   const char *where)
{
	struct subject *subjects[SUBJECTS] = { NULL };
	struct hugepage_loan loan = { .pipe = -1 };
	double turns[SUBJECTS][BENCH_TURNS_MAX];
	struct error error;
	const char *why;
	int err, closed;

	point->what = result->what;
	point->size = result->size;
	point->queues = result->queues;
	/* Again for each point: other programs may change their number too. */
	err = hugepage_loan_open(pages_needed(bench, point), &loan, &error);
	for (unsigned int s = 0; s < SUBJECTS && !err; s++) {
		if (!bench->subjects[s] || !subject_can((enum bench_subject)s, point, &why))
			continue;
		progress("%s: starting %s", where, subject_names[s]);
		err = subject_open((enum bench_subject)s, point, &subjects[s], &error);
		/* On a busy machine the two ends may fail to connect in time. */
		if (err == -ETIMEDOUT)
			err = subject_open((enum bench_subject)s, point, &subjects[s], &error);
	}
	for (unsigned int turn = 0; turn < bench->turns; turn++)
		for (unsigned int s = 0; s < SUBJECTS && !err; s++) {
			if (!subjects[s])
				continue;
			progress("%s: turn %u of %u: %s", where, turn + 1, bench->turns,
				 subject_names[s]);
			err = take_turn(bench, point, subjects[s], &turns[s][turn], &error);
		}
	progress("%s", "");
	if (err && err != -EINTR)
		say("%s, %u bytes, %u queues: %s", case_names[point->what], point->size,
		    point->queues, error.text);
	for (unsigned int s = 0; s < SUBJECTS; s++) {
		if (!subjects[s])
			continue;
		closed = subject_close(subjects[s], &error);
		if (!err)
			result->mpps[s] = rates_median(turns[s], bench->turns);
		if (closed && !err) {
			say("%s, %u bytes, %u queues: %s", case_names[point->what], point->size,
			    point->queues, error.text);
			err = closed;
		}
	}
	hugepage_loan_close(&loan);
	return err;
}

/** check_machine() - find what is missing before anything is started */
static int check_machine(const struct bench *bench, struct point *point, char *plugin, size_t size)
{
	unsigned int allowed[CPUS_MAX], n;
	struct error error;

	if (!bench->has_cpus && (cpus_allowed(allowed, &n) || n < 2)) {
		say("two CPUs are needed, one for the application and one for its peer");
		return -ENODEV;
	}
	memcpy(point->cpus, bench->has_cpus ? bench->cpus : allowed, sizeof(point->cpus));
	for (unsigned int s = 0; s < SUBJECTS; s++)
		if (bench->subjects[s] && subject_needs((enum bench_subject)s, &error)) {
			say("%s", error.text);
			return -ENOENT;
		}
	if (bench->subjects[SUBJECT_MANAKIN] && plugin_find(bench->plugin, plugin, size, &error)) {
		say("%s", error.text);
		return -ENOENT;
	}
	if (geteuid()) {
		say("this requires root, because processes share hugepages; try sudo");
		return -EPERM;
	}
	return 0;
}

int bench_run(const struct bench *bench, int stop, struct bench_result *results, size_t *done)
{
	char directory[BENCH_DIRECTORY_SIZE], plugin[4096], where[80];
	struct point point = { .plugin = plugin, .directory = directory, .stop = stop };
	size_t n = list_points(bench, results);
	int err, held;

	*done = 0;
	err = check_machine(bench, &point, plugin, sizeof(plugin));
	if (err)
		return err;
	bench_directory_sweep();
	held = bench_directory_make(directory);
	if (held < 0) {
		say("cannot create a directory in /tmp: %s", error_reason(-held));
		return held;
	}
	/*
	 * Inherited by all that is started here: other processes on these CPUs get almost no time.
	 */
	setpriority(PRIO_PROCESS, 0, -20);
	while (!err && *done < n) {
		const struct bench_result *next = &results[*done];

		snprintf(where, sizeof(where), "[%zu/%zu] %s, %u bytes, %u queue%s", *done + 1, n,
			 case_names[next->what], next->size, next->queues,
			 next->queues == 1 ? "" : "s");
		err = measure(bench, &point, &results[*done], where);
		if (!err)
			++*done;
	}
	if (err == -EINTR)
		say("interrupted");
	bench_directory_remove(held, directory);
	return err;
}
