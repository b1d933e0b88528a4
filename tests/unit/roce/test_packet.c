/* SPDX-License-Identifier: BSD-3-Clause */
/* RoCEv2 packets: captured ones, built ones, and all that are cut or changed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "roce/icrc.h"
#include "roce/packet.h"

/*
 * A congestion notification captured on a ConnectX-4 Lx, with its ICRC: scapy, commit 05c24f8f,
 * test/contrib/roce.uts, "RoCE CNP captured on ConnectX-4 Lx"
 */
static const uint8_t cnp[] = {
	0xe4, 0x1d, 0x2d, 0xab, 0x2b, 0xc2, 0x7c, 0xfe, 0x90, 0x64, 0x3b, 0x32, 0x08, 0x00, 0x45,
	0xc2, 0x00, 0x3c, 0x71, 0x8c, 0x40, 0x00, 0x40, 0x11, 0x91, 0x61, 0x0a, 0x00, 0x11, 0x01,
	0x0a, 0x00, 0x12, 0x01, 0x00, 0x00, 0x12, 0xb7, 0x00, 0x28, 0x00, 0x00, 0x81, 0x00, 0xff,
	0xff, 0x40, 0x00, 0x01, 0x18, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x82, 0xfd, 0x00, 0x2a,
};

/*
 * A SEND of UC with two bytes of padding, with the UDP checksum that an ICRC does not cover: the same
 * file, "RoCE layer", whose ICRC is 0x78f353f3 there
 */
static const uint8_t uc_send[] = {
	0x24, 0x8a, 0x07, 0xa8, 0xfa, 0x22, 0x24, 0x8a, 0x07, 0xa8, 0xfa, 0x22, 0x08,
	0x00, 0x45, 0x01, 0x00, 0x40, 0x04, 0x78, 0x40, 0x00, 0x40, 0x11, 0xb4, 0xd5,
	0xc0, 0xa8, 0x00, 0x07, 0xc0, 0xa8, 0x00, 0x07, 0xc0, 0x00, 0x12, 0xb7, 0x00,
	0x2c, 0xac, 0xa2, 0x24, 0x60, 0xff, 0xff, 0x00, 0x00, 0x00, 0xd3, 0x00, 0xcf,
	0x17, 0x10, 'F',  '0',  0x81, 0x8b, 0xe2, 0x89, '5',  0xd9, 0x0e, 0x9a, 0x95,
	'P',  'T',  0x01, 0xbe, 0x88, '^',  'P',  0x00, 0x00, 0x78, 0xf3, 0x53, 0xf3,
};

static int parse(struct roce_packet *packet, const void *frame, size_t len)
{
	const struct iovec iov = { (void *)frame, len };

	return roce_parse(packet, &iov, 1, len);
}

static bool icrc_ok(const struct roce_packet *packet, const void *frame, size_t len)
{
	const struct iovec iov = { (void *)frame, len };

	return roce_icrc_ok(packet, &iov, 1);
}

static void captured_packets_have_the_right_icrc(void **state)
{
	struct roce_packet packet;

	(void)state;
	assert_int_equal(parse(&packet, cnp, sizeof(cnp)), 0);
	assert_int_equal(packet.service, ROCE_SERVICE_CNP);
	assert_int_equal(packet.dest_qpn, 0x118);
	assert_int_equal(packet.payload_len, 16);
	assert_true(icrc_ok(&packet, cnp, sizeof(cnp)));

	assert_int_equal(parse(&packet, uc_send, sizeof(uc_send)), 0);
	assert_int_equal(packet.service, ROCE_SERVICE_UC);
	assert_int_equal(packet.operation, ROCE_SEND_ONLY);
	assert_int_equal(packet.dest_qpn, 211);
	assert_int_equal(packet.psn, 13571856);
	assert_int_equal(packet.pkey, ROCE_PKEY);
	assert_int_equal(packet.pad, 2);
	assert_int_equal(packet.payload_len, 18);
	assert_true(icrc_ok(&packet, uc_send, sizeof(uc_send)));
}

/* What a router may change is not covered; every other bit from the IP header on is. */
static void icrc_covers_what_it_should(void **state)
{
	struct roce_packet packet;

	(void)state;
	for (size_t at = 14; at < sizeof(uc_send); at++) {
		uint8_t frame[sizeof(uc_send)];
		const bool mutable = at == 15 || at == 22 || at == 24 || at == 25 || at == 40 ||
				     at == 41 || at == 46;

		assert_int_equal(parse(&packet, uc_send, sizeof(uc_send)), 0);
		memcpy(frame, uc_send, sizeof(frame));
		frame[at] ^= 0x10;
		if (at < packet.payload_off)
			packet.headers[at] ^= 0x10;
		assert_int_equal(icrc_ok(&packet, frame, sizeof(frame)), mutable);
	}
}

static void crc_is_the_same_however_it_is_counted(void **state)
{
	uint8_t *data = malloc(5000);

	(void)state;
	assert_non_null(data);
	assert_int_equal(~icrc_add(~0u, "123456789", 9), 0xcbf43926);
	for (size_t i = 0; i < 5000; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	for (size_t len = 0; len < 1200; len++)
		for (size_t shift = 0; shift < 5; shift++)
			assert_int_equal(
				icrc_add(0x12345678u + (uint32_t)len, data + shift, len),
				icrc_add_plain(0x12345678u + (uint32_t)len, data + shift, len));
	assert_int_equal(icrc_add(7, data, 5000), icrc_add_plain(7, data, 5000));
	/* In pieces, as in one */
	for (size_t cut = 0; cut < 600; cut++)
		assert_int_equal(icrc_add(icrc_add(~0u, data, cut), data + cut, 600 - cut),
				 icrc_add_plain(~0u, data, 600));
	free(data);
}

static const struct roce_address addresses[] = {
	{ .dst_mac = { 2, 0, 0, 0, 0, 1 },
	  .src_mac = { 2, 0, 0, 0, 0, 2 },
	  .dst_ip = { 10, 0, 0, 1 },
	  .src_ip = { 10, 0, 0, 2 },
	  .udp_source = 0xc123,
	  .ip_version = 4,
	  .traffic_class = 0x6a,
	  .hop_limit = 61 },
	{ .dst_mac = { 2, 0, 0, 0, 0, 1 },
	  .src_mac = { 2, 0, 0, 0, 0, 2 },
	  .dst_ip = { 0xfe, 0x80, [15] = 1 },
	  .src_ip = { 0xfe, 0x80, [15] = 2 },
	  .flow_label = 0xabcde,
	  .udp_source = 0xc123,
	  .ip_version = 6,
	  .traffic_class = 0x6a,
	  .hop_limit = 61 },
};

/* Build a frame in @frame with @payload_len bytes; returns its length */
static size_t build(struct roce_packet *packet, const struct roce_address *address, uint8_t service,
		    uint8_t operation, uint32_t payload_len, uint8_t *frame)
{
	uint8_t trailer[ROCE_TRAILER_MAX];
	struct iovec payload;
	uint32_t n;

	*packet = (struct roce_packet){ .service = service,
					.operation = operation,
					.payload_len = payload_len,
					.va = 0x0123456789abcdef,
					.rkey = 0xfeedbeef,
					.length = 0x80000000,
					.dest_qpn = 0xabcdef,
					.psn = 0xfffffe,
					.msn = 0x123456,
					.qkey = 0x11223344,
					.src_qpn = 0x556677,
					.imm = 0x99aabbcc,
					.pkey = ROCE_PKEY,
					.syndrome = 0x63,
					.solicited = true,
					.ack_request = payload_len & 1 };
	roce_build(packet, address);
	memcpy(frame, packet->headers, packet->payload_off);
	for (uint32_t i = 0; i < payload_len; i++)
		frame[packet->payload_off + i] = (uint8_t)(i * 7 + 1);
	payload = (struct iovec){ frame + packet->payload_off, payload_len };
	n = roce_trailer(packet, &payload, 1, trailer);
	memcpy(frame + packet->payload_off + payload_len, trailer, n);
	return packet->payload_off + payload_len + n;
}

static bool has_payload(uint8_t operation)
{
	return operation != ROCE_READ_REQUEST && operation != ROCE_ACK;
}

static bool operation_exists(uint8_t service, uint8_t operation)
{
	if (service == ROCE_SERVICE_RC)
		return operation <= ROCE_ACK;
	if (service == ROCE_SERVICE_UC)
		return operation <= ROCE_WRITE_ONLY_IMM;
	return operation == ROCE_SEND_ONLY || operation == ROCE_SEND_ONLY_IMM;
}

/* Every opcode, over IPv4 and IPv6, whose fields come back; in pieces of every length */
static void what_is_built_is_parsed(void **state)
{
	static const uint8_t services[] = { ROCE_SERVICE_RC, ROCE_SERVICE_UC, ROCE_SERVICE_UD };
	struct roce_packet built, packet;
	struct roce_address back;
	uint8_t frame[512];

	(void)state;
	for (unsigned int i = 0; i < 2 * 3 * 18 * 6; i++) {
		const struct roce_address *address = &addresses[i % 2];
		const uint8_t service = services[i / 2 % 3], operation = (uint8_t)(i / 6 % 18);
		const uint32_t len = has_payload(operation) ? i / 108 : 0;
		size_t n;

		if (!operation_exists(service, operation))
			continue;
		n = build(&built, address, service, operation, len, frame);
		for (size_t piece = 1; piece <= n; piece += piece < 8 ? 1 : 61) {
			struct iovec iov[512];
			uint32_t iovcnt = 0;

			for (size_t at = 0; at < n; at += piece)
				iov[iovcnt++] = (struct iovec){ frame + at,
								n - at < piece ? n - at : piece };
			assert_int_equal(roce_parse(&packet, iov, iovcnt, n), 0);
			assert_true(roce_icrc_ok(&packet, iov, iovcnt));
		}
		assert_true(roce_is_udp(frame, n));
		assert_int_equal(packet.service, service);
		assert_int_equal(packet.operation, operation);
		assert_int_equal(packet.payload_len, len);
		assert_int_equal(packet.payload_off, built.payload_off);
		assert_int_equal(packet.dest_qpn, built.dest_qpn);
		assert_int_equal(packet.psn, built.psn);
		assert_int_equal(packet.ack_request, built.ack_request);
		assert_true(packet.solicited);
		if (packet.va)
			assert_true(packet.va == built.va && packet.rkey == built.rkey &&
				    packet.length == built.length);
		if (packet.msn)
			assert_true(packet.msn == built.msn && packet.syndrome == built.syndrome);
		if (service == ROCE_SERVICE_UD)
			assert_true(packet.qkey == built.qkey && packet.src_qpn == built.src_qpn);
		if (packet.has_imm)
			assert_int_equal(packet.imm, built.imm);
		roce_reply_address(&packet, &back);
		assert_true(roce_from_peer(&packet, &back));
		assert_false(roce_from_peer(&packet, address));
		assert_memory_equal(back.dst_mac, address->src_mac, 6);
		assert_memory_equal(back.src_ip, address->dst_ip, 16);
		assert_int_equal(back.traffic_class, address->traffic_class);
		assert_int_equal(back.flow_label, address->flow_label);
		assert_int_equal(back.hop_limit, address->hop_limit);
	}
}

/* The same over IPv6: traffic class, flow label, hop limit, UDP checksum, BTH's congestion bits */
static void icrc_over_ipv6_covers_what_it_should(void **state)
{
	struct roce_packet built;
	uint8_t frame[512];
	size_t n = build(&built, &addresses[1], ROCE_SERVICE_UD, ROCE_SEND_ONLY_IMM, 9, frame);

	(void)state;
	for (size_t at = 14; at < n; at++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			const bool mutable = (at == 14 && bit < 4) || (at > 14 && at < 18) ||
					     at == 21 || at == 60 || at == 61 || at == 66;
			struct roce_packet packet;

			assert_int_equal(parse(&packet, frame, n), 0);
			frame[at] ^= (uint8_t)(1 << bit);
			packet.headers[at < sizeof(packet.headers) ? at : 0] ^= (uint8_t)(1 << bit);
			assert_int_equal(icrc_ok(&packet, frame, n), mutable);
			frame[at] ^= (uint8_t)(1 << bit);
		}
	}
}

/* Memory that ends where the frame does, so that a sanitizer sees a byte too far */
static void a_frame_that_is_cut_is_refused(void **state)
{
	struct roce_packet built, packet;
	uint8_t frame[512];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		size_t n = build(&built, &addresses[i], ROCE_SERVICE_RC, ROCE_WRITE_ONLY_IMM, 33,
				 frame);

		for (size_t len = 0; len < n; len++) {
			uint8_t *cut = malloc(len + 1);
			const bool is_udp = len >= built.bth_off;

			assert_non_null(cut);
			memcpy(cut + 1, frame, len);
			assert_int_equal(roce_is_udp(cut + 1, len), is_udp);
			assert_int_equal(parse(&packet, cut + 1, len), is_udp ? -EINVAL : -ENOENT);
			free(cut);
		}
		/* Ethernet padding is no matter. */
		assert_int_equal(parse(&packet, frame, n + 5), 0);
		assert_true(icrc_ok(&packet, frame, n + 5));
	}
}

/* A right IPv4 checksum after a change */
static void repair(uint8_t *frame)
{
	uint32_t sum = 0;

	frame[24] = frame[25] = 0;
	for (unsigned int i = 14; i < 34; i += 2)
		sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16)) & 0xffff;
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
}

static void headers_that_contradict_each_other_are_refused(void **state)
{
	static const struct {
		const char *what;
		uint8_t at, value;
		int err;
	} changes[] = {
		{ "another EtherType", 12, 0x09, -ENOENT },
		{ "options of IPv4", 14, 0x46, -ENOENT },
		{ "IPv6 in IPv4's frame", 14, 0x65, -ENOENT },
		{ "a longer IP packet", 17, 0xff, -EINVAL },
		{ "a shorter IP packet", 17, 0x40, -EINVAL },
		{ "a fragment", 20, 0x20, -ENOENT },
		{ "TCP", 23, 6, -ENOENT },
		{ "another port", 37, 0xb8, -ENOENT },
		{ "a shorter datagram", 39, 0x20, -EINVAL },
		{ "a longer datagram", 39, 0x80, -EINVAL },
		{ "an opcode of RD", 42, 0x44, -EINVAL },
		{ "an unknown opcode of RC", 42, 0x1f, -EINVAL },
		{ "a READ of UC", 42, 0x2c, -EINVAL },
		{ "an ACK with a payload", 42, 0x11, -EINVAL },
		{ "another version", 43, 0x71, -EINVAL },
	};
	struct roce_packet built, packet;
	uint8_t frame[512];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		size_t n = build(&built, &addresses[0], ROCE_SERVICE_RC, ROCE_WRITE_ONLY_IMM, 33,
				 frame);

		frame[changes[i].at] = changes[i].value;
		repair(frame);
		if (parse(&packet, frame, n) != changes[i].err)
			fail_msg("%s: not %d", changes[i].what, changes[i].err);
	}
	/* A wrong IPv4 checksum */
	{
		size_t n = build(&built, &addresses[0], ROCE_SERVICE_RC, ROCE_SEND_ONLY, 8, frame);

		frame[25] ^= 1;
		assert_int_equal(parse(&packet, frame, n), -EINVAL);
	}
}

static void a_vlan_tag_is_passed_over(void **state)
{
	struct roce_packet built, packet;
	uint8_t frame[512], tagged[516];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		size_t n = build(&built, &addresses[i], ROCE_SERVICE_RC, ROCE_SEND_ONLY, 21, frame);

		memcpy(tagged, frame, 12);
		memcpy(tagged + 12, "\x81\x00\x20\x05", 4);
		memcpy(tagged + 16, frame + 12, n - 12);
		assert_int_equal(parse(&packet, tagged, n + 4), 0);
		assert_int_equal(packet.payload_off, built.payload_off + 4);
		assert_true(icrc_ok(&packet, tagged, n + 4));
	}
}

static void a_ud_receiver_gets_a_grh(void **state)
{
	struct roce_packet packet;
	uint8_t frame[512], grh[ROCE_GRH_LEN];
	static const uint8_t zeros[20];

	(void)state;
	build(&packet, &addresses[0], ROCE_SERVICE_UD, ROCE_SEND_ONLY, 4, frame);
	roce_grh(&packet, grh);
	assert_memory_equal(grh, zeros, 20);
	assert_memory_equal(grh + 20, frame + 14, 20);
	build(&packet, &addresses[1], ROCE_SERVICE_UD, ROCE_SEND_ONLY, 4, frame);
	roce_grh(&packet, grh);
	assert_memory_equal(grh, frame + 14, 40);
}

static void psns_are_counted_modulo_2_24(void **state)
{
	(void)state;
	assert_int_equal(roce_psn_add(0xfffffe, 3), 1);
	assert_int_equal(roce_psn_diff(1, 0xfffffe), 3);
	assert_int_equal(roce_psn_diff(0xfffffe, 1), -3);
	assert_int_equal(roce_psn_diff(0x7fffff, 0), 0x7fffff);
	assert_int_equal(roce_psn_diff(0x800000, 0), -0x800000);
	assert_int_equal(roce_packets(0, 256), 1);
	assert_int_equal(roce_packets(256, 256), 1);
	assert_int_equal(roce_packets(257, 256), 2);
	assert_int_equal(roce_packets(1u << 31, 256), 1u << 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(captured_packets_have_the_right_icrc),
		cmocka_unit_test(icrc_covers_what_it_should),
		cmocka_unit_test(crc_is_the_same_however_it_is_counted),
		cmocka_unit_test(what_is_built_is_parsed),
		cmocka_unit_test(icrc_over_ipv6_covers_what_it_should),
		cmocka_unit_test(a_frame_that_is_cut_is_refused),
		cmocka_unit_test(headers_that_contradict_each_other_are_refused),
		cmocka_unit_test(a_vlan_tag_is_passed_over),
		cmocka_unit_test(a_ud_receiver_gets_a_grh),
		cmocka_unit_test(psns_are_counted_modulo_2_24),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
