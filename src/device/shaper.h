/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/shaper.h - the rate that a vPort's send queues keep together.
 *
 * A token bucket that counts in time: @next is when what has been sent is paid for. While that is in
 * the future nothing is sent; a queue that has waited longer than it had to is owed the difference, up
 * to SHAPER_DEPTH, so that the rate holds although lanes wake late. What is sent is paid for after it
 * was sent: a burst may overdraw, and the next one waits for that.
 *
 * Queues that wait take turns by number (@waiting, @last), whichever lane each is on. One that does
 * not come in time, because its lane is busy, is passed over.
 */
#ifndef MANAKIN_DEVICE_SHAPER_H
#define MANAKIN_DEVICE_SHAPER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SHAPER_QUEUES 64u         /* a bit for each */
#define SHAPER_DEPTH  10000000u   /* ns */
#define SHAPER_GRACE  1000000u    /* ns: how long others wait for the queue whose turn it is */
#define SHAPER_DEBT   1000000000u /* ns: of a client that has left, most that the next one pays */
#define SHAPER_BURST  500000u     /* ns: what a turn sends takes about so long, or is one frame */

/**
 * struct shaper - see above; zeroed: no limit
 * @mbps:	Mbit/s; 0: no limit
 * @next:	in ns of clock_ns()
 * @waiting:	queues that wait
 * @last:	queue that sent last
 * @passed:	when another queue first came in vain because it was not its turn; 0: none has
 */
struct shaper {
	_Atomic uint32_t mbps;
	_Atomic uint64_t next;
	_Atomic uint64_t waiting;
	_Atomic uint32_t last;
	_Atomic uint64_t passed;
};

static inline uint32_t shaper_rate(const struct shaper *shaper)
{
	return atomic_load_explicit(&shaper->mbps, memory_order_relaxed);
}

/** shaper_owes() - more than it may overdraw is not paid for yet */
static inline bool shaper_owes(const struct shaper *shaper, uint64_t now)
{
	return shaper_rate(shaper) &&
	       atomic_load_explicit(&shaper->next, memory_order_relaxed) > now + SHAPER_DEPTH;
}

/** shaper_forgive() - what is not paid for yet is paid for in a second at the latest */
static inline void shaper_forgive(struct shaper *shaper, uint64_t now)
{
	if (atomic_load_explicit(&shaper->next, memory_order_relaxed) > now + SHAPER_DEBT)
		atomic_store_explicit(&shaper->next, now + SHAPER_DEBT, memory_order_relaxed);
}

/** shaper_set() - a new rate, at which what has been sent is paid for, too; control thread */
void shaper_set(struct shaper *shaper, uint32_t mbps, uint64_t now);

/** shaper_frames() - how many frames of @len bytes a turn may send, at least 1 and at most @max */
uint32_t shaper_frames(const struct shaper *shaper, uint32_t len, uint32_t max);

/**
 * shaper_ask() - may the queue send now?
 * @now:	clock_ns()
 *
 * Return: 0, or when to ask again
 */
uint64_t shaper_ask(struct shaper *shaper, uint32_t queue, uint64_t now);

/**
 * shaper_pay() - the queue has sent @bytes
 * @more:	and has more to send
 *
 * Return: the queue whose turn is next, if one waits, which is to ask again; else -1
 */
int shaper_pay(struct shaper *shaper, uint32_t queue, uint64_t now, uint64_t bytes, bool more);

/** shaper_leave() - the queue has nothing to send any more, or is gone; returns as shaper_pay() */
int shaper_leave(struct shaper *shaper, uint32_t queue);

#endif
