/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * DPDK's own memory is mapped for the adapter as a whole, so whatever the driver keeps there, the
 * adapter can change. What the driver goes by (ports, queues, which packet an entry belongs to) is
 * therefore in other memory: a file without a name (memfd), which is never passed to an adapter.
 *
 *	addresses	reserved once: the same in all processes, as pointers are in this memory
 *	file		grows by chunks; a secondary process, which has mapped all of the addresses,
 *			finds new chunks there
 *	chunk		belongs to a NUMA socket; its blocks are sorted by address
 *	block		an allocation: an odd number of cache lines, so that the queues, most of which
 *			have the same size, spread over the sets of a cache
 *
 * Only the primary process allocates. The file is as long as what has been needed so far, and not
 * as the addresses, because mlockall() would fill all of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_lcore.h>

#include "base/error.h"
#include "pmd/pmd.h"

#define CHUNK      ((size_t)2 << 20) /* bytes, at a multiple of itself: it can be a huge page */
#define CHUNKS_MAX 512u              /* 128 queues of the largest size at each of 32 ports */
#define LINE       ((size_t)RTE_CACHE_LINE_SIZE)
#define NODES_MAX  64u

/* Far from what the EAL reserves (from 4 GiB on) and from where the kernel puts mappings. */
#define ADDRESS    ((void *)UINT64_C(0x200000000000))

/** struct block - an allocation */
struct block {
	struct block *next;
	uint8_t *start;
	size_t size;
};

/** struct chunk - @socket: whose memory it is; @blocks: sorted by address */
struct chunk {
	unsigned int socket;
	struct block *blocks;
};

/**
 * struct state - all of this process's
 * @lock:	protects this
 * @base:	of the addresses; NULL before the first allocation
 * @count:	chunks in the file
 */
static struct state {
	pthread_mutex_t lock;
	uint8_t *base;
	int fd;
	unsigned int count;
	struct chunk chunks[CHUNKS_MAX];
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/** map_file() - map all addresses, at @at if that is possible; MAP_FAILED, with errno */
static uint8_t *map_file(int fd, void *at, int flags)
{
	void *base = mmap(at, CHUNKS_MAX * CHUNK, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_NORESERVE | flags, fd, 0);

	/* Fails where shared memory has no huge pages: they are only faster. */
	if (base != MAP_FAILED)
		madvise(base, CHUNKS_MAX * CHUNK, MADV_HUGEPAGE);
	return base;
}

/** reserve() - create the file and reserve the addresses; the lock is held */
static int reserve(void)
{
	uint8_t *base;
	int err;

	state.fd = memfd_create("manakin-pmd", MFD_CLOEXEC);
	if (state.fd < 0)
		return -errno;
	base = map_file(state.fd, ADDRESS, 0);
	if (base == MAP_FAILED) {
		err = -errno;
		close(state.fd);
		state.fd = -1;
		return err;
	}
	state.base = base;
	return 0;
}

/** add_chunk() - make the file a chunk longer; the lock is held */
static int add_chunk(unsigned int socket)
{
	uint8_t *start = state.base + state.count * CHUNK;
	unsigned long nodes = 1ul << socket % NODES_MAX;

	if (state.count == CHUNKS_MAX)
		return -ENOMEM;
	if (ftruncate(state.fd, (off_t)((state.count + 1) * CHUNK)) < 0)
		return -errno;
	/* A preference: fails on a kernel without NUMA, and then there is nothing to prefer. */
	syscall(SYS_mbind, start, CHUNK, MPOL_PREFERRED, &nodes, NODES_MAX + 1, 0);
	state.chunks[state.count++].socket = socket;
	return 0;
}

/** find_gap() - where a block of @size fits into a chunk: after which block; NULL: nowhere */
static struct block **find_gap(unsigned int index, size_t size, uint8_t **start)
{
	struct block **at = &state.chunks[index].blocks;
	uint8_t *from = state.base + index * CHUNK, *end = from + CHUNK;

	for (; *at; at = &(*at)->next) {
		if ((size_t)((*at)->start - from) >= size)
			break;
		from = (*at)->start + (*at)->size;
	}
	*start = from;
	return (size_t)((*at ? (*at)->start : end) - from) >= size ? at : NULL;
}

/** allocate() - the lock is held */
static void *allocate(struct block *block, unsigned int socket)
{
	for (unsigned int i = 0;; i++) {
		struct block **at;

		if (i == state.count && add_chunk(socket))
			return NULL;
		if (state.chunks[i].socket != socket)
			continue;
		at = find_gap(i, block->size, &block->start);
		if (!at)
			continue;
		block->next = *at;
		*at = block;
		return block->start;
	}
}

void *pmd_state_alloc(size_t size, unsigned int socket)
{
	struct block *block = malloc(sizeof(*block));
	void *memory = NULL;
	int err = 0;

	if (!block)
		return NULL;
	block->size = RTE_ALIGN_CEIL(size, LINE) | LINE;
	if (socket >= NODES_MAX)
		socket = rte_socket_id() < NODES_MAX ? rte_socket_id() : 0;
	pthread_mutex_lock(&state.lock);
	if (!state.base)
		err = reserve();
	if (err)
		PMD_LOG(ERR, "no memory outside of DPDK's for ports and queues: %s",
			error_reason(-err));
	else if (block->size <= CHUNK)
		memory = allocate(block, socket);
	pthread_mutex_unlock(&state.lock);
	if (!memory)
		free(block);
	/* All of its pages are touched now, and not by the first packets. */
	return memory ? memset(memory, 0, size) : NULL;
}

/** give_back() - the whole pages of a range go back to the kernel */
static void give_back(const uint8_t *start, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t from = RTE_ALIGN_CEIL((size_t)(start - state.base), page);
	size_t to = RTE_ALIGN_FLOOR((size_t)(start - state.base) + size, page);

	if (to > from)
		fallocate(state.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
			  (off_t)(to - from));
}

void pmd_state_free(void *memory)
{
	struct block **at, *block;

	if (!memory)
		return;
	pthread_mutex_lock(&state.lock);
	at = &state.chunks[(size_t)((uint8_t *)memory - state.base) / CHUNK].blocks;
	while ((*at)->start != memory)
		at = &(*at)->next;
	block = *at;
	*at = block->next;
	give_back(block->start, block->size);
	pthread_mutex_unlock(&state.lock);
	free(block);
}

size_t pmd_state_used(void)
{
	size_t used = 0;

	pthread_mutex_lock(&state.lock);
	for (unsigned int i = 0; i < state.count; i++)
		for (const struct block *block = state.chunks[i].blocks; block; block = block->next)
			used += block->size;
	pthread_mutex_unlock(&state.lock);
	return used;
}

/* ---- Secondary processes ---- */

int pmd_state_share(void **base)
{
	*base = state.base;
	return state.fd;
}

int pmd_state_attach(int fd, void *base)
{
	int err = 0;
	void *at;

	pthread_mutex_lock(&state.lock);
	if (!state.base) {
		at = map_file(fd, base, MAP_FIXED_NOREPLACE);
		if (at == MAP_FAILED) {
			err = -errno;
		} else if (at != base) {
			/* Kernels before 4.17 take the address for a hint. */
			munmap(at, CHUNKS_MAX * CHUNK);
			err = -EEXIST;
		} else {
			state.base = at;
		}
	} else if (state.base != base) {
		err = -EEXIST;
	}
	pthread_mutex_unlock(&state.lock);
	if (fd >= 0)
		close(fd);
	return err;
}
