/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/pages.c - a kernel with larger pages, for programs that are linked with --wrap of
 * these calls: sysconf(), mmap(), munmap() and madvise() take and give what such a kernel would.
 *
 * TEST_PAGE_SIZE in the environment is the size, in bytes. What is refused here with EINVAL is what
 * a kernel with pages of that size refuses; what it would map in whole pages is mapped so.
 */
#include "pages.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define EITHER (MAP_FIXED | MAP_FIXED_NOREPLACE)

long __real_sysconf(int name);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t size);
int __real_madvise(void *at, size_t size, int advice);

/** page_size() - of the kernel that is played */
static size_t page_size(void)
{
	static size_t size;
	const char *text = getenv("TEST_PAGE_SIZE");

	if (!size)
		size = text ? strtoul(text, NULL, 10) : (size_t)__real_sysconf(_SC_PAGESIZE);
	return size;
}

static bool unaligned(uint64_t value)
{
	return value % page_size();
}

static size_t whole(size_t size)
{
	return (size + page_size() - 1) / page_size() * page_size();
}

long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE ? (long)page_size() : __real_sysconf(name);
}

/** place() - address space of @size bytes that begins with a page; MAP_FAILED if there is none */
static void *place(size_t size)
{
	uint8_t *all = __real_mmap(NULL, size + page_size(), PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (all == MAP_FAILED)
		return all;
	before = (page_size() - (uintptr_t)all % page_size()) % page_size();
	if (before)
		__real_munmap(all, before);
	__real_munmap(all + before + size, page_size() - before);
	return all + before;
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *map;

	if (unaligned((uint64_t)offset) || (flags & EITHER && unaligned((uintptr_t)at))) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	/* Hugepages are whole pages already, and must not be rounded up. */
	map = __real_mmap(at, fd < 0 ? whole(size) : size, prot, flags, fd, offset);
	if (map == MAP_FAILED || flags & EITHER || !unaligned((uintptr_t)map))
		return map;
	__real_munmap(map, whole(size));
	map = place(whole(size));
	if (map == MAP_FAILED)
		return map;
	return __real_mmap(map, fd < 0 ? whole(size) : size, prot, flags | MAP_FIXED, fd, offset);
}

int __wrap_munmap(void *at, size_t size)
{
	if (unaligned((uintptr_t)at)) {
		errno = EINVAL;
		return -1;
	}
	return __real_munmap(at, whole(size));
}

int __wrap_madvise(void *at, size_t size, int advice)
{
	if (unaligned((uintptr_t)at)) {
		errno = EINVAL;
		return -1;
	}
	return __real_madvise(at, size, advice);
}

/* The names that they have where off_t was once smaller (_FILE_OFFSET_BITS) */
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return __wrap_mmap(at, size, prot, flags, fd, offset);
}
