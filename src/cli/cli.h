/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/cli.h - the commands, and what they share.
 */
#ifndef MANAKIN_CLI_CLI_H
#define MANAKIN_CLI_CLI_H

#include <stdbool.h>

#include "host/software.h"

#define RUN_DIRECTORY SOFTWARE_DIRECTORY /* where adapters without --socket live, by name */

/* Exit statuses of every command; docs and man pages repeat them. */
enum exit_status {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* it was tried and did not work */
	EXIT_USAGE = 2,	 /* the arguments make no sense; nothing was tried */
};

/*
 * A command: argv[0] is its name. Returns an exit status.
 */
int cmd_args(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_control(int argc, char **argv);
int cmd_diagnose(int argc, char **argv);
int cmd_device(int argc, char **argv);
int cmd_dpdk(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_setup(int argc, char **argv);

/** say() - an error or warning for the user, on standard error, after the command's name */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/**
 * usage_error() - say that an argument makes no sense
 * @failed:	the command's: set; only the first mistake is said
 *
 * Return: EINVAL, for an argp parser to return
 */
__attribute__((format(printf, 2, 3))) int usage_error(bool *failed, const char *format, ...);

#endif
