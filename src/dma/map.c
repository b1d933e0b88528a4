/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma/map.c - from a client's I/O virtual address (IOVA) to a pointer.
 *
 * Theory of operation
 * ===================
 *
 * Look-ups. Lanes search a table of spans: runs of regions that are contiguous
 * both as IOVA and as pointers. A virtual machine has a handful of them, a DPDK
 * process often one. A table is never changed: adding and removing build a new
 * one and publish it with one store. The old one is "retired" and freed when the
 * caller says that no lane can still be using it. A region holds the tables that
 * were retired before it was unlinked, because its release comes after a wait for
 * the lanes.
 *
 * Placement. A client maps its memory in pieces (DPDK: pages of 2 MB, often each
 * a file of its own), and its buffers cross from piece to piece. So pieces are
 * placed according to their IOVA: a window of address space is reserved for the
 * WINDOW_SIZE aligned piece of IOVA space that a region is in, and the region is
 * mapped over that reservation:
 *
 *	IOVA     0        3G   4G          5G                       1T
 *	         | region |    |  region   |                        |
 *	window   | memory |none|  memory   |none ...                |
 *	         ^ base        ^ base + 4G
 *
 * Windows of neighbouring pieces are reserved next to each other if there is
 * room. A reservation costs one entry in the kernel's list of mappings and no
 * memory; one that has become empty is kept for the next window.
 *
 * A region is mapped separately, and then is not contiguous with its neighbours,
 * if
 *  - it is not aligned to its file's pages, as with huge pages under QEMU,
 *    which splits memory below 1 MB (the mapping is then widened to whole pages);
 *    a kernel with pages of 16 or 64 KiB has such files only, while a client with
 *    pages of 4 KiB may map any of them;
 *  - there is no window for it: it crosses the end of one, the client has
 *    WINDOWS_MAX, or address space is short;
 *  - an unlinked region has not been released from its window yet.
 *
 * The guard. Any process that has the file open can truncate it under our
 * mapping; access then raises SIGBUS. The handler looks the address up in a list
 * of all mappings that it can read at any time (slots are never freed, and a
 * slot's start is written last), replaces the mapping with zero pages, marks the
 * map as lost, and the access continues. For system calls the kernel returns
 * EFAULT and raises no signal.
 */
#include "dma/map.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/log.h"

#define CROSS_MAX    16u /* spans that a range can be in: they differ in access, or would be one */
#define EMPTY_STEP   (32u << 20)  /* bytes of a region that are given back at once */
#define WINDOW_SIZE  (1ull << 40) /* bytes: no guest that this is used with has more memory */
#define WINDOW_ALIGN (1ull << 30) /* bytes: the largest huge page there is */
#define WINDOWS_MAX  8u           /* for a client: 8 TiB of the 128 that a process has */
#define GUARD_CHUNK  512u         /* slots allocated at a time */

/**
 * struct window - address space reserved for a piece of IOVA space
 * @next:	of the same map
 * @iova, @size: the piece
 * @base:	where @iova is
 * @regions:	mapped in it, until they are released
 * @leaving:	how many of them are unlinked
 * @broken:	the reservation may have a hole: do not use it again, and never unmap it
 */
struct window {
	struct window *next;
	uint64_t iova, size;
	uint8_t *base;
	unsigned int regions, leaving;
	bool broken;
};

/**
 * struct table - a table and its place in a list
 * @next:	another retired one
 * @bytes:	allocated
 * @table:	what lanes search
 */
struct table {
	struct table *next;
	size_t bytes;
	struct dma_table table;
};

/**
 * struct guard_slot - a mapping, for the SIGBUS handler
 * @start, @end: its addresses; @start is UINTPTR_MAX while the rest is not valid
 * @lost:	flag to set
 * @next:	another free slot
 */
struct guard_slot {
	atomic_uintptr_t start, end;
	atomic_bool *_Atomic lost;
	struct guard_slot *next;
};

struct guard_chunk {
	struct guard_chunk *next;
	struct guard_slot slots[GUARD_CHUNK];
};

/**
 * struct dma_region - one region
 * @next:	another one unlinked with it
 * @iova, @size, @access: as given
 * @pointer:	where @iova is; NULL without memory
 * @mapping, @mapped: the pages that hold it
 * @window:	that it is in, or NULL
 * @slot:	for the SIGBUS handler; NULL without memory
 * @retired:	tables to free with it
 * @emptied:	bytes of @mapping whose pages have been given back, see dma_map_release_some()
 */
struct dma_region {
	struct dma_region *next;
	uint64_t iova, size;
	unsigned int access;
	uint8_t *pointer;
	uint8_t *mapping;
	size_t mapped;
	struct window *window;
	struct guard_slot *slot;
	struct table *retired;
	size_t emptied;
};

/**
 * struct client_map - a map
 * @map:	the part that the caller has a pointer to
 * @regions, @count: sorted by IOVA
 * @windows:	where they are mapped
 * @spare:	address space of the last window that became empty, for the next one; or NULL
 * @retired:	tables that lanes may still use
 * @lost:	the client took memory away
 */
struct client_map {
	struct dma_map map;
	struct dma_region *regions[DMA_REGIONS_MAX];
	unsigned int count;
	struct window *windows;
	uint8_t *spare;
	struct table *retired;
	atomic_bool lost;
	struct log_limits limits; /* of messages that the client causes */
};

static const struct dma_table empty_table;

static atomic_bool guard_installed;
static int guard_event = -1;
static struct sigaction guard_previous;
static struct guard_chunk *_Atomic guard_chunks;
static struct guard_slot *guard_free; /* with guard_mutex */
static pthread_mutex_t guard_mutex = PTHREAD_MUTEX_INITIALIZER;

/* The whole map, from the caller's pointer */
static struct client_map *whole(const struct dma_map *map)
{
	return (struct client_map *)(uintptr_t)map; /* @map is its first member */
}

/**
 * guard_add() - register a mapping with the SIGBUS handler
 * @start, @size: its pages
 * @lost:	flag to set when some of them are gone
 *
 * Return: its slot, or NULL when out of memory
 */
static struct guard_slot *guard_add(const void *start, size_t size, atomic_bool *lost)
{
	struct guard_slot *slot;

	pthread_mutex_lock(&guard_mutex);
	if (!guard_free) {
		struct guard_chunk *chunk = calloc(1, sizeof(*chunk));

		for (unsigned int i = 0; chunk && i < GUARD_CHUNK; i++) {
			atomic_init(&chunk->slots[i].start, UINTPTR_MAX);
			chunk->slots[i].next = guard_free;
			guard_free = &chunk->slots[i];
		}
		if (chunk) {
			chunk->next = atomic_load(&guard_chunks);
			atomic_store(&guard_chunks, chunk);
		}
	}
	slot = guard_free;
	if (slot) {
		guard_free = slot->next;
		atomic_store(&slot->lost, lost);
		atomic_store(&slot->end, (uintptr_t)start + size);
		atomic_store(&slot->start, (uintptr_t)start);
	}
	pthread_mutex_unlock(&guard_mutex);
	return slot;
}

/* The mapping is about to be removed; no lane uses it any more */
static void guard_remove(struct guard_slot *slot)
{
	pthread_mutex_lock(&guard_mutex);
	atomic_store(&slot->start, UINTPTR_MAX);
	slot->next = guard_free;
	guard_free = slot;
	pthread_mutex_unlock(&guard_mutex);
}

/**
 * guard_replace() - replace the mapping around an address with zero pages
 * @at:		the address
 *
 * Called by a signal handler: atomics and system calls only.
 *
 * Return: false if it is in none, or cannot be replaced
 */
static bool guard_replace(uintptr_t at)
{
	const uint64_t one = 1;

	for (struct guard_chunk *chunk = atomic_load(&guard_chunks); chunk; chunk = chunk->next) {
		for (unsigned int i = 0; i < GUARD_CHUNK; i++) {
			struct guard_slot *slot = &chunk->slots[i];
			uintptr_t start = atomic_load(&slot->start);
			uintptr_t end = atomic_load(&slot->end);

			if (at < start || at >= end || atomic_load(&slot->start) != start)
				continue;
			if (mmap((void *)start, end - start, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
				 0) == MAP_FAILED)
				return false;
			atomic_store(atomic_load(&slot->lost), true);
			/* It can only fail because it is readable already */
			return write(guard_event, &one, sizeof(one)) > 0 || errno == EAGAIN;
		}
	}
	return false;
}

/* SIGBUS: handle our mappings, leave the rest to the previous handler */
static void on_sigbus(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	/* A positive code: the kernel sent it, and the address is that of the access */
	if (info->si_code > 0 && guard_replace((uintptr_t)info->si_addr)) {
		errno = saved;
		return;
	}
	errno = saved;
	if (guard_previous.sa_flags & SA_SIGINFO) {
		guard_previous.sa_sigaction(number, info, context);
	} else if (guard_previous.sa_handler == SIG_DFL || guard_previous.sa_handler == SIG_IGN) {
		/* A fault repeats on return, and then kills the process; a sent signal does not */
		if (info->si_code <= 0 && guard_previous.sa_handler == SIG_IGN)
			return;
		signal(number, SIG_DFL);
		if (info->si_code <= 0)
			raise(number);
	} else {
		guard_previous.sa_handler(number);
	}
}

int dma_guard_install(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (atomic_exchange(&guard_installed, true))
		return 0;
	guard_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (guard_event < 0 || sigaction(SIGBUS, &action, &guard_previous) < 0) {
		int error = errno;

		if (guard_event >= 0)
			close(guard_event);
		guard_event = -1;
		atomic_store(&guard_installed, false);
		return -error;
	}
	return 0;
}

int dma_guard_fd(void)
{
	return guard_event;
}

/**
 * reserve() - reserve address space
 * @at:		where, or NULL for anywhere aligned to WINDOW_ALIGN
 * @size:	in bytes, a multiple of WINDOW_ALIGN
 *
 * Return: its start, or NULL
 */
static uint8_t *reserve(uint8_t *at, size_t size)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	uintptr_t start;
	uint8_t *base;
	size_t before;

	if (at) {
		base = mmap(at, size, PROT_NONE, flags | MAP_FIXED_NOREPLACE, -1, 0);
		return base == MAP_FAILED ? NULL : base;
	}
	/* Reserve more, and give back what is before and after the aligned part */
	base = mmap(NULL, size + WINDOW_ALIGN, PROT_NONE, flags, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	start = ((uintptr_t)base + WINDOW_ALIGN - 1) & ~(uintptr_t)(WINDOW_ALIGN - 1);
	before = start - (uintptr_t)base;
	if (before)
		munmap(base, before);
	munmap(base + before + size, WINDOW_ALIGN - before);
	return base + before;
}

/** window_place() - address space for a window, next to @below or @above if possible; or NULL */
static uint8_t *window_place(struct client_map *map, const struct window *below,
			     const struct window *above)
{
	uint8_t *wanted = below   ? below->base + WINDOW_SIZE
			  : above ? above->base - WINDOW_SIZE
				  : map->spare;
	uint8_t *base = map->spare;

	map->spare = NULL;
	if (base && base == wanted)
		return base;
	/* It may be in the way. */
	if (base)
		munmap(base, WINDOW_SIZE);
	base = below ? reserve(below->base + WINDOW_SIZE, WINDOW_SIZE) : NULL;
	if (!base && above)
		base = reserve(above->base - WINDOW_SIZE, WINDOW_SIZE);
	return base ? base : reserve(NULL, WINDOW_SIZE);
}

/**
 * window_find() - a window that has room for a region, if there can be one
 * @map:	the map
 * @iova, @size: the region, checked not to wrap
 *
 * Return: the window, or NULL
 */
static struct window *window_find(struct client_map *map, uint64_t iova, uint64_t size)
{
	uint64_t piece = iova & ~(WINDOW_SIZE - 1);
	struct window *window, *below = NULL, *above = NULL;
	unsigned int count = 0;

	if (size > WINDOW_SIZE - (iova - piece))
		return NULL;
	for (window = map->windows; window; window = window->next, count++) {
		if (window->iova == piece)
			return window->leaving || window->broken ? NULL : window;
		if (window->iova + WINDOW_SIZE == piece)
			below = window;
		if (piece + WINDOW_SIZE == window->iova)
			above = window;
	}
	if (count == WINDOWS_MAX)
		return NULL;
	window = calloc(1, sizeof(*window));
	if (!window)
		return NULL;
	window->base = window_place(map, below, above);
	if (!window->base) {
		free(window);
		return NULL;
	}
	window->iova = piece;
	window->size = WINDOW_SIZE;
	window->next = map->windows;
	map->windows = window;
	return window;
}

/* A window with nothing in it goes; the next one is often the same again */
static void window_put(struct client_map *map, struct window *window)
{
	struct window **link = &map->windows;

	if (window->regions || window->broken)
		return;
	while (*link != window)
		link = &(*link)->next;
	*link = window->next;
	if (map->spare)
		munmap(window->base, window->size);
	else
		map->spare = window->base;
	free(window);
}

/**
 * file_check() - can a region of a file be mapped?
 * @fd:		the file
 * @offset, @size: the region of it
 * @page:	gets the size of its pages, in bytes
 *
 * Return: 0 or a negative errno
 */
static int file_check(int fd, uint64_t offset, uint64_t size, uint64_t *page)
{
	struct statfs fs;
	struct stat st;

	/* Other files have no seals; fstat() of one on FUSE or NFS waits for its server */
	if (fcntl(fd, F_GET_SEALS) < 0)
		return -EOPNOTSUPP;
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	*page = (uint64_t)sysconf(_SC_PAGESIZE);
	if (fs.f_type == HUGETLBFS_MAGIC)
		*page = (uint64_t)fs.f_bsize;
	if (offset % DMA_PAGE || size > (uint64_t)st.st_size ||
	    offset > (uint64_t)st.st_size - size)
		return -EINVAL;
	return 0;
}

/* Unmap a region, or give its part of a window back to the reservation */
static void region_unmap(struct client_map *map, struct dma_region *region)
{
	struct window *window = region->window;

	if (region->slot)
		guard_remove(region->slot);
	if (!window) {
		if (region->mapping)
			munmap(region->mapping, region->mapped);
		return;
	}
	if (mmap(region->mapping, region->mapped, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		window->broken = true;
	window->regions--;
	window_put(map, window);
}

/**
 * region_map() - map a region's memory
 * @map:	the map
 * @region:	its iova, size and access are filled in; gets the rest
 * @fd, @offset: the file
 *
 * Return: 0 or a negative errno
 */
static int region_map(struct client_map *map, struct dma_region *region, int fd, uint64_t offset)
{
	int prot = (region->access & DMA_READ ? PROT_READ : 0) |
		   (region->access & DMA_WRITE ? PROT_WRITE : 0);
	uint64_t page, start, end;
	struct window *window;
	uint8_t *place;
	int ret;

	ret = file_check(fd, offset, region->size, &page);
	if (ret)
		return ret;
	start = offset & ~(page - 1);
	end = (offset + region->size + page - 1) & ~(page - 1);
	region->mapped = end - start;
	region->mapping = mmap(NULL, region->mapped, prot, MAP_SHARED, fd, (off_t)start);
	if (region->mapping == MAP_FAILED) {
		region->mapping = NULL;
		return -errno;
	}
	region->pointer = region->mapping + (offset - start);

	if ((region->iova | offset | region->size) % page == 0) {
		window = window_find(map, region->iova, region->size);
		if (window) {
			/* It has just been mapped, so this hardly ever fails */
			place = mmap(window->base + (region->iova - window->iova), region->mapped,
				     prot, MAP_SHARED | MAP_FIXED, fd, (off_t)offset);
			if (place == MAP_FAILED) {
				window->broken = true;
			} else {
				munmap(region->mapping, region->mapped);
				region->mapping = region->pointer = place;
				region->window = window;
				window->regions++;
			}
		}
	}
	/* Keep the client's memory out of core dumps */
	madvise(region->mapping, region->mapped, MADV_DONTDUMP);
	region->slot = guard_add(region->mapping, region->mapped, &map->lost);
	if (region->slot)
		return 0;
	region_unmap(map, region);
	return -ENOMEM;
}

/* Can a look-up go from @span to @region as if they were one? */
static bool span_continues(const struct dma_span *span, const struct dma_region *region)
{
	return span->last + 1 == region->iova && span->access == region->access &&
	       span->base + (region->iova - span->first) == region->pointer;
}

static size_t table_bytes(unsigned int spans)
{
	return sizeof(struct table) + spans * sizeof(struct dma_span);
}

/**
 * publish() - show lanes a new table, and retire the old one
 * @map:	the map, with its regions as they are to be
 *
 * Return: 0 or -ENOMEM
 */
static int publish(struct client_map *map)
{
	const struct dma_table *old = atomic_load_explicit(&map->map.table, memory_order_relaxed);
	struct table *table = malloc(table_bytes(map->count)), *smaller;
	struct dma_span *span = NULL;

	if (!table)
		return -ENOMEM;
	budget_charge(map->count * 5u + BUDGET_OBJECT);
	table->table.count = 0;
	for (unsigned int i = 0; i < map->count; i++) {
		const struct dma_region *region = map->regions[i];

		if (!region->pointer)
			continue;
		if (!span || !span_continues(span, region)) {
			span = &table->table.spans[table->table.count++];
			span->first = region->iova;
			span->base = region->pointer;
			span->access = region->access;
		}
		span->last = region->iova + (region->size - 1);
	}
	table->bytes = table_bytes(table->table.count);
	smaller = realloc(table, table->bytes);
	if (smaller)
		table = smaller;
	/* Release: see dma_map_lookup() */
	atomic_store_explicit(&map->map.table, &table->table, memory_order_release);
	if (old != &empty_table) {
		struct table *retired =
			(struct table *)((uintptr_t)old - offsetof(struct table, table));

		retired->next = map->retired;
		map->retired = retired;
	}
	return 0;
}

static void tables_free(struct table *table)
{
	while (table) {
		struct table *next = table->next;

		free(table);
		table = next;
	}
}

/* Index of the first region that does not begin before @iova */
static unsigned int region_index(const struct client_map *map, uint64_t iova)
{
	unsigned int low = 0, high = map->count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (map->regions[middle]->iova < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void region_insert(struct client_map *map, unsigned int i, struct dma_region *region)
{
	memmove(&map->regions[i + 1], &map->regions[i],
		(map->count++ - i) * sizeof(map->regions[0]));
	map->regions[i] = region;
}

static void region_remove(struct client_map *map, unsigned int i)
{
	memmove(&map->regions[i], &map->regions[i + 1],
		(--map->count - i) * sizeof(map->regions[0]));
}

struct dma_map *dma_map_new(void)
{
	struct client_map *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	atomic_init(&map->map.table, &empty_table);
	return &map->map;
}

void dma_map_free(struct dma_map *map)
{
	struct client_map *all = whole(map);
	struct window *window;

	dma_map_release(map, dma_map_unlink_all(map));
	tables_free(all->retired);
	if (all->spare)
		munmap(all->spare, WINDOW_SIZE);
	/* Only broken ones are left, and their address space cannot be released */
	while ((window = all->windows)) {
		all->windows = window->next;
		free(window);
	}
	free(all);
}

int dma_map_add(struct dma_map *map, uint64_t iova, uint64_t size, int fd, uint64_t offset,
		unsigned int access)
{
	struct client_map *all = whole(map);
	struct dma_region *region;
	unsigned int i;
	int ret;

	if (!size || size - 1 > UINT64_MAX - iova || !access ||
	    (access & ~(unsigned int)(DMA_READ | DMA_WRITE)))
		return -EINVAL;
	i = region_index(all, iova);
	if ((i < all->count && all->regions[i]->iova - iova < size) ||
	    (i > 0 && iova - all->regions[i - 1]->iova < all->regions[i - 1]->size))
		return -EEXIST;
	if (all->count == DMA_REGIONS_MAX)
		return -ENOSPC;
	region = calloc(1, sizeof(*region));
	if (!region)
		return -ENOMEM;
	region->iova = iova;
	region->size = size;
	region->access = access;
	ret = fd < 0 ? 0 : region_map(all, region, fd, offset);
	if (ret) {
		if (ret == -EOPNOTSUPP)
			log_limited(
				&all->limits, LOG_WARNING,
				"memory at IOVA 0x%llx cannot be mapped: its file is on a disk, "
				"but must be in memory (memfd, /dev/shm, hugetlbfs)",
				(unsigned long long)iova);
		free(region);
		return ret;
	}
	region_insert(all, i, region);
	ret = publish(all);
	if (ret) {
		region_remove(all, i);
		region_unmap(all, region);
		free(region);
	}
	return ret;
}

int dma_map_unlink(struct dma_map *map, uint64_t iova, uint64_t size, struct dma_region **region)
{
	struct client_map *all = whole(map);
	unsigned int i = region_index(all, iova);
	struct dma_region *found;

	if (i == all->count || all->regions[i]->iova != iova || all->regions[i]->size != size)
		return -ENOENT;
	found = all->regions[i];
	region_remove(all, i);
	if (publish(all)) {
		region_insert(all, i, found);
		return -ENOMEM;
	}
	if (found->window)
		found->window->leaving++;
	found->retired = all->retired;
	all->retired = NULL;
	*region = found;
	return 0;
}

struct dma_region *dma_map_unlink_all(struct dma_map *map)
{
	struct client_map *all = whole(map);
	const struct dma_table *old = atomic_load_explicit(&map->table, memory_order_relaxed);
	struct dma_region *first = NULL;

	atomic_store_explicit(&map->table, &empty_table, memory_order_release);
	if (old != &empty_table) {
		struct table *table =
			(struct table *)((uintptr_t)old - offsetof(struct table, table));

		table->next = all->retired;
		all->retired = table;
	}
	while (all->count) {
		struct dma_region *region = all->regions[--all->count];

		if (region->window)
			region->window->leaving++;
		region->next = first;
		first = region;
	}
	if (first) {
		first->retired = all->retired;
		all->retired = NULL;
	}
	return first;
}

/** region_empty() - give back the next part of a region's pages; false: there is no more */
static bool region_empty(struct dma_region *region)
{
	size_t part = region->mapped - region->emptied;

	if (!region->mapping || part <= EMPTY_STEP)
		return false;
	/* Where it is refused (old kernels, huge pages) all goes at once, when it is unmapped. */
	if (madvise(region->mapping + region->emptied, EMPTY_STEP, MADV_DONTNEED) < 0)
		return false;
	region->emptied += EMPTY_STEP;
	budget_charge(EMPTY_STEP / 4096 * BUDGET_LOOKUP);
	return true;
}

bool dma_map_release_some(struct dma_map *map, struct dma_region **list, uint32_t units)
{
	uint32_t start = budget_spent;

	while (*list) {
		struct dma_region *region = *list;

		if (budget_since(start) >= units)
			return true;
		if (region_empty(region))
			continue;
		*list = region->next;
		if (region->window)
			region->window->leaving--;
		region_unmap(whole(map), region);
		tables_free(region->retired);
		free(region);
		budget_charge(BUDGET_CALL + EMPTY_STEP / 4096);
	}
	/* Nothing of what was lost is left */
	if (!whole(map)->count)
		atomic_store(&whole(map)->lost, false);
	return false;
}

void dma_map_release(struct dma_map *map, struct dma_region *region)
{
	while (dma_map_release_some(map, &region, UINT32_MAX))
		continue;
}

void dma_map_join(struct dma_region **list, struct dma_region *region)
{
	while (*list)
		list = &(*list)->next;
	*list = region;
}

size_t dma_map_retired(const struct dma_map *map)
{
	size_t bytes = 0;

	for (const struct table *table = whole(map)->retired; table; table = table->next)
		bytes += table->bytes;
	return bytes;
}

void dma_map_quiet(struct dma_map *map)
{
	tables_free(whole(map)->retired);
	whole(map)->retired = NULL;
}

bool dma_map_lost(const struct dma_map *map)
{
	return atomic_load_explicit(&whole(map)->lost, memory_order_acquire);
}

void *dma_span_cross(const struct dma_table *table, const struct dma_span *span, uint64_t iova,
		     uint64_t more, unsigned int access)
{
	uint8_t *pointer = span->base + (iova - span->first);
	uint64_t have; /* bytes after the first that are known to be there */

	if (more > UINT64_MAX - iova)
		return NULL;
	for (unsigned int spans = 0; spans < CROSS_MAX && !(access & ~span->access); spans++) {
		have = span->last - iova;
		if (have >= more)
			return pointer;
		span++;
		if (span == table->spans + table->count || span->first != iova + have + 1 ||
		    span->base != pointer + have + 1)
			return NULL;
	}
	return NULL;
}
