/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/control.h - the two control planes behind driver.h, as driver.c sees them.
 *
 * hwc.c talks to the adapter itself, verbs.c to the kernel's mana_ib through libmana. Both fill in
 * the same queues, so the hot path does not depend on the plane.
 *
 * driver.c checks arguments, holds the lock, and knows which objects exist; a plane can rely on
 * that: an index is below the limit in the port's info, and a queue to be created does not exist.
 */
#ifndef MANAKIN_DRIVER_CONTROL_H
#define MANAKIN_DRIVER_CONTROL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "driver/driver.h"

/**
 * struct driver_port - an open vPort
 * @txq, @rxq:	the caller's queues; NULL where there is none
 */
struct driver_port {
	struct driver *driver;
	unsigned int index;
	struct driver_port_config config;
	struct driver_txq *txq[DRIVER_QUEUES_MAX];
	struct driver_rxq *rxq[DRIVER_QUEUES_MAX];
};

/**
 * struct control_ops - a control plane
 * @map, @unmap: memory; address and size are whole pages. Called without the lock, see driver_map()
 * @region:	the key for an address at a vPort; also called without the lock
 * @start:	bring the adapter up; fills in driver->info, ->port_info and ->doorbell
 * @restart:	reset the adapter, then as @start; NULL if the plane cannot
 * @port_alloc:	allocate a port of the plane's own size, zeroed, with struct driver_port at its
 *		start
 * @port_open:	open it; on failure driver.c frees it
 * @port_close:	its queues are destroyed already; driver.c frees it; may be NULL
 * @query_link:	see driver.h; NULL if the plane does not know it
 * @txq_create, @rxq_create: create a queue and fill in the caller's structure
 * @txq_destroy, @rxq_destroy: cannot fail
 * @rss:	@rss->table holds indexes of queues that exist
 * @rxq_event_fd, @rxq_arm, @rxq_disarm: see driver.h; without @rxq_disarm the event is that of an
 *		eventfd
 * @poll:	handle events from the adapter: driver_note_*()
 * @stats, @registers, @share: see driver.h; NULL if the plane does not have it
 * @close:	frees the driver's own part; ports are closed already
 */
struct control_ops {
	int (*map)(struct driver *driver, void *va, uint64_t size, int fd, uint64_t offset);
	int (*unmap)(struct driver *driver, void *va, uint64_t size);
	int (*region)(struct driver *driver, unsigned int port, const void *va,
		      struct driver_region *region);
	int (*start)(struct driver *driver);
	int (*restart)(struct driver *driver);
	struct driver_port *(*port_alloc)(void);
	int (*port_open)(struct driver_port *port);
	void (*port_close)(struct driver_port *port);
	int (*query_link)(struct driver *driver, unsigned int index);
	int (*txq_create)(struct driver_port *port, unsigned int index, uint32_t units,
			  struct driver_txq *txq);
	void (*txq_destroy)(struct driver_port *port, unsigned int index);
	int (*rxq_create)(struct driver_port *port, unsigned int index, uint32_t units,
			  struct driver_rxq *rxq);
	void (*rxq_destroy)(struct driver_port *port, unsigned int index);
	int (*rss)(struct driver_port *port, const struct driver_rss *rss);
	int (*rxq_event_fd)(const struct driver_port *port, unsigned int index);
	int (*rxq_arm)(struct driver_port *port, unsigned int index);
	int (*rxq_disarm)(struct driver_port *port, unsigned int index);
	void (*poll)(struct driver *driver);
	int (*stats)(struct driver *driver, struct mana_query_gf_stat_resp *stats);
	int (*registers)(struct driver *driver, uint64_t offset, void *data, size_t len);
	int (*share)(struct driver *driver, struct driver_share *share);
	void (*close)(struct driver *driver);
};

/**
 * struct driver - an adapter; a plane's own structure has it at its start
 * @name:	in messages
 * @lock:	held in every call of a plane
 * @event_fd:	epoll: the plane's descriptors, and @notice_fd
 * @notice_fd:	eventfd: one of the flags below is set
 * @link_noted:	the vPort's link has changed since the last driver_events()
 * @reset_noted, @removed_noted: the same for these events
 * @removed_told: and that has been reported
 */
struct driver {
	const struct control_ops *ops;
	const char *name;
	struct driver_allocator allocator;
	unsigned int timeout_ms;
	pthread_mutex_t lock;
	bool started;
	struct driver_info info;
	struct driver_port_info port_info[DRIVER_PORTS_MAX];
	struct driver_port *port[DRIVER_PORTS_MAX];
	struct driver_doorbell doorbell;
	int event_fd;
	int notice_fd;
	bool link_noted[DRIVER_PORTS_MAX];
	bool reset_noted;
	bool removed_noted;
	bool removed_told;
};

/** driver_init() - the part that all planes have; 0 or a negative errno */
int driver_init(struct driver *driver, const struct control_ops *ops, const char *name,
		const struct driver_allocator *allocator);

/** driver_fini() - undo driver_init() */
void driver_fini(struct driver *driver);

/* Something has happened; the lock is held */
void driver_note_link(struct driver *driver, unsigned int port, bool up);
void driver_note_reset(struct driver *driver);
void driver_note_removed(struct driver *driver);

#endif
