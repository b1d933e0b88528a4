/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/synthetic.h - packets between an adapter and the host of synthetic cards.
 *
 * In a lab guest with --netvsc each vPort also has a synthetic card. Its host, in the guest's
 * kernel, sends and receives past the adapter, over a datagram socket; a datagram is a header
 * followed by what its type requires. The layout is this project's own, described in docs/vmbus.md.
 * Numbers are little-endian.
 */
#ifndef MANAKIN_WIRE_SYNTHETIC_H
#define MANAKIN_WIRE_SYNTHETIC_H

#include <assert.h>
#include <stdint.h>

#define SYNTHETIC_MAGIC     0x6b6e614du /* "Mank" */
#define SYNTHETIC_FRAME_MAX 16000u      /* bytes of a frame */

enum synthetic_type {
	SYNTHETIC_HELLO = 1,    /* to the adapter: announce the ports */
	SYNTHETIC_PORT = 2,     /* to the host: a port, or a change of one */
	SYNTHETIC_FRAME = 3,    /* both ways */
	SYNTHETIC_PATH = 4,     /* to the adapter: a driver has switched a port's data path */
	SYNTHETIC_VF = 5,       /* to the host: the VF is being removed or added */
	SYNTHETIC_VF_DONE = 6,  /* to the adapter: that is done */
	SYNTHETIC_ALL_SAID = 7, /* to the host: all ports have been announced */
	SYNTHETIC_PULL = 8,     /* to the host: remove a port's card */
};

enum synthetic_flags {
	SYNTHETIC_CSUM_PARTIAL = 1 << 0, /* as FRAME_CSUM_PARTIAL */
	SYNTHETIC_GSO_TCP4 = 1 << 1,     /* as FRAME_GSO_TCP4 */
	SYNTHETIC_GSO_TCP6 = 1 << 2,
};

struct synthetic_header {
	uint32_t magic;
	uint8_t type;
	uint8_t port;
	uint16_t flags;
	uint16_t csum_start; /* from the frame's beginning */
	uint16_t csum_offset;
	uint16_t hdr_len;
	uint16_t gso_size;
};
static_assert(sizeof(struct synthetic_header) == 16, "as docs/vmbus.md has it");

/* After the header of SYNTHETIC_PORT; after PATH, VF and VF_DONE: a uint32_t, 1 or 0 */
struct synthetic_port {
	uint8_t mac[6];
	uint16_t mtu;
	uint8_t up;
	uint8_t vf;
	uint8_t unused[6];
};
static_assert(sizeof(struct synthetic_port) == 16, "as docs/vmbus.md has it");

#endif
