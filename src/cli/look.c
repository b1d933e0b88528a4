/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "host/handover/journal.h"
#include "host/handover/plan.h"

int look_at_machine(const char *sysroot, struct host *host, struct machine *machine)
{
	struct error error;
	int err = host_open(sysroot, host, &error);

	if (err) {
		say("%s", error.text);
		return err;
	}
	err = machine_read(host, machine, &error);
	if (err) {
		say("%s", error.text);
		look_away(host, machine);
	}
	return err;
}

void look_away(struct host *host, struct machine *machine)
{
	machine_free(machine);
	host_close(host);
}

/** key_of_past() - the key of the port whose interface had this name when it was handed over */
static bool key_of_past(const struct host *host, const char *word, char *key, size_t size)
{
	struct error error;
	const struct ledger_port *known = NULL;
	struct ledger ledger = { 0 };
	struct journal journal;

	/* Without a readable journal this is not known; restore says what is wrong with it. */
	if (!journal_open(host, false, &journal, &error) &&
	    !ledger_read(journal.records, &ledger, &error))
		known = ledger_named(&ledger, word);
	if (known)
		snprintf(key, size, "%s", known->key);
	ledger_free(&ledger);
	journal_close(&journal);
	return known;
}

int look_for_port(const struct host *host, const struct machine *machine, const char *word,
		  const struct mana_port **port, struct error *error)
{
	struct error other;
	char key[KEY_TEXT];
	int err = machine_find(machine, word, port, error);

	if (err == -ENODEV && key_of_past(host, word, key, sizeof(key)) &&
	    !machine_find(machine, key, port, &other))
		err = 0;
	return err;
}

int look_for_ports(const struct host *host, const struct machine *machine, char *const *words,
		   size_t n, const struct mana_port ***ports, size_t *found)
{
	const struct mana_port *port;
	struct error error;

	*found = 0;
	*ports = calloc(n + 1, sizeof(**ports));
	if (!*ports) {
		say("out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		int err = look_for_port(host, machine, words[i], &port, &error);
		size_t known = 0;

		if (err) {
			say("%s", error.text);
			free(*ports);
			*ports = NULL;
			return err;
		}
		while (known < *found && (*ports)[known] != port)
			known++;
		(*ports)[known] = port;
		if (known == *found)
			(*found)++;
	}
	return 0;
}
