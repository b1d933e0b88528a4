/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/fabric.h - what a vPort is plugged into.
 *
 * A fabric port accepts the frames that the vPort sends and delivers the frames that the vPort
 * receives. Frames are whole Ethernet frames without FCS, any VLAN tag in its place in the frame.
 *
 * Threads: a data lane calls fabric_send() and fabric_poll(); several lanes may
 * do so at the same time for one port. Opening and closing are the control
 * thread's, while no lane uses the port.
 *
 * The room
 *
 *	fabric.c	finds a fabric by its spec, and calls it
 *	sink.c ...	the fabrics, one per file: generator, loop, pcap, sink, stream, switch, tap
 *	backlog.c	frames that wait for buffers, of tap and stream
 *	port.c		what they share: options, delivery of frames, counters
 *	impair.c	loss, duplication, reordering and delay, for each of them
 *	capture.c	the file that pcap writes, and the thread that writes it
 *
 * It uses base/, and libpcap in pcap.c. It deals with frames and ports and knows nothing of MANA:
 * queues, entries and completions belong to device/. A fabric never changes a frame that it is
 * given, keeps no pointer into it after the call, and trusts nothing in it: the bytes may belong to
 * a client, which can change them at any time. Sending does not wait for the receiver.
 */
#ifndef MANAKIN_FABRIC_FABRIC_H
#define MANAKIN_FABRIC_FABRIC_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/socket_file.h"

#define FABRIC_FRAME_MAX  65550u /* bytes in a frame, large sends included */
#define FABRIC_BURST      64u    /* most frames in one call */
#define FABRIC_PIECES_MAX 64u    /* pieces of a frame */

enum frame_flags {
	/* The checksum at csum_start + csum_offset holds only the pseudo-header's
	 * sum; the code that puts the frame on a wire completes it. */
	FRAME_CSUM_PARTIAL = 1 << 0,
	/* Checksums are known to be right, or need no check. */
	FRAME_CSUM_VALID = 1 << 1,
	/*
	 * One large TCP segment, to be cut to gso_size bytes of payload each; always
	 * FRAME_CSUM_PARTIAL too. Its headers are those of a segment of that size, as
	 * Linux and virtio have it: IP lengths and IPv4 header checksum are right, and
	 * the pseudo-header's sum includes the length.
	 */
	FRAME_GSO_TCP4 = 1 << 2,
	FRAME_GSO_TCP6 = 1 << 3,
	/* A RoCE packet of a queue pair of this process: its ICRC needs no check. */
	FRAME_ICRC_VALID = 1 << 4,
};
#define FRAME_GSO (FRAME_GSO_TCP4 | FRAME_GSO_TCP6)

/**
 * struct frame - one frame in flight, in its owner's memory
 * @iov:	its pieces; valid during the call only, and a hostile client can
 *		change the bytes behind them while they are read
 * @iovcnt:	number of pieces, up to FABRIC_PIECES_MAX
 * @len:	sum of the pieces, in bytes
 * @flags:	enum frame_flags
 * @csum_start:	FRAME_CSUM_PARTIAL: offset where summing starts, in bytes
 * @csum_offset: FRAME_CSUM_PARTIAL: where the sum goes, in bytes from csum_start
 * @hdr_len:	FRAME_GSO: bytes up to the end of the TCP header
 * @gso_size:	FRAME_GSO: payload bytes of each segment
 * @seen:	for a frame that never changes, in the fabric's own memory: where receivers may
 *		cache what they found in it, initially 0; several lanes may do so. Else NULL
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
	_Atomic uint64_t *seen;
};

enum fabric_caps {
	FABRIC_CSUM = 1 << 0, /* takes FRAME_CSUM_PARTIAL */
	FABRIC_GSO = 1 << 1,  /* takes FRAME_GSO */
};

/**
 * struct fabric_receiver - the vPort's side of a port
 * @deliver:	accept frames for the vPort, in order. Called from the lane that is in fabric_poll()
 *		or (switch, loop) in fabric_send() of any port of the same fabric. @lane is that
 *		lane's index. Returns how many of the @n frames were accepted or dropped for good;
 *		fewer than @n means that the receive queue of the next one has no buffer now: a
 *		lossless fabric keeps the rest for its next poll
 * @ctx:	argument of both
 * @offer:	the same for at most FABRIC_BURST frames that are not kept: it skips those without a
 *		buffer (bit i of the return value: frames[i]) and accepts those after them, in order
 *		for each receive queue. NULL: use @deliver
 */
struct fabric_receiver {
	unsigned int (*deliver)(void *ctx, unsigned int lane, const struct frame *frames,
				unsigned int n);
	void *ctx;
	uint64_t (*offer)(void *ctx, unsigned int lane, const struct frame *frames, unsigned int n);
};
static_assert(FABRIC_BURST <= 64, "a bit for each frame of a burst");

/**
 * struct fabric_counters - counters of a port, summed over lanes
 *
 * Bytes without FCS. Without impairments, tx_frames + tx_dropped is the number of frames given to
 * fabric_send(). With them, frames that were lost are missing in it, duplicates count, and those
 * that are held do not count yet. rx_frames + rx_dropped is the number finally offered to the vPort.
 *
 * @tx_frames, @tx_bytes: from the vPort, accepted by the fabric
 * @tx_dropped:	from the vPort, not accepted: malformed, or no room (tap, pcap, delay)
 * @rx_frames, @rx_bytes: accepted by the vPort
 * @rx_dropped:	for the vPort, but it had no buffer in time
 * @tx_gso_frames, @tx_csum_frames: part of @tx_frames: with FRAME_GSO, with FRAME_CSUM_PARTIAL
 * @tx_bad:	sink+verify, part of @tx_frames: did not decode
 * @tx_flooded:	switch, part of @tx_frames: went to every other port
 * @tx_filtered: switch, part of @tx_frames: went to no port
 * @tx_lost, @tx_duplicated: impairments, frames from the vPort: taken away, sent twice
 * @tx_reordered, @tx_delayed: impairments, frames from the vPort or duplicates: held back so that
 *		others overtake them, delayed
 */
struct fabric_counters {
	uint64_t tx_frames, tx_bytes, tx_dropped;
	uint64_t rx_frames, rx_bytes, rx_dropped;
	uint64_t tx_gso_frames, tx_csum_frames;
	uint64_t tx_bad;
	uint64_t tx_flooded, tx_filtered;
	uint64_t tx_lost, tx_duplicated, tx_reordered, tx_delayed;
};

/**
 * struct fabric_port_config - what a fabric has to know about a vPort
 * @mac:	its address
 * @mtu:	bytes of L3, without Ethernet header
 * @lanes:	lanes that may call, numbered from 0; a lane is one thread. All ports of a
 *		switch have the same lanes
 * @queues:	receive queues: a generator makes at least that many flows
 */
struct fabric_port_config {
	uint8_t mac[6];
	uint16_t mtu;
	unsigned int lanes;
	unsigned int queues;
};

struct fabric_port;

/**
 * fabric_open() - plug a vPort in
 * @spec:	NAME[:ARGUMENT][+OPTION=VALUE...], as documented in manakin-device(1)
 * @config:	about the vPort; copied
 * @receiver:	copied; NULL discards received frames
 * @port:	the port, owned by the caller until fabric_close()
 * @error:	on failure, a sentence for the user: what, why, what next
 *
 * Return: 0 or a negative errno (-EINVAL for an unknown fabric or argument)
 */
int fabric_open(const char *spec, const struct fabric_port_config *config,
		const struct fabric_receiver *receiver, struct fabric_port **port,
		struct error *error);
void fabric_close(struct fabric_port *port);

/**
 * fabric_caps() - enum fabric_caps: what fabric_send() accepts unfinished
 *
 * A switch's change with the number of its ports. A frame that was made under earlier ones is still
 * accepted.
 */
unsigned int fabric_caps(const struct fabric_port *port);

/**
 * fabric_send_some() - send frames of the vPort, as many as the caller's turn allows
 *
 * A switch can pass a frame on to many ports. It ends the call early when that has cost much.
 *
 * Return: how many were sent, at least 1; the others are to be sent again
 */
unsigned int fabric_send_some(struct fabric_port *port, unsigned int lane,
			      const struct frame *frames, unsigned int n);

/** fabric_send() - send frames of the vPort; they are consumed on return */
void fabric_send(struct fabric_port *port, unsigned int lane, const struct frame *frames,
		 unsigned int n);

/**
 * fabric_poll() - let the port deliver what it has, with deliver()
 * @port:	the port
 * @lane:	the calling lane
 * @budget:	maximum number of frames to deliver
 *
 * Return: frames delivered; 0 if there are none now
 */
unsigned int fabric_poll(struct fabric_port *port, unsigned int lane, unsigned int budget);

/**
 * fabric_fd() - readable when fabric_poll() may have something; -1 if it has no descriptor
 *
 * Level-triggered. A frame from the descriptor that found no buffer is kept, and fabric_is_source()
 * is true until it is delivered or dropped.
 */
int fabric_fd(const struct fabric_port *port);

/**
 * fabric_is_source() - must fabric_poll() be called without an event?
 *
 * True for a generator or a replay as long as it has frames left, and for a tap that keeps frames
 * for which the vPort had no buffer; a lane with such a port and a vPort with receive buffers does
 * not sleep. A generator with a rate has a descriptor instead.
 */
bool fabric_is_source(const struct fabric_port *port);

/**
 * fabric_timer_fd() - readable when fabric_release() has something to do; -1 if it never has
 *
 * To be watched edge-triggered. Nobody has to read it.
 */
int fabric_timer_fd(const struct fabric_port *port);

/**
 * fabric_release() - send the frames that impairments have held long enough; one lane at a time
 *
 * Return: true to be called again immediately; false: after the next event of fabric_timer_fd()
 */
bool fabric_release(struct fabric_port *port, unsigned int lane);

/** fabric_counters() - read the counters; any thread, at any time */
void fabric_counters(const struct fabric_port *port, struct fabric_counters *counters);

/**
 * fabric_socket_file() - the file of the UNIX socket that a port with this spec listens on
 * @path:	gets it, SOCKET_FILE_PATH bytes
 *
 * Return: false if there is none
 */
bool fabric_socket_file(const char *spec, char *path);

/** fabric_flush() - have buffered data written (pcap), without waiting; only for the control thread */
void fabric_flush(struct fabric_port *port);

#endif
