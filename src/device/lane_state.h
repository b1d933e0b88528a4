/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/lane_state.h - what lanes consist of. Only for lane.c, which runs them, and lanes.c, with
 * which the control thread changes them.
 */
#ifndef MANAKIN_DEVICE_LANE_STATE_H
#define MANAKIN_DEVICE_LANE_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "device/lane.h"

#define WORDS (LANE_WORKS_MAX / 64u)

/**
 * struct lane_member - a member's work on one lane
 * @summary:	words of @ready that are not zero
 * @ready:	work items that have been kicked
 * @used:	slots that are taken
 * @lane:	the lane
 * @index:	its bit in the lane's summary
 * @credit:	what it may spend in this turn; below zero, it has overdrawn
 * @wake:	the earliest deadline of its work, or earlier, in ns; UINT64_MAX: none
 * @next:	slot of the item that comes first in the next turn
 * @next_polled: the same in @polled
 * @flip:	this turn begins with polled work
 * @own, @own_ran: kicked work that does not yield was run: recently; since all items were last visited
 * @own_more:	some of that work has more to do, in this visit
 * @peers:	what items that yield may spend while there is other work
 * @peer:	the item that yields and comes next, if such items wait; else NULL
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
	uint64_t wake;
	unsigned int next;
	unsigned int next_polled;
	bool flip;
	bool own, own_ran, own_more;
	int64_t peers;
	const struct lane_work *peer;
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

/** lane_main() - a lane's thread */
void *lane_main(void *lane);

/** lane_wake() - wake it if it sleeps, or is about to */
void lane_wake(struct lane *lane);

/** lane_unblock() - the work item waits for nothing any more; on its lane */
void lane_unblock(struct lane *lane, struct lane_work *work);

/** lane_polled_swap() - exchange two entries of polled[]; on the member's lane */
void lane_polled_swap(struct lane_member *member, unsigned int a, unsigned int b);

/** lane_polled_settle() - tell the lane whether the member has polled work, and busy polled work */
void lane_polled_settle(const struct lane_member *member);

#endif
