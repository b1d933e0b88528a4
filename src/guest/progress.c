/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/progress.c - show the steps of a build, and how long they take. */
#include "guest/progress.h"

#include <stdio.h>

#include "base/clock.h"
#include "term/term.h"

#define REDRAW_S 0.1

static double elapsed(const struct progress *progress)
{
	return clock_seconds() - progress->started;
}

void progress_start(struct progress *progress, const char *what)
{
	*progress = (struct progress){ .started = clock_seconds(),
				       .terminal = output_can_rewrite(stderr) };
	snprintf(progress->what, sizeof(progress->what), "%s", what);
}

void progress_draw(struct progress *progress)
{
	char line[2 * PROGRESS_TEXT + 128];
	unsigned int width = output_width(stderr);

	if (!progress->terminal || !*progress->step || clock_seconds() - progress->drawn < REDRAW_S)
		return;
	progress->drawn = clock_seconds();
	snprintf(line, sizeof(line), "[%4.0f s] %s: %s  %s", elapsed(progress), progress->what,
		 progress->step, progress->detail);
	fprintf(stderr, OUTPUT_REWRITE "%.*s", width > 1 ? (int)width - 1 : 79, line);
	fflush(stderr);
}

void progress_step(struct progress *progress, const char *step)
{
	if (progress->terminal && *progress->step)
		fprintf(stderr, OUTPUT_REWRITE "[%4.0f s] %s: %s\n", elapsed(progress),
			progress->what, progress->step);
	if (!progress->terminal && *step)
		fprintf(stderr, "[%4.0f s] %s: %s\n", elapsed(progress), progress->what, step);
	snprintf(progress->step, sizeof(progress->step), "%s", step);
	*progress->detail = '\0';
	progress_draw(progress);
}

void progress_detail(struct progress *progress, const char *line)
{
	snprintf(progress->detail, sizeof(progress->detail), "%s", line);
}

void progress_done(struct progress *progress)
{
	progress_step(progress, "");
	if (!progress->terminal)
		fprintf(stderr, "[%4.0f s] %s: done\n", elapsed(progress), progress->what);
}

void progress_failed(struct progress *progress)
{
	if (progress->terminal)
		fputc('\n', stderr);
}
