/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/device/packet.h - build any kind of packet, and compute its sums in the plain way.
 *
 * Nothing here uses the code under test, which is compared with the offsets of the built packet and
 * the byte-by-byte sum.
 */
#ifndef MANAKIN_TESTS_UNIT_DEVICE_PACKET_H
#define MANAKIN_TESTS_UNIT_DEVICE_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define PACKET_MAX 70000u /* bytes */

/* xorshift64*: the same numbers on every machine */
struct random {
	uint64_t state;
};

static inline uint32_t random_next(struct random *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return (uint32_t)((random->state * 0x2545f4914f6cdd1dull) >> 32);
}

/* A number from @low to @high, both included */
static inline uint32_t random_between(struct random *random, uint32_t low, uint32_t high)
{
	return low + random_next(random) % (high - low + 1);
}

static inline void random_bytes(struct random *random, uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)random_next(random);
}

static inline uint32_t be16(const uint8_t *data)
{
	return (uint32_t)data[0] << 8 | data[1];
}

static inline uint32_t be32(const uint8_t *data)
{
	return be16(data) << 16 | be16(data + 2);
}

static inline void set16(uint8_t *data, uint32_t value)
{
	data[0] = (uint8_t)(value >> 8);
	data[1] = (uint8_t)value;
}

static inline void set32(uint8_t *data, uint32_t value)
{
	set16(data, value >> 16);
	set16(data + 2, value);
}

/* RFC 1071 one byte at a time: add to @sum, which is not folded or complemented */
static inline uint64_t plain_sum(uint64_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? data[i] : (uint64_t)data[i] << 8;
	return sum;
}

static inline uint16_t plain_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/**
 * struct recipe - a packet to build, and the resulting offsets
 * @version:	4 or 6
 * @proto:	6 TCP, 17 UDP
 * @vlan:	with an 802.1Q tag
 * @ip_options:	4-byte words of IPv4 options, or IPv6 destination options of 8 bytes each
 * @tcp_options: 4-byte words
 * @flags:	of TCP
 * @payload_len: bytes after the layer 4 header
 * @l3:		offset, set by packet_build()
 * @l4:		offset, set by packet_build()
 * @payload:	offset, set by packet_build()
 */
struct recipe {
	unsigned int version, proto;
	bool vlan;
	unsigned int ip_options, tcp_options;
	uint8_t flags;
	size_t payload_len;
	size_t l3, l4, payload;
};

/* The sum of the pseudo-header of a packet with @l4_len bytes of layer 4, in one go */
static inline uint64_t plain_pseudo(const uint8_t *packet, const struct recipe *recipe,
				    size_t l4_len)
{
	uint64_t sum = recipe->version == 4 ? plain_sum(0, packet + recipe->l3 + 12, 8)
					    : plain_sum(0, packet + recipe->l3 + 8, 32);

	return sum + l4_len + recipe->proto;
}

/* Set the right IPv4 and layer 4 checksums in a packet of @len bytes */
static inline void packet_seal(uint8_t *packet, const struct recipe *recipe, size_t len)
{
	uint8_t *field = packet + recipe->l4 + (recipe->proto == 6 ? 16 : 6);
	uint64_t sum;

	if (recipe->version == 4) {
		set16(packet + recipe->l3 + 10, 0);
		sum = plain_sum(0, packet + recipe->l3, recipe->l4 - recipe->l3);
		set16(packet + recipe->l3 + 10, (uint16_t)~plain_fold(sum));
	}
	set16(field, 0);
	sum = plain_pseudo(packet, recipe, len - recipe->l4);
	sum = plain_sum(sum, packet + recipe->l4, len - recipe->l4);
	set16(field, (uint16_t)~plain_fold(sum));
	if (recipe->proto == 17 && !be16(field))
		set16(field, 0xffff);
}

/**
 * packet_build() - build a packet with right checksums
 * @packet:	PACKET_MAX bytes
 * @recipe:	the packet to build
 * @random:	source of addresses, ports, options and payload
 *
 * Return: its length, in bytes
 */
static inline size_t packet_build(uint8_t *packet, struct recipe *recipe, struct random *random)
{
	size_t l4_header = recipe->proto == 6 ? 20 + 4 * (size_t)recipe->tcp_options : 8;
	size_t at = 12, len;

	recipe->l3 = recipe->vlan ? 18 : 14;
	recipe->l4 = recipe->l3 + (recipe->version == 4 ? 20 + 4 * (size_t)recipe->ip_options
							: 40 + 8 * (size_t)recipe->ip_options);
	recipe->payload = recipe->l4 + l4_header;
	len = recipe->payload + recipe->payload_len;
	random_bytes(random, packet, len);

	if (recipe->vlan) {
		set16(packet + at, 0x8100);
		at += 4;
	}
	set16(packet + at, recipe->version == 4 ? 0x0800 : 0x86dd);

	if (recipe->version == 4) {
		uint8_t *ip = packet + recipe->l3;

		ip[0] = (uint8_t)(0x45 + recipe->ip_options);
		set16(ip + 2, (uint32_t)(len - recipe->l3));
		set16(ip + 6, 0x4000); /* Don't Fragment */
		ip[9] = (uint8_t)recipe->proto;
	} else {
		uint8_t *ip = packet + recipe->l3, *next = ip + 6;

		ip[0] = 0x60;
		set16(ip + 4, (uint32_t)(len - recipe->l3 - 40));
		for (size_t off = 40; off < recipe->l4 - recipe->l3; off += 8) {
			*next = 60;
			next = ip + off;
			next[1] = 0;
		}
		*next = (uint8_t)recipe->proto;
	}

	if (recipe->proto == 6) {
		packet[recipe->l4 + 12] = (uint8_t)(l4_header / 4 << 4);
		packet[recipe->l4 + 13] = recipe->flags;
	} else {
		set16(packet + recipe->l4 + 4, (uint32_t)(len - recipe->l4));
	}
	packet_seal(packet, recipe, len);
	return len;
}

/* A random recipe with @payload_len bytes of payload */
static inline struct recipe recipe_random(struct random *random, size_t payload_len)
{
	struct recipe recipe = {
		.version = random_next(random) & 1 ? 4 : 6,
		.proto = random_next(random) & 1 ? 6 : 17,
		.vlan = random_next(random) & 1,
		.tcp_options = random_between(random, 0, 10),
		.flags = (uint8_t)random_next(random),
		.payload_len = payload_len,
	};

	recipe.ip_options = random_between(random, 0, recipe.version == 4 ? 10 : 8);
	return recipe;
}

/**
 * pieces_make() - cut bytes into pieces, each in separate memory
 * @random:	decides where; pieces may be empty or have odd lengths
 * @data:	the bytes
 * @len:	how many
 * @iov:	the pieces
 * @max:	size of @iov
 *
 * Memory of exactly the piece's size lets ASan detect every access beyond it.
 *
 * Return: number of pieces
 */
static inline uint32_t pieces_make(struct random *random, const uint8_t *data, size_t len,
				   struct iovec *iov, uint32_t max)
{
	uint32_t n = random_between(random, 1, max);
	size_t at = 0;

	for (uint32_t i = 0; i < n; i++) {
		size_t piece = len - at;

		if (i + 1 < n)
			piece = random_between(random, 0,
					       (uint32_t)(piece / (random_next(random) % 8 + 1)));
		/* An empty piece need not be a valid pointer */
		iov[i].iov_base = NULL;
		iov[i].iov_len = piece;
		if (!piece)
			continue;
		iov[i].iov_base = malloc(piece);
		if (!iov[i].iov_base)
			abort();
		memcpy(iov[i].iov_base, data + at, piece);
		at += piece;
	}
	return n;
}

static inline void pieces_free(struct iovec *iov, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(iov[i].iov_base);
}

/* Put the pieces together again; @data has room. Return: bytes */
static inline size_t pieces_join(const struct iovec *iov, uint32_t n, uint8_t *data)
{
	size_t at = 0;

	for (uint32_t i = 0; i < n; i++) {
		memcpy(data + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	return at;
}

#endif
