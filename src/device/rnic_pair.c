/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RNIC commands about queue pairs: creation, states, destruction.
 *
 * Numbers. A queue pair has a block of four numbers, in both directions; the low two bits are a
 * queue's kind (rdma-core mana.h, QUEUE_TYPE_*). The receive queue of the responder, kind 0, gives
 * the queue pair its number. libmana finds a queue pair by the numbers without these bits.
 *
 * The send queue of the requester is a power of two and 16 bytes long: behind the ring the driver
 * keeps a block that says what it has posted and what is done (rdma-core rollback.h), for an adapter
 * that loses its state. This one does not, and leaves it alone.
 */
#include "device/rnic_pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "device/pair.h"
#include "device/rnic_state.h"

#define HANDLE_PAIR      0x33u /* see rnic.c */
#define ROLLBACK_SIZE    16u   /* bytes of rdma-core's struct mana_ib_rollback_shared_mem */
#define PATH_MTU_MAX     5u    /* 4096 bytes */
#define HOP_LIMIT        64u   /* if the driver names none */
#define ACK_TIMEOUT      14u   /* 67 ms: for a driver that cannot name one, as ibv_rc_pingpong */
#define ACK_TIMEOUT_MAX  20u   /* 4.3 s, the same: a peer in software may be busy for long */
#define ACK_TIMEOUT_MORE 2u    /* up to four times one that is named, as IBA 9.7.6.1.3 allows */
#define PATH_HEADERS_MAX 84u   /* bytes beside the payload: IPv6, UDP, BTH, RETH, ImmDt, ICRC */

/* The verbs' bits of attr_mask. Linux include/rdma/ib_verbs.h, enum ib_qp_attr_mask */
enum qp_attribute {
	QP_STATE = 1 << 0,
	QP_ACCESS_FLAGS = 1 << 3,
	QP_QKEY = 1 << 6,
	QP_AV = 1 << 7,
	QP_PATH_MTU = 1 << 8,
	QP_TIMEOUT = 1 << 9,
	QP_RETRY_CNT = 1 << 10,
	QP_RNR_RETRY = 1 << 11,
	QP_RQ_PSN = 1 << 12,
	QP_MAX_QP_RD_ATOMIC = 1 << 13,
	QP_MIN_RNR_TIMER = 1 << 15,
	QP_SQ_PSN = 1 << 16,
	QP_MAX_DEST_RD_ATOMIC = 1 << 17,
	QP_DEST_QPN = 1 << 20,
};

/* The verbs' bits of qp_access_flags. Linux enum ib_access_flags */
enum qp_access {
	QP_REMOTE_WRITE = 1 << 1,
	QP_REMOTE_READ = 1 << 2,
};

/** struct queue_kind - a queue of a queue pair: its place in pair->wq, and its number's low bits */
struct queue_kind {
	unsigned int place;
	uint32_t type; /* GDMA_SQ or GDMA_RQ */
	uint32_t kind;
};

static const struct queue_kind rc_queues[RNIC_RC_QUEUE_COUNT] = {
	[RNIC_RC_SQ_REQUESTER] = { RNIC_RC_SQ_REQUESTER, GDMA_SQ, 0 },
	[RNIC_RC_SQ_RESPONDER] = { RNIC_RC_SQ_RESPONDER, GDMA_SQ, 1 },
	[RNIC_RC_SQ_FMR] = { RNIC_RC_SQ_FMR, GDMA_SQ, 2 },
	[RNIC_RC_RQ_REQUESTER] = { RNIC_RC_RQ_REQUESTER, GDMA_RQ, 1 },
	[RNIC_RC_RQ_RESPONDER] = { RNIC_RC_RQ_RESPONDER, GDMA_RQ, 0 },
};

static const struct queue_kind uc_queues[RNIC_UC_QUEUE_COUNT] = {
	[RNIC_UC_SQ_REQUESTER] = { RNIC_RC_SQ_REQUESTER, GDMA_SQ, 0 },
	[RNIC_UC_RQ_RESPONDER] = { RNIC_RC_RQ_RESPONDER, GDMA_RQ, 0 },
	[RNIC_UC_SQ_MMQ] = { RNIC_RC_SQ_FMR, GDMA_SQ, 2 },
};

static const struct queue_kind ud_queues[RNIC_UD_QUEUE_COUNT] = {
	[RNIC_UD_SQ] = { RNIC_RC_SQ_REQUESTER, GDMA_SQ, 0 },
	[RNIC_UD_RQ] = { RNIC_RC_RQ_RESPONDER, GDMA_RQ, 0 },
};

/**
 * struct pair_request - a queue pair that is to be created
 * @regions:	the queues' memory, @n of them; GDMA_INVALID_DMA_REGION: no such queue
 * @queues:	what they are
 * @gsi:	it is the queue pair with number 1
 */
struct pair_request {
	uint64_t pd, send_cq, recv_cq;
	uint32_t doorbell;
	enum roce_kind kind;
	bool gsi;
	const uint64_t *regions;
	const struct queue_kind *queues;
	unsigned int n;
};

static struct pair *handle_find(struct adapter *adapter, uint64_t handle)
{
	struct pair *pair = table_get(&adapter->pairs, (uint32_t)handle);

	return pair && pair->handle == handle ? pair : NULL;
}

/** queue_create() - one of a queue pair's queues; 0 or a negative errno */
static int queue_create(struct pair *pair, const struct pair_request *request, unsigned int i)
{
	const struct queue_kind *queue = &request->queues[i];
	struct adapter *adapter = pair->adapter;
	struct queue_place place = { .doorbell = request->doorbell,
				     .pd = pair->pd,
				     .number = pair_number(pair->index, queue->kind) };
	int err;

	if (request->gsi && queue->type == GDMA_RQ)
		place.number = PAIR_GSI;
	if (request->regions[i] == GDMA_INVALID_DMA_REGION)
		return queue->place == RNIC_RC_SQ_FMR ? 0 : -ENOENT;
	place.list = memory_list_find(&adapter->memory, request->regions[i]);
	if (!place.list || place.list->length > UINT32_MAX)
		return -ENOENT;
	place.size = (uint32_t)place.list->length;
	if (queue->place == RNIC_RC_SQ_REQUESTER && place.size % MANA_PAGE_SIZE == ROLLBACK_SIZE)
		place.size -= ROLLBACK_SIZE;
	pair->wq[queue->place] = wq_create(adapter, queue->type, &place,
					   queue->type == GDMA_SQ ? pair->send : pair->recv, &err);
	if (!pair->wq[queue->place])
		return err;
	pair->wq[queue->place]->pair = pair;
	return 0;
}

static void pair_release(void *what)
{
	struct pair *pair = what;

	if (pair->qp)
		roce_qp_destroy(pair->qp);
	inbox_close(&pair->inbox);
	free(pair);
}

/** pair_unmake() - destroy its queues; lanes may use it until retire_settle() */
static void pair_unmake(struct pair *pair)
{
	struct adapter *adapter = pair->adapter;
	struct vport *vport = atomic_load(&pair->vport);

	lane_remove(&pair->work, -1);
	if (atomic_load(&adapter->gsi) == pair)
		atomic_store(&adapter->gsi, NULL);
	table_remove(&adapter->pairs, pair->index);
	if (vport)
		atomic_fetch_sub_explicit(&vport->pairs, 1, memory_order_relaxed);
	for (unsigned int i = 0; i < RNIC_RC_QUEUE_COUNT; i++)
		if (pair->wq[i])
			wq_destroy(pair->wq[i]);
	retire(&adapter->retired, pair_release, pair);
}

/** pair_new() - a queue pair without queues; NULL with the reason in @err */
static struct pair *pair_new(struct adapter *adapter, struct rnic *rnic,
			     const struct pair_request *request, int *err)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int64_t index = -1;

	*err = -ENOMEM;
	if (!pair)
		return NULL;
	pair->adapter = adapter;
	pair->notify = rnic->notify;
	pair->error_cqes = rnic->error_cqes;
	pair->kind = request->kind;
	pair->attributes =
		(struct roce_attributes){ .ack_timeout = ACK_TIMEOUT,
					  .ack_timeout_max = ACK_TIMEOUT_MAX,
					  .reads_in = RNIC_READS_MAX,
					  .reads_out = RNIC_READS_MAX,
					  .access = ROCE_ACCESS_READ | ROCE_ACCESS_WRITE };
	if (!inbox_open(&pair->inbox))
		index = table_add(&adapter->pairs, pair);
	if (index < 0) {
		inbox_close(&pair->inbox);
		free(pair);
		return NULL;
	}
	pair->index = (uint32_t)index;
	pair->number = request->gsi ? PAIR_GSI : pair_number(pair->index, 0);
	pair->handle = adapter_handle(adapter, HANDLE_PAIR, pair->index);
	pair->qp = roce_qp_create(&(struct roce_config){ .ops = &pair_ops,
							 .ctx = pair,
							 .kind = request->kind,
							 .requests = PAIR_REQUESTS,
							 .qpn = pair->number });
	pair->work.run = pair_run;
	pair->work.step = "serving a queue pair";
	atomic_store(&pair->work.client, adapter->pulse);
	if (pair->qp)
		return pair;
	pair_unmake(pair);
	return NULL;
}

/** pair_create() - create a queue pair; returns a status */
static uint32_t pair_create(struct adapter *adapter, struct rnic *rnic,
			    const struct pair_request *request, struct pair **out)
{
	struct protection_domain *pd = memory_pd_find(&adapter->memory, request->pd);
	struct rnic_cq *send = rnic_cq_find(rnic, request->send_cq);
	struct rnic_cq *recv = rnic_cq_find(rnic, request->recv_cq);
	struct pair *pair;
	int err = 0;

	if (!pd || !send || !recv)
		return STATUS_NOT_FOUND;
	if (request->doorbell >= ADAPTER_DOORBELL_PAGES)
		return STATUS_INVALID;
	if (request->gsi && atomic_load(&adapter->gsi))
		return STATUS_BUSY;
	pair = pair_new(adapter, rnic, request, &err);
	if (!pair)
		return status_from_errno(err);
	pair->pd = pd->id;
	pair->send = send->cq;
	pair->recv = recv->cq;
	err = 0;
	for (unsigned int i = 0; i < request->n && !err; i++)
		err = queue_create(pair, request, i);
	if (!err)
		err = lane_add(adapter->member, pair->index, &pair->work, -1);
	if (err) {
		for (unsigned int i = 0; i < RNIC_RC_QUEUE_COUNT; i++)
			if (pair->wq[i])
				ring_disown(&pair->wq[i]->ring);
		pair_unmake(pair);
		return status_from_errno(err);
	}
	pair->cqs[0] = send;
	pair->cqs[1] = recv;
	send->users++;
	recv->users++;
	pd->users++;
	rnic->pairs++;
	if (request->gsi)
		atomic_store_explicit(&adapter->gsi, pair, memory_order_release);
	*out = pair;
	return STATUS_OK;
}

/**
 * pair_answer_create() - create a queue pair and say which queues it has; returns a status
 * @handle:	of the adapter object
 * @qp_handle, @queue_ids: in the response
 */
static uint32_t pair_answer_create(struct adapter *adapter, uint64_t handle,
				   const struct pair_request *request, uint64_t *qp_handle,
				   uint32_t *queue_ids)
{
	struct rnic *rnic = rnic_find(adapter, handle);
	struct pair *pair = NULL;
	uint32_t status = rnic ? pair_create(adapter, rnic, request, &pair) : STATUS_NOT_FOUND;

	if (status)
		return status;
	*qp_handle = pair->handle;
	for (unsigned int i = 0; i < request->n; i++) {
		const struct wq *wq = pair->wq[request->queues[i].place];

		queue_ids[i] = wq ? wq->id : GDMA_INVALID_ID;
	}
	return STATUS_OK;
}

uint32_t rnic_create_rc_qp(struct adapter *adapter, struct command *command)
{
	const struct rnic_create_rc_qp_req *req = (const void *)command->request;
	struct rnic_create_rc_qp_resp *resp = command->response;
	const struct pair_request request = {
		.pd = req->pd_handle,
		.send_cq = req->send_cq_handle,
		.recv_cq = req->recv_cq_handle,
		.doorbell = req->doorbell_page,
		.kind = ROCE_RC,
		.regions = req->dma_region,
		.queues = rc_queues,
		.n = RNIC_RC_QUEUE_COUNT,
	};

	return pair_answer_create(adapter, req->adapter, &request, &resp->qp_handle,
				  resp->queue_ids);
}

uint32_t rnic_create_uc_qp(struct adapter *adapter, struct command *command)
{
	const struct rnic_create_uc_qp_req *req = (const void *)command->request;
	struct rnic_create_uc_qp_resp *resp = command->response;
	const struct pair_request request = {
		.pd = req->pd_handle,
		.send_cq = req->send_cq_handle,
		.recv_cq = req->recv_cq_handle,
		.doorbell = req->doorbell_page,
		.kind = ROCE_UC,
		.regions = req->dma_region,
		.queues = uc_queues,
		.n = RNIC_UC_QUEUE_COUNT,
	};

	return pair_answer_create(adapter, req->adapter, &request, &resp->qp_handle,
				  resp->queue_ids);
}

uint32_t rnic_create_ud_qp(struct adapter *adapter, struct command *command)
{
	const struct rnic_create_ud_qp_req *req = (const void *)command->request;
	struct rnic_create_ud_qp_resp *resp = command->response;
	const struct pair_request request = {
		.pd = req->pd_handle,
		.send_cq = req->send_cq_handle,
		.recv_cq = req->recv_cq_handle,
		.doorbell = req->doorbell_page,
		.kind = ROCE_UD,
		.gsi = req->qp_type == RNIC_QPT_GSI,
		.regions = req->dma_region,
		.queues = ud_queues,
		.n = RNIC_UD_QUEUE_COUNT,
	};

	return pair_answer_create(adapter, req->adapter, &request, &resp->qp_handle,
				  resp->queue_ids);
}

/** counters_add() - a queue pair's, in the order of struct rnic_query_vf_counters_resp */
static void counters_add(const struct pair *pair, void *argument)
{
	uint64_t *to = argument;
	const struct roce_counters *from = roce_qp_counters(pair->qp);
	const uint64_t values[RNIC_VF_COUNTERS] = {
		[RNIC_VF_REQUESTER_TIMEOUT] = from->requester_timeouts,
		[RNIC_VF_REQUESTER_OOS_NAK] = from->requester_sequence_naks,
		[RNIC_VF_REQUESTER_RNR_NAK] = from->requester_rnr_naks,
		[RNIC_VF_RESPONDER_RNR_NAK] = from->responder_rnr_naks,
		[RNIC_VF_RESPONDER_OOS] = from->responder_out_of_sequence,
		[RNIC_VF_RESPONDER_DUP_REQUEST] = from->responder_duplicates,
		[RNIC_VF_REQUESTER_IMPLICIT_NAK] = from->requester_implicit_naks,
		[RNIC_VF_REQUESTER_READRESP_PSN_MISMATCH] = from->requester_read_mismatches,
		[RNIC_VF_NAK_INV_REQ] = from->responder_invalid_request_naks,
		[RNIC_VF_NAK_ACCESS_ERROR] = from->responder_access_naks,
		[RNIC_VF_NAK_OPP_ERROR] = from->responder_operational_naks,
		[RNIC_VF_NAK_INV_READ] = from->responder_invalid_reads,
		[RNIC_VF_RESPONDER_LOCAL_LEN_ERROR] = from->responder_local_length,
		[RNIC_VF_REQUESTER_LOCAL_PROT_ERROR] = from->requester_local_protection,
		[RNIC_VF_RESPONDER_REM_ACCESS_ERROR] = from->responder_access_naks,
		[RNIC_VF_RESPONDER_LOCAL_QP_ERROR] = from->responder_qp_errors,
		[RNIC_VF_REQUESTER_RNR_RETRIES_EXCEEDED] = from->requester_rnr_exceeded,
		[RNIC_VF_REQUESTER_RETRIES_EXCEEDED] = from->requester_retries_exceeded,
		[RNIC_VF_TOTAL_FATAL_ERROR] = from->fatal_errors,
		[RNIC_VF_DUP_RX_REQUEST] = from->responder_duplicates,
		[RNIC_VF_TX_BYTES] = from->tx_bytes,
		[RNIC_VF_RX_BYTES] = from->rx_bytes,
		[RNIC_VF_RX_SEND_REQUESTS] = from->rx_send_requests,
		[RNIC_VF_RX_WRITE_REQUESTS] = from->rx_write_requests,
		[RNIC_VF_RX_READ_REQUESTS] = from->rx_read_requests,
		[RNIC_VF_TX_PACKETS] = from->tx_packets,
		[RNIC_VF_RX_PACKETS] = from->rx_packets,
	};

	for (unsigned int i = 0; i < RNIC_VF_COUNTERS; i++)
		to[i] += values[i];
}

void rnic_pairs_count(struct adapter *adapter, uint64_t *counters)
{
	pairs_visit(adapter, counters_add, counters);
}

static void pair_destroy(struct pair *pair)
{
	struct adapter *adapter = pair->adapter;
	struct protection_domain *pd = table_get(&adapter->memory.pds, pair->pd);

	lane_remove(&pair->work, -1);
	counters_add(pair, adapter->rnic->gone);
	pair_counted(pair, NULL);
	pair->cqs[0]->users--;
	pair->cqs[1]->users--;
	adapter->rnic->pairs--;
	if (pd)
		pd->users--;
	pair_unmake(pair);
}

uint32_t rnic_destroy_qp(struct adapter *adapter, struct command *command)
{
	const struct rnic_destroy_qp_req *req = (const void *)command->request;
	struct rnic *rnic = rnic_find(adapter, req->adapter);
	struct pair *pair = rnic ? handle_find(adapter, req->qp_handle) : NULL;

	if (!pair || (pair->kind == ROCE_UD) != (command->code == RNIC_DESTROY_UD_QP))
		return STATUS_NOT_FOUND;
	pair_destroy(pair);
	return STATUS_OK;
}

void rnic_pairs_reset(struct adapter *adapter)
{
	struct lane_work *works[ADAPTER_PAIRS] = { 0 };
	unsigned int n = 0;

	for (uint32_t i = 0; i < adapter->pairs.fresh; i++) {
		struct pair *pair = table_get(&adapter->pairs, i);

		if (pair)
			works[n++] = &pair->work;
	}
	lane_remove_all(adapter->member, works, n);
	for (unsigned int i = 0; i < n; i++)
		pair_destroy((struct pair *)works[i]);
}

/** read_address() - both ends, as the driver names them; NULL if the near one is none of ours */
static struct vport *read_address(struct adapter *adapter, const struct rnic_ah_attr *from,
				  struct roce_address *to)
{
	struct address ip = { .type = from->src_addr_type }, mac = { 0 };
	uint8_t peer[RNIC_IP_SIZE];
	bool four = from->src_addr_type == RNIC_ADDR_IPV4;

	rnic_reverse(ip.bytes, from->src_addr, RNIC_IP_SIZE);
	rnic_reverse(peer, from->dest_addr, RNIC_IP_SIZE);
	rnic_reverse(mac.bytes, from->src_mac, RNIC_MAC_SIZE);
	if (from->dest_addr_type != from->src_addr_type ||
	    !addresses_have(&adapter->addresses, &ip) || !addresses_have(&adapter->addresses, &mac))
		return NULL;
	*to = (struct roce_address){ .ip_version = four ? 4 : 6,
				     .traffic_class = (uint8_t)(from->traffic_class << 2),
				     .hop_limit = from->hop_limit ? from->hop_limit : HOP_LIMIT,
				     .flow_label = from->flow_label & 0xfffffu,
				     .udp_source = from->src_port };
	/* ::ffff:a.b.c.d ends with the IPv4 address. */
	memcpy(to->src_ip, ip.bytes + (four ? 12 : 0), four ? 4 : 16);
	memcpy(to->dst_ip, peer + (four ? 12 : 0), four ? 4 : 16);
	memcpy(to->src_mac, mac.bytes, sizeof(to->src_mac));
	rnic_reverse(to->dst_mac, from->dest_mac, RNIC_MAC_SIZE);
	for (uint32_t i = 0; i < adapter->config.ports; i++)
		if (!memcmp(adapter->config.port[i].mac, to->src_mac, sizeof(to->src_mac)))
			return &adapter->vport[i];
	return NULL;
}

/** datagram_port() - which vPort a UD queue pair uses: no message says it, so the one whose address came first */
static struct vport *datagram_port(struct adapter *adapter)
{
	for (uint32_t a = 0; a < adapter->addresses.count; a++)
		for (uint32_t i = 0; i < adapter->config.ports; i++)
			if (!adapter->addresses.at[a].type &&
			    !memcmp(adapter->config.port[i].mac, adapter->addresses.at[a].bytes,
				    RNIC_MAC_SIZE))
				return &adapter->vport[i];
	return NULL;
}

/** datagram_mtu() - the largest path MTU of a vPort, in bytes */
static uint32_t datagram_mtu(const struct vport *vport)
{
	uint32_t mtu = 128u << PATH_MTU_MAX;

	while (mtu > 256 && mtu + PATH_HEADERS_MAX > vport->config->mtu)
		mtu /= 2;
	return mtu;
}

/** read_attributes() - take what the mask names; false if a field is out of range */
static bool read_attributes(struct roce_attributes *to, const struct rnic_set_qp_state_req *req,
			    bool long_form)
{
	uint64_t mask = req->attr_mask;

	if (mask & QP_PATH_MTU) {
		if (!req->path_mtu || req->path_mtu > PATH_MTU_MAX)
			return false;
		to->mtu = 128u << req->path_mtu;
	}
	if (mask & QP_RQ_PSN)
		to->rq_psn = req->rq_psn & ROCE_PSN_MASK;
	if (mask & QP_SQ_PSN)
		to->sq_psn = req->sq_psn & ROCE_PSN_MASK;
	if (mask & QP_DEST_QPN)
		to->dest_qpn = req->dest_qpn & ROCE_QPN_MASK;
	if (mask & QP_MAX_DEST_RD_ATOMIC)
		to->reads_in =
			(uint8_t)(req->max_dest_rd_atomic < RNIC_READS_MAX ? req->max_dest_rd_atomic
									   : RNIC_READS_MAX);
	if (mask & QP_RETRY_CNT)
		to->retry_count = req->retry_cnt & 7u;
	if (mask & QP_RNR_RETRY)
		to->rnr_retry = req->rnr_retry & 7u;
	if (mask & QP_MIN_RNR_TIMER)
		to->min_rnr_timer = req->min_rnr_timer & 31u;
	/* The short form does not say how many READs the peer takes: as many as this end, by its use. */
	if (!long_form && mask & QP_MAX_DEST_RD_ATOMIC)
		to->reads_out = to->reads_in ? to->reads_in : 1;
	if (!long_form)
		return true;
	if (mask & QP_QKEY)
		to->qkey = req->qkey;
	if (mask & QP_ACCESS_FLAGS)
		to->access = (req->qp_access_flags & QP_REMOTE_READ ? ROCE_ACCESS_READ : 0) |
			     (req->qp_access_flags & QP_REMOTE_WRITE ? ROCE_ACCESS_WRITE : 0);
	if (mask & QP_TIMEOUT) {
		to->ack_timeout = req->local_ack_timeout & 31u;
		to->ack_timeout_max = to->ack_timeout + ACK_TIMEOUT_MORE < 31
					      ? (uint8_t)(to->ack_timeout + ACK_TIMEOUT_MORE)
					      : 31;
	}
	if (mask & QP_MAX_QP_RD_ATOMIC)
		to->reads_out = req->max_rd_atomic < RNIC_READS_MAX ? req->max_rd_atomic
								    : (uint8_t)RNIC_READS_MAX;
	return true;
}

/** path_fits() - has it a vPort where it needs one, whose MTU has room for its packets? */
static bool path_fits(const struct pair *pair, const struct rnic_set_qp_state_req *req,
		      const struct vport *vport)
{
	if (!vport)
		vport = atomic_load_explicit(&pair->vport, memory_order_relaxed);
	if (!vport)
		return !(req->attr_mask & QP_STATE) || req->qp_state != ROCE_RTR;
	return pair->attributes.mtu + PATH_HEADERS_MAX <= vport->config->mtu;
}

uint32_t rnic_set_qp_state(struct adapter *adapter, struct command *command)
{
	const struct rnic_set_qp_state_req *req = (const void *)command->request;
	struct rnic *rnic = rnic_find(adapter, req->adapter);
	struct pair *pair = rnic ? handle_find(adapter, req->qp_handle) : NULL;
	struct roce_attributes before;
	struct vport *vport = NULL;
	int err;

	if (!pair)
		return STATUS_NOT_FOUND;
	if (req->attr_mask & QP_STATE && req->qp_state > ROCE_ERROR)
		return STATUS_INVALID;
	before = pair->attributes;
	if (!read_attributes(&pair->attributes, req, command->len >= sizeof(*req)))
		goto invalid;
	/* A queue pair that is connected keeps its address, and with it its vPort. */
	if (req->attr_mask & QP_AV && req->attr_mask & QP_STATE &&
	    (req->qp_state == ROCE_INIT || req->qp_state == ROCE_RTR)) {
		if (command->len < RNIC_SET_QP_STATE_REQ_V1_SIZE)
			goto invalid;
		vport = read_address(adapter, &req->ah_attr, &pair->attributes.address);
		if (!vport)
			goto invalid;
		/* As in pair_send() */
		pair->attributes.local = !memcmp(pair->attributes.address.dst_mac,
						 pair->attributes.address.src_mac, RNIC_MAC_SIZE);
	}
	if (pair->kind != ROCE_UD && !path_fits(pair, req, vport))
		goto invalid;
	if (pair->kind == ROCE_UD && req->attr_mask & QP_STATE && req->qp_state == ROCE_RTR) {
		vport = datagram_port(adapter);
		if (!vport)
			goto invalid;
		pair->attributes.mtu = datagram_mtu(vport);
	}
	err = pair_modify(pair, req->attr_mask & QP_STATE ? (int)req->qp_state : PAIR_SAME_STATE,
			  vport);
	if (!err)
		return STATUS_OK;
invalid:
	pair->attributes = before;
	return STATUS_INVALID;
}
