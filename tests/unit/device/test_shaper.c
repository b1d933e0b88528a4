/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A limit on what a vPort sends: never more than that, whatever the machine does; all of it, if time
 * allows; the same for each of its queues; and no way round it by destroying queues.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device/shaper.h"

#define SPEED  1000u /* Mbit/s, of the link */
#define RATE   100u  /* Mbit/s, as the driver sets it */
#define FRAME  1514u
#define FRAMES 4000u         /* of a queue, which has room for 4096 */
#define RING   (4096u * 32u) /* bytes */
#define SLOW   30000000u     /* us, in which any machine sends what this test does in one second */

struct test {
	struct host host;
	struct guest guest;
	struct gnet net;
};

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	test->host.config = (struct adapter_config){ .ports = 1,
						     .port = { { .mac = { 2, 0, 0, 0, 0, 9 },
								 .fabric = "sink",
								 .mtu = 1500,
								 .queues = 8,
								 .speed = SPEED } } };
	host_open_config(&test->host, 1, NULL);
	guest_attach(&test->guest, &test->host);
	ethernet_up(&test->guest);
	net_up(&test->guest, 0, &test->net);
	memset(test->net.frame, 0x22, FRAME);
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	guest_detach(&test->guest);
	host_close(&test->host);
	free(test);
	return 0;
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint32_t limit(struct test *test, uint32_t enable, uint32_t mbps)
{
	struct mana_set_bw_clamp_req request = { .vport = test->net.port.handle,
						 .enable_clamping = enable,
						 .link_speed_mbps = mbps };
	struct mana_set_bw_clamp_resp answer;

	return COMMAND(&test->guest, MANA_SET_BW_CLAMP, &request, &answer, 1);
}

/** check_link() - what the driver is told: the limit, and the most that it can be */
static void check_link(struct test *test, uint32_t mbps)
{
	struct mana_query_link_config_req request = { .vport = test->net.port.handle };
	struct mana_query_link_config_resp answer;

	assert_int_equal(COMMAND(&test->guest, MANA_QUERY_LINK_CONFIG, &request, &answer, 2), 0);
	assert_int_equal(answer.qos_unconfigured, 0);
	assert_int_equal(answer.link_speed_mbps, mbps);
	assert_int_equal(answer.qos_speed_mbps, SPEED);
}

static struct gwq new_queue(struct test *test)
{
	struct gwq sq;

	assert_int_equal(
		wq_new(&test->guest, &test->net.port, GDMA_SQ, RING, 64, &test->net.eq, &sq), 0);
	return sq;
}

/** post() - @n frames, of which only the last has a completion */
static void post(struct test *test, struct gwq *sq, unsigned int n)
{
	struct gdma_sge sge = sge_of(&test->guest, test->net.frame, FRAME);
	struct gsend send = { .sge = &sge, .sges = 1, .oob = send_oob(&test->net.port, sq) };

	for (unsigned int i = 0; i < n; i++) {
		send.oob.s.suppress_txcqe = i + 1 < n;
		send_post(sq, &send);
	}
	ring_wq(&test->guest, sq);
}

/**
 * watch() - until all of the queues have completed, is never more sent than @mbps allow?
 *
 * Return: how long that took, in us; and in @left what had not been sent when the first one had
 */
static uint64_t watch(struct test *test, struct gwq *const *sq, unsigned int n, unsigned int frames,
		      uint32_t mbps, uint64_t start, uint64_t *left)
{
	const uint64_t all = (uint64_t)n * frames;
	uint64_t elapsed;
	bool done[8] = { false };
	unsigned int missing = n;

	*left = all;
	while (missing) {
		struct gdma_cqe cqe;
		uint64_t sent = host_counters(&test->host, 0).tx_frames;

		/* Depth, a turn, and the frame that overdraws */
		elapsed = now_us() - start;
		assert_true(sent * FRAME * 8 <=
			    mbps * (elapsed + SHAPER_DEPTH / 1000 + SHAPER_BURST / 1000) +
				    FRAME * 8);
		assert_true(elapsed < SLOW);
		for (unsigned int i = 0; i < n; i++) {
			if (done[i] || !cq_take(&sq[i]->cq, &cqe))
				continue;
			done[i] = true;
			if (missing-- == n)
				*left = all - host_counters(&test->host, 0).tx_frames;
		}
		host_serve(&test->host);
		pause_us(500);
	}
	return now_us() - start;
}

static void the_rate_holds(void **state)
{
	struct test *test = *state;
	struct gwq a = new_queue(test), b = new_queue(test);
	struct gwq *const both[] = { &a, &b };
	uint64_t took, left, start;

	assert_int_equal(limit(test, MANA_TRUE, RATE), 0);
	check_link(test, RATE);
	start = now_us();
	post(test, &a, FRAMES);
	post(test, &b, FRAMES);
	took = watch(test, both, 2, FRAMES, RATE, start, &left);
	/* 0.97 s, less what the bucket's depth allows */
	assert_true(took >= 950000);
	assert_int_equal(host_counters(&test->host, 0).tx_frames, 2 * FRAMES);
	/* Whichever was the first, the other one was as far */
	assert_true(left <= FRAMES / 5);
}

static void the_link_is_the_limit_without_another(void **state)
{
	struct test *test = *state;
	struct gwq a = new_queue(test);
	struct gwq *const one[] = { &a };
	uint64_t left, start = now_us();

	check_link(test, SPEED);
	post(test, &a, FRAMES);
	/* 48 ms, less the depth */
	assert_true(watch(test, one, 1, FRAMES, SPEED, start, &left) >= 36000);
	/* The driver cannot raise it */
	assert_int_equal(limit(test, MANA_TRUE, 5 * SPEED), 0);
	check_link(test, SPEED);
	assert_int_not_equal(limit(test, MANA_TRUE, 0), 0);
	assert_int_equal(limit(test, MANA_UNCHANGED, 7), 0);
	check_link(test, SPEED);
	assert_int_equal(limit(test, MANA_TRUE, RATE), 0);
	assert_int_equal(limit(test, MANA_UNCHANGED, 7), 0);
	check_link(test, RATE);
	assert_int_equal(limit(test, MANA_FALSE, 0), 0);
	check_link(test, SPEED);
}

/* A queue that is destroyed sends what it has at once; what is sent next pays for it */
static void destroyed_queues_are_paid_for(void **state)
{
	struct test *test = *state;
	struct gwq a = new_queue(test), b = new_queue(test);
	struct gdma_cqe cqe;
	uint64_t start;

	assert_int_equal(limit(test, MANA_TRUE, RATE), 0);
	start = now_us();
	post(test, &a, FRAMES);
	assert_int_equal(wq_end(&test->guest, &a), 0);
	assert_int_equal(host_counters(&test->host, 0).tx_frames, FRAMES);
	post(test, &b, 2);
	do {
		host_serve(&test->host);
		pause_us(500);
		assert_true(now_us() - start < SLOW);
	} while (!cq_take(&b.cq, &cqe));
	assert_true(now_us() - start >= 470000);
}

/* 4000 frames at 1 Mbit/s take 48 s: nobody waits for them when the limit goes, or the queue */
static void queues_that_wait_notice_changes(void **state)
{
	struct test *test = *state;
	struct gwq a = new_queue(test), b = new_queue(test);
	struct gwq *const one[] = { &a };
	uint64_t left;

	assert_int_equal(limit(test, MANA_TRUE, 1), 0);
	post(test, &a, FRAMES);
	settle(&test->host);
	assert_int_equal(limit(test, MANA_FALSE, 0), 0);
	watch(test, one, 1, FRAMES, SPEED, now_us() - 1000000, &left);
	/* The other one still waits when the driver leaves */
	assert_int_equal(limit(test, MANA_TRUE, 1), 0);
	post(test, &b, FRAMES);
	settle(&test->host);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_rate_holds),
		TEST(the_link_is_the_limit_without_another),
		TEST(destroyed_queues_are_paid_for),
		TEST(queues_that_wait_notice_changes),
	};

	guard_install(); /* whose descriptor stays */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
