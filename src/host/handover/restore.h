/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/restore.h - give interfaces back to the kernel.
 */
#ifndef MANAKIN_HOST_HANDOVER_RESTORE_H
#define MANAKIN_HOST_HANDOVER_RESTORE_H

#include "host/handover/carry.h"

/**
 * restore_carry_out() - make the steps of plan_restore() or plan_undo()
 * @error:	on failure, a sentence for the user: what failed, and what to do about it
 *
 * An address or route that cannot be added does not hold up the rest; @error names it, and so does
 * its step.
 *
 * Return: 0 or a negative errno
 */
int restore_carry_out(const struct carry *carry, struct error *error);

#endif
