/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The RSS hash, against the vectors in "Verifying the RSS Hash Calculation" of Microsoft's
 * network driver documentation, and against the definition computed bit by bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "device/headers.h"
#include "device/toeplitz.h"
#include "wire/vport.h"
#include "packet.h"

static const uint8_t published_key[TOEPLITZ_KEY_LEN] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct vector {
	int family;
	const char *destination;
	uint16_t destination_port;
	const char *source;
	uint16_t source_port;
	uint32_t l3_hash, l4_hash;
} vectors[] = {
	{ AF_INET, "161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178 },
	{ AF_INET, "65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea },
	{ AF_INET, "12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a },
	{ AF_INET, "209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f },
	{ AF_INET, "202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2 },
	{ AF_INET6, "3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5,
	  0x40207d3d },
	{ AF_INET6, "ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c,
	  0xdde51bbf },
	{ AF_INET6, "fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251,
	  0x4b61e985, 0x02d1feef },
};
#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static struct toeplitz toeplitz;
static uint8_t packet[PACKET_MAX];

static size_t address_len(const struct vector *vector)
{
	return vector->family == AF_INET ? 4 : 16;
}

/* The input in hash order; returns the length of the addresses */
static size_t vector_input(const struct vector *vector, uint8_t *input)
{
	size_t len = address_len(vector);

	assert_int_equal(inet_pton(vector->family, vector->source, input), 1);
	assert_int_equal(inet_pton(vector->family, vector->destination, input + len), 1);
	set16(input + 2 * len, vector->source_port);
	set16(input + 2 * len + 2, vector->destination_port);
	return 2 * len;
}

static void published_vectors(void **state)
{
	(void)state;
	toeplitz_set_key(&toeplitz, published_key);
	for (size_t i = 0; i < VECTORS; i++) {
		uint8_t input[TOEPLITZ_INPUT_MAX];
		size_t addresses = vector_input(&vectors[i], input);

		assert_int_equal(toeplitz_hash(&toeplitz, input, addresses), vectors[i].l3_hash);
		assert_int_equal(toeplitz_hash(&toeplitz, input, addresses + 4),
				 vectors[i].l4_hash);
	}
}

/* The definition: a window of the key for every bit that is set */
static uint32_t plain_toeplitz(const uint8_t *key, const uint8_t *input, size_t len)
{
	uint32_t hash = 0;

	for (size_t bit = 0; bit < len * 8; bit++) {
		if (!(input[bit / 8] & 0x80 >> bit % 8))
			continue;
		for (size_t i = 0; i < 32; i++) {
			size_t at = bit + i;

			if (key[at / 8] & 0x80 >> at % 8)
				hash ^= 0x80000000u >> i;
		}
	}
	return hash;
}

static void any_key_any_input(void **state)
{
	struct random random = { 1 };

	(void)state;
	for (int round = 0; round < 50; round++) {
		uint8_t key[TOEPLITZ_KEY_LEN];

		random_bytes(&random, key, sizeof(key));
		toeplitz_set_key(&toeplitz, key);
		for (int i = 0; i < 200; i++) {
			uint8_t input[TOEPLITZ_INPUT_MAX];
			size_t len = random_between(&random, 0, TOEPLITZ_INPUT_MAX);

			random_bytes(&random, input, sizeof(input));
			assert_int_equal(toeplitz_hash(&toeplitz, input, len),
					 plain_toeplitz(key, input, len));
		}
	}
}

#define ALL_TYPES                                                                                  \
	(MANA_HASH_IPV4 | MANA_HASH_TCP_IPV4 | MANA_HASH_UDP_IPV4 | MANA_HASH_IPV6 |               \
	 MANA_HASH_TCP_IPV6 | MANA_HASH_UDP_IPV6)

/* A packet between a vector's addresses and ports; its headers are found */
static size_t vector_packet(const struct vector *vector, struct recipe *recipe,
			    struct packet_headers *headers)
{
	struct random random = { 2 };
	uint8_t input[TOEPLITZ_INPUT_MAX];
	size_t addresses = vector_input(vector, input), len;

	recipe->version = vector->family == AF_INET ? 4 : 6;
	len = packet_build(packet, recipe, &random);
	memcpy(packet + recipe->l3 + (recipe->version == 4 ? 12 : 8), input, addresses);
	memcpy(packet + recipe->l4, input + addresses, 4);
	assert_int_equal(headers_parse(packet, len, headers), 0);
	return len;
}

static void hash_type_follows_the_packet(void **state)
{
	(void)state;
	toeplitz_set_key(&toeplitz, published_key);
	for (size_t i = 0; i < VECTORS; i++) {
		bool v4 = vectors[i].family == AF_INET;
		uint32_t l3_type = v4 ? MANA_HASH_IPV4 : MANA_HASH_IPV6;

		for (int variant = 0; variant < 4; variant++) {
			struct recipe recipe = { .proto = variant & 1 ? 6 : 17,
						 .vlan = variant & 2,
						 .ip_options = (unsigned int)variant,
						 .payload_len = 10 };
			struct packet_headers headers;
			uint32_t l4_type, used;
			size_t len = vector_packet(&vectors[i], &recipe, &headers);

			if (recipe.proto == 6)
				l4_type = v4 ? MANA_HASH_TCP_IPV4 : MANA_HASH_TCP_IPV6;
			else
				l4_type = v4 ? MANA_HASH_UDP_IPV4 : MANA_HASH_UDP_IPV6;

			used = ~0u;
			assert_int_equal(
				toeplitz_packet(&toeplitz, &headers, packet, ALL_TYPES, &used),
				vectors[i].l4_hash);
			assert_int_equal(used, l4_type);

			/* Ports only if that type is enabled */
			assert_int_equal(toeplitz_packet(&toeplitz, &headers, packet,
							 ALL_TYPES & ~l4_type, &used),
					 vectors[i].l3_hash);
			assert_int_equal(used, l3_type);
			assert_int_equal(
				toeplitz_packet(&toeplitz, &headers, packet, l4_type, &used),
				vectors[i].l4_hash);
			assert_int_equal(used, l4_type);

			/* No matching type is enabled */
			assert_int_equal(toeplitz_packet(&toeplitz, &headers, packet,
							 ALL_TYPES & ~(l3_type | l4_type), &used),
					 0);
			assert_int_equal(used, 0);

			/* Another protocol has no ports to hash */
			if (v4) {
				packet[recipe.l3 + 9] = 132;
				assert_int_equal(headers_parse(packet, len, &headers), 0);
				assert_int_equal(toeplitz_packet(&toeplitz, &headers, packet,
								 ALL_TYPES, &used),
						 vectors[i].l3_hash);
				assert_int_equal(used, l3_type);
			}
		}
	}
}

static void fragments_of_a_datagram_hash_alike(void **state)
{
	/* First, middle, last piece */
	static const uint16_t fields[] = { 0x2000, 0x2010, 0x0020 };

	(void)state;
	toeplitz_set_key(&toeplitz, published_key);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct recipe recipe = { .proto = 17, .payload_len = 64 };
		struct packet_headers headers;
		uint32_t used;
		size_t len = vector_packet(&vectors[0], &recipe, &headers);

		set16(packet + recipe.l3 + 6, fields[i]);
		assert_int_equal(headers_parse(packet, len, &headers), 0);
		assert_int_equal(toeplitz_packet(&toeplitz, &headers, packet, ALL_TYPES, &used),
				 vectors[0].l3_hash);
		assert_int_equal(used, MANA_HASH_IPV4);
	}
}

static void no_hash_without_ip(void **state)
{
	struct packet_headers headers;
	uint32_t used = ~0u;

	(void)state;
	memset(packet, 0, 60);
	set16(packet + 12, 0x0806);
	assert_int_equal(headers_parse(packet, 60, &headers), 0);
	assert_int_equal(toeplitz_packet(&toeplitz, &headers, packet, ALL_TYPES, &used), 0);
	assert_int_equal(used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(any_key_any_input),
		cmocka_unit_test(hash_type_follows_the_packet),
		cmocka_unit_test(fragments_of_a_datagram_hash_alike),
		cmocka_unit_test(no_hash_without_ip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
