/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * The EAL's interrupt thread waits for the driver's event descriptor and notifies the application:
 *
 *	link up, link down	RTE_ETH_EVENT_INTR_LSC
 *	adapter needs a reset	recover.c does that, and reports it
 *	adapter is gone		link down, then RTE_ETH_EVENT_INTR_RMV
 *
 * Packets in flight stay where they are until the port is stopped: the burst functions find no new
 * packets and no room.
 *
 * Receive interrupts do not pass through that thread: an application itself waits for the event
 * descriptor of a queue (rte_epoll_wait()).
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <rte_cycles.h>
#include <rte_errno.h>

#include "base/error.h"
#include "base/shared.h"
#include "pmd/pmd.h"

#define EVENTS 16

/* ---- Link ---- */

/** set_link() - update the state of the vPort's link; 0 if it has changed */
static int set_link(struct rte_eth_dev *dev, bool up)
{
	const struct pmd_port *port = pmd_port(dev);
	struct rte_eth_link link = {
		.link_speed =
			port->info.speed_mbps ? port->info.speed_mbps : RTE_ETH_SPEED_NUM_UNKNOWN,
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
		.link_status = up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN,
	};

	return rte_eth_linkstatus_set(dev, &link);
}

int pmd_link_update(struct rte_eth_dev *dev, int wait)
{
	struct pmd_port *port = pmd_port(dev);
	struct driver_port_info info;

	/* The primary process is notified of changes; its state is shared. */
	if (!pmd_primary())
		return -1;
	if (port->adapter->gone)
		return set_link(dev, false);
	if (!pmd_lock(dev)) {
		/* The adapter reports no change of the speed: only what it says when it is asked. */
		if (wait)
			driver_query_link(port->adapter->driver, port->index);
		if (!driver_port_info(port->adapter->driver, port->index, &info)) {
			port->info.link_up = info.link_up;
			port->info.speed_mbps = info.speed_mbps;
		}
		pmd_unlock(dev);
	}
	return set_link(dev, port->info.link_up);
}

/* ---- Events of the adapter ---- */

void pmd_tell_all(struct pmd_adapter *adapter, enum rte_eth_event_type event)
{
	for (unsigned int i = 0; i < DRIVER_PORTS_MAX; i++)
		if (adapter->ports[i])
			rte_eth_dev_callback_process(adapter->ports[i], event, NULL);
}

static void link_event(struct pmd_adapter *adapter, unsigned int index, bool up)
{
	struct rte_eth_dev *dev = index < DRIVER_PORTS_MAX ? adapter->ports[index] : NULL;

	if (!dev)
		return;
	pmd_port(dev)->info.link_up = up;
	if (!set_link(dev, up))
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_LSC, NULL);
}

static void on_event(void *arg);

void pmd_removed(struct pmd_adapter *adapter)
{
	PMD_LOG(NOTICE, "the adapter at %s is gone", adapter->pci->name);
	adapter->gone = true;
	/* An application may close all ports in its own callback. */
	pmd_adapter_get(adapter);
	for (unsigned int i = 0; i < DRIVER_PORTS_MAX; i++)
		link_event(adapter, i, false);
	pmd_tell_all(adapter, RTE_ETH_EVENT_INTR_RMV);
	pmd_adapter_put(adapter);
}

/** removal_event() - while the adapter is being reset, whoever does that reports it afterwards */
static void removal_event(struct pmd_adapter *adapter)
{
	bool active;

	/* Its descriptor would stay readable. This function is running in the callback. */
	rte_intr_callback_unregister_pending(adapter->intr, on_event, adapter, NULL);
	adapter->listening = false;
	pthread_mutex_lock(&adapter->lock);
	active = adapter->active;
	adapter->removed = true;
	pthread_mutex_unlock(&adapter->lock);
	if (!active)
		pmd_removed(adapter);
}

static void on_event(void *arg)
{
	struct pmd_adapter *adapter = arg;
	struct driver_event events[EVENTS];
	unsigned int n = driver_events(adapter->driver, events, EVENTS);

	for (unsigned int i = 0; i < n; i++) {
		switch (events[i].type) {
		case DRIVER_EVENT_LINK_UP:
		case DRIVER_EVENT_LINK_DOWN:
			link_event(adapter, events[i].port, events[i].type == DRIVER_EVENT_LINK_UP);
			break;
		case DRIVER_EVENT_RESET:
			adapter->recover(adapter);
			break;
		case DRIVER_EVENT_REMOVED:
			removal_event(adapter);
			return; /* it may be freed now */
		}
	}
}

int pmd_event_start(struct pmd_adapter *adapter)
{
	int err;

	adapter->intr = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (!adapter->intr)
		return -ENOMEM;
	if (rte_intr_type_set(adapter->intr, RTE_INTR_HANDLE_EXT) ||
	    rte_intr_fd_set(adapter->intr, driver_event_fd(adapter->driver))) {
		err = -rte_errno;
	} else {
		err = rte_intr_callback_register(adapter->intr, on_event, adapter);
	}
	if (err) {
		PMD_LOG(ERR, "cannot receive events of the adapter at %s: %s", adapter->pci->name,
			error_reason(-err));
		rte_intr_instance_free(adapter->intr);
		adapter->intr = NULL;
		return err;
	}
	adapter->listening = true;
	return 0;
}

void pmd_event_stop(struct pmd_adapter *adapter)
{
	/* The callback may be running in the interrupt thread; it does not take long. */
	for (unsigned int i = 0; adapter->listening && i < 1000; i++) {
		if (rte_intr_callback_unregister(adapter->intr, on_event, adapter) != -EAGAIN)
			adapter->listening = false;
		else
			rte_delay_us_sleep(1000);
	}
	rte_intr_instance_free(adapter->intr);
	adapter->intr = NULL;
}

/* ---- Receive interrupts ---- */

int pmd_intr_start(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);
	uint16_t n = dev->data->nb_rx_queues;

	if (!dev->data->dev_conf.intr_conf.rxq)
		return 0;
	if (n > RTE_MAX_RXTX_INTR_VEC_ID) {
		PMD_LOG(ERR, "port %u: DPDK has %u interrupts per port, fewer than %u queues",
			dev->data->port_id, RTE_MAX_RXTX_INTR_VEC_ID, n);
		return -EINVAL;
	}
	if (rte_intr_vec_list_alloc(port->intr, NULL, n))
		return -ENOMEM;
	for (uint16_t i = 0; i < n; i++) {
		const struct pmd_rxq *rxq = dev->data->rx_queues[i];
		int fd = rxq->created ? driver_rxq_event_fd(port->handle, i) : -1;

		if (fd < 0 && rxq->created) {
			PMD_LOG(ERR, "port %u: queue %u has no interrupt: %s", dev->data->port_id,
				i, error_reason(-fd));
			return fd;
		}
		if (rte_intr_vec_list_index_set(port->intr, i, RTE_INTR_VEC_RXTX_OFFSET + i) ||
		    rte_intr_efds_index_set(port->intr, i, fd))
			return -rte_errno;
	}
	return rte_intr_nb_efd_set(port->intr, n) ? -rte_errno : 0;
}

void pmd_intr_stop(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);

	if (!port->intr || !rte_intr_nb_efd_get(port->intr))
		return;
	rte_intr_free_epoll_fd(port->intr);
	rte_intr_vec_list_free(port->intr);
	rte_intr_nb_efd_set(port->intr, 0);
}

int pmd_intr_queue_start(struct rte_eth_dev *dev, uint16_t queue)
{
	struct pmd_port *port = pmd_port(dev);
	int fd;

	if (!rte_intr_nb_efd_get(port->intr))
		return 0;
	fd = driver_rxq_event_fd(port->handle, queue);
	if (fd < 0)
		return fd;
	return rte_intr_efds_index_set(port->intr, queue, fd) ? -rte_errno : 0;
}

void pmd_intr_queue_stop(struct rte_eth_dev *dev, uint16_t queue)
{
	struct pmd_port *port = pmd_port(dev);
	struct rte_epoll_event *event;

	if (!rte_intr_nb_efd_get(port->intr))
		return;
	event = rte_intr_elist_index_get(port->intr, queue);
	if (event && shared_load(&event->status) != RTE_EPOLL_INVALID)
		rte_epoll_ctl(event->epfd, EPOLL_CTL_DEL, event->fd, event);
	rte_intr_efds_index_set(port->intr, queue, -1);
}

int pmd_rx_intr_enable(struct rte_eth_dev *dev, uint16_t queue)
{
	struct pmd_rxq *rxq = dev->data->rx_queues[queue];
	int err;

	if (!pmd_enter(&rxq->busy, &rxq->running))
		return -EINVAL; /* the queue is stopped */
	err = driver_rxq_arm(pmd_port(dev)->handle, queue);
	pmd_leave(&rxq->busy);
	return err;
}

/** pmd_rx_intr_disable() - an armed queue raises at most one event; consume it if it was raised */
int pmd_rx_intr_disable(struct rte_eth_dev *dev, uint16_t queue)
{
	struct pmd_rxq *rxq = dev->data->rx_queues[queue];
	int err;

	if (!pmd_enter(&rxq->busy, &rxq->running))
		return -EINVAL;
	err = driver_rxq_disarm(pmd_port(dev)->handle, queue);
	pmd_leave(&rxq->busy);
	return err;
}
