/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/qemu.c - one virtual machine: QEMU, with the lab's arguments.
 *
 * Theory of operation
 * -------------------
 * The machine is a bare q35: a read-only root disk, virtio-serial ports, what the options add, and
 * no other network card. Its memory is a memfd that is mapped shared, so that the adapter (and
 * virtiofsd) get it as a file descriptor.
 *
 * QEMU runs in the run's directory. Everything that it opens by name is a socket or a symbolic link
 * there, with a short name without special characters: so paths may be of any length and contain
 * any byte, whatever QEMU's option syntax allows.
 *
 * The kernel is unpacked and starts at its PVH entry, without a boot loader. PCI addresses are
 * fixed, whatever else is on the bus:
 *
 *	01 the ports   02 the root disk   03 /mnt/share   04 the tap's card
 *	05.0, 05.1 ... 06.0 ...    with --netvsc: the host's cable to each adapter
 *	10, 11, ...    adapters
 */
#include "guest/qemu.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "guest/adapter.h"
#include "guest/share.h"
#include "term/say.h"

#define GUEST_CONSOLE "ttyS0"
#define KERNEL_HZ     250 /* CONFIG_HZ of Debian's kernels */

/*
 * mitigations=off: nobody attacks a guest from inside, and emulated CPUs pay dearly for them.
 * no_timer_check: the timer is known to work.
 * init_on_alloc=0: do not zero 1024 hugepages twice; it takes an emulated CPU 7 s.
 * oops=panic panic=-1: a kernel bug ends the run instead of going unnoticed.
 * net.ifnames=0: interfaces keep the kernel's names.
 */
#define KERNEL_ARGUMENTS                                                                           \
	"console=" GUEST_CONSOLE " mitigations=off no_timer_check "                                \
	"init_on_alloc=0 oops=panic panic=-1 net.ifnames=0"

/* tsc=reliable: do not verify the clock, which takes half a second. */
#define KERNEL_ARGUMENTS_KVM " tsc=reliable"

/*
 * What an emulated guest needs to keep time on a busy machine.
 *
 * tsc=unstable: the clock is the HPET, which runs on QEMU's time. The time-stamp counter is the
 * host's. If the host is a virtual machine, the counters of its CPUs may disagree: each time a
 * thread on the CPU behind reads after a thread on the CPU ahead, QEMU adds the difference to the
 * guest's counter. The guest's clock runs away, and with it every timeout and stall detector.
 * rcupdate.rcu_cpu_stall_timeout, watchdog_thresh: an emulated CPU is a thread, and how long it
 * waits for a real CPU says nothing about the guest's kernel. A real hang is still found, after
 * this time.
 */
#define KERNEL_ARGUMENTS_TCG " tsc=unstable rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60"

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

bool guest_kvm_works(void)
{
	bool works = false;
	int kvm, vm;
#ifdef __x86_64__
	unsigned int eax, ebx, ecx = 0, edx;
	bool hardware;

	/*
	 * Without VT-x or AMD-V, a KVM that answers (a para-virtualized one) interprets the guest's
	 * instructions and fails at those that it does not know.
	 */
	hardware = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & (1u << 5);           /* VMX */
	hardware |= __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && ecx & (1u << 2); /* SVM */
	if (!hardware)
		return false;
#endif
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return false;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm >= 0) {
		works = true;
		close(vm);
	}
	close(kvm);
	return works;
}

/**
 * loops_per_jiffy() - the value that the guest's kernel would measure for its delay loop
 *
 * Measuring it takes each emulated CPU a quarter of a second, more on a busy host. The emulated
 * time-stamp counter is this machine's, and delays are counted with it.
 *
 * Return: ticks of the time-stamp counter per tick of Debian's kernels
 */
static unsigned long long loops_per_jiffy(void)
{
#ifdef __x86_64__
	uint64_t before = clock_ns(), start = __builtin_ia32_rdtsc(), ticks;

	clock_pause_us(10000);
	ticks = __builtin_ia32_rdtsc() - start;
	return ticks * NS_PER_S / (clock_ns() - before) / KERNEL_HZ;
#else
	/* QEMU's counter is then its clock, in nanoseconds (include/qemu/timer.h, 11.1). */
	return NS_PER_S / KERNEL_HZ;
#endif
}

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
 * qemu_arguments() - the command line
 * @config:	the machine
 * @ends:	QEMU's ends of the ports
 * @cables:	sockets of the adapters' synthetic cards, if there are any
 *
 * Return: a vector to be freed with child_args_free(), or NULL when out of memory
 */
static char **qemu_arguments(const struct qemu_config *config, const int ends[QEMU_PORTS],
			     const int cables[GUEST_ADAPTERS_MAX])
{
	const char *quiet = config->talkative ? "" : " quiet";
	const char *share = config->share ? " manakin.share" : "";
	const char *netvsc = config->netvsc ? " manakin.netvsc" : "";
	bool kvm = config->accel == ACCEL_KVM;
	char **argv = NULL;
	int err = 0;

#define ADD(...) (err |= child_args_add(&argv, __VA_ARGS__))
	ADD("%s/run", config->qemu);
	ADD("qemu-system-x86_64");
	ADD("-nodefaults");
	ADD("-no-user-config");
	/* All that it starts are threads, and it never changes its user. */
	ADD("-sandbox");
	ADD("on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	ADD("-display");
	ADD("none");
	ADD("-machine");
	ADD("q35,memory-backend=ram,sata=off,smbus=off,usb=off");
	ADD("-accel");
	ADD("%s", kvm ? "kvm" : "tcg,thread=multi");
	ADD("-cpu");
	/* Five levels of page tables make an emulated page walk longer, and bring nothing. */
	ADD("%s", kvm ? "host" : "max,la57=off");
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
	if (kvm)
		ADD(KERNEL_ARGUMENTS KERNEL_ARGUMENTS_KVM "%s%s%s", quiet, share, netvsc);
	else
		ADD(KERNEL_ARGUMENTS KERNEL_ARGUMENTS_TCG " lpj=%llu%s%s%s", loops_per_jiffy(),
		    quiet, share, netvsc);
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
	if (config->share) {
		ADD("-chardev");
		ADD("socket,id=share,path=share");
		ADD("-device");
		ADD("vhost-user-fs-pci,addr=3,chardev=share,tag=share");
	}
	if (config->tap) {
		ADD("-netdev");
		ADD("tap,id=tap,ifname=%s,script=no,downscript=no", config->tap);
		ADD("-device");
		ADD("virtio-net-pci,addr=4,netdev=tap");
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
	for (unsigned int i = 0; i < config->adapters; i++) {
		ADD("-device");
		ADD("{\"driver\":\"vfio-user-pci\",\"id\":\"adapter%u\",\"addr\":\"0x%x\","
		    "\"socket\":{\"type\":\"unix\",\"path\":\"adapter-%u\"}}",
		    i, 0x10 + i, i);
	}
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
	int ends[QEMU_PORTS], cables[GUEST_ADAPTERS_MAX], err;

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
	if (!err) {
		plan.argv = qemu_arguments(config, ends, cables);
		err = plan.argv ? child_start(&qemu->process, &plan) : -ENOMEM;
	}
	child_args_free(plan.argv);
	for (size_t i = 0; i < plan.n_fds; i++)
		close(plan.fds[i]);
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

int qemu_start(struct qemu *qemu, const struct qemu_config *config)
{
	static const char *const files[] = { "kernel", "initrd", "root.ext4" };
	int log, err = 0;

	*qemu = (struct qemu){ 0 };
	for (size_t i = 0; i < QEMU_PORTS; i++)
		qemu->ports[i] = -1;
	for (size_t i = 0; !err && i < sizeof(files) / sizeof(files[0]); i++)
		err = link_into(config->directory->path, files[i], config->image, files[i]);
	if (err) {
		say("cannot prepare the guest in %s: %s; set TMPDIR to another directory",
		    config->directory->path, strerror(-err));
		return err;
	}
	if (config->share)
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
