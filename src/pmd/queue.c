/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * Setup allocates memory; the adapter's queue is created when the port or the queue is started, and
 * destroyed when it is stopped:
 *
 *	setup		one allocation (state.c): the struct, and its arrays behind it
 *	create		driver_txq_create(), driver_rxq_create()
 *	fill		receive buffers, after packets have been steered to the queue
 *	destroy		destroy the adapter's queue, then free its packets
 *	release		memory
 *
 * A receive queue that is stopped while the port runs is first removed from the indirection table
 * (rss.c), so that no packets are steered to it.
 */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>

#include "base/error.h"
#include "pmd/pmd.h"

#define TX_FREE_THRESHOLD 32u
#define RX_FREE_THRESHOLD 32u

/** units_for() - room for @entries of @units each: a power of two, within the adapter's limits */
static uint32_t units_for(const struct rte_eth_dev *dev, uint32_t entries, uint32_t units)
{
	uint32_t n = rte_align32pow2(entries * units);

	return RTE_MIN(RTE_MAX(n, DRIVER_UNITS_MIN), pmd_port(dev)->max_units);
}

/* ---- Send queues ---- */

/**
 * pmd_txq_setup() - allocate a send queue
 * @descriptors: capacity, in packets of one piece
 *
 * Return: 0 or a negative errno
 */
int pmd_txq_setup(struct rte_eth_dev *dev, uint16_t index, uint16_t descriptors,
		  unsigned int socket, const struct rte_eth_txconf *conf)
{
	uint64_t offloads = conf->offloads | dev->data->dev_conf.txmode.offloads;
	struct pmd_txq *txq;
	uint32_t threshold, units;

	units = units_for(dev, descriptors, offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS ? 2 : 1);
	txq = pmd_state_alloc(sizeof(*txq) + units * (sizeof(*txq->mbufs) + sizeof(*txq->signals)),
			      socket);
	if (!txq) {
		PMD_LOG(ERR, "port %u: no memory for send queue %u with %u descriptors",
			dev->data->port_id, index, descriptors);
		return -ENOMEM;
	}
	txq->units = units;
	txq->mbufs = (void *)(txq + 1);
	txq->signals = (void *)(txq->mbufs + units);
	txq->owner = pmd_port(dev);
	txq->port = dev->data->port_id;
	txq->index = index;
	txq->descriptors = descriptors;
	txq->socket = socket;
	txq->conf = *conf;
	txq->fast_free = offloads & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	threshold = conf->tx_free_thresh ? conf->tx_free_thresh : TX_FREE_THRESHOLD;
	/*
	 * With exactly that many in use: an application that sends a burst of that size to each of
	 * many queues in turn then gets as many mbufs back as it takes, each time, and its pool's
	 * cache suffices.
	 */
	txq->free_below = txq->units - RTE_MIN(threshold, txq->units - 1) + 1;
	dev->data->tx_queues[index] = txq;
	return 0;
}

void pmd_txq_release(struct rte_eth_dev *dev, uint16_t index)
{
	struct pmd_txq *txq = dev->data->tx_queues[index];

	if (!txq)
		return;
	pmd_txq_destroy(dev, index);
	dev->data->tx_queues[index] = NULL;
	pmd_state_free(txq);
}

int pmd_txq_create(struct rte_eth_dev *dev, uint16_t index)
{
	struct pmd_txq *txq = dev->data->tx_queues[index];
	struct pmd_port *port = pmd_port(dev);
	uint64_t errors[DRIVER_TX_ERRORS];
	int err;

	memcpy(errors, txq->driver.errors, sizeof(errors));
	/* After a reset that failed there is no vPort, although the port is started. */
	err = port->handle ? driver_txq_create(port->handle, index, txq->units, txq->signals,
					       &txq->driver)
			   : -EIO;
	/* A new queue counts from 0, but the port's counters continue. */
	memcpy(txq->driver.errors, errors, sizeof(errors));
	if (!err) {
		err = pmd_region_attach(port, txq->driver.wq.ring, &txq->region);
		if (err)
			driver_txq_destroy(port->handle, index);
	}
	if (err) {
		PMD_LOG(ERR, "port %u: cannot start send queue %u with %u descriptors: %s",
			dev->data->port_id, index, txq->descriptors, error_reason(-err));
		return err;
	}
	txq->freed = txq->driver.wq.head;
	txq->slow_end = txq->freed;
	txq->created = true;
	dev->data->tx_queue_state[index] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

void pmd_txq_destroy(struct rte_eth_dev *dev, uint16_t index)
{
	struct pmd_txq *txq = dev->data->tx_queues[index];
	struct pmd_port *port = pmd_port(dev);

	if (!txq || !txq->created)
		return;
	txq->running = false;
	txq->created = false;
	driver_txq_reap(&txq->driver, UINT32_MAX);
	pmd_region_detach(port, &txq->region);
	driver_txq_destroy(port->handle, index);
	pmd_txq_free_all(txq);
	dev->data->tx_queue_state[index] = RTE_ETH_QUEUE_STATE_STOPPED;
}

void pmd_txq_run(struct rte_eth_dev *dev, uint16_t index)
{
	struct pmd_txq *txq = dev->data->tx_queues[index];

	/* A burst that sees it sees the whole queue. */
	shared_store_release(&txq->running, true);
}

int pmd_txq_start(struct rte_eth_dev *dev, uint16_t index)
{
	int err = pmd_lock(dev);

	if (err)
		return err;
	err = pmd_txq_create(dev, index);
	if (!err)
		pmd_txq_run(dev, index);
	pmd_unlock(dev);
	return err;
}

int pmd_txq_stop(struct rte_eth_dev *dev, uint16_t index)
{
	int err = pmd_lock(dev);

	if (err)
		return err;
	pmd_txq_destroy(dev, index);
	pmd_unlock(dev);
	return 0;
}

void pmd_txq_info(struct rte_eth_dev *dev, uint16_t index, struct rte_eth_txq_info *info)
{
	const struct pmd_txq *txq = dev->data->tx_queues[index];

	info->conf = txq->conf;
	info->nb_desc = txq->descriptors;
}

/* ---- Receive queues ---- */

/**
 * set_layout() - set the number of buffers of an entry, and what follows from it
 *
 * Return: 0, or -EINVAL if packets cannot fit
 */
static int set_layout(struct rte_eth_dev *dev, struct pmd_rxq *rxq)
{
	uint32_t frame = dev->data->mtu + RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;
	uint64_t offloads = rxq->conf.offloads | dev->data->dev_conf.rxmode.offloads;

	rxq->scatter = frame > rxq->room;
	rxq->segments = 1;
	if (rxq->scatter) {
		uint32_t segments = (frame + rxq->room - 1) / rxq->room;

		if (!(offloads & RTE_ETH_RX_OFFLOAD_SCATTER)) {
			PMD_LOG(ERR,
				"port %u: packets of up to %u bytes (MTU %u) do not fit "
				"into the mbufs of queue %u, which hold %u: use larger "
				"mbufs, a smaller MTU, or RTE_ETH_RX_OFFLOAD_SCATTER",
				dev->data->port_id, frame, dev->data->mtu, rxq->index, rxq->room);
			return -EINVAL;
		}
		if (segments > PMD_RX_SEGMENTS_MAX) {
			PMD_LOG(ERR,
				"port %u: a packet of %u bytes would need %u mbufs of queue %u, "
				"and the adapter supports %u: use larger mbufs or a smaller MTU",
				dev->data->port_id, frame, segments, rxq->index,
				PMD_RX_SEGMENTS_MAX);
			return -EINVAL;
		}
		rxq->segments = (uint8_t)segments;
	}
	/* Header and OOB take as much room as one SGE; two SGEs are a unit. */
	rxq->entry_units = (uint8_t)(1 + rxq->segments / 2);
	rxq->units = units_for(dev, rxq->descriptors, rxq->entry_units);
	rxq->limit = rxq->descriptors;
	if (rxq->scatter) {
		uint32_t entries = rxq->units / rxq->entry_units;

		rxq->limit = RTE_MIN(entries, rxq->limit) * rxq->entry_units;
		rxq->entries_mask = rte_align32pow2(entries) - 1;
	}
	return 0;
}

/** mbufs_of() - how many mbufs a queue keeps */
static size_t mbufs_of(const struct pmd_rxq *rxq)
{
	return rxq->scatter ? (size_t)(rxq->entries_mask + 1) * rxq->segments : rxq->units;
}

/**
 * pmd_rxq_setup() - allocate a receive queue
 * @descriptors: capacity, in packets
 *
 * Return: 0 or a negative errno
 */
int pmd_rxq_setup(struct rte_eth_dev *dev, uint16_t index, uint16_t descriptors,
		  unsigned int socket, const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	uint64_t offloads = conf->offloads | dev->data->dev_conf.rxmode.offloads;
	struct rte_mbuf initial = { .data_off = RTE_PKTMBUF_HEADROOM,
				    .nb_segs = 1,
				    .port = dev->data->port_id };
	uint32_t threshold = conf->rx_free_thresh ? conf->rx_free_thresh : RX_FREE_THRESHOLD;
	struct pmd_rxq *rxq, plan = {
		.owner = pmd_port(dev),
		.port = dev->data->port_id,
		.index = index,
		.descriptors = descriptors,
		.socket = socket,
		.conf = *conf,
		.pool = pool,
		.room = (uint32_t)(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM),
		.strip = offloads & RTE_ETH_RX_OFFLOAD_VLAN_STRIP,
		.hash = offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH,
	};
	int err = set_layout(dev, &plan);

	if (err)
		return err;
	rte_mbuf_refcnt_set(&initial, 1);
	memcpy(&plan.initial, &initial.rearm_data, sizeof(plan.initial));
	plan.refill_at = RTE_MIN(threshold * plan.entry_units, plan.limit / 2);
	rxq = pmd_state_alloc(sizeof(*rxq) + mbufs_of(&plan) * sizeof(*rxq->mbufs), socket);
	if (!rxq) {
		PMD_LOG(ERR, "port %u: no memory for receive queue %u with %u descriptors",
			dev->data->port_id, index, descriptors);
		return -ENOMEM;
	}
	*rxq = plan;
	rxq->mbufs = (void *)(rxq + 1);
	dev->data->rx_queues[index] = rxq;
	return 0;
}

void pmd_rxq_release(struct rte_eth_dev *dev, uint16_t index)
{
	struct pmd_rxq *rxq = dev->data->rx_queues[index];

	if (!rxq)
		return;
	pmd_rxq_destroy(dev, index);
	dev->data->rx_queues[index] = NULL;
	pmd_state_free(rxq);
}

int pmd_rxq_create(struct rte_eth_dev *dev, uint16_t index)
{
	struct pmd_rxq *rxq = dev->data->rx_queues[index];
	struct pmd_port *port = pmd_port(dev);
	int err;

	err = port->handle ? driver_rxq_create(port->handle, index, rxq->units, &rxq->driver)
			   : -EIO;
	if (!err) {
		err = pmd_region_attach(port, rxq->driver.wq.ring, &rxq->region);
		if (err)
			driver_rxq_destroy(port->handle, index);
	}
	if (err) {
		PMD_LOG(ERR, "port %u: cannot start receive queue %u with %u descriptors: %s",
			dev->data->port_id, index, rxq->descriptors, error_reason(-err));
		return err;
	}
	rxq->taken = 0;
	rxq->posted = 0;
	rxq->done = 0;
	rxq->created = true;
	dev->data->rx_queue_state[index] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

int pmd_rxq_fill(struct rte_eth_dev *dev, uint16_t index)
{
	struct pmd_rxq *rxq = dev->data->rx_queues[index];

	if (pmd_rx_refill(rxq))
		return 0;
	PMD_LOG(ERR,
		"port %u: receive queue %u needs %u mbufs and pool %s has too few: make it larger "
		"or use fewer descriptors",
		dev->data->port_id, index, rxq->limit / rxq->entry_units * rxq->segments,
		rxq->pool->name);
	return -ENOMEM;
}

void pmd_rxq_destroy(struct rte_eth_dev *dev, uint16_t index)
{
	struct pmd_rxq *rxq = dev->data->rx_queues[index];
	struct pmd_port *port = pmd_port(dev);

	if (!rxq || !rxq->created)
		return;
	rxq->running = false;
	rxq->created = false;
	pmd_region_detach(port, &rxq->region);
	driver_rxq_destroy(port->handle, index);
	pmd_rxq_free_all(rxq);
	dev->data->rx_queue_state[index] = RTE_ETH_QUEUE_STATE_STOPPED;
}

void pmd_rxq_run(struct rte_eth_dev *dev, uint16_t index)
{
	struct pmd_rxq *rxq = dev->data->rx_queues[index];

	shared_store_release(&rxq->running, true);
}

/** rxq_stop() - steer packets elsewhere, then destroy the queue; the lock is held */
static int rxq_stop(struct rte_eth_dev *dev, uint16_t index)
{
	struct pmd_rxq *rxq = dev->data->rx_queues[index];
	int err;

	/* Marked first: the table is built from the running queues. */
	dev->data->rx_queue_state[index] = RTE_ETH_QUEUE_STATE_STOPPED;
	err = pmd_rss_apply(dev, true);
	if (err && err != -ENODEV) {
		dev->data->rx_queue_state[index] = RTE_ETH_QUEUE_STATE_STARTED;
		PMD_LOG(ERR, "port %u: cannot stop receive queue %u: %s", dev->data->port_id, index,
			error_reason(-err));
		return err;
	}
	if (rxq->created) {
		pmd_intr_queue_stop(dev, index);
		pmd_rxq_destroy(dev, index);
	}
	return 0;
}

/** rxq_start() - the lock is held */
static int rxq_start(struct rte_eth_dev *dev, uint16_t index)
{
	int err = pmd_rxq_create(dev, index);

	if (err)
		return err;
	err = pmd_intr_queue_start(dev, index);
	if (!err)
		err = pmd_rss_apply(dev, true);
	if (!err)
		err = pmd_rxq_fill(dev, index);
	if (err)
		rxq_stop(dev, index);
	else
		pmd_rxq_run(dev, index);
	return err;
}

int pmd_rxq_start(struct rte_eth_dev *dev, uint16_t index)
{
	int err = pmd_lock(dev);

	if (err)
		return err;
	err = rxq_start(dev, index);
	pmd_unlock(dev);
	return err;
}

int pmd_rxq_stop(struct rte_eth_dev *dev, uint16_t index)
{
	int err = pmd_lock(dev);

	if (err)
		return err;
	err = rxq_stop(dev, index);
	pmd_unlock(dev);
	return err;
}

void pmd_rxq_info(struct rte_eth_dev *dev, uint16_t index, struct rte_eth_rxq_info *info)
{
	const struct pmd_rxq *rxq = dev->data->rx_queues[index];

	info->mp = rxq->pool;
	info->conf = rxq->conf;
	info->scattered_rx = rxq->scatter;
	info->nb_desc = rxq->descriptors;
	info->rx_buf_size = (uint16_t)RTE_MIN(rxq->room, (uint32_t)UINT16_MAX);
}
