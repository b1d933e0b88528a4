/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/receive.h - what receive.c and receive_plain.c share
 */
#ifndef MANAKIN_DEVICE_RECEIVE_H
#define MANAKIN_DEVICE_RECEIVE_H

#include <stdint.h>
#include <string.h>

#include "device/internal.h"
#include "device/reach.h"
#include "fabric/fabric.h"

struct receive_scratch;

/** union receive_head - the part of a completion that packets have to share to be in one */
union receive_head {
	struct mana_cqe_header cqe_hdr;
	uint32_t word[2];
	uint64_t all;
};
static_assert(offsetof(struct mana_rxcomp_oob, ppi) == sizeof(union receive_head), "head");

/** struct receive_tally - packets for one queue, by enum wq_cast */
struct receive_tally {
	uint64_t frames[3];
	uint64_t bytes[3];
	uint64_t coalesced;
};

/**
 * struct receive_burst - what deliver() is doing
 * @rq:		locked receive queue, or NULL
 * @head:	of the completion being filled
 * @info:	packets in it; 0 behind them
 * @packets:	how many
 * @offset:	of the first one's entry, in bytes
 * @tally:	of @rq
 * @reach:	of plain buffers
 * @odd:	a queue has entries that receive_plain() does not take: leave the rest
 */
struct receive_burst {
	struct vport *vport;
	const struct steering *steering;
	struct receive_scratch *scratch;
	struct wq *rq;
	union receive_head head;
	struct mana_rxcomp_perpkt_info info[MANA_RXCOMP_PACKETS];
	unsigned int packets;
	uint32_t offset;
	struct receive_tally tally;
	struct reach reach;
	bool odd;
};

/** receive_use() - lock @rq in place of the queue that is locked now; NULL: none */
void receive_use(struct receive_burst *burst, struct wq *rq);

/** receive_flush() - write the completion being filled */
void receive_flush(struct receive_burst *burst);

/**
 * receive_plain() - take packets of one piece, without a tag, TCP or UDP, right, into buffers
 *		     of one piece
 *
 * Return: how many of the first ones were taken; the next one is for whoever can take any
 */
unsigned int receive_plain(struct receive_burst *burst, const struct frame *frames, unsigned int n);

/**
 * receive_plain_offer() - the same, where packets without a buffer are left out
 * @left:	bit i is set for frames[i] that has none
 *
 * Return: how many of the first ones were taken or left out
 */
unsigned int receive_plain_offer(struct receive_burst *burst, const struct frame *frames,
				 unsigned int n, uint64_t *left);

/** receive_any() - take one frame of any kind; false if there is no buffer */
bool receive_any(struct receive_burst *burst, const struct frame *frame);

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
 * receive_complete() - tell of a packet, in the completion being filled if it fits there
 * @offset:	of its entry, in bytes
 */
static inline void receive_complete(struct receive_burst *burst, union receive_head head,
				    uint32_t len, uint32_t hash, uint32_t offset)
{
	if (!burst->packets || burst->packets == MANA_RXCOMP_PACKETS ||
	    !burst->steering->coalesce || burst->head.all != head.all) {
		receive_flush(burst);
		burst->head = head;
		burst->offset = offset;
	}
	burst->info[burst->packets++] =
		(struct mana_rxcomp_perpkt_info){ .pkt_len = (uint16_t)len, .pkt_hash = hash };
}

#endif
