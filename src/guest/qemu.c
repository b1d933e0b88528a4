/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/qemu.c - one virtual machine: QEMU, with the lab's arguments.
 *
 * Theory of operation
 * -------------------
 * The machine (machine.h) is bare: a read-only root disk, virtio-serial ports, what the options add,
 * and no other network card. Its memory is a memfd that is mapped shared, so that the adapter (and
 * virtiofsd) get it as a file descriptor.
 *
 * QEMU runs in the run's directory. Everything that it opens by name is a socket or a symbolic link
 * there, with a short name without special characters: so paths may be of any length and contain
 * any byte, whatever QEMU's option syntax allows.
 *
 * The kernel is unpacked, and QEMU starts it without firmware or a boot loader. PCI addresses are
 * fixed, whatever else is on the bus:
 *
 *	01 the ports   02 the root disk   03 /mnt/share   04 the tap's card   08 the stream's card   07 another kernel's modules
 *	05.0, 05.1 ... 06.0 ...    with --netvsc: the host's cable to each adapter
 *	10, 11, ...    adapters, or with --root-port the root ports that they are behind
 */
#include "guest/qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "guest/adapter.h"
#include "guest/machine.h"
#include "guest/share.h"
#include "term/say.h"

static const struct {
	const char *name; /* of the chardev, and "manakin." before it, of the port */
	const char *device;
} ports[QEMU_PORTS] = {
	[PORT_STDIN] = { "stdin", "virtserialport" },
	[PORT_STDOUT] = { "stdout", "virtserialport" },
	[PORT_STDERR] = { "stderr", "virtserialport" },
	[PORT_TERMINAL] = { "terminal", "virtconsole" },
	[PORT_CONTROL] = { "control", "virtserialport" },
	[PORT_CONSOLE] = { "console", NULL },
};

/*
 * A port reads as ended until the guest has learned that its host side is open. It learns that in
 * the order of the devices, so once something arrives on the last port, the others are open too.
 */
static const enum qemu_port port_order[] = { PORT_STDIN, PORT_STDOUT, PORT_STDERR, PORT_TERMINAL,
					     PORT_CONTROL };

/**
 * link_into() - give a file a short name in the run's directory
 * @directory:	the run's
 * @name:	the short name
 * @folder:	where the file is
 * @file:	its name there
 *
 * Return: 0 or a negative errno
 */
static int link_into(const char *directory, const char *name, const char *folder, const char *file)
{
	char *link = NULL, *target = NULL;
	int err = 0;

	if (asprintf(&link, "%s/%s", directory, name) < 0 ||
	    asprintf(&target, "%s/%s", folder, file) < 0)
		err = -ENOMEM;
	else if (symlink(target, link) < 0)
		err = -errno;
	free(link);
	free(target);
	return err;
}

/**
 * add_adapters() - the adapters, and what they are behind
 * @argv:	the command line
 * @config:	the machine
 *
 * A slot of the root bus has no bridge above it. A driver that takes the bridge off the bus and
 * scans again, as mana of Linux 7.2 does when an FPGA is reconfigured, needs one.
 *
 * Return: 0 or a negative errno
 */
static int add_adapters(char ***argv, const struct qemu_config *config)
{
	char bus[32] = "";
	int err = 0;

	for (unsigned int i = 0; i < config->adapters; i++) {
		if (config->root_ports) {
			err |= child_args_add(argv, "-device");
			err |= child_args_add(argv,
					      "pcie-root-port,id=root%u,addr=%x,chassis=%u,slot=%u",
					      i, 0x10 + i, i + 1, i + 1);
			snprintf(bus, sizeof(bus), "\"bus\":\"root%u\",", i);
		}
		err |= child_args_add(argv, "-device");
		err |= child_args_add(
			argv,
			"{\"driver\":\"vfio-user-pci\",\"id\":\"adapter%u\",%s\"addr\":\"0x%x\","
			"\"socket\":{\"type\":\"unix\",\"path\":\"adapter-%u\"}}",
			i, bus, config->root_ports ? 0 : 0x10 + i, i);
	}
	return err;
}

/** add_cards() - QEMU's own network cards, and the cables of synthetic ones; 0 or a negative errno */
static int add_cards(char ***argv, const struct qemu_config *config,
		     const int cables[GUEST_ADAPTERS_MAX], int stream)
{
	int err = 0;

#define ADD(...) (err |= child_args_add(argv, __VA_ARGS__))
	if (config->tap) {
		ADD("-netdev");
		ADD("tap,id=tap,ifname=%s,script=no,downscript=no", config->tap);
		ADD("-device");
		ADD("virtio-net-pci,addr=4,netdev=tap");
	}
	if (config->stream) {
		ADD("-netdev");
		ADD("stream,id=stream,server=off,addr.type=fd,addr.str=%d", stream);
		ADD("-device");
		ADD("virtio-net-pci,addr=8,romfile=,netdev=stream");
	}
	for (unsigned int i = 0; config->netvsc && i < config->adapters; i++) {
		/* lab/vmbus/link.c looks for this MAC address; its last byte is the adapter. */
		ADD("-netdev");
		ADD("dgram,id=cable%u,local.type=fd,local.str=%d", i, cables[i]);
		ADD("-device");
		ADD("virtio-net-pci,addr=%x.%x,multifunction=on,romfile=,netdev=cable%u,"
		    "mac=02:6d:6e:6b:00:%02x",
		    5 + i / 8, i % 8, i, 0x10 + i);
	}
#undef ADD
	return err;
}

/**
 * qemu_arguments() - the command line
 * @config:	the machine
 * @ends:	QEMU's ends of the ports
 * @cables:	sockets of the adapters' synthetic cards, if there are any
 * @stream:	the socket of the card that config->stream asks for, if it does
 *
 * Return: a vector to be freed with child_args_free(), or NULL when out of memory
 */
static char **qemu_arguments(const struct qemu_config *config, const int ends[QEMU_PORTS],
			     const int cables[GUEST_ADAPTERS_MAX], int stream)
{
	const char *quiet = config->talkative ? "" : " quiet";
	const char *share = config->share ? " manakin.share" : "";
	const char *netvsc = config->netvsc ? " manakin.netvsc" : "";
	const struct machine *machine = &machines[config->arch];
	bool kvm = config->accel == ACCEL_KVM;
	char kernel_arguments[512];
	char **argv = NULL;
	int err = 0;

	machine_kernel_arguments(kernel_arguments, sizeof(kernel_arguments), config->arch, kvm);
#define ADD(...) (err |= child_args_add(&argv, __VA_ARGS__))
	ADD("%s/run", config->qemu);
	ADD("%s", machine->program);
	ADD("-nodefaults");
	ADD("-no-user-config");
	/* All that it starts are threads, and it never changes its user. */
	ADD("-sandbox");
	ADD("on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	ADD("-display");
	ADD("none");
	ADD("-machine");
	ADD("%s", machine->type);
	ADD("-accel");
	ADD("%s", kvm ? "kvm" : "tcg,thread=multi");
	ADD("-cpu");
	ADD("%s", kvm ? machine->cpu_kvm : machine->cpu_tcg);
	ADD("-smp");
	ADD("%u", config->cpus);
	ADD("-m");
	ADD("%uM", config->memory_mb);
	ADD("-object");
	ADD("memory-backend-memfd,id=ram,share=on,size=%uM", config->memory_mb);
	ADD("-action");
	ADD("reboot=%s,panic=shutdown", config->reboots ? "reset" : "shutdown");
	ADD("-kernel");
	ADD("kernel");
	ADD("-initrd");
	ADD("initrd");
	ADD("-append");
	ADD("%s%s%s%s", kernel_arguments, quiet, share, netvsc);
	ADD("-device");
	ADD("virtio-serial-pci,addr=1,max_ports=8");
	for (size_t i = 0; i < QEMU_PORTS; i++) {
		ADD("-chardev");
		ADD("socket,id=%s,fd=%d", ports[i].name, ends[i]);
	}
	for (size_t i = 0; i < sizeof(port_order) / sizeof(port_order[0]); i++) {
		const char *name = ports[port_order[i]].name;

		ADD("-device");
		ADD("%s,chardev=%s,name=manakin.%s", ports[port_order[i]].device, name, name);
	}
	ADD("-serial");
	ADD("chardev:%s", ports[PORT_CONSOLE].name);
	ADD("-blockdev");
	ADD("driver=raw,node-name=root,read-only=on,file.driver=file,file.filename=root.ext4,"
	    "file.locking=off");
	ADD("-device");
	ADD("virtio-blk-pci,addr=2,drive=root");
	if (config->kernel) {
		ADD("-blockdev");
		ADD("driver=raw,node-name=modules,read-only=on,file.driver=file,"
		    "file.filename=modules.ext4,file.locking=off");
		ADD("-device");
		ADD("virtio-blk-pci,addr=7,drive=modules");
	}
	if (config->share) {
		ADD("-chardev");
		ADD("socket,id=share,path=share");
		ADD("-device");
		ADD("vhost-user-fs-pci,addr=3,chardev=share,tag=share");
	}
	err |= add_cards(&argv, config, cables, stream);
	err |= add_adapters(&argv, config);
#undef ADD
	if (!err)
		return argv;
	child_args_free(argv);
	return NULL;
}

/**
 * open_ports() - create a pair of sockets for each port
 * @qemu:	gets our ends, non-blocking
 * @ends:	filled in with QEMU's
 *
 * Return: 0 or a negative errno
 */
static int open_ports(struct qemu *qemu, int ends[QEMU_PORTS])
{
	int pair[2];

	for (size_t i = 0; i < QEMU_PORTS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return -errno;
		qemu->ports[i] = pair[0];
		ends[i] = pair[1];
		if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	return 0;
}

/** connect_stream() - to the socket at @path; a descriptor or a negative errno, with a message */
static int connect_stream(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path)) {
		say("--virtio-stream %s: the path is too long; a socket's has at most %zu bytes",
		    path, sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	say("--virtio-stream %s: cannot connect: %s; start who listens there first", path,
	    strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

/**
 * start_qemu() - start QEMU with its ends of the ports
 * @qemu:	gets the process
 * @config:	the machine
 * @log:	file descriptor for its messages
 *
 * Return: 0 or a negative errno
 */
static int start_qemu(struct qemu *qemu, const struct qemu_config *config, int log)
{
	struct child_plan plan = { .directory = config->directory->path, .out = log, .err = log };
	int ends[QEMU_PORTS], cables[GUEST_ADAPTERS_MAX], stream = -1, err;

	for (size_t i = 0; i < QEMU_PORTS; i++)
		ends[i] = -1;
	err = open_ports(qemu, ends);
	for (size_t i = 0; i < QEMU_PORTS; i++) {
		if (ends[i] >= 0)
			plan.fds[plan.n_fds++] = ends[i];
	}
	for (unsigned int i = 0; !err && config->netvsc && i < config->adapters; i++) {
		cables[i] = adapter_cable(config->directory->path, i);
		if (cables[i] < 0)
			err = cables[i];
		else
			plan.fds[plan.n_fds++] = cables[i];
	}
	if (!err && config->stream) {
		stream = connect_stream(config->stream);
		if (stream < 0)
			err = stream;
		else
			plan.fds[plan.n_fds++] = stream;
	}
	if (!err) {
		plan.argv = qemu_arguments(config, ends, cables, stream);
		err = plan.argv ? child_start(&qemu->process, &plan) : -ENOMEM;
	}
	child_args_free(plan.argv);
	for (size_t i = 0; i < plan.n_fds; i++)
		close(plan.fds[i]);
	return err;
}

/* Has the cache's QEMU the program for the guest's CPUs? Returns 0 or a negative errno, with a message */
static int check_program(const struct qemu_config *config)
{
	const char *program = machines[config->arch].program;
	char *path = NULL;
	int err = 0;

	if (asprintf(&path, "%s/root/usr/bin/%s", config->qemu, program) < 0)
		err = -ENOMEM;
	else if (access(path, X_OK) < 0)
		err = -errno;
	free(path);
	if (err)
		say("the QEMU in %s has no %s: %s; rebuild it: manakin lab build --arch %s --force",
		    config->qemu, program, strerror(-err), guest_arch_names[config->arch]);
	return err;
}

/* Start the server of the shared directory. Returns 0 or a negative errno, with a message */
static int start_share(struct qemu *qemu, const struct qemu_config *config)
{
	struct share_config share = { .qemu = config->qemu,
				      .directory = config->directory->path,
				      .shared = config->share };
	int err;

	share.log = directory_log(config->directory, "share.log");
	if (share.log < 0)
		return share.log;
	err = share_start(&qemu->share, &share);
	close(share.log);
	return err;
}

/* Give what the machine boots from short names. Returns 0 or a negative errno */
static int link_disks(const struct qemu_config *config)
{
	const char *kernel = config->kernel ? config->kernel : config->image;
	const char *directory = config->directory->path;
	int err;

	err = link_into(directory, "kernel", kernel, "kernel");
	if (!err)
		err = link_into(directory, "initrd", kernel, "initrd");
	if (!err)
		err = link_into(directory, "root.ext4", config->image, "root.ext4");
	if (!err && config->kernel)
		err = link_into(directory, "modules.ext4", kernel, "modules.ext4");
	return err;
}

int qemu_start(struct qemu *qemu, const struct qemu_config *config)
{
	int log, err;

	*qemu = (struct qemu){ 0 };
	for (size_t i = 0; i < QEMU_PORTS; i++)
		qemu->ports[i] = -1;
	err = link_disks(config);
	if (err) {
		say("cannot prepare the guest in %s: %s; set TMPDIR to another directory",
		    config->directory->path, strerror(-err));
		return err;
	}
	err = check_program(config);
	if (!err && config->share)
		err = start_share(qemu, config);
	if (err)
		return err;
	log = directory_log(config->directory, "qemu.log");
	if (log < 0)
		return log;
	err = start_qemu(qemu, config, log);
	close(log);
	if (err)
		say("cannot start QEMU from %s: %s; rebuild it with manakin lab build --force",
		    config->qemu, strerror(-err));
	return err;
}

void qemu_stop(struct qemu *qemu)
{
	child_stop(&qemu->process, SIGKILL, -1);
	child_stop(&qemu->share, SIGKILL, -1);
	for (size_t i = 0; i < QEMU_PORTS; i++) {
		if (qemu->ports[i] >= 0)
			close(qemu->ports[i]);
		qemu->ports[i] = -1;
	}
}
