/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench/driver.c - the user-space driver without an application: frames per second into the
 * adapter's sink and out of its generator, one busy queue, one thread.
 *
 *	driver-bench SOCKET tx|rx [BYTES [SECONDS [CPU [QUEUES]]]]
 *
 * The adapter is "manakin device" with a sink (tx) or a generator (rx) at its first port. With
 * QUEUES it has that many queue pairs, of which one is used. Prints millions of frames per second,
 * the best of the one-second windows, and how many frames there were in all.
 *
 * Instructions, without those that wait for the adapter: see bench/instructions.c, with
 * enter=send_turn,leave=main or enter=receive_turn,leave=main; or
 *
 *	valgrind --tool=callgrind --toggle-collect=send_turn driver-bench SOCKET tx
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/log.h"
#include "driver/driver.h"

#define MEMORY     (64u << 20) /* bytes: the first half for rings */
#define UNITS      1024u
#define BURST      32u
#define BUFFER     2048u /* bytes */

#define IDLE_UNITS DRIVER_UNITS_MIN /* of queues that are not used */

/** struct memory - rings are allocated from the front and never freed */
struct memory {
	uint8_t *base;
	size_t used;
	int fd;
};

static void *take(void *ctx, size_t size, size_t align)
{
	struct memory *memory = ctx;
	size_t at = (memory->used + align - 1) & ~(align - 1);

	if (at + size > MEMORY / 2)
		return NULL;
	memory->used = at + size;
	return memory->base + at;
}

static void give(void *ctx, void *va, size_t size)
{
	(void)ctx;
	(void)va;
	(void)size;
}

static void say(enum log_level level, const char *message)
{
	(void)level;
	fprintf(stderr, "driver-bench: %s\n", message);
}

static void check(const char *doing, int err)
{
	if (!err)
		return;
	fprintf(stderr, "driver-bench: %s: %s\n", doing, strerror(-err));
	exit(1);
}

static uint8_t *buffer(const struct memory *memory, uint32_t slot)
{
	return memory->base + MEMORY / 2 + (size_t)slot * BUFFER;
}

/** struct load - what both directions work with */
struct load {
	const struct driver_doorbell *doorbell;
	const struct memory *memory;
	uint32_t key;
	uint32_t len;   /* of what is sent */
	uint64_t bytes; /* a sum of what was received: it has to be read */
};

/** send_burst() - as the poll-mode driver's: free what is done, write a burst, announce it */
static CPU_CLONES uint32_t send_burst(struct driver_txq *txq, const struct load *load)
{
	uint32_t frames = 0;

	if (driver_wq_room(&txq->wq) < BURST)
		frames = driver_txq_reap(txq, UINT32_MAX);
	if (driver_wq_room(&txq->wq) < BURST)
		return frames;
	for (uint32_t i = 0; i < BURST; i++)
		driver_tx_one(txq, i + 1 < BURST ? DRIVER_TX_SUPPRESS : 0,
			      (uintptr_t)buffer(load->memory, txq->wq.tail & txq->wq.mask),
			      load->key, load->len);
	driver_wq_commit(&txq->wq, load->doorbell);
	return frames;
}

/** receive_burst() - take up to a burst, look at each frame's first byte, post buffers again */
static CPU_CLONES uint32_t receive_burst(struct driver_rxq *rxq, struct load *load)
{
	const struct gdma_cqe *cqe;
	uint64_t bytes = 0;
	uint32_t got = 0;

	while (got < BURST && (cqe = driver_cq_peek(&rxq->cq, 0))) {
		const struct mana_rxcomp_oob *oob = driver_rx_cqe(cqe);
		uint32_t n = 1, slot;

		while (n < MANA_RXCOMP_PACKETS && oob->ppi[n].pkt_len)
			n++;
		if (!driver_rxq_take(rxq, n, &slot))
			check("receive", -EIO);
		for (uint32_t i = 0; i < n; i++)
			bytes += *buffer(load->memory, (slot + i) & rxq->wq.mask);
		driver_cq_step(&rxq->cq, 1);
		got += n;
	}
	load->bytes += bytes;
	/* Not for each completion: the adapter reads the tail, and the cache line moves to and fro. */
	if (driver_wq_room(&rxq->wq) < 2 * BURST)
		return got;
	while (driver_wq_room(&rxq->wq))
		driver_rx_post(rxq, (uintptr_t)buffer(load->memory, rxq->wq.tail & rxq->wq.mask),
			       load->key, BUFFER);
	driver_wq_commit(&rxq->wq, load->doorbell);
	return got;
}

/* What is counted keeps its name: no copy is made for this caller. */
#ifdef __clang__
#define COUNTED __attribute__((noinline))
#else
#define COUNTED __attribute__((noipa))
#endif

/*
 * send_turn(), receive_turn() - a burst; what is counted (bench/instructions.c), under one name
 * whichever clone of the burst is used. They are called when there is something to do: the turns of
 * the loops that wait for the adapter depend on time, and are not counted.
 */
static COUNTED uint32_t send_turn(struct driver_txq *txq, struct load *load)
{
	return send_burst(txq, load);
}

static COUNTED uint32_t receive_turn(struct driver_rxq *rxq, struct load *load)
{
	return receive_burst(rxq, load);
}

/** send_for() - frames sent in @seconds */
static uint64_t send_for(struct driver_txq *txq, struct load *load, double seconds)
{
	double end = clock_seconds() + seconds;
	uint64_t frames = 0;

	for (uint32_t round = 0; round % 1024 || clock_seconds() < end; round++)
		if (driver_wq_room(&txq->wq) >= BURST || driver_cq_peek(&txq->cq, 0))
			frames += send_turn(txq, load);
	return frames;
}

/** receive_for() - frames received in @seconds */
static uint64_t receive_for(struct driver_rxq *rxq, struct load *load, double seconds)
{
	double end = clock_seconds() + seconds;
	uint64_t frames = 0;

	for (uint32_t round = 0; round % 1024 || clock_seconds() < end; round++)
		if (driver_cq_peek(&rxq->cq, 0) || driver_wq_room(&rxq->wq) >= 2 * BURST)
			frames += receive_turn(rxq, load);
	__asm__ volatile("" : : "r"(load->bytes));
	return frames;
}

static void memory_open(struct memory *memory)
{
	memory->fd = memfd_create("driver-bench", MFD_CLOEXEC | MFD_HUGETLB);
	if (memory->fd < 0 || ftruncate(memory->fd, MEMORY) < 0)
		check("memory", -errno);
	memory->base = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
	if (memory->base == MAP_FAILED) {
		/* No hugepages left: use ordinary pages, which cost both sides a little. */
		close(memory->fd);
		memory->fd = memfd_create("driver-bench", MFD_CLOEXEC);
		if (memory->fd < 0 || ftruncate(memory->fd, MEMORY) < 0)
			check("memory", -errno);
		memory->base = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
				    memory->fd, 0);
	}
	if (memory->base == MAP_FAILED)
		check("memory", -errno);
	memset(memory->base, 0, MEMORY);
}

int main(int argc, char **argv)
{
	struct driver_port_config config = { .rx_interrupts = false };
	static const uint16_t table[1] = { 0 };
	struct driver_rss rss = { .enable = true, .coalesce = true, .table = table, .entries = 1 };
	struct driver_allocator allocator = { .alloc = take, .free = give };
	static struct driver_txq txq, idle_txq[DRIVER_QUEUES_MAX];
	static struct driver_signal signals[UNITS], idle_signals[DRIVER_QUEUES_MAX][IDLE_UNITS];
	static struct driver_rxq rxq, idle_rxq[DRIVER_QUEUES_MAX];
	struct driver_port_info info;
	struct driver_region region;
	struct memory memory = { .used = 0 };
	struct transport *transport;
	struct driver *driver;
	struct driver_port *port;
	struct load load;
	uint64_t total = 0;
	double best = 0;
	uint32_t len = argc > 3 ? (uint32_t)atoi(argv[3]) : 64;
	int seconds = argc > 4 ? atoi(argv[4]) : 5;
	unsigned int queues = argc > 6 ? (unsigned int)atoi(argv[6]) : 1;
	bool tx;

	if (argc < 3 || (strcmp(argv[2], "tx") && strcmp(argv[2], "rx")) || len < 60 ||
	    len > 1518 || queues < 1 || queues > DRIVER_QUEUES_MAX) {
		fprintf(stderr,
			"usage: driver-bench SOCKET tx|rx [BYTES [SECONDS [CPU [QUEUES]]]]\n");
		return 2;
	}
	tx = !strcmp(argv[2], "tx");
	if (argc > 5) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET((size_t)atoi(argv[5]), &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	log_set(say, LOG_WARNING);
	memory_open(&memory);
	allocator.ctx = &memory;
	check("attach", transport_vfio_user(argv[1], &transport));
	check("open", driver_open(transport, &allocator, &driver));
	check("map", driver_map(driver, memory.base, MEMORY, memory.fd, 0));
	check("start", driver_start(driver));
	check("port", driver_port_open(driver, 0, &config, &port));
	check("port", driver_port_info(driver, 0, &info));
	check("key", driver_region(driver, 0, memory.base, &region));
	check("send queue", driver_txq_create(port, 0, UNITS, signals, &txq));
	for (unsigned int i = 1; i < queues; i++)
		check("send queue",
		      driver_txq_create(port, i, IDLE_UNITS, idle_signals[i], &idle_txq[i]));
	check("receive queue", driver_rxq_create(port, 0, UNITS, &rxq));
	for (unsigned int i = 1; i < queues; i++)
		check("receive queue", driver_rxq_create(port, i, IDLE_UNITS, &idle_rxq[i]));
	if (!tx)
		check("steering", driver_rss(port, &rss));
	for (uint32_t i = 0; i < UNITS; i++) {
		memset(buffer(&memory, i), 0xff, 6);
		memcpy(buffer(&memory, i) + 6, info.mac, 6);
		memcpy(buffer(&memory, i) + 12, "\x88\xb5", 2);
	}
	load = (struct load){ .doorbell = driver_doorbell(driver),
			      .memory = &memory,
			      .key = region.key,
			      .len = len };
	for (int i = 0; i < seconds; i++) {
		double start = clock_seconds();
		uint64_t frames = tx ? send_for(&txq, &load, 1) : receive_for(&rxq, &load, 1);
		double rate = (double)frames / (clock_seconds() - start) / 1e6;

		total += frames;
		if (rate > best)
			best = rate;
	}
	printf("%s %u bytes: %.2f million frames per second, %" PRIu64 " frames\n", argv[2], len,
	       best, total);
	driver_close(driver);
	return txq.cq.broken || rxq.cq.broken;
}
