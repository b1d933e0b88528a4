/* SPDX-License-Identifier: BSD-3-Clause */
#include "support.h"
#include "process.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LANES 4u

static void poll_frames(struct fabric_port *port, unsigned int n)
{
	for (unsigned int got = 0; got < n;)
		got += fabric_poll(port, 0, n - got);
}

static void frames_are_valid(void **state)
{
	static const struct {
		const char *spec;
		uint32_t len;
		uint16_t type;
		uint8_t protocol;
	} kinds[] = {
		{ "generator", 64, 0x0800, 17 },
		{ "generator:proto=udp4,size=42", 42, 0x0800, 17 },
		{ "generator:proto=udp4,size=1514", 1514, 0x0800, 17 },
		{ "generator:proto=tcp4", 64, 0x0800, 6 },
		{ "generator:proto=tcp4+size=61", 61, 0x0800, 6 },
		{ "generator+proto=udp6", 64, 0x86dd, 17 },
		{ "generator:proto=tcp6", 74, 0x86dd, 6 },
		{ "generator:proto=tcp6,size=1513", 1513, 0x86dd, 6 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct receiver *receiver = receiver_new();
		struct fabric_port *port = open_port(kinds[i].spec, 0x1234, 1, receiver);
		struct fabric_port *sink = open_port("sink+verify", 1, 1, NULL);

		poll_frames(port, 300);
		for (unsigned int j = 0; j < receiver->kept_count; j++) {
			const uint8_t *bytes = receiver->kept[j].bytes;

			assert_int_equal(receiver->kept[j].frame.len, kinds[i].len);
			assert_int_equal(receiver->kept[j].frame.flags, FRAME_CSUM_VALID);
			assert_memory_equal(bytes, station(0x1234), 6);
			assert_int_equal(bytes[6] & 3, 2); /* one station, chosen locally */
			assert_int_equal(bytes[12] << 8 | bytes[13], kinds[i].type);
			assert_int_equal(bytes[kinds[i].type == 0x0800 ? 23 : 20],
					 kinds[i].protocol);
			send_one(sink, 0, bytes, kinds[i].len);
		}
		assert_int_equal(counters_of(sink).tx_frames, 300);
		assert_int_equal(counters_of(sink).tx_bad, 0);
		assert_int_equal(counters_of(port).rx_frames, 300);
		assert_int_equal(counters_of(port).rx_bytes, 300 * kinds[i].len);
		assert_true(fabric_is_source(port));
		assert_int_equal(fabric_fd(port), -1);
		assert_int_equal(fabric_caps(port), 0);
		fabric_close(sink);
		fabric_close(port);
		receiver_free(receiver);
	}
}

static void tags_and_mixtures(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port =
		open_port("generator:proto=mixed,vlan=4094,size=90,flows=40", 7, 1, receiver);
	struct fabric_port *sink = open_port("sink+verify", 1, 1, NULL);
	unsigned int kinds[2][2] = { { 0 } };

	(void)state;
	poll_frames(port, 40);
	for (unsigned int i = 0; i < 40; i++) {
		const uint8_t *bytes = receiver->kept[i].bytes;
		bool v6 = bytes[16] == 0x86;

		assert_memory_equal(bytes + 12, ((uint8_t[]){ 0x81, 0, 0x0f, 0xfe }), 4);
		kinds[v6][bytes[v6 ? 24 : 27] == 6]++;
		send_one(sink, 0, bytes, receiver->kept[i].frame.len);
	}
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(kinds[i / 2][i % 2], 10);
	assert_int_equal(counters_of(sink).tx_bad, 0);
	fabric_close(sink);
	fabric_close(port);
	receiver_free(receiver);
}

static void flows_come_in_bursts(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_port("generator:flows=5,burst=3", 1, 1, receiver);

	(void)state;
	poll_frames(port, 60);
	for (unsigned int i = 0; i < 60; i++)
		assert_int_equal(receiver->kept[i].bytes[14 + 15], i / 3 % 5);
	fabric_close(port);
	receiver_free(receiver);
	open_fails("generator:burst=0", -EINVAL, "1 to 256");
	open_fails("generator:flows=65536,burst=17", -EINVAL, "fewer flows");
}

static void flows_differ_in_address_and_come_in_turn(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_port("generator:flows=1000", 1, 1, receiver);
	static bool seen[65536];

	(void)state;
	memset(seen, 0, sizeof(seen));
	poll_frames(port, 2000);
	for (unsigned int i = 0; i < 1000; i++) {
		const uint8_t *ip = receiver->kept[i].bytes + 14;

		assert_false(seen[ip[14] << 8 | ip[15]]);
		seen[ip[14] << 8 | ip[15]] = true;
		assert_memory_equal(receiver->kept[i].bytes, receiver->kept[1000 + i].bytes, 64);
	}
	fabric_close(port);

	/* a single flow comes in whole bursts too */
	receiver_clear(receiver);
	port = open_port("generator:flows=1", 1, 1, receiver);
	assert_int_equal(fabric_poll(port, 0, 32), 32);
	assert_int_equal(receiver->calls, 1);
	fabric_close(port);
	receiver_free(receiver);
}

static void sizes_out_of_reach_are_refused(void **state)
{
	(void)state;
	open_fails("generator:size=41", -EINVAL, "41|42 to 1514");
	open_fails("generator:size=1515", -EINVAL, "1515|42 to 1514");
	open_fails("generator:size=1519,vlan=1", -EINVAL, "46 to 1518");
	open_fails("generator:size=77,proto=mixed,vlan=1", -EINVAL, "78 to 1518");
	open_fails("generator:proto=icmp", -EINVAL, "icmp|udp4");
	open_fails("generator:proto", -EINVAL, "udp4");
	open_fails("generator:vlan=4095", -EINVAL, "vlan");
	open_fails("generator:rate=0", -EINVAL, "rate");
	open_fails("generator:flows=65536,size=1514", -EINVAL, "fewer flows");
	fabric_close(open_port("generator:size=1518,vlan=0", 1, 1, NULL));
}

static void back_pressure_loses_nothing(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_port("generator:count=1000", 1, 1, receiver);
	uint64_t total = 0;

	(void)state;
	receiver->keep = false;
	for (unsigned int i = 0; i < 3000 && fabric_is_source(port); i++) {
		receiver->buffers = i % 5;
		total += fabric_poll(port, 0, 32);
	}
	assert_int_equal(total, 1000);
	assert_int_equal(receiver->frames, 1000);
	assert_int_equal(counters_of(port).rx_frames, 1000);
	assert_int_equal(counters_of(port).rx_dropped, 0);
	receiver->buffers = -1;
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	assert_false(fabric_is_source(port));
	fabric_close(port);
	receiver_free(receiver);
}

/* A vPort with four queues by source address, the last of which is not drained. */
static unsigned int queues_deliver(void *ctx, unsigned int lane, const struct frame *frames,
				   unsigned int n)
{
	uint64_t *queues = ctx;

	(void)lane;
	for (unsigned int i = 0; i < n; i++) {
		unsigned int queue = ((const uint8_t *)frames[i].iov->iov_base)[14 + 15] % 4;

		if (queue == 3)
			return i;
		queues[queue]++;
	}
	return n;
}

static void an_undrained_queue_does_not_stop_the_others(void **state)
{
	struct fabric_port_config config = { .mac = { 2 }, .mtu = 1500, .lanes = 1, .queues = 4 };
	uint64_t queues[4] = { 0 };
	struct fabric_receiver receiver = { .deliver = queues_deliver, .ctx = queues };
	struct fabric_port *port;

	(void)state;
	assert_int_equal(fabric_open("generator", &config, &receiver, &port, NULL), 0);
	for (unsigned int i = 0; i < 1000; i++)
		fabric_poll(port, 0, 32);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(queues[i] >= 900);
	fabric_close(port);
}

static void sent_frames_are_discarded(void **state)
{
	struct fabric_port *port = open_port("generator", 1, 1, NULL);
	uint8_t bytes[60];

	(void)state;
	send_one(port, 0, bytes, make_frame(bytes, station(9), station(1), sizeof(bytes), 0));
	assert_int_equal(counters_of(port).tx_frames, 1);
	assert_int_equal(counters_of(port).tx_bytes, 60);
	/* no receiver: it makes none */
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	assert_false(fabric_is_source(port));
	fabric_close(port);
}

struct lane {
	pthread_t thread;
	struct fabric_port *port;
	unsigned int lane;
	uint64_t got;
	uint64_t stop_at; /* milliseconds, or 0 for the end of the source */
};

static void *lane_main(void *arg)
{
	struct lane *lane = arg;

	while (lane->stop_at ? now_ms() < lane->stop_at : fabric_is_source(lane->port))
		lane->got +=
			fabric_poll(lane->port, lane->lane, 1 + (unsigned int)(lane->got % 40));
	return NULL;
}

static uint64_t run_lanes(struct fabric_port *port, uint64_t stop_at)
{
	struct lane lanes[LANES];
	uint64_t got = 0;

	for (unsigned int i = 0; i < LANES; i++) {
		lanes[i] = (struct lane){ .port = port, .lane = i, .stop_at = stop_at };
		assert_int_equal(pthread_create(&lanes[i].thread, NULL, lane_main, &lanes[i]), 0);
	}
	for (unsigned int i = 0; i < LANES; i++) {
		pthread_join(lanes[i].thread, NULL);
		got += lanes[i].got;
	}
	return got;
}

/* Accepts part of what it is offered, in turn. */
static unsigned int moody_deliver(void *ctx, unsigned int lane, const struct frame *frames,
				  unsigned int n)
{
	_Atomic uint64_t *total = ctx;
	static _Atomic unsigned int mood;
	unsigned int taken = atomic_fetch_add(&mood, 7) % 3 ? n : n / 2;

	(void)lane;
	for (unsigned int i = 0; i < taken; i++) {
		if (frames[i].len != 64)
			abort();
	}
	atomic_fetch_add(total, taken);
	return taken;
}

static void a_count_is_exact_over_lanes(void **state)
{
	struct fabric_port_config config = {
		.mac = { 2 }, .mtu = 1500, .lanes = LANES, .queues = 4
	};
	_Atomic uint64_t total = 0;
	struct fabric_receiver receiver = { .deliver = moody_deliver, .ctx = &total };
	struct fabric_port *port;

	(void)state;
	assert_int_equal(fabric_open("generator:count=200003", &config, &receiver, &port, NULL), 0);
	assert_int_equal(run_lanes(port, 0), 200003);
	assert_int_equal(atomic_load(&total), 200003);
	assert_int_equal(counters_of(port).rx_frames, 200003);
	assert_int_equal(counters_of(port).rx_bytes, 200003u * 64);
	fabric_close(port);
}

static void a_rate_is_kept_over_lanes(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_port("generator:rate=100000", 1, LANES, receiver);
	uint64_t got = 0, total = 0;

	(void)state;
	receiver->keep = false;
	assert_false(fabric_is_source(port));
	/* A busy machine stops us for a while, but not in each of so many windows. */
	for (unsigned int i = 0; i < 100 && got < 100 * 200; i++) {
		uint64_t start = now_ms();

		got = run_lanes(port, start + 300);
		assert_true(got <= (now_ms() - start + 1) * 100);
		total += got;
		assert_int_equal(total, receiver->frames);
	}
	assert_true(got >= 100 * 200);
	fabric_close(port);
	receiver_free(receiver);
}

static void a_rate_wakes_a_sleeping_lane(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_port("generator:rate=500,count=100", 1, 1, receiver);
	struct pollfd fd = { .fd = fabric_fd(port), .events = POLLIN };
	uint64_t start = now_ms(), got = 0;
	unsigned int wakes = 0;

	(void)state;
	while (got < 100) {
		assert_int_equal(poll(&fd, 1, 5000), 1);
		wakes++;
		for (unsigned int more = 1; more; got += more)
			more = fabric_poll(port, 0, 32);
	}
	assert_int_equal(got, 100);
	assert_true(now_ms() - start >= 199);
	assert_true(wakes <= 250);
	/* and lets it sleep for good when it is done */
	fabric_poll(port, 0, 32);
	assert_int_equal(poll(&fd, 1, 20), 0);
	fabric_close(port);

	/* frames that became due without a poll are not made up for */
	receiver_clear(receiver);
	port = open_port("generator:rate=1000", 1, 1, receiver);
	pause_us(200000);
	got = fabric_poll(port, 0, 10000);
	assert_true(got >= 1 && got <= 30);
	fabric_close(port);
	receiver_free(receiver);
}

/* One of four queues takes nothing; another one gets all its packets, at the rate */
static void a_rate_goes_on_without_a_queue(void **state)
{
	struct fabric_port_config config = { .mac = { 2 }, .mtu = 1500, .lanes = 1, .queues = 4 };
	uint64_t queues[4] = { 0 };
	struct fabric_receiver receiver = { .deliver = queues_deliver, .ctx = queues };
	struct fabric_port *port;
	struct pollfd fd = { .events = POLLIN };
	uint64_t start = now_ms();

	(void)state;
	assert_int_equal(fabric_open("generator:rate=20000", &config, &receiver, &port, NULL), 0);
	fd.fd = fabric_fd(port);
	while (now_ms() - start < 300) {
		assert_int_equal(poll(&fd, 1, 5000), 1);
		while (fabric_poll(port, 0, 32))
			;
	}
	for (unsigned int i = 0; i < 3; i++)
		assert_true(queues[i] >= 500);
	fabric_close(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_valid),
		cmocka_unit_test(tags_and_mixtures),
		cmocka_unit_test(flows_differ_in_address_and_come_in_turn),
		cmocka_unit_test(flows_come_in_bursts),
		cmocka_unit_test(sizes_out_of_reach_are_refused),
		cmocka_unit_test(back_pressure_loses_nothing),
		cmocka_unit_test(an_undrained_queue_does_not_stop_the_others),
		cmocka_unit_test(sent_frames_are_discarded),
		cmocka_unit_test(a_count_is_exact_over_lanes),
		cmocka_unit_test(a_rate_is_kept_over_lanes),
		cmocka_unit_test(a_rate_wakes_a_sleeping_lane),
		cmocka_unit_test(a_rate_goes_on_without_a_queue),
	};

	return cmocka_run_group_tests_name("fabric generator", tests, NULL, NULL);
}
