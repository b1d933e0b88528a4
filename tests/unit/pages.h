/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/unit/pages.h - what pages.c puts in the place of the C library's */
#ifndef MANAKIN_TESTS_UNIT_PAGES_H
#define MANAKIN_TESTS_UNIT_PAGES_H

#include <sys/types.h>

long __wrap_sysconf(int name);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t size);
int __wrap_madvise(void *at, size_t size, int advice);

#endif
