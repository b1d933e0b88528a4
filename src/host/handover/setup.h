/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/setup.h - hand interfaces over to DPDK.
 */
#ifndef MANAKIN_HOST_HANDOVER_SETUP_H
#define MANAKIN_HOST_HANDOVER_SETUP_H

#include "host/handover/carry.h"

/**
 * setup_carry_out() - make the steps of plan_setup()
 * @error:	on failure, a sentence for the user: what failed, and how the machine is now
 *
 * If a step fails, all are undone at once. The same happens between two steps if SIGINT, SIGTERM or
 * SIGHUP is pending; the caller should block them.
 *
 * Return: 0 or a negative errno
 */
int setup_carry_out(const struct carry *carry, struct error *error);

#endif
