/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * roce/transfer.c - what both sides of a queue pair do: send a packet, copy a payload, give up.
 */
#include <string.h>

#include "base/budget.h"
#include "roce/qp_state.h"

int transfer_send(struct roce_qp *qp, struct roce_packet *packet,
		  const struct roce_address *address, struct iovec *frame, uint32_t pieces)
{
	uint8_t trailer[ROCE_TRAILER_MAX];
	uint32_t len;
	int err;

	packet->pkey = ROCE_PKEY;
	roce_build(packet, address);
	len = qp->attributes.local && qp->kind != ROCE_UD
		      ? roce_trailer_open(packet, trailer)
		      : roce_trailer(packet, frame + 1, pieces, trailer);
	frame[0] = (struct iovec){ packet->headers, packet->payload_off };
	frame[pieces + 1] = (struct iovec){ trailer, len };
	budget_charge(BUDGET_PACKET + budget_bytes(packet->payload_len));
	err = qp->ops->send(qp->ctx, frame, pieces + 2,
			    packet->payload_off + packet->payload_len + len);
	if (err)
		return err;
	qp->counters.tx_packets++;
	qp->counters.tx_bytes += packet->payload_len;
	return 0;
}

bool transfer_copy(const struct iovec *to, uint32_t pieces, const struct iovec *iov,
		   uint32_t iovcnt, size_t offset, size_t len)
{
	size_t filled = 0;

	budget_charge(budget_bytes(len));
	for (; iovcnt && len; iov++, iovcnt--) {
		if (offset >= iov->iov_len) {
			offset -= iov->iov_len;
			continue;
		}
		while (len && offset < iov->iov_len) {
			size_t n = iov->iov_len - offset;

			if (!pieces)
				return false;
			if (n > len)
				n = len;
			if (n > to->iov_len - filled)
				n = to->iov_len - filled;
			/* Both ends can be of one client, whose memory regions overlap. */
			memmove((uint8_t *)to->iov_base + filled,
				(const uint8_t *)iov->iov_base + offset, n);
			offset += n;
			filled += n;
			len -= n;
			if (filled == to->iov_len) {
				to++;
				pieces--;
				filled = 0;
			}
		}
		offset = 0;
	}
	return !len;
}

void transfer_end(struct roce_qp *qp, enum roce_state state)
{
	struct requester *requester = &qp->requester;

	qp->state = state;
	requester->flush_end = requester->tail;
	requester->ack_deadline = requester->rnr_deadline = ROCE_NEVER;
	requester->stopped = ROCE_SUCCESS;
	if (state == ROCE_ERROR) {
		qp->flush_entry = qp->responder.taken;
		qp->responder.jobs = 0;
		qp->responder.answer_due = false;
	}
}

void transfer_fatal(struct roce_qp *qp, enum roce_status status, bool by_request)
{
	transfer_end(qp, by_request && qp->kind != ROCE_RC ? ROCE_SQE : ROCE_ERROR);
	qp->counters.fatal_errors++;
	qp->ops->fatal(qp->ctx, status);
}
