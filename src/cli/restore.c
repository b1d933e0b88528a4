/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin restore: give interfaces back to the kernel.
 */
#include <argp.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/handover.h"
#include "cli/look.h"
#include "host/handover/restore.h"

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
	struct handover handover;
	bool all, failed;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct restore *restore = state->input;

	switch (key) {
	case OPTION_ALL:
		restore->all = true;
		return 0;
	case OPTION_DRY_RUN:
		restore->handover.dry_run = true;
		return 0;
	case OPTION_JSON:
		restore->handover.json = true;
		return 0;
	case OPTION_SYSROOT:
		restore->handover.sysroot = arg;
		return 0;
	case ARGP_KEY_ARGS:
		restore->handover.words = (const char *const *)state->argv + state->next;
		restore->handover.n_words = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_END:
		if (restore->all == (restore->handover.n_words != 0))
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

static void print_done(const struct plan *plan)
{
	(void)plan;
	printf("done\n");
}

static int make_plan(const struct handover *handover, const struct plan_from *from,
		     struct plan *plan, struct error *error)
{
	(void)handover;
	return plan_restore(from, plan, error);
}

static const struct handover restore_handover = {
	.command = "restore",
	.nothing = "nothing to do: all is the kernel's",
	.make_plan = make_plan,
	.print_ports = print_ports,
	.carry_out = setup_restore,
	.print_done = print_done,
};

int restore_ports(char *const *keys, bool quiet)
{
	struct handover handover = restore_handover;

	handover.quiet = quiet;
	handover.words = (const char *const *)keys;
	while (keys[handover.n_words])
		handover.n_words++;
	return handover_run(&handover);
}

int cmd_restore(int argc, char **argv)
{
	const struct argp argp = { options, parse_option, "[IFACE...]", doc, NULL, NULL, NULL };
	struct restore restore = { .handover = restore_handover };

	argv[0] = (char *)"manakin restore";
	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &restore) || restore.failed)
		return EXIT_USAGE;
	return handover_run(&restore.handover);
}
