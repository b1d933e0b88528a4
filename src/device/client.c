/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls from the socket's client: registers and configuration space, memory, reset, attach and
 * detach. All on the control thread.
 */
#include "device/client.h"

#include <errno.h>
#include <string.h>

#include "base/budget.h"
#include "base/log.h"
#include "device/act.h"
#include "device/config.h"
#include "device/hwc.h"
#include "device/pair.h"
#include "device/registers.h"
#include "device/reset.h"
#include "device/state.h"
#include "vfio_user/message.h"

#define RETIRED_MAX  65536u /* bytes of old look-up tables kept for lanes */
#define RETIRED_LAZY 64u    /* objects that may be kept for lanes which need not be waited for */

static_assert(VFU_DMA_MAPS_MAX == DMA_REGIONS_MAX, "a client may map as much as it was told");

static int client_read(void *ctx, unsigned int region, uint64_t offset, void *data, size_t len)
{
	struct adapter *adapter = ctx;

	switch (region) {
	case MANA_BAR:
		return registers_read(adapter, offset, data, len);
	case VFU_REGION_CONFIG:
		return config_read(adapter, offset, data, len);
	default:
		/* The client has the MSI-X table: it intercepts the driver's accesses to it. */
		memset(data, 0, len);
		return 0;
	}
}

static int client_write(void *ctx, unsigned int region, uint64_t offset, const void *data,
			size_t len)
{
	struct adapter *adapter = ctx;

	switch (region) {
	case MANA_BAR:
		return registers_write(adapter, offset, data, len);
	case VFU_REGION_CONFIG:
		return config_write(adapter, offset, data, len);
	default:
		return 0;
	}
}

/**
 * client_visit() - go on with what earlier visits have not finished
 *
 * What a client has left behind is freed before it, or the next one, can ask for more.
 */
static bool client_visit(void *ctx)
{
	struct adapter *adapter = ctx;

	adapter->visit = budget_spent;
	if (adapter->retired.count - adapter->retired.settled > RETIRED_LAZY)
		retire_settle(&adapter->retired);
	if (retire_free(&adapter->retired, BUDGET_VISIT))
		return false;
	if (adapter->leaving &&
	    dma_map_release_some(adapter->memory.map, &adapter->leaving, BUDGET_VISIT))
		return false;
	if (__builtin_expect(faults_of(adapter) != NULL, 0))
		act_visit(adapter);
	if (adapter->hwc.up)
		hwc_run(adapter);
	return true;
}

/** map_changed() - make rings look their pointers up again */
static void map_changed(struct adapter *adapter)
{
	atomic_fetch_add_explicit(&adapter->memory.epoch, 1, memory_order_release);
}

/**
 * resume() - memory is back: continue with what could not be read
 *
 * A virtual machine that rearranges its memory unmaps regions and maps them again while its CPUs
 * ring doorbells; such a doorbell may have been the last one.
 */
static void resume(struct adapter *adapter)
{
	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		struct vport *vport = &adapter->vport[i];

		for (uint32_t q = 0; q < vport->config->queues; q++)
			if (vport->sq[q])
				lane_kick(&vport->sq[q]->work);
		lane_kick(&vport->source);
	}
	for (uint32_t i = 0; i < adapter->pairs.fresh; i++) {
		struct pair *pair = table_get(&adapter->pairs, i);

		if (pair)
			lane_kick(&pair->work);
	}
	if (adapter->hwc.up)
		hwc_run(adapter);
}

/** tell_memory() - tell watchers that the client has changed what it maps */
static void tell_memory(struct adapter *adapter, enum watch_memory what, uint64_t iova,
			uint64_t size, unsigned int access)
{
	const struct watch_event event = { .kind = WATCH_MEMORY,
					   .type = what,
					   .position = access,
					   .value = iova,
					   .data = &size,
					   .len = sizeof(size) };

	watch_tell(&adapter->watch, &event);
}

static int client_dma_map(void *ctx, uint64_t iova, uint64_t size, int fd, uint64_t offset,
			  unsigned int access)
{
	struct adapter *adapter = ctx;
	unsigned int dma = 0;
	int err;

	/* The page size in VERSION; otherwise queue entries would not be aligned. */
	if (fd >= 0 && (iova | size | offset) % MANA_PAGE_SIZE)
		return -EINVAL;
	if (access & VFU_DMA_READ)
		dma |= DMA_READ;
	if (access & VFU_DMA_WRITE)
		dma |= DMA_WRITE;
	err = dma_map_add(adapter->memory.map, iova, size, fd, offset, dma);
	if (err)
		return err;
	tell_memory(adapter, WATCH_MAPPED, iova, size, access);
	map_changed(adapter);
	resume(adapter);
	if (dma_map_retired(adapter->memory.map) > RETIRED_MAX) {
		lanes_sync(adapter->lanes);
		dma_map_quiet(adapter->memory.map);
	}
	return 0;
}

static int client_dma_unmap(void *ctx, uint64_t iova, uint64_t size)
{
	struct adapter *adapter = ctx;
	struct dma_region *region;
	int err = dma_map_unlink(adapter->memory.map, iova, size, &region);

	if (err)
		return err;
	tell_memory(adapter, WATCH_UNMAPPED, iova, size, 0);
	map_changed(adapter);
	lanes_sync(adapter->lanes);
	dma_map_join(&adapter->leaving, region);
	adapter_again(adapter);
	return 0;
}

static void client_dma_unmap_all(void *ctx)
{
	struct adapter *adapter = ctx;
	struct dma_region *regions = dma_map_unlink_all(adapter->memory.map);

	if (!regions)
		return;
	tell_memory(adapter, WATCH_UNMAPPED_ALL, 0, UINT64_MAX, 0);
	map_changed(adapter);
	lanes_sync(adapter->lanes);
	dma_map_join(&adapter->leaving, regions);
	adapter_again(adapter);
}

static void client_reset(void *ctx)
{
	struct adapter *adapter = ctx;

	adapter_reset(adapter);
	config_reset(adapter);
	act_reset(adapter);
	adapter_again(adapter);
}

static void client_quiesce(void *ctx)
{
	lanes_sync(((struct adapter *)ctx)->lanes);
}

static void client_attached(void *ctx)
{
	struct adapter *adapter = ctx;

	atomic_store(&adapter->told_doorbell, false);
	watch_tell(&adapter->watch,
		   &(struct watch_event){ .kind = WATCH_CLIENT, .type = WATCH_ATTACHED });
	adapter_say(adapter, LOG_NOTICE, "client attached");
	if (adapter->revoked)
		vfu_server_drop(adapter->server, "a fault has taken the function away");
	act_moment(adapter, FAULT_ON_ATTACH);
}

static void client_detached(void *ctx)
{
	struct adapter *adapter = ctx;

	client_reset(adapter);
	client_dma_unmap_all(adapter);
	watch_tell(&adapter->watch,
		   &(struct watch_event){ .kind = WATCH_CLIENT, .type = WATCH_DETACHED });
	adapter_say(adapter, LOG_NOTICE, "client detached");
	act_moment(adapter, FAULT_ON_DETACH);
}

const struct vfu_ops client_ops = {
	.visit = client_visit,
	.read = client_read,
	.write = client_write,
	.dma_map = client_dma_map,
	.dma_unmap = client_dma_unmap,
	.dma_unmap_all = client_dma_unmap_all,
	.reset = client_reset,
	.quiesce = client_quiesce,
	.attached = client_attached,
	.detached = client_detached,
};
