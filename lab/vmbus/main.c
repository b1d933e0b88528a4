// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - a VMBus without Hyper-V under it.
 *
 * Theory of operation
 * -------------------
 * On Azure the host offers devices over VMBus, and hv_vmbus.ko turns the offers into devices for
 * hv_netvsc.ko or uio_hv_generic.ko. Here both ends are in this module: the guest's end, with the
 * symbols and files of hv_vmbus (bus.c, channel.c, channel_sysfs.c, ring.c), and a thread that
 * plays the host (host.c) with one network card for each port of a MANA adapter (netvsp.c, rndis.c,
 * data.c). They talk as in a real guest, over rings in the guest's memory; what would be a
 * hypercall or an interrupt is a function call.
 *
 * A card's frames must leave the guest without the adapter's VF, so that traffic continues when the
 * VF is gone. They go through a virtio network device whose other end is the adapter's fabric
 * (link.c): the host's own cable, so to speak. Over it the adapter announces its ports, and whether
 * the VF is present (vf.c).
 *
 *	hv_netvsc | uio_hv_generic + DPDK
 *	    ring.c        rings, in guest memory
 *	    host.c        the host's end of them, one thread
 *	    netvsp.c rndis.c data.c     a card
 *	    link.c        to the adapter's fabric
 *
 * Locks: host_lock (a mutex) covers the host's state. Nothing that a driver calls in atomic context
 * takes it; the drivers' interrupt handlers only wake the host. The host never takes the RTNL or a
 * device's lock: work items handle offers, rescinds and the VF's removal.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "link.h"
#include "vmbus.h"

static int __init lab_init(void)
{
	int err;

	err = lab_bus_register();
	if (err)
		return err;
	err = host_start();
	if (err)
		goto no_host;
	err = link_register();
	if (err)
		goto no_link;
	return 0;

no_link:
	host_stop();
no_host:
	lab_bus_unregister();
	return err;
}

static void __exit lab_exit(void)
{
	link_unregister();
	host_stop();
	lab_bus_unregister();
}

module_init(lab_init);
module_exit(lab_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("VMBus and its host for Manakin's lab guests");
