// SPDX-License-Identifier: GPL-2.0
/*
 * bus.c - the bus "vmbus": its devices, its drivers, and their files in sysfs.
 *
 * The files, their names and formats are those that Documentation/ABI/stable/
 * sysfs-bus-vmbus of the kernel describes: DPDK's bus driver, driverctl and the
 * guide's commands read and write them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pci_ids.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "vmbus.h"

#define FIRST_GPADL 0xe1e10 /* what a real guest begins with */

static const struct hv_vmbus_device_id any_id;
static struct device *root;

struct vmbus_connection vmbus_connection;
EXPORT_SYMBOL_GPL(vmbus_connection);

u32 vmbus_proto_version = VERSION_WIN10_V5_3;
EXPORT_SYMBOL_GPL(vmbus_proto_version);

/* By enum vmbus_device_type; only network cards are offered here. */
const struct vmbus_device vmbus_devs[] = {
	[HV_NIC] = { .dev_type = HV_NIC, HV_NIC_GUID, .perf_device = true,
		     .allowed_in_isolated = true },
	[HV_UNKNOWN] = { .dev_type = HV_UNKNOWN },
};
EXPORT_SYMBOL_GPL(vmbus_devs);

/* A GUID that somebody wrote into a driver's new_id. */
struct dynamic_id {
	struct list_head node;
	struct hv_vmbus_device_id id;
};

/* ---- Files of a device ---- */

#define DEVICE_FILE(name, format, ...)                                                          \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
	{                                                                                        \
		struct hv_device *device = device_to_hv_device(dev);                             \
		struct vmbus_channel *channel = device->channel;                                 \
											 \
		if (!channel)                                                                    \
			return -ENODEV;                                                          \
		return sysfs_emit(buf, format "\n", __VA_ARGS__);                                \
	}                                                                                        \
	static DEVICE_ATTR_RO(name)

/* The monitor page's index in vmbus_connection: 0 the host's, 1 the guest's */
static u32 monitor_pending(const struct vmbus_channel *channel, int page)
{
	return READ_ONCE(vmbus_connection.monitor_pages[page]
				 ->trigger_group[channel->monitor_grp].pending);
}

static u32 monitor_latency(const struct vmbus_channel *channel, int page)
{
	return vmbus_connection.monitor_pages[page]
		->latency[channel->monitor_grp][channel->monitor_bit];
}

static u32 monitor_connection(const struct vmbus_channel *channel, int page)
{
	return vmbus_connection.monitor_pages[page]
		->parameter[channel->monitor_grp][channel->monitor_bit].connectionid.u.id;
}

DEVICE_FILE(id, "%d", channel->offermsg.child_relid);
DEVICE_FILE(state, "%d", channel->state);
DEVICE_FILE(monitor_id, "%d", channel->offermsg.monitorid);
DEVICE_FILE(class_id, "{%pUl}", &channel->offermsg.offer.if_type);
DEVICE_FILE(device_id, "{%pUl}", &channel->offermsg.offer.if_instance);
DEVICE_FILE(modalias, "vmbus:%*phN", UUID_SIZE, &device->dev_type);
DEVICE_FILE(numa_node, "%d", cpu_to_node(channel->target_cpu));
DEVICE_FILE(server_monitor_pending, "%d", monitor_pending(channel, 0));
DEVICE_FILE(client_monitor_pending, "%d", monitor_pending(channel, 1));
DEVICE_FILE(server_monitor_latency, "%d", monitor_latency(channel, 0));
DEVICE_FILE(client_monitor_latency, "%d", monitor_latency(channel, 1));
DEVICE_FILE(server_monitor_conn_id, "%d", monitor_connection(channel, 0));
DEVICE_FILE(client_monitor_conn_id, "%d", monitor_connection(channel, 1));
DEVICE_FILE(vendor, "0x%x", device->vendor_id);
DEVICE_FILE(device, "0x%x", device->device_id);

/* Contents of a ring's file; the mutex keeps the ring from being freed meanwhile. */
#define RING_FILE(name, ring, value)                                                            \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
	{                                                                                        \
		struct vmbus_channel *channel = device_to_hv_device(dev)->channel;               \
		struct hv_ring_buffer_info *rbi;                                                 \
		ssize_t len = -EINVAL;                                                           \
											 \
		if (!channel)                                                                    \
			return -ENODEV;                                                          \
		rbi = &channel->ring;                                                            \
		mutex_lock(&rbi->ring_buffer_mutex);                                             \
		if (rbi->ring_buffer)                                                            \
			len = sysfs_emit(buf, "%d\n", value);                                    \
		mutex_unlock(&rbi->ring_buffer_mutex);                                           \
		return len;                                                                      \
	}                                                                                        \
	static DEVICE_ATTR_RO(name)

RING_FILE(out_intr_mask, outbound, rbi->ring_buffer->interrupt_mask);
RING_FILE(out_read_index, outbound, rbi->ring_buffer->read_index);
RING_FILE(out_write_index, outbound, rbi->ring_buffer->write_index);
RING_FILE(out_read_bytes_avail, outbound, hv_get_bytes_to_read(rbi));
RING_FILE(out_write_bytes_avail, outbound, hv_get_bytes_to_write(rbi));
RING_FILE(in_intr_mask, inbound, rbi->ring_buffer->interrupt_mask);
RING_FILE(in_read_index, inbound, rbi->ring_buffer->read_index);
RING_FILE(in_write_index, inbound, rbi->ring_buffer->write_index);
RING_FILE(in_read_bytes_avail, inbound, hv_get_bytes_to_read(rbi));
RING_FILE(in_write_bytes_avail, inbound, hv_get_bytes_to_write(rbi));

/* One line per channel: its number and its CPU. */
static ssize_t channel_vp_mapping_show(struct device *dev, struct device_attribute *attr,
				       char *buf)
{
	struct vmbus_channel *channel = device_to_hv_device(dev)->channel, *sub;
	int len;

	if (!channel)
		return -ENODEV;
	mutex_lock(&vmbus_connection.channel_mutex);
	len = sysfs_emit(buf, "%u:%u\n", channel->offermsg.child_relid, channel->target_cpu);
	list_for_each_entry(sub, &channel->sc_list, sc_list)
		len += sysfs_emit_at(buf, len, "%u:%u\n", sub->offermsg.child_relid,
				     sub->target_cpu);
	mutex_unlock(&vmbus_connection.channel_mutex);
	return len;
}
static DEVICE_ATTR_RO(channel_vp_mapping);

static struct attribute *device_attrs[] = {
	&dev_attr_id.attr,
	&dev_attr_state.attr,
	&dev_attr_monitor_id.attr,
	&dev_attr_class_id.attr,
	&dev_attr_device_id.attr,
	&dev_attr_modalias.attr,
	&dev_attr_numa_node.attr,
	&dev_attr_server_monitor_pending.attr,
	&dev_attr_client_monitor_pending.attr,
	&dev_attr_server_monitor_latency.attr,
	&dev_attr_client_monitor_latency.attr,
	&dev_attr_server_monitor_conn_id.attr,
	&dev_attr_client_monitor_conn_id.attr,
	&dev_attr_out_intr_mask.attr,
	&dev_attr_out_read_index.attr,
	&dev_attr_out_write_index.attr,
	&dev_attr_out_read_bytes_avail.attr,
	&dev_attr_out_write_bytes_avail.attr,
	&dev_attr_in_intr_mask.attr,
	&dev_attr_in_read_index.attr,
	&dev_attr_in_write_index.attr,
	&dev_attr_in_read_bytes_avail.attr,
	&dev_attr_in_write_bytes_avail.attr,
	&dev_attr_channel_vp_mapping.attr,
	&dev_attr_vendor.attr,
	&dev_attr_device.attr,
	NULL,
};

static const struct attribute_group device_group = { .attrs = device_attrs };
static const struct attribute_group *device_groups[] = { &device_group, NULL };

/* ---- Files of a driver ---- */

static ssize_t new_id_store(struct device_driver *driver, const char *buf, size_t count)
{
	struct hv_driver *drv = drv_to_hv_drv(driver);
	struct dynamic_id *new, *each;
	int err;

	new = kzalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	err = guid_parse(buf, &new->id.guid);
	spin_lock(&drv->dynids.lock);
	if (!err) {
		list_for_each_entry(each, &drv->dynids.list, node) {
			if (guid_equal(&each->id.guid, &new->id.guid))
				err = -EEXIST;
		}
	}
	if (!err)
		list_add_tail(&new->node, &drv->dynids.list);
	spin_unlock(&drv->dynids.lock);
	if (err) {
		kfree(new);
		return err;
	}
	err = driver_attach(driver);
	return err ? err : count;
}
static DRIVER_ATTR_WO(new_id);

static ssize_t remove_id_store(struct device_driver *driver, const char *buf, size_t count)
{
	struct hv_driver *drv = drv_to_hv_drv(driver);
	struct dynamic_id *each, *next;
	ssize_t found = -ENODEV;
	guid_t guid;
	int err;

	err = guid_parse(buf, &guid);
	if (err)
		return err;
	spin_lock(&drv->dynids.lock);
	list_for_each_entry_safe(each, next, &drv->dynids.list, node) {
		if (!guid_equal(&each->id.guid, &guid))
			continue;
		list_del(&each->node);
		kfree(each);
		found = count;
	}
	spin_unlock(&drv->dynids.lock);
	return found;
}
static DRIVER_ATTR_WO(remove_id);

static struct attribute *driver_attrs[] = {
	&driver_attr_new_id.attr,
	&driver_attr_remove_id.attr,
	NULL,
};
ATTRIBUTE_GROUPS(driver);

/* ---- The bus ---- */

static ssize_t hibernation_show(const struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "0\n");
}
static BUS_ATTR_RO(hibernation);

static struct attribute *bus_attrs[] = {
	&bus_attr_hibernation.attr,
	NULL,
};
ATTRIBUTE_GROUPS(bus);

/**
 * find_id() - does a driver match a device?
 * @drv:	the driver
 * @device:	the device
 *
 * Only an override counts if there is one; otherwise added ids count like
 * compiled-in ones.
 *
 * Return: the id to probe with, or NULL
 */
static const struct hv_vmbus_device_id *find_id(struct hv_driver *drv, struct hv_device *device)
{
	const struct hv_vmbus_device_id *id, *found = NULL;
	struct dynamic_id *each;
	int override;

	override = device_match_driver_override(&device->device, &drv->driver);
	if (!override)
		return NULL;
	spin_lock(&drv->dynids.lock);
	list_for_each_entry(each, &drv->dynids.list, node) {
		if (guid_equal(&each->id.guid, &device->dev_type))
			found = &each->id;
	}
	spin_unlock(&drv->dynids.lock);
	for (id = drv->id_table; !found && id && !guid_is_null(&id->guid); id++) {
		if (guid_equal(&id->guid, &device->dev_type))
			found = id;
	}
	if (!found && override > 0)
		found = &any_id;
	return found;
}

static int match(struct device *dev, const struct device_driver *driver)
{
	/* The list of added ids is locked through the driver, which is not ours to mark const. */
	return find_id((struct hv_driver *)drv_to_hv_drv(driver), device_to_hv_device(dev)) != NULL;
}

static int probe(struct device *dev)
{
	struct hv_driver *drv = drv_to_hv_drv(dev->driver);
	struct hv_device *device = device_to_hv_device(dev);
	int err;

	if (!drv->probe)
		return -ENODEV;
	err = drv->probe(device, find_id(drv, device));
	if (err)
		pr_err("%s cannot bind to the device %s: %d\n", drv->name, dev_name(dev), err);
	return err;
}

static void remove(struct device *dev)
{
	struct hv_driver *drv = drv_to_hv_drv(dev->driver);
	struct hv_device *device = device_to_hv_device(dev);

	if (drv->remove)
		drv->remove(device);
	/* uio_hv_generic leaves its callback set; it must not be called for the next driver. */
	device->channel->chn_rescind_callback = NULL;
	device->channel->sc_creation_callback = NULL;
}

static void shutdown(struct device *dev)
{
	struct hv_driver *drv;

	if (!dev->driver)
		return;
	drv = drv_to_hv_drv(dev->driver);
	if (drv->shutdown)
		drv->shutdown(device_to_hv_device(dev));
}

/* udev loads a driver with this. */
static int uevent(const struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "MODALIAS=vmbus:%*phN", UUID_SIZE,
			      &device_to_hv_device(dev)->dev_type);
}

static const struct bus_type bus = {
	.name = "vmbus",
	.driver_override = true,
	.match = match,
	.probe = probe,
	.remove = remove,
	.shutdown = shutdown,
	.uevent = uevent,
	.bus_groups = bus_groups,
	.dev_groups = device_groups,
	.drv_groups = driver_groups,
};

int __vmbus_driver_register(struct hv_driver *hv_driver, struct module *owner,
			    const char *mod_name)
{
	hv_driver->driver.name = hv_driver->name;
	hv_driver->driver.owner = owner;
	hv_driver->driver.mod_name = mod_name;
	hv_driver->driver.bus = &bus;
	spin_lock_init(&hv_driver->dynids.lock);
	INIT_LIST_HEAD(&hv_driver->dynids.list);
	return driver_register(&hv_driver->driver);
}
EXPORT_SYMBOL_GPL(__vmbus_driver_register);

void vmbus_driver_unregister(struct hv_driver *hv_driver)
{
	struct dynamic_id *each, *next;

	driver_unregister(&hv_driver->driver);
	list_for_each_entry_safe(each, next, &hv_driver->dynids.list, node) {
		list_del(&each->node);
		kfree(each);
	}
}
EXPORT_SYMBOL_GPL(vmbus_driver_unregister);

/* ---- Devices ---- */

static void release_device(struct device *dev)
{
	struct hv_device *device = device_to_hv_device(dev);

	lab_channel_free(device->channel);
	kfree(device);
}

/**
 * lab_device_create() - create a device for an offered channel, not yet in sysfs
 * @primary:	its channel, owned by the device from now on
 *
 * Return: the device, or NULL without memory
 */
struct hv_device *lab_device_create(struct lab_channel *primary)
{
	struct hv_device *device = kzalloc(sizeof(*device), GFP_KERNEL);

	if (!device)
		return NULL;
	device->dev_type = primary->guest.offermsg.offer.if_type;
	device->dev_instance = primary->guest.offermsg.offer.if_instance;
	device->vendor_id = PCI_VENDOR_ID_MICROSOFT;
	device->channel = &primary->guest;
	primary->guest.device_obj = device;
	device_initialize(&device->device);
	device->device.bus = &bus;
	device->device.parent = root;
	device->device.release = release_device;
	device->device.dma_parms = &device->dma_parms;
	device->device.dma_mask = &device->dma_mask;
	return device;
}

/**
 * lab_device_register() - register a device, with the drivers first
 * @device:	from lab_device_create(); freed on failure
 *
 * As in a real guest, the channel's directory appears after the driver has been bound.
 *
 * Return: 0 or a negative errno
 */
int lab_device_register(struct hv_device *device)
{
	int err;

	err = dev_set_name(&device->device, "%pUl", &device->dev_instance);
	if (err)
		goto give_up;
	dma_set_mask(&device->device, DMA_BIT_MASK(64));
	err = device_add(&device->device);
	if (err)
		goto give_up;
	device->channels_kset = kset_create_and_add("channels", NULL, &device->device.kobj);
	err = device->channels_kset ? lab_channel_add_files(device, device->channel) : -ENOMEM;
	if (!err)
		return 0;
	if (device->channels_kset)
		kset_unregister(device->channels_kset);
	device_del(&device->device);
give_up:
	put_device(&device->device);
	return err;
}

void vmbus_device_unregister(struct hv_device *device_obj)
{
	lab_channel_remove_files(device_obj->channel);
	kset_unregister(device_obj->channels_kset);
	device_unregister(&device_obj->device);
}
EXPORT_SYMBOL_GPL(vmbus_device_unregister);

/* The pages that the real host shares with all channels. */
static int alloc_pages_shared(void)
{
	struct vmbus_connection *connection = &vmbus_connection;

	connection->int_page = (void *)get_zeroed_page(GFP_KERNEL);
	connection->monitor_pages[0] = (void *)get_zeroed_page(GFP_KERNEL);
	connection->monitor_pages[1] = (void *)get_zeroed_page(GFP_KERNEL);
	if (!connection->int_page || !connection->monitor_pages[0] ||
	    !connection->monitor_pages[1])
		return -ENOMEM;
	connection->recv_int_page = connection->int_page;
	connection->send_int_page = connection->int_page + HV_HYP_PAGE_SIZE / 2;
	return 0;
}

static void free_pages_shared(void)
{
	free_page((unsigned long)vmbus_connection.int_page);
	free_page((unsigned long)vmbus_connection.monitor_pages[0]);
	free_page((unsigned long)vmbus_connection.monitor_pages[1]);
}

int lab_bus_register(void)
{
	int err;

	atomic_set(&vmbus_connection.next_gpadl_handle, FIRST_GPADL);
	mutex_init(&vmbus_connection.channel_mutex);
	spin_lock_init(&vmbus_connection.channelmsg_lock);
	INIT_LIST_HEAD(&vmbus_connection.chn_msg_list);
	INIT_LIST_HEAD(&vmbus_connection.chn_list);
	vmbus_connection.conn_state = CONNECTED;
	err = alloc_pages_shared();
	if (err)
		goto no_pages;
	root = root_device_register("VMBUS:00");
	if (IS_ERR(root)) {
		err = PTR_ERR(root);
		goto no_pages;
	}
	err = bus_register(&bus);
	if (err)
		goto no_bus;
	return 0;

no_bus:
	root_device_unregister(root);
no_pages:
	free_pages_shared();
	return err;
}

void lab_bus_unregister(void)
{
	bus_unregister(&bus);
	root_device_unregister(root);
	free_pages_shared();
}
