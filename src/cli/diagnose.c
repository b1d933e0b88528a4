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
#include "host/machine/kmsg.h"
#include "host/report/report.h"
#include "term/options.h"
#include "term/term.h"
#include "term/value.h"

enum {
	OPTION_RULES = 'r',
	OPTION_LOG_ONLY = 0x100,
	OPTION_FOLLOW,
	OPTION_KERNEL,
	OPTION_AGAIN,
};

#define AGAIN_DEFAULT 3600.0 /* seconds */

/* In addition to the exit statuses of every command */
#define FOUND         1 /* something is wrong */

static const struct argp_option options[] = {
	{ "rules", OPTION_RULES, "DIR", 0,
	  "Read only the *.rules files in this directory, instead of the built-in ones and those in "
	  "/etc/manakin/rules.d",
	  0 },
	{ "log-only", OPTION_LOG_ONLY, NULL, 0,
	  "Do not look at this machine: the log is from another one", 0 },
	{ "follow", OPTION_FOLLOW, NULL, 0,
	  "Go on with what is written to the log later, and tell each cause when the log shows it; "
	  "FILE may be rotated",
	  0 },
	{ "kernel", OPTION_KERNEL, NULL, 0, "Read the kernel's log, /dev/kmsg, instead of FILE",
	  0 },
	{ "again", OPTION_AGAIN, "TIME", 0,
	  "With --follow, tell a cause again when the log shows it after none of its lines have come "
	  "for this long (default 1h)",
	  0 },
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
	"  manakin diagnose --follow --json /var/log/app.log\n"
	"  sudo manakin diagnose --follow --kernel\n"
	"  manakin diagnose --json log | jq -r '.diagnoses[].fix[]'\n\n"
	"Exit status: 0 no known problem found, 1 a problem found, 2 wrong usage, or the log "
	"or the rules cannot be read.";

struct arguments {
	struct shared_options shared;
	const char *file, *rules;
	bool log_only, follow, kernel;
	double again;
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
	case OPTION_FOLLOW:
		arguments->follow = true;
		return 0;
	case OPTION_KERNEL:
		arguments->kernel = true;
		return 0;
	case OPTION_AGAIN:
		return value_seconds("again", arg, 60, 30 * 86400.0, &arguments->again);
	case ARGP_KEY_END:
		if (arguments->kernel && arguments->file)
			return say_usage("--kernel and a FILE exclude each other");
		if (arguments->kernel && arguments->shared.from)
			return say_usage("--kernel is the log of this machine, and --from has one");
		if (arguments->again > 0 && !arguments->follow)
			return say_usage("--again is for --follow");
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

/** open_logs() - those of a report; -1 after printing why */
static int open_logs(const char *report_file)
{
	struct report report;
	struct error error;
	int fd = report_read(report_file, &report, &error);

	if (!fd) {
		fd = report_logs(&report);
		if (fd < 0)
			error_say(&error, "%s has no logs: %s", report_file,
				  fd == -ENOENT ? "name one" : error_reason(-fd));
	}
	if (fd < 0)
		say("%s", error.text);
	report_free(&report);
	return fd < 0 ? -1 : fd;
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

/** read_kernel() - the kernel's log as far as there is one; 0 or a negative errno, after printing */
static int read_kernel(struct diagnosis *diagnosis)
{
	char line[KMSG_RECORD];
	struct error error;
	struct kmsg kmsg;
	ssize_t n;
	int err = kmsg_open(&kmsg, &error);

	if (err) {
		say("%s", error.text);
		return err;
	}
	while ((n = kmsg_read(&kmsg, line, sizeof(line))) > 0)
		diagnosis_feed(diagnosis, line, (size_t)n);
	kmsg_close(&kmsg);
	if (n != -EAGAIN)
		say("cannot read the kernel's log: %s", error_reason((int)-n));
	return n == -EAGAIN ? 0 : (int)n;
}

/** read_file() - the same of a file, of the logs in a report, or of standard input */
static int read_file(const char *file, const char *report_file, struct diagnosis *diagnosis)
{
	int fd = report_file && !file ? open_logs(report_file) : open_log(file), err;

	if (fd < 0)
		return -EIO;
	err = diagnosis_read(diagnosis, fd);
	if (err)
		say("cannot read the log %s: %s",
		    fd == STDIN_FILENO ? "from standard input"
		    : file             ? file
				       : report_file,
		    error_reason(-err));
	if (fd != STDIN_FILENO)
		close(fd);
	return err;
}

/** diagnose() - a log that has an end; an exit status */
static int diagnose(const struct arguments *arguments, const struct rules *rules)
{
	struct diagnosis *diagnosis = diagnosis_open(rules);
	struct facts facts = { 0 };
	int err = -ENOMEM, status = EXIT_USAGE;

	if (diagnosis)
		err = arguments->kernel
			      ? read_kernel(diagnosis)
			      : read_file(arguments->file, arguments->shared.from, diagnosis);
	else
		say("out of memory");
	if (err)
		goto out;
	if (!arguments->log_only)
		diagnose_facts(&arguments->shared, &facts);
	if (diagnosis_finish(diagnosis, facts.fact, facts.n))
		say("out of memory");
	else
		status = print(arguments, diagnosis);
out:
	facts_free(&facts);
	diagnosis_close(diagnosis);
	return status;
}

/** follow() - a log that goes on; an exit status */
static int follow(const struct arguments *arguments, const struct rules *rules)
{
	double again = arguments->again > 0 ? arguments->again : AGAIN_DEFAULT;
	struct diagnose_log log = {
		.file = arguments->file,
		.shared = &arguments->shared,
		.kernel = arguments->kernel,
		.json = arguments->shared.json,
		.log_only = arguments->log_only,
		.again_ms = (uint64_t)(again * 1000),
	};
	struct stat st;
	bool told;
	int fd;

	if (log.file && !strcmp(log.file, "-"))
		log.file = NULL;
	/* What is not there may come, and a FIFO cannot be opened twice. */
	if (!log.kernel && (!log.file || (!stat(log.file, &st) && S_ISREG(st.st_mode)))) {
		fd = open_log(log.file);
		if (fd < 0)
			return EXIT_USAGE;
		if (fd != STDIN_FILENO)
			close(fd);
	}
	if (diagnose_follow(&log, rules, &told))
		return EXIT_USAGE;
	return told ? FOUND : EXIT_OK;
}

int cmd_diagnose(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.arguments = "[FILE|-]",
		.doc = doc,
		.shared = SHARED_JSON | SHARED_SYSROOT | SHARED_FROM,
		.moved = moved,
	};
	struct arguments arguments = { .file = NULL };
	struct rules *rules;
	int status;

	if (options_parse(&line, argc, argv, &arguments.shared, &arguments))
		return EXIT_USAGE;
	rules = diagnose_rules(arguments.rules);
	if (!rules)
		return EXIT_USAGE;
	status = arguments.follow ? follow(&arguments, rules) : diagnose(&arguments, rules);
	rules_close(rules);
	return status;
}
