/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/report/secret.h - what private.h is made of, for its own files.
 */
#ifndef MANAKIN_HOST_REPORT_SECRET_H
#define MANAKIN_HOST_REPORT_SECRET_H

#include <stdbool.h>
#include <string.h>

#include "host/report/private.h"

#define SECRETS_MAX 65536u /* more addresses than that get the last of a kind */
#define NAME_BYTES  128u   /* the kernel permits 64 characters of a host, 127 of an interface */
#define KEY_MAX     128u

/**
 * struct secret - something private
 * @key:	@n bytes of its value; of names, the name
 * @original:	as it was first written
 * @bytes:	instead of an address; @text: instead of a name
 */
struct secret {
	enum private_kind kind;
	size_t n;
	uint8_t key[KEY_MAX];
	char original[NAME_BYTES];
	uint8_t bytes[32];
	char text[NAME_BYTES];
	unsigned long times;
};

/** struct network - of an interface; @prefix in bits */
struct network {
	uint8_t address[16];
	size_t bytes;
	unsigned int prefix;
};

/**
 * struct private
 * @tree:	of tsearch(), by value; @chosen: IP addresses, by replacement
 * @secret:	those of @tree, @n, in the order in which they were found
 * @word:	names, the longest first; @first: the letters that one begins with
 */
struct private
{
	void *tree, *chosen;
	struct secret **secret;
	size_t n;
	struct network *network;
	size_t n_networks;
	struct secret **word;
	size_t n_words;
	bool first[256];
	bool full;
};

/** secret_find() - NULL: it is none */
struct secret *secret_find(const struct private *private, enum private_kind kind, const void *key,
			   size_t n);

/** secret_by_value() - for tsearch(3): the order of kinds and values */
int secret_by_value(const void *a, const void *b);

/** secret_is_nobodys() - is it an IP address that says nothing about a machine? */
bool secret_is_nobodys(const uint8_t *ip, size_t bytes);

/** secret_is_mapped() - is it an address of IPv4 in one of IPv6? */
bool secret_is_mapped(const uint8_t ip[16]);

#endif
