/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the tests of the fabrics: opening a port, a receiver that keeps what it is given, and
 * frames built with independent arithmetic.
 */
#ifndef TEST_FABRIC_SUPPORT_H
#define TEST_FABRIC_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "fabric/fabric.h"

#define KEPT_MAX  4096u
#define KEPT_ROOM (16u << 20) /* bytes */
#define TYPE_TEST 0x88b5u     /* EtherType for experiments: no kernel sends it by itself */

/* A frame as it was delivered. */
struct kept {
	const uint8_t *bytes;
	struct frame frame;
	unsigned int lane;
};

/**
 * struct receiver - stands for a vPort
 * @buffers:	frames that it still accepts; -1 for any number
 * @keep:	remember frames in @kept (up to KEPT_MAX)
 * @slow:	yield to other threads within a call
 * @calls, @largest: calls of deliver(), and most frames in one
 */
struct receiver {
	pthread_mutex_t lock;
	int64_t buffers;
	bool keep, slow;
	unsigned int calls, largest;
	uint64_t frames, bytes;
	struct kept kept[KEPT_MAX];
	unsigned int kept_count;
	uint8_t *room;
	size_t room_used;
};

/** receiver_new() - one that accepts everything and keeps it */
struct receiver *receiver_new(void);
void receiver_free(struct receiver *receiver);
/** receiver_clear() - forget what was delivered so far */
void receiver_clear(struct receiver *receiver);

/** receiver_side() - the argument for fabric_open() */
struct fabric_receiver receiver_side(struct receiver *receiver);

/** open_port() - plug a receiver (NULL: none) with address 02:..:@mac in, with @lanes lanes */
struct fabric_port *open_port(const char *spec, unsigned int mac, unsigned int lanes,
			      struct receiver *receiver);

/** open_fails() - opening must fail with @code and say all of the words in @words (split at |) */
void open_fails(const char *spec, int code, const char *words);

/** station() - the address that open_port() gives */
const uint8_t *station(unsigned int mac);

/** counters_of() - the counters of a port now */
struct fabric_counters counters_of(const struct fabric_port *port);

/** send_one() - send a frame in one piece, without flags */
void send_one(struct fabric_port *port, unsigned int lane, const void *bytes, size_t len);

/** make_frame() - an Ethernet frame of TYPE_TEST with a pattern from @seed. Return: @len */
size_t make_frame(uint8_t *to, const uint8_t *destination, const uint8_t *source, size_t len,
		  unsigned int seed);

/** sum16() - Internet checksum, the slow way */
uint16_t sum16(uint32_t sum, const uint8_t *bytes, size_t len);

/** ip_packet() - an IP packet with right checksums. @version 4 or 6, @protocol 6 or 17 */
size_t ip_frame(uint8_t *to, const uint8_t *destination, const uint8_t *source, int version,
		int protocol, size_t payload);

/** catch_log() - start collecting log messages anew; logged() counts matches */
void catch_log(void);
unsigned int logged(const char *part);
/** logged_line() - the first message with @part; it must be there */
const char *logged_line(const char *part);

#endif
