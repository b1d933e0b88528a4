/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/commands.h - commands with subcommands: manakin itself, dpdk and lab.
 */
#ifndef MANAKIN_TERM_COMMANDS_H
#define MANAKIN_TERM_COMMANDS_H

#include <stddef.h>

/**
 * struct command - one of them
 * @run:	argv[0] is the command's name; an exit status
 * @summary:	what --help says of it; NULL: it is not listed
 */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

/**
 * struct command_set - the commands to choose from
 * @name:	"lab" for the commands of manakin lab; NULL for those of manakin
 * @about:	for --help: what they are for
 * @commands:	@n of them
 * @otherwise:	run if the first word is not a command's name and not close to one; NULL: that is
 *		an unknown command
 */
struct command_set {
	const char *name, *about;
	const struct command *commands;
	size_t n;
	int (*otherwise)(int argc, char **argv);
};

/**
 * commands_run() - find the command that the user names, and run it
 * @argv:	its first word is the set's name
 *
 * --help and help list the commands, help COMMAND is COMMAND --help; --version prints the
 * version. The command's name goes to say_as().
 *
 * Return: an exit status
 */
int commands_run(const struct command_set *set, int argc, char **argv);

#endif
