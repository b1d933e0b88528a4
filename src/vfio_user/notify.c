/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * The context's ring is mapped by the kernel at the context's address. The kernel adds a completion
 * at the tail and starts over at the end; whoever reads completions moves the head. Nobody wants
 * these: before each operation the head is moved to the tail, which is a store and no system call.
 * Threads that do so at the same time can only leave the head behind; the kernel then counts fewer
 * free entries than there are, until the next one moves it.
 *
 * What is an eventfd? io_submit(2) looks up the descriptor that is to be signalled, and fails with
 * EINVAL or EBADF (O_PATH) unless it is an eventfd, before it looks at the operation. If the operation
 * has a flag that does not exist, it fails with EOPNOTSUPP afterwards: so EOPNOTSUPP means that the
 * descriptor is an eventfd, and nothing has been signalled.
 */
#include "vfio_user/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IN_FLIGHT      64u         /* operations; the kernel rounds up, by the number of CPUs */
#define AIO_RING_MAGIC 0xa10a10a1u /* fs/aio.c */
#define NO_SUCH_FLAG   0x40000000  /* of preadv2(2) */
#define TRIES          4           /* until the ring has room */

/* The beginning of a context's ring: struct aio_ring in fs/aio.c */
struct aio_ring {
	uint32_t id, nr;
	_Atomic uint32_t head, tail;
	uint32_t magic, compat_features, incompat_features, header_length;
};

static struct aio_ring *ring_of(const struct notifier *notifier)
{
	return (struct aio_ring *)notifier->context;
}

/** submit() - read nothing, with @flags, and signal @eventfd when done; 0 or a negative errno */
static int submit(const struct notifier *notifier, int flags, int eventfd)
{
	struct iocb operation = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)notifier->pipe[0],
		.aio_rw_flags = flags,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)eventfd,
	};
	struct iocb *operations[] = { &operation };
	struct aio_ring *ring = ring_of(notifier);

	atomic_store_explicit(&ring->head, atomic_load_explicit(&ring->tail, memory_order_relaxed),
			      memory_order_relaxed);
	return syscall(SYS_io_submit, notifier->context, 1, operations) == 1 ? 0 : -errno;
}

int notifier_open(struct notifier *notifier)
{
	struct aio_ring *ring;
	aio_context_t context = 0;

	notifier->context = 0;
	if (pipe2(notifier->pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		notifier->pipe[0] = notifier->pipe[1] = -1;
		return -errno;
	}
	if (syscall(SYS_io_setup, IN_FLIGHT, &context) < 0)
		return 0;
	notifier->context = context;
	ring = ring_of(notifier);
	if (ring->magic == AIO_RING_MAGIC && !ring->incompat_features)
		return 0;
	syscall(SYS_io_destroy, context);
	notifier->context = 0;
	return 0;
}

void notifier_close(struct notifier *notifier)
{
	if (notifier->context)
		syscall(SYS_io_destroy, notifier->context);
	notifier->context = 0;
	for (int i = 0; i < 2; i++)
		if (notifier->pipe[i] >= 0)
			close(notifier->pipe[i]);
	notifier->pipe[0] = notifier->pipe[1] = -1;
}

/** named_eventfd() - the same as notifier_takes(), by what /proc says */
static int named_eventfd(int fd)
{
	static const char expected[] = "anon_inode:[eventfd]";
	char path[32], target[sizeof(expected)];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target));
	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(expected) - 1 || memcmp(target, expected, sizeof(expected) - 1))
		return -EINVAL;
	return 0;
}

int notifier_takes(const struct notifier *notifier, int fd)
{
	int err;

	if (!notifier->context)
		return named_eventfd(fd);
	for (int i = 0; i < TRIES; i++) {
		err = submit(notifier, NO_SUCH_FLAG, fd);
		if (err != -EAGAIN)
			break;
	}
	return err == -EOPNOTSUPP ? 0 : err == -EBADF ? -EINVAL : err;
}

/** write_to() - the way without AIO */
static int write_to(int fd)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	const uint64_t one = 1;

	/* No room: the client has interrupts that it has not looked at yet */
	if (poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT))
		return 0;
	if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	return 0;
}

int notifier_signal(const struct notifier *notifier, int fd)
{
	for (int i = 0; notifier->context && i < TRIES; i++) {
		int err = submit(notifier, 0, fd);

		if (err != -EAGAIN)
			return err;
	}
	return write_to(fd);
}
