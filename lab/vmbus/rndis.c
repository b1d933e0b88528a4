// SPDX-License-Identifier: GPL-2.0
/*
 * rndis.c - RNDIS control messages: initialize, query, set.
 *
 * A message is its type, its length, and words by type. Answers go to the guest in a section of the
 * receive buffer. The objects (OIDs) are those that hv_netvsc and DPDK's netvsc driver use; any
 * other is RNDIS_STATUS_NOT_SUPPORTED, as from a real host. Layouts: hyperv_net.h and
 * linux/rndis.h, as in netvsp.h.
 */
#include <linux/rndis.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "link.h"
#include "netvsp.h"

#define OID_RSS_CAPABILITIES	 0x00010203u
#define OID_RSS_PARAMETERS	 0x00010204u
#define OID_OFFLOAD_PARAMETERS	 0xfc01020cu
#define OID_OFFLOAD_CAPABILITIES 0xfc01020du

#define OBJECT_RSS_CAPABILITIES 0x88
#define OBJECT_RSS_PARAMETERS	0x89
#define OBJECT_OFFLOAD		0xa7

#define ANSWER_MAX    512u	/* bytes */
#define LINK_SPEED    1000000000u /* 100 Gb/s, in units of 100 b/s */
#define LARGE_MAX     15000u	/* bytes of a large send; has to fit LINK_FRAME_MAX */
#define QUEUES_MIN    8u	/* offered even if there are fewer CPUs: DPDK uses any number */
#define RSS_DISABLE   0x0010u	/* in ndis_recv_scale_param.flag */
#define RSS_NO_TABLE  0x0004u
#define RSS_NO_KEY    0x0008u

/* NDIS's offload capabilities; u32 each except the head. */
struct offload {
	u8 type;
	u8 revision;
	u16 size;
	u32 ip4_tx_encapsulation, ip4_tx_checksum, ip4_rx_encapsulation, ip4_rx_checksum;
	u32 ip6_tx_encapsulation, ip6_tx_checksum, ip6_rx_encapsulation, ip6_rx_checksum;
	u32 large_v1[4];
	u32 ipsec_v1[7];
	u32 large4_encapsulation, large4_max, large4_segments;
	u32 large6_encapsulation, large6_max, large6_segments, large6_options;
	u32 flags;
	u8 later[40]; /* IPsec v2, receive coalescing, encapsulation: none */
};

#define ENCAPSULATION_8023 0x000eu /* plain, and with a tag in or beside the frame */
#define CHECKSUM4	   (0x100u | 0x040u | 0x010u | 0x004u | 0x001u) /* IP, UDP, TCP, options */
#define CHECKSUM6	   (0x040u | 0x010u | 0x004u | 0x001u)
#define LARGE6_OPTIONS	   (0x001u | 0x004u)

static u32 query_offload(u8 *to, const u8 *input, u32 input_len)
{
	struct offload offload = {
		.type = OBJECT_OFFLOAD,
		.ip4_tx_encapsulation = ENCAPSULATION_8023,
		.ip4_tx_checksum = CHECKSUM4,
		.ip4_rx_encapsulation = ENCAPSULATION_8023,
		.ip4_rx_checksum = CHECKSUM4,
		.ip6_tx_encapsulation = ENCAPSULATION_8023,
		.ip6_tx_checksum = CHECKSUM6,
		.ip6_rx_encapsulation = ENCAPSULATION_8023,
		.ip6_rx_checksum = CHECKSUM6,
		.large4_encapsulation = ENCAPSULATION_8023,
		.large4_max = LARGE_MAX,
		.large4_segments = 2,
		.large6_encapsulation = ENCAPSULATION_8023,
		.large6_max = LARGE_MAX,
		.large6_segments = 2,
		.large6_options = LARGE6_OPTIONS,
	};

	/* The request states which revision it knows, and its length. */
	if (input_len < 4 || input[0] != OBJECT_OFFLOAD)
		return 0;
	offload.revision = input[1];
	offload.size = clamp(get_unaligned_le16(input + 2),
			     (u16)offsetof(struct offload, later), (u16)sizeof(offload));
	memcpy(to, &offload, offload.size);
	return offload.size;
}

static u32 query_rss(u8 *to)
{
	const struct {
		u8 type;
		u8 revision;
		u16 size;
		u32 flags;
		u32 interrupts;
		u32 queues;
		u16 table_size;
	} __packed capabilities = {
		.type = OBJECT_RSS_CAPABILITIES,
		.revision = 2,
		.size = sizeof(capabilities),
		.flags = 0x0f000701, /* TCP over IPv4 and IPv6, Toeplitz; MSI-X */
		.interrupts = num_online_cpus(),
		.queues = clamp(num_online_cpus(), QUEUES_MIN, LAB_CHANNELS_MAX),
		.table_size = RSS_TABLE_SIZE,
	};

	memcpy(to, &capabilities, sizeof(capabilities));
	return sizeof(capabilities);
}

/**
 * query() - answer a query
 * @nic:	the card
 * @oid:	the object
 * @input:	data of the query
 * @input_len:	bytes
 * @to:		the answer, at most ANSWER_MAX - 24 bytes
 * @len:	its length
 *
 * Return: an RNDIS status
 */
static u32 query(struct netvsp *nic, u32 oid, const u8 *input, u32 input_len, u8 *to, u32 *len)
{
	static const char name[] = "Network Adapter";

	*len = sizeof(u32);
	switch (oid) {
	case RNDIS_OID_GEN_MAXIMUM_FRAME_SIZE:
		put_unaligned_le32(nic->mtu, to);
		break;
	case RNDIS_OID_GEN_MAXIMUM_TOTAL_SIZE:
		put_unaligned_le32(nic->mtu + ETH_HLEN, to);
		break;
	case RNDIS_OID_GEN_LINK_SPEED:
		put_unaligned_le32(LINK_SPEED, to);
		break;
	case RNDIS_OID_GEN_MEDIA_CONNECT_STATUS:
		put_unaligned_le32(!nic->up, to);
		break;
	case RNDIS_OID_GEN_CURRENT_PACKET_FILTER:
		put_unaligned_le32(nic->filter, to);
		break;
	case RNDIS_OID_GEN_FRIENDLY_NAME: /* in UTF-16 */
		for (unsigned int i = 0; i < sizeof(name); i++)
			put_unaligned_le16(name[i], to + 2 * i);
		*len = 2 * (sizeof(name) - 1);
		break;
	case RNDIS_OID_802_3_PERMANENT_ADDRESS:
	case RNDIS_OID_802_3_CURRENT_ADDRESS:
		memcpy(to, nic->mac, ETH_ALEN);
		*len = ETH_ALEN;
		break;
	case OID_OFFLOAD_CAPABILITIES:
		*len = query_offload(to, input, input_len);
		return *len ? RNDIS_STATUS_SUCCESS : RNDIS_STATUS_INVALID_DATA;
	case OID_RSS_CAPABILITIES:
		*len = query_rss(to);
		break;
	default:
		*len = 0;
		return RNDIS_STATUS_NOT_SUPPORTED;
	}
	return RNDIS_STATUS_SUCCESS;
}

/**
 * set_rss() - spread received packets
 * @nic:	the card
 * @input:	NDIS_RECEIVE_SCALE_PARAMETERS: flags at 4, size and offset of the table
 *		at 12 and 16, of the key at 20 and 24
 * @len:	bytes
 *
 * Return: an RNDIS status
 */
static u32 set_rss(struct netvsp *nic, const u8 *input, u32 len)
{
	u32 flags, table_size, table_at, key_size, key_at;

	if (len < 28 || input[0] != OBJECT_RSS_PARAMETERS)
		return RNDIS_STATUS_INVALID_LENGTH;
	flags = get_unaligned_le16(input + 4);
	table_size = get_unaligned_le16(input + 12);
	table_at = get_unaligned_le32(input + 16);
	key_size = get_unaligned_le16(input + 20);
	key_at = get_unaligned_le32(input + 24);
	if (flags & RSS_DISABLE) {
		nic->rss = false;
		return RNDIS_STATUS_SUCCESS;
	}
	if (!(flags & RSS_NO_TABLE)) {
		if (table_at > len || table_size > len - table_at || !table_size ||
		    table_size > RSS_TABLE_SIZE * 4)
			return RNDIS_STATUS_INVALID_DATA;
		nic->table_size = table_size / 4;
		for (unsigned int i = 0; i < nic->table_size; i++)
			nic->table[i] = input[table_at + 4 * i];
	}
	if (!(flags & RSS_NO_KEY)) {
		if (key_at > len || key_size > len - key_at || key_size != RSS_KEY_SIZE)
			return RNDIS_STATUS_INVALID_DATA;
		memcpy(nic->key, input + key_at, RSS_KEY_SIZE);
	}
	nic->rss = true;
	return RNDIS_STATUS_SUCCESS;
}

static u32 set(struct netvsp *nic, u32 oid, const u8 *input, u32 len)
{
	switch (oid) {
	case RNDIS_OID_GEN_CURRENT_PACKET_FILTER:
		if (len < sizeof(u32))
			return RNDIS_STATUS_INVALID_LENGTH;
		nic->filter = get_unaligned_le32(input);
		return RNDIS_STATUS_SUCCESS;
	case OID_OFFLOAD_PARAMETERS: /* every packet requests its own offloads */
		return RNDIS_STATUS_SUCCESS;
	case OID_RSS_PARAMETERS:
		return set_rss(nic, input, len);
	default:
		return RNDIS_STATUS_NOT_SUPPORTED;
	}
}

/**
 * answer() - send a control message to the guest
 * @nic:	the card
 * @words:	it: type, length, and what follows
 * @len:	bytes
 *
 * Return: 0 or a negative errno
 */
static int answer(struct netvsp *nic, const void *words, u32 len)
{
	u32 section;
	u8 *to = netvsp_section(nic, &section);

	if (!to || !nic->channels[0])
		return -ENOBUFS;
	memcpy(to, words, len);
	return netvsp_hand_over(nic, nic->channels[0], NVSP_CHANNEL_CONTROL, section, len);
}

/* Query and set share their layout: id, OID, bytes, where from the id on, 0. */
static int ask(struct netvsp *nic, const u8 *message, u32 len, bool setting)
{
	u32 reply[ANSWER_MAX / 4] = { 0 };
	u32 oid, size, at, got = 0;
	const u8 *input;

	if (len < 28)
		return -EPROTO;
	oid = get_unaligned_le32(message + 12);
	size = get_unaligned_le32(message + 16);
	at = get_unaligned_le32(message + 20);
	if (at > len - 8 || size > len - 8 - at)
		return -EPROTO;
	input = message + 8 + at;
	reply[2] = get_unaligned_le32(message + 8);
	if (setting) {
		reply[0] = RNDIS_MSG_SET_C;
		reply[1] = 16;
		reply[3] = set(nic, oid, input, size);
	} else {
		reply[0] = RNDIS_MSG_QUERY_C;
		reply[3] = query(nic, oid, input, size, (u8 *)&reply[6], &got);
		reply[1] = 24 + got;
		reply[4] = got;
		reply[5] = 16; /* from the id on */
	}
	return answer(nic, reply, ALIGN(reply[1], 4));
}

/**
 * rndis_control() - handle a control message from the guest
 * @nic:	the card
 * @message:	a copy of it
 * @len:	bytes
 *
 * Return: 0, or a negative errno if it is invalid
 */
int rndis_control(struct netvsp *nic, const u8 *message, u32 len)
{
	u32 type, id;

	if (len < 12 || get_unaligned_le32(message + 4) > len)
		return -EPROTO;
	len = get_unaligned_le32(message + 4);
	type = get_unaligned_le32(message);
	id = get_unaligned_le32(message + 8);
	switch (type) {
	case RNDIS_MSG_INIT: {
		const u32 reply[13] = {
			RNDIS_MSG_INIT_C, sizeof(reply), id, RNDIS_STATUS_SUCCESS,
			1, 0,		     /* version 1.0 */
			1, 0,		     /* connectionless; 802.3 */
			PACKETS_PER_MESSAGE, 0x4000,
			3,		     /* messages are aligned to 2^3 bytes */
		};
		int err = answer(nic, reply, sizeof(reply));

		nic->rndis_up = !err;
		return err;
	}
	case RNDIS_MSG_QUERY:
	case RNDIS_MSG_SET:
		return ask(nic, message, len, type == RNDIS_MSG_SET);
	case RNDIS_MSG_KEEPALIVE: {
		const u32 reply[4] = { RNDIS_MSG_KEEPALIVE_C, sizeof(reply), id,
				       RNDIS_STATUS_SUCCESS };

		return answer(nic, reply, sizeof(reply));
	}
	case RNDIS_MSG_RESET: {
		const u32 reply[4] = { RNDIS_MSG_RESET_C, sizeof(reply), RNDIS_STATUS_SUCCESS, 1 };

		nic->filter = 0;
		return answer(nic, reply, sizeof(reply));
	}
	case RNDIS_MSG_HALT:
		nic->rndis_up = false;
		nic->filter = 0;
		return 0;
	default:
		return -EPROTO;
	}
}

/**
 * rndis_indicate() - notify the driver that the card's state has changed
 * @nic:	the card
 * @status:	RNDIS_STATUS_MEDIA_CONNECT or _DISCONNECT
 *
 * Return: 0, or a negative errno if it was not notified
 */
int rndis_indicate(struct netvsp *nic, u32 status)
{
	const u32 message[5] = { RNDIS_MSG_INDICATE, sizeof(message), status, 0, 0 };

	return answer(nic, message, sizeof(message));
}
