/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RNIC commands: what mana_ib requests of the RDMA device.
 *
 * The raw packet queues that DPDK uses are vPort objects (vport.c); from the RDMA device they need
 * only the adapter object, its limits and its completion queues. Queue pairs for RDMA are created by
 * rnic_pair.c, and run by pair.c. What they may send from is configured here: addresses that the
 * driver has not named are refused.
 */
#include "device/rnic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/pair.h"
#include "device/rnic_pair.h"
#include "device/rnic_state.h"

/* Kinds of handles; 0x33 is rnic_pair.c's */
enum {
	HANDLE_ADAPTER = 0x31,
	HANDLE_CQ = 0x32,
};

static uint32_t query_caps(struct adapter *adapter, struct command *command)
{
	struct rnic_query_adapter_cap_resp *resp = command->response;

	(void)adapter;
	if (command->version < GDMA_MESSAGE_V4)
		command->response_len = RNIC_QUERY_ADAPTER_CAP_RESP_V3_SIZE;
	resp->max_sq_id = pair_number(ADAPTER_PAIRS, 0) - 1;
	resp->max_rq_id = pair_number(ADAPTER_PAIRS, 0) - 1;
	resp->max_cq_id = ADAPTER_CQS - 1;
	resp->max_qp_count = ADAPTER_PAIRS;
	resp->max_cq_count = RNIC_CQS_MAX;
	resp->max_mr_count = MEMORY_KEYS_MAX - 64;
	resp->max_pd_count = MEMORY_PDS_MAX - 64;
	resp->max_inbound_read_limit = RNIC_READS_MAX;
	resp->max_outbound_read_limit = RNIC_READS_MAX;
	resp->mw_count = MEMORY_KEYS_MAX - 64;
	/* Drivers divide these by the largest entry to learn how many descriptors a queue can have.
	 */
	resp->max_requester_sq_size = 8192 * GDMA_SQE_SIZE_MAX;
	resp->max_responder_sq_size = 8192 * GDMA_SQE_SIZE_MAX;
	resp->max_requester_rq_size = 8192 * GDMA_RQE_SIZE_MAX;
	resp->max_responder_rq_size = 8192 * GDMA_RQE_SIZE_MAX;
	resp->max_send_sge_count = GDMA_SQE_SGES_MAX;
	resp->max_recv_sge_count = GDMA_RQE_SGES_MAX;
	resp->feature_flags = RNIC_FEATURE_CLIENT_ERROR_CQE | RNIC_FEATURE_DEV_COUNTERS;
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
	if (table_init(&rnic->cqs, RNIC_CQS_MAX, 0)) {
		table_free(&rnic->cqs);
		free(rnic);
		return STATUS_NO_RESOURCE;
	}
	rnic->notify = eq;
	/* Drivers that do not know the field write 0 there. */
	rnic->error_cqes = req->feature_flags & RNIC_ADAPTER_CLIENT_ERROR_CQE;
	eq->completions++;
	rnic->handle = adapter_handle(adapter, HANDLE_ADAPTER, 0);
	adapter->rnic = rnic;
	resp->adapter = rnic->handle;
	return STATUS_OK;
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
	rnic_pairs_reset(adapter);
	for (uint32_t i = 0; i < rnic->cqs.size; i++)
		if (table_get(&rnic->cqs, i))
			rnic_cq_destroy(rnic, table_get(&rnic->cqs, i));
	addresses_clear(&adapter->addresses);
	rnic->notify->completions--;
	table_free(&rnic->cqs);
	free(rnic);
	adapter->rnic = NULL;
}

static uint32_t destroy_adapter(struct adapter *adapter, struct command *command)
{
	const struct rnic_destroy_adapter_req *req = (const void *)command->request;

	if (!rnic_find(adapter, req->adapter))
		return STATUS_NOT_FOUND;
	rnic_reset(adapter);
	return STATUS_OK;
}

/** config_address() - add or remove an address */
static uint32_t config_address(struct adapter *adapter, uint64_t handle, uint32_t op,
			       const struct address *address)
{
	if (!rnic_find(adapter, handle))
		return STATUS_NOT_FOUND;
	switch (op) {
	case RNIC_ADDR_ADD:
		return status_from_errno(addresses_add(&adapter->addresses, address));
	case RNIC_ADDR_REMOVE:
		return status_from_errno(addresses_remove(&adapter->addresses, address));
	default:
		return STATUS_INVALID;
	}
}

static uint32_t config_ip(struct adapter *adapter, struct command *command)
{
	const struct rnic_config_ip_addr_req *req = (const void *)command->request;
	struct address address = { .type = req->addr_type };

	if (req->addr_type != RNIC_ADDR_IPV4 && req->addr_type != RNIC_ADDR_IPV6)
		return STATUS_INVALID;
	rnic_reverse(address.bytes, req->ip_addr, RNIC_IP_SIZE);
	return config_address(adapter, req->adapter, req->op, &address);
}

static uint32_t config_mac(struct adapter *adapter, struct command *command)
{
	const struct rnic_config_mac_addr_req *req = (const void *)command->request;
	struct address address = { 0 };

	rnic_reverse(address.bytes, req->mac_addr, RNIC_MAC_SIZE);
	return config_address(adapter, req->adapter, req->op, &address);
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
	struct rnic_cq *cq = rnic ? rnic_cq_find(rnic, req->cq_handle) : NULL;

	if (!cq)
		return STATUS_NOT_FOUND;
	if (cq->users)
		return STATUS_BUSY;
	rnic_cq_destroy(rnic, cq);
	return STATUS_OK;
}

static uint32_t query_vf_counters(struct adapter *adapter, struct command *command)
{
	const struct rnic_query_counters_req *req = (const void *)command->request;
	struct rnic_query_vf_counters_resp *resp = command->response;
	const struct rnic *rnic = rnic_find(adapter, req->adapter);

	if (!rnic)
		return STATUS_NOT_FOUND;
	memcpy(resp->counters, rnic->gone, sizeof(resp->counters));
	rnic_pairs_count(adapter, resp->counters);
	return STATUS_OK;
}

static uint32_t query_device_counters(struct adapter *adapter, struct command *command)
{
	const struct rnic_query_counters_req *req = (const void *)command->request;

	/* All zero: they count congestion notifications, which nobody here sends. */
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
	  sizeof(struct rnic_create_ud_qp_resp), rnic_create_ud_qp },
	{ RNIC_DESTROY_UD_QP, "RNIC_DESTROY_UD_QP", sizeof(struct rnic_destroy_qp_req),
	  GENERAL_RESP, rnic_destroy_qp },
	{ RNIC_CREATE_CQ, "RNIC_CREATE_CQ", sizeof(struct rnic_create_cq_req),
	  sizeof(struct rnic_create_cq_resp), create_cq },
	{ RNIC_DESTROY_CQ, "RNIC_DESTROY_CQ", sizeof(struct rnic_destroy_cq_req), GENERAL_RESP,
	  destroy_cq },
	{ RNIC_CREATE_RC_QP, "RNIC_CREATE_RC_QP", sizeof(struct rnic_create_rc_qp_req),
	  sizeof(struct rnic_create_rc_qp_resp), rnic_create_rc_qp },
	{ RNIC_DESTROY_RC_QP, "RNIC_DESTROY_RC_QP", sizeof(struct rnic_destroy_qp_req),
	  GENERAL_RESP, rnic_destroy_qp },
	{ RNIC_SET_QP_STATE, "RNIC_SET_QP_STATE", offsetof(struct rnic_set_qp_state_req, ah_attr),
	  GENERAL_RESP, rnic_set_qp_state },
	{ RNIC_CREATE_UC_QP, "RNIC_CREATE_UC_QP", sizeof(struct rnic_create_uc_qp_req),
	  sizeof(struct rnic_create_uc_qp_resp), rnic_create_uc_qp },
	{ RNIC_QUERY_VF_COUNTERS, "RNIC_QUERY_VF_COUNTERS", sizeof(struct rnic_query_counters_req),
	  sizeof(struct rnic_query_vf_counters_resp), query_vf_counters },
	{ RNIC_QUERY_DEVICE_COUNTERS, "RNIC_QUERY_DEVICE_COUNTERS",
	  sizeof(struct rnic_query_counters_req), sizeof(struct rnic_query_device_counters_resp),
	  query_device_counters },
	{ 0 },
};
