/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * private_decide() of host/report/private.h: what stands for each secret.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mac.h"
#include "host/report/secret.h"
#include "host/report/token.h"

#define FIRST_MAC 0x101001u /* with as many digits in an IPv6 address as most */

static int in_order(const void *a, const void *b)
{
	return secret_by_value(*(struct secret *const *)a, *(struct secret *const *)b);
}

/** choose_macs() - numbers in the order of the addresses, for each vendor */
static void choose_macs(struct private *private, struct secret **sorted)
{
	uint32_t number = FIRST_MAC;
	const uint8_t *vendor = NULL;

	for (size_t i = 0; i < private->n; i++) {
		struct secret *secret = sorted[i];

		if (secret->kind != PRIVATE_MAC)
			continue;
		if (!vendor || memcmp(vendor, secret->key, 3))
			number = FIRST_MAC;
		vendor = secret->key;
		memcpy(secret->bytes, secret->key, 3);
		do {
			secret->bytes[3] = (uint8_t)(number >> 16);
			secret->bytes[4] = (uint8_t)(number >> 8);
			secret->bytes[5] = (uint8_t)number;
			number++;
		} while (secret_find(private, PRIVATE_MAC, secret->bytes, 6));
		mac_text(secret->bytes, secret->text);
	}
}

/** uuid_text() - as it is written */
static void uuid_text(const uint8_t uuid[16], char text[37])
{
	char *at = text;

	for (unsigned int i = 0; i < 16; i++)
		at += sprintf(at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			      uuid[i]);
}

/** choose_uuid() - that of a MAC address has its replacement in it; else the @rank of it */
static void choose_uuid(const struct private *private, struct secret *secret, size_t rank)
{
	static const uint8_t form[16] = { 0, 0, 0, 0, 0, 0, 0x40, 0, 0x80 };
	uint8_t mac[6], *to = secret->bytes;
	unsigned int at = token_mac_of_uuid(secret->key, mac);
	const struct secret *known = at ? secret_find(private, PRIVATE_MAC, mac, 6) : NULL;

	if (at && known)
		memcpy(mac, known->bytes, 6);
	if (at == 16) {
		memcpy(to, mac, 6);
		memcpy(to + 6, mac, 6);
		memcpy(to + 12, mac, 4);
	} else if (at) {
		memcpy(to, secret->key, at);
		memcpy(to + at, mac, 6);
	} else {
		memcpy(to, form, 16);
		to[0] = secret->key[0]; /* so that they stay in order */
		to[1] = (uint8_t)(rank >> 16);
		to[2] = (uint8_t)(rank >> 8);
		to[3] = (uint8_t)rank;
	}
	uuid_text(to, secret->text);
}

/** digits_of() - how many a number has, in this base */
static unsigned int digits_of(unsigned int number, unsigned int base)
{
	unsigned int n = 1;

	while (number >= base) {
		number /= base;
		n++;
	}
	return n;
}

/**
 * pick_part() - another number with as many digits, by a counter
 * @counter:	what is left of it
 */
static unsigned int pick_part(unsigned int part, unsigned int base, unsigned int most,
			      unsigned long *counter)
{
	unsigned int low = 1, high;

	for (unsigned int i = digits_of(part, base); i > 1; i--)
		low *= base;
	high = low * base - 1 < most ? low * base - 1 : most;
	part = low + (unsigned int)(*counter % (high - low + 1));
	*counter /= high - low + 1;
	return part;
}

/**
 * pick_ip() - a host of the network, from bit @kept on, with a text of the same length if there is one
 *
 * Return: false if it is no host's address: that of the network, or for all of it
 */
static bool pick_ip(const uint8_t *real, size_t bytes, unsigned int kept, unsigned long counter,
		    uint8_t *ip)
{
	bool v4 = bytes == 4, host = false;
	unsigned int width = v4 ? 8 : 16, first = (kept + width - 1) / width;

	memcpy(ip, real, bytes);
	if (v4 && real[3] == 255)
		return false;
	for (unsigned int i = v4 ? 4 : 8; i-- > first;) {
		unsigned int part = v4 ? real[i] : (unsigned int)real[2 * i] << 8 | real[2 * i + 1];

		if (!part)
			continue;
		host = true;
		part = pick_part(part, v4 ? 10 : 16, v4 ? 254 : 0xfffe, &counter);
		if (v4) {
			ip[i] = (uint8_t)part;
		} else {
			ip[2 * i] = (uint8_t)(part >> 8);
			ip[2 * i + 1] = (uint8_t)part;
		}
	}
	return host;
}

/** network_bits() - of the known network that an address is in; 0: none */
static unsigned int network_bits(const struct private *private, const uint8_t *ip, size_t bytes)
{
	unsigned int most = 0;

	for (size_t i = 0; i < private->n_networks; i++) {
		const struct network *network = &private->network[i];
		unsigned int whole = network->prefix / 8, rest = network->prefix % 8;

		if (network->bytes == bytes && !memcmp(network->address, ip, whole) &&
		    (!rest || !((network->address[whole] ^ ip[whole]) >> (8 - rest))) &&
		    network->prefix > most)
			most = network->prefix;
	}
	return most;
}

/** is_local() - an address of a private network, whose first bits say nothing */
static bool is_local(const uint8_t *ip, size_t bytes)
{
	if (bytes == 16)
		return (ip[0] & 0xfe) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);
	return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
	       (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254) ||
	       (ip[0] == 100 && (ip[1] & 0xc0) == 64);
}

/** public_ip() - of the blocks for documentation (RFC 5737, RFC 3849) */
static void public_ip(size_t bytes, unsigned long counter, uint8_t *ip)
{
	static const uint8_t blocks[3][3] = { { 203, 0, 113 }, { 198, 51, 100 }, { 192, 0, 2 } };

	memset(ip, 0, bytes);
	if (bytes == 4) {
		memcpy(ip, blocks[counter / 254 % 3], 3);
		ip[3] = (uint8_t)(1 + counter % 254);
		return;
	}
	memcpy(ip, (const uint8_t[]){ 0x20, 0x01, 0x0d, 0xb8 }, 4);
	ip[13] = (uint8_t)(counter >> 16);
	ip[14] = (uint8_t)(counter >> 8);
	ip[15] = (uint8_t)counter;
}

#define TRIES_MAX 300u /* of a host of a network, until one of a block for documentation must do */

static int by_choice(const void *a, const void *b)
{
	const struct secret *one = a, *other = b;

	return one->n != other->n ? (one->n < other->n ? -1 : 1)
				  : memcmp(one->bytes, other->bytes, one->n);
}

/** is_free() - is the chosen address neither another one's nor that of a real host? */
static bool is_free(const struct private *private, const struct secret *secret)
{
	return !secret_find(private, PRIVATE_IP, secret->bytes, secret->n) &&
	       !tfind(secret, &private->chosen, by_choice);
}

/**
 * choose_eui() - of an IPv6 address that has a MAC address in it
 * @bits:	of its network, which may be known; 0: it is from a block for documentation (RFC 3849)
 *
 * Return: false: it has none
 */
static bool choose_eui(const struct private *private, unsigned int bits, struct secret *secret)
{
	static const uint8_t documentation[8] = { 0x20, 0x01, 0x0d, 0xb8 };

	const struct secret *known;
	uint8_t mac[6];

	if (secret->n != 16 || !token_mac_of_guid(secret->key + 8, mac))
		return false;
	known = secret_find(private, PRIVATE_MAC, mac, 6);
	if (!known)
		return false;
	memcpy(secret->bytes, secret->key, 16);
	memcpy(secret->bytes + 8, known->bytes, 3);
	secret->bytes[8] = (uint8_t)(secret->bytes[8] ^ ((secret->key[8] ^ known->key[0]) & 2));
	memcpy(secret->bytes + 13, known->bytes + 3, 3);
	if (bits)
		return true;
	memcpy(secret->bytes, documentation, 8);
	/* The same adapter may have one in each of several networks. */
	for (unsigned int i = 1; !is_free(private, secret) && i <= UINT16_MAX; i++) {
		secret->bytes[6] = (uint8_t)(i >> 8);
		secret->bytes[7] = (uint8_t)i;
	}
	return true;
}

/** choose_ip() - @number: of addresses for which something was chosen; @public: of those outside */
static int choose_ip(struct private *private, struct secret *secret, unsigned long number,
		     unsigned long *public)
{
	unsigned int bits = network_bits(private, secret->key, secret->n);
	bool chosen, host = true;

	if (!bits && is_local(secret->key, secret->n))
		bits = secret->n == 4 ? 16 : 64;
	chosen = choose_eui(private, bits, secret);
	for (unsigned int tries = 0; bits && host && !chosen && tries < TRIES_MAX; tries++) {
		host = pick_ip(secret->key, secret->n, bits, number + tries, secret->bytes);
		chosen = is_free(private, secret);
	}
	for (; host && !chosen && *public < 2 * SECRETS_MAX; (*public)++) {
		public_ip(secret->n, *public, secret->bytes);
		chosen = is_free(private, secret);
	}
	inet_ntop(secret->n == 4 ? AF_INET : AF_INET6, secret->bytes, secret->text,
		  sizeof(secret->text));
	return tsearch(secret, &private->chosen, by_choice) ? 0 : -ENOMEM;
}

/** choose_name() - of the same length where columns depend on it */
static void choose_name(struct secret *secret, unsigned int number)
{
	static const char *const names[PRIVATE_KINDS] = {
		[PRIVATE_HOST] = "host", [PRIVATE_USER] = "user", [PRIVATE_RESOURCE] = "resource"
	};
	int width = (int)secret->n - 1;

	if (secret->kind == PRIVATE_INTERFACE)
		snprintf(secret->text, sizeof(secret->text), "n%0*u", width, number);
	else if (secret->kind == PRIVATE_MAIL)
		snprintf(secret->text, sizeof(secret->text), "mail-%u@example.com", number);
	else
		snprintf(secret->text, sizeof(secret->text), "%s-%u", names[secret->kind], number);
}

/** choose_host() - one with a domain is the same as the one without; its number, if it got one */
static unsigned int choose_host(const struct private *private, struct secret *secret,
				unsigned int number)
{
	const char *dot = memchr(secret->key, '.', secret->n);
	size_t len = dot ? (size_t)(dot - (const char *)secret->key) : 0;
	const struct secret *host =
		len ? secret_find(private, PRIVATE_HOST, secret->key, len) : NULL;

	if (!host || !*host->text) {
		choose_name(secret, number);
		return 1;
	}
	memcpy(secret->text, host->text, sizeof(secret->text));
	return 0;
}

/** choose_hardware() - the first three bytes stay */
static void choose_hardware(struct secret *secret, unsigned int number)
{
	memcpy(secret->bytes, secret->key, 3);
	secret->bytes[secret->n - 2] = (uint8_t)(number >> 8);
	secret->bytes[secret->n - 1] = (uint8_t)number;
	snprintf(secret->text, sizeof(secret->text), "(number %u)", number);
}

static int longest_first(const void *a, const void *b)
{
	const struct secret *one = *(struct secret *const *)a, *other = *(struct secret *const *)b;

	return one->n != other->n ? (one->n > other->n ? -1 : 1) : secret_by_value(one, other);
}

/** list_words() - the names, for private_rewrite() */
static int list_words(struct private *private)
{
	private->word = calloc(private->n + 1, sizeof(*private->word));
	if (!private->word)
		return -ENOMEM;
	for (size_t i = 0; i < private->n; i++) {
		struct secret *secret = private->secret[i];

		if (secret->kind < PRIVATE_HOST || secret->kind == PRIVATE_MAIL)
			continue;
		private->word[private->n_words++] = secret;
		private->first[tolower(secret->key[0])] = true;
		private->first[toupper(secret->key[0])] = true;
	}
	qsort(private->word, private->n_words, sizeof(*private->word), longest_first);
	return 0;
}

int private_decide(struct private *private)
{
	struct secret **sorted = calloc(private->n + 1, sizeof(*sorted));
	unsigned int numbers[PRIVATE_KINDS] = { 0 };
	unsigned long public = 0;
	int err = sorted ? 0 : -ENOMEM;

	if (!err && private->n)
		memcpy(sorted, private->secret, private->n * sizeof(*sorted));
	if (!err && private->n)
		qsort(sorted, private->n, sizeof(*sorted), in_order);
	if (!err)
		choose_macs(private, sorted);
	for (size_t i = 0; i < private->n && !err; i++) {
		struct secret *secret = sorted[i];
		unsigned int number = numbers[secret->kind];

		if (secret->kind == PRIVATE_HOST) {
			numbers[PRIVATE_HOST] += choose_host(private, secret, number + 1);
			continue;
		}
		numbers[secret->kind]++;
		if (secret->kind == PRIVATE_IP)
			err = choose_ip(private, secret, number, &public);
		else if (secret->kind == PRIVATE_UUID)
			choose_uuid(private, secret, number + 1);
		else if (secret->kind == PRIVATE_HARDWARE)
			choose_hardware(secret, number + 1);
		else if (secret->kind != PRIVATE_MAC)
			choose_name(secret, number + 1);
	}
	free(sorted);
	return err ? err : list_words(private);
}
