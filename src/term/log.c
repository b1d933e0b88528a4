/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pipe that can be written (POLLOUT) takes a line of up to PIPE_BUF bytes without waiting, as long
 * as no other thread writes to it in between; hence the lock.
 */
#include "term/log.h"

#include <assert.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static_assert(LOG_LINE_MAX + 64 <= PIPE_BUF, "a message is written at once");

/** put() - write a line if that does not wait; false if it would */
static bool put(const char *line, size_t len)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&fd, 1, 0) == 1 && fd.revents & POLLOUT &&
	       write(STDERR_FILENO, line, len) == (ssize_t)len;
}

void log_to_stderr(enum log_level level, const char *message)
{
	static const char *const prefix[] = { "error: ", "warning: ", "", "", "" };
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static unsigned long lost;
	char line[LOG_LINE_MAX + 64];
	int len;

	pthread_mutex_lock(&lock);
	if (lost) {
		len = snprintf(line, sizeof(line),
			       "warning: %lu messages are lost: standard error took nothing\n",
			       lost);
		if (put(line, (size_t)len))
			lost = 0;
	}
	len = snprintf(line, sizeof(line), "%s%.*s\n", prefix[level], LOG_LINE_MAX, message);
	if (lost || !put(line, (size_t)len))
		lost++;
	pthread_mutex_unlock(&lock);
}
