/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin check: check that the machine has what MANA and DPDK need.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/look.h"
#include "host/check/check.h"
#include "term/json.h"
#include "term/options.h"
#include "term/table.h"
#include "term/text.h"
#include "term/value.h"

/* The first three are verdicts, so wrong usage and failures are as in sysexits.h. */
enum { STATUS_WARNING = 1, STATUS_FAIL = 2, STATUS_USAGE = 64, STATUS_FAILED = 70 };

#define NUMBER_MAX 65535u
#define ROOM_LEAST 20u /* characters: the narrowest column for text */

enum { OPTION_QUEUES = 'q', OPTION_DESCRIPTORS = 0x100 };

static const struct argp_option options[] = {
	{ "queues", OPTION_QUEUES, "N", 0, "Queue pairs that the application will use", 0 },
	{ "descriptors", OPTION_DESCRIPTORS, "N", 0, "Descriptors that it will give each queue",
	  0 },
	{ 0 },
};

static const struct option_moved moved[] = { { 'd', "descriptors" }, { 0 } };

static const char doc[] =
	"Check that the machine, or these interfaces, have everything that MANA and DPDK need: "
	"system, adapter, kernel, RDMA, hugepages, limits. Each finding shows what was found "
	"and the command that fixes it. Nothing is changed, and root is not required."
	"\vIFACE is a synthetic interface, its VF, a MAC address, a VMBus UUID, or the NAME of "
	"an adapter in software. ARGS, the arguments of a DPDK application, are checked too.\n\n"
	"Examples:\n"
	"  manakin check\n"
	"  manakin check eth1 --queues 8 --descriptors 128\n"
	"  manakin check eth1 -- --vdev=net_vdev_netvsc0,iface=eth1 -- --txd=32\n"
	"  manakin check --json | jq -r '.checks[] | select(.verdict != \"ok\").fix'\n\n"
	"Exit status: 0 all is well, 1 there are warnings, 2 DPDK will not work, 64 wrong "
	"usage, 70 the machine could not be examined.";

/**
 * struct arguments - the command line
 * @request:	its words are @words
 */
struct arguments {
	struct check_request request;
	char **words;
	struct shared_options shared;
};

/** number() - in an application's argument, 1 to NUMBER_MAX; 0: it is not a number */
static unsigned int number(const char *text)
{
	unsigned long value;
	char *end;

	if (*text < '0' || *text > '9' || strlen(text) > 5)
		return 0;
	value = strtoul(text, &end, 10);
	return *end || value > NUMBER_MAX ? 0 : (unsigned int)value;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct check_request *request = &arguments->request;

	switch (key) {
	case OPTION_QUEUES:
		return value_number("queues", arg, 1, NUMBER_MAX, &request->queues);
	case OPTION_DESCRIPTORS:
		return value_number("descriptors", arg, 1, NUMBER_MAX, &request->descriptors);
	case ARGP_KEY_ARG:
		arguments->words[request->n_words++] = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/** value_of() - the number given with this testpmd option; 0 if it is another option */
static unsigned int value_of(char *const *argument, size_t left, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(*argument, name, len))
		return 0;
	if ((*argument)[len] == '=')
		return number(*argument + len + 1);
	return !(*argument)[len] && left > 1 ? number(argument[1]) : 0;
}

/** read_arguments() - what the application's own arguments say of queues and descriptors */
static void read_arguments(struct check_request *request)
{
	unsigned int most = 0, least = 0;

	for (size_t i = 0; i < request->n_arguments; i++) {
		char *const *at = &request->arguments[i];
		size_t left = request->n_arguments - i;
		unsigned int queues = value_of(at, left, "--rxq") | value_of(at, left, "--txq");
		unsigned int slots = value_of(at, left, "--rxd") | value_of(at, left, "--txd");

		if (queues > most)
			most = queues;
		if (slots && (!least || slots < least))
			least = slots;
	}
	if (!request->queues)
		request->queues = most;
	if (!request->descriptors)
		request->descriptors = least;
}

/** split_arguments() - what follows -- is the application's */
static void split_arguments(struct check_request *request, int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++)
		if (!strcmp(argv[i], "--")) {
			request->arguments = argv + i + 1;
			request->n_arguments = (size_t)(*argc - i - 1);
			*argc = i;
		}
	read_arguments(request);
}

static int status_of(enum verdict worst)
{
	switch (worst) {
	case VERDICT_FAIL:
		return STATUS_FAIL;
	case VERDICT_WARNING:
		return STATUS_WARNING;
	default:
		return EXIT_OK;
	}
}

static int print_json(const struct check_report *report)
{
	json_t *checks = json_array(), *rdma = json_array();

	for (size_t i = 0; i < report->n; i++) {
		const struct finding *f = &report->finding[i];

		json_array_append_new(f->rdma ? rdma : checks,
				      json_pack("{s:s, s:s?, s:s, s:s, s:s?}", "check", f->check,
						"subject", *f->subject ? f->subject : NULL,
						"verdict", verdict_name(f->verdict), "evidence",
						f->evidence, "fix", f->fix));
	}
	return output_json(json_pack("{s:s, s:i, s:o, s:o}", "verdict", verdict_name(report->worst),
				     "status", status_of(report->worst), "checks", checks, "rdma",
				     rdma));
}

/** room_left() - characters of a line that are left for the evidence; 0: there is no limit */
static size_t room_left(const struct check_report *report)
{
	size_t width = output_width(stdout), check = 0, subject = 0, others;

	for (size_t i = 0; i < report->n; i++) {
		const struct finding *f = &report->finding[i];

		check = strlen(f->check) > check ? strlen(f->check) : check;
		subject = strlen(f->subject) > subject ? strlen(f->subject) : subject;
	}
	others = strlen(verdict_name(VERDICT_UNKNOWN)) + 1 + check + 1 + subject + 1;
	/* On a very narrow terminal, its own line breaks are no worse. */
	return width > others + ROOM_LEAST ? width - others : 0;
}

/** add_line() - a finding, and below it what fixes it; no line longer than @room, if not 0 */
static void add_line(struct libscols_table *table, const struct finding *f, size_t room)
{
	static const enum output_style styles[] = {
		[VERDICT_OK] = STYLE_GOOD,      [VERDICT_NOTE] = STYLE_NOTE,
		[VERDICT_UNKNOWN] = STYLE_NOTE, [VERDICT_WARNING] = STYLE_WARNING,
		[VERDICT_FAIL] = STYLE_BAD,
	};
	struct libscols_line *line = output_line(table, NULL);
	char *text = strdup(f->evidence);

	if (text && room)
		output_wrap(text, room);
	output_cell(line, 0, "%s", verdict_name(f->verdict));
	output_cell_style(line, 0, styles[f->verdict]);
	output_cell(line, 1, "%s", f->check);
	output_cell(line, 2, "%s", f->subject);
	/* A command is to be copied, so it stays in one piece. */
	output_cell(line, 3, "%s%s%s", text ? text : f->evidence, f->fix ? "\n-> " : "",
		    f->fix ? f->fix : "");
	free(text);
}

/** print_findings() - those of one section */
static int print_findings(const struct check_report *report, bool rdma)
{
	/*
	 * Verdict, check, subject, evidence: nameless, because libsmartcols up to 2.38 makes a column
	 * as wide as its heading, also where it prints none.
	 */
	static const struct output_column columns[] = {
		{ "", false, false, false },
		{ "", false, false, false },
		{ "", false, false, false },
		{ "", false, false, true },
	};
	struct libscols_table *table = output_table(columns, 4);
	size_t room = room_left(report);

	if (table)
		scols_table_enable_noheadings(table, 1);
	for (size_t i = 0; i < report->n; i++)
		if (report->finding[i].rdma == rdma)
			add_line(table, &report->finding[i], room);
	return output_table_print(table);
}

static int print_report(const struct check_report *report)
{
	int status = print_findings(report, false);

	if (status != EXIT_OK)
		return status;
	switch (report->worst) {
	case VERDICT_FAIL:
		puts("\nMANA with DPDK will not work here until the failures are fixed.");
		break;
	case VERDICT_WARNING:
		puts("\nMANA with DPDK can work here; there are warnings.");
		break;
	default:
		puts("\nMANA with DPDK can work here.");
	}
	/* The findings about RDMA are the last. */
	if (report->n && report->finding[report->n - 1].rdma) {
		puts("\nRDMA applications, such as ibv_rc_pingpong and perftest (DPDK does not need "
		     "this):");
		status = print_findings(report, true);
	}
	return status == EXIT_OK ? stdout_flushed() : status;
}

int cmd_check(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.arguments = "[IFACE...] [-- ARGS...]",
		.doc = doc,
		.shared = SHARED_JSON | SHARED_SYSROOT | SHARED_FROM,
		.moved = moved,
	};
	struct arguments arguments = { .words = NULL };
	struct check_report report = { .n = 0 };
	int status = STATUS_USAGE, err;
	struct host host;
	struct error error;

	split_arguments(&arguments.request, &argc, argv);
	arguments.words = calloc((size_t)argc, sizeof(*arguments.words));
	arguments.request.words = arguments.words;
	if (!arguments.words || options_parse(&line, argc, argv, &arguments.shared, &arguments))
		goto out;
	if (look_open(&arguments.shared, true, &host))
		goto out;
	err = check_run(&host, &arguments.request, &report, &error);
	host_close(&host);
	if (err) {
		say("%s", error.text);
		if (err != -ENODEV && err != -EINVAL)
			status = STATUS_FAILED;
		goto out;
	}
	status = status_of(report.worst);
	if ((arguments.shared.json ? print_json(&report) : print_report(&report)) != EXIT_OK)
		status = STATUS_FAILED;
out:
	check_report_free(&report);
	free(arguments.words);
	return status;
}
