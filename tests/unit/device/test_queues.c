/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues: doorbells, arming, moderation, events and interrupts, owner bits over many laps, queues that
 * overflow, and invalid work-queue entries. Two vPorts: a sink, and a loop that returns what is
 * sent.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device/command.h"
#include "device/state.h"

static const char *const sink_and_loop[] = { "sink", "loop", NULL };

struct test {
	struct host host;
	struct guest guest;
	struct gnet net; /* on the sink */
	unsigned int fds_before;
};

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	test->fds_before = open_both(&test->host, &test->guest, 1, sink_and_loop);
	ethernet_up(&test->guest);
	net_up(&test->guest, 0, &test->net);
	memset(test->net.frame, 0x22, 1514);
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	close_both(&test->host, &test->guest, test->fds_before);
	free(test);
	return 0;
}

/* Post an entry that sends the frame */
static void post(struct test *test, struct gwq *sq, uint32_t len)
{
	struct gdma_sge sge = sge_of(&test->guest, test->net.frame, len);
	struct gsend send = { .sge = &sge, .sges = 1, .oob = send_oob(&test->net.port, sq) };

	send_post(sq, &send);
}

/* Does the queue still send? */
static void check_sends(struct test *test, struct gwq *sq)
{
	post(test, sq, 100);
	ring_wq(&test->guest, sq);
	assert_int_equal(tx_wait(&test->guest, sq), MANA_CQE_TX_OKAY);
}

static void check_nothing_comes(struct test *test, struct gcq *cq)
{
	struct gdma_cqe cqe;

	settle(&test->host);
	assert_false(cq_take(cq, &cqe));
}

/* ---- Doorbells ---- */

static void doorbells_without_effect(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;
	union gdma_doorbell ring = { .sq = { .id = sq->id & 0xffffffu } };
	static const uint32_t tails[] = { 1,     31,         33,         16385,
					  16416, 0x80000000, 0xffffffe0, 0xffffffff };

	check_sends(test, sq);
	ring_wq(guest, sq); /* the same again */
	check_nothing_comes(test, &sq->cq);
	/* Not an entry's end, beyond the queue, backwards */
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		ring.sq.tail = sq->tail + tails[i];
		doorbell(guest, sq->doorbell, GDMA_DB_SQ, ring);
		check_nothing_comes(test, &sq->cq);
	}
	assert_true(harness_said("not valid for this queue"));
	assert_int_equal(warnings(), 1);
	check_sends(test, sq);
}

static void doorbells_for_others(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq, *rq = &test->net.rq;
	union gdma_doorbell ring = { .sq = { .id = sq->id & 0xffffffu, .tail = 32 } };
	static const uint32_t ids[] = { 4095, 4096, 0xffff, 0xffffff };
	static const uint32_t offsets[] = { 0x008, 0x3f8, GDMA_DB_RQ_CLIENT, 0x7f8,
					    0x808, 0xff0, GDMA_DB_EQ_SHORT,  0x010,
					    0x410, 0x810 };
	uint8_t bytes[64] = { 0 };

	post(test, sq, 100);
	/* On another page, on every one that is not the queue's */
	for (uint32_t page = 0; page < ADAPTER_DOORBELL_PAGES; page += 97)
		if (page != sq->doorbell)
			doorbell(guest, page, GDMA_DB_SQ, ring);
	doorbell(guest, ADAPTER_DOORBELL_PAGES - 1, GDMA_DB_SQ, ring);
	/* Where there is no queue */
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		doorbell(guest, sq->doorbell, offsets[i], ring);
	/* For queues of each kind that do not exist */
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		ring.sq.id = ids[i] & 0xffffffu;
		doorbell(guest, sq->doorbell, GDMA_DB_SQ, ring);
		doorbell(guest, sq->doorbell, GDMA_DB_RQ, ring);
		doorbell(guest, sq->doorbell, GDMA_DB_CQ, ring);
		doorbell(guest, sq->doorbell, GDMA_DB_EQ, ring);
	}
	/* The hardware channel's, on the page of the device */
	ring.sq.id = guest->hsq.id & 0xffffffu;
	if (guest->hsq.id != sq->id)
		doorbell(guest, sq->doorbell, GDMA_DB_SQ, ring);
	/* Widths and offsets that do not exist */
	for (uint32_t len = 1; len <= sizeof(bytes); len++)
		if (len != 4 && len != 8)
			bar_write(guest, GUEST_DB_BASE + sq->doorbell * 4096ull, bytes, len);
	for (uint32_t off = 1; off < 8; off++)
		bar_write(guest, GUEST_DB_BASE + sq->doorbell * 4096ull + off, bytes, 8);
	bar_write(guest, GUEST_DB_BASE + sq->doorbell * 4096ull + 0xffc, bytes, 8);
	bar_write(guest, 0x7ffff8, bytes, 8);
	check_nothing_comes(test, &sq->cq);
	assert_true(harness_said("no such queue on this page"));
	assert_int_equal(warnings(), 1);
	ring_wq(guest, sq);
	assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_OKAY);
	assert_int_equal(wq_end(guest, rq), 0);
	ring_wq(guest, rq);
	check_sends(test, sq);
}

/* Short ones give the distance that the tail has moved */
static void short_doorbells(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq, *rq = &test->net.rq;
	union gdma_doorbell_short ring = { .sq = { .id = sq->id & 0xfffu, .tail_inc = 96 } };
	struct gdma_sge sge = sge_of(guest, test->net.buffers, 2048);

	for (unsigned int i = 0; i < 3; i++)
		post(test, sq, 100);
	doorbell_short(guest, sq->doorbell, GDMA_DB_SQ_SHORT, ring);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_OKAY);
	ring.sq.tail_inc = 33;
	doorbell_short(guest, sq->doorbell, GDMA_DB_SQ_SHORT, ring);
	ring.sq.tail_inc = 16416;
	doorbell_short(guest, sq->doorbell, GDMA_DB_SQ_SHORT, ring);
	check_nothing_comes(test, &sq->cq);
	receive_post(rq, &sge, 1);
	ring.rq.id = rq->id & 0xfffu;
	ring.rq.tail_inc = 32;
	doorbell_short(guest, rq->doorbell, GDMA_DB_RQ_SHORT, ring);
	/* On another page, for a queue that is not there */
	doorbell_short(guest, rq->doorbell + 1, GDMA_DB_RQ_SHORT, ring);
	ring.rq.id = 4000;
	doorbell_short(guest, rq->doorbell, GDMA_DB_RQ_SHORT, ring);
	doorbell_short(guest, rq->doorbell, GDMA_DB_CQ_SHORT, ring);
	check_sends(test, sq);
	assert_int_equal(test->host.adapter->rqs.used, 2);
}

/* The tail counts bytes modulo 2^32: the queue continues after a wrap */
static void tail_wraps_around(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;
	struct wq *wq = table_get(&test->host.adapter->sqs, sq->id);

	/* Where four billion bytes of entries would have moved it */
	wq->taken = wq->seen = 0x7fffffe;
	atomic_store(&wq->posted, 0x7fffffe);
	sq->tail = 0x7fffffeu * GDMA_WQE_UNIT;
	for (unsigned int i = 0; i < 10; i++)
		check_sends(test, sq);
	assert_int_equal(sq->tail, 8 * GDMA_WQE_UNIT);
	ring_wq(guest, sq);
	check_nothing_comes(test, &sq->cq);
	assert_int_equal(warnings(), 0);
}

/* ---- Arming ---- */

/* A completion queue's events, by the rules */
static void cq_arming(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;
	struct geq *eq = &test->net.eq;
	struct gdma_eqe eqe;

	/* Created armed: the first completion raises event and interrupt, the second none */
	check_sends(test, sq);
	check_sends(test, sq);
	WAIT(&test->host, eq_take(eq, &eqe));
	assert_int_equal(eqe.type, GDMA_EQE_COMPLETION);
	assert_int_equal(eqe.details[0] & GDMA_EQE_CQ_ID_MASK, sq->cq.id);
	settle(&test->host);
	assert_false(eq_take(eq, &eqe));
	WAIT(&test->host, vector_take(guest, eq->vector) == 1);
	ring_eq(guest, eq, true);
	assert_int_equal(vector_take(guest, eq->vector), 0);

	/* Read up to here, but not armed: nothing */
	ring_cq(guest, &sq->cq, false);
	check_sends(test, sq);
	settle(&test->host);
	assert_false(eq_take(eq, &eqe));
	/* Armed with everything read: the next one */
	ring_cq(guest, &sq->cq, true);
	settle(&test->host);
	assert_false(eq_take(eq, &eqe));
	check_sends(test, sq);
	WAIT(&test->host, eq_take(eq, &eqe));
	WAIT(&test->host, vector_take(guest, eq->vector) == 1);
	ring_eq(guest, eq, true);
	/* Armed with one unread: at once */
	sq->cq.index--;
	ring_cq(guest, &sq->cq, true);
	WAIT(&test->host, eq_take(eq, &eqe));
	WAIT(&test->host, vector_take(guest, eq->vector) == 1);
	sq->cq.index++;
	ring_eq(guest, eq, true);
	/* Armed, then rung without arm: disarmed */
	ring_cq(guest, &sq->cq, true);
	ring_cq(guest, &sq->cq, false);
	check_sends(test, sq);
	settle(&test->host);
	assert_false(eq_take(eq, &eqe));
	/* A doorbell on another page arms nothing */
	{
		struct gcq stranger = sq->cq;

		stranger.doorbell++;
		ring_cq(guest, &stranger, true);
		check_sends(test, sq);
		settle(&test->host);
		assert_false(eq_take(eq, &eqe));
	}
	/* Short: two entries read, armed */
	{
		union gdma_doorbell_short ring = {
			.cq = { .id = sq->cq.id & 0xfffu, .tail_inc = 2, .arm = 1 }
		};

		doorbell_short(guest, sq->cq.doorbell, GDMA_DB_CQ_SHORT, ring);
		settle(&test->host);
		assert_false(eq_take(eq, &eqe));
		check_sends(test, sq);
		WAIT(&test->host, eq_take(eq, &eqe));
		/* One is unread: at once, even if it claims to have read more */
		ring.cq.tail_inc = 0;
		doorbell_short(guest, sq->cq.doorbell, GDMA_DB_CQ_SHORT, ring);
		WAIT(&test->host, eq_take(eq, &eqe));
		ring.cq.tail_inc = 0xffff;
		doorbell_short(guest, sq->cq.doorbell, GDMA_DB_CQ_SHORT, ring);
		settle(&test->host);
		assert_false(eq_take(eq, &eqe));
		check_sends(test, sq);
		WAIT(&test->host, eq_take(eq, &eqe));
	}
	assert_int_equal(warnings(), 1); /* the other page */
}

/* ---- Moderation ---- */

#define TRIES 400u

/** moderate() - ring the doorbell that changes how a completion queue's events wait */
static void moderate(struct guest *guest, const struct gcq *cq, uint32_t usec, uint32_t comps)
{
	union gdma_doorbell value = { .moderation = { .id = cq->id & 0xffffffu,
						      .usec = usec & 0x3ffu,
						      .usec_valid = 1,
						      .comps = comps & 0xffu,
						      .comps_valid = 1 } };

	doorbell(guest, cq->doorbell, GDMA_DB_CQ_MODERATION, value);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/** time_event() - send @n frames on an armed queue; how long its event takes, in us */
static uint64_t time_event(struct test *test, struct gwq *sq, unsigned int n)
{
	struct mana_tx_oob oob = send_oob(&test->net.port, sq);
	struct gdma_eqe eqe;
	struct gdma_cqe cqe;
	uint64_t start = now_us(), took;

	for (unsigned int i = 0; i < n; i++)
		send_frame(&test->guest, sq, &oob, test->net.frame, 60);
	WAIT(&test->host, eq_take(&test->net.eq, &eqe));
	took = now_us() - start;
	for (unsigned int i = 0; i < n; i++)
		cqe = cq_wait(&test->guest, &sq->cq);
	(void)cqe;
	assert_false(eq_take(&test->net.eq, &eqe));
	ring_eq(&test->guest, &test->net.eq, true);
	ring_cq(&test->guest, &sq->cq, true);
	return took;
}

/** best() - the shortest of so many time_event() that @enough is reached, or of TRIES */
static uint64_t best(struct test *test, struct gwq *sq, unsigned int n, uint64_t enough)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < TRIES && least > enough; i++) {
		uint64_t took = time_event(test, sq, n);

		least = took < least ? took : least;
	}
	return least;
}

/*
 * An event is never early, however busy the machine is; and of many that must not wait, one comes
 * in less time than the others have to wait.
 */
static void an_event_waits_for_its_time(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;

	time_event(test, sq, 1); /* created armed; armed again from here on */
	assert_true(best(test, sq, 1, 900) <= 900);
	moderate(guest, &sq->cq, 1000, 0);
	for (unsigned int i = 0; i < 20; i++)
		assert_true(time_event(test, sq, 1 + i % 3) >= 1000);
	moderate(guest, &sq->cq, 300, 0);
	for (unsigned int i = 0; i < 20; i++)
		assert_true(time_event(test, sq, 2) >= 300);
	/* Nearer to its time than a clock of milliseconds allows */
	assert_true(best(test, sq, 1, 900) <= 900);
	moderate(guest, &sq->cq, 0, 0);
	assert_true(best(test, sq, 1, 900) <= 900);
	assert_int_equal(warnings(), 0);
}

static void an_event_comes_with_the_last_completion_that_it_waits_for(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;

	time_event(test, sq, 1);
	moderate(guest, &sq->cq, 1000, 4);
	for (unsigned int i = 0; i < 20; i++)
		assert_true(time_event(test, sq, 3) >= 1000);
	assert_true(best(test, sq, 4, 900) <= 900);
	assert_true(best(test, sq, 5, 900) <= 900);
	/* Without a time it waits for completions, but not for good: the rest comes, too */
	moderate(guest, &sq->cq, 0, 4);
	assert_true(time_event(test, sq, 3) >= GDMA_MODERATION_USEC_MAX);
	assert_true(best(test, sq, 4, 900) <= 900);
	/* One completion is what each event has */
	moderate(guest, &sq->cq, 1000, 1);
	assert_true(best(test, sq, 1, 900) <= 900);
	assert_int_equal(warnings(), 0);
}

/** A queue that is armed with unread completions is armed as well as any other */
static void an_event_waits_where_a_queue_is_armed_late(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;
	struct gdma_eqe eqe;
	uint64_t start;

	time_event(test, sq, 1);
	ring_cq(guest, &sq->cq, false);
	moderate(guest, &sq->cq, 1000, 3);
	for (unsigned int i = 0; i < 2; i++)
		check_sends(test, sq);
	sq->cq.index -= 2;
	start = now_us();
	ring_cq(guest, &sq->cq, true);
	WAIT(&test->host, eq_take(&test->net.eq, &eqe));
	assert_true(now_us() - start >= 1000);
	/* Disarmed while it waits: it does not come */
	ring_cq(guest, &sq->cq, true);
	ring_cq(guest, &sq->cq, false);
	pause_us(3000);
	settle(&test->host);
	assert_false(eq_take(&test->net.eq, &eqe));
	/* What waits when moderation ends comes at once */
	ring_cq(guest, &sq->cq, true);
	moderate(guest, &sq->cq, 0, 0);
	WAIT(&test->host, eq_take(&test->net.eq, &eqe));
	sq->cq.index += 2;
	assert_int_equal(warnings(), 0);
}

/** The command that creates a queue can moderate it; what it says is what is in force */
static void a_queue_can_be_created_moderated(void **state)
{
	static const struct {
		uint16_t version, usec, comps, usec_now, comps_now;
		uint8_t wanted, enabled;
	} cases[] = { { 3, 700, 9, 700, 9, 1, 1 },    { 3, 0, 0, 0, 0, 1, 0 },
		      { 3, 700, 1, 700, 1, 1, 0 },    { 3, 9999, 0, 1023, 0, 1, 1 },
		      { 3, 700, 9, 0, 0, 0, 0 },      { 2, 700, 9, 0, 0, 1, 0 },
		      { 3, 0, 65535, 0, 65535, 1, 1 } };
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct mana_create_wq_obj_req_v3 request = {
		.v1 = { .vport = test->net.port.handle,
			.wq_type = GDMA_SQ,
			.wq_size = 4096,
			.cq_size = 4096,
			.cq_parent_eq_id = test->net.eq.id },
	};
	struct mana_create_wq_obj_resp_v2 answer;
	void *ring = guest_alloc(guest, 4096), *entries = guest_alloc(guest, 4096);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gwq wq = { .type = GDMA_SQ };

		request.v1.wq_dma_region = region_of(guest, ring, 4096);
		request.v1.cq_dma_region = region_of(guest, entries, 4096);
		request.req_cq_moderation = cases[i].wanted;
		request.cq_moderation_usec = cases[i].usec;
		request.cq_moderation_comps = cases[i].comps;
		request_begin(guest, &request, MANA_CREATE_WQ_OBJ, sizeof(request), sizeof(answer),
			      2);
		request.v1.hdr.req.msg_version = cases[i].version;
		assert_int_equal(command(guest, &request, sizeof(request), &answer), 0);
		assert_int_equal(answer.v1.hdr.response.msg_version, 2);
		assert_int_equal(answer.cq_moderation_usec, cases[i].usec_now);
		assert_int_equal(answer.cq_moderation_comps, cases[i].comps_now);
		assert_int_equal(answer.cq_moderation_enabled, cases[i].enabled);
		wq.handle = answer.v1.wq_obj;
		assert_int_equal(wq_end(guest, &wq), 0);
	}
	/* Without the fields that version 2 and 3 added */
	request.v1.wq_dma_region = region_of(guest, ring, 4096);
	request.v1.cq_dma_region = region_of(guest, entries, 4096);
	request_begin(guest, &request, MANA_CREATE_WQ_OBJ, sizeof(request.v1), sizeof(answer.v1),
		      1);
	assert_int_equal(command(guest, &request, sizeof(request.v1), &answer), 0);
	assert_int_equal(guest->response_len, sizeof(answer.v1));
}

/** Doorbells for others' queues, or with nothing valid, change nothing; a queue may go meanwhile */
static void moderation_changes_only_what_it_may(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;
	struct gcq stranger = sq->cq;
	union gdma_doorbell value = {
		.moderation = { .id = sq->cq.id & 0xffffffu, .usec = 1000, .comps = 9 }
	};
	struct gwq other;

	time_event(test, sq, 1);
	stranger.doorbell++;
	moderate(guest, &stranger, 1000, 0);
	stranger = guest->hcq;
	moderate(guest, &stranger, 1000, 0);
	stranger.id = 0xfffff;
	moderate(guest, &stranger, 1000, 0);
	doorbell(guest, sq->cq.doorbell, GDMA_DB_CQ_MODERATION, value);
	assert_true(best(test, sq, 1, 900) <= 900);
	/* The channel still answers at once */
	assert_int_equal(wq_new(guest, &test->net.port, GDMA_SQ, 4096, 64, &test->net.eq, &other),
			 0);
	for (unsigned int i = 0; i < 50; i++) {
		struct mana_tx_oob oob = send_oob(&test->net.port, &other);

		moderate(guest, &other.cq, 1023 - i * 20, i % 3 * 2);
		send_frame(guest, &other, &oob, test->net.frame, 60);
		assert_int_equal(wq_end(guest, &other), 0);
		assert_int_equal(
			wq_new(guest, &test->net.port, GDMA_SQ, 4096, 64, &test->net.eq, &other),
			0);
	}
	assert_int_equal(warnings(), 1); /* the first doorbell for no queue of its page */
}

static void eq_arming(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct geq *eq = &test->net.eq;
	struct gdma_generate_test_event_req request = { .queue_index = eq->id };
	struct gdma_general_resp answer;
	struct gdma_eqe eqe;

#define FIRE() assert_int_equal(COMMAND(guest, GDMA_GENERATE_TEST_EQE, &request, &answer, 1), 0)
	FIRE(); /* armed when made */
	FIRE();
	assert_int_equal(vector_take(guest, eq->vector), 1);
	assert_true(eq_take(eq, &eqe));
	/* One is unread: at once; and then the next waits for the next arming */
	ring_eq(guest, eq, true);
	assert_int_equal(vector_take(guest, eq->vector), 1);
	FIRE();
	assert_int_equal(vector_take(guest, eq->vector), 0);
	assert_true(eq_take(eq, &eqe));
	assert_true(eq_take(eq, &eqe));
	ring_eq(guest, eq, true);
	assert_int_equal(vector_take(guest, eq->vector), 0);
	FIRE();
	assert_int_equal(vector_take(guest, eq->vector), 1);
	assert_true(eq_take(eq, &eqe));
	ring_eq(guest, eq, false);
	FIRE();
	assert_int_equal(vector_take(guest, eq->vector), 0);
	/* No interrupts of other queues */
	for (uint32_t i = 1; i < GUEST_VECTORS; i++)
		assert_int_equal(vector_take(guest, i), 0);
	/* Not while the function is not a bus master */
	assert_true(eq_take(eq, &eqe));
	ring_eq(guest, eq, true);
	{
		uint16_t off = 2, on = 6;

		config_space_write(guest, 4, &off, 2);
		ring_eq(guest, eq, true);
		assert_false(guest_send(guest, &request, sizeof(request)));
		config_space_write(guest, 4, &on, 2);
	}
#undef FIRE
}

/* An event queue that many completion queues share, on any lane */
static void eq_shared(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct geq *eq = &test->net.eq;
	struct gwq sq[16];
	struct gdma_eqe eqe;
	uint32_t seen = 0;

	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(wq_new(guest, &test->net.port, GDMA_SQ, 4096, 64, eq, &sq[i]), 0);
	for (unsigned int i = 0; i < 16; i++)
		post(test, &sq[i], 64);
	for (unsigned int i = 0; i < 16; i++)
		ring_wq(guest, &sq[i]);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(tx_wait(guest, &sq[i]), MANA_CQE_TX_OKAY);
	for (unsigned int n = 0; n < 16; n++) {
		WAIT(&test->host, eq_take(eq, &eqe));
		for (unsigned int i = 0; i < 16; i++)
			if (eqe.details[0] == sq[i].cq.id)
				seen |= 1u << i;
	}
	assert_int_equal(seen, 0xffff);
	WAIT(&test->host, vector_take(guest, eq->vector) == 1);
	/* A destroyed queue does not appear in events any more */
	for (unsigned int i = 0; i < 16; i++) {
		ring_cq(guest, &sq[i].cq, true);
		assert_int_equal(wq_end(guest, &sq[i]), 0);
		ring_cq(guest, &sq[i].cq, true);
		ring_wq(guest, &sq[i]);
	}
	assert_false(eq_take(eq, &eqe));
	assert_int_equal(eq_end(guest, eq), STATUS_BUSY);
}

/* ---- Laps ---- */

/* Sizes that are powers of two and sizes that are not, more than eight laps of each */
static void completions_lap_after_lap(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	static const uint32_t sizes[] = { 64, 192, 320, 256 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t sent = 0;
		struct gwq sq;

		assert_int_equal(wq_new(guest, &test->net.port, GDMA_SQ, 8192, sizes[i], NULL, &sq),
				 0);
		while (sent < sizes[i] * 19) {
			uint32_t n = 1 + sent % 50;

			for (uint32_t j = 0; j < n; j++)
				post(test, &sq, 64);
			ring_wq(guest, &sq);
			for (uint32_t j = 0; j < n; j++)
				assert_int_equal(tx_wait(guest, &sq), MANA_CQE_TX_OKAY);
			sent += n;
			/* A poller never rings; the kernel does now and then */
			if (i % 2)
				ring_cq(guest, &sq.cq, false);
		}
		assert_int_equal(wq_end(guest, &sq), 0);
	}
}

static void events_lap_after_lap(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct geq *eq = &test->net.eq;
	struct gdma_generate_test_event_req request = { .queue_index = eq->id };
	struct gdma_general_resp answer;
	struct gdma_eqe eqe;

	for (unsigned int i = 0; i < 256 * 10; i++) {
		assert_int_equal(COMMAND(guest, GDMA_GENERATE_TEST_EQE, &request, &answer, 1), 0);
		assert_int_equal(vector_take(guest, eq->vector), 1);
		assert_true(eq_take(eq, &eqe));
		assert_int_equal(eqe.type, GDMA_EQE_TEST_EVENT);
		assert_false(eq_take(eq, &eqe));
		ring_eq(guest, eq, true);
	}
}

/* No reader: the adapter continues, within the ring only; a late reader detects the overflow */
static void completion_queue_overflows(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	uint8_t *before, *after;
	struct gwq sq;
	uint32_t sent = 0;
	enum gdma_entry_state last;

	before = guest_alloc(guest, 4096);
	assert_int_equal(wq_new(guest, &test->net.port, GDMA_SQ, 4096, 64, NULL, &sq), 0);
	after = guest_alloc(guest, 4096);
	memset(before, 0x5c, 4096);
	memset(after, 0x5c, 4096);
	for (unsigned int lap = 0; lap < 20; lap++) {
		uint64_t frames = host_counters(&test->host, 0).tx_frames;

		for (unsigned int i = 0; i < 63; i++)
			post(test, &sq, 64);
		sent += 63;
		ring_wq(guest, &sq);
		WAIT(&test->host, host_counters(&test->host, 0).tx_frames == frames + 63);
		settle(&test->host);
		last = gdma_entry_state(sq.cq.ring[0].info, 64, 64);
		if (sent >= 65 && sent % 512 > 64 && sent % 512 < 448)
			assert_int_equal(last, GDMA_ENTRY_OVERFLOW);
	}
	for (unsigned int i = 0; i < 4096; i++) {
		assert_int_equal(before[i], 0x5c);
		assert_int_equal(after[i], 0x5c);
	}
	/* A reader that restarts at the adapter's position continues */
	sq.cq.index = 64 + sent % 512;
	ring_cq(guest, &sq.cq, true);
	check_sends(test, &sq);
}

static void event_queue_overflows(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_generate_test_event_req request = { 0 };
	struct gdma_general_resp answer;
	uint8_t *before, *after;
	struct geq eq;

	before = guest_alloc(guest, 4096);
	assert_int_equal(eq_new(guest, &eq, 256, 7), 0);
	after = guest_alloc(guest, 4096);
	memset(before, 0x5c, 4096);
	memset(after, 0x5c, 4096);
	request.queue_index = eq.id;
	for (unsigned int i = 0; i < 256 * 3; i++)
		assert_int_equal(COMMAND(guest, GDMA_GENERATE_TEST_EQE, &request, &answer, 1), 0);
	assert_int_equal(vector_take(guest, 7), 1);
	assert_int_equal(gdma_entry_state(eq.ring[0].info, 256, 256), GDMA_ENTRY_OVERFLOW);
	for (unsigned int i = 0; i < 4096; i++) {
		assert_int_equal(before[i], 0x5c);
		assert_int_equal(after[i], 0x5c);
	}
	eq.index = 256 * 4;
	ring_eq(guest, &eq, true);
	assert_int_equal(vector_take(guest, 7), 0);
}

/* ---- Entries ---- */

/* An entry of unknown size stops its queue, and no other */
static void entries_of_impossible_sizes(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	uint8_t wqe[4160];

	for (unsigned int sges = 0; sges < 256; sges += sges < 34 ? 1 : 13) {
		struct gdma_wqe header = { .num_sge = sges & 0xffu, .inline_oob_size_div4 = 2 };
		uint32_t size = gdma_wqe_size(&header);
		struct mana_tx_oob oob;
		struct gwq sq;

		assert_int_equal(wq_new(guest, &test->net.port, GDMA_SQ, 8192, 64, NULL, &sq), 0);
		memset(wqe, 0, sizeof(wqe));
		oob = send_oob(&test->net.port, &sq);
		memcpy(wqe, &header, sizeof(header));
		memcpy(wqe + 8, &oob, 8);
		for (unsigned int i = 0; i < sges; i++) {
			struct gdma_sge sge = sge_of(guest, test->net.frame + i, 14);

			memcpy(wqe + 16 + 16 * i, &sge, sizeof(sge));
		}
		wqe_put(&sq, wqe, size);
		ring_wq(guest, &sq);
		if (size > GDMA_SQE_SIZE_MAX)
			assert_int_equal(tx_wait(guest, &sq), MANA_CQE_TX_GDMA_ERR);
		else
			assert_int_equal(tx_wait(guest, &sq),
					 sges ? MANA_CQE_TX_OKAY
					      : MANA_CQE_TX_HDR_PROCESSING_ERROR);
		post(test, &sq, 64);
		ring_wq(guest, &sq);
		if (size > GDMA_SQE_SIZE_MAX)
			check_nothing_comes(test, &sq.cq);
		else
			assert_int_equal(tx_wait(guest, &sq), MANA_CQE_TX_OKAY);
		assert_int_equal(wq_end(guest, &sq), 0);
	}
	check_sends(test, &test->net.sq);
	assert_true(harness_said("the queue is stopped"));
}

/* An entry that is longer than what was posted */
static void entry_cut_off(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;
	struct gdma_wqe header = { .num_sge = 4, .inline_oob_size_div4 = 2 };
	uint8_t wqe[32] = { 0 };

	memcpy(wqe, &header, sizeof(header));
	wqe_put(sq, wqe, 32);
	ring_wq(guest, sq);
	assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_GDMA_ERR);
	wqe_put(sq, wqe, 32);
	ring_wq(guest, sq);
	check_nothing_comes(test, &sq->cq);
	/* A new queue works again */
	assert_int_equal(wq_end(guest, sq), 0);
	assert_int_equal(wq_new(guest, &test->net.port, GDMA_SQ, 8192, 64, NULL, sq), 0);
	check_sends(test, sq);
}

/* More posted than the queue holds, in steps that each look valid */
static void queue_overrun(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq loop_sq, *rq = &test->net.rq;
	struct gport port;

	/* A receive queue: posted buffers stay until packets come */
	for (unsigned int i = 0; i < 3; i++) {
		rq->tail += rq->size;
		ring_wq(guest, rq);
	}
	check_sends(test, &test->net.sq);
	/* Packets for the stopped queue are dropped */
	port_up(guest, 1, &port);
	assert_int_equal(wq_new(guest, &port, GDMA_SQ, 4096, 64, NULL, &loop_sq), 0);
	assert_int_equal(wq_new(guest, &port, GDMA_RQ, 4096, 64, NULL, rq), 0);
	assert_int_equal(steer(guest, &port, &(struct gsteer){ .enable = true, .fallback = rq }),
			 0);
	for (unsigned int i = 0; i < 2; i++) {
		rq->tail += rq->size;
		ring_wq(guest, rq);
	}
	{
		struct gdma_sge sge = sge_of(guest, test->net.frame, 64);
		struct gsend send = { .sge = &sge, .sges = 1, .oob = send_oob(&port, &loop_sq) };

		send_post(&loop_sq, &send);
		ring_wq(guest, &loop_sq);
		assert_int_equal(tx_wait(guest, &loop_sq), MANA_CQE_TX_OKAY);
	}
	check_nothing_comes(test, &rq->cq);
	assert_int_equal(host_counters(&test->host, 1).rx_no_buffer, 1);
	assert_true(harness_said("more entries posted than the queue holds"));
}

/* A send queue whose entries are all garbage, and whose lane has others to serve */
static void garbage_entries(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq sq[8];
	uint32_t seed = 1;

	for (unsigned int round = 0; round < 60; round++) {
		for (unsigned int i = 0; i < 8; i++) {
			assert_int_equal(
				wq_new(guest, &test->net.port, GDMA_SQ, 4096, 64, NULL, &sq[i]), 0);
			for (uint32_t at = 0; at < 4096; at++) {
				seed = seed * 1103515245 + 12345;
				sq[i].ring[at] = (uint8_t)(seed >> 16);
			}
			/* Sizes that let it continue for a while, in half of the rounds */
			for (uint32_t at = 0; round % 2 && at < 4096; at += 32) {
				sq[i].ring[at + 4] &= 1;
				sq[i].ring[at + 5] = 2;
			}
			sq[i].tail = 32 * (1 + round % 128);
			ring_wq(guest, &sq[i]);
		}
		check_sends(test, &test->net.sq);
		for (unsigned int i = 0; i < 8; i++)
			assert_int_equal(wq_end(guest, &sq[i]), 0);
		guest->used -= 16 * 4096;
	}
}

/* The completion tells where the entry starts */
static void completions_tell_their_entry(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;
	struct mana_tx_comp_oob oob;
	struct gdma_cqe cqe;

	for (unsigned int i = 0; i < 1200; i++) {
		uint32_t place = sq->tail % sq->size / GDMA_WQE_UNIT;

		post(test, sq, 60);
		ring_wq(guest, sq);
		cqe = cq_wait(guest, &sq->cq);
		memcpy(&oob, cqe.data, sizeof(oob));
		assert_int_equal(oob.tx_wqe_offset, place);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(doorbells_without_effect),
		TEST(doorbells_for_others),
		TEST(short_doorbells),
		TEST(tail_wraps_around),
		TEST(cq_arming),
		TEST(an_event_waits_for_its_time),
		TEST(an_event_comes_with_the_last_completion_that_it_waits_for),
		TEST(an_event_waits_where_a_queue_is_armed_late),
		TEST(a_queue_can_be_created_moderated),
		TEST(moderation_changes_only_what_it_may),
		TEST(eq_arming),
		TEST(eq_shared),
		TEST(completions_lap_after_lap),
		TEST(events_lap_after_lap),
		TEST(completion_queue_overflows),
		TEST(event_queue_overflows),
		TEST(entries_of_impossible_sizes),
		TEST(entry_cut_off),
		TEST(queue_overrun),
		TEST(garbage_entries),
		TEST(completions_tell_their_entry),
	};

	guard_install(); /* whose descriptor stays */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
