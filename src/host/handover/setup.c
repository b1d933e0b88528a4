/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: before a step is made, the journal says so; after it, that it is done. A
 * port's interfaces are recorded, with all they will lose, before the first step that touches
 * them. So whenever the process ends, the journal has at least all that was changed, and from it
 * and the current state of the machine, plan_restore() plans the way back.
 *
 * There is one way back, restore.c. Setup uses it at once when a step fails, for its own ports and
 * steps; the command `restore` uses it for the ports that the user names. Each of its steps aims
 * for a state, so the journal only needs to record when a port's restore begins and ends.
 */
#include "host/handover/setup.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "host/handover/in_use.h"
#include "host/handover/restore.h"
#include "host/handover/saved.h"

/** announce() - a step, before it is made */
static int announce(const struct carry *carry, const struct step *step, json_int_t number,
		    struct error *error)
{
	json_t *record = json_pack("{s:I, s:s, s:s}", "step", number, "kind",
				   step_kind_name(step->kind), "command", step->command);
	int err = record ? 0 : -ENOMEM;

	/* A port's step is found again by the port's key. */
	if (*step->key)
		err |= json_object_set_new(record, "port", json_string(step->key));
	if (step->kind == STEP_HUGEPAGES) {
		err |= json_object_set_new(record, "node", json_integer(step->node));
		err |= json_object_set_new(record, "kib", json_integer(step->kib));
		err |= json_object_set_new(record, "before",
					   json_integer((json_int_t)step->before));
		err |= json_object_set_new(record, "after", json_integer((json_int_t)step->after));
	}
	if (step->kind == STEP_UNMANAGE) {
		err |= json_object_set_new(record, "manager", json_string(step->driver));
		err |= json_object_set_new(record, "grip", json_integer((json_int_t)step->before));
		err |= json_object_set_new(record, "vf", json_boolean(step->vf_too));
	}
	if (err) {
		json_decref(record);
		record = NULL;
	}
	return carry_note(carry, record, error);
}

/** save() - record a port's state; from the interfaces themselves, as they may have changed */
static int save(const struct carry *carry, const struct plan_port *port, const struct netdevs *now,
		struct error *error)
{
	const struct netdev *dev[2] = { port->port->synthetic, port->port->vf };
	static const char *const names[2] = { "synthetic", "vf" };
	json_t *record = json_pack("{s:s, s:s, s:s}", "save", port->key, "uuid", port->uuid, "pmd",
				   port->netvsc ? "netvsc" : "mana");
	int err = record ? 0 : -ENOMEM;
	char only[32] = "";

	if (!err && !vmbus_override(carry->host, port->uuid, only) && *only &&
	    json_object_set_new(record, "override", json_string(only)))
		err = -ENOMEM;
	for (size_t i = 0; !err && i < 2; i++) {
		json_t *saved;

		if (!dev[i])
			continue;
		err = saved_interface(now, dev[i], port_factory_mac(port->port, dev[i]), &saved);
		if (!err && json_object_set_new(record, names[i], saved))
			err = -ENOMEM;
	}
	if (err) {
		json_decref(record);
		return error_fail(error, err, "cannot record the state of %s: %s", port->name,
				  error_reason(-err));
	}
	return carry_note(carry, record, error);
}

/** undo() - what this setup did up to a step that failed */
static int undo(const struct carry *carry, json_int_t since, struct error *error)
{
	struct machine machine = { 0 };
	struct ledger ledger = { 0 };
	struct plan plan = { 0 };
	struct carry back = *carry;
	const char **keys = calloc(carry->plan->n_ports + 1, sizeof(*keys));
	struct plan_from from = { carry->host, &machine, &ledger, keys, 0 };
	int err = keys ? 0 : error_fail(error, -ENOMEM, "out of memory");

	for (size_t i = 0; !err && i < carry->plan->n_ports; i++)
		if (carry->plan->port[i].steps)
			keys[from.n_words++] = carry->plan->port[i].key;
	if (!err)
		err = machine_read(carry->host, &machine, error);
	if (!err)
		err = ledger_read(carry->journal->records, &ledger, error);
	if (!err)
		err = plan_undo(&from, since, &plan, error);
	back.plan = &plan;
	if (!err)
		err = restore_carry_out(&back, error);
	plan_free(&plan);
	ledger_free(&ledger);
	machine_free(&machine);
	free(keys);
	return err;
}

/** interrupted() - is a signal pending that ends setup? setup_carry_out()'s caller blocks it */
static bool interrupted(void)
{
	sigset_t pending;

	return !sigpending(&pending) &&
	       (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
		sigismember(&pending, SIGHUP));
}

/** now() - an interface of the plan, among those that there are now; NULL: it is gone */
static const struct netdev *now(const struct netdevs *netdevs, const struct netdev *dev)
{
	return dev ? netdevs_by_index(netdevs, dev->index) : NULL;
}

/** still_free() - is a port that is about to be taken not in use now either? */
static int still_free(const struct carry *carry, const struct step *step, struct error *error)
{
	const struct plan_port *port = plan_find(carry->plan, step->key);
	struct netdevs netdevs;
	int err;

	if ((step->kind != STEP_LINK_DOWN && step->kind != STEP_UNBIND) || !port || port->forced)
		return 0;
	err = netdevs_read(carry->host, &netdevs);
	if (err)
		error_say(error, "cannot read the network interfaces: %s", error_reason(-err));
	else
		err = in_use(&netdevs, now(&netdevs, port->port->synthetic),
			     now(&netdevs, port->port->vf), error);
	netdevs_free(&netdevs);
	return err;
}

/** announce_and_make() - step @number of the journal */
static int announce_and_make(const struct carry *carry, struct step *step, json_int_t number,
			     struct error *error)
{
	struct error why;
	int err;

	if (interrupted())
		return error_fail(error, -EINTR, "interrupted");
	err = still_free(carry, step, error);
	if (!err)
		err = announce(carry, step, number, error);
	if (err)
		return err;
	err = carry_step(carry, step, false, &why);
	if (err < 0)
		return error_fail(error, err, "cannot %s: %s", step->what, why.text);
	err = carry_note(carry,
			 json_pack("{s:I, s:b}", "done", number, "changed", err == STEP_CHANGED),
			 error);
	if (!err && step->undoes)
		err = carry_note(carry, json_pack("{s:I}", "undone", step->undoes), error);
	return err;
}

/** forward() - save, make, and mark as handed over; see setup_carry_out() */
static int forward(const struct carry *carry, json_int_t number, struct error *error)
{
	const struct plan *plan = carry->plan;
	struct netdevs now;
	int err = netdevs_read(carry->host, &now);

	if (err)
		error_say(error, "cannot read the network interfaces: %s", error_reason(-err));
	for (size_t i = 0; !err && i < plan->n_ports; i++)
		if (plan->port[i].steps && plan->port[i].save)
			err = save(carry, &plan->port[i], &now, error);
	netdevs_free(&now);
	for (size_t i = 0; !err && i < plan->n_steps; i++)
		err = announce_and_make(carry, &plan->step[i], ++number, error);
	for (size_t i = 0; !err && i < plan->n_ports; i++)
		if (plan->port[i].steps || plan->port[i].journalled)
			err = carry_note(carry, json_pack("{s:s}", "ready", plan->port[i].key),
					 error);
	return err;
}

int setup_carry_out(const struct carry *carry, struct error *error)
{
	struct ledger ledger;
	struct error second;
	json_int_t since;
	int err = ledger_read(carry->journal->records, &ledger, error);

	since = ledger.last_step;
	ledger_free(&ledger);
	if (err)
		return err;
	err = forward(carry, since, error);
	if (!err)
		return 0;
	if (undo(carry, since, &second))
		error_add(error, "; undoing the steps failed, too: %s; run 'manakin restore --all'",
			  second.text);
	else
		error_add(error, "; everything is as it was");
	return err;
}
