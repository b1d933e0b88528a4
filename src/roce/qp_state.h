/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * roce/qp_state.h - what a queue pair consists of. Only for files of this room.
 *
 * Sequence
 *
 *	requester	head ...... next ......... tail		requests: acknowledged up to head,
 *			una_psn ... next_psn ...... post_psn	next is sent next
 *	responder	expected_psn: the next request of the peer; jobs: READs that are answered
 *
 * Indices of requests count on modulo 2^32. una_psn lies in the request at head, next_psn in the one
 * at next. Going back is to set next to head. max_psn is the highest next_psn there was: a peer
 * cannot acknowledge more than that.
 */
#ifndef MANAKIN_ROCE_QP_STATE_H
#define MANAKIN_ROCE_QP_STATE_H

#include "roce/qp.h"

#define WINDOW 128u /* PSNs in flight, at about; rxe's RXE_MAX_UNACKED_PSNS */
#define WINDOW_SIZE                                                                                \
	(128u << 10)    /* bytes in flight, at about: what a receiver surely has room for */
#define READ_PART   64u /* responses that one READ request asks for */
#define ACK_EVERY   32u /* packets of a message, after which an ACK is asked for */
#define PSNS_MAX    ((1u << 23) - 1) /* of a message: half of all, less one */
#define RNR_FOREVER 7u

/**
 * struct request - one that is posted and not done
 * @first_psn, @packets: its PSNs; a READ's are those of the response
 * @started:	a packet of it has been sent once
 */
struct request {
	uint64_t cookie;
	uint64_t va;
	uint32_t rkey;
	uint32_t length;
	uint32_t imm;
	uint32_t first_psn;
	uint32_t packets;
	uint8_t opcode;
	bool solicited;
	bool fence;
	bool started;
};

/* Where a request of UD goes */
struct destination {
	struct roce_address address;
	uint32_t qpn;
	uint32_t qkey;
};

/**
 * struct job - a READ of the peer that is answered
 * @psn:	of the next response
 * @first:	the next response is the first one since the request, so has AETH
 * @again:	answers a duplicate
 */
struct job {
	uint64_t va;
	uint32_t rkey;
	uint32_t left; /* bytes that are not sent yet */
	uint32_t psn;
	uint32_t packets; /* that are not sent yet */
	uint32_t msn;
	bool first;
	bool again;
};

enum message {
	MESSAGE_NONE,
	MESSAGE_SEND,
	MESSAGE_WRITE,
};

/**
 * struct requester - the send queue
 * @stopped:	the request at next cannot be sent, for this reason: it fails when it is at head
 * @went_back:	and there has been no progress since
 * @flush_end:	requests before it are flushed
 * @reads:	READs that are started and not done
 * @asked, @asked_end: READ requests on the wire that are not answered, and the PSNs after them
 */
struct requester {
	struct request *requests;
	struct destination *destinations;
	uint32_t mask;
	uint32_t head, next, tail, flush_end;
	uint32_t una_psn, next_psn, max_psn, post_psn;
	uint32_t reads;
	uint32_t asked;
	uint32_t asked_end[ROCE_READS_MAX];
	uint32_t since_ack;
	uint64_t ack_deadline, rnr_deadline;
	uint8_t ack_timeout; /* the next one, as in struct roce_attributes; 0: none */
	enum roce_status stopped;
	uint8_t retries_left, rnr_left;
	bool went_back;
};

/**
 * struct responder - the receive side
 * @taken:	a receive entry is taken
 * @answer_due:	an ACK or NAK is to be sent, after the jobs: @syndrome, with @answer_psn for a NAK
 * @nak_sent:	for expected_psn: none other until that comes
 * @gap_psn:	the furthest PSN that came too early since
 * @failing:	the NAK that is due is the last thing that is done
 * @skipping:	UC: the rest of this message
 */
struct responder {
	uint64_t va;
	uint32_t rkey;
	uint32_t write_left;
	uint32_t offset; /* in the message */
	uint32_t expected_psn;
	uint32_t msn;
	uint32_t answer_psn;
	uint32_t gap_psn;
	uint32_t jobs;
	enum message message;
	enum roce_status failing; /* ROCE_SUCCESS: it is not */
	uint8_t syndrome;
	bool taken;
	bool answer_due;
	bool nak_sent;
	bool skipping;
	struct job job[ROCE_READS_MAX];
};

struct roce_qp {
	const struct roce_ops *ops;
	void *ctx;
	enum roce_kind kind;
	enum roce_state state;
	uint32_t qpn;
	uint32_t mtu_shift;
	uint8_t service;
	bool flush_entry; /* the receive entry that is taken */
	struct roce_attributes attributes;
	struct requester requester;
	struct responder responder;
	struct roce_counters counters;
};

/* ---- transfer.c ---- */

/**
 * transfer_send() - build a packet and send it
 * @packet:	as for roce_build(), but for its pkey
 * @frame:	the payload from frame[1] on; frame[0] and the element after the payload are written
 * @pieces:	of payload
 *
 * Return: as roce_ops's send()
 */
int transfer_send(struct roce_qp *qp, struct roce_packet *packet,
		  const struct roce_address *address, struct iovec *frame, uint32_t pieces);

/** transfer_copy() - copy @len bytes from @offset of a frame into pieces that have as many */
bool transfer_copy(const struct iovec *to, uint32_t pieces, const struct iovec *iov,
		   uint32_t iovcnt, size_t offset, size_t len);

/** transfer_end() - go to ROCE_ERROR or ROCE_SQE: what is posted is flushed */
void transfer_end(struct roce_qp *qp, enum roce_state state);

/** transfer_fatal() - the queue pair cannot go on: ROCE_ERROR, or ROCE_SQE if a request failed */
void transfer_fatal(struct roce_qp *qp, enum roce_status status, bool by_request);

/* ---- requester.c ---- */

void requester_reset(struct roce_qp *qp);
void requester_start(struct roce_qp *qp);
bool requester_is_ready(const struct roce_qp *qp);
/** requester_run() - send until that much has been spent; false: the owner takes no more */
bool requester_run(struct roce_qp *qp, uint64_t now, uint32_t start, uint32_t budget);
void requester_receive(struct roce_qp *qp, uint64_t now, const struct roce_packet *packet,
		       const struct iovec *iov, uint32_t iovcnt);
void requester_tick(struct roce_qp *qp, uint64_t now);

/* ---- responder.c ---- */

void responder_reset(struct roce_qp *qp);
bool responder_is_ready(const struct roce_qp *qp);
bool responder_run(struct roce_qp *qp, uint32_t start, uint32_t budget);
void responder_receive(struct roce_qp *qp, const struct roce_packet *packet,
		       const struct iovec *iov, uint32_t iovcnt);

/* Bytes of payload in a full packet */
static inline uint32_t qp_mtu(const struct roce_qp *qp)
{
	return 1u << qp->mtu_shift;
}

/** qp_window() - packets in flight, at about: those of this end, and responses it waits for */
static inline uint32_t qp_window(const struct roce_qp *qp)
{
	const uint32_t packets = WINDOW_SIZE >> qp->mtu_shift;

	return packets < WINDOW ? packets : WINDOW;
}

/** qp_read_part() - responses that one READ request asks for */
static inline uint32_t qp_read_part(const struct roce_qp *qp)
{
	const uint32_t half = qp_window(qp) / 2;

	return half < READ_PART ? half : READ_PART;
}

/* qp_packets() - roce_packets() without a division */
static inline uint32_t qp_packets(const struct roce_qp *qp, uint32_t len)
{
	return len ? ((len - 1) >> qp->mtu_shift) + 1 : 1;
}

#endif
