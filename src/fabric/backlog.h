/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/backlog.h - frames that have been read from a descriptor and wait for the vPort's buffers.
 * Only for this room.
 *
 * A frame for which the vPort has no buffer stays for the next poll: a slow vPort slows its peer
 * down and loses nothing. When no frame has been accepted for BACKLOG_PATIENCE, frames without a
 * buffer are dropped at once for BACKLOG_LOSSY, as in hardware: a queue that is not drained blocks
 * neither the other queues nor the peer.
 *
 * Only one lane at a time reads, so that frames stay in order; another lane that polls meanwhile
 * gets nothing.
 */
#ifndef MANAKIN_FABRIC_BACKLOG_H
#define MANAKIN_FABRIC_BACKLOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fabric/port.h"

#define BACKLOG_PATIENCE 20000000u  /* how long to wait for a buffer, in nanoseconds */
#define BACKLOG_LOSSY    100000000u /* how long not to wait after that, in nanoseconds */

/**
 * struct backlog - the frames; zeroed at first
 * @reading:	a lane is between backlog_begin() and backlog_end()
 * @pending:	frames not yet delivered; a lane checks this before it sleeps
 * @dropped:	the last delivery has dropped some: there may be more to read
 * @first:	the next one of them
 * @frames, @iov: the reader fills in @pending of them when none are left
 * @blocked:	since when the vPort has accepted none of the frames offered, in nanoseconds; 0 if
 *		it does
 * @lossy_until: until when not to wait for it
 */
struct backlog {
	_Alignas(CACHE_LINE) atomic_flag reading;
	_Atomic unsigned int pending;
	_Atomic bool dropped;
	unsigned int first;
	struct frame frames[FABRIC_BURST];
	struct iovec iov[FABRIC_BURST];
	uint64_t blocked, lossy_until;
};

/** backlog_begin() - may this lane read and deliver? */
static inline bool backlog_begin(struct backlog *backlog)
{
	return !atomic_flag_test_and_set_explicit(&backlog->reading, memory_order_acquire);
}

static inline void backlog_end(struct backlog *backlog)
{
	atomic_flag_clear_explicit(&backlog->reading, memory_order_release);
}

/** backlog_pending() - frames that wait; any lane */
static inline unsigned int backlog_pending(const struct backlog *backlog)
{
	return atomic_load_explicit(&backlog->pending, memory_order_relaxed);
}

/** backlog_is_source() - is it to be polled without an event? Any lane */
static inline bool backlog_is_source(const struct backlog *backlog)
{
	return backlog_pending(backlog) ||
	       atomic_load_explicit(&backlog->dropped, memory_order_relaxed);
}

/** backlog_filled() - the reader has put @n frames into an empty backlog */
static inline void backlog_filled(struct backlog *backlog, unsigned int n)
{
	backlog->first = 0;
	atomic_store_explicit(&backlog->pending, n, memory_order_relaxed);
}

/**
 * backlog_deliver() - deliver frames, as far as the vPort has buffers
 * @budget:	most frames
 *
 * Return: frames accepted
 */
unsigned int backlog_deliver(struct backlog *backlog, struct fabric_port *port, unsigned int lane,
			     unsigned int budget);

#endif
