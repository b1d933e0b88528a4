/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/verbs.c - the control plane for an adapter that the kernel owns
 *
 * Theory of operation
 *
 * mana.ko drives the adapter, mana_ib.ko hands its queues out, libmana asks for them. What is
 * one command of the hwc plane is several objects of libibverbs here:
 *
 *	driver_open_verbs()	the RDMA device at the PCI address
 *	vPort			protection domain; parent domain, which names the vPort
 *	send queue		completion queue, raw QP: the vPort is taken with the first one
 *	receive queue		completion queue, work queue; not yet known to the adapter
 *	driver_rss()		indirection table, RSS QP: makes all receive queues at once
 *
 * libmana takes rings from the caller's allocator (manadv.h) and tells numbers and doorbell
 * page afterwards. The page is mapped into this process: a doorbell is a store.
 *
 * A vPort belongs to the kernel's interface or to one protection domain, never to both. With
 * nothing to send, a small send queue of our own (the holder) keeps it.
 *
 * mana_ib makes a receive queue known to the adapter once for each entry of the table it is
 * given, and repeats the table up to the adapter's size. So the table must repeat itself with
 * a period that is a power of two and names each of its queues once; to change it, or the key,
 * all receive queues have to go first.
 */
#include "driver/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <infiniband/manadv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "driver/channel.h"
#include "wire/rnic.h"

#define FRAME_HEADER 14u
#define MTU_DEFAULT  9000u /* what this hardware is documented to take */

/**
 * struct verbs_buffer - memory that libmana has got for a ring
 * @size:	libmana gives it back without
 */
struct verbs_buffer {
	struct verbs_buffer *next;
	void *memory;
	size_t size;
};

/**
 * struct verbs_queue - a queue's objects
 * @cq:		completion queue
 * @qp:		of a send queue
 * @wq:		of a receive queue
 * @channel:	of a receive queue with interrupts
 * @signals, @signals_size: of a send queue, see struct driver_txq
 */
struct verbs_queue {
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	struct ibv_wq *wq;
	struct ibv_comp_channel *channel;
	void *signals;
	size_t signals_size;
};

/**
 * struct verbs_port - a vPort
 * @domain:	parent domain
 * @holder:	a send queue that nobody uses
 * @table, @rss: while packets come in
 * @order:	receive queues of one period of the table; @period of them
 * @key:	that packets are hashed with
 * @queues:	send and receive queues
 */
struct verbs_port {
	struct driver_port port;
	struct ibv_pd *domain;
	struct verbs_queue holder;
	struct ibv_rwq_ind_table *table;
	struct ibv_qp *rss;
	uint16_t order[DRIVER_QUEUES_MAX];
	unsigned int period;
	uint8_t key[MANA_HASH_KEY_SIZE];
	unsigned int queues;
	struct verbs_queue txq[DRIVER_QUEUES_MAX];
	struct verbs_queue rxq[DRIVER_QUEUES_MAX];
};

/**
 * struct verbs_driver - an adapter
 * @pci:	its address
 * @list, @device: RDMA devices, and which of them it is
 * @pd:		protection domains, by vPort
 * @buffers:	rings
 */
struct verbs_driver {
	struct driver driver;
	char *pci;
	struct ibv_device **list;
	struct ibv_device *device;
	struct ibv_context *context;
	struct verbs_memory memory;
	struct ibv_pd *pd[DRIVER_PORTS_MAX];
	struct verbs_buffer *buffers;
};

static struct verbs_driver *of(struct driver *driver)
{
	return (struct verbs_driver *)driver;
}

/* ---- Memory ---- */

static int map(struct driver *driver, void *va, uint64_t size, int fd, uint64_t offset)
{
	(void)fd;
	(void)offset;
	return verbs_memory_add(&of(driver)->memory, (uintptr_t)va, size);
}

static int unmap(struct driver *driver, void *va, uint64_t size)
{
	return verbs_memory_remove(&of(driver)->memory, (uintptr_t)va, size);
}

static int region(struct driver *driver, unsigned int port, const void *va,
		  struct driver_region *region)
{
	struct verbs_driver *verbs = of(driver);

	return verbs_memory_key(&verbs->memory, port, verbs->pd[port], (uintptr_t)va, driver->name,
				region);
}

/** buffer_alloc() - for libmana: memory for a ring */
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

/** query_device() - limits; -ENODEV if the RDMA device is not for Ethernet */
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

/** query_port() - a vPort, as its interface shows it */
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

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
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
		err = set_nonblocking(verbs->context->async_fd);
	if (!err &&
	    epoll_ctl(verbs->driver.event_fd, EPOLL_CTL_ADD, verbs->context->async_fd, &event) < 0)
		err = -errno;
	return err;
}

static int start(struct driver *driver)
{
	struct verbs_driver *verbs = of(driver);
	int err = query_device(verbs);

	for (unsigned int i = 0; !err && i < driver->info.ports; i++)
		err = query_port(verbs, i);
	if (err) {
		memset(&driver->info, 0, sizeof(driver->info));
		log_say(LOG_ERROR, "%s: cannot use the RDMA device %s: %s", driver->name,
			verbs->device->name, strerror(-err));
	}
	return err;
}

static void poll_events(struct driver *driver)
{
	struct ibv_async_event event;

	while (!ibv_get_async_event(of(driver)->context, &event)) {
		/* The device has gone from under us: queues stand still, nothing comes back. */
		if (event.event_type == IBV_EVENT_DEVICE_FATAL && !driver->removed_noted)
			driver_note_removed(driver);
		ibv_ack_async_event(&event);
	}
}

static void close_driver(struct driver *driver)
{
	struct verbs_driver *verbs = of(driver);

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

/* ---- Queues ---- */

/** why_taken() - say why a vPort's first queue was refused; returns what the caller returns */
static int why_taken(struct verbs_driver *verbs, unsigned int index, int err)
{
	struct verbs_interface interface;

	if (err != -ENODEV || verbs_interface(verbs->device, index, &interface))
		return err;
	if (interface.up)
		log_say(LOG_ERROR,
			"%s: vPort %u belongs to the kernel's interface %s, which is up; "
			"run: ip link set %s down",
			verbs->driver.name, index, interface.name, interface.name);
	else
		log_say(LOG_ERROR,
			"%s: vPort %u (interface %s) is used by another program; stop that first",
			verbs->driver.name, index, interface.name);
	return -EBUSY;
}

/** queue_close() - all objects of a queue that are there */
static void queue_close(struct verbs_driver *verbs, struct verbs_queue *queue)
{
	const struct driver_allocator *allocator = &verbs->driver.allocator;

	if (queue->qp)
		ibv_destroy_qp(queue->qp);
	if (queue->wq)
		ibv_destroy_wq(queue->wq);
	if (queue->cq)
		ibv_destroy_cq(queue->cq);
	if (queue->channel)
		ibv_destroy_comp_channel(queue->channel);
	if (queue->signals)
		allocator->free(allocator->ctx, queue->signals, queue->signals_size);
	*queue = (struct verbs_queue){ 0 };
}

/** send_open() - completion queue and raw QP of @units */
static int send_open(struct verbs_port *port, uint32_t units, struct verbs_queue *queue)
{
	struct verbs_driver *verbs = of(port->port.driver);
	struct ibv_qp_init_attr attr = {
		.cap = { .max_send_wr = units, .max_send_sge = 1 },
		.qp_type = IBV_QPT_RAW_PACKET,
	};
	int err;

	*queue = (struct verbs_queue){ 0 };
	queue->cq = ibv_create_cq(verbs->context, (int)units, NULL, NULL, 0);
	if (queue->cq) {
		attr.send_cq = queue->cq;
		attr.recv_cq = queue->cq;
		queue->qp = ibv_create_qp(port->domain, &attr);
	}
	if (queue->qp)
		return 0;
	err = errno ? -errno : -EIO;
	queue_close(verbs, queue);
	return why_taken(verbs, port->port.index, err);
}

/** signals_open() - what a send queue keeps beside its rings */
static int signals_open(struct verbs_driver *verbs, uint32_t units, struct verbs_queue *queue)
{
	const struct driver_allocator *allocator = &verbs->driver.allocator;

	queue->signals_size = (units * sizeof(struct driver_signal) + MANA_PAGE_SIZE - 1) &
			      ~(size_t)(MANA_PAGE_SIZE - 1);
	queue->signals = allocator->alloc(allocator->ctx, queue->signals_size, MANA_PAGE_SIZE);
	return queue->signals ? 0 : -ENOMEM;
}

/** fill_txq() - the caller's structure, from what libmana tells */
static int fill_txq(struct verbs_port *port, const struct verbs_queue *queue,
		    struct driver_txq *txq)
{
	struct driver *driver = port->port.driver;
	struct manadv_qp qp;
	struct manadv_cq cq;
	struct manadv_obj object = { .qp = { queue->qp, &qp }, .cq = { queue->cq, &cq } };
	struct mana_tx_short_oob oob;
	int err = manadv_init_obj(&object, MANADV_OBJ_QP | MANADV_OBJ_CQ);

	if (err)
		return -err;
	if (qp.tx_vp_offset > MANA_SHORT_VPORT_OFFSET_MAX) {
		log_say(LOG_ERROR,
			"%s: vPort %u (offset %u) needs the long form for every packet, which this "
			"driver does not send",
			driver->name, port->port.index, qp.tx_vp_offset);
		return -ENOTSUP;
	}
	driver->doorbell.mapped = qp.db_page;
	wq_init(&txq->wq, qp.sq_buf, qp.sq_size, GDMA_DB_SQ, qp.sq_id);
	cq_init(&txq->cq, cq.buf, cq.count * GDMA_CQE_SIZE, cq.cq_id);
	txq->signals = queue->signals;
	oob = (struct mana_tx_short_oob){
		.pkt_fmt = MANA_PACKET_SHORT,
		.vcq_num = cq.cq_id & 0xffffffu,
		.vsq_frame = mana_vsq_frame(qp.sq_id) & 0x3fffu,
		.short_vp_offset = qp.tx_vp_offset & 0xffu,
	};
	memcpy(&txq->oob, &oob, sizeof(txq->oob));
	return 0;
}

/** queue_gone() - one queue less; without any, keys that nobody gets any more can go */
static void queue_gone(struct verbs_port *port)
{
	if (!--port->queues)
		verbs_memory_drop(&of(port->port.driver)->memory, port->port.index, false);
}

static int txq_create(struct driver_port *port, unsigned int index, uint32_t units,
		      struct driver_txq *txq)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;
	struct verbs_queue *queue = &verbs_port->txq[index];
	int err = send_open(verbs_port, units, queue);

	if (err)
		return err;
	err = signals_open(of(port->driver), units, queue);
	if (!err)
		err = fill_txq(verbs_port, queue, txq);
	if (err) {
		queue_close(of(port->driver), queue);
		return err;
	}
	verbs_port->queues++;
	/* The vPort is held by this queue now. */
	queue_close(of(port->driver), &verbs_port->holder);
	return 0;
}

static void txq_destroy(struct driver_port *port, unsigned int index)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;

	queue_close(of(port->driver), &verbs_port->txq[index]);
	queue_gone(verbs_port);
}

/** receive_open() - completion queue and work queue of @units */
static int receive_open(struct driver_port *port, unsigned int index, uint32_t units,
			struct verbs_queue *queue)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;
	struct verbs_driver *verbs = of(port->driver);
	struct ibv_wq_init_attr attr = {
		.wq_type = IBV_WQT_RQ, .max_wr = units, .max_sge = 1, .pd = verbs_port->domain
	};
	int vector = 0;
	int err;

	*queue = (struct verbs_queue){ 0 };
	if (port->config.rx_interrupts) {
		/* Each vector has an event queue of the kernel's behind it. */
		vector = (int)index % verbs->context->num_comp_vectors;
		queue->channel = ibv_create_comp_channel(verbs->context);
		if (!queue->channel)
			return errno ? -errno : -EIO;
		err = set_nonblocking(queue->channel->fd);
		if (err)
			return err;
	}
	queue->cq = ibv_create_cq(verbs->context, (int)units, NULL, queue->channel, vector);
	attr.cq = queue->cq;
	if (queue->cq)
		queue->wq = ibv_create_wq(verbs->context, &attr);
	return queue->wq ? 0 : errno ? -errno : -EIO;
}

/** fill_rxq() - the caller's structure, from what libmana tells */
static int fill_rxq(struct driver *driver, const struct verbs_queue *queue, struct driver_rxq *rxq)
{
	struct manadv_rwq wq;
	struct manadv_cq cq;
	struct manadv_obj object = { .rwq = { queue->wq, &wq }, .cq = { queue->cq, &cq } };
	int err = manadv_init_obj(&object, MANADV_OBJ_RWQ | MANADV_OBJ_CQ);

	if (err)
		return -err;
	driver->doorbell.mapped = wq.db_page;
	wq_init(&rxq->wq, wq.buf, wq.size, GDMA_DB_RQ, wq.wq_id);
	cq_init(&rxq->cq, cq.buf, cq.count * GDMA_CQE_SIZE, cq.cq_id);
	return 0;
}

static int rxq_create(struct driver_port *port, unsigned int index, uint32_t units,
		      struct driver_rxq *rxq)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;
	struct verbs_queue *queue = &verbs_port->rxq[index];
	int err = -EBUSY;

	if (verbs_port->rss)
		log_say(LOG_ERROR,
			"%s: vPort %u: the kernel's driver makes all receive queues at once; "
			"stop the port to have more",
			port->driver->name, port->index);
	else
		err = receive_open(port, index, units, queue);
	if (!err)
		err = fill_rxq(port->driver, queue, rxq);
	if (err) {
		queue_close(of(port->driver), queue);
		return err;
	}
	verbs_port->queues++;
	return 0;
}

/** steering_close() - no packets come in any more; the adapter forgets the receive queues */
static void steering_close(struct verbs_port *port)
{
	if (port->rss)
		ibv_destroy_qp(port->rss);
	if (port->table)
		ibv_destroy_rwq_ind_table(port->table);
	port->rss = NULL;
	port->table = NULL;
	port->period = 0;
}

static void rxq_destroy(struct driver_port *port, unsigned int index)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;

	/* One that the adapter knows cannot go alone. */
	for (unsigned int i = 0; i < verbs_port->period; i++)
		if (verbs_port->order[i] == index) {
			steering_close(verbs_port);
			break;
		}
	queue_close(of(port->driver), &verbs_port->rxq[index]);
	queue_gone(verbs_port);
}

/** take_event() - a channel's event; it must be acknowledged, or the queue could not go */
static void take_event(struct verbs_queue *queue)
{
	struct ibv_cq *cq;
	void *ctx;

	if (!ibv_get_cq_event(queue->channel, &cq, &ctx))
		ibv_ack_cq_events(cq, 1);
}

static int rxq_event_fd(const struct driver_port *port, unsigned int index)
{
	return ((const struct verbs_port *)port)->rxq[index].channel->fd;
}

static int rxq_arm(struct driver_port *port, unsigned int index)
{
	driver_doorbell_ring(&port->driver->doorbell, GDMA_DB_CQ,
			     driver_cq_bell(&port->rxq[index]->cq, true));
	return 0;
}

static int rxq_disarm(struct driver_port *port, unsigned int index)
{
	take_event(&((struct verbs_port *)port)->rxq[index]);
	return 0;
}

/* ---- Steering ---- */

/** find_period() - how the table repeats itself; 0 if not as mana_ib wants it */
static unsigned int find_period(const struct driver_rss *rss)
{
	bool seen[DRIVER_QUEUES_MAX] = { false };
	unsigned int n = 0;

	while (n < rss->entries && !seen[rss->table[n]])
		seen[rss->table[n++]] = true;
	for (uint32_t i = n; i < rss->entries; i++)
		if (rss->table[i] != rss->table[i - n])
			return 0;
	return n & (n - 1) ? 0 : n;
}

/** steering_open() - table and RSS QP for the queues in port->order */
static int steering_open(struct verbs_port *port, const struct driver_rss *rss)
{
	struct verbs_driver *verbs = of(port->port.driver);
	struct ibv_wq *queues[DRIVER_QUEUES_MAX];
	struct ibv_rwq_ind_table_init_attr table = { .log_ind_tbl_size =
							     (uint32_t)__builtin_ctz(port->period),
						     .ind_tbl = queues };
	struct ibv_qp_init_attr_ex attr = {
		.comp_mask =
			IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_RX_HASH | IBV_QP_INIT_ATTR_IND_TABLE,
		.qp_type = IBV_QPT_RAW_PACKET,
		.pd = port->domain,
		.rx_hash_conf = { .rx_hash_function = IBV_RX_HASH_FUNC_TOEPLITZ,
				  .rx_hash_key_len = sizeof(port->key),
				  .rx_hash_key = port->key,
				  .rx_hash_fields_mask =
					  IBV_RX_HASH_SRC_IPV4 | IBV_RX_HASH_DST_IPV4 },
	};

	for (unsigned int i = 0; i < port->period; i++)
		queues[i] = port->rxq[port->order[i]].wq;
	memcpy(port->key, rss->key, sizeof(port->key));
	port->table = ibv_create_rwq_ind_table(verbs->context, &table);
	if (!port->table)
		return errno ? -errno : -EIO;
	attr.rwq_ind_tbl = port->table;
	port->rss = ibv_create_qp_ex(verbs->context, &attr);
	return port->rss ? 0 : errno ? -errno : -EIO;
}

/** same() - is this what packets are steered by already? */
static bool same(const struct verbs_port *port, const struct driver_rss *rss, unsigned int period)
{
	return period == port->period &&
	       !memcmp(port->order, rss->table, period * sizeof(port->order[0])) &&
	       !memcmp(port->key, rss->key, sizeof(port->key));
}

static int rss(struct driver_port *port, const struct driver_rss *rss)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;
	unsigned int period, queues = 0;
	bool sends = false;
	int err = 0;

	if (!rss->enable) {
		steering_close(verbs_port);
		return 0;
	}
	period = find_period(rss);
	if (!period) {
		log_say(LOG_ERROR,
			"%s: vPort %u: the kernel's driver takes RSS tables of 1, 2, 4, 8... "
			"queues in turn only",
			port->driver->name, port->index);
		return -ENOTSUP;
	}
	if (verbs_port->rss) {
		if (same(verbs_port, rss, period))
			return 0;
		log_say(LOG_ERROR,
			"%s: vPort %u: the kernel's driver changes the RSS key and table of "
			"stopped ports only",
			port->driver->name, port->index);
		return -EBUSY;
	}
	for (unsigned int i = 0; i < DRIVER_QUEUES_MAX; i++) {
		sends = sends || verbs_port->txq[i].qp;
		queues += verbs_port->rxq[i].wq != NULL;
	}
	if (queues != period) {
		log_say(LOG_ERROR,
			"%s: vPort %u: %u receive queues, %u of them in the RSS table: the "
			"kernel's driver makes only those",
			port->driver->name, port->index, queues, period);
		return -ENOTSUP;
	}
	if (!sends && !verbs_port->holder.qp)
		err = send_open(verbs_port, DRIVER_UNITS_MIN, &verbs_port->holder);
	if (err)
		return err;
	memcpy(verbs_port->order, rss->table, period * sizeof(verbs_port->order[0]));
	verbs_port->period = period;
	err = steering_open(verbs_port, rss);
	/* Only now do the queues have numbers. */
	for (unsigned int i = 0; !err && i < period; i++) {
		unsigned int index = verbs_port->order[i];

		err = fill_rxq(port->driver, &verbs_port->rxq[index], port->rxq[index]);
	}
	if (err)
		steering_close(verbs_port);
	return err;
}

/* ---- vPorts ---- */

static struct driver_port *port_alloc(void)
{
	return calloc(1, sizeof(struct verbs_port));
}

static int port_open(struct driver_port *port)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;
	struct verbs_driver *verbs = of(port->driver);
	struct ibv_parent_domain_init_attr attr = {
		.pd = verbs->pd[port->index],
		.comp_mask = IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT,
		.pd_context = (void *)(uintptr_t)(port->index + 1), /* RDMA's number of the port */
	};

	verbs_port->domain = ibv_alloc_parent_domain(verbs->context, &attr);
	return verbs_port->domain ? 0 : errno ? -errno : -EIO;
}

static void port_close(struct driver_port *port)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;

	steering_close(verbs_port);
	queue_close(of(port->driver), &verbs_port->holder);
	ibv_dealloc_pd(verbs_port->domain);
}

static int share(struct driver *driver, struct driver_share *share)
{
	/* The doorbell page is what the device's descriptor maps; nothing is ever posted on it. */
	*share = (struct driver_share){
		.transport = { .post_fd = of(driver)->context->cmd_fd, .bar_fd = -1 },
		.mapped = true,
	};
	return 0;
}

static const struct control_ops ops = {
	.map = map,
	.unmap = unmap,
	.region = region,
	.start = start,
	.port_alloc = port_alloc,
	.port_open = port_open,
	.port_close = port_close,
	.txq_create = txq_create,
	.txq_destroy = txq_destroy,
	.rxq_create = rxq_create,
	.rxq_destroy = rxq_destroy,
	.rss = rss,
	.rxq_event_fd = rxq_event_fd,
	.rxq_arm = rxq_arm,
	.rxq_disarm = rxq_disarm,
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
