/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/verbs_queue.c - vPorts and queues of the verbs control plane
 *
 * A vPort belongs to the kernel's interface or to one protection domain, never to both. If there is
 * no send queue, a small one of our own (the holder) keeps it.
 *
 * mana_ib creates a receive queue in the adapter once for each entry of the table that it is given,
 * and repeats the table up to the adapter's size. So the table must repeat with a period that is a
 * power of two and contains each queue once; to change it, or the key, all receive queues must be
 * destroyed first.
 */
#include "driver/verbs.h"

#include <errno.h>
#include <infiniband/manadv.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "driver/channel.h"

/** why_refused() - log why there is no queue; returns the caller's return value */
static int why_refused(struct verbs_driver *verbs, unsigned int index, int err)
{
	struct verbs_interface interface;

	if (err == -EPROTO)
		log_say(LOG_ERROR,
			"%s: vPort %u: the adapter refused the queue; the vPort may have reached "
			"its limit: use fewer queues",
			verbs->driver.name, index);
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

/** queue_close() - destroy all objects of a queue that exist */
static void queue_close(struct verbs_queue *queue)
{
	if (queue->qp)
		ibv_destroy_qp(queue->qp);
	if (queue->wq)
		ibv_destroy_wq(queue->wq);
	if (queue->cq)
		ibv_destroy_cq(queue->cq);
	if (queue->channel)
		ibv_destroy_comp_channel(queue->channel);
	*queue = (struct verbs_queue){ 0 };
}

/** send_open() - create completion queue and raw QP of @units */
static int send_open(struct verbs_port *port, uint32_t units, struct verbs_queue *queue)
{
	struct verbs_driver *verbs = verbs_of(port->port.driver);
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
	queue_close(queue);
	return why_refused(verbs, port->port.index, err);
}

/** fill_txq() - the caller's structure, from libmana's values */
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
			"%s: vPort %u (offset %u) needs the long OOB for every packet, which this "
			"driver does not support",
			driver->name, port->port.index, qp.tx_vp_offset);
		return -ENOTSUP;
	}
	driver->doorbell.mapped = qp.db_page;
	wq_init(&txq->wq, qp.sq_buf, qp.sq_size, GDMA_DB_SQ, qp.sq_id);
	cq_init(&txq->cq, cq.buf, cq.count * GDMA_CQE_SIZE, cq.cq_id);
	oob = (struct mana_tx_short_oob){
		.pkt_fmt = MANA_PACKET_SHORT,
		.vcq_num = cq.cq_id & 0xffffffu,
		.vsq_frame = mana_vsq_frame(qp.sq_id) & 0x3fffu,
		.short_vp_offset = qp.tx_vp_offset & 0xffu,
	};
	memcpy(&txq->oob, &oob, sizeof(txq->oob));
	return 0;
}

/** sends() - is there a send queue other than @index? */
static bool sends(const struct verbs_port *port, unsigned int index)
{
	for (unsigned int i = 0; i < DRIVER_QUEUES_MAX; i++)
		if (i != index && port->txq[i].qp)
			return true;
	return false;
}

/** queue_gone() - a queue was destroyed; with the last one, drop retired keys */
static void queue_gone(struct verbs_port *port)
{
	if (!--port->queues)
		verbs_memory_drop(&verbs_of(port->port.driver)->memory, port->port.index, false);
}

int verbs_txq_create(struct driver_port *port, unsigned int index, uint32_t units,
		     struct driver_txq *txq)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;
	struct verbs_queue *queue = &verbs_port->txq[index];
	int err = send_open(verbs_port, units, queue);

	if (err)
		return err;
	err = fill_txq(verbs_port, queue, txq);
	if (err) {
		queue_close(queue);
		return err;
	}
	verbs_port->queues++;
	/* This queue keeps the vPort now. */
	queue_close(&verbs_port->holder);
	return 0;
}

void verbs_txq_destroy(struct driver_port *port, unsigned int index)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;

	/* While packets are received, the vPort must not fall back to the kernel. */
	if (verbs_port->rss && !sends(verbs_port, index))
		send_open(verbs_port, DRIVER_UNITS_MIN, &verbs_port->holder);
	queue_close(&verbs_port->txq[index]);
	queue_gone(verbs_port);
}

/** receive_open() - create completion queue and work queue of @units */
static int receive_open(struct driver_port *port, unsigned int index, uint32_t units,
			struct verbs_queue *queue)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;
	struct verbs_driver *verbs = verbs_of(port->driver);
	struct ibv_wq_init_attr attr = {
		.wq_type = IBV_WQT_RQ, .max_wr = units, .max_sge = 1, .pd = verbs_port->domain
	};
	int vector = 0;
	int err;

	*queue = (struct verbs_queue){ 0 };
	if (port->config.rx_interrupts) {
		/* Each vector has an event queue in the kernel. */
		vector = (int)index % verbs->context->num_comp_vectors;
		queue->channel = ibv_create_comp_channel(verbs->context);
		if (!queue->channel)
			return errno ? -errno : -EIO;
		err = verbs_nonblocking(queue->channel->fd);
		if (err)
			return err;
	}
	queue->cq = ibv_create_cq(verbs->context, (int)units, NULL, queue->channel, vector);
	attr.cq = queue->cq;
	if (queue->cq)
		queue->wq = ibv_create_wq(verbs->context, &attr);
	return queue->wq ? 0 : errno ? -errno : -EIO;
}

/** fill_rxq() - the caller's structure, from libmana's values */
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

int verbs_rxq_create(struct driver_port *port, unsigned int index, uint32_t units,
		     struct driver_rxq *rxq)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;
	struct verbs_queue *queue = &verbs_port->rxq[index];
	int err = -EBUSY;

	if (verbs_port->rss)
		log_say(LOG_ERROR,
			"%s: vPort %u: the kernel's driver creates all receive queues at once; "
			"stop the port to add queues",
			port->driver->name, port->index);
	else
		err = receive_open(port, index, units, queue);
	if (!err)
		err = fill_rxq(port->driver, queue, rxq);
	if (err) {
		queue_close(queue);
		return err;
	}
	verbs_port->queues++;
	return 0;
}

/** steering_close() - stop receiving; the adapter destroys the receive queues */
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

void verbs_rxq_destroy(struct driver_port *port, unsigned int index)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;

	/* One that the adapter knows cannot be destroyed separately. */
	for (unsigned int i = 0; i < verbs_port->period; i++)
		if (verbs_port->order[i] == index) {
			steering_close(verbs_port);
			break;
		}
	queue_close(&verbs_port->rxq[index]);
	queue_gone(verbs_port);
}

/** take_event() - take a channel's event; unacknowledged, it would block the queue's destruction */
static void take_event(struct verbs_queue *queue)
{
	struct ibv_cq *cq;
	void *ctx;

	if (!ibv_get_cq_event(queue->channel, &cq, &ctx))
		ibv_ack_cq_events(cq, 1);
}

int verbs_rxq_event_fd(const struct driver_port *port, unsigned int index)
{
	return ((const struct verbs_port *)port)->rxq[index].channel->fd;
}

int verbs_rxq_arm(struct driver_port *port, unsigned int index)
{
	driver_doorbell_ring(&port->driver->doorbell, GDMA_DB_CQ,
			     driver_cq_bell(&port->rxq[index]->cq, true));
	return 0;
}

int verbs_rxq_disarm(struct driver_port *port, unsigned int index)
{
	take_event(&((struct verbs_port *)port)->rxq[index]);
	return 0;
}

/* ---- Steering ---- */

/** find_period() - the table's period; 0 if mana_ib does not support the table */
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

/** steering_open() - create table and RSS QP for the queues in port->order */
static int steering_open(struct verbs_port *port, const struct driver_rss *rss)
{
	struct verbs_driver *verbs = verbs_of(port->port.driver);
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
	return port->rss ? 0 : why_refused(verbs, port->port.index, errno ? -errno : -EIO);
}

/** same() - is this the current steering? */
static bool same(const struct verbs_port *port, const struct driver_rss *rss, unsigned int period)
{
	return period == port->period &&
	       !memcmp(port->order, rss->table, period * sizeof(port->order[0])) &&
	       !memcmp(port->key, rss->key, sizeof(port->key));
}

int verbs_rss(struct driver_port *port, const struct driver_rss *rss)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;
	unsigned int period, queues = 0;
	int err = 0;

	if (!rss->enable) {
		steering_close(verbs_port);
		return 0;
	}
	period = find_period(rss);
	if (!period) {
		log_say(LOG_ERROR,
			"%s: vPort %u: the kernel's driver accepts only RSS tables in which 1, 2, "
			"4, 8... queues take turns",
			port->driver->name, port->index);
		return -ENOTSUP;
	}
	if (verbs_port->rss) {
		if (same(verbs_port, rss, period))
			return 0;
		log_say(LOG_ERROR,
			"%s: vPort %u: the kernel's driver changes the RSS key and table only "
			"while the port is stopped",
			port->driver->name, port->index);
		return -EBUSY;
	}
	for (unsigned int i = 0; i < DRIVER_QUEUES_MAX; i++)
		queues += verbs_port->rxq[i].wq != NULL;
	if (queues != period) {
		log_say(LOG_ERROR,
			"%s: vPort %u: %u receive queues, %u of them in the RSS table: the "
			"kernel's driver creates only those in the table",
			port->driver->name, port->index, queues, period);
		return -ENOTSUP;
	}
	if (!sends(verbs_port, DRIVER_QUEUES_MAX) && !verbs_port->holder.qp)
		err = send_open(verbs_port, DRIVER_UNITS_MIN, &verbs_port->holder);
	if (err)
		return err;
	memcpy(verbs_port->order, rss->table, period * sizeof(verbs_port->order[0]));
	verbs_port->period = period;
	err = steering_open(verbs_port, rss);
	/* The queues have numbers only now. */
	for (unsigned int i = 0; !err && i < period; i++) {
		unsigned int index = verbs_port->order[i];

		err = fill_rxq(port->driver, &verbs_port->rxq[index], port->rxq[index]);
	}
	if (err)
		steering_close(verbs_port);
	return err;
}

/* ---- vPorts ---- */

struct driver_port *verbs_port_alloc(void)
{
	return calloc(1, sizeof(struct verbs_port));
}

int verbs_port_open(struct driver_port *port)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;
	struct verbs_driver *verbs = verbs_of(port->driver);
	struct ibv_parent_domain_init_attr attr = {
		.pd = verbs->pd[port->index],
		.comp_mask = IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT,
		.pd_context = (void *)(uintptr_t)(port->index + 1), /* RDMA's number of the port */
	};

	verbs_port->domain = ibv_alloc_parent_domain(verbs->context, &attr);
	return verbs_port->domain ? 0 : errno ? -errno : -EIO;
}

void verbs_port_close(struct driver_port *port)
{
	struct verbs_port *verbs_port = (struct verbs_port *)port;

	steering_close(verbs_port);
	queue_close(&verbs_port->holder);
	ibv_dealloc_pd(verbs_port->domain);
}
