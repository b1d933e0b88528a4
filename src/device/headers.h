/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/headers.h - where the headers of a frame lie.
 *
 * The owner of a frame can change its bytes at any time, so headers_copy()
 * copies the headers once, and only the copy is parsed, checked and used.
 */
#ifndef MANAKIN_DEVICE_HEADERS_H
#define MANAKIN_DEVICE_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define HEADERS_MAX         256u /* bytes: the longest headers that the adapter parses or cuts */

#define ETHERNET_HEADER_LEN 14u /* bytes, two addresses and an EtherType */
#define VLAN_TAG_LEN        4u  /* bytes, TPID and TCI */

#define ETHERTYPE_IP4       0x0800u
#define ETHERTYPE_VLAN      0x8100u
#define ETHERTYPE_IP6       0x86ddu

#define IP_PROTO_TCP        6u
#define IP_PROTO_UDP        17u

enum headers_l4 {
	HEADERS_L4_NONE = 0,
	HEADERS_L4_TCP,
	HEADERS_L4_UDP,
};

/**
 * struct packet_headers - what headers_parse() found
 * @ethertype:	of the payload, after the VLAN tag if there is one
 * @vlan_present: an 802.1Q tag (TPID 0x8100) follows the addresses. Only the outermost one counts,
 *		and an 802.1ad tag is an unknown EtherType: the adapter cannot report a second tag
 *		or an 802.1ad tag to a driver
 * @vlan_tci:	that tag: priority, DEI and VLAN identifier
 * @l3_off:	where layer 3 starts, which is the length of layer 2
 * @ip_version:	4 or 6, and @l3_len and below are set; 0: no IP, or its header is malformed or
 *		incomplete
 * @l3_len:	IP header with IPv4 options or IPv6 extension headers
 * @l3_total_len: bytes from @l3_off on, as the IP header says. Not checked against
 *		anything: a large send may carry 0 there
 * @ip_proto:	protocol after the IP header and its extensions
 * @is_fragment: a piece of a fragmented datagram, the first one included
 * @l4:		TCP or UDP with a complete header, and @l4_len is set; never in a fragment
 * @l4_off:	@l3_off + @l3_len
 * @l4_len:	TCP header with options, or UDP header
 */
struct packet_headers {
	uint16_t ethertype;
	uint16_t vlan_tci;
	uint16_t l3_off;
	uint16_t l3_len;
	uint16_t l4_off;
	uint16_t l4_len;
	uint32_t l3_total_len;
	uint8_t ip_version;
	uint8_t ip_proto;
	uint8_t l4; /* enum headers_l4 */
	bool vlan_present;
	bool is_fragment;
};

/** headers_get16() - a big-endian number in a header */
static inline uint16_t headers_get16(const uint8_t *data)
{
	return (uint16_t)(data[0] << 8 | data[1]);
}

/**
 * headers_exceed_mtu() - is an unsegmented frame longer than the MTU allows? A tag does not count
 * @header:	its first ETHERNET_HEADER_LEN bytes, in private memory
 * @len:	of the frame
 */
static inline bool headers_exceed_mtu(const uint8_t *header, uint32_t len, uint32_t mtu)
{
	uint32_t longest = mtu + ETHERNET_HEADER_LEN;

	return len > longest &&
	       (len > longest + VLAN_TAG_LEN || headers_get16(header + 12) != ETHERTYPE_VLAN);
}

/**
 * headers_copy() - copy the beginning of a frame from its pieces
 * @iov:	the frame's pieces
 * @iovcnt:	number of pieces
 * @buffer:	where to
 * @size:	most bytes to copy, HEADERS_MAX to parse
 *
 * Return: bytes copied: @size, or the whole frame
 */
size_t headers_copy(const struct iovec *iov, uint32_t iovcnt, uint8_t *buffer, size_t size);

/**
 * headers_parse() - find the headers of a frame
 * @data:	the beginning of the frame, in private memory
 * @len:	its length; nothing after it is read
 * @headers:	the result; what is not known is 0
 *
 * A frame whose layers 3 and 4 are invalid is still a good Ethernet frame.
 *
 * Return: 0, or -EINVAL if @len is less than an Ethernet header
 */
int headers_parse(const uint8_t *data, size_t len, struct packet_headers *headers);

#endif
