/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * DPDK's memory consists of segments, one per hugepage, each a piece of a file:
 *
 *	segments			file			what is mapped
 *	there from the start		one for all		a run of them at once
 *	 (never given back)		one each		each by itself
 *	added to a heap later on	either			each by itself
 *
 * A segment that may be freed is mapped by itself, because only whole mappings can be unmapped, and
 * its neighbours may be in use by the adapter.
 *
 * The callback is registered before the walk, so that no segment is missed. It runs under the EAL's
 * memory lock, in whichever thread grows or shrinks a heap.
 *
 * With the kernel's driver below, a key is valid for what was mapped when it was created. Each
 * queue caches the region that it found last; when memory is added or removed, all of these are
 * emptied, and the memory around is looked up at once for every running port: so a burst rarely has
 * to wait for a key, and a secondary process, which cannot ask the adapter, finds it in the port's
 * table. Emptying a region is one store: a queue that has just read it may still use its key, which
 * stays valid.
 */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include "base/shared.h"
#include "pmd/pmd.h"

/**
 * struct run - segments that are mapped together
 * @fd:		their file, or -1 while there is no segment
 * @offset:	of the first of them in it
 * @start, @len: the memory
 * @err:	the first error
 * @foreign:	bytes without a file
 */
struct run {
	struct pmd_adapter *adapter;
	int fd;
	size_t offset;
	uint8_t *start;
	size_t len;
	int err;
	uint64_t foreign;
};

static void *allocate(void *ctx, size_t size, size_t align)
{
	const struct pmd_adapter *adapter = ctx;
	int node = adapter->pci->device.numa_node;

	/* A ring is read before anything is written to it. */
	return rte_zmalloc_socket(PMD_NAME, size, (unsigned int)align,
				  node < 0 ? SOCKET_ID_ANY : node);
}

static void release(void *ctx, void *va, size_t size)
{
	(void)ctx;
	(void)size;
	rte_free(va);
}

const struct driver_allocator pmd_allocator = { .alloc = allocate, .free = release };

/** run_map() - map the segments collected so far */
static int run_map(struct run *run)
{
	int err;

	if (run->fd < 0)
		return 0;
	err = driver_map(run->adapter->driver, run->start, run->len, run->fd, run->offset);
	run->fd = -1;
	/* The callback was there before the walk: it may have mapped a segment already. */
	return err == -EEXIST ? 0 : err;
}

/** run_add() - add an existing segment; 0 or a negative errno */
static int run_add(struct run *run, const struct rte_memseg_list *msl, const struct rte_memseg *ms)
{
	bool stays = ms->flags & RTE_MEMSEG_FLAG_DO_NOT_FREE || !rte_eal_has_hugepages();
	size_t offset = (uintptr_t)ms->addr;
	int fd = 0, err;

	if (msl->external) {
		/* It is looked up when it is first used, if at all. */
		if (!run->adapter->verbs)
			run->foreign += ms->len;
		return 0;
	}
	/* The kernel finds memory by its address. */
	if (!run->adapter->verbs)
		fd = rte_memseg_get_fd_thread_unsafe(ms);
	if (fd < 0 ||
	    (!run->adapter->verbs && rte_memseg_get_fd_offset_thread_unsafe(ms, &offset) < 0)) {
		PMD_LOG(ERR,
			"DPDK's memory at %p has no file that the adapter could map (%s); "
			"run with hugepages (--in-memory is fine)",
			ms->addr, rte_strerror(rte_errno));
		return -ENOTSUP;
	}
	if (run->fd == fd && stays && run->start + run->len == ms->addr &&
	    run->offset + run->len == offset) {
		run->len += ms->len;
		return 0;
	}
	err = run_map(run);
	if (err)
		return err;
	run->fd = fd;
	run->offset = offset;
	run->start = ms->addr;
	run->len = ms->len;
	return stays ? 0 : run_map(run);
}

static int walk(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	struct run *run = arg;

	run->err = run_add(run, msl, ms);
	return run->err ? 1 : 0;
}

/* ---- Regions ---- */

/** map_external() - map the application's own memory; only the kernel needs no file
 */
static int map_external(struct pmd_adapter *adapter, const void *address)
{
	const struct rte_memseg_list *msl = rte_mem_virt2memseg_list(address);
	int err;

	if (!adapter->verbs || !msl || !msl->external)
		return -ENOENT;
	err = driver_map(adapter->driver, msl->base_va, msl->len, -1, 0);
	return err == -EEXIST ? 0 : err; /* another port's queue has mapped it */
}

/** find() - look a region up, or use what the primary process found; the lock is held */
static int find(struct pmd_port *port, const void *address, struct driver_region *region)
{
	struct pmd_regions *regions = &port->regions;
	uint64_t va = (uintptr_t)address;
	struct driver_region found;
	int err;

	for (unsigned int i = 0; i < PMD_REGIONS; i++)
		if (va - regions->known[i].start <
		    regions->known[i].end - regions->known[i].start) {
			*region = regions->known[i];
			return 0;
		}
	if (!pmd_primary())
		return -ENOENT;
	err = driver_region(port->adapter->driver, port->index, address, &found);
	if (err == -ENOENT && !map_external(port->adapter, address))
		err = driver_region(port->adapter->driver, port->index, address, &found);
	if (!err) {
		regions->known[regions->next++ % PMD_REGIONS] = found;
		*region = found;
	}
	return err;
}

bool pmd_region_find(struct pmd_port *port, const void *address, struct driver_region *region)
{
	int err;

	rte_spinlock_lock(&port->regions.lock);
	err = find(port, address, region);
	rte_spinlock_unlock(&port->regions.lock);
	return !err;
}

int pmd_region_attach(struct pmd_port *port, const void *address, struct driver_region *region)
{
	struct pmd_regions *regions = &port->regions;
	int err;

	rte_spinlock_lock(&regions->lock);
	err = find(port, address, region);
	for (unsigned int i = 0; !err && i < RTE_DIM(regions->queues); i++)
		if (!regions->queues[i]) {
			regions->queues[i] = region;
			break;
		}
	rte_spinlock_unlock(&regions->lock);
	return err;
}

void pmd_region_detach(struct pmd_port *port, struct driver_region *region)
{
	struct pmd_regions *regions = &port->regions;

	rte_spinlock_lock(&regions->lock);
	for (unsigned int i = 0; i < RTE_DIM(regions->queues); i++)
		if (regions->queues[i] == region)
			regions->queues[i] = NULL;
	rte_spinlock_unlock(&regions->lock);
}

/** renew() - forget a port's regions, and look up those around @len bytes at @addr again */
static void renew(struct pmd_port *port, const uint8_t *addr, size_t len)
{
	struct pmd_regions *regions = &port->regions;
	struct driver_region region;
	bool running = false;

	rte_spinlock_lock(&regions->lock);
	memset(regions->known, 0, sizeof(regions->known));
	for (unsigned int i = 0; i < RTE_DIM(regions->queues); i++) {
		struct driver_region *queue = regions->queues[i];

		if (!queue)
			continue;
		running = true;
		shared_store(&queue->end, queue->start);
	}
	if (running) {
		find(port, addr - 1, &region);
		find(port, addr, &region);
		find(port, addr + len, &region);
	}
	rte_spinlock_unlock(&regions->lock);
}

/** on_event() - memory was added, or is about to be removed */
static void on_event(enum rte_mem_event type, const void *addr, size_t len, void *arg)
{
	struct pmd_adapter *adapter = arg;
	struct run run = { .adapter = adapter, .fd = -1 };
	const struct rte_memseg_list *msl = rte_mem_virt2memseg_list(addr);
	const uint8_t *start = addr;
	int err = 0;

	if (msl && msl->external && adapter->verbs && type == RTE_MEM_EVENT_FREE)
		driver_unmap(adapter->driver, msl->base_va, msl->len);
	if (!msl || msl->external)
		return;
	for (size_t at = 0; at < len; at += msl->page_sz) {
		struct rte_memseg *ms = rte_mem_virt2memseg(start + at, msl);

		if (!ms)
			continue;
		if (type == RTE_MEM_EVENT_FREE)
			driver_unmap(adapter->driver, ms->addr, ms->len);
		else if (!err)
			err = run_add(&run, msl, ms);
	}
	if (!err)
		err = run_map(&run);
	if (err && err != -ENODEV)
		PMD_LOG(ERR, "packets in the %zu new bytes at %p will not be sent", len, addr);
	if (!adapter->info.regions_change)
		return;
	for (unsigned int i = 0; i < DRIVER_PORTS_MAX; i++)
		if (adapter->ports[i])
			renew(pmd_port(adapter->ports[i]), start, len);
}

int pmd_memory_map(struct pmd_adapter *adapter)
{
	struct run run = { .adapter = adapter, .fd = -1 };
	int err;

	if (rte_mem_event_callback_register(PMD_NAME, on_event, adapter) < 0 &&
	    rte_errno != ENOTSUP) /* memory that never changes: --legacy-mem, --no-huge */
		return -rte_errno;
	rte_memseg_walk(walk, &run);
	err = run.err ? run.err : run_map(&run);
	if (err)
		return err; /* the failure has been logged; the adapter is closed now */
	if (run.foreign)
		PMD_LOG(NOTICE,
			"%llu bytes of external memory cannot be mapped for the adapter at %s: "
			"packets in it will not be sent",
			(unsigned long long)run.foreign, adapter->pci->name);
	return 0;
}

void pmd_memory_unmap(struct pmd_adapter *adapter)
{
	rte_mem_event_callback_unregister(PMD_NAME, adapter);
}
