/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * roce/packet.h - RoCEv2 packets: InfiniBand's transport headers over UDP port 4791.
 *
 * A packet is Ethernet, IPv4 or IPv6, UDP, the base transport header (BTH), what its opcode adds
 * (RETH, AETH, DETH, ImmDt), the payload, up to 3 bytes of padding, and the invariant CRC (ICRC).
 * Formats: InfiniBand Architecture Specification, volume 1, chapter 9 and annex A17 (RoCEv2);
 * Linux's drivers/infiniband/sw/rxe/rxe_hdr.h and rxe_opcode.c agree with them.
 *
 * roce_parse() copies the headers once and works on the copy: their owner may change them.
 *
 * The room
 *
 * roce/ is RoCEv2 by itself: packets, and the transport of a queue pair.
 *
 *	packet.h	parse and build packets
 *	icrc.h		the invariant CRC
 *	qp.h		a queue pair's transport: a state machine over events
 *
 * It uses base/ and the C library. It knows nothing of MANA, of drivers' queues or of fabrics: the
 * owner of a queue pair gives it memory and takes its packets. It has no threads, no clock and no
 * locks, makes no system call, never waits, and allocates nothing for a packet.
 */
#ifndef MANAKIN_ROCE_PACKET_H
#define MANAKIN_ROCE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define ROCE_UDP_PORT    4791u
#define ROCE_HEADERS_MAX 106u /* bytes: Ethernet with a tag, IPv6, UDP, BTH, atomic ETH */
#define ROCE_ICRC_LEN    4u   /* bytes */
#define ROCE_TRAILER_MAX 7u   /* bytes: padding and ICRC */
#define ROCE_GRH_LEN     40u  /* bytes that a UD receiver gets in front of the payload */
#define ROCE_PKEY        0xffffu
#define ROCE_PSN_MASK    0xffffffu
#define ROCE_QPN_MASK    0xffffffu

/* Opcodes of BTH: the upper three bits are the service, the lower five the operation. */
#define ROCE_SERVICE_RC  0x00u
#define ROCE_SERVICE_UC  0x20u
#define ROCE_SERVICE_UD  0x60u
#define ROCE_SERVICE_CNP 0x80u /* congestion notification; operation 1 only */
#define ROCE_SERVICE     0xe0u /* mask */

enum roce_operation {
	ROCE_SEND_FIRST = 0x00,
	ROCE_SEND_MIDDLE = 0x01,
	ROCE_SEND_LAST = 0x02,
	ROCE_SEND_LAST_IMM = 0x03,
	ROCE_SEND_ONLY = 0x04,
	ROCE_SEND_ONLY_IMM = 0x05,
	ROCE_WRITE_FIRST = 0x06,
	ROCE_WRITE_MIDDLE = 0x07,
	ROCE_WRITE_LAST = 0x08,
	ROCE_WRITE_LAST_IMM = 0x09,
	ROCE_WRITE_ONLY = 0x0a,
	ROCE_WRITE_ONLY_IMM = 0x0b,
	ROCE_READ_REQUEST = 0x0c,
	ROCE_READ_FIRST = 0x0d, /* responses */
	ROCE_READ_MIDDLE = 0x0e,
	ROCE_READ_LAST = 0x0f,
	ROCE_READ_ONLY = 0x10,
	ROCE_ACK = 0x11,
	/* Known but never answered with data: atomics, SEND with invalidate */
	ROCE_ATOMIC_ACK = 0x12,
	ROCE_COMPARE_SWAP = 0x13,
	ROCE_FETCH_ADD = 0x14,
	ROCE_SEND_LAST_INVALIDATE = 0x16,
	ROCE_SEND_ONLY_INVALIDATE = 0x17,
};

/* AETH's syndrome: the upper three bits are the kind */
#define ROCE_SYNDROME_ACK        0x1fu /* an ACK, its credits invalid: no end-to-end flow control */
#define ROCE_SYNDROME_RNR        0x20u /* the lower five bits: a code of roce_rnr_timer() */
#define ROCE_SYNDROME_NAK        0x60u /* the lower five bits: */
#define ROCE_NAK_SEQUENCE        0x60u
#define ROCE_NAK_INVALID_REQUEST 0x61u
#define ROCE_NAK_REMOTE_ACCESS   0x62u
#define ROCE_NAK_OPERATIONAL     0x63u
#define ROCE_SYNDROME_KIND       0xe0u /* mask */

/**
 * struct roce_address - from whom and to whom
 * @ip_version: 4 or 6
 * @traffic_class: DSCP and ECN, as IPv4's and IPv6's byte holds them
 * @hop_limit:	or time to live
 * @flow_label:	of IPv6, 20 bits
 * @udp_source:	the UDP source port, which spreads flows over paths
 * @src_ip:	in network byte order; IPv4's are the first four bytes
 */
struct roce_address {
	uint8_t dst_mac[6];
	uint8_t src_mac[6];
	uint8_t dst_ip[16];
	uint8_t src_ip[16];
	uint32_t flow_label;
	uint16_t udp_source;
	uint8_t ip_version;
	uint8_t traffic_class;
	uint8_t hop_limit;
};

/**
 * struct roce_packet - a packet's headers, in the machine's byte order
 * @ip_version:	4 or 6
 * @ip_off:	where the IP header starts in @headers
 * @bth_off:	where BTH starts
 * @payload_off: where the payload starts, from the frame's beginning
 * @payload_len: without padding
 * @service:	ROCE_SERVICE_*
 * @operation:	enum roce_operation
 * @imm:	as it is on the wire: four bytes that the transport does not look at
 * @headers:	the bytes that were parsed
 *
 * RETH (@va, @rkey, @length), AETH (@syndrome, @msn), DETH (@qkey, @src_qpn) and @imm are set if the
 * opcode has them, and 0 otherwise.
 */
struct roce_packet {
	uint64_t va;
	uint32_t rkey;
	uint32_t length;
	uint32_t dest_qpn;
	uint32_t psn;
	uint32_t msn;
	uint32_t qkey;
	uint32_t src_qpn;
	uint32_t imm;
	uint32_t payload_len;
	uint16_t pkey;
	uint8_t payload_off;
	uint8_t ip_off;
	uint8_t bth_off;
	uint8_t ip_version;
	uint8_t service;
	uint8_t operation;
	uint8_t syndrome;
	uint8_t pad; /* bytes */
	bool solicited;
	bool ack_request;
	bool has_imm;
	uint8_t headers[ROCE_HEADERS_MAX];
};

/**
 * roce_is_udp() - does a frame go to UDP port 4791, so that roce_parse() is worth a call?
 * @data:	the beginning of the frame, in private memory
 * @len:	its length
 */
bool roce_is_udp(const uint8_t *data, size_t len);

/**
 * roce_parse() - parse the headers of a frame
 * @packet:	the result
 * @iov:	the frame's pieces; only its headers are read
 * @iovcnt:	number of pieces
 * @len:	bytes of the frame; the pieces have at least as many
 *
 * The lengths of IP and UDP, the padding and the opcode's headers are checked against each other
 * and against @len. Bytes after the IP packet are Ethernet padding. The ICRC is not checked.
 *
 * Return: 0, -ENOENT if the frame does not go to UDP port 4791, or -EINVAL if it does, and is no
 * well-formed packet
 */
int roce_parse(struct roce_packet *packet, const struct iovec *iov, uint32_t iovcnt, size_t len);

/** roce_icrc_ok() - is the ICRC of a parsed packet right? Charges for the bytes */
bool roce_icrc_ok(const struct roce_packet *packet, const struct iovec *iov, uint32_t iovcnt);

/**
 * roce_grh() - the 40 bytes that a UD receiver gets in front of the payload
 *
 * The IPv6 header, or 20 bytes 0 and the IPv4 header, as Linux's union rdma_network_hdr has it.
 */
void roce_grh(const struct roce_packet *packet, uint8_t grh[ROCE_GRH_LEN]);

/** roce_from_peer() - is a packet from the peer that @address names, and to us? IP addresses only */
bool roce_from_peer(const struct roce_packet *packet, const struct roce_address *address);

/** roce_reply_address() - the address for an answer to @packet: everything turned round */
void roce_reply_address(const struct roce_packet *packet, struct roce_address *address);

/**
 * roce_build() - write the headers of a packet
 * @packet:	@service, @operation, and what this opcode's headers carry; @payload_len; @dest_qpn,
 *		@psn, @pkey, @solicited, @ack_request. @headers, @ip_off, @bth_off, @payload_off,
 *		@ip_version, @pad and @has_imm are written
 * @address:	whom it goes to
 */
void roce_build(struct roce_packet *packet, const struct roce_address *address);

/**
 * roce_trailer() - the padding and ICRC that end a packet built by roce_build()
 * @payload:	pieces with @packet->payload_len bytes in all
 *
 * Return: bytes in @trailer
 */
uint32_t roce_trailer(const struct roce_packet *packet, const struct iovec *payload,
		      uint32_t iovcnt, uint8_t trailer[ROCE_TRAILER_MAX]);

/** roce_trailer_open() - the same with an ICRC of 0, for a packet that stays in memory */
uint32_t roce_trailer_open(const struct roce_packet *packet, uint8_t trailer[ROCE_TRAILER_MAX]);

/** roce_psn_diff() - @a minus @b, modulo 2^24: negative if @a is before @b */
static inline int32_t roce_psn_diff(uint32_t a, uint32_t b)
{
	return (int32_t)((a - b) << 8) >> 8;
}

/** roce_psn_add() - the PSN @n after @psn */
static inline uint32_t roce_psn_add(uint32_t psn, uint32_t n)
{
	return (psn + n) & ROCE_PSN_MASK;
}

/** roce_packets() - packets, and PSNs, of a message of @len bytes: at least one */
static inline uint32_t roce_packets(uint32_t len, uint32_t mtu)
{
	return len ? (len - 1) / mtu + 1 : 1;
}

#endif
