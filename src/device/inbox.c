/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * Packets are put into the ring one behind the other, each after its length, and never wrap: what is
 * left at the ring's end is skipped. Those who put in take turns by a lock, which they hold for one
 * copy; the owner takes out without it.
 *
 * A packet that is delivered at once is read from the sender's memory, which may change meanwhile. So
 * only a copy of the headers is parsed; the payload is only copied to its destination.
 */
#include "device/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/uninitialized.h"
#include "device/headers.h"
#include "device/pair.h"
#include "device/state.h"
#include "roce/packet.h"

#define MASK  (INBOX_SIZE - 1)
#define ALIGN 64u        /* bytes: a packet's length starts a cache line */
#define SKIP  UINT32_MAX /* in place of a length: the next packet is at the ring's start */
#define HEAD  2u         /* words before a packet: its length and flags */

static_assert(!(INBOX_SIZE & MASK) && !(INBOX_SIZE % ALIGN), "the ring wraps");

/** room_of() - bytes of the ring that a packet takes */
static uint32_t room_of(uint32_t len)
{
	return (HEAD * (uint32_t)sizeof(uint32_t) + len + ALIGN - 1) & ~(ALIGN - 1);
}

int inbox_open(struct inbox *inbox)
{
	if (!inbox->bytes)
		inbox->bytes = aligned_alloc(ALIGN, INBOX_SIZE);
	return inbox->bytes ? 0 : -ENOMEM;
}

void inbox_close(struct inbox *inbox)
{
	free(inbox->bytes);
	inbox->bytes = NULL;
}

bool inbox_next(struct inbox *inbox, struct frame *frame, struct iovec *iov)
{
	uint32_t tail = atomic_load_explicit(&inbox->tail, memory_order_relaxed);
	uint32_t head[HEAD];

	if (inbox_empty(inbox))
		return false;
	memcpy(head, inbox->bytes + (tail & MASK), sizeof(head));
	if (head[0] == SKIP) {
		tail += INBOX_SIZE - (tail & MASK);
		atomic_store_explicit(&inbox->tail, tail, memory_order_release);
		memcpy(head, inbox->bytes, sizeof(head));
	}
	*iov = (struct iovec){ inbox->bytes + (tail & MASK) + sizeof(head), head[0] };
	*frame = (struct frame){ .iov = iov, .iovcnt = 1, .len = head[0], .flags = head[1] };
	return true;
}

void inbox_pop(struct inbox *inbox)
{
	uint32_t tail = atomic_load_explicit(&inbox->tail, memory_order_relaxed), len;

	memcpy(&len, inbox->bytes + (tail & MASK), sizeof(len));
	atomic_store_explicit(&inbox->tail, tail + room_of(len), memory_order_release);
}

void inbox_clear(struct inbox *inbox)
{
	atomic_store_explicit(&inbox->tail,
			      atomic_load_explicit(&inbox->head, memory_order_acquire),
			      memory_order_release);
}

/** inbox_put() - copy a packet into the ring; false if there is no room */
static bool inbox_put(struct inbox *inbox, const struct frame *frame)
{
	uint32_t room = room_of(frame->len), skip = 0, head, used;
	bool fits = false;

	budget_charge(budget_bytes(frame->len));
	spin_lock(&inbox->lock);
	head = atomic_load_explicit(&inbox->head, memory_order_relaxed);
	used = head - atomic_load_explicit(&inbox->tail, memory_order_acquire);
	if ((head & MASK) + room > INBOX_SIZE)
		skip = INBOX_SIZE - (head & MASK);
	if (inbox->bytes && skip + room <= INBOX_SIZE - used) {
		const uint32_t marker = SKIP, words[HEAD] = { frame->len, frame->flags };
		uint8_t *to;

		if (skip)
			memcpy(inbox->bytes + (head & MASK), &marker, sizeof(marker));
		to = inbox->bytes + ((head + skip) & MASK);
		memcpy(to, words, sizeof(words));
		headers_copy(frame->iov, frame->iovcnt, to + sizeof(words), frame->len);
		atomic_store_explicit(&inbox->head, head + skip + room, memory_order_release);
		fits = true;
	}
	spin_unlock(&inbox->lock);
	return fits;
}

void inbox_give(struct pair *pair, uint64_t now, const struct roce_packet *packet,
		const struct frame *frame)
{
	struct vport *vport = atomic_load_explicit(&pair->vport, memory_order_relaxed);

	if (frame->flags & FRAME_ICRC_VALID || roce_icrc_ok(packet, frame->iov, frame->iovcnt))
		roce_qp_receive(pair->qp, now, packet, frame->iov, frame->iovcnt);
	else if (vport)
		atomic_fetch_add_explicit(&vport->roce_icrc_errors, 1, memory_order_relaxed);
}

/** clock_of() - the time, if the queue pair's timers depend on this packet: an acknowledgement */
static uint64_t clock_of(const struct pair *pair, const struct roce_packet *packet)
{
	return pair->kind == ROCE_RC && packet->operation >= ROCE_READ_FIRST ? clock_ns() : 0;
}

bool inbox_wants(const struct frame *frame)
{
	uint8_t headers[ROCE_HEADERS_MAX] uninitialized;

	if (frame->flags & FRAME_ICRC_VALID)
		return true;
	return roce_is_udp(headers,
			   headers_copy(frame->iov, frame->iovcnt, headers, sizeof(headers)));
}

void inbox_deliver(struct vport *vport, unsigned int lane, const struct frame *frame)
{
	struct roce_packet packet uninitialized;
	struct pair *pair;

	budget_charge(BUDGET_PACKET);
	if (atomic_load_explicit(&vport->link_down, memory_order_relaxed) ||
	    frame->len > INBOX_PACKET_MAX ||
	    roce_parse(&packet, frame->iov, frame->iovcnt, frame->len) ||
	    memcmp(packet.headers, vport->config->mac, sizeof(vport->config->mac))) {
		atomic_fetch_add_explicit(&vport->roce_dropped, 1, memory_order_relaxed);
		return;
	}
	pair = pair_find(vport->adapter, packet.dest_qpn);
	if (!pair || atomic_load_explicit(&pair->vport, memory_order_acquire) != vport) {
		atomic_fetch_add_explicit(&vport->roce_dropped, 1, memory_order_relaxed);
		return;
	}
	if (lane_is(&pair->work, lane) && !pair->burst && inbox_empty(&pair->inbox))
		inbox_give(pair, clock_of(pair, &packet), &packet, frame);
	else if (!inbox_put(&pair->inbox, frame))
		atomic_fetch_add_explicit(&vport->roce_dropped, 1, memory_order_relaxed);
	lane_kick(&pair->work);
}
