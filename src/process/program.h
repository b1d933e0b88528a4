/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process/program.h - find out whether a program is installed.
 */
#ifndef MANAKIN_PROCESS_PROGRAM_H
#define MANAKIN_PROCESS_PROGRAM_H

#include <stdbool.h>

/** program_find() - is there such a program, in PATH if it has no slash? */
bool program_find(const char *name);

#endif
