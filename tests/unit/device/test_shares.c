/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What RDMA and Ethernet get that go through one vPort at the same time: the lane has no thread, so
 * rounds are counted instead of time, and the result is the same on each machine.
 */
#include "rdma.h"

#include <stdlib.h>
#include <string.h>

#include "device/lane.h"
#include "device/pair.h"
#include "device/state.h"

#define ROUNDS        300u
#define ROUNDS_BEFORE 100u
#define PAIRS_MAX     16u
#define WORK_UNITS    2u    /* of an entry of a queue pair */
#define FRAMES        2048u /* entries of the other queue, of one unit, and completions */
#define FRAME_MAX     2048u

/* Who works */
enum { ETHERNET = 1, RDMA = 2 };

/**
 * struct load - what both do
 * @type, @message: of the requests
 * @pairs:	queue pairs with requests
 * @both:	their peers have some, too
 * @frame:	bytes in each; 0: they are received, of 64 bytes
 */
struct load {
	const char *name;
	enum rnic_wqe_type type;
	uint32_t message;
	unsigned int pairs;
	bool both;
	uint32_t frame;
};

struct stage {
	const struct load *load;
	struct host lanes, hosts[2];
	struct guest guests[2];
	unsigned int adapters;
	struct grdma rdma[2];
	struct gpair pairs[2][PAIRS_MAX];
	struct pair *known[2][PAIRS_MAX]; /* as the adapter knows them */
	struct gport port;
	struct geq eq;
	struct gwq queue; /* that sends frames, or receives them */
	struct wq *frames;
	uint8_t *frame;
};

/** struct rates - in a round. @bytes: of RDMA's data, both ways */
struct rates {
	double frames, bytes;
};

/** frames_up() - the vPort of the first adapter sends frames, or receives them */
static void frames_up(struct stage *stage)
{
	struct guest *guest = &stage->guests[0];
	const bool sends = stage->load->frame;
	struct gsteer all = { .enable = true, .fallback = &stage->queue };
	struct adapter *adapter = stage->hosts[0].adapter;

	port_up(guest, 0, &stage->port);
	assert_int_equal(eq_new(guest, &stage->eq, 256, 1), 0);
	assert_int_equal(wq_new(guest, &stage->port, sends ? GDMA_SQ : GDMA_RQ,
				FRAMES * GDMA_WQE_UNIT, FRAMES, &stage->eq, &stage->queue),
			 0);
	stage->frames = table_get(sends ? &adapter->sqs : &adapter->rqs, stage->queue.id);
	stage->frame = guest_alloc(guest, FRAME_MAX);
	/* To nobody: broadcast, and of a protocol that is for local experiments */
	memset(stage->frame, 0xff, 6);
	stage->frame[6] = 0x02;
	stage->frame[12] = 0x88;
	stage->frame[13] = 0xb5;
	if (!sends)
		assert_int_equal(steer(guest, &stage->port, &all), 0);
}

/** stage_open() - one adapter, whose queue pairs are each other's peers, or two on a switch */
static void stage_open(struct stage *stage, const struct load *load, unsigned int adapters)
{
	const char *const fabrics[] = { load->frame ? "switch:shares" : "generator", NULL };

	memset(stage, 0, sizeof(*stage));
	stage->load = load;
	stage->adapters = adapters;
	assert_int_equal(lanes_embed(1, &stage->lanes.lanes), 0);
	for (unsigned int i = 0; i < adapters; i++) {
		host_open(&stage->hosts[i], 0, &stage->lanes, fabrics);
		guest_attach(&stage->guests[i], &stage->hosts[i]);
		ethernet_up(&stage->guests[i]);
		rdma_up(&stage->rdma[i], &stage->guests[i], 0, (uint8_t)(i + 1), 0);
	}
	for (unsigned int p = 0; p < load->pairs; p++) {
		for (unsigned int i = 0; i < 2; i++)
			assert_int_equal(gpair_new(&stage->rdma[i % adapters], &stage->pairs[i][p]),
					 0);
		gpair_connect(&stage->pairs[0][p], &stage->pairs[1][p]);
		for (unsigned int i = 0; i < 2; i++)
			stage->known[i][p] = pair_find(stage->hosts[i % adapters].adapter,
						       stage->pairs[i][p].qpn);
	}
	frames_up(stage);
}

static void stage_close(struct stage *stage)
{
	for (unsigned int i = stage->adapters; i-- > 0;) {
		guest_detach(&stage->guests[i]);
		host_close(&stage->hosts[i]);
	}
	lanes_stop(stage->lanes.lanes);
}

/** more_frames() - fill the send queue, or the receive queue */
static void more_frames(struct stage *stage)
{
	const uint32_t len = stage->load->frame;
	const struct gdma_sge sge = sge_of(&stage->guests[0], stage->frame, len ? len : FRAME_MAX);
	const struct gsend send = { .sge = &sge,
				    .sges = 1,
				    .oob = send_oob(&stage->port, &stage->queue) };
	struct gdma_cqe cqe;

	while (cq_take(&stage->queue.cq, &cqe))
		;
	while (stage->queue.tail / GDMA_WQE_UNIT - stage->frames->taken < FRAMES - 1) {
		if (len)
			send_post(&stage->queue, &send);
		else
			receive_post(&stage->queue, &sge, 1);
	}
	ring_wq(&stage->guests[0], &stage->queue);
}

/** more_requests() - fill the send queue of a queue pair */
static void more_requests(struct stage *stage, unsigned int end, unsigned int p)
{
	struct gpair *pair = &stage->pairs[end][p];
	const struct wq *sq = stage->known[end][p]->wq[RNIC_RC_SQ_REQUESTER];
	const struct gwork work = { .type = stage->load->type,
				    .local = RDMA_BASE,
				    .len = stage->load->message,
				    .remote = RDMA_BASE + RDMA_MEMORY / 2,
				    .rkey = stage->pairs[!end][p].rdma->key };

	while (pair->send.tail / GDMA_WQE_UNIT - sq->taken + WORK_UNITS <=
	       RDMA_SQ_SIZE / GDMA_WQE_UNIT)
		gpair_put(pair, &work);
	ring_wq(pair->rdma->guest, &pair->send);
}

/** run() - rounds in which these always have something to do; what each gets */
static struct rates run(struct stage *stage, unsigned int who)
{
	struct adapter_port_counters before = { 0 }, after;

	/* Not counted are those before everything flows. */
	for (unsigned int round = 0; round < ROUNDS_BEFORE + ROUNDS; round++) {
		if (round == ROUNDS_BEFORE)
			before = host_counters(&stage->hosts[0], 0);
		if (who & ETHERNET)
			more_frames(stage);
		for (unsigned int p = 0; p < stage->load->pairs && who & RDMA; p++) {
			more_requests(stage, 0, p);
			if (stage->load->both)
				more_requests(stage, 1, p);
		}
		lanes_step(stage->lanes.lanes);
	}
	after = host_counters(&stage->hosts[0], 0);
	while (lanes_step(stage->lanes.lanes))
		;
	return (struct rates){
		.frames = (double)(after.tx_frames - before.tx_frames + after.rx_frames -
				   before.rx_frames) /
			  ROUNDS,
		.bytes = (double)(after.rdma.tx_bytes - before.rdma.tx_bytes + after.rdma.rx_bytes -
				  before.rdma.rx_bytes) /
			 ROUNDS,
	};
}

/**
 * shares() - what each of the two gets beside the other, of what it gets alone
 *
 * A queue pair with requests and a queue of frames have equal shares.
 */
static void shares(const struct load *load, unsigned int adapters)
{
	struct stage *stage = malloc(sizeof(*stage));
	const double queues = load->pairs * (adapters == 1 && load->both ? 2 : 1);
	struct rates frames, rdma, together;
	double ethernet, requests;

	stage_open(stage, load, adapters);
	frames = run(stage, ETHERNET);
	rdma = run(stage, RDMA);
	together = run(stage, ETHERNET | RDMA);
	ethernet = together.frames / frames.frames;
	requests = together.bytes / rdma.bytes;
	print_message("%-44s %7.1f frames %3.0f %% %9.0f bytes %3.0f %%\n", load->name,
		      frames.frames, 100 * ethernet, rdma.bytes, 100 * requests);
	assert_true(ethernet > 0.9 / (queues + 1));
	assert_true(requests > 0.9 * queues / (queues + 1));
	stage_close(stage);
	free(stage);
}

static void beside_queue_pairs_of_the_same_vport(void **state)
{
	static const struct load loads[] = {
		{ "64-byte WRITEs, 64-byte frames", RNIC_WQE_WRITE, 64, 1, false, 64 },
		{ "64-KiB WRITEs, 64-byte frames", RNIC_WQE_WRITE, 65536, 1, false, 64 },
		{ "64-KiB WRITEs, 1500-byte frames", RNIC_WQE_WRITE, 65536, 1, false, 1500 },
		{ "64-KiB READs, 64-byte frames", RNIC_WQE_READ, 65536, 1, false, 64 },
		{ "64-KiB WRITEs both ways, 64-byte frames", RNIC_WQE_WRITE, 65536, 1, true, 64 },
		{ "the same, 16 queue pairs", RNIC_WQE_WRITE, 65536, 16, true, 64 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		for (unsigned int adapters = 1; adapters <= 2; adapters++)
			shares(&loads[i], adapters);
}

static void frames_that_are_received_beside_queue_pairs(void **state)
{
	static const struct load loads[] = {
		{ "64-byte WRITEs, frames received", RNIC_WQE_WRITE, 64, 1, false, 0 },
		{ "64-KiB WRITEs both ways, frames received", RNIC_WQE_WRITE, 65536, 4, true, 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		shares(&loads[i], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(beside_queue_pairs_of_the_same_vport),
		cmocka_unit_test(frames_that_are_received_beside_queue_pairs),
	};

	guard_install();
	return cmocka_run_group_tests_name("device/shares", tests, NULL, NULL);
}
