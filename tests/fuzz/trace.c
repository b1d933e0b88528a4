/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/trace.c - any file as a trace.
 *
 * Input: the file. What must hold: it is refused with a sentence, or each item of it has a text that a
 * terminal can be sent, is about at most two queues, and the explanation ends.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input.h"
#include "trace/explain.h"
#include "trace/reader.h"
#include "trace/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct trace_reader *reader)
{
	struct trace_findings findings;
	struct trace_item item;
	uint64_t last = 0;

	while (trace_reader_next(reader, &item) > 0) {
		struct trace_of of[TRACE_QUEUES_MAX];
		char text[TRACE_TEXT];

		require(item.time >= last && trace_queues(&item, of) <= TRACE_QUEUES_MAX);
		last = item.time;
		trace_text(&item, text);
		for (const char *at = text; *at; at++)
			require((unsigned char)*at >= ' ');
	}
	trace_reader_rewind(reader);
	require(trace_explain(reader, &findings) == 0);
	for (size_t i = 0; i < findings.n; i++)
		require(*findings.finding[i].text != '\0');
	free(findings.finding);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);
	struct trace_reader *reader;
	struct error error = { .text = "" };

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (trace_reader_take(fd, "FILE", &reader, &error)) {
		require(*error.text != '\0');
		return 0;
	}
	read_all(reader);
	trace_reader_close(reader);
	return 0;
}
