/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/machine.h - what differs between the machines of the guests' architectures.
 */
#ifndef MANAKIN_GUEST_MACHINE_H
#define MANAKIN_GUEST_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "guest/arch.h"

/**
 * struct machine - QEMU's machine for an architecture
 * @program:	QEMU for it
 * @type:	for -machine, with its properties
 * @cpu_kvm:	for -cpu, with KVM
 * @cpu_tcg:	for -cpu, with TCG
 */
struct machine {
	const char *program;
	const char *type;
	const char *cpu_kvm;
	const char *cpu_tcg;
};

extern const struct machine machines[GUEST_ARCHES];

/**
 * machine_kernel_arguments() - the guest's kernel command line
 * @text:	filled in
 * @size:	bytes of @text
 * @arch:	the guest's
 * @kvm:	KVM runs its CPUs
 *
 * What the run's options add comes after these.
 */
void machine_kernel_arguments(char *text, size_t size, enum guest_arch arch, bool kvm);

#endif
