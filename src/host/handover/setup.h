/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/setup.h - carry out a plan: hand interfaces over to DPDK, or give them back.
 */
#ifndef MANAKIN_HOST_HANDOVER_SETUP_H
#define MANAKIN_HOST_HANDOVER_SETUP_H

#include "base/error.h"
#include "host/handover/journal.h"
#include "host/handover/plan.h"

/** typedef setup_told - a step was made, or failed, or (@back) is taken back */
typedef void setup_told(void *arg, const struct step *step, bool back);

/**
 * setup_carry_out() - make the steps of plan_setup()
 * @journal:	open for writing
 * @plan:	its steps' states are filled in
 * @told:	called after each step
 * @error:	on failure, a sentence for the user: what failed, and how the machine is now
 *
 * If a step fails, all are undone at once; so they are between two steps when SIGINT, SIGTERM or
 * SIGHUP is pending, which the caller should block.
 *
 * Return: 0 or a negative errno
 */
int setup_carry_out(const struct host *host, struct journal *journal, struct plan *plan,
		    setup_told *told, void *arg, struct error *error);

/**
 * setup_restore() - make the steps of plan_restore()
 *
 * An address or route that cannot be given back does not hold up the rest; it is said so in its
 * step, and in @error.
 */
int setup_restore(const struct host *host, struct journal *journal, struct plan *plan,
		  setup_told *told, void *arg, struct error *error);

#endif
