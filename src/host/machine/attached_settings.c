/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ethtool settings that are seen to be changed. The kernel does not say what the default was;
 * these are the ones where it is the same everywhere: offloads are on, and the receive queues share
 * the hash values equally.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/machine/attached.h"

#define FEATURES_MAX 256u
#define TABLE_MAX    4096u /* entries of an indirection table */

/** ask() - an ethtool command; false: the driver does not know it */
static bool ask(int fd, const struct netdev *dev, void *command)
{
	struct ifreq request = { .ifr_data = command };

	memcpy(request.ifr_name, dev->name, sizeof(request.ifr_name));
	return ioctl(fd, SIOCETHTOOL, &request) >= 0;
}

/** usually_on() - an offload that drivers turn on if they have it? */
static bool usually_on(const char *name)
{
	static const char *const begins[] = { "tx-checksum-",
					      "rx-checksum",
					      "tx-tcp",
					      "tx-scatter-gather",
					      "tx-generic-segmentation",
					      "rx-gro" };

	/* These are for special cases. */
	static const char *const special[] = { "rx-gro-list", "rx-gro-hw",
					       "tx-tcp-mangleid-segmentation" };

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (!strcmp(name, special[i]))
			return false;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(name, begins[i], strlen(begins[i])))
			return true;
	return false;
}

/** offloads() - those that somebody turned off; 0 or -ENOMEM */
static int offloads(int fd, const struct netdev *dev, struct attachments *found)
{
	union {
		struct ethtool_sset_info info;
		uint8_t with_count[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} set = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1u << ETH_SS_FEATURES } };
	struct ethtool_gstrings *names = NULL;
	struct ethtool_gfeatures *features = NULL;
	uint32_t n, blocks;
	int err = 0;

	if (!ask(fd, dev, &set) || !set.info.sset_mask)
		return 0;
	memcpy(&n, set.with_count + sizeof(set.info), sizeof(n));
	if (!n || n > FEATURES_MAX)
		return 0;
	blocks = (n + 31) / 32;
	names = calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	features = calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));
	if (!names || !features) {
		err = -ENOMEM;
		goto out;
	}
	*names = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS,
					    .string_set = ETH_SS_FEATURES,
					    .len = n };
	*features = (struct ethtool_gfeatures){ .cmd = ETHTOOL_GFEATURES, .size = blocks };
	if (!ask(fd, dev, names) || !ask(fd, dev, features) || names->len > n)
		goto out;
	for (uint32_t i = 0; !err && i < names->len && i / 32 < features->size; i++) {
		const struct ethtool_get_features_block *block = &features->features[i / 32];
		char name[ETH_GSTRING_LEN + 1] = "";

		memcpy(name, names->data + (size_t)i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		if (usually_on(name) && block->available & ~block->requested & 1u << i % 32)
			err = attached_add(found, "offload", false, "the offload %s, which is off",
					   name);
	}
out:
	free(names);
	free(features);
	return err;
}

/** shares() - a table in which the queues do not share the hash values equally; 0 or -ENOMEM */
static int shares(int fd, const struct netdev *dev, struct attachments *found)
{
	struct ethtool_rxnfc rings = { .cmd = ETHTOOL_GRXRINGS };
	struct ethtool_rxfh_indir head = { .cmd = ETHTOOL_GRXFHINDIR }, *table;
	bool equal = true;

	if (!ask(fd, dev, &rings) || !rings.data || !ask(fd, dev, &head) || !head.size ||
	    head.size > TABLE_MAX)
		return 0;
	table = calloc(1, sizeof(*table) + head.size * sizeof(table->ring_index[0]));
	if (!table)
		return -ENOMEM;
	*table = (struct ethtool_rxfh_indir){ .cmd = ETHTOOL_GRXFHINDIR, .size = head.size };
	if (ask(fd, dev, table))
		for (uint32_t i = 0; i < head.size; i++)
			equal &= table->ring_index[i] == i % rings.data;
	free(table);
	return equal ? 0
		     : attached_add(found, "rss", false,
				    "the indirection table of receive side scaling");
}

int attached_settings(const struct netdev *dev, struct attachments *found)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = offloads(fd, dev, found);
	if (!err)
		err = shares(fd, dev, found);
	close(fd);
	return err;
}
