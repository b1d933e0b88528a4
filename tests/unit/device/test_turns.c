/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Work that takes more than one turn of a lane, or more than one visit of the control thread:
 * nothing is lost, sent twice or counted twice, and the order stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../range.h"
#include "base/budget.h"
#include "base/clock.h"
#include "device/table.h"
#include "harness.h"
#include "vfio_user/message.h"
#include "wire/reg.h"

#define PORTS       16u
#define LARGE       64u    /* large sends in a ring */
#define LARGE_BYTES 65500u /* in each, headers included */
#define LARGE_HEAD  54u
#define LARGE_MSS   32u
#define SEGMENTS    ((LARGE_BYTES - LARGE_HEAD + LARGE_MSS - 1) / LARGE_MSS)
#define RECEIVED    60u /* frames in each round: fewer than buffers */
#define ROUNDS      20u

struct test {
	struct host host;
	struct guest guest;
	struct gnet net;
};

static void start(struct test *test, const char *const *fabrics)
{
	memset(test, 0, sizeof(*test));
	host_open(&test->host, 1, NULL, fabrics);
	guest_attach(&test->guest, &test->host);
	ethernet_up(&test->guest);
	net_up(&test->guest, 0, &test->net);
}

static void stop_threads(struct test *test)
{
	guest_detach(&test->guest);
	host_close(&test->host);
}

/** large_post() - fill a queue with large sends of tiny segments */
static void large_post(struct test *test, struct gwq *sq)
{
	static const uint8_t head[LARGE_HEAD] = { 0x02, 0, 0,    0,    0,    9,    0x02, 0,   0, 0,
						  0,    8, 0x08, 0x00, 0x45, 0,    0,    0,   0, 0,
						  0,    0, 64,   6,    0,    0,    10,   0,   0, 1,
						  10,   0, 0,    2,    0x12, 0x34, 0,    80,  0, 0,
						  0,    1, 0,    0,    0,    0,    0x50, 0x10 };
	struct gdma_sge sge[2];
	struct gsend send = { .sge = sge, .sges = 2, .tso = true, .mss = LARGE_MSS };

	memcpy(test->net.frame, head, sizeof(head));
	sge[0] = sge_of(&test->guest, test->net.frame, LARGE_HEAD);
	sge[1] = sge_of(&test->guest, test->net.frame + LARGE_HEAD, LARGE_BYTES - LARGE_HEAD);
	send.oob = send_oob(&test->net.port, sq);
	send.oob.s.is_outer_ipv4 = 1;
	send.oob.s.comp_iphdr_csum = 1;
	send.oob.s.comp_tcp_csum = 1;
	send.oob.s.trans_off = 34;
	for (unsigned int i = 0; i < LARGE; i++)
		send_post(sq, &send);
	ring_wq(&test->guest, sq);
}

static void tiny_segments_are_sent_once(void **state)
{
	static const char *const fabrics[] = { "sink+verify", NULL };
	struct adapter_port_counters counters;
	struct test test;

	(void)state;
	start(&test, fabrics);
	large_post(&test, &test.net.sq);
	for (unsigned int i = 0; i < LARGE; i++)
		assert_int_equal(tx_wait(&test.guest, &test.net.sq), MANA_CQE_TX_OKAY);
	settle(&test.host);
	counters = host_counters(&test.host, 0);
	assert_int_equal(counters.fabric.tx_frames, LARGE * SEGMENTS);
	assert_int_equal(counters.fabric.tx_bad, 0);
	assert_int_equal(counters.tx_frames, LARGE);
	assert_int_equal(counters.tx_bytes, LARGE * LARGE_BYTES);
	assert_int_equal(counters.tx_tso, LARGE);
	assert_int_equal(counters.tx_csum, LARGE);
	stop_threads(&test);
}

static void a_destroyed_queue_sends_the_rest(void **state)
{
	static const char *const fabrics[] = { "sink+verify", NULL };
	struct adapter_port_counters counters;
	struct test test;
	struct gwq sq;

	(void)state;
	start(&test, fabrics);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(
			wq_new(&test.guest, &test.net.port, GDMA_SQ, 4096, 64, &test.net.eq, &sq),
			0);
		large_post(&test, &sq);
		assert_int_equal(wq_end(&test.guest, &sq), 0);
		counters = host_counters(&test.host, 0);
		assert_int_equal(counters.fabric.tx_frames, (i + 1) * LARGE * SEGMENTS);
		assert_int_equal(counters.tx_frames, (i + 1) * LARGE);
	}
	/* A client that resets the device or leaves meanwhile does not wait for that. */
	assert_int_equal(wq_new(&test.guest, &test.net.port, GDMA_SQ, 4096, 64, &test.net.eq, &sq),
			 0);
	large_post(&test, &sq);
	assert_int_equal(guest_reset(&test.guest), 0);
	assert_int_equal(host_counters(&test.host, 0).tx_queues, 0);
	stop_threads(&test);
}

/** flood_post() - a broadcast, or an entry that is invalid: by its number */
static void flood_post(struct test *test, unsigned int number)
{
	struct gdma_sge sge;
	struct gsend send = { .sge = &sge, .sges = 1 };
	uint8_t *frame = test->net.frame + number * 1000;

	memset(frame, 0xff, 6);
	memcpy(frame + 6, test->net.port.mac, 6);
	memset(frame + 12, (int)number, 900);
	sge = sge_of(&test->guest, frame, 900);
	if (number % 7 == 3)
		sge.mem_key ^= 0x100;
	send.oob = send_oob(&test->net.port, &test->net.sq);
	send.oob.s.suppress_txcqe = number % 3 == 1;
	send_post(&test->net.sq, &send);
}

static void floods_are_delivered_once_and_in_order(void **state)
{
	const char *fabrics[PORTS + 1] = { NULL };
	struct adapter_port_counters counters;
	unsigned int good = 0, bad = 0;
	struct test test;
	struct gnet other;

	(void)state;
	for (unsigned int i = 0; i < PORTS; i++)
		fabrics[i] = "switch:turns";
	start(&test, fabrics);
	net_up(&test.guest, 1, &other);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		net_post(&test.guest, &other, RECEIVED - (RECEIVED + 3) / 7);
		for (unsigned int i = 0; i < RECEIVED; i++)
			flood_post(&test, i);
		ring_wq(&test.guest, &test.net.sq);
		for (unsigned int i = 0; i < RECEIVED; i++) {
			if (i % 7 == 3) {
				/* Its completion cannot be suppressed. */
				assert_int_equal(tx_wait(&test.guest, &test.net.sq),
						 MANA_CQE_TX_GDMA_ERR);
				bad++;
				continue;
			}
			if (i % 3 != 1)
				assert_int_equal(tx_wait(&test.guest, &test.net.sq),
						 MANA_CQE_TX_OKAY);
			assert_int_equal(rx_wait(&test.guest, &other.rq).ppi[0].pkt_len, 900);
			assert_int_equal(net_buffer(&other)[100], i);
			good++;
		}
	}
	settle(&test.host);
	counters = host_counters(&test.host, 0);
	assert_int_equal(counters.tx_frames, good);
	assert_int_equal(counters.tx_errors, bad);
	assert_int_equal(counters.fabric.tx_frames, good);
	assert_int_equal(counters.fabric.tx_flooded, good);
	assert_int_equal(host_counters(&test.host, 1).rx_frames, good);
	stop_threads(&test);
}

/* Nothing else is sent, nothing is received, and the lane sleeps. */
static void a_delayed_frame_goes_out_while_the_lane_sleeps(void **state)
{
	static const char *const fabrics[] = { "switch:late+delay=30ms", "switch:late", NULL };
	struct test test;
	struct gnet other;
	uint64_t sent;

	(void)state;
	start(&test, fabrics);
	net_up(&test.guest, 1, &other);
	net_post(&test.guest, &other, 4);
	for (unsigned int i = 0; i < 3; i++) {
		sent = clock_ns();
		flood_post(&test, 0);
		ring_wq(&test.guest, &test.net.sq);
		/* Complete as soon as it is held */
		assert_int_equal(tx_wait(&test.guest, &test.net.sq), MANA_CQE_TX_OKAY);
		assert_int_equal(rx_wait(&test.guest, &other.rq).ppi[0].pkt_len, 900);
		assert_true(clock_ns() - sent >= 30 * NS_PER_MS);
		assert_int_equal(host_counters(&test.host, 0).fabric.tx_delayed, i + 1);
	}
	/* What a client has sent arrives after it has left. */
	flood_post(&test, 0);
	ring_wq(&test.guest, &test.net.sq);
	assert_int_equal(tx_wait(&test.guest, &test.net.sq), MANA_CQE_TX_OKAY);
	guest_detach(&test.guest);
	WAIT(&test.host, host_counters(&test.host, 0).fabric.tx_frames == 4);
	host_close(&test.host);
}

static void visits_are_bounded(void **state)
{
	static const char *const fabrics[] = { "sink", NULL };
	enum { WRITES = 2700 };
	static struct {
		uint64_t count;
		struct vfu_write_one one[WRITES];
	} message;
	struct test test;
	uint64_t reply;

	(void)state;
	start(&test, fabrics);
	/* Each of these writes is a whole reset of the device: too much for one visit. */
	message.count = WRITES;
	for (unsigned int i = 0; i < WRITES; i++) {
		union smc_header header = { .msg_type = SMC_DESTROY_HWC };

		message.one[i].at = (struct vfu_region_access){ .offset = 0x1000 + SMC_SIZE - 4,
								.region = MANA_BAR,
								.count = 4 };
		memcpy(message.one[i].data, &header.word, 4);
	}
	assert_int_equal(guest_call(&test.guest, VFU_CMD_REGION_WRITE_MULTI, &message,
				    sizeof(message), &reply, sizeof(reply), NULL, 0),
			 0);
	assert_int_equal(reply, WRITES);
	/* It took more than one visit. A wait for a lane ends a visit earlier, so it is left out. */
	assert_true(test.host.spent > BUDGET_VISIT);
	assert_range(test.host.dearest, 1, BUDGET_VISIT + BUDGET_VISIT / 2);
	stop_threads(&test);
}

static void numbers_are_found_at_once(void **state)
{
	enum { SIZE = 64 };
	static int object;
	struct table table;

	(void)state;
	assert_int_equal(table_init(&table, SIZE, 1), 0);
	for (uint32_t i = 1; i < SIZE; i++)
		assert_int_equal(table_add(&table, &object), i);
	assert_int_equal(table_add(&table, &object), -1);
	/* The one that has been free for the longest time comes first. */
	table_remove(&table, 40);
	table_remove(&table, 7);
	table_remove(&table, 41);
	assert_int_equal(table_add(&table, &object), 40);
	table_remove(&table, 40);
	assert_int_equal(table_add(&table, &object), 7);
	assert_int_equal(table_add(&table, &object), 41);
	assert_int_equal(table_add(&table, &object), 40);
	assert_int_equal(table_add(&table, &object), -1);
	for (unsigned int i = 0; i < 10 * SIZE; i++) {
		uint32_t number = 1 + i * 5 % (SIZE - 1);

		table_remove(&table, number);
		assert_null(table_get(&table, number));
		assert_int_equal(table_add(&table, &object), number);
	}
	table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tiny_segments_are_sent_once),
		cmocka_unit_test(a_destroyed_queue_sends_the_rest),
		cmocka_unit_test(floods_are_delivered_once_and_in_order),
		cmocka_unit_test(a_delayed_frame_goes_out_while_the_lane_sleeps),
		cmocka_unit_test(visits_are_bounded),
		cmocka_unit_test(numbers_are_found_at_once),
	};

	guard_install(); /* whose descriptor stays */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
