/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

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

void log_say(enum log_level level, const char *format, ...)
{
	log_sink *sink = atomic_load(&current_sink);
	char line[512];
	va_list ap;

	if (!sink || (int)level > atomic_load(&current_level))
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	sink(level, line);
}
