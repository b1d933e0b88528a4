// SPDX-License-Identifier: GPL-2.0
/*
 * host.c - the thread that plays the host, and the host's half of the rings.
 *
 * Theory of operation
 * -------------------
 * One thread serves all cards, in turn, whenever it is kicked: by a guest that has put something
 * into a ring, or by the cable (link.c) with frames or messages. User space cannot make a
 * hypercall; it sets a bit in the guest's monitor page, which the hypervisor polls every 100 us. So
 * the thread polls it too, as long as a channel is open that user space has mapped.
 *
 * The guest's memory is not trusted: DPDK writes the rings from user space. Each index is read once
 * and checked; a packet is copied before it is parsed; the host keeps its own indices and does not
 * read them back. A ring with invalid contents is not served until its channel is opened again.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/wait.h>

#include "link.h"
#include "netvsp.h"
#include "vmbus.h"

#define TRAILER	   8 /* bytes after each packet */
#define MONITOR_NS (200 * NSEC_PER_USEC)

DEFINE_MUTEX(host_lock);

static LIST_HEAD(nics);
static struct task_struct *thread;
static DECLARE_WAIT_QUEUE_HEAD(wake_ups);
static atomic_t kicked;
static unsigned int monitored; /* open channels that user space has mapped */

/* There is work for the host; in any context. */
void host_kick(void)
{
	if (!atomic_xchg(&kicked, 1))
		wake_up(&wake_ups);
}

void host_add(struct netvsp *nic)
{
	mutex_lock(&host_lock);
	list_add_tail(&nic->node, &nics);
	mutex_unlock(&host_lock);
}

void host_remove(struct netvsp *nic)
{
	mutex_lock(&host_lock);
	list_del(&nic->node);
	mutex_unlock(&host_lock);
}

/* A channel that was opened while user space could see its ring is signalled by bits. */
static void count_monitored(void)
{
	const struct netvsp *nic;
	unsigned int n = 0;

	list_for_each_entry(nic, &nics, node) {
		for (unsigned int i = 0; i < nic->n_channels; i++) {
			const struct lab_channel *channel = nic->channels[i];

			n += channel && channel->open && channel->guest.ring_sysfs_visible;
		}
	}
	WRITE_ONCE(monitored, n);
}

void host_open(struct lab_channel *channel)
{
	struct vmbus_channel *guest = &channel->guest;

	mutex_lock(&host_lock);
	channel->size[TO_HOST] = guest->outbound.ring_datasize;
	channel->size[TO_GUEST] = guest->inbound.ring_datasize;
	channel->read = 0;
	channel->write = 0;
	channel->broken = false;
	channel->open = true;
	netvsp_opened(channel);
	count_monitored();
	mutex_unlock(&host_lock);
	host_kick();
}

void host_close(struct lab_channel *channel)
{
	mutex_lock(&host_lock);
	channel->open = false;
	netvsp_closed(channel);
	count_monitored();
	mutex_unlock(&host_lock);
}

/* The guest has written something invalid to this channel. */
static int give_up(struct lab_channel *channel, const char *what)
{
	pr_notice_ratelimited("channel %u: %s; the host ignores it until it is opened again\n",
			      channel->guest.offermsg.child_relid, what);
	channel->broken = true;
	return -EPROTO;
}

/**
 * host_read() - copy the next packet out of the ring to the host
 * @channel:	open
 * @packet:	filled in; its len8 and offset8 match what was copied
 * @size:	of @packet, in bytes
 *
 * Return: the packet's length in bytes, 0 if there is none, or -EPROTO
 */
int host_read(struct lab_channel *channel, void *packet, u32 size)
{
	struct hv_ring_buffer *ring = channel->guest.outbound.ring_buffer;
	u32 end = channel->size[TO_HOST], write, available, len;
	struct vmpacket_descriptor *head = packet;

	if (channel->broken)
		return -EPROTO;
	write = virt_load_acquire(&ring->write_index);
	if (write == channel->read)
		return 0;
	if (write >= end || write % 8)
		return give_up(channel, "a write index outside of the ring");
	available = write >= channel->read ? write - channel->read : end - channel->read + write;
	if (available < sizeof(*head) + TRAILER)
		return give_up(channel, "half a packet");
	memcpy(head, ring->buffer + channel->read, sizeof(*head));
	barrier(); /* only the copy is checked and used */
	len = head->len8 * 8u;
	if (len < sizeof(*head) || len + TRAILER > available || len > size ||
	    head->offset8 * 8u < sizeof(*head) || head->offset8 > head->len8)
		return give_up(channel, "a packet of impossible length");
	memcpy(head + 1, ring->buffer + channel->read + sizeof(*head), len - sizeof(*head));
	return len;
}

/**
 * host_consume() - release the packet of host_read()
 * @channel:	open
 * @len:	what host_read() returned
 */
void host_consume(struct lab_channel *channel, u32 len)
{
	struct hv_ring_buffer *ring = channel->guest.outbound.ring_buffer;

	channel->read += len + TRAILER;
	if (channel->read >= channel->size[TO_HOST])
		channel->read -= channel->size[TO_HOST];
	virt_mb(); /* read before the guest may overwrite it */
	WRITE_ONCE(ring->read_index, channel->read);
}

/* What an interrupt of the channel would do on its CPU. */
static void interrupt_guest(struct lab_channel *channel)
{
	struct vmbus_channel *guest = &channel->guest;
	unsigned long flags;

	local_bh_disable(); /* softirqs that the callback raises run at the end of this */
	spin_lock_irqsave(&guest->sched_lock, flags);
	if (guest->onchannel_callback) {
		guest->interrupts++;
		if (guest->callback_mode == HV_CALL_ISR) {
			guest->onchannel_callback(guest->channel_callback_context);
		} else {
			if (guest->callback_mode == HV_CALL_BATCHED)
				hv_begin_read(&guest->inbound);
			tasklet_schedule(&guest->callback_event);
		}
	}
	spin_unlock_irqrestore(&guest->sched_lock, flags);
	local_bh_enable();
}

/**
 * host_room() - can a packet be written to the guest?
 * @channel:	any
 * @size:	of the packet, in bytes
 *
 * If not, the guest has been asked to kick when there is room.
 */
bool host_room(struct lab_channel *channel, u32 size)
{
	struct hv_ring_buffer *ring = channel->guest.inbound.ring_buffer;
	u32 end, read, at = channel->write;

	if (!channel->open || channel->broken)
		return false;
	end = channel->size[TO_GUEST];
	for (unsigned int look = 0; look < 2; look++) {
		read = READ_ONCE(ring->read_index);
		if (read >= end) {
			give_up(channel, "a read index outside of the ring");
			return false;
		}
		if ((at >= read ? end - (at - read) : read - at) > size) {
			WRITE_ONCE(ring->pending_send_sz, 0);
			return true;
		}
		WRITE_ONCE(ring->pending_send_sz, size);
		virt_mb(); /* the request, before checking for room again */
	}
	return false;
}

/**
 * host_write() - put a packet into the ring to the guest, and notify it
 * @channel:	open
 * @head:	descriptor and what belongs to it; lengths are those of the whole packet
 * @head_len:	in bytes, a multiple of 8
 * @payload:	what follows
 * @payload_len: in bytes, a multiple of 8
 *
 * Return: 0, or -EAGAIN without room: the guest kicks when there is some
 */
int host_write(struct lab_channel *channel, const struct vmpacket_descriptor *head, u32 head_len,
	       const void *payload, u32 payload_len)
{
	struct hv_ring_buffer *ring = channel->guest.inbound.ring_buffer;
	u32 end = channel->size[TO_GUEST], total = head_len + payload_len + TRAILER;
	u32 at = channel->write;
	u64 trailer = (u64)at << 32;

	if (!host_room(channel, total))
		return -EAGAIN;
	/* The data is mapped twice in a row, so that nothing here has to wrap. */
	memcpy(ring->buffer + at, head, head_len);
	memcpy(ring->buffer + at + head_len, payload, payload_len);
	memcpy(ring->buffer + at + head_len + payload_len, &trailer, TRAILER);
	at += total;
	channel->write = at >= end ? at - end : at;
	virt_mb(); /* the packet before the index that makes it visible */
	WRITE_ONCE(ring->write_index, channel->write);
	virt_mb(); /* the index, before checking whether the guest wants an interrupt */
	if (!READ_ONCE(ring->interrupt_mask))
		interrupt_guest(channel);
	return 0;
}

/* Has user space set a bit for the host? Clears the bits. */
static bool monitor_rings(void)
{
	struct hv_monitor_page *page = vmbus_connection.monitor_pages[1];
	bool rings = false;

	for (unsigned int i = 0; i < ARRAY_SIZE(page->trigger_group); i++) {
		u32 *pending = &page->trigger_group[i].pending;

		rings |= READ_ONCE(*pending) && xchg(pending, 0);
	}
	return rings;
}

/* Sleep until there may be something to do. */
static void wait_for_work(void)
{
	if (READ_ONCE(monitored))
		wait_event_interruptible_hrtimeout(
			wake_ups, atomic_read(&kicked) || monitor_rings() || kthread_should_stop(),
			ns_to_ktime(MONITOR_NS));
	else
		wait_event_interruptible(wake_ups,
					 atomic_read(&kicked) || kthread_should_stop());
}

static int host(void *unused)
{
	struct netvsp *nic;
	bool more;

	while (!kthread_should_stop()) {
		atomic_set(&kicked, 0);
		smp_mb__after_atomic(); /* a kick from now on is for the next turn */
		more = false;
		mutex_lock(&host_lock);
		link_serve_all();
		list_for_each_entry(nic, &nics, node)
			more |= netvsp_serve(nic);
		link_flush_all();
		mutex_unlock(&host_lock);
		if (more)
			cond_resched();
		else
			wait_for_work();
	}
	return 0;
}

int host_start(void)
{
	thread = kthread_run(host, NULL, "vmbus-host");
	return PTR_ERR_OR_ZERO(thread);
}

void host_stop(void)
{
	kthread_stop(thread);
}
