/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * roce/requester.c - the sending side of a queue pair: requests out, acknowledgements in.
 *
 * Theory of operation
 *
 * Requests are sent in order, a packet at a time, as long as fewer than qp_window() PSNs are
 * unacknowledged: packets of this end, and responses that it waits for. A READ is asked for in parts
 * of qp_read_part() responses, each a request of its own on the wire, so that a long one does not flood
 * this end; the PSNs are the same.
 *
 * An acknowledgement is cumulative. It does not cover a READ: that is done when all of its responses
 * have come, in sequence; anything beyond a READ that lacks a response says that one is lost (an
 * implied NAK).
 *
 * When something is lost, next goes back to head, and everything from una_psn on is sent again: a
 * message from its middle, a READ with what of its range is missing. Until there is progress, further
 * signs of the same loss change nothing; the timer does.
 */
#include <errno.h>
#include <string.h>

#include "base/budget.h"
#include "base/uninitialized.h"
#include "roce/qp_state.h"

static struct request *request_at(struct roce_qp *qp, uint32_t index)
{
	return &qp->requester.requests[index & qp->requester.mask];
}

void requester_reset(struct roce_qp *qp)
{
	struct requester *requester = &qp->requester;

	requester->head = requester->next = requester->tail = requester->flush_end = 0;
	requester->reads = requester->asked = requester->since_ack = 0;
	requester->ack_deadline = requester->rnr_deadline = ROCE_NEVER;
	requester->stopped = ROCE_SUCCESS;
	requester->went_back = false;
	requester_start(qp);
}

/* From the attributes, at RTS */
void requester_start(struct roce_qp *qp)
{
	struct requester *requester = &qp->requester;
	const struct roce_attributes *attributes = &qp->attributes;

	requester->una_psn = requester->next_psn = requester->max_psn = requester->post_psn =
		attributes->sq_psn;
	requester->retries_left = attributes->retry_count;
	requester->rnr_left = attributes->rnr_retry;
	requester->ack_timeout = attributes->ack_timeout;
}

/* Sending goes on at una_psn, which is in the request at head */
static void go_back(struct roce_qp *qp)
{
	struct requester *requester = &qp->requester;

	requester->next = requester->head;
	requester->next_psn = requester->una_psn;
	requester->stopped = ROCE_SUCCESS;
	requester->since_ack = requester->asked = 0;
}

/* The request at head is done */
static void finish_head(struct roce_qp *qp, enum roce_status status)
{
	struct requester *requester = &qp->requester;
	struct request *request = request_at(qp, requester->head);

	if (request->opcode == ROCE_OP_READ && request->started)
		requester->reads--;
	budget_charge(BUDGET_ENTRY);
	if (requester->flush_end == requester->head)
		requester->flush_end++;
	requester->head++;
	qp->ops->request_done(qp->ctx, request->cookie, status);
}

/* flush_end is never behind head, however often either has wrapped */
static bool is_flushing(const struct requester *requester)
{
	return requester->flush_end != requester->head;
}

/* Nothing is left to be flushed: sending would begin with what is posted from now on */
static void settle(struct roce_qp *qp)
{
	struct requester *requester = &qp->requester;
	const uint32_t psn = requester->head == requester->tail
				     ? requester->post_psn
				     : request_at(qp, requester->head)->first_psn;

	requester->next = requester->head;
	if (qp->kind != ROCE_RC) /* RC stays as it is: what failed was not acknowledged */
		requester->una_psn = requester->next_psn = requester->max_psn = psn;
}

/* The request at head has failed, and with it the queue pair */
static void fail_head(struct roce_qp *qp, enum roce_status status)
{
	finish_head(qp, status);
	transfer_fatal(qp, status, true);
	if (!is_flushing(&qp->requester))
		settle(qp);
}

static void arm_timer(struct roce_qp *qp, uint64_t now)
{
	struct requester *requester = &qp->requester;

	requester->ack_deadline = ROCE_NEVER;
	if (requester->ack_timeout && requester->una_psn != requester->max_psn &&
	    requester->rnr_deadline == ROCE_NEVER)
		requester->ack_deadline = now + (4096ull << requester->ack_timeout);
}

/* una_psn has gone on */
static void progress(struct roce_qp *qp, uint64_t now)
{
	struct requester *requester = &qp->requester;
	uint32_t answered = 0;

	if (roce_psn_diff(requester->una_psn, requester->next_psn) > 0)
		go_back(qp); /* forward, past what was to be sent again */
	while (answered < requester->asked &&
	       roce_psn_diff(requester->asked_end[answered], requester->una_psn) <= 0)
		answered++;
	if (answered) {
		requester->asked -= answered;
		memmove(requester->asked_end, requester->asked_end + answered,
			requester->asked * sizeof(requester->asked_end[0]));
	}
	requester->went_back = false;
	requester->retries_left = qp->attributes.retry_count;
	requester->rnr_left = qp->attributes.rnr_retry;
	requester->ack_timeout = qp->attributes.ack_timeout;
	arm_timer(qp, now);
}

/**
 * acknowledge() - everything up to @psn has arrived
 *
 * Return: false if a READ before or at @psn lacks responses: una_psn is then the first of them
 */
static bool acknowledge(struct roce_qp *qp, uint64_t now, uint32_t psn)
{
	struct requester *requester = &qp->requester;
	const uint32_t before = requester->una_psn;
	bool complete = true;

	while (requester->head != requester->tail && roce_psn_diff(psn, requester->una_psn) >= 0) {
		struct request *request = request_at(qp, requester->head);
		const uint32_t end = roce_psn_add(request->first_psn, request->packets);

		if (!request->started)
			break;
		if (request->opcode == ROCE_OP_READ) {
			complete = false;
			break;
		}
		if (roce_psn_diff(psn, end) < -1) {
			requester->una_psn = roce_psn_add(psn, 1);
			break;
		}
		requester->una_psn = end;
		finish_head(qp, ROCE_SUCCESS);
	}
	if (requester->una_psn == before)
		return complete;
	progress(qp, now);
	qp->ops->acknowledged(qp->ctx, roce_psn_add(requester->una_psn, ROCE_PSN_MASK));
	return complete;
}

/* Send again from una_psn on, unless that has been done already, or too often */
static void retry(struct roce_qp *qp, uint64_t now, bool by_timer)
{
	struct requester *requester = &qp->requester;

	if (requester->went_back && !by_timer)
		return;
	if (!requester->retries_left) {
		qp->counters.requester_retries_exceeded++;
		fail_head(qp, ROCE_RETRY_EXCEEDED);
		return;
	}
	requester->retries_left--;
	requester->went_back = true;
	go_back(qp);
	arm_timer(qp, now);
}

uint64_t roce_rnr_timer(uint8_t code)
{
	/* In 10 us: IBA table 45, "Encoding for RNR NAK timer field" */
	static const uint16_t tens[32] = { 65535, 1,    2,    3,     4,     6,     8,     12,
					   16,    24,   32,   48,    64,    96,    128,   192,
					   256,   384,  512,  768,   1024,  1536,  2048,  3072,
					   4096,  6144, 8192, 12288, 16384, 24576, 32768, 49152 };

	/* 655.36 ms, the longest one, does not fit */
	return code & 0x1f ? tens[code & 0x1f] * 10000ull : 655360000ull;
}

static void receive_rnr(struct roce_qp *qp, uint64_t now, uint8_t syndrome)
{
	struct requester *requester = &qp->requester;

	qp->counters.requester_rnr_naks++;
	if (requester->rnr_deadline != ROCE_NEVER)
		return;
	if (!requester->rnr_left) {
		qp->counters.requester_rnr_exceeded++;
		fail_head(qp, ROCE_RNR_RETRY_EXCEEDED);
		return;
	}
	if (requester->rnr_left != RNR_FOREVER)
		requester->rnr_left--;
	go_back(qp);
	requester->ack_deadline = ROCE_NEVER;
	requester->rnr_deadline = now + roce_rnr_timer(syndrome & 0x1f);
}

static void receive_nak(struct roce_qp *qp, uint64_t now, uint8_t syndrome)
{
	switch (syndrome) {
	case ROCE_NAK_SEQUENCE:
		qp->counters.requester_sequence_naks++;
		retry(qp, now, false);
		return;
	case ROCE_NAK_INVALID_REQUEST:
		qp->counters.requester_error_naks++;
		fail_head(qp, ROCE_REMOTE_INVALID);
		return;
	case ROCE_NAK_REMOTE_ACCESS:
		qp->counters.requester_error_naks++;
		fail_head(qp, ROCE_REMOTE_ACCESS);
		return;
	case ROCE_NAK_OPERATIONAL:
		qp->counters.requester_error_naks++;
		fail_head(qp, ROCE_REMOTE_OPERATION);
		return;
	default: /* reserved */
		qp->counters.rx_dropped++;
	}
}

static void receive_ack(struct roce_qp *qp, uint64_t now, const struct roce_packet *packet)
{
	const uint8_t kind = packet->syndrome & ROCE_SYNDROME_KIND;
	uint32_t psn = packet->psn;

	if (kind)
		psn = roce_psn_add(psn, ROCE_PSN_MASK); /* a NAK acknowledges what is before it */
	if (!acknowledge(qp, now, psn)) {
		qp->counters.requester_implicit_naks++;
		retry(qp, now, false);
		return;
	}
	if (!kind)
		return;
	if (qp->requester.una_psn != packet->psn) {
		qp->counters.rx_dropped++; /* for a packet that has arrived meanwhile */
		return;
	}
	if (kind == ROCE_SYNDROME_RNR)
		receive_rnr(qp, now, packet->syndrome);
	else if (kind == ROCE_SYNDROME_NAK)
		receive_nak(qp, now, packet->syndrome);
	else
		qp->counters.rx_dropped++;
}

/* Does a response of this kind and length belong to this place of the READ? */
static bool response_fits(const struct roce_packet *packet, uint32_t part, uint32_t number,
			  uint32_t len, bool last)
{
	const bool ends =
		packet->operation == ROCE_READ_LAST || packet->operation == ROCE_READ_ONLY;

	return packet->payload_len == len && ends == (last || number % part == part - 1);
}

/* A response of the READ at head, in sequence */
static void receive_data(struct roce_qp *qp, uint64_t now, const struct roce_packet *packet,
			 const struct iovec *iov, uint32_t iovcnt)
{
	struct requester *requester = &qp->requester;
	struct request *request = request_at(qp, requester->head);
	const uint32_t number =
		(uint32_t)roce_psn_diff(packet->psn, request->first_psn) & ROCE_PSN_MASK;
	const uint32_t offset = number << qp->mtu_shift;
	const bool last = number == request->packets - 1;
	const uint32_t len = last ? request->length - offset : qp_mtu(qp);
	struct iovec to[ROCE_PIECES_MAX] uninitialized;

	if (!response_fits(packet, qp_read_part(qp), number, len, last)) {
		fail_head(qp, ROCE_BAD_RESPONSE);
		return;
	}
	if (len) {
		int pieces = qp->ops->scatter(qp->ctx, request->cookie, offset, len, to);

		if (pieces < 0 ||
		    !transfer_copy(to, (uint32_t)pieces, iov, iovcnt, packet->payload_off, len)) {
			qp->counters.requester_local_protection++;
			fail_head(qp, ROCE_LOCAL_PROTECTION);
			return;
		}
	}
	requester->una_psn = roce_psn_add(packet->psn, 1);
	if (last)
		finish_head(qp, ROCE_SUCCESS);
	progress(qp, now);
	if (last)
		qp->ops->acknowledged(qp->ctx, packet->psn);
}

static void receive_response(struct roce_qp *qp, uint64_t now, const struct roce_packet *packet,
			     const struct iovec *iov, uint32_t iovcnt)
{
	struct requester *requester = &qp->requester;

	if (!acknowledge(qp, now, roce_psn_add(packet->psn, ROCE_PSN_MASK))) {
		qp->counters.requester_read_mismatches++;
		qp->counters.requester_implicit_naks++;
		retry(qp, now, false);
		return;
	}
	if (requester->una_psn != packet->psn || requester->head == requester->tail ||
	    request_at(qp, requester->head)->opcode != ROCE_OP_READ ||
	    !request_at(qp, requester->head)->started) {
		qp->counters.rx_dropped++;
		return;
	}
	receive_data(qp, now, packet, iov, iovcnt);
}

void requester_receive(struct roce_qp *qp, uint64_t now, const struct roce_packet *packet,
		       const struct iovec *iov, uint32_t iovcnt)
{
	const struct requester *requester = &qp->requester;

	/* What nobody asked for: acknowledged already, or not sent yet */
	if (roce_psn_diff(packet->psn, requester->una_psn) < 0 ||
	    roce_psn_diff(packet->psn, requester->max_psn) >= 0) {
		qp->counters.rx_dropped++;
		return;
	}
	if (packet->operation == ROCE_ACK)
		receive_ack(qp, now, packet);
	else
		receive_response(qp, now, packet, iov, iovcnt);
}

void requester_tick(struct roce_qp *qp, uint64_t now)
{
	struct requester *requester = &qp->requester;

	if (requester->rnr_deadline <= now) {
		requester->rnr_deadline = ROCE_NEVER;
		arm_timer(qp, now);
	}
	if (requester->ack_deadline <= now) {
		qp->counters.requester_timeouts++;
		if (requester->ack_timeout < qp->attributes.ack_timeout_max)
			requester->ack_timeout++;
		retry(qp, now, true);
	}
}

/* Packets, and responses that READs wait for */
static uint32_t in_flight(const struct requester *requester)
{
	return (requester->next_psn - requester->una_psn) & ROCE_PSN_MASK;
}

/* May the request at next be sent now, in part or whole? */
static bool may_send(const struct roce_qp *qp)
{
	const struct requester *requester = &qp->requester;
	const struct request *request = &requester->requests[requester->next & requester->mask];

	if (requester->next == requester->tail || requester->stopped ||
	    requester->rnr_deadline != ROCE_NEVER)
		return false;
	if (!request->started) {
		if (qp->state == ROCE_SQD)
			return false;
		if (request->fence && requester->reads)
			return false;
	}
	/* To the peer each part is a READ. */
	if (request->opcode == ROCE_OP_READ && requester->asked >= qp->attributes.reads_out)
		return false;
	return qp->kind != ROCE_RC || in_flight(requester) < qp_window(qp);
}

bool requester_is_ready(const struct roce_qp *qp)
{
	const struct requester *requester = &qp->requester;

	if (is_flushing(requester))
		return true;
	if (qp->state != ROCE_RTS && qp->state != ROCE_SQD)
		return false;
	return (requester->stopped && requester->head == requester->next) || may_send(qp);
}

/* The operation for packet @number of a SEND or WRITE */
static uint8_t operation_of(const struct request *request, uint32_t number)
{
	const bool imm =
		request->opcode == ROCE_OP_SEND_IMM || request->opcode == ROCE_OP_WRITE_IMM;
	const bool last = number == request->packets - 1;
	uint8_t operation;

	if (number)
		operation = last ? (imm ? ROCE_SEND_LAST_IMM : ROCE_SEND_LAST) : ROCE_SEND_MIDDLE;
	else
		operation = !last ? ROCE_SEND_FIRST : imm ? ROCE_SEND_ONLY_IMM : ROCE_SEND_ONLY;
	if (request->opcode == ROCE_OP_WRITE || request->opcode == ROCE_OP_WRITE_IMM)
		operation = (uint8_t)(operation + ROCE_WRITE_FIRST - ROCE_SEND_FIRST);
	return operation;
}

/**
 * send_read() - ask for the READ at next from response @number on
 * @asked:	how many responses
 */
static int send_read(struct roce_qp *qp, const struct request *request, uint32_t number,
		     uint32_t *asked)
{
	struct requester *requester = &qp->requester;
	const uint32_t offset = number << qp->mtu_shift;
	const uint32_t left = request->length - offset, part = qp_read_part(qp);
	struct roce_packet packet uninitialized;
	struct iovec frame[2] uninitialized;
	int err;

	*asked = request->packets - number;
	packet.length = left;
	if (*asked > part - number % part) {
		/* Up to where the part ended when it was asked for first: a duplicate is within it */
		*asked = part - number % part;
		packet.length = *asked << qp->mtu_shift;
	}
	packet.service = qp->service;
	packet.operation = ROCE_READ_REQUEST;
	packet.payload_len = 0;
	packet.dest_qpn = qp->attributes.dest_qpn;
	packet.psn = roce_psn_add(request->first_psn, number);
	packet.solicited = false;
	packet.ack_request = true;
	packet.va = request->va + offset;
	packet.rkey = request->rkey;
	err = transfer_send(qp, &packet, &qp->attributes.address, frame, 0);
	if (!err)
		requester->asked_end[requester->asked++] = roce_psn_add(packet.psn, *asked);
	return err;
}

/* Where packets of the request at next go */
static const struct roce_address *fill_destination(const struct roce_qp *qp,
						   struct roce_packet *packet)
{
	const struct requester *requester = &qp->requester;
	const struct destination *to;

	if (qp->kind != ROCE_UD) {
		packet->dest_qpn = qp->attributes.dest_qpn;
		return &qp->attributes.address;
	}
	to = &requester->destinations[requester->next & requester->mask];
	packet->dest_qpn = to->qpn;
	/* A key with its topmost bit set stands for the queue pair's own (IBA 10.2.5) */
	packet->qkey = to->qkey & 0x80000000 ? qp->attributes.qkey : to->qkey;
	packet->src_qpn = qp->qpn;
	return &to->address;
}

/* Send packet @number of the SEND or WRITE at next; 1: its memory cannot be read */
static int send_message(struct roce_qp *qp, struct request *request, uint32_t number)
{
	const uint32_t offset = number << qp->mtu_shift;
	const bool last = number == request->packets - 1;
	struct requester *requester = &qp->requester;
	const struct roce_address *address;
	struct roce_packet packet uninitialized;
	struct iovec frame[ROCE_PIECES_MAX + 2] uninitialized;
	int pieces = 0, err;

	packet.payload_len = last ? request->length - offset : qp_mtu(qp);
	if (packet.payload_len) {
		pieces = qp->ops->gather(qp->ctx, request->cookie, offset, packet.payload_len,
					 frame + 1);
		if (pieces < 0)
			return 1;
	}
	address = fill_destination(qp, &packet);
	packet.service = qp->service;
	packet.operation = operation_of(request, number);
	packet.psn = roce_psn_add(request->first_psn, number);
	packet.solicited = last && request->solicited;
	packet.ack_request = qp->kind == ROCE_RC && (last || requester->since_ack + 1 >= ACK_EVERY);
	packet.va = request->va;
	packet.rkey = request->rkey;
	packet.length = request->length;
	packet.imm = request->imm;
	err = transfer_send(qp, &packet, address, frame, (uint32_t)pieces);
	if (!err)
		requester->since_ack = packet.ack_request ? 0 : requester->since_ack + 1;
	return err;
}

/* Send a packet of the request at next, and go on to what comes after it */
static int send_next(struct roce_qp *qp, uint64_t now)
{
	struct requester *requester = &qp->requester;
	struct request *request = request_at(qp, requester->next);
	const uint32_t number =
		(uint32_t)roce_psn_diff(requester->next_psn, request->first_psn) & ROCE_PSN_MASK;
	const bool is_read = request->opcode == ROCE_OP_READ;
	const bool idle = requester->una_psn == requester->max_psn;
	uint32_t sent = 1;
	int err =
		is_read ? send_read(qp, request, number, &sent) : send_message(qp, request, number);

	if (err > 0) {
		qp->counters.requester_local_protection++;
		requester->stopped = ROCE_LOCAL_PROTECTION;
		return 0;
	}
	if (err)
		return err;
	if (!request->started) {
		request->started = true;
		requester->reads += is_read;
	}
	qp->counters.tx_again += roce_psn_diff(requester->next_psn, requester->max_psn) < 0;
	requester->next_psn = roce_psn_add(requester->next_psn, sent);
	if (number + sent == request->packets)
		requester->next++;
	if (roce_psn_diff(requester->next_psn, requester->max_psn) > 0)
		requester->max_psn = requester->next_psn;
	if (qp->kind != ROCE_RC) {
		requester->una_psn = requester->next_psn;
		if (requester->head != requester->next)
			finish_head(qp, ROCE_SUCCESS);
	} else if (idle) {
		arm_timer(qp, now);
	}
	return 0;
}

/* Requests that will not be sent any more */
static void flush(struct roce_qp *qp, uint32_t start, uint32_t budget)
{
	struct requester *requester = &qp->requester;

	while (is_flushing(requester) && budget_since(start) < budget)
		finish_head(qp, ROCE_FLUSHED);
	if (!is_flushing(requester))
		settle(qp);
}

bool requester_run(struct roce_qp *qp, uint64_t now, uint32_t start, uint32_t budget)
{
	struct requester *requester = &qp->requester;

	while (budget_since(start) < budget && requester_is_ready(qp)) {
		if (is_flushing(requester))
			flush(qp, start, budget);
		else if (requester->stopped)
			fail_head(qp, requester->stopped);
		else if (send_next(qp, now))
			return false;
	}
	return true;
}
