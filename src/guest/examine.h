/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/examine.h - scenarios for a driver in a guest, each with the examiner's verdict.
 */
#ifndef MANAKIN_GUEST_EXAMINE_H
#define MANAKIN_GUEST_EXAMINE_H

#include <jansson.h>
#include <stdbool.h>

#include "guest/guest.h"

#define EXAMINE_SCENARIOS_MAX 32u
#define EXAMINE_NAME          32u /* bytes of a scenario's name */

/**
 * struct examine_verdict - of a scenario
 * @status:	of its script in the guest
 * @broken:	rules, by name; NULL: the report could not be read
 * @passed:	the script succeeded, and no rule was broken
 */
struct scenario_verdict {
	char name[EXAMINE_NAME];
	double seconds;
	int status;
	json_t *broken;
	bool passed;
};

/** struct scenarios - those that run, and their verdicts */
struct scenarios {
	struct scenario_verdict verdict[EXAMINE_SCENARIOS_MAX];
	unsigned int n;
};

/**
 * scenarios_find() - the scenarios that the user wants
 * @wanted:	@n names; none: all but those of applications
 * @app:	an application's scenario too, or NULL
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int scenarios_find(struct scenarios *scenarios, char *const *wanted, unsigned int n,
		   const char *app);

/**
 * scenarios_run() - each in a guest of its own, with verdicts
 * @options:	of the guests; what a scenario determines is replaced
 *
 * What the scenarios print goes to standard error: standard output is for the verdicts.
 *
 * Return: 0; LAB_FAILED or what a signal makes of it if they could not be run to their end
 */
int scenarios_run(struct scenarios *scenarios, const struct run_options *options);

void scenarios_free(struct scenarios *scenarios);

#endif
