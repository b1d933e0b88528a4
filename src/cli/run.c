/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin run: a DPDK application on an adapter.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/quote.h"
#include "app/application.h"
#include "cli/cli.h"
#include "cli/diagnose.h"
#include "cli/handover.h"
#include "cli/look.h"
#include "process/child.h"
#include "process/keep.h"
#include "process/program.h"
#include "process/signals.h"
#include "term/json.h"
#include "term/options.h"
#include "term/say.h"
#include "term/term.h"
#include "term/text.h"
#include "term/value.h"

#define QUEUES_MAX      64u
#define SECONDS_MAX     (365 * 86400.0)
#define DESCRIPTORS_MIN 64u /* of a queue, as Microsoft's own tests found */
#define DESCRIPTORS_MAX 8192u

enum {
	OPTION_QUEUES = 'q',
	OPTION_CPUS = 'c',
	OPTION_SECONDS = 't',
	OPTION_APP = 0x100,
	OPTION_FIRST,
	OPTION_MODE,
	OPTION_PMD,
	OPTION_RXD,
	OPTION_TXD,
	OPTION_CSV,
	OPTION_RESTORE,
};

static const struct argp_option options[] = {
	{ "queues", OPTION_QUEUES, "N", 0, "Queue pairs of each port, 1 to 64 (default: 1)", 0 },
	{ "cpus", OPTION_CPUS, "LIST", 0,
	  "CPUs such as 1,3 or 2-5: the first for commands, the others to forward packets "
	  "(default: as many as there is work for)",
	  0 },
	{ "cores", 0, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0 },
	{ "mode", OPTION_MODE, "MODE", 0,
	  "What testpmd does: txonly (default), rxonly, io, mac, macswap, csum, 5tswap, ...", 0 },
	{ "tx-first", OPTION_FIRST, NULL, 0,
	  "First send a burst on each queue, for modes that send back what they receive", 0 },
	{ "app", OPTION_APP, "PATH", 0, "Run this DPDK application instead of testpmd", 0 },
	{ "seconds", OPTION_SECONDS, "S", 0, "Stop after S seconds (default: at Ctrl-C)", 0 },
	{ "rxd", OPTION_RXD, "N", 0, "Descriptors of each receive queue, 64 to 8192", 0 },
	{ "txd", OPTION_TXD, "N", 0, "Descriptors of each send queue, 64 to 8192", 0 },
	{ "pmd", OPTION_PMD, "netvsc|mana", 0,
	  "DPDK's driver for an interface (default: as it was handed over)", 0 },
	{ "restore", OPTION_RESTORE, NULL, 0,
	  "Give the interfaces back to the kernel at the end, as 'manakin restore' does", 0 },
	{ "csv", OPTION_CSV, NULL, 0, "Print the summary as comma-separated values", 0 },
	{ 0 },
};

static const struct option_moved moved[] = {
	{ 'm', "mode" }, { 'p', "pmd" }, { 's', "sysroot" }, { 0 }
};

static const char doc[] =
	"Run DPDK's testpmd, or another DPDK application, on interfaces that 'manakin setup' "
	"handed over (IFACE: their names, MAC addresses or UUIDs), or on the adapter NAME "
	"(default: mana0) that 'manakin device --name NAME' runs on this machine. Shows the "
	"rate while it runs, and a summary. If it fails, the cause is looked up in its output."
	"\vARGS are added to the application's arguments; if they contain --, those before it go "
	"to EAL.\n\n"
	"Examples:\n"
	"  manakin run eth1 --queues 8 --seconds 10 --restore\n"
	"  manakin run --seconds 10\n"
	"  manakin run mana0 --queues 8 --cpus 0-4 --mode rxonly\n"
	"  manakin run --mode io --tx-first -- --txd=128 --rxd=128 --burst=64\n"
	"  manakin run --app ./l2fwd -- -- -p 1\n\n"
	"Exit status: 0 success, 1 failure, 2 wrong usage.";

/**
 * struct run - the command line, and the run
 * @words:	@n_words: the ports to run on; none: the adapter mana0
 * @cpus:	list of CPUs, or NULL
 */
struct run {
	struct application app;
	struct target_wish wish;
	char **words;
	size_t n_words;
	struct shared_options shared;
	const char *cpus;
	enum rates_form form;
	bool restore;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	static const char *const pmds[] = { "netvsc", "mana" };
	struct run *run = state->input;
	struct application *app = &run->app;
	unsigned int cpus[CPUS_MAX], n;

	switch (key) {
	case OPTION_QUEUES:
		return value_number("queues", arg, 1, QUEUES_MAX, &app->queues);
	case OPTION_CPUS:
		if (cpus_parse(arg, cpus, &n))
			return value_bad("cpus", arg, VALUE_CPUS);
		run->cpus = arg;
		return 0;
	case OPTION_MODE:
		if (!*arg || arg[strspn(arg, "abcdefghijklmnopqrstuvwxyz0123456789-")])
			return value_bad("mode", arg, "a testpmd mode such as txonly");
		app->mode = arg;
		return 0;
	case OPTION_SECONDS:
		return value_seconds("seconds", arg, 0.1, SECONDS_MAX, &app->seconds);
	case OPTION_FIRST:
		app->tx_first = true;
		return 0;
	case OPTION_APP:
		app->program = arg;
		return 0;
	case OPTION_CSV:
		run->form = RATES_CSV;
		return 0;
	case OPTION_RXD:
		return value_number("rxd", arg, DESCRIPTORS_MIN, DESCRIPTORS_MAX,
				    &app->descriptors[0]);
	case OPTION_TXD:
		return value_number("txd", arg, DESCRIPTORS_MIN, DESCRIPTORS_MAX,
				    &app->descriptors[1]);
	case OPTION_PMD:
		if (value_word("pmd", arg, pmds, 2, &n))
			return EINVAL;
		run->wish.pmd = n ? EAL_PMD_MANA : EAL_PMD_NETVSC;
		return 0;
	case OPTION_RESTORE:
		run->restore = true;
		return 0;
	case ARGP_KEY_ARGS:
		run->words = state->argv + state->next;
		run->n_words = (size_t)(state->argc - state->next);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** split_args() - after the first -- they are the application's; before a second one, EAL's */
static void split_args(struct run *run, int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		argv[i] = NULL;
		run->app.args = argv + i + 1;
		for (char **arg = run->app.args; *arg; arg++)
			if (!strcmp(*arg, "--")) {
				*arg = NULL;
				run->app.eal_args = run->app.args;
				run->app.args = arg + 1;
				break;
			}
		*argc = i;
		return;
	}
}

/** find_target() - what the user's words name; prints why if it cannot be used */
static int find_target(struct run *run)
{
	const struct mana_port **ports = NULL;
	struct target *target = &run->app.target;
	struct error error;
	struct machine machine;
	struct host host;
	size_t n;
	int err = look_at_machine(&run->shared, &host, &machine);

	if (err)
		return err;
	*error.text = '\0';
	if (!run->n_words)
		err = target_software(&run->wish, &host, "mana0", target, &error);
	else if (run->n_words == 1 && target_is_software(&machine, run->words[0]))
		err = target_software(&run->wish, &host, run->words[0], target, &error);
	else
		err = look_for_ports(&host, &machine, run->words, run->n_words, &ports, &n);
	if (!err && ports)
		err = target_ports(&run->wish, &host, &machine, ports, n, target, &error);
	if (err && *error.text)
		say("%s", error.text);
	free(ports);
	look_away(&host, &machine);
	return err;
}

/** prepare() - check and set up what the run needs; prints why if it cannot */
static int prepare(struct run *run)
{
	struct application *app = &run->app;
	struct error error;
	int err;

	if (!run->shared.dry_run && !program_find(application_program(app))) {
		say(app->program ? "%s does not exist or is not executable"
				 : "%s is not in PATH; install DPDK's applications: apt-get "
				   "install dpdk-dev",
		    application_program(app));
		return -ENOENT;
	}
	err = find_target(run);
	if (err)
		return err;
	if (*app->target.warning)
		say("%s", app->target.warning);
	if (run->restore && app->target.software) {
		say("--restore: %s is an adapter in software; there is nothing to give back",
		    app->target.name);
		return -EINVAL;
	}
	err = application_choose_cpus(app, run->cpus, &error);
	if (!err && !run->shared.dry_run)
		err = application_check_memory(app, &error);
	if (err)
		say("%s", error.text);
	return err;
}

/** print_command() - what would be started: for a shell, or as JSON; an exit status */
static int print_command(const struct run *run)
{
	const char *sysfs = run->app.target.sysfs;
	char **argv = application_command(&run->app);
	json_t *words, *environment;

	if (!argv) {
		say("out of memory");
		return EXIT_FAILED;
	}
	if (run->form == RATES_JSON) {
		words = json_array();
		environment = json_object();
		for (char **word = argv; *word; word++)
			json_array_append_new(words, output_text(*word));
		if (*sysfs)
			json_object_set_new(environment, "SYSFS_PCI_DEVICES", output_text(sysfs));
		child_args_free(argv);
		return output_json(
			json_pack("{s:o, s:o}", "command", words, "environment", environment));
	}
	if (*sysfs) {
		printf("SYSFS_PCI_DEVICES=");
		quote_word(stdout, sysfs);
		putchar(' ');
	}
	output_command(stdout, argv);
	child_args_free(argv);
	return stdout_flushed();
}

/** explain() - the causes that the log shows; if none is known, where to look */
static void explain(const struct application *app)
{
	fflush(app->show);
	if (!app->log || diagnose_explain(app->log, stderr) || app->target.software)
		return;
	say("its output shows no known problem; check the machine: manakin check %s",
	    app->target.keys[0]);
}

/** start() - the application, the summary, and what comes after; an exit status */
static int start(struct run *run)
{
	struct application *app = &run->app;
	int status = application_run(app), back = EXIT_OK;

	if (app->suspect)
		explain(app);
	if (app->rates) {
		rates_summary(app->rates, run->form, stdout);
		rates_close(app->rates);
	}
	/* Where another program reads standard output, only the summary goes there. */
	if (run->restore)
		back = restore_ports(app->target.keys, app->show);
	return status ? status : back;
}

/** check_usage() - do the options go together? EINVAL after printing why if not */
static int check_usage(struct run *run)
{
	const struct application *app = &run->app;

	if (!application_is_testpmd(app) && (app->mode || app->tx_first))
		return say_usage("--mode and --tx-first are options for testpmd, and %s is another "
				 "application; give it its own after --",
				 app->program);
	if (run->shared.sysroot && !run->shared.dry_run)
		return say_usage("--sysroot works only with --dry-run: an application runs on this "
				 "machine");
	if (run->shared.json && run->form == RATES_CSV)
		return say_usage("give --json or --csv, not both");
	if (run->shared.json)
		run->form = RATES_JSON;
	run->wish.only_look = run->shared.dry_run;
	run->wish.plugin = run->shared.plugin;
	return 0;
}

/** prepare_and_start() - or print the command; an exit status */
static int prepare_and_start(struct run *run)
{
	struct application *app = &run->app;
	struct signals signals;
	int err = signals_open(&signals, 0), status = EXIT_FAILED;

	if (err) {
		say("cannot wait for signals: %s", error_reason(-err));
		return EXIT_FAILED;
	}
	app->show = run->form == RATES_TABLE ? stdout : stderr;
	app->stop = signals.fd;
	app->log = keep_open();
	if (!prepare(run))
		status = run->shared.dry_run ? print_command(run) : start(run);
	target_free(&app->target);
	if (app->log)
		close(app->log);
	signals_close(&signals);
	return status;
}

int cmd_run(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.arguments = "[NAME | IFACE...] [-- ARGS...]",
		.doc = doc,
		.shared = SHARED_JSON | SHARED_DRY_RUN | SHARED_SYSROOT | SHARED_PLUGIN,
		.moved = moved,
	};
	struct run *run = calloc(1, sizeof(*run));
	int status = EXIT_USAGE;

	if (!run) {
		say("out of memory");
		return EXIT_FAILED;
	}
	run->app.queues = 1;
	split_args(run, &argc, argv);
	if (!options_parse(&line, argc, argv, &run->shared, run) && !check_usage(run))
		status = prepare_and_start(run);
	free(run);
	return status;
}
