/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin control: query a running adapter, or trigger an event on it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "cli/cli.h"
#include "host/machine/control.h"
#include "host/machine/software.h"
#include "term/json.h"
#include "term/options.h"
#include "term/say.h"
#include "term/term.h"
#include "term/text.h"
#include "term/value.h"
#include "trace/create.h"
#include "trace/recorder.h"

#define ANSWER_SECONDS    10
#define CONTROL_WORDS_MAX 8
#define SOCKET_TEXT       sizeof(((struct sockaddr_un *)NULL)->sun_path)

enum { OPTION_SOCKET = 's', OPTION_NAME = 0x100, OPTION_TRACE_SIZE, OPTION_TRACE_SNAPLEN };

static const struct argp_option options[] = {
	{ "name", OPTION_NAME, "NAME", 0, "The adapter (default: mana0)", 0 },
	{ "socket", OPTION_SOCKET, "PATH", 0,
	  "The adapter's socket, if it was started with --socket", 0 },
	{ "trace-size", OPTION_TRACE_SIZE, "SIZE", 0,
	  "Keep about the last SIZE of a trace, such as 256M or 1G (default: 64M)", 0 },
	{ "trace-snaplen", OPTION_TRACE_SNAPLEN, "BYTES", 0,
	  "Keep this much of each frame; 0: all of it (default: 128)", 0 },
	{ 0 },
};

static const struct option_moved moved[] = { { 'n', "name" }, { 0 } };

static const char doc[] =
	"Query a running adapter (manakin device), or trigger an event on it."
	"\vRequests:\n"
	"  stats             print the ports' statistics\n"
	"  link PORT up      set the port's link up\n"
	"  link PORT down    set the port's link down: nothing is sent or received\n"
	"  vf revoke         remove the function from the guest's PCI bus, as when\n"
	"                    Azure services a host; synthetic cards keep working\n"
	"  vf return         add it again\n"
	"  card PORT pull    remove the port's synthetic card\n"
	"  timeout MS        how long drivers shall wait for the answer to a command\n"
	"  reset             ask the driver to reset the adapter\n"
	"  refuse COMMAND    answer each COMMAND of the driver with an error, such as\n"
	"                    REGISTER_DEVICE, until 'refuse nothing'\n"
	"  fault list        print the rules for faults, and how often each has applied\n"
	"  fault add RULE    add a rule, such as: on command CREATE_WQ_OBJ 2: late 3s\n"
	"  fault remove N    remove rule N\n"
	"  fault clear       remove all rules, and end what they have begun\n"
	"  fault signal NAME do what rules that wait for this signal say\n"
	"  trace start FILE  write what happens to FILE, see manakin-trace(1)\n"
	"  trace stop        end that, and say how much it is\n\n"
	"Drivers differ in the events that they support: Linux supports link and reset events "
	"from version 7 on.\n\n"
	"Examples:\n"
	"  manakin control stats\n"
	"  manakin control --socket /tmp/mana.sock link 0 down\n"
	"  manakin control fault add 'at 1s: channel silent 10s'\n\n"
	"Exit status: 0 success, 1 the adapter could not be reached, or it refused, 2 wrong "
	"usage.";

struct control {
	const char *name;
	const char *socket;
	struct shared_options shared;
	bool statistics; /* the adapter itself writes them as JSON */
	unsigned int trace_mib, trace_snaplen;
	const char *words[CONTROL_WORDS_MAX]; /* of the request */
	size_t n_words;
	char request[CONTROL_REQUEST_MAX];
	int file; /* of a trace, which goes with the request; -1: none */
};

/** starts_trace() - is it "trace start FILE"? */
static bool starts_trace(const struct control *control)
{
	return control->n_words == 3 && !strcmp(control->words[0], "trace") &&
	       !strcmp(control->words[1], "start");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct control *control = state->input;
	size_t len = strlen(control->request);

	switch (key) {
	case OPTION_NAME:
		control->name = arg;
		return 0;
	case OPTION_SOCKET:
		control->socket = arg;
		return 0;
	case OPTION_TRACE_SIZE:
		return value_mib("trace-size", arg, 1, RECORDER_MIB_MAX, &control->trace_mib);
	case OPTION_TRACE_SNAPLEN:
		return value_number("trace-snaplen", arg, 0, TRACE_SNAPLEN_MAX,
				    &control->trace_snaplen);
	case ARGP_KEY_ARG:
		if (control->n_words < CONTROL_WORDS_MAX)
			control->words[control->n_words++] = arg;
		if (starts_trace(control))
			return 0;
		if (len + strlen(arg) + 2 > sizeof(control->request))
			return say_usage("the request is too long; see manakin control --help");
		sprintf(control->request + len, "%s%s", len ? " " : "", arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		return say_usage("name a request: stats, link, vf, card, timeout, reset, "
				 "refuse, fault or trace; see manakin control --help");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** understood() - is it one of the requests that --help lists? */
static bool understood(const char *words)
{
	struct control_request request;

	if (!strcmp(words, "stats"))
		return true;
	/* The form of the statistics is chosen with --json, and the description is for programs. */
	return control_parse(words, &request) && request.command != CONTROL_STATS_TABLE &&
	       request.command != CONTROL_STATS_JSON && request.command != CONTROL_DESCRIBE &&
	       request.command != CONTROL_TRACE_START;
}

/** open_trace() - the file of a trace, which the adapter must not open itself; an exit status */
static int open_trace(struct control *control)
{
	struct error error;

	control->file = trace_create(control->words[2], &error);
	if (control->file < 0) {
		say("%s", error.text);
		return EXIT_FAILED;
	}
	snprintf(control->request, sizeof(control->request), "trace start %u %u",
		 control->trace_mib, control->trace_snaplen);
	return EXIT_OK;
}

/** ask() - send the request and print the answer; an exit status */
static int ask(const struct control *control, struct control_answer *answer)
{
	char socket[SOCKET_TEXT], path[SOCKET_TEXT];
	const char *at = control->socket;
	json_t *root;
	char *text;
	int err;

	if (!at) {
		snprintf(socket, sizeof(socket), SOFTWARE_DIRECTORY "/%s/socket", control->name);
		at = socket;
	}
	err = control_path(at, path, sizeof(path));
	if (!err)
		err = control_ask_with(path, control->request, control->file, ANSWER_SECONDS,
				       answer);
	if (err == -ETIMEDOUT || err == -EPROTO) {
		say("the adapter did not answer; it may be stopping");
		return EXIT_FAILED;
	}
	if (err) {
		say("cannot reach an adapter at %s: %s; check that 'manakin device' is running with "
		    "this --socket or --name, and that you may use it",
		    at, strerror(-err));
		return EXIT_FAILED;
	}
	if (answer->refused) {
		say("%.*s", (int)strcspn(answer->text, "\n"), answer->text);
		return EXIT_FAILED;
	}
	if (control->shared.json && !control->statistics) {
		text = strndup(answer->text, strcspn(answer->text, "\n"));
		root = json_pack("{s:s, s:o}", "request", control->request, "answer",
				 output_text(text));
		free(text);
		return output_json(root);
	}
	output_visible(stdout, "%s", answer->text);
	return stdout_flushed();
}

int cmd_control(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.arguments = "REQUEST...",
		.doc = doc,
		.shared = SHARED_JSON,
		.moved = moved,
	};
	struct control control = { .name = "mana0",
				   .trace_mib = RECORDER_MIB,
				   .trace_snaplen = TRACE_SNAPLEN_DEFAULT,
				   .file = -1 };
	struct control_answer *answer;
	int status;

	if (options_parse(&line, argc, argv, &control.shared, &control))
		return EXIT_USAGE;
	if (starts_trace(&control)) {
		if (open_trace(&control))
			return EXIT_FAILED;
	} else if (!understood(control.request)) {
		say("unknown request '%s'; see manakin control --help", control.request);
		return EXIT_USAGE;
	}
	control.statistics = !strcmp(control.request, "stats");
	if (control.statistics)
		strcat(control.request, control.shared.json ? " json" : " table");
	answer = malloc(sizeof(*answer));
	if (!answer) {
		say("out of memory");
		return EXIT_FAILED;
	}
	status = ask(&control, answer);
	free(answer);
	return status;
}
