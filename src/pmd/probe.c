/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * DPDK's PCI bus finds the adapter in the directory that SYSFS_PCI_DEVICES names, and passes the
 * arguments after its address (mac=...). The device's directory there shows how to reach the
 * adapter:
 *
 *	manakin_socket	a program on this machine: take over the adapter
 *	infiniband/	the kernel drives it and has an RDMA device: get queues from that
 *
 *	-> open -> map DPDK's memory -> bring up -> vPorts -> an ethdev each
 *
 * A device with neither is left to other drivers. Without mac= every vPort becomes an ethdev, in
 * the adapter's order; their names are the PCI address followed by _port0, _port1..., as with the
 * upstream driver for this hardware.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_kvargs.h>

#include "base/log.h"
#include "base/mac.h"
#include "pmd/pmd.h"
#include "wire/reg.h"

#define SYSFS_VARIABLE "SYSFS_PCI_DEVICES" /* DPDK's own */
#define SYSFS_DEFAULT  "/sys/bus/pci/devices"
#define SOCKET_NAME    "manakin_socket"
#define RDMA_NAME      "infiniband"
#define ARGUMENT_MAC   "mac"
#define ADDRESS_TEXT   (MAC_TEXT + 2) /* ", " and an address */
#define RECOVERY_MS    30000u

/** struct wanted - the vPorts that the user named; none: all of them */
struct wanted {
	struct rte_ether_addr macs[DRIVER_PORTS_MAX];
	unsigned int count;
};

/** say() - log messages from the rooms below */
static void say(enum log_level level, const char *message)
{
	static const uint32_t levels[] = { RTE_LOG_ERR, RTE_LOG_WARNING, RTE_LOG_NOTICE,
					   RTE_LOG_INFO, RTE_LOG_DEBUG };

	rte_log(levels[level], (uint32_t)pmd_logtype, PMD_NAME ": %s\n", message);
}

/* ---- Arguments ---- */

static int add_mac(const char *key, const char *value, void *arg)
{
	struct wanted *wanted = arg;
	struct rte_ether_addr mac;

	(void)key;
	if (!value || rte_ether_unformat_addr(value, &mac)) {
		PMD_LOG(ERR, "\"%s\" is not an Ethernet address; write mac=00:0d:3a:76:3b:d0",
			value ? value : "");
		return -EINVAL;
	}
	for (unsigned int i = 0; i < wanted->count; i++)
		if (rte_is_same_ether_addr(&wanted->macs[i], &mac))
			return 0;
	if (wanted->count == DRIVER_PORTS_MAX)
		return -E2BIG;
	wanted->macs[wanted->count++] = mac;
	return 0;
}

/** parse() - parse the device's arguments; 0 or -EINVAL */
static int parse(const struct rte_pci_device *pci, struct wanted *wanted)
{
	static const char *const keys[] = { ARGUMENT_MAC, NULL };
	const struct rte_devargs *devargs = pci->device.devargs;
	struct rte_kvargs *arguments;
	int err;

	wanted->count = 0;
	if (!devargs || !devargs->args || !*devargs->args)
		return 0;
	arguments = rte_kvargs_parse(devargs->args, keys);
	if (!arguments) {
		PMD_LOG(ERR,
			"\"%s\" of device %s is not a valid argument: only mac=ADDRESS is, and it "
			"can be repeated",
			devargs->args, pci->name);
		return -EINVAL;
	}
	err = rte_kvargs_process(arguments, ARGUMENT_MAC, add_mac, wanted);
	rte_kvargs_free(arguments);
	return err ? -EINVAL : 0;
}

/* ---- Ports ---- */

/** is_wanted() - did the user name it? Marks the name as found */
static bool is_wanted(const struct wanted *wanted, const uint8_t *mac, bool *found)
{
	if (!wanted->count)
		return true;
	for (unsigned int i = 0; i < wanted->count; i++) {
		if (memcmp(wanted->macs[i].addr_bytes, mac, RTE_ETHER_ADDR_LEN))
			continue;
		found[i] = true;
		return true;
	}
	return false;
}

/** add_port() - create an ethdev for a vPort */
static int add_port(struct pmd_adapter *adapter, unsigned int index,
		    const struct driver_port_info *info, bool alone)
{
	struct rte_pci_device *pci = adapter->pci;
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_eth_dev *dev;
	struct pmd_port *port;

	snprintf(name, sizeof(name), "%s_port%u", pci->name, index);
	dev = rte_eth_dev_allocate(name);
	if (!dev)
		return -ENOMEM;
	port = pmd_state_alloc(sizeof(*port), (unsigned int)pci->device.numa_node);
	if (!port) {
		rte_eth_dev_release_port(dev);
		return -ENOMEM;
	}
	port->adapter = adapter;
	port->index = index;
	port->info = *info;
	port->frame_max = adapter->info.frame_max;
	port->max_units = adapter->info.max_units;
	port->alone = alone;
	memcpy(port->mac.addr_bytes, info->mac, RTE_ETHER_ADDR_LEN);
	pmd_rss_default(port);
	port->intr = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (!port->intr || rte_intr_type_set(port->intr, RTE_INTR_HANDLE_EXT) ||
	    rte_intr_fd_set(port->intr, -1)) {
		rte_intr_instance_free(port->intr);
		pmd_state_free(port);
		rte_eth_dev_release_port(dev);
		return -ENOMEM;
	}
	dev->data->dev_private = port;
	dev->data->mac_addrs = &port->mac;
	dev->device = &pci->device;
	rte_eth_copy_pci_info(dev, pci);
	dev->intr_handle = port->intr;
	dev->dev_ops = &pmd_ops;
	pmd_doorbell[dev->data->port_id] = driver_doorbell(adapter->driver);
	pmd_set_bursts(dev);
	adapter->ports[index] = dev;
	pmd_adapter_get(adapter);
	rte_eth_dev_probing_finish(dev);
	return 0;
}

/** say_missing() - log that no vPort has an address that the user named */
static void say_missing(const struct pmd_adapter *adapter, const struct rte_ether_addr *mac)
{
	char have[8 * ADDRESS_TEXT] = "", text[MAC_TEXT];
	struct driver_port_info info;
	size_t at = 0;

	for (unsigned int i = 0; i < adapter->info.ports; i++) {
		if (driver_port_info(adapter->driver, i, &info))
			continue;
		if (at + ADDRESS_TEXT + 4 > sizeof(have)) {
			snprintf(have + at, sizeof(have) - at, "...");
			break;
		}
		at += (size_t)snprintf(have + at, sizeof(have) - at, "%s%s", at ? ", " : "",
				       mac_text(info.mac, text));
	}
	PMD_LOG(ERR, "no port of the adapter at %s has the address %s; it has %s",
		adapter->pci->name, mac_text(mac->addr_bytes, text), have);
}

static int add_ports(struct pmd_adapter *adapter, const struct wanted *wanted)
{
	bool found[DRIVER_PORTS_MAX] = { false };
	struct driver_port_info info;
	int err;

	/* Before any port exists, so that nothing has to be undone. */
	for (unsigned int i = 0; i < adapter->info.ports; i++)
		if (!driver_port_info(adapter->driver, i, &info))
			is_wanted(wanted, info.mac, found);
	for (unsigned int i = 0; i < wanted->count; i++) {
		if (!found[i]) {
			say_missing(adapter, &wanted->macs[i]);
			return -ENODEV;
		}
	}
	for (unsigned int i = 0; i < adapter->info.ports; i++) {
		err = driver_port_info(adapter->driver, i, &info);
		if (err)
			return err;
		if (!is_wanted(wanted, info.mac, found))
			continue;
		err = add_port(adapter, i, &info, adapter->info.ports == 1);
		if (err)
			return err;
	}
	return 0;
}

/* ---- Adapters ---- */

/** has() - does the device's directory have this file? */
static bool has(const struct rte_pci_device *pci, const char *name, char *path, size_t size)
{
	const char *sysfs = getenv(SYSFS_VARIABLE);

	return (size_t)snprintf(path, size, "%s/%s/%s", sysfs ? sysfs : SYSFS_DEFAULT, pci->name,
				name) < size &&
	       faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/** reach() - open the adapter at its socket, or through the kernel */
static int reach(struct pmd_adapter *adapter, const char *path)
{
	struct driver_allocator allocator = pmd_allocator;
	struct transport *transport;
	int err;

	allocator.ctx = adapter;
	if (adapter->verbs)
		return driver_open_verbs(adapter->pci->name, &allocator, &adapter->driver);
	err = transport_vfio_user(path, &transport);
	return err ? err : driver_open(transport, &allocator, &adapter->driver);
}

/** disconnect() - close the adapter */
static void disconnect(struct pmd_adapter *adapter)
{
	pmd_event_stop(adapter);
	pmd_memory_unmap(adapter);
	if (adapter->driver)
		driver_close(adapter->driver);
	adapter->driver = NULL;
}

/** open_adapter() - open it, again if it was open, and bring it up; failures have been logged */
static int open_adapter(struct pmd_adapter *adapter)
{
	char path[PATH_MAX];
	int err;

	disconnect(adapter);
	if (!has(adapter->pci, adapter->verbs ? RDMA_NAME : SOCKET_NAME, path, sizeof(path)))
		return -ENODEV;
	err = reach(adapter, path);
	if (err)
		adapter->driver = NULL;
	else
		err = pmd_memory_map(adapter);
	if (!err)
		err = driver_start(adapter->driver);
	if (err)
		return err;
	driver_info(adapter->driver, &adapter->info);
	if (!adapter->info.ports) {
		PMD_LOG(ERR, "the adapter at %s has no ports", adapter->pci->name);
		return -ENODEV;
	}
	return pmd_event_start(adapter);
}

/** release() - free an adapter without users */
static void release(struct pmd_adapter *adapter)
{
	disconnect(adapter);
	pthread_cond_destroy(&adapter->idle);
	pthread_mutex_destroy(&adapter->lock);
	free(adapter);
}

/** close_ports() - close a device's ports, in any process */
static void close_ports(struct rte_pci_device *pci)
{
	uint16_t id;

	RTE_ETH_FOREACH_DEV_OF(id, &pci->device)
	{
		if (!pmd_primary()) {
			pmd_doorbell[id] = NULL;
			rte_eth_dev_release_port(&rte_eth_devices[id]);
			continue;
		}
		rte_eth_dev_stop(id);
		rte_eth_dev_close(id);
	}
}

static int remove_device(struct rte_pci_device *pci)
{
	close_ports(pci);
	if (!pmd_primary())
		pmd_share_detach(pci);
	return 0;
}

static int probe(struct rte_pci_driver *driver, struct rte_pci_device *pci)
{
	char path[PATH_MAX];
	struct pmd_adapter *adapter;
	struct wanted wanted;
	bool verbs = false;
	int err;

	(void)driver;
	if (!has(pci, SOCKET_NAME, path, sizeof(path))) {
		verbs = has(pci, RDMA_NAME, path, sizeof(path));
		if (!verbs)
			return 1;
	}
	log_set(say, LOG_INFO);
	pmd_recover_attach();
	if (!pmd_primary()) {
		err = pmd_share_attach(pci);
		if (err)
			remove_device(pci);
		return err;
	}
	err = parse(pci, &wanted);
	if (err)
		return err;
	adapter = calloc(1, sizeof(*adapter));
	if (!adapter)
		return -ENOMEM;
	adapter->pci = pci;
	adapter->verbs = verbs;
	adapter->open = open_adapter;
	adapter->release = release;
	adapter->recover = pmd_recover_start;
	adapter->patience_ms = RECOVERY_MS;
	pmd_adapter_add(adapter); /* a user until the ports exist */
	err = open_adapter(adapter);
	if (!err)
		err = add_ports(adapter, &wanted);
	if (!err)
		err = pmd_share_start();
	if (err)
		close_ports(pci);
	pmd_adapter_put(adapter);
	return err;
}

static const struct rte_pci_id ids[] = {
	{ RTE_PCI_DEVICE(MANA_PCI_VENDOR_ID, MANA_PCI_DEVICE_ID_VF) },
	{ RTE_PCI_DEVICE(MANA_PCI_VENDOR_ID, MANA_PCI_DEVICE_ID_PF) },
	{ .vendor_id = 0 },
};

static struct rte_pci_driver pci_driver = {
	.id_table = ids,
	.drv_flags = RTE_PCI_DRV_INTR_LSC | RTE_PCI_DRV_INTR_RMV,
	.probe = probe,
	.remove = remove_device,
};

RTE_PMD_REGISTER_PCI(net_manakin, pci_driver);
RTE_PMD_REGISTER_PCI_TABLE(net_manakin, ids);
RTE_PMD_REGISTER_PARAM_STRING(net_manakin, ARGUMENT_MAC "=<ethernet address>");
