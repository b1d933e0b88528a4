/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * Counters belong to a queue and are written by whoever polls it; a reader adds them
 * up. Bytes are of frames without FCS. What the adapter counts itself is the whole
 * function's, so only a port that has an adapter to itself can say from it how many
 * packets found no buffer (imissed).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pmd/pmd.h"

/** struct counter - one that each queue has */
struct counter {
	const char *name;
	size_t offset;
};

static const struct counter rx_counters[] = {
	{ "packets", offsetof(struct pmd_rxq, packets) },
	{ "bytes", offsetof(struct pmd_rxq, bytes) },
	{ "errors", offsetof(struct pmd_rxq, errors) },
	{ "truncated", offsetof(struct pmd_rxq, truncated) },
	{ "no_mbuf", offsetof(struct pmd_rxq, nombuf) },
	{ "completions", offsetof(struct pmd_rxq, completions) },
};

static const struct counter tx_counters[] = {
	{ "packets", offsetof(struct pmd_txq, packets) },
	{ "bytes", offsetof(struct pmd_txq, bytes) },
	{ "dropped", offsetof(struct pmd_txq, dropped) },
};

/* By MANA_CQE_TX_* - MANA_CQE_TX_SA_DROP */
static const char *const tx_errors[DRIVER_TX_ERRORS] = {
	"source_address", "too_long",	   "bad_oob",	      "ether_type",	"bad_headers",
	"function_off",	  "vport_offset",  "vport_off",	      "vlan",		"bad_entry",
	"other",
};

static uint64_t sum_errors(const struct pmd_txq *txq)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < DRIVER_TX_ERRORS; i++)
		sum += txq->driver.errors[i];
	return sum;
}

/** missed() - packets without a buffer, as far as the adapter's counter is this port's alone */
static uint64_t missed(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);
	struct mana_query_gf_stat_resp stats;

	if (!pmd_primary() || !port->alone || port->adapter->gone ||
	    driver_stats(port->adapter->driver, &stats))
		return port->missed;
	return stats.rx_discards_no_wqe;
}

int pmd_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++) {
		const struct pmd_txq *txq = dev->data->tx_queues[i];
		uint64_t errors, packets;

		if (!txq)
			continue;
		errors = sum_errors(txq);
		packets = txq->packets - RTE_MIN(errors, txq->packets);
		stats->opackets += packets;
		stats->obytes += txq->bytes;
		stats->oerrors += errors + txq->dropped;
		if (i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			stats->q_opackets[i] = packets;
			stats->q_obytes[i] = txq->bytes;
		}
	}
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct pmd_rxq *rxq = dev->data->rx_queues[i];

		if (!rxq)
			continue;
		stats->ipackets += rxq->packets;
		stats->ibytes += rxq->bytes;
		stats->ierrors += rxq->errors;
		stats->rx_nombuf += rxq->nombuf;
		if (i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			stats->q_ipackets[i] = rxq->packets;
			stats->q_ibytes[i] = rxq->bytes;
			stats->q_errors[i] = rxq->errors;
		}
	}
	stats->imissed = missed(dev) - pmd_port(dev)->missed;
	return 0;
}

int pmd_stats_reset(struct rte_eth_dev *dev)
{
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++) {
		struct pmd_txq *txq = dev->data->tx_queues[i];

		if (!txq)
			continue;
		txq->packets = 0;
		txq->bytes = 0;
		txq->dropped = 0;
		memset(txq->driver.errors, 0, sizeof(txq->driver.errors));
	}
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		struct pmd_rxq *rxq = dev->data->rx_queues[i];

		if (!rxq)
			continue;
		for (unsigned int c = 0; c < RTE_DIM(rx_counters); c++)
			*(uint64_t *)((uint8_t *)rxq + rx_counters[c].offset) = 0;
	}
	pmd_port(dev)->missed = missed(dev);
	return 0;
}

int pmd_xstats_reset(struct rte_eth_dev *dev)
{
	return pmd_stats_reset(dev);
}

static unsigned int xstats_count(const struct rte_eth_dev *dev)
{
	return (unsigned int)(dev->data->nb_rx_queues * RTE_DIM(rx_counters) +
			      dev->data->nb_tx_queues *
				      (RTE_DIM(tx_counters) + DRIVER_TX_ERRORS));
}

int pmd_xstats_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n)
{
	unsigned int count = xstats_count(dev);

	if (!names || n < count)
		return (int)count;
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		for (unsigned int c = 0; c < RTE_DIM(rx_counters); c++)
			snprintf((names++)->name, RTE_ETH_XSTATS_NAME_SIZE, "rx_queue_%u_%s", q,
				 rx_counters[c].name);
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		for (unsigned int c = 0; c < RTE_DIM(tx_counters); c++)
			snprintf((names++)->name, RTE_ETH_XSTATS_NAME_SIZE, "tx_queue_%u_%s", q,
				 tx_counters[c].name);
		for (unsigned int c = 0; c < DRIVER_TX_ERRORS; c++)
			snprintf((names++)->name, RTE_ETH_XSTATS_NAME_SIZE, "tx_queue_%u_error_%s",
				 q, tx_errors[c]);
	}
	return (int)count;
}

int pmd_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned int n)
{
	unsigned int count = xstats_count(dev), at = 0;

	if (!stats || n < count)
		return (int)count;
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		const uint8_t *rxq = dev->data->rx_queues[q];

		for (unsigned int c = 0; c < RTE_DIM(rx_counters); c++)
			stats[at++].value =
				rxq ? *(const uint64_t *)(rxq + rx_counters[c].offset) : 0;
	}
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		const struct pmd_txq *txq = dev->data->tx_queues[q];

		for (unsigned int c = 0; c < RTE_DIM(tx_counters); c++)
			stats[at++].value = txq ? *(const uint64_t *)((const uint8_t *)txq +
								      tx_counters[c].offset) :
						  0;
		for (unsigned int c = 0; c < DRIVER_TX_ERRORS; c++)
			stats[at++].value = txq ? txq->driver.errors[c] : 0;
	}
	for (at = 0; at < count; at++)
		stats[at].id = at;
	return (int)count;
}
