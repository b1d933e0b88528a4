/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/arch.h - the architectures that guests may have, and which guest is meant.
 */
#ifndef MANAKIN_GUEST_ARCH_H
#define MANAKIN_GUEST_ARCH_H

#include <stdbool.h>

enum guest_arch {
	GUEST_AMD64,
	GUEST_ARM64,
	GUEST_ARCHES,
};

/* Debian's names for them: those of --arch, and of packages */
extern const char *const guest_arch_names[GUEST_ARCHES];

/**
 * struct guest_kind - which guest
 * @suite:	of Debian or Ubuntu
 * @arch:	of its CPUs
 * @pages_kb:	of its own kernel: 4, or 16 with GUEST_ARM64
 * @kernel:	that it boots: NULL for its own, or GUEST_KERNEL_GENERIC
 */
struct guest_kind {
	const char *suite;
	enum guest_arch arch;
	unsigned int pages_kb;
	const char *kernel;
};

/* Debian's kernel for any machine, which has modules that the cloud kernel lacks */
#define GUEST_KERNEL_GENERIC "generic"

/** guest_arch_here() - this machine's; a machine of neither emulates GUEST_AMD64 */
enum guest_arch guest_arch_here(void);

/**
 * guest_kvm_works() - can this machine run guests with KVM?
 * @arch:	theirs
 */
bool guest_kvm_works(enum guest_arch arch);

#endif
