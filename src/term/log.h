/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/log.h - log messages on standard error.
 */
#ifndef MANAKIN_TERM_LOG_H
#define MANAKIN_TERM_LOG_H

#include "base/log.h"

/**
 * log_to_stderr() - the sink that prints, a log_sink
 *
 * Never waits: where standard error is a pipe or a terminal that takes nothing, messages are lost,
 * and the next one that is printed says how many.
 */
void log_to_stderr(enum log_level level, const char *message);

#endif
