/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults on demand, as a driver meets them: each is asked for by a rule, happens when the rule says
 * so and no other time, and ends.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"
#include "device/command.h"
#include "device/fault.h"
#include "device/state.h"
#include "../range.h"

static const char *const two_loops[] = { "loop", "loop", NULL };

struct test {
	struct host host;
	struct guest guest;
	struct gnet net;
	unsigned int fds_before;
};

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	test->fds_before = open_both(&test->host, &test->guest, 1, two_loops);
	harness_log();
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

/** rules() - add them */
static void rules(struct test *test, const char *text)
{
	struct error error;

	if (adapter_fault_add(test->host.adapter, text, "test", &error))
		fail_msg("%s", error.text);
}

/** applied() - how often the rule in that place has */
static unsigned long long applied(struct test *test, unsigned int place)
{
	struct adapter_fault fault;

	assert_true(adapter_fault_get(test->host.adapter, place, &fault));
	return fault.fired;
}

/** create_pd() - a command that any driver sends; its status */
static uint32_t create_pd(struct guest *guest)
{
	struct gdma_create_pd_req create = { 0 };
	struct gdma_create_pd_resp pd;

	return COMMAND(guest, GDMA_CREATE_PD, &create, &pd, 1);
}

/** post() - a CREATE_PD, and a buffer for its answer; nothing is waited for */
static void post(struct guest *guest)
{
	struct gdma_create_pd_req create = { 0 };
	struct {
		struct gdma_wqe header;
		struct hwc_tx_oob oob;
		struct gdma_sge sge;
		uint8_t padding[16];
	} entry = { .header = { .num_sge = 1, .inline_oob_size_div4 = 6 },
		    .sge = { guest_iova(guest, guest->request), guest->hwc_key, sizeof(create) } };
	struct gdma_sge buffer = { guest_iova(guest, guest->response), guest->hwc_key, 4096 };

	request_begin(guest, &create, GDMA_CREATE_PD, sizeof(create),
		      sizeof(struct gdma_create_pd_resp), 1);
	memcpy(guest->request, &create, sizeof(create));
	receive_post(&guest->hrq, &buffer, 1);
	ring_wq(guest, &guest->hrq);
	wqe_put(&guest->hsq, &entry, sizeof(entry));
	ring_wq(guest, &guest->hsq);
}

/** nothing() - there is no completion on the channel */
static void nothing(struct guest *guest)
{
	struct gdma_cqe cqe;

	host_serve(guest->host);
	assert_false(cq_take(&guest->hcq, &cqe));
}

static uint32_t pds(struct test *test)
{
	return test->host.adapter->memory.pds.used;
}

/** sent() - take the completion of a request */
static void sent(struct guest *guest)
{
	struct gdma_cqe cqe = cq_wait(guest, &guest->hcq);

	assert_int_equal(cqe.is_sq, 1);
	assert_int_equal(cqe.wq_num, guest->hsq.id);
}

/** answered() - take the completion of an answer; its length */
static uint32_t answered(struct guest *guest)
{
	struct gdma_cqe cqe = cq_wait(guest, &guest->hcq);
	struct hwc_rx_oob oob;

	assert_int_equal(cqe.is_sq, 0);
	assert_int_equal(cqe.wq_num, guest->hrq.id);
	memcpy(&oob, cqe.data, sizeof(oob));
	guest->answers++;
	return oob.tx_oob_data_size;
}

/* ---- Commands ---- */

static void the_second_command_of_a_kind_fails(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;

	rules(test, "on command CREATE_PD 2: status 0x777");
	ethernet_up(guest);
	assert_int_equal(create_pd(guest), 0);
	assert_int_equal(create_pd(guest), 0x777);
	assert_int_equal(create_pd(guest), 0);
	assert_int_equal(applied(test, 0), 1);
	assert_true(harness_noted("fault 1: on command CREATE_PD 2: status 0x777"));
}

static void which_commands_a_rule_is_about(void **state)
{
	static const struct {
		const char *rule;
		uint32_t failed; /* a bit for each of the first ten */
	} cases[] = {
		{ "on command CREATE_PD: status 1", 0x3ff },
		{ "on command CREATE_PD 3: status 1", 0x004 },
		{ "on command CREATE_PD 3-5: status 1", 0x01c },
		{ "on command CREATE_PD from 9: status 1", 0x300 },
		{ "on command CREATE_PD every 4: status 1", 0x088 },
		{ "on command any 4: status 1", 0x008 },
		{ "on command 29 4: status 1", 0x008 },
		{ "on command CREATE_MR: status 1", 0 },
		{ "on command CREATE_PD 100%: status 1", 0x3ff },
	};
	struct test *test = *state;

	ethernet_up(&test->guest);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t failed = 0;

		rules(test, cases[i].rule);
		for (unsigned int n = 0; n < 10; n++)
			failed |= (uint32_t)(create_pd(&test->guest) == 1) << n;
		assert_int_equal(failed, cases[i].failed);
		adapter_fault_clear(test->host.adapter);
	}
}

static void chance_with_a_seed_repeats(void **state)
{
	struct test *test = *state;
	uint64_t failed[3] = { 0 };

	ethernet_up(&test->guest);
	for (unsigned int i = 0; i < 3; i++) {
		rules(test, i == 2 ? "seed 8\non command CREATE_PD 30%: status 1"
				   : "seed 7\non command CREATE_PD 30%: status 1");
		for (unsigned int n = 0; n < 64; n++)
			failed[i] |= (uint64_t)(create_pd(&test->guest) == 1) << n;
		adapter_fault_clear(test->host.adapter);
	}
	assert_true(failed[0] == failed[1] && failed[0] != failed[2]);
	assert_range(__builtin_popcountll(failed[0]), 8, 32);
}

static void a_command_is_answered_late(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	uint64_t before;

	ethernet_up(guest);
	rules(test, "on command CREATE_PD 1: late 100ms");
	before = now_ms();
	post(guest);
	nothing(guest);
	sent(guest);
	assert_int_equal(answered(guest), sizeof(struct gdma_create_pd_resp));
	assert_true(now_ms() - before >= 99);
	assert_int_equal(create_pd(guest), 0);
}

static void a_late_answer_is_not_for_the_next_channel(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;

	ethernet_up(guest);
	rules(test, "on command CREATE_PD 1: late 50ms");
	post(guest);
	hwc_down(guest);
	hwc_up(guest);
	WAIT(&test->host, fault_deadline(test->host.adapter->faults) == UINT64_MAX);
	nothing(guest);
}

static void a_command_is_never_answered(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	uint32_t before;

	ethernet_up(guest);
	before = pds(test);
	rules(test, "on command CREATE_PD 1: never\non command CREATE_PD 2: ignored");
	/* It is carried out, */
	post(guest);
	sent(guest);
	nothing(guest);
	assert_int_equal(pds(test), before + 1);
	/* the second is not; */
	post(guest);
	nothing(guest);
	assert_int_equal(pds(test), before + 1);
	/* the third is answered, in the first one's buffer. */
	post(guest);
	sent(guest);
	answered(guest);
	assert_int_equal(pds(test), before + 2);
}

static void a_command_is_answered_twice(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_sge buffer;

	ethernet_up(guest);
	rules(test, "on command CREATE_PD 1: twice");
	post(guest);
	sent(guest);
	answered(guest);
	/* The second answer needs a buffer, and waits for one. */
	buffer = (struct gdma_sge){ guest_iova(guest, guest->response), guest->hwc_key, 4096 };
	receive_post(&guest->hrq, &buffer, 1);
	ring_wq(guest, &guest->hrq);
	sent(guest);
	answered(guest);
	assert_int_equal(create_pd(guest), 0);
}

static void an_answer_is_short_or_long(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	const uint32_t usual = sizeof(struct gdma_create_pd_resp);

	ethernet_up(guest);
	rules(test, "on command CREATE_PD 1: short\non command CREATE_PD 2: long 100\n"
		    "on command CREATE_PD 3: short 4096\non command CREATE_PD 4: long 4096");
	for (unsigned int i = 0; i < 5; i++) {
		static const int32_t want[] = { -8, 100,
						1 - (int32_t)sizeof(struct gdma_create_pd_resp),
						4096 - (int32_t)sizeof(struct gdma_create_pd_resp),
						0 };

		post(guest);
		sent(guest);
		assert_int_equal(answered(guest), (uint32_t)((int32_t)usual + want[i]));
	}
}

/* ---- The channel ---- */

static void the_channel_is_silent_for_a_time(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_eqe eqe;

	ethernet_up(guest);
	while (eq_take(&guest->heq, &eqe))
		continue;
	rules(test, "on signal hush: channel silent 100ms");
	assert_int_equal(adapter_fault_signal(test->host.adapter, "hush"), 0);
	host_serve(&test->host);
	post(guest);
	nothing(guest);
	/* Nor does it say anything. */
	adapter_request_reset(test->host.adapter);
	assert_false(eq_take(&guest->heq, &eqe));
	/* Then it finds what was posted. */
	sent(guest);
	answered(guest);
	assert_int_equal(create_pd(guest), 0);
}

static void the_channel_is_silent_until_it_is_set_up_again(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;

	rules(test, "on command CREATE_PD 1: ignored, channel silent");
	ethernet_up(guest);
	post(guest);
	nothing(guest);
	post(guest);
	nothing(guest);
	hwc_down(guest);
	ethernet_up(guest);
	assert_int_equal(create_pd(guest), 0);
}

static void the_channel_is_silent_for_good(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct smc_message message;

	ethernet_up(guest);
	rules(test, "on signal hush: channel silent forever\non signal talk: channel speaks");
	assert_int_equal(adapter_fault_signal(test->host.adapter, "hush"), 0);
	host_serve(&test->host);
	hwc_down(guest);
	message = hwc_message(guest);
	smc_send(guest, &message);
	assert_false(hwc_events(guest));
	hwc_down(guest);
	assert_int_equal(adapter_fault_signal(test->host.adapter, "talk"), 0);
	host_serve(&test->host);
	ethernet_up(guest);
	assert_int_equal(create_pd(guest), 0);
}

static void the_channel_tells_the_driver(void **state)
{
	static const struct {
		const char *what;
		uint32_t type, data;
	} cases[] = {
		{ "fpga reconfigure", GDMA_EQE_HWC_FPGA_RECONFIG, 0 },
		{ "soc suspend", GDMA_EQE_HWC_SOC_SERVICE, 1u << 28 },
		{ "soc resume", GDMA_EQE_HWC_SOC_SERVICE, 2u << 28 },
		{ "reset", GDMA_EQE_HWC_RESET_REQUEST, 0 },
		{ "reset 1", GDMA_EQE_HWC_RESET_REQUEST, 1 },
		{ "event 200 77", 200, 77 },
		{ "timeout 5000", GDMA_EQE_HWC_RECONFIG_DATA, 1u << 24 | 5000 },
	};
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_eqe eqe;
	char text[64];

	ethernet_up(guest);
	while (eq_take(&guest->heq, &eqe))
		continue;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "at 1ms: %s", cases[i].what);
		rules(test, text);
		WAIT(&test->host, eq_take(&guest->heq, &eqe));
		assert_int_equal(eqe.type, cases[i].type);
		assert_int_equal(eqe.details[0], cases[i].data);
	}
}

/* ---- Interrupts ---- */

/** ask_for_interrupt() - arm the channel's queue, and cause an event */
static void ask_for_interrupt(struct test *test)
{
	struct gdma_eqe eqe;

	while (eq_take(&test->guest.heq, &eqe))
		continue;
	ring_eq(&test->guest, &test->guest.heq, true);
	assert_int_equal(adapter_request_reset(test->host.adapter), 0);
	host_serve(&test->host);
}

static void interrupts_are_lost_late_and_doubled(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	uint64_t before, raised = 0;

	ethernet_up(guest);
	vector_take(guest, 0);
	rules(test,
	      "on interrupt 0 2: lost\non interrupt 0 3: late 100ms\non interrupt 0 4: twice\n"
	      "on interrupt 5: lost");
	ask_for_interrupt(test);
	assert_int_equal(vector_take(guest, 0), 1);
	ask_for_interrupt(test);
	assert_int_equal(vector_take(guest, 0), 0);
	before = now_ms();
	ask_for_interrupt(test);
	assert_int_equal(vector_take(guest, 0), 0);
	WAIT(&test->host, vector_take(guest, 0));
	assert_true(now_ms() - before >= 99);
	ask_for_interrupt(test);
	WAIT(&test->host, (raised += vector_take(guest, 0)) == 2);
	ask_for_interrupt(test);
	assert_int_equal(vector_take(guest, 0), 1);
	assert_int_equal(applied(test, 3), 0);
}

static void an_interrupt_comes_for_no_reason(void **state)
{
	struct test *test = *state;

	ethernet_up(&test->guest);
	rules(test, "at 1ms: interrupt 7");
	WAIT(&test->host, vector_take(&test->guest, 7));
}

/* ---- Queues ---- */

/** plain_frame() - 64 bytes of UDP, which take the fast path where there is one */
static void plain_frame(uint8_t *frame)
{
	static const uint8_t head[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 50 };

	memset(frame, 0, 64);
	memcpy(frame, head, sizeof(head));
	frame[22] = 64;
	frame[23] = 17;
	set16(frame + 24, (uint16_t)~plain_fold(plain_sum(0, frame + 14, 20)));
	set16(frame + 38, 30);
}

/** send_some() - frames of their number; returns nothing, and waits for nothing */
static void send_some(struct test *test, unsigned int n)
{
	struct mana_tx_oob oob = send_oob(&test->net.port, &test->net.sq);

	plain_frame(test->net.frame);
	for (unsigned int i = 0; i < n; i++)
		send_frame(&test->guest, &test->net.sq, &oob, test->net.frame, 64);
}

static void net_start(struct test *test)
{
	ethernet_up(&test->guest);
	net_up(&test->guest, 0, &test->net);
	net_post(&test->guest, &test->net, 32);
}

static void a_send_queue_stalls_at_a_packet_and_goes_on(void **state)
{
	struct test *test = *state;

	rules(test, "on sq 0.0 packet 4: stall\non signal go: sq 0.0 go");
	net_start(test);
	send_some(test, 8);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(tx_wait(&test->guest, &test->net.sq), MANA_CQE_TX_OKAY);
	settle(&test->host);
	assert_int_equal(host_counters(&test->host, 0).tx_frames, 3);
	assert_int_equal(adapter_fault_signal(test->host.adapter, "go"), 0);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(tx_wait(&test->guest, &test->net.sq), MANA_CQE_TX_OKAY);
	assert_int_equal(host_counters(&test->host, 0).tx_frames, 8);
	assert_int_equal(applied(test, 0), 1);
}

static void a_queue_that_does_not_exist_yet_is_waited_for(void **state)
{
	struct test *test = *state;

	rules(test, "at 1us: sq 0.0 stall 50ms, rq 0.0 stall 50ms");
	pause_us(1000);
	host_serve(&test->host);
	assert_int_equal(applied(test, 0), 1);
	net_start(test);
	send_some(test, 2);
	assert_true(test->host.adapter->vport[0].sq[0]->fault & FAULT_STALLED);
	tx_wait(&test->guest, &test->net.sq);
	tx_wait(&test->guest, &test->net.sq);
}

static void a_stalled_queue_can_be_destroyed_and_the_next_one_goes(void **state)
{
	struct test *test = *state;

	net_start(test);
	rules(test, "on signal stop: sq any stall");
	assert_int_equal(adapter_fault_signal(test->host.adapter, "stop"), 0);
	host_serve(&test->host);
	send_some(test, 2);
	assert_int_equal(wq_end(&test->guest, &test->net.sq), 0);
	assert_int_equal(wq_new(&test->guest, &test->net.port, GDMA_SQ, 16384, 256, &test->net.eq,
				&test->net.sq),
			 0);
	send_some(test, 1);
	assert_int_equal(tx_wait(&test->guest, &test->net.sq), MANA_CQE_TX_OKAY);
}

static void a_counter_is_waited_for(void **state)
{
	struct test *test = *state;

	net_start(test);
	rules(test, "on counter 0 tx_frames reaches 3: interrupt 9");
	send_some(test, 2);
	for (unsigned int i = 0; i < 2; i++)
		tx_wait(&test->guest, &test->net.sq);
	settle(&test->host);
	assert_int_equal(applied(test, 0), 0);
	send_some(test, 2);
	WAIT(&test->host, vector_take(&test->guest, 9));
	assert_int_equal(applied(test, 0), 1);
}

/* ---- Packets and completions ---- */

/** sent_types() - send @n packets; the types of their completions */
static void sent_types(struct test *test, unsigned int n, unsigned int *types)
{
	send_some(test, n);
	for (unsigned int i = 0; i < n; i++)
		types[i] = tx_wait(&test->guest, &test->net.sq);
}

static void a_packet_fails_with_each_type(void **state)
{
	static const char *const names[] = {
		"source-address", "mtu",         "oob",         "ethertype",
		"headers",        "vf-disabled", "vport-index", "vport-disabled",
		"vlan",           "gdma"
	};
	struct test *test = *state;
	unsigned int types[3];
	char text[64];

	net_start(test);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const uint64_t frames = host_counters(&test->host, 0).tx_frames;

		snprintf(text, sizeof(text), "on sq 0.0 packet 2: error %s", names[i]);
		rules(test, text);
		sent_types(test, 3, types);
		assert_int_equal(types[0], MANA_CQE_TX_OKAY);
		assert_int_equal(types[1], MANA_CQE_TX_SA_DROP + i);
		assert_int_equal(types[2], MANA_CQE_TX_OKAY);
		/* It was not sent. */
		assert_int_equal(host_counters(&test->host, 0).tx_frames, frames + 2);
		adapter_fault_clear(test->host.adapter);
	}
	rules(test, "on sq 0.any packet every 2: dma-fail");
	sent_types(test, 3, types);
	assert_int_equal(types[1], MANA_CQE_TX_GDMA_ERR);
	assert_int_equal(types[2], MANA_CQE_TX_OKAY);
}

static void a_completion_has_another_type_or_is_lost(void **state)
{
	struct test *test = *state;
	unsigned int types[3];

	net_start(test);
	rules(test, "on sq 0.0 completion 2: error 38\non sq 0.0 completion 5: lost");
	sent_types(test, 3, types);
	assert_int_equal(types[0], MANA_CQE_TX_OKAY);
	assert_int_equal(types[1], MANA_CQE_TX_VF_DISABLED);
	assert_int_equal(types[2], MANA_CQE_TX_OKAY);
	send_some(test, 3);
	tx_wait(&test->guest, &test->net.sq);
	tx_wait(&test->guest, &test->net.sq);
	settle(&test->host);
	assert_int_equal(host_counters(&test->host, 0).tx_frames, 6);
	assert_false(cq_take(&test->net.sq.cq, &(struct gdma_cqe){ 0 }));
}

static void a_completion_and_those_after_it_are_late(void **state)
{
	struct test *test = *state;
	struct gdma_cqe cqe;
	uint64_t before;

	net_start(test);
	rules(test, "on sq 0.0 completion 3: late 100ms");
	before = now_ms();
	send_some(test, 8);
	for (unsigned int i = 0; i < 2; i++)
		tx_wait(&test->guest, &test->net.sq);
	settle(&test->host);
	if (now_ms() - before < 100)
		assert_false(cq_take(&test->net.sq.cq, &cqe));
	for (unsigned int i = 0; i < 6; i++)
		tx_wait(&test->guest, &test->net.sq);
	assert_true(now_ms() - before >= 99);
	send_some(test, 2);
	for (unsigned int i = 0; i < 2; i++)
		tx_wait(&test->guest, &test->net.sq);
}

/* A queue that is armed while its completions are late makes no event until they are there */
static void a_late_completion_makes_its_event_when_it_is_seen(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_eqe eqe;

	net_start(test);
	send_some(test, 1);
	tx_wait(guest, &test->net.sq);
	while (eq_take(&test->net.eq, &eqe))
		continue;
	ring_eq(guest, &test->net.eq, true);
	vector_take(guest, 1);
	rules(test, "on sq 0.0 completion 1: late 100ms");
	send_some(test, 1);
	settle(&test->host);
	ring_cq(guest, &test->net.sq.cq, true);
	settle(&test->host);
	WAIT(&test->host, eq_take(&test->net.eq, &eqe));
	assert_int_equal(eqe.type, GDMA_EQE_COMPLETION);
	assert_int_equal(eqe.details[0], test->net.sq.cq.id);
	/* It is there already. */
	assert_true(cq_take(&test->net.sq.cq, &(struct gdma_cqe){ 0 }));
	assert_false(eq_take(&test->net.eq, &eqe));
}

static void late_completions_wrap_and_never_overrun(void **state)
{
	struct test *test = *state;

	net_start(test);
	rules(test, "on sq 0.0 completion 1: late 20ms\non sq 0.0 completion every 7: late 1ms");
	for (unsigned int round = 0; round < 40; round++) {
		send_some(test, 20);
		for (unsigned int i = 0; i < 20; i++)
			assert_int_equal(tx_wait(&test->guest, &test->net.sq), MANA_CQE_TX_OKAY);
	}
	assert_int_equal(applied(test, 1), 800 / 7);
}

static void what_is_received_is_cut_or_kept_back(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct mana_rxcomp_oob oob;

	net_start(test);
	rules(test, "on rq 0.0 packet 2: dma-fail\non rq 0.0 completion 3: error truncated\n"
		    "on rq 0.0 packet 4: stall 50ms");
	for (unsigned int i = 0; i < 3; i++) {
		send_some(test, 1);
		tx_wait(guest, &test->net.sq);
		oob = rx_wait(guest, &test->net.rq);
		assert_int_equal(oob.cqe_hdr.cqe_type,
				 i ? MANA_CQE_RX_TRUNCATED : MANA_CQE_RX_OKAY);
	}
	/* Nothing is received while it stands still; the loop drops the frame. */
	send_some(test, 1);
	tx_wait(guest, &test->net.sq);
	settle(&test->host);
	assert_int_equal(applied(test, 2), 1);
	WAIT(&test->host, !(test->host.adapter->vport[0].rq[0]->fault & FAULT_STALLED));
	send_some(test, 1);
	tx_wait(guest, &test->net.sq);
	assert_int_equal(rx_wait(guest, &test->net.rq).cqe_hdr.cqe_type, MANA_CQE_RX_OKAY);
}

static void the_same_seed_hits_the_same_packets(void **state)
{
	struct test *test = *state;
	uint64_t hit[3] = { 0 };

	net_start(test);
	for (unsigned int i = 0; i < 3; i++) {
		rules(test, i == 2 ? "seed 2\non sq 0.0 packet 20%: error mtu"
				   : "seed 1\non sq 0.0 packet 20%: error mtu");
		for (unsigned int n = 0; n < 64; n += 16) {
			unsigned int types[16];

			sent_types(test, 16, types);
			for (unsigned int k = 0; k < 16; k++)
				hit[i] |= (uint64_t)(types[k] == MANA_CQE_TX_MTU_DROP) << (n + k);
		}
		adapter_fault_clear(test->host.adapter);
	}
	assert_true(hit[0] && hit[0] == hit[1] && hit[0] != hit[2]);
}

static void a_queue_is_slow(void **state)
{
	struct test *test = *state;
	uint64_t before;

	net_start(test);
	rules(test, "on signal late: sq 0.0 latency 30ms jitter 10ms\n"
		    "on signal rate: sq 0.0 rate 200\non signal go: sq 0.0 go");
	assert_int_equal(adapter_fault_signal(test->host.adapter, "late"), 0);
	host_serve(&test->host);
	before = now_ms();
	send_some(test, 4);
	for (unsigned int i = 0; i < 4; i++)
		tx_wait(&test->guest, &test->net.sq);
	assert_true(now_ms() - before >= 29);
	assert_int_equal(adapter_fault_signal(test->host.adapter, "go"), 0);
	assert_int_equal(adapter_fault_signal(test->host.adapter, "rate"), 0);
	host_serve(&test->host);
	before = now_ms();
	/* Up to two at once, then one in 5 ms */
	send_some(test, 20);
	for (unsigned int i = 0; i < 20; i++)
		tx_wait(&test->guest, &test->net.sq);
	assert_true(now_ms() - before >= 80);
	assert_int_equal(adapter_fault_signal(test->host.adapter, "go"), 0);
	host_serve(&test->host);
	assert_int_equal(test->host.adapter->vport[0].sq[0]->fault, 0);
}

/* ---- Ports, and the function ---- */

static void a_link_goes_down_for_a_time_and_flaps(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_eqe eqe;
	unsigned int changes = 0;

	ethernet_up(guest);
	while (eq_take(&guest->heq, &eqe))
		continue;
	rules(test, "at 1ms: link 1 down 20ms\non signal flap: link any flap 3 2ms");
	WAIT(&test->host, eq_take(&guest->heq, &eqe));
	assert_int_equal(eqe.details[0] >> 24, HWC_RECONFIG_LINK_DISCONNECT);
	assert_int_equal(eqe.details[0] & 0xffffff, 1);
	assert_true(test->host.adapter->vport[1].link_down);
	WAIT(&test->host, eq_take(&guest->heq, &eqe));
	assert_int_equal(eqe.details[0] >> 24, HWC_RECONFIG_LINK_CONNECT);
	assert_false(test->host.adapter->vport[1].link_down);
	assert_int_equal(adapter_fault_signal(test->host.adapter, "flap"), 0);
	WAIT(&test->host, (changes += eq_take(&guest->heq, &eqe)) == 12);
	WAIT(&test->host, fault_deadline(test->host.adapter->faults) == UINT64_MAX);
	assert_false(test->host.adapter->vport[0].link_down);
}

static void the_function_dies_and_a_reset_revives_it(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	uint32_t word;

	rules(test, "on signal die: device fatal");
	net_start(test);
	assert_int_equal(adapter_fault_signal(test->host.adapter, "die"), 0);
	host_serve(&test->host);
	bar_read(guest, 0, &word, sizeof(word));
	assert_int_equal(word, 0xffffffff);
	send_some(test, 2);
	settle(&test->host);
	assert_int_equal(host_counters(&test->host, 0).tx_frames, 0);
	assert_int_equal(guest_reset(guest), 0);
	bar_read(guest, 0, &word, sizeof(word));
	assert_int_not_equal(word, 0xffffffff);
}

static void the_function_is_taken_away_and_comes_back(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;

	ethernet_up(guest);
	rules(test, "on command CREATE_PD 1: ignored, vf revoke 50ms\non attach 2: client drop");
	post(guest);
	WAIT(&test->host, !adapter_busy(test->host.adapter));
	guest_detach(guest);
	/* Whoever comes too early is turned away. */
	WAIT(&test->host, !test->host.adapter->revoked);
	guest_attach(guest, &test->host);
	ethernet_up(guest);
	assert_int_equal(create_pd(guest), 0);
}

static void an_event_queue_overflows(void **state)
{
	struct test *test = *state;
	struct geq *eq = &test->net.eq;

	net_start(test);
	rules(test, "at 1ms: eq 1 overflow");
	WAIT(&test->host, gdma_entry_state(eq->ring[eq->index % eq->count].info, eq->index,
					   eq->count) == GDMA_ENTRY_OVERFLOW);
}

static void limits_change_with_a_reset_and_counters_jump(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct mana_query_vport_config_req ask = { .vport_index = 1 };
	struct mana_query_vport_config_resp port;
	struct mana_query_device_config_resp device;
	struct mana_query_gf_stat_req stat = { .req_stats = MANA_GF_STAT_ALL };
	struct mana_query_gf_stat_resp counted;

	ethernet_up(guest);
	rules(test, "at 1us: port any mtu 1400, port 1 queues 3, counters jump 1000000");
	WAIT(&test->host, applied(test, 0) == 1);
	assert_int_equal(COMMAND(guest, MANA_QUERY_VPORT_CONFIG, &ask, &port, 1), 0);
	assert_int_equal(port.max_num_sq, 64);
	assert_int_equal(COMMAND(guest, MANA_QUERY_GF_STAT, &stat, &counted, 1), 0);
	assert_int_equal(counted.rx_bytes, 1000000);
	hwc_down(guest);
	ethernet_up(guest);
	assert_int_equal(COMMAND(guest, MANA_QUERY_VPORT_CONFIG, &ask, &port, 1), 0);
	assert_int_equal(port.max_num_sq, 3);
	ask.vport_index = 0;
	assert_int_equal(COMMAND(guest, MANA_QUERY_VPORT_CONFIG, &ask, &port, 1), 0);
	assert_int_equal(port.max_num_sq, 64);
	assert_int_equal(
		simple(guest, MANA_QUERY_DEV_CONFIG, GDMA_DEVICE_MANA, &device, sizeof(device), 3),
		0);
	assert_int_equal(device.adapter_mtu, 1400 + 14);
}

/* ---- Rules ---- */

static void rules_are_removed_and_what_they_began_ends(void **state)
{
	struct test *test = *state;
	struct adapter *adapter = test->host.adapter;
	struct adapter_fault fault;
	struct error error;

	assert_false(adapter_fault_get(adapter, 0, &fault));
	assert_int_equal(adapter_fault_remove(adapter, 1), -ENOENT);
	assert_int_equal(adapter_fault_signal(adapter, "a"), -ENOENT);
	net_start(test);
	rules(test,
	      "on signal a: sq any stall, channel silent, signal b\non signal b: interrupt 9");
	assert_int_equal(adapter_fault_signal(adapter, "c"), -ENOENT);
	assert_int_equal(adapter_fault_signal(adapter, "a"), 0);
	WAIT(&test->host, vector_take(&test->guest, 9));
	send_some(test, 1);
	assert_int_equal(adapter_fault_remove(adapter, 2), 0);
	assert_true(adapter_fault_get(adapter, 0, &fault));
	assert_int_equal(fault.fired, 1);
	assert_false(adapter_fault_get(adapter, 1, &fault));
	/* A mistake adds nothing. */
	assert_int_equal(adapter_fault_add(adapter, "at 1s: reset\nat 1s: rest", "x", &error),
			 -EINVAL);
	assert_false(adapter_fault_get(adapter, 1, &fault));
	adapter_fault_clear(adapter);
	tx_wait(&test->guest, &test->net.sq);
	assert_int_equal(create_pd(&test->guest), 0);
	/* Numbers are not used again. */
	rules(test, "at 1h: reset");
	assert_true(adapter_fault_get(adapter, 0, &fault));
	assert_int_equal(fault.id, 3);
}

static void rules_that_signal_each_other_do_not_hold_the_adapter_up(void **state)
{
	struct test *test = *state;

	ethernet_up(&test->guest);
	rules(test, "on signal a: signal b\non signal b: signal a");
	assert_int_equal(adapter_fault_signal(test->host.adapter, "a"), 0);
	adapter_serve(test->host.adapter);
	adapter_serve(test->host.adapter);
	assert_true(applied(test, 0) > 0);
	adapter_fault_clear(test->host.adapter);
	assert_int_equal(create_pd(&test->guest), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_second_command_of_a_kind_fails),
		TEST(which_commands_a_rule_is_about),
		TEST(chance_with_a_seed_repeats),
		TEST(a_command_is_answered_late),
		TEST(a_late_answer_is_not_for_the_next_channel),
		TEST(a_command_is_never_answered),
		TEST(a_command_is_answered_twice),
		TEST(an_answer_is_short_or_long),
		TEST(the_channel_is_silent_for_a_time),
		TEST(the_channel_is_silent_until_it_is_set_up_again),
		TEST(the_channel_is_silent_for_good),
		TEST(the_channel_tells_the_driver),
		TEST(interrupts_are_lost_late_and_doubled),
		TEST(an_interrupt_comes_for_no_reason),
		TEST(a_send_queue_stalls_at_a_packet_and_goes_on),
		TEST(a_queue_that_does_not_exist_yet_is_waited_for),
		TEST(a_stalled_queue_can_be_destroyed_and_the_next_one_goes),
		TEST(a_counter_is_waited_for),
		TEST(a_packet_fails_with_each_type),
		TEST(a_completion_has_another_type_or_is_lost),
		TEST(a_completion_and_those_after_it_are_late),
		TEST(a_late_completion_makes_its_event_when_it_is_seen),
		TEST(late_completions_wrap_and_never_overrun),
		TEST(what_is_received_is_cut_or_kept_back),
		TEST(the_same_seed_hits_the_same_packets),
		TEST(a_queue_is_slow),
		TEST(a_link_goes_down_for_a_time_and_flaps),
		TEST(the_function_dies_and_a_reset_revives_it),
		TEST(the_function_is_taken_away_and_comes_back),
		TEST(an_event_queue_overflows),
		TEST(limits_change_with_a_reset_and_counters_jump),
		TEST(rules_are_removed_and_what_they_began_ends),
		TEST(rules_that_signal_each_other_do_not_hold_the_adapter_up),
	};

	guard_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
