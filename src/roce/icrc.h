/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * roce/icrc.h - the CRC behind the invariant CRC: CRC-32 as Ethernet has it.
 *
 * What it covers is packet.c's matter.
 */
#ifndef MANAKIN_ROCE_ICRC_H
#define MANAKIN_ROCE_ICRC_H

#include <stddef.h>
#include <stdint.h>

/** icrc_add() - continue a CRC with @len bytes; it starts at ~0 and is complemented at its end */
uint32_t icrc_add(uint32_t crc, const void *data, size_t len);

/** icrc_add_plain() - the same without any CPU's instructions: the specification */
uint32_t icrc_add_plain(uint32_t crc, const void *data, size_t len);

#endif
