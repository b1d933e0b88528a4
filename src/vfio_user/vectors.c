/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts. A lane reads an eventfd from the table and signals it without a
 * lock. An eventfd that is removed from the table is closed only after
 * ops->quiesce().
 */
#include "vfio_user/vectors.h"

#include "base/error.h"
#include "vfio_user/conn.h"

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
	conn_discard(server, server->retired, &n, false);
}

void vfu_irq_raise(struct vfu_server *server, unsigned int vector)
{
	int fd, err;

	if (vector >= server->config.irqs[VFU_IRQ_MSIX])
		return;
	fd = atomic_load_explicit(&server->vectors[vector], memory_order_acquire);
	if (fd < 0)
		return;
	err = notifier_signal(&server->notifier, fd);
	if (err)
		log_once(&server->cannot_raise, LOG_ERROR,
			 "%s: interrupt %u cannot be signalled: %s", server->path, vector,
			 error_reason(-err));
}
