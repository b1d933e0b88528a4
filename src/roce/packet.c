/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * roce/packet.c - parse and build RoCEv2 packets.
 *
 * The ICRC (annex A17.3.3 of the specification; Linux's rxe_icrc.c) covers eight bytes of ones in
 * place of InfiniBand's local header, then everything from the IP header to the padding, with ones
 * where a router may write: IPv4's TOS, TTL and checksum, IPv6's traffic class, flow label and hop
 * limit, UDP's checksum, and BTH's byte of congestion bits. It is sent lowest byte first.
 */
#include "roce/packet.h"

#include <errno.h>
#include <string.h>

#include "base/budget.h"
#include "base/bytes.h"
#include "base/uninitialized.h"
#include "roce/icrc.h"

/* Sizes and offsets in bytes */
#define ETH_LEN         12u /* without the EtherType */
#define ETHERTYPE_LEN   2u
#define VLAN_LEN        4u
#define IP4_LEN         20u
#define IP6_LEN         40u
#define UDP_LEN         8u
#define BTH_LEN         12u
#define ETHERTYPE_IP4   0x0800u
#define ETHERTYPE_VLAN  0x8100u
#define ETHERTYPE_IP6   0x86ddu
#define PROTOCOL_UDP    17u

/* What an opcode adds to BTH, in this order; the lowest bits add up to its length, in 4 bytes */
#define HAS_LEN         0x000fu
#define HAS_DETH        0x0012u
#define HAS_RETH        0x0024u
#define HAS_AETH        0x0041u
#define HAS_IMM         0x0081u
#define HAS_ATOMIC      0x0107u
#define HAS_ATOMIC_ACK  0x0202u
#define HAS_IETH        0x0401u
#define NO_PAYLOAD      0x0800u
#define KNOWN           0x1000u
#define ADDS(has, what) (((has) & (what) & ~HAS_LEN) != 0)

/* Of RC; the operations of UC are the first twelve, UD's are the two SEND_ONLY */
static const uint32_t operations[32] = {
	[ROCE_SEND_FIRST] = KNOWN,
	[ROCE_SEND_MIDDLE] = KNOWN,
	[ROCE_SEND_LAST] = KNOWN,
	[ROCE_SEND_LAST_IMM] = KNOWN | HAS_IMM,
	[ROCE_SEND_ONLY] = KNOWN,
	[ROCE_SEND_ONLY_IMM] = KNOWN | HAS_IMM,
	[ROCE_WRITE_FIRST] = KNOWN | HAS_RETH,
	[ROCE_WRITE_MIDDLE] = KNOWN,
	[ROCE_WRITE_LAST] = KNOWN,
	[ROCE_WRITE_LAST_IMM] = KNOWN | HAS_IMM,
	[ROCE_WRITE_ONLY] = KNOWN | HAS_RETH,
	[ROCE_WRITE_ONLY_IMM] = KNOWN + HAS_RETH + HAS_IMM,
	[ROCE_READ_REQUEST] = KNOWN | HAS_RETH | NO_PAYLOAD,
	[ROCE_READ_FIRST] = KNOWN | HAS_AETH,
	[ROCE_READ_MIDDLE] = KNOWN,
	[ROCE_READ_LAST] = KNOWN | HAS_AETH,
	[ROCE_READ_ONLY] = KNOWN | HAS_AETH,
	[ROCE_ACK] = KNOWN | HAS_AETH | NO_PAYLOAD,
	[ROCE_ATOMIC_ACK] = KNOWN + NO_PAYLOAD + HAS_AETH + HAS_ATOMIC_ACK,
	[ROCE_COMPARE_SWAP] = KNOWN | HAS_ATOMIC | NO_PAYLOAD,
	[ROCE_FETCH_ADD] = KNOWN | HAS_ATOMIC | NO_PAYLOAD,
	[ROCE_SEND_LAST_INVALIDATE] = KNOWN | HAS_IETH,
	[ROCE_SEND_ONLY_INVALIDATE] = KNOWN | HAS_IETH,
};

/* What the opcode adds; 0: there is no such opcode */
static uint32_t headers_of(uint8_t service, uint8_t operation)
{
	switch (service) {
	case ROCE_SERVICE_RC:
		return operations[operation];
	case ROCE_SERVICE_UC:
		return operation <= ROCE_WRITE_ONLY_IMM ? operations[operation] : 0;
	case ROCE_SERVICE_UD:
		return operation == ROCE_SEND_ONLY || operation == ROCE_SEND_ONLY_IMM
			       ? operations[operation] + HAS_DETH
			       : 0;
	case ROCE_SERVICE_CNP:
		return operation == 1 ? KNOWN : 0;
	default:
		return 0;
	}
}

/* Bytes of BTH and what the opcode adds */
static uint32_t headers_len(uint32_t has)
{
	return BTH_LEN + (has & HAS_LEN) * 4u;
}

/* The ones' complement sum of an IPv4 header: 0xffff if its checksum is right */
static uint16_t ip4_sum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < IP4_LEN; i += 2)
		sum += get16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/**
 * find_udp() - is it UDP to ROCE_UDP_PORT, without fragments, IPv4 options, extension headers?
 *
 * Return: where IP starts; 0: it is not, or ends before the UDP header does
 */
static uint32_t find_udp(const uint8_t *data, size_t len)
{
	uint32_t ip = ETH_LEN + ETHERTYPE_LEN, udp;

	if (len < ip + IP4_LEN + UDP_LEN)
		return 0;
	if (get16(data + ETH_LEN) == ETHERTYPE_VLAN)
		ip += VLAN_LEN;
	switch (get16(data + ip - ETHERTYPE_LEN)) {
	case ETHERTYPE_IP4:
		udp = ip + IP4_LEN;
		if (len < udp + UDP_LEN || data[ip] != 0x45 || data[ip + 9] != PROTOCOL_UDP ||
		    get16(data + ip + 6) & 0x3fff)
			return 0;
		break;
	case ETHERTYPE_IP6:
		udp = ip + IP6_LEN;
		if (len < udp + UDP_LEN || data[ip] >> 4 != 6 || data[ip + 6] != PROTOCOL_UDP)
			return 0;
		break;
	default:
		return 0;
	}
	return get16(data + udp + 2) == ROCE_UDP_PORT ? ip : 0;
}

bool roce_is_udp(const uint8_t *data, size_t len)
{
	return find_udp(data, len) != 0;
}

static void parse_extended(struct roce_packet *packet, uint32_t has, const uint8_t *data)
{
	packet->qkey = packet->src_qpn = packet->rkey = packet->length = packet->msn = packet->imm =
		0;
	packet->va = 0;
	packet->syndrome = 0;
	if (ADDS(has, HAS_DETH)) {
		packet->qkey = get32(data);
		packet->src_qpn = get24(data + 5);
		data += 8;
	}
	if (ADDS(has, HAS_RETH)) {
		packet->va = get64(data);
		packet->rkey = get32(data + 8);
		packet->length = get32(data + 12);
		data += 16;
	}
	if (ADDS(has, HAS_AETH)) {
		packet->syndrome = data[0];
		packet->msn = get24(data + 1);
		data += 4;
	}
	packet->has_imm = ADDS(has, HAS_IMM);
	if (packet->has_imm)
		memcpy(&packet->imm, data, sizeof(packet->imm));
}

int roce_parse(struct roce_packet *packet, const struct iovec *iov, uint32_t iovcnt, size_t len)
{
	size_t have = 0;
	uint32_t ip, udp, udp_len, total, header_len;
	const uint8_t *bth;
	uint32_t has;

	for (; iovcnt && have < sizeof(packet->headers) && have < len; iov++, iovcnt--) {
		size_t n = sizeof(packet->headers) - have;

		if (n > len - have)
			n = len - have;
		if (n > iov->iov_len)
			n = iov->iov_len;
		if (n)
			memcpy(packet->headers + have, iov->iov_base, n);
		have += n;
	}
	ip = find_udp(packet->headers, have);
	if (!ip)
		return -ENOENT;
	packet->ip_version = packet->headers[ip] >> 4;
	if (packet->ip_version == 4) {
		udp = ip + IP4_LEN;
		total = get16(packet->headers + ip + 2);
		if (ip4_sum(packet->headers + ip) != UINT16_MAX)
			return -EINVAL;
	} else {
		udp = ip + IP6_LEN;
		total = get16(packet->headers + ip + 4) + IP6_LEN;
	}
	udp_len = get16(packet->headers + udp + 4);
	if (total > len - ip || udp_len != total - (udp - ip) ||
	    udp_len < UDP_LEN + BTH_LEN + ROCE_ICRC_LEN)
		return -EINVAL;

	bth = packet->headers + udp + UDP_LEN;
	packet->service = bth[0] & ROCE_SERVICE;
	packet->operation = bth[0] & (uint8_t)~ROCE_SERVICE;
	has = headers_of(packet->service, packet->operation);
	header_len = headers_len(has);
	packet->pad = bth[1] >> 4 & 3;
	if (!has || bth[1] & 0x0f /* the version */ ||
	    udp_len < UDP_LEN + header_len + packet->pad + ROCE_ICRC_LEN)
		return -EINVAL;
	packet->payload_len = udp_len - UDP_LEN - header_len - packet->pad - ROCE_ICRC_LEN;
	if ((packet->payload_len + packet->pad) & (has & NO_PAYLOAD ? UINT32_MAX : 3))
		return -EINVAL;
	packet->ip_off = (uint8_t)ip;
	packet->bth_off = (uint8_t)(udp + UDP_LEN);
	packet->payload_off = (uint8_t)(packet->bth_off + header_len);
	packet->solicited = bth[1] & 0x80;
	packet->pkey = get16(bth + 2);
	packet->dest_qpn = get24(bth + 5);
	packet->ack_request = bth[8] & 0x80;
	packet->psn = get24(bth + 9);
	parse_extended(packet, has, bth + BTH_LEN);
	return 0;
}

/* The CRC of everything before the payload */
static uint32_t icrc_headers(const struct roce_packet *packet)
{
	/* What eight bytes of ones leave behind (RXE_ICRC's 0xdebb20e3) */
	uint32_t len = (uint32_t)packet->payload_off - packet->ip_off;
	uint8_t masked[ROCE_HEADERS_MAX] uninitialized;
	uint8_t *bth = masked + packet->bth_off - packet->ip_off;

	memcpy(masked, packet->headers + packet->ip_off, len);
	if (packet->ip_version == 4) {
		masked[1] = masked[8] = masked[10] = masked[11] = 0xff;
	} else {
		masked[0] |= 0x0f;
		memset(masked + 1, 0xff, 3);
		masked[7] = 0xff;
	}
	memset(bth - 2, 0xff, 2);
	bth[4] = 0xff;
	return icrc_add(0xdebb20e3u, masked, len);
}

/* Continue with @len bytes from @offset on; false: there are not so many */
static bool icrc_pieces(uint32_t *crc, const struct iovec *iov, uint32_t iovcnt, size_t offset,
			size_t len)
{
	for (; iovcnt && len; iov++, iovcnt--) {
		size_t n;

		if (offset >= iov->iov_len) {
			offset -= iov->iov_len;
			continue;
		}
		n = iov->iov_len - offset < len ? iov->iov_len - offset : len;
		*crc = icrc_add(*crc, (const uint8_t *)iov->iov_base + offset, n);
		offset = 0;
		len -= n;
	}
	return !len;
}

bool roce_icrc_ok(const struct roce_packet *packet, const struct iovec *iov, uint32_t iovcnt)
{
	uint32_t crc = icrc_headers(packet);

	budget_charge(budget_bytes(packet->payload_len));
	/* A CRC goes on over its own complement to a constant. */
	return icrc_pieces(&crc, iov, iovcnt, packet->payload_off,
			   packet->payload_len + packet->pad + ROCE_ICRC_LEN) &&
	       crc == 0xdebb20e3u;
}

void roce_grh(const struct roce_packet *packet, uint8_t grh[ROCE_GRH_LEN])
{
	if (packet->ip_version == 6) {
		memcpy(grh, packet->headers + packet->ip_off, IP6_LEN);
		return;
	}
	memset(grh, 0, ROCE_GRH_LEN - IP4_LEN);
	memcpy(grh + ROCE_GRH_LEN - IP4_LEN, packet->headers + packet->ip_off, IP4_LEN);
}

bool roce_from_peer(const struct roce_packet *packet, const struct roce_address *address)
{
	const uint8_t *ip = packet->headers + packet->ip_off;

	if (packet->ip_version != address->ip_version)
		return false;
	if (packet->ip_version == 4)
		return !memcmp(ip + 12, address->dst_ip, 4) && !memcmp(ip + 16, address->src_ip, 4);
	return !memcmp(ip + 8, address->dst_ip, 16) && !memcmp(ip + 24, address->src_ip, 16);
}

void roce_reply_address(const struct roce_packet *packet, struct roce_address *address)
{
	const uint8_t *ip = packet->headers + packet->ip_off;

	memset(address, 0, sizeof(*address));
	memcpy(address->dst_mac, packet->headers + 6, 6);
	memcpy(address->src_mac, packet->headers, 6);
	address->ip_version = packet->ip_version;
	address->udp_source = get16(packet->headers + packet->bth_off - UDP_LEN);
	if (packet->ip_version == 4) {
		address->traffic_class = ip[1];
		address->hop_limit = ip[8];
		memcpy(address->dst_ip, ip + 12, 4);
		memcpy(address->src_ip, ip + 16, 4);
		return;
	}
	address->flow_label = get32(ip) & 0xfffff;
	address->traffic_class = (uint8_t)(get16(ip) >> 4);
	address->hop_limit = ip[7];
	memcpy(address->dst_ip, ip + 8, 16);
	memcpy(address->src_ip, ip + 24, 16);
}

static void build_ip4(uint8_t *ip, const struct roce_address *address, uint32_t total)
{
	memset(ip, 0, 12);
	ip[0] = 0x45;
	ip[1] = address->traffic_class;
	put16(ip + 2, total);
	ip[6] = 0x40; /* do not fragment */
	ip[8] = address->hop_limit;
	ip[9] = PROTOCOL_UDP;
	memcpy(ip + 12, address->src_ip, 4);
	memcpy(ip + 16, address->dst_ip, 4);
	put16(ip + 10, (uint16_t)~ip4_sum(ip));
}

static void build_ip6(uint8_t *ip, const struct roce_address *address, uint32_t payload)
{
	put32(ip,
	      6u << 28 | (uint32_t)address->traffic_class << 20 | (address->flow_label & 0xfffff));
	put16(ip + 4, payload);
	ip[6] = PROTOCOL_UDP;
	ip[7] = address->hop_limit;
	memcpy(ip + 8, address->src_ip, 16);
	memcpy(ip + 24, address->dst_ip, 16);
}

/* BTH and what the opcode adds */
static void build_transport(const struct roce_packet *packet, uint32_t has, uint8_t *data)
{
	memset(data, 0, BTH_LEN);
	data[0] = packet->service | packet->operation;
	/* MigReq is 1: "migrated", as always where paths do not migrate (IBA 9.2.3, 17.2.8) */
	data[1] = (uint8_t)((packet->solicited ? 0x80 : 0) | 0x40 | packet->pad << 4);
	put16(data + 2, packet->pkey);
	put24(data + 5, packet->dest_qpn);
	data[8] = packet->ack_request ? 0x80 : 0;
	put24(data + 9, packet->psn);
	data += BTH_LEN;
	if (ADDS(has, HAS_DETH)) {
		put32(data, packet->qkey);
		put32(data + 4, packet->src_qpn & ROCE_QPN_MASK);
		data += 8;
	}
	if (ADDS(has, HAS_RETH)) {
		put64(data, packet->va);
		put32(data + 8, packet->rkey);
		put32(data + 12, packet->length);
		data += 16;
	}
	if (ADDS(has, HAS_AETH)) {
		data[0] = packet->syndrome;
		put24(data + 1, packet->msn);
		data += 4;
	}
	if (ADDS(has, HAS_IMM))
		memcpy(data, &packet->imm, sizeof(packet->imm));
}

void roce_build(struct roce_packet *packet, const struct roce_address *address)
{
	const uint32_t has = headers_of(packet->service, packet->operation);
	const uint32_t ip = ETH_LEN + ETHERTYPE_LEN;
	const uint32_t udp = ip + (address->ip_version == 4 ? IP4_LEN : IP6_LEN);
	const uint32_t header_len = headers_len(has);
	uint8_t *data = packet->headers;
	uint32_t udp_len;

	packet->pad = -packet->payload_len & 3;
	packet->ip_version = address->ip_version;
	packet->ip_off = (uint8_t)ip;
	packet->bth_off = (uint8_t)(udp + UDP_LEN);
	packet->payload_off = (uint8_t)(udp + UDP_LEN + header_len);
	packet->has_imm = ADDS(has, HAS_IMM);
	udp_len = UDP_LEN + header_len + packet->payload_len + packet->pad + ROCE_ICRC_LEN;

	memcpy(data, address->dst_mac, 6);
	memcpy(data + 6, address->src_mac, 6);
	if (address->ip_version == 4) {
		put16(data + ETH_LEN, ETHERTYPE_IP4);
		build_ip4(data + ip, address, IP4_LEN + udp_len);
	} else {
		put16(data + ETH_LEN, ETHERTYPE_IP6);
		build_ip6(data + ip, address, udp_len);
	}
	put16(data + udp, address->udp_source);
	put16(data + udp + 2, ROCE_UDP_PORT);
	put16(data + udp + 4, udp_len);
	put16(data + udp + 6, 0); /* no checksum: the ICRC does, annex A17.3.1.2 */
	build_transport(packet, has, data + udp + UDP_LEN);
}

uint32_t roce_trailer(const struct roce_packet *packet, const struct iovec *payload,
		      uint32_t iovcnt, uint8_t trailer[ROCE_TRAILER_MAX])
{
	uint32_t crc = icrc_headers(packet);

	icrc_pieces(&crc, payload, iovcnt, 0, packet->payload_len);
	memset(trailer, 0, packet->pad);
	crc = ~icrc_add(crc, trailer, packet->pad);
	for (unsigned int i = 0; i < ROCE_ICRC_LEN; i++)
		trailer[packet->pad + i] = (uint8_t)(crc >> 8 * i);
	return packet->pad + ROCE_ICRC_LEN;
}

uint32_t roce_trailer_open(const struct roce_packet *packet, uint8_t trailer[ROCE_TRAILER_MAX])
{
	memset(trailer, 0, ROCE_TRAILER_MAX);
	return packet->pad + ROCE_ICRC_LEN;
}
