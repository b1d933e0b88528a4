/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/receive_burst.h - a burst being received: the current queue, the completion being filled,
 * and the counts. receive.c alternates between receive_plain() and receive_any(), which both work
 * on it.
 */
#ifndef MANAKIN_DEVICE_RECEIVE_BURST_H
#define MANAKIN_DEVICE_RECEIVE_BURST_H

#include <stdint.h>
#include <string.h>

#include "device/reach.h"
#include "device/state.h"

struct receive_scratch;

/** union receive_head - the part of a completion that its packets must have in common */
union receive_head {
	struct mana_cqe_header cqe_hdr;
	uint32_t word[2];
	uint64_t all;
};
static_assert(offsetof(struct mana_rxcomp_oob, ppi) == sizeof(union receive_head), "head");

/** receive_mark() - note for wq_tell() where a receive queue is that has just been locked */
static inline void receive_mark(struct wq *rq)
{
	rq->first = rq->taken;
	if (watch_wants(&rq->adapter->watch, WATCH_BIT(WATCH_TAKEN)))
		rq->ahead = wq_posted(rq);
}

/** struct receive_tally - packets for one queue, by enum wq_cast */
struct receive_tally {
	uint64_t frames[3];
	uint64_t bytes[3];
	uint64_t coalesced;
};

/** struct receive_info - a packet in a completion */
struct receive_info {
	uint32_t hash;
	uint16_t len;
};

/**
 * struct receive_burst - the state of deliver()
 * @rq:		locked receive queue, or NULL
 * @head:	of the completion being filled
 * @info:	packets in it
 * @packets:	how many
 * @offset:	of the first one's entry, in bytes
 * @tally:	of @rq
 * @reach:	of plain buffers
 * @raise:	interrupts of the queues that have been used
 * @odd:	a queue has entries that receive_plain() cannot handle, faults are asked of one, or
 *		packets are hashed as it does not: leave the rest
 */
struct receive_burst {
	struct vport *vport;
	const struct steering *steering;
	struct receive_scratch *scratch;
	struct wq *rq;
	union receive_head head;
	struct receive_info info[MANA_RXCOMP_PACKETS_MAX];
	unsigned int packets;
	uint32_t offset;
	struct receive_tally tally;
	struct reach reach;
	struct raise raise;
	bool odd;
};

/** receive_use() - lock @rq instead of the queue that is locked now; NULL: none */
void receive_use(struct receive_burst *burst, struct wq *rq);

/** receive_flush() - write the completion being filled */
void receive_flush(struct receive_burst *burst);

/**
 * receive_put() - write packet @i of a completion, after those before it
 * @pairs:	it is of type MANA_CQE_RX_COALESCED_8
 */
void receive_put(struct mana_rxcomp_oob *oob, unsigned int i, struct receive_info info, bool pairs);

/**
 * receive_tally() - count a packet for the queue that is locked
 * @header:	a copy of its first bytes
 */
static inline void receive_tally(struct receive_burst *burst, const uint8_t *header, uint32_t len)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	enum wq_cast cast = WQ_UNICAST;

	if (__builtin_expect(header[0] & 1, 0))
		cast = memcmp(header, all, sizeof(all)) ? WQ_MULTICAST : WQ_BROADCAST;
	burst->tally.frames[cast]++;
	burst->tally.bytes[cast] += len;
}

/**
 * receive_complete() - report a packet, in the completion being filled if it fits there
 * @offset:	of its entry, in bytes
 */
static inline void receive_complete(struct receive_burst *burst, union receive_head head,
				    uint32_t len, uint32_t hash, uint32_t offset)
{
	if (!burst->packets || burst->packets >= burst->steering->coalesce ||
	    burst->head.all != head.all) {
		receive_flush(burst);
		burst->head = head;
		burst->offset = offset;
	}
	burst->info[burst->packets++] = (struct receive_info){ .len = (uint16_t)len, .hash = hash };
}

#endif
