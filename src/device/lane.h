/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/lane.h - the data lanes: threads that move packets.
 *
 * A lane runs work items, each of which belongs to that lane permanently: a
 * send queue, or a fabric port to be polled. Any thread may kick a work item;
 * its lane then runs it until it has no more to do, and sleeps when nothing is
 * left.
 *
 * The adapters of a process share its lanes. Turns go round adapters ("members") first and their
 * work items second: an adapter with 64 busy queues gets no more of a lane than one with a single
 * queue. What a turn costs is counted, see base/budget.h.
 */
#ifndef MANAKIN_DEVICE_LANE_H
#define MANAKIN_DEVICE_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANES_MAX        64u
#define LANE_MEMBERS_MAX 64u   /* adapters */
#define LANE_WORKS_MAX   4096u /* work items that an adapter can have on a lane */

struct lanes;
struct lane;
struct lanes_member;
struct lane_member;
struct lane_work;

/**
 * typedef lane_run - one turn of a work item, on its lane
 *
 * It ends the turn when it has spent BUDGET_TURN, counted with budget_charge().
 *
 * Return: true if there is more to do immediately
 */
typedef bool lane_run(struct lane_work *work, unsigned int lane);

/**
 * typedef lane_rest - the lane is about to sleep, or has woken up
 * @asleep:	true: from now on new work needs a kick
 *
 * For work whose lane polls shared memory while it is awake.
 *
 * Return: with @asleep, true if there is something to do after all
 */
typedef bool lane_rest(struct lane_work *work, bool asleep);

/**
 * struct lane_work - embedded in the object that is run
 * @run:	called on the lane
 * @rest:	for polled work, see lane_poll()
 * @step:	what its turns do, for the watchdog (base/pulse.h)
 * @client:	whom they are done for, from pulse_client_add()
 * @lane:	its lane, set by lane_add(); NULL when not added
 * @member:	whose it is, on that lane
 * @slot:	its number there
 * @blocked:	set by @run when it waits for a kick that may never come (a receive
 *		buffer): the lane then runs it again after LANE_BLOCKED_MS
 * @deadline:	set by @run, in ns of clock_ns(): the lane runs it again then, kicked or not; 0: none
 * @yields:	set by @run when its next work is for a peer, not for its client: while the member has
 *		other kicked work, all such items together get a third of its share, and what that
 *		work leaves over
 * @progress:	set by @run when it has done something
 * @quiet:	turns without progress while it is busy; used only by the lane
 * @polled:	its place among polled work, or -1; used only by the lane
 */
struct lane_work {
	lane_run *run;
	lane_rest *rest;
	const char *step;
	_Atomic uint32_t client;
	struct lane *_Atomic lane;
	struct lane_member *member;
	unsigned int slot;
	bool blocked;
	uint64_t deadline;
	bool yields;
	bool progress;
	unsigned int quiet;
	int polled;
};

#define LANE_BLOCKED_MS 5
#define LANE_SPIN_US    100

/**
 * lanes_start() - start the threads
 * @cpus:	a CPU for each lane; NULL for no pinning
 * @n:		lanes, 1 to LANES_MAX
 * @lanes:	owned by the caller until lanes_stop()
 *
 * Return: 0 or a negative errno (-EINVAL for a CPU that does not exist or may not be used)
 */
int lanes_start(const unsigned int *cpus, unsigned int n, struct lanes **lanes);
void lanes_stop(struct lanes *lanes);

/**
 * lanes_embed() - lanes without threads, for a test or a fuzz target that is to be the same each time
 * @n:		as in lanes_start(), and @lanes
 *
 * Their work is run by lanes_step() alone. They wait for nothing and look at no descriptors, so what
 * lane_add() was given as @fd is run only when it is kicked.
 */
int lanes_embed(unsigned int n, struct lanes **lanes);

/** lanes_step() - a round of each of these lanes; true if there is more to do immediately */
bool lanes_step(struct lanes *lanes);

unsigned int lanes_count(const struct lanes *lanes);

/**
 * lanes_scratch() - a lane's own buffer of @size bytes
 *
 * The first caller allocates it: zeroed, and aligned to a cache line.
 */
void *lanes_scratch(struct lanes *lanes, unsigned int lane, size_t size);

/**
 * lanes_join() - become a member, which has a share of each lane
 * @member:	owned by the caller until lanes_leave()
 *
 * Return: 0, -ENOSPC or -ENOMEM
 */
int lanes_join(struct lanes *lanes, struct lanes_member **member);

/** lanes_leave() - its work items have all been removed */
void lanes_leave(struct lanes_member *member);

/**
 * lane_add() - add a work item to a lane
 * @member:	whose share it uses
 * @index:	any number; the lane is @index modulo their count
 * @fd:		the work is kicked when this becomes readable (edge-triggered); -1 for none
 *
 * Return: 0, -ENOSPC, or an error of epoll_ctl()
 */
int lane_add(struct lanes_member *member, unsigned int index, struct lane_work *work, int fd);

/**
 * lane_poll() - run this work repeatedly, kicked or not, while the lane is awake
 *
 * With polled work a lane stays awake for LANE_SPIN_US after the last progress. Work that has made
 * none for a while is polled less often than work that has.
 */
void lane_poll(struct lane_work *work);

/** lane_unpoll() - run this work only when kicked, again */
void lane_unpoll(struct lane_work *work);

/** lane_remove() - on return the work is not running and will not run again */
void lane_remove(struct lane_work *work, int fd);

/**
 * lane_remove_all() - lane_remove() for many work items without descriptors, all of one member
 *
 * Each lane is asked once.
 */
void lane_remove_all(struct lanes_member *member, struct lane_work *const *works, unsigned int n);

/** lane_kick() - there may be something to do; any thread */
void lane_kick(struct lane_work *work);

/** lane_is() - is this its lane? Only for a lane, about itself */
bool lane_is(const struct lane_work *work, unsigned int lane);

/**
 * lane_call() - run a function on a lane, between work items, and wait for it
 *
 * Only for the control thread, not for lanes. The wait is as long as the rest of one turn of one
 * work item; it is charged to the calling thread.
 */
void lane_call(struct lane *lane, void (*function)(void *argument), void *argument);

/** lanes_call() - lane_call() on each lane, one after the other */
void lanes_call(struct lanes *lanes, void (*function)(void *argument), void *argument);

/**
 * lanes_sync() - wait until every lane has passed a point where it holds no pointers
 *
 * As lane_call(), for all lanes at once. A lane that sleeps holds none: nobody waits for it.
 */
void lanes_sync(struct lanes *lanes);

#endif
