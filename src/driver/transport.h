/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/transport.h - how the hwc control plane accesses a PCI function.
 *
 * A small struct of operations, so that the bring-up in hwc.c does not depend on whether the
 * adapter is a program at the other end of a socket or a device behind vfio-pci. Calls may come
 * from several threads; @post is the hot one.
 */
#ifndef MANAKIN_DRIVER_TRANSPORT_H
#define MANAKIN_DRIVER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/reg.h"

#define TRANSPORT_BAR0   MANA_BAR
#define TRANSPORT_CONFIG 7u /* PCI configuration space; regions are numbered as in VFIO */

struct transport;

/**
 * struct transport_share - access to the doorbells that can be passed to another process
 * @post_fd:	descriptor for posted writes; its owner keeps it
 * @bar_fd:	file behind BAR 2; its owner keeps it; -1 if it is not mapped
 * @bar_offset, @bar_size: where BAR 2 is in the file, in bytes
 */
struct transport_share {
	int post_fd;
	int bar_fd;
	uint64_t bar_offset, bar_size;
};

/**
 * struct transport_ops - each returns 0 or a negative errno; -ENODEV: the adapter is gone
 * @size:	bytes of a region, 0 if it does not exist
 * @read, @write: access a region; when @write returns, the adapter has seen it
 * @post:	write 8 bytes, in order; returns when they have been sent
 * @map_region:	map all of a region, until the transport is closed; -ENOTSUP if that is not possible
 * @dma_map:	map @size bytes of @va, which are at @offset in @fd, for the adapter at the bus
 *		address @iova
 * @dma_unmap:	unmap exactly what was mapped; on return the adapter does not use it
 * @irqs:	vectors from @start on signal these eventfds; -1 unsets one
 * @reset:	function reset
 * @watch:	add to (or remove from) an epoll descriptor what signals that the adapter is gone
 * @alive:	0, or -ENODEV when it is gone
 * @share:	what another process needs to post doorbells, see struct transport_share
 * @close:	frees the transport
 */
struct transport_ops {
	int (*size)(struct transport *transport, unsigned int region, uint64_t *size);
	int (*read)(struct transport *transport, unsigned int region, uint64_t offset, void *data,
		    size_t len);
	int (*write)(struct transport *transport, unsigned int region, uint64_t offset,
		     const void *data, size_t len);
	int (*post)(struct transport *transport, unsigned int region, uint64_t offset,
		    uint64_t value);
	int (*map_region)(struct transport *transport, unsigned int region, void **va,
			  uint64_t *size);
	int (*dma_map)(struct transport *transport, uint64_t iova, void *va, uint64_t size, int fd,
		       uint64_t offset);
	int (*dma_unmap)(struct transport *transport, uint64_t iova, uint64_t size);
	int (*irqs)(struct transport *transport, unsigned int start, const int *fds,
		    unsigned int count);
	int (*reset)(struct transport *transport);
	int (*watch)(struct transport *transport, int epoll_fd, bool on);
	int (*alive)(struct transport *transport);
	int (*share)(struct transport *transport, struct transport_share *share);
	void (*close)(struct transport *transport);
};

struct transport {
	const struct transport_ops *ops;
	const char *name; /* in messages */
};

/**
 * transport_vfio_user() - an adapter in software on this machine
 * @path:	its socket
 * @transport:	owned by the caller until driver_open() takes it over
 *
 * Return: 0 or a negative errno: -ENOENT or -ECONNREFUSED: no process listens; -EBUSY: another
 * driver is using it; -EPROTO: it does not speak vfio-user 0.0
 */
int transport_vfio_user(const char *path, struct transport **transport);

/**
 * transport_share_post() - post 8 bytes with the descriptor of @share, in another process
 * @post_fd:	duplicate of the one in @share
 */
int transport_share_post(int post_fd, unsigned int region, uint64_t offset, uint64_t value);

#endif
