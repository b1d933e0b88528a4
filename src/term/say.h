/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/say.h - messages for the user on standard error, and the exit statuses.
 *
 * A message is one line: "manakin COMMAND: " and a sentence that says what was done, to what, why
 * it failed, and what to do next.
 */
#ifndef MANAKIN_TERM_SAY_H
#define MANAKIN_TERM_SAY_H

/* Exit statuses of every command; docs and man pages repeat them. */
enum exit_status {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* it was tried and did not work */
	EXIT_USAGE = 2,  /* the arguments make no sense; nothing was tried */
};

/** say_as() - the command's name, "dpdk install", which messages begin with; kept by reference */
void say_as(const char *command);

/** say_name() - what the user typed to get here: "manakin dpdk install" */
const char *say_name(void);

/** say_version() - print which manakin this is to standard output; an exit status */
int say_version(void);

/** say() - an error or warning for the user, on standard error, after the command's name */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/** say_usage() - the same for an argument that makes no sense; EINVAL, which argp parsers return */
__attribute__((format(printf, 1, 2))) int say_usage(const char *format, ...);

/** stdout_flushed() - has all of standard output been written? An exit status; says so if not */
int stdout_flushed(void);

/** stdio_open() - if a standard stream is closed, the next file opened would get its number: open it */
void stdio_open(void);

#endif
