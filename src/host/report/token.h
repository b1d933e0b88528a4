/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/report/token.h - addresses and identifiers in a text, however they are written.
 */
#ifndef MANAKIN_HOST_REPORT_TOKEN_H
#define MANAKIN_HOST_REPORT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum token_form {
	TOKEN_NONE,
	TOKEN_MAC,       /* 60:45:bd:a6:bb:c0, 60-45-bd-a6-bb-c0 */
	TOKEN_MAC_BARE,  /* 6045bda6bbc0 */
	TOKEN_MAC_DOTS,  /* 6045.bda6.bbc0 */
	TOKEN_HARDWARE,  /* more than six bytes with colons between them */
	TOKEN_GUID,      /* 6245:bdff:fea6:bbc0 */
	TOKEN_GUID_BARE, /* 6245bdfffea6bbc0 */
	TOKEN_UUID,
	TOKEN_UUID_BARE, /* as in /etc/machine-id */
	TOKEN_IPV4,
	TOKEN_IPV6,
	TOKEN_MAIL, /* name@example.com; of who built a kernel, without a domain too */
};

/**
 * struct token - one of them
 * @len:	characters in the text
 * @bytes:	its value, @n of them; of a mail address none
 * @upper:	it has upper case letters as digits
 * @separator:	of a MAC address
 */
struct token {
	enum token_form form;
	size_t len;
	uint8_t bytes[32];
	size_t n;
	bool upper;
	char separator;
};

/** token_at() - does one begin here? */
bool token_at(const char *text, size_t len, size_t at, struct token *token);

/** token_mac_of_uuid() - the MAC address in a VMBus UUID; 0: none, else where it begins: 10 or 16 */
unsigned int token_mac_of_uuid(const uint8_t uuid[16], uint8_t mac[6]);

/** token_mac_of_guid() - the MAC address that a GUID or an IPv6 address was made of; false: none */
bool token_mac_of_guid(const uint8_t guid[8], uint8_t mac[6]);

#endif
