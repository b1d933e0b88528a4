/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/memory.h - the client's memory as the driver describes it: DMA regions
 * (page lists), protection domains, memory regions with keys, and rings.
 *
 * Threads: the control thread creates and destroys objects. Lanes translate,
 * and keep no result across turns.
 */
#ifndef MANAKIN_DEVICE_MEMORY_H
#define MANAKIN_DEVICE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "device/retire.h"
#include "device/table.h"
#include "dma/map.h"
#include "wire/wq.h"

#define MEMORY_PAGES_MAX   (1u << 20)  /* pages that a client may have in lists and queues */
#define MEMORY_RING_MAX    (16u << 20) /* bytes of a queue: twice what any driver asks for */
#define MEMORY_REGIONS_MAX 16384u
#define MEMORY_ELEMENT_MAX (128u << 10) /* bytes: twice the largest frame */
#define MEMORY_KEYS_MAX    8192u
#define MEMORY_PDS_MAX     4096u
#define MEMORY_DEVICE_MAX  (16u << 20) /* bytes of device memory, in whole pages */
#define MEMORY_DEVICES_MAX 512u        /* pieces of it */

/**
 * struct dma_list - a DMA region: a list of pages
 * @handle:	the client's name for it
 * @length:	bytes
 * @offset:	of the first byte in the first page
 * @page_shift:	log2 of the page size, at least 12
 * @pages:	number of addresses
 * @have:	addresses so far
 * @owned:	by a queue or memory region; its owner frees it
 */
struct dma_list {
	uint64_t handle;
	uint64_t length;
	uint32_t offset;
	uint32_t page_shift;
	uint32_t pages;
	uint32_t have;
	bool owned;
	uint64_t page[];
};

struct protection_domain {
	uint32_t id;
	uint64_t handle;
	uint32_t users; /* memory regions in it */
};

enum mr_kind {
	MR_PHYSICAL, /* addresses are IOVAs; all of the memory */
	MR_LISTED,   /* addresses from base on, in a page list */
	MR_DEVICE,   /* addresses from 0 on, in device memory */
	MR_WINDOW,   /* no memory: a memory window, which no known driver binds */
};

/**
 * struct device_memory - the adapter's own memory, for the client's packets
 * @size:	bytes
 * @bytes:	zeroed; aligned to pages
 * @users:	memory regions in it
 */
struct device_memory {
	uint64_t handle;
	uint64_t size;
	uint8_t *bytes;
	uint32_t users;
};

/** struct memory_rights - DMA_*: for the queues of a region's owner, and for packets from elsewhere */
struct memory_rights {
	unsigned int local, remote;
};

#define MEMORY_OWNER  ((struct memory_rights){ .local = DMA_READ | DMA_WRITE }) /* and nobody else */
#define MEMORY_NOBODY ((struct memory_rights){ 0 })

#define MEMORY_REMOTE (1u << 8) /* with DMA_*: for another machine, which was given the key */

/**
 * struct memory_region - what a key stands for
 * @base:	address of the first byte
 * @list:	MR_LISTED
 * @device, @device_offset, @device_size: MR_DEVICE
 */
struct memory_region {
	_Atomic uint32_t key;
	uint64_t handle;
	uint32_t pd;
	enum mr_kind kind;
	uint64_t base;
	struct memory_rights rights;
	struct dma_list *list;
	struct device_memory *device;
	uint64_t device_offset, device_size;
};

/**
 * struct memory - all memory objects of a client
 * @map:	IOVA to pointer
 * @epoch:	counts changes of the map: rings older than the last one look their pointers up
 *		again
 * @retired:	where objects go that lanes may still be using
 */
struct memory {
	struct dma_map *map;
	_Atomic uint64_t epoch;
	struct table lists;
	struct table pds;
	struct table keys;
	struct table devices;
	struct retired *retired;
	uint32_t pages_used;
	uint32_t device_used; /* bytes */
};

/**
 * memory_init() - no objects yet
 * @retired:	takes what is freed from now on
 *
 * Return: 0 or -ENOMEM
 */
int memory_init(struct memory *memory, struct retired *retired);

/** memory_clear() - free every object but the map; lanes may use them until retire_settle() */
void memory_clear(struct memory *memory);

/** memory_destroy() - free everything; no lane uses it */
void memory_destroy(struct memory *memory);

/**
 * memory_list_create() - a new page list, without pages yet
 * Return: the list; NULL if there are too many, or the numbers are invalid
 */
struct dma_list *memory_list_create(struct memory *memory, uint64_t length, uint32_t offset,
				    uint32_t page_shift, uint32_t pages);

/** memory_list_add() - add pages; -EINVAL if there are too many or one is not aligned */
int memory_list_add(struct dma_list *list, const uint64_t *pages, uint32_t n);

/** memory_list_find() - find by handle; NULL if there is none, or it already has an owner */
struct dma_list *memory_list_find(struct memory *memory, uint64_t handle);
void memory_list_free(struct memory *memory, struct dma_list *list);

struct protection_domain *memory_pd_create(struct memory *memory);
struct protection_domain *memory_pd_find(struct memory *memory, uint64_t handle);
void memory_pd_free(struct memory *memory, struct protection_domain *pd);

/**
 * memory_mr_create() - a memory region with a key of its own
 * @kind:	MR_PHYSICAL, MR_LISTED or MR_WINDOW
 * @rights:	DMA_*
 * @list:	for MR_LISTED: complete; owned by the region from now on
 */
struct memory_region *memory_mr_create(struct memory *memory, struct protection_domain *pd,
				       enum mr_kind kind, uint64_t base,
				       struct memory_rights rights, struct dma_list *list);

/** memory_mr_device() - a memory region with a key of its own over part of device memory */
struct memory_region *memory_mr_device(struct memory *memory, struct protection_domain *pd,
				       struct memory_rights rights, struct device_memory *device,
				       uint64_t offset, uint64_t size);
struct memory_region *memory_mr_find(struct memory *memory, uint64_t handle);

/** memory_device_create() - NULL if there is not enough; @size is not 0 */
struct device_memory *memory_device_create(struct memory *memory, uint64_t size);
struct device_memory *memory_device_find(struct memory *memory, uint64_t handle);
/** memory_device_free() - free device memory without users */
void memory_device_free(struct memory *memory, struct device_memory *device);

/** memory_mr_free() - free a region and its key; lanes may use them until retire_settle() */
void memory_mr_free(struct memory *memory, struct memory_region *mr);

/**
 * struct pieces - memory in pieces of the adapter's own address space
 * @iov:	the caller's array, of @max
 * @n:		number of pieces
 */
struct pieces {
	struct iovec *iov;
	uint32_t n, max;
};

/**
 * memory_translate() - a scatter-gather element as pieces of the adapter's own address space
 * @memory:	the client's
 * @pd:		protection domain of the queue the element came from
 * @sge:	a copy of the element
 * @access:	kind of access that is needed: DMA_*, and MEMORY_REMOTE
 * @pieces:	appended to; the last one is extended where contiguous
 *
 * All of the element is checked, but where there is a page list, only the pieces of its first
 * MEMORY_ELEMENT_MAX bytes are found, and only those pages need be mapped.
 *
 * Return: 0; -EACCES for a wrong key, protection domain or kind of access; -EFAULT for a
 * range that is not in the region or not mapped; -ENOBUFS if there are too many pieces
 */
int memory_translate(const struct memory *memory, uint32_t pd, const struct gdma_sge *sge,
		     unsigned int access, struct pieces *pieces);

/** memory_allows() - is all of an element within what its key allows? As memory_translate() */
bool memory_allows(const struct memory *memory, uint32_t pd, const struct gdma_sge *sge,
		   unsigned int access);

/**
 * struct ring - a queue's entries in client memory
 * @memory:	the client's
 * @list:	its pages; owned
 * @size:	bytes
 * @base:	pointer to all of it, if it is contiguous in the adapter's
 *		address space
 * @page:	else a pointer per 4096-byte page
 * @epoch:	of the map, when the pointers were looked up
 */
struct ring {
	struct memory *memory;
	struct dma_list *list;
	uint32_t size;
	uint8_t *base;
	uint8_t **page;
	uint64_t epoch;
};

/**
 * ring_open() - use a page list as a queue's memory
 * @size:	bytes of queue, at most the list's length and MEMORY_RING_MAX, a multiple of 4096
 *
 * Return: 0 and the list is owned; -EINVAL, -EFAULT or -ENOSPC, and it is not
 */
int ring_open(struct ring *ring, struct memory *memory, struct dma_list *list, uint32_t size);

/** ring_close() - free its page list; lanes may use the ring until retire_settle() */
void ring_close(struct ring *ring);

/** ring_release() - free the rest of a ring that is closed, and that no lane uses */
void ring_release(struct ring *ring);

/** ring_disown() - return the page list to the driver; ring_close() comes next */
void ring_disown(struct ring *ring);

int ring_resolve(struct ring *ring);

/** ring_ready() - look the pointers up again if the map has changed; false if not mapped now */
static inline bool ring_ready(struct ring *ring)
{
	if (ring->epoch == atomic_load_explicit(&ring->memory->epoch, memory_order_acquire))
		return ring->base || ring->page;
	return ring_resolve(ring) == 0;
}

/** struct ring_view - where a ring's entries are, for a loop: no store in the loop can change it */
struct ring_view {
	uint8_t *base;
	uint8_t *const *page;
};

static inline struct ring_view ring_view(const struct ring *ring)
{
	return (struct ring_view){ ring->base, ring->page };
}

/** ring_view_at() - as ring_at() */
static inline uint8_t *ring_view_at(const struct ring_view *view, uint32_t offset)
{
	if (__builtin_expect(view->base != NULL, 1))
		return view->base + offset;
	return view->page[offset >> 12] + (offset & 4095u);
}

/** ring_view_run() - bytes from @offset on that lie behind each other; @size: of the ring */
static inline uint32_t ring_view_run(const struct ring_view *view, uint32_t offset, uint32_t size)
{
	return view->base ? size - offset : 4096u - (offset & 4095u);
}

/** ring_at() - the entry at @offset, which must not cross a 4096-byte page; after ring_ready() */
static inline uint8_t *ring_at(const struct ring *ring, uint32_t offset)
{
	struct ring_view view = ring_view(ring);

	return ring_view_at(&view, offset);
}

#endif
