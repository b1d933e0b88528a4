/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/shaper.h"

#include "base/clock.h"

/** cost() - how long @bytes take, in ns */
static uint64_t cost(const struct shaper *shaper, uint64_t bytes)
{
	uint32_t mbps = shaper_rate(shaper);

	return mbps ? bytes * 8 * (NS_PER_S / 1000000u) / mbps : 0;
}

/** turn() - the queue whose turn it is among those of a word; -1: there is none */
static int turn(const struct shaper *shaper, uint64_t queues)
{
	uint32_t from =
		(atomic_load_explicit(&shaper->last, memory_order_relaxed) + 1) % SHAPER_QUEUES;
	uint64_t after = queues & UINT64_MAX << from;

	if (!queues)
		return -1;
	return __builtin_ctzll(after ? after : queues);
}

void shaper_set(struct shaper *shaper, uint32_t mbps, uint64_t now)
{
	uint64_t next = atomic_load_explicit(&shaper->next, memory_order_relaxed);
	uint32_t before = shaper_rate(shaper);

	/* A debt ends with its limit. */
	if (next > now && (!before || !mbps))
		atomic_store_explicit(&shaper->next, now, memory_order_relaxed);
	else if (next > now)
		atomic_fetch_add_explicit(&shaper->next,
					  (next - now) * before / mbps - (next - now),
					  memory_order_relaxed);
	/* Those that wait say so again. */
	atomic_store_explicit(&shaper->waiting, 0, memory_order_relaxed);
	atomic_store_explicit(&shaper->mbps, mbps, memory_order_relaxed);
}

uint32_t shaper_frames(const struct shaper *shaper, uint32_t len, uint32_t max)
{
	uint64_t each = cost(shaper, len);
	uint64_t n = each ? SHAPER_BURST / each : max;

	return n < 1 ? 1 : n > max ? max : (uint32_t)n;
}

uint64_t shaper_ask(struct shaper *shaper, uint32_t queue, uint64_t now)
{
	uint64_t bit = UINT64_C(1) << queue;
	uint64_t next = atomic_load_explicit(&shaper->next, memory_order_relaxed);
	uint64_t waiting = atomic_fetch_or_explicit(&shaper->waiting, bit, memory_order_relaxed);
	uint64_t passed;

	if (now < next)
		return next;
	if (turn(shaper, waiting | bit) == (int)queue)
		return 0;
	passed = atomic_load_explicit(&shaper->passed, memory_order_relaxed);
	if (!passed)
		atomic_store_explicit(&shaper->passed, passed = now, memory_order_relaxed);
	return now < passed + SHAPER_GRACE ? passed + SHAPER_GRACE : 0;
}

int shaper_leave(struct shaper *shaper, uint32_t queue)
{
	uint64_t bit = UINT64_C(1) << queue;
	uint64_t waiting = atomic_load_explicit(&shaper->waiting, memory_order_relaxed);

	if (!(waiting & bit))
		return -1;
	atomic_fetch_and_explicit(&shaper->waiting, ~bit, memory_order_relaxed);
	return turn(shaper, waiting & ~bit);
}

int shaper_pay(struct shaper *shaper, uint32_t queue, uint64_t now, uint64_t bytes, bool more)
{
	uint64_t bit = UINT64_C(1) << queue, paid = cost(shaper, bytes);
	uint64_t next = atomic_load_explicit(&shaper->next, memory_order_relaxed), from;
	uint64_t waiting;

	do
		from = now > next && now - next > SHAPER_DEPTH ? now - SHAPER_DEPTH : next;
	while (!atomic_compare_exchange_weak_explicit(&shaper->next, &next, from + paid,
						      memory_order_relaxed, memory_order_relaxed));
	atomic_store_explicit(&shaper->last, queue, memory_order_relaxed);
	atomic_store_explicit(&shaper->passed, 0, memory_order_relaxed);
	if (more)
		waiting = atomic_fetch_or_explicit(&shaper->waiting, bit, memory_order_relaxed);
	else
		waiting = atomic_fetch_and_explicit(&shaper->waiting, ~bit, memory_order_relaxed);
	return turn(shaper, waiting & ~bit);
}
