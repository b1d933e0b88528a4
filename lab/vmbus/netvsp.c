// SPDX-License-Identifier: GPL-2.0
/*
 * netvsp.c - a synthetic network card at the host's end: NVSP.
 *
 *	guest					host
 *	INIT, one version after the other	INIT_COMPLETE with success for one it knows
 *	NDIS_CONFIG (MTU, wants the VF?)
 *	NDIS_VERSION
 *	RECEIVE_BUFFER, SEND_BUFFER (GPADLs)	..._COMPLETE: how they are divided
 *	RNDIS control: INIT, QUERY, SET		answers through the receive buffer
 *						VF_ASSOCIATION, and again when it changes
 *	SUBCHANNEL				how many; offers; INDIRECTION_TABLE
 *	SWITCH_DATA_PATH			completion
 *	RNDIS data				completion when the frames are on the cable
 *	completion (section is free again)	RNDIS data, in sections of the receive buffer
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "link.h"
#include "netvsp.h"

#define PACKET_MAX   16384u /* bytes of a packet in the ring */
#define PACKETS_TURN 64u    /* of a channel, until the next channel's turn */
#define ROOM_ANSWER  1024u  /* bytes in the ring, enough to answer any packet */

/* The host's thread handles one packet at a time. */
static u64 packet_space[PACKET_MAX / sizeof(u64)];
static u8 message_space[MESSAGE_MAX] __aligned(8);

/* ---- GPADLs ---- */

static struct host_gpadl *find_gpadl(struct netvsp *nic, u32 handle)
{
	struct host_gpadl *gpadl;

	list_for_each_entry(gpadl, &nic->gpadls, node) {
		if (gpadl->handle == handle)
			return gpadl;
	}
	return NULL;
}

/**
 * netvsp_add_gpadl() - the guest lends memory
 * @nic:	to this card
 * @handle:	a new one
 * @buffer:	where it is in the guest
 * @size:	in bytes
 *
 * Return: 0 or a negative errno
 */
int netvsp_add_gpadl(struct netvsp *nic, u32 handle, void *buffer, u32 size)
{
	struct host_gpadl *gpadl;

	if (!size || !PAGE_ALIGNED(buffer))
		return -EINVAL;
	gpadl = kmalloc(sizeof(*gpadl), GFP_KERNEL);
	if (!gpadl)
		return -ENOMEM;
	gpadl->handle = handle;
	gpadl->buffer = buffer;
	gpadl->size = size;
	mutex_lock(&host_lock);
	list_add_tail(&gpadl->node, &nic->gpadls);
	mutex_unlock(&host_lock);
	return 0;
}

static void forget_receive_buffer(struct netvsp *nic)
{
	nic->receive = NULL;
	bitmap_free(nic->busy);
	nic->busy = NULL;
	nic->sections = 0;
}

/* The guest wants its memory back: the host does not access it after this. */
void netvsp_remove_gpadl(struct netvsp *nic, u32 handle)
{
	struct host_gpadl *gpadl;

	mutex_lock(&host_lock);
	gpadl = find_gpadl(nic, handle);
	if (gpadl) {
		if (nic->receive == gpadl)
			forget_receive_buffer(nic);
		if (nic->send == gpadl)
			nic->send = NULL;
		list_del(&gpadl->node);
		kfree(gpadl);
	}
	mutex_unlock(&host_lock);
}

/* ---- Sending to the guest ---- */

/**
 * inband() - send a message in a packet of its own
 * @channel:	where to
 * @type:	VM_PKT_COMP for an answer, else VM_PKT_DATA_INBAND
 * @id:		of the packet that is answered
 * @words:	the message
 * @n:		number of words, even
 *
 * Return: 0, or -EAGAIN without room
 */
static int inband(struct lab_channel *channel, u16 type, u64 id, const u32 *words, u32 n)
{
	struct vmpacket_descriptor head = {
		.type = type,
		.offset8 = sizeof(head) / 8,
		.len8 = (sizeof(head) + n * sizeof(*words)) / 8,
		.trans_id = id,
	};

	return host_write(channel, &head, sizeof(head), words, n * sizeof(*words));
}

/**
 * netvsp_section() - find a free section of the receive buffer
 * @nic:	the card
 * @section:	its number; it is busy after netvsp_hand_over()
 *
 * Return: where it is, or NULL if none is free
 */
u8 *netvsp_section(struct netvsp *nic, u32 *section)
{
	u32 at;

	if (!nic->receive)
		return NULL;
	at = find_next_zero_bit(nic->busy, nic->sections, nic->next_section);
	if (at >= nic->sections)
		at = find_first_zero_bit(nic->busy, nic->sections);
	if (at >= nic->sections)
		return NULL;
	*section = at;
	return nic->receive->buffer + (size_t)at * nic->section_size;
}

/**
 * netvsp_hand_over() - announce an RNDIS message in the receive buffer to the guest
 * @nic:	the card
 * @channel:	where to
 * @type:	NVSP_CHANNEL_DATA or NVSP_CHANNEL_CONTROL
 * @section:	where it is
 * @len:	in bytes
 *
 * Return: 0, or a negative errno: the section is still free
 */
int netvsp_hand_over(struct netvsp *nic, struct lab_channel *channel, u32 type, u32 section,
		     u32 len)
{
	const u32 message[NVSP_MESSAGE_WORDS] = { NVSP_RNDIS, type, NVSP_NO_SECTION, 0 };
	struct {
		struct vmtransfer_page_packet_header head;
		struct vmtransfer_page_range range;
	} __packed packet = {
		.head = {
			.d = {
				.type = VM_PKT_DATA_USING_XFER_PAGES,
				.flags = VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED,
				.offset8 = sizeof(packet) / 8,
				.len8 = (sizeof(packet) + sizeof(message)) / 8,
				.trans_id = section + 1,
			},
			.xfer_pageset_id = NVSP_RECEIVE_ID,
			.range_cnt = 1,
		},
		.range = { .byte_count = len, .byte_offset = section * nic->section_size },
	};
	int err;

	BUILD_BUG_ON(sizeof(packet) % 8);
	__set_bit(section, nic->busy); /* the guest may answer before host_write() returns */
	err = host_write(channel, &packet.head.d, sizeof(packet), message, sizeof(message));
	if (err) {
		__clear_bit(section, nic->busy);
		return err;
	}
	nic->next_section = section + 1;
	return 0;
}

/* ---- Messages from the guest ---- */

static u32 word(const u32 *message, u32 n_words, unsigned int index)
{
	return index < n_words ? message[index] : 0;
}

static void take_init(struct lab_channel *channel, const u32 *message, u32 n, u64 id)
{
	static const u32 known[] = { NVSP_VERSION_1, NVSP_VERSION_2, NVSP_VERSION_4,
				     NVSP_VERSION_5, NVSP_VERSION_6, NVSP_VERSION_61 };
	u32 answer[NVSP_MESSAGE_WORDS] = { NVSP_INIT_COMPLETE, 0, 34, NVSP_FAIL };
	u32 wanted = word(message, n, 2);

	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i] == wanted) {
			channel->nic->version = wanted;
			answer[1] = wanted;
			answer[3] = NVSP_SUCCESS;
		}
	}
	inband(channel, VM_PKT_COMP, id, answer, NVSP_MESSAGE_WORDS);
}

static void take_receive_buffer(struct lab_channel *channel, const u32 *message, u32 n, u64 id)
{
	u32 answer[NVSP_MESSAGE_WORDS] = { NVSP_RECEIVE_BUFFER_COMPLETE, NVSP_FAIL };
	struct netvsp *nic = channel->nic;
	struct host_gpadl *gpadl = find_gpadl(nic, word(message, n, 1));
	u32 size, sections;
	unsigned long *busy;

	size = max(RECEIVE_SECTION_MIN, ALIGN(nic->frame_max + RECEIVE_OVERHEAD, 64));
	sections = gpadl ? min(gpadl->size / size, RECEIVE_SECTIONS_MAX) : 0;
	busy = sections ? bitmap_zalloc(sections, GFP_KERNEL) : NULL;
	if (busy) {
		forget_receive_buffer(nic);
		nic->receive = gpadl;
		nic->section_size = size;
		nic->sections = sections;
		nic->busy = busy;
		nic->next_section = 0;
		answer[1] = NVSP_SUCCESS;
		answer[2] = 1; /* one kind of section: offset, size, number, end */
		answer[4] = size;
		answer[5] = sections;
		answer[6] = sections * size;
	}
	inband(channel, VM_PKT_COMP, id, answer, NVSP_MESSAGE_WORDS);
}

static void take_send_buffer(struct lab_channel *channel, const u32 *message, u32 n, u64 id)
{
	u32 answer[NVSP_MESSAGE_WORDS] = { NVSP_SEND_BUFFER_COMPLETE, NVSP_FAIL,
					   SEND_SECTION_SIZE };
	struct host_gpadl *gpadl = find_gpadl(channel->nic, word(message, n, 1));

	if (gpadl) {
		channel->nic->send = gpadl;
		answer[1] = NVSP_SUCCESS;
	}
	inband(channel, VM_PKT_COMP, id, answer, NVSP_MESSAGE_WORDS);
}

static void take_subchannel(struct lab_channel *channel, const u32 *message, u32 n, u64 id)
{
	u32 answer[NVSP_MESSAGE_WORDS] = { NVSP_SUBCHANNEL, NVSP_FAIL };
	struct netvsp *nic = channel->nic;
	u32 wanted = word(message, n, 2);

	if (word(message, n, 1) == NVSP_SUBCHANNEL_ADD && wanted && !nic->subchannels) {
		nic->subchannels = min(wanted, LAB_CHANNELS_MAX - 1);
		answer[1] = NVSP_SUCCESS;
		answer[2] = nic->subchannels;
	}
	inband(channel, VM_PKT_COMP, id, answer, NVSP_MESSAGE_WORDS);
	if (answer[1] == NVSP_SUCCESS)
		schedule_work(&nic->offers);
}

/* The driver switches the data path to the VF, or back. */
static void switch_path(struct netvsp *nic, bool vf)
{
	nic->on_vf = vf;
	link_say_path(nic->link, nic->port, vf);
}

/* Not RNDIS: a message that fits into the packet. */
static void take_message(struct lab_channel *channel, const u32 *message, u32 n,
			 const struct vmpacket_descriptor *head)
{
	struct netvsp *nic = channel->nic;

	switch (word(message, n, 0)) {
	case NVSP_INIT:
		take_init(channel, message, n, head->trans_id);
		return;
	case NVSP_NDIS_CONFIG:
		/* MTU with the Ethernet header; 64 bits of capabilities */
		nic->frame_max = clamp(word(message, n, 1), (u32)ETH_FRAME_LEN,
				       LINK_FRAME_MAX) + 4;
		nic->vf_wanted = word(message, n, 3) & NVSP_CAPABILITY_VF;
		return;
	case NVSP_NDIS_VERSION:
		return;
	case NVSP_RECEIVE_BUFFER:
		take_receive_buffer(channel, message, n, head->trans_id);
		return;
	case NVSP_REVOKE_RECEIVE_BUFFER:
		forget_receive_buffer(nic);
		break;
	case NVSP_SEND_BUFFER:
		take_send_buffer(channel, message, n, head->trans_id);
		return;
	case NVSP_REVOKE_SEND_BUFFER:
		nic->send = NULL;
		break;
	case NVSP_SUBCHANNEL:
		take_subchannel(channel, message, n, head->trans_id);
		return;
	case NVSP_SWITCH_DATA_PATH:
		switch_path(nic, word(message, n, 1) == 1);
		break;
	default:
		pr_notice_ratelimited("the host does not know NVSP message %u\n",
				      word(message, n, 0));
	}
	if (head->flags & VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED)
		inband(channel, VM_PKT_COMP, head->trans_id, NULL, 0);
}

/*
 * Copy from a page of the guest, which may have given any page number. The VMBus counts pages of 4 KiB,
 * whatever the kernel's are.
 */
static int copy_from_page(u8 *to, u64 number, u32 offset, u32 len)
{
	u64 pfn = number >> (PAGE_SHIFT - HV_HYP_PAGE_SHIFT);
	size_t within = (number << HV_HYP_PAGE_SHIFT) & (PAGE_SIZE - 1);

	if (!pfn_valid(pfn))
		return -EFAULT;
	return copy_from_kernel_nofault(to, pfn_to_kaddr(pfn) + within + offset, len);
}

/**
 * gather_pages() - copy the contents of a packet's page ranges
 * @head:	the packet, of type VM_PKT_DATA_USING_GPA_DIRECT
 * @to:		where to
 * @size:	most bytes
 *
 * After the descriptor: 4 bytes, the number of ranges, and each range: its bytes, its
 * offset in the first page, and the numbers of its pages, which are of 4 KiB.
 *
 * Return: bytes copied, or a negative errno if the packet is invalid
 */
static int gather_pages(const struct vmpacket_descriptor *head, u8 *to, u32 size)
{
	const u64 *at = (const u64 *)(head + 1);
	const u64 *end = (const u64 *)head + head->offset8;
	u32 ranges, done = 0;

	if (at >= end)
		return -EPROTO;
	for (ranges = *at++ >> 32; ranges; ranges--) {
		u32 len, offset;

		if (at >= end)
			return -EPROTO;
		len = (u32)*at;
		offset = *at++ >> 32;
		if (len > size - done || offset >= HV_HYP_PAGE_SIZE)
			return -EPROTO;
		for (; len; at++, offset = 0) {
			u32 part = min(len, (u32)HV_HYP_PAGE_SIZE - offset);

			if (at >= end || copy_from_page(to + done, *at, offset, part))
				return -EPROTO;
			done += part;
			len -= part;
		}
	}
	return done;
}

/**
 * gather() - collect the RNDIS messages of a packet
 * @nic:	the card
 * @head:	the packet
 * @message:	NVSP_RNDIS, its kind, section, bytes in the section
 * @n:		words in @message
 *
 * They are in a section of the send buffer, in pages, or start in the section and
 * continue in pages.
 *
 * Return: bytes in message_space, or a negative errno if the packet is invalid
 */
static int gather(struct netvsp *nic, const struct vmpacket_descriptor *head, const u32 *message,
		  u32 n)
{
	u32 section = word(message, n, 2), size = word(message, n, 3);
	int pages = 0;

	if (section == NVSP_NO_SECTION) {
		size = 0;
	} else {
		if (!nic->send || size > SEND_SECTION_SIZE ||
		    section >= nic->send->size / SEND_SECTION_SIZE)
			return -EPROTO;
		memcpy(message_space, nic->send->buffer + (size_t)section * SEND_SECTION_SIZE,
		       size);
	}
	if (head->type == VM_PKT_DATA_USING_GPA_DIRECT) {
		pages = gather_pages(head, message_space + size, MESSAGE_MAX - size);
		if (pages < 0)
			return pages;
	}
	return size + pages;
}

/**
 * take_rndis() - handle RNDIS messages from the guest
 * @channel:	on which
 * @head:	the packet
 * @message:	NVSP's
 * @n:		words in @message
 *
 * Return: 0, or -EAGAIN if there is no room for it now
 */
static int take_rndis(struct lab_channel *channel, const struct vmpacket_descriptor *head,
		      const u32 *message, u32 n)
{
	u32 answer[NVSP_MESSAGE_WORDS] = { NVSP_RNDIS_COMPLETE, NVSP_SUCCESS };
	bool data = word(message, n, 1) == NVSP_CHANNEL_DATA;
	struct netvsp *nic = channel->nic;
	int len, err;
	u32 section;

	if (data && !link_has_room(nic->link, PACKETS_PER_MESSAGE))
		return -EAGAIN;
	if (!data && nic->receive && !netvsp_section(nic, &section))
		return -EAGAIN;
	len = gather(nic, head, message, n);
	if (len < 0)
		err = len;
	else if (data)
		err = data_send(nic, message_space, len);
	else
		err = rndis_control(nic, message_space, len);
	if (err) {
		pr_notice_ratelimited("%s: invalid RNDIS %s message\n",
				      dev_name(&nic->device->device), data ? "data" : "control");
		answer[1] = NVSP_BAD_RNDIS;
	}
	if (head->flags & VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED)
		inband(channel, VM_PKT_COMP, head->trans_id, answer, NVSP_MESSAGE_WORDS);
	return 0;
}

/**
 * take_packet() - handle a packet from the guest
 * @channel:	on which
 * @head:	it
 *
 * Return: 0, or -EAGAIN if it must be retried later
 */
static int take_packet(struct lab_channel *channel, const struct vmpacket_descriptor *head)
{
	const u32 *message = (const u32 *)((const u64 *)head + head->offset8);
	u32 n = (head->len8 - head->offset8) * 2;
	struct netvsp *nic = channel->nic;

	switch (head->type) {
	case VM_PKT_COMP:
		/* of a message in the receive buffer, with its section as id */
		if (nic->busy && head->trans_id && head->trans_id <= nic->sections)
			__clear_bit(head->trans_id - 1, nic->busy);
		return 0;
	case VM_PKT_DATA_INBAND:
	case VM_PKT_DATA_USING_GPA_DIRECT:
		if (word(message, n, 0) == NVSP_RNDIS)
			return take_rndis(channel, head, message, n);
		take_message(channel, message, n, head);
		return 0;
	default:
		pr_notice_ratelimited("the host does not know packets of type %u\n", head->type);
		return 0;
	}
}

/* Serve one channel; returns whether there is more to do now. */
static bool serve_channel(struct lab_channel *channel)
{
	struct vmpacket_descriptor *head = (struct vmpacket_descriptor *)packet_space;

	for (unsigned int i = 0; i < PACKETS_TURN; i++) {
		int len;

		if (!host_room(channel, ROOM_ANSWER))
			return false;
		len = host_read(channel, head, PACKET_MAX);
		if (len <= 0)
			return false;
		if (take_packet(channel, head))
			return false;
		host_consume(channel, len);
	}
	return true;
}

/* Notify the driver of changes, as far as it is ready for them. */
static void tell(struct netvsp *nic)
{
	struct lab_channel *primary = nic->channels[0];

	if (nic->tell_vf && nic->rndis_up && nic->vf_wanted) {
		const u32 message[NVSP_MESSAGE_WORDS] = { NVSP_VF_ASSOCIATION, nic->vf,
							  nic->vf ? nic->serial : 0 };

		nic->tell_vf =
			inband(primary, VM_PKT_DATA_INBAND, 0, message, NVSP_MESSAGE_WORDS) != 0;
	}
	if (nic->tell_table) {
		u32 message[4 + NVSP_SEND_TABLE_SIZE] = { NVSP_INDIRECTION_TABLE,
							  NVSP_SEND_TABLE_SIZE, 16 };

		for (unsigned int i = 0; i < NVSP_SEND_TABLE_SIZE; i++)
			message[4 + i] = i % (nic->subchannels + 1);
		nic->tell_table = inband(primary, VM_PKT_DATA_INBAND, 0, message,
					 ARRAY_SIZE(message)) != 0;
	}
	if (nic->tell_up && nic->filter)
		nic->tell_up = rndis_indicate(nic, nic->up ? RNDIS_STATUS_MEDIA_CONNECT :
							     RNDIS_STATUS_MEDIA_DISCONNECT) != 0;
}

/**
 * netvsp_serve() - a card's turn
 * @nic:	the card
 *
 * Return: whether there is more to do now
 */
bool netvsp_serve(struct netvsp *nic)
{
	bool more = false;

	for (unsigned int i = 0; i < nic->n_channels; i++) {
		if (nic->channels[i])
			more |= serve_channel(nic->channels[i]);
	}
	if (nic->channels[0])
		tell(nic);
	return more;
}

/* ---- Life of a card ---- */

/* Create the sub-channels that the driver was promised, and let it open them. */
static void offer_subchannels(struct work_struct *work)
{
	struct netvsp *nic = container_of(work, struct netvsp, offers);
	struct vmbus_channel *primary = nic->device->channel;
	void (*created)(struct vmbus_channel *new_sc);
	struct lab_channel *channel;
	unsigned int n;

	mutex_lock(&host_lock);
	n = nic->subchannels;
	mutex_unlock(&host_lock);
	for (unsigned int i = 1; i <= n; i++) {
		channel = lab_channel_create(nic, &nic->device->dev_instance, i);
		if (!channel)
			break;
		channel->guest.primary_channel = primary;
		if (lab_channel_add_files(nic->device, &channel->guest)) {
			lab_channel_free(&channel->guest);
			break;
		}
		mutex_lock(&vmbus_connection.channel_mutex);
		list_add_tail(&channel->guest.sc_list, &primary->sc_list);
		mutex_unlock(&vmbus_connection.channel_mutex);
		created = READ_ONCE(primary->sc_creation_callback);
		if (created)
			created(&channel->guest);
	}
	mutex_lock(&host_lock);
	nic->tell_table = true;
	mutex_unlock(&host_lock);
	host_kick();
}

/* The driver closes the card: offer no more sub-channels. */
void netvsp_stop_offers(struct netvsp *nic)
{
	cancel_work_sync(&nic->offers);
}

void netvsp_opened(struct lab_channel *channel)
{
	unsigned int index = channel->guest.offermsg.offer.sub_channel_index;
	struct netvsp *nic = channel->nic;

	nic->channels[index] = channel;
	nic->n_channels = max(nic->n_channels, index + 1);
	if (index)
		return;
	nic->version = 0;
	nic->frame_max = ETH_FRAME_LEN + 4;
	nic->vf_wanted = false;
	nic->rndis_up = false;
	nic->filter = 0;
	nic->rss = false;
	nic->subchannels = 0;
	nic->tell_vf = nic->vf;
	nic->tell_up = !nic->up;
	nic->tell_table = false;
}

void netvsp_closed(struct lab_channel *channel)
{
	unsigned int index = channel->guest.offermsg.offer.sub_channel_index;
	struct netvsp *nic = channel->nic;

	nic->channels[index] = NULL;
	while (nic->n_channels && !nic->channels[nic->n_channels - 1])
		nic->n_channels--;
	if (index)
		return;
	nic->rndis_up = false;
	nic->filter = 0;
	forget_receive_buffer(nic);
	nic->send = NULL;
	switch_path(nic, false);
}

/* Something has changed at the adapter's port; under host_lock. */
void netvsp_set_state(struct netvsp *nic, bool up, bool vf)
{
	nic->tell_up |= nic->up != up;
	nic->tell_vf |= nic->vf != vf;
	nic->up = up;
	nic->vf = vf;
}

/**
 * rescind() - the host removes the card
 *
 * uio_hv_generic has registered a callback, and unregisters the device itself;
 * for the other drivers the bus does.
 */
static void rescind(struct work_struct *work)
{
	struct netvsp *nic = container_of(work, struct netvsp, rescind);
	struct hv_device *device = nic->device;

	if (!device)
		return;
	netvsp_stop_offers(nic);
	device->channel->rescind = true;
	if (device->channel->chn_rescind_callback)
		device->channel->chn_rescind_callback(device->channel);
	else
		vmbus_device_unregister(device);
	nic->device = NULL;
}

/**
 * netvsp_create() - plug a card in, not yet offered to the guest
 * @link:	the cable to its adapter
 * @port:	of the adapter
 * @mac:	its address
 * @mtu:	bytes of L3
 * @serial:	of its VF
 *
 * Return: the card, or NULL without memory
 */
struct netvsp *netvsp_create(struct link *link, u8 port, const u8 mac[ETH_ALEN], u16 mtu,
			     u32 serial)
{
	struct netvsp *nic = kzalloc(sizeof(*nic), GFP_KERNEL);

	if (!nic)
		return NULL;
	nic->link = link;
	nic->port = port;
	ether_addr_copy(nic->mac, mac);
	nic->mtu = mtu;
	nic->serial = serial;
	nic->up = true;
	INIT_LIST_HEAD(&nic->gpadls);
	INIT_WORK(&nic->offers, offer_subchannels);
	INIT_WORK(&nic->rescind, rescind);
	return nic;
}

/**
 * netvsp_offer() - offer a card to the guest
 * @nic:	the card
 *
 * Its GUID is the address three times over, as Azure's are:
 * 000d3a76-3bd0-000d-3a76-3bd0000d3a76.
 *
 * Return: 0 or a negative errno
 */
int netvsp_offer(struct netvsp *nic)
{
	struct lab_channel *primary;
	struct hv_device *device;
	char text[UUID_STRING_LEN + 1];
	const u8 *m = nic->mac;
	guid_t instance;
	int err;

	snprintf(text, sizeof(text),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", m[0], m[1],
		 m[2], m[3], m[4], m[5], m[0], m[1], m[2], m[3], m[4], m[5], m[0], m[1], m[2], m[3]);
	err = guid_parse(text, &instance);
	if (err)
		return err;
	primary = lab_channel_create(nic, &instance, 0);
	if (!primary)
		return -ENOMEM;
	device = lab_device_create(primary);
	if (!device) {
		lab_channel_free(&primary->guest);
		return -ENOMEM;
	}
	nic->device = device;
	host_add(nic);
	err = lab_device_register(device);
	if (err) {
		host_remove(nic);
		nic->device = NULL;
	}
	return err;
}

/**
 * netvsp_destroy() - unplug a card
 * @nic:	freed; its driver, if any, is unbound first
 */
void netvsp_destroy(struct netvsp *nic)
{
	struct host_gpadl *gpadl, *next;

	schedule_work(&nic->rescind);
	flush_work(&nic->rescind);
	netvsp_stop_offers(nic);
	host_remove(nic);
	list_for_each_entry_safe(gpadl, next, &nic->gpadls, node)
		kfree(gpadl);
	bitmap_free(nic->busy);
	kfree(nic);
}
