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
 * A queue pair that only answers works for its peer, on another machine. Such items yield: while the
 * member has other kicked work, all of them together may spend half of what that work has spent. Items
 * for which nothing is left wait, and the first of them continues. When all other work has had its turn
 * and has no more to do, the items that yield get the rest of the credit. So a peer takes at most a
 * third of what its client could use of its share, however many queue pairs the client has, and no
 * credit is lost.
 *
 * Polled work is run every round as long as the lane is awake, unless it has had nothing to do for
 * some time: then it is quiet, and is run once in QUIET_ROUNDS rounds. polled[] has the busy items
 * first, so that a round does not touch the others. A member's turn begins with polled work and with
 * kicked work alternately, so that neither takes all of its credit. Before the lane sleeps it
 * notifies each item of polled work, which announces this in shared memory and checks once more for
 * work.
 *
 * Deadlines. A work item can ask to be run at a time. The lane remembers only the earliest: when it
 * has come, the lane looks through its work for all that are due, and for the next one. A deadline
 * costs a comparison to set and nothing to cancel.
 *
 * The control thread runs functions on a lane with lane_call(): between two work items, where the
 * lane holds no pointers. While the lane is resting, in epoll_wait(), it holds none either.
 *
 * Lanes without threads (lanes_embed()) are always resting: lanes_step() runs their rounds, and a
 * function for one of them is run at once.
 */
#include "device/lane.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/pulse.h"
#include "device/lane_state.h"

#define SHORT_SLEEP  (50u * NS_PER_US) /* a timer of a thread may be that late */
#define FINE_SLEEP   (2u * NS_PER_MS)
#define EVENTS_MAX   16
#define QUIET_TURNS  64u /* without progress, before work is polled less often */
#define QUIET_ROUNDS 32u /* a power of two: quiet work is polled once in so many rounds */
#define WAIT_ROUNDS  64u /* a power of two: a busy lane checks its descriptors once in so many */
#define TURN_COST    30u /* of a turn itself, see base/budget.h */
#define LOOK_COST    20u /* of a look at a work item's deadline, the same */
#define PEERS_PART   2   /* of what other work spends, one in so many for work that yields */

void lane_wake(struct lane *lane)
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

bool lane_is(const struct lane_work *work, unsigned int lane)
{
	const struct lane *own = work->lane;

	return own && own->index == lane;
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

void lane_unblock(struct lane *lane, struct lane_work *work)
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
	if (work->deadline && work->deadline < member->wake)
		member->wake = work->deadline;
	if (member->wake < member->lane->wake)
		member->lane->wake = member->wake;
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

/** member_postpones() - does this item yield, and does it have to wait? */
static bool member_postpones(struct lane_member *member, const struct lane_work *work)
{
	if (!work->yields)
		return false;
	if (!member->own) {
		member->peers = 0;
		return false;
	}
	if (member->peer && member->peer != work)
		return true;
	if (member->peers > 0)
		return false;
	member->peer = work;
	return true;
}

/** member_run_kicked() - a turn of an item that was kicked; true: it has more to do */
static bool member_run_kicked(struct lane_member *member, struct lane_work *work)
{
	const int64_t before = member->credit;
	const bool yields = work->yields;
	const bool more = member_run(member, work);

	if (yields) {
		member->peers -= before - member->credit;
		if (member->peer == work)
			member->peer = NULL;
	} else {
		member->own = member->own_ran = true;
		member->own_more |= more;
		member->peers += (before - member->credit) / PEERS_PART;
		if (member->peers > BUDGET_TURN)
			member->peers = BUDGET_TURN;
	}
	return more;
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
		if (member_postpones(member, work) || member_run_kicked(member, work))
			lane_mark(work);
		else if (work->blocked)
			lane->blocked++;
	}
	return true;
}

/** member_next_peer() - the first item that waits, from a slot on, once round; NULL: there is none */
static struct lane_work *member_next_peer(const struct lane_member *member, unsigned int slot)
{
	uint64_t from_slot = UINT64_MAX << slot % 64;

	for (unsigned int i = 0; i <= WORDS; i++) {
		unsigned int word = (slot / 64 + i) % WORDS;
		uint64_t bits = atomic_load_explicit(&member->ready[word], memory_order_relaxed);

		bits &= i == 0 ? from_slot : i == WORDS ? ~from_slot : UINT64_MAX;
		for (; bits; bits &= bits - 1) {
			unsigned int bit = (unsigned int)__builtin_ctzll(bits);
			struct lane_work *work = member->work[word * 64 + bit];

			if (work && work->yields)
				return work;
		}
	}
	return NULL;
}

/** member_run_peers() - give items that wait a turn each, from what other work has left over */
static void member_run_peers(struct lane_member *member)
{
	const struct lane_work *first = member->peer;
	struct lane_work *work = first ? member->work[first->slot] : NULL;

	while (work && !member_must_end(member)) {
		atomic_fetch_and_explicit(&member->ready[work->slot / 64],
					  ~(UINT64_C(1) << work->slot % 64), memory_order_acquire);
		if (member_run(member, work))
			lane_mark(work);
		else if (work->blocked)
			member->lane->blocked++;
		work = member_next_peer(member, (work->slot + 1) % LANE_WORKS_MAX);
		member->peer = work;
		if (work == first)
			break;
	}
}

/** member_turn_kicked() - a turn for each work item that was kicked, as far as the credit goes */
static void member_turn_kicked(struct lane_member *member)
{
	uint64_t summary = atomic_exchange_explicit(&member->summary, 0, memory_order_acquire);
	uint64_t from_next = UINT64_MAX << member->next % 64;
	unsigned int start = member->next / 64;
	bool whole = true;

	member->next = 0;
	member->own_more = false;
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
		if (!member_run_word(member, word, now)) {
			whole = false;
			break;
		}
	}
	if (whole) {
		member->own = member->own_ran;
		member->own_ran = false;
		if (!member->own_more)
			member_run_peers(member);
	}
	if (!summary)
		return;
	atomic_fetch_or_explicit(&member->summary, summary, memory_order_release);
	atomic_fetch_or_explicit(&member->lane->summary, UINT64_C(1) << member->index,
				 memory_order_release);
}

void lane_polled_swap(struct lane_member *member, unsigned int a, unsigned int b)
{
	struct lane_work *work = member->polled[a];

	member->polled[a] = member->polled[b];
	member->polled[b] = work;
	member->polled[a]->polled = (int)a;
	member->polled[b]->polled = (int)b;
}

void lane_polled_settle(const struct lane_member *member)
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
				lane_polled_swap(member, i, member->busy_count++);
		} else if (i < member->busy_count && ++work->quiet >= QUIET_TURNS) {
			/* The item that moves here has its turn in the next round. */
			lane_polled_swap(member, i, --member->busy_count);
		}
	}
	lane_polled_settle(member);
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

/** member_mark_waiting() - lane_mark_waiting() for the work of a member, at its expense */
static void member_mark_waiting(struct lane_member *member, uint64_t now, bool blocked)
{
	bool due = member->wake <= now;

	if (due)
		member->wake = UINT64_MAX;
	for (unsigned int word = 0; (due || blocked) && word < WORDS; word++)
		for (uint64_t used = member->used[word]; used; used &= used - 1) {
			unsigned int bit = (unsigned int)__builtin_ctzll(used);
			struct lane_work *work = member->work[word * 64 + bit];
			uint64_t deadline = due ? work->deadline : 0;

			member->credit -= LOOK_COST;
			if ((blocked && work->blocked) || (deadline && deadline <= now))
				lane_mark(work);
			else if (deadline && deadline < member->wake)
				member->wake = deadline;
		}
}

/**
 * lane_mark_waiting() - run the work whose deadline has come, and find the next deadline
 * @blocked:	run the work that waits for a kick, too
 */
static void lane_mark_waiting(struct lane *lane, bool blocked)
{
	uint64_t now = lane->wake == UINT64_MAX ? 0 : clock_ns();

	if (lane->wake > now && !blocked)
		return;
	lane->wake = UINT64_MAX;
	for (unsigned int i = 0; i < LANE_MEMBERS_MAX; i++) {
		struct lane_member *member = lane->member[i];

		if (!member)
			continue;
		member_mark_waiting(member, now, blocked);
		if (member->wake < lane->wake)
			lane->wake = member->wake;
	}
}

/** lane_timeout() - how long a lane without work may sleep, in ns; UINT64_MAX: until it is woken */
static uint64_t lane_timeout(const struct lane *lane)
{
	uint64_t blocked = lane->blocked ? LANE_BLOCKED_MS * (uint64_t)NS_PER_MS : UINT64_MAX;
	uint64_t now, left;

	if (lane->wake == UINT64_MAX)
		return blocked;
	now = clock_ns();
	left = lane->wake > now ? lane->wake - now : 0;
	return left < blocked ? left : blocked;
}

/** lane_sleep() - wait for descriptors' events for @timeout ns, or a little longer */
static int lane_sleep(const struct lane *lane, struct epoll_event *events, uint64_t timeout)
{
	struct pollfd fd = { .fd = lane->epoll_fd, .events = POLLIN };
	struct timespec time = { .tv_nsec = (long)timeout };
	int ms = -1;

	/* epoll_wait() counts in milliseconds, and a moderated event waits for microseconds. */
	if (timeout && timeout < FINE_SLEEP) {
		ppoll(&fd, 1, &time, NULL);
		timeout = 0;
	}
	if (timeout < (uint64_t)INT_MAX * NS_PER_MS)
		ms = (int)((timeout + NS_PER_MS - 1) / NS_PER_MS);
	return epoll_wait(lane->epoll_fd, events, EVENTS_MAX, ms);
}

/** lane_wait() - handle the descriptors' events, and sleep if there is nothing to do */
static void lane_wait(struct lane *lane, bool idle)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t timeout = 0;
	int n;

	if (idle) {
		atomic_store_explicit(&lane->sleeping, true, memory_order_relaxed);
		atomic_thread_fence(memory_order_seq_cst);
		if (!lane_rest_all(lane, true) && !atomic_load(&lane->summary) &&
		    !atomic_load(&lane->called))
			timeout = lane_timeout(lane);
		/* Not worth the way to sleep and back */
		if (timeout < SHORT_SLEEP)
			timeout = 0;
	}
	if (timeout)
		atomic_store_explicit(&lane->resting, true, memory_order_release);
	pulse_rest();
	n = lane_sleep(lane, events, timeout);
	atomic_store_explicit(&lane->sleeping, false, memory_order_relaxed);
	if (timeout) {
		/* See lanes_sync(): no pointer is read before this is seen. */
		atomic_store_explicit(&lane->resting, false, memory_order_relaxed);
		atomic_thread_fence(memory_order_seq_cst);
	}
	if (idle)
		lane_rest_all(lane, false);
	lane_mark_waiting(lane, n == 0 && timeout > 0);
	for (int i = 0; i < n; i++) {
		struct lane_work *work = events[i].data.ptr;
		uint64_t count;

		if (work)
			lane_mark(work);
		else if (read(lane->wake_fd, &count, sizeof(count)) < 0)
			continue;
	}
}

void *lane_main(void *argument)
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

bool lanes_step(struct lanes *lanes)
{
	bool more = false;

	for (unsigned int i = 0; i < lanes->count; i++) {
		struct lane *lane = lanes->lane[i];

		lane->round++;
		lane_mark_waiting(lane, false);
		lane_round(lane);
		if (lane_rest_all(lane, true) || atomic_load(&lane->summary))
			more = true;
		lane_rest_all(lane, false);
	}
	return more;
}
