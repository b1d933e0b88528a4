/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/vfio_user.c - the transport to an adapter in software, a vfio-user server
 *
 * The bus address of memory is its virtual address in this process: the server keeps a separate map
 * for each client, so any address will do, and this one needs no translation on the packet path.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "driver/transport.h"
#include "vfio_user/client.h"
#include "wire/native.h"

#define IRQ_MSIX 2u /* VFIO's number for this kind of interrupt */

/** struct vfio_user - @share describes the mapped region, @bar points to it */
struct vfio_user {
	struct transport transport;
	struct vfu_client *client;
	struct transport_share share;
	void *bar;
	char *path;
};

static struct vfio_user *of(struct transport *transport)
{
	return (struct vfio_user *)transport;
}

/** gone() - one errno for all the ways in which a connection ends */
static int gone(int err)
{
	return err == -ECONNRESET ? -ENODEV : err;
}

static int size_of(struct transport *transport, unsigned int index, uint64_t *size)
{
	struct vfu_client_region region;
	int err = vfu_client_region(of(transport)->client, index, &region);

	if (err)
		return gone(err);
	if (region.fd >= 0)
		close(region.fd);
	*size = region.size;
	return 0;
}

static int read_from(struct transport *transport, unsigned int region, uint64_t offset, void *data,
		     size_t len)
{
	return gone(vfu_client_read(of(transport)->client, region, offset, data, len));
}

static int write_to(struct transport *transport, unsigned int region, uint64_t offset,
		    const void *data, size_t len)
{
	return gone(vfu_client_write(of(transport)->client, region, offset, data, len));
}

static int post(struct transport *transport, unsigned int region, uint64_t offset, uint64_t value)
{
	return gone(vfu_client_post(of(transport)->client, region, offset, value));
}

/** map_region() - map one region, in one piece from its start */
static int map_region(struct transport *transport, unsigned int index, void **va, uint64_t *size)
{
	struct vfio_user *vfio_user = of(transport);
	struct vfu_client_region region;
	int err;

	if (vfio_user->bar)
		return -EBUSY;
	err = vfu_client_region(vfio_user->client, index, &region);
	if (err)
		return gone(err);
	if (region.fd < 0)
		return -ENOTSUP;
	if (region.n_areas == 1 && !region.areas[0].offset)
		err = vfu_client_map(region.fd, region.offset, &region.areas[0], va);
	else
		err = -ENOTSUP;
	if (err) {
		close(region.fd);
		return err;
	}
	vfio_user->bar = *va;
	vfio_user->share.bar_fd = region.fd;
	vfio_user->share.bar_offset = region.offset;
	vfio_user->share.bar_size = region.areas[0].size;
	*size = region.areas[0].size;
	return 0;
}

static int dma_map(struct transport *transport, uint64_t iova, void *va, uint64_t size, int fd,
		   uint64_t offset)
{
	(void)va;
	return gone(vfu_client_dma_map(of(transport)->client, iova, size, fd, offset));
}

static int dma_unmap(struct transport *transport, uint64_t iova, uint64_t size)
{
	return gone(vfu_client_dma_unmap(of(transport)->client, iova, size));
}

static int irqs(struct transport *transport, unsigned int start, const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		int err = vfu_client_set_irq(of(transport)->client, IRQ_MSIX, start + i, fds[i]);

		if (err)
			return gone(err);
	}
	return 0;
}

static int reset(struct transport *transport)
{
	return gone(vfu_client_reset(of(transport)->client));
}

static int watch(struct transport *transport, int epoll_fd, bool on)
{
	/* Other code reads the answers to requests: only the end of the connection matters here.
	 */
	struct epoll_event event = { .events = EPOLLRDHUP };

	if (epoll_ctl(epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
		      vfu_client_fd(of(transport)->client), &event) < 0)
		return -errno;
	return 0;
}

static int alive(struct transport *transport)
{
	return vfu_client_alive(of(transport)->client);
}

static int share_with(struct transport *transport, struct transport_share *share)
{
	*share = of(transport)->share;
	return 0;
}

static void close_transport(struct transport *transport)
{
	struct vfio_user *vfio_user = of(transport);

	vfu_client_close(vfio_user->client);
	if (vfio_user->bar)
		munmap(vfio_user->bar, vfio_user->share.bar_size);
	if (vfio_user->share.bar_fd >= 0)
		close(vfio_user->share.bar_fd);
	free(vfio_user->path);
	free(vfio_user);
}

static const struct transport_ops ops = {
	.size = size_of,
	.read = read_from,
	.write = write_to,
	.post = post,
	.map_region = map_region,
	.dma_map = dma_map,
	.dma_unmap = dma_unmap,
	.irqs = irqs,
	.reset = reset,
	.watch = watch,
	.alive = alive,
	.share = share_with,
	.close = close_transport,
};

/** why_not() - what the user can do if the adapter is not reachable */
static const char *why_not(int err)
{
	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		return "no adapter is running there; start one with \"manakin device\"";
	case -EBUSY:
		return "another driver is using this adapter; stop it, or start another adapter";
	case -EACCES:
		return "permission denied; run as the user who started the adapter, or as root";
	case -EPROTO:
	case -ENOTSUP:
		return "what listens there is not a vfio-user server of version 0.0";
	default:
		return strerror(-err);
	}
}

int transport_vfio_user(const char *path, struct transport **transport)
{
	struct vfio_user *vfio_user = calloc(1, sizeof(*vfio_user));
	int err;

	if (!vfio_user)
		return -ENOMEM;
	vfio_user->path = strdup(path);
	if (!vfio_user->path) {
		free(vfio_user);
		return -ENOMEM;
	}
	vfio_user->transport.ops = &ops;
	vfio_user->transport.name = vfio_user->path;
	vfio_user->share.bar_fd = -1;
	err = vfu_client_connect(path, 0, &vfio_user->client);
	if (err) {
		log_say(LOG_ERROR, "cannot attach to the adapter at %s: %s", path, why_not(err));
		free(vfio_user->path);
		free(vfio_user);
		return gone(err);
	}
	vfio_user->share.post_fd = vfu_client_fd(vfio_user->client);
	*transport = &vfio_user->transport;
	return 0;
}

int transport_share_post(int post_fd, unsigned int region, uint64_t offset, uint64_t value)
{
	return vfu_client_post_fd(post_fd, VFU_CLIENT_TIMEOUT_MS, region, offset, value);
}
