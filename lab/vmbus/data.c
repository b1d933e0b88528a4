// SPDX-License-Identifier: GPL-2.0
/*
 * data.c - frames, as RNDIS data messages.
 *
 *	type (1), length of all			8 bytes
 *	where the frame is, how long;		36 bytes; offsets count from here
 *	    where per-packet information is
 *	per-packet information			each: size, type, offset of the value, value
 *	the frame
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/rndis.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/unaligned.h>

#include "link.h"
#include "netvsp.h"

#define HEAD	    8u	/* bytes: type and length */
#define DESCRIPTION 36u /* bytes after them */

enum information {
	INFO_CHECKSUM = 0,
	INFO_LARGE_SEND = 2,
	INFO_VLAN = 6,
	INFO_HASH = 9,
};
#define INFO_SIZE     16u /* bytes of one with a 4-byte value */
#define INFO_INTERNAL BIT(31)

#define SEND_TCP_CHECKSUM    BIT(2)
#define SEND_UDP_CHECKSUM    BIT(3)
#define SEND_IP_CHECKSUM     BIT(4)
#define RECEIVED_TCP_WRONG   BIT(0)
#define RECEIVED_UDP_WRONG   BIT(1)
#define RECEIVED_IP_WRONG    BIT(2)
#define RECEIVED_TCP_RIGHT   BIT(3)
#define RECEIVED_UDP_RIGHT   BIT(4)
#define RECEIVED_IP_RIGHT    BIT(5)
#define LARGE_SEGMENT_MASK   0xfffffu

#define FILTER_DIRECTED	     0x01u
#define FILTER_MULTICAST     0x06u /* some, or all */
#define FILTER_BROADCAST     0x08u
#define FILTER_PROMISCUOUS   0x20u

/**
 * struct request - what accompanies a frame to be sent
 * @checksum, @large, @vlan: values of the information, if present
 * @has:	a bit for each enum information that is present
 */
struct request {
	u32 checksum;
	u32 large;
	u32 vlan;
	u32 has;
};

/* Read per-packet information; -EPROTO if it is invalid. */
static int read_information(struct request *request, const u8 *at, u32 len)
{
	*request = (struct request){ 0 };
	while (len) {
		u32 size, type, offset, value;

		if (len < 12)
			return -EPROTO;
		size = get_unaligned_le32(at);
		type = get_unaligned_le32(at + 4);
		offset = get_unaligned_le32(at + 8);
		if (size < 12 || size > len || offset > size)
			return -EPROTO;
		if (size - offset >= sizeof(value)) {
			value = get_unaligned_le32(at + offset);
			if (type == INFO_CHECKSUM)
				request->checksum = value;
			else if (type == INFO_LARGE_SEND)
				request->large = value;
			else if (type == INFO_VLAN)
				request->vlan = value;
			if (type < 32)
				request->has |= BIT(type);
		}
		at += size;
		len -= size;
	}
	return 0;
}

/**
 * leave_checksum() - let the adapter finish a checksum
 * @header:	with the offload
 * @headers:	the frame's
 * @frame:	gets the pseudo-header's sum
 */
static void leave_checksum(struct link_header *header, const struct headers *headers, u8 *frame)
{
	u32 field = headers->protocol == IPPROTO_TCP ? offsetof(struct tcphdr, check) :
						       offsetof(struct udphdr, check);
	__sum16 sum = headers_pseudo(headers, frame);

	memcpy(frame + headers->l4 + field, &sum, sizeof(sum));
	header->flags |= cpu_to_le16(LINK_CHECKSUM_PARTIAL);
	header->checksum_start = cpu_to_le16(headers->l4);
	header->checksum_offset = cpu_to_le16(field);
}

static void finish_ip_checksum(const struct headers *headers, u8 *frame)
{
	struct iphdr ip;

	memcpy(&ip, frame + headers->l3, sizeof(ip));
	put_unaligned(0, (__sum16 *)(frame + headers->l3 + offsetof(struct iphdr, check)));
	ip.check = ip_fast_csum(frame + headers->l3, ip.ihl);
	memcpy(frame + headers->l3 + offsetof(struct iphdr, check), &ip.check, sizeof(ip.check));
}

/**
 * ask_large() - request a large send: the adapter segments it
 * @header:	with the offload
 * @frame:	its IP length is set, which the driver leaves open
 * @len:	bytes
 * @segment:	bytes of payload in each
 *
 * Return: 0, or -EPROTO if the frame is not as the driver describes it
 */
static int ask_large(struct link_header *header, u8 *frame, u32 len, u32 segment)
{
	u32 l3 = get_unaligned_be16(frame + 12) == ETH_P_8021Q ? VLAN_ETH_HLEN : ETH_HLEN;
	struct headers headers;
	u32 tcp_len;

	if (len < l3 + 40 || !segment || segment > U16_MAX)
		return -EPROTO;
	if (frame[l3] >> 4 == 4)
		put_unaligned_be16(len - l3, frame + l3 + 2);
	else
		put_unaligned_be16(len - l3 - 40, frame + l3 + 4);
	headers_find(&headers, frame, len);
	if (headers.protocol != IPPROTO_TCP)
		return -EPROTO;
	tcp_len = (frame[headers.l4 + 12] >> 4) * 4;
	if (tcp_len < sizeof(struct tcphdr) || tcp_len > headers.l4_len)
		return -EPROTO;
	if (headers.version == 4)
		finish_ip_checksum(&headers, frame);
	leave_checksum(header, &headers, frame);
	if (headers.l4_len - tcp_len <= segment)
		return 0;
	header->flags |= cpu_to_le16(headers.version == 4 ? LINK_LARGE4 : LINK_LARGE6);
	header->header_len = cpu_to_le16(headers.l4 + tcp_len);
	header->segment_size = cpu_to_le16(segment);
	return 0;
}

/**
 * send_frame() - put a frame on the cable
 * @nic:	whose
 * @frame:	an Ethernet frame
 * @len:	bytes
 * @request:	its offloads
 *
 * Return: 0, or -EPROTO if the request is invalid
 */
static int send_frame(struct netvsp *nic, const u8 *frame, u32 len, const struct request *request)
{
	struct link_header header = { .type = LINK_FRAME, .port = nic->port };
	bool tag = request->has & BIT(INFO_VLAN);
	struct headers headers;
	u8 *to;
	int err = 0;

	if (len < ETH_HLEN || len + VLAN_HLEN > LINK_FRAME_MAX)
		return -EPROTO;
	to = link_frame(nic->link);
	if (!to)
		return -EAGAIN;
	if (tag) {
		/* priority in bits 0-2, CFI in 3, VLAN in 4-15 */
		u16 tci = (request->vlan & 7) << 13 | (request->vlan & 8) << 9 |
			  (request->vlan >> 4 & 0xfff);

		memcpy(to, frame, 2 * ETH_ALEN);
		put_unaligned_be16(ETH_P_8021Q, to + 12);
		put_unaligned_be16(tci, to + 14);
		memcpy(to + 16, frame + 12, len - 12);
		len += VLAN_HLEN;
	} else {
		memcpy(to, frame, len);
	}
	if (request->has & BIT(INFO_LARGE_SEND) && request->large & LARGE_SEGMENT_MASK) {
		err = ask_large(&header, to, len, request->large & LARGE_SEGMENT_MASK);
	} else if (request->has & BIT(INFO_CHECKSUM)) {
		headers_find(&headers, to, len);
		if (request->checksum & SEND_IP_CHECKSUM && headers.version == 4)
			finish_ip_checksum(&headers, to);
		if (request->checksum & (SEND_TCP_CHECKSUM | SEND_UDP_CHECKSUM)) {
			if (headers.protocol)
				leave_checksum(&header, &headers, to);
			else
				err = -EPROTO;
		}
	}
	if (err) {
		nic->dropped++;
		return err;
	}
	nic->sent++;
	link_send(nic->link, &header, len);
	return 0;
}

/**
 * data_send() - the guest sends frames
 * @nic:	the card
 * @messages:	a copy of the RNDIS messages, one after the other
 * @len:	bytes
 *
 * Return: 0, or a negative errno if one of them is invalid
 */
int data_send(struct netvsp *nic, const u8 *messages, u32 len)
{
	struct request request;

	for (unsigned int n = 0; n < PACKETS_PER_MESSAGE && len >= HEAD + DESCRIPTION; n++) {
		u32 size = get_unaligned_le32(messages + 4), offset, bytes, info, info_len;
		int err;

		if (get_unaligned_le32(messages) != RNDIS_MSG_PACKET || size > len ||
		    size < HEAD + DESCRIPTION)
			return -EPROTO;
		offset = get_unaligned_le32(messages + 8);
		bytes = get_unaligned_le32(messages + 12);
		info = get_unaligned_le32(messages + 28);
		info_len = get_unaligned_le32(messages + 32);
		if (offset > size - HEAD || bytes > size - HEAD - offset ||
		    (info_len && (info > size - HEAD || info_len > size - HEAD - info)))
			return -EPROTO;
		err = read_information(&request, messages + HEAD + info, info_len);
		if (!err)
			err = send_frame(nic, messages + HEAD + offset, bytes, &request);
		if (err)
			return err;
		messages += size;
		len -= size;
	}
	/* Up to 7 bytes of padding may be left. */
	return len >= 8 ? -EPROTO : 0;
}

/* Does the driver want frames to this address? */
static bool wanted(const struct netvsp *nic, const u8 *frame)
{
	if (nic->filter & FILTER_PROMISCUOUS)
		return true;
	if (is_broadcast_ether_addr(frame))
		return nic->filter & FILTER_BROADCAST;
	if (is_multicast_ether_addr(frame))
		return nic->filter & FILTER_MULTICAST;
	return nic->filter & FILTER_DIRECTED && ether_addr_equal_unaligned(frame, nic->mac);
}

/* Add an information with a 4-byte value; returns the place for the next one. */
static u8 *add_information(u8 *to, u32 type, u32 value)
{
	put_unaligned_le32(INFO_SIZE, to);
	put_unaligned_le32(type, to + 4);
	put_unaligned_le32(12, to + 8);
	put_unaligned_le32(value, to + 12);
	return to + INFO_SIZE;
}

/* What the host reports about a received frame's checksums. */
static u32 judge(const struct headers *headers, const u8 *frame)
{
	bool right;
	u32 said = 0;

	if (headers->version == 4)
		said |= ip_fast_csum(frame + headers->l3, frame[headers->l3] & 15) ?
				RECEIVED_IP_WRONG :
				RECEIVED_IP_RIGHT;
	if (!headers->protocol)
		return said;
	/* A UDP checksum of 0 over IPv4 means none. */
	if (headers->protocol == IPPROTO_UDP && headers->version == 4 &&
	    !get_unaligned_be16(frame + headers->l4 + offsetof(struct udphdr, check)))
		return said;
	right = headers_checksum_right(headers, frame);
	if (headers->protocol == IPPROTO_TCP)
		return said | (right ? RECEIVED_TCP_RIGHT : RECEIVED_TCP_WRONG);
	return said | (right ? RECEIVED_UDP_RIGHT : RECEIVED_UDP_WRONG);
}

/**
 * data_receive() - a frame for a card has arrived on the cable
 * @nic:	the card
 * @header:	what came before it
 * @frame:	it, with any VLAN tag in it
 * @len:	bytes
 *
 * As on any wire, a frame for which there is no room is lost.
 */
void data_receive(struct netvsp *nic, const struct link_header *header, const u8 *frame, u32 len)
{
	struct lab_channel *channel = nic->channels[0];
	u8 *section, *at, *description;
	struct headers headers;
	u32 number, skip = 0;

	if (!channel || !nic->rndis_up || len < ETH_HLEN || !wanted(nic, frame))
		return;
	section = netvsp_section(nic, &number);
	if (!section || len + RECEIVE_OVERHEAD > nic->section_size) {
		nic->dropped++;
		return;
	}
	headers_find(&headers, frame, len);
	description = section + HEAD;
	memset(section, 0, HEAD + DESCRIPTION);
	at = description + DESCRIPTION;
	at = add_information(at, INFO_CHECKSUM, judge(&headers, frame));
	if (len >= VLAN_ETH_HLEN && get_unaligned_be16(frame + 12) == ETH_P_8021Q) {
		u16 tci = get_unaligned_be16(frame + 14);

		at = add_information(at, INFO_VLAN,
				     tci >> 13 | (tci >> 9 & 8) | (tci & 0xfff) << 4);
		skip = VLAN_HLEN;
	}
	if (nic->rss && headers.version) {
		u32 hash = headers_hash(&headers, frame, nic->key);
		u32 index = nic->table_size ? nic->table[hash % nic->table_size] : 0;

		at = add_information(at, INFO_HASH, hash);
		if (index < nic->n_channels && nic->channels[index])
			channel = nic->channels[index];
	}
	put_unaligned_le32(at - description, description);
	put_unaligned_le32(len - skip, description + 4);
	put_unaligned_le32(DESCRIPTION, description + 20);
	put_unaligned_le32(at - description - DESCRIPTION, description + 24);
	memcpy(at, frame, 2 * ETH_ALEN);
	memcpy(at + 2 * ETH_ALEN, frame + 2 * ETH_ALEN + skip, len - skip - 2 * ETH_ALEN);
	at += len - skip;
	put_unaligned_le32(RNDIS_MSG_PACKET, section);
	put_unaligned_le32(at - section, section + 4);
	if (netvsp_hand_over(nic, channel, NVSP_CHANNEL_DATA, number, at - section))
		nic->dropped++;
	else
		nic->received++;
}
