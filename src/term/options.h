/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/options.h - the options of a command, on top of argp.
 *
 * Options that all or several commands have are defined and read here, as argp children: --help,
 * --version, --json, --dry-run, --sysroot, --plugin, --from. A command adds its own. Before argp reads a
 * command line, it is searched for invalid options: so each such mistake is reported in one line,
 * with the option that was probably meant.
 *
 * A letter stands for one option, whatever the command: docs/command-line.md has them all.
 */
#ifndef MANAKIN_TERM_OPTIONS_H
#define MANAKIN_TERM_OPTIONS_H

#include <argp.h>
#include <stdbool.h>

/* What a command may share with others: bits of struct command_line.shared */
enum {
	SHARED_JSON = 1u << 0,
	SHARED_DRY_RUN = 1u << 1,
	SHARED_SYSROOT = 1u << 2,
	SHARED_PLUGIN = 1u << 3,
	SHARED_FROM = 1u << 4,
};

/**
 * struct shared_options - their values
 * @sysroot, @plugin, @from: NULL: not given. Of @sysroot and @from one at most is given.
 */
struct shared_options {
	bool json, dry_run;
	const char *sysroot, *plugin, *from;
};

/**
 * struct option_moved - a letter that this command once had for an option
 * @option:	its long name
 */
struct option_moved {
	char letter;
	const char *option;
};

/**
 * struct command_line - what a command accepts
 * @options:	its own; NULL: none
 * @parse:	its parser, for arguments that are no options too; input is that of options_parse()
 * @arguments:	"IFACE..."; NULL: it takes none
 * @doc:	for --help: what it does; and after \v examples and exit statuses
 * @shared:	which of the shared options it has
 * @moved:	ends with letter 0; NULL: none
 * @in_order:	all that follows the first argument is another program's, options included
 */
struct command_line {
	const struct argp_option *options;
	argp_parser_t parse;
	const char *arguments, *doc;
	unsigned int shared;
	const struct option_moved *moved;
	bool in_order;
};

/**
 * options_parse() - read a command line; --help and --version end the process
 * @shared:	filled in; NULL if the command has none
 *
 * Return: 0, or EINVAL after printing why
 */
int options_parse(const struct command_line *line, int argc, char **argv,
		  struct shared_options *shared, void *input);

#endif
