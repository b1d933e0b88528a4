/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/hwc.h - shared by the files of the control plane that talks to the adapter. Only for them:
 *
 *	hwc.c		the adapter: bring-up, limits, statistics
 *	hwc_queue.c	vPorts and queues
 *	hwc_command.c	commands and their answers; DMA regions
 */
#ifndef MANAKIN_DRIVER_HWC_H
#define MANAKIN_DRIVER_HWC_H

#include <stdint.h>

#include "driver/channel.h"
#include "driver/control.h"
#include "wire/native.h"

#define HWC_VECTORS_MAX 2048u /* maximum of MSI-X */

/**
 * struct hwc_queue - the adapter's side of a queue
 * @handle:	of the work-queue object
 * @memory, @size: ring and completions
 * @page:	of BAR 2, or DRIVER_NO_PAGE
 * @eq, @eq_memory, @vector, @event_fd: receive queues with interrupts; @event_fd is -1 without
 * @armed:	the doorbell that last armed the completion queue
 */
struct hwc_queue {
	uint64_t handle;
	void *memory;
	size_t size;
	uint32_t page;
	struct driver_eq eq;
	void *eq_memory;
	uint32_t vector;
	int event_fd;
	uint64_t armed;
};

/** struct hwc_port - @offset: tx_vport_offset */
struct hwc_port {
	struct driver_port port;
	uint32_t offset;
	struct hwc_queue txq[DRIVER_QUEUES_MAX];
	struct hwc_queue rxq[DRIVER_QUEUES_MAX];
};

/**
 * struct hwc_driver - an adapter
 * @dev:	its Ethernet device
 * @registered:	@pd, @key and @page are from REGISTER_DEVICE
 * @bell:	the doorbell page of its queues
 * @told_ms:	how long the adapter wants a command to wait for its answer; 0: it has not said so
 * @vport:	handles
 * @bar, @bar_pages: BAR 2, once it is mapped: it stays until the end
 * @pages:	bit set: page of BAR 2 in use
 * @page_count:	pages that queues can use; 0 without BAR 2
 * @vectors:	bit set: MSI-X vector in use
 * @vector_count: vectors
 */
struct hwc_driver {
	struct driver driver;
	struct transport *transport;
	struct channel channel;
	struct gdma_dev_id dev;
	uint32_t pd, key, page;
	struct bell_page bell;
	uint32_t told_ms;
	uint64_t vport[DRIVER_PORTS_MAX];
	void *bar;
	uint32_t bar_pages;
	uint64_t pages[NATIVE_DOORBELL_PAGES / 64];
	uint32_t page_count;
	uint64_t vectors[HWC_VECTORS_MAX / 64];
	uint32_t vector_count;
};

static inline struct hwc_driver *hwc_of(struct driver *driver)
{
	return (struct hwc_driver *)driver;
}

/* ---- hwc_command.c ---- */

/**
 * hwc_distrust() - the adapter violates the protocol: reset it and stop using it
 *
 * The reset makes it forget the queues, so that their memory can be used for something else.
 */
void hwc_distrust(struct hwc_driver *hwc);

/** hwc_nonsense() - an answer is invalid: log that, and hwc_distrust(); -EPROTO */
int hwc_nonsense(struct hwc_driver *hwc, const char *what, uint64_t value);

/** hwc_command() - as channel_command(); an adapter that breaks the protocol is distrusted */
int hwc_command(struct hwc_driver *hwc, struct command *command);

/* Instead of a device: the command is for the function */
#define HWC_FUNCTION ((struct gdma_dev_id){ 0 })

/**
 * hwc_ask() - send a command with a request and a response of fixed size
 * @device:	hwc->dev, the Ethernet device, or HWC_FUNCTION
 * @from, @to:	the request and the response
 */
#define hwc_ask(hwc, device, number, from, to)                                                     \
	hwc_ask_version(hwc, device, number, from, to, GDMA_MESSAGE_V1)

/** hwc_ask_version() - the same, with that version of the response */
#define hwc_ask_version(hwc, device, number, from, to, version)                                    \
	hwc_command((hwc), &(struct command){ .code = (number),                                    \
					      .dev = (device),                                     \
					      .request = (from),                                   \
					      .request_len = sizeof(*(from)),                      \
					      .response = (to),                                    \
					      .response_len = sizeof(*(to)),                       \
					      .response_version = (version) })

/** hwc_region() - create a DMA region of contiguous memory; whole pages */
int hwc_region(struct hwc_driver *hwc, const void *memory, uint32_t size, uint64_t *handle);
void hwc_region_destroy(struct hwc_driver *hwc, uint64_t handle);

/* ---- hwc_queue.c: see struct control_ops ---- */

struct driver_port *hwc_port_alloc(void);
int hwc_port_open(struct driver_port *port);
int hwc_txq_create(struct driver_port *port, unsigned int index, uint32_t units,
		   struct driver_txq *txq);
void hwc_txq_destroy(struct driver_port *port, unsigned int index);
int hwc_rxq_create(struct driver_port *port, unsigned int index, uint32_t units,
		   struct driver_rxq *rxq);
void hwc_rxq_destroy(struct driver_port *port, unsigned int index);
int hwc_rxq_event_fd(const struct driver_port *port, unsigned int index);
int hwc_rxq_arm(struct driver_port *port, unsigned int index);
int hwc_rss(struct driver_port *port, const struct driver_rss *rss);

#endif
