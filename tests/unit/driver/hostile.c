/* SPDX-License-Identifier: BSD-3-Clause */
#include "hostile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/driver.h"
#include "driver/transport.h"
#include "wire/gdma.h"
#include "wire/native.h"
#include "wire/reg.h"

#define BAR_SIZE   0x800000u
#define BELLS      0x400000u
#define SMC_AT     0x1000u
#define HWC_PAGE   1u /* doorbell pages */
#define ETH_PAGE   2u
#define HWC_EQ     3u /* numbers of the channel's queues */
#define HWC_CQ     4u
#define HWC_RQ     5u
#define HWC_SQ     6u
#define TIMEOUT_MS 3

/** struct hostile - the adapter; it keeps plain pointers to the driver's memory */
struct hostile {
	struct transport transport;
	const struct hostile_source *source;
	uint32_t smc[SMC_WORDS];
	uint16_t command;
	int irq_fd;
	struct gdma_eqe *eq;
	struct gdma_cqe *cq;
	struct driver_unit *rq, *sq;
	uint32_t eq_index, cq_index, rq_head, sq_head;
	uint32_t queues;
	bool closed;
	uint8_t *bar2;
};

static struct hostile *of(struct transport *transport)
{
	return (struct hostile *)transport;
}

static uint8_t byte(const struct hostile *hostile)
{
	return hostile->source->next(hostile->source->ctx);
}

/** odd() - should this one be wrong? */
static bool odd(const struct hostile *hostile)
{
	return byte(hostile) < hostile->source->rate;
}

/** spoil() - change some bytes, sometimes */
static void spoil(const struct hostile *hostile, void *data, size_t len)
{
	if (!odd(hostile))
		return;
	for (unsigned int n = 1u + byte(hostile) % 4u; n; n--) {
		size_t at = (size_t)(byte(hostile) << 8 | byte(hostile)) % len;

		((uint8_t *)data)[at] = byte(hostile) % 3 ? byte(hostile) : 0xff;
	}
}

/* ---- Its answers ---- */

static void event(struct hostile *hostile, unsigned int type, uint32_t word)
{
	struct gdma_eqe eqe = { .details = { word }, .type = type & 0xff };
	uint64_t one = 1;

	if (odd(hostile) && byte(hostile) % 2)
		return;
	eqe.owner_bits = gdma_owner_bits(hostile->eq_index, 256) & 7u;
	spoil(hostile, &eqe, sizeof(eqe));
	hostile->eq[hostile->eq_index++ % 256] = eqe;
	if (hostile->irq_fd >= 0 && write(hostile->irq_fd, &one, sizeof(one)) < 0)
		return;
}

static void tell(struct hostile *hostile, enum hwc_init_data type, uint32_t value)
{
	union hwc_event_data data = { .value = value & 0xffffff, .type = (uint32_t)type & 0xff };

	event(hostile, GDMA_EQE_HWC_INIT_DATA, data.word);
}

static void establish(struct hostile *hostile)
{
	union hwc_init_eq_id_db eq_id_db = { .eq_id = HWC_EQ, .doorbell = HWC_PAGE };
	struct smc_message message;
	union smc_header answer;

	memcpy(&message, hostile->smc, sizeof(message));
	hostile->eq = (void *)(uintptr_t)smc_message_address(&message, SMC_QUEUE_EQ);
	hostile->cq = (void *)(uintptr_t)smc_message_address(&message, SMC_QUEUE_CQ);
	hostile->rq = (void *)(uintptr_t)smc_message_address(&message, SMC_QUEUE_RQ);
	hostile->sq = (void *)(uintptr_t)smc_message_address(&message, SMC_QUEUE_SQ);
	hostile->eq_index = 256;
	hostile->cq_index = 64;
	hostile->sq_head = hostile->rq_head = 0;
	event(hostile, GDMA_EQE_HWC_INIT_EQ_ID_DB, eq_id_db.word);
	tell(hostile, HWC_INIT_CQ_ID, HWC_CQ);
	tell(hostile, HWC_INIT_RQ_ID, HWC_RQ);
	tell(hostile, HWC_INIT_SQ_ID, HWC_SQ);
	tell(hostile, HWC_INIT_QUEUE_DEPTH, 1);
	tell(hostile, HWC_INIT_MAX_REQUEST, 4096);
	tell(hostile, HWC_INIT_MAX_RESPONSE, 4096);
	tell(hostile, HWC_INIT_MAX_CQS, 1024);
	tell(hostile, HWC_INIT_GPA_MKEY, 0x77);
	event(hostile, GDMA_EQE_HWC_INIT_DONE, 0);
	answer = smc_header_answer(message.header, 0, SMC_STATUS_SUCCESS);
	hostile->smc[SMC_WORDS - 1] = answer.word;
	spoil(hostile, &hostile->smc[SMC_WORDS - 1], 4);
}

/** respond() - the body of a response; the header is written by the caller */
static void respond(struct hostile *hostile, const struct gdma_req_header *request, void *response)
{
	const struct mana_query_vport_config_req *vport = (const void *)request;

	switch (request->req.msg_type) {
	case GDMA_VERIFY_VF_DRIVER_VERSION: {
		struct gdma_verify_version_resp *resp = response;

		resp->protocol_ver = GDMA_PROTOCOL_V1;
		resp->pf_cap_flags4 = NATIVE_PF_CAP_4_SHARED_DOORBELLS;
		break;
	}
	case GDMA_QUERY_MAX_RESOURCES: {
		struct gdma_query_max_resources_resp *resp = response;

		resp->max_sq = resp->max_rq = resp->max_cq = resp->max_eq = 64;
		resp->max_msix = 65;
		break;
	}
	case GDMA_LIST_DEVICES: {
		struct gdma_list_devices_resp *resp = response;

		resp->num_of_devs = 2;
		resp->devs[0].type = GDMA_DEVICE_HWC;
		resp->devs[2] = (struct gdma_dev_id){ GDMA_DEVICE_MANA, 1 };
		break;
	}
	case GDMA_REGISTER_DEVICE: {
		struct gdma_register_device_resp *resp = response;

		resp->pdid = 2;
		resp->gpa_mkey = 0x55;
		resp->db_id = ETH_PAGE;
		break;
	}
	case MANA_QUERY_DEV_CONFIG: {
		struct mana_query_device_config_resp *resp = response;

		resp->max_num_vports = 2;
		resp->adapter_mtu = 1514;
		break;
	}
	case MANA_QUERY_VPORT_CONFIG: {
		struct mana_query_vport_config_resp *resp = response;

		resp->max_num_sq = resp->max_num_rq = 16;
		resp->num_indirection_ent = 64;
		resp->vport = 100 + vport->vport_index;
		break;
	}
	case MANA_CONFIG_VPORT_TX: {
		struct mana_config_vport_tx_resp *resp = response;

		resp->short_form_allowed = 1;
		break;
	}
	case GDMA_CREATE_DMA_REGION: {
		struct gdma_create_dma_region_resp *resp = response;

		resp->dma_region = ++hostile->queues;
		break;
	}
	case GDMA_CREATE_QUEUE: {
		struct gdma_create_queue_resp *resp = response;

		resp->queue_index = ++hostile->queues;
		break;
	}
	case MANA_CREATE_WQ_OBJ: {
		struct mana_create_wq_obj_resp *resp = response;

		resp->wq_id = ++hostile->queues;
		resp->cq_id = hostile->queues;
		resp->wq_obj = hostile->queues;
		break;
	}
	default:
		break;
	}
}

static void completion(struct hostile *hostile, const void *data, uint32_t wq, bool is_sq)
{
	struct gdma_cqe cqe = { 0 };

	if (odd(hostile) && byte(hostile) % 2)
		return;
	memcpy(cqe.data, data, sizeof(struct hwc_rx_oob));
	cqe.wq_num = wq & 0xffffff;
	cqe.is_sq = is_sq;
	cqe.owner_bits = gdma_owner_bits(hostile->cq_index, 64) & 7u;
	spoil(hostile, &cqe, sizeof(cqe));
	hostile->cq[hostile->cq_index++ % 64] = cqe;
}

/** answer() - the request at the head of the send queue */
static void answer(struct hostile *hostile)
{
	const struct driver_unit *sge = &hostile->sq[(hostile->sq_head + 1) % 128];
	const struct driver_unit *buffer = &hostile->rq[hostile->rq_head % 128];
	const struct gdma_req_header *request = (const void *)(uintptr_t)sge->word[0];
	uint8_t *to = (uint8_t *)(uintptr_t)buffer->word[2];
	uint64_t response[4096 / 8] = { 0 };
	struct gdma_resp_header *header = (void *)response;
	struct hwc_rx_oob oob = { .tx_oob_data_size = request->resp.msg_size };

	hostile->sq[hostile->sq_head % 128].word[0] = 0;
	hostile->sq_head += 2;
	hostile->rq_head++;
	header->response = request->resp;
	header->response.hwc_msg_id = request->req.hwc_msg_id;
	header->dev_id = request->dev_id;
	header->activity_id = request->activity_id;
	respond(hostile, request, response);
	spoil(hostile, response, oob.tx_oob_data_size);
	if (odd(hostile))
		header->status = byte(hostile) % 2 ? 0xffffffff : byte(hostile);
	memcpy(to, response, oob.tx_oob_data_size);
	if (odd(hostile))
		oob.tx_oob_data_size =
			byte(hostile) % 2 ? (uint32_t)byte(hostile) << 24 : byte(hostile);
	completion(hostile, &oob, HWC_SQ, true);
	completion(hostile, &oob, HWC_RQ, false);
	if (odd(hostile))
		event(hostile, byte(hostile), byte(hostile));
	event(hostile, GDMA_EQE_COMPLETION, HWC_CQ);
}

/* ---- The transport ---- */

static int size_of(struct transport *transport, unsigned int region, uint64_t *size)
{
	*size = region == 0 ? BAR_SIZE : region == NATIVE_BAR ? NATIVE_BAR_SIZE : 256;
	spoil(of(transport), size, sizeof(*size));
	return 0;
}

static int read_from(struct transport *transport, unsigned int region, uint64_t offset, void *data,
		     size_t len)
{
	struct hostile *hostile = of(transport);
	const struct mana_vf_regs regs = { .version_major = 1,
					   .db_page_offset = BELLS,
					   .db_page_size = 4096,
					   .shm_offset = SMC_AT,
					   .shm_size = SMC_SIZE };
	const uint16_t identity[2] = { MANA_PCI_VENDOR_ID, MANA_PCI_DEVICE_ID_VF };

	if (hostile->closed)
		return -ENODEV;
	memset(data, 0, len);
	if (region == TRANSPORT_CONFIG && offset == 0 && len == sizeof(identity))
		memcpy(data, identity, len);
	else if (region == TRANSPORT_BAR0 && offset == 0 && len == sizeof(regs))
		memcpy(data, &regs, len);
	else if (region == TRANSPORT_BAR0 && offset - SMC_AT <= SMC_SIZE - len)
		memcpy(data, (uint8_t *)hostile->smc + (offset - SMC_AT), len);
	spoil(hostile, data, len);
	return 0;
}

static int write_to(struct transport *transport, unsigned int region, uint64_t offset,
		    const void *data, size_t len)
{
	struct hostile *hostile = of(transport);

	if (hostile->closed)
		return -ENODEV;
	if (region != TRANSPORT_BAR0 || offset - SMC_AT > SMC_SIZE - len)
		return 0;
	memcpy((uint8_t *)hostile->smc + (offset - SMC_AT), data, len);
	if (offset + len == SMC_AT + SMC_SIZE)
		establish(hostile);
	return 0;
}

static int post(struct transport *transport, unsigned int region, uint64_t offset, uint64_t value)
{
	struct hostile *hostile = of(transport);
	uint64_t one = 1;

	(void)region;
	(void)value;
	if (hostile->closed)
		return -ENODEV;
	/* The driver was told the doorbell's number and page, so they may be anything. */
	if (offset % 4096 == GDMA_DB_SQ && hostile->sq &&
	    hostile->sq[hostile->sq_head % 128].word[0])
		answer(hostile);
	else if (hostile->irq_fd >= 0 && odd(hostile) && write(hostile->irq_fd, &one, 8) < 0)
		return 0;
	if (odd(hostile) && byte(hostile) < 16)
		hostile->closed = true;
	return 0;
}

static int map_region(struct transport *transport, unsigned int region, void **va, uint64_t *size)
{
	struct hostile *hostile = of(transport);

	(void)region;
	if (odd(hostile))
		return -ENOTSUP;
	*va = hostile->bar2;
	*size = HOSTILE_PAGES * NATIVE_DOORBELL_SIZE;
	return 0;
}

static int dma_map(struct transport *transport, uint64_t iova, void *va, uint64_t size, int fd,
		   uint64_t offset)
{
	(void)iova;
	(void)va;
	(void)size;
	(void)fd;
	(void)offset;
	return odd(of(transport)) ? -EEXIST : 0;
}

static int dma_unmap(struct transport *transport, uint64_t iova, uint64_t size)
{
	(void)transport;
	(void)iova;
	(void)size;
	return 0;
}

static int irqs(struct transport *transport, unsigned int start, const int *fds, unsigned int count)
{
	struct hostile *hostile = of(transport);

	if (hostile->closed)
		return -ENODEV;
	if (odd(hostile))
		return -EINVAL;
	if (!start && count)
		hostile->irq_fd = fds[0];
	return 0;
}

static int reset(struct transport *transport)
{
	struct hostile *hostile = of(transport);

	hostile->sq = NULL;
	hostile->irq_fd = -1;
	hostile->queues = 0;
	return hostile->closed ? -ENODEV : 0;
}

static int watch(struct transport *transport, int epoll_fd, bool on)
{
	(void)transport;
	(void)epoll_fd;
	(void)on;
	return 0;
}

static int alive(struct transport *transport)
{
	return of(transport)->closed ? -ENODEV : 0;
}

static int share(struct transport *transport, struct transport_share *share)
{
	(void)transport;
	memset(share, 0, sizeof(*share));
	return 0;
}

static void close_transport(struct transport *transport)
{
	free(of(transport));
}

static const struct transport_ops ops = {
	.size = size_of,
	.read = read_from,
	.write = write_to,
	.post = post,
	.map_region = map_region,
	.dma_map = dma_map,
	.dma_unmap = dma_unmap,
	.irqs = irqs,
	.reset = reset,
	.watch = watch,
	.alive = alive,
	.share = share,
	.close = close_transport,
};

struct transport *hostile_transport(const struct hostile_source *source, uint8_t *bar2)
{
	struct hostile *hostile = calloc(1, sizeof(*hostile));

	if (!hostile)
		return NULL;
	hostile->transport = (struct transport){ &ops, "hostile" };
	hostile->source = source;
	hostile->irq_fd = -1;
	hostile->bar2 = bar2;
	return &hostile->transport;
}

/* ---- The driver's life ---- */

struct bump {
	uint8_t *at, *end;
	unsigned int out;
};

static void *alloc(void *ctx, size_t size, size_t align)
{
	struct bump *bump = ctx;
	uint8_t *at = (uint8_t *)(((uintptr_t)bump->at + align - 1) & ~(uintptr_t)(align - 1));

	if (size > (size_t)(bump->end - at))
		return NULL;
	bump->at = at + size;
	bump->out++;
	return at;
}

static void release(void *ctx, void *va, size_t size)
{
	(void)va;
	(void)size;
	((struct bump *)ctx)->out--;
}

/** scribble() - completions in a queue's ring, some of them good */
static void scribble(const struct hostile *hostile, struct driver_cq *cq, uint32_t at,
		     unsigned int good_type)
{
	struct gdma_cqe *ring = (struct gdma_cqe *)(uintptr_t)cq->ring;
	uint32_t index = cq->mask + 1 + at;
	struct gdma_cqe cqe = { .data = { good_type | 1 << 6 } };

	if (good_type == MANA_CQE_RX_OKAY)
		cqe.data[2] = 64;
	cqe.owner_bits = gdma_owner_bits(index, cq->mask + 1) & 7u;
	spoil(hostile, &cqe, sizeof(cqe));
	ring[index & cq->mask] = cqe;
}

/** use_txq() - send, and read any completions; the head never passes the tail */
static unsigned int use_txq(const struct hostile *hostile, struct driver *driver,
			    struct driver_txq *txq, uint8_t *packet)
{
	struct gdma_sge sge[DRIVER_TX_SGES];
	unsigned int done = 0;
	uint32_t completions = 0;

	for (unsigned int i = 0; i < DRIVER_TX_SGES; i++)
		sge[i] = (struct gdma_sge){ (uintptr_t)packet, 0x55, 64 };
	for (unsigned int round = 0; round < 200 && !txq->cq.broken; round++) {
		unsigned int n = 1 + round % DRIVER_TX_SGES;
		uint32_t start = txq->wq.tail;

		while (driver_wq_room(&txq->wq) >= driver_tx_units(n, round % 5 == 0) &&
		       byte(hostile) % 4) {
			start = txq->wq.tail;
			if (n == 1)
				driver_tx_one(txq, DRIVER_TX_SUPPRESS, (uintptr_t)packet, 0x55, 64);
			else
				driver_tx_many(txq, DRIVER_TX_SUPPRESS, 0,
					       round % 5 == 0 ? DRIVER_TX_VLAN(round) : 0, sge, n);
		}
		if (txq->wq.tail == start)
			continue;
		driver_tx_ask(txq, start);
		driver_wq_commit(&txq->wq, driver_doorbell(driver));
		for (unsigned int i = odd(hostile) ? byte(hostile) % 4 : 1; i; i--)
			scribble(hostile, &txq->cq, completions++, MANA_CQE_TX_OKAY);
		done += driver_txq_reap(txq, 64);
		if (driver_wq_used(&txq->wq) > txq->wq.mask + 1)
			abort();
	}
	return done;
}

static unsigned int use_rxq(const struct hostile *hostile, struct driver *driver,
			    struct driver_rxq *rxq, uint8_t *packet)
{
	unsigned int taken = 0;
	uint32_t completions = 0;

	for (unsigned int round = 0; round < 100 && !rxq->cq.broken; round++) {
		const struct gdma_cqe *cqe;

		while (driver_wq_room(&rxq->wq))
			driver_rx_post(rxq, (uintptr_t)packet, 0x55, 64);
		driver_wq_commit(&rxq->wq, driver_doorbell(driver));
		for (unsigned int i = odd(hostile) ? byte(hostile) : 8; i; i--)
			scribble(hostile, &rxq->cq, completions++, MANA_CQE_RX_OKAY);
		while ((cqe = driver_cq_peek(&rxq->cq, 0))) {
			uint32_t slot, n = odd(hostile) ? 4 : 1;

			driver_cq_step(&rxq->cq, 1);
			if (!driver_rxq_take(rxq, n, &slot))
				break;
			if (slot > rxq->wq.mask || driver_wq_used(&rxq->wq) > rxq->wq.mask + 1)
				abort();
			taken += n;
		}
	}
	return taken;
}

static void use(const struct hostile *hostile, struct driver *driver, uint8_t *packet,
		struct hostile_result *result)
{
	static const uint16_t table[2] = { 0, 1 };
	struct driver_port_config config = { .rx_interrupts = byte(hostile) % 2 };
	struct driver_rss rss = { .enable = true, .hash = true, .table = table, .entries = 2 };
	static struct driver_signal signals[2][128];
	static struct driver_txq txq[2];
	static struct driver_rxq rxq[2];
	struct mana_query_gf_stat_resp stats;
	struct driver_event events[4];
	struct driver_port *port;

	result->port = driver_port_open(driver, 0, &config, &port);
	if (result->port)
		return;
	for (unsigned int i = 0; i < 2 && result->txq >= 0; i++)
		result->txq = driver_txq_create(port, i, 128, signals[i], &txq[i]);
	for (unsigned int i = 0; i < 2 && result->rxq >= 0; i++)
		result->rxq = driver_rxq_create(port, i, 128, &rxq[i]);
	result->rss = driver_rss(port, &rss);
	if (!result->txq)
		result->sent = use_txq(hostile, driver, &txq[1], packet);
	if (!result->rxq) {
		result->received = use_rxq(hostile, driver, &rxq[1], packet);
		driver_rxq_arm(port, 1);
		driver_rxq_arm(port, 0);
	}
	result->stats = driver_stats(driver, &stats);
	driver_events(driver, events, 4);
	if (byte(hostile) % 2)
		driver_rxq_destroy(port, 1);
	if (byte(hostile) % 2)
		driver_port_close(port);
	driver_events(driver, events, 4);
}

bool hostile_run(const struct hostile_source *source, uint8_t *memory,
		 struct hostile_result *result)
{
	struct bump bump = { .at = memory + 16 * NATIVE_DOORBELL_SIZE,
			     .end = memory + HOSTILE_MEMORY };
	struct driver_allocator allocator = { alloc, release, &bump };
	struct transport *transport = hostile_transport(source, memory);
	struct driver *driver;

	memset(memory, 0, 16 * NATIVE_DOORBELL_SIZE);
	*result = (struct hostile_result){ 1, 1, 1, 1, 1, 1, 1, 1, 0, 0 };
	if (!transport)
		return false;
	result->open = driver_open(transport, &allocator, &driver);
	if (result->open)
		return !bump.out;
	driver_set_timeout(driver, TIMEOUT_MS);
	result->map = driver_map(driver, memory, HOSTILE_MEMORY, 0, 0);
	result->start = driver_start(driver);
	if (!result->start)
		use(of(transport), driver, memory + HOSTILE_PAGES * NATIVE_DOORBELL_SIZE, result);
	driver_close(driver);
	return !bump.out;
}
