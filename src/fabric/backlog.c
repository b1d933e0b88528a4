/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/backlog.h"

#include "base/clock.h"

/** patient() - keep a frame without a buffer for the next poll? */
static bool patient(struct backlog *backlog)
{
	uint64_t now = clock_ns();

	if (now < backlog->lossy_until)
		return false;
	if (!backlog->blocked)
		backlog->blocked = now;
	if (now - backlog->blocked < BACKLOG_PATIENCE)
		return true;
	backlog->blocked = 0;
	backlog->lossy_until = now + BACKLOG_LOSSY;
	return false;
}

unsigned int backlog_deliver(struct backlog *backlog, struct fabric_port *port, unsigned int lane,
			     unsigned int budget)
{
	unsigned int left = backlog_pending(backlog), all = left, done = 0;

	while (left && done < budget) {
		unsigned int want = left < budget - done ? left : budget - done;
		unsigned int taken =
			fabric_deliver(port, lane, &backlog->frames[backlog->first], want);

		done += taken;
		backlog->first += taken;
		left -= taken;
		if (taken)
			backlog->blocked = 0;
		if (taken == want)
			continue;
		if (patient(backlog))
			break;
		counter_add(&port->lanes[lane].counters.rx_dropped, 1);
		backlog->first++;
		left--;
	}
	atomic_store_explicit(&backlog->pending, left, memory_order_relaxed);
	/* Behind those for a full queue there may be others, and nothing tells of them again. */
	atomic_store_explicit(&backlog->dropped, all - left > done, memory_order_relaxed);
	return done;
}
