/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/sink.c - accept everything that the vPort sends.
 *
 * Each frame is copied out of the client's memory into a buffer of the lane, as any fabric that
 * keeps frames would have to do, and forgotten.
 *
 * sink+verify decodes the copy:
 *
 *	layer		what must hold
 *	Ethernet	whole header; up to two VLAN tags; no longer than the MTU allows
 *	IPv4		version, header length, total length, header checksum
 *	IPv6		version, payload length, extension headers within it
 *	TCP, UDP	header within the IP payload, UDP length, checksum (UDP over IPv4
 *			may have none); not checked in a fragment
 *
 * Frames with other EtherTypes or IP protocols are good if everything below is.
 */
#include "fabric/port.h"

#include "base/log.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>

#define SINK_VLAN_TAGS_MAX        2u
#define IPV4_HEADER_SIZE          20u     /* bytes, without options */
#define IPV4_FRAGMENT             0x3fffu /* more-fragments bit and offset */
#define IPV6_HEADER_SIZE          40u
#define IPV6_ADDRESSES            8u /* offset of the source address */
#define IPV6_FRAGMENT_HEADER_SIZE 8u
#define TCP_HEADER_SIZE           20u /* bytes, without options */
#define TCP_CHECKSUM              16u /* offset */
#define UDP_HEADER_SIZE           8u
#define UDP_CHECKSUM              6u /* offset */

enum verdict {
	GOOD,
	BAD_OFFLOAD,
	BAD_ETHERNET,
	BAD_MTU,
	BAD_LENGTH_FIELD,
	BAD_IPV4_HEADER,
	BAD_IPV4_LENGTH,
	BAD_IPV4_CHECKSUM,
	BAD_IPV6_HEADER,
	BAD_IPV6_LENGTH,
	BAD_IPV6_EXTENSION,
	BAD_TCP_HEADER,
	BAD_TCP_CHECKSUM,
	BAD_UDP_HEADER,
	BAD_UDP_LENGTH,
	BAD_UDP_CHECKSUM,
	VERDICTS
};

static const char *const verdicts[VERDICTS] = {
	[BAD_OFFLOAD] = "it has an offload that was not done",
	[BAD_ETHERNET] = "it is shorter than its Ethernet header and tags",
	[BAD_MTU] = "it is longer than the MTU allows",
	[BAD_LENGTH_FIELD] = "its IEEE 802.3 length is beyond its end",
	[BAD_IPV4_HEADER] = "its IPv4 header is malformed",
	[BAD_IPV4_LENGTH] = "its IPv4 total length is beyond its end",
	[BAD_IPV4_CHECKSUM] = "its IPv4 header checksum is wrong",
	[BAD_IPV6_HEADER] = "its IPv6 header is malformed",
	[BAD_IPV6_LENGTH] = "its IPv6 payload length is beyond its end",
	[BAD_IPV6_EXTENSION] = "its IPv6 extension headers are malformed",
	[BAD_TCP_HEADER] = "its TCP header is malformed",
	[BAD_TCP_CHECKSUM] = "its TCP checksum is wrong",
	[BAD_UDP_HEADER] = "its UDP header is cut off",
	[BAD_UDP_LENGTH] = "its UDP length does not fit its IP packet",
	[BAD_UDP_CHECKSUM] = "its UDP checksum is wrong",
};

/**
 * struct sink - the fabric's state
 * @verify:	decode each frame
 * @said:	for each verdict: it has been logged
 * @scratch:	where frames are copied to: FABRIC_FRAME_MAX bytes per lane, in separate cache lines
 * @stride:	from one lane's scratch buffer to the next, in bytes
 */
struct sink {
	bool verify;
	atomic_bool said[VERDICTS];
	uint8_t *scratch;
	size_t stride;
};

/**
 * struct pseudo - what the checksums of TCP and UDP need from the IP header
 * @sum:	of the addresses
 * @protocol:	IPPROTO_*
 * @optional:	UDP may be without a checksum
 */
struct pseudo {
	uint64_t sum;
	uint8_t protocol;
	bool optional;
};

static enum verdict verify_tcp(const uint8_t *tcp, uint32_t len, const struct pseudo *pseudo)
{
	uint32_t header;

	if (len < TCP_HEADER_SIZE)
		return BAD_TCP_HEADER;
	header = (uint32_t)(tcp[12] >> 4) * 4;
	if (header < TCP_HEADER_SIZE || header > len)
		return BAD_TCP_HEADER;
	if (checksum_fold(checksum_add(pseudo->sum + IPPROTO_TCP + len, tcp, len)))
		return BAD_TCP_CHECKSUM;
	return GOOD;
}

static enum verdict verify_udp(const uint8_t *udp, uint32_t len, const struct pseudo *pseudo)
{
	uint32_t length;

	if (len < UDP_HEADER_SIZE)
		return BAD_UDP_HEADER;
	length = load_be16(udp + 4);
	if (length < UDP_HEADER_SIZE || length > len)
		return BAD_UDP_LENGTH;
	if (!load_be16(udp + UDP_CHECKSUM))
		return pseudo->optional ? GOOD : BAD_UDP_CHECKSUM;
	if (checksum_fold(checksum_add(pseudo->sum + IPPROTO_UDP + length, udp, length)))
		return BAD_UDP_CHECKSUM;
	return GOOD;
}

/**
 * verify_transport() - check what an IP packet carries
 * @payload:	after the IP headers
 * @len:	of @payload, without padding, in bytes
 */
static enum verdict verify_transport(const uint8_t *payload, uint32_t len,
				     const struct pseudo *pseudo)
{
	switch (pseudo->protocol) {
	case IPPROTO_TCP:
		return verify_tcp(payload, len, pseudo);
	case IPPROTO_UDP:
		return verify_udp(payload, len, pseudo);
	default:
		return GOOD;
	}
}

static enum verdict verify_ipv4(const uint8_t *ip, uint32_t len)
{
	struct pseudo pseudo = { .optional = true };
	uint32_t header, total;

	if (len < IPV4_HEADER_SIZE || ip[0] >> 4 != 4)
		return BAD_IPV4_HEADER;
	header = (ip[0] & 0xfu) * 4;
	total = load_be16(ip + 2);
	if (header < IPV4_HEADER_SIZE || header > len)
		return BAD_IPV4_HEADER;
	if (total < header || total > len)
		return BAD_IPV4_LENGTH;
	if (checksum_fold(checksum_add(0, ip, header)))
		return BAD_IPV4_CHECKSUM;
	if (load_be16(ip + 6) & IPV4_FRAGMENT)
		return GOOD;
	pseudo.protocol = ip[9];
	pseudo.sum = checksum_add(0, ip + 12, 8);
	return verify_transport(ip + header, total - header, &pseudo);
}

static enum verdict verify_ipv6(const uint8_t *ip, uint32_t len)
{
	struct pseudo pseudo = { .optional = false };
	uint32_t left, at = IPV6_HEADER_SIZE;

	if (len < IPV6_HEADER_SIZE || ip[0] >> 4 != 6)
		return BAD_IPV6_HEADER;
	left = load_be16(ip + 4);
	if (left > len - IPV6_HEADER_SIZE)
		return BAD_IPV6_LENGTH;
	pseudo.protocol = ip[6];
	pseudo.sum = checksum_add(0, ip + IPV6_ADDRESSES, 32);

	for (;;) {
		uint32_t size;

		switch (pseudo.protocol) {
		case IPPROTO_FRAGMENT:
			return left < IPV6_FRAGMENT_HEADER_SIZE ? BAD_IPV6_EXTENSION : GOOD;
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			break;
		default:
			return verify_transport(ip + at, left, &pseudo);
		}
		if (left < 8)
			return BAD_IPV6_EXTENSION;
		size = (ip[at + 1] + 1u) * 8;
		if (size > left)
			return BAD_IPV6_EXTENSION;
		/* If segments are left, the checksum covers the final address, not this one. */
		if (pseudo.protocol == IPPROTO_ROUTING && ip[at + 3])
			return GOOD;
		pseudo.protocol = ip[at];
		at += size;
		left -= size;
	}
}

/**
 * verify() - does a frame decode?
 * @frame:	the copy
 * @len:	of it, in bytes
 * @mtu:	the vPort's, in bytes
 */
static enum verdict verify(const uint8_t *frame, uint32_t len, uint32_t mtu)
{
	uint32_t at = ETHERNET_HEADER_SIZE;
	uint16_t type;

	if (len < ETHERNET_HEADER_SIZE)
		return BAD_ETHERNET;
	type = load_be16(frame + at - 2);
	for (unsigned int tags = 0; tags < SINK_VLAN_TAGS_MAX; tags++) {
		if (type != ETHERTYPE_VLAN && type != 0x88a8)
			break;
		at += ETHERNET_VLAN_TAG_SIZE;
		if (len < at)
			return BAD_ETHERNET;
		type = load_be16(frame + at - 2);
	}
	if (len - at > mtu)
		return BAD_MTU;
	if (type == ETHERTYPE_IP)
		return verify_ipv4(frame + at, len - at);
	if (type == ETHERTYPE_IPV6)
		return verify_ipv6(frame + at, len - at);
	if (type <= ETHERMTU && type > len - at)
		return BAD_LENGTH_FIELD;
	return GOOD;
}

static int sink_open(struct fabric_port *port, const struct fabric_spec *spec, struct error *error)
{
	struct sink *sink;

	if (spec->argument)
		return error_fail(error, -EINVAL, "fabric sink takes no argument ('%s'); write %s",
				  spec->argument, port->ops->usage);
	for (unsigned int i = 0; i < spec->count; i++) {
		if (strcmp(spec->options[i].key, "verify") || spec->options[i].value)
			return fabric_option_unknown(port, &spec->options[i], error);
	}

	sink = calloc(1, sizeof(*sink));
	if (sink) {
		sink->stride = (FABRIC_FRAME_MAX + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
		sink->scratch = aligned_alloc(CACHE_LINE, port->config.lanes * sink->stride);
	}
	if (!sink || !sink->scratch) {
		free(sink);
		return error_fail(error, -ENOMEM, "fabric sink: out of memory");
	}
	sink->verify = spec->count > 0;
	port->state = sink;
	return 0;
}

static void sink_close(struct fabric_port *port)
{
	struct sink *sink = port->state;

	free(sink->scratch);
	free(sink);
}

/**
 * check() - verify a copied frame; count and log it if it is bad
 * @copy:	what was copied
 * @len:	of @copy, in bytes
 */
static void check(struct fabric_port *port, unsigned int lane, const struct frame *frame,
		  const uint8_t *copy, uint32_t len)
{
	struct sink *sink = port->state;
	enum verdict verdict;

	if (frame->flags & (FRAME_CSUM_PARTIAL | FRAME_GSO))
		verdict = BAD_OFFLOAD;
	else if (frame->len > len)
		verdict = BAD_MTU;
	else
		verdict = verify(copy, len, port->config.mtu);
	if (verdict == GOOD)
		return;
	counter_add(&port->lanes[lane].counters.tx_bad, 1);
	log_once(&sink->said[verdict], LOG_WARNING,
		 "sink+verify: a frame of %u bytes does not decode: %s (logged once; counted as "
		 "bad)",
		 frame->len, verdicts[verdict]);
}

static void sink_send(struct fabric_port *port, unsigned int lane, const struct frame *frames,
		      unsigned int n)
{
	const struct sink *sink = port->state;
	uint8_t *scratch = sink->scratch + lane * sink->stride;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t len = frame_copy(&frames[i], scratch, FABRIC_FRAME_MAX);

		if (sink->verify)
			check(port, lane, &frames[i], scratch, len);
	}
	fabric_count_sent(port, lane, frames, n);
}

const struct fabric_ops fabric_sink = {
	.name = "sink",
	.usage = "sink[+verify]",
	.open = sink_open,
	.close = sink_close,
	.send = sink_send,
};
