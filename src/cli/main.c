/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin: find the command and run it. Nothing more happens here.
 */
#include <argp.h>

#include "base/version.h"
#include "cli/cli.h"
#include "term/commands.h"

const char *argp_program_version = "manakin " MANAKIN_VERSION;

static const struct command commands[] = {
	{ "list", cmd_list, "list the MANA adapters, their ports, and who owns them" },
	{ "check", cmd_check, "check that the machine has what MANA and DPDK need" },
	{ "setup", cmd_setup, "hand interfaces over to DPDK" },
	{ "args", cmd_args, "print the EAL arguments that give an application these interfaces" },
	{ "run", cmd_run, "run testpmd, or another DPDK application, on them" },
	{ "diagnose", cmd_diagnose, "find out from a log what is wrong, and what to do" },
	{ "restore", cmd_restore, "give interfaces back to the kernel as they were" },
	{ "dpdk", cmd_dpdk, "list the installations of DPDK, install or uninstall one" },
	{ "device", cmd_device, "run a MANA adapter in software" },
	{ "control", cmd_control, "ask a running adapter for something" },
	{ "bench", cmd_bench, "measure packets per second against memif and vhost-user" },
	{ "lab", cmd_lab, "run a virtual machine that uses such an adapter with Debian's own drivers" },
};

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("manakin " MANAKIN_VERSION);
		return EXIT_OK;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		say_as(commands[i].name);
		return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "manakin: there is no command '%s'; 'manakin --help' lists them\n", argv[1]);
	return EXIT_USAGE;
}
