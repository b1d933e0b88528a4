/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The examiner: a rule was broken.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "device/examine_state.h"

void exam_queue_name(const struct exam_queue *queue, char name[24])
{
	static const char *const types[] = { "?", "SQ", "RQ", "CQ", "EQ" };

	if (queue)
		snprintf(name, 24, "%s%s %u", queue->hwc ? "HWC " : "", types[queue->type % 5],
			 queue->id);
	else
		name[0] = '\0';
}

/** copy_commands() - the last commands, the oldest first; the examiner is locked */
static void copy_commands(const struct examiner *examiner, struct examine_break *first)
{
	uint64_t n =
		examiner->n_commands < EXAMINE_COMMANDS ? examiner->n_commands : EXAMINE_COMMANDS;

	first->n_commands = (unsigned int)n;
	for (uint64_t i = 0; i < n; i++)
		memcpy(first->commands[i],
		       examiner->commands[(examiner->n_commands - n + i) % EXAMINE_COMMANDS],
		       EXAMINE_COMMAND_TEXT);
}

void exam_broke(struct examiner *examiner, enum examine_rule rule, const struct exam_queue *queue,
		uint64_t position, const char *format, ...)
{
	struct exam_rule *state = &examiner->rules[rule];
	struct examine_break *first;
	char text[2 * EXAMINE_TEXT], *bar, name[24];
	va_list ap;

	if (atomic_fetch_add_explicit(&state->broken, 1, memory_order_relaxed))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	bar = strchr(text, '|');
	if (bar)
		*bar++ = '\0';
	exam_queue_name(queue, name);
	spin_lock(&examiner->lock);
	first = state->first;
	first->after_ns = clock_ns() - examiner->since_ns;
	memcpy(first->queue, name, sizeof(name));
	first->position = position;
	snprintf(first->seen, sizeof(first->seen), "%.*s", (int)sizeof(first->seen) - 1, text);
	snprintf(first->expected, sizeof(first->expected), "%.*s", (int)sizeof(first->expected) - 1,
		 bar ? bar : "");
	copy_commands(examiner, first);
	spin_unlock(&examiner->lock);
	adapter_say(examiner->adapter, LOG_WARNING, "examiner: %s broken%s%s: %s; expected: %s",
		    examine_rules[rule].id, *name ? " on " : "", name, text, bar ? bar : "");
}
