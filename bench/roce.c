/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench/roce.c - what RoCEv2's transport costs (src/roce), without an adapter or a wire: two queue
 * pairs in one thread, of which each gets what the other sends at once. So a packet is built, its
 * ICRC computed and checked, parsed and copied, and nothing else.
 *
 *	roce-bench [BYTES [SECONDS]]
 *
 * Prints messages, megabytes and packets a second for RC WRITEs of BYTES, or of 64 B, 4 KB and 1 MB,
 * with an MTU of 4096; then the ICRC's CRC beside memcpy(). For instructions, which do not depend on
 * the load of the machine (valgrind has no AVX-512, so the CRC is that of PCLMULQDQ):
 *
 *	valgrind --tool=callgrind --toggle-collect=measure roce-bench 64 1
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "roce/icrc.h"
#include "roce/qp.h"

#define MTU        4096u
#define REQUESTS   128u
#define RKEY       1u
#define LONGEST    (8u << 20)
#define ROUNDS     16u /* between two readings of the clock */
#define CRC_LEN    4096u
#define CRC_ROUNDS 200000u

struct end {
	struct roce_qp *qp;
	struct end *peer;
	uint8_t *memory;
	uint64_t done;
};

static struct end ends[2];

static void stop(const char *why)
{
	fprintf(stderr, "roce-bench: %s\n", why);
	exit(1);
}

static int bench_send(void *ctx, const struct iovec *iov, uint32_t iovcnt, uint32_t len)
{
	const struct end *end = ctx;
	struct roce_packet packet;

	if (roce_parse(&packet, iov, iovcnt, len) || !roce_icrc_ok(&packet, iov, iovcnt))
		stop("a packet is malformed");
	roce_qp_receive(end->peer->qp, 0, &packet, iov, iovcnt);
	return 0;
}

static int bench_gather(void *ctx, uint64_t cookie, uint32_t offset, uint32_t len,
			struct iovec *iov)
{
	const struct end *end = ctx;

	(void)cookie;
	iov[0] = (struct iovec){ end->memory + offset, len };
	return 1;
}

static int bench_reach(void *ctx, uint32_t rkey, uint64_t va, uint32_t len, uint32_t access,
		       struct iovec *iov)
{
	const struct end *end = ctx;

	(void)access;
	if (rkey != RKEY || va > LONGEST || len > LONGEST - va)
		return -1;
	if (!iov)
		return 0;
	iov[0] = (struct iovec){ end->memory + va, len };
	return 1;
}

static void bench_request_done(void *ctx, uint64_t cookie, enum roce_status status)
{
	struct end *end = ctx;

	(void)cookie;
	if (status != ROCE_SUCCESS)
		stop("a request failed");
	end->done++;
}

static void bench_acknowledged(void *ctx, uint32_t psn)
{
	(void)ctx;
	(void)psn;
}

static void bench_fatal(void *ctx, enum roce_status status)
{
	(void)ctx;
	(void)status;
	stop("a queue pair failed");
}

static const struct roce_ops ops = {
	.send = bench_send,
	.gather = bench_gather,
	.scatter = bench_gather,
	.reach = bench_reach,
	.request_done = bench_request_done,
	.acknowledged = bench_acknowledged,
	.fatal = bench_fatal,
};

static void open_end(unsigned int i)
{
	const struct roce_config config = { &ops, &ends[i], ROCE_RC, REQUESTS, 2 + i };
	const struct roce_attributes attributes = {
		.access = ROCE_ACCESS_WRITE,
		.mtu = MTU,
		.dest_qpn = 2 + !i,
		.address = { .ip_version = 4,
			     .src_ip = { 10, 0, 0, (uint8_t)i },
			     .dst_ip = { 10, 0, 0, (uint8_t)!i } },
	};

	ends[i].peer = &ends[!i];
	ends[i].memory = malloc(LONGEST);
	ends[i].qp = roce_qp_create(&config);
	if (!ends[i].memory || !ends[i].qp)
		stop("no memory");
	memset(ends[i].memory, 1 + (int)i, LONGEST);
	if (roce_qp_modify(ends[i].qp, ROCE_INIT, &attributes) ||
	    roce_qp_modify(ends[i].qp, ROCE_RTR, &attributes) ||
	    roce_qp_modify(ends[i].qp, ROCE_RTS, &attributes))
		stop("the queue pairs cannot be connected");
}

/* Post up to @burst WRITEs, and let both sides run until all are acknowledged */
__attribute__((noinline)) static void measure(uint32_t len, uint32_t burst)
{
	const struct roce_request request = { .opcode = ROCE_OP_WRITE,
					      .rkey = RKEY,
					      .length = len };

	for (uint32_t i = 0; i < burst; i++)
		if (roce_qp_post(ends[0].qp, &request))
			stop("a request is refused");
	while (roce_qp_free_requests(ends[0].qp) < REQUESTS) {
		roce_qp_run(ends[0].qp, 0, BUDGET_TURN);
		roce_qp_run(ends[1].qp, 0, BUDGET_TURN);
	}
}

static void bench_writes(uint32_t len, double seconds)
{
	const uint32_t burst = len > MTU * 4 ? 4 : 64;
	const struct roce_counters *counters = roce_qp_counters(ends[0].qp);
	const uint64_t packets = counters->tx_packets, done = ends[0].done, start = clock_ns();
	uint64_t now;
	double s;

	do {
		for (unsigned int i = 0; i < ROUNDS; i++)
			measure(len, burst);
		now = clock_ns();
	} while (now - start < (uint64_t)(seconds * 1e9));
	s = (double)(now - start) / 1e9;
	printf("%9u %12.0f %10.0f %12.0f %8.0f\n", len, (double)(ends[0].done - done) / s,
	       (double)(ends[0].done - done) * len / s / 1e6,
	       (double)(counters->tx_packets - packets) / s,
	       s * 1e9 / (double)(counters->tx_packets - packets));
}

static void bench_crc(void)
{
	static uint8_t from[CRC_LEN], to[CRC_LEN];
	volatile uint32_t sink = 0;
	double best[3] = { 0 };

	for (unsigned int turn = 0; turn < 15; turn++) {
		const uint64_t start = clock_ns();
		double rate;

		for (unsigned int i = 0; i < CRC_ROUNDS / (turn % 3 == 1 ? 20 : 1); i++) {
			if (turn % 3 == 0)
				sink = icrc_add(sink, from, CRC_LEN);
			else if (turn % 3 == 1)
				sink = icrc_add_plain(sink, from, CRC_LEN);
			else
				memcpy(to, from, CRC_LEN);
			__asm__ volatile("" : : "r"(from), "r"(to) : "memory");
		}
		rate = (double)CRC_LEN * CRC_ROUNDS / (turn % 3 == 1 ? 20 : 1) /
		       (double)(clock_ns() - start);
		if (rate > best[turn % 3])
			best[turn % 3] = rate;
	}
	printf("at 4 KB, GB/s: CRC %.1f, without the CPU's instructions %.1f, memcpy %.1f\n",
	       best[0], best[1], best[2]);
}

int main(int argc, char **argv)
{
	static const uint32_t lengths[] = { 64, 4096, 1u << 20 };
	const unsigned long only = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	const double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;

	if (only > LONGEST)
		stop("usage: roce-bench [BYTES [SECONDS]], up to 8 MB");
	open_end(0);
	open_end(1);
	printf("%9s %12s %10s %12s %8s\n", "bytes", "messages/s", "MB/s", "packets/s", "ns each");
	if (argc > 1) {
		bench_writes((uint32_t)only, seconds);
		return 0;
	}
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		bench_writes(lengths[i], seconds);
	bench_crc();
	return 0;
}
