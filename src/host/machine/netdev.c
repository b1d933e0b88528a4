/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/netdev.h"

#include <stdlib.h>
#include <string.h>

void netdevs_free(struct netdevs *netdevs)
{
	for (size_t i = 0; i < netdevs->n; i++) {
		free(netdevs->dev[i].addresses);
		free(netdevs->dev[i].altnames);
	}
	free(netdevs->dev);
	memset(netdevs, 0, sizeof(*netdevs));
}

bool netdev_has_altname(const struct netdev *dev, const char *name)
{
	size_t len = strlen(name);
	const char *at = dev->altnames;

	while (at && len) {
		at += strspn(at, " ");
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ' '))
			return true;
		at = strchr(at, ' ');
	}
	return false;
}

struct netdev *netdevs_by_name(const struct netdevs *netdevs, const char *name)
{
	for (size_t i = 0; i < netdevs->n; i++)
		if (!strcmp(netdevs->dev[i].name, name))
			return &netdevs->dev[i];
	for (size_t i = 0; i < netdevs->n; i++)
		if (netdev_has_altname(&netdevs->dev[i], name))
			return &netdevs->dev[i];
	return NULL;
}

struct netdev *netdevs_by_index(const struct netdevs *netdevs, int index)
{
	for (size_t i = 0; index && i < netdevs->n; i++)
		if (netdevs->dev[i].index == index)
			return &netdevs->dev[i];
	return NULL;
}
