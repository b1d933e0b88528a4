/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/examine_state.h - what the examiner's files share.
 */
#ifndef MANAKIN_DEVICE_EXAMINE_STATE_H
#define MANAKIN_DEVICE_EXAMINE_STATE_H

#include <stdatomic.h>

#include "device/examine.h"
#include "device/pair.h"
#include "device/state.h"
#include "device/watch.h"

#define EXAMINE_QUEUES  ADAPTER_CQS /* numbers of a kind of queues: of completion queues most */
#define EXAMINE_PENDING 16u         /* commands without an answer that are remembered */

static_assert(EXAMINE_QUEUES >= ADAPTER_EQS, "numbers of event queues");
static_assert(EXAMINE_QUEUES >= ADAPTER_WQS + PAIR_BLOCK * ADAPTER_PAIRS, "and of work queues");

/**
 * struct exam_buffer - a receive buffer that was taken
 * @address:	0: none
 * @position:	of its entry
 * @posted:	how far the driver had posted when it was taken
 */
struct exam_buffer {
	uint64_t address;
	uint32_t position, posted;
};

/**
 * struct exam_queue - a queue, or what is left of one
 * @lock:	of all below
 * @type:	GDMA_SQ, ...
 * @live:	exists
 * @known:	has existed
 * @hwc, @rdma:	is the hardware channel's, or a queue pair's or for RDMA; else Ethernet's
 * @steered:	RQ: packets were steered to it, and no fence has come since; see RULE_ORDER_FENCE
 * @lost:	a page of its memory is not mapped
 * @armed:	CQ, EQ: by a doorbell, and no event or interrupt came since
 * @rung:	CQ: at least once
 * @page:	of its doorbell
 * @count:	CQ, EQ: entries; SQ, RQ: basic units
 * @wq:		SQ, RQ: while it lives
 * @taken:	SQ, RQ: how far the adapter has read, in basic units
 * @written:	CQ, EQ: entries that the adapter has written, or is about to, since its creation
 * @read:	CQ, EQ: what the driver's last doorbell said
 * @words:	CQ, EQ: the last 8 bytes of each entry as the adapter wrote it; SQ, RQ: a digest of
 *		each unit as it was when its doorbell was rung
 * @first, @end: SQ, RQ: units from @first to @end have a digest
 * @buffers:	RQ: taken ones, by a hash of their address
 * @runs:	SQ, RQ: plain entries, for which many rules are known to be kept
 */
struct exam_queue {
	struct spin lock;
	uint32_t type;
	uint32_t id;
	_Atomic bool live;
	_Atomic bool armed;
	bool known, hwc, rdma;
	bool steered, lost, rung;
	uint32_t page;
	uint32_t count;
	const struct wq *wq;
	uint32_t taken;
	uint64_t written, read;
	uint64_t *words;
	uint32_t first, end;
	struct exam_buffer *buffers;
	uint32_t buffers_mask;
	uint64_t runs;
};

/** struct exam_pending - a command without an answer */
struct exam_pending {
	bool used;
	uint16_t id;
	uint32_t code;
	uint64_t at_ns;
};

/** struct exam_rule - a rule's counters; @first is written once, under the examiner's lock */
struct exam_rule {
	_Atomic uint64_t kept, broken;
	struct examine_break *first;
};

/**
 * struct examiner - an adapter's
 * @queues:	by type - 1 and number; once made, one stays until the examiner ends
 * @lock:	of the first breaks and the list of commands
 * @commands:	the last ones, a ring; @n_commands in all
 * @pending:	see RULE_HWC_MESSAGE_ID
 * @faulted:	a fault was made since the last command, on any thread
 * @verified:	the driver has sent GDMA_VERIFY_VF_DRIVER_VERSION
 * @offered:	the adapter's answer to it: GDMA_PF_CAP_1_*
 * @running:	the code of the command that is being run
 */
struct examiner {
	struct watcher watcher;
	struct adapter *adapter;
	void (*ended)(void *ctx, const struct examination *examination);
	void *ctx;
	bool present;
	bool verified, orderly;
	unsigned int number;
	uint64_t since_ns;
	char driver[128];
	struct exam_queue *_Atomic queues[4][EXAMINE_QUEUES];
	struct exam_rule rules[EXAMINE_RULES];
	struct spin lock;
	uint64_t n_commands;
	char commands[EXAMINE_COMMANDS][EXAMINE_COMMAND_TEXT];
	struct exam_pending pending[EXAMINE_PENDING];
	atomic_bool faulted;
	uint64_t offered;
	uint32_t running;
	uint64_t doorbells;
	_Atomic uint64_t entries, completions, events;
};

/* ---- examine_judge.c ---- */

/** exam_kept() - a rule was kept, @n times */
static inline void exam_kept(struct examiner *examiner, enum examine_rule rule, uint64_t n)
{
	atomic_fetch_add_explicit(&examiner->rules[rule].kept, n, memory_order_relaxed);
}

/**
 * exam_broke() - a rule was broken
 * @queue:	concerned, or NULL
 * @position:	in it
 * @format:	what was seen, '|', and what was expected
 */
__attribute__((format(printf, 5, 6))) void exam_broke(struct examiner *examiner,
						      enum examine_rule rule,
						      const struct exam_queue *queue,
						      uint64_t position, const char *format, ...);

/** exam_judge() - kept, or broken */
#define exam_judge(examiner, rule, okay, queue, position, ...)                                     \
	do {                                                                                       \
		if (okay)                                                                          \
			exam_kept(examiner, rule, 1);                                              \
		else                                                                               \
			exam_broke(examiner, rule, queue, position, __VA_ARGS__);                  \
	} while (0)

/** exam_queue() - the queue with that number, live or not; NULL if there never was one */
static inline struct exam_queue *exam_queue(struct examiner *examiner, uint32_t type, uint64_t id)
{
	if (type - 1 >= 4 || id >= EXAMINE_QUEUES)
		return NULL;
	return atomic_load_explicit(&examiner->queues[type - 1][id], memory_order_acquire);
}

/* ---- examine_command.c ---- */

void exam_smc(struct examiner *examiner, const struct watch_event *event);
void exam_command(struct examiner *examiner, const struct watch_event *event);
void exam_answer(struct examiner *examiner, const struct watch_event *event);

/* ---- examine_object.c ---- */

/** exam_objects() - before a command is run: may it be, given the objects that there are? */
void exam_objects(struct examiner *examiner, const struct gdma_req_header *request, uint32_t len);

/** exam_steered() - a steering command has succeeded: packets may be on their way to its queues */
void exam_steered(struct examiner *examiner);

/** exam_unload() - the driver tears down the hardware channel: what has it left? */
void exam_unload(struct examiner *examiner);

/** exam_memory() - memory was mapped or unmapped */
void exam_memory(struct examiner *examiner, const struct watch_event *event);

/* ---- examine_queue.c ---- */

void exam_queue_event(struct examiner *examiner, const struct watch_event *event);
void exam_queues_clear(struct examiner *examiner);
void exam_doorbell(struct examiner *examiner, const struct watch_event *event);

/** exam_shown() - completions that the driver is about to see */
void exam_shown(struct examiner *examiner, const struct watch_event *event);

/** exam_event() - an event that the driver is about to see */
void exam_event(struct examiner *examiner, const struct watch_event *event);

/** exam_queue_name() - such as "SQ 5" */
void exam_queue_name(const struct exam_queue *queue, char name[24]);

/* ---- examine_entry.c ---- */

#define EXAM_NOWHERE UINT32_MAX

/**
 * exam_reached() - look at the entries that the adapter has taken, before the driver may reuse them
 * @type, @id:	of the work queue
 * @from:	where they start, or EXAM_NOWHERE: where the last ones ended
 */
void exam_reached(struct examiner *examiner, uint32_t type, uint32_t id, uint32_t from);

/** exam_refused() - an entry that the adapter has stopped at */
void exam_refused(struct examiner *examiner, const struct watch_event *event);

/** exam_digest() - note entries that a doorbell announces, up to @tail */
void exam_digest(struct exam_queue *queue, uint32_t tail);

/** exam_count_runs() - add what plain entries have kept to @kept, by rule */
void exam_count_runs(const struct exam_queue *queue, uint64_t *kept);

#endif
