/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/progress.h - show the steps of a build, and how long they take.
 *
 * On a terminal the last line is rewritten with the recipe's output; elsewhere each step is a line.
 */
#ifndef MANAKIN_GUEST_PROGRESS_H
#define MANAKIN_GUEST_PROGRESS_H

#include <stdbool.h>

#define PROGRESS_TEXT 512

/**
 * struct progress - a running build
 * @what:	"image trixie"
 * @started:	in seconds of the monotonic clock
 * @terminal:	is standard error one?
 * @step:	what the recipe is doing
 * @detail:	the last line of its output
 * @drawn:	when the terminal was last written to
 */
struct progress {
	char what[80];
	double started;
	bool terminal;
	char step[PROGRESS_TEXT];
	char detail[PROGRESS_TEXT];
	double drawn;
};

/** progress_start() - the build of @what begins */
void progress_start(struct progress *progress, const char *what);

/** progress_step() - the next step begins */
void progress_step(struct progress *progress, const char *step);

/** progress_detail() - the recipe printed a line; the next progress_draw() shows it */
void progress_detail(struct progress *progress, const char *line);

/** progress_draw() - rewrite the terminal's last line, at most every 0.1 s */
void progress_draw(struct progress *progress);

/** progress_done() - the last step succeeded */
void progress_done(struct progress *progress);

/** progress_failed() - the last step failed; messages follow */
void progress_failed(struct progress *progress);

#endif
