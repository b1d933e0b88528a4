/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * A queue pair's turn on its lane:
 *
 *	entries of the send queue -> requests of its transport
 *	packets of its inbox -> its transport -> memory, receive entries, completions
 *	its transport sends -> a burst of frames -> the fabric
 *	has an armed PSN been acknowledged? -> a completion
 *
 * The transport (roce/qp.h) asks for memory packet by packet: of an entry, whose elements were copied
 * when it was taken, or of a region that the peer names by its key. Keys are looked up each time.
 *
 * Successful sends are not completed one by one: the driver arms a PSN, and is told when that, or a
 * later one, is acknowledged (rdma-core cq.c). Errors are completions only if the driver asked for
 * them, and events otherwise.
 *
 * A packet for a queue pair of the same vPort does not go through the fabric: no switch would bring
 * it back.
 *
 * Timers are the lane's: work.deadline.
 */
#include "device/pair.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/uninitialized.h"
#include "device/scratch.h"

#define PIECES_MAX  (FABRIC_PIECES_MAX - 2) /* of a payload, beside the headers and the end */

/* Of a turn's budget, so that neither its peers' packets nor its own requests starve the rest */
#define PACKETS_MAX (BUDGET_TURN / 2)
#define POST_MAX    (BUDGET_TURN * 3 / 4)
#define SEND_MIN    (BUDGET_TURN / 4)
#define PAIR_BURST  16u /* frames that no impairments can make cost a turn */

/**
 * struct pair_burst - frames that the turn has made
 * @start:	budget_spent when it began
 * @frames:	in scratch->frames, so many
 */
struct pair_burst {
	uint32_t start;
	struct transmit_scratch *scratch;
	struct vport *vport;
	unsigned int lane;
	unsigned int frames;
};

/* ---- Completions ---- */

/** pair_complete() - write a completion */
static void pair_complete(struct pair *pair, struct cq *cq, const union rnic_cqe *cqe,
			  const struct wq *wq)
{
	cq_begin(cq);
	cq_post(cq, cqe, wq->id, wq->type == GDMA_SQ);
	cq_end(cq, &pair->raise);
}

/** pair_event() - tell the driver that the queue pair is in error, by an event */
static void pair_event(struct pair *pair)
{
	const uint32_t details[3] = { pair->number, 0, 0 };

	pair->failed = true;
	eq_post(pair->notify, GDMA_EQE_RNIC_QP_FATAL, details);
}

/**
 * pair_failed() - the same, by a completion if the driver wants that
 *
 * One for the send queue and one for the receive queue: the driver itself flushes the entries after
 * it. Not for UD: mana_ib of Linux 7.2 takes any completion of a receive queue for a datagram (cq.c,
 * handle_ud_rq_cqe()), and each send has a completion of its own.
 */
static void pair_failed(struct pair *pair, enum pair_side side, const struct wq *wq, uint32_t code)
{
	uint32_t psn = roce_psn_add(roce_qp_acknowledged_psn(pair->qp), 1);
	union rnic_cqe cqe = { .error = { .type = RNIC_CQE_ERROR,
					  .vendor_error = code & 0x3ffu,
					  .psn = psn & ROCE_PSN_MASK } };
	bool event = !pair->error_cqes || pair->kind == ROCE_UD;

	if (event ? pair->failed : pair->told[side])
		return;
	adapter_say(pair->adapter, LOG_INFO, "queue pair %u: error %#x of %s queue %u",
		    pair->number, code, wq->type == GDMA_SQ ? "send" : "receive", wq->id);
	if (event) {
		pair_event(pair);
		return;
	}
	pair->failed = pair->told[side] = true;
	pair_complete(pair, side == PAIR_SEND ? pair->send : pair->recv, &cqe, wq);
}

/** pair_request_failed() - the same, for a request */
static void pair_request_failed(struct pair *pair, uint32_t code)
{
	const struct wq *rq = pair->wq[RNIC_RC_RQ_REQUESTER];

	pair_failed(pair, PAIR_SEND,
		    code >= RNIC_ERR_TX || !rq ? pair->wq[RNIC_RC_SQ_REQUESTER] : rq, code);
}

/**
 * pair_left_behind() - complete entries left behind in the error state, also if the driver set it
 *
 * The driver flushes a queue only when it gets an error completion of that queue. An empty queue
 * needs none, but entries that come later do.
 */
static void pair_left_behind(struct pair *pair)
{
	const struct wq *rq = pair->wq[RNIC_RC_RQ_RESPONDER];

	if (!pair->error_cqes || pair->kind == ROCE_UD || roce_qp_state(pair->qp) != ROCE_ERROR)
		return;
	if (pair->flushed[PAIR_SEND] || pair->bad || !wq_empty(pair->wq[RNIC_RC_SQ_REQUESTER]))
		pair_request_failed(pair, RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE);
	if (pair->flushed[PAIR_RECV] || !wq_empty(rq))
		pair_failed(pair, PAIR_RECV, rq, RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE);
}

/**
 * pair_sent() - complete a datagram: each has a completion; @code: 0, or the error's
 *
 * Also for a signaled request of UC: libmana of rdma-core 65 takes one such completion for it and for
 * all before it (cq.c, handle_requester_cqe()).
 */
static void pair_sent(struct pair *pair, uint64_t cookie, uint32_t code)
{
	uint32_t offset = pair->requests[cookie % PAIR_REQUESTS].offset;
	union rnic_cqe cqe = { .ud_send = { .type = RNIC_CQE_UD_SEND,
					    .vendor_error = code & 0x1ffu,
					    .tx_wqe_offset = offset & 0x7ffffffu } };

	pair_complete(pair, pair->send, &cqe, pair->wq[RNIC_RC_SQ_REQUESTER]);
}

static void pair_request_done(void *ctx, uint64_t cookie, enum roce_status status)
{
	static const uint16_t codes[] = {
		[ROCE_LOCAL_LENGTH] = RNIC_ERR_TX_WQE_LEN_ERR,
		[ROCE_LOCAL_QP_OPERATION] = RNIC_ERR_TX_MALFORMED_WQE_FIELD,
		[ROCE_LOCAL_PROTECTION] = RNIC_ERR_TX_MSG_ACCESS_VIOLATION,
		[ROCE_BAD_RESPONSE] = RNIC_ERR_RX_READRESP_LEN_MISMATCH,
		[ROCE_REMOTE_INVALID] = RNIC_ERR_RX_INVALID_REQ_NAK,
		[ROCE_REMOTE_ACCESS] = RNIC_ERR_RX_REMOTE_ACCESS_NAK,
		[ROCE_REMOTE_OPERATION] = RNIC_ERR_RX_REMOTE_OP_ERR_NAK,
		[ROCE_RETRY_EXCEEDED] = RNIC_ERR_TX_RETRY_LIMIT_EXCEEDED,
		[ROCE_RNR_RETRY_EXCEEDED] = RNIC_ERR_RX_RNR_NAK,
	};
	struct pair *pair = ctx;

	if (pair->kind == ROCE_UD) {
		pair_sent(pair, cookie,
			  status == ROCE_FLUSHED ? RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE
						 : codes[status]);
		return;
	}
	if (pair->kind == ROCE_UC && status == ROCE_SUCCESS &&
	    pair->requests[cookie % PAIR_REQUESTS].signaled)
		pair_sent(pair, cookie, 0);
	if (status == ROCE_FLUSHED)
		pair->flushed[PAIR_SEND] = true;
	else if (status != ROCE_SUCCESS)
		pair_request_failed(pair, codes[status]);
}

static void pair_acknowledged(void *ctx, uint32_t psn)
{
	/* At the end of the turn: pair_answer() */
	(void)ctx;
	(void)psn;
}

/** pair_answer() - tell the driver if the PSN that it has armed is acknowledged */
static void pair_answer(struct pair *pair)
{
	uint64_t armed = atomic_load_explicit(&pair->armed, memory_order_acquire);
	union rnic_cqe cqe = { .armed = { .type = RNIC_CQE_ARMED_CMPL } };
	uint32_t psn;

	if (!armed || pair->kind != ROCE_RC || roce_qp_state(pair->qp) < ROCE_RTS)
		return;
	psn = roce_qp_acknowledged_psn(pair->qp);
	if (roce_psn_diff(psn, (uint32_t)armed & ROCE_PSN_MASK) < 0)
		return;
	/* If it has been armed again meanwhile, that kicked the lane. */
	if (!atomic_compare_exchange_strong(&pair->armed, &armed, 0))
		return;
	cqe.armed.psn = psn & ROCE_PSN_MASK;
	pair_complete(pair, pair->send, &cqe, pair->wq[RNIC_RC_RQ_REQUESTER]);
}

void pair_arm(struct pair *pair, uint32_t psn)
{
	atomic_store_explicit(&pair->armed, PAIR_ARMED | (psn & ROCE_PSN_MASK),
			      memory_order_release);
	lane_kick(&pair->work);
}

/* ---- Memory ---- */

/** list_read() - copy the elements of an entry, but those without bytes */
static void list_read(struct pair_list *list, const struct wqe *wqe)
{
	uint32_t n = wqe->sges, padding = wqe->header.num_padding_sgls;

	list->sges = 0;
	list->length = 0;
	n = n > padding ? n - padding : 0;
	for (uint32_t i = 0; i < n && i < GDMA_SQE_SGES_MAX; i++) {
		const struct gdma_sge *sge = &wqe_sge(wqe)[i];

		if (!sge->size)
			continue;
		list->sge[list->sges++] = *sge;
		list->length += sge->size;
	}
}

/** list_find() - the memory of a range of an entry; as struct roce_ops says */
static int list_find(struct pair *pair, const struct pair_list *list, uint32_t offset, uint32_t len,
		     unsigned int access, struct iovec *iov)
{
	struct pieces pieces = { .iov = iov, .max = PIECES_MAX };

	if ((uint64_t)offset + len > list->length)
		return -EMSGSIZE;
	budget_charge(BUDGET_LOOKUP);
	for (uint32_t i = 0; i < list->sges && len; i++) {
		struct gdma_sge sge = list->sge[i];
		int err;

		if (offset >= sge.size) {
			offset -= sge.size;
			continue;
		}
		sge.address += offset;
		sge.size -= offset;
		offset = 0;
		if (sge.size > len)
			sge.size = len;
		err = memory_translate(&pair->adapter->memory, pair->pd, &sge, access, &pieces);
		if (err)
			return err;
		len -= sge.size;
	}
	return (int)pieces.n;
}

static int pair_gather(void *ctx, uint64_t cookie, uint32_t offset, uint32_t len, struct iovec *iov)
{
	struct pair *pair = ctx;

	return list_find(pair, &pair->requests[cookie % PAIR_REQUESTS], offset, len, DMA_READ, iov);
}

static int pair_scatter(void *ctx, uint64_t cookie, uint32_t offset, uint32_t len,
			struct iovec *iov)
{
	struct pair *pair = ctx;

	return list_find(pair, &pair->requests[cookie % PAIR_REQUESTS], offset, len, DMA_WRITE,
			 iov);
}

static int pair_reach(void *ctx, uint32_t rkey, uint64_t va, uint32_t len, uint32_t access,
		      struct iovec *iov)
{
	const struct pair *pair = ctx;
	const struct memory *memory = &pair->adapter->memory;
	const struct gdma_sge sge = { .address = va, .mem_key = rkey, .size = len };
	unsigned int rights = MEMORY_REMOTE | (access & ROCE_ACCESS_READ ? DMA_READ : 0u) |
			      (access & ROCE_ACCESS_WRITE ? DMA_WRITE : 0u);
	struct pieces pieces = { .iov = iov, .max = PIECES_MAX };
	int err;

	budget_charge(BUDGET_LOOKUP);
	if (!iov)
		return memory_allows(memory, pair->pd, &sge, rights) ? 0 : -EACCES;
	err = memory_translate(memory, pair->pd, &sge, rights, &pieces);
	return err ? err : (int)pieces.n;
}

/* ---- Receive entries ---- */

static int pair_receive_take(void *ctx)
{
	struct pair *pair = ctx;
	struct wq *rq = pair->wq[RNIC_RC_RQ_RESPONDER];
	struct wqe wqe;

	budget_charge(BUDGET_ENTRY);
	if (!ring_ready(&rq->ring))
		return -EAGAIN;
	pair->recv_offset = rq->taken * GDMA_WQE_UNIT;
	switch (wq_fetch(rq, &wqe)) {
	case WQ_EMPTY:
		return rq->stopped ? -EIO : -EAGAIN;
	case WQ_BROKEN:
		pair_failed(pair, PAIR_RECV, rq, RNIC_ERR_RX_MALFORMED_WQE);
		return -EIO;
	case WQ_ENTRY:
		break;
	}
	list_read(&pair->recv_list, &wqe);
	return 0;
}

static int pair_receive_reach(void *ctx, uint32_t offset, uint32_t len, struct iovec *iov)
{
	struct pair *pair = ctx;

	return list_find(pair, &pair->recv_list, offset, len, DMA_WRITE, iov);
}

static void pair_receive_done(void *ctx, const struct roce_received *received)
{
	struct pair *pair = ctx;
	const struct wq *rq = pair->wq[RNIC_RC_RQ_RESPONDER];
	union rnic_cqe cqe = { .recv = { .msg_len = received->length,
					 .psn = received->psn & ROCE_PSN_MASK,
					 .imm_data = be32toh(received->imm),
					 .rx_wqe_offset = pair->recv_offset } };

	switch (received->status) {
	case ROCE_SUCCESS:
		break;
	case ROCE_FLUSHED:
		pair->flushed[PAIR_RECV] = true;
		return;
	case ROCE_LOCAL_LENGTH:
		pair_failed(pair, PAIR_RECV, rq, RNIC_ERR_RX_MSG_LEN_OVFL);
		return;
	default:
		pair_failed(pair, PAIR_RECV, rq, RNIC_ERR_RX_SGE_ADDR_RANGE);
		return;
	}
	if (pair->kind == ROCE_UD) {
		cqe.type = RNIC_CQE_UD_SEND;
		cqe.recv.psn = received->src_qpn & ROCE_QPN_MASK;
		pair_complete(pair, pair->recv, &cqe, rq);
		return;
	}
	switch (received->opcode) {
	case ROCE_OP_SEND_IMM:
		cqe.type = RNIC_CQE_RC_SEND_IMM;
		break;
	case ROCE_OP_WRITE_IMM:
		cqe.type = RNIC_CQE_RC_WRITE_IMM;
		break;
	default:
		cqe.type = RNIC_CQE_RC_SEND;
	}
	pair_complete(pair, pair->recv, &cqe, rq);
}

static void pair_receive_undo(void *ctx)
{
	struct pair *pair = ctx;
	struct wq *rq = pair->wq[RNIC_RC_RQ_RESPONDER];

	rq->taken -= (rq->taken * GDMA_WQE_UNIT - pair->recv_offset) / GDMA_WQE_UNIT;
}

/** pair_fatal() - the transport went to the error state: what a peer did, if no entry has failed */
static void pair_fatal(void *ctx, enum roce_status status)
{
	struct pair *pair = ctx;

	(void)status;
	if (!pair->failed)
		pair_event(pair);
}

/* ---- Requests ---- */

/** read_request() - an entry of the send queue as a request; 0, or an error's code */
static uint32_t read_request(struct pair *pair, const struct wqe *wqe, struct roce_request *request)
{
	struct pair_list *list = &pair->requests[pair->cookie % PAIR_REQUESTS];
	struct wq *rq = pair->wq[RNIC_RC_RQ_REQUESTER];
	struct rnic_send_oob oob;
	uint32_t immediate = 0;
	struct wqe buffer;

	if (gdma_wqe_oob_size(&wqe->header) < GDMA_OOB_LARGE)
		return RNIC_ERR_TX_MALFORMED_WQE_FIELD;
	memcpy(&oob, wqe_oob(wqe), sizeof(oob));
	list_read(list, wqe);
	list->signaled = oob.signaled;
	*request = (struct roce_request){ .cookie = pair->cookie,
					  .va = (uint64_t)oob.rdma.address_high << 32 |
						oob.rdma.address_low,
					  .rkey = oob.rdma.rkey,
					  .psn = oob.psn,
					  .psn_given = true,
					  .solicited = oob.solicited,
					  .fence = oob.fence };
	switch (oob.wqe_type) {
	case RNIC_WQE_RC_SEND:
		request->opcode = ROCE_OP_SEND;
		break;
	case RNIC_WQE_RC_SEND_IMM:
		request->opcode = ROCE_OP_SEND_IMM;
		immediate = oob.send.immediate;
		break;
	case RNIC_WQE_WRITE:
		request->opcode = ROCE_OP_WRITE;
		break;
	case RNIC_WQE_WRITE_IMM:
		if (gdma_wqe_oob_size(&wqe->header) < GDMA_OOB_EXTRA)
			return RNIC_ERR_TX_MALFORMED_WQE_FIELD;
		request->opcode = ROCE_OP_WRITE_IMM;
		memcpy(&immediate, wqe->bytes + sizeof(struct gdma_wqe) + sizeof(oob),
		       sizeof(immediate));
		break;
	case RNIC_WQE_READ:
		if (!rq)
			return RNIC_ERR_TX_WQE_UNSUPPORTED;
		request->opcode = ROCE_OP_READ;
		/* Its buffer is an entry of its own, which was posted before. */
		if (!ring_ready(&rq->ring) || wq_fetch(rq, &buffer) != WQ_ENTRY)
			return RNIC_ERR_TX_MALFORMED_WQE_FIELD;
		list_read(list, &buffer);
		break;
	default:
		return RNIC_ERR_TX_WQE_UNSUPPORTED;
	}
	if (list->length > ROCE_MESSAGE_MAX)
		return RNIC_ERR_TX_WQE_LEN_ERR;
	if (oob.wqe_type >= RNIC_WQE_WRITE && oob.rdma.length != list->length)
		return RNIC_ERR_TX_WQE_LEN_ERR;
	request->length = (uint32_t)list->length;
	request->imm = htobe32(immediate);
	return 0;
}

/** read_vector() - whom a datagram goes to, and from which address of ours; false if from no such */
static bool read_vector(struct pair *pair, const struct gdma_sge *sge, struct roce_address *to)
{
	struct vport *vport = atomic_load_explicit(&pair->vport, memory_order_relaxed);
	struct address source = { .type = RNIC_ADDR_IPV4, .bytes = { [10] = 0xff, [11] = 0xff } };
	struct iovec iov[2];
	struct pieces pieces = { .iov = iov, .max = 2 };
	struct rnic_av av;

	if (!vport || sge->size != sizeof(av) ||
	    memory_translate(&pair->adapter->memory, pair->pd, sge, DMA_READ, &pieces))
		return false;
	headers_copy(iov, pieces.n, (uint8_t *)&av, sizeof(av));
	*to = (struct roce_address){ .ip_version = av.is_ipv6 ? 6 : 4,
				     .traffic_class = (uint8_t)(av.dscp << 2),
				     .hop_limit = (uint8_t)av.hop_limit,
				     .udp_source = av.udp_src_port };
	if (av.is_ipv6) {
		source.type = RNIC_ADDR_IPV6;
		rnic_reverse(source.bytes, av.src_ip, RNIC_IP_SIZE);
		rnic_reverse(to->dst_ip, av.dest_ip, RNIC_IP_SIZE);
		memcpy(to->src_ip, source.bytes, RNIC_IP_SIZE);
	} else {
		rnic_reverse(source.bytes + 12, av.src_ip + 12, 4);
		rnic_reverse(to->dst_ip, av.dest_ip + 12, 4);
		memcpy(to->src_ip, source.bytes + 12, 4);
	}
	rnic_reverse(to->dst_mac, av.dest_mac, RNIC_MAC_SIZE);
	memcpy(to->src_mac, vport->config->mac, sizeof(to->src_mac));
	return addresses_have(&pair->adapter->addresses, &source);
}

/** read_datagram() - an entry of a UD send queue as a request; 0, or an error's code */
static uint32_t read_datagram(struct pair *pair, const struct wqe *wqe,
			      struct roce_request *request, struct roce_address *address)
{
	struct pair_list *list = &pair->requests[pair->cookie % PAIR_REQUESTS];
	struct rnic_send_oob oob;

	if (gdma_wqe_oob_size(&wqe->header) < GDMA_OOB_LARGE || !wqe->header.client_oob_in_sgl)
		return RNIC_ERR_TX_MALFORMED_WQE_FIELD;
	memcpy(&oob, wqe_oob(wqe), sizeof(oob));
	list_read(list, wqe);
	if (oob.wqe_type > RNIC_WQE_UD_SEND_IMM)
		return RNIC_ERR_TX_WQE_UNSUPPORTED;
	if (!list->sges || !read_vector(pair, &list->sge[0], address))
		return RNIC_ERR_TX_INVALID_SGID;
	/* The first element was the address. */
	list->length -= list->sge[0].size;
	memmove(list->sge, list->sge + 1, --list->sges * sizeof(list->sge[0]));
	if (list->length > ROCE_MESSAGE_MAX)
		return RNIC_ERR_TX_WQE_LEN_ERR;
	*request = (struct roce_request){ .cookie = pair->cookie,
					  .length = (uint32_t)list->length,
					  .imm = htobe32(oob.ud.immediate),
					  .opcode = oob.wqe_type == RNIC_WQE_UD_SEND
							    ? ROCE_OP_SEND
							    : ROCE_OP_SEND_IMM,
					  .solicited = oob.solicited,
					  .dest_qpn = oob.ssn_or_rqpn,
					  .qkey = oob.ud.remote_qkey,
					  .address = address };
	return 0;
}

/** all_done() - has the transport finished all requests that it was given? */
static bool all_done(const struct pair *pair)
{
	return roce_qp_free_requests(pair->qp) == PAIR_REQUESTS;
}

/** refuse() - an entry makes no sense: the queue pair is in error */
static void refuse(struct pair *pair, uint32_t code)
{
	wq_mistake(pair->wq[RNIC_RC_SQ_REQUESTER],
		   "an entry of queue pair %u is not valid (error %#x); it is in error now",
		   pair->number, code);
	if (pair->kind == ROCE_UD)
		pair->refused = code; /* those before it are completed first */
	else
		pair_request_failed(pair, code);
	roce_qp_modify(pair->qp, ROCE_ERROR, NULL);
}

/** may_post() - are its rings there? A ring may be unmapped for a while: entries wait for it */
static bool may_post(struct pair *pair)
{
	struct wq *sq = pair->wq[RNIC_RC_SQ_REQUESTER], *reads = pair->wq[RNIC_RC_RQ_REQUESTER];

	return ring_ready(&sq->ring) && (!reads || ring_ready(&reads->ring));
}

/** pair_post() - give the transport entries of the send queue */
static void pair_post(struct pair *pair, uint32_t start)
{
	struct wq *sq = pair->wq[RNIC_RC_SQ_REQUESTER];
	enum roce_state state = roce_qp_state(pair->qp);
	struct roce_address address;
	struct roce_request request;
	struct wqe wqe;

	if ((state != ROCE_RTS && state != ROCE_SQD) || !may_post(pair))
		return;
	if (pair->bad) {
		if (all_done(pair))
			refuse(pair, pair->bad);
		return;
	}
	while (roce_qp_free_requests(pair->qp) && budget_since(start) < POST_MAX) {
		uint32_t code = RNIC_ERR_TX_GDMA_CORRUPTED_WQE;

		pair->requests[pair->cookie % PAIR_REQUESTS].offset = sq->taken;
		switch (wq_fetch(sq, &wqe)) {
		case WQ_EMPTY:
			return;
		case WQ_BROKEN:
			break;
		case WQ_ENTRY:
			code = pair->kind == ROCE_UD ? read_datagram(pair, &wqe, &request, &address)
						     : read_request(pair, &wqe, &request);
		}
		budget_charge(BUDGET_ENTRY + BUDGET_ODD);
		if (!code && roce_qp_post(pair->qp, &request))
			code = RNIC_ERR_TX_MALFORMED_WQE_FIELD;
		if (code) {
			/* A completion for an error is about the first entry that is not done. */
			if (pair->kind == ROCE_UD || all_done(pair))
				refuse(pair, code);
			else
				pair->bad = code;
			return;
		}
		pair->cookie++;
	}
}

/** pair_flushes() - are entries of its send queue completed without being sent, now? */
static bool pair_flushes(struct pair *pair)
{
	return pair->kind == ROCE_UD && roce_qp_state(pair->qp) >= ROCE_SQE && all_done(pair) &&
	       may_post(pair) &&
	       (pair->refused || (!pair->wq[RNIC_RC_SQ_REQUESTER]->stopped &&
				  !wq_empty(pair->wq[RNIC_RC_SQ_REQUESTER])));
}

/**
 * pair_flush() - complete the datagrams that a queue pair in error has in its ring
 *
 * Drivers themselves complete the entries of connected queue pairs, and receive entries.
 */
static void pair_flush(struct pair *pair, uint32_t start)
{
	struct wq *sq = pair->wq[RNIC_RC_SQ_REQUESTER];

	while (pair_flushes(pair) && budget_since(start) < BUDGET_TURN) {
		uint32_t code = pair->refused ? pair->refused : RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE;
		struct wqe wqe;

		if (!pair->refused) {
			pair->requests[pair->cookie % PAIR_REQUESTS].offset = sq->taken;
			if (wq_fetch(sq, &wqe) == WQ_EMPTY)
				return;
		}
		pair->refused = 0;
		budget_charge(BUDGET_ENTRY + BUDGET_ODD);
		pair_sent(pair, pair->cookie++, code);
	}
}

/* ---- Packets ---- */

/** pair_packets() - give the transport the packets that have come */
static void pair_packets(struct pair *pair, uint64_t now, uint32_t start)
{
	struct roce_packet packet uninitialized;
	struct frame frame;
	struct iovec iov;

	while (budget_since(start) < PACKETS_MAX && inbox_next(&pair->inbox, &frame, &iov)) {
		budget_charge(BUDGET_PACKET);
		/* It may have changed since it was put in: what counts is the copy. */
		if (!roce_parse(&packet, &iov, 1, frame.len))
			inbox_give(pair, now, &packet, &frame);
		inbox_pop(&pair->inbox);
	}
}

/**
 * burst_flush() - send the frames of the burst
 *
 * A switch ends a call after frames that went to many ports. Where these have used up the turn, the
 * rest is lost, as on a wire.
 */
static void burst_flush(struct pair_burst *burst)
{
	const struct frame *frames = burst->scratch->frames;
	unsigned int done = 0;

	while (done < burst->frames) {
		unsigned int sent = fabric_send_some(burst->vport->fabric, burst->lane,
						     frames + done, burst->frames - done);

		if (watch_wants(&burst->vport->adapter->watch, WATCH_BIT(WATCH_FRAME_TX)))
			watch_tell_frames(&burst->vport->adapter->watch,
					  &(struct watch_frames){ .kind = WATCH_FRAME_TX,
								  .port = burst->vport->index,
								  .frames = frames + done,
								  .n = sent });
		done += sent;
		if (done < burst->frames && budget_since(burst->start) >= BUDGET_TURN) {
			atomic_fetch_add_explicit(&burst->vport->roce_dropped, burst->frames - done,
						  memory_order_relaxed);
			break;
		}
	}
	burst->frames = 0;
}

static int pair_send(void *ctx, const struct iovec *iov, uint32_t iovcnt, uint32_t len)
{
	struct pair *pair = ctx;
	struct pair_burst *burst = pair->burst;
	struct transmit_scratch *scratch = burst->scratch;
	struct frame *frame = &scratch->frames[burst->frames];
	struct iovec *pieces = scratch->pieces + burst->frames * FABRIC_PIECES_MAX;
	uint8_t *copy = scratch->headers[burst->frames];
	const struct iovec *last = &iov[iovcnt - 1];

	if (!burst->vport || iovcnt > FABRIC_PIECES_MAX ||
	    atomic_load_explicit(&burst->vport->link_down, memory_order_relaxed))
		return 0;
	budget_charge(BUDGET_ENTRY);
	*frame = (struct frame){
		.iov = iov, .iovcnt = iovcnt, .len = len, .flags = FRAME_ICRC_VALID
	};
	if (!memcmp(iov[0].iov_base, burst->vport->config->mac,
		    sizeof(burst->vport->config->mac))) {
		inbox_deliver(burst->vport, burst->lane, frame);
		return 0;
	}
	/* The headers and the end are the transport's, and gone when this returns. */
	memcpy(pieces, iov, iovcnt * sizeof(*iov));
	memcpy(copy, iov[0].iov_base, iov[0].iov_len);
	pieces[0].iov_base = copy;
	if (iovcnt > 1) {
		memcpy(copy + iov[0].iov_len, last->iov_base, last->iov_len);
		pieces[iovcnt - 1].iov_base = copy + iov[0].iov_len;
	}
	frame->iov = pieces;
	if (++burst->frames == PAIR_BURST)
		burst_flush(burst);
	return 0;
}
static_assert(ROCE_HEADERS_MAX + ROCE_TRAILER_MAX <= SCRATCH_HEADER, "room for both ends");

const struct roce_ops pair_ops = {
	.send = pair_send,
	.gather = pair_gather,
	.scatter = pair_scatter,
	.reach = pair_reach,
	.receive_take = pair_receive_take,
	.receive_reach = pair_receive_reach,
	.receive_done = pair_receive_done,
	.receive_undo = pair_receive_undo,
	.request_done = pair_request_done,
	.acknowledged = pair_acknowledged,
	.fatal = pair_fatal,
};

/* ---- Turns ---- */

/**
 * pair_breaks() - UC: move a queue pair that the driver knows to be in error to that state; true: just now
 *
 * By the specification the transport would go on receiving, and after SQE sending. But libmana and
 * mana_ib know only one error state, and have flushed the entries in the ring.
 */
static bool pair_breaks(struct pair *pair)
{
	if (pair->kind != ROCE_UC || !pair->failed || roce_qp_state(pair->qp) == ROCE_ERROR)
		return false;
	return !roce_qp_modify(pair->qp, ROCE_ERROR, NULL);
}

/** pair_tell() - tell watchers of the entries that a turn has taken from the positions @from on */
static __attribute__((noinline)) void pair_tell(const struct pair *pair, const uint32_t *from)
{
	for (unsigned int i = 0; i < RNIC_RC_QUEUE_COUNT; i++)
		if (pair->wq[i])
			wq_tell(pair->wq[i], from[i]);
}

/** pair_positions() - of its queues, for pair_tell() */
static void pair_positions(const struct pair *pair, uint32_t *from)
{
	for (unsigned int i = 0; i < RNIC_RC_QUEUE_COUNT; i++)
		from[i] = pair->wq[i] ? pair->wq[i]->taken : 0;
}

bool pair_run(struct lane_work *work, unsigned int lane)
{
	struct pair *pair = (struct pair *)work;
	struct scratch *scratch = scratch_of(pair->adapter, lane);
	struct pair_burst burst = {
		.vport = atomic_load_explicit(&pair->vport, memory_order_relaxed), .lane = lane
	};
	uint32_t start = budget_spent, spent;
	uint64_t now = clock_ns(), deadline;
	uint32_t from[RNIC_RC_QUEUE_COUNT];
	bool more, watched;

	if (!scratch)
		return false;
	watched = watch_wants(&pair->adapter->watch, WATCH_ENTRIES);
	if (watched)
		pair_positions(pair, from);
	burst.start = start;
	burst.scratch = &scratch->transmit;
	pair->burst = &burst;
	pair_packets(pair, now, start);
	pair_post(pair, start);
	if (roce_qp_deadline(pair->qp) <= now)
		roce_qp_tick(pair->qp, now);
	spent = budget_since(start);
	more = roce_qp_run(pair->qp, now,
			   spent < BUDGET_TURN - SEND_MIN ? BUDGET_TURN - spent : SEND_MIN);
	burst_flush(&burst);
	pair->burst = NULL;
	more |= pair_breaks(pair);
	pair_flush(pair, start);
	pair_answer(pair);
	pair_left_behind(pair);
	if (watched)
		pair_tell(pair, from);
	adapter_raise_all(pair->adapter, &pair->raise);
	deadline = roce_qp_deadline(pair->qp);
	work->deadline = deadline == ROCE_NEVER ? 0 : deadline;
	/* Without requests of its own it works for its peer. */
	work->yields = all_done(pair) && wq_empty(pair->wq[RNIC_RC_SQ_REQUESTER]);
	if (pair->bad)
		return more || !inbox_empty(&pair->inbox) ||
		       (roce_qp_state(pair->qp) == ROCE_RTS && all_done(pair) && may_post(pair));
	/* What was freed in this turn makes room for entries that waited. */
	return more || !inbox_empty(&pair->inbox) || pair_flushes(pair) ||
	       (roce_qp_state(pair->qp) == ROCE_RTS && roce_qp_free_requests(pair->qp) &&
		!pair->wq[RNIC_RC_SQ_REQUESTER]->stopped &&
		!wq_empty(pair->wq[RNIC_RC_SQ_REQUESTER]) && may_post(pair));
}

/* ---- States ---- */

/** struct state_change - for the lane */
struct state_change {
	struct pair *pair;
	struct vport *vport;
	int state;
	int err;
};

/** queues_reset() - a driver that resets a queue pair starts its queues again */
static void queues_reset(struct pair *pair)
{
	for (unsigned int i = 0; i < RNIC_RC_QUEUE_COUNT; i++) {
		struct wq *wq = pair->wq[i];

		if (!wq)
			continue;
		atomic_store_explicit(&wq->posted, 0, memory_order_relaxed);
		wq->taken = wq->seen = 0;
		wq->stopped = false;
	}
	inbox_clear(&pair->inbox);
	atomic_store(&pair->armed, 0);
	pair->failed = false;
	pair->refused = pair->bad = 0;
	memset(pair->told, 0, sizeof(pair->told));
	memset(pair->flushed, 0, sizeof(pair->flushed));
	pair->work.deadline = 0;
}

static void change_state(void *argument)
{
	struct state_change *change = argument;
	struct pair *pair = change->pair;

	if (change->state == PAIR_SAME_STATE)
		change->state = (int)roce_qp_state(pair->qp);
	change->err = roce_qp_modify(pair->qp, (enum roce_state)change->state, &pair->attributes);
	if (!change->err && change->state == ROCE_RESET)
		queues_reset(pair);
}

static void change_counted(void *argument)
{
	const struct state_change *change = argument;

	pair_counted(change->pair, change->vport);
}

int pair_modify(struct pair *pair, int state, struct vport *vport)
{
	struct state_change change = { .pair = pair, .state = state };
	struct vport *before = atomic_load_explicit(&pair->vport, memory_order_relaxed);

	lane_call(pair->work.lane, change_state, &change);
	if (change.err)
		return change.err;
	if (change.state == ROCE_RESET)
		vport = NULL;
	else if (!vport)
		vport = before;
	change.vport = vport;
	if (vport && pair->counted != vport)
		lane_call(pair->work.lane, change_counted, &change);
	if (vport != before) {
		atomic_store_explicit(&pair->vport, vport, memory_order_release);
		if (vport)
			atomic_fetch_add_explicit(&vport->pairs, 1, memory_order_relaxed);
		if (before)
			atomic_fetch_sub_explicit(&before->pairs, 1, memory_order_relaxed);
	}
	lane_kick(&pair->work);
	return 0;
}
