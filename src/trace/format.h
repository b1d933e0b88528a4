/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace/format.h - the trace of an adapter: what is in its file.
 *
 * The room trace/ is the file that `manakin device --trace` writes and `manakin trace` prints: its
 * format (this file; pcapng.h), how it is written while lanes move packets (recorder.h), how it is
 * read (reader.h), and what is made of it for a person (names.h, text.h, print.h, explain.h). It uses
 * base/ and wire/. It knows nothing of an adapter's insides: device/trace.c tells it what happens. It
 * reads no command line, and opens no file but the one that is named (create.h).
 *
 * A trace is a pcapng file. Each vPort is an interface with Ethernet frames, and each adapter has
 * one more, of link type USER0, with everything else in the same time line. A packet of that
 * interface is a struct trace_record, followed by its data. docs/trace.md describes it for others;
 * share/wireshark/mana.lua reads it. What is added gets a new kind, or room at the header's end,
 * which readers skip; anything else is a new version.
 */
#ifndef MANAKIN_TRACE_FORMAT_H
#define MANAKIN_TRACE_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_VERSION         1u
#define TRACE_LINK_ETHERNET   1u   /* LINKTYPE_ETHERNET */
#define TRACE_LINK_USER0      147u /* LINKTYPE_USER0 */
#define TRACE_SNAPLEN_DEFAULT 128u /* bytes of a frame */
#define TRACE_SNAPLEN_MAX     65550u
#define TRACE_DATA_MAX        4096u /* bytes of a record's data; the rest is left out */

/**
 * enum trace_kind - what happened; the fields of struct trace_record that are not named are 0
 * @TRACE_CLIENT: type: enum trace_client
 * @TRACE_MEMORY: type: enum trace_memory; value: IOVA; data: a 64-bit size
 * @TRACE_SMC:	the shared-memory channel; type: 0 from the driver, 1 the answer; data: the aperture
 * @TRACE_COMMAND: type: code; position: message id; data: the request, from struct gdma_req_header on
 * @TRACE_ANSWER: type: the command's code; position: message id; value: status; data: the response
 * @TRACE_QUEUE: type: 0 created, 1 destroyed; queue; data: struct trace_queue
 * @TRACE_DOORBELL: type: offset in the page; position: page, TRACE_SHARED if it is in shared memory:
 *		then queue is its number and value the tail in bytes; else value: as written, queue:
 *		the number in it
 * @TRACE_ENTRY: of a work queue, taken by the adapter; type: GDMA_SQ or GDMA_RQ; queue; position: in
 *		basic units since the queue was created; data: the entry
 * @TRACE_COMPLETION: queue: of the completion queue; position: its place there; data: the entry
 * @TRACE_EVENT: queue: of the event queue; position: its place; value: 1 if it raised an interrupt;
 *		data: the entry
 * @TRACE_INTERRUPT: position: the vector
 * @TRACE_FAULT: a fault that was asked for; data: what, in words
 * @TRACE_LOST:	value: records and frames of all interfaces that a thread could not keep before here
 * @TRACE_START: the trace began; type: 1 if a client was attached already; data: who writes, in words
 */
enum trace_kind {
	TRACE_CLIENT = 1,
	TRACE_MEMORY = 2,
	TRACE_SMC = 3,
	TRACE_COMMAND = 4,
	TRACE_ANSWER = 5,
	TRACE_QUEUE = 6,
	TRACE_DOORBELL = 7,
	TRACE_ENTRY = 8,
	TRACE_COMPLETION = 9,
	TRACE_EVENT = 10,
	TRACE_INTERRUPT = 11,
	TRACE_FAULT = 12,
	TRACE_LOST = 13,
	TRACE_START = 14,
	TRACE_KINDS
};

enum trace_client { TRACE_ATTACHED = 0, TRACE_DETACHED = 1, TRACE_RESET = 2 };
enum trace_memory { TRACE_MAPPED = 0, TRACE_UNMAPPED = 1, TRACE_UNMAPPED_ALL = 2 };

#define TRACE_SHARED    UINT32_MAX
#define TRACE_NO_PARENT UINT32_MAX

/**
 * struct trace_record - a packet of an adapter's interface, before its data; little-endian
 * @version:	TRACE_VERSION
 * @kind:	enum trace_kind
 * @header:	bytes of this header: the data comes after them
 * @queue, @type, @position, @value: depend on @kind
 * @thread:	which thread told it, numbered from 0 in the order in which they first did
 * @reserved:	0
 * @len:	bytes of the data as it was; fewer follow if it was cut
 */
struct trace_record {
	uint8_t version;
	uint8_t kind;
	uint16_t header;
	uint32_t queue;
	uint32_t type;
	uint32_t position;
	uint64_t value;
	uint16_t thread;
	uint16_t reserved;
	uint32_t len;
};
static_assert(sizeof(struct trace_record) == 32, "record");
static_assert(offsetof(struct trace_record, value) == 16, "record");

/**
 * struct trace_queue - data of TRACE_QUEUE; little-endian
 * @type:	GDMA_SQ, GDMA_RQ, GDMA_CQ or GDMA_EQ
 * @size:	bytes
 * @doorbell:	page
 * @pd:		protection domain
 * @parent:	the completion queue of a work queue, the event queue of a completion queue
 *		(TRACE_NO_PARENT: none), the vector of an event queue
 */
struct trace_queue {
	uint32_t type;
	uint32_t size;
	uint32_t doorbell;
	uint32_t pd;
	uint32_t parent;
};
static_assert(sizeof(struct trace_queue) == 20, "queue");

#endif
