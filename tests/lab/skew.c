/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * skew.c - time-stamp counters that disagree, to test the guest's clock.
 *
 * Preloaded into QEMU. The kernel lets RDTSC fault (PR_SET_TSC, which threads inherit); the handler
 * reads the counter and adds SKEW ticks where the thread runs on an odd CPU. The CPUs of a virtual
 * machine may disagree like this after it was moved to another host. A faulting instruction
 * outside QEMU itself, such as the C library's clock, gets the counter as it is.
 */
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86intrin.h>

#define SKEW 100000000 /* ticks: a thirtieth of a second or so */

static uintptr_t first, last; /* QEMU's own code */

static void emulate(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const uint8_t *code = (const uint8_t *)registers[REG_RIP];
	unsigned int cpu = 0;
	uint64_t ticks;
	int length = 0;

	(void)info;
	if (code[0] == 0x0f && code[1] == 0x31)
		length = 2; /* RDTSC */
	else if (code[0] == 0x0f && code[1] == 0x01 && code[2] == 0xf9)
		length = 3; /* RDTSCP */
	if (!length) {
		signal(number, SIG_DFL); /* a crash of its own */
		return;
	}
	prctl(PR_SET_TSC, PR_TSC_ENABLE);
	ticks = __rdtscp(&cpu);
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
	if (length == 3)
		registers[REG_RCX] = cpu;
	if (cpu & 1 && (uintptr_t)code >= first && (uintptr_t)code < last)
		ticks += SKEW;
	registers[REG_RAX] = (greg_t)(uint32_t)ticks;
	registers[REG_RDX] = (greg_t)(ticks >> 32);
	registers[REG_RIP] += length;
}

/* The first object is the program */
static int program(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		first = info->dlpi_addr + segment->p_vaddr;
		last = first + segment->p_memsz;
	}
	return 1;
}

static __attribute__((constructor)) void skew(void)
{
	struct sigaction action = { .sa_sigaction = emulate, .sa_flags = SA_SIGINFO | SA_NODEFER };

	if (strncmp(program_invocation_short_name, "qemu-system-", 12) != 0)
		return; /* the lab, and the shell that starts QEMU */
	dl_iterate_phdr(program, NULL);
	sigaction(SIGSEGV, &action, NULL);
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
}
