// SPDX-License-Identifier: GPL-2.0
/*
 * ring.c - the guest's half of a channel's two rings.
 *
 * Layout (struct hv_ring_buffer in linux/hyperv.h): a page of the kernel's, of whatever size, with
 * indices, then data.
 * The data's pages are mapped twice in a row, so a packet is always contiguous. A
 * packet is a descriptor, data in units of 8 bytes, and 8 bytes with the index of
 * its start.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <asm/sync_bitops.h>

#include "vmbus.h"

#define TRAILER 8 /* bytes after each packet */

/* Else the first page would have data in it, which are mapped once only. */
static_assert(sizeof(struct hv_ring_buffer) == PAGE_SIZE);

int lab_ring_init(struct hv_ring_buffer_info *ring, struct page *pages, u32 count,
		  u32 packet_size)
{
	struct page **twice;
	void *address;

	if (count < 2)
		return -EINVAL;
	twice = kmalloc_array(2 * count - 1, sizeof(*twice), GFP_KERNEL);
	if (!twice)
		return -ENOMEM;
	twice[0] = pages;
	for (u32 i = 0; i < 2 * (count - 1); i++)
		twice[i + 1] = pages + 1 + i % (count - 1);
	address = vmap(twice, 2 * count - 1, VM_MAP, PAGE_KERNEL);
	kfree(twice);
	if (!address)
		return -ENOMEM;
	if (packet_size) {
		ring->pkt_buffer = kzalloc(packet_size, GFP_KERNEL);
		if (!ring->pkt_buffer) {
			vunmap(address);
			return -ENOMEM;
		}
		ring->pkt_buffer_size = packet_size;
	}
	memset(address, 0, sizeof(struct hv_ring_buffer));
	spin_lock_init(&ring->ring_lock);
	ring->ring_size = count << PAGE_SHIFT;
	ring->ring_size_div10_reciprocal = reciprocal_value(ring->ring_size / 10);
	ring->ring_datasize = ring->ring_size - sizeof(struct hv_ring_buffer);
	ring->priv_read_index = 0;
	mutex_lock(&ring->ring_buffer_mutex);
	ring->ring_buffer = address;
	/* Both sides announce when they wait for room. */
	ring->ring_buffer->feature_bits.value = 1;
	mutex_unlock(&ring->ring_buffer_mutex);
	return 0;
}

void lab_ring_cleanup(struct hv_ring_buffer_info *ring)
{
	mutex_lock(&ring->ring_buffer_mutex);
	vunmap(ring->ring_buffer);
	ring->ring_buffer = NULL;
	mutex_unlock(&ring->ring_buffer_mutex);
	kfree(ring->pkt_buffer);
	ring->pkt_buffer = NULL;
	ring->pkt_buffer_size = 0;
}

/* ---- Sending ---- */

void vmbus_set_event(struct vmbus_channel *channel)
{
	if (!channel->is_dedicated_interrupt)
		sync_set_bit(channel->offermsg.child_relid, vmbus_connection.send_int_page);
	channel->sig_events++;
	host_kick();
}
EXPORT_SYMBOL_GPL(vmbus_set_event);

/* Copy into a ring's data; returns the index after it. */
static u32 copy_in(struct hv_ring_buffer_info *ring, u32 at, const void *from, u32 len)
{
	memcpy(ring->ring_buffer->buffer + at, from, len);
	at += len;
	return at >= ring->ring_datasize ? at - ring->ring_datasize : at;
}

/**
 * send() - put a packet into the ring to the host
 * @channel:	the channel
 * @head:	descriptor and what belongs to it; its transaction id is set here
 * @head_len:	in bytes, a multiple of 8
 * @payload:	what follows
 * @len:	of @payload, in bytes
 * @request:	what the driver gets back when the host answers
 *
 * Return: 0, -EAGAIN without room for the packet or its id, -ENODEV
 */
static int send(struct vmbus_channel *channel, struct vmpacket_descriptor *head, u32 head_len,
		const void *payload, u32 len, u64 request)
{
	struct hv_ring_buffer_info *ring = &channel->outbound;
	u32 padding = ALIGN(len, 8) - len, total = head_len + len + padding + TRAILER;
	u32 read, start, at;
	unsigned long flags;
	u64 id, zero = 0;
	bool was_empty;

	if (channel->rescind || !ring->ring_buffer)
		return -ENODEV;
	spin_lock_irqsave(&ring->ring_lock, flags);
	read = READ_ONCE(ring->ring_buffer->read_index);
	start = READ_ONCE(ring->ring_buffer->write_index);
	if (read >= ring->ring_datasize || start >= ring->ring_datasize) {
		spin_unlock_irqrestore(&ring->ring_lock, flags);
		return -EIO;
	}
	/* A ring filled to the last byte would look empty. */
	if ((start >= read ? ring->ring_datasize - (start - read) : read - start) <= total) {
		channel->out_full_total++;
		if (!channel->out_full_flag)
			channel->out_full_first++;
		channel->out_full_flag = true;
		spin_unlock_irqrestore(&ring->ring_lock, flags);
		return -EAGAIN;
	}
	channel->out_full_flag = false;
	id = request;
	if (head->flags == VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED &&
	    channel->next_request_id_callback) {
		u64 mine = channel->next_request_id_callback(channel, request);

		if (mine == VMBUS_RQST_ERROR) {
			spin_unlock_irqrestore(&ring->ring_lock, flags);
			return -EAGAIN;
		}
		if (mine != VMBUS_NO_RQSTOR)
			id = mine;
	}
	head->trans_id = id;
	at = copy_in(ring, start, head, head_len);
	at = copy_in(ring, at, payload, len);
	at = copy_in(ring, at, &zero, padding);
	id = (u64)start << 32;
	at = copy_in(ring, at, &id, TRAILER);
	virt_mb(); /* the packet before the index that makes it visible */
	WRITE_ONCE(ring->ring_buffer->write_index, at);
	was_empty = start == READ_ONCE(ring->ring_buffer->read_index);
	spin_unlock_irqrestore(&ring->ring_lock, flags);
	if (was_empty)
		channel->intr_out_empty++;
	vmbus_set_event(channel);
	return 0;
}

int vmbus_sendpacket(struct vmbus_channel *channel, void *buffer, u32 bufferLen, u64 requestid,
		     enum vmbus_packet_type type, u32 flags)
{
	struct vmpacket_descriptor head = {
		.type = type,
		.flags = flags,
		.offset8 = sizeof(head) / 8,
		.len8 = (sizeof(head) + ALIGN(bufferLen, 8)) / 8,
	};

	return send(channel, &head, sizeof(head), buffer, bufferLen, requestid);
}
EXPORT_SYMBOL(vmbus_sendpacket);

int vmbus_sendpacket_mpb_desc(struct vmbus_channel *channel, struct vmbus_packet_mpb_array *mpb,
			      u32 desc_size, void *buffer, u32 bufferlen, u64 requestid)
{
	mpb->type = VM_PKT_DATA_USING_GPA_DIRECT;
	mpb->flags = VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED;
	mpb->dataoffset8 = desc_size / 8;
	mpb->length8 = (desc_size + ALIGN(bufferlen, 8)) / 8;
	mpb->reserved = 0;
	/* Both start with the same 16 bytes. */
	return send(channel, (struct vmpacket_descriptor *)mpb, desc_size, buffer, bufferlen,
		    requestid);
}
EXPORT_SYMBOL_GPL(vmbus_sendpacket_mpb_desc);

/* ---- Receiving ---- */

struct vmpacket_descriptor *hv_pkt_iter_first(struct vmbus_channel *channel)
{
	struct hv_ring_buffer_info *ring = &channel->inbound;
	struct vmpacket_descriptor *packet = ring->pkt_buffer;
	u32 write, available, len, offset;
	const void *from;

	write = virt_load_acquire(&ring->ring_buffer->write_index);
	available = write >= ring->priv_read_index ?
			    write - ring->priv_read_index :
			    ring->ring_datasize - ring->priv_read_index + write;
	if (available < sizeof(*packet))
		return NULL;
	available = min(available, ring->pkt_buffer_size);
	from = ring->ring_buffer->buffer + ring->priv_read_index;
	len = READ_ONCE(((const struct vmpacket_descriptor *)from)->len8) * 8u;
	offset = READ_ONCE(((const struct vmpacket_descriptor *)from)->offset8) * 8u;
	if (len < sizeof(*packet) || len > available)
		len = available;
	if (offset < sizeof(*packet) || offset > len)
		offset = sizeof(*packet);
	memcpy(packet, from, len);
	packet->len8 = len / 8;
	packet->offset8 = offset / 8;
	return packet;
}
EXPORT_SYMBOL_GPL(hv_pkt_iter_first);

struct vmpacket_descriptor *__hv_pkt_iter_next(struct vmbus_channel *channel,
					       const struct vmpacket_descriptor *pkt)
{
	struct hv_ring_buffer_info *ring = &channel->inbound;

	ring->priv_read_index += pkt->len8 * 8u + TRAILER;
	if (ring->priv_read_index >= ring->ring_datasize)
		ring->priv_read_index -= ring->ring_datasize;
	return hv_pkt_iter_first(channel);
}
EXPORT_SYMBOL_GPL(__hv_pkt_iter_next);

void hv_pkt_iter_close(struct vmbus_channel *channel)
{
	struct hv_ring_buffer_info *ring = &channel->inbound;
	u32 wanted;

	virt_mb(); /* read before the host may overwrite it */
	WRITE_ONCE(ring->ring_buffer->read_index, ring->priv_read_index);
	virt_mb(); /* the index, before checking whether the host waits for it */
	wanted = READ_ONCE(ring->ring_buffer->pending_send_sz);
	if (!wanted || hv_get_bytes_to_write(ring) <= wanted)
		return;
	channel->intr_in_full++;
	vmbus_set_event(channel);
}
EXPORT_SYMBOL_GPL(hv_pkt_iter_close);
