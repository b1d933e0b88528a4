/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: at each place of a text the forms are tried, the longest first. A token
 * does not begin or end in the middle of a longer one of the same characters: what has four numbers
 * and dots is no address if a version goes on after it (6.6.57.1-2.azl3, libfoo.so.1.14.44.0).
 */
#include "host/report/token.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#define UUID_TEXT    36u
#define HARDWARE_MAX 32u /* bytes; InfiniBand's have 20 */
#define ADDRESS_MAX  45u /* characters of an IPv6 address */
#define MAIL_MAX     254u

static const char network_class[] = { '\xf8', '\x61', '\x51', '\x63' };

static bool is_hex(char c)
{
	return isxdigit((unsigned char)c);
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c);
}

/** char_at() - a blank outside the text */
static char char_at(const char *text, size_t len, size_t at)
{
	return at < len ? text[at] : ' ';
}

static uint8_t digit(char c)
{
	return (uint8_t)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

/** take() - @n bytes of two digits each, without anything between them */
static void take(const char *text, size_t n, struct token *token)
{
	for (size_t i = 0; i < n && token->n < sizeof(token->bytes); i++)
		token->bytes[token->n++] =
			(uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
}

/** has_upper() - is one of the letters in upper case? */
static bool has_upper(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (isupper((unsigned char)text[i]))
			return true;
	return false;
}

/** is_shape() - x stands for a hexadecimal digit, all else for itself */
static bool is_shape(const char *text, size_t left, const char *shape)
{
	for (size_t i = 0; shape[i]; i++)
		if (i >= left || (shape[i] == 'x' ? !is_hex(text[i]) : text[i] != shape[i]))
			return false;
	return true;
}

/** done() - fill in the rest */
static bool done(struct token *token, enum token_form form, const char *text, size_t size)
{
	token->form = form;
	token->len = size;
	token->upper = has_upper(text, size);
	return true;
}

/** within() - does it begin in the middle of groups of digits with this separator? */
static bool within(const char *text, size_t at, char separator)
{
	size_t run = 0;

	if (!at || text[at - 1] != separator)
		return at && is_hex(text[at - 1]);
	while (run + 1 < at && is_word(text[at - 2 - run]) && run < 5)
		run++;
	if (!run) /* "::" */
		return at > 1 && text[at - 2] == separator;
	if (run > 4)
		return false;
	for (size_t i = 0; i < run; i++)
		if (!is_hex(text[at - 2 - i]))
			return false; /* a word: "mac:60:45:..." */
	return true;
}

static bool uuid_at(const char *text, size_t len, size_t at, struct token *token)
{
	const char *from = text + at;

	if ((at && is_hex(text[at - 1])) ||
	    !is_shape(from, len - at, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") ||
	    is_hex(char_at(text, len, at + UUID_TEXT)))
		return false;
	take(from, 4, token);
	take(from + 9, 2, token);
	take(from + 14, 2, token);
	take(from + 19, 2, token);
	take(from + 24, 6, token);
	return done(token, TOKEN_UUID, from, UUID_TEXT);
}

/** bytes_at() - six bytes or more, with a separator between them */
static bool bytes_at(const char *text, size_t len, size_t at, struct token *token)
{
	char separator = char_at(text, len, at + 2);
	size_t n = 0, i = at;

	if ((separator != ':' && separator != '-') || (at && is_word(text[at - 1])) ||
	    within(text, at, separator))
		return false;
	while (is_hex(char_at(text, len, i)) && is_hex(char_at(text, len, i + 1)) &&
	       !is_hex(char_at(text, len, i + 2)) && n < HARDWARE_MAX) {
		take(text + i, 1, token);
		n++;
		i += 2;
		if (char_at(text, len, i) != separator || !is_hex(char_at(text, len, i + 1)))
			break;
		i++;
	}
	/* What goes on with one digit, or three, is something else. */
	if (n < 6 || i > len || text[i - 1] == separator || is_word(char_at(text, len, i)))
		return false;
	token->separator = separator;
	return done(token, n == 6 ? TOKEN_MAC : TOKEN_HARDWARE, text + at, i - at);
}

/** groups_at() - 6045.bda6.bbc0, 6245:bdff:fea6:bbc0 */
static bool groups_at(const char *text, size_t len, size_t at, struct token *token)
{
	const char *from = text + at;
	bool guid = is_shape(from, len - at, "xxxx:xxxx:xxxx:xxxx");
	size_t size = guid ? 19 : 14, n = guid ? 4 : 3;
	char separator = guid ? ':' : '.', next;

	if (!guid && !is_shape(from, len - at, "xxxx.xxxx.xxxx"))
		return false;
	next = char_at(text, len, at + size);
	if ((at && is_word(text[at - 1])) || within(text, at, separator) || is_word(next) ||
	    (next == separator && is_word(char_at(text, len, at + size + 1))) ||
	    (next == ':' && guid))
		return false;
	for (size_t i = 0; i < n; i++)
		take(from + 5 * i, 2, token);
	return done(token, guid ? TOKEN_GUID : TOKEN_MAC_DOTS, from, size);
}

/** bare_at() - 12, 16 or 32 digits: whether that is an address depends on which are known */
static bool bare_at(const char *text, size_t len, size_t at, struct token *token)
{
	size_t n = 0;

	if (at && is_hex(text[at - 1]))
		return false;
	while (n <= 32 && is_hex(char_at(text, len, at + n)))
		n++;
	if (n != 12 && n != 16 && n != 32)
		return false;
	take(text + at, n / 2, token);
	return done(token,
		    n == 12   ? TOKEN_MAC_BARE
		    : n == 16 ? TOKEN_GUID_BARE
			      : TOKEN_UUID_BARE,
		    text + at, n);
}

/** ipv4_size() - characters of four numbers with dots between them; 0: that is none */
static size_t ipv4_size(const char *text, size_t left, uint8_t ip[4])
{
	size_t i = 0;

	for (unsigned int n = 0; n < 4; n++) {
		unsigned int value = 0, digits = 0;

		if (n && (i >= left || text[i++] != '.'))
			return 0;
		while (i < left && isdigit((unsigned char)text[i]) && digits < 4) {
			value = 10 * value + (unsigned int)(text[i++] - '0');
			digits++;
		}
		if (!digits || digits > 3 || value > 255)
			return 0;
		ip[n] = (uint8_t)value;
	}
	return i;
}

/** ends_range() - is the dash here the one between two addresses, and not in a package's name? */
static bool ends_range(const char *text, size_t dash)
{
	size_t from = dash;
	uint8_t ip[4];

	while (from && (isdigit((unsigned char)text[from - 1]) || text[from - 1] == '.') &&
	       dash - from < INET_ADDRSTRLEN)
		from--;
	return ipv4_size(text + from, dash - from, ip) == dash - from && dash != from;
}

static bool ipv4_at(const char *text, size_t len, size_t at, struct token *token)
{
	char before = at ? text[at - 1] : ' ', next;
	uint8_t other[4];
	size_t size;

	if (is_word(before) || before == '.' || before == '_' ||
	    (before == '-' && !ends_range(text, at - 1)))
		return false;
	size = ipv4_size(text + at, len - at, token->bytes);
	if (!size)
		return false;
	next = char_at(text, len, at + size);
	if (is_word(next) || next == '_' ||
	    (next == '.' && is_word(char_at(text, len, at + size + 1))))
		return false;
	/* A range of addresses, or a version? */
	if (next == '-' && is_word(char_at(text, len, at + size + 1)) &&
	    !ipv4_size(text + at + size + 1, len - at - size - 1, other))
		return false;
	token->n = 4;
	return done(token, TOKEN_IPV4, text + at, size);
}

static bool ipv6_at(const char *text, size_t len, size_t at, struct token *token)
{
	char copy[ADDRESS_MAX + 1], c;
	size_t size = 0;

	if ((at && (is_word(text[at - 1]) || text[at - 1] == '.')) || within(text, at, ':'))
		return false;
	while (size < ADDRESS_MAX &&
	       (is_hex(c = char_at(text, len, at + size)) || c == ':' || c == '.'))
		copy[size++] = c;
	/* A full stop or colon after it is the sentence's. */
	for (unsigned int tries = 0; tries < 2 && size > 2; tries++, size--) {
		copy[size] = '\0';
		if (inet_pton(AF_INET6, copy, token->bytes) == 1) {
			if (is_word(char_at(text, len, at + size)))
				return false;
			token->n = 16;
			return done(token, TOKEN_IPV6, text + at, size);
		}
		if (copy[size - 1] != ':' && copy[size - 1] != '.')
			return false;
	}
	return false;
}

static bool in_mail(char c)
{
	return is_word(c) || (c && strchr("._%+-", c));
}

/** by_builder() - does a kernel's version name who built it here? "Linux version 6.12.57 (user@host)" */
static bool by_builder(const char *text, size_t at)
{
	static const char before[] = "Linux version ";
	size_t size = sizeof(before) - 1;

	if (at < size + 3 || text[at - 1] != '(' || text[at - 2] != ' ')
		return false;
	for (at -= 2; at > size && text[at - 1] != ' ' && text[at - 1] != '\n'; at--)
		;
	return at >= size && !memcmp(text + at - size, before, size);
}

static bool mail_at(const char *text, size_t len, size_t at, struct token *token)
{
	size_t i = at, dot = 0;
	bool local;

	if (at && in_mail(text[at - 1]))
		return false;
	while (i - at < MAIL_MAX && i < len && in_mail(text[i]))
		i++;
	if (i == at || char_at(text, len, i) != '@' || !is_word(char_at(text, len, i + 1)))
		return false;
	local = by_builder(text, at);
	for (i++; i - at < MAIL_MAX && i < len &&
		  (is_word(text[i]) || text[i] == '-' ||
		   (text[i] == '.' && is_word(char_at(text, len, i + 1))));
	     i++)
		if (text[i] == '.')
			dot = i;
	return (local || (dot && isalpha((unsigned char)char_at(text, len, dot + 1)))) &&
	       done(token, TOKEN_MAIL, text + at, i - at);
}

bool token_at(const char *text, size_t len, size_t at, struct token *token)
{
	static bool (*const forms[])(const char *, size_t, size_t, struct token *) = {
		uuid_at, bytes_at, groups_at, ipv6_at, ipv4_at, mail_at, bare_at,
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		*token = (struct token){ .form = TOKEN_NONE };
		if (forms[i](text, len, at, token))
			return true;
	}
	return false;
}

unsigned int token_mac_of_uuid(const uint8_t uuid[16], uint8_t mac[6])
{
	static const uint8_t middle[4] = { 0x10, 0x00, 0x20, 0x00 };

	/* The forms of host/machine/vmbus.c */
	if (!memcmp(uuid, network_class, 4) && !memcmp(uuid + 6, middle, 4)) {
		memcpy(mac, uuid + 10, 6);
		return 10;
	}
	if (!memcmp(uuid, uuid + 6, 6) && !memcmp(uuid, uuid + 12, 4)) {
		memcpy(mac, uuid, 6);
		return 16;
	}
	return 0;
}

bool token_mac_of_guid(const uint8_t guid[8], uint8_t mac[6])
{
	if (guid[3] != 0xff || guid[4] != 0xfe)
		return false;
	memcpy(mac, guid, 3);
	memcpy(mac + 3, guid + 5, 3);
	mac[0] ^= 2;
	return true;
}
