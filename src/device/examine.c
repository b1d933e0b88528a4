/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * The adapter's own tables say which objects exist: each command and doorbell is looked at just
 * before the adapter acts on it. Beyond that the examiner knows of each queue how far the driver
 * has read, what the adapter wrote there last, and which receive buffers are out: struct
 * exam_queue, which lanes find by the queue's number.
 *
 *	examine_command.c	messages and commands: their form
 *	examine_object.c	what commands refer to, and what is left at the end
 *	examine_queue.c		doorbells, completions, events
 *	examine_entry.c		entries of work queues
 *	examine_judge.c		kept, or broken
 *	examine_rules.c		the rules in words
 *
 * Nearly all entries are plain: one unit, whose header and OOB are compared with what they must be
 * as a whole. They keep many rules at once, and are only counted, see exam_count_runs().
 */
#include "device/examine.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "device/examine_state.h"

/** begin() - a client has attached */
static void begin(struct examiner *examiner)
{
	examiner->present = true;
	examiner->verified = examiner->orderly = false;
	examiner->number++;
	examiner->since_ns = clock_ns();
	examiner->driver[0] = '\0';
	examiner->n_commands = 0;
	examiner->doorbells = 0;
	examiner->entries = examiner->completions = examiner->events = 0;
	for (unsigned int i = 0; i < EXAMINE_RULES; i++) {
		examiner->rules[i].kept = examiner->rules[i].broken = 0;
		memset(examiner->rules[i].first, 0, sizeof(*examiner->rules[i].first));
	}
	memset(examiner->pending, 0, sizeof(examiner->pending));
}

bool examiner_look(struct examiner *examiner, struct examination *examination)
{
	uint64_t runs[EXAMINE_RULES] = { 0 };

	if (!examiner->present)
		return false;
	memset(examination, 0, sizeof(*examination));
	memcpy(examination->driver, examiner->driver, sizeof(examination->driver));
	examination->number = examiner->number;
	examination->duration_ns = clock_ns() - examiner->since_ns;
	examination->orderly = examiner->orderly;
	examination->commands = examiner->n_commands;
	examination->doorbells = examiner->doorbells;
	examination->entries = atomic_load(&examiner->entries);
	examination->completions = atomic_load(&examiner->completions);
	examination->events = atomic_load(&examiner->events);
	for (unsigned int type = 0; type < 4; type++)
		for (unsigned int i = 0; i < EXAMINE_QUEUES; i++)
			if (examiner->queues[type][i])
				exam_count_runs(examiner->queues[type][i], runs);
	for (unsigned int i = 0; i < EXAMINE_RULES; i++) {
		struct examine_verdict *verdict = &examination->verdict[i];

		verdict->kept = atomic_load(&examiner->rules[i].kept) + runs[i];
		verdict->broken = atomic_load(&examiner->rules[i].broken);
		spin_lock(&examiner->lock);
		verdict->first = *examiner->rules[i].first;
		spin_unlock(&examiner->lock);
	}
	return true;
}

/** end() - the client has left */
static void end(struct examiner *examiner)
{
	struct examination *examination = malloc(sizeof(*examination));

	if (examination && examiner_look(examiner, examination))
		examiner->ended(examiner->ctx, examination);
	free(examination);
	examiner->present = false;
	exam_queues_clear(examiner);
}

static void tell_client(struct examiner *examiner, const struct watch_event *event)
{
	switch (event->type) {
	case WATCH_ATTACHED:
		begin(examiner);
		break;
	case WATCH_DETACHED:
		if (examiner->present)
			end(examiner);
		break;
	case WATCH_RESET:
		examiner->verified = false;
		memset(examiner->pending, 0, sizeof(examiner->pending));
		break;
	}
}

static void tell(struct watcher *watcher, const struct watch_event *event)
{
	struct examiner *examiner = (struct examiner *)watcher;

	if (!examiner->present && event->kind != WATCH_CLIENT)
		return;
	switch (event->kind) {
	case WATCH_CLIENT:
		tell_client(examiner, event);
		break;
	case WATCH_MEMORY:
		exam_memory(examiner, event);
		break;
	case WATCH_SMC:
		exam_smc(examiner, event);
		break;
	case WATCH_COMMAND:
		exam_command(examiner, event);
		break;
	case WATCH_ANSWER:
		exam_answer(examiner, event);
		break;
	case WATCH_QUEUE:
		exam_queue_event(examiner, event);
		break;
	case WATCH_DOORBELL:
		exam_doorbell(examiner, event);
		break;
	case WATCH_TAKEN:
		exam_reached(examiner, event->type, event->queue, event->position);
		break;
	case WATCH_REFUSED:
		exam_refused(examiner, event);
		break;
	case WATCH_SHOWN:
		exam_shown(examiner, event);
		break;
	case WATCH_EVENT:
		exam_event(examiner, event);
		break;
	case WATCH_FAULT:
		atomic_store_explicit(&examiner->faulted, true, memory_order_relaxed);
		break;
	default:
		break;
	}
}

struct examiner *examiner_open(struct adapter *adapter,
			       void (*ended)(void *ctx, const struct examination *examination),
			       void *ctx)
{
	struct examiner *examiner = calloc(1, sizeof(*examiner));
	struct examine_break *breaks = calloc(EXAMINE_RULES, sizeof(*breaks));

	if (!examiner || !breaks)
		goto fail;
	for (unsigned int i = 0; i < EXAMINE_RULES; i++)
		examiner->rules[i].first = &breaks[i];
	examiner->adapter = adapter;
	examiner->ended = ended;
	examiner->ctx = ctx;
	examiner->watcher.kinds =
		WATCH_BIT(WATCH_CLIENT) | WATCH_BIT(WATCH_MEMORY) | WATCH_BIT(WATCH_SMC) |
		WATCH_BIT(WATCH_COMMAND) | WATCH_BIT(WATCH_ANSWER) | WATCH_BIT(WATCH_QUEUE) |
		WATCH_BIT(WATCH_DOORBELL) | WATCH_BIT(WATCH_TAKEN) | WATCH_BIT(WATCH_REFUSED) |
		WATCH_BIT(WATCH_SHOWN) | WATCH_BIT(WATCH_EVENT) | WATCH_BIT(WATCH_FAULT);
	examiner->watcher.tell = tell;
	if (watch_add(&adapter->watch, &examiner->watcher))
		goto fail;
	return examiner;
fail:
	free(breaks);
	free(examiner);
	return NULL;
}

void examiner_close(struct examiner *examiner)
{
	watch_remove(&examiner->adapter->watch, &examiner->watcher, examiner->adapter->lanes);
	if (examiner->present)
		end(examiner);
	for (unsigned int type = 0; type < 4; type++)
		for (unsigned int i = 0; i < EXAMINE_QUEUES; i++) {
			struct exam_queue *queue = examiner->queues[type][i];

			if (!queue)
				continue;
			free(queue->words);
			free(queue->buffers);
			free(queue);
		}
	free(examiner->rules[0].first);
	free(examiner);
}
