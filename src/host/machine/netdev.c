/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/netdev.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mac_parse(const char *text, uint8_t mac[6])
{
	uint8_t parsed[6];
	unsigned int i;

	for (i = 0; i < 6; i++, text += 2) {
		char byte[3] = { text[0], text[0] ? text[1] : '\0' };

		if (!isxdigit((unsigned char)byte[0]) || !isxdigit((unsigned char)byte[1]))
			return -EINVAL;
		parsed[i] = (uint8_t)strtoul(byte, NULL, 16);
		if (i < 5 && text[2] != ':' && text[2] != '-')
			return -EINVAL;
		text += i < 5;
	}
	if (*text)
		return -EINVAL;
	memcpy(mac, parsed, sizeof(parsed));
	return 0;
}

const char *mac_text(const uint8_t mac[6], char text[MAC_TEXT])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return text;
}

void netdevs_free(struct netdevs *netdevs)
{
	for (size_t i = 0; i < netdevs->n; i++) {
		free(netdevs->dev[i].addresses);
		free(netdevs->dev[i].altnames);
	}
	free(netdevs->dev);
	memset(netdevs, 0, sizeof(*netdevs));
}

/** has_altname() - is @name in the list? */
static bool has_altname(const struct netdev *dev, const char *name)
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
		if (has_altname(&netdevs->dev[i], name))
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
