/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Only the synthetic interface ceases to exist, when its VMBus device leaves the kernel's driver.
 * The VF's is set down and keeps what it has.
 */
#include "host/handover/loss.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/machine/attached.h"

/** add() - a loss of an interface; @back: until restore only */
static int add(struct plan *plan, const struct plan_port *port, const char *kind, bool back,
	       const char *what)
{
	struct plan_loss *more = reallocarray(plan->loss, plan->n_losses + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	plan->loss = more;
	more = &more[plan->n_losses++];
	*more = (struct plan_loss){ .kind = kind, .back = back };
	snprintf(more->key, sizeof(more->key), "%s", port->key);
	snprintf(more->interface, sizeof(more->interface), "%s", port->port->synthetic->name);
	snprintf(more->what, sizeof(more->what), "%s", what);
	return 0;
}

/** add_own() - what restore brings back: other names, a MAC address that was changed */
static int add_own(struct plan *plan, const struct plan_port *port, const struct netdev *dev)
{
	const uint8_t *factory = port_factory_mac(port->port, dev);
	char *names = strdup(dev->altnames ? dev->altnames : ""), *rest = names, *name;
	char what[PLAN_LOSS_TEXT], mac[MAC_TEXT];
	int err = names ? 0 : -ENOMEM;

	while (!err && (name = strsep(&rest, " "))) {
		snprintf(what, sizeof(what), "the other name %s", name);
		if (*name)
			err = add(plan, port, "altname", true, what);
	}
	free(names);
	if (err || !factory || !memcmp(dev->mac, factory, sizeof(dev->mac)))
		return err;
	snprintf(what, sizeof(what), "the MAC address %s", mac_text(dev->mac, mac));
	return add(plan, port, "mac", true, what);
}

/** add_port() - what a port's interface loses */
static int add_port(const struct planning *p, const struct plan_port *port)
{
	const struct netdev *dev = port->port->synthetic;
	struct attachments found;
	int err = add_own(p->plan, port, dev);

	if (err)
		return err;
	err = attached_read(p->host, dev, &found);
	for (size_t i = 0; !err && i < found.n; i++)
		err = add(p->plan, port, found.item[i].kind, found.item[i].by_name,
			  found.item[i].what);
	attached_free(&found);
	if (err)
		return plan_fail(p, err, "cannot determine what %s would lose: %s", dev->name,
				 error_reason(-err));
	return 0;
}

int loss_add_all(const struct planning *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->plan->n_ports; i++) {
		const struct plan_port *port = &p->plan->port[i];

		if (port->netvsc && port->port->synthetic &&
		    !strcmp(port->port->vmbus_driver, DRIVER_KERNEL))
			err = add_port(p, port);
	}
	return err;
}
