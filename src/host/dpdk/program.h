/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/dpdk/program.h - run the programs that build DPDK, one after another.
 */
#ifndef MANAKIN_HOST_DPDK_PROGRAM_H
#define MANAKIN_HOST_DPDK_PROGRAM_H

#include <stdbool.h>

#include "base/error.h"

#define PROGRAM_OUTPUT 4096u /* bytes that are kept of what a program prints */

/**
 * struct program_watch - how to report progress, and when to stop
 * @begin:	a program starts, or would: @what it is for, such as "Compiling", and its arguments
 * @progress:	it reports that @at of @all parts are done
 * @stop:	descriptor that is readable when the user wants to stop; -1: none
 */
struct program_watch {
	void (*begin)(void *arg, const char *what, char *const *argv);
	void (*progress)(void *arg, const char *what, unsigned int at, unsigned int all);
	void *arg;
	int stop;
};

/**
 * struct program_output - what a program has printed on either stream
 * @first:	the first line
 * @last:	the last lines, not more than PROGRAM_LINES of them
 */
struct program_output {
	char first[512];
	char last[PROGRAM_OUTPUT];
};

/**
 * program_run() - run a program until it ends
 * @argv:	NULL-terminated; of child_args_add(), freed. NULL: there was no memory for it
 * @dry:	only report it to @watch
 * @output:	filled in
 * @error:	on failure, a sentence for the user
 *
 * Return: 0; -EINTR: the user wants to stop; -EIO: the program failed; or another negative errno
 */
int program_run(const struct program_watch *watch, const char *what, char **argv, bool dry,
		struct program_output *output, struct error *error);

/** program_words() - a vector for program_run(), from the words of @text */
char **program_words(const char *text);

/** program_vector() - the same, from each argument up to NULL */
__attribute__((sentinel)) char **program_vector(const char *first, ...);

/** program_remove() - remove a directory that programs were run in, and all in it */
void program_remove(const char *directory);

#endif
