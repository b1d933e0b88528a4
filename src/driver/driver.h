/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/driver.h - bring a MANA adapter up from user space and own its queues.
 *
 * Theory of operation
 *
 *	transport_vfio_user()	connect to the adapter		(driver/transport.h)
 *	driver_open()		take it over, or
 *	driver_open_verbs()	share it with the kernel, which drives it
 *	driver_map()		memory for the adapter: rings and packets
 *	driver_start()		bring it up
 *	driver_port_open()	open one of its vPorts
 *	driver_txq_create(), driver_rxq_create()	queues	(driver/queue.h)
 *	driver_rss()		let packets in
 *	... and back: driver_rss() off, queues, port, driver_close()
 *
 * These calls take a lock, so one thread at a time uses an adapter. Only the hot path in
 * driver/queue.h is called without it, by the owner of the queue.
 *
 * The driver allocates no memory that the adapter reads or writes: that comes from the caller's
 * allocator, from ranges that the caller has mapped with driver_map(). Addresses in entries are
 * virtual addresses. A range has a key, which goes into every entry with the address;
 * driver_region() finds it and returns the range it is valid for, so it is looked up once and not
 * once per packet.
 *
 * Everything that the adapter writes is checked. If the adapter disappears, commands return
 * -ENODEV, queues stop, and driver_events() reports it.
 *
 * The room
 *
 *	queue.h			the hot path, inline
 *	driver.c		arguments, the lock, the objects (control.h: the two planes below)
 *	hwc.c, channel.c	commands over the hardware channel
 *	verbs*.c		commands over the kernel's mana_ib, with libmana
 *	vfio_user.c, attach.c	transport to an adapter in software; doorbells in a second process
 *
 * It uses base/, wire/ and vfio_user/, and libibverbs in verbs*.c. It knows nothing of DPDK, which
 * only pmd/ uses, and never includes device/: it has to work with any MANA.
 */
#ifndef MANAKIN_DRIVER_DRIVER_H
#define MANAKIN_DRIVER_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/queue.h"
#include "driver/transport.h"
#include "wire/vport.h"

#define DRIVER_PORTS_MAX  256u
#define DRIVER_QUEUES_MAX 64u  /* of each kind, per port */
#define DRIVER_UNITS_MIN  128u /* in a work queue: GDMA_QUEUE_SIZE_MIN bytes */
#define DRIVER_UNITS_MAX  16384u
#define DRIVER_TX_SGES    GDMA_SQE_SGES_MAX

struct driver;
struct driver_port;

/**
 * struct driver_allocator - memory for rings
 * @alloc:	@size bytes at a multiple of @align (a power of two, at most 4096), contiguous in
 *		the adapter's view, in a mapped range; NULL if there is none
 * @free:	frees it
 * @ctx:	argument of both
 */
struct driver_allocator {
	void *(*alloc)(void *ctx, size_t size, size_t align);
	void (*free)(void *ctx, void *va, size_t size);
	void *ctx;
};

/**
 * driver_open() - take over an adapter; the reset removes all state of an earlier user
 * @transport:	owned by the driver from now on, even if this fails
 * @allocator:	copied
 * @driver:	owned by the caller until driver_close()
 *
 * Return: 0 or a negative errno
 */
int driver_open(struct transport *transport, const struct driver_allocator *allocator,
		struct driver **driver);

/**
 * driver_open_verbs() - use an adapter that the kernel's mana and mana_ib drive
 * @pci:	its address, as in sysfs
 * @allocator:	copied
 * @driver:	owned by the caller until driver_close()
 *
 * Return: 0 or a negative errno; -ENODEV: there is no RDMA device
 */
int driver_open_verbs(const char *pci, const struct driver_allocator *allocator,
		      struct driver **driver);

/**
 * driver_map() - map memory for the adapter
 * @va, @size:	the memory, whole pages
 * @fd:		the file it is mapped from (hugetlbfs, memfd); not needed after the call. An adapter
 *		that the kernel drives can also use memory without a file
 * @offset:	its offset in the file
 *
 * Any time after driver_open(), from any thread, also from within the allocator: one that grows its
 * heap maps the new memory before it returns. So neither this nor driver_unmap() takes the lock
 * that the other calls hold while they allocate.
 *
 * Return: 0 or a negative errno: -EEXIST: it overlaps with a mapping
 */
int driver_map(struct driver *driver, void *va, uint64_t size, int fd, uint64_t offset);

/** driver_unmap() - unmap exactly what was mapped; on return the adapter does not use it */
int driver_unmap(struct driver *driver, void *va, uint64_t size);

/**
 * driver_set_timeout() - set how long to wait for an answer from the adapter
 * @ms:		the default is HWC_DEFAULT_TIMEOUT_MS, as in Linux
 */
void driver_set_timeout(struct driver *driver, unsigned int ms);

/**
 * driver_start() - bring the adapter up: hardware channel, device, vPorts
 *
 * Return: 0 or a negative errno; -ETIMEDOUT: it does not answer; -EPROTO: its answers are invalid
 */
int driver_start(struct driver *driver);

/**
 * driver_restart() - reset the adapter and bring it up again, on the same connection
 *
 * What it forgets: vPorts, queues, keys, events that were not taken. What stays: mapped memory, the
 * event descriptor, driver_doorbell(). Its limits and addresses may differ from before. All vPorts must be
 * closed.
 *
 * Return: 0 or a negative errno: -EBUSY: a vPort is open; -ENOTSUP: the kernel drives it; -ENODEV:
 * it is gone. After any other one it can be tried again
 */
int driver_restart(struct driver *driver);

/** driver_close() - close everything; ranges need not be unmapped first */
void driver_close(struct driver *driver);

/**
 * struct driver_info - the adapter
 * @ports:	vPorts
 * @frame_max:	maximum frame size in bytes, with the Ethernet header, without FCS and VLAN tag
 * @max_eq, @max_cq, @max_sq, @max_rq: queues of the whole function
 * @max_units:	of a queue, a power of two
 * @shared_doorbells: queues are rung in shared memory
 * @regions_change: a result of driver_region() is valid until the next driver_map() or
 *		driver_unmap()
 * @version:	of the register map: major, minor, micro
 */
struct driver_info {
	unsigned int ports;
	uint32_t frame_max;
	uint32_t max_eq, max_cq, max_sq, max_rq;
	uint32_t max_units;
	bool shared_doorbells;
	bool regions_change;
	uint16_t version[3];
};

void driver_info(const struct driver *driver, struct driver_info *info);

/**
 * struct driver_port_info - a vPort
 * @mac:	its address
 * @link_up:	according to the events so far
 * @max_txq, @max_rxq: queues it can have, at most DRIVER_QUEUES_MAX
 * @table_size:	entries of its indirection table
 * @speed_mbps:	10^6 bits per second; 0 if the adapter does not report it
 */
struct driver_port_info {
	uint8_t mac[MANA_MAC_SIZE];
	bool link_up;
	uint32_t max_txq, max_rxq;
	uint32_t table_size;
	uint32_t speed_mbps;
};

/** driver_port_info() - of vPort @index, after driver_start(); -EINVAL if there is none */
int driver_port_info(const struct driver *driver, unsigned int index,
		     struct driver_port_info *info);

/**
 * driver_query_link() - ask the adapter for a vPort's link speed, as driver_port_info() says it then
 *
 * Return: 0, also if the adapter does not report it; or a negative errno
 */
int driver_query_link(struct driver *driver, unsigned int index);

/**
 * struct driver_region - memory with one key
 * @start, @end: virtual addresses that the key is valid for; @end is the
 *		first one after them
 * @key:	goes into entries
 */
struct driver_region {
	uint64_t start, end;
	uint32_t key;
};

/**
 * driver_region() - the key for an address in entries of a vPort's queues
 * @port:	index of the vPort
 *
 * In the hwc plane there is one for all addresses, and it stays valid. In the verbs plane a region
 * is as large as the mapping around the address now. When memory is mapped or unmapped next to it
 * or in it, ask again: the old one stays valid for what is still mapped of it, until the vPort has
 * no queues.
 *
 * After driver_start(), from any thread, like driver_map().
 *
 * Return: 0, or -ENOENT
 */
int driver_region(struct driver *driver, unsigned int port, const void *va,
		  struct driver_region *region);

/** driver_doorbell() - this process's access to the doorbells; valid until driver_close() */
const struct driver_doorbell *driver_doorbell(const struct driver *driver);

/* ---- vPorts ---- */

/**
 * struct driver_port_config - options for opening a vPort
 * @rx_interrupts: each receive queue gets an event descriptor
 */
struct driver_port_config {
	bool rx_interrupts;
};

/**
 * driver_port_open() - open a vPort
 *
 * Return: 0 or a negative errno: -EINVAL: it does not exist; -EBUSY: it is open
 */
int driver_port_open(struct driver *driver, unsigned int index,
		     const struct driver_port_config *config, struct driver_port **port);

/** driver_port_close() - close a vPort and its queues */
void driver_port_close(struct driver_port *port);

/**
 * driver_txq_create() - create a send queue
 * @index:	below the port's max_txq
 * @units:	room in it, a power of two from DRIVER_UNITS_MIN to the adapter's max_units. A
 *		packet in one piece takes one
 * @signals:	room for @units, in memory that the adapter cannot write
 * @txq:	filled in, with @signals; both are owned by the caller, and must stay until
 *		driver_txq_destroy()
 *
 * Create send queues before receive queues.
 *
 * Return: 0 or a negative errno; -ENOMEM: the allocator has no memory
 */
int driver_txq_create(struct driver_port *port, unsigned int index, uint32_t units,
		      struct driver_signal *signals, struct driver_txq *txq);

/** driver_txq_destroy() - on return the adapter no longer reads the queue's packets */
void driver_txq_destroy(struct driver_port *port, unsigned int index);

/** driver_rxq_create() - create a receive queue; post nothing before driver_rss() returns */
int driver_rxq_create(struct driver_port *port, unsigned int index, uint32_t units,
		      struct driver_rxq *rxq);

/** driver_rxq_destroy() - on return the adapter no longer writes to its buffers */
void driver_rxq_destroy(struct driver_port *port, unsigned int index);

/**
 * struct driver_rss - which queue a packet goes to
 * @enable:	packets are received
 * @hash:	use the table; else all packets go to queue @table[0]
 * @coalesce:	a completion may report up to four packets
 * @key:	Toeplitz key
 * @table:	numbers of receive queues; each must exist if @enable
 * @entries:	in @table, a power of two up to MANA_INDIRECTION_MAX
 */
struct driver_rss {
	bool enable;
	bool hash;
	bool coalesce;
	uint8_t key[MANA_HASH_KEY_SIZE];
	const uint16_t *table;
	uint32_t entries;
};

/**
 * driver_rss() - steer the vPort's packets; also while it receives
 *
 * The kernel's mana_ib can do less: every queue must be in the table, they must take turns in it
 * (their number is a power of two), packets are spread over several queues even without @hash, and
 * nothing can change while it is enabled. After it was disabled, receive queues must be created
 * again.
 *
 * Return: 0 or a negative errno; -ENOTSUP, -EBUSY for those limits
 */
int driver_rss(struct driver_port *port, const struct driver_rss *rss);

/**
 * driver_rxq_event_fd() - readable after driver_rxq_arm() when a packet has arrived
 *
 * For poll() and the like: driver_rxq_disarm() consumes the event. -ENOTSUP without rx_interrupts
 */
int driver_rxq_event_fd(const struct driver_port *port, unsigned int index);

/** driver_rxq_arm() - raise the event for the next completion, or at once for an unread one */
int driver_rxq_arm(struct driver_port *port, unsigned int index);

/** driver_rxq_disarm() - consume the event if it was raised; before arming again */
int driver_rxq_disarm(struct driver_port *port, unsigned int index);

/* ---- Events ---- */

enum driver_event_type {
	DRIVER_EVENT_LINK_UP,
	DRIVER_EVENT_LINK_DOWN,
	DRIVER_EVENT_RESET,   /* the adapter requests, or needs, a driver_restart() */
	DRIVER_EVENT_REMOVED, /* it is gone; reported once */
};

/** struct driver_event - @port: index, for the first two */
struct driver_event {
	enum driver_event_type type;
	unsigned int port;
};

/** driver_event_fd() - readable when driver_events() may have something (an epoll descriptor) */
int driver_event_fd(const struct driver *driver);

/**
 * driver_events() - take pending events
 * @events:	room for @max
 *
 * Return: how many
 */
unsigned int driver_events(struct driver *driver, struct driver_event *events, unsigned int max);

/** driver_stats() - the function's counters (wire/vport.h, MANA_QUERY_GF_STAT) */
int driver_stats(struct driver *driver, struct mana_query_gf_stat_resp *stats);

/** driver_registers() - read BAR 0; for a register dump */
int driver_registers(struct driver *driver, uint64_t offset, void *data, size_t len);

/* ---- Another process ---- */

/**
 * struct driver_share - what another process needs to post to this adapter's queues
 * @transport:	descriptors; a process that receives duplicates stores their numbers
 *		here
 * @page:	doorbell page, bytes from the start of BAR 0
 * @mapped:	verbs plane: the transport's post_fd maps the page
 *
 * All but the descriptors can be copied as bytes.
 */
struct driver_share {
	struct transport_share transport;
	uint64_t page;
	bool mapped;
};

/** driver_share() - describe this adapter's doorbells; the driver keeps the descriptors */
int driver_share(struct driver *driver, struct driver_share *share);

/**
 * driver_attach() - access to the doorbells from another process
 * @share:	with this process's descriptors, owned by this call from now on, even if it fails
 * @doorbell:	owned by the caller until driver_detach()
 */
int driver_attach(const struct driver_share *share, struct driver_doorbell **doorbell);
void driver_detach(struct driver_doorbell *doorbell);

#endif
