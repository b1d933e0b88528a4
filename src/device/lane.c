/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * Each lane has a bitmap of its work items that have been kicked, in two levels: words with a bit
 * per work item, and a summary of the words that are not zero. A kick sets both bits and writes the
 * lane's eventfd only if the lane says that it sleeps. The lane clears a word, runs the items that
 * were set in it, and sets the bits of those that want another turn again, so each item gets one
 * turn per round however much work the others have.
 *
 *	kicker				lane
 *	set bits		|	sleeping = true
 *	fence			|	fence
 *	if (sleeping) wake	|	if (any bit) do not sleep
 *
 * The two fences make sure that at least one side sees the other's write.
 *
 * Polled work is run every round as long as the lane is awake, unless it has had nothing to do for
 * some time: then it is quiet, and is run once in QUIET_ROUNDS rounds. polled[] has the busy items
 * first, so that a round does not touch the others. Before the lane sleeps it notifies each item of
 * polled work, which announces this in shared memory and checks once more for work.
 *
 * The control thread runs functions on a lane with lane_call(): between two work items, where the
 * lane holds no pointers.
 */
#include "device/lane.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#define SCRATCH_ALIGN 64u /* bytes: a cache line, and any vector */
#define WORDS         (LANE_WORKS_MAX / 64u)
#define EVENTS_MAX    16
#define QUIET_TURNS   64u /* without progress, before work is polled less often */
#define QUIET_ROUNDS  32u /* a power of two: quiet work is polled once in so many rounds */
#define WAIT_ROUNDS   64u /* a power of two: a busy lane checks its descriptors once in so many */

struct lane {
	_Atomic uint64_t summary;
	_Atomic uint64_t ready[WORDS];
	_Atomic bool sleeping;

	pthread_t thread;
	unsigned int index;
	int cpu; /* -1: any */
	int wake_fd;
	int epoll_fd;
	unsigned int blocked;
	void *scratch;
	struct lane_work *work[LANE_WORKS_MAX];
	struct lane_work *polled[LANE_WORKS_MAX];
	unsigned int polled_count;
	unsigned int busy_count; /* of polled[], at its start */
	unsigned int round;
	uint64_t last_progress; /* ns */

	pthread_mutex_t lock;
	pthread_cond_t done;
	void (*function)(void *argument); /* under lock; NULL when there is none */
	void *argument;
	_Atomic bool called;
	bool stop;
};

struct lanes {
	unsigned int count;
	struct lane *lane[LANES_MAX];
};

static void lane_wake(struct lane *lane)
{
	uint64_t one = 1;

	/* It can only fail if the counter is full, and then it is readable anyway. */
	if (write(lane->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void lane_mark(struct lane *lane, unsigned int slot)
{
	atomic_fetch_or_explicit(&lane->ready[slot / 64], UINT64_C(1) << (slot % 64),
				 memory_order_release);
	atomic_fetch_or_explicit(&lane->summary, UINT64_C(1) << (slot / 64), memory_order_release);
}

void lane_kick(struct lane_work *work)
{
	struct lane *lane = work->lane;

	if (!lane)
		return;
	lane_mark(lane, work->slot);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&lane->sleeping, memory_order_relaxed) &&
	    atomic_exchange_explicit(&lane->sleeping, false, memory_order_relaxed))
		lane_wake(lane);
}

/** lane_answer() - run the control thread's function, if there is one */
static void lane_answer(struct lane *lane)
{
	if (!atomic_load_explicit(&lane->called, memory_order_relaxed))
		return;
	pthread_mutex_lock(&lane->lock);
	if (lane->function) {
		lane->function(lane->argument);
		lane->function = NULL;
		pthread_cond_signal(&lane->done);
	}
	atomic_store(&lane->called, false);
	pthread_mutex_unlock(&lane->lock);
}

static void lane_unblock(struct lane *lane, struct lane_work *work)
{
	if (!work->blocked)
		return;
	work->blocked = false;
	lane->blocked--;
}

/** lane_turn() - give every work item that was kicked one turn */
static void lane_turn(struct lane *lane)
{
	uint64_t summary = atomic_exchange_explicit(&lane->summary, 0, memory_order_acquire);

	while (summary) {
		unsigned int w = (unsigned int)__builtin_ctzll(summary);
		uint64_t word = atomic_exchange_explicit(&lane->ready[w], 0, memory_order_acquire);

		summary &= summary - 1;
		while (word) {
			unsigned int slot = w * 64 + (unsigned int)__builtin_ctzll(word);
			struct lane_work *work = lane->work[slot];

			word &= word - 1;
			if (!work)
				continue;
			lane_unblock(lane, work);
			if (work->run(work, lane->index))
				lane_mark(lane, slot);
			else if (work->blocked)
				lane->blocked++;
			/* The control thread waits for one work item, not for all of them. */
			lane_answer(lane);
		}
	}
}

/** polled_swap() - exchange two entries of polled[] */
static void polled_swap(struct lane *lane, unsigned int a, unsigned int b)
{
	struct lane_work *work = lane->polled[a];

	lane->polled[a] = lane->polled[b];
	lane->polled[b] = work;
}

/** lane_turn_polled() - a turn for polled work; true if the lane should stay awake */
static bool lane_turn_polled(struct lane *lane)
{
	bool look_at_all = lane->round % QUIET_ROUNDS == 0;
	bool progress = false;

	if (!lane->polled_count)
		return false;
	for (unsigned int i = 0; i < (look_at_all ? lane->polled_count : lane->busy_count); i++) {
		struct lane_work *work = lane->polled[i];

		work->progress = false;
		lane_unblock(lane, work);
		work->run(work, lane->index);
		work->blocked = false; /* it is run again anyway */
		if (work->progress) {
			work->quiet = 0;
			progress = true;
			if (i >= lane->busy_count)
				polled_swap(lane, i, lane->busy_count++);
		} else if (i < lane->busy_count && ++work->quiet >= QUIET_TURNS) {
			/* The item that moves here has not been run yet. */
			polled_swap(lane, i--, --lane->busy_count);
		}
		lane_answer(lane);
	}
	if (progress) {
		lane->last_progress = 0;
		return true;
	}
	if (!look_at_all)
		return true;
	/* The clock is read only occasionally: on the way to sleep. */
	if (!lane->last_progress)
		lane->last_progress = clock_ns();
	return clock_ns() - lane->last_progress < LANE_SPIN_US * NS_PER_US;
}

/** lane_rest_all() - announce that the lane sleeps or is awake; true: do not sleep */
static bool lane_rest_all(struct lane *lane, bool asleep)
{
	bool more = false;

	for (unsigned int i = 0; i < lane->polled_count; i++)
		if (lane->polled[i]->rest && lane->polled[i]->rest(lane->polled[i], asleep))
			more = true;
	return more;
}

static void lane_mark_blocked(struct lane *lane)
{
	for (unsigned int slot = 0; slot < LANE_WORKS_MAX; slot++)
		if (lane->work[slot] && lane->work[slot]->blocked)
			lane_mark(lane, slot);
}

/** lane_wait() - handle the descriptors' events, and sleep if there is nothing to do */
static void lane_wait(struct lane *lane, bool idle)
{
	struct epoll_event events[EVENTS_MAX];
	int timeout = 0;
	int n;

	if (idle) {
		atomic_store_explicit(&lane->sleeping, true, memory_order_relaxed);
		atomic_thread_fence(memory_order_seq_cst);
		if (!lane_rest_all(lane, true) && !atomic_load(&lane->summary) &&
		    !atomic_load(&lane->called))
			timeout = lane->blocked ? LANE_BLOCKED_MS : -1;
	}
	n = epoll_wait(lane->epoll_fd, events, EVENTS_MAX, timeout);
	atomic_store_explicit(&lane->sleeping, false, memory_order_relaxed);
	if (idle)
		lane_rest_all(lane, false);
	if (n == 0 && timeout > 0)
		lane_mark_blocked(lane);
	for (int i = 0; i < n; i++) {
		struct lane_work *work = events[i].data.ptr;
		uint64_t count;

		if (work)
			lane_mark(lane, work->slot);
		else if (read(lane->wake_fd, &count, sizeof(count)) < 0)
			continue;
	}
}

static void *lane_main(void *argument)
{
	struct lane *lane = argument;
	while (!lane->stop) {
		bool idle;

		lane->round++;
		lane_turn(lane);
		idle = !lane_turn_polled(lane);
		if (atomic_load_explicit(&lane->called, memory_order_relaxed)) {
			lane_answer(lane);
			continue;
		}
		idle = idle && !atomic_load_explicit(&lane->summary, memory_order_relaxed);
		/* Busy queues must not keep a tap waiting, nor pay for the check every round. */
		if (idle || lane->round % WAIT_ROUNDS == 0)
			lane_wait(lane, idle);
	}
	return NULL;
}

static void lane_free(struct lane *lane)
{
	if (lane->wake_fd >= 0)
		close(lane->wake_fd);
	if (lane->epoll_fd >= 0)
		close(lane->epoll_fd);
	pthread_mutex_destroy(&lane->lock);
	pthread_cond_destroy(&lane->done);
	free(lane->scratch);
	free(lane);
}

static int lane_pin(pthread_attr_t *attr, unsigned int cpu)
{
	cpu_set_t set;

	if (cpu >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_attr_setaffinity_np(attr, sizeof(set), &set);
}

static int lane_start(struct lane **out, unsigned int index, const unsigned int *cpu)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	struct lane *lane = calloc(1, sizeof(*lane));
	pthread_attr_t attr;
	int err = 0;

	if (!lane)
		return -ENOMEM;
	lane->index = index;
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->done, NULL);
	lane->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	lane->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (lane->wake_fd < 0 || lane->epoll_fd < 0 ||
	    epoll_ctl(lane->epoll_fd, EPOLL_CTL_ADD, lane->wake_fd, &event) < 0) {
		err = -errno;
		lane_free(lane);
		return err;
	}
	pthread_attr_init(&attr);
	if (cpu)
		err = lane_pin(&attr, *cpu);
	if (!err)
		err = -pthread_create(&lane->thread, &attr, lane_main, lane);
	pthread_attr_destroy(&attr);
	if (err) {
		lane_free(lane);
		return err;
	}
	*out = lane;
	return 0;
}

int lanes_start(const unsigned int *cpus, unsigned int n, struct lanes **out)
{
	struct lanes *lanes;

	if (n < 1 || n > LANES_MAX)
		return -EINVAL;
	lanes = calloc(1, sizeof(*lanes));
	if (!lanes)
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++) {
		int err = lane_start(&lanes->lane[i], i, cpus ? &cpus[i] : NULL);

		if (err) {
			lanes_stop(lanes);
			return err;
		}
		lanes->count++;
	}
	*out = lanes;
	return 0;
}

static void lane_stop(void *argument)
{
	((struct lane *)argument)->stop = true;
}

void lanes_stop(struct lanes *lanes)
{
	for (unsigned int i = 0; i < lanes->count; i++) {
		lane_call(lanes->lane[i], lane_stop, lanes->lane[i]);
		pthread_join(lanes->lane[i]->thread, NULL);
		lane_free(lanes->lane[i]);
	}
	free(lanes);
}

unsigned int lanes_count(const struct lanes *lanes)
{
	return lanes->count;
}

void *lanes_scratch(struct lanes *lanes, unsigned int lane, size_t size)
{
	struct lane *l = lanes->lane[lane];

	if (!l->scratch) {
		l->scratch = aligned_alloc(SCRATCH_ALIGN, (size + SCRATCH_ALIGN - 1) &
								  ~(size_t)(SCRATCH_ALIGN - 1));
		if (l->scratch)
			memset(l->scratch, 0, size);
	}
	return l->scratch;
}

void lane_call(struct lane *lane, void (*function)(void *argument), void *argument)
{
	pthread_mutex_lock(&lane->lock);
	lane->function = function;
	lane->argument = argument;
	atomic_store(&lane->called, true);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange(&lane->sleeping, false))
		lane_wake(lane);
	while (lane->function)
		pthread_cond_wait(&lane->done, &lane->lock);
	pthread_mutex_unlock(&lane->lock);
}

static void nothing(void *argument)
{
	(void)argument;
}

void lanes_sync(struct lanes *lanes)
{
	for (unsigned int i = 0; i < lanes->count; i++)
		lane_call(lanes->lane[i], nothing, NULL);
}

struct lane_change {
	struct lane *lane;
	struct lane_work *work;
	int fd;
	int err;
};

static void change_add(void *argument)
{
	struct lane_change *change = argument;
	struct lane *lane = change->lane;
	unsigned int slot = 0;

	while (slot < LANE_WORKS_MAX && lane->work[slot])
		slot++;
	if (slot == LANE_WORKS_MAX) {
		change->err = -ENOSPC;
		return;
	}
	change->work->slot = slot;
	change->work->blocked = false;
	if (change->fd >= 0) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLET,
					     .data.ptr = change->work };

		if (epoll_ctl(lane->epoll_fd, EPOLL_CTL_ADD, change->fd, &event) < 0) {
			change->err = -errno;
			return;
		}
	}
	lane->work[slot] = change->work;
	change->work->lane = lane;
}

int lane_add(struct lanes *lanes, unsigned int index, struct lane_work *work, int fd)
{
	struct lane_change change = { .lane = lanes->lane[index % lanes->count],
				      .work = work,
				      .fd = fd };

	lane_call(change.lane, change_add, &change);
	return change.err;
}

static void change_poll(void *argument)
{
	struct lane_change *change = argument;
	struct lane *lane = change->lane;

	lane->polled[lane->polled_count] = change->work;
	polled_swap(lane, lane->polled_count++, lane->busy_count++);
	change->work->quiet = 0;
	if (change->work->rest)
		change->work->rest(change->work, false);
	lane->last_progress = 0;
}

void lane_poll(struct lane_work *work)
{
	struct lane_change change = { .lane = work->lane, .work = work };

	lane_call(work->lane, change_poll, &change);
}

static void change_unpoll(void *argument)
{
	struct lane_change *change = argument;
	struct lane *lane = change->lane;

	for (unsigned int i = 0; i < lane->polled_count; i++) {
		unsigned int hole = i;

		if (lane->polled[i] != change->work)
			continue;
		if (hole < lane->busy_count) {
			hole = --lane->busy_count;
			lane->polled[i] = lane->polled[hole];
		}
		lane->polled[hole] = lane->polled[--lane->polled_count];
		i--;
	}
}

void lane_unpoll(struct lane_work *work)
{
	struct lane_change change = { .lane = work->lane, .work = work };

	lane_call(work->lane, change_unpoll, &change);
}

static void change_remove(void *argument)
{
	struct lane_change *change = argument;
	struct lane_work *work = change->work;

	change_unpoll(argument);
	if (change->fd >= 0)
		epoll_ctl(change->lane->epoll_fd, EPOLL_CTL_DEL, change->fd, NULL);
	if (work->blocked)
		change->lane->blocked--;
	change->lane->work[work->slot] = NULL;
	work->blocked = false;
}

void lane_remove(struct lane_work *work, int fd)
{
	struct lane_change change = { .lane = work->lane, .work = work, .fd = fd };

	if (!work->lane)
		return;
	lane_call(work->lane, change_remove, &change);
	work->lane = NULL;
}
