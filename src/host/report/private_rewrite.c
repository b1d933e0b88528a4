/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * private_rewrite() of host/report/private.h: a text without its secrets.
 */
#include <ctype.h>
#include <stdio.h>

#include "host/report/secret.h"
#include "host/report/token.h"

/** print_bytes() - groups of @group bytes with a separator, if any, between them */
static void print_bytes(const uint8_t *bytes, size_t n, size_t group, char separator, bool upper,
			FILE *to)
{
	for (size_t i = 0; i < n; i++) {
		if (i && separator && !(i % group))
			fputc(separator, to);
		fprintf(to, upper ? "%02X" : "%02x", bytes[i]);
	}
}

/** secret_of() - of a token that is an address; NULL: it is none, or nobody's */
static struct secret *secret_of(const struct private *private, const struct token *token,
				const char *text)
{
	uint8_t mac[6];

	switch (token->form) {
	case TOKEN_MAC:
	case TOKEN_MAC_BARE:
	case TOKEN_MAC_DOTS:
		return secret_find(private, PRIVATE_MAC, token->bytes, 6);
	case TOKEN_GUID:
		if (token_mac_of_guid(token->bytes, mac))
			return secret_find(private, PRIVATE_MAC, mac, 6);
		return secret_find(private, PRIVATE_HARDWARE, token->bytes, token->n);
	case TOKEN_GUID_BARE:
		return token_mac_of_guid(token->bytes, mac)
			       ? secret_find(private, PRIVATE_MAC, mac, 6)
			       : NULL;
	case TOKEN_HARDWARE:
		return secret_find(private, PRIVATE_HARDWARE, token->bytes, token->n);
	case TOKEN_UUID:
	case TOKEN_UUID_BARE:
		return secret_find(private, PRIVATE_UUID, token->bytes, 16);
	case TOKEN_IPV4:
		return secret_find(private, PRIVATE_IP, token->bytes, 4);
	case TOKEN_IPV6:
		return secret_is_mapped(token->bytes)
			       ? secret_find(private, PRIVATE_IP, token->bytes + 12, 4)
			       : secret_find(private, PRIVATE_IP, token->bytes, 16);
	case TOKEN_MAIL:
		return secret_find(private, PRIVATE_MAIL, text,
				   token->len < KEY_MAX ? token->len : KEY_MAX);
	case TOKEN_NONE:
		break;
	}
	return NULL;
}

/** print_guid() - with the replaced MAC address in it */
static void print_guid(const struct secret *secret, const struct token *token, FILE *to)
{
	char separator = token->form == TOKEN_GUID ? ':' : '\0';
	uint8_t guid[8];

	if (secret->kind == PRIVATE_HARDWARE) {
		print_bytes(secret->bytes, 8, 2, ':', token->upper, to);
		return;
	}
	memcpy(guid, token->bytes, 8);
	memcpy(guid, secret->bytes, 3);
	guid[0] ^= 2;
	memcpy(guid + 5, secret->bytes + 3, 3);
	print_bytes(guid, 8, 2, separator, token->upper, to);
}

/** print_token() - what stands for it */
static void print_token(const struct secret *secret, const struct token *token, FILE *to)
{
	switch (token->form) {
	case TOKEN_MAC:
		print_bytes(secret->bytes, 6, 1, token->separator, token->upper, to);
		break;
	case TOKEN_MAC_BARE:
		print_bytes(secret->bytes, 6, 1, '\0', token->upper, to);
		break;
	case TOKEN_MAC_DOTS:
		print_bytes(secret->bytes, 6, 2, '.', token->upper, to);
		break;
	case TOKEN_GUID:
	case TOKEN_GUID_BARE:
		print_guid(secret, token, to);
		break;
	case TOKEN_HARDWARE:
		print_bytes(secret->bytes, secret->n, 1, token->separator, token->upper, to);
		break;
	case TOKEN_UUID_BARE:
		print_bytes(secret->bytes, 16, 1, '\0', token->upper, to);
		break;
	case TOKEN_UUID:
		for (const char *c = secret->text; *c; c++)
			fputc(token->upper ? toupper((unsigned char)*c) : *c, to);
		break;
	default:
		fprintf(to, "%s%s", token->n == 16 && secret->n == 4 ? "::ffff:" : "",
			secret->text);
		break;
	}
}

/**
 * print_unlearned() - an address for which there was no room
 *
 * Return: false: it says nothing about a machine
 */
static bool print_unlearned(const struct private *private, const struct token *token, FILE *to)
{
	if (!private->full)
		return false;
	if (token->form == TOKEN_IPV4 && !secret_is_nobodys(token->bytes, 4))
		fputs("203.0.113.255", to);
	else if (token->form == TOKEN_IPV6 && !secret_is_nobodys(token->bytes, 16))
		fputs("2001:db8::ffff:ffff", to);
	else if (token->form == TOKEN_MAC || token->form == TOKEN_MAC_DOTS)
		print_bytes(token->bytes, 3, 1, ':', token->upper, to), fputs(":ff:ff:ff", to);
	else if (token->form == TOKEN_HARDWARE || token->form == TOKEN_GUID)
		fputs("ff:ff", to);
	else if (token->form == TOKEN_UUID)
		fputs("ffffffff-0000-4000-8000-ffffffffffff", to);
	else if (token->form == TOKEN_MAIL)
		fputs("mail@example.com", to);
	else
		return false;
	return true;
}

/** domain_size() - of what makes a host's name a full one: ".internal.cloudapp.net" */
static size_t domain_size(const char *text, size_t len, size_t at)
{
	size_t labels = 0, i = at;

	while (i + 1 < len && text[i] == '.' && isalnum((unsigned char)text[i + 1])) {
		i++;
		while (i < len && (isalnum((unsigned char)text[i]) || text[i] == '-'))
			i++;
		labels++;
	}
	return labels > 1 ? i - at : 0;
}

/** word_at() - a name that begins here; @size: its characters */
static struct secret *word_at(const struct private *private, const char *text, size_t len,
			      size_t at, size_t *size)
{
	if (!private->first[(unsigned char)text[at]] ||
	    (at && (isalnum((unsigned char)text[at - 1]) || text[at - 1] == '_')))
		return NULL;
	for (size_t i = 0; i < private->n_words; i++) {
		struct secret *word = private->word[i];
		bool host = word->kind == PRIVATE_HOST;
		char next;

		if (word->n > len - at || (host ? strncasecmp(text + at, (char *)word->key, word->n)
						: strncmp(text + at, (char *)word->key, word->n)))
			continue;
		next = at + word->n < len ? text[at + word->n] : ' ';
		if (isalnum((unsigned char)next) || next == '_')
			continue;
		*size = word->n + (host ? domain_size(text, len, at + word->n) : 0);
		return word;
	}
	return NULL;
}

void private_rewrite(struct private *private, const char *text, size_t len, FILE *to)
{
	struct secret *secret;
	struct token token;
	size_t size;

	for (size_t i = 0; i < len; i += size) {
		bool may = isalnum((unsigned char)text[i]) || text[i] == ':';

		secret = word_at(private, text, len, i, &size);
		if (secret && may && token_at(text, len, i, &token) && token.len > size)
			secret = NULL; /* a mail address begins with it */
		if (secret) {
			fputs(secret->text, to);
			secret->times++;
			continue;
		}
		size = 1;
		if (!may || !token_at(text, len, i, &token)) {
			fputc(text[i], to);
			continue;
		}
		size = token.len;
		secret = secret_of(private, &token, text + i);
		if (secret) {
			print_token(secret, &token, to);
			secret->times++;
		} else if (!print_unlearned(private, &token, to)) {
			fwrite(text + i, 1, size, to);
		}
	}
}
