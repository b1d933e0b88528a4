/* SPDX-License-Identifier: BSD-3-Clause */
/* Two queue pairs over a wire that loses, doubles and reorders: all data right, all done once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ends.h"

#define RKEY_READ  0x1100u
#define RKEY_WRITE 0x2200u
#define VA         0x7fff00001000ull

/* What one end has: what is read from it, what is written into it, what it reads, what it receives */
struct side {
	struct memory source, target, sink, entries;
	struct memory want_target, want_sink, want_entries;
};

static struct memory memory_new(uint32_t len)
{
	struct memory memory = { calloc(1, len ? len : 1), len };

	assert_non_null(memory.base);
	return memory;
}

static void side_open(struct side *side, struct end *end, uint32_t len, uint64_t seed)
{
	struct memory *all[] = { &side->source,      &side->target,      &side->sink,
				 &side->entries,     &side->want_target, &side->want_sink,
				 &side->want_entries };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		*all[i] = memory_new(len);
	fill(side->source.base, len, seed);
	end->regions[0] = (struct region){ RKEY_READ, ROCE_ACCESS_READ, VA, side->source };
	end->regions[1] = (struct region){ RKEY_WRITE, ROCE_ACCESS_WRITE, VA, side->target };
}

static void side_check(struct side *side)
{
	assert_memory_equal(side->target.base, side->want_target.base, side->target.len);
	assert_memory_equal(side->sink.base, side->want_sink.base, side->sink.len);
	assert_memory_equal(side->entries.base, side->want_entries.base, side->entries.len);
}

static void side_close(struct side *side)
{
	struct memory *all[] = { &side->source,      &side->target,      &side->sink,
				 &side->entries,     &side->want_target, &side->want_sink,
				 &side->want_entries };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(all[i]->base);
}

struct plan {
	uint32_t count;
	uint32_t lengths[600];
	uint8_t opcodes[600];
};

/* Post request @i of the plan at @end, and what it needs at the peer */
static void post(const struct plan *plan, uint32_t i, uint32_t at, struct end *end,
		 struct side *side, struct side *peer)
{
	const uint32_t len = plan->lengths[i];
	struct roce_request request = { .opcode = plan->opcodes[i],
					.length = len,
					.imm = 0x01020300 + i,
					.va = VA + at,
					.solicited = i & 1,
					.fence = i % 5 == 0,
					.psn_given = true,
					.psn = roce_qp_next_psn(end->qp) };
	struct memory memory = { side->source.base + at, len };

	switch (request.opcode) {
	case ROCE_OP_SEND:
	case ROCE_OP_SEND_IMM:
		memcpy(peer->want_entries.base + at, side->source.base + at, len);
		end_post_receive(end->peer, (struct memory){ peer->entries.base + at, len });
		break;
	case ROCE_OP_WRITE_IMM:
		end_post_receive(end->peer, (struct memory){ peer->entries.base + at, 0 });
		/* fall through */
	case ROCE_OP_WRITE:
		request.rkey = RKEY_WRITE;
		memcpy(peer->want_target.base + at, side->source.base + at, len);
		break;
	default:
		request.rkey = RKEY_READ;
		memory.base = side->sink.base + at;
		memcpy(side->want_sink.base + at, peer->source.base + at, len);
	}
	assert_int_equal(end_post(end, &request, memory), i);
}

/* What the peer received of this plan: each message once, in order */
static void check_received(const struct plan *plan, const struct end *peer)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < plan->count; i++) {
		const struct roce_received *received = &peer->received[n];

		if (plan->opcodes[i] == ROCE_OP_WRITE || plan->opcodes[i] == ROCE_OP_READ)
			continue;
		assert_true(n++ < peer->received_count);
		assert_int_equal(received->status, ROCE_SUCCESS);
		assert_int_equal(received->opcode, plan->opcodes[i]);
		assert_int_equal(received->length, plan->lengths[i]);
		assert_int_equal(received->solicited, i & 1);
		if (plan->opcodes[i] != ROCE_OP_SEND)
			assert_int_equal(received->imm, 0x01020300 + i);
	}
	assert_int_equal(peer->received_count, n);
}

/* Both ends follow the plan at the same time */
static struct roce_counters follow(const struct plan *plan, uint32_t mtu, uint64_t seed,
				   uint32_t loss, uint32_t twice, uint32_t late)
{
	struct pair *pair = pair_new(ROCE_RC, 1024);
	struct side side[2];
	struct roce_counters counters;
	uint32_t total = 0;

	for (uint32_t i = 0; i < plan->count; i++)
		total += plan->lengths[i];
	pair->wire.seed = seed;
	pair->wire.loss = loss;
	pair->wire.twice = twice;
	pair->wire.late = late;
	pair->wire.ip6 = seed & 2;
	pair_connect(pair, mtu);
	for (unsigned int e = 0; e < 2; e++) {
		side_open(&side[e], &pair->end[e], total, seed + e);
		pair->end[e].piece = seed % 3 ? (uint32_t)(seed * 97 % 900) : 0;
	}
	for (unsigned int e = 0; e < 2; e++) {
		uint32_t at = 0;

		for (uint32_t i = 0; i < plan->count; i++) {
			post(plan, i, at, &pair->end[e], &side[e], &side[!e]);
			at += plan->lengths[i];
		}
	}
	pair_settle(pair);
	for (unsigned int e = 0; e < 2; e++) {
		const struct end *end = &pair->end[e];

		if (end->fatal_count)
			fail_msg("seed %ju: fatal, status %d", (uintmax_t)seed, end->fatal);
		assert_int_equal(end->done_count, plan->count);
		for (uint32_t i = 0; i < plan->count; i++)
			assert_int_equal(end->done[i].status, ROCE_SUCCESS);
		assert_int_equal(roce_psn_add(end->acknowledged, 1), roce_qp_next_psn(end->qp));
		check_received(plan, end->peer);
		side_check(&side[e]);
	}
	counters = *roce_qp_counters(pair->end[0].qp);
	for (unsigned int e = 0; e < 2; e++)
		side_close(&side[e]);
	pair_free(pair);
	return counters;
}

/* Every opcode with every length, in an order that the seed decides */
static void make_plan(struct plan *plan, uint32_t mtu, uint32_t count, uint64_t seed)
{
	const uint32_t lengths[] = { 0, 1, mtu - 1, mtu, mtu + 1, 3 * mtu, 40 * mtu + 7, 64 };
	struct wire random = { .seed = seed };

	plan->count = count;
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t n = wire_random(&random);

		plan->opcodes[i] = (uint8_t)(n % 5);
		plan->lengths[i] = lengths[n / 5 % 8];
	}
}

static void without_loss_nothing_is_sent_twice(void **state)
{
	(void)state;
	for (uint32_t mtu = 256; mtu <= 4096; mtu *= 2) {
		struct plan plan;
		struct roce_counters counters;

		make_plan(&plan, mtu, 400, mtu);
		counters = follow(&plan, mtu, 5 + mtu, 0, 0, 0);
		assert_int_equal(counters.requester_timeouts, 0);
		assert_int_equal(counters.responder_duplicates, 0);
		assert_int_equal(counters.responder_out_of_sequence, 0);
		assert_int_equal(counters.requester_implicit_naks, 0);
		assert_int_equal(counters.rx_dropped, 0);
	}
}

static void one_per_cent_lost_doubled_and_late(void **state)
{
	struct roce_counters sum = { 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		const uint32_t mtu = 256u << seed % 5;
		struct plan plan;
		struct roce_counters counters;

		make_plan(&plan, mtu, 200, seed);
		counters = follow(&plan, mtu, seed, 10, 10, 10);
		sum.requester_timeouts += counters.requester_timeouts;
		sum.requester_sequence_naks += counters.requester_sequence_naks;
		sum.requester_implicit_naks += counters.requester_implicit_naks;
		sum.responder_duplicates += counters.responder_duplicates;
	}
	/* It has happened at all */
	assert_true(sum.requester_timeouts && sum.requester_sequence_naks &&
		    sum.requester_implicit_naks && sum.responder_duplicates);
}

static void each_mishap_alone_and_much_of_it(void **state)
{
	static const uint32_t mishaps[][3] = {
		{ 100, 0, 0 }, { 0, 300, 0 }, { 0, 0, 300 }, { 50, 200, 200 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mishaps) / sizeof(mishaps[0]); i++) {
		for (uint64_t seed = 100; seed < 108; seed++) {
			struct plan plan;

			make_plan(&plan, 1024, 100, seed);
			follow(&plan, 1024, seed, mishaps[i][0], mishaps[i][1], mishaps[i][2]);
		}
	}
}

static void eight_megabytes(void **state)
{
	(void)state;
	for (uint8_t opcode = ROCE_OP_SEND; opcode <= ROCE_OP_READ; opcode++) {
		struct plan plan = { .count = 2,
				     .lengths = { 8u << 20, 4095 },
				     .opcodes = { opcode, opcode } };

		follow(&plan, 4096, 7u + opcode, 0, 0, 0);
		follow(&plan, 4096, 7u + opcode, 10, 10, 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_loss_nothing_is_sent_twice),
		cmocka_unit_test(one_per_cent_lost_doubled_and_late),
		cmocka_unit_test(each_mishap_alone_and_much_of_it),
		cmocka_unit_test(eight_megabytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
