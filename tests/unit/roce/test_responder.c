/* SPDX-License-Identifier: BSD-3-Clause */
/* The receiving side of an RC queue pair, packet by packet: the test is its peer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../range.h"
#include "ends.h"

#define MTU        256u
#define FIRST      0xffff00u /* rq_psn of pair_attributes() */
#define VA         0x10000ull
#define RKEY_READ  0x11u
#define RKEY_WRITE 0x22u
#define REGION     (64u * 1024)

static struct pair *pair;
static struct end *end;
static uint8_t readable[REGION], writable[REGION], entries[REGION], data[8192];

static int setup(void **state)
{
	(void)state;
	pair = pair_new(ROCE_RC, 16);
	end = &pair->end[0];
	pair_connect(pair, MTU);
	fill(readable, sizeof(readable), 3);
	fill(data, sizeof(data), 4);
	memset(writable, 0, sizeof(writable));
	memset(entries, 0, sizeof(entries));
	end->regions[0] = (struct region){ RKEY_READ, ROCE_ACCESS_READ, VA, { readable, REGION } };
	end->regions[1] =
		(struct region){ RKEY_WRITE, ROCE_ACCESS_WRITE, VA, { writable, REGION } };
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

struct reth {
	uint32_t rkey;
	uint64_t va;
	uint32_t length;
};

static void give_reth(enum roce_operation operation, uint32_t n, struct reth reth,
		      const uint8_t *payload, uint32_t len)
{
	struct roce_packet packet = { .operation = (uint8_t)operation,
				      .psn = psn(n),
				      .rkey = reth.rkey,
				      .va = reth.va,
				      .length = reth.length,
				      .imm = 0x1234,
				      .ack_request = true };

	end_give(end, &packet, payload, len);
}

static void give(enum roce_operation operation, uint32_t n, const uint8_t *payload, uint32_t len)
{
	give_reth(operation, n, (struct reth){ 0 }, payload, len);
}

static void read(uint32_t n, uint32_t rkey, uint64_t va, uint32_t length)
{
	give_reth(ROCE_READ_REQUEST, n, (struct reth){ rkey, va, length }, NULL, 0);
}

static struct roce_packet expect(enum roce_operation operation, uint32_t n)
{
	struct roce_packet packet;

	assert_true(end_take(end, &packet, NULL));
	assert_int_equal(packet.operation, operation);
	assert_int_equal(packet.psn, psn(n));
	assert_int_equal(packet.dest_qpn, 0x101);
	return packet;
}

static void expect_nothing(void)
{
	struct roce_packet packet;

	assert_false(end_take(end, &packet, NULL));
}

static void expect_answer(uint8_t syndrome, uint32_t n)
{
	const struct roce_packet packet = expect(ROCE_ACK, n);

	assert_int_equal(packet.syndrome, syndrome);
	expect_nothing();
}

static void expect_response(enum roce_operation operation, uint32_t n, const uint8_t *from,
			    uint32_t len)
{
	struct roce_packet packet;
	uint8_t frame[FRAME_MAX];

	assert_true(end_take(end, &packet, frame));
	assert_int_equal(packet.operation, operation);
	assert_int_equal(packet.psn, psn(n));
	assert_int_equal(packet.payload_len, len);
	assert_memory_equal(frame + packet.payload_off, from, len);
	if (operation != ROCE_READ_MIDDLE)
		assert_int_equal(packet.syndrome, ROCE_SYNDROME_ACK);
}

/* The queue pair has refused, and fails */
static void expect_refused(uint8_t syndrome, uint32_t n, enum roce_status status)
{
	static const uint8_t zeros[REGION];

	expect_answer(syndrome, n);
	assert_int_equal(end->fatal_count, 1);
	assert_int_equal(end->fatal, status);
	assert_int_equal(roce_qp_state(end->qp), ROCE_ERROR);
	assert_memory_equal(writable, zeros, REGION);
}

static void acks_are_coalesced(void **state)
{
	struct roce_packet packet;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		end_post_receive(end, (struct memory){ entries + i * 100, 100 });
		give(ROCE_SEND_ONLY, i, data + i * 10, 10);
	}
	packet = expect(ROCE_ACK, 2);
	assert_int_equal(packet.syndrome, ROCE_SYNDROME_ACK);
	assert_int_equal(packet.msn, 3);
	expect_nothing();
	assert_int_equal(end->received_count, 3);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(end->received[i].length, 10);
		assert_int_equal(end->received[i].psn, psn(i));
		assert_memory_equal(entries + i * 100, data + i * 10, 10);
	}
}

static void a_message_of_several_packets_fills_one_entry(void **state)
{
	(void)state;
	end_post_receive(end, (struct memory){ entries, 1000 });
	give(ROCE_SEND_FIRST, 0, data, MTU);
	give(ROCE_SEND_MIDDLE, 1, data + MTU, MTU);
	assert_int_equal(end->received_count, 0);
	give(ROCE_SEND_LAST_IMM, 2, data + 2 * MTU, 7);
	assert_int_equal(end->received_count, 1);
	assert_int_equal(end->received[0].opcode, ROCE_OP_SEND_IMM);
	assert_int_equal(end->received[0].imm, 0x1234);
	assert_int_equal(end->received[0].length, 2 * MTU + 7);
	assert_memory_equal(entries, data, 2 * MTU + 7);
	expect_answer(ROCE_SYNDROME_ACK, 2);
}

static void a_write_reaches_what_its_key_allows(void **state)
{
	(void)state;
	give_reth(ROCE_WRITE_FIRST, 0, (struct reth){ RKEY_WRITE, VA + 5, MTU + 3 }, data, MTU);
	give(ROCE_WRITE_LAST, 1, data + MTU, 3);
	give_reth(ROCE_WRITE_ONLY, 2, (struct reth){ RKEY_WRITE, VA + REGION - 4, 4 }, data, 4);
	give_reth(ROCE_WRITE_ONLY, 3, (struct reth){ 0, 0, 0 }, NULL, 0); /* needs no key */
	expect_answer(ROCE_SYNDROME_ACK, 3);
	assert_memory_equal(writable + 5, data, MTU + 3);
	assert_memory_equal(writable + REGION - 4, data, 4);
	end_post_receive(end, (struct memory){ entries, 0 });
	give_reth(ROCE_WRITE_ONLY_IMM, 4, (struct reth){ RKEY_WRITE, VA, 4 }, data, 4);
	assert_int_equal(end->received_count, 1);
	assert_int_equal(end->received[0].opcode, ROCE_OP_WRITE_IMM);
	assert_int_equal(end->received[0].length, 4);
	expect_answer(ROCE_SYNDROME_ACK, 4);
}

static void a_gap_is_reported_once(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		end_post_receive(end, (struct memory){ entries, 100 });
	give(ROCE_SEND_ONLY, 0, data, 1);
	give(ROCE_SEND_ONLY, 2, data, 1);
	give(ROCE_SEND_ONLY, 3, data, 1);
	expect_answer(ROCE_NAK_SEQUENCE, 1);
	give(ROCE_SEND_ONLY, 3, data, 1);
	expect_nothing();
	give(ROCE_SEND_ONLY, 1, data, 1);
	expect_answer(ROCE_SYNDROME_ACK, 1);
	give(ROCE_SEND_ONLY, 3, data, 1);
	expect_answer(ROCE_NAK_SEQUENCE, 2);
	assert_int_equal(end->received_count, 2);
}

/* What came too early was dropped: asked for at once, as soon as what it waited for is there */
static void packets_that_change_places_cost_no_timeout(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		end_post_receive(end, (struct memory){ entries, 100 });
	give(ROCE_SEND_ONLY, 1, data, 1);
	give(ROCE_SEND_ONLY, 0, data, 1);
	expect_answer(ROCE_NAK_SEQUENCE, 1);
	give(ROCE_SEND_ONLY, 1, data, 1);
	expect_answer(ROCE_SYNDROME_ACK, 1);
	/* All of it has come before there was a turn to complain */
	end_post_receive(end, (struct memory){ entries, 100 });
	end_post_receive(end, (struct memory){ entries, 100 });
	give(ROCE_SEND_ONLY, 3, data, 1);
	give(ROCE_SEND_ONLY, 2, data, 1);
	give(ROCE_SEND_ONLY, 3, data, 1);
	expect_answer(ROCE_SYNDROME_ACK, 3);
	/* The next gap is another one */
	give(ROCE_SEND_ONLY, 5, data, 1);
	expect_answer(ROCE_NAK_SEQUENCE, 4);
}

static void duplicates_are_acknowledged_and_not_executed(void **state)
{
	(void)state;
	end_post_receive(end, (struct memory){ entries, 100 });
	end_post_receive(end, (struct memory){ entries + 100, 100 });
	give(ROCE_SEND_ONLY, 0, data, 10);
	give_reth(ROCE_WRITE_ONLY, 1, (struct reth){ RKEY_WRITE, VA, 4 }, data, 4);
	expect_answer(ROCE_SYNDROME_ACK, 1);
	memset(writable, 0xee, 4);
	give(ROCE_SEND_ONLY, 0, data + 50, 10);
	expect_answer(ROCE_SYNDROME_ACK, 1);
	give_reth(ROCE_WRITE_ONLY, 1, (struct reth){ RKEY_WRITE, VA, 4 }, data, 4);
	expect_answer(ROCE_SYNDROME_ACK, 1);
	assert_int_equal(end->received_count, 1);
	assert_memory_equal(writable, "\xee\xee\xee\xee", 4);
	assert_memory_equal(entries, data, 10);
	assert_int_equal(entries[100], 0);
}

static void without_an_entry_it_is_not_ready(void **state)
{
	(void)state;
	give(ROCE_SEND_ONLY, 0, data, 10);
	expect_answer(ROCE_SYNDROME_RNR | 1, 0);
	give(ROCE_SEND_ONLY, 1, data, 10); /* sent before that arrived */
	expect_nothing();
	give(ROCE_SEND_ONLY, 0, data, 10);
	expect_answer(ROCE_SYNDROME_RNR | 1, 0);
	end_post_receive(end, (struct memory){ entries, 100 });
	give(ROCE_SEND_ONLY, 0, data, 10);
	expect_answer(ROCE_SYNDROME_ACK, 0);
	/* A WRITE with immediate needs it at its end */
	give_reth(ROCE_WRITE_FIRST, 1, (struct reth){ RKEY_WRITE, VA, MTU + 4 }, data, MTU);
	give(ROCE_WRITE_LAST_IMM, 2, data + MTU, 4);
	expect_answer(ROCE_SYNDROME_RNR | 1, 2);
	assert_int_equal(writable[MTU], 0);
	end_post_receive(end, (struct memory){ entries, 0 });
	give(ROCE_WRITE_LAST_IMM, 2, data + MTU, 4);
	expect_answer(ROCE_SYNDROME_ACK, 2);
	assert_memory_equal(writable, data, MTU + 4);
	assert_int_equal(end->received[1].length, MTU + 4);
	assert_int_equal(roce_qp_counters(end->qp)->responder_rnr_naks, 3);
}

static void a_key_allows_no_more_than_it_says(void **state)
{
	static const struct {
		enum roce_operation operation;
		struct reth reth;
		uint32_t len;
	} tries[] = {
		{ ROCE_WRITE_ONLY, { 0x99, VA, 4 }, 4 },           /* no such key */
		{ ROCE_WRITE_ONLY, { RKEY_READ, VA, 4 }, 4 },      /* another right */
		{ ROCE_WRITE_ONLY, { RKEY_WRITE, VA - 1, 4 }, 4 }, /* before it */
		{ ROCE_WRITE_ONLY, { RKEY_WRITE, VA + REGION - 3, 4 }, 4 },
		{ ROCE_WRITE_ONLY, { RKEY_WRITE, UINT64_MAX - 1, 4 }, 4 },   /* wraps */
		{ ROCE_WRITE_FIRST, { RKEY_WRITE, VA + MTU, REGION }, MTU }, /* later packets */
		{ ROCE_READ_REQUEST, { RKEY_WRITE, VA, 4 }, 0 },
		{ ROCE_READ_REQUEST, { RKEY_READ, VA + 1, REGION }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		teardown(NULL);
		setup(NULL);
		give_reth(tries[i].operation, 0, tries[i].reth, data, tries[i].len);
		expect_refused(ROCE_NAK_REMOTE_ACCESS, 0, ROCE_REMOTE_ACCESS);
	}
}

static void a_queue_pair_allows_no_more_than_it_says(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct roce_attributes attributes;

		teardown(NULL);
		setup(NULL);
		attributes = pair_attributes(pair, 0, MTU);
		attributes.access = i ? ROCE_ACCESS_READ : ROCE_ACCESS_WRITE;
		end_modify(end, ROCE_RTS, &attributes);
		give_reth(i ? ROCE_WRITE_ONLY : ROCE_READ_REQUEST, 0,
			  (struct reth){ i ? RKEY_WRITE : RKEY_READ, VA, 4 }, data, i ? 4 : 0);
		/* An operation that is not supported (IBA table 60), as rxe answers */
		expect_refused(ROCE_NAK_INVALID_REQUEST, 0, ROCE_REMOTE_INVALID);
	}
}

static void requests_that_make_no_sense_are_invalid(void **state)
{
	static const struct {
		enum roce_operation operation;
		struct reth reth;
		uint32_t len;
	} tries[] = {
		{ ROCE_SEND_MIDDLE, { 0 }, MTU },
		{ ROCE_SEND_LAST, { 0 }, 4 },
		{ ROCE_WRITE_MIDDLE, { 0 }, MTU },
		{ ROCE_WRITE_LAST_IMM, { 0 }, 4 },
		{ ROCE_SEND_FIRST, { 0 }, MTU - 4 },
		{ ROCE_SEND_ONLY, { 0 }, MTU + 4 },
		{ ROCE_WRITE_ONLY, { RKEY_WRITE, VA, 8 }, 4 },
		{ ROCE_WRITE_ONLY, { RKEY_WRITE, VA, 4 }, 8 },
		{ ROCE_WRITE_FIRST, { RKEY_WRITE, VA, MTU }, MTU },
		{ ROCE_WRITE_FIRST, { RKEY_WRITE, VA, 0x80000001 }, MTU },
		{ ROCE_READ_REQUEST, { RKEY_READ, VA, 0x80000001 }, 0 },
		{ ROCE_COMPARE_SWAP, { 0 }, 0 },
		{ ROCE_FETCH_ADD, { 0 }, 0 },
		{ ROCE_SEND_ONLY_INVALIDATE, { 0 }, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		teardown(NULL);
		setup(NULL);
		end_post_receive(end, (struct memory){ entries, 1000 });
		give_reth(tries[i].operation, 0, tries[i].reth, data, tries[i].len);
		expect_refused(ROCE_NAK_INVALID_REQUEST, 0, ROCE_REMOTE_INVALID);
		assert_int_equal(end->received_count, 0);
	}
}

static void messages_do_not_mix(void **state)
{
	static const struct {
		enum roce_operation operation;
		uint32_t len;
	} tries[] = { { ROCE_SEND_MIDDLE, MTU }, { ROCE_SEND_ONLY, 4 },
		      { ROCE_WRITE_FIRST, MTU }, { ROCE_WRITE_LAST, 5 },
		      { ROCE_WRITE_LAST, 0 },    { ROCE_WRITE_MIDDLE, MTU },
		      { ROCE_READ_REQUEST, 0 },  { ROCE_WRITE_LAST, MTU } };

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		teardown(NULL);
		setup(NULL);
		end_post_receive(end, (struct memory){ entries, 1000 });
		give_reth(ROCE_WRITE_FIRST, 0, (struct reth){ RKEY_WRITE, VA, MTU + 4 }, data, MTU);
		memset(writable, 0, MTU);
		give_reth(tries[i].operation, 1, (struct reth){ RKEY_WRITE, VA, MTU + 4 }, data,
			  tries[i].len);
		expect_refused(ROCE_NAK_INVALID_REQUEST, 1, ROCE_REMOTE_INVALID);
	}
}

static void an_entry_that_is_too_short_fails(void **state)
{
	(void)state;
	end_post_receive(end, (struct memory){ entries, MTU + 10 });
	give(ROCE_SEND_FIRST, 0, data, MTU);
	give(ROCE_SEND_LAST, 1, data, 11);
	assert_int_equal(end->received_count, 1);
	assert_int_equal(end->received[0].status, ROCE_LOCAL_LENGTH);
	expect_refused(ROCE_NAK_INVALID_REQUEST, 1, ROCE_LOCAL_LENGTH);
	assert_int_equal(entries[MTU], 0);
}

static void an_entry_that_makes_no_sense_fails(void **state)
{
	(void)state;
	end->bad_entry = true;
	give(ROCE_SEND_ONLY, 0, data, 4);
	expect_refused(ROCE_NAK_OPERATIONAL, 0, ROCE_LOCAL_QP_OPERATION);
}

static void a_read_is_answered(void **state)
{
	(void)state;
	read(0, RKEY_READ, VA + 3, 2 * MTU + 5);
	read(3, RKEY_READ, VA, MTU);
	read(4, 0, 0, 0);
	expect_response(ROCE_READ_FIRST, 0, readable + 3, MTU);
	expect_response(ROCE_READ_MIDDLE, 1, readable + 3 + MTU, MTU);
	expect_response(ROCE_READ_LAST, 2, readable + 3 + 2 * MTU, 5);
	expect_response(ROCE_READ_ONLY, 3, readable, MTU);
	expect_response(ROCE_READ_ONLY, 4, readable, 0);
	expect_nothing();
}

static void an_ack_waits_for_reads_before_it(void **state)
{
	(void)state;
	read(0, RKEY_READ, VA, 2 * MTU);
	give_reth(ROCE_WRITE_ONLY, 2, (struct reth){ RKEY_WRITE, VA, 4 }, data, 4);
	expect_response(ROCE_READ_FIRST, 0, readable, MTU);
	expect_response(ROCE_READ_LAST, 1, readable + MTU, MTU);
	expect_answer(ROCE_SYNDROME_ACK, 2);
}

static void a_read_that_is_repeated_is_answered_anew(void **state)
{
	struct roce_packet packet;

	(void)state;
	read(0, RKEY_READ, VA, 3 * MTU);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(end_take(end, &packet, NULL));
	readable[MTU] ^= 0xff; /* as it is now */
	read(1, RKEY_READ, VA + MTU, 2 * MTU);
	expect_response(ROCE_READ_FIRST, 1, readable + MTU, MTU);
	expect_response(ROCE_READ_LAST, 2, readable + 2 * MTU, MTU);
	expect_nothing();
	/* Twice before it is answered: answered once */
	read(0, RKEY_READ, VA, 3 * MTU);
	read(1, RKEY_READ, VA + MTU, 2 * MTU);
	expect_response(ROCE_READ_FIRST, 1, readable + MTU, MTU);
	expect_response(ROCE_READ_LAST, 2, readable + 2 * MTU, MTU);
	expect_nothing();
	/* More than there was, or what the key does not allow: no answer, no harm */
	read(0, RKEY_READ, VA, 3 * MTU + 1);
	read(0, RKEY_READ, VA, 0x80000000);
	read(0, RKEY_WRITE, VA, MTU);
	expect_nothing();
	assert_int_equal(end->fatal_count, 0);
	assert_int_equal(roce_qp_counters(end->qp)->responder_duplicates, 6);
}

static void reads_beyond_the_limit_are_invalid(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 5; i++) /* reads_in is 4 */
		read(i, RKEY_READ, VA + i, 1);
	for (uint32_t i = 0; i < 4; i++)
		expect_response(ROCE_READ_ONLY, i, readable + i, 1);
	expect_refused(ROCE_NAK_INVALID_REQUEST, 4, ROCE_REMOTE_INVALID);
	assert_int_equal(roce_qp_counters(end->qp)->responder_invalid_reads, 1);
}

static void a_key_that_goes_stops_a_read(void **state)
{
	(void)state;
	read(0, RKEY_READ, VA, 64 * MTU);
	while (pair->wire.count < 3) /* a small budget: a packet or two at a time */
		assert_true(roce_qp_run(end->qp, pair->wire.now, 1));
	end->regions[0].rkey = 0;
	expect_response(ROCE_READ_FIRST, 0, readable, MTU);
	expect_response(ROCE_READ_MIDDLE, 1, readable + MTU, MTU);
	expect_response(ROCE_READ_MIDDLE, 2, readable + 2 * MTU, MTU);
	expect_refused(ROCE_NAK_REMOTE_ACCESS, 3, ROCE_REMOTE_ACCESS);
}

static void a_key_that_goes_stops_a_write(void **state)
{
	(void)state;
	give_reth(ROCE_WRITE_FIRST, 0, (struct reth){ RKEY_WRITE, VA, 2 * MTU }, data, MTU);
	end->regions[1].rkey = 0;
	memset(writable, 0, MTU);
	give(ROCE_WRITE_LAST, 1, data, MTU);
	expect_refused(ROCE_NAK_REMOTE_ACCESS, 1, ROCE_REMOTE_ACCESS);
}

static void a_long_read_takes_several_turns(void **state)
{
	unsigned int turns = 0, packets = 0;
	struct roce_packet packet;

	(void)state;
	read(0, RKEY_READ, VA, 200 * MTU);
	while (roce_qp_wants_run(end->qp)) {
		const uint32_t before = pair->wire.count;

		roce_qp_run(end->qp, pair->wire.now, 2000);
		assert_true(pair->wire.count - before <= 2000 / 120);
		turns++;
	}
	while (end_take(end, &packet, NULL))
		packets++;
	assert_int_equal(packets, 200);
	assert_true(turns >= 10);
}

static void a_long_read_does_not_keep_from_sending(void **state)
{
	struct roce_request request = { .opcode = ROCE_OP_SEND, .length = 4 };
	struct roce_packet packet;
	unsigned int before = 0;

	(void)state;
	read(0, RKEY_READ, VA, 200 * MTU);
	end_post(end, &request, (struct memory){ data, 4 });
	roce_qp_run(end->qp, pair->wire.now, 2000);
	end->is_full = true; /* end_take() runs it again: only what has been sent is looked at */
	while (end_take(end, &packet, NULL) && packet.operation != ROCE_SEND_ONLY)
		before++;
	assert_int_equal(packet.operation, ROCE_SEND_ONLY);
	assert_range(before, 1, 20);
}

/* Another partition: a key of 15 bits that is not the default one */
static void another_partition_is_not_heard(void **state)
{
	struct roce_packet packet = { .operation = ROCE_SEND_ONLY, .psn = FIRST };
	uint8_t trailer[ROCE_TRAILER_MAX];
	struct roce_attributes attributes = pair_attributes(pair, 1, MTU);
	struct iovec iov[2];

	(void)state;
	end_post_receive(end, (struct memory){ entries, 100 });
	packet.pkey = 0x8001;
	roce_build(&packet, &attributes.address);
	iov[0] = (struct iovec){ packet.headers, packet.payload_off };
	iov[1] = (struct iovec){ trailer, roce_trailer(&packet, NULL, 0, trailer) };
	assert_int_equal(roce_parse(&packet, iov, 2, iov[0].iov_len + iov[1].iov_len), 0);
	roce_qp_receive(end->qp, pair->wire.now, &packet, iov, 2);
	assert_int_equal(end->received_count, 0);
	packet.pkey = 0x7fff; /* a limited member of the default one */
	roce_qp_receive(end->qp, pair->wire.now, &packet, iov, 2);
	assert_int_equal(end->received_count, 1);
}

static void strangers_are_not_heard(void **state)
{
	struct roce_attributes attributes = pair_attributes(pair, 0, MTU);

	(void)state;
	/* From another address than the peer's: the peer moves, as seen from here */
	attributes.address.dst_ip[3] ^= 1;
	end_modify(end, ROCE_RESET, NULL);
	end_modify(end, ROCE_INIT, &attributes);
	give(ROCE_SEND_ONLY, 0, data, 4);
	end_modify(end, ROCE_RTR, &attributes);
	end_post_receive(end, (struct memory){ entries, 100 });
	give(ROCE_SEND_ONLY, 0, data, 4);
	give(ROCE_SEND_ONLY, 9, data, 4);
	expect_nothing();
	assert_int_equal(end->received_count, 0);
	assert_int_equal(roce_qp_counters(end->qp)->rx_dropped, 3);
}

static void a_failed_queue_pair_returns_its_entry(void **state)
{
	(void)state;
	end_post_receive(end, (struct memory){ entries, 1000 });
	give(ROCE_SEND_FIRST, 0, data, MTU);
	end_modify(end, ROCE_ERROR, NULL);
	assert_int_equal(end->received_count, 0);
	give(ROCE_SEND_LAST, 1, data, 4);
	expect_nothing();
	assert_int_equal(end->received_count, 1);
	assert_int_equal(end->received[0].status, ROCE_FLUSHED);
	assert_int_equal(end->fatal_count, 0); /* it was asked for */
}

static void answers_wait_for_an_owner_that_takes_nothing(void **state)
{
	(void)state;
	end_post_receive(end, (struct memory){ entries, 100 });
	give(ROCE_SEND_ONLY, 0, data, 4);
	read(1, RKEY_READ, VA, 2 * MTU);
	give_reth(ROCE_WRITE_ONLY, 3, (struct reth){ 0x99, VA, 4 }, data, 4);
	end->is_full = true;
	assert_true(roce_qp_run(end->qp, pair->wire.now, RUN_BUDGET));
	assert_true(roce_qp_run(end->qp, pair->wire.now, RUN_BUDGET));
	end->is_full = false;
	expect_response(ROCE_READ_FIRST, 1, readable, MTU);
	expect_response(ROCE_READ_LAST, 2, readable + MTU, MTU);
	expect_refused(ROCE_NAK_REMOTE_ACCESS, 3, ROCE_REMOTE_ACCESS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(acks_are_coalesced),
		TEST(a_message_of_several_packets_fills_one_entry),
		TEST(a_write_reaches_what_its_key_allows),
		TEST(a_gap_is_reported_once),
		TEST(packets_that_change_places_cost_no_timeout),
		TEST(duplicates_are_acknowledged_and_not_executed),
		TEST(without_an_entry_it_is_not_ready),
		TEST(a_key_allows_no_more_than_it_says),
		TEST(a_queue_pair_allows_no_more_than_it_says),
		TEST(requests_that_make_no_sense_are_invalid),
		TEST(messages_do_not_mix),
		TEST(an_entry_that_is_too_short_fails),
		TEST(an_entry_that_makes_no_sense_fails),
		TEST(a_read_is_answered),
		TEST(an_ack_waits_for_reads_before_it),
		TEST(a_read_that_is_repeated_is_answered_anew),
		TEST(reads_beyond_the_limit_are_invalid),
		TEST(a_key_that_goes_stops_a_read),
		TEST(a_key_that_goes_stops_a_write),
		TEST(a_long_read_takes_several_turns),
		TEST(a_long_read_does_not_keep_from_sending),
		TEST(another_partition_is_not_heard),
		TEST(strangers_are_not_heard),
		TEST(a_failed_queue_pair_returns_its_entry),
		TEST(answers_wait_for_an_owner_that_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
