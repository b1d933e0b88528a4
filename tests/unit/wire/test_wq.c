/* SPDX-License-Identifier: BSD-3-Clause */
/* Work queues, doorbells, completions and events, and the owner bits over many rounds */
#include "check.h"

#include "wire/wq.h"
#include "../range.h"

/* ---- Work queue entries ---- */

static void wqe_bytes(void **state)
{
	struct gdma_wqe wqe;
	struct gdma_sge sge;

	(void)state;
	/* one packet in one SGE with the short OOB: what most entries look like */
	memset(&wqe, 0, sizeof(wqe));
	wqe.num_sge = 1;
	wqe.inline_oob_size_div4 = GDMA_OOB_SMALL / 4;
	check_bytes(wqe, 0, 0, 0, 0, 0x01, 0x02, 0x00, 0x00);

	/* TSO: headers of 66 bytes first, segments of 1448, the long OOB, 17 SGEs */
	memset(&wqe, 0, sizeof(wqe));
	wqe.num_sge = 17;
	wqe.inline_oob_size_div4 = GDMA_OOB_LARGE / 4;
	wqe.client_oob_in_sgl = 1;
	wqe.last_vbytes = 66;
	wqe.client_data_unit = 1448; /* 0x5a8 */
	check_bytes(wqe, 0, 0, 0, 0x42, 0x11, 0x0e, 0xa8, 0x05);

	/* the bits that Linux reserves */
	memset(&wqe, 0, sizeof(wqe));
	wqe.num_padding_sgls = 0x1f;
	wqe.consume_credit = 1;
	wqe.fence = 1;
	wqe.client_data_unit = 0x2001;
	wqe.check_sn = 1;
	wqe.sgl_direct = 1;
	check_bytes(wqe, 0x1f, 0, 0, 0, 0x00, 0x30, 0x01, 0xe0);

	memset(&sge, 0, sizeof(sge));
	sge.address = 0x1122334455667788;
	sge.mem_key = 0x99aabbcc;
	sge.size = 0x5dc;
	check_bytes(sge, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* address */
		    0xcc, 0xbb, 0xaa, 0x99, 0xdc, 0x05, 0, 0);           /* key, size */
}

/* The word constants agree with the fields of the structures */
static void words_are_fields(void **state)
{
	const struct gdma_sge sge = { .address = 1, .mem_key = 0x89abcdef, .size = 0x81234567 };
	const struct gdma_cqe cqe = { .is_sq = 1 };
	struct gdma_wqe wqe = { .num_sge = 0xa5 };
	union gdma_doorbell bell = { .word = 0 };

	(void)state;
	assert_int_equal(word_at(&sge, 8), GDMA_SGE_WORD(0x89abcdef, 0x81234567));
	assert_int_equal(cqe.info, GDMA_CQE_INFO_IS_SQ);
	assert_int_equal(word_at(&wqe, 0), GDMA_WQE_WORD_SGES(0xa5));
	wqe = (struct gdma_wqe){ .last_vbytes = 0x99 };
	assert_int_equal(word_at(&wqe, 0), GDMA_WQE_WORD_LAST(0x7799));
	wqe = (struct gdma_wqe){ .client_data_unit = 0x2001 };
	assert_int_equal(word_at(&wqe, 0), GDMA_WQE_WORD_DATA_UNIT(0xe001));
	wqe = (struct gdma_wqe){ .client_oob_in_sgl = 1 };
	assert_int_equal(word_at(&wqe, 0), GDMA_WQE_WORD_OOB_IN_SGL);
	wqe = (struct gdma_wqe){ .inline_oob_size_div4 = GDMA_OOB_SMALL / 4 };
	assert_int_equal(word_at(&wqe, 0), GDMA_WQE_WORD_OOB(GDMA_OOB_SMALL));
	wqe = (struct gdma_wqe){ .inline_oob_size_div4 = GDMA_OOB_LARGE / 4 };
	assert_int_equal(word_at(&wqe, 0), GDMA_WQE_WORD_OOB(GDMA_OOB_LARGE));
	wqe = (struct gdma_wqe){ .num_sge = 0xff,
				 .inline_oob_size_div4 = 7,
				 .client_oob_in_sgl = 1 };
	assert_int_equal(word_at(&wqe, 0), GDMA_WQE_WORD_SHAPE_MASK);

	bell.sq.id = 0xabcdef;
	bell.sq.tail = 0x80000020;
	assert_int_equal(bell.word, GDMA_DB_WORD(0xabcdef, 0x80000020));
	bell = (union gdma_doorbell){ .cq = { .id = 1, .tail = GDMA_DB_TAIL_MAX, .arm = 1 } };
	assert_int_equal(bell.word, GDMA_DB_WORD(1, GDMA_DB_TAIL_MAX) | GDMA_DB_WORD_ARM(true));
	bell = (union gdma_doorbell){ .eq = { .id = 1, .tail = GDMA_DB_TAIL_MAX, .arm = 1 } };
	assert_int_equal(bell.word, GDMA_DB_WORD(1, GDMA_DB_TAIL_MAX) | GDMA_DB_WORD_ARM(true));
}

static struct gdma_wqe make_wqe(uint32_t oob_code, uint32_t sges)
{
	struct gdma_wqe wqe;

	memset(&wqe, 0, sizeof(wqe));
	wqe.inline_oob_size_div4 = oob_code & 7u;
	wqe.num_sge = sges & 0xffu;
	return wqe;
}

/* Sizes that the drivers compute: header 8 + OOB + 16 for each SGE, rounded up to 32 */
static void wqe_sizes(void **state)
{
	static const struct {
		uint32_t code, sges, oob, sgl, size;
	} cases[] = {
		{ 2, 1, 8, 16, 32 },    { 2, 2, 8, 16, 64 },     { 2, 3, 8, 16, 64 },
		{ 2, 4, 8, 16, 96 },    { 2, 15, 8, 16, 256 },   { 2, 16, 8, 16, 288 },
		{ 2, 30, 8, 16, 512 },  { 2, 31, 8, 16, 512 },   { 2, 32, 8, 16, 544 },
		{ 6, 1, 24, 32, 64 },   { 6, 2, 24, 32, 64 },    { 6, 3, 24, 32, 96 },
		{ 6, 30, 24, 32, 512 }, { 6, 31, 24, 32, 544 },  { 7, 1, 32, 48, 64 },
		{ 7, 2, 32, 48, 96 },   { 2, 0, 8, 16, 32 },     { 6, 0, 24, 32, 64 },
		{ 0, 1, 8, 16, 32 },    { 2, 255, 8, 16, 4096 }, { 7, 255, 32, 48, 4128 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gdma_wqe wqe = make_wqe(cases[i].code, cases[i].sges);

		assert_int_equal(gdma_wqe_oob_size(&wqe), cases[i].oob);
		assert_int_equal(gdma_wqe_sgl_offset(&wqe), cases[i].sgl);
		assert_int_equal(gdma_wqe_size(&wqe), cases[i].size);
	}
}

/* Whatever 8 bytes a client writes, the sizes stay within their bounds */
static void wqe_sizes_bounded(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < 8; code++) {
		for (uint32_t sges = 0; sges < 256; sges++) {
			struct gdma_wqe wqe = make_wqe(code, sges);
			uint32_t size = gdma_wqe_size(&wqe);

			assert_int_equal(size % GDMA_WQE_UNIT, 0);
			assert_range(size, GDMA_WQE_UNIT, 4128);
			assert_true(gdma_wqe_sgl_offset(&wqe) + 16 * sges <= size);
			assert_int_equal(gdma_wqe_sgl_offset(&wqe) % 16, 0);
		}
	}
}

/* ---- Doorbells ---- */

static void long_doorbells(void **state)
{
	union gdma_doorbell db;

	(void)state;
	db.word = 0;
	db.sq.id = 0xabcdef;
	db.sq.tail = 0xffffffe0;
	assert_true(db.word == 0xffffffe000abcdef);

	db.word = 0;
	db.rq.id = 0x000123;
	db.rq.wqe_cnt = 0x7f;
	db.rq.tail = 0x00004000;
	assert_true(db.word == 0x000040007f000123);

	db.word = 0;
	db.rq_client.id = 0x000456;
	db.rq_client.high = 1;
	db.rq_client.low = 0x00fffffe;
	assert_true(db.word == 0x00fffffe01000456);

	db.word = 0;
	db.cq.id = 0xfffffe;
	db.cq.tail = 0x7fffffff;
	assert_true(db.word == 0x7fffffff00fffffe);
	db.cq.arm = 1;
	assert_true(db.word == 0xffffffff00fffffe);

	db.word = 0;
	db.eq.id = 0xfffe;
	db.eq.tail = 256;
	db.eq.arm = 1;
	assert_true(db.word == 0x800001000000fffe);
	check_bytes(db, 0xfe, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x80);
}

static void short_doorbells(void **state)
{
	union gdma_doorbell_short db;

	(void)state;
	db.word = 0;
	db.sq.tail_inc = 0xffe0;
	db.sq.id = 0xabc;
	assert_int_equal(db.word, 0x0abcffe0);

	db.word = 0;
	db.rq.tail_inc = 32;
	db.rq.id = GDMA_DB_SHORT_ID_MAX;
	assert_int_equal(db.word, 0x0fff0020);

	db.word = 0;
	db.cq.tail_inc = 7;
	db.cq.id = 1;
	db.cq.arm = 1;
	assert_int_equal(db.word, 0x80010007);

	db.word = 0;
	db.eq.tail_inc = GDMA_DB_SHORT_TAIL_INC_MAX;
	db.eq.id = 2;
	db.eq.arm = 1;
	assert_int_equal(db.word, 0x8002ffff);
}

/* No two doorbells overlap, and the last one ends where the page does */
static void doorbell_places(void **state)
{
	static const uint32_t longs[] = { GDMA_DB_SQ, GDMA_DB_RQ, GDMA_DB_RQ_CLIENT, GDMA_DB_CQ,
					  GDMA_DB_EQ };
	static const uint32_t shorts[] = { GDMA_DB_SQ_SHORT, GDMA_DB_RQ_SHORT, GDMA_DB_CQ_SHORT,
					   GDMA_DB_EQ_SHORT };
	uint8_t page[4096];

	(void)state;
	memset(page, 0, sizeof(page));
	for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++) {
		assert_int_equal(longs[i] % 8, 0);
		for (uint32_t b = 0; b < 8; b++)
			assert_int_equal(page[longs[i] + b]++, 0);
	}
	for (size_t i = 0; i < sizeof(shorts) / sizeof(shorts[0]); i++) {
		assert_int_equal(shorts[i] % 4, 0);
		for (uint32_t b = 0; b < 4; b++)
			assert_int_equal(page[shorts[i] + b]++, 0);
	}
	assert_int_equal(page[sizeof(page) - 1], 1);
}

/* ---- Completions and events ---- */

static void cqe_and_eqe_bytes(void **state)
{
	struct gdma_cqe cqe;
	struct gdma_eqe eqe;

	(void)state;
	memset(&cqe, 0, sizeof(cqe));
	cqe.data[0] = 0x01020304;
	cqe.data[14] = 0x05060708;
	cqe.wq_num = 0x112233;
	cqe.is_sq = 1;
	cqe.owner_bits = 5;
	assert_int_equal(cqe.info, 0xa1112233);
	check_bytes_at(cqe, 0, 0x04, 0x03, 0x02, 0x01);
	check_bytes_at(cqe, 56, 0x08, 0x07, 0x06, 0x05, 0x33, 0x22, 0x11, 0xa1);

	memset(&eqe, 0, sizeof(eqe));
	eqe.details[0] = 0x000456;
	eqe.type = GDMA_EQE_COMPLETION;
	eqe.client_id = 2;
	eqe.owner_bits = 7;
	check_bytes(eqe, 0x56, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* details */
		    0x03, 0x00, 0x02, 0xe0);                       /* type, client, owner */
	assert_int_equal(eqe.details[0] & GDMA_EQE_CQ_ID_MASK, 0x456);
}

/* ---- Owner bits ---- */

/*
 * Another way to tell whether an entry is new, as openvmm's driver does it: it counts bytes, not
 * entries, and compares the top three bits of the last byte. Works for powers of two.
 */
static enum gdma_entry_state state_by_bytes(const uint8_t *ring, uint32_t next, uint32_t size,
					    uint32_t entry)
{
	unsigned int shift = (unsigned int)__builtin_ctz(size);
	uint8_t owner = ring[(next + entry - 1) & (size - 1)] >> 5;
	uint8_t current = (uint8_t)(next >> shift);

	if (owner == ((uint8_t)(current - 1) & 7))
		return GDMA_ENTRY_NONE;
	return owner == (current & 7) ? GDMA_ENTRY_NEW : GDMA_ENTRY_OVERFLOW;
}

#define RING_MAX 256u

static struct gdma_eqe ring[RING_MAX];

/* The adapter's side: write the entry at @index, remember in it which one it is */
static void produce(uint32_t index, uint32_t count, uint32_t serial)
{
	struct gdma_eqe *e = &ring[index % count];

	e->details[0] = serial;
	e->info = 0;
	e->owner_bits = gdma_owner_bits(index, count) & 7u;
}

/*
 * Write and read @rounds rounds of a ring of @count in steps of changing length, so that the reader
 * is at every distance from the writer, and check that it sees every entry once, in order, and
 * never one that has not been written.
 */
static void run_ring(uint32_t count, uint32_t rounds)
{
	uint32_t written = count, read = count, serial = 0, expect = 0;
	uint32_t read_unwrapped = count; /* as Linux and DPDK count: not modulo anything */
	uint32_t burst = 1;

	memset(ring, 0, sizeof(ring));
	assert_int_equal(gdma_entry_state(ring[0].info, read, count), GDMA_ENTRY_NONE);

	while (serial < count * rounds) {
		for (uint32_t i = 0; i < burst; i++) {
			produce(written, count, serial++);
			written = gdma_index_next(written, count);
			assert_true(written < count * 8);
		}
		assert_int_equal(gdma_index_distance(written, read, count), burst);

		while (gdma_entry_state(ring[read % count].info, read, count) == GDMA_ENTRY_NEW) {
			const struct gdma_eqe *e = &ring[read % count];

			assert_int_equal(gdma_entry_state(e->info, read_unwrapped, count),
					 GDMA_ENTRY_NEW);
			/* the first pass has owner bits 1, each further one 1 more, modulo 8 */
			assert_int_equal(e->owner_bits, (expect / count + 1) % 8);
			assert_int_equal(e->details[0], expect++);
			read = gdma_index_next(read, count);
			read_unwrapped++;
		}
		assert_int_equal(expect, serial);
		assert_int_equal(read, written);
		assert_int_equal(read, read_unwrapped % (count * 8));
		assert_int_equal(gdma_entry_state(ring[read % count].info, read, count),
				 GDMA_ENTRY_NONE);
		assert_int_equal(gdma_index_distance(written, read_unwrapped, count), 0);
		burst = burst % count + 1;
	}
}

static void owner_bits_rounds(void **state)
{
	(void)state;
	run_ring(256, 40);
	run_ring(64, 40);
	run_ring(1, 40);
	run_ring(2, 40);
	/* net_mana's CQs have as many entries as the application has descriptors */
	run_ring(100, 40);
	run_ring(65, 40);
}

/* Both ways of looking agree at every index of a ring written to any depth */
static void owner_bits_by_bytes(void **state)
{
	const uint32_t count = 64, size = count * GDMA_EQE_SIZE;

	(void)state;
	memset(ring, 0, sizeof(ring));
	for (uint32_t written = count; written < count * 20; written++) {
		for (uint32_t read = written - count; read <= written; read++) {
			if (read < count)
				continue;
			assert_int_equal(gdma_entry_state(ring[read % count].info, read, count),
					 state_by_bytes((const uint8_t *)ring, read * GDMA_EQE_SIZE,
							size, GDMA_EQE_SIZE));
			assert_int_equal(gdma_entry_state(ring[read % count].info, read, count),
					 read < written ? GDMA_ENTRY_NEW : GDMA_ENTRY_NONE);
		}
		produce(written, count, written);
	}
}

/* A writer that wraps around is detected, after up to six rounds */
static void overflow_seen(void **state)
{
	const uint32_t count = 64;

	(void)state;
	for (uint32_t rounds = 1; rounds <= 6; rounds++) {
		uint32_t written = count;

		memset(ring, 0, sizeof(ring));
		for (uint32_t i = 0; i < count * rounds; i++) {
			produce(written, count, i);
			written = gdma_index_next(written, count);
		}
		/* a full ring is not an overflow; one entry more is */
		assert_int_equal(gdma_entry_state(ring[0].info, count, count),
				 rounds == 1 ? GDMA_ENTRY_NEW : GDMA_ENTRY_OVERFLOW);
		produce(written, count, 0);
		assert_int_equal(gdma_entry_state(ring[0].info, count, count), GDMA_ENTRY_OVERFLOW);
	}
}

static void distances(void **state)
{
	(void)state;
	assert_int_equal(gdma_index_distance(64, 64, 64), 0);
	assert_int_equal(gdma_index_distance(65, 64, 64), 1);
	assert_int_equal(gdma_index_distance(0, 511, 64), 1);
	assert_int_equal(gdma_index_distance(63, 511, 64), 64);
	/* a reader that is ahead of the writer is far behind it */
	assert_int_equal(gdma_index_distance(64, 65, 64), 511);
	/* a doorbell can say any 31-bit number */
	assert_int_equal(gdma_index_distance(64, 0x7fffffff, 64), 65);
	assert_int_equal(gdma_index_distance(5, 64 * 8 + 5, 64), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wqe_bytes),         cmocka_unit_test(wqe_sizes),
		cmocka_unit_test(words_are_fields),  cmocka_unit_test(wqe_sizes_bounded),
		cmocka_unit_test(long_doorbells),    cmocka_unit_test(short_doorbells),
		cmocka_unit_test(doorbell_places),   cmocka_unit_test(cqe_and_eqe_bytes),
		cmocka_unit_test(owner_bits_rounds), cmocka_unit_test(owner_bits_by_bytes),
		cmocka_unit_test(overflow_seen),     cmocka_unit_test(distances),
	};

	return cmocka_run_group_tests_name("wire/wq", tests, NULL, NULL);
}
