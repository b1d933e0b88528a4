/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process/child.h and base/compat.h: a child's end is seen, and descriptors are closed. Every test
 * runs twice, the second time with a filter that makes the kernel answer like one without
 * pidfd_open() and close_range().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compat.h"
#include "emulated.h"
#include "process.h"
#include "process/child.h"

/** start() - a shell; its standard input is a pipe whose other end is @in */
static struct child start(const char *script, int *in)
{
	char *argv[] = { "sh", "-c", (char *)(uintptr_t)script, NULL };
	struct child child;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(child_start(&child, &(struct child_plan){ .argv = argv,
								   .in = fds[0],
								   .out = STDOUT_FILENO,
								   .err = STDERR_FILENO }),
			 0);
	close(fds[0]);
	*in = fds[1];
	return child;
}

/** ended() - within this time, in milliseconds; -1: however long it takes */
static int ended(const struct child *child, int patience)
{
	struct pollfd gone = { .fd = child->pidfd, .events = POLLIN };

	return poll(&gone, 1, patience) == 1 && gone.revents & POLLIN;
}

static void the_end_of_a_child_can_be_polled(void **state)
{
	struct child child;
	int in;

	(void)state;
	child = start("read line; exit 7", &in);
	assert_false(ended(&child, 0));
	close(in);
	assert_true(ended(&child, -1));
	/* It stays so, and the child is still there to be reaped. */
	assert_true(ended(&child, 0));
	assert_int_equal(WEXITSTATUS(child_stop(&child, 0, -1)), 7);
}

static void a_child_that_is_stopped_is_reaped(void **state)
{
	struct child child;
	int in, status;

	(void)state;
	for (int i = 0; i < 20; i++) {
		child = start("read line", &in);
		status = child_stop(&child, SIGTERM, -1);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
		close(in);
	}
}

static void a_range_of_descriptors_is_closed(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		bool right = true;

		for (int fd = 100; fd < 110; fd++)
			dup2(STDERR_FILENO, fd);
		compat_close_range(102, 104);
		for (int fd = 100; fd < 110; fd++)
			right &= (fcntl(fd, F_GETFD) < 0) == (fd >= 102 && fd <= 104);
		compat_close_range(106, ~0u);
		for (int fd = 105; fd < 110; fd++)
			right &= (fcntl(fd, F_GETFD) < 0) == (fd >= 106);
		_exit(!right);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_a_child_can_be_polled),
		cmocka_unit_test(a_child_that_is_stopped_is_reaped),
		cmocka_unit_test(a_range_of_descriptors_is_closed),
	};

	return cmocka_run_group_tests_name("process/child", tests, NULL, NULL);
}

int main(void)
{
	static const long missing[] = { SYS_pidfd_open, SYS_close_range };
	int failed = run();

	if (emulated("process/child.c without pidfd_open() and close_range()", "it has no seccomp"))
		return failed;
	if (!without_calls(missing, sizeof(missing) / sizeof(missing[0])))
		return 1;
	return failed + run();
}
