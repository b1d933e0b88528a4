/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * Each member has, on each lane, a bitmap of its work items that have been kicked, in two levels:
 * words with a bit per work item, and a summary of the words that are not zero. The lane has a
 * summary of its members. A kick sets the three bits and writes the lane's eventfd only if the lane
 * says that it sleeps.
 *
 *	kicker				lane
 *	set bits		|	sleeping = true
 *	fence			|	fence
 *	if (sleeping) wake	|	if (any bit) do not sleep
 *
 * The two fences make sure that at least one side sees the other's write.
 *
 * Rounds. In a round each member that has work gets a turn (deficit round robin): its credit grows
 * by BUDGET_TURN, and it runs its work items, one turn each, until it has spent the credit or has
 * run all of them once. A work item may overdraw the credit by its own last turn; the member pays
 * that in the next rounds. Items that had no turn come first in the member's next one, so each gets
 * its turns however much work the others have. Credit is not saved up: a member that was idle gets
 * no more than the others.
 *
 * Polled work is run every round as long as the lane is awake, unless it has had nothing to do for
 * some time: then it is quiet, and is run once in QUIET_ROUNDS rounds. polled[] has the busy items
 * first, so that a round does not touch the others. A member's turn begins with polled work and with
 * kicked work alternately, so that neither takes all of its credit. Before the lane sleeps it
 * notifies each item of polled work, which announces this in shared memory and checks once more for
 * work.
 *
 * Deadlines. A work item can ask to be run at a time (a queue pair's retransmission). The lane
 * remembers only the earliest that it was told of: when that has come, it looks through its work for
 * all that are due, and for the next one. So a deadline costs one comparison to set, and nothing to
 * cancel; a lane looks through its work once for it, at most. A millisecond is the finest.
 *
 * The control thread runs functions on a lane with lane_call(): between two work items, where the
 * lane holds no pointers. While the lane is resting, in epoll_wait(), it holds none either.
 *
 * Lanes without threads (lanes_embed()) are always resting: lanes_step() runs their rounds, and a
 * function for one of them is run at once.
 */
#include "device/lane.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/pulse.h"

#define SCRATCH_ALIGN 64u /* bytes: a cache line, and any vector */
#define WORDS         (LANE_WORKS_MAX / 64u)
#define EVENTS_MAX    16
#define QUIET_TURNS   64u /* without progress, before work is polled less often */
#define QUIET_ROUNDS  32u /* a power of two: quiet work is polled once in so many rounds */
#define WAIT_ROUNDS   64u /* a power of two: a busy lane checks its descriptors once in so many */
#define TURN_COST     30u /* of a turn itself, see base/budget.h */

/**
 * struct lane_member - a member's work on one lane
 * @summary:	words of @ready that are not zero
 * @ready:	work items that have been kicked
 * @used:	slots that are taken
 * @lane:	the lane
 * @index:	its bit in the lane's summary
 * @credit:	what it may spend in this turn; below zero, it has overdrawn
 * @next:	slot of the item that comes first in the next turn
 * @next_polled: the same in @polled
 * @flip:	this turn begins with polled work
 * @work:	by slot
 * @polled:	polled work; the first @busy_count items are busy
 */
struct lane_member {
	_Atomic uint64_t summary;
	_Atomic uint64_t ready[WORDS];
	uint64_t used[WORDS];
	struct lane *lane;
	unsigned int index;
	int64_t credit;
	unsigned int next;
	unsigned int next_polled;
	bool flip;
	unsigned int polled_count;
	unsigned int busy_count;
	struct lane_work *work[LANE_WORKS_MAX];
	struct lane_work *polled[LANE_WORKS_MAX];
};

/**
 * struct lane - one thread
 * @summary:	members that have been kicked
 * @sleeping:	new work needs a write to @wake_fd
 * @resting:	in epoll_wait(): holds no pointers
 * @polling, @busy: members that have polled work, and busy polled work
 * @blocked:	work items that wait for a kick that may never come
 * @wake:	the earliest deadline of its work, or earlier, in ns; UINT64_MAX: none
 * @last_progress: of polled work, in ns; 0: now
 * @function, @argument: for lane_answer(), under @lock; NULL when there is none
 */
struct lane {
	_Atomic uint64_t summary;
	_Atomic bool sleeping;
	_Atomic bool resting;

	pthread_t thread;
	unsigned int index;
	int wake_fd;
	int epoll_fd;
	unsigned int blocked;
	void *scratch;
	uint64_t polling, busy;
	unsigned int round;
	uint64_t wake;
	uint64_t last_progress;
	struct lane_member *member[LANE_MEMBERS_MAX];

	pthread_mutex_t lock;
	pthread_cond_t done;
	void (*function)(void *argument);
	void *argument;
	_Atomic bool called;
	bool stop;
	bool embedded; /* it has no thread: lanes_step() runs it */
};

struct lanes {
	unsigned int count;
	struct lane *lane[LANES_MAX];
	uint64_t members; /* numbers that are taken */
};

/** struct lanes_member - a member, with its part of each lane */
struct lanes_member {
	struct lanes *lanes;
	unsigned int index;
	struct lane_member *on[LANES_MAX];
};

static void lane_wake(struct lane *lane)
{
	uint64_t one = 1;

	/* It can only fail if the counter is full, and then it is readable anyway. */
	if (write(lane->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/** member_mark() - these items of a word are to be run */
static void member_mark(struct lane_member *member, unsigned int word, uint64_t bits)
{
	atomic_fetch_or_explicit(&member->ready[word], bits, memory_order_release);
	atomic_fetch_or_explicit(&member->summary, UINT64_C(1) << word, memory_order_release);
	atomic_fetch_or_explicit(&member->lane->summary, UINT64_C(1) << member->index,
				 memory_order_release);
}

static void lane_mark(struct lane_work *work)
{
	member_mark(work->member, work->slot / 64, UINT64_C(1) << work->slot % 64);
}

void lane_kick(struct lane_work *work)
{
	struct lane *lane = work->lane;

	if (!lane)
		return;
	lane_mark(work);
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
		pulse_beat("a change by the control thread", PULSE_NOBODY);
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

/** member_run() - a turn of a work item, at its member's expense; true: it has more to do */
static bool member_run(struct lane_member *member, struct lane_work *work)
{
	uint32_t start = budget_spent;
	bool more;

	lane_unblock(member->lane, work);
	pulse_beat(work->step, atomic_load_explicit(&work->client, memory_order_relaxed));
	more = work->run(work, member->lane->index);
	if (work->deadline && work->deadline < member->lane->wake)
		member->lane->wake = work->deadline;
	member->credit -= TURN_COST + budget_since(start);
	return more;
}

/**
 * member_must_end() - end the member's turn?
 *
 * When the credit is spent; and when the control thread waits, which is answered between the turns
 * of members: then nothing of the member is in use, and it may leave.
 */
static bool member_must_end(const struct lane_member *member)
{
	return member->credit <= 0 ||
	       atomic_load_explicit(&member->lane->called, memory_order_relaxed);
}

/** member_run_word() - run the items in @bits of a word; false: the turn ends before the others */
static bool member_run_word(struct lane_member *member, unsigned int word, uint64_t bits)
{
	struct lane *lane = member->lane;

	while (bits) {
		unsigned int slot = word * 64 + (unsigned int)__builtin_ctzll(bits);
		struct lane_work *work = member->work[slot];

		if (member_must_end(member)) {
			member->next = slot;
			member_mark(member, word, bits);
			return false;
		}
		bits &= bits - 1;
		if (!work)
			continue;
		if (member_run(member, work))
			lane_mark(work);
		else if (work->blocked)
			lane->blocked++;
	}
	return true;
}

/** member_turn_kicked() - a turn for each work item that was kicked, as far as the credit goes */
static void member_turn_kicked(struct lane_member *member)
{
	uint64_t summary = atomic_exchange_explicit(&member->summary, 0, memory_order_acquire);
	uint64_t from_next = UINT64_MAX << member->next % 64;
	unsigned int start = member->next / 64;

	member->next = 0;
	/* Once round the slots from the next one on: the word that it is in comes first and last. */
	for (unsigned int i = 0; i <= WORDS && summary; i++) {
		unsigned int word = (start + i) % WORDS;
		uint64_t bits, now;

		if (!(summary >> word & 1))
			continue;
		summary &= ~(UINT64_C(1) << word);
		bits = atomic_exchange_explicit(&member->ready[word], 0, memory_order_acquire);
		now = i == 0 ? bits & from_next : i == WORDS ? bits & ~from_next : bits;
		if (bits != now)
			member_mark(member, word, bits & ~now);
		if (i == 0 && bits != now)
			summary |= UINT64_C(1) << word;
		if (!member_run_word(member, word, now))
			break;
	}
	if (!summary)
		return;
	atomic_fetch_or_explicit(&member->summary, summary, memory_order_release);
	atomic_fetch_or_explicit(&member->lane->summary, UINT64_C(1) << member->index,
				 memory_order_release);
}

/** polled_swap() - exchange two entries of polled[] */
static void polled_swap(struct lane_member *member, unsigned int a, unsigned int b)
{
	struct lane_work *work = member->polled[a];

	member->polled[a] = member->polled[b];
	member->polled[b] = work;
	member->polled[a]->polled = (int)a;
	member->polled[b]->polled = (int)b;
}

/** polled_settle() - tell the lane whether the member has polled work, and busy polled work */
static void polled_settle(const struct lane_member *member)
{
	uint64_t bit = UINT64_C(1) << member->index;
	struct lane *lane = member->lane;

	lane->polling = member->polled_count ? lane->polling | bit : lane->polling & ~bit;
	lane->busy = member->busy_count ? lane->busy | bit : lane->busy & ~bit;
}

/**
 * member_turn_polled() - a turn for polled work, as far as the credit goes
 * @all:	for quiet work too
 *
 * Return: has any of it done something?
 */
static bool member_turn_polled(struct lane_member *member, bool all)
{
	unsigned int count = all ? member->polled_count : member->busy_count;
	unsigned int i = member->next_polled < count ? member->next_polled : 0;
	bool progress = false;

	for (unsigned int done = 0; done < count; done++, i = i + 1 < count ? i + 1 : 0) {
		struct lane_work *work = member->polled[i];

		if (member_must_end(member)) {
			member->next_polled = i;
			break;
		}
		work->progress = false;
		member_run(member, work);
		work->blocked = false; /* it is run again anyway */
		if (work->progress) {
			work->quiet = 0;
			progress = true;
			if (i >= member->busy_count)
				polled_swap(member, i, member->busy_count++);
		} else if (i < member->busy_count && ++work->quiet >= QUIET_TURNS) {
			/* The item that moves here has its turn in the next round. */
			polled_swap(member, i, --member->busy_count);
		}
	}
	polled_settle(member);
	return progress;
}

/** lane_round() - a turn for each member; true if polled work should keep the lane awake */
static bool lane_round(struct lane *lane)
{
	uint64_t summary = atomic_load_explicit(&lane->summary, memory_order_relaxed);
	bool all = lane->round % QUIET_ROUNDS == 0, progress = false;
	uint64_t members;

	/* An exchange waits for all that the last round wrote; a lane that only polls needs none. */
	if (summary)
		summary = atomic_exchange_explicit(&lane->summary, 0, memory_order_acquire);
	members = summary | (all ? lane->polling : lane->busy);
	for (; members; members &= members - 1) {
		unsigned int index = (unsigned int)__builtin_ctzll(members);
		struct lane_member *member = lane->member[index];
		bool kicked = summary >> index & 1, polled;

		if (!member)
			continue;
		member->credit += BUDGET_TURN;
		if (member->credit > BUDGET_TURN)
			member->credit = BUDGET_TURN;
		polled = member->polled_count && (all || member->busy_count);
		member->flip = !member->flip;
		if (polled && member->flip)
			progress |= member_turn_polled(member, all);
		if (kicked)
			member_turn_kicked(member);
		if (polled && !member->flip)
			progress |= member_turn_polled(member, all);
		lane_answer(lane);
	}
	if (!lane->polling)
		return false;
	if (progress) {
		lane->last_progress = 0;
		return true;
	}
	if (!all)
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

	for (uint64_t members = lane->polling; members; members &= members - 1) {
		struct lane_member *member = lane->member[__builtin_ctzll(members)];

		for (unsigned int i = 0; i < member->polled_count; i++) {
			struct lane_work *work = member->polled[i];

			if (work->rest && work->rest(work, asleep))
				more = true;
		}
	}
	return more;
}

static void lane_mark_blocked(struct lane *lane)
{
	for (unsigned int i = 0; i < LANE_MEMBERS_MAX; i++) {
		struct lane_member *member = lane->member[i];

		for (unsigned int word = 0; member && word < WORDS; word++)
			for (uint64_t used = member->used[word]; used; used &= used - 1) {
				struct lane_work *work =
					member->work[word * 64 +
						     (unsigned int)__builtin_ctzll(used)];

				if (work->blocked)
					lane_mark(work);
			}
	}
}

/** lane_mark_due() - run the work whose deadline has come, and find the next deadline */
static void lane_mark_due(struct lane *lane)
{
	uint64_t now = clock_ns();

	if (now < lane->wake)
		return;
	lane->wake = UINT64_MAX;
	for (unsigned int i = 0; i < LANE_MEMBERS_MAX; i++) {
		struct lane_member *member = lane->member[i];

		for (unsigned int word = 0; member && word < WORDS; word++)
			for (uint64_t used = member->used[word]; used; used &= used - 1) {
				struct lane_work *work =
					member->work[word * 64 +
						     (unsigned int)__builtin_ctzll(used)];

				if (work->deadline && work->deadline <= now)
					lane_mark(work);
				else if (work->deadline && work->deadline < lane->wake)
					lane->wake = work->deadline;
			}
	}
}

/** lane_timeout() - how long a lane without work may sleep, in ms; -1: until it is woken */
static int lane_timeout(const struct lane *lane)
{
	uint64_t now, ms;

	if (lane->wake == UINT64_MAX)
		return lane->blocked ? LANE_BLOCKED_MS : -1;
	now = clock_ns();
	if (lane->wake <= now)
		return 0;
	ms = (lane->wake - now) / NS_PER_MS + 1;
	if (lane->blocked && ms > LANE_BLOCKED_MS)
		return LANE_BLOCKED_MS;
	return ms < INT_MAX ? (int)ms : INT_MAX;
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
			timeout = lane_timeout(lane);
	}
	if (timeout)
		atomic_store_explicit(&lane->resting, true, memory_order_release);
	pulse_rest();
	n = epoll_wait(lane->epoll_fd, events, EVENTS_MAX, timeout);
	atomic_store_explicit(&lane->sleeping, false, memory_order_relaxed);
	if (timeout) {
		/* See lanes_sync(): no pointer is read before this is seen. */
		atomic_store_explicit(&lane->resting, false, memory_order_relaxed);
		atomic_thread_fence(memory_order_seq_cst);
	}
	if (idle)
		lane_rest_all(lane, false);
	if (n == 0 && timeout > 0 && lane->blocked)
		lane_mark_blocked(lane);
	if (lane->wake != UINT64_MAX)
		lane_mark_due(lane);
	for (int i = 0; i < n; i++) {
		struct lane_work *work = events[i].data.ptr;
		uint64_t count;

		if (work)
			lane_mark(work);
		else if (read(lane->wake_fd, &count, sizeof(count)) < 0)
			continue;
	}
}

static void *lane_main(void *argument)
{
	struct lane *lane = argument;
	char name[16];

	snprintf(name, sizeof(name), "lane %u", lane->index);
	pulse_join(name);
	while (!lane->stop) {
		bool idle;

		lane->round++;
		idle = !lane_round(lane);
		if (atomic_load_explicit(&lane->called, memory_order_relaxed)) {
			lane_answer(lane);
			continue;
		}
		idle = idle && !atomic_load_explicit(&lane->summary, memory_order_relaxed);
		/* Busy queues must not keep a tap waiting, nor pay for the check every round. */
		if (idle || lane->round % WAIT_ROUNDS == 0)
			lane_wait(lane, idle);
	}
	pulse_leave();
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

bool lanes_step(struct lanes *lanes)
{
	bool more = false;

	for (unsigned int i = 0; i < lanes->count; i++) {
		struct lane *lane = lanes->lane[i];

		lane->round++;
		if (lane->wake != UINT64_MAX)
			lane_mark_due(lane);
		lane_round(lane);
		if (lane_rest_all(lane, true) || atomic_load(&lane->summary))
			more = true;
		lane_rest_all(lane, false);
	}
	return more;
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
		member->on[i] = on;
	}
	*out = member;
	return 0;
}

static void change_leave(void *argument)
{
	struct lane_member *member = argument;

	member->lane->member[member->index] = NULL;
	polled_settle(member);
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
		polled_swap(member, (unsigned int)work->polled, member->busy_count++);
		polled_settle(member);
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
		polled_swap(member, (unsigned int)work->polled, --member->busy_count);
	polled_swap(member, (unsigned int)work->polled, --member->polled_count);
	work->polled = -1;
	polled_settle(member);
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
}

void lane_remove(struct lane_work *work, int fd)
{
	struct lane_change change = { .work = work, .fd = fd };

	if (!work->lane)
		return;
	lane_call(work->lane, change_remove, &change);
	work->lane = NULL;
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
		change.work->lane = NULL;
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
