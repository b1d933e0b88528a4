/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/race.c - as device.c, while another of the client's CPUs changes what the lanes read.
 *
 * The input is that of device.c. Its first bytes are also what another thread begins its random
 * numbers with, by which it changes rings, entries, commands, packet headers and the doorbells in
 * shared memory as fast as it can, until the operations are over. There are two lanes with threads.
 *
 * The thread writes through mappings of its own, as another process would: so the thread sanitizer
 * sees what the adapter's threads do to each other, and not the client's races with itself.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANES_START(lanes)       lanes_start(NULL, 2, lanes)
#define LANES_STEP(lanes)        lanes_sync(lanes)
#define MEANWHILE_BEGIN()        disturb_begin()
#define MEANWHILE_END()          disturb_end()
/* The wait for a lane is counted by the clock. */
#define COST_CHECK(start, bound) ((void)(start), (void)(bound))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void disturb_begin(void);
static void disturb_end(void);

#include "device.c"

/* The counters of this thread's code would be changed by two threads */
#if defined(__clang__) && __clang_major__ >= 13
#define UNCOUNTED __attribute__((no_sanitize("coverage")))
#else
#define UNCOUNTED
#endif

#define BURST 256u /* changes between two looks at whether it is over */

static struct {
	bool started;
	pthread_t thread;
	sem_t begin, done;
	_Atomic bool over;
	uint64_t state; /* of the random numbers */
	uint8_t *memory, *doorbells;
} disturber;

UNCOUNTED static uint32_t next(void)
{
	disturber.state ^= disturber.state >> 12;
	disturber.state ^= disturber.state << 25;
	disturber.state ^= disturber.state >> 27;
	return (uint32_t)((disturber.state * 0x2545f4914f6cdd1dull) >> 32);
}

/* The first bytes of an entry or header matter most, and a valid value more than a random one */
UNCOUNTED static void change_memory(void)
{
	static const uint32_t values[] = { 0, 1, 0x40, 0xff, 0x800, 0x1000, 0xffff, UINT32_MAX };
	uint32_t how = next();
	unsigned int page = EDGE + how % (PAGES - 2 * EDGE);
	uint32_t at = how & 0x80000000u ? (how >> 8 & 0x7fu) * 32 + (how >> 16 & 7u) * 4
					: how >> 8 & 0xffcu;
	uint32_t value = how & 0x40000000u ? values[next() % 8] : next();

	if (how & 0x20000000u)
		page = how & 0x10000000u ? PAGE_DATA : PAGE_QUEUES + how % 8u;
	__atomic_store_n((uint32_t *)(disturber.memory + (size_t)page * MANA_PAGE_SIZE + at), value,
			 __ATOMIC_RELAXED);
}

UNCOUNTED static void change_doorbell(void)
{
	struct native_doorbell *page =
		(struct native_doorbell *)(disturber.doorbells +
					   (size_t)(next() % 256) * NATIVE_DOORBELL_SIZE);

	__atomic_store_n(&page->tail, next() & 1 ? next() : next() & 0x7f, __ATOMIC_RELEASE);
}

UNCOUNTED static void *disturb(void *argument)
{
	for (;;) {
		while (sem_wait(&disturber.begin))
			;
		while (!atomic_load_explicit(&disturber.over, memory_order_relaxed))
			for (unsigned int i = 0; i < BURST; i++)
				if (i % 8)
					change_memory();
				else
					change_doorbell();
		sem_post(&disturber.done);
	}
	return argument;
}

static void disturb_start(void)
{
	disturber.memory = mmap(NULL, PAGES * MANA_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				memory_fd, 0);
	disturber.doorbells = mmap(NULL, NATIVE_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				   adapter->native_fd, 0);
	require(disturber.memory != MAP_FAILED && disturber.doorbells != MAP_FAILED);
	require(!sem_init(&disturber.begin, 0, 0) && !sem_init(&disturber.done, 0, 0));
	require(!pthread_create(&disturber.thread, NULL, disturb, NULL));
	disturber.started = true;
}

static void disturb_begin(void)
{
	if (!disturber.started)
		disturb_start();
	disturber.state = 0x9e3779b97f4a7c15ull;
	for (size_t i = 0; i < left && i < 8; i++)
		disturber.state = (disturber.state ^ in[i]) * 0x100000001b3ull;
	atomic_store(&disturber.over, false);
	sem_post(&disturber.begin);
}

static void disturb_end(void)
{
	atomic_store(&disturber.over, true);
	while (sem_wait(&disturber.done))
		;
}
