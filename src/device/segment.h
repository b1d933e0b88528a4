/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/segment.h - cut a large TCP frame into segments (TSO in software).
 */
#ifndef MANAKIN_DEVICE_SEGMENT_H
#define MANAKIN_DEVICE_SEGMENT_H

#include <stdint.h>
#include <sys/uio.h>

#include "device/headers.h"
#include "fabric/fabric.h"

/**
 * struct segmenter - a large frame being cut
 * @count:	segments the frame makes; for the caller to read
 * @len:	bytes in the last segment of segment_next(), headers included; for the caller
 *
 * The rest is the segmenter's own:
 * @headers:	of @header
 * @header:	the one copy of the frame's headers; only the copy is used
 * @hdr_len:	bytes of @header
 * @gso_size:	payload bytes of every segment but the last
 * @index:	segments returned so far
 * @left:	payload bytes left
 * @iov:	the piece where they start
 * @iov_left:	pieces from @iov on
 * @iov_off:	where in @iov they start
 */
struct segmenter {
	uint32_t count;
	uint32_t len;
	struct packet_headers headers;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint32_t index;
	uint32_t left;
	const struct iovec *iov;
	uint32_t iov_left;
	size_t iov_off;
	uint8_t header[HEADERS_MAX];
};

/**
 * segment_begin() - start to segment a frame
 * @segmenter:	the state, any contents
 * @frame:	with FRAME_GSO; its pieces must stay valid until the last segment is done with. Its
 *		IP total or payload length, IPv4 checksum and TCP checksum do not matter
 *
 * Return: 0, or -EINVAL: hdr_len is not where the TCP header ends, is more than HEADERS_MAX
 * or than the frame; the frame is not TCP over the IP version of the flag, or is a fragment;
 * gso_size is 0, or a segment of it would not fit an IP packet
 */
int segment_begin(struct segmenter *segmenter, const struct frame *frame);

/**
 * segment_skip() - go on after the next @n segments, as if they had been taken
 *
 * For a frame whose first segments have been sent in an earlier turn.
 */
void segment_skip(struct segmenter *segmenter, uint32_t n);

/**
 * segment_next() - the next segment, a complete frame with every checksum right
 * @segmenter:	the state
 * @header:	HEADERS_MAX bytes for the segment's headers, valid as long as @iov is used
 * @iov:	the segment: @header first, then slices of the frame
 * @iovcnt:	size of @iov; one more than the frame's pieces is always enough
 *
 * Return: pieces used in @iov; 0 after the last segment; -ENOBUFS if @iovcnt is too small; the same
 * segment can be requested again
 */
int segment_next(struct segmenter *segmenter, uint8_t *header, struct iovec *iov, uint32_t iovcnt);

#endif
