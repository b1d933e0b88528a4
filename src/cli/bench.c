/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin bench: packets per second of the poll-mode driver and the adapter, of the software
 * network interfaces that people use today, and of what limits all of them.
 *
 * Theory of operation: for each point (case, size, number of queues) all subjects are started;
 * then, a number of times, each has its turn in the same order, alone. So whatever else the
 * machine does falls on all of them. The figure of a subject is the median of its turns.
 */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "measure/directory.h"
#include "measure/report.h"
#include "measure/subject.h"
#include "cli/cli.h"
#include "process/cpus.h"
#include "process/hugepages.h"
#include "app/testpmd.h"

#define NUMBERS_MAX 32u
#define TURNS_MAX   99u
#define SIZE_MIN    64u
#define SIZE_LIMIT  1518u
#define QUEUES_MAX  64u

enum {
	OPTION_CASE = 0x100,
	OPTION_SIZE,
	OPTION_QUEUES,
	OPTION_SUBJECT,
	OPTION_SECONDS,
	OPTION_TURNS,
	OPTION_CORES,
	OPTION_JSON,
	OPTION_PLOTS,
	OPTION_PLUGIN,
};

static const struct argp_option options[] = {
	{ "case", OPTION_CASE, "LIST", 0, "Of tx, rx, loop, latency (default: all)", 0 },
	{ "size", OPTION_SIZE, "LIST", 0,
	  "Bytes of a packet, 64 to 1518 (default: 64,128,256,512,1024,1518)", 0 },
	{ "queues", OPTION_QUEUES, "LIST", 0,
	  "Queue pairs, 1 to 64 (default: 1 and, for the smallest size, 2,4,8,16,64)", 0 },
	{ "subject", OPTION_SUBJECT, "LIST", 0,
	  "Of manakin, memif, vhost-user, null, copy (default: all)", 0 },
	{ "seconds", OPTION_SECONDS, "S", 0, "Length of a turn, 0.05 to 60 (default: 0.5)", 0 },
	{ "turns", OPTION_TURNS, "N", 0, "Turns of each subject, 1 to 99 (default: 5)", 0 },
	{ "cores", OPTION_CORES, "LIST", 0,
	  "Two CPUs: the application's and its peer's (default: the first two)", 0 },
	{ "json", OPTION_JSON, "FILE", 0,
	  "Write rows as JSON; - for standard output, in place of "
	  "the table",
	  0 },
	{ "plots", OPTION_PLOTS, "DIR", 0, "Draw plots into this directory (needs gnuplot)", 0 },
	{ "plugin", OPTION_PLUGIN, "FILE", 0,
	  "The poll-mode driver (default: beside this program, or where it is installed)", 0 },
	{ 0 },
};

static const char doc[] =
	"Measure packets per second between two CPUs: testpmd on the adapter in software, against "
	"memif and vhost-user doing the same work, and the limits: testpmd on net_null, and a bare "
	"copy from core to core."
	"\vCases:\n"
	"  tx       testpmd sends; its peer takes each packet\n"
	"  rx       testpmd receives what its peer makes\n"
	"  loop     testpmd sends back what it receives, and so does its peer; 8 bursts of 32 "
	"packets are under way\n"
	"  latency  the same with one burst, or one a queue\n\n"
	"The ratio is manakin over the better of memif and vhost-user. It takes root, two idle "
	"CPUs, and hugepages, whose number is raised for the run and then put back.\n\n"
	"Examples:\n"
	"  manakin bench --case tx,rx --size 64,1518\n"
	"  manakin bench --case loop --queues 1,64 --json loop.json\n"
	"  manakin bench --plots plots --json bench.json\n\n"
	"Exit status: 0 done, 1 it did not work, 2 wrong usage.";

struct bench {
	bool cases[CASES];
	bool subjects[SUBJECTS];
	unsigned int sizes[NUMBERS_MAX], queues[NUMBERS_MAX];
	unsigned int n_sizes, n_queues;
	double seconds;
	unsigned int turns;
	const char *cores;
	const char *json;
	const char *plots;
	const char *plugin;
	bool failed;
};

/** parse_names() - a list of words, each one of @names; -EINVAL */
static int parse_names(const char *list, const char *const *names, unsigned int n, bool *chosen)
{
	memset(chosen, 0, n * sizeof(*chosen));
	for (;;) {
		size_t len = strcspn(list, ",");
		unsigned int i = 0;

		while (i < n && (strlen(names[i]) != len || memcmp(names[i], list, len)))
			i++;
		if (i == n)
			return -EINVAL;
		chosen[i] = true;
		if (!list[len])
			return 0;
		list += len + 1;
	}
}

/** parse_numbers() - a list of numbers from @min to @max; -EINVAL */
static int parse_numbers(const char *list, unsigned int min, unsigned int max,
			 unsigned int *numbers, unsigned int *n)
{
	*n = 0;
	for (;;) {
		char *end;
		unsigned long number = strtoul(list, &end, 10);

		if (*list < '0' || *list > '9' || (*end && *end != ',') || number < min ||
		    number > max || *n == NUMBERS_MAX)
			return -EINVAL;
		numbers[(*n)++] = (unsigned int)number;
		if (!*end)
			return 0;
		list = end + 1;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct bench *bench = state->input;
	unsigned int one;
	char *end;

	switch (key) {
	case OPTION_CASE:
		if (parse_names(arg, case_names, CASES, bench->cases))
			return usage_error(&bench->failed,
					   "--case: '%s' is not a list of tx, rx, loop, latency",
					   arg);
		return 0;
	case OPTION_SUBJECT:
		if (parse_names(arg, subject_names, SUBJECTS, bench->subjects))
			return usage_error(&bench->failed,
					   "--subject: '%s' is not a list of manakin, memif, "
					   "vhost-user, null, copy",
					   arg);
		return 0;
	case OPTION_SIZE:
		if (parse_numbers(arg, SIZE_MIN, SIZE_LIMIT, bench->sizes, &bench->n_sizes))
			return usage_error(&bench->failed,
					   "--size: '%s' is not a list of bytes, %u to %u, such "
					   "as 64,1518",
					   arg, SIZE_MIN, SIZE_LIMIT);
		return 0;
	case OPTION_QUEUES:
		if (parse_numbers(arg, 1, QUEUES_MAX, bench->queues, &bench->n_queues))
			return usage_error(&bench->failed,
					   "--queues: '%s' is not a list of numbers, 1 to %u, "
					   "such as 1,8",
					   arg, QUEUES_MAX);
		return 0;
	case OPTION_SECONDS:
		bench->seconds = strtod(arg, &end);
		if (*end || end == arg || !(bench->seconds >= 0.05 && bench->seconds <= 60))
			return usage_error(&bench->failed,
					   "--seconds: '%s' is not 0.05 to 60 seconds", arg);
		return 0;
	case OPTION_TURNS:
		if (parse_numbers(arg, 1, TURNS_MAX, &bench->turns, &one) || one != 1)
			return usage_error(&bench->failed, "--turns: '%s' is not 1 to %u", arg,
					   TURNS_MAX);
		return 0;
	case OPTION_CORES:
		bench->cores = arg;
		return 0;
	case OPTION_JSON:
		bench->json = arg;
		return 0;
	case OPTION_PLOTS:
		bench->plots = arg;
		return 0;
	case OPTION_PLUGIN:
		bench->plugin = arg;
		return 0;
	case ARGP_KEY_ARG:
		return usage_error(&bench->failed,
				   "'%s' is not an option; see manakin bench --help", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

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
				/* With nothing said, many queues are measured with one size only;
				 * and not for latency, as each would have a burst under way. */
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

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[K");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fflush(stderr);
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/**
 * my_turn() - wait until no other bench of this machine measures; two at once would halve each
 *
 * A name that one socket can have at a time is given up with the process, however it ends, and
 * is the same for all who share the network, whatever they have mounted.
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
		error_say(error, "cannot keep others from measuring at the same time: %s", strerror(-fd));
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
	struct hugepages hugepages = { .pipe = -1 };
	double turns[SUBJECTS][TURNS_MAX];
	struct error error;
	const char *why;
	int err, closed;

	point->what = result->what;
	point->size = result->size;
	point->queues = result->queues;
	/* For each point anew: others may change their number too. */
	err = hugepages_borrow(pages_needed(bench, point), &hugepages, &error);
	for (unsigned int s = 0; s < SUBJECTS && !err; s++) {
		if (!bench->subjects[s] || !subject_can((enum bench_subject)s, point, &why))
			continue;
		progress("%s: starting %s", where, subject_names[s]);
		err = subject_open((enum bench_subject)s, point, &subjects[s], &error);
		/* On a machine that does much else two ends can miss each other. */
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
			result->mpps[s] = median(turns[s], bench->turns);
		if (closed && !err) {
			say("%s, %u bytes, %u queues: %s", case_names[point->what], point->size,
			    point->queues, error.text);
			err = closed;
		}
	}
	hugepages_return(&hugepages);
	return err;
}

/** check_machine() - everything that can be known to be missing before anything is started */
static int check_machine(const struct bench *bench, struct point *point, char *plugin, size_t size)
{
	unsigned int cpus[CPUS_MAX], n;
	struct error error;

	if (cpus_allowed(cpus, &n) || (bench->cores && cpus_parse(bench->cores, cpus, &n)) ||
	    n < 2) {
		say("two CPUs are needed, one for the application and one for its peer");
		return -ENODEV;
	}
	memcpy(point->cpus, cpus, sizeof(point->cpus));
	for (unsigned int s = 0; s < SUBJECTS; s++)
		if (bench->subjects[s] &&
		    subject_needs((enum bench_subject)s, &error)) {
			say("%s", error.text);
			return -ENOENT;
		}
	if (bench->subjects[SUBJECT_MANAKIN] &&
	    plugin_find(bench->plugin, plugin, size, &error)) {
		say("%s", error.text);
		return -ENOENT;
	}
	if (bench->plots && !program_find("gnuplot")) {
		say("gnuplot, which draws the plots, is not installed: apt-get install "
		    "gnuplot-nox");
		return -ENOENT;
	}
	if (bench->plots && mkdir(bench->plots, 0755) < 0 && errno != EEXIST) {
		say("cannot make the directory %s for the plots: %s", bench->plots,
		    strerror(errno));
		return -errno;
	}
	if (geteuid()) {
		say("it takes root: hugepages are shared between processes; try sudo");
		return -EPERM;
	}
	return 0;
}

/** report() - everything that was asked for; 0, or -EIO and has said why */
static int report(const struct bench *bench, const struct bench_result *results, size_t n)
{
	bool to_stdout = bench->json && !strcmp(bench->json, "-");
	FILE *file;
	int err;

	err = to_stdout ? report_json(results, n, stdout) : report_table(results, n, stdout);
	if (bench->json && !to_stdout) {
		file = fopen(bench->json, "we");
		if (file)
			err = report_json(results, n, file);
		if (!file || fclose(file) || err) {
			say("cannot write %s: %s", bench->json, strerror(errno));
			return -EIO;
		}
	}
	if (bench->plots && report_plots(results, n, bench->plots)) {
		say("gnuplot could not draw the plots into %s", bench->plots);
		return -EIO;
	}
	return err;
}

/** stop_signals() - a descriptor that is readable when the user wants an end */
static int stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(const struct bench *bench)
{
	struct bench_result *results =
		calloc(CASES * (size_t)NUMBERS_MAX * NUMBERS_MAX, sizeof(*results));
	char directory[BENCH_DIRECTORY_SIZE], plugin[4096], where[80];
	struct point point = { .plugin = plugin, .directory = directory };
	size_t n = results ? list_points(bench, results) : 0, done = 0;
	int err = 0, held;

	if (!n || check_machine(bench, &point, plugin, sizeof(plugin))) {
		free(results);
		return EXIT_FAILED;
	}
	bench_directory_sweep();
	held = bench_directory_make(directory);
	if (held < 0) {
		say("cannot make a directory in /tmp: %s", strerror(-held));
		free(results);
		return EXIT_FAILED;
	}
	point.stop = stop_signals();
	/* All we start has it from us: what else runs on these CPUs gets next to nothing. */
	setpriority(PRIO_PROCESS, 0, -20);
	while (!err && done < n) {
		snprintf(where, sizeof(where), "[%zu/%zu] %s, %u bytes, %u queue%s", done + 1, n,
			 case_names[results[done].what], results[done].size, results[done].queues,
			 results[done].queues == 1 ? "" : "s");
		err = measure(bench, &point, &results[done], where);
		if (!err)
			done++;
	}
	if (err == -EINTR)
		say("interrupted");
	if (done && report(bench, results, done))
		err = -EIO;
	bench_directory_remove(held, directory);
	close(point.stop);
	free(results);
	return err ? EXIT_FAILED : EXIT_OK;
}

int cmd_bench(int argc, char **argv)
{
	static const struct argp argp = { options, parse_option, NULL, doc, NULL, NULL, NULL };
	struct bench bench = { .seconds = 0.5, .turns = 5 };
	unsigned int cpus[CPUS_MAX], n;

	memset(bench.cases, true, sizeof(bench.cases));
	memset(bench.subjects, true, sizeof(bench.subjects));
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"manakin bench";
	if (argp_parse(&argp, argc, argv, 0, NULL, &bench))
		return EXIT_USAGE;
	if (bench.cores && (cpus_parse(bench.cores, cpus, &n) || n != 2 || cpus[0] == cpus[1])) {
		say("--cores: '%s' is not two CPUs such as 0,1", bench.cores);
		return EXIT_USAGE;
	}
	return run(&bench);
}
