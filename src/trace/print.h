/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace/print.h - what is in a trace, as lines for people and for programs.
 */
#ifndef MANAKIN_TRACE_PRINT_H
#define MANAKIN_TRACE_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "trace/explain.h"
#include "trace/reader.h"
#include "trace/text.h"

/* Above the lines, on a terminal */
#define TRACE_PRINT_HEADER "        SECONDS  WHERE    WHAT       QUEUE    DETAILS"

#define TRACE_PACKETS      0u /* in struct trace_filter.kinds */

/**
 * struct trace_filter - what is printed
 * @kinds:	if @some_kinds: these; TRACE_PACKETS or an enum trace_kind
 * @of:		only what is about this queue; type 0: all
 */
struct trace_filter {
	bool some_kinds;
	bool kinds[TRACE_KINDS];
	struct trace_of of;
};

/** trace_queue_parse() - "sq5"; false: it is no queue */
bool trace_queue_parse(const char *text, struct trace_of *of);

/**
 * trace_print() - a line for each item
 * @json:	an object on each line, as docs/schema/trace.json says
 *
 * Return: 0 or -EIO
 */
int trace_print(FILE *to, struct trace_reader *reader, const struct trace_filter *filter,
		bool json);

/** trace_print_findings() - a line for each */
void trace_print_findings(FILE *to, const struct trace_findings *findings);

/** trace_findings_json() - an object, as docs/schema/trace-explain.json says; NULL: no memory */
json_t *trace_findings_json(const struct trace_findings *findings);

#endif
