/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/carry.h - a plan that is being carried out, for setup.c and restore.c.
 */
#ifndef MANAKIN_HOST_HANDOVER_CARRY_H
#define MANAKIN_HOST_HANDOVER_CARRY_H

#include "base/error.h"
#include "host/handover/journal.h"
#include "host/handover/plan.h"

/** typedef carry_told - a step was made, or failed, or (@back) is undone */
typedef void carry_told(void *arg, const struct step *step, bool back);

/**
 * struct carry - a plan, and what carrying it out takes
 * @journal:	open for writing
 * @plan:	its steps' states are filled in
 * @told:	called after each step, with @arg
 */
struct carry {
	const struct host *host;
	struct journal *journal;
	struct plan *plan;
	carry_told *told;
	void *arg;
};

/**
 * carry_step() - make a step, fill in its state, and tell
 * @back:	it is a step of a restore
 * @why:	filled in with what there is to say; may stay empty if the step did not fail
 *
 * Return: as step_make()
 */
int carry_step(const struct carry *carry, struct step *step, bool back, struct error *why);

/** carry_note() - append a record to the journal; see journal_append() */
int carry_note(const struct carry *carry, json_t *record, struct error *error);

#endif
