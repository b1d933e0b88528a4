/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ends.h - two queue pairs and a wire between them, with a clock of its own.
 *
 * An end owns its queue pair as an adapter would: its memory has keys, its requests and receive
 * entries are pieces of that memory. The wire loses, doubles and reorders as its seed says. Time
 * passes only when there is nothing else to do, so a test takes as long as its work.
 */
#ifndef MANAKIN_TESTS_ROCE_ENDS_H
#define MANAKIN_TESTS_ROCE_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "roce/packet.h"
#include "roce/qp.h"

#define FRAME_MAX   4300u
#define FRAMES_MAX  4096u
#define LOG_MAX     4096u
#define REGIONS_MAX 4u
#define RUN_BUDGET  24000u
#define WIRE_NS     1000u /* what a frame takes */

struct frame_copy {
	uint64_t arrives;
	uint64_t number; /* order among those that arrive together */
	struct end *to;
	uint32_t len;
	uint8_t data[FRAME_MAX];
};

/**
 * struct wire - what is on its way
 * @loss, @twice, @late: of 1000 frames
 */
struct wire {
	struct frame_copy *frames;
	uint32_t used[FRAMES_MAX];
	uint32_t count;
	uint64_t now;
	uint64_t number;
	uint32_t loss, twice, late;
	uint64_t seed;
	bool checks_icrc;
	bool ip6; /* in place of IPv4 */
};

struct memory {
	uint8_t *base;
	uint32_t len;
};

struct region {
	uint32_t rkey;
	uint32_t access;
	uint64_t va;
	struct memory memory;
};

struct done {
	uint64_t cookie;
	enum roce_status status;
};

struct end {
	struct roce_qp *qp;
	struct wire *wire;
	struct end *peer;
	struct region regions[REGIONS_MAX];
	struct memory requests[LOG_MAX]; /* by cookie */
	struct memory entries[LOG_MAX];
	uint32_t entry, entries_posted;
	struct done done[LOG_MAX];
	uint32_t posted;
	uint32_t done_count;
	struct roce_received received[LOG_MAX];
	uint32_t received_count;
	uint32_t acknowledged;
	uint32_t fatal_count;
	enum roce_status fatal;
	uint32_t piece; /* bytes of a piece of memory at most; 0: no limit */
	bool taken;
	bool is_full;    /* takes no packet */
	bool bad_entry;  /* receive_take() fails */
	bool bad_memory; /* gather() and scatter() fail */
};

struct pair {
	struct wire wire;
	struct end end[2];
};

/** pair_new() - two queue pairs in ROCE_RESET; asserts */
struct pair *pair_new(enum roce_kind kind, uint32_t requests);
void pair_free(struct pair *pair);

/** pair_attributes() - what pair_connect() uses for an end */
struct roce_attributes pair_attributes(const struct pair *pair, unsigned int which, uint32_t mtu);

/** pair_connect() - both to ROCE_RTS, each as the other's peer */
void pair_connect(struct pair *pair, uint32_t mtu);

/** end_modify() - a transition that has to work */
void end_modify(struct end *end, enum roce_state state, const struct roce_attributes *attributes);

/** end_post() - post a request whose memory is @memory; returns its cookie */
uint64_t end_post(struct end *end, struct roce_request *request, struct memory memory);
void end_post_receive(struct end *end, struct memory memory);

/** pair_step() - run, deliver one frame, or let time pass; false: there is nothing to do */
bool pair_step(struct pair *pair);
/** pair_settle() - until there is nothing to do */
void pair_settle(struct pair *pair);

/** end_take() - run @end, and take the first frame on its way to the peer; false: none */
bool end_take(struct end *end, struct roce_packet *packet, uint8_t *frame);
/** end_give() - a frame with these headers from the peer, with its payload */
void end_give(struct end *end, struct roce_packet *packet, const void *payload, uint32_t len);

uint64_t wire_random(struct wire *wire);
void fill(uint8_t *data, size_t len, uint64_t seed);

#endif
