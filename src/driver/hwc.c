/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/hwc.c - the control plane that talks to the adapter itself
 *
 * Theory of operation
 *
 *	driver_open()		reset, bus mastering
 *	driver_start()		hardware channel (channel.c), then
 *	  VERIFY_VF_DRIVER_VERSION	abilities, shared doorbells among them
 *	  QUERY_MAX_RESOURCES		limits
 *	  LIST_DEVICES, REGISTER_DEVICE	protection domain, memory key, doorbell page
 *	  QUERY_DEV_CONFIG		number of vPorts, longest frame
 *	  QUERY_VPORT_CONFIG		each vPort's handle, MAC, limits
 *	driver_port_open()	CONFIG_VPORT_TX
 *	driver_?xq_create()	memory, two DMA regions, CREATE_WQ_OBJ, NATIVE_BIND_DOORBELL
 *	driver_rss()		CONFIG_VPORT_RX
 *
 * The memory key that REGISTER_DEVICE gives reaches all that is mapped, at its bus address,
 * which is its virtual address here: there is one region for all memory.
 *
 * A queue is bound to a page of BAR 2 if the adapter has such pages; else, as on a real
 * adapter, each burst's doorbell goes to BAR 0.
 */
#include "driver/channel.h"
#include "driver/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "wire/native.h"

#define CONFIG_IDENTITY 0u /* PCI configuration space: vendor, device */
#define CONFIG_COMMAND  4u
#define COMMAND_MEMORY  (1u << 1)
#define COMMAND_MASTER  (1u << 2)

#define VECTORS_MAX     2048u /* that MSI-X can have */
#define EQ_SIZE         4096u
#define SHORT_OFFSET    MANA_SHORT_VPORT_OFFSET_MAX
#define TABLE_MAX       256u /* entries that fit in a message of 4096 bytes, a power of two */

/**
 * struct hwc_queue - the adapter's side of a queue
 * @handle:	of the work-queue object
 * @memory, @size: ring, completions and what else the queue keeps in shared memory
 * @page:	of BAR 2, or DRIVER_NO_PAGE
 * @eq, @eq_memory, @vector, @event_fd: receive queues with interrupts; @event_fd is -1 without
 */
struct hwc_queue {
	uint64_t handle;
	void *memory;
	size_t size;
	uint32_t page;
	struct driver_eq eq;
	void *eq_memory;
	uint32_t vector;
	int event_fd;
};

/** struct hwc_port - @offset: tx_vport_offset */
struct hwc_port {
	struct driver_port port;
	uint32_t offset;
	struct hwc_queue txq[DRIVER_QUEUES_MAX];
	struct hwc_queue rxq[DRIVER_QUEUES_MAX];
};

/**
 * struct hwc_driver - an adapter
 * @dev:	its Ethernet device
 * @registered:	@pd, @key and @page are from REGISTER_DEVICE
 * @bell:	the doorbell page of its queues
 * @vport:	handles
 * @pages:	bit set: page of BAR 2 in use
 * @page_count:	pages of BAR 2; 0 if there is none
 * @vectors:	bit set: MSI-X vector in use
 * @vector_count: vectors
 */
struct hwc_driver {
	struct driver driver;
	struct transport *transport;
	struct channel channel;
	struct gdma_dev_id dev;
	uint32_t pd, key, page;
	struct bell_page bell;
	uint64_t vport[DRIVER_PORTS_MAX];
	uint64_t pages[NATIVE_DOORBELL_PAGES / 64];
	uint32_t page_count;
	uint64_t vectors[VECTORS_MAX / 64];
	uint32_t vector_count;
};

static struct hwc_driver *of(struct driver *driver)
{
	return (struct hwc_driver *)driver;
}

/* ---- Commands ---- */

/**
 * distrust() - the adapter does what no adapter does: have nothing more to do with it
 *
 * The reset makes it forget the queues, so that their memory can be used for something else.
 */
static void distrust(struct hwc_driver *hwc)
{
	hwc->channel.dead = true;
	hwc->transport->ops->reset(hwc->transport);
	if (hwc->transport->ops->alive(hwc->transport) == 0)
		driver_note_reset(&hwc->driver);
}

/**
 * command_v() - a command to the adapter
 * @code:	enum gdma_command, mana_command or native_command
 * @to_device:	it is for the Ethernet device, not for the function
 * @request, @request_len, @request_version: see struct command
 * @response, @response_len, @response_version: likewise
 */
static int command_v(struct hwc_driver *hwc, uint32_t code, bool to_device, void *request,
		     size_t request_len, uint16_t request_version, void *response,
		     size_t response_len, uint16_t response_version)
{
	struct command command = { .code = code,
				   .request = request,
				   .request_len = request_len,
				   .response = response,
				   .response_len = response_len,
				   .request_version = request_version,
				   .response_version = response_version };
	bool was_dead = hwc->channel.dead;
	int err;

	if (to_device)
		command.dev = hwc->dev;
	hwc->channel.timeout_ms = hwc->driver.timeout_ms;
	err = channel_command(&hwc->channel, &command);
	if (!was_dead && hwc->channel.dead)
		distrust(hwc);
	return err;
}

static int command(struct hwc_driver *hwc, uint32_t code, bool to_device, void *request,
		   size_t request_len, void *response, size_t response_len)
{
	return command_v(hwc, code, to_device, request, request_len, 0, response, response_len, 0);
}

/** nonsense() - an answer makes none: say so, and distrust(); -EPROTO */
static int nonsense(struct hwc_driver *hwc, const char *what, uint64_t value)
{
	log_say(LOG_ERROR,
		"%s: the adapter says that %s is %llu, which is impossible; resetting it",
		hwc->driver.name, what, (unsigned long long)value);
	distrust(hwc);
	return -EPROTO;
}

/* ---- Memory ---- */

static int map(struct driver *driver, void *va, uint64_t size, int fd, uint64_t offset)
{
	struct hwc_driver *hwc = of(driver);

	return hwc->transport->ops->dma_map(hwc->transport, (uintptr_t)va, va, size, fd, offset);
}

static int unmap(struct driver *driver, void *va, uint64_t size)
{
	struct hwc_driver *hwc = of(driver);

	return hwc->transport->ops->dma_unmap(hwc->transport, (uintptr_t)va, size);
}

static int region(struct driver *driver, unsigned int port, const void *va,
		  struct driver_region *region)
{
	(void)port;
	(void)va;
	*region = (struct driver_region){ .start = 0, .end = UINT64_MAX, .key = of(driver)->key };
	return 0;
}

/** dma_region() - name contiguous memory to the adapter; whole pages */
static int dma_region(struct hwc_driver *hwc, const void *memory, uint32_t size, uint64_t *handle)
{
	uint64_t buffer[HWC_BOOT_MESSAGE_SIZE / 8] = { 0 };
	struct gdma_create_dma_region_req *request = (void *)buffer;
	struct gdma_create_dma_region_resp response;
	uint32_t pages = size / MANA_PAGE_SIZE;
	size_t len = sizeof(*request) + pages * sizeof(request->page_addr_list[0]);
	int err;

	if (len > sizeof(buffer))
		return -EMSGSIZE;
	request->length = size;
	request->page_type = GDMA_PAGE_TYPE_4K;
	request->page_count = pages;
	request->page_addr_list_len = pages;
	for (uint32_t i = 0; i < pages; i++)
		request->page_addr_list[i] = (uintptr_t)memory + (uint64_t)i * MANA_PAGE_SIZE;
	err = command(hwc, GDMA_CREATE_DMA_REGION, false, request, len, &response,
		      sizeof(response));
	if (err)
		return err;
	if (response.dma_region == GDMA_INVALID_DMA_REGION)
		return nonsense(hwc, "a DMA region's handle", response.dma_region);
	*handle = response.dma_region;
	return 0;
}

static void dma_region_destroy(struct hwc_driver *hwc, uint64_t handle)
{
	struct gdma_destroy_dma_region_req request = { .dma_region = handle };
	struct gdma_general_resp response;

	command(hwc, GDMA_DESTROY_DMA_REGION, false, &request, sizeof(request), &response,
		sizeof(response));
}

/* ---- Bring-up ---- */

/** verify_version() - agree on the protocol; learns whether there are shared doorbells */
static int verify_version(struct hwc_driver *hwc, bool *shared)
{
	struct gdma_verify_version_req request = {
		.protocol_ver_min = GDMA_PROTOCOL_V1,
		.protocol_ver_max = GDMA_PROTOCOL_V1,
		.driver_cap_flags1 = GDMA_DRV_CAP_1_EQ_SHARING_MULTI_VPORT |
				     GDMA_DRV_CAP_1_VARIABLE_INDIRECTION |
				     GDMA_DRV_CAP_1_LINK_AWARE | GDMA_DRV_CAP_1_DEV_LIST_HOLES |
				     GDMA_DRV_CAP_1_SELF_RESET_ON_EQE,
		.os_type = GDMA_OS_LINUX,
		.os_ver_str = { "Linux", "Manakin" },
	};
	struct gdma_verify_version_resp response;
	int err = command(hwc, GDMA_VERIFY_VF_DRIVER_VERSION, false, &request, sizeof(request),
			  &response, sizeof(response));

	if (err)
		return err;
	if (response.protocol_ver != GDMA_PROTOCOL_V1)
		return nonsense(hwc, "the version of the protocol", response.protocol_ver);
	*shared = response.pf_cap_flags4 & NATIVE_PF_CAP_4_SHARED_DOORBELLS;
	return 0;
}

static int query_resources(struct hwc_driver *hwc)
{
	struct gdma_general_req request;
	struct gdma_query_max_resources_resp response;
	struct driver_info *info = &hwc->driver.info;
	int err = command(hwc, GDMA_QUERY_MAX_RESOURCES, false, &request, sizeof(request),
			  &response, sizeof(response));

	if (err)
		return err;
	if (!response.max_sq || !response.max_rq || !response.max_cq)
		return nonsense(hwc, "the most queues", 0);
	info->max_eq = response.max_eq;
	info->max_cq = response.max_cq;
	info->max_sq = response.max_sq;
	info->max_rq = response.max_rq;
	hwc->vector_count = response.max_msix < VECTORS_MAX ? response.max_msix : VECTORS_MAX;
	return 0;
}

/** find_device() - the Ethernet device, in the list of them */
static int find_device(struct hwc_driver *hwc)
{
	struct gdma_general_req request;
	struct gdma_list_devices_resp response;
	int err = command(hwc, GDMA_LIST_DEVICES, false, &request, sizeof(request), &response,
			  sizeof(response));

	if (err)
		return err;
	for (unsigned int i = 0; i < GDMA_LIST_DEVICES_MAX; i++)
		if (response.devs[i].type == GDMA_DEVICE_MANA) {
			hwc->dev = response.devs[i];
			return 0;
		}
	log_say(LOG_ERROR, "%s: the adapter has no Ethernet device", hwc->driver.name);
	return -ENODEV;
}

static int register_device(struct hwc_driver *hwc)
{
	struct gdma_general_req request;
	struct gdma_register_device_resp response;
	int err = command(hwc, GDMA_REGISTER_DEVICE, true, &request, sizeof(request), &response,
			  sizeof(response));

	if (err)
		return err;
	hwc->pd = response.pdid;
	hwc->key = response.gpa_mkey;
	hwc->page = response.db_id;
	err = bell_page_init(&hwc->bell, &hwc->channel, hwc->page);
	if (err)
		return err;
	hwc->driver.doorbell =
		(struct driver_doorbell){ .ring = bell_page_ring, .ctx = &hwc->bell };
	return 0;
}

static int query_device(struct hwc_driver *hwc)
{
	struct mana_query_device_config_req request = { .proto_minor_ver = 1,
							.proto_micro_ver = 1 };
	struct mana_query_device_config_resp response;
	struct driver_info *info = &hwc->driver.info;
	int err = command_v(hwc, MANA_QUERY_DEV_CONFIG, true, &request, sizeof(request), 0,
			    &response, sizeof(response), GDMA_MESSAGE_V2);

	if (err)
		return err;
	if (!response.max_num_vports || response.max_num_vports > DRIVER_PORTS_MAX)
		return nonsense(hwc, "the number of vPorts", response.max_num_vports);
	info->ports = response.max_num_vports;
	/* 0 from an adapter that does not tell: what every Ethernet can do */
	info->frame_max = response.adapter_mtu ? response.adapter_mtu : 1514;
	if (info->frame_max < 68 + 14)
		return nonsense(hwc, "the longest frame", info->frame_max);
	return 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int query_vport(struct hwc_driver *hwc, unsigned int index)
{
	struct mana_query_vport_config_req request = { .vport_index = index };
	struct mana_query_vport_config_resp response;
	struct mana_query_link_config_req link_request;
	struct mana_query_link_config_resp link;
	struct driver_port_info *info = &hwc->driver.port_info[index];
	int err = command(hwc, MANA_QUERY_VPORT_CONFIG, true, &request, sizeof(request), &response,
			  sizeof(response));

	if (err)
		return err;
	if (!response.max_num_sq || !response.max_num_rq)
		return nonsense(hwc, "the number of a vPort's queues", 0);
	if (!response.vport || response.vport == MANA_INVALID_HANDLE)
		return nonsense(hwc, "a vPort's handle", response.vport);
	hwc->vport[index] = response.vport;
	memcpy(info->mac, response.mac_addr, sizeof(info->mac));
	info->link_up = true;
	info->max_txq =
		least(least(response.max_num_sq, hwc->driver.info.max_sq), DRIVER_QUEUES_MAX);
	info->max_rxq =
		least(least(response.max_num_rq, hwc->driver.info.max_rq), DRIVER_QUEUES_MAX);
	info->table_size = response.num_indirection_ent;
	if (!info->table_size || info->table_size & (info->table_size - 1))
		info->table_size = MANA_INDIRECTION_DEF;
	info->table_size = least(info->table_size, TABLE_MAX);
	link_request = (struct mana_query_link_config_req){ .vport = response.vport };
	err = command_v(hwc, MANA_QUERY_LINK_CONFIG, true, &link_request, sizeof(link_request), 0,
			&link, sizeof(link), GDMA_MESSAGE_V2);
	if (!err)
		info->speed_mbps = link.link_speed_mbps;
	/* An adapter may not know the command. */
	return err == -EIO || err == -EOPNOTSUPP ? 0 : err;
}

/** open_shared() - map BAR 2; without it doorbells are messages */
static void open_shared(struct hwc_driver *hwc)
{
	void *va;
	uint64_t size;
	int err = hwc->transport->ops->map_region(hwc->transport, NATIVE_BAR, &va, &size);

	if (err) {
		log_say(LOG_NOTICE,
			"%s: doorbells are not shared but sent: BAR 2 cannot be mapped: %s",
			hwc->driver.name, strerror(-err));
		return;
	}
	size /= NATIVE_DOORBELL_SIZE;
	hwc->page_count = size < NATIVE_DOORBELL_PAGES ? (uint32_t)size : NATIVE_DOORBELL_PAGES;
	hwc->driver.doorbell.shared = va;
	hwc->driver.info.shared_doorbells = true;
}

/** channel_event() - an event that is not about the channel */
static void channel_event(void *ctx, unsigned int type, uint32_t word)
{
	struct hwc_driver *hwc = ctx;
	union hwc_event_data data = { .word = word };

	switch (type) {
	case GDMA_EQE_HWC_RECONFIG_DATA:
		if (data.type != HWC_RECONFIG_LINK_CONNECT &&
		    data.type != HWC_RECONFIG_LINK_DISCONNECT)
			return;
		if (data.value < hwc->driver.info.ports)
			driver_note_link(&hwc->driver, data.value,
					 data.type == HWC_RECONFIG_LINK_CONNECT);
		return;
	case GDMA_EQE_HWC_FPGA_RECONFIG:
	case GDMA_EQE_HWC_RESET_REQUEST:
		driver_note_reset(&hwc->driver);
		return;
	default:
		return;
	}
}

static int bring_up(struct hwc_driver *hwc)
{
	bool shared = false;
	int err = verify_version(hwc, &shared);

	if (!err)
		err = query_resources(hwc);
	if (!err)
		err = find_device(hwc);
	if (!err)
		err = register_device(hwc);
	if (!err)
		err = query_device(hwc);
	for (unsigned int i = 0; !err && i < hwc->driver.info.ports; i++)
		err = query_vport(hwc, i);
	if (!err && shared)
		open_shared(hwc);
	return err;
}

static int start(struct driver *driver)
{
	struct hwc_driver *hwc = of(driver);
	struct epoll_event event = { .events = EPOLLIN };
	int err;

	hwc->channel = (struct channel){ .transport = hwc->transport,
					 .name = driver->name,
					 .allocator = &driver->allocator,
					 .event = channel_event,
					 .ctx = hwc,
					 .timeout_ms = driver->timeout_ms };
	err = channel_open(&hwc->channel);
	if (!err) {
		hwc->vectors[0] = 1;
		err = bring_up(hwc);
		if (!err &&
		    epoll_ctl(driver->event_fd, EPOLL_CTL_ADD, hwc->channel.irq_fd, &event) < 0)
			err = -errno;
		if (err) {
			hwc->transport->ops->reset(hwc->transport);
			channel_close(&hwc->channel);
		}
	}
	if (err) {
		memset(&driver->info, 0, sizeof(driver->info));
		log_say(LOG_ERROR, "%s: cannot bring the adapter up: %s", driver->name,
			strerror(-err));
		return err;
	}
	memcpy(driver->info.version, hwc->channel.version, sizeof(driver->info.version));
	return 0;
}

static void poll_events(struct driver *driver)
{
	struct hwc_driver *hwc = of(driver);

	channel_poll(&hwc->channel);
	if (!driver->removed_noted && hwc->transport->ops->alive(hwc->transport) < 0) {
		/* The end of a connection lasts: whoever polls must be told once. */
		hwc->transport->ops->watch(hwc->transport, driver->event_fd, false);
		driver_note_removed(driver);
	}
}

static void close_driver(struct driver *driver)
{
	struct hwc_driver *hwc = of(driver);

	/* After this the adapter knows no queue and no memory of ours. */
	hwc->transport->ops->reset(hwc->transport);
	channel_close(&hwc->channel);
	hwc->transport->ops->close(hwc->transport);
	driver_fini(driver);
	free(hwc);
}

/* ---- Queues ---- */

/** bit_take() - the first clear bit below @n, now set; UINT32_MAX if there is none */
static uint32_t bit_take(uint64_t *bits, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!(bits[i / 64] & 1ull << i % 64)) {
			bits[i / 64] |= 1ull << i % 64;
			return i;
		}
	return UINT32_MAX;
}

static void bit_give(uint64_t *bits, uint32_t i)
{
	bits[i / 64] &= ~(1ull << i % 64);
}

static void *ring_alloc(struct driver *driver, size_t size)
{
	void *memory = driver->allocator.alloc(driver->allocator.ctx, size, MANA_PAGE_SIZE);

	if (memory)
		memset(memory, 0, size);
	else
		log_say(LOG_ERROR, "%s: no memory for a queue of %zu bytes", driver->name, size);
	return memory;
}

/** vector_open() - an eventfd on a free vector */
static int vector_open(struct hwc_driver *hwc, struct hwc_queue *queue)
{
	int err;

	queue->vector = bit_take(hwc->vectors, hwc->vector_count);
	if (queue->vector == UINT32_MAX) {
		log_say(LOG_ERROR, "%s: the adapter has %u interrupt vectors, and all are in use",
			hwc->driver.name, hwc->vector_count);
		return -ENOSPC;
	}
	queue->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	err = queue->event_fd < 0 ? -errno
				  : hwc->transport->ops->irqs(hwc->transport, queue->vector,
							      &queue->event_fd, 1);
	if (err) {
		if (queue->event_fd >= 0)
			close(queue->event_fd);
		queue->event_fd = -1;
		bit_give(hwc->vectors, queue->vector);
	}
	return err;
}

static void vector_close(struct hwc_driver *hwc, struct hwc_queue *queue)
{
	const int none = -1;

	hwc->transport->ops->irqs(hwc->transport, queue->vector, &none, 1);
	close(queue->event_fd);
	queue->event_fd = -1;
	bit_give(hwc->vectors, queue->vector);
}

/** eq_open() - an event queue for one receive queue */
static int eq_open(struct hwc_driver *hwc, struct hwc_queue *queue)
{
	struct gdma_create_queue_req request = {
		.type = GDMA_EQ, .pdid = hwc->pd, .doorbell_page = hwc->page, .queue_size = EQ_SIZE
	};
	struct gdma_create_queue_resp response;
	int err = vector_open(hwc, queue);

	if (err)
		return err;
	queue->eq_memory = ring_alloc(&hwc->driver, EQ_SIZE);
	err = queue->eq_memory ? dma_region(hwc, queue->eq_memory, EQ_SIZE, &request.dma_region)
			       : -ENOMEM;
	if (!err) {
		request.eq_msix_index = queue->vector;
		err = command(hwc, GDMA_CREATE_QUEUE, true, &request, sizeof(request), &response,
			      sizeof(response));
		if (err)
			dma_region_destroy(hwc, request.dma_region);
		else if (response.queue_index > UINT16_MAX)
			err = nonsense(hwc, "an event queue's number", response.queue_index);
	}
	if (err) {
		if (queue->eq_memory)
			hwc->driver.allocator.free(hwc->driver.allocator.ctx, queue->eq_memory,
						   EQ_SIZE);
		vector_close(hwc, queue);
		return err;
	}
	eq_init(&queue->eq, queue->eq_memory, EQ_SIZE);
	queue->eq.id = response.queue_index;
	return 0;
}

static void eq_close(struct hwc_driver *hwc, struct hwc_queue *queue)
{
	struct gdma_disable_queue_req request = { .type = GDMA_EQ,
						  .queue_index = queue->eq.id,
						  .alloc_res_id_on_creation = 1 };
	struct gdma_general_resp response;

	command(hwc, GDMA_DISABLE_QUEUE, true, &request, sizeof(request), &response,
		sizeof(response));
	hwc->driver.allocator.free(hwc->driver.allocator.ctx, queue->eq_memory, EQ_SIZE);
	vector_close(hwc, queue);
}

/** object_create() - CREATE_WQ_OBJ over memory that is there; its numbers are checked */
static int object_create(struct hwc_driver *hwc, uint64_t vport, uint32_t type,
			 struct hwc_queue *queue, uint32_t wq_size, uint32_t cq_size,
			 struct mana_create_wq_obj_resp *response)
{
	struct mana_create_wq_obj_req request = {
		.vport = vport,
		.wq_type = type,
		.wq_size = wq_size,
		.cq_size = cq_size,
		.cq_parent_eq_id = queue->event_fd >= 0 ? queue->eq.id : GDMA_CQ_NO_EQ,
	};
	int err = dma_region(hwc, queue->memory, wq_size, &request.wq_dma_region);

	if (err)
		return err;
	err = dma_region(hwc, (uint8_t *)queue->memory + wq_size, cq_size, &request.cq_dma_region);
	if (err) {
		dma_region_destroy(hwc, request.wq_dma_region);
		return err;
	}
	err = command(hwc, MANA_CREATE_WQ_OBJ, true, &request, sizeof(request), response,
		      sizeof(*response));
	if (err) {
		dma_region_destroy(hwc, request.wq_dma_region);
		dma_region_destroy(hwc, request.cq_dma_region);
		return err;
	}
	if (response->wq_obj == MANA_INVALID_HANDLE || response->wq_id > 0xffffffu ||
	    response->cq_id > 0xffffffu || response->cq_id >= hwc->channel.max_cqs)
		return nonsense(hwc, "a completion queue's number", response->cq_id);
	queue->handle = response->wq_obj;
	return 0;
}

static void object_destroy(struct hwc_driver *hwc, uint32_t type, struct hwc_queue *queue)
{
	struct mana_destroy_wq_obj_req request = { .wq_type = type, .wq_obj = queue->handle };
	struct gdma_general_resp response;

	command(hwc, MANA_DESTROY_WQ_OBJ, true, &request, sizeof(request), &response,
		sizeof(response));
	if (queue->page != DRIVER_NO_PAGE)
		bit_give(hwc->pages, queue->page);
}

/** bind_page() - a page of BAR 2 for the queue, if there are any */
static int bind_page(struct hwc_driver *hwc, uint32_t type, uint32_t id, struct hwc_queue *queue)
{
	struct native_bind_doorbell_req request = { .queue_type = type, .queue_id = id };
	struct gdma_general_resp response;
	int err;

	queue->page = bit_take(hwc->pages, hwc->page_count);
	if (queue->page == DRIVER_NO_PAGE)
		return 0;
	request.page = queue->page;
	err = command(hwc, NATIVE_BIND_DOORBELL, true, &request, sizeof(request), &response,
		      sizeof(response));
	if (!err)
		return 0;
	bit_give(hwc->pages, queue->page);
	queue->page = DRIVER_NO_PAGE;
	/* The ordinary doorbell is still there, if the adapter is. */
	return err == -EIO || err == -EOPNOTSUPP ? 0 : err;
}

/** struct made - what queue_create() hands back */
struct made {
	struct driver_wq wq;
	struct driver_cq cq;
	void *extra;
};

/**
 * queue_create() - a work queue with its completion queue
 * @type:	GDMA_SQ or GDMA_RQ
 * @units:	in the work queue; as many completions
 * @extra:	bytes the caller wants behind them, a multiple of a page
 */
static int queue_create(struct driver_port *port, uint32_t type, uint32_t units, size_t extra,
			struct hwc_queue *queue, struct made *made)
{
	struct hwc_driver *hwc = of(port->driver);
	const uint32_t wq_size = units * GDMA_WQE_UNIT, cq_size = units * GDMA_CQE_SIZE;
	struct mana_create_wq_obj_resp object;
	int err = 0;

	*queue = (struct hwc_queue){ .event_fd = -1, .page = DRIVER_NO_PAGE };
	queue->size = wq_size + cq_size + extra;
	queue->memory = ring_alloc(&hwc->driver, queue->size);
	if (!queue->memory)
		return -ENOMEM;
	if (type == GDMA_RQ && port->config.rx_interrupts)
		err = eq_open(hwc, queue);
	if (!err) {
		err = object_create(hwc, hwc->vport[port->index], type, queue, wq_size, cq_size,
				    &object);
		if (!err) {
			err = bind_page(hwc, type, object.wq_id, queue);
			if (err)
				object_destroy(hwc, type, queue);
		}
		if (err && queue->event_fd >= 0)
			eq_close(hwc, queue);
	}
	if (err) {
		hwc->driver.allocator.free(hwc->driver.allocator.ctx, queue->memory, queue->size);
		return err;
	}
	wq_init(&made->wq, queue->memory, wq_size, type == GDMA_SQ ? GDMA_DB_SQ : GDMA_DB_RQ,
		object.wq_id);
	made->wq.page = queue->page;
	cq_init(&made->cq, (uint8_t *)queue->memory + wq_size, cq_size, object.cq_id);
	made->extra = (uint8_t *)queue->memory + wq_size + cq_size;
	return 0;
}

static void queue_destroy(struct driver_port *port, uint32_t type, struct hwc_queue *queue)
{
	struct hwc_driver *hwc = of(port->driver);

	object_destroy(hwc, type, queue);
	if (queue->event_fd >= 0)
		eq_close(hwc, queue);
	hwc->driver.allocator.free(hwc->driver.allocator.ctx, queue->memory, queue->size);
}

static int txq_create(struct driver_port *port, unsigned int index, uint32_t units,
		      struct driver_txq *txq)
{
	struct hwc_port *hwc_port = (struct hwc_port *)port;
	struct mana_tx_short_oob oob;
	size_t signals = units * sizeof(struct driver_signal);
	struct made made;
	int err;

	signals = (signals + MANA_PAGE_SIZE - 1) & ~(size_t)(MANA_PAGE_SIZE - 1);
	err = queue_create(port, GDMA_SQ, units, signals, &hwc_port->txq[index], &made);
	if (err)
		return err;
	txq->wq = made.wq;
	txq->cq = made.cq;
	txq->signals = made.extra;
	oob = (struct mana_tx_short_oob){
		.pkt_fmt = MANA_PACKET_SHORT,
		.vcq_num = made.cq.id & 0xffffffu,
		.vsq_frame = mana_vsq_frame(made.wq.id) & 0x3fffu,
		.short_vp_offset = hwc_port->offset & 0xffu,
	};
	memcpy(&txq->oob, &oob, sizeof(txq->oob));
	return 0;
}

static void txq_destroy(struct driver_port *port, unsigned int index)
{
	queue_destroy(port, GDMA_SQ, &((struct hwc_port *)port)->txq[index]);
}

static int rxq_create(struct driver_port *port, unsigned int index, uint32_t units,
		      struct driver_rxq *rxq)
{
	struct made made;
	int err = queue_create(port, GDMA_RQ, units, 0, &((struct hwc_port *)port)->rxq[index],
			       &made);

	if (err)
		return err;
	rxq->wq = made.wq;
	rxq->cq = made.cq;
	return 0;
}

static void rxq_destroy(struct driver_port *port, unsigned int index)
{
	queue_destroy(port, GDMA_RQ, &((struct hwc_port *)port)->rxq[index]);
}

static int rxq_event_fd(const struct driver_port *port, unsigned int index)
{
	return ((const struct hwc_port *)port)->rxq[index].event_fd;
}

static int rxq_arm(struct driver_port *port, unsigned int index)
{
	struct hwc_queue *queue = &((struct hwc_port *)port)->rxq[index];
	const struct driver_doorbell *doorbell = &port->driver->doorbell;
	struct gdma_eqe event;

	/* What the events say is known: this queue has completions. They are only taken. */
	for (uint32_t i = 0; i <= queue->eq.mask && eq_take(&queue->eq, &event); i++)
		continue;
	if (queue->eq.broken)
		return -EIO;
	/* The event queue first: the completion queue's arming may raise an event at once. */
	driver_doorbell_ring(doorbell, GDMA_DB_EQ, eq_bell(&queue->eq));
	driver_doorbell_ring(doorbell, GDMA_DB_CQ, driver_cq_bell(&port->rxq[index]->cq, true));
	return 0;
}

/* ---- vPorts ---- */

static struct driver_port *port_alloc(void)
{
	return calloc(1, sizeof(struct hwc_port));
}

static int port_open(struct driver_port *port)
{
	struct hwc_driver *hwc = of(port->driver);
	struct mana_config_vport_tx_req request = { .vport = hwc->vport[port->index],
						    .pdid = hwc->pd,
						    .doorbell_page = hwc->page };
	struct mana_config_vport_tx_resp response;
	int err = command(hwc, MANA_CONFIG_VPORT_TX, true, &request, sizeof(request), &response,
			  sizeof(response));

	if (err)
		return err;
	if (response.tx_vport_offset > SHORT_OFFSET || !response.short_form_allowed) {
		log_say(LOG_ERROR,
			"%s: vPort %u (offset %u) needs the long form for every packet, "
			"which this driver does not send",
			port->driver->name, port->index, response.tx_vport_offset);
		return -ENOTSUP;
	}
	((struct hwc_port *)port)->offset = response.tx_vport_offset;
	return 0;
}

static int rss(struct driver_port *port, const struct driver_rss *rss)
{
	struct hwc_driver *hwc = of(port->driver);
	const struct hwc_queue *queues = ((struct hwc_port *)port)->rxq;
	uint64_t buffer[HWC_BOOT_MESSAGE_SIZE / 8] = { 0 };
	struct mana_config_vport_rx_req_v2 *request = (void *)buffer;
	struct gdma_general_resp response;
	uint32_t entries = rss->enable ? rss->entries : 0;

	request->v1.vport = hwc->vport[port->index];
	request->v1.num_indir_entries = (uint16_t)entries;
	request->v1.indir_tab_offset = sizeof(*request);
	request->v1.rx_enable = rss->enable ? MANA_TRUE : MANA_FALSE;
	request->v1.rss_enable = rss->enable && rss->hash ? MANA_TRUE : MANA_FALSE;
	request->v1.update_default_rxobj = 1;
	request->v1.default_rxobj = MANA_INVALID_HANDLE;
	request->cqe_coalescing_enable = rss->coalesce;
	if (rss->enable) {
		request->v1.update_hashkey = 1;
		request->v1.update_indir_tab = 1;
		memcpy(request->v1.hashkey, rss->key, sizeof(request->v1.hashkey));
		request->v1.default_rxobj = queues[rss->table[0]].handle;
		for (uint32_t i = 0; i < entries; i++)
			request->indir_tab[i] = queues[rss->table[i]].handle;
	}
	return command_v(hwc, MANA_CONFIG_VPORT_RX, true, request,
			 sizeof(*request) + entries * sizeof(request->indir_tab[0]),
			 GDMA_MESSAGE_V2, &response, sizeof(response), 0);
}

/* ---- The rest ---- */

static int stats(struct driver *driver, struct mana_query_gf_stat_resp *stats)
{
	struct mana_query_gf_stat_req request = { .req_stats = MANA_GF_STAT_ALL };

	return command_v(of(driver), MANA_QUERY_GF_STAT, true, &request, sizeof(request), 0, stats,
			 sizeof(*stats), GDMA_MESSAGE_V2);
}

static int registers(struct driver *driver, uint64_t offset, void *data, size_t len)
{
	struct hwc_driver *hwc = of(driver);

	return hwc->transport->ops->read(hwc->transport, TRANSPORT_BAR0, offset, data, len);
}

static int share(struct driver *driver, struct driver_share *share)
{
	struct hwc_driver *hwc = of(driver);

	share->page = hwc->bell.base;
	return hwc->transport->ops->share(hwc->transport, &share->transport);
}

static const struct control_ops ops = {
	.map = map,
	.unmap = unmap,
	.region = region,
	.start = start,
	.port_alloc = port_alloc,
	.port_open = port_open,
	.txq_create = txq_create,
	.txq_destroy = txq_destroy,
	.rxq_create = rxq_create,
	.rxq_destroy = rxq_destroy,
	.rss = rss,
	.rxq_event_fd = rxq_event_fd,
	.rxq_arm = rxq_arm,
	.poll = poll_events,
	.stats = stats,
	.registers = registers,
	.share = share,
	.close = close_driver,
};

/** take_over() - is it a MANA, and may it reach memory? */
static int take_over(struct transport *transport)
{
	uint16_t identity[2], command;
	int err = transport->ops->reset(transport);

	if (!err)
		err = transport->ops->read(transport, TRANSPORT_CONFIG, CONFIG_IDENTITY, identity,
					   sizeof(identity));
	if (err)
		return err;
	if (identity[0] != MANA_PCI_VENDOR_ID ||
	    (identity[1] != MANA_PCI_DEVICE_ID_VF && identity[1] != MANA_PCI_DEVICE_ID_PF2)) {
		log_say(LOG_ERROR,
			"%s: the device is %04x:%04x, and this driver is for a MANA VF, %04x:%04x",
			transport->name, identity[0], identity[1], MANA_PCI_VENDOR_ID,
			MANA_PCI_DEVICE_ID_VF);
		return -ENODEV;
	}
	err = transport->ops->read(transport, TRANSPORT_CONFIG, CONFIG_COMMAND, &command,
				   sizeof(command));
	if (err)
		return err;
	command |= COMMAND_MEMORY | COMMAND_MASTER;
	return transport->ops->write(transport, TRANSPORT_CONFIG, CONFIG_COMMAND, &command,
				     sizeof(command));
}

int driver_open(struct transport *transport, const struct driver_allocator *allocator,
		struct driver **driver)
{
	struct hwc_driver *hwc = calloc(1, sizeof(*hwc));
	int err;

	if (!hwc) {
		transport->ops->close(transport);
		return -ENOMEM;
	}
	err = driver_init(&hwc->driver, &ops, transport->name, allocator);
	if (err) {
		transport->ops->close(transport);
		free(hwc);
		return err;
	}
	hwc->transport = transport;
	hwc->channel.irq_fd = -1;
	hwc->channel.epoll_fd = -1;
	err = take_over(transport);
	if (!err)
		err = transport->ops->watch(transport, hwc->driver.event_fd, true);
	if (err) {
		log_say(LOG_ERROR, "%s: cannot take the adapter over: %s", transport->name,
			strerror(-err));
		driver_fini(&hwc->driver);
		transport->ops->close(transport);
		free(hwc);
		return err;
	}
	*driver = &hwc->driver;
	return 0;
}
