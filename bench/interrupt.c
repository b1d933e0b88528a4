/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench/interrupt.c - what it costs to raise an interrupt: the way that cannot wait for a client
 * (vfio_user/notify.h), the way without AIO, and a bare write(2), which can wait.
 *
 *	interrupt-bench
 *
 * Prints nanoseconds, the least of many rounds: somebody who polls the eventfd, as a client does, is
 * there, and is not woken.
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "vfio_user/notify.h"

#define ROUNDS 400u
#define EACH   500u /* in a round */

enum way { BARE_WRITE, WITHOUT_AIO, WITH_AIO };

static int raise_once(enum way way, const struct notifier *notifier, int fd)
{
	const uint64_t one = 1;

	if (way == BARE_WRITE)
		return write(fd, &one, sizeof(one)) < 0;
	return notifier_signal(notifier, fd);
}

/* The least that one took, in ns; -1: it failed */
static double measure(enum way way, const struct notifier *notifier, int fd)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_ns(), took;

		for (unsigned int i = 0; i < EACH; i++)
			if (raise_once(way, notifier, fd))
				return -1;
		took = clock_ns() - start;
		least = took < least ? took : least;
	}
	return (double)least / EACH;
}

int main(void)
{
	struct notifier with, without = { .context = 0, .pipe = { -1, -1 } };
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int fd = eventfd(0, EFD_CLOEXEC), epoll = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || epoll < 0 || notifier_open(&with) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		perror("interrupt-bench");
		return 1;
	}
	printf("write(2)            %4.0f ns\n", measure(BARE_WRITE, NULL, fd));
	printf("poll(2) and write   %4.0f ns\n", measure(WITHOUT_AIO, &without, fd));
	if (with.context)
		printf("io_submit(2)        %4.0f ns\n", measure(WITH_AIO, &with, fd));
	else
		printf("io_submit(2)        cannot be had here\n");
	notifier_close(&with);
	return 0;
}
