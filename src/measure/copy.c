/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the application's thread and the peer's, each on its CPU, share a
 * ring of slots with two buffers each: one that the application sends from, one that it
 * receives into. The application hands slots over in bursts of up to 32 by moving a tail, the
 * peer copies each packet and hands them back by moving a head. Nothing else is done: no
 * descriptors, no allocation, no addresses to be looked up. What is copied where depends on
 * the case:
 *
 *	tx		application writes a header into each packet, peer copies the packet
 *			into a buffer of its own
 *	rx		peer copies a packet of its own into each buffer, application reads a
 *			header
 *	loop, latency	peer copies from what was sent to what is received; the application
 *			reads the header and sends that buffer. The ring is as long as the
 *			number of packets in flight.
 */
#include "measure/copy.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/hugepages.h"

#define SLOTS_MAX 1024u
#define BUFFER    2048u
#define BURST     BENCH_BURST
#define HEADER    64u
#define PATIENCE  60.0                      /* seconds, for packets to move at all */
#define MEMORY    (4u * SLOTS_MAX * BUFFER) /* sent from, received into, the peer's own */

static_assert(MEMORY % HUGEPAGE_SIZE == 0, "whole hugepages");

/**
 * struct copying - shared by both threads; each counter has a cache line of its own
 * @tail:	slots handed to the peer
 * @head:	slots handed back
 */
struct copying {
	_Alignas(64) _Atomic uint64_t tail;
	_Alignas(64) _Atomic uint64_t head;
	_Alignas(64) _Atomic bool end;
	enum bench_case what;
	uint32_t size;
	uint32_t slots;
	unsigned int cpus[2];
	uint8_t *sent[SLOTS_MAX];
	uint8_t *received[SLOTS_MAX];
	uint8_t *own[SLOTS_MAX];
	uint64_t sum; /* of the headers, so that they are read */
};

static int pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/** work() - what the application does with a slot before it hands it over */
static uint64_t work(struct copying *c, uint32_t slot, bool back)
{
	uint64_t words[HEADER / 8];
	uint8_t *buffer;

	if (c->what == CASE_TX) {
		memset(c->sent[slot], (int)slot, HEADER);
		return 0;
	}
	if (!back)
		return 0;
	memcpy(words, c->received[slot], HEADER);
	if (c->what != CASE_RX) {
		buffer = c->sent[slot];
		c->sent[slot] = c->received[slot];
		c->received[slot] = buffer;
	}
	return words[0] + words[7];
}

static void *application(void *arg)
{
	struct copying *c = arg;
	uint64_t tail = 0, mask = c->slots - 1, sum = 0;

	pin(c->cpus[0]);
	while (!atomic_load_explicit(&c->end, memory_order_relaxed)) {
		uint64_t room =
			c->slots - (tail - atomic_load_explicit(&c->head, memory_order_acquire));

		if (!room)
			continue;
		if (room > BURST)
			room = BURST;
		for (uint32_t i = 0; i < room; i++)
			sum += work(c, (uint32_t)((tail + i) & mask), tail + i >= c->slots);
		tail += room;
		atomic_store_explicit(&c->tail, tail, memory_order_release);
	}
	c->sum = sum;
	return NULL;
}

static void *peer(void *arg)
{
	struct copying *c = arg;
	uint64_t head = 0, mask = c->slots - 1;

	pin(c->cpus[1]);
	while (!atomic_load_explicit(&c->end, memory_order_relaxed)) {
		uint64_t n = atomic_load_explicit(&c->tail, memory_order_acquire) - head;

		if (!n)
			continue;
		if (n > BURST)
			n = BURST;
		for (uint32_t i = 0; i < n; i++) {
			uint64_t slot = (head + i) & mask;

			memcpy(c->what == CASE_TX ? c->own[slot] : c->received[slot],
			       c->what == CASE_RX ? c->own[slot] : c->sent[slot], c->size);
		}
		head += n;
		atomic_store_explicit(&c->head, head, memory_order_release);
	}
	return NULL;
}

/** memory_open() - hugepages as the others have, or ordinary pages if there are none left */
static uint8_t *memory_open(void)
{
	int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
	void *memory = mmap(NULL, MEMORY, prot, flags | MAP_HUGETLB, -1, 0);

	if (memory == MAP_FAILED)
		memory = mmap(NULL, MEMORY, prot, flags, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static double measure(struct copying *c, double seconds)
{
	double start, end;
	uint64_t from, to;

	usleep(BENCH_WARM_UP_MS * 1000);
	start = clock_seconds();
	from = atomic_load_explicit(&c->head, memory_order_relaxed);
	/* On a busy machine a short turn may end before both threads have had a CPU. */
	do {
		usleep((useconds_t)(seconds * 1e6));
		end = clock_seconds();
		to = atomic_load_explicit(&c->head, memory_order_relaxed);
	} while (to == from && end - start < PATIENCE);
	return (double)(to - from) / (end - start) / 1e6;
}

int copy_turn(const struct point *point, double seconds, double *mpps)
{
	uint8_t *memory = memory_open();
	struct copying *c = memory ? aligned_alloc(64, sizeof(*c)) : NULL;
	pthread_t threads[2];
	int err;

	if (!c) {
		err = -ENOMEM;
		goto out;
	}
	memset(c, 0, sizeof(*c));
	c->what = point->what;
	c->size = point->size;
	c->slots = point->what == CASE_LATENCY ? BURST
		   : point->what == CASE_LOOP  ? BENCH_LOOP_BURSTS * BURST
					       : SLOTS_MAX;
	memcpy(c->cpus, point->cpus, sizeof(c->cpus));
	for (uint32_t i = 0; i < SLOTS_MAX; i++) {
		c->sent[i] = memory + (size_t)i * BUFFER;
		c->received[i] = c->sent[i] + (size_t)SLOTS_MAX * BUFFER;
		c->own[i] = c->received[i] + (size_t)SLOTS_MAX * BUFFER;
	}
	err = -pthread_create(&threads[1], NULL, peer, c);
	if (err)
		goto out;
	err = -pthread_create(&threads[0], NULL, application, c);
	if (!err)
		*mpps = measure(c, seconds);
	atomic_store(&c->end, true);
	if (!err)
		pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
out:
	free(c);
	if (memory)
		munmap(memory, MEMORY);
	return err;
}
