/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/cpu.h - what the CPU at hand can do more than any other.
 *
 * The functions that handle packets are compiled once for each of these kinds of CPU, from
 * the same source, and the one that fits is bound when the program starts. A build with
 * -Dvector=false has the plain one alone; the tests under the sanitizers are such a build, so
 * that both are tested.
 */
#ifndef MANAKIN_BASE_CPU_H
#define MANAKIN_BASE_CPU_H

/* For a function and all that is inlined into it, which is all that can be */
#if defined(__x86_64__) && !defined(MANAKIN_SCALAR)
#define CPU_CLONES __attribute__((target_clones("avx512f", "avx2", "default"), flatten))
#else
#define CPU_CLONES
#endif

/** cpu_prefetch_write() - want a cache line for writing: __builtin_prefetch() would share it */
static inline void cpu_prefetch_write(const void *address)
{
#ifdef __x86_64__
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
	__builtin_prefetch(address, 1);
#endif
}

#endif
