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
 * If a step fails, all are undone at once; so they are between two steps when SIGINT, SIGTERM or
 * SIGHUP is pending, which the caller should block.
 *
 * Return: 0 or a negative errno
 */
int setup_carry_out(const struct carry *carry, struct error *error);

#endif
