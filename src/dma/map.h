/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma/map.h - from a client's I/O virtual address (IOVA) to a pointer.
 *
 * A client (QEMU, a DPDK process) maps regions of its memory for the adapter,
 * most of them with a file descriptor. One map belongs to one client.
 *
 * Threads: one control thread adds and removes; any number of data lanes look
 * up at the same time. Removing is in two steps so that no lane is left with a
 * pointer: dma_map_unlink() makes the region invisible, the caller waits until
 * every lane has passed a quiet point, dma_map_release() unmaps it.
 */
#ifndef MANAKIN_DMA_MAP_H
#define MANAKIN_DMA_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dma_access {
	DMA_READ = 1 << 0,  /* the adapter may read */
	DMA_WRITE = 1 << 1, /* the adapter may write */
};

#define DMA_REGIONS_MAX 4096u /* regions a client may have mapped at a time */

struct dma_map;
struct dma_region;

/** dma_map_new() - an empty map; NULL when out of memory */
struct dma_map *dma_map_new(void);

/** dma_map_free() - unmap everything; no lane may be using the map */
void dma_map_free(struct dma_map *map);

/**
 * dma_map_add() - map a client's region
 * @map:	the client's map
 * @iova:	its address, in bytes
 * @size:	its size, in bytes
 * @fd:		the file behind it, or -1 for a region without memory (it is
 *		remembered, and looking into it fails). The map does not keep
 *		@fd; the caller closes it
 * @offset:	offset of the region in the file, in bytes
 * @access:	DMA_READ, DMA_WRITE or both
 *
 * Regions that are adjacent both as IOVA and in the file are made adjacent as
 * pointers where possible, so that a range that crosses from one to the other
 * stays contiguous.
 *
 * Return: 0; -EINVAL for a size of zero, a range that wraps or an unaligned
 * offset; -EEXIST for an overlap; -ENOSPC beyond DMA_REGIONS_MAX; or what
 * fstat() and mmap() say (a range beyond the file's end is -EINVAL)
 */
int dma_map_add(struct dma_map *map, uint64_t iova, uint64_t size, int fd, uint64_t offset,
		unsigned int access);

/**
 * dma_map_unlink() - make exactly that region invisible to look-ups
 *
 * Return: 0 with the region in @region; -ENOENT if no region is exactly that
 */
int dma_map_unlink(struct dma_map *map, uint64_t iova, uint64_t size, struct dma_region **region);

/** dma_map_unlink_all() - make all regions invisible; NULL if there were none */
struct dma_region *dma_map_unlink_all(struct dma_map *map);

/** dma_map_release() - unmap what an unlink returned (a list of regions) */
void dma_map_release(struct dma_map *map, struct dma_region *region);

/**
 * dma_map_pointer() - where a range of the client's memory is
 * @map:	the client's map
 * @iova:	start, in bytes
 * @len:	length, in bytes (0 is treated as 1)
 * @access:	what the caller is going to do there
 *
 * Lock-free and wait-free. The pointer is good until the calling lane's next
 * quiet point. The client can change what it points at at any time.
 *
 * Return: the pointer, or NULL if the range is not wholly mapped, not
 * contiguous in memory, or not mapped for @access
 */
void *dma_map_pointer(const struct dma_map *map, uint64_t iova, uint64_t len, unsigned int access);

/**
 * dma_map_lost() - has the client taken memory away that it had mapped?
 *
 * A client that truncates a file it has mapped would kill the adapter by
 * SIGBUS. dma_guard_install() sets a handler that puts zero pages in place of
 * the region and notes it here; the control thread then drops the client.
 */
bool dma_map_lost(const struct dma_map *map);

/** dma_guard_install() - install the SIGBUS handler, once a process; 0 or -errno */
int dma_guard_install(void);

#endif
