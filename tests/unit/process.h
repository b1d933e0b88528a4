/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/unit/process.h - clocks, and what this process holds: to check that nothing is left behind.
 */
#ifndef MANAKIN_TESTS_UNIT_PROCESS_H
#define MANAKIN_TESTS_UNIT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sanitizers keep freed memory for a while, so growth means nothing */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define sanitized true
#elif defined(__has_feature)
#define sanitized (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define sanitized false
#endif

/** now_ms() - a clock that only goes forward */
uint64_t now_ms(void);

/** pause_us() - let others have the CPU for a while, less than a second */
void pause_us(unsigned int us);

/** count_fds() - open file descriptors, and a few more that are always there */
unsigned int count_fds(void);

#define PATIENCE_MS 60000u /* for an event that comes at once, but on a busy machine later */

/** connect_to() - connect to a UNIX socket; reading from it gives up after PATIENCE_MS */
int connect_to(const char *path);

/** fds_left() - wait until so many descriptors are open: a server closes its clients' on a thread */
void fds_left(unsigned int n);

/** make_file() - a file with this text; it must not fail */
void make_file(const char *path, const char *text);

/**
 * without_calls() - from now on the kernel has none of these system calls (ENOSYS), as an older one
 * @calls:	their numbers, which are below 2^32
 *
 * Return: false, with a message, if the kernel does not filter system calls
 */
bool without_calls(const long *calls, size_t n);

/** resident_kib() - private memory; what is shared with others does not count */
size_t resident_kib(void);

#endif
