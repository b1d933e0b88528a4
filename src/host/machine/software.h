/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/software.h - the adapters in software that run on this machine.
 *
 * `manakin device --name NAME` creates a directory SOFTWARE_DIRECTORY/NAME with its sockets and a
 * directory shaped like sysfs, pci/ADDRESS, where DPDK finds it. Only its user and root may
 * connect; others see its name at most.
 */
#ifndef MANAKIN_HOST_MACHINE_SOFTWARE_H
#define MANAKIN_HOST_MACHINE_SOFTWARE_H

#include <stdint.h>

#include "host/machine/pci.h"
#include "host/machine/root.h"

#define SOFTWARE_DIRECTORY "/run/manakin"
#define SOFTWARE_NAME_TEXT 32u
#define SOFTWARE_PORTS_MAX 16u

/**
 * struct software_port - a vPort
 * @fabric:	what it is plugged into; may be truncated
 */
struct software_port {
	uint8_t mac[6];
	unsigned int mtu, queues;
	char fabric[64];
};

/**
 * struct software_adapter - an adapter
 * @address:	empty: this user may not read it
 * @physical:	it presents the PF
 * @running:	it answered; else what follows is not known
 * @attached:	a client is attached
 */
struct software_adapter {
	char name[SOFTWARE_NAME_TEXT];
	char address[PCI_ADDRESS_TEXT];
	bool physical;
	bool running;
	bool attached;
	unsigned int n_ports;
	struct software_port port[SOFTWARE_PORTS_MAX];
};

struct software_adapters {
	struct software_adapter *adapter;
	size_t n;
};

/** software_read() - all of them, in the order of their names; 0 or a negative errno */
int software_read(const struct host *host, struct software_adapters *adapters);
void software_free(struct software_adapters *adapters);

#endif
