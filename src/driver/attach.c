/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/attach.c - the doorbells of an adapter that another process has brought up
 *
 * A secondary process has the queues, in shared memory at the same addresses, and needs its own
 * access to the doorbells: the connection, on which it only posts writes, and BAR 2. Both are
 * passed as descriptors. For an adapter that the kernel owns it is the RDMA device's descriptor,
 * with which the process maps its doorbell page: the kernel maps a page of its own size, which
 * begins with the 4 KiB that MANA calls a page (mana_ib_mmap() in Linux 6.12 maps PAGE_SIZE bytes).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/driver.h"

/** kernel_page() - bytes of a page of this machine's kernel */
static size_t kernel_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/** struct attached - a doorbell in this process */
struct attached {
	struct driver_doorbell doorbell;
	struct driver_share share;
};

static void ring(void *ctx, uint32_t offset, uint64_t value)
{
	const struct attached *attached = ctx;

	/* The primary process notices that the adapter is gone. */
	transport_share_post(attached->share.transport.post_fd, TRANSPORT_BAR0,
			     attached->share.page + offset, value);
}

int driver_attach(const struct driver_share *share, struct driver_doorbell **doorbell)
{
	const struct transport_share *transport = &share->transport;
	struct attached *attached = calloc(1, sizeof(*attached));
	void *bar = NULL, *page = NULL;
	int err = attached ? 0 : -ENOMEM;

	if (!err && share->mapped) {
		page = mmap(NULL, kernel_page(), PROT_WRITE, MAP_SHARED, transport->post_fd, 0);
		if (page == MAP_FAILED)
			err = -errno;
	}
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
	attached->doorbell = (struct driver_doorbell){
		.shared = bar, .mapped = page, .ring = ring, .ctx = attached
	};
	*doorbell = &attached->doorbell;
	return 0;
}

void driver_detach(struct driver_doorbell *doorbell)
{
	struct attached *attached = (struct attached *)doorbell;

	if (doorbell->mapped)
		munmap(doorbell->mapped, kernel_page());
	if (doorbell->shared)
		munmap(doorbell->shared, attached->share.transport.bar_size);
	close(attached->share.transport.post_fd);
	free(attached);
}
