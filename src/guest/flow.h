/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/flow.h - copy bytes from one file descriptor to another.
 *
 * A flow reads when it is empty and writes when it can, so a slow reader slows its writer down and
 * nothing else.
 */
#ifndef MANAKIN_GUEST_FLOW_H
#define MANAKIN_GUEST_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_BYTES 32768u

/**
 * struct flow - one direction
 * @from:	descriptor to read; -1: at its end
 * @to:		descriptor to write
 * @data:	bytes read and not yet written
 * @start:	of what is left in @data
 * @length:	of what is left in @data
 * @broken:	the reader is gone
 */
struct flow {
	int from;
	int to;
	uint8_t data[FLOW_BYTES];
	size_t start;
	size_t length;
	bool broken;
};

/** flow_fill() - read into an empty flow; false at its end */
bool flow_fill(struct flow *flow);

/** flow_drain() - write some of what a flow holds */
void flow_drain(struct flow *flow);

#endif
