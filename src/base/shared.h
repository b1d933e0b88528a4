/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/shared.h - memory that somebody outside of this program reads or writes at the same time:
 * a queue's entries, a doorbell, a structure of a library's.
 *
 * What is our own is an _Atomic object, accessed with <stdatomic.h>. These are not: their types
 * are layouts (wire/) or other people's, plain structures that are also copied and compared whole.
 * C11 has no atomic access to a plain object, the compiler has; this is the only place that uses
 * its builtins. A value is read or written in one piece and once, whatever the compiler would
 * like better.
 */
#ifndef MANAKIN_BASE_SHARED_H
#define MANAKIN_BASE_SHARED_H

/** shared_load(), shared_store() - nothing is said of the order of other accesses */
#define shared_load(address)                 __atomic_load_n((address), __ATOMIC_RELAXED)
#define shared_store(address, value)         __atomic_store_n((address), (value), __ATOMIC_RELAXED)

/** shared_load_acquire() - what was written before the value was stored is seen after this */
#define shared_load_acquire(address)         __atomic_load_n((address), __ATOMIC_ACQUIRE)

/** shared_store_release() - what was written before this is seen by whoever sees the value */
#define shared_store_release(address, value) __atomic_store_n((address), (value), __ATOMIC_RELEASE)

#endif
