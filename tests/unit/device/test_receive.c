/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receiving: what comes from the fabric and what the driver finds in its buffers and completions.
 * The vPort is on a loop: to be received, a packet is sent, unchanged or with offloads, which a
 * loop passes on unchanged.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "device/state.h"
#include "packet.h"

static const char *const a_loop[] = { "loop", NULL };

struct test {
	struct host host;
	struct guest guest;
	struct gnet net;
	struct random random;
	unsigned int fds_before;
};

static uint8_t packet[PACKET_MAX], work[PACKET_MAX];

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	test->random.state = 0x5ee1;
	test->fds_before = open_both(&test->host, &test->guest, 1, a_loop);
	ethernet_up(&test->guest);
	net_up(&test->guest, 0, &test->net);
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	close_both(&test->host, &test->guest, test->fds_before);
	free(test);
	return 0;
}

/* Send the packet unchanged: it comes back */
static void put(struct test *test, size_t len)
{
	struct mana_tx_oob oob = send_oob(&test->net.port, &test->net.sq);

	memcpy(test->net.frame, packet, len);
	send_frame(&test->guest, &test->net.sq, &oob, test->net.frame, (uint32_t)len);
	assert_int_equal(tx_wait(&test->guest, &test->net.sq), MANA_CQE_TX_OKAY);
}

/* Send several with one doorbell, so that they come in one burst */
static void put_burst(struct test *test, unsigned int n, const size_t *offset, const size_t *len)
{
	for (unsigned int i = 0; i < n; i++) {
		struct gdma_sge sge =
			sge_of(&test->guest, test->net.frame + offset[i], (uint32_t)len[i]);
		struct gsend send = { .sge = &sge,
				      .sges = 1,
				      .oob = send_oob(&test->net.port, &test->net.sq) };

		send_post(&test->net.sq, &send);
	}
	ring_wq(&test->guest, &test->net.sq);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(tx_wait(&test->guest, &test->net.sq), MANA_CQE_TX_OKAY);
}

static void check_none(struct test *test, struct gwq *rq)
{
	struct gdma_cqe cqe;

	settle(&test->host);
	assert_false(cq_take(&rq->cq, &cqe));
}

/* The next completion is of one packet with these bytes */
static struct mana_rxcomp_oob check_next(struct test *test, const uint8_t *bytes, size_t len)
{
	struct mana_rxcomp_oob oob = rx_wait(&test->guest, &test->net.rq);

	assert_int_equal(oob.cqe_hdr.cqe_type, MANA_CQE_RX_OKAY);
	assert_int_equal(oob.ppi[0].pkt_len, len);
	for (unsigned int i = 1; i < MANA_RXCOMP_PACKETS; i++)
		assert_int_equal(oob.ppi[i].pkt_len, 0);
	assert_memory_equal(net_buffer(&test->net), bytes, len);
	return oob;
}

static void check_clean(const struct mana_rxcomp_oob *oob)
{
	assert_int_equal(oob->rx_vlantag_present, 0);
	assert_int_equal(oob->rx_vlan_id, 0);
	assert_int_equal(oob->rx_hashtype, 0);
	assert_int_equal(oob->rx_outer_iphdr_csum_fail, 0);
}

/* ---- Bytes ---- */

static void frames_of_all_sizes(void **state)
{
	struct test *test = *state;

	for (size_t len = 14; len <= 9014; len += len < 300 ? 1 : 71) {
		struct mana_rxcomp_oob oob;
		uint32_t place = test->net.rq.tail % test->net.rq.size;

		random_bytes(&test->random, packet, len);
		packet[12] = 0x12; /* no protocol */
		net_post(&test->guest, &test->net, 1);
		put(test, len);
		oob = check_next(test, packet, len);
		check_clean(&oob);
		assert_int_equal(oob.rx_wqe_offset % test->net.rq.size, place);
		assert_int_equal(oob.rx_iphdr_csum_succeed, 0);
		assert_int_equal(oob.rx_iphdr_csum_fail, 0);
	}
	check_none(test, &test->net.rq);
	assert_int_equal(warnings(), 0);
}

/* Buffers in pieces, up to as many as an entry holds */
static void buffers_in_pieces(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *rq = &test->net.rq;

	for (unsigned int i = 0; i < 400; i++) {
		uint32_t sges = random_between(&test->random, 1, 15);
		size_t len = random_between(&test->random, 14, 1500), at = 0;
		struct gdma_sge sge[15];
		struct mana_rxcomp_oob oob;
		uint8_t *to = test->net.buffers;

		memset(to, 0xdd, 65536);
		for (uint32_t j = 0; j < sges; j++) {
			uint32_t part = j + 1 < sges ? random_between(&test->random, 0, 300) : 2000;

			sge[j] = sge_of(guest, to, part);
			to += part + random_between(&test->random, 1, 50);
		}
		random_bytes(&test->random, packet, len);
		packet[12] = 0x12;
		receive_post(rq, sge, sges);
		ring_wq(guest, rq);
		put(test, len);
		oob = rx_wait(guest, rq);
		assert_int_equal(oob.cqe_hdr.cqe_type, MANA_CQE_RX_OKAY);
		assert_int_equal(oob.ppi[0].pkt_len, len);
		for (uint32_t j = 0; j < sges; j++) {
			const uint8_t *piece = guest->memory + (sge[j].address - GUEST_IOVA);
			size_t part = len - at < sge[j].size ? len - at : sge[j].size;

			assert_memory_equal(piece, packet + at, part);
			/* Not a byte beyond */
			assert_int_equal(piece[part == sge[j].size ? sge[j].size : part], 0xdd);
			at += part;
		}
		assert_int_equal(at, len);
	}
}

static void packets_longer_than_the_buffer(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *rq = &test->net.rq;

	random_bytes(&test->random, packet, 9014);
	packet[12] = 0x12;
	for (uint32_t room = 0; room < 200; room++) {
		struct gdma_sge sge = sge_of(guest, test->net.buffers, room);
		struct mana_rxcomp_oob oob;

		memset(test->net.buffers, 0xdd, 300);
		receive_post(rq, &sge, 1);
		ring_wq(guest, rq);
		put(test, 200);
		oob = rx_wait(guest, rq);
		assert_int_equal(oob.cqe_hdr.cqe_type, MANA_CQE_RX_TRUNCATED);
		assert_memory_equal(test->net.buffers, packet, room);
		assert_int_equal(test->net.buffers[room], 0xdd);
	}
	assert_int_equal(host_counters(&test->host, 0).rx_truncated, 200);
	/* The next one is not affected */
	net_post(guest, &test->net, 1);
	put(test, 9014);
	check_next(test, packet, 9014);
	assert_int_equal(host_counters(&test->host, 0).rx_frames, 1);
}

/* ---- Bad buffers ---- */

static void unwritable_buffers(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *rq = &test->net.rq;
	uint8_t *memory = guest_alloc(guest, 3 * 4096);
	struct mana_config_vport_tx_req tx = { 0 };
	struct mana_config_vport_tx_resp tx_resp;
	uint64_t pd, read_only, writable;
	uint32_t id, read_key, write_key;
	struct gdma_sge sge[2];
	struct gwq user;
	const struct {
		uint64_t address;
		uint32_t key, size;
	} bad[] = {
		{ guest_iova(guest, memory), guest->key + 1, 2048 },
		{ guest_iova(guest, memory), 0, 2048 },
		{ guest_iova(guest, memory), guest->hwc_key, 2048 },
		{ 0, guest->key, 2048 },
		{ GUEST_IOVA + GUEST_SIZE - 1000, guest->key, 2048 },
		{ ~0ull - 1000, guest->key, 2048 },
		{ guest_iova(guest, memory), guest->key, 0xffffffff },
	};

	random_bytes(&test->random, packet, 1000);
	packet[12] = 0x12;
	memset(memory, 0xdd, 3 * 4096);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sge[0] = (struct gdma_sge){ bad[i].address, bad[i].key, bad[i].size };
		receive_post(rq, sge, 1);
		ring_wq(guest, rq);
		put(test, 1000);
		assert_int_equal(rx_wait(guest, rq).cqe_hdr.cqe_type, MANA_CQE_RX_TRUNCATED);
	}
	/* A good piece and a bad one: neither is written */
	sge[0] = sge_of(guest, memory, 100);
	sge[1] = (struct gdma_sge){ guest_iova(guest, memory), 77, 2000 };
	receive_post(rq, sge, 2);
	ring_wq(guest, rq);
	put(test, 1000);
	assert_int_equal(rx_wait(guest, rq).cqe_hdr.cqe_type, MANA_CQE_RX_TRUNCATED);
	for (unsigned int i = 0; i < 3 * 4096; i++)
		assert_int_equal(memory[i], 0xdd);
	assert_true(harness_said("cannot be written"));

	/* A user's region: only to be read; to be written */
	assert_int_equal(pd_new(guest, &pd, &id), 0);
	assert_int_equal(mr_new(guest, pd, memory, 4096, 0x5000, GDMA_ACCESS_LOCAL_READ, &read_only,
				&read_key),
			 0);
	assert_int_equal(mr_new(guest, pd, memory + 4096, 4096, 0x5000, GDMA_ACCESS_LOCAL_WRITE,
				&writable, &write_key),
			 0);
	tx.vport = test->net.port.handle;
	tx.pdid = id;
	tx.doorbell_page = guest->doorbell;
	assert_int_equal(COMMAND(guest, MANA_CONFIG_VPORT_TX, &tx, &tx_resp, 1), 0);
	assert_int_equal(wq_new(guest, &test->net.port, GDMA_RQ, 4096, 64, NULL, &user), 0);
	assert_int_equal(steer(guest, &test->net.port,
			       &(struct gsteer){ .enable = true, .fallback = &user }),
			 0);
	sge[0] = (struct gdma_sge){ 0x5000, read_key, 2048 };
	receive_post(&user, sge, 1);
	sge[0] = (struct gdma_sge){ 0x5000, write_key, 4097 };
	receive_post(&user, sge, 1);
	sge[0] = (struct gdma_sge){ guest_iova(guest, memory), guest->key, 4096 };
	receive_post(&user, sge, 1);
	ring_wq(guest, &user);
	for (unsigned int i = 0; i < 3; i++) {
		put(test, 1000);
		assert_int_equal(rx_wait(guest, &user).cqe_hdr.cqe_type, MANA_CQE_RX_TRUNCATED);
	}
	for (unsigned int i = 0; i < 3 * 4096; i++)
		assert_int_equal(memory[i], 0xdd);
	sge[0] = (struct gdma_sge){ 0x5800, write_key, 2048 };
	receive_post(&user, sge, 1);
	ring_wq(guest, &user);
	put(test, 1000);
	assert_int_equal(rx_wait(guest, &user).cqe_hdr.cqe_type, MANA_CQE_RX_OKAY);
	assert_memory_equal(memory + 4096 + 2048, packet, 1000);
}

static void entries_of_impossible_sizes(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;

	random_bytes(&test->random, packet, 100);
	packet[12] = 0x12;
	for (unsigned int sges = 0; sges < 256; sges += sges < 20 ? 1 : 17) {
		struct gdma_wqe header = { .num_sge = sges & 0xffu, .inline_oob_size_div4 = 2 };
		uint8_t wqe[4160] = { 0 };
		struct gwq rq;
		uint64_t dropped = host_counters(&test->host, 0).rx_no_buffer;

		assert_int_equal(wq_new(guest, &test->net.port, GDMA_RQ, 8192, 64, NULL, &rq), 0);
		assert_int_equal(steer(guest, &test->net.port,
				       &(struct gsteer){ .enable = true, .fallback = &rq }),
				 0);
		memcpy(wqe, &header, sizeof(header));
		for (unsigned int i = 0; i < sges; i++) {
			struct gdma_sge sge = sge_of(guest, test->net.buffers + 8 * i, 8);

			memcpy(wqe + 16 + 16 * i, &sge, sizeof(sge));
		}
		wqe_put(&rq, wqe, gdma_wqe_size(&header));
		ring_wq(guest, &rq);
		put(test, 100);
		if (gdma_wqe_size(&header) > GDMA_RQE_SIZE_MAX) {
			/* The queue is stopped */
			check_none(test, &rq);
			assert_int_equal(host_counters(&test->host, 0).rx_no_buffer, dropped + 1);
		} else {
			assert_int_equal(rx_wait(guest, &rq).cqe_hdr.cqe_type,
					 sges * 8 >= 100 ? MANA_CQE_RX_OKAY
							 : MANA_CQE_RX_TRUNCATED);
		}
		assert_int_equal(wq_end(guest, &rq), 0);
	}
}

static void no_buffers(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;

	random_bytes(&test->random, packet, 100);
	packet[12] = 0x12;
	for (unsigned int i = 0; i < 10; i++)
		put(test, 100);
	check_none(test, &test->net.rq);
	assert_int_equal(host_counters(&test->host, 0).rx_no_buffer, 10);
	/* Two buffers for three packets */
	net_post(guest, &test->net, 2);
	for (unsigned int i = 0; i < 3; i++)
		put(test, 100);
	check_next(test, packet, 100);
	check_next(test, packet, 100);
	check_none(test, &test->net.rq);
	assert_int_equal(host_counters(&test->host, 0).rx_no_buffer, 11);
}

/* ---- Checksums ---- */

enum sum { NONE, GOOD, BAD };

static void check_flags(const struct mana_rxcomp_oob *oob, enum sum ip, enum sum tcp, enum sum udp)
{
	assert_int_equal(oob->rx_iphdr_csum_succeed, ip == GOOD);
	assert_int_equal(oob->rx_iphdr_csum_fail, ip == BAD);
	assert_int_equal(oob->rx_tcp_csum_succeed, tcp == GOOD);
	assert_int_equal(oob->rx_tcp_csum_fail, tcp == BAD);
	assert_int_equal(oob->rx_udp_csum_succeed, udp == GOOD);
	assert_int_equal(oob->rx_udp_csum_fail, udp == BAD);
}

static void checksums_are_verified(void **state)
{
	struct test *test = *state;
	unsigned int bad = 0;

	for (unsigned int i = 0; i < 2000; i++) {
		struct recipe recipe =
			recipe_random(&test->random, random_between(&test->random, 0, 1400));
		enum sum ip = GOOD, l4 = GOOD;
		struct mana_rxcomp_oob oob;
		size_t len;

		recipe.vlan = false;
		len = packet_build(packet, &recipe, &test->random);
		if (i % 5 == 1) {
			packet[random_between(&test->random, (uint32_t)recipe.l4 + 14,
					      (uint32_t)recipe.l4 + 17) -
			       (recipe.proto == 17 ? 10 : 0)] ^= 0x40;
			l4 = BAD;
		}
		if (i % 7 == 1 && recipe.version == 4) {
			packet[recipe.l3 + 8] ^= 0x04; /* TTL */
			ip = BAD;
		}
		if (i % 11 == 1 && recipe.proto == 17 && recipe.version == 4) {
			set16(packet + recipe.l4 + 6, 0); /* none was made */
			l4 = NONE;
		}
		bad += ip == BAD || l4 == BAD;
		net_post(&test->guest, &test->net, 1);
		put(test, len);
		oob = check_next(test, packet, len);
		check_clean(&oob);
		check_flags(&oob, ip, recipe.proto == 6 ? l4 : NONE,
			    recipe.proto == 17 ? l4 : NONE);
	}
	assert_int_equal(host_counters(&test->host, 0).rx_csum_bad, bad);
}

static void packets_without_checksums(void **state)
{
	struct test *test = *state;
	struct recipe recipe = { .version = 4, .proto = 6, .payload_len = 100 };
	size_t len = packet_build(packet, &recipe, &test->random);
	struct mana_rxcomp_oob oob;

	net_post(&test->guest, &test->net, 4);
	/* Another protocol; a fragment; a header that is cut off; padding behind the packet */
	packet[recipe.l3 + 9] = 132;
	set16(packet + recipe.l3 + 10, 0);
	set16(packet + recipe.l3 + 10, (uint16_t)~plain_fold(plain_sum(0, packet + recipe.l3, 20)));
	put(test, len);
	oob = check_next(test, packet, len);
	check_flags(&oob, GOOD, NONE, NONE);
	packet_build(packet, &recipe, &test->random);
	set16(packet + recipe.l3 + 6, 0x2000);
	set16(packet + recipe.l3 + 10, 0);
	set16(packet + recipe.l3 + 10, (uint16_t)~plain_fold(plain_sum(0, packet + recipe.l3, 20)));
	put(test, len);
	oob = check_next(test, packet, len);
	check_flags(&oob, GOOD, NONE, NONE);
	packet_build(packet, &recipe, &test->random);
	put(test, recipe.l4 + 10);
	oob = check_next(test, packet, recipe.l4 + 10);
	assert_int_equal(oob.rx_tcp_csum_succeed, 0);
	packet_build(packet, &recipe, &test->random);
	memset(packet + len, 0xaa, 30);
	put(test, len + 30);
	oob = check_next(test, packet, len + 30);
	check_flags(&oob, GOOD, GOOD, NONE);
}

/* A checksum that another vPort left to be computed arrives complete */
static void partial_checksums_are_completed(void **state)
{
	struct test *test = *state;

	for (unsigned int i = 0; i < 300; i++) {
		struct recipe recipe =
			recipe_random(&test->random, random_between(&test->random, 0, 1400));
		struct mana_tx_oob oob = send_oob(&test->net.port, &test->net.sq);
		struct mana_rxcomp_oob got;
		size_t len;

		recipe.vlan = false;
		len = packet_build(packet, &recipe, &test->random);
		memcpy(test->net.frame, packet, len);
		set16(test->net.frame + recipe.l4 + (recipe.proto == 6 ? 16 : 6), 0x7777);
		oob.s.comp_tcp_csum = recipe.proto == 6;
		oob.s.comp_udp_csum = recipe.proto == 17;
		net_post(&test->guest, &test->net, 1);
		send_frame(&test->guest, &test->net.sq, &oob, test->net.frame, (uint32_t)len);
		assert_int_equal(tx_wait(&test->guest, &test->net.sq), MANA_CQE_TX_OKAY);
		got = check_next(test, packet, len);
		check_flags(&got, GOOD, recipe.proto == 6 ? GOOD : NONE,
			    recipe.proto == 17 ? GOOD : NONE);
	}
}

static void tags_are_stripped(void **state)
{
	struct test *test = *state;

	for (unsigned int i = 0; i < 300; i++) {
		struct recipe recipe =
			recipe_random(&test->random, random_between(&test->random, 0, 1400));
		struct mana_rxcomp_oob oob;
		uint32_t tci;
		size_t len;

		recipe.vlan = true;
		len = packet_build(packet, &recipe, &test->random);
		tci = be16(packet + 14);
		memcpy(work, packet, 12);
		memcpy(work + 12, packet + 16, len - 16);
		net_post(&test->guest, &test->net, 1);
		put(test, len);
		oob = check_next(test, work, len - 4);
		assert_int_equal(oob.rx_vlantag_present, 1);
		assert_int_equal(oob.rx_vlan_id, tci & 0xfff);
		check_flags(&oob, GOOD, recipe.proto == 6 ? GOOD : NONE,
			    recipe.proto == 17 ? GOOD : NONE);
	}
	/* A truncated tag is not a tag */
	net_post(&test->guest, &test->net, 1);
	packet[12] = 0x81;
	packet[13] = 0;
	put(test, 16);
	assert_int_equal(check_next(test, packet, 16).rx_vlantag_present, 0);
}

/* ---- RSS ---- */

/* The hash by its definition: the key's window for every bit that is set */
static uint32_t plain_toeplitz(const uint8_t *key, const uint8_t *input, size_t len)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < len * 8; i++)
		if (input[i / 8] & 0x80u >> i % 8)
			for (size_t j = 0; j < 32; j++)
				if (key[(i + j) / 8] & 0x80u >> (i + j) % 8)
					hash ^= 0x80000000u >> j;
	return hash;
}

static uint32_t hash_of(const uint8_t *key, const struct recipe *recipe)
{
	uint8_t input[36];
	size_t n = recipe->version == 4 ? 8 : 32;

	memcpy(input, packet + recipe->l3 + (recipe->version == 4 ? 12 : 8), n);
	memcpy(input + n, packet + recipe->l4, 4);
	return plain_toeplitz(key, input, n + 4);
}

static void flows_go_to_their_queues(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gsteer steering = { .enable = true, .rss = true };
	uint8_t key[MANA_HASH_KEY_SIZE];
	unsigned int used = 0;
	struct gwq rq[8];

	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(wq_new(guest, &test->net.port, GDMA_RQ, 16384, 512, NULL, &rq[i]),
				 0);
	for (unsigned int round = 0; round < 4; round++) {
		static const unsigned int entries[] = { 64, 128, 256, 8 };

		random_bytes(&test->random, key, sizeof(key));
		steering.key = key;
		steering.rq = rq;
		steering.rqs = 8 - round;
		steering.entries = entries[round];
		steering.fallback = &test->net.rq;
		assert_int_equal(steer(guest, &test->net.port, &steering), 0);
		for (unsigned int i = 0; i < 8; i++) {
			struct gdma_sge sge = sge_of(guest, test->net.buffers, GNET_BUFFER);

			while (rq[i].tail < (round + 1) * 32 * 100)
				receive_post(&rq[i], &sge, 1);
			ring_wq(guest, &rq[i]);
		}
		for (unsigned int n = 0; n < 200; n++) {
			struct recipe recipe = recipe_random(&test->random, 20);
			struct mana_rxcomp_oob oob;
			unsigned int queue;
			uint32_t hash;
			size_t len;

			recipe.vlan = n % 3 == 0;
			len = packet_build(packet, &recipe, &test->random);
			hash = hash_of(key, &recipe);
			queue = hash % steering.entries % steering.rqs;
			used |= 1u << queue;
			put(test, len);
			oob = rx_wait(guest, &rq[queue]);
			assert_int_equal(oob.ppi[0].pkt_hash, hash);
			assert_int_equal(oob.rx_hashtype & MANA_HASH_L3, 0);
			assert_true(oob.rx_hashtype & MANA_HASH_L4);
		}
		/* Fragments: by addresses only; no IP: the first entry, and no hash */
		{
			struct recipe recipe = { .version = 4, .proto = 17, .payload_len = 100 };
			size_t len = packet_build(packet, &recipe, &test->random);
			uint32_t hash = plain_toeplitz(key, packet + recipe.l3 + 12, 8);
			struct mana_rxcomp_oob oob;

			set16(packet + recipe.l3 + 6, 0x2000);
			put(test, len);
			oob = rx_wait(guest, &rq[hash % steering.entries % steering.rqs]);
			assert_int_equal(oob.ppi[0].pkt_hash, hash);
			assert_true(oob.rx_hashtype & MANA_HASH_L3);
			set16(packet + 12, 0x0806);
			put(test, len);
			oob = rx_wait(guest, &rq[0]);
			assert_int_equal(oob.rx_hashtype, 0);
			assert_int_equal(oob.ppi[0].pkt_hash, 0);
		}
	}
	assert_int_equal(used, 0xff);
	for (unsigned int i = 0; i < 8; i++)
		check_none(test, &rq[i]);
	/* A queue of the table is destroyed: its packets are dropped, the others' are not */
	assert_int_equal(wq_end(guest, &rq[0]), 0);
	net_post(guest, &test->net, 1);
	set16(packet + 12, 0x0806);
	put(test, 100);
	check_none(test, &test->net.rq);
	assert_int_equal(host_counters(&test->host, 0).rx_disabled, 1);
	/* Without RSS everything goes to the default queue */
	steering = (struct gsteer){ .enable = true, .fallback = &test->net.rq };
	assert_int_equal(steer(guest, &test->net.port, &steering), 0);
	put(test, 100);
	check_next(test, packet, 100);
}

/* RSS without a key or a table, and a default queue that is gone */
/*
 * Bursts whose packets belong to several queues. Packets are known by their lengths. In the
 * second half of the rounds a queue has one buffer, and further packets for it are dropped; in
 * the last quarter one entry is of two pieces.
 */
static void bursts_for_several_queues(void **state)
{
	enum { QUEUES = 5, PACKETS = 20, ROUNDS = 80 };
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gsteer steering = { .enable = true, .rss = true, .rqs = QUEUES, .entries = 64 };
	uint8_t key[MANA_HASH_KEY_SIZE];
	uint64_t dropped = host_counters(&test->host, 0).rx_no_buffer;
	struct gwq rq[QUEUES];

	for (unsigned int i = 0; i < QUEUES; i++)
		assert_int_equal(wq_new(guest, &test->net.port, GDMA_RQ, 16384, 512, NULL, &rq[i]),
				 0);
	random_bytes(&test->random, key, sizeof(key));
	steering.key = key;
	steering.rq = rq;
	steering.fallback = &test->net.rq;
	assert_int_equal(steer(guest, &test->net.port, &steering), 0);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int scarce = round < ROUNDS / 2 ? QUEUES : round % QUEUES;
		size_t offset[PACKETS], len[PACKETS], at = 0;
		unsigned int queue[PACKETS], came[QUEUES] = { 0 };

		for (unsigned int i = 0; i < PACKETS; i++) {
			struct recipe recipe = recipe_random(&test->random, 10 + 2 * i);

			recipe.vlan = false;
			offset[i] = at;
			len[i] = packet_build(packet, &recipe, &test->random);
			memcpy(test->net.frame + at, packet, len[i]);
			at += len[i];
			queue[i] = hash_of(key, &recipe) % steering.entries % QUEUES;
			came[queue[i]]++;
		}
		for (unsigned int i = 0; i < QUEUES; i++) {
			struct gdma_sge sge[2] = {
				sge_of(guest, test->net.buffers, GNET_BUFFER / 2),
				sge_of(guest, test->net.buffers + GNET_BUFFER / 2, GNET_BUFFER / 2)
			};
			unsigned int want = i == scarce && came[i] ? 1 : came[i];
			unsigned int odd = round < ROUNDS * 3 / 4 ? want : want / 2;

			dropped += came[i] - want;
			for (unsigned int n = 0; n < want; n++)
				receive_post(&rq[i], sge, n == odd ? 2 : 1);
			ring_wq(guest, &rq[i]);
			came[i] = want;
		}
		put_burst(test, PACKETS, offset, len);
		for (unsigned int i = 0; i < PACKETS; i++) {
			if (!came[queue[i]])
				continue;
			came[queue[i]]--;
			assert_int_equal(rx_wait(guest, &rq[queue[i]]).ppi[0].pkt_len, len[i]);
		}
		for (unsigned int i = 0; i < QUEUES; i++)
			check_none(test, &rq[i]);
		assert_int_equal(host_counters(&test->host, 0).rx_no_buffer, dropped);
	}
}

static void steering_left_unfinished(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct recipe recipe = { .version = 4, .proto = 6, .payload_len = 10 };
	size_t len = packet_build(packet, &recipe, &test->random);

	net_post(guest, &test->net, 4);
	assert_int_equal(
		steer(guest, &test->net.port, &(struct gsteer){ .enable = true, .rss = true }), 0);
	put(test, len);
	check_none(test, &test->net.rq);
	assert_int_equal(steer(guest, &test->net.port,
			       &(struct gsteer){ .enable = true,
						 .rss = true,
						 .rq = &test->net.rq,
						 .rqs = 1,
						 .entries = 64 }),
			 0);
	put(test, len);
	check_next(test, packet, len);
	assert_int_equal(steer(guest, &test->net.port,
			       &(struct gsteer){ .enable = true, .fallback = &test->net.rq }),
			 0);
	put(test, len);
	check_next(test, packet, len);
	assert_int_equal(wq_end(guest, &test->net.rq), 0);
	put(test, len);
	assert_int_equal(steer(guest, &test->net.port, &(struct gsteer){ .enable = false }), 0);
	put(test, len);
	assert_int_equal(host_counters(&test->host, 0).rx_disabled, 3);
	assert_int_equal(host_counters(&test->host, 0).rx_frames, 2);
}

/* ---- Coalescing ---- */

static void up_to_four_packets_a_completion(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gsteer steering = { .enable = true, .fallback = &test->net.rq };
	size_t offset[32], len[32];
	unsigned int completions;

	for (unsigned int i = 0; i < 32; i++) {
		offset[i] = i * 2000;
		len[i] = 60 + i;
		random_bytes(&test->random, test->net.frame + offset[i], len[i]);
		test->net.frame[offset[i] + 12] = 0x12;
	}
	/* Only if requested */
	net_post(guest, &test->net, 32);
	put_burst(test, 32, offset, len);
	for (unsigned int i = 0; i < 32; i++)
		check_next(test, test->net.frame + offset[i], len[i]);
	assert_int_equal(host_counters(&test->host, 0).rx_coalesced, 0);

	steering.coalesce = true;
	assert_int_equal(steer(guest, &test->net.port, &steering), 0);
	for (unsigned int n = 1; n <= 32; n++) {
		uint32_t place = test->net.rq.tail;
		unsigned int done = 0;

		net_post(guest, &test->net, n);
		put_burst(test, n, offset, len);
		for (completions = 0; done < n; completions++) {
			struct mana_rxcomp_oob oob = rx_wait(guest, &test->net.rq);
			unsigned int in = 0;

			assert_int_equal(oob.rx_wqe_offset % test->net.rq.size,
					 (place + done * 32) % test->net.rq.size);
			for (; in < MANA_RXCOMP_PACKETS && oob.ppi[in].pkt_len; in++, done++) {
				assert_int_equal(oob.ppi[in].pkt_len, len[done]);
				assert_memory_equal(net_buffer(&test->net),
						    test->net.frame + offset[done], len[done]);
			}
			assert_true(in > 0);
			assert_int_equal(oob.cqe_hdr.cqe_type,
					 in > 1 ? MANA_CQE_RX_COALESCED_4 : MANA_CQE_RX_OKAY);
			for (; in < MANA_RXCOMP_PACKETS; in++)
				assert_int_equal(oob.ppi[in].pkt_len, 0);
		}
		assert_int_equal(done, n);
	}
	/* Thirty-two in a burst are eight completions */
	assert_int_equal(completions, 8);
	check_none(test, &test->net.rq);

	/* Only packets with the same flags: every other packet has a tag */
	for (unsigned int i = 0; i < 8; i++)
		if (i % 2)
			memcpy(test->net.frame + offset[i] + 12, "\x81\0\0\x07", 4);
	net_post(guest, &test->net, 8);
	put_burst(test, 8, offset, len);
	for (unsigned int i = 0; i < 8; i++) {
		struct mana_rxcomp_oob oob = rx_wait(guest, &test->net.rq);

		assert_int_equal(oob.cqe_hdr.cqe_type, MANA_CQE_RX_OKAY);
		assert_int_equal(oob.rx_vlantag_present, i % 2);
		assert_int_equal(oob.ppi[0].pkt_len, len[i] - (i % 2 ? 4 : 0));
		net_buffer(&test->net);
	}
}

/** listed() - packet @i of a completion of any kind; a length of 0 after the last one */
static struct mana_rxcomp_perpkt_info listed(const struct mana_rxcomp_oob *oob, unsigned int i)
{
	const struct mana_rxcomp_pair_info *pair = &oob->pair[i / 2];

	if (oob->cqe_hdr.cqe_type != MANA_CQE_RX_COALESCED_8)
		return oob->ppi[i];
	return (struct mana_rxcomp_perpkt_info){ .pkt_len = i % 2 ? pair->pkt_len1 : pair->pkt_len0,
						 .pkt_hash = i % 2 ? pair->pkt_hash1
								   : pair->pkt_hash0 };
}

/** take_eights() - take a burst of @n frames that was put; how many completions there were */
static unsigned int take_eights(struct test *test, unsigned int n, const size_t *offset,
				const size_t *len, const uint32_t *hash)
{
	unsigned int completions = 0, done = 0;

	for (; done < n; completions++) {
		struct mana_rxcomp_oob oob = rx_wait(&test->guest, &test->net.rq);
		unsigned int type = oob.cqe_hdr.cqe_type, in = 0;
		unsigned int most = type == MANA_CQE_RX_COALESCED_8 ? 8 : 4;

		for (; in < most && listed(&oob, in).pkt_len; in++, done++) {
			assert_int_equal(listed(&oob, in).pkt_len, len[done]);
			assert_int_equal(listed(&oob, in).pkt_hash, hash[done]);
			assert_memory_equal(net_buffer(&test->net), test->net.frame + offset[done],
					    len[done]);
		}
		assert_true(in > 0);
		assert_int_equal(type, in > 4   ? MANA_CQE_RX_COALESCED_8
				       : in > 1 ? MANA_CQE_RX_COALESCED_4
						: MANA_CQE_RX_OKAY);
		for (; in < most; in++)
			assert_int_equal(listed(&oob, in).pkt_len, 0);
	}
	assert_int_equal(done, n);
	return completions;
}

/* Frames that are received one by one, then such as are received in bursts */
static void up_to_eight_packets_a_completion(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	uint8_t key[MANA_HASH_KEY_SIZE];
	struct gsteer steering = { .enable = true,
				   .rss = true,
				   .coalesce = true,
				   .coalesce_8 = true,
				   .hash_types = MANA_HASH_SUPPORTED,
				   .key = key,
				   .rq = &test->net.rq,
				   .rqs = 1,
				   .entries = 64 };
	struct recipe recipe = { .version = 4, .proto = 17 };
	size_t offset[32], len[32];
	uint32_t hash[32] = { 0 };

	random_bytes(&test->random, key, sizeof(key));
	assert_int_equal(steer(guest, &test->net.port, &steering), 0);
	for (unsigned int plain = 0; plain < 2; plain++) {
		unsigned int completions = 0;

		for (unsigned int i = 0; i < 32; i++) {
			uint8_t *frame = test->net.frame + i * 2000;

			offset[i] = i * 2000;
			len[i] = 60 + i;
			recipe.payload_len = 60 + i;
			random_bytes(&test->random, frame, len[i]);
			frame[12] = 0x12;
			if (!plain)
				continue;
			len[i] = packet_build(packet, &recipe, &test->random);
			hash[i] = hash_of(key, &recipe);
			memcpy(frame, packet, len[i]);
		}
		for (unsigned int n = 1; n <= 32; n++) {
			net_post(guest, &test->net, n);
			put_burst(test, n, offset, len);
			completions = take_eights(test, n, offset, len, hash);
		}
		/* Thirty-two in a burst are four completions */
		assert_int_equal(completions, 4);
		check_none(test, &test->net.rq);
	}
}

/* Only packets of the types that were asked for have a hash; the others go to the first entry */
static void chosen_hash_types(void **state)
{
	static const struct {
		uint16_t types;
		uint8_t version, proto;
		bool ports, addresses;
	} cases[] = {
		{ MANA_HASH_SUPPORTED, 4, 17, true, true },
		{ MANA_HASH_IPV4 | MANA_HASH_IPV6, 4, 17, false, true },
		{ MANA_HASH_IPV4 | MANA_HASH_IPV6, 4, 6, false, true },
		{ MANA_HASH_IPV4 | MANA_HASH_TCP_IPV4, 4, 6, true, true },
		{ MANA_HASH_IPV4 | MANA_HASH_TCP_IPV4, 4, 17, false, true },
		{ MANA_HASH_TCP_IPV4, 4, 17, false, false },
		{ MANA_HASH_UDP_IPV4 | MANA_HASH_IPV6, 4, 17, true, true },
	};
	struct test *test = *state;
	struct guest *guest = &test->guest;
	uint8_t key[MANA_HASH_KEY_SIZE];
	struct gsteer steering = { .enable = true,
				   .rss = true,
				   .key = key,
				   .rq = &test->net.rq,
				   .rqs = 1,
				   .entries = 64 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct recipe recipe = { .version = cases[i].version,
					 .proto = cases[i].proto,
					 .payload_len = 40 };
		size_t len = packet_build(packet, &recipe, &test->random);
		struct mana_rxcomp_oob oob;
		uint32_t hash = 0;

		random_bytes(&test->random, key, sizeof(key));
		steering.hash_types = cases[i].types;
		assert_int_equal(steer(guest, &test->net.port, &steering), 0);
		if (cases[i].ports)
			hash = hash_of(key, &recipe);
		else if (cases[i].addresses)
			hash = plain_toeplitz(key, packet + recipe.l3 + 12, 8);
		net_post(guest, &test->net, 1);
		put(test, len);
		oob = rx_wait(guest, &test->net.rq);
		net_buffer(&test->net);
		assert_int_equal(oob.ppi[0].pkt_hash, hash);
		assert_int_equal(oob.rx_hashtype, cases[i].ports       ? MANA_HASH_L4
						  : cases[i].addresses ? MANA_HASH_L3
								       : 0);
	}
	/* None at all cannot be distributed */
	steering.hash_types = MANA_HASH_IPV6_EX;
	assert_int_not_equal(steer(guest, &test->net.port, &steering), 0);
	steering.rss = false;
	assert_int_equal(steer(guest, &test->net.port, &steering), 0);
}

/* A reader that sees the first completion of a burst finds the others: it was made visible last */
static void bursts_are_seen_whole(void **state)
{
	enum { PACKETS = 32, COMPLETIONS = PACKETS / MANA_RXCOMP_PACKETS, ROUNDS = 300 };
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gsteer steering = { .enable = true, .coalesce = true, .fallback = &test->net.rq };
	struct recipe recipe = recipe_random(&test->random, 100);
	size_t len;

	recipe.vlan = false;
	len = packet_build(test->net.frame, &recipe, &test->random);
	assert_int_equal(steer(guest, &test->net.port, &steering), 0);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct gdma_cqe cqe;
		uint64_t end;

		net_post(guest, &test->net, PACKETS);
		for (unsigned int i = 0; i < PACKETS; i++) {
			struct gdma_sge sge = sge_of(guest, test->net.frame, (uint32_t)len);
			struct gsend send = { .sge = &sge,
					      .sges = 1,
					      .oob = send_oob(&test->net.port, &test->net.sq) };

			send_post(&test->net.sq, &send);
		}
		ring_wq(guest, &test->net.sq);
		end = now_ms() + 5000;
		while (!cq_take(&test->net.rq.cq, &cqe))
			assert_true(now_ms() < end);
		for (unsigned int i = 1; i < COMPLETIONS; i++)
			assert_true(cq_take(&test->net.rq.cq, &cqe));
		for (unsigned int i = 0; i < PACKETS; i++) {
			net_buffer(&test->net);
			assert_int_equal(tx_wait(guest, &test->net.sq), MANA_CQE_TX_OKAY);
		}
	}
}

/* ---- Fences, switching on and off ---- */

static void fences_keep_their_place(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct mana_fence_rq_req fence = { .wq_obj = test->net.rq.handle };
	struct gdma_general_resp answer;

	random_bytes(&test->random, packet, 100);
	packet[12] = 0x12;
	for (unsigned int i = 0; i < 20; i++) {
		struct mana_rxcomp_oob oob;

		net_post(guest, &test->net, 2);
		put(test, 100);
		assert_int_equal(COMMAND(guest, MANA_FENCE_RQ, &fence, &answer, 1), 0);
		put(test, 100);
		check_next(test, packet, 100);
		oob = rx_wait(guest, &test->net.rq);
		assert_int_equal(oob.cqe_hdr.cqe_type, MANA_CQE_RX_OBJECT_FENCE);
		check_next(test, packet, 100);
	}
}

static void link_and_vport_off_and_on(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gsteer off = { .enable = false, .fallback = &test->net.rq };
	struct gsteer on = { .enable = true, .fallback = &test->net.rq };

	random_bytes(&test->random, packet, 100);
	packet[12] = 0x12;
	net_post(guest, &test->net, 10);
	assert_int_equal(steer(guest, &test->net.port, &off), 0);
	put(test, 100);
	check_none(test, &test->net.rq);
	assert_int_equal(host_counters(&test->host, 0).rx_disabled, 1);
	assert_int_equal(steer(guest, &test->net.port, &on), 0);
	put(test, 100);
	check_next(test, packet, 100);
	assert_int_equal(host_counters(&test->host, 0).rx_disabled, 1);
}

/* ---- Large frames ---- */

static void large_frames_are_segmented(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;

	for (unsigned int i = 0; i < 60; i++) {
		struct recipe recipe =
			recipe_random(&test->random, random_between(&test->random, 1, 30000));
		uint32_t mss, sequence;
		struct gdma_sge sge[2];
		struct gsend send = { .sge = sge, .sges = 2, .tso = true };
		size_t len, at;
		unsigned int segments;

		recipe.proto = 6;
		recipe.vlan = i % 2;
		if (recipe.ip_options > 6)
			recipe.ip_options = 6;
		len = packet_build(packet, &recipe, &test->random);
		sequence = be32(packet + recipe.l4 + 4);
		mss = random_between(&test->random, (uint32_t)(len / 50) + 8, 1460);
		segments = (unsigned int)((len - recipe.payload + mss - 1) / mss);
		memcpy(test->net.frame, packet, len);
		sge[0] = sge_of(guest, test->net.frame, (uint32_t)recipe.payload);
		sge[1] = sge_of(guest, test->net.frame + recipe.payload,
				(uint32_t)(len - recipe.payload));
		send.mss = (uint16_t)mss;
		send.oob = send_oob(&test->net.port, &test->net.sq);
		send.oob.s.comp_tcp_csum = 1;
		/* All or none: with one buffer too few none is received */
		net_post(guest, &test->net, segments - 1);
		send_post(&test->net.sq, &send);
		ring_wq(guest, &test->net.sq);
		assert_int_equal(tx_wait(guest, &test->net.sq), MANA_CQE_TX_OKAY);
		check_none(test, &test->net.rq);
		net_post(guest, &test->net, 1);
		send_post(&test->net.sq, &send);
		ring_wq(guest, &test->net.sq);
		assert_int_equal(tx_wait(guest, &test->net.sq), MANA_CQE_TX_OKAY);
		at = recipe.payload;
		for (unsigned int n = 0; n < segments; n++) {
			struct mana_rxcomp_oob oob = rx_wait(guest, &test->net.rq);
			const uint8_t *got = net_buffer(&test->net);
			size_t part = len - at < mss ? len - at : mss;
			size_t untag = recipe.vlan ? 4 : 0;

			assert_int_equal(oob.ppi[0].pkt_len, recipe.payload - untag + part);
			check_flags(&oob, GOOD, GOOD, NONE);
			assert_int_equal(oob.rx_vlantag_present, recipe.vlan);
			assert_int_equal(be32(got + recipe.l4 - untag + 4), sequence + n * mss);
			assert_memory_equal(got + recipe.payload - untag, packet + at, part);
			/* Its checksum is right in the bytes, not only in the flag */
			{
				struct recipe seen = recipe;
				size_t total = recipe.payload - untag + part;
				static uint8_t copy[PACKET_MAX];

				seen.l3 -= untag;
				seen.l4 -= untag;
				memcpy(copy, got, total);
				packet_seal(copy, &seen, total);
				assert_memory_equal(copy, got, total);
			}
			at += part;
		}
		assert_int_equal(at, len);
	}
	assert_int_equal(host_counters(&test->host, 0).rx_no_buffer, 60);
	check_none(test, &test->net.rq);
}

/* More segments than the queue will ever hold: dropped, counted, and not blocking */
/** send_large() - a large send of @len bytes of payload, in segments of @mss */
static void send_large(struct test *test, uint32_t len, uint16_t mss)
{
	struct guest *guest = &test->guest;
	struct recipe recipe = { .version = 4, .proto = 6, .payload_len = len };
	size_t size = packet_build(packet, &recipe, &test->random);
	struct gdma_sge sge[2];
	struct gsend send = { .sge = sge, .sges = 2, .tso = true, .mss = mss };

	memcpy(test->net.frame, packet, size);
	sge[0] = sge_of(guest, test->net.frame, (uint32_t)recipe.payload);
	sge[1] = sge_of(guest, test->net.frame + recipe.payload, len);
	send.oob = send_oob(&test->net.port, &test->net.sq);
	send.oob.s.comp_tcp_csum = 1;
	send_post(&test->net.sq, &send);
	ring_wq(guest, &test->net.sq);
	assert_int_equal(tx_wait(guest, &test->net.sq), MANA_CQE_TX_OKAY);
}

static void large_frames_without_room(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;

	/* 60 segments arrive as one frame, which is received whole or not at all. */
	net_post(guest, &test->net, 40);
	send_large(test, 30000, 500);
	check_none(test, &test->net.rq);
	assert_int_equal(host_counters(&test->host, 0).rx_no_buffer, 1);
	/* 300 arrive as segments: those that find a buffer are received. */
	send_large(test, 30000, 100);
	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(rx_wait(guest, &test->net.rq).cqe_hdr.cqe_type, MANA_CQE_RX_OKAY);
	check_none(test, &test->net.rq);
	assert_int_equal(host_counters(&test->host, 0).rx_no_buffer, 1 + 260);
}

/* ---- Statistics ---- */

static void statistics_add_up(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct mana_query_gf_stat_req ask = { .req_stats = MANA_GF_STAT_ALL };
	struct mana_query_gf_stat_resp gf;
	struct mana_query_phy_stat_req ask_phy = { .req_stats = ~0ull };
	struct mana_query_phy_stat_resp phy;
	struct adapter_port_counters counters;
	uint64_t frames[3] = { 0 }, bytes[3] = { 0 };

	for (unsigned int i = 0; i < 300; i++) {
		size_t len = 60 + i;

		memset(packet, 0x10, 2000);
		if (i % 3 == 1)
			packet[0] = 0x33;
		if (i % 3 == 2)
			memset(packet, 0xff, 6);
		net_post(guest, &test->net, 1);
		put(test, len);
		check_next(test, packet, len);
		frames[i % 3]++;
		bytes[i % 3] += len;
	}
	put(test, 100); /* no buffer */
	put(test, 100);
	assert_int_equal(steer(guest, &test->net.port, &(struct gsteer){ .enable = false }), 0);
	put(test, 100); /* disabled */
	assert_int_equal(adapter_rx_queue_frames(test->host.adapter, 0, 0), 300);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(COMMAND(guest, MANA_QUERY_GF_STAT, &ask, &gf, 2), 0);
		assert_int_equal(gf.rx_ucast_packets, frames[0]);
		assert_int_equal(gf.rx_mcast_packets, frames[1]);
		assert_int_equal(gf.rx_bcast_packets, frames[2]);
		assert_int_equal(gf.rx_ucast_bytes, bytes[0]);
		assert_int_equal(gf.rx_mcast_bytes, bytes[1]);
		assert_int_equal(gf.rx_bcast_bytes, bytes[2]);
		assert_int_equal(gf.rx_bytes, bytes[0] + bytes[1] + bytes[2]);
		assert_int_equal(gf.rx_discards_no_wqe, 2);
		assert_int_equal(gf.rx_err_vport_disabled, 1);
		assert_int_equal(gf.tx_ucast_packets + gf.tx_mcast_packets + gf.tx_bcast_packets,
				 303);
		counters = host_counters(&test->host, 0);
		assert_int_equal(counters.rx_frames, 300);
		assert_int_equal(counters.rx_bytes, gf.rx_bytes);
		assert_int_equal(counters.rx_no_buffer, 2);
		assert_int_equal(counters.fabric.rx_frames + counters.fabric.rx_dropped,
				 counters.fabric.tx_frames);
		assert_int_equal(COMMAND(guest, MANA_QUERY_PHY_STAT, &ask_phy, &phy, 1), 0);
		assert_int_equal(phy.packets[0].rx, counters.fabric.rx_frames);
		assert_int_equal(phy.drops.rx, 2);
		/* The counters outlive the queue */
		if (!i)
			assert_int_equal(wq_end(guest, &test->net.rq), 0);
	}
	assert_int_equal(adapter_rx_queue_frames(test->host.adapter, 0, 0), 0);
}

/* The priority of a tag is its class; frames without one are of class 0 */
static void classes_are_counted(void **state)
{
	static const unsigned int priorities[] = { 0, 3, 7, 3, 0, 1 };
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct mana_query_phy_stat_req ask = { .req_stats = 1 };
	struct mana_query_phy_stat_resp phy;
	struct mana_tx_oob oob = send_oob(&test->net.port, &test->net.sq);

	random_bytes(&test->random, test->net.frame, 100);
	test->net.frame[12] = 0x12;
	net_post(guest, &test->net, 8);
	for (unsigned int i = 0; i < 6; i++) {
		oob.s.pkt_fmt = priorities[i] ? MANA_PACKET_LONG : MANA_PACKET_SHORT;
		oob.l.inject_vlan_tag = 1;
		oob.l.pcp = priorities[i] & 7u;
		oob.l.vlan_id = 9;
		send_frame(guest, &test->net.sq, &oob, test->net.frame, 100);
		assert_int_equal(tx_wait(guest, &test->net.sq), MANA_CQE_TX_OKAY);
		assert_int_equal(rx_wait(guest, &test->net.rq).rx_vlantag_present,
				 priorities[i] != 0);
	}
	settle(&test->host);
	assert_int_equal(COMMAND(guest, MANA_QUERY_PHY_STAT, &ask, &phy, 1), 0);
	for (unsigned int i = 0; i < MANA_TRAFFIC_CLASSES; i++) {
		unsigned int n = i == 0 || i == 3 ? 2 : i == 1 || i == 7;

		assert_int_equal(phy.packets[i].tx, n);
		assert_int_equal(phy.packets[i].rx, n);
		assert_int_equal(phy.bytes[i].tx, n * (i ? 104 : 100));
		assert_int_equal(phy.bytes[i].rx, n * (i ? 104 : 100));
		assert_int_equal(phy.pauses[i].tx + phy.pauses[i].rx, 0);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_of_all_sizes),
		TEST(buffers_in_pieces),
		TEST(packets_longer_than_the_buffer),
		TEST(unwritable_buffers),
		TEST(entries_of_impossible_sizes),
		TEST(no_buffers),
		TEST(checksums_are_verified),
		TEST(packets_without_checksums),
		TEST(partial_checksums_are_completed),
		TEST(tags_are_stripped),
		TEST(flows_go_to_their_queues),
		TEST(bursts_for_several_queues),
		TEST(steering_left_unfinished),
		TEST(up_to_four_packets_a_completion),
		TEST(up_to_eight_packets_a_completion),
		TEST(chosen_hash_types),
		TEST(classes_are_counted),
		TEST(bursts_are_seen_whole),
		TEST(fences_keep_their_place),
		TEST(link_and_vport_off_and_on),
		TEST(large_frames_are_segmented),
		TEST(large_frames_without_room),
		TEST(statistics_add_up),
	};

	guard_install(); /* whose descriptor stays */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
