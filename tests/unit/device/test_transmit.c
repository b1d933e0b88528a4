/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending: what a driver posts and what comes out at the fabric, byte for byte. The first vPort
 * writes a capture, which is read back with libpcap; the second is a sink that verifies; the third
 * is a loop. packet.h builds the expected frames; it shares no code with the adapter.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sys/types.h>

#include <pcap/pcap.h>

#include "device/command.h"
#include "device/state.h"
#include "packet.h"

#define EXPECTED_MAX 8192u
#define MSS_MIN      8u

struct test {
	struct host host;
	struct guest guest;
	struct gnet net; /* on the capture */
	char capture[64];
	char spec[96];
	struct random random;
	/* What has to be in the capture, in order */
	struct {
		uint8_t *bytes;
		size_t len;
	} expected[EXPECTED_MAX];
	unsigned int count;
	uint64_t first, second; /* for another protection domain: handle, id */
};

static uint8_t packet[PACKET_MAX], work[PACKET_MAX];

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));
	const char *fabrics[] = { test->spec, "sink+verify", "loop", NULL };
	int fd;

	strcpy(test->capture, "/tmp/test-transmit-XXXXXX");
	fd = mkstemp(test->capture);
	assert_true(fd >= 0);
	close(fd);
	unlink(test->capture);
	snprintf(test->spec, sizeof(test->spec), "pcap:%s", test->capture);
	test->random.state = 0x7a3d;
	host_open(&test->host, 1, NULL, fabrics);
	guest_attach(&test->guest, &test->host);
	ethernet_up(&test->guest);
	net_up(&test->guest, 0, &test->net);
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	guest_detach(&test->guest);
	host_close(&test->host);
	unlink(test->capture);
	for (unsigned int i = 0; i < test->count; i++)
		free(test->expected[i].bytes);
	free(test);
	return 0;
}

static void expect(struct test *test, const uint8_t *bytes, size_t len)
{
	assert_true(test->count < EXPECTED_MAX);
	test->expected[test->count].bytes = malloc(len);
	assert_non_null(test->expected[test->count].bytes);
	memcpy(test->expected[test->count].bytes, bytes, len);
	test->expected[test->count++].len = len;
}

/* Does the capture match? */
static void check_capture(struct test *test)
{
	char error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const uint8_t *bytes;
	struct stat status;
	off_t size = 24;
	pcap_t *pcap;

	for (unsigned int i = 0; i < test->count; i++)
		size += 16 + (off_t)test->expected[i].len;
	WAIT(&test->host, host_counters(&test->host, 0).fabric.tx_frames >= test->count);
	settle(&test->host);
	assert_int_equal(host_counters(&test->host, 0).fabric.tx_frames, test->count);
	adapter_flush(test->host.adapter);
	/* A thread writes it. */
	WAIT(&test->host, !stat(test->capture, &status) && status.st_size >= size);
	pcap = pcap_open_offline(test->capture, error);
	assert_non_null(pcap);
	for (unsigned int i = 0; i < test->count; i++) {
		assert_int_equal(pcap_next_ex(pcap, &header, &bytes), 1);
		assert_int_equal(header->caplen, test->expected[i].len);
		assert_memory_equal(bytes, test->expected[i].bytes, test->expected[i].len);
	}
	assert_int_equal(pcap_next_ex(pcap, &header, &bytes), PCAP_ERROR_BREAK);
	pcap_close(pcap);
}

/**
 * split() - elements that hold bytes of the frame, in order, anywhere in memory
 * @first:	bytes of the first element, 0 for any
 */
static uint32_t split(struct test *test, const uint8_t *bytes, uint32_t len, uint32_t sges,
		      uint32_t first, struct gdma_sge *sge)
{
	uint8_t *to = test->net.frame;
	uint32_t at = 0;

	for (uint32_t i = 0; i < sges; i++) {
		uint32_t part = len - at;

		if (!i && first)
			part = first;
		else if (i + 1 < sges)
			part = random_between(&test->random, 0,
					      part / random_between(&test->random, 1, 6));
		memcpy(to, bytes + at, part);
		sge[i] = sge_of(&test->guest, to, part);
		at += part;
		/* Odd distances, so that nothing is aligned and nothing adjacent */
		to += part + 1 + random_next(&test->random) % 61;
	}
	return sges;
}

/* Post, ring, and the completion's type */
static unsigned int transmit(struct test *test, struct gwq *sq, const struct gsend *send)
{
	send_post(sq, send);
	ring_wq(&test->guest, sq);
	return tx_wait(&test->guest, sq);
}

/* ---- Frames as they are ---- */

static void frames_of_all_sizes(void **state)
{
	struct test *test = *state;
	struct gdma_sge sge[GDMA_SQE_SGES_MAX];
	struct gsend post = { .sge = sge, .oob = send_oob(&test->net.port, &test->net.sq) };

	random_bytes(&test->random, packet, 10000);
	packet[12] = 0x88; /* not a VLAN tag, which would be allowed 4 bytes more */
	for (uint32_t len = 14; len <= 9014; len += len < 200 ? 1 : 97) {
		for (unsigned int i = 0; i < 2; i++) {
			post.sges = split(test, packet, len,
					  i ? random_between(&test->random, 1, 30) : 1, 0, sge);
			post.oob.s.pkt_fmt = random_next(&test->random) & 1;
			/* The rest of a long OOB is uninitialized stack memory */
			random_bytes(&test->random, (uint8_t *)&post.oob.l, sizeof(post.oob.l));
			post.oob.l.inject_vlan_tag = 0;
			assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_OKAY);
			expect(test, packet, len);
		}
	}
	check_capture(test);
	assert_int_equal(warnings(), 0);
}

static void frames_too_short_or_long(void **state)
{
	struct test *test = *state;
	struct gdma_sge sge[2];
	struct gsend post = { .sge = sge,
			      .sges = 1,
			      .oob = send_oob(&test->net.port, &test->net.sq) };

	memset(packet, 0x42, sizeof(packet));
	for (uint32_t len = 0; len < 14; len++) {
		split(test, packet, len, 1, 0, sge);
		assert_int_equal(transmit(test, &test->net.sq, &post),
				 MANA_CQE_TX_HDR_PROCESSING_ERROR);
	}
	split(test, packet, 9015, 1, 0, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_MTU_DROP);
	split(test, packet, 9018, 1, 0, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_MTU_DROP);
	split(test, packet, 65600, 1, 0, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_MTU_DROP);
	sge[0] = sge_of(&test->guest, test->guest.memory, 0xffffff00);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_GDMA_ERR);
	sge[0] = sge[1] = sge_of(&test->guest, test->guest.memory, 32u << 20);
	post.sges = 2;
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_MTU_DROP);
	post.sges = 1;
	/* With a tag of its own a frame may be 4 bytes longer */
	set16(packet + 12, 0x8100);
	split(test, packet, 9018, 1, 0, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_OKAY);
	expect(test, packet, 9018);
	split(test, packet, 9019, 1, 0, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_MTU_DROP);
	check_capture(test);
	assert_int_equal(host_counters(&test->host, 0).tx_errors, 14 + 6);
}

/* ---- Checksums and VLAN ---- */

/* The sealed packet as a driver posts it: checksums absent, or only the pseudo-header's sum */
static void unseal(const struct recipe *recipe, size_t len, struct random *random)
{
	uint8_t *field = work + recipe->l4 + (recipe->proto == 6 ? 16 : 6);

	memcpy(work, packet, len);
	if (recipe->version == 4)
		set16(work + recipe->l3 + 10, random_next(random) & 1 ? 0 : random_next(random));
	if (random_next(random) & 1)
		set16(field, plain_fold(plain_pseudo(work, recipe, len - recipe->l4)));
	else
		set16(field, random_next(random)); /* the old value does not matter */
}

static void checksums_are_computed(void **state)
{
	struct test *test = *state;
	struct gdma_sge sge[GDMA_SQE_SGES_MAX];
	struct gsend post = { .sge = sge };
	struct adapter_port_counters counters;
	unsigned int tagged = 0;

	for (unsigned int i = 0; i < 2500; i++) {
		struct recipe recipe =
			recipe_random(&test->random, random_between(&test->random, 0, 1400));
		size_t len = packet_build(packet, &recipe, &test->random);
		uint8_t tagged_packet[2048];

		unseal(&recipe, len, &test->random);
		post.oob = send_oob(&test->net.port, &test->net.sq);
		post.oob.s.comp_iphdr_csum = recipe.version == 4;
		post.oob.s.comp_tcp_csum = recipe.proto == 6;
		post.oob.s.comp_udp_csum = recipe.proto == 17;
		post.oob.s.is_outer_ipv4 = recipe.version == 4;
		post.oob.s.is_outer_ipv6 = recipe.version == 6;
		post.oob.s.trans_off = recipe.l4 & 0x3ff;
		if (i % 3 == 0) {
			post.oob.s.pkt_fmt = MANA_PACKET_LONG;
			post.oob.l.inject_vlan_tag = 1;
			post.oob.l.vlan_id = i & 0xfff;
			post.oob.l.pcp = i & 7;
			post.oob.l.dei = i >> 4 & 1;
			memcpy(tagged_packet, packet, 12);
			set16(tagged_packet + 12, 0x8100);
			set16(tagged_packet + 14,
			      (i & 7u) << 13 | (i >> 4 & 1u) << 12 | (i & 0xfffu));
			memcpy(tagged_packet + 16, packet + 12, len - 12);
			expect(test, tagged_packet, len + 4);
			tagged++;
		} else {
			expect(test, packet, len);
		}
		post.sges = split(test, work, (uint32_t)len,
				  random_between(&test->random, 1, i % 2 ? 30 : 3), 0, sge);
		assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_OKAY);
	}
	check_capture(test);
	counters = host_counters(&test->host, 0);
	assert_int_equal(counters.tx_csum, 2500);
	assert_int_equal(counters.tx_vlan, tagged);
	assert_int_equal(counters.tx_tso, 0);
	assert_int_equal(counters.tx_errors, 0);
}

/* Only what was requested is changed; what cannot be done is logged */
static void checksums_one_by_one(void **state)
{
	struct test *test = *state;
	struct gdma_sge sge[4];
	struct gsend post = { .sge = sge };
	struct recipe udp = { .version = 4, .proto = 17, .payload_len = 100 };
	struct recipe tcp = { .version = 6, .proto = 6, .payload_len = 100 };
	size_t len = packet_build(packet, &udp, &test->random);

	post.oob = send_oob(&test->net.port, &test->net.sq);
	/* Nothing requested: bad checksums are sent unchanged */
	memcpy(work, packet, len);
	work[udp.l3 + 10] ^= 0x55;
	work[udp.l4 + 6] ^= 0x55;
	post.sges = split(test, work, (uint32_t)len, 2, 0, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_OKAY);
	expect(test, work, len);
	/* Only the IP header */
	post.oob.s.comp_iphdr_csum = 1;
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_OKAY);
	work[udp.l3 + 10] ^= 0x55;
	expect(test, work, len);
	/* Only UDP */
	post.oob.s.comp_iphdr_csum = 0;
	post.oob.s.comp_udp_csum = 1;
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_OKAY);
	memcpy(work, packet, len);
	work[udp.l3 + 10] ^= 0x55;
	expect(test, work, len);
	/* TCP of a UDP packet; UDP of a TCP packet; either of no IP at all */
	post.oob.s.comp_udp_csum = 0;
	post.oob.s.comp_tcp_csum = 1;
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_HDR_PROCESSING_ERROR);
	memset(work, 0, 100);
	split(test, work, 100, 2, 0, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_HDR_PROCESSING_ERROR);
	/* Lengths that contradict the frame: IP's longer, IP's shorter than its headers */
	len = packet_build(packet, &tcp, &test->random);
	set16(packet + tcp.l3 + 4, (uint32_t)(len - tcp.l3 - 40) + 1);
	split(test, packet, (uint32_t)len, 2, 0, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_HDR_PROCESSING_ERROR);
	set16(packet + tcp.l3 + 4, 19);
	split(test, packet, (uint32_t)len, 2, 0, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_HDR_PROCESSING_ERROR);
	/* Padding after the packet is not summed, but is sent */
	len = packet_build(packet, &tcp, &test->random);
	memcpy(work, packet, len);
	memset(work + len, 0xab, 20);
	expect(test, work, len + 20);
	set16(work + tcp.l4 + 16, 0x1234);
	split(test, work, (uint32_t)len + 20, 2, 0, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_OKAY);
	/* A fragment has no TCP header */
	udp.proto = 6;
	len = packet_build(packet, &udp, &test->random);
	set16(packet + udp.l3 + 6, 0x2000);
	split(test, packet, (uint32_t)len, 2, 0, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_HDR_PROCESSING_ERROR);
	check_capture(test);
}

/* ---- TSO ---- */

/* The segments that TSO makes of the packet, one after the other */
static void expect_segments(struct test *test, const struct recipe *recipe, size_t len,
			    uint32_t mss, const uint16_t *tag)
{
	static uint8_t segment[PACKET_MAX];
	uint32_t sequence = be32(packet + recipe->l4 + 4);
	uint32_t id = be16(packet + recipe->l3 + 4);
	uint8_t flags = packet[recipe->l4 + 13];
	size_t at = recipe->payload;

	for (unsigned int i = 0; at < len; i++) {
		size_t part = len - at < mss ? len - at : mss;
		size_t total = recipe->payload + part;

		memcpy(segment, packet, recipe->payload);
		memcpy(segment + recipe->payload, packet + at, part);
		if (recipe->version == 4) {
			set16(segment + recipe->l3 + 2, (uint32_t)(total - recipe->l3));
			set16(segment + recipe->l3 + 4, id + i);
		} else {
			set16(segment + recipe->l3 + 4, (uint32_t)(total - recipe->l3 - 40));
		}
		set32(segment + recipe->l4 + 4, sequence + i * mss);
		segment[recipe->l4 + 13] = flags;
		if (i)
			segment[recipe->l4 + 13] &= (uint8_t)~0x80u;
		if (at + part < len)
			segment[recipe->l4 + 13] &= (uint8_t)~0x09u;
		packet_seal(segment, recipe, total);
		if (tag) {
			memmove(segment + 16, segment + 12, total - 12);
			set16(segment + 12, 0x8100);
			set16(segment + 14, *tag);
			total += 4;
		}
		expect(test, segment, total);
		at += part;
	}
}

/* As a driver requests TSO: no lengths, and a pseudo-header's sum without the length */
static void prepare_tso(const struct recipe *recipe, size_t len)
{
	memcpy(work, packet, len);
	if (recipe->version == 4) {
		set16(work + recipe->l3 + 2, 0);
		set16(work + recipe->l3 + 10, 0);
	} else {
		set16(work + recipe->l3 + 4, 0);
	}
	set16(work + recipe->l4 + 16, plain_fold(plain_pseudo(work, recipe, 0)));
}

static struct mana_tx_oob tso_oob(const struct gnet *net, const struct recipe *recipe)
{
	struct mana_tx_oob oob = send_oob(&net->port, &net->sq);

	oob.s.is_outer_ipv4 = recipe->version == 4;
	oob.s.is_outer_ipv6 = recipe->version == 6;
	oob.s.comp_iphdr_csum = 1;
	oob.s.comp_tcp_csum = 1;
	oob.s.trans_off = recipe->l4 & 0x3ff;
	return oob;
}

static void large_sends_are_segmented(void **state)
{
	struct test *test = *state;
	struct gdma_sge sge[GDMA_SQE_SGES_MAX];
	struct gsend post = { .sge = sge, .tso = true };
	unsigned int sends = 0;

	while (sends < 150) {
		struct recipe recipe = recipe_random(
			&test->random, random_between(&test->random, 1, sends % 10 ? 9000 : 64000));
		uint16_t tag = (uint16_t)random_next(&test->random);
		uint32_t mss;
		size_t len;

		recipe.proto = 6;
		/* One tag at most */
		recipe.vlan = recipe.vlan && sends % 4;
		len = packet_build(packet, &recipe, &test->random);
		if (len > 65535 || recipe.payload > 252)
			continue;
		mss = random_between(&test->random, (uint32_t)len / 40 + MSS_MIN, 4000);
		prepare_tso(&recipe, len);
		post.mss = (uint16_t)mss;
		post.oob = tso_oob(&test->net, &recipe);
		if (sends % 4 == 0) {
			post.oob.s.pkt_fmt = MANA_PACKET_LONG;
			post.oob.l.inject_vlan_tag = 1;
			post.oob.l.vlan_id = tag & 0xfffu;
			post.oob.l.dei = (tag >> 12 & 1u) != 0;
			post.oob.l.pcp = (unsigned int)tag >> 13 & 7u;
		}
		post.sges = split(test, work, (uint32_t)len,
				  random_between(&test->random, 2, sends % 2 ? 30 : 3),
				  (uint32_t)recipe.payload, sge);
		assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_OKAY);
		expect_segments(test, &recipe, len, mss, sends % 4 ? NULL : &tag);
		sends++;
	}
	check_capture(test);
	assert_int_equal(host_counters(&test->host, 0).tx_tso, sends);
	WAIT(&test->host, host_counters(&test->host, 0).tx_frames == sends);
}

static void invalid_large_sends(void **state)
{
	struct test *test = *state;
	struct recipe recipe = { .version = 4, .proto = 6, .flags = 0x18, .payload_len = 4000 };
	struct gdma_sge sge[GDMA_SQE_SGES_MAX];
	struct gsend post = { .sge = sge, .tso = true };
	size_t len = packet_build(packet, &recipe, &test->random);
	uint32_t head = (uint32_t)recipe.payload;

	prepare_tso(&recipe, len);
	post.oob = tso_oob(&test->net, &recipe);
	post.sges = 3;
#define TRY(result) assert_int_equal(transmit(test, &test->net.sq, &post), result)
	split(test, work, (uint32_t)len, 3, head, sge);
	post.mss = 0;
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	post.mss = 1; /* four thousand segments */
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	post.mss = 9001 - 40; /* a segment longer than the MTU */
	TRY(MANA_CQE_TX_MTU_DROP);
	post.mss = 0x3fff;
	TRY(MANA_CQE_TX_MTU_DROP);
	post.mss = 1000;
	/* The first element is not the headers: too short, too long, by one; everything; nothing */
	split(test, work, (uint32_t)len, 3, head - 1, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	split(test, work, (uint32_t)len, 3, head + 1, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	split(test, work, (uint32_t)len, 3, 257, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	split(test, work, (uint32_t)len, 3, (uint32_t)len, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	split(test, work, 40, 3, 14, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	/* No payload; one element */
	split(test, work, head, 3, head, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	post.sges = 1;
	split(test, work, (uint32_t)len, 1, (uint32_t)len, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	/* Without TCP checksums; with UDP's */
	post.sges = 3;
	split(test, work, (uint32_t)len, 3, head, sge);
	post.oob.s.comp_tcp_csum = 0;
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	post.oob.s.comp_udp_csum = 1;
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	post.oob = tso_oob(&test->net, &recipe);
	/* Longer than IP allows; longer than any frame */
	recipe.payload_len = 65496;
	len = packet_build(packet, &recipe, &test->random);
	prepare_tso(&recipe, len);
	split(test, work, (uint32_t)len, 3, head, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	recipe.payload_len = 65497;
	len = packet_build(packet, &recipe, &test->random);
	split(test, packet, (uint32_t)len, 3, head, sge);
	TRY(MANA_CQE_TX_MTU_DROP);
	/* A second tag */
	recipe = (struct recipe){ .version = 4, .proto = 6, .vlan = true, .payload_len = 3000 };
	len = packet_build(packet, &recipe, &test->random);
	prepare_tso(&recipe, len);
	split(test, work, (uint32_t)len, 3, (uint32_t)recipe.payload, sge);
	post.oob = tso_oob(&test->net, &recipe);
	post.oob.s.pkt_fmt = MANA_PACKET_LONG;
	post.oob.l.inject_vlan_tag = 1;
	TRY(MANA_CQE_TX_VLAN_TAGGING_VIOLATION);
	/* More than 256 bytes of headers once the tag is in */
	recipe = (struct recipe){
		.version = 6, .proto = 6, .ip_options = 20, .tcp_options = 5, .payload_len = 3000
	};
	len = packet_build(packet, &recipe, &test->random);
	assert_int_equal(recipe.payload, 254);
	prepare_tso(&recipe, len);
	post.oob = tso_oob(&test->net, &recipe);
	/* Nor are that many extension headers walked */
	split(test, work, (uint32_t)len, 3, 254, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	/* Not TCP, not IP, not even Ethernet */
	recipe = (struct recipe){ .version = 4, .proto = 17, .payload_len = 3000 };
	len = packet_build(packet, &recipe, &test->random);
	split(test, packet, (uint32_t)len, 3, 42, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	set16(packet + 12, 0x1234);
	split(test, packet, (uint32_t)len, 3, 54, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	split(test, packet, (uint32_t)len, 3, 13, sge);
	TRY(MANA_CQE_TX_HDR_PROCESSING_ERROR);
	check_capture(test); /* nothing */
	/* A segment of one byte each is possible as long as there are few */
	recipe = (struct recipe){ .version = 6, .proto = 6, .payload_len = 100 };
	len = packet_build(packet, &recipe, &test->random);
	prepare_tso(&recipe, len);
	post.oob = tso_oob(&test->net, &recipe);
	post.mss = 1;
	split(test, work, (uint32_t)len, 3, (uint32_t)recipe.payload, sge);
	TRY(MANA_CQE_TX_OKAY);
	expect_segments(test, &recipe, len, 1, NULL);
	check_capture(test);
#undef TRY
}

/* The largest headers with a tag are accepted, but none too long for segmentation */
static void headers_of_256_bytes(void **state)
{
	struct test *test = *state;
	struct recipe recipe = { .version = 4, .proto = 6, .payload_len = 2000 };
	struct gdma_sge sge[3];
	struct gsend post = { .sge = sge, .sges = 3, .tso = true, .mss = 700 };
	size_t len;

	/* Two tags do not count as one: Ethernet, IPv6 with 8 options of 16 bytes, TCP with all */
	recipe.version = 6;
	recipe.ip_options = 8;
	recipe.tcp_options = 10;
	len = packet_build(packet, &recipe, &test->random);
	assert_int_equal(recipe.payload, 14 + 40 + 64 + 60);
	prepare_tso(&recipe, len);
	post.oob = tso_oob(&test->net, &recipe);
	split(test, work, (uint32_t)len, 3, (uint32_t)recipe.payload, sge);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_OKAY);
	expect_segments(test, &recipe, len, 700, NULL);
	check_capture(test);
}

/* ---- OOB ---- */

static void invalid_oobs(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;
	struct gdma_sge sge;
	struct gsend post = { .sge = &sge, .sges = 1 };
	struct {
		struct gdma_wqe header;
		struct mana_tx_short_oob oob;
		struct gdma_sge sge;
	} entry = { .header = { .num_sge = 1, .inline_oob_size_div4 = 2 } };

	random_bytes(&test->random, packet, 100);
	split(test, packet, 100, 1, 0, &sge);
	for (unsigned int format = 2; format < 4; format++) {
		post.oob = send_oob(&test->net.port, sq);
		post.oob.s.pkt_fmt = format & 3;
		assert_int_equal(transmit(test, sq, &post), MANA_CQE_TX_INVALID_OOB);
	}
	/* Long, in place of a short one */
	entry.oob = send_oob(&test->net.port, sq).s;
	entry.oob.pkt_fmt = MANA_PACKET_LONG;
	entry.sge = sge;
	wqe_put(sq, &entry, sizeof(entry));
	ring_wq(guest, sq);
	assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_INVALID_OOB);
	/* Another queue's completions */
	post.oob = send_oob(&test->net.port, sq);
	post.oob.s.vcq_num = test->net.rq.cq.id & 0xffffffu;
	assert_int_equal(transmit(test, sq, &post), MANA_CQE_TX_INVALID_OOB);
	post.oob.s.vcq_num = 0xffffff;
	assert_int_equal(transmit(test, sq, &post), MANA_CQE_TX_INVALID_OOB);
	/* Another vPort, or none */
	for (unsigned int offset = 1; offset < 256; offset += 51) {
		post.oob = send_oob(&test->net.port, sq);
		post.oob.s.short_vp_offset = offset & 0xff;
		assert_int_equal(transmit(test, sq, &post), MANA_CQE_TX_VPORT_IDX_OUT_OF_RANGE);
	}
	post.oob = send_oob(&test->net.port, sq);
	assert_int_equal(transmit(test, sq, &post), MANA_CQE_TX_OKAY);
	expect(test, packet, 100);
	check_capture(test);
}

/* Suppressed completions are not written, except for errors */
static void suppression(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;
	struct gdma_sge sge;
	struct gsend post = { .sge = &sge, .sges = 1 };
	struct gdma_cqe cqe;

	random_bytes(&test->random, packet, 100);
	split(test, packet, 100, 1, 0, &sge);
	post.oob = send_oob(&test->net.port, sq);
	post.oob.s.suppress_txcqe = 1;
	for (unsigned int i = 0; i < 50; i++) {
		send_post(sq, &post);
		expect(test, packet, 100);
	}
	ring_wq(guest, sq);
	check_capture(test);
	assert_false(cq_take(&sq->cq, &cqe));
	/* Two good ones, a bad one, a good one that requests a completion */
	send_post(sq, &post);
	send_post(sq, &post);
	post.oob.s.short_vp_offset = 9;
	send_post(sq, &post);
	post.oob.s.short_vp_offset = (uint8_t)test->net.port.offset;
	post.oob.s.suppress_txcqe = 0;
	send_post(sq, &post);
	ring_wq(guest, sq);
	assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_VPORT_IDX_OUT_OF_RANGE);
	assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_OKAY);
	settle(&test->host);
	assert_false(cq_take(&sq->cq, &cqe));
	/* Many at once, of which every seventh is bad and one in five requests a completion */
	for (unsigned int i = 0; i < 200; i++) {
		post.oob = send_oob(&test->net.port, sq);
		post.oob.s.suppress_txcqe = i % 5 != 0;
		if (i % 7 == 0)
			post.oob.s.pkt_fmt = 3;
		send_post(sq, &post);
	}
	ring_wq(guest, sq);
	for (unsigned int i = 0; i < 200; i++) {
		if (i % 7 == 0)
			assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_INVALID_OOB);
		else if (i % 5 == 0)
			assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_OKAY);
	}
	settle(&test->host);
	assert_false(cq_take(&sq->cq, &cqe));
}

/* ---- Memory ---- */

/* Plain entries of a burst: that one is accessible says nothing about the next */
static void elements_behind_a_good_one(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;
	uint8_t *memory = guest_alloc(guest, 4096);
	const uint64_t end = GUEST_IOVA + GUEST_SIZE;
	const struct gdma_sge good = sge_of(guest, memory, 100);
	const struct gdma_sge bad[] = {
		{ good.address, guest->key + 1, 100 },
		{ good.address, guest->hwc_key, 100 },
		{ end - 99, guest->key, 100 },
		{ GUEST_IOVA - 1, guest->key, 100 },
		{ end, guest->key, 100 },
		{ UINT64_MAX - 50, guest->key, 100 },
	};

	random_bytes(&test->random, memory, 4096);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct gdma_sge *sges[] = { &good, &bad[i], &good };

		for (unsigned int k = 0; k < 3; k++) {
			struct gsend send = { .sge = sges[k],
					      .sges = 1,
					      .oob = send_oob(&test->net.port, sq) };

			send_post(sq, &send);
		}
		ring_wq(guest, sq);
		assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_OKAY);
		assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_GDMA_ERR);
		assert_int_equal(tx_wait(guest, sq), MANA_CQE_TX_OKAY);
	}
}

static void elements_outside_their_memory(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gwq *sq = &test->net.sq;
	uint8_t *memory = guest_alloc(guest, 3 * 4096);
	struct gdma_create_mr_req dm_mr = { .mr_type = GDMA_MR_DM };
	struct gdma_create_mr_resp dm_resp;
	struct gdma_alloc_dm_req alloc = { .length = 4096 };
	struct gdma_alloc_dm_resp dm;
	struct gdma_destroy_mr_req destroy;
	struct mana_config_vport_tx_req tx = { 0 };
	struct mana_config_vport_tx_resp tx_resp;
	struct gdma_general_resp answer;
	struct gdma_sge sge[2];
	struct gsend post = { .sge = sge, .sges = 1, .oob = send_oob(&test->net.port, sq) };
	uint64_t pd, other, mr, other_mr;
	uint32_t id, other_id, key, other_key;
	struct gnet user = test->net;

	random_bytes(&test->random, memory, 3 * 4096);
	assert_int_equal(pd_new(guest, &pd, &id), 0);
	assert_int_equal(pd_new(guest, &other, &other_id), 0);
	assert_int_equal(mr_new(guest, pd, memory + 100, 8000, 0x7f0000000064, 0, &mr, &key), 0);
	assert_int_equal(mr_new(guest, other, memory, 4096, 0, GDMA_ACCESS_LOCAL_WRITE, &other_mr,
				&other_key),
			 0);
#define TRY(queue, address_, key_, size_, result)                                                  \
	do {                                                                                       \
		sge[0] = (struct gdma_sge){ address_, key_, size_ };                               \
		assert_int_equal(transmit(test, queue, &post), result);                            \
	} while (0)
	/* The kernel's queue: bus addresses; keys of nobody and of others */
	TRY(sq, guest_iova(guest, memory), guest->key + 1, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(sq, guest_iova(guest, memory), guest->key ^ 0x100, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(sq, guest_iova(guest, memory), 0, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(sq, guest_iova(guest, memory), ~0u, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(sq, guest_iova(guest, memory), guest->hwc_key, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(sq, 0x7f0000000064, key, 100, MANA_CQE_TX_GDMA_ERR);
	/* Memory that is not mapped, or only partly, or beyond the end of the address space */
	TRY(sq, 0, guest->key, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(sq, GUEST_IOVA - 50, guest->key, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(sq, GUEST_IOVA + GUEST_SIZE - 99, guest->key, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(sq, ~0ull - 50, guest->key, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(sq, ~0ull, guest->key, ~0u, MANA_CQE_TX_GDMA_ERR);
	/* No bytes, with an invalid key */
	post.sges = 2;
	sge[1] = (struct gdma_sge){ 1, 0, 0 };
	TRY(sq, guest_iova(guest, memory), guest->key, 100, MANA_CQE_TX_GDMA_ERR);
	post.sges = 1;
	TRY(sq, guest_iova(guest, memory), guest->key, 100, MANA_CQE_TX_OKAY);
	expect(test, memory, 100);

	/* A user's queue: its own protection domain, virtual addresses */
	tx.vport = test->net.port.handle;
	tx.pdid = id;
	tx.doorbell_page = guest->doorbell;
	assert_int_equal(COMMAND(guest, MANA_CONFIG_VPORT_TX, &tx, &tx_resp, 1), 0);
	assert_int_equal(wq_new(guest, &user.port, GDMA_SQ, 4096, 64, NULL, &user.sq), 0);
	post.oob = send_oob(&user.port, &user.sq);
	TRY(&user.sq, 0x7f0000000064, key, 100, MANA_CQE_TX_OKAY);
	expect(test, memory + 100, 100);
	TRY(&user.sq, 0x7f0000000064 + 7900, key, 100, MANA_CQE_TX_OKAY); /* its end; two pages */
	expect(test, memory + 8000, 100);
	TRY(&user.sq, 0x7f0000000064 + 3900, key, 4000, MANA_CQE_TX_OKAY);
	expect(test, memory + 4000, 4000);
	TRY(&user.sq, 0x7f0000000064 + 7901, key, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(&user.sq, 0x7f0000000063, key, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(&user.sq, 0x7f0000000064, key, 8001, MANA_CQE_TX_GDMA_ERR);
	TRY(&user.sq, 0x7f0000000064 + 4000, key, ~0u, MANA_CQE_TX_GDMA_ERR);
	TRY(&user.sq, ~0ull, key, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(&user.sq, guest_iova(guest, memory), key, 100, MANA_CQE_TX_GDMA_ERR);
	/* The kernel's key, and another user's, are no use here */
	TRY(&user.sq, guest_iova(guest, memory), guest->key, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(&user.sq, 0, other_key, 100, MANA_CQE_TX_GDMA_ERR);

	/* Device memory */
	assert_int_equal(COMMAND(guest, GDMA_ALLOC_DM, &alloc, &dm, 1), 0);
	dm_mr.pd_handle = pd;
	dm_mr.dm.dm_handle = dm.dm_handle;
	dm_mr.dm.offset = 1000;
	dm_mr.dm_length = 2000;
	assert_int_equal(COMMAND(guest, GDMA_CREATE_MR, &dm_mr, &dm_resp, 1), 0);
	memset(work, 0, 2000);
	TRY(&user.sq, 0, dm_resp.lkey, 2000, MANA_CQE_TX_OKAY);
	expect(test, work, 2000);
	TRY(&user.sq, 1900, dm_resp.lkey, 100, MANA_CQE_TX_OKAY);
	expect(test, work, 100);
	TRY(&user.sq, 1901, dm_resp.lkey, 100, MANA_CQE_TX_GDMA_ERR);
	TRY(&user.sq, 2000, dm_resp.lkey, 14, MANA_CQE_TX_GDMA_ERR);
	TRY(&user.sq, ~0ull, dm_resp.lkey, 14, MANA_CQE_TX_GDMA_ERR);
	TRY(sq, 0, dm_resp.lkey, 14, MANA_CQE_TX_INVALID_OOB); /* post.oob is the user's */

	/* A destroyed key */
	destroy = (struct gdma_destroy_mr_req){ .mr_handle = mr };
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_MR, &destroy, &answer, 1), 0);
	TRY(&user.sq, 0x7f0000000064, key, 100, MANA_CQE_TX_GDMA_ERR);
	destroy = (struct gdma_destroy_mr_req){ .mr_handle = dm_resp.mr_handle };
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_MR, &destroy, &answer, 1), 0);
	TRY(&user.sq, 0, dm_resp.lkey, 100, MANA_CQE_TX_GDMA_ERR);
	/* The registered device's own region cannot be destroyed, even with its handle guessed */
	for (unsigned int i = 0; i < MEMORY_KEYS_MAX; i++) {
		struct memory_region *own = table_get(&test->host.adapter->memory.keys, i);

		if (!own || own->handle == other_mr)
			continue;
		destroy = (struct gdma_destroy_mr_req){ .mr_handle = own->handle };
		assert_int_equal(COMMAND(guest, GDMA_DESTROY_MR, &destroy, &answer, 1),
				 STATUS_BUSY);
	}
	check_capture(test);
#undef TRY
}

/* ---- Fabrics, vPorts ---- */

/* A verifying sink: everything a driver asks for comes out decodable */
static void sink_verifies(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_sge sge[GDMA_SQE_SGES_MAX];
	struct gsend post = { .sge = sge };
	struct gnet net;

	net_up(guest, 1, &net);
	for (unsigned int i = 0; i < 500; i++) {
		struct recipe recipe =
			recipe_random(&test->random, random_between(&test->random, 1, 1400));
		size_t len;

		post.tso = i % 4 == 0;
		if (post.tso) {
			recipe.proto = 6;
			recipe.payload_len = random_between(&test->random, 2000, 30000);
		}
		len = packet_build(packet, &recipe, &test->random);
		if (post.tso) {
			prepare_tso(&recipe, len);
			post.oob = tso_oob(&net, &recipe);
			post.mss = 1400;
			post.sges =
				split(test, work, (uint32_t)len, 5, (uint32_t)recipe.payload, sge);
		} else {
			unseal(&recipe, len, &test->random);
			post.oob = send_oob(&net.port, &net.sq);
			post.oob.s.comp_iphdr_csum = 1;
			post.oob.s.comp_tcp_csum = recipe.proto == 6;
			post.oob.s.comp_udp_csum = recipe.proto == 17;
			post.sges = split(test, work, (uint32_t)len, 5, 0, sge);
		}
		assert_int_equal(transmit(test, &net.sq, &post), MANA_CQE_TX_OKAY);
	}
	assert_int_equal(host_counters(&test->host, 1).fabric.tx_bad, 0);
	WAIT(&test->host, host_counters(&test->host, 1).tx_frames == 500);
	/* And the opposite: the sink does detect bad frames */
	post.oob = send_oob(&net.port, &net.sq);
	post.tso = false;
	assert_int_equal(transmit(test, &net.sq, &post), MANA_CQE_TX_OKAY);
	WAIT(&test->host, host_counters(&test->host, 1).fabric.tx_bad == 1);
}

static void link_goes_down(void **state)
{
	struct test *test = *state;
	struct gdma_sge sge;
	struct gsend post = { .sge = &sge,
			      .sges = 1,
			      .oob = send_oob(&test->net.port, &test->net.sq) };

	random_bytes(&test->random, packet, 64);
	split(test, packet, 64, 1, 0, &sge);
	assert_int_equal(adapter_set_link(test->host.adapter, 0, false), 0);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_VPORT_DISABLED);
	assert_int_equal(adapter_set_link(test->host.adapter, 0, true), 0);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_OKAY);
	expect(test, packet, 64);
	check_capture(test);
}

static void foreign_source_addresses(void **state)
{
	struct test *test = *state;
	struct host host = { .config = { .ports = 1,
					 .port = { { .mac = { 2, 0, 0, 0, 0, 9 },
						     .fabric = "sink",
						     .mtu = 1500,
						     .queues = 1,
						     .check_source = true } } } };
	struct guest guest;
	struct gnet net;
	struct mana_tx_oob oob;
	struct gwq more;

	(void)test;
	host_open_config(&host, 1, NULL);
	guest_attach(&guest, &host);
	ethernet_up(&guest);
	net_up(&guest, 0, &net);
	oob = send_oob(&net.port, &net.sq);
	memcpy(net.frame + 6, net.port.mac, 6);
	send_frame(&guest, &net.sq, &oob, net.frame, 1514);
	assert_int_equal(tx_wait(&guest, &net.sq), MANA_CQE_TX_OKAY);
	net.frame[6] ^= 1;
	send_frame(&guest, &net.sq, &oob, net.frame, 64);
	assert_int_equal(tx_wait(&guest, &net.sq), MANA_CQE_TX_SA_DROP);
	assert_int_equal(host_counters(&host, 0).fabric.tx_frames, 1);
	/* No more queues than the limit */
	assert_int_equal(wq_new(&guest, &net.port, GDMA_SQ, 4096, 64, NULL, &more),
			 STATUS_NO_RESOURCE);
	assert_int_equal(region_destroy(&guest, more.wq_region), 0);
	assert_int_equal(region_destroy(&guest, more.cq_region), 0);
	guest_detach(&guest);
	host_close(&host);
}

/* Counters: the same numbers of sent packets, wherever they are reported */
static void statistics_add_up(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct mana_query_gf_stat_req ask = { .req_stats = MANA_GF_STAT_ALL };
	struct mana_query_gf_stat_resp gf;
	struct mana_query_phy_stat_req ask_phy = { .req_stats = ~0ull };
	struct mana_query_phy_stat_resp phy;
	struct adapter_port_counters counters;
	struct gdma_sge sge;
	struct gsend post = { .sge = &sge, .sges = 1 };
	uint64_t frames[3] = { 0 }, bytes[3] = { 0 };
	unsigned int errors = 0;

	for (unsigned int i = 0; i < 600; i++) {
		uint32_t len = 60 + i;

		memset(packet, 0x10, 2000);
		if (i % 3 == 1)
			packet[0] = 0x33;
		if (i % 3 == 2)
			memset(packet, 0xff, 6);
		split(test, packet, len, 1, 0, &sge);
		post.oob = send_oob(&test->net.port, &test->net.sq);
		if (i % 10 == 0) {
			post.oob.s.pkt_fmt = 2;
			errors++;
			assert_int_equal(transmit(test, &test->net.sq, &post),
					 MANA_CQE_TX_INVALID_OOB);
			continue;
		}
		assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_OKAY);
		frames[i % 3]++;
		bytes[i % 3] += len;
		expect(test, packet, len);
	}
	check_capture(test);
	sge.mem_key = 0;
	post.oob = send_oob(&test->net.port, &test->net.sq);
	assert_int_equal(transmit(test, &test->net.sq, &post), MANA_CQE_TX_GDMA_ERR);
	/* The counters outlive the queue */
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(COMMAND(guest, MANA_QUERY_GF_STAT, &ask, &gf, 2), 0);
		assert_int_equal(gf.tx_ucast_packets, frames[0]);
		assert_int_equal(gf.tx_mcast_packets, frames[1]);
		assert_int_equal(gf.tx_bcast_packets, frames[2]);
		assert_int_equal(gf.tx_ucast_bytes, bytes[0]);
		assert_int_equal(gf.tx_mcast_bytes, bytes[1]);
		assert_int_equal(gf.tx_bcast_bytes, bytes[2]);
		assert_int_equal(gf.tx_bytes, bytes[0] + bytes[1] + bytes[2]);
		assert_int_equal(gf.tx_err_oob, errors);
		assert_int_equal(gf.tx_err_gdma, 1);
		assert_int_equal(gf.rx_bytes, 0);
		counters = host_counters(&test->host, 0);
		assert_int_equal(counters.tx_frames, frames[0] + frames[1] + frames[2]);
		assert_int_equal(counters.tx_bytes, gf.tx_bytes);
		assert_int_equal(counters.tx_errors, errors + 1);
		assert_int_equal(COMMAND(guest, MANA_QUERY_PHY_STAT, &ask_phy, &phy, 1), 0);
		assert_int_equal(phy.packets[0].tx, counters.tx_frames);
		assert_int_equal(phy.bytes[0].tx, gf.tx_bytes);
		assert_int_equal(phy.drops.tx, 0);
		if (!i)
			assert_int_equal(wq_end(guest, &test->net.sq), 0);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_of_all_sizes),
		TEST(frames_too_short_or_long),
		TEST(checksums_are_computed),
		TEST(checksums_one_by_one),
		TEST(large_sends_are_segmented),
		TEST(invalid_large_sends),
		TEST(headers_of_256_bytes),
		TEST(invalid_oobs),
		TEST(suppression),
		TEST(elements_behind_a_good_one),
		TEST(elements_outside_their_memory),
		TEST(sink_verifies),
		TEST(link_goes_down),
		TEST(foreign_source_addresses),
		TEST(statistics_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
