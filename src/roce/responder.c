/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * roce/responder.c - the receiving side of a queue pair: the peer's requests in, answers out.
 *
 * Theory of operation
 *
 * A request is executed when its packet comes in, if its PSN is the expected one; memory is looked
 * up anew for each packet. Answers are sent by responder_run(), in the order of PSNs: first the
 * responses of READs (the jobs), then one ACK for everything executed, or one NAK. So an answer that
 * is due is a state, not a queue: a later one replaces it, which is what an acknowledgement of
 * several packets is. A NAK after which the queue pair fails is never replaced.
 *
 * A packet from before is a duplicate: acknowledged again, or, a READ, answered again, from the
 * memory as it is now; its key is checked again. A READ that is repeated while it is being answered
 * starts over at the PSN that it names.
 */
#include <errno.h>
#include <string.h>

#include "base/budget.h"
#include "base/uninitialized.h"
#include "roce/qp_state.h"

void responder_reset(struct roce_qp *qp)
{
	memset(&qp->responder, 0, sizeof(qp->responder));
	qp->responder.expected_psn = qp->attributes.rq_psn;
	qp->flush_entry = false;
}

/* ---- answers ---- */

static void answer(struct roce_qp *qp, uint8_t syndrome)
{
	struct responder *responder = &qp->responder;

	if (responder->failing)
		return;
	responder->answer_due = true;
	responder->syndrome = syndrome;
	responder->answer_psn = responder->expected_psn;
}

/* The request with the expected PSN has been executed; the caller has set the next one */
static void executed(struct roce_qp *qp, bool ack_request)
{
	struct responder *responder = &qp->responder;

	if (responder->answer_due && responder->syndrome == ROCE_NAK_SEQUENCE)
		return; /* for a later PSN now: what came too early was dropped */
	responder->nak_sent = false;
	if (responder->syndrome != ROCE_SYNDROME_ACK)
		responder->answer_due = false; /* the RNR NAK of this very request */
	if (ack_request)
		answer(qp, ROCE_SYNDROME_ACK);
}

/* The receive entry that is taken ends with an error */
static void fail_entry(struct roce_qp *qp, enum roce_status status)
{
	struct roce_received received = { .status = status };

	if (!qp->responder.taken)
		return;
	qp->responder.taken = false;
	qp->ops->receive_done(qp->ctx, &received);
}

/* The rest of this message is of no use: UC and UD, which answer nothing */
static void drop_message(struct roce_qp *qp)
{
	struct responder *responder = &qp->responder;

	qp->counters.rx_dropped++;
	responder->message = MESSAGE_NONE;
	responder->skipping = true;
	if (responder->taken) {
		responder->taken = false;
		qp->ops->receive_undo(qp->ctx);
	}
}

/* The peer asked for something that it may not: a NAK, after which the queue pair fails */
static void refuse(struct roce_qp *qp, uint8_t syndrome, enum roce_status status)
{
	if (qp->kind != ROCE_RC) {
		drop_message(qp);
		return;
	}
	if (syndrome == ROCE_NAK_INVALID_REQUEST)
		qp->counters.responder_invalid_request_naks++;
	else if (syndrome == ROCE_NAK_REMOTE_ACCESS)
		qp->counters.responder_access_naks++;
	else
		qp->counters.responder_operational_naks++;
	answer(qp, syndrome);
	qp->responder.failing = status;
	fail_entry(qp, status);
}

static int send_answer(struct roce_qp *qp)
{
	struct responder *responder = &qp->responder;
	struct roce_packet packet uninitialized;
	struct iovec frame[2] uninitialized;
	int err;

	packet.service = qp->service;
	packet.operation = ROCE_ACK;
	packet.payload_len = 0;
	packet.dest_qpn = qp->attributes.dest_qpn;
	packet.solicited = packet.ack_request = false;
	if (responder->syndrome == ROCE_NAK_SEQUENCE) {
		/* What was missing, and what came too early, may have come meanwhile. */
		if (roce_psn_diff(responder->expected_psn, responder->gap_psn) > 0) {
			responder->syndrome = ROCE_SYNDROME_ACK;
			responder->nak_sent = false;
		}
		responder->answer_psn = responder->expected_psn;
	}
	packet.syndrome = responder->syndrome;
	packet.msn = responder->msn;
	packet.psn = responder->syndrome & ROCE_SYNDROME_KIND
			     ? responder->answer_psn
			     : roce_psn_add(responder->expected_psn, ROCE_PSN_MASK);
	err = transfer_send(qp, &packet, &qp->attributes.address, frame, 0);
	if (err)
		return err;
	responder->answer_due = false;
	qp->counters.responder_sequence_naks += responder->syndrome == ROCE_NAK_SEQUENCE;
	if (responder->failing)
		transfer_fatal(qp, responder->failing, false);
	return 0;
}

/* ---- READs ---- */

/* Send the next response of the first job */
static int send_response(struct roce_qp *qp)
{
	struct responder *responder = &qp->responder;
	struct job *job = &responder->job[0];
	const bool last = job->packets == 1;
	struct iovec frame[ROCE_PIECES_MAX + 2] uninitialized;
	struct roce_packet packet uninitialized;
	int pieces = 0, err;

	packet.payload_len = last ? job->left : qp_mtu(qp);
	if (packet.payload_len) {
		pieces = qp->ops->reach(qp->ctx, job->rkey, job->va, packet.payload_len,
					ROCE_ACCESS_READ, frame + 1);
		if (pieces < 0) {
			/* The key was valid when the READ came */
			responder->jobs = 0;
			refuse(qp, ROCE_NAK_REMOTE_ACCESS, ROCE_REMOTE_ACCESS);
			responder->answer_psn = job->psn;
			return 0;
		}
	}
	packet.service = qp->service;
	packet.operation = job->first ? (last ? ROCE_READ_ONLY : ROCE_READ_FIRST)
			   : last     ? ROCE_READ_LAST
				      : ROCE_READ_MIDDLE;
	packet.dest_qpn = qp->attributes.dest_qpn;
	packet.psn = job->psn;
	packet.solicited = packet.ack_request = false;
	packet.syndrome = ROCE_SYNDROME_ACK;
	packet.msn = job->msn;
	err = transfer_send(qp, &packet, &qp->attributes.address, frame, (uint32_t)pieces);
	if (err)
		return err;
	job->first = false;
	job->psn = roce_psn_add(job->psn, 1);
	job->va += packet.payload_len;
	job->left -= packet.payload_len;
	if (!--job->packets)
		memmove(job, job + 1, --responder->jobs * sizeof(*job));
	return 0;
}

static struct job job_of(const struct roce_qp *qp, const struct roce_packet *packet, bool again)
{
	return (struct job){ .va = packet->va,
			     .rkey = packet->rkey,
			     .left = packet->length,
			     .psn = packet->psn,
			     .packets = qp_packets(qp, packet->length),
			     .msn = qp->responder.msn,
			     .first = true,
			     .again = again };
}

/* May the peer read this, if it may read at all? */
static bool read_is_allowed(const struct roce_qp *qp, const struct roce_packet *packet)
{
	return !packet->length || !qp->ops->reach(qp->ctx, packet->rkey, packet->va, packet->length,
						  ROCE_ACCESS_READ, NULL);
}

static void receive_read(struct roce_qp *qp, const struct roce_packet *packet)
{
	struct responder *responder = &qp->responder;
	uint32_t fresh = 0;

	qp->counters.rx_read_requests++;
	if (!(qp->attributes.access & ROCE_ACCESS_READ)) {
		refuse(qp, ROCE_NAK_INVALID_REQUEST, ROCE_REMOTE_INVALID);
		return;
	}
	for (uint32_t i = 0; i < responder->jobs; i++)
		fresh += !responder->job[i].again;
	if (packet->length > ROCE_MESSAGE_MAX || qp_packets(qp, packet->length) > PSNS_MAX ||
	    fresh >= qp->attributes.reads_in) {
		qp->counters.responder_invalid_reads++;
		refuse(qp, ROCE_NAK_INVALID_REQUEST, ROCE_REMOTE_INVALID);
		return;
	}
	if (!read_is_allowed(qp, packet)) {
		refuse(qp, ROCE_NAK_REMOTE_ACCESS, ROCE_REMOTE_ACCESS);
		return;
	}
	if (responder->jobs == ROCE_READS_MAX) {
		qp->counters.rx_dropped++; /* duplicates fill the table: as if it was lost */
		return;
	}
	responder->msn = (responder->msn + 1) & ROCE_PSN_MASK;
	responder->job[responder->jobs++] = job_of(qp, packet, false);
	responder->expected_psn = roce_psn_add(packet->psn, qp_packets(qp, packet->length));
	executed(qp, false);
	/* The response is the acknowledgement, of everything before it too */
	if (responder->syndrome == ROCE_SYNDROME_ACK)
		responder->answer_due = false;
}

/* A READ that has been executed before, or the last part of one */
static void receive_read_again(struct roce_qp *qp, const struct roce_packet *packet)
{
	struct responder *responder = &qp->responder;
	uint32_t at = 0;
	struct job again;

	if (packet->length > ROCE_MESSAGE_MAX || qp_packets(qp, packet->length) > PSNS_MAX ||
	    !(qp->attributes.access & ROCE_ACCESS_READ))
		return;
	again = job_of(qp, packet, true);
	/* Not more than has been executed */
	if (roce_psn_diff(roce_psn_add(again.psn, again.packets), responder->expected_psn) > 0 ||
	    !read_is_allowed(qp, packet))
		return;
	while (at < responder->jobs &&
	       roce_psn_diff(roce_psn_add(responder->job[at].psn, responder->job[at].packets),
			     again.psn) <= 0)
		at++;
	/* The same end: it is being answered, or about to be */
	if (at < responder->jobs &&
	    roce_psn_add(responder->job[at].psn, responder->job[at].packets) ==
		    roce_psn_add(again.psn, again.packets)) {
		again.again = responder->job[at].again;
		responder->job[at] = again;
		return;
	}
	if (responder->jobs == ROCE_READS_MAX)
		return;
	memmove(&responder->job[at + 1], &responder->job[at],
		(responder->jobs - at) * sizeof(responder->job[0]));
	responder->job[at] = again;
	responder->jobs++;
}

/* ---- SENDs and WRITEs ---- */

/* What an operation is, among the packets of a message */
struct part {
	enum message message;
	bool starts;
	bool ends;
	bool takes_entry; /* a receive entry, with this packet */
	bool valid;
};

static struct part part_of(uint8_t operation)
{
	static const struct part parts[ROCE_WRITE_ONLY_IMM + 1] = {
		[ROCE_SEND_FIRST] = { MESSAGE_SEND, true, false, true, true },
		[ROCE_SEND_MIDDLE] = { MESSAGE_SEND, false, false, false, true },
		[ROCE_SEND_LAST] = { MESSAGE_SEND, false, true, false, true },
		[ROCE_SEND_LAST_IMM] = { MESSAGE_SEND, false, true, false, true },
		[ROCE_SEND_ONLY] = { MESSAGE_SEND, true, true, true, true },
		[ROCE_SEND_ONLY_IMM] = { MESSAGE_SEND, true, true, true, true },
		[ROCE_WRITE_FIRST] = { MESSAGE_WRITE, true, false, false, true },
		[ROCE_WRITE_MIDDLE] = { MESSAGE_WRITE, false, false, false, true },
		[ROCE_WRITE_LAST] = { MESSAGE_WRITE, false, true, false, true },
		[ROCE_WRITE_LAST_IMM] = { MESSAGE_WRITE, false, true, true, true },
		[ROCE_WRITE_ONLY] = { MESSAGE_WRITE, true, true, false, true },
		[ROCE_WRITE_ONLY_IMM] = { MESSAGE_WRITE, true, true, true, true },
	};

	return operation <= ROCE_WRITE_ONLY_IMM ? parts[operation] : (struct part){ 0 };
}

/* Does the packet go on with the message that there is, with a length that it may have? */
static bool part_fits(const struct roce_qp *qp, const struct part *part,
		      const struct roce_packet *packet)
{
	const struct responder *responder = &qp->responder;
	const uint32_t mtu = qp_mtu(qp), len = packet->payload_len;

	if (part->starts ? responder->message != MESSAGE_NONE : responder->message != part->message)
		return false;
	if (part->ends ? len > mtu || (!part->starts && !len) : len != mtu)
		return false;
	if (part->message == MESSAGE_SEND)
		return responder->offset <= ROCE_MESSAGE_MAX - len;
	if (part->starts)
		return packet->length <= ROCE_MESSAGE_MAX &&
		       (part->ends ? packet->length == len : packet->length > len);
	return part->ends ? responder->write_left == len : responder->write_left > len;
}

/* The beginning of a WRITE: is all of it allowed? */
static bool write_is_allowed(const struct roce_qp *qp, const struct roce_packet *packet)
{
	return !packet->length || !qp->ops->reach(qp->ctx, packet->rkey, packet->va, packet->length,
						  ROCE_ACCESS_WRITE, NULL);
}

/**
 * take_entry() - the message needs a receive entry
 *
 * Return: false if there is none that is good; that has been answered
 */
static bool take_entry(struct roce_qp *qp)
{
	struct responder *responder = &qp->responder;
	int err = qp->ops->receive_take(qp->ctx);

	budget_charge(BUDGET_ENTRY);
	if (!err) {
		responder->taken = true;
		return true;
	}
	if (err != -EAGAIN) {
		qp->counters.responder_qp_errors++;
		refuse(qp, ROCE_NAK_OPERATIONAL, ROCE_LOCAL_QP_OPERATION);
	} else if (qp->kind == ROCE_RC) {
		qp->counters.responder_rnr_naks++;
		responder->nak_sent = true;
		answer(qp, (uint8_t)(ROCE_SYNDROME_RNR | qp->attributes.min_rnr_timer));
	} else {
		drop_message(qp);
	}
	return false;
}

/* Where the payload goes, which is not empty; false: nowhere, which has been answered */
static bool store(struct roce_qp *qp, const struct part *part, const struct roce_packet *packet,
		  const struct iovec *iov, uint32_t iovcnt)
{
	struct responder *responder = &qp->responder;
	const uint32_t len = packet->payload_len;
	struct iovec to[ROCE_PIECES_MAX] uninitialized;
	int pieces;

	if (part->message == MESSAGE_WRITE) {
		pieces = qp->ops->reach(qp->ctx, responder->rkey, responder->va, len,
					ROCE_ACCESS_WRITE, to);
		if (pieces < 0 ||
		    !transfer_copy(to, (uint32_t)pieces, iov, iovcnt, packet->payload_off, len)) {
			refuse(qp, ROCE_NAK_REMOTE_ACCESS, ROCE_REMOTE_ACCESS);
			return false;
		}
		return true;
	}
	pieces = qp->ops->receive_reach(qp->ctx, responder->offset, len, to);
	if (pieces == -EMSGSIZE) {
		qp->counters.responder_local_length++;
		refuse(qp, ROCE_NAK_INVALID_REQUEST, ROCE_LOCAL_LENGTH);
		return false;
	}
	if (pieces < 0 ||
	    !transfer_copy(to, (uint32_t)pieces, iov, iovcnt, packet->payload_off, len)) {
		qp->counters.responder_qp_errors++;
		refuse(qp, ROCE_NAK_OPERATIONAL, ROCE_LOCAL_PROTECTION);
		return false;
	}
	return true;
}

/* A whole message has come */
static void finish_message(struct roce_qp *qp, const struct part *part,
			   const struct roce_packet *packet, uint32_t length)
{
	struct responder *responder = &qp->responder;
	struct roce_received received = {
		.status = ROCE_SUCCESS,
		.opcode = part->message == MESSAGE_WRITE ? ROCE_OP_WRITE_IMM
			  : packet->has_imm              ? ROCE_OP_SEND_IMM
							 : ROCE_OP_SEND,
		.length = length,
		.imm = packet->imm,
		.psn = packet->psn,
		.src_qpn = packet->src_qpn,
		.solicited = packet->solicited,
	};

	responder->message = MESSAGE_NONE;
	responder->msn = (responder->msn + 1) & ROCE_PSN_MASK;
	if (!responder->taken)
		return;
	responder->taken = false;
	qp->ops->receive_done(qp->ctx, &received);
}

/* A packet of a SEND or WRITE with the expected PSN */
static void receive_message(struct roce_qp *qp, const struct roce_packet *packet,
			    const struct iovec *iov, uint32_t iovcnt)
{
	const struct part part = part_of(packet->operation);
	struct responder *responder = &qp->responder;

	if (!part.valid || !part_fits(qp, &part, packet) ||
	    (part.message == MESSAGE_WRITE && !(qp->attributes.access & ROCE_ACCESS_WRITE))) {
		refuse(qp, ROCE_NAK_INVALID_REQUEST, ROCE_REMOTE_INVALID);
		return;
	}
	if (part.starts && part.message == MESSAGE_WRITE && !write_is_allowed(qp, packet)) {
		refuse(qp, ROCE_NAK_REMOTE_ACCESS, ROCE_REMOTE_ACCESS);
		return;
	}
	if (part.takes_entry && !take_entry(qp))
		return;
	if (part.starts) {
		responder->message = part.message;
		responder->offset = 0;
		responder->va = packet->va;
		responder->rkey = packet->rkey;
		responder->write_left = packet->length;
		if (part.message == MESSAGE_WRITE)
			qp->counters.rx_write_requests++;
		else
			qp->counters.rx_send_requests++;
	}
	if (packet->payload_len && !store(qp, &part, packet, iov, iovcnt))
		return;
	responder->offset += packet->payload_len;
	responder->va += packet->payload_len;
	responder->write_left -= part.message == MESSAGE_WRITE ? packet->payload_len : 0;
	responder->expected_psn = roce_psn_add(packet->psn, 1);
	if (part.ends)
		finish_message(qp, &part, packet, responder->offset);
	if (qp->kind == ROCE_RC)
		executed(qp, packet->ack_request);
}

/* ---- the three kinds ---- */

static void receive_rc(struct roce_qp *qp, const struct roce_packet *packet,
		       const struct iovec *iov, uint32_t iovcnt)
{
	struct responder *responder = &qp->responder;
	const int32_t ahead = roce_psn_diff(packet->psn, responder->expected_psn);

	if (responder->failing) {
		qp->counters.rx_dropped++;
	} else if (ahead > 0) {
		qp->counters.responder_out_of_sequence++;
		if (!responder->nak_sent || roce_psn_diff(packet->psn, responder->gap_psn) > 0)
			responder->gap_psn = packet->psn;
		if (!responder->nak_sent)
			answer(qp, ROCE_NAK_SEQUENCE);
		responder->nak_sent = true;
	} else if (ahead < 0) {
		qp->counters.responder_duplicates++;
		if (packet->operation == ROCE_READ_REQUEST)
			receive_read_again(qp, packet);
		else if (!responder->answer_due)
			answer(qp, ROCE_SYNDROME_ACK);
	} else if (packet->operation != ROCE_READ_REQUEST) {
		receive_message(qp, packet, iov, iovcnt);
	} else if (responder->message != MESSAGE_NONE) {
		refuse(qp, ROCE_NAK_INVALID_REQUEST, ROCE_REMOTE_INVALID);
	} else {
		receive_read(qp, packet);
	}
}

static void receive_uc(struct roce_qp *qp, const struct roce_packet *packet,
		       const struct iovec *iov, uint32_t iovcnt)
{
	struct responder *responder = &qp->responder;
	const struct part part = part_of(packet->operation);

	/* What is missing takes the message with it; so does one that begins within another. */
	if (responder->message != MESSAGE_NONE &&
	    (packet->psn != responder->expected_psn || part.starts))
		drop_message(qp);
	responder->expected_psn = packet->psn;
	if (part.starts) {
		responder->skipping = false;
	} else if (responder->message == MESSAGE_NONE) {
		qp->counters.rx_dropped += !responder->skipping;
		responder->skipping = true;
		return;
	}
	receive_message(qp, packet, iov, iovcnt);
}

/* The 40 bytes in front of the payload, then the payload */
static void receive_ud(struct roce_qp *qp, const struct roce_packet *packet,
		       const struct iovec *iov, uint32_t iovcnt)
{
	struct responder *responder = &qp->responder;
	const struct part part = part_of(packet->operation);
	uint8_t grh[ROCE_GRH_LEN];
	const struct iovec header = { grh, sizeof(grh) };
	struct iovec to[ROCE_PIECES_MAX] uninitialized;
	int pieces;

	if (packet->qkey != qp->attributes.qkey || packet->payload_len > qp_mtu(qp)) {
		qp->counters.rx_dropped++;
		return;
	}
	if (!take_entry(qp))
		return;
	qp->counters.rx_send_requests++;
	roce_grh(packet, grh);
	pieces = qp->ops->receive_reach(qp->ctx, 0, sizeof(grh), to);
	if (pieces < 0 || !transfer_copy(to, (uint32_t)pieces, &header, 1, 0, sizeof(grh))) {
		qp->counters.responder_local_length++;
		drop_message(qp);
		return;
	}
	responder->offset = sizeof(grh);
	if (packet->payload_len && !store(qp, &part, packet, iov, iovcnt))
		return;
	finish_message(qp, &part, packet, (uint32_t)sizeof(grh) + packet->payload_len);
}

void responder_receive(struct roce_qp *qp, const struct roce_packet *packet,
		       const struct iovec *iov, uint32_t iovcnt)
{
	switch (qp->kind) {
	case ROCE_RC:
		receive_rc(qp, packet, iov, iovcnt);
		return;
	case ROCE_UC:
		receive_uc(qp, packet, iov, iovcnt);
		return;
	case ROCE_UD:
		receive_ud(qp, packet, iov, iovcnt);
		return;
	}
}

bool responder_is_ready(const struct roce_qp *qp)
{
	return qp->responder.jobs || qp->responder.answer_due || qp->flush_entry;
}

bool responder_run(struct roce_qp *qp, uint32_t start, uint32_t budget)
{
	struct responder *responder = &qp->responder;

	if (qp->flush_entry) {
		qp->flush_entry = false;
		fail_entry(qp, ROCE_FLUSHED);
	}
	while (responder->jobs) {
		if (send_response(qp))
			return false;
		if (budget_since(start) >= budget)
			break;
	}
	return responder->jobs || !responder->answer_due || !send_answer(qp);
}
