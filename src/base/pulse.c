/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * Whether a thread that stands still is at fault is decided by what it does:
 *
 *	it computes	its CPU time has grown by half of what a step may take, at least
 *	it is in a call	a signal (without SA_RESTART) ends the call with EINTR, which its handler
 *			sees in the interrupted context, soon after the signal was sent
 *	neither		it waits for a CPU, or the kernel does not let it go: no verdict
 *
 * The signal is SIGURG, which is ignored wherever it is not handled.
 */
#include "base/pulse.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "base/clock.h"
#include "base/log.h"

#define THREADS_MAX 80u /* lanes, and some more */
#define CLIENTS_MAX 64u
#define ANSWER_MS   50u /* from the signal to its handler */

/**
 * struct watched - a thread that has joined
 * @pulse:	its own; NULL: the slot is free
 * @cpu:	the clock of its CPU time
 * @beat:	the last one seen
 * @since:	when it was first seen, clock_ns()
 * @cpu_since:	CPU time then
 * @poked:	when the signal was sent; 0: not yet
 * @told:	this step has been dealt with
 */
struct watched {
	struct pulse *pulse;
	pthread_t thread;
	clockid_t cpu;
	char name[24];
	uint32_t beat;
	uint64_t since, cpu_since, poked;
	bool told;
};

/** struct client - see pulse_client_add() */
struct client {
	const char *name;
	void (*cut)(void *ctx);
	void *ctx;
	pid_t pid;
};

_Thread_local struct pulse pulse_mine;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct watched threads[THREADS_MAX];
static struct client clients[CLIENTS_MAX];
static uint64_t looked; /* the last time, clock_ns() */

/** call_ended() - did the signal end a system call? */
static bool call_ended(const void *context)
{
#if defined(__x86_64__)
	return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] == -EINTR;
#elif defined(__aarch64__)
	return ((const ucontext_t *)context)->uc_mcontext.regs[0] ==
	       (unsigned long long)-(long long)EINTR;
#else
	(void)context;
	return true;
#endif
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	if (call_ended(context))
		atomic_store_explicit(&pulse_mine.woken, clock_ns(), memory_order_relaxed);
}

int pulse_signal(void)
{
	const struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	return sigaction(SIGURG, &action, NULL) < 0 ? -errno : 0;
}

int pulse_join(const char *name)
{
	int err = -ENOSPC;

	pthread_mutex_lock(&mutex);
	for (unsigned int i = 0; err && i < THREADS_MAX; i++) {
		struct watched *watched = &threads[i];

		if (watched->pulse)
			continue;
		*watched = (struct watched){ .pulse = &pulse_mine, .thread = pthread_self() };
		snprintf(watched->name, sizeof(watched->name), "%s", name);
		err = -pthread_getcpuclockid(watched->thread, &watched->cpu);
		if (err)
			watched->pulse = NULL;
	}
	pthread_mutex_unlock(&mutex);
	return err;
}

void pulse_leave(void)
{
	pthread_mutex_lock(&mutex);
	for (unsigned int i = 0; i < THREADS_MAX; i++)
		if (threads[i].pulse == &pulse_mine)
			threads[i].pulse = NULL;
	pthread_mutex_unlock(&mutex);
}

uint32_t pulse_client_add(const char *name, void (*cut)(void *ctx), void *ctx)
{
	uint32_t number = PULSE_NOBODY;

	pthread_mutex_lock(&mutex);
	for (unsigned int i = 0; number == PULSE_NOBODY && i < CLIENTS_MAX; i++) {
		if (clients[i].cut)
			continue;
		clients[i] = (struct client){ .name = name, .cut = cut, .ctx = ctx };
		number = i + 1;
	}
	pthread_mutex_unlock(&mutex);
	return number;
}

void pulse_client_remove(uint32_t client)
{
	if (client == PULSE_NOBODY)
		return;
	pthread_mutex_lock(&mutex);
	clients[client - 1].cut = NULL;
	pthread_mutex_unlock(&mutex);
}

void pulse_client_pid(uint32_t client, pid_t pid)
{
	if (client == PULSE_NOBODY)
		return;
	pthread_mutex_lock(&mutex);
	clients[client - 1].pid = pid;
	pthread_mutex_unlock(&mutex);
}

/** cpu_time() - that the thread has used, in ns */
static uint64_t cpu_time(const struct watched *watched)
{
	struct timespec used = { 0 };

	clock_gettime(watched->cpu, &used);
	return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

/**
 * at_fault() - what the thread has been doing in this step, for too long
 * @now:	clock_ns()
 *
 * Return: words for it; NULL if it gets on, rests, or is not at fault
 */
static const char *at_fault(struct watched *watched, uint64_t now)
{
	struct pulse *pulse = watched->pulse;
	/* Acquire: whose step it is, is read after it. */
	uint32_t beat = atomic_load_explicit(&pulse->beat, memory_order_acquire);
	uint64_t woken;

	if (!atomic_load_explicit(&pulse->step, memory_order_relaxed)) {
		watched->since = 0;
		return NULL;
	}
	if (beat != watched->beat || !watched->since) {
		watched->beat = beat;
		watched->since = now;
		watched->cpu_since = cpu_time(watched);
		watched->poked = 0;
		watched->told = false;
		return NULL;
	}
	if (watched->told || now - watched->since < PULSE_STILL_MS * (uint64_t)NS_PER_MS)
		return NULL;
	if (cpu_time(watched) - watched->cpu_since >= PULSE_STILL_MS / 2 * (uint64_t)NS_PER_MS)
		return "computes";
	woken = atomic_load_explicit(&pulse->woken, memory_order_relaxed);
	if (watched->poked && woken >= watched->poked &&
	    woken - watched->poked < ANSWER_MS * (uint64_t)NS_PER_MS)
		return "waits in a system call";
	watched->poked = clock_ns();
	pthread_kill(watched->thread, SIGURG);
	return NULL;
}

/** accuse() - disconnect the client, and describe that in @text; the lock is held */
static bool accuse(struct watched *watched, const char *fault, uint64_t now, char *text,
		   size_t size)
{
	const char *step = atomic_load_explicit(&watched->pulse->step, memory_order_relaxed);
	uint32_t number = atomic_load_explicit(&watched->pulse->client, memory_order_relaxed);
	struct client *client = number == PULSE_NOBODY ? NULL : &clients[number - 1];
	unsigned int ms = (unsigned int)((now - watched->since) / NS_PER_MS);

	watched->told = true;
	if (!step)
		step = "its last step";
	if (!client || !client->cut || !client->pid) {
		snprintf(text, size, "%s has been at \"%s\" for %u ms: it %s", watched->name, step,
			 ms, fault);
		return false;
	}
	client->cut(client->ctx);
	snprintf(text, size,
		 "%s: the client (pid %d) holds up %s, which has been at \"%s\" for %u ms: it %s; "
		 "the client is disconnected",
		 client->name, (int)client->pid, watched->name, step, ms, fault);
	return true;
}

unsigned int pulse_look(void)
{
	uint64_t now = clock_ns();
	unsigned int found = 0;
	bool late;

	pthread_mutex_lock(&mutex);
	late = now - looked > 2 * PULSE_LOOK_MS * (uint64_t)NS_PER_MS;
	looked = now;
	for (unsigned int i = 0; i < THREADS_MAX; i++) {
		struct watched *watched = &threads[i];
		const char *fault;
		char text[320];

		if (!watched->pulse)
			continue;
		if (late)
			watched->since = 0;
		fault = at_fault(watched, now);
		if (!fault)
			continue;
		found += accuse(watched, fault, now, text, sizeof(text));
		/* The sink may wait for whoever reads the log */
		pthread_mutex_unlock(&mutex);
		log_say(LOG_ERROR, "%s", text);
		pthread_mutex_lock(&mutex);
	}
	pthread_mutex_unlock(&mutex);
	return found;
}
