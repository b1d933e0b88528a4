// SPDX-License-Identifier: GPL-2.0
/*
 * headers.c - a frame's headers: where they are, checksums, the Toeplitz hash.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/unaligned.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>

#include "netvsp.h"

#define MORE_FRAGMENTS_OR_OFFSET 0x3fff /* of IPv4's fragment field */

/**
 * headers_find() - find IP, and TCP or UDP in it
 * @headers:	the result
 * @frame:	an Ethernet frame, with a VLAN tag in it or not
 * @len:	bytes
 */
void headers_find(struct headers *headers, const u8 *frame, u32 len)
{
	u32 l3 = ETH_HLEN, total;
	const u8 *ip;
	u16 type;

	*headers = (struct headers){ 0 };
	if (len < ETH_HLEN)
		return;
	type = get_unaligned_be16(frame + 12);
	if (type == ETH_P_8021Q && len >= VLAN_ETH_HLEN) {
		type = get_unaligned_be16(frame + 16);
		l3 = VLAN_ETH_HLEN;
	}
	ip = frame + l3;
	headers->l3 = l3;
	if (type == ETH_P_IP && len >= l3 + sizeof(struct iphdr) && ip[0] >> 4 == 4) {
		total = get_unaligned_be16(ip + 2);
		headers->l4 = l3 + (ip[0] & 15) * 4;
		if ((ip[0] & 15) < 5 || l3 + total > len || headers->l4 > l3 + total)
			return;
		headers->version = 4;
		if (get_unaligned_be16(ip + 6) & MORE_FRAGMENTS_OR_OFFSET)
			return;
		headers->protocol = ip[9];
	} else if (type == ETH_P_IPV6 && len >= l3 + sizeof(struct ipv6hdr) && ip[0] >> 4 == 6) {
		total = sizeof(struct ipv6hdr) + get_unaligned_be16(ip + 4);
		headers->l4 = l3 + sizeof(struct ipv6hdr);
		if (l3 + total > len)
			return;
		headers->version = 6;
		headers->protocol = ip[6];
	} else {
		return;
	}
	headers->l4_len = l3 + total - headers->l4;
	if (!(headers->protocol == IPPROTO_TCP && headers->l4_len >= sizeof(struct tcphdr)) &&
	    !(headers->protocol == IPPROTO_UDP && headers->l4_len >= sizeof(struct udphdr)))
		headers->protocol = 0;
}

/* The pseudo-header's sum and @sum, folded and inverted. */
static __sum16 fold(const struct headers *headers, const u8 *frame, __wsum sum)
{
	const u8 *ip = frame + headers->l3;
	struct in6_addr from, to;
	__be32 source, destination;

	if (headers->version == 4) {
		memcpy(&source, ip + 12, sizeof(source));
		memcpy(&destination, ip + 16, sizeof(destination));
		return csum_tcpudp_magic(source, destination, headers->l4_len, headers->protocol,
					 sum);
	}
	memcpy(&from, ip + 8, sizeof(from));
	memcpy(&to, ip + 24, sizeof(to));
	return csum_ipv6_magic(&from, &to, headers->l4_len, headers->protocol, sum);
}

/**
 * headers_pseudo() - the value of the checksum field for a partial checksum
 * @headers:	of TCP or UDP
 * @frame:	whose
 *
 * Return: the pseudo-header's sum
 */
__sum16 headers_pseudo(const struct headers *headers, const u8 *frame)
{
	return (__force __sum16)~(__force u16)fold(headers, frame, 0);
}

/**
 * headers_checksum_right() - is the TCP or UDP checksum right?
 * @headers:	of TCP or UDP
 * @frame:	whose
 */
bool headers_checksum_right(const struct headers *headers, const u8 *frame)
{
	return !fold(headers, frame, csum_partial(frame + headers->l4, headers->l4_len, 0));
}

/**
 * headers_hash() - Toeplitz's hash, as NDIS defines it for RSS
 * @headers:	of IP
 * @frame:	whose
 * @key:	the driver's
 *
 * Over both addresses, and TCP's ports.
 */
u32 headers_hash(const struct headers *headers, const u8 *frame, const u8 key[RSS_KEY_SIZE])
{
	u32 hash = 0, window = get_unaligned_be32(key);
	u8 input[36];
	u32 len, next = 32;

	if (headers->version == 4) {
		memcpy(input, frame + headers->l3 + 12, 8);
		len = 8;
	} else {
		memcpy(input, frame + headers->l3 + 8, 32);
		len = 32;
	}
	if (headers->protocol == IPPROTO_TCP) {
		memcpy(input + len, frame + headers->l4, 4);
		len += 4;
	}
	for (u32 bit = 0; bit < 8 * len; bit++, next++) {
		if (input[bit / 8] & 0x80 >> bit % 8)
			hash ^= window;
		window = window << 1 | (next < 8 * RSS_KEY_SIZE &&
					key[next / 8] & 0x80 >> next % 8);
	}
	return hash;
}
