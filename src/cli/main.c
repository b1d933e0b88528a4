/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin: find the command and run it. Nothing more happens here.
 */
#include "cli/cli.h"
#include "term/commands.h"

static const struct command commands[] = {
	{ "list", cmd_list, "list the MANA adapters, their ports, and who owns them" },
	{ "check", cmd_check, "check that the machine has what MANA and DPDK need" },
	{ "setup", cmd_setup, "hand interfaces over to DPDK" },
	{ "args", cmd_args, "print the EAL arguments that give them to an application" },
	{ "run", cmd_run, "run testpmd, or another DPDK application, on them" },
	{ "diagnose", cmd_diagnose, "find the cause of a failure in a log, and say what to do" },
	{ "report", cmd_report, "put what these see of the machine into a file, for a bug report" },
	{ "restore", cmd_restore, "give interfaces back to the kernel as they were" },
	{ "dpdk", cmd_dpdk, "list DPDK installations, install one, or remove it" },
	{ "device", cmd_device, "run a MANA adapter in software" },
	{ "control", cmd_control, "query a running adapter, or trigger an event on it" },
	{ "trace", cmd_trace, "print a trace of an adapter, and what is remarkable in it" },
	{ "bench", cmd_bench, "measure packets per second against memif and vhost-user" },
	{ "lab", cmd_lab, "run a virtual machine with Debian's own drivers on that adapter" },
};

int main(int argc, char **argv)
{
	static const struct command_set set = {
		.about = "MANA (Microsoft Azure Network Adapter) and DPDK on Linux.",
		.commands = commands,
		.n = sizeof(commands) / sizeof(commands[0]),
	};

	return commands_run(&set, argc, argv);
}
