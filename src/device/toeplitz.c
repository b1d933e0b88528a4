/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/toeplitz.c - the receive-side scaling hash.
 *
 * Theory of operation
 *
 * For each bit that is set in the input, counted from the most significant bit of the first byte,
 * the hash is XORed with the 32 bits of the key that start at the same position. The contribution
 * of a byte depends only on its value and its position, and is looked up.
 *
 * The input are these fields of the packet, in this order:
 *
 *	IPv4	source and destination address		 8 bytes
 *		source and destination port		 4 bytes more, with TCP or UDP
 *	IPv6	source and destination address		32 bytes
 *		source and destination port		 4 bytes more, with TCP or UDP
 */
#include "device/toeplitz.h"

#include "wire/vport.h"

/* Offsets and sizes in bytes */
#define IP4_OFF_ADDRESSES 12u
#define IP4_ADDRESSES_LEN 8u
#define IP6_OFF_ADDRESSES 8u
#define IP6_ADDRESSES_LEN 32u
#define PORTS_LEN         4u

_Static_assert(TOEPLITZ_KEY_LEN == MANA_HASH_KEY_SIZE, "key");
_Static_assert(TOEPLITZ_INPUT_MAX == IP6_ADDRESSES_LEN + PORTS_LEN, "longest input");
_Static_assert(TOEPLITZ_INPUT_MAX + sizeof(uint32_t) <= TOEPLITZ_KEY_LEN, "key behind it");

void toeplitz_set_key(struct toeplitz *toeplitz, const uint8_t key[TOEPLITZ_KEY_LEN])
{
	for (unsigned int i = 0; i < TOEPLITZ_INPUT_MAX; i++) {
		uint32_t *table = toeplitz->table[i];
		/* The 32 bits of the key for bit 7 of byte i, and 8 bits more */
		uint64_t window = 0;

		for (unsigned int j = 0; j < 5; j++)
			window = window << 8 | key[i + j];
		table[0] = 0;
		for (unsigned int value = 1; value < 256; value++) {
			unsigned int lowest = (unsigned int)__builtin_ctz(value);

			table[value] =
				table[value & (value - 1)] ^ (uint32_t)(window >> (lowest + 1));
		}
	}
}

/* Hash @len bytes at @position of the input */
static uint32_t look_up(const struct toeplitz *toeplitz, size_t position, const uint8_t *input,
			size_t len)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < len; i++)
		hash ^= toeplitz->table[position + i][input[i]];
	return hash;
}

uint32_t toeplitz_packet(const struct toeplitz *toeplitz, const struct packet_headers *headers,
			 const uint8_t *data, uint32_t types, uint32_t *type_used)
{
	const uint8_t *ip = data + headers->l3_off, *ports = data + headers->l4_off;
	uint32_t l3_type, l4_type = 0;

	if (headers->ip_version == 4) {
		l3_type = types & MANA_HASH_IPV4;
		if (headers->l4 == HEADERS_L4_TCP)
			l4_type = types & MANA_HASH_TCP_IPV4;
		else if (headers->l4 == HEADERS_L4_UDP)
			l4_type = types & MANA_HASH_UDP_IPV4;
		*type_used = l4_type ? l4_type : l3_type;
		if (!*type_used)
			return 0;
		return look_up(toeplitz, 0, ip + IP4_OFF_ADDRESSES, IP4_ADDRESSES_LEN) ^
		       (l4_type ? look_up(toeplitz, IP4_ADDRESSES_LEN, ports, PORTS_LEN) : 0);
	}
	if (headers->ip_version == 6) {
		l3_type = types & MANA_HASH_IPV6;
		if (headers->l4 == HEADERS_L4_TCP)
			l4_type = types & MANA_HASH_TCP_IPV6;
		else if (headers->l4 == HEADERS_L4_UDP)
			l4_type = types & MANA_HASH_UDP_IPV6;
		*type_used = l4_type ? l4_type : l3_type;
		if (!*type_used)
			return 0;
		return look_up(toeplitz, 0, ip + IP6_OFF_ADDRESSES, IP6_ADDRESSES_LEN) ^
		       (l4_type ? look_up(toeplitz, IP6_ADDRESSES_LEN, ports, PORTS_LEN) : 0);
	}
	*type_used = 0;
	return 0;
}
