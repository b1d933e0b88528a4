/* SPDX-License-Identifier: BSD-3-Clause */
/* What is no option is said in one line; what all commands share is read for them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "said.h"
#include "term/options.h"
#include "term/say.h"

/** struct read - what a command made of its line */
struct read {
	struct shared_options shared;
	const char *cpus;
	bool verbose;
	int n_words;
	char **words;
};

static const struct argp_option options[] = {
	{ "cpus", 'c', "LIST", 0, "CPUs", 0 },
	{ "cores", 0, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0 },
	{ "verbose", 'v', NULL, 0, "Say more", 0 },
	{ "verify", 0x100, NULL, 0, "Check", 0 },
	{ 0 },
};

static const struct option_moved moved[] = { { 's', "sysroot" }, { 0 } };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct read *read = state->input;

	switch (key) {
	case 'c':
		read->cpus = arg;
		return 0;
	case 'v':
		read->verbose = true;
		return 0;
	case 0x100:
		return 0;
	case ARGP_KEY_ARGS:
		read->words = state->argv + state->next;
		read->n_words = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** read_words() - of a command line without the command; what it returns, and says */
static int read_words(struct read *read, bool in_order, const char *words, const char **said)
{
	static char text[256], name[] = "test", *argv[16];
	const struct command_line line = {
		.options = options,
		.parse = parse,
		.shared = SHARED_JSON | SHARED_SYSROOT,
		.moved = moved,
		.in_order = in_order,
	};
	int argc = 0, err;

	snprintf(text, sizeof(text), "%s", words);
	argv[argc++] = name;
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	memset(read, 0, sizeof(*read));
	say_as("test");
	said_begin();
	err = options_parse(&line, argc, argv, &read->shared, read);
	*said = said_end();
	return err;
}

static void options_of_its_own_and_shared_ones(void **state)
{
	const char *said;
	struct read read;

	(void)state;
	assert_int_equal(read_words(&read, false, "one -vj -c1,3 two --sysroot=/tree", &said), 0);
	assert_string_equal(said, "");
	assert_true(read.verbose && read.shared.json);
	assert_string_equal(read.cpus, "1,3");
	assert_string_equal(read.shared.sysroot, "/tree");
	assert_int_equal(read.n_words, 2);
	assert_string_equal(read.words[1], "two");
}

static void abbreviations_and_former_names(void **state)
{
	const char *said;
	struct read read;

	(void)state;
	assert_int_equal(read_words(&read, false, "--verb --cores 0 --js", &said), 0);
	assert_true(read.verbose && read.shared.json);
	assert_string_equal(read.cpus, "0");
	assert_int_equal(read_words(&read, false, "--c=5", &said),
			 0); /* of one option, by two names */
	assert_string_equal(read.cpus, "5");
}

static void behind_two_dashes_or_a_command_nothing_is_ours(void **state)
{
	const char *said;
	struct read read;

	(void)state;
	assert_int_equal(read_words(&read, false, "-v -- --frob -x", &said), 0);
	assert_int_equal(read.n_words, 2);
	assert_int_equal(read_words(&read, true, "-v ls --frob -x", &said), 0);
	assert_int_equal(read.n_words, 3);
	assert_string_equal(said, "");
}

static void what_is_no_option_is_one_line(void **state)
{
	static const struct {
		const char *words, *said;
	} wrong[] = {
		{ "--jsno", "unknown option '--jsno'; did you mean '--json'?" },
		{ "--sisroot=/tree", "unknown option '--sisroot'; did you mean '--sysroot'?" },
		{ "--helpp", "unknown option '--helpp'; did you mean '--help'?" },
		{ "--frob", "unknown option '--frob'; 'manakin test --help' lists the options" },
		{ "-jx", "unknown option '-x'; 'manakin test --help' lists the options" },
		{ "--ver", "'--ver' can be '--verbose' or '--version'; which one do you mean?" },
		{ "--json=yes", "'--json' takes no value; write it without '=yes'" },
		{ "one --cpus",
		  "'--cpus' needs a value: write --cpus=LIST; see manakin test --help" },
		{ "-vc", "'-c' needs a value: write --cpus=LIST; see manakin test --help" },
		{ "-s /tree", "'-s' no longer stands for '--sysroot'; write '--sysroot'" },
	};
	char line[256];
	const char *said;
	struct read read;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_not_equal(read_words(&read, false, wrong[i].words, &said), 0);
		snprintf(line, sizeof(line), "manakin test: %s\n", wrong[i].said);
		assert_string_equal(said, line);
		assert_false(read.verbose || read.shared.json); /* nothing was read before it */
	}
}

static void a_command_without_arguments_refuses_them(void **state)
{
	static char name[] = "test", word[] = "word", *argv[] = { name, word, NULL };
	const struct command_line line = { .shared = SHARED_JSON };
	struct shared_options shared = { .json = false };

	(void)state;
	say_as("test");
	said_begin();
	assert_int_not_equal(options_parse(&line, 2, argv, &shared, NULL), 0);
	assert_string_equal(said_end(), "manakin test: unexpected argument 'word'; "
					"see manakin test --help\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_its_own_and_shared_ones),
		cmocka_unit_test(abbreviations_and_former_names),
		cmocka_unit_test(behind_two_dashes_or_a_command_nothing_is_ours),
		cmocka_unit_test(what_is_no_option_is_one_line),
		cmocka_unit_test(a_command_without_arguments_refuses_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
