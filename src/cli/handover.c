/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/handover.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/look.h"
#include "cli/plan_print.h"
#include "process/signals.h"

/** carry_out() - carry out the plan, and print its steps; an exit status */
static int carry_out(const struct handover *handover, const struct host *host,
		     struct journal *journal, struct plan *plan)
{
	FILE *to = handover->to ? handover->to : stdout;
	FILE *back = handover->tell_back && !handover->shared.json ? to : NULL;
	struct carry carry = { host, journal, plan, plan_told, back };
	struct error error = { "" };
	int err, status;

	if (!handover->shared.json) {
		handover->print_ports(plan, to);
		plan_print(plan, to);
		fflush(to);
	}
	err = handover->carry_out(&carry, &error);
	status = err ? EXIT_FAILED : EXIT_OK;
	if (err)
		say("%s", error.text);
	if (handover->shared.json)
		return plan_print_json(plan, false, error.text, status);
	if (!err && plan->n_steps)
		handover->print_done(plan, to);
	else if (!err)
		fprintf(to, "nothing to do\n");
	return status;
}

/** with_journal() - plan, and show or carry it out; an exit status */
static int with_journal(const struct handover *handover, const struct host *host,
			const struct machine *machine, struct journal *journal)
{
	struct error error;
	char title[64];
	struct ledger ledger = { 0 };
	struct plan plan = { 0 };
	struct plan_from from = { host, machine, &ledger, handover->words, handover->n_words };
	int err, status = EXIT_OK;

	if (*journal->notice)
		say("%s", journal->notice);
	err = ledger_read(journal->records, &ledger, &error);
	if (!err)
		err = handover->make_plan(handover, &from, &plan, &error);
	if (err) {
		say("%s", error.text);
		status = err == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	} else if (!handover->shared.dry_run) {
		status = carry_out(handover, host, journal, &plan);
	} else if (handover->shared.json) {
		status = plan_print_json(&plan, true, "", EXIT_OK);
	} else {
		snprintf(title, sizeof(title), "what 'manakin %s' would do", handover->command);
		plan_script(&plan, plan.n_steps ? title : handover->nothing);
	}
	plan_free(&plan);
	ledger_free(&ledger);
	return status;
}

int handover_run(const struct handover *handover)
{
	struct error error;
	struct machine machine;
	struct signals signals;
	struct journal journal;
	struct host host;
	int status = EXIT_FAILED;

	if (!handover->shared.dry_run && geteuid()) {
		say("this requires root: sudo manakin %s ...; --dry-run shows what it would do",
		    handover->command);
		return EXIT_FAILED;
	}
	if (look_open(&handover->shared, true, &host))
		return EXIT_FAILED;
	/* Lock before reading the machine, so that nothing changes after it was read. */
	signals_hold(&signals);
	if (journal_open(&host, !handover->shared.dry_run, &journal, &error)) {
		say("%s", error.text);
	} else {
		if (machine_read(&host, &machine, &error))
			say("%s", error.text);
		else
			status = with_journal(handover, &host, &machine, &journal);
		machine_free(&machine);
	}
	journal_close(&journal);
	fflush(stdout);
	signals_close(&signals);
	host_close(&host);
	return status;
}
