/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin check: is everything there that MANA and DPDK need?
 */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "term/output.h"
#include "host/check/check.h"

/* The first three are verdicts, so wrong usage and failures are as in sysexits.h. */
enum { STATUS_WARNING = 1, STATUS_FAIL = 2, STATUS_USAGE = 64, STATUS_FAILED = 70 };

#define NUMBER_MAX 65535u
#define ROOM_LEAST 20u /* characters that a column of words wants */

enum {
	OPTION_QUEUES = 'q',
	OPTION_DESCRIPTORS = 'd',
	OPTION_JSON = 'j',
	OPTION_SYSROOT = 0x100,
};

static const struct argp_option options[] = {
	{ "queues", OPTION_QUEUES, "N", 0, "Queue pairs that the application will want", 0 },
	{ "descriptors", OPTION_DESCRIPTORS, "N", 0, "Descriptors of a queue that it will want",
	  0 },
	{ "json", OPTION_JSON, NULL, 0, "Print JSON", 0 },
	{ "sysroot", OPTION_SYSROOT, "DIR", 0,
	  "Look at this copy of a machine's /sys, /proc, /etc and /usr", 0 },
	{ 0 },
};

static const char doc[] =
	"Check the machine, or these interfaces, for everything that MANA and DPDK need: system, "
	"adapter, kernel, RDMA, hugepages, limits. Each finding has what was seen, and the command "
	"that mends it. Nothing is changed, and root is not needed."
	"\vIFACE is a synthetic interface, its VF, a MAC address, a VMBus UUID, or the NAME of an "
	"adapter in software. ARGS of a DPDK application are judged too.\n\n"
	"Examples:\n"
	"  manakin check\n"
	"  manakin check eth1 --queues 8 --descriptors 128\n"
	"  manakin check eth1 -- --vdev=net_vdev_netvsc0,iface=eth1 -- --txd=32\n"
	"  manakin check --json | jq -r '.checks[] | select(.verdict != \"ok\").fix'\n\n"
	"Exit status: 0 all is well, 1 there are warnings, 2 it will not work, 64 wrong usage, 70 "
	"the machine could not be looked at.";

/**
 * struct arguments - the command line
 * @request:	the words are allocated as the arguments are
 */
struct arguments {
	struct check_request request;
	char **words;
	const char *sysroot;
	bool json;
	bool failed;
};

/** number() - 1 to NUMBER_MAX; 0 if it is none */
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
		request->queues = number(arg);
		if (!request->queues)
			return usage_error(&arguments->failed, "--queues: '%s' is not 1 to %u", arg,
					   NUMBER_MAX);
		return 0;
	case OPTION_DESCRIPTORS:
		request->descriptors = number(arg);
		if (!request->descriptors)
			return usage_error(&arguments->failed, "--descriptors: '%s' is not 1 to %u",
					   arg, NUMBER_MAX);
		return 0;
	case OPTION_JSON:
		arguments->json = true;
		return 0;
	case OPTION_SYSROOT:
		arguments->sysroot = arg;
		return 0;
	case ARGP_KEY_ARG:
		arguments->words[request->n_words++] = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/** value_of() - the number that an option of testpmd's has here; 0 if it is another's */
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
	json_t *checks = json_array(), *root;
	int err;

	for (size_t i = 0; i < report->n; i++) {
		const struct finding *f = &report->finding[i];

		json_array_append_new(checks,
				      json_pack("{s:s, s:s?, s:s, s:s, s:s?}", "check", f->check,
						"subject", *f->subject ? f->subject : NULL,
						"verdict", verdict_name(f->verdict), "evidence",
						f->evidence, "fix", f->fix));
	}
	root = json_pack("{s:s, s:i, s:o}", "verdict", verdict_name(report->worst), "status",
			 status_of(report->worst), "checks", checks);
	err = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
	putchar('\n');
	json_decref(root);
	return err;
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
	/* In a very narrow one the terminal's own way is no worse. */
	return width > others + ROOM_LEAST ? width - others : 0;
}

/** add_line() - a finding, and below it what mends it; no line longer than @room, if not 0 */
static int add_line(struct libscols_table *table, const struct finding *f, size_t room)
{
	static const char *const colours[] = {
		[VERDICT_OK] = "green",
		[VERDICT_UNKNOWN] = "cyan",
		[VERDICT_WARNING] = "yellow",
		[VERDICT_FAIL] = "red",
	};
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char *text = NULL, *both = NULL;

	if (!line || scols_line_set_data(line, 0, verdict_name(f->verdict)) ||
	    scols_line_set_data(line, 1, f->check) || scols_line_set_data(line, 2, f->subject))
		return -ENOMEM;
	scols_cell_set_color(scols_line_get_cell(line, 0), colours[f->verdict]);
	if (asprintf(&text, "%s", f->evidence) < 0)
		return -ENOMEM;
	if (room)
		output_wrap(text, room);
	/* A command is to be copied, so it stays in one piece. */
	if (f->fix && asprintf(&both, "%s\n-> %s", text, f->fix) < 0) {
		free(text);
		return -ENOMEM;
	}
	if (both) {
		free(text);
		text = both;
	}
	return scols_line_refer_data(line, 3, text);
}

static int print_table(const struct check_report *report)
{
	struct libscols_table *table = scols_new_table();
	struct libscols_column *last;
	size_t room = room_left(report);
	int err = table ? 0 : -ENOMEM;

	if (err)
		return err;
	scols_table_enable_noheadings(table, 1);
	scols_table_enable_colors(table, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
	scols_table_new_column(table, "verdict", 0, 0);
	scols_table_new_column(table, "check", 0, 0);
	scols_table_new_column(table, "subject", 0, 0);
	last = scols_table_new_column(table, "evidence", 0.5, SCOLS_FL_WRAP);
	scols_column_set_safechars(last, "\n");
	scols_column_set_wrapfunc(last, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
	for (size_t i = 0; !err && i < report->n; i++)
		err = add_line(table, &report->finding[i], room);
	if (!err)
		err = scols_print_table(table);
	scols_unref_table(table);
	switch (report->worst) {
	case VERDICT_FAIL:
		puts("\nMANA with DPDK will not work here until what failed is mended.");
		break;
	case VERDICT_WARNING:
		puts("\nMANA with DPDK can work here; there are warnings.");
		break;
	default:
		puts("\nMANA with DPDK can work here.");
	}
	return err;
}

int cmd_check(int argc, char **argv)
{
	static const struct argp argp = { options, parse_option, "[IFACE...] [-- ARGS...]",
					  doc,     NULL,         NULL,
					  NULL };
	struct arguments arguments = { .sysroot = NULL };
	struct check_report report = { .n = 0 };
	int status = STATUS_USAGE, err;
	struct host host;
	struct error error;

	argp_err_exit_status = STATUS_USAGE;
	argv[0] = (char *)"manakin check";
	split_arguments(&arguments.request, &argc, argv);
	arguments.words = calloc((size_t)argc, sizeof(*arguments.words));
	arguments.request.words = arguments.words;
	if (!arguments.words || argp_parse(&argp, argc, argv, 0, NULL, &arguments))
		goto out;
	err = host_open(arguments.sysroot, &host, &error);
	if (err) {
		say("%s", error.text);
		goto out;
	}
	err = check_run(&host, &arguments.request, &report, &error);
	host_close(&host);
	if (err) {
		say("%s", error.text);
		if (err != -ENODEV && err != -EINVAL)
			status = STATUS_FAILED;
		goto out;
	}
	status = status_of(report.worst);
	err = arguments.json ? print_json(&report) : print_table(&report);
	if (fflush(stdout) || err) {
		say("cannot print the findings");
		status = STATUS_FAILED;
	}
out:
	check_report_free(&report);
	free(arguments.words);
	return status;
}
