/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/pci_view.h - a directory shaped like sysfs, in which DPDK's PCI bus finds an
 * adapter that has no PCI bus.
 */
#ifndef MANAKIN_SERVE_PCI_VIEW_H
#define MANAKIN_SERVE_PCI_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define PCI_VIEW_ADDRESS_DEFAULT "7870:00:00.0"

/** pci_view_address_ok() - is it DDDD:BB:DD.F in hexadecimal? */
bool pci_view_address_ok(const char *address);

/**
 * pci_view_make() - make DIRECTORY/pci/ADDRESS with what DPDK's PCI scan reads
 * @directory:	the adapter's, exists
 * @address:	where the adapter is to be
 * @physical:	it is a 00b9, not a 00ba
 * @error:	on failure, a sentence for the user
 *
 * What is left of an adapter of the same name that was killed is replaced.
 *
 * Return: 0 or a negative errno
 */
int pci_view_make(const char *directory, const char *address, bool physical, struct error *error);

/** pci_view_remove() - remove it again, and DIRECTORY if nothing else is in it */
void pci_view_remove(const char *directory, const char *address);

#endif
