// SPDX-License-Identifier: GPL-2.0
/*
 * channel_sysfs.c - /sys/bus/vmbus/devices/DEVICE/channels/NUMBER/
 *
 * DPDK's bus driver reads subchannel_id and monitor_id there, and maps "ring",
 * which exists only while uio_hv_generic is bound to the device.
 */
#include <linux/cpu.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "vmbus.h"

struct channel_file {
	struct attribute attr;
	ssize_t (*show)(struct vmbus_channel *channel, char *buf);
	ssize_t (*store)(struct vmbus_channel *channel, const char *buf, size_t count);
};

#define to_channel(kobject) container_of(kobject, struct vmbus_channel, kobj)
#define to_file(attribute)  container_of(attribute, struct channel_file, attr)

static ssize_t show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	return to_file(attr)->show(to_channel(kobj), buf);
}

static ssize_t store(struct kobject *kobj, struct attribute *attr, const char *buf, size_t count)
{
	if (!to_file(attr)->store)
		return -EIO;
	return to_file(attr)->store(to_channel(kobj), buf, count);
}

static const struct sysfs_ops files_ops = { .show = show, .store = store };

#define CHANNEL_FILE(file, format, value)                                                        \
	static ssize_t file##_show(struct vmbus_channel *channel, char *buf)                     \
	{                                                                                        \
		return sysfs_emit(buf, format "\n", value);                                      \
	}                                                                                        \
	static struct channel_file file_##file = { { .name = #file, .mode = 0444 }, file##_show }

#define CHANNEL_RING_FILE(file, ring, value)                                                     \
	static ssize_t file##_show(struct vmbus_channel *channel, char *buf)                     \
	{                                                                                        \
		struct hv_ring_buffer_info *rbi = &channel->ring;                                \
		ssize_t len = -EINVAL;                                                           \
											 \
		mutex_lock(&rbi->ring_buffer_mutex);                                             \
		if (rbi->ring_buffer)                                                            \
			len = sysfs_emit(buf, "%u\n", value);                                    \
		mutex_unlock(&rbi->ring_buffer_mutex);                                           \
		return len;                                                                      \
	}                                                                                        \
	static struct channel_file file_##file = { { .name = #file, .mode = 0444 }, file##_show }

CHANNEL_RING_FILE(out_mask, outbound, rbi->ring_buffer->interrupt_mask);
CHANNEL_RING_FILE(in_mask, inbound, rbi->ring_buffer->interrupt_mask);
CHANNEL_RING_FILE(read_avail, inbound, hv_get_bytes_to_read(rbi));
CHANNEL_RING_FILE(write_avail, outbound, hv_get_bytes_to_write(rbi));
CHANNEL_FILE(pending, "%d",
	     vmbus_connection.monitor_pages[1]->trigger_group[channel->monitor_grp].pending);
CHANNEL_FILE(latency, "%d",
	     vmbus_connection.monitor_pages[1]
		     ->latency[channel->monitor_grp][channel->monitor_bit]);
CHANNEL_FILE(interrupts, "%llu", channel->interrupts);
CHANNEL_FILE(events, "%llu", channel->sig_events);
CHANNEL_FILE(intr_in_full, "%llu", channel->intr_in_full);
CHANNEL_FILE(intr_out_empty, "%llu", channel->intr_out_empty);
CHANNEL_FILE(out_full_first, "%llu", channel->out_full_first);
CHANNEL_FILE(out_full_total, "%llu", channel->out_full_total);
CHANNEL_FILE(monitor_id, "%u", channel->offermsg.monitorid);
CHANNEL_FILE(subchannel_id, "%u", channel->offermsg.offer.sub_channel_index);

static ssize_t cpu_show(struct vmbus_channel *channel, char *buf)
{
	return sysfs_emit(buf, "%u\n", channel->target_cpu);
}

/* The CPU that is interrupted; only recorded here, because the host's thread runs anywhere. */
static ssize_t cpu_store(struct vmbus_channel *channel, const char *buf, size_t count)
{
	unsigned int cpu;
	int err = kstrtouint(buf, 10, &cpu);

	if (err)
		return err;
	if (cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -EINVAL;
	if (channel->state != CHANNEL_OPENED_STATE)
		return -EIO;
	channel->target_cpu = cpu;
	return count;
}
static struct channel_file file_cpu = { { .name = "cpu", .mode = 0644 }, cpu_show, cpu_store };

static struct attribute *files[] = {
	&file_out_mask.attr,
	&file_in_mask.attr,
	&file_read_avail.attr,
	&file_write_avail.attr,
	&file_cpu.attr,
	&file_pending.attr,
	&file_latency.attr,
	&file_interrupts.attr,
	&file_events.attr,
	&file_intr_in_full.attr,
	&file_intr_out_empty.attr,
	&file_out_full_first.attr,
	&file_out_full_total.attr,
	&file_monitor_id.attr,
	&file_subchannel_id.attr,
	NULL,
};

static int map_ring(struct file *file, struct kobject *kobj, struct bin_attribute *attr,
		    struct vm_area_struct *vma)
{
	struct vmbus_channel *channel = to_channel(kobj);

	if (!channel->mmap_ring_buffer)
		return -ENODEV;
	return channel->mmap_ring_buffer(channel, vma);
}

static struct bin_attribute file_ring = {
	.attr = { .name = "ring", .mode = 0600 },
	.mmap = map_ring,
};

static struct bin_attribute *bin_files[] = { &file_ring, NULL };

static umode_t ring_visible(struct kobject *kobj, struct bin_attribute *attr, int index)
{
	struct vmbus_channel *channel = to_channel(kobj);

	if (!channel->ring_sysfs_visible)
		return 0;
	attr->size = (size_t)channel->ringbuffer_pagecount << PAGE_SHIFT;
	return attr->attr.mode;
}

static const struct attribute_group group = {
	.attrs = files,
	.bin_attrs = bin_files,
	.is_bin_visible = ring_visible,
};

/* The last user of the channel's directory is gone, and with it the channel. */
static void release(struct kobject *kobj)
{
	kfree_rcu(lab_channel(to_channel(kobj)), guest.rcu);
}

static const struct kobj_type channel_type = { .sysfs_ops = &files_ops, .release = release };

/**
 * lab_channel_add_files() - create a channel's directory
 * @device:	whose channel
 * @channel:	its kobject owns it from now on
 *
 * Return: 0 or a negative errno
 */
int lab_channel_add_files(struct hv_device *device, struct vmbus_channel *channel)
{
	int err;

	channel->kobj.kset = device->channels_kset;
	err = kobject_init_and_add(&channel->kobj, &channel_type, NULL, "%u",
				   channel->offermsg.child_relid);
	if (err)
		return err;
	err = sysfs_create_group(&channel->kobj, &group);
	if (!err)
		kobject_uevent(&channel->kobj, KOBJ_ADD);
	return err;
}

/* After this no file of the channel can be opened, and its ring is no longer mapped. */
void lab_channel_remove_files(struct vmbus_channel *channel)
{
	if (channel->kobj.state_in_sysfs) {
		sysfs_remove_group(&channel->kobj, &group);
		kobject_del(&channel->kobj);
	}
}

/**
 * lab_channel_free() - free a channel
 * @channel:	freed at once, or with the last reference to its directory
 */
void lab_channel_free(struct vmbus_channel *channel)
{
	if (channel->kobj.state_initialized)
		kobject_put(&channel->kobj);
	else
		kfree(lab_channel(channel));
}

int hv_create_ring_sysfs(struct vmbus_channel *channel,
			 int (*hv_mmap_ring_buffer)(struct vmbus_channel *channel,
						    struct vm_area_struct *vma))
{
	channel->mmap_ring_buffer = hv_mmap_ring_buffer;
	channel->ring_sysfs_visible = true;
	/* A device that is being bound for the first time has no directory yet. */
	if (!channel->kobj.state_in_sysfs)
		return -ENOENT;
	return sysfs_update_group(&channel->kobj, &group);
}
EXPORT_SYMBOL_GPL(hv_create_ring_sysfs);

int hv_remove_ring_sysfs(struct vmbus_channel *channel)
{
	int err = 0;

	channel->ring_sysfs_visible = false;
	if (channel->kobj.state_in_sysfs)
		err = sysfs_update_group(&channel->kobj, &group);
	channel->mmap_ring_buffer = NULL;
	return err;
}
EXPORT_SYMBOL_GPL(hv_remove_ring_sysfs);
