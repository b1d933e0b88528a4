/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RNIC commands: what mana_ib requests of the RDMA device.
 *
 * The raw packet queues that DPDK uses are vPort objects (vport.c); from the RDMA
 * device they need only the adapter object, its limits and its completion queues.
 * Queue pairs for RDMA transport (RC, UD) can be created and destroyed, with
 * their queues, but this adapter has no RDMA network: what is posted to them is
 * never sent, which is logged once.
 */
#include "device/rnic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/state.h"
#include "wire/rnic.h"

#define RNIC_CQS_MAX       1024u
#define RNIC_QPS_MAX       512u
#define RNIC_ADDRESSES_MAX 256u

/* Kinds of handles */
enum {
	HANDLE_ADAPTER = 0x31,
	HANDLE_CQ = 0x32,
	HANDLE_QP = 0x33,
};

/** struct rnic_cq - a completion queue of RNIC_CREATE_CQ */
struct rnic_cq {
	uint64_t handle;
	struct cq *cq;
	uint32_t users;
};

/** struct rnic_qp - a queue pair: up to five work queues */
struct rnic_qp {
	uint64_t handle;
	bool ud;
	struct wq *wq[RNIC_RC_QUEUE_COUNT];
	struct rnic_cq *send, *recv;
};

/**
 * struct rnic - the adapter object and what it owns
 * @addresses:	addresses configured, IP and MAC
 */
struct rnic {
	uint64_t handle;
	struct eq *notify;
	uint32_t addresses;
	struct table cqs;
	struct table qps;
};

static struct rnic *rnic_find(struct adapter *adapter, uint64_t handle)
{
	return adapter->rnic && adapter->rnic->handle == handle ? adapter->rnic : NULL;
}

static struct rnic_cq *cq_find(struct rnic *rnic, uint64_t handle)
{
	struct rnic_cq *cq = table_get(&rnic->cqs, (uint32_t)handle);

	return cq && cq->handle == handle ? cq : NULL;
}

static struct rnic_qp *qp_find(struct rnic *rnic, uint64_t handle)
{
	struct rnic_qp *qp = table_get(&rnic->qps, (uint32_t)handle);

	return qp && qp->handle == handle ? qp : NULL;
}

static uint32_t query_caps(struct adapter *adapter, struct command *command)
{
	struct rnic_query_adapter_cap_resp *resp = command->response;

	(void)adapter;
	if (command->version < GDMA_MESSAGE_V4)
		command->response_len = RNIC_QUERY_ADAPTER_CAP_RESP_V3_SIZE;
	resp->max_sq_id = ADAPTER_WQS - 1;
	resp->max_rq_id = ADAPTER_WQS - 1;
	resp->max_cq_id = ADAPTER_CQS - 1;
	resp->max_qp_count = RNIC_QPS_MAX;
	resp->max_cq_count = RNIC_CQS_MAX;
	resp->max_mr_count = MEMORY_KEYS_MAX - 64;
	resp->max_pd_count = MEMORY_PDS_MAX - 64;
	resp->max_inbound_read_limit = 32;
	resp->max_outbound_read_limit = 32;
	/* Drivers divide these by the largest entry to learn how many descriptors a queue can have.
	 */
	resp->max_requester_sq_size = 8192 * GDMA_SQE_SIZE_MAX;
	resp->max_responder_sq_size = 8192 * GDMA_SQE_SIZE_MAX;
	resp->max_requester_rq_size = 8192 * GDMA_RQE_SIZE_MAX;
	resp->max_responder_rq_size = 8192 * GDMA_RQE_SIZE_MAX;
	resp->max_send_sge_count = GDMA_SQE_SGES_MAX;
	resp->max_recv_sge_count = GDMA_RQE_SGES_MAX;
	return STATUS_OK;
}

static uint32_t create_adapter(struct adapter *adapter, struct command *command)
{
	const struct rnic_create_adapter_req *req = (const void *)command->request;
	struct rnic_create_adapter_resp *resp = command->response;
	struct eq *eq = table_get(&adapter->eqs, req->notify_eq_id);
	struct rnic *rnic;

	if (adapter->rnic)
		return STATUS_BUSY;
	if (!eq || eq == adapter->hwc.eq)
		return STATUS_NOT_FOUND;
	rnic = calloc(1, sizeof(*rnic));
	if (!rnic)
		return STATUS_NO_RESOURCE;
	if (table_init(&rnic->cqs, RNIC_CQS_MAX, 0) || table_init(&rnic->qps, RNIC_QPS_MAX, 0)) {
		table_free(&rnic->cqs);
		free(rnic);
		return STATUS_NO_RESOURCE;
	}
	rnic->notify = eq;
	eq->completions++;
	rnic->handle = adapter_handle(adapter, HANDLE_ADAPTER, 0);
	adapter->rnic = rnic;
	resp->adapter = rnic->handle;
	return STATUS_OK;
}

static void qp_destroy(struct rnic *rnic, struct rnic_qp *qp)
{
	for (unsigned int i = 0; i < RNIC_RC_QUEUE_COUNT; i++)
		if (qp->wq[i])
			wq_destroy(qp->wq[i]);
	if (qp->send)
		qp->send->users--;
	if (qp->recv)
		qp->recv->users--;
	table_remove(&rnic->qps, (uint32_t)qp->handle);
	free(qp);
}

static void rnic_cq_destroy(struct rnic *rnic, struct rnic_cq *cq)
{
	table_remove(&rnic->cqs, (uint32_t)cq->handle);
	cq_destroy(cq->cq);
	free(cq);
}

void rnic_reset(struct adapter *adapter)
{
	struct rnic *rnic = adapter->rnic;

	if (!rnic)
		return;
	for (uint32_t i = 0; i < rnic->qps.size; i++)
		if (table_get(&rnic->qps, i))
			qp_destroy(rnic, table_get(&rnic->qps, i));
	for (uint32_t i = 0; i < rnic->cqs.size; i++)
		if (table_get(&rnic->cqs, i))
			rnic_cq_destroy(rnic, table_get(&rnic->cqs, i));
	rnic->notify->completions--;
	table_free(&rnic->cqs);
	table_free(&rnic->qps);
	free(rnic);
	adapter->rnic = NULL;
}

static uint32_t destroy_adapter(struct adapter *adapter, struct command *command)
{
	const struct rnic_destroy_adapter_req *req = (const void *)command->request;

	if (!rnic_find(adapter, req->adapter))
		return STATUS_NOT_FOUND;
	wqs_stop(adapter, WQS_RDMA);
	rnic_reset(adapter);
	return STATUS_OK;
}

/** config_address() - count addresses; the adapter does not use them */
static uint32_t config_address(struct adapter *adapter, uint64_t handle, uint32_t op)
{
	struct rnic *rnic = rnic_find(adapter, handle);

	if (!rnic)
		return STATUS_NOT_FOUND;
	switch (op) {
	case RNIC_ADDR_ADD:
		if (rnic->addresses == RNIC_ADDRESSES_MAX)
			return STATUS_NO_RESOURCE;
		rnic->addresses++;
		return STATUS_OK;
	case RNIC_ADDR_REMOVE:
		if (!rnic->addresses)
			return STATUS_NOT_FOUND;
		rnic->addresses--;
		return STATUS_OK;
	default:
		return STATUS_INVALID;
	}
}

static uint32_t config_ip(struct adapter *adapter, struct command *command)
{
	const struct rnic_config_ip_addr_req *req = (const void *)command->request;

	return config_address(adapter, req->adapter, req->op);
}

static uint32_t config_mac(struct adapter *adapter, struct command *command)
{
	const struct rnic_config_mac_addr_req *req = (const void *)command->request;

	return config_address(adapter, req->adapter, req->op);
}

static uint32_t create_cq(struct adapter *adapter, struct command *command)
{
	const struct rnic_create_cq_req *req = (const void *)command->request;
	struct rnic_create_cq_resp *resp = command->response;
	struct rnic *rnic = rnic_find(adapter, req->adapter);
	struct dma_list *list = memory_list_find(&adapter->memory, req->dma_region);
	struct eq *eq = table_get(&adapter->eqs, req->eq_id);
	struct rnic_cq *cq;
	int64_t index;
	int err;

	if (!rnic || !list || !eq || eq == adapter->hwc.eq)
		return STATUS_NOT_FOUND;
	if (req->doorbell_page >= ADAPTER_DOORBELL_PAGES || list->length > UINT32_MAX)
		return STATUS_INVALID;
	cq = calloc(1, sizeof(*cq));
	if (!cq)
		return STATUS_NO_RESOURCE;
	index = table_add(&rnic->cqs, cq);
	if (index < 0) {
		free(cq);
		return STATUS_NO_RESOURCE;
	}
	cq->cq = cq_create(adapter,
			   &(struct queue_place){ .list = list,
						  .size = (uint32_t)list->length,
						  .doorbell = req->doorbell_page },
			   eq, &err);
	if (!cq->cq) {
		table_remove(&rnic->cqs, (uint32_t)index);
		free(cq);
		return status_from_errno(err);
	}
	cq->handle = adapter_handle(adapter, HANDLE_CQ, (uint32_t)index);
	resp->cq_handle = cq->handle;
	resp->cq_id = cq->cq->id;
	return STATUS_OK;
}

static uint32_t destroy_cq(struct adapter *adapter, struct command *command)
{
	const struct rnic_destroy_cq_req *req = (const void *)command->request;
	struct rnic *rnic = rnic_find(adapter, req->adapter);
	struct rnic_cq *cq = rnic ? cq_find(rnic, req->cq_handle) : NULL;

	if (!cq)
		return STATUS_NOT_FOUND;
	if (cq->users)
		return STATUS_BUSY;
	rnic_cq_destroy(rnic, cq);
	return STATUS_OK;
}

/** rnic_unsent() - log that entries of a queue pair are not sent */
static bool rnic_unsent(struct lane_work *work, unsigned int lane)
{
	struct wq *wq = (struct wq *)work;

	(void)lane;
	wq->taken = wq_posted(wq);
	wq_mistake(wq, "this adapter has no RDMA transport; entries posted here are not sent");
	return false;
}

/**
 * struct qp_request - a queue pair that is to be created
 * @regions:	the queues' memory, @n of them; GDMA_INVALID_DMA_REGION: no such queue
 * @senders:	bit i: queue i sends
 */
struct qp_request {
	uint64_t pd, send_cq, recv_cq;
	uint32_t doorbell;
	const uint64_t *regions;
	unsigned int n;
	unsigned int senders;
	bool ud;
};

/** qp_create() - create the queues of a queue pair; returns a status */
static uint32_t qp_create(struct adapter *adapter, struct rnic *rnic,
			  const struct qp_request *request, struct rnic_qp **out)
{
	struct protection_domain *pd = memory_pd_find(&adapter->memory, request->pd);
	struct rnic_cq *send = cq_find(rnic, request->send_cq);
	struct rnic_cq *recv = cq_find(rnic, request->recv_cq);
	struct rnic_qp *qp;
	int64_t index;
	int err = 0;

	if (!pd || !send || !recv)
		return STATUS_NOT_FOUND;
	if (request->doorbell >= ADAPTER_DOORBELL_PAGES)
		return STATUS_INVALID;
	qp = calloc(1, sizeof(*qp));
	if (!qp)
		return STATUS_NO_RESOURCE;
	index = table_add(&rnic->qps, qp);
	if (index < 0) {
		free(qp);
		return STATUS_NO_RESOURCE;
	}
	qp->handle = adapter_handle(adapter, HANDLE_QP, (uint32_t)index);
	qp->ud = request->ud;
	for (unsigned int i = 0; i < request->n && !err; i++) {
		bool sends = request->senders & 1u << i;
		struct queue_place place = { .doorbell = request->doorbell, .pd = pd->id };

		if (request->regions[i] == GDMA_INVALID_DMA_REGION)
			continue;
		place.list = memory_list_find(&adapter->memory, request->regions[i]);
		if (!place.list || place.list->length > UINT32_MAX) {
			err = -ENOENT;
			break;
		}
		place.size = (uint32_t)place.list->length;
		qp->wq[i] = wq_create(adapter, sends ? GDMA_SQ : GDMA_RQ, &place,
				      (sends ? send : recv)->cq, &err);
		if (qp->wq[i] && sends) {
			qp->wq[i]->work.run = rnic_unsent;
			qp->wq[i]->work.step = "serving an RDMA queue";
			atomic_store(&qp->wq[i]->work.client, adapter->pulse);
			err = lane_add(adapter->member, 0, &qp->wq[i]->work, -1);
		}
	}
	if (err) {
		for (unsigned int i = 0; i < request->n; i++)
			if (qp->wq[i])
				ring_disown(&qp->wq[i]->ring);
		qp_destroy(rnic, qp);
		return status_from_errno(err);
	}
	qp->send = send;
	qp->recv = recv;
	send->users++;
	recv->users++;
	*out = qp;
	return STATUS_OK;
}

/**
 * qp_answer() - create a queue pair and say which queues it has; returns a status
 * @handle:	of the adapter object
 * @qp_handle, @queue_ids: in the response
 */
static uint32_t qp_answer(struct adapter *adapter, uint64_t handle,
			  const struct qp_request *request, uint64_t *qp_handle,
			  uint32_t *queue_ids)
{
	struct rnic *rnic = rnic_find(adapter, handle);
	struct rnic_qp *qp = NULL;
	uint32_t status = rnic ? qp_create(adapter, rnic, request, &qp) : STATUS_NOT_FOUND;

	if (status)
		return status;
	*qp_handle = qp->handle;
	for (unsigned int i = 0; i < request->n; i++)
		queue_ids[i] = qp->wq[i] ? qp->wq[i]->id : GDMA_INVALID_ID;
	return STATUS_OK;
}

static uint32_t create_rc_qp(struct adapter *adapter, struct command *command)
{
	const struct rnic_create_rc_qp_req *req = (const void *)command->request;
	struct rnic_create_rc_qp_resp *resp = command->response;
	const struct qp_request request = {
		.pd = req->pd_handle,
		.send_cq = req->send_cq_handle,
		.recv_cq = req->recv_cq_handle,
		.doorbell = req->doorbell_page,
		.regions = req->dma_region,
		.n = RNIC_RC_QUEUE_COUNT,
		.senders = 1u << RNIC_RC_SQ_REQUESTER | 1u << RNIC_RC_SQ_RESPONDER |
			   1u << RNIC_RC_SQ_FMR,
		.ud = false,
	};

	return qp_answer(adapter, req->adapter, &request, &resp->qp_handle, resp->queue_ids);
}

static uint32_t create_ud_qp(struct adapter *adapter, struct command *command)
{
	const struct rnic_create_ud_qp_req *req = (const void *)command->request;
	struct rnic_create_ud_qp_resp *resp = command->response;
	const struct qp_request request = {
		.pd = req->pd_handle,
		.send_cq = req->send_cq_handle,
		.recv_cq = req->recv_cq_handle,
		.doorbell = req->doorbell_page,
		.regions = req->dma_region,
		.n = RNIC_UD_QUEUE_COUNT,
		.senders = 1u << RNIC_UD_SQ,
		.ud = true,
	};

	return qp_answer(adapter, req->adapter, &request, &resp->qp_handle, resp->queue_ids);
}

static uint32_t destroy_qp(struct adapter *adapter, struct command *command)
{
	const struct rnic_destroy_qp_req *req = (const void *)command->request;
	struct rnic *rnic = rnic_find(adapter, req->adapter);
	struct rnic_qp *qp = rnic ? qp_find(rnic, req->qp_handle) : NULL;

	if (!qp || qp->ud != (command->code == RNIC_DESTROY_UD_QP))
		return STATUS_NOT_FOUND;
	qp_destroy(rnic, qp);
	return STATUS_OK;
}

static uint32_t set_qp_state(struct adapter *adapter, struct command *command)
{
	const struct rnic_set_qp_state_req *req = (const void *)command->request;
	struct rnic *rnic = rnic_find(adapter, req->adapter);

	return rnic && qp_find(rnic, req->qp_handle) ? STATUS_OK : STATUS_NOT_FOUND;
}

static uint32_t query_counters(struct adapter *adapter, struct command *command)
{
	const struct rnic_query_counters_req *req = (const void *)command->request;

	/* All zero: no RDMA packet is ever sent or received. */
	return rnic_find(adapter, req->adapter) ? STATUS_OK : STATUS_NOT_FOUND;
}

#define GENERAL_RESP sizeof(struct gdma_general_resp)

const struct command_entry rnic_commands[] = {
	{ RNIC_QUERY_ADAPTER_CAP, "RNIC_QUERY_ADAPTER_CAP", sizeof(struct gdma_general_req),
	  sizeof(struct rnic_query_adapter_cap_resp), query_caps },
	{ RNIC_CREATE_ADAPTER, "RNIC_CREATE_ADAPTER", sizeof(struct rnic_create_adapter_req),
	  sizeof(struct rnic_create_adapter_resp), create_adapter },
	{ RNIC_DESTROY_ADAPTER, "RNIC_DESTROY_ADAPTER", sizeof(struct rnic_destroy_adapter_req),
	  GENERAL_RESP, destroy_adapter },
	{ RNIC_CONFIG_IP_ADDR, "RNIC_CONFIG_IP_ADDR", sizeof(struct rnic_config_ip_addr_req),
	  GENERAL_RESP, config_ip },
	{ RNIC_CONFIG_MAC_ADDR, "RNIC_CONFIG_MAC_ADDR", sizeof(struct rnic_config_mac_addr_req),
	  GENERAL_RESP, config_mac },
	{ RNIC_CREATE_UD_QP, "RNIC_CREATE_UD_QP", sizeof(struct rnic_create_ud_qp_req),
	  sizeof(struct rnic_create_ud_qp_resp), create_ud_qp },
	{ RNIC_DESTROY_UD_QP, "RNIC_DESTROY_UD_QP", sizeof(struct rnic_destroy_qp_req),
	  GENERAL_RESP, destroy_qp },
	{ RNIC_CREATE_CQ, "RNIC_CREATE_CQ", sizeof(struct rnic_create_cq_req),
	  sizeof(struct rnic_create_cq_resp), create_cq },
	{ RNIC_DESTROY_CQ, "RNIC_DESTROY_CQ", sizeof(struct rnic_destroy_cq_req), GENERAL_RESP,
	  destroy_cq },
	{ RNIC_CREATE_RC_QP, "RNIC_CREATE_RC_QP", sizeof(struct rnic_create_rc_qp_req),
	  sizeof(struct rnic_create_rc_qp_resp), create_rc_qp },
	{ RNIC_DESTROY_RC_QP, "RNIC_DESTROY_RC_QP", sizeof(struct rnic_destroy_qp_req),
	  GENERAL_RESP, destroy_qp },
	{ RNIC_SET_QP_STATE, "RNIC_SET_QP_STATE", offsetof(struct rnic_set_qp_state_req, ah_attr),
	  GENERAL_RESP, set_qp_state },
	{ RNIC_QUERY_VF_COUNTERS, "RNIC_QUERY_VF_COUNTERS", sizeof(struct rnic_query_counters_req),
	  sizeof(struct rnic_query_vf_counters_resp), query_counters },
	{ RNIC_QUERY_DEVICE_COUNTERS, "RNIC_QUERY_DEVICE_COUNTERS",
	  sizeof(struct rnic_query_counters_req), sizeof(struct rnic_query_device_counters_resp),
	  query_counters },
	{ 0 },
};
