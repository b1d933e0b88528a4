/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/driver.c - what both control planes have in common: arguments, the lock, the list of
 * objects, and events
 */
#include "base/error.h"
#include "driver/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

#define PAGE 4096u

int driver_init(struct driver *driver, const struct control_ops *ops, const char *name,
		const struct driver_allocator *allocator)
{
	struct epoll_event event = { .events = EPOLLIN };
	int err;

	driver->ops = ops;
	driver->name = name;
	driver->allocator = *allocator;
	driver->timeout_ms = HWC_DEFAULT_TIMEOUT_MS;
	driver->event_fd = epoll_create1(EPOLL_CLOEXEC);
	driver->notice_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (driver->event_fd < 0 || driver->notice_fd < 0 ||
	    epoll_ctl(driver->event_fd, EPOLL_CTL_ADD, driver->notice_fd, &event) < 0) {
		err = -errno;
		if (driver->event_fd >= 0)
			close(driver->event_fd);
		if (driver->notice_fd >= 0)
			close(driver->notice_fd);
		return err;
	}
	pthread_mutex_init(&driver->lock, NULL);
	return 0;
}

void driver_fini(struct driver *driver)
{
	close(driver->event_fd);
	close(driver->notice_fd);
	pthread_mutex_destroy(&driver->lock);
}

static void notice(struct driver *driver)
{
	const uint64_t one = 1;

	/* Fails only if the counter is full, and then it is readable anyway. */
	if (write(driver->notice_fd, &one, sizeof(one)) < 0)
		return;
}

void driver_note_link(struct driver *driver, unsigned int port, bool up)
{
	driver->port_info[port].link_up = up;
	driver->link_noted[port] = true;
	notice(driver);
}

void driver_note_reset(struct driver *driver)
{
	driver->reset_noted = true;
	notice(driver);
}

void driver_note_removed(struct driver *driver)
{
	driver->removed_noted = true;
	notice(driver);
}

void driver_set_timeout(struct driver *driver, unsigned int ms)
{
	pthread_mutex_lock(&driver->lock);
	driver->timeout_ms = ms;
	pthread_mutex_unlock(&driver->lock);
}

static bool is_range(const void *va, uint64_t size)
{
	return size && (uintptr_t)va % PAGE == 0 && size % PAGE == 0 &&
	       size <= UINTPTR_MAX - (uintptr_t)va;
}

int driver_map(struct driver *driver, void *va, uint64_t size, int fd, uint64_t offset)
{
	int err = is_range(va, size) ? driver->ops->map(driver, va, size, fd, offset) : -EINVAL;

	if (err)
		log_say(LOG_ERROR, "%s: cannot map %llu bytes at %p for the adapter: %s",
			driver->name, (unsigned long long)size, va, error_reason(-err));
	return err;
}

int driver_unmap(struct driver *driver, void *va, uint64_t size)
{
	return is_range(va, size) ? driver->ops->unmap(driver, va, size) : -EINVAL;
}

int driver_region(struct driver *driver, unsigned int port, const void *va,
		  struct driver_region *region)
{
	if (!driver->started || port >= driver->info.ports)
		return -ENOENT;
	return driver->ops->region(driver, port, va, region);
}

int driver_start(struct driver *driver)
{
	int err = -EBUSY;

	pthread_mutex_lock(&driver->lock);
	if (!driver->started) {
		err = driver->ops->start(driver);
		driver->started = !err;
		if (!driver->info.max_units)
			driver->info.max_units = DRIVER_UNITS_MAX;
	}
	pthread_mutex_unlock(&driver->lock);
	return err;
}

/** forget() - what was known of the adapter before its reset */
static void forget(struct driver *driver)
{
	driver->started = false;
	driver->reset_noted = false;
	memset(&driver->info, 0, sizeof(driver->info));
	memset(driver->port_info, 0, sizeof(driver->port_info));
	memset(driver->link_noted, 0, sizeof(driver->link_noted));
}

int driver_restart(struct driver *driver)
{
	int err = driver->ops->restart ? 0 : -ENOTSUP;

	pthread_mutex_lock(&driver->lock);
	for (unsigned int i = 0; i < DRIVER_PORTS_MAX && !err; i++)
		if (driver->port[i])
			err = -EBUSY;
	if (!err) {
		forget(driver);
		err = driver->ops->restart(driver);
		driver->started = !err;
		/* A failure is this call's result, and needs no event. */
		if (err)
			driver->reset_noted = false;
		if (!driver->info.max_units)
			driver->info.max_units = DRIVER_UNITS_MAX;
	}
	pthread_mutex_unlock(&driver->lock);
	return err;
}

/** port_close() - destroy the queues, then the port; the lock is held */
static void port_close(struct driver_port *port)
{
	const struct control_ops *ops = port->driver->ops;

	for (unsigned int i = 0; i < DRIVER_QUEUES_MAX; i++)
		if (port->rxq[i])
			ops->rxq_destroy(port, i);
	for (unsigned int i = 0; i < DRIVER_QUEUES_MAX; i++)
		if (port->txq[i])
			ops->txq_destroy(port, i);
	if (ops->port_close)
		ops->port_close(port);
	port->driver->port[port->index] = NULL;
	free(port);
}

void driver_close(struct driver *driver)
{
	for (unsigned int i = 0; i < DRIVER_PORTS_MAX; i++)
		if (driver->port[i])
			driver_port_close(driver->port[i]);
	driver->ops->close(driver);
}

void driver_info(const struct driver *driver, struct driver_info *info)
{
	*info = driver->info;
}

int driver_port_info(const struct driver *driver, unsigned int index, struct driver_port_info *info)
{
	if (index >= driver->info.ports)
		return -EINVAL;
	*info = driver->port_info[index];
	return 0;
}

int driver_query_link(struct driver *driver, unsigned int index)
{
	int err = 0;

	pthread_mutex_lock(&driver->lock);
	if (!driver->started || index >= driver->info.ports)
		err = -EINVAL;
	else if (driver->ops->query_link)
		err = driver->ops->query_link(driver, index);
	pthread_mutex_unlock(&driver->lock);
	return err;
}

const struct driver_doorbell *driver_doorbell(const struct driver *driver)
{
	return &driver->doorbell;
}

int driver_port_open(struct driver *driver, unsigned int index,
		     const struct driver_port_config *config, struct driver_port **out)
{
	struct driver_port *port;
	int err = 0;

	pthread_mutex_lock(&driver->lock);
	if (!driver->started || index >= driver->info.ports)
		err = -EINVAL;
	else if (driver->port[index])
		err = -EBUSY;
	port = err ? NULL : driver->ops->port_alloc();
	if (!err && !port)
		err = -ENOMEM;
	if (!err) {
		port->driver = driver;
		port->index = index;
		port->config = *config;
		err = driver->ops->port_open(port);
	}
	if (err) {
		free(port);
	} else {
		driver->port[index] = port;
		*out = port;
	}
	pthread_mutex_unlock(&driver->lock);
	return err;
}

void driver_port_close(struct driver_port *port)
{
	struct driver *driver = port->driver;

	pthread_mutex_lock(&driver->lock);
	port_close(port);
	pthread_mutex_unlock(&driver->lock);
}

/** check_queue() - can this queue be created? */
static int check_queue(const struct driver *driver, unsigned int index, uint32_t max, bool exists,
		       uint32_t units)
{
	if (index >= max || units < DRIVER_UNITS_MIN || units > driver->info.max_units ||
	    units & (units - 1))
		return -EINVAL;
	return exists ? -EBUSY : 0;
}

/** queue_create() - create the caller's @txq or @rxq; the other one is NULL */
static int queue_create(struct driver_port *port, unsigned int index, uint32_t units,
			struct driver_signal *signals, struct driver_txq *txq,
			struct driver_rxq *rxq)
{
	struct driver *driver = port->driver;
	const struct driver_port_info *info = &driver->port_info[port->index];
	bool exists;
	int err;

	pthread_mutex_lock(&driver->lock);
	exists = index < DRIVER_QUEUES_MAX &&
		 (txq ? port->txq[index] != NULL : port->rxq[index] != NULL);
	err = check_queue(driver, index, txq ? info->max_txq : info->max_rxq, exists, units);
	if (!err && txq) {
		memset(txq, 0, sizeof(*txq));
		err = driver->ops->txq_create(port, index, units, txq);
		txq->signals = signals;
		port->txq[index] = err ? NULL : txq;
	} else if (!err) {
		memset(rxq, 0, sizeof(*rxq));
		err = driver->ops->rxq_create(port, index, units, rxq);
		port->rxq[index] = err ? NULL : rxq;
	}
	pthread_mutex_unlock(&driver->lock);
	return err;
}

int driver_txq_create(struct driver_port *port, unsigned int index, uint32_t units,
		      struct driver_signal *signals, struct driver_txq *txq)
{
	return queue_create(port, index, units, signals, txq, NULL);
}

int driver_rxq_create(struct driver_port *port, unsigned int index, uint32_t units,
		      struct driver_rxq *rxq)
{
	return queue_create(port, index, units, NULL, NULL, rxq);
}

/** txq_close(), rxq_close() - close the queue if it exists; the lock is held */
static void txq_close(struct driver_port *port, unsigned int index)
{
	if (port->txq[index])
		port->driver->ops->txq_destroy(port, index);
	port->txq[index] = NULL;
}

static void rxq_close(struct driver_port *port, unsigned int index)
{
	if (port->rxq[index])
		port->driver->ops->rxq_destroy(port, index);
	port->rxq[index] = NULL;
}

void driver_txq_destroy(struct driver_port *port, unsigned int index)
{
	pthread_mutex_lock(&port->driver->lock);
	if (index < DRIVER_QUEUES_MAX)
		txq_close(port, index);
	pthread_mutex_unlock(&port->driver->lock);
}

void driver_rxq_destroy(struct driver_port *port, unsigned int index)
{
	pthread_mutex_lock(&port->driver->lock);
	if (index < DRIVER_QUEUES_MAX)
		rxq_close(port, index);
	pthread_mutex_unlock(&port->driver->lock);
}

/** check_rss() - is the table valid? */
static int check_rss(const struct driver_port *port, const struct driver_rss *rss)
{
	uint32_t max = port->driver->port_info[port->index].table_size;

	if (!rss->enable)
		return 0;
	if (!rss->entries || rss->entries > max || rss->entries & (rss->entries - 1))
		return -EINVAL;
	for (uint32_t i = 0; i < rss->entries; i++)
		if (rss->table[i] >= DRIVER_QUEUES_MAX || !port->rxq[rss->table[i]])
			return -EINVAL;
	return 0;
}

int driver_rss(struct driver_port *port, const struct driver_rss *rss)
{
	int err;

	pthread_mutex_lock(&port->driver->lock);
	err = check_rss(port, rss);
	if (!err)
		err = port->driver->ops->rss(port, rss);
	pthread_mutex_unlock(&port->driver->lock);
	return err;
}

int driver_rxq_event_fd(const struct driver_port *port, unsigned int index)
{
	if (index >= DRIVER_QUEUES_MAX || !port->rxq[index])
		return -EINVAL;
	return port->config.rx_interrupts ? port->driver->ops->rxq_event_fd(port, index) : -ENOTSUP;
}

int driver_rxq_arm(struct driver_port *port, unsigned int index)
{
	/* Only the queue's owner calls this: no lock, or owners would wait for one another. */
	if (index >= DRIVER_QUEUES_MAX || !port->rxq[index])
		return -EINVAL;
	return port->config.rx_interrupts ? port->driver->ops->rxq_arm(port, index) : -ENOTSUP;
}

int driver_rxq_disarm(struct driver_port *port, unsigned int index)
{
	int fd = driver_rxq_event_fd(port, index);
	uint64_t count;

	if (fd < 0)
		return fd;
	if (port->driver->ops->rxq_disarm)
		return port->driver->ops->rxq_disarm(port, index);
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	return 0;
}

int driver_event_fd(const struct driver *driver)
{
	return driver->event_fd;
}

/** pending() - is there an event that has not been reported? */
static bool pending(const struct driver *driver)
{
	for (unsigned int i = 0; i < driver->info.ports; i++)
		if (driver->link_noted[i])
			return true;
	return driver->reset_noted || (driver->removed_noted && !driver->removed_told);
}

unsigned int driver_events(struct driver *driver, struct driver_event *events, unsigned int max)
{
	unsigned int n = 0;
	uint64_t count;

	pthread_mutex_lock(&driver->lock);
	driver->ops->poll(driver);
	/* Fails if there is no event. */
	if (read(driver->notice_fd, &count, sizeof(count)) < 0)
		count = 0;
	for (unsigned int i = 0; i < driver->info.ports && n < max; i++) {
		if (!driver->link_noted[i])
			continue;
		driver->link_noted[i] = false;
		events[n++] = (struct driver_event){
			.type = driver->port_info[i].link_up ? DRIVER_EVENT_LINK_UP
							     : DRIVER_EVENT_LINK_DOWN,
			.port = i,
		};
	}
	if (driver->reset_noted && n < max) {
		driver->reset_noted = false;
		events[n++] = (struct driver_event){ .type = DRIVER_EVENT_RESET };
	}
	if (driver->removed_noted && !driver->removed_told && n < max) {
		driver->removed_told = true;
		events[n++] = (struct driver_event){ .type = DRIVER_EVENT_REMOVED };
	}
	if (pending(driver))
		notice(driver);
	pthread_mutex_unlock(&driver->lock);
	return n;
}

int driver_stats(struct driver *driver, struct mana_query_gf_stat_resp *stats)
{
	int err;

	pthread_mutex_lock(&driver->lock);
	err = !driver->started     ? -EINVAL
	      : driver->ops->stats ? driver->ops->stats(driver, stats)
				   : -ENOTSUP;
	pthread_mutex_unlock(&driver->lock);
	return err;
}

int driver_registers(struct driver *driver, uint64_t offset, void *data, size_t len)
{
	int err;

	pthread_mutex_lock(&driver->lock);
	err = driver->ops->registers ? driver->ops->registers(driver, offset, data, len) : -ENOTSUP;
	pthread_mutex_unlock(&driver->lock);
	return err;
}

int driver_share(struct driver *driver, struct driver_share *share)
{
	int err;

	memset(share, 0, sizeof(*share));
	share->transport.post_fd = share->transport.bar_fd = -1;
	pthread_mutex_lock(&driver->lock);
	err = !driver->started     ? -EINVAL
	      : driver->ops->share ? driver->ops->share(driver, share)
				   : -ENOTSUP;
	pthread_mutex_unlock(&driver->lock);
	return err;
}
