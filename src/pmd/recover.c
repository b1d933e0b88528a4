/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pmd/recover.c - reset an adapter, and bring its ports up again.
 *
 * Theory of operation
 *
 * An adapter that asks for a reset, that does not answer any more, or that breaks the protocol is
 * reset in a thread of its own, while the application polls its queues:
 *
 *	RTE_ETH_EVENT_ERR_RECOVERING to every port
 *	operations that use the adapter fail from here on: EBUSY
 *	for each port: bursts end and find no queue; the queues are destroyed, their packets freed
 *	the adapter is reset and brought up on the same connection; if that fails, again, for a while
 *	for each port: the same queues, the same configuration
 *	RTE_ETH_EVENT_RECOVERY_SUCCESS, or RECOVERY_FAILED, to every port
 *
 * The last one ends each recovery, also if the adapter goes away meanwhile; then comes the removal
 * event. The application's callbacks run in this thread, without a lock, so that they may stop,
 * close or reset a port. Any other thread that does so waits for the end of the recovery.
 *
 * A port whose configuration the adapter no longer supports (MTU, queues, another address) fails,
 * and the others go on.
 *
 * rte_eth_dev_reset() does the same in the caller's thread. It also connects again to an adapter
 * that had gone and was started anew.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "pmd/pmd.h"

#define PAUSE_US      100000u /* after a failed attempt; twice as long after the next */
#define PAUSE_MAX_US  3200000u
#define BURST_MS      10000u /* that a burst may take */
#define BURST_LOOK_US 10u    /* between looks whether it has ended */
#define BARRIER_US    10000u /* in place of a barrier, where the kernel has none */

/* ---- Bursts ---- */

void pmd_recover_attach(void)
{
	/* Fails before Linux 4.16 and in some sandboxes: see barrier(). */
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
}

/**
 * barrier() - on all CPUs that run a thread of an application with these queues
 *
 * Afterwards every burst sees what was stored before, or has been seen to begin. Without the system
 * call a pause has to do: a CPU does not keep a store back for so long.
 */
static void barrier(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) < 0)
		clock_pause_us(BARRIER_US);
}

/** ended() - wait until no burst uses a queue that does not run any more */
static bool ended(const bool *busy, uint64_t deadline)
{
	while (shared_load_acquire(busy)) {
		if (clock_passed(deadline))
			return false;
		clock_pause_us(BURST_LOOK_US);
	}
	return true;
}

/** quiesce() - stop the bursts of a port; -ETIMEDOUT if one does not end */
static int quiesce(struct rte_eth_dev *dev)
{
	uint64_t deadline = clock_deadline(BURST_MS);
	struct rte_eth_dev_data *data = dev->data;

	for (uint16_t i = 0; i < data->nb_rx_queues; i++)
		shared_store(&((struct pmd_rxq *)data->rx_queues[i])->running, false);
	for (uint16_t i = 0; i < data->nb_tx_queues; i++)
		shared_store(&((struct pmd_txq *)data->tx_queues[i])->running, false);
	barrier();
	for (uint16_t i = 0; i < data->nb_rx_queues + data->nb_tx_queues; i++) {
		bool rx = i < data->nb_rx_queues;
		uint16_t queue = rx ? i : (uint16_t)(i - data->nb_rx_queues);

		if (ended(rx ? &((struct pmd_rxq *)data->rx_queues[queue])->busy
			     : &((struct pmd_txq *)data->tx_queues[queue])->busy,
			  deadline))
			continue;
		PMD_LOG(ERR,
			"port %u: a burst of %s queue %u does not end, so the adapter cannot be "
			"reset: close the port",
			data->port_id, rx ? "receive" : "send", queue);
		return -ETIMEDOUT;
	}
	return 0;
}

/* ---- Ports ---- */

/** remember() - which queues the port is to have again */
static void remember(struct rte_eth_dev *dev)
{
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		struct pmd_rxq *rxq = dev->data->rx_queues[i];

		rxq->wanted = rxq->created;
	}
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++) {
		struct pmd_txq *txq = dev->data->tx_queues[i];

		txq->wanted = txq->created;
	}
}

/** all_down() - all ports, which keep their configuration; the first error */
static int all_down(struct pmd_adapter *adapter)
{
	int err = 0;

	for (unsigned int i = 0; i < DRIVER_PORTS_MAX && !err; i++) {
		struct rte_eth_dev *dev = adapter->ports[i];

		if (!dev || !pmd_port(dev)->handle)
			continue;
		remember(dev);
		err = quiesce(dev);
		if (!err)
			pmd_port_down(dev);
	}
	return err;
}

/** renew() - what the adapter says of a port now */
static int renew(struct pmd_adapter *adapter, struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);
	struct driver_port_info info;
	int err = driver_port_info(adapter->driver, port->index, &info);

	if (err || memcmp(info.mac, &port->mac, sizeof(info.mac))) {
		PMD_LOG(ERR,
			"port %u: after its reset, the adapter at %s has no vPort %u with "
			"this address",
			dev->data->port_id, adapter->pci->name, port->index);
		return -ENODEV;
	}
	for (uint32_t i = port->info.table_size; i < info.table_size; i++)
		port->table[i] = port->table[i % port->info.table_size];
	port->info = info;
	port->frame_max = adapter->info.frame_max;
	port->max_units = adapter->info.max_units;
	rte_spinlock_lock(&port->regions.lock);
	memset(port->regions.known, 0, sizeof(port->regions.known));
	rte_spinlock_unlock(&port->regions.lock);
	pmd_doorbell[dev->data->port_id] = driver_doorbell(adapter->driver);
	if (dev->state == RTE_ETH_DEV_REMOVED)
		dev->state = RTE_ETH_DEV_ATTACHED;
	if (!port->started || dev->data->mtu + (uint32_t)RTE_ETHER_HDR_LEN <= port->frame_max)
		return 0;
	PMD_LOG(ERR, "port %u: after its reset, the adapter's MTU is %u, less than %u",
		dev->data->port_id, port->frame_max - (uint32_t)RTE_ETHER_HDR_LEN, dev->data->mtu);
	return -EMSGSIZE;
}

/** is_adapters() - is the adapter to blame for an error, and not what one port wants of it? */
static bool is_adapters(int err)
{
	return err == -ENODEV || err == -ETIMEDOUT || err == -EPROTO;
}

/** all_up() - the ports that were up; an error only if the adapter has failed */
static int all_up(struct pmd_adapter *adapter)
{
	int err;

	for (unsigned int i = 0; i < DRIVER_PORTS_MAX; i++) {
		struct rte_eth_dev *dev = adapter->ports[i];
		struct pmd_port *port;

		if (!dev)
			continue;
		port = pmd_port(dev);
		err = renew(adapter, dev);
		port->recovered = !err;
		if (err || !port->started)
			continue;
		err = pmd_port_up(dev);
		port->recovered = !err;
		if (is_adapters(err))
			return err;
	}
	return 0;
}

/* ---- The adapter ---- */

/** bring_back() - reset it; or open it, if there is no connection */
static int bring_back(struct pmd_adapter *adapter)
{
	/* The kernel's driver resets its adapter itself; this process gets its queues anew. */
	bool again = adapter->gone || adapter->verbs;
	int err;

	pthread_mutex_lock(&adapter->lock);
	adapter->again = false; /* What was requested until here is done now. */
	pthread_mutex_unlock(&adapter->lock);
	if (!again) {
		err = driver_restart(adapter->driver);
		if (!err)
			driver_info(adapter->driver, &adapter->info);
		return err;
	}
	adapter->removed = false;
	adapter->gone = false;
	err = adapter->open(adapter);
	adapter->gone = err != 0;
	return err;
}

/** is_over() - shall there be no further attempt? */
static bool is_over(const struct pmd_adapter *adapter, int err, uint64_t deadline)
{
	return !is_adapters(err) || err == -ENODEV || adapter->gone || adapter->removed ||
	       adapter->closing || clock_passed(deadline);
}

/** recover() - all of it; the lock is not held, and @adapter->recovering keeps others away */
static int recover(struct pmd_adapter *adapter)
{
	uint64_t deadline = clock_deadline(adapter->patience_ms);
	unsigned int pause = PAUSE_US;
	int err;

	for (unsigned int i = 0; i < DRIVER_PORTS_MAX; i++)
		if (adapter->ports[i])
			pmd_port(adapter->ports[i])->recovered = false;
	for (;;) {
		err = all_down(adapter);
		if (err)
			return err; /* the adapter cannot be reset while it is in use */
		err = bring_back(adapter);
		if (!err)
			err = all_up(adapter);
		if (!err || is_over(adapter, err, deadline))
			break;
		PMD_LOG(NOTICE, "cannot bring the adapter at %s up again yet: %s",
			adapter->pci->name, error_reason(-err));
		clock_pause_us(pause);
		pause = RTE_MIN(2 * pause, PAUSE_MAX_US);
	}
	if (err) {
		all_down(adapter);
		PMD_LOG(ERR, "cannot bring the adapter at %s up again: %s", adapter->pci->name,
			error_reason(-err));
	}
	return err;
}

/** begin() - keep others away; the lock is held */
static void begin(struct pmd_adapter *adapter)
{
	adapter->recovering = true;
	pthread_mutex_unlock(&adapter->lock);
}

/** end() - the lock is held afterwards */
static void end(struct pmd_adapter *adapter, int err)
{
	pthread_mutex_lock(&adapter->lock);
	adapter->recovering = false;
	adapter->failed = err != 0;
}

/** tell_results() - to every port but @except */
static void tell_results(struct pmd_adapter *adapter, const struct rte_eth_dev *except, int err)
{
	for (unsigned int i = 0; i < DRIVER_PORTS_MAX; i++) {
		struct rte_eth_dev *dev = adapter->ports[i];
		bool fine = dev && !err && pmd_port(dev)->recovered;

		if (!dev || dev == except)
			continue;
		if (fine)
			pmd_link_update(dev, 1);
		PMD_LOG(NOTICE, "port %u: %s", dev->data->port_id,
			fine ? "the adapter was reset, and the port works again"
			     : "the port could not be recovered: close it");
		rte_eth_dev_callback_process(
			dev, fine ? RTE_ETH_EVENT_RECOVERY_SUCCESS : RTE_ETH_EVENT_RECOVERY_FAILED,
			NULL);
	}
}

/** leave() - others need not wait any more; the lock is held, and released */
static void leave(struct pmd_adapter *adapter)
{
	bool last;

	while (adapter->removed && !adapter->gone) {
		pthread_mutex_unlock(&adapter->lock);
		pmd_removed(adapter);
		pthread_mutex_lock(&adapter->lock);
	}
	adapter->active = false;
	pthread_cond_broadcast(&adapter->idle);
	/*
	 * Before the lock is released: whoever waited may close the last port next, and is to free
	 * the adapter then. This thread frees it if the application closed all ports in a callback.
	 */
	last = pmd_adapter_drop(adapter);
	pthread_mutex_unlock(&adapter->lock);
	if (last)
		pmd_adapter_free(adapter);
}

/** enter() - be the thread that others wait for; the lock is held */
static void enter(struct pmd_adapter *adapter, pthread_t self)
{
	adapter->active = true;
	adapter->thread = self;
	pmd_adapter_get(adapter);
}

/** cycle() - a reset, from event to event */
static int cycle(struct pmd_adapter *adapter)
{
	int err;

	PMD_LOG(NOTICE, "the adapter at %s needs a reset", adapter->pci->name);
	pmd_tell_all(adapter, RTE_ETH_EVENT_ERR_RECOVERING);
	pthread_mutex_lock(&adapter->lock);
	begin(adapter);
	err = recover(adapter);
	end(adapter, err);
	pthread_mutex_unlock(&adapter->lock);
	tell_results(adapter, NULL, err);
	return err;
}

static void *run(void *arg)
{
	struct pmd_adapter *adapter = arg;

	pthread_setname_np(pthread_self(), "manakin-reset");
	for (;;) {
		int err = cycle(adapter);

		pthread_mutex_lock(&adapter->lock);
		if (err || !adapter->again)
			break;
		pthread_mutex_unlock(&adapter->lock);
	}
	leave(adapter);
	return NULL;
}

void pmd_recover_start(struct pmd_adapter *adapter)
{
	pthread_attr_t attr;
	int err = 0;

	pthread_mutex_lock(&adapter->lock);
	if (adapter->active) {
		adapter->again = true;
	} else if (!adapter->failed && !adapter->gone && !adapter->closed) {
		pthread_attr_init(&attr);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		enter(adapter, 0);
		/* It waits for the lock before it is needed. */
		err = pthread_create(&adapter->thread, &attr, run, adapter);
		pthread_attr_destroy(&attr);
		if (err) {
			adapter->active = false;
			adapter->failed = true;
		}
	}
	pthread_mutex_unlock(&adapter->lock);
	if (!err)
		return;
	PMD_LOG(ERR, "cannot reset the adapter at %s: no thread: %s", adapter->pci->name,
		error_reason(err));
	pmd_tell_all(adapter, RTE_ETH_EVENT_RECOVERY_FAILED);
	pmd_adapter_put(adapter);
}

void pmd_lock_idle(struct pmd_adapter *adapter)
{
	pthread_mutex_lock(&adapter->lock);
	while (adapter->active && !pthread_equal(adapter->thread, pthread_self()))
		pthread_cond_wait(&adapter->idle, &adapter->lock);
}

int pmd_recover_port(struct rte_eth_dev *dev)
{
	struct pmd_adapter *adapter = pmd_port(dev)->adapter;
	bool inside, others = false;
	int err = 0;

	pmd_lock_idle(adapter);
	for (unsigned int i = 0; i < DRIVER_PORTS_MAX; i++)
		others = others || (adapter->ports[i] && pmd_port(adapter->ports[i])->started);
	if (others && !adapter->failed && !adapter->gone) {
		err = renew(adapter, dev);
		pthread_mutex_unlock(&adapter->lock);
		return err;
	}
	inside = adapter->active; /* in a callback of this thread */
	if (!inside)
		enter(adapter, pthread_self());
	if (others) {
		pthread_mutex_unlock(&adapter->lock);
		pmd_tell_all(adapter, RTE_ETH_EVENT_ERR_RECOVERING);
		pthread_mutex_lock(&adapter->lock);
	}
	begin(adapter);
	err = recover(adapter);
	if (!err && !pmd_port(dev)->recovered)
		err = -EIO;
	end(adapter, err);
	pthread_mutex_unlock(&adapter->lock);
	if (others)
		tell_results(adapter, dev, err);
	pthread_mutex_lock(&adapter->lock);
	if (inside)
		pthread_mutex_unlock(&adapter->lock);
	else
		leave(adapter);
	return err;
}
