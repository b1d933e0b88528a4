/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin bench: measure packets per second of the poll-mode driver and the adapter, of other
 * software network interfaces, and of what limits them all.
 */
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
	OPTION_CPUS = 'c',
	OPTION_OUTPUT = 'o',
	OPTION_QUEUES = 'q',
	OPTION_SECONDS = 't',
	OPTION_CASE = 0x100,
	OPTION_SIZE,
	OPTION_SUBJECT,
	OPTION_TURNS,
	OPTION_PLOTS,
};

static const struct argp_option options[] = {
	{ "case", OPTION_CASE, "LIST", 0, "Cases: tx, rx, loop, latency (default: all)", 0 },
	{ "size", OPTION_SIZE, "LIST", 0,
	  "Bytes of a packet, 64 to 1518 (default: 64,128,256,512,1024,1518)", 0 },
	{ "queues", OPTION_QUEUES, "LIST", 0,
	  "Queue pairs, 1 to 64 (default: 1 and, for the smallest size, 2,4,8,16,64)", 0 },
	{ "subject", OPTION_SUBJECT, "LIST", 0,
	  "Subjects: manakin, memif, vhost-user, null, copy (default: all)", 0 },
	{ "seconds", OPTION_SECONDS, "S", 0, "Length of a turn, 0.05 to 60 (default: 0.5)", 0 },
	{ "turns", OPTION_TURNS, "N", 0, "Turns of each subject, 1 to 99 (default: 5)", 0 },
	{ "cpus", OPTION_CPUS, "LIST", 0,
	  "Two CPUs: the application's and its peer's (default: the first two)", 0 },
	{ "cores", 0, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0 },
	{ "output", OPTION_OUTPUT, "FILE", 0, "Also write the figures to FILE, as JSON", 0 },
	{ "plots", OPTION_PLOTS, "DIR", 0, "Write plots to this directory (needs gnuplot)", 0 },
	{ 0 },
};

static const char doc[] =
	"Measure packets per second between two CPUs: testpmd on the adapter in software, "
	"against memif and vhost-user doing the same work, and the limits: testpmd on "
	"net_null, and a bare copy from core to core."
	"\vCases:\n"
	"  tx       testpmd sends; its peer receives each packet\n"
	"  rx       testpmd receives what its peer sends\n"
	"  loop     testpmd sends back what it receives, and so does its peer, with\n"
	"           8 bursts of 32 packets in flight\n"
	"  latency  the same with one burst, or one for each queue\n\n"
	"The ratio is manakin divided by the better of memif and vhost-user. Root and two idle "
	"CPUs are required. The number of hugepages is raised for the run and then restored.\n\n"
	"Examples:\n"
	"  manakin bench --case tx,rx --size 64,1518\n"
	"  manakin bench --case loop --queues 1,64 --json\n"
	"  manakin bench --plots plots --output bench.json\n\n"
	"Exit status: 0 success, 1 failure, 2 wrong usage.";

struct arguments {
	struct bench bench;
	struct shared_options shared;
	const char *output;
	const char *plots;
};

/** parse_cpus() - two of them */
static error_t parse_cpus(struct bench *bench, const char *list)
{
	unsigned int cpus[CPUS_MAX], n;

	if (cpus_parse(list, cpus, &n) || n != 2 || cpus[0] == cpus[1])
		return value_bad("cpus", list, "two CPUs such as 0,1");
	bench->has_cpus = true;
	memcpy(bench->cpus, cpus, sizeof(bench->cpus));
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct bench *bench = &arguments->bench;

	switch (key) {
	case OPTION_CASE:
		return value_words("case", arg, case_names, CASES, bench->cases);
	case OPTION_SUBJECT:
		return value_words("subject", arg, subject_names, SUBJECTS, bench->subjects);
	case OPTION_SIZE:
		return value_numbers("size", arg, SIZE_MIN, SIZE_LIMIT, bench->sizes,
				     BENCH_NUMBERS_MAX, &bench->n_sizes);
	case OPTION_QUEUES:
		return value_numbers("queues", arg, 1, QUEUES_MAX, bench->queues, BENCH_NUMBERS_MAX,
				     &bench->n_queues);
	case OPTION_SECONDS:
		return value_seconds("seconds", arg, 0.05, 60, &bench->seconds);
	case OPTION_TURNS:
		return value_number("turns", arg, 1, TURNS_MAX, &bench->turns);
	case OPTION_CPUS:
		return parse_cpus(bench, arg);
	case OPTION_OUTPUT:
		arguments->output = arg;
		return 0;
	case OPTION_PLOTS:
		arguments->plots = arg;
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
		say("gnuplot is not installed, and --plots needs it: apt-get install gnuplot-nox");
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
	int err = arguments->shared.json ? report_json(results, n, stdout)
					 : report_table(results, n, stdout);

	if (stdout_flushed() != EXIT_OK || err)
		return -EIO;
	if (arguments->output && write_file(arguments->output, results, n))
		return -EIO;
	if (arguments->plots && report_plots(results, n, arguments->plots)) {
		say("gnuplot could not draw the plots into %s; its messages are above",
		    arguments->plots);
		return -EIO;
	}
	return 0;
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
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.doc = doc,
		.shared = SHARED_JSON | SHARED_PLUGIN,
	};
	struct arguments arguments = { .bench = { .seconds = 0.5, .turns = 5 } };
	struct bench_result *results;
	int status;

	memset(arguments.bench.cases, true, sizeof(arguments.bench.cases));
	memset(arguments.bench.subjects, true, sizeof(arguments.bench.subjects));
	if (options_parse(&line, argc, argv, &arguments.shared, &arguments))
		return EXIT_USAGE;
	arguments.bench.plugin = arguments.shared.plugin;
	results = calloc(BENCH_POINTS_MAX, sizeof(*results));
	if (!results) {
		say("out of memory");
		return EXIT_FAILED;
	}
	status = measure_and_report(&arguments, results);
	free(results);
	return status;
}
