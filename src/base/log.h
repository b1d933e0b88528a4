/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/log.h - messages from the rooms below cli/.
 *
 * Only cli/ prints. The other rooms pass finished sentences to the sink that
 * cli/ has set. Thread-safe; a message is one line without a newline.
 */
#ifndef MANAKIN_BASE_LOG_H
#define MANAKIN_BASE_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LOG_BURST    20u /* times that a message is logged before it is limited */
#define LOG_EVERY_S  10u /* seconds until it may be logged once more */
#define LOG_SITES    32u /* messages of an adapter that are limited separately; a power of two */
#define LOG_LINE_MAX 512 /* bytes of a message; the rest is cut off */

enum log_level {
	LOG_ERROR,   /* something that the user asked for failed */
	LOG_WARNING, /* a client's mistake, or something was abandoned */
	LOG_NOTICE,  /* what a user wants to know: clients attach and detach */
	LOG_INFO,    /* each command, each queue */
	LOG_DEBUG,   /* each message */
};

/**
 * typedef log_sink - where messages go
 * @level:	its level
 * @message:	one line, NUL-terminated, without a newline; valid during the call
 */
typedef void log_sink(enum log_level level, const char *message);

/**
 * log_set() - set the sink and the least important level that reaches it
 * @sink:	called from any thread; NULL discards everything
 * @level:	messages less important than this are not formatted
 */
void log_set(log_sink *sink, enum log_level level);

/** log_wants() - does a message of this level reach the sink? */
bool log_wants(enum log_level level);

/**
 * log_say() - format a message, as printf() does, and hand it to the sink
 *
 * Control characters in it become visible: a name that somebody else chose neither starts another
 * line nor commands a terminal.
 */
__attribute__((format(printf, 2, 3))) void log_say(enum log_level level, const char *format, ...);

/**
 * struct log_site - a token bucket for one message
 * @format:	which message; NULL: free
 * @busy_until:	when the bucket is full again, in nanoseconds
 * @suppressed:	since it was last logged
 */
struct log_site {
	const char *_Atomic format;
	_Atomic uint64_t busy_until;
	_Atomic uint64_t suppressed;
};

/**
 * struct log_limits - the buckets of one adapter, one for each place that logs about its clients
 *
 * Initially zero. Where there are more places than buckets, some share one.
 */
struct log_limits {
	struct log_site site[LOG_SITES];
};

/**
 * log_limited() - as log_say(), for a message that a client can cause again and again
 * @limits:	of its adapter
 * @format:	a string literal: its address says which message it is
 *
 * Each message is logged LOG_BURST times, then once in LOG_EVERY_S seconds, with the number that
 * was suppressed meanwhile. LOG_INFO and LOG_DEBUG are not limited: whoever asks for them wants to
 * see everything. Never waits.
 */
__attribute__((format(printf, 3, 4))) void
log_limited(struct log_limits *limits, enum log_level level, const char *format, ...);

/** log_limited_args() - the same with the arguments in @ap, after @prefix if that is not NULL */
__attribute__((format(printf, 4, 0))) void log_limited_args(struct log_limits *limits,
							    enum log_level level,
							    const char *prefix, const char *format,
							    va_list ap);

/**
 * log_once() - as log_say(), once for each @once flag
 * @once:	initially false; set by the first call
 */
#define log_once(once, level, ...)                                                                 \
	do {                                                                                       \
		if (!atomic_exchange_explicit((once), true, memory_order_relaxed))                 \
			log_say((level), __VA_ARGS__);                                             \
	} while (0)

#endif
