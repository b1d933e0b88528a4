/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts. A lane reads an eventfd from the table and writes to it without
 * a lock. An eventfd that is removed from the table is closed only after
 * ops->quiesce().
 */
#include "vfio_user/vectors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "vfio_user/conn.h"
#include "vfio_user/descriptors.h"

void vectors_set(struct vfu_server *server, unsigned int start, unsigned int count, const int *fds)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++) {
		/* Release: a lane that sees the number sees the eventfd set up */
		int old = atomic_exchange_explicit(&server->vectors[start + i], fds ? fds[i] : -1,
						   memory_order_acq_rel);

		if (old >= 0)
			server->retired[n++] = old;
	}
	if (!n)
		return;
	server->config.ops->quiesce(server->config.ctx);
	descriptors_close(server->retired, &n);
}

void vfu_irq_raise(struct vfu_server *server, unsigned int vector)
{
	const uint64_t one = 1;
	int fd;

	if (vector >= server->config.irqs[VFU_IRQ_MSIX])
		return;
	fd = atomic_load_explicit(&server->vectors[vector], memory_order_acquire);
	/* EAGAIN: the counter is full, so the client has unread interrupts */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_once(&server->cannot_raise, LOG_ERROR,
			 "%s: interrupt %u cannot be signalled: %s", server->path, vector,
			 error_reason(errno));
}

int eventfd_check(int own_fds, int fd)
{
	static const char expected[] = "anon_inode:[eventfd]";
	char name[16], target[sizeof(expected)];
	ssize_t n;
	int flags;

	snprintf(name, sizeof(name), "%d", fd);
	n = readlinkat(own_fds, name, target, sizeof(target));
	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(expected) - 1 || memcmp(target, expected, sizeof(expected) - 1))
		return -EINVAL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}
