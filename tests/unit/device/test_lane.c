/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Polled work of a lane: busy work gets one turn per round, quiet work is polled now and then, and
 * neither is lost when other work is added or removed. One work item is always busy, so that the
 * lane does not sleep; its turns are the rounds.
 *
 * Members of a lane: each gets the same share of it, in units of base/budget.h, however many work
 * items it has, and however much one of their turns costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../range.h"
#include "base/budget.h"
#include "device/lane.h"

#define WORKS   64u
#define ROUNDS  20000u /* many times what it takes to become quiet, and to be polled again */
#define OFTEN   8u     /* quiet work gets less than one turn in this many rounds... */
#define SELDOM  128u   /* ...and more than one in this many */
#define CHANGES 300u

struct piece {
	struct lane_work work; /* first: it is what run() is given */
	atomic_uint turns;
	atomic_bool busy;
	bool polled;
	unsigned int before, since; /* turns at the last note(), and since the one before it */
};

struct fixture {
	struct lanes *lanes;
	struct lanes_member *member;
	struct piece piece[WORKS];
};

static bool run(struct lane_work *work, unsigned int lane)
{
	struct piece *piece = (struct piece *)work;

	(void)lane;
	atomic_fetch_add(&piece->turns, 1);
	work->progress = atomic_load(&piece->busy);
	return false;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || lanes_start(NULL, 1, &f->lanes) || lanes_join(f->lanes, &f->member))
		return -1;
	for (unsigned int i = 0; i < WORKS; i++) {
		struct piece *piece = &f->piece[i];

		piece->work.run = run;
		if (lane_add(f->member, 0, &piece->work, -1))
			return -1;
		atomic_store(&piece->busy, i == 0);
		lane_poll(&piece->work);
		piece->polled = true;
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < WORKS; i++)
		lane_remove(&f->piece[i].work, -1);
	lanes_leave(f->member);
	lanes_stop(f->lanes);
	free(f);
	return 0;
}

static void let_pass(struct fixture *f, unsigned int rounds)
{
	unsigned int start = atomic_load(&f->piece[0].turns);

	while (atomic_load(&f->piece[0].turns) - start < rounds)
		usleep(20);
}

/** note() - on the lane, for a consistent snapshot: turns since the last call */
static void note(void *argument)
{
	struct fixture *f = argument;

	for (unsigned int i = 0; i < WORKS; i++) {
		struct piece *piece = &f->piece[i];
		unsigned int turns = atomic_load(&piece->turns);

		piece->since = turns - piece->before;
		piece->before = turns;
	}
}

/** check() - let time pass, and check that each item had the turns it is due */
static void check(struct fixture *f)
{
	unsigned int rounds;

	/* A change takes time to be noticed. */
	let_pass(f, ROUNDS);
	lane_call(f->piece[0].work.lane, note, f);
	let_pass(f, ROUNDS);
	lane_call(f->piece[0].work.lane, note, f);
	rounds = f->piece[0].since;
	for (unsigned int i = 1; i < WORKS; i++) {
		const struct piece *piece = &f->piece[i];

		if (!piece->polled) {
			assert_int_equal(piece->since, 0);
		} else if (atomic_load(&piece->busy)) {
			assert_range(piece->since, rounds - 1, rounds + 1);
		} else {
			assert_range(piece->since, rounds / SELDOM, rounds / OFTEN);
		}
	}
}

static void quiet_work_is_polled_rarely(void **state)
{
	check(*state);
}

static void work_that_becomes_busy_gets_its_turns(void **state)
{
	struct fixture *f = *state;

	atomic_store(&f->piece[WORKS - 1].busy, true);
	atomic_store(&f->piece[17].busy, true);
	check(f);
	atomic_store(&f->piece[17].busy, false);
	check(f);
}

static void work_that_is_no_longer_polled_is_not_run(void **state)
{
	struct fixture *f = *state;

	atomic_store(&f->piece[5].busy, true);
	check(f);
	for (unsigned int i = 4; i < 7; i++) {
		lane_unpoll(&f->piece[i].work);
		f->piece[i].polled = false;
	}
	check(f);
	lane_poll(&f->piece[5].work);
	f->piece[5].polled = true;
	check(f);
}

static void changes_lose_nothing(void **state)
{
	struct fixture *f = *state;

	srand(1);
	for (unsigned int i = 0; i < CHANGES; i++) {
		struct piece *piece = &f->piece[1 + (unsigned int)rand() % (WORKS - 1)];

		if (rand() % 2) {
			atomic_store(&piece->busy, !atomic_load(&piece->busy));
		} else if (piece->polled) {
			lane_unpoll(&piece->work);
			piece->polled = false;
		} else {
			lane_poll(&piece->work);
			piece->polled = true;
		}
		let_pass(f, (unsigned int)rand() % 128);
	}
	check(f);
}

/* ---- Members ---- */

#define CROWD  64u   /* work items of a member that has many */
#define ENOUGH 2000u /* turns of the other one: so many that a few more or less do not matter */

/**
 * struct job - a work item that always has more to do, or only when it is kicked
 * @cost:	of a turn
 * @spent:	in all turns
 */
struct job {
	struct lane_work work; /* first: it is what run() is given */
	uint32_t cost;
	bool yields;
	bool light;
	_Atomic uint64_t spent;
	atomic_uint turns;
};

struct member {
	struct lanes_member *member;
	struct job job[CROWD];
	unsigned int count;
};

static bool toil(struct lane_work *work, unsigned int lane)
{
	struct job *job = (struct job *)work;

	(void)lane;
	budget_charge(job->cost);
	atomic_fetch_add(&job->spent, job->cost);
	atomic_fetch_add(&job->turns, 1);
	work->progress = true;
	work->yields = job->yields;
	return !job->light;
}

static void member_start(struct lanes *lanes, struct member *member, unsigned int count,
			 uint32_t cost, bool polled)
{
	*member = (struct member){ .count = count };
	assert_int_equal(lanes_join(lanes, &member->member), 0);
	for (unsigned int i = 0; i < count; i++) {
		struct job *job = &member->job[i];

		job->work.run = toil;
		job->cost = cost;
		assert_int_equal(lane_add(member->member, 0, &job->work, -1), 0);
		if (polled)
			lane_poll(&job->work);
		else
			lane_kick(&job->work);
	}
}

static void member_stop(struct member *member)
{
	for (unsigned int i = 0; i < member->count; i++)
		lane_remove(&member->job[i].work, -1);
	lanes_leave(member->member);
}

static uint64_t member_spent(struct member *member)
{
	uint64_t spent = 0;

	for (unsigned int i = 0; i < member->count; i++)
		spent += atomic_load(&member->job[i].spent);
	return spent;
}

/** struct both - what two members have spent */
struct both {
	struct member *crowd, *single;
	uint64_t many, one;
};

/** count_spent() - on the lane, so that none has a turn meanwhile */
static void count_spent(void *argument)
{
	struct both *both = argument;

	both->many = member_spent(both->crowd);
	both->one = member_spent(both->single);
}

/** shares() - two members' shares of a lane are the same */
static void shares(unsigned int count, uint32_t cost, bool polled)
{
	static struct member crowd, single;
	struct both before = { &crowd, &single, 0, 0 }, after = before;
	struct lanes *lanes;

	assert_int_equal(lanes_start(NULL, 1, &lanes), 0);
	member_start(lanes, &single, 1, BUDGET_TURN, false);
	member_start(lanes, &crowd, count, cost, polled);
	lane_call(single.job[0].work.lane, count_spent, &before);
	while (member_spent(&single) < before.one + (uint64_t)ENOUGH * BUDGET_TURN)
		usleep(20);
	lane_call(single.job[0].work.lane, count_spent, &after);
	member_stop(&crowd);
	member_stop(&single);
	lanes_stop(lanes);
	assert_range((after.many - before.many) * 100 / (after.one - before.one), 90, 110);
}

static void many_items_have_no_more_than_one(void **state)
{
	(void)state;
	shares(CROWD, BUDGET_TURN, false);
	shares(CROWD, BUDGET_TURN / 10, false);
}

static void polled_items_have_no_more_than_kicked_ones(void **state)
{
	(void)state;
	shares(CROWD, BUDGET_TURN, true);
	shares(CROWD, BUDGET_TURN / 10, true);
	shares(1, BUDGET_TURN, true);
}

static void what_a_turn_overdraws_is_paid_back(void **state)
{
	(void)state;
	shares(1, 7 * BUDGET_TURN, false);
	shares(CROWD, 7 * BUDGET_TURN, false);
	shares(CROWD, 7 * BUDGET_TURN, true);
}

static unsigned int crowd_turns[CROWD];

/** count_turns() - on the lane, so that no turn is counted meanwhile */
static void count_turns(void *argument)
{
	struct member *member = argument;

	for (unsigned int i = 0; i < CROWD; i++)
		crowd_turns[i] = atomic_load(&member->job[i].turns);
}

static void items_of_a_member_have_the_same_share(void **state)
{
	static struct member crowd, other;
	unsigned int least = UINT32_MAX, most = 0, before[CROWD];
	struct lanes *lanes;

	(void)state;
	assert_int_equal(lanes_start(NULL, 1, &lanes), 0);
	member_start(lanes, &other, 3, BUDGET_TURN, false);
	member_start(lanes, &crowd, CROWD, BUDGET_TURN / 3, false);
	/* They have been added one after the other. */
	lane_call(crowd.job[0].work.lane, count_turns, &crowd);
	memcpy(before, crowd_turns, sizeof(before));
	while (atomic_load(&crowd.job[CROWD - 1].turns) < before[CROWD - 1] + ENOUGH)
		usleep(20);
	lane_call(crowd.job[0].work.lane, count_turns, &crowd);
	member_stop(&other);
	for (unsigned int i = 0; i < CROWD; i++) {
		unsigned int turns = crowd_turns[i] - before[i];

		least = turns < least ? turns : least;
		most = turns > most ? turns : most;
	}
	member_stop(&crowd);
	lanes_stop(lanes);
	assert_range(most - least, 0, 2);
}

/** share_of_peers() - of the work of a crowd, in a hundred: items from @own on yield */
static unsigned int share_of_peers(unsigned int own, uint32_t cost, unsigned int *least,
				   unsigned int *most)
{
	static struct member crowd;
	uint64_t peers = 0, all;
	struct lanes *lanes;

	assert_int_equal(lanes_embed(1, &lanes), 0);
	member_start(lanes, &crowd, CROWD, cost, false);
	for (unsigned int i = own; i < CROWD; i++)
		crowd.job[i].yields = crowd.job[i].work.yields = true;
	while (atomic_load(&crowd.job[CROWD - 1].turns) < ENOUGH)
		assert_true(lanes_step(lanes));
	*least = UINT32_MAX;
	*most = 0;
	for (unsigned int i = own; i < CROWD; i++) {
		unsigned int turns = atomic_load(&crowd.job[i].turns);

		peers += atomic_load(&crowd.job[i].spent);
		*least = turns < *least ? turns : *least;
		*most = turns > *most ? turns : *most;
	}
	all = member_spent(&crowd);
	member_stop(&crowd);
	lanes_stop(lanes);
	return (unsigned int)(peers * 100 / all);
}

static void peers_take_a_third_of_a_share_at_most(void **state)
{
	unsigned int least, most;

	(void)state;
	assert_range(share_of_peers(1, BUDGET_TURN, &least, &most), 30, 35);
	assert_range(most - least, 0, 1);
	assert_range(share_of_peers(4, BUDGET_TURN / 10, &least, &most), 30, 35);
	assert_range(most - least, 0, 1);
	/* One item of many has its part of what each gets. */
	assert_range(share_of_peers(CROWD - 1, BUDGET_TURN, &least, &most), 0, 100 / CROWD + 1);
	/* Nobody else: everything */
	assert_int_equal(share_of_peers(0, BUDGET_TURN, &least, &most), 100);
	assert_range(most - least, 0, 1);
}

/** some_own_work() - of two members, one has peers, and in each round as much to do of its own */
static void some_own_work(unsigned int peers, uint32_t cost, uint32_t peers_cost)
{
	static struct member crowd, other;
	unsigned int least = UINT32_MAX, most = 0;
	struct job *own = &crowd.job[0];
	struct lanes *lanes;

	assert_int_equal(lanes_embed(1, &lanes), 0);
	member_start(lanes, &other, 1, BUDGET_TURN, false);
	member_start(lanes, &crowd, 1 + peers, peers_cost, false);
	own->cost = 0;
	own->light = true;
	for (unsigned int i = 1; i <= peers; i++)
		crowd.job[i].yields = crowd.job[i].work.yields = true;
	for (unsigned int i = 0; i < ENOUGH; i++) {
		const unsigned int turns = atomic_load(&own->turns);

		own->cost += cost;
		lane_kick(&own->work);
		assert_true(lanes_step(lanes));
		/* A turn of a peer may have overdrawn the credit by itself. */
		assert_true(atomic_load(&own->turns) > turns || own->cost == cost);
		if (atomic_load(&own->turns) > turns)
			own->cost = 0;
	}
	for (unsigned int i = 1; i <= peers; i++) {
		unsigned int turns = atomic_load(&crowd.job[i].turns);

		least = turns < least ? turns : least;
		most = turns > most ? turns : most;
	}
	/* Nothing of the share is lost, its own work waits for nobody, and the rest is for all. */
	assert_range(member_spent(&crowd) * 100 / member_spent(&other), 90, 110);
	assert_range(atomic_load(&own->spent), (ENOUGH - 1) * cost, ENOUGH * cost);
	assert_range(most - least, 0, 1);
	member_stop(&crowd);
	member_stop(&other);
	lanes_stop(lanes);
}

static void peers_have_what_their_client_leaves_over(void **state)
{
	(void)state;
	some_own_work(8, BUDGET_TURN / 100, BUDGET_TURN);
	some_own_work(1, BUDGET_TURN / 100, BUDGET_TURN);
	some_own_work(CROWD - 1, BUDGET_TURN / 100, BUDGET_TURN / 10);
	some_own_work(8, BUDGET_TURN / 2, BUDGET_TURN);
}

static void members_come_and_go_while_others_run(void **state)
{
	static struct member member[3];
	struct lane_work *works[CROWD];
	struct lanes *lanes;
	unsigned int turns;

	(void)state;
	assert_int_equal(lanes_start(NULL, 2, &lanes), 0);
	member_start(lanes, &member[0], 2, 100, false);
	for (unsigned int i = 0; i < CHANGES; i++) {
		member_start(lanes, &member[1], 1 + i % CROWD, 1000, i % 3 == 0);
		member_start(lanes, &member[2], 3, 10, i % 2);
		for (unsigned int j = 0; j < member[1].count; j++)
			works[j] = &member[1].job[j].work;
		lane_remove_all(member[1].member, works, member[1].count);
		turns = atomic_load(&member[1].job[0].turns);
		lanes_leave(member[1].member);
		member_stop(&member[2]);
		assert_int_equal(atomic_load(&member[1].job[0].turns), turns);
	}
	turns = atomic_load(&member[0].job[1].turns);
	while (atomic_load(&member[0].job[1].turns) == turns)
		usleep(20);
	member_stop(&member[0]);
	lanes_stop(lanes);
}

static void a_lane_has_room_for_so_many_members(void **state)
{
	struct lanes_member *member[LANE_MEMBERS_MAX], *more;
	struct lanes *lanes;

	(void)state;
	assert_int_equal(lanes_start(NULL, 1, &lanes), 0);
	for (unsigned int i = 0; i < LANE_MEMBERS_MAX; i++)
		assert_int_equal(lanes_join(lanes, &member[i]), 0);
	assert_int_equal(lanes_join(lanes, &more), -ENOSPC);
	lanes_leave(member[17]);
	assert_int_equal(lanes_join(lanes, &member[17]), 0);
	for (unsigned int i = 0; i < LANE_MEMBERS_MAX; i++)
		lanes_leave(member[i]);
	lanes_stop(lanes);
}

static void lanes_without_threads_run_when_they_are_stepped(void **state)
{
	struct lanes_member *member;
	struct piece piece = { .work.run = run };
	struct lanes *lanes;
	uint32_t start;

	(void)state;
	assert_int_equal(lanes_embed(2, &lanes), 0);
	assert_int_equal(lanes_join(lanes, &member), 0);
	assert_int_equal(lane_add(member, 1, &piece.work, -1), 0);
	lane_kick(&piece.work);
	/* Neither waiting for them nor a function on one of them takes any time that is counted. */
	start = budget_spent;
	lanes_sync(lanes);
	assert_int_equal(budget_since(start), 0);
	assert_int_equal(atomic_load(&piece.turns), 0);
	assert_false(lanes_step(lanes));
	assert_int_equal(atomic_load(&piece.turns), 1);
	assert_false(lanes_step(lanes));
	assert_int_equal(atomic_load(&piece.turns), 1);
	lane_remove(&piece.work, -1);
	lanes_leave(member);
	lanes_stop(lanes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(quiet_work_is_polled_rarely, setup, teardown),
		cmocka_unit_test_setup_teardown(work_that_becomes_busy_gets_its_turns, setup,
						teardown),
		cmocka_unit_test_setup_teardown(work_that_is_no_longer_polled_is_not_run, setup,
						teardown),
		cmocka_unit_test_setup_teardown(changes_lose_nothing, setup, teardown),
		cmocka_unit_test(many_items_have_no_more_than_one),
		cmocka_unit_test(polled_items_have_no_more_than_kicked_ones),
		cmocka_unit_test(what_a_turn_overdraws_is_paid_back),
		cmocka_unit_test(items_of_a_member_have_the_same_share),
		cmocka_unit_test(peers_take_a_third_of_a_share_at_most),
		cmocka_unit_test(peers_have_what_their_client_leaves_over),
		cmocka_unit_test(members_come_and_go_while_others_run),
		cmocka_unit_test(a_lane_has_room_for_so_many_members),
		cmocka_unit_test(lanes_without_threads_run_when_they_are_stepped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
