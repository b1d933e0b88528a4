/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin args: print the EAL arguments that give an application these ports.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "app/eal_args.h"
#include "cli/look.h"
#include "term/json.h"
#include "term/options.h"
#include "term/say.h"
#include "term/term.h"
#include "term/text.h"
#include "term/value.h"

enum { OPTION_PMD = 0x100, OPTION_ALLOW, OPTION_WHITELIST = 'w' };

static const struct argp_option options[] = {
	{ "pmd", OPTION_PMD, "netvsc|mana", 0,
	  "DPDK's driver: netvsc, through the synthetic interface, or mana, on the VF directly "
	  "(default: as the interfaces were handed over)",
	  0 },
	{ "allow", OPTION_ALLOW, NULL, 0, "Use -a instead of --vdev", 0 },
	{ "whitelist", OPTION_WHITELIST, NULL, 0, "Use -w, for DPDK before 20.11, which has no -a",
	  0 },
	{ 0 },
};

static const struct option_moved moved[] = {
	{ 'a', "allow" }, { 'p', "pmd" }, { 's', "sysroot" }, { 0 }
};

static const char doc[] =
	"Print the EAL arguments that give a DPDK application these interfaces and no others. "
	"IFACE is a synthetic interface, its VF, a MAC address, a VMBus UUID, or NAME:PORT of "
	"an adapter in software."
	"\vThe arguments are on one line, quoted for a shell where necessary.\n\n"
	"Examples:\n"
	"  dpdk-testpmd -l 1-3 $(manakin args eth1) -- --txd=128 --rxd=128 -i\n"
	"  manakin args eth1 eth2\n"
	"  manakin args --allow 00:0d:3a:76:3b:d0\n"
	"  manakin args --json eth1 | jq -r '.arguments[]'\n\n"
	"Exit status: 0 success, 1 no such interface, or it cannot be used, 2 wrong usage.";

struct args {
	enum eal_pmd pmd;
	enum eal_form form;
	struct shared_options shared;
	char **words;
	size_t n_words;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	static const char *const pmds[] = { "netvsc", "mana" };
	struct args *args = state->input;
	unsigned int chosen;

	switch (key) {
	case OPTION_PMD:
		if (value_word("pmd", arg, pmds, 2, &chosen))
			return EINVAL;
		args->pmd = chosen ? EAL_PMD_MANA : EAL_PMD_NETVSC;
		return 0;
	case OPTION_ALLOW:
	case OPTION_WHITELIST:
		if (args->form != EAL_VDEV)
			return say_usage("give --allow or --whitelist, not both");
		args->form = key == OPTION_ALLOW ? EAL_ALLOW : EAL_WHITELIST;
		return 0;
	case ARGP_KEY_ARGS:
		args->words = state->argv + state->next;
		args->n_words = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_NO_ARGS:
		return say_usage("name an interface; 'manakin list' shows them");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int print_text(const struct eal_args *eal)
{
	output_command(stdout, eal->argv);
	if (*eal->sysfs)
		say("set SYSFS_PCI_DEVICES=%s in the application's environment", eal->sysfs);
	return stdout_flushed();
}

static int print_json(const struct eal_args *eal, const struct mana_port *const *ports, size_t n)
{
	json_t *arguments = json_array(), *names = json_array(), *warnings = json_array();
	json_t *environment = json_object();

	for (char **arg = eal->argv; *arg; arg++)
		json_array_append_new(arguments, output_text(*arg));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(names, json_string(ports[i]->name));
	for (size_t i = 0; i < 2; i++)
		if (*eal->warning[i])
			json_array_append_new(warnings, output_text(eal->warning[i]));
	if (*eal->sysfs)
		json_object_set_new(environment, "SYSFS_PCI_DEVICES", output_text(eal->sysfs));
	return output_json(
		json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "pmd", eal->pmd, "arguments", arguments,
			  "environment", environment, "ports", names, "numa_node",
			  eal->numa_node < 0 ? json_null() : json_integer(eal->numa_node),
			  "warnings", warnings));
}

/** make_and_print() - the arguments for these ports; an exit status */
static int make_and_print(const struct args *args, const struct machine *machine,
			  const struct mana_port *const *ports, size_t n)
{
	struct eal_args eal;
	struct error error;
	int status = EXIT_FAILED;

	if (eal_args_make(machine, ports, n, args->pmd, args->form, args->shared.plugin, &eal,
			  &error)) {
		say("%s", error.text);
	} else {
		for (size_t i = 0; i < 2 && !args->shared.json; i++)
			if (*eal.warning[i])
				say("%s", eal.warning[i]);
		status = args->shared.json ? print_json(&eal, ports, n) : print_text(&eal);
	}
	eal_args_free(&eal);
	return status;
}

int cmd_args(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.arguments = "IFACE...",
		.doc = doc,
		.shared = SHARED_JSON | SHARED_SYSROOT | SHARED_PLUGIN | SHARED_FROM,
		.moved = moved,
	};
	const struct mana_port **ports = NULL;
	struct machine machine;
	struct args args = { 0 };
	struct host host;
	int status = EXIT_FAILED;
	size_t n;

	if (options_parse(&line, argc, argv, &args.shared, &args))
		return EXIT_USAGE;
	if (look_at_machine(&args.shared, &host, &machine))
		return EXIT_FAILED;
	if (!look_for_ports(&host, &machine, args.words, args.n_words, &ports, &n))
		status = make_and_print(&args, &machine, ports, n);
	free(ports);
	look_away(&host, &machine);
	return status;
}
