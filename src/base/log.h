/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/log.h - messages from the rooms below cli/.
 *
 * Only cli/ prints. The other rooms pass finished sentences to the sink that
 * cli/ has set. Thread-safe; a message is one line without a newline.
 */
#ifndef MANAKIN_BASE_LOG_H
#define MANAKIN_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

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
