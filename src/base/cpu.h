/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/cpu.h - use what this CPU can do beyond the baseline.
 *
 * The functions that handle packets are compiled once for each of these kinds of CPU, from the same
 * source; the program picks one when it starts. A build with -Dvector=false has only the plain
 * version. The sanitizer tests use such a build, so both are tested. Every arm64 CPU that Linux runs
 * on has NEON, which is part of the baseline there.
 */
#ifndef MANAKIN_BASE_CPU_H
#define MANAKIN_BASE_CPU_H

#include <stdatomic.h>

/*
 * For a function; everything that can be inlined into it is. On arm64 there is nothing to pick, and
 * clang before 14 cannot pick.
 */
#if defined(__x86_64__) && !defined(MANAKIN_SCALAR) && !(defined(__clang__) && __clang_major__ < 14)
#define CPU_CLONES __attribute__((target_clones("avx512f", "avx2", "default"), flatten))
#elif !defined(MANAKIN_SCALAR)
#define CPU_CLONES __attribute__((flatten))
#else
#define CPU_CLONES
#endif

/* Before a loop: unroll it @n times, which clang says in words of its own */
#define CPU_PRAGMA(words) _Pragma(#words)
#ifdef __clang__
#define CPU_UNROLL(n) CPU_PRAGMA(unroll n)
#else
#define CPU_UNROLL(n) CPU_PRAGMA(GCC unroll n)
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

/**
 * cpu_device_fence() - between stores to memory and a store to a device's register, and after it
 *
 * A fence between threads does not do on arm64: it orders for other CPUs (inner shareable), and a
 * device is not one of them. "dsb st" orders for all, and waits until the store has left, as a page
 * that is mapped write-combining needs; on x86-64 a full fence does both. rdma-core's
 * util/udma_barrier.h has "dmb oshst" before (udma_to_device_barrier()), "dsb st" after
 * (mmio_flush_writes()).
 */
static inline void cpu_device_fence(void)
{
#ifdef __aarch64__
	__asm__ volatile("dsb st" : : : "memory");
#else
	atomic_thread_fence(memory_order_seq_cst);
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
