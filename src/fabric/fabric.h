/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/fabric.h - what a vPort is plugged into.
 *
 * A fabric port takes frames that the vPort sends and hands over frames that
 * the vPort receives. Frames are whole Ethernet frames without FCS, any VLAN
 * tag in its place in the frame.
 *
 * Threads: a data lane calls fabric_send() and fabric_poll(); several lanes may
 * do so at the same time for one port. Opening and closing are the control
 * thread's, while no lane uses the port.
 */
#ifndef MANAKIN_FABRIC_FABRIC_H
#define MANAKIN_FABRIC_FABRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define FABRIC_FRAME_MAX 65550u /* bytes in a frame, large sends included */
#define FABRIC_BURST	 32u	/* most frames in one call */

enum frame_flags {
	/* The checksum at csum_start + csum_offset holds only the pseudo-header's
	 * sum; whoever puts the frame on a wire completes it. */
	FRAME_CSUM_PARTIAL = 1 << 0,
	/* Checksums are known to be right (or nobody needs to look). */
	FRAME_CSUM_VALID = 1 << 1,
	/* One large TCP segment, to be cut to gso_size bytes of payload each. */
	FRAME_GSO_TCP4 = 1 << 2,
	FRAME_GSO_TCP6 = 1 << 3,
};
#define FRAME_GSO (FRAME_GSO_TCP4 | FRAME_GSO_TCP6)

/**
 * struct frame - one frame on its way, in somebody else's memory
 * @iov:	its pieces; valid during the call only, and a hostile client can
 *		change the bytes behind them while they are read
 * @iovcnt:	number of pieces
 * @len:	sum of the pieces, in bytes
 * @flags:	enum frame_flags
 * @csum_start:	FRAME_CSUM_PARTIAL: offset where summing starts, in bytes
 * @csum_offset: FRAME_CSUM_PARTIAL: where the sum goes, in bytes from csum_start
 * @hdr_len:	FRAME_GSO: bytes up to the end of the TCP header
 * @gso_size:	FRAME_GSO: payload bytes of each segment
 */
struct frame {
	const struct iovec *iov;
	uint32_t iovcnt;
	uint32_t len;
	uint32_t flags;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t hdr_len;
	uint16_t gso_size;
};

enum fabric_caps {
	FABRIC_CSUM = 1 << 0, /* takes FRAME_CSUM_PARTIAL */
	FABRIC_GSO = 1 << 1,  /* takes FRAME_GSO */
};

/**
 * struct fabric_receiver - the vPort's side of a port
 * @deliver:	take frames for the vPort, in order. Called from the lane that is
 *		in fabric_poll() or (switch, loop) in fabric_send() of any port of
 *		the same fabric. @lane is that lane's index. Returns how many of the
 *		@n frames were taken or dropped for good; fewer than @n means that
 *		the receive queue of the next one has no buffer now: a lossless
 *		fabric keeps the rest for its next poll, others count them dropped
 * @ctx:	handed to @deliver
 */
struct fabric_receiver {
	unsigned int (*deliver)(void *ctx, unsigned int lane, const struct frame *frames,
				unsigned int n);
	void *ctx;
};

/**
 * struct fabric_counters - what a port saw, summed over lanes
 *
 * tx is what the vPort sent, rx what it was handed. Bytes without FCS.
 */
struct fabric_counters {
	uint64_t tx_frames, tx_bytes, tx_dropped;
	uint64_t rx_frames, rx_bytes, rx_dropped;
	uint64_t tx_gso_frames, tx_csum_frames;
};

struct fabric_port_config {
	uint8_t mac[6];	     /* the vPort's address */
	uint16_t mtu;	     /* bytes of L3, without Ethernet header */
	unsigned int lanes;  /* lanes that may call, numbered from 0 */
	unsigned int queues; /* receive queues of the vPort: a generator makes that many flows and more */
};

struct fabric_port;

/**
 * fabric_open() - plug a vPort in
 * @spec:	NAME[:ARGUMENT][+OPTION=VALUE...], as documented in manakin-device(1)
 * @config:	what the fabric has to know of the vPort; copied
 * @receiver:	copied; NULL discards what would be received
 * @port:	the port, owned by the caller until fabric_close()
 * @error:	on failure, a sentence for the user: what, why, what next
 * @error_size:	size of @error, in bytes
 *
 * Return: 0 or a negative errno (-EINVAL for an unknown fabric or argument)
 */
int fabric_open(const char *spec, const struct fabric_port_config *config,
		const struct fabric_receiver *receiver, struct fabric_port **port, char *error,
		size_t error_size);
void fabric_close(struct fabric_port *port);

/** fabric_caps() - enum fabric_caps: what fabric_send() takes as it is */
unsigned int fabric_caps(const struct fabric_port *port);

/** fabric_send() - the vPort sends; the frames are consumed when it returns */
void fabric_send(struct fabric_port *port, unsigned int lane, const struct frame *frames,
		 unsigned int n);

/**
 * fabric_poll() - let the port hand over what it has, through deliver()
 * @port:	the port
 * @lane:	the calling lane
 * @budget:	most frames to hand over
 *
 * Return: frames handed over; 0 when there is nothing now
 */
unsigned int fabric_poll(struct fabric_port *port, unsigned int lane, unsigned int budget);

/** fabric_fd() - readable when fabric_poll() has something; -1 if it has no descriptor */
int fabric_fd(const struct fabric_port *port);

/**
 * fabric_is_source() - has fabric_poll() to be called without being asked?
 *
 * True for a generator or a replay as long as it has frames left; a lane with such a
 * port and a vPort that has receive buffers does not sleep.
 */
bool fabric_is_source(const struct fabric_port *port);

/** fabric_counters() - read the counters; any thread, at any time */
void fabric_counters(const struct fabric_port *port, struct fabric_counters *counters);

/** fabric_flush() - write out what is buffered (pcap); the control thread's */
void fabric_flush(struct fabric_port *port);

#endif
