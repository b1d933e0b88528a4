/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/progress.h - what the user sees of a build: steps, and how long they take.
 *
 * On a terminal the last line is rewritten with what the recipe says; elsewhere each step is a
 * line.
 */
#ifndef MANAKIN_GUEST_PROGRESS_H
#define MANAKIN_GUEST_PROGRESS_H

#include <stdbool.h>

#define PROGRESS_TEXT 512

/**
 * struct progress - a build that is under way
 * @what:	"image trixie"
 * @started:	in seconds of the monotonic clock
 * @terminal:	is standard error one?
 * @step:	what the recipe does now
 * @detail:	the last line it said
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

/** progress_start() - @what begins to be built, for @suite if that is not "" */
void progress_start(struct progress *progress, const char *what, const char *suite);

/** progress_step() - the next step begins */
void progress_step(struct progress *progress, const char *step);

/** progress_detail() - the recipe said a line; shown once progress_draw() draws */
void progress_detail(struct progress *progress, const char *line);

/** progress_draw() - rewrite the terminal's last line, not more often than an eye follows */
void progress_draw(struct progress *progress);

/** progress_done() - the last step is over, and went well */
void progress_done(struct progress *progress);

/** progress_failed() - the last step did not; messages come next */
void progress_failed(struct progress *progress);

#endif
