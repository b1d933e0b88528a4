/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plan of a restore, from what the journal says a port was and what the buses say it is. Each
 * step aims for a state and does nothing if that is reached already, so a restore that was
 * interrupted is simply run again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "host/machine/hugepage.h"
#include "host/handover/kernel_bugs.h"
#include "host/handover/persist.h"
#include "host/handover/planning.h"
#include "host/handover/saved.h"
#include "host/handover/unmanage.h"

/** add_port() - add a port to the plan, if no process uses it */
static int add_port(const struct planning *p, const struct mana_port *port,
		    const struct ledger_port *known)
{
	const struct plan_port *added;
	char key[KEY_TEXT];

	if (port && (port->owner == OWNER_NETVSC || port->owner == OWNER_DPDK_MANA) && *port->users)
		return plan_fail(p, -EBUSY, "%s is in use by %s; stop that process first",
				 port->name, port->users);
	added = plan_add_port(p->plan, p->machine, p->ledger, port,
			      known ? known->key : port_key(port, key));
	return added ? 0 : plan_no_memory(p);
}

/** add_word() - a port that the user names */
static int add_word(const struct planning *p, const char *word)
{
	const struct mana_port *port;
	const struct ledger_port *known;
	char key[KEY_TEXT];
	int err = machine_find(p->machine, word, &port, p->error);

	if (err == -ENODEV) {
		known = ledger_named(p->ledger, word);
		return known ? add_port(p, planning_port(p, known->key), known) : err;
	}
	if (err)
		return err;
	if (port->adapter >= 0 && p->machine->adapter[port->adapter].kind == ADAPTER_SOFTWARE)
		return plan_fail(
			p, -ENOTSUP,
			"%s is an adapter in software; there is nothing to give back to the kernel",
			word);
	return add_port(p, port, ledger_find(p->ledger, port_key(port, key)));
}

/** add_all() - what the journal knows, and what the buses show to be away from the kernel */
static int add_all(const struct planning *p)
{
	char key[KEY_TEXT];
	int err = 0;

	for (size_t i = 0; !err && i < p->ledger->n_ports; i++)
		if (!p->ledger->port[i].restored)
			err = add_port(p, planning_port(p, p->ledger->port[i].key),
				       &p->ledger->port[i]);
	for (size_t i = 0; !err && i < p->machine->n_ports; i++)
		if (p->machine->port[i].owner == OWNER_NETVSC &&
		    !plan_find(p->plan, port_key(&p->machine->port[i], key)))
			err = add_port(p, &p->machine->port[i], NULL);
	return err;
}

/** interface_step() - a step on one of a port's interfaces */
static struct step interface_step(const struct plan_port *port, enum step_kind kind, enum role role,
				  const struct netdev *dev, const char *name)
{
	struct step step = { .kind = kind, .role = role, .index = dev ? dev->index : 0 };

	snprintf(step.key, sizeof(step.key), "%s", port->key);
	snprintf(step.object, sizeof(step.object), "%s", name);
	return step;
}

/** add_names() - the other names, and a MAC address that was changed */
static int add_names(const struct planning *p, const struct plan_port *port, enum role role,
		     const struct netdev *dev, const json_t *saved)
{
	struct step step =
		interface_step(port, STEP_ALTNAME, role, dev, ledger_text(saved, "name"));
	const json_t *names = json_object_get(saved, "altnames"), *name;
	uint8_t mac[6];
	int err = 0;
	size_t i;

	json_array_foreach(names, i, name) {
		step.entry = name;
		if (!err && !(dev && netdev_has_altname(dev, json_string_value(name))))
			err = plan_add(p->host, p->plan, &step);
	}
	step.kind = STEP_MAC;
	step.entry = json_object_get(saved, "mac");
	if (err || !step.entry || mac_parse(json_string_value(step.entry), mac) ||
	    (dev && !memcmp(dev->mac, mac, sizeof(mac))))
		return err;
	return plan_add(p->host, p->plan, &step);
}

/** add_interface() - names, addresses and MTU of an interface, as they were */
static int add_interface(const struct planning *p, const struct plan_port *port, enum role role,
			 const struct netdev *dev, const json_t *saved)
{
	const char *name = ledger_text(saved, "name");
	json_int_t mtu = ledger_number(saved, "mtu");
	struct step step;
	int err = 0;

	if (!dev || strcmp(dev->name, name)) {
		step = interface_step(port, STEP_RENAME, role, dev, name);
		err = plan_add(p->host, p->plan, &step);
	}
	if (!err)
		err = add_names(p, port, role, dev, saved);
	if (!err && mtu > 0 && (!dev || dev->mtu != (unsigned long)mtu)) {
		step = interface_step(port, STEP_MTU, role, dev, name);
		step.before = dev ? dev->mtu : 0;
		step.after = (unsigned long)mtu;
		err = plan_add(p->host, p->plan, &step);
	}
	return err;
}

/** add_link() - up, if it was */
static int add_link(const struct planning *p, const struct plan_port *port, enum role role,
		    const struct netdev *dev, const json_t *saved)
{
	struct step step =
		interface_step(port, STEP_LINK_UP, role, dev, ledger_text(saved, "name"));

	if (!json_is_true(json_object_get(saved, "up")) || netdev_is_up(dev))
		return 0;
	return plan_add(p->host, p->plan, &step);
}

/** add_managers() - the port is theirs again, as far as they were told that it is not */
static int add_managers(const struct planning *p, const struct plan_port *port, bool rebound)
{
	const struct mana_port *is = port->port;
	const struct netdev *dev = !is || rebound ? NULL : is->synthetic ? is->synthetic : is->vf;
	enum role role = is && *is->uuid ? ROLE_SYNTHETIC : ROLE_VF;
	int err = 0;

	for (enum manager i = 0; !err && i < MANAGERS; i++) {
		struct step step = interface_step(port, STEP_MANAGE, role, dev, port->name);
		bool told = unmanage_has(p->host, i, port->key), noted = false;

		snprintf(step.driver, sizeof(step.driver), "%s", manager_name(i));
		snprintf(step.vf, sizeof(step.vf), "%s", port->vf);
		/* The file may be gone already, and the manager not know it yet. */
		for (size_t j = 0; j < p->ledger->n_steps; j++) {
			const struct ledger_step *done = &p->ledger->step[j];
			json_int_t grip = ledger_number(done->record, "grip");

			if (done->undone || !done->port || strcmp(done->port, port->key) ||
			    strcmp(ledger_text(done->record, "manager"), step.driver))
				continue;
			if (!noted) /* later ones found it as a setup had left it */
				step.vf_too = json_is_true(json_object_get(done->record, "vf"));
			told = noted = true;
			if (grip > (json_int_t)step.after)
				step.after = (unsigned long)grip;
		}
		if (told)
			err = plan_add(p->host, p->plan, &step);
	}
	return err;
}

/** add_entries() - the addresses or the routes of an interface */
static int add_entries(const struct planning *p, const struct plan_port *port, enum role role,
		       const struct netdev *dev, const json_t *saved, enum step_kind kind)
{
	const json_t *list = json_object_get(saved, kind == STEP_ADDRESS ? "addresses" : "routes");
	const json_t *entry;
	int err = 0;
	size_t i;

	json_array_foreach(list, i, entry) {
		struct step step =
			interface_step(port, kind, role, dev, ledger_text(saved, "name"));

		step.saved = saved;
		step.entry = entry;
		err = plan_add(p->host, p->plan, &step);
		if (err)
			return err;
	}
	return 0;
}

/**
 * add_states() - both interfaces as the journal has them
 *
 * The managers come before the links and addresses: NetworkManager would take an interface that has
 * some for another's, and networkd removes what is not its own when it takes one over. They come
 * after the VF has joined: until then it is an interface like others to them.
 */
static int add_states(const struct planning *p, const struct plan_port *port, bool rebound,
		      const json_t *record)
{
	const json_t *saved[2] = { json_object_get(record, "synthetic"),
				   json_object_get(record, "vf") };
	const struct netdev *dev[2] = { rebound ? NULL : port->port->synthetic, port->port->vf };
	static const enum role roles[2] = { ROLE_SYNTHETIC, ROLE_VF };
	static const enum step_kind lists[2] = { STEP_ADDRESS, STEP_ROUTE };
	int err = 0;

	/* Only the host can bring back a VF that is gone. */
	if (!dev[1])
		saved[1] = NULL;
	for (size_t i = 0; !err && i < 2; i++)
		if (saved[i])
			err = add_interface(p, port, roles[i], dev[i], saved[i]);
	if (!err && saved[1] && json_object_get(saved[1], "master") && rebound) {
		struct step step = interface_step(port, STEP_JOIN, ROLE_VF, dev[1], dev[1]->name);

		err = plan_add(p->host, p->plan, &step);
	}
	if (!err)
		err = add_managers(p, port, rebound);
	for (size_t i = 0; !err && i < 2; i++)
		if (saved[i])
			err = add_link(p, port, roles[i], dev[i], saved[i]);
	for (size_t list = 0; !err && list < 2; list++)
		for (size_t i = 0; !err && i < 2; i++)
			if (saved[i])
				err = add_entries(p, port, roles[i], dev[i], saved[i], lists[list]);
	return err;
}

/** add_up() - both links up, of a port whose state was not recorded */
static int add_up(const struct planning *p, const struct plan_port *port, bool rebound)
{
	const struct netdev *dev[2] = { rebound ? NULL : port->port->synthetic, port->port->vf };
	int err = 0;

	for (size_t i = 0; !err && i < 2; i++) {
		struct step step;

		if (dev[i] ? netdev_is_up(dev[i]) : i || !rebound)
			continue;
		step = interface_step(port, STEP_LINK_UP, i ? ROLE_VF : ROLE_SYNTHETIC, dev[i],
				      dev[i] ? dev[i]->name : port->uuid);
		err = plan_add(p->host, p->plan, &step);
	}
	return err;
}

/** add_override() - let the kernel's driver bind the device again; with the override it had before */
static int add_override(const struct planning *p, const struct plan_port *port,
			const struct ledger_port *known)
{
	const char *before = known ? ledger_text(known->saved, "override") : "";
	struct step step = { .kind = STEP_OVERRIDE };
	char now[32];

	/* Another driver's name was not written by setup; with its own, there is no way back. */
	if (vmbus_override(p->host, port->uuid, now) || strcmp(now, DRIVER_USER) != 0)
		return 0;
	strcpy(step.key, port->key);
	strcpy(step.object, port->uuid);
	if (strcmp(before, DRIVER_USER) != 0)
		snprintf(step.driver, sizeof(step.driver), "%s", before);
	return plan_add(p->host, p->plan, &step);
}

/** add_steps() - all of a port */
static int add_steps(const struct planning *p, const struct plan_port *port)
{
	const struct ledger_port *known = ledger_find(p->ledger, port->key);
	struct step step = { .kind = STEP_UNBIND, .driver = DRIVER_USER };
	bool rebound;
	int err = 0;

	if (port->gone)
		return add_managers(p, port, false);
	rebound = *port->uuid &&
		  (!strcmp(port->port->vmbus_driver, DRIVER_USER) || !*port->port->vmbus_driver);
	strcpy(step.key, port->key);
	strcpy(step.object, port->uuid);
	if (rebound && *port->port->vmbus_driver)
		err = plan_add(p->host, p->plan, &step);
	if (!err && *port->uuid)
		err = add_override(p, port, known);
	step.kind = STEP_BIND;
	strcpy(step.driver, DRIVER_KERNEL);
	if (!err && rebound)
		err = plan_add(p->host, p->plan, &step);
	if (!err && known && (rebound || known->touched || known->restoring))
		err = add_states(p, port, rebound, known->saved);
	else if (!err)
		err = add_managers(p, port, rebound);
	/* If it was handed over by hand before setup ran, its interface was never seen. */
	if (!err && (!known || (rebound && !json_object_get(known->saved, "synthetic"))))
		err = add_up(p, port, rebound);
	return err;
}

/** add_pages() - as many hugepages as before, unless their number was changed since */
static int add_pages(const struct planning *p, struct hugepages_found *found,
		     const struct ledger_step *done)
{
	struct step step = { .kind = STEP_HUGEPAGES,
			     .node = (int)ledger_number(done->record, "node"),
			     .kib = (unsigned int)ledger_number(done->record, "kib"),
			     .after = (unsigned long)ledger_number(done->record, "before"),
			     .undoes = done->number };
	unsigned long wanted = (unsigned long)ledger_number(done->record, "after");

	for (size_t i = 0; i < found->n; i++) {
		struct hugepage *page = &found->page[i];
		bool ours = done->done ? page->total == wanted
				       : page->total > step.after && page->total <= wanted;

		if (page->node != step.node || page->kib != step.kib || !ours)
			continue;
		step.before = page->total;
		page->total = step.after;
		return plan_add(p->host, p->plan, &step);
	}
	return 0;
}

/** add_shared() - the steps that belong to no port, the last first */
static int add_shared(const struct planning *p)
{
	struct step remove_id = { .kind = STEP_REMOVE_ID, .driver = DRIVER_USER };
	struct hugepages_found found = { 0 };
	int err = hugepages_read(p->host, &found);

	if (err == -ENOENT)
		err = 0;
	for (size_t i = p->ledger->n_steps; !err && i-- > 0;) {
		const struct ledger_step *step = &p->ledger->step[i];

		if (step->port || step->undone || step->number <= p->since ||
		    (step->done && !step->changed))
			continue;
		if (!strcmp(step->kind, step_kind_name(STEP_HUGEPAGES)))
			err = add_pages(p, &found, step);
		if (!strcmp(step->kind, step_kind_name(STEP_NEW_ID))) {
			remove_id.undoes = step->number;
			err = plan_add(p->host, p->plan, &remove_id);
		}
	}
	hugepages_found_free(&found);
	return err;
}

/** none_left() - is every port that is not back yet in the plan? */
static bool none_left(const struct planning *p)
{
	for (size_t i = 0; i < p->ledger->n_ports; i++)
		if (!p->ledger->port[i].restored && !plan_find(p->plan, p->ledger->port[i].key))
			return false;
	return true;
}

/** add_unpersist() - the unit's line of a port, or (NULL) of all */
static int add_unpersist(const struct planning *p, const char *key)
{
	struct step step = { .kind = STEP_UNPERSIST };

	if (!persist_has(p->host, key))
		return 0;
	if (key)
		snprintf(step.key, sizeof(step.key), "%s", key);
	return plan_add(p->host, p->plan, &step);
}

/** planned() - @err, with a sentence for the user if there is none yet */
static int planned(const struct planning *p, int err)
{
	if (!err || *p->error->text)
		return err;
	return plan_fail(p, err, "cannot plan the restore: %s", error_reason(-err));
}

int plan_restore(const struct plan_from *from, struct plan *plan, struct error *error)
{
	struct planning p = planning_begin(from, plan, error);
	int err = 0;

	if (!from->n_words)
		err = add_all(&p);
	for (size_t i = 0; !err && i < from->n_words; i++)
		err = add_word(&p, from->words[i]);
	for (size_t i = 0; !err && i < plan->n_ports; i++)
		err = add_steps(&p, &plan->port[i]);
	if (!err && none_left(&p))
		err = add_shared(&p);
	if (!err && !from->n_words)
		err = add_unpersist(&p, NULL);
	for (size_t i = 0; !err && from->n_words && i < plan->n_ports; i++)
		err = add_unpersist(&p, plan->port[i].key);
	if (!err)
		err = kernel_bugs_add(&p);
	return planned(&p, err);
}

/** unit_changed() - has a setup after step @since written the port's line of the unit? */
static bool unit_changed(const struct planning *p, const char *key)
{
	for (size_t i = 0; i < p->ledger->n_steps; i++) {
		const struct ledger_step *step = &p->ledger->step[i];

		if (step->number > p->since && step->port && !strcmp(step->port, key) &&
		    !strcmp(step->kind, step_kind_name(STEP_PERSIST)))
			return true;
	}
	return false;
}

int plan_undo(const struct plan_from *from, json_int_t since, struct plan *plan,
	      struct error *error)
{
	struct planning p = planning_begin(from, plan, error);
	int err = 0;

	p.since = since;
	for (size_t i = 0; !err && i < from->n_words; i++) {
		const struct ledger_port *known = ledger_find(from->ledger, from->words[i]);

		if (known)
			err = add_port(&p, planning_port(&p, known->key), known);
	}
	for (size_t i = 0; !err && i < plan->n_ports; i++)
		err = add_steps(&p, &plan->port[i]);
	if (!err)
		err = add_shared(&p);
	for (size_t i = 0; !err && i < plan->n_ports; i++)
		if (unit_changed(&p, plan->port[i].key))
			err = add_unpersist(&p, plan->port[i].key);
	return planned(&p, err);
}
