/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/device.c - any client of the adapter, behind the vfio-user server.
 *
 * Input: operations, each an opcode byte followed by its arguments. Some are as raw as a client can
 * be (registers, memory, maps). Others start from what a good driver would do, with the existing
 * objects, and change a few bytes of it: so one byte creates a queue, and a few more make it an
 * invalid one. See struct operation for the list.
 *
 * There is one client memory, a vPort on a loop and one on a switch, and one lane without a thread,
 * which gets a round after each operation. What must hold when the client is gone: nothing is left of it, and
 * nothing was written outside the pages that it had mapped.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device/hwc.h"
#include "device/config.h"
#include "device/client.h"
#include "device/state.h"
#include "cost.h"
#include "input.h"
#include "wire/rnic.h"

#define PAGES       64u /* of the file */
#define EDGE        4u  /* pages at either end that are not mapped at first */
#define IOVA        0x100000ull
#define CANARY      0x5a
#define OPS_MAX     400u
#define ALL_SIZE    ((PAGES - 2 * EDGE) * (uint64_t)MANA_PAGE_SIZE) /* of what is mapped at first */
#define ALL_OFFSET  (EDGE * (uint64_t)MANA_PAGE_SIZE)
#define LARGE_STEP  256u /* pages in one message */
#define LARGE_SHIFT 10u  /* of the pages of a large ring */
#define DOORBELLS   BAR_DOORBELLS
#define VISITS_MAX  10000u /* until what was asked for is done */

/* Pages by what a good driver uses them for */
enum {
	PAGE_HWC = EDGE, /* EQ, CQ, RQ, SQ */
	PAGE_REQUEST = PAGE_HWC + 4,
	PAGE_RESPONSE,
	PAGE_DATA,
	PAGE_QUEUES = PAGE_DATA + 8,
};

/* race.c is this target with other lanes, and with a client that does something at the same time. */
#ifndef LANES_START
#define LANES_START(lanes) lanes_embed(1, lanes)
#define LANES_STEP(lanes)  step(lanes)
#define MEANWHILE_BEGIN()  ((void)0)
#define MEANWHILE_END()    ((void)0)
#define COST_CHECK         cost_bound
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz-device-XXXXXX", path[64];
static struct lanes *lanes;
static struct adapter *adapter;
static uint8_t *memory;
static uint32_t first_numbers[9];
static bool attached; /* a client is there */
static struct {
	uint64_t iova, size, offset;
	uint8_t how;
} mapped[OPS_MAX + 1]; /* what it has mapped */
static unsigned int mapped_count;
static uint8_t untouched[EDGE * MANA_PAGE_SIZE];
static int memory_fd;

/* What the driver has learned */
static struct {
	uint32_t next_page;
	uint32_t hwc_sq, hwc_rq, hwc_key, hwc_doorbell;
	uint32_t hwc_sq_tail, hwc_rq_tail;
	uint32_t pd, key, doorbell, eq, dm_key, mr_key;
	uint64_t region[2], pd_handle, mr, dm, vport[2], rnic, cq_handle, qp, ud_qp;
	uint32_t qpn, qp_psn, qp_tail[3];
	unsigned int qp_page[3]; /* requests, READs' buffers, receives: a page each */
	struct {
		uint64_t handle;
		uint32_t id, cq, tail;
		unsigned int page;
	} wq[2]; /* SQ, RQ */
} known;

static uint32_t take32(void)
{
	uint32_t value = take();

	value |= (uint32_t)take() << 8;
	value |= (uint32_t)take() << 16;
	return value | (uint32_t)take() << 24;
}

static void take_bytes(void *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)to)[i] = take();
}

/* Change a few bytes, if the input says so */
static void change(void *bytes, size_t len)
{
	unsigned int n = take();

	/* Most fields are valid, so that later operations have something to work on */
	if (n < 0xc0)
		return;
	for (n &= 7; n; n--) {
		size_t at = (take() | (size_t)take() << 8) % len;

		((uint8_t *)bytes)[at] = take();
	}
}

static uint8_t *page_pointer(unsigned int page)
{
	return memory + (size_t)(page % PAGES) * MANA_PAGE_SIZE;
}

static uint64_t page_iova(unsigned int page)
{
	return IOVA + (uint64_t)(page % PAGES) * MANA_PAGE_SIZE;
}

/* Fresh pages, until they wrap around: then queues overlap */
static unsigned int fresh(unsigned int n)
{
	unsigned int page = known.next_page;

	if (page + n > PAGES - EDGE)
		page = PAGE_QUEUES;
	known.next_page = page + n;
	return page;
}

/**
 * arrive() - as the server does before it hands on what a client asks for: first what the last visit
 * has not finished; the beginning of the visit that handles it
 */
static uint32_t arrive(void)
{
	for (unsigned int i = 0; i < VISITS_MAX; i++) {
		uint32_t start = budget_spent;
		bool ready = client_ops.visit(adapter);

		COST_CHECK(start, COST_VISIT);
		if (ready)
			return start;
	}
	require(VISITS_MAX == 0); /* it never ends */
	return 0;
}

#define VISIT(call)                                                                                \
	do {                                                                                       \
		uint32_t visit_start = arrive();                                                   \
		call;                                                                              \
		COST_CHECK(visit_start, COST_VISIT);                                               \
	} while (0)

static void bar_write(uint64_t offset, const void *data, size_t len)
{
	if (offset < BAR_SIZE && len <= BAR_SIZE - offset)
		VISIT(client_ops.write(adapter, 0, offset, data, len));
}

static void ring(uint32_t page, uint32_t offset, union gdma_doorbell value)
{
	bar_write(DOORBELLS + (uint64_t)page % ADAPTER_DOORBELL_PAGES * MANA_PAGE_SIZE + offset,
		  &value, sizeof(value));
}

/* ---- Raw ---- */

static void op_config_write(void)
{
	uint8_t bytes[16];
	size_t len = take() % sizeof(bytes) + 1;
	uint32_t offset = (take() | (uint32_t)take() << 8) % (4096 - 16);

	take_bytes(bytes, len);
	VISIT(client_ops.write(adapter, VFU_REGION_CONFIG, offset, bytes, len));
	/* A client that is not a bus master does not get far */
	if (take() & 3)
		VISIT(client_ops.write(adapter, VFU_REGION_CONFIG, 4, "\x06", 1));
}

static void op_bar_write(void)
{
	uint8_t bytes[40];
	size_t len = take() % sizeof(bytes) + 1;
	uint32_t offset = take32() % BAR_SIZE;

	if (take() & 1)
		offset = 0x1000 + offset % 64;
	take_bytes(bytes, len);
	bar_write(offset, bytes, len);
}

static void op_bar_read(void)
{
	uint8_t bytes[64];
	uint32_t offset = take32() % (BAR_SIZE - 64);
	unsigned int region = take() % VFU_REGION_COUNT;

	if (region == VFU_REGION_CONFIG)
		offset %= 4096 - 64;
	VISIT(client_ops.read(adapter, region, offset, bytes, take() % 64 + 1u));
}

static void op_memory(void)
{
	uint8_t *page = page_pointer(take());
	size_t at = (take() | (size_t)take() << 8) % MANA_PAGE_SIZE;
	size_t len = take() % 64 + 1u;

	if (len > MANA_PAGE_SIZE - at)
		len = MANA_PAGE_SIZE - at;
	if (page >= page_pointer(EDGE) && page < page_pointer(PAGES - EDGE))
		take_bytes(page + at, len);
}

/** map() - @how: access; 8: without memory */
static void map(uint64_t iova, uint64_t size, uint64_t offset, uint8_t how)
{
	int err;

	VISIT(err = client_ops.dma_map(adapter, iova, size, how & 8 ? -1 : memory_fd, offset,
				       how & 3));
	if (err)
		return;
	require(mapped_count <= OPS_MAX);
	mapped[mapped_count].iova = iova;
	mapped[mapped_count].size = size;
	mapped[mapped_count].offset = offset;
	mapped[mapped_count++].how = how;
}

static void unmap(uint64_t iova, uint64_t size)
{
	int err;

	VISIT(err = client_ops.dma_unmap(adapter, iova, size));
	for (unsigned int i = 0; !err && i < mapped_count; i++)
		if (mapped[i].iova == iova)
			mapped[i] = mapped[--mapped_count];
}

static void op_map(void)
{
	uint64_t iova = page_iova(take()), size = (uint64_t)take() % 64 * MANA_PAGE_SIZE;
	uint64_t offset = (uint64_t)take() % PAGES * MANA_PAGE_SIZE;
	uint8_t how = take();

	/* Never memory that must stay unchanged */
	if (offset < EDGE * MANA_PAGE_SIZE)
		offset = EDGE * MANA_PAGE_SIZE;
	if (offset + size > (uint64_t)(PAGES - EDGE) * MANA_PAGE_SIZE)
		size = (uint64_t)(PAGES - EDGE) * MANA_PAGE_SIZE - offset;
	if (how & 16)
		iova += take();
	if (how & 32)
		size -= take() % 16;
	map(iova, size, offset, how & 11);
}

static void map_all(void)
{
	map(page_iova(EDGE), ALL_SIZE, ALL_OFFSET, VFU_DMA_READ | VFU_DMA_WRITE);
}

/** all_mapped() - has the client mapped just that? */
static bool all_mapped(void)
{
	return mapped_count == 1 && mapped[0].iova == page_iova(EDGE) &&
	       mapped[0].size == ALL_SIZE && mapped[0].offset == ALL_OFFSET &&
	       mapped[0].how == (VFU_DMA_READ | VFU_DMA_WRITE);
}

static void op_unmap(void)
{
	uint8_t how = take();

	if (how & 1) {
		uint64_t iova = page_iova(take());

		unmap(iova, (uint64_t)take() % 64 * MANA_PAGE_SIZE);
	} else if (how & 2) {
		VISIT(client_ops.dma_unmap_all(adapter));
		mapped_count = 0;
	} else {
		unmap(page_iova(EDGE), ALL_SIZE);
	}
	if (how & 4)
		map_all();
}

static void op_reset(void)
{
	VISIT(client_ops.reset(adapter));
	VISIT(client_ops.write(adapter, VFU_REGION_CONFIG, 4, "\x06", 1));
}

static void op_doorbell(void)
{
	static const uint32_t offsets[] = { GDMA_DB_SQ, GDMA_DB_RQ, GDMA_DB_CQ, GDMA_DB_EQ };
	uint8_t kind = take();
	union gdma_doorbell value = { .word = 0 };

	value.sq.id = take() & 0x1f;
	value.sq.tail = take32();
	if (kind & 16)
		value.sq.tail &= 0xfe0;
	if (kind & 32)
		value.cq.arm = 1;
	ring(kind & 64    ? take()
	     : kind & 128 ? known.hwc_doorbell
			  : known.doorbell,
	     offsets[kind & 3], value);
}

static void op_doorbell_short(void)
{
	static const uint32_t offsets[] = { GDMA_DB_SQ_SHORT, GDMA_DB_RQ_SHORT, GDMA_DB_CQ_SHORT,
					    GDMA_DB_EQ_SHORT };
	union gdma_doorbell_short value = { .word = take32() };
	uint32_t page = known.doorbell;
	uint8_t kind = take();

	value.sq.id = value.sq.id & 0x1f;
	bar_write(DOORBELLS + (uint64_t)page * MANA_PAGE_SIZE + offsets[kind & 3], &value,
		  sizeof(value));
}

/* ---- The shared-memory channel ---- */

/* What the adapter reports about the channel, in the event queue's page */
static void learn_hwc(void)
{
	const struct gdma_eqe *eqe = (const void *)page_pointer(PAGE_HWC);

	for (unsigned int i = 0; i < 16; i++) {
		union hwc_event_data data = { .word = eqe[i].details[0] };
		union hwc_init_eq_id_db ids = { .word = eqe[i].details[0] };

		if (eqe[i].type == GDMA_EQE_HWC_INIT_EQ_ID_DB)
			known.hwc_doorbell = ids.doorbell;
		else if (eqe[i].type == GDMA_EQE_HWC_INIT_DATA && data.type == HWC_INIT_RQ_ID)
			known.hwc_rq = data.value;
		else if (eqe[i].type == GDMA_EQE_HWC_INIT_DATA && data.type == HWC_INIT_SQ_ID)
			known.hwc_sq = data.value;
		else if (eqe[i].type == GDMA_EQE_HWC_INIT_DATA && data.type == HWC_INIT_GPA_MKEY)
			known.hwc_key = data.value;
	}
}

static void op_establish(void)
{
	struct smc_message message = { .header.msg_type = SMC_ESTABLISH_HWC };
	uint8_t how = take();

	memset(page_pointer(PAGE_HWC), 0, 4 * MANA_PAGE_SIZE);
	for (unsigned int i = 0; i < 4; i++)
		smc_message_set_address(&message, (enum smc_queue)i, page_iova(PAGE_HWC + i));
	message.header.reset_vf = (how & 1) != 0;
	change(&message, sizeof(message));
	bar_write(0x1000, &message, sizeof(message));
	known.hwc_sq_tail = known.hwc_rq_tail = 0;
	learn_hwc();
}

static void op_destroy(void)
{
	uint32_t header = SMC_DESTROY_HWC;

	change(&header, sizeof(header));
	bar_write(0x1000 + SMC_HEADER_OFFSET, &header, sizeof(header));
}

/* ---- Commands ---- */

/* Post a message on the channel; the answer is in its page afterwards */
static void channel_send(const void *message, uint32_t len)
{
	struct {
		struct gdma_wqe header;
		struct hwc_tx_oob oob;
		struct gdma_sge sge;
		uint8_t padding[16];
	} sqe = { .header = { .num_sge = 1, .inline_oob_size_div4 = 6 },
		  .sge = { page_iova(PAGE_REQUEST), known.hwc_key, len } };
	struct {
		struct gdma_wqe header;
		uint8_t oob[8];
		struct gdma_sge sge;
	} rqe = { .header = { .num_sge = 1, .inline_oob_size_div4 = 2 },
		  .sge = { page_iova(PAGE_RESPONSE), known.hwc_key, MANA_PAGE_SIZE } };
	union gdma_doorbell value = { .word = 0 };

	memcpy(page_pointer(PAGE_REQUEST), message, len);
	memset(page_pointer(PAGE_RESPONSE), 0, 512);
	memcpy(page_pointer(PAGE_HWC + 2) + known.hwc_rq_tail % MANA_PAGE_SIZE, &rqe, sizeof(rqe));
	known.hwc_rq_tail += (uint32_t)sizeof(rqe);
	value.rq.id = known.hwc_rq & 0xffffffu;
	value.rq.tail = known.hwc_rq_tail;
	ring(known.hwc_doorbell, GDMA_DB_RQ, value);
	change(&sqe, sizeof(sqe));
	memcpy(page_pointer(PAGE_HWC + 3) + known.hwc_sq_tail % MANA_PAGE_SIZE, &sqe, sizeof(sqe));
	known.hwc_sq_tail += (uint32_t)sizeof(sqe);
	value.sq.id = known.hwc_sq & 0xffffffu;
	value.sq.tail = known.hwc_sq_tail;
	ring(known.hwc_doorbell, GDMA_DB_SQ, value);
}

/* Send a request with valid headers; returns the response on success */
static const void *request(uint32_t code, uint16_t device, void *message, uint32_t len)
{
	struct gdma_req_header *header = message;
	const struct gdma_resp_header *response = (const void *)page_pointer(PAGE_RESPONSE);

	header->req.msg_type = header->resp.msg_type = code;
	header->req.msg_version = header->resp.msg_version = 2;
	header->req.msg_size = len;
	header->resp.msg_size = 512;
	header->dev_id.type = device;
	change(message, len);
	channel_send(message, len);
	return response->status || response->response.msg_size != 512 ? NULL : response;
}

static const void *general(uint32_t code, uint16_t device)
{
	struct gdma_general_req message = { 0 };

	return request(code, device, &message, sizeof(message));
}

static uint64_t make_region(unsigned int pages, unsigned int *page)
{
	struct {
		struct gdma_create_dma_region_req head;
		uint64_t page[16];
	} message = { .head = { .length = pages * MANA_PAGE_SIZE,
				.page_count = pages,
				.page_addr_list_len = pages } };
	const struct gdma_create_dma_region_resp *response;

	*page = fresh(pages);
	for (unsigned int i = 0; i < pages; i++)
		message.page[i] = page_iova(*page + i);
	response = request(GDMA_CREATE_DMA_REGION, 0, &message,
			   (uint32_t)(sizeof(message.head) + pages * 8));
	return response ? response->dma_region : 0;
}

/* A region of many pages, most of them the same: a client needs no memory for a large ring */
static uint64_t make_large_region(unsigned int pages, unsigned int *page)
{
	struct {
		struct gdma_create_dma_region_req head;
		uint64_t page[LARGE_STEP];
	} create = { .head = { .length = (uint64_t)pages * MANA_PAGE_SIZE,
			       .page_count = pages,
			       .page_addr_list_len = pages < LARGE_STEP ? pages : LARGE_STEP } };
	struct {
		struct gdma_dma_region_add_pages_req head;
		uint64_t page[LARGE_STEP];
	} add = { 0 };
	const struct gdma_create_dma_region_resp *response;
	uint8_t stride = take();
	uint64_t region;

	*page = fresh(2);
	for (unsigned int i = 0; i < LARGE_STEP; i++)
		create.page[i] = add.page[i] = page_iova(*page + (i * stride & 1));
	response = request(GDMA_CREATE_DMA_REGION, 0, &create,
			   (uint32_t)(sizeof(create.head) + create.head.page_addr_list_len * 8));
	if (!response)
		return 0;
	region = response->dma_region;
	for (unsigned int done = LARGE_STEP; done < pages; done += LARGE_STEP) {
		add.head.dma_region = region;
		add.head.page_addr_list_len = LARGE_STEP;
		request(GDMA_DMA_REGION_ADD_PAGES, 0, &add, sizeof(add));
	}
	return region;
}

/** note_queue() - remember what was created; @page: of the ring */
static void note_queue(unsigned int type, const struct mana_create_wq_obj_resp *response,
		       unsigned int page)
{
	known.wq[type - 1].handle = response->wq_obj;
	known.wq[type - 1].id = response->wq_id;
	known.wq[type - 1].cq = response->cq_id;
	known.wq[type - 1].tail = 0;
	known.wq[type - 1].page = page;
}

static void make_large_queue(void)
{
	unsigned int shift = take() % (LARGE_SHIFT + 1), type = take() & 1 ? GDMA_SQ : GDMA_RQ;
	struct mana_create_wq_obj_req message = { .vport = known.vport[take() & 1],
						  .wq_type = type,
						  .wq_size = (uint32_t)MANA_PAGE_SIZE << shift,
						  .cq_size = (uint32_t)MANA_PAGE_SIZE << shift,
						  .cq_parent_eq_id = known.eq };
	const struct mana_create_wq_obj_resp *response;
	unsigned int page, cq_page;

	message.wq_dma_region = make_large_region(1u << shift, &page);
	message.cq_dma_region = make_large_region(1u << shift, &cq_page);
	response = request(MANA_CREATE_WQ_OBJ, GDMA_DEVICE_MANA, &message, sizeof(message));
	if (!response)
		return;
	note_queue(type, response, page);
}

static void make_queue(unsigned int type)
{
	struct mana_create_wq_obj_req message = { .vport = known.vport[take() & 1],
						  .wq_type = type,
						  .wq_size = 2 * MANA_PAGE_SIZE,
						  .cq_size = MANA_PAGE_SIZE,
						  .cq_parent_eq_id = known.eq };
	const struct mana_create_wq_obj_resp *response;
	unsigned int page, cq_page;

	message.wq_dma_region = make_region(2, &page);
	message.cq_dma_region = make_region(1, &cq_page);
	response = request(MANA_CREATE_WQ_OBJ, GDMA_DEVICE_MANA, &message, sizeof(message));
	if (!response)
		return;
	note_queue(type, response, page);
}

static void make_rnic_qp(bool ud)
{
	struct rnic_create_rc_qp_req rc = { .adapter = known.rnic,
					    .pd_handle = known.pd_handle,
					    .send_cq_handle = known.cq_handle,
					    .recv_cq_handle = known.cq_handle,
					    .doorbell_page = known.doorbell };
	struct rnic_create_ud_qp_req uq = { .adapter = known.rnic,
					    .pd_handle = known.pd_handle,
					    .send_cq_handle = known.cq_handle,
					    .recv_cq_handle = known.cq_handle,
					    .doorbell_page = known.doorbell };
	const struct rnic_create_rc_qp_resp *response;
	unsigned int page[RNIC_RC_QUEUE_COUNT] = { 0 };

	for (unsigned int i = 0; i < (ud ? 2u : 5u); i++) {
		uint64_t region = i == RNIC_RC_SQ_FMR ? 0 : make_region(1, &page[i]);

		if (ud)
			uq.dma_region[i] = region;
		else
			rc.dma_region[i] = region;
	}
	response = ud ? request(RNIC_CREATE_UD_QP, GDMA_DEVICE_MANA_IB, &uq, sizeof(uq))
		      : request(RNIC_CREATE_RC_QP, GDMA_DEVICE_MANA_IB, &rc, sizeof(rc));
	if (!response)
		return;
	if (ud)
		known.ud_qp = response->qp_handle;
	else
		known.qp = response->qp_handle;
	known.wq[0].id = response->queue_ids[0]; /* something to ring */
	if (ud)
		return;
	known.qpn = response->queue_ids[RNIC_RC_RQ_RESPONDER];
	known.qp_psn = 0;
	memset(known.qp_tail, 0, sizeof(known.qp_tail));
	known.qp_page[0] = page[RNIC_RC_SQ_REQUESTER];
	known.qp_page[1] = page[RNIC_RC_RQ_REQUESTER];
	known.qp_page[2] = page[RNIC_RC_RQ_RESPONDER];
}

/* The queue pair's peer is itself: what it sends, it receives. */
static void connect_rnic_qp(void)
{
	static const uint8_t gid[RNIC_IP_SIZE] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 };
	struct rnic_config_ip_addr_req ip = { .adapter = known.rnic,
					      .op = RNIC_ADDR_ADD,
					      .addr_type = RNIC_ADDR_IPV4 };
	struct rnic_config_mac_addr_req mac = { .adapter = known.rnic, .op = RNIC_ADDR_ADD };
	struct rnic_set_qp_state_req state = { .adapter = known.rnic,
					       .qp_handle = known.qp,
					       .attr_mask = 0x1fffff,
					       .path_mtu = 1,
					       .max_dest_rd_atomic = 4,
					       .retry_cnt = 1,
					       .min_rnr_timer = 1,
					       .qp_access_flags = 6,
					       .max_rd_atomic = 4 };
	const uint8_t address[RNIC_MAC_SIZE] = { 2, 0, 0, 0, 0, take() & 1 };

	rnic_reverse(ip.ip_addr, gid, sizeof(gid));
	rnic_reverse(mac.mac_addr, address, sizeof(address));
	request(RNIC_CONFIG_IP_ADDR, GDMA_DEVICE_MANA_IB, &ip, sizeof(ip));
	request(RNIC_CONFIG_MAC_ADDR, GDMA_DEVICE_MANA_IB, &mac, sizeof(mac));
	state.dest_qpn = known.qpn;
	state.ah_attr.src_addr_type = state.ah_attr.dest_addr_type = RNIC_ADDR_IPV4;
	memcpy(state.ah_attr.src_addr, ip.ip_addr, sizeof(ip.ip_addr));
	memcpy(state.ah_attr.dest_addr, ip.ip_addr, sizeof(ip.ip_addr));
	memcpy(state.ah_attr.src_mac, mac.mac_addr, sizeof(mac.mac_addr));
	memcpy(state.ah_attr.dest_mac, mac.mac_addr, sizeof(mac.mac_addr));
	state.local_ack_timeout = take() & 1;
	for (state.qp_state = 1; state.qp_state <= 3; state.qp_state++)
		request(RNIC_SET_QP_STATE, GDMA_DEVICE_MANA_IB, &state, sizeof(state));
	known.qp_psn = 0;
	memset(known.qp_tail, 0, sizeof(known.qp_tail));
}

/* rdma_put() - an entry at the tail of one of the queue pair's queues, which is rung */
static void rdma_put(unsigned int q, const uint8_t *wqe, uint32_t size, uint32_t id)
{
	static const uint32_t offsets[3] = { GDMA_DB_SQ, GDMA_DB_RQ, GDMA_DB_RQ };
	union gdma_doorbell value = { .word = 0 };

	if (!known.qpn)
		return;
	for (uint32_t i = 0; i < size; i++)
		page_pointer(known.qp_page[q])[(known.qp_tail[q] + i) % MANA_PAGE_SIZE] = wqe[i];
	known.qp_tail[q] += size;
	value.sq.id = id & 0xffffffu;
	value.sq.tail = known.qp_tail[q];
	ring(known.doorbell, offsets[q], value);
}

/* A receive, and a request that may need it; each derived from a valid one */
static void rdma_entry(void)
{
	uint8_t how = take(), wqe[128] = { 0 };
	uint32_t type = how & 7, len = take() * (how & 0x80 ? 64u : 1u);
	bool extra = type == RNIC_WQE_WRITE_IMM, read = type == RNIC_WQE_READ;
	struct gdma_wqe header = { .num_sge = 1, .inline_oob_size_div4 = 2 };
	struct gdma_sge sge = { page_iova(PAGE_DATA), known.mr_key, len };
	struct rnic_send_oob oob = { .wqe_type = type & 31u, .psn = known.qp_psn & 0xffffffu };
	union gdma_doorbell arm = { .rq_client = { .id = (known.qpn + 1) & 0xffffffu, .high = 1 } };

	memcpy(wqe, &header, sizeof(header));
	memcpy(wqe + 16, &sge, sizeof(sge));
	if (how & 8)
		rdma_put(2, wqe, GDMA_WQE_UNIT, known.qpn);
	if (read) {
		memcpy(wqe + 8, &known.qp_psn, 3);
		rdma_put(1, wqe, GDMA_WQE_UNIT, known.qpn + 1);
		sge.size = 0;
	}
	memset(wqe, 0, sizeof(wqe));
	header.inline_oob_size_div4 = extra ? 7 : 6;
	oob.rdma.address_low = (uint32_t)page_iova(PAGE_DATA);
	oob.rdma.address_high = (uint32_t)(page_iova(PAGE_DATA) >> 32);
	oob.rdma.rkey = known.mr_key;
	oob.rdma.length = len;
	memcpy(wqe, &header, sizeof(header));
	memcpy(wqe + 8, &oob, sizeof(oob));
	memcpy(wqe + (extra ? 48 : 32), &sge, sizeof(sge));
	change(wqe, 64);
	rdma_put(0, wqe, 64, known.qpn);
	known.qp_psn += len ? (len - 1) / 256 + 1 : 1;
	arm.rq_client.low = known.qp_psn - 1;
	if (how & 16)
		ring(known.doorbell, GDMA_DB_RQ_CLIENT, arm);
}

static void steer(void)
{
	uint8_t vport = take() & 1, how = take();
	struct {
		struct mana_config_vport_rx_req_v2 head;
		uint64_t table[8];
	} message = { .head.v1 = { .vport = known.vport[vport],
				   .num_indir_entries = 8,
				   .indir_tab_offset = sizeof(message.head),
				   .rx_enable = 1,
				   .rss_enable = how & 1,
				   .update_default_rxobj = 1,
				   /* The tables of a key are what costs most here. */
				   .update_hashkey = how & 1,
				   .update_indir_tab = 1,
				   .default_rxobj = known.wq[1].handle },
		      .head.cqe_coalescing_enable = take() & 1 };

	for (unsigned int i = 0; i < 8; i++)
		message.table[i] = known.wq[1].handle;
	memset(message.head.v1.hashkey, 0x6d, MANA_HASH_KEY_SIZE);
	request(MANA_CONFIG_VPORT_RX, GDMA_DEVICE_MANA, &message, sizeof(message));
}

static void create_mr(uint32_t type)
{
	struct gdma_create_mr_req message = { .pd_handle = known.pd_handle, .mr_type = type };
	const struct gdma_create_mr_resp *response;
	unsigned int page;

	if (type == GDMA_MR_DM) {
		message.dm.dm_handle = known.dm;
		message.dm.offset = take();
		message.dm.access_flags = take();
		message.dm_length = 2048;
	} else if (type != GDMA_MR_GPA) {
		message.gva.dma_region = make_region(2, &page);
		message.gva.virtual_address = type == GDMA_MR_GVA ? page_iova(PAGE_DATA) : 7;
		message.gva.access_flags = 0xff;
	}
	response = request(GDMA_CREATE_MR, 0, &message, sizeof(message));
	if (!response)
		return;
	known.mr = response->mr_handle;
	known.mr_key = response->lkey;
}

/* A command, by its index in this list */
static void op_command(void)
{
	union {
		uint8_t bytes[640];
		struct gdma_verify_version_req verify;
		struct gdma_generate_test_event_req test;
		struct gdma_create_queue_req queue;
		struct gdma_disable_queue_req disable;
		struct gdma_allocate_resource_range_req range;
		struct gdma_destroy_resource_range_req range_end;
		struct gdma_dma_region_add_pages_req add;
		struct gdma_destroy_dma_region_req region;
		struct gdma_destroy_pd_req pd;
		struct gdma_destroy_mr_req mr;
		struct gdma_alloc_dm_req dm;
		struct gdma_destroy_dm_req dm_end;
		struct gdma_change_msix_req msix;
		struct mana_query_vport_config_req vport;
		struct mana_config_vport_tx_req tx;
		struct mana_destroy_wq_obj_req wq;
		struct mana_fence_rq_req fence;
		struct mana_query_gf_stat_req stat;
		struct mana_query_link_config_req link;
		struct rnic_create_adapter_req rnic;
		struct rnic_create_cq_req cq;
		struct rnic_destroy_cq_req cq_end;
		struct rnic_destroy_qp_req qp_end;
		struct rnic_set_qp_state_req state;
		struct rnic_config_ip_addr_req ip;
		struct native_bind_doorbell_req bind;
	} m = { .bytes = { 0 } };
	unsigned int page, which = take() % 47;
	const void *answer;

	switch (which) {
	case 0:
		m.verify.protocol_ver_min = m.verify.protocol_ver_max = 1;
		m.verify.driver_cap_flags1 = take32();
		request(GDMA_VERIFY_VF_DRIVER_VERSION, 0, &m, sizeof(m.verify));
		break;
	case 1:
		general(GDMA_QUERY_MAX_RESOURCES, 0);
		break;
	case 2:
		general(GDMA_LIST_DEVICES, 0);
		break;
	case 3:
		answer = general(GDMA_REGISTER_DEVICE, GDMA_DEVICE_MANA);
		if (answer) {
			const struct gdma_register_device_resp *registered = answer;

			known.pd = registered->pdid;
			known.key = registered->gpa_mkey;
			known.doorbell = registered->db_id % ADAPTER_DOORBELL_PAGES;
		}
		break;
	case 4:
		general(GDMA_REGISTER_DEVICE, GDMA_DEVICE_MANA_IB);
		break;
	case 5:
		general(GDMA_DEREGISTER_DEVICE, GDMA_DEVICE_MANA);
		break;
	case 6:
		general(GDMA_DEREGISTER_DEVICE, GDMA_DEVICE_MANA_IB);
		break;
	case 7:
		m.test.queue_index = known.eq;
		request(GDMA_GENERATE_TEST_EQE, 0, &m, sizeof(m.test));
		break;
	case 8:
		m.queue.dma_region = make_region(1, &page);
		m.queue.type = GDMA_EQ;
		m.queue.pdid = known.pd;
		m.queue.doorbell_page = known.doorbell;
		m.queue.queue_size = MANA_PAGE_SIZE;
		m.queue.eq_msix_index = 1;
		answer = request(GDMA_CREATE_QUEUE, 0, &m, sizeof(m.queue));
		if (answer)
			known.eq = ((const struct gdma_create_queue_resp *)answer)->queue_index;
		break;
	case 9:
		m.disable.type = GDMA_EQ;
		m.disable.queue_index = known.eq;
		request(GDMA_DISABLE_QUEUE, 0, &m, sizeof(m.disable));
		break;
	case 10:
		m.range.resource_type = GDMA_RESOURCE_DOORBELL_PAGE;
		m.range.num_resources = take();
		m.range.alignment = take();
		request(GDMA_ALLOCATE_RESOURCE_RANGE, 0, &m, sizeof(m.range));
		break;
	case 11:
		m.range_end.resource_type = GDMA_RESOURCE_DOORBELL_PAGE;
		m.range_end.num_resources = take();
		m.range_end.allocated_resources = take();
		request(GDMA_DESTROY_RESOURCE_RANGE, 0, &m, sizeof(m.range_end));
		break;
	case 12:
		known.region[0] = make_region(take() % 16u + 1, &page);
		break;
	case 13:
		m.add.dma_region = known.region[0];
		m.add.page_addr_list_len = 1;
		m.add.page_addr_list[0] = page_iova(take());
		request(GDMA_DMA_REGION_ADD_PAGES, 0, &m, sizeof(m.add) + 8);
		break;
	case 14:
		m.region.dma_region = known.region[0];
		request(GDMA_DESTROY_DMA_REGION, 0, &m, sizeof(m.region));
		break;
	case 15:
		answer = request(GDMA_CREATE_PD, 0, &m, sizeof(struct gdma_create_pd_req));
		if (answer)
			known.pd_handle = ((const struct gdma_create_pd_resp *)answer)->pd_handle;
		if (answer && take() & 1)
			known.pd = ((const struct gdma_create_pd_resp *)answer)->pd_id;
		break;
	case 16:
		m.pd.pd_handle = known.pd_handle;
		request(GDMA_DESTROY_PD, 0, &m, sizeof(m.pd));
		break;
	case 17:
		create_mr(GDMA_MR_GPA);
		break;
	case 18:
		create_mr(GDMA_MR_GVA);
		break;
	case 19:
		create_mr(GDMA_MR_ZBVA);
		break;
	case 20:
		create_mr(GDMA_MR_DM);
		break;
	case 21:
		m.mr.mr_handle = known.mr;
		request(GDMA_DESTROY_MR, 0, &m, sizeof(m.mr));
		break;
	case 22:
		m.dm.length = 4096u * (take() + 1u);
		answer = request(GDMA_ALLOC_DM, 0, &m, sizeof(m.dm));
		if (answer)
			known.dm = ((const struct gdma_alloc_dm_resp *)answer)->dm_handle;
		break;
	case 23:
		m.dm_end.dm_handle = known.dm;
		request(GDMA_DESTROY_DM, 0, &m, sizeof(m.dm_end));
		break;
	case 24:
		m.msix.queue_index = known.eq;
		m.msix.msix = take();
		request(GDMA_CHANGE_MSIX_FOR_EQ, 0, &m, sizeof(m.msix));
		break;
	case 25:
		request(GDMA_QUERY_HWC_TIMEOUT, 0, &m, sizeof(struct gdma_query_hwc_timeout_req));
		break;
	case 26:
		request(MANA_QUERY_DEV_CONFIG, GDMA_DEVICE_MANA, &m,
			sizeof(struct mana_query_device_config_req));
		break;
	case 27:
		m.vport.vport_index = take() & 1;
		page = m.vport.vport_index;
		answer = request(MANA_QUERY_VPORT_CONFIG, GDMA_DEVICE_MANA, &m, sizeof(m.vport));
		if (answer)
			known.vport[page] =
				((const struct mana_query_vport_config_resp *)answer)->vport;
		break;
	case 28:
		m.tx.vport = known.vport[take() & 1];
		m.tx.pdid = known.pd;
		m.tx.doorbell_page = known.doorbell;
		request(MANA_CONFIG_VPORT_TX, GDMA_DEVICE_MANA, &m, sizeof(m.tx));
		break;
	case 29:
		make_queue(GDMA_SQ);
		break;
	case 30:
		make_queue(GDMA_RQ);
		break;
	case 31:
		m.wq.wq_type = take() & 1 ? GDMA_SQ : GDMA_RQ;
		m.wq.wq_obj = known.wq[m.wq.wq_type - 1].handle;
		request(MANA_DESTROY_WQ_OBJ, GDMA_DEVICE_MANA, &m, sizeof(m.wq));
		break;
	case 32:
		m.fence.wq_obj = known.wq[1].handle;
		request(MANA_FENCE_RQ, GDMA_DEVICE_MANA, &m, sizeof(m.fence));
		break;
	case 33:
		steer();
		break;
	case 34:
		m.stat.req_stats = take32();
		request(take() & 1 ? MANA_QUERY_GF_STAT : MANA_QUERY_PHY_STAT, GDMA_DEVICE_MANA, &m,
			sizeof(m.stat));
		break;
	case 35:
		m.link.vport = known.vport[0];
		request(MANA_QUERY_LINK_CONFIG, GDMA_DEVICE_MANA, &m, sizeof(m.link));
		break;
	case 36:
		m.rnic.notify_eq_id = known.eq;
		answer = request(RNIC_CREATE_ADAPTER, GDMA_DEVICE_MANA_IB, &m, sizeof(m.rnic));
		if (answer)
			known.rnic = ((const struct rnic_create_adapter_resp *)answer)->adapter;
		break;
	case 37:
		m.cq.dma_region = make_region(1, &page);
		m.cq.adapter = known.rnic;
		m.cq.eq_id = known.eq;
		m.cq.doorbell_page = known.doorbell;
		answer = request(RNIC_CREATE_CQ, GDMA_DEVICE_MANA_IB, &m, sizeof(m.cq));
		if (answer)
			known.cq_handle = ((const struct rnic_create_cq_resp *)answer)->cq_handle;
		break;
	case 38:
		make_rnic_qp(take() & 1);
		break;
	case 39:
		m.cq_end.adapter = known.rnic;
		m.cq_end.cq_handle = known.cq_handle;
		request(RNIC_DESTROY_CQ, GDMA_DEVICE_MANA_IB, &m, sizeof(m.cq_end));
		break;
	case 40:
		m.qp_end.adapter = known.rnic;
		m.qp_end.qp_handle = take() & 1 ? known.qp : known.ud_qp;
		request(take() & 1 ? RNIC_DESTROY_RC_QP : RNIC_DESTROY_UD_QP, GDMA_DEVICE_MANA_IB,
			&m, sizeof(m.qp_end));
		break;
	case 41:
		m.ip.adapter = known.rnic;
		m.ip.op = take() & 3;
		request(take() & 1 ? RNIC_CONFIG_IP_ADDR : RNIC_DESTROY_ADAPTER,
			GDMA_DEVICE_MANA_IB, &m, sizeof(m.ip));
		break;
	case 42:
		m.bind.queue_type = take() & 1 ? GDMA_SQ : GDMA_RQ;
		m.bind.queue_id = known.wq[m.bind.queue_type - 1].id;
		m.bind.page = take();
		request(NATIVE_BIND_DOORBELL, 0, &m, sizeof(m.bind));
		break;
	case 43:
		make_large_queue();
		break;
	case 45:
		connect_rnic_qp();
		break;
	case 46:
		rdma_entry();
		break;
	default:
		take_bytes(&m, sizeof(m.bytes));
		request(take32(), take() & 3, &m, take() | (uint32_t)(take() & 1) << 8);
		break;
	}
}

/* Any bytes as a message */
static void op_message(void)
{
	uint8_t bytes[256];
	uint32_t len = take();

	take_bytes(bytes, len);
	channel_send(bytes, len);
}

/* ---- Entries ---- */

/*
 * An entry on the send or receive queue, derived from a valid one, or many of the same; rung or not.
 * It may be large: what a segment or a byte costs, a client can multiply.
 */
static void op_entry(void)
{
	uint8_t how = take();
	unsigned int q = how & 1, sges = how >> 4 & 3;
	bool is_long = how & 2, tso = how & 4;
	struct gdma_wqe header = { .num_sge = (sges + 1) & 0xffu,
				   .inline_oob_size_div4 = is_long && !q ? 6 : 2,
				   .client_oob_in_sgl = tso && !q,
				   .client_data_unit = tso ? take() : 0 };
	struct mana_tx_oob oob = { .s = { .pkt_fmt = is_long,
					  .vcq_num = known.wq[0].cq & 0xffffffu,
					  .short_vp_offset = take() & 1u } };
	uint8_t wqe[128] = { 0 }, offloads = take();
	uint8_t *ring_page = page_pointer(known.wq[q].page);
	uint32_t size;

	oob.s.comp_iphdr_csum = (offloads & 1) != 0;
	oob.s.comp_tcp_csum = (offloads >> 1 & 1) != 0;
	oob.s.comp_udp_csum = (offloads >> 2 & 1) != 0;
	oob.s.suppress_txcqe = (offloads >> 3 & 1) != 0;
	oob.l.inject_vlan_tag = (offloads >> 4 & 1) != 0;
	memcpy(wqe, &header, sizeof(header));
	if (!q)
		memcpy(wqe + 8, &oob, is_long ? 24 : 8);
	for (unsigned int i = 0; i <= sges; i++) {
		struct gdma_sge sge = { page_iova(PAGE_DATA) + take(),
					offloads & 0x80 ? known.mr_key : known.key,
					q           ? 2048
					: i || !tso ? take() * (how & 8 ? 256u : 4u)
						    : 54 };

		memcpy(wqe + gdma_wqe_sgl_offset(&header) + 16 * i, &sge, sizeof(sge));
	}
	size = gdma_wqe_size(&header);
	change(wqe, sizeof(wqe));
	for (unsigned int n = how & 0x40 ? 16 : 1; n; n--) {
		for (uint32_t i = 0; i < size; i++)
			ring_page[(known.wq[q].tail + i) % (2 * MANA_PAGE_SIZE)] = wqe[i];
		known.wq[q].tail += size;
	}
	if (!(how & 0x80)) {
		union gdma_doorbell value = { .sq = { .id = known.wq[q].id & 0xffffffu,
						      .tail = known.wq[q].tail } };

		ring(known.doorbell, q ? GDMA_DB_RQ : GDMA_DB_SQ, value);
	}
}

/* A packet to send: Ethernet, IP, TCP or UDP, with changes by the input */
static void op_packet(void)
{
	static const uint8_t tcp4[54] = {
		2, 0, 0,  0, 0, 1, 2,  0, 0, 0, 0, 2,  8, 0,  0x45, 0, 0, 80, 0, 1, 0, 0, 64,   6,
		0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 0, 80, 0,    0, 0, 1,  0, 0, 0, 1, 0x50, 0x18
	};
	uint8_t *to = page_pointer(PAGE_DATA) + take();
	uint8_t how = take();

	memcpy(to, tcp4, sizeof(tcp4));
	if (how & 1)
		to[23] = 17;
	if (how & 2) {
		to[12] = 0x86;
		to[13] = 0xdd;
		to[14] = 0x60;
		to[20] = how & 4 ? 17 : 6;
	}
	if (how & 8)
		memset(to, 0xff, 6);
	change(to, 256);
}

static void op_native(void)
{
	struct native_doorbell *page =
		(struct native_doorbell *)((uint8_t *)adapter->native +
					   (size_t)(take() % 256) * NATIVE_DOORBELL_SIZE);
	uint8_t how = take();

	__atomic_store_n(&page->tail, how & 1 ? take32() : known.wq[how >> 1 & 1].tail / 32,
			 __ATOMIC_RELEASE);
}

static void op_events(void)
{
	uint8_t how = take();

	if (how & 1)
		adapter_set_link(adapter, how >> 4 & 3, how & 2);
	if (how & 4)
		adapter_reconfigure(adapter, take32());
	if (how & 8)
		adapter_request_reset(adapter);
}

/* The steps to one queue of each kind */
static void op_bring_up(void)
{
	static const uint8_t steps[] = { 3, 8, 15, 27, 28, 29, 30, 33 };
	const uint8_t *rest = in;
	size_t rest_left = left;

	left = 0; /* without changes */
	op_establish();
	for (size_t i = 0; i < sizeof(steps); i++) {
		uint8_t choice[] = { steps[i], 0 };

		in = choice;
		left = sizeof(choice);
		op_command();
	}
	in = rest;
	left = rest_left;
}

static void (*const operations[])(void) = {
	op_bring_up,  op_command, op_entry,     op_packet,         op_doorbell,     op_memory,
	op_establish, op_destroy, op_bar_write, op_bar_read,       op_config_write, op_map,
	op_unmap,     op_reset,   op_message,   op_doorbell_short, op_native,       op_events,
};

/* ---- */

/* The numbers that the adapter gives out: the only state that outlives a client */
#define TABLES 9u

static void tables(struct table *of[TABLES])
{
	struct memory *memory_of = &adapter->memory;

	of[0] = &adapter->eqs;
	of[1] = &adapter->cqs;
	of[2] = &adapter->sqs;
	of[3] = &adapter->rqs;
	of[4] = &memory_of->lists;
	of[5] = &memory_of->pds;
	of[6] = &memory_of->keys;
	of[7] = &memory_of->devices;
	of[8] = &adapter->pairs;
}

/* The same input is to find the same adapter each time */
static void start_numbers_again(void)
{
	struct table *of[TABLES];

	tables(of);
	for (unsigned int i = 0; i < TABLES; i++) {
		of[i]->fresh = first_numbers[i];
		of[i]->first = of[i]->count = 0;
	}
}

static inline void step(struct lanes *of)
{
	uint32_t start = budget_spent;

	lanes_step(of);
	COST_CHECK(start, COST_TURN);
}

static void clean_up(void)
{
	adapter_close(adapter);
	lanes_stop(lanes);
	rmdir(folder);
}

static void start(void)
{
	struct adapter_config config = { .name = "fuzz", .socket = path, .ports = 2 };
	struct table *of[TABLES];
	struct error error;

	require(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/socket", folder);
	for (uint8_t i = 0; i < 2; i++)
		config.port[i] = (struct adapter_port_config){ .mac = { 2, 0, 0, 0, 0, i },
							       .fabric = i ? "switch:fuzz" : "loop",
							       .mtu = 9000,
							       .queues = 4 };
	require(LANES_START(&lanes) == 0);
	require(adapter_open(&config, lanes, &adapter, &error) == 0);
	memory_fd = memfd_create("fuzz", MFD_CLOEXEC);
	require(memory_fd >= 0 && ftruncate(memory_fd, PAGES * MANA_PAGE_SIZE) == 0);
	memory = mmap(NULL, PAGES * MANA_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd,
		      0);
	require(memory != MAP_FAILED);
	memset(memory, CANARY, PAGES * MANA_PAGE_SIZE);
	memset(untouched, CANARY, sizeof(untouched));
	tables(of);
	for (unsigned int i = 0; i < TABLES; i++)
		first_numbers[i] = of[i]->fresh;
	atexit(clean_up);
}

static void attach(void)
{
	if (!attached) {
		VISIT(client_ops.attached(adapter));
		map_all();
	}
	attached = true;
	VISIT(client_ops.write(adapter, VFU_REGION_CONFIG, 4, "\x06", 1));
}

/*
 * The client resets the adapter, and goes if it has to: a new one needs a dozen system calls, and
 * what is left of the queues of an old one is the same after a reset.
 */
static void leave(void)
{
	if (!all_mapped()) {
		VISIT(client_ops.detached(adapter));
		attached = false;
		mapped_count = 0;
	} else {
		VISIT(client_ops.reset(adapter));
	}
}

/* Zeroes all that is mapped. For memset() the sanitizer first looks whether each byte may be written */
__attribute__((no_sanitize("address", "thread", "undefined"))) static void clear(void)
{
	typedef uint64_t line __attribute__((vector_size(64), may_alias));
	line *at = (line *)page_pointer(EDGE), *end = (line *)page_pointer(PAGES - EDGE);

	for (; at < end; at++) {
		*at = (line){ 0 };
		__asm__ volatile("" ::: "memory"); /* no memset() in place of the loop */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int n = 0;

	if (!adapter)
		start();
	memset(&known, 0, sizeof(known));
	known.next_page = known.wq[0].page = known.wq[1].page = PAGE_QUEUES;
	clear();
	in = data;
	left = size;
	attach();
	MEANWHILE_BEGIN();
	while (left && n++ < OPS_MAX) {
		operations[take() % (sizeof(operations) / sizeof(operations[0]))]();
		LANES_STEP(lanes);
	}
	MEANWHILE_END();
	leave();
	arrive();

	require(!adapter->hwc.up && !adapter->rnic);
	require(!adapter->eqs.used && !adapter->cqs.used && !adapter->sqs.used &&
		!adapter->rqs.used);
	require(!adapter->memory.lists.used && !adapter->memory.pds.used &&
		!adapter->memory.keys.used && !adapter->memory.devices.used);
	require(!adapter->memory.pages_used && !adapter->memory.device_used);
	for (unsigned int i = 0; i < ADAPTER_DOORBELL_PAGES / 64; i++)
		require(!adapter->doorbell_pages[i]);
	require(!memcmp(memory, untouched, sizeof(untouched)) &&
		!memcmp(page_pointer(PAGES - EDGE), untouched, sizeof(untouched)));
	for (unsigned int i = 0; i < 2; i++)
		adapter_set_link(adapter, i, true);
	start_numbers_again();
	return 0;
}
