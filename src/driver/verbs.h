/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/verbs.h - shared by the files of the verbs control plane. Only for this room.
 *
 *	verbs.c		the adapter
 *	verbs_queue.c	vPorts and queues, as objects of libibverbs
 *	verbs_memory.c	keys: which memory the adapter may access, by vPort
 *	verbs_kernel.c	what the kernel reports about the adapter: its RDMA device, its interfaces
 */
#ifndef MANAKIN_DRIVER_VERBS_H
#define MANAKIN_DRIVER_VERBS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <infiniband/verbs.h>
#include <net/if.h>

#include "driver/control.h"

/* ---- verbs_memory.c ---- */

/** struct verbs_range - mapped memory: its first byte, and the first one after it */
struct verbs_range {
	uint64_t start, end;
};

/**
 * struct verbs_key - a memory region
 * @range:	what it is valid for
 * @port:	vPort to whose protection domain it belongs
 * @retired:	no longer returned: memory was added to it or removed from it
 */
struct verbs_key {
	struct verbs_range range;
	struct ibv_mr *mr;
	unsigned int port;
	bool retired;
};

/**
 * struct verbs_memory - what the adapter may access
 * @lock:	protects all of this; the innermost lock: no allocator is called under it
 * @ranges:	by address, without overlaps; @range_count of them, room for @range_room
 * @keys:	@key_count of them, room for @key_room
 */
struct verbs_memory {
	pthread_mutex_t lock;
	struct verbs_range *ranges;
	size_t range_count, range_room;
	struct verbs_key *keys;
	size_t key_count, key_room;
};

void verbs_memory_init(struct verbs_memory *memory);
void verbs_memory_fini(struct verbs_memory *memory);

/** verbs_memory_add() - add a range; -EEXIST if it overlaps with another, -ENOMEM */
int verbs_memory_add(struct verbs_memory *memory, uint64_t start, uint64_t size);

/** verbs_memory_remove() - remove a range, exactly as it was added; -ENOENT */
int verbs_memory_remove(struct verbs_memory *memory, uint64_t start, uint64_t size);

/**
 * verbs_memory_key() - the key for @va at a vPort; registers one if there is none
 * @pd:		the vPort's
 * @name:	in messages
 */
int verbs_memory_key(struct verbs_memory *memory, unsigned int port, struct ibv_pd *pd, uint64_t va,
		     const char *name, struct driver_region *region);

/**
 * verbs_memory_drop() - deregister keys of a vPort that no entry uses any more
 * @all:	also those that are not retired
 */
void verbs_memory_drop(struct verbs_memory *memory, unsigned int port, bool all);

/* ---- verbs_kernel.c ---- */

/**
 * struct verbs_interface - the kernel's interface of a vPort
 * @mtu_max:	0 if it does not report one
 * @up:		the kernel uses it
 */
struct verbs_interface {
	char name[IF_NAMESIZE];
	uint8_t mac[MANA_MAC_SIZE];
	uint32_t mtu_max;
	bool up;
};

/** verbs_device() - the RDMA device at a PCI address among those of @list; NULL if there is none */
struct ibv_device *verbs_device(struct ibv_device **list, const char *pci);

/** verbs_interface() - of vPort @index; -ENODEV if there is none */
int verbs_interface(const struct ibv_device *device, unsigned int index,
		    struct verbs_interface *interface);

/** verbs_nonblocking() - make @fd non-blocking; 0 or a negative errno */
int verbs_nonblocking(int fd);

/* ---- verbs.c ---- */

/**
 * struct verbs_buffer - memory allocated for a ring of libmana
 * @size:	libmana frees it without a size
 */
struct verbs_buffer {
	struct verbs_buffer *next;
	void *memory;
	size_t size;
};

/**
 * struct verbs_queue - a queue's objects
 * @cq:		completion queue
 * @qp:		of a send queue
 * @wq:		of a receive queue
 * @channel:	of a receive queue with interrupts
 */
struct verbs_queue {
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	struct ibv_wq *wq;
	struct ibv_comp_channel *channel;
};

/**
 * struct verbs_port - a vPort
 * @domain:	parent domain
 * @holder:	an unused send queue that keeps the vPort
 * @table, @rss: while packets are received
 * @order:	receive queues of one period of the table; @period of them
 * @key:	RSS key in use
 * @queues:	send and receive queues
 */
struct verbs_port {
	struct driver_port port;
	struct ibv_pd *domain;
	struct verbs_queue holder;
	struct ibv_rwq_ind_table *table;
	struct ibv_qp *rss;
	uint16_t order[DRIVER_QUEUES_MAX];
	unsigned int period;
	uint8_t key[MANA_HASH_KEY_SIZE];
	unsigned int queues;
	struct verbs_queue txq[DRIVER_QUEUES_MAX];
	struct verbs_queue rxq[DRIVER_QUEUES_MAX];
};

/**
 * struct verbs_driver - an adapter
 * @pci:	its address
 * @list, @device: the list of RDMA devices, and this one
 * @pd:		protection domains, by vPort
 * @buffers:	rings
 */
struct verbs_driver {
	struct driver driver;
	char *pci;
	struct ibv_device **list;
	struct ibv_device *device;
	struct ibv_context *context;
	struct verbs_memory memory;
	struct ibv_pd *pd[DRIVER_PORTS_MAX];
	struct verbs_buffer *buffers;
};

static inline struct verbs_driver *verbs_of(struct driver *driver)
{
	return (struct verbs_driver *)driver;
}

/* ---- verbs_queue.c: see struct control_ops ---- */

struct driver_port *verbs_port_alloc(void);
int verbs_port_open(struct driver_port *port);
void verbs_port_close(struct driver_port *port);
int verbs_txq_create(struct driver_port *port, unsigned int index, uint32_t units,
		     struct driver_txq *txq);
void verbs_txq_destroy(struct driver_port *port, unsigned int index);
int verbs_rxq_create(struct driver_port *port, unsigned int index, uint32_t units,
		     struct driver_rxq *rxq);
void verbs_rxq_destroy(struct driver_port *port, unsigned int index);
int verbs_rxq_event_fd(const struct driver_port *port, unsigned int index);
int verbs_rxq_arm(struct driver_port *port, unsigned int index);
int verbs_rxq_disarm(struct driver_port *port, unsigned int index);
int verbs_rss(struct driver_port *port, const struct driver_rss *rss);

#endif
