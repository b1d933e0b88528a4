/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/machine.c - what differs between the machines of the guests' architectures. */
#include "guest/machine.h"

#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"

#define KERNEL_HZ 250 /* CONFIG_HZ of Debian's kernels */

/*
 * amd64: five levels of page tables make an emulated page walk longer, and bring nothing.
 *
 * arm64: MSI-X needs a GIC with an ITS. The devices are on PCI, so no place is made for any on
 * MMIO, which the kernel would look at one by one. The CPU is that of Azure's first arm64 machines
 * (Ampere Altra). Later ones sign pointers, which costs an emulated one much time.
 */
const struct machine machines[GUEST_ARCHES] = {
	[GUEST_AMD64] = {
		.program = "qemu-system-x86_64",
		.type = "q35,memory-backend=ram,sata=off,smbus=off,usb=off",
		.cpu_kvm = "host",
		.cpu_tcg = "max,la57=off",
	},
	[GUEST_ARM64] = {
		.program = "qemu-system-aarch64",
		.type = "virt,memory-backend=ram,gic-version=max,its=on,virtio-mmio-transports=0,"
			"usb=off",
		.cpu_kvm = "host",
		.cpu_tcg = "neoverse-n1",
	},
};

/*
 * mitigations=off: nobody attacks a guest from inside, and emulated CPUs pay dearly for them.
 * init_on_alloc=0: do not zero 1024 hugepages twice; it takes an emulated CPU 7 s.
 * oops=panic panic=-1: a kernel bug ends the run instead of going unnoticed.
 * net.ifnames=0: interfaces keep the kernel's names.
 */
#define ARGUMENTS "mitigations=off init_on_alloc=0 oops=panic panic=-1 net.ifnames=0"

/* no_timer_check: the timer is known to work. */
static const char *const arguments_of[GUEST_ARCHES] = {
	[GUEST_AMD64] = "console=ttyS0 no_timer_check " ARGUMENTS,
	[GUEST_ARM64] = "console=ttyAMA0 " ARGUMENTS,
};

/* tsc=reliable: do not verify the clock, which takes half a second. */
static const char *const arguments_kvm[GUEST_ARCHES] = {
	[GUEST_AMD64] = " tsc=reliable",
	[GUEST_ARM64] = "",
};

/*
 * What an emulated guest needs to keep time on a busy machine.
 *
 * rcupdate.rcu_cpu_stall_timeout, watchdog_thresh: an emulated CPU is a thread, and how long it
 * waits for a real CPU says nothing about the guest's kernel. A real hang is still found, after
 * this time.
 */
#define ARGUMENTS_TCG " rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60"

/*
 * tsc=unstable: the clock is the HPET, which runs on QEMU's time. The time-stamp counter is the
 * host's. If the host is a virtual machine, the counters of its CPUs may disagree: each time a
 * thread on the CPU behind reads after a thread on the CPU ahead, QEMU adds the difference to the
 * guest's counter. The guest's clock runs away, and with it every timeout and stall detector.
 *
 * The counter of an emulated arm64 CPU runs on QEMU's time itself.
 */
static const char *const arguments_tcg[GUEST_ARCHES] = {
	[GUEST_AMD64] = " tsc=unstable" ARGUMENTS_TCG,
	[GUEST_ARM64] = ARGUMENTS_TCG,
};

/**
 * loops_per_jiffy() - the value that an amd64 guest's kernel would measure for its delay loop
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

void machine_kernel_arguments(char *text, size_t size, enum guest_arch arch, bool kvm)
{
	char loops[32] = "";

	if (!kvm && arch == GUEST_AMD64)
		snprintf(loops, sizeof(loops), " lpj=%llu", loops_per_jiffy());
	snprintf(text, size, "%s%s%s", arguments_of[arch],
		 kvm ? arguments_kvm[arch] : arguments_tcg[arch], loops);
}
