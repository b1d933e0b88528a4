/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "term/near.h"
#include "term/say.h"
#include "term/term.h"

#define COMMANDS_MAX 32u

static void print_help(const struct command_set *set, FILE *to)
{
	const char *blank = set->name ? " " : "", *name = set->name ? set->name : "";

	fprintf(to, "Usage: manakin%s%s %s [OPTION...]\n\n%s\n\n", blank, name,
		set->otherwise ? "[COMMAND]" : "COMMAND", set->about);
	for (size_t i = 0; i < set->n; i++)
		fprintf(to, "  %-10s %s\n", set->commands[i].name, set->commands[i].summary);
	fprintf(to,
		"\n  -h, --help     print this text\n"
		"  -V, --version  print the version\n\n"
		"'manakin%s%s help COMMAND' explains a command, and so does 'man manakin-%s'.\n",
		blank, name, set->name ? set->name : "COMMAND");
}

/** is_option() - is the word this option? */
static bool is_option(const char *word, const char *letter, const char *name)
{
	return !strcmp(word, letter) || !strcmp(word, name);
}

/** find_command() - by its name; NULL: there is none */
static const struct command *find_command(const struct command_set *set, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		if (!strcmp(name, set->commands[i].name))
			return &set->commands[i];
	return NULL;
}

/** near_command() - the one that was probably meant; NULL: none is close */
static const char *near_command(const struct command_set *set, const char *word)
{
	const char *names[COMMANDS_MAX];
	size_t n = 0;

	for (; n < set->n && n < COMMANDS_MAX; n++)
		names[n] = set->commands[n].name;
	return near_word(word, names, n);
}

/** no_command() - report an unknown command, and the one probably meant; EXIT_USAGE */
static int no_command(const struct command_set *set, const char *word)
{
	static const char *const options[] = { "--help", "--version" };
	const char *what = *word == '-' ? "option" : "command";
	const char *near = *word == '-' ? near_word(word, options, 2) : near_command(set, word);

	if (near)
		say("unknown %s '%s'; did you mean '%s'?", what, word, near);
	else
		say("unknown %s '%s'; '%s --help' lists the %ss", what, word, say_name(), what);
	return EXIT_USAGE;
}

static int run_command(const struct command_set *set, const struct command *command, int argc,
		       char **argv)
{
	static char name[64]; /* kept by say_as() */

	snprintf(name, sizeof(name), "%s%s%s", set->name ? set->name : "", set->name ? " " : "",
		 command->name);
	say_as(name);
	return command->run(argc, argv);
}

/** help() - help COMMAND... is COMMAND... --help */
static int help(const struct command_set *set, int argc, char **argv)
{
	static char option[] = "--help";
	const struct command *command;
	char **words;
	int status;

	if (argc < 2 || *argv[1] == '-') {
		print_help(set, stdout);
		return stdout_flushed();
	}
	command = find_command(set, argv[1]);
	if (!command)
		return no_command(set, argv[1]);
	words = calloc((size_t)argc + 1, sizeof(*words));
	if (!words) {
		say("out of memory");
		return EXIT_FAILED;
	}
	memcpy(words, argv + 1, (size_t)(argc - 1) * sizeof(*words));
	words[argc - 1] = option;
	status = run_command(set, command, argc, words);
	free(words);
	return status;
}

int commands_run(const struct command_set *set, int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	const struct command *command = word ? find_command(set, word) : NULL;

	if (command)
		return run_command(set, command, argc - 1, argv + 1);
	if (word && (is_option(word, "-h", "--help") || !strcmp(word, "-?"))) {
		print_help(set, stdout);
		return stdout_flushed();
	}
	if (word && is_option(word, "-V", "--version"))
		return say_version();
	if (word && !strcmp(word, "help"))
		return help(set, argc - 1, argv + 1);
	/* A word close to a command is a mistyped command, unless it names a file. */
	if (set->otherwise && (!word || *word == '-' || strchr(word, '/') || !access(word, F_OK) ||
			       !near_command(set, word)))
		return set->otherwise(argc, argv);
	if (word)
		return no_command(set, word);
	print_help(set, stderr);
	return EXIT_USAGE;
}
