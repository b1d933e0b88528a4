/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/server.h - offer a PCI device to one client over a UNIX socket.
 *
 * The server owns the listening socket, the connection, and the client's
 * interrupt eventfds. What the device does with reads, writes and memory is
 * behind struct vfu_ops. It serves one client at a time; a second one gets an
 * error (EBUSY) and is dropped.
 *
 * Threads: everything but vfu_irq_raise() and vfu_server_cut() belongs to the
 * control thread; these two may be called from any thread. None of it waits
 * for a client, whatever descriptors that sends: see notify.h and closer.h.
 */
#ifndef MANAKIN_VFIO_USER_SERVER_H
#define MANAKIN_VFIO_USER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VFU_REGION_COUNT  9u /* BAR 0 to 5, ROM, configuration space, VGA: as VFIO numbers them */
#define VFU_REGION_CONFIG 7u
#define VFU_IRQ_COUNT     5u /* INTx, MSI, MSI-X, ERR, REQ */
#define VFU_IRQ_MSIX      2u

/**
 * struct vfu_region - one region of the device
 * @size:	bytes; 0 if there is none
 * @readable, @writable: can be read or written with messages
 * @mmap_fd:	file that a client may map, or -1. The server sends it; the device owns it
 * @mmap_offset, @mmap_size: the part of the region that may be mapped (one sparse area), in bytes.
 *		It is at the same offset in the file
 * @mmap_asked:	offer the mapping only to a client that asks for it in its VERSION, with the
 *		capability "region_mmap":true. QEMU does not; if one region could be mapped, it
 *		would stop posting its writes to all regions
 */
struct vfu_region {
	uint64_t size;
	bool readable, writable;
	int mmap_fd;
	uint64_t mmap_offset, mmap_size;
	bool mmap_asked;
};

/**
 * struct vfu_ops - the device behind the server; all called on the control thread
 * @visit:	first of all in each vfu_server_serve(): go on with what the last one has not finished.
 *		false: it is still not finished, and no message of a client is handled now
 * @read, @write: access to @region at @offset; range already checked against the
 *		region. 0 or -errno. A posted write's error is only logged
 * @dma_map:	the client maps memory. @fd is a memfd or a file on tmpfs or hugetlbfs, or -1 if
 *		there is none; the server closes it afterwards. @access is VFU_DMA_*. 0 or -errno
 * @dma_unmap:	the client unmaps exactly that region; the device must not use it after return
 * @dma_unmap_all: the same for all regions
 * @reset:	device reset (VFIO_USER_DEVICE_RESET)
 * @quiesce:	on return no thread uses an interrupt eventfd that it obtained before
 * @attached:	a client has negotiated the version
 * @detached:	the client is gone; forget all its memory
 */
struct vfu_ops {
	bool (*visit)(void *ctx);
	int (*read)(void *ctx, unsigned int region, uint64_t offset, void *data, size_t len);
	int (*write)(void *ctx, unsigned int region, uint64_t offset, const void *data, size_t len);
	int (*dma_map)(void *ctx, uint64_t iova, uint64_t size, int fd, uint64_t offset,
		       unsigned int access);
	int (*dma_unmap)(void *ctx, uint64_t iova, uint64_t size);
	void (*dma_unmap_all)(void *ctx);
	void (*reset)(void *ctx);
	void (*quiesce)(void *ctx);
	void (*attached)(void *ctx);
	void (*detached)(void *ctx);
};

#define VFU_DMA_READ  1u /* the device may read */
#define VFU_DMA_WRITE 2u /* the device may write */

struct vfu_config {
	const char *path;                            /* of the socket */
	bool passed;                                 /* it listens already ... */
	int listen_fd;                               /* ... and is this; the server owns it */
	struct vfu_region regions[VFU_REGION_COUNT]; /* copied */
	uint32_t irqs[VFU_IRQ_COUNT];                /* vectors of each kind */
	uint32_t pulse; /* of the client, from pulse_client_add(); see base/pulse.h */
	const struct vfu_ops *ops;
	void *ctx;
};

struct vfu_server;

/**
 * vfu_server_open() - listen
 * @config:	copied, except ops and ctx, which must stay valid
 * @server:	the server, owned by the caller until vfu_server_close()
 *
 * A stale socket at the path (no process listens) is replaced.
 *
 * Return: 0; -EADDRINUSE if a process listens there; another negative errno
 */
int vfu_server_open(const struct vfu_config *config, struct vfu_server **server);

/** vfu_server_close() - drop the client (with detached()), stop listening, remove the socket */
void vfu_server_close(struct vfu_server *server);

/** vfu_server_fd() - an epoll descriptor: readable when vfu_server_serve() has something to do */
int vfu_server_fd(const struct vfu_server *server);

/**
 * vfu_server_serve() - accept, read and reply, without blocking
 *
 * Returns when BUDGET_VISIT is spent (base/budget.h), if need be in the middle of a message that
 * asks for many things, so that one client cannot hold up another; the descriptor stays readable if
 * there is more.
 */
void vfu_server_serve(struct vfu_server *server);

/**
 * vfu_server_again() - make vfu_server_fd() readable, for another vfu_server_serve(); any thread
 */
void vfu_server_again(struct vfu_server *server);

/**
 * vfu_server_at() - the same at @when, in ns of clock_ns(); UINT64_MAX: not at all. The control
 * thread only; the last call counts
 */
void vfu_server_at(struct vfu_server *server, uint64_t when);

/** vfu_server_drop() - disconnect the client, for @why (logged); also from within struct vfu_ops */
void vfu_server_drop(struct vfu_server *server, const char *why);

/**
 * vfu_server_cut() - end the client's connection, from another thread
 *
 * For when the control thread stands still: the client notices at once, the control thread when it
 * goes on.
 */
void vfu_server_cut(struct vfu_server *server);

/** vfu_server_busy() - is a client attached? */
bool vfu_server_busy(const struct vfu_server *server);

/** vfu_irq_raise() - signal MSI-X vector @vector, if the client has set an eventfd; lock-free */
void vfu_irq_raise(struct vfu_server *server, unsigned int vector);

#endif
