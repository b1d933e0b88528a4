/* SPDX-License-Identifier: BSD-3-Clause */
/* UD and UC, and the states of all three kinds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ends.h"

#define MTU  256u
#define VA   0x10000ull
#define RKEY 0x22u

static struct pair *pair;
static uint8_t memory[8192], target[8192], entries[8192];

static void start(enum roce_kind kind)
{
	pair = pair_new(kind, 64);
	fill(memory, sizeof(memory), 5);
	memset(target, 0, sizeof(target));
	memset(entries, 0, sizeof(entries));
	pair->end[1].regions[0] =
		(struct region){ RKEY, ROCE_ACCESS_WRITE, VA, { target, sizeof(target) } };
	pair_connect(pair, MTU);
}

static int setup_ud(void **state)
{
	(void)state;
	start(ROCE_UD);
	return 0;
}

static int setup_uc(void **state)
{
	(void)state;
	start(ROCE_UC);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pair_free(pair);
	return 0;
}

static void send_ud(uint32_t qkey, enum roce_opcode opcode, uint32_t len)
{
	const struct roce_attributes attributes = pair_attributes(pair, 0, MTU);
	struct roce_request request = { .opcode = (uint8_t)opcode,
					.length = len,
					.imm = 0x55,
					.dest_qpn = 0x101,
					.qkey = qkey,
					.address = &attributes.address };

	end_post(&pair->end[0], &request, (struct memory){ memory, len });
}

static void a_datagram_comes_with_40_bytes_in_front(void **state)
{
	struct end *to = &pair->end[1];
	static const uint8_t zeros[20];

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		end_post_receive(to, (struct memory){ entries + i * 512, 512 });
	send_ud(0x1234, ROCE_OP_SEND_IMM, MTU);
	send_ud(0x1234, ROCE_OP_SEND, 0);
	send_ud(0x80000000, ROCE_OP_SEND, 5); /* stands for the sender's own */
	pair_settle(pair);
	assert_int_equal(pair->end[0].done_count, 3);
	assert_int_equal(to->received_count, 3);
	assert_int_equal(to->received[0].opcode, ROCE_OP_SEND_IMM);
	assert_int_equal(to->received[0].imm, 0x55);
	assert_int_equal(to->received[0].length, 40 + MTU);
	assert_int_equal(to->received[0].src_qpn, 0x100);
	assert_int_equal(to->received[1].length, 40);
	assert_int_equal(to->received[2].length, 45);
	assert_memory_equal(entries, zeros, 20);
	assert_int_equal(entries[20], 0x45);
	assert_memory_equal(entries + 20 + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
	assert_memory_equal(entries + 40, memory, MTU);
	assert_memory_equal(entries + 2 * 512 + 40, memory, 5);
}

static void a_datagram_that_fits_nowhere_is_dropped(void **state)
{
	struct end *to = &pair->end[1];

	(void)state;
	send_ud(0x1234, ROCE_OP_SEND, 5); /* no entry */
	pair_settle(pair);
	end_post_receive(to, (struct memory){ entries, 50 });
	send_ud(0x1235, ROCE_OP_SEND, 5);  /* another key */
	send_ud(0x1234, ROCE_OP_SEND, 11); /* too long for the entry */
	send_ud(0x1234, ROCE_OP_SEND, 10);
	pair_settle(pair);
	assert_int_equal(pair->end[0].done_count, 4);
	assert_int_equal(to->received_count, 1);
	assert_int_equal(to->received[0].length, 50);
	assert_int_equal(to->fatal_count, 0);
	assert_int_equal(roce_qp_counters(to->qp)->rx_dropped, 3);
}

static void ud_has_no_writes_and_no_long_messages(void **state)
{
	const struct roce_attributes attributes = pair_attributes(pair, 0, MTU);
	struct roce_request request = { .opcode = ROCE_OP_WRITE, .address = &attributes.address };

	(void)state;
	assert_int_equal(roce_qp_post(pair->end[0].qp, &request), -EINVAL);
	request = (struct roce_request){ .length = MTU + 1, .address = &attributes.address };
	assert_int_equal(roce_qp_post(pair->end[0].qp, &request), -EINVAL);
	request = (struct roce_request){ .length = MTU };
	assert_int_equal(roce_qp_post(pair->end[0].qp, &request), -EINVAL);
}

/* A request of UD whose memory is gone fails; what follows is flushed; receiving goes on. */
static void a_failed_datagram_stops_sending_only(void **state)
{
	struct end *end = &pair->end[0];
	const struct roce_attributes attributes = pair_attributes(pair, 0, MTU);

	(void)state;
	end->bad_memory = true;
	send_ud(0x1234, ROCE_OP_SEND, 5);
	send_ud(0x1234, ROCE_OP_SEND, 5);
	pair_settle(pair);
	assert_int_equal(roce_qp_state(end->qp), ROCE_SQE);
	assert_int_equal(end->done_count, 2);
	assert_int_equal(end->done[0].status, ROCE_LOCAL_PROTECTION);
	assert_int_equal(end->done[1].status, ROCE_FLUSHED);
	end->bad_memory = false;
	end_modify(end, ROCE_RTS, &attributes); /* nothing of it is sent after all */
	pair_settle(pair);
	end->bad_memory = true;
	send_ud(0x1234, ROCE_OP_SEND, 5);
	pair_settle(pair);
	end->bad_memory = false;
	send_ud(0x1234, ROCE_OP_SEND, 5); /* flushed as well */
	end_modify(end, ROCE_RTS, &attributes);
	send_ud(0x1234, ROCE_OP_SEND, 7);
	end_post_receive(&pair->end[1], (struct memory){ entries, 512 });
	pair_settle(pair);
	assert_int_equal(end->done_count, 5);
	assert_int_equal(end->done[3].status, ROCE_FLUSHED);
	assert_int_equal(end->done[4].status, ROCE_SUCCESS);
	assert_int_equal(pair->end[1].received_count, 1);
	assert_int_equal(pair->end[1].received[0].length, 47);
}

static void post_uc(enum roce_opcode opcode, uint32_t at, uint32_t len)
{
	struct roce_request request = {
		.opcode = (uint8_t)opcode, .length = len, .va = VA + at, .rkey = RKEY, .imm = 7
	};

	end_post(&pair->end[0], &request, (struct memory){ memory + at, len });
}

static void uc_sends_and_writes_without_an_answer(void **state)
{
	struct end *to = &pair->end[1];

	(void)state;
	end_post_receive(to, (struct memory){ entries, 1000 });
	end_post_receive(to, (struct memory){ entries, 0 });
	post_uc(ROCE_OP_SEND, 0, 3 * MTU);
	post_uc(ROCE_OP_WRITE, 8, 2 * MTU + 1);
	post_uc(ROCE_OP_WRITE_IMM, 1024, MTU);
	pair_settle(pair);
	assert_int_equal(pair->end[0].done_count, 3);
	assert_int_equal(to->received_count, 2);
	assert_memory_equal(entries, memory, 3 * MTU);
	assert_memory_equal(target + 8, memory + 8, 2 * MTU + 1);
	assert_memory_equal(target + 1024, memory + 1024, MTU);
	assert_int_equal(to->received[1].imm, 7);
	assert_int_equal(roce_qp_counters(to->qp)->tx_packets, 0);
}

/* Take the sender's packets off the wire, and let through those that @keep names */
static void deliver_some(const char *keep)
{
	struct frame_copy *frames = calloc(16, sizeof(*frames));
	struct wire *wire = &pair->wire;
	uint32_t count;

	assert_non_null(frames);
	roce_qp_run(pair->end[0].qp, wire->now, RUN_BUDGET);
	count = wire->count;
	assert_int_equal(count, strlen(keep));
	for (uint32_t i = 0; i < count; i++)
		frames[i] = wire->frames[wire->used[i]];
	wire->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct iovec iov = { frames[i].data, frames[i].len };
		struct roce_packet packet;

		if (keep[i] == '-')
			continue;
		assert_int_equal(roce_parse(&packet, &iov, 1, frames[i].len), 0);
		roce_qp_receive(pair->end[1].qp, wire->now, &packet, &iov, 1);
	}
	free(frames);
}

static void a_gap_costs_uc_one_message(void **state)
{
	struct end *to = &pair->end[1];
	static const char *const losses[] = { "-+++", "+-++", "++-+", "++--", "-++-" };

	(void)state;
	end_post_receive(to, (struct memory){ entries, 1024 });
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		post_uc(ROCE_OP_SEND, 0, 4 * MTU);
		deliver_some(losses[i]);
		assert_int_equal(to->received_count, 0);
	}
	post_uc(ROCE_OP_SEND, 4 * MTU, 4 * MTU);
	deliver_some("++++");
	assert_int_equal(to->received_count, 1);
	assert_memory_equal(entries, memory + 4 * MTU, 4 * MTU);
	/* Without an entry, or with a wrong key: dropped without a word */
	post_uc(ROCE_OP_SEND, 0, 2 * MTU);
	deliver_some("++");
	pair->end[1].regions[0].rkey++;
	post_uc(ROCE_OP_WRITE, 0, 2 * MTU);
	deliver_some("++");
	assert_int_equal(roce_qp_state(to->qp), ROCE_RTS);
	assert_false(roce_qp_wants_run(to->qp));
	assert_int_equal(target[0], 0);
}

static void uc_answers_nothing_that_rc_would(void **state)
{
	struct roce_packet packet = { .service = ROCE_SERVICE_UC, .operation = ROCE_SEND_ONLY };
	struct roce_request request = { .opcode = ROCE_OP_READ };

	(void)state;
	assert_int_equal(roce_qp_post(pair->end[0].qp, &request), -EINVAL);
	packet.psn = 77;
	end_give(&pair->end[1], &packet, memory, 4);
	packet.service = ROCE_SERVICE_RC;
	end_give(&pair->end[1], &packet, memory, 4);
	assert_false(roce_qp_wants_run(pair->end[1].qp));
}

/* 1: IBA has this transition; from RESET, INIT, RTR, RTS, SQD, SQE, ERROR down; to the same across */
static void states_follow_the_specification(void **state)
{
	static const char *const table[2][7] = {
		{ "1100001", "1110001", "1001001", "1001101", "1001101", "1001001", "1000001" },
		{ "1100001", "1110001", "1001001", "1001101", "1001101", "1000001", "1000001" },
	};

	(void)state;
	for (unsigned int rc = 0; rc < 2; rc++) {
		for (unsigned int from = 0; from < 7; from++) {
			for (unsigned int to = 0; to < 7; to++) {
				struct roce_attributes attributes;
				struct end *end;
				const char *way[] = { "", "1", "12", "123", "1234", "123", "6" };

				start(rc ? ROCE_RC : ROCE_UD);
				end = &pair->end[0];
				attributes = pair_attributes(pair, 0, MTU);
				end_modify(end, ROCE_RESET, NULL);
				for (const char *step = way[from]; *step; step++)
					end_modify(end, (enum roce_state)(*step - '0'),
						   &attributes);
				if (from == ROCE_SQE && rc) {
					pair_free(pair);
					continue; /* RC is never there */
				}
				if (from == ROCE_SQE) {
					end->bad_memory = true;
					send_ud(1, ROCE_OP_SEND, 1);
					roce_qp_run(end->qp, 0, RUN_BUDGET);
				}
				assert_int_equal(roce_qp_state(end->qp), from);
				if ((roce_qp_modify(end->qp, (enum roce_state)to, &attributes) ==
				     0) != (table[rc][from][to] == '1'))
					fail_msg("kind %u: from %u to %u", rc, from, to);
				pair_free(pair);
			}
		}
	}
}

static void attributes_out_of_range_are_refused(void **state)
{
	struct roce_attributes attributes;
	struct end *end;

	(void)state;
	start(ROCE_RC);
	end = &pair->end[0];
	end_modify(end, ROCE_RESET, NULL);
	attributes = pair_attributes(pair, 0, MTU);
	end_modify(end, ROCE_INIT, &attributes);
	for (unsigned int i = 0; i < 5; i++) {
		attributes = pair_attributes(pair, 0, MTU);
		attributes.mtu = i == 0 ? 8192 : i == 1 ? 257 : i == 2 ? 0 : MTU;
		attributes.reads_in = i == 3 ? ROCE_READS_MAX + 1 : 4;
		attributes.address.ip_version = i == 4 ? 5 : 4;
		assert_int_equal(roce_qp_modify(end->qp, ROCE_RTR, &attributes), -EINVAL);
		assert_int_equal(roce_qp_state(end->qp), ROCE_INIT);
	}
	assert_int_equal(roce_qp_modify(end->qp, ROCE_RTR, NULL), -EINVAL);
	attributes = pair_attributes(pair, 0, MTU);
	end_modify(end, ROCE_RTR, &attributes);
	for (unsigned int i = 0; i < 4; i++) {
		attributes = pair_attributes(pair, 0, MTU);
		attributes.reads_out = i == 0 ? ROCE_READS_MAX + 1 : 1;
		attributes.ack_timeout = i == 1 ? 32 : 14;
		attributes.retry_count = i == 2 ? 8 : 7;
		attributes.rnr_retry = i == 3 ? 8 : 7;
		assert_int_equal(roce_qp_modify(end->qp, ROCE_RTS, &attributes), -EINVAL);
	}
	pair_free(pair);
}

static void a_queue_pair_needs_a_sensible_size(void **state)
{
	static const uint32_t bad[] = { 0, 3, ROCE_REQUESTS_MAX * 2 };
	struct roce_config config = { .kind = ROCE_RC };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		config.requests = bad[i];
		assert_null(roce_qp_create(&config));
	}
	roce_qp_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_datagram_comes_with_40_bytes_in_front, setup_ud,
						teardown),
		cmocka_unit_test_setup_teardown(a_datagram_that_fits_nowhere_is_dropped, setup_ud,
						teardown),
		cmocka_unit_test_setup_teardown(ud_has_no_writes_and_no_long_messages, setup_ud,
						teardown),
		cmocka_unit_test_setup_teardown(a_failed_datagram_stops_sending_only, setup_ud,
						teardown),
		cmocka_unit_test_setup_teardown(uc_sends_and_writes_without_an_answer, setup_uc,
						teardown),
		cmocka_unit_test_setup_teardown(a_gap_costs_uc_one_message, setup_uc, teardown),
		cmocka_unit_test_setup_teardown(uc_answers_nothing_that_rc_would, setup_uc,
						teardown),
		cmocka_unit_test(states_follow_the_specification),
		cmocka_unit_test(attributes_out_of_range_are_refused),
		cmocka_unit_test(a_queue_pair_needs_a_sensible_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
