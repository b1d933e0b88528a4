/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/dpdk_step.h - the programs that building DPDK takes, one after the other.
 */
#ifndef MANAKIN_CLI_DPDK_STEP_H
#define MANAKIN_CLI_DPDK_STEP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * struct steps - how they run
 * @dry:	do nothing, and print the commands, unless ...
 * @commands:	... they are wanted here, as arrays of words, whether they are run or not; or NULL
 * @stop:	signalfd: readable when the user wants an end
 * @log:	what the programs print
 */
struct steps {
	bool dry;
	json_t *commands;
	int stop;
	FILE *log;
};

/**
 * step_run() - run a program; on a terminal with its progress, [12/345] as ninja prints it
 * @what:	for the user: "Compiling"
 * @argv:	NULL-terminated; a new vector of child_args_add()'s, freed
 * @output:	filled in with the first line that it prints, if not NULL
 *
 * Return: 0; -EINTR: the user wants an end; -EIO and it has said how the program failed; or
 * another negative errno, and it has said so
 */
int step_run(struct steps *steps, const char *what, char **argv, char *output, size_t size);

#endif
