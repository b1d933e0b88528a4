/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/pci_view.h - a directory shaped like sysfs, in which DPDK's PCI bus finds an adapter that
 * is on no PCI bus.
 */
#ifndef MANAKIN_SERVE_PCI_VIEW_H
#define MANAKIN_SERVE_PCI_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>

#include "base/error.h"

#define PCI_VIEW_ADDRESS_DEFAULT "7870:00:00.0"

/** pci_view_address_ok() - is it DDDD:BB:DD.F in hexadecimal? */
bool pci_view_address_ok(const char *address);

/**
 * pci_view_make() - create DIRECTORY/pci/ADDRESS with what DPDK's PCI scan reads
 * @directory:	the adapter's; it exists
 * @address:	PCI address of the adapter
 * @physical:	a PF (00b9), not a VF (00ba)
 * @error:	on failure, a sentence for the user
 *
 * What a killed adapter of the same name left behind is replaced.
 *
 * Return: 0 or a negative errno
 */
int pci_view_make(const char *directory, const char *address, bool physical, struct error *error);

/** pci_view_remove() - remove it again, and DIRECTORY if nothing else is in it */
void pci_view_remove(const char *directory, const char *address);

/** pci_view_give() - to another user, who can then remove it; 0 or a negative errno */
int pci_view_give(const char *directory, const char *address, uid_t uid, gid_t gid);

#endif
