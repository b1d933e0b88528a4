// SPDX-License-Identifier: GPL-2.0
/*
 * vf.c - the adapter's function on the PCI bus, as the VF of the cards.
 *
 * hv_netvsc joins an interface to a card if the name of the PCI slot it is in is the
 * serial number that the host has told, and the addresses are the same. On Hyper-V
 * pci-hyperv.ko makes that slot; here this file does. And as pci-hyperv.ko does when
 * the host ejects a device or offers one, it takes the function off the bus, and looks
 * for it again.
 *
 * Drivers hear of it from two sides, and DPDK's netvsc does not bear every order of
 * what it hears:
 *
 *	revoke	the cards' drivers are told that the VF goes, and have LEAVE_MS to
 *		switch their data path; then the function goes. DPDK's does in between
 *		two bursts; hv_netvsc waits for the function to go.
 *	return	the function comes, and the adapter has the cards' drivers told, while
 *		the function's driver takes it (hv_netvsc may wait for that, and with a
 *		lock that the other needs); then the kernel tells user space.
 *
 * DPDK 24.11 looks for interface and RDMA device one second after the kernel has told
 * of the function, and never again. A driver needs a tenth of that on a real machine,
 * and more than all of it where a busy CPU is emulated; so the event is kept back until
 * the driver has the function.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "link.h"

#define LEAVE_MS 1000u

/**
 * struct vf - a function
 * @link:	where its adapter is to be told
 * @pci:	its slot, with the serial number for a name
 * @slot:	number of the slot, on bus 0
 * @there:	is it to be there?
 * @change:	makes it so
 * @block:	hears of new functions on the bus, while it is looked for
 */
struct vf {
	struct link *link;
	struct pci_slot *pci;
	unsigned int slot;
	bool there;
	struct work_struct change;
	struct notifier_block block;
};

/* Give the drivers of the cards time to send by other ways. */
static void wait_until_left(const struct vf *vf)
{
	for (unsigned int ms = 0; ms < LEAVE_MS && link_on_vf(vf->link); ms++)
		usleep_range(1000, 1100);
}

/* A function comes, before its driver and its event. */
static int function_comes(struct notifier_block *block, unsigned long action, void *data)
{
	const struct vf *vf = container_of(block, struct vf, block);
	const struct pci_dev *function = to_pci_dev(data);

	if (action != BUS_NOTIFY_ADD_DEVICE || pci_domain_nr(function->bus) ||
	    function->bus->number || function->devfn != PCI_DEVFN(vf->slot, 0))
		return NOTIFY_DONE;
	dev_set_uevent_suppress(data, true);
	link_say_vf_done(vf->link, true);
	return NOTIFY_DONE;
}

/* Look for the function; its driver has it when this returns, if it is there. */
static void rescan(struct vf *vf, struct pci_bus *bus)
{
	struct pci_dev *function;

	bus_register_notifier(&pci_bus_type, &vf->block);
	pci_rescan_bus(bus);
	bus_unregister_notifier(&pci_bus_type, &vf->block);
	function = pci_get_slot(bus, PCI_DEVFN(vf->slot, 0));
	if (!function)
		return;
	dev_set_uevent_suppress(&function->dev, false);
	kobject_uevent(&function->dev.kobj, KOBJ_ADD);
	pci_dev_put(function);
}

static void change(struct work_struct *work)
{
	struct vf *vf = container_of(work, struct vf, change);
	struct pci_bus *bus = pci_find_bus(0, 0);
	bool there = READ_ONCE(vf->there);
	struct pci_dev *function;

	if (!bus)
		return;
	if (!there)
		wait_until_left(vf);
	pci_lock_rescan_remove();
	function = pci_get_slot(bus, PCI_DEVFN(vf->slot, 0));
	if (!there && function)
		pci_stop_and_remove_bus_device(function);
	if (there && !function)
		rescan(vf, bus);
	else
		link_say_vf_done(vf->link, there);
	pci_unlock_rescan_remove();
	pci_dev_put(function);
}

/**
 * vf_create() - give an adapter's slot the name that hv_netvsc looks for
 * @link:	its cable
 * @slot:	where it is, or will be, on PCI bus 0
 * @serial:	its serial number
 *
 * Return: the VF, or NULL if there is none: the cards then do without
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
	vf->block.notifier_call = function_comes;
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
