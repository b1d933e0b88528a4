/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace/explain.h - what a person should look at in a trace.
 */
#ifndef MANAKIN_TRACE_EXPLAIN_H
#define MANAKIN_TRACE_EXPLAIN_H

#include <stdint.h>

#include "trace/reader.h"

#define TRACE_FINDING_TEXT 384u

/**
 * struct trace_finding - something worth a look
 * @what:	a word for programs: "command-failed"
 * @time, @number: of the item where to look; 0: of none
 * @adapter:	name of its interface, as in the file; empty: it is about all of the trace
 * @text:	a sentence, printable
 */
struct trace_finding {
	const char *what;
	uint64_t time, number;
	const char *adapter;
	char text[TRACE_FINDING_TEXT];
};

/**
 * struct trace_findings - all of a trace, in the order of the items that they are about
 * @finding:	@n of them, to be freed; their adapters are the reader's
 * @start:	time of the first item
 */
struct trace_findings {
	struct trace_finding *finding;
	size_t n;
	uint64_t start;
};

/** trace_explain() - read a trace to its end; 0 or a negative errno */
int trace_explain(struct trace_reader *reader, struct trace_findings *findings);

#endif
