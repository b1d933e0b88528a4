/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/tracing.h - a trace of one or all adapters of a process.
 */
#ifndef MANAKIN_SERVE_TRACING_H
#define MANAKIN_SERVE_TRACING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "device/adapter.h"
#include "trace/recorder.h"

struct tracing;

/**
 * struct tracing_config - a trace
 * @fd:		the file, open for writing and empty; belongs to the trace, also after a failure
 * @name:	for messages
 * @mib:	what the file may grow to; 0: no limit
 * @snaplen:	bytes that are kept of a frame; 0: all
 * @lanes:	of the process
 */
struct tracing_config {
	int fd;
	const char *name;
	unsigned int mib, snaplen;
	unsigned int lanes;
};

/**
 * tracing_open() - begin the file; nothing is recorded yet
 * @adapters:	@n of them
 *
 * Return: 0, or a negative errno with @error set
 */
int tracing_open(const struct tracing_config *config, struct adapter *const *adapters,
		 unsigned int n, struct tracing **tracing, struct error *error);

/** tracing_start() - record; in the sandbox, which the writer's thread inherits. 0 or a negative errno */
int tracing_start(struct tracing *tracing);

/** tracing_stop() - record no more, and have the rest written; does not wait for it */
void tracing_stop(struct tracing *tracing);

/** tracing_stopped() - after that: is the file complete? */
bool tracing_stopped(const struct tracing *tracing);

/** tracing_result() - once it has stopped */
struct recorder_result tracing_result(const struct tracing *tracing);

/** tracing_close() - stop, wait for a moment at most, and say in the log what was kept; NULL is fine */
void tracing_close(struct tracing *tracing);

#endif
