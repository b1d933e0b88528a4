/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin args: the EAL arguments with which an application gets these ports.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "app/eal_args.h"
#include "cli/look.h"
#include "term/output.h"

enum {
	OPTION_PMD = 'p',
	OPTION_ALLOW = 'a',
	OPTION_WHITELIST = 'w',
	OPTION_JSON = 'j',
	OPTION_SYSROOT = 's',
	OPTION_PLUGIN = 0x100,
};

static const struct argp_option options[] = {
	{ "pmd", OPTION_PMD, "netvsc|mana", 0,
	  "DPDK's driver: netvsc, with the synthetic interface, or mana directly (default: as the "
	  "interfaces were handed over)",
	  0 },
	{ "allow", OPTION_ALLOW, NULL, 0, "With -a in place of --vdev", 0 },
	{ "whitelist", OPTION_WHITELIST, NULL, 0,
	  "With -w, for applications that know neither -a nor these addresses with --vdev", 0 },
	{ "json", OPTION_JSON, NULL, 0, "Print as JSON", 0 },
	{ "plugin", OPTION_PLUGIN, "FILE", 0,
	  "The poll-mode driver for an adapter in software (default: beside this program, or where "
	  "it is installed)",
	  0 },
	{ "sysroot", OPTION_SYSROOT, "DIR", 0, SYSROOT_HELP, 0 },
	{ 0 },
};

static const char doc[] =
	"Print the EAL arguments with which a DPDK application gets these interfaces and no "
	"others. "
	"IFACE is a synthetic interface, its VF, a MAC address, a VMBus UUID, or NAME:PORT of an "
	"adapter in software."
	"\vThe arguments are quoted for a shell where need be, on one line.\n\n"
	"Examples:\n"
	"  dpdk-testpmd -l 1-3 $(manakin args eth1) -- --txd=128 --rxd=128 -i\n"
	"  manakin args eth1 eth2\n"
	"  manakin args --allow 00:0d:3a:76:3b:d0\n"
	"  manakin args --json eth1 | jq -r '.arguments[]'\n\n"
	"Exit status: 0 done, 1 no such interface, or there are no arguments for it, 2 wrong "
	"usage.";

struct args {
	enum eal_pmd pmd;
	enum eal_form form;
	const char *sysroot, *plugin;
	bool json, failed;
	char **words;
	size_t n_words;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case OPTION_PMD:
		args->pmd = !strcmp(arg, "netvsc") ? EAL_PMD_NETVSC
			    : !strcmp(arg, "mana") ? EAL_PMD_MANA
						   : EAL_PMD_ANY;
		if (args->pmd == EAL_PMD_ANY)
			return usage_error(&args->failed, "--pmd: '%s' is neither netvsc nor mana",
					   arg);
		return 0;
	case OPTION_ALLOW:
	case OPTION_WHITELIST:
		if (args->form != EAL_VDEV)
			return usage_error(&args->failed, "--allow or --whitelist, once");
		args->form = key == OPTION_ALLOW ? EAL_ALLOW : EAL_WHITELIST;
		return 0;
	case OPTION_JSON:
		args->json = true;
		return 0;
	case OPTION_PLUGIN:
		args->plugin = arg;
		return 0;
	case OPTION_SYSROOT:
		args->sysroot = arg;
		return 0;
	case ARGP_KEY_ARGS:
		args->words = state->argv + state->next;
		args->n_words = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_NO_ARGS:
		return usage_error(&args->failed, "which interface? See manakin list");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int print_text(const struct eal_args *eal)
{
	output_command(stdout, eal->argv);
	if (*eal->sysfs)
		say("the application needs SYSFS_PCI_DEVICES=%s in its environment", eal->sysfs);
	if (fflush(stdout) || ferror(stdout)) {
		say("cannot write to standard output: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return EXIT_OK;
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

/** make_and_print() - for these ports; an exit status */
static int make_and_print(const struct args *args, const struct machine *machine,
			  const struct mana_port *const *ports, size_t n)
{
	struct eal_args eal;
	struct error error;
	int status = EXIT_FAILED;

	if (eal_args_make(machine, ports, n, args->pmd, args->form, args->plugin, &eal, &error)) {
		say("%s", error.text);
	} else {
		for (size_t i = 0; i < 2 && !args->json; i++)
			if (*eal.warning[i])
				say("%s", eal.warning[i]);
		status = args->json ? print_json(&eal, ports, n) : print_text(&eal);
	}
	eal_args_free(&eal);
	return status;
}

int cmd_args(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse_option, "IFACE...", doc, NULL, NULL, NULL
	};
	const struct mana_port **ports = NULL;
	struct machine machine;
	struct args args = { 0 };
	struct host host;
	int status = EXIT_FAILED;
	size_t n;

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"manakin args";
	if (argp_parse(&argp, argc, argv, 0, NULL, &args))
		return EXIT_USAGE;
	if (look_at_machine(args.sysroot, &host, &machine))
		return EXIT_FAILED;
	if (!look_for_ports(&host, &machine, args.words, args.n_words, &ports, &n))
		status = make_and_print(&args, &machine, ports, n);
	free(ports);
	look_away(&host, &machine);
	return status;
}
