/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attacker.h - a client that attacks its adapter, and what all attacks are built from.
 *
 * An attacker brings its adapter up with src/driver, as a DPDK application does, and then does what
 * no driver would: it writes its own rings, sends its own messages, passes its own descriptors.
 *
 * An attack runs in a process of its own until it is killed. It calls attack_begin() when it is
 * prepared, and never returns. It may lose its connection after that, because the adapter has had
 * enough of it; whoever has started it then starts it again.
 */
#ifndef MANAKIN_NEIGHBOUR_ATTACKER_H
#define MANAKIN_NEIGHBOUR_ATTACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "driver/driver.h"
#include "driver/hwc.h"

/* How an attack's process ends, if nobody kills it */
#define ATTACK_BROKEN 1 /* it could not be prepared: a mistake in the test */
#define ATTACK_LOST   3 /* the adapter has closed the connection */

/**
 * struct attacker - the client
 * @fd:		the connection, for messages of the attack's own
 * @arena:	mapped for the adapter; its bus address is its address here
 * @memory_fd:	its file
 * @port:	vPort 0, open
 */
struct attacker {
	struct transport *transport;
	struct driver *driver;
	struct hwc_driver *hwc;
	struct driver_port *port;
	int fd;
	struct arena arena;
	int memory_fd;
};

/** struct queue - a work queue of any size, with its completion queue */
struct queue {
	struct driver_wq wq;
	struct driver_cq cq;
	uint64_t handle;
	uint64_t oob; /* of a send entry: completion queue, queue and vPort */
};

/** attack_prepare() - how this process tells that an attack has begun: a byte to @fd */
void attack_prepare(int fd);

/** attack_begin() - prepared: from now on the neighbour is measured */
void attack_begin(void);

/** attack_check() - end the attack's process if @err is not 0: lost, or broken before it began */
void attack_check(int err, const char *doing);

/**
 * attacker_open() - attach, bring the adapter up, open vPort 0
 * @size:	bytes of memory
 * @shared:	with doorbells in shared memory, if there are any
 */
void attacker_open(struct attacker *attacker, const char *socket, size_t size, bool shared);

/** attacker_alloc() - @size bytes at a page's start, zeroed, never freed */
void *attacker_alloc(struct attacker *attacker, size_t size);

/** attacker_region() - a DMA region of any pages; @shift is log2 of their size */
uint64_t attacker_region(struct attacker *attacker, const uint64_t *pages, uint32_t count,
			 unsigned int shift);

/** attacker_key() - a memory key for all of @region, from address 0 on */
uint32_t attacker_key(struct attacker *attacker, uint64_t region, uint64_t length);

/**
 * queue_open() - create a queue of vPort @port
 * @type:	GDMA_SQ or GDMA_RQ
 * @size, @completions: bytes of its rings, contiguous
 * @eq:		event queue, or GDMA_CQ_NO_EQ
 */
void queue_open(struct attacker *attacker, unsigned int port, uint32_t type, uint32_t size,
		uint32_t completions, uint32_t eq, struct queue *queue);

/** queue_destroy() - and wait for the answer */
void queue_destroy(struct attacker *attacker, uint32_t type, const struct queue *queue);

/** entry_plain() - an entry that sends @len bytes of @frame, without a completion */
struct driver_unit entry_plain(const struct queue *queue, const uint8_t *frame, uint32_t key,
			       uint32_t len);

/** queue_fill() - fill the ring with copies of an entry of @units units */
void queue_fill(struct queue *queue, const struct driver_unit *entry, unsigned int units);

/** queue_announce() - ring the doorbell for a whole ring more */
void queue_announce(struct attacker *attacker, struct queue *queue);

/**
 * queues_flood() - announce each ring again as soon as it has been taken; never returns
 * @each:	completions for a whole ring
 */
void queues_flood(struct attacker *attacker, struct queue *queues, unsigned int n, uint32_t each)
	__attribute__((noreturn));

/** frame_tcp() - a frame of @len bytes from vPort @port, with @payload bytes in its IP length */
uint8_t *frame_tcp(struct attacker *attacker, unsigned int port, size_t len, bool broadcast);

#define FRAME_HEADERS 54u /* bytes: Ethernet, IPv4, TCP */

/* ---- Messages of the attack's own ---- */

/** socket_connect() - without a word; -1 if it is refused */
int socket_connect(const char *path);

/**
 * message_send() - send a message, if need be piece by piece
 * @flags:	VFU_FLAG_NO_REPLY, or 0
 * @fds, @n:	descriptors that accompany it
 *
 * Return: 0 or a negative errno
 */
int message_send(int fd, uint16_t command, uint32_t flags, const void *body, size_t len,
		 const int *fds, unsigned int n);

/** message_version() - say VERSION, and read the answer */
int message_version(int fd);

/** message_answer() - read one answer and forget it; 0, its errno, or a negative errno */
int message_answer(int fd);

#endif
