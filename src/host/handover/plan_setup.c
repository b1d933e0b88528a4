/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plan of a setup. The order is the guide's, except for the modules: what may fail comes before
 * the links go down.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "host/machine/hugepage.h"
#include "host/machine/module.h"
#include "host/handover/in_use.h"
#include "host/handover/kernel_bugs.h"
#include "host/handover/loss.h"
#include "host/handover/persist.h"
#include "host/handover/planning.h"
#include "host/handover/unmanage.h"

/** find_port() - by any name, also one that it had before it was handed over */
static int find_port(const struct planning *p, const char *word, const struct mana_port **port)
{
	int err = machine_find(p->machine, word, port, p->error);
	const struct ledger_port *known = err == -ENODEV ? ledger_named(p->ledger, word) : NULL;

	if (!known)
		return err;
	*port = planning_port(p, known->key);
	if (*port)
		return 0;
	return plan_fail(p, -ENODEV,
			 "%s was handed over by setup, but its device %s is gone from "
			 "this machine; 'manakin restore %s' removes it from the journal",
			 word, known->key, word);
}

/** as_saved() - is an interface still the one that was recorded, and in the same state? */
static bool as_saved(const struct netdev *dev, const json_t *saved)
{
	if (!dev || !saved)
		return !dev && !saved;
	return dev->index == ledger_number(saved, "index") &&
	       netdev_is_up(dev) == json_is_true(json_object_get(saved, "up"));
}

/** was_unmanaged() - may a manager have taken the port's addresses away since it was recorded? */
static bool was_unmanaged(const struct planning *p, const char *key)
{
	for (size_t i = 0; i < p->ledger->n_steps; i++)
		if (!strcmp(p->ledger->step[i].kind, step_kind_name(STEP_UNMANAGE)) &&
		    p->ledger->step[i].port && !strcmp(p->ledger->step[i].port, key))
			return true;
	return false;
}

/**
 * must_save() - must the port's state be recorded?
 *
 * If its setup is half-done, the state in the journal is the one to go back to. If it was handed
 * over, and given back by hand since, its state is a new one.
 */
static bool must_save(const struct planning *p, const struct mana_port *port,
		      const struct ledger_port *known)
{
	if (!known)
		return true;
	/* With its device still at the driver for user space, something only set the VF up. */
	if (known->restoring || !strcmp(port->vmbus_driver, DRIVER_USER))
		return false;
	if (as_saved(port->synthetic, json_object_get(known->saved, "synthetic")) &&
	    as_saved(port->vf, json_object_get(known->saved, "vf")) &&
	    !was_unmanaged(p, known->key))
		return true;
	return known->ready && (netdev_is_up(port->synthetic) || netdev_is_up(port->vf));
}

/** add_port() - add a port to the plan, if it can be handed over */
static int add_port(const struct planning *p, const char *word)
{
	enum setup_pmd pmd = p->options->pmd;
	const struct mana_port *port;
	struct plan_port *added;
	char key[KEY_TEXT];
	int err = find_port(p, word, &port);

	if (err)
		return err;
	if (port->adapter >= 0 && p->machine->adapter[port->adapter].kind == ADAPTER_SOFTWARE)
		return plan_fail(p, -ENOTSUP,
				 "%s is an adapter in software and needs no "
				 "setup; 'manakin run %s' uses it as it is",
				 word, word);
	if (port->adapter < 0 && !p->options->force)
		return plan_fail(p, -ENOTSUP,
				 "there is no MANA VF under %s: accelerated networking is "
				 "off, or this machine has another adapter; see manakin check",
				 port->name);
	if (pmd == PMD_NETVSC && !*port->uuid)
		return plan_fail(p, -ENOTSUP,
				 "%s has no synthetic interface on VMBus, "
				 "which DPDK's netvsc needs; use --pmd mana",
				 port->name);
	if (pmd == PMD_AUTO)
		pmd = *port->uuid ? PMD_NETVSC : PMD_MANA;
	if (pmd == PMD_MANA && port->owner == OWNER_NETVSC)
		return plan_fail(p, -EBUSY,
				 "%s is handed over to DPDK's netvsc, not to "
				 "its mana driver; first 'manakin restore %s'",
				 word, word);
	if (pmd == PMD_NETVSC && port->owner == OWNER_DPDK_MANA && !p->options->force)
		return plan_fail(p, -EBUSY,
				 "%s is in use by %s; stop that process first, or add --force",
				 word, port->users);
	/* What is built on an interface that is down is lost, too, when its device leaves. */
	if (!p->options->force && (netdev_is_up(port->synthetic) || netdev_is_up(port->vf) ||
				   (pmd == PMD_NETVSC && port->synthetic))) {
		err = in_use(&p->machine->netdevs, port->synthetic, port->vf, p->error);
		if (err)
			return err;
	}
	added = plan_add_port(p->plan, p->machine, p->ledger, port, port_key(port, key));
	if (!added)
		return plan_no_memory(p);
	added->netvsc = pmd == PMD_NETVSC;
	added->forced = p->options->force;
	added->save = must_save(p, port, ledger_find(p->ledger, key));
	return 0;
}

/** enough_memory() - does the node have the guide's amount of memory, in pages of any size? */
static bool enough_memory(const struct hugepages_found *found, int node)
{
	unsigned long kib = 0;

	for (size_t i = 0; i < found->n; i++)
		if (found->page[i].node == node)
			kib += found->page[i].total * found->page[i].kib;
	return kib >= PLAN_PAGES * PLAN_PAGES_KIB;
}

/** fits() - is there memory for @pages on each node, with those that are there? */
static bool fits(const struct planning *p, const struct hugepages_found *found, unsigned long pages)
{
	unsigned long kib, all, sum = 0;

	if (memory_available(p->host, -1, &all))
		return true;
	for (size_t i = 0; i < found->n; i++) {
		const struct hugepage *page = &found->page[i];
		unsigned long more = page->total < pages ? (pages - page->total) * page->kib : 0;

		/* As add_hugepages() */
		if (page->kib != p->options->kib ||
		    (!p->options->pages_asked && enough_memory(found, page->node)))
			continue;
		sum += more;
		if (sum > all ||
		    (page->node >= 0 && !memory_available(p->host, page->node, &kib) && more > kib))
			return false;
	}
	return true;
}

/** refuse_pages() - say how many hugepages can be had on each node */
static int refuse_pages(const struct planning *p, const struct hugepages_found *found)
{
	unsigned long good = 0, bad = p->options->pages;
	char size[24];

	while (bad - good > 1) {
		unsigned long middle = good + (bad - good) / 2;

		if (fits(p, found, middle))
			good = middle;
		else
			bad = middle;
	}
	hugepage_size_text(p->options->kib, size);
	if (!good)
		return plan_fail(p, -ENOMEM,
				 "there is not enough memory for a single hugepage of %s more; "
				 "free some memory",
				 size);
	return plan_fail(p, -ENOMEM,
			 "there is not enough memory for %lu hugepages of %s%s: at most %lu can be "
			 "had; free some memory, or add --hugepages %lu,%uk",
			 p->options->pages, size,
			 found->n && found->page[0].node >= 0 ? " on each node" : "", good, good,
			 p->options->kib);
}

/** add_hugepages() - on each node that has fewer */
static int add_hugepages(const struct planning *p)
{
	const struct setup_options *options = p->options;
	struct hugepages_found found;
	bool known = false, wanted = false;
	int err = hugepages_read(p->host, &found);

	for (size_t i = 0; !err && i < found.n; i++) {
		const struct hugepage *page = &found.page[i];
		struct step step = { .kind = STEP_HUGEPAGES,
				     .node = page->node,
				     .kib = page->kib,
				     .before = page->total,
				     .after = options->pages };

		if (page->kib != options->kib)
			continue;
		known = true;
		if (page->total >= options->pages ||
		    (!options->pages_asked && enough_memory(&found, page->node)))
			continue;
		wanted = true;
		err = plan_add(p->host, p->plan, &step);
	}
	if (!err && wanted && !fits(p, &found, options->pages))
		err = refuse_pages(p, &found);
	hugepages_found_free(&found);
	if (err && *p->error->text)
		return err;
	if (err)
		return plan_fail(p, err, "cannot read the numbers of hugepages: %s",
				 error_reason(-err));
	if (!known && options->pages)
		return plan_fail(p, -ENOENT,
				 "this machine does not support hugepages of %u kB; "
				 "/sys/kernel/mm/hugepages lists its sizes, usually 2M and 1G",
				 options->kib);
	return 0;
}

/** add_module() - load it, if it is not loaded */
static int add_module(const struct planning *p, const char *name)
{
	struct step step = { .kind = STEP_MODULE };
	enum module_state state;
	int err = module_state(p->host, name, &state);

	if (err)
		return plan_fail(p, err,
				 "cannot determine whether the kernel has the module %s: %s", name,
				 error_reason(-err));
	if (state == MODULE_MISSING)
		return plan_fail(p, -ENOENT,
				 "the kernel has no module %s, without which DPDK "
				 "cannot drive the adapter; see manakin check",
				 name);
	if (state != MODULE_PRESENT)
		return 0;
	snprintf(step.object, sizeof(step.object), "%s", name);
	return plan_add(p->host, p->plan, &step) ? plan_no_memory(p) : 0;
}

/** add_managers() - tell those that are there to leave a port alone, if they are not told yet */
static int add_managers(const struct planning *p, const struct managers *managers,
			const struct plan_port *port)
{
	const struct netdev *dev = port->port->synthetic ? port->port->synthetic : port->port->vf;
	char path[UNMANAGE_PATH];
	int err = 0;

	for (enum manager i = 0; !err && i < MANAGERS; i++) {
		struct step step = { .kind = STEP_UNMANAGE, .index = dev ? dev->index : 0 };

		if (!managers->there[i] || !unmanage_path(i, port->key, path) ||
		    unmanage_is(p->host, i, port->key))
			continue;
		strcpy(step.key, port->key);
		snprintf(step.object, sizeof(step.object), "%s", port->name);
		snprintf(step.driver, sizeof(step.driver), "%s", manager_name(i));
		if (managers->running[i] && dev)
			step.before = manager_grip(p->host, i, dev->index);
		if (managers->running[i] && port->port->vf)
			step.vf_too = manager_grip(p->host, i, port->port->vf->index) > GRIP_NONE;
		err = plan_add(p->host, p->plan, &step);
	}
	return err;
}

/** add_links() - both interfaces of a port down */
static int add_links(const struct planning *p, const struct plan_port *port)
{
	const struct netdev *dev[2] = { port->port->synthetic, port->port->vf };
	int err = 0;

	for (size_t i = 0; !err && i < 2; i++) {
		struct step step = { .kind = STEP_LINK_DOWN, .role = i ? ROLE_VF : ROLE_SYNTHETIC };

		if (!netdev_is_up(dev[i]))
			continue;
		step.index = dev[i]->index;
		strcpy(step.key, port->key);
		snprintf(step.object, sizeof(step.object), "%s", dev[i]->name);
		err = plan_add(p->host, p->plan, &step);
	}
	return err;
}

/** to_move() - is the port's VMBus device to be bound to the driver for user space? */
static bool to_move(const struct plan_port *port)
{
	return port->netvsc && strcmp(port->port->vmbus_driver, DRIVER_USER) != 0;
}

/** add_move() - a port's VMBus device to the driver for user space */
static int add_move(const struct planning *p, const struct plan_port *port)
{
	const char *driver = port->port->vmbus_driver;
	struct step step = { .kind = STEP_OVERRIDE, .driver = DRIVER_USER };
	char only[32];
	int err = 0;

	if (!to_move(port))
		return 0;
	strcpy(step.key, port->key);
	snprintf(step.object, sizeof(step.object), "%s", port->uuid);
	if (!vmbus_override(p->host, port->uuid, only) && strcmp(only, DRIVER_USER) != 0)
		err = plan_add(p->host, p->plan, &step);
	step.kind = STEP_UNBIND;
	if (!err && *driver) {
		snprintf(step.driver, sizeof(step.driver), "%s", driver);
		err = plan_add(p->host, p->plan, &step);
	}
	step.kind = STEP_BIND;
	strcpy(step.driver, DRIVER_USER);
	return err ? err : plan_add(p->host, p->plan, &step);
}

/** add_persist() - a line of the unit */
static int add_persist(const struct planning *p, const struct plan_port *port)
{
	const struct setup_options *options = p->options;
	struct step step = { .kind = STEP_PERSIST };
	int len;

	if (!host_exists(p->host, PERSIST_DIRECTORY))
		return plan_fail(
			p, -ENOENT,
			"--persist needs systemd, and this machine has no " PERSIST_DIRECTORY);
	if (options->program[strcspn(options->program, " \t\r\n\"'\\%$")])
		return plan_fail(p, -EINVAL,
				 "--persist: the path of this program, %s, has characters with "
				 "a special meaning in a systemd unit; install it elsewhere",
				 options->program);
	strcpy(step.key, port->key);
	len = snprintf(step.object, sizeof(step.object), "%s setup --pmd %s --hugepages %lu,%uk%s",
		       options->program, port->netvsc ? "netvsc" : "mana", options->pages,
		       options->kib, options->force ? " --force" : "");
	if (len >= (int)sizeof(step.object))
		return plan_fail(p, -ENAMETOOLONG,
				 "--persist: the path of this program is too long");
	if (persist_is(p->host, port->key, step.object))
		return 0;
	return plan_add(p->host, p->plan, &step) ? plan_no_memory(p) : 0;
}

/** add_modules() - what the ports need of the kernel */
static int add_modules(const struct planning *p)
{
	bool netvsc = false;
	int err = 0;

	for (size_t i = 0; i < p->plan->n_ports; i++)
		netvsc |= p->plan->port[i].netvsc;
	if (netvsc)
		err = add_module(p, DRIVER_USER);
	if (!err)
		err = add_module(p, "mana_ib");
	return err ? err : add_module(p, "ib_uverbs");
}

/** ids_wanted() - is a device to be bound, and the kernel has no driver_override? */
static bool ids_wanted(const struct planning *p)
{
	char only[32];

	for (size_t i = 0; i < p->plan->n_ports; i++)
		if (to_move(&p->plan->port[i]) &&
		    vmbus_override(p->host, p->plan->port[i].uuid, only) == -ENOENT)
			return true;
	return false;
}

/**
 * add_moves() - all devices to the driver for user space
 *
 * That driver does not know network devices by itself. With driver_override it binds these and no
 * others. An older kernel has only new_id, with which the driver takes any network device without
 * a driver, also one that the host offers later; so it is removed when the devices are bound. The
 * kernel does not show which classes a driver has; it refuses one that is added twice.
 */
static int add_moves(const struct planning *p)
{
	struct step step = { .kind = STEP_NEW_ID, .driver = DRIVER_USER };
	bool ids = ids_wanted(p);
	int err = 0;

	if (ids) {
		err = plan_add(p->host, p->plan, &step);
		step.undoes = p->ledger->last_step + (json_int_t)p->plan->n_steps;
	}
	for (size_t i = 0; !err && i < p->plan->n_ports; i++)
		err = add_move(p, &p->plan->port[i]);
	step.kind = STEP_REMOVE_ID;
	return err || !ids ? err : plan_add(p->host, p->plan, &step);
}

int plan_setup(const struct plan_from *from, const struct setup_options *options, struct plan *plan,
	       struct error *error)
{
	struct planning p = planning_begin(from, plan, error);
	struct managers managers;
	int err = 0;

	p.options = options;
	managers_read(from->host, &managers);
	plan->setup = true;
	for (size_t i = 0; !err && i < from->n_words; i++)
		err = add_port(&p, from->words[i]);
	if (!err)
		err = add_hugepages(&p);
	if (!err)
		err = add_modules(&p);
	for (size_t i = 0; !err && i < plan->n_ports; i++)
		err = add_managers(&p, &managers, &plan->port[i]);
	for (size_t i = 0; !err && i < plan->n_ports; i++)
		err = add_links(&p, &plan->port[i]);
	if (!err)
		err = add_moves(&p);
	for (size_t i = 0; !err && options->program && i < plan->n_ports; i++)
		err = add_persist(&p, &plan->port[i]);
	if (!err)
		err = loss_add_all(&p);
	if (!err)
		err = kernel_bugs_add(&p);
	return err && !*error->text ? plan_no_memory(&p) : err;
}
