/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin restore: give interfaces back to the kernel.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/handover.h"
#include "host/handover/restore.h"
#include "term/options.h"
#include "term/text.h"

enum { OPTION_ALL = 'a' };

static const struct argp_option options[] = {
	{ "all", OPTION_ALL, NULL, 0, "Everything that was handed over, by setup or by hand", 0 },
	{ 0 },
};

static const struct option_moved moved[] = { { 's', "sysroot" }, { 0 } };

static const char doc[] =
	"Give interfaces back to the kernel as they were before 'manakin setup': driver, name, "
	"link, MTU, addresses and routes; and, with the last interface, the number of "
	"hugepages. IFACE is a name that the interface has or had, a MAC address or a VMBus "
	"UUID. An interface that was handed over by hand gets its driver and link back; its "
	"addresses were not recorded."
	"\vExamples:\n"
	"  manakin restore eth1\n"
	"  manakin restore --all\n"
	"  manakin restore --dry-run --all\n\n"
	"Exit status: 0 success, or nothing to do; 1 refused or failed; 2 wrong usage.";

/**
 * struct restore - the command line
 */
struct restore {
	struct handover handover;
	bool all;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct restore *restore = state->input;

	(void)arg;
	switch (key) {
	case OPTION_ALL:
		restore->all = true;
		return 0;
	case ARGP_KEY_ARGS:
		restore->handover.words = (const char *const *)state->argv + state->next;
		restore->handover.n_words = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_END:
		if (restore->all == (restore->handover.n_words != 0))
			return say_usage("name the interfaces to give back, or use --all");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** print_ports() - what will happen to each port */
static void print_ports(const struct plan *plan, FILE *to)
{
	for (size_t i = 0; i < plan->n_ports; i++) {
		const struct plan_port *port = &plan->port[i];

		if (port->gone)
			output_visible(
				to,
				"%s (%s) is no longer on this machine; there is nothing to give back, and it is "
				"removed from the journal\n",
				port->name, port->key);
		else if (!port->steps)
			output_visible(to, "%s (%s) already belongs to the kernel\n", port->name,
				       port->key);
		else
			output_visible(to, "%s (%s) goes back to the kernel%s\n", port->name,
				       port->key,
				       port->journalled ? "" : "; its addresses were not recorded");
	}
}

static void print_done(const struct plan *plan, FILE *to)
{
	(void)plan;
	fprintf(to, "done\n");
}

static int make_plan(const struct handover *handover, const struct plan_from *from,
		     struct plan *plan, struct error *error)
{
	(void)handover;
	return plan_restore(from, plan, error);
}

static const struct handover restore_handover = {
	.command = "restore",
	.nothing = "nothing to do: the kernel has all interfaces",
	.make_plan = make_plan,
	.print_ports = print_ports,
	.carry_out = restore_carry_out,
	.print_done = print_done,
};

int restore_ports(char *const *keys, FILE *to)
{
	struct handover handover = restore_handover;

	handover.to = to;
	handover.words = (const char *const *)keys;
	while (keys[handover.n_words])
		handover.n_words++;
	return handover_run(&handover);
}

int cmd_restore(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.arguments = "[IFACE...]",
		.doc = doc,
		.shared = SHARED_JSON | SHARED_DRY_RUN | SHARED_SYSROOT,
		.moved = moved,
	};
	struct restore restore = { .handover = restore_handover };

	if (options_parse(&line, argc, argv, &restore.handover.shared, &restore))
		return EXIT_USAGE;
	return handover_run(&restore.handover);
}
