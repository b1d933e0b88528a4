/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/client.h - use a PCI device that a server offers over a UNIX socket.
 *
 * Threads: any thread may call anything but vfu_client_close(). Requests wait for one another;
 * vfu_client_post() does not wait for an answer.
 *
 * Each call returns 0 or a negative errno. A server that dies, breaks the protocol or does not
 * answer in time loses the connection: that call returns -ECONNRESET, -EPROTO or -ETIMEDOUT, and
 * all later ones -ENODEV. If the server refuses a command, the call returns the server's errno, and
 * the connection stays up.
 */
#ifndef MANAKIN_VFIO_USER_CLIENT_H
#define MANAKIN_VFIO_USER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vfu_client;

#define VFU_CLIENT_TIMEOUT_MS 5000  /* for an answer, and for room to send */
#define VFU_CLIENT_DATA_MAX   4096u /* bytes of a read or write */
#define VFU_CLIENT_AREAS_MAX  8u

/**
 * vfu_client_connect() - attach to the device at @path
 * @path:	of the socket
 * @timeout_ms:	for this and for every later answer; 0 for VFU_CLIENT_TIMEOUT_MS
 * @client:	owned by the caller until vfu_client_close()
 *
 * Return: also -ENOENT and -ECONNREFUSED (no process listens), -EBUSY (another client is
 * attached), -ENOTSUP (another version)
 */
int vfu_client_connect(const char *path, unsigned int timeout_ms, struct vfu_client **client);
void vfu_client_close(struct vfu_client *client);

/** vfu_client_fd() - signals EPOLLRDHUP when the server is gone; do not read from it */
int vfu_client_fd(const struct vfu_client *client);

/** vfu_client_alive() - 0, or -ENODEV when the connection is lost */
int vfu_client_alive(struct vfu_client *client);

/** vfu_client_info() - number of regions, and of kinds of interrupts */
int vfu_client_info(struct vfu_client *client, uint32_t *regions, uint32_t *irqs);

/** struct vfu_client_area - a part of a region that can be mapped, in bytes from its start */
struct vfu_client_area {
	uint64_t offset, size;
};

/**
 * struct vfu_client_region - a region
 * @size:	bytes; 0 if there is none
 * @fd:		file to map, which the caller closes; -1 if it cannot be mapped
 * @offset:	where the region starts in the file
 * @areas, @n_areas: the parts that can be mapped: inside the region, in whole pages
 */
struct vfu_client_region {
	uint64_t size;
	int fd;
	uint64_t offset;
	struct vfu_client_area areas[VFU_CLIENT_AREAS_MAX];
	unsigned int n_areas;
};

int vfu_client_region(struct vfu_client *client, uint32_t index, struct vfu_client_region *region);

/**
 * vfu_client_map() - map one area of a region
 * @fd, @offset: the region's
 * @area:	one of its areas
 * @va:		its address; unmap it with munmap(@va, @area->size)
 *
 * The file must be a memory file sealed against shrinking: otherwise an access could kill this
 * process.
 *
 * Return: also -EACCES if the file can be shortened
 */
int vfu_client_map(int fd, uint64_t offset, const struct vfu_client_area *area, void **va);

/** vfu_client_irq_count() - vectors of a kind of interrupt */
int vfu_client_irq_count(struct vfu_client *client, uint32_t index, uint32_t *count);

/** vfu_client_set_irq() - signal a vector through @fd, an eventfd; -1 to unset it */
int vfu_client_set_irq(struct vfu_client *client, uint32_t index, uint32_t vector, int fd);

/** vfu_client_read() - read from a region; @len up to VFU_CLIENT_DATA_MAX */
int vfu_client_read(struct vfu_client *client, uint32_t region, uint64_t offset, void *data,
		    size_t len);

/** vfu_client_write() - write to a region; when this returns the device has seen it */
int vfu_client_write(struct vfu_client *client, uint32_t region, uint64_t offset, const void *data,
		     size_t len);

/** vfu_client_post() - write 8 bytes without waiting, in order with this client's other calls */
int vfu_client_post(struct vfu_client *client, uint32_t region, uint64_t offset, uint64_t value);

/**
 * vfu_client_post_fd() - as vfu_client_post(), on a duplicate of vfu_client_fd()
 *
 * For another process. Two processes may post to one connection: so short a message is one buffer
 * in the kernel, which adds it to the stream as a whole or not at all.
 */
int vfu_client_post_fd(int fd, unsigned int timeout_ms, uint32_t region, uint64_t offset,
		       uint64_t value);

/** vfu_client_dma_map() - map @size bytes of @fd at @offset for the device, at address @iova */
int vfu_client_dma_map(struct vfu_client *client, uint64_t iova, uint64_t size, int fd,
		       uint64_t offset);

/** vfu_client_dma_unmap() - unmap exactly what was mapped; on return the device does not use it */
int vfu_client_dma_unmap(struct vfu_client *client, uint64_t iova, uint64_t size);

int vfu_client_reset(struct vfu_client *client);

#endif
