/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin run: a DPDK application on an adapter.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
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
	OPTION_CORES = 'c',
	OPTION_MODE = 'm',
	OPTION_SECONDS = 't',
	OPTION_JSON = 'j',
	OPTION_PMD = 'p',
	OPTION_DRY_RUN = 'n',
	OPTION_SYSROOT = 's',
	OPTION_APP = 0x100,
	OPTION_FIRST,
	OPTION_PLUGIN,
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
	  "Send a burst on each queue first, so that modes that send back have something to", 0 },
	{ "app", OPTION_APP, "PATH", 0, "Run this DPDK application in place of testpmd", 0 },
	{ "seconds", OPTION_SECONDS, "S", 0, "How long to run (default: until Ctrl-C)", 0 },
	{ "rxd", OPTION_RXD, "N", 0, "Descriptors of each receive queue, 64 to 8192", 0 },
	{ "txd", OPTION_TXD, "N", 0, "Descriptors of each send queue", 0 },
	{ "pmd", OPTION_PMD, "netvsc|mana", 0,
	  "DPDK's driver for an interface (default: as it was handed over)", 0 },
	{ "restore", OPTION_RESTORE, NULL, 0,
	  "Give the interfaces back to the kernel at the end, as 'manakin restore' does", 0 },
	{ "dry-run", OPTION_DRY_RUN, NULL, 0, "Print the command, and start nothing", 0 },
	{ "json", OPTION_JSON, NULL, 0, "Print the summary as JSON", 0 },
	{ "csv", OPTION_CSV, NULL, 0, "Print the summary as comma-separated values", 0 },
	{ "plugin", OPTION_PLUGIN, "FILE", 0,
	  "The poll-mode driver for an adapter in software (default: beside this program, or where "
	  "it is installed)",
	  0 },
	{ "sysroot", OPTION_SYSROOT, "DIR", 0, SYSROOT_HELP ", with --dry-run", 0 },
	{ 0 },
};

static const char doc[] =
	"Run DPDK's testpmd, or another DPDK application, on interfaces that 'manakin setup' "
	"handed "
	"over (IFACE: their names, MAC addresses or UUIDs), or on the adapter NAME (default: "
	"mana0) "
	"that 'manakin device --name NAME' runs on this machine. Shows the rate as it goes, and a "
	"summary. When it fails, the log is looked at for why."
	"\vARGS are added to the application's own arguments; with a -- among them, those before "
	"it to EAL's.\n\n"
	"Examples:\n"
	"  manakin run eth1 --queues 8 --seconds 10 --restore\n"
	"  manakin run --seconds 10\n"
	"  manakin run mana0 --queues 8 --cores 0-4 --mode rxonly\n"
	"  manakin run --mode io --tx-first -- --txd=128 --rxd=128 --burst=64\n"
	"  manakin run --app ./l2fwd -- -- -p 1\n\n"
	"Exit status: 0 done, 1 it did not work, 2 wrong usage.";

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
	const char *sysroot;
	const char *cores;
	enum rates_form form;
	bool restore, dry_run, failed;
};

/** parse_descriptors() - of a kind of queue; 0 or EINVAL, and has said so */
static int parse_descriptors(struct run *run, bool send, const char *arg)
{
	unsigned long value;
	char *end;

	value = *arg >= '0' && *arg <= '9' && strlen(arg) < 6 ? strtoul(arg, &end, 10) : 0;
	if (value < DESCRIPTORS_MIN || value > DESCRIPTORS_MAX || *end)
		return usage_error(&run->failed,
				   "--%s: '%s' is not %u to %u descriptors; MANA wants %u at least",
				   send ? "txd" : "rxd", arg, DESCRIPTORS_MIN, DESCRIPTORS_MAX,
				   DESCRIPTORS_MIN);
	run->app.descriptors[send] = (unsigned int)value;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct run *run = state->input;
	unsigned int cpus[CPUS_MAX], n;
	char *end;

	switch (key) {
	case OPTION_QUEUES:
		run->app.queues = (unsigned int)strtoul(arg, &end, 10);
		if (*end || *arg < '0' || *arg > '9' || strlen(arg) > 3 || !run->app.queues ||
		    run->app.queues > QUEUES_MAX)
			return usage_error(&run->failed, "--queues: '%s' is not 1 to %u", arg,
					   QUEUES_MAX);
		return 0;
	case OPTION_CORES:
		if (cpus_parse(arg, cpus, &n))
			return usage_error(&run->failed,
					   "--cores: '%s' is not a list such as 1,3 or 2-5", arg);
		run->cores = arg;
		return 0;
	case OPTION_MODE:
		if (!*arg || arg[strspn(arg, "abcdefghijklmnopqrstuvwxyz0123456789-")])
			return usage_error(&run->failed,
					   "--mode: '%s' is not a mode of testpmd's such as txonly",
					   arg);
		run->app.mode = arg;
		return 0;
	case OPTION_SECONDS:
		run->app.seconds = strtod(arg, &end);
		if (*end || end == arg ||
		    !(run->app.seconds >= 0.1 && run->app.seconds <= SECONDS_MAX))
			return usage_error(&run->failed,
					   "--seconds: '%s' is not a time of 0.1 seconds or more",
					   arg);
		return 0;
	case OPTION_FIRST:
		run->app.tx_first = true;
		return 0;
	case OPTION_APP:
		run->app.program = arg;
		return 0;
	case OPTION_JSON:
	case OPTION_CSV:
		if (run->form != RATES_TABLE)
			return usage_error(&run->failed, "--json or --csv, once");
		run->form = key == OPTION_JSON ? RATES_JSON : RATES_CSV;
		return 0;
	case OPTION_RXD:
	case OPTION_TXD:
		return parse_descriptors(run, key == OPTION_TXD, arg);
	case OPTION_PMD:
		run->wish.pmd = !strcmp(arg, "netvsc") ? EAL_PMD_NETVSC
				: !strcmp(arg, "mana") ? EAL_PMD_MANA
						       : EAL_PMD_ANY;
		if (run->wish.pmd == EAL_PMD_ANY)
			return usage_error(&run->failed, "--pmd: '%s' is neither netvsc nor mana",
					   arg);
		return 0;
	case OPTION_RESTORE:
		run->restore = true;
		return 0;
	case OPTION_DRY_RUN:
		run->dry_run = run->wish.only_look = true;
		return 0;
	case OPTION_SYSROOT:
		run->sysroot = arg;
		return 0;
	case OPTION_PLUGIN:
		run->wish.plugin = arg;
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
	int err = look_at_machine(run->sysroot, &host, &machine);

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

	if (!run->dry_run && !program_find(application_program(app))) {
		say(app->program ? "there is no program %s that could be run"
				 : "there is no %s in PATH; install DPDK's applications: apt-get "
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
	err = application_choose_cpus(app, run->cores, &error);
	if (!err && !run->dry_run)
		err = application_check_memory(app, &error);
	if (err)
		say("%s", error.text);
	return err;
}

/** print_command() - what would be started, for a shell; an exit status */
static int print_command(const struct application *app)
{
	char **argv = application_command(app);

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
	if (*sysfs)
		printf("SYSFS_PCI_DEVICES=%s ", sysfs);
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
		back = restore_ports(app->target.keys, run->form != RATES_TABLE);
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
		status = run->dry_run ? print_command(app) : start(run);
	target_free(&app->target);
	if (app->log)
		close(app->log);
	signals_close(&signals);
	return status;
}

int cmd_run(int argc, char **argv)
{
	static const struct argp argp = { options, parse_option, "[NAME | IFACE...] [-- ARGS...]",
					  doc,     NULL,         NULL,
					  NULL };
	struct run *run = calloc(1, sizeof(*run));
	int status = EXIT_USAGE;

	if (!run) {
		say("out of memory");
		return EXIT_FAILED;
	}
	run->app.queues = 1;
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"manakin run";
	split_args(run, &argc, argv);
	if (!argp_parse(&argp, argc, argv, 0, NULL, run) && usage_of_all(run))
		status = prepare_and_start(run);
	free(run);
	return status;
}
