/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/loss.h - what goes with an interface that is handed over, beside what restore
 * has steps for.
 */
#ifndef MANAKIN_HOST_HANDOVER_LOSS_H
#define MANAKIN_HOST_HANDOVER_LOSS_H

#include "host/handover/planning.h"

/** loss_add_all() - list in the plan what its ports lose; 0 or a negative errno */
int loss_add_all(const struct planning *p);

#endif
