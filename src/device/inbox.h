/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/inbox.h - RoCE packets on their way to the queue pair that they are for.
 *
 * A packet can arrive on any lane, and a queue pair belongs to one. On another lane, the packet is
 * copied into the queue pair's inbox, and its lane is kicked. On its own lane the queue pair gets it at
 * once, without a copy, and the lane is kicked to send the answer. A full inbox drops packets, as a
 * wire does; the peer sends them again.
 */
#ifndef MANAKIN_DEVICE_INBOX_H
#define MANAKIN_DEVICE_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "device/queue.h"
#include "fabric/fabric.h"

struct pair;
struct roce_packet;
struct vport;

#define INBOX_SIZE       (256u << 10) /* bytes of an inbox: a power of two */
#define INBOX_PACKET_MAX 4352u        /* bytes: the longest packet, and padding of Ethernet */

/**
 * struct inbox - a ring of packets, each behind its length
 * @lock:	of those who put packets in
 * @bytes:	NULL: nothing is accepted
 * @head:	bytes put in, modulo 2^32
 * @tail:	bytes taken out
 */
struct inbox {
	struct spin lock;
	uint8_t *bytes;
	_Atomic uint32_t head;
	_Atomic uint32_t tail;
};

/** inbox_open() - make room for packets; -ENOMEM */
int inbox_open(struct inbox *inbox);
void inbox_close(struct inbox *inbox);

/**
 * inbox_next() - the oldest packet, or NULL; only for the owner's lane
 * @frame:	its iov is @iov. Valid until inbox_pop()
 */
bool inbox_next(struct inbox *inbox, struct frame *frame, struct iovec *iov);
void inbox_pop(struct inbox *inbox);
void inbox_clear(struct inbox *inbox);

static inline bool inbox_empty(const struct inbox *inbox)
{
	return atomic_load_explicit(&inbox->head, memory_order_acquire) ==
	       atomic_load_explicit(&inbox->tail, memory_order_relaxed);
}

/** inbox_wants() - is this a RoCE packet, so that a vPort with queue pairs gives it to them? */
bool inbox_wants(const struct frame *frame);

/**
 * inbox_give() - give a packet to the transport of its queue pair, if the ICRC is right; on its lane
 * @now:	see roce_qp_receive()
 */
void inbox_give(struct pair *pair, uint64_t now, const struct roce_packet *packet,
		const struct frame *frame);

/**
 * inbox_deliver() - give a RoCE packet for the vPort to its queue pair, or drop it
 * @lane:	the caller's
 */
void inbox_deliver(struct vport *vport, unsigned int lane, const struct frame *frame);

#endif
