/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process that is told to stop and whose threads do not: the watchdog ends it. Each test is a child
 * process that would otherwise never end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/pulse.h"
#include "emulated.h"
#include "process.h"
#include "serve/watchdog.h"
#include "slow_file.h"

#define STATUS 7

/** struct child - a process with a file that must not stay */
struct child {
	char path[64];
	pid_t pid;
	int ready;
};

static struct slow_file slow;

static void abandon(void *path)
{
	unlink(path);
}

/* A signalfd for SIGTERM, which all threads hold back */
static int stop_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Start a child that runs @stuck with its watchdog started */
static void start(struct child *child, void (*stuck)(void))
{
	int ready[2], fd;
	char byte = 0;

	strcpy(child->path, "/tmp/manakin-watchdog-XXXXXX");
	fd = mkstemp(child->path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(pipe(ready), 0);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (!child->pid) {
		struct watchdog_config config = { .stop = stop_fd(),
						  .ended =
							  (int)syscall(SYS_pidfd_open, getpid(), 0),
						  .status = STATUS,
						  .abandon = abandon,
						  .ctx = child->path };
		struct watchdog *watchdog;

		if (config.stop < 0 || watchdog_start(&config, &watchdog) ||
		    write(ready[1], &byte, 1) != 1)
			_exit(1);
		stuck();
		_exit(2);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

/* Tell it to stop: it ends with its status, and the file is gone */
static void assert_ends(struct child *child)
{
	uint64_t since = now_ms();
	int status = -1;
	pid_t pid = 0;

	assert_int_equal(kill(child->pid, SIGTERM), 0);
	while (!pid && now_ms() < since + PATIENCE_MS) {
		pid = waitpid(child->pid, &status, WNOHANG);
		pause_us(1000);
	}
	if (!pid) {
		/* The tests that follow need no held file. */
		atomic_store(&slow.shared->hold, false);
		kill(child->pid, SIGKILL);
	}
	assert_int_equal(pid, child->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), STATUS);
	assert_int_equal(access(child->path, F_OK), -1);
}

static void wait_for_ever(void)
{
	for (;;)
		poll(NULL, 0, -1);
}

static void compute_for_ever(void)
{
	for (;;)
		pulse_beat("a step", PULSE_NOBODY);
}

/* As one that closes a descriptor of a client's does; not even SIGKILL ends it */
static void close_slow_file(void)
{
	close(slow_file_open(&slow));
}

static void a_process_that_waits_ends(void **state)
{
	struct child child;

	(void)state;
	start(&child, wait_for_ever);
	assert_ends(&child);
}

static void a_process_that_computes_ends(void **state)
{
	struct child child;

	(void)state;
	start(&child, compute_for_ever);
	assert_ends(&child);
}

/* What the process has open, and whose close() waits, is left to another */
static void open_files_do_not_hold_up_the_end(void **state)
{
	struct child child;
	int fd;

	(void)state;
	if (emulated("open files that hold up the end of a process",
		     "its clone() has no CLONE_FILES"))
		return;
	fd = slow_file_open(&slow);
	assert_true(fd >= 0);
	/* The child inherits it. */
	start(&child, wait_for_ever);
	close(fd);
	atomic_store(&slow.shared->hold, true);
	assert_ends(&child);
	/* It is another that closes it, and waits. */
	for (unsigned int i = 0; !atomic_load(&slow.shared->held) && i < PATIENCE_MS; i++)
		pause_us(1000);
	assert_int_equal(atomic_load(&slow.shared->held), 1);
	atomic_store(&slow.shared->hold, false);
}

static void a_process_that_goes_on_is_left_alone(void **state)
{
	struct child child;
	int status;

	(void)state;
	start(&child, close_slow_file);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
	assert_int_equal(unlink(child.path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_that_waits_ends),
		cmocka_unit_test(a_process_that_computes_ends),
		cmocka_unit_test(open_files_do_not_hold_up_the_end),
		cmocka_unit_test(a_process_that_goes_on_is_left_alone),
	};
	int failed;

	slow_file_mount(&slow);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	slow_file_unmount(&slow);
	return failed;
}
