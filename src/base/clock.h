/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/clock.h - the monotonic clock, and deadlines on it.
 *
 * All functions use CLOCK_MONOTONIC, which is never set. Code that needs another clock (the time of
 * day in a capture, the time since boot, a coarse clock on the packet path) reads that one itself.
 */
#ifndef MANAKIN_BASE_CLOCK_H
#define MANAKIN_BASE_CLOCK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_S  1000000000u
#define NS_PER_MS 1000000u
#define NS_PER_US 1000u

/** clock_ns() - nanoseconds since some moment in the past */
static inline uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/** clock_seconds() - the same in seconds, for rates and reports */
static inline double clock_seconds(void)
{
	return (double)clock_ns() / NS_PER_S;
}

/** clock_deadline() - the moment @ms milliseconds from now, on the scale of clock_ns() */
static inline uint64_t clock_deadline(unsigned int ms)
{
	return clock_ns() + (uint64_t)ms * NS_PER_MS;
}

/**
 * clock_left_ms() - milliseconds until @deadline, as poll() and epoll_wait() want them
 *
 * Rounded up, so that a caller who waits that long does not wake before the deadline. 0: it has
 * passed.
 */
static inline int clock_left_ms(uint64_t deadline)
{
	uint64_t now = clock_ns(), ms;

	if (now >= deadline)
		return 0;
	ms = (deadline - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/** clock_passed() - has @deadline passed? */
static inline bool clock_passed(uint64_t deadline)
{
	return clock_ns() >= deadline;
}

/** clock_pause_us() - sleep for @us microseconds, or until a signal comes */
static inline void clock_pause_us(uint64_t us)
{
	const struct timespec pause = { .tv_sec = (time_t)(us / (NS_PER_S / NS_PER_US)),
					.tv_nsec =
						(long)(us % (NS_PER_S / NS_PER_US) * NS_PER_US) };

	nanosleep(&pause, NULL);
}

#endif
