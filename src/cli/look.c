/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "cli/cli.h"
#include "host/diagnosis/facts.h"
#include "host/handover/journal.h"
#include "host/handover/plan.h"
#include "host/machine/ask.h"
#include "host/report/report.h"

/** open_report() - as the machine */
static int open_report(const char *file, struct host *host)
{
	struct report report;
	struct error error;
	int err = report_read(file, &report, &error);

	if (!err) {
		err = host_report(host, file, report.tree, &report.answers);
		error_say(&error, "out of memory");
	}
	if (err)
		say("%s", error.text);
	else if (strcmp(report.made_by, MANAKIN_VERSION) != 0)
		say("the report %s was made by manakin %s; this one (" MANAKIN_VERSION
		    ") may look at more than is in it",
		    file, report.made_by);
	report_free(&report);
	return err;
}

int look_open(const struct shared_options *shared, bool interfaces, struct host *host)
{
	struct error error;
	int err;

	if (shared->from)
		return open_report(shared->from, host);
	err = host_open(shared->sysroot, host, &error);
	if (err)
		say("%s", error.text);
	else if (interfaces && !host_has_interfaces(host))
		say("%s has only files: which interfaces the machine has, with their addresses and "
		    "routes, is not known; a file that 'manakin report' makes there has them",
		    shared->sysroot);
	return err;
}

int look_at_machine(const struct shared_options *shared, struct host *host, struct machine *machine)
{
	struct error error;
	int err = look_open(shared, true, host);

	if (err)
		return err;
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

/**
 * past_ports() - under which names ports were handed over, from the journal
 *
 * Without a readable journal this is not known; restore says what is wrong with it.
 */
static json_t *past_ports(const struct host *host)
{
	struct ledger ledger = { 0 };
	json_t *ports = json_array();
	struct journal journal;
	struct error error;

	if (!journal_open(host, false, &journal, &error))
		ledger_read(journal.records, &ledger, &error);
	for (size_t i = 0; i < ledger.n_ports; i++) {
		const char *names[LEDGER_NAMES];

		if (ledger.port[i].restored)
			continue;
		ledger_names(&ledger.port[i], names);
		json_array_append_new(ports,
				      json_pack("{s:s, s:[s, s, s, s]}", "key", names[0], "names",
						names[0], names[1], names[2], names[3]));
	}
	ledger_free(&ledger);
	journal_close(&journal);
	return ports;
}

/** key_of_past() - the key of the port that was called so when it was handed over */
static bool key_of_past(const struct host *host, const char *word, char *key, size_t size)
{
	const json_t *port;
	json_t *ports;
	size_t i;
	int err;

	if (!ask_recall(host, &ports, &err, "handed-over"))
		ports = past_ports(host);
	*key = '\0';
	json_array_foreach(ports, i, port) {
		const char *names[LEDGER_NAMES];

		for (size_t n = 0; n < LEDGER_NAMES; n++) {
			const char *name = json_string_value(
				json_array_get(json_object_get(port, "names"), n));

			names[n] = name ? name : "";
		}
		if (!*key && ledger_called(names, word))
			ask_text(port, "key", key, size);
	}
	json_decref(ports);
	return *key;
}

void look_for_report(const struct host *host)
{
	struct facts facts;

	facts_read(host, &facts);
	facts_free(&facts);
	ask_note(host, 0, past_ports(host), "handed-over");
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
