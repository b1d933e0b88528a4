/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * The adapter hashes every kind of packet or none, so any hash type that an application requests
 * enables all of them, and the application sees that. The application's table is stored; the
 * adapter gets it with stopped queues replaced by running ones, so that it never refers to a queue
 * that does not exist.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "pmd/pmd.h"

/* The key of the specification's test vectors, which is most drivers' default. */
static const uint8_t default_key[MANA_HASH_KEY_SIZE] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

void pmd_rss_default(struct pmd_port *port)
{
	memcpy(port->rss_key, default_key, sizeof(port->rss_key));
	port->rss_types = 0;
}

static int set_key(struct rte_eth_dev *dev, const struct rte_eth_rss_conf *conf)
{
	struct pmd_port *port = pmd_port(dev);

	if (!conf->rss_key)
		return 0;
	if (conf->rss_key_len != 0 && conf->rss_key_len != sizeof(port->rss_key)) {
		PMD_LOG(ERR, "port %u: an RSS key has %zu bytes, not %u", dev->data->port_id,
			sizeof(port->rss_key), conf->rss_key_len);
		return -EINVAL;
	}
	memcpy(port->rss_key, conf->rss_key, sizeof(port->rss_key));
	return 0;
}

int pmd_rss_configure(struct rte_eth_dev *dev)
{
	const struct rte_eth_conf *conf = &dev->data->dev_conf;
	struct pmd_port *port = pmd_port(dev);
	int err;

	port->rss_types = 0;
	for (uint32_t i = 0; i < port->info.table_size; i++)
		port->table[i] =
			dev->data->nb_rx_queues ? (uint16_t)(i % dev->data->nb_rx_queues) : 0;
	if (!(conf->rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG))
		return 0;
	err = set_key(dev, &conf->rx_adv_conf.rss_conf);
	if (!err && conf->rx_adv_conf.rss_conf.rss_hf)
		port->rss_types = PMD_RSS_TYPES;
	return err;
}

int pmd_rss_apply(struct rte_eth_dev *dev, bool enable)
{
	struct pmd_port *port = pmd_port(dev);
	uint16_t table[MANA_INDIRECTION_MAX], running[RTE_MAX_QUEUES_PER_PORT];
	struct driver_rss rss = { .hash = port->rss_types != 0,
				  .coalesce = true,
				  .table = table,
				  .entries = port->info.table_size };
	unsigned int n = 0;
	int err;

	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++)
		if (dev->data->rx_queue_state[i] == RTE_ETH_QUEUE_STATE_STARTED)
			running[n++] = i;
	rss.enable = enable && n;
	memcpy(rss.key, port->rss_key, sizeof(rss.key));
	for (uint32_t i = 0; i < rss.entries; i++) {
		uint16_t queue = port->table[i];

		table[i] = queue;
		if (n && dev->data->rx_queue_state[queue] != RTE_ETH_QUEUE_STATE_STARTED)
			table[i] = running[i % n];
	}
	err = driver_rss(port->handle, &rss);
	if (err && err != -ENODEV)
		PMD_LOG(ERR, "port %u: the adapter does not accept the RSS table of %u queues: %s",
			dev->data->port_id, n, error_reason(-err));
	return err;
}

/** apply_now() - apply if the port runs; otherwise it happens at start */
static int apply_now(struct rte_eth_dev *dev)
{
	int err = pmd_lock(dev);

	if (err)
		return err;
	err = pmd_port(dev)->handle ? pmd_rss_apply(dev, true) : 0;
	pmd_unlock(dev);
	return err;
}

static int check_size(struct rte_eth_dev *dev, uint16_t size)
{
	struct pmd_port *port = pmd_port(dev);

	if (size == port->info.table_size)
		return 0;
	PMD_LOG(ERR, "port %u: the indirection table has %u entries, not %u", dev->data->port_id,
		port->info.table_size, size);
	return -EINVAL;
}

int pmd_reta_update(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *conf, uint16_t size)
{
	struct pmd_port *port = pmd_port(dev);
	uint16_t before[MANA_INDIRECTION_MAX];
	int err = check_size(dev, size);

	if (err)
		return err;
	memcpy(before, port->table, sizeof(before));
	for (uint16_t i = 0; i < size; i++) {
		const struct rte_eth_rss_reta_entry64 *group = &conf[i / RTE_ETH_RETA_GROUP_SIZE];
		unsigned int bit = i % RTE_ETH_RETA_GROUP_SIZE;

		if (group->mask >> bit & 1)
			port->table[i] = group->reta[bit];
	}
	err = apply_now(dev);
	if (err)
		memcpy(port->table, before, sizeof(before));
	return err;
}

int pmd_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *conf, uint16_t size)
{
	const struct pmd_port *port = pmd_port(dev);
	int err = check_size(dev, size);

	if (err)
		return err;
	for (uint16_t i = 0; i < size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &conf[i / RTE_ETH_RETA_GROUP_SIZE];
		unsigned int bit = i % RTE_ETH_RETA_GROUP_SIZE;

		if (group->mask >> bit & 1)
			group->reta[bit] = port->table[i];
	}
	return 0;
}

int pmd_rss_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	struct pmd_port *port = pmd_port(dev);
	uint8_t key[MANA_HASH_KEY_SIZE];
	uint64_t types = port->rss_types;
	int err;

	memcpy(key, port->rss_key, sizeof(key));
	err = set_key(dev, conf);
	if (err)
		return err;
	port->rss_types = conf->rss_hf ? PMD_RSS_TYPES : 0;
	err = apply_now(dev);
	if (err) {
		memcpy(port->rss_key, key, sizeof(key));
		port->rss_types = types;
	}
	return err;
}

int pmd_rss_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	const struct pmd_port *port = pmd_port(dev);

	if (conf->rss_key && conf->rss_key_len >= sizeof(port->rss_key))
		memcpy(conf->rss_key, port->rss_key, sizeof(port->rss_key));
	conf->rss_key_len = sizeof(port->rss_key);
	conf->rss_hf = port->rss_types;
	return 0;
}
