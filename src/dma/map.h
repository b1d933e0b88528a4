/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma/map.h - from a client's I/O virtual address (IOVA) to a pointer.
 *
 * A client (QEMU, a DPDK process) maps regions of its memory for the adapter,
 * most of them with a file descriptor. One map belongs to one client.
 *
 * Threads: one control thread adds and removes; any number of data lanes look up at the same time.
 * Removing takes two steps so that no lane keeps a pointer: dma_map_unlink() makes the region
 * invisible, the caller waits until every lane has passed a quiet point, dma_map_release() unmaps
 * it.
 *
 * The room: dma/ contains only this map. It uses base/. It knows nothing of MANA: keys, protection
 * domains and page lists belong to device/memory.c. It never blocks on a client's file (it maps
 * only files that are in memory), never returns a pointer beyond what is mapped, and survives a
 * client that truncates a mapped file.
 */
#ifndef MANAKIN_DMA_MAP_H
#define MANAKIN_DMA_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dma_access {
	DMA_READ = 1 << 0,  /* the adapter may read */
	DMA_WRITE = 1 << 1, /* the adapter may write */
};

#define DMA_REGIONS_MAX 4096u /* regions a client may have mapped at a time */
#define DMA_PAGE        4096u /* bytes: a file's offset is a multiple, however large our pages are */

struct dma_region;

/**
 * struct dma_span - client memory that is contiguous both as IOVA and in this process
 * @first, @last: its IOVAs, inclusive
 * @base:	pointer to @first
 * @access:	DMA_*
 */
struct dma_span {
	uint64_t first, last;
	uint8_t *base;
	uint32_t access;
};

/* What look-ups search: never changed once it can be seen. Sorted, without overlap */
struct dma_table {
	uint32_t count;
	struct dma_span spans[];
};

/* The part of a map that look-ups use; map.c has the rest */
struct dma_map {
	const struct dma_table *_Atomic table;
};

/** dma_map_new() - an empty map; NULL when out of memory */
struct dma_map *dma_map_new(void);

/** dma_map_free() - unmap everything; no lane may be using the map */
void dma_map_free(struct dma_map *map);

/**
 * dma_map_add() - map a client's region
 * @map:	the client's map
 * @iova:	its address, in bytes
 * @size:	its size, in bytes
 * @fd:		its file, or -1 for a region without memory (it is recorded,
 *		but look-ups in it fail). The map does not keep @fd; the caller
 *		closes it
 * @offset:	offset of the region in the file, in bytes
 * @access:	DMA_READ, DMA_WRITE or both
 *
 * Regions that are adjacent as IOVA are made adjacent as pointers where
 * possible, so that a range that crosses from one to the other stays
 * contiguous. See map.c for when it is not.
 *
 * Lanes may still use the table that this replaces, so it is kept: see
 * dma_map_retired().
 *
 * Return: 0; -EINVAL for a size of zero, no access, a range that wraps, an
 * unaligned offset or a range beyond the file's end; -EEXIST for an overlap;
 * -ENOSPC beyond DMA_REGIONS_MAX; -EOPNOTSUPP for anything but a memfd or a
 * file on tmpfs or hugetlbfs, because access to it could block a lane; -ENOMEM;
 * or an error of mmap()
 */
int dma_map_add(struct dma_map *map, uint64_t iova, uint64_t size, int fd, uint64_t offset,
		unsigned int access);

/**
 * dma_map_unlink() - hide a region, which must match exactly, from look-ups
 *
 * Return: 0 with the region in @region; -ENOENT if no region is exactly that;
 * -ENOMEM with nothing changed
 */
int dma_map_unlink(struct dma_map *map, uint64_t iova, uint64_t size, struct dma_region **region);

/** dma_map_unlink_all() - hide all regions; NULL if there were none */
struct dma_region *dma_map_unlink_all(struct dma_map *map);

/** dma_map_release() - unmap what an unlink returned (a list of regions) */
void dma_map_release(struct dma_map *map, struct dma_region *region);

/**
 * dma_map_release_some() - the same, a part at a time
 * @list:	what is left
 * @units:	stop when about so much has been spent, see base/budget.h
 *
 * Unmapping takes as long as there are pages: a second for a large virtual machine. Until all is
 * unmapped, a region that is added in the same place may not be contiguous with its neighbours.
 *
 * Return: true if something is left
 */
bool dma_map_release_some(struct dma_map *map, struct dma_region **list, uint32_t units);

/** dma_map_join() - append what an unlink returned to a list for dma_map_release_some() */
void dma_map_join(struct dma_region **list, struct dma_region *region);

/**
 * dma_map_retired() - bytes of tables that are kept because a lane might still use them
 * @map:	the client's map
 *
 * Adding retires a table each time. dma_map_release() frees what had been retired before the
 * unlink. A client can add thousands of regions without a removal, so a caller that adds should
 * check this from time to time, wait until every lane has passed a quiet point, and call
 * dma_map_quiet().
 */
size_t dma_map_retired(const struct dma_map *map);

/** dma_map_quiet() - every lane has passed a quiet point since the last dma_map_add() */
void dma_map_quiet(struct dma_map *map);

/** dma_span_cross() - the rest of dma_map_pointer(), for a range that leaves its @span */
void *dma_span_cross(const struct dma_table *table, const struct dma_span *span, uint64_t iova,
		     uint64_t more, unsigned int access);

/** dma_table_find() - the span that an address is in, or NULL */
static inline const struct dma_span *dma_table_find(const struct dma_table *table, uint64_t iova)
{
	const struct dma_span *span = table->spans;

	/* The last span that does not begin after @iova: a branchless binary search */
	for (uint32_t n = table->count; n > 1; n -= n / 2)
		span += span[n / 2].first <= iova ? n / 2 : 0;
	if (!table->count || iova - span->first > span->last - span->first)
		return NULL;
	return span;
}

/**
 * dma_map_span() - the contiguous memory around an address of the client's
 *
 * Lock-free and wait-free. The span and the memory it points at are valid until the calling lane's
 * next quiet point.
 *
 * Return: NULL if the address is not mapped
 */
static inline const struct dma_span *dma_map_span(const struct dma_map *map, uint64_t iova)
{
	/* Acquire: the table's contents were written before it was published */
	return dma_table_find(atomic_load_explicit(&map->table, memory_order_acquire), iova);
}

/**
 * dma_map_pointer() - where a range of the client's memory is
 * @map:	the client's map
 * @iova:	start, in bytes
 * @len:	length, in bytes (0 is treated as 1)
 * @access:	kind of access that is needed
 *
 * Lock-free and wait-free. The pointer is valid until the calling lane's next
 * quiet point. The client can change the memory at any time.
 *
 * Return: the pointer, or NULL if the range is not wholly mapped, not
 * contiguous in memory, not mapped for @access, or changes its access more than a few times
 */
static inline void *dma_map_pointer(const struct dma_map *map, uint64_t iova, uint64_t len,
				    unsigned int access)
{
	const struct dma_table *table = atomic_load_explicit(&map->table, memory_order_acquire);
	const struct dma_span *span = dma_table_find(table, iova);
	uint64_t more = len - (len > 0); /* bytes after the first: cannot wrap, unlike an end */

	if (!span)
		return NULL;
	if (more > span->last - iova)
		return dma_span_cross(table, span, iova, more, access);
	if (access & ~span->access)
		return NULL;
	return span->base + (iova - span->first);
}

/**
 * dma_map_lost() - has the client taken memory away that it had mapped?
 *
 * A client that truncates a file it has mapped would kill the adapter by SIGBUS.
 * dma_guard_install() sets a handler that puts zero pages in place of the region and notes it here;
 * the control thread then drops the client. The flag is cleared when the last region has been
 * released: the map can then serve the next client.
 */
bool dma_map_lost(const struct dma_map *map);

/** dma_guard_install() - install the SIGBUS handler, once per process; 0 or -errno */
int dma_guard_install(void);

/**
 * dma_guard_fd() - an eventfd that becomes readable when some map has lost memory
 *
 * The control thread reads it and calls dma_map_lost() for each map. -1 before
 * dma_guard_install().
 */
int dma_guard_fd(void);

#endif
