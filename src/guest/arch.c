/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/arch.c - the architectures that guests may have. */
#include "guest/arch.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *const guest_arch_names[GUEST_ARCHES] = {
	[GUEST_AMD64] = "amd64",
	[GUEST_ARM64] = "arm64",
};

enum guest_arch guest_arch_here(void)
{
#ifdef __aarch64__
	return GUEST_ARM64;
#else
	return GUEST_AMD64;
#endif
}

/**
 * has_virtualization() - has the CPU what KVM needs?
 *
 * Without VT-x or AMD-V, a KVM that answers (a para-virtualized one) interprets the guest's
 * instructions and fails at those that it does not know. On arm64, KVM works wherever it answers.
 */
static bool has_virtualization(void)
{
#ifdef __x86_64__
	unsigned int eax, ebx, ecx = 0, edx;

	return (__get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & (1u << 5)) ||        /* VMX */
	       (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && ecx & (1u << 2)); /* SVM */
#else
	return true;
#endif
}

bool guest_kvm_works(enum guest_arch arch)
{
	int kvm, vm;

	if (arch != guest_arch_here() || !has_virtualization())
		return false;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return false;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm >= 0)
		close(vm);
	close(kvm);
	return vm >= 0;
}
