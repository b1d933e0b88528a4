/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/roce.c - two queue pairs, and any packets between them.
 *
 * Input, by the first byte:
 *
 *	0	the rest is a frame: parsed, and looked at
 *	else	the kind of the queue pairs; then operations, each an opcode byte followed by its arguments.
 *		The ends post requests and entries, run, and change states; what they send is
 *		delivered, lost, changed, or made up; keys and memory go away; time passes.
 *
 * What must hold: each request and each entry ends once, in order; no event costs more than its
 * budget; nothing reaches memory that no key, entry or request names, and nothing of it is sent. For
 * that every byte that may be sent is OPEN, and memory that may not is full of SECRET.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "input.h"
#include "roce/packet.h"
#include "roce/qp.h"

#define MTU        256u
#define FRAMES     32u
#define FRAME      400u
#define AREA       4096u
#define REQUESTS   16u
#define ENTRIES    8u
#define ENTRY      (AREA / ENTRIES)
#define OPS_MAX    300u
#define VA         0x7f0000000000ull
#define RKEY_READ  1u
#define RKEY_WRITE 2u
#define OPEN       0x01
#define SECRET     0x5e
#define FOREIGN    0xaa
/* What a packet may cost, besides the budget of a run: it, its payload twice, its entry, what it ends */
#define COST_STEP  (BUDGET_PACKET * 2 + BUDGET_ENTRY * (REQUESTS + 2) + 3 * MTU)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
	uint8_t secret_1[AREA];
	uint8_t readable[AREA];
	uint8_t secret_2[AREA];
	uint8_t writable[AREA];
	uint8_t secret_3[AREA];
	uint8_t source[AREA];
	uint8_t secret_4[AREA];
	uint8_t sink[AREA];
	uint8_t secret_5[AREA];
	uint8_t entries[AREA];
	uint8_t secret_6[AREA];
};

struct end {
	struct roce_qp *qp;
	struct end *peer;
	struct memory memory;
	uint64_t posted, done;      /* requests */
	uint32_t lengths[REQUESTS]; /* by number modulo this */
	uint32_t entry, entries;
	uint32_t entry_lengths[ENTRIES];
	bool is_read[REQUESTS];
	bool taken, is_full, no_memory, no_keys, bad_entry;
};

static struct end ends[2];
static struct {
	struct end *to;
	uint32_t len;
	uint8_t data[FRAME];
} frames[FRAMES];
static uint32_t count;
static uint64_t now;

/* ---- what a queue pair asks for ---- */

static int fuzz_send(void *ctx, const struct iovec *iov, uint32_t iovcnt, uint32_t len)
{
	struct end *end = ctx;
	uint32_t at = 0;

	if (end->is_full)
		return -EAGAIN;
	require(len <= FRAME && iovcnt >= 2);
	for (uint32_t i = 1; i + 1 < iovcnt; i++)
		for (size_t byte = 0; byte < iov[i].iov_len; byte++)
			require(((const uint8_t *)iov[i].iov_base)[byte] == OPEN);
	if (count == FRAMES)
		return 0;
	frames[count].to = end->peer;
	for (uint32_t i = 0; i < iovcnt; i++) {
		require(iov[i].iov_len <= len - at);
		memcpy(frames[count].data + at, iov[i].iov_base, iov[i].iov_len);
		at += (uint32_t)iov[i].iov_len;
	}
	require(at == len);
	frames[count++].len = len;
	return 0;
}

/* In two pieces, if there is enough */
static int pieces(uint8_t *base, uint32_t len, struct iovec *iov)
{
	const uint32_t first = len > 5 ? 5 : len;

	require(len > 0 && len <= AREA);
	iov[0] = (struct iovec){ base, first };
	iov[1] = (struct iovec){ base + first, len - first };
	return len > first ? 2 : 1;
}

static int request_memory(struct end *end, uint64_t cookie, uint32_t offset, uint32_t len,
			  bool is_read, struct iovec *iov)
{
	require(cookie >= end->done && cookie < end->posted);
	require(end->is_read[cookie % REQUESTS] == is_read);
	require((uint64_t)offset + len <= end->lengths[cookie % REQUESTS]);
	if (end->no_memory)
		return -EFAULT;
	return pieces((is_read ? end->memory.sink : end->memory.source) + offset, len, iov);
}

static int fuzz_gather(void *ctx, uint64_t cookie, uint32_t offset, uint32_t len, struct iovec *iov)
{
	return request_memory(ctx, cookie, offset, len, false, iov);
}

static int fuzz_scatter(void *ctx, uint64_t cookie, uint32_t offset, uint32_t len,
			struct iovec *iov)
{
	return request_memory(ctx, cookie, offset, len, true, iov);
}

static int fuzz_reach(void *ctx, uint32_t rkey, uint64_t va, uint32_t len, uint32_t access,
		      struct iovec *iov)
{
	struct end *end = ctx;

	require(len > 0 && (access == ROCE_ACCESS_READ || access == ROCE_ACCESS_WRITE));
	if (end->no_keys || rkey != (access == ROCE_ACCESS_READ ? RKEY_READ : RKEY_WRITE) ||
	    va < VA || va - VA > AREA || len > AREA - (va - VA))
		return -EACCES;
	if (!iov)
		return 0;
	return pieces((rkey == RKEY_READ ? end->memory.readable : end->memory.writable) + (va - VA),
		      len, iov);
}

static int fuzz_receive_take(void *ctx)
{
	struct end *end = ctx;

	require(!end->taken);
	if (end->bad_entry)
		return -EINVAL;
	if (end->entry == end->entries)
		return -EAGAIN;
	end->taken = true;
	return 0;
}

static int fuzz_receive_reach(void *ctx, uint32_t offset, uint32_t len, struct iovec *iov)
{
	struct end *end = ctx;
	const uint32_t slot = end->entry % ENTRIES;

	require(end->taken);
	if ((uint64_t)offset + len > end->entry_lengths[slot])
		return -EMSGSIZE;
	if (end->no_memory)
		return -EFAULT;
	return pieces(end->memory.entries + slot * ENTRY + offset, len, iov);
}

static void fuzz_receive_done(void *ctx, const struct roce_received *received)
{
	struct end *end = ctx;

	require(end->taken);
	if (received->status == ROCE_SUCCESS && received->opcode != ROCE_OP_WRITE_IMM)
		require(received->length <= end->entry_lengths[end->entry % ENTRIES]);
	end->taken = false;
	end->entry++;
}

static void fuzz_receive_undo(void *ctx)
{
	struct end *end = ctx;

	require(end->taken);
	end->taken = false;
}

static void fuzz_request_done(void *ctx, uint64_t cookie, enum roce_status status)
{
	struct end *end = ctx;

	require(cookie == end->done && cookie < end->posted);
	require(status <= ROCE_RNR_RETRY_EXCEEDED);
	end->done++;
}

static void fuzz_acknowledged(void *ctx, uint32_t psn)
{
	const struct end *end = ctx;

	require(psn == roce_qp_acknowledged_psn(end->qp));
}

static void fuzz_fatal(void *ctx, enum roce_status status)
{
	const struct end *end = ctx;

	require(status != ROCE_SUCCESS);
	require(roce_qp_state(end->qp) >= ROCE_SQE);
}

static const struct roce_ops ops = {
	.send = fuzz_send,
	.gather = fuzz_gather,
	.scatter = fuzz_scatter,
	.reach = fuzz_reach,
	.receive_take = fuzz_receive_take,
	.receive_reach = fuzz_receive_reach,
	.receive_done = fuzz_receive_done,
	.receive_undo = fuzz_receive_undo,
	.request_done = fuzz_request_done,
	.acknowledged = fuzz_acknowledged,
	.fatal = fuzz_fatal,
};

/* ---- operations ---- */

static struct roce_attributes attributes_of(const struct end *end)
{
	const bool second = end == &ends[1];

	return (struct roce_attributes){
		.access = ROCE_ACCESS_READ | ROCE_ACCESS_WRITE,
		.qkey = 7,
		.mtu = MTU,
		.dest_qpn = 8u + !second,
		.rq_psn = second ? 0xfffff0 : 0x7ffff8,
		.sq_psn = second ? 0x7ffff8 : 0xfffff0,
		.reads_in = 3,
		.reads_out = 3,
		.min_rnr_timer = 1,
		.ack_timeout = 10,
		.retry_count = 3,
		.rnr_retry = 3,
		.address = { .ip_version = 4,
			     .src_ip = { 10, 0, 0, second },
			     .dst_ip = { 10, 0, 0, !second } },
	};
}

static uint32_t take_length(void)
{
	static const uint32_t lengths[] = { 0, 1, 3, MTU - 1, MTU, MTU + 1, 4 * MTU, AREA };
	const uint8_t choice = take();

	return choice & 0x80 ? (uint32_t)(choice & 0x7f) << 5 | take() >> 3 : lengths[choice % 8];
}

static uint64_t take_va(void)
{
	static const uint64_t offsets[] = {
		0, 1, AREA - 1, AREA, -1ull, AREA - MTU, -VA, 1ull << 40
	};

	return VA + offsets[take() % 8];
}

static void post(struct end *end)
{
	const struct roce_attributes attributes = attributes_of(end);
	struct roce_request request = { .cookie = end->posted, .address = &attributes.address };
	const uint32_t slot = end->posted % REQUESTS;
	const uint8_t flags = take();

	request.opcode = flags % 6;
	request.solicited = flags & 0x10;
	request.fence = flags & 0x20;
	request.psn_given = flags & 0x40;
	request.psn = roce_qp_next_psn(end->qp) + (flags >> 7);
	request.length = take_length();
	request.va = take_va();
	request.rkey = take() % 4;
	request.dest_qpn = 8u + (end == &ends[0]);
	request.qkey = 7;
	/* The slot is free if the queue pair has room */
	if (!roce_qp_free_requests(end->qp)) {
		require(roce_qp_post(end->qp, &request) != 0);
		return;
	}
	end->lengths[slot] = request.length;
	end->is_read[slot] = request.opcode == ROCE_OP_READ;
	end->posted++; /* a request may be done before the call returns */
	if (roce_qp_post(end->qp, &request))
		end->posted--;
}

static void run(struct end *end)
{
	const uint32_t budget = (uint32_t)(take() + 1) * 100, start = budget_spent;

	roce_qp_run(end->qp, now, budget);
	require(budget_since(start) <= budget + COST_STEP);
}

static void deliver(struct end *to, const uint8_t *data, uint32_t len)
{
	/* Memory of its own, so that the address sanitizer sees a byte too far */
	uint8_t *copy = malloc(len ? len : 1);
	struct roce_packet packet;
	const uint32_t start = budget_spent;
	struct iovec iov[2];

	require(copy != NULL);
	memcpy(copy, data, len);
	iov[0] = (struct iovec){ copy, len / 2 };
	iov[1] = (struct iovec){ copy + len / 2, len - len / 2 };
	if (!roce_parse(&packet, iov, 2, len))
		roce_qp_receive(to->qp, now, &packet, iov, 2);
	require(budget_since(start) <= COST_STEP);
	free(copy);
}

static void drop_first(void)
{
	memmove(&frames[0], &frames[1], --count * sizeof(frames[0]));
}

static void move_frames(uint8_t what)
{
	struct roce_packet packet;
	struct iovec iov;

	if (!count)
		return;
	switch (what % 4) {
	case 0:
		break;
	case 1: /* again later */
		if (count < FRAMES)
			frames[count++] = frames[0];
		break;
	case 2: /* lost */
		drop_first();
		return;
	default: /* changed, from BTH on */
		iov = (struct iovec){ frames[0].data, frames[0].len };
		require(!roce_parse(&packet, &iov, 1, frames[0].len));
		frames[0].data[packet.bth_off + take() % (frames[0].len - packet.bth_off)] ^=
			take();
	}
	deliver(frames[0].to, frames[0].data, frames[0].len);
	if (count)
		drop_first();
}

/* A packet that the peer never sent */
static void make_up(struct end *to)
{
	const struct roce_attributes attributes = attributes_of(to->peer);
	uint8_t frame[FRAME], trailer[ROCE_TRAILER_MAX], payload[MTU + 8];
	static const uint32_t lengths[] = { 0, 1, 4, MTU, MTU - 4, MTU + 4 };
	struct roce_packet packet = { .pkey = ROCE_PKEY };
	struct iovec iov = { payload, 0 };
	const uint8_t opcode = take();
	uint32_t n;

	packet.service = opcode & ROCE_SERVICE;
	packet.operation = opcode & 0x1f;
	packet.dest_qpn = attributes.dest_qpn;
	/* Near what this end waits for: an answer to its requests, or the peer's next request */
	packet.psn = packet.operation >= ROCE_READ_FIRST && packet.operation <= ROCE_ATOMIC_ACK
			     ? roce_psn_add(roce_qp_acknowledged_psn(to->qp), 1)
			     : roce_qp_next_psn(to->peer->qp);
	packet.psn = roce_psn_add(packet.psn, take() - 128u);
	packet.rkey = take() % 4;
	packet.va = take_va();
	packet.length = take_length();
	if (packet.length == 3)
		packet.length = UINT32_MAX;
	packet.syndrome = packet.operation == ROCE_ACK ? take() : 0;
	packet.qkey = 7;
	packet.ack_request = true;
	if (packet.operation != ROCE_READ_REQUEST && packet.operation != ROCE_ACK)
		packet.payload_len = lengths[take() % 6];
	memset(payload, FOREIGN, sizeof(payload));
	iov.iov_len = packet.payload_len;
	roce_build(&packet, &attributes.address);
	memcpy(frame, packet.headers, packet.payload_off);
	memcpy(frame + packet.payload_off, payload, packet.payload_len);
	n = roce_trailer(&packet, &iov, 1, trailer);
	memcpy(frame + packet.payload_off + packet.payload_len, trailer, n);
	deliver(to, frame, packet.payload_off + packet.payload_len + n);
}

static void change_state(struct end *end)
{
	struct roce_attributes attributes = attributes_of(end);
	const uint8_t choice = take();
	const enum roce_state state = (enum roce_state)(choice % 7);

	if (choice & 0x80)
		attributes.access = choice >> 5 & 3;
	if (roce_qp_modify(end->qp, state, choice & 0x40 ? NULL : &attributes))
		return;
	require(roce_qp_state(end->qp) == state);
	if (state == ROCE_RESET) { /* forgets all */
		end->done = end->posted;
		end->taken = false;
	}
}

static void tick(struct end *end)
{
	if (roce_qp_deadline(end->qp) == ROCE_NEVER)
		return;
	if (roce_qp_deadline(end->qp) > now)
		now = roce_qp_deadline(end->qp);
	roce_qp_tick(end->qp, now);
}

static void operation(void)
{
	const uint8_t opcode = take();
	struct end *end = &ends[opcode >> 7];

	switch (opcode % 12) {
	case 0:
		post(end);
		break;
	case 1:
		if (end->entries - end->entry < ENTRIES)
			end->entry_lengths[end->entries++ % ENTRIES] = take() * 2u % (ENTRY + 1);
		break;
	case 2:
	case 3:
		run(end);
		break;
	case 4:
	case 5:
	case 6:
		move_frames(opcode >> 4);
		break;
	case 7:
	case 8:
		make_up(end);
		break;
	case 9:
		tick(end);
		break;
	case 10:
		change_state(end);
		break;
	default:
		end->is_full = opcode & 0x10;
		end->no_memory = opcode & 0x20;
		end->no_keys = opcode & 0x40;
		end->bad_entry = (opcode & 0x70) == 0x70;
	}
}

/* ---- an input ---- */

static void begin(struct end *end, enum roce_kind kind)
{
	const struct roce_config config = { &ops, end, kind, REQUESTS, 8u + (end == &ends[1]) };
	const struct roce_attributes attributes = attributes_of(end);

	memset(end, 0, sizeof(*end));
	end->peer = end == &ends[0] ? &ends[1] : &ends[0];
	memset(&end->memory, SECRET, sizeof(end->memory));
	memset(end->memory.readable, OPEN, AREA);
	memset(end->memory.source, OPEN, AREA);
	end->qp = roce_qp_create(&config);
	require(end->qp != NULL);
	require(!roce_qp_modify(end->qp, ROCE_INIT, &attributes));
	require(!roce_qp_modify(end->qp, ROCE_RTR, &attributes));
	require(!roce_qp_modify(end->qp, ROCE_RTS, &attributes));
}

/* Everything ends, whatever state it is in */
static void finish(struct end *end)
{
	const struct memory *memory = &end->memory;
	const uint8_t *secrets[] = { memory->secret_1, memory->secret_2, memory->secret_3,
				     memory->secret_4, memory->secret_5, memory->secret_6 };

	end->is_full = false;
	require(!roce_qp_modify(end->qp, ROCE_ERROR, NULL));
	for (unsigned int i = 0; i < 3 && roce_qp_wants_run(end->qp); i++)
		roce_qp_run(end->qp, now, BUDGET_TURN);
	require(!roce_qp_wants_run(end->qp));
	require(end->done == end->posted && !end->taken);
	require(roce_qp_free_requests(end->qp) == REQUESTS);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		for (size_t byte = 0; byte < AREA; byte++)
			require(secrets[i][byte] == SECRET);
	for (size_t byte = 0; byte < AREA; byte++)
		require(memory->readable[byte] == OPEN && memory->source[byte] == OPEN);
	roce_qp_destroy(end->qp);
}

static void look_at_frame(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1), grh[ROCE_GRH_LEN];
	struct roce_address address;
	struct roce_packet packet;
	struct iovec iov[3];

	require(copy != NULL);
	memcpy(copy, data, size);
	iov[0] = (struct iovec){ copy, size / 3 };
	iov[1] = (struct iovec){ copy + size / 3, size / 3 };
	iov[2] = (struct iovec){ copy + size / 3 * 2, size - size / 3 * 2 };
	if (!roce_parse(&packet, iov, 3, size)) {
		require(roce_is_udp(copy, size));
		require(packet.payload_off <= sizeof(packet.headers));
		require(packet.payload_off + packet.payload_len + packet.pad + ROCE_ICRC_LEN <=
			size);
		roce_icrc_ok(&packet, iov, 3);
		roce_grh(&packet, grh);
		roce_reply_address(&packet, &address);
		require(roce_from_peer(&packet, &address));
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t kind;

	in = data;
	left = size;
	kind = take();
	if (!kind) {
		look_at_frame(in, left);
		return 0;
	}
	now = 1;
	count = 0;
	begin(&ends[0], (enum roce_kind)((kind - 1) % 3));
	begin(&ends[1], (enum roce_kind)((kind - 1) % 3));
	for (unsigned int i = 0; i < OPS_MAX && left; i++)
		operation();
	finish(&ends[0]);
	finish(&ends[1]);
	return 0;
}
