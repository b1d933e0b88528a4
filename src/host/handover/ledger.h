/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/ledger.h - the state that follows from a journal's records: which ports are
 * handed over or on their way, and which steps are not undone yet.
 *
 * The records, in the order in which they come:
 *
 *	{ "save": KEY, "uuid", "pmd", "override", "synthetic": {...}, "vf": {...} }
 *				a port as it was; host/handover/saved.h has the interfaces' shape
 *	{ "step": N, "kind", ... }	what is about to be done
 *	{ "done": N, "changed": BOOL }		it is done; false: there was nothing to do
 *	{ "ready": KEY }			all steps of this port are done
 *	{ "restoring": KEY }, { "restored": KEY }
 *	{ "undone": N }				a step that is no port's was undone
 *
 * KEY is a port's MAC address, or the UUID of one whose address is not known.
 */
#ifndef MANAKIN_HOST_HANDOVER_LEDGER_H
#define MANAKIN_HOST_HANDOVER_LEDGER_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/**
 * struct ledger_port - a port that is not back yet
 * @saved:	its newest "save"
 * @touched:	a step of this port was begun
 * @ready:	it is handed over, with all that belongs to it
 * @restoring:	its way back has begun
 * @restored:	it is back
 */
struct ledger_port {
	const char *key;
	const json_t *saved;
	bool touched, ready, restoring, restored;
};

/**
 * struct ledger_step - a step that was announced
 * @record:	the "step"
 * @done:	it was made; @changed: and changed something
 * @undone:	it was taken back
 */
struct ledger_step {
	json_int_t number;
	const char *kind;
	const char *port; /* NULL: it belongs to no port */
	const json_t *record;
	bool done, changed, undone;
};

/**
 * struct ledger - all of it; points into the records
 * @last_step:	the highest number so far
 */
struct ledger {
	struct ledger_port *port;
	size_t n_ports;
	struct ledger_step *step;
	size_t n_steps;
	json_int_t last_step;
};

/**
 * ledger_read() - add up records
 * @records:	of a journal; must not change while @ledger is used
 * @ledger:	filled in; ledger_free() it, after a failure too
 * @error:	on failure, a sentence for the user
 *
 * Return: 0; -EBADMSG: a record is not valid; -ENOMEM
 */
int ledger_read(const json_t *records, struct ledger *ledger, struct error *error);
void ledger_free(struct ledger *ledger);

/** ledger_find() - the port of this key that is not back yet, or NULL */
struct ledger_port *ledger_find(const struct ledger *ledger, const char *key);

#define LEDGER_NAMES 4u

/** ledger_names() - a port's key, its UUID, and the names of its two interfaces; or empty */
void ledger_names(const struct ledger_port *port, const char *names[LEDGER_NAMES]);

/** ledger_called() - is it one of a port's names? Its key and UUID may be in either case */
bool ledger_called(const char *const names[LEDGER_NAMES], const char *word);

/** ledger_named() - the same, by the name that one of its interfaces had, or its UUID, or key */
struct ledger_port *ledger_named(const struct ledger *ledger, const char *word);

/** ledger_open_ports() - how many are not back yet */
size_t ledger_open_ports(const struct ledger *ledger);

/** ledger_text(), ledger_number() - of a record, or empty, or -1 */
const char *ledger_text(const json_t *record, const char *name);
json_int_t ledger_number(const json_t *record, const char *name);

#endif
