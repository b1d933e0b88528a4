/* SPDX-License-Identifier: BSD-3-Clause */
#include "rdma.h"

#include <string.h>

/* ---- The device ---- */

static void rdma_cq_new(struct grdma *rdma, uint32_t entries)
{
	struct guest *guest = rdma->guest;
	struct rnic_create_cq_req request = { .adapter = rdma->adapter,
					      .eq_id = rdma->eq.id,
					      .doorbell_page = rdma->doorbell };
	struct rnic_create_cq_resp response;

	rdma->cq = (struct gcq){ .count = entries, .index = entries, .doorbell = rdma->doorbell };
	rdma->cq.ring = guest_alloc(guest, entries * GDMA_CQE_SIZE);
	request.dma_region = region_of(guest, rdma->cq.ring, entries * GDMA_CQE_SIZE);
	assert_int_equal(COMMAND(guest, RNIC_CREATE_CQ, &request, &response, 1), 0);
	rdma->cq.id = response.cq_id;
	rdma->cq_handle = response.cq_handle;
}

void rdma_up(struct grdma *rdma, struct guest *guest, unsigned int port, uint8_t host,
	     uint64_t features)
{
	struct gdma_register_device_resp registered;
	struct rnic_create_adapter_req create = { .feature_flags = features };
	struct rnic_create_adapter_resp created;
	struct rnic_config_ip_addr_req ip = { .op = RNIC_ADDR_ADD, .addr_type = RNIC_ADDR_IPV4 };
	struct rnic_config_mac_addr_req mac = { .op = RNIC_ADDR_ADD };
	const uint8_t gid[RNIC_IP_SIZE] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, host };
	struct gdma_general_resp answer;
	uint64_t mr;

	*rdma = (struct grdma){ .guest = guest, .ip = { 192, 0, 2, host } };
	memcpy(rdma->mac, guest->host->config.port[port].mac, sizeof(rdma->mac));
	assert_int_equal(simple(guest, GDMA_REGISTER_DEVICE, GDMA_DEVICE_MANA_IB, &registered,
				sizeof(registered), 1),
			 0);
	rdma->doorbell = registered.db_id;
	assert_int_equal(eq_new(guest, &rdma->eq, 256, 3), 0);
	assert_int_equal(eq_new(guest, &rdma->notify, 256, 4), 0);
	create.notify_eq_id = rdma->notify.id;
	assert_int_equal(COMMAND(guest, RNIC_CREATE_ADAPTER, &create, &created, 2), 0);
	rdma->adapter = ip.adapter = mac.adapter = created.adapter;
	rnic_reverse(ip.ip_addr, gid, sizeof(gid));
	rnic_reverse(mac.mac_addr, rdma->mac, sizeof(rdma->mac));
	assert_int_equal(COMMAND(guest, RNIC_CONFIG_IP_ADDR, &ip, &answer, 1), 0);
	assert_int_equal(COMMAND(guest, RNIC_CONFIG_MAC_ADDR, &mac, &answer, 1), 0);
	rdma_cq_new(rdma, 256);
	assert_int_equal(pd_new(guest, &rdma->pd, &rdma->pd_id), 0);
	rdma->memory = guest_alloc(guest, RDMA_MEMORY);
	assert_int_equal(mr_new(guest, rdma->pd, rdma->memory, RDMA_MEMORY, RDMA_BASE, RDMA_ALL,
				&mr, &rdma->key),
			 0);
}

/* ---- Queue pairs ---- */

static uint64_t queue_memory(struct grdma *rdma, struct gwq *wq, uint32_t size, uint32_t more)
{
	uint64_t region = 0;

	*wq = (struct gwq){ .size = size, .doorbell = rdma->doorbell };
	wq->ring = guest_alloc(rdma->guest, size + more);
	assert_int_equal(
		region_create(rdma->guest, guest_iova(rdma->guest, wq->ring), size + more, &region),
		0);
	return region;
}

uint32_t gpair_new(struct grdma *rdma, struct gpair *pair)
{
	struct rnic_create_rc_qp_req request = { .adapter = rdma->adapter,
						 .pd_handle = rdma->pd,
						 .send_cq_handle = rdma->cq_handle,
						 .recv_cq_handle = rdma->cq_handle,
						 .flags = RNIC_RC_FLAG_NO_FMR,
						 .doorbell_page = rdma->doorbell };
	struct rnic_create_rc_qp_resp response;
	struct gwq unused;
	uint32_t status;

	memset(pair, 0, sizeof(*pair));
	pair->rdma = rdma;
	request.dma_region[RNIC_RC_SQ_REQUESTER] =
		queue_memory(rdma, &pair->send, RDMA_SQ_SIZE, RDMA_ROLLBACK);
	request.dma_region[RNIC_RC_SQ_RESPONDER] = queue_memory(rdma, &unused, RDMA_RQ_SIZE, 0);
	request.dma_region[RNIC_RC_RQ_REQUESTER] = queue_memory(rdma, &pair->read, RDMA_RQ_SIZE, 0);
	request.dma_region[RNIC_RC_RQ_RESPONDER] = queue_memory(rdma, &pair->recv, RDMA_RQ_SIZE, 0);
	memset(pair->send.ring + RDMA_SQ_SIZE, 0x5a, RDMA_ROLLBACK);
	status = COMMAND(rdma->guest, RNIC_CREATE_RC_QP, &request, &response, 1);
	if (status)
		return status;
	memcpy(pair->ids, response.queue_ids, sizeof(pair->ids));
	pair->handle = response.qp_handle;
	pair->qpn = pair->ids[RNIC_RC_RQ_RESPONDER];
	pair->send.id = pair->ids[RNIC_RC_SQ_REQUESTER];
	pair->read.id = pair->ids[RNIC_RC_RQ_REQUESTER];
	pair->recv.id = pair->qpn;
	pair->read.type = pair->recv.type = GDMA_RQ;
	pair->send.type = GDMA_SQ;
	return 0;
}

uint32_t gpair_new_uc(struct grdma *rdma, struct gpair *pair)
{
	struct rnic_create_uc_qp_req request = { .adapter = rdma->adapter,
						 .pd_handle = rdma->pd,
						 .send_cq_handle = rdma->cq_handle,
						 .recv_cq_handle = rdma->cq_handle,
						 .doorbell_page = rdma->doorbell };
	struct rnic_create_uc_qp_resp response;
	struct gwq unused;
	uint32_t status;

	memset(pair, 0, sizeof(*pair));
	pair->rdma = rdma;
	request.dma_region[RNIC_UC_SQ_REQUESTER] = queue_memory(rdma, &pair->send, RDMA_SQ_SIZE, 0);
	request.dma_region[RNIC_UC_RQ_RESPONDER] = queue_memory(rdma, &pair->recv, RDMA_RQ_SIZE, 0);
	request.dma_region[RNIC_UC_SQ_MMQ] = queue_memory(rdma, &unused, RDMA_RQ_SIZE, 0);
	status = COMMAND(rdma->guest, RNIC_CREATE_UC_QP, &request, &response, 1);
	if (status)
		return status;
	pair->handle = response.qp_handle;
	pair->ids[RNIC_RC_SQ_REQUESTER] = pair->send.id = response.queue_ids[RNIC_UC_SQ_REQUESTER];
	pair->ids[RNIC_RC_RQ_RESPONDER] = pair->recv.id = response.queue_ids[RNIC_UC_RQ_RESPONDER];
	pair->ids[RNIC_RC_SQ_FMR] = response.queue_ids[RNIC_UC_SQ_MMQ];
	pair->qpn = pair->recv.id;
	pair->recv.type = GDMA_RQ;
	pair->send.type = GDMA_SQ;
	return 0;
}

uint32_t gpair_end(struct gpair *pair)
{
	struct rnic_destroy_qp_req request = { .adapter = pair->rdma->adapter,
					       .qp_handle = pair->handle };
	struct gdma_general_resp answer;

	return COMMAND(pair->rdma->guest, RNIC_DESTROY_RC_QP, &request, &answer, 1);
}

void gpair_address(struct rnic_ah_attr *address, const struct gpair *pair, const struct gpair *peer)
{
	uint8_t gid[RNIC_IP_SIZE] = { [10] = 0xff, [11] = 0xff };

	address->src_addr_type = address->dest_addr_type = RNIC_ADDR_IPV4;
	memcpy(gid + 12, pair->rdma->ip, 4);
	rnic_reverse(address->src_addr, gid, sizeof(gid));
	memcpy(gid + 12, peer->rdma->ip, 4);
	rnic_reverse(address->dest_addr, gid, sizeof(gid));
	rnic_reverse(address->src_mac, pair->rdma->mac, RNIC_MAC_SIZE);
	rnic_reverse(address->dest_mac, peer->rdma->mac, RNIC_MAC_SIZE);
	address->src_port = 0xc123;
	address->dest_port = 4791;
}

uint32_t gpair_state(struct gpair *pair, uint32_t state, const struct gpair *peer)
{
	static const uint32_t masks[] = {
		[QPS_RESET] = 1, [QPS_INIT] = MASK_INIT, [QPS_RTR] = MASK_RTR, [QPS_RTS] = MASK_RTS,
		[QPS_SQD] = 1,   [QPS_SQE] = 1,          [QPS_ERR] = 1
	};
	struct guest *guest = pair->rdma->guest;
	struct rnic_set_qp_state_req request = { .adapter = pair->rdma->adapter,
						 .qp_handle = pair->handle,
						 .attr_mask = state <= QPS_ERR ? masks[state] : 1,
						 .qp_state = state,
						 .path_mtu = pair->path_mtu ? pair->path_mtu : 3,
						 .rq_psn = 0xfffff0,
						 .sq_psn = 0xfffff0,
						 .max_dest_rd_atomic = 1,
						 .retry_cnt = 7,
						 .rnr_retry = 7,
						 .min_rnr_timer = 1 };
	struct gdma_general_resp answer;

	if (!peer)
		request.attr_mask &= ~(uint64_t)MASK_ADDRESS;
	if (peer) {
		request.dest_qpn = peer->qpn;
		gpair_address(&request.ah_attr, pair, peer);
	}
	request_begin(guest, &request, RNIC_SET_QP_STATE, RNIC_SET_QP_STATE_REQ_V1_SIZE,
		      sizeof(answer), 1);
	pair->psn = 0xfffff0;
	pair->ssn = 1;
	return command(guest, &request, RNIC_SET_QP_STATE_REQ_V1_SIZE, &answer);
}

void gpair_connect(struct gpair *a, struct gpair *b)
{
	assert_int_equal(gpair_state(a, QPS_INIT, NULL), 0);
	assert_int_equal(gpair_state(b, QPS_INIT, NULL), 0);
	assert_int_equal(gpair_state(a, QPS_RTR, b), 0);
	assert_int_equal(gpair_state(b, QPS_RTR, a), 0);
	assert_int_equal(gpair_state(a, QPS_RTS, b), 0);
	assert_int_equal(gpair_state(b, QPS_RTS, a), 0);
}

/** ring_recv() - ring a receive queue, with a count of entries as the RNIC wants it */
static void ring_recv(struct gpair *pair, struct gwq *wq)
{
	union gdma_doorbell value = {
		.rq = { .id = wq->id & 0xffffffu, .wqe_cnt = 1, .tail = wq->tail }
	};

	doorbell(pair->rdma->guest, wq->doorbell, GDMA_DB_RQ, value);
}

/** recv_put() - an entry of a receive queue */
static void recv_put(struct gpair *pair, struct gwq *wq, const void *oob, uint64_t local,
		     uint32_t len, uint32_t lkey)
{
	struct gdma_wqe header = { .num_sge = 1, .inline_oob_size_div4 = 2 };
	struct gdma_sge sge = { local, lkey ? lkey : pair->rdma->key, len };
	uint8_t wqe[GDMA_WQE_UNIT] = { 0 };

	memcpy(wqe, &header, sizeof(header));
	if (oob)
		memcpy(wqe + 8, oob, 8);
	memcpy(wqe + 16, &sge, sizeof(sge));
	wqe_put(wq, wqe, sizeof(wqe));
	ring_recv(pair, wq);
}

void gpair_recv(struct gpair *pair, uint64_t local, uint32_t len)
{
	recv_put(pair, &pair->recv, NULL, local, len, 0);
}

uint32_t gpair_send(struct gpair *pair, const struct gwork *work)
{
	uint32_t last = gpair_put(pair, work);

	ring_wq(pair->rdma->guest, &pair->send);
	return last;
}

uint32_t gpair_put(struct gpair *pair, const struct gwork *work)
{
	const uint32_t mtu = pair->path_mtu ? 128u << pair->path_mtu : RDMA_MTU;
	bool with_immediate = work->type == RNIC_WQE_WRITE_IMM, read = work->type == RNIC_WQE_READ;
	uint32_t key = work->lkey ? work->lkey : pair->rdma->key;
	struct gdma_wqe header = { .num_sge = 1,
				   .inline_oob_size_div4 = with_immediate ? 7 : 6,
				   .client_data_unit = mtu & 0x3fff };
	struct rnic_send_oob oob = { .wqe_type = work->type & 31u,
				     .signaled = work->signaled,
				     .psn = pair->psn & 0xffffffu,
				     .ssn_or_rqpn = pair->ssn++ & 0xffffffu };
	struct gdma_sge sge = { work->local, key, work->len };
	const struct gdma_sge dummy = { 1, 0, 0 };
	uint8_t wqe[64] = { 0 };

	if (read) {
		struct rnic_recv_oob start = { .psn_start = pair->psn & 0xffffffu };

		recv_put(pair, &pair->read, &start, work->local, work->len, key);
		sge = dummy;
	}
	if (work->type >= RNIC_WQE_WRITE) {
		oob.rdma.address_high = (uint32_t)(work->remote >> 32);
		oob.rdma.address_low = (uint32_t)work->remote;
		oob.rdma.rkey = work->rkey;
		oob.rdma.length = work->len;
	} else {
		oob.send.immediate = work->immediate;
	}
	memcpy(wqe, &header, sizeof(header));
	memcpy(wqe + 8, &oob, sizeof(oob));
	if (with_immediate)
		memcpy(wqe + 32, &work->immediate, sizeof(work->immediate));
	memcpy(wqe + (with_immediate ? 48 : 32), &sge, sizeof(sge));
	wqe_put(&pair->send, wqe, 64);
	pair->psn = (pair->psn + (work->len ? (work->len - 1) / mtu + 1 : 1)) & 0xffffffu;
	return (pair->psn - 1) & 0xffffffu;
}

void gpair_arm(struct gpair *pair, uint32_t psn)
{
	union gdma_doorbell value = {
		.rq_client = { .id = pair->read.id & 0xffffffu, .high = 1, .low = psn }
	};

	doorbell(pair->rdma->guest, pair->rdma->doorbell, GDMA_DB_RQ_CLIENT, value);
}

union rnic_cqe rdma_wait(struct grdma *rdma, uint32_t *id)
{
	struct gdma_cqe cqe = cq_wait(rdma->guest, &rdma->cq);
	union rnic_cqe out;

	memcpy(&out, &cqe, sizeof(out));
	*id = cqe.info & 0xffffffu;
	return out;
}
