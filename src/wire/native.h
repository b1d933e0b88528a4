/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/native.h - an extension of this adapter to MANA: doorbells in shared memory, for a driver in
 * a process on the same machine.
 *
 * Theory of operation
 *
 * BAR 2 is memory that the driver maps. Each work queue can be bound to one of its pages with this
 * project's own command, NATIVE_BIND_DOORBELL. From then on the driver posts by writing the page's
 * tail, and the adapter polls the tail as long as there is work. When there is none, it sets a flag
 * in the page and sleeps; the driver then has to ring the ordinary doorbell in BAR 0 once:
 *
 *	driver				adapter
 *	write entries		|	asleep = 1
 *	tail = new (release)	|	full fence
 *	full fence		|	if tail has moved: asleep = 0, go on
 *	if asleep: ring BAR 0	|	sleep; on the doorbell: asleep = 0
 *
 * The two fences make sure that at least one side sees the other's write. Completions need no
 * doorbell at all: a driver that polls reads owner bits; one that wants an event
 * arms its completion queue through BAR 0.
 *
 * Stock drivers never access BAR 2 and never send the command. Defined by this
 * project; there is no other source.
 */
#ifndef MANAKIN_WIRE_NATIVE_H
#define MANAKIN_WIRE_NATIVE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/hwc.h"

#define NATIVE_BAR                       2u
#define NATIVE_DOORBELL_PAGES            4096u
#define NATIVE_DOORBELL_SIZE             4096u /* bytes of a page */
#define NATIVE_BAR_SIZE                  (NATIVE_DOORBELL_PAGES * NATIVE_DOORBELL_SIZE)

/* gdma_verify_version_resp.pf_cap_flags4: BAR 2 and the command exist */
#define NATIVE_PF_CAP_4_SHARED_DOORBELLS (1ull << 63)

/**
 * struct native_doorbell - a page of BAR 2
 * @tail:	written by the driver: basic units posted since the queue was created, modulo 2^32
 * @asleep:	written by the adapter: not 0 if the driver must ring BAR 0 after it has moved the
 *		tail
 */
struct native_doorbell {
	uint32_t tail;
	uint32_t reserved1[15];
	uint32_t asleep;
	uint32_t reserved2[15];
};
static_assert(sizeof(struct native_doorbell) == 128, "one cache line each way");
static_assert(offsetof(struct native_doorbell, asleep) == 64, "one cache line each way");

enum native_command {
	NATIVE_BIND_DOORBELL = 0x7f0001,
};

/**
 * struct native_bind_doorbell_req - answered by gdma_general_resp
 * @queue_type:	GDMA_SQ or GDMA_RQ
 * @queue_id:	number of the queue; nothing may have been posted to it yet
 * @page:	of BAR 2, below NATIVE_DOORBELL_PAGES and not bound to another queue;
 *		the adapter sets tail to 0 and asleep to 1
 *
 * The binding ends with the queue.
 */
struct native_bind_doorbell_req {
	struct gdma_req_header hdr;
	uint32_t queue_type;
	uint32_t queue_id;
	uint32_t page;
	uint32_t reserved;
};
static_assert(sizeof(struct native_bind_doorbell_req) == 56, "bind doorbell");

#endif
