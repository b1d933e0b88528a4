/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/receive_plain.h - the short way for runs of packets that need nothing unusual.
 */
#ifndef MANAKIN_DEVICE_RECEIVE_PLAIN_H
#define MANAKIN_DEVICE_RECEIVE_PLAIN_H

#include <stdint.h>

#include "device/receive_burst.h"
#include "fabric/fabric.h"

/**
 * receive_plain() - take packets of one piece, without a tag, TCP or UDP, right, into buffers
 *		     of one piece
 *
 * Return: how many of the first ones were taken; the next one is for whoever can take any
 */
unsigned int receive_plain(struct receive_burst *burst, const struct frame *frames, unsigned int n);

/**
 * receive_plain_offer() - the same, where packets without a buffer are left out
 * @left:	bit i is set for frames[i] that has none
 *
 * Return: how many of the first ones were taken or left out
 */
unsigned int receive_plain_offer(struct receive_burst *burst, const struct frame *frames,
				 unsigned int n, uint64_t *left);

#endif
