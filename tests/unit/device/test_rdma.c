/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queue pairs: what a driver that does RDMA gets, with entries, doorbells and completions as libmana
 * has them; and what one gets that may not.
 */
#include "rdma.h"

#include <limits.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budget.h"
#include "device/command.h"
#include "device/inbox.h"
#include "device/state.h"

static const char *const one_sink[] = { "sink", NULL };

struct test {
	struct host host;
	struct guest guest;
	unsigned int fds_before;
	struct grdma rdma;
	struct gpair a, b;
};

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	test->fds_before = open_both(&test->host, &test->guest, 1, one_sink);
	ethernet_up(&test->guest);
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

/** two_pairs() - on one vPort, connected to each other */
static void two_pairs(struct test *test, uint64_t features)
{
	rdma_up(&test->rdma, &test->guest, 0, 1, features);
	assert_int_equal(gpair_new(&test->rdma, &test->a), 0);
	assert_int_equal(gpair_new(&test->rdma, &test->b), 0);
	gpair_connect(&test->a, &test->b);
}

/** fill() - bytes that are different in each place */
static void fill(uint8_t *to, uint32_t len, uint32_t seed)
{
	for (uint32_t i = 0; i < len; i++)
		to[i] = (uint8_t)((i + seed) * 2654435761u >> 23);
}

#define TO   (1u << 20) /* where data comes to, in the region */
#define AREA (RDMA_BASE)

static void numbers_are_in_blocks_of_four(void **state)
{
	struct test *test = *state;
	uint32_t last = 0;

	rdma_up(&test->rdma, &test->guest, 0, 1, 0);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(gpair_new(&test->rdma, &test->a), 0);
		assert_int_equal(test->a.ids[RNIC_RC_SQ_REQUESTER] % 4, 0);
		assert_int_equal(test->a.ids[RNIC_RC_SQ_RESPONDER] % 4, 1);
		assert_int_equal(test->a.ids[RNIC_RC_RQ_RESPONDER] % 4, 0);
		assert_int_equal(test->a.ids[RNIC_RC_RQ_REQUESTER] % 4, 1);
		assert_int_equal(test->a.ids[RNIC_RC_SQ_FMR], GDMA_INVALID_ID);
		for (unsigned int q = 0; q < RNIC_RC_QUEUE_COUNT; q++)
			if (q != RNIC_RC_SQ_FMR)
				assert_int_equal(test->a.ids[q] / 4, test->a.qpn / 4);
		assert_true(test->a.qpn / 4 != last);
		last = test->a.qpn / 4;
		if (i % 2)
			assert_int_equal(gpair_end(&test->a), 0);
	}
}

static void a_message_arrives_and_is_acknowledged(void **state)
{
	struct test *test = *state;
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 3000 };
	union rnic_cqe cqe;
	uint32_t psn, id;

	two_pairs(test, 0);
	/* More entries than the ring has: the offset of completions does not wrap with it. */
	for (uint32_t i = 0; i < 300; i++) {
		fill(test->rdma.memory, work.len, i);
		gpair_recv(&test->b, AREA + TO, 4096);
		gpair_arm(&test->a, (test->a.psn + 2) & 0xffffff);
		if (i % 2)
			work.type = RNIC_WQE_RC_SEND_IMM;
		else
			work.type = RNIC_WQE_RC_SEND;
		work.immediate = 0x01020304 + i;
		psn = gpair_send(&test->a, &work);
		cqe = rdma_wait(&test->rdma, &id);
		assert_int_equal(id, test->b.qpn);
		assert_int_equal(cqe.recv.type, i % 2 ? RNIC_CQE_RC_SEND_IMM : RNIC_CQE_RC_SEND);
		assert_int_equal(cqe.recv.msg_len, work.len);
		assert_int_equal(cqe.recv.rx_wqe_offset, i * GDMA_WQE_UNIT);
		assert_int_equal(cqe.recv.psn, psn);
		if (i % 2)
			assert_int_equal(cqe.recv.imm_data, work.immediate);
		cqe = rdma_wait(&test->rdma, &id);
		assert_int_equal(id, test->a.ids[RNIC_RC_RQ_REQUESTER]);
		assert_int_equal(cqe.armed.type, RNIC_CQE_ARMED_CMPL);
		assert_int_equal(cqe.armed.psn, psn);
		assert_int_equal(cqe.armed.syndrome & 0xe0, 0);
		assert_memory_equal(test->rdma.memory, test->rdma.memory + TO, work.len);
	}
	/* The driver's own block behind the ring is as it was. */
	for (uint32_t i = 0; i < RDMA_ROLLBACK; i++)
		assert_int_equal(test->a.send.ring[RDMA_SQ_SIZE + i], 0x5a);
	assert_int_equal(warnings(), 0);
}

static void a_psn_that_is_acknowledged_is_answered_at_once(void **state)
{
	struct test *test = *state;
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 1 };
	union rnic_cqe cqe;
	uint32_t psn = 0, id;

	two_pairs(test, 0);
	for (unsigned int i = 0; i < 3; i++)
		gpair_recv(&test->b, AREA + TO, 1);
	for (unsigned int i = 0; i < 3; i++)
		psn = gpair_send(&test->a, &work);
	for (unsigned int i = 0; i < 3; i++)
		rdma_wait(&test->rdma, &id);
	gpair_arm(&test->a, psn);
	cqe = rdma_wait(&test->rdma, &id);
	assert_int_equal(cqe.armed.psn, psn);
	/* One that is past, one that is not: the last that is acknowledged is named. */
	gpair_arm(&test->a, psn - 1);
	cqe = rdma_wait(&test->rdma, &id);
	assert_int_equal(cqe.armed.type, RNIC_CQE_ARMED_CMPL);
	assert_int_equal(cqe.armed.psn, psn);
	gpair_arm(&test->a, psn + 1);
	settle(&test->host);
	assert_false(cq_take(&test->rdma.cq, &(struct gdma_cqe){ .info = 0 }));
	gpair_recv(&test->b, AREA + TO, 1);
	gpair_send(&test->a, &work);
	rdma_wait(&test->rdma, &id);
	cqe = rdma_wait(&test->rdma, &id);
	assert_int_equal(cqe.armed.type, RNIC_CQE_ARMED_CMPL);
	assert_int_equal(cqe.armed.psn, psn + 1);
	/* A doorbell of another queue pair's page, of another kind of queue, of none */
	gpair_arm(&test->b, test->b.psn);
	test->b.read.id = test->b.qpn;
	gpair_arm(&test->b, test->b.psn);
	test->b.read.id = 77777;
	gpair_arm(&test->b, test->b.psn);
	settle(&test->host);
	assert_false(cq_take(&test->rdma.cq, &(struct gdma_cqe){ .info = 0 }));
}

/** finish() - arm the PSN, and wait until it is acknowledged */
static void finish(struct test *test, struct gpair *pair, uint32_t psn)
{
	union rnic_cqe cqe;
	uint32_t id;

	gpair_arm(pair, psn);
	cqe = rdma_wait(&test->rdma, &id);
	assert_int_equal(cqe.type, RNIC_CQE_ARMED_CMPL);
	assert_int_equal(cqe.armed.psn, psn);
	assert_int_equal(id, pair->ids[RNIC_RC_RQ_REQUESTER]);
}

static void data_is_written_and_read(void **state)
{
	static const uint32_t sizes[] = { 1, 3, RDMA_MTU, RDMA_MTU + 1, 65536, 1000003 };
	struct test *test = *state;
	union rnic_cqe cqe;
	uint32_t id, psn;

	two_pairs(test, 0);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct gwork work = { .type = RNIC_WQE_WRITE,
				      .local = AREA + 5,
				      .len = sizes[i],
				      .remote = AREA + TO + 3,
				      .rkey = test->rdma.key };

		fill(test->rdma.memory, 5 + sizes[i], i);
		memset(test->rdma.memory + TO, 0, sizes[i] + 8);
		finish(test, &test->a, gpair_send(&test->a, &work));
		assert_memory_equal(test->rdma.memory + 5, test->rdma.memory + TO + 3, sizes[i]);
		assert_int_equal(test->rdma.memory[TO + 2], 0);
		assert_int_equal(test->rdma.memory[TO + 3 + sizes[i]], 0);
		/* From the other side: read what has been written, to the start. */
		work = (struct gwork){ .type = RNIC_WQE_READ,
				       .local = AREA,
				       .len = sizes[i],
				       .remote = AREA + TO + 3,
				       .rkey = test->rdma.key };
		fill(test->rdma.memory + TO + 3, sizes[i], i + 100);
		finish(test, &test->b, gpair_send(&test->b, &work));
		assert_memory_equal(test->rdma.memory, test->rdma.memory + TO + 3, sizes[i]);
		/* With an immediate: a receive entry, whose memory is not used */
		work = (struct gwork){ .type = RNIC_WQE_WRITE_IMM,
				       .local = AREA,
				       .len = sizes[i],
				       .remote = AREA + TO,
				       .rkey = test->rdma.key,
				       .immediate = 0xabcd0000 + i };
		gpair_recv(&test->b, AREA, 0);
		psn = gpair_send(&test->a, &work);
		cqe = rdma_wait(&test->rdma, &id);
		assert_int_equal(cqe.type, RNIC_CQE_RC_WRITE_IMM);
		assert_int_equal(cqe.recv.imm_data, work.immediate);
		assert_int_equal(cqe.recv.msg_len, sizes[i]);
		assert_int_equal(id, test->b.qpn);
		finish(test, &test->a, psn);
		assert_memory_equal(test->rdma.memory, test->rdma.memory + TO, sizes[i]);
	}
	assert_int_equal(warnings(), 0);
}

/** start_again() - both to RTS, by RESET, after which neither completes anything of before */
static void start_again(struct test *test)
{
	assert_int_equal(gpair_state(&test->a, QPS_RESET, NULL), 0);
	assert_int_equal(gpair_state(&test->b, QPS_RESET, NULL), 0);
	while (cq_take(&test->rdma.cq, &(struct gdma_cqe){ .info = 0 }))
		;
	test->a.send.tail = test->a.read.tail = test->a.recv.tail = 0;
	test->b.send.tail = test->b.read.tail = test->b.recv.tail = 0;
	gpair_connect(&test->a, &test->b);
}

/** forbidden() - a WRITE or READ that must fail, with a completion that says so */
static void forbidden(struct test *test, struct gwork work, uint32_t vendor)
{
	union rnic_cqe cqe;
	uint32_t id, psn = test->a.psn;

	gpair_send(&test->a, &work);
	cqe = rdma_wait(&test->rdma, &id);
	assert_int_equal(cqe.error.type, RNIC_CQE_ERROR);
	assert_int_equal(cqe.error.vendor_error, vendor);
	assert_int_equal(cqe.error.psn, psn);
	assert_int_equal(id,
			 test->a.ids[vendor < 0x200 ? RNIC_RC_RQ_REQUESTER : RNIC_RC_SQ_REQUESTER]);
	start_again(test);
}

static void a_key_reaches_what_its_owner_allowed(void **state)
{
	struct test *test = *state;
	struct gwork work = { .type = RNIC_WQE_WRITE, .local = AREA, .len = 64, .remote = AREA };
	struct gdma_destroy_mr_req destroy = { 0 };
	struct gdma_create_mr_req request = { 0 };
	struct gdma_create_mr_resp window;
	struct gdma_general_resp answer;
	uint32_t read_only, write_only, local, elsewhere, id;
	uint64_t mr, pd, gone;
	uint8_t *memory;

	two_pairs(test, RNIC_ADAPTER_CLIENT_ERROR_CQE);
	memory = guest_alloc(&test->guest, 8192);
	memset(memory, 0x11, 8192);
	assert_int_equal(mr_new(&test->guest, test->rdma.pd, memory, 8192, AREA,
				GDMA_ACCESS_LOCAL_READ | GDMA_ACCESS_REMOTE_READ, &mr, &read_only),
			 0);
	assert_int_equal(mr_new(&test->guest, test->rdma.pd, memory, 8192, AREA,
				GDMA_ACCESS_LOCAL_WRITE | GDMA_ACCESS_REMOTE_WRITE, &mr,
				&write_only),
			 0);
	assert_int_equal(mr_new(&test->guest, test->rdma.pd, memory, 8192, AREA,
				GDMA_ACCESS_LOCAL_READ | GDMA_ACCESS_LOCAL_WRITE, &mr, &local),
			 0);
	assert_int_equal(pd_new(&test->guest, &pd, &id), 0);
	assert_int_equal(mr_new(&test->guest, pd, memory, 8192, AREA, RDMA_ALL, &mr, &elsewhere),
			 0);
	request.pd_handle = test->rdma.pd;
	fill(test->rdma.memory, 64, 9);
	work.rkey = read_only;
	forbidden(test, work, RNIC_ERR_RX_REMOTE_ACCESS_NAK);
	work.rkey = local;
	forbidden(test, work, RNIC_ERR_RX_REMOTE_ACCESS_NAK);
	work.rkey = elsewhere;
	forbidden(test, work, RNIC_ERR_RX_REMOTE_ACCESS_NAK);
	for (request.mr_type = GDMA_MR_MW1; request.mr_type <= GDMA_MR_MW2; request.mr_type++) {
		/* A memory window that is not bound */
		assert_int_equal(COMMAND(&test->guest, GDMA_CREATE_MR, &request, &window, 1), 0);
		assert_true(window.rkey && window.rkey != write_only);
		work.rkey = window.rkey;
		work.remote = 0;
		forbidden(test, work, RNIC_ERR_RX_REMOTE_ACCESS_NAK);
		work.remote = AREA;
		forbidden(test, work, RNIC_ERR_RX_REMOTE_ACCESS_NAK);
		destroy.mr_handle = window.mr_handle;
		assert_int_equal(COMMAND(&test->guest, GDMA_DESTROY_MR, &destroy, &answer, 1), 0);
		assert_int_not_equal(COMMAND(&test->guest, GDMA_DESTROY_MR, &destroy, &answer, 1),
				     0);
	}
	work.rkey = write_only ^ 1;
	forbidden(test, work, RNIC_ERR_RX_REMOTE_ACCESS_NAK);
	work.rkey = test->guest.key; /* all of the guest's memory, for its own queues */
	forbidden(test, work, RNIC_ERR_RX_REMOTE_ACCESS_NAK);
	work.rkey = write_only;
	work.remote = AREA + 8192 - 63;
	forbidden(test, work, RNIC_ERR_RX_REMOTE_ACCESS_NAK);
	work.remote = AREA - 1;
	forbidden(test, work, RNIC_ERR_RX_REMOTE_ACCESS_NAK);
	work.remote = UINT64_MAX - 31;
	forbidden(test, work, RNIC_ERR_RX_REMOTE_ACCESS_NAK);
	work.type = RNIC_WQE_READ;
	work.remote = AREA;
	forbidden(test, work, RNIC_ERR_RX_REMOTE_ACCESS_NAK);
	for (unsigned int i = 0; i < 8192; i++)
		assert_int_equal(memory[i], 0x11);
	/* And what is allowed */
	work.type = RNIC_WQE_WRITE;
	work.remote = AREA + 8192 - 64;
	finish(test, &test->a, gpair_send(&test->a, &work));
	assert_memory_equal(memory + 8192 - 64, test->rdma.memory, 64);
	work.type = RNIC_WQE_READ;
	work.rkey = read_only;
	work.local = AREA + TO;
	finish(test, &test->a, gpair_send(&test->a, &work));
	assert_memory_equal(test->rdma.memory + TO, memory + 8192 - 64, 64);
	/* A key of its own that does not allow it: the request fails here. */
	work.lkey = read_only;
	work.local = AREA;
	gpair_send(&test->a, &work);
	rdma_wait(&test->rdma, &id);
	(void)gone;
}

static void errors_are_events_unless_asked_for(void **state)
{
	struct test *test = *state;
	struct gwork work = {
		.type = RNIC_WQE_WRITE, .local = AREA, .len = 64, .remote = AREA, .rkey = 0x12345600
	};
	struct gdma_eqe eqe;

	two_pairs(test, 0);
	gpair_send(&test->a, &work);
	WAIT(&test->host, eq_take(&test->rdma.notify, &eqe));
	assert_int_equal(eqe.type, GDMA_EQE_RNIC_QP_FATAL);
	if (eqe.details[0] != test->a.qpn) {
		assert_int_equal(eqe.details[0], test->b.qpn);
		WAIT(&test->host, eq_take(&test->rdma.notify, &eqe));
		assert_int_equal(eqe.details[0], test->a.qpn);
	}
	settle(&test->host);
	assert_false(cq_take(&test->rdma.cq, &(struct gdma_cqe){ .info = 0 }));
}

static void entries_that_make_no_sense_put_the_queue_pair_in_error(void **state)
{
	struct test *test = *state;
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 64 };
	union rnic_cqe cqe;
	uint32_t id;

	two_pairs(test, RNIC_ADAPTER_CLIENT_ERROR_CQE);
	work.type = 12;
	forbidden(test, work, RNIC_ERR_TX_WQE_UNSUPPORTED);
	work.type = RNIC_WQE_UD_SEND;
	forbidden(test, work, RNIC_ERR_TX_WQE_UNSUPPORTED);
	/* Another PSN than the next one */
	work.type = RNIC_WQE_RC_SEND;
	test->a.psn++;
	gpair_send(&test->a, &work);
	cqe = rdma_wait(&test->rdma, &id);
	assert_int_equal(cqe.error.type, RNIC_CQE_ERROR);
	assert_int_equal(cqe.error.vendor_error, RNIC_ERR_TX_MALFORMED_WQE_FIELD);
	start_again(test);
	/* Memory that is not the driver's to send */
	work.local = AREA + RDMA_MEMORY;
	forbidden(test, work, RNIC_ERR_TX_MSG_ACCESS_VIOLATION);
	work.local = AREA;
	work.lkey = 0x100;
	forbidden(test, work, RNIC_ERR_TX_MSG_ACCESS_VIOLATION);
}

/** error_of() - the next completion is an error of this queue; its code */
static uint32_t error_of(struct test *test, uint32_t queue)
{
	union rnic_cqe cqe;
	uint32_t id;

	cqe = rdma_wait(&test->rdma, &id);
	assert_int_equal(cqe.error.type, RNIC_CQE_ERROR);
	assert_int_equal(id, queue);
	return cqe.error.vendor_error;
}

static void a_queue_that_is_left_behind_has_one_completion(void **state)
{
	struct test *test = *state;
	struct gpair *a = &test->a, *b = &test->b;
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 64 };
	struct gdma_cqe none;

	two_pairs(test, RNIC_ADAPTER_CLIENT_ERROR_CQE);
	/* Both queues of the end that the driver puts into the error state; what comes later, too */
	for (unsigned int i = 0; i < 2; i++)
		gpair_send(a, &work);
	assert_int_equal(gpair_state(a, QPS_ERR, NULL), 0);
	assert_int_equal(error_of(test, a->ids[RNIC_RC_RQ_REQUESTER]),
			 RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE);
	settle(&test->host);
	assert_false(cq_take(&test->rdma.cq, &none));
	for (unsigned int i = 0; i < 2; i++)
		gpair_recv(a, AREA, 64);
	assert_int_equal(error_of(test, a->qpn), RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE);
	assert_int_equal(gpair_state(a, QPS_ERR, NULL), 0);
	settle(&test->host);
	assert_false(cq_take(&test->rdma.cq, &none));
	start_again(test);
	/* The receive queue of one that fails to send: after the error */
	gpair_recv(a, AREA, 64);
	work.lkey = 0x100;
	gpair_send(a, &work);
	gpair_send(a, &work);
	assert_int_equal(error_of(test, a->ids[RNIC_RC_SQ_REQUESTER]),
			 RNIC_ERR_TX_MSG_ACCESS_VIOLATION);
	assert_int_equal(error_of(test, a->qpn), RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE);
	/* The error state of an end that is not connected */
	start_again(test);
	assert_int_equal(gpair_state(b, QPS_RESET, NULL), 0);
	b->recv.tail = 0;
	assert_int_equal(gpair_state(b, QPS_INIT, NULL), 0);
	gpair_recv(b, AREA, 64);
	assert_int_equal(gpair_state(b, QPS_ERR, NULL), 0);
	assert_int_equal(error_of(test, b->qpn), RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE);
	settle(&test->host);
	assert_false(cq_take(&test->rdma.cq, &none));
}

static void an_entry_is_refused_when_those_before_it_are_done(void **state)
{
	struct test *test = *state;
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 3000 };
	union rnic_cqe cqe;
	uint32_t id, psn;

	two_pairs(test, RNIC_ADAPTER_CLIENT_ERROR_CQE);
	/* Nobody receives the first. */
	gpair_send(&test->a, &work);
	psn = test->a.psn;
	work.type = 12;
	gpair_send(&test->a, &work);
	settle(&test->host);
	assert_false(cq_take(&test->rdma.cq, &(struct gdma_cqe){ .info = 0 }));
	gpair_recv(&test->b, AREA + TO, 4096);
	cqe = rdma_wait(&test->rdma, &id);
	assert_int_equal(cqe.recv.type, RNIC_CQE_RC_SEND);
	cqe = rdma_wait(&test->rdma, &id);
	assert_int_equal(cqe.error.type, RNIC_CQE_ERROR);
	assert_int_equal(cqe.error.vendor_error, RNIC_ERR_TX_WQE_UNSUPPORTED);
	assert_int_equal(cqe.error.psn, psn);
}

static void memory_that_overlaps_is_written_as_by_memmove(void **state)
{
	struct test *test = *state;
	struct gwork work = {
		.type = RNIC_WQE_WRITE, .local = AREA, .len = RDMA_MTU, .remote = AREA + 16
	};
	uint8_t expected[RDMA_MTU + 16];

	/* One lane serves both, so the packet's payload is in the client's own memory. */
	two_pairs(test, 0);
	work.rkey = test->rdma.key;
	for (unsigned int i = 0; i < 2; i++) {
		fill(test->rdma.memory, sizeof(expected), i);
		memcpy(expected, test->rdma.memory, sizeof(expected));
		memmove(expected + work.remote - AREA, expected + work.local - AREA, RDMA_MTU);
		finish(test, &test->a, gpair_send(&test->a, &work));
		assert_memory_equal(test->rdma.memory, expected, sizeof(expected));
		work.local = AREA + 16;
		work.remote = AREA;
	}
}

static void a_connected_queue_pair_keeps_its_port(void **state)
{
	static const char *const two_sinks[] = { "sink", "sink", NULL };
	struct rnic_config_mac_addr_req mac = { .op = RNIC_ADDR_ADD };
	struct rnic_set_qp_state_req change = { .attr_mask = 1 | MASK_ADDRESS,
						.qp_state = QPS_RTS };
	struct gdma_general_resp answer;
	struct test *test = calloc(1, sizeof(*test));
	struct host *host = &test->host;

	(void)state;
	test->fds_before = open_both(host, &test->guest, 1, two_sinks);
	ethernet_up(&test->guest);
	two_pairs(test, 0);
	mac.adapter = change.adapter = test->rdma.adapter;
	rnic_reverse(mac.mac_addr, host->config.port[1].mac, RNIC_MAC_SIZE);
	assert_int_equal(COMMAND(&test->guest, RNIC_CONFIG_MAC_ADDR, &mac, &answer, 1), 0);
	/* The address of the other port: its switch would see packets from this one. */
	change.qp_handle = test->a.handle;
	gpair_address(&change.ah_attr, &test->a, &test->b);
	memcpy(change.ah_attr.src_mac, mac.mac_addr, RNIC_MAC_SIZE);
	assert_int_equal(COMMAND(&test->guest, RNIC_SET_QP_STATE, &change, &answer, 3), 0);
	assert_int_equal(host->adapter->vport[0].pairs, 2);
	assert_int_equal(host->adapter->vport[1].pairs, 0);
	close_both(host, &test->guest, test->fds_before);
	free(test);
}

static void states_and_addresses_are_checked(void **state)
{
	struct test *test = *state;
	struct gpair *a = &test->a, *b = &test->b;

	rdma_up(&test->rdma, &test->guest, 0, 1, 0);
	assert_int_equal(gpair_new(&test->rdma, a), 0);
	assert_int_equal(gpair_new(&test->rdma, b), 0);
	assert_int_not_equal(gpair_state(a, QPS_RTR, b), 0);
	assert_int_not_equal(gpair_state(a, QPS_RTS, b), 0);
	assert_int_equal(gpair_state(a, QPS_INIT, NULL), 0);
	assert_int_not_equal(gpair_state(a, QPS_RTS, b), 0);
	/* An address that is not the port's */
	test->rdma.ip[3]++;
	assert_int_not_equal(gpair_state(a, QPS_RTR, b), 0);
	test->rdma.ip[3]--;
	test->rdma.mac[5]++;
	assert_int_not_equal(gpair_state(a, QPS_RTR, b), 0);
	test->rdma.mac[5]--;
	/* No address; and packets that are longer than the port's, whichever message has the address */
	assert_int_not_equal(gpair_state(a, QPS_RTR, NULL), 0);
	test->host.adapter->config.port[0].mtu = 4096 + 83; /* IPv6 and an immediate: 84 */
	a->path_mtu = 5;
	assert_int_not_equal(gpair_state(a, QPS_RTR, b), 0);
	test->host.adapter->config.port[0].mtu = 1500;
	assert_int_not_equal(gpair_state(a, QPS_RTR, b), 0);
	a->path_mtu = 0;
	assert_int_equal(gpair_state(a, QPS_RTR, b), 0);
	assert_int_equal(test->host.adapter->vport[0].pairs, 1);
	assert_int_equal(gpair_state(a, QPS_RTS, b), 0);
	assert_int_equal(gpair_state(a, QPS_ERR, NULL), 0);
	assert_int_equal(gpair_state(a, QPS_RESET, NULL), 0);
	assert_int_equal(test->host.adapter->vport[0].pairs, 0);
	assert_int_not_equal(gpair_state(a, 7, NULL), 0);
	assert_int_equal(gpair_end(b), 0);
	assert_int_not_equal(gpair_end(b), 0);
	assert_int_not_equal(gpair_state(b, QPS_INIT, NULL), 0);
}

static void queue_pairs_come_and_go(void **state)
{
	struct test *test = *state;
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 5000 };

	rdma_up(&test->rdma, &test->guest, 0, 1, 0);
	for (unsigned int i = 0; i < 100; i++) {
		test->guest.used &= ~(size_t)4095;
		assert_int_equal(gpair_new(&test->rdma, &test->a), 0);
		assert_int_equal(gpair_new(&test->rdma, &test->b), 0);
		gpair_connect(&test->a, &test->b);
		/* Nobody receives: it is in the middle of trying again. */
		gpair_send(&test->a, &work);
		assert_int_equal(gpair_end(&test->b), 0);
		assert_int_equal(gpair_end(&test->a), 0);
	}
	assert_int_equal(test->host.adapter->pairs.used, 0);
	assert_int_equal(test->host.adapter->vport[0].pairs, 0);
}

static void packets_for_nobody_are_counted(void **state)
{
	struct test *test = *state;
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 3000 };

	two_pairs(test, 0);
	assert_int_equal(gpair_end(&test->b), 0);
	gpair_send(&test->a, &work);
	WAIT(&test->host, host_counters(&test->host, 0).rdma.dropped >= 3);
}

static void counters_count(void **state)
{
	struct test *test = *state;
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 3000 };
	struct rnic_query_counters_req request = { 0 };
	struct rnic_query_vf_counters_resp before, after;
	uint32_t id;

	two_pairs(test, 0);
	request.adapter = test->rdma.adapter;
	gpair_recv(&test->b, AREA + TO, 4096);
	finish(test, &test->a,
	       (gpair_send(&test->a, &work), rdma_wait(&test->rdma, &id),
		(test->a.psn - 1) & 0xffffff));
	assert_int_equal(COMMAND(&test->guest, RNIC_QUERY_VF_COUNTERS, &request, &before, 2), 0);
	assert_int_equal(before.counters[RNIC_VF_TX_BYTES], 3000);
	assert_int_equal(before.counters[RNIC_VF_RX_BYTES], 3000);
	assert_int_equal(before.counters[RNIC_VF_RX_SEND_REQUESTS], 1);
	assert_true(before.counters[RNIC_VF_TX_PACKETS] >= 4);
	/* They stay when the queue pairs go. */
	assert_int_equal(gpair_end(&test->a), 0);
	assert_int_equal(gpair_end(&test->b), 0);
	assert_int_equal(COMMAND(&test->guest, RNIC_QUERY_VF_COUNTERS, &request, &after, 2), 0);
	assert_memory_equal(before.counters, after.counters, sizeof(before.counters));
}

/** sent_unreliably() - the next completion is that of a request of UC whose entry is the @n-th */
static void sent_unreliably(struct test *test, uint32_t n)
{
	uint32_t id;
	union rnic_cqe cqe = rdma_wait(&test->rdma, &id);

	assert_int_equal(id, test->a.send.id);
	assert_int_equal(cqe.type, RNIC_CQE_UD_SEND);
	assert_int_equal(cqe.ud_send.vendor_error, 0);
	assert_int_equal(cqe.ud_send.tx_wqe_offset, n * 2);
}

static void unreliable_connections_carry_data(void **state)
{
	struct test *test = *state;
	struct gwork work = { .type = RNIC_WQE_RC_SEND_IMM,
			      .local = AREA,
			      .len = 3000,
			      .immediate = 0x01020304,
			      .signaled = true };
	union rnic_cqe cqe;
	uint32_t id;

	rdma_up(&test->rdma, &test->guest, 0, 1, RNIC_ADAPTER_CLIENT_ERROR_CQE);
	assert_int_equal(gpair_new_uc(&test->rdma, &test->a), 0);
	assert_int_equal(gpair_new_uc(&test->rdma, &test->b), 0);
	assert_int_equal(test->a.ids[RNIC_RC_SQ_REQUESTER], test->a.qpn);
	assert_int_equal(test->a.ids[RNIC_RC_SQ_FMR], test->a.qpn + 2);
	gpair_connect(&test->a, &test->b);
	fill(test->rdma.memory, work.len, 1);
	/* Nobody receives: it is lost, and sent all the same. */
	gpair_send(&test->a, &work);
	sent_unreliably(test, 0);
	gpair_recv(&test->b, AREA + TO, 4096);
	gpair_send(&test->a, &work);
	cqe = rdma_wait(&test->rdma, &id);
	if (cqe.type == RNIC_CQE_UD_SEND)
		cqe = rdma_wait(&test->rdma, &id);
	else
		sent_unreliably(test, 1);
	assert_int_equal(cqe.type, RNIC_CQE_RC_SEND_IMM);
	assert_int_equal(cqe.recv.msg_len, work.len);
	assert_int_equal(cqe.recv.imm_data, work.immediate);
	assert_memory_equal(test->rdma.memory, test->rdma.memory + TO, work.len);
	/* Only what is signaled has a completion, which stands for all before it. */
	work = (struct gwork){ .type = RNIC_WQE_WRITE,
			       .local = AREA,
			       .len = 5000,
			       .remote = AREA + TO,
			       .rkey = test->rdma.key };
	fill(test->rdma.memory, work.len, 2);
	for (uint32_t i = 2; i < 200; i++) {
		work.signaled = i % 3 == 0;
		gpair_send(&test->a, &work);
		if (work.signaled)
			sent_unreliably(test, i);
	}
	assert_memory_equal(test->rdma.memory, test->rdma.memory + TO, work.len);
	/* No READ */
	work.type = RNIC_WQE_READ;
	test->a.read = test->a.recv;
	gpair_send(&test->a, &work);
	cqe = rdma_wait(&test->rdma, &id);
	assert_int_equal(id, test->a.send.id);
	assert_int_equal(cqe.error.type, RNIC_CQE_ERROR);
	assert_int_equal(cqe.error.vendor_error, RNIC_ERR_TX_WQE_UNSUPPORTED);
	assert_int_equal(gpair_end(&test->a), 0);
	assert_int_equal(gpair_end(&test->b), 0);
}

/** two_unreliable() - two queue pairs of UC, connected to each other */
static void two_unreliable(struct test *test, uint64_t features)
{
	rdma_up(&test->rdma, &test->guest, 0, 1, features);
	assert_int_equal(gpair_new_uc(&test->rdma, &test->a), 0);
	assert_int_equal(gpair_new_uc(&test->rdma, &test->b), 0);
	gpair_connect(&test->a, &test->b);
}

static void a_request_of_uc_that_fails_ends_in_error(void **state)
{
	struct test *test = *state;
	struct gwork good = { .type = RNIC_WQE_WRITE,
			      .local = AREA,
			      .len = 64,
			      .remote = AREA + TO,
			      .signaled = true };
	struct gwork bad = good;

	two_unreliable(test, RNIC_ADAPTER_CLIENT_ERROR_CQE);
	good.rkey = bad.rkey = test->rdma.key;
	bad.lkey = 0x100;
	fill(test->rdma.memory, 64, 3);
	/* The second time is like the first: RESET forgets what the driver was told. */
	for (unsigned int i = 0; i < 2; i++) {
		memset(test->rdma.memory + TO, 0, 64);
		gpair_put(&test->a, &bad);
		gpair_send(&test->a, &good);
		assert_int_equal(error_of(test, test->a.send.id), RNIC_ERR_TX_MSG_ACCESS_VIOLATION);
		settle(&test->host);
		assert_false(cq_take(&test->rdma.cq, &(struct gdma_cqe){ .info = 0 }));
		/* The driver has flushed the entries after it: they are never sent. */
		assert_int_not_equal(gpair_state(&test->a, QPS_RTS, NULL), 0);
		gpair_send(&test->a, &good);
		settle(&test->host);
		assert_false(cq_take(&test->rdma.cq, &(struct gdma_cqe){ .info = 0 }));
		assert_memory_equal(test->rdma.memory + TO, (const uint8_t[64]){ 0 }, 64);
		start_again(test);
		gpair_send(&test->a, &good);
		sent_unreliably(test, 0);
		WAIT(&test->host, !memcmp(test->rdma.memory, test->rdma.memory + TO, 64));
		start_again(test);
	}
}

static void a_receive_entry_of_uc_that_makes_no_sense_ends_in_error(void **state)
{
	struct test *test = *state;
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 64 };
	struct gdma_wqe header = { .num_sge = 255, .inline_oob_size_div4 = 2 };
	uint8_t wqe[GDMA_WQE_UNIT] = { 0 };
	struct gdma_eqe eqe;

	two_unreliable(test, 0);
	memcpy(wqe, &header, sizeof(header));
	wqe_put(&test->b.recv, wqe, sizeof(wqe));
	gpair_recv(&test->b, AREA + TO, 64);
	gpair_send(&test->a, &work);
	WAIT(&test->host, eq_take(&test->rdma.notify, &eqe));
	assert_int_equal(eqe.type, GDMA_EQE_RNIC_QP_FATAL);
	assert_int_equal(eqe.details[0], test->b.qpn);
	settle(&test->host);
	assert_int_not_equal(gpair_state(&test->b, QPS_RTS, NULL), 0);
	/* After RESET it works again, and its next error has an event, too. */
	start_again(test);
	work.lkey = 0x100;
	gpair_send(&test->b, &work);
	WAIT(&test->host, eq_take(&test->rdma.notify, &eqe));
	assert_int_equal(eqe.details[0], test->b.qpn);
	settle(&test->host);
	assert_int_not_equal(gpair_state(&test->b, QPS_RTS, NULL), 0);
	assert_false(eq_take(&test->rdma.notify, &eqe));
}

/** damaged() - give the vPort a WRITE for that queue pair, with a wrong ICRC */
static void damaged(struct test *test, uint32_t number)
{
	const struct roce_address address = { .ip_version = 4,
					      .src_ip = { 192, 0, 2, 1 },
					      .dst_ip = { 192, 0, 2, 1 },
					      .udp_source = 0xc000 };
	struct vport *vport = &test->host.adapter->vport[0];
	struct roce_packet packet = { .operation = ROCE_WRITE_ONLY, .dest_qpn = number };
	uint8_t trailer[ROCE_TRAILER_MAX];
	struct iovec iov[2];

	roce_build(&packet, &address);
	memcpy(packet.headers, vport->config->mac, 6);
	iov[1] = (struct iovec){ trailer, roce_trailer(&packet, NULL, 0, trailer) };
	iov[0] = (struct iovec){ packet.headers, packet.payload_off };
	trailer[0] ^= 1;
	inbox_deliver(vport, UINT_MAX,
		      &(struct frame){ .iov = iov,
				       .iovcnt = 2,
				       .len = (uint32_t)(iov[0].iov_len + iov[1].iov_len) });
}

static void ports_count_what_queue_pairs_do(void **state)
{
	struct test *test = *state;
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 3000 };
	struct adapter_port_counters before, after;
	uint32_t id, psn;

	two_pairs(test, 0);
	damaged(test, test->b.qpn);
	damaged(test, 0x777777);
	WAIT(&test->host, (before = host_counters(&test->host, 0), before.rdma.icrc_errors == 1));
	assert_int_equal(before.rdma.dropped, 1);
	assert_int_equal(before.rdma.rx_packets, 0);
	/* Nobody receives: RNR NAKs, each sent and received, and the request again, until somebody does */
	psn = gpair_send(&test->a, &work);
	WAIT(&test->host, (before = host_counters(&test->host, 0),
			   before.rdma.retransmitted >= 3 && before.rdma.rnr_naks >= 4));
	gpair_recv(&test->b, AREA + TO, 4096);
	rdma_wait(&test->rdma, &id);
	finish(test, &test->a, psn);
	settle(&test->host);
	before = host_counters(&test->host, 0);
	assert_true(before.rdma.rnr_naks % 2 == 0);
	assert_true(before.rdma.tx_bytes >= 3000 + before.rdma.retransmitted * (3000 % RDMA_MTU));
	assert_int_equal(before.rdma.tx_packets, before.rdma.rx_packets);
	assert_int_equal(before.rdma.tx_bytes, before.rdma.rx_bytes);
	assert_int_equal(before.rdma.naks, 0);
	/* They stay when the queue pairs are reset, and when they go. */
	assert_int_equal(gpair_state(&test->a, QPS_RESET, NULL), 0);
	assert_int_equal(gpair_end(&test->a), 0);
	assert_int_equal(gpair_state(&test->b, QPS_RESET, NULL), 0);
	after = host_counters(&test->host, 0);
	assert_memory_equal(&before.rdma, &after.rdma, sizeof(before.rdma));
}

/** count_cost() - of a look at all counters, without the time that lanes take to answer */
static uint32_t count_cost(struct host *host, struct adapter_port_counters *counters)
{
	uint32_t start = budget_spent, waited = budget_waited;

	adapter_counters(host->adapter, counters);
	return budget_since(start) - (budget_waited - waited);
}

static void all_ports_are_counted_in_one_pass(void **state)
{
	static const char *const fabrics[] = { "sink", "sink", "sink", NULL };
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 3000 };
	struct adapter_port_counters counters[ADAPTER_PORTS_MAX];
	unsigned int fds_before;
	uint32_t cost, id;
	struct test test;

	(void)state;
	fds_before = open_both(&test.host, &test.guest, 2, fabrics);
	ethernet_up(&test.guest);
	rdma_up(&test.rdma, &test.guest, 1, 1, 0);
	cost = count_cost(&test.host, counters);
	assert_int_equal(gpair_new(&test.rdma, &test.a), 0);
	assert_int_equal(gpair_new(&test.rdma, &test.b), 0);
	gpair_connect(&test.a, &test.b);
	gpair_recv(&test.b, AREA + TO, 4096);
	gpair_send(&test.a, &work);
	rdma_wait(&test.rdma, &id);
	settle(&test.host);
	/* Each queue pair is looked at once, not once for each vPort. */
	assert_int_equal(count_cost(&test.host, counters), cost + 2 * BUDGET_OBJECT);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(counters[i].rdma.tx_bytes, i == 1 ? 3000 : 0);
	close_both(&test.host, &test.guest, fds_before);
}

/**
 * between_adapters() - messages from one adapter to another, all of them whole and once
 * @apart:	the two queue pairs are on different lanes
 */
static void between_adapters(const char *fabric, bool apart)
{
	const char *const fabrics[] = { fabric, NULL };
	struct host hosts[2];
	struct guest guests[2];
	struct grdma rdma[2];
	struct gpair pairs[2];
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 200000 };
	union rnic_cqe cqe;
	uint32_t psn, id;

	for (unsigned int i = 0; i < 2; i++) {
		host_open(&hosts[i], i ? 0 : 2, i ? &hosts[0] : NULL, fabrics);
		guest_attach(&guests[i], &hosts[i]);
		ethernet_up(&guests[i]);
		rdma_up(&rdma[i], &guests[i], 0, (uint8_t)(i + 1), 0);
		assert_int_equal(gpair_new(&rdma[i], &pairs[i]), 0);
		if (apart && i)
			assert_int_equal(gpair_new(&rdma[i], &pairs[i]), 0);
	}
	gpair_connect(&pairs[0], &pairs[1]);
	fill(rdma[0].memory, work.len, 3);
	for (unsigned int i = 0; i < 10; i++) {
		memset(rdma[1].memory, 0, work.len);
		gpair_recv(&pairs[1], AREA, work.len);
		psn = gpair_send(&pairs[0], &work);
		cqe = rdma_wait(&rdma[1], &id);
		assert_int_equal(cqe.recv.msg_len, work.len);
		assert_memory_equal(rdma[0].memory, rdma[1].memory, work.len);
		gpair_arm(&pairs[0], psn);
		cqe = rdma_wait(&rdma[0], &id);
		assert_int_equal(cqe.armed.psn, psn);
	}
	assert_true(host_counters(&hosts[0], 0).fabric.tx_frames >= 10 * (200000 / RDMA_MTU));
	if (host_counters(&hosts[0], 0).fabric.tx_lost) {
		assert_true(host_counters(&hosts[0], 0).rdma.retransmitted);
		assert_true(host_counters(&hosts[1], 0).rdma.out_of_sequence);
		assert_true(host_counters(&hosts[1], 0).rdma.naks);
	}
	for (unsigned int i = 2; i-- > 0;) {
		guest_detach(&guests[i]);
		host_close(&hosts[i]);
	}
}

static void two_adapters_on_a_switch(void **state)
{
	(void)state;
	between_adapters("switch", false);
}

static void two_adapters_on_a_switch_and_two_lanes(void **state)
{
	(void)state;
	between_adapters("switch", true);
}

static void two_adapters_on_a_switch_that_loses_frames(void **state)
{
	(void)state;
	between_adapters("switch+loss=1%+duplicate=1%+reorder=1%+seed=7", false);
	between_adapters("switch+loss=1%+duplicate=1%+reorder=1%+seed=8", true);
}

/** ethernet_got() - the next frame that the vPort's receive queue gets is a SEND of that many bytes */
static void ethernet_got(struct guest *guest, struct gnet *net, uint32_t len)
{
	struct roce_packet packet;
	struct iovec iov;

	iov.iov_len = rx_wait(guest, &net->rq).ppi[0].pkt_len;
	iov.iov_base = net_buffer(net);
	assert_int_equal(roce_parse(&packet, &iov, 1, iov.iov_len), 0);
	assert_int_equal(packet.operation, ROCE_SEND_ONLY);
	assert_int_equal(packet.payload_len, len);
}

static void packets_are_ordinary_ones_for_a_vport_without_queue_pairs(void **state)
{
	static const char *const fabrics[] = { "switch:ordinary", NULL };
	static const uint8_t broadcast[64] = { 0xff, 0xff,       0xff,        0xff, 0xff,
					       0xff, [6] = 0x02, [12] = 0x88, 0xb5 };
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 100 };
	struct gnet nets[2];
	struct host hosts[2];
	struct guest guests[2];
	struct grdma rdma[2];
	struct gpair pairs[2];
	struct mana_tx_oob oob;
	uint64_t frames;
	uint32_t id;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		host_open(&hosts[i], i ? 0 : 1, i ? &hosts[0] : NULL, fabrics);
		guest_attach(&guests[i], &hosts[i]);
		ethernet_up(&guests[i]);
		net_up(&guests[i], 0, &nets[i]);
		rdma_up(&rdma[i], &guests[i], 0, (uint8_t)(i + 1), 0);
		assert_int_equal(gpair_new(&rdma[i], &pairs[i]), 0);
	}
	net_post(&guests[1], &nets[1], GNET_BUFFERS);
	/* It has a queue pair, but one that receives nothing yet. */
	assert_int_equal(gpair_state(&pairs[0], QPS_INIT, NULL), 0);
	assert_int_equal(gpair_state(&pairs[0], QPS_RTR, &pairs[1]), 0);
	assert_int_equal(gpair_state(&pairs[0], QPS_RTS, &pairs[1]), 0);
	gpair_send(&pairs[0], &work);
	ethernet_got(&guests[1], &nets[1], work.len);
	/* With one that does, they are the queue pair's, and all other frames are as before. */
	assert_int_equal(gpair_state(&pairs[0], QPS_RESET, NULL), 0);
	pairs[0].send.tail = 0;
	gpair_connect(&pairs[0], &pairs[1]);
	settle(&hosts[1]);
	frames = host_counters(&hosts[1], 0).rx_frames;
	gpair_recv(&pairs[1], AREA, 4096);
	gpair_send(&pairs[0], &work);
	rdma_wait(&rdma[1], &id);
	assert_int_equal(id, pairs[1].qpn);
	assert_int_equal(host_counters(&hosts[1], 0).rx_frames, frames);
	memcpy(nets[0].frame, broadcast, sizeof(broadcast));
	oob = send_oob(&nets[0].port, &nets[0].sq);
	send_frame(&guests[0], &nets[0].sq, &oob, nets[0].frame, sizeof(broadcast));
	WAIT(&hosts[1], host_counters(&hosts[1], 0).rx_frames == frames + 1);
	/* And when it is gone: ordinary again */
	assert_int_equal(gpair_end(&pairs[1]), 0);
	gpair_send(&pairs[0], &work);
	WAIT(&hosts[1], host_counters(&hosts[1], 0).rx_frames > frames + 1);
	for (unsigned int i = 2; i-- > 0;) {
		guest_detach(&guests[i]);
		host_close(&hosts[i]);
	}
}

/** capture_check() - packets of one SEND, at least once each, whole and with a right ICRC */
static void capture_check(const char *capture, const struct gpair *peer, const uint8_t *message,
			  uint32_t len)
{
	static const uint8_t operations[] = { ROCE_SEND_FIRST, ROCE_SEND_MIDDLE, ROCE_SEND_LAST };
	char error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	struct roce_packet packet;
	const uint8_t *bytes;
	pcap_t *pcap = pcap_open_offline(capture, error);

	assert_non_null(pcap);
	for (uint32_t i = 0; i * RDMA_MTU < len; i++) {
		const uint32_t rest = len - i * RDMA_MTU;
		struct iovec iov;

		assert_int_equal(pcap_next_ex(pcap, &header, &bytes), 1);
		iov = (struct iovec){ (void *)(uintptr_t)bytes, header->caplen };
		assert_int_equal(roce_parse(&packet, &iov, 1, header->caplen), 0);
		assert_true(roce_icrc_ok(&packet, &iov, 1));
		assert_memory_equal(bytes, peer->rdma->mac, 6);
		assert_int_equal(packet.operation, operations[i]);
		assert_int_equal(packet.dest_qpn, peer->qpn);
		assert_int_equal(packet.psn, (0xfffff0 + i) & ROCE_PSN_MASK);
		assert_int_equal(packet.payload_len, rest < RDMA_MTU ? rest : RDMA_MTU);
		assert_memory_equal(bytes + packet.payload_off, message + i * RDMA_MTU,
				    packet.payload_len);
	}
	pcap_close(pcap);
}

/* What one adapter sends into a capture file, another one reads from it. */
static void a_capture_is_sent_and_received(void **state)
{
	char capture[] = "/tmp/test-rdma-XXXXXX", spec[64];
	const char *const fabrics[] = { spec, NULL };
	struct gwork work = { .type = RNIC_WQE_RC_SEND, .local = AREA, .len = 3000 };
	struct test sender, receiver;
	struct grdma absent = { .ip = { 192, 0, 2, 2 } };
	struct gpair peer = { .rdma = &absent };
	uint8_t message[3000];
	struct stat status;
	struct gnet net;
	union rnic_cqe cqe;
	uint32_t id;
	int fd = mkstemp(capture);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(spec, sizeof(spec), "pcap:%s", capture);
	sender.fds_before = open_both(&sender.host, &sender.guest, 1, fabrics);
	ethernet_up(&sender.guest);
	rdma_up(&sender.rdma, &sender.guest, 0, 1, 0);
	assert_int_equal(gpair_new(&sender.rdma, &sender.a), 0);
	/* The second adapter is like the first, but for its address. */
	peer.qpn = sender.a.qpn;
	memcpy(absent.mac, sender.rdma.mac, sizeof(absent.mac));
	absent.mac[4]++;
	assert_int_equal(gpair_state(&sender.a, QPS_INIT, NULL), 0);
	assert_int_equal(gpair_state(&sender.a, QPS_RTR, &peer), 0);
	assert_int_equal(gpair_state(&sender.a, QPS_RTS, &peer), 0);
	fill(message, sizeof(message), 7);
	memcpy(sender.rdma.memory, message, sizeof(message));
	gpair_send(&sender.a, &work);
	WAIT(&sender.host, host_counters(&sender.host, 0).fabric.tx_frames >= 3);
	assert_int_equal(gpair_end(&sender.a), 0);
	adapter_flush(sender.host.adapter);
	WAIT(&sender.host, !stat(capture, &status) && status.st_size > 3000);
	close_both(&sender.host, &sender.guest, sender.fds_before);
	capture_check(capture, &peer, message, sizeof(message));

	snprintf(spec, sizeof(spec), "pcap+replay=%s", capture);
	receiver.fds_before = open_both(&receiver.host, &receiver.guest, 1, fabrics);
	ethernet_up(&receiver.guest);
	rdma_up(&receiver.rdma, &receiver.guest, 0, 2, 0);
	assert_memory_equal(receiver.rdma.mac, absent.mac, sizeof(absent.mac));
	assert_int_equal(gpair_new(&receiver.rdma, &receiver.a), 0);
	assert_int_equal(receiver.a.qpn, peer.qpn);
	memcpy(absent.ip, sender.rdma.ip, sizeof(absent.ip));
	memcpy(absent.mac, sender.rdma.mac, sizeof(absent.mac));
	gpair_recv(&receiver.a, AREA, 4096);
	assert_int_equal(gpair_state(&receiver.a, QPS_INIT, NULL), 0);
	assert_int_equal(gpair_state(&receiver.a, QPS_RTR, &peer), 0);
	/* A replay waits for Ethernet's queues, as the frames of most are for these. */
	net_up(&receiver.guest, 0, &net);
	cqe = rdma_wait(&receiver.rdma, &id);
	assert_int_equal(id, receiver.a.qpn);
	assert_int_equal(cqe.recv.msg_len, sizeof(message));
	assert_memory_equal(receiver.rdma.memory, message, sizeof(message));
	close_both(&receiver.host, &receiver.guest, receiver.fds_before);
	unlink(capture);
}

#define ADDRESS6(host) 0x20, 0x01, 0x0d, 0xb8, [15] = (host)

/** struct datagrams - a queue pair with number 1. @six: it sends over IPv6, from 2001:db8::N */
struct datagrams {
	struct grdma *rdma;
	uint64_t handle;
	bool six;
	struct gwq send, recv;
};

static void datagrams_new(struct grdma *rdma, struct datagrams *ud)
{
	struct rnic_create_ud_qp_req request = { .adapter = rdma->adapter,
						 .pd_handle = rdma->pd,
						 .send_cq_handle = rdma->cq_handle,
						 .recv_cq_handle = rdma->cq_handle,
						 .qp_type = RNIC_QPT_GSI,
						 .doorbell_page = rdma->doorbell };
	struct rnic_set_qp_state_req change = { .adapter = rdma->adapter,
						.attr_mask = 1 | 1u << 6 | 1u << 16,
						.qkey = 0x80010000 };
	struct rnic_create_ud_qp_resp response;
	struct gdma_general_resp answer;

	ud->rdma = rdma;
	for (unsigned int i = 0; i < RNIC_UD_QUEUE_COUNT; i++) {
		struct gwq *wq = i == RNIC_UD_SQ ? &ud->send : &ud->recv;

		*wq = (struct gwq){ .type = i == RNIC_UD_SQ ? GDMA_SQ : GDMA_RQ,
				    .size = 4096,
				    .doorbell = rdma->doorbell };
		wq->ring = guest_alloc(rdma->guest, 4096);
		request.dma_region[i] = region_of(rdma->guest, wq->ring, 4096);
	}
	assert_int_equal(COMMAND(rdma->guest, RNIC_CREATE_UD_QP, &request, &response, 1), 0);
	ud->send.id = response.queue_ids[RNIC_UD_SQ];
	ud->recv.id = response.queue_ids[RNIC_UD_RQ];
	assert_int_equal(ud->recv.id, 1);
	ud->handle = change.qp_handle = response.qp_handle;
	for (change.qp_state = QPS_INIT; change.qp_state <= QPS_RTS; change.qp_state++)
		assert_int_equal(COMMAND(rdma->guest, RNIC_SET_QP_STATE, &change, &answer, 3), 0);
	/* There is only one. */
	assert_int_not_equal(COMMAND(rdma->guest, RNIC_CREATE_UD_QP, &request, &response, 1), 0);
}

/** datagram_put() - as mana_ib posts one: the address is the first element */
static void datagram_put(struct datagrams *ud, const struct grdma *to, uint8_t from, uint32_t len)
{
	struct gdma_wqe header = { .num_sge = 2,
				   .inline_oob_size_div4 = 6,
				   .client_oob_in_sgl = 1 };
	struct rnic_send_oob oob = { .wqe_type = RNIC_WQE_UD_SEND,
				     .ssn_or_rqpn = 1,
				     .ud = { .remote_qkey = 0x80010000 } };
	struct rnic_av av = { .udp_src_port = 0xc000, .hop_limit = 64, .is_ipv6 = ud->six };
	uint32_t place = RDMA_MEMORY / 2 + ud->send.tail; /* of its own: they are read later */
	struct gdma_sge sge[2] = { { RDMA_BASE + place, ud->rdma->key, sizeof(av) },
				   { RDMA_BASE, ud->rdma->key, len } };
	const uint8_t source[4] = { 192, 0, 2, from };
	uint8_t wqe[64] = { 0 };

	if (ud->six) {
		rnic_reverse(av.dest_ip, (uint8_t[16]){ ADDRESS6(to->ip[3]) }, RNIC_IP_SIZE);
		rnic_reverse(av.src_ip, (uint8_t[16]){ ADDRESS6(from) }, RNIC_IP_SIZE);
	} else {
		av.dest_ip[10] = av.dest_ip[11] = 0xff;
		rnic_reverse(av.dest_ip + 12, to->ip, 4);
		rnic_reverse(av.src_ip + 12, source, 4);
	}
	rnic_reverse(av.dest_mac, to->mac, RNIC_MAC_SIZE);
	memcpy(ud->rdma->memory + place, &av, sizeof(av));
	memcpy(wqe, &header, sizeof(header));
	memcpy(wqe + 8, &oob, sizeof(oob));
	memcpy(wqe + 32, sge, sizeof(sge));
	wqe_put(&ud->send, wqe, sizeof(wqe));
}

static void datagram_send(struct datagrams *ud, const struct grdma *to, uint8_t from, uint32_t len)
{
	datagram_put(ud, to, from, len);
	ring_wq(ud->rdma->guest, &ud->send);
}

/** datagram_done() - the next completion is that of the @n-th datagram; its error's code */
static uint32_t datagram_done(struct datagrams *ud, uint32_t n)
{
	uint32_t id;
	union rnic_cqe cqe = rdma_wait(ud->rdma, &id);

	assert_int_equal(id, ud->send.id);
	assert_int_equal(cqe.type, RNIC_CQE_UD_SEND);
	assert_int_equal(cqe.ud_send.tx_wqe_offset, n * 2);
	return cqe.ud_send.vendor_error;
}

static void datagrams_of_a_queue_pair_in_error_are_flushed_in_order(void **state)
{
	struct test *test = *state;
	struct rnic_set_qp_state_req change = { .attr_mask = 1, .qp_state = QPS_ERR };
	struct gdma_general_resp answer;
	struct datagrams ud = { .six = false };
	uint32_t code;

	rdma_up(&test->rdma, &test->guest, 0, 1, 0);
	datagrams_new(&test->rdma, &ud);
	/* The third is from an address that is not configured. */
	for (uint32_t i = 0; i < 60; i++)
		datagram_put(&ud, &test->rdma, i == 2 ? 99 : 1, 64);
	ring_wq(&test->guest, &ud.send);
	for (uint32_t i = 0; i < 2; i++) {
		code = datagram_done(&ud, i);
		assert_true(!code || code == RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE);
	}
	assert_int_equal(datagram_done(&ud, 2), RNIC_ERR_TX_INVALID_SGID & 0x1ff);
	for (uint32_t i = 3; i < 60; i++)
		assert_int_equal(datagram_done(&ud, i), RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE);
	/* What comes later, too; also where it is the driver that ends it */
	change.adapter = test->rdma.adapter;
	change.qp_handle = ud.handle;
	assert_int_equal(COMMAND(&test->guest, RNIC_SET_QP_STATE, &change, &answer, 3), 0);
	for (uint32_t i = 60; i < 63; i++) {
		datagram_send(&ud, &test->rdma, 1, 64);
		assert_int_equal(datagram_done(&ud, i), RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE);
	}
	/* RESET forgets them. */
	assert_false(eq_take(&test->rdma.notify, &(struct gdma_eqe){ .type = 0 }));
	change.qp_state = QPS_RESET;
	assert_int_equal(COMMAND(&test->guest, RNIC_SET_QP_STATE, &change, &answer, 3), 0);
	datagram_send(&ud, &test->rdma, 1, 64);
	settle(&test->host);
	assert_false(cq_take(&test->rdma.cq, &(struct gdma_cqe){ .info = 0 }));
}

static void a_bad_entry_for_datagrams_is_an_event(void **state)
{
	struct test *test = *state;
	uint8_t entry[GDMA_WQE_UNIT];
	struct datagrams ud = { .six = false };
	struct gdma_eqe eqe;

	/* Also where completions were asked for: drivers would take one for a datagram. */
	rdma_up(&test->rdma, &test->guest, 0, 1, RNIC_ADAPTER_CLIENT_ERROR_CQE);
	datagrams_new(&test->rdma, &ud);
	memset(entry, 0xff, sizeof(entry));
	wqe_put(&ud.recv, entry, sizeof(entry));
	ring_wq(&test->guest, &ud.recv);
	datagram_send(&ud, &test->rdma, 1, 64);
	assert_int_equal(datagram_done(&ud, 0), 0);
	WAIT(&test->host, eq_take(&test->rdma.notify, &eqe));
	assert_int_equal(eqe.type, GDMA_EQE_RNIC_QP_FATAL);
	assert_int_equal(eqe.details[0], 1);
	assert_false(cq_take(&test->rdma.cq, &(struct gdma_cqe){ .info = 0 }));
}

/** grh_check() - the 40 bytes in front of a datagram, by which Linux finds out whom it came from */
static void grh_check(const uint8_t *grh, uint8_t from, uint8_t to, bool six)
{
	const uint8_t source[16] = { ADDRESS6(from) }, target[16] = { ADDRESS6(to) };
	const uint8_t addresses[8] = { 192, 0, 2, from, 192, 0, 2, to }, nothing[20] = { 0 };
	uint32_t sum = 0;

	if (six) {
		assert_int_equal(grh[0] >> 4, 6);
		assert_int_equal(grh[6], 17);
		assert_memory_equal(grh + 8, source, 16);
		assert_memory_equal(grh + 24, target, 16);
		return;
	}
	assert_memory_equal(grh, nothing, 20);
	assert_int_equal(grh[20], 0x45);
	assert_int_equal(grh[29], 17);
	assert_memory_equal(grh + 32, addresses, 8);
	for (unsigned int i = 20; i < 40; i += 2)
		sum += (uint32_t)(grh[i] << 8 | grh[i + 1]);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

static void datagrams_between_adapters(void **state)
{
	static const char *const fabrics[] = { "switch", NULL };
	struct gdma_wqe header = { .num_sge = 1, .inline_oob_size_div4 = 2 };
	struct rnic_config_ip_addr_req ip;
	struct gdma_general_resp answer;
	struct datagrams ud[2];
	struct host hosts[2];
	struct guest guests[2];
	struct grdma rdma[2];
	union rnic_cqe cqe;
	uint32_t id;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		host_open(&hosts[i], i ? 0 : 1, i ? &hosts[0] : NULL, fabrics);
		guest_attach(&guests[i], &hosts[i]);
		ethernet_up(&guests[i]);
		rdma_up(&rdma[i], &guests[i], 0, (uint8_t)(i + 1), 0);
		ip = (struct rnic_config_ip_addr_req){ .adapter = rdma[i].adapter,
						       .op = RNIC_ADDR_ADD,
						       .addr_type = RNIC_ADDR_IPV6 };
		rnic_reverse(ip.ip_addr, (uint8_t[16]){ ADDRESS6((uint8_t)(i + 1)) }, RNIC_IP_SIZE);
		assert_int_equal(COMMAND(&guests[i], RNIC_CONFIG_IP_ADDR, &ip, &answer, 1), 0);
		datagrams_new(&rdma[i], &ud[i]);
	}
	for (uint32_t i = 0; i < 200; i++) {
		struct gdma_sge sge = { RDMA_BASE, rdma[1].key, 296 };
		uint8_t wqe[GDMA_WQE_UNIT] = { 0 };

		memcpy(wqe, &header, sizeof(header));
		memcpy(wqe + 16, &sge, sizeof(sge));
		wqe_put(&ud[1].recv, wqe, sizeof(wqe));
		ring_wq(&guests[1], &ud[1].recv);
		fill(rdma[0].memory, 256, i);
		ud[0].six = i % 2;
		datagram_send(&ud[0], &rdma[1], 1, 256);
		cqe = rdma_wait(&rdma[1], &id);
		assert_int_equal(id, 1);
		assert_int_equal(cqe.type, RNIC_CQE_UD_SEND);
		assert_int_equal(cqe.recv.msg_len, 256 + 40);
		assert_int_equal(cqe.recv.psn, 1); /* the sender's number */
		assert_int_equal(cqe.recv.rx_wqe_offset, i * GDMA_WQE_UNIT);
		grh_check(rdma[1].memory, 1, 2, i % 2);
		assert_memory_equal(rdma[1].memory + 40, rdma[0].memory, 256);
		cqe = rdma_wait(&rdma[0], &id);
		assert_int_equal(id, ud[0].send.id);
		assert_int_equal(cqe.type, RNIC_CQE_UD_SEND);
		assert_int_equal(cqe.ud_send.vendor_error, 0);
		assert_int_equal(cqe.ud_send.tx_wqe_offset, i * 2);
	}
	/* From an address that is not configured */
	datagram_send(&ud[0], &rdma[1], 99, 256);
	WAIT(&hosts[0], harness_said("is not valid"));
	for (unsigned int i = 2; i-- > 0;) {
		guest_detach(&guests[i]);
		host_close(&hosts[i]);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_in_blocks_of_four),
		TEST(a_message_arrives_and_is_acknowledged),
		TEST(a_psn_that_is_acknowledged_is_answered_at_once),
		TEST(data_is_written_and_read),
		TEST(a_key_reaches_what_its_owner_allowed),
		TEST(errors_are_events_unless_asked_for),
		TEST(entries_that_make_no_sense_put_the_queue_pair_in_error),
		TEST(a_queue_that_is_left_behind_has_one_completion),
		TEST(an_entry_is_refused_when_those_before_it_are_done),
		TEST(states_and_addresses_are_checked),
		TEST(queue_pairs_come_and_go),
		TEST(packets_for_nobody_are_counted),
		TEST(counters_count),
		TEST(memory_that_overlaps_is_written_as_by_memmove),
		cmocka_unit_test(a_connected_queue_pair_keeps_its_port),
		TEST(ports_count_what_queue_pairs_do),
		cmocka_unit_test(all_ports_are_counted_in_one_pass),
		TEST(unreliable_connections_carry_data),
		TEST(a_request_of_uc_that_fails_ends_in_error),
		TEST(a_receive_entry_of_uc_that_makes_no_sense_ends_in_error),
		cmocka_unit_test(two_adapters_on_a_switch),
		cmocka_unit_test(two_adapters_on_a_switch_and_two_lanes),
		cmocka_unit_test(two_adapters_on_a_switch_that_loses_frames),
		cmocka_unit_test(packets_are_ordinary_ones_for_a_vport_without_queue_pairs),
		cmocka_unit_test(a_capture_is_sent_and_received),
		TEST(datagrams_of_a_queue_pair_in_error_are_flushed_in_order),
		TEST(a_bad_entry_for_datagrams_is_an_event),
		cmocka_unit_test(datagrams_between_adapters),
	};

	guard_install();
	return cmocka_run_group_tests_name("device/rdma", tests, NULL, NULL);
}
