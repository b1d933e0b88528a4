/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Polled work of a lane: busy work gets one turn per round, quiet work is polled now and then, and
 * neither is lost when other work is added or removed. One work item is always busy, so that the
 * lane does not sleep; its turns are the rounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

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
			assert_in_range(piece->since, rounds - 1, rounds + 1);
		} else {
			assert_in_range(piece->since, rounds / SELDOM, rounds / OFTEN);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(quiet_work_is_polled_rarely, setup, teardown),
		cmocka_unit_test_setup_teardown(work_that_becomes_busy_gets_its_turns, setup,
						teardown),
		cmocka_unit_test_setup_teardown(work_that_is_no_longer_polled_is_not_run, setup,
						teardown),
		cmocka_unit_test_setup_teardown(changes_lose_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
