/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin diagnose: find the causes of failures in a log, and say what to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/diagnose.h"
#include "term/options.h"
#include "term/term.h"

enum { OPTION_RULES = 'r', OPTION_LOG_ONLY = 0x100 };

/* In addition to the exit statuses of every command */
#define FOUND 1 /* something is wrong */

static const struct argp_option options[] = {
	{ "rules", OPTION_RULES, "DIR", 0,
	  "Read only the *.rules files in this directory, instead of the built-in ones and those in "
	  "/etc/manakin/rules.d",
	  0 },
	{ "log-only", OPTION_LOG_ONLY, NULL, 0,
	  "Do not look at this machine: the log is from another one", 0 },
	{ 0 },
};

static const struct option_moved moved[] = { { 'l', "log-only" }, { 's', "sysroot" }, { 0 } };

static const char doc[] =
	"Read a log of a DPDK application, of EAL, or of the kernel, and say what is wrong, "
	"which lines show it, and what to do. Without FILE, or with -, read standard input. If "
	"this machine has a MANA adapter, its current state is used to confirm causes and to "
	"fill in names."
	"\vExamples:\n"
	"  dpdk-testpmd ... 2>&1 | tee log; manakin diagnose log\n"
	"  journalctl -k -b | manakin diagnose\n"
	"  manakin diagnose --json log | jq -r '.diagnoses[].fix[]'\n\n"
	"Exit status: 0 no known problem found, 1 a problem found, 2 wrong usage, or the log "
	"or the rules cannot be read.";

struct arguments {
	struct shared_options shared;
	const char *file, *rules;
	bool log_only;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case OPTION_RULES:
		arguments->rules = arg;
		return 0;
	case OPTION_LOG_ONLY:
		arguments->log_only = true;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->file)
			return say_usage("only one log at a time; '%s' is one too many", arg);
		arguments->file = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** compression() - the program that decompresses this, by its first bytes; NULL: none needed */
static const char *compression(int fd)
{
	unsigned char head[6];

	if (pread(fd, head, sizeof(head), 0) != sizeof(head))
		return NULL;
	if (!memcmp(head, "\x1f\x8b", 2))
		return "zcat";
	if (!memcmp(head,
		    "\xfd"
		    "7zXZ",
		    6))
		return "xzcat";
	if (!memcmp(head, "\x28\xb5\x2f\xfd", 4))
		return "zstdcat";
	return NULL;
}

/** open_log() - its descriptor; -1 after printing why */
static int open_log(const char *file)
{
	const char *program;
	struct stat st;
	int fd;

	if (!file || !strcmp(file, "-")) {
		if (output_is_terminal(stdin))
			say("reading the log from the terminal; Ctrl-D ends it");
		return STDIN_FILENO;
	}
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		say("cannot read the log %s: it is a directory; name a file in it", file);
		close(fd);
		return -1;
	}
	if (fd < 0) {
		say("cannot read the log %s: %s", file, error_reason(errno));
		return -1;
	}
	program = compression(fd);
	if (program) {
		say("the log %s is compressed; try: %s %s | manakin diagnose", file, program, file);
		close(fd);
		return -1;
	}
	return fd;
}

/** print() - an exit status */
static int print(const struct arguments *arguments, const struct diagnosis *diagnosis)
{
	int n;

	if (arguments->shared.json) {
		n = diagnose_print_json(diagnosis, stdout);
	} else {
		n = (int)diagnose_print(diagnosis, stdout);
		if (!n)
			puts(diagnosis_bytes(diagnosis)
				     ? "No known problem found"
				     : "No known problem found: the log is empty");
	}
	if (fflush(stdout) || n < 0) {
		say("cannot print the diagnoses: %s", error_reason(n < 0 ? -n : errno));
		return EXIT_USAGE;
	}
	return n ? FOUND : EXIT_OK;
}

/** read_log() - all of it, and the machine; 0 or a negative errno */
static int read_log(const struct arguments *arguments, struct diagnosis *diagnosis, int fd)
{
	struct facts facts = { 0 };
	int err = diagnosis_read(diagnosis, fd);

	if (!err && !arguments->log_only)
		diagnose_facts(arguments->shared.sysroot, &facts);
	if (!err)
		err = diagnosis_finish(diagnosis, facts.fact, facts.n);
	facts_free(&facts);
	return err;
}

int cmd_diagnose(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.arguments = "[FILE|-]",
		.doc = doc,
		.shared = SHARED_JSON | SHARED_SYSROOT,
		.moved = moved,
	};
	struct arguments arguments = { .file = NULL };
	struct diagnosis *diagnosis = NULL;
	struct rules *rules = NULL;
	int fd, err, status = EXIT_USAGE;

	if (options_parse(&line, argc, argv, &arguments.shared, &arguments))
		return EXIT_USAGE;
	fd = open_log(arguments.file);
	if (fd < 0)
		return EXIT_USAGE;
	rules = diagnose_rules(arguments.rules);
	if (!rules)
		goto out;
	diagnosis = diagnosis_open(rules);
	err = diagnosis ? read_log(&arguments, diagnosis, fd) : -ENOMEM;
	if (err)
		say("cannot read the log %s: %s",
		    fd == STDIN_FILENO ? "from standard input" : arguments.file,
		    error_reason(-err));
	else
		status = print(&arguments, diagnosis);
out:
	diagnosis_close(diagnosis);
	rules_close(rules);
	if (fd != STDIN_FILENO)
		close(fd);
	return status;
}
