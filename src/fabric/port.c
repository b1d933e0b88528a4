/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/port.c - what all fabrics do at a port: read options, deliver frames, count.
 *
 * Theory of operation
 *
 * Every port has one struct fabric_counters per lane, in separate cache lines, written only by that
 * lane; fabric_counters() adds them up.
 *
 *	tx_frames + tx_dropped = frames given to fabric_send()
 *	rx_frames + rx_dropped = frames finally offered to the vPort
 */
#include "fabric/port.h"

#include <stdlib.h>

#include "base/clock.h"
#include "fabric/impair.h"

int fabric_option_unknown(const struct fabric_port *port, const struct fabric_option *option,
			  struct error *error)
{
	return error_fail(error, -EINVAL,
			  "fabric %s has no option '%s'; write %s; each fabric also takes %s",
			  port->ops->name, option->key, port->ops->usage, IMPAIR_USAGE);
}

int fabric_option_number(const struct fabric_port *port, const struct fabric_option *option,
			 uint64_t min, uint64_t max, uint64_t *number, struct error *error)
{
	const char *value = option->value ? option->value : "";
	bool hex = value[0] == '0' && (value[1] == 'x' || value[1] == 'X');
	char *end = NULL;

	errno = 0;
	/* strtoull() would accept a leading sign or blank. */
	if (value[0] >= '0' && value[0] <= '9')
		*number = strtoull(value, &end, hex ? 16 : 10);
	if (!end || *end || errno || *number < min || *number > max)
		return error_fail(error, -EINVAL,
				  "fabric %s: '%s' is not a valid value for %s; write an integer "
				  "from %llu to %llu",
				  port->ops->name, value, option->key, (unsigned long long)min,
				  (unsigned long long)max);
	return 0;
}

int fabric_option_none(const struct fabric_port *port, const struct fabric_spec *spec,
		       struct error *error)
{
	if (spec->argument)
		return error_fail(error, -EINVAL, "fabric %s takes no argument ('%s'); write %s",
				  port->ops->name, spec->argument, port->ops->usage);
	if (spec->count)
		return fabric_option_unknown(port, &spec->options[0], error);
	return 0;
}

void fabric_counters(const struct fabric_port *port, struct fabric_counters *counters)
{
	uint64_t *sum = (uint64_t *)counters;

	_Static_assert(sizeof(*counters) % sizeof(*sum) == 0,
		       "struct fabric_counters is all uint64_t");
	memset(counters, 0, sizeof(*counters));
	for (unsigned int lane = 0; lane < port->config.lanes; lane++)
		counters_sum(sum, (const uint64_t *)&port->lanes[lane].counters,
			     sizeof(*counters) / sizeof(*sum));
}

void fabric_lock(pthread_mutex_t *lock)
{
	uint64_t start;

	if (!pthread_mutex_trylock(lock))
		return;
	start = clock_ns();
	pthread_mutex_lock(lock);
	budget_wait(clock_ns() - start);
}

unsigned int fabric_deliver(struct fabric_port *port, unsigned int lane, const struct frame *frames,
			    unsigned int n)
{
	struct fabric_counters *counters = &port->lanes[lane].counters;
	unsigned int taken;

	if (!port->receiver.deliver) {
		counter_add(&counters->rx_dropped, n);
		return n;
	}
	taken = port->receiver.deliver(port->receiver.ctx, lane, frames, n);
	budget_charge((taken + 1) * BUDGET_PACKET);
	if (taken) {
		uint64_t bytes = frames_bytes(frames, taken);

		budget_charge(budget_bytes(bytes));
		counter_add(&counters->rx_frames, taken);
		counter_add(&counters->rx_bytes, bytes);
	}
	return taken;
}

/** offer_each() - for a receiver without @offer */
static uint64_t offer_each(const struct fabric_receiver *receiver, unsigned int lane,
			   const struct frame *frames, unsigned int n)
{
	uint64_t left = 0;

	for (unsigned int at = 0; at < n; at++) {
		at += receiver->deliver(receiver->ctx, lane, frames + at, n - at);
		if (at < n)
			left |= UINT64_C(1) << at;
	}
	return left;
}

unsigned int fabric_offer(struct fabric_port *port, unsigned int lane, const struct frame *frames,
			  unsigned int n, uint64_t bytes)
{
	const struct fabric_receiver *receiver = &port->receiver;
	struct fabric_counters *counters = &port->lanes[lane].counters;
	unsigned int taken;
	uint64_t left;

	left = receiver->offer ? receiver->offer(receiver->ctx, lane, frames, n)
			       : offer_each(receiver, lane, frames, n);
	taken = n - (unsigned int)__builtin_popcountll(left);
	for (uint64_t some = left; some; some &= some - 1)
		bytes -= frames[__builtin_ctzll(some)].len;
	budget_charge(n * BUDGET_PACKET + budget_bytes(bytes));
	if (taken) {
		counter_add(&counters->rx_frames, taken);
		counter_add(&counters->rx_bytes, bytes);
	}
	return taken;
}

void fabric_offer_or_drop(struct fabric_port *port, unsigned int lane, const struct frame *frames,
			  unsigned int n, uint64_t bytes)
{
	unsigned int taken = 0;

	if (port->receiver.deliver)
		taken = fabric_offer(port, lane, frames, n, bytes);
	if (taken < n)
		counter_add(&port->lanes[lane].counters.rx_dropped, n - taken);
}
