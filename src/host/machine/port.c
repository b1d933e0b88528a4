/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: adapters come from PCI and from /run/manakin. A port of an adapter on PCI
 * is first an interface that the mana driver created for it. For each, the synthetic interface is
 * found: its master, or the one with its address. Then VMBus is searched for devices that have no
 * interface because they were handed over: these are matched to ports by the address in their
 * UUID, and are ports of their own if that fails. A synthetic interface without a VF is a port
 * only on a machine with a MANA adapter, and only while no other hardware is under it.
 */
#include "host/machine/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "host/machine/port_users.h"
#include "host/machine/software.h"

#define DRIVER_VF "mana"

const char *owner_name(enum port_owner owner)
{
	static const char *const names[] = {
		[OWNER_KERNEL] = "kernel",      [OWNER_FREE] = "free",
		[OWNER_NETVSC] = "dpdk-netvsc", [OWNER_DPDK_MANA] = "dpdk-mana",
		[OWNER_MANAKIN] = "manakin",    [OWNER_UNKNOWN] = "unknown",
	};

	return names[owner];
}

const char *adapter_kind_name(enum adapter_kind kind)
{
	static const char *const names[] = {
		[ADAPTER_VF] = "vf",
		[ADAPTER_PF] = "pf",
		[ADAPTER_SOFTWARE] = "software",
	};

	return names[kind];
}

bool port_default_route(const struct mana_port *port)
{
	return (port->vf && port->vf->default_route) ||
	       (port->synthetic && port->synthetic->default_route);
}

bool port_ssh(const struct mana_port *port)
{
	return (port->vf && port->vf->ssh) || (port->synthetic && port->synthetic->ssh);
}

const uint8_t *port_factory_mac(const struct mana_port *port, const struct netdev *dev)
{
	if (dev->has_permanent)
		return dev->permanent;
	return port->has_mac ? port->mac : NULL;
}

/** add_port() - a new one at the end; NULL: no memory */
static struct mana_port *add_port(struct machine *machine, int adapter)
{
	struct mana_port *more =
		reallocarray(machine->port, machine->n_ports + 1, sizeof(*machine->port));

	if (!more)
		return NULL;
	machine->port = more;
	more += machine->n_ports++;
	memset(more, 0, sizeof(*more));
	more->adapter = adapter;
	return more;
}

/** set_mac() - make the port's address known */
static void set_mac(struct mana_port *port, const uint8_t mac[6])
{
	memcpy(port->mac, mac, sizeof(port->mac));
	port->has_mac = true;
}

/** rdma_name() - the adapter's RDMA device: the one for Ethernet, if there are two */
static void rdma_name(const struct host *host, struct mana_adapter *adapter)
{
	struct names names;

	host_list(host, &names, "/sys/bus/pci/devices/%s/infiniband", adapter->address);
	for (size_t i = 0; i < names.n; i++)
		if (!*adapter->rdma || !strncmp(names.name[i], "manae", 5))
			snprintf(adapter->rdma, sizeof(adapter->rdma), "%s", names.name[i]);
	names_free(&names);
	if (*adapter->rdma && host_read(host, adapter->firmware, sizeof(adapter->firmware),
					"/sys/class/infiniband/%s/fw_ver", adapter->rdma) < 0)
		*adapter->firmware = '\0';
}

/** read_adapters() - those on PCI and those in software; 0 or a negative errno */
static int read_adapters(const struct host *host, struct machine *machine,
			 const struct pci_functions *functions,
			 const struct software_adapters *software)
{
	struct mana_adapter *adapter;

	machine->adapter = calloc(functions->n + software->n + 1, sizeof(*machine->adapter));
	if (!machine->adapter)
		return -ENOMEM;
	for (size_t i = 0; i < functions->n; i++) {
		const struct pci_function *function = &functions->function[i];

		machine->legacy |= function->vendor == PCI_VENDOR_MELLANOX;
		if (!pci_is_mana(function))
			continue;
		adapter = &machine->adapter[machine->n_adapters++];
		adapter->kind = function->device == PCI_DEVICE_MANA_PF ? ADAPTER_PF : ADAPTER_VF;
		strcpy(adapter->address, function->address);
		strcpy(adapter->driver, function->driver);
		adapter->numa_node = function->numa_node;
		rdma_name(host, adapter);
	}
	for (size_t i = 0; i < software->n; i++) {
		adapter = &machine->adapter[machine->n_adapters++];
		adapter->kind = ADAPTER_SOFTWARE;
		strcpy(adapter->address, software->adapter[i].address);
		strcpy(adapter->name, software->adapter[i].name);
		adapter->numa_node = -1;
	}
	return 0;
}

/** synthetic_of() - the synthetic interface that a VF belongs under; NULL: none */
static const struct netdev *synthetic_of(const struct machine *machine, const struct netdev *vf)
{
	const struct netdev *dev = netdevs_by_index(&machine->netdevs, vf->master);

	if (dev && !strcmp(dev->driver, DRIVER_KERNEL))
		return dev;
	for (size_t i = 0; i < machine->netdevs.n; i++) {
		dev = &machine->netdevs.dev[i];
		if (!strcmp(dev->driver, DRIVER_KERNEL) && !memcmp(dev->mac, vf->mac, 6))
			return dev;
	}
	return NULL;
}

/** add_vfs() - a port for each interface that an adapter has; 0 or -ENOMEM */
static int add_vfs(struct machine *machine, int number)
{
	const char *address = machine->adapter[number].address;
	struct mana_port *port;

	for (size_t i = 0; i < machine->netdevs.n; i++) {
		const struct netdev *dev = &machine->netdevs.dev[i];

		if (strcmp(dev->driver, DRIVER_VF) || strcmp(dev->device, address))
			continue;
		port = add_port(machine, number);
		if (!port)
			return -ENOMEM;
		port->vf = dev;
		port->number = dev->dev_port;
		port->synthetic = synthetic_of(machine, dev);
		set_mac(port, dev->mac);
	}
	return 0;
}

/** add_software() - the ports of a software adapter; 0 or -ENOMEM */
static int add_software(struct machine *machine, int number, const struct software_adapter *from)
{
	for (unsigned int i = 0; i < from->n_ports; i++) {
		struct mana_port *port = add_port(machine, number);

		if (!port)
			return -ENOMEM;
		port->number = i;
		port->mtu = from->port[i].mtu;
		port->queues = from->port[i].queues;
		port->owner = from->attached ? OWNER_MANAKIN : OWNER_FREE;
		snprintf(port->fabric, sizeof(port->fabric), "%s", from->port[i].fabric);
		snprintf(port->name, sizeof(port->name), "%s:%u", from->name, i);
		set_mac(port, from->port[i].mac);
	}
	return 0;
}

/** has_hardware() - does an interface with a device have this one as its master, or its address? */
static bool has_hardware(const struct machine *machine, const struct netdev *synthetic)
{
	for (size_t i = 0; i < machine->netdevs.n; i++) {
		const struct netdev *dev = &machine->netdevs.dev[i];

		if (dev != synthetic && *dev->device &&
		    (dev->master == synthetic->index || !memcmp(dev->mac, synthetic->mac, 6)))
			return true;
	}
	return false;
}

/** port_of_device() - the port that a VMBus device belongs to; NULL: none yet */
static struct mana_port *port_of_device(const struct machine *machine,
					const struct vmbus_device *device,
					const struct netdev *synthetic)
{
	for (size_t i = 0; i < machine->n_ports; i++) {
		struct mana_port *port = &machine->port[i];

		if (port->adapter >= 0 && machine->adapter[port->adapter].kind == ADAPTER_SOFTWARE)
			continue;
		if (synthetic ? port->synthetic == synthetic
			      : device->has_mac && !memcmp(port->mac, device->mac, 6))
			return port;
	}
	return NULL;
}

/** add_device() - join a VMBus device to its port, or make it one; 0 or -ENOMEM */
static int add_device(struct machine *machine, const struct vmbus_device *device)
{
	const struct netdev *synthetic = NULL;
	struct mana_port *port;

	for (size_t i = 0; i < machine->netdevs.n && !synthetic; i++)
		if (!strcmp(machine->netdevs.dev[i].device, device->uuid))
			synthetic = &machine->netdevs.dev[i];
	port = port_of_device(machine, device, synthetic);
	if (!port) {
		if (synthetic ? has_hardware(machine, synthetic)
			      : strcmp(device->driver, DRIVER_USER) != 0)
			return 0;
		port = add_port(machine, -1);
		if (!port)
			return -ENOMEM;
		port->synthetic = synthetic;
		/* Not one that somebody gave it: the device's UUID has the other. */
		if (synthetic)
			set_mac(port,
				synthetic->has_permanent ? synthetic->permanent : synthetic->mac);
		else if (device->has_mac)
			set_mac(port, device->mac);
	}
	strcpy(port->uuid, device->uuid);
	strcpy(port->vmbus_driver, device->driver);
	return 0;
}

/** owner_of() - who owns a port of an adapter on PCI; @users: of its RDMA device */
static enum port_owner owner_of(const struct mana_port *port, const char *users)
{
	if (!strcmp(port->vmbus_driver, DRIVER_USER))
		return OWNER_NETVSC;
	if (netdev_is_up(port->vf) || netdev_is_up(port->synthetic))
		return OWNER_KERNEL;
	return *users ? OWNER_DPDK_MANA : OWNER_FREE;
}

/**
 * device_file() - the name of a device file
 * @directory:	of sysfs, where its name is
 * @begin:	how its name begins
 * @file:	filled in; its name stays empty if there is none
 */
static void device_file(const struct host *host, const char *directory, const char *begin,
			struct device_users *file)
{
	struct names names;

	host_list(host, &names, "%s", directory);
	for (size_t i = 0; i < names.n && !*file->device; i++)
		if (!strncmp(names.name[i], begin, strlen(begin)) &&
		    strlen(names.name[i]) < sizeof(file->device))
			strcpy(file->device, names.name[i]);
	names_free(&names);
}

/** wanted_devices() - the device files of all ports, then of all adapters */
static void wanted_devices(const struct host *host, const struct machine *machine,
			   struct device_users *devices)
{
	char directory[160];

	for (size_t i = 0; i < machine->n_ports; i++, devices++) {
		if (strcmp(machine->port[i].vmbus_driver, DRIVER_USER))
			continue;
		snprintf(directory, sizeof(directory), "/sys/bus/vmbus/devices/%s/uio",
			 machine->port[i].uuid);
		device_file(host, directory, "uio", devices);
	}
	for (size_t i = 0; i < machine->n_adapters; i++, devices++) {
		if (machine->adapter[i].kind == ADAPTER_SOFTWARE)
			continue;
		snprintf(directory, sizeof(directory), "/sys/bus/pci/devices/%s/infiniband_verbs",
			 machine->adapter[i].address);
		device_file(host, directory, "uverbs", devices);
	}
}

/** find_owners() - of ports that are on PCI; 0 or -ENOMEM */
static int find_owners(const struct host *host, struct machine *machine)
{
	struct device_users *devices =
		calloc(machine->n_ports + machine->n_adapters + 1, sizeof(*devices));
	size_t files = 0;

	if (!devices)
		return -ENOMEM;
	wanted_devices(host, machine, devices);
	for (size_t i = 0; i < machine->n_ports + machine->n_adapters; i++)
		files += *devices[i].device != '\0';
	/* This searches every process, so only if necessary. */
	if (files)
		device_users_read(host, devices, machine->n_ports + machine->n_adapters);
	for (size_t i = 0; i < machine->n_ports; i++) {
		struct mana_port *port = &machine->port[i];
		const char *rdma = "";

		if (port->adapter >= 0) {
			if (machine->adapter[port->adapter].kind == ADAPTER_SOFTWARE)
				continue;
			rdma = devices[machine->n_ports + (size_t)port->adapter].users;
		}
		port->owner = owner_of(port, rdma);
		if (port->owner == OWNER_NETVSC)
			strcpy(port->users, devices[i].users);
		else if (port->owner == OWNER_DPDK_MANA)
			strcpy(port->users, rdma);
	}
	free(devices);
	return 0;
}

/** name_ports() - and fill in what the interfaces report */
static void name_ports(struct machine *machine)
{
	for (size_t i = 0; i < machine->n_ports; i++) {
		struct mana_port *port = &machine->port[i];
		const struct netdev *dev = port->synthetic ? port->synthetic : port->vf;

		if (!*port->name)
			snprintf(port->name, sizeof(port->name), "%s",
				 dev ? dev->name : port->uuid);
		if (dev)
			port->mtu = dev->mtu;
		if (dev)
			port->queues = port->vf ? port->vf->queues : dev->queues;
	}
}

static int by_adapter(const void *a, const void *b)
{
	const struct mana_port *x = a, *y = b;
	/* Those without an adapter come last. */
	unsigned int ax = (unsigned int)x->adapter, ay = (unsigned int)y->adapter;

	if (ax != ay)
		return ax < ay ? -1 : 1;
	return x->number != y->number ? (x->number < y->number ? -1 : 1) : strcmp(x->name, y->name);
}

/** read_ports() - when adapters and interfaces are known; 0 or a negative errno */
static int read_ports(const struct host *host, struct machine *machine,
		      const struct software_adapters *software)
{
	size_t on_pci = machine->n_adapters - software->n;
	struct vmbus_devices vmbus = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < on_pci; i++)
		err = add_vfs(machine, (int)i);
	if (!err)
		err = vmbus_read(host, &vmbus);
	for (size_t i = 0; !err && on_pci && i < vmbus.n; i++)
		err = add_device(machine, &vmbus.device[i]);
	vmbus_free(&vmbus);
	for (size_t i = 0; !err && i < software->n; i++)
		err = add_software(machine, (int)(on_pci + i), &software->adapter[i]);
	if (!err)
		err = find_owners(host, machine);
	if (err)
		return err;
	name_ports(machine);
	if (machine->n_ports)
		qsort(machine->port, machine->n_ports, sizeof(*machine->port), by_adapter);
	return 0;
}

int machine_read(const struct host *host, struct machine *machine, struct error *error)
{
	struct software_adapters software = { 0 };
	struct pci_functions functions = { 0 };
	const char *what = "the network interfaces";
	int err;

	memset(machine, 0, sizeof(*machine));
	err = netdevs_read(host, &machine->netdevs);
	if (!err) {
		what = "the PCI bus";
		err = pci_read(host, &functions);
	}
	if (!err) {
		what = "the adapters in software";
		err = software_read(host, &software);
	}
	if (!err) {
		what = "the adapters and their ports";
		err = read_adapters(host, machine, &functions, &software);
	}
	if (!err)
		err = read_ports(host, machine, &software);
	if (err)
		error_say(error, "cannot read %s: %s", what, error_reason(-err));
	software_free(&software);
	pci_free(&functions);
	return err;
}

void machine_free(struct machine *machine)
{
	netdevs_free(&machine->netdevs);
	free(machine->adapter);
	free(machine->port);
	memset(machine, 0, sizeof(*machine));
}
