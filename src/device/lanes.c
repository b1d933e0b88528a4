/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lanes and their work, as the control thread starts, changes and ends them. What it changes on a
 * lane is changed there, by a function that the lane runs between two work items (lane_call()).
 */
#include "device/lane.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/pulse.h"
#include "device/lane_state.h"

#define SCRATCH_ALIGN 64u /* bytes: a cache line, and any vector */

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

static int lane_start(struct lane **out, unsigned int index, const unsigned int *cpu, bool embedded)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	struct lane *lane = calloc(1, sizeof(*lane));
	pthread_attr_t attr;
	int err = 0;

	if (!lane)
		return -ENOMEM;
	lane->index = index;
	lane->embedded = embedded;
	lane->wake = UINT64_MAX;
	atomic_init(&lane->resting, embedded);
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
	if (!err && !embedded)
		err = -pthread_create(&lane->thread, &attr, lane_main, lane);
	pthread_attr_destroy(&attr);
	if (err) {
		lane_free(lane);
		return err;
	}
	*out = lane;
	return 0;
}

static int lanes_make(const unsigned int *cpus, unsigned int n, bool embedded, struct lanes **out)
{
	struct lanes *lanes;

	if (n < 1 || n > LANES_MAX)
		return -EINVAL;
	lanes = calloc(1, sizeof(*lanes));
	if (!lanes)
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++) {
		int err = lane_start(&lanes->lane[i], i, cpus ? &cpus[i] : NULL, embedded);

		if (err) {
			lanes_stop(lanes);
			return err;
		}
		lanes->count++;
	}
	*out = lanes;
	return 0;
}

int lanes_start(const unsigned int *cpus, unsigned int n, struct lanes **out)
{
	return lanes_make(cpus, n, false, out);
}

int lanes_embed(unsigned int n, struct lanes **out)
{
	return lanes_make(NULL, n, true, out);
}

static void lane_stop(void *argument)
{
	((struct lane *)argument)->stop = true;
}

void lanes_stop(struct lanes *lanes)
{
	for (unsigned int i = 0; i < lanes->count; i++) {
		lane_call(lanes->lane[i], lane_stop, lanes->lane[i]);
		if (!lanes->lane[i]->embedded)
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

/** lane_post() - give a lane a function to run; lane_settle() waits for it */
static void lane_post(struct lane *lane, void (*function)(void *argument), void *argument)
{
	pthread_mutex_lock(&lane->lock);
	lane->function = function;
	lane->argument = argument;
	atomic_store(&lane->called, true);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange(&lane->sleeping, false))
		lane_wake(lane);
	pthread_mutex_unlock(&lane->lock);
}

static void lane_settle(struct lane *lane)
{
	const char *step;

	pthread_mutex_lock(&lane->lock);
	/* If the lane is held up, its client is at fault, not the caller's */
	step = pulse_rest();
	while (lane->function)
		pthread_cond_wait(&lane->done, &lane->lock);
	pulse_go_on(step);
	pthread_mutex_unlock(&lane->lock);
}

void lane_call(struct lane *lane, void (*function)(void *argument), void *argument)
{
	uint64_t start;

	if (lane->embedded) {
		function(argument);
		return;
	}
	start = clock_ns();
	lane_post(lane, function, argument);
	lane_settle(lane);
	budget_wait(clock_ns() - start);
}

void lanes_call(struct lanes *lanes, void (*function)(void *argument), void *argument)
{
	for (unsigned int i = 0; i < lanes->count; i++)
		lane_call(lanes->lane[i], function, argument);
}

static void nothing(void *argument)
{
	(void)argument;
}

void lanes_sync(struct lanes *lanes)
{
	uint64_t start = 0, posted = 0;

	static_assert(LANES_MAX <= 64, "a bit for each lane");
	/* With the fence after a lane's rest: if it is seen resting, it will see what we have done. */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned int i = 0; i < lanes->count; i++) {
		if (atomic_load_explicit(&lanes->lane[i]->resting, memory_order_acquire))
			continue;
		if (!posted)
			start = clock_ns();
		posted |= UINT64_C(1) << i;
		lane_post(lanes->lane[i], nothing, NULL);
	}
	for (uint64_t wait = posted; wait; wait &= wait - 1)
		lane_settle(lanes->lane[__builtin_ctzll(wait)]);
	if (posted)
		budget_wait(clock_ns() - start);
}

int lanes_join(struct lanes *lanes, struct lanes_member **out)
{
	struct lanes_member *member;
	unsigned int index;

	static_assert(LANE_MEMBERS_MAX == 64 && LANE_WORKS_MAX <= 64 * 64, "a bit for each");
	if (lanes->members == UINT64_MAX)
		return -ENOSPC;
	index = (unsigned int)__builtin_ctzll(~lanes->members);
	member = calloc(1, sizeof(*member));
	if (!member)
		return -ENOMEM;
	member->lanes = lanes;
	member->index = index;
	lanes->members |= UINT64_C(1) << index;
	for (unsigned int i = 0; i < lanes->count; i++) {
		/* Large, and used from its start on only: the rest is never touched. */
		struct lane_member *on = calloc(1, sizeof(*on));

		if (!on) {
			lanes_leave(member);
			return -ENOMEM;
		}
		on->lane = lanes->lane[i];
		on->index = index;
		on->wake = UINT64_MAX;
		member->on[i] = on;
	}
	*out = member;
	return 0;
}

static void change_leave(void *argument)
{
	struct lane_member *member = argument;

	member->lane->member[member->index] = NULL;
	lane_polled_settle(member);
}

void lanes_leave(struct lanes_member *member)
{
	for (unsigned int i = 0; i < member->lanes->count && member->on[i]; i++) {
		lane_call(member->lanes->lane[i], change_leave, member->on[i]);
		free(member->on[i]);
	}
	member->lanes->members &= ~(UINT64_C(1) << member->index);
	free(member);
}

/* A change of the work on a lane, made there */
struct lane_change {
	struct lane_member *member;
	struct lane_work *work;
	int fd;
	int err;
};

static void change_add(void *argument)
{
	struct lane_change *change = argument;
	struct lane_member *member = change->member;
	struct lane_work *work = change->work;
	unsigned int word = 0;

	while (word < WORDS && member->used[word] == UINT64_MAX)
		word++;
	if (word == WORDS) {
		change->err = -ENOSPC;
		return;
	}
	work->member = member;
	work->slot = word * 64 + (unsigned int)__builtin_ctzll(~member->used[word]);
	work->blocked = false;
	work->deadline = 0;
	work->polled = -1;
	if (change->fd >= 0) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = work };

		if (epoll_ctl(member->lane->epoll_fd, EPOLL_CTL_ADD, change->fd, &event) < 0) {
			change->err = -errno;
			return;
		}
	}
	member->lane->member[member->index] = member;
	member->used[word] |= UINT64_C(1) << work->slot % 64;
	member->work[work->slot] = work;
	work->lane = member->lane;
}

int lane_add(struct lanes_member *member, unsigned int index, struct lane_work *work, int fd)
{
	struct lane_change change = { .member = member->on[index % member->lanes->count],
				      .work = work,
				      .fd = fd };

	lane_call(change.member->lane, change_add, &change);
	return change.err;
}

static void change_poll(void *argument)
{
	struct lane_work *work = argument;
	struct lane_member *member = work->member;

	if (work->polled < 0) {
		work->polled = (int)member->polled_count;
		member->polled[member->polled_count++] = work;
		lane_polled_swap(member, (unsigned int)work->polled, member->busy_count++);
		lane_polled_settle(member);
	}
	work->quiet = 0;
	if (work->rest)
		work->rest(work, false);
	work->lane->last_progress = 0;
}

void lane_poll(struct lane_work *work)
{
	lane_call(work->lane, change_poll, work);
}

static void change_unpoll(void *argument)
{
	struct lane_work *work = argument;
	struct lane_member *member = work->member;

	if (work->polled < 0)
		return;
	if ((unsigned int)work->polled < member->busy_count)
		lane_polled_swap(member, (unsigned int)work->polled, --member->busy_count);
	lane_polled_swap(member, (unsigned int)work->polled, --member->polled_count);
	work->polled = -1;
	lane_polled_settle(member);
}

void lane_unpoll(struct lane_work *work)
{
	lane_call(work->lane, change_unpoll, work);
}

static void change_remove(void *argument)
{
	struct lane_change *change = argument;
	struct lane_work *work = change->work;
	struct lane_member *member = work->member;

	change_unpoll(work);
	if (change->fd >= 0)
		epoll_ctl(member->lane->epoll_fd, EPOLL_CTL_DEL, change->fd, NULL);
	lane_unblock(member->lane, work);
	member->used[work->slot / 64] &= ~(UINT64_C(1) << work->slot % 64);
	member->work[work->slot] = NULL;
	if (member->peer == work)
		member->peer = NULL;
	/* On the lane, so that lane_is() is right there: the item is no longer the lane's own. */
	work->lane = NULL;
}

void lane_remove(struct lane_work *work, int fd)
{
	struct lane_change change = { .work = work, .fd = fd };

	if (!work->lane)
		return;
	lane_call(work->lane, change_remove, &change);
}

/* Many work items, those on @lane of which are removed */
struct lane_removal {
	struct lane *lane;
	struct lane_work *const *works;
	unsigned int n;
};

static void change_remove_all(void *argument)
{
	const struct lane_removal *removal = argument;

	for (unsigned int i = 0; i < removal->n; i++) {
		struct lane_change change = { .work = removal->works[i], .fd = -1 };

		if (change.work->lane != removal->lane)
			continue;
		change_remove(&change);
	}
}

void lane_remove_all(struct lanes_member *member, struct lane_work *const *works, unsigned int n)
{
	struct lane_removal removal = { .works = works, .n = n };

	for (unsigned int i = 0; i < member->lanes->count && n; i++) {
		removal.lane = member->lanes->lane[i];
		lane_call(removal.lane, change_remove_all, &removal);
	}
}
