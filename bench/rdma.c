/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench/rdma.c - what WRITEs between two queue pairs cost an adapter's lane. There is one lane, which
 * runs in the same thread as the driver; the driver's part is not counted.
 *
 *	rdma-bench [BYTES [SECONDS [WHERE [send]]]]	0 bytes: 64 B, 4 KB and 1 MB
 *
 * WHERE the two are: "here", on one vPort; "switch", on two adapters with a switch between them;
 * "lanes", on one vPort and two lanes with threads of their own, where everything is counted. Prints
 * messages, megabytes and packets a second, with an MTU of 4096; of SENDs, if the last word is there; and,
 * for a lane without a thread, how many units of base/budget.h a nanosecond of its time was charged. For
 * instructions (valgrind has no AVX-512, so the CRC is that of PCLMULQDQ):
 *
 *	valgrind --tool=callgrind --toggle-collect=measure rdma-bench 64 1
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "device/lane.h"
#include "device/pair.h"
#include "rdma.h"

#define MTU_CODE 5u
#define MTU      4096u
#define ROUNDS   16u /* between two readings of the clock */
#define RECEIVES (RDMA_RQ_SIZE / GDMA_WQE_UNIT)

static struct host lanes_owner, hosts[2];
static struct guest guests[2];
static struct grdma rdma[2];
static struct gpair pairs[2];
static struct pair *sender, *receiver;
static uint32_t last_psn;
static bool threads, sends;

static void stop(const char *why)
{
	fprintf(stderr, "rdma-bench: %s\n", why);
	exit(1);
}

static void start(unsigned int adapters)
{
	static const char *const fabrics[] = { "switch", NULL };

	if (threads ? lanes_start(NULL, 2, &lanes_owner.lanes) : lanes_embed(1, &lanes_owner.lanes))
		stop("no lanes");
	for (unsigned int i = 0; i < adapters; i++) {
		host_open(&hosts[i], 0, &lanes_owner, fabrics);
		guest_attach(&guests[i], &hosts[i]);
		ethernet_up(&guests[i]);
		rdma_up(&rdma[i], &guests[i], 0, (uint8_t)(i + 1), 0);
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (gpair_new(&rdma[i % adapters], &pairs[i]))
			stop("no queue pair");
		pairs[i].path_mtu = MTU_CODE;
	}
	gpair_connect(&pairs[0], &pairs[1]);
	sender = pair_find(hosts[0].adapter, pairs[0].qpn);
	receiver = pair_find(hosts[1 % adapters].adapter, pairs[1].qpn);
	/* A whole ring: later entries are the same. */
	for (unsigned int i = 0; i < RECEIVES && sends; i++)
		gpair_recv(&pairs[1], RDMA_BASE + RDMA_MEMORY / 2, RDMA_MEMORY / 2);
}

/** post() - the driver's part */
static void post(uint32_t len, uint32_t burst)
{
	const struct gwork work = { .type = sends ? RNIC_WQE_RC_SEND : RNIC_WQE_WRITE,
				    .local = RDMA_BASE,
				    .len = len,
				    .remote = RDMA_BASE + RDMA_MEMORY / 2,
				    .rkey = pairs[1].rdma->key };

	for (uint32_t i = 0; i < burst; i++)
		last_psn = gpair_put(&pairs[0], &work);
}

/** measure() - the lane's part: until all have been acknowledged */
__attribute__((noinline)) static void measure(void)
{
	atomic_store(&sender->wq[RNIC_RC_SQ_REQUESTER]->posted, pairs[0].send.tail / GDMA_WQE_UNIT);
	pair_arm(sender, last_psn);
	while (!threads && lanes_step(lanes_owner.lanes))
		;
}

static void bench(uint32_t len, double seconds)
{
	const uint32_t burst = len > MTU * 4 ? 4 : 64;
	const uint64_t packets = (len - 1) / MTU + 1;
	const double start = clock_seconds();
	double in_lane = 0;
	uint64_t done = 0, units = 0;
	struct gdma_cqe cqe;
	bool armed;

	while (clock_seconds() - start < seconds)
		for (unsigned int i = 0; i < ROUNDS; i++) {
			uint32_t spent;
			double before;

			post(len, burst);
			before = clock_seconds();
			spent = budget_spent;
			measure();
			for (armed = false; !armed;) {
				if (cq_take(&rdma[0].cq, &cqe)) {
					armed = *(uint8_t *)&cqe == RNIC_CQE_ARMED_CMPL;
					continue;
				}
				if (!threads)
					stop("the requests are not acknowledged");
				usleep(10);
			}
			in_lane += clock_seconds() - before;
			units += budget_since(spent);
			while (sends && rdma[1].guest && cq_take(&rdma[1].cq, &cqe))
				;
			if (sends)
				atomic_fetch_add(&receiver->wq[RNIC_RC_RQ_RESPONDER]->posted,
						 burst);
			done += burst;
		}
	printf("%9u %12.0f %10.0f %12.0f %8.0f", len, (double)done / in_lane,
	       (double)done * len / in_lane / 1e6, (double)(done * packets) / in_lane,
	       in_lane * 1e9 / (double)(done * packets));
	if (!threads)
		printf(" %8.1f", (double)units / (in_lane * 1e9));
	putchar('\n');
}

int main(int argc, char **argv)
{
	static const uint32_t lengths[] = { 64, 4096, 1u << 20 };
	const unsigned long only = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	const double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;

	if (only > RDMA_MEMORY / 2)
		stop("usage: rdma-bench [BYTES [SECONDS [WHERE]]], up to 1 MB");
	threads = argc > 3 && !strcmp(argv[3], "lanes");
	sends = argc > 4;
	start(argc > 3 && !strcmp(argv[3], "switch") ? 2 : 1);
	printf("%9s %12s %10s %12s %8s%s\n", "bytes", "messages/s", "MB/s", "packets/s", "ns each",
	       threads ? "" : " units/ns");
	if (only)
		bench((uint32_t)only, seconds);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]) && !only; i++)
		bench(lengths[i], seconds);
	return 0;
}
