/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * roce/qp.c - a queue pair: its states, and which side an event goes to.
 *
 * The sides are requester.c (what this end asks for) and responder.c (what the peer asks for). They
 * share nothing but the state and the way packets are sent (transfer.c).
 */
#include "roce/qp.h"

#include <errno.h>
#include <stdlib.h>

#include "base/budget.h"
#include "roce/qp_state.h"

struct roce_qp *roce_qp_create(const struct roce_config *config)
{
	static const uint8_t services[] = { [ROCE_RC] = ROCE_SERVICE_RC,
					    [ROCE_UC] = ROCE_SERVICE_UC,
					    [ROCE_UD] = ROCE_SERVICE_UD };
	struct roce_qp *qp;

	if (!config->requests || config->requests > ROCE_REQUESTS_MAX ||
	    config->requests & (config->requests - 1) || config->kind > ROCE_UD)
		return NULL;
	qp = calloc(1, sizeof(*qp));
	if (!qp)
		return NULL;
	qp->requester.requests = calloc(config->requests, sizeof(struct request));
	if (config->kind == ROCE_UD)
		qp->requester.destinations = calloc(config->requests, sizeof(struct destination));
	if (!qp->requester.requests || (config->kind == ROCE_UD && !qp->requester.destinations)) {
		roce_qp_destroy(qp);
		return NULL;
	}
	qp->requester.mask = config->requests - 1;
	qp->ops = config->ops;
	qp->ctx = config->ctx;
	qp->kind = config->kind;
	qp->service = services[config->kind];
	qp->qpn = config->qpn;
	qp->mtu_shift = 12;
	requester_reset(qp);
	responder_reset(qp);
	return qp;
}

void roce_qp_destroy(struct roce_qp *qp)
{
	if (!qp)
		return;
	free(qp->requester.requests);
	free(qp->requester.destinations);
	free(qp);
}

/* IBA's figure of the states (10.3.1) */
static bool transition_exists(const struct roce_qp *qp, enum roce_state to)
{
	switch (to) {
	case ROCE_RESET:
	case ROCE_ERROR:
		return true;
	case ROCE_INIT:
		return qp->state == ROCE_RESET || qp->state == ROCE_INIT;
	case ROCE_RTR:
		return qp->state == ROCE_INIT;
	case ROCE_RTS:
		return qp->state == ROCE_RTR || qp->state == ROCE_RTS || qp->state == ROCE_SQD ||
		       (qp->state == ROCE_SQE && qp->kind != ROCE_RC);
	case ROCE_SQD:
		return qp->state == ROCE_RTS || qp->state == ROCE_SQD;
	default:
		return false;
	}
}

static bool attributes_fit(const struct roce_qp *qp, enum roce_state to,
			   const struct roce_attributes *attributes)
{
	if (attributes->min_rnr_timer > 31)
		return false;
	if (to == ROCE_RTR) {
		const uint32_t mtu = attributes->mtu;

		if (mtu < 256 || mtu > 4096 || mtu & (mtu - 1))
			return false;
		if (qp->kind != ROCE_UD && attributes->address.ip_version != 4 &&
		    attributes->address.ip_version != 6)
			return false;
		return attributes->reads_in <= ROCE_READS_MAX;
	}
	if (to == ROCE_RTS && qp->state == ROCE_RTR)
		return attributes->reads_out <= ROCE_READS_MAX && attributes->ack_timeout <= 31 &&
		       attributes->ack_timeout_max <= 31 && attributes->retry_count <= 7 &&
		       attributes->rnr_retry <= 7;
	return true;
}

static void take_attributes(struct roce_qp *qp, enum roce_state to,
			    const struct roce_attributes *from)
{
	struct roce_attributes *attributes = &qp->attributes;

	attributes->access = from->access;
	attributes->qkey = from->qkey;
	if (to == ROCE_INIT)
		return;
	attributes->min_rnr_timer = from->min_rnr_timer;
	if (to == ROCE_RTR) {
		attributes->address = from->address;
		attributes->local = from->local;
		attributes->mtu = from->mtu;
		attributes->dest_qpn = from->dest_qpn & ROCE_QPN_MASK;
		attributes->rq_psn = from->rq_psn & ROCE_PSN_MASK;
		attributes->reads_in = from->reads_in;
		qp->mtu_shift = (uint32_t)__builtin_ctz(from->mtu);
	} else if (to == ROCE_RTS && qp->state == ROCE_RTR) {
		attributes->sq_psn = from->sq_psn & ROCE_PSN_MASK;
		attributes->reads_out = from->reads_out;
		attributes->ack_timeout = from->ack_timeout;
		attributes->ack_timeout_max = from->ack_timeout_max;
		attributes->retry_count = from->retry_count;
		attributes->rnr_retry = from->rnr_retry;
	}
}

int roce_qp_modify(struct roce_qp *qp, enum roce_state state,
		   const struct roce_attributes *attributes)
{
	const bool needs_attributes =
		state == ROCE_RTR || (state == ROCE_RTS && qp->state == ROCE_RTR);

	if (!transition_exists(qp, state) || (needs_attributes && !attributes))
		return -EINVAL;
	if (state == ROCE_RESET) {
		qp->attributes = (struct roce_attributes){ 0 };
		qp->state = state;
		requester_reset(qp);
		responder_reset(qp);
		return 0;
	}
	if (state == ROCE_ERROR) {
		if (qp->state != ROCE_ERROR)
			transfer_end(qp, ROCE_ERROR);
		return 0;
	}
	if (attributes) {
		if (!attributes_fit(qp, state, attributes))
			return -EINVAL;
		take_attributes(qp, state, attributes);
	}
	if (state == ROCE_RTR)
		responder_reset(qp);
	if (state == ROCE_RTS && qp->state == ROCE_RTR)
		requester_start(qp);
	qp->state = state;
	return 0;
}

enum roce_state roce_qp_state(const struct roce_qp *qp)
{
	return qp->state;
}

const struct roce_counters *roce_qp_counters(const struct roce_qp *qp)
{
	return &qp->counters;
}

uint32_t roce_qp_free_requests(const struct roce_qp *qp)
{
	return qp->requester.mask + 1 - (qp->requester.tail - qp->requester.head);
}

uint32_t roce_qp_next_psn(const struct roce_qp *qp)
{
	return qp->requester.post_psn;
}

uint32_t roce_qp_acknowledged_psn(const struct roce_qp *qp)
{
	return roce_psn_add(qp->requester.una_psn, ROCE_PSN_MASK);
}

static bool request_fits(const struct roce_qp *qp, const struct roce_request *request)
{
	if (request->opcode > ROCE_OP_READ || request->length > ROCE_MESSAGE_MAX ||
	    qp_packets(qp, request->length) > PSNS_MAX)
		return false;
	if (request->psn_given && request->psn != qp->requester.post_psn)
		return false;
	if (qp->kind == ROCE_UD)
		return request->opcode <= ROCE_OP_SEND_IMM && request->length <= qp_mtu(qp) &&
		       request->address &&
		       (request->address->ip_version == 4 || request->address->ip_version == 6);
	/* Never startable: more READs than there may be */
	return request->opcode != ROCE_OP_READ || (qp->kind == ROCE_RC && qp->attributes.reads_out);
}

int roce_qp_post(struct roce_qp *qp, const struct roce_request *request)
{
	struct requester *requester = &qp->requester;
	const uint32_t index = requester->tail & requester->mask;

	if (qp->state < ROCE_RTS)
		return -ENOTCONN;
	if (!roce_qp_free_requests(qp))
		return -EAGAIN;
	if (!request_fits(qp, request))
		return -EINVAL;
	requester->requests[index] = (struct request){
		.cookie = request->cookie,
		.va = request->va,
		.rkey = request->rkey,
		.length = request->length,
		.imm = request->imm,
		.first_psn = requester->post_psn,
		.packets = qp_packets(qp, request->length),
		.opcode = request->opcode,
		.solicited = request->solicited,
		.fence = request->fence,
	};
	if (qp->kind == ROCE_UD)
		requester->destinations[index] =
			(struct destination){ .address = *request->address,
					      .qpn = request->dest_qpn & ROCE_QPN_MASK,
					      .qkey = request->qkey };
	requester->post_psn = roce_psn_add(requester->post_psn, requester->requests[index].packets);
	requester->tail++;
	if (qp->state >= ROCE_SQE)
		requester->flush_end = requester->tail;
	return 0;
}

static bool receives(const struct roce_qp *qp)
{
	return qp->state >= ROCE_RTR && qp->state <= ROCE_SQE;
}

void roce_qp_receive(struct roce_qp *qp, uint64_t now, const struct roce_packet *packet,
		     const struct iovec *iov, uint32_t iovcnt)
{
	budget_charge(BUDGET_PACKET);
	qp->counters.rx_packets++;
	if (!receives(qp) || packet->service != qp->service || (packet->pkey & 0x7fff) != 0x7fff ||
	    (qp->kind != ROCE_UD && !roce_from_peer(packet, &qp->attributes.address))) {
		qp->counters.rx_dropped++;
		return;
	}
	qp->counters.rx_bytes += packet->payload_len;
	if (qp->kind == ROCE_RC && packet->operation >= ROCE_READ_FIRST &&
	    packet->operation <= ROCE_ATOMIC_ACK) {
		if (qp->state < ROCE_RTS || packet->operation == ROCE_ATOMIC_ACK)
			qp->counters.rx_dropped++;
		else
			requester_receive(qp, now, packet, iov, iovcnt);
		return;
	}
	responder_receive(qp, packet, iov, iovcnt);
}

bool roce_qp_wants_run(const struct roce_qp *qp)
{
	return responder_is_ready(qp) || requester_is_ready(qp);
}

bool roce_qp_run(struct roce_qp *qp, uint64_t now, uint32_t budget)
{
	const uint32_t start = budget_spent;

	/* Half for the peer's READs, so that they do not keep this end from sending */
	if (responder_is_ready(qp) && !responder_run(qp, start, budget / 2))
		return true;
	if (!requester_run(qp, now, start, budget))
		return true;
	return roce_qp_wants_run(qp);
}

uint64_t roce_qp_deadline(const struct roce_qp *qp)
{
	const struct requester *requester = &qp->requester;

	return requester->ack_deadline < requester->rnr_deadline ? requester->ack_deadline
								 : requester->rnr_deadline;
}

void roce_qp_tick(struct roce_qp *qp, uint64_t now)
{
	requester_tick(qp, now);
}
