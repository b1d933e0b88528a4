/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/shared.h - memory that another program or a device reads or writes concurrently: the entries
 * of a queue, a doorbell, a library's structure.
 *
 * The program's own shared variables are _Atomic objects, accessed with <stdatomic.h>. These are
 * not: their types are layouts (wire/) or belong to a library, plain structures that are also
 * copied and compared as a whole. C11 has no atomic access to a plain object, but the compiler has;
 * only this file uses its builtins. Each call reads or writes the value exactly once, in one piece.
 */
#ifndef MANAKIN_BASE_SHARED_H
#define MANAKIN_BASE_SHARED_H

/** shared_load(), shared_store() - no ordering of other accesses */
#define shared_load(address)                 __atomic_load_n((address), __ATOMIC_RELAXED)
#define shared_store(address, value)         __atomic_store_n((address), (value), __ATOMIC_RELAXED)

/** shared_load_acquire() - later reads see what was written before the value was stored */
#define shared_load_acquire(address)         __atomic_load_n((address), __ATOMIC_ACQUIRE)

/** shared_store_release() - a reader that sees the value sees what was written before it */
#define shared_store_release(address, value) __atomic_store_n((address), (value), __ATOMIC_RELEASE)

#endif
