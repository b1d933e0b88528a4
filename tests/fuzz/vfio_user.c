/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/vfio_user.c - any bytes, and descriptors, from a client of the vfio-user server.
 *
 * Input: one byte whose bit 0 says that a valid VERSION is sent first; then pieces of
 *
 *	1	bits 0-1: descriptors sent with it; 2-3: of which kind; 4: let the server work
 *		after it; 5: read what has arrived; 6: on a second connection
 *	1	length
 *	length	bytes to send with one call
 *
 * The device is a DMA map, so memory is really mapped. What must hold: each access is within its
 * region, each reply is well-formed, and no descriptor is left when the client is gone.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dma/map.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/message.h"
#include "vfio_user/server.h"

#define REGION_SIZE 0x2000u
#define VECTORS     20u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz-vfio-user-XXXXXX", path[64];
static struct vfu_server *server;
static struct dma_map *map;
static int kinds[4]; /* descriptors to send */

static void require(int holds)
{
	if (!holds)
		abort();
}

static int device_read(void *ctx, unsigned int region, uint64_t offset, void *data, size_t len)
{
	(void)ctx;
	require(region < VFU_REGION_COUNT && region != 6 && offset < REGION_SIZE && len > 0 &&
		len <= REGION_SIZE - offset);
	memset(data, 0x11, len);
	return offset == 0x13 ? -EIO : 0;
}

static int device_write(void *ctx, unsigned int region, uint64_t offset, const void *data,
			size_t len)
{
	volatile uint8_t sum = 0;

	(void)ctx;
	require(region < VFU_REGION_COUNT && region != 6 && offset < REGION_SIZE && len > 0 &&
		len <= REGION_SIZE - offset);
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)data)[i]);
	if (offset == 0x17)
		vfu_server_drop(server, "it has written to 0x17");
	return offset == 0x13 ? -EIO : 0;
}

static int device_dma_map(void *ctx, uint64_t iova, uint64_t size, int fd, uint64_t offset,
			  unsigned int access)
{
	uint8_t *pointer;
	int ret = dma_map_add(map, iova, size, fd, offset, access);

	(void)ctx;
	if (ret || fd < 0)
		return ret;
	pointer = dma_map_pointer(map, iova, size, access);
	require(pointer != NULL);
	if (access & DMA_READ)
		require(pointer[0] == 0 && pointer[size - 1] == 0);
	dma_map_quiet(map);
	return 0;
}

static int device_dma_unmap(void *ctx, uint64_t iova, uint64_t size)
{
	struct dma_region *region;
	int ret = dma_map_unlink(map, iova, size, &region);

	(void)ctx;
	if (!ret) {
		require(dma_map_pointer(map, iova, 1, 0) == NULL);
		dma_map_release(map, region);
	}
	return ret;
}

static void device_dma_unmap_all(void *ctx)
{
	(void)ctx;
	dma_map_release(map, dma_map_unlink_all(map));
}

static void device_nothing(void *ctx)
{
	(void)ctx;
}

static const struct vfu_ops ops = {
	.read = device_read,
	.write = device_write,
	.dma_map = device_dma_map,
	.dma_unmap = device_dma_unmap,
	.dma_unmap_all = device_dma_unmap_all,
	.reset = device_nothing,
	.quiesce = device_nothing,
	.attached = device_nothing,
	.detached = device_dma_unmap_all,
};

static void clean_up(void)
{
	vfu_server_close(server);
	dma_map_free(map);
	rmdir(folder);
}

static void start(void)
{
	struct vfu_config config = { .path = path, .ops = &ops };
	int pipes[2];

	require(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/socket", folder);
	kinds[0] = memfd_create("fuzz", MFD_CLOEXEC);
	kinds[1] = eventfd(0, EFD_CLOEXEC);
	require(pipe(pipes) == 0 && ftruncate(kinds[0], 0x10000) == 0);
	kinds[2] = pipes[1];
	kinds[3] = pipes[0];
	for (unsigned int i = 0; i < VFU_REGION_COUNT; i++)
		config.regions[i] = (struct vfu_region){ .size = i == 6 ? 0 : REGION_SIZE,
							 .readable = i != 3,
							 .writable = i != 4,
							 .mmap_fd = -1 };
	config.regions[2].mmap_fd = kinds[0];
	config.regions[2].mmap_size = 0x1000;
	config.irqs[VFU_IRQ_MSIX] = VECTORS;
	map = dma_map_new();
	require(map != NULL && vfu_server_open(&config, &server) == 0);
	atexit(clean_up);
}

/* Until there is nothing to do, which must happen */
static void serve_all(void)
{
	struct pollfd poll_fd = { .fd = vfu_server_fd(server), .events = POLLIN };

	for (unsigned int i = 0; poll(&poll_fd, 1, 0) > 0; i++) {
		require(i < 10000);
		vfu_server_serve(server);
	}
}

static int connect_one(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, path, sizeof(path));
	require(fd >= 0);
	/* Nobody is let in while the closer is behind. */
	for (unsigned int i = 0; connect(fd, (struct sockaddr *)&address, sizeof(address)); i++) {
		require(errno == EAGAIN && i < 60000);
		poll(NULL, 0, 1);
		vfu_server_serve(server);
	}
	vfu_server_serve(server);
	return fd;
}

static void send_piece(int fd, const uint8_t *data, size_t len, int kind, unsigned int n)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	union descriptors_room room;
	int fds[3] = { kind, kind, kind };

	descriptors_put(&message, &room, fds, n);
	/* A connection that the server has closed is no mistake */
	if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
		require(errno == EPIPE || errno == ECONNRESET || errno == EAGAIN);
}

/* Read replies: the server sends only whole ones, except to connections that it drops */
static void read_replies(int fd)
{
	static uint8_t body[VFU_MESSAGE_MAX];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct vfu_header header;
	struct iovec iov = { .iov_base = &header, .iov_len = sizeof(header) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t len;
	int got;

	for (;;) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		if (recvmsg(fd, &message, 0) != sizeof(header))
			return;
		if (CMSG_FIRSTHDR(&message)) {
			memcpy(&got, CMSG_DATA(&control.header), sizeof(int));
			close(got);
		}
		require((header.flags & VFU_FLAG_TYPE) == VFU_TYPE_REPLY);
		require(header.size >= sizeof(header) && header.size <= VFU_MESSAGE_MAX);
		require(!(header.flags & VFU_FLAG_ERROR) ||
			(header.error && header.size == sizeof(header)));
		len = header.size - sizeof(header);
		while (len) {
			ssize_t n = recv(fd, body, len, 0);

			if (n <= 0) {
				vfu_server_serve(server);
				n = recv(fd, body, len, 0);
			}
			if (n <= 0)
				return;
			len -= (size_t)n;
		}
	}
}

/** free_fd() - the lowest number that no descriptor has */
static int free_fd(void)
{
	int fd = dup(kinds[0]);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vfu_header hello = { .command = VFU_CMD_VERSION, .size = 20 };
	static const uint8_t version[4];
	int fds[2], before;

	if (!server)
		start();
	if (!size)
		return 0;
	before = free_fd();
	fds[0] = connect_one();
	fds[1] = connect_one();
	if (data[0] & 1) {
		send_piece(fds[0], (const uint8_t *)&hello, sizeof(hello), -1, 0);
		send_piece(fds[0], version, sizeof(version), -1, 0);
	}
	for (data++, size--; size >= 2;) {
		uint8_t how = data[0];
		size_t len = data[1] < size - 2 ? data[1] : size - 2;
		int fd = fds[how >> 6 & 1];

		data += 2;
		size -= 2;
		if (len)
			send_piece(fd, data, len, kinds[how >> 2 & 3], how & 3);
		data += len;
		size -= len;
		if (how & 16)
			vfu_server_serve(server);
		if (how & 32)
			read_replies(fd);
	}
	serve_all();
	for (unsigned int i = 0; i < VECTORS; i++)
		vfu_irq_raise(server, i);
	read_replies(fds[0]);
	close(fds[0]);
	close(fds[1]);
	serve_all();
	/* The closer's thread may be behind, and the server waits for it */
	for (unsigned int i = 0; vfu_server_busy(server) || free_fd() != before; i++) {
		require(i < 60000);
		poll(NULL, 0, 1);
		serve_all();
	}
	return 0;
}
