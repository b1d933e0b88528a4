// SPDX-License-Identifier: GPL-2.0
/*
 * vf.c - the adapter's function on the PCI bus, as the VF of the cards.
 *
 * hv_netvsc pairs an interface with a card if the name of its PCI slot is the serial number from
 * the host, and the addresses are the same. On Hyper-V pci-hyperv.ko creates that slot; here this
 * file does. Like pci-hyperv.ko when the host ejects or offers a device, it removes the function
 * from the bus, and scans for it again.
 *
 * Drivers are notified in two ways, and DPDK's netvsc does not tolerate every order:
 *
 *	revoke	the cards' drivers are told that the VF is being removed; DPDK's have LEAVE_MS to
 *		switch their data path, which they do between two bursts; then the function is
 *		removed. hv_netvsc waits for the removal, so nothing waits for it.
 *	return	the function comes, and the adapter has the cards' drivers told, while
 *		the function's driver takes it (hv_netvsc may wait for that, and with a
 *		lock that the other needs); then the kernel tells user space.
 *
 * DPDK 24.11 looks for the interface and the RDMA device one second after the kernel's event for
 * the function, and never again. Probing takes a tenth of that on a real machine, but longer than a
 * second on a busy emulated CPU; so the event is delayed until the driver is bound to the function.
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
 * @link:	the cable to its adapter
 * @pci:	its slot, named after the serial number
 * @slot:	number of the slot, on bus 0
 * @there:	should it be present?
 * @change:	adds or removes it
 * @block:	notifier of new functions, during the scan
 */
struct vf {
	struct link *link;
	struct pci_slot *pci;
	unsigned int slot;
	bool there;
	struct work_struct change;
	struct notifier_block block;
};

/* Give DPDK's drivers time to switch their data path. */
static void wait_until_left(const struct vf *vf)
{
	for (unsigned int ms = 0; ms < LEAVE_MS && link_on_vf(vf->link); ms++)
		usleep_range(1000, 1100);
}

/* A function appears, before its driver and its event. */
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

/* Scan for the function; if it is present, its driver is bound on return. */
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
 * @slot:	its place on PCI bus 0, now or later
 * @serial:	its serial number
 *
 * Return: the VF, or NULL if there is none: the cards then work without
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

/* The adapter adds or removes its function; in any context that may schedule work. */
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
