/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/restore.h"

#include <errno.h>
#include <string.h>

/** finish() - note which ports are restored, and if those are all, remove the journal */
static int finish(const struct carry *carry, struct error *error)
{
	const struct plan *plan = carry->plan;
	struct ledger ledger;
	size_t left;
	int err = 0;

	for (size_t i = 0; !err && i < plan->n_ports; i++)
		if (plan->port[i].journalled)
			err = carry_note(carry, json_pack("{s:s}", "restored", plan->port[i].key),
					 error);
	for (size_t i = 0; !err && i < plan->n_steps; i++)
		if (plan->step[i].undoes)
			err = carry_note(carry, json_pack("{s:I}", "undone", plan->step[i].undoes),
					 error);
	if (err)
		return err;
	err = ledger_read(carry->journal->records, &ledger, error);
	left = ledger_open_ports(&ledger);
	ledger_free(&ledger);
	return err || left ? err : journal_forget(carry->journal, error);
}

/** say_failed() - what could not be restored, and the commands that do it */
static void say_failed(const struct plan *plan, const struct step *first, const struct error *why,
		       struct error *error)
{
	error_say(error, "cannot %s: %s; to try by hand: ", first->what, why->text);
	for (const struct step *step = first; step < plan->step + plan->n_steps; step++)
		if (step->state == STEP_FAILED) {
			const char *line = step->command;

			error_add(error, "%s", step == first ? "" : " && ");
			for (size_t len; *line; line += len + (line[len] == '\n')) {
				len = strcspn(line, "\n");
				error_add(error, "%.*s%s", (int)len, line, line[len] ? "; " : "");
			}
		}
}

int restore_carry_out(const struct carry *carry, struct error *error)
{
	const struct plan *plan = carry->plan;
	const struct step *failed = NULL; /* the first of those that may fail */
	struct error why, first_why;
	int err = 0, first = 0;

	for (size_t i = 0; !err && i < plan->n_ports; i++)
		if (plan->port[i].journalled)
			err = carry_note(carry, json_pack("{s:s}", "restoring", plan->port[i].key),
					 error);
	if (err)
		return err;
	for (size_t i = 0; i < plan->n_steps; i++) {
		struct step *step = &plan->step[i];

		err = carry_step(carry, step, true, &why);
		if (err >= 0)
			continue;
		if (!step_may_fail(step->kind))
			return error_fail(
				error, err,
				"cannot %s: %s; fix that and run this again: the journal is kept",
				step->what, why.text);
		if (!failed) {
			failed = step;
			first = err;
			first_why = why;
		}
	}
	err = finish(carry, error);
	if (err || !failed)
		return err;
	say_failed(plan, failed, &first_why, error);
	return first;
}
