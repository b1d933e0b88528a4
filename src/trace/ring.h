/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace/ring.h - blocks on their way from one thread to the one that writes them. Only for
 * recorder.c.
 *
 * Positions are counted in bytes and never wrap. A block that begins before the ring's end is not
 * divided: it goes on in the slack behind it.
 */
#ifndef MANAKIN_TRACE_RING_H
#define MANAKIN_TRACE_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/format.h"
#include "trace/pcapng.h"
#include "trace/recorder.h"

#define RING_SLACK 131072u /* bytes; more than the largest block */
static_assert(TRACE_SNAPLEN_MAX + 256 < RING_SLACK, "a frame fits");

/**
 * struct ring - a thread's
 * @head:	how far it has written
 * @gap:	what it could not keep since the last block
 * @owner:	its thread; 0: none yet
 * @number:	see struct trace_record.thread
 * @counts:	of each interface; only the owner writes them
 * @tail:	how far the blocks have been taken; written by the other thread
 */
struct ring {
	_Alignas(64) _Atomic uint64_t head;
	uint64_t seen_tail, gap;
	_Atomic uint64_t owner;
	uint16_t number;
	uint8_t *bytes;
	struct ring_counts {
		_Atomic uint64_t received, lost;
	} * counts;
	_Alignas(64) _Atomic uint64_t tail;
};

static inline uint8_t *ring_at(const struct ring *ring, uint64_t position)
{
	return ring->bytes + position % RECORDER_RING;
}

/** ring_room() - where @len bytes can be put; NULL if they do not fit. Only for the owner */
static inline uint8_t *ring_room(struct ring *ring, size_t len)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head + len - ring->seen_tail > RECORDER_RING) {
		ring->seen_tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
		if (head + len - ring->seen_tail > RECORDER_RING)
			return NULL;
	}
	return ring_at(ring, head);
}

/** ring_add() - the bytes at ring_room() are complete; returns what waits now */
static inline uint64_t ring_add(struct ring *ring, size_t len)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed) + len;

	atomic_store_explicit(&ring->head, head, memory_order_release);
	return head - ring->seen_tail;
}

#endif
