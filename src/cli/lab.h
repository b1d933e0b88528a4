/* SPDX-License-Identifier: BSD-3-Clause */
/* cli/lab.h - manakin lab: the unmodified stack in a virtual machine. */
#ifndef MANAKIN_CLI_LAB_H
#define MANAKIN_CLI_LAB_H

#include <stdbool.h>

/* Exit statuses of the lab's own; any other is that of the command in the guest. */
enum lab_status {
	LAB_TIMED_OUT = 124, /* as timeout(1) */
	LAB_FAILED = 125,    /* the lab could not do its part; bad usage too */
};

/** cmd_lab() - manakin lab; argv[0] is "lab". Returns the exit status */
int cmd_lab(int argc, char **argv);

/** lab_error() - one message of the lab on standard error, as printf() */
__attribute__((format(printf, 1, 2))) void lab_error(const char *format, ...);

#endif
