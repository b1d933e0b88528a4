/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmbus.h - what the files of this module share.
 *
 * The first part is what other drivers see besides linux/hyperv.h: Debian's uio_hv_generic.ko is
 * compiled with the kernel's private drivers/hv/hyperv_vmbus.h, and reads struct vmbus_connection
 * and vmbus_devs[] by their layout there. The field names are also from that file, because the
 * checksums of exported symbols (CONFIG_MODVERSIONS) depend on them.
 */
#ifndef MANAKIN_LAB_VMBUS_H
#define MANAKIN_LAB_VMBUS_H

#include <linux/completion.h>
#include <linux/hyperv.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <asm/hyperv-tlfs.h>

union hv_monitor_trigger_group {
	u64 as_uint64;
	struct {
		u32 pending;
		u32 armed;
	};
};

struct hv_monitor_parameter {
	union hv_connection_id connectionid;
	u16 flagnumber;
	u16 rsvdz;
};

union hv_monitor_trigger_state {
	u32 asu32;
	struct {
		u32 group_enable : 4;
		u32 rsvdz : 28;
	};
};

/* A page of bits that the other side polls, instead of an interrupt. */
struct hv_monitor_page {
	union hv_monitor_trigger_state trigger_state;
	u32 rsvdz1;
	union hv_monitor_trigger_group trigger_group[4];
	u64 rsvdz2[3];
	s32 next_checktime[4][32];
	u16 latency[4][32];
	u64 rsvdz3[32];
	struct hv_monitor_parameter parameter[4][32];
	u8 rsvdz4[1984];
};
static_assert(sizeof(struct hv_monitor_page) == HV_HYP_PAGE_SIZE);

enum vmbus_connect_state {
	DISCONNECTED,
	CONNECTING,
	CONNECTED,
	DISCONNECTING
};

struct vmbus_connection {
	u32 msg_conn_id;
	atomic_t offer_in_progress;
	enum vmbus_connect_state conn_state;
	atomic_t next_gpadl_handle;
	struct completion unload_event;
	void *int_page;
	void *send_int_page;
	void *recv_int_page;
	struct hv_monitor_page *monitor_pages[2];
	struct list_head chn_msg_list;
	spinlock_t channelmsg_lock;
	struct list_head chn_list;
	struct mutex channel_mutex;
	struct vmbus_channel **channels;
	struct workqueue_struct *work_queue;
	struct workqueue_struct *handle_primary_chan_wq;
	struct workqueue_struct *handle_sub_chan_wq;
	struct workqueue_struct *rescind_work_queue;
	bool ignore_any_offer_msg;
	atomic_t nr_chan_close_on_suspend;
	struct completion ready_for_suspend_event;
	atomic_t nr_chan_fixup_on_resume;
	struct completion ready_for_resume_event;
};

extern struct vmbus_connection vmbus_connection;
extern const struct vmbus_device vmbus_devs[];
extern u32 vmbus_proto_version;

int hv_create_ring_sysfs(struct vmbus_channel *channel,
			 int (*hv_mmap_ring_buffer)(struct vmbus_channel *channel,
						    struct vm_area_struct *vma));
int hv_remove_ring_sysfs(struct vmbus_channel *channel);
void vmbus_device_unregister(struct hv_device *device_obj);
void vmbus_set_event(struct vmbus_channel *channel);

/* ---- From here on: this module's own ---- */

#define LAB_RELIDS	 128u /* one bit of the monitor page each: 4 groups of 32 */
#define LAB_CHANNELS_MAX 64u  /* of one NIC */

struct netvsp;

/**
 * struct lab_channel - a channel: what the guest's drivers see, and the host's half
 * @guest:	the drivers'; freed with this structure by the last reference to its kobject
 * @nic:	whose it is
 * @open:	the host serves it; from here on under host_lock
 * @broken:	the guest wrote invalid data into the ring: not served until it is opened again
 * @size:	bytes in the data area of the guest-to-host ring, and of the other direction's
 * @read:	the host's read index of the guest-to-host ring
 * @write:	the host's write index of the host-to-guest ring
 */
struct lab_channel {
	struct vmbus_channel guest;
	struct netvsp *nic;
	bool open;
	bool broken;
	u32 size[2];
	u32 read;
	u32 write;
};

enum lab_direction { TO_HOST, TO_GUEST };

static inline struct lab_channel *lab_channel(struct vmbus_channel *channel)
{
	return container_of(channel, struct lab_channel, guest);
}

/* bus.c: the bus, its devices and drivers, and their files */
int lab_bus_register(void);
void lab_bus_unregister(void);
struct hv_device *lab_device_create(struct lab_channel *primary);
int lab_device_register(struct hv_device *device);

/* channel_sysfs.c: the files of a channel */
int lab_channel_add_files(struct hv_device *device, struct vmbus_channel *channel);
void lab_channel_remove_files(struct vmbus_channel *channel);

/* channel.c: open, close, GPADLs: the guest's half */
struct lab_channel *lab_channel_create(struct netvsp *nic, const guid_t *instance, u16 index);
void lab_channel_remove_subchannels(struct vmbus_channel *primary);
void lab_channel_free(struct vmbus_channel *channel);

/* ring.c: the guest's half of the rings */
int lab_ring_init(struct hv_ring_buffer_info *ring, struct page *pages, u32 count,
		  u32 packet_size);
void lab_ring_cleanup(struct hv_ring_buffer_info *ring);

/* host.c: the thread that plays the host, and its half of the rings */
extern struct mutex host_lock;

int host_start(void);
void host_stop(void);
void host_kick(void);
void host_add(struct netvsp *nic);
void host_remove(struct netvsp *nic);
void host_open(struct lab_channel *channel);
void host_close(struct lab_channel *channel);
bool host_room(struct lab_channel *channel, u32 size);
int host_read(struct lab_channel *channel, void *packet, u32 size);
void host_consume(struct lab_channel *channel, u32 len);
int host_write(struct lab_channel *channel, const struct vmpacket_descriptor *head, u32 head_len,
	       const void *payload, u32 payload_len);

#endif
