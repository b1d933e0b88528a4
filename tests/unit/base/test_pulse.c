/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads that do not get on: who is found, who is not, and what follows. The test looks at the
 * pulses as the watchdog does, which takes the time that a step may take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pulse.h"

#define PATIENCE_MS 120000u

enum behaviour { RESTS, GETS_ON, COMPUTES, CALLS };

/**
 * struct worker - a thread
 * @blocked:	nobody writes to it
 * @ended:	errno of the system call that it was in
 */
struct worker {
	enum behaviour behaviour;
	uint32_t client;
	pthread_t thread;
	int blocked[2];
	atomic_bool stop, running;
	atomic_int ended;
};

static char logged[1024];
static atomic_uint cuts;

static void keep_log(enum log_level level, const char *message)
{
	(void)level;
	snprintf(logged, sizeof(logged), "%s", message);
}

static void cut(void *worker)
{
	atomic_fetch_add(&cuts, 1);
	atomic_store(&((struct worker *)worker)->stop, true);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	char byte;

	assert_int_equal(pulse_join("a worker"), 0);
	pulse_beat("a step", worker->client);
	if (worker->behaviour == RESTS)
		pulse_rest();
	atomic_store(&worker->running, true);
	while (!atomic_load(&worker->stop)) {
		if (worker->behaviour == GETS_ON)
			pulse_beat("a step", worker->client);
		if (worker->behaviour == CALLS && read(worker->blocked[0], &byte, 1) < 0)
			atomic_store(&worker->ended, errno);
		if (worker->behaviour == RESTS || worker->behaviour == GETS_ON)
			poll(NULL, 0, 10);
	}
	pulse_leave();
	return NULL;
}

static void start(struct worker *worker, enum behaviour behaviour)
{
	memset(worker, 0, sizeof(*worker));
	worker->behaviour = behaviour;
	assert_int_equal(pipe(worker->blocked), 0);
	worker->client = pulse_client_add("/run/socket", cut, worker);
	assert_true(worker->client != PULSE_NOBODY);
	pulse_client_pid(worker->client, 4711);
	assert_int_equal(pthread_create(&worker->thread, NULL, work, worker), 0);
	while (!atomic_load(&worker->running))
		poll(NULL, 0, 1);
}

static void finish(struct worker *worker)
{
	atomic_store(&worker->stop, true);
	close(worker->blocked[1]);
	pthread_join(worker->thread, NULL);
	pulse_client_remove(worker->client);
	close(worker->blocked[0]);
}

/* Look until somebody is found, or for @ms */
static unsigned int look(unsigned int ms)
{
	uint64_t end = clock_deadline(ms);
	unsigned int found = 0;

	while (!found && !clock_passed(end)) {
		poll(NULL, 0, (int)PULSE_LOOK_MS);
		found = pulse_look();
	}
	return found;
}

static int setup(void **state)
{
	(void)state;
	logged[0] = '\0';
	atomic_store(&cuts, 0);
	log_set(keep_log, LOG_INFO);
	return pulse_signal();
}

static void one_that_computes_is_found(void **state)
{
	struct worker worker;

	(void)state;
	start(&worker, COMPUTES);
	assert_int_equal(look(PATIENCE_MS), 1);
	assert_int_equal(atomic_load(&cuts), 1);
	assert_non_null(strstr(logged, "/run/socket: the client (pid 4711) holds up a worker"));
	assert_non_null(strstr(logged, "at \"a step\""));
	assert_non_null(strstr(logged, "it computes; the client is disconnected"));
	finish(&worker);
}

static void one_in_a_call_is_found_and_the_call_ends(void **state)
{
	struct worker worker;

	(void)state;
	start(&worker, CALLS);
	assert_int_equal(look(PATIENCE_MS), 1);
	assert_int_equal(atomic_load(&cuts), 1);
	assert_non_null(strstr(logged, "it waits in a system call"));
	finish(&worker);
	assert_int_equal(atomic_load(&worker.ended), EINTR);
}

static void those_that_rest_or_get_on_are_not(void **state)
{
	struct worker rests, gets_on;

	(void)state;
	start(&rests, RESTS);
	start(&gets_on, GETS_ON);
	assert_int_equal(look(3 * PULSE_STILL_MS), 0);
	assert_string_equal(logged, "");
	finish(&rests);
	finish(&gets_on);
}

/* Nobody is attached: it is said, and nobody is disconnected */
static void a_step_for_nobody_is_only_logged(void **state)
{
	struct worker worker;
	uint64_t end = clock_deadline(PATIENCE_MS);

	(void)state;
	start(&worker, COMPUTES);
	pulse_client_pid(worker.client, 0);
	while (!*logged && !clock_passed(end))
		assert_int_equal(look(PULSE_LOOK_MS), 0);
	assert_non_null(strstr(logged, "a worker has been at \"a step\""));
	assert_int_equal(atomic_load(&cuts), 0);
	finish(&worker);
}

/* If the machine stood still, so did the one who looks */
static void a_late_look_accuses_nobody(void **state)
{
	struct worker worker;

	(void)state;
	start(&worker, COMPUTES);
	for (unsigned int i = 0; i < 4; i++) {
		pulse_look();
		poll(NULL, 0, (int)PULSE_STILL_MS);
		assert_int_equal(pulse_look(), 0);
	}
	assert_string_equal(logged, "");
	finish(&worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_that_computes_is_found, setup),
		cmocka_unit_test_setup(one_in_a_call_is_found_and_the_call_ends, setup),
		cmocka_unit_test_setup(those_that_rest_or_get_on_are_not, setup),
		cmocka_unit_test_setup(a_step_for_nobody_is_only_logged, setup),
		cmocka_unit_test_setup(a_late_look_accuses_nobody, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
