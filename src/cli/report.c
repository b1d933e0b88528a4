/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin report: put what the other commands see of this machine into a file, for a bug report.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/look.h"
#include "host/check/check.h"
#include "host/report/report.h"
#include "term/json.h"
#include "term/options.h"
#include "term/say.h"
#include "term/table.h"
#include "term/text.h"

#define QUEUES_MOST 65535u /* so that check looks at all that decides about a number of queues */

enum { OPTION_OUTPUT = 'o' };

static const struct argp_option options[] = {
	{ "output", OPTION_OUTPUT, "FILE", 0,
	  "Write this file (default: manakin-report-TIME.tar.gz in the current directory)", 0 },
	{ 0 },
};

static const char doc[] =
	"Write one file with what list, check, diagnose, args and dpdk see of this machine: the files "
	"of /sys, /proc and /etc that they read, what the kernel answered, its log as far as it is "
	"about MANA, and the logs of an application if you name them. Names and addresses are "
	"replaced, and a table shows by what; the file has nothing else in it. With --from FILE "
	"those commands answer on another machine as they do here."
	"\vRoot is not required, but without it the kernel's log and other users' processes may be "
	"missing.\n\n"
	"Examples:\n"
	"  sudo manakin report -- testpmd.log\n"
	"  manakin report --dry-run\n"
	"  manakin check --from manakin-report-20260102-030405.tar.gz\n\n"
	"Exit status: 0 success, 1 it could not be written, or a log not be read, 2 wrong usage.";

/**
 * struct making - the command line, and the report
 * @file:	that is written
 */
struct making {
	struct shared_options shared;
	const char *output;
	char **logs;
	size_t n_logs;
	char file[4096];
	struct report report;
	struct private *private;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct making *making = state->input;

	switch (key) {
	case OPTION_OUTPUT:
		if (!*arg)
			return say_usage("--output needs the name of a file");
		making->output = arg;
		return 0;
	case ARGP_KEY_ARGS:
		making->logs = state->argv + state->next;
		making->n_logs = (size_t)(state->argc - state->next);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** name_words() - what the kernel's log calls the machine's ports; freed by the caller */
static const char **name_words(const struct machine *machine, size_t *n)
{
	const char **words = calloc(3 * machine->n_ports + machine->n_adapters + 1, sizeof(*words));

	*n = 0;
	for (size_t i = 0; words && i < machine->n_adapters; i++)
		if (*machine->adapter[i].address)
			words[(*n)++] = machine->adapter[i].address;
	for (size_t i = 0; words && i < machine->n_ports; i++) {
		const struct mana_port *port = &machine->port[i];

		if (port->synthetic)
			words[(*n)++] = port->synthetic->name;
		if (port->vf)
			words[(*n)++] = port->vf->name;
		if (*port->uuid)
			words[(*n)++] = port->uuid;
	}
	return words;
}

/** ask_all() - what the other commands ask of the machine, so that it is recorded */
static int ask_all(const struct host *host, struct report *report, struct error *error)
{
	const struct check_request request = { .queues = QUEUES_MOST };
	struct check_report findings = { .n = 0 };
	struct machine machine;
	const char **words;
	size_t n;
	int err = machine_read(host, &machine, error);

	if (!err)
		err = check_run(host, &request, &findings, error);
	if (!err)
		look_for_report(host);
	words = err || report->tree ? NULL : name_words(&machine, &n);
	if (words && report_add_kernel(report, words, n))
		err = error_fail(error, -ENOMEM, "out of memory");
	free(words);
	check_report_free(&findings);
	machine_free(&machine);
	return err;
}

/** gather() - all that is in the report, with what is private replaced */
static int gather(struct making *making, struct host *host, struct error *error)
{
	struct report *report = &making->report;
	int err;

	report->tree = host->tree;
	host->answers = &report->answers;
	err = ask_all(host, report, error);
	for (size_t i = 0; i < making->n_logs && !err; i++)
		err = report_add_file(report, making->logs[i], error);
	if (err)
		return err;
	making->private = private_open();
	err = making->private ? report_learn_names(host, making->private) : -ENOMEM;
	if (!err)
		err = report_trim(report);
	if (!err)
		err = report_hide(report, making->private);
	return err ? error_fail(error, err, "out of memory") : 0;
}

/** name_file() - as wanted, or by the time */
static void name_file(struct making *making)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	if (making->output)
		snprintf(making->file, sizeof(making->file), "%s", making->output);
	else
		strftime(making->file, sizeof(making->file), "manakin-report-%Y%m%d-%H%M%S.tar.gz",
			 &tm);
}

static int print_json(const struct making *making, off_t bytes)
{
	const struct report *report = &making->report;
	bool dry = making->shared.dry_run;
	json_t *replaced = json_array(), *logs = json_array();
	struct private_line *line;
	size_t n = private_lines(making->private, &line);

	for (size_t i = 0; i < n; i++)
		json_array_append_new(replaced,
				      json_pack("{s:s, s:o, s:o, s:I}", "kind",
						private_kind_name(line[i].kind), "original",
						output_text(line[i].original), "replacement",
						output_text(line[i].replacement), "times",
						(json_int_t)line[i].times));
	free(line);
	for (size_t i = 0; i < report->n_logs; i++)
		json_array_append_new(logs, json_string(report->log[i].name));
	return output_json(json_pack(
		"{s:o, s:o, s:b, s:o, s:o, s:o}", "file", output_text(dry ? NULL : making->file),
		"bytes", dry ? json_null() : json_integer((json_int_t)bytes), "dry_run", dry,
		"logs", logs, "missing", output_text(report->missing), "replaced", replaced));
}

/** print_table() - what was replaced */
static int print_table(const struct making *making)
{
	static const struct output_column columns[] = {
		{ "KIND", false, false, false },
		{ "HERE", false, false, false },
		{ "IN THE REPORT", false, false, false },
		{ "TIMES", true, false, false },
	};
	struct libscols_table *table = output_table(columns, 4);
	struct private_line *line;
	size_t n = private_lines(making->private, &line);

	for (size_t i = 0; i < n; i++) {
		struct libscols_line *row = output_line(table, NULL);

		output_cell(row, 0, "%s", private_kind_name(line[i].kind));
		output_cell(row, 1, "%s", line[i].original);
		output_cell(row, 2, "%s", line[i].replacement);
		output_cell(row, 3, "%lu", line[i].times);
	}
	free(line);
	if (!n)
		puts("Nothing had to be replaced.");
	return output_table_print(table);
}

/** show_and_write() - the table first; an exit status */
static int show_and_write(struct making *making)
{
	const struct report *report = &making->report;
	struct error error;
	off_t bytes = 0;
	int status = EXIT_OK;

	name_file(making);
	if (*report->missing)
		say("not in the report is %s", report->missing);
	if (!making->shared.json)
		status = print_table(making);
	if (!making->shared.dry_run) {
		int err = report_save(report, making->file, &bytes, &error);

		if (*error.text)
			say("%s", error.text);
		if (err)
			return EXIT_FAILED;
	}
	if (making->shared.json)
		return print_json(making, bytes);
	if (making->shared.dry_run)
		puts("\nNothing was written.");
	else
		output_visible(stdout,
			       "\n%s has %llu kB. Look through it before you send it: the table "
			       "says what was recognised, not what else a log may say.\n",
			       making->file, (unsigned long long)(bytes + 1023) / 1024);
	return status == EXIT_OK ? stdout_flushed() : status;
}

int cmd_report(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.arguments = "[-- LOGFILE...]",
		.doc = doc,
		.shared = SHARED_JSON | SHARED_DRY_RUN | SHARED_SYSROOT,
	};
	struct making making = { .output = NULL };
	int status = EXIT_FAILED;
	struct error error;
	struct host host;

	if (options_parse(&line, argc, argv, &making.shared, &making))
		return EXIT_USAGE;
	if (look_open(&making.shared, true, &host))
		return EXIT_FAILED;
	if (gather(&making, &host, &error))
		say("%s", error.text);
	else
		status = show_and_write(&making);
	host_close(&host);
	private_close(making.private);
	report_free(&making.report);
	return status;
}
