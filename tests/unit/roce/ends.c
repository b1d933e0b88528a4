/* SPDX-License-Identifier: BSD-3-Clause */
#include "ends.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint64_t wire_random(struct wire *wire)
{
	wire->seed ^= wire->seed << 13;
	wire->seed ^= wire->seed >> 7;
	wire->seed ^= wire->seed << 17;
	return wire->seed * 0x2545f4914f6cdd1dull >> 16;
}

void fill(uint8_t *data, size_t len, uint64_t seed)
{
	struct wire wire = { .seed = seed * 2 + 1 };

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i % 8 ? wire.seed >> i % 8 * 8 : wire_random(&wire));
}

/* ---- the wire ---- */

static void put_frame(struct wire *wire, struct end *to, const struct iovec *iov, uint32_t iovcnt,
		      uint64_t arrives)
{
	struct frame_copy *frame;

	assert_true(wire->count < FRAMES_MAX);
	frame = &wire->frames[wire->used[wire->count++]];
	frame->to = to;
	frame->arrives = arrives;
	frame->number = wire->number++;
	frame->len = 0;
	for (; iovcnt; iov++, iovcnt--) {
		assert_true(frame->len + iov->iov_len <= FRAME_MAX);
		memcpy(frame->data + frame->len, iov->iov_base, iov->iov_len);
		frame->len += (uint32_t)iov->iov_len;
	}
}

static bool one_of(struct wire *wire, uint32_t per_mille)
{
	return per_mille && wire_random(wire) % 1000 < per_mille;
}

static int op_send(void *ctx, const struct iovec *iov, uint32_t iovcnt, uint32_t len)
{
	struct end *end = ctx;
	struct wire *wire = end->wire;
	uint64_t arrives = wire->now + WIRE_NS;
	uint32_t total = 0;

	for (uint32_t i = 0; i < iovcnt; i++)
		total += (uint32_t)iov[i].iov_len;
	assert_int_equal(total, len);
	assert_true(iovcnt <= ROCE_PIECES_MAX + 2);
	if (end->is_full)
		return -EAGAIN;
	if (one_of(wire, wire->loss))
		return 0;
	if (one_of(wire, wire->late))
		arrives += wire_random(wire) % (4 * WIRE_NS);
	put_frame(wire, end->peer, iov, iovcnt, arrives);
	if (one_of(wire, wire->twice))
		put_frame(wire, end->peer, iov, iovcnt, arrives + wire_random(wire) % WIRE_NS);
	return 0;
}

/* The frame that arrives next; FRAMES_MAX: none */
static uint32_t first_frame(const struct wire *wire)
{
	uint32_t first = FRAMES_MAX;

	for (uint32_t i = 0; i < wire->count; i++) {
		const struct frame_copy *frame = &wire->frames[wire->used[i]];
		const struct frame_copy *other =
			first < FRAMES_MAX ? &wire->frames[wire->used[first]] : NULL;

		if (!other || frame->arrives < other->arrives ||
		    (frame->arrives == other->arrives && frame->number < other->number))
			first = i;
	}
	return first;
}

static struct frame_copy *remove_frame(struct wire *wire, uint32_t at)
{
	const uint32_t index = wire->used[at];

	wire->used[at] = wire->used[--wire->count];
	wire->used[wire->count] = index;
	return &wire->frames[index];
}

static void deliver(struct wire *wire, struct frame_copy *frame)
{
	const struct iovec iov[2] = { { frame->data, frame->len / 3 },
				      { frame->data + frame->len / 3,
					frame->len - frame->len / 3 } };
	struct roce_packet packet;

	assert_int_equal(roce_parse(&packet, iov, 2, frame->len), 0);
	if (wire->checks_icrc)
		assert_true(roce_icrc_ok(&packet, iov, 2));
	roce_qp_receive(frame->to->qp, wire->now, &packet, iov, 2);
}

/* ---- what a queue pair asks for ---- */

static int pieces_of(const struct end *end, const struct memory *memory, uint64_t offset,
		     uint32_t len, struct iovec *iov)
{
	uint32_t piece = end->piece ? end->piece : len, count = 0;

	assert_true(len > 0);
	if (piece < len / (ROCE_PIECES_MAX - 1))
		piece = len / (ROCE_PIECES_MAX - 1);
	for (uint32_t at = 0; at < len; at += piece) {
		assert_true(count < ROCE_PIECES_MAX);
		iov[count++] = (struct iovec){ memory->base + offset + at,
					       len - at < piece ? len - at : piece };
	}
	return (int)count;
}

static int op_gather(void *ctx, uint64_t cookie, uint32_t offset, uint32_t len, struct iovec *iov)
{
	struct end *end = ctx;

	if (end->bad_memory)
		return -EFAULT;
	assert_true((uint64_t)offset + len <= end->requests[cookie].len);
	return pieces_of(end, &end->requests[cookie], offset, len, iov);
}

static int op_reach(void *ctx, uint32_t rkey, uint64_t va, uint32_t len, uint32_t access,
		    struct iovec *iov)
{
	struct end *end = ctx;

	assert_true(len > 0);
	for (unsigned int i = 0; i < REGIONS_MAX; i++) {
		const struct region *region = &end->regions[i];

		if (!region->rkey || region->rkey != rkey)
			continue;
		if (!(region->access & access) || va < region->va ||
		    va - region->va > region->memory.len ||
		    region->memory.len - (va - region->va) < len)
			return -EACCES;
		return iov ? pieces_of(end, &region->memory, va - region->va, len, iov) : 0;
	}
	return -EACCES;
}

static int op_receive_take(void *ctx)
{
	struct end *end = ctx;

	assert_false(end->taken);
	if (end->bad_entry)
		return -EFAULT;
	if (end->entry == end->entries_posted)
		return -EAGAIN;
	end->taken = true;
	return 0;
}

static int op_receive_reach(void *ctx, uint32_t offset, uint32_t len, struct iovec *iov)
{
	struct end *end = ctx;

	assert_true(end->taken);
	if ((uint64_t)offset + len > end->entries[end->entry].len)
		return -EMSGSIZE;
	return pieces_of(end, &end->entries[end->entry], offset, len, iov);
}

static void op_receive_done(void *ctx, const struct roce_received *received)
{
	struct end *end = ctx;

	assert_true(end->taken);
	assert_true(end->received_count < LOG_MAX);
	end->taken = false;
	end->entry++;
	end->received[end->received_count++] = *received;
}

static void op_receive_undo(void *ctx)
{
	struct end *end = ctx;

	assert_true(end->taken);
	end->taken = false;
}

static void op_request_done(void *ctx, uint64_t cookie, enum roce_status status)
{
	struct end *end = ctx;

	/* Each once, and in order */
	assert_int_equal(cookie, end->done_count);
	end->done[end->done_count++] = (struct done){ cookie, status };
}

static void op_acknowledged(void *ctx, uint32_t psn)
{
	struct end *end = ctx;

	assert_true(roce_psn_diff(psn, end->acknowledged) > 0);
	assert_int_equal(psn, roce_qp_acknowledged_psn(end->qp));
	end->acknowledged = psn;
}

static void op_fatal(void *ctx, enum roce_status status)
{
	struct end *end = ctx;

	end->fatal = status;
	end->fatal_count++;
}

static const struct roce_ops ops = {
	.send = op_send,
	.gather = op_gather,
	.scatter = op_gather,
	.reach = op_reach,
	.receive_take = op_receive_take,
	.receive_reach = op_receive_reach,
	.receive_done = op_receive_done,
	.receive_undo = op_receive_undo,
	.request_done = op_request_done,
	.acknowledged = op_acknowledged,
	.fatal = op_fatal,
};

/* ---- both ---- */

struct pair *pair_new(enum roce_kind kind, uint32_t requests)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	assert_non_null(pair);
	pair->wire.frames = calloc(FRAMES_MAX, sizeof(*pair->wire.frames));
	assert_non_null(pair->wire.frames);
	for (uint32_t i = 0; i < FRAMES_MAX; i++)
		pair->wire.used[i] = i;
	pair->wire.seed = 1;
	pair->wire.now = 1000;
	pair->wire.checks_icrc = true;
	for (unsigned int i = 0; i < 2; i++) {
		const struct roce_config config = { &ops, &pair->end[i], kind, requests,
						    0x100 + i };

		pair->end[i].wire = &pair->wire;
		pair->end[i].peer = &pair->end[!i];
		pair->end[i].qp = roce_qp_create(&config);
		assert_non_null(pair->end[i].qp);
	}
	return pair;
}

void pair_free(struct pair *pair)
{
	for (unsigned int i = 0; i < 2; i++)
		roce_qp_destroy(pair->end[i].qp);
	free(pair->wire.frames);
	free(pair);
}

struct roce_attributes pair_attributes(const struct pair *pair, unsigned int which, uint32_t mtu)
{
	/* Near the end, so that they wrap */
	static const uint32_t psn[2] = { 0xfffffd, 0xffff00 };
	struct roce_attributes attributes = {
		.access = ROCE_ACCESS_READ | ROCE_ACCESS_WRITE,
		.qkey = 0x1234,
		.mtu = mtu,
		.dest_qpn = 0x100 + !which,
		.rq_psn = psn[!which],
		.sq_psn = psn[which],
		.reads_in = 4,
		.reads_out = 4,
		.min_rnr_timer = 1,
		.ack_timeout = 14,
		.ack_timeout_max = 16,
		.retry_count = 7,
		.rnr_retry = 7,
		.address = { .dst_mac = { 2, 0, 0, 0, 0, (uint8_t)!which },
			     .src_mac = { 2, 0, 0, 0, 0, (uint8_t)which },
			     .dst_ip = { 10, 0, 0, (uint8_t)(1 + !which) },
			     .src_ip = { 10, 0, 0, (uint8_t)(1 + which) },
			     .udp_source = 49152,
			     .ip_version = 4,
			     .hop_limit = 64 },
	};

	if (pair->wire.ip6) {
		attributes.address.ip_version = 6;
		attributes.address.flow_label = 0x12345;
		memset(attributes.address.dst_ip, 0xfd, 16);
		memset(attributes.address.src_ip, 0xfd, 16);
		attributes.address.dst_ip[15] = (uint8_t)!which;
		attributes.address.src_ip[15] = (uint8_t)which;
	}
	return attributes;
}

void end_modify(struct end *end, enum roce_state state, const struct roce_attributes *attributes)
{
	assert_int_equal(roce_qp_modify(end->qp, state, attributes), 0);
	assert_int_equal(roce_qp_state(end->qp), state);
}

void pair_connect(struct pair *pair, uint32_t mtu)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct roce_attributes attributes = pair_attributes(pair, i, mtu);

		end_modify(&pair->end[i], ROCE_INIT, &attributes);
		end_modify(&pair->end[i], ROCE_RTR, &attributes);
		end_modify(&pair->end[i], ROCE_RTS, &attributes);
		pair->end[i].acknowledged = roce_qp_acknowledged_psn(pair->end[i].qp);
	}
}

uint64_t end_post(struct end *end, struct roce_request *request, struct memory memory)
{
	const uint32_t cookie = end->posted++;

	assert_true(cookie < LOG_MAX);
	end->requests[cookie] = memory;
	request->cookie = cookie;
	assert_int_equal(roce_qp_post(end->qp, request), 0);
	return cookie;
}

void end_post_receive(struct end *end, struct memory memory)
{
	assert_true(end->entries_posted < LOG_MAX);
	end->entries[end->entries_posted++] = memory;
}

bool pair_step(struct pair *pair)
{
	struct wire *wire = &pair->wire;
	uint64_t next = ROCE_NEVER;
	bool more = false;
	uint32_t first;

	for (unsigned int i = 0; i < 2; i++)
		if (roce_qp_wants_run(pair->end[i].qp) && !pair->end[i].is_full)
			more |= roce_qp_run(pair->end[i].qp, wire->now, RUN_BUDGET);
	first = first_frame(wire);
	if (first < FRAMES_MAX)
		next = wire->frames[wire->used[first]].arrives;
	for (unsigned int i = 0; i < 2; i++)
		if (roce_qp_deadline(pair->end[i].qp) < next)
			next = roce_qp_deadline(pair->end[i].qp);
	if (more && (next > wire->now || first == FRAMES_MAX))
		return true;
	if (next == ROCE_NEVER)
		return false;
	if (next > wire->now)
		wire->now = next;
	if (first < FRAMES_MAX && wire->frames[wire->used[first]].arrives <= wire->now)
		deliver(wire, remove_frame(wire, first));
	for (unsigned int i = 0; i < 2; i++)
		if (roce_qp_deadline(pair->end[i].qp) <= wire->now)
			roce_qp_tick(pair->end[i].qp, wire->now);
	return true;
}

void pair_settle(struct pair *pair)
{
	while (pair_step(pair))
		;
}

bool end_take(struct end *end, struct roce_packet *packet, uint8_t *frame)
{
	struct frame_copy *copy;
	struct iovec iov;
	uint32_t first;

	roce_qp_run(end->qp, end->wire->now, RUN_BUDGET);
	first = first_frame(end->wire);
	if (first == FRAMES_MAX)
		return false;
	copy = remove_frame(end->wire, first);
	assert_ptr_equal(copy->to, end->peer);
	iov = (struct iovec){ copy->data, copy->len };
	assert_int_equal(roce_parse(packet, &iov, 1, copy->len), 0);
	assert_true(roce_icrc_ok(packet, &iov, 1));
	if (frame)
		memcpy(frame, copy->data, copy->len);
	return true;
}

void end_give(struct end *end, struct roce_packet *packet, const void *payload, uint32_t len)
{
	struct pair *pair = (struct pair *)end->wire; /* its first member */
	const struct roce_attributes attributes =
		pair_attributes(pair, end->peer < end, 256); /* as the other end sends */
	struct roce_address address = attributes.address;
	struct roce_packet parsed;
	uint8_t trailer[ROCE_TRAILER_MAX];
	struct iovec iov[3];

	memcpy(address.dst_ip, attributes.address.src_ip, 16);
	memcpy(address.src_ip, attributes.address.dst_ip, 16);
	packet->payload_len = len;
	packet->pkey = ROCE_PKEY;
	roce_build(packet, &address);
	iov[0] = (struct iovec){ packet->headers, packet->payload_off };
	iov[1] = (struct iovec){ (void *)payload, len };
	iov[2] = (struct iovec){ trailer, roce_trailer(packet, &iov[1], 1, trailer) };
	assert_int_equal(roce_parse(&parsed, iov, 3, packet->payload_off + len + iov[2].iov_len),
			 0);
	roce_qp_receive(end->qp, end->wire->now, &parsed, iov, 3);
}
