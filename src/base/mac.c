/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/mac.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mac_parse(const char *text, uint8_t mac[6])
{
	uint8_t parsed[6];
	unsigned int i;

	for (i = 0; i < 6; i++, text += 2) {
		char byte[3] = { text[0], text[0] ? text[1] : '\0' };

		if (!isxdigit((unsigned char)byte[0]) || !isxdigit((unsigned char)byte[1]))
			return -EINVAL;
		parsed[i] = (uint8_t)strtoul(byte, NULL, 16);
		if (i < 5 && text[2] != ':' && text[2] != '-')
			return -EINVAL;
		text += i < 5;
	}
	if (*text)
		return -EINVAL;
	memcpy(mac, parsed, sizeof(parsed));
	return 0;
}

const char *mac_text(const uint8_t mac[6], char text[MAC_TEXT])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return text;
}
