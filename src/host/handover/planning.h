/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/planning.h - what the planners of setup and restore share; for plan_setup.c and
 * plan_restore.c.
 */
#ifndef MANAKIN_HOST_HANDOVER_PLANNING_H
#define MANAKIN_HOST_HANDOVER_PLANNING_H

#include "base/error.h"
#include "host/handover/plan.h"

/**
 * struct planning - a plan in the making
 * @options:	of setup; else NULL
 * @since:	of plan_undo(): only steps of the journal after this one are undone
 */
struct planning {
	const struct host *host;
	const struct machine *machine;
	const struct ledger *ledger;
	struct plan *plan;
	struct error *error;
	const struct setup_options *options;
	json_int_t since;
};

/** planning_begin() - with an empty plan, and no error */
struct planning planning_begin(const struct plan_from *from, struct plan *plan,
			       struct error *error);

/** plan_fail() - set the sentence for the user; returns @err */
__attribute__((format(printf, 3, 4))) int plan_fail(const struct planning *p, int err,
						    const char *format, ...);
int plan_no_memory(const struct planning *p);

/** planning_port() - the machine's port of this key, or NULL */
const struct mana_port *planning_port(const struct planning *p, const char *key);

#endif
