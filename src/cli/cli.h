/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/cli.h - the commands.
 *
 * The room cli/ has one file for each command, which reads the command line, calls the room that
 * does the work, and prints the result; and main.c, which finds the command. Several commands share
 * look.h (from a user's word to a port), handover.h and plan_print.h (setup and restore), and
 * diagnose.h (diagnosis of logs).
 *
 * It may use term/, base/, trace/, the rooms of host/, process/, serve/, app/, measure/ and guest/; nothing
 * may use it. It never does the work of another room, keeps no state, and knows no format except
 * that of its own JSON. At most 25 files and 5500 lines; tests/unit/sizes.py counts them.
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
int cmd_report(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_setup(int argc, char **argv);
int cmd_trace(int argc, char **argv);

#endif
