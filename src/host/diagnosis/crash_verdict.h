/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/crash_verdict.h - what a crash comes from: a known bug, or one of a driver.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_CRASH_VERDICT_H
#define MANAKIN_HOST_DIAGNOSIS_CRASH_VERDICT_H

#include "host/diagnosis/crash.h"

#define CRASH_WORDS 160u

/**
 * struct crash_told - a crash that is worth telling
 * @bug:	number of the known bug; or of the entry for those that are not known
 * @crash:	the first that it explains; @count: how many there are
 * @driver, @function: that have it
 * @kernel:	its release; may be empty
 * @mended:	where it is mended
 * @whether:	a sentence: has the kernel the bug?
 */
struct crash_told {
	size_t bug;
	const struct crash *crash;
	uint64_t count;
	const char *driver, *function;
	char kernel[KERNEL_RELEASE_TEXT];
	char mended[CRASH_WORDS], whether[CRASH_WORDS];
};

/**
 * crashes_judge() - what to tell of the crashes of a log
 * @seen:	of each text that bugs_text() has: the log has it
 * @machine:	the kernel to suppose where the log names none; or NULL
 * @told:	filled in
 *
 * A crash that is not a driver's, and looks like no known bug, is not told. A bug that the kernel
 * does not have, or no longer, is not told either.
 *
 * Return: how many
 */
size_t crashes_judge(const struct crashes *crashes, const struct bugs *bugs, const bool *seen,
		     const struct kernel_version *machine, struct crash_told told[CRASHES_MAX]);

/** bugs_text() - text number @n that some bug wants the log to have; NULL after the last */
const char *bugs_text(const struct bugs *bugs, size_t n);

#endif
