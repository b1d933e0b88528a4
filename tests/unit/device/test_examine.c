/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The examiner: a driver that keeps all rules breaks none; and for each rule, a driver that breaks
 * that one, and no other.
 */
#include "rdma.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/command.h"
#include "device/examine.h"
#include "device/state.h"

#define SMALL_CQ   64u /* entries */
#define SMALL_SQ   4096u
#define FRAME_LEN  100u
#define ALIAS_IOVA 0x300000000ull /* where memory is mapped a second time */

struct test {
	struct host host;
	struct guest guest;
	struct gnet net;
	struct examiner *examiner;
	struct examination last;
	unsigned int ended;
};

static void note_end(void *ctx, const struct examination *examination)
{
	struct test *test = ctx;

	test->last = *examination;
	test->ended++;
}

/** start() - an adapter with two looped ports, whose examiner watches, and a client without HWC */
static void start(struct test *test, bool physical)
{
	memset(test, 0, sizeof(*test));
	test->host.config.ports = 2;
	test->host.config.physical = physical;
	for (unsigned int i = 0; i < 2; i++) {
		struct adapter_port_config *port = &test->host.config.port[i];

		*port = (struct adapter_port_config){ .fabric = "loop",
						      .mtu = ADAPTER_MTU_MAX,
						      .queues = ADAPTER_QUEUES_MAX };
		memcpy(port->mac, (uint8_t[]){ 0, 0xd, 0x3a, 0xbb, 0, (uint8_t)i }, 6);
	}
	host_open_config(&test->host, 1, NULL);
	test->examiner = examiner_open(test->host.adapter, note_end, test);
	assert_non_null(test->examiner);
	guest_attach(&test->guest, &test->host);
}

/** start_net() - and a driver with the first port up */
static void start_net(struct test *test)
{
	start(test, false);
	ethernet_up(&test->guest);
	net_up(&test->guest, 0, &test->net);
}

static void finish(struct test *test)
{
	settle(&test->host);
	guest_detach(&test->guest);
	assert_int_equal(test->ended, 1);
	examiner_close(test->examiner);
	host_close(&test->host);
}

/** expect() - that rule was broken, and no other; EXAMINE_RULES: none */
static void expect(const struct test *test, enum examine_rule rule)
{
	bool right = true;

	for (unsigned int i = 0; i < EXAMINE_RULES; i++) {
		const struct examine_verdict *verdict = &test->last.verdict[i];

		if (!verdict->broken == (i != rule))
			continue;
		right = false;
		print_error("%s: broken %llu times, kept %llu times; %s at %llu: %s, not %s\n",
			    examine_rules[i].id, (unsigned long long)verdict->broken,
			    (unsigned long long)verdict->kept, verdict->first.queue,
			    (unsigned long long)verdict->first.position, verdict->first.seen,
			    verdict->first.expected);
	}
	assert_true(right);
	if (rule == EXAMINE_RULES)
		return;
	assert_true(*test->last.verdict[rule].first.seen != '\0');
	assert_true(*test->last.verdict[rule].first.expected != '\0');
}

/* ---- Parts of a driver ---- */

static void post(struct test *test, struct gwq *sq)
{
	struct gdma_sge sge = sge_of(&test->guest, test->net.frame, FRAME_LEN);
	struct gsend send = { .sge = &sge, .sges = 1, .oob = send_oob(&test->net.port, sq) };

	memset(test->net.frame, 0x22, FRAME_LEN);
	send_post(sq, &send);
}

/** send_n() - send frames one at a time, and read their completions */
static void send_n(struct test *test, struct gwq *sq, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		post(test, sq);
		ring_wq(&test->guest, sq);
		assert_int_equal(tx_wait(&test->guest, sq), MANA_CQE_TX_OKAY);
	}
}

/** loop_n() - send frames and receive them */
static void loop_n(struct test *test, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		net_post(&test->guest, &test->net, 1);
		send_n(test, &test->net.sq, 1);
		rx_wait(&test->guest, &test->net.rq);
		net_buffer(&test->net);
	}
}

static void fence(struct test *test)
{
	struct mana_fence_rq_req request = { .wq_obj = test->net.rq.handle };
	struct gdma_general_resp response;

	assert_int_equal(COMMAND(&test->guest, MANA_FENCE_RQ, &request, &response, 1), 0);
	assert_int_equal(rx_wait(&test->guest, &test->net.rq).cqe_hdr.cqe_type,
			 MANA_CQE_RX_OBJECT_FENCE);
}

static void net_down(struct test *test)
{
	struct gsteer none = { .enable = false };

	assert_int_equal(steer(&test->guest, &test->net.port, &none), 0);
	fence(test);
	assert_int_equal(wq_end(&test->guest, &test->net.rq), 0);
	assert_int_equal(wq_end(&test->guest, &test->net.sq), 0);
	assert_int_equal(eq_end(&test->guest, &test->net.eq), 0);
}

static uint32_t deregister(struct test *test)
{
	return simple(&test->guest, GDMA_DEREGISTER_DEVICE, GDMA_DEVICE_MANA, NULL,
		      sizeof(struct gdma_general_resp), 1);
}

/** unload() - the end of a driver that leaves nothing */
static void unload(struct test *test)
{
	net_down(test);
	assert_int_equal(deregister(test), 0);
	assert_int_equal(hwc_down(&test->guest), SMC_STATUS_SUCCESS);
}

static struct gdma_general_req query(struct test *test)
{
	struct gdma_general_req request = { 0 };

	request_begin(&test->guest, &request, GDMA_QUERY_MAX_RESOURCES, sizeof(request),
		      sizeof(struct gdma_query_max_resources_resp), 1);
	return request;
}

/** put_request() - post an entry of the hardware channel, without a doorbell */
static void put_request(struct guest *guest, uint8_t *memory, const void *message, uint32_t len)
{
	struct {
		struct gdma_wqe header;
		struct hwc_tx_oob oob;
		struct gdma_sge sge;
		uint8_t padding[16];
	} sqe = { .header = { .num_sge = 1, .inline_oob_size_div4 = 6 },
		  .oob = { .vscq_id = guest->hcq.id & 0xffffffu,
			   .vsq_id = guest->hsq.id & 0xffffffu },
		  .sge = { guest_iova(guest, memory), guest->hwc_key, len } };

	memcpy(memory, message, len);
	wqe_put(&guest->hsq, &sqe, sizeof(sqe));
}

/** two_requests() - in flight at the same time */
static void two_requests(struct test *test, bool same_id)
{
	struct guest *guest = &test->guest;
	struct gdma_general_req request = query(test);
	uint8_t *memory = guest_alloc(guest, 4 * MANA_PAGE_SIZE);
	struct gdma_sge buffer = { guest_iova(guest, memory), guest->hwc_key, MANA_PAGE_SIZE };

	for (unsigned int i = 0; i < 2; i++) {
		receive_post(&guest->hrq, &buffer, 1);
		buffer.address += MANA_PAGE_SIZE;
		put_request(guest, memory + (2 + i) * MANA_PAGE_SIZE, &request, sizeof(request));
		request.hdr.req.hwc_msg_id =
			(uint16_t)(request.hdr.req.hwc_msg_id + (same_id ? 0 : 1));
	}
	ring_wq(guest, &guest->hrq);
	ring_wq(guest, &guest->hsq);
}

/** put_entry() - post an entry with one element on a send queue, ring, and wait until it was taken */
static void put_entry(struct test *test, struct gwq *sq, struct gdma_wqe header,
		      struct mana_tx_oob oob)
{
	struct gdma_sge sge = sge_of(&test->guest, test->net.frame, FRAME_LEN);
	uint8_t wqe[GDMA_SQE_SIZE_MAX] = { 0 };

	memset(test->net.frame, 0x22, FRAME_LEN);
	memcpy(wqe, &header, sizeof(header));
	memcpy(wqe + 8, &oob, sizeof(oob.s));
	memcpy(wqe + 16, &sge, sizeof(sge));
	wqe_put(sq, wqe, GDMA_WQE_UNIT);
	ring_wq(&test->guest, sq);
	tx_wait(&test->guest, sq);
}

static const struct gdma_wqe usual = { .num_sge = 1, .inline_oob_size_div4 = 2 };

/** region_alone() - a region that no object has */
static uint64_t region_alone(struct test *test, size_t len)
{
	return region_of(&test->guest, guest_alloc(&test->guest, len), len);
}

static uint32_t create_eq(struct test *test, uint64_t region, uint32_t size, uint32_t vector)
{
	struct gdma_create_queue_req request = { .type = GDMA_EQ,
						 .pdid = test->guest.pd,
						 .doorbell_page = test->guest.doorbell,
						 .queue_size = size,
						 .dma_region = region,
						 .eq_msix_index = vector };
	struct gdma_create_queue_resp response;

	return COMMAND(&test->guest, GDMA_CREATE_QUEUE, &request, &response, 1);
}

static uint32_t destroy_pd(struct test *test, uint64_t handle)
{
	struct gdma_destroy_pd_req request = { .pd_handle = handle };
	struct gdma_general_resp response;

	return COMMAND(&test->guest, GDMA_DESTROY_PD, &request, &response, 1);
}

static void test_events(struct test *test, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct gdma_generate_test_event_req request = { .queue_index = test->net.eq.id };
		struct gdma_general_resp response;

		assert_int_equal(
			COMMAND(&test->guest, GDMA_GENERATE_TEST_EQE, &request, &response, 1), 0);
	}
}

/** struct pages_request - GDMA_CREATE_DMA_REGION with two pages */
struct pages_request {
	struct gdma_create_dma_region_req head;
	uint64_t page[2];
};

static struct pages_request two_pages(struct test *test)
{
	uint64_t iova =
		guest_iova(&test->guest, guest_alloc(&test->guest, 2 * (size_t)MANA_PAGE_SIZE));
	struct pages_request request = {
		.head = { .length = 2 * MANA_PAGE_SIZE, .page_count = 2, .page_addr_list_len = 2 },
		.page = { iova, iova + MANA_PAGE_SIZE }
	};

	return request;
}

static void create_region(struct test *test, struct pages_request request)
{
	struct gdma_create_dma_region_resp response;

	COMMAND(&test->guest, GDMA_CREATE_DMA_REGION, &request, &response, 1);
}

/** small_queue() - another send queue, whose completion queue is soon full */
static struct gwq small_queue(struct test *test)
{
	struct gwq sq;

	assert_int_equal(wq_new(&test->guest, &test->net.port, GDMA_SQ, SMALL_SQ, SMALL_CQ,
				&test->net.eq, &sq),
			 0);
	return sq;
}

/* ---- Drivers that break a rule ---- */

static void break_smc_message(struct test *test)
{
	union smc_header header = { .msg_type = 5 };

	bar_write(&test->guest, 0x1000 + SMC_HEADER_OFFSET, &header, sizeof(header));
}

static void break_hwc_once(struct test *test)
{
	struct smc_message message = hwc_message(&test->guest);

	smc_send(&test->guest, &message);
}

static void break_hwc_header(struct test *test)
{
	struct gdma_general_req request = query(test);

	request.hdr.req.hdr_type = 1;
	guest_send(&test->guest, &request, sizeof(request));
}

static void break_hwc_length(struct test *test)
{
	struct gdma_general_req request = query(test);

	request.hdr.req.msg_size += 8;
	guest_send(&test->guest, &request, sizeof(request));
}

static void break_hwc_message_id(struct test *test)
{
	two_requests(test, true);
}

static void break_hwc_depth(struct test *test)
{
	two_requests(test, false);
}

static void break_hwc_receive(struct test *test)
{
	struct gdma_general_req request = query(test);

	put_request(&test->guest, test->guest.request, &request, sizeof(request));
	ring_wq(&test->guest, &test->guest.hsq);
}

static void break_command_length(struct test *test)
{
	struct {
		struct gdma_general_req request;
		uint64_t more;
	} longer = { .request = query(test) };

	longer.request.hdr.req.msg_size = sizeof(longer);
	guest_send(&test->guest, &longer, sizeof(longer));
}

static void break_command_answer(struct test *test)
{
	struct gdma_general_req request = query(test);

	request.hdr.resp.msg_size -= 4;
	guest_send(&test->guest, &request, sizeof(request));
}

static void break_command_version(struct test *test)
{
	struct gdma_general_req request = query(test);

	request.hdr.req.msg_version = 0;
	guest_send(&test->guest, &request, sizeof(request));
}

static void break_command_reserved(struct test *test)
{
	struct mana_destroy_wq_obj_req request = { .wq_type = GDMA_SQ,
						   .wq_obj = test->net.sq.handle,
						   .reserved = 1 };
	struct gdma_general_resp response;

	COMMAND(&test->guest, MANA_DESTROY_WQ_OBJ, &request, &response, 1);
}

static void break_command_agreed(struct test *test)
{
	struct pages_request request = two_pages(test);

	request.head.page_type = GDMA_PAGE_TYPE_MAX + 1;
	create_region(test, request);
}

static void break_command_first(struct test *test)
{
	struct gdma_general_req request;

	hwc_up(&test->guest);
	request = query(test);
	guest_send(&test->guest, &request, sizeof(request));
}

static void break_command_device(struct test *test)
{
	simple(&test->guest, GDMA_REGISTER_DEVICE, GDMA_DEVICE_MANA, NULL,
	       sizeof(struct gdma_register_device_resp), 1);
}

static void break_object_known(struct test *test)
{
	destroy_pd(test, 5);
}

static void break_object_destroyed(struct test *test)
{
	uint64_t pd;
	uint32_t id;

	pd_new(&test->guest, &pd, &id);
	destroy_pd(test, pd);
	destroy_pd(test, pd);
}

static void break_region_aligned(struct test *test)
{
	struct pages_request request = two_pages(test);

	request.page[1] += 64;
	create_region(test, request);
}

static void break_region_whole(struct test *test)
{
	struct pages_request request = two_pages(test);

	request.head.length = MANA_PAGE_SIZE;
	create_region(test, request);
}

static void break_region_size(struct test *test)
{
	create_eq(test, region_alone(test, MANA_PAGE_SIZE), 2 * MANA_PAGE_SIZE, 1);
}

static void break_region_owned(struct test *test)
{
	region_destroy(&test->guest, test->net.sq.wq_region);
}

static void break_queue_size(struct test *test)
{
	create_eq(test, region_alone(test, 3 * (size_t)MANA_PAGE_SIZE), 3 * MANA_PAGE_SIZE, 1);
}

static void break_queue_vector(struct test *test)
{
	create_eq(test, region_alone(test, MANA_PAGE_SIZE), MANA_PAGE_SIZE, ADAPTER_MSIX);
}

static void break_vport_configured(struct test *test)
{
	struct mana_query_vport_config_req request = { .vport_index = 1 };
	struct mana_query_vport_config_resp response;
	struct gport port;
	struct gwq sq;

	COMMAND(&test->guest, MANA_QUERY_VPORT_CONFIG, &request, &response, 1);
	port.handle = response.vport;
	wq_new(&test->guest, &port, GDMA_SQ, 4096, 64, &test->net.eq, &sq);
}

static void break_steering_queue(struct test *test)
{
	struct gsteer steering = { .enable = true, .fallback = &test->net.sq };

	steer(&test->guest, &test->net.port, &steering);
}

static void break_order_steered(struct test *test)
{
	wq_end(&test->guest, &test->net.rq);
}

static void break_order_fence(struct test *test)
{
	struct gsteer none = { .enable = false };

	steer(&test->guest, &test->net.port, &none);
	wq_end(&test->guest, &test->net.rq);
}

static void break_order_eq(struct test *test)
{
	eq_end(&test->guest, &test->net.eq);
}

static void break_order_cq(struct test *test)
{
	struct rnic_destroy_cq_req request;
	struct gdma_general_resp response;
	struct grdma rdma;
	struct gpair pair;

	rdma_up(&rdma, &test->guest, 0, 1, 0);
	assert_int_equal(gpair_new(&rdma, &pair), 0);
	request = (struct rnic_destroy_cq_req){ .adapter = rdma.adapter,
						.cq_handle = rdma.cq_handle };
	COMMAND(&test->guest, RNIC_DESTROY_CQ, &request, &response, 1);
}

static void break_order_pd(struct test *test)
{
	uint64_t pd, mr;
	uint32_t id, key;

	pd_new(&test->guest, &pd, &id);
	mr_new(&test->guest, pd, guest_alloc(&test->guest, MANA_PAGE_SIZE), MANA_PAGE_SIZE, 0,
	       GDMA_ACCESS_LOCAL_READ, &mr, &key);
	destroy_pd(test, pd);
}

static void break_memory_unmapped(struct test *test)
{
	struct guest *guest = &test->guest;
	struct gdma_disable_queue_req request = { .type = GDMA_EQ, .alloc_res_id_on_creation = 1 };
	struct gdma_general_resp response;
	struct gdma_create_queue_req create = { .type = GDMA_EQ,
						.pdid = guest->pd,
						.doorbell_page = guest->doorbell,
						.queue_size = MANA_PAGE_SIZE,
						.eq_msix_index = 2 };
	struct gdma_create_queue_resp created;

	assert_int_equal(guest_map(guest, ALIAS_IOVA, MANA_PAGE_SIZE, guest->memory_fd, 0, true),
			 0);
	assert_int_equal(region_create(guest, ALIAS_IOVA, MANA_PAGE_SIZE, &create.dma_region), 0);
	assert_int_equal(COMMAND(guest, GDMA_CREATE_QUEUE, &create, &created, 1), 0);
	assert_int_equal(guest_unmap(guest, ALIAS_IOVA, MANA_PAGE_SIZE), 0);
	request.queue_index = created.queue_index;
	COMMAND(guest, GDMA_DISABLE_QUEUE, &request, &response, 1);
}

static void break_leak_queue(struct test *test)
{
	deregister(test);
}

static void break_leak_device(struct test *test)
{
	hwc_down(&test->guest);
}

static void break_leak_region(struct test *test)
{
	region_alone(test, MANA_PAGE_SIZE);
	unload(test);
}

static void break_leak_memory(struct test *test)
{
	uint64_t pd;
	uint32_t id;

	pd_new(&test->guest, &pd, &id);
	unload(test);
}

static void break_leak_doorbell(struct test *test)
{
	struct gdma_allocate_resource_range_req request = {
		.resource_type = GDMA_RESOURCE_DOORBELL_PAGE, .num_resources = 1, .alignment = 1
	};
	struct gdma_allocate_resource_range_resp response;

	assert_int_equal(
		COMMAND(&test->guest, GDMA_ALLOCATE_RESOURCE_RANGE, &request, &response, 1), 0);
	unload(test);
}

static void break_leak_filter(struct test *test)
{
	struct mana_register_hw_port_req request = { .attached_gfid = 0 };
	struct mana_register_hw_port_resp response;

	ethernet_up(&test->guest);
	assert_int_equal(COMMAND(&test->guest, MANA_REGISTER_HW_PORT, &request, &response, 1), 0);
	deregister(test);
}

static void break_doorbell_place(struct test *test)
{
	doorbell(&test->guest, test->guest.doorbell, 0x20,
		 (union gdma_doorbell){ .sq = { .id = test->net.sq.id & 0xffffffu } });
}

static void break_doorbell_queue(struct test *test)
{
	doorbell(&test->guest, test->guest.doorbell, GDMA_DB_SQ,
		 (union gdma_doorbell){ .sq = { .id = 3000 } });
}

static void break_doorbell_destroyed(struct test *test)
{
	wq_end(&test->guest, &test->net.sq);
	ring_wq(&test->guest, &test->net.sq);
}

static void break_doorbell_page(struct test *test)
{
	test->net.sq.doorbell++;
	ring_wq(&test->guest, &test->net.sq);
}

static void break_doorbell_reserved(struct test *test)
{
	doorbell(&test->guest, test->guest.doorbell, GDMA_DB_CQ,
		 (union gdma_doorbell){ .cq = { .id = test->net.sq.cq.id & 0xffffffu,
						.reserved = 1,
						.tail = test->net.sq.cq.index & 0x7fffffffu } });
}

/** ring_tail() - ring a work queue with another tail */
static void ring_tail(struct test *test, const struct gwq *wq, uint32_t tail)
{
	doorbell(&test->guest, wq->doorbell, wq->type == GDMA_SQ ? GDMA_DB_SQ : GDMA_DB_RQ,
		 (union gdma_doorbell){ .sq = { .id = wq->id & 0xffffffu, .tail = tail } });
}

static void break_tail_unit(struct test *test)
{
	ring_tail(test, &test->net.sq, 33);
}

static void break_tail_range(struct test *test)
{
	ring_tail(test, &test->net.sq, test->net.sq.size + GDMA_WQE_UNIT);
}

static void break_tail_overflow(struct test *test)
{
	ring_tail(test, &test->net.rq, test->net.rq.size);
	ring_tail(test, &test->net.rq, test->net.rq.size + GDMA_WQE_UNIT);
}

static void break_rq_count(struct test *test)
{
	doorbell(
		&test->guest, test->guest.doorbell, GDMA_DB_RQ,
		(union gdma_doorbell){ .rq = { .id = test->net.rq.id & 0xffffffu, .wqe_cnt = 1 } });
}

static void break_cq_tail(struct test *test)
{
	test->net.sq.cq.index += 5;
	ring_cq(&test->guest, &test->net.sq.cq, false);
}

static void break_cq_overrun(struct test *test)
{
	struct gwq sq = small_queue(test);

	for (unsigned int i = 0; i < SMALL_CQ + 6; i++)
		post(test, &sq);
	ring_wq(&test->guest, &sq);
	WAIT(&test->host, host_counters(&test->host, 0).tx_frames == SMALL_CQ + 6);
	settle(&test->host);
	ring_cq(&test->guest, &sq.cq, true);
}

static void break_cq_credit(struct test *test)
{
	struct gwq sq = small_queue(test);

	send_n(test, &sq, 1);
	ring_cq(&test->guest, &sq.cq, true);
	send_n(test, &sq, 8 * SMALL_CQ + 1);
	ring_cq(&test->guest, &sq.cq, true);
}

static void break_cq_armed(struct test *test)
{
	ring_cq(&test->guest, &test->net.sq.cq, true);
	ring_cq(&test->guest, &test->net.sq.cq, true);
}

static void break_eq_tail(struct test *test)
{
	test->net.eq.index += 5;
	ring_eq(&test->guest, &test->net.eq, false);
}

static void break_eq_overrun(struct test *test)
{
	test_events(test, test->net.eq.count + 1);
	ring_eq(&test->guest, &test->net.eq, true);
}

static void break_eq_armed(struct test *test)
{
	ring_eq(&test->guest, &test->net.eq, true);
	ring_eq(&test->guest, &test->net.eq, true);
}

static void break_entry_size(struct test *test)
{
	struct gdma_wqe header = usual;

	header.num_sge = 60;
	put_entry(test, &test->net.sq, header, send_oob(&test->net.port, &test->net.sq));
}

static void break_entry_header(struct test *test)
{
	struct gdma_wqe header = usual;

	header.reserved2 = 1;
	put_entry(test, &test->net.sq, header, send_oob(&test->net.port, &test->net.sq));
}

/* The last unit of the ring, and two that the driver writes behind it instead of at the start */
static void break_entry_wrap(struct test *test)
{
	struct gwq sq = small_queue(test);
	struct gdma_sge sge = sge_of(&test->guest, test->net.frame, FRAME_LEN);
	struct gdma_wqe header = { .num_sge = 3, .inline_oob_size_div4 = 2 };
	struct mana_tx_oob oob = send_oob(&test->net.port, &sq);
	uint8_t wqe[GDMA_WQE_UNIT] = { 0 };

	send_n(test, &sq, SMALL_SQ / GDMA_WQE_UNIT - 1);
	memcpy(wqe, &header, sizeof(header));
	memcpy(wqe + 8, &oob, sizeof(oob.s));
	memcpy(wqe + 16, &sge, sizeof(sge));
	wqe_put(&sq, wqe, GDMA_WQE_UNIT);
	sq.tail += GDMA_WQE_UNIT;
	ring_wq(&test->guest, &sq);
	tx_wait(&test->guest, &sq);
}

static void break_entry_memory(struct test *test)
{
	test->guest.key ^= 0x100;
	put_entry(test, &test->net.sq, usual, send_oob(&test->net.port, &test->net.sq));
}

static void break_entry_visible(struct test *test)
{
	net_post(&test->guest, &test->net, 1);
	((struct gdma_sge *)(test->net.rq.ring + 16))->size -= 64;
	send_n(test, &test->net.sq, 1);
	rx_wait(&test->guest, &test->net.rq);
}

static void break_tx_queue(struct test *test)
{
	struct mana_tx_oob oob = send_oob(&test->net.port, &test->net.sq);

	oob.s.vcq_num++;
	put_entry(test, &test->net.sq, usual, oob);
}

static void break_tx_oob(struct test *test)
{
	struct mana_tx_oob oob = send_oob(&test->net.port, &test->net.sq);

	oob.s.pkt_fmt = MANA_PACKET_LONG;
	put_entry(test, &test->net.sq, usual, oob);
}

static void break_tx_checksum(struct test *test)
{
	struct mana_tx_oob oob = send_oob(&test->net.port, &test->net.sq);

	oob.s.is_outer_ipv4 = oob.s.comp_tcp_csum = oob.s.comp_udp_csum = 1;
	put_entry(test, &test->net.sq, usual, oob);
}

static void break_tx_tso(struct test *test)
{
	struct gdma_wqe header = usual;

	header.client_data_unit = 1000;
	put_entry(test, &test->net.sq, header, send_oob(&test->net.port, &test->net.sq));
}

static void break_rx_twice(struct test *test)
{
	for (unsigned int i = 0; i < 2; i++) {
		test->net.posted = 0;
		net_post(&test->guest, &test->net, 1);
	}
	send_n(test, &test->net.sq, 2);
	rx_wait(&test->guest, &test->net.rq);
	rx_wait(&test->guest, &test->net.rq);
}

static void break_cqe_written(struct test *test)
{
	struct gwq sq = small_queue(test);

	send_n(test, &sq, SMALL_CQ);
	sq.cq.ring[0].info ^= 1;
	send_n(test, &sq, 1);
}

static void break_eqe_written(struct test *test)
{
	test_events(test, test->net.eq.count);
	test->net.eq.ring[0].info ^= 1;
	test_events(test, 1);
}

/* ---- The tests ---- */

/** struct rule_case - a driver that breaks a rule */
struct rule_case {
	enum examine_rule rule;
	void (*run)(struct test *test);
	enum { WITH_NET, WITH_NOTHING, WITH_PF } from;
};

static const struct rule_case cases[] = {
	{ RULE_SMC_MESSAGE, break_smc_message, WITH_NET },
	{ RULE_HWC_ONCE, break_hwc_once, WITH_NET },
	{ RULE_HWC_HEADER, break_hwc_header, WITH_NET },
	{ RULE_HWC_LENGTH, break_hwc_length, WITH_NET },
	{ RULE_HWC_MESSAGE_ID, break_hwc_message_id, WITH_NET },
	{ RULE_HWC_DEPTH, break_hwc_depth, WITH_NET },
	{ RULE_HWC_RECEIVE, break_hwc_receive, WITH_NET },
	{ RULE_COMMAND_LENGTH, break_command_length, WITH_NET },
	{ RULE_COMMAND_ANSWER, break_command_answer, WITH_NET },
	{ RULE_COMMAND_VERSION, break_command_version, WITH_NET },
	{ RULE_COMMAND_RESERVED, break_command_reserved, WITH_NET },
	{ RULE_COMMAND_AGREED, break_command_agreed, WITH_NET },
	{ RULE_COMMAND_FIRST, break_command_first, WITH_NOTHING },
	{ RULE_COMMAND_DEVICE, break_command_device, WITH_NET },
	{ RULE_OBJECT_KNOWN, break_object_known, WITH_NET },
	{ RULE_OBJECT_DESTROYED, break_object_destroyed, WITH_NET },
	{ RULE_REGION_ALIGNED, break_region_aligned, WITH_NET },
	{ RULE_REGION_WHOLE, break_region_whole, WITH_NET },
	{ RULE_REGION_SIZE, break_region_size, WITH_NET },
	{ RULE_REGION_OWNED, break_region_owned, WITH_NET },
	{ RULE_QUEUE_SIZE, break_queue_size, WITH_NET },
	{ RULE_QUEUE_VECTOR, break_queue_vector, WITH_NET },
	{ RULE_VPORT_CONFIGURED, break_vport_configured, WITH_NET },
	{ RULE_STEERING_QUEUE, break_steering_queue, WITH_NET },
	{ RULE_ORDER_STEERED, break_order_steered, WITH_NET },
	{ RULE_ORDER_FENCE, break_order_fence, WITH_NET },
	{ RULE_ORDER_EQ, break_order_eq, WITH_NET },
	{ RULE_ORDER_CQ, break_order_cq, WITH_NET },
	{ RULE_ORDER_PD, break_order_pd, WITH_NET },
	{ RULE_MEMORY_UNMAPPED, break_memory_unmapped, WITH_NET },
	{ RULE_LEAK_QUEUE, break_leak_queue, WITH_NET },
	{ RULE_LEAK_DEVICE, break_leak_device, WITH_NET },
	{ RULE_LEAK_REGION, break_leak_region, WITH_NET },
	{ RULE_LEAK_MEMORY, break_leak_memory, WITH_NET },
	{ RULE_LEAK_DOORBELL, break_leak_doorbell, WITH_NET },
	{ RULE_LEAK_FILTER, break_leak_filter, WITH_PF },
	{ RULE_DOORBELL_PLACE, break_doorbell_place, WITH_NET },
	{ RULE_DOORBELL_QUEUE, break_doorbell_queue, WITH_NET },
	{ RULE_DOORBELL_DESTROYED, break_doorbell_destroyed, WITH_NET },
	{ RULE_DOORBELL_PAGE, break_doorbell_page, WITH_NET },
	{ RULE_DOORBELL_RESERVED, break_doorbell_reserved, WITH_NET },
	{ RULE_TAIL_UNIT, break_tail_unit, WITH_NET },
	{ RULE_TAIL_RANGE, break_tail_range, WITH_NET },
	{ RULE_TAIL_OVERFLOW, break_tail_overflow, WITH_NET },
	{ RULE_RQ_COUNT, break_rq_count, WITH_NET },
	{ RULE_CQ_TAIL, break_cq_tail, WITH_NET },
	{ RULE_CQ_OVERRUN, break_cq_overrun, WITH_NET },
	{ RULE_CQ_CREDIT, break_cq_credit, WITH_NET },
	{ RULE_CQ_ARMED, break_cq_armed, WITH_NET },
	{ RULE_EQ_TAIL, break_eq_tail, WITH_NET },
	{ RULE_EQ_OVERRUN, break_eq_overrun, WITH_NET },
	{ RULE_EQ_ARMED, break_eq_armed, WITH_NET },
	{ RULE_ENTRY_SIZE, break_entry_size, WITH_NET },
	{ RULE_ENTRY_HEADER, break_entry_header, WITH_NET },
	{ RULE_ENTRY_WRAP, break_entry_wrap, WITH_NET },
	{ RULE_ENTRY_MEMORY, break_entry_memory, WITH_NET },
	{ RULE_ENTRY_VISIBLE, break_entry_visible, WITH_NET },
	{ RULE_TX_QUEUE, break_tx_queue, WITH_NET },
	{ RULE_TX_OOB, break_tx_oob, WITH_NET },
	{ RULE_TX_CHECKSUM, break_tx_checksum, WITH_NET },
	{ RULE_TX_TSO, break_tx_tso, WITH_NET },
	{ RULE_RX_TWICE, break_rx_twice, WITH_NET },
	{ RULE_CQE_WRITTEN, break_cqe_written, WITH_NET },
	{ RULE_EQE_WRITTEN, break_eqe_written, WITH_NET },
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static void a_broken_rule_is_reported_alone(void **state)
{
	const struct rule_case *broken = *state;
	struct test *test = calloc(1, sizeof(*test));

	switch (broken->from) {
	case WITH_NET:
		start_net(test);
		break;
	case WITH_NOTHING:
		start(test, false);
		break;
	case WITH_PF:
		start(test, true);
		break;
	}
	broken->run(test);
	finish(test);
	expect(test, broken->rule);
	free(test);
}

static void a_driver_that_keeps_the_rules_breaks_none(void **state)
{
	struct test *test = calloc(1, sizeof(*test));
	const struct examine_verdict *verdicts = test->last.verdict;
	static const enum examine_rule tried[] = {
		RULE_SMC_MESSAGE,   RULE_HWC_MESSAGE_ID, RULE_COMMAND_LENGTH, RULE_OBJECT_KNOWN,
		RULE_REGION_WHOLE,  RULE_ORDER_STEERED,  RULE_ORDER_FENCE,    RULE_LEAK_QUEUE,
		RULE_LEAK_REGION,   RULE_TAIL_OVERFLOW,  RULE_CQ_TAIL,        RULE_ENTRY_HEADER,
		RULE_ENTRY_VISIBLE, RULE_TX_QUEUE,       RULE_RX_TWICE,       RULE_CQE_WRITTEN,
	};

	(void)state;
	start_net(test);
	/* Several rounds of each queue */
	for (unsigned int i = 0; i < 50; i++) {
		loop_n(test, 20);
		ring_cq(&test->guest, &test->net.sq.cq, true);
		ring_cq(&test->guest, &test->net.rq.cq, true);
	}
	unload(test);
	finish(test);
	expect(test, EXAMINE_RULES);
	for (unsigned int i = 0; i < sizeof(tried) / sizeof(tried[0]); i++)
		if (!verdicts[tried[i]].kept)
			fail_msg("%s has not been tried", examine_rules[tried[i]].id);
	assert_true(test->last.orderly);
	assert_int_equal(verdicts[RULE_TX_QUEUE].kept, 1000);
	assert_true(verdicts[RULE_RX_TWICE].kept >= 1000);
	free(test);
}

/* The next client is examined from the start */
static void each_client_is_examined_for_itself(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	(void)state;
	start_net(test);
	break_tail_unit(test);
	settle(&test->host);
	guest_detach(&test->guest);
	assert_int_equal(test->last.number, 1);
	expect(test, RULE_TAIL_UNIT);
	guest_attach(&test->guest, &test->host);
	ethernet_up(&test->guest);
	net_up(&test->guest, 0, &test->net);
	loop_n(test, 10);
	settle(&test->host);
	guest_detach(&test->guest);
	assert_int_equal(test->ended, 2);
	assert_int_equal(test->last.number, 2);
	expect(test, EXAMINE_RULES);
	examiner_close(test->examiner);
	assert_int_equal(test->ended, 2);
	host_close(&test->host);
	free(test);
}

/* What a report shows of the first time */
static void the_first_time_is_told_in_full(void **state)
{
	struct test *test = calloc(1, sizeof(*test));
	const struct examine_break *first = &test->last.verdict[RULE_DOORBELL_DESTROYED].first;
	char queue[24];

	(void)state;
	start_net(test);
	wq_end(&test->guest, &test->net.sq);
	snprintf(queue, sizeof(queue), "SQ %u", test->net.sq.id);
	for (unsigned int i = 0; i < 3; i++)
		ring_wq(&test->guest, &test->net.sq);
	finish(test);
	assert_int_equal(test->last.verdict[RULE_DOORBELL_DESTROYED].broken, 3);
	assert_string_equal(first->queue, queue);
	assert_int_equal(first->n_commands, EXAMINE_COMMANDS);
	assert_non_null(strstr(first->commands[EXAMINE_COMMANDS - 1], "MANA_DESTROY_WQ_OBJ"));
	assert_non_null(strstr(first->commands[EXAMINE_COMMANDS - 1], "status 0"));
	assert_true(first->after_ns > 0 && first->after_ns <= test->last.duration_ns);
	free(test);
}

static void every_rule_has_words_and_a_driver_that_breaks_it(void **state)
{
	(void)state;
	assert_int_equal(CASES, EXAMINE_RULES);
	for (unsigned int i = 0; i < EXAMINE_RULES; i++) {
		assert_int_equal(cases[i].rule, i);
		assert_non_null(examine_rules[i].id);
		assert_non_null(examine_rules[i].breaks);
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(examine_rules[i].id, examine_rules[j].id);
	}
}

int main(void)
{
	static char names[CASES][96];
	struct CMUnitTest tests[CASES + 4] = {
		cmocka_unit_test(every_rule_has_words_and_a_driver_that_breaks_it),
		cmocka_unit_test(a_driver_that_keeps_the_rules_breaks_none),
		cmocka_unit_test(each_client_is_examined_for_itself),
		cmocka_unit_test(the_first_time_is_told_in_full),
	};

	guard_install();
	for (unsigned int i = 0; i < CASES; i++) {
		snprintf(names[i], sizeof(names[i]), "%s: a broken rule is reported alone",
			 examine_rules[cases[i].rule].id);
		tests[4 + i] = (struct CMUnitTest){ .name = names[i],
						    .test_func = a_broken_rule_is_reported_alone,
						    .initial_state = (void *)(uintptr_t)&cases[i] };
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
