/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver against the real adapter: bring-up, frames both ways, events, and ends.
 */
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define BURST 32u

static const char *const sink[] = { "sink", NULL };
static const char *const two[] = { "sink", "loop", NULL };

static struct arena arena;
static struct driver_signal signals[16][1024]; /* by queue */

static int setup(void **state)
{
	(void)state;
	arena_open(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_close(&arena);
	return 0;
}

static uint32_t key_of(struct driver *driver)
{
	struct driver_region region;

	assert_int_equal(driver_region(driver, 0, arena.base, &region), 0);
	assert_true(region.start <= (uintptr_t)arena.base);
	assert_true(region.end >= (uintptr_t)arena.base + ARENA_SIZE);
	return region.key;
}

static struct driver_port *port_up(struct driver *driver, unsigned int index, bool interrupts)
{
	struct driver_port_config config = { .rx_interrupts = interrupts };
	struct driver_port *port;

	assert_int_equal(driver_port_open(driver, index, &config, &port), 0);
	return port;
}

/** steer() - spread all packets by hash over @queues queues, a power of two */
static void steer(struct driver_port *port, unsigned int queues, bool coalesce)
{
	static const uint8_t key[MANA_HASH_KEY_SIZE] = {
		0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
		0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
		0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
	};
	uint16_t table[64];
	struct driver_rss rss = { .enable = true,
				  .hash = queues > 1,
				  .coalesce = coalesce,
				  .table = table,
				  .entries = 64 };

	memcpy(rss.key, key, sizeof(key));
	for (unsigned int i = 0; i < 64; i++)
		table[i] = (uint16_t)(i % queues);
	assert_int_equal(driver_rss(port, &rss), 0);
}

/* ---- Bring-up ---- */

static void test_bring_up(void **state)
{
	struct host host;
	struct driver *driver;
	struct driver_info info;
	struct driver_port_info port;

	(void)state;
	host_start(&host, false, two);
	driver = driver_up(&host, &arena, true);
	driver_info(driver, &info);
	assert_int_equal(info.ports, 2);
	assert_int_equal(info.frame_max, 9014);
	assert_int_equal(info.version[0], 1);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(driver_port_info(driver, i, &port), 0);
		assert_memory_equal(port.mac, host.config.port[i].mac, 6);
		assert_int_equal(port.max_txq, 64);
		assert_int_equal(port.max_rxq, 64);
		assert_true(port.link_up);
		assert_true(port.speed_mbps > 0);
		assert_true(port.table_size >= 64);
	}
	assert_int_equal(driver_port_info(driver, 2, &port), -EINVAL);
	driver_close(driver);
	assert_int_equal(arena_pages(&arena), 0);
	host_stop(&host);
}

static void test_arguments(void **state)
{
	struct driver_port_config config = { 0 };
	struct host host;
	struct driver *driver;
	struct driver_port *port, *again;
	struct driver_txq txq, other;
	struct driver_rxq rxq;
	uint16_t table[4] = { 0, 0, 0, 1 };
	struct driver_rss rss = { .enable = true, .table = table, .entries = 4 };
	struct transport *transport;

	(void)state;
	host_start(&host, false, sink);
	driver = driver_up(&host, &arena, true);
	assert_int_equal(transport_vfio_user(host.path, &transport), -EBUSY);
	assert_int_equal(transport_vfio_user("/nowhere/at/all", &transport), -ENOENT);
	assert_int_equal(driver_start(driver), -EBUSY);
	assert_int_equal(driver_map(driver, arena.base, ARENA_SIZE, arena.fd, 0), -EEXIST);
	assert_int_equal(driver_map(driver, arena.base + 1, 4096, arena.fd, 0), -EINVAL);
	assert_int_equal(driver_port_open(driver, 1, &config, &port), -EINVAL);
	port = port_up(driver, 0, false);
	assert_int_equal(driver_port_open(driver, 0, &config, &again), -EBUSY);
	assert_int_equal(driver_txq_create(port, 64, 256, signals[0], &txq), -EINVAL);
	assert_int_equal(driver_txq_create(port, 0, 64, signals[0], &txq), -EINVAL);
	assert_int_equal(driver_txq_create(port, 0, 300, signals[0], &txq), -EINVAL);
	assert_int_equal(driver_txq_create(port, 0, DRIVER_UNITS_MAX * 2, signals[0], &txq),
			 -EINVAL);
	assert_int_equal(driver_txq_create(port, 0, 256, signals[0], &txq), 0);
	assert_int_equal(driver_txq_create(port, 0, 256, signals[0], &other), -EBUSY);
	assert_int_equal(driver_rxq_create(port, 0, 256, &rxq), 0);
	assert_int_equal(driver_rss(port, &rss), -EINVAL); /* queue 1 is not there */
	table[3] = 0;
	assert_int_equal(driver_rss(port, &rss), 0);
	rss.entries = 3;
	assert_int_equal(driver_rss(port, &rss), -EINVAL);
	assert_int_equal(driver_rxq_arm(port, 0), -ENOTSUP);
	assert_int_equal(driver_rxq_event_fd(port, 0), -ENOTSUP);
	assert_int_equal(driver_rxq_arm(port, 1), -EINVAL);
	driver_txq_destroy(port, 7);
	driver_close(driver);
	assert_int_equal(arena_pages(&arena), 0);
	host_stop(&host);
}

/* ---- Sending ---- */

static uint32_t make_frame(uint8_t *at, uint32_t len, const uint8_t *to, const uint8_t *from)
{
	memset(at, 0x5a, len);
	memcpy(at, to, 6);
	memcpy(at + 6, from, 6);
	at[12] = 0x88;
	at[13] = 0xb5; /* for experiments */
	return len;
}

/** send_all() - send @count frames from @queues queues in turn; each is completed */
static void send_all(struct driver *driver, struct driver_txq *txq, unsigned int queues,
		     uint64_t count, uint64_t address, uint32_t len)
{
	const struct driver_doorbell *doorbell = driver_doorbell(driver);
	uint32_t key = key_of(driver);
	uint64_t until = now_ms() + 60000;
	unsigned int q = 0;

	while (count) {
		struct driver_txq *queue = &txq[q++ % queues];
		uint32_t n = count < BURST ? (uint32_t)count : BURST;

		driver_txq_reap(queue, UINT32_MAX);
		if (driver_wq_room(&queue->wq) < n) {
			assert_true(now_ms() < until);
			sched_yield();
			continue;
		}
		for (uint32_t i = 0; i < n; i++)
			driver_tx_one(queue, i + 1 < n ? DRIVER_TX_SUPPRESS : 0, address, key, len);
		driver_wq_commit(&queue->wq, doorbell);
		count -= n;
	}
	for (q = 0; q < queues; q++) {
		WAIT_FOR(5000, driver_txq_reap(&txq[q], UINT32_MAX) || !driver_wq_used(&txq[q].wq));
		WAIT_FOR(5000, (driver_txq_reap(&txq[q], UINT32_MAX), !driver_wq_used(&txq[q].wq)));
		assert_false(txq[q].cq.broken);
	}
}

static void count_sent(unsigned int queues, uint64_t frames, bool shared)
{
	static struct driver_txq txq[16];
	struct mana_query_gf_stat_resp stats;
	struct adapter_port_counters counters;
	struct host host;
	struct driver *driver;
	struct driver_port *port;
	uint32_t len;

	host_start(&host, false, sink);
	driver = driver_up(&host, &arena, shared);
	port = port_up(driver, 0, false);
	for (unsigned int i = 0; i < queues; i++)
		assert_int_equal(driver_txq_create(port, i, 1024, signals[i], &txq[i]), 0);
	len = make_frame(arena_packets(&arena), 64, (const uint8_t *)"\xff\xff\xff\xff\xff\xff",
			 host.config.port[0].mac);
	send_all(driver, txq, queues, frames, (uintptr_t)arena_packets(&arena), len);
	counters = host_counters(&host, 0);
	assert_int_equal(counters.fabric.tx_frames, frames);
	assert_int_equal(counters.fabric.tx_bytes, frames * 64);
	assert_int_equal(counters.tx_errors, 0);
	assert_int_equal(driver_stats(driver, &stats), 0);
	assert_int_equal(stats.tx_bcast_packets, frames);
	assert_int_equal(stats.tx_bytes, frames * 64);
	driver_close(driver);
	assert_int_equal(arena_pages(&arena), 0);
	host_stop(&host);
}

static void test_a_million_frames_sent(void **state)
{
	(void)state;
	count_sent(1, 1000000, true);
}

static void test_sent_from_16_queues(void **state)
{
	(void)state;
	count_sent(16, 1000000, true);
}

static void test_sent_by_messages(void **state)
{
	(void)state;
	count_sent(4, 200000, false);
}

/** test_failed_entries() - the completions of failed entries, and what is freed */
static void test_failed_entries(void **state)
{
	struct host host;
	struct driver *driver;
	struct driver_port *port;
	struct driver_txq txq;
	const struct driver_doorbell *doorbell;
	uint64_t at = (uintptr_t)arena_packets(&arena);
	uint32_t key, failed = 0;

	(void)state;
	host_start(&host, false, sink);
	driver = driver_up(&host, &arena, true);
	doorbell = driver_doorbell(driver);
	key = key_of(driver);
	port = port_up(driver, 0, false);
	assert_int_equal(driver_txq_create(port, 0, 256, signals[0], &txq), 0);
	make_frame(arena_packets(&arena), 64, host.config.port[0].mac, host.config.port[0].mac);
	srandom(1);
	for (unsigned int burst = 0; burst < 500; burst++) {
		unsigned int n = 1 + (unsigned int)random() % 20;

		for (unsigned int i = 0; i < n; i++) {
			bool bad = random() % 4 == 0;

			failed += bad;
			driver_tx_one(&txq, i + 1 < n ? DRIVER_TX_SUPPRESS : 0, at,
				      bad ? key + 77 : key, 64);
		}
		driver_wq_commit(&txq.wq, doorbell);
		WAIT_FOR(5000, (driver_txq_reap(&txq, UINT32_MAX), !driver_wq_used(&txq.wq)));
		assert_false(txq.cq.broken);
	}
	assert_int_equal(txq.errors[MANA_CQE_TX_GDMA_ERR - MANA_CQE_TX_SA_DROP], failed);
	assert_int_equal(host_counters(&host, 0).fabric.tx_frames + failed, txq.wq.tail);
	driver_close(driver);
	host_stop(&host);
}

/* ---- Receiving ---- */

#define BUFFER 2048u

/** fill() - post buffers while there is room: slot i of queue q is always the same buffer */
static void fill(struct driver *driver, struct driver_rxq *rxq, unsigned int q, uint32_t buffer)
{
	uint32_t units = rxq->wq.mask + 1, key = key_of(driver);

	while (driver_wq_room(&rxq->wq)) {
		uint64_t slot = rxq->wq.tail & rxq->wq.mask;

		driver_rx_post(rxq,
			       (uintptr_t)arena_packets(&arena) +
				       ((uint64_t)q * units + slot) * buffer,
			       key, buffer);
	}
	driver_wq_commit(&rxq->wq, driver_doorbell(driver));
}

/** struct got - a frame that came */
struct got {
	const uint8_t *data;
	uint32_t len;
	uint32_t hash;
	uint32_t hash_type;
	uint16_t vlan;
	bool tagged;
};

/** take() - next completion's frames; 0 if there is none */
static unsigned int take(struct driver_rxq *rxq, unsigned int q, uint32_t buffer, struct got got[4])
{
	const struct gdma_cqe *cqe = driver_cq_peek(&rxq->cq, 0);
	struct mana_rxcomp_oob oob;
	unsigned int n = 0;
	uint32_t slot = 0;

	if (!cqe)
		return 0;
	memcpy(&oob, driver_rx_cqe(cqe), sizeof(oob));
	assert_true(oob.cqe_hdr.cqe_type == MANA_CQE_RX_OKAY ||
		    oob.cqe_hdr.cqe_type == MANA_CQE_RX_COALESCED_4);
	while (n < MANA_RXCOMP_PACKETS && oob.ppi[n].pkt_len)
		n++;
	assert_true(n > 0);
	assert_true(driver_rxq_take(rxq, n, &slot));
	driver_cq_step(&rxq->cq, 1);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t at = (slot + i) & rxq->wq.mask;

		got[i] = (struct got){
			.data = arena_packets(&arena) +
				((uint64_t)q * (rxq->wq.mask + 1) + at) * buffer,
			.len = oob.ppi[i].pkt_len,
			.hash = oob.ppi[i].pkt_hash,
			.hash_type = oob.rx_hashtype,
			.vlan = oob.rx_vlan_id,
			.tagged = oob.rx_vlantag_present,
		};
	}
	return n;
}

/** check_generated() - is it one of the generator's frames, whole, and in its flow's place? */
static void check_generated(const struct got *got, const uint8_t *mac, uint32_t *flow)
{
	assert_int_equal(got->len, 64);
	assert_memory_equal(got->data, mac, 6);
	assert_int_equal(got->data[12] << 8 | got->data[13], 0x0800);
	assert_int_equal(got->data[14 + 9], 17);
	*flow = (uint32_t)(got->data[14 + 14] << 8 | got->data[14 + 15]);
	assert_int_equal(got->data[34] << 8 | got->data[35], 49152 + *flow);
	for (unsigned int i = 42; i < 64; i++)
		assert_int_equal(got->data[i], i - 34);
}

static void receive_generated(unsigned int queues, bool coalesce, bool shared)
{
	static const char *const fabric[] = { "generator:count=100000,flows=256", NULL };
	static struct driver_rxq rxq[16];
	static uint8_t where[256];
	unsigned int total = 0;
	struct host host;
	struct driver *driver;
	struct driver_port *port;
	uint64_t until = now_ms() + 30000;
	uint32_t busy = 0;

	memset(where, 0xff, sizeof(where));
	host_start(&host, false, fabric);
	driver = driver_up(&host, &arena, shared);
	port = port_up(driver, 0, false);
	for (unsigned int i = 0; i < queues; i++)
		assert_int_equal(driver_rxq_create(port, i, 512, &rxq[i]), 0);
	steer(port, queues, coalesce);
	for (unsigned int i = 0; i < queues; i++)
		fill(driver, &rxq[i], i, BUFFER);
	while (total < 100000) {
		for (unsigned int q = 0; q < queues; q++) {
			struct got got[4];
			unsigned int n;

			while ((n = take(&rxq[q], q, BUFFER, got))) {
				for (unsigned int i = 0; i < n; i++) {
					uint32_t flow;

					check_generated(&got[i], host.config.port[0].mac, &flow);
					assert_true(flow < 256);
					/* A flow's queue never changes. */
					assert_true(where[flow] == 0xff || where[flow] == q);
					where[flow] = (uint8_t)q;
					if (queues > 1)
						assert_int_equal(got[i].hash % 64 % queues, q);
				}
				total += n;
				busy |= 1u << q;
				if (driver_wq_room(&rxq[q].wq) >= BURST)
					fill(driver, &rxq[q], q, BUFFER);
			}
			assert_false(rxq[q].cq.broken);
			fill(driver, &rxq[q], q, BUFFER);
		}
		assert_true(now_ms() < until);
	}
	pause_us(20000);
	for (unsigned int q = 0; q < queues; q++)
		assert_null(driver_cq_peek(&rxq[q].cq, 0));
	assert_int_equal(total, 100000);
	assert_int_equal(busy, (1u << queues) - 1);
	driver_close(driver);
	assert_int_equal(arena_pages(&arena), 0);
	host_stop(&host);
}

static void test_received(void **state)
{
	(void)state;
	receive_generated(1, false, true);
}

static void test_received_coalesced(void **state)
{
	(void)state;
	receive_generated(1, true, true);
}

static void test_received_on_16_queues(void **state)
{
	(void)state;
	receive_generated(16, true, true);
}

static void test_received_by_messages(void **state)
{
	(void)state;
	receive_generated(4, false, false);
}

/* ---- There and back ---- */

/**
 * test_loop() - frames of any length in any number of pieces, with and without a tag, come back
 * byte for byte
 */
static void test_loop(void **state)
{
	static const char *const fabric[] = { "loop", NULL };
	static uint8_t sent[9216];
	uint8_t *pieces = arena_packets(&arena) + (16u << 20);
	struct host host;
	struct driver *driver;
	struct driver_port *port;
	struct driver_txq txq;
	struct driver_rxq rxq;
	const struct driver_doorbell *doorbell;
	uint32_t key, most = 0;

	(void)state;
	host_start(&host, false, fabric);
	driver = driver_up(&host, &arena, true);
	doorbell = driver_doorbell(driver);
	key = key_of(driver);
	port = port_up(driver, 0, false);
	assert_int_equal(driver_txq_create(port, 0, 128, signals[0], &txq), 0);
	assert_int_equal(driver_rxq_create(port, 0, 128, &rxq), 0);
	steer(port, 1, false);
	srandom(7);
	for (unsigned int round = 0; round < 20000; round++) {
		uint32_t len = 60 + (uint32_t)random() % 8900, left = len;
		unsigned int n = round % 3 ? 1 + (unsigned int)random() % DRIVER_TX_SGES : 1;
		uint16_t tci = (uint16_t)random();
		bool tagged = random() % 3 == 0;
		struct gdma_sge sge[DRIVER_TX_SGES];
		struct got got[4];
		uint32_t at = 0;

		fill(driver, &rxq, 0, 9216);
		for (uint32_t i = 0; i < len; i++)
			sent[i] = (uint8_t)random();
		make_frame(sent, 14, host.config.port[0].mac, host.config.port[0].mac);
		for (unsigned int i = 0; i < n; i++) {
			uint32_t part = i + 1 == n ? left : 1 + (uint32_t)random() % (2 * left / n);
			uint8_t *place = pieces + i * 9300 + random() % 64;

			if (part > left - (n - 1 - i))
				part = left - (n - 1 - i);
			memcpy(place, sent + at, part);
			sge[i] = (struct gdma_sge){ (uintptr_t)place, key, part };
			at += part;
			left -= part;
		}
		assert_int_equal(left, 0);
		assert_true(driver_wq_room(&txq.wq) >= driver_tx_units(n, tagged));
		if (n == 1 && !tagged)
			driver_tx_one(&txq, 0, sge[0].address, key, len);
		else
			driver_tx_many(&txq, 0, 0, tagged ? DRIVER_TX_VLAN(tci) : 0, sge, n);
		most = n > most ? n : most;
		driver_wq_commit(&txq.wq, doorbell);
		WAIT_FOR(5000, driver_cq_peek(&rxq.cq, 0) || driver_txq_reap(&txq, 4));
		WAIT_FOR(5000, driver_cq_peek(&rxq.cq, 0));
		assert_int_equal(take(&rxq, 0, 9216, got), 1);
		assert_int_equal(got[0].len, len);
		assert_memory_equal(got[0].data, sent, len);
		assert_int_equal(got[0].tagged, tagged);
		if (tagged)
			assert_int_equal(got[0].vlan, tci & 0xfff);
		WAIT_FOR(5000, (driver_txq_reap(&txq, 4), !driver_wq_used(&txq.wq)));
	}
	assert_int_equal(most, DRIVER_TX_SGES);
	for (unsigned int i = 0; i < DRIVER_TX_ERRORS; i++)
		assert_int_equal(txq.errors[i], 0);
	driver_close(driver);
	host_stop(&host);
}

/* ---- Steering ---- */

static void test_steering(void **state)
{
	static const char *const fabric[] = { "generator", NULL };
	static struct driver_rxq rxq[4];
	uint16_t table[64];
	struct driver_rss rss = { .enable = true, .hash = true, .table = table, .entries = 64 };
	struct host host;
	struct driver *driver;
	struct driver_port *port;
	struct got got[4];

	(void)state;
	host_start(&host, false, fabric);
	driver = driver_up(&host, &arena, true);
	port = port_up(driver, 0, false);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(driver_rxq_create(port, i, 256, &rxq[i]), 0);
	for (unsigned int i = 0; i < 4; i++)
		fill(driver, &rxq[i], i, BUFFER);
	/* Each queue alone, while the generator goes on */
	for (unsigned int only = 0; only < 4; only++) {
		unsigned int seen = 0;

		for (unsigned int i = 0; i < 64; i++)
			table[i] = (uint16_t)only;
		for (unsigned int i = 0; i < sizeof(rss.key); i++)
			rss.key[i] = (uint8_t)(i * 37 + only);
		assert_int_equal(driver_rss(port, &rss), 0);
		for (unsigned int i = 0; i < 4; i++)
			while (take(&rxq[i], i, BUFFER, got))
				continue;
		fill(driver, &rxq[only], only, BUFFER);
		WAIT_FOR(5000, (seen += take(&rxq[only], only, BUFFER, got)) >= 100);
		for (unsigned int i = 0; i < 4; i++)
			if (i != only)
				assert_null(driver_cq_peek(&rxq[i].cq, 0));
	}
	/* A queue that is stopped and started again while others receive */
	table[0] = 0;
	for (unsigned int i = 0; i < 64; i++)
		table[i] = (uint16_t)(i % 2);
	assert_int_equal(driver_rss(port, &rss), 0);
	driver_rxq_destroy(port, 3);
	assert_int_equal(driver_rxq_create(port, 3, 128, &rxq[3]), 0);
	table[5] = 3;
	assert_int_equal(driver_rss(port, &rss), 0);
	fill(driver, &rxq[3], 3, BUFFER);
	WAIT_FOR(5000, driver_cq_peek(&rxq[3].cq, 0));
	rss.enable = false;
	assert_int_equal(driver_rss(port, &rss), 0);
	for (unsigned int i = 0; i < 4; i++)
		while (take(&rxq[i], i, BUFFER, got))
			continue;
	for (unsigned int i = 0; i < 4; i++)
		fill(driver, &rxq[i], i, BUFFER);
	pause_us(20000);
	for (unsigned int i = 0; i < 4; i++)
		assert_null(driver_cq_peek(&rxq[i].cq, 0));
	driver_close(driver);
	host_stop(&host);
}

/* ---- Events ---- */

static bool readable(int fd, int ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, ms) > 0;
}

/** one_event() - the next one, which must come within a second */
static struct driver_event one_event(struct driver *driver)
{
	struct driver_event event;
	uint64_t until = now_ms() + 1000;

	for (;;) {
		assert_true(now_ms() < until);
		assert_true(readable(driver_event_fd(driver), 1000));
		if (driver_events(driver, &event, 1))
			return event;
	}
}

static void test_events(void **state)
{
	struct driver_event event;
	struct driver_port_info info;
	struct host host;
	struct driver *driver;

	(void)state;
	host_start(&host, false, two);
	driver = driver_up(&host, &arena, true);
	while (driver_events(driver, &event, 1))
		continue;
	assert_false(readable(driver_event_fd(driver), 50));
	host_set_link(&host, 1, false);
	event = one_event(driver);
	assert_int_equal(event.type, DRIVER_EVENT_LINK_DOWN);
	assert_int_equal(event.port, 1);
	assert_int_equal(driver_port_info(driver, 1, &info), 0);
	assert_false(info.link_up);
	host_set_link(&host, 1, true);
	event = one_event(driver);
	assert_int_equal(event.type, DRIVER_EVENT_LINK_UP);
	assert_int_equal(event.port, 1);
	host_request_reset(&host);
	assert_int_equal(one_event(driver).type, DRIVER_EVENT_RESET);
	/* All at once, taken one by one */
	host_set_link(&host, 0, false);
	host_set_link(&host, 1, false);
	host_request_reset(&host);
	assert_int_equal(one_event(driver).type, DRIVER_EVENT_LINK_DOWN);
	assert_int_equal(one_event(driver).type, DRIVER_EVENT_LINK_DOWN);
	assert_int_equal(one_event(driver).type, DRIVER_EVENT_RESET);
	assert_int_equal(driver_events(driver, &event, 1), 0);
	assert_false(readable(driver_event_fd(driver), 50));
	driver_close(driver);
	host_stop(&host);
}

/** test_restart() - the adapter is reset and used again, on the same connection */
static void test_restart(void **state)
{
	static struct driver_txq txq[2];
	struct driver_event event;
	struct host host;
	struct driver *driver;
	struct driver_port *port;
	uint64_t sent = 0;
	uint32_t len;
	int fd;

	(void)state;
	host_start(&host, false, two);
	driver = driver_up(&host, &arena, true);
	fd = driver_event_fd(driver);
	for (unsigned int round = 0; round < 20; round++) {
		port = port_up(driver, 0, round % 2);
		for (unsigned int i = 0; i < 2; i++)
			assert_int_equal(driver_txq_create(port, i, 256, signals[i], &txq[i]), 0);
		len = make_frame(arena_packets(&arena), 64, host.config.port[0].mac,
				 host.config.port[0].mac);
		send_all(driver, txq, 2, 1000, (uintptr_t)arena_packets(&arena), len);
		sent += 1000;
		assert_int_equal(host_counters(&host, 0).fabric.tx_frames, sent);
		host_request_reset(&host);
		assert_int_equal(one_event(driver).type, DRIVER_EVENT_RESET);
		assert_int_equal(driver_restart(driver), -EBUSY);
		driver_port_close(port);
		/* What is pending is forgotten with the adapter's state. */
		host_request_reset(&host);
		assert_int_equal(driver_restart(driver), 0);
		assert_int_equal(driver_event_fd(driver), fd);
		while (driver_events(driver, &event, 1))
			assert_int_not_equal(event.type, DRIVER_EVENT_REMOVED);
		host_set_link(&host, 1, false);
		assert_int_equal(one_event(driver).type, DRIVER_EVENT_LINK_DOWN);
		host_set_link(&host, 1, true);
		assert_int_equal(one_event(driver).type, DRIVER_EVENT_LINK_UP);
	}
	driver_close(driver);
	assert_int_equal(arena_pages(&arena), 0);
	host_stop(&host);
}

static void test_rx_interrupts(void **state)
{
	static const char *const fabric[] = { "loop", NULL };
	struct host host;
	struct driver *driver;
	struct driver_port *port;
	struct driver_txq txq;
	static struct driver_rxq rxq[2];
	uint8_t *frame = arena_packets(&arena) + (16u << 20);
	uint64_t count;
	int fd;

	(void)state;
	host_start(&host, false, fabric);
	driver = driver_up(&host, &arena, true);
	port = port_up(driver, 0, true);
	assert_int_equal(driver_txq_create(port, 0, 128, signals[0], &txq), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(driver_rxq_create(port, i, 128, &rxq[i]), 0);
	steer(port, 1, false);
	make_frame(frame, 100, host.config.port[0].mac, host.config.port[0].mac);
	fd = driver_rxq_event_fd(port, 0);
	assert_true(fd >= 0);
	for (unsigned int round = 0; round < 1000; round++) {
		struct got got[4];

		fill(driver, &rxq[0], 0, BUFFER);
		/*
		 * Queues are created armed. Arming them again while the first packet arrives could raise
		 * two events: one for the packet, and one because it has not been read when they are armed.
		 */
		if (round) {
			assert_int_equal(driver_rxq_arm(port, 0), 0);
			assert_false(readable(fd, round % 100 == 0 ? 20 : 0));
		}
		driver_tx_one(&txq, 0, (uintptr_t)frame, key_of(driver), 100);
		driver_wq_commit(&txq.wq, driver_doorbell(driver));
		assert_true(readable(fd, 1000));
		assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
		WAIT_FOR(1000, take(&rxq[0], 0, BUFFER, got));
		WAIT_FOR(1000, (driver_txq_reap(&txq, 4), !driver_wq_used(&txq.wq)));
	}
	/* A packet that arrives before the arming raises the event at once. */
	driver_tx_one(&txq, 0, (uintptr_t)frame, key_of(driver), 100);
	driver_wq_commit(&txq.wq, driver_doorbell(driver));
	WAIT_FOR(1000, driver_cq_peek(&rxq[0].cq, 0));
	assert_int_equal(driver_rxq_arm(port, 0), 0);
	assert_true(readable(fd, 1000));
	assert_false(readable(driver_rxq_event_fd(port, 1), 0));
	driver_close(driver);
	assert_int_equal(arena_pages(&arena), 0);
	host_stop(&host);
}

/* ---- Another process ---- */

static void test_second_process_sends(void **state)
{
	struct host host;
	struct driver *driver;
	struct driver_port *port;
	struct driver_txq *txq = (struct driver_txq *)(arena_packets(&arena) + (8u << 20));
	struct driver_signal *both = (struct driver_signal *)(arena_packets(&arena) + (9u << 20));
	pid_t pid;
	int status;

	(void)state;
	for (unsigned int shared = 0; shared < 2; shared++) {
		struct driver_share share;

		memset(&share, 0xff, sizeof(share)); /* driver_share() must fill in all of it */
		/* In a process of its own: this one forks below, and forks have no threads. */
		host_start(&host, true, sink);
		driver = driver_up(&host, &arena, shared);
		port = port_up(driver, 0, false);
		assert_int_equal(driver_txq_create(port, 0, 256, both, txq), 0);
		make_frame(arena_packets(&arena), 64, host.config.port[0].mac,
			   host.config.port[0].mac);
		assert_int_equal(driver_share(driver, &share), 0);
		assert_int_equal(share.transport.bar_fd >= 0, shared);
		share.transport.post_fd = dup(share.transport.post_fd);
		if (shared)
			share.transport.bar_fd = dup(share.transport.bar_fd);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			struct driver_doorbell *doorbell;
			uint64_t until = now_ms() + 5000;

			if (driver_attach(&share, &doorbell))
				_exit(1);
			for (unsigned int i = 0; i < 1000; i++) {
				driver_tx_one(txq, 0, (uintptr_t)arena_packets(&arena),
					      key_of(driver), 64);
				driver_wq_commit(&txq->wq, doorbell);
				while (driver_txq_reap(txq, 1) != 1)
					if (now_ms() > until)
						_exit(2);
			}
			driver_detach(doorbell);
			_exit(0);
		}
		close(share.transport.post_fd);
		if (shared)
			close(share.transport.bar_fd);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		/* And on in this one */
		driver_tx_one(txq, 0, (uintptr_t)arena_packets(&arena), key_of(driver), 64);
		driver_wq_commit(&txq->wq, driver_doorbell(driver));
		WAIT_FOR(1000, driver_txq_reap(txq, 1));
		assert_int_equal(txq->wq.head, 1001);
		driver_close(driver);
		host_stop(&host);
	}
}

/* ---- Ends ---- */

static void test_no_growth(void **state)
{
	static struct driver_txq txq[4];
	static struct driver_rxq rxq[4];
	size_t resident = 0;
	unsigned int fds = 0;
	struct host host;

	(void)state;
	host_start(&host, true, sink);
	for (unsigned int round = 0; round < 200; round++) {
		struct driver *driver = driver_up(&host, &arena, round % 2);
		struct driver_port *port = port_up(driver, 0, round % 4 == 0);

		for (unsigned int i = 0; i < 4; i++) {
			assert_int_equal(driver_txq_create(port, i, 256, signals[i], &txq[i]), 0);
			assert_int_equal(driver_rxq_create(port, i, 256, &rxq[i]), 0);
		}
		steer(port, 4, true);
		if (round % 3 == 0)
			driver_port_close(port);
		driver_close(driver);
		assert_int_equal(arena_pages(&arena), 0);
		if (round == 20) {
			resident = resident_kib();
			assert_true(resident > 0);
			fds = count_fds();
		}
	}
	assert_int_equal(count_fds(), fds);
	if (!sanitized)
		assert_true(resident_kib() <= resident + 512);
	host_stop(&host);
}

/** test_adapter_is_killed() - the adapter dies in the middle of traffic */
static void test_adapter_is_killed(void **state)
{
	(void)state;
	for (unsigned int shared = 0; shared < 2; shared++) {
		struct mana_query_gf_stat_resp stats;
		struct driver_event event;
		struct host host;
		struct driver *driver;
		struct driver_port *port;
		struct driver_txq txq, none;
		uint64_t killed = 0, until = now_ms() + 10000;
		uint32_t key;

		host_start(&host, true, sink);
		driver = driver_up(&host, &arena, shared);
		port = port_up(driver, 0, false);
		assert_int_equal(driver_txq_create(port, 0, 1024, signals[0], &txq), 0);
		key = key_of(driver);
		make_frame(arena_packets(&arena), 64, host.config.port[0].mac,
			   host.config.port[0].mac);
		for (uint64_t frames = 0;;) {
			assert_true(now_ms() < until);
			driver_txq_reap(&txq, UINT32_MAX);
			if (driver_wq_room(&txq.wq) >= BURST) {
				for (unsigned int i = 0; i < BURST; i++)
					driver_tx_one(&txq, i + 1 < BURST ? DRIVER_TX_SUPPRESS : 0,
						      (uintptr_t)arena_packets(&arena), key, 64);
				driver_wq_commit(&txq.wq, driver_doorbell(driver));
				frames += BURST;
			}
			if (frames >= 100000 && !killed) {
				host_kill(&host);
				killed = now_ms();
			}
			if (killed && readable(driver_event_fd(driver), 0) &&
			    driver_events(driver, &event, 1))
				break;
		}
		assert_true(now_ms() - killed < 1000);
		assert_int_equal(event.type, DRIVER_EVENT_REMOVED);
		/* Reported once; a poller of the descriptor does not spin. */
		assert_int_equal(driver_events(driver, &event, 1), 0);
		assert_false(readable(driver_event_fd(driver), 20));
		assert_int_equal(driver_stats(driver, &stats), -ENODEV);
		assert_int_equal(driver_txq_create(port, 1, 256, signals[1], &none), -ENODEV);
		assert_int_equal(driver_map(driver, arena.base, 4096, arena.fd, 0), -ENODEV);
		for (unsigned int i = 0; i < 100; i++)
			driver_doorbell_ring(driver_doorbell(driver), GDMA_DB_SQ,
					     driver_wq_bell(&txq.wq, txq.wq.tail));
		driver_close(driver);
		assert_int_equal(arena_pages(&arena), 0);
		host_stop(&host);
	}
}

/** test_adapter_does_not_answer() - the adapter answers nothing, but stays connected */
static void test_adapter_does_not_answer(void **state)
{
	struct mana_query_gf_stat_resp stats;
	struct driver_event event;
	struct host host;
	struct driver *driver;
	uint64_t start;

	(void)state;
	host_start(&host, true, sink);
	driver = driver_up(&host, &arena, true);
	driver_set_timeout(driver, 300);
	kill(host.pid, SIGSTOP);
	start = now_ms();
	assert_true(driver_stats(driver, &stats) < 0);
	/* The command's time, and the reset's, which is not answered either */
	assert_true(now_ms() - start < 8000);
	assert_int_equal(driver_stats(driver, &stats), -ENODEV);
	event = one_event(driver);
	assert_true(event.type == DRIVER_EVENT_RESET || event.type == DRIVER_EVENT_REMOVED);
	driver_close(driver);
	assert_int_equal(arena_pages(&arena), 0);
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bring_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_million_frames_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sent_from_16_queues, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sent_by_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_entries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_received, setup, teardown),
		cmocka_unit_test_setup_teardown(test_received_coalesced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_received_on_16_queues, setup, teardown),
		cmocka_unit_test_setup_teardown(test_received_by_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_steering, setup, teardown),
		cmocka_unit_test_setup_teardown(test_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rx_interrupts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_process_sends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_growth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adapter_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adapter_does_not_answer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
