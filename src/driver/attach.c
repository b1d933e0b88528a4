/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/attach.c - the doorbells of an adapter that another process has brought up
 *
 * A secondary process has the queues, in hugepages at the same addresses, and needs its
 * own way to the doorbells: the connection, on which it posts writes and reads nothing, and
 * BAR 2. Both come as descriptors.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/driver.h"

/** struct attached - a doorbell in this process */
struct attached {
	struct driver_doorbell doorbell;
	struct driver_share share;
};

static void ring(void *ctx, uint32_t offset, uint64_t value)
{
	const struct attached *attached = ctx;

	/* That the adapter has gone is the primary's to notice. */
	transport_share_post(attached->share.transport.post_fd, TRANSPORT_BAR0,
			     attached->share.page + offset, value);
}

int driver_attach(const struct driver_share *share, struct driver_doorbell **doorbell)
{
	const struct transport_share *transport = &share->transport;
	struct attached *attached = calloc(1, sizeof(*attached));
	void *bar = NULL;
	int err = attached ? 0 : -ENOMEM;

	if (!err && transport->bar_fd >= 0) {
		bar = mmap(NULL, transport->bar_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   transport->bar_fd, (off_t)transport->bar_offset);
		if (bar == MAP_FAILED)
			err = -errno;
	}
	if (transport->bar_fd >= 0)
		close(transport->bar_fd);
	if (err) {
		close(transport->post_fd);
		free(attached);
		return err;
	}
	attached->share = *share;
	attached->doorbell =
		(struct driver_doorbell){ .shared = bar, .ring = ring, .ctx = attached };
	*doorbell = &attached->doorbell;
	return 0;
}

void driver_detach(struct driver_doorbell *doorbell)
{
	struct attached *attached = (struct attached *)doorbell;

	if (doorbell->shared)
		munmap(doorbell->shared, attached->share.transport.bar_size);
	close(attached->share.transport.post_fd);
	free(attached);
}
