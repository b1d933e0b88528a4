/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/gdma.h - commands about the function as a whole.
 */
#ifndef MANAKIN_DEVICE_GDMA_H
#define MANAKIN_DEVICE_GDMA_H

#include "device/command.h"

extern const struct command_entry gdma_commands[];

#endif
