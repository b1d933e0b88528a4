/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/quote.h"

static log_sink *_Atomic current_sink;
static _Atomic int current_level = LOG_WARNING;

void log_set(log_sink *sink, enum log_level level)
{
	atomic_store(&current_level, (int)level);
	atomic_store(&current_sink, sink);
}

bool log_wants(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed) &&
	       atomic_load_explicit(&current_sink, memory_order_relaxed);
}

/** pass_on() - give the sink a line, without control characters */
static void pass_on(enum log_level level, const char *line)
{
	log_sink *sink = atomic_load(&current_sink);
	char visible[LOG_LINE_MAX];

	if (sink)
		sink(level, quote_visible(visible, sizeof(visible), line));
}

void log_say(enum log_level level, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	pass_on(level, line);
}

/** site_of() - the bucket of a message */
static struct log_site *site_of(struct log_limits *limits, const char *format)
{
	unsigned int start = (unsigned int)((uintptr_t)format * UINT64_C(0x9e3779b97f4a7c15) >> 32);

	for (unsigned int i = 0; i < LOG_SITES; i++) {
		struct log_site *site = &limits->site[(start + i) % LOG_SITES];
		const char *taken = NULL;

		if (atomic_compare_exchange_strong(&site->format, &taken, format) ||
		    taken == format)
			return site;
	}
	return &limits->site[start % LOG_SITES];
}

/**
 * may_say() - take a token
 * @suppressed:	messages since the last one that had a token
 * @last:	this was the last token: what follows is suppressed
 */
static bool may_say(struct log_site *site, uint64_t *suppressed, bool *last)
{
	const uint64_t token = (uint64_t)LOG_EVERY_S * NS_PER_S, room = (LOG_BURST - 1) * token;
	uint64_t now = clock_ns(), busy = atomic_load(&site->busy_until), next;

	do {
		if (busy > now + room) {
			atomic_fetch_add(&site->suppressed, 1);
			return false;
		}
		next = (busy > now ? busy : now) + token;
	} while (!atomic_compare_exchange_weak(&site->busy_until, &busy, next));
	*suppressed = atomic_exchange(&site->suppressed, 0);
	*last = next > now + room;
	return true;
}

void log_limited_args(struct log_limits *limits, enum log_level level, const char *prefix,
		      const char *format, va_list ap)
{
	char line[LOG_LINE_MAX], tail[96] = "";
	uint64_t suppressed = 0;
	bool last = false;
	size_t len;

	if (!log_wants(level))
		return;
	if (level <= LOG_NOTICE && !may_say(site_of(limits, format), &suppressed, &last))
		return;
	if (suppressed)
		snprintf(tail, sizeof(tail), " (%llu more like it suppressed)",
			 (unsigned long long)suppressed);
	else if (last)
		snprintf(tail, sizeof(tail), " (logged once in %u s from now on)", LOG_EVERY_S);
	snprintf(line, sizeof(line), "%s%s", prefix ? prefix : "", prefix ? ": " : "");
	len = strlen(line);
	vsnprintf(line + len, sizeof(line) - len, format, ap);
	/* What was suppressed is said even where the message does not fit. */
	len = strlen(line);
	if (len > sizeof(line) - 1 - strlen(tail))
		len = sizeof(line) - 1 - strlen(tail);
	strcpy(line + len, tail);
	pass_on(level, line);
}

void log_limited(struct log_limits *limits, enum log_level level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_limited_args(limits, level, NULL, format, ap);
	va_end(ap);
}
