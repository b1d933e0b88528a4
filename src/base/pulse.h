/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/pulse.h - what a thread does, for whom, and whether it gets on.
 *
 * A thread that works for clients says so at each step: three stores to memory of its own, the last
 * of which has release semantics, so that whoever sees the beat sees whose step it is.
 * The watchdog (serve/watchdog.h) looks at all that have joined, and knows whose step has not ended
 * for a second. A thread that has not joined may do the same; nobody looks.
 */
#ifndef MANAKIN_BASE_PULSE_H
#define MANAKIN_BASE_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PULSE_STILL_MS 1000u /* a step that takes longer holds others up */
#define PULSE_LOOK_MS  250u  /* between two calls of pulse_look() */
#define PULSE_NOBODY   0u    /* as a client: the step is not done for any */

/**
 * struct pulse - a thread's, in its thread-local memory
 * @beat:	counts steps
 * @client:	whom the step is done for, from pulse_client_add()
 * @step:	what it is; NULL while the thread rests. A string that stays
 * @woken:	when the watchdog's signal ended a system call of the thread, clock_ns()
 */
struct pulse {
	_Atomic uint32_t beat;
	_Atomic uint32_t client;
	const char *_Atomic step;
	_Atomic uint64_t woken;
};

extern _Thread_local struct pulse pulse_mine;

/** pulse_beat() - the calling thread begins a step */
static inline void pulse_beat(const char *step, uint32_t client)
{
	struct pulse *pulse = &pulse_mine;

	atomic_store_explicit(&pulse->step, step, memory_order_relaxed);
	atomic_store_explicit(&pulse->client, client, memory_order_relaxed);
	/* Release: with the step and the client before it. */
	atomic_store_explicit(&pulse->beat,
			      atomic_load_explicit(&pulse->beat, memory_order_relaxed) + 1,
			      memory_order_release);
}

/**
 * pulse_rest() - it may wait from now on, until its next step
 *
 * Return: the step that has ended, for pulse_go_on()
 */
static inline const char *pulse_rest(void)
{
	const char *step = atomic_load_explicit(&pulse_mine.step, memory_order_relaxed);

	atomic_store_explicit(&pulse_mine.step, NULL, memory_order_relaxed);
	return step;
}

/** pulse_go_on() - with @step, after a rest within it: a wait for another thread */
static inline void pulse_go_on(const char *step)
{
	pulse_beat(step, atomic_load_explicit(&pulse_mine.client, memory_order_relaxed));
}

/**
 * pulse_join() - have the calling thread looked at
 * @name:	of the thread, for messages; copied
 *
 * Return: 0 or -ENOSPC
 */
int pulse_join(const char *name);

/** pulse_leave() - before the thread ends */
void pulse_leave(void);

/**
 * pulse_client_add() - something that clients attach to, one at a time
 * @name:	for messages; must stay
 * @cut:	disconnects the client; called by the thread that calls pulse_look()
 * @ctx:	for @cut
 *
 * Return: its number, or PULSE_NOBODY if there are too many
 */
uint32_t pulse_client_add(const char *name, void (*cut)(void *ctx), void *ctx);
void pulse_client_remove(uint32_t client);

/** pulse_client_pid() - which process is attached now; 0: none */
void pulse_client_pid(uint32_t client, pid_t pid);

/**
 * pulse_look() - look at all threads, every PULSE_LOOK_MS
 *
 * A thread holds others up if it has been in one step for PULSE_STILL_MS and either computed for
 * half of that time or is in a system call, which is then ended by a signal. This is logged, and the
 * client that the step is done for is disconnected. A thread that did not get a CPU is not at fault;
 * nor is any if this is called too late, because then the machine or the process stood still.
 *
 * Return: how many steps of clients were found that hold others up
 */
unsigned int pulse_look(void);

/** pulse_signal() - install the handler of the signal, which interrupts system calls; 0 or -errno */
int pulse_signal(void);

#endif
