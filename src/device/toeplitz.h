/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/toeplitz.h - the receive-side scaling hash.
 */
#ifndef MANAKIN_DEVICE_TOEPLITZ_H
#define MANAKIN_DEVICE_TOEPLITZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "device/headers.h"

#define TOEPLITZ_KEY_LEN   40u /* bytes */
#define TOEPLITZ_INPUT_MAX 36u /* bytes: two IPv6 addresses and two ports */

/**
 * struct toeplitz - a key prepared for hashing; 36 KiB
 * @table:	what each value of the input byte at each position contributes
 */
struct toeplitz {
	uint32_t table[TOEPLITZ_INPUT_MAX][256];
};

/** toeplitz_set_key() - prepare a key for hashing; not concurrent with hashing */
void toeplitz_set_key(struct toeplitz *toeplitz, const uint8_t key[TOEPLITZ_KEY_LEN]);

/**
 * toeplitz_hash() - hash bytes
 * @toeplitz:	the key
 * @input:	in network order, as in a packet
 * @len:	bytes, at most TOEPLITZ_INPUT_MAX
 */
static inline uint32_t toeplitz_hash(const struct toeplitz *toeplitz, const uint8_t *input,
				     size_t len)
{
	uint32_t hash = 0;

	/* If the length is a constant, the loop is unrolled. */
	CPU_UNROLL(12)
	for (size_t i = 0; i < len; i++)
		hash ^= toeplitz->table[i][input[i]];
	return hash;
}

/**
 * toeplitz_packet() - hash a packet as far as the enabled hash types allow
 * @toeplitz:	the key
 * @headers:	what headers_parse() found
 * @data:	the copy of the packet's headers that was parsed
 * @types:	enabled hash types, MANA_HASH_*; the *_EX ones are never used
 * @type_used:	the type that was used, 0 if none
 *
 * Addresses and ports are hashed for TCP and UDP if that type is enabled, only addresses for
 * everything else over IP and for every fragment, so that all fragments of a datagram go to the
 * same queue.
 *
 * Return: the hash, 0 if no type fits
 */
uint32_t toeplitz_packet(const struct toeplitz *toeplitz, const struct packet_headers *headers,
			 const uint8_t *data, uint32_t types, uint32_t *type_used);

#endif
