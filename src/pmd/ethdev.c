/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pmd/ethdev.c - the operations of a port, besides packets.
 *
 * An operation that uses the adapter holds its lock, and fails with EBUSY while the adapter is being
 * reset. Starting, stopping, closing and resetting a port wait for the end of that.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>

#include "pmd/pmd.h"

#define REGISTERS_SIZE 0x28u /* bytes of the register map, see docs/wire.md */

void pmd_set_bursts(struct rte_eth_dev *dev)
{
	bool scatter = false;

	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct pmd_rxq *rxq = dev->data->rx_queues[i];

		scatter = scatter || (rxq && rxq->scatter);
	}
	dev->rx_pkt_burst = !pmd_primary() || scatter ? pmd_rx_burst_any : pmd_rx_burst;
	dev->tx_pkt_burst = pmd_tx_burst;
	dev->tx_pkt_prepare = pmd_tx_prepare;
	dev->rx_queue_count = pmd_rx_queue_count;
	dev->tx_descriptor_status = pmd_tx_descriptor_status;
	dev->data->scattered_rx = scatter;
}

static int configure(struct rte_eth_dev *dev)
{
	const struct pmd_port *port = pmd_port(dev);
	uint32_t queues = (uint32_t)dev->data->nb_rx_queues + dev->data->nb_tx_queues;
	int err = pmd_lock(dev);

	/* The adapter's limits may be others after its reset. */
	if (err)
		return err;
	pmd_unlock(dev);
	/* ethdev has checked the limits of a port; this is the limit of all ports together. */
	if (queues > port->adapter->info.max_cq) {
		PMD_LOG(ERR,
			"port %u: %u queues are more than the %u completion queues the adapter "
			"has: use fewer",
			dev->data->port_id, queues, port->adapter->info.max_cq);
		return -EINVAL;
	}
	if (dev->data->dev_conf.rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG)
		dev->data->dev_conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
	return pmd_rss_configure(dev);
}

static int start(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);
	int err;

	pmd_lock_idle(port->adapter);
	if (port->adapter->gone) {
		pmd_unlock(dev);
		return -ENODEV;
	}
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++) {
		struct pmd_txq *txq = dev->data->tx_queues[i];

		txq->wanted = !txq->conf.tx_deferred_start;
	}
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		struct pmd_rxq *rxq = dev->data->rx_queues[i];

		rxq->wanted = !rxq->conf.rx_deferred_start;
	}
	err = pmd_port_up(dev);
	port->started = !err;
	pmd_unlock(dev);
	if (err)
		return err;
	pmd_set_bursts(dev);
	/* With link interrupts an application does not ask for the state before it changes. */
	pmd_link_update(dev, 1);
	return 0;
}

static int stop(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);

	pmd_lock_idle(port->adapter);
	dev->data->dev_started = 0;
	port->started = false;
	pmd_port_down(dev);
	pmd_unlock(dev);
	return 0;
}

static int do_close(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);
	struct pmd_adapter *adapter;

	if (!pmd_primary()) {
		pmd_doorbell[dev->data->port_id] = NULL;
		return 0;
	}
	adapter = port->adapter;
	adapter->closing = true;
	pmd_lock_idle(adapter);
	adapter->closing = false;
	port->started = false;
	pmd_port_down(dev);
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++)
		pmd_rxq_release(dev, i);
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++)
		pmd_txq_release(dev, i);
	dev->intr_handle = NULL;
	rte_intr_instance_free(port->intr);
	pmd_doorbell[dev->data->port_id] = NULL;
	adapter->ports[port->index] = NULL;
	adapter->closed = true;
	for (unsigned int i = 0; i < DRIVER_PORTS_MAX; i++)
		if (adapter->ports[i])
			adapter->closed = false;
	pmd_unlock(dev);
	/* ethdev would free both, to DPDK's heap. */
	dev->data->mac_addrs = NULL;
	dev->data->dev_private = NULL;
	pmd_state_free(port);
	pmd_adapter_put(adapter);
	return 0;
}

static int info(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct pmd_port *port = pmd_port(dev);
	uint32_t mtu_max = port->frame_max - (uint32_t)RTE_ETHER_HDR_LEN;

	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = (uint16_t)RTE_MIN(mtu_max, (uint32_t)UINT16_MAX);
	info->min_rx_bufsize = 64;
	info->max_rx_pktlen = port->frame_max + RTE_VLAN_HLEN;
	info->max_rx_queues = (uint16_t)port->info.max_rxq;
	info->max_tx_queues = (uint16_t)port->info.max_txq;
	info->max_mac_addrs = 1;
	info->rx_offload_capa = PMD_RX_OFFLOADS;
	info->rx_queue_offload_capa = 0;
	info->tx_offload_capa = PMD_TX_OFFLOADS;
	info->tx_queue_offload_capa = 0;
	info->reta_size = (uint16_t)port->info.table_size;
	info->hash_key_size = MANA_HASH_KEY_SIZE;
	info->flow_type_rss_offloads = PMD_RSS_TYPES;
	info->dev_capa =
		RTE_ETH_DEV_CAPA_RUNTIME_RX_QUEUE_SETUP | RTE_ETH_DEV_CAPA_RUNTIME_TX_QUEUE_SETUP;
	info->default_rxconf = (struct rte_eth_rxconf){ .rx_free_thresh = 32, .rx_drop_en = 1 };
	info->default_txconf = (struct rte_eth_txconf){ .tx_free_thresh = 32, .tx_rs_thresh = 32 };
	info->rx_desc_lim = (struct rte_eth_desc_lim){
		.nb_min = PMD_DESCRIPTORS_MIN,
		.nb_max = (uint16_t)RTE_MIN(PMD_RX_DESCRIPTORS_MAX, port->max_units),
		.nb_align = 1,
		.nb_seg_max = PMD_RX_SEGMENTS_MAX,
		.nb_mtu_seg_max = PMD_RX_SEGMENTS_MAX,
	};
	info->tx_desc_lim = (struct rte_eth_desc_lim){
		.nb_min = PMD_DESCRIPTORS_MIN,
		.nb_max = (uint16_t)RTE_MIN(PMD_TX_DESCRIPTORS_MAX, port->max_units),
		.nb_align = 1,
		.nb_seg_max = DRIVER_TX_SGES,
		.nb_mtu_seg_max = DRIVER_TX_SGES,
	};
	info->default_rxportconf = (struct rte_eth_dev_portconf){
		.burst_size = 32,
		.ring_size = PMD_DESCRIPTORS_DEF,
		.nb_queues = 1,
	};
	info->default_txportconf = info->default_rxportconf;
	info->speed_capa = RTE_ETH_LINK_SPEED_100G | RTE_ETH_LINK_SPEED_200G;
	info->err_handle_mode = RTE_ETH_ERROR_HANDLE_MODE_PROACTIVE;
	return 0;
}

/** mtu_set() - the adapter's own limit is fixed; check the buffers */
static int mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	const struct pmd_port *port = pmd_port(dev);
	uint32_t frame = (uint32_t)mtu + RTE_ETHER_HDR_LEN;

	if (frame > port->frame_max) {
		PMD_LOG(ERR, "port %u: the adapter's MTU is %u, less than %u", dev->data->port_id,
			port->frame_max - (uint32_t)RTE_ETHER_HDR_LEN, mtu);
		return -EINVAL;
	}
	if (!dev->data->dev_started)
		return 0;
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct pmd_rxq *rxq = dev->data->rx_queues[i];

		if (frame + RTE_VLAN_HLEN > rxq->room * rxq->segments) {
			PMD_LOG(ERR,
				"port %u: the buffers of queue %u are too small for an MTU of "
				"%u: stop the port first",
				dev->data->port_id, i, mtu);
			return -EBUSY;
		}
	}
	return 0;
}

/*
 * The adapter does not filter: a vPort receives what its network delivers, whatever the address. So
 * both modes are always on, and disabling one changes nothing.
 */
static int no_filter(struct rte_eth_dev *dev)
{
	PMD_LOG(INFO,
		"port %u: the adapter does not filter addresses; everything that arrives is "
		"received",
		dev->data->port_id);
	return 0;
}

static int vlan_offload_set(struct rte_eth_dev *dev, int mask)
{
	bool strip = dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_VLAN_STRIP;

	if (!(mask & RTE_ETH_VLAN_STRIP_MASK))
		return 0;
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		struct pmd_rxq *rxq = dev->data->rx_queues[i];

		if (rxq)
			rxq->strip = strip;
	}
	return 0;
}

static int firmware_version(struct rte_eth_dev *dev, char *text, size_t size)
{
	const struct driver_info *info = &pmd_port(dev)->adapter->info;
	int n = snprintf(text, size, "%u.%u.%u", info->version[0], info->version[1],
			 info->version[2]);

	/* ethdev expects the size that is needed, including the terminator. */
	return n < 0 ? -EINVAL : (size_t)n >= size ? n + 1 : 0;
}

static int get_registers(struct rte_eth_dev *dev, struct rte_dev_reg_info *regs)
{
	const struct pmd_port *port = pmd_port(dev);
	int err;

	if (port->adapter->verbs)
		return -ENOTSUP;
	regs->width = sizeof(uint32_t);
	if (!regs->data) {
		regs->length = REGISTERS_SIZE / sizeof(uint32_t);
		return 0;
	}
	if (regs->length && regs->length < REGISTERS_SIZE / sizeof(uint32_t))
		return -ENOTSUP;
	regs->length = REGISTERS_SIZE / sizeof(uint32_t);
	regs->offset = 0;
	regs->version =
		(uint32_t)port->adapter->pci->id.vendor_id << 16 | port->adapter->pci->id.device_id;
	err = pmd_lock(dev);
	if (err)
		return err;
	err = port->adapter->gone
		      ? -ENODEV
		      : driver_registers(port->adapter->driver, 0, regs->data, REGISTERS_SIZE);
	pmd_unlock(dev);
	return err;
}

static int is_removed(struct rte_eth_dev *dev)
{
	return pmd_port(dev)->adapter->gone;
}

static int rx_burst_mode(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_burst_mode *mode)
{
	const struct pmd_rxq *rxq = dev->data->rx_queues[queue];

	snprintf(mode->info, sizeof(mode->info), rxq->scatter ? "Scalar Scattered" : "Scalar");
	return 0;
}

static int tx_burst_mode(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_burst_mode *mode)
{
	const struct pmd_txq *txq = dev->data->tx_queues[queue];

	snprintf(mode->info, sizeof(mode->info), txq->fast_free ? "Scalar Fast Free" : "Scalar");
	return 0;
}

const struct eth_dev_ops pmd_ops = {
	.dev_configure = configure,
	.dev_start = start,
	.dev_stop = stop,
	.dev_close = do_close,
	.dev_reset = pmd_recover_port,
	.dev_infos_get = info,
	.is_removed = is_removed,
	.link_update = pmd_link_update,
	.promiscuous_enable = no_filter,
	.promiscuous_disable = no_filter,
	.allmulticast_enable = no_filter,
	.allmulticast_disable = no_filter,
	.mtu_set = mtu_set,
	.vlan_offload_set = vlan_offload_set,
	.fw_version_get = firmware_version,
	.get_reg = get_registers,
	.rx_queue_setup = pmd_rxq_setup,
	.tx_queue_setup = pmd_txq_setup,
	.rx_queue_release = pmd_rxq_release,
	.tx_queue_release = pmd_txq_release,
	.rx_queue_start = pmd_rxq_start,
	.rx_queue_stop = pmd_rxq_stop,
	.tx_queue_start = pmd_txq_start,
	.tx_queue_stop = pmd_txq_stop,
	.rxq_info_get = pmd_rxq_info,
	.txq_info_get = pmd_txq_info,
	.rx_burst_mode_get = rx_burst_mode,
	.tx_burst_mode_get = tx_burst_mode,
	.rx_queue_intr_enable = pmd_rx_intr_enable,
	.rx_queue_intr_disable = pmd_rx_intr_disable,
	.tx_done_cleanup = pmd_tx_done_cleanup,
	.reta_update = pmd_reta_update,
	.reta_query = pmd_reta_query,
	.rss_hash_update = pmd_rss_update,
	.rss_hash_conf_get = pmd_rss_get,
	.stats_get = pmd_stats_get,
	.stats_reset = pmd_stats_reset,
	.xstats_get = pmd_xstats_get,
	.xstats_get_names = pmd_xstats_names,
	.xstats_reset = pmd_xstats_reset,
};

/* The operations that need no handle of the adapter, which only the primary process has */
const struct eth_dev_ops pmd_secondary_ops = {
	.dev_close = do_close,
	.dev_infos_get = info,
	.link_update = pmd_link_update,
	.rxq_info_get = pmd_rxq_info,
	.txq_info_get = pmd_txq_info,
	.rx_burst_mode_get = rx_burst_mode,
	.tx_burst_mode_get = tx_burst_mode,
	.reta_query = pmd_reta_query,
	.rss_hash_conf_get = pmd_rss_get,
	.stats_get = pmd_stats_get,
	.stats_reset = pmd_stats_reset,
	.xstats_get = pmd_xstats_get,
	.xstats_get_names = pmd_xstats_names,
	.xstats_reset = pmd_xstats_reset,
};
