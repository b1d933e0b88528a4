/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace/reader.h - read a trace, whoever wrote the file.
 *
 * All of the file is looked through first, and what is in it is then returned in the order of its
 * time stamps: in the file, the newest can be before the oldest (recorder.h). Nothing in the file
 * is trusted.
 */
#ifndef MANAKIN_TRACE_READER_H
#define MANAKIN_TRACE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "trace/format.h"

#define TRACE_INTERFACES_MAX 4096u /* of a file */

struct trace_reader;

/**
 * struct trace_interface - an interface of the file
 * @name:	as in the file, also what no terminal should be sent
 * @link:	TRACE_LINK_*
 * @counted:	the file says how many there were and how many are missing: it was ended in order
 */
struct trace_interface {
	char name[64];
	uint16_t link;
	uint32_t multiply; /* from its time stamps to nanoseconds */
	bool counted;
	uint64_t received, lost;
};

/**
 * struct trace_item - a frame or a record
 * @time:	ns since 1970
 * @number:	of it in the file, from 1 on, in the order of time
 * @frame:	it is a frame of a vPort
 * @record:	else; kind 0: it is none of a version that is known
 * @data:	of the frame or record, @captured bytes; valid until the next one is read
 * @len:	its bytes as they were
 * @direction, @queue: of a frame: PCAPNG_OUTBOUND or INBOUND, or 0
 */
struct trace_item {
	uint64_t time;
	uint64_t number;
	const struct trace_interface *interface;
	bool frame;
	struct trace_record record;
	const uint8_t *data;
	uint32_t captured, len;
	uint32_t direction, queue;
};

/**
 * trace_reader_open() - open a file, and look through it
 *
 * Return: 0 or a negative errno, with @error set
 */
int trace_reader_open(const char *name, struct trace_reader **reader, struct error *error);

/** trace_reader_take() - the same with an open file, which can be read at any place and becomes the reader's */
int trace_reader_take(int fd, const char *name, struct trace_reader **reader, struct error *error);

/** trace_reader_next() - 1: the next one is in @item; 0: there are no more, or it cannot be read again */
int trace_reader_next(struct trace_reader *reader, struct trace_item *item);

/** trace_reader_rewind() - start again */
void trace_reader_rewind(struct trace_reader *reader);

/**
 * trace_reader_ended() - was the file ended in order?
 * @lost:	filled in: what it says could not be kept, of all interfaces
 */
bool trace_reader_ended(const struct trace_reader *reader, uint64_t *lost);

/** trace_reader_missing() - is something missing in it? Then what, as a sentence, in @error */
bool trace_reader_missing(const struct trace_reader *reader, const char *name, struct error *error);

/** trace_reader_cut() - where the file ends in the middle of a block, or is damaged; 0: it does not */
uint64_t trace_reader_cut(const struct trace_reader *reader);

void trace_reader_close(struct trace_reader *reader);

#endif
