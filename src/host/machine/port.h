/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/port.h - the MANA adapters of a machine and their ports: what PCI, VMBus, the
 * network stack, RDMA and the software adapters each know, joined.
 *
 * The room host/machine says what a machine has: adapters, interfaces, kernel modules, hugepages,
 * limits, rdma-core, the distribution. It reads sysfs and procfs below one directory (root.h), so
 * that a test can give it a machine made of files; it asks the kernel over netlink, and a software
 * adapter over its control socket. It uses base/ and libraries (libpci, libkmod, libmnl, jansson).
 * A few functions change one thing of the machine for the room host/handover: the number of
 * hugepages, a module, a VMBus device's driver. The room never decides, prints, or runs a program
 * (libibverbs is loaded in a child, as it may crash; other network namespaces are entered by a
 * thread of its own), and it knows nothing of plans or checks.
 *
 * A port is known by its MAC address. Its VF interface (driver mana) is on the adapter's PCI
 * device, which several ports share. Its synthetic interface (driver hv_netvsc) is on VMBus; the
 * VF is joined under it. Once either is handed over, its interface is gone, and only the bus still
 * shows it.
 */
#ifndef MANAKIN_HOST_MACHINE_PORT_H
#define MANAKIN_HOST_MACHINE_PORT_H

#include "base/error.h"
#include "host/machine/netdev.h"
#include "host/machine/pci.h"
#include "host/machine/root.h"
#include "host/machine/vmbus.h"

enum adapter_kind {
	ADAPTER_VF,       /* 1414:00ba */
	ADAPTER_PF,       /* 1414:00b9 */
	ADAPTER_SOFTWARE, /* manakin device --name NAME, on this machine */
};

enum port_owner {
	OWNER_KERNEL,    /* its interfaces are the kernel's, at least one of them up */
	OWNER_FREE,      /* the kernel's, but down: DPDK may take it directly (--pmd mana) */
	OWNER_NETVSC,    /* the synthetic device is uio_hv_generic's: for DPDK's netvsc */
	OWNER_DPDK_MANA, /* a process has its RDMA device open, and the interfaces are down */
	OWNER_MANAKIN,   /* a client is attached to the software adapter */
	OWNER_UNKNOWN,   /* of a software adapter that this user may not ask, or that was killed */
};

/**
 * struct mana_port - a port
 * @adapter:	index of its adapter; -1: there is a synthetic interface but no VF
 * @mac:	its address; @has_mac: it is known
 * @vf:		its VF's interface; NULL: none
 * @synthetic:	its synthetic interface; NULL: none
 * @uuid:	of the VMBus device; empty: none known
 * @vmbus_driver: driver of that device; empty: none
 * @number:	among the ports of its adapter, from 0
 * @users:	processes that have it open ("dpdk-testpmd (4711)"), for messages; empty: none that
 *		this user can see
 * @mtu, @queues: bytes of an IP packet; queues in use; 0: not known
 * @fabric:	what a software adapter's port is plugged into
 * @name:	for messages: synthetic interface, VF, or UUID; software: NAME:N
 */
struct mana_port {
	int adapter;
	unsigned int number;
	bool has_mac;
	uint8_t mac[6];
	const struct netdev *vf;
	const struct netdev *synthetic;
	char uuid[VMBUS_UUID_TEXT];
	char vmbus_driver[32];
	enum port_owner owner;
	char users[128];
	unsigned int mtu, queues;
	char fabric[64];
	char name[64];
};

/**
 * struct mana_adapter - an adapter
 * @address:	on the PCI bus; of a software adapter, as DPDK sees it, or empty: not known
 * @driver:	of the PCI function: mana, uio_pci_generic, vfio-pci; empty: none
 * @rdma:	name of its RDMA device (mana_0; on newer kernels manae_0, beside one for RNICs);
 *		empty: none
 * @firmware:	version, if it is known
 * @numa_node:	-1: not known
 * @name:	of a software adapter
 */
struct mana_adapter {
	enum adapter_kind kind;
	char address[PCI_ADDRESS_TEXT];
	char driver[32];
	char rdma[32];
	char firmware[32];
	int numa_node;
	char name[32];
};

/**
 * struct machine - its adapters and ports; points into itself, so it must not be copied
 * @legacy:	there is a Mellanox function (15b3), as VMs without MANA have
 */
struct machine {
	struct netdevs netdevs;
	struct mana_adapter *adapter;
	size_t n_adapters;
	struct mana_port *port;
	size_t n_ports;
	bool legacy;
};

/**
 * machine_read() - read the adapters and ports
 * @machine:	filled in; machine_free() it, after a failure too
 * @error:	on failure, a sentence for the user
 */
int machine_read(const struct host *host, struct machine *machine, struct error *error);
void machine_free(struct machine *machine);

/**
 * machine_find() - the port that a user names
 * @word:	synthetic interface, VF, MAC address, UUID, or a software adapter's NAME[:N]
 * @port:	filled in
 * @error:	on failure, a sentence for the user that says what to type instead; a PCI address
 *		names a whole adapter, so it is refused with the names of its ports
 *
 * Return: 0; -ENODEV: there is no such interface; -ENOTSUP: it is not MANA; -EINVAL: neither
 */
int machine_find(const struct machine *machine, const char *word, const struct mana_port **port,
		 struct error *error);

/** port_default_route(), port_ssh() - does one of its interfaces carry it? */
bool port_default_route(const struct mana_port *port);
bool port_ssh(const struct mana_port *port);

/** port_factory_mac() - the address that @dev of the port has unless somebody changes it, or NULL */
const uint8_t *port_factory_mac(const struct mana_port *port, const struct netdev *dev);

/** adapter_kind_name() - "vf", "pf", "software" */
const char *adapter_kind_name(enum adapter_kind kind);

/** owner_name() - "kernel", "dpdk-netvsc", ... as the commands print it */
const char *owner_name(enum port_owner owner);

#endif
