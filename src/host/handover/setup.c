/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: before a step is made, the journal says so; after it, that it is done. A
 * port's interfaces are written down, with all they will lose, before the first step that touches
 * them. So whenever the process ends, the journal tells at least of all that was changed, and
 * plan_restore() makes of it and of the machine as it is the way back.
 *
 * There is one way back. A step that fails takes it at once, for the ports and steps of its own
 * run; restore takes it for those it is told. Its steps each drive at a state, so the journal
 * only needs to know that a port's way back has begun, and when it is over.
 */
#include "host/handover/setup.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/handover/appear.h"
#include "host/machine/hugepage.h"
#include "host/machine/module.h"
#include "host/handover/persist.h"
#include "host/handover/saved.h"

#define CHANGED   1    /* what a step returns if it changed something; 0: there was nothing to do */
#define MOVE_MS   3000 /* until a driver has a device, or has it no more */
#define APPEAR_MS 10000 /* until its interface is there */
#define NAME_MS   1000  /* until others have given it its name */
#define JOIN_MS   3000  /* until the VF is joined under it */
#define ROUTE_MS  3000  /* until duplicate address detection lets go of an address */

/**
 * struct carrying - a plan being carried out
 * @back:	it is a way back
 */
struct carrying {
	const struct host *host;
	struct journal *journal;
	struct plan *plan;
	setup_told *told;
	void *arg;
	bool back;
	struct error *error;
};

__attribute__((format(printf, 3, 4))) static int why(struct step *step, int err, const char *format,
						     ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(step->why, sizeof(step->why), format, ap);
	va_end(ap);
	return err;
}

/** came_back() - the number of a port's synthetic interface; 0: it is not there */
static int came_back(const struct carrying *c, struct plan_port *port)
{
	if (!port->index)
		port->index = appear_find(c->host, port->uuid, NULL);
	return port->index;
}

/** interface_of() - the number of the interface that a step is about; 0: it is not there */
static int interface_of(const struct carrying *c, const struct step *step)
{
	struct plan_port *port = plan_find(c->plan, step->key);

	if (step->index)
		return step->index;
	return port && step->role == ROLE_SYNTHETIC ? came_back(c, port) : 0;
}

/** moved_of() - interfaces of a port that have another number than when they were saved */
static size_t moved_of(const struct carrying *c, const struct ledger_port *known,
		       struct saved_index moved[2])
{
	struct plan_port *port = plan_find(c->plan, known->key);
	const json_t *saved = json_object_get(known->saved, "synthetic");
	size_t n = 0;

	if (saved && port && *port->uuid)
		moved[n++] = (struct saved_index){ (int)ledger_number(saved, "index"),
						   came_back(c, port) };
	saved = json_object_get(known->saved, "vf");
	if (saved && port && port->port && port->port->vf)
		moved[n++] = (struct saved_index){ (int)ledger_number(saved, "index"),
						   port->port->vf->index };
	return n;
}

/** do_hugepages() - set their number */
static int do_hugepages(const struct carrying *c, struct step *step)
{
	struct hugepages_found found;
	int err = hugepages_set(c->host, step->node, step->kib, step->after);

	if (err != -ENOMEM)
		return err ? err : CHANGED;
	if (!hugepages_read(c->host, &found))
		for (size_t i = 0; i < found.n; i++)
			if (found.page[i].node == step->node && found.page[i].kib == step->kib)
				why(step, err,
				    "the kernel found only %lu: the rest of the memory is in use "
				    "or "
				    "in small pieces; ask for fewer with --hugepages, or restart "
				    "the machine",
				    found.page[i].total);
	hugepages_found_free(&found);
	return err;
}

/** do_move() - take a device from a driver, or give it to one, and see that it is so */
static int do_move(const struct carrying *c, struct step *step)
{
	bool bind = step->kind == STEP_BIND;
	int err = bind ? vmbus_bind(c->host, step->driver, step->object)
		       : vmbus_unbind(c->host, step->driver, step->object);

	if (!err)
		err = appear_driver(c->host, step->object, bind ? step->driver : NULL, MOVE_MS);
	if (!err && bind && !strcmp(step->driver, DRIVER_KERNEL)) {
		err = appear_wait(c->host, step->object, APPEAR_MS);
		if (err == -ETIMEDOUT)
			return why(step, err,
				   "its interface did not appear within %d seconds; 'dmesg | tail' "
				   "shows the kernel's reason, then run it again",
				   APPEAR_MS / 1000);
	}
	if (err == -ENOENT && !host_exists(c->host, "/sys/bus/vmbus/devices/%s", step->object))
		return why(step, -ENODEV, "the device is gone from this machine");
	if (err == -ETIMEDOUT)
		return why(step, err, "the kernel took the command, but nothing came of it");
	return err ? err : CHANGED;
}

/** do_rename() - give the interface its name again, if nobody else does */
static int do_rename(const struct carrying *c, struct step *step)
{
	char name[IFNAMSIZ] = "";
	int index = interface_of(c, step), err;

	if (!index)
		return -ENODEV;
	err = appear_named(index, step->object, NAME_MS, name);
	if (!err || err == -ENODEV)
		return err;
	err = appear_rename(index, step->object);
	if (err) {
		why(step, 0, "it is called %s now: %s", name, strerror(-err));
		return 0;
	}
	return CHANGED;
}

/** do_join() - wait for the VF; an older kernel may not bring it back */
static int do_join(const struct carrying *c, struct step *step)
{
	const struct plan_port *port = plan_find(c->plan, step->key);
	int err = appear_joined(c->host, step->index, port->uuid, JOIN_MS);

	if (err)
		why(step, 0,
		    "it is not joined yet; the kernel does that when the host tells it to, and "
		    "before Linux 6.7 at the next restart at the latest");
	return 0;
}

static int do_module(const struct carrying *c, struct step *step)
{
	struct error error;
	int err = module_load(c->host, step->object, &error);

	if (err)
		snprintf(step->why, sizeof(step->why), "%.255s", error.text);
	return err ? err : CHANGED;
}

/** do_entry() - an address or route; what stands in its way must not hold up the rest */
static int do_entry(const struct carrying *c, struct step *step)
{
	struct saved_index moved[2];
	const struct ledger_port *known;
	struct ledger ledger;
	struct error error;
	size_t n = 0;
	int err;

	err = ledger_read(c->journal->records, &ledger, &error);
	if (err)
		snprintf(step->why, sizeof(step->why), "%.255s", error.text);
	known = err ? NULL : ledger_find(&ledger, step->key);
	if (known)
		n = moved_of(c, known, moved);
	ledger_free(&ledger);
	if (err)
		return err;
	err = saved_put(step->saved, step->entry, moved, n);
	/* A route may have to wait until its source address is known to be nobody else's. */
	for (int ms = 0; err && step->kind == STEP_ROUTE && ms < ROUTE_MS && err != -EPERM;
	     ms += 50) {
		appear_pause(50);
		err = saved_put(step->saved, step->entry, moved, n);
	}
	return err ? err : CHANGED;
}

/** make() - one step; CHANGED, 0 or a negative errno */
static int make(const struct carrying *c, struct step *step)
{
	int err, index = interface_of(c, step);
	char *text;

	switch (step->kind) {
	case STEP_HUGEPAGES:
		return do_hugepages(c, step);
	case STEP_MODULE:
		return do_module(c, step);
	case STEP_NEW_ID:
		err = vmbus_new_id(c->host, step->driver);
		return err < 0 ? err : !err; /* 1: it knew the class */
	case STEP_REMOVE_ID:
		err = vmbus_remove_id(c->host, step->driver);
		return err ? err : CHANGED;
	case STEP_UNBIND:
	case STEP_BIND:
		return do_move(c, step);
	case STEP_LINK_DOWN:
	case STEP_LINK_UP:
		err = index ? netdev_set_up(index, step->kind == STEP_LINK_UP) : -ENODEV;
		if (err == -ENODEV)
			why(step, err, "the interface is gone");
		return err ? err : CHANGED;
	case STEP_MTU:
		err = index ? netdev_set_mtu(index, (unsigned int)step->after) : -ENODEV;
		return err ? err : CHANGED;
	case STEP_RENAME:
		return do_rename(c, step);
	case STEP_JOIN:
		return do_join(c, step);
	case STEP_ADDRESS:
	case STEP_ROUTE:
		return do_entry(c, step);
	case STEP_PERSIST:
	case STEP_UNPERSIST:
		err = persist_text(c->host, *step->key ? step->key : NULL,
				   step->kind == STEP_PERSIST ? step->object : NULL, &text);
		if (!err) {
			err = persist_put(c->host, text);
			free(text);
		}
		return err ? err : CHANGED;
	}
	return -EINVAL;
}

/** make_and_tell() - likewise, and fill in the step's state */
static int make_and_tell(const struct carrying *c, struct step *step)
{
	int err = make(c, step);

	step->state = err < 0 ? STEP_FAILED : err == CHANGED ? STEP_DONE : STEP_UNCHANGED;
	if (err < 0 && !*step->why)
		why(step, err, "%s", strerror(-err));
	if (c->told)
		c->told(c->arg, step, c->back);
	return err;
}

static int append(const struct carrying *c, json_t *record)
{
	return journal_append(c->journal, record, c->error);
}

/** announce() - a step, before it is made */
static int announce(const struct carrying *c, const struct step *step, json_int_t number)
{
	json_t *record = json_pack("{s:I, s:s, s:s}", "step", number, "kind",
				   step_kind_name(step->kind), "command", step->command);
	int err = record ? 0 : -ENOMEM;

	/* What is a port's is found again by its key. */
	if (*step->key)
		err |= json_object_set_new(record, "port", json_string(step->key));
	if (step->kind == STEP_HUGEPAGES) {
		err |= json_object_set_new(record, "node", json_integer(step->node));
		err |= json_object_set_new(record, "kib", json_integer(step->kib));
		err |= json_object_set_new(record, "before",
					   json_integer((json_int_t)step->before));
		err |= json_object_set_new(record, "after", json_integer((json_int_t)step->after));
	}
	if (err) {
		json_decref(record);
		record = NULL;
	}
	return append(c, record);
}

/** save() - write down a port as it is; from the interfaces themselves, as they may have changed */
static int save(const struct carrying *c, const struct plan_port *port, const struct netdevs *now)
{
	const struct netdev *dev[2] = { port->port->synthetic, port->port->vf };
	static const char *const names[2] = { "synthetic", "vf" };
	json_t *record = json_pack("{s:s, s:s, s:s}", "save", port->key, "uuid", port->uuid, "pmd",
				   port->netvsc ? "netvsc" : "mana");
	int err = record ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < 2; i++) {
		json_t *saved;

		if (!dev[i])
			continue;
		err = saved_interface(now, dev[i], &saved);
		if (!err && json_object_set_new(record, names[i], saved))
			err = -ENOMEM;
	}
	if (err) {
		json_decref(record);
		error_say(c->error, "cannot write down the state of %s: %s",
			 port->name, strerror(-err));
		return err;
	}
	return append(c, record);
}

/** undo() - a setup has failed: take back what it did */
static void undo(const struct carrying *c, json_int_t since)
{
	struct machine machine = { 0 };
	struct ledger ledger = { 0 };
	struct plan plan = { 0 };
	struct error first = *c->error, second = { "" };
	const char **keys = calloc(c->plan->n_ports + 1, sizeof(*keys));
	size_t n = 0;
	int err = keys ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < c->plan->n_ports; i++)
		if (c->plan->port[i].steps)
			keys[n++] = c->plan->port[i].key;
	if (!err)
		err = machine_read(c->host, &machine, &second);
	if (!err)
		err = ledger_read(c->journal->records, &ledger, &second);
	if (!err)
		err = plan_undo(c->host, &machine, &ledger, keys, n, since, &plan, &second);
	if (!err)
		err = setup_restore(c->host, c->journal, &plan, c->told, c->arg, &second);
	error_say(c->error, err ? "%.600s; and it could not all be undone: %.300s; run 'manakin restore --all'"
		     : "%s; everything is as it was",
		 first.text, second.text);
	plan_free(&plan);
	ledger_free(&ledger);
	machine_free(&machine);
	free(keys);
}

/** highest_step() - of the journal */
static int highest_step(const struct carrying *c, json_int_t *number)
{
	struct ledger ledger;
	int err = ledger_read(c->journal->records, &ledger, c->error);

	*number = ledger.last_step;
	ledger_free(&ledger);
	return err;
}

/** interrupted() - does somebody want an end? The caller of setup_carry_out() has blocked these */
static bool interrupted(void)
{
	sigset_t pending;

	return !sigpending(&pending) &&
	       (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
		sigismember(&pending, SIGHUP));
}

/** forward() - save, make, and mark as handed over; see setup_carry_out() */
static int forward(const struct carrying *c, const struct netdevs *now, json_int_t number)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->plan->n_ports; i++)
		if (c->plan->port[i].steps && c->plan->port[i].save)
			err = save(c, &c->plan->port[i], now);
	for (size_t i = 0; !err && i < c->plan->n_steps; i++) {
		struct step *step = &c->plan->step[i];

		if (interrupted()) {
			error_say(c->error, "interrupted");
			err = -EINTR;
			break;
		}
		err = announce(c, step, ++number);
		if (err)
			break;
		err = make_and_tell(c, step);
		if (err < 0) {
			error_say(c->error, "%s: %s", step->what, step->why);
			break;
		}
		err = append(c, json_pack("{s:I, s:b}", "done", number, "changed", err == CHANGED));
	}
	for (size_t i = 0; !err && i < c->plan->n_ports; i++)
		if (c->plan->port[i].steps || c->plan->port[i].journalled)
			err = append(c, json_pack("{s:s}", "ready", c->plan->port[i].key));
	return err;
}

int setup_carry_out(const struct host *host, struct journal *journal, struct plan *plan,
		    setup_told *told, void *arg, struct error *error)
{
	struct carrying c = { host, journal, plan, told, arg, false, error };
	struct netdevs now;
	json_int_t since;
	int err = highest_step(&c, &since);

	if (err)
		return err;
	err = netdevs_read(host, &now);
	if (err)
		error_say(error, "cannot read the network interfaces: %s",
			 strerror(-err));
	else
		err = forward(&c, &now, since);
	netdevs_free(&now);
	if (err)
		undo(&c, since);
	return err;
}

/** finish() - of a way back: what is over, and if it is all, the journal */
static int finish(const struct carrying *c)
{
	struct ledger ledger;
	size_t left;
	int err = 0;

	for (size_t i = 0; !err && i < c->plan->n_ports; i++)
		if (c->plan->port[i].journalled)
			err = append(c, json_pack("{s:s}", "restored", c->plan->port[i].key));
	for (size_t i = 0; !err && i < c->plan->n_steps; i++)
		if (c->plan->step[i].undoes)
			err = append(c, json_pack("{s:I}", "undone", c->plan->step[i].undoes));
	if (err)
		return err;
	err = ledger_read(c->journal->records, &ledger, c->error);
	left = ledger_open_ports(&ledger);
	ledger_free(&ledger);
	return err || left ? err : journal_forget(c->journal, c->error);
}

/** say_failed() - which addresses and routes are not back, and what to type for them */
static void say_failed(const struct plan *plan, const struct step *first, struct error *error)
{
	error_say(error, "%s could not be given back: %s; to try by hand: ", first->what, first->why);
	for (const struct step *step = first; step < plan->step + plan->n_steps; step++)
		if (step->state == STEP_FAILED)
			error_add(error, "%s%s", step == first ? "" : " && ", step->command);
}

int setup_restore(const struct host *host, struct journal *journal, struct plan *plan,
		  setup_told *told, void *arg, struct error *error)
{
	struct carrying c = { host, journal, plan, told, arg, true, error };
	const struct step *failed = NULL; /* the first of those that hold up nothing */
	int err = 0, first = 0;

	for (size_t i = 0; !err && i < plan->n_ports; i++)
		if (plan->port[i].journalled)
			err = append(&c, json_pack("{s:s}", "restoring", plan->port[i].key));
	if (err)
		return err;
	for (size_t i = 0; i < plan->n_steps; i++) {
		struct step *step = &plan->step[i];

		err = make_and_tell(&c, step);
		if (err >= 0)
			continue;
		if (step->kind == STEP_ADDRESS || step->kind == STEP_ROUTE) {
			first = failed ? first : err;
			failed = failed ? failed : step;
			continue;
		}
		error_say(error, "%s: %s; run it again once that is mended: the journal is kept",
			 step->what, step->why);
		return err;
	}
	err = finish(&c);
	if (err || !failed)
		return err;
	say_failed(plan, failed, error);
	return first;
}
