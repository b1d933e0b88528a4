/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin bench: measure packets per second of the poll-mode driver and the adapter, of other
 * software network interfaces, and of what limits them all.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "cli/cli.h"
#include "measure/bench.h"
#include "measure/report.h"
#include "process/cpus.h"
#include "process/program.h"
#include "process/signals.h"
#include "term/options.h"
#include "term/say.h"
#include "term/term.h"
#include "term/value.h"

#define TURNS_MAX  99u
#define SIZE_MIN   64u
#define SIZE_LIMIT 1518u
#define QUEUES_MAX 64u

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
	"The ratio is manakin over the better of memif and vhost-user. The bench needs root, "
	"two idle CPUs, and hugepages: it adds those that are missing and takes them off again.\n\n"
	"Examples:\n"
	"  manakin bench --case tx,rx --size 64,1518\n"
	"  manakin bench --case loop --queues 1,64 --json loop.json\n"
	"  manakin bench --plots plots --json bench.json\n\n"
	"Exit status: 0 done, 1 it did not work, 2 wrong usage.";

struct arguments {
	struct bench bench;
	const char *json;
	const char *plots;
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
		    number > max || *n == BENCH_NUMBERS_MAX)
			return -EINVAL;
		numbers[(*n)++] = (unsigned int)number;
		if (!*end)
			return 0;
		list = end + 1;
	}
}

/** parse_cores() - two CPUs */
static error_t parse_cores(struct arguments *arguments, const char *list)
{
	unsigned int cpus[CPUS_MAX], n;

	if (cpus_parse(list, cpus, &n) || n != 2 || cpus[0] == cpus[1])
		return usage_error(&arguments->failed, "--cores: '%s' is not two CPUs such as 0,1",
				   list);
	arguments->bench.has_cpus = true;
	memcpy(arguments->bench.cpus, cpus, sizeof(arguments->bench.cpus));
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct bench *bench = &arguments->bench;
	unsigned int one;
	char *end;

	switch (key) {
	case OPTION_CASE:
		if (parse_names(arg, case_names, CASES, bench->cases))
			return usage_error(&arguments->failed,
					   "--case: '%s' is not a list of tx, rx, loop, latency",
					   arg);
		return 0;
	case OPTION_SUBJECT:
		if (parse_names(arg, subject_names, SUBJECTS, bench->subjects))
			return usage_error(&arguments->failed,
					   "--subject: '%s' is not a list of manakin, memif, "
					   "vhost-user, null, copy",
					   arg);
		return 0;
	case OPTION_SIZE:
		if (parse_numbers(arg, SIZE_MIN, SIZE_LIMIT, bench->sizes, &bench->n_sizes))
			return usage_error(&arguments->failed,
					   "--size: '%s' is not a list of bytes, %u to %u, such "
					   "as 64,1518",
					   arg, SIZE_MIN, SIZE_LIMIT);
		return 0;
	case OPTION_QUEUES:
		return value_numbers("queues", arg, 1, QUEUES_MAX, bench->queues, BENCH_NUMBERS_MAX,
				     &bench->n_queues);
	case OPTION_SECONDS:
		bench->seconds = strtod(arg, &end);
		if (*end || end == arg || !(bench->seconds >= 0.05 && bench->seconds <= 60))
			return usage_error(&arguments->failed,
					   "--seconds: '%s' is not 0.05 to 60 seconds", arg);
		return 0;
	case OPTION_TURNS:
		if (parse_numbers(arg, 1, TURNS_MAX, &bench->turns, &one) || one != 1)
			return usage_error(&arguments->failed, "--turns: '%s' is not 1 to %u", arg,
					   TURNS_MAX);
		return 0;
	case OPTION_CORES:
		return parse_cores(arguments, arg);
	case OPTION_JSON:
		arguments->json = arg;
		return 0;
	case OPTION_PLOTS:
		arguments->plots = arg;
		return 0;
	case OPTION_PLUGIN:
		bench->plugin = arg;
		return 0;
	case ARGP_KEY_ARG:
		/* It was --json FILE once. */
		if (arguments->shared.json)
			return say_usage(
				"unexpected argument '%s': --json prints to standard output; "
				"to write a file, use --output=%s",
				arg, arg);
		return ARGP_ERR_UNKNOWN;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** check_plots() - can they be drawn? Says why if not */
static int check_plots(const char *directory)
{
	if (!program_find("gnuplot")) {
		say("gnuplot, which draws the plots, is not installed: apt-get install "
		    "gnuplot-nox");
		return -ENOENT;
	}
	if (mkdir(directory, 0755) < 0 && errno != EEXIST) {
		say("cannot create the directory %s for the plots: %s", directory,
		    error_reason(errno));
		return -EIO;
	}
	return 0;
}

/** write_file() - the figures as JSON; 0, or -EIO after printing why */
static int write_file(const char *path, const struct bench_result *results, size_t n)
{
	FILE *file = fopen(path, "we");
	int err = file ? report_json(results, n, file) : -EIO;

	if (!file || fclose(file) || err) {
		say("cannot write %s: %s; choose another file with --output", path,
		    strerror(errno));
		return -EIO;
	}
	return 0;
}

/** report() - every requested output; 0, or -EIO after printing why */
static int report(const struct arguments *arguments, const struct bench_result *results, size_t n)
{
	bool to_stdout = arguments->json && !strcmp(arguments->json, "-");
	FILE *file;
	int err;

	if (stdout_flushed() != EXIT_OK || err)
		return -EIO;
	if (arguments->output && write_file(arguments->output, results, n))
		return -EIO;
	if (arguments->plots && report_plots(results, n, arguments->plots)) {
		say("gnuplot could not draw the plots into %s", arguments->plots);
		return -EIO;
	}
	return err;
}

/** measure_and_report() - an exit status */
static int measure_and_report(const struct arguments *arguments, struct bench_result *results)
{
	struct signals signals;
	size_t done;
	int err = arguments->plots ? check_plots(arguments->plots) : 0;

	if (err)
		return EXIT_FAILED;
	err = signals_open(&signals, 0);
	if (err) {
		say("cannot wait for signals: %s", error_reason(-err));
		return EXIT_FAILED;
	}
	err = bench_run(&arguments->bench, signals.fd, results, &done);
	if (done && report(arguments, results, done))
		err = -EIO;
	signals_close(&signals);
	return err ? EXIT_FAILED : EXIT_OK;
}

int cmd_bench(int argc, char **argv)
{
	static const struct argp argp = { options, parse_option, NULL, doc, NULL, NULL, NULL };
	struct arguments arguments = { .bench = { .seconds = 0.5, .turns = 5 } };
	struct bench_result *results;
	int status;

	memset(arguments.bench.cases, true, sizeof(arguments.bench.cases));
	memset(arguments.bench.subjects, true, sizeof(arguments.bench.subjects));
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"manakin bench";
	if (argp_parse(&argp, argc, argv, 0, NULL, &arguments))
		return EXIT_USAGE;
	results = calloc(BENCH_POINTS_MAX, sizeof(*results));
	if (!results) {
		say("out of memory");
		return EXIT_FAILED;
	}
	status = measure_and_report(&arguments, results);
	free(results);
	return status;
}
