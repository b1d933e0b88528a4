/* SPDX-License-Identifier: BSD-3-Clause */
/* The map from IOVA to pointer, with real files, threads as lanes, and the kernel's SIGBUS. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dma/map.h"
#include "process.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))
#define BOTH ((unsigned int)(DMA_READ | DMA_WRITE))
#define TiB  (1ull << 40)

/* A file in memory of some pages; the first eight bytes of each are @stamp + its number */
static int file_new(uint64_t pages, uint64_t stamp)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(pages * PAGE)), 0);
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t value = stamp + i;

		assert_int_equal(pwrite(fd, &value, sizeof(value), (off_t)(i * PAGE)),
				 sizeof(value));
	}
	return fd;
}

static uint64_t stamp_at(const void *pointer)
{
	uint64_t value;

	memcpy(&value, pointer, sizeof(value));
	return value;
}

static int remove_region(struct dma_map *map, uint64_t iova, uint64_t size)
{
	struct dma_region *region;
	int ret = dma_map_unlink(map, iova, size, &region);

	if (!ret)
		dma_map_release(map, region);
	return ret;
}

/* Mappings of our files, and large reservations of address space: a map keeps one when it is empty */
static unsigned int count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	unsigned int n = 0;
	char line[512], prot[5];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		n += sscanf(line, "%lx-%lx %4s", &start, &end, prot) == 3 &&
		     (strstr(line, "memfd:test") ||
		      (!strcmp(prot, "---p") && end - start >= TiB / 2));
	fclose(file);
	return n;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void nothing_mapped(void **state)
{
	const uint64_t somewhere[] = { 0, 1, PAGE, UINT64_MAX };
	struct dma_map *map = dma_map_new();
	struct dma_region *region;

	(void)state;
	assert_non_null(map);
	for (unsigned int i = 0; i < 4; i++) {
		assert_null(dma_map_pointer(map, somewhere[i], 1, DMA_READ));
		assert_null(dma_map_pointer(map, somewhere[i], 0, 0));
		assert_null(dma_map_pointer(map, somewhere[i], UINT64_MAX, DMA_READ));
		assert_null(dma_map_span(map, somewhere[i]));
	}
	assert_int_equal(dma_map_unlink(map, 0, PAGE, &region), -ENOENT);
	assert_null(dma_map_unlink_all(map));
	assert_false(dma_map_lost(map));
	dma_map_free(map);
}

static void bounds_of_one_region(void **state)
{
	const uint64_t iova = 5 * PAGE, size = 3 * PAGE;
	struct dma_map *map = dma_map_new();
	int fd = file_new(8, 100);
	uint8_t *start;

	(void)state;
	assert_int_equal(dma_map_add(map, iova, size, fd, 2 * PAGE, BOTH), 0);
	start = dma_map_pointer(map, iova, size, BOTH);
	assert_non_null(start);
	assert_int_equal(stamp_at(start), 102);
	assert_int_equal(stamp_at(start + PAGE), 103);
	assert_ptr_equal(dma_map_pointer(map, iova + 1, size - 1, DMA_READ), start + 1);
	assert_ptr_equal(dma_map_pointer(map, iova + size - 1, 1, DMA_READ), start + size - 1);
	assert_ptr_equal(dma_map_pointer(map, iova + size - 1, 0, DMA_READ), start + size - 1);
	assert_null(dma_map_pointer(map, iova + size - 1, 2, DMA_READ));
	assert_null(dma_map_pointer(map, iova + size, 1, DMA_READ));
	assert_null(dma_map_pointer(map, iova + size, 0, DMA_READ));
	assert_null(dma_map_pointer(map, iova - 1, 1, DMA_READ));
	assert_null(dma_map_pointer(map, iova - 1, 2, DMA_READ));
	assert_null(dma_map_pointer(map, iova, size + 1, DMA_READ));
	/* Ranges whose end wraps */
	assert_null(dma_map_pointer(map, iova, UINT64_MAX, DMA_READ));
	assert_null(dma_map_pointer(map, iova, UINT64_MAX - iova + 1, DMA_READ));
	assert_null(dma_map_pointer(map, iova, UINT64_MAX - iova + 2, DMA_READ));
	assert_null(dma_map_pointer(map, UINT64_MAX, 2, DMA_READ));
	/* What is written to the memory is in the file */
	memcpy(start + PAGE, "manakin", 8);
	char back[8];
	assert_int_equal(pread(fd, back, 8, (off_t)(3 * PAGE)), 8);
	assert_string_equal(back, "manakin");
	close(fd);
	dma_map_free(map);
}

static void top_of_the_address_space(void **state)
{
	struct dma_map *map = dma_map_new();
	int fd = file_new(2, 7);

	(void)state;
	assert_int_equal(dma_map_add(map, UINT64_MAX - PAGE + 1, PAGE, fd, 0, BOTH), 0);
	assert_int_equal(dma_map_add(map, 0, PAGE, fd, PAGE, BOTH), 0);
	assert_non_null(dma_map_pointer(map, UINT64_MAX, 1, DMA_READ));
	assert_int_equal(stamp_at(dma_map_pointer(map, UINT64_MAX - PAGE + 1, PAGE, DMA_READ)), 7);
	assert_null(dma_map_pointer(map, UINT64_MAX, 2, DMA_READ));
	assert_null(dma_map_pointer(map, UINT64_MAX - PAGE + 1, PAGE + 1, DMA_READ));
	assert_int_equal(stamp_at(dma_map_pointer(map, 0, PAGE, DMA_READ)), 8);
	assert_int_equal(dma_map_add(map, UINT64_MAX - PAGE + 1, PAGE, fd, 0, BOTH), -EEXIST);
	assert_int_equal(dma_map_add(map, UINT64_MAX - PAGE + 1, PAGE + 1, fd, 0, BOTH), -EINVAL);
	close(fd);
	dma_map_free(map);
}

static void access_is_checked(void **state)
{
	struct dma_map *map = dma_map_new();
	int fd = file_new(4, 0);

	(void)state;
	assert_int_equal(dma_map_add(map, 0, PAGE, fd, 0, DMA_READ), 0);
	assert_int_equal(dma_map_add(map, PAGE, PAGE, fd, PAGE, BOTH), 0);
	assert_int_equal(dma_map_add(map, 2 * PAGE, PAGE, fd, 2 * PAGE, DMA_WRITE), 0);
	assert_non_null(dma_map_pointer(map, 0, PAGE, DMA_READ));
	assert_null(dma_map_pointer(map, 0, PAGE, DMA_WRITE));
	assert_null(dma_map_pointer(map, 0, PAGE, BOTH));
	assert_non_null(dma_map_pointer(map, PAGE, PAGE, BOTH));
	assert_non_null(dma_map_pointer(map, 2 * PAGE, PAGE, DMA_WRITE));
	assert_null(dma_map_pointer(map, 2 * PAGE, PAGE, DMA_READ));
	/* Across: what all of them allow */
	assert_non_null(dma_map_pointer(map, PAGE - 1, 2, DMA_READ));
	assert_null(dma_map_pointer(map, PAGE - 1, 2, DMA_WRITE));
	assert_non_null(dma_map_pointer(map, 2 * PAGE - 1, 2, DMA_WRITE));
	assert_null(dma_map_pointer(map, 2 * PAGE - 1, 2, DMA_READ));
	assert_null(dma_map_pointer(map, 0, 3 * PAGE, DMA_READ));
	assert_null(dma_map_pointer(map, 0, 3 * PAGE, DMA_WRITE));
	assert_non_null(dma_map_pointer(map, 0, 3 * PAGE, 0));
	close(fd);
	dma_map_free(map);
}

/* As DPDK maps huge pages: each a file, in any order */
static void neighbours_are_contiguous(void **state)
{
	static const unsigned int order[] = { 4, 0, 7, 2, 6, 1, 5, 3 };
	const uint64_t iova = 0x100200000;
	struct dma_map *map = dma_map_new();
	uint8_t *start;

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		int fd = file_new(2, order[i] * 2);

		assert_int_equal(
			dma_map_add(map, iova + order[i] * 2 * PAGE, 2 * PAGE, fd, 0, BOTH), 0);
		close(fd);
	}
	start = dma_map_pointer(map, iova, 16 * PAGE, BOTH);
	assert_non_null(start);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(stamp_at(start + i * PAGE), i);
	assert_int_equal(atomic_load(&map->table)->count, 1);
	assert_null(dma_map_pointer(map, iova, 16 * PAGE + 1, BOTH));

	/* A hole separates them, and moves nothing */
	assert_int_equal(remove_region(map, iova + 6 * PAGE, 2 * PAGE), 0);
	assert_int_equal(atomic_load(&map->table)->count, 2);
	assert_null(dma_map_pointer(map, iova + 6 * PAGE - 1, 2, BOTH));
	assert_null(dma_map_pointer(map, iova + 6 * PAGE, 1, BOTH));
	assert_null(dma_map_pointer(map, iova + 8 * PAGE - 1, 1, BOTH));
	assert_ptr_equal(dma_map_pointer(map, iova, 6 * PAGE, BOTH), start);
	assert_ptr_equal(dma_map_pointer(map, iova + 8 * PAGE, 8 * PAGE, BOTH), start + 8 * PAGE);
	assert_ptr_equal(dma_map_span(map, iova + 6 * PAGE - 1),
			 &atomic_load(&map->table)->spans[0]);
	assert_null(dma_map_span(map, iova + 6 * PAGE));
	assert_null(dma_map_span(map, iova + 8 * PAGE - 1));
	assert_ptr_equal(dma_map_span(map, iova + 8 * PAGE), &atomic_load(&map->table)->spans[1]);
	dma_map_free(map);
}

/* Address space is reserved by the TiB: regions at, across and on both sides of a border */
static void borders_of_windows(void **state)
{
	for (unsigned int upwards = 0; upwards < 2; upwards++) {
		struct dma_map *map = dma_map_new();
		int fd = file_new(4, 50);
		uint8_t *low, *high, *across;

		(void)state;
		for (unsigned int i = 0; i < 2; i++) {
			uint64_t side = i ^ upwards ^ 1;

			assert_int_equal(dma_map_add(map, 3 * TiB - PAGE + side * PAGE, PAGE, fd,
						     side * PAGE, BOTH),
					 0);
		}
		low = dma_map_pointer(map, 3 * TiB - PAGE, PAGE, BOTH);
		high = dma_map_pointer(map, 3 * TiB, PAGE, BOTH);
		assert_int_equal(stamp_at(low), 50);
		assert_int_equal(stamp_at(high), 51);
		/* They are contiguous if there was room; a look-up succeeds or fails accordingly */
		across = dma_map_pointer(map, 3 * TiB - 1, 2, BOTH);
		assert_ptr_equal(across, low + PAGE == high ? low + PAGE - 1 : NULL);

		/* A region that is on both sides is contiguous in any case */
		assert_int_equal(dma_map_add(map, 5 * TiB - PAGE, 2 * PAGE, fd, 2 * PAGE, BOTH), 0);
		across = dma_map_pointer(map, 5 * TiB - PAGE, 2 * PAGE, BOTH);
		assert_non_null(across);
		assert_int_equal(stamp_at(across), 52);
		assert_int_equal(stamp_at(across + PAGE), 53);
		close(fd);
		dma_map_free(map);
	}
}

/* A window that becomes empty and is used again is where it was, next to the other one */
static void emptied_window_returns(void **state)
{
	struct dma_map *map = dma_map_new();
	int fd = file_new(2, 60);
	uint8_t *low, *high;

	(void)state;
	assert_int_equal(dma_map_add(map, 2 * TiB - PAGE, PAGE, fd, 0, BOTH), 0);
	assert_int_equal(dma_map_add(map, 2 * TiB, PAGE, fd, PAGE, BOTH), 0);
	low = dma_map_pointer(map, 2 * TiB - PAGE, PAGE, BOTH);
	high = dma_map_pointer(map, 2 * TiB, PAGE, BOTH);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t gone = i % 2 ? 2 * TiB - PAGE : 2 * TiB;

		assert_int_equal(remove_region(map, gone, PAGE), 0);
		assert_null(dma_map_pointer(map, gone, 1, BOTH));
		assert_int_equal(dma_map_add(map, gone, PAGE, fd, i % 2 ? 0 : PAGE, BOTH), 0);
		assert_int_equal(stamp_at(dma_map_pointer(map, gone, PAGE, BOTH)), 61 - i % 2);
		if (low + PAGE == high)
			assert_ptr_equal(dma_map_pointer(map, 2 * TiB - PAGE, 2 * PAGE, BOTH), low);
	}
	close(fd);
	dma_map_free(map);
}

/* More scattered than there are windows: still mapped, and released */
static void scattered(void **state)
{
	unsigned int before = count_mappings();
	struct dma_map *map = dma_map_new();
	int fd = file_new(64, 0);

	(void)state;
	for (uint64_t i = 0; i < 64; i++)
		assert_int_equal(dma_map_add(map, i * 7 * TiB, PAGE, fd, i * PAGE, BOTH), 0);
	for (uint64_t i = 0; i < 64; i++)
		assert_int_equal(stamp_at(dma_map_pointer(map, i * 7 * TiB, PAGE, BOTH)), i);
	for (uint64_t i = 0; i < 64; i++)
		assert_int_equal(remove_region(map, i * 7 * TiB, PAGE), 0);
	assert_int_equal(count_mappings(), before + 1);
	close(fd);
	dma_map_free(map);
	assert_int_equal(count_mappings(), before);
}

static void regions_without_memory(void **state)
{
	struct dma_map *map = dma_map_new();
	int fd = file_new(1, 9);

	(void)state;
	/* Any alignment will do: nothing is mapped */
	assert_int_equal(dma_map_add(map, 0xc0000, 0x20000, -1, 0, DMA_READ), 0);
	assert_int_equal(dma_map_add(map, 0xe0000, PAGE, fd, 0, BOTH), 0);
	assert_null(dma_map_pointer(map, 0xc0000, 1, DMA_READ));
	assert_null(dma_map_pointer(map, 0xdffff, 2, DMA_READ));
	assert_int_equal(stamp_at(dma_map_pointer(map, 0xe0000, PAGE, DMA_READ)), 9);
	assert_int_equal(dma_map_add(map, 0xe0000 - PAGE, PAGE, fd, 0, BOTH), -EEXIST);
	assert_int_equal(remove_region(map, 0xc0000, 0x20000), 0);
	assert_int_equal(dma_map_add(map, 0xe0000 - PAGE, PAGE, fd, 0, BOTH), 0);
	close(fd);
	dma_map_free(map);
}

/* A region that is not aligned is mapped with the pages around it, but look-ups exclude them */
static void unaligned_regions(void **state)
{
	struct dma_map *map = dma_map_new();
	int fd = file_new(4, 20);
	uint8_t *pointer;

	(void)state;
	assert_int_equal(dma_map_add(map, 0x10100, 0x80, fd, PAGE, BOTH), 0);
	assert_int_equal(dma_map_add(map, 0x10180, 0x80, fd, 2 * PAGE, BOTH), 0);
	pointer = dma_map_pointer(map, 0x10100, 0x80, BOTH);
	assert_int_equal(stamp_at(pointer), 21);
	assert_int_equal(stamp_at(dma_map_pointer(map, 0x10180, 0x80, BOTH)), 22);
	assert_null(dma_map_pointer(map, 0x100ff, 1, BOTH));
	assert_null(dma_map_pointer(map, 0x10100, 0x81, BOTH));
	assert_null(dma_map_pointer(map, 0x10200, 1, BOTH));
	assert_int_equal(remove_region(map, 0x10100, 0x80), 0);
	close(fd);
	dma_map_free(map);
}

/* A client with pages of 4 KiB maps any of them, whatever the size of ours */
static void pieces_smaller_than_a_page(void **state)
{
	const uint64_t first = 3 * DMA_PAGE, size = 2 * DMA_PAGE;
	unsigned int before = count_mappings();
	struct dma_map *map = dma_map_new();
	int fd = file_new(8, 0);
	uint8_t *at;

	(void)state;
	for (uint64_t i = 0; i < 8 * PAGE / DMA_PAGE; i++) {
		uint64_t stamp = 500 + i;

		assert_int_equal(pwrite(fd, &stamp, sizeof(stamp), (off_t)(i * DMA_PAGE)),
				 sizeof(stamp));
	}
	/* One within the file's first page or across its end, one after it, one far away */
	assert_int_equal(dma_map_add(map, first, size, fd, first, BOTH), 0);
	assert_int_equal(dma_map_add(map, first + size, DMA_PAGE, fd, 0, BOTH), 0);
	assert_int_equal(dma_map_add(map, TiB + DMA_PAGE, DMA_PAGE, fd, PAGE - DMA_PAGE, BOTH), 0);
	at = dma_map_pointer(map, first, size, BOTH);
	assert_non_null(at);
	assert_int_equal(stamp_at(at), 503);
	assert_int_equal(stamp_at(at + DMA_PAGE), 504);
	assert_int_equal(stamp_at(dma_map_pointer(map, first + size, DMA_PAGE, BOTH)), 500);
	assert_int_equal(stamp_at(dma_map_pointer(map, TiB + DMA_PAGE, DMA_PAGE, BOTH)),
			 500 + PAGE / DMA_PAGE - 1);
	assert_null(dma_map_pointer(map, first - 1, 1, DMA_READ));
	assert_null(dma_map_pointer(map, first + size + DMA_PAGE, 1, DMA_READ));
	assert_int_equal(remove_region(map, first + size, DMA_PAGE), 0);
	assert_int_equal(stamp_at(dma_map_pointer(map, first, size, BOTH)), 503);
	assert_int_equal(remove_region(map, first, size), 0);
	dma_map_free(map);
	assert_int_equal(count_mappings(), before);
	close(fd);
}

static void overlaps_are_refused(void **state)
{
	static const struct {
		uint64_t first, pages;
		int want;
	} tries[] = {
		{ 10, 4, -EEXIST }, { 10, 1, -EEXIST }, { 13, 1, -EEXIST }, { 9, 2, -EEXIST },
		{ 13, 2, -EEXIST }, { 8, 8, -EEXIST },  { 9, 1, 0 },        { 14, 1, 0 },
		{ 0, 16, -EEXIST }, { 0, 9, 0 },
	};
	struct dma_map *map = dma_map_new();
	int fd = file_new(16, 0);

	(void)state;
	assert_int_equal(dma_map_add(map, 10 * PAGE, 4 * PAGE, fd, 0, BOTH), 0);
	for (unsigned int i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		assert_int_equal(dma_map_add(map, tries[i].first * PAGE, tries[i].pages * PAGE, fd,
					     0, DMA_READ),
				 tries[i].want);
	/* One byte is enough, also at the other end of the address space */
	assert_int_equal(dma_map_add(map, 14 * PAGE - 1, 1, -1, 0, BOTH), -EEXIST);
	assert_int_equal(dma_map_add(map, 9 * PAGE, UINT64_MAX - 9 * PAGE, -1, 0, BOTH), -EEXIST);
	close(fd);
	dma_map_free(map);
}

static void bad_arguments(void **state)
{
	struct dma_map *map = dma_map_new();
	int fd = file_new(4, 0);

	(void)state;
	assert_int_equal(dma_map_add(map, 0, 0, fd, 0, BOTH), -EINVAL);
	assert_int_equal(dma_map_add(map, UINT64_MAX, 2, -1, 0, BOTH), -EINVAL);
	assert_int_equal(dma_map_add(map, PAGE, UINT64_MAX, fd, 0, BOTH), -EINVAL);
	assert_int_equal(dma_map_add(map, 0, PAGE, fd, 0, 0), -EINVAL);
	assert_int_equal(dma_map_add(map, 0, PAGE, fd, 0, 4), -EINVAL);
	assert_int_equal(dma_map_add(map, 0, PAGE, fd, 1, BOTH), -EINVAL);
	assert_int_equal(dma_map_add(map, 0, PAGE, fd, DMA_PAGE / 2, BOTH), -EINVAL);
	/* Beyond the file's end, in every way */
	assert_int_equal(dma_map_add(map, 0, 4 * PAGE + 1, fd, 0, BOTH), -EINVAL);
	assert_int_equal(dma_map_add(map, 0, PAGE, fd, 4 * PAGE, BOTH), -EINVAL);
	assert_int_equal(dma_map_add(map, 0, 2 * PAGE, fd, 3 * PAGE, BOTH), -EINVAL);
	assert_int_equal(dma_map_add(map, 0, PAGE, fd, UINT64_MAX - PAGE + 1, BOTH), -EINVAL);
	assert_int_equal(dma_map_add(map, 0, UINT64_MAX, fd, 0, BOTH), -EINVAL);
	assert_int_equal(dma_map_add(map, 0, 1ull << 63, fd, 1ull << 63, BOTH), -EINVAL);
	assert_int_equal(atomic_load(&map->table)->count, 0);
	assert_int_equal(dma_map_add(map, 0, PAGE, fd, 3 * PAGE, BOTH), 0);
	close(fd);
	dma_map_free(map);
}

static void bad_files(void **state)
{
	struct dma_map *map = dma_map_new();
	int pipes[2], pair[2], sealed = file_new(1, 0), readonly;
	unsigned int fds, mappings;
	char path[64];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	int folder = open("/", O_RDONLY | O_DIRECTORY), event = eventfd(0, 0);
	int zero = open("/dev/zero", O_RDWR), no_memory = open("/proc/version", O_RDONLY);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", sealed);
	readonly = open(path, O_RDONLY);
	assert_true(folder >= 0 && event >= 0 && zero >= 0 && no_memory >= 0 && readonly >= 0);
	assert_int_equal(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE), 0);
	fds = count_fds();
	mappings = count_mappings();

	assert_int_equal(dma_map_add(map, 0, PAGE, pipes[0], 0, DMA_READ), -EOPNOTSUPP);
	assert_int_equal(dma_map_add(map, 0, PAGE, pair[0], 0, DMA_READ), -EOPNOTSUPP);
	assert_int_equal(dma_map_add(map, 0, PAGE, folder, 0, DMA_READ), -EOPNOTSUPP);
	assert_int_equal(dma_map_add(map, 0, PAGE, event, 0, DMA_READ), -EOPNOTSUPP);
	assert_int_equal(dma_map_add(map, 0, PAGE, zero, 0, DMA_READ), -EOPNOTSUPP);
	assert_int_equal(dma_map_add(map, 0, PAGE, no_memory, 0, DMA_READ), -EOPNOTSUPP);
	assert_int_equal(dma_map_add(map, 0, PAGE, 100000, 0, DMA_READ), -EOPNOTSUPP);
	assert_int_equal(dma_map_add(map, 0, PAGE, readonly, 0, BOTH), -EACCES);
	assert_int_equal(dma_map_add(map, 0, PAGE, sealed, 0, BOTH), -EPERM);
	assert_int_equal(atomic_load(&map->table)->count, 0);
	assert_null(dma_map_unlink_all(map));
	assert_int_equal(dma_map_add(map, 0, PAGE, readonly, 0, DMA_READ), 0);
	assert_int_equal(remove_region(map, 0, PAGE), 0);

	assert_int_equal(count_fds(), fds);
	assert_int_equal(count_mappings(), mappings + 1);
	for (unsigned int i = 0; i < 2; i++) {
		close(pipes[i]);
		close(pair[i]);
	}
	close(folder);
	close(event);
	close(zero);
	close(no_memory);
	close(readonly);
	close(sealed);
	dma_map_free(map);
}

/* Huge pages if there are any; if not, an attempt that changes nothing */
static void huge_pages(void **state)
{
	const uint64_t huge = 2u << 20;
	struct dma_map *map = dma_map_new();
	int fd = memfd_create("test", MFD_HUGETLB | MFD_HUGE_2MB), plain = file_new(512, 1000), ret;
	unsigned int mappings;
	uint8_t *pointer;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(2 * huge)), 0);
	assert_int_equal(dma_map_add(map, 16 * huge, huge, plain, 0, BOTH), 0);
	mappings = count_mappings();
	ret = dma_map_add(map, 17 * huge, 2 * huge, fd, 0, BOTH);
	if (ret) {
		assert_int_equal(ret, -ENOMEM);
		assert_int_equal(count_mappings(), mappings);
		assert_null(dma_map_pointer(map, 17 * huge, 1, BOTH));
	} else {
		pointer = dma_map_pointer(map, 16 * huge, 3 * huge, BOTH);
		assert_non_null(pointer);
		memcpy(pointer + huge, "high", 5);
		assert_int_equal(remove_region(map, 17 * huge, 2 * huge), 0);
		/* As QEMU splits the memory below 1 MB: not aligned to huge pages */
		assert_int_equal(dma_map_add(map, 0, 0xa0000, fd, 0, BOTH), 0);
		assert_int_equal(dma_map_add(map, 0xc0000, 2 * huge - 0xc0000, fd, 0xc0000, BOTH),
				 0);
		assert_string_equal(dma_map_pointer(map, 0, 5, BOTH), "high");
		pointer = dma_map_pointer(map, 0xc0000, 2 * huge - 0xc0000, BOTH);
		assert_non_null(pointer);
		pointer[0] = 0x5a;
		pointer[2 * huge - 0xc0000 - 1] = 0x5b;
		assert_null(dma_map_pointer(map, 0xa0000, 1, BOTH));
		assert_null(dma_map_pointer(map, 0xbffff, 1, BOTH));
		assert_int_equal(remove_region(map, 0, 0xa0000), 0);
		assert_int_equal(remove_region(map, 0xc0000, 2 * huge - 0xc0000), 0);
	}
	assert_int_equal(stamp_at(dma_map_pointer(map, 16 * huge, 8, BOTH)), 1000);
	/* More than any machine has */
	assert_int_equal(ftruncate(fd, (off_t)(64 * TiB)), 0);
	assert_int_equal(dma_map_add(map, 128 * TiB, 64 * TiB, fd, 0, BOTH), -ENOMEM);
	close(fd);
	close(plain);
	dma_map_free(map);
}

/* As many regions as a client may have, separated; one more; then all removed */
static void full_map(void **state)
{
	unsigned int mappings = count_mappings();
	struct dma_map *map = dma_map_new();
	int fd = file_new(DMA_REGIONS_MAX, 0);
	uint64_t random = 88172645463325252ull;

	(void)state;
	for (uint64_t i = 0; i < DMA_REGIONS_MAX; i++) {
		assert_int_equal(dma_map_add(map, 2 * i * PAGE, PAGE, fd, i * PAGE, BOTH), 0);
		if (dma_map_retired(map) > 65536)
			dma_map_quiet(map);
		assert_true(dma_map_retired(map) <= 65536);
	}
	assert_int_equal(atomic_load(&map->table)->count, DMA_REGIONS_MAX);
	assert_int_equal(dma_map_add(map, 1ull << 50, PAGE, fd, 0, BOTH), -ENOSPC);
	for (uint64_t i = 0; i < DMA_REGIONS_MAX; i++) {
		assert_int_equal(stamp_at(dma_map_pointer(map, 2 * i * PAGE, PAGE, BOTH)), i);
		assert_null(dma_map_pointer(map, (2 * i + 1) * PAGE, 1, BOTH));
	}
	for (unsigned int n = 0; n < 100000; n++) {
		uint64_t i = next_random(&random) % DMA_REGIONS_MAX;

		assert_int_equal(stamp_at(dma_map_pointer(map, 2 * i * PAGE, PAGE, BOTH)), i);
		assert_ptr_equal(dma_map_span(map, 2 * i * PAGE + 1),
				 &atomic_load(&map->table)->spans[i]);
	}
	/* 4051 has no divisor in common with 4096: every region once */
	for (uint64_t n = 0, i = 0; n < DMA_REGIONS_MAX; n++, i = (i + 4051) % DMA_REGIONS_MAX) {
		assert_int_equal(remove_region(map, 2 * i * PAGE, PAGE), 0);
		assert_null(dma_map_pointer(map, 2 * i * PAGE, 1, BOTH));
	}
	assert_int_equal(dma_map_retired(map), 0);
	assert_int_equal(count_mappings(), mappings + 1);
	close(fd);
	dma_map_free(map);
	assert_int_equal(count_mappings(), mappings);
}

static void unlink_is_exact(void **state)
{
	struct dma_map *map = dma_map_new();
	struct dma_region *region = NULL;
	int fd = file_new(8, 30);

	(void)state;
	assert_int_equal(dma_map_add(map, 4 * PAGE, 4 * PAGE, fd, 0, BOTH), 0);
	assert_int_equal(dma_map_unlink(map, 4 * PAGE, 3 * PAGE, &region), -ENOENT);
	assert_int_equal(dma_map_unlink(map, 4 * PAGE, 5 * PAGE, &region), -ENOENT);
	assert_int_equal(dma_map_unlink(map, 5 * PAGE, 3 * PAGE, &region), -ENOENT);
	assert_int_equal(dma_map_unlink(map, 3 * PAGE, 4 * PAGE, &region), -ENOENT);
	assert_int_equal(dma_map_unlink(map, 0, 0, &region), -ENOENT);
	assert_null(region);
	assert_non_null(dma_map_pointer(map, 4 * PAGE, 4 * PAGE, BOTH));
	assert_int_equal(remove_region(map, 4 * PAGE, 4 * PAGE), 0);
	assert_int_equal(remove_region(map, 4 * PAGE, 4 * PAGE), -ENOENT);
	close(fd);
	dma_map_free(map);
}

/* Between unlink and release a lane may still use its pointers, whatever is added meanwhile */
static void unlinked_memory_stays_until_release(void **state)
{
	struct dma_map *map = dma_map_new();
	struct dma_region *region, *all;
	int old = file_new(2, 40), new = file_new(2, 60);
	uint8_t *pointer, *other;

	(void)state;
	assert_int_equal(dma_map_add(map, 0, 2 * PAGE, old, 0, BOTH), 0);
	pointer = dma_map_pointer(map, 0, 2 * PAGE, BOTH);
	assert_int_equal(dma_map_unlink(map, 0, 2 * PAGE, &region), 0);
	assert_null(dma_map_pointer(map, 0, 1, BOTH));
	assert_int_equal(dma_map_add(map, 0, 2 * PAGE, new, 0, BOTH), 0);
	other = dma_map_pointer(map, 0, 2 * PAGE, BOTH);
	assert_int_equal(stamp_at(other), 60);
	assert_int_equal(stamp_at(pointer), 40);
	pointer[8] = 1;
	dma_map_release(map, region);
	assert_int_equal(stamp_at(other), 60);
	assert_int_equal(stamp_at(other + PAGE), 61);

	assert_int_equal(dma_map_add(map, 2 * PAGE, PAGE, old, PAGE, BOTH), 0);
	all = dma_map_unlink_all(map);
	assert_non_null(all);
	assert_null(dma_map_pointer(map, 0, 1, BOTH));
	assert_null(dma_map_pointer(map, 2 * PAGE, 1, BOTH));
	assert_int_equal(stamp_at(other), 60);
	dma_map_release(map, all);
	assert_int_equal(dma_map_add(map, 0, 2 * PAGE, old, 0, BOTH), 0);
	assert_int_equal(stamp_at(dma_map_pointer(map, 0, 2 * PAGE, BOTH)), 40);
	close(old);
	close(new);
	dma_map_free(map);
}

/* Random operations, compared with an array that records what is at each page */
static void against_a_model(void **state)
{
	enum { PAGES = 48, FILE_PAGES = 64, BORDER = 16 };
	struct model {
		uint64_t stamp, first, pages;
		unsigned int access;
		bool mapped, memory;
	} model[PAGES] = { 0 };
	struct dma_map *map = dma_map_new();
	int fd = file_new(FILE_PAGES, 500);
	uint64_t random = 2463534242ull;
	const uint64_t base = 2 * TiB - BORDER * PAGE;
	unsigned int found = 0, crossed = 0;

	(void)state;
	for (unsigned int step = 0; step < 20000; step++) {
		uint64_t first = next_random(&random) % PAGES;
		uint64_t pages = 1 + next_random(&random) % 6, offset = next_random(&random) % 58;
		unsigned int access = next_random(&random) % 4 ? BOTH : DMA_READ;
		bool memory = next_random(&random) % 16, clear = true;

		if (pages > PAGES - first)
			pages = PAGES - first;
		if (model[first].mapped && next_random(&random) % 4 == 0) {
			struct model what = model[first];

			assert_int_equal(
				remove_region(map, base + what.first * PAGE, what.pages * PAGE), 0);
			for (uint64_t i = 0; i < what.pages; i++)
				model[what.first + i].mapped = false;
		} else {
			for (uint64_t i = 0; i < pages; i++)
				clear &= !model[first + i].mapped;
			assert_int_equal(dma_map_add(map, base + first * PAGE, pages * PAGE,
						     memory ? fd : -1, offset * PAGE, access),
					 clear ? 0 : -EEXIST);
			for (uint64_t i = 0; clear && i < pages; i++)
				model[first + i] =
					(struct model){ 500 + offset + i, first, pages,
							access,           true,  memory };
			dma_map_quiet(map);
		}

		for (unsigned int n = 0; n < 4; n++) {
			uint64_t at = next_random(&random) % (PAGES * PAGE);
			uint64_t len = next_random(&random) % (3 * PAGE);
			uint64_t last = at + (len ? len - 1 : 0);
			bool possible = last < PAGES * PAGE;
			bool near_border = at / PAGE < BORDER && last / PAGE >= BORDER;
			uint8_t *pointer;

			access = (unsigned int)(next_random(&random) % 4);
			pointer = dma_map_pointer(map, base + at, len, access);
			for (uint64_t i = at / PAGE; possible && i <= last / PAGE; i++) {
				possible = model[i].mapped && model[i].memory &&
					   !(access & ~model[i].access);
				near_border |= model[i].first < BORDER &&
					       model[i].first + model[i].pages > BORDER;
			}
			/* At a border between windows it depends on the room there was */
			if (possible && !pointer)
				assert_true(near_border);
			if (!pointer)
				continue;
			assert_true(possible);
			found++;
			crossed += at / PAGE != last / PAGE;
			/* Stamps are at the beginning of pages, and not all of them may be read */
			for (uint64_t i = (at + PAGE - 1) / PAGE; i * PAGE + 8 <= last + 1; i++)
				if (model[i].access & DMA_READ)
					assert_int_equal(stamp_at(pointer + (i * PAGE - at)),
							 model[i].stamp);
		}
	}
	assert_true(found > 10000 && crossed > 2000);
	close(fd);
	dma_map_free(map);
}

/*
 * Lanes that look up all the time, and a control thread that unmaps what they use.
 * A lane's quiet point is an increment of its counter.
 */
#define LANES  2
#define ROUNDS 1000

struct lane {
	struct dma_map *map;
	atomic_uint quiet;
	atomic_bool stop;
	uint64_t stayed, came, went;
};

static void *lane_run(void *argument)
{
	struct lane *lane = argument;

	while (!atomic_load(&lane->stop)) {
		uint8_t *pointer = dma_map_pointer(lane->map, 0, PAGE, DMA_READ);

		/* Not assert(): it would leave the thread */
		if (!pointer || stamp_at(pointer) != 70)
			abort();
		lane->stayed++;
		pointer = dma_map_pointer(lane->map, PAGE, PAGE, DMA_READ);
		if (pointer) {
			for (unsigned int i = 0; i < 8; i++)
				if (stamp_at(pointer) != 71)
					abort();
			lane->came++;
		} else {
			lane->went++;
		}
		/* The machine may have fewer CPUs than we have threads */
		if (atomic_fetch_add(&lane->quiet, 1) % 16 == 0)
			sched_yield();
	}
	return NULL;
}

static void wait_for_lanes(struct lane *lanes)
{
	for (unsigned int i = 0; i < LANES; i++) {
		unsigned int before = atomic_load(&lanes[i].quiet);

		/* Two: the first may end a turn that began before */
		while (atomic_load(&lanes[i].quiet) - before < 2)
			sched_yield();
	}
}

static void lanes_look_up_meanwhile(void **state)
{
	struct dma_map *map = dma_map_new();
	struct lane lanes[LANES] = { 0 };
	pthread_t threads[LANES];
	struct dma_region *region;
	int fd = file_new(2, 70);

	(void)state;
	assert_int_equal(dma_map_add(map, 0, PAGE, fd, 0, DMA_READ), 0);
	for (unsigned int i = 0; i < LANES; i++) {
		lanes[i].map = map;
		assert_int_equal(pthread_create(&threads[i], NULL, lane_run, &lanes[i]), 0);
	}
	for (unsigned int i = 0; i < ROUNDS; i++) {
		assert_int_equal(dma_map_add(map, PAGE, PAGE, fd, PAGE, DMA_READ), 0);
		if (i % 16 == 0) {
			wait_for_lanes(lanes);
			dma_map_quiet(map);
		}
		assert_int_equal(dma_map_unlink(map, PAGE, PAGE, &region), 0);
		wait_for_lanes(lanes);
		dma_map_release(map, region);
		assert_int_equal(dma_map_retired(map), 0);
	}
	for (unsigned int i = 0; i < LANES; i++) {
		atomic_store(&lanes[i].stop, true);
		pthread_join(threads[i], NULL);
		assert_true(lanes[i].stayed > ROUNDS && lanes[i].came && lanes[i].went);
	}
	close(fd);
	dma_map_free(map);
}

/* A client truncates its file; its other files and other clients are not affected */
static void truncated_file(void **state)
{
	struct dma_map *map = dma_map_new(), *bystander = dma_map_new();
	int fd = file_new(8, 80), other = file_new(4, 90);
	uint64_t events;
	uint8_t *pointer, *neighbour;

	(void)state;
	assert_int_equal(dma_guard_install(), 0);
	assert_int_equal(dma_guard_install(), 0);
	assert_int_equal(dma_map_add(map, 0, 8 * PAGE, fd, 0, BOTH), 0);
	assert_int_equal(dma_map_add(map, 8 * PAGE, 4 * PAGE, other, 0, BOTH), 0);
	assert_int_equal(dma_map_add(bystander, 0, 4 * PAGE, other, 0, BOTH), 0);
	pointer = dma_map_pointer(map, 0, 12 * PAGE, BOTH);
	neighbour = dma_map_pointer(bystander, 0, 4 * PAGE, BOTH);
	assert_int_equal(ftruncate(fd, (off_t)PAGE), 0);
	assert_false(dma_map_lost(map));

	assert_int_equal(pointer[5 * PAGE], 0);
	assert_true(dma_map_lost(map));
	assert_false(dma_map_lost(bystander));
	assert_int_equal(read(dma_guard_fd(), &events, sizeof(events)), sizeof(events));
	assert_int_equal(events, 1);
	assert_int_equal(read(dma_guard_fd(), &events, sizeof(events)), -1);
	/* All of the mapping is private now, and writable */
	memset(pointer, 0x11, 8 * PAGE);
	assert_int_equal(stamp_at(pointer + 8 * PAGE), 90);
	assert_int_equal(stamp_at(neighbour), 90);

	/* A system call gets an error instead */
	assert_int_equal(ftruncate(other, 0), 0);
	assert_int_equal(pwrite(fd, neighbour, 1, 0), -1);
	assert_int_equal(errno, EFAULT);
	assert_false(dma_map_lost(bystander));
	neighbour[PAGE] = 1;
	assert_true(dma_map_lost(bystander));
	assert_int_equal(read(dma_guard_fd(), &events, sizeof(events)), sizeof(events));

	/* Until none of the client's regions is left */
	assert_int_equal(remove_region(map, 0, 8 * PAGE), 0);
	assert_true(dma_map_lost(map));
	assert_int_equal(remove_region(map, 8 * PAGE, 4 * PAGE), 0);
	assert_false(dma_map_lost(map));
	dma_map_release(bystander, dma_map_unlink_all(bystander));
	assert_false(dma_map_lost(bystander));
	close(fd);
	close(other);
	dma_map_free(map);
	dma_map_free(bystander);
}

static void leave_42(int number)
{
	_exit(number == SIGBUS ? 42 : 1);
}

static void leave_43(int number, siginfo_t *info, void *context)
{
	(void)context;
	_exit(number == SIGBUS && info->si_code == BUS_ADRERR ? 43 : 1);
}

/* In a child: SIGBUS that is not about a client's memory; its wait status */
static int child_bus_error(const struct sigaction *before, bool sent)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child) {
		struct dma_map *map = dma_map_new();
		struct dma_region *region;
		int fd = file_new(1, 0);
		volatile uint8_t *own;

		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		if (sigaction(SIGBUS, before, NULL) < 0 || dma_guard_install() < 0)
			_exit(2);
		/* At an address where a client's memory was before */
		if (dma_map_add(map, 0, PAGE, fd, 0, DMA_READ))
			_exit(3);
		own = dma_map_pointer(map, 0, PAGE, DMA_READ);
		if (dma_map_unlink(map, 0, PAGE, &region))
			_exit(4);
		dma_map_release(map, region);
		/* Where the map keeps address space */
		if (mmap((void *)(uintptr_t)own, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) !=
			    own ||
		    ftruncate(fd, 0) < 0)
			_exit(5);
		if (sent)
			raise(SIGBUS);
		else
			(void)own[0];
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* Runs before the parent installs the handler: each child installs its own */
static void other_bus_errors_are_passed_on(void **state)
{
	const struct sigaction plain = { .sa_handler = leave_42 };
	const struct sigaction full = { .sa_sigaction = leave_43, .sa_flags = SA_SIGINFO };
	const struct sigaction usual = { .sa_handler = SIG_DFL },
			       ignore = { .sa_handler = SIG_IGN };
	int status;

	(void)state;
	assert_int_equal(dma_guard_fd(), -1);
	status = child_bus_error(&plain, false);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	status = child_bus_error(&full, false);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 43);
	status = child_bus_error(&usual, false);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	status = child_bus_error(&usual, true);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	status = child_bus_error(&ignore, false);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	status = child_bus_error(&ignore, true);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_bus_errors_are_passed_on),
		cmocka_unit_test(nothing_mapped),
		cmocka_unit_test(bounds_of_one_region),
		cmocka_unit_test(top_of_the_address_space),
		cmocka_unit_test(access_is_checked),
		cmocka_unit_test(neighbours_are_contiguous),
		cmocka_unit_test(borders_of_windows),
		cmocka_unit_test(emptied_window_returns),
		cmocka_unit_test(scattered),
		cmocka_unit_test(regions_without_memory),
		cmocka_unit_test(unaligned_regions),
		cmocka_unit_test(pieces_smaller_than_a_page),
		cmocka_unit_test(overlaps_are_refused),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(huge_pages),
		cmocka_unit_test(full_map),
		cmocka_unit_test(unlink_is_exact),
		cmocka_unit_test(unlinked_memory_stays_until_release),
		cmocka_unit_test(against_a_model),
		cmocka_unit_test(lanes_look_up_meanwhile),
		cmocka_unit_test(truncated_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
