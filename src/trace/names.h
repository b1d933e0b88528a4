/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace/names.h - names of what the numbers in a trace stand for.
 *
 * NULL where there is none. share/wireshark/mana.lua has the same names.
 */
#ifndef MANAKIN_TRACE_NAMES_H
#define MANAKIN_TRACE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/** trace_kind_name() - "command"; that of a frame is "packet" */
const char *trace_kind_name(uint8_t kind);

/** trace_command_name() - as Linux's drivers call it, without GDMA_ or MANA_ */
const char *trace_command_name(uint32_t code);

/** trace_queue_name() - "sq", of GDMA_SQ */
const char *trace_queue_name(uint32_t type);

const char *trace_event_name(uint32_t type);

/**
 * trace_completion_name() - what a completion reports
 * @first:	byte 0 of it: the type, and above bit 6 which client it is for
 * @error:	filled in: it is one
 */
const char *trace_completion_name(uint8_t first, bool *error);

/**
 * trace_doorbell_queue() - which queue a doorbell is for
 * @offset:	in its page
 * @value:	as written
 * @number:	filled in
 *
 * Return: GDMA_SQ, GDMA_RQ, GDMA_CQ or GDMA_EQ; 0: there is no doorbell there
 */
uint32_t trace_doorbell_queue(uint32_t offset, uint64_t value, uint32_t *number);

#endif
