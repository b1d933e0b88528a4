/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The adapter as a whole: what the socket's client does to it, and its life.
 */
#include "device/adapter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "device/internal.h"
#include "vfio_user/message.h"

#define SAID_MAX 200u	   /* messages about one client */
#define RETIRED_MAX 65536u /* bytes of old look-up tables kept for lanes */

static_assert(VFU_DMA_MAPS_MAX == DMA_REGIONS_MAX, "a client may map as much as it was told");

void adapter_raise(struct adapter *adapter, uint32_t msix)
{
	if (atomic_load_explicit(&adapter->bus_master, memory_order_relaxed))
		vfu_irq_raise(adapter->server, msix);
}

void adapter_say(struct adapter *adapter, enum log_level level, const char *format, ...)
{
	char text[400];
	uint32_t said;
	va_list ap;

	if (!log_wants(level))
		return;
	/* Who asks for every detail gets every detail. */
	said = level > LOG_NOTICE ? 0 :
				    atomic_load_explicit(&adapter->said, memory_order_relaxed);
	if (said > SAID_MAX)
		return;
	if (level <= LOG_NOTICE)
		said = atomic_fetch_add_explicit(&adapter->said, 1, memory_order_relaxed);
	if (said < SAID_MAX) {
		va_start(ap, format);
		vsnprintf(text, sizeof(text), format, ap);
		va_end(ap);
		log_say(level, "%s: %s", adapter->config.name, text);
	} else if (said == SAID_MAX) {
		log_say(LOG_WARNING,
			"%s: %u messages about this client; what else it does is not told",
			adapter->config.name, SAID_MAX);
	}
}

void adapter_reset(struct adapter *adapter)
{
	for (uint32_t i = 0; i < adapter->config.ports; i++)
		vport_reset(&adapter->vport[i]);
	rnic_reset(adapter);
	hwc_destroy(adapter);
	for (uint32_t i = 0; i < adapter->eqs.size; i++)
		if (table_get(&adapter->eqs, i))
			eq_destroy(table_get(&adapter->eqs, i));
	memory_clear(&adapter->memory);
	memset(&adapter->ethernet, 0, sizeof(adapter->ethernet));
	memset(&adapter->rdma, 0, sizeof(adapter->rdma));
	memset(adapter->doorbell_pages, 0, sizeof(adapter->doorbell_pages));
	memset(adapter->smc, 0, sizeof(adapter->smc));
	native_reset(adapter);
}

/* ---- What the client does ---- */

static int client_read(void *ctx, unsigned int region, uint64_t offset, void *data, size_t len)
{
	struct adapter *adapter = ctx;

	switch (region) {
	case 0:
		return registers_read(adapter, offset, data, len);
	case VFU_REGION_CONFIG:
		return config_read(adapter, offset, data, len);
	default:
		/* The MSI-X table is the client's: it intercepts what the driver does there. */
		memset(data, 0, len);
		return 0;
	}
}

static int client_write(void *ctx, unsigned int region, uint64_t offset, const void *data,
			size_t len)
{
	struct adapter *adapter = ctx;

	switch (region) {
	case 0:
		return registers_write(adapter, offset, data, len);
	case VFU_REGION_CONFIG:
		return config_write(adapter, offset, data, len);
	default:
		return 0;
	}
}

/** map_changed() - rings look their pointers up again */
static void map_changed(struct adapter *adapter)
{
	atomic_fetch_add_explicit(&adapter->memory.epoch, 1, memory_order_release);
}

/**
 * resume() - memory is back: go on with what could not be read
 *
 * A virtual machine that rearranges its memory takes regions away and gives them back while its
 * CPUs ring doorbells; such a doorbell may have been the last one.
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
	if (adapter->hwc.up)
		hwc_run(adapter);
}

static int client_dma_map(void *ctx, uint64_t iova, uint64_t size, int fd, uint64_t offset,
			  unsigned int access)
{
	struct adapter *adapter = ctx;
	unsigned int dma = 0;
	int err;

	/* The page size that VERSION names; entries of queues would not be aligned otherwise. */
	if (fd >= 0 && (iova | size | offset) % MANA_PAGE_SIZE)
		return -EINVAL;
	if (access & VFU_DMA_READ)
		dma |= DMA_READ;
	if (access & VFU_DMA_WRITE)
		dma |= DMA_WRITE;
	err = dma_map_add(adapter->memory.map, iova, size, fd, offset, dma);
	if (err)
		return err;
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
	map_changed(adapter);
	lanes_sync(adapter->lanes);
	dma_map_release(adapter->memory.map, region);
	return 0;
}

static void client_dma_unmap_all(void *ctx)
{
	struct adapter *adapter = ctx;
	struct dma_region *regions = dma_map_unlink_all(adapter->memory.map);

	if (!regions)
		return;
	map_changed(adapter);
	lanes_sync(adapter->lanes);
	dma_map_release(adapter->memory.map, regions);
}

static void client_reset(void *ctx)
{
	struct adapter *adapter = ctx;

	adapter_reset(adapter);
	config_reset(adapter);
}

static void client_quiesce(void *ctx)
{
	lanes_sync(((struct adapter *)ctx)->lanes);
}

static void client_attached(void *ctx)
{
	struct adapter *adapter = ctx;

	atomic_store(&adapter->told_doorbell, false);
	atomic_store(&adapter->said, 0);
	log_say(LOG_NOTICE, "%s: client attached", adapter->config.name);
}

static void client_detached(void *ctx)
{
	struct adapter *adapter = ctx;

	client_reset(adapter);
	client_dma_unmap_all(adapter);
	log_say(LOG_NOTICE, "%s: client gone", adapter->config.name);
}

const struct vfu_ops adapter_ops = {
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

/* ---- Life ---- */

/** open_port() - plug a vPort in and let a lane poll its fabric */
static int open_port(struct adapter *adapter, uint32_t index, struct error *error)
{
	struct vport *vport = &adapter->vport[index];
	struct adapter_port_config *config = &adapter->config.port[index];
	struct fabric_port_config fabric = { .mtu = config->mtu,
					     .lanes = lanes_count(adapter->lanes),
					     .queues = config->queues };
	struct fabric_receiver receiver = {
		.deliver = receive_deliver,
		.offer = receive_offer,
		.ctx = vport,
	};
	int err;

	if (adapter->config.synthetic)
		receiver = (struct fabric_receiver){ .deliver = synthetic_deliver, .ctx = vport };
	adapter->specs[index] = strdup(config->fabric);
	if (!adapter->specs[index])
		return -ENOMEM;
	config->fabric = adapter->specs[index];
	vport->adapter = adapter;
	vport->config = config;
	vport->index = index;
	memcpy(fabric.mac, config->mac, sizeof(fabric.mac));
	err = fabric_open(config->fabric, &fabric, &receiver, &vport->fabric, error);
	if (err)
		return err;
	vport->source.run = receive_poll;
	vport->source.rest = receive_rest;
	err = lane_add(adapter->lanes, index, &vport->source, fabric_fd(vport->fabric));
	if (err)
		error_say(error, "cannot watch the fabric '%s' of port %u: %s",
			 config->fabric, index, strerror(-err));
	return err;
}

/** open_server() - listen for the client */
static int open_server(struct adapter *adapter, struct error *error)
{
	struct vfu_config config = {
		.path = adapter->config.socket,
		.irqs = { [VFU_IRQ_MSIX] = ADAPTER_MSIX },
		.ops = &adapter_ops,
		.ctx = adapter,
	};
	int err;

	for (unsigned int i = 0; i < VFU_REGION_COUNT; i++)
		config.regions[i].mmap_fd = -1;
	config.regions[0].size = BAR_SIZE;
	config.regions[NATIVE_BAR] = (struct vfu_region){ .size = NATIVE_BAR_SIZE,
							  .readable = true,
							  .writable = true,
							  .mmap_fd = adapter->native_fd,
							  .mmap_size = NATIVE_BAR_SIZE,
							  .mmap_asked = true };
	config.regions[4].size = BAR_MSIX_SIZE;
	config.regions[VFU_REGION_CONFIG].size = 4096;
	config.regions[0].readable = config.regions[0].writable = true;
	config.regions[4].readable = config.regions[4].writable = true;
	config.regions[VFU_REGION_CONFIG].readable = true;
	config.regions[VFU_REGION_CONFIG].writable = true;
	err = vfu_server_open(&config, &adapter->server);
	if (err == -EADDRINUSE)
		error_say(error, "cannot listen on %s: another adapter listens there; stop it, or choose "
			 "another --socket", adapter->config.socket);
	else if (err)
		error_say(error, "cannot listen on %s: %s; choose another --socket", adapter->config.socket,
			 strerror(-err));
	return err;
}

int adapter_open(const struct adapter_config *config, struct lanes *lanes, struct adapter **out,
		 struct error *error)
{
	struct adapter *adapter = calloc(1, sizeof(*adapter));
	int err = -ENOMEM;

	error_say(error, "out of memory");
	if (!adapter)
		return -ENOMEM;
	adapter->config = *config;
	adapter->lanes = lanes;
	snprintf(adapter->names[0], sizeof(adapter->names[0]), "%s", config->name);
	snprintf(adapter->names[1], sizeof(adapter->names[1]), "%s", config->socket);
	adapter->config.name = adapter->names[0];
	adapter->config.socket = adapter->names[1];
	config_reset(adapter);
	if (memory_init(&adapter->memory) || table_init(&adapter->eqs, ADAPTER_EQS, 0) ||
	    table_init(&adapter->cqs, ADAPTER_CQS, 0) ||
	    table_init(&adapter->sqs, ADAPTER_WQS, 0) || table_init(&adapter->rqs, ADAPTER_WQS, 0))
		goto fail;
	err = dma_guard_install();
	if (!err)
		err = native_open(adapter);
	if (err) {
		error_say(error, "cannot make the adapter's shared memory: %s",
			 strerror(-err));
		goto fail;
	}
	for (uint32_t i = 0; i < config->ports; i++) {
		err = open_port(adapter, i, error);
		if (err)
			goto fail;
	}
	err = open_server(adapter, error);
	if (err)
		goto fail;
	if (config->synthetic)
		err = synthetic_open(adapter, error);
	if (err)
		goto fail;
	*out = adapter;
	return 0;
fail:
	adapter_close(adapter);
	return err;
}

void adapter_close(struct adapter *adapter)
{
	if (adapter->server)
		vfu_server_close(adapter->server);
	synthetic_close(adapter);
	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		struct vport *vport = &adapter->vport[i];

		if (vport->fabric) {
			lane_remove(&vport->source, fabric_fd(vport->fabric));
			lanes_sync(adapter->lanes);
			fabric_close(vport->fabric);
		}
		free(adapter->specs[i]);
	}
	native_close(adapter);
	memory_destroy(&adapter->memory);
	table_free(&adapter->eqs);
	table_free(&adapter->cqs);
	table_free(&adapter->sqs);
	table_free(&adapter->rqs);
	free(adapter);
}

int adapter_fd(const struct adapter *adapter)
{
	return vfu_server_fd(adapter->server);
}

int adapter_guard_fd(void)
{
	return dma_guard_fd();
}

void adapter_serve(struct adapter *adapter)
{
	vfu_server_serve(adapter->server);
	adapter_check(adapter);
}

void adapter_check(struct adapter *adapter)
{
	if (dma_map_lost(adapter->memory.map))
		vfu_server_drop(adapter->server,
				"it took memory away that it had mapped (truncated a file)");
}

bool adapter_busy(const struct adapter *adapter)
{
	return vfu_server_busy(adapter->server);
}

void adapter_flush(struct adapter *adapter)
{
	for (uint32_t i = 0; i < adapter->config.ports; i++)
		fabric_flush(adapter->vport[i].fabric);
}

const struct adapter_config *adapter_config(const struct adapter *adapter)
{
	return &adapter->config;
}

/* ---- Events ---- */

int adapter_set_link(struct adapter *adapter, unsigned int port, bool up)
{
	union hwc_event_data data = { .type = up ? HWC_RECONFIG_LINK_CONNECT :
						   HWC_RECONFIG_LINK_DISCONNECT };

	if (port >= adapter->config.ports)
		return -EINVAL;
	atomic_store(&adapter->vport[port].link_down, !up);
	lane_kick(&adapter->vport[port].source);
	synthetic_link_changed(adapter, port);
	if (!adapter->hwc.up)
		return -ENOTCONN;
	data.value = port & 0xffffffu;
	if (adapter->hwc.driver_caps & GDMA_DRV_CAP_1_LINK_AWARE)
		hwc_event(adapter, GDMA_EQE_HWC_RECONFIG_DATA, data.word);
	return 0;
}

int adapter_set_vf(struct adapter *adapter, bool there)
{
	return synthetic_set_vf(adapter, there);
}

int adapter_pull_card(struct adapter *adapter, unsigned int port)
{
	return port < adapter->config.ports ? synthetic_pull(adapter, port) : -EINVAL;
}

int adapter_reconfigure(struct adapter *adapter, uint32_t hwc_timeout_ms)
{
	union hwc_event_data data = { .type = HWC_RECONFIG_TIMEOUT,
				      .value = hwc_timeout_ms & 0xffffffu };

	if (!hwc_timeout_ms || hwc_timeout_ms > 0xffffff)
		return -EINVAL;
	if (!adapter->hwc.up)
		return -ENOTCONN;
	adapter->hwc.timeout_ms = hwc_timeout_ms;
	hwc_event(adapter, GDMA_EQE_HWC_RECONFIG_DATA, data.word);
	return 0;
}

int adapter_request_reset(struct adapter *adapter)
{
	if (!adapter->hwc.up)
		return -ENOTCONN;
	hwc_event(adapter, GDMA_EQE_HWC_RESET_REQUEST, 0);
	return 0;
}
