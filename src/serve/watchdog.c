/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * Every PULSE_LOOK_MS the thread looks at the pulses of all others. It waits for the request to stop
 * as well: whoever is to act upon it may be held up, so when WATCHDOG_STOP_MS later the process still
 * runs, this thread ends it.
 *
 * The end of a process closes all its descriptors, which can wait for a client as any close() can
 * (vfio_user/closer.h). So before it ends, the watchdog starts a child that shares the table of
 * descriptors: what is left in it is closed by the child's end, not by ours.
 */
#include "serve/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pulse.h"
#include "base/thread.h"

#define STOP_MS     800u         /* to end the process in order */
#define STACK_SIZE  (128u << 10) /* bytes */
#define CHILD_STACK (32u << 10)  /* bytes */

struct watchdog {
	struct watchdog_config config;
	pthread_t thread;
	int quit;
	pid_t pid;
	_Alignas(16) char stack[CHILD_STACK];
};

/**
 * outlive() - hold the descriptors until the process has ended
 *
 * Without a pidfd a new parent shows it. There is one as soon as all threads have begun to end: one
 * that has not released the table of descriptors by then may be the last, and wait.
 */
static int outlive(void *argument)
{
	const struct watchdog *watchdog = argument;
	struct pollfd ended = { .fd = watchdog->config.ended, .events = POLLIN };

	if (ended.fd >= 0)
		while (poll(&ended, 1, -1) < 0)
			continue;
	while (getppid() == watchdog->pid)
		clock_pause_us(1000);
	return 0;
}

/** end_process() - does not return */
static void end_process(struct watchdog *watchdog)
{
	static const char text[] =
		"error: the process was told to stop, but something holds it up; it ends as it is\n";
	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t told = 0;

	watchdog->config.abandon(watchdog->config.ctx);
	/* Not log_say(): the thread that is held up may have the log locked */
	if (poll(&room, 1, 0) == 1)
		told = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)told;
	thread_child(0, watchdog->stack + sizeof(watchdog->stack), outlive, watchdog);
	_exit(watchdog->config.status);
}

static void *watchdog_main(void *argument)
{
	struct watchdog *watchdog = argument;
	struct pollfd fds[] = { { .fd = watchdog->quit, .events = POLLIN },
				{ .fd = watchdog->config.stop, .events = POLLIN } };
	uint64_t deadline = 0, look = clock_deadline(PULSE_LOOK_MS);

	for (;;) {
		uint64_t next = deadline && deadline < look ? deadline : look;

		if (poll(fds, deadline ? 1 : 2, clock_left_ms(next)) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents)
			return NULL;
		if (!deadline && fds[1].revents)
			deadline = clock_deadline(STOP_MS);
		if (deadline && clock_passed(deadline))
			end_process(watchdog);
		if (clock_passed(look)) {
			pulse_look();
			look = clock_deadline(PULSE_LOOK_MS);
		}
	}
}

int watchdog_start(const struct watchdog_config *config, struct watchdog **out)
{
	struct watchdog *watchdog = calloc(1, sizeof(*watchdog));
	int err;

	if (!watchdog)
		return -ENOMEM;
	watchdog->config = *config;
	watchdog->pid = getpid();
	watchdog->quit = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = watchdog->quit < 0 ? -errno : pulse_signal();
	if (!err)
		err = pulse_join("the control thread");
	if (!err)
		err = thread_start(&watchdog->thread, STACK_SIZE, watchdog_main, watchdog);
	if (err) {
		pulse_leave();
		if (watchdog->quit >= 0)
			close(watchdog->quit);
		free(watchdog);
		return err;
	}
	*out = watchdog;
	return 0;
}

void watchdog_stop(struct watchdog *watchdog)
{
	const uint64_t one = 1;

	if (write(watchdog->quit, &one, sizeof(one)) > 0)
		pthread_join(watchdog->thread, NULL);
	pulse_leave();
	close(watchdog->quit);
	free(watchdog);
}
