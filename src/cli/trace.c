/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin trace: print a trace of an adapter, or what is remarkable in it.
 */
#include <stdlib.h>

#include "base/error.h"
#include "cli/cli.h"
#include "term/json.h"
#include "term/options.h"
#include "term/term.h"
#include "term/value.h"
#include "trace/names.h"
#include "trace/print.h"

enum { OPTION_KIND = 0x100, OPTION_QUEUE, OPTION_EXPLAIN };

static const struct argp_option options[] = {
	{ "kind", OPTION_KIND, "LIST", 0,
	  "Only these, with commas between them: packet, client, memory, smc, command, answer, "
	  "queue, doorbell, entry, completion, event, interrupt, fault, lost, start",
	  0 },
	{ "queue", OPTION_QUEUE, "QUEUE", 0,
	  "Only what is about this queue: its kind and number, such as sq5, rq5, cq3 or eq0", 0 },
	{ "explain", OPTION_EXPLAIN, NULL, 0, "Say what a person should look at, and where it is",
	  0 },
	{ 0 },
};

static const char doc[] =
	"Print a trace that 'manakin device --trace' or 'manakin control trace start' has written: "
	"a line for each packet, command, doorbell, entry, completion, event and interrupt, in the "
	"order of time. Wireshark opens the file, too, with the dissector that is installed with "
	"manakin: see manakin-trace(1)."
	"\v--json prints an object on each line; with --explain, one object.\n\n"
	"Examples:\n"
	"  manakin trace trace.pcapng\n"
	"  manakin trace --kind command,answer trace.pcapng\n"
	"  manakin trace --queue sq5 trace.pcapng\n"
	"  manakin trace --explain trace.pcapng\n\n"
	"Exit status: 0 success, 1 the file could not be read, 2 wrong usage.";

/** struct trace - the command line */
struct trace {
	struct shared_options shared;
	const char *file;
	bool explain;
	struct trace_filter filter;
};

static error_t parse_kinds(struct trace *trace, const char *arg)
{
	const char *words[TRACE_KINDS];

	for (unsigned int i = 0; i < TRACE_KINDS; i++)
		words[i] = i == TRACE_PACKETS ? "packet" : trace_kind_name((uint8_t)i);
	trace->filter.some_kinds = true;
	return value_words("kind", arg, words, TRACE_KINDS, trace->filter.kinds);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct trace *trace = state->input;

	switch (key) {
	case OPTION_KIND:
		return parse_kinds(trace, arg);
	case OPTION_QUEUE:
		return trace_queue_parse(arg, &trace->filter.of)
			       ? 0
			       : value_bad("queue", arg,
					   "sq, rq, cq or eq and a number, such as sq5");
	case OPTION_EXPLAIN:
		trace->explain = true;
		return 0;
	case ARGP_KEY_ARG:
		if (trace->file)
			return say_usage("name one file, not '%s' too", arg);
		trace->file = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		return say_usage("name the file of a trace; see manakin trace --help");
	case ARGP_KEY_END:
		return trace->explain && (trace->filter.some_kinds || trace->filter.of.type)
			       ? say_usage("--explain looks at all of the trace; leave --kind and "
					   "--queue away")
			       : 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int print_all(const struct trace *trace, struct trace_reader *reader)
{
	int err;

	if (!trace->shared.json && output_is_terminal(stdout))
		printf("%s%s%s\n", output_style(stdout, STYLE_STRONG), TRACE_PRINT_HEADER,
		       output_style(stdout, STYLE_PLAIN));
	err = trace_print(stdout, reader, &trace->filter, trace->shared.json);
	return stdout_flushed() || err ? EXIT_FAILED : EXIT_OK;
}

static int explain(const struct trace *trace, struct trace_reader *reader)
{
	struct trace_findings findings;
	int err = trace_explain(reader, &findings);

	if (err) {
		say("%s cannot be explained: %s", trace->file, error_reason(-err));
		return EXIT_FAILED;
	}
	if (trace->shared.json)
		err = output_json(trace_findings_json(&findings));
	else
		trace_print_findings(stdout, &findings);
	free(findings.finding);
	return stdout_flushed() || err ? EXIT_FAILED : EXIT_OK;
}

int cmd_trace(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.arguments = "FILE",
		.doc = doc,
		.shared = SHARED_JSON,
	};
	struct trace_reader *reader;
	struct trace trace = { 0 };
	struct error error;
	int status;

	if (options_parse(&line, argc, argv, &trace.shared, &trace))
		return EXIT_USAGE;
	if (trace_reader_open(trace.file, &reader, &error)) {
		say("%s", error.text);
		return EXIT_FAILED;
	}
	status = trace.explain ? explain(&trace, reader) : print_all(&trace, reader);
	if (!trace.explain && trace_reader_missing(reader, trace.file, &error))
		say("%s", error.text);
	trace_reader_close(reader);
	return status;
}
