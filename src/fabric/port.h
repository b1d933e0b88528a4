/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/port.h - what the fabrics share. Only for this room.
 *
 * fabric.c parses the spec, finds the fabric by its name and calls it through
 * struct fabric_ops. A fabric keeps its own state in fabric_port.state.
 */
#ifndef MANAKIN_FABRIC_PORT_H
#define MANAKIN_FABRIC_PORT_H

#include "base/budget.h"
#include "base/counter.h"
#include "base/error.h"
#include "fabric/fabric.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define CACHE_LINE             64u
#define FABRIC_OPTIONS_MAX     16u /* options in one spec */
#define ETHERNET_HEADER_SIZE   14u /* bytes: two addresses and the type */
#define ETHERNET_VLAN_TAG_SIZE 4u  /* bytes */
#define ETHERNET_MULTICAST_BIT 1u  /* in the first byte of an address */

/**
 * struct fabric_option - one KEY=VALUE of a spec
 * @key:	before the =
 * @value:	after it; NULL if there is no =
 */
struct fabric_option {
	char *key;
	char *value;
};

/**
 * struct fabric_spec - a parsed spec
 * @name:	the fabric's name
 * @argument:	the text after the colon; NULL if there is none
 * @options:	the text after each +
 * @count:	of @options
 */
struct fabric_spec {
	char *name;
	char *argument;
	struct fabric_option options[FABRIC_OPTIONS_MAX];
	unsigned int count;
};

/**
 * struct fabric_ops - a fabric
 * @name:	as the user writes it
 * @usage:	its spec, for messages
 * @arguments_are_options: KEY=VALUE[,KEY=VALUE...] may follow the colon, and counts as options
 * @open:	set port->state, and port->fd if it has one; call fabric_set_caps() if it has any. On
 *		failure leave nothing behind. 0 or -errno
 * @close:	undo @open
 * @send:	at most FABRIC_BURST frames; counts them
 * @send_some:	in place of @send: returns how many it has sent, at least 1
 * @poll:	at most FABRIC_BURST frames; NULL: never has any
 * @is_source:	NULL: never
 * @flush:	NULL: buffers nothing
 */
struct fabric_ops {
	const char *name;
	const char *usage;
	bool arguments_are_options;
	int (*open)(struct fabric_port *port, const struct fabric_spec *spec, struct error *error);
	void (*close)(struct fabric_port *port);
	void (*send)(struct fabric_port *port, unsigned int lane, const struct frame *frames,
		     unsigned int n);
	unsigned int (*send_some)(struct fabric_port *port, unsigned int lane,
				  const struct frame *frames, unsigned int n);
	unsigned int (*poll)(struct fabric_port *port, unsigned int lane, unsigned int budget);
	bool (*is_source)(const struct fabric_port *port);
	void (*flush)(struct fabric_port *port);
};

struct impair;

extern const struct fabric_ops fabric_sink, fabric_generator, fabric_loop, fabric_switch,
	fabric_tap, fabric_stream, fabric_pcap;

/* A lane's counters, in separate cache lines: one writer, any number of readers. */
struct fabric_lane {
	_Alignas(CACHE_LINE) struct fabric_counters counters;
};

/**
 * struct fabric_port - one end of a fabric
 * @ops:	the fabric
 * @config, @receiver: as given to fabric_open()
 * @caps:	enum fabric_caps; read by lanes
 * @fd:		for fabric_fd(); -1 if none
 * @state:	the fabric's own state
 * @lanes:	one per lane
 * @impair:	what its spec asks for, see fabric/impair.h; NULL if nothing
 */
struct fabric_port {
	const struct fabric_ops *ops;
	struct fabric_port_config config;
	struct fabric_receiver receiver;
	_Atomic unsigned int caps;
	int fd;
	void *state;
	struct fabric_lane *lanes;
	struct impair *impair;
};

/** fabric_set_caps() - what the fabric accepts unfinished: without large sends if there are impairments */
static inline void fabric_set_caps(struct fabric_port *port, unsigned int caps)
{
	if (port->impair)
		caps &= ~(unsigned int)FABRIC_GSO;
	atomic_store_explicit(&port->caps, caps, memory_order_relaxed);
}

/** fabric_lock() - lock what lanes share, at the expense of whose frames are handled */
void fabric_lock(pthread_mutex_t *lock);

/** fabric_option_unknown() - fail because the fabric has no such option */
int fabric_option_unknown(const struct fabric_port *port, const struct fabric_option *option,
			  struct error *error);

/**
 * fabric_option_number() - read an option's value as an integer
 * @min, @max:	the range allowed
 * @number:	the result
 *
 * Decimal, or hexadecimal after 0x.
 *
 * Return: 0, or -EINVAL with @error set
 */
int fabric_option_number(const struct fabric_port *port, const struct fabric_option *option,
			 uint64_t min, uint64_t max, uint64_t *number, struct error *error);

/** fabric_option_none() - fail if the spec has an argument or any option */
int fabric_option_none(const struct fabric_port *port, const struct fabric_spec *spec,
		       struct error *error);

/**
 * fabric_deliver() - deliver frames to a port's vPort and count what it accepts
 * @port:	whose receiver to call
 * @lane:	the calling lane
 *
 * Without a receiver the frames are counted as dropped.
 *
 * Return: how many were accepted; fewer than @n: the next one has no buffer now
 */
unsigned int fabric_deliver(struct fabric_port *port, unsigned int lane, const struct frame *frames,
			    unsigned int n);

/**
 * fabric_offer() - deliver at most FABRIC_BURST frames, skipping those without a buffer
 * @bytes:	in all of them
 *
 * Return: how many were taken
 */
unsigned int fabric_offer(struct fabric_port *port, unsigned int lane, const struct frame *frames,
			  unsigned int n, uint64_t bytes);

/** fabric_offer_or_drop() - the same; drops those without a buffer */
void fabric_offer_or_drop(struct fabric_port *port, unsigned int lane, const struct frame *frames,
			  unsigned int n, uint64_t bytes);

/** frames_bytes() - bytes in @n frames */
static inline uint64_t frames_bytes(const struct frame *frames, unsigned int n)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < n; i++)
		bytes += frames[i].len;
	return bytes;
}

/** fabric_count_sent() - count frames that the fabric has accepted from the vPort; returns their bytes */
static inline uint64_t fabric_count_sent(struct fabric_port *port, unsigned int lane,
					 const struct frame *frames, unsigned int n)
{
	struct fabric_counters *counters = &port->lanes[lane].counters;
	uint64_t bytes = 0, gso = 0, csum = 0;
	uint32_t flags = 0;

	for (unsigned int i = 0; i < n; i++) {
		bytes += frames[i].len;
		flags |= frames[i].flags;
	}
	counter_add(&counters->tx_frames, n);
	counter_add(&counters->tx_bytes, bytes);
	if (!(flags & (FRAME_GSO | FRAME_CSUM_PARTIAL)))
		return bytes;
	for (unsigned int i = 0; i < n; i++) {
		gso += (frames[i].flags & FRAME_GSO) != 0;
		csum += (frames[i].flags & FRAME_CSUM_PARTIAL) != 0;
	}
	if (gso)
		counter_add(&counters->tx_gso_frames, gso);
	if (csum)
		counter_add(&counters->tx_csum_frames, csum);
	return bytes;
}

/**
 * frame_copy() - copy the first bytes of a frame out of its pieces
 * @to:		at least @max bytes
 * @max:	most bytes to copy
 *
 * Each byte is read once, so decisions from the copy stay valid whatever the
 * client does to the original meanwhile.
 *
 * Return: bytes copied: the frame's length, or @max if that is less
 */
static inline uint32_t frame_copy(const struct frame *frame, void *to, uint32_t max)
{
	uint32_t left = frame->len < max ? frame->len : max, done = 0;

	for (uint32_t i = 0; i < frame->iovcnt && left; i++) {
		uint32_t part =
			frame->iov[i].iov_len < left ? (uint32_t)frame->iov[i].iov_len : left;

		memcpy((uint8_t *)to + done, frame->iov[i].iov_base, part);
		done += part;
		left -= part;
	}
	/* Keep the compiler from reading the original again for what it knows to be equal. */
	__asm__ volatile("" ::: "memory");
	return done;
}

/** load_be16() - a big-endian number in a packet, at any alignment */
static inline uint16_t load_be16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

/** store_be16() - the same, to a packet */
static inline void store_be16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

/**
 * checksum_add() - add bytes to an Internet checksum (RFC 1071)
 * @sum:	so far; initially 0. Only the last piece may have an odd length
 *
 * The sum does not depend on the byte order in which it is computed, except for a swap at the end.
 *
 * Return: the sum, not yet folded
 */
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *from, size_t len)
{
	uint64_t native = 0;
	uint32_t word = 0;

	for (; len >= sizeof(word); from += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		native += word;
	}
	word = 0;
	memcpy(&word, from, len);
	native += word;
	while (native >> 16)
		native = (native & 0xffff) + (native >> 16);
	return sum + be16toh((uint16_t)native);
}

/** checksum_fold() - the checksum to write; 0 over data that holds a right one */
static inline uint16_t checksum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

#endif
