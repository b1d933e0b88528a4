/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/build.c - run a recipe to its end.
 *
 * The recipe prints each step on standard output, one per line. Its tools print to standard error,
 * which goes to the log (lab/lib.sh).
 */
#include "guest/build.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest/progress.h"
#include "process/child.h"
#include "process/signals.h"
#include "term/say.h"

#define STOP_MS    5000 /* for a recipe to end when asked */
#define TAIL_LINES 12

/**
 * struct lines - incoming bytes, split into lines
 * @text:	the unfinished line; the rest of a longer one is dropped
 * @length:	of @text
 */
struct lines {
	char text[PROGRESS_TEXT];
	size_t length;
};

/**
 * struct stream - output of a recipe, and what is done with it
 * @ends:	ends of a pipe: ours and the recipe's; -1: closed
 * @lines:	splits what is read
 * @log:	gets all of it, if not NULL
 * @line:	gets each line
 */
struct stream {
	int ends[2];
	struct lines lines;
	FILE *log;
	void (*line)(struct progress *progress, const char *line);
};

enum { STEPS, TALK, STREAMS };

/* Add a byte; true if ->text is a complete line. The next byte starts a new one. */
static bool lines_take(struct lines *lines, char byte)
{
	if (byte != '\n' && byte != '\r') {
		if (lines->length < sizeof(lines->text) - 1)
			lines->text[lines->length++] = byte;
		return false;
	}
	lines->text[lines->length] = '\0';
	lines->length = 0;
	return *lines->text;
}

static void close_end(int *end)
{
	if (*end >= 0)
		close(*end);
	*end = -1;
}

/* Read what is available; closes our end once the recipe has closed its own. */
static void stream_read(struct stream *stream, struct progress *progress)
{
	char buffer[4096];
	ssize_t n = read(stream->ends[0], buffer, sizeof(buffer));

	if (n <= 0) {
		close_end(&stream->ends[0]);
		return;
	}
	if (stream->log)
		fwrite(buffer, 1, (size_t)n, stream->log);
	for (ssize_t i = 0; i < n; i++) {
		if (lines_take(&stream->lines, buffer[i]))
			stream->line(progress, stream->lines.text);
	}
}

/**
 * show_failure() - print the end of the recipe's log
 * @path:	of the log
 *
 * The recipe's last line begins with "error: "; the output of its tools comes before that.
 */
static void show_failure(const char *path)
{
	char tail[TAIL_LINES][PROGRESS_TEXT];
	size_t n = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	while (fgets(tail[n % TAIL_LINES], PROGRESS_TEXT, file))
		n++;
	fclose(file);
	for (size_t i = n > TAIL_LINES ? n - TAIL_LINES : 0; i < n; i++)
		fprintf(stderr, "  %s", tail[i % TAIL_LINES]);
}

/**
 * watch() - follow a recipe to its end
 * @progress:	shown
 * @recipe:	reaped
 * @streams:	its output
 * @signals:	the signals that end the build
 *
 * Return: its wait status, or minus the number of the signal that ended the build
 */
static int watch(struct progress *progress, struct child *recipe, struct stream *streams,
		 const struct signals *signals)
{
	struct pollfd polls[STREAMS + 1];
	int caught;

	while (streams[STEPS].ends[0] >= 0 || streams[TALK].ends[0] >= 0) {
		for (int i = 0; i < STREAMS; i++)
			polls[i] = (struct pollfd){ .fd = streams[i].ends[0], .events = POLLIN };
		polls[STREAMS] = (struct pollfd){ .fd = signals->fd, .events = POLLIN };
		if (poll(polls, STREAMS + 1, progress->terminal ? 1000 : -1) < 0)
			continue;
		caught = polls[STREAMS].revents ? signals_read(signals) : 0;
		if (caught) {
			child_stop(recipe, SIGTERM, STOP_MS);
			return -caught;
		}
		for (int i = 0; i < STREAMS; i++) {
			if (polls[i].revents)
				stream_read(&streams[i], progress);
		}
		progress_draw(progress);
	}
	/* Both ends are closed: it prints nothing more, and ends by itself. */
	return child_stop(recipe, 0, -1);
}

/**
 * start() - start the recipe
 * @build:	what
 * @what:	for the message
 * @streams:	their pipes are created
 * @recipe:	filled in
 *
 * Return: 0 or a negative errno; the user has been told why
 */
static int start(const struct build *build, const char *what, struct stream *streams,
		 struct child *recipe)
{
	struct child_plan plan = { .fds = { build->lock }, .n_fds = 1 };
	int err = 0;

	plan.argv = recipe_command(build->recipe, build->arguments, build->directory);
	if (!plan.argv)
		err = -ENOMEM;
	for (int i = 0; !err && i < STREAMS; i++) {
		if (pipe2(streams[i].ends, O_CLOEXEC) < 0)
			err = -errno;
	}
	if (err) {
		say("cannot start to build %s: %s; free some memory and try again", what,
		    strerror(-err));
	} else {
		plan.out = streams[STEPS].ends[1];
		plan.err = streams[TALK].ends[1];
		err = child_start(recipe, &plan);
		if (err)
			say("cannot build %s: cannot run %s: %s; %s", what, plan.argv[0],
			    strerror(-err),
			    strcmp(plan.argv[0], "sudo") ? "install it" : "run this as root");
	}
	for (int i = 0; i < STREAMS; i++)
		close_end(&streams[i].ends[1]);
	child_args_free(plan.argv);
	return err;
}

/* Say how it ended. Returns 0 or a negative errno */
static int finish(const struct build *build, struct progress *progress, int status)
{
	char fate[80];

	if (status == 0) {
		progress_done(progress);
		return 0;
	}
	progress_failed(progress);
	if (status < 0) {
		say("building %s was interrupted; the next build starts over", progress->what);
		return -EINTR;
	}
	show_failure(build->log);
	say("cannot build %s: at \"%s\" the recipe %s; its output is in %s", progress->what,
	    progress->step, child_fate(status, fate, sizeof(fate)), build->log);
	return -EIO;
}

int build_run(const struct build *build)
{
	struct stream streams[STREAMS] = {
		[STEPS] = { .ends = { -1, -1 }, .line = progress_step },
		[TALK] = { .ends = { -1, -1 }, .line = progress_detail },
	};
	struct progress progress;
	struct signals signals;
	struct child recipe;
	int err, fd;

	progress_start(&progress, build->what);
	err = signals_open(&signals, 0);
	if (err) {
		say("cannot wait for signals: %s; raise the limit of open files (ulimit -n)",
		    strerror(-err));
		return err;
	}
	fd = open(build->log, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	streams[TALK].log = fd < 0 ? NULL : fdopen(fd, "w");
	if (!streams[TALK].log) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		say("cannot write the log %s: %s; set MANAKIN_LAB_DIR to another directory",
		    build->log, strerror(-err));
	} else {
		err = start(build, progress.what, streams, &recipe);
		if (!err) {
			int status = watch(&progress, &recipe, streams, &signals);

			fflush(streams[TALK].log);
			err = finish(build, &progress, status);
		}
		fclose(streams[TALK].log);
	}
	for (int i = 0; i < STREAMS; i++)
		close_end(&streams[i].ends[0]);
	signals_close(&signals);
	return err;
}
