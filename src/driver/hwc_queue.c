/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/hwc_queue.c - vPorts and queues of the control plane that talks to the adapter itself
 *
 * A queue is bound to a page of BAR 2 if the adapter has such pages; otherwise, as on a real
 * adapter, each burst's doorbell goes to BAR 0.
 */
#include "driver/hwc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

#define EQ_SIZE      4096u
#define SHORT_OFFSET MANA_SHORT_VPORT_OFFSET_MAX

/** bit_take() - set the first clear bit below @n; UINT32_MAX if there is none */
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

/** vector_open() - set up an eventfd on a free vector */
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

/** eq_open() - create an event queue for one receive queue */
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
	err = queue->eq_memory ? hwc_region(hwc, queue->eq_memory, EQ_SIZE, &request.dma_region)
			       : -ENOMEM;
	if (!err) {
		request.eq_msix_index = queue->vector;
		err = hwc_ask(hwc, hwc->dev, GDMA_CREATE_QUEUE, &request, &response);
		if (err)
			hwc_region_destroy(hwc, request.dma_region);
		else if (response.queue_index > UINT16_MAX)
			err = hwc_nonsense(hwc, "an event queue's number", response.queue_index);
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

	hwc_ask(hwc, hwc->dev, GDMA_DISABLE_QUEUE, &request, &response);
	hwc->driver.allocator.free(hwc->driver.allocator.ctx, queue->eq_memory, EQ_SIZE);
	vector_close(hwc, queue);
}

/** object_create() - CREATE_WQ_OBJ with allocated memory; checks its numbers */
static int object_create(struct driver_port *port, uint32_t type, uint32_t units,
			 struct hwc_queue *queue, struct mana_create_wq_obj_resp *response)
{
	struct hwc_driver *hwc = hwc_of(port->driver);
	const uint32_t wq_size = units * GDMA_WQE_UNIT, cq_size = units * GDMA_CQE_SIZE;
	struct mana_create_wq_obj_req request = {
		.vport = hwc->vport[port->index],
		.wq_type = type,
		.wq_size = wq_size,
		.cq_size = cq_size,
		.cq_parent_eq_id = queue->event_fd >= 0 ? queue->eq.id : GDMA_CQ_NO_EQ,
	};
	int err = hwc_region(hwc, queue->memory, wq_size, &request.wq_dma_region);

	if (err)
		return err;
	err = hwc_region(hwc, (uint8_t *)queue->memory + wq_size, cq_size, &request.cq_dma_region);
	if (err) {
		hwc_region_destroy(hwc, request.wq_dma_region);
		return err;
	}
	err = hwc_ask(hwc, hwc->dev, MANA_CREATE_WQ_OBJ, &request, response);
	if (err) {
		hwc_region_destroy(hwc, request.wq_dma_region);
		hwc_region_destroy(hwc, request.cq_dma_region);
		return err;
	}
	if (response->wq_obj == MANA_INVALID_HANDLE || response->wq_id > 0xffffffu ||
	    response->cq_id > 0xffffffu || response->cq_id >= hwc->channel.max_cqs)
		return hwc_nonsense(hwc, "a completion queue's number", response->cq_id);
	queue->handle = response->wq_obj;
	return 0;
}

static void object_destroy(struct hwc_driver *hwc, uint32_t type, struct hwc_queue *queue)
{
	struct mana_destroy_wq_obj_req request = { .wq_type = type, .wq_obj = queue->handle };
	struct gdma_general_resp response;

	hwc_ask(hwc, hwc->dev, MANA_DESTROY_WQ_OBJ, &request, &response);
	if (queue->page != DRIVER_NO_PAGE)
		bit_give(hwc->pages, queue->page);
}

/** bind_page() - bind the queue to a page of BAR 2, if there is any */
static int bind_page(struct hwc_driver *hwc, uint32_t type, uint32_t id, struct hwc_queue *queue)
{
	struct native_bind_doorbell_req request = { .queue_type = type, .queue_id = id };
	struct gdma_general_resp response;
	int err;

	queue->page = bit_take(hwc->pages, hwc->page_count);
	if (queue->page == DRIVER_NO_PAGE)
		return 0;
	request.page = queue->page;
	err = hwc_ask(hwc, hwc->dev, NATIVE_BIND_DOORBELL, &request, &response);
	if (!err)
		return 0;
	bit_give(hwc->pages, queue->page);
	queue->page = DRIVER_NO_PAGE;
	/* The ordinary doorbell still works, if the adapter is there. */
	return err == -EIO || err == -EOPNOTSUPP ? 0 : err;
}

/** struct made - what queue_create() returns */
struct made {
	struct driver_wq wq;
	struct driver_cq cq;
};

/**
 * queue_create() - create a work queue and its completion queue
 * @type:	GDMA_SQ or GDMA_RQ
 * @units:	in the work queue; as many completions
 */
static int queue_create(struct driver_port *port, uint32_t type, uint32_t units,
			struct hwc_queue *queue, struct made *made)
{
	struct hwc_driver *hwc = hwc_of(port->driver);
	const uint32_t wq_size = units * GDMA_WQE_UNIT, cq_size = units * GDMA_CQE_SIZE;
	struct mana_create_wq_obj_resp object;
	int err = 0;

	*queue = (struct hwc_queue){ .event_fd = -1, .page = DRIVER_NO_PAGE };
	queue->size = wq_size + cq_size;
	queue->memory = ring_alloc(&hwc->driver, queue->size);
	if (!queue->memory)
		return -ENOMEM;
	if (type == GDMA_RQ && port->config.rx_interrupts)
		err = eq_open(hwc, queue);
	if (!err) {
		err = object_create(port, type, units, queue, &object);
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
	return 0;
}

static void queue_destroy(struct driver_port *port, uint32_t type, struct hwc_queue *queue)
{
	struct hwc_driver *hwc = hwc_of(port->driver);

	object_destroy(hwc, type, queue);
	if (queue->event_fd >= 0)
		eq_close(hwc, queue);
	hwc->driver.allocator.free(hwc->driver.allocator.ctx, queue->memory, queue->size);
}

int hwc_txq_create(struct driver_port *port, unsigned int index, uint32_t units,
		   struct driver_txq *txq)
{
	struct hwc_port *hwc_port = (struct hwc_port *)port;
	struct mana_tx_short_oob oob;
	struct made made;
	int err = queue_create(port, GDMA_SQ, units, &hwc_port->txq[index], &made);

	if (err)
		return err;
	txq->wq = made.wq;
	txq->cq = made.cq;
	oob = (struct mana_tx_short_oob){
		.pkt_fmt = MANA_PACKET_SHORT,
		.vcq_num = made.cq.id & 0xffffffu,
		.vsq_frame = mana_vsq_frame(made.wq.id) & 0x3fffu,
		.short_vp_offset = hwc_port->offset & 0xffu,
	};
	memcpy(&txq->oob, &oob, sizeof(txq->oob));
	return 0;
}

void hwc_txq_destroy(struct driver_port *port, unsigned int index)
{
	queue_destroy(port, GDMA_SQ, &((struct hwc_port *)port)->txq[index]);
}

int hwc_rxq_create(struct driver_port *port, unsigned int index, uint32_t units,
		   struct driver_rxq *rxq)
{
	struct made made;
	int err = queue_create(port, GDMA_RQ, units, &((struct hwc_port *)port)->rxq[index], &made);

	if (err)
		return err;
	rxq->wq = made.wq;
	rxq->cq = made.cq;
	return 0;
}

/**
 * fence() - no packet is on its way to a receive queue that packets are no longer steered to
 *
 * The adapter answers when that is so; the fence's own completion is not read any more.
 */
static void fence(struct hwc_driver *hwc, const struct hwc_queue *queue)
{
	struct mana_fence_rq_req request = { .wq_obj = queue->handle };
	struct gdma_general_resp response;

	hwc_ask(hwc, hwc->dev, MANA_FENCE_RQ, &request, &response);
}

void hwc_rxq_destroy(struct driver_port *port, unsigned int index)
{
	struct hwc_queue *queue = &((struct hwc_port *)port)->rxq[index];

	fence(hwc_of(port->driver), queue);
	queue_destroy(port, GDMA_RQ, queue);
}

int hwc_rxq_event_fd(const struct driver_port *port, unsigned int index)
{
	return ((const struct hwc_port *)port)->rxq[index].event_fd;
}

int hwc_rxq_arm(struct driver_port *port, unsigned int index)
{
	struct hwc_queue *queue = &((struct hwc_port *)port)->rxq[index];
	const struct driver_doorbell *doorbell = &port->driver->doorbell;
	const union gdma_doorbell bell = driver_cq_bell(&port->rxq[index]->cq, true);
	struct gdma_eqe event;
	bool taken = false;

	/* The events carry no information: this queue has completions. Just consume them. */
	for (uint32_t i = 0; i <= queue->eq.mask && eq_take(&queue->eq, &event); i++)
		taken = true;
	if (queue->eq.broken)
		return -EIO;
	/*
	 * What has fired is armed again, and nothing else: the event queue first, as the completion
	 * queue's arming may raise an event at once. New queues are armed.
	 */
	if (taken)
		driver_doorbell_ring(doorbell, GDMA_DB_EQ, eq_bell(&queue->eq));
	if (taken || bell.word != queue->armed)
		driver_doorbell_ring(doorbell, GDMA_DB_CQ, bell);
	queue->armed = bell.word;
	return 0;
}

/* ---- vPorts ---- */

struct driver_port *hwc_port_alloc(void)
{
	return calloc(1, sizeof(struct hwc_port));
}

int hwc_port_open(struct driver_port *port)
{
	struct hwc_driver *hwc = hwc_of(port->driver);
	struct mana_config_vport_tx_req request = { .vport = hwc->vport[port->index],
						    .pdid = hwc->pd,
						    .doorbell_page = hwc->page };
	struct mana_config_vport_tx_resp response;
	int err = hwc_ask(hwc, hwc->dev, MANA_CONFIG_VPORT_TX, &request, &response);

	if (err)
		return err;
	if (response.tx_vport_offset > SHORT_OFFSET || !response.short_form_allowed) {
		log_say(LOG_ERROR,
			"%s: vPort %u (offset %u) needs the long OOB for every packet, which this "
			"driver does not support",
			port->driver->name, port->index, response.tx_vport_offset);
		return -ENOTSUP;
	}
	((struct hwc_port *)port)->offset = response.tx_vport_offset;
	return 0;
}

int hwc_rss(struct driver_port *port, const struct driver_rss *rss)
{
	struct hwc_driver *hwc = hwc_of(port->driver);
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
	return hwc_command(
		hwc, &(struct command){ .code = MANA_CONFIG_VPORT_RX,
					.dev = hwc->dev,
					.request = request,
					.request_len = sizeof(*request) +
						       entries * sizeof(request->indir_tab[0]),
					.response = &response,
					.response_len = sizeof(response),
					.request_version = GDMA_MESSAGE_V2 });
}
