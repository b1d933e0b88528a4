/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/cli.h - the commands, and what they share.
 */
#ifndef MANAKIN_CLI_CLI_H
#define MANAKIN_CLI_CLI_H

#include <stdbool.h>

#include "host/machine/software.h"
#include "term/say.h"

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

#endif
