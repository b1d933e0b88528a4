/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace/explain.c - what a person should look at in a trace.
 *
 * Theory of operation
 *
 * One pass notes for each queue how far the driver and the adapter have come with it, and which
 * commands have no answer yet; what is suspicious follows at the end. What began before the trace
 * did, or was lost, is not known, so a queue that was not seen to be created is not accused of
 * missing. A thing that is only not finished yet is told if the trace goes on for SETTLED_NS after
 * it.
 */
#include "trace/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "trace/names.h"
#include "trace/text.h"
#include "wire/gdma.h"
#include "wire/vport.h"
#include "wire/wq.h"

#define SETTLED_NS  NS_PER_S
#define PENDING_MAX 64u        /* commands without an answer, of all adapters */
#define STRAYS_MAX  8u         /* doorbells for no queue that are told */
#define QUEUES_MAX  (1u << 20) /* of all adapters */
#define UNITS_MASK  0x7ffffffu /* basic units modulo 2^32 bytes */

/** struct moment - a place in the trace; number 0: it has not come */
struct moment {
	uint64_t time, number;
};

/**
 * struct queue - what has happened to a queue
 * @of:		which; of.type 0: this place in the table is free
 * @created, @alive: seen; it exists
 * @parent:	see struct trace_queue
 * @bell:	the last doorbell
 * @entry:	of a work queue: the last one that the adapter took
 * @entries, @completions: of a work queue; @events, @bells
 * @first_event: of an event queue
 * @completion:	the last one of the work queue
 * @completed:	receive entries that completions were for
 * @error:	its first error, of @errors
 * @posted, @taken: of a send queue: how far the driver and the adapter are, in basic units
 */
struct queue {
	const struct trace_interface *adapter;
	struct trace_of of;
	bool created, alive;
	uint32_t parent;
	uint64_t entries, completions, completed, events, bells, errors;
	struct moment bell, entry, completion, first_event, error;
	uint8_t error_type;
	uint32_t posted, taken;
};

/** struct pending - a command without an answer */
struct pending {
	const struct trace_interface *adapter;
	uint32_t code, message;
	struct moment at;
};

/**
 * struct vector - the interrupts of one
 * @last:	raised
 */
struct vector {
	const struct trace_interface *adapter;
	uint32_t number;
	uint64_t count;
	struct moment last;
};

#define VECTORS_MAX  1024u
#define FINDINGS_MAX 4096u

/** struct explaining - what is known so far */
struct explaining {
	struct queue *queues;
	size_t n_queues, room;
	struct pending pending[PENDING_MAX];
	unsigned int n_pending;
	struct vector vectors[VECTORS_MAX];
	unsigned int n_vectors;
	struct trace_finding failed, fault, strays[STRAYS_MAX];
	uint64_t n_failed, n_faults, n_strays, lost;
	bool whole; /* the trace begins before a client came, and has all from there on */
	uint64_t end;
	struct trace_finding *findings;
	size_t n_findings, findings_room;
};

__attribute__((format(printf, 5, 6))) static void
note(struct trace_finding *finding, const char *what, const struct trace_interface *adapter,
     const struct moment *at, const char *format, ...)
{
	va_list ap;

	finding->what = what;
	finding->adapter = adapter ? adapter->name : "";
	finding->time = at ? at->time : 0;
	finding->number = at ? at->number : 0;
	va_start(ap, format);
	vsnprintf(finding->text, sizeof(finding->text), format, ap);
	va_end(ap);
}

/* ---- Queues ---- */

static size_t slot_of(const struct queue *queues, size_t room,
		      const struct trace_interface *adapter, struct trace_of of)
{
	uint64_t mix = ((uint64_t)of.id << 3 | of.type) ^ (uintptr_t)adapter >> 4;
	size_t slot = (size_t)(mix * 0x9e3779b97f4a7c15u >> 20) & (room - 1);

	while (queues[slot].of.type &&
	       (queues[slot].adapter != adapter || queues[slot].of.id != of.id ||
		queues[slot].of.type != of.type))
		slot = (slot + 1) & (room - 1);
	return slot;
}

/** grow() - twice the room; 0 or a negative errno */
static int grow(struct explaining *all)
{
	size_t room = all->room ? 2 * all->room : 256;
	struct queue *grown;

	if (room > 2 * QUEUES_MAX)
		return -E2BIG;
	grown = calloc(room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (size_t i = 0; i < all->room; i++) {
		const struct queue *queue = &all->queues[i];

		if (queue->of.type)
			grown[slot_of(grown, room, queue->adapter, queue->of)] = *queue;
	}
	free(all->queues);
	all->queues = grown;
	all->room = room;
	return 0;
}

/** find_queue() - it, new if need be; NULL: no memory, or there are too many */
static struct queue *find_queue(struct explaining *all, const struct trace_interface *adapter,
				struct trace_of of)
{
	struct queue *queue;

	if (2 * all->n_queues >= all->room && grow(all))
		return NULL;
	queue = &all->queues[slot_of(all->queues, all->room, adapter, of)];
	if (!queue->of.type) {
		queue->adapter = adapter;
		queue->of = of;
		all->n_queues++;
	}
	return queue;
}

/* ---- Judgement ---- */

/** tell() - keep a finding; without memory, those that there are must do */
static void tell(struct explaining *all, const struct trace_finding *finding)
{
	if (all->n_findings == all->findings_room) {
		size_t room = 2 * all->findings_room + 16;
		struct trace_finding *grown =
			room <= FINDINGS_MAX ? realloc(all->findings, room * sizeof(*grown)) : NULL;

		if (!grown)
			return;
		all->findings = grown;
		all->findings_room = room;
	}
	all->findings[all->n_findings++] = *finding;
}

static double seconds_since(const struct explaining *all, const struct moment *at)
{
	return at->time < all->end ? (double)(all->end - at->time) / NS_PER_S : 0;
}

/** settled() - does the trace go on for long enough after that? */
static bool settled(const struct explaining *all, const struct moment *at)
{
	return at->number && at->time + SETTLED_NS < all->end;
}

/**
 * stops() - are there entries after the last completion?
 *
 * A send queue's are told before their completions, and one completion can be for many. A receive
 * queue's are told before or after them, and each has one.
 */
static bool stops(const struct explaining *all, const struct queue *queue)
{
	if (queue->of.type == GDMA_SQ)
		return queue->entry.time > queue->completion.time;
	return queue->created && !all->lost && queue->completed < queue->entries;
}

/** tell_work_queue() - a send or receive queue */
static void tell_work_queue(struct explaining *all, const struct queue *queue)
{
	const char *kind = trace_queue_name(queue->of.type);
	struct trace_finding finding;
	bool error;

	if (queue->errors) {
		const char *name = trace_completion_name(queue->error_type, &error);

		note(&finding, "error-completion", queue->adapter, &queue->error,
		     "%s%u has %" PRIu64 " error completion%s; the first is %s", kind, queue->of.id,
		     queue->errors, queue->errors == 1 ? "" : "s",
		     name ? name : "of an unknown type");
		tell(all, &finding);
	}
	if (queue->entries && !queue->completions && settled(all, &queue->entry)) {
		note(&finding, "entries-without-completions", queue->adapter, &queue->entry,
		     "%s%u: the adapter took %" PRIu64 " entries, and completed none of them", kind,
		     queue->of.id, queue->entries);
		tell(all, &finding);
	} else if (stops(all, queue) && settled(all, &queue->entry)) {
		note(&finding, "entries-without-completions", queue->adapter, &queue->entry,
		     "%s%u: there is no completion after its last entry, or not for all; the trace "
		     "goes on for %.3f s after it",
		     kind, queue->of.id, seconds_since(all, &queue->entry));
		tell(all, &finding);
	}
	if (queue->of.type == GDMA_SQ && queue->alive && !all->lost &&
	    (queue->created || queue->entries) && queue->posted != queue->taken &&
	    queue->bell.number && settled(all, &queue->bell)) {
		note(&finding, "entries-not-taken", queue->adapter, &queue->bell,
		     "sq%u: the driver has posted up to unit %u, the adapter has taken entries up to "
		     "unit %u",
		     queue->of.id, queue->posted, queue->taken);
		tell(all, &finding);
	}
}

/** tell_event_queue() - one with events that nobody reads */
static void tell_event_queue(struct explaining *all, const struct queue *queue)
{
	struct trace_finding finding;

	if (!queue->created || !queue->events || queue->bells || !settled(all, &queue->first_event))
		return;
	note(&finding, "events-not-read", queue->adapter, &queue->first_event,
	     "eq%u has %" PRIu64 " event%s, and its doorbell was never rung: nobody reads it",
	     queue->of.id, queue->events, queue->events == 1 ? "" : "s");
	tell(all, &finding);
}

/** judge_queue() - at its end, or that of the trace */
static void judge_queue(struct explaining *all, const struct queue *queue)
{
	if (queue->of.type == GDMA_SQ || queue->of.type == GDMA_RQ)
		tell_work_queue(all, queue);
	else if (queue->of.type == GDMA_EQ)
		tell_event_queue(all, queue);
}

/* ---- One item after the other ---- */

static struct moment moment_of(const struct trace_item *item)
{
	return (struct moment){ item->time, item->number };
}

static void see_queue(struct explaining *all, const struct trace_item *item, struct queue *queue)
{
	struct trace_queue data;

	trace_copy(item, &data, sizeof(data));
	if (item->record.type) {
		/* Its number may be another queue's soon. */
		judge_queue(all, queue);
		queue->alive = false;
		return;
	}
	*queue = (struct queue){ .adapter = queue->adapter,
				 .of = queue->of,
				 .created = true,
				 .alive = true,
				 .parent = data.parent };
}

static void see_doorbell(struct explaining *all, const struct trace_item *item, struct queue *queue)
{
	const union gdma_doorbell bell = { .word = item->record.value };
	struct moment at = moment_of(item);

	queue->bells++;
	queue->bell = at;
	if (item->record.position == TRACE_SHARED)
		queue->posted = (uint32_t)(item->record.value / GDMA_WQE_UNIT) & UNITS_MASK;
	else if (item->record.type == GDMA_DB_SQ)
		queue->posted = bell.sq.tail / GDMA_WQE_UNIT;
	else if (item->record.type == GDMA_DB_SQ_SHORT)
		queue->posted += ((uint32_t)bell.word & 0xffffu) / GDMA_WQE_UNIT;
	if (queue->alive || (!all->whole && !queue->created))
		return;
	if (all->n_strays++ < STRAYS_MAX)
		note(&all->strays[all->n_strays - 1], "doorbell-for-no-queue", item->interface, &at,
		     "a doorbell was rung for %s%u, which %s", trace_queue_name(queue->of.type),
		     queue->of.id, queue->created ? "had been destroyed" : "was never created");
}

static void see_entry(const struct trace_item *item, struct queue *queue)
{
	queue->entries++;
	queue->entry = moment_of(item);
	queue->taken = (item->record.position + item->len / GDMA_WQE_UNIT) & UNITS_MASK;
}

/** entries_in() - how many receive entries a completion is for */
static unsigned int entries_in(const struct trace_item *item, uint8_t first)
{
	struct mana_rxcomp_oob oob;
	unsigned int n = 0;

	if (first >> 6 != MANA_CLIENT_COMPLETION)
		return 1;
	if ((first & MANA_CQE_TYPE_MASK) != MANA_CQE_RX_COALESCED_4)
		return (first & MANA_CQE_TYPE_MASK) != MANA_CQE_RX_OBJECT_FENCE;
	trace_copy(item, &oob, sizeof(oob));
	while (n < MANA_RXCOMP_PACKETS && oob.ppi[n].pkt_len)
		n++;
	return n;
}

/** see_completion() - of a work queue */
static void see_completion(const struct trace_item *item, struct queue *wq)
{
	uint8_t first = item->captured ? item->data[0] : 0;
	bool error;

	trace_completion_name(first, &error);
	wq->completions++;
	wq->completed += entries_in(item, first);
	wq->completion = moment_of(item);
	if (error && !wq->errors++) {
		wq->error = wq->completion;
		wq->error_type = first;
	}
}

static void see_command(struct explaining *all, const struct trace_item *item)
{
	struct pending *pending = &all->pending[all->n_pending];

	if (all->n_pending < PENDING_MAX) {
		*pending = (struct pending){ .adapter = item->interface,
					     .code = item->record.type,
					     .message = item->record.position,
					     .at = moment_of(item) };
		all->n_pending++;
	}
}

static void see_answer(struct explaining *all, const struct trace_item *item)
{
	const struct trace_record *record = &item->record;
	const char *name = trace_command_name(record->type);
	struct moment at = moment_of(item);

	for (unsigned int i = 0; i < all->n_pending; i++) {
		const struct pending *pending = &all->pending[i];

		if (pending->adapter != item->interface || pending->code != record->type ||
		    pending->message != record->position)
			continue;
		memmove(&all->pending[i], &all->pending[i + 1],
			(all->n_pending - i - 1) * sizeof(*pending));
		all->n_pending--;
		break;
	}
	if (record->value == GDMA_STATUS_SUCCESS || record->value == GDMA_STATUS_MORE_ENTRIES)
		return;
	if (!all->n_failed++)
		note(&all->failed, "command-failed", item->interface, &at,
		     "the first command that failed: %s (0x%x), with status 0x%" PRIx64,
		     name ? name : "unknown", record->type, record->value);
}

static void see_interrupt(struct explaining *all, const struct trace_item *item)
{
	unsigned int i = 0;

	while (i < all->n_vectors && (all->vectors[i].adapter != item->interface ||
				      all->vectors[i].number != item->record.position))
		i++;
	if (i == VECTORS_MAX)
		return;
	if (i == all->n_vectors)
		all->vectors[all->n_vectors++] = (struct vector){ .adapter = item->interface,
								  .number = item->record.position };
	all->vectors[i].count++;
	all->vectors[i].last = moment_of(item);
}

/** see_client() - who comes has no commands in flight */
static void see_client(struct explaining *all, const struct trace_item *item)
{
	unsigned int kept = 0;

	if (item->record.type != TRACE_ATTACHED)
		return;
	for (unsigned int i = 0; i < all->n_pending; i++)
		if (all->pending[i].adapter != item->interface)
			all->pending[kept++] = all->pending[i];
	all->n_pending = kept;
}

/** see_of() - a record that is about queues; 0 or a negative errno */
static int see_of(struct explaining *all, const struct trace_item *item)
{
	struct trace_of of[TRACE_QUEUES_MAX];
	unsigned int n = trace_queues(item, of);
	struct queue *queue;

	if (!n || !of[0].type || of[0].type > GDMA_EQ)
		return 0;
	/* A completion is noted at its work queue. */
	queue = find_queue(all, item->interface,
			   item->record.kind == TRACE_COMPLETION && n > 1 ? of[1] : of[0]);
	if (!queue)
		return all->room >= QUEUES_MAX ? 0 : -ENOMEM;
	switch (item->record.kind) {
	case TRACE_QUEUE:
		see_queue(all, item, queue);
		break;
	case TRACE_DOORBELL:
		see_doorbell(all, item, queue);
		break;
	case TRACE_ENTRY:
		see_entry(item, queue);
		break;
	case TRACE_COMPLETION:
		see_completion(item, queue);
		break;
	case TRACE_EVENT:
		if (!queue->events++)
			queue->first_event = moment_of(item);
		break;
	}
	return 0;
}

static int see(struct explaining *all, const struct trace_item *item)
{
	const struct trace_record *record = &item->record;
	struct moment at = moment_of(item);
	char text[TRACE_TEXT];

	all->end = item->time;
	if (item->frame)
		return 0;
	switch (record->kind) {
	case TRACE_START:
		all->whole |= item->number == 1 && !record->type;
		return 0;
	case TRACE_CLIENT:
		see_client(all, item);
		return 0;
	case TRACE_COMMAND:
		see_command(all, item);
		return 0;
	case TRACE_ANSWER:
		see_answer(all, item);
		return 0;
	case TRACE_INTERRUPT:
		see_interrupt(all, item);
		return 0;
	case TRACE_LOST:
		all->lost += record->value;
		all->whole = false;
		return 0;
	case TRACE_FAULT:
		if (all->n_faults++)
			return 0;
		trace_text(item, text);
		note(&all->fault, "fault", item->interface, &at, "a fault was asked for: %s", text);
		return 0;
	default:
		return see_of(all, item);
	}
}

/* ---- At the end ---- */

static void tell_commands(struct explaining *all)
{
	struct trace_finding finding;

	if (all->n_failed > 1) {
		size_t len = strlen(all->failed.text);

		snprintf(all->failed.text + len, sizeof(all->failed.text) - len,
			 "; %" PRIu64 " more failed later", all->n_failed - 1);
	}
	if (all->n_failed)
		tell(all, &all->failed);
	for (unsigned int i = 0; i < all->n_pending; i++) {
		const struct pending *pending = &all->pending[i];
		const char *name = trace_command_name(pending->code);

		note(&finding, "command-without-answer", pending->adapter, &pending->at,
		     "%s (0x%x), message %u, has no answer; the trace goes on for %.3f s after it",
		     name ? name : "a command", pending->code, pending->message,
		     seconds_since(all, &pending->at));
		tell(all, &finding);
	}
}

/** tell_vector() - an interrupt after which no event queue of its vector was rung */
static void tell_vector(struct explaining *all, const struct vector *vector)
{
	const struct queue *rung = NULL;
	struct trace_finding finding;

	if (!settled(all, &vector->last))
		return;
	for (size_t i = 0; i < all->room; i++) {
		const struct queue *queue = &all->queues[i];

		if (queue->of.type != GDMA_EQ || queue->adapter != vector->adapter ||
		    queue->parent != vector->number || !queue->created || !queue->alive)
			continue;
		if (queue->bell.time >= vector->last.time)
			return;
		rung = queue;
	}
	if (!rung)
		return;
	note(&finding, "interrupt-without-effect", vector->adapter, &vector->last,
	     "the last interrupt of vector %u, of %" PRIu64
	     ", had no effect: the doorbell of eq%u was not rung in the %.3f s after it",
	     vector->number, vector->count, rung->of.id, seconds_since(all, &vector->last));
	tell(all, &finding);
}

static void tell_lost(struct explaining *all, const struct trace_reader *reader)
{
	struct trace_finding finding;

	if (all->lost) {
		note(&finding, "lost", NULL, NULL,
		     "%" PRIu64
		     " records and frames could not be kept: what seems to be missing may "
		     "be among them",
		     all->lost);
		tell(all, &finding);
	}
	if (trace_reader_cut(reader)) {
		note(&finding, "cut", NULL, NULL,
		     "the file ends, or is damaged, at byte %" PRIu64 ": nothing after it was read",
		     trace_reader_cut(reader));
		tell(all, &finding);
	}
}

static void tell_all(struct explaining *all, const struct trace_reader *reader)
{
	tell_lost(all, reader);
	if (all->n_faults > 1) {
		size_t len = strlen(all->fault.text);

		snprintf(all->fault.text + len, sizeof(all->fault.text) - len,
			 "; %" PRIu64 " more came later", all->n_faults - 1);
	}
	if (all->n_faults)
		tell(all, &all->fault);
	tell_commands(all);
	for (size_t i = 0; i < all->room; i++) {
		const struct queue *queue = &all->queues[i];

		if (queue->alive || !queue->created)
			judge_queue(all, queue);
	}
	for (unsigned int i = 0; i < all->n_vectors; i++)
		tell_vector(all, &all->vectors[i]);
	for (unsigned int i = 0; i < all->n_strays && i < STRAYS_MAX; i++)
		tell(all, &all->strays[i]);
}

/** sooner() - what comes first may be the cause of what comes later */
static int sooner(const void *a, const void *b)
{
	const struct trace_finding *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

int trace_explain(struct trace_reader *reader, struct trace_findings *findings)
{
	struct explaining *all = calloc(1, sizeof(*all));
	struct trace_item item;
	int err = 0;

	if (!all)
		return -ENOMEM;
	findings->start = 0;
	while (!err && trace_reader_next(reader, &item) > 0) {
		if (item.number == 1)
			findings->start = item.time;
		err = see(all, &item);
	}
	if (!err)
		tell_all(all, reader);
	if (all->n_findings)
		qsort(all->findings, all->n_findings, sizeof(*all->findings), sooner);
	findings->finding = all->findings;
	findings->n = all->n_findings;
	if (err)
		free(all->findings);
	free(all->queues);
	free(all);
	return err;
}
