/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/receive_plain.h - the fast path for runs of ordinary packets.
 */
#ifndef MANAKIN_DEVICE_RECEIVE_PLAIN_H
#define MANAKIN_DEVICE_RECEIVE_PLAIN_H

#include <stdint.h>

#include "device/receive_burst.h"
#include "fabric/fabric.h"

/**
 * receive_plain() - receive correct, untagged TCP or UDP packets; frames and buffers in one piece
 *
 * Return: how many of the first ones were received; the next one is for receive_any()
 */
unsigned int receive_plain(struct receive_burst *burst, const struct frame *frames, unsigned int n);

/**
 * receive_plain_offer() - the same, but skip packets without a buffer
 * @left:	bit i is set for frames[i] that has none
 *
 * Return: how many of the first ones were received or skipped
 */
unsigned int receive_plain_offer(struct receive_burst *burst, const struct frame *frames,
				 unsigned int n, uint64_t *left);

#endif
