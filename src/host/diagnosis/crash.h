/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/crash.h - crashes of the kernel in its log: where each happened, and on which
 * kernel.
 *
 * Lines with one of crash_texts go to crashes_hit(); crash_verdict.h says what to make of them.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_CRASH_H
#define MANAKIN_HOST_DIAGNOSIS_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/known/bugs.h"

#define CRASHES_MAX    16u  /* of one log; later ones follow from the first */
#define CRASH_FRAMES   40u  /* of one stack, the innermost */
#define CRASH_LINES    6u   /* kept of one crash */
#define CRASH_LINE     400u /* bytes of each, and the end */
#define CRASH_FUNCTION 64u
#define CRASH_MODULE   32u

/**
 * struct crash_frame - a function on the stack
 * @function:	without the compiler's suffix; empty: what follows was interrupted
 * @module:	empty: built into the kernel
 * @sure:	the kernel is sure that it is on the stack
 * @line:	number of the line
 */
struct crash_frame {
	char function[CRASH_FUNCTION];
	char module[CRASH_MODULE];
	bool sure;
	uint64_t line;
};

/**
 * struct crash_line - a line of a crash's
 * @number:	from 1; 0: there is none
 */
struct crash_line {
	uint64_t number;
	char text[CRASH_LINE];
};

/**
 * struct crash - what the log has of one
 * @kind:	an enum crash_kind
 * @ignored:	the kernel shows this stack for another reason
 * @ended:	the kernel has said all of it
 * @traced:	its stack has begun; @aside: what follows is a stack of another time
 * @begin, @last: numbers of its first and last line
 * @at:		where it happened; its function is empty if that is not known
 * @work:	what the task was given to do, if it is a worker's
 * @kernel:	that it happened on, as it says itself
 * @booted:	the last kernel that the log says has started before it
 * @interesting: a driver's function, or one of a known bug, is in it
 * @head, @cpu, @place: lines that say what, on which kernel, and where; @ours: the first with a
 *		driver's function; @worker: the one with @work
 * @caller:	printk()'s: which task or CPU the lines are of; may be empty
 */
struct crash {
	unsigned int kind;
	bool ignored, ended, traced, aside, has_kernel, has_booted, interesting;
	uint64_t begin, last;
	struct crash_frame at, work;
	struct crash_frame frame[CRASH_FRAMES];
	size_t n_frames;
	struct kernel_version kernel, booted;
	struct crash_line head, cpu, place, ours, worker;
	char caller[16];
};

struct crashes;

/**
 * crash_driver() - which of MANA's and Hyper-V's drivers a function is of; NULL: of none
 *
 * A driver that is built into the kernel is known by how its functions' names begin.
 */
const char *crash_driver(const struct crash_frame *frame);

/** crash_texts - what a line of a crash has; a line may have several */
extern const char *const crash_texts[];
extern const size_t crash_n_texts;

/** crashes_open() - of a new log; @bugs are wanted; NULL if there is no memory */
struct crashes *crashes_open(const struct bugs *bugs);
void crashes_close(struct crashes *crashes);

/**
 * crashes_hit() - a line has one of these texts
 * @which:	its number in crash_texts
 * @number:	of the line
 * @text, @len:	the line, or a piece around the text
 * @end:	where in that piece the text ends
 */
void crashes_hit(struct crashes *crashes, size_t which, uint64_t number, const char *text,
		 size_t len, size_t end);

/** crashes_news() - has more come of a crash of interest, since this was asked last? */
bool crashes_news(struct crashes *crashes);

/** crashes_forget() - those that there are; the kernel that has booted is kept */
void crashes_forget(struct crashes *crashes);

/** crashes_part() - the log goes on in another file: no crash goes on in it */
void crashes_part(struct crashes *crashes);

/** crashes_get() - the crash of this number, in their order; NULL after the last */
const struct crash *crashes_get(const struct crashes *crashes, size_t n);

#endif
