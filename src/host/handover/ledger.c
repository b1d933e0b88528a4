/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/handover/saved.h"

const char *ledger_text(const json_t *record, const char *name)
{
	const char *text = json_string_value(json_object_get(record, name));

	return text ? text : "";
}

json_int_t ledger_number(const json_t *record, const char *name)
{
	const json_t *value = json_object_get(record, name);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

/** find() - the newest port of this key, or NULL */
static struct ledger_port *find(const struct ledger *ledger, const char *key)
{
	for (size_t i = 0; i < ledger->n_ports; i++)
		if (!strcmp(ledger->port[i].key, key))
			return &ledger->port[i];
	return NULL;
}

/** step_of() - by its number, or NULL */
static struct ledger_step *step_of(const struct ledger *ledger, json_int_t number)
{
	for (size_t i = ledger->n_steps; i-- > 0;)
		if (ledger->step[i].number == number)
			return &ledger->step[i];
	return NULL;
}

/** interface_ok() - is it absent or valid? */
static bool interface_ok(const json_t *record, const char *role)
{
	const json_t *saved = json_object_get(record, role);

	return !saved || saved_ok(saved);
}

/** add_save() - a port as it was; see ledger_read() */
static int add_save(struct ledger *ledger, const json_t *record)
{
	const char *key = ledger_text(record, "save");
	struct ledger_port *port = find(ledger, key);

	if (!*key || !json_is_string(json_object_get(record, "uuid")) ||
	    !json_is_string(json_object_get(record, "pmd")) || !interface_ok(record, "synthetic") ||
	    !interface_ok(record, "vf"))
		return -EBADMSG;
	if (!port) {
		struct ledger_port *more =
			reallocarray(ledger->port, ledger->n_ports + 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		ledger->port = more;
		port = &more[ledger->n_ports++];
	}
	*port = (struct ledger_port){ .key = key, .saved = record };
	return 0;
}

/** add_step() - an announcement */
static int add_step(struct ledger *ledger, const json_t *record)
{
	struct ledger_step step = { .number = ledger_number(record, "step"),
				    .kind = ledger_text(record, "kind"),
				    .port = json_string_value(json_object_get(record, "port")),
				    .record = record };
	struct ledger_port *port = step.port ? find(ledger, step.port) : NULL;
	struct ledger_step *more;

	if (step.number <= ledger->last_step || !*step.kind)
		return -EBADMSG;
	more = reallocarray(ledger->step, ledger->n_steps + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	ledger->step = more;
	more[ledger->n_steps++] = step;
	ledger->last_step = step.number;
	if (port) {
		port->touched = true;
		port->ready = false;
	}
	return 0;
}

/** add_restored() - what was done to the port counts no more, when it is handed over again */
static void add_restored(struct ledger *ledger, struct ledger_port *port)
{
	port->restored = true;
	for (size_t i = 0; i < ledger->n_steps; i++)
		if (ledger->step[i].port && !strcmp(ledger->step[i].port, port->key))
			ledger->step[i].undone = true;
}

/** add() - any record */
static int add(struct ledger *ledger, const json_t *record)
{
	static const char *const words[] = { "ready", "restoring", "restored" };
	struct ledger_port *port;
	struct ledger_step *step;
	const char *word;

	if (json_object_get(record, "save"))
		return add_save(ledger, record);
	if (json_object_get(record, "kind"))
		return add_step(ledger, record);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!json_object_get(record, words[i]))
			continue;
		port = find(ledger, ledger_text(record, words[i]));
		if (!port)
			return -EBADMSG;
		port->ready = !strcmp(words[i], "ready");
		port->restoring |= !port->ready;
		if (!strcmp(words[i], "restored"))
			add_restored(ledger, port);
		return 0;
	}
	word = json_object_get(record, "undone") ? "undone" : "done";
	step = step_of(ledger, ledger_number(record, word));
	if (!step)
		return -EBADMSG;
	if (!strcmp(word, "undone"))
		step->undone = true;
	else
		step->done = true;
	step->changed |= json_is_true(json_object_get(record, "changed"));
	return 0;
}

int ledger_read(const json_t *records, struct ledger *ledger, struct error *error)
{
	const json_t *record;
	size_t i;
	int err;

	memset(ledger, 0, sizeof(*ledger));
	json_array_foreach(records, i, record) {
		err = add(ledger, record);
		if (!err)
			continue;
		if (err == -ENOMEM)
			error_say(error, "out of memory");
		else
			error_say(error,
				  "line %zu of the journal is not valid; move the "
				  "journal away, and run 'manakin restore IFACE', "
				  "which then goes by the state of the buses",
				  i + 2);
		return err;
	}
	return 0;
}

void ledger_free(struct ledger *ledger)
{
	free(ledger->port);
	free(ledger->step);
	memset(ledger, 0, sizeof(*ledger));
}

struct ledger_port *ledger_find(const struct ledger *ledger, const char *key)
{
	struct ledger_port *port = find(ledger, key);

	return port && !port->restored ? port : NULL;
}

void ledger_names(const struct ledger_port *port, const char *names[LEDGER_NAMES])
{
	names[0] = port->key;
	names[1] = ledger_text(port->saved, "uuid");
	names[2] = ledger_text(json_object_get(port->saved, "synthetic"), "name");
	names[3] = ledger_text(json_object_get(port->saved, "vf"), "name");
}

bool ledger_called(const char *const names[LEDGER_NAMES], const char *word)
{
	for (size_t i = 0; *word && i < LEDGER_NAMES; i++)
		if (i < 2 ? !strcasecmp(names[i], word) : !strcmp(names[i], word))
			return true;
	return false;
}

struct ledger_port *ledger_named(const struct ledger *ledger, const char *word)
{
	const char *names[LEDGER_NAMES];

	for (size_t i = 0; i < ledger->n_ports; i++) {
		ledger_names(&ledger->port[i], names);
		if (!ledger->port[i].restored && ledger_called(names, word))
			return &ledger->port[i];
	}
	return NULL;
}

size_t ledger_open_ports(const struct ledger *ledger)
{
	size_t n = 0;

	for (size_t i = 0; i < ledger->n_ports; i++)
		n += !ledger->port[i].restored;
	return n;
}
