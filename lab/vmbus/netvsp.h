/* SPDX-License-Identifier: GPL-2.0 */
/*
 * netvsp.h - a synthetic network card at the host's end of its channels.
 *
 * NVSP is the protocol between host and guest on the channels of a card; RNDIS messages travel in
 * NVSP packets, as control or as data. Layouts and numbers: Linux drivers/net/hyperv/hyperv_net.h
 * and include/linux/rndis.h; the same in DPDK's drivers/net/netvsc/hn_nvs.h, rndis.h and ndis.h.
 */
#ifndef MANAKIN_LAB_NETVSP_H
#define MANAKIN_LAB_NETVSP_H

#include <linux/etherdevice.h>
#include <linux/hyperv.h>
#include <linux/workqueue.h>

#include "vmbus.h"

struct link;
struct link_header;

#define NVSP_VERSION_1	0x00002u
#define NVSP_VERSION_2	0x30002u
#define NVSP_VERSION_4	0x40000u
#define NVSP_VERSION_5	0x50000u
#define NVSP_VERSION_6	0x60000u
#define NVSP_VERSION_61 0x60001u

enum nvsp_type {
	NVSP_INIT = 1,
	NVSP_INIT_COMPLETE = 2,
	NVSP_NDIS_VERSION = 100,
	NVSP_RECEIVE_BUFFER = 101,
	NVSP_RECEIVE_BUFFER_COMPLETE = 102,
	NVSP_REVOKE_RECEIVE_BUFFER = 103,
	NVSP_SEND_BUFFER = 104,
	NVSP_SEND_BUFFER_COMPLETE = 105,
	NVSP_REVOKE_SEND_BUFFER = 106,
	NVSP_RNDIS = 107,
	NVSP_RNDIS_COMPLETE = 108,
	NVSP_NDIS_CONFIG = 125,
	NVSP_VF_ASSOCIATION = 128,
	NVSP_SWITCH_DATA_PATH = 129,
	NVSP_SUBCHANNEL = 133,
	NVSP_INDIRECTION_TABLE = 134,
};

enum nvsp_status { NVSP_SUCCESS = 1, NVSP_FAIL = 2, NVSP_BAD_RNDIS = 5 };

#define NVSP_MESSAGE_WORDS   10u /* 40 bytes: every message is padded to the longest */
#define NVSP_RECEIVE_ID	     0xcafe
#define NVSP_NO_SECTION	     0xffffffffu
#define NVSP_SUBCHANNEL_ADD  1u
#define NVSP_CAPABILITY_VF   BIT(2)
#define NVSP_SEND_TABLE_SIZE 16u

#define NVSP_CHANNEL_DATA    0u /* channel_type of an RNDIS message */
#define NVSP_CHANNEL_CONTROL 1u

#define SEND_SECTION_SIZE    6144u /* bytes; as on Azure's hosts */
#define RECEIVE_SECTION_MIN  1728u /* the same, at an MTU of 1500 */
#define RECEIVE_OVERHEAD     128u  /* bytes of a section besides the frame, at most */
#define RECEIVE_SECTIONS_MAX 18811u
#define PACKETS_PER_MESSAGE  8u	   /* RNDIS data messages in one NVSP packet */
#define MESSAGE_MAX	     65536u /* bytes of an NVSP packet's RNDIS messages */

#define RSS_KEY_SIZE   40u
#define RSS_TABLE_SIZE 128u

/**
 * struct host_gpadl - memory that the guest lends
 * @node:	in netvsp.gpadls
 * @handle:	its name
 * @buffer:	the guest's own mapping of it, valid until the handle is torn down
 * @size:	in bytes
 */
struct host_gpadl {
	struct list_head node;
	u32 handle;
	u8 *buffer;
	u32 size;
};

/**
 * struct netvsp - a card; under host_lock, except what is set once
 * @node:	in the host's list
 * @link:	the cable to its adapter; set once
 * @port:	number of the adapter's port; set once
 * @mac:	its address, also the vPort's; set once
 * @mtu:	bytes of L3; set once
 * @serial:	of the VF that belongs to it; set once
 * @up:		does the adapter's port have a link?
 * @vf:		is the VF present?
 * @on_vf:	the driver has switched the data path to the VF
 * @device:	in the guest
 * @channels:	open ones, by index
 * @n_channels:	one more than the highest open index
 * @gpadls:	memory that the guest lends
 * @version:	NVSP's, 0 until it is negotiated
 * @frame_max:	bytes of a frame, from the guest's NDIS configuration
 * @vf_wanted:	does the driver want messages about the VF?
 * @rndis_up:	RNDIS has been initialized
 * @filter:	packets that the driver wants, as in
 *		OID_GEN_CURRENT_PACKET_FILTER
 * @receive:	receive buffer, or NULL
 * @section_size, @sections: how it is divided
 * @busy:	sections that the guest has not returned, a bit each
 * @next_section: where to start looking for a free one
 * @send:	send buffer, or NULL
 * @rss, @key, @table, @table_size: receive-side scaling as the driver set it
 * @tell_vf, @tell_up: pending messages to the driver
 * @tell_table:	the same for the table that spreads sends
 * @offers:	creates sub-channels
 * @subchannels: how many the driver was promised
 * @rescind:	removes the card
 * @sent, @received, @dropped: frames
 */
struct netvsp {
	struct list_head node;
	struct link *link;
	u8 port;
	u8 mac[ETH_ALEN];
	u16 mtu;
	u32 serial;
	bool up;
	bool vf;
	bool on_vf;
	struct hv_device *device;
	struct lab_channel *channels[LAB_CHANNELS_MAX];
	unsigned int n_channels;
	struct list_head gpadls;
	u32 version;
	u32 frame_max;
	bool vf_wanted;
	bool rndis_up;
	u32 filter;
	struct host_gpadl *receive;
	u32 section_size;
	u32 sections;
	unsigned long *busy;
	u32 next_section;
	struct host_gpadl *send;
	bool rss;
	u8 key[RSS_KEY_SIZE];
	u8 table[RSS_TABLE_SIZE];
	unsigned int table_size;
	bool tell_vf;
	bool tell_up;
	bool tell_table;
	struct work_struct offers;
	unsigned int subchannels;
	struct work_struct rescind;
	u64 sent;
	u64 received;
	u64 dropped;
};

/* netvsp.c: the card, and NVSP */
struct netvsp *netvsp_create(struct link *link, u8 port, const u8 mac[ETH_ALEN], u16 mtu,
			     u32 serial);
int netvsp_offer(struct netvsp *nic);
void netvsp_destroy(struct netvsp *nic);
void netvsp_set_state(struct netvsp *nic, bool up, bool vf);
void netvsp_stop_offers(struct netvsp *nic);
int netvsp_add_gpadl(struct netvsp *nic, u32 handle, void *buffer, u32 size);
void netvsp_remove_gpadl(struct netvsp *nic, u32 handle);
void netvsp_opened(struct lab_channel *channel);
void netvsp_closed(struct lab_channel *channel);
bool netvsp_serve(struct netvsp *nic);
u8 *netvsp_section(struct netvsp *nic, u32 *section);
int netvsp_hand_over(struct netvsp *nic, struct lab_channel *channel, u32 type, u32 section,
		     u32 len);

/* rndis.c: control messages */
int rndis_control(struct netvsp *nic, const u8 *message, u32 len);
int rndis_indicate(struct netvsp *nic, u32 status);

/* data.c: frames */
int data_send(struct netvsp *nic, const u8 *messages, u32 len);
void data_receive(struct netvsp *nic, const struct link_header *header, const u8 *frame, u32 len);

/**
 * struct headers - where a frame's headers are
 * @l3:		offset of the IP header, in bytes
 * @l4:		offset of the TCP or UDP header
 * @l4_len:	bytes from there to the end of the IP packet
 * @version:	4 or 6; 0: nothing found, it is not an IP packet or is truncated
 * @protocol:	IPPROTO_TCP or IPPROTO_UDP with a whole header; 0: any other, or a fragment
 */
struct headers {
	u32 l3;
	u32 l4;
	u32 l4_len;
	u8 version;
	u8 protocol;
};

/* headers.c */
void headers_find(struct headers *headers, const u8 *frame, u32 len);
__sum16 headers_pseudo(const struct headers *headers, const u8 *frame);
bool headers_checksum_right(const struct headers *headers, const u8 *frame);
u32 headers_hash(const struct headers *headers, const u8 *frame, const u8 key[RSS_KEY_SIZE]);

#endif
