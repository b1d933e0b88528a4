/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * The thread takes a batch of descriptors from the ring and has a child process close it: one that
 * shares our memory and our table of descriptors, and that runs while the thread waits for it, as
 * after vfork(2). A thread would do, but for the end. Some files ask their server when they are
 * closed, and wait for the answer where not even SIGKILL reaches them (FUSE's FLUSH). A process
 * ends when its last thread does; a child that hangs does not keep us from it, and since it shares
 * our table, our end does not close what is left in it either: the child's does.
 *
 * Where no child can be had, the thread closes the batch itself.
 */
#include "vfio_user/closer.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

#define BATCH       64u         /* descriptors */
#define STACK_SIZE  (64u << 10) /* bytes, of the thread */
#define CHILD_STACK (32u << 10) /* bytes */
#define PATIENCE_MS 50          /* for the thread to end, if nothing holds it up */
#define NEVER       UINT_MAX

/** struct waiting - a descriptor in the ring */
struct waiting {
	int fd;
	bool strange;
};

/**
 * struct closer - the thread and its ring
 * @started:	there is a thread
 * @changed:	something was added, or it is to stop
 * @done:	the thread has ended
 * @first, @queued: the descriptors in @ring that no batch has taken
 * @closing:	in @batch, which is being closed
 * @strange:	of the waiting
 * @batch_strange: of the batch
 * @wake_at:	see closer_wake(): how many may be left; NEVER: not asked for
 * @gone:	nobody but the thread knows of this any more
 */
struct closer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed, done;
	unsigned int capacity, first, queued, closing, strange, batch_strange, wake_at;
	bool started, stop, gone, ended;
	int event;
	int batch[BATCH];
	_Alignas(16) char stack[CHILD_STACK];
	struct waiting ring[];
};

static void closer_free(struct closer *closer)
{
	if (closer->event >= 0)
		close(closer->event);
	pthread_mutex_destroy(&closer->lock);
	pthread_cond_destroy(&closer->changed);
	pthread_cond_destroy(&closer->done);
	free(closer);
}

/** close_batch() - may take as long as it takes */
static void close_batch(const struct closer *closer)
{
	const struct linger none = { 0 };

	for (unsigned int i = 0; i < closer->closing; i++) {
		/* If it is a socket: let the kernel send the rest by itself */
		setsockopt(closer->batch[i], SOL_SOCKET, SO_LINGER, &none, sizeof(none));
		close(closer->batch[i]);
	}
}

static int child_main(void *closer)
{
	close_batch(closer);
	/* Not _exit(): a sanitizer would take it for the end of the whole process */
	syscall(SYS_exit_group, 0);
	return 0;
}

/** close_in_child() - false if there can be no child */
static bool close_in_child(struct closer *closer)
{
	int pid = thread_child(CLONE_VFORK, closer->stack + sizeof(closer->stack), child_main,
			       closer);

	if (pid < 0)
		return false;
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return true;
}

/** take_batch() - move descriptors from the ring to the batch; the lock is held */
static void take_batch(struct closer *closer)
{
	while (closer->queued && closer->closing < BATCH) {
		closer->batch[closer->closing++] = closer->ring[closer->first].fd;
		closer->batch_strange += closer->ring[closer->first].strange;
		closer->first = (closer->first + 1) % closer->capacity;
		closer->queued--;
	}
}

/** wake() - tell the control thread, if it has asked and it is so; the lock is held */
static void wake(struct closer *closer)
{
	const uint64_t one = 1;

	if (closer->wake_at == NEVER || closer->queued + closer->closing > closer->wake_at)
		return;
	closer->wake_at = NEVER;
	/* It can only fail because it is readable already */
	if (write(closer->event, &one, sizeof(one)) < 0)
		return;
}

static void *closer_main(void *argument)
{
	struct closer *closer = argument;
	bool gone;

	pthread_mutex_lock(&closer->lock);
	while (closer->queued || !closer->stop) {
		if (!closer->queued) {
			pthread_cond_wait(&closer->changed, &closer->lock);
			continue;
		}
		take_batch(closer);
		pthread_mutex_unlock(&closer->lock);
		if (!close_in_child(closer))
			close_batch(closer);
		pthread_mutex_lock(&closer->lock);
		closer->strange -= closer->batch_strange;
		closer->closing = closer->batch_strange = 0;
		wake(closer);
	}
	closer->ended = true;
	gone = closer->gone;
	pthread_cond_signal(&closer->done);
	pthread_mutex_unlock(&closer->lock);
	if (gone)
		closer_free(closer);
	return NULL;
}

int closer_open(unsigned int capacity, struct closer **out)
{
	struct closer *closer = calloc(1, sizeof(*closer) + capacity * sizeof(closer->ring[0]));
	pthread_condattr_t attr;
	int err;

	if (!closer)
		return -ENOMEM;
	closer->capacity = capacity;
	closer->wake_at = NEVER;
	pthread_mutex_init(&closer->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&closer->changed, NULL);
	pthread_cond_init(&closer->done, &attr);
	pthread_condattr_destroy(&attr);
	closer->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = closer->event < 0 ? -errno : 0;
	if (err) {
		closer_free(closer);
		return err;
	}
	*out = closer;
	return 0;
}

void closer_close(struct closer *closer)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);
	const struct timespec until = { .tv_sec = (time_t)(deadline / NS_PER_S),
					.tv_nsec = (long)(deadline % NS_PER_S) };
	const pthread_t thread = closer->thread;
	bool ended;

	pthread_mutex_lock(&closer->lock);
	closer->stop = true;
	closer->ended = !closer->started;
	pthread_cond_signal(&closer->changed);
	while (!closer->ended &&
	       pthread_cond_timedwait(&closer->done, &closer->lock, &until) != ETIMEDOUT)
		;
	ended = closer->ended;
	closer->gone = !ended;
	pthread_mutex_unlock(&closer->lock);
	/* If it has not ended, it frees the closer when it does */
	if (!ended) {
		pthread_detach(thread);
		return;
	}
	if (closer->started)
		pthread_join(thread, NULL);
	/* What is left if there was no thread */
	while (closer->queued) {
		take_batch(closer);
		close_batch(closer);
		closer->closing = 0;
	}
	closer_free(closer);
}

void closer_add(struct closer *closer, int fd, bool strange)
{
	pthread_mutex_lock(&closer->lock);
	closer->ring[(closer->first + closer->queued++) % closer->capacity] =
		(struct waiting){ fd, strange };
	closer->strange += strange;
	/* If there can be no thread now, they wait for the next try */
	if (!closer->started)
		closer->started = !thread_start(&closer->thread, STACK_SIZE, closer_main, closer);
	pthread_cond_signal(&closer->changed);
	pthread_mutex_unlock(&closer->lock);
}

unsigned int closer_waiting(struct closer *closer, unsigned int *strange)
{
	unsigned int waiting;

	pthread_mutex_lock(&closer->lock);
	waiting = closer->queued + closer->closing;
	*strange = closer->strange;
	pthread_mutex_unlock(&closer->lock);
	return waiting;
}

void closer_wake(struct closer *closer)
{
	pthread_mutex_lock(&closer->lock);
	closer->wake_at = (closer->queued + closer->closing) / 2;
	wake(closer);
	pthread_mutex_unlock(&closer->lock);
}

int closer_fd(const struct closer *closer)
{
	return closer->event;
}
