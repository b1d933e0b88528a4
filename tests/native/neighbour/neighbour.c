/* SPDX-License-Identifier: BSD-3-Clause */
#include "arena.h"
#include "neighbour.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "driver/driver.h"
#include "rnic.h"

#define MEMORY      (16u << 20) /* bytes */
#define QUEUES      4u
#define UNITS       DRIVER_UNITS_MAX
#define BURST       256u /* packets of a doorbell */
#define FRAME       1514u
#define HEADERS     34u /* bytes: Ethernet and IPv4 */
#define PING_UNITS  DRIVER_UNITS_MIN
#define PING_US     1000u /* between two doorbells that are timed */
#define LOOK_US     50u   /* between two looks at a ring */
#define END_MS      100u  /* for a doorbell that waits when it is asked for */
#define TRY_PACKETS 1000u
#define TRY_UNITS   1024u
#define TRY_MS      5000u

/**
 * struct client - a client with one vPort open
 * @page:	its doorbells: bytes from the start of BAR 0
 * @frame:	what it sends
 */
struct client {
	struct transport_ops ops;
	struct transport *transport;
	struct driver *driver;
	struct driver_port *port;
	uint64_t page;
	struct arena arena;
	uint8_t *frame;
	uint32_t key;
};

static struct client self;
static struct driver_txq sender_queue[QUEUES], ping_queue;
static struct driver_signal sender_signals[QUEUES][UNITS], ping_signals[PING_UNITS];
static struct adapter_threads adapter;
static atomic_int sender_schedstat = -1;
static _Atomic uint64_t sent;
static atomic_bool resting, lost;
static _Atomic uint64_t worst_seen, worst_sent; /* ns */
static _Atomic uint64_t waits_since;            /* clock_ns(); 0: no doorbell waits */
static atomic_bool waits_seen;                  /* the adapter has seen the one that waits */

struct times times_of(int schedstat)
{
	unsigned long long run, waited;
	struct times times = { 0 };
	char text[80];
	ssize_t n = pread(schedstat, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return times;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu", &run, &waited) == 2)
		times = (struct times){ run, waited };
	return times;
}

/* ---- A client ---- */

/** frame_fill() - a TCP segment from the vPort's address */
static void frame_fill(struct client *client, const uint8_t *mac)
{
	static const uint8_t ip[] = { 8, 0, 0x45, 0, 5, 220, 0,  0, 0, 0, 64,   6,
				      0, 0, 10,   0, 0, 1,   10, 0, 0, 2, 0,    1,
				      0, 2, 0,    0, 0, 1,   0,  0, 0, 0, 0x50, 0x10 };

	memset(client->frame, 2, 6);
	memcpy(client->frame + 6, mac, 6);
	memcpy(client->frame + 12, ip, sizeof(ip));
}

/** client_open() - attach, bring up, open vPort 0; 0 or a negative errno */
static int client_open(struct client *client, const char *socket)
{
	struct driver_allocator allocator = { arena_take, arena_give, &client->arena };
	struct driver_port_config config = { .rx_interrupts = false };
	struct driver_port_info info;
	struct driver_region region;
	struct driver_share share;
	int fd = memfd_create("neighbour", MFD_CLOEXEC);
	int err;

	if (fd < 0 || ftruncate(fd, MEMORY))
		return -errno;
	client->arena.size = MEMORY;
	client->arena.memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (client->arena.memory == MAP_FAILED)
		return -errno;
	err = transport_vfio_user(socket, &client->transport);
	if (err)
		return err;
	client->ops = *client->transport->ops;
	client->ops.map_region = refuse_map_region;
	client->transport->ops = &client->ops;
	err = driver_open(client->transport, &allocator, &client->driver);
	if (!err)
		err = driver_map(client->driver, client->arena.memory, MEMORY, fd, 0);
	close(fd);
	if (!err)
		err = driver_start(client->driver);
	if (!err)
		err = driver_port_open(client->driver, 0, &config, &client->port);
	if (!err)
		err = driver_port_info(client->driver, 0, &info);
	if (!err)
		err = driver_share(client->driver, &share);
	if (err)
		return err;
	client->page = share.page;
	client->frame = arena_take(&client->arena, FRAME, 64);
	frame_fill(client, info.mac);
	err = driver_region(client->driver, 0, client->frame, &region);
	client->key = region.key;
	return err;
}

/** burst() - write @n packets, the last with a completion, and announce them */
static void burst(struct client *client, struct driver_txq *txq, unsigned int n)
{
	const uint64_t flags = DRIVER_TX_IPV4 | DRIVER_TX_IP_CSUM | DRIVER_TX_TCP_CSUM |
			       DRIVER_TX_TCP_OFF(HEADERS);

	for (unsigned int i = 0; i < n; i++)
		driver_tx_one(txq, i + 1 < n ? flags | DRIVER_TX_SUPPRESS : flags,
			      (uintptr_t)client->frame, client->key, FRAME);
	driver_wq_commit(&txq->wq, driver_doorbell(client->driver));
}

int neighbour_try(const char *socket)
{
	static struct client client;
	static struct driver_signal signals[TRY_UNITS];
	static struct driver_txq queue, *txq = &queue;
	uint64_t deadline = clock_deadline(TRY_MS);
	uint32_t done = 0;
	int err;

	memset(&client, 0, sizeof(client));
	err = client_open(&client, socket);
	if (!err)
		err = driver_txq_create(client.port, 0, TRY_UNITS, signals, txq);
	if (!err)
		burst(&client, txq, TRY_PACKETS);
	while (!err && done < TRY_PACKETS) {
		done += driver_txq_reap(txq, TRY_PACKETS);
		err = clock_passed(deadline) ? -ETIMEDOUT : txq->cq.broken ? -EPROTO : 0;
		clock_pause_us(LOOK_US);
	}
	if (client.driver)
		driver_close(client.driver);
	return err;
}

/* ---- Sending ---- */

/** send_more() - reap what was sent, and fill the ring again; false if there was no room */
static bool send_more(struct driver_txq *txq)
{
	uint32_t done = driver_txq_reap(txq, UNITS);
	bool posted = false;

	if (done)
		atomic_fetch_add(&sent, done);
	while (!atomic_load(&resting) && driver_wq_room(&txq->wq) >= BURST) {
		burst(&self, txq, BURST);
		posted = true;
	}
	for (unsigned int i = 0; i < DRIVER_TX_ERRORS; i++)
		if (txq->errors[i])
			atomic_store(&lost, true);
	if (txq->cq.broken)
		atomic_store(&lost, true);
	return posted;
}

static void *sender(void *argument)
{
	(void)argument;
	atomic_store(&sender_schedstat, open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC));
	while (!atomic_load(&lost)) {
		bool posted = false;

		for (unsigned int i = 0; i < QUEUES; i++)
			posted |= send_more(&sender_queue[i]);
		if (!posted)
			clock_pause_us(2 * LOOK_US);
	}
	return NULL;
}

uint64_t neighbour_sent(void)
{
	return atomic_load(&sent);
}

uint64_t neighbour_held_up(void)
{
	return times_of(atomic_load(&sender_schedstat)).waited;
}

void neighbour_rest(bool rest)
{
	atomic_store(&resting, rest);
}

bool neighbour_lost(void)
{
	return atomic_load(&lost) || self.transport->ops->alive(self.transport);
}

/* ---- Doorbells that are timed ---- */

static void worse(_Atomic uint64_t *worst, uint64_t ns)
{
	if (ns > atomic_load(worst))
		atomic_store(worst, ns);
}

/**
 * held_up() - how long the threads that a doorbell depends on have had to wait for a CPU so far
 * @own:	schedstat of this thread
 *
 * The lane is one of them also before the adapter has seen the doorbell: the control thread waits
 * for it in between.
 */
static uint64_t held_up(int own)
{
	return times_of(own).waited + times_of(adapter.control).waited +
	       times_of(adapter.lane).waited;
}

static uint64_t without(uint64_t ns, uint64_t excused)
{
	return ns > excused ? ns - excused : 0;
}

/** ping() - one packet, announced by a doorbell whose answer is waited for */
static void ping(int own)
{
	struct driver_txq *txq = &ping_queue;
	uint64_t excuse = held_up(own), begin = clock_ns(), end;
	union gdma_doorbell bell;

	driver_tx_one(txq, 0, (uintptr_t)self.frame, self.key, 64);
	bell = driver_wq_bell(&txq->wq, txq->wq.tail);
	txq->wq.rung = txq->wq.tail;
	atomic_store(&waits_seen, false);
	atomic_store(&waits_since, begin);
	if (self.transport->ops->write(self.transport, TRANSPORT_BAR0, self.page + GDMA_DB_SQ,
				       &bell, sizeof(bell))) {
		atomic_store(&lost, true);
		return;
	}
	end = clock_ns();
	atomic_store(&waits_seen, true);
	worse(&worst_seen, without(end - begin, held_up(own) - excuse));
	while (!driver_txq_reap(txq, 1) && !atomic_load(&lost))
		clock_pause_us(LOOK_US);
	end = clock_ns();
	worse(&worst_sent, without(end - begin, held_up(own) - excuse));
	atomic_store(&waits_since, 0);
}

static void *pinger(void *argument)
{
	int own = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);

	(void)argument;
	while (!atomic_load(&lost)) {
		if (!atomic_load(&resting))
			ping(own);
		clock_pause_us(PING_US);
	}
	return NULL;
}

struct neighbour_waits neighbour_waits(void)
{
	uint64_t since = atomic_load(&waits_since), deadline = clock_deadline(END_MS);
	struct neighbour_waits waits;
	uint64_t now;

	while (since && atomic_load(&waits_since) == since && !clock_passed(deadline))
		clock_pause_us(LOOK_US);
	waits = (struct neighbour_waits){ .seen = atomic_exchange(&worst_seen, 0),
					  .sent = atomic_exchange(&worst_sent, 0) };
	now = clock_ns();
	/* One that waits still is not excused. */
	if (since && atomic_load(&waits_since) == since) {
		waits.sent = now - since;
		if (!atomic_load(&waits_seen))
			waits.seen = now - since;
	}
	return waits;
}

void neighbour_start(const char *socket, const struct adapter_threads *threads)
{
	pthread_t thread;
	int err;

	adapter = *threads;
	err = client_open(&self, socket);
	for (unsigned int i = 0; !err && i < QUEUES; i++)
		err = driver_txq_create(self.port, i, UNITS, sender_signals[i], &sender_queue[i]);
	if (!err)
		err = driver_txq_create(self.port, QUEUES, PING_UNITS, ping_signals, &ping_queue);
	if (!err)
		err = -pthread_create(&thread, NULL, sender, NULL);
	if (!err)
		err = -pthread_create(&thread, NULL, pinger, NULL);
	if (err) {
		fprintf(stderr, "the neighbour cannot attach to %s: %s\n", socket, strerror(-err));
		exit(1);
	}
}

uint32_t neighbour_rdma(void)
{
	static const uint8_t mac[6] = { NEIGHBOUR_RDMA_MAC, 2 },
			     peer[6] = { NEIGHBOUR_RDMA_MAC, 1 };
	static struct rnic_pair pairs[NEIGHBOUR_RDMA_PAIRS];
	static struct rnic rnic;
	struct hwc_driver *hwc = hwc_of(self.driver);
	void *memory = arena_take(&self.arena, NEIGHBOUR_RDMA_MEMORY, MANA_PAGE_SIZE);
	uint64_t region;
	int err = memory ? hwc_region(hwc, memory, NEIGHBOUR_RDMA_MEMORY, &region) : -ENOMEM;

	if (!err)
		err = rnic_open(&rnic, hwc, &self.arena, mac, NEIGHBOUR_RDMA_HOST, region);
	for (unsigned int i = 0; i < NEIGHBOUR_RDMA_PAIRS && !err; i++) {
		err = rnic_pair_open(&rnic, &pairs[i]);
		if (!err && pairs[i].number != NEIGHBOUR_RDMA_QPN(i))
			err = -EPROTO;
		if (!err)
			err = rnic_pair_connect(&rnic, &pairs[i], peer, NEIGHBOUR_RDMA_PEER,
						NEIGHBOUR_RDMA_QPN(i));
	}
	if (err) {
		fprintf(stderr, "the neighbour has no RDMA: %s\n", strerror(-err));
		exit(1);
	}
	return rnic.rkey;
}
