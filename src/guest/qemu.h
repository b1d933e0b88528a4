/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/qemu.h - one virtual machine: QEMU, with the lab's arguments.
 */
#ifndef MANAKIN_GUEST_QEMU_H
#define MANAKIN_GUEST_QEMU_H

#include <stdbool.h>
#include <stddef.h>

#include "guest/arch.h"
#include "guest/directory.h"
#include "process/child.h"

#define GUEST_ADAPTERS_MAX 15u /* PCI slots 0x10 to 0x1e */

enum guest_accel {
	ACCEL_AUTO, /* KVM if it works, TCG otherwise */
	ACCEL_KVM,
	ACCEL_TCG,
};

/**
 * struct qemu_config - what the machine is made of
 * @arch:	of its CPUs
 * @qemu:	directory of the cache's QEMU for @arch
 * @image:	directory of the cache's guest
 * @kernel:	directory of another kernel, with its modules; NULL: the guest's own
 * @directory:	the run's, for sockets and the logs qemu.log, share.log; QEMU runs there. It
 *		holds the adapters' sockets as adapter-0, adapter-1, ...
 * @accel:	what runs its CPUs: KVM or TCG, never ACCEL_AUTO
 * @cpus:	how many
 * @memory_mb:	in mebibytes
 * @adapters:	how many sockets of adapters are in @directory
 * @root_ports:	each adapter is behind a PCI Express root port, not on the root bus
 * @netvsc:	give the guest synthetic interfaces too; not with @root_ports
 * @share:	a directory of the host for /mnt/share, or NULL
 * @tap:	a tap of the host for a virtio network card, or NULL
 * @stream:	a UNIX socket of the host for another one, or NULL
 * @reboots:	it may restart
 * @talkative:	all kernel messages on the console, not only the severe ones
 */
struct qemu_config {
	enum guest_arch arch;
	const char *qemu;
	const char *image;
	const char *kernel;
	const struct directory *directory;
	enum guest_accel accel;
	unsigned int cpus;
	unsigned int memory_mb;
	unsigned int adapters;
	bool root_ports;
	bool netvsc;
	const char *share;
	const char *tap;
	const char *stream;
	bool reboots;
	bool talkative;
};

/* The guest's ports; lab/guest/init says what goes over each. */
enum qemu_port {
	PORT_CONTROL, /* lines, both ways */
	PORT_STDIN,
	PORT_STDOUT,
	PORT_STDERR,
	PORT_TERMINAL, /* an interactive shell's, both ways */
	PORT_CONSOLE,  /* what the kernel prints */
	QEMU_PORTS,
};

/**
 * struct qemu - a running machine
 * @process:	QEMU
 * @share:	the server of the shared directory, if there is one
 * @ports:	non-blocking stream sockets
 */
struct qemu {
	struct child process;
	struct child share;
	int ports[QEMU_PORTS];
};

/**
 * qemu_start() - start a machine
 * @qemu:	filled in; qemu_stop() it, after a failure too
 * @config:	what it is made of
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int qemu_start(struct qemu *qemu, const struct qemu_config *config);

/** qemu_stop() - kill the machine and close its ports */
void qemu_stop(struct qemu *qemu);

#endif
