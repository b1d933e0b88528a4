/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/emulated.h - what user emulation (qemu-user) cannot do.
 *
 * scripts/cross/setup.sh has the emulator set EMULATED. A test that needs what the emulator lacks
 * says so in a line that scripts/check.sh prints at the end, and does without that part only. On a
 * real kernel of the same architecture nothing is left out.
 */
#ifndef MANAKIN_TESTS_UNIT_EMULATED_H
#define MANAKIN_TESTS_UNIT_EMULATED_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/** emulated() - is this program emulated? Then @what is not tested, because @why */
static inline bool emulated(const char *what, const char *why)
{
	const char *by = getenv("EMULATED");

	if (!by)
		return false;
	printf("under %s not tested: %s: %s\n", by, what, why);
	fflush(stdout);
	return true;
}

#endif
