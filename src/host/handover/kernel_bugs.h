/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/kernel_bugs.h - what the running kernel is known to do wrong with what a plan does.
 */
#ifndef MANAKIN_HOST_HANDOVER_KERNEL_BUGS_H
#define MANAKIN_HOST_HANDOVER_KERNEL_BUGS_H

#include "host/handover/planning.h"

/** kernel_bugs_add() - list in the plan the bugs that its steps meet; 0 or -ENOMEM */
int kernel_bugs_add(const struct planning *p);

#endif
