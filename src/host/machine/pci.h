/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/pci.h - the network adapters on the PCI bus.
 *
 * Read from sysfs by this room's own functions, not by libpci: that reads seven files of every
 * device on the bus where two suffice to rule MANA out, follows links out of --sysroot, and ends
 * the process (its error handler must not return) where /sys/bus/pci is missing.
 */
#ifndef MANAKIN_HOST_MACHINE_PCI_H
#define MANAKIN_HOST_MACHINE_PCI_H

#include <stdint.h>

#include "host/machine/root.h"

#define PCI_ADDRESS_TEXT     16u

#define PCI_VENDOR_MICROSOFT 0x1414u
#define PCI_VENDOR_MELLANOX  0x15b3u
#define PCI_DEVICE_MANA_PF   0x00b9u
#define PCI_DEVICE_MANA_VF   0x00bau

/**
 * struct pci_function - a function of one of these two vendors
 * @address:	DDDD:BB:DD.F; Linux writes domains beyond 16 bits with more digits
 * @driver:	empty: none
 * @numa_node:	-1: not known
 */
struct pci_function {
	char address[PCI_ADDRESS_TEXT];
	uint16_t vendor, device;
	char driver[32];
	int numa_node;
};

struct pci_functions {
	struct pci_function *function;
	size_t n;
};

/** pci_read() - the network functions of Microsoft and Mellanox; none if there is no such bus */
int pci_read(const struct host *host, struct pci_functions *functions);
void pci_free(struct pci_functions *functions);

/** pci_is_mana() - is it a MANA adapter's physical or virtual function? */
bool pci_is_mana(const struct pci_function *function);

/** pci_address_ok() - is this text shaped like a PCI address? */
bool pci_address_ok(const char *text);

#endif
