/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/handover.h - what setup and restore have in common: read the machine and the journal,
 * make a plan, and show it or carry it out.
 */
#ifndef MANAKIN_CLI_HANDOVER_H
#define MANAKIN_CLI_HANDOVER_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "host/handover/carry.h"
#include "term/options.h"

/**
 * struct handover - one such command
 * @command:	"setup" or "restore"
 * @nothing:	title of a script that has no steps
 * @shared:	of the command line: --dry-run shows the plan and changes nothing
 * @words:	@n_words names that the user gave
 * @options:	of setup only
 * @to:		where the text about the plan goes; NULL: standard output
 * @make_plan:	from the words
 * @print_ports: prints what will happen to each port
 * @carry_out:	the plan
 * @tell_back:	each step that is undone is reported
 * @print_done:	called after all steps, if there was at least one
 */
struct handover {
	const char *command, *nothing;
	struct shared_options shared;
	const char *const *words;
	size_t n_words;
	struct setup_options options;
	bool tell_back;
	FILE *to;
	int (*make_plan)(const struct handover *handover, const struct plan_from *from,
			 struct plan *plan, struct error *error);
	void (*print_ports)(const struct plan *plan, FILE *to);
	int (*carry_out)(const struct carry *carry, struct error *error);
	void (*print_done)(const struct plan *plan, FILE *to);
};

/** handover_run() - run the command, whose command line was read; an exit status */
int handover_run(const struct handover *handover);

/**
 * restore_ports() - what `manakin restore` does, for other commands
 * @keys:	of the ports, NULL-terminated
 * @to:		where the text about the plan goes
 *
 * Return: an exit status
 */
int restore_ports(char *const *keys, FILE *to);

#endif
