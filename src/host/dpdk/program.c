/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/dpdk/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "process/child.h"

#define PROGRAM_LINES 10u
#define PATIENCE_MS   3000

char **program_words(const char *text)
{
	char **argv = NULL, *copy = strdup(text), *save;

	for (char *word = copy ? strtok_r(copy, " ", &save) : NULL; word;
	     word = strtok_r(NULL, " ", &save))
		if (child_args_add(&argv, "%s", word)) {
			child_args_free(argv);
			argv = NULL;
			break;
		}
	free(copy);
	return argv;
}

char **program_vector(const char *first, ...)
{
	char **argv = NULL;
	va_list ap;

	va_start(ap, first);
	for (const char *arg = first; arg; arg = va_arg(ap, const char *))
		if (child_args_add(&argv, "%s", arg)) {
			child_args_free(argv);
			argv = NULL;
			break;
		}
	va_end(ap);
	return argv;
}

/** keep() - append to the kept output; the oldest bytes are dropped */
static void keep(struct program_output *output, const char *data, size_t len)
{
	size_t kept = strlen(output->last), room = sizeof(output->last) - 1 - kept;
	size_t gone = len > room ? len - room : 0;

	memmove(output->last, output->last + gone, kept - gone);
	memcpy(output->last + kept - gone, data, len);
	output->last[kept - gone + len] = '\0';
}

/** last_lines() - cut what is kept to PROGRAM_LINES, the last of which may lack its line feed */
static void last_lines(struct program_output *output)
{
	char *at = output->last + strlen(output->last);
	unsigned int lines = 0;

	while (at > output->last && (at[-1] != '\n' || !*at || ++lines < PROGRAM_LINES))
		at--;
	memmove(output->last, at, strlen(at) + 1);
}

/** line_done() - of the output */
static void line_done(const struct program_watch *watch, const char *what, const char *line)
{
	unsigned int at, all;

	/* As ninja prints it: "[12/345] Compiling ..." */
	if (sscanf(line, "[%u/%u]", &at, &all) == 2 && all)
		watch->progress(watch->arg, what, at, all);
}

/** follow() - read what the program prints until it ends; 0 or a negative errno */
static int follow(const struct program_watch *watch, const char *what, int from,
		  struct program_output *output)
{
	struct pollfd fds[2] = { { .fd = from, .events = POLLIN },
				 { .fd = watch->stop, .events = POLLIN } };
	char line[2048];
	size_t len = 0;
	bool first = true;
	ssize_t n;

	for (;;) {
		char *feed;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			return -EINTR;
		n = read(from, line + len, sizeof(line) - 1 - len);
		if (n <= 0)
			return 0;
		keep(output, line + len, (size_t)n);
		len += (size_t)n;
		line[len] = '\0';
		while ((feed = strchr(line, '\n'))) {
			*feed = '\0';
			if (first)
				snprintf(output->first, sizeof(output->first), "%.*s",
					 (int)sizeof(output->first) - 1, line);
			first = false;
			line_done(watch, what, line);
			len -= (size_t)(feed + 1 - line);
			memmove(line, feed + 1, len + 1);
		}
		if (len == sizeof(line) - 1)
			len = 0;
	}
}

/** start() - with its output in a pipe; the pipe's other end, or a negative errno */
static int start(char **argv, struct child *child)
{
	struct child_plan plan = { .argv = argv };
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	plan.out = plan.err = fds[1];
	err = child_start(child, &plan);
	close(fds[1]);
	if (err)
		close(fds[0]);
	return err ? err : fds[0];
}

int program_run(const struct program_watch *watch, const char *what, char **argv, bool dry,
		struct program_output *output, struct error *error)
{
	struct child child;
	int from, err, status;
	char fate[80];

	memset(output, 0, sizeof(*output));
	if (!argv)
		return error_fail(error, -ENOMEM, "out of memory");
	watch->begin(watch->arg, what, argv);
	if (dry) {
		child_args_free(argv);
		return 0;
	}
	from = start(argv, &child);
	if (from < 0) {
		error_say(error, "cannot start %s: %s", argv[0], error_reason(-from));
		child_args_free(argv);
		return from;
	}
	err = follow(watch, what, from, output);
	close(from);
	status = child_stop(&child, err ? SIGTERM : 0, err ? PATIENCE_MS : -1);
	last_lines(output);
	if (err == -EINTR)
		error_say(error, "interrupted; everything is undone");
	else if (err)
		error_say(error, "cannot read what %s prints: %s", argv[0], error_reason(-err));
	else if (status)
		err = error_fail(error, -EIO, "%s %s", argv[0],
				 child_fate(status, fate, sizeof(fate)));
	child_args_free(argv);
	return err;
}

void program_remove(const char *directory)
{
	struct child_plan plan = { .argv = program_vector("rm", "-rf", "--", directory, NULL),
				   .out = STDERR_FILENO,
				   .err = STDERR_FILENO };
	struct child child;

	if (plan.argv && !child_start(&child, &plan))
		child_stop(&child, 0, -1);
	child_args_free(plan.argv);
}
