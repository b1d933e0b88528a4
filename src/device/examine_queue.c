/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The examiner: doorbells, and what the adapter writes into completion and event queues.
 *
 * An entry of such a queue is counted before the driver can see it. So what a doorbell says was
 * read is never more than what is counted, unless the driver is wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "device/examine_state.h"

#define BUFFERS_MIN 64u

/** make() - the state of a queue with that number, if there was none yet */
static struct exam_queue *make(struct examiner *examiner, uint32_t type, uint32_t id)
{
	struct exam_queue *queue = exam_queue(examiner, type, id);

	if (queue || type - 1 >= 4 || id >= EXAMINE_QUEUES)
		return queue;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return NULL;
	queue->type = type;
	queue->id = id;
	atomic_store_explicit(&examiner->queues[type - 1][id], queue, memory_order_release);
	return queue;
}

/** forget() - what its ring held; the lock is held */
static void forget(struct exam_queue *queue)
{
	free(queue->words);
	free(queue->buffers);
	queue->words = NULL;
	queue->buffers = NULL;
	queue->live = false;
}

/** created() - a queue exists from now on, for which @queue may have played another one before */
static void created(struct examiner *examiner, struct exam_queue *queue,
		    const struct watch_queue *what)
{
	struct adapter *adapter = examiner->adapter;
	uint32_t buffers = BUFFERS_MIN;

	spin_lock(&queue->lock);
	forget(queue);
	queue->live = true;
	queue->known = true;
	queue->hwc = !adapter->hwc.up;
	queue->rdma = examiner->running >> 16 == 3;
	queue->steered = queue->lost = queue->rung = false;
	queue->armed = false;
	queue->page = what->doorbell;
	queue->taken = queue->first = queue->end = 0;
	queue->wq = NULL;
	switch (queue->type) {
	case GDMA_EQ:
		queue->count = what->size / GDMA_EQE_SIZE;
		break;
	case GDMA_CQ:
		queue->count = what->size / GDMA_CQE_SIZE;
		break;
	default:
		queue->count = what->size / GDMA_WQE_UNIT;
		queue->wq = table_get(queue->type == GDMA_SQ ? &adapter->sqs : &adapter->rqs,
				      queue->id);
	}
	/* Both sides start at the number of entries, see wire/wq.h. */
	queue->written = queue->read = queue->count;
	queue->words = calloc(queue->count, sizeof(*queue->words));
	while (buffers < 2 * queue->count)
		buffers *= 2;
	queue->buffers_mask = buffers - 1;
	if (queue->type == GDMA_RQ && !queue->rdma)
		queue->buffers = calloc(buffers, sizeof(*queue->buffers));
	spin_unlock(&queue->lock);
}

void exam_queue_event(struct examiner *examiner, const struct watch_event *event)
{
	const struct watch_queue *what = event->data;
	struct exam_queue *queue = make(examiner, what->type, event->queue);

	if (!queue)
		return;
	if (event->type == WATCH_CREATED) {
		created(examiner, queue, what);
		return;
	}
	exam_judge(examiner, RULE_MEMORY_UNMAPPED, !queue->lost, queue, 0,
		   "its memory was unmapped before the queue was destroyed"
		   "|memory that stays mapped until the adapter has answered");
	spin_lock(&queue->lock);
	forget(queue);
	queue->wq = NULL;
	spin_unlock(&queue->lock);
}

void exam_queues_clear(struct examiner *examiner)
{
	for (unsigned int type = 0; type < 4; type++)
		for (unsigned int i = 0; i < EXAMINE_QUEUES; i++) {
			struct exam_queue *queue = examiner->queues[type][i];

			if (!queue)
				continue;
			spin_lock(&queue->lock);
			forget(queue);
			queue->known = false;
			queue->wq = NULL;
			queue->runs = 0;
			spin_unlock(&queue->lock);
		}
}

/* ---- Doorbells ---- */

/** find() - the queue that a doorbell names; NULL, and the rule that it breaks, if there is none */
static struct exam_queue *find(struct examiner *examiner, uint32_t type, uint64_t id, uint32_t page)
{
	struct exam_queue *queue = exam_queue(examiner, type, id);

	if (!queue || !queue->known) {
		exam_broke(examiner, RULE_DOORBELL_QUEUE, NULL, 0,
			   "a doorbell of type %u for queue %llu, which has never existed"
			   "|the number that the adapter gave the queue",
			   type, (unsigned long long)id);
		return NULL;
	}
	exam_kept(examiner, RULE_DOORBELL_QUEUE, 1);
	if (!queue->live) {
		exam_broke(examiner, RULE_DOORBELL_DESTROYED, queue, 0,
			   "a doorbell after the queue was destroyed|none");
		return NULL;
	}
	exam_kept(examiner, RULE_DOORBELL_DESTROYED, 1);
	exam_judge(examiner, RULE_DOORBELL_PAGE, queue->page == page, queue, 0,
		   "a doorbell on page %u|page %u", page, queue->page);
	return queue->page == page ? queue : NULL;
}

/** rung_wq() - a doorbell of a work queue: its new tail in bytes */
static void rung_wq(struct examiner *examiner, struct exam_queue *queue, uint32_t tail)
{
	uint32_t posted = atomic_load(&queue->wq->posted), ahead;
	uint32_t taken;

	if (atomic_load(&queue->wq->shared))
		return;
	exam_judge(examiner, RULE_TAIL_UNIT, tail % GDMA_WQE_UNIT == 0, queue, posted,
		   "tail %u|a multiple of %u bytes", tail, GDMA_WQE_UNIT);
	if (tail % GDMA_WQE_UNIT)
		return;
	ahead = (tail / GDMA_WQE_UNIT - posted) & ((1u << 27) - 1);
	exam_judge(examiner, RULE_TAIL_RANGE, ahead <= queue->count, queue, posted,
		   "tail %u after %u|at most the ring's %u bytes more, modulo 2^32", tail,
		   posted * GDMA_WQE_UNIT, queue->count * GDMA_WQE_UNIT);
	if (ahead > queue->count)
		return;
	spin_lock(&queue->lock);
	taken = queue->taken;
	exam_digest(queue, posted + ahead);
	spin_unlock(&queue->lock);
	exam_judge(examiner, RULE_TAIL_OVERFLOW, posted + ahead - taken <= queue->count, queue,
		   posted,
		   "tail %u while the adapter has read up to %u|at most %u bytes in between", tail,
		   taken * GDMA_WQE_UNIT, queue->count * GDMA_WQE_UNIT);
}

/** struct said - what a doorbell of a completion or event queue says */
struct said {
	uint32_t tail;  /* the index */
	bool increment; /* it is the distance instead */
	bool arm;
};

/** advance() - the driver has read so far; false if that cannot be; the queue is locked */
static bool advance(struct examiner *examiner, struct exam_queue *queue, const struct said *said)
{
	const bool is_cq = queue->type == GDMA_CQ;
	const enum examine_rule tail = is_cq ? RULE_CQ_TAIL : RULE_EQ_TAIL;
	const enum examine_rule overrun = is_cq ? RULE_CQ_OVERRUN : RULE_EQ_OVERRUN;
	const uint64_t span = (uint64_t)queue->count << GDMA_OWNER_BITS;
	uint64_t available = queue->written - queue->read;
	uint64_t step = said->increment ? said->tail
					: (said->tail % span + span - queue->read % span) % span;

	if (is_cq && queue->rung)
		exam_judge(examiner, RULE_CQ_CREDIT, available <= span, queue, queue->written,
			   "%llu completions since the last doorbell"
			   "|a doorbell at least every 8 rounds: %llu",
			   (unsigned long long)available, (unsigned long long)span);
	if (available > span) {
		/* It has polled for long, and the number of rounds cannot be known. */
		queue->read =
			queue->written - (queue->written % span + span - said->tail % span) % span;
		available = queue->written - queue->read;
		step = 0;
	}
	exam_judge(examiner, tail, step <= available, queue, queue->read,
		   "index %u, %llu after the last one|at most the %llu entries that were written",
		   said->tail, (unsigned long long)step, (unsigned long long)available);
	if (step > available)
		return false;
	queue->read += step;
	available -= step;
	exam_judge(examiner, overrun, available <= queue->count, queue, queue->read,
		   "%llu entries written and not read|at most the queue's %u",
		   (unsigned long long)available, queue->count);
	return step;
}

/**
 * is_one_further() - does a doorbell name the entry after those that were written?
 *
 * libmana arms an RDMA queue that way if it was armed before and nothing has been read since:
 * rdma-core providers/mana/doorbells.h, gdma_ring_cq_doorbell().
 */
static bool is_one_further(const struct exam_queue *queue, const struct said *said)
{
	const uint64_t span = (uint64_t)queue->count << GDMA_OWNER_BITS;

	return queue->rdma && said->arm && !said->increment &&
	       (queue->read + 1) % span == said->tail % span && queue->read == queue->written;
}

/** rung_reader() - a doorbell of a completion or event queue */
static void rung_reader(struct examiner *examiner, struct exam_queue *queue,
			const struct said *said)
{
	const enum examine_rule armed = queue->type == GDMA_CQ ? RULE_CQ_ARMED : RULE_EQ_ARMED;
	bool moved;

	spin_lock(&queue->lock);
	if (is_one_further(queue, said)) {
		/* It is armed for the entry after the next one, or fires at once. */
		queue->armed = true;
		spin_unlock(&queue->lock);
		return;
	}
	moved = advance(examiner, queue, said);
	/* An RDMA application may ask for notification as often as it likes. */
	if (said->arm && !queue->rdma)
		exam_judge(examiner, armed, !queue->armed || moved, queue, queue->read,
			   "armed at index %llu while it was armed there"
			   "|no second time before an event, or before an entry was read",
			   (unsigned long long)queue->read);
	queue->armed = said->arm && queue->read == queue->written;
	queue->rung = true;
	spin_unlock(&queue->lock);
}

/** reserved() - judge the bits of a doorbell that have no meaning */
static void reserved(struct examiner *examiner, const struct exam_queue *queue, uint64_t bits)
{
	exam_judge(examiner, RULE_DOORBELL_RESERVED, !bits, queue, 0, "reserved bits %#llx|0",
		   (unsigned long long)bits);
}

static void ring_long(struct examiner *examiner, uint32_t page, uint32_t offset,
		      union gdma_doorbell value)
{
	struct exam_queue *queue;

	switch (offset) {
	case GDMA_DB_SQ:
		queue = find(examiner, GDMA_SQ, value.sq.id, page);
		if (!queue)
			return;
		reserved(examiner, queue, value.sq.reserved);
		rung_wq(examiner, queue, (uint32_t)value.sq.tail);
		return;
	case GDMA_DB_RQ:
		queue = find(examiner, GDMA_RQ, value.rq.id, page);
		if (!queue)
			return;
		if (!queue->wq->pair)
			exam_judge(examiner, RULE_RQ_COUNT, !value.rq.wqe_cnt, queue, 0,
				   "wqe_cnt %u|0", (unsigned int)value.rq.wqe_cnt);
		rung_wq(examiner, queue, (uint32_t)value.rq.tail);
		return;
	case GDMA_DB_RQ_CLIENT:
		find(examiner, GDMA_RQ, value.rq_client.id, page);
		return;
	case GDMA_DB_CQ_MODERATION:
		find(examiner, GDMA_CQ, value.moderation.id, page);
		return;
	case GDMA_DB_CQ:
		queue = find(examiner, GDMA_CQ, value.cq.id, page);
		if (!queue)
			return;
		reserved(examiner, queue, value.cq.reserved);
		rung_reader(examiner, queue,
			    &(struct said){ .tail = (uint32_t)value.cq.tail & GDMA_DB_TAIL_MAX,
					    .arm = value.cq.arm });
		return;
	case GDMA_DB_EQ:
		queue = find(examiner, GDMA_EQ, value.eq.id, page);
		if (!queue)
			return;
		reserved(examiner, queue, value.eq.reserved);
		rung_reader(examiner, queue,
			    &(struct said){ .tail = (uint32_t)value.eq.tail & GDMA_DB_TAIL_MAX,
					    .arm = value.eq.arm });
		return;
	}
}

static void ring_short(struct examiner *examiner, uint32_t page, uint32_t offset,
		       union gdma_doorbell_short value)
{
	uint32_t type = offset == GDMA_DB_SQ_SHORT   ? GDMA_SQ
			: offset == GDMA_DB_RQ_SHORT ? GDMA_RQ
						     : GDMA_CQ;
	struct exam_queue *queue = find(examiner, type, value.sq.id, page);

	if (!queue)
		return;
	if (type == GDMA_CQ) {
		reserved(examiner, queue, value.cq.reserved);
		rung_reader(examiner, queue,
			    &(struct said){ .tail = value.cq.tail_inc,
					    .increment = true,
					    .arm = value.cq.arm });
		return;
	}
	reserved(examiner, queue, value.sq.reserved);
	rung_wq(examiner, queue,
		atomic_load(&queue->wq->posted) * GDMA_WQE_UNIT + value.sq.tail_inc);
}

/** shared() - a lane has found that a tail in shared memory was moved; its lock may be held */
static void shared(struct examiner *examiner, const struct watch_event *event)
{
	struct exam_queue *queue = exam_queue(examiner, event->type, event->queue);
	uint32_t tail = (uint32_t)(event->value / GDMA_WQE_UNIT), taken;

	if (!queue || !queue->live)
		return;
	spin_lock(&queue->lock);
	taken = queue->taken;
	spin_unlock(&queue->lock);
	exam_judge(examiner, RULE_TAIL_OVERFLOW, tail - taken <= queue->count, queue, tail,
		   "tail %u while the adapter has read up to %u|at most %u bytes in between",
		   tail * GDMA_WQE_UNIT, taken * GDMA_WQE_UNIT, queue->count * GDMA_WQE_UNIT);
}

void exam_doorbell(struct examiner *examiner, const struct watch_event *event)
{
	static const uint32_t places[2][6] = {
		{ GDMA_DB_SQ, GDMA_DB_RQ, GDMA_DB_RQ_CLIENT, GDMA_DB_CQ, GDMA_DB_CQ_MODERATION,
		  GDMA_DB_EQ },
		{ GDMA_DB_SQ_SHORT, GDMA_DB_RQ_SHORT, GDMA_DB_CQ_SHORT, UINT32_MAX, UINT32_MAX,
		  UINT32_MAX },
	};
	const bool is_short = event->len == sizeof(union gdma_doorbell_short);
	bool known = false;

	if (event->position == WATCH_SHARED) {
		shared(examiner, event);
		return;
	}
	examiner->doorbells++;
	for (unsigned int i = 0; i < 6; i++)
		known = known || places[is_short][i] == event->type;
	known = known && (is_short || event->len == sizeof(union gdma_doorbell));
	exam_judge(examiner, RULE_DOORBELL_PLACE, known, NULL, 0,
		   "a write of %u bytes at offset %#x of page %u|a doorbell's offset and length",
		   event->len, event->type, event->position);
	if (!known)
		return;
	if (is_short)
		ring_short(examiner, event->position, event->type,
			   (union gdma_doorbell_short){ .word = (uint32_t)event->value });
	else
		ring_long(examiner, event->position, event->type,
			  (union gdma_doorbell){ .word = event->value });
}

/* ---- Completions and events ---- */

/** struct slots - entries of a queue that are about to be written */
struct slots {
	uint32_t first; /* place of the first */
	uint32_t n;
	uint32_t size;         /* of an entry, in bytes */
	const uint64_t *after; /* their last 8 bytes */
};

/** written() - note entries; returns how many of their places the driver has written to */
static uint32_t written(struct exam_queue *queue, const struct ring *ring,
			const struct slots *slots, uint32_t *where)
{
	uint32_t changed = 0, slot = slots->first;

	for (uint32_t i = 0; queue->words && i < slots->n; i++) {
		const uint8_t *end;
		uint64_t before;

		/* A lane may still write for a queue whose number another one has now. */
		if (slot >= queue->count)
			break;
		end = ring_at(ring, slot * slots->size) + slots->size;
		before = shared_load((const uint64_t *)end - 1);

		/* What is there must be what was written a round ago. */
		if (queue->written + i >= 2 * (uint64_t)queue->count &&
		    queue->words[slot] != before) {
			changed++;
			*where = slot;
		}
		queue->words[slot] = slots->after[i];
		slot = slot + 1 == queue->count ? 0 : slot + 1;
	}
	queue->written += slots->n;
	return changed;
}

/**
 * reach_entries() - look at the entries of work queues whose completions are about to be visible
 *
 * After that the driver may write others in their place.
 */
static void reach_entries(struct examiner *examiner, const uint64_t *last, uint32_t n)
{
	uint32_t before = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t info = (uint32_t)(last[i] >> 32) & (2 * GDMA_CQE_INFO_IS_SQ - 1);

		if (i && info == before)
			continue;
		before = info;
		exam_reached(examiner, info & GDMA_CQE_INFO_IS_SQ ? GDMA_SQ : GDMA_RQ,
			     info & (GDMA_CQE_INFO_IS_SQ - 1), EXAM_NOWHERE);
	}
}

void exam_shown(struct examiner *examiner, const struct watch_event *event)
{
	struct exam_queue *queue = exam_queue(examiner, GDMA_CQ, event->queue);
	const struct cq *cq = table_get(&examiner->adapter->cqs, event->queue);
	uint32_t changed, where = 0, n = (uint32_t)event->value;

	if (!queue || !queue->live || !cq || !n)
		return;
	reach_entries(examiner, cq->held, n);
	spin_lock(&queue->lock);
	changed = written(queue, &cq->ring,
			  &(struct slots){ event->position, n, GDMA_CQE_SIZE, cq->held }, &where);
	spin_unlock(&queue->lock);
	atomic_fetch_add_explicit(&examiner->completions, n, memory_order_relaxed);
	exam_kept(examiner, RULE_CQE_WRITTEN, n - changed);
	if (changed)
		exam_broke(examiner, RULE_CQE_WRITTEN, queue, where,
			   "a completion whose last 8 bytes are not what the adapter wrote"
			   "|memory that only the adapter writes");
}

void exam_event(struct examiner *examiner, const struct watch_event *event)
{
	struct exam_queue *queue = exam_queue(examiner, GDMA_EQ, event->queue), *cq;
	const struct eq *eq = table_get(&examiner->adapter->eqs, event->queue);
	const struct gdma_eqe *eqe = event->data;
	uint32_t changed, where = 0;

	if (!queue || !queue->live || !eq)
		return;
	spin_lock(&queue->lock);
	changed = written(queue, &eq->ring,
			  &(struct slots){ event->position, 1, GDMA_EQE_SIZE,
					   (const uint64_t *)event->data + 1 },
			  &where);
	if (event->value)
		queue->armed = false;
	spin_unlock(&queue->lock);
	atomic_fetch_add_explicit(&examiner->events, 1, memory_order_relaxed);
	exam_judge(examiner, RULE_EQE_WRITTEN, !changed, queue, where,
		   "an event whose last 8 bytes are not what the adapter wrote"
		   "|memory that only the adapter writes");
	cq = eqe->type == GDMA_EQE_COMPLETION
		     ? exam_queue(examiner, GDMA_CQ, eqe->details[0] & GDMA_EQE_CQ_ID_MASK)
		     : NULL;
	/* An event for a completion queue: it is no longer armed. */
	if (cq)
		cq->armed = false;
}
