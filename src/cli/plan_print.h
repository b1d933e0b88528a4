/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/plan_print.h - how setup and restore show their plans.
 */
#ifndef MANAKIN_CLI_PLAN_PRINT_H
#define MANAKIN_CLI_PLAN_PRINT_H

#include <stdio.h>

#include "host/handover/plan.h"

/** plan_print() - the steps in words, numbered */
void plan_print(const struct plan *plan, FILE *to);

/** plan_script() - the steps as a script for sh, with @title as a comment */
void plan_script(const struct plan *plan, const char *title);

/**
 * plan_print_json() - ports, steps, and their results
 * @error:	what went wrong; may be empty
 * @status:	exit status of the command
 *
 * Return: @status, or EXIT_FAILED if it cannot be printed
 */
int plan_print_json(const struct plan *plan, bool dry_run, const char *error, int status);

/** plan_told() - a carry_told: report a step; @back_to: FILE for steps that are undone, or NULL */
void plan_told(void *back_to, const struct step *step, bool back);

#endif
