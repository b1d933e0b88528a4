/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens to each frame is computed here once more, by arithmetic of its own, and compared frame
 * by frame: which are lost, which arrive twice, and in which order.
 */
#include "support.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../range.h"
#include "base/budget.h"
#include "base/clock.h"
#include "fabric/impair.h"

#define MANY       100000u /* frames */
#define SIZE       60u     /* bytes */
#define OVERTAKE   8u      /* most frames that overtake one */
#define PATIENCE_S 20u

/**
 * struct order - a receiver that notes the numbers of frames
 * @numbers, @count: as they came
 * @came:	when, in ns
 */
struct order {
	uint32_t numbers[2 * MANY + 100];
	_Atomic uint32_t count;
	uint64_t came[100];
};

static unsigned int note(void *ctx, unsigned int lane, const struct frame *frames, unsigned int n)
{
	struct order *order = ctx;
	uint32_t count = order->count;

	(void)lane;
	for (unsigned int i = 0; i < n; i++, count++) {
		assert_int_equal(frames[i].len, SIZE);
		memcpy(&order->numbers[count], (const uint8_t *)frames[i].iov->iov_base + 14, 4);
		if (count < 100)
			order->came[count] = clock_ns();
	}
	order->count = count;
	return n;
}

static struct order *order_new(void)
{
	struct order *order = calloc(1, sizeof(*order));

	assert_non_null(order);
	return order;
}

static struct fabric_port *open_noting(const char *spec, unsigned int lanes, struct order *order)
{
	struct fabric_port_config config = { .mtu = 1500, .lanes = lanes, .queues = 4 };
	struct fabric_receiver receiver = { .deliver = note, .ctx = order };
	struct error error = { "" };
	struct fabric_port *port;

	memcpy(config.mac, station(1), 6);
	if (fabric_open(spec, &config, &receiver, &port, &error))
		fail_msg("%s: %s", spec, error.text);
	return port;
}

/** send_numbers() - frames with the numbers from @first on, in bursts of any size */
static void send_numbers(struct fabric_port *port, unsigned int lane, uint32_t first, uint32_t n)
{
	static _Thread_local uint8_t bytes[FABRIC_BURST][SIZE];

	for (uint32_t done = 0, part; done < n; done += part) {
		struct iovec iov[FABRIC_BURST];
		struct frame frames[FABRIC_BURST];

		part = 1 + (first + done) * 7 % FABRIC_BURST;
		if (part > n - done)
			part = n - done;
		for (uint32_t i = 0; i < part; i++) {
			uint32_t number = first + done + i;

			memset(bytes[i], 2, SIZE);
			memcpy(bytes[i] + 14, &number, 4);
			iov[i] = (struct iovec){ bytes[i], SIZE };
			frames[i] = (struct frame){ .iov = &iov[i], .iovcnt = 1, .len = SIZE };
		}
		fabric_send(port, lane, frames, part);
	}
}

/** release_all() - wait for the timer, and release, until @count frames have come */
static void release_all(struct fabric_port *port, struct order *order, uint32_t count)
{
	uint64_t deadline = clock_ns() + (uint64_t)PATIENCE_S * NS_PER_S;
	struct pollfd timer = { .fd = fabric_timer_fd(port), .events = POLLIN };

	while (order->count < count) {
		if (fabric_release(port, 0) || order->count >= count)
			continue;
		assert_int_equal(poll(&timer, 1, PATIENCE_S * 1000), 1);
		assert_false(clock_passed(deadline));
	}
	assert_int_equal(order->count, count);
}

/* ---- The same once more ---- */

static uint64_t splitmix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t drawn(uint64_t seed, unsigned int lane, uint64_t n, unsigned int which)
{
	uint64_t stream = splitmix(splitmix(seed) + lane);

	return splitmix(stream + (n * 4 + which + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

static bool hits(uint64_t draw, double percent)
{
	return (double)(draw & UINT32_MAX) < percent / 100 * 4294967296.0;
}

/* What should have come of the first @sent frames of a lane. */
struct expected {
	uint32_t numbers[2 * MANY + 100];
	uint32_t count, lost, duplicated, reordered;
};

static struct expected *expect(uint64_t seed, unsigned int lane, uint32_t sent, double loss,
			       double duplicate, double reorder)
{
	struct expected *expected = calloc(1, sizeof(*expected));
	uint32_t waits[OVERTAKE + 1], left[OVERTAKE + 1], waiting = 0;

	assert_non_null(expected);
	for (uint32_t n = 0; n < sent; n++) {
		uint64_t fate = drawn(seed, lane, n, 0);
		unsigned int copies = 1;

		if (hits(fate, loss)) {
			expected->lost++;
			continue;
		}
		if (hits(fate >> 32, duplicate)) {
			expected->duplicated++;
			copies = 2;
		}
		for (unsigned int copy = 1; copy <= copies; copy++) {
			uint64_t draw = drawn(seed, lane, n, copy);
			bool back = hits(draw, reorder);
			uint32_t kept = 0;

			if (!back)
				expected->numbers[expected->count++] = n;
			for (uint32_t i = 0; i < waiting; i++) {
				if (--left[i]) {
					waits[kept] = waits[i];
					left[kept++] = left[i];
				} else {
					expected->numbers[expected->count++] = waits[i];
				}
			}
			waiting = kept;
			if (back) {
				expected->reordered++;
				waits[waiting] = n;
				left[waiting++] = 1 + (uint32_t)(draw >> 32) % OVERTAKE;
			}
		}
	}
	/* Those that nobody overtook in the end */
	for (uint32_t i = 0; i < waiting; i++)
		expected->numbers[expected->count++] = waits[i];
	return expected;
}

/** about() - is @count what a share of @percent makes of @of, within five standard deviations? */
static void about(uint64_t count, double percent, double of)
{
	double mean = of * percent / 100, apart = (double)count - mean;

	if (apart * apart > 25 * mean)
		fail_msg("%llu of %.0f is not about %g %%", (unsigned long long)count, of, percent);
}

/* ---- Tests ---- */

static void lost_and_duplicated_frames_are_those_that_the_seed_says(void **state)
{
	struct order *order = order_new();
	struct fabric_port *port = open_noting("loop+loss=1%+duplicate=0.5%+seed=7", 1, order);
	struct expected *expected = expect(7, 0, MANY, 1, 0.5, 0);
	struct fabric_counters counters;

	(void)state;
	assert_int_equal(fabric_timer_fd(port), -1);
	send_numbers(port, 0, 0, MANY);
	assert_false(fabric_release(port, 0));
	assert_int_equal(order->count, expected->count);
	assert_memory_equal(order->numbers, expected->numbers, 4 * expected->count);
	counters = counters_of(port);
	assert_int_equal(counters.tx_lost, expected->lost);
	assert_int_equal(counters.tx_duplicated, expected->duplicated);
	assert_int_equal(counters.tx_frames, MANY - expected->lost + expected->duplicated);
	assert_int_equal(counters.rx_frames, counters.tx_frames);
	assert_int_equal(counters.tx_reordered + counters.tx_delayed + counters.tx_dropped, 0);
	about(counters.tx_lost, 1, MANY);
	about(counters.tx_duplicated, 0.5, MANY * 0.99);
	/* As numbers, so that another generator is noticed: a seed keeps its meaning. */
	assert_int_equal(counters.tx_lost, 1008);
	assert_int_equal(counters.tx_duplicated, 505);
	fabric_close(port);
	free(expected);
	free(order);
}

static void reordered_frames_are_overtaken_by_up_to_eight_and_none_is_lost(void **state)
{
	static const struct {
		const char *spec;
		double reorder, duplicate;
	} ways[] = { { "loop+reorder=1%+seed=7", 1, 0 },
		     { "loop+reorder=100%+seed=8", 100, 0 },
		     { "loop+reorder=30%+duplicate=10%+seed=9", 30, 10 },
		     { "loop+reorder=30%+duplicate=10%+delay=3us+seed=9", 30, 10 } };

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct order *order = order_new();
		struct fabric_port *port = open_noting(ways[i].spec, 1, order);
		struct expected *expected =
			expect(7 + (i < 3 ? i : 2), 0, MANY, 0, ways[i].duplicate, ways[i].reorder);
		uint8_t *times = calloc(MANY, 1);
		uint32_t highest = 0, arrived = 0;

		assert_non_null(times);
		assert_true(fabric_timer_fd(port) >= 0);
		send_numbers(port, 0, 0, MANY);
		release_all(port, order, expected->count);
		for (uint32_t at = 0; at < order->count; at++) {
			uint32_t number = order->numbers[at];

			arrived += !times[number]++;
			if (number > highest)
				highest = number;
			assert_true(number + OVERTAKE >= highest);
		}
		assert_int_equal(arrived, MANY);
		assert_int_equal(counters_of(port).tx_reordered, expected->reordered);
		assert_int_equal(counters_of(port).tx_dropped, 0);
		about(expected->reordered, ways[i].reorder, expected->count);
		fabric_close(port);
		free(times);
		free(expected);
		free(order);
	}
}

static void the_order_is_what_the_seed_says(void **state)
{
	bool same = false;

	(void)state;
	/* If the machine takes the CPU away for a millisecond, a frame may go before it is overtaken. */
	for (unsigned int try = 0; try < 100 && !same; try++) {
		struct order *order = order_new();
		struct fabric_port *port =
			open_noting("loop+reorder=10%+loss=3%+seed=11", 1, order);
		struct expected *expected = expect(11, 0, 1000, 3, 0, 10);

		send_numbers(port, 0, 0, 1000);
		release_all(port, order, expected->count);
		same = !memcmp(order->numbers, expected->numbers, 4 * expected->count);
		fabric_close(port);
		free(expected);
		free(order);
	}
	assert_true(same);
}

static void a_frame_that_nothing_follows_goes_out_in_time(void **state)
{
	struct order *order = order_new();
	struct fabric_port *port = open_noting("loop+reorder=100%+seed=1", 1, order);
	uint64_t sent = clock_ns();

	(void)state;
	send_numbers(port, 0, 0, 1);
	assert_int_equal(order->count, 0);
	release_all(port, order, 1);
	assert_true(order->came[0] >= sent + NS_PER_MS);
	fabric_close(port);
	free(order);
}

static void a_delayed_frame_comes_when_its_time_has_come(void **state)
{
	struct order *order = order_new();
	struct fabric_port *port = open_noting("loop+delay=20ms", 2, order);
	uint64_t sent[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		sent[i] = clock_ns();
		send_numbers(port, i % 2, i, 1);
		clock_pause_us(1000);
	}
	assert_int_equal(counters_of(port).tx_delayed, 3);
	assert_int_equal(counters_of(port).tx_frames, order->count);
	release_all(port, order, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(order->numbers[i] < 3);
		assert_true(order->came[i] >= sent[order->numbers[i]] + 20 * NS_PER_MS);
	}
	assert_int_equal(counters_of(port).tx_frames, 3);
	fabric_close(port);
	free(order);
}

static void a_sender_cannot_outrun_its_own_frames(void **state)
{
	struct order *order = order_new();
	struct fabric_port *port = open_noting("loop+delay=1us", 1, order);

	(void)state;
	/* Without a call of fabric_release() */
	for (uint32_t i = 0; i < 100; i++) {
		send_numbers(port, 0, i, 1);
		assert_int_equal(order->count, i);
		clock_pause_us(2);
	}
	fabric_close(port);
	free(order);
}

/* Pieces, flags, and bytes that change after the call */
static void held_frames_are_copied_byte_for_byte(void **state)
{
	static uint8_t bytes[9018], copy[sizeof(bytes)];
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_port("loop+delay=5ms+reorder=50%+seed=3", 1, 1, receiver);
	struct iovec iov[3] = { { bytes, 14 }, { bytes + 14, 301 }, { bytes + 315, 8703 } };
	struct frame frame = { .iov = iov,
			       .iovcnt = 3,
			       .len = sizeof(bytes),
			       .flags = FRAME_CSUM_PARTIAL,
			       .csum_start = 34,
			       .csum_offset = 6 };
	bool seen[40] = { false };

	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		make_frame(bytes, station(1), station(2), sizeof(bytes), i);
		fabric_send(port, 0, &frame, 1);
		memset(bytes, 0xee, sizeof(bytes));
	}
	while (receiver->kept_count < 40)
		fabric_release(port, 0);
	for (unsigned int i = 0; i < 40; i++) {
		const struct kept *kept = &receiver->kept[i];
		unsigned int number = 0;

		assert_int_equal(kept->frame.len, sizeof(bytes));
		assert_int_equal(kept->frame.flags, FRAME_CSUM_PARTIAL);
		assert_int_equal(kept->frame.csum_start, 34);
		assert_int_equal(kept->frame.csum_offset, 6);
		assert_null(kept->frame.seen);
		do
			make_frame(copy, station(1), station(2), sizeof(copy), number);
		while (memcmp(copy, kept->bytes, sizeof(copy)) && ++number < 40);
		assert_range(number, 0, 39);
		assert_false(seen[number]);
		seen[number] = true;
	}
	assert_int_equal(counters_of(port).tx_csum_frames, 40);
	fabric_close(port);
	receiver_free(receiver);
}

static void memory_is_bounded_and_what_does_not_fit_is_dropped(void **state)
{
	static uint8_t bytes[9018];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct frame frames[FABRIC_BURST];
	struct fabric_counters counters;
	struct fabric_port *port;
	uint64_t sent = 0;

	(void)state;
	catch_log();
	port = open_port("sink+delay=10s", 1, 2, NULL);
	for (unsigned int i = 0; i < FABRIC_BURST; i++)
		frames[i] = (struct frame){ .iov = &iov, .iovcnt = 1, .len = sizeof(bytes) };
	/* Each lane has half of it. */
	for (unsigned int lane = 0; lane < 2; lane++) {
		uint64_t before = counters_of(port).tx_dropped;

		do {
			fabric_send(port, lane, frames, FABRIC_BURST);
			sent += FABRIC_BURST;
			counters = counters_of(port);
		} while (counters.tx_dropped == before && sent * sizeof(bytes) < 2 * IMPAIR_MEMORY);
		assert_range(counters.tx_delayed * sizeof(bytes),
			     (lane + 1) * (IMPAIR_MEMORY / 2) * 9 / 10,
			     (lane + 1) * (IMPAIR_MEMORY / 2));
	}
	assert_int_equal(counters.tx_delayed + counters.tx_dropped, sent);
	assert_int_equal(counters.tx_frames, 0);
	assert_int_equal(logged("some are dropped"), 1);
	fabric_close(port);
}

static void each_lane_has_its_own_draws(void **state)
{
	struct order *order = order_new();
	struct fabric_port *port = open_noting("loop+loss=50%+seed=0xffffffffffffffff", 3, order);

	(void)state;
	for (unsigned int lane = 0; lane < 3; lane++) {
		struct expected *expected = expect(UINT64_MAX, lane, 5000, 50, 0, 0);

		order->count = 0;
		send_numbers(port, lane, 0, 5000);
		assert_int_equal(order->count, expected->count);
		assert_memory_equal(order->numbers, expected->numbers, 4 * expected->count);
		free(expected);
	}
	fabric_close(port);
	free(order);
}

static void without_a_seed_one_is_chosen_and_logged(void **state)
{
	struct order *order = order_new(), *again = order_new();
	struct fabric_port *port;
	char spec[80];
	unsigned int seed = 0;

	(void)state;
	catch_log();
	port = open_noting("loop+loss=50%", 1, order);
	assert_int_equal(logged("to repeat them, add +seed="), 1);
	send_numbers(port, 0, 0, 1000);
	fabric_close(port);
	assert_int_equal(sscanf(strstr(logged_line("+seed="), "+seed="), "+seed=%u", &seed), 1);
	snprintf(spec, sizeof(spec), "loop+loss=50%%+seed=%u", seed);
	port = open_noting(spec, 1, again);
	send_numbers(port, 0, 0, 1000);
	fabric_close(port);
	assert_int_equal(order->count, again->count);
	assert_memory_equal(order->numbers, again->numbers, 4 * again->count);
	/* Nothing is drawn for a delay. */
	catch_log();
	fabric_close(open_noting("loop+delay=1ms", 1, order));
	assert_int_equal(logged("seed"), 0);
	free(order);
	free(again);
}

static void shares_of_nothing_and_of_everything(void **state)
{
	struct order *order = order_new();
	struct fabric_port *port;

	(void)state;
	port = open_noting("loop+loss=100%+seed=1", 1, order);
	send_numbers(port, 0, 0, MANY);
	assert_int_equal(order->count, 0);
	assert_int_equal(counters_of(port).tx_lost, MANY);
	fabric_close(port);

	port = open_noting("loop+duplicate=100%+seed=1", 1, order);
	send_numbers(port, 0, 0, MANY);
	assert_int_equal(order->count, 2 * MANY);
	for (uint32_t i = 0; i < 2 * MANY; i++)
		assert_int_equal(order->numbers[i], i / 2);
	fabric_close(port);

	order->count = 0;
	port = open_noting("loop+loss=0%+duplicate=0.000000%+reorder=0.0%+delay=0s+seed=1", 1,
			   order);
	send_numbers(port, 0, 0, MANY);
	assert_int_equal(order->count, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(order->numbers[i], i);
	fabric_close(port);
	free(order);
}

static void a_turn_is_not_exceeded(void **state)
{
	enum { SENT = 32 * FABRIC_BURST };
	struct order *order = order_new();
	struct fabric_port *port = open_noting("loop+delay=50ms", 1, order);
	struct pollfd timer = { .fd = fabric_timer_fd(port), .events = POLLIN };
	uint32_t start, before, calls = 0;

	(void)state;
	send_numbers(port, 0, 0, SENT);
	assert_int_equal(poll(&timer, 1, PATIENCE_S * 1000), 1);
	clock_pause_us(10000);
	/* Whoever sends releases some, but no more than that. */
	start = budget_spent;
	send_numbers(port, 0, SENT, 1);
	assert_range(budget_since(start), 1, BUDGET_TURN + BUDGET_TURN / 2);
	before = order->count;
	for (start = budget_spent; fabric_release(port, 0); start = budget_spent) {
		assert_range(budget_since(start), 1, BUDGET_TURN + BUDGET_TURN / 2);
		calls++;
	}
	assert_true(calls * BUDGET_TURN / BUDGET_PACKET + FABRIC_BURST >= order->count - before);
	release_all(port, order, SENT + 1);
	fabric_close(port);
	free(order);
}

/* A switch ends a call after a frame that went to many ports; with impairments before it, too */
static void a_flood_ends_a_call(void **state)
{
	static uint8_t bytes[9000];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct frame frames[16];
	struct fabric_port *ports[32];
	struct receiver *receiver = receiver_new();

	(void)state;
	receiver->keep = false;
	for (unsigned int i = 0; i < 32; i++)
		ports[i] = open_port(i ? "switch:flood" : "switch:flood+loss=0%+seed=1", i + 1, 1,
				     receiver);
	make_frame(bytes, (const uint8_t *)"\xff\xff\xff\xff\xff\xff", station(1), sizeof(bytes),
		   0);
	for (unsigned int i = 0; i < 16; i++)
		frames[i] = (struct frame){ .iov = &iov, .iovcnt = 1, .len = sizeof(bytes) };
	assert_range(fabric_send_some(ports[0], 0, frames, 16), 1, 2);
	for (unsigned int i = 0; i < 32; i++)
		fabric_close(ports[i]);
	receiver_free(receiver);
}

static void large_sends_are_cut_before(void **state)
{
	struct fabric_port *port = open_port("switch:caps+delay=1ms", 1, 1, NULL);
	struct fabric_port *other = open_port("switch:caps", 2, 1, NULL);

	(void)state;
	assert_int_equal(fabric_caps(port), FABRIC_CSUM);
	assert_int_equal(fabric_caps(other), FABRIC_CSUM | FABRIC_GSO);
	fabric_close(other);
	assert_int_equal(fabric_caps(port), FABRIC_CSUM);
	fabric_close(port);
	port = open_port("loop+loss=0%+seed=1", 1, 1, NULL);
	assert_int_equal(fabric_caps(port), FABRIC_CSUM);
	fabric_close(port);
}

static void any_fabric_takes_the_options(void **state)
{
	static const char *const fabrics[] = {
		"sink+verify%s", "generator:size=64,flows=8%s", "generator:size=64%s",
		"loop%s",        "switch:any+age=5%s",
	};
	char spec[200], name[] = "/tmp/impair-XXXXXX";
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i <= sizeof(fabrics) / sizeof(fabrics[0]); i++) {
		const char *options = i == 1 ? ",loss=50%,seed=5,delay=0s" : "+loss=50%+seed=5";
		struct order *order = order_new();
		struct fabric_port *port;
		struct fabric_counters counters;

		if (i < sizeof(fabrics) / sizeof(fabrics[0]))
			snprintf(spec, sizeof(spec), fabrics[i], options);
		else
			snprintf(spec, sizeof(spec), "pcap:%s+loss=50%%+limit=none+seed=5", name);
		port = open_noting(spec, 1, order);
		send_numbers(port, 0, 0, 1000);
		counters = counters_of(port);
		assert_range(counters.tx_lost, 400, 600);
		assert_int_equal(counters.tx_frames, 1000 - counters.tx_lost);
		fabric_flush(port);
		fabric_close(port);
		free(order);
	}
	unlink(name);
}

/* Lanes that send while another one releases what they have sent */
struct sender {
	struct fabric_port *port;
	unsigned int lane;
	_Atomic unsigned int *done;
};

static void *send_thread(void *argument)
{
	struct sender *sender = argument;

	send_numbers(sender->port, sender->lane, sender->lane * MANY / 2, MANY / 2);
	(*sender->done)++;
	return NULL;
}

static atomic_flag noting = ATOMIC_FLAG_INIT;

static unsigned int note_shared(void *ctx, unsigned int lane, const struct frame *frames,
				unsigned int n)
{
	while (atomic_flag_test_and_set(&noting))
		;
	note(ctx, lane, frames, n);
	atomic_flag_clear(&noting);
	return n;
}

static void lanes_keep_their_order_while_another_one_releases(void **state)
{
	struct fabric_port_config config = { .mac = { 2 }, .mtu = 1500, .lanes = 3, .queues = 4 };
	struct order *order = order_new();
	struct fabric_receiver receiver = { .deliver = note_shared, .ctx = order };
	_Atomic unsigned int done = 0;
	uint32_t last[2] = { 0, MANY / 2 };
	struct sender senders[2];
	struct fabric_port *port;
	pthread_t threads[2];

	(void)state;
	assert_int_equal(fabric_open("loop+delay=100us", &config, &receiver, &port, NULL), 0);
	for (unsigned int i = 0; i < 2; i++) {
		senders[i] = (struct sender){ .port = port, .lane = i, .done = &done };
		assert_int_equal(pthread_create(&threads[i], NULL, send_thread, &senders[i]), 0);
	}
	while (done < 2)
		fabric_release(port, 2);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	while (order->count < MANY)
		fabric_release(port, 2);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t *next = &last[order->numbers[i] >= MANY / 2];

		assert_int_equal(order->numbers[i], *next);
		(*next)++;
	}
	assert_int_equal(counters_of(port).tx_delayed, MANY);
	assert_int_equal(counters_of(port).tx_dropped, 0);
	fabric_close(port);
	free(order);
}

static void bad_values_are_refused(void **state)
{
	static const char *const shares[] = { "loss", "duplicate", "reorder" };
	static const char *const bad_shares[] = {
		"",     "=",     "=5",    "=%",     "=101%",         "=100.000001%",
		"=-1%", "=1.%",  "=.5%",  "=1e-3%", "=0.0000001%",   "=1%%",
		"= 1%", "=0x1%", "=nan%", "=1,5%",  "=99999999999%", "=18446744073709551617%",
	};
	static const char *const bad_delays[] = {
		"",      "=",   "=5",    "=ms",   "=11s",   "=10.000001s", "=10001ms",
		"=-1ms", "=1m", "=1.ms", "=2 ms", "=0x1ms", "=0.0000001s", "=99999999999s",
	};
	char spec[80], words[160];

	(void)state;
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		for (size_t j = 0; j < sizeof(bad_shares) / sizeof(bad_shares[0]); j++) {
			snprintf(spec, sizeof(spec), "switch:bad+%s%s", shares[i], bad_shares[j]);
			snprintf(words, sizeof(words),
				 "fabric switch: '%s' is not a valid value for %s; write 0%%",
				 *bad_shares[j] ? bad_shares[j] + 1 : "", shares[i]);
			open_fails(spec, -EINVAL, words);
		}
	}
	for (size_t j = 0; j < sizeof(bad_delays) / sizeof(bad_delays[0]); j++) {
		snprintf(spec, sizeof(spec), "loop+delay%s", bad_delays[j]);
		snprintf(words, sizeof(words),
			 "fabric loop: '%s' is not a valid value for delay; write a time of up to "
			 "10s",
			 *bad_delays[j] ? bad_delays[j] + 1 : "");
		open_fails(spec, -EINVAL, words);
	}
	open_fails("sink+loss=1%+seed", -EINVAL, "seed|an integer from 0 to 18446744073709551615");
	open_fails("sink+loss=1%+seed=-1", -EINVAL, "'-1' is not a valid value for seed");
	open_fails("sink+seed=1", -EINVAL, "nothing to draw|add loss, duplicate or reorder");
	open_fails("sink+loss=1%+loss=2%", -EINVAL, "option loss is given twice");
	open_fails("sink+los=1%", -EINVAL, "no option 'los'|sink[+verify]|+loss=PERCENT%");
	open_fails("switch:x+loss=1%+seed=1+age=0", -EINVAL, "age");
	open_fails("pcap+loss=1%+seed=1", -EINVAL, "a file is missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_and_duplicated_frames_are_those_that_the_seed_says),
		cmocka_unit_test(reordered_frames_are_overtaken_by_up_to_eight_and_none_is_lost),
		cmocka_unit_test(the_order_is_what_the_seed_says),
		cmocka_unit_test(a_frame_that_nothing_follows_goes_out_in_time),
		cmocka_unit_test(a_delayed_frame_comes_when_its_time_has_come),
		cmocka_unit_test(a_sender_cannot_outrun_its_own_frames),
		cmocka_unit_test(held_frames_are_copied_byte_for_byte),
		cmocka_unit_test(memory_is_bounded_and_what_does_not_fit_is_dropped),
		cmocka_unit_test(each_lane_has_its_own_draws),
		cmocka_unit_test(without_a_seed_one_is_chosen_and_logged),
		cmocka_unit_test(shares_of_nothing_and_of_everything),
		cmocka_unit_test(a_turn_is_not_exceeded),
		cmocka_unit_test(a_flood_ends_a_call),
		cmocka_unit_test(large_sends_are_cut_before),
		cmocka_unit_test(any_fabric_takes_the_options),
		cmocka_unit_test(lanes_keep_their_order_while_another_one_releases),
		cmocka_unit_test(bad_values_are_refused),
	};

	return cmocka_run_group_tests_name("fabric impair", tests, NULL, NULL);
}
