/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/log.h - how the rooms below cli/ say something.
 *
 * No room but cli/ prints. The others hand finished sentences to the sink
 * that cli/ has set. Thread-safe; a message is one line without a newline.
 */
#ifndef MANAKIN_BASE_LOG_H
#define MANAKIN_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

enum log_level {
	LOG_ERROR,   /* something the user asked for cannot be done */
	LOG_WARNING, /* a client's mistake, or something given up */
	LOG_NOTICE,  /* what a user would want to know: clients come and go */
	LOG_INFO,    /* each command, each queue */
	LOG_DEBUG,   /* each message */
};

/**
 * typedef log_sink - where messages go
 * @level:	how much it matters
 * @message:	one line, NUL-terminated, without a newline; valid during the call
 */
typedef void log_sink(enum log_level level, const char *message);

/**
 * log_set() - set the sink and the least important level that reaches it
 * @sink:	called from any thread; NULL discards everything
 * @level:	messages less important than this are not formatted
 */
void log_set(log_sink *sink, enum log_level level);

/** log_wants() - is it worth formatting a message of this level? */
bool log_wants(enum log_level level);

/** log_say() - format a message, as printf() does, and hand it to the sink */
__attribute__((format(printf, 2, 3))) void log_say(enum log_level level, const char *format, ...);

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
