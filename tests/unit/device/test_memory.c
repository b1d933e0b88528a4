/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of the client's memory, and clients next to each other: memory that is unmapped and
 * mapped again while queues are live, that is scattered, read-only or truncated; two adapters on a
 * switch, one with a hostile client; doorbells in shared memory; several lanes.
 */
#include "harness.h"
#include "process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "device/command.h"
#include "device/state.h"
#include "../range.h"

static const char *const sink_and_loop[] = { "sink", "loop", NULL };

struct test {
	struct host host;
	struct guest guest;
	struct gnet sink, loop;
	unsigned int fds_before;
};

static int start(void **state, unsigned int lanes)
{
	struct test *test = calloc(1, sizeof(*test));

	test->fds_before = open_both(&test->host, &test->guest, lanes, sink_and_loop);
	ethernet_up(&test->guest);
	net_up(&test->guest, 0, &test->sink);
	net_up(&test->guest, 1, &test->loop);
	*state = test;
	return 0;
}

static int setup(void **state)
{
	return start(state, 1);
}

static int setup_lanes(void **state)
{
	return start(state, 3);
}

static int teardown(void **state)
{
	struct test *test = *state;

	close_both(&test->host, &test->guest, test->fds_before);
	free(test);
	return 0;
}

/* Does the net send, and receive what it sends if it is on a loop? */
static void check_works(struct guest *guest, struct gnet *net, bool loop)
{
	struct mana_tx_oob oob = send_oob(&net->port, &net->sq);
	static uint8_t number;

	memset(net->frame, ++number, 100);
	if (loop)
		net_post(guest, net, 1);
	send_frame(guest, &net->sq, &oob, net->frame, 100);
	assert_int_equal(tx_wait(guest, &net->sq), MANA_CQE_TX_OKAY);
	if (loop) {
		assert_int_equal(rx_wait(guest, &net->rq).cqe_hdr.cqe_type, MANA_CQE_RX_OKAY);
		assert_memory_equal(net_buffer(net), net->frame, 100);
	}
}

static void check_served(struct guest *guest)
{
	assert_int_equal(simple(guest, GDMA_LIST_DEVICES, 0, NULL, 296, 1), 0);
}

/* ---- Memory that is unmapped and mapped again ---- */

/* The guest's memory with the same content, in another file, at the same address for us */
static void move_memory(struct guest *guest)
{
	int fd = memfd_create("moved", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, GUEST_SIZE), 0);
	for (size_t at = 0; at < guest->used; at += 1 << 20)
		assert_int_equal(pwrite(fd, guest->memory + at, 1 << 20, (off_t)at), 1 << 20);
	assert_ptr_equal(mmap(guest->memory, GUEST_SIZE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, fd, 0),
			 guest->memory);
	close(guest->memory_fd);
	guest->memory_fd = fd;
}

static void memory_moves_under_live_queues(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct mana_tx_oob oob = send_oob(&test->sink.port, &test->sink.sq);
	struct gdma_cqe cqe;

	for (unsigned int i = 0; i < 20; i++) {
		check_works(guest, &test->sink, false);
		check_works(guest, &test->loop, true);
		assert_int_equal(guest_unmap(guest, GUEST_IOVA, GUEST_SIZE), 0);
		/* Posted and rung while nothing can be read: nothing is lost, nothing happens */
		send_frame(guest, &test->sink.sq, &oob, test->sink.frame, 200);
		settle(&test->host);
		assert_false(cq_take(&test->sink.sq.cq, &cqe));
		ring_cq(guest, &test->sink.sq.cq, true);
		ring_eq(guest, &test->sink.eq, true);
		if (i % 2)
			move_memory(guest);
		assert_int_equal(
			guest_map(guest, GUEST_IOVA, GUEST_SIZE, guest->memory_fd, 0, true), 0);
		/* It continues by itself */
		assert_int_equal(tx_wait(guest, &test->sink.sq), MANA_CQE_TX_OKAY);
		check_served(guest);
	}
}

/* A request whose doorbell came while the channel's memory was unmapped */
static void channel_goes_on(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_general_req request = { 0 };
	struct gdma_cqe cqe;

	request_begin(guest, &request, GDMA_LIST_DEVICES, sizeof(request), 296, 1);
	assert_int_equal(guest_unmap(guest, GUEST_IOVA, GUEST_SIZE), 0);
	assert_false(guest_send(guest, &request, sizeof(request)));
	assert_int_equal(guest_map(guest, GUEST_IOVA, GUEST_SIZE, guest->memory_fd, 0, true), 0);
	assert_true(cq_take(&guest->hcq, &cqe));
	assert_true(cq_take(&guest->hcq, &cqe));
	guest->answers++;
	check_served(guest);
}

/* Queues destroyed and created while their memory is unmapped */
static void queues_without_memory(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;

	assert_int_equal(guest_unmap(guest, GUEST_IOVA, GUEST_SIZE), 0);
	assert_int_equal(hwc_down(guest), 0);
	{
		struct smc_message message = hwc_message(guest);

		assert_int_equal(smc_send(guest, &message).status, SMC_STATUS_FAILURE);
	}
	assert_int_equal(guest_map(guest, GUEST_IOVA, GUEST_SIZE, guest->memory_fd, 0, true), 0);
	ethernet_up(guest);
	net_up(guest, 0, &test->sink);
	check_works(guest, &test->sink, false);
}

/* Lanes carry traffic while memory is unmapped and mapped, again and again */
static void memory_comes_and_goes_under_load(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;

	for (unsigned int i = 0; i < 150; i++) {
		struct gnet *nets[] = { &test->sink, &test->loop };

		for (unsigned int n = 0; n < 2; n++) {
			struct gnet *net = nets[n];
			struct gdma_sge sge = sge_of(guest, net->frame, 9000);
			struct gsend send = { .sge = &sge,
					      .sges = 1,
					      .oob = send_oob(&net->port, &net->sq) };

			for (unsigned int j = 0; j < 60; j++) {
				send.oob.s.suppress_txcqe = 1;
				send_post(&net->sq, &send);
			}
			if (net == &test->loop) {
				struct gdma_sge buffer = sge_of(guest, net->buffers, GNET_BUFFER);

				for (unsigned int j = 0; j < 60; j++)
					receive_post(&net->rq, &buffer, 1);
				ring_wq(guest, &net->rq);
			}
			ring_wq(guest, &net->sq);
		}
		assert_int_equal(guest_unmap(guest, GUEST_IOVA, GUEST_SIZE), 0);
		if (i % 10 == 9)
			move_memory(guest);
		assert_int_equal(
			guest_map(guest, GUEST_IOVA, GUEST_SIZE, guest->memory_fd, 0, true), 0);
		/* Memory unmapped in the middle of a turn is an error of the entry that used it */
		for (unsigned int port = 0; port < 2; port++)
			WAIT(&test->host,
			     host_counters(&test->host, port).tx_frames +
					     host_counters(&test->host, port).tx_errors ==
				     60 * (i + 1ull));
	}
	check_served(guest);
}

/* ---- Maps ---- */

static void invalid_maps(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	int fd = guest->memory_fd;

	assert_int_equal(guest_map(guest, GUEST_IOVA, 4096, fd, 0, true), EEXIST);
	assert_int_equal(guest_map(guest, GUEST_IOVA - 4096, 8192, fd, 0, true), EEXIST);
	assert_int_equal(guest_map(guest, 0x1000, 0, fd, 0, true), EINVAL);
	assert_int_equal(guest_map(guest, 0x1001, 4096, fd, 0, true), EINVAL);
	assert_int_equal(guest_map(guest, 0x1000, 4095, fd, 0, true), EINVAL);
	assert_int_equal(guest_map(guest, 0x1000, 4096, fd, 1, true), EINVAL);
	assert_int_equal(guest_map(guest, ~0ull - 4095, 8192, fd, 0, true), EINVAL);
	assert_int_equal(guest_map(guest, 0x1000, 4096, fd, GUEST_SIZE, true), EINVAL);
	assert_int_equal(guest_map(guest, 0x1000, 4096, guest->fd, 0, true), EOPNOTSUPP);
	assert_int_equal(guest_unmap(guest, 0x1000, 4096), ENOENT);
	assert_int_equal(guest_unmap(guest, GUEST_IOVA, 4096), ENOENT);
	/* Without a file: recorded, but not accessible */
	assert_int_equal(guest_map(guest, 0x1000, 4096, -1, 0, true), 0);
	{
		struct gdma_sge sge = { 0x1000, guest->key, 100 };
		struct gsend send = { .sge = &sge,
				      .sges = 1,
				      .oob = send_oob(&test->sink.port, &test->sink.sq) };

		send_post(&test->sink.sq, &send);
		ring_wq(guest, &test->sink.sq);
		assert_int_equal(tx_wait(guest, &test->sink.sq), MANA_CQE_TX_GDMA_ERR);
	}
	assert_int_equal(guest_unmap(guest, 0x1000, 4096), 0);
	check_works(guest, &test->sink, false);
	check_works(guest, &test->loop, true);
}

/* As many as there may be, twice: nothing is kept of those that were unmapped */
static void maps_up_to_the_limit(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	size_t before = 0;
	unsigned int n = 0;

	for (unsigned int round = 0; round < 3; round++) {
		if (round == 1)
			before = resident_kib();
		for (n = 0;
		     guest_map(guest, (n + 1) * 0x2000ull, 4096, guest->memory_fd, 0, true) == 0;
		     n++)
			assert_true(n < DMA_REGIONS_MAX);
		assert_int_equal(n, DMA_REGIONS_MAX - 1);
		check_works(guest, &test->sink, false);
		while (n--)
			assert_int_equal(guest_unmap(guest, (n + 1) * 0x2000ull, 4096), 0);
	}
	if (!sanitized)
		assert_range(resident_kib(), 0, before + 1024);
	check_works(guest, &test->loop, true);
}

/* Pages of a queue in any order, in regions of several files */
static void scattered_queues(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct {
		struct gdma_create_dma_region_req head;
		uint64_t page[16];
	} request;
	struct gdma_create_dma_region_resp region;
	struct mana_create_wq_obj_req create = { .vport = test->sink.port.handle,
						 .wq_type = GDMA_SQ,
						 .wq_size = 16 * 4096,
						 .cq_size = 16 * 4096,
						 .cq_parent_eq_id = GDMA_CQ_NO_EQ };
	struct mana_create_wq_obj_resp created;
	uint64_t iova[32], handles[2];
	uint8_t *page[32];
	uint32_t cq_index = 1024;
	int other = memfd_create("other", MFD_CLOEXEC);
	uint8_t *other_memory;

	assert_int_equal(ftruncate(other, 16 * 4096), 0);
	other_memory = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	assert_int_equal(guest_map(guest, 0x10000000, 16 * 4096, other, 0, true), 0);
	for (unsigned int i = 0; i < 32; i++) {
		/* 13 has no factor with 32: each once */
		unsigned int at = i * 13 % 32;

		if (at < 16) {
			page[i] = other_memory + at * 4096;
			iova[i] = 0x10000000 + at * 4096ull;
		} else {
			page[i] = guest_alloc(guest, 4096);
			guest_alloc(guest, 4096);
			iova[i] = guest_iova(guest, page[i]);
		}
	}
	for (unsigned int q = 0; q < 2; q++) {
		memset(&request, 0, sizeof(request));
		request.head.length = 16 * 4096;
		request.head.page_count = request.head.page_addr_list_len = 16;
		memcpy(request.page, iova + 16 * q, sizeof(request.page));
		request_begin(guest, &request, GDMA_CREATE_DMA_REGION, sizeof(request),
			      sizeof(region), 1);
		assert_int_equal(command(guest, &request, sizeof(request), &region), 0);
		handles[q] = region.dma_region;
	}
	create.wq_dma_region = handles[0];
	create.cq_dma_region = handles[1];
	assert_int_equal(COMMAND(guest, MANA_CREATE_WQ_OBJ, &create, &created, 1), 0);
	for (uint32_t i = 0, tail = 0; i < 3000; i++) {
		struct {
			struct gdma_wqe header;
			struct mana_tx_short_oob oob;
			struct gdma_sge sge[3];
		} entry = { .header = { .num_sge = 3, .inline_oob_size_div4 = 2 } };
		union gdma_doorbell ring;
		const struct gdma_cqe *cqe;

		entry.oob.vcq_num = created.cq_id & 0xffffffu;
		entry.oob.short_vp_offset = (uint8_t)test->sink.port.offset;
		for (unsigned int j = 0; j < 3; j++)
			entry.sge[j] = sge_of(guest, test->sink.frame + j, 50);
		for (uint32_t at = 0; at < sizeof(entry); at += 32, tail += 32)
			memcpy(page[tail % (16 * 4096) / 4096] + tail % 4096,
			       (uint8_t *)&entry + at, 32);
		ring = (union gdma_doorbell){ .sq = { .id = created.wq_id & 0xffffffu,
						      .tail = tail } };
		doorbell(guest, guest->doorbell, GDMA_DB_SQ, ring);
		cqe = (const struct gdma_cqe *)(page[16 + cq_index % 1024 / 64] +
						cq_index % 64 * GDMA_CQE_SIZE);
		WAIT(&test->host, gdma_entry_state(__atomic_load_n(&cqe->info, __ATOMIC_ACQUIRE),
						   cq_index, 1024) == GDMA_ENTRY_NEW);
		assert_int_equal(cqe->data[0] & 0x3f, MANA_CQE_TX_OKAY);
		cq_index = gdma_index_next(cq_index, 1024);
	}
	WAIT(&test->host, host_counters(&test->host, 0).tx_bytes == 3000 * 150);
	/* Half of its pages are unmapped: it pauses */
	assert_int_equal(guest_unmap(guest, 0x10000000, 16 * 4096), 0);
	{
		struct mana_destroy_wq_obj_req destroy = { .wq_type = GDMA_SQ,
							   .wq_obj = created.wq_obj };
		struct gdma_general_resp answer;

		assert_int_equal(COMMAND(guest, MANA_DESTROY_WQ_OBJ, &destroy, &answer, 1), 0);
	}
	munmap(other_memory, 16 * 4096);
	close(other);
	check_works(guest, &test->sink, false);
}

/* A ring cannot be in read-only memory; a frame to send can */
static void read_only_memory(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_create_queue_req request = { .type = GDMA_EQ,
						 .pdid = guest->pd,
						 .queue_size = 4096 };
	struct gdma_create_queue_resp response;
	struct gdma_sge sge = { 0x10000000, guest->key, 1000 };
	struct gsend send = { .sge = &sge,
			      .sges = 1,
			      .oob = send_oob(&test->loop.port, &test->loop.sq) };

	assert_int_equal(guest_map(guest, 0x10000000, 4096, guest->memory_fd, 0, false), 0);
	assert_int_equal(region_create(guest, 0x10000000, 4096, &request.dma_region), 0);
	assert_int_equal(COMMAND(guest, GDMA_CREATE_QUEUE, &request, &response, 1), STATUS_FAULT);
	receive_post(&test->loop.rq, &sge, 1);
	ring_wq(guest, &test->loop.rq);
	send_post(&test->loop.sq, &send);
	ring_wq(guest, &test->loop.sq);
	assert_int_equal(tx_wait(guest, &test->loop.sq), MANA_CQE_TX_OKAY);
	assert_int_equal(rx_wait(guest, &test->loop.rq).cqe_hdr.cqe_type, MANA_CQE_RX_TRUNCATED);
	check_works(guest, &test->loop, true);
}

/* ---- Truncation ---- */

static void memory_is_truncated(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;

	guard_enable();
	for (unsigned int i = 0; i < 4; i++) {
		struct mana_tx_oob oob = send_oob(&test->sink.port, &test->sink.sq);

		/* A burst is in flight */
		for (unsigned int j = 0; j < 100; j++) {
			struct gdma_sge sge = sge_of(guest, test->sink.frame, 9000);
			struct gsend send = { .sge = &sge, .sges = 1, .oob = oob };

			send_post(&test->sink.sq, &send);
		}
		if (i % 2)
			ring_wq(guest, &test->sink.sq);
		assert_int_equal(ftruncate(guest->memory_fd, 0), 0);
		/* Whoever touches it first, the lane or the control thread: the client is dropped
		 */
		for (uint64_t until = now_ms() + 5000; adapter_busy(test->host.adapter);) {
			assert_true(now_ms() < until);
			if (i < 2) {
				guest->hsq.tail += 64;
				ring_wq(guest, &guest->hsq);
			} else {
				test->sink.sq.tail += 32;
				ring_wq(guest, &test->sink.sq);
			}
			pause_us(50);
			host_serve(&test->host);
		}
		assert_true(guest_gone(guest));
		assert_true(harness_said("it truncated a file"));
		guest_detach(guest);
		guest_attach(guest, &test->host);
		ethernet_up(guest);
		net_up(guest, 0, &test->sink);
		net_up(guest, 1, &test->loop);
		check_works(guest, &test->sink, false);
		check_works(guest, &test->loop, true);
	}
}

/* ---- Neighbours ---- */

/* Two adapters, one switch: what one client does has no effect on the other */
static void hostile_neighbour(void **state)
{
	static const char *const one[] = { "switch:neighbours", NULL };
	static const char *const two[] = { "switch:neighbours", "switch:neighbours", NULL };
	struct host good, bad;
	struct guest guest, enemy;
	struct gnet from, to, evil;
	uint64_t flooded;
	uint32_t seed = 7;

	(void)state;
	guard_enable();
	host_open(&good, 2, NULL, two);
	host_open(&bad, 0, &good, one);
	guest_attach(&guest, &good);
	ethernet_up(&guest);
	net_up(&guest, 0, &from);
	net_up(&guest, 1, &to);
	for (unsigned int round = 0; round < 60; round++) {
		guest_attach(&enemy, &bad);
		ethernet_up(&enemy);
		net_up(&enemy, 0, &evil);
		/* It sends to the good client's vPorts: garbage, and countless frames */
		for (unsigned int i = 0; i < 200; i++) {
			struct gdma_sge sge = sge_of(&enemy, evil.frame, 60 + i * 7 % 1400);
			struct gsend send = { .sge = &sge,
					      .sges = 1,
					      .oob = send_oob(&evil.port, &evil.sq) };

			if (i == 0) {
				memcpy(evil.frame, from.port.mac, 6);
				memcpy(evil.frame + 6, evil.port.mac, 6);
				evil.frame[12] = 0x12;
			}
			send_post(&evil.sq, &send);
		}
		if (round % 5 == 4)
			for (unsigned int i = 0; i < evil.sq.size; i++) {
				seed = seed * 1103515245 + 12345;
				evil.sq.ring[i] = (uint8_t)(seed >> 16);
			}
		ring_wq(&enemy, &evil.sq);
		switch (round % 4) {
		case 1:
			assert_int_equal(guest_unmap(&enemy, GUEST_IOVA, GUEST_SIZE), 0);
			break;
		case 2:
			assert_int_equal(ftruncate(enemy.memory_fd, 0), 0);
			/*
			 * What it has not sent yet is zeroes now, which a switch floods to all, as
			 * it may. Its client is dropped at the first of them.
			 */
			for (unsigned int ms = 0; ms < 20; ms++) {
				host_serve(&bad);
				pause_us(1000);
			}
			break;
		case 3:
			hwc_down(&enemy);
			break;
		}
		flooded = host_counters(&good, 1).rx_no_buffer;
		/* Meanwhile the good vPorts exchange frames: none is lost, none is changed */
		for (unsigned int i = 0; i < 20; i++) {
			struct mana_tx_oob oob = send_oob(&from.port, &from.sq);
			struct mana_rxcomp_oob got;

			net_post(&guest, &to, 1);
			memcpy(from.frame, to.port.mac, 6);
			memcpy(from.frame + 6, from.port.mac, 6);
			memset(from.frame + 12, (int)(0x20 + i), 500);
			send_frame(&guest, &from.sq, &oob, from.frame, 512);
			assert_int_equal(tx_wait(&guest, &from.sq), MANA_CQE_TX_OKAY);
			got = rx_wait(&guest, &to.rq);
			assert_int_equal(got.ppi[0].pkt_len, 512);
			assert_memory_equal(net_buffer(&to), from.frame, 512);
		}
		assert_int_equal(host_counters(&good, 1).rx_no_buffer, flooded);
		check_served(&guest);
		guest_gone(&enemy);
		host_serve(&bad);
		guest_detach(&enemy);
	}
	assert_true(host_counters(&good, 0).rx_no_buffer > 0);
	/* One adapter is closed while the other's client sends to it */
	host_close(&bad);
	harness_log();
	check_works(&guest, &from, false);
	guest_detach(&guest);
	host_close(&good);
}

/* ---- Doorbells in shared memory ---- */

static uint32_t bind_doorbell(struct guest *guest, uint32_t type, uint32_t id, uint32_t page)
{
	struct native_bind_doorbell_req request = { .queue_type = type,
						    .queue_id = id,
						    .page = page };
	struct gdma_general_resp answer;

	return COMMAND(guest, NATIVE_BIND_DOORBELL, &request, &answer, 1);
}

static struct native_doorbell *native_page(struct test *test, uint32_t page)
{
	return (struct native_doorbell *)((uint8_t *)test->host.adapter->native +
					  (size_t)page * NATIVE_DOORBELL_SIZE);
}

/* Post like a driver of wire/native.h: ring only if the adapter sleeps */
static void native_post(struct guest *guest, struct gwq *wq, struct native_doorbell *page)
{
	__atomic_store_n(&page->tail, wq->tail / GDMA_WQE_UNIT, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&page->asleep, __ATOMIC_RELAXED))
		ring_wq(guest, wq);
}

static void shared_doorbells(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->loop.sq, *rq = &test->loop.rq;
	struct gdma_sge sge = sge_of(guest, test->loop.frame, 300);
	struct gdma_sge buffer = sge_of(guest, test->loop.buffers, 2048);
	struct gsend send = { .sge = &sge, .sges = 1, .oob = send_oob(&test->loop.port, sq) };
	struct native_doorbell *sq_page = native_page(test, 5), *rq_page = native_page(test, 4095);

	assert_int_equal(bind_doorbell(guest, GDMA_CQ, sq->id, 5), STATUS_INVALID);
	assert_int_equal(bind_doorbell(guest, GDMA_SQ, 4095, 5), STATUS_NOT_FOUND);
	assert_int_equal(bind_doorbell(guest, GDMA_SQ, guest->hsq.id, 5), STATUS_NOT_FOUND);
	assert_int_equal(bind_doorbell(guest, GDMA_SQ, sq->id, 4096), STATUS_INVALID);
	sq_page->tail = 77; /* the old value does not matter */
	assert_int_equal(bind_doorbell(guest, GDMA_SQ, sq->id, 5), 0);
	assert_int_equal(bind_doorbell(guest, GDMA_SQ, sq->id, 6), STATUS_INVALID);
	assert_int_equal(bind_doorbell(guest, GDMA_RQ, rq->id, 5), STATUS_BUSY);
	assert_int_equal(bind_doorbell(guest, GDMA_RQ, rq->id, 4095), 0);
	for (unsigned int i = 0; i < 3000; i++) {
		receive_post(rq, &buffer, 1);
		native_post(guest, rq, rq_page);
		memset(test->loop.frame, (int)i | 1, 300);
		test->loop.frame[0] = 2;
		test->loop.frame[12] = 0x12;
		send_post(sq, &send);
		native_post(guest, sq, sq_page);
		assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_OKAY);
		assert_int_equal(rx_wait(guest, rq).cqe_hdr.cqe_type, MANA_CQE_RX_OKAY);
		assert_memory_equal(test->loop.buffers, test->loop.frame, 300);
		/* Long enough for the lane to fall asleep occasionally */
		if (i % 300 == 0)
			usleep(2000);
	}
	/* Bound too late: something was posted */
	check_works(guest, &test->sink, false);
	assert_int_equal(bind_doorbell(guest, GDMA_SQ, test->sink.sq.id, 7), STATUS_INVALID);
	/* Invalid tails stop the queue */
	__atomic_store_n(&sq_page->tail, 0x80000000u, __ATOMIC_RELEASE);
	ring_wq(guest, sq);
	assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_GDMA_ERR);
	__atomic_store_n(&rq_page->tail, 0xffffffffu, __ATOMIC_RELEASE);
	ring_wq(guest, rq);
	settle(&test->host);
	assert_true(harness_said("more entries posted than the queue holds"));
	/* The page is free with the queue */
	assert_int_equal(wq_end(guest, sq), 0);
	assert_int_equal(wq_new(guest, &test->loop.port, GDMA_SQ, 16384, 256, NULL, sq), 0);
	assert_int_equal(bind_doorbell(guest, GDMA_SQ, sq->id, 5), 0);
	assert_int_equal(sq_page->tail, 0);
	send.oob = send_oob(&test->loop.port, sq);
	send_post(sq, &send);
	native_post(guest, sq, sq_page);
	assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_OKAY);
	assert_int_equal(hwc_down(guest), 0);
	assert_int_equal(sq_page->asleep, 0);
	assert_int_equal(test->host.adapter->native_bound[0], 0);
}

/** sleeps() - the lane sleeps, and goes on sleeping */
static void sleeps(struct native_doorbell *page)
{
	unsigned int looks = 0;

	/* A lane that wakes by itself is seen awake sooner or later; one that sleeps never is. */
	for (unsigned int quiet = 0; quiet < 3000; quiet++) {
		if (!__atomic_load_n(&page->asleep, __ATOMIC_RELAXED))
			quiet = 0;
		if (looks++ > 100000)
			fail_msg("the lane does not sleep");
		pause_us(1);
	}
}

/* A tail in shared memory that cannot be reached does not keep a lane awake. */
static void unreachable_work_lets_a_lane_sleep(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->loop.sq, *rq = &test->loop.rq;
	struct gdma_sge sge = sge_of(guest, test->loop.frame, 300);
	struct gsend send = { .sge = &sge, .sges = 1, .oob = send_oob(&test->loop.port, sq) };
	struct native_doorbell *sq_page = native_page(test, 5), *rq_page = native_page(test, 6);

	assert_int_equal(bind_doorbell(guest, GDMA_SQ, sq->id, 5), 0);
	assert_int_equal(bind_doorbell(guest, GDMA_RQ, rq->id, 6), 0);
	sleeps(sq_page);
	/* Not mapped */
	send_post(sq, &send);
	assert_int_equal(guest_unmap(guest, GUEST_IOVA, GUEST_SIZE), 0);
	__atomic_store_n(&rq_page->tail, 3, __ATOMIC_RELEASE);
	native_post(guest, sq, sq_page);
	settle(&test->host);
	sleeps(sq_page);
	/* Mapped again, it continues by itself. */
	assert_int_equal(guest_map(guest, GUEST_IOVA, GUEST_SIZE, guest->memory_fd, 0, true), 0);
	assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_OKAY);
	/* Stopped */
	__atomic_store_n(&sq_page->tail, 0x80000000u, __ATOMIC_RELEASE);
	ring_wq(guest, sq);
	assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_GDMA_ERR);
	sleeps(sq_page);
}

/* ---- Lanes ---- */

static uint64_t cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Queues on all lanes, each with its own traffic into one receive queue; destroyed while it flows
 */
static void queues_on_all_lanes(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	size_t used = guest->used;

	for (unsigned int round = 0; round < 15; round++) {
		struct gwq sq[12];
		uint64_t sent = host_counters(&test->host, 1).tx_frames;

		guest->used = used;
		for (unsigned int i = 0; i < 12; i++) {
			struct gdma_sge sge = sge_of(guest, test->loop.frame + i * 100, 500);
			struct gsend send = { .sge = &sge, .sges = 1 };

			assert_int_equal(
				wq_new(guest, &test->loop.port, GDMA_SQ, 8192, 256, NULL, &sq[i]),
				0);
			send.oob = send_oob(&test->loop.port, &sq[i]);
			for (unsigned int j = 0; j < 200; j++)
				send_post(&sq[i], &send);
		}
		for (unsigned int j = 0; j < 120; j++) {
			struct gdma_sge buffer = sge_of(guest, test->loop.buffers, GNET_BUFFER);

			receive_post(&test->loop.rq, &buffer, 1);
		}
		ring_wq(guest, &test->loop.rq);
		for (unsigned int i = 0; i < 12; i++)
			ring_wq(guest, &sq[i]);
		if (round % 3 == 0) {
			/* In the middle of it */
			for (unsigned int i = 0; i < 12; i++)
				assert_int_equal(wq_end(guest, &sq[i]), 0);
			assert_int_equal(wq_end(guest, &test->loop.rq), 0);
			assert_int_equal(wq_new(guest, &test->loop.port, GDMA_RQ, 4096, 256,
						&test->loop.eq, &test->loop.rq),
					 0);
			used = guest->used;
			assert_int_equal(steer(guest, &test->loop.port,
					       &(struct gsteer){ .enable = true,
								 .fallback = &test->loop.rq }),
					 0);
		} else {
			for (unsigned int i = 0; i < 12; i++)
				for (unsigned int j = 0; j < 200; j++)
					assert_int_equal(tx_wait(guest, &sq[i]), MANA_CQE_TX_OKAY);
			for (unsigned int j = 0; j < 120; j++)
				assert_int_equal(rx_wait(guest, &test->loop.rq).cqe_hdr.cqe_type,
						 MANA_CQE_RX_OKAY);
			for (unsigned int i = 0; i < 12; i++)
				assert_int_equal(wq_end(guest, &sq[i]), 0);
		}
		WAIT(&test->host, host_counters(&test->host, 1).tx_frames == sent + 2400);
	}
}

/* A generator waits until the vPort receives, without using the CPU; and then loses nothing */
static void generator_waits(void **state)
{
	static const char *const generator[] = { "generator:count=500,size=200", NULL };
	struct host host;
	struct guest guest;
	struct gnet net;
	uint64_t before;

	(void)state;
	host_open(&host, 2, NULL, generator);
	before = cpu_ms();
	usleep(300000);
	assert_range(cpu_ms() - before, 0, 60);
	guest_attach(&guest, &host);
	ethernet_up(&guest);
	net_up(&guest, 0, &net);
	before = cpu_ms();
	usleep(300000); /* no buffers */
	assert_range(cpu_ms() - before, 0, 60);
	assert_int_equal(host_counters(&host, 0).rx_frames, 0);
	for (unsigned int taken = 0; taken < 500; taken++) {
		if (taken % 50 == 0)
			net_post(&guest, &net, 50);
		assert_int_equal(rx_wait(&guest, &net.rq).ppi[0].pkt_len, 200);
		net_buffer(&net);
	}
	assert_int_equal(host_counters(&host, 0).rx_frames, 500);
	assert_int_equal(host_counters(&host, 0).rx_disabled, 0);
	guest_detach(&guest);
	host_close(&host);
}

/* The link of a generator goes down and up: it waits, and continues */
static void generator_and_link(void **state)
{
	static const char *const generator[] = { "generator:size=100", NULL };
	struct host host;
	struct guest guest;
	struct gnet net;
	uint64_t frames;

	(void)state;
	host_open(&host, 1, NULL, generator);
	guest_attach(&guest, &host);
	ethernet_up(&guest);
	net_up(&guest, 0, &net);
	assert_int_equal(adapter_set_link(host.adapter, 0, false), 0);
	net_post(&guest, &net, 50);
	settle(&host);
	frames = host_counters(&host, 0).rx_frames;
	assert_int_equal(frames, 0);
	assert_int_equal(adapter_set_link(host.adapter, 0, true), 0);
	for (unsigned int i = 0; i < 50; i++) {
		rx_wait(&guest, &net.rq);
		net_buffer(&net);
	}
	guest_detach(&guest);
	host_close(&host);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
#define LANES(function)                                                                            \
	{                                                                                          \
#function " (3 lanes)", function, setup_lanes, teardown, NULL                      \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_moves_under_live_queues),
		LANES(memory_moves_under_live_queues),
		TEST(channel_goes_on),
		TEST(queues_without_memory),
		TEST(memory_comes_and_goes_under_load),
		LANES(memory_comes_and_goes_under_load),
		TEST(invalid_maps),
		TEST(maps_up_to_the_limit),
		TEST(scattered_queues),
		TEST(read_only_memory),
		TEST(memory_is_truncated),
		LANES(memory_is_truncated),
		cmocka_unit_test(hostile_neighbour),
		TEST(shared_doorbells),
		LANES(shared_doorbells),
		TEST(unreachable_work_lets_a_lane_sleep),
		LANES(unreachable_work_lets_a_lane_sleep),
		TEST(queues_on_all_lanes),
		LANES(queues_on_all_lanes),
		cmocka_unit_test(generator_waits),
		cmocka_unit_test(generator_and_link),
	};

	guard_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
