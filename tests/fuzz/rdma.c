/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: RDMA between two adapters on a switch, whose drivers are both malicious: entries,
 * states, doorbells, keys, and forged packets, in any order. Each adapter has two RC queue
 * pairs, one of UC, and the one with number 1; they are on two lanes, so some packets are delivered at
 * once and others through an inbox.
 *
 * Commands go through the socket, by the tests' small driver; nothing has a thread. Only the timers
 * of queue pairs depend on time.
 */
#include "../unit/device/rdma.h"

#include <stdlib.h>
#include <string.h>

#include "cost.h"
#include "device/client.h"
#include "device/lane.h"
#include "device/pair.h"
#include "device/receive.h"
#include "device/state.h"
#include "input.h"
#include "roce/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIDES   2u
#define PAIRS   4u
#define UC      2u /* which of them */
#define UD      3u
#define OPS_MAX 200u
#define LANES   2u
#define SECRET  4096u /* bytes */
#define QKEY    0x80010000u
#define AGAIN   16u /* queue pairs that an input can make */

/**
 * struct side - an adapter and its driver
 * @secret:	peers may read it by @secret_key, and nobody may write it
 * @mr, @mr_key: a key that comes and goes
 * @before, @used: of the guest's memory: before the queue pairs, and with them
 */
struct side {
	struct host host;
	struct guest guest;
	struct grdma rdma;
	struct gpair pair[PAIRS];
	bool made[PAIRS];
	uint8_t *secret, *spare;
	uint32_t secret_key, mr_key;
	uint64_t mr;
	size_t before, used;
	unsigned int again;
};

static struct side sides[SIDES];
static struct lanes *lanes;

/* Change a few bytes, if the input says so */
static void change(void *bytes, size_t len)
{
	unsigned int n = take();

	if (n < 0xc0)
		return;
	for (n &= 7; n; n--) {
		size_t at = take() % len;

		((uint8_t *)bytes)[at] = take();
	}
}

static void step(void)
{
	uint32_t start = budget_spent;

	lanes_step(lanes);
	cost_bound(start, SIDES * LANES * COST_TURN);
}

/* ---- The drivers ---- */

static void ring(struct side *side, uint32_t offset, union gdma_doorbell value)
{
	uint32_t start = budget_spent;

	client_ops.visit(side->host.adapter);
	client_ops.write(side->host.adapter, 0,
			 GUEST_DB_BASE + (uint64_t)side->rdma.doorbell * MANA_PAGE_SIZE + offset,
			 &value, sizeof(value));
	cost_bound(start, COST_VISIT);
}

static void ring_queue(struct side *side, const struct gwq *wq)
{
	ring(side, wq->type == GDMA_RQ ? GDMA_DB_RQ : GDMA_DB_SQ,
	     (union gdma_doorbell){ .sq = { .id = wq->id & 0xffffffu, .tail = wq->tail } });
}

static void put(struct side *side, struct gwq *wq, const uint8_t *wqe, uint32_t size)
{
	wqe_put(wq, wqe, size);
	ring_queue(side, wq);
}

static bool ud_new(struct side *side, struct gpair *pair)
{
	struct grdma *rdma = &side->rdma;
	struct rnic_create_ud_qp_req request = { .adapter = rdma->adapter,
						 .pd_handle = rdma->pd,
						 .send_cq_handle = rdma->cq_handle,
						 .recv_cq_handle = rdma->cq_handle,
						 .qp_type = RNIC_QPT_GSI,
						 .doorbell_page = rdma->doorbell };
	struct rnic_create_ud_qp_resp response;

	*pair = (struct gpair){ .rdma = rdma, .qpn = 1 };
	for (unsigned int i = 0; i < RNIC_UD_QUEUE_COUNT; i++) {
		struct gwq *wq = i == RNIC_UD_SQ ? &pair->send : &pair->recv;

		*wq = (struct gwq){ .type = i == RNIC_UD_SQ ? GDMA_SQ : GDMA_RQ,
				    .size = RDMA_RQ_SIZE,
				    .doorbell = rdma->doorbell };
		wq->ring = guest_alloc(rdma->guest, RDMA_RQ_SIZE);
		if (region_create(rdma->guest, guest_iova(rdma->guest, wq->ring), RDMA_RQ_SIZE,
				  &request.dma_region[i]))
			return false;
	}
	if (COMMAND(rdma->guest, RNIC_CREATE_UD_QP, &request, &response, 1))
		return false;
	pair->handle = response.qp_handle;
	pair->send.id = response.queue_ids[RNIC_UD_SQ];
	pair->recv.id = response.queue_ids[RNIC_UD_RQ];
	return true;
}

static void pair_make(struct side *side, unsigned int i)
{
	struct gpair *pair = &side->pair[i];

	if (i == UD)
		side->made[i] = ud_new(side, pair);
	else
		side->made[i] =
			!(i == UC ? gpair_new_uc(&side->rdma, pair) : gpair_new(&side->rdma, pair));
}

static void pair_unmake(struct side *side, unsigned int i)
{
	struct rnic_destroy_qp_req request = { .adapter = side->rdma.adapter,
					       .qp_handle = side->pair[i].handle };
	struct gdma_general_resp answer;

	if (side->made[i])
		COMMAND(&side->guest, i == UD ? RNIC_DESTROY_UD_QP : RNIC_DESTROY_RC_QP, &request,
			&answer, 1);
	side->made[i] = false;
}

/** pair_state() - the long form of SET_QP_STATE */
static uint32_t pair_state(struct side *side, unsigned int i, uint32_t state,
			   const struct gpair *peer, bool changed)
{
	uint8_t gid[RNIC_IP_SIZE] = { [10] = 0xff, [11] = 0xff };
	struct gpair *pair = &side->pair[i];
	struct rnic_set_qp_state_req request = { .adapter = side->rdma.adapter,
						 .qp_handle = pair->handle,
						 .attr_mask = 0x1fffff,
						 .qp_state = state,
						 .path_mtu = 1,
						 .max_dest_rd_atomic = 4,
						 .retry_cnt = 1,
						 .rnr_retry = 1,
						 .min_rnr_timer = 1,
						 .qkey = QKEY,
						 .qp_access_flags = 6,
						 .local_ack_timeout = 1,
						 .max_rd_atomic = 4 };
	struct gdma_general_resp answer;
	uint32_t status;

	if (i == UD || !peer) {
		request.attr_mask = 1 | (i == UD ? 1u << 6 | 1u << 16 : 0);
	} else {
		request.dest_qpn = peer->qpn;
		request.ah_attr.src_addr_type = request.ah_attr.dest_addr_type = RNIC_ADDR_IPV4;
		memcpy(gid + 12, pair->rdma->ip, 4);
		rnic_reverse(request.ah_attr.src_addr, gid, sizeof(gid));
		memcpy(gid + 12, peer->rdma->ip, 4);
		rnic_reverse(request.ah_attr.dest_addr, gid, sizeof(gid));
		rnic_reverse(request.ah_attr.src_mac, pair->rdma->mac, RNIC_MAC_SIZE);
		rnic_reverse(request.ah_attr.dest_mac, peer->rdma->mac, RNIC_MAC_SIZE);
	}
	if (changed)
		change((uint8_t *)&request + offsetof(struct rnic_set_qp_state_req, attr_mask),
		       sizeof(request) - offsetof(struct rnic_set_qp_state_req, attr_mask));
	request_begin(&side->guest, &request, RNIC_SET_QP_STATE, sizeof(request), sizeof(answer),
		      1);
	status = command(&side->guest, &request, sizeof(request), &answer);
	if (!status && request.attr_mask & 1 && !request.qp_state)
		pair->send.tail = pair->read.tail = pair->recv.tail = 0;
	if (!status && request.attr_mask & 1u << 16)
		pair->psn = request.sq_psn;
	return status;
}

/* ---- Operations ---- */

/* Both to RTS; a queue pair may be its own peer */
static void op_connect(void)
{
	uint8_t how = take();
	struct side *a = &sides[how & 1], *b = &sides[how >> 1 & 1];
	unsigned int i = how >> 2 & 3, j = how >> 4 & 3;

	pair_state(a, i, QPS_RESET, NULL, false);
	pair_state(b, j, QPS_RESET, NULL, false);
	for (uint32_t state = QPS_INIT; state <= QPS_RTS; state++) {
		pair_state(a, i, state, &b->pair[j], false);
		pair_state(b, j, state, &a->pair[i], false);
	}
}

static void op_state(void)
{
	uint8_t how = take(), peer = take();

	pair_state(&sides[how & 1], how >> 1 & 3, how >> 3 & 7,
		   how & 0x40 ? NULL : &sides[peer & 1].pair[peer >> 1 & 3], true);
}

/** key_of() - a key that gives some access */
static uint32_t key_of(uint8_t how)
{
	const struct side *side = &sides[how & 1];

	switch (how >> 1 & 3) {
	case 0:
	case 1:
		return side->rdma.key;
	case 2:
		return side->secret_key;
	default:
		return side->mr_key;
	}
}

/** write_vector() - whom a datagram goes to, in the sender's memory */
static void write_vector(struct side *side, uint8_t how)
{
	const struct grdma *to = &sides[how >> 3 & 1].rdma;
	struct rnic_av av = { .udp_src_port = 0xc000, .hop_limit = 64 };

	rnic_reverse(av.dest_ip + 12, to->ip, 4);
	rnic_reverse(av.src_ip + 12, side->rdma.ip, 4);
	rnic_reverse(av.dest_mac, to->mac, RNIC_MAC_SIZE);
	change(&av, sizeof(av));
	memcpy(side->rdma.memory + RDMA_MEMORY / 2, &av, sizeof(av));
}

/* An entry derived from a valid one */
static void op_send(void)
{
	uint8_t how = take(), what = take(), wqe[128] = { 0 };
	struct side *side = &sides[how & 1];
	unsigned int i = how >> 1 & 3;
	struct gpair *pair = &side->pair[i];
	uint32_t len = take() * (what & 0x80 ? 64u : 1u), type = what & 7;
	bool extra = type == RNIC_WQE_WRITE_IMM, read = type == RNIC_WQE_READ;
	struct gdma_wqe header = { .num_sge = i == UD ? 2 : 1,
				   .inline_oob_size_div4 = extra ? 7 : 6,
				   .client_oob_in_sgl = i == UD };
	struct rnic_send_oob oob = { .wqe_type = (i == UD ? type & 1u : type) & 31u,
				     .signaled = what >> 3 & 1u,
				     .solicited = what >> 4 & 1u,
				     .fence = what >> 5 & 1u,
				     .psn = pair->psn & 0xffffffu };
	struct gdma_sge sge[2] = { { RDMA_BASE + take(), side->rdma.key, len } };

	if (!side->made[i])
		return;
	if (i == UD) {
		sge[1] = sge[0];
		sge[0] = (struct gdma_sge){ RDMA_BASE + RDMA_MEMORY / 2, side->rdma.key,
					    sizeof(struct rnic_av) };
		oob.ssn_or_rqpn = 1;
		oob.ud.remote_qkey = QKEY;
		write_vector(side, what);
	} else if (type >= RNIC_WQE_WRITE) {
		oob.rdma.address_low = (uint32_t)RDMA_BASE + take();
		oob.rdma.address_high = (uint32_t)(RDMA_BASE >> 32);
		oob.rdma.rkey = key_of(take());
		oob.rdma.length = len;
	}
	if (read && pair->read.ring) {
		header.inline_oob_size_div4 = 2;
		memcpy(wqe, &header, sizeof(header));
		memcpy(wqe + 16, sge, sizeof(sge[0]));
		put(side, &pair->read, wqe, GDMA_WQE_UNIT);
		memset(wqe, 0, sizeof(wqe));
		header.inline_oob_size_div4 = 6;
		sge[0].size = 0;
	}
	memcpy(wqe, &header, sizeof(header));
	memcpy(wqe + 8, &oob, sizeof(oob));
	memcpy(wqe + (extra ? 48 : 32), sge, sizeof(sge));
	change(wqe, 64);
	put(side, &pair->send, wqe, 64);
	pair->psn = (pair->psn + (len ? (len - 1) / 256 + 1 : 1)) & 0xffffffu;
	if (how & 8 && pair->read.ring)
		ring(side, GDMA_DB_RQ_CLIENT,
		     (union gdma_doorbell){ .rq_client = { .id = pair->read.id & 0xffffffu,
							   .high = 1,
							   .low = pair->psn - 1 } });
}

static void op_receive(void)
{
	uint8_t how = take(), wqe[GDMA_WQE_UNIT] = { 0 };
	struct side *side = &sides[how & 1];
	unsigned int i = how >> 1 & 3;
	struct gdma_wqe header = { .num_sge = 1, .inline_oob_size_div4 = 2 };
	struct gdma_sge sge = { RDMA_BASE + take(), side->rdma.key, take() * 16u };

	if (!side->made[i])
		return;
	memcpy(wqe, &header, sizeof(header));
	memcpy(wqe + 16, &sge, sizeof(sge));
	change(wqe, sizeof(wqe));
	put(side, how & 8 && side->pair[i].read.ring ? &side->pair[i].read : &side->pair[i].recv,
	    wqe, sizeof(wqe));
}

static void op_doorbell(void)
{
	static const uint32_t offsets[] = { GDMA_DB_RQ_CLIENT, GDMA_DB_SQ, GDMA_DB_RQ, GDMA_DB_CQ };
	uint8_t how = take();
	struct side *side = &sides[how & 1];
	const struct gpair *pair = &side->pair[how >> 1 & 3];
	union gdma_doorbell value = { .word = 0 };

	value.sq.id = ((how & 8 ? pair->qpn : pair->send.id) + (how >> 4 & 3u)) & 0xffffffu;
	value.sq.tail = take() | (uint32_t)take() << 8 | (uint32_t)take() << 16;
	if (how & 64)
		value.rq_client.high = 1;
	ring(side, offsets[take() & 3], value);
}

/* A forged packet, as if from one of the queue pairs, perhaps with the right ICRC */
static void op_packet(void)
{
	uint8_t how = take(), what = take(), payload[256], trailer[ROCE_TRAILER_MAX];
	struct side *to = &sides[how & 1];
	const struct side *from = &sides[how >> 1 & 1];
	unsigned int i = how >> 2 & 3;
	struct vport *vport = &to->host.adapter->vport[0];
	struct roce_address address = { .ip_version = 4, .udp_source = 0xc000 };
	struct roce_packet packet = {
		.service = i == UD   ? ROCE_SERVICE_UD
			   : i == UC ? ROCE_SERVICE_UC
				     : ROCE_SERVICE_RC,
		.operation = i == UD ? ROCE_SEND_ONLY + (what & 1u) : what % 0x18u,
		.pkey = ROCE_PKEY,
		.dest_qpn = to->pair[i].qpn,
		.src_qpn = 1,
		.qkey = QKEY,
		.ack_request = how >> 4 & 1,
		.solicited = how >> 5 & 1,
	};
	struct iovec iov[3];
	struct frame frame = { .iov = iov, .iovcnt = 3 };

	packet.psn = (uint32_t)(take() - 8) & ROCE_PSN_MASK;
	packet.payload_len = what & 0x80 ? sizeof(payload) : take();
	packet.length = how & 0x40 ? packet.payload_len : take() * 64u;
	packet.va = RDMA_BASE + take();
	packet.rkey = key_of(take());
	packet.syndrome = take();
	packet.msn = take();
	memset(payload, what, sizeof(payload));
	memcpy(address.dst_mac, vport->config->mac, 6);
	memcpy(address.src_ip, from->rdma.ip, 4);
	memcpy(address.dst_ip, to->rdma.ip, 4);
	roce_build(&packet, &address);
	iov[0] = (struct iovec){ packet.headers, packet.payload_off };
	iov[1] = (struct iovec){ payload, packet.payload_len };
	change(packet.headers, packet.payload_off);
	iov[2] = (struct iovec){ trailer, roce_trailer(&packet, &iov[1], 1, trailer) };
	change(trailer, sizeof(trailer));
	for (unsigned int piece = 0; piece < 3; piece++)
		frame.len += (uint32_t)iov[piece].iov_len;
	/* On one lane the queue pair gets it at once, on the other through the inbox. */
	receive_deliver(vport, take() % LANES, &frame, 1);
}

static void op_steps(void)
{
	for (unsigned int n = take() & 15; n; n--)
		step();
}

/** key_end() - the key that comes and goes */
static void key_end(struct side *side)
{
	struct gdma_destroy_mr_req request = { .mr_handle = side->mr };
	struct gdma_general_resp answer;

	if (side->mr)
		COMMAND(&side->guest, GDMA_DESTROY_MR, &request, &answer, 1);
	side->mr = 0;
}

static void op_key(void)
{
	uint8_t how = take();
	struct side *side = &sides[how & 1];
	struct gdma_create_mr_req window = { .pd_handle = side->rdma.pd,
					     .mr_type = GDMA_MR_MW1 + (how >> 7) };
	struct gdma_create_mr_resp response;

	key_end(side);
	if (how & 2)
		return;
	if (how & 4) {
		if (!COMMAND(&side->guest, GDMA_CREATE_MR, &window, &response, 1)) {
			side->mr = response.mr_handle;
			side->mr_key = response.rkey;
		}
		return;
	}
	if (mr_new(&side->guest, side->rdma.pd, side->spare, MANA_PAGE_SIZE, RDMA_BASE,
		   how >> 3 & 15u, &side->mr, &side->mr_key))
		side->mr = 0;
}

static void op_again(void)
{
	uint8_t how = take();
	struct side *side = &sides[how & 1];
	unsigned int i = how >> 1 & 3;

	pair_unmake(side, i);
	if (how & 8 && side->again++ < AGAIN)
		pair_make(side, i);
}

static void op_link(void)
{
	uint8_t how = take();

	adapter_set_link(sides[how & 1].host.adapter, 0, how & 2);
}

static void drain(struct side *side)
{
	struct gdma_cqe cqe;
	struct gdma_eqe eqe;

	while (cq_take(&side->rdma.cq, &cqe))
		;
	while (eq_take(&side->rdma.notify, &eqe))
		;
	while (eq_take(&side->rdma.eq, &eqe))
		;
}

static void op_drain(void)
{
	drain(&sides[take() & 1]);
}

static void op_count(void)
{
	struct side *side = &sides[take() & 1];
	struct rnic_query_counters_req request = { .adapter = side->rdma.adapter };
	struct rnic_query_vf_counters_resp response;
	struct adapter_port_counters counters[ADAPTER_PORTS_MAX];

	COMMAND(&side->guest, RNIC_QUERY_VF_COUNTERS, &request, &response, 2);
	adapter_counters(side->host.adapter, counters);
}

static void (*const operations[])(void) = {
	op_connect,  op_send, op_receive, op_packet, op_steps, op_state,
	op_doorbell, op_key,  op_again,   op_link,   op_drain, op_count,
};

/* ---- */

/** pairs_make() - create all of them; their numbers start again */
static void pairs_make(struct side *side)
{
	struct table *pairs = &side->host.adapter->pairs;

	pairs->fresh = pairs->first = pairs->count = 0;
	for (unsigned int i = 0; i < PAIRS; i++) {
		pair_make(side, i);
		require(side->made[i]);
	}
}

static void start(void)
{
	static const char *const fabrics[] = { "switch:rdma", NULL };
	struct host shared = { 0 };

	require(!lanes_embed(LANES, &lanes));
	shared.lanes = lanes;
	for (unsigned int s = 0; s < SIDES; s++) {
		struct side *side = &sides[s];
		uint64_t mr;

		host_open(&side->host, 0, &shared, fabrics);
		guest_attach(&side->guest, &side->host);
		ethernet_up(&side->guest);
		rdma_up(&side->rdma, &side->guest, 0, (uint8_t)(s + 1), s);
		side->secret = guest_alloc(&side->guest, SECRET);
		side->spare = guest_alloc(&side->guest, MANA_PAGE_SIZE);
		memset(side->secret, 0xc5, SECRET);
		require(!mr_new(&side->guest, side->rdma.pd, side->secret, SECRET, RDMA_BASE,
				GDMA_ACCESS_LOCAL_READ | GDMA_ACCESS_REMOTE_READ, &mr,
				&side->secret_key));
		side->before = side->guest.used;
		pairs_make(side);
		side->used = side->guest.used;
	}
}

/** is_used() - has it changed since it was created? */
static bool is_used(const struct side *side, unsigned int i)
{
	const struct gpair *pair = &side->pair[i];
	const struct pair *own = pair_find(side->host.adapter, pair->qpn);

	require(own);
	return roce_qp_state(own->qp) != ROCE_RESET || pair->send.tail || pair->read.tail ||
	       pair->recv.tail;
}

/** finish() - put everything back as it was before the input */
static void finish(void)
{
	for (unsigned int s = 0; s < SIDES; s++) {
		struct side *side = &sides[s];
		bool again = side->guest.used != side->used;

		adapter_set_link(side->host.adapter, 0, true);
		for (unsigned int i = 0; i < PAIRS; i++) {
			again |= !side->made[i];
			if (side->made[i] && is_used(side, i))
				require(!pair_state(side, i, QPS_RESET, NULL, false));
		}
		require(!side->host.adapter->vport[0].pairs);
		key_end(side);
		for (unsigned int i = 0; i < PAIRS && again; i++)
			pair_unmake(side, i);
		require(!again || !side->host.adapter->pairs.used);
		side->guest.used = again ? side->before : side->used;
	}
	while (lanes_step(lanes))
		;
	for (unsigned int s = 0; s < SIDES; s++) {
		struct side *side = &sides[s];

		if (!side->made[0])
			pairs_make(side);
		side->again = 0;
		drain(side);
		for (size_t i = 0; i < SECRET; i++)
			require(side->secret[i] == 0xc5);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int n = 0;

	if (!lanes)
		start();
	in = data;
	left = size;
	while (left && n++ < OPS_MAX) {
		operations[take() % (sizeof(operations) / sizeof(operations[0]))]();
		step();
	}
	finish();
	return 0;
}
