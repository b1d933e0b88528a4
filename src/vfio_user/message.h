/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/message.h - the messages of the vfio-user protocol, version 0.0.
 *
 * Sources: the protocol's specification (libvfio-user, docs/vfio-user.rst) for every layout and
 * rule; QEMU's client (hw/vfio-user/protocol.h, device.c and container.c) for what is sent in
 * practice. Structures and flags that the protocol takes from VFIO are defined in <linux/vfio.h>.
 *
 * A message is a header, a body, and sometimes file descriptors (SCM_RIGHTS).
 * Integers are in the byte order of the machine: both ends run on it. Messages
 * follow one another in the stream without padding, so a message may begin at
 * any address: copy a structure out before use.
 *
 * The room
 *
 * vfio_user/ implements both ends of the socket: server.h offers a device, client.h drives one;
 * they share this header and descriptors.h. It uses base/. Like VFIO, it deals with regions,
 * interrupts and mapped memory, and knows nothing of MANA: the device is behind struct vfu_ops. The
 * server never waits for its client, neither to read nor to write, and drops a client that breaks
 * the protocol; the client waits until a deadline. Neither uses a length, a number or a descriptor
 * from the other before it has checked it.
 */
#ifndef MANAKIN_VFIO_USER_MESSAGE_H
#define MANAKIN_VFIO_USER_MESSAGE_H

#include <assert.h>
#include <stdint.h>

/* Commands (specification, "Commands"). All but DMA_READ and DMA_WRITE go from client to server */
enum vfu_command {
	VFU_CMD_VERSION = 1,
	VFU_CMD_DMA_MAP = 2,
	VFU_CMD_DMA_UNMAP = 3,
	VFU_CMD_DEVICE_GET_INFO = 4,
	VFU_CMD_DEVICE_GET_REGION_INFO = 5,
	VFU_CMD_DEVICE_GET_REGION_IO_FDS = 6,
	VFU_CMD_DEVICE_GET_IRQ_INFO = 7,
	VFU_CMD_DEVICE_SET_IRQS = 8,
	VFU_CMD_REGION_READ = 9,
	VFU_CMD_REGION_WRITE = 10,
	VFU_CMD_DMA_READ = 11,
	VFU_CMD_DMA_WRITE = 12,
	VFU_CMD_DEVICE_RESET = 13,
	VFU_CMD_REGION_WRITE_MULTI = 15,
	VFU_CMD_DEVICE_FEATURE = 16,
	VFU_CMD_MIG_DATA_READ = 17,
	VFU_CMD_MIG_DATA_WRITE = 18,
	VFU_CMD_COUNT
};

#define VFU_FLAG_TYPE     0x0fu /* of a message: one of the next two */
#define VFU_TYPE_COMMAND  0x0u
#define VFU_TYPE_REPLY    0x1u
#define VFU_FLAG_NO_REPLY 0x10u /* command: send no reply, not even an error ("posted") */
#define VFU_FLAG_ERROR    0x20u /* reply: the command failed; the reply is a header only */

/**
 * struct vfu_header - begins each message
 * @id:		chosen by the sender, echoed in the reply
 * @command:	enum vfu_command, echoed in the reply
 * @size:	of the whole message, in bytes
 * @flags:	VFU_FLAG_*
 * @error:	in an error reply: a positive errno
 */
struct vfu_header {
	uint16_t id;
	uint16_t command;
	uint32_t size;
	uint32_t flags;
	uint32_t error;
};
static_assert(sizeof(struct vfu_header) == 16, "header");

/* VERSION, both ways; followed by capabilities in JSON, with a terminating NUL */
struct vfu_version {
	uint16_t major, minor;
};
static_assert(sizeof(struct vfu_version) == 4, "version");

#define VFU_MAJOR 0u
#define VFU_MINOR 0u

/* DMA_MAP; at most one file descriptor. The reply has no body */
struct vfu_dma_map {
	uint32_t argsz;
	uint32_t flags; /* VFIO_DMA_MAP_FLAG_READ, _WRITE */
	uint64_t offset;
	uint64_t address;
	uint64_t size;
};
static_assert(sizeof(struct vfu_dma_map) == 32, "DMA map");

/* DMA_UNMAP, both ways */
struct vfu_dma_unmap {
	uint32_t argsz;
	uint32_t flags; /* VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, _ALL */
	uint64_t address;
	uint64_t size;
};
static_assert(sizeof(struct vfu_dma_unmap) == 24, "DMA unmap");

/* DEVICE_GET_INFO, both ways. Shorter than VFIO's own structure, which has gained a field since */
struct vfu_device_info {
	uint32_t argsz;
	uint32_t flags; /* VFIO_DEVICE_FLAGS_RESET, _PCI */
	uint32_t num_regions;
	uint32_t num_irqs;
};
static_assert(sizeof(struct vfu_device_info) == 16, "device info");

/* DEVICE_GET_REGION_INFO, both ways; VFIO's struct vfio_region_info */
struct vfu_region_info {
	uint32_t argsz;
	uint32_t flags; /* VFIO_REGION_INFO_FLAG_READ, _WRITE, _MMAP, _CAPS */
	uint32_t index;
	uint32_t cap_offset; /* from the beginning of this structure */
	uint64_t size;
	uint64_t offset; /* for the client's mmap(): an area's offset is added to it */
};
static_assert(sizeof(struct vfu_region_info) == 32, "region info");

/* VFIO's capability VFIO_REGION_INFO_CAP_SPARSE_MMAP with one area */
struct vfu_sparse_mmap {
	uint16_t id;
	uint16_t version;
	uint32_t next;
	uint32_t nr_areas;
	uint32_t reserved;
	uint64_t offset;
	uint64_t size;
};
static_assert(sizeof(struct vfu_sparse_mmap) == 32, "sparse mmap capability");

/* DEVICE_GET_IRQ_INFO, both ways; VFIO's struct vfio_irq_info */
struct vfu_irq_info {
	uint32_t argsz;
	uint32_t flags; /* VFIO_IRQ_INFO_EVENTFD, _MASKABLE, _AUTOMASKED, _NORESIZE */
	uint32_t index;
	uint32_t count;
};
static_assert(sizeof(struct vfu_irq_info) == 16, "irq info");

/*
 * DEVICE_SET_IRQS; VFIO's struct vfio_irq_set. With VFIO_IRQ_SET_DATA_EVENTFD the descriptors are
 * not in the body: @count of them accompany the message, or none to unset.
 */
struct vfu_irq_set {
	uint32_t argsz;
	uint32_t flags; /* VFIO_IRQ_SET_DATA_*, VFIO_IRQ_SET_ACTION_* */
	uint32_t index;
	uint32_t start;
	uint32_t count;
};
static_assert(sizeof(struct vfu_irq_set) == 20, "irq set");

/* REGION_READ and REGION_WRITE, both ways; followed by the data, if any */
struct vfu_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};
static_assert(sizeof(struct vfu_region_access) == 16, "region access");

/* REGION_WRITE_MULTI: a 64-bit count, then as many of these. The reply is the count */
#define VFU_WRITE_MULTI_DATA 8u /* bytes that one of them can carry */
struct vfu_write_one {
	struct vfu_region_access at;
	uint8_t data[VFU_WRITE_MULTI_DATA];
};
static_assert(sizeof(struct vfu_write_one) == 24, "one of several writes");

/*
 * Limits that the server states in its version reply. QEMU refuses a max_msg_fds over 16
 * and needs no transfer larger than the configuration space (4 KiB).
 */
#define VFU_FDS_MAX      16u         /* descriptors with one message */
#define VFU_DATA_MAX     (64u << 10) /* bytes of data in one REGION_READ or REGION_WRITE */
#define VFU_DMA_MAPS_MAX 4096u       /* regions mapped at a time */
#define VFU_MESSAGE_MAX                                                                            \
	((uint32_t)(sizeof(struct vfu_header) + sizeof(struct vfu_region_access)) + VFU_DATA_MAX)

#endif
