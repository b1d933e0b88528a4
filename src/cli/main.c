/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin: find the command and run it. Nothing more happens here.
 */
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "cli/cli.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "list", cmd_list, "the MANA adapters of this machine, their ports, and who has them" },
	{ "check", cmd_check, "is everything there that MANA and DPDK need?" },
	{ "setup", cmd_setup, "hand interfaces over to DPDK" },
	{ "args", cmd_args, "the EAL arguments with which an application gets them" },
	{ "run", cmd_run, "testpmd, or another DPDK application, on them" },
	{ "diagnose", cmd_diagnose, "what a log shows to be wrong, and what to do" },
	{ "restore", cmd_restore, "give them back to the kernel as they were" },
	{ "dpdk", cmd_dpdk, "the installations of DPDK, whether they can drive MANA, and one more" },
	{ "device", cmd_device, "a MANA adapter in software" },
	{ "control", cmd_control, "ask a running adapter, or make something happen to it" },
	{ "bench", cmd_bench, "packets per second against memif and vhost-user" },
	{ "lab", cmd_lab, "a virtual machine with Debian's own drivers on that adapter" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *to)
{
	fprintf(to, "Usage: manakin COMMAND [OPTION...]\n\n"
		    "MANA (Microsoft Azure Network Adapter) and DPDK on Linux.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(to, "\n'manakin COMMAND --help' explains a command, and so does man manakin-COMMAND.\n");
}

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
		printf("manakin %s\n", manakin_version);
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
