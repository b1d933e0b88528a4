/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The check of what manages the network: what it does with the interfaces, and whether it would set
 * one up again that DPDK uses.
 */
#include <stdio.h>

#include "host/check/exam.h"
#include "host/machine/manager.h"

/** held_by() - the interface of a port that a manager holds; NULL: none */
static const struct netdev *held_by(const struct exam *exam, enum manager manager,
				    const struct mana_port *port)
{
	const struct netdev *dev[2] = { port->synthetic, port->vf };

	for (size_t i = 0; i < 2; i++)
		if (dev[i] && manager_grip(exam->host, manager, dev[i]->index) > GRIP_NONE)
			return dev[i];
	return NULL;
}

/** judge_manager() - one that runs, and a port */
static void judge_manager(struct exam *exam, enum manager manager, const struct mana_port *port)
{
	const struct netdev *held = held_by(exam, manager, port);
	const char *name = manager_name(manager);
	char fix[160];

	if (!held) {
		find(exam, VERDICT_OK, port->name, NULL, "%s leaves it alone", name);
		return;
	}
	if (port->owner == OWNER_KERNEL && netdev_is_up(port->synthetic)) {
		find(exam, VERDICT_OK, port->name, NULL,
		     "%s manages it, until 'manakin setup' tells it to leave it alone", name);
		return;
	}
	snprintf(fix, sizeof(fix), "sudo manakin setup %s", port->name);
	find(exam, VERDICT_WARNING, port->name, fix,
	     "%s manages %s, and may set it up while DPDK uses the port", name, held->name);
}

void check_managers(struct exam *exam)
{
	struct managers managers;
	size_t n = 0;

	managers_read(exam->host, &managers);
	for (enum manager i = 0; i < MANAGERS; i++) {
		n += managers.there[i];
		if (managers.running[i]) {
			for (size_t j = 0; j < exam->n_ports; j++)
				judge_manager(exam, i, exam->port[j]);
		} else if (managers.there[i]) {
			find(exam, VERDICT_OK, NULL, NULL,
			     i == MANAGER_CLOUD_INIT
				     ? "%s may configure interfaces that appear, but for those "
				       "that 'manakin setup' has handed over"
				     : "%s does not run now; 'manakin setup' takes care that it "
				       "leaves alone what is handed over if it does",
			     manager_name(i));
		}
	}
	if (!n)
		find(exam, VERDICT_OK, NULL, NULL,
		     "there is no NetworkManager, systemd-networkd or cloud-init");
}
