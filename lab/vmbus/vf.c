// SPDX-License-Identifier: GPL-2.0
/*
 * vf.c - the adapter's function on the PCI bus, as the VF of the cards.
 *
 * hv_netvsc joins an interface to a card if the name of the PCI slot it is in is the
 * serial number that the host has told, and the addresses are the same. On Hyper-V
 * pci-hyperv.ko makes that slot; here this file does. And as pci-hyperv.ko does when
 * the host ejects a device or offers one, it takes the function off the bus, and looks
 * for it again.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "link.h"

/**
 * struct vf - a function
 * @link:	where its adapter is to be told
 * @pci:	its slot, with the serial number for a name
 * @slot:	number of the slot, on bus 0
 * @there:	is it to be there?
 * @change:	makes it so
 */
struct vf {
	struct link *link;
	struct pci_slot *pci;
	unsigned int slot;
	bool there;
	struct work_struct change;
};

static void change(struct work_struct *work)
{
	struct vf *vf = container_of(work, struct vf, change);
	struct pci_bus *bus = pci_find_bus(0, 0);
	bool there = READ_ONCE(vf->there);
	struct pci_dev *function;

	if (!bus)
		return;
	pci_lock_rescan_remove();
	function = pci_get_slot(bus, PCI_DEVFN(vf->slot, 0));
	if (function && !there)
		pci_stop_and_remove_bus_device(function);
	if (!function && there)
		pci_rescan_bus(bus);
	pci_unlock_rescan_remove();
	pci_dev_put(function);
	link_say_vf_done(vf->link, there);
}

/**
 * vf_create() - give an adapter's slot the name that hv_netvsc looks for
 * @link:	its cable
 * @slot:	where it is, or will be, on PCI bus 0
 * @serial:	its serial number
 *
 * Return: the VF, or NULL if it cannot be had: the cards then do without
 */
struct vf *vf_create(struct link *link, unsigned int slot, u32 serial)
{
	struct pci_bus *bus = pci_find_bus(0, 0);
	struct vf *vf = kzalloc(sizeof(*vf), GFP_KERNEL);
	char name[16];

	if (!vf || !bus) {
		kfree(vf);
		return NULL;
	}
	vf->link = link;
	vf->slot = slot;
	vf->there = true;
	INIT_WORK(&vf->change, change);
	snprintf(name, sizeof(name), "%u", serial);
	vf->pci = pci_create_slot(bus, slot, name, NULL);
	if (IS_ERR(vf->pci)) {
		pr_err("cannot name the PCI slot %u: %ld\n", slot, PTR_ERR(vf->pci));
		kfree(vf);
		return NULL;
	}
	return vf;
}

/* The adapter says that its function comes or goes; in any context that may schedule work. */
void vf_set(struct vf *vf, bool there)
{
	WRITE_ONCE(vf->there, there);
	schedule_work(&vf->change);
}

void vf_destroy(struct vf *vf)
{
	if (!vf)
		return;
	cancel_work_sync(&vf->change);
	pci_destroy_slot(vf->pci);
	kfree(vf);
}
