/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/dpdk_step.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "process/child.h"
#include "term/json.h"
#include "term/term.h"
#include "term/text.h"

#define TAIL        10 /* lines of the log that are shown after a failure */
#define PATIENCE_MS 3000

/** show_progress() - of a line such as "[12/345] Compiling ..." */
static void show_progress(const char *what, const char *line, unsigned int *tenth)
{
	unsigned int at, all;

	if (sscanf(line, "[%u/%u]", &at, &all) != 2 || !all)
		return;
	if (output_can_rewrite(stderr)) {
		fprintf(stderr, OUTPUT_REWRITE "%s: %u of %u (%u %%) ", what, at, all,
			100 * at / all);
	} else if (10 * at / all > *tenth) {
		*tenth = 10 * at / all;
		fprintf(stderr, "%s: %u %%\n", what, *tenth * 10);
	}
}

/** show_tail() - the end of what a program has printed */
static void show_tail(FILE *log)
{
	long starts[TAIL] = { 0 }, n = 0;
	char line[1024];

	rewind(log);
	for (;;) {
		starts[n % TAIL] = ftell(log);
		if (!fgets(line, sizeof(line), log))
			break;
		n++;
	}
	fseek(log, n < TAIL ? 0 : starts[(n + 1) % TAIL], SEEK_SET);
	while (fgets(line, sizeof(line), log))
		fprintf(stderr, "  | %s%s", line, strchr(line, '\n') ? "" : "\n");
}

/** follow() - read what the program prints until it ends; 0 or -EINTR */
static int follow(struct steps *steps, const char *what, int from, char *output, size_t size)
{
	struct pollfd fds[2] = { { .fd = from, .events = POLLIN },
				 { .fd = steps->stop, .events = POLLIN } };
	unsigned int tenth = 0;
	char line[4096];
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
			break;
		fwrite(line + len, 1, (size_t)n, steps->log);
		len += (size_t)n;
		line[len] = 0;
		while ((feed = strchr(line, '\n'))) {
			*feed = 0;
			if (first && output)
				snprintf(output, size, "%s", line);
			first = false;
			show_progress(what, line, &tenth);
			len -= (size_t)(feed + 1 - line);
			memmove(line, feed + 1, len + 1);
		}
		if (len == sizeof(line) - 1)
			len = 0;
	}
	return 0;
}

/** remember() - a command, as an array of its words */
static int remember(json_t *commands, char *const *argv)
{
	json_t *words = json_array();

	for (size_t i = 0; words && argv[i]; i++)
		if (json_array_append_new(words, output_text(argv[i]))) {
			json_decref(words);
			return -ENOMEM;
		}
	return words && !json_array_append_new(commands, words) ? 0 : -ENOMEM;
}

int step_run(struct steps *steps, const char *what, char **argv, char *output, size_t size)
{
	struct child_plan plan = { .argv = argv };
	struct child child;
	int fds[2], err, status;
	char fate[80];

	if (!argv || (steps->commands && remember(steps->commands, argv))) {
		child_args_free(argv);
		say("out of memory");
		return -ENOMEM;
	}
	if (steps->dry) {
		if (!steps->commands)
			output_command(stdout, argv);
		child_args_free(argv);
		return 0;
	}
	if (output_can_rewrite(stderr))
		fprintf(stderr, "%s ", what);
	else
		fprintf(stderr, "%s\n", what);
	if (pipe2(fds, O_CLOEXEC)) {
		err = -errno;
	} else {
		plan.out = plan.err = fds[1];
		err = child_start(&child, &plan);
		close(fds[1]);
	}
	if (err) {
		say("cannot start %s: %s", argv[0], strerror(-err));
		child_args_free(argv);
		return err;
	}
	fprintf(steps->log, "+ ");
	output_command(steps->log, argv);
	err = follow(steps, what, fds[0], output, size);
	close(fds[0]);
	status = child_stop(&child, err ? SIGTERM : 0, err ? PATIENCE_MS : -1);
	if (output_can_rewrite(stderr))
		fputc('\n', stderr);
	fflush(steps->log);
	if (err == -EINTR)
		say("interrupted; everything is undone");
	else if (!err && status) {
		say("%s %s; its last output:", argv[0],
		    child_fate(status, fate, sizeof(fate)));
		show_tail(steps->log);
		err = -EIO;
	}
	child_args_free(argv);
	return err;
}
