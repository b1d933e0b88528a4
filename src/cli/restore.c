/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin restore: give interfaces back to the kernel.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/look.h"
#include "cli/output.h"
#include "cli/plan_print.h"
#include "host/setup.h"

enum {
	OPTION_ALL = 'a',
	OPTION_DRY_RUN = 'n',
	OPTION_JSON = 'j',
	OPTION_SYSROOT = 's',
};

static const struct argp_option options[] = {
	{ "all", OPTION_ALL, NULL, 0, "All that setup has handed over, or somebody else by hand",
	  0 },
	{ "dry-run", OPTION_DRY_RUN, NULL, 0,
	  "Change nothing; print the commands that a person would type", 0 },
	{ "json", OPTION_JSON, NULL, 0, "Print as JSON", 0 },
	{ "sysroot", OPTION_SYSROOT, "DIR", 0, SYSROOT_HELP, 0 },
	{ 0 },
};

static const char doc[] =
	"Give interfaces back to the kernel as they were before 'manakin setup': driver, name, "
	"link, MTU, "
	"addresses and routes; and, with the last of them, hugepages. IFACE is a name that the "
	"interface "
	"has or had, a MAC address or a VMBus UUID. Of an interface that was handed over by hand "
	"nobody "
	"knows the addresses; it gets its driver and link back."
	"\vExamples:\n"
	"  manakin restore eth1\n"
	"  manakin restore --all\n"
	"  manakin restore --dry-run --all\n\n"
	"Exit status: 0 done, or nothing to do; 1 refused or failed; 2 wrong usage.";

/**
 * struct restore - the command line
 */
struct restore {
	const char *sysroot;
	const char *const *words;
	size_t n_words;
	bool all, dry_run, json, failed;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct restore *restore = state->input;

	switch (key) {
	case OPTION_ALL:
		restore->all = true;
		return 0;
	case OPTION_DRY_RUN:
		restore->dry_run = true;
		return 0;
	case OPTION_JSON:
		restore->json = true;
		return 0;
	case OPTION_SYSROOT:
		restore->sysroot = arg;
		return 0;
	case ARGP_KEY_ARGS:
		restore->words = (const char *const *)state->argv + state->next;
		restore->n_words = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_END:
		if (restore->all == (restore->n_words != 0))
			return usage_error(&restore->failed,
					   "name the interfaces to give back, or --all of them");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** print_ports() - what is about to happen to whom */
static void print_ports(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_ports; i++) {
		const struct plan_port *port = &plan->port[i];

		if (port->gone)
			printf("%s (%s) is no longer on this machine; there is nothing to give "
			       "back, and "
			       "the journal forgets it\n",
			       port->name, port->key);
		else if (!port->steps)
			printf("%s (%s) is the kernel's already\n", port->name, port->key);
		else
			printf("%s (%s) goes back to the kernel%s\n", port->name, port->key,
			       port->journalled ? "" : "; its addresses were not written down");
	}
}

/** carry_out() - the plan, with words on it; an exit status */
static int carry_out(const struct restore *restore, const struct host *host,
		     struct journal *journal, struct plan *plan)
{
	bool tell = false; /* the plan says it all */
	char error[PLAN_ERROR] = "";
	int err;

	if (!restore->json) {
		print_ports(plan);
		plan_print(plan);
		fflush(stdout);
	}
	err = setup_restore(host, journal, plan, plan_told, &tell, error, sizeof(error));
	if (err)
		say("%s", error);
	else if (!restore->json)
		printf(plan->n_steps ? "done\n" : "nothing to do\n");
	if (restore->json)
		return plan_print_json(plan, false, error, err ? EXIT_FAILED : EXIT_OK);
	return err ? EXIT_FAILED : EXIT_OK;
}

/** with_journal() - plan, and show or carry it out; an exit status */
static int with_journal(const struct restore *restore, const struct host *host,
			const struct machine *machine, struct journal *journal)
{
	struct ledger ledger = { 0 };
	struct plan plan = { 0 };
	char error[PLAN_ERROR];
	int err, status;

	if (*journal->notice)
		say("%s", journal->notice);
	err = ledger_read(journal->records, &ledger, error, sizeof(error));
	if (!err)
		err = plan_restore(host, machine, &ledger, restore->words, restore->n_words, &plan,
				   error, sizeof(error));
	if (err) {
		say("%s", error);
		status = err == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	} else if (!restore->dry_run) {
		status = carry_out(restore, host, journal, &plan);
	} else if (restore->json) {
		status = plan_print_json(&plan, true, "", EXIT_OK);
	} else {
		plan_script(&plan, plan.n_steps ? "what 'manakin restore' would do"
						: "nothing to do: all is the kernel's");
		status = EXIT_OK;
	}
	plan_free(&plan);
	ledger_free(&ledger);
	return status;
}

int cmd_restore(int argc, char **argv)
{
	const struct argp argp = { options, parse_option, "[IFACE...]", doc, NULL, NULL, NULL };
	char error[4 * PLAN_ERROR + 1024];
	struct restore restore = { 0 };
	struct machine machine;
	struct journal journal;
	struct host host;
	int status = EXIT_FAILED;

	argv[0] = (char *)"manakin restore";
	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &restore) || restore.failed)
		return EXIT_USAGE;
	if (!restore.dry_run && geteuid()) {
		say("only root may do this: sudo manakin restore ...; --dry-run shows what it "
		    "would "
		    "do");
		return EXIT_FAILED;
	}
	if (host_open(restore.sysroot, &host, error, sizeof(error))) {
		say("%s", error);
		return EXIT_FAILED;
	}
	signals_hold();
	if (journal_open(&host, !restore.dry_run, &journal, error, sizeof(error))) {
		say("%s", error);
	} else {
		if (machine_read(&host, &machine, error, sizeof(error)))
			say("%s", error);
		else
			status = with_journal(&restore, &host, &machine, &journal);
		machine_free(&machine);
	}
	journal_close(&journal);
	signals_release();
	host_close(&host);
	return status;
}
