/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/cpu.h - use what this CPU can do beyond the baseline.
 *
 * The functions that handle packets are compiled once for each of these kinds of CPU, from the same
 * source; the program picks one when it starts. A build with -Dvector=false has only the plain
 * version. The sanitizer tests use such a build, so both are tested.
 */
#ifndef MANAKIN_BASE_CPU_H
#define MANAKIN_BASE_CPU_H

/* For a function; everything that can be inlined into it is */
#if defined(__x86_64__) && !defined(MANAKIN_SCALAR)
#define CPU_CLONES __attribute__((target_clones("avx512f", "avx2", "default"), flatten))
#else
#define CPU_CLONES
#endif

/** cpu_prefetch_write() - prefetch a line for writing; __builtin_prefetch() may fetch it shared */
static inline void cpu_prefetch_write(const void *address)
{
#ifdef __x86_64__
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
	__builtin_prefetch(address, 1);
#endif
}

/** cpu_pause() - in a loop that waits for another CPU: leave the core to its sibling meanwhile */
static inline void cpu_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" : : : "memory");
#endif
}

#endif
