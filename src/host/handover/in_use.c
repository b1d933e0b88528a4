/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/in_use.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "host/machine/netns.h"

/** table_text() - " of table 100", " of the VRF mgmt"; empty for the main table */
static const char *table_text(const struct netdevs *netdevs, uint32_t table, char text[40])
{
	*text = '\0';
	if (table != RT_TABLE_MAIN)
		snprintf(text, 40, " of table %u", table);
	for (size_t i = 0; i < netdevs->n; i++)
		if (netdevs->dev[i].vrf_table == table && table)
			snprintf(text, 40, " of the VRF %s", netdevs->dev[i].name);
	return text;
}

/** built_on() - an interface that is built on another one, not its port's @synthetic; or NULL */
static const struct netdev *built_on(const struct netdevs *netdevs, const struct netdev *dev,
				     const struct netdev *synthetic)
{
	/* The ends of a veth pair name each other; neither is above the other. */
	for (size_t i = 0; i < netdevs->n; i++)
		if (netdevs->dev[i].lower == dev->index && netdevs->dev[i].index != dev->lower)
			return &netdevs->dev[i];
	if (!dev->master || (synthetic && synthetic->index == dev->master))
		return NULL;
	return netdevs_by_index(netdevs, dev->master);
}

/** built_elsewhere() - the same, in another network namespace; see in_use() */
static int built_elsewhere(const struct netdev *const dev[2], struct error *error)
{
	struct netns_children above;
	int err = netns_children_read(&above);

	if (err)
		error_say(error, "cannot search the other network namespaces: %s",
			  error_reason(-err));
	for (size_t i = 0; !err && i < above.n; i++) {
		const struct netns_child *child = &above.child[i];

		for (size_t j = 0; !err && j < 2; j++)
			if (dev[j] && dev[j]->index == child->lower)
				err = error_fail(
					error, -EBUSY,
					"%s is in use by the interface %s in %s, which restore "
					"would not bring back; remove that first, or add --force",
					dev[j]->name, child->name, child->where);
	}
	netns_children_free(&above);
	return err;
}

int in_use(const struct netdevs *netdevs, const struct netdev *synthetic, const struct netdev *vf,
	   struct error *error)
{
	const struct netdev *dev[2] = { synthetic, vf }, *above;
	const char *name = synthetic ? synthetic->name : vf ? vf->name : "";
	char table[40];

	for (size_t i = 0; i < 2; i++)
		if (dev[i] && dev[i]->ssh)
			return error_fail(
				error, -EBUSY,
				"%s carries this SSH session, which would end; name another "
				"interface, or add --force if there is another way to this machine",
				name);
	for (size_t i = 0; i < 2; i++)
		if (dev[i] && dev[i]->default_route)
			return error_fail(
				error, -EBUSY,
				"%s carries the default route%s, without which this machine "
				"may not be reached; name another interface, or add --force",
				name, table_text(netdevs, dev[i]->default_table, table));
	for (size_t i = 0; i < 2; i++) {
		above = dev[i] ? built_on(netdevs, dev[i], synthetic) : NULL;
		if (above)
			return error_fail(error, -EBUSY,
					  "%s is in use by the interface %s, which restore would "
					  "not bring back; remove that first, or add --force",
					  dev[i]->name, above->name);
	}
	return built_elsewhere(dev, error);
}
