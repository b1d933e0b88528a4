/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hot path on completions that no adapter should write: the driver reads a bounded number of
 * them, frees nothing twice, and stops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "driver/channel.h"
#include "driver/queue.h"

#define UNITS 128u

/** struct rings - a send and a receive queue on plain memory; @next: completions written */
static struct rings {
	struct driver_unit units[UNITS];
	struct gdma_cqe cqes[UNITS];
	struct driver_signal signals[UNITS];
	struct driver_txq txq;
	struct driver_rxq rxq;
	uint32_t next;
} rings;

static int setup(void **state)
{
	(void)state;
	memset(&rings, 0, sizeof(rings));
	wq_init(&rings.txq.wq, rings.units, sizeof(rings.units), GDMA_DB_SQ, 1);
	cq_init(&rings.txq.cq, rings.cqes, sizeof(rings.cqes), 2);
	rings.txq.signals = rings.signals;
	wq_init(&rings.rxq.wq, rings.units, sizeof(rings.units), GDMA_DB_RQ, 1);
	cq_init(&rings.rxq.cq, rings.cqes, sizeof(rings.cqes), 2);
	return 0;
}

/** complete() - write @n completions of a type, one after the other */
static void complete(unsigned int n, uint32_t type, uint32_t offset)
{
	while (n--) {
		uint32_t index = UNITS + rings.next++;
		struct gdma_cqe cqe = { .data = { type } };

		((struct mana_tx_comp_oob *)&cqe)->tx_wqe_offset = offset & 0x7ffffff;
		cqe.owner_bits = gdma_owner_bits(index, UNITS) & 7u;
		rings.cqes[index % UNITS] = cqe;
	}
}

/** send() - write @n entries of one unit; the last one requests a completion */
static void send(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		driver_tx_one(&rings.txq, i + 1 < n ? DRIVER_TX_SUPPRESS : 0, 0x1000, 1, 64);
}

static void test_reads_no_more_than_was_sent(void **state)
{
	const struct driver_txq *txq = &rings.txq;

	(void)state;
	send(5);
	/* Of entries before the one that requested a completion, so each of them leaves the head. */
	complete(UNITS, MANA_CQE_TX_SA_DROP, 0);
	for (unsigned int i = 1; i < 10; i++) {
		assert_int_equal(driver_txq_reap(&rings.txq, UINT32_MAX), 0);
		assert_int_equal(txq->cq.index, UNITS + 5 * i);
		assert_int_equal(driver_wq_used(&txq->wq), 5);
	}
	assert_false(txq->cq.broken);
}

static void test_nothing_sent(void **state)
{
	(void)state;
	complete(3, MANA_CQE_TX_OKAY, 0);
	assert_int_equal(driver_txq_reap(&rings.txq, UINT32_MAX), 0);
	assert_int_equal(rings.txq.wq.head, rings.txq.wq.tail);
	assert_int_equal(rings.txq.cq.index, UNITS);
}

static void test_completed_twice(void **state)
{
	(void)state;
	send(4);
	send(4);
	send(4);
	complete(3, MANA_CQE_TX_OKAY, 0);
	assert_int_equal(driver_txq_reap(&rings.txq, UINT32_MAX), 12);
	send(4);
	complete(2, MANA_CQE_TX_OKAY, 0);
	assert_int_equal(driver_txq_reap(&rings.txq, UINT32_MAX), 4);
	assert_true(rings.txq.cq.broken);
	assert_int_equal(rings.txq.wq.head, rings.txq.wq.tail);
	send(4);
	complete(1, MANA_CQE_TX_OKAY, 0);
	assert_int_equal(driver_txq_reap(&rings.txq, UINT32_MAX), 0);
}

/** test_any_offset() - a failed entry's offset decides only whether a burst is done */
static void test_any_offset(void **state)
{
	(void)state;
	for (uint32_t offset = 0; offset < 3 * UNITS; offset++) {
		setup(NULL);
		send(4);
		send(4);
		complete(1, MANA_CQE_TX_GDMA_ERR, offset < 2 * UNITS ? offset : offset << 17);
		driver_txq_reap(&rings.txq, UINT32_MAX);
		assert_true(rings.txq.wq.head == 0 || rings.txq.wq.head == 4);
		assert_int_equal(rings.txq.wq.head == 0,
				 (offset < 2 * UNITS ? offset : offset << 17) % UNITS < 3);
		complete(2, MANA_CQE_TX_OKAY, offset);
		driver_txq_reap(&rings.txq, UINT32_MAX);
		assert_true(rings.txq.wq.head <= rings.txq.wq.tail);
	}
}

static void test_any_type(void **state)
{
	(void)state;
	for (uint32_t type = 0; type < 64; type++) {
		setup(NULL);
		send(2);
		complete(1, type, 1);
		assert_int_equal(driver_txq_reap(&rings.txq, UINT32_MAX),
				 type < MANA_CQE_TX_OKAY ? 0 : 2);
		assert_int_equal(rings.txq.cq.broken, type < MANA_CQE_TX_OKAY);
	}
}

/** test_overwritten() - completions of a later lap: some were lost */
static void test_overwritten(void **state)
{
	(void)state;
	for (unsigned int laps = 1; laps < 7; laps++) {
		setup(NULL);
		send(2);
		rings.next = laps * UNITS;
		complete(1, MANA_CQE_TX_OKAY, 0);
		assert_int_equal(driver_txq_reap(&rings.txq, UINT32_MAX), 0);
		assert_true(rings.txq.cq.broken);
	}
}

static void test_more_received_than_posted(void **state)
{
	uint32_t slot;

	(void)state;
	for (unsigned int i = 0; i < 6; i++)
		driver_rx_post(&rings.rxq, 0x1000, 1, 64);
	/* Posted is what was committed: what the adapter does not know yet is not filled. */
	rings.rxq.wq.rung = 5;
	assert_true(driver_rxq_take(&rings.rxq, 4, &slot));
	assert_int_equal(slot, 0);
	assert_false(driver_rxq_take(&rings.rxq, 2, &slot));
	assert_true(rings.rxq.cq.broken);
	assert_int_equal(rings.rxq.wq.head, 4);
	complete(1, MANA_CQE_RX_OKAY, 0);
	assert_null(driver_cq_peek(&rings.rxq.cq, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reads_no_more_than_was_sent, setup),
		cmocka_unit_test_setup(test_nothing_sent, setup),
		cmocka_unit_test_setup(test_completed_twice, setup),
		cmocka_unit_test_setup(test_any_offset, setup),
		cmocka_unit_test_setup(test_any_type, setup),
		cmocka_unit_test_setup(test_overwritten, setup),
		cmocka_unit_test_setup(test_more_received_than_posted, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
