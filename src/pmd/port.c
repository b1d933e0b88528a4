/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pmd/port.c - a vPort with its queues, up and down.
 *
 * A port opens its vPort when it is started, or after its adapter's reset, and closes it when it is
 * stopped. So the configuration (interrupts, queues, key) is applied once, then:
 *
 *	vPort -> send queues -> receive queues -> steering -> buffers -> bursts
 */
#include "base/error.h"
#include "pmd/pmd.h"

void pmd_port_down(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);

	pmd_intr_stop(dev);
	if (!port->handle)
		return;
	pmd_rss_apply(dev, false);
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++)
		pmd_rxq_destroy(dev, i);
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++)
		pmd_txq_destroy(dev, i);
	driver_port_close(port->handle);
	port->handle = NULL;
}

/** create() - the queues, which receive afterwards */
static int create(struct rte_eth_dev *dev)
{
	int err = 0;

	for (uint16_t i = 0; i < dev->data->nb_tx_queues && !err; i++) {
		const struct pmd_txq *txq = dev->data->tx_queues[i];

		if (txq->wanted)
			err = pmd_txq_create(dev, i);
	}
	for (uint16_t i = 0; i < dev->data->nb_rx_queues && !err; i++) {
		const struct pmd_rxq *rxq = dev->data->rx_queues[i];

		if (rxq->wanted)
			err = pmd_rxq_create(dev, i);
	}
	if (!err && dev->data->nb_rx_queues)
		err = pmd_rss_apply(dev, true);
	for (uint16_t i = 0; i < dev->data->nb_rx_queues && !err; i++) {
		const struct pmd_rxq *rxq = dev->data->rx_queues[i];

		if (rxq->created)
			err = pmd_rxq_fill(dev, i);
	}
	return err ? err : pmd_intr_start(dev);
}

int pmd_port_up(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);
	struct driver_port_config config = {
		.rx_interrupts = dev->data->dev_conf.intr_conf.rxq != 0,
	};
	int err;

	err = driver_port_open(port->adapter->driver, port->index, &config, &port->handle);
	if (err) {
		PMD_LOG(ERR, "port %u: cannot open vPort %u of the adapter at %s: %s",
			dev->data->port_id, port->index, port->adapter->pci->name,
			error_reason(-err));
		return err;
	}
	err = create(dev);
	if (err) {
		pmd_port_down(dev);
		return err;
	}
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++)
		if (((struct pmd_txq *)dev->data->tx_queues[i])->created)
			pmd_txq_run(dev, i);
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++)
		if (((struct pmd_rxq *)dev->data->rx_queues[i])->created)
			pmd_rxq_run(dev, i);
	return 0;
}
