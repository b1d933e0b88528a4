/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/scratch.h - a lane's own memory for the current burst. For transmit.c and
 * receive.c, which can be on the stack at the same time (a switch delivers what
 * one vPort sends to another).
 */
#ifndef MANAKIN_DEVICE_SCRATCH_H
#define MANAKIN_DEVICE_SCRATCH_H

#include <stdint.h>
#include <sys/uio.h>

#include "device/headers.h"
#include "device/receive_burst.h"
#include "device/segment.h"
#include "device/state.h"

#define SCRATCH_HEADER (HEADERS_MAX + VLAN_TAG_LEN) /* bytes of headers, with an inserted tag */
#define SCRATCH_PIECES (FABRIC_BURST * FABRIC_PIECES_MAX)
#define PLAIN_HEADER   96u /* bytes: plain headers, in whole vectors */

/** struct transmit_done - an entry to be completed */
struct transmit_done {
	uint32_t offset; /* in basic units */
	uint8_t type;    /* enum mana_cqe_type */
};

struct transmit_scratch {
	struct frame frames[FABRIC_BURST];
	uint32_t start[FABRIC_BURST]; /* see struct transmit_burst */
	struct iovec pieces[SCRATCH_PIECES];
	struct iovec plain[FABRIC_BURST]; /* pieces of frames that have only one, stored densely */
	uint8_t headers[FABRIC_BURST][SCRATCH_HEADER];
	struct transmit_done done[FABRIC_BURST];
	struct segmenter segmenter;
	struct frame segments[FABRIC_BURST];
	struct iovec segment_pieces[FABRIC_BURST][FABRIC_PIECES_MAX];
	uint8_t segment_headers[FABRIC_BURST][SCRATCH_HEADER];
	struct wqe wqe;
};

/**
 * struct plain_packet - a packet in receive_plain()
 * @header:	copy of its first bytes
 * @first:	its first bytes: @header, or the frame itself if that cannot
 *		change
 * @from:	the frame
 * @to:		the buffer
 * @offset:	of the buffer's entry in its queue, in bytes
 */
struct plain_packet {
	uint8_t header[PLAIN_HEADER] __attribute__((aligned(32)));
	const uint8_t *first;
	const uint8_t *from;
	uint8_t *to;
	struct wq *rq;
	union receive_head head;
	uint32_t len;
	uint32_t hash;
	uint32_t offset;
};

struct receive_scratch {
	struct plain_packet plain[FABRIC_BURST];
	struct segmenter segmenter;
	struct iovec segment_pieces[FABRIC_PIECES_MAX + 1];
	uint8_t segment_header[SCRATCH_HEADER];
	uint8_t header[HEADERS_MAX];
	struct iovec buffer[FABRIC_PIECES_MAX];
	struct wqe wqe;
};

struct scratch {
	struct transmit_scratch transmit;
	struct receive_scratch receive;
};

static inline struct scratch *scratch_of(const struct adapter *adapter, unsigned int lane)
{
	return lanes_scratch(adapter->lanes, lane, sizeof(struct scratch));
}

#endif
