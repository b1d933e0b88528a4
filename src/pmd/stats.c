/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * Counters belong to a queue and only the thread that polls it writes them: a reset stores their
 * values as the new base. A reader adds them up. Bytes are of frames without FCS. The adapter's own
 * counters are those of the whole function, so only the sole port of an adapter can derive the
 * number of packets without a buffer (imissed) from them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pmd/pmd.h"

/** struct counter - a counter that each queue has */
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
	"source_address", "too_long",  "bad_oob", "ether_type", "bad_headers", "function_off",
	"vport_offset",   "vport_off", "vlan",    "bad_entry",  "other",
};

static_assert(RTE_DIM(rx_counters) == PMD_RX_COUNTERS, "counters of a receive queue");
static_assert(RTE_DIM(tx_counters) + DRIVER_TX_ERRORS == PMD_TX_COUNTERS,
	      "counters of a send queue");

enum { RX_PACKETS, RX_BYTES, RX_ERRORS, RX_TRUNCATED, RX_NO_MBUF };
enum { TX_PACKETS, TX_BYTES, TX_DROPPED, TX_ERRORS };

/** rx_raw() - a counter since the queue was set up */
static uint64_t rx_raw(const struct pmd_rxq *rxq, unsigned int c)
{
	return *(const uint64_t *)((const uint8_t *)rxq + rx_counters[c].offset);
}

static uint64_t tx_raw(const struct pmd_txq *txq, unsigned int c)
{
	if (c >= TX_ERRORS)
		return txq->driver.errors[c - TX_ERRORS];
	return *(const uint64_t *)((const uint8_t *)txq + tx_counters[c].offset);
}

/** rx_count() - a counter since the last reset; 0 for a queue that is not there */
static uint64_t rx_count(const struct pmd_rxq *rxq, unsigned int c)
{
	return rxq ? rx_raw(rxq, c) - rxq->base[c] : 0;
}

static uint64_t tx_count(const struct pmd_txq *txq, unsigned int c)
{
	return txq ? tx_raw(txq, c) - txq->base[c] : 0;
}

/** missed() - packets without a buffer, if the adapter's counter is for this port only */
static uint64_t missed(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);
	struct mana_query_gf_stat_resp stats;
	int err;

	if (!pmd_primary() || !port->alone || pmd_lock(dev))
		return port->missed;
	err = port->adapter->gone ? -ENODEV : driver_stats(port->adapter->driver, &stats);
	pmd_unlock(dev);
	return err ? port->missed : stats.rx_discards_no_wqe;
}

/* DPDK 25.11 moved the counters of single queues out of struct rte_eth_stats. */
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
typedef struct eth_queue_stats queue_stats;
#else
typedef struct rte_eth_stats queue_stats;
#endif

/** stats_get() - add up the queues; @queues gets each one's, NULL if nobody wants them */
static int stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats, queue_stats *queues)
{
	uint64_t now;

	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++) {
		const struct pmd_txq *txq = dev->data->tx_queues[i];
		uint64_t packets = tx_count(txq, TX_PACKETS), errors = 0;

		for (unsigned int c = TX_ERRORS; c < PMD_TX_COUNTERS; c++)
			errors += tx_count(txq, c);
		packets -= RTE_MIN(errors, packets);
		stats->opackets += packets;
		stats->obytes += tx_count(txq, TX_BYTES);
		stats->oerrors += errors + tx_count(txq, TX_DROPPED);
		if (queues && i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			queues->q_opackets[i] = packets;
			queues->q_obytes[i] = tx_count(txq, TX_BYTES);
		}
	}
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct pmd_rxq *rxq = dev->data->rx_queues[i];

		stats->ipackets += rx_count(rxq, RX_PACKETS);
		stats->ibytes += rx_count(rxq, RX_BYTES);
		stats->ierrors += rx_count(rxq, RX_ERRORS);
		stats->rx_nombuf += rx_count(rxq, RX_NO_MBUF);
		if (queues && i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			queues->q_ipackets[i] = rx_count(rxq, RX_PACKETS);
			queues->q_ibytes[i] = rx_count(rxq, RX_BYTES);
			queues->q_errors[i] = rx_count(rxq, RX_ERRORS);
		}
	}
	/* A counter that went back counts from 0 again, as after the adapter's reset. */
	now = missed(dev);
	stats->imissed = now - (now < pmd_port(dev)->missed ? 0 : pmd_port(dev)->missed);
	return 0;
}

#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
int pmd_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats,
		  struct eth_queue_stats *queues)
{
	return stats_get(dev, stats, queues);
}
#else
int pmd_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	return stats_get(dev, stats, stats);
}
#endif

int pmd_stats_reset(struct rte_eth_dev *dev)
{
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++) {
		struct pmd_txq *txq = dev->data->tx_queues[i];

		for (unsigned int c = 0; txq && c < PMD_TX_COUNTERS; c++)
			txq->base[c] = tx_raw(txq, c);
	}
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		struct pmd_rxq *rxq = dev->data->rx_queues[i];

		for (unsigned int c = 0; rxq && c < PMD_RX_COUNTERS; c++)
			rxq->base[c] = rx_raw(rxq, c);
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
	return dev->data->nb_rx_queues * PMD_RX_COUNTERS +
	       dev->data->nb_tx_queues * PMD_TX_COUNTERS;
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
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		for (unsigned int c = 0; c < PMD_RX_COUNTERS; c++)
			stats[at++].value = rx_count(dev->data->rx_queues[q], c);
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++)
		for (unsigned int c = 0; c < PMD_TX_COUNTERS; c++)
			stats[at++].value = tx_count(dev->data->tx_queues[q], c);
	for (at = 0; at < count; at++)
		stats[at].id = at;
	return (int)count;
}
