/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sends.c - attacks on the lane. Each fills rings once and announces them again and again, so that
 * the attacker needs next to no time of its own.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attacker.h"
#include "attacks.h"
#include "base/clock.h"

#define QUEUES     64u
#define MEMORY     (48u << 20) /* bytes */
#define RING       65536u      /* bytes: 2048 units */
#define UNITS      (RING / GDMA_WQE_UNIT)
#define SPARSE     4096u /* bytes of completions where only the last entry of a ring asks for one */
#define FULL       (UNITS * GDMA_CQE_SIZE) /* where each entry gets one */
#define SMALLEST   32u                     /* bytes of payload in a segment */
#define LARGE      (FRAME_HEADERS + SMALLEST * 2040)
#define HUGE_PAGES (1u << 16) /* pages of a region of 4 GiB */
#define HUGE_SHIFT 16u

static struct queue queues[QUEUES];

#define TCP_FLAGS (DRIVER_TX_IPV4 | DRIVER_TX_IP_CSUM | DRIVER_TX_TCP_CSUM | DRIVER_TX_TCP_OFF(34))

/** large_send() - fill a ring with large sends cut into tiny segments */
static void large_send(struct attacker *attacker, struct queue *queue, const uint8_t *frame)
{
	struct driver_unit entry[2] = {
		{ { DRIVER_WQE_SGES(2) | DRIVER_WQE_SHORT | DRIVER_WQE_TSO |
			    DRIVER_WQE_MSS(SMALLEST) | DRIVER_WQE_LAST(FRAME_HEADERS),
		    queue->oob | TCP_FLAGS | DRIVER_TX_SUPPRESS, (uintptr_t)frame,
		    GDMA_SGE_WORD(attacker->hwc->key, FRAME_HEADERS) } },
		{ { (uintptr_t)frame + FRAME_HEADERS,
		    GDMA_SGE_WORD(attacker->hwc->key, LARGE - FRAME_HEADERS), 0, 0 } },
	};

	queue_fill(queue, entry, 2);
	queue->wq.ring[queue->wq.mask - 1].word[1] &= ~DRIVER_TX_SUPPRESS;
}

static void segments(const char *socket)
{
	struct attacker attacker;
	const uint8_t *frame;

	attacker_open(&attacker, socket, MEMORY, false);
	frame = frame_tcp(&attacker, 0, LARGE, false);
	for (unsigned int i = 0; i < QUEUES; i++) {
		queue_open(&attacker, 0, GDMA_SQ, RING, SPARSE, GDMA_CQ_NO_EQ, &queues[i]);
		large_send(&attacker, &queues[i], frame);
	}
	attack_begin();
	queues_flood(&attacker, queues, QUEUES, 1);
}

static void destruction(const char *socket)
{
	struct attacker attacker;
	const uint8_t *frame;
	size_t used;

	attacker_open(&attacker, socket, MEMORY, false);
	driver_set_timeout(attacker.driver, 60000);
	frame = frame_tcp(&attacker, 0, LARGE, false);
	used = attacker.arena.used;
	attack_begin();
	for (;;) {
		attacker.arena.used = used;
		queue_open(&attacker, 0, GDMA_SQ, 1u << 20, SPARSE, GDMA_CQ_NO_EQ, queues);
		large_send(&attacker, queues, frame);
		queue_announce(&attacker, queues);
		queue_destroy(&attacker, GDMA_SQ, queues);
	}
}

/** flood() - send frames of @len bytes from @n queues for ever */
static void __attribute__((noreturn))
flood(struct attacker *attacker, const uint8_t *frame, uint32_t len, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct driver_unit entry;

		queue_open(attacker, 0, GDMA_SQ, RING, SPARSE, GDMA_CQ_NO_EQ, &queues[i]);
		entry = entry_plain(&queues[i], frame, attacker->hwc->key, len);
		queue_fill(&queues[i], &entry, 1);
		queues[i].wq.ring[queues[i].wq.mask].word[1] &= ~DRIVER_TX_SUPPRESS;
	}
	attack_begin();
	queues_flood(attacker, queues, n, 1);
}

static void frames(const char *socket)
{
	struct attacker attacker;

	attacker_open(&attacker, socket, MEMORY, false);
	flood(&attacker, frame_tcp(&attacker, 0, 1514, false), 1514, QUEUES);
}

/** errors() - each entry names another completion queue than its own */
static void errors(const char *socket)
{
	struct attacker attacker;
	const uint8_t *frame;

	attacker_open(&attacker, socket, MEMORY, false);
	frame = frame_tcp(&attacker, 0, 64, false);
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct driver_unit entry;

		queue_open(&attacker, 0, GDMA_SQ, RING, FULL, GDMA_CQ_NO_EQ, &queues[i]);
		entry = entry_plain(&queues[i], frame, attacker.hwc->key, 64);
		entry.word[1] ^= MANA_TX_WORD_VCQ(0x800000);
		queue_fill(&queues[i], &entry, 1);
	}
	attack_begin();
	queues_flood(&attacker, queues, QUEUES, UNITS);
}

/**
 * huge_region() - a key for 4 GiB of pages
 *
 * The file behind them takes no memory, and the pages are all there is of it in another order, so
 * that no two are contiguous, or in order, so that all of it is one piece.
 */
static uint32_t huge_region(struct attacker *attacker, bool in_order)
{
	static uint64_t pages[HUGE_PAGES];
	const uint64_t size = (uint64_t)HUGE_PAGES << HUGE_SHIFT, iova = UINT64_C(1) << 40;
	int fd = memfd_create("huge", MFD_CLOEXEC);

	attack_check(fd < 0 || ftruncate(fd, (off_t)size) ? errno : 0, "4 GiB");
	attack_check(
		attacker->transport->ops->dma_map(attacker->transport, iova, NULL, size, fd, 0),
		"mapping 4 GiB");
	for (uint32_t i = 0; i < HUGE_PAGES; i++)
		pages[i] = iova + ((uint64_t)(in_order ? i : i * 5 % HUGE_PAGES) << HUGE_SHIFT);
	return attacker_key(attacker, attacker_region(attacker, pages, HUGE_PAGES, HUGE_SHIFT),
			    size);
}

/** huge_fill() - fill a ring with entries of @sges elements of 4 GiB each */
static void huge_fill(struct queue *queue, uint32_t key, unsigned int sges)
{
	struct driver_unit entry[GDMA_SQE_SIZE_MAX / GDMA_WQE_UNIT] = { 0 };
	unsigned int units = driver_tx_units(sges, false);
	struct gdma_sge *sge = (struct gdma_sge *)&entry[0].word[2];

	entry[0].word[0] = DRIVER_WQE_SGES(sges) | DRIVER_WQE_SHORT;
	entry[0].word[1] = queue->oob;
	for (unsigned int i = 0; i < sges; i++)
		sge[i] = (struct gdma_sge){ .mem_key = key, .size = UINT32_MAX };
	queue_fill(queue, entry, units);
}

static void elements(const char *socket)
{
	struct attacker attacker;
	uint32_t key;

	attacker_open(&attacker, socket, MEMORY, false);
	key = huge_region(&attacker, true);
	for (unsigned int i = 0; i < QUEUES; i++) {
		queue_open(&attacker, 0, GDMA_SQ, RING, FULL, GDMA_CQ_NO_EQ, &queues[i]);
		huge_fill(&queues[i], key, GDMA_SQE_SGES_MAX);
	}
	attack_begin();
	queues_flood(&attacker, queues, QUEUES, UNITS / driver_tx_units(GDMA_SQE_SGES_MAX, false));
}

/** receive_all() - let the vPort receive into one queue */
static void receive_all(struct attacker *attacker, unsigned int port, const struct queue *rq)
{
	struct mana_config_vport_rx_req_v2 request = {
		.v1 = { .vport = attacker->hwc->vport[port],
			.rx_enable = MANA_TRUE,
			.rss_enable = MANA_FALSE,
			.update_default_rxobj = 1,
			.default_rxobj = rq->handle },
	};
	struct mana_config_vport_rx_resp response;

	attack_check(hwc_command(attacker->hwc, &(struct command){ .code = MANA_CONFIG_VPORT_RX,
								   .dev = attacker->hwc->dev,
								   .request = &request,
								   .request_len = sizeof(request),
								   .request_version = 2,
								   .response = &response,
								   .response_len = 40 }),
		     "receiving");
}

/** buffers() - frames come back to a queue whose buffers are elements of 4 GiB */
static void buffers(const char *socket)
{
	const unsigned int units = driver_tx_units(GDMA_RQE_SGES_MAX, false);
	struct attacker attacker;
	struct queue rq;
	uint32_t gpa, key;

	attacker_open(&attacker, socket, MEMORY, false);
	gpa = attacker.hwc->key;
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct driver_unit entry;

		queue_open(&attacker, 0, GDMA_SQ, RING, SPARSE, GDMA_CQ_NO_EQ, &queues[i]);
		entry = entry_plain(&queues[i], frame_tcp(&attacker, 0, 64, false), gpa, 64);
		queue_fill(&queues[i], &entry, 1);
		queues[i].wq.ring[queues[i].wq.mask].word[1] &= ~DRIVER_TX_SUPPRESS;
	}
	key = huge_region(&attacker, true);
	queue_open(&attacker, 0, GDMA_RQ, RING, FULL, GDMA_CQ_NO_EQ, &rq);
	huge_fill(&rq, key, GDMA_RQE_SGES_MAX);
	receive_all(&attacker, 0, &rq);
	attack_begin();
	queue_announce(&attacker, &rq);
	for (unsigned int i = 0; i < QUEUES; i++)
		queue_announce(&attacker, &queues[i]);
	for (uint32_t left = UNITS / units;;) {
		while (driver_cq_peek(&rq.cq, 0)) {
			driver_cq_step(&rq.cq, 1);
			if (!--left) {
				queue_announce(&attacker, &rq);
				left = UNITS / units;
			}
		}
		for (unsigned int i = 0; i < QUEUES; i++)
			if (driver_cq_peek(&queues[i].cq, 0)) {
				driver_cq_step(&queues[i].cq, 1);
				queue_announce(&attacker, &queues[i]);
			}
		attack_check(attacker.transport->ops->alive(attacker.transport), "buffers");
		clock_pause_us(200);
	}
}

/** storm() - broadcasts to fifteen vPorts that have buffers for some, and then read nothing */
static void storm(const char *socket)
{
	struct attacker attacker;
	struct driver_info info;

	attacker_open(&attacker, socket, MEMORY, false);
	driver_info(attacker.driver, &info);
	for (unsigned int port = 1; port < info.ports; port++) {
		struct driver_port_config config = { .rx_interrupts = false };
		struct driver_port *other;
		struct driver_unit entry;
		struct queue rq;

		attack_check(driver_port_open(attacker.driver, port, &config, &other), "a vPort");
		queue_open(&attacker, port, GDMA_RQ, RING, FULL, GDMA_CQ_NO_EQ, &rq);
		entry = entry_plain(&rq, attacker_alloc(&attacker, 2048), attacker.hwc->key, 2048);
		queue_fill(&rq, &entry, 1);
		receive_all(&attacker, port, &rq);
		queue_announce(&attacker, &rq);
	}
	flood(&attacker, frame_tcp(&attacker, 0, 1514, true), 1514, 16);
}

#define PORT   "--port fabric=switch:storm "
#define PORT_4 PORT PORT PORT PORT

const struct attack sends[] = {
	{ "segments", segments, "--port fabric=sink,queues=64", false },
	{ "destruction", destruction, NULL, false },
	{ "frames", frames, "--port fabric=sink,queues=64", false },
	{ "capture", frames, "--port fabric=pcap:CAPTURE,queues=64", false },
	{ "impair", frames,
	  "--port fabric=sink+delay=2ms+reorder=10%+duplicate=5%+seed=7,queues=64", false },
	{ "errors", errors, "--port fabric=sink,queues=64", false },
	{ "elements", elements, "--port fabric=sink,queues=64", false },
	{ "buffers", buffers, "--port fabric=loop,queues=64", false },
	{ "storm", storm, PORT_4 PORT_4 PORT_4 PORT_4, false },
	{ 0 },
};
