/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/mac.h - Ethernet addresses as text.
 */
#ifndef MANAKIN_BASE_MAC_H
#define MANAKIN_BASE_MAC_H

#include <stdint.h>

#define MAC_TEXT 18u /* bytes: aa:bb:cc:dd:ee:ff and the NUL */

/** mac_text() - write @mac with colons into @text; returns @text */
const char *mac_text(const uint8_t mac[6], char text[MAC_TEXT]);

/** mac_parse() - six bytes from text with colons or dashes; 0 or -EINVAL */
int mac_parse(const char *text, uint8_t mac[6]);

#endif
