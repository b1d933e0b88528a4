/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/verbs.c - the control plane for an adapter that the kernel owns
 *
 * Theory of operation
 *
 * mana.ko drives the adapter, mana_ib.ko gives queues to user space, libmana requests them. One
 * command of the hwc plane corresponds to several objects of libibverbs here:
 *
 *	driver_open_verbs()	the RDMA device at the PCI address
 *	vPort			protection domain; parent domain, which selects the vPort
 *	send queue		completion queue, raw QP: the first one acquires the vPort
 *	receive queue		completion queue, work queue; not yet known to the adapter
 *	driver_rss()		indirection table, RSS QP: creates all receive queues at once
 *
 * libmana allocates rings with the caller's allocator (manadv.h) and then returns their numbers and
 * the doorbell page. The page is mapped into this process: a doorbell is a store.
 */
#include "driver/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <infiniband/manadv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/error.h"
#include "base/log.h"
#include "wire/reg.h"

#define FRAME_HEADER 14u
#define MTU_DEFAULT  9000u /* the documented maximum of this hardware */

/* ---- Memory ---- */

static int map(struct driver *driver, void *va, uint64_t size, int fd, uint64_t offset)
{
	(void)fd;
	(void)offset;
	return verbs_memory_add(&verbs_of(driver)->memory, (uintptr_t)va, size);
}

static int unmap(struct driver *driver, void *va, uint64_t size)
{
	return verbs_memory_remove(&verbs_of(driver)->memory, (uintptr_t)va, size);
}

static int region(struct driver *driver, unsigned int port, const void *va,
		  struct driver_region *region)
{
	struct verbs_driver *verbs = verbs_of(driver);

	return verbs_memory_key(&verbs->memory, port, verbs->pd[port], (uintptr_t)va, driver->name,
				region);
}

/** buffer_alloc() - allocate a ring, for libmana */
static void *buffer_alloc(size_t size, void *ctx)
{
	struct verbs_driver *verbs = ctx;
	const struct driver_allocator *allocator = &verbs->driver.allocator;
	struct verbs_buffer *buffer = malloc(sizeof(*buffer));

	if (!buffer)
		return NULL;
	buffer->memory = allocator->alloc(allocator->ctx, size, MANA_PAGE_SIZE);
	if (!buffer->memory) {
		log_say(LOG_ERROR, "%s: no memory for a queue of %zu bytes", verbs->driver.name,
			size);
		free(buffer);
		return NULL;
	}
	memset(buffer->memory, 0, size);
	buffer->size = size;
	buffer->next = verbs->buffers;
	verbs->buffers = buffer;
	return buffer->memory;
}

static void buffer_free(void *memory, void *ctx)
{
	struct verbs_driver *verbs = ctx;
	const struct driver_allocator *allocator = &verbs->driver.allocator;

	for (struct verbs_buffer **at = &verbs->buffers; *at; at = &(*at)->next) {
		struct verbs_buffer *buffer = *at;

		if (buffer->memory != memory)
			continue;
		*at = buffer->next;
		allocator->free(allocator->ctx, memory, buffer->size);
		free(buffer);
		return;
	}
}

/* ---- Bring-up ---- */

/** power_below() - the largest power of two up to @n, which is not 0 */
static uint32_t power_below(uint32_t n)
{
	return 1u << (31 - __builtin_clz(n));
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/** query_device() - read the limits; -ENODEV if the RDMA device is not for Ethernet */
static int query_device(struct verbs_driver *verbs)
{
	struct driver_info *info = &verbs->driver.info;
	struct ibv_device_attr attr;
	int err = ibv_query_device(verbs->context, &attr);

	if (err)
		return -err;
	if (attr.max_qp <= 0 || attr.max_cq <= 0 || attr.max_qp_wr <= 0 || attr.max_cqe <= 0 ||
	    !attr.phys_port_cnt) {
		log_say(LOG_ERROR, "%s: the RDMA device %s has no queues for Ethernet",
			verbs->driver.name, verbs->device->name);
		return -ENODEV;
	}
	info->ports = attr.phys_port_cnt;
	info->max_sq = (uint32_t)attr.max_qp;
	info->max_rq = (uint32_t)attr.max_qp;
	info->max_cq = (uint32_t)attr.max_cq;
	info->max_units = least(
		power_below((uint32_t)least((uint32_t)attr.max_qp_wr, (uint32_t)attr.max_cqe)),
		DRIVER_UNITS_MAX);
	info->regions_change = true;
	if (info->max_units < DRIVER_UNITS_MIN) {
		log_say(LOG_ERROR, "%s: queues of %d entries are too small for this driver",
			verbs->driver.name, attr.max_qp_wr);
		return -ENODEV;
	}
	return 0;
}

/** query_port() - read a vPort's properties from its interface */
static int query_port(struct verbs_driver *verbs, unsigned int index)
{
	struct driver_info *all = &verbs->driver.info;
	struct driver_port_info *info = &verbs->driver.port_info[index];
	struct verbs_interface interface;
	int err = verbs_interface(verbs->device, index, &interface);
	uint32_t frame;

	if (err) {
		log_say(LOG_ERROR, "%s: the kernel has no interface for vPort %u",
			verbs->driver.name, index);
		return err;
	}
	frame = (interface.mtu_max ? interface.mtu_max : MTU_DEFAULT) + FRAME_HEADER;
	all->frame_max = all->frame_max ? least(all->frame_max, frame) : frame;
	memcpy(info->mac, interface.mac, sizeof(info->mac));
	info->link_up = true;
	info->max_txq = least(all->max_sq, DRIVER_QUEUES_MAX);
	info->max_rxq = least(all->max_rq, DRIVER_QUEUES_MAX);
	info->table_size = MANA_INDIRECTION_DEF;
	verbs->pd[index] = ibv_alloc_pd(verbs->context);
	return verbs->pd[index] ? 0 : errno ? -errno : -EIO;
}

static int open_device(struct verbs_driver *verbs)
{
	struct manadv_ctx_allocators allocators = { .alloc = buffer_alloc,
						    .free = buffer_free,
						    .data = verbs };
	struct epoll_event event = { .events = EPOLLIN };
	int err;

	verbs->context = ibv_open_device(verbs->device);
	if (!verbs->context)
		return errno ? -errno : -ENODEV;
	err = -manadv_set_context_attr(verbs->context, MANADV_CTX_ATTR_BUF_ALLOCATORS, &allocators);
	if (!err)
		err = verbs_nonblocking(verbs->context->async_fd);
	if (!err &&
	    epoll_ctl(verbs->driver.event_fd, EPOLL_CTL_ADD, verbs->context->async_fd, &event) < 0)
		err = -errno;
	return err;
}

static int start(struct driver *driver)
{
	struct verbs_driver *verbs = verbs_of(driver);
	int err = query_device(verbs);

	for (unsigned int i = 0; !err && i < driver->info.ports; i++)
		err = query_port(verbs, i);
	if (err) {
		memset(&driver->info, 0, sizeof(driver->info));
		log_say(LOG_ERROR, "%s: cannot use the RDMA device %s: %s", driver->name,
			verbs->device->name, error_reason(-err));
	}
	return err;
}

static void poll_events(struct driver *driver)
{
	struct ibv_async_event event;

	while (!ibv_get_async_event(verbs_of(driver)->context, &event)) {
		/* The device is gone: queues stop, and nothing comes back. */
		if (event.event_type == IBV_EVENT_DEVICE_FATAL && !driver->removed_noted)
			driver_note_removed(driver);
		ibv_ack_async_event(&event);
	}
}

static void close_driver(struct driver *driver)
{
	struct verbs_driver *verbs = verbs_of(driver);

	for (unsigned int i = 0; i < DRIVER_PORTS_MAX; i++) {
		verbs_memory_drop(&verbs->memory, i, true);
		if (verbs->pd[i])
			ibv_dealloc_pd(verbs->pd[i]);
	}
	if (verbs->context)
		ibv_close_device(verbs->context);
	if (verbs->list)
		ibv_free_device_list(verbs->list);
	verbs_memory_fini(&verbs->memory);
	driver_fini(driver);
	free(verbs->pci);
	free(verbs);
}

static int share(struct driver *driver, struct driver_share *share)
{
	/* The device's descriptor maps the doorbell page; nothing is ever posted on it. */
	*share = (struct driver_share){
		.transport = { .post_fd = verbs_of(driver)->context->cmd_fd, .bar_fd = -1 },
		.mapped = true,
	};
	return 0;
}

static const struct control_ops ops = {
	.map = map,
	.unmap = unmap,
	.region = region,
	.start = start,
	.port_alloc = verbs_port_alloc,
	.port_open = verbs_port_open,
	.port_close = verbs_port_close,
	.txq_create = verbs_txq_create,
	.txq_destroy = verbs_txq_destroy,
	.rxq_create = verbs_rxq_create,
	.rxq_destroy = verbs_rxq_destroy,
	.rss = verbs_rss,
	.rxq_event_fd = verbs_rxq_event_fd,
	.rxq_arm = verbs_rxq_arm,
	.rxq_disarm = verbs_rxq_disarm,
	.poll = poll_events,
	.share = share,
	.close = close_driver,
};

int driver_open_verbs(const char *pci, const struct driver_allocator *allocator,
		      struct driver **driver)
{
	struct verbs_driver *verbs = calloc(1, sizeof(*verbs));
	int err;

	if (!verbs)
		return -ENOMEM;
	verbs->pci = strdup(pci);
	err = verbs->pci ? driver_init(&verbs->driver, &ops, verbs->pci, allocator) : -ENOMEM;
	if (err) {
		free(verbs->pci);
		free(verbs);
		return err;
	}
	verbs_memory_init(&verbs->memory);
	verbs->list = ibv_get_device_list(NULL);
	verbs->device = verbs->list ? verbs_device(verbs->list, pci) : NULL;
	err = verbs->device ? open_device(verbs) : -ENODEV;
	if (err) {
		log_say(LOG_ERROR, "%s: cannot open the adapter's RDMA device: %s%s", pci,
			strerror(-err),
			err == -ENODEV ? "; load the kernel's driver for it: modprobe mana_ib"
				       : "");
		close_driver(&verbs->driver);
		return err;
	}
	*driver = &verbs->driver;
	return 0;
}
