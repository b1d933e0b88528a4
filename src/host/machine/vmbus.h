/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/vmbus.h - Hyper-V's bus: its devices, and their move from one driver to another.
 *
 * The layout of /sys/bus/vmbus is Documentation/ABI/stable/sysfs-bus-vmbus of Linux.
 */
#ifndef MANAKIN_HOST_MACHINE_VMBUS_H
#define MANAKIN_HOST_MACHINE_VMBUS_H

#include <stdint.h>

#include "host/machine/root.h"

#define VMBUS_UUID_TEXT     37u /* 36 characters and the end */
#define VMBUS_CLASS_NETWORK "f8615163-df3e-46c5-913f-f2d2f965ed0e"
#define VMBUS_CLASS_PCI     "44c4f61d-4444-4400-9d52-802e27ede19f"

/* The drivers of synthetic network devices: the kernel's own, and the one for DPDK's netvsc */
#define DRIVER_KERNEL       "hv_netvsc"
#define DRIVER_USER         "uio_hv_generic"

/**
 * struct vmbus_device - a device of class network
 * @uuid:	its name on the bus
 * @driver:	hv_netvsc, uio_hv_generic, or empty
 * @has_mac, @mac: from the UUID, in which Azure writes the MAC address
 */
struct vmbus_device {
	char uuid[VMBUS_UUID_TEXT];
	char driver[32];
	bool has_mac;
	uint8_t mac[6];
};

struct vmbus_devices {
	struct vmbus_device *device;
	size_t n;
};

/** vmbus_read() - the network devices; none if there is no such bus */
int vmbus_read(const struct host *host, struct vmbus_devices *devices);
void vmbus_free(struct vmbus_devices *devices);

/**
 * struct vmbus_pci - how many devices of class PCI the host offers: network adapters, disks, GPUs
 * @without_driver, @without_function: of them: pci-hyperv does not have it; it has no PCI function
 * @uuid:	of the first of those
 */
struct vmbus_pci {
	size_t n, without_driver, without_function;
	char uuid[VMBUS_UUID_TEXT];
};

/** vmbus_pci_read() - none if there is no such bus */
void vmbus_pci_read(const struct host *host, struct vmbus_pci *pci);

/** vmbus_uuid_ok() - is this text shaped like a UUID? */
bool vmbus_uuid_ok(const char *text);

/**
 * vmbus_override() - the only driver that a device may be bound to (driver_override)
 * @driver:	filled in; empty: any that matches
 *
 * Return: 0; -ENOENT: the kernel has no such file; or another negative errno
 */
int vmbus_override(const struct host *host, const char *uuid, char driver[32]);

/** vmbus_set_override() - the same, to be @driver; empty: any. 0 or a negative errno */
int vmbus_set_override(const struct host *host, const char *uuid, const char *driver);

/** vmbus_new_id() - add the class to @driver; 1 if it has it already, 0, or a negative errno */
int vmbus_new_id(const struct host *host, const char *driver);

/** vmbus_remove_id() - the opposite; 0 if it does not have it */
int vmbus_remove_id(const struct host *host, const char *driver);

/** vmbus_unbind() - unbind a device from @driver; 0 if it is not bound to it */
int vmbus_unbind(const struct host *host, const char *driver, const char *uuid);

/** vmbus_bind() - bind a device to @driver; 0 if it is bound to it already */
int vmbus_bind(const struct host *host, const char *driver, const char *uuid);

#endif
