/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process/signals.h: signals are held back, read, dropped or delivered. What would end a process is
 * tried in a child, whose wait status shows it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/signals.h"

/** in_child() - its wait status. Its signals are as a shell leaves them, nohup(1) or not */
static int in_child(int (*body)(void))
{
	static const int used[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGWINCH };
	int status;
	pid_t pid = fork();

	if (!pid) {
		for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
			signal(used[i], SIG_DFL);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool readable(const struct signals *signals)
{
	struct pollfd fd = { .fd = signals->fd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static int read_each(void)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
	struct signals signals;

	if (signals_open(&signals, SIGWINCH) || readable(&signals))
		return 1;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		raise(wanted[i]);
		if (!readable(&signals) || signals_read(&signals) != wanted[i] ||
		    signals_read(&signals))
			return 2 + (int)i;
	}
	signals_close(&signals);
	return 0;
}

static void signals_that_are_held_back_can_be_read(void **state)
{
	(void)state;
	assert_int_equal(in_child(read_each), 0);
}

static int drop(void)
{
	struct signals signals;

	if (signals_open(&signals, 0))
		return 1;
	raise(SIGTERM);
	raise(SIGINT);
	signals_close(&signals);
	return 7;
}

static int end_later(void)
{
	struct signals signals;

	if (signals_open(&signals, 0))
		return 1;
	signals_close(&signals);
	raise(SIGTERM);
	return 7;
}

static void signals_that_were_not_read_are_dropped_and_later_ones_count(void **state)
{
	int status;

	(void)state;
	assert_int_equal(WEXITSTATUS(in_child(drop)), 7);
	status = in_child(end_later);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

static int hold(void)
{
	struct signals signals;

	signals_hold(&signals);
	raise(SIGINT);
	raise(SIGPIPE);
	raise(SIGQUIT);
	if (signals.fd != -1)
		return 1;
	/* Alive so far */
	signals_close(&signals);
	return 7;
}

static int hold_inside(void)
{
	struct signals outer, inner;

	if (signals_open(&outer, 0))
		return 1;
	signals_hold(&inner);
	raise(SIGINT);
	signals_close(&inner);
	if (signals_read(&outer) != SIGINT)
		return 2;
	signals_close(&outer);
	return 7;
}

static void a_signal_that_is_held_takes_effect_at_the_end_unless_it_was_held_before(void **state)
{
	int status;

	(void)state;
	status = in_child(hold);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WEXITSTATUS(in_child(hold_inside)), 7);
}

static int under_nohup(void)
{
	struct signals signals;

	signal(SIGHUP, SIG_IGN);
	if (signals_open(&signals, 0))
		return 1;
	raise(SIGHUP);
	return readable(&signals) ? 2 : 7;
}

static void an_ignored_hangup_stays_ignored(void **state)
{
	(void)state;
	assert_int_equal(WEXITSTATUS(in_child(under_nohup)), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_that_are_held_back_can_be_read),
		cmocka_unit_test(signals_that_were_not_read_are_dropped_and_later_ones_count),
		cmocka_unit_test(
			a_signal_that_is_held_takes_effect_at_the_end_unless_it_was_held_before),
		cmocka_unit_test(an_ignored_hangup_stays_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
