/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/checksum.h - the Internet checksum (RFC 1071).
 *
 * A struct checksum takes bytes in pieces of any length and alignment, as if they
 * were contiguous. Sums are kept in memory byte order: a 16-bit result is stored
 * into a packet as it is, with memcpy(), on any machine.
 */
#ifndef MANAKIN_DEVICE_CHECKSUM_H
#define MANAKIN_DEVICE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "device/headers.h"
#include "fabric/fabric.h"

/**
 * struct checksum - a sum in progress; initially all zero
 * @sum:	ones' complement sum so far, not folded
 * @odd:	an odd number of bytes was added
 */
struct checksum {
	uint64_t sum;
	bool odd;
};

/** checksum_add() - sum @len bytes more */
void checksum_add(struct checksum *checksum, const void *data, size_t len);

/**
 * checksum_copy() - copy and sum in one pass
 * @checksum:	sums the bytes that were written to @dst, even if @src changes meanwhile
 * @dst:	where to; does not overlap @src
 * @src:	read once
 * @len:	bytes
 */
void checksum_copy(struct checksum *checksum, void *dst, const void *src, size_t len);

/**
 * checksum_add_iov() - sum a range of a frame in pieces
 * @checksum:	the sum
 * @iov:	the frame's pieces
 * @iovcnt:	number of pieces
 * @offset:	where the range starts in the frame
 * @len:	its length, in bytes
 *
 * Return: 0, or -EINVAL if the frame ends before the range does
 */
int checksum_add_iov(struct checksum *checksum, const struct iovec *iov, uint32_t iovcnt,
		     size_t offset, size_t len);

/**
 * checksum_add_pseudo() - sum the pseudo-header of TCP or UDP
 * @checksum:	the sum, of an even number of bytes so far
 * @headers:	of a packet over IPv4 or IPv6
 * @data:	the same packet's headers
 * @l4_total_len: bytes of layer 4, header and payload
 */
void checksum_add_pseudo(struct checksum *checksum, const struct packet_headers *headers,
			 const uint8_t *data, uint32_t l4_total_len);

/** checksum_fold() - the 16-bit sum, as FRAME_CSUM_PARTIAL's field holds it */
uint16_t checksum_fold(const struct checksum *checksum);

/** checksum_finish() - the complement of the sum; 0 over bytes that contain the right checksum */
uint16_t checksum_finish(const struct checksum *checksum);

/** checksum_ipv4_write() - write the right checksum into an IPv4 header of @len bytes */
void checksum_ipv4_write(uint8_t *header, size_t len);

/** checksum_ipv4_ok() - is the checksum in an IPv4 header of @len bytes right? */
bool checksum_ipv4_ok(const uint8_t *header, size_t len);

enum checksum_result {
	CHECKSUM_NONE = 0, /* nothing to check: neither TCP nor UDP, a fragment, UDP without one */
	CHECKSUM_GOOD,
	CHECKSUM_BAD, /* or lengths that contradict each other */
};

/**
 * checksum_verify_l4() - is the TCP or UDP checksum of a frame right?
 * @frame:	the frame; the caller handles FRAME_CSUM_PARTIAL first
 * @headers:	what headers_parse() found in @data
 * @data:	the copy of the frame's beginning that was parsed; the rest is read from @frame
 */
enum checksum_result checksum_verify_l4(const struct frame *frame,
					const struct packet_headers *headers, const uint8_t *data);

/**
 * checksum_partial() - the value that completes a FRAME_CSUM_PARTIAL
 * @frame:	a frame with FRAME_CSUM_PARTIAL and without FRAME_GSO
 * @value:	to be stored at csum_start + csum_offset, unchanged
 *
 * Never 0, which means "no checksum" in UDP; 0xffff is equivalent.
 *
 * Return: 0, or -EINVAL if csum_start or csum_offset lie outside the frame
 */
int checksum_partial(const struct frame *frame, uint16_t *value);

/**
 * checksum_complete() - complete the checksum of a frame that is in one piece
 * @data:	the whole frame
 * @len:	its length, in bytes
 * @csum_start:	as in struct frame
 * @csum_offset: as in struct frame
 *
 * Return: 0, or -EINVAL if @csum_start or @csum_offset lie outside the frame
 */
int checksum_complete(uint8_t *data, size_t len, uint16_t csum_start, uint16_t csum_offset);

#endif
