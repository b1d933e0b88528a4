/* SPDX-License-Identifier: BSD-3-Clause */
/* The walk over a frame's headers: what it finds, and how it handles hostile ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device/headers.h"
#include "packet.h"

static uint8_t packet[PACKET_MAX];

/* Parse a copy that ends where its memory does, so that ASan detects access beyond it */
static int parse(const uint8_t *data, size_t len, struct packet_headers *headers)
{
	uint8_t *copy = malloc(len ? len : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, data, len);
	err = headers_parse(copy, len, headers);
	free(copy);
	return err;
}

/* What holds for any bytes: everything found is inside them */
static void assert_inside(const struct packet_headers *headers, size_t len)
{
	assert_true(headers->l3_off <= len);
	assert_int_equal(headers->l3_off, headers->vlan_present ? 18 : 14);
	if (!headers->ip_version) {
		assert_int_equal(headers->l3_len, 0);
		assert_int_equal(headers->l4_off, 0);
		assert_int_equal(headers->l4, HEADERS_L4_NONE);
		return;
	}
	assert_true(headers->ip_version == 4 ? headers->l3_len >= 20 : headers->l3_len >= 40);
	assert_int_equal(headers->l4_off, headers->l3_off + headers->l3_len);
	assert_true(headers->l4_off <= len);
	if (headers->l4 == HEADERS_L4_NONE) {
		assert_int_equal(headers->l4_len, 0);
		return;
	}
	assert_false(headers->is_fragment);
	assert_true(headers->l4 == HEADERS_L4_TCP ? headers->l4_len >= 20 : headers->l4_len == 8);
	assert_true(headers->l4_off + headers->l4_len <= len);
}

static void every_honest_packet(void **state)
{
	struct random random = { 3 };

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct recipe recipe = recipe_random(&random, random_between(&random, 0, 100));
		size_t len = packet_build(packet, &recipe, &random);
		struct packet_headers headers;

		assert_int_equal(parse(packet, len, &headers), 0);
		assert_inside(&headers, len);
		assert_int_equal(headers.vlan_present, recipe.vlan);
		assert_int_equal(headers.vlan_tci, recipe.vlan ? be16(packet + 14) : 0);
		assert_int_equal(headers.ethertype, recipe.version == 4 ? 0x0800 : 0x86dd);
		assert_int_equal(headers.ip_version, recipe.version);
		assert_int_equal(headers.ip_proto, recipe.proto);
		assert_int_equal(headers.l3_total_len, len - recipe.l3);
		assert_int_equal(headers.l4_off, recipe.l4);
		assert_int_equal(headers.l4, recipe.proto == 6 ? HEADERS_L4_TCP : HEADERS_L4_UDP);
		assert_int_equal(headers.l4_len, recipe.payload - recipe.l4);
		assert_false(headers.is_fragment);
	}
}

static void cut_at_every_byte(void **state)
{
	struct random random = { 4 };

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct recipe recipe = recipe_random(&random, 4);
		size_t full = packet_build(packet, &recipe, &random);

		for (size_t len = 0; len <= full; len++) {
			struct packet_headers headers;
			size_t ip_min = recipe.version == 6 ? recipe.l3 + 40 : recipe.l4;

			if (len < 14) {
				assert_int_equal(parse(packet, len, &headers), -EINVAL);
				continue;
			}
			assert_int_equal(parse(packet, len, &headers), 0);
			/* An incomplete tag is not a tag */
			assert_int_equal(headers.vlan_present, recipe.vlan && len >= 18);
			assert_inside(&headers, len);
			assert_int_equal(headers.ip_version, len >= ip_min ? recipe.version : 0);
			assert_int_equal(headers.l4 != HEADERS_L4_NONE, len >= recipe.payload);
		}
	}
}

struct ip_case {
	const char *what;
	unsigned int version, proto, ip_options;
	/* Written into the IP header at an offset, before parsing */
	size_t at;
	uint16_t value;
	/* Expected */
	uint8_t ip_version, ip_proto;
	enum headers_l4 l4;
	bool is_fragment;
};

static void special_ip_headers(void **state)
{
	static const struct ip_case cases[] = {
		{ "TCP", 4, 6, 0, 6, 0, 4, 6, HEADERS_L4_TCP, false },
		{ "Don't Fragment", 4, 6, 0, 6, 0x4000, 4, 6, HEADERS_L4_TCP, false },
		{ "the reserved bit", 4, 6, 0, 6, 0x8000, 4, 6, HEADERS_L4_TCP, false },
		{ "first fragment", 4, 6, 0, 6, 0x2000, 4, 6, HEADERS_L4_NONE, true },
		{ "last fragment", 4, 17, 0, 6, 0x0001, 4, 17, HEADERS_L4_NONE, true },
		{ "total length 0", 4, 6, 0, 2, 0, 4, 6, HEADERS_L4_TCP, false },
		{ "header of 16 bytes", 4, 6, 0, 0, 0x4400, 0, 0, HEADERS_L4_NONE, false },
		{ "header longer than the frame", 4, 17, 0, 0, 0x4f00, 0, 0, HEADERS_L4_NONE,
		  false },
		{ "version 6 in IPv4", 4, 6, 0, 0, 0x6500, 0, 0, HEADERS_L4_NONE, false },
		{ "version 4 in IPv6", 6, 6, 0, 0, 0x4000, 0, 0, HEADERS_L4_NONE, false },
		{ "payload length 0", 6, 6, 0, 4, 0, 6, 6, HEADERS_L4_TCP, false },
		/* The first extension becomes another one: byte 6 is Next Header, 7 Hop Limit */
		{ "hop-by-hop", 6, 6, 1, 6, 0x0040, 6, 6, HEADERS_L4_TCP, false },
		{ "destination options", 6, 17, 1, 6, 0x3c40, 6, 17, HEADERS_L4_UDP, false },
		{ "authentication", 6, 6, 1, 6, 0x3340, 6, 51, HEADERS_L4_NONE, false },
		{ "no next header", 6, 6, 1, 6, 0x3b40, 6, 59, HEADERS_L4_NONE, false },
		{ "eight extensions", 6, 6, 8, 6, 0x3c40, 6, 6, HEADERS_L4_TCP, false },
		{ "nine extensions", 6, 6, 9, 6, 0x3c40, 6, 60, HEADERS_L4_NONE, false },
		/* The first extension's own length: 8 + 8 * 255 bytes */
		{ "extension too long", 6, 6, 1, 40, 0x06ff, 6, 60, HEADERS_L4_NONE, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ip_case *c = &cases[i];

		for (int vlan = 0; vlan < 2; vlan++) {
			struct random random = { 5 };
			struct recipe recipe = { .version = c->version,
						 .proto = c->proto,
						 .ip_options = c->ip_options,
						 .vlan = vlan };
			size_t len = packet_build(packet, &recipe, &random);
			struct packet_headers headers;

			set16(packet + recipe.l3 + c->at, c->value);
			assert_int_equal(parse(packet, len, &headers), 0);
			assert_inside(&headers, len);
			if (headers.ip_version != c->ip_version ||
			    headers.ip_proto != c->ip_proto || headers.l4 != c->l4 ||
			    headers.is_fragment != c->is_fragment)
				fail_msg("%s: version %u protocol %u l4 %u fragment %d", c->what,
					 headers.ip_version, headers.ip_proto, headers.l4,
					 headers.is_fragment);
		}
	}
}

/* A TCP packet over IPv6 with one extension of 8 bytes, that is made the wanted one */
static size_t with_extension(uint8_t kind, const uint8_t extension[8], struct recipe *recipe)
{
	struct random random = { 6 };
	size_t len;

	*recipe = (struct recipe){ .version = 6, .proto = 6, .ip_options = 1, .payload_len = 8 };
	len = packet_build(packet, recipe, &random);
	packet[recipe->l3 + 6] = kind;
	memcpy(packet + recipe->l3 + 40, extension, 8);
	return len;
}

static void ip6_fragments(void **state)
{
	static const struct {
		uint16_t field;
		bool is_fragment;
	} cases[] = {
		{ 0x0001, true },  /* first */
		{ 0x0009, true },  /* middle */
		{ 0x0008, true },  /* last */
		{ 0xfff8, true },  /* the last possible offset */
		{ 0x0000, false }, /* a fragment header, but nothing was cut (RFC 6946) */
		{ 0x0006, false }, /* reserved bits only */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t extension[8] = { 6 };
		struct packet_headers headers;
		struct recipe recipe;
		size_t len;

		set16(extension + 2, cases[i].field);
		len = with_extension(44, extension, &recipe);
		assert_int_equal(parse(packet, len, &headers), 0);
		assert_inside(&headers, len);
		assert_int_equal(headers.ip_version, 6);
		assert_int_equal(headers.ip_proto, 6);
		assert_int_equal(headers.l4_off, recipe.l4);
		assert_int_equal(headers.is_fragment, cases[i].is_fragment);
		assert_int_equal(headers.l4,
				 cases[i].is_fragment ? HEADERS_L4_NONE : HEADERS_L4_TCP);
	}
}

static void ip6_routing(void **state)
{
	const uint8_t arrived[8] = { 6, 0, 4, 0 }, on_its_way[8] = { 6, 0, 4, 1 };
	struct packet_headers headers;
	struct recipe recipe;
	size_t len;

	(void)state;
	len = with_extension(43, arrived, &recipe);
	assert_int_equal(parse(packet, len, &headers), 0);
	assert_int_equal(headers.l4, HEADERS_L4_TCP);
	assert_int_equal(headers.l4_off, recipe.l4);

	len = with_extension(43, on_its_way, &recipe);
	assert_int_equal(parse(packet, len, &headers), 0);
	assert_int_equal(headers.ip_version, 6);
	assert_int_equal(headers.ip_proto, 43);
	assert_int_equal(headers.l4, HEADERS_L4_NONE);
}

static void tcp_data_offset(void **state)
{
	(void)state;
	for (unsigned int words = 0; words < 16; words++) {
		struct random random = { 7 };
		/* 40 bytes after the start of the TCP header */
		struct recipe recipe = { .version = 4, .proto = 6, .payload_len = 20 };
		size_t len = packet_build(packet, &recipe, &random);
		struct packet_headers headers;

		packet[recipe.l4 + 12] = (uint8_t)(words << 4);
		assert_int_equal(parse(packet, len, &headers), 0);
		assert_int_equal(headers.ip_version, 4);
		assert_int_equal(headers.ip_proto, 6);
		if (words < 5 || words > 10) {
			assert_int_equal(headers.l4, HEADERS_L4_NONE);
			assert_int_equal(headers.l4_len, 0);
		} else {
			assert_int_equal(headers.l4, HEADERS_L4_TCP);
			assert_int_equal(headers.l4_len, words * 4);
		}
	}
}

static void one_tag_is_understood(void **state)
{
	struct random random = { 8 };
	struct recipe recipe = { .version = 4, .proto = 6, .vlan = true };
	size_t len = packet_build(packet, &recipe, &random);
	struct packet_headers headers;

	(void)state;
	/* A second tag inside is the first one's payload */
	set16(packet + 16, 0x8100);
	assert_int_equal(parse(packet, len, &headers), 0);
	assert_true(headers.vlan_present);
	assert_int_equal(headers.vlan_tci, be16(packet + 14));
	assert_int_equal(headers.ethertype, 0x8100);
	assert_int_equal(headers.l3_off, 18);
	assert_int_equal(headers.ip_version, 0);

	/* An 802.1ad tag does not count as a tag */
	set16(packet + 12, 0x88a8);
	assert_int_equal(parse(packet, len, &headers), 0);
	assert_false(headers.vlan_present);
	assert_int_equal(headers.ethertype, 0x88a8);
	assert_int_equal(headers.l3_off, 14);
	assert_int_equal(headers.ip_version, 0);
}

static void hostile_bytes(void **state)
{
	struct random random = { 9 };
	unsigned int with_l4 = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct recipe recipe = recipe_random(&random, random_between(&random, 0, 30));
		size_t len = packet_build(packet, &recipe, &random);
		unsigned int hits = random_between(&random, 1, 6);
		struct packet_headers headers;

		/* Mostly valid packets reach the most code */
		while (hits--)
			packet[12 + random_next(&random) % (recipe.payload - 12)] =
				(uint8_t)random_next(&random);
		len = random_between(&random, 14, (uint32_t)len);
		assert_int_equal(parse(packet, len, &headers), 0);
		assert_inside(&headers, len);
		with_l4 += headers.l4 != HEADERS_L4_NONE;
	}
	assert_true(with_l4 > 1000); /* the loop did reach the last step */
}

static void copied_from_pieces(void **state)
{
	struct random random = { 10 };
	uint8_t data[600], *copy;

	(void)state;
	random_bytes(&random, data, sizeof(data));
	for (int i = 0; i < 2000; i++) {
		size_t len = random_between(&random, 0, sizeof(data));
		size_t size = random_between(&random, 0, HEADERS_MAX);
		size_t want = len < size ? len : size;
		struct iovec iov[9];
		uint32_t n = pieces_make(&random, data, len, iov, 9);

		copy = malloc(size ? size : 1);
		assert_non_null(copy);
		assert_int_equal(headers_copy(iov, n, copy, size), want);
		assert_memory_equal(copy, data, want);
		free(copy);
		pieces_free(iov, n);
	}
	assert_int_equal(headers_copy(NULL, 0, data, sizeof(data)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_honest_packet),   cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(special_ip_headers),    cmocka_unit_test(ip6_fragments),
		cmocka_unit_test(ip6_routing),           cmocka_unit_test(tcp_data_offset),
		cmocka_unit_test(one_tag_is_understood), cmocka_unit_test(hostile_bytes),
		cmocka_unit_test(copied_from_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
