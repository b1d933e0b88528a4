// SPDX-License-Identifier: GPL-2.0
/*
 * channel.c - what a driver does with a channel besides sending: rings, open, close, GPADLs.
 *
 * A GPADL is how a guest lends memory to the host. Host and guest are one kernel
 * here, so the handle refers to the guest's mapping itself, until it is torn down.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "netvsp.h"
#include "vmbus.h"

static DECLARE_BITMAP(relids, LAB_RELIDS);

/* The tasklet of a channel in the modes that hv_netvsc and uio_hv_generic do not use. */
static void call_back(unsigned long data)
{
	struct vmbus_channel *channel = (struct vmbus_channel *)data;
	void (*callback)(void *context) = READ_ONCE(channel->onchannel_callback);

	if (!callback)
		return;
	do {
		callback(channel->channel_callback_context);
	} while (channel->callback_mode == HV_CALL_BATCHED && hv_end_read(&channel->inbound));
}

/**
 * lab_channel_create() - create a channel that the host offers
 * @nic:	whose
 * @instance:	the device's GUID
 * @index:	0 for the primary channel
 *
 * Return: the channel, or NULL when memory or numbers have run out
 */
struct lab_channel *lab_channel_create(struct netvsp *nic, const guid_t *instance, u16 index)
{
	struct vmbus_channel_offer_channel *offer;
	struct vmbus_channel *guest;
	struct lab_channel *channel;
	unsigned int number;

	channel = kzalloc(sizeof(*channel), GFP_KERNEL);
	if (!channel)
		return NULL;
	mutex_lock(&vmbus_connection.channel_mutex);
	number = find_first_zero_bit(relids, LAB_RELIDS - 1);
	if (number < LAB_RELIDS - 1)
		__set_bit(number, relids);
	mutex_unlock(&vmbus_connection.channel_mutex);
	if (number == LAB_RELIDS - 1) {
		kfree(channel);
		return NULL;
	}
	channel->nic = nic;
	guest = &channel->guest;
	offer = &guest->offermsg;
	offer->header.msgtype = CHANNELMSG_OFFERCHANNEL;
	offer->offer.if_type = vmbus_devs[HV_NIC].guid;
	offer->offer.if_instance = *instance;
	offer->offer.sub_channel_index = index;
	offer->child_relid = number + 1; /* numbers begin with 1 */
	offer->connection_id = 0x10000 + offer->child_relid;
	offer->monitorid = number;
	offer->monitor_allocated = 1;
	offer->is_dedicated_interrupt = 1;
	guest->is_dedicated_interrupt = true;
	guest->sig_event = offer->connection_id;
	guest->monitor_grp = number / 32;
	guest->monitor_bit = number % 32;
	guest->device_id = HV_NIC;
	guest->state = CHANNEL_OPEN_STATE;
	guest->target_cpu = cpumask_nth(index % num_online_cpus(), cpu_online_mask);
	spin_lock_init(&guest->sched_lock);
	init_completion(&guest->rescind_event);
	INIT_LIST_HEAD(&guest->sc_list);
	mutex_init(&guest->inbound.ring_buffer_mutex);
	mutex_init(&guest->outbound.ring_buffer_mutex);
	tasklet_init(&guest->callback_event, call_back, (unsigned long)guest);
	return channel;
}

/* The number may be used for another channel now. */
static void give_number_back(const struct vmbus_channel *channel)
{
	clear_bit(channel->offermsg.child_relid - 1, relids);
}

int vmbus_alloc_ring(struct vmbus_channel *channel, u32 send_size, u32 recv_size)
{
	struct page *pages;

	if (!send_size || !recv_size || send_size % PAGE_SIZE || recv_size % PAGE_SIZE ||
	    send_size > SZ_16M || recv_size > SZ_16M)
		return -EINVAL;
	pages = alloc_pages(GFP_KERNEL | __GFP_ZERO, get_order(send_size + recv_size));
	if (!pages)
		return -ENOMEM;
	channel->ringbuffer_page = pages;
	channel->ringbuffer_pagecount = (send_size + recv_size) >> PAGE_SHIFT;
	channel->ringbuffer_send_offset = send_size >> PAGE_SHIFT;
	return 0;
}
EXPORT_SYMBOL_GPL(vmbus_alloc_ring);

/* Ids of requests that a driver waits for: a free list in an array. */
static int alloc_requests(struct vmbus_requestor *requestor, u32 size)
{
	spin_lock_init(&requestor->req_lock);
	requestor->size = size;
	requestor->next_request_id = 0;
	requestor->req_arr = kvcalloc(size, sizeof(u64), GFP_KERNEL);
	requestor->req_bitmap = bitmap_zalloc(size, GFP_KERNEL);
	if (!requestor->req_arr || !requestor->req_bitmap)
		return -ENOMEM;
	for (u32 i = 0; i < size; i++)
		requestor->req_arr[i] = i + 1;
	return 0;
}

static void free_requests(struct vmbus_requestor *requestor)
{
	kvfree(requestor->req_arr);
	bitmap_free(requestor->req_bitmap);
	requestor->req_arr = NULL;
	requestor->req_bitmap = NULL;
}

u64 vmbus_next_request_id(struct vmbus_channel *channel, u64 rqst_addr)
{
	struct vmbus_requestor *requestor = &channel->requestor;
	unsigned long flags;
	u64 id;

	if (!channel->rqstor_size)
		return VMBUS_NO_RQSTOR;
	spin_lock_irqsave(&requestor->req_lock, flags);
	id = requestor->next_request_id;
	if (id < requestor->size) {
		requestor->next_request_id = requestor->req_arr[id];
		requestor->req_arr[id] = rqst_addr;
		__set_bit(id, requestor->req_bitmap);
	}
	spin_unlock_irqrestore(&requestor->req_lock, flags);
	/* Id 0 is for messages that the host sends unrequested. */
	return id < requestor->size ? id + 1 : VMBUS_RQST_ERROR;
}
EXPORT_SYMBOL_GPL(vmbus_next_request_id);

u64 vmbus_request_addr(struct vmbus_channel *channel, u64 trans_id)
{
	struct vmbus_requestor *requestor = &channel->requestor;
	u64 address = VMBUS_RQST_ERROR;
	unsigned long flags;

	if (!channel->rqstor_size)
		return VMBUS_NO_RQSTOR;
	spin_lock_irqsave(&requestor->req_lock, flags);
	if (trans_id && trans_id <= requestor->size &&
	    __test_and_clear_bit(trans_id - 1, requestor->req_bitmap)) {
		address = requestor->req_arr[trans_id - 1];
		requestor->req_arr[trans_id - 1] = requestor->next_request_id;
		requestor->next_request_id = trans_id - 1;
	}
	spin_unlock_irqrestore(&requestor->req_lock, flags);
	return address;
}
EXPORT_SYMBOL_GPL(vmbus_request_addr);

int vmbus_connect_ring(struct vmbus_channel *newchannel, void (*onchannelcallback)(void *context),
		       void *context)
{
	u32 send_pages = newchannel->ringbuffer_send_offset;
	u32 recv_pages = newchannel->ringbuffer_pagecount - send_pages;
	int err;

	if (newchannel->state != CHANNEL_OPEN_STATE || !newchannel->ringbuffer_page)
		return -EINVAL;
	if (newchannel->rescind)
		return -ENODEV;
	if (!newchannel->max_pkt_size)
		newchannel->max_pkt_size = VMBUS_DEFAULT_MAX_PKT_SIZE;
	err = newchannel->rqstor_size ?
		      alloc_requests(&newchannel->requestor, newchannel->rqstor_size) :
		      0;
	if (!err)
		err = lab_ring_init(&newchannel->outbound, newchannel->ringbuffer_page, send_pages,
				    0);
	if (!err)
		err = lab_ring_init(&newchannel->inbound, newchannel->ringbuffer_page + send_pages,
				    recv_pages, newchannel->max_pkt_size);
	if (err) {
		lab_ring_cleanup(&newchannel->outbound);
		lab_ring_cleanup(&newchannel->inbound);
		free_requests(&newchannel->requestor);
		return err;
	}
	newchannel->onchannel_callback = onchannelcallback;
	newchannel->channel_callback_context = context;
	newchannel->out_full_flag = false;
	newchannel->state = CHANNEL_OPENED_STATE;
	host_open(lab_channel(newchannel));
	return 0;
}
EXPORT_SYMBOL_GPL(vmbus_connect_ring);

int vmbus_open(struct vmbus_channel *channel, u32 send_ringbuffersize, u32 recv_ringbuffersize,
	       void *userdata, u32 userdatalen, void (*onchannel_callback)(void *context),
	       void *context)
{
	int err;

	if (userdatalen > MAX_USER_DEFINED_BYTES)
		return -EINVAL;
	err = vmbus_alloc_ring(channel, send_ringbuffersize, recv_ringbuffersize);
	if (err)
		return err;
	err = vmbus_connect_ring(channel, onchannel_callback, context);
	if (err)
		vmbus_free_ring(channel);
	return err;
}
EXPORT_SYMBOL_GPL(vmbus_open);

/**
 * disconnect() - close one channel: no callbacks and no access to the rings after this
 * @channel:	keeps its memory
 *
 * Return: 0, or -EINVAL if it was not open
 */
static int disconnect(struct vmbus_channel *channel)
{
	unsigned long flags;

	tasklet_disable(&channel->callback_event);
	spin_lock_irqsave(&channel->sched_lock, flags);
	channel->onchannel_callback = NULL;
	spin_unlock_irqrestore(&channel->sched_lock, flags);
	channel->sc_creation_callback = NULL;
	tasklet_enable(&channel->callback_event);
	if (channel->state != CHANNEL_OPENED_STATE)
		return -EINVAL;
	channel->state = CHANNEL_OPEN_STATE;
	host_close(lab_channel(channel));
	free_requests(&channel->requestor);
	return 0;
}

/**
 * lab_channel_remove_subchannels() - end the sub-channels of a device
 * @primary:	its primary channel
 *
 * The real host rescinds them when the primary channel is closed. Their files go
 * first, so that no process still has their rings mapped when the memory is
 * freed.
 */
void lab_channel_remove_subchannels(struct vmbus_channel *primary)
{
	struct vmbus_channel *sub, *next;
	LIST_HEAD(gone);

	mutex_lock(&vmbus_connection.channel_mutex);
	list_splice_init(&primary->sc_list, &gone);
	mutex_unlock(&vmbus_connection.channel_mutex);
	list_for_each_entry_safe(sub, next, &gone, sc_list) {
		lab_channel_remove_files(sub);
		disconnect(sub);
		vmbus_free_ring(sub);
		give_number_back(sub);
		list_del(&sub->sc_list);
		lab_channel_free(sub);
	}
}

int vmbus_disconnect_ring(struct vmbus_channel *channel)
{
	int err;

	if (channel->primary_channel)
		return -EINVAL;
	netvsp_stop_offers(lab_channel(channel)->nic);
	lab_channel_remove_subchannels(channel);
	err = disconnect(channel);
	return err;
}
EXPORT_SYMBOL_GPL(vmbus_disconnect_ring);

void vmbus_free_ring(struct vmbus_channel *channel)
{
	bool in_use = channel->state == CHANNEL_OPENED_STATE;

	/*
	 * A card was removed from uio_hv_generic while a process has it open. The process may keep
	 * the ring mapped as long as it likes: its pages are leaked.
	 */
	if (in_use && !channel->primary_channel)
		vmbus_disconnect_ring(channel);
	lab_ring_cleanup(&channel->outbound);
	lab_ring_cleanup(&channel->inbound);
	if (channel->ringbuffer_page && !in_use)
		__free_pages(channel->ringbuffer_page,
			     get_order(channel->ringbuffer_pagecount << PAGE_SHIFT));
	channel->ringbuffer_page = NULL;
}
EXPORT_SYMBOL_GPL(vmbus_free_ring);

void vmbus_close(struct vmbus_channel *channel)
{
	/* A sub-channel that hv_netvsc could not use is closed with its primary channel. */
	if (channel->primary_channel) {
		if (disconnect(channel) == 0)
			vmbus_free_ring(channel);
	} else if (vmbus_disconnect_ring(channel) == 0) {
		vmbus_free_ring(channel);
	}
}
EXPORT_SYMBOL_GPL(vmbus_close);

int vmbus_establish_gpadl(struct vmbus_channel *channel, void *kbuffer, u32 size,
			  struct vmbus_gpadl *gpadl)
{
	u32 handle = atomic_inc_return(&vmbus_connection.next_gpadl_handle) - 1;
	int err;

	gpadl->decrypted = false;
	if (channel->rescind)
		return -ENODEV;
	err = netvsp_add_gpadl(lab_channel(channel)->nic, handle, kbuffer, size);
	if (err)
		return err;
	gpadl->gpadl_handle = handle;
	gpadl->buffer = kbuffer;
	gpadl->size = size;
	return 0;
}
EXPORT_SYMBOL_GPL(vmbus_establish_gpadl);

int vmbus_teardown_gpadl(struct vmbus_channel *channel, struct vmbus_gpadl *gpadl)
{
	netvsp_remove_gpadl(lab_channel(channel)->nic, gpadl->gpadl_handle);
	gpadl->gpadl_handle = 0;
	gpadl->decrypted = false;
	return 0;
}
EXPORT_SYMBOL_GPL(vmbus_teardown_gpadl);

void vmbus_set_sc_create_callback(struct vmbus_channel *primary_channel,
				  void (*sc_cr_cb)(struct vmbus_channel *new_sc))
{
	primary_channel->sc_creation_callback = sc_cr_cb;
}
EXPORT_SYMBOL_GPL(vmbus_set_sc_create_callback);

void vmbus_set_chn_rescind_callback(struct vmbus_channel *channel,
				    void (*chn_rescind_cb)(struct vmbus_channel *))
{
	channel->chn_rescind_callback = chn_rescind_cb;
}
EXPORT_SYMBOL_GPL(vmbus_set_chn_rescind_callback);
