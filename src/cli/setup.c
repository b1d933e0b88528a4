/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin setup: hand interfaces over to DPDK.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/handover.h"
#include "host/handover/setup.h"
#include "term/options.h"
#include "term/text.h"
#include "term/value.h"

#define PAGES_MAX 100000000ul

enum { OPTION_HUGEPAGES = 'H', OPTION_FORCE = 'f', OPTION_PMD = 0x100, OPTION_PERSIST };

static const struct argp_option options[] = {
	{ "pmd", OPTION_PMD, "netvsc|mana", 0,
	  "DPDK's driver: netvsc, through the synthetic interface (default if there is one), or "
	  "mana, on the VF directly",
	  0 },
	{ "hugepages", OPTION_HUGEPAGES, "N[,SIZE]", 0,
	  "Reserve at least N hugepages on each NUMA node, of SIZE 2M or 1G (default: 1024,2M)",
	  0 },
	{ "force", OPTION_FORCE, NULL, 0,
	  "Also take an interface that carries the default route or this SSH session, or that "
	  "others are built on",
	  0 },
	{ "persist", OPTION_PERSIST, NULL, 0, "Also do this at every boot, with a systemd unit",
	  0 },
	{ 0 },
};

static const struct option_moved moved[] = { { 'p', "pmd" }, { 's', "sysroot" }, { 0 } };

static const char doc[] =
	"Hand interfaces over to DPDK: hugepages, kernel modules, network managers told to leave "
	"them alone, both links down, and the VMBus device from hv_netvsc to uio_hv_generic. IFACE is a synthetic interface, its "
	"VF, a MAC address or a VMBus UUID. Each step is recorded in a journal, and 'manakin "
	"restore' undoes it; if a step fails, all steps are undone at once. What the interface "
	"loses besides, such as qdiscs, is listed first."
	"\vExamples:\n"
	"  manakin setup --dry-run eth1\n"
	"  manakin setup eth1 eth2\n"
	"  manakin setup --pmd mana --hugepages 4,1G enP30832s1\n"
	"  manakin setup --persist 00:0d:3a:76:3b:d0\n\n"
	"Exit status: 0 success, or nothing to do; 1 refused or failed, and the machine is as "
	"it was; 2 wrong usage.";

/**
 * struct setup - the command line
 */
struct setup {
	struct handover handover;
	bool persist;
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
	static const char *const pmds[] = { "netvsc", "mana" };
	struct setup *setup = state->input;
	unsigned int chosen;

	switch (key) {
	case OPTION_PMD:
		if (value_word("pmd", arg, pmds, 2, &chosen))
			return EINVAL;
		setup->handover.options.pmd = chosen ? PMD_MANA : PMD_NETVSC;
		return 0;
	case OPTION_HUGEPAGES:
		if (!parse_pages(arg, &setup->handover.options))
			return value_bad("hugepages", arg, "N[,SIZE] such as 1024,2M or 4,1G");
		return 0;
	case OPTION_FORCE:
		setup->handover.options.force = true;
		return 0;
	case OPTION_PERSIST:
		setup->persist = true;
		return 0;
	case ARGP_KEY_ARGS:
		setup->handover.words = (const char *const *)state->argv + state->next;
		setup->handover.n_words = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_NO_ARGS:
		return say_usage("name the interfaces to hand over; 'manakin list' shows them");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** print_ports() - what will happen to each port */
static void print_ports(const struct plan *plan, FILE *to)
{
	for (size_t i = 0; i < plan->n_ports; i++) {
		const struct plan_port *port = &plan->port[i];

		output_visible(to, "%s (%s%s%s) %s DPDK's %s%s\n", port->name, port->key,
			       *port->vf ? ", VF " : "", port->vf,
			       port->steps ? "goes to" : "is handed over to",
			       port->netvsc ? "netvsc" : "mana driver",
			       port->steps ? ":" : " already");
	}
}

/** print_done() - and what comes next */
static void print_done(const struct plan *plan, FILE *to)
{
	const struct plan_port *port = &plan->port[0];

	output_visible(
		to,
		"done; next: 'manakin run %s', or 'manakin args %s' for another application; then "
		"'manakin restore %s'\n",
		port->name, port->name, port->name);
}

static int make_plan(const struct handover *handover, const struct plan_from *from,
		     struct plan *plan, struct error *error)
{
	return plan_setup(from, &handover->options, plan, error);
}

int cmd_setup(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.arguments = "IFACE...",
		.doc = doc,
		.shared = SHARED_JSON | SHARED_DRY_RUN | SHARED_SYSROOT,
		.moved = moved,
	};
	struct setup setup = {
		.handover = {
			.command = "setup",
			.nothing = "nothing to do: everything is set up already",
			.options = { .pages = PLAN_PAGES, .kib = PLAN_PAGES_KIB },
			.tell_back = true,
			.make_plan = make_plan,
			.print_ports = print_ports,
			.carry_out = setup_carry_out,
			.print_done = print_done,
		},
	};
	char program[4096] = "";

	if (options_parse(&line, argc, argv, &setup.handover.shared, &setup))
		return EXIT_USAGE;
	if (setup.persist && readlink("/proc/self/exe", program, sizeof(program) - 1) > 0)
		setup.handover.options.program = program;
	return handover_run(&setup.handover);
}
