/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * The adapter writes completions and events, the driver reads them; each entry has
 * owner bits that count the laps, so the reader does not need the writer's index.
 * The driver's doorbell says how far it has read and whether it wants an event for
 * the next entry (arms the queue):
 *
 *	work done -> completion in CQ -> if CQ armed: event in EQ, disarm
 *	event     -> entry in EQ      -> if EQ armed: raise MSI-X vector, disarm
 *
 * A queue that is armed while it has unread entries fires at once. A doorbell that
 * does not arm it disarms it. Queues are created armed. The adapter does not hold
 * entries back for a slow reader: the driver sizes its queues for what it posts,
 * and detects an overrun by the owner bits.
 *
 * A completion queue that is moderated stays armed, and its event waits (cq->due) until there are
 * enough completions or the time is over. A lane's work item watches that time, one for each such
 * queue: no timer is set for an event, and a queue that is not moderated costs nothing.
 */
#include "device/queue.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "device/state.h"

#define EVENT_UNKNOWN 0xffu /* type of an event that drivers skip */

static void producer_start(struct producer *producer, uint32_t count)
{
	producer->count = count;
	producer->slot = 0;
	producer->lap = 1;
}

/** tell_queue() - tell watchers that a queue is created or destroyed */
static void tell_queue(struct adapter *adapter, enum watch_queue_event what, uint32_t id,
		       struct watch_queue queue)
{
	const struct watch_event event = {
		.kind = WATCH_QUEUE, .type = what, .queue = id, .data = &queue, .len = sizeof(queue)
	};

	if (watch_wants(&adapter->watch, WATCH_BIT(WATCH_QUEUE)))
		watch_tell(&adapter->watch, &event);
}

static void tell_eq(const struct eq *eq, enum watch_queue_event what)
{
	tell_queue(eq->adapter, what, eq->id,
		   (struct watch_queue){ .type = GDMA_EQ,
					 .size = eq->producer.count * GDMA_EQE_SIZE,
					 .doorbell = eq->doorbell,
					 .pd = eq->pd,
					 .parent = eq->msix });
}

static void tell_cq(const struct cq *cq, enum watch_queue_event what)
{
	tell_queue(cq->adapter, what, cq->id,
		   (struct watch_queue){ .type = GDMA_CQ,
					 .size = cq->producer.count * GDMA_CQE_SIZE,
					 .doorbell = cq->doorbell,
					 .parent = cq->eq ? cq->eq->id : WATCH_NO_PARENT });
}

static void tell_wq(const struct wq *wq, enum watch_queue_event what)
{
	tell_queue(wq->adapter, what, wq->id,
		   (struct watch_queue){ .type = wq->type,
					 .size = wq->units * GDMA_WQE_UNIT,
					 .doorbell = wq->doorbell,
					 .pd = wq->pd,
					 .parent = wq->cq ? wq->cq->id : WATCH_NO_PARENT });
}

/**
 * enter() - give a queue its ring and a number
 * @queue:	complete except for these; it can be found from now on
 *
 * Return: the number; on a negative errno the page list still belongs to the
 * driver
 */
static int64_t enter(struct adapter *adapter, const struct queue_place *place, struct ring *ring,
		     struct table *table, void *queue)
{
	int err = ring_open(ring, &adapter->memory, place->list, place->size);
	int64_t id;

	if (err)
		return err;
	if (place->number) {
		table_put(table, place->number, queue);
		return place->number;
	}
	id = table_add(table, queue);
	if (id < 0) {
		ring_disown(ring);
		ring_close(ring);
		ring_release(ring);
		return -ENOSPC;
	}
	return id;
}

struct eq *eq_create(struct adapter *adapter, const struct queue_place *place, uint32_t msix,
		     int *err)
{
	struct eq *eq = calloc(1, sizeof(*eq));
	int64_t id;

	if (!eq) {
		*err = -ENOMEM;
		return NULL;
	}
	eq->adapter = adapter;
	eq->msix = msix;
	eq->doorbell = place->doorbell;
	eq->pd = place->pd;
	eq->armed = true;
	producer_start(&eq->producer, place->size / GDMA_EQE_SIZE);
	id = enter(adapter, place, &eq->ring, &adapter->eqs, eq);
	if (id < 0) {
		free(eq);
		*err = (int)id;
		return NULL;
	}
	*err = 0;
	eq->id = (uint32_t)id;
	tell_eq(eq, WATCH_CREATED);
	return eq;
}

static void eq_release(void *what)
{
	struct eq *eq = what;

	ring_release(&eq->ring);
	free(eq);
}

void eq_destroy(struct eq *eq)
{
	tell_eq(eq, WATCH_DESTROYED);
	table_remove(&eq->adapter->eqs, eq->id);
	ring_close(&eq->ring);
	retire(&eq->adapter->retired, eq_release, eq);
}

/** eq_raise() - add the queue's vector to those that are to be raised; the lock is held */
static void eq_raise(const struct eq *eq, struct raise *raise)
{
	raise->vectors[eq->msix / 64] |= UINT64_C(1) << eq->msix % 64;
}

/** tell_event() - tell watchers of an event; the lock is held */
static __attribute__((noinline)) void tell_event(const struct eq *eq, const void *eqe)
{
	const struct watch_event event = { .kind = WATCH_EVENT,
					   .queue = eq->id,
					   .position = eq->producer.slot,
					   .value = eq->armed,
					   .data = eqe,
					   .len = GDMA_EQE_SIZE };

	watch_tell(&eq->adapter->watch, &event);
}

/** eq_write() - write an event; if the queue is armed, that adds to @raise */
static void eq_write(struct eq *eq, unsigned int type, const uint32_t details[3],
		     struct raise *raise)
{
	spin_lock(&eq->lock);
	if (ring_ready(&eq->ring)) {
		struct gdma_eqe *eqe =
			(struct gdma_eqe *)ring_at(&eq->ring, eq->producer.slot * GDMA_EQE_SIZE);
		union {
			struct gdma_eqe eqe;
			uint64_t word[2];
		} out = { .eqe = { .type = type & 0xffu, .owner_bits = eq->producer.lap & 7u } };

		if (details)
			memcpy(out.eqe.details, details, sizeof(out.eqe.details));
		if (watch_wants(&eq->adapter->watch, WATCH_BIT(WATCH_EVENT)))
			tell_event(eq, &out);
		((uint64_t *)eqe)[0] = out.word[0];
		/* The owner bits make the entry visible: they are written last. */
		shared_store_release((uint64_t *)eqe + 1, out.word[1]);
		producer_step(&eq->producer);
		if (eq->armed)
			eq_raise(eq, raise);
		eq->armed = false;
	}
	spin_unlock(&eq->lock);
}

void eq_post(struct eq *eq, unsigned int type, const uint32_t details[3])
{
	struct raise raise = { 0 };

	eq_write(eq, type, details, &raise);
	adapter_raise_all(eq->adapter, &raise);
}

void eq_overflow(struct eq *eq)
{
	struct raise raise = { 0 };

	for (uint32_t i = 0; i <= eq->producer.count; i++)
		eq_write(eq, EVENT_UNKNOWN, NULL, &raise);
	adapter_raise_all(eq->adapter, &raise);
}

void eq_ring(struct eq *eq, uint32_t tail, bool arm)
{
	struct raise raise = { 0 };
	bool unread = false;

	spin_lock(&eq->lock);
	if (arm)
		unread = tail % (eq->producer.count << GDMA_OWNER_BITS) !=
			 producer_index(&eq->producer);
	eq->armed = arm && !unread;
	if (unread)
		eq_raise(eq, &raise);
	spin_unlock(&eq->lock);
	adapter_raise_all(eq->adapter, &raise);
}

struct cq *cq_create(struct adapter *adapter, const struct queue_place *place, struct eq *eq,
		     int *err)
{
	struct cq *cq = calloc(1, sizeof(*cq));
	int64_t id;

	if (!cq) {
		*err = -ENOMEM;
		return NULL;
	}
	cq->adapter = adapter;
	cq->eq = eq;
	cq->doorbell = place->doorbell;
	cq->armed = true;
	cq->lane = -1;
	producer_start(&cq->producer, place->size / GDMA_CQE_SIZE);
	id = enter(adapter, place, &cq->ring, &adapter->cqs, cq);
	if (id < 0) {
		free(cq);
		*err = (int)id;
		return NULL;
	}
	*err = 0;
	cq->id = (uint32_t)id;
	if (eq)
		eq->completions++;
	tell_cq(cq, WATCH_CREATED);
	return cq;
}

static void cq_release(void *what)
{
	struct cq *cq = what;

	ring_release(&cq->ring);
	free(cq->late);
	free(cq);
}

void cq_destroy(struct cq *cq)
{
	tell_cq(cq, WATCH_DESTROYED);
	table_remove(&cq->adapter->cqs, cq->id);
	lane_remove(&cq->work, -1);
	if (cq->eq)
		cq->eq->completions--;
	ring_close(&cq->ring);
	retire(&cq->adapter->retired, cq_release, cq);
}

/** cq_event() - post an event; the lock is held, so that events are in order */
static void cq_event(struct cq *cq, struct raise *raise)
{
	uint32_t details[3] = { cq->id, 0, 0 };

	cq->armed = false;
	cq->due = 0;
	if (cq->eq)
		eq_write(cq->eq, GDMA_EQE_COMPLETION, details, raise);
}

/** cq_waits() - does the event of a moderated queue have to wait? The lock is held */
static __attribute__((noinline)) bool cq_waits(struct cq *cq)
{
	const struct moderation *moderation = &cq->moderation;
	uint32_t usec = moderation->usec ? moderation->usec : GDMA_MODERATION_USEC_MAX;

	if (moderation->comps && cq->unread >= moderation->comps)
		return false;
	if (!cq->due) {
		cq->due = clock_ns() + (uint64_t)usec * NS_PER_US;
		lane_kick(&cq->work);
	}
	return true;
}

/** cq_ready() - an armed queue has completions: post its event, now or later; the lock is held */
static void cq_ready(struct cq *cq, struct raise *raise)
{
	if (!cq->moderated || !cq_waits(cq))
		cq_event(cq, raise);
}

/** cq_run() - post the event that has waited long enough, or look again when it has */
static bool cq_run(struct lane_work *work, unsigned int lane)
{
	struct cq *cq = (struct cq *)((char *)work - offsetof(struct cq, work));
	struct raise raise = { 0 };

	(void)lane;
	spin_lock(&cq->lock);
	if (cq->due && clock_passed(cq->due))
		cq_event(cq, &raise);
	work->deadline = cq->due;
	spin_unlock(&cq->lock);
	adapter_raise_all(cq->adapter, &raise);
	return false;
}

int cq_moderate(struct cq *cq, struct moderation moderation)
{
	bool moderated = moderation.comps != 1 && (moderation.comps || moderation.usec);
	struct raise raise = { 0 };
	int err;

	if (cq->lane < 0)
		return -EINVAL;
	if (moderated && !cq->work.lane) {
		cq->work.run = cq_run;
		cq->work.step = "holding back an event";
		atomic_store(&cq->work.client, cq->adapter->pulse);
		err = lane_add(cq->adapter->member, (unsigned int)cq->lane, &cq->work, -1);
		if (err)
			return err;
	}
	spin_lock(&cq->lock);
	cq->moderation = moderation;
	cq->moderated = moderated;
	/* What waits now waits anew, by the new values. */
	if (cq->due) {
		cq->due = 0;
		cq_ready(cq, &raise);
	}
	spin_unlock(&cq->lock);
	adapter_raise_all(cq->adapter, &raise);
	return 0;
}

/** cq_arm() - the driver has read up to @tail; the lock is held */
static void cq_arm(struct cq *cq, uint32_t tail, bool arm, struct raise *raise)
{
	uint32_t written = producer_index(&cq->producer);
	uint64_t hidden = cq->late ? cq->late->n : 0;

	cq->unread = gdma_index_distance(written, tail, cq->producer.count);
	cq->armed = arm;
	if (arm && cq->unread > hidden)
		cq_ready(cq, raise);
	else
		cq->due = 0;
}

void cq_ring(struct cq *cq, uint32_t tail, bool arm)
{
	struct raise raise = { 0 };

	spin_lock(&cq->lock);
	cq_arm(cq, tail, arm, &raise);
	spin_unlock(&cq->lock);
	adapter_raise_all(cq->adapter, &raise);
}

void cq_ring_short(struct cq *cq, uint32_t increment, bool arm)
{
	struct raise raise = { 0 };
	uint32_t span;

	spin_lock(&cq->lock);
	span = cq->producer.count << GDMA_OWNER_BITS;
	/* The short form gives the distance that the driver has moved, not its position. */
	if (increment > cq->unread)
		increment = (uint32_t)cq->unread;
	cq_arm(cq,
	       (uint32_t)((producer_index(&cq->producer) + span - (cq->unread % span) + increment) %
			  span),
	       arm, &raise);
	spin_unlock(&cq->lock);
	adapter_raise_all(cq->adapter, &raise);
}

void cq_begin(struct cq *cq)
{
	spin_lock(&cq->lock);
	cq->posted = false;
	cq->usable = ring_ready(&cq->ring);
}

void cq_post(struct cq *cq, const void *data, uint32_t wq, bool is_sq)
{
	struct gdma_cqe *cqe = cq_next(cq);
	uint32_t last;

	if (!cqe)
		return;
	memcpy(cqe, data, GDMA_COMP_DATA_SIZE - sizeof(last));
	memcpy(&last, (const uint8_t *)data + GDMA_COMP_DATA_SIZE - sizeof(last), sizeof(last));
	cq_hold(cq, last, wq, is_sq);
}

/** tell_completions() - tell watchers of held completions, in order, which end before a slot */
static __attribute__((noinline)) void tell_completions(const struct cq *cq, uint32_t slot)
{
	uint32_t count = cq->producer.count;

	for (uint32_t i = 0; i < cq->held_count; i++) {
		uint64_t words[GDMA_CQE_SIZE / sizeof(uint64_t)];
		const struct watch_event event = {
			.kind = WATCH_COMPLETION,
			.queue = cq->id,
			.position = (slot + count - cq->held_count % count + i) % count,
			.data = words,
			.len = sizeof(words),
		};

		memcpy(words, ring_at(&cq->ring, event.position * GDMA_CQE_SIZE), sizeof(words));
		words[sizeof(words) / sizeof(words[0]) - 1] = cq->held[i];
		watch_tell(&cq->adapter->watch, &event);
	}
}

/** tell_shown() - tell watchers of all held completions at once */
static __attribute__((noinline)) void tell_shown(const struct cq *cq, uint32_t slot)
{
	const uint32_t count = cq->producer.count, n = cq->held_count;
	const struct watch_event event = {
		.kind = WATCH_SHOWN,
		.queue = cq->id,
		.position = (slot + count - n % count) % count,
		.value = n,
	};

	watch_tell(&cq->adapter->watch, &event);
}

/** show() - make held completions visible, which end before a slot, the first one last */
static inline void show(struct cq *cq, uint32_t slot)
{
	if (watch_wants(&cq->adapter->watch, WATCH_BIT(WATCH_SHOWN)) && cq->held_count)
		tell_shown(cq, slot);
	if (watch_wants(&cq->adapter->watch, WATCH_BIT(WATCH_COMPLETION)))
		tell_completions(cq, slot);
	while (cq->held_count) {
		struct gdma_cqe *cqe;

		slot = (slot ? slot : cq->producer.count) - 1;
		cqe = (struct gdma_cqe *)ring_at(&cq->ring, slot * GDMA_CQE_SIZE);
		/* The owner bits make the entry visible: they are written last. */
		shared_store_release((uint64_t *)cqe + 7, cq->held[--cq->held_count]);
	}
}

/**
 * catch_up() - show late completions that are due; the lock is held, and nothing is held
 * @end:	the slot after the last late one
 *
 * Return: how many were shown
 */
static uint32_t catch_up(struct cq *cq, uint64_t now, uint32_t end)
{
	struct cq_late *late = cq->late;
	uint32_t due = 0, count = cq->producer.count, first = end + count - late->n;

	while (due < late->n && late->entry[due].at <= now) {
		cq->held[cq->held_count++] = late->entry[due++].word;
		if (cq->held_count < CQ_HELD_MAX && due < late->n && late->entry[due].at <= now)
			continue;
		/* Memory that is not mapped now loses them, as it does others. */
		if (cq->usable)
			show(cq, (first + due) % count);
		cq->held_count = 0;
	}
	late->n -= due;
	memmove(late->entry, &late->entry[due], late->n * sizeof(late->entry[0]));
	if (!late->n)
		late->until = 0;
	return due;
}

/** keep_late() - what was to be shown is late instead */
static __attribute__((noinline)) void keep_late(struct cq *cq)
{
	struct cq_late *late = cq->late;
	const uint64_t until = late->until;
	const uint32_t n = cq->held_count, count = cq->producer.count;
	uint64_t held[CQ_HELD_MAX];

	memcpy(held, cq->held, sizeof(held));
	cq->held_count = 0;
	/* A reader cannot tell more than a round of the queue from none. */
	if (late->n + n > count)
		catch_up(cq, UINT64_MAX, (cq->producer.slot + count - n) % count);
	late->until = until;
	for (uint32_t i = 0; i < n; i++) {
		late->entry[late->n].word = held[i];
		late->entry[late->n++].at = until;
	}
}

int cq_delay(struct cq *cq, uint64_t until)
{
	bool first;

	if (!cq->late)
		cq->late = calloc(1, sizeof(*cq->late) +
					     cq->producer.count * sizeof(cq->late->entry[0]));
	if (!cq->late)
		return -ENOMEM;
	cq_show(cq);
	first = !cq->late->until;
	cq->late->shown |= first && cq->posted;
	if (until > cq->late->until)
		cq->late->until = until;
	return first;
}

uint64_t cq_catch_up(struct cq *cq, uint64_t now)
{
	struct raise raise = { 0 };
	uint64_t next = 0;

	cq_begin(cq);
	if (cq->late && catch_up(cq, now, cq->producer.slot) && cq->armed)
		cq_event(cq, &raise);
	if (cq->late && cq->late->n)
		next = cq->late->entry[0].at;
	spin_unlock(&cq->lock);
	adapter_raise_all(cq->adapter, &raise);
	return next;
}

void cq_show(struct cq *cq)
{
	if (__builtin_expect(cq->late != NULL, 0) && cq->late->until)
		keep_late(cq);
	else
		show(cq, cq->producer.slot);
}

void cq_end(struct cq *cq, struct raise *raise)
{
	cq_show(cq);
	/* Late completions make their event when they are shown. */
	if (cq->posted && cq->armed && (!cq->late || !cq->late->until || cq->late->shown))
		cq_ready(cq, raise);
	if (__builtin_expect(cq->late != NULL, 0))
		cq->late->shown = false;
	spin_unlock(&cq->lock);
}

struct wq *wq_create(struct adapter *adapter, uint32_t type, const struct queue_place *place,
		     struct cq *cq, int *err)
{
	struct table *table = type == GDMA_SQ ? &adapter->sqs : &adapter->rqs;
	struct wq *wq;
	int64_t id;

	/* Entries wrap: the driver's offsets are taken modulo a power of two. */
	if (place->size & (place->size - 1)) {
		*err = -EINVAL;
		return NULL;
	}
	wq = aligned_alloc(64, (sizeof(*wq) + 63) & ~(size_t)63);
	if (!wq) {
		*err = -ENOMEM;
		return NULL;
	}
	memset(wq, 0, sizeof(*wq));
	wq->adapter = adapter;
	wq->cq = cq;
	wq->type = type;
	wq->doorbell = place->doorbell;
	wq->pd = place->pd;
	wq->units = place->size / GDMA_WQE_UNIT;
	id = enter(adapter, place, &wq->ring, table, wq);
	if (id < 0) {
		free(wq);
		*err = (int)id;
		return NULL;
	}
	*err = 0;
	wq->id = (uint32_t)id;
	tell_wq(wq, WATCH_CREATED);
	return wq;
}

static void wq_release(void *what)
{
	struct wq *wq = what;

	ring_release(&wq->ring);
	free(wq);
}

void wq_destroy(struct wq *wq)
{
	tell_wq(wq, WATCH_DESTROYED);
	table_remove(wq->type == GDMA_SQ ? &wq->adapter->sqs : &wq->adapter->rqs, wq->id);
	lane_remove(&wq->work, -1);
	ring_close(&wq->ring);
	retire(&wq->adapter->retired, wq_release, wq);
}

void wqs_stop(struct adapter *adapter)
{
	static_assert(ADAPTER_PORTS_MAX * ADAPTER_QUEUES_MAX * 3 <= ADAPTER_WQS,
		      "a send queue's work and its completion queue's; a receive queue's");
	struct lane_work *works[ADAPTER_WQS];
	unsigned int n = 0;

	for (uint32_t i = 0; i < adapter->sqs.fresh; i++) {
		struct wq *wq = table_get(&adapter->sqs, i);

		if (wq && wq->work.lane)
			works[n++] = &wq->work;
		if (wq && wq->cq->work.lane)
			works[n++] = &wq->cq->work;
	}
	for (uint32_t i = 0; i < adapter->rqs.fresh; i++) {
		struct wq *wq = table_get(&adapter->rqs, i);

		if (wq && wq->cq->work.lane)
			works[n++] = &wq->cq->work;
	}
	lane_remove_all(adapter->member, works, n);
}

void wq_mistake(struct wq *wq, const char *format, ...)
{
	char text[256];
	va_list ap;

	if (atomic_exchange_explicit(&wq->told, true, memory_order_relaxed))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	adapter_say(wq->adapter, LOG_WARNING, "%s queue %u: %s",
		    wq->type == GDMA_SQ ? "send" : "receive", wq->id, text);
}

bool wq_ring(struct wq *wq, uint32_t tail)
{
	uint32_t posted = atomic_load_explicit(&wq->posted, memory_order_relaxed);
	uint32_t units = tail / GDMA_WQE_UNIT;
	/* The tail is a byte count modulo 2^32, so units count modulo 2^27. */
	uint32_t ahead = (units - posted) & ((1u << 27) - 1);

	if (tail % GDMA_WQE_UNIT || ahead > wq->units) {
		wq_mistake(wq,
			   "doorbell with tail %u, which is not valid for this queue (tail %u, %u "
			   "bytes); ignored",
			   tail, posted * GDMA_WQE_UNIT, wq->ring.size);
		return false;
	}
	if (!ahead)
		return false;
	atomic_store_explicit(&wq->posted, posted + ahead, memory_order_release);
	return true;
}

void wq_tell(struct wq *wq, uint32_t from)
{
	const uint32_t mask = wq->ring.size - 1;
	struct watch_event event = { .queue = wq->id, .type = wq->type };
	struct wqe wqe;

	/* A queue pair that is reset begins at 0 again. */
	if (wq->taken - from > wq->units)
		return;
	if (wq->shared && from != wq->taken) {
		event.kind = WATCH_DOORBELL;
		event.position = WATCH_SHARED;
		event.value = (uint64_t)wq->seen * GDMA_WQE_UNIT;
		watch_tell(&wq->adapter->watch, &event);
	}
	if (from != wq->taken && watch_wants(&wq->adapter->watch, WATCH_BIT(WATCH_TAKEN))) {
		event.kind = WATCH_TAKEN;
		event.position = from;
		event.value = wq->ahead;
		watch_tell(&wq->adapter->watch, &event);
	}
	if (!watch_wants(&wq->adapter->watch, WATCH_BIT(WATCH_ENTRY)))
		return;
	event.kind = WATCH_ENTRY;
	event.value = 0;
	event.data = wqe.bytes;
	while (from != wq->taken && ring_ready(&wq->ring)) {
		uint32_t left = (wq->taken - from) * GDMA_WQE_UNIT;

		if (left > sizeof(wqe.bytes))
			left = sizeof(wqe.bytes);
		memcpy(wqe.bytes, ring_at(&wq->ring, from * GDMA_WQE_UNIT & mask), GDMA_WQE_UNIT);
		/* The driver may have written it again: then its size is not what it was. */
		event.len = gdma_wqe_size(&wqe.header);
		if (event.len > left)
			event.len = left;
		for (uint32_t i = GDMA_WQE_UNIT; i < event.len; i += GDMA_WQE_UNIT)
			memcpy(wqe.bytes + i, ring_at(&wq->ring, (from * GDMA_WQE_UNIT + i) & mask),
			       GDMA_WQE_UNIT);
		event.position = from;
		watch_tell(&wq->adapter->watch, &event);
		from += event.len / GDMA_WQE_UNIT;
	}
}

/** tell_refused() - tell watchers of an entry that stops the queue */
static __attribute__((noinline)) void tell_refused(const struct wq *wq, const struct wqe *wqe,
						   uint32_t available)
{
	const struct watch_event event = { .kind = WATCH_REFUSED,
					   .queue = wq->id,
					   .type = wq->type,
					   .position = wq->taken,
					   .value = (uint64_t)available * GDMA_WQE_UNIT,
					   .data = wqe->bytes,
					   .len = GDMA_WQE_UNIT };

	watch_tell(&wq->adapter->watch, &event);
}

enum wq_fetched wq_fetch(struct wq *wq, struct wqe *wqe)
{
	uint32_t available = wq->seen - wq->taken;
	uint32_t limit = wq->type == GDMA_SQ ? GDMA_SQE_SIZE_MAX : GDMA_RQE_SIZE_MAX;
	uint32_t mask = wq->ring.size - 1;
	uint32_t offset = wq->taken * GDMA_WQE_UNIT & mask;

	/* The driver writes at its tail: read again only when all it announced has been taken. */
	if (!available) {
		wq->seen = wq_posted(wq);
		available = wq->seen - wq->taken;
	}
	if (!available || wq->stopped)
		return WQ_EMPTY;
	if (available > wq->units) {
		wq->stopped = true;
		wq_mistake(wq, "more entries posted than the queue holds; the queue is stopped");
		return WQ_BROKEN;
	}
	memcpy(wqe->bytes, ring_at(&wq->ring, offset), GDMA_WQE_UNIT);
	wqe->size = gdma_wqe_size(&wqe->header);
	wqe->sgl = gdma_wqe_sgl_offset(&wqe->header);
	wqe->sges = wqe->header.num_sge;
	if (wqe->size > limit || wqe->size > available * GDMA_WQE_UNIT) {
		wq->stopped = true;
		tell_refused(wq, wqe, available);
		wq_mistake(wq,
			   "entry of %u bytes at offset %u where %u are allowed and %u posted; "
			   "the queue is stopped",
			   wqe->size, offset, limit, available * GDMA_WQE_UNIT);
		return WQ_BROKEN;
	}
	for (uint32_t done = GDMA_WQE_UNIT; done < wqe->size; done += GDMA_WQE_UNIT)
		memcpy(wqe->bytes + done, ring_at(&wq->ring, (offset + done) & mask),
		       GDMA_WQE_UNIT);
	wq->taken += wqe->size / GDMA_WQE_UNIT;
	return WQ_ENTRY;
}
