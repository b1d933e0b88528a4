/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/channel.h - the hardware channel (HWC) from the driver's side: registers, the
 * shared-memory channel that sets it up, commands and events.
 */
#ifndef MANAKIN_DRIVER_CHANNEL_H
#define MANAKIN_DRIVER_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/driver.h"
#include "wire/gdma.h"
#include "wire/reg.h"

/**
 * struct driver_eq - an event queue
 * @ring:	its memory
 * @mask, @shift: entries in it, less one; log2
 * @index:	of the next entry to read
 * @id:		its number
 * @broken:	entries were lost
 */
struct driver_eq {
	const struct gdma_eqe *ring;
	uint32_t mask;
	uint32_t shift;
	uint32_t index;
	uint32_t id;
	bool broken;
};

/** eq_init() - a ring of @size bytes of zeroes */
void eq_init(struct driver_eq *eq, const void *ring, uint32_t size);

/** eq_take() - copy the next event out; false if there is none */
bool eq_take(struct driver_eq *eq, struct gdma_eqe *event);

/** eq_bell() - the doorbell that tells how far the queue has been read, and arms it */
union gdma_doorbell eq_bell(const struct driver_eq *eq);

/** cq_init(), wq_init() - the same for rings of completions and of entries */
void cq_init(struct driver_cq *cq, const void *ring, uint32_t size, uint32_t id);
void wq_init(struct driver_wq *wq, void *ring, uint32_t size, uint32_t bell, uint32_t id);

/** struct bell_page - a doorbell page of BAR 0, reached by messages */
struct bell_page {
	struct transport *transport;
	uint64_t base;
};

/** bell_page_ring() - for struct driver_doorbell; @ctx is a struct bell_page */
void bell_page_ring(void *ctx, uint32_t offset, uint64_t value);

/**
 * struct channel - the hardware channel
 * @transport:	access to the adapter; owned by the caller
 * @name:	in messages
 * @event:	called with the type and first word of events that are not the channel's own
 * @ctx:	argument of @event
 * @version:	of the register map: major, minor, micro
 * @bells, @bell_size, @bell_pages: doorbell pages: offset in BAR 0, size of one in bytes, number of
 *		pages
 * @smc:	shared-memory channel, bytes from the start of BAR 0
 * @memory:	six pages: event, completion, receive and send queue, request, response
 * @key:	for the request and the response
 * @max_cqs:	numbers of completion queues are below it
 * @max_request, @max_response: bytes
 * @irq_fd:	eventfd of vector 0
 * @epoll_fd:	@irq_fd, and the disappearance of the adapter
 * @told:	bit enum hwc_init_data: the adapter has reported it
 * @done:	and that this was all
 * @dead:	a command was not answered properly: nothing more is sent
 */
struct channel {
	struct transport *transport;
	const char *name;
	const struct driver_allocator *allocator;
	void (*event)(void *ctx, unsigned int type, uint32_t word);
	void *ctx;
	unsigned int timeout_ms;
	uint16_t version[3];
	uint64_t bells, smc;
	uint32_t bell_size, bell_pages;
	uint8_t *memory;
	struct driver_eq eq;
	struct driver_cq cq;
	struct driver_wq rq, sq;
	struct bell_page page;
	struct driver_doorbell doorbell;
	uint32_t key;
	uint32_t max_cqs;
	uint32_t max_request, max_response;
	uint32_t activity;
	int irq_fd;
	int epoll_fd;
	uint32_t told;
	bool done;
	bool up;
	bool dead;
};

/**
 * channel_open() - read the registers and set up the channel
 * @channel:	transport, name, allocator, event, ctx and timeout_ms are set
 *
 * Return: 0 or a negative errno; then nothing is left open
 */
int channel_open(struct channel *channel);

/** channel_close() - after the function has been reset, or is gone */
void channel_close(struct channel *channel);

/** channel_poll() - handle pending events */
void channel_poll(struct channel *channel);

/**
 * struct command - a command of a GDMA device
 * @code:	enum gdma_command, mana_command or native_command
 * @dev:	the device that it is for
 * @request, @request_len: begins with struct gdma_req_header, which is filled in
 * @response, @response_len: begins with struct gdma_resp_header
 * @request_version, @response_version: 0 is 1
 */
struct command {
	uint32_t code;
	struct gdma_dev_id dev;
	void *request;
	size_t request_len;
	void *response;
	size_t response_len;
	uint16_t request_version, response_version;
};

/**
 * channel_command() - send a command and wait for its answer
 *
 * Return: 0; -EOPNOTSUPP: the adapter does not know the command; -EIO: it failed (both are logged
 * at level info); -ETIMEDOUT, -EPROTO, -ENODEV: the channel is dead
 */
int channel_command(struct channel *channel, struct command *command);

/** bell_page_init() - set up access to the page with that number; -EPROTO if there is none */
int bell_page_init(struct bell_page *page, const struct channel *channel, uint32_t number);

#endif
