/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench/lane.c - the cost of a lane for a packet that is sent and comes back (loop), without a
 * second CPU: the driver's part runs in the same thread, between two turns, and is not counted. The
 * time that the two CPUs of a real run wait for each other is not included.
 *
 *	lane-bench [BYTES [BURST [SECONDS]]]
 *
 * Prints nanoseconds per packet, and how many units of base/budget.h a nanosecond was charged. For
 * instructions, which do not depend on the load of the machine:
 *
 *	valgrind --tool=callgrind lane-bench 64 32 5
 *	callgrind_annotate --inclusive=yes callgrind.out.PID | grep transmit_run
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "device/checksum.h"
#include "device/transmit.h"
#include "device/state.h"
#include "driver/queue.h"
#include "harness.h"

#define UNITS    1024u /* in each ring */
#define POSTED   960u  /* receive buffers that are posted */
#define BUFFERS  1536u
#define BUFFER   2176u /* bytes, of which the first 128 are left free as DPDK does */
#define HEADROOM 128u
#define ROUNDS   64u /* between two readings of the clock */

struct bench {
	struct host host;
	struct guest guest;
	struct gwq sq, rq;
	struct wq *send, *receive; /* as the adapter knows them */
	uint64_t oob;
	uint64_t address; /* of the buffers, for the adapter */
	uint32_t len;
	uint32_t free[2 * BUFFERS], taken, given; /* a ring of free buffers */
	uint32_t slots[UNITS];                    /* receive buffers, by entry */
	uint32_t sent, posted, received, completions;
	uint32_t ready[UNITS], n; /* packets that the driver has */
};

static uint32_t take(struct bench *bench)
{
	return bench->free[bench->taken++ % (2 * BUFFERS)];
}

static void give(struct bench *bench, uint32_t buffer)
{
	bench->free[bench->given++ % (2 * BUFFERS)] = buffer;
}

/** write_unit() - an entry with one buffer, as driver_unit_write() does it */
static void write_unit(const struct bench *bench, const struct gwq *wq, uint32_t at, uint64_t oob,
		       uint32_t buffer, uint32_t size)
{
	uint64_t word[4] = { DRIVER_WQE_SGES(1) | DRIVER_WQE_SHORT, oob,
			     bench->address + buffer * BUFFER + HEADROOM,
			     GDMA_SGE_WORD(bench->guest.key, size) };

	memcpy(wq->ring + at % UNITS * GDMA_WQE_UNIT, word, sizeof(word));
}

/** post() - post receive buffers to replace those that were filled */
static void post(struct bench *bench)
{
	while (bench->posted - bench->received < POSTED) {
		uint32_t buffer = take(bench);

		bench->slots[bench->posted % UNITS] = buffer;
		write_unit(bench, &bench->rq, bench->posted++, 0, buffer, BUFFER - HEADROOM);
	}
	atomic_store(&bench->receive->posted, bench->posted);
}

/** send() - all packets that the driver has; the last one asks for a completion */
static void send(struct bench *bench)
{
	for (uint32_t i = 0; i < bench->n; i++) {
		write_unit(bench, &bench->sq, bench->sent++,
			   bench->oob | (i + 1 < bench->n ? DRIVER_TX_SUPPRESS : 0),
			   bench->ready[i], bench->len);
		give(bench, bench->ready[i]);
	}
	bench->n = 0;
	atomic_store(&bench->send->posted, bench->sent);
}

/** receive() - receive what has come back */
static void receive(struct bench *bench)
{
	struct gdma_cqe cqe;

	while (cq_take(&bench->rq.cq, &cqe)) {
		const struct mana_rxcomp_oob *oob = (const struct mana_rxcomp_oob *)&cqe;

		for (unsigned int i = 0; i < MANA_RXCOMP_PACKETS && oob->ppi[i].pkt_len; i++)
			bench->ready[bench->n++] = bench->slots[bench->received++ % UNITS];
	}
	while (cq_take(&bench->sq.cq, &cqe))
		;
}

/** make_packet() - UDP without a checksum, as testpmd's txonly sends it */
static void make_packet(uint8_t *at, uint32_t len, const uint8_t *mac)
{
	static const uint8_t head[] = { 8,  0, 0x45, 0,   0,  0, 0, 0, 0, 0, 64, 17, 0, 0, 198,
					18, 0, 1,    198, 18, 0, 2, 0, 9, 0, 9,  0,  0, 0, 0 };

	memset(at, 0, len);
	memcpy(at, mac, 6);
	memcpy(at + 6, mac, 6);
	memcpy(at + 12, head, sizeof(head));
	at[16] = (uint8_t)((len - 14) >> 8);
	at[17] = (uint8_t)(len - 14);
	at[38] = (uint8_t)((len - 34) >> 8);
	at[39] = (uint8_t)(len - 34);
	checksum_ipv4_write(at + 14, 20);
}

static void start(struct bench *bench)
{
	static const char *const fabrics[] = { "loop", NULL };
	static const uint8_t key[MANA_HASH_KEY_SIZE] = { 0x6d, 0x5a, 0x56, 0xda };
	struct gsteer steering = { .enable = true,
				   .rss = true,
				   .coalesce = true,
				   .key = key,
				   .rqs = 1,
				   .entries = 64,
				   .rq = &bench->rq,
				   .fallback = &bench->rq };
	struct gport port;
	struct geq eq;
	uint8_t *buffers;

	host_open(&bench->host, 1, NULL, fabrics);
	guest_attach(&bench->guest, &bench->host);
	ethernet_up(&bench->guest);
	port_up(&bench->guest, 0, &port);
	if (eq_new(&bench->guest, &eq, 256, 1) ||
	    wq_new(&bench->guest, &port, GDMA_SQ, UNITS * GDMA_WQE_UNIT, UNITS, &eq, &bench->sq) ||
	    wq_new(&bench->guest, &port, GDMA_RQ, UNITS * GDMA_WQE_UNIT, UNITS, &eq, &bench->rq) ||
	    steer(&bench->guest, &port, &steering))
		exit(1);
	/* Posted without a doorbell, which would wake the lane's own thread. */
	bench->send = table_get(&bench->host.adapter->sqs, bench->sq.id);
	bench->receive = table_get(&bench->host.adapter->rqs, bench->rq.id);
	bench->oob = (uint64_t)bench->sq.cq.id << 8 | (uint64_t)port.offset << 56;
	buffers = guest_alloc(&bench->guest, BUFFERS * BUFFER);
	bench->address = guest_iova(&bench->guest, buffers);
	for (uint32_t i = 0; i < BUFFERS; i++) {
		make_packet(buffers + i * BUFFER + HEADROOM, bench->len, port.mac);
		give(bench, i);
	}
}

int main(int argc, char **argv)
{
	static struct bench bench;
	uint32_t burst = argc > 2 ? (uint32_t)atoi(argv[2]) : 32;
	double seconds = argc > 3 ? atof(argv[3]) : 3, in_lane = 0, end;
	uint64_t packets = 0, units = 0;

	bench.len = argc > 1 ? (uint32_t)atoi(argv[1]) : 64;
	if (bench.len < 64 || bench.len > 1518 || burst < 1 || burst > 64 || seconds <= 0) {
		fprintf(stderr, "usage: lane-bench [BYTES [BURST [SECONDS]]], 64 to 1518 bytes, "
				"bursts of 1 to 64\n");
		return 2;
	}
	start(&bench);
	post(&bench);
	while (bench.n < burst)
		bench.ready[bench.n++] = take(&bench);
	for (end = clock_seconds() + seconds; clock_seconds() < end;)
		for (unsigned int round = 0; round < ROUNDS; round++) {
			uint32_t spent;
			double before;

			send(&bench);
			before = clock_seconds();
			spent = budget_spent;
			transmit_run(&bench.send->work, 0);
			in_lane += clock_seconds() - before;
			units += budget_since(spent);
			receive(&bench);
			post(&bench);
			if (bench.n != burst) {
				fprintf(stderr, "lane-bench: %u of %u packets came back\n", bench.n,
					burst);
				return 1;
			}
			packets += burst;
		}
	printf("%u bytes, bursts of %u: %.1f ns per packet in the lane, %llu packets, %.1f units/ns\n",
	       bench.len, burst, in_lane / (double)packets * 1e9, (unsigned long long)packets,
	       (double)units / (in_lane * 1e9));
	return 0;
}
