/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rdma-plan.h - what rdma-traffic.c sends: kind, size, place and bytes of each request, from a seed.
 */
#ifndef MANAKIN_TESTS_RDMA_PLAN_H
#define MANAKIN_TESTS_RDMA_PLAN_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GUARD  32 /* bytes behind each slot that stay as they are */
#define POISON 0xa5

enum kind { SEND, SEND_IMM, WRITE, WRITE_IMM, READ };
static const char kind_names[] = "siwWr";

/**
 * struct op - a request
 * @offset:	of its slot, in the arena at either end
 * @remote:	where it goes in the target's: there, or for a READ of what was written, to that slot
 * @key:	its bytes follow from that
 * @flags:	of enum ibv_send_flags
 */
struct op {
	enum kind kind;
	uint32_t size, offset, remote;
	uint64_t key;
	unsigned int flags, sges;
};

/**
 * struct flow - one direction of a queue pair, at one end
 * @size:	of the arena
 * @posted:	entries: requests, or receives of these requests
 * @done:	requests that are known to have ended
 */
struct flow {
	struct op *ops;
	uint8_t *arena;
	size_t size;
	uint32_t count, posted, done;
};

/** struct limits - what a plan keeps to */
struct limits {
	uint32_t longest;
	unsigned int sges;
	const char *kinds;
};

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

/** draw() - a number below @limit */
static uint32_t draw(uint64_t *state, uint64_t limit)
{
	*state = mix(*state);
	return (uint32_t)((*state >> 11) % limit);
}

static bool takes_receive(const struct op *op)
{
	return op->kind == SEND || op->kind == SEND_IMM || op->kind == WRITE_IMM;
}

/** arena_size() - enough for so many requests, half of which may be the longest */
static size_t arena_size(uint32_t count, uint32_t longest)
{
	return longest * 2ull + count * (longest / 8ull + 3 * GUARD);
}

/** plan() - @count requests */
static void plan(struct flow *flow, uint32_t count, const struct limits *limits, uint64_t state)
{
	const struct op *written = NULL;
	uint32_t offset = 0;

	flow->posted = flow->done = 0;
	flow->count = count;
	for (uint32_t i = 0; i < count; i++) {
		struct op *op = &flow->ops[i];
		size_t left = flow->size - offset - (count - i) * (size_t)(2 * GUARD);
		char name = limits->kinds[draw(&state, strlen(limits->kinds))];

		op->kind = (enum kind)(strchr(kind_names, name) - kind_names);
		/* Small ones are as likely as large ones, and the longest and none happen. */
		op->size = draw(&state, limits->longest + 1ull);
		op->size >>= draw(&state, 18);
		if (!draw(&state, 32))
			op->size = limits->longest;
		op->remote = op->offset = offset + draw(&state, GUARD);
		op->key = (uint64_t)draw(&state, 1ull << 32) << 32 | draw(&state, 1ull << 32);
		op->sges = 1 + draw(&state, limits->sges);
		op->flags = draw(&state, 8) ? 0 : IBV_SEND_FENCE;
		if (draw(&state, 4) || i % 8 == 7 || i == count - 1)
			op->flags |= IBV_SEND_SIGNALED;
		if (op->kind == READ && written && draw(&state, 2)) {
			op->remote = written->offset;
			op->size = written->size;
			op->key = written->key;
		}
		if (op->kind == WRITE || op->kind == WRITE_IMM)
			written = op;
		if (op->size > left)
			op->size = (uint32_t)left;
		offset = op->offset + op->size + GUARD;
	}
}

static uint64_t word(uint64_t key, uint64_t i)
{
	return (key | 1) * (i + 0x9e3779b97f4a7c15);
}

/** fill() - put a request's bytes into its slot */
static void fill(const struct flow *flow, const struct op *op)
{
	for (uint32_t at = 0; at < op->size; at += 8) {
		uint64_t value = word(op->key, at);

		memcpy(flow->arena + op->offset + at, &value,
		       op->size - at < 8 ? op->size - at : 8);
	}
}

/** difference() - where a slot differs from a request's bytes; its size if nowhere */
static uint32_t difference(const struct flow *flow, const struct op *op)
{
	for (uint32_t at = 0; at < op->size; at += 8) {
		uint64_t value = word(op->key, at);

		if (memcmp(flow->arena + op->offset + at, &value,
			   op->size - at < 8 ? op->size - at : 8) != 0)
			return at;
	}
	return op->size;
}

/**
 * damage() - a place in the arena that is not as it has to be when all requests have ended
 *
 * Return: its offset, or the arena's size: all is right
 */
static size_t damage(const struct flow *flow, bool target)
{
	size_t at = 0;

	for (uint32_t i = 0; i < flow->count; i++) {
		const struct op *op = &flow->ops[i];

		/* A READ of what was written has no bytes of its own there. */
		if (target && op->remote != op->offset)
			continue;
		for (; at < op->offset; at++)
			if (flow->arena[at] != POISON)
				return at;
		if (difference(flow, op) < op->size)
			return op->offset + difference(flow, op);
		at = op->offset + op->size;
	}
	while (at < flow->size && (!flow->count || flow->arena[at] == POISON))
		at++;
	return at;
}

#endif
