/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "term/near.h"
#include "term/say.h"
#include "term/term.h"

enum {
	KEY_DRY_RUN = 'n',
	KEY_HELP = 'h',
	KEY_JSON = 'j',
	KEY_VERSION = 'V',
	KEY_QUESTION = '?', /* what argp has for --help */
	KEY_SYSROOT = 0x1000,
	KEY_PLUGIN,
	KEY_FROM,
	KEY_USAGE,
};

#define SHARED      5u
#define TABLES      (SHARED + 2)
#define OPTIONS_MAX 64u

/* By bit of struct command_line.shared */
static const struct argp_option shared_options[SHARED][2] = {
	{ { "json", KEY_JSON, NULL, 0, "Print JSON to standard output instead of text", 0 },
	  { 0 } },
	{ { "dry-run", KEY_DRY_RUN, NULL, 0, "Change nothing; print the commands", 0 }, { 0 } },
	{ { "sysroot", KEY_SYSROOT, "DIR", 0,
	    "Look at the machine whose /sys, /proc, /etc and /usr are copied below DIR", 0 },
	  { 0 } },
	{ { "plugin", KEY_PLUGIN, "FILE", 0,
	    "The poll-mode driver for an adapter in software (default: next to this program, or where "
	    "it was installed)",
	    0 },
	  { 0 } },
	{ { "from", KEY_FROM, "FILE", 0,
	    "Look at the machine of which 'manakin report' made this file", 0 },
	  { 0 } },
};

static const struct argp_option help_options[] = {
	{ "help", KEY_HELP, NULL, 0, "Print this text", -1 },
	{ NULL, KEY_QUESTION, NULL, OPTION_HIDDEN, NULL, -1 },
	{ "usage", KEY_USAGE, NULL, 0, "Print the options in short", -1 },
	{ "version", KEY_VERSION, NULL, 0, "Print the version", -1 },
	{ 0 },
};

/** struct reading - a command line that is being read */
struct reading {
	const struct command_line *line;
	struct shared_options *shared;
	void *input;
	const struct argp_option *tables[TABLES + 1]; /* all that it may contain; ends with NULL */
};

static error_t parse_shared(int key, char *arg, struct argp_state *state)
{
	struct shared_options *shared = state->input;

	switch (key) {
	case KEY_JSON:
		shared->json = true;
		return 0;
	case KEY_DRY_RUN:
		shared->dry_run = true;
		return 0;
	case KEY_SYSROOT:
		shared->sysroot = arg;
		return 0;
	case KEY_PLUGIN:
		shared->plugin = arg;
		return 0;
	case KEY_FROM:
		shared->from = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_help(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	switch (key) {
	case ARGP_KEY_ARGS: /* the command itself accepts none */
		return say_usage("unexpected argument '%s'; see %s --help",
				 state->argv[state->next], say_name());
	case KEY_HELP:
	case KEY_QUESTION:
	case KEY_USAGE:
		/* argp's note on long options and their letters helps nobody. */
		setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
		argp_state_help(state, stdout,
				key == KEY_USAGE ? ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK
						 : ARGP_HELP_STD_HELP);
		return 0;
	case KEY_VERSION:
		exit(say_version());
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** parse_top() - hands each child its input */
static error_t parse_top(int key, char *arg, struct argp_state *state)
{
	struct reading *reading = state->input;

	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = reading->input;
	for (unsigned int i = 1; reading->tables[i]; i++)
		state->child_inputs[i] = reading->shared;
	return 0;
}

/* ---- invalid options ---- */

/** next_option() - the one after @option (NULL: the first), also an alias or one without a name */
static const struct argp_option *next_option(const struct reading *reading, unsigned int *table,
					     const struct argp_option *option)
{
	if (!option)
		*table = 0;
	option = option ? option + 1 : reading->tables[0];
	while (option && !option->name && !option->key)
		option = reading->tables[++*table];
	return option;
}

/** real_option() - the option that an alias stands for */
static const struct argp_option *real_option(const struct argp_option *option)
{
	while (option->flags & OPTION_ALIAS)
		option--;
	return option;
}

/** by_letter() - the option of a letter; NULL: none */
static const struct argp_option *by_letter(const struct reading *reading, char letter)
{
	const struct argp_option *option = NULL;
	unsigned int table;

	while ((option = next_option(reading, &table, option)))
		if (option->key == letter)
			return real_option(option);
	return NULL;
}

/** no_option() - report an unknown option, and the one probably meant; EINVAL */
static int no_option(const struct reading *reading, const char *name)
{
	const char *names[OPTIONS_MAX], *near;
	const struct argp_option *option = NULL;
	unsigned int table;
	size_t n = 0;

	while (n < OPTIONS_MAX && (option = next_option(reading, &table, option)))
		if (option->name && !(option->flags & OPTION_HIDDEN))
			names[n++] = option->name;
	near = near_word(name, names, n);
	if (near)
		return say_usage("unknown option '--%s'; did you mean '--%s'?", name, near);
	return say_usage("unknown option '--%s'; '%s --help' lists the options", name, say_name());
}

/** by_name() - the option of a long name, or of the beginning of one; NULL after printing why */
static const struct argp_option *by_name(const struct reading *reading, const char *name)
{
	const struct argp_option *option = NULL, *found = NULL, *other = NULL;
	size_t len = strlen(name);
	unsigned int table;

	while ((option = next_option(reading, &table, option))) {
		if (!option->name || strncmp(option->name, name, len))
			continue;
		if (!option->name[len])
			return real_option(option);
		if (found && real_option(found) != real_option(option))
			other = option;
		else
			found = option;
	}
	if (!found)
		no_option(reading, name);
	else if (other)
		say_usage("'--%s' can be '--%s' or '--%s'; which one do you mean?", name,
			  found->name, other->name);
	return found && !other ? real_option(found) : NULL;
}

/** check_long() - "name" or "name=value"; @next: the word after it; how many words it took, or 0 */
static int check_long(const struct reading *reading, const char *word, const char *next)
{
	const char *value = strchr(word, '=');
	char name[80];
	const struct argp_option *option;

	snprintf(name, sizeof(name), "%.*s", value ? (int)(value - word) : (int)sizeof(name) - 1,
		 word);
	option = by_name(reading, name);
	if (!option)
		return 0;
	if (value && !option->arg) {
		say_usage("'--%s' takes no value; write it without '%s'", option->name, value);
		return 0;
	}
	if (value || !option->arg || option->flags & OPTION_ARG_OPTIONAL)
		return 1;
	if (next)
		return 2;
	say_usage("'--%s' needs a value: write --%s=%s; see %s --help", option->name, option->name,
		  option->arg, say_name());
	return 0;
}

/** check_letters() - "nj" or "c1,3"; as check_long() */
static int check_letters(const struct reading *reading, const char *letters, const char *next)
{
	const struct option_moved *moved = reading->line->moved;

	for (; *letters; letters++) {
		const struct argp_option *option = by_letter(reading, *letters);

		if (!option) {
			while (moved && moved->letter && moved->letter != *letters)
				moved++;
			if (moved && moved->letter)
				say_usage("'-%c' no longer stands for '--%s'; write '--%s'",
					  *letters, moved->option, moved->option);
			else
				say_usage("unknown option '-%c'; '%s --help' lists the options",
					  *letters, say_name());
			return 0;
		}
		if (!option->arg || option->flags & OPTION_ARG_OPTIONAL)
			continue;
		if (letters[1])
			return 1;
		if (next)
			return 2;
		say_usage("'-%c' needs a value: write --%s=%s; see %s --help", *letters,
			  option->name, option->arg, say_name());
		return 0;
	}
	return 1;
}

/** check_words() - does each option exist, and have a value if it needs one? */
static int check_words(const struct reading *reading, int argc, char **argv)
{
	for (int i = 1, taken; i < argc; i += taken) {
		const char *word = argv[i];

		taken = 1;
		if (!strcmp(word, "--"))
			break;
		if (*word != '-' || !word[1]) {
			if (reading->line->in_order)
				break;
			continue;
		}
		taken = word[1] == '-' ? check_long(reading, word + 2, argv[i + 1])
				       : check_letters(reading, word + 1, argv[i + 1]);
		if (!taken)
			return EINVAL;
	}
	return 0;
}

int options_parse(const struct command_line *line, int argc, char **argv,
		  struct shared_options *shared, void *input)
{
	static const struct argp_option none[] = { { 0 } };
	struct reading reading = { .line = line, .shared = shared, .input = input };
	struct argp parts[TABLES] = { { .parser = line->parse } };
	struct argp_child children[TABLES + 1] = { { .argp = NULL } };
	struct argp argp = { .parser = parse_top,
			     .args_doc = line->arguments,
			     .doc = line->doc,
			     .children = children };
	unsigned int n = 0;
	char name[64];
	error_t err;

	reading.tables[n++] = line->options ? line->options : none;
	for (unsigned int i = 0; i < SHARED; i++) {
		if (!(line->shared & 1u << i))
			continue;
		parts[n].parser = parse_shared;
		reading.tables[n++] = shared_options[i];
	}
	parts[n].parser = parse_help;
	reading.tables[n++] = help_options;
	for (unsigned int i = 0; i < n; i++) {
		parts[i].options = reading.tables[i];
		children[i].argp = &parts[i];
	}
	if (check_words(&reading, argc, argv))
		return EINVAL;
	snprintf(name, sizeof(name), "%s", say_name());
	argv[0] = name;
	err = argp_parse(&argp, argc, argv, ARGP_NO_HELP | (line->in_order ? ARGP_IN_ORDER : 0),
			 NULL, &reading);
	if (!err && shared && shared->sysroot && shared->from)
		err = say_usage("give --sysroot or --from, not both");
	return err;
}
