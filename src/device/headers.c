/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/headers.c - where the headers of a frame lie.
 *
 * Theory of operation
 *
 * Every step checks how much of the copy is left before it reads a header, and stops if something
 * does not fit; what was found before stays valid. The result shows how far the walk went:
 *
 *	ip_version 0			Ethernet only
 *	ip_version 4 or 6, l4 NONE	addresses are known: a hash over them is possible
 *	l4 TCP or UDP			ports and checksum are known, too
 *
 * A walk over IPv6 extension headers ends after IP6_EXTENSIONS_MAX of them: no honest packet has
 * more, and a hostile one must not cost more.
 */
#include "device/headers.h"

#include <errno.h>
#include <string.h>

#define IP6_EXTENSIONS_MAX            8u

/* Offsets and sizes in bytes (RFC 791, RFC 8200, RFC 9293, RFC 768) */
#define IP4_HEADER_MIN                20u
#define IP4_OFF_TOTAL_LEN             2u
#define IP4_OFF_FRAGMENT              6u
#define IP4_OFF_PROTO                 9u
#define IP4_FRAGMENT_MASK             0x3fffu /* More Fragments and the offset */
#define IP6_HEADER_LEN                40u
#define IP6_OFF_PAYLOAD_LEN           4u
#define IP6_OFF_NEXT                  6u
#define IP6_EXTENSION_UNIT            8u
#define IP6_FRAGMENT_MASK             0xfff9u /* the offset and M; the two bits between are reserved */
#define IP6_ROUTING_OFF_SEGMENTS_LEFT 3u
#define TCP_HEADER_MIN                20u
#define TCP_OFF_DATA_OFFSET           12u
#define UDP_HEADER_LEN                8u

/* IPv6 extension headers that are walked over (RFC 8200, section 4.1) */
enum ip6_extension {
	IP6_HOP_BY_HOP = 0,
	IP6_ROUTING = 43,
	IP6_FRAGMENT = 44,
	IP6_DESTINATION_OPTIONS = 60,
};

size_t headers_copy(const struct iovec *iov, uint32_t iovcnt, uint8_t *buffer, size_t size)
{
	size_t done = 0;

	for (uint32_t i = 0; i < iovcnt && done < size; i++) {
		size_t n = iov[i].iov_len < size - done ? iov[i].iov_len : size - done;

		if (!n)
			continue;
		memcpy(buffer + done, iov[i].iov_base, n);
		done += n;
	}
	return done;
}

/**
 * parse_ip4() - IPv4 header with its options
 * @data:	the frame
 * @len:	bytes of it
 * @headers:	l3_off is set; the IP fields are filled in
 *
 * Return: true if a layer 4 header may follow at l4_off
 */
static bool parse_ip4(const uint8_t *data, size_t len, struct packet_headers *headers)
{
	const uint8_t *ip = data + headers->l3_off;
	size_t left = len - headers->l3_off;
	size_t header_len;

	if (left < IP4_HEADER_MIN || ip[0] >> 4 != 4)
		return false;
	header_len = (size_t)(ip[0] & 0xf) * 4;
	if (header_len < IP4_HEADER_MIN || header_len > left)
		return false;
	headers->ip_version = 4;
	headers->ip_proto = ip[IP4_OFF_PROTO];
	headers->l3_len = (uint16_t)header_len;
	headers->l3_total_len = headers_get16(ip + IP4_OFF_TOTAL_LEN);
	headers->is_fragment = headers_get16(ip + IP4_OFF_FRAGMENT) & IP4_FRAGMENT_MASK;
	return !headers->is_fragment;
}

/**
 * parse_ip6() - IPv6 header with its extension headers
 * @data:	the frame
 * @len:	bytes of it
 * @headers:	l3_off is set; the IP fields are filled in
 *
 * If the walk over the extensions cannot continue, ip_proto is the one at which it stopped.
 * A packet with a fragment header for the whole datagram (RFC 6946) is not a fragment.
 *
 * Return: true if a layer 4 header may follow at l4_off
 */
static bool parse_ip6(const uint8_t *data, size_t len, struct packet_headers *headers)
{
	const uint8_t *ip = data + headers->l3_off;
	size_t left = len - headers->l3_off;
	size_t off = IP6_HEADER_LEN;
	uint8_t next;

	if (left < IP6_HEADER_LEN || ip[0] >> 4 != 6)
		return false;
	headers->ip_version = 6;
	headers->l3_total_len = IP6_HEADER_LEN + headers_get16(ip + IP6_OFF_PAYLOAD_LEN);
	next = ip[IP6_OFF_NEXT];

	for (unsigned int i = 0; i < IP6_EXTENSIONS_MAX && !headers->is_fragment; i++) {
		size_t extension_len = IP6_EXTENSION_UNIT;

		if (next != IP6_HOP_BY_HOP && next != IP6_ROUTING && next != IP6_FRAGMENT &&
		    next != IP6_DESTINATION_OPTIONS)
			break;
		if (left - off < IP6_EXTENSION_UNIT)
			break;
		/*
		 * Not at its last destination yet: the pseudo-header has another address
		 * (RFC 8200, section 8.1), so nothing after it can be checked here
		 */
		if (next == IP6_ROUTING && ip[off + IP6_ROUTING_OFF_SEGMENTS_LEFT])
			break;
		if (next == IP6_FRAGMENT)
			headers->is_fragment = headers_get16(ip + off + 2) & IP6_FRAGMENT_MASK;
		else
			extension_len += (size_t)ip[off + 1] * IP6_EXTENSION_UNIT;
		if (left - off < extension_len)
			break;
		next = ip[off];
		off += extension_len;
	}
	headers->ip_proto = next;
	headers->l3_len = (uint16_t)off;
	return !headers->is_fragment;
}

int headers_parse(const uint8_t *data, size_t len, struct packet_headers *headers)
{
	bool l4_follows = false;
	const uint8_t *l4;
	size_t left;

	memset(headers, 0, sizeof(*headers));
	if (len < ETHERNET_HEADER_LEN)
		return -EINVAL;
	headers->l3_off = ETHERNET_HEADER_LEN;
	headers->ethertype = headers_get16(data + ETHERNET_HEADER_LEN - 2);
	if (headers->ethertype == ETHERTYPE_VLAN && len >= ETHERNET_HEADER_LEN + VLAN_TAG_LEN) {
		headers->vlan_present = true;
		headers->vlan_tci = headers_get16(data + ETHERNET_HEADER_LEN);
		headers->l3_off = ETHERNET_HEADER_LEN + VLAN_TAG_LEN;
		headers->ethertype = headers_get16(data + ETHERNET_HEADER_LEN + VLAN_TAG_LEN - 2);
	}

	if (headers->ethertype == ETHERTYPE_IP4)
		l4_follows = parse_ip4(data, len, headers);
	else if (headers->ethertype == ETHERTYPE_IP6)
		l4_follows = parse_ip6(data, len, headers);
	if (headers->ip_version)
		headers->l4_off = (uint16_t)(headers->l3_off + headers->l3_len);
	if (!l4_follows)
		return 0;

	l4 = data + headers->l4_off;
	left = len - headers->l4_off;
	if (headers->ip_proto == IP_PROTO_TCP && left >= TCP_HEADER_MIN) {
		size_t header_len = (size_t)(l4[TCP_OFF_DATA_OFFSET] >> 4) * 4;

		if (header_len >= TCP_HEADER_MIN && header_len <= left) {
			headers->l4 = HEADERS_L4_TCP;
			headers->l4_len = (uint16_t)header_len;
		}
	} else if (headers->ip_proto == IP_PROTO_UDP && left >= UDP_HEADER_LEN) {
		headers->l4 = HEADERS_L4_UDP;
		headers->l4_len = UDP_HEADER_LEN;
	}
	return 0;
}
