/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		step_free(&plan->step[i]);
	free(plan->step);
	free(plan->port);
	free(plan->loss);
	free(plan->bug);
	memset(plan, 0, sizeof(*plan));
}

struct plan_port *plan_find(const struct plan *plan, const char *key)
{
	for (size_t i = 0; i < plan->n_ports; i++)
		if (!strcmp(plan->port[i].key, key))
			return &plan->port[i];
	return NULL;
}

const char *port_key(const struct mana_port *port, char key[KEY_TEXT])
{
	char mac[MAC_TEXT];

	snprintf(key, KEY_TEXT, "%s", port->has_mac ? mac_text(port->mac, mac) : port->uuid);
	return key;
}

/** name_port() - by the interface that it had, if it has none now */
static void name_port(struct plan_port *added, const struct ledger_port *known)
{
	const json_t *synthetic = known ? json_object_get(known->saved, "synthetic") : NULL;
	const json_t *saved = synthetic || !known ? synthetic : json_object_get(known->saved, "vf");

	if (added->port && (added->port->synthetic || !known))
		snprintf(added->name, sizeof(added->name), "%s", added->port->name);
	else
		snprintf(added->name, sizeof(added->name), "%s",
			 saved ? ledger_text(saved, "name") : added->key);
}

struct plan_port *plan_add_port(struct plan *plan, const struct machine *machine,
				const struct ledger *ledger, const struct mana_port *port,
				const char *key)
{
	const struct ledger_port *known = ledger_find(ledger, key);
	struct plan_port *more = plan_find(plan, key);

	if (more)
		return more;
	more = reallocarray(plan->port, plan->n_ports + 1, sizeof(*more));
	if (!more)
		return NULL;
	plan->port = more;
	more = &more[plan->n_ports++];
	*more = (struct plan_port){ .port = port, .gone = !port };
	more->journalled = known != NULL;
	snprintf(more->key, sizeof(more->key), "%s", key);
	name_port(more, known);
	if (!port)
		return more;
	snprintf(more->uuid, sizeof(more->uuid), "%s", port->uuid);
	if (port->vf)
		snprintf(more->vf, sizeof(more->vf), "%s", port->vf->name);
	if (port->adapter >= 0)
		snprintf(more->address, sizeof(more->address), "%s",
			 machine->adapter[port->adapter].address);
	return more;
}

int plan_add(const struct host *host, struct plan *plan, const struct step *step)
{
	struct step *more = reallocarray(plan->step, plan->n_steps + 1, sizeof(*more));
	struct plan_port *port = plan_find(plan, step->key);

	if (!more)
		return -ENOMEM;
	plan->step = more;
	more = &more[plan->n_steps++];
	*more = *step;
	if (port)
		port->steps = true;
	return step_describe(host, more);
}
