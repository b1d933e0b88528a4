/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/verbs.h - what the files of the verbs control plane share. For this room only.
 *
 *	verbs.c		the adapter and its queues, as objects of libibverbs
 *	verbs_memory.c	keys: which memory the adapter may reach, by vPort
 *	verbs_kernel.c	what the kernel says of the adapter: its RDMA device, its interfaces
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

/** struct verbs_range - mapped memory, first byte and the first one beyond */
struct verbs_range {
	uint64_t start, end;
};

/**
 * struct verbs_key - a memory region
 * @range:	what it holds for
 * @port:	vPort whose protection domain it is in
 * @retired:	given to nobody any more: memory has come to it or gone from it
 */
struct verbs_key {
	struct verbs_range range;
	struct ibv_mr *mr;
	unsigned int port;
	bool retired;
};

/**
 * struct verbs_memory - what the adapter may reach
 * @lock:	of all this, and taken last: no allocator is called under it
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

/** verbs_memory_add() - a range that has come; -EEXIST it overlaps with another, -ENOMEM */
int verbs_memory_add(struct verbs_memory *memory, uint64_t start, uint64_t size);

/** verbs_memory_remove() - one that is about to go, exactly as it was added; -ENOENT */
int verbs_memory_remove(struct verbs_memory *memory, uint64_t start, uint64_t size);

/**
 * verbs_memory_key() - the key for @va at a vPort, registered if there is none
 * @pd:		the vPort's
 * @name:	in messages
 */
int verbs_memory_key(struct verbs_memory *memory, unsigned int port, struct ibv_pd *pd, uint64_t va,
		     const char *name, struct driver_region *region);

/**
 * verbs_memory_drop() - give keys of a vPort back that no entry names any more
 * @all:	also those that are not retired
 */
void verbs_memory_drop(struct verbs_memory *memory, unsigned int port, bool all);

/* ---- verbs_kernel.c ---- */

/**
 * struct verbs_interface - the kernel's interface of a vPort
 * @mtu_max:	0 if it does not tell
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

#endif
