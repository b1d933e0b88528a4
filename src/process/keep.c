/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: an application that runs for days prints more than is worth keeping. The
 * start shows what it found, and the end why it failed, so the part between is dropped whenever the
 * file reaches KEEP_MAX.
 */
#include "process/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define END_SECONDS 2 /* for processes that the application leaves behind */

/**
 * struct keep_tee - a thread that reads a pipe
 * @pipe:	read end
 */
struct keep_tee {
	pthread_t thread;
	int pipe;
	int keep;
	int to;
};

int keep_open(void)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	return fd < 0 ? 0 : fd;
}

void keep_more(int keep, const void *data, size_t len)
{
	if (!keep)
		return;
	if (lseek(keep, 0, SEEK_CUR) > (off_t)KEEP_MAX && !ftruncate(keep, KEEP_HEAD))
		lseek(keep, KEEP_HEAD, SEEK_SET);
	/* It is there to explain a failure, and must not cause one. */
	if (write(keep, data, len) < 0)
		return;
}

/** pass_on() - the thread; ends when all writers have closed the pipe */
static void *pass_on(void *arg)
{
	struct keep_tee *tee = arg;
	char data[4096];
	ssize_t n;

	while ((n = read(tee->pipe, data, sizeof(data))) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		keep_more(tee->keep, data, (size_t)n);
		for (ssize_t put = 0, sent; put < n; put += sent) {
			sent = write(tee->to, data + put, (size_t)(n - put));
			if (sent < 0)
				break;
		}
	}
	return NULL;
}

struct keep_tee *keep_tee(int keep, int to, int *from)
{
	struct keep_tee *tee = keep ? calloc(1, sizeof(*tee)) : NULL;
	int ends[2];

	*from = to;
	if (!tee || pipe2(ends, O_CLOEXEC)) {
		free(tee);
		return NULL;
	}
	tee->pipe = ends[0];
	tee->keep = keep;
	tee->to = to;
	if (pthread_create(&tee->thread, NULL, pass_on, tee)) {
		close(ends[0]);
		close(ends[1]);
		free(tee);
		return NULL;
	}
	*from = ends[1];
	return tee;
}

void keep_tee_end(struct keep_tee *tee)
{
	struct timespec end;

	if (!tee)
		return;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += END_SECONDS;
	if (pthread_timedjoin_np(tee->thread, NULL, &end)) {
		/* A process that it started is still running, and may write. */
		pthread_cancel(tee->thread);
		pthread_join(tee->thread, NULL);
	}
	close(tee->pipe);
	free(tee);
}
