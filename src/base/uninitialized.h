/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/uninitialized.h - large arrays on the packet path that need not be cleared.
 *
 * The build sets variables to zero that the code does not set (-ftrivial-auto-var-init=zero,
 * docs/hardening.md). Of an array of which only the first few entries are used that can cost more
 * than the work itself. Use it only where each entry is written before it is read.
 */
#ifndef MANAKIN_BASE_UNINITIALIZED_H
#define MANAKIN_BASE_UNINITIALIZED_H

/* After a variable's declarator: uint8_t buffer[16000] uninitialized; */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define uninitialized __attribute__((uninitialized))
#endif
#endif
#ifndef uninitialized
#define uninitialized
#endif

#endif
