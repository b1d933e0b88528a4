/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * roce/qp.h - the transport of a queue pair: a state machine over events.
 *
 * Events are a request that is posted, a packet that comes in, and a time that is reached. The
 * machine answers them by calls to its owner (struct roce_ops): send this packet, where is that
 * memory, this request is done. It sends only from roce_qp_run(), so an owner whose send() brings
 * packets of other queue pairs back at once is not called inside itself, and the acknowledgements of
 * a burst of packets are one packet.
 *
 * An owner's loop:
 *
 *	roce_qp_post() for each request, roce_qp_receive() for each packet of a burst
 *	if roce_qp_deadline() has come: roce_qp_tick()
 *	roce_qp_run(), again later while it returns true
 *
 * Everything a peer sends is hostile. Memory is reached only through the owner, which checks keys;
 * what an event costs is bounded, and charged to the thread's budget (base/budget.h).
 *
 * A queue pair is used by one thread at a time. No function of the owner may call back into the
 * same queue pair.
 *
 * Behaviour: InfiniBand Architecture Specification, volume 1, chapters 9 (transport) and 10.3
 * (states); where it leaves a choice, as Linux's rdma_rxe (6.12); docs/rdma.md has the choices.
 */
#ifndef MANAKIN_ROCE_QP_H
#define MANAKIN_ROCE_QP_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "roce/packet.h"

#define ROCE_PIECES_MAX   64u        /* of a packet's payload */
#define ROCE_READS_MAX    16u        /* READs in flight, each way */
#define ROCE_REQUESTS_MAX 65536u     /* that may be posted and not done */
#define ROCE_MESSAGE_MAX  (1u << 31) /* bytes */
#define ROCE_NEVER        UINT64_MAX /* roce_qp_deadline(): no timer runs */

enum roce_kind {
	ROCE_RC,
	ROCE_UC,
	ROCE_UD,
};

enum roce_state {
	ROCE_RESET,
	ROCE_INIT,
	ROCE_RTR,
	ROCE_RTS,
	ROCE_SQD, /* no new request is started; those that have been are finished */
	ROCE_SQE, /* UC and UD: a request failed, later ones are flushed; receiving goes on */
	ROCE_ERROR,
};

enum roce_opcode {
	ROCE_OP_SEND,
	ROCE_OP_SEND_IMM,
	ROCE_OP_WRITE,
	ROCE_OP_WRITE_IMM,
	ROCE_OP_READ,
};

/** enum roce_status - how a request or a receive ended; ibv_wc_status has the same distinctions */
enum roce_status {
	ROCE_SUCCESS,
	ROCE_LOCAL_LENGTH,       /* a receive entry is too short, a message too long */
	ROCE_LOCAL_QP_OPERATION, /* a request that makes no sense for this queue pair */
	ROCE_LOCAL_PROTECTION,   /* gather(), scatter() or receive_reach() failed */
	ROCE_FLUSHED,            /* the queue pair left the states in which it could be done */
	ROCE_BAD_RESPONSE,       /* a READ's response that does not fit the request */
	ROCE_REMOTE_INVALID,     /* NAK invalid request */
	ROCE_REMOTE_ACCESS,      /* NAK remote access: a wrong rkey, range or right */
	ROCE_REMOTE_OPERATION,   /* NAK remote operational error */
	ROCE_RETRY_EXCEEDED,     /* the peer does not answer */
	ROCE_RNR_RETRY_EXCEEDED, /* the peer has no receive entry */
};

/* Rights: what a peer asks for (reach()), and what a queue pair allows at all */
#define ROCE_ACCESS_READ  1u
#define ROCE_ACCESS_WRITE 2u

/**
 * struct roce_attributes - what roce_qp_modify() sets, and with which transition
 * @access:	ROCE_ACCESS_*: each transition
 * @qkey:	UD, to INIT, and each later one
 * @address:	RC and UC, to RTR: both ends
 * @local:	RC and UC, to RTR: packets stay in memory; their ICRC is 0, and nobody checks it
 * @mtu:	to RTR: bytes of payload, 256, 512, 1024, 2048 or 4096
 * @dest_qpn:	RC and UC, to RTR
 * @rq_psn:	RC and UC, to RTR: the first PSN that is expected
 * @reads_in:	RC, to RTR: READs of the peer at a time, up to ROCE_READS_MAX
 * @min_rnr_timer: RC, to RTR, and each later one: IBTA's 5-bit code; see roce_rnr_timer()
 * @sq_psn:	to RTS: the first PSN that is sent
 * @reads_out:	RC, to RTS: own READs at a time, up to ROCE_READS_MAX
 * @ack_timeout: RC, to RTS: 4.096 us * 2^n, n up to 31; 0: no timer
 * @ack_timeout_max: RC, to RTS: each timeout without progress doubles the next one, up to this one, in
 *		the same form; if less than @ack_timeout, the timeout never changes
 * @retry_count: RC, to RTS: how often in a row to send again without progress, up to 7
 * @rnr_retry:	RC, to RTS: the same for RNR NAKs; 7: for ever
 */
struct roce_attributes {
	struct roce_address address;
	uint32_t access;
	uint32_t qkey;
	uint32_t mtu;
	uint32_t dest_qpn;
	uint32_t rq_psn;
	uint32_t sq_psn;
	uint8_t reads_in;
	uint8_t reads_out;
	uint8_t min_rnr_timer;
	uint8_t ack_timeout;
	uint8_t ack_timeout_max;
	uint8_t retry_count;
	uint8_t rnr_retry;
	bool local;
};

/**
 * struct roce_request - a request of the send queue
 * @cookie:	the owner's name for it
 * @va:		remote address: WRITE, READ
 * @rkey:	its key
 * @length:	bytes of the whole message, or of the READ
 * @imm:	four bytes as they go onto the wire
 * @psn:	its first PSN, if @psn_given
 * @opcode:	enum roce_opcode
 * @solicited:	the receiver wants an event
 * @fence:	start only when all READs before it are done
 * @psn_given:	the owner counts PSNs too: roce_qp_post() refuses another one than the machine's
 * @dest_qpn:	UD: to whom, with which key (@qkey), and where (@address, which is copied)
 */
struct roce_request {
	uint64_t cookie;
	uint64_t va;
	uint32_t rkey;
	uint32_t length;
	uint32_t imm;
	uint32_t psn;
	uint8_t opcode;
	bool solicited;
	bool fence;
	bool psn_given;
	uint32_t dest_qpn;
	uint32_t qkey;
	const struct roce_address *address;
};

/**
 * struct roce_received - how a receive entry ended
 * @status:	enum roce_status; all else is set on success only
 * @opcode:	enum roce_opcode: a SEND, a SEND_IMM or a WRITE_IMM
 * @length:	bytes of the message; UD: with the 40 bytes of GRH
 * @imm:	as it was on the wire
 * @psn:	of the message's last packet
 * @src_qpn:	UD: who sent it
 * @solicited:	the sender asked for an event
 */
struct roce_received {
	uint32_t status;
	uint32_t opcode;
	uint32_t length;
	uint32_t imm;
	uint32_t psn;
	uint32_t src_qpn;
	bool solicited;
};

/**
 * struct roce_ops - what a queue pair asks its owner for
 *
 * Functions that find memory fill in up to ROCE_PIECES_MAX pieces with exactly @len bytes in all,
 * which are used before the next call of any function, and return how many, or a negative errno.
 * They are called again for each packet, and may fail at any time: keys are invalidated.
 */
struct roce_ops {
	/**
	 * @send: take a packet; the pieces are valid during the call
	 *
	 * Return: 0, or -EAGAIN: nothing was taken, and roce_qp_run() should be called again later.
	 * A packet that is dropped on the way is sent: 0.
	 */
	int (*send)(void *ctx, const struct iovec *iov, uint32_t iovcnt, uint32_t len);

	/** @gather: memory of a SEND or WRITE, to be read; fails: the request fails */
	int (*gather)(void *ctx, uint64_t cookie, uint32_t offset, uint32_t len, struct iovec *iov);

	/** @scatter: memory of a READ, to be written */
	int (*scatter)(void *ctx, uint64_t cookie, uint32_t offset, uint32_t len,
		       struct iovec *iov);

	/**
	 * @reach: memory that the peer names by a key, for ROCE_ACCESS_READ or _WRITE
	 *
	 * With @iov NULL, only says whether all of the range is allowed: 0, or a negative errno.
	 */
	int (*reach)(void *ctx, uint32_t rkey, uint64_t va, uint32_t len, uint32_t access,
		     struct iovec *iov);

	/**
	 * @receive_take: a message begins that needs a receive entry
	 *
	 * Return: 0; -EAGAIN: there is none (RC: RNR NAK; UC, UD: dropped); another negative errno:
	 * the entry makes no sense, and is finished by the owner (RC: NAK operational error)
	 */
	int (*receive_take)(void *ctx);

	/** @receive_reach: memory of the entry taken; -EMSGSIZE: it is too short */
	int (*receive_reach)(void *ctx, uint32_t offset, uint32_t len, struct iovec *iov);

	/**
	 * @receive_done: the entry taken is finished
	 *
	 * With ROCE_FLUSHED if the queue pair went to ROCE_ERROR in the middle of a message.
	 */
	void (*receive_done)(void *ctx, const struct roce_received *received);

	/** @receive_undo: UC dropped the message: the entry taken is the next one again */
	void (*receive_undo)(void *ctx);

	/** @request_done: each request that was posted, once and in order; see enum roce_status */
	void (*request_done)(void *ctx, uint64_t cookie, enum roce_status status);

	/** @acknowledged: RC: everything up to this PSN is; READs: their data is in memory */
	void (*acknowledged)(void *ctx, uint32_t psn);

	/** @fatal: the queue pair went to ROCE_ERROR (UC, UD: or ROCE_SQE) by itself */
	void (*fatal)(void *ctx, enum roce_status status);
};

/** struct roce_counters - what a queue pair has done; each only grows */
struct roce_counters {
	uint64_t tx_packets;
	uint64_t tx_bytes; /* of payload */
	uint64_t tx_again; /* packets of requests that had been sent before */
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t rx_send_requests; /* messages of the peer that began */
	uint64_t rx_write_requests;
	uint64_t rx_read_requests;
	uint64_t rx_dropped; /* packets: not for this state, peer, service or sequence */
	uint64_t requester_timeouts;
	uint64_t requester_sequence_naks;   /* received */
	uint64_t requester_rnr_naks;        /* received */
	uint64_t requester_error_naks;      /* received, only those that end the queue pair */
	uint64_t requester_implicit_naks;   /* a response is missing */
	uint64_t requester_read_mismatches; /* a READ's response out of sequence */
	uint64_t requester_local_protection;
	uint64_t requester_retries_exceeded;
	uint64_t requester_rnr_exceeded;
	uint64_t responder_rnr_naks; /* sent */
	uint64_t responder_sequence_naks;
	uint64_t responder_out_of_sequence;
	uint64_t responder_duplicates;
	uint64_t responder_invalid_request_naks; /* sent */
	uint64_t responder_access_naks;
	uint64_t responder_operational_naks;
	uint64_t responder_invalid_reads; /* too many at a time, or too long */
	uint64_t responder_local_length;
	uint64_t responder_qp_errors; /* local errors of receive entries */
	uint64_t fatal_errors;
};

/** roce_counters_add() - add how much they have grown */
static inline void roce_counters_add(struct roce_counters *to, const struct roce_counters *now,
				     const struct roce_counters *before)
{
	static_assert(sizeof(*to) % sizeof(uint64_t) == 0, "nothing but counters");
	for (size_t i = 0; i < sizeof(*to) / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] += ((const uint64_t *)now)[i] - ((const uint64_t *)before)[i];
}

struct roce_qp;

/**
 * struct roce_config - a queue pair, at its creation
 * @requests:	how many may be posted and not done: a power of two up to ROCE_REQUESTS_MAX
 * @qpn:	own number, which UD puts into its packets
 */
struct roce_config {
	const struct roce_ops *ops;
	void *ctx;
	enum roce_kind kind;
	uint32_t requests;
	uint32_t qpn;
};

/** roce_qp_create() - a queue pair in ROCE_RESET; NULL: no memory, or a bad @config */
struct roce_qp *roce_qp_create(const struct roce_config *config);

/** roce_qp_destroy() - free it; requests that are posted are forgotten without a call */
void roce_qp_destroy(struct roce_qp *qp);

/**
 * roce_qp_modify() - go to a state
 * @attributes:	those that belong to the transition are taken
 *
 * RESET forgets everything without a call. In ERROR, roce_qp_run() flushes what is posted.
 *
 * Return: 0, or -EINVAL: InfiniBand has no such transition, or an attribute is out of range;
 * nothing has changed
 */
int roce_qp_modify(struct roce_qp *qp, enum roce_state state,
		   const struct roce_attributes *attributes);

enum roce_state roce_qp_state(const struct roce_qp *qp);
const struct roce_counters *roce_qp_counters(const struct roce_qp *qp);

/** roce_qp_free_requests() - how many more can be posted */
uint32_t roce_qp_free_requests(const struct roce_qp *qp);

/** roce_qp_next_psn() - the PSN of the next request that is posted */
uint32_t roce_qp_next_psn(const struct roce_qp *qp);

/** roce_qp_acknowledged_psn() - the last PSN that is acknowledged; before any: sq_psn - 1 */
uint32_t roce_qp_acknowledged_psn(const struct roce_qp *qp);

/**
 * roce_qp_post() - queue a request; roce_qp_run() sends it
 *
 * In SQE and ERROR it is queued to be flushed.
 *
 * Return: 0; -EAGAIN: no room; -EINVAL: it makes no sense for this kind of queue pair, is too long,
 * or has another PSN than the machine's; -ENOTCONN: not in this state
 */
int roce_qp_post(struct roce_qp *qp, const struct roce_request *request);

/**
 * roce_qp_receive() - a packet came in for this queue pair
 * @now:	the time, in ns, of a clock that only goes forward
 * @packet:	of roce_parse(), its ICRC checked
 * @iov:	the frame that was parsed, for the payload
 */
void roce_qp_receive(struct roce_qp *qp, uint64_t now, const struct roce_packet *packet,
		     const struct iovec *iov, uint32_t iovcnt);

/**
 * roce_qp_run() - send what may be sent: responses first, then requests
 * @budget:	return when about so much has been spent (base/budget.h)
 *
 * Return: is there more to do, now?
 */
bool roce_qp_run(struct roce_qp *qp, uint64_t now, uint32_t budget);

/** roce_qp_deadline() - when roce_qp_tick() must be called at the latest; ROCE_NEVER */
uint64_t roce_qp_deadline(const struct roce_qp *qp);

/** roce_qp_tick() - the deadline has come; too early a call does nothing. roce_qp_run() follows */
void roce_qp_tick(struct roce_qp *qp, uint64_t now);

/** roce_qp_wants_run() - did an event leave something for roce_qp_run() to do? */
bool roce_qp_wants_run(const struct roce_qp *qp);

/** roce_rnr_timer() - IBTA's 5-bit code of an RNR timer, in ns */
uint64_t roce_rnr_timer(uint8_t code);

#endif
