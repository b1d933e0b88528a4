/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace/text.h - a frame or record of a trace in words.
 */
#ifndef MANAKIN_TRACE_TEXT_H
#define MANAKIN_TRACE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "trace/reader.h"

#define TRACE_TEXT       256u /* bytes of a text */
#define TRACE_QUEUES_MAX 2u

/**
 * struct trace_of - a queue
 * @type:	GDMA_SQ, GDMA_RQ, GDMA_CQ or GDMA_EQ
 */
struct trace_of {
	uint32_t type, id;
};

/**
 * trace_queues() - the queues that an item is about
 * @of:		room for TRACE_QUEUES_MAX: its own, and the one that it names: a completion the work
 *		queue, an event the completion queue, a new queue the one that its entries go to
 *
 * Return: how many
 */
unsigned int trace_queues(const struct trace_item *item, struct trace_of *of);

/** trace_text() - what happened, without when and to which queue; all of it printable */
void trace_text(const struct trace_item *item, char text[TRACE_TEXT]);

/** trace_copy() - up to @size bytes of an item's data, filled up with zeros; false: it has fewer */
bool trace_copy(const struct trace_item *item, void *to, size_t size);

#endif
