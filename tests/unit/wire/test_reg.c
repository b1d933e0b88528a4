/* SPDX-License-Identifier: BSD-3-Clause */
/* Registers and the shared-memory channel, against bytes worked out by hand from the layout */
#include "check.h"

#include "wire/reg.h"

/* An ESTABLISH_HWC request whose four addresses have different bits in every part */
static void establish_bytes(void **state)
{
	struct smc_message msg;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	/* page frame numbers: EQ 0xa_1122_3344_5566, CQ 0x5_0000_0000_0001, RQ 0, SQ all ones */
	smc_message_set_address(&msg, SMC_QUEUE_EQ, 0xa112233445566000u);
	smc_message_set_address(&msg, SMC_QUEUE_CQ, 0x5000000000001000u);
	smc_message_set_address(&msg, SMC_QUEUE_RQ, 0);
	smc_message_set_address(&msg, SMC_QUEUE_SQ, 0xfffffffffffff000u);
	msg.msix = 0x1234;
	msg.header.msg_type = SMC_ESTABLISH_HWC;
	msg.header.reset_vf = 1;

	check_bytes(msg, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* EQ */
		    0x01, 0x00, 0x00, 0x00, 0x00, 0x00,      /* CQ */
		    0x00, 0x00, 0x00, 0x00, 0x00, 0x00,      /* RQ */
		    0xff, 0xff, 0xff, 0xff, 0xff, 0xff,      /* SQ */
		    0x5a, 0xf0,                              /* high bits: CQ EQ, SQ RQ */
		    0x34, 0x12,                              /* vector */
		    0x01, 0x00, 0x00, 0x01);                 /* type 1, reset_vf */
}

/* Every address is returned unchanged, whichever others are in the message */
static void addresses_round_trip(void **state)
{
	static const uint64_t addresses[] = {
		0,
		0x1000,
		0x7ffffffff000,
		0x0000800000000000,
		0xf000000000000000,
		0x123456789abcd000,
		0xfffffffffffff000,
	};
	const size_t count = sizeof(addresses) / sizeof(addresses[0]);
	struct smc_message msg;

	(void)state;
	memset(&msg, 0xff, sizeof(msg));
	for (size_t i = 0; i < count * count; i++) {
		uint64_t want[4] = {
			addresses[i % count],
			addresses[i / count],
			addresses[(i + 3) % count],
			addresses[(i + 5) % count],
		};

		for (unsigned int q = 0; q < 4; q++)
			smc_message_set_address(&msg, (enum smc_queue)q, want[q]);
		for (unsigned int q = 0; q < 4; q++)
			assert_int_equal(smc_message_address(&msg, (enum smc_queue)q), want[q]);
	}
	assert_int_equal(msg.msix, 0xffff);
	assert_int_equal(msg.header.word, 0xffffffff);
}

static void header_bits(void **state)
{
	union smc_header h = { .word = 0 };

	(void)state;
	h.msg_type = 7;
	assert_int_equal(h.word, 0x00000007);
	h.msg_version = 5;
	assert_int_equal(h.word, 0x0000002f);
	h.response = 1;
	assert_int_equal(h.word, 0x000000af);
	h.status = 0xc3;
	assert_int_equal(h.word, 0x0000c3af);
	h.reset_vf = 1;
	assert_int_equal(h.word, 0x0100c3af);
	h.owner_is_pf = 1;
	assert_int_equal(h.word, 0x8100c3af);
}

/*
 * What a driver checks in an answer: bit 31 clear, the type it sent, a version not above its own,
 * the direction, status 0. The request's other bits must not leak into it.
 */
static void answers(void **state)
{
	union smc_header request = { .word = 0xffffffff };
	union smc_header answer;

	(void)state;
	request.msg_type = SMC_DESTROY_HWC;
	answer = smc_header_answer(request, SMC_DESTROY_HWC_VERSION, SMC_STATUS_SUCCESS);
	assert_int_equal(answer.word, 0x00000082);

	request.msg_type = SMC_ESTABLISH_HWC;
	answer = smc_header_answer(request, SMC_ESTABLISH_HWC_VERSION, SMC_STATUS_FAILURE);
	assert_int_equal(answer.word, 0x00000181);
	assert_int_not_equal(answer.word, SMC_RESET_VALUE);
}

/* The constants and the structure name the same places */
static void registers(void **state)
{
	struct mana_vf_regs regs;

	(void)state;
	assert_int_equal(offsetof(struct mana_vf_regs, db_page_offset), MANA_VF_REG_DB_PAGE_OFFSET);
	assert_int_equal(offsetof(struct mana_vf_regs, db_page_size), MANA_VF_REG_DB_PAGE_SIZE);
	assert_int_equal(offsetof(struct mana_vf_regs, shm_offset), MANA_VF_REG_SHM_OFFSET);

	memset(&regs, 0, sizeof(regs));
	regs.version_major = 1;
	regs.version_minor = 2;
	regs.version_micro = 0x0304;
	regs.db_page_offset = 0x10000;
	regs.db_page_size = 0x1000;
	regs.shm_offset = 0x8000;
	regs.shm_size = 0x20;
	check_bytes(regs, 0x04, 0x03, 0x02, 0x01, 0, 0, 0, 0, /* version */
		    0x00, 0x00, 0x01, 0, 0, 0, 0, 0,          /* doorbell pages */
		    0x00, 0x10, 0, 0, 0, 0, 0, 0,             /* their size */
		    0x00, 0x80, 0, 0, 0, 0, 0, 0,             /* SMC */
		    0x20, 0, 0, 0, 0, 0, 0, 0);               /* its size */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(establish_bytes), cmocka_unit_test(addresses_round_trip),
		cmocka_unit_test(header_bits),     cmocka_unit_test(answers),
		cmocka_unit_test(registers),
	};

	return cmocka_run_group_tests_name("wire/reg", tests, NULL, NULL);
}
