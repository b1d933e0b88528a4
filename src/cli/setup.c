/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin setup: hand interfaces over to DPDK.
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

#define PAGES_MAX 100000000ul

enum {
	OPTION_PMD = 'p',
	OPTION_HUGEPAGES = 'H',
	OPTION_DRY_RUN = 'n',
	OPTION_FORCE = 'f',
	OPTION_JSON = 'j',
	OPTION_SYSROOT = 's',
	OPTION_PERSIST = 0x100,
};

static const struct argp_option options[] = {
	{ "pmd", OPTION_PMD, "netvsc|mana", 0,
	  "DPDK's driver: netvsc, with the synthetic interface (default where there is one), or "
	  "mana "
	  "directly",
	  0 },
	{ "hugepages", OPTION_HUGEPAGES, "N[,SIZE]", 0,
	  "See to N hugepages on each NUMA node, SIZE 2M or 1G; never fewer than there are "
	  "(default: "
	  "1024,2M)",
	  0 },
	{ "dry-run", OPTION_DRY_RUN, NULL, 0,
	  "Change nothing; print the commands that a person would type", 0 },
	{ "force", OPTION_FORCE, NULL, 0,
	  "Take also an interface that carries the default route, this SSH session, or others", 0 },
	{ "persist", OPTION_PERSIST, NULL, 0, "Do it at every boot, too, by a systemd unit", 0 },
	{ "json", OPTION_JSON, NULL, 0, "Print as JSON", 0 },
	{ "sysroot", OPTION_SYSROOT, "DIR", 0, SYSROOT_HELP, 0 },
	{ 0 },
};

static const char doc[] = "Hand interfaces over to DPDK: hugepages, kernel modules, both links "
			  "down, and the VMBus device "
			  "from hv_netvsc to uio_hv_generic. IFACE is a synthetic interface, its "
			  "VF, a MAC address or a "
			  "VMBus UUID. What was done is kept in a journal, and 'manakin restore' "
			  "undoes it; if a step "
			  "fails, all are undone at once."
			  "\vExamples:\n"
			  "  manakin setup --dry-run eth1\n"
			  "  manakin setup eth1 eth2\n"
			  "  manakin setup --pmd mana --hugepages 4,1G enP30832s1\n"
			  "  manakin setup --persist 00:0d:3a:76:3b:d0\n\n"
			  "Exit status: 0 done, or nothing to do; 1 refused or failed, and the "
			  "machine is as it was; 2 "
			  "wrong usage.";

/**
 * struct setup - the command line
 */
struct setup {
	struct setup_options options;
	const char *sysroot;
	const char *const *words;
	size_t n_words;
	bool dry_run, persist, json, failed;
};

/** parse_pages() - N[,SIZE] */
static bool parse_pages(const char *text, struct setup_options *wanted)
{
	static const struct {
		const char *name;
		unsigned int kib;
	} units[] = { { "M", 1u << 10 },  { "MB", 1u << 10 }, { "G", 1u << 20 },
		      { "GB", 1u << 20 }, { "k", 1 },         { "kB", 1 } };
	unsigned long size;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	wanted->pages = strtoul(text, &end, 10);
	wanted->pages_asked = true;
	wanted->kib = PLAN_PAGES_KIB;
	if (errno || wanted->pages > PAGES_MAX)
		return false;
	if (!*end)
		return true;
	if (*end != ',' || end[1] < '0' || end[1] > '9')
		return false;
	size = strtoul(end + 1, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcasecmp(end, units[i].name) && size && size <= (1u << 24) / units[i].kib) {
			wanted->kib = (unsigned int)size * units[i].kib;
			return true;
		}
	return false;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct setup *setup = state->input;

	switch (key) {
	case OPTION_PMD:
		if (!strcmp(arg, "netvsc"))
			setup->options.pmd = PMD_NETVSC;
		else if (!strcmp(arg, "mana"))
			setup->options.pmd = PMD_MANA;
		else
			return usage_error(&setup->failed, "--pmd: '%s' is neither netvsc nor mana",
					   arg);
		return 0;
	case OPTION_HUGEPAGES:
		if (!parse_pages(arg, &setup->options))
			return usage_error(
				&setup->failed,
				"--hugepages: '%s' is not N[,SIZE] such as 1024,2M or 4,1G", arg);
		return 0;
	case OPTION_DRY_RUN:
		setup->dry_run = true;
		return 0;
	case OPTION_FORCE:
		setup->options.force = true;
		return 0;
	case OPTION_PERSIST:
		setup->persist = true;
		return 0;
	case OPTION_JSON:
		setup->json = true;
		return 0;
	case OPTION_SYSROOT:
		setup->sysroot = arg;
		return 0;
	case ARGP_KEY_ARGS:
		setup->words = (const char *const *)state->argv + state->next;
		setup->n_words = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_NO_ARGS:
		return usage_error(&setup->failed,
				   "name the interfaces to hand over; 'manakin list' shows them");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** print_ports() - what is about to happen to whom */
static void print_ports(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_ports; i++) {
		const struct plan_port *port = &plan->port[i];

		printf("%s (%s%s%s) %s DPDK's %s%s\n", port->name, port->key,
		       *port->vf ? ", VF " : "", port->vf,
		       port->steps ? "goes to" : "is handed over to",
		       port->netvsc ? "netvsc" : "mana driver", port->steps ? ":" : " already");
	}
}

/** next_step() - for the user, when all is done */
static void next_step(const struct plan *plan)
{
	const struct plan_port *port = &plan->port[0];

	printf("done; next: 'manakin run %s', or 'manakin args %s' for another application; then "
	       "'manakin restore %s'\n",
	       port->name, port->name, port->name);
}

/** carry_out() - the plan, with words on it; an exit status */
static int carry_out(const struct setup *setup, const struct host *host, struct journal *journal,
		     struct plan *plan)
{
	bool tell = !setup->json;
	char error[PLAN_ERROR] = "";
	int err;

	if (tell) {
		print_ports(plan);
		plan_print(plan);
		fflush(stdout);
	}
	err = setup_carry_out(host, journal, plan, plan_told, &tell, error, sizeof(error));
	if (err)
		say("%s", error);
	else if (tell && plan->n_steps)
		next_step(plan);
	else if (tell)
		printf("nothing to do\n");
	if (setup->json)
		return plan_print_json(plan, false, error, err ? EXIT_FAILED : EXIT_OK);
	return err ? EXIT_FAILED : EXIT_OK;
}

/** with_journal() - plan, and show or carry it out; an exit status */
static int with_journal(const struct setup *setup, const struct host *host,
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
		err = plan_setup(host, machine, &ledger, setup->words, setup->n_words,
				 &setup->options, &plan, error, sizeof(error));
	if (err) {
		say("%s", error);
		status = err == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	} else if (!setup->dry_run) {
		status = carry_out(setup, host, journal, &plan);
	} else if (setup->json) {
		status = plan_print_json(&plan, true, "", EXIT_OK);
	} else {
		plan_script(&plan, plan.n_steps ? "what 'manakin setup' would do"
						: "nothing to do: all is as it should be");
		status = EXIT_OK;
	}
	plan_free(&plan);
	ledger_free(&ledger);
	return status;
}

int cmd_setup(int argc, char **argv)
{
	const struct argp argp = { options, parse_option, "IFACE...", doc, NULL, NULL, NULL };
	struct setup setup = { .options = { .pages = PLAN_PAGES, .kib = PLAN_PAGES_KIB } };
	char error[4 * PLAN_ERROR + 1024], program[4096] = "";
	struct machine machine;
	struct journal journal;
	struct host host;
	int status = EXIT_FAILED;

	argv[0] = (char *)"manakin setup";
	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &setup) || setup.failed)
		return EXIT_USAGE;
	if (!setup.dry_run && geteuid()) {
		say("only root may do this: sudo manakin setup ...; --dry-run shows what it would "
		    "do");
		return EXIT_FAILED;
	}
	if (setup.persist && readlink("/proc/self/exe", program, sizeof(program) - 1) > 0)
		setup.options.program = program;
	if (host_open(setup.sysroot, &host, error, sizeof(error))) {
		say("%s", error);
		return EXIT_FAILED;
	}
	/* Locked before anything is looked at, so that what is seen stays so. */
	signals_hold();
	if (journal_open(&host, !setup.dry_run, &journal, error, sizeof(error))) {
		say("%s", error);
	} else {
		if (machine_read(&host, &machine, error, sizeof(error)))
			say("%s", error);
		else
			status = with_journal(&setup, &host, &machine, &journal);
		machine_free(&machine);
	}
	journal_close(&journal);
	signals_release();
	host_close(&host);
	return status;
}
