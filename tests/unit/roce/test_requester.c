/* SPDX-License-Identifier: BSD-3-Clause */
/* The sending side of an RC queue pair, packet by packet: the test is its peer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ends.h"
#include "roce/qp_state.h"

#define MTU   256u
#define FIRST 0xfffffdu /* the first PSN of pair_attributes() */
#define VA    0x1122334455660000ull
#define RKEY  0x77u

static struct pair *pair;
static struct end *end;
static uint8_t memory[64 * 1024];

static int setup(void **state)
{
	(void)state;
	pair = pair_new(ROCE_RC, 1024);
	end = &pair->end[0];
	pair_connect(pair, MTU);
	fill(memory, sizeof(memory), 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pair_free(pair);
	return 0;
}

static uint32_t psn(uint32_t n)
{
	return roce_psn_add(FIRST, n);
}

static void post(enum roce_opcode opcode, uint32_t at, uint32_t len)
{
	struct roce_request request = { .opcode = (uint8_t)opcode,
					.length = len,
					.va = VA,
					.rkey = RKEY,
					.imm = 0xaabbccdd,
					.solicited = true };

	end_post(end, &request, (struct memory){ memory + at, len });
}

/* The next packet is this one */
static struct roce_packet expect(enum roce_operation operation, uint32_t n, uint32_t at,
				 uint32_t len)
{
	struct roce_packet packet;
	uint8_t frame[FRAME_MAX];

	assert_true(end_take(end, &packet, frame));
	assert_int_equal(packet.service, ROCE_SERVICE_RC);
	assert_int_equal(packet.operation, operation);
	assert_int_equal(packet.psn, psn(n));
	assert_int_equal(packet.dest_qpn, 0x101);
	assert_int_equal(packet.payload_len, len);
	assert_memory_equal(frame + packet.payload_off, memory + at, len);
	return packet;
}

static void expect_nothing(void)
{
	struct roce_packet packet;

	assert_false(end_take(end, &packet, NULL));
}

static void acknowledge(uint8_t syndrome, uint32_t n)
{
	struct roce_packet packet = { .operation = ROCE_ACK, .syndrome = syndrome, .psn = psn(n) };

	end_give(end, &packet, NULL, 0);
}

static void respond(enum roce_operation operation, uint32_t n, const void *data, uint32_t len)
{
	struct roce_packet packet = { .operation = (uint8_t)operation,
				      .syndrome = ROCE_SYNDROME_ACK,
				      .psn = psn(n) };

	end_give(end, &packet, data, len);
}

static void expect_done(uint32_t count, enum roce_status last)
{
	assert_int_equal(end->done_count, count);
	if (count)
		assert_int_equal(end->done[count - 1].status, last);
}

static void expect_fatal(enum roce_status status)
{
	assert_int_equal(end->fatal_count, 1);
	assert_int_equal(end->fatal, status);
	assert_int_equal(roce_qp_state(end->qp), ROCE_ERROR);
	assert_int_equal(roce_qp_deadline(end->qp), ROCE_NEVER);
}

static void pass_deadline(void)
{
	assert_true(roce_qp_deadline(end->qp) != ROCE_NEVER);
	pair->wire.now = roce_qp_deadline(end->qp);
	roce_qp_tick(end->qp, pair->wire.now);
}

static void a_send_is_cut_by_the_mtu(void **state)
{
	struct roce_packet packet;

	(void)state;
	post(ROCE_OP_SEND_IMM, 0, 2 * MTU + 3);
	packet = expect(ROCE_SEND_FIRST, 0, 0, MTU);
	assert_false(packet.ack_request || packet.solicited);
	packet = expect(ROCE_SEND_MIDDLE, 1, MTU, MTU);
	assert_false(packet.ack_request || packet.solicited);
	packet = expect(ROCE_SEND_LAST_IMM, 2, 2 * MTU, 3);
	assert_true(packet.ack_request && packet.solicited);
	assert_int_equal(packet.imm, 0xaabbccdd);
	assert_int_equal(packet.pad, 1);
	post(ROCE_OP_SEND, 9, 0);
	expect(ROCE_SEND_ONLY, 3, 9, 0);
	post(ROCE_OP_SEND, 9, 2 * MTU);
	expect(ROCE_SEND_FIRST, 4, 9, MTU);
	expect(ROCE_SEND_LAST, 5, 9 + MTU, MTU);
	expect_nothing();
	expect_done(0, ROCE_SUCCESS);
}

static void a_write_names_its_range_once(void **state)
{
	struct roce_packet packet;

	(void)state;
	post(ROCE_OP_WRITE_IMM, 0, MTU + 1);
	packet = expect(ROCE_WRITE_FIRST, 0, 0, MTU);
	assert_true(packet.va == VA && packet.rkey == RKEY && packet.length == MTU + 1);
	packet = expect(ROCE_WRITE_LAST_IMM, 1, MTU, 1);
	assert_int_equal(packet.imm, 0xaabbccdd);
	post(ROCE_OP_WRITE_IMM, 0, 5);
	packet = expect(ROCE_WRITE_ONLY_IMM, 2, 0, 5);
	assert_true(packet.va == VA && packet.rkey == RKEY && packet.length == 5 &&
		    packet.imm == 0xaabbccdd);
	post(ROCE_OP_WRITE, 0, 5);
	expect(ROCE_WRITE_ONLY, 3, 0, 5);
}

static void an_ack_covers_all_before_it(void **state)
{
	(void)state;
	post(ROCE_OP_SEND, 0, 10);
	post(ROCE_OP_SEND, 0, 2 * MTU);
	post(ROCE_OP_SEND, 0, 10);
	for (unsigned int i = 0; i < 4; i++) {
		struct roce_packet packet;

		assert_true(end_take(end, &packet, NULL));
	}
	acknowledge(ROCE_SYNDROME_ACK, 1); /* in the middle of the second */
	expect_done(1, ROCE_SUCCESS);
	assert_int_equal(end->acknowledged, psn(1));
	acknowledge(ROCE_SYNDROME_ACK, 0); /* again */
	acknowledge(ROCE_SYNDROME_ACK, 4); /* not sent yet */
	expect_done(1, ROCE_SUCCESS);
	acknowledge(ROCE_SYNDROME_ACK, 3);
	expect_done(3, ROCE_SUCCESS);
	assert_int_equal(end->acknowledged, psn(3));
	assert_int_equal(roce_qp_deadline(end->qp), ROCE_NEVER);
	assert_int_equal(roce_qp_counters(end->qp)->rx_dropped, 2);
}

static void a_sequence_nak_goes_back_once(void **state)
{
	(void)state;
	post(ROCE_OP_SEND, 0, 3 * MTU);
	expect(ROCE_SEND_FIRST, 0, 0, MTU);
	expect(ROCE_SEND_MIDDLE, 1, MTU, MTU);
	expect(ROCE_SEND_LAST, 2, 2 * MTU, MTU);
	acknowledge(ROCE_NAK_SEQUENCE, 1);
	acknowledge(ROCE_NAK_SEQUENCE, 1);
	expect(ROCE_SEND_MIDDLE, 1, MTU, MTU);
	acknowledge(ROCE_NAK_SEQUENCE, 1);
	expect(ROCE_SEND_LAST, 2, 2 * MTU, MTU);
	expect_nothing();
	acknowledge(ROCE_SYNDROME_ACK, 2);
	expect_done(1, ROCE_SUCCESS);
}

/* While a window is sent again, an ACK for more than that moves on at once. */
static void an_ack_overtakes_what_is_sent_again(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		post(ROCE_OP_SEND, i * MTU, MTU);
	for (unsigned int i = 0; i < 4; i++)
		expect(ROCE_SEND_ONLY, i, i * MTU, MTU);
	pass_deadline();
	acknowledge(ROCE_SYNDROME_ACK, 2);
	expect(ROCE_SEND_ONLY, 3, 3 * MTU, MTU);
	expect_nothing();
}

static void a_nak_of_an_error_fails_its_request(void **state)
{
	static const struct {
		uint8_t syndrome;
		enum roce_status status;
	} naks[] = { { ROCE_NAK_INVALID_REQUEST, ROCE_REMOTE_INVALID },
		     { ROCE_NAK_REMOTE_ACCESS, ROCE_REMOTE_ACCESS },
		     { ROCE_NAK_OPERATIONAL, ROCE_REMOTE_OPERATION } };

	(void)state;
	for (size_t i = 0; i < sizeof(naks) / sizeof(naks[0]); i++) {
		teardown(NULL);
		setup(NULL);
		for (unsigned int n = 0; n < 3; n++)
			post(ROCE_OP_WRITE, n * MTU, MTU);
		for (unsigned int n = 0; n < 3; n++)
			expect(ROCE_WRITE_ONLY, n, n * MTU, MTU);
		acknowledge(naks[i].syndrome, 1);
		expect_done(2, naks[i].status);
		assert_int_equal(end->done[0].status, ROCE_SUCCESS);
		expect_fatal(naks[i].status);
		post(ROCE_OP_WRITE, 0, 1); /* to be flushed */
		acknowledge(ROCE_SYNDROME_ACK, 2);
		expect_nothing();
		expect_done(4, ROCE_FLUSHED);
		assert_int_equal(end->done[2].status, ROCE_FLUSHED);
		assert_false(roce_qp_wants_run(end->qp));
		assert_int_equal(roce_qp_acknowledged_psn(end->qp), psn(0));
	}
}

static void an_rnr_nak_waits_for_its_timer(void **state)
{
	(void)state;
	post(ROCE_OP_SEND, 0, 10);
	post(ROCE_OP_SEND, 10, 10);
	expect(ROCE_SEND_ONLY, 0, 0, 10);
	expect(ROCE_SEND_ONLY, 1, 10, 10);
	acknowledge(ROCE_SYNDROME_RNR | 14, 0); /* 1.28 ms */
	expect_nothing();
	assert_int_equal(roce_qp_deadline(end->qp), pair->wire.now + 1280000);
	pair->wire.now += 1279999;
	roce_qp_tick(end->qp, pair->wire.now);
	expect_nothing();
	pass_deadline();
	expect(ROCE_SEND_ONLY, 0, 0, 10);
	expect(ROCE_SEND_ONLY, 1, 10, 10);
	acknowledge(ROCE_SYNDROME_ACK, 1);
	expect_done(2, ROCE_SUCCESS);
}

static void rnr_naks_have_a_limit(void **state)
{
	struct roce_attributes attributes = pair_attributes(pair, 0, MTU);

	(void)state;
	attributes.rnr_retry = 2;
	end_modify(end, ROCE_RESET, NULL);
	end_modify(end, ROCE_INIT, &attributes);
	end_modify(end, ROCE_RTR, &attributes);
	end_modify(end, ROCE_RTS, &attributes);
	post(ROCE_OP_SEND, 0, 10);
	for (unsigned int i = 0; i < 3; i++) {
		expect(ROCE_SEND_ONLY, 0, 0, 10);
		expect_done(0, ROCE_SUCCESS);
		acknowledge(ROCE_SYNDROME_RNR | 1, 0);
		acknowledge(ROCE_SYNDROME_RNR | 1, 0); /* doubled on the way: counts once */
		if (i < 2)
			pass_deadline();
	}
	expect_done(1, ROCE_RNR_RETRY_EXCEEDED);
	expect_fatal(ROCE_RNR_RETRY_EXCEEDED);
}

static void rnr_retry_7_has_none(void **state)
{
	(void)state;
	post(ROCE_OP_SEND, 0, 10);
	for (unsigned int i = 0; i < 100; i++) {
		expect(ROCE_SEND_ONLY, 0, 0, 10);
		acknowledge(ROCE_SYNDROME_RNR | 1, 0);
		pass_deadline();
	}
	expect_done(0, ROCE_SUCCESS);
}

static void a_peer_that_is_gone_is_given_up(void **state)
{
	/* In 4.096 us * 2^14: each is twice as long as the one before, up to four times the first */
	static const uint64_t timeouts[8] = { 1, 2, 4, 4, 4, 4, 4, 4 };

	(void)state;
	post(ROCE_OP_SEND, 0, 10);
	post(ROCE_OP_SEND, 10, 10);
	for (unsigned int i = 0; i <= 7; i++) {
		expect(ROCE_SEND_ONLY, 0, 0, 10);
		expect(ROCE_SEND_ONLY, 1, 10, 10);
		expect_done(0, ROCE_SUCCESS);
		assert_int_equal(roce_qp_deadline(end->qp),
				 pair->wire.now + timeouts[i] * 67108864ull);
		pass_deadline();
	}
	expect_done(1, ROCE_RETRY_EXCEEDED);
	expect_fatal(ROCE_RETRY_EXCEEDED);
	expect_nothing();
	expect_done(2, ROCE_FLUSHED);
	assert_int_equal(roce_qp_counters(end->qp)->requester_timeouts, 8);
}

static void progress_makes_the_timeout_short_again(void **state)
{
	(void)state;
	post(ROCE_OP_SEND, 0, 10);
	post(ROCE_OP_SEND, 10, 10);
	for (unsigned int i = 0; i < 2; i++) {
		expect(ROCE_SEND_ONLY, 0, 0, 10);
		expect(ROCE_SEND_ONLY, 1, 10, 10);
		expect_done(0, ROCE_SUCCESS);
		pass_deadline();
	}
	expect(ROCE_SEND_ONLY, 0, 0, 10);
	expect(ROCE_SEND_ONLY, 1, 10, 10);
	expect_done(0, ROCE_SUCCESS);
	assert_int_equal(roce_qp_deadline(end->qp), pair->wire.now + 4 * 67108864ull);
	acknowledge(ROCE_SYNDROME_ACK, 0);
	expect_done(1, ROCE_SUCCESS);
	assert_int_equal(roce_qp_deadline(end->qp), pair->wire.now + 67108864ull);
}

static void a_read_is_asked_for_and_stored(void **state)
{
	static uint8_t data[3 * MTU];
	struct roce_packet packet;

	(void)state;
	fill(data, sizeof(data), 8);
	post(ROCE_OP_READ, 100, 2 * MTU + 9);
	packet = expect(ROCE_READ_REQUEST, 0, 0, 0);
	assert_true(packet.va == VA && packet.rkey == RKEY && packet.length == 2 * MTU + 9);
	post(ROCE_OP_SEND, 0, 1);
	expect(ROCE_SEND_ONLY, 3, 0, 1); /* its PSN is after the responses' */
	respond(ROCE_READ_FIRST, 0, data, MTU);
	respond(ROCE_READ_MIDDLE, 1, data + MTU, MTU);
	expect_done(0, ROCE_SUCCESS);
	respond(ROCE_READ_LAST, 2, data + 2 * MTU, 9);
	expect_done(1, ROCE_SUCCESS);
	assert_int_equal(end->acknowledged, psn(2));
	assert_memory_equal(memory + 100, data, 2 * MTU + 9);
	acknowledge(ROCE_SYNDROME_ACK, 3);
	expect_done(2, ROCE_SUCCESS);
	post(ROCE_OP_READ, 0, 0);
	expect(ROCE_READ_REQUEST, 4, 0, 0);
	respond(ROCE_READ_ONLY, 4, NULL, 0);
	expect_done(3, ROCE_SUCCESS);
}

static void a_lost_response_is_asked_for_again(void **state)
{
	static uint8_t data[5 * MTU];
	struct roce_packet packet;

	(void)state;
	fill(data, sizeof(data), 8);
	post(ROCE_OP_READ, 0, 5 * MTU);
	expect(ROCE_READ_REQUEST, 0, 0, 0);
	respond(ROCE_READ_FIRST, 0, data, MTU);
	respond(ROCE_READ_MIDDLE, 2, data + 2 * MTU, MTU); /* 1 is missing */
	respond(ROCE_READ_MIDDLE, 3, data + 3 * MTU, MTU);
	packet = expect(ROCE_READ_REQUEST, 1, 0, 0);
	assert_true(packet.va == VA + MTU && packet.length == 4 * MTU);
	respond(ROCE_READ_LAST, 4, data + 4 * MTU, MTU); /* of the first answer still */
	expect_nothing();
	respond(ROCE_READ_FIRST, 1, data + MTU, MTU);
	respond(ROCE_READ_MIDDLE, 2, data + 2 * MTU, MTU);
	pass_deadline();
	packet = expect(ROCE_READ_REQUEST, 3, 0, 0);
	assert_true(packet.va == VA + 3 * MTU && packet.length == 2 * MTU);
	respond(ROCE_READ_FIRST, 3, data + 3 * MTU, MTU);
	respond(ROCE_READ_LAST, 4, data + 4 * MTU, MTU);
	expect_done(1, ROCE_SUCCESS);
	assert_memory_equal(memory, data, 5 * MTU);
	assert_int_equal(roce_qp_counters(end->qp)->requester_read_mismatches, 3);
}

/* What is asked for again ends where it ended at first: the peer has answered that far at most */
static void a_part_is_asked_for_again_to_its_end(void **state)
{
	struct roce_packet packet;

	(void)state;
	post(ROCE_OP_READ, 0, 70 * MTU);
	expect(ROCE_READ_REQUEST, 0, 0, 0);
	expect(ROCE_READ_REQUEST, 64, 0, 0);
	for (unsigned int i = 0; i < 10; i++)
		respond(i ? ROCE_READ_MIDDLE : ROCE_READ_FIRST, i, memory + i * MTU, MTU);
	respond(ROCE_READ_MIDDLE, 11, memory, MTU);
	packet = expect(ROCE_READ_REQUEST, 10, 0, 0);
	assert_true(packet.va == VA + 10 * MTU && packet.length == 54 * MTU);
	packet = expect(ROCE_READ_REQUEST, 64, 0, 0);
	assert_true(packet.va == VA + 64 * MTU && packet.length == 6 * MTU);
}

static void an_ack_beyond_a_read_says_that_it_is_lost(void **state)
{
	(void)state;
	post(ROCE_OP_READ, 0, MTU);
	post(ROCE_OP_SEND, MTU, 1);
	expect(ROCE_READ_REQUEST, 0, 0, 0);
	expect(ROCE_SEND_ONLY, 1, MTU, 1);
	acknowledge(ROCE_SYNDROME_ACK, 1);
	expect_done(0, ROCE_SUCCESS);
	expect(ROCE_READ_REQUEST, 0, 0, 0);
	expect(ROCE_SEND_ONLY, 1, MTU, 1);
	assert_int_equal(roce_qp_counters(end->qp)->requester_implicit_naks, 1);
}

static void a_response_that_does_not_fit_fails(void **state)
{
	static const struct {
		enum roce_operation operation;
		uint32_t len;
	} responses[] = { { ROCE_READ_FIRST, MTU - 4 },
			  { ROCE_READ_FIRST, 2 * MTU },
			  { ROCE_READ_ONLY, MTU },
			  { ROCE_READ_LAST, 4 } };
	static uint8_t before[sizeof(memory)], data[4 * MTU];

	(void)state;
	for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
		teardown(NULL);
		setup(NULL);
		memcpy(before, memory, sizeof(before));
		post(ROCE_OP_READ, 0, 2 * MTU);
		expect(ROCE_READ_REQUEST, 0, 0, 0);
		respond(responses[i].operation, 0, data, responses[i].len);
		expect_done(1, ROCE_BAD_RESPONSE);
		expect_fatal(ROCE_BAD_RESPONSE);
		assert_memory_equal(memory, before, sizeof(before));
	}
}

static void what_nobody_asked_for_is_dropped(void **state)
{
	static uint8_t before[sizeof(memory)], data[MTU];

	(void)state;
	memcpy(before, memory, sizeof(before));
	for (uint32_t n = 0; n < ROCE_PSN_MASK; n += 4099) {
		respond(ROCE_READ_ONLY, n, data, MTU);
		acknowledge(ROCE_SYNDROME_ACK, n);
		acknowledge(ROCE_NAK_REMOTE_ACCESS, n);
	}
	post(ROCE_OP_WRITE, 0, MTU);
	expect(ROCE_WRITE_ONLY, 0, 0, MTU);
	for (uint32_t n = 1; n < ROCE_PSN_MASK; n += 4099) {
		respond(ROCE_READ_ONLY, n, data, MTU);
		acknowledge(ROCE_SYNDROME_ACK, n);
		acknowledge(ROCE_NAK_REMOTE_ACCESS, n);
	}
	respond(ROCE_READ_ONLY, 0, data, MTU); /* of a WRITE */
	acknowledge(0x40, 0);                  /* reserved */
	acknowledge(0x64, 0);                  /* a reserved NAK */
	expect_done(0, ROCE_SUCCESS);
	expect_nothing();
	assert_int_equal(end->fatal_count, 0);
	assert_memory_equal(memory, before, sizeof(before));
}

static void reads_wait_for_their_turn(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 6; i++)
		post(ROCE_OP_READ, i * 8, 8);
	for (unsigned int i = 0; i < 4; i++) /* reads_out */
		expect(ROCE_READ_REQUEST, i, 0, 0);
	expect_nothing();
	respond(ROCE_READ_ONLY, 0, "01234567", 8);
	expect(ROCE_READ_REQUEST, 4, 0, 0);
	expect_nothing();
}

static void a_long_read_is_asked_for_in_parts(void **state)
{
	struct roce_packet packet;

	(void)state;
	post(ROCE_OP_READ, 0, 200 * MTU);
	packet = expect(ROCE_READ_REQUEST, 0, 0, 0);
	assert_true(packet.va == VA && packet.length == 64 * MTU);
	packet = expect(ROCE_READ_REQUEST, 64, 0, 0);
	assert_true(packet.va == VA + 64 * MTU && packet.length == 64 * MTU);
	expect_nothing();
	respond(ROCE_READ_FIRST, 0, memory, MTU);
	expect(ROCE_READ_REQUEST, 128, 0, 0);
	expect_nothing();
}

/* To the peer each part is a READ of its own */
static void parts_count_as_reads(void **state)
{
	struct roce_attributes attributes = pair_attributes(pair, 0, MTU);

	(void)state;
	attributes.reads_out = 1;
	end_modify(end, ROCE_RESET, NULL);
	end_modify(end, ROCE_INIT, &attributes);
	end_modify(end, ROCE_RTR, &attributes);
	end_modify(end, ROCE_RTS, &attributes);
	post(ROCE_OP_READ, 0, 65 * MTU);
	expect(ROCE_READ_REQUEST, 0, 0, 0);
	expect_nothing();
	for (unsigned int i = 0; i < 63; i++)
		respond(i ? ROCE_READ_MIDDLE : ROCE_READ_FIRST, i, memory + i * MTU, MTU);
	expect_nothing();
	respond(ROCE_READ_LAST, 63, memory + 63 * MTU, MTU);
	expect(ROCE_READ_REQUEST, 64, 0, 0);
	respond(ROCE_READ_ONLY, 64, memory + 64 * MTU, MTU);
	expect_done(1, ROCE_SUCCESS);
}

static void a_fence_waits_for_reads(void **state)
{
	struct roce_request request = { .opcode = ROCE_OP_SEND, .length = 1, .fence = true };

	(void)state;
	post(ROCE_OP_READ, 0, 8);
	expect(ROCE_READ_REQUEST, 0, 0, 0);
	end_post(end, &request, (struct memory){ memory + 8, 1 });
	expect_nothing();
	respond(ROCE_READ_ONLY, 0, "01234567", 8);
	expect(ROCE_SEND_ONLY, 1, 8, 1);
}

static void a_window_is_in_flight(void **state)
{
	unsigned int sent = 0, asked = 0;
	struct roce_packet packet;

	(void)state;
	post(ROCE_OP_WRITE, 0, 200 * MTU);
	while (end_take(end, &packet, NULL)) {
		sent++;
		asked += packet.ack_request;
	}
	assert_int_equal(sent, 128);
	assert_int_equal(asked, 4);
	acknowledge(ROCE_SYNDROME_ACK, 31);
	for (unsigned int i = 128; i < 160; i++)
		expect(ROCE_WRITE_MIDDLE, i, i * MTU, MTU);
	expect_nothing();
}

static void a_window_has_a_size(void **state)
{
	unsigned int sent = 0;

	(void)state;
	pair_free(pair);
	pair = pair_new(ROCE_RC, 1024);
	end = &pair->end[0];
	pair_connect(pair, 4096);
	for (unsigned int i = 0; i < 3; i++)
		post(ROCE_OP_WRITE, 0, sizeof(memory));
	while (end_take(end, &(struct roce_packet){ 0 }, NULL))
		sent++;
	assert_int_equal(sent, (128u << 10) / 4096);
}

/* Else, after 2^31 requests, those posted would seem to be flushed. */
static void what_is_done_is_not_flushed_later(void **state)
{
	const struct requester *requester = &end->qp->requester;

	(void)state;
	for (unsigned int i = 0; i < 10; i++) {
		post(ROCE_OP_SEND, 0, 1);
		expect(ROCE_SEND_ONLY, i, 0, 1);
		acknowledge(ROCE_SYNDROME_ACK, i);
		assert_int_equal(requester->head, i + 1);
		assert_int_equal(requester->flush_end, requester->head);
	}
}

static void memory_that_is_gone_fails_in_its_turn(void **state)
{
	(void)state;
	post(ROCE_OP_SEND, 0, MTU);
	expect(ROCE_SEND_ONLY, 0, 0, MTU);
	end->bad_memory = true;
	post(ROCE_OP_SEND, 0, MTU);
	post(ROCE_OP_SEND, 0, 0);
	expect_nothing();
	expect_done(0, ROCE_SUCCESS);
	assert_false(roce_qp_wants_run(end->qp));
	acknowledge(ROCE_SYNDROME_ACK, 0);
	expect_nothing();
	expect_done(3, ROCE_FLUSHED);
	assert_int_equal(end->done[0].status, ROCE_SUCCESS);
	assert_int_equal(end->done[1].status, ROCE_LOCAL_PROTECTION);
	expect_fatal(ROCE_LOCAL_PROTECTION);
}

static void a_read_into_memory_that_is_gone_fails(void **state)
{
	(void)state;
	post(ROCE_OP_READ, 0, 8);
	expect(ROCE_READ_REQUEST, 0, 0, 0);
	end->bad_memory = true;
	respond(ROCE_READ_ONLY, 0, "01234567", 8);
	expect_done(1, ROCE_LOCAL_PROTECTION);
	expect_fatal(ROCE_LOCAL_PROTECTION);
}

static void drained_it_starts_nothing_new(void **state)
{
	const struct roce_attributes attributes = pair_attributes(pair, 0, MTU);

	(void)state;
	post(ROCE_OP_WRITE, 0, 129 * MTU);
	for (unsigned int i = 0; i < 128; i++)
		expect(i ? ROCE_WRITE_MIDDLE : ROCE_WRITE_FIRST, i, i * MTU, MTU);
	post(ROCE_OP_WRITE, 0, 1);
	end_modify(end, ROCE_SQD, &attributes);
	acknowledge(ROCE_SYNDROME_ACK, 127);
	expect(ROCE_WRITE_LAST, 128, 128 * MTU, MTU);
	acknowledge(ROCE_SYNDROME_ACK, 128);
	expect_done(1, ROCE_SUCCESS);
	expect_nothing();
	end_modify(end, ROCE_RTS, &attributes);
	expect(ROCE_WRITE_ONLY, 129, 0, 1);
}

static void an_owner_that_takes_nothing_loses_nothing(void **state)
{
	(void)state;
	post(ROCE_OP_SEND, 0, 2 * MTU);
	end->is_full = true;
	assert_true(roce_qp_run(end->qp, pair->wire.now, RUN_BUDGET));
	assert_true(roce_qp_run(end->qp, pair->wire.now, RUN_BUDGET));
	end->is_full = false;
	expect(ROCE_SEND_FIRST, 0, 0, MTU);
	expect(ROCE_SEND_LAST, 1, MTU, MTU);
	expect_nothing();
}

static void posts_that_make_no_sense_are_refused(void **state)
{
	struct roce_request good = { .opcode = ROCE_OP_WRITE, .psn_given = true, .psn = FIRST },
			    bad;
	const struct roce_attributes attributes = pair_attributes(pair, 0, MTU);

	(void)state;
	bad = good;
	bad.psn = psn(1);
	assert_int_equal(roce_qp_post(end->qp, &bad), -EINVAL);
	bad = good;
	bad.opcode = ROCE_OP_READ + 1;
	assert_int_equal(roce_qp_post(end->qp, &bad), -EINVAL);
	bad = good;
	bad.length = ROCE_MESSAGE_MAX + 1;
	assert_int_equal(roce_qp_post(end->qp, &bad), -EINVAL);
	bad.length = ROCE_MESSAGE_MAX; /* more than half of all PSNs, with this MTU */
	assert_int_equal(roce_qp_post(end->qp, &bad), -EINVAL);
	for (unsigned int i = 0; i < 1024; i++) {
		good.psn = roce_qp_next_psn(end->qp);
		end_post(end, &good, (struct memory){ memory, 0 });
	}
	assert_int_equal(roce_qp_free_requests(end->qp), 0);
	good.psn = roce_qp_next_psn(end->qp);
	assert_int_equal(roce_qp_post(end->qp, &good), -EAGAIN);
	end_modify(end, ROCE_RESET, NULL);
	assert_int_equal(roce_qp_free_requests(end->qp), 1024);
	assert_int_equal(roce_qp_post(end->qp, &good), -ENOTCONN);
	end_modify(end, ROCE_INIT, &attributes);
	assert_int_equal(roce_qp_post(end->qp, &good), -ENOTCONN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_send_is_cut_by_the_mtu),
		TEST(a_write_names_its_range_once),
		TEST(an_ack_covers_all_before_it),
		TEST(a_sequence_nak_goes_back_once),
		TEST(an_ack_overtakes_what_is_sent_again),
		TEST(a_nak_of_an_error_fails_its_request),
		TEST(an_rnr_nak_waits_for_its_timer),
		TEST(rnr_naks_have_a_limit),
		TEST(rnr_retry_7_has_none),
		TEST(a_peer_that_is_gone_is_given_up),
		TEST(progress_makes_the_timeout_short_again),
		TEST(a_read_is_asked_for_and_stored),
		TEST(a_lost_response_is_asked_for_again),
		TEST(a_part_is_asked_for_again_to_its_end),
		TEST(an_ack_beyond_a_read_says_that_it_is_lost),
		TEST(a_response_that_does_not_fit_fails),
		TEST(what_nobody_asked_for_is_dropped),
		TEST(reads_wait_for_their_turn),
		TEST(a_long_read_is_asked_for_in_parts),
		TEST(parts_count_as_reads),
		TEST(a_fence_waits_for_reads),
		TEST(a_window_is_in_flight),
		TEST(a_window_has_a_size),
		TEST(what_is_done_is_not_flushed_later),
		TEST(memory_that_is_gone_fails_in_its_turn),
		TEST(a_read_into_memory_that_is_gone_fails),
		TEST(drained_it_starts_nothing_new),
		TEST(an_owner_that_takes_nothing_loses_nothing),
		TEST(posts_that_make_no_sense_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
